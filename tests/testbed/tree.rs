//! The root tree that every machine starts from: built once, kept under `target/testbed/`.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::arch::Arch;
use super::kept::{Kept, home, must_run};

/// The packages of the tree in addition to Debian's essential ones.
const PACKAGES: &str = "systemd,systemd-sysv,dbus,libnss-systemd,passwd,iproute2,kmod,udev,procps,curl,jq";
/// The directories that no case needs.
const LEFT_OUT: [&str; 3] = ["/usr/share/doc/*", "/usr/share/man/*", "/usr/share/locale/*"];
/// The recipe's second half.
const SCRIPT: &str = include_str!("tree.sh");

/// The packages of a tree with SELinux.
const SELINUX: &str = ",policycoreutils,selinux-policy-default";

/// Finds the tree of this recipe, or builds it.
pub fn get() -> Result<Kept, String> {
    find("tree", PACKAGES)
}

/// Finds the tree with SELinux, or builds it.
pub fn with_selinux() -> Result<Kept, String> {
    find("selinux", &format!("{PACKAGES}{SELINUX}"))
}

fn find(kind: &str, packages: &str) -> Result<Kept, String> {
    let suite = suite();
    let recipe: Vec<&str> = [&suite, packages, SCRIPT].into_iter().chain(LEFT_OUT).collect();
    let arch = Arch::get();
    Kept::get(&arch.kind(kind), &suite, &recipe, |new| build(arch, &suite, packages, new))
}

/// The Debian release of the tree: the host's own, so that a program linked here runs there.
fn suite() -> String {
    if let Ok(suite) = std::env::var("TESTBED_SUITE") {
        return suite;
    }
    let release = fs::read_to_string("/etc/os-release").unwrap_or_default();
    let field = |name: &str| {
        release
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix('='))
            .map(|v| v.trim_matches('"').to_owned())
    };
    match (field("ID").as_deref(), field("VERSION_CODENAME")) {
        (Some("debian"), Some(suite)) => suite,
        _ => "bookworm".to_owned(),
    }
}

fn build(arch: Arch, suite: &str, packages: &str, new: &Path) -> Result<(), String> {
    let time = if arch == Arch::Arm64 { "ten minutes" } else { "a minute" };
    eprintln!("testbed: building the base tree ({suite}, {}, once, about {time}) …", arch.debian());
    let script = home().join("tree.sh");
    fs::write(&script, SCRIPT).map_err(|e| format!("failed to write {}: {e}", script.display()))?;
    let mut command = arch.command("mmdebstrap");
    if arch == Arch::Arm64 {
        // Its own check needs a package more. The rest saves an emulated Perl, and flushes of each file.
        command.args(["--arch=arm64", "--skip=check/qemu", "--dpkgopt=force-unsafe-io"]);
        command.arg("--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr");
    }
    command.args(["--mode=root", "--variant=minbase", "--quiet"]).arg(format!("--include={packages}"));
    for pattern in LEFT_OUT {
        command.arg(format!("--dpkgopt=path-exclude={pattern}"));
    }
    command.arg(suite).arg(new);
    // Not as a hook of mmdebstrap, which empties the machine id after its last hook.
    must_run(&mut command).and_then(|()| must_run(arch.command("sh").arg(&script).arg(new)))
}
