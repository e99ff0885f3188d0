//! Units of images and of systemd that can take part in an ordering cycle.

use super::image::{EARLY_SERVICES, EARLY_TARGETS, LOCAL_MOUNTS, has_unit};

/// Further targets of systemd (systemd.special(7)), without those of early boot, and the end of their names.
const TARGETS: [&str; 37] = [
    "basic",
    "blockdev@",
    "bluetooth",
    "boot-complete",
    "ctrl-alt-del",
    "default",
    "emergency",
    "exit",
    "final",
    "first-boot-complete",
    "getty",
    "getty-pre",
    "graphical",
    "halt",
    "initrd",
    "machines",
    "multi-user",
    "network",
    "network-online",
    "network-pre",
    "nss-lookup",
    "nss-user-lookup",
    "paths",
    "poweroff",
    "reboot",
    "remote-fs",
    "remote-fs-pre",
    "rescue",
    "rpcbind",
    "shutdown",
    "slices",
    "sockets",
    "sysinit",
    "time-set",
    "time-sync",
    "timers",
    "umount",
];

/// Returns true for a target that the image has.
pub fn has_target(name: &str) -> bool {
    let is_known = |stem: &str| TARGETS.contains(&stem);
    EARLY_TARGETS.contains(&name) || name.strip_suffix(".target").is_some_and(is_known)
}

/// Further units of one image or the other, which can take part in an ordering cycle.
const BOOTABLE: [&str; 15] = [
    "NetworkManager-dispatcher.service",
    "NetworkManager-wait-online.service",
    "NetworkManager.service",
    "chronyd.service",
    "dbus-broker.service",
    "dbus.socket",
    "dm-event.socket",
    "iscsid.socket",
    "lvm2-lvmpolld.socket",
    "motdgen.path",
    "podman.socket",
    "rpcbind.socket",
    "sssd.service",
    "update-ssh-keys-after-ignition.service",
    "zincati.service",
];

/// Units of systemd, without `systemd-` and the ends of their names.
const SYSTEMD: &str = "\
    ask-password-console ask-password-plymouth ask-password-wall backlight@ battery-check binfmt bless-boot \
    boot-check-no-failures boot-random-seed boot-update bootctl bootctl@ bsod confext coredump coredump@ creds creds@ \
    cryptsetup@ exit firstboot fsck-root fsck@ fsckd growfs-root growfs@ halt hibernate hibernate-clear hibernate-resume \
    hibernate-resume@ homed homed-activate homed-firstboot hostnamed hwdb-update hybrid-sleep import@ importd initctl \
    integritysetup@ journal-catalog-update journal-flush journal-gatewayd journal-remote journal-upload journald \
    journald-audit journald-dev-log journald-varlink@ journald@ kexec localed logind logind-varlink loop@ \
    machine-id-commit machined makefs@ mkswap@ modules-load mountfsd mute-console network-generator networkd \
    networkd-persistent-storage networkd-varlink networkd-wait-online networkd-wait-online@ nsresourced nspawn@ oomd \
    pcrextend pcrextend@ pcrfs-root pcrfs@ pcrlock pcrlock@ pcrmachine pcrphase pcrphase-initrd pcrphase-sysinit portabled \
    poweroff pstore quotacheck quotacheck-root quotacheck@ random-seed reboot remount-fs repart repart@ resolved \
    resolved-monitor resolved-varlink rfkill soft-reboot storagetm suspend suspend-then-hibernate sysctl sysext sysext@ \
    sysupdate sysupdate-reboot sysupdated sysusers time-wait-sync timedated timesyncd tmpfiles-clean tmpfiles-setup \
    tmpfiles-setup-dev tmpfiles-setup-dev-early tpm2-clear tpm2-setup tpm2-setup-early udev-load-credentials udev-settle \
    udev-trigger udevd udevd-control udevd-kernel udevd-varlink update-done update-utmp update-utmp-runlevel user-sessions \
    userdbd validatefs@ vconsole-setup veritysetup@ volatile-root";

/// Mounts of systemd for file systems of the kernel, without the ends of their names.
const KERNEL_MOUNTS: [&str; 7] = [
    "dev-hugepages",
    "dev-mqueue",
    "proc-sys-fs-binfmt_misc",
    "sys-fs-fuse-connections",
    "sys-kernel-config",
    "sys-kernel-debug",
    "sys-kernel-tracing",
];

/// Returns true for a mount or an automount that one image or the other has.
pub fn has_mount(name: &str) -> bool {
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    KERNEL_MOUNTS.contains(&stem) || LOCAL_MOUNTS.contains(&stem)
}

/// Returns true for another unit that one image or the other has. An instance has the name of its template.
pub fn is_bootable(name: &str) -> bool {
    let of_systemd = name.strip_prefix("systemd-");
    if let Some((stem, kind)) = of_systemd.and_then(|name| name.rsplit_once('.')) {
        return matches!(kind, "path" | "service" | "socket" | "timer")
            && SYSTEMD.split(' ').any(|known| known == stem);
    }
    has_unit(name) || BOOTABLE.contains(&name) || EARLY_SERVICES.contains(&name)
}
