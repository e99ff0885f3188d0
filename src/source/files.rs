//! Reads files of a platform within limits of size and time: a mount can hang, and a pipe can stay silent.

use std::fs::File;
use std::io::{ErrorKind, IoSliceMut, Read};
use std::os::fd::AsRawFd;
use std::path::Path;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use anyhow::{Result, anyhow, bail};
use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, ResolveFlags, StatxFlags};
use rustix::io::ReadWriteFlags;

use super::{Availability, Context};
use crate::contain::{contain, detach};
use crate::deadline::Deadline;
use crate::deadline::Limits;
use crate::os_error::{OsContext, OsError};
use cloud_config::user_data::USER_DATA_MAX;

/// The interval at which a read checks whether the run was asked to stop.
const SLICE: Duration = Duration::from_millis(100);

/// The largest number of directory entries that are read.
const ENTRIES_MAX: usize = 1000;

/// The kinds of files that are read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum FileKind {
    /// Any readable object, including a pipe.
    Any,
    /// Only a regular file: reading a pipe could block.
    Regular,
}

/// Returns the availability of the file or directory at `path`.
pub fn exists(path: &Path) -> Availability {
    let name = path.display();
    match path.try_exists() {
        Ok(true) => Availability::Here,
        Ok(false) => Availability::NotYet(format!("{name} does not exist")),
        Err(error) => Availability::NotYet(format!("failed to look for {name}: {}", OsError::from(error))),
    }
}

/// Returns true if the file at `path` can be opened without blocking.
pub fn is_at_hand(path: &Path) -> bool {
    file_at_hand(path).is_some()
}

/// Returns the availability of the directory at `path`.
pub fn is_directory(path: &Path) -> Availability {
    match exists(path) {
        Availability::Here if !path.is_dir() => Availability::NotYet(format!("{} is not a directory", path.display())),
        other => other,
    }
}

/// Reads the file or pipe that the user named.
pub fn read_named(path: &Path, cx: &Context<'_>) -> Result<Vec<u8>> {
    let missing = || anyhow!("{} does not exist", path.display());
    // A file that appeared just before the deadline is still read.
    let deadline = Deadline::after(cx.setup.deadline.remaining().max(Duration::from_secs(1)));
    read(path, None, FileKind::Any, Limits { deadline, stop: cx.stop })?.ok_or_else(missing)
}

/// Reads a file of the platform; returns `None` if it does not exist.
pub fn read_part(path: &Path, cx: &Context<'_>) -> Result<Option<Vec<u8>>> {
    let deadline = Deadline::after(cx.setup.deadline.clip(cx.setup.policy.read));
    read(path, None, FileKind::Regular, Limits { deadline, stop: cx.stop })
}

/// Reads a file below `directory`, unless a link leads out of it.
pub fn read_beneath(directory: &Path, path: &Path, cx: &Context<'_>) -> Result<Option<Vec<u8>>> {
    let deadline = Deadline::after(cx.setup.deadline.clip(cx.setup.policy.read));
    read(path, Some(directory), FileKind::Regular, Limits { deadline, stop: cx.stop })
}

/// Lists the directory `path` below `directory`, unless a link leads out of it. The names are sorted; those of
/// directories end with `/`.
pub fn list_beneath(directory: &Path, path: &Path, cx: &Context<'_>) -> Result<Option<Vec<String>>> {
    let deadline = Deadline::after(cx.setup.deadline.clip(cx.setup.policy.read));
    let (owned, beneath) = (path.to_owned(), directory.to_owned());
    let work = move || list_all(&owned, &beneath);
    in_thread(path, Some(directory), Limits { deadline, stop: cx.stop }, work)
}

fn read(path: &Path, beneath: Option<&Path>, kind: FileKind, limits: Limits<'_>) -> Result<Option<Vec<u8>>> {
    // Resolving links may block, so it is left to the thread.
    if beneath.is_none()
        && let Some(bytes) = read_at_hand(path)
    {
        return bounded(path, bytes);
    }
    let (owned, directory) = (path.to_owned(), beneath.map(Path::to_owned));
    let work = move || read_all(&owned, directory.as_deref(), kind);
    in_thread(path, beneath, limits, work)?.map_or(Ok(None), |bytes| bounded(path, bytes))
}

/// Runs `work` on `path` in a thread. A thread that waits for a pipe or a mount is abandoned at the time limit, and
/// ends with the program. Returns `None` if `path` does not exist.
fn in_thread<T: Send + 'static>(
    path: &Path,
    beneath: Option<&Path>,
    limits: Limits<'_>,
    work: impl FnOnce() -> std::io::Result<T> + Send + 'static,
) -> Result<Option<T>> {
    let name = path.display();
    let (sender, receiver) = channel();
    detach("reader of a file", move || {
        let done = contain(work);
        // The receiver is gone after the time limit.
        let _ = sender.send(done.unwrap_or_else(|| Err(std::io::Error::other("internal error"))));
    })
    .os_context(|| format!("failed to start a thread that reads {name}"))?;
    loop {
        match receiver.recv_timeout(limits.deadline.clip(SLICE).max(Duration::from_millis(1))) {
            Ok(Ok(found)) => return Ok(Some(found)),
            Ok(Err(error)) => match error.kind() {
                ErrorKind::NotFound | ErrorKind::NotADirectory => return Ok(None),
                ErrorKind::IsADirectory => bail!("{name} is a directory, not a file"),
                ErrorKind::InvalidInput => bail!("{name} is not a file"),
                ErrorKind::CrossesDevices => {
                    bail!("{name} is a link that leads out of {}", beneath.unwrap_or(path).display())
                }
                _ => return Err(error).os_context(|| format!("failed to read {name}")),
            },
            Err(RecvTimeoutError::Timeout) if limits.expired_reason().is_none() => {}
            Err(_) if (limits.stop)() => bail!("failed to read {name}: stopped by a signal"),
            Err(_) => bail!("failed to read {name}: timed out"),
        }
    }
}

fn bounded(path: &Path, bytes: Vec<u8>) -> Result<Option<Vec<u8>>> {
    if bytes.len() > USER_DATA_MAX {
        bail!("{} is more than 16 MiB", path.display());
    }
    Ok(Some(bytes))
}

/// Opens a file if that does not block: the kernel has cached its path, and it is on a disk.
///
/// Most runs therefore need no thread. A file system without a disk may be remote. An object other than a file may be a
/// pipe, whose writer would notice that it is opened.
fn file_at_hand(path: &Path) -> Option<(File, usize)> {
    let (flags, mode) = (OFlags::PATH | OFlags::CLOEXEC, Mode::empty());
    let place = rustix::fs::openat2(CWD, path, flags, mode, ResolveFlags::CACHED).ok()?;
    let flags = AtFlags::EMPTY_PATH | AtFlags::STATX_DONT_SYNC;
    let known = rustix::fs::statx(&place, c"", flags, StatxFlags::TYPE | StatxFlags::SIZE).ok()?;
    if FileType::from_raw_mode(known.stx_mode.into()) != FileType::RegularFile || known.stx_dev_major == 0 {
        return None;
    }
    let path = format!("/proc/self/fd/{}", place.as_raw_fd());
    let file = rustix::fs::open(path, OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC, mode).ok()?;
    Some((file.into(), usize::try_from(known.stx_size).ok()?))
}

/// Reads a file if the kernel has cached all of it, up to one byte more than the limit.
fn read_at_hand(path: &Path) -> Option<Vec<u8>> {
    let (file, size) = file_at_hand(path)?;
    let mut bytes = vec![0; size.min(USER_DATA_MAX) + 1];
    let mut read = 0;
    while read < bytes.len() {
        let rest = &mut [IoSliceMut::new(&mut bytes[read..])];
        match rustix::io::preadv2(&file, rest, read as u64, ReadWriteFlags::NOWAIT) {
            Ok(0) => break,
            Ok(more) => read += more,
            Err(_) => return None,
        }
    }
    // The file is growing, so a thread has to read the rest.
    if read > size {
        return (size >= USER_DATA_MAX).then_some(bytes);
    }
    bytes.truncate(read);
    Some(bytes)
}

/// Returns an error if a link in `path` leads out of `beneath`.
fn stay_beneath(path: &Path, beneath: Option<&Path>) -> std::io::Result<()> {
    if let Some(directory) = beneath
        && let Ok((path, directory)) = path.canonicalize().and_then(|path| Ok((path, directory.canonicalize()?)))
        && !path.starts_with(directory)
    {
        return Err(ErrorKind::CrossesDevices.into());
    }
    Ok(())
}

fn list_all(path: &Path, beneath: &Path) -> std::io::Result<Vec<String>> {
    stay_beneath(path, Some(beneath))?;
    let mut names = Vec::new();
    for entry in path.read_dir()?.take(ENTRIES_MAX) {
        let entry = entry?;
        let end = if entry.file_type()?.is_dir() { "/" } else { "" };
        names.push(format!("{}{end}", entry.file_name().to_string_lossy()));
    }
    names.sort_unstable();
    Ok(names)
}

/// Reads one byte more than the limit, so that the caller can detect a file that is too large.
fn read_all(path: &Path, beneath: Option<&Path>, kind: FileKind) -> std::io::Result<Vec<u8>> {
    stay_beneath(path, beneath)?;
    // Another kind of object is not opened, because opening a pipe would wait for its writer.
    let metadata = path.metadata()?;
    if kind == FileKind::Regular && !metadata.is_file() {
        return Err(if metadata.is_dir() { ErrorKind::IsADirectory } else { ErrorKind::InvalidInput }.into());
    }
    // A regular file is read in one piece. Files of the kernel have the size 0.
    let size = usize::try_from(metadata.len()).unwrap_or(USER_DATA_MAX).min(USER_DATA_MAX);
    let mut bytes = Vec::with_capacity(if metadata.is_file() { size + 1 } else { 0 });
    File::open(path)?.take(USER_DATA_MAX as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn the_file_at_hand_is_the_named_one() {
        // Without a disk below the file system, all files would be read in threads.
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        let mut read_at_once = 0;
        for size in [0, 1, 4096, USER_DATA_MAX, USER_DATA_MAX + 1, USER_DATA_MAX + 5000] {
            fs::write(&path, vec![b'x'; size]).unwrap();
            let there = fs::read(&path).unwrap();
            let at_hand = read_at_hand(&path);
            read_at_once += usize::from(at_hand.is_some());
            for read in [at_hand, read_all(&path, None, FileKind::Any).ok()].into_iter().flatten() {
                assert_eq!(read.len(), size.min(USER_DATA_MAX + 1));
                assert!(there.starts_with(&read));
            }
        }
        // A new file is cached, unless the kernel has already evicted a page of it.
        let (ext4, xfs) = (0xef53, 0x5846_5342);
        if [ext4, xfs].contains(&rustix::fs::statfs(directory.path()).unwrap().f_type) {
            assert!(read_at_once > 3, "{read_at_once}");
        }
    }

    #[test]
    fn an_object_that_may_block_is_not_at_hand() {
        let directory = tempfile::tempdir().unwrap();
        let pipe = directory.path().join("pipe");
        rustix::fs::mkfifoat(CWD, &pipe, Mode::RWXU).unwrap();
        for path in [
            &pipe,
            directory.path(),
            &directory.path().join("nothing"),
            Path::new("/dev/zero"),
            Path::new("/proc/1/environ"),
        ] {
            assert!(!is_at_hand(path), "{path:?}");
            assert_eq!(read_at_hand(path), None, "{path:?}");
        }
    }
}
