//! Limits of user-data: bytes before and after decompression, parts, and the depth of nesting.

use crate::diagnostic::{Finding, rules};
use crate::text::decode::{self, DecodeError, MEMBERS_MAX};

/// The maximum size of user-data before decompression, and of all its parts together after it, in bytes.
pub const USER_DATA_MAX: usize = 16 << 20;
/// The greatest depth of gzip inside gzip.
pub const GZIP_DEPTH: usize = 4;
/// The greatest depth of multiparts inside multiparts.
pub const MULTIPART_DEPTH: usize = 4;
/// The largest number of parts, including multiparts and the parts in them.
pub const PARTS_MAX: usize = 10_000;

/// The remaining budget.
pub(super) struct Budget {
    /// The bytes of all parts.
    text: usize,
    /// The bytes of all decompressed data, including data that does not become part of a part.
    inflated: usize,
    /// The number of additional gzip members.
    members: usize,
    parts: usize,
}

/// The part of the user-data that an error affects.
pub(super) enum BudgetError {
    /// Only the current part.
    Part(Finding),
    /// The user-data as a whole, because a limit is exceeded.
    All(Finding),
}

impl Default for Budget {
    fn default() -> Self {
        Self { text: USER_DATA_MAX, inflated: USER_DATA_MAX * GZIP_DEPTH, members: MEMBERS_MAX, parts: PARTS_MAX }
    }
}

impl Budget {
    /// Subtracts one part.
    pub fn part(&mut self) -> Result<(), BudgetError> {
        self.parts = self.parts.checked_sub(1).ok_or_else(|| too_much(format!("has more than {PARTS_MAX} parts")))?;
        Ok(())
    }

    /// Subtracts the text of a part.
    pub fn text(&mut self, bytes: usize) -> Result<(), BudgetError> {
        let left = self.text.checked_sub(bytes);
        self.text =
            left.ok_or_else(|| too_much(format!("is more than {} MiB in all its parts", USER_DATA_MAX >> 20)))?;
        Ok(())
    }

    /// Decompresses `bytes` if they are gzip, repeatedly. With `must`, it is an error if they are not.
    pub fn inflate(&mut self, mut bytes: Vec<u8>, mut must: bool) -> Result<Vec<u8>, BudgetError> {
        for _ in 0..GZIP_DEPTH {
            if !is_gzip(&bytes) && (!must || bytes.is_empty()) {
                return Ok(bytes);
            }
            must = false;
            let limit = self.text.min(self.inflated);
            bytes = decode::gunzip(&bytes, limit as u64, &mut self.members).map_err(|error| match error {
                DecodeError::TooLarge(_) => {
                    too_much(format!("is more than {} MiB when decompressed", USER_DATA_MAX >> 20))
                }
                DecodeError::Members => too_much(format!("has more than {MEMBERS_MAX} gzip members")),
                _ => {
                    let finding = Finding::new(&rules::BAD_GZIP, None, format!("{error}; not applied"));
                    BudgetError::Part(finding.help("compress the file again with `gzip`, and send all of the output"))
                }
            })?;
            self.inflated -= bytes.len();
        }
        if is_gzip(&bytes) {
            let message = format!("more than {GZIP_DEPTH} nested layers of gzip; not applied");
            return Err(BudgetError::Part(Finding::new(&rules::LIMIT, None, message)));
        }
        Ok(bytes)
    }
}

/// Returns true if `bytes` begin like gzip data.
pub(super) fn is_gzip(bytes: &[u8]) -> bool {
    bytes.starts_with(&[0x1f, 0x8b])
}

fn too_much(what: impl std::fmt::Display) -> BudgetError {
    BudgetError::All(Finding::new(&rules::LIMIT, None, format!("the user-data {what}; not applied")))
}
