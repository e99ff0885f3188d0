//! The settings of a unit that order it.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::graph::{Graph, key};
use super::{OrderedUnit, Start, kind_of};
use crate::convert::image;
use crate::convert::unit_lines::{Line, joined, lines};
use crate::plan::names;

/// The names of units in settings, by the keys of the settings.
pub type Words = BTreeMap<&'static str, BTreeSet<String>>;

/// File systems that systemd mounts after the network.
const REMOTE: [&str; 18] = [
    "afs",
    "ceph",
    "cifs",
    "davfs",
    "gfs",
    "gfs2",
    "glusterfs",
    "lustre",
    "ncp",
    "ncpfs",
    "nfs",
    "nfs4",
    "ocfs2",
    "orangefs",
    "pvfs2",
    "smb3",
    "smbfs",
    "sshfs",
];

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

/// The length from which on the kernel accepts no path.
const PATH_MAX: usize = 4096;
/// The length of the longest name of a unit.
const NAME_MAX: usize = 255;

/// Settings that order units.
const ORDERS: [&str; 5] = ["After", "Before", "WantedBy", "RequiredBy", "UpheldBy"];

/// Settings that start other units with a unit.
const STARTS: [&str; 4] = ["Wants", "Requires", "BindsTo", "Upholds"];

/// Directories of services, with the directories that they are in.
const DIRECTORIES: [(&str, &str); 5] = [
    ("CacheDirectory", "/var/cache"),
    ("ConfigurationDirectory", "/etc"),
    ("LogsDirectory", "/var/log"),
    ("RuntimeDirectory", "/run"),
    ("StateDirectory", "/var/lib"),
];

/// Targets without default dependencies, which do not wait for the units that they want.
const UNORDERED: [&str; 3] = ["local-fs.target", "remote-fs.target", "timers.target"];

/// Facts about all units that the order of each depends on.
#[derive(Default)]
pub(super) struct Source<'t> {
    /// The mounts, by their mount points.
    pub mounts: HashMap<String, &'t str>,
    /// The names that enabled units have besides their own.
    aliases: HashMap<String, &'t str>,
    /// The units without default dependencies.
    unordered: HashSet<&'t str>,
}

impl<'t> Source<'t> {
    pub fn new(units: &[Settings<'t>]) -> Self {
        let mut source = Self::default();
        // The image has one there.
        source.mounts.insert("/tmp".to_owned(), "tmp.mount");
        for unit in units {
            source.mounts.extend(unit.mount_point().map(|place| (place.to_owned(), unit.name)));
            if unit.start == Start::Install && unit.has_contents {
                source.aliases.extend(unit.words(&["Alias"]).map(|alias| (alias.to_owned(), unit.name)));
            }
            source.unordered.extend((!unit.has_default_dependencies()).then_some(unit.name));
        }
        for unit in units {
            source.aliases.remove(unit.name);
        }
        source
    }

    /// The unit that a setting names.
    fn resolve<'s>(&'s self, name: &'s str) -> &'s str {
        self.aliases.get(name).copied().unwrap_or(name)
    }

    fn is_unordered(&self, name: &str) -> bool {
        UNORDERED.contains(&name) || self.unordered.contains(name)
    }

    /// The mounts at `path` and above it.
    fn above(&self, path: &str) -> Vec<&'t str> {
        let path = if path.len() < PATH_MAX { path } else { "" };
        let ends = path.match_indices('/').map(|(end, _)| end).chain([path.len()]);
        ends.filter_map(|end| self.mounts.get(&path[..end]).copied()).collect()
    }
}

/// A unit with its settings.
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub(super) struct Settings<'t> {
    pub name: &'t str,
    lines: Vec<(&'t str, String)>,
    pub has_contents: bool,
    pub needs_addresses: bool,
    pub start: Start,
    /// It waits for the service with the addresses.
    pub waits_for_addresses: bool,
    /// A drop-in takes it out of early boot.
    pub is_late: bool,
    /// A drop-in orders it after `multi-user.target`.
    pub is_after_boot: bool,
    /// It is not known whether its order is possible.
    pub is_doubtful: bool,
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
            start: unit.start,
            waits_for_addresses: false,
            is_late: false,
            is_after_boot: false,
            is_doubtful: false,
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

    fn last<'s>(&'s self, key: &'s str) -> Option<&'s str> {
        self.lines.iter().rev().find(|(known, _)| *known == key).map(|(_, value)| value.as_str())
    }

    fn has_default_dependencies(&self) -> bool {
        let no = |value: &str| ["no", "n", "false", "f", "off", "0"].iter().any(|no| value.eq_ignore_ascii_case(no));
        !self.is_late && !self.last("DefaultDependencies").is_some_and(no)
    }

    /// Returns true if the last value of the setting turns it on.
    fn is_on(&self, key: &str) -> bool {
        let yes = ["yes", "y", "true", "t", "on", "1"];
        self.last(key).is_some_and(|value| yes.iter().any(|yes| value.eq_ignore_ascii_case(yes)))
    }

    /// Returns true for a unit of the source with the order of its type.
    pub fn has_default_order(&self) -> bool {
        self.has_contents && self.has_default_dependencies()
    }

    fn is_remote(&self) -> bool {
        let is_remote = |kind: &str| REMOTE.contains(&kind.strip_prefix("fuse.").unwrap_or(kind));
        self.kind() == "mount"
            && (self.last("Type").is_some_and(is_remote)
                || self.values(&["Options"]).any(|text| text.contains("_netdev")))
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

    /// The mount point; systemd does not load a mount that has the name of another one.
    pub fn mount_point(&self) -> Option<&str> {
        let place = self.last("Where").filter(|_| self.kind() == "mount")?.trim_end_matches('/');
        (names::mount_name(place).as_deref() == self.name.strip_suffix(".mount")).then_some(place)
    }

    /// The words that order the unit and others.
    fn edges<'s>(&'s self, source: &'s Source<'_>) -> impl Iterator<Item = Edge<'s>> {
        let words = self.lines.iter().flat_map(|(key, value)| {
            let key = ORDERS.into_iter().find(|known| known == key);
            key.into_iter().flat_map(move |key| value.split_whitespace().map(move |word| (key, word)))
        });
        let is_omitted = |key: &str, word: &str| self.omitted.get(key).is_some_and(|words| words.contains(word));
        words.filter(move |(key, word)| !is_omitted(key, word)).filter_map(move |(key, word)| {
            let other = source.resolve(word);
            let (waiting, awaited) = if key == "After" { (self.name, other) } else { (other, self.name) };
            let is_order = matches!(key, "After" | "Before") || self.is_wanted_by(other, source);
            is_order.then_some(Edge { key, word, waiting, awaited })
        })
    }

    /// Returns true if `target` waits for the unit, once it wants it, unless the unit waits for the target.
    fn is_wanted_by(&self, target: &str, source: &Source<'_>) -> bool {
        let is_ordered = kind_of(target) == "target" && !source.is_unordered(target);
        is_ordered && self.start == Start::Install && self.has_default_order()
    }

    /// The units that start with the unit.
    pub fn starts<'s>(&'s self, source: &'s Source<'_>) -> impl Iterator<Item = String> {
        let also = self.words(&["Also"]).filter(|_| self.start == Start::Install);
        let words = self.words(&STARTS).chain(also).map(|word| source.resolve(word));
        words.map(str::to_owned).chain(self.implied()).chain(self.mounts(source).map(str::to_owned))
    }

    /// The mounts that the unit waits for, since it has paths below them.
    fn mounts<'s>(&'s self, source: &'s Source<'_>) -> impl Iterator<Item = &'s str> {
        let paths = self.words(&PATHS).map(|path| path.trim_start_matches(['-', '+']).to_owned());
        let places = self.words(&["Where"]).filter_map(|path| Some(path.rsplit_once('/')?.0.to_owned()));
        let of_service = self.lines.iter().filter_map(|(key, names)| {
            let (_, top) = DIRECTORIES.iter().find(|(known, _)| known == key)?;
            Some((top, names))
        });
        let of_service = of_service.flat_map(|(top, names)| {
            let names = names.split_whitespace().filter_map(|name| name.split(':').next());
            names.map(move |name| format!("{top}/{name}"))
        });
        let temporary = ["/tmp", "/var/tmp"].into_iter().filter(|_| self.has_private_tmp()).map(str::to_owned);
        let paths = paths.chain(places).chain(of_service).chain(temporary);
        paths.flat_map(|path| source.above(&path)).filter(|mount| *mount != self.name)
    }

    fn has_private_tmp(&self) -> bool {
        self.is_on("PrivateTmp") || self.is_on("DynamicUser")
    }

    /// The units that systemd orders the unit after on account of other settings (systemd.service(5), systemd.exec(5)).
    fn implied(&self) -> impl Iterator<Item = String> {
        let mut units = Vec::new();
        let kind = self.kind();
        let slice = match kind {
            "service" | "socket" | "mount" | "swap" => self.last("Slice").unwrap_or("system.slice"),
            "slice" => self.name,
            _ => "",
        };
        let is_null = |key: &str| self.last(key).is_some_and(|value| value == "null");
        let is_run = matches!(kind, "service" | "mount" | "swap") && self.has_contents;
        if is_run && !(is_null("StandardOutput") && is_null("StandardError")) {
            units.push("systemd-journald.socket");
        }
        if self.has_private_tmp() {
            units.push("systemd-tmpfiles-setup.service");
        }
        let kind_of_service = self.last("Type").or_else(|| self.last("BusName").map(|_| "dbus"));
        if kind == "service" && kind_of_service == Some("dbus") {
            units.push("dbus.socket");
        }
        if kind == "timer" && self.has_default_order() && self.last("OnCalendar").is_some() {
            units.extend(["time-set.target", "time-sync.target"]);
        }
        if kind == "mount" && self.has_default_order() && self.last("Type") == Some("tmpfs") {
            units.push("swap.target");
        }
        let has_directory =
            ["CacheDirectory", "LogsDirectory", "StateDirectory"].iter().any(|key| self.last(key).is_some());
        let is_file = kind == "swap" && self.last("What").is_some_and(|file| !file.starts_with("/dev/"));
        if has_directory || is_file {
            units.push("systemd-remount-fs.service");
        }
        if kind == "service" {
            units.extend(self.words(&["Sockets"]));
        }
        let slices = slices_of(slice).filter(|slice| slice != self.name);
        units.into_iter().map(str::to_owned).chain(slices).collect::<Vec<_>>().into_iter()
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
    pub fn add_to(&self, graph: &mut Graph, source: &Source<'_>) {
        let name = self.name;
        graph.add(name);
        match self.kind() {
            // The image orders its own units.
            "swap" | "mount" | "automount" if !self.has_contents && !self.is_late => {
                graph.wait(image::target_of_mount(name).unwrap_or(self.target()), name);
            }
            "service" if self.has_default_order() => {
                graph.wait(name, "basic.target");
                graph.wait(name, "sysinit.target");
            }
            "socket" | "path" | "timer" if self.has_default_order() => graph.wait(name, "sysinit.target"),
            "mount" if self.is_remote() && self.has_default_order() => {
                for target in ["network-online.target", "network.target", "remote-fs-pre.target"] {
                    graph.wait(name, target);
                }
            }
            "mount" | "automount" if self.has_default_order() => graph.wait(name, "local-fs-pre.target"),
            "target" if !source.is_unordered(name) => {
                let wanted = self.words(&STARTS).map(|unit| source.resolve(unit));
                wanted.filter(|unit| !source.is_unordered(unit)).for_each(|unit| graph.want(name, unit));
            }
            _ => {}
        }
        for Edge { key, waiting, awaited, .. } in self.edges(source) {
            if matches!(key, "After" | "Before") {
                graph.wait(waiting, awaited);
            } else {
                graph.want(waiting, awaited);
            }
        }
        self.mounts(source).for_each(|mount| graph.wait(name, mount));
        self.implied().for_each(|other| graph.wait(name, source.resolve(&other)));
        if let Some(triggered) = self.triggered() {
            graph.wait(source.resolve(&triggered), name);
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
        }
        if self.is_after_boot {
            graph.wait(self.name, super::MULTI_USER);
        }
    }

    /// Omits the words on account of which a unit waits for one that waits for it, if `is_omitted` of its name.
    pub fn omit(
        &mut self,
        graph: &Graph,
        cycles: &HashMap<&str, usize>,
        source: &Source<'_>,
        is_omitted: impl Fn(&str) -> bool,
    ) {
        let closes_cycle = |edge: &Edge<'_>| {
            let (waiting, awaited) = (key(edge.waiting), key(edge.awaited));
            let number = cycles.get(waiting.as_str());
            number.is_some()
                && number == cycles.get(awaited.as_str())
                && graph.is_waiting(&waiting, &awaited)
                && is_omitted(&waiting)
        };
        let edges = self.edges(source).filter(closes_cycle);
        let omitted: Vec<_> = edges.map(|edge| (edge.key, edge.word.to_owned())).collect();
        for (key, word) in omitted {
            self.omitted.entry(key).or_default().insert(word);
        }
    }
}

/// The slice, and the slices that it is in by its name.
fn slices_of(slice: &str) -> impl Iterator<Item = String> {
    let stem = slice.strip_suffix(".slice").filter(|stem| *stem != "-" && slice.len() <= NAME_MAX);
    let ends = stem.into_iter().flat_map(|stem| stem.match_indices('-').map(|(end, _)| &stem[..end]).chain([stem]));
    ends.map(|stem| format!("{stem}.slice")).chain(stem.map(|_| "-.slice".to_owned()))
}
