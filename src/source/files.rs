//! Files as a platform lays them out: bounded in size, and in time, since a mount can hang and a pipe stay silent.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::Path;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail};

use super::{Availability, Context, Limits};
use crate::deadline::Deadline;
use crate::parts::USER_DATA_MAX;

/// How often a read looks up to see whether the run was told to stop.
const SLICE: Duration = Duration::from_millis(100);

/// What is read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Anything that gives bytes, a pipe too.
    Any,
    /// A file, and nothing that could stay silent.
    Regular,
}

/// Whether there is something at `path`.
pub fn exists(path: &Path) -> Availability {
    let name = path.display();
    match path.try_exists() {
        Ok(true) => Availability::Here,
        Ok(false) => Availability::NotYet(format!("{name} does not exist")),
        Err(error) => Availability::NotYet(format!("failed to look for {name}: {}", error.kind())),
    }
}

/// Whether there is a folder at `path`.
pub fn is_folder(path: &Path) -> Availability {
    match exists(path) {
        Availability::Here if !path.is_dir() => Availability::NotYet(format!("{} is not a folder", path.display())),
        other => other,
    }
}

/// Reads what the user named: a file or a pipe.
pub fn read_named(path: &Path, cx: &Context<'_>) -> Result<Vec<u8>> {
    let missing = || anyhow!("{} does not exist", path.display());
    // What came at the last moment is still read.
    let deadline = Deadline::after(cx.setup.deadline.left().max(Duration::from_secs(1)));
    read(path, Kind::Any, Limits { deadline, stop: cx.stop })?.ok_or_else(missing)
}

/// Reads a file of the platform's, if it is there.
pub fn read_part(path: &Path, cx: &Context<'_>) -> Result<Option<Vec<u8>>> {
    let deadline = Deadline::after(cx.setup.deadline.clip(cx.setup.policy.read));
    read(path, Kind::Regular, Limits { deadline, stop: cx.stop })
}

fn read(path: &Path, kind: Kind, limits: Limits<'_>) -> Result<Option<Vec<u8>>> {
    let name = path.display();
    let (sender, receiver) = channel();
    let owned = path.to_owned();
    // The thread is left behind where it waits for a pipe or a mount; it ends with the program.
    thread::spawn(move || {
        // Nobody listens any more when the wait was too long.
        let _ = sender.send(read_all(&owned, kind));
    });
    loop {
        match receiver.recv_timeout(limits.deadline.clip(SLICE).max(Duration::from_millis(1))) {
            Ok(Ok(bytes)) if bytes.len() > USER_DATA_MAX => bail!("{name} is more than 16 MiB"),
            Ok(Ok(bytes)) => return Ok(Some(bytes)),
            Ok(Err(error)) => match error.kind() {
                ErrorKind::NotFound => return Ok(None),
                ErrorKind::IsADirectory => bail!("{name} is a folder, not a file"),
                ErrorKind::InvalidInput => bail!("{name} is not a file"),
                _ => return Err(error).with_context(|| format!("failed to read {name}")),
            },
            Err(RecvTimeoutError::Timeout) if limits.over().is_none() => {}
            Err(_) if (limits.stop)() => bail!("gave up reading {name}: stopped"),
            Err(_) => bail!("gave up reading {name}: nothing came in time"),
        }
    }
}

/// Reads one byte more than there may be, so that too many are seen.
fn read_all(path: &Path, kind: Kind) -> std::io::Result<Vec<u8>> {
    // What is no file is not even opened: a pipe would wait for its other end.
    let metadata = path.metadata()?;
    if kind == Kind::Regular && !metadata.is_file() {
        return Err(if metadata.is_dir() { ErrorKind::IsADirectory } else { ErrorKind::InvalidInput }.into());
    }
    // What has a size is read in one piece; a file of the kernel's says that it has none.
    let size = usize::try_from(metadata.len()).unwrap_or(USER_DATA_MAX).min(USER_DATA_MAX);
    let mut bytes = Vec::with_capacity(if metadata.is_file() { size + 1 } else { 0 });
    File::open(path)?.take(USER_DATA_MAX as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}
