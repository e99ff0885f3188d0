//! Where user-data comes from (spec §10). A source answers; it never writes.

pub mod file;
pub mod http;

/// What a source gave.
#[derive(Debug)]
pub struct Fetched {
    /// What the user-data is called in the log.
    pub name: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
}
