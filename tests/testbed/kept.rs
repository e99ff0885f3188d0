//! A cache of directories that are slow to build. It is under `target/testbed/`, and shared by all test runs.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use sha2::{Digest, Sha256};

/// Returns the directory of the cache.
pub fn home() -> PathBuf {
    target().join("testbed")
}

/// Returns Cargo's target directory.
pub fn target() -> &'static Path {
    // The program is at PROFILE/NAME below the target directory, wherever that is.
    let target = Path::new(super::PROGRAM).parent().and_then(Path::parent);
    target.expect("the program has two directories above it")
}

/// A cached directory, which is not removed while this value exists.
pub struct Kept {
    /// The path.
    pub path: PathBuf,
    _lock: File,
}

impl Kept {
    /// Finds the directory `KIND-NAME-KEY`, or calls `build` with the path at which to create it.
    ///
    /// The key is a hash of `recipe`. Directories of the same kind and name with another key are removed, unless a
    /// process uses them.
    pub fn get(
        kind: &str,
        name: &str,
        recipe: &[&str],
        build: impl FnOnce(&Path) -> Result<(), String>,
    ) -> Result<Self, String> {
        let home = home();
        fs::create_dir_all(&home).map_err(|e| format!("failed to make {}: {e}", home.display()))?;
        let prefix = format!("{kind}-{name}-");
        let name = format!("{prefix}{}", key(recipe));
        let path = home.join(&name);
        let lock = lock_file(&home, &name)?;
        lock.lock_shared().map_err(|e| format!("failed to lock the {kind}: {e}"))?;
        if !path.exists() {
            lock.unlock().and_then(|()| lock.lock()).map_err(|e| format!("failed to lock the {kind}: {e}"))?;
            // Another process may have built it while this one waited for the lock.
            if !path.exists() {
                remove_others(&home, &prefix, &name);
                make(&path, build)?;
            }
            lock.unlock().and_then(|()| lock.lock_shared()).map_err(|e| format!("failed to lock the {kind}: {e}"))?;
        }
        Ok(Self { path, _lock: lock })
    }
}

fn make(path: &Path, build: impl FnOnce(&Path) -> Result<(), String>) -> Result<(), String> {
    let new = path.with_extension("new");
    // No other process builds it, because this one has the lock. Remains are from a build that was killed.
    let _ = fs::remove_dir_all(&new);
    if let Err(reason) = build(&new) {
        let _ = fs::remove_dir_all(&new);
        return Err(reason);
    }
    fs::rename(&new, path).map_err(|e| format!("failed to rename {}: {e}", new.display()))
}

fn lock_file(home: &Path, name: &str) -> Result<File, String> {
    let path = home.join(format!("{name}.lock"));
    File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .map_err(|e| format!("failed to open {}: {e}", path.display()))
}

fn key(recipe: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in recipe {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    hash.finalize().iter().take(6).fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Removes directories of older recipes and remains of killed builds, unless a process uses them.
fn remove_others(home: &Path, prefix: &str, name: &str) {
    for entry in fs::read_dir(home).into_iter().flatten().flatten() {
        let Ok(other) = entry.file_name().into_string() else {
            continue;
        };
        let Some(kept) = other.strip_suffix(".lock") else {
            continue;
        };
        if kept == name || !kept.starts_with(prefix) {
            continue;
        }
        if lock_file(home, kept).is_ok_and(|lock| lock.try_lock().is_ok()) {
            let _ = fs::remove_dir_all(home.join(kept));
            let _ = fs::remove_dir_all(home.join(format!("{kept}.new")));
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// Runs a command, and returns an error if it fails.
pub fn must_run(command: &mut Command) -> Result<(), String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.stdin(Stdio::null()).output().map_err(|e| format!("failed to run {name}: {e}"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("{name} failed: {}", String::from_utf8_lossy(&output.stderr).trim()))
}
