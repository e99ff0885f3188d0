//! The environment of a unit: variables with addresses go to an environment file that is written at boot.
//!
//! An environment file takes precedence over every `Environment=` of its unit. The file therefore has the variables
//! only whose last assignment, in all texts of the unit, has an address.

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;

use super::pending::Origin;
use super::stand_ins::StandIns;
use super::unit_lines::{joined, lines};
use super::unit_tokens::Reason;

/// The variables of a unit whose values have addresses, with stand-ins.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Variables {
    /// The variables by name.
    by_name: HashMap<String, Variable>,
    /// The number of variables that have been taken; the file keeps their order.
    count: usize,
    /// The place of the text that is read.
    pub origin: Origin,
}

#[derive(Debug, PartialEq, Eq)]
struct Variable {
    number: usize,
    value: String,
    origin: Origin,
}

impl Variables {
    /// Takes the value of an `Environment=`, and returns the assignments that stay there.
    pub fn assign<'v>(&mut self, value: &'v str, stand_ins: &StandIns, mut lose: impl FnMut(Reason)) -> Vec<&'v str> {
        let assignments = assignments(value);
        if assignments.is_empty() {
            self.by_name.clear();
        }
        let mut kept = Vec::new();
        for Assignment { raw, name, value } in assignments {
            let has_token = stand_ins.is_in(raw);
            match (name, value) {
                (Some(name), Some(value)) if has_token => {
                    self.count += 1;
                    self.by_name.insert(name, Variable { number: self.count, value, origin: self.origin });
                }
                (Some(_), None) if has_token => lose(Reason::Specifier),
                (None, _) if has_token => lose(Reason::Invalid),
                (name, _) => {
                    if let Some(name) = name {
                        self.by_name.remove(&name);
                    }
                    kept.push(raw);
                }
            }
        }
        kept
    }

    /// The places of the texts that set them, each once.
    pub fn origins(&self) -> Vec<Origin> {
        let mut known = HashSet::new();
        self.in_order()
            .into_iter()
            .map(|(_, variable)| variable.origin)
            .filter(|origin| known.insert(*origin))
            .collect()
    }

    /// The lines of an environment file.
    pub fn file(&self) -> String {
        self.in_order().into_iter().fold(String::new(), |mut text, (name, variable)| {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{}", crate::plan::text_files::environment_line(name, &variable.value));
            text
        })
    }

    /// The variables in the order in which they were taken.
    fn in_order(&self) -> Vec<(&str, &Variable)> {
        let mut list: Vec<_> = self.by_name.iter().map(|(name, variable)| (name.as_str(), variable)).collect();
        list.sort_unstable_by_key(|(_, variable)| variable.number);
        list
    }
}

/// An assignment of `Environment=`.
struct Assignment<'v> {
    /// The text, with quotes.
    raw: &'v str,
    /// The variable; `None` if systemd ignores the assignment.
    name: Option<String>,
    /// The value; `None` if it has a specifier.
    value: Option<String>,
}

/// The assignments of `Environment=`, as systemd splits them. The last one has everything behind a syntax error.
fn assignments(value: &str) -> Vec<Assignment<'_>> {
    let mut found = Vec::new();
    let mut rest = value.trim_ascii_start();
    while !rest.is_empty() {
        let (raw, word) = match word(rest) {
            Some((length, word)) => (&rest[..length], Some(word)),
            None => (rest.trim_ascii_end(), None),
        };
        rest = rest[raw.len()..].trim_ascii_start();
        let assignment = word.as_deref().and_then(|word| word.split_once('='));
        let is_name = |name: &&str| {
            !name.is_empty()
                && !name.starts_with(|c: char| c.is_ascii_digit())
                && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        };
        let (name, value) = assignment.filter(|(name, _)| is_name(name)).unzip();
        found.push(Assignment { raw, name: name.map(str::to_owned), value: value.and_then(resolved) });
    }
    found
}

/// The length of the first word of `text`, and the word without quotes and escapes; `None` for a syntax error.
fn word(text: &str) -> Option<(usize, String)> {
    let mut chars = text.chars();
    let (mut word, mut quote) = (String::new(), None);
    loop {
        let length = text.len() - chars.as_str().len();
        match chars.next() {
            None if quote.is_some() => return None,
            None => return Some((length, word)),
            Some(c) if quote.is_none() && c.is_ascii_whitespace() => return Some((length, word)),
            Some('\\') => word.push(unescape(&mut chars)?),
            Some(c @ ('"' | '\'')) if quote.is_none() => quote = Some(c),
            Some(c) if quote == Some(c) => quote = None,
            Some(c) => word.push(c),
        }
    }
}

/// A value without specifiers; `None` if it has one other than `%%`.
fn resolved(value: &str) -> Option<String> {
    let mut out = String::with_capacity(value.len());
    let mut chars = value.chars();
    while let Some(c) = chars.next() {
        if c == '%' && chars.next()? != '%' {
            return None;
        }
        out.push(c);
    }
    Some(out)
}

/// The character of an escape sequence, behind its backslash.
fn unescape(chars: &mut impl Iterator<Item = char>) -> Option<char> {
    let number = |chars: &mut dyn Iterator<Item = char>, first: Option<char>, count: usize, radix: u32| {
        let text: String = first.into_iter().chain(chars.take(count)).collect();
        u32::from_str_radix(&text, radix).ok().and_then(char::from_u32)
    };
    Some(match chars.next()? {
        'a' => '\u{7}',
        'b' => '\u{8}',
        'f' => '\u{c}',
        'n' => '\n',
        'r' => '\r',
        's' => ' ',
        't' => '\t',
        'v' => '\u{b}',
        'x' => number(chars, None, 2, 16).filter(char::is_ascii)?,
        'u' => number(chars, None, 4, 16)?,
        'U' => number(chars, None, 8, 16)?,
        digit @ '0'..='7' => number(chars, Some(digit), 2, 8).filter(char::is_ascii)?,
        c @ ('\\' | '"' | '\'') => c,
        _ => return None,
    })
}

/// The place in the texts of a unit where another environment file has the precedence of its `Environment=`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FilePlace {
    /// Behind the last `EnvironmentFile=` without a value, which removes the files before it.
    Reset,
    /// Before the first `EnvironmentFile=`, which takes precedence.
    First,
}

/// The last place of the kind `place` in `text`: the number of the line.
pub fn find_file_place(text: &str, section: &str, place: FilePlace) -> Option<usize> {
    let mut current = "";
    let mut found = None;
    for (number, line) in lines(text).enumerate() {
        if let Some(name) = line.raw.trim().strip_prefix('[').filter(|_| line.is_other()) {
            current = name.trim_end_matches(']');
        }
        let Some((_, value)) = line.setting().filter(|(key, _)| *key == "EnvironmentFile" && current == section) else {
            continue;
        };
        match (place, joined(value).trim().is_empty()) {
            (FilePlace::Reset, true) => found = Some(number),
            (FilePlace::First, false) => return Some(number),
            _ => {}
        }
    }
    found
}

/// Returns `text` with `settings`, lines with line breaks, at the place of the line `number`.
pub fn with_files(text: &str, number: usize, place: FilePlace, settings: &str) -> String {
    let mut out = String::with_capacity(text.len() + settings.len());
    for (at, line) in lines(text).enumerate() {
        match place {
            FilePlace::Reset if at == number => out.extend(["EnvironmentFile=\n", settings]),
            FilePlace::First if at == number => out.extend([settings, line.raw]),
            _ => out.push_str(line.raw),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address_tokens::{Addresses, substitute};

    /// The variables after each value, the assignments that stay, and the reasons of those that are lost.
    fn assigned(values: &[&str]) -> (String, Vec<String>, Vec<Reason>) {
        let stand_ins = StandIns::choose(&Addresses::default(), values.iter().copied());
        let (mut variables, mut kept, mut lost) = (Variables::default(), Vec::new(), Vec::new());
        for value in values {
            let value = substitute(value, stand_ins.addresses()).text;
            let words = variables.assign(&value, &stand_ins, |reason| lost.push(reason));
            kept.extend(words.into_iter().map(str::to_owned));
        }
        (stand_ins.restore(&variables.file()), kept, lost)
    }

    #[test]
    fn assignments_with_addresses_go_to_a_file() {
        let (file, kept, lost) = assigned(&["\"A=x $private_ipv4\" B=50%%\\x41 'C=\\\"$public_ipv4 %%'\t\"D=%H e\" f"]);
        assert_eq!(file, "A=x $private_ipv4\nC=\"\\\"$public_ipv4 %\"\n");
        assert_eq!(kept, ["B=50%%\\x41", "\"D=%H e\"", "f"]);
        assert_eq!(lost, []);
    }

    #[test]
    fn the_last_assignment_wins() {
        for (values, expected) in [
            (&["A=$private_ipv4 B=$private_ipv4", "A=b"][..], "B=$private_ipv4\n"),
            (&["A=$private_ipv4", "", "B=$private_ipv4"], "B=$private_ipv4\n"),
            (&["A=b", "A=$private_ipv4", "A=%H"], ""),
            (&["A=b", "A=c", "A=$private_ipv4"], "A=$private_ipv4\n"),
            (&["A=$private_ipv4 A=$public_ipv4"], "A=$public_ipv4\n"),
            (&["A=$private_ipv4 'A=b c'"], ""),
            (&["A=$private_ipv4", "A"], "A=$private_ipv4\n"),
        ] {
            assert_eq!(assigned(values).0, expected, "{values:?}");
        }
    }

    #[test]
    fn an_assignment_without_a_place_is_lost() {
        for (value, reason, left) in [
            ("A=%H$private_ipv4", Reason::Specifier, &[][..]),
            ("A=b \"B=$private_ipv4", Reason::Invalid, &["A=b"]),
            ("A=b B=\\q$private_ipv4 C=d", Reason::Invalid, &["A=b"]),
            ("$private_ipv4 A=b", Reason::Invalid, &["A=b"]),
            ("1A=$private_ipv4", Reason::Invalid, &[]),
        ] {
            let (file, kept, lost) = assigned(&[value]);
            assert_eq!((file.as_str(), lost), ("", vec![reason]), "{value}");
            assert_eq!(kept, left, "{value}");
        }
    }

    #[test]
    fn an_environment_file_stands_before_others_and_behind_a_reset() {
        let text =
            "[Unit]\nEnvironmentFile=\n[Service]\nA=b\nEnvironmentFile=\nEnvironmentFile=-/c\nEnvironmentFile=/d";
        for (place, number, expected) in [
            (FilePlace::Reset, 4, "A=b\nEnvironmentFile=\nEnvironmentFile=/n\nEnvironmentFile=-/c\n"),
            (FilePlace::First, 5, "A=b\nEnvironmentFile=\nEnvironmentFile=/n\nEnvironmentFile=-/c\n"),
        ] {
            assert_eq!(find_file_place(text, "Service", place), Some(number));
            let edited = with_files(text, number, place, "EnvironmentFile=/n\n");
            assert!(edited.contains(expected) && edited.ends_with("EnvironmentFile=/d"), "{edited}");
            assert_eq!(find_file_place("[Service]\nA=b\n", "Service", place), None);
        }
    }
}
