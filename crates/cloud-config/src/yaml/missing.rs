//! A `-` or `:` without the space behind it that makes it one: YAML takes such a line for text.

use std::borrow::Cow;

use super::block;
use crate::diagnostic::{Finding, Span, rules};

/// A sign without a space behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Missing {
    /// The byte that the space belongs before.
    pub at: usize,
    sign: char,
}

impl Missing {
    /// A finding of it, where `origin` is the place of [`Missing::at`] in the author's text.
    pub fn finding(&self, origin: usize, consequence: &str) -> Finding {
        let message = format!("no space behind `{}`; {consequence}", self.sign);
        let span = Span::new(origin.saturating_sub(1), origin);
        let help = if self.sign == '-' { "write `- ITEM`" } else { "write `KEY: VALUE`" };
        Finding::new(&rules::MISSING_SPACE, span, message).help(help)
    }
}

/// The types that an SSH public key begins with.
pub const KEY_TYPES: [&str; 4] = ["ssh-", "ecdsa-sha2-", "sk-ssh-", "sk-ecdsa-"];

/// Items of lists of SSH keys that YAML does not read as they look.
#[derive(Debug, Default)]
pub struct KeyItems {
    /// Those without a space behind their `-`.
    pub missing: Vec<Missing>,
    /// Those in double quotes that have others inside.
    pub nested: Vec<Span>,
}

/// Finds the items of lists of SSH keys that YAML does not read as they look.
pub fn key_items(text: &str) -> KeyItems {
    let mut found = KeyItems::default();
    // Many documents have no such list, and a search is faster than going through the lines.
    if !text.contains("authorized") {
        return found;
    }
    // The indentation of the key whose list is being read.
    let mut list = None;
    for (start, line, inside) in block::lines(text) {
        let inner = line.trim_start_matches(' ');
        let indentation = line.len() - inner.len();
        let at = start + indentation;
        let content = inner.trim_end();
        if content.is_empty() || content.starts_with('#') {
            continue;
        }
        let column = indentation + (inner.len() - inner.strip_prefix("- ").unwrap_or(inner).trim_start().len());
        let name = content.strip_prefix("- ").unwrap_or(content).trim_start();
        let name = name.split(" #").next().unwrap_or_default().trim_end();
        if matches!(name, "ssh_authorized_keys:" | "ssh-authorized-keys:") {
            list = (!inside).then_some(column);
        } else if list.is_some_and(|list| indentation >= list) && inner.starts_with('-') {
            let item = &inner[1..];
            if KEY_TYPES.iter().any(|kind| item.starts_with(kind)) && item.contains(" AAAA") {
                found.missing.push(Missing { at: at + 1, sign: '-' });
            }
            let quoted = item.trim();
            if item.starts_with([' ', '\t']) && has_nested_quotes(quoted) {
                let start = at + 1 + (item.len() - item.trim_start().len());
                found.nested.push(Span::new(start, start + quoted.len()));
            }
        } else {
            list = None;
        }
    }
    found
}

/// Returns true for an SSH key in double quotes with others inside, as those of its options, and no single ones.
fn has_nested_quotes(item: &str) -> bool {
    let Some(inner) = item.strip_prefix('"').and_then(|item| item.strip_suffix('"')) else { return false };
    inner.contains('"')
        && !inner.contains("\\\"")
        && !inner.contains('\'')
        && inner.matches('"').count().is_multiple_of(2)
        && inner.contains(" AAAA")
        && KEY_TYPES.iter().any(|kind| inner.contains(kind))
}

/// `text` with single quotes around the items at `places`, instead of double ones.
pub fn with_single_quotes<'a>(text: &'a str, places: &[Span]) -> Cow<'a, str> {
    let mut changed = Cow::Borrowed(text);
    for place in places {
        changed.to_mut().replace_range(place.start..=place.start, "'");
        changed.to_mut().replace_range(place.end - 1..place.end, "'");
    }
    changed
}

/// The sign that is the reason why YAML gives up at `at`: on that line, or up to three lines above it. `is_key` tells
/// keys from other words.
pub fn near(text: &str, at: usize, is_key: &dyn Fn(&str) -> bool) -> Option<Missing> {
    let at = (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at))?;
    let mut end = text[at..].find('\n').map_or(text.len(), |newline| at + newline);
    for _ in 0..4 {
        let start = text[..end].rfind('\n').map_or(0, |newline| newline + 1);
        let found = on_line(&text[start..end], start, is_key).filter(|_| !block::is_inside(text, start));
        if found.is_some() {
            return found;
        }
        end = text[..start].trim_end().len();
    }
    None
}

/// All of them, outside of block scalars.
pub fn all(text: &str, is_key: &dyn Fn(&str) -> bool) -> Vec<Missing> {
    block::lines(text)
        .filter(|(.., inside)| !inside)
        .filter_map(|(start, line, _)| on_line(line, start, is_key))
        .collect()
}

fn on_line(line: &str, start: usize, is_key: &dyn Fn(&str) -> bool) -> Option<Missing> {
    let mut inner = line.trim_start_matches(' ');
    while let Some(rest) = inner.strip_prefix("- ") {
        inner = rest.trim_start_matches(' ');
    }
    let at = start + (line.len() - inner.len());
    if let Some(rest) = inner.strip_prefix('-') {
        let begins = |c: char| c.is_alphanumeric() || matches!(c, '"' | '\'' | '/' | '$' | '{' | '[');
        return rest.starts_with(begins).then_some(Missing { at: at + 1, sign: '-' });
    }
    let (key, value) = inner.split_once(':')?;
    let is_value = !value.is_empty() && !value.starts_with(char::is_whitespace) && !value.starts_with("//");
    (is_value && is_key(key)).then_some(Missing { at: at + key.len() + 1, sign: ':' })
}

/// A text with the missing spaces in it.
pub struct Repaired {
    /// The text.
    pub text: String,
    places: Vec<usize>,
}

impl Repaired {
    /// `text` with a space at each of `missing`, which are in order.
    pub fn new(text: &str, missing: &[Missing]) -> Self {
        let mut repaired = String::with_capacity(text.len() + missing.len());
        let mut copied = 0;
        for Missing { at, .. } in missing {
            repaired.push_str(&text[copied..*at]);
            repaired.push(' ');
            copied = *at;
        }
        repaired.push_str(&text[copied..]);
        Self { text: repaired, places: missing.iter().enumerate().map(|(index, missing)| missing.at + index).collect() }
    }

    /// The byte of the text before it was repaired.
    pub fn origin(&self, at: usize) -> usize {
        at - self.places.partition_point(|place| *place < at)
    }
}

#[cfg(test)]
mod tests {
    use super::{Repaired, all, key_items, near};

    fn is_key(word: &str) -> bool {
        ["hostname", "path", "users", "reboot-strategy"].contains(&word)
    }

    #[test]
    fn the_nearest_sign_without_a_space_is_found() {
        let found = |text: &str| {
            let at = text.find('!').unwrap();
            let text = text.replacen('!', "", 1);
            near(&text, at, &is_key).map(|missing| text[..missing.at].to_owned())
        };
        assert_eq!(found("a: b\nhostname:n1\n!users: []\n").as_deref(), Some("a: b\nhostname:"));
        assert_eq!(found("- path:/etc/x\n  content!: a\n").as_deref(), Some("- path:"));
        assert_eq!(found("a:\n  -b\n  !- c\n").as_deref(), Some("a:\n  -"));
        assert_eq!(found("a:\n- !users:[x]\n").as_deref(), Some("a:\n- users:"));
        for text in ["a: |\n  hostname:n1\n!b\n", "http://x\n!a: b\n", "image:tag\n!a: b\n", "---\n!a\n", "path:\n!a\n"]
        {
            assert_eq!(found(text), None, "{text}");
        }
    }

    #[test]
    fn only_items_of_key_lists_are_key_items() {
        let found = |text: &str| key_items(text).missing.len();
        assert_eq!(found("ssh_authorized_keys:\n-ssh-rsa AAAA\n-ecdsa-sha2-nistp256 AAAA\nhostname: a\n"), 2);
        assert_eq!(found("users:\n- ssh-authorized-keys: # mine\n  -ssh-ed25519 AAAA\n\n  # x\n  - ssh-rsa AAAA\n"), 1);
        assert_eq!(found("keys:\n-ssh-rsa AAAA\n"), 0);
        assert_eq!(found("a: |\n  ssh_authorized_keys:\n  -ssh-rsa AAAA\n"), 0);
        assert_eq!(found("ssh_authorized_keys:\nhostname: a\n-ssh-rsa AAAA\n"), 0);
        assert_eq!(found("ssh_authorized_keys:\n-x\n-ssh-rsa\n"), 0);
    }

    #[test]
    fn a_repaired_text_leads_back() {
        let text = "hostname:a\nusers:b\n";
        let repaired = Repaired::new(text, &all(text, &is_key));
        assert_eq!(repaired.text, "hostname: a\nusers: b\n");
        for (here, there) in [("a\n", "a\n"), ("users", "users"), ("b\n", "b\n")] {
            assert_eq!(repaired.origin(repaired.text.find(here).unwrap()), text.find(there).unwrap());
        }
        assert_eq!(repaired.origin(repaired.text.len()), text.len());
    }
}
