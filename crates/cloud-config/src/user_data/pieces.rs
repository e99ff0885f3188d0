//! The pieces of a multipart, which boundary lines separate (RFC 2046, docs/user-data.md).

use std::ops::Range;

use super::header::line_at;
use crate::diagnostic::Span;

/// The end of a multipart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// The final boundary. If a further boundary line follows, its position is given.
    Final(Option<Span>),
    /// The end of the bytes; the final boundary is missing.
    Missing,
    /// The multipart has no boundary line at all.
    NoBoundary,
}

/// Iterates over the pieces, as ranges of the bytes. If the final boundary is missing, the last piece ends with the
/// bytes.
pub(super) struct Pieces<'a> {
    bytes: &'a [u8],
    boundary: &'a [u8],
    /// The start of the next piece.
    next: Option<usize>,
    end: End,
    /// The first boundary line.
    first: Option<Range<usize>>,
    /// The end of the final boundary.
    end_of_final: usize,
}

/// The kind of a boundary line.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Delimiter {
    Next,
    Final,
}

impl<'a> Pieces<'a> {
    /// Starts the iteration over the pieces of `bytes` from `from` on. The text before the first boundary is ignored.
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

    /// Returns how the multipart ended. Valid after the last piece.
    pub fn end(&self) -> End {
        self.end
    }

    /// Returns the start of the first boundary, or the end of the bytes.
    pub fn start(&self) -> usize {
        self.first.as_ref().map_or(self.bytes.len(), |line| line.start)
    }

    /// Returns the end of the final boundary, or of the bytes. Valid after the last piece.
    pub fn end_of_final(&self) -> usize {
        self.end_of_final
    }

    /// Returns the first boundary line from `from` on. Each line is examined once, and only to the length of the
    /// boundary, so the time is linear.
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

    /// Continues after a boundary line.
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
            // An empty rest after the last boundary is not a piece.
            return (start < self.bytes.len()).then_some(start..self.bytes.len());
        };
        self.pass(&line, delimiter);
        // The line end before a boundary is part of the boundary.
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
