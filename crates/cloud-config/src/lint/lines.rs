//! The positions of the lines of a value in a part.

use crate::diagnostic::{Finding, Rule, Span};

/// The positions of the lines of the value at `span`, by their numbers from 1.
///
/// Only the lines of a literal block (`|`) correspond to lines of the source. In any other style, quotes, escapes and
/// folding change them, and every line has the position of the whole value.
pub(super) struct Block<'a> {
    whole: Option<Span>,
    body: Option<(&'a str, usize)>,
}

impl<'a> Block<'a> {
    /// Finds the lines of the value at `span` in the source text `part`.
    pub fn new(part: &'a str, span: Option<Span>) -> Self {
        let body =
            span.and_then(|span| literal(part.get(span.start..span.end)?).map(|(body, at)| (body, span.start + at)));
        Self { whole: span, body }
    }

    /// Creates a finding of `rule` about a line.
    pub fn finding(&self, rule: &'static Rule, number: usize, message: impl Into<String>) -> Finding {
        Finding { line: number, ..Finding::new(rule, self.line(number), message) }
    }

    /// Returns the position of a line, without the blanks around it.
    pub fn line(&self, number: usize) -> Option<Span> {
        self.find(number).or(self.whole)
    }

    fn find(&self, number: usize) -> Option<Span> {
        let (body, mut at) = self.body?;
        for (line, this) in body.split_inclusive('\n').zip(1..) {
            if this == number {
                let text = line.trim();
                let start = at + (line.len() - line.trim_start().len());
                return (!text.is_empty()).then(|| Span::new(start, start + text.len()));
            }
            at += line.len();
        }
        None
    }
}

/// Returns the lines of a literal block below its header, and their start.
fn literal(value: &str) -> Option<(&str, usize)> {
    let (head, body) = value.split_once('\n')?;
    let mut words = head.split_whitespace().skip_while(|word| word.starts_with(['&', '!']));
    let is_literal = words.next()?.strip_prefix('|')?.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'+' | b'-'));
    // YAML knows other line breaks, which would change the numbers.
    let bare_return = body.match_indices('\r').any(|(at, _)| !body[at + 1..].starts_with('\n'));
    let is_plain = !bare_return && !body.contains(['\u{85}', '\u{2028}', '\u{2029}']);
    (is_literal && is_plain && words.next().is_none_or(|word| word.starts_with('#'))).then_some((body, head.len() + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(value: &str, number: usize) -> Option<String> {
        let part = format!("é: {value}");
        let span = Span::new("é: ".len(), part.len());
        let found = Block::new(&part, Some(span)).line(number)?;
        (found != span).then(|| part[found.start..found.end].to_owned())
    }

    #[test]
    fn lines_of_a_literal_block_have_positions() {
        for head in ["|", "|-", "|2+", "| # a comment", "!!str |", "&a !x |-"] {
            let value = format!("{head}\n  one\n\n    two é  \r\n  three");
            assert_eq!(line(&value, 1).as_deref(), Some("one"), "{head}");
            assert_eq!(line(&value, 3).as_deref(), Some("two é"), "{head}");
            assert_eq!(line(&value, 4).as_deref(), Some("three"), "{head}");
            assert_eq!([line(&value, 0), line(&value, 2), line(&value, 5)], [None, None, None], "{head}");
        }
    }

    #[test]
    fn elsewhere_the_whole_value_is_the_position() {
        for value in
            [">\n  one\n", "\"one\\n\n  two\"", "one", "|x\n  one", "| x\n  one", "|\n  one\rtwo\n", "|\n  a\u{85}b\n"]
        {
            assert_eq!(line(value, 1), None, "{value:?}");
        }
        assert_eq!(Block::new("", Some(Span::new(5, 9))).line(1), Some(Span::new(5, 9)));
        assert_eq!(Block::new("", None).line(1), None);
    }
}
