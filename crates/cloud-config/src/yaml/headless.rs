//! Content below its key that lacks the `|` of a block scalar, so that YAML parses its lines.

use super::block::{BlockLine, LINES_MAX};
use crate::diagnostic::{Finding, Span, rules};

/// Lines below `content:` that YAML does not read as text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Headless {
    /// The first byte of the first line, after its indentation.
    pub first: usize,
    /// The end of that line.
    pub end: usize,
}

impl Headless {
    /// Creates the finding. `span` is the position of the first line in the source text.
    pub fn finding(span: Span) -> Finding {
        let message = "content below its key without `|`, which YAML does not read as text; only the host \
                       name and SSH keys are applied";
        Finding::new(&rules::SYNTAX, span, message).help("write `content: |`")
    }
}

/// Returns the lines below `content:` if the error of YAML at `at` is in them.
pub fn without_header(text: &str, at: usize) -> Option<Headless> {
    let at = (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at))?;
    let mut first = BlockLine::at(text, at);
    let mut lowest = first.indentation();
    for line in std::iter::successors(first.above(text), |line| line.above(text)).take(LINES_MAX) {
        if line.is_blank() {
            continue;
        }
        let key = line.text[line.key_column()..].split(" #").next().unwrap_or_default().trim_end();
        if key == "content:" && line.key_column() < lowest {
            let start = first.start + first.indentation();
            return Some(Headless { first: start, end: start + first.text.trim().len() });
        }
        lowest = lowest.min(line.indentation());
        if lowest == 0 {
            return None;
        }
        first = line;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::{Headless, without_header};
    use crate::diagnostic::Span;

    #[test]
    fn the_message_names_the_consequence() {
        let message = Headless::finding(Span::new(0, 1)).message;
        assert!(message.ends_with("; only the host name and SSH keys are applied"), "{message}");
    }

    #[test]
    fn the_first_line_of_the_content_is_found() {
        for (text, first) in [
            ("a:\n- content:\n    [Service]\n    !A=b\n", Some("[Service]")),
            ("a:\n- name: x\n  content: # x\n    [Unit]\n\n    A=b: !c\n", Some("[Unit]")),
            ("a:\n- content: |\n    [Service]\n    !A=b\n", None),
            ("a:\n- content:\n  path: [\n  !b\n", None),
            ("content:\n!a\n", None),
        ] {
            let at = text.find('!').unwrap();
            let text = text.replacen('!', "", 1);
            let found = without_header(&text, at).map(|found| &text[found.first..found.end]);
            assert_eq!(found, first, "{text}");
        }
    }
}
