//! Strings as scalars that readers of YAML 1.1 and of YAML 1.2 take for the same string.

use std::fmt::Write as _;

/// Words that are booleans or null to some readers.
const WORDS: [&str; 9] = ["y", "n", "yes", "no", "on", "off", "true", "false", "null"];

/// Appends `text` and a line break, behind a key or a dash at column `indent`.
///
/// Lines become a literal block, if one can hold them.
pub(super) fn push(out: &mut String, text: &str, indent: usize) {
    if is_block(text) {
        push_block(out, text, indent);
    } else if is_plain(text) {
        out.extend([" ", text, "\n"]);
    } else if text.contains(['"', '\\']) && !text.chars().any(|c| needs_escape(c) || matches!(c, '\t' | '\n')) {
        out.extend([" '", &text.replace('\'', "''"), "'\n"]);
    } else {
        push_escaped(out, text, indent);
    }
}

/// Returns true if only a double-quoted scalar holds `c`, and only as an escape: other scalars change or refuse it.
fn needs_escape(c: char) -> bool {
    (c.is_control() && c != '\t' && c != '\n')
        || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}')
}

/// Returns true if `text` has lines, and is the same as a literal block.
fn is_block(text: &str) -> bool {
    text.contains('\n') && text.chars().any(|c| c != '\n') && !text.chars().any(needs_escape)
}

/// Returns true if `text` is the same without quotes.
fn is_plain(text: &str) -> bool {
    let Some(first) = text.chars().next() else { return false };
    (first.is_alphanumeric() || matches!(first, '/' | '_' | '.' | '$'))
        && !text.ends_with(|c: char| c.is_whitespace() || c == ':')
        && !text.contains(": ")
        && !text.contains(" #")
        && !text.chars().any(|c| needs_escape(c) || matches!(c, '\t' | '\n'))
        && !is_typed(text)
}

/// Returns true if some reader takes plain `text`, which has no sign before it, for another type than a string.
fn is_typed(text: &str) -> bool {
    if WORDS.iter().any(|word| text.eq_ignore_ascii_case(word)) {
        return true;
    }
    let bytes = text.as_bytes();
    match bytes {
        [b'0', b'x' | b'X' | b'o' | b'O' | b'b' | b'B', digits @ ..] => {
            digits.iter().all(|byte| byte.is_ascii_hexdigit() || *byte == b'_')
        }
        [b'.', word @ ..] if word.eq_ignore_ascii_case(b"inf") || word.eq_ignore_ascii_case(b"nan") => true,
        // Decimal numbers of all kinds, times in base 60, dates and IPv4 addresses, which YAML 1.1 takes for a number.
        [b'0'..=b'9' | b'.', ..] => {
            bytes.iter().all(|byte| byte.is_ascii_digit() || b"_.,:eE+-".contains(byte)) || begins_with_date(bytes)
        }
        _ => false,
    }
}

/// Returns true for `2001-01-01T00:00:00Z` and other times of a day.
fn begins_with_date(text: &[u8]) -> bool {
    let mut parts = text.splitn(3, |byte| *byte == b'-');
    let mut digits = || parts.next().unwrap_or_default();
    let (year, month, rest) = (digits(), digits(), digits());
    let day = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    year.len() == 4
        && year.iter().chain(month).all(u8::is_ascii_digit)
        && (1..=2).contains(&month.len())
        && (1..=2).contains(&day)
        && matches!(rest.get(day), None | Some(b'T' | b't' | b' '))
}

/// Appends a literal block, whose lines are indented by two columns more.
fn push_block(out: &mut String, text: &str, indent: usize) {
    out.push_str(" |");
    // Without an indicator, the first line that is not empty sets the indentation.
    if text.trim_start_matches('\n').starts_with([' ', '\t']) {
        out.push('2');
    }
    match text.strip_suffix('\n') {
        None => out.push('-'),
        Some(rest) if rest.ends_with('\n') => out.push('+'),
        Some(_) => {}
    }
    out.push('\n');
    for line in text.strip_suffix('\n').unwrap_or(text).split('\n') {
        if !line.is_empty() {
            push_blanks(out, indent + 2);
        }
        out.extend([line, "\n"]);
    }
}

/// Appends a double-quoted scalar, one line for each line of `text`.
fn push_escaped(out: &mut String, text: &str, indent: usize) {
    let is_split = text.chars().any(|c| c != '\n');
    out.push_str(" \"");
    for (at, line) in text.split_inclusive('\n').enumerate() {
        let mut rest = line;
        if is_split && at > 0 {
            out.push_str("\\\n");
            push_blanks(out, indent + 2);
            // A blank here would be indentation.
            if let Some(behind) = rest.strip_prefix(' ') {
                out.push_str("\\ ");
                rest = behind;
            }
        }
        rest.chars().for_each(|c| push_char(out, c));
    }
    out.push_str("\"\n");
}

fn push_char(out: &mut String, c: char) {
    match c {
        '"' => out.push_str("\\\""),
        '\\' => out.push_str("\\\\"),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        '\0' => out.push_str("\\0"),
        '\u{1b}' => out.push_str("\\e"),
        c if needs_escape(c) => {
            let code = u32::from(c);
            // Writing to a `String` cannot fail.
            let _ = if code < 0x100 { write!(out, "\\x{code:02X}") } else { write!(out, "\\u{code:04X}") };
        }
        c => out.push(c),
    }
}

pub(super) fn push_blanks(out: &mut String, count: usize) {
    out.extend(std::iter::repeat_n(' ', count));
}

#[cfg(test)]
mod tests {
    use super::push;

    fn value(text: &str) -> String {
        let mut out = "k:".to_owned();
        push(&mut out, text, 0);
        let read: serde_yaml::Value = serde_yaml::from_str(&out).unwrap_or_else(|error| panic!("{error}: {out}"));
        assert_eq!(read["k"].as_str(), Some(text), "{out}");
        out.strip_prefix("k: ").unwrap().strip_suffix('\n').unwrap().to_owned()
    }

    #[test]
    fn words_of_one_meaning_have_no_quotes() {
        for text in [
            "core",
            "/etc/hosts",
            "10-timeouts.conf",
            "ssh-ed25519 AAAA core@host",
            "$6$salt$hash",
            "2001:db8::1",
            "etcd2.service",
            "a:b#c",
            "it's {here}, [there]",
            "2001-01-01-x",
            "0xg",
            "été",
            "a😀",
        ] {
            assert_eq!(value(text), text);
        }
    }

    #[test]
    fn words_that_a_reader_takes_for_another_type_are_quoted() {
        for text in [
            "",
            "y",
            "N",
            "yes",
            "No",
            "ON",
            "off",
            "True",
            "FALSE",
            "null",
            "Null",
            "~",
            "=",
            "<<",
            "0",
            "42",
            "0644",
            "0o17",
            "0x1F",
            "0b1",
            "1_000",
            "1,000",
            "1:30",
            "1.10",
            ".5",
            "1e3",
            "-1",
            "+1",
            "-0x1",
            ".inf",
            "-.INF",
            ".NaN",
            "10.0.0.1",
            "2001-01-01",
            "2001-1-1 0:0:0",
            "2001-01-01T00:00:00Z",
            "...",
            "---",
            "-",
        ] {
            assert_eq!(value(text), format!("\"{text}\""));
        }
    }

    #[test]
    fn words_with_signs_of_yaml_are_quoted() {
        for text in [
            "a: b", "a:", "a #b", "#a", "- a", "-a", "? a", ": a", "@a", "`a`", "%a", "&a", "*a", "!a", "|", ">",
            "{a}", "[a]", ",", "'a'", " a", "a ", "a\u{a0}", "😀",
        ] {
            assert_eq!(value(text), format!("\"{text}\""));
        }
        assert_eq!(value(r#"{"a": "it's"}"#), r#"'{"a": "it''s"}'"#);
        assert_eq!(value(r"C:\ # a"), r"'C:\ # a'");
        assert_eq!(value("a\\\"\tb"), r#""a\\\"\tb""#);
    }

    #[test]
    fn lines_are_a_block() {
        for (text, block) in [
            ("a\n", "|\n  a"),
            ("a\nb", "|-\n  a\n  b"),
            ("a\n\n", "|+\n  a\n"),
            ("\n\na\n\n  b\n", "|\n\n\n  a\n\n    b"),
            (" a\nb\n", "|2\n   a\n  b"),
            ("\n\ta", "|2-\n\n  \ta"),
            ("  \n\n", "|2+\n    \n"),
            ("a\n \n\t", "|-\n  a\n   \n  \t"),
            ("---\n# a\n...\n😀 \n", "|\n  ---\n  # a\n  ...\n  😀 "),
        ] {
            assert_eq!(value(text), block);
        }
    }

    #[test]
    fn what_no_block_can_hold_is_escaped() {
        for (text, quoted) in [
            ("\n", r#""\n""#),
            ("\n\n", r#""\n\n""#),
            ("a\r", r#""a\r""#),
            ("a\r\n  b\r\n\tc\r\n\r\n", "\"a\\r\\n\\\n  \\  b\\r\\n\\\n  \\tc\\r\\n\\\n  \\r\\n\""),
            ("\u{feff}a\u{85}\u{2028}\u{2029}", r#""\uFEFFa\x85\u2028\u2029""#),
            ("\0\u{1}\u{1b}[0m\u{7f}\u{ffff}", r#""\0\x01\e[0m\x7F\uFFFF""#),
        ] {
            assert_eq!(value(text), quoted);
        }
    }
}
