//! Places in a text: from byte offsets to lines and columns.

use serde::Serialize;

use crate::finding::Span;

/// A line and a column, both counted from 1; columns count characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The character in the line.
    pub column: usize,
}

/// Characters are counted once for so many bytes, so that a place in a long line is found in no time.
const BLOCK: usize = 512;

/// Where the lines of a text begin.
pub struct Lines<'a> {
    bytes: &'a [u8],
    starts: Vec<usize>,
    /// How many characters stand before each block.
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

    /// The line and column of a byte.
    pub fn position(&self, offset: usize) -> Position {
        let offset = offset.min(self.bytes.len());
        let line = self.starts.partition_point(|start| *start <= offset);
        Position { line, column: self.count(offset) - self.count(self.starts[line - 1]) + 1 }
    }

    /// How many characters stand before a byte.
    fn count(&self, offset: usize) -> usize {
        let block = offset / BLOCK;
        self.counts.get(block).or(self.counts.last()).map_or(0, |before| {
            let start = block.min(self.counts.len() - 1) * BLOCK;
            before + characters(&self.bytes[start..offset])
        })
    }

    /// The line and column where a span begins.
    pub fn start(&self, span: Span) -> Position {
        self.position(span.start)
    }
}

/// How many characters begin in `bytes`: the bytes that follow the first of one look like 10xxxxxx.
fn characters(bytes: &[u8]) -> usize {
    bytes.iter().filter(|byte| **byte & 0xc0 != 0x80).count()
}

#[cfg(test)]
mod tests {
    use super::{BLOCK, Lines, Position};

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
