//! The pieces of a multipart, between the lines that are its boundary (RFC 2046, docs/user-data.md).

use std::ops::Range;

use super::header::line_at;
use crate::diagnostic::Span;

/// How a multipart ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// With its final boundary; and the first line after it that is the boundary, too.
    Final(Option<Span>),
    /// Without it.
    Missing,
    /// Before its first boundary.
    NoBoundary,
}

/// The pieces in order, as ranges of the bytes. The last one ends with them where the final boundary is missing.
pub(super) struct Pieces<'a> {
    bytes: &'a [u8],
    boundary: &'a [u8],
    /// Where the next piece begins.
    next: Option<usize>,
    end: End,
    /// The first line that is the boundary.
    first: Option<Range<usize>>,
    /// Where the final boundary ends.
    end_of_final: usize,
}

/// A line that is the boundary.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Delimiter {
    Next,
    Final,
}

impl<'a> Pieces<'a> {
    /// The pieces of `bytes` from `from` on; what stands before the first boundary is for people.
    pub fn new(bytes: &'a [u8], from: usize, boundary: &'a str) -> Self {
        let mut pieces = Self {
            bytes,
            boundary: boundary.as_bytes(),
            next: None,
            end: End::NoBoundary,
            first: None,
            end_of_final: bytes.len(),
        };
        if let Some((line, delimiter)) = pieces.delimiter(from) {
            pieces.pass(&line, delimiter);
            pieces.first = Some(line);
        }
        pieces
    }

    /// How it ends, once there are no more pieces.
    pub fn end(&self) -> End {
        self.end
    }

    /// Where the first boundary begins, or all ends.
    pub fn start(&self) -> usize {
        self.first.as_ref().map_or(self.bytes.len(), |line| line.start)
    }

    /// Where the final boundary ends, or all does, once there are no more pieces.
    pub fn end_of_final(&self) -> usize {
        self.end_of_final
    }

    /// The first line from `from` on that is the boundary. Each line is looked at once, and no further than the
    /// boundary is long, so that this is linear whatever the lines are.
    fn delimiter(&self, from: usize) -> Option<(Range<usize>, Delimiter)> {
        let mut at = from;
        while at < self.bytes.len() {
            let line = line_at(self.bytes, at);
            let end = at + line.len();
            if let Some(rest) = line.strip_prefix(b"--").and_then(|line| line.strip_prefix(self.boundary)) {
                let (rest, delimiter) =
                    rest.strip_prefix(b"--").map_or((rest, Delimiter::Next), |rest| (rest, Delimiter::Final));
                if rest.trim_ascii().is_empty() {
                    return Some((at..end, delimiter));
                }
            }
            at = end;
        }
        None
    }

    /// Goes on after a boundary.
    fn pass(&mut self, line: &Range<usize>, delimiter: Delimiter) {
        if delimiter == Delimiter::Final {
            self.next = None;
            self.end_of_final = line.end;
            self.end = End::Final(self.delimiter(line.end).map(|(line, _)| {
                let length = self.bytes[line.clone()].trim_ascii_end().len();
                Span::new(line.start, line.start + length)
            }));
        } else {
            self.next = Some(line.end);
            self.end = End::Missing;
        }
    }
}

impl Iterator for Pieces<'_> {
    type Item = Range<usize>;

    fn next(&mut self) -> Option<Range<usize>> {
        let start = self.next.take()?;
        let Some((line, delimiter)) = self.delimiter(start) else {
            // Nothing at all after the last boundary is no piece.
            return (start < self.bytes.len()).then_some(start..self.bytes.len());
        };
        self.pass(&line, delimiter);
        // The line end before a boundary belongs to it.
        let piece = &self.bytes[start..line.start];
        let piece = piece.strip_suffix(b"\n").unwrap_or(piece);
        let piece = piece.strip_suffix(b"\r").unwrap_or(piece);
        Some(start..start + piece.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(text: &str) -> (Vec<&str>, End) {
        let mut pieces = Pieces::new(text.as_bytes(), 0, "B");
        let found = pieces.by_ref().map(|range| &text[range]).collect();
        (found, pieces.end())
    }

    #[test]
    fn pieces_stand_between_boundaries() {
        let whole = End::Final(None);
        assert_eq!(split("--B\na\n--B\nb\n\n--B--\n"), (vec!["a", "b\n"], whole));
        assert_eq!(split("--B\r\na\r\n--B--"), (vec!["a"], whole));
        assert_eq!(split("for people\n--B \t\na\n--B-- \nand these\n"), (vec!["a"], whole));
        assert_eq!(split("--B\n--B\n\n--B--"), (vec!["", ""], whole));
        assert_eq!(split("--B--"), (vec![], whole));
        assert_eq!(
            split("--B\na--B\n --B\n--Bx\n--BB\n--b\n-B\n--B-\n--B---\n--B--"),
            (vec!["a--B\n --B\n--Bx\n--BB\n--b\n-B\n--B-\n--B---"], whole)
        );
    }

    #[test]
    fn a_missing_end_is_told() {
        assert_eq!(split("--B\na\n--B\nb\n"), (vec!["a", "b\n"], End::Missing));
        assert_eq!(split("--B\na\n--B"), (vec!["a"], End::Missing));
        assert_eq!(split("--B\na\n--B-"), (vec!["a\n--B-"], End::Missing));
        assert_eq!(split("--B\n"), (vec![], End::Missing));
        for text in ["", "a\n", "--b\n"] {
            assert_eq!(split(text), (vec![], End::NoBoundary), "{text:?}");
        }
    }

    #[test]
    fn what_stands_part_after_end_is_found() {
        assert_eq!(split("--B\na\n--B--\nmore\n--B\nb\n--B--"), (vec!["a"], End::Final(Some(Span::new(17, 20)))));
        assert_eq!(split("--B--\n--B--"), (vec![], End::Final(Some(Span::new(6, 11)))));
    }
}
