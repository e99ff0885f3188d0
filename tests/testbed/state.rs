//! The content of a directory, and its comparison with two others: each file must be in one of these two states.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};

/// A file, a directory or a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The mode, with the file type.
    pub mode: u32,
    /// The IDs of the user and the group.
    pub owner: (u32, u32),
    /// The content of a file, or the target of a link; empty for a directory.
    pub content: Vec<u8>,
}

/// The content of a directory, by path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State(pub BTreeMap<PathBuf, Entry>);

impl State {
    /// Reads the current content of `directory`.
    pub fn of(directory: &Path) -> Self {
        let mut entries = BTreeMap::new();
        collect(directory, Path::new(""), &mut entries);
        Self(entries)
    }

    /// Returns the state without the paths that `is_left_out` selects.
    #[must_use]
    pub fn without(mut self, is_left_out: impl Fn(&Path) -> bool) -> Self {
        self.0.retain(|path, _| !is_left_out(path));
        self
    }

    /// Creates the content in `directory`, which must be empty.
    pub fn make(&self, directory: &Path) {
        for (path, entry) in &self.0 {
            let place = directory.join(path);
            let made = match entry.mode & 0o170_000 {
                0o040_000 => fs::create_dir(&place),
                0o120_000 => symlink(String::from_utf8_lossy(&entry.content).as_ref(), &place),
                _ => fs::write(&place, &entry.content),
            };
            made.unwrap_or_else(|e| panic!("failed to make {}: {e}", place.display()));
            std::os::unix::fs::lchown(&place, Some(entry.owner.0), Some(entry.owner.1)).expect("we are root");
            if entry.mode & 0o170_000 != 0o120_000 {
                fs::set_permissions(&place, fs::Permissions::from_mode(entry.mode & 0o7777)).expect("we are root");
            }
        }
        let _ = chown(directory, Some(0), Some(0));
    }

    /// Describes the paths that are neither in the state of `old` nor in that of `new`.
    pub fn strays(&self, old: &Self, new: &Self) -> Vec<String> {
        let mut strays = Vec::new();
        let paths: BTreeSet<_> = self.0.keys().chain(old.0.keys()).chain(new.0.keys()).collect();
        for path in paths {
            let [is, was, will_be] = [self, old, new].map(|state| state.0.get(path));
            if is != was && is != will_be {
                strays.push(format!(
                    "{}: {}, which was {} and will be {}",
                    path.display(),
                    word(is),
                    word(was),
                    word(will_be)
                ));
            }
        }
        strays
    }

    /// Describes the differences to `other`.
    pub fn differences(&self, other: &Self) -> Vec<String> {
        other.strays(self, self)
    }
}

fn collect(root: &Path, directory: &Path, entries: &mut BTreeMap<PathBuf, Entry>) {
    for entry in fs::read_dir(root.join(directory)).into_iter().flatten().flatten() {
        let path = directory.join(entry.file_name());
        let place = entry.path();
        // Another process may remove the file at the same time.
        let Ok(status) = fs::symlink_metadata(&place) else { continue };
        let content = if status.is_symlink() {
            fs::read_link(&place).map(|target| target.into_os_string().into_encoded_bytes())
        } else if status.is_dir() {
            Ok(Vec::new())
        } else {
            fs::read(&place)
        };
        let Ok(content) = content else { continue };
        if status.is_dir() {
            collect(root, &path, entries);
        }
        entries.insert(path, Entry { mode: status.mode(), owner: (status.uid(), status.gid()), content });
    }
}

fn word(entry: Option<&Entry>) -> String {
    let Some(Entry { mode, owner: (user, group), content }) = entry else { return "nothing".to_owned() };
    let shown: String = String::from_utf8_lossy(content).chars().take(60).collect();
    format!("{mode:o} {user}:{group} {} bytes {shown:?}", content.len())
}
