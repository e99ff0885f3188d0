//! Writes SSH keys, as the user.
//!
//! The owner of a home directory controls everything below it. So keys are written with the permissions of the owner,
//! in a separate thread, through opened directories, and no link is followed. Root's permissions are used only to open
//! the home, and to write to a directory in it that root owns and that the user can enter but not change.

mod aside;
mod dirs;
mod home;
pub(in crate::host) mod identity;
mod sets;

#[cfg(test)]
mod tests;

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::accounts::{Accounts, UnknownPrincipal, UserEntry};
use super::crash_markers::{TemporaryFiles, TemporaryKind};
use super::root::{Directory, Root};
use crate::deadline::Deadline;
use crate::outcome::StepResult;
use cloud_config::plan::KeySet;

/// The longest wait for another program that holds the lock.
const LOCK: Duration = Duration::from_secs(10);

/// Replaces a set of a user's keys, and writes the user's `authorized_keys` from all sets.
///
/// # Errors
///
/// [`UnknownPrincipal`] if the user does not exist; other errors if the home does not exist or belongs to another user,
/// an object in it has an unsafe owner, mode or type, or another program holds the lock for 10 s.
pub fn authorize(root: &Root, accounts: Accounts<'_>, set: &KeySet, deadline: Deadline) -> Result<StepResult> {
    let work = || -> Result<StepResult> {
        let (user, home) = find(root, accounts, set)?;
        let mut markers = TemporaryFiles::new(root);
        identity::with(&user, || {
            let _lock = home::lock(&home, &user, deadline.clip(LOCK))?;
            sets::replace(&home, &user, set, |target, name| {
                let path = user.home.join(home::SSH).join(target);
                identity::as_ourselves(&user, || markers.set(&path, name, user.uid, TemporaryKind::File))
            })
        })
    };
    // Errors contain names of users and files, but no keys.
    work().with_context(|| format!("failed to authorize keys of user {}", set.user))
}

/// Returns true if [`authorize`] would change anything. It neither changes anything nor takes the lock.
///
/// # Errors
///
/// The same as those of [`authorize`], and missing permission to read the home.
pub fn would_authorize(root: &Root, accounts: Accounts<'_>, set: &KeySet) -> Result<bool> {
    let (user, home) = find(root, accounts, set)?;
    identity::dry_run(&user, || sets::would_replace(&home, &user, set))
        .with_context(|| format!("failed to read the keys of user {}", set.user))
}

fn find(root: &Root, accounts: Accounts<'_>, set: &KeySet) -> Result<(UserEntry, Directory)> {
    let name = set.set.as_str();
    if name.is_empty() || name.starts_with('.') || name.contains(['/', '\0', '\n']) {
        bail!("invalid name for a set of SSH keys: {name:?}");
    }
    let user = accounts.user(&set.user)?.ok_or_else(|| UnknownPrincipal::User(set.user.clone()))?;
    let home = home::open(root, &user)?;
    // No other user may have root's home or `/` as its home. Both are compared by inode, because another path may lead
    // to them.
    if user.uid != 0 {
        let own = accounts.user_by_id(0)?.map(|root| root.home);
        for directory in [own.as_deref(), Some(Path::new("/"))].into_iter().flatten() {
            if root.directory(directory).is_ok_and(|directory| is_same(&directory, &home)) {
                bail!("the home directory of user {} is that of root, or `/`", user.name);
            }
        }
    }
    Ok((user, home))
}

fn is_same(one: &Directory, other: &Directory) -> bool {
    let [one, other] =
        [one, other].map(|directory| rustix::fs::fstat(directory).map(|there| (there.st_dev, there.st_ino)));
    one.is_ok_and(|one| other == Ok(one))
}
