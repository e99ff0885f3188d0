//! Compares an existing file with the wanted one.

use std::fs::File;
use std::io::Read;

use anyhow::{Result, bail};
use rustix::fs::{FileType, Mode, OFlags, Stat};
use rustix::io::Errno;

use super::file_type;
use crate::host::root::{OsContext, Place, status};

/// The bits of a mode that can be set.
const MODE_BITS: u32 = 0o7777;

/// The wanted file.
pub(super) struct WantedFile<'a> {
    pub(super) content: &'a [u8],
    pub(super) mode: u32,
    pub(super) uid: u32,
    /// The group; `None` accepts any group.
    pub(super) gid: Option<u32>,
}

/// The result of comparing an existing file with the wanted one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ExistingFile {
    /// The wanted file.
    Same,
    /// Another file, a link, or any other object except a directory.
    Other,
    /// No object exists.
    Nothing,
}

/// Returns true if the object at `place` is a regular file with exactly this content, mode and owner.
pub(super) fn is_same(place: &Place, wanted: &WantedFile<'_>) -> Result<bool> {
    Ok(existing_file(place, wanted)? == ExistingFile::Same)
}

/// Compares the file at `place` with the wanted one.
pub(super) fn existing_file(place: &Place, wanted: &WantedFile<'_>) -> Result<ExistingFile> {
    let Some(there) = status(place).os_context(|| "failed to stat it")? else {
        return Ok(ExistingFile::Nothing);
    };
    if file_type(there.st_mode) == FileType::Directory {
        bail!("it is a directory");
    }
    let alike = file_type(there.st_mode) == FileType::RegularFile
        && there.st_mode & MODE_BITS == wanted.mode & MODE_BITS
        && there.st_uid == wanted.uid
        && wanted.gid.is_none_or(|gid| gid == there.st_gid)
        && u64::try_from(there.st_size) == u64::try_from(wanted.content.len());
    if !alike {
        return Ok(ExistingFile::Other);
    }
    if wanted.content.is_empty() {
        return Ok(ExistingFile::Same);
    }
    let file = match open(place, &there) {
        Ok(Some(file)) => file,
        // Another process holds a lease on the file (`fcntl(2)`, F_SETLEASE). The comparison does not wait for it.
        Ok(None) | Err(Errno::AGAIN) => return Ok(ExistingFile::Other),
        Err(cause) => return Err(cause).os_context(|| "failed to read the existing file"),
    };
    let same = has_content(file, wanted.content).os_context(|| "failed to read the existing file")?;
    Ok(if same { ExistingFile::Same } else { ExistingFile::Other })
}

/// Opens the regular file that `there` describes; returns `None` if another object has replaced it.
///
/// Reading does not change the access time if the caller may ask for that, and does not block for any kind of object.
pub(super) fn open(place: &Place, there: &Stat) -> Result<Option<File>, Errno> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let file = match rustix::fs::openat(&place.directory, &place.name, flags | OFlags::NOATIME, Mode::empty()) {
        // Only the owner may open a file with `O_NOATIME`.
        Err(Errno::PERM) => rustix::fs::openat(&place.directory, &place.name, flags, Mode::empty()),
        result => result,
    };
    let file = match file {
        Ok(file) => file,
        Err(Errno::NOENT | Errno::LOOP) => return Ok(None),
        Err(cause) => return Err(cause),
    };
    let opened = rustix::fs::fstat(&file)?;
    let same = (opened.st_dev, opened.st_ino) == (there.st_dev, there.st_ino);
    Ok(same.then(|| file.into()))
}

/// Returns true if `file` has exactly these bytes. Its length was compared before.
fn has_content(mut file: File, mut content: &[u8]) -> std::io::Result<bool> {
    let mut buffer = vec![0; content.len().min(64 << 10)];
    while !content.is_empty() {
        let length = file.read(&mut buffer)?;
        match content.strip_prefix(&buffer[..length]) {
            Some(rest) if length > 0 => content = rest,
            _ => return Ok(false),
        }
    }
    Ok(true)
}
