//! A file before it gets its final name: unnamed if the file system supports that, otherwise under a temporary name.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{Seek as _, SeekFrom, Write as _};
use std::os::fd::AsRawFd;

use anyhow::Result;
use rustix::fs::{AtFlags, CWD, Gid, Mode, OFlags, Uid};
use rustix::io::Errno;

use super::batch::in_memory;
use super::leftover::name_for;
use crate::host::root::{OsContext, Place};

/// The extended attribute with the access list of a file.
const ACCESS_LIST: &str = "system.posix_acl_access";

/// The mode of a file until it is complete.
const PRIVATE: Mode = Mode::RUSR.union(Mode::WUSR);

/// A file that will get its final name at `place`. Dropping it before that removes the file.
pub(super) struct Temp {
    file: File,
    place: Place,
    /// True if an existing file or link is replaced.
    replaces: bool,
    /// The temporary name, used only where an unnamed file is impossible or cannot be linked.
    name: OsString,
    /// True if the file currently has the temporary name.
    named: bool,
}

impl Temp {
    /// Creates an empty file with mode 0600. `mark` is called before a temporary name appears.
    pub(super) fn create(place: &Place, replaces: bool, mark: impl FnOnce(&OsStr) -> Result<()>) -> Result<Self> {
        let flags = OFlags::RDWR | OFlags::TMPFILE | OFlags::CLOEXEC;
        let name = name_for(&place.name);
        if let Ok(file) = rustix::fs::openat(&place.directory, ".", flags, PRIVATE) {
            return Ok(Self { file: file.into(), place: place.clone(), replaces, name, named: false });
        }
        // The file system supports no unnamed files. Any other cause also fails the next call, which reports it.
        mark(&name)?;
        Self::create_named(place, name).os_context(|| "failed to create a temporary file")
    }

    /// Creates the file under its temporary name.
    pub(super) fn create_named(place: &Place, name: OsString) -> Result<Self, Errno> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = rustix::fs::openat(&place.directory, &name, flags, PRIVATE)?;
        Ok(Self { file: file.into(), place: place.clone(), replaces: true, name, named: true })
    }

    /// Sets content, owner and mode, in this order: setting the owner clears the set-ID bits.
    pub(super) fn fill(&mut self, content: &[u8], owner: Option<(u32, u32)>, mode: u32) -> Result<()> {
        self.file.write_all(content).os_context(|| "failed to write its content")?;
        self.complete(owner, mode)
    }

    fn complete(&self, owner: Option<(u32, u32)>, mode: u32) -> Result<()> {
        if let Some((uid, gid)) = owner {
            rustix::fs::fchown(&self.file, Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)))
                .os_context(|| "failed to set its owner")?;
        }
        // The directory can have a default ACL, but only the given mode should apply.
        match rustix::fs::fremovexattr(&self.file, ACCESS_LIST) {
            Ok(()) | Err(Errno::NODATA | Errno::NOTSUP) => {}
            Err(cause) => return Err(cause).os_context(|| "failed to remove the default ACL of its directory"),
        }
        rustix::fs::fchmod(&self.file, Mode::from_raw_mode(mode)).os_context(|| "failed to set its mode")
    }

    /// Flushes the content to disk.
    pub(super) fn flush(&self) -> Result<(), Errno> {
        rustix::fs::fsync(&self.file)
    }

    /// Moves the file to its final name and replaces the file or link there. `mark` is called before a temporary name
    /// appears.
    pub(super) fn take_place(mut self, mark: impl FnOnce(&OsStr) -> Result<()>) -> Result<()> {
        if !self.named {
            let placed = if self.replaces { Err(Errno::EXIST) } else { self.link(&self.place.name) };
            match placed {
                Ok(()) => return Ok(()),
                // Another process created a file at `place` since the comparison.
                Err(Errno::EXIST) => {
                    mark(&self.name)?;
                    match self.link(&self.name) {
                        Ok(()) => self.named = true,
                        Err(cause) if needs_copy(cause) => self.copy_to_name()?,
                        Err(cause) => return Err(cause).os_context(|| "failed to link it"),
                    }
                }
                Err(cause) if needs_copy(cause) => {
                    mark(&self.name)?;
                    self.copy_to_name()?;
                }
                Err(cause) => return Err(cause).os_context(|| "failed to link it into place"),
            }
        }
        let directory = &self.place.directory;
        rustix::fs::renameat(directory, &self.name, directory, &self.place.name)
            .os_context(|| "failed to rename it into place")?;
        self.named = false;
        Ok(())
    }

    fn link(&self, name: &OsStr) -> Result<(), Errno> {
        let path = format!("/proc/self/fd/{}", self.file.as_raw_fd());
        match rustix::fs::linkat(CWD, path, &self.place.directory, name, AtFlags::SYMLINK_FOLLOW) {
            // Without /proc, only `AT_EMPTY_PATH` can link an unnamed file. It needs the capability
            // `CAP_DAC_READ_SEARCH`.
            Err(Errno::NOENT) => rustix::fs::linkat(&self.file, "", &self.place.directory, name, AtFlags::EMPTY_PATH),
            result => result,
        }
    }

    /// Copies the unnamed file to a file with the temporary name, which replaces it.
    pub(super) fn copy_to_name(&mut self) -> Result<()> {
        let context = || "failed to create a temporary file";
        let status = rustix::fs::fstat(&self.file).os_context(context)?;
        let mut copy = Self::create_named(&self.place, self.name.clone()).os_context(context)?;
        self.file.seek(SeekFrom::Start(0)).os_context(context)?;
        std::io::copy(&mut self.file, &mut copy.file).os_context(|| "failed to write its content")?;
        let new = rustix::fs::fstat(&copy.file).os_context(context)?;
        let owner = (status.st_uid, status.st_gid);
        let is_owned = (new.st_uid, new.st_gid) == owner;
        copy.complete((!is_owned).then_some(owner), status.st_mode & 0o7777)?;
        if !in_memory(&copy.file) {
            copy.flush().os_context(|| "failed to flush it to disk")?;
        }
        *self = copy;
        Ok(())
    }
}

/// Returns true if an unnamed file could not be linked: the file system has no hard links, or both `/proc` and the
/// capability for `AT_EMPTY_PATH` are missing.
const fn needs_copy(cause: Errno) -> bool {
    matches!(
        cause,
        Errno::PERM | Errno::OPNOTSUPP | Errno::NOSYS | Errno::MLINK | Errno::XDEV | Errno::INVAL | Errno::NOENT
    )
}

impl Drop for Temp {
    fn drop(&mut self) {
        if self.named {
            // If this fails, the next run removes the file.
            let _ = rustix::fs::unlinkat(&self.place.directory, &self.name, AtFlags::empty());
        }
    }
}
