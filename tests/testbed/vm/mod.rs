//! Disposable virtual machines, with a real boot and their own kernel, disks and udev.
//!
//! `image` builds the shared parts: a kernel, and a read-only `/usr` with the program and its units. `setup` lists the
//! disks of a case, and `disk` creates them. `machine` boots the machine and runs commands in it. `qemu` is its
//! process.

pub mod disk;
pub mod film;
pub mod image;
pub mod machine;
pub mod qemu;
pub mod setup;
pub mod times;

pub use machine::Vm;
pub use setup::Setup;

/// The programs that virtual machines need, and their Debian packages.
const TOOLS: [(&str, &str); 12] = [
    ("busybox", "busybox-static"),
    ("cpio", "cpio"),
    ("depmod", "kmod"),
    ("mkfs.ext4", "e2fsprogs"),
    ("debugfs", "e2fsprogs"),
    ("mkfs.xfs", "xfsprogs"),
    ("fallocate", "util-linux"),
    ("genisoimage", "genisoimage"),
    ("mkfs.vfat", "dosfstools"),
    ("mcopy", "mtools"),
    ("make", "make"),
    ("mksquashfs", "squashfs-tools"),
];

/// Returns the reason why virtual machines cannot be booted here.
pub fn missing() -> Option<String> {
    let arch = super::Arch::get();
    let package = if arch == super::Arch::Arm64 { "qemu-system-arm" } else { "qemu-system-x86" };
    let tools = [&[(arch.qemu(), package)][..], &TOOLS].concat();
    super::sandbox::missing_tools(&tools)
}
