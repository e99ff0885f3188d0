//! Words that look like address tokens but are not (docs/cloud-config.md#address-tokens).

use std::collections::HashSet;
use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

use crate::address_tokens::Address;
use crate::diagnostic::{Finding, Findings, Rule, Span, rules};
use crate::text::suggest;

/// A word like an address token at the beginning of a text.
static WORD: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"^(?i-u:[a-z]{4,9})[_-]?(?i-u:ip[a-z0-9_]*)").expect("a constant pattern"));

static LOOKALIKE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^(?i-u:public|private|local)[_-]?(?i-u:ip)[_-]?(?i-u:v)?[0-9]*$").expect("a constant pattern")
});

/// A word like an address token whose first half may be misspelled.
static MISSPELLED: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"^([a-z]{4,9})[_-]?ip[_-]?v?[46]$").expect("a constant pattern"));

/// Checks the words of `text`, the source text of the part.
///
/// A word that also occurs without its dollar sign is a variable that the text itself sets or reads. Text in a comment
/// is for people. Neither is reported.
pub(super) fn lint(text: &str) -> Vec<Finding> {
    let mut words = Vec::new();
    let (mut seen, mut in_comment) = (0, is_comment(text));
    for (dollar, _) in text.match_indices('$') {
        let behind = text[dollar + 1..].strip_prefix('{').unwrap_or(&text[dollar + 1..]);
        let Some(word) = first_word(behind) else { continue };
        if let Some(newline) = text[seen..dollar].rfind('\n') {
            in_comment = is_comment(&text[seen + newline + 1..]);
        }
        seen = dollar;
        if !in_comment {
            let end = text.len() - behind.len() + word.len();
            words.extend(literal_at(text, dollar..end, word));
        }
    }
    let mut findings = Findings::default();
    if !words.is_empty() {
        let set = words_without_dollar(text);
        for word in words.iter().filter(|word| !set.contains(word.word)) {
            findings.add(word.rule, || word.finding(text));
        }
    }
    findings.into_list()
}

/// Returns the words of `text` that occur without a dollar sign.
fn words_without_dollar(text: &str) -> HashSet<&str> {
    let mut words = HashSet::new();
    let mut brace = false;
    for run in text.split_inclusive(|c| !is_of_word(c) && c != '$') {
        words.extend((!brace).then(|| first_word(run)).flatten());
        brace = run.ends_with("${");
    }
    words
}

/// Returns the word like an address token at the beginning of `text`.
///
/// The pattern gets only this word, because it is slow on long texts.
fn first_word(text: &str) -> Option<&str> {
    let end = text.find(|c| !is_of_word(c)).unwrap_or(text.len());
    WORD.find(&text[..end]).map(|word| word.as_str())
}

/// Returns true if `character` can be part of such a word.
fn is_of_word(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '_' | '-')
}

/// Returns true if `text` begins with a comment.
fn is_comment(text: &str) -> bool {
    text.trim_start_matches([' ', '\t']).starts_with('#')
}

/// A word that is not a token. There can be a million of these, so the message is formatted later.
struct Literal<'a> {
    word: &'a str,
    rule: &'static Rule,
    span: Span,
    why: &'static str,
    /// The token at the beginning of the word.
    token: Option<&'static str>,
}

/// Examines `word`, which is at `range` of `text` with its dollar sign and brace. Returns `None` if it need not be
/// reported.
fn literal_at<'a>(text: &str, range: Range<usize>, word: &'a str) -> Option<Literal<'a>> {
    let is_token = Address::ALL.iter().any(|address| address.token() == word);
    let token = Address::ALL.iter().map(|address| address.token()).find(|token| word.starts_with(token));
    let has_brace = text[range.clone()].starts_with("${");
    let is_escaped = text[..range.start].ends_with('\\');
    let mut span = Span::new(range.start, range.end);
    let (rule, why) = if has_brace {
        if !is_token || !text[range.end..].starts_with('}') {
            return None;
        }
        span.end += 1;
        (&rules::LITERAL_TOKEN, "not an address token")
    } else if let Some(token) = token {
        if !is_escaped {
            return None;
        }
        // The text after the token can be a secret, so the position covers only the token.
        span = Span::new(range.start - 1, range.start + 1 + token.len());
        (&rules::LITERAL_TOKEN, "escaped with a backslash")
    } else if LOOKALIKE.is_match(word) {
        // Shell scripts write variables that belong to other programs in capitals.
        let shell = word.bytes().any(|byte| byte.is_ascii_uppercase());
        (if shell { &rules::LITERAL_TOKEN } else { &rules::UNKNOWN_TOKEN }, "not an address token")
    } else if !is_escaped && is_misspelled(word) {
        (&rules::UNKNOWN_TOKEN, "not an address token")
    } else {
        return None;
    };
    Some(Literal { word, rule, span, why, token })
}

impl Literal<'_> {
    fn finding(&self, text: &str) -> Finding {
        let all = Address::ALL.map(Address::token);
        let written = &text[self.span.start..self.span.end];
        let consequence = match written.strip_prefix('\\') {
            Some(token) => format!("applied anyway, as the text `{token}`"),
            None => "ignored".to_owned(),
        };
        let message = format!("{written}: {}; {consequence}", self.why);
        let help = match self.token {
            Some(token) => format!("write ${token} to insert the address"),
            None => suggest::question(&tokens(suggest::closest(self.word, all)))
                .unwrap_or_else(|| format!("write one of {}", tokens(all).join(", "))),
        };
        Finding::new(self.rule, self.span, message).help(help)
    }
}

/// Returns true if the first half of `word` resembles `public` or `private`.
pub(super) fn is_misspelled(word: &str) -> bool {
    MISSPELLED.captures(word).is_some_and(|found| suggest::is_close(&found[1], &["public", "private"]))
}

/// Returns the words with a dollar sign before each.
fn tokens(words: impl IntoIterator<Item = &'static str>) -> Vec<String> {
    words.into_iter().map(|word| format!("${word}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::MOST_OF_A_RULE;

    proptest::proptest! {
        /// Compares with one pattern over the whole text, which is too slow for real use.
        #[test]
        fn words_are_those_of_a_pattern_over_the_whole_text(text in r"[$\\\\{}# \n-]{0,2}((\$|\$\{|[ #\n-]|\\\\\$)?(public|privat|pubilc|PRIVATE|abc)[_-]?(ip|IP|i)(v4|v6|_v5|x)?[}a# \n-]?){0,8}") {
            let with_dollar = Regex::new(r"\$\{?(?i-u:[a-z]{4,9})[_-]?(?i-u:ip[a-z0-9_]*)").unwrap();
            let word = Regex::new(r"(?i-u:[a-z]{4,9})[_-]?(?i-u:ip[a-z0-9_]*)").unwrap();
            let text = text.as_str();
            let set: HashSet<_> = word.find_iter(text).filter(|word| {
                let before = &text[..word.start()];
                !before.ends_with(|c: char| c.is_ascii_alphanumeric() || "_-$".contains(c)) && !before.ends_with("${")
            }).map(|word| word.as_str()).collect();
            let words = with_dollar.find_iter(text).filter(|found| {
                !is_comment(&text[text[..found.start()].rfind('\n').map_or(0, |newline| newline + 1)..])
            });
            let words = words.filter_map(|found| literal_at(text, found.range(), found.as_str().trim_start_matches(['$', '{'])));
            let expected: Vec<_> = words.filter(|word| !set.contains(word.word)).map(|word| word.span).collect();
            let found: Vec<_> = lint(text).into_iter().filter_map(|finding| finding.span).collect();
            proptest::prop_assert_eq!(found, expected);
        }
    }

    fn reported(text: &str) -> Vec<(&'static str, &str)> {
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
            "$pubic_ipv4",
            "$privat_ipv4",
            "$publc-ipv6",
            "$pirvateipv4",
        ] {
            assert_eq!(reported(&format!("é a: {word}:80\n")), [("unknown-token", word)]);
        }
        for word in ["$PUBLIC_IPV4", "${public_ipv4}", r"\$private_ipv6", "$Private_ipv4"] {
            assert_eq!(reported(&format!("a: {word}\n")), [("literal-token", word)]);
        }
        assert_eq!(reported(r"\\$public_ipv4"), [("literal-token", r"\$public_ipv4")]);
        assert_eq!(
            reported(r"\$public_ipv4hunter2"),
            [("literal-token", r"\$public_ipv4")],
            "what it runs into may be secret"
        );
    }

    #[test]
    fn what_was_meant() {
        let help = |text| lint(text).remove(0).help.unwrap();
        assert_eq!(help("$privat_ipv4"), "did you mean `$private_ipv4`?");
        assert_eq!(help("$public-ipv6"), "did you mean `$public_ipv6`?");
        assert_eq!(help("$public_ip"), "did you mean `$public_ipv4` or `$public_ipv6`?");
        assert!(help("$local_ipv4").starts_with("write one of $private_ipv4, "));
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
            "pubic_ipv4=x; echo $pubic_ipv4",
            r"\$pubic_ipv4 ${pubic_ipv4}",
            "$pubic_ip $pub_ipv4 $priv_ipv4 $host_ipv4 $primary_ipv4 $default_ipv4 $external_ip4 $internal_ipv6",
        ] {
            assert_eq!(reported(text), [], "{text}");
        }
    }

    #[test]
    fn a_million_words_do_not_cost_a_million_findings() {
        assert_eq!(lint(&"$public_ip ".repeat(100_000)).len(), MOST_OF_A_RULE + 1);
    }
}
