//! Converts byte offsets in a text to lines and columns.

use std::ops::Range;

use serde::Serialize;

use crate::diagnostic::Span;

/// A line and a column, counted from 1. Columns count characters. A line ends with a line feed, and a byte order mark
/// is not part of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The character in the line.
    pub column: usize,
}

/// The range from a first position to the position after the last character.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct LineRange {
    /// The first position.
    #[serde(flatten)]
    pub start: Position,
    /// The line of the last character.
    pub end_line: usize,
    /// The column after the last character.
    pub end_column: usize,
}

/// The number of characters is stored once per block of so many bytes, so that a position in a long line is found
/// quickly.
const BLOCK: usize = 512;

/// The starts of the lines of a text.
pub struct Lines<'a> {
    bytes: &'a [u8],
    starts: Vec<usize>,
    /// The number of characters before each block.
    counts: Vec<usize>,
}

impl<'a> Lines<'a> {
    /// Finds the lines of `bytes`, which need not be UTF-8.
    pub fn new(bytes: &'a [u8]) -> Self {
        let ends = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at + 1);
        let mut count = 0;
        let counts = bytes.chunks(BLOCK).map(|block| {
            let before = count;
            count += characters(block);
            before
        });
        Self { bytes, counts: counts.collect(), starts: std::iter::once(0).chain(ends).collect() }
    }

    /// Returns the line and column of a byte.
    pub fn position(&self, offset: usize) -> Position {
        let offset = offset.min(self.bytes.len());
        let line = self.starts.partition_point(|start| *start <= offset);
        Position { line, column: self.count(offset) - self.count(self.starts[line - 1]) + 1 }
    }

    /// Returns the number of characters before a byte.
    fn count(&self, offset: usize) -> usize {
        let block = offset / BLOCK;
        self.counts.get(block).or(self.counts.last()).map_or(0, |before| {
            let start = block.min(self.counts.len() - 1) * BLOCK;
            before + characters(&self.bytes[start..offset])
        })
    }

    /// Returns the line and column of the first byte of a span.
    pub fn start(&self, span: Span) -> Position {
        self.position(span.start)
    }

    /// Returns the lines and columns of a span.
    pub fn extent(&self, span: Span) -> LineRange {
        let end = self.position(span.end.max(span.start));
        LineRange { start: self.start(span), end_line: end.line, end_column: end.column }
    }

    /// Returns the range of the line that contains a byte, without its line end.
    pub fn line(&self, offset: usize) -> Range<usize> {
        let number = self.starts.partition_point(|start| *start <= offset.min(self.bytes.len()));
        let start = self.starts[number - 1];
        let end = self.starts.get(number).copied().unwrap_or(self.bytes.len());
        let line = &self.bytes[start..end];
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        start..start + line.strip_suffix(b"\r").unwrap_or(line).len()
    }
}

/// Counts the characters that begin in `bytes`: all other bytes of a character have the form 10xxxxxx.
fn characters(bytes: &[u8]) -> usize {
    bytes.iter().filter(|byte| **byte & 0xc0 != 0x80).count()
}

#[cfg(test)]
mod tests {
    use super::{BLOCK, LineRange, Lines, Position};
    use crate::diagnostic::Span;

    #[test]
    fn columns_count_characters() {
        let lines = Lines::new("ab\né x\n".as_bytes());
        let at = |offset| {
            let Position { line, column } = lines.position(offset);
            (line, column)
        };
        assert_eq!(at(0), (1, 1));
        assert_eq!(at(2), (1, 3));
        assert_eq!(at(3), (2, 1));
        assert_eq!(at(6), (2, 3));
        assert_eq!(at(8), (3, 1));
        assert_eq!(at(99), (3, 1), "past the end is the end");
    }

    #[test]
    fn tabs_and_carriage_returns_are_characters_too() {
        let text = "a:\r\n\tb\r\n\r\n€😀e\u{301}\rx";
        let lines = Lines::new(text.as_bytes());
        let at = |what: &str| lines.position(text.find(what).unwrap());
        assert_eq!(at("\r\n"), Position { line: 1, column: 3 }, "no part of the line, and yet a place");
        assert_eq!(at("b"), Position { line: 2, column: 2 });
        assert_eq!(at("e"), Position { line: 4, column: 3 });
        assert_eq!(at("x"), Position { line: 4, column: 6 }, "only a line feed ends a line");
    }

    #[test]
    fn an_extent_ends_behind_its_last_character() {
        let lines = Lines::new("a: éé\nbc\n".as_bytes());
        let at = |start, end| {
            let LineRange { start, end_line, end_column } = lines.extent(Span::new(start, end));
            (start.line, start.column, end_line, end_column)
        };
        assert_eq!(at(3, 7), (1, 4, 1, 6));
        assert_eq!(at(3, 9), (1, 4, 2, 2));
        assert_eq!(at(7, 7), (1, 6, 1, 6));
        assert_eq!(at(10, 99), (2, 3, 3, 1), "past the end is the end");
        let json = serde_json::to_string(&lines.extent(Span::new(0, 1))).unwrap();
        assert_eq!(json, r#"{"line":1,"column":1,"end_line":1,"end_column":2}"#);
    }

    #[test]
    fn a_line_is_without_what_ends_it() {
        let text = "a\r\nbc\n\nd";
        let lines = Lines::new(text.as_bytes());
        let line = |offset| &text[lines.line(offset)];
        assert_eq!([0, 1, 2, 3, 4, 5, 6, 7, 8, 99].map(line), ["a", "a", "a", "bc", "bc", "bc", "", "d", "d", "d"]);
        assert_eq!(Lines::new(b"").line(0), 0..0);
        assert_eq!(Lines::new(b"a\n").line(2), 2..2);
    }

    #[test]
    fn long_lines_are_counted_through() {
        for (text, width) in [("a".repeat(3 * BLOCK), 1), ("é".repeat(2 * BLOCK), 2)] {
            let text = format!("x\n{text}");
            let lines = Lines::new(text.as_bytes());
            for column in [1, 2, BLOCK / 2, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK] {
                assert_eq!(lines.position(2 + (column - 1) * width), Position { line: 2, column });
            }
        }
    }
}
