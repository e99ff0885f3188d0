//! The encodings of contents, and compressed user-data.

use std::io::Write;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cloud_config::text::decode::{DecodeError, NAMES, decode, gunzip, inflates, unbase64};
use cloud_config::user_data;
use flate2::Compression;
use flate2::write::GzEncoder;

/// The limit of decompressed content in this test.
const LIMIT: usize = 1 << 16;

/// Checks bytes as encoded content, and as content before encoding.
pub fn check(bytes: &[u8]) {
    for name in NAMES.into_iter().chain(["", "GZIP"]) {
        match decode(bytes.to_vec(), name, LIMIT as u64, &mut 9) {
            Ok(out) => assert!(!inflates(name) || out.len() <= LIMIT, "{} bytes of {name}", out.len()),
            Err(error) => {
                assert!(!error.to_string().is_empty());
                assert!(error != DecodeError::Encoding || name == "GZIP");
            }
        }
    }
    let packed = STANDARD.encode(bytes);
    assert_eq!(unbase64(packed.as_bytes()).as_deref(), Ok(bytes));
    let small = bytes.get(..LIMIT).unwrap_or(bytes);
    let zipped = gzip(small);
    assert_eq!(gunzip(&zipped, LIMIT as u64, &mut 0).as_deref(), Ok(small));
    assert!(gunzip(&zipped[..zipped.len() - 1], LIMIT as u64, &mut 0).is_err(), "cut off");
    assert_eq!(gunzip(&[&zipped[..], &[0; 9]].concat(), LIMIT as u64, &mut 0).as_deref(), Ok(small));
    let two = [zipped.as_slice(), &zipped].concat();
    let twice = gunzip(&two, LIMIT as u64, &mut 1);
    assert_eq!(twice.is_ok(), small.len() * 2 <= LIMIT);
    // Compressed user-data has the same parts as uncompressed.
    if !small.starts_with(&[0x1f, 0x8b]) {
        let forms = |bytes| user_data::split("x", bytes).into_iter().map(|part| part.form).collect::<Vec<_>>();
        assert_eq!(forms(small.to_vec()), forms(zipped));
    }
}

/// `content`, compressed.
pub fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(content).and_then(|()| encoder.finish()).expect("writing to a vector cannot fail")
}
