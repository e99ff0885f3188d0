//! Finds block scalars without parsing the document, for text in which YAML parsing ends with an error.

use crate::diagnostic::{Finding, Span, rules};

/// A block scalar that ends earlier than its author intended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Broken {
    /// The position of its indicator, `|` or `>`.
    pub header: usize,
    /// The first byte, after the indentation, of the line that ends it.
    pub line: usize,
    /// True if it contains no line.
    pub empty: bool,
}

impl Broken {
    /// Creates the finding about it. `span` is the position of [`Broken::line`] in the source text.
    pub fn finding(&self, text: &str, span: Span) -> Finding {
        let line = text[..self.header].matches('\n').count() + 1;
        let (empty, how, help) = if self.empty {
            ("empty ", "not indented below it", "indent every line of its text by two spaces more than its key")
        } else {
            ("", "indented less", AS_TEXT)
        };
        let message = format!("the {empty}block scalar that began at line {line} ended here: this line is {how}");
        Finding::new(&rules::SYNTAX, span, message).help(help)
    }
}

/// The remedy for a line that is text of the block scalar above.
const AS_TEXT: &str = "indent the line as far as the first line of the scalar";

/// Adds the remedy to the finding about a block scalar that ends at an item or key at `at`. `is_key` returns true for
/// known keys.
pub fn advise(finding: &mut Finding, text: &str, at: usize, is_key: &dyn Fn(&str) -> bool) {
    if finding.help.as_deref() == Some(AS_TEXT)
        && let Some(help) = remedy(text, at, is_key)
    {
        finding.help = Some(help);
    }
}

fn remedy(text: &str, at: usize, is_key: &dyn Fn(&str) -> bool) -> Option<String> {
    let line = BlockLine::at(text, at);
    let inner = line.text.trim();
    let item = inner.strip_prefix("- ").map(str::trim_start);
    let name = item.unwrap_or(inner).split_once(':').map(|(name, _)| name)?;
    if !is_key(&name.replace('-', "_")) {
        return None;
    }
    let above = std::iter::successors(line.above(text), |line| line.above(text)).take(LINES_MAX);
    let (depth, whose) = match item {
        // The line begins the next item in the column of the others.
        Some(_) => {
            let is_same = |line: &BlockLine<'_>| {
                let rest = line.text.trim_start().strip_prefix("- ").map(str::trim_start);
                rest.and_then(|rest| rest.strip_prefix(name)).is_some_and(|rest| rest.starts_with(':'))
            };
            let Some(other) = above.into_iter().find(is_same) else {
                return Some("write the key of its list above this item".to_owned());
            };
            (other.indentation(), "the other items")
        }
        None => (header_above(text, line)?.0.key_column(), "the other keys of the item"),
    };
    (depth != line.indentation()).then(|| format!("indent the line as {whose}, by {depth} spaces"))
}

/// Returns true for a line that separates or ends documents.
pub fn is_marker(line: &str) -> bool {
    let rest = line.strip_prefix("---").or_else(|| line.strip_prefix("..."));
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t', '\r', '\n']))
}

/// A line with the position of its first byte.
#[derive(Clone, Copy)]
pub(super) struct BlockLine<'a> {
    pub start: usize,
    pub text: &'a str,
}

impl<'a> BlockLine<'a> {
    /// Returns the line that contains `at`.
    pub fn at(text: &'a str, at: usize) -> Self {
        let start = text[..at].rfind('\n').map_or(0, |at| at + 1);
        Self { start, text: text[start..].split('\n').next().unwrap_or_default() }
    }

    /// Returns the line above.
    pub fn above(self, text: &'a str) -> Option<Self> {
        (self.start > 0).then(|| Self::at(text, self.start - 1))
    }

    pub fn indentation(self) -> usize {
        self.text.len() - self.text.trim_start_matches(' ').len()
    }

    pub fn is_blank(self) -> bool {
        self.text.trim().is_empty()
    }

    fn is_comment(self) -> bool {
        self.text.trim_start().starts_with('#')
    }

    /// Returns the position of the indicator if the line ends with the header of a block scalar.
    pub fn header(self) -> Option<usize> {
        let text = self.text.split(" #").next().unwrap_or_default().trim_end();
        let body = text.trim_end_matches(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-'));
        let before = body.strip_suffix(['|', '>'])?;
        let value = before.strip_suffix([' ', '\t'])?.trim_end();
        let is_value =
            value.ends_with(':') || value.ends_with('-') || value.contains(": ") && value.contains(['&', '!']);
        (is_value && !self.is_comment()).then(|| self.start + before.len())
    }

    /// Returns the column of the key or item at the beginning of the line.
    pub fn key_column(self) -> usize {
        let mut inner = self.text.trim_start_matches(' ');
        while let Some(rest) = inner.strip_prefix("- ").filter(|rest| rest.contains(':')) {
            inner = rest.trim_start_matches(' ');
        }
        self.text.len() - inner.len()
    }
}

/// The largest number of lines that are examined.
pub(super) const LINES_MAX: usize = 10_000;

/// Returns the nearest header of a block scalar above `line`, if no line between them is indented less than it.
fn header_above<'a>(text: &'a str, line: BlockLine<'a>) -> Option<(BlockLine<'a>, usize)> {
    let mut lowest = usize::MAX;
    let mut above = line.above(text);
    for _ in 0..LINES_MAX {
        let this = above?;
        if !this.is_blank() {
            if let Some(header) = this.header().filter(|_| this.indentation() <= lowest) {
                return Some((this, header));
            }
            if !this.is_comment() {
                lowest = lowest.min(this.indentation());
            }
            if lowest == 0 {
                return None;
            }
        }
        above = this.above(text);
    }
    None
}

/// Returns the lines of `text`: the position of each, its text, and true if it belongs to a block scalar.
pub fn lines(text: &str) -> impl Iterator<Item = (usize, &str, bool)> {
    // The current block scalar: the column of its key, and the indentation of its text, once a line of text was found.
    let mut block: Option<(usize, Option<usize>)> = None;
    let mut next = 0;
    text.split_inclusive('\n').map(move |line| {
        let this = BlockLine { start: next, text: line };
        next += line.len();
        if this.is_blank() {
            return (this.start, line, block.is_some());
        }
        let indentation = this.indentation();
        let inside = match &mut block {
            Some((_, Some(depth))) => indentation >= *depth,
            Some((column, depth)) if indentation > *column => {
                *depth = Some(indentation);
                true
            }
            _ => false,
        };
        if !inside {
            block = this.header().map(|_| (this.key_column(), None));
        }
        (this.start, line, inside)
    })
}

/// Returns true if the line at `at` is text of a block scalar.
pub(super) fn is_inside(text: &str, at: usize) -> bool {
    lines(text).take_while(|(start, ..)| *start <= at).last().is_some_and(|(_, _, inside)| inside)
}

/// Returns the block scalar that was ended by a line with less indentation, for an error of YAML at `at`.
pub(super) fn broken(text: &str, at: usize) -> Option<Broken> {
    let stopped = BlockLine::at(text, at);
    let (head, header) = header_above(text, stopped)?;
    let body = text.get(head.start..stopped.start + stopped.text.len())?;
    let mut start = head.start;
    let mut depth = None;
    // If text follows a comment, the scalar ended at the comment.
    let mut comment: Option<BlockLine<'_>> = None;
    for line in body.split_inclusive('\n') {
        let this = BlockLine { start, text: line };
        start += line.len();
        if this.start == head.start || this.is_blank() {
            continue;
        }
        let (indentation, depth) = (this.indentation(), *depth.get_or_insert(this.indentation()));
        if depth <= head.key_column() {
            let broken = Broken { header, line: this.start + indentation, empty: true };
            // An item cannot begin in the column of a key.
            let is_item = indentation < head.key_column() || !line.trim().starts_with('-');
            return (!is_item || !is_key_or_item(line.trim())).then_some(broken);
        }
        let end = if indentation < depth && this.is_comment() {
            comment = comment.or(Some(this));
            continue;
        } else if indentation >= depth {
            comment
        } else {
            // The author may have intended the end, so that the error has another reason.
            let column = head.key_column();
            let is_item = indentation < column || head.text[column..].starts_with('-') || !line.trim().starts_with('-');
            let is_text = indentation > column || !is_item || !is_key_or_item(line.trim());
            return is_text.then_some(Broken { header, line: this.start + indentation, empty: false });
        };
        if let Some(end) = end {
            return Some(Broken { header, line: end.start + end.indentation(), empty: false });
        }
    }
    None
}

/// Returns the block scalar that was ended by a line which YAML parsed as a key, although `is_key` does not know it.
/// The error of YAML at `at` is on that line, or on the next one, which is indented more.
pub fn ended_by_key(text: &str, at: usize, is_key: &dyn Fn(&str) -> bool) -> Option<Broken> {
    let at = (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at))?;
    let stopped = BlockLine::at(text, at);
    let above = std::iter::successors(stopped.above(text), |line| line.above(text)).take(LINES_MAX);
    let above = above.take_while(|line| line.start > 0).find(|line| !line.is_blank() && !line.is_comment())?;
    let ended = if stopped.indentation() > above.indentation() { above } else { stopped };
    let (head, header) = header_above(text, ended)?;
    let body = text.get(head.start + head.text.len()..ended.start)?;
    let depth = body.lines().find(|line| !line.trim().is_empty())?;
    let depth = depth.len() - depth.trim_start_matches(' ').len();
    let is_inside = |line: &str| line.trim().is_empty() || line.len() - line.trim_start_matches(' ').len() >= depth;
    let (key, _) = ended.text.trim_start().split_once(':')?;
    let is_text = depth > head.key_column() && ended.indentation() < depth && body.lines().all(is_inside);
    let is_word = !key.is_empty() && !key.contains([' ', '"', '\'']);
    let is_lost = is_text && (!is_word || !is_key(&key.replace('-', "_")));
    is_lost.then_some(Broken { header, line: ended.start + ended.indentation(), empty: false })
}

/// Returns true if `text` begins like a key, an item or a document marker.
fn is_key_or_item(text: &str) -> bool {
    let mut inner = text;
    while let Some(rest) = inner.strip_prefix("- ") {
        inner = rest.trim_start();
    }
    let name = inner.trim_start_matches(['"', '\'']);
    let end = name.find(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '-' | '.'))).unwrap_or(name.len());
    let behind = name[end..].trim_start_matches(['"', '\'', ' ']);
    inner.len() < text.len()
        || text == "-"
        || text == "---"
        || text.starts_with("--- ")
        || inner.starts_with("<<:")
        || end > 0 && behind.starts_with(':')
}

#[cfg(test)]
mod tests {
    use super::{broken, is_inside};

    /// Returns the lines of the header and of the end; `!` marks the position of the error.
    fn lines(text: &str) -> Option<(usize, usize)> {
        let at = text.find('!').unwrap();
        let text = text.replacen('!', "", 1);
        let line = |at: usize| text[..at].matches('\n').count() + 1;
        broken(&text, at).map(|found| (line(found.header), line(found.line)))
    }

    #[test]
    fn a_block_scalar_ends_at_a_line_that_is_indented_less() {
        for (text, found) in [
            ("a: |\n  one\n!&two\n", Some((1, 3))),
            ("a:\n- path: /x\n  content: |\n    one\n\n  !*two\n", Some((3, 6))),
            ("a:\n- content: |-\n      one\n    !two: x\n", Some((2, 4))),
            ("a:\n- |\n  one\n!two\n", Some((2, 4))),
            ("a: &x |2 # y\n   one\n !two\n", Some((1, 3))),
            ("a: |\n  one\n# two\n  !three\n", Some((1, 3))),
            ("a:\n- b: |\n      one\n    two\n    three!: x\n", Some((2, 4))),
            ("a: |\n  one\n!b: [\n", None),
            ("a: |\n  one\nb: c\n!d\n", None),
            ("a: b\n!c\n", None),
            ("a: |\n!b\n", Some((1, 2))),
            ("a:\n- content: |\n  !Welcome\n", Some((2, 3))),
            ("a:\n- path: /x\n  content: |\n  [Service]\n  !A=b\n", Some((3, 4))),
            ("a:\n- path: /x\n  content: |\n  #!/bin/bash\n  !echo\n", Some((3, 4))),
            ("a:\n- path: /x\n  content: |\n    -----BEGIN\n  !-----END\n", Some((3, 5))),
            ("a:\n- path: /x\n  content: |\n    a\n  !- one\n", Some((3, 5))),
            ("a:\n- |\n  a\n!- one\n", None),
            ("a:\n- content: |\n  !- one\n  - two\n", Some((2, 3))),
            ("a:\n- content: |\n!- one\n", None),
            ("a:\n- content: |\n    a\n!- one\n", None),
            ("a:\n- content: |\n  b: c\n  !d\n", None),
        ] {
            assert_eq!(lines(text), found, "{text}");
        }
    }

    #[test]
    fn a_key_that_is_unknown_ended_its_block_scalar() {
        let is_key = |word: &str| ["path", "content"].contains(&word);
        for (text, found) in [
            ("a:\n- content: |\n    a: 1\n  b: 2\n    !c: 3\n", Some(4)),
            ("a:\n  - content: |\n      kind: Pod\n  !metadata:\n      name: x\n", Some(4)),
            ("a:\n- content: |\n    a: 1\n  path: 2\n    !c: 3\n", None),
            ("a:\n- content: |\n    a: 1\n  b: 2\n  !c\n", None),
            ("a:\n  b: c\n   !d: e\n", None),
        ] {
            let at = text.find('!').unwrap();
            let text = text.replacen('!', "", 1);
            let line =
                super::ended_by_key(&text, at, &is_key).map(|found| text[..found.line].matches('\n').count() + 1);
            assert_eq!(line, found, "{text}");
        }
    }

    #[test]
    fn the_remedy_is_that_of_an_item_or_a_key() {
        let is_key = |word: &str| ["path", "content", "permissions"].contains(&word);
        for (text, help) in [
            ("f:\n- path: a\n  content: |\n    a\n !- path: b\n", Some("the other items, by 0 spaces")),
            ("f:\n  - path: a\n    content: |\n      a\n     !permissions: b\n", Some("keys of the item, by 4 spaces")),
            ("f:\n  - name: a\n    content: |\n      a\n   !- path: b\n", Some("the key of its list")),
            ("f:\n- path: a\n  content: |\n    a\n   !b: c\n", None),
            ("f:\n- path: a\n  content: |\n    a\n   !text\n", None),
        ] {
            let at = text.find('!').unwrap();
            let found = super::remedy(&text.replacen('!', "", 1), at, &is_key);
            assert_eq!(found.is_some(), help.is_some(), "{text}");
            assert!(found.unwrap_or_default().contains(help.unwrap_or_default()), "{text}");
        }
    }

    #[test]
    fn text_of_a_block_scalar_is_known() {
        let inside = |text: &str| is_inside(&text.replacen('!', "", 1), text.find('!').unwrap());
        assert!(inside("a: |\n  !one\n"));
        assert!(inside("a:\n- content: >-\n\n    one\n      !two\n"));
        assert!(!inside("a: |\n  one\n!b: c\n"));
        assert!(!inside("a:\n- content: |\n    one\n  !path: x\n"));
        assert!(!inside("a:\n  !b: c\n"));
    }
}
