//! The order in which systemd starts the units of a result, as a graph of units that wait for others.
//!
//! A run starts units one by one when the boot is nearly over. In a result, targets want them, and systemd orders units
//! of early boot before services and a target after the units that it wants. What worked in a run can be a cycle then,
//! which systemd breaks by a unit that it does not start, possibly one of the image. The graph has the units of the
//! source, the targets of every boot, and the service with the addresses.
//!
//! Drop-ins take units out of early boot and order others after the boot. A unit of the image does not wait for one of
//! the source that waits for it: it is up when a run starts the other one, so that the setting has no effect there. The
//! result lacks a mount that early boot needs, and that could start only after early boot.

mod boot;
mod graph;
mod settings;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap, HashSet};

use self::boot::Image;
use self::graph::key;
pub use self::settings::Words;
use self::settings::{Settings, Source};
use super::addresses::UNIT as ADDRESSES;
use super::image;
use super::model::Variant;

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
    /// How it starts at boot.
    pub start: Start,
}

/// How a unit starts at boot.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Start {
    /// It does not.
    #[default]
    No,
    /// By a link of a target.
    Link,
    /// By its `[Install]` section.
    Install,
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
    /// The units whose files the result lacks, since units of the image would wait for themselves.
    refused: HashSet<String>,
    /// Mounts that the boot needs, and that wait for units which the image may not have.
    doubtful: HashSet<String>,
}

const MULTI_USER: &str = "multi-user.target";

impl Order {
    /// Finds the units whose order needs care.
    pub fn new(units: &[OrderedUnit<'_>], variant: Variant) -> Self {
        if units.is_empty() {
            return Self::default();
        }
        let mut starts = HashMap::new();
        for unit in units {
            let start = starts.entry(key(unit.name)).or_insert(unit.start);
            *start = unit.start.max(*start);
        }
        let mut units: Vec<_> = units.iter().map(Settings::new).collect();
        // A target that wants an instance has the order of the template.
        for unit in &mut units {
            unit.start = starts.get(&key(unit.name)).copied().unwrap_or_default();
        }
        let own = units.iter().filter(|unit| unit.has_contents).map(|unit| key(unit.name)).collect();
        let mut image = Image { variant, own, is_certain: false };
        let mut graph = image.graph(&units);
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
            let is_changed = unit.has_contents || unit.start != Start::No || image::is_on_by_default(unit.name);
            unit.is_after_boot = !unit.is_late && is_changed && after_boot.contains(&key);
        }
        let mut order = Self { before_addresses, after_boot, ..Self::default() };
        for is_certain in [true, false] {
            image.is_certain = is_certain;
            order.refuse_mounts(&mut units, &mut image);
        }
        // A unit that does not exist waits for nothing.
        image.is_certain = true;
        order.break_cycles(&mut units, &mut image);
        order.late = units.iter().filter(|unit| unit.is_late).map(|unit| key(unit.name)).collect();
        order
    }

    /// Refuses mounts that units of the boot need, and that wait for these units.
    fn refuse_mounts(&mut self, units: &mut Vec<Settings<'_>>, image: &mut Image) {
        let is_needed = |place: &&str| boot::needing(place).next().is_some();
        while units.iter().any(|unit| unit.mount_point().as_ref().is_some_and(is_needed)) {
            let graph = image.boot_graph(units);
            let place = |unit: &Settings<'_>| {
                let place = unit.mount_point().filter(is_needed).filter(|_| unit.has_contents && !unit.is_doubtful)?;
                let awaited = graph.awaited_by(&key(unit.name));
                boot::needing(place).any(|needing| awaited.contains(needing)).then_some(place.len())
            };
            // Without the highest one, the others may be early.
            let Some((_, mount)) = units.iter().filter_map(|unit| Some((place(unit)?, unit.name))).min() else {
                return;
            };
            if !image.is_certain {
                self.doubtful.insert(mount.to_owned());
                for unit in units.iter_mut().filter(|unit| unit.name == mount) {
                    (unit.is_doubtful, unit.is_late) = (true, false);
                }
                continue;
            }
            let automount = mount.strip_suffix("mount").map(|stem| format!("{stem}automount"));
            let refused = automount.into_iter().chain([mount.to_owned()]).collect();
            self.refuse(refused, units, image);
        }
    }

    /// Leaves units to the image.
    fn refuse(&mut self, names: HashSet<String>, units: &mut Vec<Settings<'_>>, image: &mut Image) {
        units.retain(|unit| !names.contains(unit.name));
        for name in &names {
            image.own.remove(&key(name));
        }
        self.refused.extend(names);
    }

    /// Finds what closes cycles of the boot, and the cycles that are left.
    fn break_cycles(&mut self, units: &mut Vec<Settings<'_>>, image: &mut Image) {
        let graph = image.boot_graph(units);
        if graph.cycles().is_empty() {
            return;
        }
        self.early = image.early_boot(graph.names());
        // Other units of the image keep their order if that is enough.
        let is_omitted: [&dyn Fn(&str) -> bool; 2] =
            [&|name| self.early.contains(name) && !image.own.contains(name), &|name| !image.own.contains(name)];
        for is_omitted in is_omitted {
            let (graph, source) = (image.boot_graph(units), Source::new(units));
            let cycles = graph.cycles();
            for unit in units.iter_mut() {
                unit.omit(&graph, &cycles, &source, is_omitted);
            }
        }
        self.after_boot = image.graph(units).waiting_for(MULTI_USER);
        for unit in units.iter_mut() {
            unit.is_after_boot &= self.after_boot.contains(&key(unit.name));
        }
        let omitted = units.iter().filter(|unit| !unit.omitted.is_empty());
        self.omitted = omitted.map(|unit| (unit.name.to_owned(), unit.omitted.clone())).collect();
        let graph = image.boot_graph(units);
        let cycles = graph.cycles();
        for unit in units.iter_mut().filter(|unit| unit.is_early_of_image()) {
            unit.is_late = cycles.contains_key(key(unit.name).as_str());
        }
        // A cycle with units of the image costs the drop-ins of these units, or else the units of the source.
        for is_of_image in [true, false] {
            let cycles = cycles_left(units, image).into_iter().filter(|cycle| cycle.has_image);
            let names: HashSet<_> = cycles.flat_map(|cycle| cycle.units).collect();
            let refused = units.iter().filter(|unit| unit.has_contents != is_of_image && names.contains(unit.name));
            let refused = refused.map(|unit| unit.name.to_owned()).collect();
            self.refuse(refused, units, image);
        }
        for cycle in cycles_left(units, image) {
            let mut names = cycle.units.into_iter();
            self.cycles.extend(names.next().map(|first| (first, names.collect())));
        }
    }

    /// Returns true if the addresses wait for the unit.
    pub fn is_before_addresses(&self, name: &str) -> bool {
        self.before_addresses.contains(&key(name))
    }

    /// Returns true if the unit waits for the end of the boot.
    pub fn is_after_boot(&self, name: &str) -> bool {
        self.after_boot.contains(&key(name)) && !self.is_refused(name)
    }

    /// Returns true for a unit whose order costs a finding or a drop-in, apart from omitted words.
    pub fn is_reported(&self, name: &str) -> bool {
        self.is_late(name) || self.is_doubtful(name) || self.cycle(name).is_some()
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

    /// Returns true for a unit whose files would let units of the image wait for themselves.
    pub fn is_refused(&self, name: &str) -> bool {
        self.refused.contains(name)
    }

    /// Returns true for a mount that the boot needs, and that waits for a unit which the image may not have.
    pub fn is_doubtful(&self, name: &str) -> bool {
        self.doubtful.contains(name)
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

/// Units of the source that wait for themselves.
struct Cycle {
    units: Vec<String>,
    /// Units of the image are in the cycle, too.
    has_image: bool,
}

fn cycles_left(units: &[Settings<'_>], image: &Image) -> Vec<Cycle> {
    let graph = image.boot_graph(units);
    let numbers = graph.cycles();
    let of_image = graph.names().iter().filter(|name| !image.own.contains(*name));
    let of_image: HashSet<_> = of_image.filter_map(|name| numbers.get(name.as_str())).collect();
    let mut cycles: BTreeMap<usize, Vec<String>> = BTreeMap::new();
    for unit in units {
        if let Some(number) = numbers.get(key(unit.name).as_str()) {
            cycles.entry(*number).or_default().push(unit.name.to_owned());
        }
    }
    // Instances of a template are one unit in the graph, so that only one of them can be known to wait for itself.
    let is_certain = |names: &[String]| !names.iter().any(|name| graph.has_several_instances(name));
    let cycles = cycles.into_iter().filter(|(_, units)| is_certain(units));
    cycles
        .map(|(number, mut units)| {
            let instances: HashSet<_> = units.iter().filter(|name| key(name) != **name).map(|name| key(name)).collect();
            units.retain(|name| !instances.contains(name));
            Cycle { units, has_image: of_image.contains(&number) }
        })
        .collect()
}

fn kind_of(name: &str) -> &str {
    name.rsplit_once('.').map_or("", |(_, kind)| kind)
}
