//! Decodes the `Content-Transfer-Encoding` of a part (docs/user-data.md).

use crate::text::decode;

/// The transfer encoding of a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    /// `7bit`, `8bit` or no encoding: text.
    Text,
    /// `binary`: unchanged bytes.
    Binary,
    /// `base64`.
    Base64,
    /// `quoted-printable`: special characters are written as `=3D`.
    QuotedPrintable,
}

impl Encoding {
    /// Returns the encoding with this name, in any case.
    pub fn named(name: &str) -> Option<Self> {
        Some(match name.trim().to_ascii_lowercase().as_str() {
            "" | "7bit" | "8bit" => Self::Text,
            "binary" => Self::Binary,
            "base64" => Self::Base64,
            "quoted-printable" => Self::QuotedPrintable,
            _ => return None,
        })
    }

    /// Decodes `sent`. Incomplete data is an error, because half a file must not be applied.
    pub fn undo(self, sent: &[u8]) -> Result<Vec<u8>, String> {
        match self {
            Self::Text | Self::Binary => Ok(sent.to_vec()),
            Self::Base64 => decode::unbase64(sent).map_err(|error| error.to_string()),
            Self::QuotedPrintable => quoted_printable(sent)
                .ok_or_else(|| "the content is not quoted-printable: a `=` without two hexadecimal digits".to_owned()),
        }
    }
}

/// Decodes quoted-printable. Line ends, and characters that should have been encoded, are unchanged.
pub(super) fn quoted_printable(sent: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(sent.len());
    for line in sent.split_inclusive(|byte| *byte == b'\n') {
        // White space at the end of a line was added during the transfer.
        let text = line.trim_ascii_end();
        let end = match line {
            [.., b'\r', b'\n'] => &line[line.len() - 2..],
            [.., b'\n'] => &line[line.len() - 1..],
            _ => &[],
        };
        // A `=` at the end of a line joins it with the next line.
        let (text, end) = text.strip_suffix(b"=").map_or((text, end), |text| (text, &[][..]));
        let mut bytes = text.iter();
        while let Some(byte) = bytes.next() {
            out.push(if *byte == b'=' { hex(*bytes.next()?)? << 4 | hex(*bytes.next()?)? } else { *byte });
        }
        out.extend_from_slice(end);
    }
    Some(out)
}

/// Returns the value of a hexadecimal digit.
pub(super) fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodings_are_known_in_any_case() {
        for (name, encoding) in [
            ("7bit", Encoding::Text),
            ("8BIT", Encoding::Text),
            ("", Encoding::Text),
            ("Binary", Encoding::Binary),
            (" BASE64 ", Encoding::Base64),
            ("Quoted-Printable", Encoding::QuotedPrintable),
        ] {
            assert_eq!(Encoding::named(name), Some(encoding), "{name}");
        }
        for name in ["base32", "x-uuencode", "gzip", "base64;"] {
            assert_eq!(Encoding::named(name), None, "{name}");
        }
    }

    #[test]
    fn quoted_printable_is_undone() {
        for (sent, bytes) in [
            ("", ""),
            ("a=3Db\n", "a=b\n"),
            ("a=3db=C3=a4", "a=b\u{e4}"),
            ("one=\ntwo=\r\nthree =\t \nfour\r\n", "onetwothree four\r\n"),
            ("kept: \u{e4}  \nlast=", "kept: \u{e4}\nlast"),
            ("a=20\n\n b", "a \n\n b"),
        ] {
            assert_eq!(quoted_printable(sent.as_bytes()).as_deref(), Some(bytes.as_bytes()), "{sent:?}");
        }
        for sent in ["a=3", "a=\u{e4}", "a=xyz", "=3\n4", "= 3D"] {
            assert_eq!(quoted_printable(sent.as_bytes()), None, "{sent:?}");
        }
    }

    #[test]
    fn what_does_not_decode_to_its_end_is_an_error() {
        assert_eq!(Encoding::Base64.undo(b"aGVs\r\nbG8=\r\n").as_deref(), Ok(&b"hello"[..]));
        for sent in ["aGVsbG8", "aGVs!G8=", "aGVsbG8=\naGVsbG8="] {
            assert!(Encoding::Base64.undo(sent.as_bytes()).is_err(), "{sent}");
        }
        assert!(Encoding::QuotedPrintable.undo(b"a=").is_ok());
        assert!(Encoding::QuotedPrintable.undo(b"a=4").is_err());
    }
}
