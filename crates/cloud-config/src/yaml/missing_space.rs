//! A `-` or `:` that lacks the space after it, so that YAML reads the line as text.

use super::block;
use crate::diagnostic::{Finding, Span, rules};

/// An indicator that lacks the space after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MissingSpace {
    /// The byte before which the space belongs.
    pub at: usize,
    pub(super) sign: char,
}

impl MissingSpace {
    /// Creates the finding with a consequence.
    pub fn finding_with(&self, origin: usize, consequence: &str) -> Finding {
        let finding = self.finding(origin);
        Finding { message: format!("{}; {consequence}", finding.message), ..finding }
    }

    /// Creates the finding. `origin` is the position of [`MissingSpace::at`] in the source text.
    pub fn finding(&self, origin: usize) -> Finding {
        let message = format!("no space after `{}`", self.sign);
        let span = Span::new(origin.saturating_sub(1), origin);
        let help = if self.sign == '-' { "write `- ITEM`" } else { "write `KEY: VALUE`" };
        Finding::new(&rules::MISSING_SPACE, span, message).help(help)
    }
}

/// Returns the indicator without a space that causes a syntax error at `at`, on that line or up to three lines above.
/// `is_key` returns true for known keys.
pub fn near(text: &str, at: usize, is_key: &dyn Fn(&str) -> bool) -> Option<MissingSpace> {
    let at = (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at))?;
    let mut end = text[at..].find('\n').map_or(text.len(), |newline| at + newline);
    for _ in 0..4 {
        let start = text[..end].rfind('\n').map_or(0, |newline| newline + 1);
        let line = &text[start..end];
        let found = on_line(line, start, is_key).or_else(|| in_braces(line, start, is_key).into_iter().next());
        let found = found.filter(|_| !block::is_inside(text, start));
        if found.is_some() {
            return found;
        }
        end = text[..start].trim_end().len();
    }
    None
}

/// Returns all such indicators outside of block scalars.
pub fn all(text: &str, is_key: &dyn Fn(&str) -> bool) -> Vec<MissingSpace> {
    let lines = block::lines(text).filter(|(.., inside)| !inside);
    lines
        .flat_map(|(start, line, _)| on_line(line, start, is_key).into_iter().chain(in_braces(line, start, is_key)))
        .collect()
}

/// Returns each `:` after a key in braces that lacks the space after it.
fn in_braces(line: &str, start: usize, is_key: &dyn Fn(&str) -> bool) -> Vec<MissingSpace> {
    let mut found = Vec::new();
    // The position where a key may begin, and the open quote.
    let (mut key, mut quote) = (None, None);
    for (at, c) in line.char_indices() {
        match c {
            _ if quote == Some(c) => quote = None,
            _ if quote.is_some() => {}
            '"' | '\'' if line[..at].ends_with(['{', '[', ',', ' ', ':']) => quote = Some(c),
            '#' if line[..at].ends_with(' ') => break,
            '{' | ',' => key = Some(at + 1),
            ':' => {
                let word = key.take().map(|key| line[key..at].trim_start()).unwrap_or_default();
                let next = line[at + 1..].chars().next();
                if is_key(word) && next.is_some_and(|next| !next.is_whitespace()) {
                    found.push(MissingSpace { at: start + at + 1, sign: ':' });
                }
            }
            _ => {}
        }
    }
    if line.contains('{') { found } else { Vec::new() }
}

fn on_line(line: &str, start: usize, is_key: &dyn Fn(&str) -> bool) -> Option<MissingSpace> {
    let mut inner = line.trim_start_matches(' ');
    while let Some(rest) = inner.strip_prefix("- ") {
        inner = rest.trim_start_matches(' ');
    }
    let at = start + (line.len() - inner.len());
    if let Some(rest) = inner.strip_prefix('-') {
        let begins = |c: char| c.is_alphanumeric() || matches!(c, '"' | '\'' | '/' | '$' | '{' | '[');
        return rest.starts_with(begins).then_some(MissingSpace { at: at + 1, sign: '-' });
    }
    let (key, value) = inner.split_once(':')?;
    let is_value = !value.is_empty() && !value.starts_with(char::is_whitespace) && !value.starts_with("//");
    (is_value && is_key(key)).then_some(MissingSpace { at: at + key.len() + 1, sign: ':' })
}

/// Returns the missing spaces as insertions for [`Repaired`].
pub fn spaces(missing: &[MissingSpace]) -> Vec<(usize, &'static str)> {
    missing.iter().map(|missing| (missing.at, " ")).collect()
}

/// A text with insertions.
pub struct Repaired {
    /// The text.
    pub text: String,
    /// For each insertion, the byte after it and the total length of all insertions up to it.
    places: Vec<(usize, usize)>,
}

impl Repaired {
    /// Inserts each of `insertions` before its byte of `text`. They are in order.
    pub fn new(text: &str, insertions: &[(usize, &str)]) -> Self {
        let mut repaired = String::with_capacity(text.len() + insertions.len());
        let (mut copied, mut places) = (0, Vec::with_capacity(insertions.len()));
        for (at, inserted) in insertions {
            repaired.push_str(&text[copied..*at]);
            repaired.push_str(inserted);
            copied = *at;
            places.push((repaired.len(), repaired.len() - at));
        }
        repaired.push_str(&text[copied..]);
        Self { text: repaired, places }
    }

    /// Returns the position of a byte in the text without insertions.
    pub fn origin(&self, at: usize) -> usize {
        let before = self.places.partition_point(|place| place.0 <= at);
        let inserted = before.checked_sub(1).map_or(0, |last| self.places[last].1);
        // Inside of an insertion, the position is that of the byte after it.
        let next = self.places.get(before).map_or(usize::MAX, |place| place.0 - place.1);
        (at - inserted).min(next)
    }
}

#[cfg(test)]
mod tests {
    use super::{Repaired, all, near, spaces};

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
    fn signs_inside_of_braces_are_found() {
        let found = |text: &str| all(text, &is_key).iter().map(|missing| missing.at).collect::<Vec<_>>();
        assert_eq!(found("- {path:/a, users:[b]}\n"), [8, 18]);
        assert_eq!(found("{hostname:n1,users: []}\nusers: [{path:a}]\n"), [10, 38]);
        for text in
            ["{path: a, b:c}\n", "{a: 'b, path:c'}\n", "- a, path:b\n", "- {path: a} # {path:b}\n", "{\"path\":1}\n"]
        {
            assert_eq!(found(text), [0; 0], "{text}");
        }
    }

    #[test]
    fn a_repaired_text_leads_back() {
        let text = "hostname:a\nusers:b\n";
        let repaired = Repaired::new(text, &spaces(&all(text, &is_key)));
        assert_eq!(repaired.text, "hostname: a\nusers: b\n");
        for (here, there) in [("a\n", "a\n"), ("users", "users"), ("b\n", "b\n")] {
            assert_eq!(repaired.origin(repaired.text.find(here).unwrap()), text.find(there).unwrap());
        }
        assert_eq!(repaired.origin(repaired.text.len()), text.len());
    }
}
