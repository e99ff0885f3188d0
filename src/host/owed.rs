//! What networkd and systemd are owed: noted before one of their files changes, settled once they have read it.
//!
//! A run can be killed in between, and a restart can fail. The next run finds every file as it should be, and has
//! nothing but this note to know by. It is kept where a reboot forgets it, since all files are read then anyway.
//! A note is locked by the run that made it: while that lives, the rest is its own business.

use std::fs::{self, File, OpenOptions};
use std::io::ErrorKind;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use rustix::fs::{FlockOperation, flock};

use super::lock::{STATE, make_state};

/// What the names of notes begin with; the process tells runs apart. Records end in something else.
const NETWORKD: &str = "networkd-restart-";
const SYSTEMD: &str = "systemd-reload-";

/// What a run notes, and knows of the notes of others.
#[derive(Debug)]
pub struct Owed {
    folder: PathBuf,
    prefix: &'static str,
    /// The note of this run, locked.
    own: Option<(PathBuf, File)>,
}

/// Notes that a restart settles.
#[derive(Debug, Default)]
pub struct Notes(Vec<PathBuf>);

impl Owed {
    /// The restart of networkd.
    pub fn restart_of_networkd() -> Self {
        Self { folder: STATE.into(), prefix: NETWORKD, own: None }
    }

    /// That systemd reads its units again.
    pub fn reload_of_systemd() -> Self {
        Self { folder: STATE.into(), prefix: SYSTEMD, own: None }
    }

    /// Whether this run has noted that it is owed.
    pub const fn is_noted(&self) -> bool {
        self.own.is_some()
    }

    /// Notes that this run owes it.
    ///
    /// # Errors
    ///
    /// It cannot be written.
    pub fn note(&mut self) -> Result<()> {
        if self.own.is_some() {
            return Ok(());
        }
        make_state()?;
        self.note_as(std::process::id())
    }

    fn note_as(&mut self, process: u32) -> Result<()> {
        let path = self.folder.join(format!("{}{process}", self.prefix));
        let what = || format!("failed to write {}", path.display());
        let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&path);
        let file = file.with_context(what)?;
        // Whoever has it looks at it, and no longer.
        flock(&file, FlockOperation::LockExclusive).with_context(what)?;
        self.own = Some((path, file));
        Ok(())
    }

    /// Whether a run that is no more has left a note.
    pub fn is_left(&self) -> bool {
        !self.left().is_empty()
    }

    /// All that is settled by a restart or reload which begins now: the note of this run, and those that others left.
    pub fn notes(&self) -> Notes {
        let own = self.own.iter().map(|(path, _)| path.clone());
        Notes(own.chain(self.left()).collect())
    }

    /// Removes these notes.
    pub fn settle(&mut self, notes: Notes) {
        for path in notes.0 {
            self.own.take_if(|(own, _)| *own == path);
            match fs::remove_file(&path) {
                Err(error) if error.kind() != ErrorKind::NotFound => {
                    log::warn!("failed to remove {}: {error}; it is made up for once more", path.display());
                }
                _ => {}
            }
        }
    }

    /// The note of this run was for nothing.
    pub fn withdraw(&mut self) {
        let own = self.own.iter().map(|(path, _)| path.clone()).collect();
        self.settle(Notes(own));
    }

    fn left(&self) -> Vec<PathBuf> {
        let Ok(entries) = fs::read_dir(&self.folder) else { return Vec::new() };
        let named =
            |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(self.prefix));
        let is_own = |path: &PathBuf| self.own.as_ref().is_some_and(|(own, _)| own == path);
        let paths = entries.flatten().map(|entry| entry.path());
        paths.filter(|path| named(path) && !is_own(path) && is_free(path)).collect()
    }
}

/// Whether the run that locked it is no more.
fn is_free(path: &Path) -> bool {
    let locked = |file: File| flock(&file, FlockOperation::NonBlockingLockShared);
    File::open(path).is_ok_and(|file| locked(file).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_is_left_when_its_run_is_no_more() {
        let folder = tempfile::tempdir().unwrap();
        let owed = || Owed { folder: folder.path().to_owned(), prefix: NETWORKD, own: None };
        let mut other = Owed { prefix: SYSTEMD, ..owed() };
        let (mut first, mut second) = (owed(), owed());
        assert!(!first.is_left());
        first.note_as(1).unwrap();
        assert!(first.is_noted() && !first.is_left(), "its own is none that is left");
        assert!(!second.is_left(), "the first run is there to see to it");
        second.note_as(2).unwrap();
        drop(first);
        assert!(second.is_left());
        assert!(!other.is_left(), "what networkd is owed is no business of systemd's");
        other.note_as(1).unwrap();
        other.withdraw();
        second.settle(second.notes());
        assert!(!second.is_noted() && !second.is_left());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        second.note_as(2).unwrap();
        second.withdraw();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
