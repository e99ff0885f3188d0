//! The Debian package, in a machine with a kernel, disks and udev of its own.

use super::{INSTALLED, USER_DATA, order};
use crate::testbed::Suite;
use crate::testbed::key::key;
use crate::testbed::vm::Setup;

pub fn cases(suite: &mut Suite) {
    let user = format!(
        "#cloud-config\nhostname: packed\nssh_authorized_keys: ['{}']\nusers: [{{name: mary}}]\n\
         write_files: [{{path: /etc/mine, content: mine, owner: mary, permissions: '0600'}}]\n\
         coreos: {{units: [{{name: mine.service, command: start, content: \"[Service]\\nExecStart=/bin/sleep infinity\\n\"}}]}}\n",
        key("packed")
    );
    let oem = "#cloud-config\ncoreos: {oem: {id: testbed, name: The testbed}}\n";
    let setup = Setup::default().packed().oem(oem).file(USER_DATA, &user);
    suite.vm("a_machine_with_the_package_is_as_one_with_the_image", setup, |vm| {
        order::holds(vm, "a machine with the package");
        assert_eq!(vm.sh("hostname; systemctl is-system-running; systemctl is-active mine"), "packed\nrunning\nactive");
        vm.is_file("/etc/mine", "mine", 0o600, "mary:root");
        assert!(vm.text("/home/core/.ssh/authorized_keys").contains(&key("packed")));
        assert!(vm.text("/etc/oem-release").starts_with("ID=testbed\n"));
        assert_eq!(vm.property(INSTALLED, "Result"), "success");
        // All that the package brought is as it was brought, but for the pages that the tree's own configuration
        // leaves out.
        let differing = "dpkg --verify coreos-cloudinit | grep -vE '^missing +/usr/share/(doc|man)' || true";
        assert_eq!(vm.sh(differing), "");
        assert_eq!(vm.sh("dpkg-query -W -f '${Status}' coreos-cloudinit"), "install ok installed");
        let entries = vm.sh("journalctl -b -x -t coreos-cloudinit --no-pager");
        assert!(entries.contains(&format!("Subject: All user-data from {USER_DATA} has been applied")), "{entries}");
    });
}
