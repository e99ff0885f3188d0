//! Plain text that other YAML 1.1 parsers read as another type. This program uses the text as written
//! (docs/cloud-config.md).

use super::scalar;

/// Returns the type that other parsers read for plain `text` if that changes the text. Most numbers keep their text.
pub fn looks_like(text: &str) -> Option<&'static str> {
    let digits = text.trim_start_matches(['-', '+']);
    if is_boolean(text) {
        Some("a boolean")
    } else if is_date(text) {
        Some("a date")
    } else if !digits.starts_with(|first: char| first.is_ascii_digit() || first == '.') || scalar::float(text).is_none()
    {
        None
    } else if digits.contains(':') {
        Some("a number in base 60")
    } else if digits.contains('_') {
        Some("a number with _ between its digits")
    } else if let Some(rest) = digits.strip_prefix('0') {
        match rest.bytes().next() {
            Some(b'x') => Some("a hexadecimal number"),
            Some(b'b') => Some("a binary number"),
            Some(b'0'..=b'9' | b'o') if !rest.contains(['.', 'e', 'E']) => Some("an octal number"),
            _ => None,
        }
    } else if digits.contains(['e', 'E']) {
        Some("a number with an exponent")
    } else {
        None
    }
}

/// Returns true if plain `text` is a boolean.
pub fn is_boolean(text: &str) -> bool {
    scalar::boolean(text).is_some()
}

/// Returns true if this is a date: `2015-03-31`.
fn is_date(text: &str) -> bool {
    let mut parts = text.split('-');
    let mut next = |lengths: std::ops::RangeInclusive<usize>| {
        parts.next().is_some_and(|part| lengths.contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit()))
    };
    next(4..=4) && next(1..=2) && next(1..=2) && parts.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::looks_like;

    #[test]
    fn what_others_read() {
        for (text, kind) in [
            ("on", "a boolean"),
            ("No", "a boolean"),
            ("0x1F", "a hexadecimal number"),
            ("0b1", "a binary number"),
            ("0644", "an octal number"),
            ("0o644", "an octal number"),
            ("12:30:45", "a number in base 60"),
            ("1_000", "a number with _ between its digits"),
            ("1e3", "a number with an exponent"),
            ("1.5E+3", "a number with an exponent"),
            ("2015-03-31", "a date"),
        ] {
            assert_eq!(looks_like(text), Some(kind), "{text}");
        }
        for text in [
            "",
            "0",
            "1",
            "-1",
            "1234",
            "1.10",
            "0.5",
            "1.2.3",
            "089",
            "core",
            "null",
            "1:99",
            "_1",
            "e3",
            ".inf",
            "0.5e",
            "2015-03",
            "2015-03-31-x",
            "12a",
            "oN",
        ] {
            assert_eq!(looks_like(text), None, "{text}");
        }
    }
}
