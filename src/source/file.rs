//! User-data from a file (spec §10).

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::Path;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::Fetched;
use crate::deadline::Deadline;
use crate::parts::USER_DATA_MAX;

/// The first pause between two looks, doubled after each.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// The longest pause between two looks.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Reads `path`, waiting for it to appear until `patience` ends; `stop` says that waiting is over.
pub fn fetch(path: &Path, patience: Deadline, stop: &dyn Fn() -> bool) -> Result<Fetched> {
    let name = path.display().to_string();
    let mut pause = FIRST_PAUSE;
    while !path.try_exists().with_context(|| format!("failed to look for {name}"))? {
        if patience.passed() || stop() {
            // Who did not wait has nothing to say of time.
            let waited = if pause == FIRST_PAUSE { "" } else { "no datasources available in time: " };
            bail!("{waited}{name} does not exist");
        }
        if pause == FIRST_PAUSE {
            log::info!("waiting for {name} to appear");
        }
        doze(patience.clip(pause), stop);
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
    Ok(Fetched { bytes: read(path, patience)?, name })
}

/// Sleeps, but not past the moment when `stop` says so.
fn doze(time: Duration, stop: &dyn Fn() -> bool) {
    let end = Deadline::after(time);
    while !end.passed() && !stop() {
        thread::sleep(end.clip(Duration::from_millis(200)));
    }
}

/// Reads all of `path`, which may be a pipe: one whose other end stays silent does not hold up the run.
fn read(path: &Path, patience: Deadline) -> Result<Vec<u8>> {
    let (sender, receiver) = channel();
    let owned = path.to_owned();
    // The thread is left behind where it waits for a pipe; it ends with the program.
    thread::spawn(move || {
        let mut bytes = Vec::new();
        let limit = USER_DATA_MAX as u64 + 1;
        let read = File::open(&owned).and_then(|file| file.take(limit).read_to_end(&mut bytes));
        // Nobody listens any more when the wait was too long.
        let _ = sender.send(read.map(|_| bytes));
    });
    let patience = patience.left().max(Duration::from_secs(1));
    match receiver.recv_timeout(patience) {
        Ok(Ok(bytes)) if bytes.len() > USER_DATA_MAX => bail!("{} is more than 16 MiB", path.display()),
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(error)) if error.kind() == ErrorKind::IsADirectory => {
            bail!("{} is a folder, not a file", path.display())
        }
        Ok(Err(error)) => Err(error).with_context(|| format!("failed to read {}", path.display())),
        Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
            bail!("gave up reading {}: nothing came in time", path.display())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn soon() -> Deadline {
        Deadline::after(Duration::from_millis(300))
    }

    #[test]
    fn reads_a_file() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(b"#cloud-config\n").unwrap();
        let fetched = fetch(file.path(), soon(), &|| false).unwrap();
        assert_eq!(fetched.bytes, b"#cloud-config\n");
        assert_eq!(fetched.name, file.path().display().to_string());
    }

    #[test]
    fn waits_for_a_file_to_appear() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("late");
        let writer = {
            let path = path.clone();
            thread::spawn(move || {
                thread::sleep(Duration::from_millis(250));
                std::fs::write(path, "x").unwrap();
            })
        };
        let fetched = fetch(&path, Deadline::after(Duration::from_secs(20)), &|| false);
        writer.join().unwrap();
        assert!(fetched.is_ok(), "{fetched:?}");
    }

    #[test]
    fn what_cannot_be_read_is_an_error_in_time() {
        let folder = tempfile::tempdir().unwrap();
        let error = |path: &Path| fetch(path, soon(), &|| false).unwrap_err().to_string();
        let missing = folder.path().join("none");
        assert_eq!(error(&missing), format!("no datasources available in time: {} does not exist", missing.display()));
        let at_once = fetch(&missing, Deadline::after(Duration::ZERO), &|| false).unwrap_err();
        assert_eq!(at_once.to_string(), format!("{} does not exist", missing.display()));
        assert!(error(folder.path()).contains("is a folder"));
        let big = folder.path().join("big");
        File::create(&big).unwrap().set_len(USER_DATA_MAX as u64 + 1).unwrap();
        assert!(error(&big).contains("more than 16 MiB"));
    }

    #[test]
    fn waiting_ends_when_told() {
        let folder = tempfile::tempdir().unwrap();
        let error = fetch(&folder.path().join("none"), Deadline::after(Duration::from_secs(60)), &|| true);
        assert!(error.is_err());
    }
}
