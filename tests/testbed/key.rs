//! SSH keys for cases.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

/// Returns a public key for which no private key exists. Its comment is `name`.
pub fn key(name: &str) -> String {
    let mut blob = vec![0, 0, 0, 11];
    blob.extend(b"ssh-ed25519");
    blob.extend([0, 0, 0, 32]);
    blob.extend(name.bytes().cycle().take(32));
    format!("ssh-ed25519 {} {name}", BASE64_STANDARD.encode(blob))
}
