//! Folders that are root's alone.

use std::path::Path;

use anyhow::Result;
use rustix::fs::{Mode, OFlags, fchmod, fstat, mkdirat, openat};
use rustix::io::Errno;

use super::Change;
use super::root::{OsContext, Root, shown};

const PRIVATE: Mode = Mode::RWXU;

/// Makes the folder `path`, or closes it to everybody but its owner; its parents are made as for any file.
///
/// # Errors
///
/// It cannot be made or closed, or something else is in its place.
pub fn private(root: &Root, path: &Path) -> Result<Change> {
    let what = || format!("failed to make {}", shown(path));
    let place = root.parent(path, true).map_err(|error| anyhow::Error::new(error).context(what()))?;
    match mkdirat(&place.folder, &place.name, PRIVATE) {
        Ok(()) => return Ok(Change::Made),
        Err(Errno::EXIST) => {}
        Err(cause) => return Err(cause).os_context(what),
    }
    let folder = root.folder(path).map_err(|error| anyhow::Error::new(error).context(what()))?;
    let status = fstat(&folder).os_context(what)?;
    if Mode::from_raw_mode(status.st_mode) == PRIVATE {
        return Ok(Change::Unchanged);
    }
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let folder = openat(&folder, ".", flags, Mode::empty()).os_context(what)?;
    fchmod(&folder, PRIVATE).os_context(what)?;
    Ok(Change::Made)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_folder_is_made_or_closed() {
        let tree = tempfile::tempdir().unwrap();
        let root = Root::open(tree.path()).unwrap();
        let path = Path::new("/a/b");
        let mode = || tree.path().join("a/b").metadata().unwrap().permissions().mode() & 0o7777;
        assert_eq!(private(&root, path).unwrap(), Change::Made);
        assert_eq!(mode(), 0o700);
        std::fs::set_permissions(tree.path().join("a/b"), PermissionsExt::from_mode(0o755)).unwrap();
        assert_eq!(private(&root, path).unwrap(), Change::Made);
        assert_eq!(mode(), 0o700);
        assert_eq!(private(&root, path).unwrap(), Change::Unchanged);
        std::fs::write(tree.path().join("a/c"), "").unwrap();
        assert!(private(&root, Path::new("/a/c")).is_err());
    }
}
