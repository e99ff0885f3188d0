//! The order of the units of an image, without which it cannot be known what closes a cycle.

use std::collections::{HashMap, HashSet};

use super::graph::{Graph, key};
use super::kind_of;
use super::settings::{Settings, Source};
use super::{ADDRESSES, MULTI_USER, Start};
use crate::convert::image::{self, Stage};
use crate::convert::image_units;
use crate::convert::model::Variant;
use crate::convert::platform;

/// The units that units of every boot wait for.
const BOOT: &[(&str, &[&str])] = &[
    (ADDRESSES, &["network-online.target", "basic.target", "dbus.service"]),
    ("basic.target", &["sysinit.target", "sockets.target", "paths.target", "slices.target", "tmp.mount"]),
    ("containerd.service", &["network.target"]),
    ("cryptsetup.target", &["systemd-ask-password-console.path", "systemd-ask-password-wall.path"]),
    ("default.target", &["graphical.target"]),
    ("docker.service", &["network-online.target", "docker.socket", "containerd.service"]),
    ("etcd-member.service", &["network-online.target"]),
    ("getty.target", &["getty@.service"]),
    ("graphical.target", &[MULTI_USER]),
    ("local-fs-pre.target", &["systemd-remount-fs.service", "systemd-tmpfiles-setup-dev.service"]),
    ("local-fs.target", &["local-fs-pre.target"]),
    (
        MULTI_USER,
        &["basic.target", "getty.target", "network-online.target", "remote-fs.target", "systemd-user-sessions.service"],
    ),
    (
        "network-online.target",
        &["network.target", "systemd-networkd-wait-online.service", "NetworkManager-wait-online.service"],
    ),
    ("paths.target", &["sysinit.target"]),
    ("remote-fs.target", &["remote-fs-pre.target"]),
    ("slices.target", &["system.slice"]),
    ("sockets.target", &["sysinit.target"]),
    ("systemd-networkd-wait-online.service", &["systemd-networkd.service"]),
    (
        "systemd-networkd.service",
        &["network-pre.target", "systemd-networkd.socket", "systemd-sysctl.service", "systemd-udevd.service"],
    ),
    ("systemd-user-sessions.service", &["remote-fs.target", "network.target", "home.mount"]),
    ("timers.target", &["sysinit.target"]),
    (
        "network.target",
        &["network-pre.target", "systemd-networkd.service", "NetworkManager.service", "systemd-resolved.service"],
    ),
    ("nss-lookup.target", &["systemd-resolved.service"]),
    ("sysinit.target", &["local-fs.target", "swap.target", "cryptsetup.target"]),
    ("systemd-binfmt.service", &["local-fs.target"]),
    ("systemd-journal-flush.service", &["systemd-journald.service", "systemd-remount-fs.service"]),
    (
        "systemd-journald.service",
        &["systemd-journald.socket", "systemd-journald-dev-log.socket", "systemd-journald-audit.socket"],
    ),
    ("systemd-machine-id-commit.service", &["local-fs.target", "first-boot-complete.target"]),
    ("first-boot-complete.target", &["systemd-random-seed.service", "systemd-firstboot.service"]),
    ("systemd-random-seed.service", &["systemd-remount-fs.service"]),
    ("systemd-resolved.service", &["systemd-tmpfiles-setup.service", "systemd-sysctl.service"]),
    ("systemd-sysctl.service", &["systemd-modules-load.service"]),
    ("systemd-sysusers.service", &["systemd-remount-fs.service", "systemd-firstboot.service"]),
    ("systemd-timesyncd.service", &["systemd-tmpfiles-setup.service"]),
    ("systemd-tmpfiles-setup-dev.service", &["systemd-sysusers.service", "kmod-static-nodes.service"]),
    (
        "systemd-tmpfiles-setup.service",
        &["local-fs.target", "systemd-sysusers.service", "systemd-journald.service", "systemd-journal-flush.service"],
    ),
    (
        "systemd-udevd.service",
        &["systemd-tmpfiles-setup-dev.service", "systemd-udevd-control.socket", "systemd-udevd-kernel.socket"],
    ),
    ("systemd-update-utmp.service", &["systemd-tmpfiles-setup.service", "auditd.service"]),
    ("time-set.target", &["systemd-timesyncd.service"]),
    ("tmp.mount", &["swap.target"]),
];

/// A target that few boots have, and the target that it waits for.
const TIME: [&str; 2] = ["time-sync.target", "time-set.target"];

/// Paths that units of the boot need: each waits for a mount there or above.
const EARLY_PATHS: [(&str, &str); 10] = [
    ("basic.target", "/tmp"),
    ("basic.target", "/var/tmp"),
    ("systemd-journal-flush.service", "/var/log/journal"),
    ("systemd-random-seed.service", "/var/lib/systemd/random-seed"),
    ("systemd-resolved.service", "/tmp"),
    ("systemd-resolved.service", "/var/tmp"),
    ("systemd-timesyncd.service", "/tmp"),
    ("systemd-timesyncd.service", "/var/lib/systemd/timesync"),
    ("systemd-timesyncd.service", "/var/tmp"),
    ("systemd-update-utmp.service", "/var/log/wtmp"),
];

/// The units of the boot that need a mount at `place`.
pub fn needing(place: &str) -> impl Iterator<Item = &'static str> {
    let is_needed = move |path: &str| path == place || image::is_below(path, place);
    EARLY_PATHS.into_iter().filter(move |(_, path)| is_needed(path)).map(|(unit, _)| unit)
}

/// The units of an image.
pub(super) struct Image {
    pub variant: Variant,
    /// The units whose files the source has in their place.
    pub own: HashSet<String>,
    /// Units that no image is known to have are no part of it, and wait for nothing.
    pub is_certain: bool,
}

impl Image {
    /// The graph of `units` and of the image, without the order that units have in early boot by their types.
    pub fn graph(&self, units: &[Settings<'_>]) -> Graph {
        let mut graph = self.unfinished(&mut units.iter(), &Source::new(units));
        graph.finish();
        graph
    }

    fn unfinished<'s, 't: 's>(
        &self,
        units: &mut dyn Iterator<Item = &'s Settings<'t>>,
        source: &'s Source<'_>,
    ) -> Graph {
        let mut graph = Graph::default();
        for (unit, others) in BOOT {
            others.iter().for_each(|other| graph.wait(unit, other));
        }
        let (agent, _) = platform::agent(self.variant);
        graph.wait(ADDRESSES, agent);
        graph.wait(agent, "network-online.target");
        let mut late = HashSet::new();
        for unit in units {
            if unit.starts(source).any(|name| name == TIME[0]) {
                graph.wait(TIME[0], TIME[1]);
            }
            unit.add_to(&mut graph, source);
            late.extend(unit.is_late.then(|| key(unit.name)));
        }
        for (place, mount) in &source.mounts {
            needing(place).for_each(|unit| graph.wait(unit, mount));
        }
        self.add_to(&mut graph, &late);
        graph
    }

    /// The units of the image among `names` that early boot waits for.
    pub fn early_boot(&self, names: &[String]) -> HashSet<String> {
        let mut graph = self.unfinished(&mut std::iter::empty(), &Source::default());
        for name in names {
            graph.add(name);
        }
        self.add_to(&mut graph, &HashSet::new());
        graph.awaited_by("basic.target")
    }

    /// The graph of the units that start at boot, with the order that they have by their types.
    pub fn boot_graph(&self, units: &[Settings<'_>]) -> Graph {
        let source = Source::new(units);
        let booted = booted(units, &source);
        let (started, others): (Vec<_>, Vec<_>) = units.iter().partition(|unit| booted.contains(&key(unit.name)));
        let units = || started.iter().copied();
        let mut graph = self.unfinished(&mut units(), &source);
        units().for_each(|unit| unit.add_default_order(&mut graph));
        let after_boot: HashSet<_> = units().filter(|unit| unit.is_after_boot).map(|unit| key(unit.name)).collect();
        for name in image::ON_BY_DEFAULT.into_iter().filter(|name| !after_boot.contains(*name)) {
            if image::stage(self.variant, name) == Stage::Late {
                graph.want(MULTI_USER, name);
            }
        }
        graph.finish();
        let doubtful = units().filter(|unit| unit.is_doubtful);
        others.into_iter().chain(doubtful).for_each(|unit| graph.release(unit.name));
        if self.is_certain {
            // A slice needs no file.
            let slices = units().flat_map(|unit| unit.starts(&source)).filter(|name| kind_of(name) == "slice");
            let named: HashSet<_> = units().map(|unit| key(unit.name)).chain(slices).collect();
            let is_missing = |name: &&String| !named.contains(*name) && !self.own.contains(*name) && !self.has(name);
            let missing: Vec<_> = graph.names().iter().filter(is_missing).cloned().collect();
            for unit in &missing {
                graph.release(unit);
            }
        }
        graph
    }

    /// Returns true for a unit that the image is known to have.
    fn has(&self, name: &str) -> bool {
        let is_in_boot = BOOT.iter().any(|(unit, others)| *unit == name || others.contains(&name));
        let is_of_type = || match kind_of(name) {
            "slice" => image::SLICES.contains(&name),
            "target" => image_units::has_target(name),
            "mount" | "automount" => image_units::has_mount(name),
            _ => false,
        };
        is_in_boot || is_of_type() || image_units::is_bootable(name) || name == platform::agent(self.variant).0
    }

    /// Lets units of the image wait as their types do.
    fn add_to(&self, graph: &mut Graph, late: &HashSet<String>) {
        let is_of_image = |name: &str| !self.own.contains(name) && (!self.is_certain || self.has(name));
        let names: Vec<_> = graph.names().iter().filter(|name| is_of_image(name)).cloned().collect();
        for name in names {
            let kind = kind_of(&name);
            if matches!(kind, "service" | "socket" | "mount" | "swap") {
                graph.wait(&name, "system.slice");
            }
            let is_of_systemd = name.starts_with("systemd-");
            match kind {
                "path" | "socket" if !late.contains(&name) => graph.wait(&format!("{kind}s.target"), &name),
                "mount" | "automount" if !late.contains(&name) => {
                    if let Some(target) = image::target_of_mount(&name) {
                        graph.wait(target, &name);
                    }
                }
                "slice" if image::SLICES.contains(&name.as_str()) => {
                    graph.wait("slices.target", &name);
                    if name != "-.slice" {
                        graph.wait(&name, "-.slice");
                    }
                }
                _ => {}
            }
            match kind {
                "timer" => graph.wait(&name, "sysinit.target"),
                "path" | "socket" if !is_of_systemd => graph.wait(&name, "sysinit.target"),
                "target" if image::EARLY_TARGETS.contains(&name.as_str()) => graph.wait("sysinit.target", &name),
                "service" if name != ADDRESSES => match image::stage(self.variant, &name) {
                    Stage::Early => graph.wait("sysinit.target", &name),
                    Stage::Basic => graph.wait("basic.target", &name),
                    Stage::Late => {
                        graph.wait(&name, "basic.target");
                        graph.wait(&name, "sysinit.target");
                    }
                    Stage::Other => {}
                },
                _ => {}
            }
        }
    }
}

/// The units that start at boot: those of the image, those that targets want, and those that either need.
fn booted(units: &[Settings<'_>], source: &Source<'_>) -> HashSet<String> {
    let mut by_name: HashMap<String, Vec<&Settings<'_>>> = HashMap::new();
    for unit in units {
        by_name.entry(key(unit.name)).or_default().push(unit);
    }
    let is_needed = |unit: &Settings<'_>| unit.mount_point().is_some_and(|place| needing(place).next().is_some());
    let starting = units.iter().filter(|unit| unit.start != Start::No || !unit.has_contents || is_needed(unit));
    let mut left: Vec<_> = starting.map(|unit| key(unit.name)).collect();
    let mut found = HashSet::new();
    while let Some(name) = left.pop() {
        if let Some(units) = by_name.remove(&name) {
            left.extend(units.iter().flat_map(|unit| unit.starts(source)).map(|name| key(&name)));
            found.insert(name);
        }
    }
    found
}
