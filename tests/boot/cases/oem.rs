//! Files from the image's vendor, and files that an installer left beside them.

use super::{IMAGE, INSTALLED, USER_DATA, order};
use crate::testbed::Suite;
use crate::testbed::key::key;
use crate::testbed::vm::{Setup, Vm};

const ALONE: &str = r#"#cloud-config
hostname: of-the-image
coreos:
  oem: {id: testbed, name: The testbed, version-id: "1"}
  units:
    - name: from-image.service
      runtime: true
      command: start
      content: |
        [Service]
        ExecStart=/bin/sleep infinity
write_files:
  - {path: /etc/from-image, content: image, permissions: "0640", owner: core:systemd-journal}
"#;

const AGAIN: &str = r"
    - name: again.service
      command: restart
      content: |
        [Service]
        Type=oneshot
        RemainAfterExit=yes
        ExecStart=/bin/sh -c 'echo once more >> /var/log/again'
    - name: enabled.service
      enable: true
      content: |
        [Service]
        ExecStart=/bin/sleep infinity
        [Install]
        WantedBy=multi-user.target
    - {name: systemd-timesyncd.service, mask: true}
    - name: docker.service
      drop_ins:
        - {name: 10-own.conf, content: '[Service]'}
      command: start
";

/// Every file, with its inode, owner, mode, size and times, which show any write.
fn written(vm: &Vm) -> Vec<String> {
    let listed = vm.sh("find /etc /home /opt /var/lib -xdev -type f -printf '%p %i %m %u:%g %s %T@ %C@\\n' | sort");
    // systemd's own account of the boot before.
    let ours = |line: &&str| !line.starts_with("/var/lib/systemd/");
    listed.lines().filter(ours).map(str::to_owned).collect()
}

pub fn cases(suite: &mut Suite) {
    suite.vm("an_image_alone", Setup::default().oem(ALONE), |vm| {
        order::holds(vm, "an image alone");
        assert_eq!(
            vm.sh("hostname; cat /etc/hostname; systemctl is-system-running"),
            "of-the-image\nof-the-image\nrunning"
        );
        vm.is_file("/etc/from-image", "image", 0o640, "core:systemd-journal");
        assert!(vm.text("/etc/oem-release").starts_with("ID=testbed\n"));
        assert_eq!(vm.active("from-image.service"), "active");
        assert_eq!(vm.property("from-image.service", "FragmentPath"), "/run/systemd/system/from-image.service");
        // The file system is read-only, so nothing can have been written there.
        vm.run("touch /usr/new").fails().says(&["Read-only file system"]);
        // Nothing of ours makes a boot wait for a network.
        assert_eq!(vm.active("network-online.target"), "inactive");
        assert_eq!(vm.active("media-configdrive.mount"), "inactive");
        let status = vm.sh("coreos-cloudinit --status");
        assert_eq!(status.matches("/usr/share/oem/cloud-config.yml").count(), 1, "{status}");
    });

    let oem = "#cloud-config\ncoreos:\n  oem: {id: testbed, name: The testbed}\nwrite_files: [{path: /etc/from-image, content: image}]\n";
    let user = format!(
        "#cloud-config\nhostname: of-the-user\nssh_authorized_keys: ['{}']\nusers: [{{name: mary, groups: [docker]}}]\n\
         write_files: [{{path: /etc/from-user, content: user, permissions: '0600'}}]\nmanage_etc_hosts: localhost\n\
         coreos:\n  update: {{group: beta}}\n  units:{AGAIN}",
        key("installed")
    );
    let setup = Setup::default().oem(oem).file(USER_DATA, &user);
    suite.vm("an_image_and_what_was_installed_and_the_same_disk_again", setup, |vm| {
        order::holds(vm, "an image and a file of the user");
        assert_eq!(vm.sh("hostname; systemctl is-system-running"), "of-the-user\nrunning");
        vm.is_file("/etc/from-image", "image", 0o644, "root:root");
        vm.is_file("/etc/from-user", "user", 0o600, "root:root");
        assert_eq!(vm.sh("id -nG mary"), "mary docker");
        assert!(vm.text("/home/core/.ssh/authorized_keys").contains(&key("installed")));
        assert_eq!(vm.text("/var/log/again"), "once more\n");
        assert_eq!(vm.sh("systemctl is-active again docker enabled || true"), "active\nactive\ninactive");
        let before = written(vm);
        assert!(before.iter().any(|line| line.starts_with("/etc/systemd/system/docker.service.d/10-own.conf ")));
        vm.shut_down();

        vm.boot_again();
        order::holds(vm, "the same disk again");
        let after = written(vm);
        let changed: Vec<_> = after.iter().filter(|line| !before.contains(line)).collect();
        assert!(changed.is_empty() && after.len() == before.len(), "written by a second boot: {changed:#?}");
        assert_eq!(vm.text("/var/log/again"), "once more\nonce more\n");
        assert_eq!(vm.sh("hostname; systemctl is-active again docker enabled"), "of-the-user\nactive\nactive\nactive");
        for unit in [IMAGE, INSTALLED] {
            assert_eq!(
                vm.show(unit, &["Result", "ActiveState"]).into_values().collect::<Vec<_>>(),
                ["active", "success"]
            );
        }
    });
}
