//! From the scanner's places to bytes of the text, and from those to bytes of the author's.

use crate::diagnostic::Span;

/// The places of one text.
#[derive(Clone, Copy)]
pub(super) struct Places<'a> {
    text: &'a str,
    place: &'a dyn Fn(usize) -> usize,
}

impl<'a> Places<'a> {
    /// Positions in `text`; `place` maps its bytes to those of the source text.
    pub fn new(text: &'a str, place: &'a dyn Fn(usize) -> usize) -> Self {
        Self { text, place }
    }

    /// The text.
    pub fn text(&self) -> &str {
        self.text
    }

    /// The place of a character: the scanner counts bytes, but it is not trusted with what would panic.
    pub fn byte(&self, index: usize) -> usize {
        let mut byte = index.min(self.text.len());
        while !self.text.is_char_boundary(byte) {
            byte -= 1;
        }
        byte
    }

    /// The author's span for a range of bytes of the text.
    pub fn span(&self, start: usize, end: usize) -> Span {
        let first = (self.place)(start);
        Span::new(first, (self.place)(end).max(first))
    }

    /// The author's span for the character at a byte of the text.
    pub fn character(&self, at: usize) -> Span {
        self.span(at, at + self.text[at..].chars().next().map_or(0, char::len_utf8))
    }
}

#[cfg(test)]
mod tests {
    use super::Places;
    use crate::diagnostic::Span;

    #[test]
    fn a_place_is_where_a_character_begins() {
        let place = |byte: usize| byte + 100;
        let places = Places::new("aä€z", &place);
        assert_eq!([0, 1, 2, 3, 4, 5, 6, 7, 8, 99].map(|index| places.byte(index)), [0, 1, 1, 3, 3, 3, 6, 7, 7, 7]);
        assert_eq!(places.span(1, 3), Span::new(101, 103));
        assert_eq!(places.character(1), Span::new(101, 103));
        assert_eq!(places.character(7), Span::new(107, 107));
    }
}
