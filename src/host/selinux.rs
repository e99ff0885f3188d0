//! The SELinux labels of files that a run creates or changes.
//!
//! A new file gets the label of its directory, which may differ from the label in the policy. `restorecon(8)` sets that
//! label for all changed paths at once, before a program starts that may read them. Setting the label at creation would
//! need the library of the policy.

use std::collections::BTreeSet;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Result;

use super::command::Tool;
use crate::outcome::StepResult;

/// The time limit of `restorecon`, which first reads all paths of the policy.
const RESTORECON_LIMIT: Duration = Duration::from_secs(60);

/// The shortest time limit of `restorecon`, because keys are also set after the deadline.
const LEAST: Duration = Duration::from_secs(10);

/// The changed paths whose labels are not restored yet.
#[derive(Debug, Default)]
pub struct Relabel {
    enabled: bool,
    files: BTreeSet<PathBuf>,
    /// Created directories and files; a directory is relabeled with everything below it.
    trees: BTreeSet<PathBuf>,
}

impl Relabel {
    /// Creates an empty set. It stays empty without SELinux, or if `live` is false.
    pub fn new(live: bool) -> Self {
        Self { enabled: live && Path::new("/sys/fs/selinux/enforce").exists(), ..Self::default() }
    }

    /// Returns true if the machine has SELinux.
    pub const fn is_enabled(&self) -> bool {
        self.enabled
    }

    /// Adds files and directories, without the content of the directories: users may have files with other labels
    /// there.
    pub fn add(&mut self, paths: impl IntoIterator<Item = PathBuf>) {
        if self.enabled {
            self.files.extend(paths);
        }
    }

    /// Adds paths that the run creates, with everything below them.
    pub fn add_created(&mut self, paths: impl IntoIterator<Item = PathBuf>) {
        if self.enabled {
            self.trees.extend(paths);
        }
    }

    /// Adds the changes of a step. A failed step may have created files, but its existing files count as unchanged.
    pub fn add_changes(&mut self, (files, trees): Changes, result: &Result<StepResult>) {
        match result {
            Ok(StepResult::Done) => {
                self.add(files);
                self.add_created(trees);
            }
            Ok(_) => {}
            Err(_) => self.add_created(trees),
        }
    }

    /// Restores the labels within `limit`. A failure is only logged: the files themselves are correct.
    pub fn restore(&mut self, limit: Duration) {
        let limit = limit.clamp(LEAST, RESTORECON_LIMIT);
        for (options, paths) in [(&["-i", "-R"][..], &mut self.trees), (&["-i"], &mut self.files)] {
            if paths.is_empty() {
                continue;
            }
            let input = input(&std::mem::take(paths), options.contains(&"-R"));
            let tool = Tool::new("restorecon").args(options).args(["-0", "-f", "-"]).input(&input);
            if let Err(error) = tool.run(limit) {
                log::warn!("failed to restore the SELinux labels of changed files: {error:#}; labels not applied");
            }
        }
    }
}

/// The existing files that a step changes, and the paths that it creates.
pub type Changes = (Vec<PathBuf>, Vec<PathBuf>);

/// Returns the change of a write: the file itself if it exists, otherwise the topmost missing path.
pub fn changed_by_write(path: &Path) -> Changes {
    match path.ancestors().take_while(|path| path.symlink_metadata().is_err()).last() {
        Some(missing) => (Vec::new(), vec![missing.to_owned()]),
        None => (vec![path.to_owned()], Vec::new()),
    }
}

/// Formats the input of `restorecon -0 -f -`, which interprets each path as a pattern (`glob(7)`). With `are_trees`,
/// paths below other paths are omitted.
fn input(paths: &BTreeSet<PathBuf>, are_trees: bool) -> Vec<u8> {
    let mut input = Vec::new();
    let mut above: Option<&Path> = None;
    // The set is sorted, so a directory comes before everything below it.
    for path in paths {
        if are_trees && above.is_some_and(|above| path.starts_with(above)) {
            continue;
        }
        for byte in path.as_os_str().as_bytes() {
            if b"\\*?[]{}~".contains(byte) {
                input.push(b'\\');
            }
            input.push(*byte);
        }
        input.push(0);
        above = Some(path);
    }
    input
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_below_others_are_covered_by_them() {
        let paths = ["/home/a/.ssh", "/etc/b", "/home/a", "/home/ab", "/etc/a b"].map(PathBuf::from).into();
        assert_eq!(input(&paths, true), b"/etc/a b\0/etc/b\0/home/a\0/home/ab\0");
        assert_eq!(input(&paths, false), b"/etc/a b\0/etc/b\0/home/a\0/home/a/.ssh\0/home/ab\0");
    }

    #[test]
    fn no_path_is_a_pattern() {
        let paths = [PathBuf::from(r"/etc/[a]*?{b,c}\x2d~")].into();
        assert_eq!(
            input(&paths, true),
            br"/etc/\[a\]\*\?\{b,c\}\\x2d\~".iter().chain(&[0]).copied().collect::<Vec<_>>()
        );
    }

    #[test]
    fn a_write_creates_the_directories_that_are_missing() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("a/b/c");
        assert_eq!(changed_by_write(&file), (vec![], vec![directory.path().join("a")]));
        std::fs::create_dir_all(directory.path().join("a/b")).unwrap();
        assert_eq!(changed_by_write(&file), (vec![], vec![file.clone()]));
        std::fs::write(&file, "").unwrap();
        assert_eq!(changed_by_write(&file), (vec![file], vec![]));
    }

    #[test]
    fn a_failed_write_over_a_directory_leaves_its_labels() {
        let directory = tempfile::tempdir().unwrap();
        let mut relabel = Relabel { enabled: true, ..Relabel::default() };
        relabel.add_changes(changed_by_write(directory.path()), &Err(anyhow::anyhow!("a directory")));
        relabel.add_changes(changed_by_write(directory.path()), &Ok(StepResult::Unchanged));
        assert!(relabel.files.is_empty() && relabel.trees.is_empty());
        relabel.add_changes(changed_by_write(&directory.path().join("a")), &Err(anyhow::anyhow!("full disk")));
        assert_eq!(relabel.trees.len(), 1);
    }

    #[test]
    fn without_selinux_nothing_is_collected() {
        let mut relabel = Relabel::new(false);
        relabel.add([PathBuf::from("/etc/a")]);
        relabel.add_created([PathBuf::from("/etc/a")]);
        assert!(!relabel.is_enabled() && relabel.files.is_empty() && relabel.trees.is_empty());
    }
}
