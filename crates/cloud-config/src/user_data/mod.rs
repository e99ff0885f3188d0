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

/// A piece of user-data that is handled by itself.
#[derive(Clone, PartialEq, Eq)]
pub struct Part {
    /// The name in the log: the name of the user-data, the number of the part, and its file name if it has one.
    pub name: String,
    /// Its kind.
    pub form: ContentKind,
    /// How much of it counts.
    pub extent: Completeness,
    /// Its text, without a byte order mark. Of a multipart, all of it: its findings have their positions there.
    pub text: String,
    /// The findings about its form.
    pub findings: Vec<Finding>,
}

/// How much of a part counts (docs/applying.md#the-order).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Completeness {
    /// All of it.
    Whole,
    /// Only its host name and keys: its multipart is incomplete, or its first line is invalid.
    Access,
    /// The same, of the text that is complete before this byte, where the part is cut off.
    Before(usize),
}

impl Part {
    /// The text as far as it counts.
    pub fn complete_text(&self) -> &str {
        match self.extent {
            Completeness::Whole | Completeness::Access => &self.text,
            Completeness::Before(end) => &self.text[..end],
        }
    }
}

impl fmt::Debug for Part {
    /// Without the text, which may hold secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Part").field("name", &self.name).field("form", &self.form).finish_non_exhaustive()
    }
}
