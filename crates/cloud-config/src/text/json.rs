//! Untrusted JSON. Its size is checked before it is parsed, because the parsed form takes many times as much memory.

use std::collections::HashSet;
use std::fmt::Write as _;

use serde::Serialize;
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use thiserror::Error;

use super::is_shown;

/// The maximum number of values in a document.
const VALUES_MAX: usize = 500_000;
/// The maximum depth of nesting.
const DEPTH_MAX: usize = 100;

/// The reason why a document is not parsed. Messages contain no part of the document.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum BadJson {
    /// The nesting is too deep.
    #[error("more than {DEPTH_MAX} nested lists and objects")]
    Deep,
    /// The document has too many values.
    #[error("more than {VALUES_MAX} values")]
    Much,
    /// The document is invalid from this line and column on.
    #[error("invalid JSON at line {0}, column {1}")]
    None(usize, usize),
}

/// Parses a document. A byte order mark at its beginning is ignored.
pub fn parse(bytes: &[u8]) -> Result<Value, BadJson> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    check_size(bytes)?;
    serde_json::from_slice(bytes).map_err(|error| BadJson::None(error.line(), error.column()))
}

/// Returns keys that are duplicate in an object: the path of the object and the key, for at most `most` keys. Of a
/// duplicate key, the last value is used.
pub fn duplicate_keys(bytes: &[u8], most: usize) -> Vec<(String, String)> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let mut found = Vec::new();
    if check_size(bytes).is_ok() {
        let mut deserializer = serde_json::Deserializer::from_slice(bytes);
        // An invalid document is reported when it is parsed.
        let _ = Duplicates { path: &mut String::new(), most, found: &mut found }.deserialize(&mut deserializer);
    }
    found
}

/// Visits all values of a document, and finds duplicate keys.
struct Duplicates<'a> {
    /// The path of the current value.
    path: &'a mut String,
    most: usize,
    found: &'a mut Vec<(String, String)>,
}

impl Duplicates<'_> {
    /// Creates the visitor for a value in the current one.
    fn below(&mut self) -> Duplicates<'_> {
        Duplicates { path: self.path, most: self.most, found: self.found }
    }
}

impl<'de> DeserializeSeed<'de> for Duplicates<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Duplicates<'_> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a value")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        let mut keys = HashSet::new();
        let length = self.path.len();
        while let Some(key) = map.next_key::<String>()? {
            let dot = if length == 0 { "" } else { "." };
            // The key is shortened: each finding below it contains the path.
            let _ = write!(self.path, "{dot}{key:.60}");
            map.next_value_seed(self.below())?;
            self.path.truncate(length);
            if self.found.len() < self.most && keys.contains(&key) {
                self.found.push((self.path.clone(), key.clone()));
            }
            keys.insert(key);
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut seq: A) -> Result<(), A::Error> {
        let length = self.path.len();
        for index in 0.. {
            let _ = write!(self.path, "[{index}]");
            let next = seq.next_element_seed(self.below())?;
            self.path.truncate(length);
            if next.is_none() {
                break;
            }
        }
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
}

/// Counts values and the depth of nesting.
fn check_size(bytes: &[u8]) -> Result<(), BadJson> {
    let (mut values, mut depth) = (1, 0_usize);
    let (mut in_text, mut escaped) = (false, false);
    for byte in bytes {
        match (in_text, byte) {
            (true, _) if escaped => escaped = false,
            (true, b'\\') => escaped = true,
            (_, b'"') => in_text = !in_text,
            (false, b',') => values += 1,
            (false, b'[' | b'{') => (values, depth) = (values + 1, depth + 1),
            (false, b']' | b'}') => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > DEPTH_MAX {
            return Err(BadJson::Deep);
        }
        if values > VALUES_MAX {
            return Err(BadJson::Much);
        }
    }
    Ok(())
}

/// Formats `value` as indented JSON. Characters that a terminal could interpret are escaped.
pub fn print<T: Serialize>(value: &T) -> String {
    // This cannot fail: all keys are strings.
    let text = serde_json::to_string_pretty(value).unwrap_or_default() + "\n";
    let is_shown = |c| c == '\n' || is_shown(c);
    if text.chars().all(is_shown) {
        return text;
    }
    // The character is in a string. JSON escapes one above U+FFFF as a surrogate pair.
    let escaped = |c: char| {
        if is_shown(c) {
            return String::from(c);
        }
        c.encode_utf16(&mut [0; 2]).iter().fold(String::new(), |text, unit| text + &format!("\\u{unit:04x}"))
    };
    text.chars().map(escaped).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_are_bounded() {
        let deep = |depth: usize| format!("{{\"a\":{}{}}}", "[".repeat(depth), "]".repeat(depth));
        assert!(parse(deep(99).as_bytes()).is_ok());
        assert_eq!(parse(deep(100).as_bytes()), Err(BadJson::Deep));
        assert_eq!(parse("[".repeat(1 << 20).as_bytes()), Err(BadJson::Deep));
        assert_eq!(parse(format!("[0{}]", ",0".repeat(VALUES_MAX)).as_bytes()), Err(BadJson::Much));
        let text = format!("{{\"a\":\"{}\\\"[[[\"}}", "[,".repeat(VALUES_MAX));
        assert!(parse(text.as_bytes()).is_ok(), "what stands in a text counts for nothing");
    }

    #[test]
    fn a_byte_order_mark_is_passed_over() {
        assert_eq!(parse("\u{feff}{}".as_bytes()).unwrap(), serde_json::json!({}));
    }

    #[test]
    fn keys_that_are_given_twice_are_found() {
        let found = |text: &str| {
            let found = duplicate_keys(text.as_bytes(), 3);
            found.into_iter().map(|(path, key)| format!("{path}/{key}")).collect::<Vec<_>>()
        };
        assert_eq!(found(r#"{"a":1,"a":[{"b":null,"c":true,"b":1.5}],"b":-1}"#), ["a[0]/b", "/a"]);
        assert_eq!(found(r#"{"a":{"b":{"c":"","c":""}},"d":[[{"e":1,"e":1}]]}"#), ["a.b/c", "d[0][0]/e"]);
        assert_eq!(found(r#"{"a":1,"a":1,"a":1,"a":1,"a":1}"#).len(), 3);
        for text in [r#"{"a":{"a":1},"b":[{"a":1},{"a":2}]}"#, "[1,1]", "", "{\"a\":1,", "1"] {
            assert_eq!(found(text), [""; 0], "{text}");
        }
    }

    #[test]
    fn errors_show_nothing() {
        for text in ["{\"hunter2\"", "hunter2", "{\"a\":\n hunter2}", "[1 hunter2]", ""] {
            let error = parse(text.as_bytes()).unwrap_err().to_string();
            assert!(error.contains("invalid JSON") && !error.contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn printed_json_does_nothing_to_a_terminal() {
        let value = "a\u{9b}31m\u{202e}\u{1b}\u{7f}é";
        let text = print(&value);
        assert_eq!(text, "\"a\\u009b31m\\u202e\\u001b\\u007fé\"\n");
        assert_eq!(serde_json::from_str::<String>(&text).unwrap(), value);
    }
}
