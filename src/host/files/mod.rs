//! Writes files atomically: never partially, never visible before owner and mode are right.
//!
//! A file is created without a name and with mode 0600, gets its content, then its owner, then its mode, is flushed
//! to disk, and only then gets its name, by a rename if that exists. A reader sees the old file or the
//! new one; so does the next boot after a power cut. A file that is already as wanted is not written.
//!
//! Only [`write_all`] writes files. There is one exception: [`crate::host::keys`] calls its parts for an opened
//! directory, since it writes with the permissions of another user.

mod batch;
mod compare;
mod directory;
mod leftover;
mod mask;
mod read;
mod temp;

#[cfg(test)]
mod tests;

use std::ffi::OsStr;
use std::path::Path;

use anyhow::{Context, Result, bail};
use rustix::fs::{FileType, RawMode};

use super::root::{Directory, OsContext, Place, Root, display_path};
use crate::outcome::StepResult;

pub use batch::{write_all, write_unlocked};
pub use directory::{directory, is_read_only};
pub use leftover::name_for as temporary_name;
pub use leftover::{remove_leftovers, remove_marked};
pub use mask::{is_mask, mask, unmask, would_mask, would_unmask};
pub use read::{read, read_at, read_public, read_with_mode};

/// A wanted file.
#[derive(Clone, Copy)]
pub struct Write<'a> {
    /// The path, below the root. A link there is replaced itself.
    pub path: &'a Path,
    /// All of its bytes.
    pub content: &'a [u8],
    /// Its mode, with set-id and sticky bits.
    pub mode: u32,
    /// The user ID of its owner.
    pub uid: u32,
    /// The ID of its group.
    pub gid: u32,
}

/// Writes one file, as [`write_all`] does.
///
/// # Errors
///
/// The same as those of [`write_all`].
pub fn write(root: &Root, file: Write<'_>) -> Result<StepResult> {
    write_all(root, &[file]).pop().unwrap_or(Ok(StepResult::Unchanged))
}

/// Returns true if [`write_all`] would write this file. Changes nothing.
///
/// # Errors
///
/// It could not be written (a directory is in its place, a link on the way is refused), or the answer is unknown
/// because this process cannot read the existing file.
pub fn would_change(root: &Root, file: &Write<'_>) -> Result<bool> {
    let place = match root.parent(file.path, false) {
        Ok(place) => place,
        Err(error) if error.absent() => return Ok(true),
        Err(error) => return Err(error).with_context(|| format!("failed to compare {}", display_path(file.path))),
    };
    let wanted = compare::WantedFile { content: file.content, mode: file.mode, uid: file.uid, gid: Some(file.gid) };
    let same =
        compare::is_same(&place, &wanted).with_context(|| format!("failed to compare {}", display_path(file.path)))?;
    Ok(!same)
}

/// A file that is complete and on disk, but not in its place. It is removed if it is dropped before that.
pub struct Prepared(temp::Temp);

impl Prepared {
    /// Moves it to its place, over the file or link there. `mark` is called with its temporary name before that
    /// appears.
    ///
    /// # Errors
    ///
    /// A directory is in its place, or the system refuses. Nothing is left behind then.
    pub fn take_place(self, mark: impl FnOnce(&OsStr) -> Result<()>) -> Result<()> {
        self.0.take_place(mark)
    }
}

/// Creates the file for `place`. `owner` is its user and group, the caller by default.
///
/// The directory itself is not flushed: see [`flush_directory`]. `mark` is called with the temporary name of the file
/// before it appears, if it does.
///
/// # Errors
///
/// The system refuses. Nothing is left behind then.
pub fn prepare(
    place: &Place,
    content: &[u8],
    mode: u32,
    owner: Option<(u32, u32)>,
    mark: impl FnOnce(&OsStr) -> Result<()>,
) -> Result<Prepared> {
    let is_taken = super::root::status(place).os_context(|| "failed to stat it")?.is_some();
    let mut temp = temp::Temp::create(place, is_taken, mark)?;
    temp.fill(content, owner, mode)?;
    if !batch::in_memory(&place.directory) {
        temp.flush().os_context(|| "failed to flush it to disk")?;
    }
    Ok(Prepared(temp))
}

/// Returns true if there is a regular file with this content, mode and owner.
///
/// # Errors
///
/// A directory is in its place, or it cannot be read.
pub fn is_same(place: &Place, content: &[u8], mode: u32, uid: u32, gid: Option<u32>) -> Result<bool> {
    compare::is_same(place, &compare::WantedFile { content, mode, uid, gid })
}

/// Flushes the names in `directory` to disk.
///
/// # Errors
///
/// The system fails to flush them.
pub fn flush_directory(directory: &Directory) -> Result<()> {
    batch::flush_directory(directory).os_context(|| "failed to flush its directory to disk")
}

/// Returns true if an object other than a directory is in the place. The later rename would also fail for a directory,
/// but this error is shorter.
fn is_taken(place: &Place) -> Result<bool> {
    let status = super::root::status(place).os_context(|| "failed to stat it")?;
    if status.is_some_and(|status| file_type(status.st_mode) == FileType::Directory) {
        bail!("there is a directory in its place");
    }
    Ok(status.is_some())
}

const fn file_type(mode: RawMode) -> FileType {
    FileType::from_raw_mode(mode)
}
