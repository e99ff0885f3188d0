//! What root made in a home, and the user needs: given to the user, through what is opened already.
//!
//! Files that root wrote into a home leave a `.ssh` that is root's; a home can be root's itself. The user could put
//! another of root's folders into the place of `.ssh`, but only by a rename within the home; so a folder is given away
//! only when there is nothing in it that the user could not see before, or that does not belong into a `.ssh`.

use std::ffi::OsStr;

use anyhow::Result;
use rustix::fs::{AtFlags, Gid, Mode, OFlags, Stat, Uid};
use rustix::io::Errno;

use super::home::{self, LOCK_FILE, PRIVATE, SSH};
use super::sets::SETS;
use crate::host::accounts::UserEntry;
use crate::host::root::{Folder, OsContext};

/// What root's `.ssh` of a user can hold; private keys besides (`id_*`).
const USUAL: [&str; 8] = [
    "authorized_keys",
    "authorized_keys2",
    "authorized_keys.d",
    "authorized_keys.old",
    "config",
    "known_hosts",
    "known_hosts.old",
    "environment",
];

/// Gives the user what is root's but has to be the user's. Says whether there was anything.
pub(super) fn prepare(home: &Folder, user: &UserEntry) -> Result<bool> {
    if !needed(user) {
        return Ok(false);
    }
    let what = || format!("failed to give ~/{SSH} to the user");
    let own = is_roots(&rustix::fs::fstat(home).os_context(what)?);
    let mut given = false;
    if own {
        // The user cannot make anything here, and could not have made what is here.
        match rustix::fs::mkdirat(home, SSH, PRIVATE) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(cause) => return Err(cause).os_context(what),
        }
        given |= make_lock(home, user).os_context(|| format!("failed to make ~/{LOCK_FILE}"))?;
    }
    given |= give_lock(home, user).os_context(|| format!("failed to give ~/{LOCK_FILE} to the user"))?;
    if let Some(ssh) = roots_folder(home, SSH).os_context(what)? {
        give(&ssh, user).os_context(what)?;
        given = true;
    }
    if let Ok(Some(ssh)) = home::folder(home, SSH)
        && let Some(sets) = roots_folder(&ssh, SETS).os_context(what)?
    {
        give(&sets, user).os_context(what)?;
        given = true;
    }
    Ok(given)
}

/// Whether [`prepare`] would do anything.
pub(super) fn would_prepare(home: &Folder, user: &UserEntry) -> Result<bool> {
    if !needed(user) {
        return Ok(false);
    }
    let what = || format!("failed to look at ~/{SSH}");
    let own = is_roots(&rustix::fs::fstat(home).os_context(what)?);
    let absent = |name: &str| rustix::fs::statat(home, name, AtFlags::SYMLINK_NOFOLLOW).err() == Some(Errno::NOENT);
    if own && (absent(SSH) || absent(LOCK_FILE)) {
        return Ok(true);
    }
    if roots_folder(home, SSH).os_context(what)?.is_some() {
        return Ok(true);
    }
    let Ok(Some(ssh)) = home::folder(home, SSH) else { return Ok(false) };
    Ok(roots_folder(&ssh, SETS).os_context(what)?.is_some())
}

/// Only root can give, and what is root's already needs no giving.
fn needed(user: &UserEntry) -> bool {
    rustix::process::geteuid().is_root() && user.uid != 0
}

/// Whether nobody but root could have changed what is in this folder.
const fn is_roots(status: &Stat) -> bool {
    status.st_uid == 0 && status.st_mode & 0o022 == 0
}

/// The folder `name`, opened, if it is one of root's that can be given away.
fn roots_folder(parent: &Folder, name: &str) -> Result<Option<Folder>, Errno> {
    let folder = match home::folder(parent, name) {
        Ok(Some(folder)) => folder,
        // What is no folder is an error of the user's own turn.
        Ok(None) | Err(Errno::NOTDIR | Errno::LOOP) => return Ok(None),
        Err(cause) => return Err(cause),
    };
    let status = rustix::fs::fstat(&folder)?;
    let open = status.st_mode & 0o005 == 0o005;
    if !is_roots(&status) {
        return Ok(None);
    }
    let harmless = open || home::names(&folder)?.is_some_and(|names| names.iter().all(|name| is_usual(name)));
    Ok(harmless.then_some(folder))
}

fn is_usual(name: &OsStr) -> bool {
    name.to_str().is_some_and(|name| USUAL.contains(&name) || name.starts_with("id_"))
}

fn give(file: impl std::os::fd::AsFd, user: &UserEntry) -> Result<(), Errno> {
    rustix::fs::fchown(file, Some(Uid::from_raw(user.uid)), Some(Gid::from_raw(user.gid)))
}

/// Makes the lock file in a home where only root can; says whether it did.
fn make_lock(home: &Folder, user: &UserEntry) -> Result<bool, Errno> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    match rustix::fs::openat(home, LOCK_FILE, flags, Mode::RUSR | Mode::WUSR) {
        Ok(file) => give(file, user).map(|()| true),
        Err(Errno::EXIST) => Ok(false),
        Err(cause) => Err(cause),
    }
}

/// Gives away a lock file that is root's, empty, and has no other name; says whether there was one.
fn give_lock(home: &Folder, user: &UserEntry) -> Result<bool, Errno> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let file = match rustix::fs::openat(home, LOCK_FILE, flags, Mode::empty()) {
        Ok(file) => file,
        Err(Errno::NOENT | Errno::LOOP | Errno::NXIO) => return Ok(false),
        Err(cause) => return Err(cause),
    };
    let status = rustix::fs::fstat(&file)?;
    let regular = rustix::fs::FileType::from_raw_mode(status.st_mode) == rustix::fs::FileType::RegularFile;
    if !regular || status.st_uid != 0 || status.st_size != 0 || status.st_nlink != 1 {
        return Ok(false);
    }
    give(file, user).map(|()| true)
}
