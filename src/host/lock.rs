//! The lock that prevents two runs from changing the same machine, or the same tree, at the same time.
//!
//! No other user can open the lock file: a user that could open it could lock it, and thereby block every run.

use std::fs::{File, Metadata, OpenOptions};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use log::Level;
use rustix::fs::{FlockOperation, OFlags, flock};
use rustix::io::{Errno, FdFlags, fcntl_setfd};

use super::root::{OsContext, Root, display_path};
use crate::deadline::Deadline;
use crate::logger::{Event, log_event, progress};

/// The directory for the state of this program that is valid until the next boot.
pub const STATE: &str = "/run/coreos-cloudinit";

/// The message while another run holds the lock.
const WAITING: &str = "waiting for another run to finish";

/// The pause between two attempts while another run holds the lock.
const PAUSE: Duration = Duration::from_millis(50);

/// The environment variable with the runtime directory of a user's session.
const RUNTIME_DIR: &str = "XDG_RUNTIME_DIR";

/// The lock, held until it is dropped. The tools that a run starts inherit it. If the run is killed, the kernel
/// releases the lock only when these tools have ended, so that the next run does not meet them.
#[derive(Debug)]
pub struct Lock {
    file: File,
    /// The lock file of a tree, which is removed at the end: there may be many trees.
    path: Option<PathBuf>,
}

impl Drop for Lock {
    fn drop(&mut self) {
        if let Some(path) = &self.path {
            // A run that waits for the lock notices that the file was removed: see `is_current`.
            let _ = std::fs::remove_file(path);
        }
        // Closing the file alone would not release the lock while a process of a tool has it open.
        let _ = flock(&self.file, FlockOperation::Unlock);
    }
}

impl Lock {
    /// Waits for `limit` to be the only run that changes `root`.
    ///
    /// # Errors
    ///
    /// Another run holds the lock for longer than `limit`, `stop` returns true, or the lock file cannot be created, for
    /// example without root.
    pub fn acquire(root: &Root, limit: Duration, stop: &dyn Fn() -> bool) -> Result<Self> {
        let (mut file, path) = open(root)?;
        let (began, end) = (Instant::now(), Deadline::after(limit));
        let mut waiting = None;
        loop {
            match flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) if path.as_deref().is_none_or(|path| is_current(&file, path)) => {
                    fcntl_setfd(&file, FdFlags::empty()).os_context(|| "failed to pass the lock on to tools")?;
                    return Ok(Self { file, path });
                }
                // The previous run removed the file, so this lock excludes no other run.
                Ok(()) => (file, _) = open(root)?,
                Err(Errno::WOULDBLOCK) => {}
                Err(error) => return Err(error).os_context(|| "failed to acquire the lock"),
            }
            if end.passed() || stop() {
                bail!("another run still holds the lock after {} s", began.elapsed().as_secs());
            }
            if waiting.is_none() {
                let event = Event { waiting: true, ..Event::default() };
                log_event(Level::Info, format_args!("{WAITING}"), &event);
                waiting = Some(progress(|| WAITING.to_owned()));
            }
            thread::sleep(end.clip(PAUSE));
        }
    }
}

/// Opens the file to lock. Also returns its path if the file is removed at the end.
fn open(root: &Root) -> Result<(File, Option<PathBuf>)> {
    if root.is_system() {
        make_state()?;
        return Ok((create(&Path::new(STATE).join("lock"))?, None));
    }
    let (device, inode) = root.identity().os_context(|| "failed to stat the root directory")?;
    let Some(directory) = tree_locks()? else {
        // The user has no private directory for a lock file, so the tree itself is locked.
        let tree =
            root.open_dir(Path::new("/")).with_context(|| format!("failed to open {}", display_path(root.path())))?;
        return Ok((tree.into(), None));
    };
    let path = directory.join(format!("lock-{device}-{inode}"));
    Ok((create(&path)?, Some(path)))
}

/// Returns the directory for the locks of trees: that of root, or the runtime directory of the user.
fn tree_locks() -> Result<Option<PathBuf>> {
    if crate::host::is_root() {
        make_state()?;
        return Ok(Some(STATE.into()));
    }
    let directory = std::env::var_os(RUNTIME_DIR).map(PathBuf::from).filter(|path| path.is_absolute());
    Ok(directory.filter(|path| Root::open(Path::new("/")).is_ok_and(|root| root.private(path).is_ok())))
}

fn create(path: &Path) -> Result<File> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .custom_flags(OFlags::NOFOLLOW.bits().cast_signed())
        .open(path)
        .os_context(|| format!("failed to open {}", path.display()))
}

/// Returns true if `path` still leads to `file`.
fn is_current(file: &File, path: &Path) -> bool {
    let identity = |metadata: Metadata| (metadata.dev(), metadata.ino());
    let there = std::fs::symlink_metadata(path).map(identity).ok();
    there.is_some() && file.metadata().map(identity).ok() == there
}

/// Creates the state directory with mode 0700.
pub(super) fn make_state() -> Result<()> {
    let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(STATE);
    made.os_context(|| format!("failed to create {STATE}"))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn one_holds_it_at_a_time() {
        let tree = tempfile::tempdir().unwrap();
        let root = Root::open(tree.path()).unwrap();
        let acquire = |limit| Lock::acquire(&root, Duration::from_millis(limit), &|| false);
        let first = acquire(0).unwrap();
        assert!(acquire(60).unwrap_err().to_string().contains("another run"));
        drop(first);
        assert!(acquire(0).is_ok());
    }

    #[test]
    fn a_lock_that_is_removed_keeps_out_as_well() {
        let tree = tempfile::tempdir().unwrap();
        let (busy, runs) = (AtomicBool::new(false), AtomicUsize::new(0));
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    let root = Root::open(tree.path()).unwrap();
                    for _ in 0..20 {
                        let _lock = Lock::acquire(&root, Duration::from_secs(60), &|| false).unwrap();
                        assert!(!busy.swap(true, Ordering::SeqCst), "two hold it");
                        runs.fetch_add(1, Ordering::SeqCst);
                        thread::yield_now();
                        busy.store(false, Ordering::SeqCst);
                    }
                });
            }
        });
        assert_eq!(runs.into_inner(), 80);
    }
}
