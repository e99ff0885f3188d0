//! The options before an SSH key, by the rules of sshd(8). sshd ignores a key with an unknown option or an invalid
//! value.

mod values;

use super::ssh_key;
use crate::diagnostic::{Finding, Span, rules};
use crate::text::{printable, suggest};
use crate::yaml::key_items::KEY_TYPES;

/// Options without a value. All except the first two can have the prefix `no-`.
const FLAGS: [&str; 9] = [
    "restrict",
    "cert-authority",
    "agent-forwarding",
    "port-forwarding",
    "pty",
    "touch-required",
    "user-rc",
    "verify-required",
    "x11-forwarding",
];

/// Options with a value in double quotes.
const VALUES: [&str; 8] =
    ["command", "environment", "expiry-time", "from", "permitlisten", "permitopen", "principals", "tunnel"];

/// Options that are commonly used with the prefix `no-`, for suggestions.
const NEGATED: [&str; 7] = [
    "no-agent-forwarding",
    "no-port-forwarding",
    "no-pty",
    "no-touch-required",
    "no-user-rc",
    "no-verify-required",
    "no-x11-forwarding",
];

/// Words before a key by which users mark it as disabled.
const DISABLED: [&str; 13] = [
    "deleted", "deny", "denied", "disabled", "expired", "inactive", "no", "not", "old", "removed", "revoked", "unset",
    "unused",
];

/// The beginnings of comments in other languages.
const COMMENTS: [&str; 5] = ["#", "//", "/*", ";", "<!--"];

/// Returns the names of all options.
pub fn names() -> impl Iterator<Item = &'static str> {
    FLAGS.into_iter().chain(VALUES).chain(NEGATED)
}

/// Returns true if sshd accepts `options`, the text before a key.
pub fn are_valid(options: &str) -> bool {
    items(options).all(is_valid) && conflict(options).is_none()
}

fn is_valid(option: &str) -> bool {
    match option.split_once('=') {
        Some((name, value)) => VALUES.iter().any(|known| is_named(name, known)) && values::is_valid(name, value),
        None => FLAGS.iter().chain(&NEGATED).any(|known| is_named(option, known)),
    }
}

/// Returns true if sshd reads `text` as `name`: it ignores the case.
fn is_named(text: &str, name: &str) -> bool {
    text.eq_ignore_ascii_case(name)
}

/// Returns an option that sshd accepts alone but not in this list, and the remedy.
fn conflict(options: &str) -> Option<(&'static str, &'static str)> {
    let count = |name: &str| items(options).filter(|item| is_named(name_of(item), name)).count();
    if let Some(name) = ["command", "from", "principals"].into_iter().find(|name| count(name) > 1) {
        return Some((name, "write the option once"));
    }
    let is_lone = count("principals") > 0 && count("cert-authority") == 0;
    is_lone.then_some(("principals", "write `cert-authority` beside it: it is for keys of certificate authorities"))
}

/// Returns the name of an option, without its value.
fn name_of(option: &str) -> &str {
    option.split('=').next().unwrap_or_default()
}

/// A known option because of which sshd ignores the key.
pub struct InvalidOption {
    pub name: &'static str,
    pub help: String,
}

/// Returns the first known option before the key of `line` that sshd would not accept as it is.
pub fn invalid_option(line: &str) -> Option<InvalidOption> {
    let options = line[..key_start(line)?].trim_end();
    let invalid = items(options).filter(|option| !is_valid(option)).find_map(|option| {
        let name = names().find(|known| is_named(name_of(option), known))?;
        let help = if VALUES.contains(&name) {
            format!("write {}", values::form(name))
        } else {
            format!("write `{name}` alone, or remove it: it has no value")
        };
        Some(InvalidOption { name, help })
    });
    invalid.or_else(|| conflict(options).map(|(name, help)| InvalidOption { name, help: help.to_owned() }))
}

/// Splits a list of options at commas outside of quotes. In a line to repair, blanks also separate options.
fn items(options: &str) -> impl Iterator<Item = &str> {
    let (mut is_inside, mut is_escaped) = (false, false);
    options.split(move |c: char| {
        if c == '"' && !is_escaped {
            is_inside = !is_inside;
        }
        is_escaped = c == '\\';
        matches!(c, ',' | ' ' | '\t') && !is_inside
    })
}

/// A key that sshd would ignore because of the text before it, with the repaired line.
pub struct RepairedKey {
    /// The line to write.
    pub line: String,
    /// The length of the invalid text at the beginning of the original line, in bytes.
    length: usize,
    problem: String,
    claim: &'static str,
    help: String,
}

impl RepairedKey {
    /// Reports the repair. `start` is the start of the line in the source text, if known; `span` is the position of its
    /// item.
    pub fn finding(self, start: Option<usize>, span: Option<Span>) -> Finding {
        let here = start.map(|start| Span::new(start, start + self.length));
        Finding::new(&rules::BAD_KEY_OPTIONS, here.or(span), self.problem).sets_key(self.claim).help(self.help)
    }
}

/// Repairs a line that is a key except for the text before it.
///
/// Options are corrected but never removed, because that would remove a restriction of the key.
pub fn repair(line: &str) -> Option<RepairedKey> {
    if ssh_key::is_key(line) || line.starts_with('#') {
        return None;
    }
    let start = key_start(line)?;
    let (rest, length) = (&line[start..], line[..start].trim_end().len());
    let options = &*with_straight_quotes(&line[..length]);
    if let Some(corrected) = corrected(options) {
        let names_of = |options: &str| {
            let names = items(options).filter(|option| !option.is_empty());
            names.map(|option| name_of(option).to_ascii_lowercase()).collect::<Vec<_>>()
        };
        let problem = "invalid options before an SSH key".to_owned();
        let claim = "the key is set with the options corrected";
        let names = names_of(&corrected);
        let help = if names == names_of(options) {
            "write a value in double quotes, `NAME=\"VALUE\"`, and separate options and addresses by commas without spaces"
                .to_owned()
        } else {
            format!("did you mean `{}`?", names.join(","))
        };
        return Some(RepairedKey { line: format!("{corrected} {rest}"), length, problem, claim, help });
    }
    if let Some(restricted) = restricted(options) {
        let problem = "unknown option before an SSH key".to_owned();
        let claim = "the key is set with `restrict` in its place";
        let help = "sshd(8) lists the options of keys".to_owned();
        return Some(RepairedKey { line: format!("{restricted} {rest}"), length, problem, claim, help });
    }
    if !is_label(options) {
        return None;
    }
    let what = match options.chars().next() {
        Some(c) if options.chars().nth(1).is_none() => format!("`{}`", printable(&c.to_string())),
        _ if options.contains(' ') => "unrecognized text".to_owned(),
        _ => "an unrecognized word".to_owned(),
    };
    let problem = format!("{what} before an SSH key");
    let help = "begin the item with the type of the key: `- ssh-ed25519 AAAA…`".to_owned();
    Some(RepairedKey { line: rest.to_owned(), length, problem, claim: "the key is set without it", help })
}

/// Replaces typographic double quotes in `text`.
fn with_straight_quotes(text: &str) -> String {
    text.replace(['\u{201c}', '\u{201d}', '\u{201e}', '\u{201f}', '\u{2033}'], "\"")
}

/// Returns the position of the first key in the line, outside of quotes.
fn key_start(line: &str) -> Option<usize> {
    let is_start = |at: &usize| line[..*at].ends_with([' ', '\t', ',']);
    let kinds = KEY_TYPES.iter().flat_map(|kind| line.match_indices(kind));
    let mut starts: Vec<_> = kinds.map(|(at, _)| at).filter(is_start).collect();
    starts.sort_unstable();
    let is_outside = |at: &usize| {
        let before = with_straight_quotes(&line[..*at]).replace("\\\"", "");
        before.matches('"').count().is_multiple_of(2)
    };
    starts.into_iter().take(STARTS_MAX).filter(is_outside).find(|at| ssh_key::is_bare_key(&line[*at..]))
}

/// The largest number of positions in a line at which a key is searched.
const STARTS_MAX: usize = 20;

/// Returns `options` in the form that sshd accepts, if each option is known apart from a typo.
fn corrected(options: &str) -> Option<String> {
    let mut all = Vec::new();
    for option in items(options).filter(|option| !option.is_empty()) {
        if is_valid(option) {
            all.push(option.to_owned());
            continue;
        }
        let (name, value) = option.split_once('=').map_or((option, None), |(name, value)| (name, Some(value)));
        let known: Vec<_> = names().filter(|known| VALUES.contains(known) == value.is_some()).collect();
        let exact = known.iter().find(|known| known.eq_ignore_ascii_case(name)).copied();
        let name = exact.or_else(|| match suggest::closest(name, known)[..] {
            [name] => Some(name),
            _ => None,
        })?;
        all.push(match value {
            None => name.to_owned(),
            Some(value) if name == "from" && values::inner(value).is_some() => {
                format!("{name}={}", values::without_blanks(value))
            }
            Some(value) if values::inner(value).is_some() => format!("{name}={value}"),
            Some(value) if !value.is_empty() && !value.contains(['"', '\'', '\\']) => format!("{name}=\"{value}\""),
            Some(_) => return None,
        });
    }
    Some(all.join(",")).filter(|options| are_valid(options))
}

/// Returns `options` with `restrict` in place of unknown flags, if other options show that the text is a list of
/// options.
fn restricted(options: &str) -> Option<String> {
    let options = || items(options).filter(|option| !option.is_empty());
    let is_flag = |option: &str| {
        let is_word = option.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
        let is_value = !suggest::closest(option, VALUES).is_empty();
        is_word && !is_value && !DISABLED.contains(&&*option.to_ascii_lowercase())
    };
    let is_option = options().any(is_valid) && options().all(|option| is_valid(option) || is_flag(option));
    let valid = options().filter(|option| is_valid(option) && !option.eq_ignore_ascii_case("restrict"));
    is_option
        .then(|| std::iter::once("restrict").chain(valid).collect::<Vec<_>>().join(","))
        .filter(|all| are_valid(all))
}

/// Returns true for a bullet, or for words that cannot be options.
pub fn is_label(text: &str) -> bool {
    let is_like_option = |word: &str| {
        let word = word.trim_end_matches([':', '.']).to_ascii_lowercase();
        DISABLED.contains(&&*word) || !suggest::closest(&word, names()).is_empty()
    };
    let signs = ['=', '"', ',', '\'', '\u{2018}', '\u{2019}', '@', '!', '~'];
    !text.contains(signs)
        && !COMMENTS.iter().any(|sign| text.starts_with(sign))
        && text.split_whitespace().count() <= WORDS_MAX
        && !text.split_whitespace().any(is_like_option)
}

/// The largest number of words of a label.
const WORDS_MAX: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDhmj/882riP+2GKg9KPw4z7LbUf+UALTw+cO/+L/PMK me";

    #[test]
    fn options_are_those_of_sshd() {
        for options in [
            "no-pty",
            "NO-PTY,Restrict",
            "command=\"a, b \\\"c\\\"\",no-X11-forwarding",
            "from=\"10.0.0.0/8\",expiry-time=\"20300101\"",
            "no-touch-required,verify-required",
            "cert-authority,principals=\"a\"",
            "permitopen=\"a:80\",permitopen=\"b:80\"",
            "command=\"a\\\\\" b\"",
        ] {
            assert!(are_valid(options), "{options}");
            assert!(ssh_key::is_key(&format!("{options} {KEY}")), "{options}");
        }
        for options in [
            "",
            "x",
            "no-ptty",
            "command",
            "command=a",
            "no-pty=\"a\"",
            "no-pty,",
            "\u{2022}",
            "+",
            "key:",
            "command=\"a\",command=\"a\"",
            "from=\"10.0.0.1\",from=\"10.0.0.2\"",
            "principals=\"a\"",
            "command=\"a\\\\\"",
        ] {
            assert!(!are_valid(options), "{options}");
            assert!(!ssh_key::is_key(&format!("{options} {KEY}")) || options.is_empty(), "{options}");
        }
    }

    #[test]
    fn a_slip_is_corrected_and_no_restriction_is_lost() {
        for (before, after) in [
            ("\u{2022}", ""),
            ("+", ""),
            ("foo", ""),
            ("key:", ""),
            ("my laptop:", ""),
            ("1.", ""),
            ("no-ptty", "no-pty "),
            ("no-pty,", "no-pty "),
            ("comand=\"/bin/a b\"", "command=\"/bin/a b\" "),
            ("command=\u{201c}/bin/a b\u{201d}", "command=\"/bin/a b\" "),
            ("from=10.0.0.1,restrict", "from=\"10.0.0.1\",restrict "),
            ("no-pty, no-user-rc", "no-pty,no-user-rc "),
            ("from=\"10.0.0.1, 10.0.0.2 \"", "from=\"10.0.0.1,10.0.0.2\" "),
            ("restrict,foo", "restrict "),
            ("from=\"10.0.0.0/8\",foo", "restrict,from=\"10.0.0.0/8\" "),
        ] {
            let repaired = repair(&format!("{before} {KEY}")).unwrap_or_else(|| panic!("{before}"));
            assert_eq!((repaired.line, repaired.length), (format!("{after}{KEY}"), before.len()), "{before}");
        }
        for before in
            ["only=\"a\"", "no-pty,only=\"a\"", "command", "command=\"a", "revoked", "@revoked", "old:", "a \"b"]
        {
            assert!(repair(&format!("{before} {KEY}")).is_none(), "{before}");
        }
        for before in [
            "expiry-time=\"notadate\"",
            "restrict,foo,from=\"\"",
            "no-pty=yes",
            "restrict=no",
            "cert-authority=\"1\"",
            "principals=\"a\"",
            "from=\"10.0.0.1\" from=\"10.0.0.2\"",
            "from=10.0.0.1/8",
        ] {
            assert!(repair(&format!("{before} {KEY}")).is_none(), "{before}");
        }
        for before in ["#", "# me:", "//", ";", "not in use:", "restrict,revoked", "from='10.0.0.0/8'", "no-pty,foo=1"]
        {
            assert!(repair(&format!("{before} {KEY}")).is_none(), "{before}");
        }
        let repaired = repair(&format!("from=\"10.0.0.0/8\",{KEY}")).map(|repaired| repaired.line);
        assert_eq!(repaired, Some(format!("from=\"10.0.0.0/8\" {KEY}")));
        // Replacing a quote must not move the position of the comment.
        let comment = "\u{201c}a\u{201d}".repeat(100);
        assert_eq!(repair(&format!("\u{2022} {KEY} {comment}")).unwrap().line, format!("{KEY} {comment}"));
        assert!(repair(KEY).is_none());
    }
}
