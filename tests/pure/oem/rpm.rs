//! The RPM package of `make rpm`, inspected. Needs no root.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{names, read, root};

/// Returns true if this machine has the tools; `make test` installs them.
fn has_tools() -> bool {
    let is_there = Command::new("sh").args(["-c", "command -v rpmbuild && command -v rpmlint"]).output();
    let is_there = is_there.is_ok_and(|output| output.status.success());
    if !is_there {
        assert!(std::env::var_os("CI").is_none(), "rpmbuild or rpmlint is missing");
        eprintln!("skipped: rpmbuild or rpmlint is missing");
    }
    is_there
}

/// Builds the package with a small program; rpmlint has no complaint.
fn build(out: &Path) -> PathBuf {
    let output = Command::new(root().join("packaging/rpm.sh"))
        .args([Path::new("/bin/true"), out])
        .env("SOURCE_DATE_EPOCH", "1500000000")
        .output()
        .unwrap();
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{printed}{}", String::from_utf8_lossy(&output.stderr));
    assert!(printed.contains("0 errors, 0 warnings"), "{printed}");
    printed.lines().last().unwrap().into()
}

fn query(package: &Path, options: &[&str]) -> String {
    let output = Command::new("rpm").args(["-qp", "--nosignature"]).args(options).arg(package).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_rpm_has_what_make_install_installs() {
    if !has_tools() {
        return;
    }
    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let package = build(one.path());
    assert!(std::fs::read(&package).unwrap() == std::fs::read(build(other.path())).unwrap(), "the bytes differ");

    let listed = query(&package, &["--qf", "[%{FILEMODES:octal} %{FILEUSERNAME}:%{FILEGROUPNAME} %{FILENAMES}\n]"]);
    let files: BTreeSet<&str> = listed.lines().collect();
    let wanted = read("tests/pure/oem/installed.txt");
    for line in wanted.lines().filter(|line| !line.contains("usr/share/oem/") && !line.contains("/LICENSE")) {
        let (path, mode) = line.split_once(' ').unwrap();
        // Other packages have the directories.
        if path.ends_with('/') {
            continue;
        }
        let path = if path.contains("/man/") { format!("{path}.gz") } else { path.to_owned() };
        let mode = if mode.starts_with("->") { "120777".to_owned() } else { format!("10{mode}") };
        let entry = format!("{mode} root:root /{path}");
        assert!(files.contains(entry.as_str()), "{entry} is missing in {listed}");
    }
    for page in names("docs") {
        assert!(listed.contains(&format!(" /usr/share/doc/coreos-cloudinit/{page}\n")), "{page} is missing");
    }
    assert!(!listed.contains("/usr/share/oem"), "{listed}");
}

#[test]
fn the_rpm_requires_the_tools_and_its_scripts_start_nothing() {
    if !has_tools() {
        return;
    }
    let out = tempfile::tempdir().unwrap();
    let package = build(out.path());
    let requires = query(&package, &["--requires"]);
    for name in ["dbus", "shadow-utils", "systemd", "libc.so.6"] {
        assert!(requires.lines().any(|line| line.split(['(', ' ']).next() == Some(name)), "{name}: {requires}");
    }
    let scripts = query(&package, &["--scripts"]);
    assert!(!scripts.contains("systemctl start") && !scripts.contains("systemctl enable"), "{scripts}");
    // An upgrade runs them with 1: it stops nothing and keeps the records.
    assert_eq!(scripts.matches("[ \"$1\" = 0 ]").count(), 2, "{scripts}");
}
