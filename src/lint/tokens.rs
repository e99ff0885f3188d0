//! Words that look like address tokens and are none (spec §4).

use std::collections::HashSet;
use std::sync::LazyLock;

use regex::Regex;

use crate::finding::{Finding, Rule, Span, rules};
use crate::substitute::Address;

/// How many findings are told; the first ones tell enough.
const MOST: usize = 1000;

static WORD: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"(?i-u:public|private|local)[_-]?(?i-u:ip[a-z0-9_]*)").expect("a constant pattern"));

static LOOKALIKE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^(?i-u:public|private|local)[_-]?(?i-u:ip)[_-]?(?i-u:v)?[0-9]*$").expect("a constant pattern")
});

/// What is worth telling of the words of `text`, the part as its author wrote it.
///
/// A word that is also there without its dollar is a variable that the text itself sets or reads, and what stands in a
/// comment is read by people: of neither is anything told.
pub(super) fn lint(text: &str) -> Vec<Finding> {
    let mut set = HashSet::new();
    let mut words = Vec::new();
    let (mut line, mut seen, mut in_comment) = (0, 0, is_comment(text));
    for found in WORD.find_iter(text) {
        if let Some(newline) = text[seen..found.start()].rfind('\n') {
            line = seen + newline + 1;
            in_comment = is_comment(&text[line..]);
        }
        seen = found.start();
        match before(&text[line..found.start()]) {
            Some(Before::Nothing) => drop(set.insert(found.as_str())),
            Some(how) if words.len() < MOST && !in_comment => words.push((how, found.start(), found.as_str())),
            None | Some(_) => {}
        }
    }
    words.retain(|(_, _, word)| !set.contains(word));
    words.into_iter().filter_map(|(how, start, word)| tell(text, how, start, word)).collect()
}

/// Whether `text` begins with a comment.
fn is_comment(text: &str) -> bool {
    text.trim_start_matches([' ', '\t']).starts_with('#')
}

/// What stands before a word.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Before {
    Nothing,
    Dollar,
    EscapedDollar,
    Brace,
}

/// What the text before a word ends with; none where the word is the end of another one.
fn before(text: &str) -> Option<Before> {
    if let Some(text) = text.strip_suffix('$') {
        return Some(if text.ends_with('\\') { Before::EscapedDollar } else { Before::Dollar });
    }
    if text.ends_with("${") {
        return Some(Before::Brace);
    }
    let goes_on = text.ends_with(|last: char| last.is_ascii_alphanumeric() || matches!(last, '_' | '-'));
    (!goes_on).then_some(Before::Nothing)
}

fn tell(text: &str, how: Before, start: usize, word: &str) -> Option<Finding> {
    let end = start + word.len();
    let is_token = Address::ALL.iter().any(|address| address.token() == word);
    let begins_with_token = Address::ALL.iter().any(|address| word.starts_with(address.token()));
    let find = |rule: &'static Rule, from: usize, to: usize, why: &str| {
        Finding::new(rule, Span::new(start - from, to), format!("{} {why}", &text[start - from..to]))
    };
    let plain = |word| format!("write ${word} if the address is meant");
    match how {
        Before::EscapedDollar if begins_with_token => {
            Some(find(&rules::LITERAL_TOKEN, 2, end, "is not replaced: the backslash keeps it").help(plain(word)))
        }
        Before::Brace if is_token && text[end..].starts_with('}') => {
            Some(find(&rules::LITERAL_TOKEN, 2, end + 1, "is not replaced: it is no token").help(plain(word)))
        }
        Before::Dollar if !begins_with_token && LOOKALIKE.is_match(word) => {
            let all = Address::ALL.map(|address| format!("${}", address.token())).join(", ");
            let help = format!("tokens are {all}");
            // In capitals it is how shells write the variables of others.
            let shell = word.bytes().any(|byte| byte.is_ascii_uppercase());
            let rule = if shell { &rules::LITERAL_TOKEN } else { &rules::UNKNOWN_TOKEN };
            Some(find(rule, 1, end, "is not replaced: it is no token").help(help))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> Vec<(&'static str, &str)> {
        let findings = lint(text);
        findings.iter().map(|f| (f.rule.id, &text[f.span.unwrap().start..f.span.unwrap().end])).collect()
    }

    #[test]
    fn words_that_are_almost_tokens() {
        for word in [
            "$public_ipv5",
            "$private_ip4",
            "$local_ipv4",
            "$public_ip",
            "$private_ip_v4",
            "$public-ipv4",
            "$privateip",
        ] {
            assert_eq!(told(&format!("é a: {word}:80\n")), [("unknown-token", word)]);
        }
        for word in ["$PUBLIC_IPV4", "${public_ipv4}", r"\$private_ipv6", "$Private_ipv4"] {
            assert_eq!(told(&format!("a: {word}\n")), [("literal-token", word)]);
        }
        assert_eq!(told(r"\\$public_ipv4"), [("literal-token", r"\$public_ipv4")]);
    }

    #[test]
    fn other_words_are_left_alone() {
        for text in [
            "$public_ipv4 $private_ipv6x",
            "$COREOS_PUBLIC_IPV4 ${COREOS_PRIVATE_IPV4} $my_public_ip",
            "$public_ip_address $local_ipam $private_ips",
            "public_ip: x, private-ipv4",
            "${public_ip} ${public_ipv4:-x} ${PUBLIC_IPV4}",
            "private_ip=$(hostname -i); echo $private_ip",
            "read -r public_ipv4; echo ${public_ipv4}",
            "# write $public_ipv5 here\n  # or ${public_ipv4}",
            "publicip privateip",
        ] {
            assert_eq!(told(text), [], "{text}");
        }
    }

    #[test]
    fn a_million_words_do_not_cost_a_million_findings() {
        assert_eq!(lint(&"$public_ip ".repeat(100_000)).len(), MOST);
    }
}
