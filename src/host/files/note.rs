//! A note of the temporary files of this run, for the next run if this one is interrupted.
//!
//! The next run removes the temporary files in each directory that it writes to. Another configuration can write to
//! other directories, so the exact names are noted, too. Only a file that gets a temporary name is noted: one that is
//! replaced, or any file where the file system has no unnamed files. The note is below `/run`, never in a tree, and is
//! not flushed: after a power cut the search of the directories has to do.

use std::ffi::OsStr;
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read as _, Write as _};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::leftover::{self, TemporaryKind};
use crate::host::lock::{STATE, make_state};
use crate::host::root::{Root, display_path, name_of};

/// The beginning of the name of a note in [`STATE`]; the device and inode of a tree follow.
const NAME: &str = "temporary-files";

/// The longest note that is read, in bytes.
const LARGEST: u64 = 64 << 20;

/// The note of the files that are being written. One run at a time changes a root, and it has one note at a time.
#[derive(Debug)]
pub struct Note<'r> {
    root: &'r Root,
    file: Option<(File, PathBuf)>,
}

impl<'r> Note<'r> {
    /// A note without entries, which is no file yet.
    pub const fn new(root: &'r Root) -> Self {
        Self { root, file: None }
    }

    /// Notes that `name`, beside `target` below the root, is about to be made for the user `uid`. Best effort: a file
    /// is written even if it cannot be noted.
    pub fn add(&mut self, target: &Path, name: &OsStr, uid: u32) {
        self.add_kind(target, name, uid, TemporaryKind::File);
    }

    pub(super) fn add_kind(&mut self, target: &Path, name: &OsStr, uid: u32, kind: TemporaryKind) {
        if let Err(error) = self.write(&target.with_file_name(name), uid, kind) {
            log::debug!("failed to note the temporary file of {}: {error}", display_path(target));
        }
    }

    fn write(&mut self, path: &Path, uid: u32, kind: TemporaryKind) -> std::io::Result<()> {
        if self.file.is_none() {
            make_state().map_err(std::io::Error::other)?;
            let note = path_of(self.root)?;
            let file = OpenOptions::new().append(true).create(true).mode(0o600).open(&note)?;
            self.file = Some((file, note));
        }
        let Some((file, _)) = &mut self.file else { return Ok(()) };
        let kind = if kind == TemporaryKind::Mask { 'm' } else { 'f' };
        file.write_all(&[format!("{kind}{uid} ").as_bytes(), path.as_os_str().as_bytes(), b"\0"].concat())
    }
}

impl Drop for Note<'_> {
    fn drop(&mut self) {
        if let Some((_, path)) = &self.file {
            // Every file that it names has its place, or is gone.
            let _ = std::fs::remove_file(path);
        }
    }
}

/// Removes the temporary files that an interrupted run noted. The caller holds the lock of this root.
pub fn sweep(root: &Root) {
    let Ok(note) = path_of(root) else { return };
    let mut entries = Vec::new();
    match File::open(&note).and_then(|file| file.take(LARGEST).read_to_end(&mut entries)) {
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::NotFound => return,
        Err(error) => log::debug!("failed to read {}: {error}", note.display()),
    }
    // On a full disk the last entry can be incomplete: no file has its name.
    for (kind, uid, path) in entries.split(|byte| *byte == 0).filter_map(parse) {
        if let Ok(name) = name_of(path)
            && let Ok(place) = root.parent(path, false)
        {
            leftover::remove(&place.directory, &name, uid, kind);
            // It gets its owner after its name.
            leftover::remove(&place.directory, &name, rustix::process::geteuid().as_raw(), kind);
        }
    }
    let _ = std::fs::remove_file(note);
}

fn parse(entry: &[u8]) -> Option<(TemporaryKind, u32, &Path)> {
    let kind = if *entry.first()? == b'm' { TemporaryKind::Mask } else { TemporaryKind::File };
    let space = entry.iter().position(|byte| *byte == b' ')?;
    let uid = std::str::from_utf8(&entry[1..space]).ok()?.parse().ok()?;
    Some((kind, uid, Path::new(OsStr::from_bytes(&entry[space + 1..]))))
}

/// The path of the note of this root.
pub(super) fn path_of(root: &Root) -> std::io::Result<PathBuf> {
    if root.is_system() {
        return Ok(Path::new(STATE).join(NAME));
    }
    let directory = root.directory(Path::new("/")).map_err(|error| std::io::Error::other(error.to_string()))?;
    let status = rustix::fs::fstat(directory)?;
    Ok(Path::new(STATE).join(format!("{NAME}-{}-{}", status.st_dev, status.st_ino)))
}
