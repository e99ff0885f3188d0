//! The lines of an interfaces file. Lines that end with `\` are joined, and comments and surrounding blanks are
//! removed.

use std::borrow::Cow;

use crate::diagnostic::Span;

/// A line with the lines that continue it.
#[derive(Debug, PartialEq, Eq)]
pub struct LogicalLine<'a> {
    /// The text; never empty.
    pub text: Cow<'a, str>,
    /// The position of the line.
    pub span: Span,
}

/// Returns the nonempty lines of `bytes`. Invalid UTF-8 is replaced, so it never is part of a valid name or address.
pub fn lines(bytes: &[u8]) -> impl Iterator<Item = LogicalLine<'_>> {
    let mut at = if bytes.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
    std::iter::from_fn(move || {
        (at < bytes.len()).then(|| {
            let start = at;
            let mut joined: Option<Vec<u8>> = None;
            loop {
                let rest = &bytes[at..];
                let length = rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
                let (line, has_end) = (&rest[..length], length < rest.len());
                at += length + usize::from(has_end);
                let line = line.strip_suffix(b"\r").unwrap_or(line);
                if let Some(line) = line.strip_suffix(b"\\").filter(|_| has_end) {
                    joined.get_or_insert_default().extend_from_slice(line);
                    continue;
                }
                let text = match joined {
                    None => String::from_utf8_lossy(line),
                    Some(mut joined) => {
                        joined.extend_from_slice(line);
                        Cow::Owned(String::from_utf8_lossy(&joined).into_owned())
                    }
                };
                let indent = bytes[start..at].iter().take_while(|byte| byte.is_ascii_whitespace()).count();
                return LogicalLine { text: trimmed(text), span: Span::new(start + indent, at - usize::from(has_end)) };
            }
        })
    })
    .filter(|line| !line.text.is_empty() && !line.text.starts_with('#'))
}

fn trimmed(text: Cow<'_, str>) -> Cow<'_, str> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.trim()),
        Cow::Owned(text) => Cow::Owned(text.trim().to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<(String, &str)> {
        let found = lines(text.as_bytes());
        found.map(|line| (line.text.into_owned(), &text[line.span.start..line.span.end])).collect()
    }

    #[test]
    fn comments_and_blanks_say_nothing() {
        let text = "\u{feff}auto lo\r\n\n  # a\n\t address x \n#b";
        assert_eq!(read(text), [("auto lo".to_owned(), "auto lo\r"), ("address x".to_owned(), "address x ")]);
        assert_eq!(read(""), []);
        assert_eq!(read("\n \n\r\n"), []);
    }

    #[test]
    fn a_backslash_joins_lines() {
        assert_eq!(read("a\\\n b\\\r\nc\nd"), [("a bc".to_owned(), "a\\\n b\\\r\nc"), ("d".to_owned(), "d")]);
        assert_eq!(read("# a\\\nb\nc"), [("c".to_owned(), "c")], "a comment goes on, too");
        assert_eq!(read("a\\"), [("a\\".to_owned(), "a\\")], "there is no line to join");
        assert_eq!(read("a\\\n"), [("a".to_owned(), "a\\\n")]);
    }

    #[test]
    fn what_is_no_text_is_replaced() {
        let mut found = lines(b"iface \xff\n");
        assert_eq!(found.next().unwrap().text, "iface \u{fffd}");
    }
}
