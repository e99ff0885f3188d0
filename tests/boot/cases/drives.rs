//! Config drives: as a CD and as a FAT disk, wanted and not.

use super::{DRIVE, INNER, order};
use crate::testbed::key::key;
use crate::testbed::vm::Setup;
use crate::testbed::vm::disk::Format;
use crate::testbed::{Boot, Suite};

const LABEL: &str = "config-2";
const MOUNT: &str = "media-configdrive.mount";

const INTERFACES: &str = "\
auto lo
iface lo inet loopback

auto eth0
iface eth0 inet manual
    hwaddress ether 52:54:00:12:34:56

auto bond0
iface bond0 inet static
    address 192.0.2.10
    netmask 255.255.255.0
    gateway 192.0.2.1
    dns-nameservers 192.0.2.53
    hwaddress ether 52:54:00:12:34:56
    bond-slaves eth0
    bond-mode active-backup
    bond-miimon 120

auto bond0.7
iface bond0.7 inet static
    address 198.51.100.7
    netmask 255.255.255.0
    vlan_raw_device bond0
";

/// Builds a drive as OpenStack writes it.
pub fn drive(hostname: &str, more: &str, user_data: &str) -> Boot {
    let meta_data = format!(r#"{{"hostname": "{hostname}", "public_keys": {{"mine": "{}"}}{more}}}"#, key(hostname));
    Boot::default().file("openstack/latest/meta_data.json", meta_data).file("openstack/latest/user_data", user_data)
}

pub fn cases(suite: &mut Suite) {
    let user_data = "#cloud-config\nwrite_files: [{path: /etc/from-drive, content: drive}]\n";
    let files = drive("on-metal", r#", "network_config": {"content_path": "/content/0000"}"#, user_data)
        .file("openstack/content/0000", INTERFACES);
    let setup = Setup::default()
        .oem(include_str!("../../../oem/rackspace-onmetal/cloud-config.yml"))
        .disk(Format::Iso, LABEL, files)
        .card()
        // The file names an interface as the kernel does.
        .word("net.ifnames=0");
    suite.vm("a_cd_with_a_network_is_applied_once", setup, |vm| {
        order::holds(vm, "a CD");
        assert_eq!(vm.sh("hostname; findmnt -no FSTYPE,OPTIONS /media/configdrive | grep -o '^iso9660  *ro'"), "on-metal\niso9660 ro");
        vm.is_file("/etc/from-drive", "drive", 0o644, "root:root");
        assert!(vm.text("/home/core/.ssh/authorized_keys").contains(&key("on-metal")));
        // The drive describes the network, even if no other host is on it.
        vm.sh("for i in $(seq 100); do ip -br address show bond0.7 | grep -q 198.51.100.7 && exit 0; sleep 0.2; done; ip address; exit 1");
        let addresses = vm.sh("ip -br address show dev bond0; ip -br address show dev bond0.7; ip route show default");
        for words in ["192.0.2.10/24", "bond0.7@bond0", "198.51.100.7/24", "default via 192.0.2.1 dev bond0"] {
            assert!(addresses.contains(words), "{words} is not in {addresses}");
        }
        let bond = vm.sh("cd /sys/class/net/bond0/bonding; cat slaves mode miimon");
        assert_eq!(bond, "eth0\nactive-backup 1\n120");
        assert_eq!(vm.run("journalctl -b -u systemd-networkd -o cat | grep -iE 'unknown|failed|ignoring'").stdout, "");
        // The image's own unit has applied the drive, and no other unit.
        assert_eq!(vm.active(INNER), "active");
        assert_eq!(vm.property(DRIVE, "ExecMainStartTimestampMonotonic"), "0");
        assert_eq!(vm.sh("coreos-cloudinit --status | grep -c '^[^ ]'"), "2");
        assert_eq!(vm.sh("systemctl --failed --plain --no-legend"), "");
    });

    let oem = "#cloud-config\nhostname: of-the-image\nwrite_files: [{path: /etc/both, content: image}]\n";
    let user_data = "#cloud-config\nwrite_files: [{path: /etc/both, content: drive}]\n\
                     coreos: {units: [{name: docker.service, command: start}]}\n";
    let setup = Setup::default()
        .oem(oem)
        .disk(Format::Fat, LABEL, drive("of-the-drive", "", user_data))
        .word("coreos.configdrive=0");
    suite.vm(
        "a_fat_disk_is_left_alone_where_the_kernel_command_line_says_so_and_has_the_last_word_else",
        setup,
        |vm| {
            order::holds(vm, "a FAT disk that is not wanted");
            assert_eq!(vm.sh("hostname; cat /etc/both; test ! -e /home/core/.ssh"), "of-the-image\nimage");
            // udev has seen it; the mount was asked for, and left out.
            assert_eq!(vm.sh("lsblk -no FSTYPE /dev/disk/by-label/config-2"), "vfat");
            assert_eq!(
                vm.show(MOUNT, &["ActiveState", "ConditionResult"]).into_values().collect::<Vec<_>>(),
                ["inactive", "no"]
            );
            assert_eq!(vm.property(DRIVE, "ExecMainStartTimestampMonotonic"), "0");
            vm.shut_down();

            vm.boot_again_with(&[]);
            order::holds(vm, "a FAT disk");
            assert_eq!(vm.sh("hostname; cat /etc/both"), "of-the-drive\ndrive");
            assert_eq!(vm.sh("findmnt -no FSTYPE,OPTIONS /media/configdrive | grep -o '^vfat  *ro'"), "vfat   ro");
            assert!(vm.text("/home/core/.ssh/authorized_keys").contains(&key("of-the-drive")));
            assert_eq!(vm.sh("stat -c '%a %U:%G' /home/core/.ssh/authorized_keys"), "600 core:core");
            for unit in [DRIVE, "docker.service"] {
                assert_eq!(vm.active(unit), "active", "{unit}");
            }
            assert_eq!(vm.sh("systemctl is-system-running"), "running");
        },
    );
}
