//! Enabling units in a tree that is not running (`--root`).

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow};

use crate::host::Change;

/// What `systemctl` says of a link that it cannot make.
const FAILED: &str = "Failed to ";

/// Enables `unit` in the tree at `root`, until its next reboot with `runtime`: with the machine's
/// own `systemctl`, which `run` runs.
///
/// # Errors
///
/// `systemctl` is missing, or fails: the unit does not exist in that tree, is masked, or one of its links cannot be made.
pub fn enable_offline(
    root: &Path,
    unit: &str,
    runtime: bool,
    run: impl FnOnce(&[&str]) -> Result<String>,
) -> Result<Change> {
    let tree = format!("--root={}", root.display());
    let mut argv = vec!["systemctl", &tree, "enable", "--force", "--quiet"];
    if runtime {
        argv.push("--runtime");
    }
    argv.extend(["--", unit]);
    let before = links(root);
    let what = || format!("failed to enable {unit} in {}", root.display());
    let said = run(&argv).with_context(what)?;
    // One link that it could make is enough for it to end with 0.
    if let Some(at) = said.find(FAILED) {
        return Err(anyhow!("systemctl: {}", &said[at..])).with_context(what);
    }
    Ok(if links(root) == before { Change::Unchanged } else { Change::Made })
}

/// The links that enabling makes, with their destinations: those among the unit files, and in the folders of
/// what units want and require.
fn links(root: &Path) -> BTreeSet<(PathBuf, PathBuf)> {
    let mut found = BTreeSet::new();
    for folder in ["etc/systemd/system", "run/systemd/system"] {
        collect(&root.join(folder), 1, &mut found);
    }
    found
}

fn collect(folder: &Path, deeper: u8, found: &mut BTreeSet<(PathBuf, PathBuf)>) {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return; // nothing enabled there
    };
    for path in entries.flatten().map(|entry| entry.path()) {
        if let Ok(destination) = std::fs::read_link(&path) {
            found.insert((path, destination));
        } else if deeper > 0 && path.is_dir() {
            collect(&path, deeper - 1, found);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn enable(root: &Path, make: Option<&str>) -> Result<Change> {
        enable_offline(root, "x.service", true, |argv| {
            let tree = format!("--root={}", root.display());
            let expected = ["systemctl", &tree, "enable", "--force", "--quiet", "--runtime", "--", "x.service"];
            assert_eq!(argv, expected);
            if let Some(link) = make {
                let folder = root.join("etc/systemd/system/multi-user.target.wants");
                std::fs::create_dir_all(&folder)?;
                symlink("/etc/systemd/system/x.service", folder.join(link))?;
            }
            Ok("Unit x.service is added as a dependency to a non-existent unit y.".to_owned())
        })
    }

    #[test]
    fn a_link_that_could_not_be_made_is_a_failure_whatever_else_was() {
        let root = tempfile::tempdir().unwrap();
        let said = "Created symlink a; Failed to enable unit, file \"b\": Input/output error".to_owned();
        let error = enable_offline(root.path(), "x.service", false, |_| Ok(said)).unwrap_err();
        assert!(format!("{error:#}").ends_with("Failed to enable unit, file \"b\": Input/output error"), "{error:#}");
    }

    #[test]
    fn a_link_that_was_made_is_a_change() -> Result<()> {
        let root = tempfile::tempdir()?;
        assert_eq!(enable(root.path(), Some("x.service"))?, Change::Made);
        assert_eq!(enable(root.path(), None)?, Change::Unchanged);
        Ok(())
    }
}
