//! A disk image that `oem/customize-image.sh` has written.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::testbed::vm::Setup;
use crate::testbed::{Suite, marked, sandbox};

const UNIT: &str = "user-cloudinit@usr-share-oem-user_data.service";
const FUNCTIONS: &str = include_str!("../../inputs/customize.sh");

/// Makes a signed image, and customizes it with the marked program and user-data.
fn image() -> PathBuf {
    let dir = sandbox::machines().join("customized");
    fs::create_dir_all(&dir).expect("a directory of our own");
    let script = format!(
        r#"mib=128
{FUNCTIONS}
trap 'gpgconf --kill all' EXIT
printf '#cloud-config\nhostname: customized\nwrite_files: [{{path: /etc/mine, content: mine}}]\n' > user_data
key good never; ext4; disk disk ext4; bzip2 disk; sign good disk.bz2
"$0" disk.bz2 --signature disk.bz2.good.sig --key good.gpg --oem hyperv --user-data user_data --program "$1" --output out
"#
    );
    let customize = concat!(env!("CARGO_MANIFEST_DIR"), "/oem/customize-image.sh");
    let mut bash = Command::new("bash");
    let output = bash.args(["-c", &script, customize]).arg(marked::program()).current_dir(&dir).output();
    let output = output.expect("bash is there");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    dir.join("out")
}

pub fn cases(suite: &mut Suite) {
    suite.plain("a_customized_image_runs_its_program_and_applies_its_user_data", || {
        let vm = Setup::default().oem_image(image()).boot();
        for boot in ["the first boot", "the second boot"] {
            assert_eq!(vm.sh("tail -c 15 /usr/bin/coreos-cloudinit"), marked::MARK, "{boot}");
            assert_eq!(vm.sh("hostname"), "customized", "{boot}");
            vm.is_file("/etc/mine", "mine", 0o644, "root:root");
            assert!(vm.text("/etc/oem-release").starts_with("ID=hyperv\n"), "{boot}");
            assert_eq!(vm.property(UNIT, "Result"), "success", "{boot}");
            assert_eq!(vm.sh("systemctl is-system-running"), "running", "{boot}");
            if boot == "the first boot" {
                vm.shut_down();
                vm.boot_again();
            }
        }
        // The image's own program is below it.
        vm.sh("systemctl stop 'usr-bin-coreos\\x2dcloudinit.mount'");
        assert_ne!(vm.sh("tail -c 15 /usr/bin/coreos-cloudinit | tr -d '\\0'"), marked::MARK);
    });
}
