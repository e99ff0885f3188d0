//! A file before it is in its place: without a name where the file system can, else under one that nobody reads.

use std::ffi::{OsStr, OsString};
use std::fmt::Write as _;
use std::fs::File;
use std::io::Write as _;
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;

use anyhow::Result;
use rustix::fs::{AtFlags, CWD, Gid, Mode, OFlags, Uid};
use rustix::io::Errno;
use sha2::{Digest, Sha256};

use crate::host::root::{OsContext, Place};

/// The longest file name of Linux's file systems, in bytes.
const NAME_MAX: usize = 255;

/// What a temporary name ends in. It starts with a dot: no folder of snippets (`*.d`) reads it.
const SUFFIX: &str = ".cci";

/// Where file systems keep the list of those who have access besides owner and group.
const ACCESS_LIST: &str = "system.posix_acl_access";

/// What a file is until it is complete: nobody's but ours.
const PRIVATE: Mode = Mode::RUSR.union(Mode::WUSR);

/// A file that will be at `place`. Dropped before that, it is gone.
pub(super) struct Temp {
    file: File,
    place: Place,
    /// Whether there was something in its place, which it replaces.
    replaces: bool,
    /// The name it has, or will have for an instant.
    name: OsString,
    /// Whether there is a file of that name, to be removed if this one does not get its place.
    named: bool,
}

impl Temp {
    /// Makes the file, empty, 0600. `note` is called before a temporary name appears.
    pub(super) fn create(place: &Place, replaces: bool, note: impl FnOnce() -> Result<()>) -> Result<Self> {
        let flags = OFlags::WRONLY | OFlags::TMPFILE | OFlags::CLOEXEC;
        if let Ok(file) = rustix::fs::openat(&place.folder, ".", flags, PRIVATE) {
            let name = name_for(&place.name);
            return Ok(Self { file: file.into(), place: place.clone(), replaces, name, named: false });
        }
        // The file system cannot; or something else is wrong, that this will tell as well.
        note()?;
        Self::create_named(place).os_context(|| "failed to make a temporary file")
    }

    /// Makes the file under its temporary name.
    pub(super) fn create_named(place: &Place) -> Result<Self, Errno> {
        let name = name_for(&place.name);
        remove_stale(&place.folder, &name)?;
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = rustix::fs::openat(&place.folder, &name, flags, PRIVATE)?;
        Ok(Self { file: file.into(), place: place.clone(), replaces: true, name, named: true })
    }

    /// Gives it content, owner and mode, in this order: a new owner clears the set-id bits.
    pub(super) fn fill(&mut self, content: &[u8], owner: Option<(u32, u32)>, mode: u32) -> Result<()> {
        self.file.write_all(content).os_context(|| "failed to write its content")?;
        if let Some((uid, gid)) = owner {
            rustix::fs::fchown(&self.file, Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)))
                .os_context(|| "failed to set its owner")?;
        }
        // Whoever owns the folder may have told that others get access to what is made in there; the mode alone counts.
        match rustix::fs::fremovexattr(&self.file, ACCESS_LIST) {
            Ok(()) | Err(Errno::NODATA | Errno::NOTSUP) => {}
            Err(cause) => return Err(cause).os_context(|| "failed to remove the access list that its folder gave it"),
        }
        rustix::fs::fchmod(&self.file, Mode::from_raw_mode(mode)).os_context(|| "failed to set its mode")
    }

    /// Brings its content to disk.
    pub(super) fn flush(&self) -> Result<(), Errno> {
        rustix::fs::fsync(&self.file)
    }

    /// Puts it into its place, over whatever file or link is there. `note` is called before a temporary name appears.
    pub(super) fn take_place(mut self, note: impl FnOnce() -> Result<()>) -> Result<()> {
        if !self.named {
            if !self.replaces {
                match self.link(&self.place.name) {
                    // Somebody was faster.
                    Err(Errno::EXIST) => {}
                    result => return result.os_context(|| "failed to put it into its place"),
                }
            }
            note()?;
            match self.link(&self.name) {
                Err(Errno::EXIST) => {
                    remove_stale(&self.place.folder, &self.name)
                        .os_context(|| "failed to remove what an earlier run left")?;
                    self.link(&self.name)
                }
                result => result,
            }
            .os_context(|| "failed to give it a name")?;
            self.named = true;
        }
        let folder = &self.place.folder;
        rustix::fs::renameat(folder, &self.name, folder, &self.place.name)
            .os_context(|| "failed to put it into its place")?;
        self.named = false;
        Ok(())
    }

    fn link(&self, name: &OsStr) -> Result<(), Errno> {
        let path = format!("/proc/self/fd/{}", self.file.as_raw_fd());
        match rustix::fs::linkat(CWD, path, &self.place.folder, name, AtFlags::SYMLINK_FOLLOW) {
            // Without /proc; this one wants more privilege.
            Err(Errno::NOENT) => rustix::fs::linkat(&self.file, "", &self.place.folder, name, AtFlags::EMPTY_PATH),
            result => result,
        }
    }
}

impl Drop for Temp {
    fn drop(&mut self) {
        if self.named {
            // There is nobody to tell; the next run removes it.
            let _ = remove_stale(&self.place.folder, &self.name);
        }
    }
}

/// Removes a temporary file that a killed run left.
pub(super) fn remove_stale(folder: impl std::os::fd::AsFd, name: &OsStr) -> Result<(), Errno> {
    match rustix::fs::unlinkat(folder, name, AtFlags::empty()) {
        Err(Errno::NOENT) => Ok(()),
        result => result,
    }
}

/// Whether this is the temporary name of some file.
pub(super) fn is_temporary(name: &OsStr) -> bool {
    name.as_bytes().starts_with(b".") && name.as_bytes().ends_with(SUFFIX.as_bytes())
}

/// The temporary name of a file: always the same one, so that at most one is ever left behind.
pub(super) fn name_for(target: &OsStr) -> OsString {
    let mut name = OsString::from(".");
    if 1 + target.len() + SUFFIX.len() <= NAME_MAX {
        name.push(target);
    } else {
        let mut hash = String::new();
        for byte in &Sha256::digest(target.as_bytes())[..16] {
            // Writing to a text cannot fail.
            let _ = write!(hash, "{byte:02x}");
        }
        name.push(hash);
    }
    name.push(SUFFIX);
    name
}
