//! The marker of a user account that is being created: `/etc/.useradd-NAME.cci`, a link whose text is the user's name.
//!
//! The marker shows only that the creation was begun. The next run that lists the account adds the missing parts. A run
//! that does not list it reports the account once and moves the marker to `/run`, where later runs of this boot still
//! find it.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustix::fs::{AtFlags, Dir, Mode, OFlags};
use rustix::io::Errno;

use crate::host::lock::{STATE, make_state};
use crate::host::root::{OsError, Place, Root, link, status};

/// The prefix and the suffix of the name of a marker.
const PREFIX: &str = ".useradd-";
const SUFFIX: &str = ".cci";

/// The suffixes of the text of markers of version 0.1; they no longer have a meaning.
const OLD_SUFFIXES: [&str; 4] = ["", ":group", ":home", ":group:home"];

/// The directory of markers.
const ETC: &str = "/etc";

/// Marks that the creation of `name` begins. Best effort: if /etc cannot be written, the account cannot be created
/// either.
pub fn set(root: &Root, name: &str) {
    let Some(place) = place(root, Path::new(ETC), name) else { return };
    match rustix::fs::symlinkat(name, &place.directory, &place.name) {
        Ok(()) | Err(Errno::EXIST) => {}
        Err(error) => log::debug!("failed to mark that user {name} is being created: {}", OsError::from(error)),
    }
}

/// Removes the marker of `name`, if there is one.
pub fn clear(root: &Root, name: &str) {
    for place in places(root, name).into_iter().filter(|place| is_marker(place, name)) {
        if let Err(error) = rustix::fs::unlinkat(&place.directory, &place.name, AtFlags::empty()) {
            log::debug!("failed to remove the marker of user {name}: {}", OsError::from(error));
        }
    }
}

/// Returns true if an earlier run began to create `name` and was interrupted.
pub fn is_left(root: &Root, name: &str) -> bool {
    places(root, name).iter().any(|place| is_marker(place, name))
}

/// The time at which the marker of `name` was set.
pub fn time_set(root: &Root, name: &str) -> Option<SystemTime> {
    let place = places(root, name).into_iter().find(|place| is_marker(place, name))?;
    let there = status(&place).ok()??;
    let nanoseconds = u32::try_from(there.st_mtime_nsec).ok()?;
    Some(UNIX_EPOCH + Duration::new(u64::try_from(there.st_mtime).ok()?, nanoseconds))
}

/// Returns the marked accounts that are not in `listed`. Their markers are moved to `/run`, or removed from a tree.
pub fn take_unlisted(root: &Root, listed: &BTreeSet<&str>) -> Vec<String> {
    let mut unlisted = names(root);
    unlisted.retain(|name| !listed.contains(name.as_str()));
    for name in &unlisted {
        if root.is_system()
            && make_state().is_ok()
            && let Some(place) = place(root, Path::new(STATE), name)
            && let Err(error) = rustix::fs::symlinkat(name, &place.directory, &place.name)
            && error != Errno::EXIST
        {
            log::debug!("failed to keep the marker of user {name} for this boot: {}", OsError::from(error));
        }
        if let Some(place) = place(root, Path::new(ETC), name)
            && let Err(error) = rustix::fs::unlinkat(&place.directory, &place.name, AtFlags::empty())
        {
            log::debug!("failed to remove the marker of user {name}: {}", OsError::from(error));
        }
    }
    unlisted
}

/// Returns the marked accounts in `/etc`. Entries are read one by one, so that a large directory needs no memory.
fn names(root: &Root) -> Vec<String> {
    let list = || -> Option<Vec<String>> {
        let etc = root.directory(Path::new(ETC)).ok()?;
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let entries = Dir::new(rustix::fs::openat(&etc, ".", flags, Mode::empty()).ok()?).ok()?;
        let name = |file: &OsStr| {
            let name = file.to_str()?.strip_prefix(PREFIX)?.strip_suffix(SUFFIX)?;
            let place = Place { directory: etc.clone(), name: file.to_owned() };
            is_marker(&place, name).then(|| name.to_owned())
        };
        Some(entries.flatten().filter_map(|entry| name(OsStr::from_bytes(entry.file_name().to_bytes()))).collect())
    };
    let mut names = list().unwrap_or_default();
    names.sort_unstable();
    names
}

fn is_marker(place: &Place, name: &str) -> bool {
    let Ok(Some(text)) = link(place) else { return false };
    text.to_str().and_then(|text| text.strip_prefix(name)).is_some_and(|rest| OLD_SUFFIXES.contains(&rest))
}

/// Returns the places where a marker of `name` can be.
fn places(root: &Root, name: &str) -> Vec<Place> {
    let state = root.is_system().then_some(STATE);
    let directories = std::iter::once(ETC).chain(state);
    directories.filter_map(|directory| place(root, Path::new(directory), name)).collect()
}

/// Returns the place of the marker of `name` in `directory`; `None` if the name is not a valid user name.
fn place(root: &Root, directory: &Path, name: &str) -> Option<Place> {
    let path: PathBuf = directory.join(format!("{PREFIX}{name}{SUFFIX}"));
    if name.is_empty() || name.contains('/') { None } else { root.parent(&path, false).ok() }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn a_marker_is_of_one_user_and_read_as_earlier_versions_wrote_it() {
        let dir = tempfile::tempdir().unwrap();
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let etc = dir.path().join("etc");
        fs::create_dir(&etc).unwrap();
        let root = Root::open(dir.path()).unwrap();
        set(&root, "mary");
        set(&root, "mary");
        symlink("john:group:home", etc.join(".useradd-john.cci")).unwrap();
        symlink("someone", etc.join(".useradd-other.cci")).unwrap();
        fs::write(etc.join(".useradd-file.cci"), "file").unwrap();
        assert!(is_left(&root, "mary") && is_left(&root, "john"));
        assert!(["other", "file", "core", "../x", ""].iter().all(|name| !is_left(&root, name)));
        assert_eq!(names(&root), ["john", "mary"]);
        clear(&root, "other");
        assert_eq!(take_unlisted(&root, &BTreeSet::from(["mary"])), ["john"]);
        assert_eq!(take_unlisted(&root, &BTreeSet::from(["mary"])), [""; 0]);
        assert!(is_left(&root, "mary") && !is_left(&root, "john"));
        clear(&root, "mary");
        assert!(!is_left(&root, "mary"));
        let mut left: Vec<_> = fs::read_dir(&etc).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        left.sort_unstable();
        assert_eq!(left, [".useradd-file.cci", ".useradd-other.cci"]);
    }
}
