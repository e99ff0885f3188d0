//! The system extensions of `make sysext`. Needs no root.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{read, root, units};

/// Returns true if this machine has the tools; `make test` installs them.
fn has_tools() -> bool {
    let is_there = Command::new("sh").args(["-c", "command -v mksquashfs && command -v unsquashfs"]).output();
    let is_there = is_there.is_ok_and(|output| output.status.success());
    if !is_there {
        assert!(std::env::var_os("CI").is_none(), "mksquashfs is missing");
        eprintln!("skipped: mksquashfs is missing");
    }
    is_there
}

/// Builds both extensions with `program`; returns their paths.
fn build(program: &Path, out: &Path) -> Vec<PathBuf> {
    let script = root().join("packaging/sysext.sh");
    let output = Command::new(script).arg(program).arg(out).env("SOURCE_DATE_EPOCH", "1500000000").output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().lines().map(PathBuf::from).collect()
}

/// The first bytes of a program for the machine `number`.
fn header(number: u8) -> Vec<u8> {
    let mut bytes = vec![0; 64];
    // 64 bits.
    bytes[..5].copy_from_slice(b"\x7fELF\x02");
    bytes[18] = number;
    bytes
}

fn unsquashfs(options: &[&str], image: &Path, path: &str) -> String {
    let output = Command::new("unsquashfs").args(options).arg(image).arg(path).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn extensions_have_the_same_bytes_and_name_their_systems() {
    if !has_tools() {
        return;
    }
    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    for (machine, arch) in [(62, "x86-64"), (183, "arm64")] {
        let program = one.path().join("program");
        fs::write(&program, header(machine)).unwrap();
        let images = build(&program, one.path());
        for (image, again) in images.iter().zip(build(&program, other.path())) {
            assert!(fs::read(image).unwrap() == fs::read(again).unwrap(), "{} differs", image.display());
        }
        let version = env!("CARGO_PKG_VERSION");
        let names: Vec<_> = images.iter().map(|image| image.file_name().unwrap().to_str().unwrap()).collect();
        let wanted =
            [format!("coreos-cloudinit-{version}-{arch}.raw"), format!("coreos-cloudinit-any-{version}-{arch}.raw")];
        assert_eq!(names, wanted);
        let release = "usr/lib/extension-release.d/extension-release.coreos-cloudinit";
        let shared = format!("ARCHITECTURE={arch}\nEXTENSION_RELOAD_MANAGER=1\n");
        for (image, system) in images.iter().zip(["ID=flatcar\nSYSEXT_LEVEL=1.0\n", "ID=_any\n"]) {
            assert_eq!(unsquashfs(&["-cat"], image, release), format!("{system}{shared}"));
        }
    }
}

#[test]
fn an_extension_has_the_units_and_upholds_only_its_target() {
    if !has_tools() {
        return;
    }
    let out = tempfile::tempdir().unwrap();
    let program = out.path().join("program");
    fs::write(&program, header(62)).unwrap();
    let image = &build(&program, out.path())[0];
    let listed = unsquashfs(&["-ls", "-dest", ""], image, "usr");
    let paths: BTreeSet<&str> =
        listed.lines().filter_map(|path| path.trim_start_matches('/').strip_prefix("usr/")).collect();
    for unit in units() {
        assert!(paths.contains(format!("lib/systemd/system/{unit}").as_str()), "{unit} is missing in {paths:?}");
    }
    for path in [
        "bin/coreos-cloudinit",
        "lib/systemd/catalog/coreos-cloudinit.catalog",
        "lib/systemd/system/coreos-cloudinit-sysext-udev.service",
        "lib/systemd/system/multi-user.target.wants/system-config.target",
        "lib/systemd/system/multi-user.target.wants/user-config.target",
        "lib/udev/rules.d/90-configdrive.rules",
    ] {
        assert!(paths.contains(path), "{path} is missing in {paths:?}");
    }
    // The unit for the reload is useless in an extension, and pages do not belong into a machine.
    assert!(!paths.iter().any(|path| path.starts_with("share") || path.ends_with("coreos-cloudinit-sysext.service")));
    let drop_in =
        unsquashfs(&["-cat"], image, "usr/lib/systemd/system/multi-user.target.d/coreos-cloudinit-sysext.conf");
    assert_eq!(drop_in, "[Unit]\nUpholds=coreos-cloudinit-sysext.target\n");
    // A required target that fails would take the upheld one with it, and systemd would start both again.
    let target = read("oem/sysext/coreos-cloudinit-sysext.target");
    let wants = "Wants=system-config.target user-config.target coreos-cloudinit-sysext-udev.service";
    assert!(target.lines().any(|line| line == wants) && !target.contains("\nRequires="));
}

#[test]
fn a_file_that_is_no_program_makes_no_extension() {
    let out = tempfile::tempdir().unwrap();
    let program = out.path().join("program");
    for bytes in [Vec::new(), b"#!/bin/sh\nexit 0\n".to_vec(), header(3)] {
        fs::write(&program, bytes).unwrap();
        let output = Command::new(root().join("packaging/sysext.sh")).arg(&program).arg(out.path()).output().unwrap();
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{error}");
        assert!(error.contains("is not a program for x86-64 or arm64"), "{error}");
        assert_eq!(fs::read_dir(out.path()).unwrap().count(), 1);
    }
}
