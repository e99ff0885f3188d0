//! An account that is being made: marked, so that the next run knows of one that was not finished.
//!
//! `useradd` writes one database after the other and the home last. Killed in between, or out of space, it leaves a user
//! whom the next run would find there: without a password's line, groups or a home, for good. So a link stands beside
//! the databases meanwhile, whose text is the user's name: it is made in one step and lives in the folder's own blocks,
//! which `useradd` itself brings to disk. A user who is marked and not whole is taken away and made anew.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Result;
use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;

use super::{Accounts, LARGEST, UserEntry, database};
use crate::host::files;
use crate::host::root::{Folder, OsContext, Place, Root, link, shown, status};
use crate::plan::Account;

/// What a new home gets.
const SKELETON: &str = "/etc/skel";

/// Marks that `name` is being made. Best effort: where it cannot be, `useradd` will say why.
pub(super) fn begin(root: &Root, name: &str) {
    let Some(place) = mark(root, name) else { return };
    match rustix::fs::symlinkat(name, &place.folder, &place.name) {
        Ok(()) | Err(Errno::EXIST) => {}
        Err(error) => log::debug!("failed to mark that user {name} is being made: {error}"),
    }
}

/// Removes the mark of `name`, if there is one.
pub(super) fn end(root: &Root, name: &str) {
    let Some(place) = mark(root, name) else { return };
    match rustix::fs::unlinkat(&place.folder, &place.name, AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => {}
        Err(error) => log::debug!("failed to remove the mark of user {name}: {error}"),
    }
}

/// Whether an earlier run began to make `name`, and did not come to the end.
pub(super) fn is_marked(root: &Root, name: &str) -> bool {
    mark(root, name).is_some_and(|place| matches!(link(&place), Ok(Some(text)) if text == Path::new(name)))
}

/// Where the mark of `name` is; `None` where no user can have that name.
fn mark(root: &Root, name: &str) -> Option<Place> {
    let file = format!(".useradd-{name}.cci");
    let fits = !name.contains('/');
    fits.then(|| root.parent(&Path::new("/etc").join(file), false).ok()).flatten()
}

impl Accounts<'_> {
    /// Whether `user` has all that `useradd` gives; what cannot be told is taken as missing.
    pub(super) fn is_whole(self, user: &UserEntry, account: &Account) -> Result<bool> {
        let text = |path: &str| -> Result<Option<String>> {
            let bytes = files::read(self.root, Path::new(path), LARGEST)?;
            Ok(bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
        };
        let password = text("/etc/shadow")?.is_none_or(|shadow| database::hash(&shadow, &user.name).is_some());
        let groups = text("/etc/group")?.unwrap_or_default();
        let in_groups = database::groups(&groups).any(|group| group.gid == user.gid)
            && account.groups.iter().all(|name| database::is_member(&groups, name, &user.name));
        Ok(password && in_groups && (!account.create_home || self.has_whole_home(user)))
    }

    fn has_whole_home(self, user: &UserEntry) -> bool {
        let Ok(home) = self.root.folder(&user.home) else { return false };
        if !rustix::fs::fstat(&home).is_ok_and(|there| there.st_uid == user.uid) {
            return false;
        }
        let Ok(skeleton) = self.root.folder(Path::new(SKELETON)) else { return true };
        let copied = |name: &OsStr| {
            let [from, to] = [&skeleton, &home].map(|folder| place(folder, name));
            let (Ok(Some(from)), Ok(Some(to))) = (status(&from), status(&to)) else { return false };
            !is_file(&from) || from.st_size == to.st_size
        };
        names(&skeleton).is_ok_and(|names| names.iter().all(|name| copied(name)))
    }

    /// Takes out of a home what was copied into it, and the home itself if nothing else is in there.
    pub(super) fn remove_new_home(self, user: &UserEntry) -> Result<()> {
        let what = || format!("failed to remove the unfinished home {}", shown(&user.home));
        let Ok(at) = self.root.parent(&user.home, false) else { return Ok(()) };
        let Ok(home) = self.root.folder(&user.home) else { return Ok(()) };
        let [above, there] = [&at.folder, &home].map(|folder| rustix::fs::fstat(folder).map(|it| it.st_dev));
        if above != there {
            return Ok(());
        }
        if let Ok(skeleton) = self.root.folder(Path::new(SKELETON)) {
            for name in names(&home).os_context(what)? {
                if is_copy(&place(&skeleton, &name), &place(&home, &name)) {
                    rustix::fs::unlinkat(&home, &name, AtFlags::empty()).os_context(what)?;
                }
            }
        }
        match rustix::fs::unlinkat(&at.folder, &at.name, AtFlags::REMOVEDIR) {
            // What else is in there is not of ours; nor is what it may be instead of a folder.
            Ok(()) | Err(Errno::NOTEMPTY | Errno::NOTDIR | Errno::NOENT | Errno::BUSY) => Ok(()),
            Err(cause) => Err(cause).os_context(what),
        }
    }
}

/// Whether `copy` is the beginning of `original`, or all of it.
fn is_copy(original: &Place, copy: &Place) -> bool {
    let (Ok(Some(from)), Ok(Some(to))) = (status(original), status(copy)) else { return false };
    if is_file(&from) && is_file(&to) {
        let [from, to] = [original, copy].map(|place| files::read_at(place, LARGEST).ok().flatten());
        return from.zip(to).is_some_and(|(from, to)| from.starts_with(&to));
    }
    let [from, to]: [Option<PathBuf>; 2] = [original, copy].map(|place| link(place).ok().flatten());
    from.is_some() && from == to
}

fn is_file(status: &Stat) -> bool {
    FileType::from_raw_mode(status.st_mode) == FileType::RegularFile
}

fn place(folder: &Folder, name: &OsStr) -> Place {
    Place { folder: Arc::clone(folder), name: name.to_owned() }
}

/// All names in a folder.
fn names(folder: &Folder) -> Result<Vec<std::ffi::OsString>, Errno> {
    use std::os::unix::ffi::OsStrExt;
    let mut names = Vec::new();
    // What was opened for walking on only cannot be read.
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    for entry in Dir::new(rustix::fs::openat(folder, ".", flags, Mode::empty())?)? {
        let entry = entry?;
        let name = entry.file_name().to_bytes();
        if name != b"." && name != b".." {
            names.push(OsStr::from_bytes(name).to_owned());
        }
    }
    Ok(names)
}
