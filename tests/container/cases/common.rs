//! Helpers of several groups of cases.

use std::io::Write;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;

/// Returns a hash as `mkpasswd` makes it, with this salt. chpasswd of shadow 4.19 and newer refuses a shorter one.
pub fn hash(salt: &str) -> String {
    format!("$6${salt}${}", "h".repeat(86))
}

pub fn base64(bytes: &[u8]) -> String {
    BASE64_STANDARD.encode(bytes)
}

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).expect("memory can be written to");
    encoder.finish().expect("memory can be written to")
}
