//! The markers of a pending daemon-reload and of a pending restart of systemd-networkd.
//!
//! A marker is set before a file changes, and cleared when systemd or networkd has read the file. After an interrupted
//! run, all files may have the wanted content, so only the marker shows that an action is pending. A run locks its own
//! markers: other runs then leave them alone.

use std::fs::{self, File, OpenOptions};
use std::io::ErrorKind;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::Result;
use rustix::fs::{FlockOperation, flock};

use crate::host::lock::{STATE, make_state};
use crate::host::root::{OsContext, OsError};

/// The prefixes of the names of markers. The process ID follows, so no marker has the suffix of a record.
const NETWORKD: &str = "networkd-restart-";
const SYSTEMD: &str = "systemd-reload-";

/// One kind of pending action, with the marker of this run. The markers of interrupted runs are found in the directory.
#[derive(Debug)]
pub struct PendingReload {
    directory: PathBuf,
    prefix: &'static str,
    /// The marker of this run, locked.
    own: Option<(PathBuf, File)>,
}

/// Markers that one reload or restart clears.
#[derive(Debug, Default)]
pub struct Markers(Vec<PathBuf>);

impl PendingReload {
    /// A restart of systemd-networkd.
    pub fn restart_of_networkd() -> Self {
        Self { directory: STATE.into(), prefix: NETWORKD, own: None }
    }

    /// A daemon-reload.
    pub fn reload_of_systemd() -> Self {
        Self { directory: STATE.into(), prefix: SYSTEMD, own: None }
    }

    /// Returns true if this run has set its marker.
    pub const fn is_set(&self) -> bool {
        self.own.is_some()
    }

    /// Sets the marker of this run.
    ///
    /// # Errors
    ///
    /// The marker cannot be written.
    pub fn set(&mut self) -> Result<()> {
        if self.own.is_some() {
            return Ok(());
        }
        make_state()?;
        self.set_as(std::process::id())
    }

    fn set_as(&mut self, process: u32) -> Result<()> {
        let path = self.directory.join(format!("{}{process}", self.prefix));
        let context = || format!("failed to write {}", path.display());
        let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&path);
        let file = file.os_context(context)?;
        // Another run holds the lock only for the moment in which it checks whether this run has ended (`is_free`).
        flock(&file, FlockOperation::LockExclusive).os_context(context)?;
        self.own = Some((path, file));
        Ok(())
    }

    /// Returns true if an interrupted run left a marker.
    pub fn is_left(&self) -> bool {
        !self.markers_left().is_empty()
    }

    /// Returns the markers that an action which begins now will clear: the marker of this run and those of interrupted
    /// runs.
    pub fn markers(&self) -> Markers {
        let own = self.own.iter().map(|(path, _)| path.clone());
        Markers(own.chain(self.markers_left()).collect())
    }

    /// Clears `markers` after their action is done.
    pub fn clear(&mut self, markers: Markers) {
        for path in markers.0 {
            self.own.take_if(|(own, _)| *own == path);
            match fs::remove_file(&path) {
                Err(error) if error.kind() != ErrorKind::NotFound => {
                    let error = OsError::from(error);
                    log::warn!("failed to remove {}: {error}; the next run does its action again", path.display());
                }
                _ => {}
            }
        }
    }

    /// Clears the marker of this run if the file did not change after all.
    pub fn cancel(&mut self) {
        let own = self.own.iter().map(|(path, _)| path.clone()).collect();
        self.clear(Markers(own));
    }

    fn markers_left(&self) -> Vec<PathBuf> {
        let Ok(entries) = fs::read_dir(&self.directory) else { return Vec::new() };
        let named =
            |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(self.prefix));
        let is_own = |path: &PathBuf| self.own.as_ref().is_some_and(|(own, _)| own == path);
        let paths = entries.flatten().map(|entry| entry.path());
        paths.filter(|path| named(path) && !is_own(path) && is_free(path)).collect()
    }
}

/// Returns true if the run that set the marker has ended.
fn is_free(path: &Path) -> bool {
    let locked = |file: File| flock(&file, FlockOperation::NonBlockingLockShared);
    File::open(path).is_ok_and(|file| locked(file).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_marker_is_left_when_its_run_has_ended() {
        let directory = tempfile::tempdir().unwrap();
        let pending = || PendingReload { directory: directory.path().to_owned(), prefix: NETWORKD, own: None };
        let mut other = PendingReload { prefix: SYSTEMD, ..pending() };
        let (mut first, mut second) = (pending(), pending());
        assert!(!first.is_left());
        first.set_as(1).unwrap();
        assert!(first.is_set() && !first.is_left(), "a run does not read its own marker as one that is left");
        assert!(!second.is_left(), "the first run still holds the lock of its marker");
        second.set_as(2).unwrap();
        drop(first);
        assert!(second.is_left());
        assert!(!other.is_left(), "a pending restart of networkd is no pending reload");
        other.set_as(1).unwrap();
        other.cancel();
        second.clear(second.markers());
        assert!(!second.is_set() && !second.is_left());
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
        second.set_as(2).unwrap();
        second.cancel();
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
        // Names that other versions of the program use.
        for name in ["networkd-restart-77", "systemd-reload-77"] {
            fs::write(directory.path().join(name), "").unwrap();
        }
        assert!(pending().is_left() && other.is_left());
    }
}
