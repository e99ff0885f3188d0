//! Broken user-data: the machine is reachable, and reports the faults.

use super::drives::drive;
use super::{DRIVE, INSTALLED, USER_DATA, order};
use crate::testbed::Suite;
use crate::testbed::key::key;
use crate::testbed::vm::Setup;
use crate::testbed::vm::disk::Format;

pub fn cases(suite: &mut Suite) {
    // One part cannot be parsed; the other has one invalid value.
    let unreadable = "#cloud-config\nwrite_files:\n- path: /etc/never\n  content: \"no end\n- [\n";
    let refused = "#cloud-config\nwrite_files: [{path: /etc/right, content: right}, {path: /etc/wrong, content: x, permissions: '0999'}]\n";
    let setup = Setup::default().oem("#cloud-config\nhostname: of-the-image\n").file(USER_DATA, refused).disk(
        Format::Fat,
        "config-2",
        drive("reachable", "", unreadable),
    );
    suite.vm("user_data_costs_neither_keys_nor_host_name_nor_the_boot", setup, |vm| {
        order::holds(vm, "broken user-data");
        assert_eq!(vm.sh("hostname"), "reachable");
        assert!(vm.text("/home/core/.ssh/authorized_keys").contains(&key("reachable")));
        assert!(!vm.exists("/etc/never") && !vm.exists("/etc/wrong"));
        assert_eq!(vm.text("/etc/right"), "right");

        let failed = vm.sh("systemctl --failed --plain --no-legend | cut -d ' ' -f 1 | sort");
        assert_eq!(failed, format!("{INSTALLED}\n{DRIVE}"));
        for target in ["user-config.target", "multi-user.target"] {
            assert_eq!(vm.active(target), "active", "{target}");
        }
        let errors = vm.sh("journalctl -b -o cat -t coreos-cloudinit -p err");
        assert!(errors.contains("/etc/wrong"), "{errors}");
        assert!(errors.contains("/media/configdrive"), "{errors}");
        let status = vm.sh("coreos-cloudinit --status");
        // Once each, however long the file stays where it is.
        vm.sh("sleep 2");
        assert_eq!(vm.sh("coreos-cloudinit --status"), status);
        for source in [USER_DATA, "/media/configdrive"] {
            let runs =
                status.lines().filter(|line| !line.starts_with(' ') && line.contains(source)).collect::<Vec<_>>();
            assert!(matches!(runs[..], [run] if run.contains("failed")), "{source}: {status}");
        }
        for unit in [INSTALLED, DRIVE] {
            let starts = vm.sh(&format!("journalctl -b -o cat -u '{unit}' | grep -c '^Starting '"));
            assert_eq!(starts, "1", "{unit}");
        }
    });
}
