//! The SELinux labels of what a run creates.
//!
//! A new file gets the label of its directory, which is not always the one of the policy. `restorecon(8)` sets that one,
//! for all changed paths at once, before something starts that may read them. The label at creation would need the
//! policy's own library.

use std::collections::BTreeSet;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::command::Tool;

/// The time limit of `restorecon`, which reads the policy's paths first.
const RESTORECON_LIMIT: Duration = Duration::from_secs(60);

/// The shortest time that `restorecon` gets: keys are set after the deadline as well.
const LEAST: Duration = Duration::from_secs(10);

/// The paths whose labels are to be restored.
#[derive(Debug, Default)]
pub struct Relabel {
    enabled: bool,
    files: BTreeSet<PathBuf>,
    /// Those that count with everything below them.
    trees: BTreeSet<PathBuf>,
}

impl Relabel {
    /// Creates an empty set. Without SELinux, or for the tree of an image, it stays empty.
    pub fn new(live: bool) -> Self {
        Self { enabled: live && Path::new("/sys/fs/selinux/enforce").exists(), ..Self::default() }
    }

    /// Returns true if the machine has SELinux.
    pub const fn is_enabled(&self) -> bool {
        self.enabled
    }

    /// Adds paths. What users have in their directories is not touched.
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

    /// Adds files, and trees that the run creates.
    pub fn add_all(&mut self, (files, trees): (Vec<PathBuf>, Vec<PathBuf>)) {
        self.add(files);
        self.add_created(trees);
    }

    /// Restores the labels within the time limit `limit`. A failure is logged: the files are correct otherwise.
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

/// Returns the first directory above `path` that does not exist, or `path` itself: what a write creates.
pub fn created_by(path: &Path) -> &Path {
    let missing = path.ancestors().take_while(|path| path.symlink_metadata().is_err()).last();
    missing.unwrap_or(path)
}

/// The paths for `restorecon -0 -f -`, which takes each for a pattern of `glob(7)`; in trees without those below others.
fn input(paths: &BTreeSet<PathBuf>, are_trees: bool) -> Vec<u8> {
    let mut input = Vec::new();
    let mut above: Option<&Path> = None;
    // A directory is sorted before everything below it.
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
        assert_eq!(created_by(&file), directory.path().join("a"));
        std::fs::create_dir_all(directory.path().join("a/b")).unwrap();
        assert_eq!(created_by(&file), file);
        std::fs::write(&file, "").unwrap();
        assert_eq!(created_by(&file), file);
    }

    #[test]
    fn without_selinux_nothing_is_collected() {
        let mut relabel = Relabel::new(false);
        relabel.add([PathBuf::from("/etc/a")]);
        relabel.add_created([PathBuf::from("/etc/a")]);
        assert!(!relabel.is_enabled() && relabel.files.is_empty() && relabel.trees.is_empty());
    }
}
