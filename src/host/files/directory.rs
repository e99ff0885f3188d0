//! Directories with a given mode, and a check for read-only file systems.

use std::path::Path;

use anyhow::{Context, Result, bail};
use rustix::fs::{Mode, OFlags, StatVfsMountFlags};
use rustix::io::Errno;

use crate::host::root::{OsContext, Root, display_path};
use crate::outcome::StepResult;

/// Creates the directory `path` and its parents if they do not exist, and sets its mode if this process owns it.
///
/// Parents get the mode 0755. A link as the last component is treated like a link in the middle of a path.
///
/// # Errors
///
/// The path has another object or belongs to another user, or a system call fails.
pub fn directory(root: &Root, path: &Path, mode: u32) -> Result<StepResult> {
    make(root, path, Mode::from_raw_mode(mode))
        .with_context(|| format!("failed to create the directory {}", display_path(path)))
}

/// Returns true if the directory `path`, or its first existing parent, is on a read-only file system.
///
/// Returns false if a system call fails.
pub fn is_read_only(root: &Root, path: &Path) -> bool {
    for path in path.ancestors() {
        match root.directory(path) {
            Ok(directory) => {
                let status = rustix::fs::fstatvfs(directory);
                return status.is_ok_and(|status| status.f_flag.contains(StatVfsMountFlags::RDONLY));
            }
            Err(error) if error.absent() => {}
            Err(_) => return false,
        }
    }
    false
}

fn make(root: &Root, path: &Path, mode: Mode) -> Result<StepResult> {
    let place = root.parent(path, true)?;
    // Until the directory gets its mode, only this process can enter it.
    let is_new = match rustix::fs::mkdirat(&place.directory, &place.name, Mode::RWXU) {
        Ok(()) => true,
        Err(Errno::EXIST) => false,
        Err(cause) => return Err(cause).os_context(|| "failed to create it"),
    };
    let directory = root.directory(path)?;
    let status = rustix::fs::fstat(&directory).os_context(|| "failed to stat it")?;
    let ours = status.st_uid == rustix::process::geteuid().as_raw();
    // The owner of a directory can replace its entries, whatever its mode is.
    if !ours && status.st_uid != 0 {
        bail!("it belongs to another user (uid {})", status.st_uid);
    }
    if !ours || status.st_mode & 0o7777 == mode.as_raw_mode() {
        return Ok(if is_new { StepResult::Done } else { StepResult::Unchanged });
    }
    // `fchmod` does not accept a descriptor that was opened with `O_PATH`.
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let directory = rustix::fs::openat(&directory, ".", flags, Mode::empty()).os_context(|| "failed to open it")?;
    rustix::fs::fchmod(directory, mode).os_context(|| "failed to set its mode")?;
    Ok(StepResult::Done)
}
