//! The lock that keeps two runs from changing the same machine at once (spec §1).

use std::fs::{File, OpenOptions};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use log::Level;
use rustix::fs::{FlockOperation, flock};
use rustix::io::{Errno, FdFlags, fcntl_setfd};

use crate::deadline::Deadline;
use crate::logger::{Event, doing, tell};

/// Where this program keeps what does not outlive a boot.
pub const STATE: &str = "/run/coreos-cloudinit";

/// What is said meanwhile.
const WAITING: &str = "waiting for another run to finish";

/// How often it is tried while another run holds the lock.
const PAUSE: Duration = Duration::from_millis(50);

/// The lock, held until it is dropped. The kernel lets it go when its holder dies, and the tools that the holder runs:
/// they have it, too, so that the next run does not meet what a killed one left running.
#[derive(Debug)]
pub struct Lock {
    file: File,
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing would not do, should a tool have left something running.
        let _ = flock(&self.file, FlockOperation::Unlock);
    }
}

impl Lock {
    /// Waits for `limit` to be the only run on this machine, or on `tree`.
    ///
    /// # Errors
    ///
    /// Another run holds it for longer, `stop` says to stop, or it cannot be made: without root, for one.
    pub fn acquire(tree: Option<&Path>, limit: Duration, stop: &dyn Fn() -> bool) -> Result<Self> {
        let file = match tree {
            // The folder itself is locked, so that no file is left in an image.
            Some(tree) => File::open(tree).with_context(|| format!("failed to open {}", tree.display()))?,
            None => state_file()?,
        };
        let end = Deadline::after(limit);
        let mut told = None;
        loop {
            match flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => {
                    fcntl_setfd(&file, FdFlags::empty()).context("failed to share the lock with tools")?;
                    return Ok(Self { file });
                }
                Err(Errno::WOULDBLOCK) => {}
                Err(error) => return Err(error).context("failed to lock out other runs"),
            }
            if end.passed() || stop() {
                bail!("another run still changes this machine after {} s", limit.as_secs());
            }
            if told.is_none() {
                let event = Event { waiting: true, ..Event::default() };
                tell(Level::Info, format_args!("{WAITING}"), &event);
                told = Some(doing(|| WAITING.to_owned()));
            }
            thread::sleep(end.clip(PAUSE));
        }
    }
}

fn state_file() -> Result<File> {
    make_state()?;
    let path = Path::new(STATE).join("lock");
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&path)
        .with_context(|| format!("failed to open {}", path.display()))
}

/// Makes the folder for what does not outlive a boot, open to root only.
pub(super) fn make_state() -> Result<()> {
    let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(STATE);
    made.with_context(|| format!("failed to make {STATE}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_holds_it_at_a_time() {
        let tree = tempfile::tempdir().unwrap();
        let acquire = |limit| Lock::acquire(Some(tree.path()), Duration::from_millis(limit), &|| false);
        let first = acquire(0).unwrap();
        assert!(acquire(60).unwrap_err().to_string().contains("another run"));
        drop(first);
        assert!(acquire(0).is_ok());
    }
}
