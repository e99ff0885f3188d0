//! Units that a run starts late, and that systemd would order into early boot.
//!
//! A mount is ordered before `local-fs.target`, a socket before `sockets.target`, and services come after both. A mount
//! that waits for a service, as one that formats its disk, is no problem for a run, which starts it when all this is
//! over. Wanted by `multi-user.target` it is a cycle, which systemd breaks by a target that it does not start.

use std::collections::{HashMap, HashSet};

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

/// Units that the boot passes before the network is up, and that the metadata agent therefore waits for.
const BEFORE_NETWORK: [&str; 16] = [
    "NetworkManager-wait-online.service",
    "NetworkManager.service",
    "basic.target",
    "local-fs-pre.target",
    "local-fs.target",
    "network-online.target",
    "network-pre.target",
    "network.target",
    "paths.target",
    "slices.target",
    "sockets.target",
    "swap.target",
    "sysinit.target",
    "systemd-networkd-wait-online.service",
    "systemd-networkd.service",
    "dbus.service",
];

/// Returns the units that the service with the addresses waits for, directly or through others: one of them that waits
/// for the addresses makes an ordering cycle. `texts` are the texts of units, each with the name of its unit, and
/// `agent` is the metadata agent.
pub fn before_addresses<'t>(agent: &'t str, texts: impl Iterator<Item = (&'t str, &'t str)>) -> HashSet<&'t str> {
    let mut predecessors: HashMap<&str, Vec<&str>> = HashMap::new();
    for (name, text) in texts {
        // A target waits for the units that it wants.
        let targets = wanting(text).filter(|unit| unit.ends_with(".target"));
        for follower in followers(text).chain(targets) {
            predecessors.entry(follower).or_default().push(name);
        }
        let awaited = values(text, "After").flat_map(str::split_whitespace);
        predecessors.entry(name).or_default().extend(awaited);
    }
    let mut left: Vec<_> = std::iter::once(agent).chain(BEFORE_NETWORK).collect();
    let mut found = HashSet::new();
    while let Some(name) = left.pop() {
        if found.insert(name) {
            left.extend(predecessors.remove(name).unwrap_or_default());
        }
    }
    found
}

/// Returns true for a unit of the image that belongs to early boot, as far as its name tells.
pub fn is_early_of_image(name: &str) -> bool {
    let Some((_, kind)) = name.rsplit_once('.') else { return false };
    name.starts_with("systemd-")
        || matches!(kind, "mount" | "automount" | "swap" | "socket" | "path" | "target" | "slice")
}

/// Returns true if a target of `[Install]` starts the unit in early boot.
pub fn starts_early(text: &str) -> bool {
    wanting(text).any(|target| EARLY.contains(&target))
}

/// The units that want the unit of `text` once it is enabled.
fn wanting(text: &str) -> impl Iterator<Item = &str> {
    let keys = ["WantedBy", "RequiredBy", "UpheldBy"];
    keys.into_iter().flat_map(|key| values(text, key)).flat_map(str::split_whitespace)
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
    fn the_addresses_wait_for_predecessors_of_the_agent() {
        let texts = [
            ("agent.service", "[Unit]\nAfter=a.service\n"),
            ("b.service", "[Unit]\nBefore=a.service x.service\n"),
            ("c.service", "[Install]\nWantedBy=network-online.target\n"),
            ("d.service", "[Unit]\nAfter=agent.service b.service\nBefore=multi-user.target\n"),
        ];
        let found = before_addresses("agent.service", texts.into_iter());
        for name in ["agent.service", "a.service", "b.service", "c.service", "network.target"] {
            assert!(found.contains(name), "{name}");
        }
        assert!(!found.contains("d.service") && !found.contains("x.service"));
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
