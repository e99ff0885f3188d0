//! The paths of a result: one below a file, or at a directory, would fail the boot.

use std::collections::HashSet;

use crate::plan;
use crate::text::printable;

/// The paths that a result needs.
pub(super) struct Paths {
    /// Paths at which only the unit, the link or the keys can be that have it.
    taken: HashSet<String>,
    /// Files and links, without directories below them.
    files: HashSet<String>,
    /// The directories above them.
    directories: HashSet<String>,
    /// Homes, the directories of SSH keys, and the directories above them.
    homes: HashSet<String>,
}

impl Paths {
    pub fn new(homes: impl Iterator<Item = String>, taken: impl Iterator<Item = String>) -> Self {
        // Fedora CoreOS has the directories in /var, and links to them.
        let homes = homes.flat_map(|home| [format!("/var{home}"), home]);
        let homes: Vec<_> = homes.map(|home| format!("{home}/.ssh/authorized_keys.d/")).collect();
        let mut paths = Self {
            taken: taken.collect(),
            files: HashSet::new(),
            directories: HashSet::new(),
            homes: homes.iter().flat_map(|path| parents(path)).map(str::to_owned).collect(),
        };
        for path in paths.taken.clone().iter().map(String::as_str).chain(plan::FILES) {
            paths.add(path);
        }
        paths
    }

    /// Adds the path of a file.
    pub fn add(&mut self, path: &str) {
        self.directories.extend(parents(path).map(str::to_owned));
        self.files.insert(path.to_owned());
    }

    /// The reason why the file at `path` cannot be in the result with the others, if there is one.
    pub fn clash(&self, path: &str) -> Option<String> {
        if self.taken.contains(path) {
            Some("a unit, a link or the SSH keys of a user are at the path".to_owned())
        } else if let Some(above) = parents(path).find(|parent| self.files.contains(*parent)) {
            Some(format!("{} is a file, and one of the paths is below the other", printable(above)))
        } else if self.homes.contains(path) {
            Some("the home directory of a user or its SSH keys are at the path or below it".to_owned())
        } else if self.directories.contains(path) {
            Some("other files of the result are below the path".to_owned())
        } else {
            None
        }
    }
}

/// The directories above `path`, the nearest first, without the root.
fn parents(path: &str) -> impl Iterator<Item = &str> {
    path.rmatch_indices('/').map(|(at, _)| &path[..at]).filter(|parent| !parent.is_empty())
}
