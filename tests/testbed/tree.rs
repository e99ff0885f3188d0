//! The root tree of all machines. It is built once and cached under `target/testbed/`.

use std::path::Path;
use std::process::Command;

use super::arch::Arch;
use super::kept::{Kept, must_run};
use super::release;

/// The packages of the tree in addition to Debian's essential ones.
const PACKAGES: &str = "systemd,systemd-sysv,dbus,libnss-systemd,passwd,iproute2,kmod,udev,procps,curl,jq";
/// The directories that no case needs.
const LEFT_OUT: [&str; 3] = ["/usr/share/doc/*", "/usr/share/man/*", "/usr/share/locale/*"];
/// The option of apt for a mirror that is an old snapshot. Signatures are still checked.
const ANY_TIME: &str = r#"Acquire::Check-Valid-Until "false""#;
/// The hook of mmdebstrap that merges `/usr`.
const MERGED: &str = "/usr/share/mmdebstrap/hooks/merged-usr/setup00.sh";
/// The second half of the recipe, a shell script.
const SCRIPT: &str = include_str!("tree.sh");

/// Further packages of releases that have systemd-sysupdate; gpg verifies what it downloads.
const SYSUPDATE: &str = ",systemd-container,gpg";

/// Additional packages of a tree with SELinux.
const SELINUX: &str = ",policycoreutils,selinux-policy-default";

/// Returns the tree, and builds it if it is not cached.
pub fn get() -> Result<Kept, String> {
    let sysupdate = if release::has_sysupdate() { SYSUPDATE } else { "" };
    find("tree", &format!("{PACKAGES}{sysupdate}"))
}

/// Returns the tree with SELinux, and builds it if it is not cached.
pub fn with_selinux() -> Result<Kept, String> {
    find("selinux", &format!("{PACKAGES}{SELINUX}"))
}

fn find(kind: &str, packages: &str) -> Result<Kept, String> {
    let release = &*release::name();
    let recipe: Vec<&str> = [release, packages, SCRIPT, ANY_TIME].into_iter().chain(LEFT_OUT).collect();
    let arch = Arch::get();
    Kept::get(&arch.kind(kind), release, &recipe, |new| build(arch, release, packages, new))
}

fn build(arch: Arch, release: &str, packages: &str, new: &Path) -> Result<(), String> {
    let time = if arch == Arch::Arm64 { "ten minutes" } else { "a minute" };
    eprintln!("testbed: building the base tree ({release}, {}, once, about {time}) …", arch.debian());
    let mut command = arch.command("mmdebstrap");
    if arch == Arch::Arm64 {
        // mmdebstrap's check needs an additional package. The hook avoids an emulated Perl script, and the option of
        // dpkg avoids flushing each file.
        command.args(["--arch=arm64", "--skip=check/qemu", "--dpkgopt=force-unsafe-io"]);
        command.arg("--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr");
    }
    command.args(["--mode=root", "--variant=minbase", "--quiet"]).arg(format!("--include={packages}"));
    for pattern in LEFT_OUT {
        command.arg(format!("--dpkgopt=path-exclude={pattern}"));
    }
    if release::is_oldest() {
        // The hook does what later releases and the installer of this release do.
        command.arg(format!("--setup-hook={MERGED}"));
    }
    command.arg(format!("--aptopt={ANY_TIME}")).arg(release).arg(new);
    // This is not a hook, because mmdebstrap empties the machine ID after the last hook.
    must_run(&mut command).and_then(|()| must_run(arch.command("sh").args(["-c", SCRIPT, "sh"]).arg(new)))
}
