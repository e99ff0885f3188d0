//! Names of temporary files, and the removal of temporary files that an interrupted run left.
//!
//! Only this program uses names `.NAME.cci-` with 16 random hexadecimal digits. A file of such a name is removed only
//! under the lock, and only if it is a regular file with one link that root or the intended owner owns. The fixed name
//! of earlier releases, `.NAME.cci`, is not specific enough: such a file is kept.

use std::borrow::Cow;
use std::ffi::{OsStr, OsString};
use std::fmt::Write as _;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::mem::MaybeUninit;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::fs::{AtFlags, FileType, Mode, OFlags, RawDir};
use rustix::io::Errno;
use sha2::{Digest, Sha256};

use super::file_type;
use crate::host::crash_markers::{TemporaryKind, clear_left_temporary_files};
use crate::host::root::{Root, name_of};
use cloud_config::text::temporary_name::{DIGITS, INFIX, target_of};

/// The longest file name of Linux file systems, in bytes.
const NAME_MAX: usize = 255;

/// The largest number of entries that one search of a directory reads. A larger directory is searched in part: a run
/// that changes nothing must stay cheap.
const MOST_ENTRIES: usize = 10_000;

/// The largest number of matches that one search returns.
const MOST_MATCHES: usize = 1024;

/// The size of the buffer for directory entries, in bytes.
const BUFFER: usize = 32 << 10;

/// The target of the symbolic link that masks a unit.
pub(super) const NOWHERE: &str = "/dev/null";

/// An entry of a directory that may be a temporary file of an interrupted run.
#[derive(Debug)]
pub(super) struct Leftover {
    pub(super) name: OsString,
    pub(super) uid: u32,
}

/// Returns a new temporary name for the file `target`.
pub fn name_for(target: &OsStr) -> OsString {
    let mut name = OsString::from(".");
    name.push(label_for(target));
    // `RandomState` gets random keys from the kernel, so each name is different.
    name.push(format!("{INFIX}{:0DIGITS$x}", RandomState::new().build_hasher().finish()));
    name
}

/// Returns true if `name` is a temporary name for the file `target`.
pub(super) fn is_of(name: &OsStr, target: &OsStr) -> bool {
    target_of(name.as_bytes()) == Some(label_for(target).as_bytes())
}

/// The part of a temporary name that identifies the target: its name, or a hash if that is too long.
fn label_for(target: &OsStr) -> Cow<'_, OsStr> {
    if 1 + target.len() + INFIX.len() + DIGITS <= NAME_MAX {
        return Cow::Borrowed(target);
    }
    let mut hash = String::new();
    for byte in &Sha256::digest(target.as_bytes())[..16] {
        // Writing to a string cannot fail.
        let _ = write!(hash, "{byte:02x}");
    }
    Cow::Owned(hash.into())
}

/// Removes the temporary files in `directory` that belong to root, to this user or to the user `owner`. Best effort: a
/// file that cannot be removed is not an error.
pub fn remove_leftovers(directory: impl AsFd, owner: u32, kind: TemporaryKind) {
    for leftover in search(&directory, kind) {
        if is_own(leftover.uid) || leftover.uid == owner {
            remove(&directory, &leftover.name, leftover.uid, kind);
        }
    }
}

/// Removes the temporary files that an interrupted run marked. The caller holds the lock of this root.
pub fn remove_marked(root: &Root) {
    clear_left_temporary_files(root, |path, uid, kind| {
        if let Ok(name) = name_of(path)
            && let Ok(place) = root.parent(path, false)
        {
            remove(&place.directory, &name, uid, kind);
            // The file gets its name before its owner, so this user may still own it.
            remove(&place.directory, &name, rustix::process::geteuid().as_raw(), kind);
        }
    });
}

/// Returns true if `uid` is root or the user of this process.
pub(super) fn is_own(uid: u32) -> bool {
    uid == 0 || uid == rustix::process::geteuid().as_raw()
}

/// Removes `name` if it is a temporary file of the user `uid`.
pub(super) fn remove(directory: impl AsFd, name: &OsStr, uid: u32, kind: TemporaryKind) {
    if target_of(name.as_bytes()).is_some() && owner(&directory, name, kind) == Some(uid) {
        let _ = rustix::fs::unlinkat(&directory, name, AtFlags::empty());
    }
}

/// Returns the owner of `name` if its type and number of links are those of a temporary file.
fn owner(directory: impl AsFd, name: &OsStr, kind: TemporaryKind) -> Option<u32> {
    let there = rustix::fs::statat(&directory, name, AtFlags::SYMLINK_NOFOLLOW).ok()?;
    let is_kind = match kind {
        TemporaryKind::File => file_type(there.st_mode) == FileType::RegularFile,
        TemporaryKind::Mask => rustix::fs::readlinkat(&directory, name, Vec::new())
            .is_ok_and(|target| Path::new(OsStr::from_bytes(target.as_bytes())) == Path::new(NOWHERE)),
    };
    (is_kind && there.st_nlink == 1).then_some(there.st_uid)
}

/// Returns the temporary files of all owners in `directory`, in bounded time and memory.
pub(super) fn search(directory: impl AsFd, kind: TemporaryKind) -> Vec<Leftover> {
    let mut found = Vec::new();
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let readable = match rustix::fs::openat(&directory, ".", flags | OFlags::NOATIME, Mode::empty()) {
        // Only the owner may open a directory with `O_NOATIME`.
        Err(Errno::PERM) => rustix::fs::openat(&directory, ".", flags, Mode::empty()),
        result => result,
    };
    let Ok(readable) = readable else { return found };
    let mut buffer = vec![MaybeUninit::uninit(); BUFFER];
    let mut entries = RawDir::new(readable, &mut buffer);
    for _ in 0..MOST_ENTRIES {
        let Some(Ok(entry)) = entries.next() else { return found };
        let name = OsStr::from_bytes(entry.file_name().to_bytes());
        if target_of(name.as_bytes()).is_some()
            && let Some(uid) = owner(&directory, name, kind)
        {
            found.push(Leftover { name: name.to_owned(), uid });
            if found.len() == MOST_MATCHES {
                return found;
            }
        }
    }
    found
}
