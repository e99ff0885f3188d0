//! The settings of a unit that order it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::graph::{Graph, key};
use super::{OrderedUnit, kind_of};
use crate::convert::unit_lines::{Line, joined, lines};

/// The names of units in settings, by the keys of the settings.
pub type Words = BTreeMap<&'static str, BTreeSet<String>>;

/// File systems that systemd mounts after the network.
const REMOTE: [&str; 9] = ["nfs", "nfs4", "cifs", "smb3", "ceph", "glusterfs", "ocfs2", "gfs2", "sshfs"];

/// Settings with paths whose mounts a unit waits for.
const PATHS: [&str; 15] = [
    "RequiresMountsFor",
    "WantsMountsFor",
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

/// Settings that order units.
const ORDERS: [&str; 5] = ["After", "Before", "WantedBy", "RequiredBy", "UpheldBy"];

/// Settings that start other units with a unit.
const STARTS: [&str; 4] = ["Wants", "Requires", "BindsTo", "Upholds"];

/// Targets without default dependencies, which do not wait for the units that they want.
const UNORDERED: [&str; 3] = ["local-fs.target", "remote-fs.target", "timers.target"];

/// A unit with its settings.
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub(super) struct Settings<'t> {
    pub name: &'t str,
    lines: Vec<(&'t str, String)>,
    pub has_contents: bool,
    pub needs_addresses: bool,
    pub is_wanted: bool,
    /// It waits for the service with the addresses.
    pub waits_for_addresses: bool,
    /// A drop-in takes it out of early boot.
    pub is_late: bool,
    /// A drop-in orders it after `multi-user.target`.
    pub is_after_boot: bool,
    /// The words that the result lacks.
    pub omitted: Words,
}

/// A word that orders two units.
pub(super) struct Edge<'s> {
    pub key: &'static str,
    pub word: &'s str,
    /// The unit that waits.
    pub waiting: &'s str,
    /// The unit that it waits for.
    pub awaited: &'s str,
}

impl<'t> Settings<'t> {
    pub fn new(unit: &OrderedUnit<'t>) -> Self {
        let settings = unit.texts.iter().flat_map(|text| lines(text)).filter_map(Line::setting);
        Self {
            name: unit.name,
            lines: settings.map(|(key, value)| (key, joined(value).trim().to_owned())).collect(),
            has_contents: unit.has_contents,
            needs_addresses: unit.needs_addresses,
            is_wanted: unit.is_wanted,
            waits_for_addresses: false,
            is_late: false,
            is_after_boot: false,
            omitted: Words::new(),
        }
    }

    pub fn kind(&self) -> &'t str {
        kind_of(self.name)
    }

    fn values<'s>(&'s self, keys: &'s [&str]) -> impl Iterator<Item = &'s str> {
        self.lines.iter().filter(|(key, _)| keys.contains(key)).map(|(_, value)| value.as_str())
    }

    fn words<'s>(&'s self, keys: &'s [&str]) -> impl Iterator<Item = &'s str> {
        self.values(keys).flat_map(str::split_whitespace)
    }

    fn has_default_dependencies(&self) -> bool {
        let no = |value: &str| ["no", "n", "false", "f", "off", "0"].iter().any(|no| value.eq_ignore_ascii_case(no));
        !self.is_late && !self.values(&["DefaultDependencies"]).last().is_some_and(no)
    }

    /// Returns true for a unit of the source with the order of its type.
    pub fn has_default_order(&self) -> bool {
        self.has_contents && self.has_default_dependencies()
    }

    fn is_remote(&self) -> bool {
        self.values(&["Type"]).any(|kind| REMOTE.contains(&kind))
            || self.values(&["Options"]).any(|text| text.contains("_netdev"))
    }

    fn is_of_early_type(&self) -> bool {
        matches!(self.kind(), "mount" | "automount" | "swap" | "socket" | "path") && !self.is_remote()
    }

    /// Returns true for a unit of the source that systemd orders into early boot.
    pub fn is_early(&self) -> bool {
        self.is_of_early_type() && self.has_default_order()
    }

    /// Returns true for a unit of the image that a drop-in can take out of early boot.
    pub fn is_early_of_image(&self) -> bool {
        let is_ordered_by_type = self.has_default_dependencies() && !self.name.starts_with("systemd-");
        self.is_of_early_type() && !self.has_contents && is_ordered_by_type
    }

    /// The target that early boot reaches with units of this type.
    pub fn target(&self) -> &'static str {
        match self.kind() {
            "path" => "paths.target",
            "socket" => "sockets.target",
            "swap" => "swap.target",
            "timer" => "timers.target",
            _ if self.is_remote() => "remote-fs.target",
            _ => "local-fs.target",
        }
    }

    pub fn mount_point(&self) -> Option<&str> {
        (self.kind() == "mount").then(|| self.values(&["Where"]).last())?
    }

    /// The words that order the unit and others.
    pub fn edges(&self) -> impl Iterator<Item = Edge<'_>> {
        let words = self.lines.iter().flat_map(|(key, value)| {
            let key = ORDERS.into_iter().find(|known| known == key);
            key.into_iter().flat_map(move |key| value.split_whitespace().map(move |word| (key, word)))
        });
        let is_omitted = |key: &str, word: &str| self.omitted.get(key).is_some_and(|words| words.contains(word));
        words.filter(move |(key, word)| !is_omitted(key, word)).filter_map(|(key, word)| match key {
            "After" => Some(Edge { key, word, waiting: self.name, awaited: word }),
            "Before" => Some(Edge { key, word, waiting: word, awaited: self.name }),
            _ => self.is_awaited_by_target(word).then_some(Edge { key, word, waiting: word, awaited: self.name }),
        })
    }

    /// Returns true if `target` waits for the unit once it wants it.
    fn is_awaited_by_target(&self, target: &str) -> bool {
        let is_ordered = kind_of(target) == "target" && !UNORDERED.contains(&target);
        let waits = || match self.kind() {
            "service" => matches!(target, "basic.target" | "sysinit.target"),
            "socket" | "path" | "timer" => target == "sysinit.target",
            "mount" if self.is_remote() => {
                matches!(target, "network.target" | "network-online.target" | "remote-fs-pre.target")
            }
            "mount" | "automount" => target == "local-fs-pre.target",
            _ => false,
        };
        let is_after = || self.words(&["After"]).any(|word| word == target);
        is_ordered && self.is_wanted && self.has_default_order() && !waits() && !is_after()
    }

    /// The units that start with the unit.
    pub fn starts<'s>(&'s self, mounts: &'s HashMap<String, &str>) -> impl Iterator<Item = &'s str> {
        let also = self.words(&["Also"]).filter(|_| self.is_wanted);
        self.words(&STARTS).chain(also).chain(self.mounts(mounts))
    }

    /// The mounts that the unit waits for, since it has paths below them.
    fn mounts<'s>(&'s self, mounts: &'s HashMap<String, &str>) -> impl Iterator<Item = &'s str> {
        let paths = self.words(&PATHS).map(|path| path.trim_start_matches(['-', '+']));
        let places = self.words(&["Where"]).filter_map(|path| Some(path.rsplit_once('/')?.0));
        let above = move |path: &'s str| {
            let ends = path.match_indices('/').map(|(end, _)| end).chain([path.len()]);
            ends.filter_map(move |end| mounts.get(&path[..end]).copied())
        };
        paths.chain(places).flat_map(above).filter(|mount| *mount != self.name)
    }

    /// The unit that the unit starts on an event.
    fn triggered(&self) -> Option<String> {
        let stem = self.name.strip_suffix(self.kind())?;
        let key = match self.kind() {
            "automount" => return Some(format!("{stem}mount")),
            "socket" => "Service",
            "path" | "timer" => "Unit",
            _ => return None,
        };
        Some(self.words(&[key]).last().map_or_else(|| format!("{stem}service"), str::to_owned))
    }

    /// Adds the unit to the graph, without the order that its type has in early boot.
    pub fn add_to(&self, graph: &mut Graph, mounts: &HashMap<String, &str>) {
        let name = self.name;
        graph.add(name);
        match self.kind() {
            // The image orders its own units.
            "slice" if !self.has_contents => graph.wait("slices.target", name),
            "swap" | "mount" | "automount" if !self.has_contents && !self.is_late => {
                graph.wait(self.target(), name);
            }
            "service" if self.has_default_order() => {
                graph.wait(name, "basic.target");
                graph.wait(name, "sysinit.target");
            }
            "socket" | "path" | "timer" if self.has_default_order() => graph.wait(name, "sysinit.target"),
            "target" => {
                let wanted = self.words(&STARTS).filter(|unit| !UNORDERED.contains(unit));
                wanted.for_each(|unit| graph.wait(name, unit));
            }
            "mount" if self.is_remote() => graph.wait(name, "network-online.target"),
            _ => {}
        }
        for Edge { waiting, awaited, .. } in self.edges() {
            graph.wait(waiting, awaited);
        }
        self.mounts(mounts).for_each(|mount| graph.wait(name, mount));
        if let Some(triggered) = self.triggered() {
            graph.wait(&triggered, name);
        }
        if self.waits_for_addresses {
            graph.wait(name, super::ADDRESSES);
        }
    }

    /// Adds the order that the unit has by its type or by a generated drop-in.
    pub fn add_default_order(&self, graph: &mut Graph) {
        if self.is_late {
            let target = if matches!(self.kind(), "socket" | "path") { "sysinit.target" } else { "local-fs.target" };
            graph.wait(self.name, target);
        } else if self.has_default_order()
            && matches!(self.kind(), "mount" | "automount" | "swap" | "socket" | "path" | "timer")
        {
            graph.wait(self.target(), self.name);
            let before = match self.target() {
                "local-fs.target" => "local-fs-pre.target",
                "remote-fs.target" => "remote-fs-pre.target",
                _ => return,
            };
            graph.wait(self.name, before);
        }
        if self.is_after_boot {
            graph.wait(self.name, super::MULTI_USER);
        }
    }

    /// Omits the words on account of which a unit waits for one that waits for it, if `is_omitted` of its name.
    pub fn omit(&mut self, cycles: &HashMap<&str, usize>, is_omitted: impl Fn(&str) -> bool) {
        let closes_cycle = |edge: &Edge<'_>| {
            let (waiting, awaited) = (key(edge.waiting), key(edge.awaited));
            let number = cycles.get(waiting.as_str());
            number.is_some() && number == cycles.get(awaited.as_str()) && is_omitted(&waiting)
        };
        let omitted: Vec<_> = self.edges().filter(closes_cycle).map(|edge| (edge.key, edge.word.to_owned())).collect();
        for (key, word) in omitted {
            self.omitted.entry(key).or_default().insert(word);
        }
    }
}
