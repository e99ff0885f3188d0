//! Multipart user-data.

use super::user_data;

/// Bytes as a multipart message: as they are where they begin like one, else as the parts of one whose
/// boundary is `B`.
pub fn check(bytes: &[u8]) {
    const HEAD: &[u8] = b"MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=B\n\n";
    if bytes
        .get(..8)
        .is_some_and(|word| word.eq_ignore_ascii_case(b"content-") || word.eq_ignore_ascii_case(b"mime-ver"))
    {
        user_data::check(bytes);
    } else {
        user_data::check(&[HEAD, bytes].concat());
    }
}
