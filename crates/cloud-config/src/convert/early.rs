//! Units that a run starts late, and that systemd would order into early boot.
//!
//! A mount is ordered before `local-fs.target`, a socket before `sockets.target`, and services come after both. A mount
//! that waits for a service, as one that formats its disk, is no problem for a run, which starts it when all this is
//! over. Wanted by `multi-user.target` it is a cycle, which systemd breaks by a target that it does not start.

const LATE_MOUNT: &str =
    "[Unit]\nDefaultDependencies=no\nAfter=local-fs.target\nConflicts=umount.target\nBefore=umount.target\n";
const LATE_SOCKET: &str = "[Unit]\nDefaultDependencies=no\nRequires=sysinit.target\nAfter=sysinit.target\n\
                           Conflicts=shutdown.target\nBefore=shutdown.target\n";

/// File systems that systemd mounts after the network.
const REMOTE: [&str; 9] = ["nfs", "nfs4", "cifs", "smb3", "ceph", "glusterfs", "ocfs2", "gfs2", "sshfs"];

/// Targets of early boot, which every boot starts.
const EARLY: [&str; 7] = [
    "basic.target",
    "local-fs.target",
    "paths.target",
    "sockets.target",
    "swap.target",
    "sysinit.target",
    "timers.target",
];

/// Returns the text of a drop-in that lets the unit `name` wait for services, if one of its texts does so or a service
/// precedes it.
pub fn late_drop_in(name: &str, texts: &[&str], is_preceded: bool) -> Option<&'static str> {
    let late = match name.rsplit_once('.')?.1 {
        "mount" | "automount" | "swap" => LATE_MOUNT,
        "socket" | "path" => LATE_SOCKET,
        _ => return None,
    };
    let values = |key: &'static str| texts.iter().flat_map(move |text| values(text, key));
    let is_remote =
        values("Type").any(|kind| REMOTE.contains(&kind)) || values("Options").any(|text| text.contains("_netdev"));
    let waits = is_preceded || values("After").flat_map(str::split_whitespace).any(|unit| unit.ends_with(".service"));
    (waits && !is_remote && values("DefaultDependencies").next().is_none()).then_some(late)
}

/// The units that `text` orders behind its own.
pub fn followers(text: &str) -> impl Iterator<Item = &str> {
    values(text, "Before").flat_map(str::split_whitespace)
}

/// Returns true if a target of `[Install]` starts the unit in early boot.
pub fn starts_early(text: &str) -> bool {
    let wanting = ["WantedBy", "RequiredBy", "UpheldBy"].into_iter().flat_map(|key| values(text, key));
    wanting.flat_map(str::split_whitespace).any(|target| EARLY.contains(&target))
}

fn values<'t>(text: &'t str, key: &'static str) -> impl Iterator<Item = &'t str> {
    text.lines().filter_map(move |line| {
        let (name, value) = line.split_once('=')?;
        (name.trim() == key).then(|| value.trim())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_of_early_boot_that_waits_for_a_service_is_late() {
        let late = |name: &str, text: &str| late_drop_in(name, &[text], false);
        assert_eq!(late("a.mount", "[Unit]\nAfter=x.target b.service\n[Mount]\nType=ext4\n"), Some(LATE_MOUNT));
        assert_eq!(late("a.swap", "[Unit]\nAfter = b.service\n"), Some(LATE_MOUNT));
        assert_eq!(late("a.socket", "[Unit]\nAfter=b.service\n"), Some(LATE_SOCKET));
        for (name, text) in [
            ("a.mount", "[Unit]\nAfter=b.mount\n"),
            ("a.mount", "[Unit]\nBefore=b.service\n"),
            ("a.mount", "[Unit]\nAfter=b.service\nDefaultDependencies=no\n"),
            ("a.mount", "[Unit]\nAfter=b.service\n[Mount]\nType=nfs\n"),
            ("a.mount", "[Unit]\nAfter=b.service\n[Mount]\nOptions=ro,_netdev\n"),
            ("a.service", "[Unit]\nAfter=b.service\n"),
            ("a.timer", "[Unit]\nAfter=b.service\n"),
        ] {
            assert_eq!(late(name, text), None, "{name} {text}");
        }
    }

    #[test]
    fn a_service_may_name_the_unit_that_it_precedes() {
        assert_eq!(late_drop_in("a.mount", &["[Mount]\nType=ext4\n"], true), Some(LATE_MOUNT));
        assert_eq!(late_drop_in("a.service", &[""], true), None);
        assert!(followers("[Unit]\nBefore=a.mount b.service\nBefore=c.socket\n").eq([
            "a.mount",
            "b.service",
            "c.socket"
        ]));
    }

    #[test]
    fn targets_of_early_boot_start_a_unit_early() {
        for text in ["[Install]\nRequiredBy=local-fs.target\n", "[Install]\nWantedBy=timers.target\n"] {
            assert!(starts_early(text), "{text}");
        }
        for text in ["", "[Install]\nAlias=a.service\n", "[Install]\nWantedBy=default.target multi-user.target\n"] {
            assert!(!starts_early(text), "{text}");
        }
    }
}
