//! Environment files with the secret options of units, which systemd reads as root when it starts the unit.

use std::path::Path;

use anyhow::{Context, Result};
use rustix::fs::{AtFlags, FileType};
use rustix::io::Errno;

use super::{Host, READ_MAX};
use crate::host::files;
use crate::host::root::{OsContext, Place, display_path, status};
use crate::outcome::StepResult;
use cloud_config::plan::{FileSpec, UNIT_ENVIRONMENT_HEADER, UNIT_ENVIRONMENTS};

/// The mode of the directories that lead to environment files.
const CLOSED: u32 = 0o700;

impl Host<'_> {
    /// Creates the directory of environment files with mode 0700, if one of `specs` is in it.
    ///
    /// # Errors
    ///
    /// The directory cannot be created, or belongs to another user.
    pub(super) fn close_environments(&self, specs: &[&FileSpec]) -> Result<()> {
        let directory = Path::new(UNIT_ENVIRONMENTS);
        if !specs.iter().any(|file| file.path.starts_with(directory)) {
            return Ok(());
        }
        if let Some(state) = directory.parent() {
            files::directory(&self.root, state, CLOSED)?;
        }
        files::directory(&self.root, directory, CLOSED).map(drop)
    }

    /// Returns true if [`Host::remove_environment`] would remove a file.
    ///
    /// # Errors
    ///
    /// The file cannot be examined.
    pub(super) fn would_remove_environment(&self, path: &Path) -> Result<bool> {
        Ok(matches!(self.environment(path)?, Environment::Ours(_)))
    }

    /// Removes an environment file that this program wrote. Any other file is left alone.
    ///
    /// # Errors
    ///
    /// The file cannot be examined or removed.
    pub(super) fn remove_environment(&self, path: &Path) -> Result<StepResult> {
        let place = match self.environment(path)? {
            Environment::Absent => return Ok(StepResult::Unchanged),
            Environment::Foreign => {
                log::warn!("{}: not written by this program; not changed", display_path(path));
                return Ok(StepResult::Unchanged);
            }
            Environment::Ours(place) => place,
        };
        match rustix::fs::unlinkat(&place.directory, &place.name, AtFlags::empty()) {
            Ok(()) => files::flush_directory(&place.directory).map(|()| StepResult::Done),
            Err(Errno::NOENT) => Ok(StepResult::Unchanged),
            Err(cause) => Err(cause).os_context(|| format!("failed to remove {}", display_path(path))),
        }
    }

    fn environment(&self, path: &Path) -> Result<Environment> {
        let failure = || format!("failed to examine {}", display_path(path));
        let place = match self.root.parent(path, false) {
            Ok(place) => place,
            Err(error) if error.absent() => return Ok(Environment::Absent),
            Err(error) => return Err(error).with_context(failure),
        };
        let Some(found) = status(&place).os_context(failure)? else { return Ok(Environment::Absent) };
        let is_private = FileType::from_raw_mode(found.st_mode) == FileType::RegularFile
            && found.st_mode & 0o7777 == 0o600
            && found.st_nlink == 1
            && found.st_uid == rustix::process::geteuid().as_raw();
        if !is_private {
            return Ok(Environment::Foreign);
        }
        let content = files::read_at(&place, READ_MAX).with_context(failure)?;
        let is_ours = content.is_some_and(|content| content.starts_with(UNIT_ENVIRONMENT_HEADER.as_bytes()));
        Ok(if is_ours { Environment::Ours(place) } else { Environment::Foreign })
    }
}

/// The state of an environment file.
enum Environment {
    /// It does not exist.
    Absent,
    /// A file that this program did not provably write.
    Foreign,
    /// This program wrote it.
    Ours(Place),
}
