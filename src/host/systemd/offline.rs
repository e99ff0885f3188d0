//! Enables units in a tree that is not running (`--root`).

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow, bail};
use rustix::fs::{Dir, DirEntry, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;

use crate::host::root::{OsContext, Root, display_path, link};
use crate::outcome::StepResult;

/// The beginning of the message of `systemctl` about a link that it could not create.
const FAILED: &str = "Failed to ";

/// The directories in which enabling a unit changes links.
const PERSISTENT: &str = "/etc/systemd/system";
const RUNTIME: &str = "/run/systemd/system";

/// The path of the tree for `systemctl`: its standard input, which cannot be replaced with another directory.
const TREE: &str = "--root=/proc/self/fd/0";

/// Enables `unit` in the tree `root`; with `runtime`, until the next reboot of the tree. `run` runs the `systemctl` of
/// this machine with the tree as its standard input.
///
/// # Errors
///
/// `systemctl` is missing or fails: the unit does not exist in the tree, is masked, or one of its links cannot be
/// created. A directory for links is a link itself, which `systemctl` would follow out of the tree.
pub fn enable_offline(
    root: &Root,
    unit: &str,
    runtime: bool,
    run: impl FnOnce(&[&str]) -> Result<String>,
) -> Result<StepResult> {
    let context = || format!("failed to enable {unit} in {}", display_path(root.path()));
    let mut argv = vec!["systemctl", TREE, "enable", "--force", "--quiet"];
    if runtime {
        argv.push("--runtime");
    }
    argv.extend(["--", unit]);
    stays_inside(root, Path::new(if runtime { RUNTIME } else { PERSISTENT })).with_context(context)?;
    let before = links(root);
    let output = run(&argv).with_context(context)?;
    // `systemctl` exits with code 0 if it could create at least one link.
    if let Some(at) = output.find(FAILED) {
        return Err(anyhow!("systemctl: {}", &output[at..])).with_context(context);
    }
    Ok(if links(root) == before { StepResult::Unchanged } else { StepResult::Done })
}

/// Checks that no other user can change a directory in the path to `directory`, and that no link in the path, or in its
/// `.wants`, `.requires` and `.upholds` directories, leads out of the tree. `systemctl` creates links by path, and the
/// kernel resolves that path on this machine.
fn stays_inside(root: &Root, directory: &Path) -> Result<()> {
    let mut paths: Vec<_> =
        directory.ancestors().map(Path::to_path_buf).filter(|path| path.parent().is_some()).collect();
    let is_for_links =
        |name: &OsStr| [".wants", ".requires", ".upholds"].iter().any(|end| name.as_bytes().ends_with(end.as_bytes()));
    paths.extend(
        entries(root, directory).into_iter().filter(|name| is_for_links(name)).map(|name| directory.join(name)),
    );
    paths.iter().try_for_each(|path| {
        is_beneath(root, path)?;
        // A user who can change a directory in the path could create a link there after this check.
        match root.private(path) {
            Err(error) if !error.absent() => Err(error.into()),
            _ => Ok(()),
        }
    })
}

fn is_beneath(root: &Root, path: &Path) -> Result<()> {
    let top = root.directory(Path::new("/"))?;
    let inside = path.strip_prefix("/").unwrap_or(path);
    let flags = OFlags::PATH | OFlags::CLOEXEC;
    let leads_out = match rustix::fs::openat2(top, inside, flags, Mode::empty(), ResolveFlags::BENEATH) {
        Ok(_) | Err(Errno::NOENT) => false,
        Err(Errno::XDEV) => true,
        // Without `openat2` (an old kernel, or the system call filter of a container), any link may lead out of the
        // tree.
        Err(Errno::NOSYS | Errno::PERM) => {
            let place = root.parent(path, false)?;
            link(&place).os_context(|| format!("failed to stat {}", display_path(path)))?.is_some()
        }
        Err(cause) => return Err(cause).os_context(|| format!("failed to stat {}", display_path(path))),
    };
    if leads_out {
        bail!("{} leads out of the tree", display_path(path));
    }
    Ok(())
}

/// Returns all links that enabling a unit may create, with their targets: those beside the unit files, and those in
/// `.wants` and `.requires` directories.
fn links(root: &Root) -> BTreeSet<(PathBuf, PathBuf)> {
    let mut found = BTreeSet::new();
    for directory in [PERSISTENT, RUNTIME] {
        collect(root, Path::new(directory), 1, &mut found);
    }
    found
}

fn collect(root: &Root, directory: &Path, deeper: u8, found: &mut BTreeSet<(PathBuf, PathBuf)>) {
    for name in entries(root, directory) {
        let path = directory.join(name);
        let Ok(place) = root.parent(&path, false) else { continue };
        match link(&place) {
            Ok(Some(destination)) => {
                found.insert((path, destination));
            }
            // Searched if it is a directory; any other object has no entries.
            Ok(None) if deeper > 0 => collect(root, &path, deeper - 1, found),
            _ => {}
        }
    }
}

/// Returns the names in a directory; an unreadable or missing directory has none.
fn entries(root: &Root, directory: &Path) -> Vec<OsString> {
    let Some(entries) = root.open_dir(directory).ok().and_then(|directory| Dir::new(directory).ok()) else {
        return Vec::new();
    };
    let name = |entry: DirEntry| OsStr::from_bytes(entry.file_name().to_bytes()).to_owned();
    entries.flatten().map(name).filter(|name| name != "." && name != "..").collect()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn tree() -> (tempfile::TempDir, Root) {
        let tree = tempfile::tempdir().unwrap();
        let root = Root::open(tree.path()).unwrap();
        (tree, root)
    }

    fn enable(tree: &Path, root: &Root, make: Option<&str>) -> Result<StepResult> {
        enable_offline(root, "x.service", true, |argv| {
            let expected = ["systemctl", TREE, "enable", "--force", "--quiet", "--runtime", "--", "x.service"];
            assert_eq!(argv, expected);
            if let Some(link) = make {
                let directory = tree.join("etc/systemd/system/multi-user.target.wants");
                std::fs::create_dir_all(&directory)?;
                symlink("/etc/systemd/system/x.service", directory.join(link))?;
            }
            Ok("Unit x.service is added as a dependency to a non-existent unit y.".to_owned())
        })
    }

    #[test]
    fn a_link_that_could_not_be_made_is_a_failure_whatever_else_was() {
        let (_tree, root) = tree();
        let output = "Created symlink a; Failed to enable unit, file \"b\": Input/output error".to_owned();
        let error = enable_offline(&root, "x.service", false, |_| Ok(output)).unwrap_err();
        assert!(format!("{error:#}").ends_with("Failed to enable unit, file \"b\": Input/output error"), "{error:#}");
    }

    #[test]
    fn a_link_that_was_made_is_a_change() -> Result<()> {
        let (tree, root) = tree();
        assert_eq!(enable(tree.path(), &root, Some("x.service"))?, StepResult::Done);
        assert_eq!(enable(tree.path(), &root, None)?, StepResult::Unchanged);
        Ok(())
    }

    #[test]
    fn systemctl_is_not_run_where_a_link_leads_out_of_the_tree() {
        for (link, target) in [
            ("etc", "/etc"),
            ("etc/systemd", "/etc/systemd"),
            ("etc/systemd/system", "../../../../etc/systemd/system"),
            ("etc/systemd/system/a.target.wants", "/etc/systemd/system/a.target.wants"),
            ("etc/systemd/system/a.target.requires", "../../../../srv"),
            ("real", "/etc"),
        ] {
            let (tree, root) = tree();
            let link = tree.path().join(link);
            std::fs::create_dir_all(link.parent().unwrap()).unwrap();
            symlink(target, &link).unwrap();
            if link.ends_with("real") {
                symlink("real", tree.path().join("etc")).unwrap();
            }
            let error = enable_offline(&root, "x.service", false, |_| panic!("it is run")).unwrap_err();
            assert!(format!("{error:#}").contains("leads out of the tree"), "{error:#}");
        }
        let (tree, root) = tree();
        std::fs::create_dir(tree.path().join("real")).unwrap();
        symlink("real", tree.path().join("etc")).unwrap();
        enable_offline(&root, "x.service", false, |_| Ok(String::new())).unwrap();
    }
}
