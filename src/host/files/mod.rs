//! Writes files atomically: a file is never visible in part, or before its owner and mode are set.
//!
//! A file is created with mode 0600 and without a name. It gets its content, then its owner, then its mode, and is
//! flushed to disk. Only then it gets its name, by a rename if a file of that name exists. So a reader sees either the
//! old file or the new one, and so does the next boot after a power failure. A file that already has the wanted
//! content, mode and owner is not written.
//!
//! Only [`write_all`] writes files, with one exception: [`crate::host::keys`] writes with the permissions of another
//! user, and therefore calls [`prepare`] for an opened directory.

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

/// A file to write.
#[derive(Clone, Copy)]
pub struct Write<'a> {
    /// The path, below the root. If a link is at the path, the link is replaced and not its target.
    pub path: &'a Path,
    /// The whole content.
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
/// The file could not be written (a directory is at its path, or a link in the path is refused), or the existing file
/// cannot be read by this process.
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

/// A complete file, on disk but not at its path. Dropping it removes the file.
pub struct Prepared(temp::Temp);

impl Prepared {
    /// Moves the file to its path and replaces the file or link there. If a temporary name is needed, `mark` is called
    /// with it before the name appears.
    ///
    /// # Errors
    ///
    /// A directory is at the path, or a system call fails. No temporary file remains.
    pub fn take_place(self, mark: impl FnOnce(&OsStr) -> Result<()>) -> Result<()> {
        self.0.take_place(mark)
    }
}

/// Creates the file for `place`. `owner` is its user and group; by default, this process owns it.
///
/// The directory is not flushed: see [`flush_directory`]. If a temporary name is needed, `mark` is called with it
/// before the name appears.
///
/// # Errors
///
/// A system call fails. No temporary file remains.
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

/// Returns true if the object at `place` is a regular file with this content, mode and owner.
///
/// # Errors
///
/// A directory is at `place`, or the file cannot be read.
pub fn is_same(place: &Place, content: &[u8], mode: u32, uid: u32, gid: Option<u32>) -> Result<bool> {
    compare::is_same(place, &compare::WantedFile { content, mode, uid, gid })
}

/// Flushes the entries of `directory` to disk.
///
/// # Errors
///
/// The file system reports an error.
pub fn flush_directory(directory: &Directory) -> Result<()> {
    batch::flush_directory(directory).os_context(|| "failed to flush its directory to disk")
}

/// Returns true if an object other than a directory is at `place`. A directory is an error here, because the error of
/// the later rename would be less clear.
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
