//! An account that is being made: marked, so that the next run knows of one that was not finished.
//!
//! `useradd` writes one database after the other and the home last. Killed in between, or out of space, it leaves a user
//! whom the next run would find there: without a password's line, groups or a home, for good. So a link stands beside
//! the databases meanwhile, whose text is the user's name: it is made in one step and lives in the folder's own blocks,
//! which `useradd` itself brings to disk. A user who is marked and not whole is taken away, and made anew if that is
//! still asked for.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Result;
use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, Stat, StatxFlags};
use rustix::io::Errno;

use super::{Accounts, LARGEST, UserEntry, database};
use crate::deadline::Deadline;
use crate::host::files;
use crate::host::root::{Folder, OsContext, Place, Root, link, shown, status};
use crate::plan::Account;

/// What a new home gets.
const SKELETON: &str = "/etc/skel";

/// File systems take the time of the last tick, which is a little earlier than now.
const CLOCKS_TICK: Duration = Duration::from_millis(100);

/// What a user gets besides an account; the mark tells it to a run that may not know of the user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Gets {
    /// A group of the user's name.
    pub(super) group: bool,
    pub(super) home: bool,
}

impl Gets {
    const ALL: [Self; 4] = [
        Self { group: false, home: false },
        Self { group: false, home: true },
        Self { group: true, home: false },
        Self { group: true, home: true },
    ];

    /// The text of the mark of `name`. No user's name has a colon in it.
    fn text(self, name: &str) -> String {
        let [group, home] =
            [(self.group, ":group"), (self.home, ":home")].map(|(has, text)| if has { text } else { "" });
        format!("{name}{group}{home}")
    }
}

/// What the name of a mark begins and ends with.
const MARK: [&str; 2] = [".useradd-", ".cci"];

/// Marks that `name` is being made. Best effort: where it cannot be, `useradd` will say why.
pub(super) fn begin(root: &Root, name: &str, gets: Gets) {
    let Some(place) = mark(root, name) else { return };
    match rustix::fs::symlinkat(gets.text(name), &place.folder, &place.name) {
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
    mark(root, name).is_some_and(|place| gets(&place, name).is_some())
}

/// What the mark at `place` tells of `name`; `None` where it is no such mark.
fn gets(place: &Place, name: &str) -> Option<Gets> {
    let text = link(place).ok()??;
    Gets::ALL.into_iter().find(|gets| text.as_os_str() == gets.text(name).as_str())
}

/// Where the mark of `name` is; `None` where no user can have that name.
fn mark(root: &Root, name: &str) -> Option<Place> {
    let [before, after] = MARK;
    let fits = !name.contains('/');
    fits.then(|| root.parent(&Path::new("/etc").join(format!("{before}{name}{after}")), false).ok()).flatten()
}

/// All users whom an earlier run began to make, and did not come to the end.
fn marked(root: &Root) -> Vec<(String, Gets)> {
    let Ok(etc) = root.folder(Path::new("/etc")) else { return Vec::new() };
    let name_of = |file: &OsStr| {
        let name = file.to_str()?.strip_prefix(MARK[0])?.strip_suffix(MARK[1])?;
        gets(&place(&etc, file), name).map(|gets| (name.to_owned(), gets))
    };
    names(&etc).unwrap_or_default().iter().filter_map(|file| name_of(file)).collect()
}

impl Accounts<'_> {
    /// Takes away whom an earlier run began to make and did not finish, but for those whom `wanted` names: they are
    /// finished when it is their turn. What else is in a home stays.
    pub fn take_back(self, wanted: &BTreeSet<&str>, deadline: Deadline) {
        for (name, gets) in marked(self.root).into_iter().filter(|(name, _)| !wanted.contains(name.as_str())) {
            if self.was_finished(&name, gets).unwrap_or_default() {
                end(self.root, &name);
                continue;
            }
            match self.unmake(&name, gets.group, deadline) {
                Ok(()) => {
                    end(self.root, &name);
                    log::warn!(
                        "user {name}, whom an earlier run did not finish, is taken away: nothing asks for it now"
                    );
                }
                Err(error) => {
                    log::warn!("failed to take away user {name}, whom an earlier run did not finish: {error:#}");
                }
            }
        }
    }

    /// Whether a user of whom only the mark is known has everything. `useradd` fills the home last, and groups together
    /// with the user's own one; where there is neither, it cannot be told.
    fn was_finished(self, name: &str, gets: Gets) -> Result<bool> {
        let Some(user) = self.user(name)? else { return Ok(false) };
        let account = Account { name: name.to_owned(), create_home: gets.home, ..Account::default() };
        Ok((gets.home || gets.group) && self.is_whole(&user, &account)?)
    }

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
        self.flaw(&home, user).is_none()
    }

    /// What `useradd` does not tell of a home that it made after `start`: it ends with 0 even where it cannot give the
    /// home away, or not fill it.
    pub(super) fn flaw_of_new_home(self, user: &UserEntry, start: SystemTime) -> Option<String> {
        let what = |flaw: &str| format!("its home {} {flaw}", shown(&user.home));
        let there = self.root.parent(&user.home, false).ok().and_then(|place| status(&place).ok()).flatten();
        if there.is_none() && user.home != Path::new("/") {
            return Some(what("does not exist"));
        }
        // What was there before is not filled, and is whose it was.
        let home = self.root.folder(&user.home).ok()?;
        let is_new = born(&home).is_some_and(|born| born + CLOCKS_TICK >= start);
        if is_new { self.flaw(&home, user).map(|flaw| what(&flaw)) } else { None }
    }

    /// What is wrong with a home that `useradd` made and filled.
    fn flaw(self, home: &Folder, user: &UserEntry) -> Option<String> {
        match rustix::fs::fstat(home) {
            Ok(there) if there.st_uid == user.uid => {}
            Ok(there) => return Some(format!("belongs to another user ({})", there.st_uid)),
            Err(cause) => return Some(format!("cannot be looked at: {cause}")),
        }
        let skeleton = self.root.folder(Path::new(SKELETON)).ok()?;
        let is_copied = |name: &OsStr| {
            let [from, to] = [&skeleton, home].map(|folder| place(folder, name));
            let (Ok(Some(from)), Ok(Some(to))) = (status(&from), status(&to)) else { return false };
            to.st_uid == user.uid && (!is_file(&from) || from.st_size == to.st_size)
        };
        let names = match names(&skeleton) {
            Ok(names) => names,
            Err(cause) => return Some(format!("cannot be held against {SKELETON}: {cause}")),
        };
        let missing = names.iter().find(|name| !is_copied(name))?;
        Some(format!("has no whole copy of {SKELETON}/{}", shown(missing.as_ref())))
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

/// When a folder was made, where the file system tells.
fn born(folder: &Folder) -> Option<SystemTime> {
    let status = rustix::fs::statx(folder, "", AtFlags::EMPTY_PATH, StatxFlags::BTIME).ok()?;
    let tells = status.stx_mask & StatxFlags::BTIME.bits() != 0;
    let seconds = tells.then(|| u64::try_from(status.stx_btime.tv_sec).ok()).flatten()?;
    Some(UNIX_EPOCH + Duration::new(seconds, status.stx_btime.tv_nsec))
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
