//! The start of units: `[Install]` sections and links in place of commands, or the commands in their order.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap};

use super::model::{Unit, Variant};
use super::options::ETCD;
use super::pending::{Origin, Pending};
use super::unit_paths::template_of;
use super::units::{DIRECTORY, Local, is_start, subject};
use super::{Converter, discontinued, image, unit_text};
use crate::config::Verb;
use crate::diagnostic::{Span, rules};
use crate::plan::names;
use crate::text::printable;
use crate::text::secret::Secret;

/// The number of units that a finding about their order lists.
pub(super) const MOST_SHOWN: usize = 20;

impl Converter<'_> {
    /// Returns true if the unit is to be started, by systemd.
    pub(super) fn wants_start(&self, pending: &Pending) -> bool {
        !self.options.ordered && pending.command.is_some_and(|(verb, _)| is_start(verb))
    }

    /// Starts and enables a unit as far as an image can.
    pub(super) fn start_or_enable(&mut self, pending: &Pending, unit: &mut Unit, local: &Local<'_>) {
        let name = pending.name.as_str();
        let subject = subject(name);
        if let Some((verb, (part, span))) = pending.command.filter(|_| !self.options.ordered) {
            self.part = part;
            match verb {
                _ if is_start(verb) => {
                    if verb == Verb::Start || local.has_file || !image::is_on_by_default(name) {
                        self.start(unit, local, span);
                    } else {
                        let difference = "not restarted; it starts with its new configuration";
                        unit.notes.push(self.changed(span, &subject, difference, None));
                    }
                }
                Verb::Stop => self.stop(pending, local.has_file, span),
                _ => {
                    let difference = if local.has_file {
                        format!("`{verb}` is not run; it has no effect on a stopped unit")
                    } else {
                        format!("`{verb}` is not run; the unit starts with its new configuration")
                    };
                    unit.notes.push(self.changed(span, &subject, &difference, None));
                }
            }
        }
        let Some((part, span)) = pending.enable else { return };
        self.part = part;
        self.enabled(pending, unit, local, span);
    }

    fn enabled(&mut self, pending: &Pending, unit: &mut Unit, local: &Local<'_>, span: Option<Span>) {
        let name = pending.name.as_str();
        let subject = subject(name);
        if unit.enabled || self.units.is_link(&wants(name)) {
            return;
        }
        if !local.has_file && self.lacks_file(name) {
            return self.lost(span, &subject, "its file is not in the result", None);
        }
        if image::is_of_extension(name) && !local.has_file {
            let difference = "enabled by a link, since presets do not apply to system extensions";
            return self.wanted(name, false, &subject, span, difference);
        }
        let lacks_install = match local.text {
            Some(text) => !unit_text::is_installable(text),
            None => self.units.lacks_install(&template_of(name)),
        };
        let is_of_systemd = names::reader(name) == names::UnitReader::Systemd;
        if is_of_systemd && lacks_install && local.has_install_drop_in {
            // `enabled` needs the section in the contents.
            let difference = "enabled by a link, since its [Install] section is in a drop-in";
            return self.wanted(name, local.has_file, &subject, span, difference);
        }
        if !is_of_systemd || lacks_install {
            if self.is_in_plan(&rules::NO_INSTALL, span) {
                return;
            }
            return self.note(span, &subject, "not enabled, as in a run; it has no [Install] section");
        }
        // A unit with an invalid text is a file.
        if local.text.is_some() && unit.contents.is_none() {
            let difference = "enabled by a link to multi-user.target";
            return self.wanted(name, local.has_file, &subject, span, difference);
        }
        unit.enabled = true;
        if !self.wants_start(pending) {
            let difference = "starts on the first boot; a run enables it for the next boot";
            unit.notes.push(self.changed(span, &subject, difference, None));
        }
    }

    fn start(&mut self, unit: &mut Unit, local: &Local<'_>, span: Option<Span>) {
        let name = unit.name.clone();
        let subject = subject(&name);
        if names::reader(&name) != names::UnitReader::Systemd {
            return self.lost(span, &subject, "systemd does not accept the name of the unit", None);
        }
        self.units.started.insert(name.clone(), name.clone());
        let help = "it may start before the network is up: if it needs the network, add `Wants=network-online.target` and \
                    `After=network-online.target`";
        let is_after_network = !name.ends_with(".service") || local.text.is_none_or(|text| text.contains("network"));
        let help = (!is_after_network).then_some(help);
        let is_instance = template_of(&name) != name;
        let has_install = local.text.is_some_and(unit_text::is_installable);
        if unit.contents.is_none() || is_instance {
            let file = template_of(&name);
            let is_known = local.has_file || self.units.has_contents(&file) || image::has_unit(&file);
            let difference = if is_known {
                "started by systemd at each boot, in its own order, by a link"
            } else {
                "started by systemd at each boot, in its own order, by a link; the image must have the unit"
            };
            return self.wanted(&name, local.has_file, &subject, span, difference);
        }
        unit.enabled = true;
        if has_install && !local.text.is_some_and(unit_text::is_wanted_at_boot) {
            let difference = "started by systemd at each boot, in its own order, by a link, since its [Install] section may not start it";
            return self.wanted(&name, true, &subject, span, difference);
        }
        let difference = if has_install {
            "started by systemd at each boot, in its own order, by its [Install] section"
        } else {
            "started by systemd at each boot, in its own order, by an added [Install] section"
        };
        let note = self.changed(span, &subject, difference, help);
        unit.notes.push(note);
    }

    /// Keeps a unit that a target wants out of cycles that a run, which starts it later, does not have.
    pub(super) fn start_late(&mut self, pending: &mut Pending, subject: &str) {
        let name = &pending.name;
        let is_started = self.wants_start(pending) || pending.enable.is_some() || image::is_on_by_default(name);
        let is_here = pending.contents.is_some() || self.units.order.is_late(name);
        let Some(text) = self.units.order.drop_in(name).filter(|_| is_here || is_started) else { return };
        let is_after_boot = pending.texts().any(unit_text::is_after_boot);
        let means = if self.units.order.is_late(&pending.name) {
            "a drop-in moves it after early boot, so that it can wait for services"
        } else if is_started && !is_after_boot {
            "a drop-in orders it after multi-user.target, since it waits for units that start after the target"
        } else {
            return;
        };
        (self.part, _) = pending.origin;
        self.generated(pending.origin.1, subject, means, None);
        self.add_generated(pending, "10-cloud-config-late.conf", text.to_owned());
    }

    /// Lets `multi-user.target` want a unit.
    fn wanted(&mut self, name: &str, is_local: bool, subject: &str, span: Option<Span>, difference: &str) {
        if !is_local && self.lacks_file(name) {
            self.units.started.remove(name);
            return self.lost(span, subject, "its file is not in the result", None);
        }
        let note = self.changed(span, subject, difference, None);
        let is_own = is_local && (self.units.has_contents(name) || self.files.contains(&format!("{DIRECTORY}/{name}")));
        let file = if is_own { name.to_owned() } else { template_of(name) };
        let is_local =
            is_local || self.units.has_contents(&file) || self.files.contains(&format!("{DIRECTORY}/{file}"));
        let directory = if is_local { DIRECTORY } else { "/usr/lib/systemd/system" };
        self.link(wants(name), &format!("{directory}/{file}"), note, span);
    }

    /// Returns true if the source has the file of the unit, and the result does not.
    fn lacks_file(&self, name: &str) -> bool {
        let file = template_of(name);
        let has = |name: &str| self.units.has_contents(name) || self.files.contains(&format!("{DIRECTORY}/{name}"));
        (self.brings(name) || self.brings(&file)) && !has(name) && !has(&file)
    }

    fn stop(&mut self, pending: &Pending, is_local: bool, span: Option<Span>) {
        let subject = subject(&pending.name);
        if is_local {
            let difference = if pending.enable.is_some() {
                "not stopped"
            } else {
                "not stopped; it does not start at boot by default"
            };
            self.changed(span, &subject, difference, None);
            return;
        }
        let help = "`mask: true` prevents it from starting, also by hand; --ordered stops it at each boot";
        self.lost(span, &subject, "a unit of the image that starts by default cannot be stopped", Some(help));
    }

    /// A unit that the image does not have.
    pub(super) fn missing_unit(&mut self, pending: &Pending, reason: &str) {
        let subject = subject(&pending.name);
        let command = pending.command;
        let is_etcd = matches!(pending.name.as_str(), "etcd.service" | "etcd2.service");
        let drop_ins = pending.drop_ins.iter().map(|drop_in| drop_in.origin).chain(pending.runtime);
        if is_etcd
            && self.options.variant == Variant::Flatcar
            && let Some((_, (part, span))) = command.filter(|(verb, _)| is_start(*verb))
        {
            self.part = part;
            let difference = "replaced by etcd-member.service, which runs etcd 3.5 in a container";
            if self.options.ordered {
                self.changed(span, &subject, difference, None);
            } else {
                self.units.started.insert(pending.name.clone(), ETCD.to_owned());
                self.wanted(ETCD, false, &subject, span, difference);
            }
            let help = "copy the settings that etcd 3.5 needs to a drop-in of etcd-member.service";
            return self.lost_places(drop_ins, &subject, "its drop-ins are for etcd 2", Some(help));
        }
        let is_stop = |(verb, _): &(Verb, Origin)| *verb == Verb::Stop;
        if let Some((_, (part, span))) = command.filter(is_stop)
            && pending.enable.is_none()
            && pending.drop_ins.is_empty()
        {
            self.part = part;
            self.changed(span, &subject, "not stopped; the image does not have it", None);
            return;
        }
        let help = pending.name.starts_with("fleet.").then_some("use plain units, or Kubernetes");
        let origins = [Some(pending.origin), pending.enable, command.map(|(_, origin)| origin)];
        self.lost_places(origins.into_iter().flatten().chain(drop_ins), &subject, reason, help);
    }

    /// Reports something that is not converted at each of its places, without those in others.
    pub(super) fn lost_places(
        &mut self,
        places: impl Iterator<Item = Origin>,
        subject: &str,
        reason: &str,
        help: Option<&str>,
    ) {
        let places: BTreeSet<_> =
            places.map(|(part, span)| (part, span.map(|span| (span.start, Reverse(span.end))))).collect();
        let mut outer: Option<(Option<usize>, usize)> = None;
        for (part, span) in places {
            let end = span.map_or(0, |(_, Reverse(end))| end);
            if outer.is_some_and(|outer| outer.0 == part && end <= outer.1) {
                continue;
            }
            outer = Some((part, end));
            self.part = part;
            self.lost(span.map(|(start, Reverse(end))| Span::new(start, end)), subject, reason, help);
        }
    }

    /// Reports the order of starts, or writes the unit that keeps it.
    pub(super) fn report_order(&mut self) {
        if self.options.ordered {
            return self.ordered_commands();
        }
        let mut left = std::mem::take(&mut self.units.started);
        let commands = self.units.commands.iter();
        let in_order: Vec<_> = commands.filter_map(|(_, unit, origin)| Some((left.remove(unit)?, *origin))).collect();
        // The second start is the first that no longer waits for another one.
        let Some((_, (part, span))) = in_order.get(1) else { return };
        self.part = *part;
        let span = *span;
        let mut shown: Vec<_> = in_order.iter().take(MOST_SHOWN).map(|(name, _)| printable(name)).collect();
        if in_order.len() > MOST_SHOWN {
            shown.push(format!("and {} more", in_order.len() - MOST_SHOWN));
        }
        let message =
            format!("units are started by systemd in its own order, and not one after the other: {}", shown.join(", "));
        let help = "add `After=` where one needs another, or use --ordered";
        self.report(&rules::CHANGED_MEANING, span, message, Some(help));
        self.part = None;
    }

    /// A unit that runs the commands of the source at each boot, in their order.
    fn ordered_commands(&mut self) {
        let commands = std::mem::take(&mut self.units.commands);
        let units: HashMap<_, _> = self.units.done.iter().map(|unit| (unit.name.as_str(), unit)).collect();
        let is_masked = |name: &str| units.get(name).is_some_and(|unit| unit.mask);
        let mut lines = String::new();
        let mut first = None;
        for (verb, unit, origin) in commands.iter().filter(|(verb, unit, _)| *verb == Verb::Stop || !is_masked(unit)) {
            let is_here = self.brings(unit);
            let unit = match discontinued::missing(self.options.variant, unit).filter(|_| !is_here) {
                Some(_) if unit.starts_with("etcd") && self.options.variant == Variant::Flatcar => ETCD,
                Some(_) => continue,
                None => unit.as_str(),
            };
            // A unit that waits for multi-user.target would wait for this one, which waits for it.
            first.get_or_insert(*origin);
            let no_block = if self.units.order.is_after_boot(unit) { "--no-block " } else { "" };
            lines.extend([
                "ExecStart=-/usr/bin/systemctl ",
                no_block,
                verb.as_str(),
                " ",
                &super::quote::argument(unit),
                "\n",
            ]);
        }
        let Some((part, span)) = first else { return };
        self.part = part;
        let means = "unit commands are run at each boot in their order, by cloud-config-commands.service";
        let note = self.generated(span, "coreos.units", means, None);
        self.part = None;
        let contents = format!(
            "[Unit]\nDescription=Unit commands of the cloud-config\nWants=network-online.target\nAfter=network-online.target\n\n\
             [Service]\nType=oneshot\nRemainAfterExit=yes\nTimeoutStartSec=15min\n{lines}\n[Install]\nWantedBy=multi-user.target\n"
        );
        self.units.generated.push(Unit {
            name: "cloud-config-commands.service".to_owned(),
            enabled: true,
            contents: Some(Secret::new(contents)),
            notes: vec![note],
            ..Unit::default()
        });
    }
}

/// The link that starts a unit at boot.
fn wants(name: &str) -> String {
    format!("{DIRECTORY}/multi-user.target.wants/{name}")
}
