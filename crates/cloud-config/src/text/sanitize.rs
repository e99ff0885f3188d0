//! Characters that are safe to print: visible, and without effect on the terminal or on other characters.

use std::ops::RangeInclusive;

/// The characters, besides control characters, that are printed as escapes, in ascending order.
///
/// These are Unicode's format characters and default-ignorable code points, its line and paragraph separators, blank
/// letters and symbols, and spaces other than U+0020. Two names that differ in one of these look the same.
const ESCAPED: [RangeInclusive<char>; 31] = [
    '\u{a0}'..='\u{a0}',
    '\u{ad}'..='\u{ad}',
    '\u{34f}'..='\u{34f}',
    '\u{600}'..='\u{605}',
    '\u{61c}'..='\u{61c}',
    '\u{6dd}'..='\u{6dd}',
    '\u{70f}'..='\u{70f}',
    '\u{890}'..='\u{891}',
    '\u{8e2}'..='\u{8e2}',
    '\u{115f}'..='\u{1160}',
    '\u{1680}'..='\u{1680}',
    '\u{17b4}'..='\u{17b5}',
    '\u{180b}'..='\u{180f}',
    // Spaces, zero-width characters, separators and directional marks.
    '\u{2000}'..='\u{200f}',
    '\u{2028}'..='\u{202f}',
    '\u{205f}'..='\u{206f}',
    // The braille pattern without dots.
    '\u{2800}'..='\u{2800}',
    '\u{3000}'..='\u{3000}',
    '\u{3164}'..='\u{3164}',
    '\u{fe00}'..='\u{fe0f}',
    '\u{feff}'..='\u{feff}',
    '\u{ffa0}'..='\u{ffa0}',
    '\u{fff0}'..='\u{fffb}',
    '\u{110bd}'..='\u{110bd}',
    '\u{110cd}'..='\u{110cd}',
    '\u{13430}'..='\u{1343f}',
    '\u{16fe4}'..='\u{16fe4}',
    '\u{1bca0}'..='\u{1bca3}',
    // The musical symbol null notehead.
    '\u{1d159}'..='\u{1d159}',
    '\u{1d173}'..='\u{1d17a}',
    '\u{e0000}'..='\u{e0fff}',
];

/// Returns `text` on one line and without effect on a terminal. All characters for which [`is_shown`] is false are
/// escaped.
pub fn printable(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if is_shown(c) { out.push(c) } else { out.extend(c.escape_default()) }
    }
    out
}

/// Returns true if `c` is visible or U+0020, and does not change how other characters look.
pub fn is_shown(c: char) -> bool {
    if c.is_ascii() {
        return !c.is_ascii_control();
    }
    !c.is_control() && !ESCAPED.iter().any(|range| range.contains(&c))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The characters to escape, independent of the table: Unicode's `Default_Ignorable_Code_Point`, its format
    /// characters, its separators except U+0020, and characters that are blank in most fonts.
    const INVISIBLE: [(u32, u32); 41] = [
        (0x0, 0x1f),
        (0x7f, 0x9f),
        (0xa0, 0xa0),
        (0xad, 0xad),
        (0x34f, 0x34f),
        (0x600, 0x605),
        (0x61c, 0x61c),
        (0x6dd, 0x6dd),
        (0x70f, 0x70f),
        (0x890, 0x891),
        (0x8e2, 0x8e2),
        (0x115f, 0x1160),
        (0x1680, 0x1680),
        (0x17b4, 0x17b5),
        (0x180b, 0x180f),
        (0x2000, 0x200a),
        (0x200b, 0x200f),
        (0x2028, 0x2029),
        (0x202a, 0x202e),
        (0x202f, 0x202f),
        (0x205f, 0x205f),
        (0x2060, 0x206f),
        (0x2800, 0x2800),
        (0x3000, 0x3000),
        (0x3164, 0x3164),
        (0xfe00, 0xfe0f),
        (0xfeff, 0xfeff),
        (0xffa0, 0xffa0),
        (0xfff0, 0xfff8),
        (0xfff9, 0xfffb),
        (0x110bd, 0x110bd),
        (0x110cd, 0x110cd),
        (0x13430, 0x1343f),
        (0x16fe4, 0x16fe4),
        (0x1bca0, 0x1bca3),
        (0x1d159, 0x1d159),
        (0x1d173, 0x1d17a),
        (0xe0000, 0xe0fff),
        (0xe0001, 0xe0001),
        (0xe0020, 0xe007f),
        (0xe0100, 0xe01ef),
    ];

    #[test]
    fn invisible_characters_are_escaped_and_no_others() {
        for c in '\0'..=char::MAX {
            let code = u32::from(c);
            let is_invisible = INVISIBLE.iter().any(|(first, last)| (*first..=*last).contains(&code));
            assert_eq!(is_shown(c), !is_invisible, "U+{code:04X}");
            let text = printable(&format!("a{c}b"));
            if is_invisible {
                assert!(text.is_ascii() && text.len() > 3 && text.starts_with("a\\"), "U+{code:04X}: {text}");
            } else {
                assert_eq!(text, format!("a{c}b"));
            }
        }
    }

    #[test]
    fn escapes_have_the_form_of_rust() {
        assert_eq!(printable("a\nb\u{1b}é"), "a\\nb\\u{1b}é");
        assert_eq!(printable("a\u{202e}b\u{9b}"), "a\\u{202e}b\\u{9b}");
        assert_eq!(printable("a\u{34f}\u{2800}\u{3000} b"), "a\\u{34f}\\u{2800}\\u{3000} b");
    }
}
