//! The settings of a boot of a container: an overlay over the tree, files in it, systemd-nspawn.

use std::fs::{self, File};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use super::machine::Machine;
use super::{PROGRAM_INSIDE, ignition, release, sandbox};

/// The settings of a boot.
#[derive(Default)]
pub struct Boot {
    files: Vec<(String, Vec<u8>, u32)>,
    links: Vec<(String, String)>,
    copies: Vec<(Source, String)>,
    binds: Vec<(PathBuf, String)>,
    kernel: Vec<String>,
    bare: bool,
    ignition: Option<Vec<Value>>,
}

/// The origin of a copied file.
enum Source {
    Host(PathBuf),
    Tree(String),
}

impl Boot {
    /// Adds a file before the boot, and its directories.
    #[must_use]
    pub fn file(self, path: &str, text: impl AsRef<[u8]>) -> Self {
        self.file_mode(path, text, 0o644)
    }

    /// Adds a file with a mode before the boot.
    #[must_use]
    pub fn file_mode(mut self, path: &str, text: impl AsRef<[u8]>, mode: u32) -> Self {
        self.files.push((path.to_owned(), text.as_ref().to_owned(), mode));
        self
    }

    /// Adds a symbolic link before the boot.
    #[must_use]
    pub fn link(mut self, path: &str, target: &str) -> Self {
        self.links.push((path.to_owned(), target.to_owned()));
        self
    }

    /// Adds a copy of the host's file or directory at `path`, before the boot.
    #[must_use]
    pub fn copy(mut self, host: impl Into<PathBuf>, path: &str) -> Self {
        self.copies.push((Source::Host(host.into()), path.to_owned()));
        self
    }

    /// Adds a copy of a file of the tree before the boot. It is made before other files are added.
    #[must_use]
    pub fn copy_file(mut self, from: &str, path: &str) -> Self {
        self.copies.push((Source::Tree(from.to_owned()), path.to_owned()));
        self
    }

    /// Mounts a file or directory of the host at `path`, read-only. `path` may be `/proc/cmdline`.
    #[must_use]
    pub fn bind(mut self, host: impl Into<PathBuf>, path: &str) -> Self {
        self.binds.push((host.into(), path.to_owned()));
        self
    }

    /// Omits the program, for cases that install it themselves.
    #[must_use]
    pub fn bare(mut self) -> Self {
        self.bare = true;
        self
    }

    /// Applies Ignition configurations before the boot, which is a first boot with presets.
    #[must_use]
    pub fn ignition(mut self, configs: impl IntoIterator<Item = Value>) -> Self {
        self.ignition = Some(configs.into_iter().collect());
        self
    }

    /// Adds a word to the kernel command line that systemd sees in the container.
    #[must_use]
    pub fn kernel(mut self, word: &str) -> Self {
        self.kernel.push(word.to_owned());
        self
    }

    /// Creates a tree with these settings and returns its path. The tree is not booted.
    pub fn tree(&self, name: &str) -> PathBuf {
        let tree = mount_overlay(&sandbox::machines().join(name));
        let tree = tree.and_then(|tree| self.prepare(&tree).map(|()| tree));
        tree.unwrap_or_else(|reason| panic!("there is no tree: {reason}"))
    }

    /// Boots the machine, and waits until everything that starts at boot has started or failed.
    pub fn boot(&self) -> Machine {
        Machine::boot(self).unwrap_or_else(|reason| panic!("the machine does not boot: {reason}"))
    }
}

pub(super) fn mount_overlay(place: &Path) -> Result<PathBuf, String> {
    mount_overlay_over(place, &sandbox::tree())
}

/// Mounts a directory at `place` that begins as a copy of `lower`, and returns its path.
pub fn mount_overlay_over(place: &Path, lower: &Path) -> Result<PathBuf, String> {
    let [upper, work, merged] = ["upper", "work", "merged"].map(|name| place.join(name));
    for directory in [&upper, &work, &merged] {
        fs::create_dir_all(directory).map_err(|e| format!("failed to make {}: {e}", directory.display()))?;
    }
    // `xino` keeps inode numbers the same as long as the machine exists.
    let options =
        format!("xino=on,lowerdir={},upperdir={},workdir={}", lower.display(), upper.display(), work.display());
    let output = Command::new("mount").args(["-t", "overlay", "-o", &options, "overlay"]).arg(&merged).output();
    match output {
        Ok(output) if output.status.success() => Ok(merged),
        Ok(output) => Err(format!("failed to mount the overlay: {}", String::from_utf8_lossy(&output.stderr).trim())),
        Err(e) => Err(format!("failed to run mount: {e}")),
    }
}

impl Boot {
    pub(super) fn prepare(&self, merged: &Path) -> Result<(), String> {
        let inside = |path: &str| merged.join(path.trim_start_matches('/'));
        let parent = |path: &Path| fs::create_dir_all(path.parent().unwrap_or(merged));
        let failed = |item: &str, e: std::io::Error| format!("failed to put {item} into the machine: {e}");
        for (source, path) in &self.copies {
            let from = match source {
                Source::Host(host) => host.clone(),
                Source::Tree(path) => sandbox::tree().join(path.trim_start_matches('/')),
            };
            copy(&from, &inside(path)).map_err(|e| failed(path, e))?;
        }
        for (path, text, mode) in &self.files {
            let place = inside(path);
            parent(&place)
                .and_then(|()| fs::write(&place, text))
                .and_then(|()| fs::set_permissions(&place, PermissionsExt::from_mode(*mode)))
                .map_err(|e| failed(path, e))?;
        }
        for (path, target) in &self.links {
            let place = inside(path);
            parent(&place).and_then(|()| std::os::unix::fs::symlink(target, &place)).map_err(|e| failed(path, e))?;
        }
        self.ignition.as_deref().map_or(Ok(()), |configs| ignition::apply(merged, configs))
    }
}

/// Copies a file, or a directory with all of its content. Root becomes the owner.
fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    let kind = fs::symlink_metadata(from)?.file_type();
    fs::create_dir_all(to.parent().unwrap_or(to))?;
    if kind.is_symlink() {
        return std::os::unix::fs::symlink(fs::read_link(from)?, to);
    }
    if !kind.is_dir() {
        fs::copy(from, to)?;
        return chown(to, Some(0), Some(0));
    }
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)?.flatten() {
        copy(&entry.path(), &to.join(entry.file_name()))?;
    }
    Ok(())
}

/// Enters the control groups before `--`, then executes the command after it.
const ENTER: &str = r#"while [ "$1" != -- ]; do echo $$ > "$1/cgroup.procs" || exit 1; shift; done; shift; exec "$@""#;

pub(super) fn spawn(
    name: &str,
    place: &Path,
    merged: &Path,
    cgroups: &[PathBuf],
    options: &Boot,
) -> Result<Child, String> {
    let console = File::create(place.join("console")).map_err(|e| format!("failed to make a console: {e}"))?;
    let errors = console.try_clone().map_err(|e| format!("failed to make a console: {e}"))?;
    let mut command = Command::new("sh");
    command.args(["-c", ENTER, "sh"]).args(cgroups);
    command.args(["--", "systemd-nspawn", "--quiet", "--boot", "--private-network", "--register=no", "--keep-unit"]);
    // The recipe defines the tree, so systemd-nspawn must not add settings of the host.
    command.args(["--console=pipe", "--link-journal=no", "--resolv-conf=off", "--timezone=off", "--hostname=bed"]);
    command.arg(format!("--machine={name}")).arg(format!("--directory={}", merged.display()));
    if !options.bare {
        command.arg(format!("--bind-ro={}:{PROGRAM_INSIDE}", release::program().display()));
    }
    for (host, path) in &options.binds {
        command.arg(format!("--bind-ro={}:{path}", host.display()));
    }
    command.args(&options.kernel);
    // systemd 258 and later reject the legacy control group hierarchies that the host may have.
    command.env("SYSTEMD_NSPAWN_UNIFIED_HIERARCHY", "1");
    command.stdin(Stdio::null()).stdout(console).stderr(errors);
    command.spawn().map_err(|e| format!("failed to run sh: {e}"))
}
