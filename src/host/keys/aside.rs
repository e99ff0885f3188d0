//! Keeps the object in the place of `authorized_keys` under another name, before it is replaced.

use std::sync::Arc;

use anyhow::{Result, bail};
use rustix::fs::{AtFlags, FileType, RenameFlags};
use rustix::io::Errno;

use super::identity;
use crate::host::accounts::UserEntry;
use crate::host::root::{Directory, OsContext, Place, display_path, status};

/// The highest number of names that are tried.
const MOST_NAMES: usize = 100;

/// Gives `name` in the opened directory a second, unused name: `NAME.old`, `NAME.old.1` and so on. The first name
/// remains until it is replaced. A directory cannot have two names, so it is renamed.
///
/// # Errors
///
/// The file system has no hard links, or all names are in use; nothing is changed then.
pub(super) fn keep(directory: &Directory, name: &str, user: &UserEntry) -> Result<()> {
    let context = || format!("failed to rename ~/.ssh/{name}");
    let look = |name: &str| status(&Place { directory: Arc::clone(directory), name: name.into() });
    let Some(old) = look(name).os_context(context)? else { return Ok(()) };
    let is_directory = FileType::from_raw_mode(old.st_mode) == FileType::Directory;
    for number in 0..MOST_NAMES {
        let other = if number == 0 { format!("{name}.old") } else { format!("{name}.old.{number}") };
        let kept = if is_directory {
            rustix::fs::renameat_with(directory, name, directory, &other, RenameFlags::NOREPLACE)
        } else {
            link(directory, name, &other, user)?
        };
        match kept {
            Ok(()) => {
                log::warn!("user {}: ~/.ssh/{name} is not a readable file; renamed to {other}", user.name);
                return Ok(());
            }
            Err(Errno::EXIST) => {
                // An interrupted run already created the second name.
                let there = look(&other).os_context(context)?;
                if there.is_some_and(|there| (there.st_dev, there.st_ino) == (old.st_dev, old.st_ino)) {
                    return Ok(());
                }
            }
            Err(cause) => {
                return Err(cause).os_context(|| {
                    let home = display_path(&user.home);
                    format!("failed to rename ~/.ssh/{name}, which is not a readable file; run `mv -T {name} {other}` in {home}/.ssh")
                });
            }
        }
    }
    bail!("failed to rename ~/.ssh/{name}: {name}.old and all names up to {name}.old.{} are taken", MOST_NAMES - 1)
}

/// Creates a hard link without following a symbolic link. The kernel can refuse to link to another user's file; then
/// root creates it.
fn link(directory: &Directory, name: &str, other: &str, user: &UserEntry) -> Result<Result<(), Errno>> {
    let link = || rustix::fs::linkat(directory, name, directory, other, AtFlags::empty());
    match link() {
        // Both names are in this directory, so root's link gives the user no access to another object.
        Err(Errno::PERM | Errno::ACCESS) => identity::as_ourselves(user, link),
        result => Ok(result),
    }
}
