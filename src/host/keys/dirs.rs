//! The directories of a user's keys: `.ssh` and the directory of the sets in it.
//!
//! A directory of the user is written to with the user's permissions. A directory that root owns and that no other user
//! can write to keeps its owner: root writes to it through the opened directory, and sets modes that let the user read
//! the files. In a directory that its user can write to, the owner of an existing object is never changed: the user
//! could have moved the object there.

use std::sync::Arc;

use anyhow::{Context, Result, bail};
use rustix::fs::{Gid, Mode, OFlags, Stat, Uid};
use rustix::io::Errno;

use super::home::{self, PRIVATE, SSH};
use super::identity;
use crate::host::accounts::UserEntry;
use crate::host::root::{Directory, OsContext};

/// The mode of a directory that root creates in a directory of root.
const READABLE: Mode = Mode::RWXU.union(Mode::RGRP).union(Mode::XGRP).union(Mode::ROTH).union(Mode::XOTH);

/// The mode of a key file in a directory of the user.
const USERS_FILE: u32 = 0o600;

/// The mode of a key file in a directory of root; the group of the file is the user's.
const ROOTS_FILE: u32 = 0o640;

/// `~/.ssh` or a directory in it, opened.
pub(super) struct KeyDir {
    pub(super) directory: Directory,
    /// True if the directory belongs to root and the user is not root.
    is_roots: bool,
    /// True if the directory belongs to the user and has the mode 0700.
    is_private: bool,
}

/// The owner and the mode of the files in a [`KeyDir`].
#[derive(Clone, Copy)]
pub(super) struct FileOwner {
    pub(super) uid: u32,
    /// The group; `None` for the group that a new file gets by default.
    pub(super) gid: Option<u32>,
    pub(super) mode: u32,
}

impl KeyDir {
    /// Opens the directory `name`; returns `None` if it does not exist.
    pub(super) fn open(parent: &Directory, name: &str, shown: &str, user: &UserEntry) -> Result<Option<Self>> {
        let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let context = || format!("failed to open {shown}");
        let found = match rustix::fs::openat(parent, name, flags | OFlags::PATH, Mode::empty()) {
            Ok(found) => found,
            Err(Errno::NOENT) => return Ok(None),
            Err(Errno::NOTDIR | Errno::LOOP) => {
                bail!("{shown} is a symbolic link or not a directory; SSH keys not set")
            }
            Err(cause) => return Err(cause).os_context(context),
        };
        let status = rustix::fs::fstat(&found).os_context(|| format!("failed to stat {shown}"))?;
        if status.st_uid == user.uid {
            let directory =
                rustix::fs::openat(&found, ".", flags | OFlags::RDONLY, Mode::empty()).os_context(context)?;
            let is_private = status.st_mode & 0o7777 == PRIVATE.as_raw_mode();
            return Ok(Some(Self { directory: Arc::new(directory), is_roots: false, is_private }));
        }
        if status.st_uid != 0 {
            bail!("{shown} belongs to another user (uid {})", status.st_uid);
        }
        if !is_roots(&status) {
            bail!("{shown} belongs to root, and other users can write to it{}", chown_command(user));
        }
        // The user must be able to enter it, since sshd reads the keys as the user.
        match rustix::fs::openat(&found, ".", flags | OFlags::PATH, Mode::empty()) {
            Ok(directory) => Ok(Some(Self { directory: Arc::new(directory), is_roots: true, is_private: false })),
            Err(Errno::ACCESS) => {
                bail!("{shown} belongs to root, and user {} cannot enter it{}", user.name, chown_command(user))
            }
            Err(cause) => Err(cause).os_context(context),
        }
    }

    /// Opens the directory `name`, and creates it first if it is missing. Returns true if the directory was created or
    /// changed.
    fn ensure(parent: &Directory, name: &str, shown: &str, user: &UserEntry, root_makes: bool) -> Result<(Self, bool)> {
        let mode = if root_makes { READABLE } else { PRIVATE };
        let result = as_owner(root_makes, user, || rustix::fs::mkdirat(parent, name, mode))?;
        let mut changed = match result {
            Ok(()) => true,
            Err(Errno::EXIST) => false,
            Err(cause) => return Err(cause).os_context(|| format!("failed to create {shown}")),
        };
        let dir = Self::open(parent, name, shown, user)?.with_context(|| format!("{shown} has disappeared"))?;
        if !dir.is_roots && !dir.is_private {
            rustix::fs::fchmod(&dir.directory, PRIVATE).os_context(|| format!("failed to set the mode of {shown}"))?;
            changed = true;
        }
        Ok((dir, changed))
    }

    /// Opens `.ssh` in the home of the user, and creates it first if it is missing.
    pub(super) fn ensure_ssh(home: &Directory, user: &UserEntry) -> Result<(Self, bool)> {
        let given = give_ssh(home, user)?;
        let (dir, changed) = Self::ensure(home, SSH, "~/.ssh", user, false)?;
        Ok((dir, given || changed))
    }

    /// Opens the directory `name` in this one, and creates it first if it is missing.
    pub(super) fn ensure_in(&self, name: &str, shown: &str, user: &UserEntry) -> Result<(Self, bool)> {
        Self::ensure(&self.directory, name, shown, user, self.is_roots)
    }

    /// Returns true if [`Self::ensure`] would change nothing.
    pub(super) const fn is_done(&self) -> bool {
        self.is_roots || self.is_private
    }

    /// Returns the owner and the mode of files in this directory.
    pub(super) const fn file_owner(&self, user: &UserEntry) -> FileOwner {
        if self.is_roots {
            FileOwner { uid: 0, gid: Some(user.gid), mode: ROOTS_FILE }
        } else {
            FileOwner { uid: user.uid, gid: None, mode: USERS_FILE }
        }
    }

    /// Runs `work` with the permissions of the owner of this directory.
    pub(super) fn as_owner<T>(&self, user: &UserEntry, work: impl FnOnce() -> T) -> Result<T> {
        as_owner(self.is_roots, user, work)
    }
}

fn as_owner<T>(is_roots: bool, user: &UserEntry, work: impl FnOnce() -> T) -> Result<T> {
    if is_roots { identity::as_ourselves(user, work) } else { Ok(work()) }
}

/// Returns true if root owns the directory and no other user can write to it. An ACL that lets a user write appears as
/// write permission of the group.
pub(super) const fn is_roots(status: &Stat) -> bool {
    status.st_uid == 0 && status.st_mode & 0o022 == 0
}

/// Returns true if only root can create entries in this home, and the user is not root.
pub(super) fn is_closed_home(home: &Directory, user: &UserEntry) -> Result<bool> {
    let status = rustix::fs::fstat(home).os_context(|| "failed to stat the home directory")?;
    Ok(user.uid != 0 && rustix::process::geteuid().is_root() && is_roots(&status))
}

/// Creates `.ssh` for the user in a home that only root can write to. An existing empty `.ssh` with mode 0700 was
/// created by root or by an interrupted run, and also gets the user as its owner. Returns true if anything was changed.
fn give_ssh(home: &Directory, user: &UserEntry) -> Result<bool> {
    if !is_closed_home(home, user)? {
        return Ok(false);
    }
    let give = || -> Result<bool, Errno> {
        let is_new = match rustix::fs::mkdirat(home, SSH, PRIVATE) {
            Ok(()) => true,
            Err(Errno::EXIST) => false,
            Err(cause) => return Err(cause),
        };
        let ssh = match home::directory(home, SSH) {
            Ok(Some(ssh)) => ssh,
            // The caller opens it next, and reports the error.
            Ok(None) | Err(Errno::NOTDIR | Errno::LOOP) => return Ok(false),
            Err(cause) => return Err(cause),
        };
        let status = rustix::fs::fstat(&ssh)?;
        if !is_new && !is_unused(&ssh, &status)? {
            return Ok(false);
        }
        rustix::fs::fchown(&ssh, Some(Uid::from_raw(user.uid)), Some(Gid::from_raw(user.gid)))?;
        Ok(true)
    };
    identity::as_ourselves(user, give)?.os_context(|| "failed to create ~/.ssh for the user")
}

/// Returns true if [`KeyDir::ensure_ssh`] would give an existing `.ssh` to the user.
pub(super) fn would_give_ssh(home: &Directory, user: &UserEntry) -> Result<bool> {
    let is_unused = || match home::directory(home, SSH) {
        Ok(Some(ssh)) => rustix::fs::fstat(&ssh).and_then(|status| is_unused(&ssh, &status)).unwrap_or(false),
        _ => false,
    };
    Ok(is_closed_home(home, user)? && identity::as_ourselves(user, is_unused)?)
}

/// Returns true if root owns the directory, the user cannot enter it, and it is empty.
fn is_unused(ssh: &Directory, status: &Stat) -> Result<bool, Errno> {
    if !is_roots(status) || status.st_mode & 0o7777 != PRIVATE.as_raw_mode() {
        return Ok(false);
    }
    for entry in rustix::fs::Dir::read_from(ssh)? {
        if ![b".".as_slice(), b".."].contains(&entry?.file_name().to_bytes()) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Returns the command that makes the user the owner of `.ssh`, for the end of a message.
fn chown_command(user: &UserEntry) -> String {
    let name = &user.name;
    let is_plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte));
    if is_plain {
        format!("; if ~/.ssh should belong to user {name}, run: chown -R {name}: ~{name}/.ssh")
    } else {
        String::new()
    }
}
