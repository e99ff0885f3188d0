//! The images of virtual machines. Each is built once per run and way of installation.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use super::super::kept::{Kept, must_run};
use super::super::{Arch, package, sandbox, tree};
use super::disk;

const KERNEL: &str = include_str!("kernel.sh");
const LAYER: &str = include_str!("layer.sh");

/// The way in which the program is installed in the image.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum How {
    /// Installed by `make install`.
    #[default]
    Laid,
    /// Installed from the Debian package.
    Packed,
    /// Not installed.
    Absent,
    /// Installed by `make install` in a tree with SELinux. All files have the labels of the policy.
    Labelled,
}

/// The image of a virtual machine.
pub struct Image {
    /// The directory with `vmlinuz`, `first.img` and the modules.
    kernel: Kept,
    /// The read-only disk for `/usr`, with the program and its units.
    pub usr: PathBuf,
    /// The directory with everything outside of `/usr`.
    pub root: PathBuf,
}

impl Image {
    /// Returns the image of this run. The first call builds it.
    pub fn get(how: How) -> Result<&'static Self, String> {
        static IMAGES: [OnceLock<Result<Image, String>>; 4] = [const { OnceLock::new() }; 4];
        IMAGES[how as usize].get_or_init(|| build(how)).as_ref().map_err(Clone::clone)
    }

    /// Returns the path of the kernel.
    pub fn kernel(&self) -> PathBuf {
        self.kernel.path.join("vmlinuz")
    }

    /// Returns the path of the initramfs, which mounts the disks and starts systemd.
    pub fn first(&self) -> PathBuf {
        self.kernel.path.join("first.img")
    }
}

fn build(how: How) -> Result<Image, String> {
    let arch = Arch::get();
    let kernel = Kept::get(&arch.kind("kernel"), "cloud", &[KERNEL], |new| {
        eprintln!("testbed: fetching a kernel for virtual machines (once, some seconds) …");
        script(KERNEL, "kernel.sh", &[new, Path::new(arch.debian())])
    })?;
    let place = sandbox::machines().join(format!("image-{how:?}"));
    let [upper, work, merged, root] = ["upper", "work", "merged", "root"].map(|name| place.join(name));
    for directory in [&upper, &work, &merged, &root] {
        fs::create_dir_all(directory).map_err(|e| format!("failed to make {}: {e}", directory.display()))?;
    }
    let selinux = if how == How::Labelled { Some(tree::with_selinux()?) } else { None };
    let tree = selinux.as_ref().map_or_else(sandbox::tree, |kept| kept.path.clone());
    let options = format!(
        "lowerdir={}:{},upperdir={},workdir={}",
        kernel.path.display(),
        tree.display(),
        upper.display(),
        work.display()
    );
    must_run(Command::new("mount").args(["-t", "overlay", "-o", &options, "overlay"]).arg(&merged))?;
    match how {
        How::Laid | How::Labelled => install(arch, &merged)?,
        How::Packed => unpack(&merged)?,
        How::Absent => {}
    }
    script(LAYER, "layer.sh", &[&merged])?;
    if how == How::Labelled {
        label(&merged)?;
    }
    let usr = place.join("usr.img");
    disk::ext4(&merged.join("usr"), &usr, "usr", 600)?;
    for entry in fs::read_dir(&merged).map_err(|e| format!("failed to read the tree: {e}"))?.flatten() {
        // These files belong to the kernel, and are not part of the modules.
        if !["usr", "vmlinuz", "first.img"].iter().any(|name| entry.file_name() == *name) {
            must_run(Command::new("cp").arg("-a").arg(entry.path()).arg(&root))?;
        }
    }
    fs::create_dir_all(root.join("usr")).map_err(|e| format!("failed to make a place for /usr: {e}"))?;
    must_run(Command::new("umount").arg(&merged))?;
    Ok(Image { kernel, usr, root })
}

/// Gives all files of the tree the labels of its SELinux policy.
fn label(tree: &Path) -> Result<(), String> {
    let proc = tree.join("proc");
    must_run(Command::new("mount").args(["-t", "proc", "proc"]).arg(&proc))?;
    let contexts = "/etc/selinux/default/contexts/files/file_contexts";
    let labelled = must_run(Command::new("chroot").arg(tree).args(["setfiles", "-F", "-e", "/proc", contexts, "/"]));
    must_run(Command::new("umount").arg(&proc))?;
    labelled
}

/// Installs the program and the files of an image in the tree, as an image builder does.
fn install(arch: Arch, tree: &Path) -> Result<(), String> {
    let program = arch.program();
    if !program.is_file() {
        return Err(format!("there is no {}; `make release` builds it", program.display()));
    }
    let mut make = Command::new("make");
    make.args(["--silent", "-C", env!("CARGO_MANIFEST_DIR"), "install", &format!("BIN={}", program.display())]);
    make.arg(format!("DESTDIR={}", tree.display()));
    // If make runs this test, its variables must not affect the make below.
    for word in ["MAKEFLAGS", "MAKEOVERRIDES", "MFLAGS"] {
        make.env_remove(word);
    }
    must_run(&mut make)
}

/// Installs the Debian package in the tree, as an image builder with packages does.
fn unpack(tree: &Path) -> Result<(), String> {
    let package = tree.join("coreos-cloudinit.deb");
    fs::copy(package::get(), &package).map_err(|e| format!("failed to copy the package: {e}"))?;
    // Nothing of the package may start here; it starts at the next boot.
    let mut install = Command::new("chroot");
    install.arg(tree).args(["dpkg", "--install", "/coreos-cloudinit.deb"]).env("DEBIAN_FRONTEND", "noninteractive");
    must_run(&mut install)?;
    fs::remove_file(&package).map_err(|e| format!("failed to remove the package: {e}"))
}

fn script(text: &str, name: &str, arguments: &[&Path]) -> Result<(), String> {
    let path = sandbox::machines().join(name);
    fs::write(&path, text).map_err(|e| format!("failed to write {}: {e}", path.display()))?;
    must_run(Command::new("sh").arg(&path).args(arguments))
}
