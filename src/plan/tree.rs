//! Which paths of a part are files, and which are folders because of what is below them: none can be both.

use std::collections::BTreeSet;
use std::ops::Bound;
use std::path::{Path, PathBuf};

/// The files of a part, none of which is below another.
///
/// Paths are in order by their components, so what is below a path follows it at once; and as none of the files is
/// below another, the file that a path is below stands right before it. Two looks are enough, however deep it is.
#[derive(Default)]
pub(super) struct Tree(BTreeSet<PathBuf>);

/// Why a path cannot be a file.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Clash {
    /// It is below this path, which is a file.
    Below(PathBuf),
    /// It is the folder, or a folder above the folder, of this file.
    Above(PathBuf),
}

impl Tree {
    /// Makes `path`, which is absolute and normalised, a file, or says why it cannot be one.
    pub fn claim(&mut self, path: &Path) -> Result<(), Clash> {
        if self.0.contains(path) {
            return Ok(());
        }
        let before = self.0.range::<Path, _>((Bound::Unbounded, Bound::Excluded(path))).next_back();
        if let Some(file) = before.filter(|file| path.starts_with(file)) {
            return Err(Clash::Below(file.clone()));
        }
        let behind = self.0.range::<Path, _>((Bound::Excluded(path), Bound::Unbounded)).next();
        if let Some(file) = behind.filter(|file| file.starts_with(path)) {
            return Err(Clash::Above(file.clone()));
        }
        self.0.insert(path.to_owned());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claimed(tree: &mut Tree, path: &str) -> Result<(), String> {
        tree.claim(Path::new(path)).map_err(|clash| format!("{clash:?}"))
    }

    #[test]
    fn a_path_is_a_file_or_a_folder() {
        let mut tree = Tree::default();
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
