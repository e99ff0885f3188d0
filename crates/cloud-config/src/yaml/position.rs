//! Maps positions of the scanner to bytes of the text, and these to bytes of the source text.

use crate::diagnostic::Span;

/// Maps the positions of one text.
#[derive(Clone, Copy)]
pub(super) struct Positions<'a> {
    text: &'a str,
    origin: &'a dyn Fn(usize) -> usize,
}

impl<'a> Positions<'a> {
    /// Maps positions in `text`. `origin` maps its bytes to those of the source text.
    pub fn new(text: &'a str, origin: &'a dyn Fn(usize) -> usize) -> Self {
        Self { text, origin }
    }

    /// Returns the text.
    pub fn text(&self) -> &str {
        self.text
    }

    /// Returns the byte at a position of the scanner, moved to a valid one: an invalid index would cause a panic.
    pub fn byte(&self, index: usize) -> usize {
        let mut byte = index.min(self.text.len());
        while !self.text.is_char_boundary(byte) {
            byte -= 1;
        }
        byte
    }

    /// Returns the span in the source text for a range of bytes of the text.
    pub fn span(&self, start: usize, end: usize) -> Span {
        let first = (self.origin)(start);
        Span::new(first, (self.origin)(end).max(first))
    }

    /// Returns the span in the source text for the character at a byte of the text.
    pub fn character(&self, at: usize) -> Span {
        self.span(at, at + self.text[at..].chars().next().map_or(0, char::len_utf8))
    }
}

#[cfg(test)]
mod tests {
    use super::Positions;
    use crate::diagnostic::Span;

    #[test]
    fn a_position_is_where_a_character_begins() {
        let origin = |byte: usize| byte + 100;
        let positions = Positions::new("aä€z", &origin);
        assert_eq!([0, 1, 2, 3, 4, 5, 6, 7, 8, 99].map(|index| positions.byte(index)), [0, 1, 1, 3, 3, 3, 6, 7, 7, 7]);
        assert_eq!(positions.span(1, 3), Span::new(101, 103));
        assert_eq!(positions.character(1), Span::new(101, 103));
        assert_eq!(positions.character(7), Span::new(107, 107));
    }
}
