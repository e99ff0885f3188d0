//! Decodes the content of a file (docs/cloud-config.md#write_files).

use std::borrow::Cow;
use std::io::{self, Read};

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use flate2::bufread::GzDecoder;
use thiserror::Error;

/// Unused bits of the last character are accepted, as in files made by hand. Padding is required, because content
/// without padding may be truncated.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::RequireCanonical),
);

/// The bytes that each member of gzip data begins with.
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// The reason why content cannot be decoded. Messages contain no part of the content.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum DecodeError {
    /// The encoding is unknown.
    #[error("unknown encoding")]
    Encoding,
    /// The content is not valid base64.
    #[error("the content is not base64: {0}")]
    Base64(String),
    /// The content is not valid gzip.
    #[error("invalid gzip data: {0}")]
    Gzip(String),
    /// The decompressed content exceeds this size.
    #[error("the content is larger than {0} bytes when decompressed")]
    TooLarge(u64),
    /// The content has too many gzip members.
    #[error("the content has more than {MEMBERS_MAX} gzip members")]
    Members,
}

/// The maximum number of additional gzip members in all contents together. Decoding a member takes as long as decoding
/// a kilobyte, but a member can be as short as twenty bytes.
pub const MEMBERS_MAX: usize = 10_000;

/// The names of encodings, each with true for base64 and for gzip.
const ENCODINGS: [(&str, bool, bool); 9] = [
    ("", false, false),
    ("b64", true, false),
    ("base64", true, false),
    ("gz", false, true),
    ("gzip", false, true),
    ("gz+b64", true, true),
    ("gz+base64", true, true),
    ("gzip+b64", true, true),
    ("gzip+base64", true, true),
];

/// All names of encodings.
pub const NAMES: [&str; ENCODINGS.len() - 1] = {
    let mut names = [""; ENCODINGS.len() - 1];
    let mut at = 0;
    while at < names.len() {
        // The first row has an empty name.
        names[at] = ENCODINGS[at + 1].0;
        at += 1;
    }
    names
};

/// Returns true if `encoding` includes compression.
pub fn inflates(encoding: &str) -> bool {
    ENCODINGS.iter().any(|(name, _, gzip)| *name == encoding && *gzip)
}

/// Returns true if `encoding` includes base64.
pub fn is_base64(encoding: &str) -> bool {
    ENCODINGS.iter().any(|(name, base64, _)| *name == encoding && *base64)
}

/// Returns the remedy for content that is not valid in `encoding`; `None` if the content is truncated.
pub fn suggest(content: &[u8], encoding: &str) -> Option<&'static str> {
    let (is_base64, inflates) = (is_base64(encoding), inflates(encoding));
    Some(match form(content) {
        _ if is_template(content) => "render the template first: this program has no template engine",
        Form::Gzip => "write `encoding: gzip`",
        Form::Base64 { gzip: true } if is_base64 && inflates => return None,
        Form::Base64 { gzip: true } => "write `encoding: gzip+base64`",
        Form::Base64 { gzip: false } if is_base64 && inflates => "write `encoding: base64`, if it is not compressed",
        Form::Base64 { gzip: false } if inflates => "write `encoding: base64`, if it is base64",
        Form::Base64 { gzip: false } => return None,
        Form::Text if inflates => {
            "remove `encoding`, or encode the text with `gzip | base64` and write `encoding: gzip+base64`"
        }
        Form::Text => "remove `encoding`, or encode the text with `base64`",
    })
}

/// Returns true if `content` is plain text in no encoding.
pub fn is_text(content: &[u8]) -> bool {
    !content.trim_ascii().is_empty() && matches!(form(content), Form::Text)
}

fn is_template(content: &[u8]) -> bool {
    ["{{", "{%", "<%", "${"].iter().any(|sign| content.starts_with(sign.as_bytes()))
}

/// The form of content, recognized by its beginning.
enum Form {
    Gzip,
    Base64 { gzip: bool },
    Text,
}

fn form(content: &[u8]) -> Form {
    let is_gzip = |bytes: &[u8]| bytes.starts_with(&GZIP_MAGIC);
    if is_gzip(content) {
        return Form::Gzip;
    }
    // Padding is optional here, because the content may be truncated.
    let dense: Vec<u8> = content.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).take(400).collect();
    let whole = dense.len() - dense.len() % 4;
    match BASE64.decode(&dense[..whole]) {
        Ok(bytes) if is_gzip(&bytes) => Form::Base64 { gzip: true },
        // Words can be valid base64, but the result is not text.
        Ok(bytes) if !content.trim_ascii().contains(&b' ') && (dense.len() > 40 || is_printable(&bytes)) => {
            Form::Base64 { gzip: false }
        }
        _ => Form::Text,
    }
}

/// Returns true for text, which may end in the middle of a character.
fn is_printable(bytes: &[u8]) -> bool {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) if error.error_len().is_none() => {
            std::str::from_utf8(&bytes[..error.valid_up_to()]).unwrap_or_default()
        }
        Err(_) => return false,
    };
    !text.is_empty() && text.chars().all(|c| !c.is_control() || c.is_ascii_whitespace())
}

/// Returns the remedy for an unknown `encoding` whose meaning is clear.
pub fn advise(encoding: &str) -> Option<&'static str> {
    let encoding = encoding.trim().to_ascii_lowercase();
    let has = |names: &[&str]| encoding.split(|c: char| !c.is_ascii_alphanumeric()).any(|word| names.contains(&word));
    let (is_gzip, is_base64) = (has(&["gz", "gzip", "gzipped"]), has(&["b64", "base64"]));
    if is_gzip && is_base64 {
        Some("write `encoding: gzip+base64`")
    } else if is_base64 {
        Some("write `encoding: base64`")
    } else if is_gzip {
        Some("write `encoding: gzip`")
    } else if has(&[
        "none", "no", "null", "false", "text", "plain", "raw", "utf", "utf8", "ascii", "identity", "7bit", "8bit",
    ]) {
        Some("remove `encoding`: without it, content is written as it is")
    } else {
        None
    }
}

/// Decodes content; decompression may produce at most `limit` bytes. Each gzip member after the first one is subtracted
/// from `members`.
pub fn decode(content: Vec<u8>, encoding: &str, limit: u64, members: &mut usize) -> Result<Vec<u8>, DecodeError> {
    let (_, base64, gzip) = ENCODINGS.iter().find(|(name, ..)| *name == encoding).ok_or(DecodeError::Encoding)?;
    let content = if *base64 { unbase64(&content)? } else { content };
    if *gzip { gunzip(&content, limit, members) } else { Ok(content) }
}

/// Decodes base64, which may contain white space anywhere.
pub fn unbase64(content: &[u8]) -> Result<Vec<u8>, DecodeError> {
    let dense: Cow<'_, [u8]> = if content.iter().any(u8::is_ascii_whitespace) {
        content.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect()
    } else {
        content.into()
    };
    BASE64.decode(dense).map_err(|error| {
        // The message of the library contains the invalid byte, which may be part of a secret.
        DecodeError::Base64(match error {
            base64::DecodeError::InvalidByte(at, _) => format!("invalid character at byte {at}"),
            base64::DecodeError::InvalidLength(_) => "invalid length for base64, possibly truncated".to_owned(),
            base64::DecodeError::InvalidLastSymbol { offset: at, .. } => {
                format!("invalid last character at byte {at}")
            }
            base64::DecodeError::InvalidPadding => "invalid padding, possibly truncated".to_owned(),
        })
    })
}

/// Decompresses gzip of one or several members, up to `limit` bytes. Each member after the first one is subtracted from
/// `members`. Zeros after the last member, such as padding of a block, are ignored, as gzip does.
pub fn gunzip(content: &[u8], limit: u64, members: &mut usize) -> Result<Vec<u8>, DecodeError> {
    let broken = |error: io::Error| {
        let problem = error.to_string();
        // A truncated file can end inside the magic bytes.
        DecodeError::Gzip(if content.iter().zip(GZIP_MAGIC).any(|(byte, magic)| *byte != magic) {
            "not gzip".to_owned()
        } else if error.kind() == io::ErrorKind::UnexpectedEof || problem.contains("incomplete") {
            "truncated".to_owned()
        } else if problem.contains("checksum") {
            "checksum mismatch".to_owned()
        } else {
            problem
        })
    };
    let mut out = Vec::new();
    let mut decoder = GzDecoder::new(content);
    loop {
        // One byte more than the limit shows that the content is too large.
        let left = (limit - out.len() as u64).saturating_add(1);
        (&mut decoder).take(left).read_to_end(&mut out).map_err(broken)?;
        if out.len() as u64 > limit {
            return Err(DecodeError::TooLarge(limit));
        }
        let rest = *decoder.get_ref();
        // No member begins with a zero, so the scan for zeros happens only once.
        if rest.first().is_none_or(|byte| *byte == 0) && rest.iter().all(|byte| *byte == 0) {
            return Ok(out);
        }
        *members = members.checked_sub(1).ok_or(DecodeError::Members)?;
        decoder.reset(rest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn gzip(content: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(content).unwrap();
        encoder.finish().unwrap()
    }

    fn base64(content: &[u8]) -> Vec<u8> {
        BASE64.encode(content).into_bytes()
    }

    fn undo(content: Vec<u8>, encoding: &str) -> Result<Vec<u8>, DecodeError> {
        decode(content, encoding, 99, &mut 0)
    }

    fn unzip(content: &[u8], limit: u64) -> Result<Vec<u8>, DecodeError> {
        gunzip(content, limit, &mut 0)
    }

    #[test]
    fn every_encoding_decodes() {
        for name in ["b64", "base64"] {
            assert_eq!(undo(base64(b"hello"), name), Ok(b"hello".to_vec()), "{name}");
        }
        for name in ["gz", "gzip"] {
            assert_eq!(undo(gzip(b"hello"), name), Ok(b"hello".to_vec()), "{name}");
        }
        for name in ["gz+b64", "gz+base64", "gzip+b64", "gzip+base64"] {
            assert_eq!(undo(base64(&gzip(b"hello")), name), Ok(b"hello".to_vec()), "{name}");
        }
        assert_eq!(undo(b"hello".to_vec(), ""), Ok(b"hello".to_vec()));
        assert_eq!(undo(b"hello".to_vec(), "B64"), Err(DecodeError::Encoding));
    }

    #[test]
    fn line_breaks_inside_base64_are_fine() {
        assert_eq!(unbase64(b"aGVs\n  bG8=\r\n"), Ok(b"hello".to_vec()));
    }

    #[test]
    fn what_does_not_decode_completely_is_refused() {
        for content in ["aGVsbG8", "aGVsbG", "a", "aGVs!G8=", "aGVsbG8=aGVsbG8=", "YWJj="] {
            assert!(unbase64(content.as_bytes()).is_err(), "{content}");
        }
        let whole = gzip(b"hello, hello, hello");
        assert!(unzip(&whole[..whole.len() - 1], 99).is_err(), "cut off");
        let mut broken = whole.clone();
        let at = broken.len() - 6;
        broken[at] ^= 1;
        assert!(unzip(&broken, 99).is_err(), "a wrong checksum");
        assert!(unzip(b"", 99).is_err(), "empty");
    }

    #[test]
    fn trailing_bits_are_let_through() {
        assert_eq!(unbase64(b"aGVsbG9="), Ok(b"hello".to_vec()));
    }

    #[test]
    fn several_gzip_members_are_one_content() {
        let two = [gzip(b"hel"), gzip(b"lo")].concat();
        assert_eq!(gunzip(&two, 99, &mut 1), Ok(b"hello".to_vec()));
    }

    #[test]
    fn members_are_counted_in_all_contents_together() {
        let three = gzip(b"a").repeat(3);
        let mut members = 5;
        assert_eq!(gunzip(&three, 99, &mut members), Ok(b"aaa".to_vec()));
        assert_eq!(members, 3, "the first of each is none of them");
        assert_eq!(gunzip(&three, 99, &mut members), Ok(b"aaa".to_vec()));
        assert_eq!(gunzip(&three, 99, &mut members), Err(DecodeError::Members));
        assert_eq!(gunzip(&gzip(b"a"), 99, &mut members), Ok(b"a".to_vec()));
    }

    #[test]
    fn zeros_behind_the_end_are_nothing_and_anything_else_is_wrong() {
        for zeros in [1, 7, 512, 10_240] {
            assert_eq!(unzip(&[gzip(b"hello"), vec![0; zeros]].concat(), 99), Ok(b"hello".to_vec()), "{zeros}");
        }
        for rest in [&b"\n"[..], b"x", b"\0x", b"\x1f", b"x\0", &[&[0; 9][..], &gzip(b"a")].concat()] {
            assert!(gunzip(&[&gzip(b"hello"), rest].concat(), 99, &mut 9).is_err(), "{rest:?}");
        }
        assert!(unzip(&[0; 9], 99).is_err());
    }

    #[test]
    fn what_inflates_too_far_is_refused() {
        assert_eq!(unzip(&gzip(&[0; 100]), 100).map(|out| out.len()), Ok(100));
        assert_eq!(unzip(&gzip(&[0; 101]), 100), Err(DecodeError::TooLarge(100)));
    }

    #[test]
    fn an_encoding_is_suggested_for_content_that_does_not_decode() {
        let zipped = base64(&gzip(&b"hello".repeat(400)));
        let random: Vec<u8> = (0..9000_u32).map(|n| u8::try_from(n * n % 7919 % 251).unwrap()).collect();
        for (content, encoding, wanted) in [
            (zipped.clone(), "gzip", "`encoding: gzip+base64`"),
            (base64(&gzip(&random)), "gz", "`encoding: gzip+base64`"),
            (base64(b"hello world"), "gzip+base64", "`encoding: base64`"),
            (base64(b"hello world"), "gzip", "`encoding: base64`"),
            (gzip(b"hello"), "gzip+base64", "`encoding: gzip`"),
            (b"hello, world!".to_vec(), "base64", "remove"),
            (b"hello, world!".to_vec(), "gzip", "remove"),
        ] {
            let help = suggest(&content, encoding).unwrap();
            assert!(help.contains(wanted), "{encoding}: {help}, not {wanted}");
        }
        assert_eq!(suggest(b"aGVsbG8", "base64"), None, "it is cut off");
        for (content, encoding) in
            [("hello", "b64"), ("hello", "gzip"), ("hello\nworld\n", "gzip+base64"), ("#!/bin/sh\necho a\n", "base64")]
        {
            assert!(is_text(content.as_bytes()), "{content}");
            let help = suggest(content.as_bytes(), encoding).unwrap();
            assert!(help.starts_with("remove `encoding`, or encode the text with"), "{content}: {help}");
        }
        assert!(!is_text(&zipped) && !is_text(b"aGVsbG8") && !is_text(&base64(&random)) && !is_text(b""));
        assert!(suggest(b"hello world", "base64").unwrap().starts_with("remove"));
        let zipped = base64(&gzip(b"hello"));
        assert_eq!(suggest(&zipped[..zipped.len() - 4], "gzip+base64"), None, "it is cut off");
    }

    #[test]
    fn an_unknown_encoding_has_a_remedy() {
        for (encoding, wanted) in [
            ("none", Some("remove")),
            ("text/plain", Some("remove")),
            ("UTF-8", Some("remove")),
            ("b64+gzip", Some("`encoding: gzip+base64`")),
            ("base64,gz", Some("`encoding: gzip+base64`")),
            ("BASE64", Some("`encoding: base64`")),
            ("rot13", None),
        ] {
            let help = advise(encoding);
            assert_eq!(help.is_some(), wanted.is_some(), "{encoding}");
            assert!(help.unwrap_or_default().contains(wanted.unwrap_or_default()), "{encoding}: {help:?}");
        }
    }
}
