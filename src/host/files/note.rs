//! A note of the files whose temporary names are about to appear, for the run after one that is killed meanwhile.
//!
//! The next run that writes the same file removes what was left of it. But a configuration can have changed until
//! then, and know nothing of that file. Noted is only what gets a temporary name at all: a file that is replaced, or
//! any on a file system that has no files without a name. A note costs no flush: where a reboot forgets it, it was
//! needed for an instant only.

use std::ffi::OsStr;
use std::fs::File;
use std::io::Write as _;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::fs::{AtFlags, Mode, OFlags};

use super::read::read_at;
use super::temp::{name_for, remove_stale};
use crate::host::lock::STATE;
use crate::host::root::{Place, Root, shown};

/// The note of the machine itself, in [`STATE`].
const NAME: &str = "writing";

/// The note of a tree, which has no state: beside everything else that is in it.
const IN_TREE: &str = "/.coreos-cloudinit.cci";

/// The longest note that is read, in bytes.
const LARGEST: u64 = 64 << 20;

/// The note of what is being written. There is one run at a time that changes a root, and it has one note at a time.
#[derive(Debug)]
pub struct Note<'r> {
    root: &'r Root,
    file: Option<(File, Place)>,
}

impl<'r> Note<'r> {
    /// Nothing is noted yet.
    pub const fn new(root: &'r Root) -> Self {
        Self { root, file: None }
    }

    /// Notes that `path`, beneath the root, is about to get a temporary name. Best effort: that it cannot be noted is
    /// no reason not to write it.
    pub fn add(&mut self, path: &Path) {
        if let Err(error) = self.write(path) {
            log::debug!("failed to note that {} is being written: {error}", shown(path));
        }
    }

    fn write(&mut self, path: &Path) -> std::io::Result<()> {
        if self.file.is_none() {
            let place = place(self.root)?;
            // Whatever is in its place is not ours to write to; what it told has been read.
            remove_stale(&place.folder, &place.name)?;
            let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let file = rustix::fs::openat(&place.folder, &place.name, flags, Mode::RUSR | Mode::WUSR)?;
            self.file = Some((file.into(), place));
        }
        let Some((file, _)) = &mut self.file else { return Ok(()) };
        file.write_all(&[path.as_os_str().as_bytes(), b"\0"].concat())
    }
}

impl Drop for Note<'_> {
    fn drop(&mut self) {
        if let Some((_, place)) = &self.file {
            // What it tells of is not there any more: the next run finds nothing to remove.
            let _ = rustix::fs::unlinkat(&place.folder, &place.name, AtFlags::empty());
        }
    }
}

/// Removes the temporary files that a killed run noted. To be called while no other run changes this root.
pub fn sweep(root: &Root) {
    let Ok(note) = place(root) else { return };
    let paths = match read_at(&note, LARGEST) {
        Ok(None) => return,
        Ok(Some(paths)) => paths,
        Err(error) => {
            log::debug!("failed to read what a killed run was writing: {error:#}");
            Vec::new()
        }
    };
    // The last one may be half a path, if the disk is full: nothing has its temporary name.
    for path in paths.split(|byte| *byte == 0).map(|path| Path::new(OsStr::from_bytes(path))) {
        if let Ok(place) = root.parent(path, false) {
            // Where it may not be removed, a folder is in its place or the file system is read-only.
            let _ = remove_stale(&place.folder, &name_for(&place.name));
        }
    }
    let _ = remove_stale(&note.folder, &note.name);
}

fn place(root: &Root) -> std::io::Result<Place> {
    let path = if root.is_system() { Path::new(STATE).join(NAME) } else { IN_TREE.into() };
    root.parent(&path, false).map_err(|error| std::io::Error::other(error.to_string()))
}
