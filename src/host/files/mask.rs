//! A link to `/dev/null` in the place of a unit's file, which hides the unit from systemd.

use std::path::Path;

use anyhow::{Context, Result};
use rustix::fs::{AtFlags, FileType};
use rustix::io::Errno;

use super::leftover::{self, NOWHERE};
use super::{batch, file_type, is_taken};
use crate::host::crash_markers::{TemporaryFiles, TemporaryKind};
use crate::host::root::{OsContext, Place, Root, display_path, link, status};
use crate::outcome::StepResult;

/// Replaces the file or link at `path` with a link to `/dev/null`.
///
/// # Errors
///
/// A directory is at `path`, or a system call fails.
pub fn mask(root: &Root, path: &Path) -> Result<StepResult> {
    place_mask(root, path).with_context(|| format!("failed to mask {}", display_path(path)))
}

/// Removes a link to `/dev/null`, or an empty file, from `path`. Any other object is kept.
///
/// # Errors
///
/// The object at `path` cannot be examined or removed.
pub fn unmask(root: &Root, path: &Path) -> Result<StepResult> {
    let context = || format!("failed to unmask {}", display_path(path));
    let Some(place) = find(root, path).with_context(context)? else { return Ok(StepResult::Unchanged) };
    if !hides(&place).with_context(context)? {
        return Ok(StepResult::Unchanged);
    }
    match rustix::fs::unlinkat(&place.directory, &place.name, AtFlags::empty()) {
        Ok(()) => batch::flush_directory(&place.directory).os_context(context)?,
        Err(Errno::NOENT) => return Ok(StepResult::Unchanged),
        Err(cause) => return Err(cause).os_context(context),
    }
    Ok(StepResult::Done)
}

/// Returns true if the object at `path` is a link to `/dev/null`.
///
/// # Errors
///
/// The object at `path` cannot be examined.
pub fn is_mask(root: &Root, path: &Path) -> Result<bool> {
    let context = || format!("failed to stat {}", display_path(path));
    match find(root, path).with_context(context)? {
        Some(place) => leads_nowhere(&place).os_context(context),
        None => Ok(false),
    }
}

/// Returns true if [`mask`] would change anything.
///
/// # Errors
///
/// A directory is at `path`, or the object there cannot be examined.
pub fn would_mask(root: &Root, path: &Path) -> Result<bool> {
    let context = || format!("failed to stat {}", display_path(path));
    let Some(place) = find(root, path).with_context(context)? else { return Ok(true) };
    is_taken(&place).with_context(context)?;
    leads_nowhere(&place).map(|is| !is).os_context(context)
}

/// Returns true if [`unmask`] would remove anything.
///
/// # Errors
///
/// The object at `path` cannot be examined.
pub fn would_unmask(root: &Root, path: &Path) -> Result<bool> {
    let context = || format!("failed to stat {}", display_path(path));
    match find(root, path).with_context(context)? {
        Some(place) => hides(&place).with_context(context),
        None => Ok(false),
    }
}

fn place_mask(root: &Root, path: &Path) -> Result<StepResult> {
    let place = root.parent(path, true)?;
    let taken = is_taken(&place)?;
    leftover::remove_leftovers(&place.directory, 0, TemporaryKind::Mask);
    if leads_nowhere(&place).os_context(|| "failed to stat it")? {
        return Ok(StepResult::Unchanged);
    }
    let made = if taken { Err(Errno::EXIST) } else { rustix::fs::symlinkat(NOWHERE, &place.directory, &place.name) };
    match made {
        Err(Errno::EXIST) => replace(root, path, &place)?,
        made => made.os_context(|| "failed to create the link")?,
    }
    batch::flush_directory(&place.directory).os_context(|| "failed to flush its directory to disk")?;
    Ok(StepResult::Done)
}

/// Replaces the file or link at `place`: creates the mask under a temporary name and renames it.
fn replace(root: &Root, path: &Path, place: &Place) -> Result<()> {
    let temporary = leftover::name_for(&place.name);
    let mut markers = TemporaryFiles::new(root);
    markers.set(path, &temporary, 0, TemporaryKind::Mask);
    rustix::fs::symlinkat(NOWHERE, &place.directory, &temporary).os_context(|| "failed to create the link")?;
    if let Err(cause) = rustix::fs::renameat(&place.directory, &temporary, &place.directory, &place.name) {
        // A second failure is not reported; the first one is the cause.
        let _ = rustix::fs::unlinkat(&place.directory, &temporary, AtFlags::empty());
        return Err(cause).os_context(|| "failed to rename the link into place");
    }
    Ok(())
}

fn find(root: &Root, path: &Path) -> Result<Option<Place>> {
    match root.parent(path, false) {
        Ok(place) => Ok(Some(place)),
        Err(error) if error.absent() => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn leads_nowhere(place: &Place) -> Result<bool, Errno> {
    Ok(link(place)?.is_some_and(|target| target == Path::new(NOWHERE)))
}

fn hides(place: &Place) -> Result<bool> {
    let Some(there) = status(place).os_context(|| "failed to stat it")? else { return Ok(false) };
    match file_type(there.st_mode) {
        FileType::RegularFile => Ok(there.st_size == 0),
        FileType::Symlink => leads_nowhere(place).os_context(|| "failed to stat it"),
        _ => Ok(false),
    }
}
