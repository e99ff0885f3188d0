//! Opens the home of a user as root, and the entries below it without following any link.

use std::ffi::{OsStr, OsString};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::fs::{AtFlags, FileType, FlockOperation, Gid, Mode, OFlags, Uid};
use rustix::io::Errno;

use super::{dirs, identity};
use crate::host::accounts::UserEntry;
use crate::host::root::{Directory, OsContext, Root, display_path};
use crate::host::signals;

/// The directory of SSH files, in the home.
pub(super) const SSH: &str = ".ssh";

/// The lock file, in the home. `update-ssh-keys` uses the same file.
pub(super) const LOCK_FILE: &str = ".authorized_keys.d.lock";

/// The mode of directories that are created for the user.
pub(super) const PRIVATE: Mode = Mode::RWXU;

/// The flags for opening the lock file: no link is followed, and a FIFO or terminal there has no effect.
const OPEN_LOCK: OFlags = OFlags::NOFOLLOW.union(OFlags::NONBLOCK).union(OFlags::NOCTTY).union(OFlags::CLOEXEC);

/// The largest number of names that are read from a directory.
const MOST_NAMES: usize = 1000;

/// The largest number of directory entries that are read. The user controls the directory, and hidden entries are not
/// counted as names.
const MOST_ENTRIES: usize = 10_000;

/// The pause between two attempts to take the lock while another program holds it.
const PAUSE: Duration = Duration::from_millis(50);

/// Opens the home of `user`, which must belong to the user or to root.
pub(super) fn open(root: &Root, user: &UserEntry) -> Result<Directory> {
    if user.home.as_os_str().is_empty() || (user.uid != 0 && user.home == Path::new("/")) {
        bail!("the user has no home directory");
    }
    let home = match root.directory(&user.home) {
        Ok(home) => home,
        Err(error) if error.absent() => bail!("the home directory {} does not exist", display_path(&user.home)),
        Err(error) => return Err(error).context("failed to open the home directory"),
    };
    let owner = rustix::fs::fstat(&home).os_context(|| "failed to stat the home directory")?.st_uid;
    if owner != user.uid && owner != 0 {
        bail!("the home directory {} belongs to another user (uid {owner})", display_path(&user.home));
    }
    Ok(home)
}

/// Opens the directory `name`; returns `None` if it does not exist.
pub(super) fn directory(parent: &Directory, name: &str) -> Result<Option<Directory>, Errno> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    match rustix::fs::openat(parent, name, flags, Mode::empty()) {
        Ok(directory) => Ok(Some(Arc::new(directory))),
        Err(Errno::NOENT) => Ok(None),
        Err(cause) => Err(cause),
    }
}

/// Takes the lock and waits for it for `limit` at most. Dropping the result releases it.
pub(super) fn lock(home: &Directory, user: &UserEntry, limit: Duration) -> Result<OwnedFd> {
    let context = || format!("failed to lock ~/{LOCK_FILE}");
    let flags = OFlags::RDWR | OFlags::CREATE | OPEN_LOCK;
    let file = match rustix::fs::openat(home, LOCK_FILE, flags, Mode::RUSR | Mode::WUSR) {
        Err(Errno::ACCESS) => open_lock_as_root(home, user)?.os_context(context)?,
        result => result.os_context(context)?,
    };
    let status = rustix::fs::fstat(&file).os_context(context)?;
    if FileType::from_raw_mode(status.st_mode) != FileType::RegularFile {
        bail!("~/{LOCK_FILE} is not a regular file");
    }
    let start = Instant::now();
    loop {
        match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Ok(file),
            Err(Errno::WOULDBLOCK) if start.elapsed() >= limit || signals::stopped() => {
                bail!("another program has held the lock ~/{LOCK_FILE} for {} s", start.elapsed().as_secs());
            }
            Err(Errno::WOULDBLOCK) => std::thread::sleep(PAUSE.min(limit)),
            Err(Errno::INTR) => {}
            Err(cause) => return Err(cause).os_context(context),
        }
    }
}

/// Opens a lock file that only root can open, or creates one in a directory that only root can write to. An existing
/// lock file keeps its owner.
fn open_lock_as_root(home: &Directory, user: &UserEntry) -> Result<Result<OwnedFd, Errno>> {
    let is_closed = dirs::is_closed_home(home, user)?;
    identity::as_ourselves(user, || {
        if is_closed {
            let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OPEN_LOCK;
            match rustix::fs::openat(home, LOCK_FILE, flags, Mode::RUSR | Mode::WUSR) {
                Ok(file) => {
                    let (uid, gid) = (Uid::from_raw(user.uid), Gid::from_raw(user.gid));
                    return rustix::fs::fchown(&file, Some(uid), Some(gid)).map(|()| file);
                }
                Err(Errno::EXIST) => {}
                Err(cause) => return Err(cause),
            }
        }
        // A device is not opened, because opening one can have an effect.
        let there = rustix::fs::statat(home, LOCK_FILE, AtFlags::SYMLINK_NOFOLLOW);
        match there.map(|there| FileType::from_raw_mode(there.st_mode)) {
            Ok(FileType::RegularFile) => rustix::fs::openat(home, LOCK_FILE, OFlags::RDONLY | OPEN_LOCK, Mode::empty()),
            _ => Err(Errno::ACCESS),
        }
    })
}

/// Returns the names in a directory that do not begin with a dot; `None` if there are too many.
pub(super) fn names(directory: &Directory) -> Result<Option<Vec<OsString>>, Errno> {
    let mut names = Vec::new();
    let mut entries = 0;
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    for entry in rustix::fs::Dir::new(rustix::fs::openat(directory, ".", flags, Mode::empty())?)? {
        let entry = entry?;
        let name = entry.file_name().to_bytes();
        entries += 1;
        if entries > MOST_ENTRIES {
            return Ok(None);
        }
        if name.starts_with(b".") {
            continue;
        }
        if names.len() == MOST_NAMES {
            return Ok(None);
        }
        names.push(OsStr::from_bytes(name).to_owned());
    }
    Ok(Some(names))
}
