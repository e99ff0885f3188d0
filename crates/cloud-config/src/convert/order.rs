//! The order in which systemd starts the units of a result, as a graph of units that wait for others.
//!
//! A run starts units one by one when the boot is nearly over. In a result, targets want them, and systemd orders units
//! of early boot before services and a target after the units that it wants. What worked in a run can be a cycle then,
//! which systemd breaks by a unit that it does not start, possibly one of the image. The graph has the units of the
//! source, the targets of every boot, and the service with the addresses.
//!
//! Drop-ins take units out of early boot and order others after the boot. A unit of the image does not wait for one of
//! the source that waits for it: it is up when a run starts the other one, so that the setting has no effect there.

mod graph;
mod settings;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap, HashSet};

use self::graph::{Graph, key};
use self::settings::Settings;
pub use self::settings::Words;
use super::addresses::UNIT as ADDRESSES;
use super::model::Variant;
use super::{image, platform};

/// A unit of the source.
#[derive(Default)]
pub struct OrderedUnit<'t> {
    pub name: &'t str,
    /// Its file and its drop-ins.
    pub texts: Vec<&'t str>,
    /// The source has its file; otherwise it is a unit of the image.
    pub has_contents: bool,
    /// Its texts name addresses.
    pub needs_addresses: bool,
    /// A target starts it at boot.
    pub is_wanted: bool,
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
    /// Words of units that the result lacks, by the name of the unit.
    omitted: HashMap<String, Words>,
    /// Units of the image that early boot waits for.
    early: HashSet<String>,
    /// The other units of cycles that are left, by the name of one of them.
    cycles: HashMap<String, Vec<String>>,
}

const MULTI_USER: &str = "multi-user.target";

/// The units that units of every boot wait for. Some services of early boot need `/tmp` or `/var`, and so wait for all
/// local mounts.
const BOOT: &[(&str, &[&str])] = &[
    (ADDRESSES, &["network-online.target", "basic.target", "dbus.service"]),
    ("basic.target", &["sysinit.target", "sockets.target", "paths.target", "slices.target"]),
    ("default.target", &["graphical.target"]),
    ("getty.target", &["getty@.service"]),
    ("graphical.target", &[MULTI_USER]),
    ("local-fs.target", &["local-fs-pre.target"]),
    (MULTI_USER, &["basic.target", "getty.target", "remote-fs.target", "systemd-user-sessions.service"]),
    (
        "network-online.target",
        &["network.target", "systemd-networkd-wait-online.service", "NetworkManager-wait-online.service"],
    ),
    ("paths.target", &["sysinit.target"]),
    ("remote-fs.target", &["remote-fs-pre.target"]),
    ("sockets.target", &["sysinit.target"]),
    ("systemd-user-sessions.service", &["remote-fs.target", "network.target"]),
    ("timers.target", &["sysinit.target"]),
    (
        "network.target",
        &["network-pre.target", "systemd-networkd.service", "NetworkManager.service", "systemd-resolved.service"],
    ),
    ("nss-lookup.target", &["systemd-resolved.service"]),
    ("sysinit.target", &["local-fs.target", "swap.target", "cryptsetup.target"]),
    ("systemd-binfmt.service", &["local-fs.target"]),
    ("systemd-machine-id-commit.service", &["local-fs.target"]),
    ("systemd-resolved.service", &["local-fs.target"]),
    ("systemd-timesyncd.service", &["local-fs.target"]),
    ("systemd-tmpfiles-setup.service", &["local-fs.target"]),
    ("systemd-update-utmp.service", &["local-fs.target"]),
    ("time-set.target", &["systemd-timesyncd.service"]),
];

impl Order {
    /// Finds the units whose order needs care.
    pub fn new(units: &[OrderedUnit<'_>], variant: Variant) -> Self {
        let wanted: HashSet<_> = units.iter().filter(|unit| unit.is_wanted).map(|unit| key(unit.name)).collect();
        let mut units: Vec<_> = units.iter().map(Settings::new).collect();
        // A target that wants an instance has the order of the template.
        for unit in &mut units {
            unit.is_wanted = wanted.contains(&key(unit.name));
        }
        let mounts = units.iter().filter_map(|unit| Some((unit.mount_point()?.to_owned(), unit.name)));
        let mounts: HashMap<_, _> = mounts.collect();
        let image =
            Image { variant, own: units.iter().filter(|unit| unit.has_contents).map(|unit| key(unit.name)).collect() };
        let mut graph = image.graph(&mut units.iter(), &mounts);
        // A unit that waits for the network delays early boot even where that is no cycle.
        graph.wait("network-online.target", "basic.target");
        let before_addresses = graph.awaited_by(ADDRESSES);
        for unit in units.iter_mut().filter(|unit| unit.needs_addresses && !before_addresses.contains(&key(unit.name)))
        {
            unit.waits_for_addresses = true;
            graph.wait(unit.name, ADDRESSES);
        }
        // By default, systemd orders these targets after the units.
        let waiting: HashMap<_, _> = ["local-fs.target", "paths.target", "sockets.target", "swap.target"]
            .map(|target| (target, graph.waiting_for(target)))
            .into();
        let after_boot = graph.waiting_for(MULTI_USER);
        for unit in &mut units {
            let key = key(unit.name);
            let is_waiting = waiting.get(unit.target()).is_some_and(|waiting| waiting.contains(&key));
            unit.is_late = unit.is_early() && is_waiting;
            let is_changed = unit.has_contents || unit.is_wanted || image::is_on_by_default(unit.name);
            unit.is_after_boot = !unit.is_late && is_changed && after_boot.contains(&key);
        }
        let mut order = Self { before_addresses, after_boot, ..Self::default() };
        order.break_cycles(&mut units, &mounts, &image);
        order.late = units.iter().filter(|unit| unit.is_late).map(|unit| key(unit.name)).collect();
        order
    }

    /// Finds what closes cycles of the boot, and the cycles that are left.
    fn break_cycles(&mut self, units: &mut [Settings<'_>], mounts: &HashMap<String, &str>, image: &Image) {
        let booted = booted(units, mounts);
        let graph = |units: &[Settings<'_>]| image.boot_graph(units, mounts, &booted);
        self.early = image.early_boot(graph(units).names());
        // Other units of the image keep their order if that is enough.
        let is_omitted: [&dyn Fn(&str) -> bool; 2] =
            [&|name| self.early.contains(name) && !image.own.contains(name), &|name| !image.own.contains(name)];
        for is_omitted in is_omitted {
            let full = graph(units);
            let cycles = full.cycles();
            if cycles.is_empty() {
                break;
            }
            for unit in units.iter_mut() {
                unit.omit(&cycles, is_omitted);
            }
        }
        let full = graph(units);
        let cycles = full.cycles();
        for unit in units.iter_mut().filter(|unit| unit.is_early_of_image()) {
            unit.is_late = cycles.contains_key(key(unit.name).as_str());
        }
        let full = graph(units);
        let cycles = full.cycles();
        let mut left: BTreeMap<usize, Vec<&str>> = BTreeMap::new();
        for unit in units.iter().filter(|unit| booted.contains(&key(unit.name))) {
            if let Some(number) = cycles.get(key(unit.name).as_str()) {
                left.entry(*number).or_default().push(unit.name);
            }
        }
        // An instance and its template are one unit here.
        let is_certain = |names: &[&str]| !names.iter().any(|name| name.contains('@'));
        for names in left.into_values().filter(|names| is_certain(names)) {
            let mut names = names.into_iter().map(str::to_owned);
            self.cycles.extend(names.next().map(|first| (first, names.collect())));
        }
        let omitted = units.iter().filter(|unit| !unit.omitted.is_empty());
        self.omitted = omitted.map(|unit| (unit.name.to_owned(), unit.omitted.clone())).collect();
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

    /// The words of the unit that the result lacks: each closes a cycle of the boot.
    pub fn omitted(&self, name: &str) -> Option<&Words> {
        self.omitted.get(name)
    }

    /// Returns true for a unit of the image that early boot waits for.
    pub fn is_of_early_boot(&self, name: &str) -> bool {
        self.early.contains(&key(name))
    }

    /// The units of a cycle that is left, apart from the unit.
    pub fn cycle(&self, name: &str) -> Option<&[String]> {
        self.cycles.get(name).map(Vec::as_slice)
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

/// The units that start at boot: those of the image, those that targets want, and those that they start.
fn booted(units: &[Settings<'_>], mounts: &HashMap<String, &str>) -> HashSet<String> {
    let mut by_name: HashMap<String, Vec<&Settings<'_>>> = HashMap::new();
    for unit in units {
        by_name.entry(key(unit.name)).or_default().push(unit);
    }
    let starting = units.iter().filter(|unit| unit.is_wanted || !unit.has_contents);
    let mut left: Vec<_> = starting.map(|unit| key(unit.name)).collect();
    let mut found = HashSet::new();
    while let Some(name) = left.pop() {
        if let Some(units) = by_name.remove(&name) {
            left.extend(units.iter().flat_map(|unit| unit.starts(mounts)).map(key));
            found.insert(name);
        }
    }
    found
}

/// The units of an image.
struct Image {
    variant: Variant,
    /// The units whose files the source has in their place.
    own: HashSet<String>,
}

impl Image {
    /// The graph of `units` and of the image.
    fn graph<'s, 't: 's>(
        &self,
        units: &mut dyn Iterator<Item = &'s Settings<'t>>,
        mounts: &HashMap<String, &str>,
    ) -> Graph {
        let mut graph = Graph::default();
        for (unit, others) in BOOT {
            others.iter().for_each(|other| graph.wait(unit, other));
        }
        graph.wait(ADDRESSES, platform::agent(self.variant).0);
        let mut late = HashSet::new();
        for unit in units {
            unit.add_to(&mut graph, mounts);
            late.extend(unit.is_late.then(|| key(unit.name)));
        }
        self.add_to(&mut graph, &late);
        graph
    }

    /// The units of the image among `names` that early boot waits for.
    fn early_boot(&self, names: &[String]) -> HashSet<String> {
        let mut graph = self.graph(&mut std::iter::empty(), &HashMap::new());
        for name in names {
            graph.add(name);
        }
        self.add_to(&mut graph, &HashSet::new());
        graph.awaited_by("basic.target")
    }

    /// The graph of the units that start at boot, with the order that they have by their types.
    fn boot_graph(&self, units: &[Settings<'_>], mounts: &HashMap<String, &str>, booted: &HashSet<String>) -> Graph {
        let units = || units.iter().filter(|unit| booted.contains(&key(unit.name)));
        let mut graph = self.graph(&mut units(), mounts);
        units().for_each(|unit| unit.add_default_order(&mut graph));
        let after_boot: HashSet<_> = units().filter(|unit| unit.is_after_boot).map(|unit| key(unit.name)).collect();
        for name in image::ON_BY_DEFAULT.into_iter().filter(|name| !after_boot.contains(*name)) {
            if image::stage(self.variant, name) == image::Stage::Late {
                graph.wait(MULTI_USER, name);
            }
        }
        graph
    }

    /// Lets units of the image wait as their types do.
    fn add_to(&self, graph: &mut Graph, late: &HashSet<String>) {
        let names: Vec<_> = graph.names().iter().filter(|name| !self.own.contains(*name)).cloned().collect();
        for name in names {
            let kind = kind_of(&name);
            match kind {
                "path" | "socket" if !late.contains(&name) => graph.wait(&format!("{kind}s.target"), &name),
                _ => {}
            }
            match kind {
                "path" | "socket" | "timer" if !name.starts_with("systemd-") => graph.wait(&name, "sysinit.target"),
                "target" if image::EARLY_TARGETS.contains(&name.as_str()) => graph.wait("sysinit.target", &name),
                "service" if name != ADDRESSES => match image::stage(self.variant, &name) {
                    image::Stage::Early => graph.wait("sysinit.target", &name),
                    image::Stage::Basic => graph.wait("basic.target", &name),
                    image::Stage::Late => graph.wait(&name, "basic.target"),
                    image::Stage::Other => {}
                },
                _ => {}
            }
        }
    }
}

fn kind_of(name: &str) -> &str {
    name.rsplit_once('.').map_or("", |(_, kind)| kind)
}
