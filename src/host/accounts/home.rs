//! The home directory of a new account, filled from the skeleton (`useradd(8)`, `--skel`).
//!
//! The home is created under a temporary name and filled through its descriptor while only root can enter it. It gets
//! its final name when it is complete. So an interrupted run leaves no partial home, only a directory `.NAME.cci-` with
//! 16 hexadecimal digits that root owns. An existing directory is filled only if the creation of the account was
//! interrupted and the directory is empty, and with the permissions of its user. Files in a home are never removed or
//! replaced.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};
use rustix::fs::{AtFlags, Dir, FileType, Gid, Mode, OFlags, RenameFlags, Stat, StatxFlags, Uid};
use rustix::io::Errno;

use super::login_defs::LoginDefs;
use super::{Accounts, LARGEST, UserEntry};
use crate::host::crash_markers;
use crate::host::files;
use crate::host::keys::identity;
use crate::host::root::{Directory, OsContext, Place, display_path, link, status};

/// The largest number of entries of a skeleton, and the greatest depth of its directories.
const MOST_ENTRIES: usize = 10_000;
const DEEPEST: usize = 32;

/// The largest skeleton, in bytes.
const LARGEST_SKELETON: u64 = 64 << 20;

/// The state of the path of a home.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum HomeState {
    Nothing,
    /// An empty directory of the user, or an empty directory of root that an interrupted `useradd` created.
    Empty,
    /// Any other object; it is not changed.
    Other,
}

impl Accounts<'_> {
    /// Creates the home of `user` from the skeleton if it does not exist. With `fill`, an empty directory is filled,
    /// too. Returns true if anything was done.
    ///
    /// # Errors
    ///
    /// The home cannot be created; existing files stay as they are.
    pub(super) fn create_home(self, user: &UserEntry, fill: bool) -> Result<bool> {
        let failure = || format!("failed to create the home directory {}", display_path(&user.home));
        self.try_create_home(user, fill).with_context(failure)
    }

    /// Returns true if [`Accounts::create_home`] with `fill` would do anything.
    pub(super) fn lacks_home(self, user: &UserEntry) -> bool {
        match self.root.parent(&user.home, false) {
            Ok(place) => self.home_state(&place, user).is_ok_and(|found| found != HomeState::Other),
            Err(error) => error.absent(),
        }
    }

    fn try_create_home(self, user: &UserEntry, fill: bool) -> Result<bool> {
        if !user.home.is_absolute() || user.home == Path::new("/") {
            return Ok(false);
        }
        let place = self.root.parent(&user.home, true)?;
        let defs = LoginDefs::read(self.root)?;
        match self.home_state(&place, user)? {
            HomeState::Nothing => self.make_home(&place, user, &defs),
            HomeState::Empty if fill => self.fill(&place, user, &defs),
            _ => return Ok(false),
        }?;
        files::flush_directory(&place.directory)?;
        Ok(true)
    }

    fn home_state(self, place: &Place, user: &UserEntry) -> Result<HomeState> {
        let Some(there) = status(place).os_context(|| "failed to stat it")? else {
            return Ok(HomeState::Nothing);
        };
        if FileType::from_raw_mode(there.st_mode) != FileType::Directory {
            return Ok(HomeState::Other);
        }
        let above = rustix::fs::fstat(&place.directory).os_context(|| "failed to stat its directory")?;
        let is_theirs = there.st_uid == user.uid
            || (belongs_to_root_alone(&there)
                && above.st_dev == there.st_dev
                && self.is_home_of_useradd(place, user)?);
        if !is_theirs {
            return Ok(HomeState::Other);
        }
        let directory = open(place).os_context(|| "failed to open it")?;
        let is_empty = entries(&directory, 1).os_context(|| "failed to read it")?.is_empty();
        Ok(if is_empty && !self.is_shared(user)? { HomeState::Empty } else { HomeState::Other })
    }

    /// Returns true if an empty directory of root is a home that `useradd` created: it has the default path of the
    /// home, or is newer than the marker of the account. Any other directory, such as `/opt`, is not a home.
    fn is_home_of_useradd(self, place: &Place, user: &UserEntry) -> Result<bool> {
        let defs = LoginDefs::read(self.root)?;
        let usual = Path::new(defs.homes()).join(&user.name);
        let is_new = || Some(birth_time(place)? >= crash_markers::account::time_set(self.root, &user.name)?);
        Ok(self.root.private(user.home.parent().unwrap_or(Path::new("/"))).is_ok()
            && (user.home == usual || is_new().unwrap_or_default()))
    }

    /// Returns true if another account has the same home.
    fn is_shared(self, user: &UserEntry) -> Result<bool> {
        let passwd = self.database("/etc/passwd")?;
        Ok(super::database::users(&passwd).any(|other| other.name != user.name && other.home == user.home))
    }

    /// Creates the home under a temporary name, fills it, and renames it to its final name.
    fn make_home(self, place: &Place, user: &UserEntry, defs: &LoginDefs) -> Result<()> {
        let skeleton = self.skeleton(defs)?;
        let beside = Place { directory: place.directory.clone(), name: files::temporary_name(&place.name) };
        rustix::fs::mkdirat(&beside.directory, &beside.name, Mode::RWXU)
            .os_context(|| "failed to create a temporary directory")?;
        let directory = open(&beside).os_context(|| "failed to open the temporary directory")?;
        let own = rustix::fs::fstat(&directory).os_context(|| "failed to stat the temporary directory")?;
        let is_new = own.st_uid == rustix::process::geteuid().as_raw() && own.st_mode & 0o7777 == 0o700;
        if !is_new || !entries(&directory, 1).os_context(|| "failed to read the temporary directory")?.is_empty() {
            bail!("{} was replaced meanwhile", display_path(beside.name.as_ref()));
        }
        let owner = Some((user.uid, user.gid));
        let complete = || {
            skeleton.make(&directory, owner)?;
            set_mode_and_owner(&directory, user, defs.home_mode())?;
            files::flush_directory(&directory)?;
            let (from, to) = (&beside.directory, &place.directory);
            match rustix::fs::renameat_with(from, &beside.name, to, &place.name, RenameFlags::NOREPLACE) {
                // The file system does not support RENAME_NOREPLACE. A plain rename can replace only an empty
                // directory.
                Err(Errno::INVAL | Errno::NOSYS) => rustix::fs::renameat(from, &beside.name, to, &place.name),
                result => result,
            }
            .os_context(|| "failed to rename the temporary directory")
        };
        if let Err(error) = complete() {
            // Otherwise, each boot with a full disk would leave one more directory.
            discard(&beside, &directory, DEEPEST);
            return Err(error);
        }
        let there = status(place).os_context(|| "failed to stat it")?;
        if there.is_none_or(|there| (there.st_dev, there.st_ino) != (own.st_dev, own.st_ino)) {
            bail!("it was replaced while being created");
        }
        Ok(())
    }

    /// Fills an empty directory with the permissions of its user, because the user may move its entries at the same
    /// time.
    fn fill(self, place: &Place, user: &UserEntry, defs: &LoginDefs) -> Result<()> {
        let skeleton = self.skeleton(defs)?;
        let directory = open(place).os_context(|| "failed to open it")?;
        let there = rustix::fs::fstat(&directory).os_context(|| "failed to stat it")?;
        // `useradd` creates a home without any permission bits and sets its mode last.
        let has_mode = Mode::from_raw_mode(there.st_mode).intersects(Mode::RWXU | Mode::RWXG | Mode::RWXO);
        let mode = if has_mode { there.st_mode & 0o7777 } else { defs.home_mode() };
        if there.st_uid != user.uid || !has_mode {
            set_mode_and_owner(&directory, user, mode)?;
        }
        identity::with(user, || skeleton.make(&directory, None))?;
        files::flush_directory(&directory)
    }

    /// Reads the skeleton. Entries that cannot be copied are logged and skipped.
    fn skeleton(self, defs: &LoginDefs) -> Result<Skeleton> {
        let from = Path::new(defs.skeleton());
        let mut skeleton = Skeleton::default();
        if let Err(error) = self.root.private(from)
            && !error.absent()
        {
            log::warn!("{error:#}; {} not copied into the home directory", display_path(from));
            return Ok(skeleton);
        }
        match self.root.directory(from) {
            Ok(directory) => {
                let mut left = (MOST_ENTRIES, LARGEST_SKELETON);
                skeleton
                    .read(&directory, from, DEEPEST, &mut left)
                    .with_context(|| format!("failed to read {}", display_path(from)))?;
            }
            Err(error) if error.absent() => {}
            Err(error) => return Err(error).with_context(|| format!("failed to open {}", display_path(from))),
        }
        Ok(skeleton)
    }
}

/// Returns true if a directory belongs to root alone. A directory of another group, or one that other users can write
/// to, was created for these users.
fn belongs_to_root_alone(there: &Stat) -> bool {
    there.st_uid == 0 && there.st_gid == 0 && there.st_mode & 0o7022 == 0
}

/// Removes a temporary home that this run created, and that only root can enter.
fn discard(place: &Place, directory: &Directory, depth: usize) {
    for name in entries(directory, MOST_ENTRIES).unwrap_or_default() {
        let inner = Place { directory: directory.clone(), name };
        if rustix::fs::unlinkat(&inner.directory, &inner.name, AtFlags::empty()).is_err()
            && depth > 0
            && let Ok(below) = open(&inner)
        {
            discard(&inner, &below, depth - 1);
        }
    }
    let _ = rustix::fs::unlinkat(&place.directory, &place.name, AtFlags::REMOVEDIR);
}

/// A directory of the skeleton.
#[derive(Default)]
struct Skeleton {
    entries: Vec<(OsString, HomeEntry)>,
}

enum HomeEntry {
    Directory(u32, Skeleton),
    File(u32, Vec<u8>),
    Link(OsString),
}

impl Skeleton {
    /// Reads a directory; `left` is the remaining number of entries and bytes.
    fn read(&mut self, from: &Directory, path: &Path, deepest: usize, left: &mut (usize, u64)) -> Result<()> {
        for name in entries(from, MOST_ENTRIES).os_context(|| "failed to read a directory")? {
            let path = path.join(&name);
            let place = Place { directory: from.clone(), name };
            let shown = || display_path(&path);
            let skipped = |why: &str| log::warn!("{}: {why}; not copied into the home directory", display_path(&path));
            let Some(there) = status(&place).os_context(shown)? else { continue };
            let size = u64::try_from(there.st_size).unwrap_or_default();
            if left.0 == 0 || deepest == 0 {
                skipped("too many entries or levels of directories");
                continue;
            }
            left.0 -= 1;
            let mode = there.st_mode & 0o7777;
            let entry = match FileType::from_raw_mode(there.st_mode) {
                FileType::Directory => {
                    let mut inner = Self::default();
                    inner.read(&open(&place).os_context(shown)?, &path, deepest - 1, left)?;
                    HomeEntry::Directory(mode, inner)
                }
                FileType::RegularFile if size > LARGEST.min(left.1) => {
                    skipped("the file is too large");
                    continue;
                }
                FileType::RegularFile => {
                    let content = files::read_at(&place, LARGEST).with_context(shown)?.unwrap_or_default();
                    left.1 = left.1.saturating_sub(content.len() as u64);
                    // A set-ID bit of a file of root must not pass to a file of the user.
                    HomeEntry::File(mode & 0o777, content)
                }
                FileType::Symlink => match link(&place).os_context(shown)? {
                    Some(target) => HomeEntry::Link(target.into_os_string()),
                    None => continue,
                },
                _ => {
                    skipped("neither a file, a directory nor a link");
                    continue;
                }
            };
            self.entries.push((place.name, entry));
        }
        Ok(())
    }

    /// Creates all entries in the empty directory `to`, owned by `owner` or by the user of this thread.
    fn make(&self, to: &Directory, owner: Option<(u32, u32)>) -> Result<()> {
        let ids = owner.map(|(uid, gid)| (Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid))));
        for (name, entry) in &self.entries {
            let failure = || format!("failed to create {}", display_path(name.as_ref()));
            match entry {
                HomeEntry::Directory(mode, inner) => {
                    rustix::fs::mkdirat(to, name, Mode::RWXU).os_context(failure)?;
                    let directory = open(&Place { directory: to.clone(), name: name.clone() }).os_context(failure)?;
                    inner.make(&directory, owner)?;
                    rustix::fs::fchmod(&directory, Mode::from_raw_mode(*mode)).os_context(failure)?;
                    if let Some((uid, gid)) = ids {
                        rustix::fs::fchown(&directory, uid, gid).os_context(failure)?;
                    }
                }
                HomeEntry::File(mode, content) => {
                    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
                    let file = rustix::fs::openat(to, name, flags, Mode::RUSR | Mode::WUSR).os_context(failure)?;
                    let mut file = std::fs::File::from(file);
                    std::io::Write::write_all(&mut file, content).os_context(failure)?;
                    if let Some((uid, gid)) = ids {
                        rustix::fs::fchown(&file, uid, gid).os_context(failure)?;
                    }
                    rustix::fs::fchmod(&file, Mode::from_raw_mode(*mode)).os_context(failure)?;
                    file.sync_all().os_context(failure)?;
                }
                HomeEntry::Link(target) => {
                    rustix::fs::symlinkat(target, to, name).os_context(failure)?;
                    if let Some((uid, gid)) = ids {
                        // The user cannot replace the entry before its owner is set: only root can enter the directory.
                        rustix::fs::chownat(to, name, uid, gid, AtFlags::SYMLINK_NOFOLLOW).os_context(failure)?;
                    }
                }
            }
        }
        Ok(())
    }
}

/// Sets the mode of a directory and then its owner, as the last change to it.
fn set_mode_and_owner(directory: &Directory, user: &UserEntry, mode: u32) -> Result<()> {
    rustix::fs::fchmod(directory, Mode::from_raw_mode(mode)).os_context(|| "failed to set its mode")?;
    rustix::fs::fchown(directory, Some(Uid::from_raw(user.uid)), Some(Gid::from_raw(user.gid)))
        .os_context(|| "failed to set its owner")
}

/// Returns the creation time of a directory, if the file system records it.
fn birth_time(place: &Place) -> Option<SystemTime> {
    let flags = AtFlags::SYMLINK_NOFOLLOW;
    let status = rustix::fs::statx(&place.directory, &place.name, flags, StatxFlags::BTIME).ok()?;
    let is_known = status.stx_mask & StatxFlags::BTIME.bits() != 0;
    let seconds = is_known.then(|| u64::try_from(status.stx_btime.tv_sec).ok()).flatten()?;
    Some(UNIX_EPOCH + Duration::new(seconds, status.stx_btime.tv_nsec))
}

fn open(place: &Place) -> Result<Directory, Errno> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    rustix::fs::openat(&place.directory, &place.name, flags, Mode::empty()).map(Directory::new)
}

/// Returns the names in a directory, sorted, at most one more than `most`.
fn entries(directory: &Directory, most: usize) -> Result<Vec<OsString>, Errno> {
    let mut names = Vec::new();
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    for entry in Dir::new(rustix::fs::openat(directory, ".", flags, Mode::empty())?)? {
        let entry = entry?;
        let name = entry.file_name().to_bytes();
        if name != b"." && name != b".." {
            names.push(OsStr::from_bytes(name).to_owned());
        }
        if names.len() > most {
            break;
        }
    }
    names.sort_unstable();
    Ok(names)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

    use super::*;

    use std::path::PathBuf;

    use crate::host::root::Root;

    struct Tree {
        dir: tempfile::TempDir,
        root: Root,
    }

    impl Tree {
        fn new() -> Self {
            let dir = tempfile::tempdir().unwrap();
            for directory in ["", "etc", "etc/skel", "etc/skel/.config", "home"] {
                fs::create_dir_all(dir.path().join(directory)).unwrap();
                fs::set_permissions(dir.path().join(directory), fs::Permissions::from_mode(0o755)).unwrap();
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
    fn directories_of_root_are_filled_only_where_they_can_only_be_the_home() {
        if !rustix::process::geteuid().is_root() {
            return;
        }
        let tree = Tree::new();
        let user = |home: &str| UserEntry { uid: 4000, gid: 4000, home: home.into(), ..tree.user() };
        let accounts = Accounts::new(&tree.root);
        fs::create_dir(tree.at("opt")).unwrap();
        assert!(!accounts.create_home(&user("/opt"), true).unwrap());
        // The file system's clock advances only every few milliseconds.
        std::thread::sleep(Duration::from_millis(50));
        crash_markers::account::set(&tree.root, "mary");
        assert!(!accounts.create_home(&user("/opt"), true).unwrap());
        assert_eq!(fs::metadata(tree.at("opt")).unwrap().uid(), 0);
        for home in ["home/mary", "home/other"] {
            fs::create_dir(tree.at(home)).unwrap();
            assert!(accounts.create_home(&user(&format!("/{home}")), true).unwrap());
            for path in [home.to_owned(), format!("{home}/.config/deep")] {
                assert_eq!(fs::metadata(tree.at(&path)).unwrap().uid(), 4000, "{path}");
            }
        }
    }
}
