//! The order in which systemd starts the units of a result, as a graph of units that wait for others.
//!
//! A run starts units one by one when the boot is nearly over. In a result, targets want them, and systemd orders units
//! of early boot before services and a target after the units that it wants. What worked in a run can be a cycle then,
//! which systemd breaks by a unit that it does not start. The graph has the units of the source, the targets of every
//! boot, and the service with the addresses.

use std::collections::{HashMap, HashSet};

use super::addresses::UNIT as ADDRESSES;

/// A unit of the source.
pub struct OrderedUnit<'t> {
    pub name: &'t str,
    /// Its file and its drop-ins.
    pub texts: Vec<&'t str>,
    /// The source has its file; otherwise it is a unit of the image.
    pub has_contents: bool,
    /// Its texts name addresses.
    pub needs_addresses: bool,
}

/// The units whose order needs care.
#[derive(Debug, Default)]
pub struct Order {
    /// The addresses wait for them, so that they cannot wait for the addresses.
    before_addresses: HashSet<String>,
    /// Units of early boot that wait for services.
    late: HashSet<String>,
    /// Units that wait for `multi-user.target`.
    after_boot: HashSet<String>,
}

const MULTI_USER: &str = "multi-user.target";

/// The units that units of every boot wait for.
const BOOT: &[(&str, &[&str])] = &[
    (ADDRESSES, &["network-online.target", "basic.target"]),
    ("basic.target", &["sysinit.target", "sockets.target", "paths.target", "slices.target"]),
    ("default.target", &["graphical.target"]),
    ("graphical.target", &[MULTI_USER]),
    ("local-fs.target", &["local-fs-pre.target"]),
    (MULTI_USER, &["basic.target"]),
    (
        "network-online.target",
        &[
            "network.target",
            "systemd-networkd-wait-online.service",
            "NetworkManager-wait-online.service",
            // NetworkManager is no unit of early boot.
            "basic.target",
        ],
    ),
    ("paths.target", &["sysinit.target"]),
    ("sockets.target", &["sysinit.target"]),
    ("timers.target", &["sysinit.target"]),
    ("network.target", &["network-pre.target", "systemd-networkd.service", "NetworkManager.service", "dbus.service"]),
    ("sysinit.target", &["local-fs.target", "swap.target", "cryptsetup.target"]),
];

/// File systems that systemd mounts after the network.
const REMOTE: [&str; 9] = ["nfs", "nfs4", "cifs", "smb3", "ceph", "glusterfs", "ocfs2", "gfs2", "sshfs"];

/// Settings with paths whose mounts a unit waits for.
const PATHS: [&str; 16] = [
    "RequiresMountsFor",
    "WantsMountsFor",
    "Where",
    "What",
    "ListenStream",
    "ListenDatagram",
    "ListenSequentialPacket",
    "ListenFIFO",
    "PathExists",
    "PathExistsGlob",
    "PathChanged",
    "PathModified",
    "DirectoryNotEmpty",
    "WorkingDirectory",
    "RootDirectory",
    "RootImage",
];

impl Order {
    /// Finds the units whose order needs care; `agent` is the metadata agent of the image.
    pub fn new(units: &[OrderedUnit<'_>], agent: &str) -> Self {
        let mut graph = Graph::default();
        for (unit, others) in BOOT {
            others.iter().for_each(|other| graph.wait(unit, other));
        }
        graph.wait(ADDRESSES, agent);
        let units: Vec<_> = units.iter().map(Settings::new).collect();
        let mounts: HashMap<_, _> = units.iter().filter_map(|unit| Some((unit.mount_point()?, unit.name))).collect();
        for unit in &units {
            unit.add_to(&mut graph, &mounts);
        }
        graph.add_units_of_the_image(&units);
        let before_addresses = graph.awaited_by(ADDRESSES);
        for unit in units.iter().filter(|unit| unit.needs_addresses && !before_addresses.contains(&key(unit.name))) {
            graph.wait(unit.name, ADDRESSES);
        }
        // By default, systemd orders these targets after the units.
        let waiting: HashMap<_, _> = ["local-fs.target", "paths.target", "sockets.target", "swap.target"]
            .map(|target| (target, graph.waiting_for(target)))
            .into();
        let late = units.iter().filter(|unit| {
            let target = match unit.kind() {
                "path" => "paths.target",
                "socket" => "sockets.target",
                "swap" => "swap.target",
                _ => "local-fs.target",
            };
            unit.is_early() && waiting[target].contains(&key(unit.name))
        });
        let late = late.map(|unit| key(unit.name)).collect();
        Self { before_addresses, late, after_boot: graph.waiting_for(MULTI_USER) }
    }

    /// Returns true if the addresses wait for the unit.
    pub fn is_before_addresses(&self, name: &str) -> bool {
        self.before_addresses.contains(&key(name))
    }

    /// Returns true if the unit waits for the end of the boot.
    pub fn is_after_boot(&self, name: &str) -> bool {
        self.after_boot.contains(&key(name))
    }

    /// Returns true for a unit of early boot that waits for services.
    pub fn is_late(&self, name: &str) -> bool {
        self.late.contains(&key(name))
    }

    /// Returns the text of a drop-in without which the unit would be in a cycle of the boot, once a target wants it.
    pub fn drop_in(&self, name: &str) -> Option<&'static str> {
        if self.is_late(name) {
            return Some(if matches!(kind_of(name), "socket" | "path") { LATE_SOCKET } else { LATE_MOUNT });
        }
        self.is_after_boot(name).then_some(AFTER_BOOT)
    }
}

const LATE_MOUNT: &str =
    "[Unit]\nDefaultDependencies=no\nAfter=local-fs.target\nConflicts=umount.target\nBefore=umount.target\n";
const LATE_SOCKET: &str = "[Unit]\nDefaultDependencies=no\nRequires=sysinit.target\nAfter=sysinit.target\n\
                           Conflicts=shutdown.target\nBefore=shutdown.target\n";
/// With an explicit order, systemd does not order the target after the unit.
const AFTER_BOOT: &str = "[Unit]\nAfter=multi-user.target\n";

/// A unit with its settings.
struct Settings<'t> {
    name: &'t str,
    lines: Vec<(String, String)>,
    has_contents: bool,
    needs_addresses: bool,
}

impl<'t> Settings<'t> {
    fn new(unit: &OrderedUnit<'t>) -> Self {
        let lines = unit.texts.iter().flat_map(|text| {
            let joined = text.replace("\\\r\n", " ").replace("\\\n", " ");
            let pair = |line: &str| {
                let (key, value) = line.split_once('=')?;
                Some((key.trim().to_owned(), value.trim().to_owned()))
            };
            joined.lines().filter_map(pair).collect::<Vec<_>>()
        });
        let (has_contents, needs_addresses) = (unit.has_contents, unit.needs_addresses);
        Self { name: unit.name, lines: lines.collect(), has_contents, needs_addresses }
    }

    fn kind(&self) -> &str {
        kind_of(self.name)
    }

    fn values<'s>(&'s self, keys: &'s [&str]) -> impl Iterator<Item = &'s str> {
        self.lines.iter().filter(|(key, _)| keys.contains(&key.as_str())).map(|(_, value)| value.as_str())
    }

    fn words<'s>(&'s self, keys: &'s [&str]) -> impl Iterator<Item = &'s str> {
        self.values(keys).flat_map(str::split_whitespace)
    }

    fn has_default_order(&self) -> bool {
        self.has_contents && self.values(&["DefaultDependencies"]).next().is_none()
    }

    fn is_remote(&self) -> bool {
        self.values(&["Type"]).any(|kind| REMOTE.contains(&kind))
            || self.values(&["Options"]).any(|text| text.contains("_netdev"))
    }

    /// Returns true for a unit of the source that systemd orders into early boot.
    fn is_early(&self) -> bool {
        matches!(self.kind(), "mount" | "automount" | "swap" | "socket" | "path")
            && self.has_default_order()
            && !self.is_remote()
    }

    fn mount_point(&self) -> Option<&str> {
        (self.kind() == "mount").then(|| self.values(&["Where"]).last())?
    }

    fn add_to(&self, graph: &mut Graph, mounts: &HashMap<&str, &str>) {
        let name = self.name;
        graph.waits.entry(key(name)).or_default();
        match self.kind() {
            // The image orders its own units.
            "socket" if !self.has_contents => graph.wait("sockets.target", name),
            "path" if !self.has_contents => graph.wait("paths.target", name),
            "slice" if !self.has_contents => graph.wait("slices.target", name),
            "swap" if !self.has_contents => graph.wait("swap.target", name),
            "mount" | "automount" if !self.has_contents => graph.wait("local-fs.target", name),
            "target" if !self.has_contents => graph.wait("sysinit.target", name),
            "service" if self.has_default_order() => graph.wait(name, "basic.target"),
            "socket" | "path" | "timer" if self.has_default_order() => graph.wait(name, "sysinit.target"),
            "target" => self.words(&["Wants", "Requires"]).for_each(|unit| graph.wait(name, unit)),
            "mount" if self.is_remote() => graph.wait(name, "network-online.target"),
            _ => {}
        }
        self.words(&["After"]).for_each(|unit| graph.wait(name, unit));
        self.words(&["Before"]).for_each(|unit| graph.wait(unit, name));
        if self.has_default_order() && !self.is_early() {
            let wanting = self.words(&["WantedBy", "RequiredBy", "UpheldBy"]);
            wanting.filter(|unit| kind_of(unit) == "target").for_each(|target| graph.wait(target, name));
        }
        for path in self.words(&PATHS).map(|path| path.trim_start_matches(['-', '+'])) {
            let ends = path.match_indices('/').map(|(end, _)| end).chain([path.len()]);
            for mount in ends.filter_map(|end| mounts.get(&path[..end])).filter(|mount| **mount != name) {
                graph.wait(name, mount);
            }
        }
    }
}

/// Units, and the units that each waits for.
#[derive(Default)]
struct Graph {
    waits: HashMap<String, Vec<String>>,
}

impl Graph {
    fn wait(&mut self, unit: &str, other: &str) {
        self.waits.entry(key(other)).or_default();
        self.waits.entry(key(unit)).or_default().push(key(other));
    }

    /// Lets units of the image wait as their types do, apart from services of early boot.
    fn add_units_of_the_image(&mut self, units: &[Settings<'_>]) {
        let own: HashSet<_> = units.iter().filter(|unit| unit.has_contents).map(|unit| key(unit.name)).collect();
        let names = self.waits.keys().filter(|name| !own.contains(*name));
        for name in names.cloned().collect::<Vec<_>>() {
            let is_of_systemd = name.starts_with("systemd-");
            match kind_of(&name) {
                "path" | "socket" | "timer" if !is_of_systemd => self.wait(&name, "sysinit.target"),
                "service" if is_of_systemd => self.wait("sysinit.target", &name),
                "service"
                    if !matches!(name.as_str(), "dbus.service" | ADDRESSES) && !name.starts_with("NetworkManager") =>
                {
                    self.wait(&name, "basic.target");
                }
                _ => {}
            }
        }
    }

    /// The units that `name` waits for, and `name`.
    fn awaited_by(&self, name: &str) -> HashSet<String> {
        closure(&self.waits, name)
    }

    /// The units that wait for `name`, and `name`.
    fn waiting_for(&self, name: &str) -> HashSet<String> {
        let mut reverse: HashMap<String, Vec<String>> = HashMap::new();
        for (unit, others) in &self.waits {
            for other in others {
                reverse.entry(other.clone()).or_default().push(unit.clone());
            }
        }
        closure(&reverse, name)
    }
}

fn closure(edges: &HashMap<String, Vec<String>>, start: &str) -> HashSet<String> {
    let (mut found, mut left) = (HashSet::new(), vec![start]);
    while let Some(name) = left.pop() {
        if found.insert(name.to_owned()) {
            left.extend(edges.get(name).into_iter().flatten().map(String::as_str));
        }
    }
    found
}

/// The name of a unit in the graph: an instance and its template are one unit.
fn key(name: &str) -> String {
    super::unit_paths::template_of(name)
}

fn kind_of(name: &str) -> &str {
    name.rsplit_once('.').map_or("", |(_, kind)| kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(units: &[(&str, &str)]) -> Order {
        let units: Vec<_> = units
            .iter()
            .map(|(name, text)| OrderedUnit {
                name,
                texts: vec![text],
                has_contents: text.contains("# contents"),
                needs_addresses: text.contains("$private_ipv4"),
            })
            .collect();
        Order::new(&units, "agent.service")
    }

    #[test]
    fn a_unit_of_early_boot_that_waits_for_a_service_is_late() {
        let late = |name: &str, text: &str| order(&[(name, &format!("# contents\n{text}"))]).drop_in(name);
        for (name, text, expected) in [
            ("a.mount", "After=x.target b.service\n[Mount]\nType=ext4\n", Some(LATE_MOUNT)),
            ("a.swap", "After = b.service\n", Some(LATE_MOUNT)),
            ("a.swap", "After=x.target \\\n  b.service\n", Some(LATE_MOUNT)),
            ("a.socket", "After=b.service\n", Some(LATE_SOCKET)),
            ("a.path", "After=network-online.target\n", Some(LATE_SOCKET)),
            ("a.mount", "After=docker.socket\n", Some(LATE_MOUNT)),
            ("a.mount", "After=timers.target\n", Some(LATE_MOUNT)),
            ("a.mount", "After=local-fs.target\n", Some(LATE_MOUNT)),
            ("a.swap", "After=local-fs.target\n", None),
            ("a.socket", "After=sockets.target\n", Some(LATE_SOCKET)),
            ("a.path", "After=paths.target\n", Some(LATE_SOCKET)),
            ("a.socket", "After=docker.socket\n", None),
            ("a.mount", "After=systemd-udevd-kernel.socket\n", None),
            ("a.mount", "After=b.mount\n", None),
            ("a.mount", "After=systemd-udevd.service\n", None),
            ("a.mount", "Before=b.service\n", None),
            ("a.mount", "After=b.service\nDefaultDependencies=no\n", None),
            ("a.mount", "After=b.service\nType=nfs\n", None),
            ("a.mount", "After=b.service\nOptions=ro,_netdev\n", None),
            ("a.service", "After=b.service\n", None),
            ("a.timer", "After=b.service\n", None),
        ] {
            assert_eq!(late(name, text), expected, "{name} {text}");
        }
    }

    #[test]
    fn a_unit_of_early_boot_is_late_if_one_that_it_waits_for_is() {
        let data = ("data.mount", "# contents\nAfter=format.service\nWhere=/data\n");
        for (name, text, is_late) in [
            ("a.mount", "After=data.mount\nWhere=/a\n", true),
            ("a.mount", "What=/data/a\nWhere=/a\n", true),
            ("data-sub.mount", "Where=/data/sub\n", true),
            ("a.swap", "What=/data/swap\n", true),
            ("a.socket", "ListenStream=/data/socket\n", true),
            ("a.path", "PathExists=/data/x\n", true),
            ("a.automount", "RequiresMountsFor=/x /data\nWhere=/a\n", true),
            ("database.mount", "Where=/database\n", false),
            ("a.socket", "ListenStream=80\n", false),
        ] {
            let found = order(&[data, (name, &format!("# contents\n{text}"))]);
            assert_eq!(found.drop_in(name).is_some(), is_late, "{name} {text}");
        }
        let preceded = order(&[("a.mount", "# contents\n"), ("b.service", "# contents\nBefore=a.mount\n")]);
        assert_eq!(preceded.drop_in("a.mount"), Some(LATE_MOUNT));
        let socket = ("a.socket", "# contents\nExecStartPre=/bin/a $private_ipv4\n");
        assert_eq!(order(&[socket]).drop_in("a.socket"), Some(LATE_SOCKET));
    }

    #[test]
    fn the_addresses_wait_for_what_the_network_waits_for() {
        let found = order(&[
            ("agent.service", "After=a.service\n"),
            ("b.service", "# contents\nBefore=a.service x.service\n"),
            ("c.service", "# contents\nWantedBy=network-online.target\n"),
            ("d.service", "# contents\nAfter=agent.service b.service\nBefore=multi-user.target\n"),
            ("e@.service", "# contents\nDefaultDependencies=no\nBefore=sysinit.target\n"),
            ("systemd-resolved.service", "User=a\n"),
            ("docker.socket", "User=a\n"),
            ("docker.service", "User=a\n"),
        ]);
        for name in [
            "agent.service",
            "a.service",
            "b.service",
            "c.service",
            "e@1.service",
            "systemd-resolved.service",
            "docker.socket",
        ] {
            assert!(found.is_before_addresses(name), "{name}");
        }
        for name in ["d.service", "x.service", "docker.service"] {
            assert!(!found.is_before_addresses(name), "{name}");
        }
    }

    #[test]
    fn units_behind_the_end_of_the_boot_wait_for_it() {
        let found = order(&[
            ("a.service", "# contents\nAfter=multi-user.target\n"),
            ("b.service", "# contents\nAfter=a.service\n"),
            ("c.target", "# contents\nWants=b.service\n"),
            ("d.service", "After=graphical.target\n"),
            ("e.service", "# contents\nBefore=multi-user.target\n"),
        ]);
        for name in ["a.service", "b.service", "c.target", "d.service"] {
            assert_eq!((found.is_after_boot(name), found.drop_in(name)), (true, Some(AFTER_BOOT)), "{name}");
        }
        assert_eq!((found.is_after_boot("e.service"), found.drop_in("e.service")), (false, None));
    }
}
