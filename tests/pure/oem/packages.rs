//! The scripts of `packaging/`: any name and any directory, and files of others stay. Needs no root.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use super::root;

/// Returns true if this machine has the tools; `make test` installs them.
fn has_tools(tools: &str) -> bool {
    let script = format!("for tool in {tools}; do command -v $tool || exit 1; done");
    let is_there = Command::new("sh").args(["-c", &script]).output().unwrap().status.success();
    if !is_there {
        assert!(std::env::var_os("CI").is_none(), "one of {tools} is missing");
        eprintln!("skipped: one of {tools} is missing");
    }
    is_there
}

/// Runs a script of `packaging/` for a small program.
fn package(script: &str, out: &Path, variable: &str, value: &str) -> Output {
    let mut command = Command::new(root().join("packaging").join(script));
    command.args([Path::new("/bin/true"), out]).env(variable, value).output().unwrap()
}

/// Returns the built package; lintian and rpmlint can have complaints about the name.
fn built(out: &Path, output: &Output) -> PathBuf {
    let mut files = fs::read_dir(out).unwrap().map(|entry| entry.unwrap().path());
    let file = files.find(|file| file.file_name().unwrap().to_str().unwrap().starts_with("coreos-cloudinit"));
    file.unwrap_or_else(|| panic!("{output:?}"))
}

fn print(program: &str, arguments: &[&str], file: &Path) -> String {
    let output = Command::new(program).args(arguments).arg(file).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Puts files of the user where a script writes, and returns them.
fn mine(out: &Path, names: &[&str]) -> Vec<PathBuf> {
    let files: Vec<_> = names.iter().map(|name| out.join(name)).collect();
    for file in &files {
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, "mine").unwrap();
    }
    files
}

#[test]
fn a_debian_package_can_have_any_maintainer() {
    if !has_tools("dpkg-buildpackage dh lintian") {
        return;
    }
    let out = tempfile::tempdir().unwrap();
    let files = mine(out.path(), &["build/mine", "other_1_all.deb"]);
    let output = package("deb.sh", out.path(), "DEBFULLNAME", "A & B \\1");
    let built = &built(out.path(), &output);
    let control = print("dpkg-deb", &["--field"], built);
    assert!(control.contains("\nMaintainer: A & B \\1 <maintainers@coreos-cloudinit.invalid>\n"), "{control}");
    assert!(files.iter().all(|file| fs::read_to_string(file).unwrap() == "mine"));
    let output = package("deb.sh", out.path(), "DEBFULLNAME", "A\nB");
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "deb: DEBFULLNAME or DEBEMAIL: contains a line break\n");
    assert!(built.exists(), "the former package is removed only for a new one");
}

#[test]
fn an_rpm_can_have_any_packager() {
    if !has_tools("rpmbuild rpmlint") {
        return;
    }
    let out = tempfile::tempdir().unwrap();
    let files = mine(out.path(), &["build/mine", "other-1.rpm"]);
    let output = package("rpm.sh", out.path(), "RPMNAME", "100% %{sure} %(id) & %%");
    let built = &built(out.path(), &output);
    let packager = print("rpm", &["-qp", "--nosignature", "--qf", "%{PACKAGER}"], built);
    assert_eq!(packager, "100% %{sure} %(id) & %% <maintainers@coreos-cloudinit.invalid>");
    assert!(files.iter().all(|file| fs::read_to_string(file).unwrap() == "mine"));
    let output = package("rpm.sh", out.path(), "RPMEMAIL", "a\nb");
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "rpm: RPMNAME or RPMEMAIL: contains a line break\n");
}

#[test]
fn a_release_replaces_only_its_own_files() {
    let tree = tempfile::tempdir().unwrap();
    let packaging = tree.path().join("packaging");
    fs::create_dir(&packaging).unwrap();
    fs::copy(root().join("packaging/release.sh"), packaging.join("release.sh")).unwrap();
    fs::write(tree.path().join("Cargo.toml"), "version = \"1.2.3\"\n").unwrap();
    fs::write(tree.path().join("Cargo.lock"), "").unwrap();
    // In place of the build and of the SBOM.
    for (name, text) in [
        (
            "build.sh",
            "dir=$CARGO_TARGET_DIR/${PLATFORM%%.*}/release; mkdir -p $dir; echo $PLATFORM > $dir/coreos-cloudinit",
        ),
        ("sbom.py", "echo {}"),
    ] {
        let file = packaging.join(name);
        fs::write(&file, format!("#!/bin/sh\n{text}\n")).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let out = tree.path().join("my out");
    let files = mine(&out, &["mine", "coreos-cloudinit.conf", "dir/mine"]);
    let old = mine(&out, &["coreos-cloudinit-1.0.0-x86_64-unknown-linux-gnu", "SHA256SUMS"]);
    let mut release = Command::new(packaging.join("release.sh"));
    let output = release.arg(&out).env("CARGO_TARGET_DIR", tree.path().join("target")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(files.iter().all(|file| fs::read_to_string(file).unwrap() == "mine") && !old[0].exists());
    let sums = fs::read_to_string(&old[1]).unwrap();
    assert_eq!(sums.matches("  coreos-cloudinit-1.2.3-").count(), 6, "{sums}");
    assert_eq!(sums.lines().count(), 6, "{sums}");
}

#[test]
fn a_source_archive_has_the_given_time_and_replaces_only_itself() {
    if !root().join(".git").exists() || !has_tools("git xz tar") {
        return;
    }
    let out = tempfile::tempdir().unwrap();
    let directory = format!("coreos-cloudinit-{}/mine", env!("CARGO_PKG_VERSION"));
    let files = mine(out.path(), &[&directory]);
    let mut command = Command::new(root().join("packaging/dist.sh"));
    // Without the dependencies.
    let output = command.arg(out.path()).env("CARGO", "true").env("SOURCE_DATE_EPOCH", "1500000000").output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let printed = String::from_utf8(output.stdout).unwrap();
    let listed = print("tar", &["--utc", "-tvf"], Path::new(printed.trim_end()));
    assert!(listed.lines().all(|line| line.contains(" 2017-07-14 02:40 ")), "{listed}");
    assert!(files[0].exists());
}
