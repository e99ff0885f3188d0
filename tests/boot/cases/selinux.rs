//! SELinux with Debian's policy.

use super::{INSTALLED, USER_DATA};
use crate::testbed::Suite;
use crate::testbed::key::key;
use crate::testbed::vm::Setup;

/// Everything that the configuration creates.
const CREATED: &str = "/etc/hostname /etc/mine /srv/new /srv/new/dir /srv/new/dir/file /home/mary /home/mary/.ssh \
                       /home/mary/.ssh/authorized_keys /home/mary/.profile /etc/passwd /etc/shadow /etc/group \
                       /etc/systemd/system/mine.service /etc/systemd/network/10-mine.network /opt/bin/mine '/etc/shadow[a]{b,c}'";

pub fn cases(suite: &mut Suite) {
    let user = format!(
        "#cloud-config\nhostname: labelled\nusers: [{{name: mary, ssh_authorized_keys: ['{}']}}]\n\
         write_files:\n- {{path: /etc/mine, content: mine}}\n- {{path: '/etc/shadow[a]{{b,c}}', content: x}}\n- {{path: /srv/new/dir/file, content: file, owner: mary}}\n\
         - {{path: /opt/bin/mine, content: \"#!/bin/sh\\ncat /etc/mine > /run/mine\\n\", permissions: '0755'}}\n\
         coreos:\n  units:\n  - {{name: mine.service, command: start, content: \"[Service]\\nType=oneshot\\nRemainAfterExit=yes\\nExecStart=/opt/bin/mine\\n\"}}\n\
         \x20 - {{name: 10-mine.network, content: \"[Match]\\nName=none\\n\"}}\n",
        key("labelled")
    );
    let setup = Setup::default().selinux().file(USER_DATA, &user);
    suite.vm("what_a_run_creates_has_the_labels_of_the_policy", setup, |vm| {
        assert_eq!(vm.sh("getenforce"), "Permissive");
        assert_eq!(vm.property(INSTALLED, "Result"), "success", "{}", vm.log());
        assert_eq!(vm.sh("hostname; systemctl is-active mine; cat /run/mine"), "labelled\nactive\nmine");
        for path in CREATED.split_whitespace() {
            assert!(vm.exists(path.trim_matches('\'')), "{path}");
        }
        // It prints what it would change.
        assert_eq!(vm.sh(&format!("restorecon -n -v {CREATED}")), "");
        let label = |path: &str| vm.sh(&format!("stat -c %C {path} | cut -d : -f 3"));
        assert_eq!(
            (label("/home/mary/.ssh/authorized_keys").as_str(), label("/etc/shadow").as_str()),
            ("ssh_home_t", "shadow_t")
        );
        assert!(!vm.log().contains("SELinux"), "{}", vm.log());
    });
}
