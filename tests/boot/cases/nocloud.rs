//! NoCloud drives, laid out as the platforms make them.

use super::{DRIVE, NOCLOUD, NOCLOUD_SEED, drives, order};
use crate::testbed::key::key;
use crate::testbed::vm::disk::Format;
use crate::testbed::vm::{Setup, Vm};
use crate::testbed::{Boot, Suite};

/// The configuration that Proxmox generates: the host name and the keys are in the user-data.
fn proxmox() -> Boot {
    let user_data = format!(
        "#cloud-config\nhostname: guest\nmanage_etc_hosts: true\nfqdn: guest.example.com\nuser: core\n\
         ssh_authorized_keys:\n  - {}\nchpasswd:\n  expire: False\nusers:\n  - default\npackage_upgrade: true\n",
        key("proxmox")
    );
    let network = "version: 1
config:
    - type: physical
      name: eth0
      mac_address: '52:54:00:12:34:56'
      subnets:
      - type: static
        address: '192.0.2.10'
        netmask: '255.255.255.0'
        gateway: '192.0.2.1'
    - type: nameserver
      address:
      - '192.0.2.53'
      search:
      - 'example.com'
";
    Boot::default()
        .file("user-data", user_data)
        .file("meta-data", "instance-id: 3de4a8c1a6a8b2ed4b4d6e0f5b6f6b1fd8a3b3d1\n")
        .file("network-config", network)
        .file("vendor-data", "")
}

/// The files that users write for `cloud-localds`.
fn localds() -> Boot {
    Boot::default()
        .file("user-data", "#cloud-config\nwrite_files: [{path: /etc/from-nocloud, content: localds}]\n")
        .file("meta-data", "instance-id: iid-local01\nlocal-hostname: of-nocloud\n")
}

/// The last log lines of the units of drives.
fn log(vm: &Vm) -> String {
    vm.sh(&format!("journalctl -b -o cat -u {NOCLOUD} -u {DRIVE}"))
}

pub fn cases(suite: &mut Suite) {
    let oem = "#cloud-config\nhostname: of-the-image\n";
    let setup = Setup::default().oem(oem).disk(Format::Iso, "cidata", proxmox()).card();
    suite.vm("a_cd_of_proxmox_has_keys_and_a_static_address", setup, |vm| {
        order::holds(vm, "a CD of Proxmox");
        assert_eq!(vm.sh("hostname; findmnt -no FSTYPE,OPTIONS /media/nocloud | grep -o '^iso9660  *ro'"), "guest\niso9660 ro");
        assert!(vm.text("/home/core/.ssh/authorized_keys").contains(&key("proxmox")));
        vm.sh("for i in $(seq 100); do ip -br address | grep -q 192.0.2.10/24 && exit 0; sleep 0.2; done; ip address; exit 1");
        assert!(vm.sh("ip route show default").contains("default via 192.0.2.1"));
        assert_eq!(vm.property(DRIVE, "ExecMainStartTimestampMonotonic"), "0");
        // Proxmox sets `manage_etc_hosts` to a value that this program cannot apply.
        assert_eq!(vm.sh("systemctl --failed --plain --no-legend | cut -d ' ' -f 1"), NOCLOUD, "{}", log(vm));
        assert!(log(vm).contains("`manage_etc_hosts` is not `localhost`; not applied"), "{}", log(vm));
    });

    let user_data = "#cloud-config\nwrite_files: [{path: /etc/from-drive, content: drive}]\n";
    let setup = Setup::default().disk(Format::Iso, "config-2", drives::drive("of-the-drive", "", user_data)).disk(
        Format::Fat,
        "CIDATA",
        localds(),
    );
    suite.vm("a_config_drive_has_precedence_over_a_fat_disk_of_cloud_localds", setup, |vm| {
        order::holds(vm, "a config drive and a FAT disk");
        assert_eq!(vm.sh("hostname; cat /etc/from-drive; test ! -e /etc/from-nocloud"), "of-the-drive\ndrive");
        assert_eq!(vm.sh("findmnt -no FSTYPE /media/nocloud"), "vfat");
        let why = "a config drive is mounted and has precedence; NoCloud drive not applied";
        assert!(log(vm).contains(why), "{}", log(vm));
        assert_eq!([vm.active(DRIVE), vm.active(NOCLOUD)], ["active", "inactive"]);
        assert_eq!(vm.sh("systemctl is-system-running"), "running");

        // The disk alone.
        vm.sh(&format!("umount /media/configdrive; systemctl start {NOCLOUD}"));
        assert_eq!(vm.sh("hostname; cat /etc/from-nocloud"), "of-nocloud\nlocalds");
        // It appears once more.
        vm.sh("udevadm trigger --settle --action=change --subsystem-match=block");
        assert_eq!(vm.sh("coreos-cloudinit --status | grep -c '^[^ ]'"), "2");
    });

    let rancher = Boot::default()
        .file(
            "user-data",
            "#cloud-config\nhostname: of-rancher\nwrite_files: [{path: /etc/from-rancher, content: x}]\n",
        )
        .file("meta-data", "instance-id: of-rancher\nlocal-hostname: of-meta-data\n");
    let setup = Setup::default().oem(oem).disk(Format::Iso, "cidata", rancher).word("coreos.configdrive=0");
    suite.vm("a_cd_of_rancher_is_applied_unless_the_kernel_command_line_says_otherwise", setup, |vm| {
        order::holds(vm, "a CD of Rancher that is not wanted");
        assert_eq!(vm.sh("hostname; test ! -e /etc/from-rancher"), "of-the-image");
        assert_eq!(vm.active("media-nocloud.mount"), "inactive");
        assert_eq!(vm.property(NOCLOUD, "ExecMainStartTimestampMonotonic"), "0");
        vm.shut_down();
        vm.boot_again_with(&[]);
        order::holds(vm, "a CD of Rancher");
        assert_eq!(vm.sh("hostname; cat /etc/from-rancher"), "of-rancher\nx");
        assert_eq!(vm.sh("systemctl is-system-running"), "running");
    });

    // KubeVirt, with the network configuration that Harvester and cloud-init's other platforms write.
    let network = r#"{"version": 2, "ethernets": {"nic0": {"match": {"macaddress": "52:54:00:12:34:56"}, "set-name": "lan0",
        "dhcp4": true, "addresses": ["192.0.2.10/24"]}}}"#;
    let kubevirt = Boot::default()
        .file("user-data", "#cloud-config\nwrite_files: [{path: /etc/from-kubevirt, content: x}]\n")
        .file("meta-data", r#"{"instance-id": "vm-1.default", "local-hostname": "vm-1"}"#)
        .file("network-config", network);
    let setup =
        Setup::default().oem(oem).disk(Format::Iso, "cidata", kubevirt).card().serial("ds=nocloud;h=of-the-serial");
    suite.vm("a_cd_of_kubevirt_renames_an_interface_and_the_serial_number_names_the_host", setup, |vm| {
        order::holds(vm, "a CD of KubeVirt");
        assert_eq!(vm.sh("hostname; cat /etc/from-kubevirt"), "of-the-serial\nx", "{}", log(vm));
        assert_eq!(vm.sh("cat /sys/class/net/lan0/address"), "52:54:00:12:34:56", "{}", log(vm));
        assert!(!log(vm).contains("failed to rename"), "{}", log(vm));
        vm.sh("for i in $(seq 100); do ip -br address show lan0 | grep -q 10.0.2. && exit 0; sleep 0.2; done; ip address; exit 1");
        assert!(vm.sh("ip -br address show lan0").contains("192.0.2.10/24"));
        assert_eq!(vm.active(NOCLOUD_SEED), "inactive", "it names no seed");
        assert_eq!(vm.sh("systemctl is-system-running"), "running");
    });
}
