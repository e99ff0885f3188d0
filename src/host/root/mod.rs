//! Paths below a root directory, opened without following a link that another user could have created.
//!
//! A path is walked component by component. A link in the path is followed, inside the root, only if its directory
//! belongs to root and no other user can write to the directory. A user who owns a home or can write to `/tmp` must not
//! decide where root's files are written (docs/cloud-config.md#write_files, docs/cloud-config.md#users). All modules of
//! [`super`] open paths through this module.

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

/// An opened directory. It is shared, because the files of a batch are often in the same directory.
pub type Directory = Arc<OwnedFd>;

/// The number of retries if a concurrent rename interrupts a lookup. After that, the path is walked by hand.
const DISTURBED: usize = 32;

/// The directory that is used as `/`.
#[derive(Debug)]
pub struct Root {
    directory: Directory,
    path: PathBuf,
    system: bool,
    /// True if the kernel has `openat2` (Linux 5.6), which walks a path below a directory.
    openat2: AtomicBool,
}

/// The place of a file that may not exist: its opened directory and its name.
#[derive(Clone, Debug)]
pub struct Place {
    /// The directory of the file.
    pub directory: Directory,
    /// The name of the file, without slashes; never `.` or `..`.
    pub name: OsString,
}

/// The largest number of directories that [`Root::is_open_to_all`] checks.
const DEEPEST: usize = 256;

impl Root {
    /// Returns true if every user can enter `directory`, which is below the root, and all directories above it.
    ///
    /// # Errors
    ///
    /// The status of a directory cannot be read.
    pub fn is_open_to_all(&self, directory: &Directory) -> Result<bool, Errno> {
        let top = rustix::fs::fstat(&self.directory)?;
        let mut directory = directory.clone();
        // The limit ends the loop for a directory that was moved out of the root: it never reaches the root.
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

    /// Opens the directory `path` as the root of every path that is walked later. A path that leads to the root
    /// directory of this machine, for example through a link or a bind mount, is treated as `/`.
    ///
    /// # Errors
    ///
    /// `path` does not exist, is not a directory, or may not be searched; another user owns a directory in the path,
    /// can write to one, or created a link in it.
    pub fn open(path: &Path) -> Result<Self> {
        let context = || format!("failed to open the root directory {}", display_path(path));
        let slash = Arc::new(rustix::fs::openat(CWD, "/", DIRECTORY, Mode::empty()).os_context(context)?);
        let absolute = std::path::absolute(path).os_context(context)?;
        let (directory, system) = if is_slash(&absolute) {
            (slash, true)
        } else {
            let directory = match walk::by_hand(&slash, &absolute, WalkMode::Private) {
                // The context already names the path.
                Err(WalkError::Os { path, cause }) if path == absolute => return Err(cause).with_context(context),
                walked => walked.with_context(context)?,
            };
            let system = identity(&directory).os_context(context)? == identity(&slash).os_context(context)?;
            (if system { slash } else { directory }, system)
        };
        Ok(Self { directory, path: absolute, system, openat2: AtomicBool::new(true) })
    }

    /// Returns the device and inode of the root directory.
    ///
    /// # Errors
    ///
    /// The status of the root directory cannot be read.
    pub fn identity(&self) -> Result<(u64, u64), Errno> {
        identity(&self.directory)
    }

    /// Checks that no other user can change where `path` leads. Each directory in the path, from the root to the last
    /// one, belongs to root or to the user of this process, and is not writable by group or others. A directory with
    /// the sticky bit may be writable unless it is the last one.
    ///
    /// # Errors
    ///
    /// See [`WalkError`]. If a directory is missing, the directories before it have been checked.
    pub fn private(&self, path: &Path) -> Result<(), WalkError> {
        walk::by_hand(&self.directory, path, WalkMode::Private).map(drop)
    }

    /// Returns the absolute path of the root directory; tools need it, because they run in another working directory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns true if this is the root of the running system, and not a tree.
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

    /// Opens the directory of `path`. Returns it with the last component, which need not exist.
    ///
    /// With `create`, missing directories are created with mode 0755 and the owner of this process.
    ///
    /// # Errors
    ///
    /// See [`WalkError`].
    pub fn parent(&self, path: &Path, create: bool) -> Result<Place, WalkError> {
        let name = name_of(path)?;
        let directory = self.walk(path.parent().unwrap_or(Path::new("")), create)?;
        Ok(Place { directory, name })
    }

    /// Opens the directory of `path` as [`Root::parent`] does, but follows a link that is the last component.
    ///
    /// # Errors
    ///
    /// See [`WalkError`]; the link is refused under the same conditions as a link in the middle of a path.
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
            // `join` replaces the path if the target is absolute; the result is walked in this root.
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

    /// Opens a path without links in one system call; returns `None` if that is impossible or the path has a link.
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
                    // The kernel is too old, or the system call filter of a container blocks the call: later calls
                    // would fail as well.
                    self.openat2.store(false, Ordering::Relaxed);
                    return None;
                }
                // Walking by hand repeats the error, and finds the component that caused it.
                Err(_) => return None,
            }
        }
        None
    }
}

/// Returns true if `path` has no name, as `/`.
fn is_slash(path: &Path) -> bool {
    path.components().all(|part| matches!(part, Component::RootDir | Component::CurDir))
}

fn identity(directory: &Directory) -> Result<(u64, u64), Errno> {
    let status = rustix::fs::fstat(directory)?;
    Ok((status.st_dev, status.st_ino))
}

/// The flags for opening directories that this process need not be able to read.
const DIRECTORY: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

/// Returns the target of the link at `place`; `None` if another object or no object is there.
///
/// # Errors
///
/// The system call fails.
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

/// Returns the status of the object at `place`, of a link itself and not of its target; `None` if no object is there.
///
/// # Errors
///
/// The system call fails.
pub fn status(place: &Place) -> Result<Option<rustix::fs::Stat>, Errno> {
    match rustix::fs::statat(&place.directory, &place.name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(status) => Ok(Some(status)),
        Err(Errno::NOENT) => Ok(None),
        Err(cause) => Err(cause),
    }
}

/// Returns the last component of `path`.
///
/// # Errors
///
/// `path` has no last component, as `/`.
pub fn name_of(path: &Path) -> Result<OsString, WalkError> {
    path.file_name().map(OsStr::to_owned).ok_or_else(|| WalkError::NoName(path.to_owned()))
}
