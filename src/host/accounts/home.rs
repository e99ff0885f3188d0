//! The home directory of a new account, filled from the skeleton (`useradd(8)`, `--skel`).
//!
//! It is filled beside its place, where only root can look, and gets its name when it is complete. So an interrupted
//! run leaves no half of it: the next one goes on with the directory beside it. A directory that exists is filled only
//! for an account whose creation was interrupted, and only if it is empty. Nothing in a home is removed or replaced.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use rustix::fs::{AtFlags, Dir, FileType, Gid, Mode, OFlags, RenameFlags, Uid};
use rustix::io::Errno;

use super::login_defs::LoginDefs;
use super::{Accounts, LARGEST, UserEntry};
use crate::host::files::{self, Write};
use crate::host::root::{Folder, OsContext, Place, link, shown, status};

/// How many entries a skeleton may have in all, and how deep its directories may be.
const MOST_ENTRIES: usize = 10_000;
const DEEPEST: usize = 32;

/// What is in the place of a home.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Found {
    Nothing,
    /// An empty directory of root's or the user's.
    Empty,
    /// Such a directory with something in it.
    Theirs,
    /// Anything else.
    Other,
}

/// What an interrupted run left beside the place of a home.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Staged {
    Nothing,
    /// A directory of root's, which may be filled in part.
    Partly,
    /// A directory that was given to the user, the last thing before it gets its name.
    Whole,
}

impl Accounts<'_> {
    /// Creates the home of `user` from the skeleton if it does not exist. With `fill`, an empty directory that is
    /// root's or the user's is filled, too. Returns true if anything was done.
    ///
    /// # Errors
    ///
    /// It cannot be created; what there is stays as it is.
    pub(super) fn create_home(self, user: &UserEntry, fill: bool) -> Result<bool> {
        let what = || format!("failed to create the home directory {}", shown(&user.home));
        self.try_create_home(user, fill).with_context(what)
    }

    /// Returns true if [`Accounts::create_home`] with `fill` would do anything.
    pub(super) fn lacks_home(self, user: &UserEntry) -> bool {
        match self.root.parent(&user.home, false) {
            Ok(place) => self.found(&place, user).is_ok_and(|found| matches!(found, Found::Nothing | Found::Empty)),
            Err(error) => error.absent(),
        }
    }

    fn try_create_home(self, user: &UserEntry, fill: bool) -> Result<bool> {
        if !user.home.is_absolute() || user.home == Path::new("/") {
            return Ok(false);
        }
        let place = self.root.parent(&user.home, true)?;
        let beside = beside(&place);
        let staged = staged(&beside, user)?;
        let found = self.found(&place, user)?;
        match found {
            Found::Nothing => {}
            Found::Empty if fill => {}
            // An interrupted run had begun to move what it copied.
            Found::Theirs if fill && staged == Staged::Partly => {}
            _ => return Ok(false),
        }
        must_be_trusted(&place.folder)?;
        if staged != Staged::Whole {
            self.copy_skeleton(&beside, user, staged)?;
        }
        if found == Found::Nothing { move_home(&beside, &place) } else { self.move_entries(&beside, &place, user) }?;
        files::flush_folder(&place.folder)?;
        Ok(true)
    }

    fn found(self, place: &Place, user: &UserEntry) -> Result<Found> {
        let Some(there) = status(place).os_context(|| "failed to look at what is there")? else {
            return Ok(Found::Nothing);
        };
        let is_theirs = there.st_uid == 0 || there.st_uid == user.uid;
        if FileType::from_raw_mode(there.st_mode) != FileType::Directory || !is_theirs {
            return Ok(Found::Other);
        }
        let folder = open(place).os_context(|| "failed to open it")?;
        let is_empty = entries(&folder, 1).os_context(|| "failed to read it")?.is_empty();
        Ok(match (self.is_shared(user)?, is_empty) {
            (true, _) => Found::Other,
            (false, true) => Found::Empty,
            (false, false) => Found::Theirs,
        })
    }

    /// Returns true if another account names the same home.
    fn is_shared(self, user: &UserEntry) -> Result<bool> {
        let passwd = self.database("/etc/passwd")?;
        Ok(super::database::users(&passwd).any(|other| other.name != user.name && other.home == user.home))
    }

    /// Fills the directory `beside`, where only root can look.
    fn copy_skeleton(self, beside: &Place, user: &UserEntry, staged: Staged) -> Result<()> {
        let defs = LoginDefs::read(self.root)?;
        if staged == Staged::Nothing {
            rustix::fs::mkdirat(&beside.folder, &beside.name, Mode::RWXU)
                .os_context(|| "failed to make a directory beside it")?;
        }
        let to = user.home.with_file_name(&beside.name);
        let from = Path::new(defs.skeleton());
        let mut copy = Copy::default();
        match self.root.folder(from) {
            Ok(skeleton) => {
                copy.collect(&skeleton, &to, DEEPEST).with_context(|| format!("failed to read {}", shown(from)))?;
            }
            Err(error) if error.absent() => {}
            Err(error) => return Err(error).with_context(|| format!("failed to open {}", shown(from))),
        }
        self.make(&copy, user)?;
        let folder = open(beside).os_context(|| "failed to open the directory beside it")?;
        files::flush_folder(&folder)?;
        // The last step: from here on it is the user's. One that is moved entry by entry stays root's.
        if self.root.parent(&user.home, false).is_ok_and(|place| status(&place).is_ok_and(|there| there.is_none())) {
            give(&folder, user, defs.home_mode())?;
        }
        Ok(())
    }

    /// Makes what was collected, owned by the user.
    fn make(self, copy: &Copy, user: &UserEntry) -> Result<()> {
        let what = |path: &Path| format!("failed to make {}", shown(path));
        for (path, _) in &copy.folders {
            let place = self.root.parent(path, false)?;
            match rustix::fs::mkdirat(&place.folder, &place.name, Mode::RWXU) {
                Ok(()) | Err(Errno::EXIST) => {}
                Err(cause) => return Err(cause).os_context(|| what(path)),
            }
        }
        for (path, mode, content) in &copy.files {
            files::write(self.root, Write { path, content, mode: *mode, uid: user.uid, gid: user.gid })?;
        }
        for (path, target) in &copy.links {
            let place = self.root.parent(path, false)?;
            match rustix::fs::symlinkat(target, &place.folder, &place.name) {
                Ok(()) | Err(Errno::EXIST) => {}
                Err(cause) => return Err(cause).os_context(|| what(path)),
            }
            let (uid, gid) = (Some(Uid::from_raw(user.uid)), Some(Gid::from_raw(user.gid)));
            rustix::fs::chownat(&place.folder, &place.name, uid, gid, AtFlags::SYMLINK_NOFOLLOW)
                .os_context(|| what(path))?;
        }
        for (path, mode) in copy.folders.iter().rev() {
            let place = self.root.parent(path, false)?;
            give(&open(&place).os_context(|| what(path))?, user, *mode)?;
        }
        Ok(())
    }

    /// Moves what was copied into an existing directory, which stays the same one. No owner is changed in there: its
    /// user could have put something else into the place.
    fn move_entries(self, beside: &Place, place: &Place, user: &UserEntry) -> Result<()> {
        let [from, to] = [beside, place].map(|place| open(place).os_context(|| "failed to open it"));
        let (from, to) = (from?, to?);
        let there = rustix::fs::fstat(&to).os_context(|| "failed to look at it")?;
        if there.st_uid != user.uid && there.st_uid == 0 {
            let defs = LoginDefs::read(self.root)?;
            // `useradd` makes a home without any permission and sets its mode last.
            let mode = Some(there.st_mode & 0o7777).filter(|mode| *mode != 0);
            give(&to, user, mode.unwrap_or_else(|| defs.home_mode()))?;
        }
        for name in entries(&from, MOST_ENTRIES).os_context(|| "failed to read the directory beside it")? {
            rustix::fs::renameat_with(&from, &name, &to, &name, RenameFlags::NOREPLACE)
                .os_context(|| format!("failed to move {} into it", shown(name.as_ref())))?;
        }
        files::flush_folder(&to)?;
        rustix::fs::unlinkat(&beside.folder, &beside.name, AtFlags::REMOVEDIR)
            .os_context(|| "failed to remove the directory beside it")
    }
}

/// Gives the directory `beside` the name of the home, if that is still free.
fn move_home(beside: &Place, place: &Place) -> Result<()> {
    let (from, to) = (&beside.folder, &place.folder);
    match rustix::fs::renameat_with(from, &beside.name, to, &place.name, RenameFlags::NOREPLACE) {
        // The file system cannot promise that. A directory that appeared just now is replaced only if it is empty.
        Err(Errno::INVAL | Errno::NOSYS) => rustix::fs::renameat(from, &beside.name, to, &place.name),
        result => result,
    }
    .os_context(|| "failed to give it its name")
}

/// The place beside a home where it is filled.
fn beside(place: &Place) -> Place {
    let mut name = OsString::from(".");
    name.push(&place.name);
    name.push(".cci-home");
    Place { folder: place.folder.clone(), name }
}

/// What an interrupted run left at `beside`.
fn staged(beside: &Place, user: &UserEntry) -> Result<Staged> {
    let own = rustix::process::geteuid().as_raw();
    match status(beside).os_context(|| "failed to look beside it")? {
        None => Ok(Staged::Nothing),
        Some(there) if FileType::from_raw_mode(there.st_mode) != FileType::Directory => {
            bail!("{} is in the way", shown(beside.name.as_ref()))
        }
        Some(there) if there.st_uid == own => Ok(Staged::Partly),
        Some(there) if there.st_uid == user.uid => Ok(Staged::Whole),
        Some(there) => bail!("{} is in the way (owner {})", shown(beside.name.as_ref()), there.st_uid),
    }
}

/// What is in a skeleton, by where it goes.
#[derive(Default)]
struct Copy {
    folders: Vec<(PathBuf, u32)>,
    files: Vec<(PathBuf, u32, Vec<u8>)>,
    links: Vec<(PathBuf, PathBuf)>,
}

impl Copy {
    fn collect(&mut self, from: &Folder, to: &Path, deepest: usize) -> Result<()> {
        for name in entries(from, MOST_ENTRIES).os_context(|| "failed to read a directory")? {
            let place = Place { folder: from.clone(), name };
            let path = to.join(&place.name);
            let what = || shown(place.name.as_ref());
            let Some(there) = status(&place).os_context(what)? else { continue };
            if self.folders.len() + self.files.len() + self.links.len() >= MOST_ENTRIES || deepest == 0 {
                bail!("it has more than {MOST_ENTRIES} entries, or {DEEPEST} levels of directories");
            }
            let mode = there.st_mode & 0o7777;
            match FileType::from_raw_mode(there.st_mode) {
                FileType::Directory => {
                    self.folders.push((path.clone(), mode));
                    self.collect(&open(&place).os_context(what)?, &path, deepest - 1)?;
                }
                FileType::RegularFile => {
                    let content = files::read_at(&place, LARGEST).with_context(what)?.unwrap_or_default();
                    // A set-id bit that suits root's file is not for the user's.
                    self.files.push((path, mode & 0o777, content));
                }
                FileType::Symlink => {
                    if let Some(target) = link(&place).os_context(what)? {
                        self.links.push((path, target));
                    }
                }
                _ => log::debug!("{}: neither a file, a directory nor a link; not copied", shown(&path)),
            }
        }
        Ok(())
    }
}

/// Sets the mode of a directory and gives it to the user, which is the last thing that is done to it.
fn give(folder: &Folder, user: &UserEntry, mode: u32) -> Result<()> {
    rustix::fs::fchmod(folder, Mode::from_raw_mode(mode)).os_context(|| "failed to set its mode")?;
    rustix::fs::fchown(folder, Some(Uid::from_raw(user.uid)), Some(Gid::from_raw(user.gid)))
        .os_context(|| "failed to set its owner")
}

/// Refuses a directory in which another user can put something into the place of what root makes.
fn must_be_trusted(folder: &Folder) -> Result<()> {
    let there = rustix::fs::fstat(folder).os_context(|| "failed to look at the directory that holds it")?;
    let ours = there.st_uid == 0 || there.st_uid == rustix::process::geteuid().as_raw();
    let is_sticky = there.st_mode & 0o1000 != 0;
    if !ours || (there.st_mode & 0o022 != 0 && !is_sticky) {
        bail!("another user can change the directory that holds it (owner {})", there.st_uid);
    }
    Ok(())
}

fn open(place: &Place) -> Result<Folder, Errno> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    rustix::fs::openat(&place.folder, &place.name, flags, Mode::empty()).map(Folder::new)
}

/// The names in a directory, sorted, no more than `most` and one.
fn entries(folder: &Folder, most: usize) -> Result<Vec<OsString>, Errno> {
    let mut names = Vec::new();
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    for entry in Dir::new(rustix::fs::openat(folder, ".", flags, Mode::empty())?)? {
        let entry = entry?;
        let name = entry.file_name().to_bytes();
        if name != b"." && name != b".." {
            names.push(OsStr::from_bytes(name).to_owned());
        }
        if names.len() > most {
            break;
        }
    }
    names.sort();
    Ok(names)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

    use super::*;

    use crate::host::root::Root;

    struct Tree {
        dir: tempfile::TempDir,
        root: Root,
    }

    impl Tree {
        fn new() -> Self {
            let dir = tempfile::tempdir().unwrap();
            for folder in ["", "etc", "etc/skel", "etc/skel/.config", "home"] {
                fs::create_dir_all(dir.path().join(folder)).unwrap();
                fs::set_permissions(dir.path().join(folder), fs::Permissions::from_mode(0o755)).unwrap();
            }
            fs::write(dir.path().join("etc/skel/.profile"), "profile").unwrap();
            fs::write(dir.path().join("etc/skel/.config/deep"), "deep").unwrap();
            symlink("/etc/motd", dir.path().join("etc/skel/motd")).unwrap();
            fs::write(dir.path().join("etc/passwd"), "").unwrap();
            fs::write(dir.path().join("etc/login.defs"), "HOME_MODE 0750\n").unwrap();
            let root = Root::open(dir.path()).unwrap();
            Self { dir, root }
        }

        fn user(&self) -> UserEntry {
            let own = fs::metadata(self.dir.path()).unwrap();
            UserEntry {
                name: "mary".into(),
                uid: own.uid(),
                gid: own.gid(),
                home: "/home/mary".into(),
                shell: "/bin/sh".into(),
            }
        }

        fn at(&self, path: &str) -> PathBuf {
            self.dir.path().join(path)
        }

        fn create(&self, fill: bool) -> Result<bool> {
            Accounts::new(&self.root).create_home(&self.user(), fill)
        }
    }

    #[test]
    fn a_home_is_a_copy_of_the_skeleton() {
        let tree = Tree::new();
        assert!(Accounts::new(&tree.root).lacks_home(&tree.user()));
        assert!(tree.create(false).unwrap());
        assert_eq!(fs::read_to_string(tree.at("home/mary/.config/deep")).unwrap(), "deep");
        assert_eq!(fs::read_link(tree.at("home/mary/motd")).unwrap(), Path::new("/etc/motd"));
        assert_eq!(fs::metadata(tree.at("home/mary")).unwrap().mode() & 0o7777, 0o750);
        assert_eq!(fs::read_dir(tree.at("home")).unwrap().count(), 1);
        assert!(!Accounts::new(&tree.root).lacks_home(&tree.user()));
        assert!(!tree.create(true).unwrap());
    }

    #[test]
    fn an_existing_directory_is_filled_only_if_it_is_empty_and_that_is_asked_for() {
        let tree = Tree::new();
        fs::create_dir(tree.at("home/mary")).unwrap();
        let inode = fs::metadata(tree.at("home/mary")).unwrap().ino();
        assert!(!tree.create(false).unwrap());
        assert_eq!(fs::read_dir(tree.at("home/mary")).unwrap().count(), 0);
        assert!(tree.create(true).unwrap());
        assert_eq!(fs::metadata(tree.at("home/mary")).unwrap().ino(), inode);
        assert_eq!(fs::read_to_string(tree.at("home/mary/.profile")).unwrap(), "profile");
        fs::write(tree.at("home/mary/.profile"), "mine").unwrap();
        fs::remove_file(tree.at("home/mary/motd")).unwrap();
        assert!(!tree.create(true).unwrap());
        assert_eq!(fs::read_to_string(tree.at("home/mary/.profile")).unwrap(), "mine");
        assert!(!tree.at("home/mary/motd").exists());
    }

    #[test]
    fn a_home_that_another_account_names_is_not_filled() {
        let tree = Tree::new();
        fs::create_dir(tree.at("home/mary")).unwrap();
        fs::write(tree.at("etc/passwd"), "sshd:x:100:100::/home/mary:/bin/false\n").unwrap();
        assert!(!tree.create(true).unwrap());
        assert_eq!(fs::read_dir(tree.at("home/mary")).unwrap().count(), 0);
    }

    #[test]
    fn an_interrupted_copy_is_continued() {
        let tree = Tree::new();
        fs::create_dir_all(tree.at("home/.mary.cci-home/.config")).unwrap();
        fs::set_permissions(tree.at("home/.mary.cci-home"), fs::Permissions::from_mode(0o700)).unwrap();
        fs::write(tree.at("home/.mary.cci-home/.profile"), "pro").unwrap();
        assert!(tree.create(false).unwrap());
        assert_eq!(fs::read_to_string(tree.at("home/mary/.profile")).unwrap(), "profile");
        assert_eq!(fs::read_to_string(tree.at("home/mary/.config/deep")).unwrap(), "deep");
        assert_eq!(fs::read_dir(tree.at("home")).unwrap().count(), 1);
    }

    #[test]
    fn a_home_in_a_directory_of_another_user_is_refused() {
        let tree = Tree::new();
        fs::set_permissions(tree.at("home"), fs::Permissions::from_mode(0o777)).unwrap();
        let error = format!("{:#}", tree.create(false).unwrap_err());
        assert!(error.contains("another user can change the directory that holds it"), "{error}");
        assert_eq!(fs::read_dir(tree.at("home")).unwrap().count(), 0);
    }
}
