//! JSON that strangers wrote: bounded before it is parsed, which takes many times its length.

use serde::Serialize;
use serde_json::Value;
use thiserror::Error;

use super::is_shown;

/// How many values a document may have.
const VALUES_MAX: usize = 500_000;
/// How deep they may be in each other.
const DEPTH_MAX: usize = 100;

/// Why a document is not read. None of these shows any of it.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum BadJson {
    /// It is too deep.
    #[error("it is deeper than {DEPTH_MAX} lists and objects")]
    Deep,
    /// It is too much.
    #[error("it has more than {VALUES_MAX} values")]
    Much,
    /// It is none, from this line and column on.
    #[error("it is no JSON from line {0}, column {1} on")]
    None(usize, usize),
}

/// Parses a document; a byte order mark before it is passed over.
pub fn parse(bytes: &[u8]) -> Result<Value, BadJson> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    check_size(bytes)?;
    serde_json::from_slice(bytes).map_err(|error| BadJson::None(error.line(), error.column()))
}

/// Counts what costs memory.
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

/// Returns `value` as indented JSON in which every character that a terminal may act on is escaped.
pub fn print<T: Serialize>(value: &T) -> String {
    // Nothing here has keys that are no text, so this cannot fail.
    let text = serde_json::to_string_pretty(value).unwrap_or_default() + "\n";
    let is_shown = |c| c == '\n' || is_shown(c);
    if text.chars().all(is_shown) {
        return text;
    }
    // Such a character stands in a string, where one of more than four digits is two.
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
    fn errors_show_nothing() {
        for text in ["{\"hunter2\"", "hunter2", "{\"a\":\n hunter2}", "[1 hunter2]", ""] {
            let error = parse(text.as_bytes()).unwrap_err().to_string();
            assert!(error.contains("no JSON") && !error.contains("hunter2"), "{error}");
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
