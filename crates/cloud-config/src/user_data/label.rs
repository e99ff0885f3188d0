//! The name of a part from its headers. It is only used in messages, never as a path.

use super::transfer::{hex, quoted_printable};
use crate::text::decode;
use crate::text::printable;

/// The longest label, in characters.
const LONGEST: usize = 64;

/// Makes `name` printable and limits its length; returns `None` if it is empty then.
pub(super) fn short(name: &str) -> Option<String> {
    let name = name.trim();
    let mut label = printable(&name.chars().take(LONGEST).collect::<String>());
    if name.chars().nth(LONGEST).is_some() {
        label.push('…');
    }
    (!label.is_empty()).then_some(label)
}

/// Decodes a value with a character set: `utf-8''na%C3%AFve.sh` (RFC 2231).
pub(super) fn extended(value: &str) -> Option<String> {
    let (charset, rest) = value.split_once('\'')?;
    let (_, encoded) = rest.split_once('\'')?;
    let mut bytes = Vec::with_capacity(encoded.len());
    let mut rest = encoded.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(if byte == b'%' { hex(rest.next()?)? << 4 | hex(rest.next()?)? } else { byte });
    }
    text(charset, bytes)
}

/// Decodes the encoded words in `value`, such as `=?utf-8?q?na=C3=AFve?=` (RFC 2047). Invalid ones stay as they are.
pub(super) fn words(value: &str) -> String {
    let decoded: Option<String> = value.split_ascii_whitespace().map(word).collect();
    decoded.unwrap_or_else(|| value.to_owned())
}

fn word(word: &str) -> Option<String> {
    let inner = word.strip_prefix("=?")?.strip_suffix("?=")?;
    let (charset, rest) = inner.split_once('?')?;
    let (encoding, sent) = rest.split_once('?')?;
    let bytes = match encoding {
        "b" | "B" => decode::unbase64(sent.as_bytes()).ok()?,
        "q" | "Q" => quoted_printable(sent.replace('_', "=20").as_bytes())?,
        _ => return None,
    };
    text(charset, bytes)
}

/// Decodes `bytes` in one of the character sets that are common in file names.
fn text(charset: &str, bytes: Vec<u8>) -> Option<String> {
    // RFC 2231 allows a language after the character set.
    match charset.split('*').next().unwrap_or_default().to_ascii_lowercase().as_str() {
        "" | "utf-8" | "utf8" | "us-ascii" => String::from_utf8(bytes).ok(),
        "iso-8859-1" | "latin1" => Some(bytes.into_iter().map(char::from).collect()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_one_line_and_not_too_long() {
        assert_eq!(short(" a.sh ").as_deref(), Some("a.sh"));
        assert_eq!(short("a\nb\u{1b}").as_deref(), Some("a\\nb\\u{1b}"));
        assert_eq!(short(&"\u{e4}".repeat(65)), Some("\u{e4}".repeat(64) + "…"));
        assert_eq!(short(&"a".repeat(64)), Some("a".repeat(64)));
        assert_eq!(short(" "), None);
    }

    #[test]
    fn encoded_names_are_decoded() {
        assert_eq!(extended("UTF-8'en'a%20b").as_deref(), Some("a b"));
        assert_eq!(extended("iso-8859-1''%E4").as_deref(), Some("\u{e4}"));
        for bad in ["utf-8''%E4", "utf-8''%4", "utf-8''%zz", "koi8-r''a", "plain", "one'quote"] {
            assert_eq!(extended(bad), None, "{bad}");
        }
        assert_eq!(words("=?utf-8*en?B?w6Q=?="), "\u{e4}");
        for plain in ["a.sh", "=?utf-8?x?a?=", "=?utf-8?q?a?= b", "=?koi8-r?q?a?=", "=?utf-8?b?!?=", "=?="] {
            assert_eq!(words(plain), plain);
        }
    }
}
