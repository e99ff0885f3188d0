//! Splits user-data into parts of known kinds (docs/user-data.md).
//!
//! ```text
//! bytes ──► gunzip ──► form ──► a part
//!              ▲         │
//!              │         ▼ multipart
//!           transfer ◄── pieces, each with its headers
//! ```
//!
//! These functions never fail: user-data that cannot be read is a part with a finding.

mod budget;
mod content_kind;
mod errors;
mod header;
mod hint;
mod label;
mod pieces;
mod split;
mod stray;
#[cfg(test)]
mod tests;
mod transfer;

use std::fmt;

pub use budget::{GZIP_DEPTH, MULTIPART_DEPTH, PARTS_MAX, USER_DATA_MAX};
pub use content_kind::ContentKind;
pub(crate) use content_kind::lossy_text;
pub use hint::{encoding, has_lost_lines};
pub use split::split;

use crate::diagnostic::Finding;

/// A part of user-data, which is applied independently of the others.
#[derive(Clone, PartialEq, Eq)]
pub struct Part {
    /// The name in the log: the name of the user-data, the number of the part, and its file name, if it has one.
    pub name: String,
    /// The kind of its content.
    pub form: ContentKind,
    /// The portion of the part that is applied.
    pub extent: Completeness,
    /// The text, without a byte order mark. The text of a multipart is complete, because the findings have their
    /// positions in it.
    pub text: String,
    /// The findings about the form of the part.
    pub findings: Vec<Finding>,
}

/// The portion of a part that is applied (docs/applying.md#the-order).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Completeness {
    /// The whole part.
    Whole,
    /// Only the host name and SSH keys: the multipart around the part is incomplete, or the first line of the part is
    /// invalid.
    Access,
    /// Only the host name and SSH keys in the complete lines before this byte, at which the part is truncated.
    Before(usize),
}

impl Part {
    /// Returns the text without its truncated rest.
    pub fn complete_text(&self) -> &str {
        match self.extent {
            Completeness::Whole | Completeness::Access => &self.text,
            Completeness::Before(end) => &self.text[..end],
        }
    }
}

impl fmt::Debug for Part {
    /// Omits the text, which may contain secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Part").field("name", &self.name).field("form", &self.form).finish_non_exhaustive()
    }
}
