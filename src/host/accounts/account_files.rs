//! The account files of a root, edited under the locks that the shadow tools use.
//!
//! `useradd` and the other shadow tools first lock `/etc/.pwd.lock` (`lckpwdf(3)`), then each file with a `FILE.lock`
//! that contains their process ID. This module takes the same locks, so that neither a tool nor this program overwrites
//! an edit of the other.

use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};
use rustix::fs::{AtFlags, CWD, FileType, FlockOperation, Mode, OFlags};
use rustix::io::Errno;

use super::LARGEST;
use super::database::Table;
use super::locks::boot_time;
use crate::deadline::Deadline;
use crate::host::files::{self, Write};
use crate::host::root::{Directory, OsContext, Place, Root, display_path, status};
use crate::host::signals;

/// The longest wait for the locks, as in `lckpwdf(3)`.
const LIMIT: Duration = Duration::from_secs(15);

/// The pause between two attempts to take a lock.
const PAUSE: Duration = Duration::from_millis(50);

/// One of the account files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AccountFile {
    Passwd,
    Group,
    Shadow,
    Gshadow,
    Subuid,
    Subgid,
}

impl AccountFile {
    pub(super) const ALL: [Self; 6] =
        [Self::Passwd, Self::Group, Self::Shadow, Self::Gshadow, Self::Subuid, Self::Subgid];

    const fn name(self) -> &'static str {
        match self {
            Self::Passwd => "passwd",
            Self::Group => "group",
            Self::Shadow => "shadow",
            Self::Gshadow => "gshadow",
            Self::Subuid => "subuid",
            Self::Subgid => "subgid",
        }
    }
}

/// A file as it was read, and its new content.
#[derive(Debug)]
struct Edited {
    path: PathBuf,
    mode: u32,
    owner: (u32, u32),
    old: Table,
    new: Table,
}

/// The account files that exist, locked until this is dropped.
#[derive(Debug)]
pub(super) struct AccountFiles<'r> {
    root: &'r Root,
    files: Vec<(AccountFile, Edited)>,
    _locks: Locks,
}

impl<'r> AccountFiles<'r> {
    /// Locks and reads the account files.
    ///
    /// # Errors
    ///
    /// Another program holds a lock for 15 s or until the deadline; an account file is not a regular file or cannot be
    /// read.
    pub(super) fn lock(root: &'r Root, deadline: Deadline) -> Result<Self> {
        let etc = root.directory(Path::new("/etc")).context("failed to lock the account files")?;
        if !root.is_system() {
            root.private(Path::new("/etc")).context("failed to lock the account files")?;
        }
        let present: Vec<_> = AccountFile::ALL
            .into_iter()
            .map(|file| Ok((file, status(&place(&etc, file.name()))?)))
            .collect::<Result<_, Errno>>()
            .os_context(|| "failed to stat the account files")?;
        let present: Vec<_> = present.into_iter().filter_map(|(file, there)| Some((file, there?))).collect();
        let names: Vec<_> = present.iter().map(|(file, _)| file.name()).collect();
        // After a reboot, the process ID in an old lock file can belong to another process, so such a lock is
        // recognized by its time. A tree has no boot to compare the time with.
        let boot = root.is_system().then(boot_time);
        let locks = Locks::take(&etc, &names, boot, Deadline::after(deadline.clip(LIMIT)))?;
        let mut files = Vec::new();
        for (file, _) in present {
            let path = Path::new("/etc").join(file.name());
            let at = place(&etc, file.name());
            // Another program may have replaced the file before this process got the lock.
            let there = status(&at).os_context(|| format!("failed to stat {}", display_path(&path)))?;
            let there = there.with_context(|| format!("{} has disappeared", display_path(&path)))?;
            let bytes =
                files::read_at(&at, LARGEST).with_context(|| format!("failed to read {}", display_path(&path)))?;
            let old = Table::new(bytes.unwrap_or_default());
            let (mode, owner, new) = (there.st_mode & 0o7777, (there.st_uid, there.st_gid), old.clone());
            files.push((file, Edited { path, mode, owner, old, new }));
        }
        Ok(Self { root, files, _locks: locks })
    }

    /// Returns the content of a file, as edited so far; `None` if the file does not exist.
    pub(super) fn get(&self, file: AccountFile) -> Option<&Table> {
        self.files.iter().find(|(known, _)| *known == file).map(|(_, edited)| &edited.new)
    }

    /// Returns the content of a file for editing; `None` if the file does not exist.
    pub(super) fn get_mut(&mut self, file: AccountFile) -> Option<&mut Table> {
        self.files.iter_mut().find(|(known, _)| *known == file).map(|(_, edited)| &mut edited.new)
    }

    /// Writes the files that were edited, one after the other in this order. Returns true if any was.
    ///
    /// # Errors
    ///
    /// A file cannot be written; the files before it in `order` are written.
    pub(super) fn write(&mut self, order: &[AccountFile]) -> Result<bool> {
        let mut written = false;
        for wanted in order {
            let edited = self.files.iter_mut().find(|(file, edited)| file == wanted && edited.old != edited.new);
            let Some((_, edited)) = edited else { continue };
            let (uid, gid) = edited.owner;
            let file = Write { path: &edited.path, content: edited.new.bytes(), mode: edited.mode, uid, gid };
            files::write(self.root, file)?;
            edited.old = edited.new.clone();
            written = true;
        }
        Ok(written)
    }
}

/// The locks of the shadow tools.
#[derive(Debug)]
struct Locks {
    etc: Directory,
    /// The names of the lock files that this process created, with their inodes.
    made: Vec<(String, u64)>,
    _all: OwnedFd,
}

impl Locks {
    fn take(etc: &Directory, files: &[&str], boot: Option<SystemTime>, until: Deadline) -> Result<Self> {
        let all = lock_all(etc, until)?;
        let mut locks = Self { etc: etc.clone(), made: Vec::new(), _all: all };
        for file in files {
            let name = format!("{file}.lock");
            let inode = locks.take_one(&name, boot, until)?;
            locks.made.push((name, inode));
        }
        Ok(locks)
    }

    /// Makes a lock file that names this process. Returns its inode.
    fn take_one(&self, name: &str, boot: Option<SystemTime>, until: Deadline) -> Result<u64> {
        let context = || format!("failed to lock the account files: /etc/{name}");
        let at = place(&self.etc, name);
        loop {
            match make_lock_file(&at) {
                Ok(inode) => return Ok(inode),
                Err(Errno::EXIST) => {}
                Err(cause) => return Err(cause).os_context(context),
            }
            // The creator also held the lock of all files. This process holds that lock now, so the creator has ended.
            if let Some(there) = status(&at).os_context(context)? {
                // This process may have failed to remove its own lock file earlier.
                let is_own = |process: i32| u32::try_from(process) == Ok(std::process::id());
                let is_dead = holder(&at).is_some_and(|process| is_own(process) || !is_alive(process));
                let written = u64::try_from(there.st_mtime).ok().map(|time| UNIX_EPOCH + Duration::from_secs(time));
                let is_old = boot.zip(written).is_some_and(|(boot, written)| written < boot);
                if is_dead || is_old {
                    log::warn!(
                        "removed /etc/{name}: {}",
                        if is_dead { "its process no longer exists" } else { "an earlier boot left it" }
                    );
                    match rustix::fs::unlinkat(&self.etc, name, AtFlags::empty()) {
                        Ok(()) | Err(Errno::NOENT) => continue,
                        Err(cause) => return Err(cause).os_context(context),
                    }
                }
            }
            if until.passed() || signals::stopped() {
                let holder = holder(&at).map(|process| format!(" (process {process})")).unwrap_or_default();
                bail!("failed to lock the account files: another program holds /etc/{name}{holder}");
            }
            std::thread::sleep(until.clip(PAUSE));
        }
    }
}

impl Drop for Locks {
    fn drop(&mut self) {
        for (name, inode) in &self.made {
            if status(&place(&self.etc, name)).is_ok_and(|there| there.is_some_and(|there| there.st_ino == *inode)) {
                // If this fails, the file names a process that has ended, and the next program removes it.
                let _ = rustix::fs::unlinkat(&self.etc, name.as_str(), AtFlags::empty());
            }
        }
    }
}

/// Takes the lock of `lckpwdf(3)`.
fn lock_all(etc: &Directory, until: Deadline) -> Result<OwnedFd> {
    let context = || "failed to lock the account files: /etc/.pwd.lock";
    // `O_NONBLOCK`, because opening a FIFO in place of the lock file would block.
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let file = rustix::fs::openat(etc, ".pwd.lock", flags, Mode::RUSR | Mode::WUSR).os_context(context)?;
    let there = rustix::fs::fstat(&file).os_context(context)?;
    if FileType::from_raw_mode(there.st_mode) != FileType::RegularFile {
        bail!("failed to lock the account files: /etc/.pwd.lock is not a regular file");
    }
    loop {
        match rustix::fs::fcntl_lock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Ok(file),
            Err(Errno::AGAIN | Errno::ACCESS) if !until.passed() && !signals::stopped() => {
                std::thread::sleep(until.clip(PAUSE));
            }
            Err(Errno::AGAIN | Errno::ACCESS) => {
                bail!("failed to lock the account files: another program holds /etc/.pwd.lock");
            }
            Err(Errno::INTR) => {}
            Err(cause) => return Err(cause).os_context(context),
        }
    }
}

/// Returns true if no other program holds the lock of `lckpwdf(3)`. Every program that edits the account files takes
/// it.
pub(super) fn is_unlocked(root: &Root) -> bool {
    let Ok(etc) = root.directory(Path::new("/etc")) else { return false };
    lock_all(&etc, Deadline::after(Duration::ZERO)).is_ok()
}

/// Creates a lock file and returns its inode. The file gets its name only when it is complete, so that no tool reads an
/// empty lock.
fn make_lock_file(at: &Place) -> Result<u64, Errno> {
    // The tools end the number with a zero byte.
    let text = format!("{}\0", std::process::id());
    let (flags, mode) = (OFlags::WRONLY | OFlags::CLOEXEC, Mode::RUSR | Mode::WUSR);
    let nameless = rustix::fs::openat(&at.directory, ".", flags | OFlags::TMPFILE, mode);
    let linked = nameless.and_then(|file| {
        rustix::io::write(&file, text.as_bytes())?;
        let path = format!("/proc/self/fd/{}", file.as_raw_fd());
        rustix::fs::linkat(CWD, path, &at.directory, &at.name, AtFlags::SYMLINK_FOLLOW)?;
        Ok(file)
    });
    let file = match linked {
        // The file system supports no unnamed files or no hard links.
        Err(cause) if cause != Errno::EXIST => {
            let flags = flags | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW;
            let file = rustix::fs::openat(&at.directory, &at.name, flags, mode)?;
            rustix::io::write(&file, text.as_bytes())?;
            file
        }
        result => result?,
    };
    Ok(rustix::fs::fstat(&file)?.st_ino)
}

/// Returns the process ID in a lock file.
fn holder(at: &Place) -> Option<i32> {
    let bytes = files::read_at(at, 64).ok()??;
    std::str::from_utf8(&bytes).ok()?.trim_end_matches(['\0', '\n']).parse().ok()
}

fn is_alive(process: i32) -> bool {
    let Some(process) = rustix::process::Pid::from_raw(process) else { return true };
    rustix::process::test_kill_process(process) != Err(Errno::SRCH)
}

fn place(etc: &Directory, name: &str) -> Place {
    Place { directory: etc.clone(), name: name.into() }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::host::accounts::tests::tree_with;

    fn tree() -> (tempfile::TempDir, Root) {
        let (dir, root) = tree_with(&[("passwd", "root:x:0:0::/:/bin/sh\n"), ("shadow", "root:*:\n")]);
        fs::set_permissions(dir.path().join("etc/shadow"), fs::Permissions::from_mode(0o640)).unwrap();
        (dir, root)
    }

    fn soon() -> Deadline {
        Deadline::after(Duration::from_millis(200))
    }

    fn names(dir: &tempfile::TempDir) -> Vec<String> {
        let entries = fs::read_dir(dir.path().join("etc")).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort_unstable();
        names
    }

    #[test]
    fn edited_files_keep_their_mode_and_no_lock_stays() {
        let (dir, root) = tree();
        let mut files = AccountFiles::lock(&root, soon()).unwrap();
        assert!(names(&dir).contains(&"passwd.lock".to_owned()));
        assert!(files.get(AccountFile::Group).is_none());
        files.get_mut(AccountFile::Shadow).unwrap().append("mary:!:");
        assert!(files.write(&AccountFile::ALL).unwrap());
        assert!(!files.write(&AccountFile::ALL).unwrap());
        drop(files);
        assert_eq!(names(&dir), [".pwd.lock", "passwd", "shadow"]);
        assert_eq!(fs::read_to_string(dir.path().join("etc/shadow")).unwrap(), "root:*:\nmary:!:\n");
        let mode = fs::metadata(dir.path().join("etc/shadow")).unwrap().permissions().mode();
        assert_eq!(mode & 0o7777, 0o640);
    }

    #[test]
    fn a_lock_of_a_live_process_is_respected_and_one_of_a_dead_process_is_removed() {
        let (dir, root) = tree();
        let lock = dir.path().join("etc/shadow.lock");
        fs::write(&lock, "1\0").unwrap();
        let error = AccountFiles::lock(&root, soon()).unwrap_err();
        assert!(error.to_string().contains("holds /etc/shadow.lock (process 1)"), "{error}");
        assert_eq!(names(&dir), [".pwd.lock", "passwd", "shadow", "shadow.lock"]);
        fs::write(&lock, "nobody\n").unwrap();
        AccountFiles::lock(&root, soon()).unwrap_err();
        assert!(lock.exists());
        fs::write(&lock, format!("{}\0", i32::MAX)).unwrap();
        drop(AccountFiles::lock(&root, soon()).unwrap());
        assert!(!lock.exists());
    }

    #[test]
    fn a_fifo_in_place_of_the_lock_does_not_block() {
        let (dir, root) = tree();
        let path = dir.path().join("etc/.pwd.lock");
        rustix::fs::mknodat(CWD, &path, FileType::Fifo, Mode::RWXU, 0).unwrap();
        AccountFiles::lock(&root, soon()).unwrap_err();
        assert!(path.exists());
    }
}
