//! Letters of other scripts that look like ASCII letters, and lookalike characters in text.

use super::confusable::{Sign, sign};

/// Returns the ASCII letter that `c` looks like; `c` itself if it looks like none.
pub fn resembling(c: char) -> char {
    match c {
        '\u{ff21}'..='\u{ff3a}' | '\u{ff41}'..='\u{ff5a}' => {
            u32::from(c).checked_sub(0xfee0).and_then(char::from_u32).unwrap_or(c)
        }
        _ => LETTERS.iter().find(|(letter, _)| *letter == c).map_or(c, |(_, ascii)| *ascii),
    }
}

/// Cyrillic and Greek letters that look like ASCII letters.
const LETTERS: [(char, char); 40] = [
    ('\u{430}', 'a'),
    ('\u{435}', 'e'),
    ('\u{43e}', 'o'),
    ('\u{440}', 'p'),
    ('\u{441}', 'c'),
    ('\u{443}', 'y'),
    ('\u{445}', 'x'),
    ('\u{456}', 'i'),
    ('\u{455}', 's'),
    ('\u{458}', 'j'),
    ('\u{4bb}', 'h'),
    ('\u{501}', 'd'),
    ('\u{51b}', 'q'),
    ('\u{51d}', 'w'),
    ('\u{43a}', 'k'),
    ('\u{43c}', 'm'),
    ('\u{442}', 't'),
    ('\u{432}', 'b'),
    ('\u{43d}', 'h'),
    ('\u{410}', 'A'),
    ('\u{412}', 'B'),
    ('\u{415}', 'E'),
    ('\u{41a}', 'K'),
    ('\u{41c}', 'M'),
    ('\u{41d}', 'H'),
    ('\u{41e}', 'O'),
    ('\u{420}', 'P'),
    ('\u{421}', 'C'),
    ('\u{422}', 'T'),
    ('\u{423}', 'Y'),
    ('\u{425}', 'X'),
    ('\u{406}', 'I'),
    ('\u{405}', 'S'),
    ('\u{408}', 'J'),
    ('\u{3bf}', 'o'),
    ('\u{3bd}', 'v'),
    ('\u{3b9}', 'i'),
    ('\u{3c1}', 'p'),
    ('\u{391}', 'A'),
    ('\u{39f}', 'O'),
];

/// Returns the first letter of `text` that looks like an ASCII letter and is in a word with ASCII letters.
pub(super) fn foreign_letter(text: &str) -> Option<(usize, char)> {
    let mut start = 0;
    for word in text.split_inclusive(|c: char| !c.is_alphanumeric()) {
        let mut letters = word.char_indices().filter(|(_, c)| c.is_alphabetic());
        if !word.is_ascii()
            && word.contains(|c: char| c.is_ascii_alphabetic())
            && letters.all(|(_, c)| resembling(c).is_ascii())
        {
            return word
                .char_indices()
                .find(|(_, c)| c.is_alphabetic() && !c.is_ascii())
                .map(|(at, c)| (start + at, c));
        }
        start += word.len();
    }
    None
}

/// Replaces lookalike blanks, quotes and dashes in `text`, and removes invisible characters.
pub fn without_lookalikes(text: &str) -> String {
    let ordinary = |c: char| match sign(c) {
        Some(Sign::Blank | Sign::Break) => Some(' '),
        Some(Sign::Quote) => Some('"'),
        Some(Sign::Dash) => Some('-'),
        Some(Sign::Colon) => Some(':'),
        Some(Sign::Hidden) => None,
        None => Some(c),
    };
    text.chars().filter_map(ordinary).collect()
}

/// Describes the first lookalike character of `text` by its code point and name.
pub fn describe_lookalike(text: &str) -> Option<String> {
    let found = text.chars().find(|c| sign(*c).is_some()).or_else(|| Some(foreign_letter(text)?.1));
    found.map(described)
}

/// Describes the first lookalike character of a path, in which dashes, colons and apostrophes may be intended.
pub fn describe_lookalike_in_path(path: &str) -> Option<String> {
    let is_odd = |c: char| match sign(c) {
        Some(Sign::Blank | Sign::Hidden | Sign::Break) => true,
        Some(Sign::Quote) => c != '\u{2019}',
        Some(Sign::Dash | Sign::Colon) | None => false,
    };
    path.chars().find(|c| is_odd(*c)).or_else(|| Some(foreign_letter(path)?.1)).map(described)
}

/// Describes the first lookalike character of a command line in its command, its blanks, or at the beginning of an
/// argument.
pub fn describe_lookalike_in_command(line: &str) -> Option<String> {
    let command = line.split_whitespace().next()?;
    let mut before = ' ';
    let found = line.char_indices().find(|(at, c)| {
        let is_first = std::mem::replace(&mut before, *c) == ' ';
        match sign(*c) {
            Some(Sign::Blank | Sign::Hidden) => true,
            Some(Sign::Quote) => is_first,
            Some(Sign::Dash) => is_first && line[at + c.len_utf8()..].starts_with(|c: char| c.is_ascii_alphanumeric()),
            _ => false,
        }
    });
    found.map(|(_, c)| c).or_else(|| Some(foreign_letter(command)?.1)).map(described)
}

/// Returns the code point and the name of a character.
pub(super) fn described(c: char) -> String {
    format!("U+{:04X} ({})", u32::from(c), name(c))
}

/// Returns the name of a character for messages.
fn name(c: char) -> &'static str {
    match c {
        '\u{a0}' => "no-break space",
        '\u{ad}' => "soft hyphen",
        '\u{200b}' => "zero width space",
        '\u{200c}' => "zero width non-joiner",
        '\u{200d}' => "zero width joiner",
        '\u{feff}' => "byte order mark",
        '\u{3000}' => "ideographic space",
        '\u{85}' => "next line",
        '\u{2028}' => "line separator",
        '\u{2029}' => "paragraph separator",
        '\u{2018}' => "left single quotation mark",
        '\u{2019}' => "right single quotation mark",
        '\u{201c}' => "left double quotation mark",
        '\u{201d}' => "right double quotation mark",
        '\u{2013}' => "en dash",
        '\u{2014}' => "em dash",
        '\u{2212}' => "minus sign",
        '\u{ff0c}' => "fullwidth comma",
        '\u{ff0f}' => "fullwidth slash",
        '\u{ff1a}' => "fullwidth colon",
        _ => match sign(c) {
            Some(Sign::Blank) => "a space of another width",
            Some(Sign::Hidden) => "an invisible character",
            Some(Sign::Quote) => "a quotation mark",
            Some(Sign::Dash) => "a dash",
            Some(Sign::Colon) => "a colon",
            Some(Sign::Break) => "a line break",
            None => match c {
                '\u{370}'..='\u{3ff}' => "a Greek letter",
                '\u{400}'..='\u{52f}' => "a Cyrillic letter",
                _ if !c.is_alphabetic() => "a sign that looks like another one",
                _ => "a letter of another width",
            },
        },
    }
}
