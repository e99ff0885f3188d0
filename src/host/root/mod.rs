//! Paths below a root directory, walked without following a link that another user could have made.
//!
//! A path is walked component by component. A link in it is followed, inside the root, only if the directory that
//! contains the link belongs to root and no other user can write to it: a user who owns a home or can write to `/tmp`
//! must not decide where root's files are written (docs/cloud-config.md#write_files, docs/cloud-config.md#users). All
//! of [`super`] opens paths through this module.

mod display;
mod walk;

#[cfg(test)]
mod tests;

use std::ffi::{OsStr, OsString};
use std::os::fd::OwnedFd;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result};
use rustix::fs::{AtFlags, CWD, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;

pub use crate::os_error::{OsContext, OsError};
pub use display::display_path;
pub use walk::WalkError;
use walk::WalkMode;

/// An opened directory; shared, since the files of a batch are often in the same one.
pub type Directory = Arc<OwnedFd>;

/// The number of retries of a lookup that a concurrent rename interrupted, before the path is walked by hand.
const DISTURBED: usize = 32;

/// The directory that is used as `/`.
#[derive(Debug)]
pub struct Root {
    directory: Directory,
    path: PathBuf,
    system: bool,
    /// True if the kernel can walk a path below a directory by itself (Linux 5.6).
    openat2: AtomicBool,
}

/// The place of a file that may not exist: its directory, opened, and its name in it.
#[derive(Clone, Debug)]
pub struct Place {
    /// The directory.
    pub directory: Directory,
    /// The name, without any slash; never `.` or `..`.
    pub name: OsString,
}

/// The greatest depth of a directory for the check.
const DEEPEST: usize = 256;

impl Root {
    /// Returns true if every user can enter `directory`, which is below the root, and all directories above it.
    ///
    /// # Errors
    ///
    /// The errors of reading their status.
    pub fn is_open_to_all(&self, directory: &Directory) -> Result<bool, Errno> {
        let top = rustix::fs::fstat(&self.directory)?;
        let mut directory = directory.clone();
        // Real paths are not that deep. A directory that was moved out of the root meanwhile never reaches it.
        for _ in 0..DEEPEST {
            let there = rustix::fs::fstat(&directory)?;
            if there.st_mode & 0o001 == 0 {
                return Ok(false);
            }
            if (there.st_dev, there.st_ino) == (top.st_dev, top.st_ino) {
                return Ok(true);
            }
            let above = rustix::fs::openat(
                &directory,
                "..",
                OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC,
                Mode::empty(),
            )?;
            directory = above.into();
        }
        Ok(false)
    }

    /// Opens the directory `path` as the root of every path walked later. Any path to the root directory of this
    /// machine, such as a link or a bind mount, opens that itself.
    ///
    /// # Errors
    ///
    /// It does not exist, is not a directory, or may not be searched; another user owns a directory of the path, can
    /// write to one, or made a link in it.
    pub fn open(path: &Path) -> Result<Self> {
        let context = || format!("failed to open the root directory {}", display_path(path));
        let slash = Arc::new(rustix::fs::openat(CWD, "/", DIRECTORY, Mode::empty()).os_context(context)?);
        let absolute = std::path::absolute(path).os_context(context)?;
        let (directory, system) = if is_slash(&absolute) {
            (slash, true)
        } else {
            let directory = match walk::by_hand(&slash, &absolute, WalkMode::Private) {
                // The path is named already.
                Err(WalkError::Os { path, cause }) if path == absolute => return Err(cause).with_context(context),
                walked => walked.with_context(context)?,
            };
            let system = identity(&directory).os_context(context)? == identity(&slash).os_context(context)?;
            (if system { slash } else { directory }, system)
        };
        Ok(Self { directory, path: absolute, system, openat2: AtomicBool::new(true) })
    }

    /// The device and the inode of the root directory.
    ///
    /// # Errors
    ///
    /// The errors of reading its status.
    pub fn identity(&self) -> Result<(u64, u64), Errno> {
        identity(&self.directory)
    }

    /// Checks that no other user can change where `path` leads: each directory, from the root to the last one, belongs
    /// to root or to the user this program runs as, and is not writable by group or others. One with the sticky bit may
    /// be, unless it is the last one.
    ///
    /// # Errors
    ///
    /// See [`WalkError`]. If a directory is missing, those before it have been checked.
    pub fn private(&self, path: &Path) -> Result<(), WalkError> {
        walk::by_hand(&self.directory, path, WalkMode::Private).map(drop)
    }

    /// Returns the absolute path of the root directory: tools run with another working directory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns true if this is the root of the running system, and not a tree in a directory.
    pub const fn is_system(&self) -> bool {
        self.system
    }

    /// Opens the directory `path` for `*at` calls (`O_PATH`).
    ///
    /// # Errors
    ///
    /// See [`WalkError`].
    pub fn directory(&self, path: &Path) -> Result<Directory, WalkError> {
        self.walk(path, false)
    }

    /// Opens the directory `path` for reading its entries.
    ///
    /// # Errors
    ///
    /// See [`WalkError`].
    pub fn open_dir(&self, path: &Path) -> Result<OwnedFd, WalkError> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        rustix::fs::openat(self.directory(path)?, ".", flags, Mode::empty())
            .map_err(|cause| WalkError::Os { path: path.to_owned(), cause: cause.into() })
    }

    /// Opens the directory of `path`, and returns the name in it, which need not exist.
    ///
    /// With `create`, missing directories are made, 0755, with the group and user of this process.
    ///
    /// # Errors
    ///
    /// See [`WalkError`].
    pub fn parent(&self, path: &Path, create: bool) -> Result<Place, WalkError> {
        let name = name_of(path)?;
        let directory = self.walk(path.parent().unwrap_or(Path::new("")), create)?;
        Ok(Place { directory, name })
    }

    /// Opens the directory of `path` as [`Root::parent`] does. If `path` is a link, its target is used.
    ///
    /// # Errors
    ///
    /// See [`WalkError`]; a link is refused under the same conditions as in the middle of a path.
    pub fn resolve(&self, path: &Path) -> Result<Place, WalkError> {
        let mut path = path.to_owned();
        for _ in 0..walk::MOST_LINKS {
            let place = self.parent(&path, false)?;
            let Some(target) =
                link(&place).map_err(|cause| WalkError::Os { path: path.clone(), cause: cause.into() })?
            else {
                return Ok(place);
            };
            if !walk::trusted(&place.directory) {
                return Err(WalkError::Untrusted(path));
            }
            // An absolute target replaces the path and is resolved in this root.
            path = path.parent().unwrap_or(Path::new("")).join(target);
        }
        Err(WalkError::TooManyLinks(path))
    }

    fn walk(&self, path: &Path, create: bool) -> Result<Directory, WalkError> {
        if is_slash(path) {
            return Ok(Arc::clone(&self.directory));
        }
        match self.at_once(path) {
            Some(Ok(directory)) => Ok(Arc::new(directory)),
            Some(Err(cause)) if !create => Err(WalkError::Os { path: path.to_owned(), cause: cause.into() }),
            _ => walk::by_hand(&self.directory, path, if create { WalkMode::Create } else { WalkMode::Open }),
        }
    }

    /// Lets the kernel walk a path without links; returns `None` if it cannot, or meets a link.
    fn at_once(&self, path: &Path) -> Option<Result<OwnedFd, Errno>> {
        if !self.openat2.load(Ordering::Relaxed) {
            return None;
        }
        let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
        for _ in 0..DISTURBED {
            match rustix::fs::openat2(&self.directory, path, DIRECTORY, Mode::empty(), resolve) {
                Ok(directory) => return Some(Ok(directory)),
                Err(Errno::NOENT) => return Some(Err(Errno::NOENT)),
                Err(Errno::AGAIN | Errno::INTR) => {}
                Err(Errno::NOSYS | Errno::PERM) => {
                    // An old kernel, or the system call filter of a container: later calls fail as well.
                    self.openat2.store(false, Ordering::Relaxed);
                    return None;
                }
                // Walking by hand finds the path of the error.
                Err(_) => return None,
            }
        }
        None
    }
}

/// Returns true if `path` has no name in it.
fn is_slash(path: &Path) -> bool {
    path.components().all(|part| matches!(part, Component::RootDir | Component::CurDir))
}

fn identity(directory: &Directory) -> Result<(u64, u64), Errno> {
    let status = rustix::fs::fstat(directory)?;
    Ok((status.st_dev, status.st_ino))
}

/// The flags for opening directories without permission to read their entries.
const DIRECTORY: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

/// Returns the text of the link at `place`; `None` if something else is there, or nothing.
///
/// # Errors
///
/// The system refuses.
pub fn link(place: &Place) -> Result<Option<PathBuf>, Errno> {
    match rustix::fs::readlinkat(&place.directory, &place.name, Vec::new()) {
        Ok(target) => {
            use std::os::unix::ffi::OsStrExt;
            Ok(Some(PathBuf::from(OsStr::from_bytes(target.as_bytes()))))
        }
        Err(Errno::INVAL | Errno::NOENT) => Ok(None),
        Err(cause) => Err(cause),
    }
}

/// Returns the status of the object at `place`, of a link itself and not of its target; `None` if nothing is there.
///
/// # Errors
///
/// The system refuses.
pub fn status(place: &Place) -> Result<Option<rustix::fs::Stat>, Errno> {
    match rustix::fs::statat(&place.directory, &place.name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(status) => Ok(Some(status)),
        Err(Errno::NOENT) => Ok(None),
        Err(cause) => Err(cause),
    }
}

/// Returns the name of `path` in its directory.
///
/// # Errors
///
/// The path names nothing in a directory, such as `/`.
pub fn name_of(path: &Path) -> Result<OsString, WalkError> {
    path.file_name().map(OsStr::to_owned).ok_or_else(|| WalkError::NoName(path.to_owned()))
}
