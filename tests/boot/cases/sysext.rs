//! The program in a system extension, merged into `/usr` at boot.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use super::drives::drive;
use super::{DRIVE, INSTALLED, USER_DATA};
use crate::testbed::key::key;
use crate::testbed::vm::disk::Format;
use crate::testbed::vm::{Setup, Vm};
use crate::testbed::{Boot, Suite, marked, sandbox};

const IMAGE: &str = "/etc/extensions/coreos-cloudinit.raw";
const UPHELD: &str = "coreos-cloudinit-sysext.target";
/// For systemd that ignores `EXTENSION_RELOAD_MANAGER=`.
const RELOAD: &str = include_str!("../../../oem/sysext/coreos-cloudinit-sysext.service");
/// The message of systemd when a unit begins to start.
const STARTING: &str = "7d4958e842da4a758f6c1cdc7b36dcc5";

/// Builds the extension once, with the marked program; returns the path of the image for any system.
fn extension() -> &'static Path {
    static MADE: OnceLock<PathBuf> = OnceLock::new();
    MADE.get_or_init(|| {
        let out = sandbox::machines().join("sysext");
        fs::create_dir_all(&out).expect("a directory of our own");
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/packaging/sysext.sh");
        let output = Command::new(script).arg(marked::program()).arg(&out).output().expect("it is there");
        let printed = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "sysext.sh: {printed}{}", String::from_utf8_lossy(&output.stderr));
        printed.lines().find(|path| path.contains("-any-")).expect("it prints both paths").into()
    })
}

/// A root disk with the extension, merged at boot.
fn extended(root: Boot) -> Boot {
    root.copy(extension(), IMAGE).link(
        "/etc/systemd/system/sysinit.target.wants/systemd-sysext.service",
        "/usr/lib/systemd/system/systemd-sysext.service",
    )
}

/// Checks that the program is that of the extension.
fn is_merged(vm: &Vm) {
    assert_eq!(vm.sh("tail -c 15 /usr/bin/coreos-cloudinit"), marked::MARK);
    assert_eq!(
        vm.sh("systemctl is-active systemd-sysext.service; findmnt -no FSTYPE /usr | tail -n 1"),
        "active\noverlay"
    );
}

/// How often systemd started a unit in this boot.
fn starts(vm: &Vm, unit: &str) -> usize {
    vm.sh(&format!(
        "journalctl -b -q -o cat --output-fields=UNIT MESSAGE_ID={STARTING} UNIT='{unit}' | grep -c . || true"
    ))
    .parse()
    .expect("a number")
}

pub fn cases(suite: &mut Suite) {
    // The host name and the keys are those of the drive: the order of the two runs is not fixed.
    let user_data = "#cloud-config\nusers: [{name: 'not valid'}]\nwrite_files: [{path: /etc/mine, content: mine}]\n";
    let on_drive = "#cloud-config\nwrite_files: [{path: /etc/from-drive, content: drive}]\n";
    let setup = Setup::default()
        .absent()
        .root(|root| {
            extended(root).file("/etc/systemd/system/coreos-cloudinit-sysext.service", RELOAD).link(
                "/etc/systemd/system/sysinit.target.wants/coreos-cloudinit-sysext.service",
                "/etc/systemd/system/coreos-cloudinit-sysext.service",
            )
        })
        .file(USER_DATA, user_data)
        .disk(Format::Iso, "config-2", drive("from-drive", "", on_drive));
    suite.vm("an_extension_applies_a_failing_configuration_once_per_boot", setup, |vm| {
        for boot in ["the first boot", "the second boot"] {
            is_merged(vm);
            vm.is_file("/etc/mine", "mine", 0o644, "root:root");
            vm.is_file("/etc/from-drive", "drive", 0o644, "root:root");
            assert!(vm.text("/home/core/.ssh/authorized_keys").contains(&key("from-drive")), "{boot}");
            assert_eq!(vm.property(INSTALLED, "Result"), "exit-code", "{boot}: one user is invalid");
            assert_eq!(vm.property(DRIVE, "Result"), "success", "{boot}");
            // systemd starts what it upholds again as soon as it finds it inactive.
            vm.sh("systemctl daemon-reload; sleep 5");
            assert_eq!(vm.active(UPHELD), "active", "{boot}");
            assert_eq!((starts(vm, INSTALLED), starts(vm, DRIVE)), (1, 1), "{boot}");
            if boot == "the first boot" {
                vm.shut_down();
                vm.boot_again();
            }
        }
    });

    // The units are those of the image, which knows them without a reload.
    let setup = Setup::default().root(extended).file(USER_DATA, "#cloud-config\nhostname: overlaid\n");
    suite.vm("an_extension_replaces_the_program_of_the_image", setup, |vm| {
        is_merged(vm);
        assert_eq!(vm.sh("hostname"), "overlaid");
        assert_eq!((vm.property(INSTALLED, "Result").as_str(), starts(vm, INSTALLED)), ("success", 1));
        vm.sh("systemd-sysext unmerge");
        assert_ne!(vm.sh("tail -c 15 /usr/bin/coreos-cloudinit | tr -d '\\0'"), marked::MARK);
    });
}
