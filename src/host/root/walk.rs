//! Walks a path component by component, for paths that one system call cannot open: paths with links, directories to
//! create, old kernels.

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{Gid, Mode, OFlags};
use rustix::io::Errno;

use super::{DIRECTORY, Directory, OsError, display_path};

/// The largest number of links in one path, as in the kernel.
pub(super) const MOST_LINKS: usize = 40;

/// The mode of missing directories that are created (docs/cloud-config.md#write_files).
const DIRECTORY_MODE: Mode = Mode::from_raw_mode(0o755);

/// The reason why a path could not be walked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WalkError {
    /// A system call failed.
    #[error("failed to open {}: {cause}", display_path(path))]
    Os {
        /// The path up to the failed component.
        path: PathBuf,
        /// The error of the system call.
        cause: OsError,
    },
    /// A directory could not be created.
    #[error("failed to create the directory {}: {cause}", display_path(path))]
    Make {
        /// The directory.
        path: PathBuf,
        /// The error of the system call.
        cause: OsError,
    },
    /// The path has a link that another user could have created.
    #[error("not following the link {}: other users can write to its directory", display_path(.0))]
    Untrusted(PathBuf),
    /// A directory of the path belongs to another user.
    #[error("{} belongs to another user (uid {uid})", display_path(path))]
    Foreign {
        /// The directory.
        path: PathBuf,
        /// Its owner.
        uid: u32,
    },
    /// Users other than the owner can change a directory of the path.
    #[error("{} (mode {mode:04o}, uid {uid}) is writable by other users", display_path(path))]
    Shared {
        /// The directory.
        path: PathBuf,
        /// Its owner.
        uid: u32,
        /// Its mode.
        mode: u32,
    },
    /// A component of the path is not a directory.
    #[error("{} is not a directory", display_path(.0))]
    NotDirectory(PathBuf),
    /// The path has more links than the kernel would follow.
    #[error("{} has too many levels of symbolic links", display_path(.0))]
    TooManyLinks(PathBuf),
    /// The path has no last component, as `/`.
    #[error("{:?} is not the path of a file", display_path(.0))]
    NoName(PathBuf),
}

impl WalkError {
    /// Returns true if a component of the path does not exist.
    pub fn absent(&self) -> bool {
        matches!(self, Self::Os { cause: OsError::Errno(Errno::NOENT), .. })
    }

    /// Returns true if a component of the path is not a directory.
    pub fn is_not_directory(&self) -> bool {
        matches!(self, Self::NotDirectory(_) | Self::Os { cause: OsError::Errno(Errno::NOTDIR), .. })
    }
}

/// The treatment of missing directories, and of directories that other users can write to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WalkMode {
    /// Missing directories are an error.
    Open,
    /// Missing directories are created.
    Create,
    /// Directories that another user can change are an error: see [`private`]. So are missing directories.
    Private,
}

/// Walks `path` below `root`, one component at a time.
pub(super) fn by_hand(root: &Directory, path: &Path, manner: WalkMode) -> Result<Directory, WalkError> {
    let create = manner == WalkMode::Create;
    let mut at = Position { root, opened: Vec::new(), names: Vec::new() };
    let mut rest: VecDeque<OsString> = VecDeque::new();
    prepend(path, &mut rest);
    let mut links = 0;
    while let Some(name) = rest.pop_front() {
        if name == ".." {
            at.up();
            continue;
        }
        if manner == WalkMode::Private {
            private(at.here(), &at.path(), Sticky::Allowed)?;
        }
        match rustix::fs::openat(at.here(), &name, DIRECTORY | OFlags::NOFOLLOW, Mode::empty()) {
            Ok(directory) => at.down(directory, name),
            Err(Errno::NOENT) if create => {
                let directory = make(at.here(), &name)
                    .map_err(|cause| WalkError::Make { path: at.path_of(&name), cause: cause.into() })?;
                at.down(directory, name);
            }
            // `O_DIRECTORY` and `O_NOFOLLOW` report a link as one of these errors.
            Err(Errno::NOTDIR | Errno::LOOP) => {
                let target = at.link(&name)?;
                if manner == WalkMode::Private && on_procfs(at.here()) {
                    // The kernel follows such a link (`/proc/PID/root`) itself: its text may be a path in another mount
                    // namespace.
                    let directory = rustix::fs::openat(at.here(), &name, DIRECTORY, Mode::empty())
                        .map_err(|cause| WalkError::Os { path: at.path_of(&name), cause: cause.into() })?;
                    at.down(directory, name);
                    continue;
                }
                links += 1;
                if links > MOST_LINKS {
                    return Err(WalkError::TooManyLinks(path.to_owned()));
                }
                if target.is_absolute() {
                    at.restart();
                }
                prepend(&target, &mut rest);
            }
            Err(cause) => return Err(WalkError::Os { path: at.path_of(&name), cause: cause.into() }),
        }
    }
    if manner == WalkMode::Private {
        private(at.here(), &at.path(), Sticky::Refused)?;
    }
    Ok(at.into_directory())
}

/// The treatment of a directory that other users can write to and that has the sticky bit.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sticky {
    /// Allowed, except for the last directory: other users cannot move an entry of `/tmp` that is ours, and each
    /// directory in the path has to be ours. A link in such a directory is refused.
    Allowed,
    /// Refused, for the last directory: other users could create entries in it.
    Refused,
}

/// Checks that only root and the user of this process can change the entries of the directory. The mode also covers
/// access control lists: its group bits are their mask.
fn private(directory: BorrowedFd<'_>, path: &Path, sticky: Sticky) -> Result<(), WalkError> {
    let path = || path.to_owned();
    let status = rustix::fs::fstat(directory).map_err(|cause| WalkError::Os { path: path(), cause: cause.into() })?;
    let (uid, mode) = (status.st_uid, status.st_mode & 0o7777);
    if uid != 0 && uid != rustix::process::geteuid().as_raw() {
        return Err(WalkError::Foreign { path: path(), uid });
    }
    let is_safe = mode & 0o022 == 0 || (sticky == Sticky::Allowed && mode & 0o1000 != 0);
    if is_safe { Ok(()) } else { Err(WalkError::Shared { path: path(), uid, mode }) }
}

fn on_procfs(directory: BorrowedFd<'_>) -> bool {
    rustix::fs::fstatfs(directory).is_ok_and(|system| system.f_type == rustix::fs::PROC_SUPER_MAGIC)
}

/// Returns true if only root or the user of this process could have created a link in this directory.
///
/// The sticky bit of `/tmp` is not sufficient: it prevents other users from removing a link, but not from creating one.
pub(super) fn trusted(directory: impl AsFd) -> bool {
    let Ok(status) = rustix::fs::fstat(directory) else { return false };
    let ours = status.st_uid == 0 || status.st_uid == rustix::process::geteuid().as_raw();
    ours && status.st_mode & 0o022 == 0
}

/// The position of the walk. Every directory above it stays open, so that `..` returns to that directory.
struct Position<'r> {
    root: &'r Directory,
    opened: Vec<OwnedFd>,
    names: Vec<OsString>,
}

impl Position<'_> {
    fn here(&self) -> BorrowedFd<'_> {
        self.opened.last().map_or_else(|| self.root.as_fd(), AsFd::as_fd)
    }

    fn down(&mut self, directory: OwnedFd, name: OsString) {
        self.opened.push(directory);
        self.names.push(name);
    }

    fn up(&mut self) {
        self.opened.pop();
        self.names.pop();
    }

    fn restart(&mut self) {
        self.opened.clear();
        self.names.clear();
    }

    fn path(&self) -> PathBuf {
        let mut path = PathBuf::from("/");
        path.extend(&self.names);
        path
    }

    fn path_of(&self, name: &OsStr) -> PathBuf {
        self.path().join(name)
    }

    fn link(&self, name: &OsStr) -> Result<PathBuf, WalkError> {
        let target = match rustix::fs::readlinkat(self.here(), name, Vec::new()) {
            Ok(target) => PathBuf::from(OsStr::from_bytes(target.as_bytes())),
            Err(Errno::INVAL) => return Err(WalkError::NotDirectory(self.path_of(name))),
            Err(cause) => return Err(WalkError::Os { path: self.path_of(name), cause: cause.into() }),
        };
        if trusted(self.here()) { Ok(target) } else { Err(WalkError::Untrusted(self.path_of(name))) }
    }

    fn into_directory(mut self) -> Directory {
        self.opened.pop().map_or_else(|| Arc::clone(self.root), Arc::new)
    }
}

/// Puts the components of `path` before the remaining ones.
fn prepend(path: &Path, rest: &mut VecDeque<OsString>) {
    for part in path.components().rev() {
        match part {
            Component::Normal(name) => rest.push_front(name.to_owned()),
            Component::ParentDir => rest.push_front("..".into()),
            Component::RootDir | Component::CurDir | Component::Prefix(_) => {}
        }
    }
}

/// Creates a directory and opens it.
fn make(parent: BorrowedFd<'_>, name: &OsStr) -> Result<OwnedFd, Errno> {
    let ours = match rustix::fs::mkdirat(parent, name, DIRECTORY_MODE) {
        Ok(()) => true,
        // Another process created it at the same time.
        Err(Errno::EXIST) => false,
        Err(cause) => return Err(cause),
    };
    if !ours || !trusted(parent) {
        // Another user could have replaced the directory here, so its owner must not be changed.
        return rustix::fs::openat(parent, name, DIRECTORY | OFlags::NOFOLLOW, Mode::empty());
    }
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let directory = rustix::fs::openat(parent, name, flags, Mode::empty())?;
    let status = rustix::fs::fstat(&directory)?;
    let group = rustix::process::getegid();
    if status.st_gid != group.as_raw() {
        // In a set-group-ID directory, a new entry inherits the group of the directory.
        rustix::fs::fchown(&directory, None, Some(Gid::from_raw(group.as_raw())))?;
    }
    if status.st_mode & 0o7777 != DIRECTORY_MODE.as_raw_mode() {
        rustix::fs::fchmod(&directory, DIRECTORY_MODE)?;
    }
    Ok(directory)
}
