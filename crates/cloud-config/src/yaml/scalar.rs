//! The meaning of plain scalars in YAML 1.1 (docs/cloud-config.md).

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};

/// Returns true if a plain scalar is null.
pub(super) fn is_null(text: &str) -> bool {
    matches!(text, "" | "~" | "null" | "Null" | "NULL")
}

/// Parses a boolean in lower case, upper case or with an initial capital.
pub(super) fn boolean(text: &str) -> Option<bool> {
    match text {
        "true" | "True" | "TRUE" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" | "y" | "Y" => Some(true),
        "false" | "False" | "FALSE" | "no" | "No" | "NO" | "off" | "Off" | "OFF" | "n" | "N" => Some(false),
        _ => None,
    }
}

/// Parses an integer: decimal, octal (`010`, `0o10`), `0x`, `0b`, base 60 (`1:30`).
pub(super) fn integer(text: &str) -> Option<i128> {
    let (negative, digits) = sign(text);
    let number = if let Some(hex) = digits.strip_prefix("0x") {
        radix(hex, 16)
    } else if let Some(binary) = digits.strip_prefix("0b") {
        radix(binary, 2)
    } else if let Some(octal) = digits.strip_prefix("0o") {
        radix(octal, 8)
    } else if digits.len() > 1 && digits.starts_with('0') {
        radix(digits, 8)
    } else if digits.contains(':') {
        let (first, rest) = digits.split_once(':')?;
        base60(decimal(first).filter(|_| !first.starts_with('0'))?, rest)
    } else {
        decimal(digits)
    }?;
    Some(if negative { -number } else { number })
}

/// Parses a number, including integers. Infinity and `.nan` are excluded.
pub(super) fn float(text: &str) -> Option<f64> {
    let number = match integer(text) {
        Some(integer) => integer.to_string().parse().ok()?,
        None => fraction(text)?,
    };
    f64::is_finite(number).then_some(number)
}

/// Returns the type of a plain scalar for messages.
pub(super) fn describe(text: &str) -> &'static str {
    if boolean(text).is_some() {
        "a boolean"
    } else if integer(text).is_some() || float(text).is_some() {
        "a number"
    } else {
        "a string"
    }
}

/// Decodes the text of `!!binary`. Line breaks and blanks are ignored.
pub(super) fn binary(text: &str) -> Option<Vec<u8>> {
    const ENGINE: GeneralPurpose = GeneralPurpose::new(
        &STANDARD,
        GeneralPurposeConfig::new()
            .with_decode_allow_trailing_bits(true)
            .with_decode_padding_mode(DecodePaddingMode::Indifferent),
    );
    let base64: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    ENGINE.decode(base64).ok()
}

fn sign(text: &str) -> (bool, &str) {
    match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    }
}

/// Parses digits, with `_` between or after them.
fn radix(text: &str, radix: u32) -> Option<i128> {
    let mut digits = text.chars().filter(|character| *character != '_').peekable();
    digits.peek()?;
    digits.try_fold(0_i128, |number, digit| {
        number.checked_mul(i128::from(radix))?.checked_add(i128::from(digit.to_digit(radix)?))
    })
}

fn decimal(text: &str) -> Option<i128> {
    if text.starts_with('_') { None } else { radix(text, 10) }
}

/// Parses a number in base 60, of which `first` is the first part and `rest` the text after the first colon.
fn base60(first: i128, rest: &str) -> Option<i128> {
    rest.split(':').try_fold(first, |number, part| {
        let digits = matches!(part.len(), 1 | 2) && part.bytes().all(|byte| byte.is_ascii_digit());
        let part = part.parse::<u8>().ok().filter(|part| digits && *part < 60)?;
        number.checked_mul(60)?.checked_add(i128::from(part))
    })
}

/// Parses a number with a point, an exponent, or both. With a point, it may be in base 60.
fn fraction(text: &str) -> Option<f64> {
    let (negative, digits) = sign(text);
    let number = if digits.contains(':') {
        let (whole, part) = digits.split_once('.')?;
        let (first, rest) = whole.split_once(':')?;
        let whole = base60(decimal(first)?, rest)?;
        format!("{whole}.{}", fraction_digits(part)?).parse::<f64>().ok()?
    } else {
        let (mantissa, exponent) = match digits.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, Some(exponent)),
            None => (digits, None),
        };
        let (whole, part) = match mantissa.split_once('.') {
            Some((whole, part)) => (whole, fraction_digits(part)?),
            // Without a point or an exponent, the text is an integer or not a number.
            None => (mantissa, exponent.map(|_| String::new())?),
        };
        let whole = if whole.starts_with('_') {
            return None;
        } else {
            fraction_digits(whole)?
        };
        if whole.is_empty() && (part.is_empty() || mantissa.starts_with("._")) {
            return None;
        }
        let exponent = exponent.unwrap_or("0");
        let (_, power) = sign(exponent);
        if power.is_empty() || !power.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        format!("{whole}.{part}e{exponent}").parse::<f64>().ok()?
    };
    Some(if negative { -number } else { number })
}

/// Removes each `_` between digits. The text may be empty.
fn fraction_digits(text: &str) -> Option<String> {
    let digits: String = text.chars().filter(|character| *character != '_').collect();
    digits.bytes().all(|byte| byte.is_ascii_digit()).then_some(digits)
}

#[cfg(test)]
mod tests {
    use super::{binary, boolean, describe, float, integer};

    #[test]
    fn booleans_are_read_in_three_cases() {
        for text in ["true", "Yes", "ON", "y", "Y"] {
            assert_eq!(boolean(text), Some(true), "{text}");
        }
        for text in ["false", "No", "OFF", "n", "N"] {
            assert_eq!(boolean(text), Some(false), "{text}");
        }
        for text in ["", "tRue", "yEs", "1", "0", "enabled", "~", "yes "] {
            assert_eq!(boolean(text), None, "{text}");
        }
    }

    #[test]
    fn integers_are_read() {
        for (text, number) in [
            ("0", 0),
            ("-0", 0),
            ("10", 10),
            ("+10", 10),
            ("-10", -10),
            ("010", 8),
            ("-010", -8),
            ("0o17", 15),
            ("0x1F", 31),
            ("0x_ff", 255),
            ("0b1010", 10),
            ("0b1_0", 2),
            ("1_000", 1000),
            ("1_", 1),
            ("00", 0),
            ("0_", 0),
            ("1:30", 90),
            ("-1:30", -90),
            ("190:20:30", 685_230),
            ("9223372036854775808", 9_223_372_036_854_775_808),
        ] {
            assert_eq!(integer(text), Some(number), "{text}");
        }
        for text in [
            "", "-", "+", "_", "_1", "08", "019", "0x", "0b", "0b2", "0o8", "0o", "1.0", "1e3", "1:60", "0:30", ":30",
            "1:", "1:+5", "--1", "1 ", "٣", "0x1G", "1:3:", "null", "0:0",
        ] {
            assert_eq!(integer(text), None, "{text}");
        }
        assert_eq!(integer(&"9".repeat(60)), None);
    }

    #[test]
    fn numbers() {
        for (text, number) in [
            ("1.50", 1.5),
            ("1e3", 1000.0),
            ("1E-3", 0.001),
            (".5", 0.5),
            ("-.5", -0.5),
            ("5.", 5.0),
            ("1_000.5", 1000.5),
            ("685.230_15e+03", 685_230.15),
            ("1:30.5", 90.5),
            ("190:20:30.15", 685_230.15),
            ("-0:30.5", -30.5),
            ("010", 8.0),
            ("3", 3.0),
            ("08.5", 8.5),
        ] {
            assert_eq!(float(text), Some(number), "{text}");
        }
        for text in [
            "", ".", "-.", "e3", ".e3", "1e", "1e+", "1.2.3", ".inf", "-.inf", ".nan", "inf", "nan", "infinity",
            "1e999", "_1.5", "._5", "1:60.5", "1.5x", "0x1.8", "089", "1,5",
        ] {
            assert_eq!(float(text), None, "{text}");
        }
    }

    #[test]
    fn what_text_looks_like() {
        assert_eq!(describe("off"), "a boolean");
        assert_eq!(describe("0644"), "a number");
        assert_eq!(describe("1.10"), "a number");
        assert_eq!(describe("089"), "a string");
    }

    #[test]
    fn wrapped_base64_is_decoded() {
        assert_eq!(binary("aGVs\nbG8=\n").as_deref(), Some(&b"hello"[..]));
        assert_eq!(binary(" aGVsbG8 ").as_deref(), Some(&b"hello"[..]));
        assert_eq!(binary("aGVsbG9=").as_deref(), Some(&b"hello"[..]));
        assert_eq!(binary("").as_deref(), Some(&b""[..]));
        assert_eq!(binary("%%"), None);
        assert_eq!(binary("a"), None);
    }
}
