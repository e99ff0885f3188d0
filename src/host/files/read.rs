//! Reads a file of unknown kind and size.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use anyhow::{Context, Result, bail};
use rustix::fs::FileType;

use super::{compare, file_type};
use crate::host::root::{OsContext, Place, Root, display_path, status};

/// Returns the content of the regular file at `path`; `None` if it does not exist. A link as the last component is
/// treated like a link in the middle of a path.
///
/// # Errors
///
/// The object is not a regular file (a FIFO or a device is never opened), is longer than `limit` bytes, or cannot be
/// read.
pub fn read(root: &Root, path: &Path, limit: u64) -> Result<Option<Vec<u8>>> {
    Ok(read_with_mode(root, path, limit)?.map(|(content, _)| content))
}

/// Returns the bytes of a file, and its permissions without set-id and sticky bits.
///
/// # Errors
///
/// The same as those of [`read`].
pub fn read_with_mode(root: &Root, path: &Path, limit: u64) -> Result<Option<(Vec<u8>, u32)>> {
    let context = || format!("failed to read {}", display_path(path));
    match root.resolve(path) {
        Ok(place) => open_at(&place, limit).with_context(context),
        Err(error) if error.absent() => Ok(None),
        Err(error) => Err(error).with_context(context),
    }
}

/// Reads a file that every user of the machine can reach and read. Returns `None` for any other file, for a link, and
/// if reading fails.
pub fn read_public(root: &Root, path: &Path, limit: u64) -> Option<Vec<u8>> {
    let place = root.parent(path, false).ok()?;
    let there = status(&place).ok()??;
    if there.st_mode & 0o004 == 0
        || !root.is_open_to_all(&place.directory).ok()?
        || !u64::try_from(there.st_size).is_ok_and(|size| size <= limit)
    {
        return None;
    }
    read_at(&place, limit).ok()?
}

/// Reads as [`read`] does, but in an opened directory. A link is an error.
///
/// # Errors
///
/// The same as those of [`read`].
pub fn read_at(place: &Place, limit: u64) -> Result<Option<Vec<u8>>> {
    Ok(open_at(place, limit)?.map(|(content, _)| content))
}

fn open_at(place: &Place, limit: u64) -> Result<Option<(Vec<u8>, u32)>> {
    let Some(there) = status(place).os_context(|| "failed to stat it")? else { return Ok(None) };
    if file_type(there.st_mode) != FileType::RegularFile {
        bail!("it is not a regular file");
    }
    match compare::open(place, &there).os_context(|| "failed to open it")? {
        Some(file) => Ok(Some((whole(&file, limit)?, there.st_mode & 0o777))),
        None => bail!("it was replaced meanwhile"),
    }
}

fn whole(file: &File, limit: u64) -> Result<Vec<u8>> {
    let mut content = Vec::new();
    file.take(limit.saturating_add(1)).read_to_end(&mut content).os_context(|| "failed to read its content")?;
    if content.len() as u64 > limit {
        bail!("it has more than {limit} bytes");
    }
    Ok(content)
}
