//! Writes many files at once: they are filled one by one, flushed in parallel, then renamed into place.
//!
//! A flush waits for the disk; sixteen parallel flushes share most of that wait. `syncfs` would also flush the data of
//! all other programs, which can take minutes.

use std::collections::{HashMap, HashSet};
use std::ffi::OsStr;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use anyhow::{Context, Result};
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use rustix::process::{Resource, Rlimit};

use super::compare::ExistingFile;
use super::leftover::{self, Leftover};
use super::temp::Temp;
use super::{Write, compare};
use crate::host::crash_markers::{TemporaryFiles, TemporaryKind};
use crate::host::root::{Directory, OsContext, Place, Root, display_path, name_of};
use crate::outcome::StepResult;

/// The largest number of files that are open at a time.
const BATCH: usize = 512;

/// The number of files that are flushed at a time.
const FLUSHERS: usize = 16;

/// The highest number of leftovers that are kept in case this run writes their files.
const MOST_LEFTOVERS: usize = 1024;

/// The number of descriptors that a full batch needs: two per file, for the file and its directory, and some for
/// everything else.
const DESCRIPTORS: u64 = 2048;

/// The magic numbers (`statfs`) of file systems in memory: a reboot empties them, so nothing needs to be flushed.
const TMPFS: i64 = 0x0102_1994;
const RAMFS: i64 = 0x8584_58f6;

/// Writes every file that differs from the wanted one. Returns a result for each file, in order.
///
/// Missing directories are created. The result is the same as that of writing the files one after the other: of two
/// files with the same path, the last one remains. An error affects only its own file, and removes its temporary file.
/// Temporary files of interrupted runs in the same directories are removed, so the caller must hold the lock.
pub fn write_all(root: &Root, files: &[Write<'_>]) -> Vec<Result<StepResult>> {
    write_batch(root, files, Some(TemporaryFiles::new(root)))
}

/// Writes one file without the lock, to a path that no other process uses. Temporary files of other runs are not
/// removed.
///
/// # Errors
///
/// The errors of [`write_all`].
pub fn write_unlocked(root: &Root, file: Write<'_>) -> Result<StepResult> {
    write_batch(root, &[file], None).pop().unwrap_or(Ok(StepResult::Unchanged))
}

fn write_batch<'r>(
    root: &'r Root,
    files: &'r [Write<'r>],
    markers: Option<TemporaryFiles<'r>>,
) -> Vec<Result<StepResult>> {
    let mut batch = Batch {
        root,
        files,
        most: raise_limit(),
        results: Vec::new(),
        directories: HashMap::new(),
        staged: Vec::new(),
        markers,
        searched: HashSet::new(),
        leftovers: Vec::new(),
    };
    for file in files {
        let result = batch.add(file);
        batch.results.push(result);
    }
    batch.finish();
    let named = |(result, file): (Result<StepResult>, &Write<'_>)| {
        result.with_context(|| format!("failed to write {}", display_path(file.path)))
    };
    batch.results.into_iter().zip(files).map(named).collect()
}

/// Flushes the entries of a directory to disk.
pub(super) fn flush_directory(directory: &Directory) -> Result<(), Errno> {
    if in_memory(directory) {
        return Ok(());
    }
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let readable = rustix::fs::openat(directory, ".", flags, Mode::empty())?;
    match rustix::fs::fsync(readable) {
        // Some file systems cannot flush a directory.
        Err(Errno::INVAL | Errno::NOTSUP) => Ok(()),
        result => result,
    }
}

/// Returns true if the file is on a file system that a reboot empties.
pub(super) fn in_memory(file: impl AsFd) -> bool {
    rustix::fs::fstatfs(file).is_ok_and(|system| [TMPFS, RAMFS].contains(&system.f_type))
}

/// The device and inode of a directory, which identify it independently of its path.
type Identity = (u64, u64);

struct Batch<'r> {
    root: &'r Root,
    files: &'r [Write<'r>],
    /// The largest number of files in the batch.
    most: usize,
    /// The results of all files so far. The result of a staged file is the one it has if it gets to its place.
    results: Vec<Result<StepResult>>,
    /// The opened directories: the path of each is walked only once.
    directories: HashMap<PathBuf, OpenedDirectory>,
    staged: Vec<Staged>,
    /// The markers of temporary files. `None` without the lock; directories are then not searched for leftovers.
    markers: Option<TemporaryFiles<'r>>,
    /// The directories that were searched for leftovers.
    searched: HashSet<Identity>,
    /// The leftovers in directories of other users. One is removed only if this run writes the same file for the same
    /// owner.
    leftovers: Vec<(Identity, Leftover)>,
}

/// An opened directory.
struct OpenedDirectory {
    directory: Directory,
    identity: Identity,
    /// True if a reboot empties it.
    in_memory: bool,
}

/// A complete file under no name or a temporary name.
struct Staged {
    /// The index of the file in `Batch::files` and `Batch::results`.
    index: usize,
    temp: Temp,
    /// The final place of the file.
    place: Place,
    identity: Identity,
    /// True if the file is on a file system in memory.
    in_memory: bool,
}

impl Batch<'_> {
    /// Fills a temporary file, unless `file` already exists with the wanted content, mode and owner.
    fn add(&mut self, file: &Write<'_>) -> Result<StepResult> {
        if self.staged.len() >= self.most || self.directories.len() >= self.most {
            self.finish();
        }
        let (mut place, visited) = self.find(file.path)?;
        let identity = visited.identity;
        if self.staged.iter().any(|other| other.identity == identity && other.place.name == place.name) {
            // The batch already has this file, perhaps by another path. The first version has to be in its place before
            // the comparison.
            self.finish();
            place = self.find(file.path)?.0;
        }
        let wanted = compare::WantedFile { content: file.content, mode: file.mode, uid: file.uid, gid: Some(file.gid) };
        let found = compare::existing_file(&place, &wanted)?;
        self.remove_leftovers(identity, &place, file.uid);
        if found == ExistingFile::Same {
            return Ok(StepResult::Unchanged);
        }
        let in_memory = self.find(file.path)?.1.in_memory;
        let mark = |name: &OsStr| {
            set_marker(&mut self.markers, file, name);
            Ok(())
        };
        let mut temp = Temp::create(&place, found == ExistingFile::Other, mark)?;
        temp.fill(file.content, Some((file.uid, file.gid)), file.mode)?;
        self.staged.push(Staged { index: self.results.len(), temp, place, identity, in_memory });
        Ok(StepResult::Done)
    }

    fn find(&mut self, path: &Path) -> Result<(Place, &mut OpenedDirectory)> {
        let parent = path.parent().unwrap_or(Path::new(""));
        if !self.directories.contains_key(parent) {
            let directory = self.root.parent(path, true)?.directory;
            let status = rustix::fs::fstat(&directory).os_context(|| "failed to stat its directory")?;
            let identity = (status.st_dev, status.st_ino);
            let in_memory = in_memory(&directory);
            self.search(&directory, identity);
            self.directories.insert(parent.to_owned(), OpenedDirectory { directory, identity, in_memory });
        }
        let visited = self.directories.get_mut(parent).context("the directory was just walked to")?;
        Ok((Place { directory: Arc::clone(&visited.directory), name: name_of(path)? }, visited))
    }

    /// Removes the leftovers in a directory of root or of this user, and records those in other directories. A
    /// directory is searched before the batch writes to it, so the leftovers cannot be files of this batch.
    fn search(&mut self, directory: &Directory, identity: Identity) {
        if self.markers.is_none() || !self.searched.insert(identity) {
            return;
        }
        for found in leftover::search(directory, TemporaryKind::File) {
            if leftover::is_own(found.uid) {
                leftover::remove(directory, &found.name, found.uid, TemporaryKind::File);
            } else if self.leftovers.len() < MOST_LEFTOVERS {
                self.leftovers.push((identity, found));
            }
        }
    }

    /// Removes the leftovers of the file at `place` that were written for the user `uid`.
    fn remove_leftovers(&mut self, identity: Identity, place: &Place, uid: u32) {
        self.leftovers.retain(|(directory, found)| {
            let matches = *directory == identity && found.uid == uid && leftover::is_of(&found.name, &place.name);
            if matches {
                leftover::remove(&place.directory, &found.name, uid, TemporaryKind::File);
            }
            !matches
        });
    }

    /// Flushes the staged files and renames them into place.
    fn finish(&mut self) {
        let flushed = flush_all(&self.staged);
        let mut placed: HashMap<Identity, (Directory, Vec<usize>)> = HashMap::new();
        for (staged, flushed) in self.staged.drain(..).zip(flushed) {
            let Staged { index, temp, place, identity, .. } = staged;
            let mark = |name: &OsStr| {
                set_marker(&mut self.markers, &self.files[index], name);
                Ok(())
            };
            match flushed.os_context(|| "failed to flush it to disk").and_then(|()| temp.take_place(mark)) {
                Ok(()) => placed.entry(identity).or_insert_with(|| (place.directory, Vec::new())).1.push(index),
                Err(error) => self.results[index] = Err(error),
            }
        }
        for (directory, indices) in placed.into_values() {
            if let Err(cause) = flush_directory(&directory) {
                for index in indices {
                    self.results[index] = Err(cause).os_context(|| "failed to flush its directory to disk");
                }
            }
        }
        self.directories.clear();
    }
}

fn set_marker(markers: &mut Option<TemporaryFiles<'_>>, file: &Write<'_>, name: &OsStr) {
    if let Some(markers) = markers {
        markers.set(file.path, name, file.uid, TemporaryKind::File);
    }
}

/// Flushes all files, several in parallel. Returns the result of each file.
fn flush_all(staged: &[Staged]) -> Vec<Result<(), Errno>> {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut failed = Vec::new();
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(file) = staged.get(index) else { return failed };
            if !file.in_memory
                && let Err(cause) = file.temp.flush()
            {
                failed.push((index, cause));
            }
        }
    };
    let mut failed = Vec::new();
    thread::scope(|scope| {
        // This thread also flushes files, so all files are flushed even if no thread can be started.
        let spawn = |_| thread::Builder::new().spawn_scoped(scope, work).ok();
        let helpers: Vec<_> = (1..FLUSHERS.min(staged.len())).map_while(spawn).collect();
        failed.extend(work());
        for helper in helpers {
            // It is unknown which files a panicked thread has flushed, so all files count as failed.
            let unknown = |_| (0..staged.len()).map(|index| (index, Errno::IO)).collect();
            failed.extend(helper.join().unwrap_or_else(unknown));
        }
    });
    let mut results = vec![Ok(()); staged.len()];
    for (index, cause) in failed {
        results[index] = Err(cause);
    }
    results
}

/// Raises the limit of open files as far as a batch needs, and returns the largest number of files of a batch.
fn raise_limit() -> usize {
    let Rlimit { current, maximum } = rustix::process::getrlimit(Resource::Nofile);
    // `None` means unlimited.
    let mut limit = current.unwrap_or(u64::MAX);
    if limit < DESCRIPTORS {
        let wanted = DESCRIPTORS.min(maximum.unwrap_or(u64::MAX));
        if rustix::process::setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum }).is_ok() {
            limit = wanted;
        }
    }
    usize::try_from(limit / 4).unwrap_or(BATCH).clamp(1, BATCH)
}
