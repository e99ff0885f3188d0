//! The paths of a part: files, and directories that contain them. No path can be both.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::path::{Path, PathBuf};

/// The files of a part. None of them is below another one.
///
/// Slashes are stored as zero bytes: no name contains these, and they sort first. So the paths below a path directly
/// follow it. Because no file is below another one, the file above a path, if there is one, directly precedes that
/// path. Two lookups are enough for any depth.
#[derive(Default)]
pub(super) struct FileTree(BTreeMap<Vec<u8>, PathBuf>);

/// The reason why a path cannot be a file.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Clash {
    /// The path is below this file.
    Below(PathBuf),
    /// The path is a directory above this file.
    Above(PathBuf),
}

impl FileTree {
    /// Adds the file `path`, which is absolute and normalized, or returns the reason why it cannot be a file.
    pub fn claim(&mut self, path: &Path) -> Result<(), Clash> {
        let key = key(path);
        if self.0.contains_key(&key) {
            return Ok(());
        }
        let before = self.0.range::<[u8], _>((Bound::Unbounded, Bound::Excluded(&key[..]))).next_back();
        if let Some((_, file)) = before.filter(|(file, _)| is_below(&key, file)) {
            return Err(Clash::Below(file.clone()));
        }
        let behind = self.0.range::<[u8], _>((Bound::Excluded(&key[..]), Bound::Unbounded)).next();
        if let Some((_, file)) = behind.filter(|(file, _)| is_below(file, &key)) {
            return Err(Clash::Above(file.clone()));
        }
        self.0.insert(key, path.to_owned());
        Ok(())
    }
}

fn key(path: &Path) -> Vec<u8> {
    path.as_os_str().as_encoded_bytes().iter().map(|byte| if *byte == b'/' { 0 } else { *byte }).collect()
}

/// Returns true if the path with the key `path` is below the path with the key `directory`.
fn is_below(path: &[u8], directory: &[u8]) -> bool {
    path.strip_prefix(directory).is_some_and(|rest| rest.starts_with(&[0]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claimed(tree: &mut FileTree, path: &str) -> Result<(), String> {
        tree.claim(Path::new(path)).map_err(|clash| format!("{clash:?}"))
    }

    #[test]
    fn a_path_is_a_file_or_a_directory() {
        let mut tree = FileTree::default();
        for path in ["/opt/x", "/opt/xy", "/opt/x", "/srv/a/b/c", "/srv/a/b/d", "/srv/a/bc", "/opt/x-y", "/opt/x y"] {
            assert_eq!(claimed(&mut tree, path), Ok(()), "{path}");
        }
        for (path, clash) in [
            ("/opt/x/y", "Below(\"/opt/x\")"),
            ("/opt/x/y/z", "Below(\"/opt/x\")"),
            ("/srv/a/b/d/e/f", "Below(\"/srv/a/b/d\")"),
            ("/opt/x/-/z", "Below(\"/opt/x\")"),
            ("/srv", "Above(\"/srv/a/b/c\")"),
            ("/srv/a/b", "Above(\"/srv/a/b/c\")"),
        ] {
            assert_eq!(claimed(&mut tree, path), Err(clash.to_owned()), "{path}");
        }
        assert_eq!(claimed(&mut tree, "/srv/a/e"), Ok(()), "what was refused is in nobody's way");
    }
}
