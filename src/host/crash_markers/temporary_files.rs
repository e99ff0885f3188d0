//! The markers of temporary files: a list of names, which the next run removes.
//!
//! A run also searches each directory that it writes to for temporary files. The next configuration may write to other
//! directories, so the exact names are listed, too. Only a file that gets a temporary name is listed: a file that
//! replaces another, or any file on a file system without unnamed files. The list is not flushed to disk: after a power
//! failure, only the search finds the files.

use std::ffi::OsStr;
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::host::lock::{STATE, make_state};
use crate::host::root::{OsError, Root, display_path};

/// The prefix of the name of a list in [`STATE`]; the device and inode of a tree follow.
const NAME: &str = "temporary-files";

/// The longest list that is read, in bytes.
const LARGEST: u64 = 64 << 20;

/// The type of a temporary file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TemporaryKind {
    /// A regular file.
    File,
    /// A symbolic link to `/dev/null`.
    Mask,
}

/// The markers of the files that are being written; dropping it clears them. Only one run at a time changes a root, so
/// there is one list per root.
#[derive(Debug)]
pub struct TemporaryFiles<'r> {
    root: &'r Root,
    list: Option<(File, PathBuf)>,
}

impl<'r> TemporaryFiles<'r> {
    /// Creates an empty list. The file is created with the first entry.
    pub const fn new(root: &'r Root) -> Self {
        Self { root, list: None }
    }

    /// Marks that `name`, beside `target` below the root, is about to be created for the user `uid`. Best effort: if
    /// this fails, the file is written anyway.
    pub fn set(&mut self, target: &Path, name: &OsStr, uid: u32, kind: TemporaryKind) {
        if let Err(error) = self.append(&target.with_file_name(name), uid, kind) {
            log::debug!("failed to mark the temporary file of {}: {}", display_path(target), OsError::from(error));
        }
    }

    fn append(&mut self, path: &Path, uid: u32, kind: TemporaryKind) -> io::Result<()> {
        if self.list.is_none() {
            make_state().map_err(io::Error::other)?;
            let list = path_of(self.root)?;
            let file = OpenOptions::new().append(true).create(true).mode(0o600).open(&list)?;
            self.list = Some((file, list));
        }
        let Some((file, _)) = &mut self.list else { return Ok(()) };
        let kind = if kind == TemporaryKind::Mask { 'm' } else { 'f' };
        file.write_all(&[format!("{kind}{uid} ").as_bytes(), path.as_os_str().as_bytes(), b"\0"].concat())
    }
}

impl Drop for TemporaryFiles<'_> {
    fn drop(&mut self) {
        if let Some((_, path)) = &self.list {
            // No temporary name of the list exists any more: each file was renamed or removed.
            let _ = std::fs::remove_file(path);
        }
    }
}

/// Calls `remove` with the path, the owner and the type of each file that an interrupted run marked, then clears the
/// markers. The caller holds the lock of this root.
pub fn clear_left(root: &Root, mut remove: impl FnMut(&Path, u32, TemporaryKind)) {
    let Ok(list) = path_of(root) else { return };
    let mut entries = Vec::new();
    match File::open(&list).and_then(|file| file.take(LARGEST).read_to_end(&mut entries)) {
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::NotFound => return,
        Err(error) => log::debug!("failed to read {}: {}", list.display(), OsError::from(error)),
    }
    // On a full disk, the last entry can be incomplete. No file has such a name, so removing it has no effect.
    for (kind, uid, path) in entries.split(|byte| *byte == 0).filter_map(parse) {
        remove(path, uid, kind);
    }
    let _ = std::fs::remove_file(list);
}

fn parse(entry: &[u8]) -> Option<(TemporaryKind, u32, &Path)> {
    let kind = if *entry.first()? == b'm' { TemporaryKind::Mask } else { TemporaryKind::File };
    let space = entry.iter().position(|byte| *byte == b' ')?;
    let uid = std::str::from_utf8(&entry[1..space]).ok()?.parse().ok()?;
    Some((kind, uid, Path::new(OsStr::from_bytes(&entry[space + 1..]))))
}

/// Returns the path of the list for this root.
fn path_of(root: &Root) -> io::Result<PathBuf> {
    if root.is_system() {
        return Ok(Path::new(STATE).join(NAME));
    }
    let (device, inode) = root.identity()?;
    Ok(Path::new(STATE).join(format!("{NAME}-{device}-{inode}")))
}
