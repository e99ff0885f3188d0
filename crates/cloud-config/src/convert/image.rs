//! Facts about the images of Flatcar and Fedora CoreOS: what exists before Ignition runs
//! (docs/leaving.md#users-of-the-image).

use super::model::Variant;
use crate::plan;

/// Users that every image has.
const USERS: [&str; 2] = ["root", "core"];

/// Groups of both images.
const GROUPS: [&str; 18] = [
    "root",
    "core",
    "wheel",
    "sudo",
    "docker",
    "systemd-journal",
    "users",
    "disk",
    "kvm",
    "audio",
    "video",
    "tty",
    "dialout",
    "input",
    "render",
    "adm",
    "tape",
    "cdrom",
];
/// Further groups of Flatcar.
const FLATCAR_GROUPS: [&str; 2] = ["portage", "etcd"];

/// Further users and groups of one image or the other.
const RESERVED: [&str; 49] = [
    "bin",
    "cdrw",
    "chrony",
    "clevis",
    "console",
    "cron",
    "daemon",
    "dbus",
    "dhcp",
    "dnsmasq",
    "fleet",
    "floppy",
    "ftp",
    "games",
    "halt",
    "kmem",
    "lock",
    "locksmith",
    "lp",
    "mail",
    "man",
    "mem",
    "messagebus",
    "news",
    "nfsnobody",
    "nobody",
    "nogroup",
    "ntp",
    "operator",
    "polkitd",
    "postmaster",
    "rkt",
    "rpc",
    "rpcuser",
    "sgx",
    "shutdown",
    "sshd",
    "sync",
    "sys",
    "systemd-coredump",
    "systemd-network",
    "systemd-oom",
    "systemd-resolve",
    "systemd-timesync",
    "tss",
    "usb",
    "utmp",
    "uucp",
    "zincati",
];

/// Returns true for a name that the image may have for a user or a group of its own.
pub fn is_reserved(name: &str) -> bool {
    RESERVED.contains(&name) || GROUPS.contains(&name) || FLATCAR_GROUPS.contains(&name)
}

/// Returns true for a name that the `useradd` of every image accepts.
pub fn is_valid_user(name: &str) -> bool {
    let is_first = |byte: u8| byte.is_ascii_lowercase() || byte == b'_';
    let is_other = |byte: u8| is_first(byte) || byte.is_ascii_digit() || byte == b'-';
    name.len() <= 32 && name.bytes().next().is_some_and(is_first) && name.bytes().all(is_other)
}

/// Returns true for a user that the image has; Ignition would change the existing account.
pub fn has_user(name: &str) -> bool {
    USERS.contains(&name)
}

/// Returns true for a group that the image has.
pub fn has_group(variant: Variant, name: &str) -> bool {
    GROUPS.contains(&name) || (variant == Variant::Flatcar && FLATCAR_GROUPS.contains(&name))
}

/// Further directories of one image or the other, and of every system (file-hierarchy(7)). Ignition would remove one for
/// a file.
const DIRECTORIES: [&str; 68] = [
    "/boot/efi",
    "/dev/mqueue",
    "/dev/pts",
    "/efi",
    "/etc/NetworkManager/conf.d",
    "/etc/NetworkManager/system-connections",
    "/etc/audit/rules.d",
    "/etc/bash",
    "/etc/binfmt.d",
    "/etc/ca-certificates",
    "/etc/containerd",
    "/etc/coreos",
    "/etc/dbus-1/system.d",
    "/etc/docker",
    "/etc/env.d",
    "/etc/flatcar",
    "/etc/iscsi",
    "/etc/ld.so.conf.d",
    "/etc/logrotate.d",
    "/etc/modprobe.d",
    "/etc/modules-load.d",
    "/etc/opt",
    "/etc/pam.d",
    "/etc/pki",
    "/etc/polkit-1/rules.d",
    "/etc/profile.d",
    "/etc/samba",
    "/etc/security",
    "/etc/selinux",
    "/etc/skel",
    "/etc/ssh/sshd_config.d",
    "/etc/ssl/certs",
    "/etc/sudoers.d",
    "/etc/sysctl.d",
    "/etc/systemd/user",
    "/etc/sysusers.d",
    "/etc/tmpfiles.d",
    "/etc/udev/rules.d",
    "/etc/xdg/systemd",
    "/etc/yum.repos.d",
    "/etc/zincati/config.d",
    "/lib64",
    "/oem",
    "/run/lock",
    "/run/log",
    "/run/systemd/system",
    "/run/udev",
    "/run/user",
    "/sysroot/ostree",
    "/usr/local/bin",
    "/usr/local/lib",
    "/usr/share/oem",
    "/var/cache",
    "/var/db",
    "/var/empty",
    "/var/home",
    "/var/lib/containerd",
    "/var/lib/docker",
    "/var/lib/systemd",
    "/var/local",
    "/var/lock",
    "/var/log/journal",
    "/var/mail",
    "/var/opt",
    "/var/roothome",
    "/var/run",
    "/var/spool/mail",
    "/var/tmp",
];

/// Returns true for a directory of the image.
pub fn is_directory(path: &str) -> bool {
    let is_at = |directory: &&str| path == *directory || is_below(directory, path);
    plan::DIRECTORIES.iter().chain(&DIRECTORIES).any(is_at)
}

/// Shells of both images.
const SHELLS: [&str; 12] = [
    "/bin/bash",
    "/bin/false",
    "/bin/sh",
    "/bin/true",
    "/sbin/nologin",
    "/usr/bin/bash",
    "/usr/bin/false",
    "/usr/bin/nologin",
    "/usr/bin/sh",
    "/usr/bin/true",
    "/usr/sbin/nologin",
    "/dev/null",
];

/// Returns true for a login shell that the image has.
pub fn has_shell(path: &str) -> bool {
    SHELLS.contains(&path)
}

/// Units that run on a new machine without a request.
pub const ON_BY_DEFAULT: [&str; 17] = [
    "containerd.service",
    "dbus.service",
    "docker.socket",
    "locksmithd.service",
    "sshd.socket",
    "sshd.service",
    "systemd-journald.service",
    "systemd-logind.service",
    "systemd-networkd.service",
    "systemd-networkd-wait-online.service",
    "systemd-resolved.service",
    "systemd-sysctl.service",
    "systemd-timesyncd.service",
    "systemd-udevd.service",
    "update-engine.service",
    "systemd-modules-load.service",
    "systemd-tmpfiles-setup.service",
];

/// Returns true for a unit that starts on every boot by itself.
pub fn is_on_by_default(name: &str) -> bool {
    ON_BY_DEFAULT.contains(&name)
}

/// The place of a service of the image in the order of a boot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// `sysinit.target` waits for it.
    Early,
    /// `basic.target` waits for it.
    Basic,
    /// It waits for `basic.target`, as services do by default.
    Late,
    /// Neither.
    Other,
}

/// Services of systemd with the default order.
const LATE_SERVICES: [&str; 15] = [
    "systemd-ask-password-wall.service",
    "systemd-homed.service",
    "systemd-hostnamed.service",
    "systemd-importd.service",
    "systemd-journal-gatewayd.service",
    "systemd-journal-remote.service",
    "systemd-journal-upload.service",
    "systemd-localed.service",
    "systemd-logind.service",
    "systemd-machined.service",
    "systemd-nspawn@.service",
    "systemd-pcrphase.service",
    "systemd-portabled.service",
    "systemd-timedated.service",
    "systemd-user-sessions.service",
];

/// Services of systemd that neither wait for early boot nor belong to it.
const OTHER_SERVICES: [&str; 9] = [
    "systemd-machine-id-commit.service",
    "systemd-networkd-wait-online.service",
    "systemd-networkd-wait-online@.service",
    "systemd-networkd.service",
    "systemd-oomd.service",
    "systemd-random-seed.service",
    "systemd-time-wait-sync.service",
    "systemd-tmpfiles-clean.service",
    "systemd-update-utmp-runlevel.service",
];

/// Services of early boot that are not part of systemd.
pub(super) const EARLY_SERVICES: [&str; 6] = [
    "audit-rules.service",
    "auditd.service",
    "kmod-static-nodes.service",
    "ldconfig.service",
    "lvm2-monitor.service",
    "modprobe@.service",
];

/// Targets that `sysinit.target` waits for.
pub const EARLY_TARGETS: [&str; 7] = [
    "cryptsetup-pre.target",
    "cryptsetup.target",
    "integritysetup.target",
    "local-fs-pre.target",
    "local-fs.target",
    "swap.target",
    "veritysetup.target",
];

/// Slices that every boot has.
pub const SLICES: [&str; 4] = ["-.slice", "machine.slice", "system.slice", "user.slice"];

/// Mounts of the image that `local-fs.target` waits for, without the ends of their names.
pub(super) const LOCAL_MOUNTS: [&str; 12] = [
    "boot",
    "boot-efi",
    "efi",
    "etc",
    "media",
    "oem",
    "sysroot",
    "tmp",
    "usr",
    "usr-share-oem",
    "var",
    "var-lib-machines",
];

/// The target of early boot that waits for a mount or an automount of the image.
pub fn target_of_mount(name: &str) -> Option<&'static str> {
    let (stem, _) = name.rsplit_once('.')?;
    let is_of_kernel = ["dev-", "proc-", "sys-"].iter().any(|top| stem.starts_with(top));
    let target = if is_of_kernel { "sysinit.target" } else { "local-fs.target" };
    (is_of_kernel || LOCAL_MOUNTS.contains(&stem)).then_some(target)
}

/// The place of a service of the image in the order of a boot.
pub fn stage(variant: Variant, name: &str) -> Stage {
    let is_fcos = variant == Variant::Fcos;
    match name {
        // Fedora CoreOS has dbus-broker, which basic.target waits for.
        "dbus.service" | "dbus-broker.service" if is_fcos => Stage::Basic,
        _ if name.starts_with("NetworkManager") && !is_fcos => Stage::Other,
        _ if EARLY_SERVICES.contains(&name) => Stage::Early,
        _ if !name.starts_with("systemd-") || LATE_SERVICES.contains(&name) => Stage::Late,
        _ if OTHER_SERVICES.contains(&name) => Stage::Other,
        _ => Stage::Early,
    }
}

/// Further units that images have, apart from those of systemd.
const UNITS: [&str; 7] = [
    "docker.service",
    "etcd-member.service",
    "flanneld.service",
    "ntpd.service",
    "rpcbind.service",
    "iscsid.service",
    "update-engine-stub.timer",
];

/// Returns true for a unit that is known to be in the image.
pub fn has_unit(name: &str) -> bool {
    is_on_by_default(name) || UNITS.contains(&name) || name.starts_with("systemd-")
}

/// Returns true for a unit that comes with a system extension, after presets are read.
pub fn is_of_extension(name: &str) -> bool {
    matches!(name, "docker.service" | "containerd.service")
}

/// The file systems of an image that are not mounted when Ignition writes, or that are mounted over what it writes.
pub fn is_elsewhere(variant: Variant, path: &str) -> bool {
    const TOP: [&str; 8] = ["/etc", "/home", "/mnt", "/opt", "/root", "/srv", "/usr", "/var"];
    if ["/boot", "/efi", "/oem"].iter().any(|top| is_below(path, top)) {
        return true;
    }
    // The root directory of Fedora CoreOS is immutable.
    variant == Variant::Fcos && !is_volatile(path) && !TOP.iter().any(|top| is_below(path, top))
}

/// Directories whose content a boot makes anew, or which are no file system for files.
const VOLATILE: [&str; 5] = ["/run", "/tmp", "/dev", "/proc", "/sys"];

/// Returns true for a path that Ignition cannot write, since another file system is mounted there later.
pub fn is_volatile(path: &str) -> bool {
    VOLATILE.iter().any(|top| is_below(path, top)) || is_below(path, "/var/run") || is_below(path, "/var/lock")
}

/// Returns true for a path on the read-only file system of the image, or on the OEM partition, which is not mounted when
/// Ignition writes.
pub fn is_read_only(variant: Variant, path: &str) -> bool {
    let is_local = variant == Variant::Fcos && is_below(path, "/usr/local");
    !is_local && ["/usr", "/bin", "/sbin", "/lib", "/lib64"].iter().any(|top| is_below(path, top))
}

/// Directories whose files early boot reads, below `/etc`.
const READ_EARLY: [&str; 12] = [
    "/etc/binfmt.d",
    "/etc/modprobe.d",
    "/etc/modules-load.d",
    "/etc/NetworkManager",
    "/etc/sysctl.d",
    "/etc/systemd",
    "/etc/sysusers.d",
    "/etc/tmpfiles.d",
    "/etc/udev",
    "/etc/crypttab",
    "/etc/fstab",
    "/etc/sysctl.conf",
];

/// Returns true for a file that is read before the network is up.
pub fn is_read_early(path: &str) -> bool {
    READ_EARLY.iter().any(|early| path == *early || is_below(path, early))
}

/// Returns true if `path` is below the directory `top`.
pub fn is_below(path: &str, top: &str) -> bool {
    path.strip_prefix(top).is_some_and(|rest| rest.starts_with('/'))
}
