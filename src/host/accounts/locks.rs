//! Stale locks of the user databases, left by a power failure.
//!
//! The tools lock `/etc/passwd` with a file `/etc/passwd.lock` that holds their process ID. They take over a lock whose
//! process has ended. After a power failure, however, the file can be empty, or its ID can belong to another process.
//! Then no account can be created until an administrator removes the file.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use anyhow::Result;
use rustix::fs::{AtFlags, FileType};

use super::account_files::is_unlocked;
use crate::host::root::{Place, Root, display_path, status};

const LOCKS: [&str; 6] = [
    "/etc/passwd.lock",
    "/etc/group.lock",
    "/etc/shadow.lock",
    "/etc/gshadow.lock",
    "/etc/subuid.lock",
    "/etc/subgid.lock",
];

/// A lock that is older than this boot.
struct StaleLock {
    path: PathBuf,
    place: Place,
    identity: (u64, u64),
}

/// Runs an operation that needs the locks. If it fails, removes the locks that existed the whole time and are older
/// than this boot, and runs the operation once more.
pub(super) fn with_locks(root: &Root, run: impl Fn() -> Result<()>) -> Result<()> {
    // For a tree, the boot that the locks should be compared with is unknown.
    let old = if root.is_system() { stale_locks(root, boot_time()) } else { Vec::new() };
    run_past_stale(root, old, run)
}

fn run_past_stale(root: &Root, old: Vec<StaleLock>, run: impl Fn() -> Result<()>) -> Result<()> {
    let result = run();
    if result.is_ok() || old.is_empty() {
        return result;
    }
    // Every program that edits the files also holds this lock. While another program holds it, the other locks may be
    // in use.
    if !is_unlocked(root) {
        return result;
    }
    let mut removed = false;
    for lock in old {
        if identity(&lock.place) == Some(lock.identity)
            && rustix::fs::unlinkat(&lock.place.directory, &lock.place.name, AtFlags::empty()).is_ok()
        {
            log::warn!("removed {}, which an earlier boot left", display_path(&lock.path));
            removed = true;
        }
    }
    if removed { run() } else { result }
}

fn stale_locks(root: &Root, boot: SystemTime) -> Vec<StaleLock> {
    let old = |path: &&str| {
        let path = PathBuf::from(*path);
        let place = root.parent(&path, false).ok()?;
        let there = status(&place).ok()??;
        let regular = FileType::from_raw_mode(there.st_mode) == FileType::RegularFile;
        let written = SystemTime::UNIX_EPOCH + Duration::from_secs(u64::try_from(there.st_mtime).ok()?);
        (regular && written < boot).then_some(StaleLock { path, place, identity: (there.st_dev, there.st_ino) })
    };
    LOCKS.iter().filter_map(old).collect()
}

fn identity(place: &Place) -> Option<(u64, u64)> {
    status(place).ok().flatten().map(|there| (there.st_dev, there.st_ino))
}

/// Returns the start of this boot. If it is unknown, returns the epoch, so that no lock counts as stale.
pub(super) fn boot_time() -> SystemTime {
    let uptime = std::fs::read_to_string(Path::new("/proc/uptime")).ok();
    let uptime = uptime.and_then(|text| text.split(['.', ' ']).next()?.parse().ok()).map(Duration::from_secs);
    uptime.and_then(|up| SystemTime::now().checked_sub(up)).unwrap_or(SystemTime::UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::fs;

    use anyhow::bail;

    use super::*;
    use crate::host::accounts::tests::tree_with;

    fn tree() -> (tempfile::TempDir, Root) {
        tree_with(&[("passwd.lock", "")])
    }

    #[test]
    fn an_old_lock_is_removed_once_it_was_in_the_way() {
        let (dir, root) = tree();
        let path = dir.path().join("etc/passwd.lock");
        let old = stale_locks(&root, SystemTime::now() + Duration::from_secs(60));
        let run = || if path.exists() { bail!("locked") } else { Ok(()) };
        run_past_stale(&root, old, run).unwrap();
        let old = stale_locks(&root, SystemTime::now() + Duration::from_secs(60));
        assert!(old.is_empty());
    }

    #[test]
    fn a_lock_of_this_boot_stays() {
        let (dir, root) = tree();
        let old = stale_locks(&root, SystemTime::now() - Duration::from_secs(3600));
        let runs = Cell::new(0);
        let run = || {
            runs.set(runs.get() + 1);
            bail!("locked")
        };
        run_past_stale(&root, old, run).unwrap_err();
        assert_eq!(runs.get(), 1);
        assert!(dir.path().join("etc/passwd.lock").exists());
    }

    #[test]
    fn a_lock_that_was_replaced_meanwhile_stays() {
        let (dir, root) = tree();
        let path = dir.path().join("etc/passwd.lock");
        let old = stale_locks(&root, SystemTime::now() + Duration::from_secs(60));
        let run = || {
            fs::write(dir.path().join("etc/new"), "1").unwrap();
            fs::rename(dir.path().join("etc/new"), &path).unwrap();
            bail!("locked")
        };
        run_past_stale(&root, old, run).unwrap_err();
        assert!(path.exists());
    }

    #[test]
    fn this_boot_began_in_the_past() {
        assert!(boot_time() < SystemTime::now());
        assert!(boot_time() > SystemTime::UNIX_EPOCH);
    }
}
