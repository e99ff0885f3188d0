//! Units: contents, drop-ins, `[Install]`, links and masks in place of commands.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::addresses::{UNIT as ADDRESSES, VARIABLES};
use super::files::ENVIRONMENTS;
use super::model::{DropIn, Link, Unit, Variant};
use super::options::ETCD;
use super::{Converter, image, platform, unit_text, unit_tokens};
use crate::config::Verb;
use crate::diagnostic::{Span, rules};
use crate::plan::{FileSpec, Owner, UNIT_ENVIRONMENTS, UnitCommand, UnitPath, UnitScope, names};
use crate::text::printable;
use crate::text::secret::Secret;

/// The units of a result.
#[derive(Default)]
pub(super) struct Units {
    /// The units of the source, in its order.
    pending: Vec<Pending>,
    at: HashMap<String, usize>,
    /// The units whose files the source has.
    with_contents: HashSet<String>,
    /// Units that the conversion generates.
    pub generated: Vec<Unit>,
    pub links: Vec<Link>,
    linked: HashSet<String>,
    done: Vec<Unit>,
    /// The units that the source starts, in its order.
    started: Vec<String>,
    /// The commands of the source, for a unit that runs them in their order.
    ordered: Vec<(Verb, String)>,
}

/// Where something of a unit stands: its part, and its place there.
type Origin = (Option<usize>, Option<Span>);

/// The requests of the source for a unit.
#[derive(Default)]
struct Pending {
    name: String,
    origin: Origin,
    /// The text of its file.
    contents: Option<String>,
    drop_ins: Vec<(String, String)>,
    enable: Option<Origin>,
    command: Option<(Verb, Origin)>,
    mask: Option<Origin>,
    /// Something of it is in `/run` today.
    runtime: Option<Origin>,
}

impl Units {
    fn entry(&mut self, name: &str, origin: Origin) -> &mut Pending {
        let index = *self.at.entry(name.to_owned()).or_insert_with(|| {
            self.pending.push(Pending { name: name.to_owned(), origin, ..Pending::default() });
            self.pending.len() - 1
        });
        &mut self.pending[index]
    }

    /// Returns true if the source has the file of the unit.
    pub fn has_contents(&self, name: &str) -> bool {
        self.with_contents.contains(name)
    }

    /// Adds a drop-in.
    pub fn drop_in(&mut self, unit: &str, name: &str, text: String, origin: Origin) {
        let unit = self.entry(unit, origin);
        unit.drop_ins.retain(|(known, _)| known != name);
        unit.drop_ins.push((name.to_owned(), text));
    }

    fn link(&mut self, path: String, target: &str, note: String) {
        if self.linked.insert(path.clone()) {
            self.links.push(Link { path, target: target.to_owned(), notes: vec![note] });
        }
    }

    pub fn into_lists(self) -> (Vec<Unit>, Vec<Link>) {
        (self.done, self.links)
    }
}

/// The rest of the path of a unit's file, and true if it is in `/run`.
fn below<'p>(path: &'p str, kind: &str) -> Option<(&'p str, bool)> {
    let rest = path.strip_prefix("/etc/systemd/").map(|rest| (rest, false));
    let (rest, runtime) = rest.or_else(|| path.strip_prefix("/run/systemd/").map(|rest| (rest, true)))?;
    Some((rest.strip_prefix(kind)?.strip_prefix('/')?, runtime))
}

impl Converter<'_> {
    /// Takes a file of `coreos.units`. Returns false for any other file.
    pub(super) fn unit_file(&mut self, file: &FileSpec, path: &str, span: Option<Span>) -> bool {
        let Some(unit) = &file.unit else { return false };
        if let Some((rest, runtime)) = below(path, "network") {
            self.network_file(file, rest, runtime, span);
            return true;
        }
        let Some((rest, runtime)) = below(path, "system") else { return false };
        let text = String::from_utf8_lossy(file.content.expose()).into_owned();
        if self.stand_ins.is_in(rest) {
            self.lost(span, &subject(unit), "the name contains an address token", None);
            return true;
        }
        let origin = (self.part, span);
        let entry = self.units.entry(unit, origin);
        match rest.split_once('/') {
            Some((_, name)) => self.units.drop_in(unit, name, text, origin),
            // systemd prefers the file in /etc.
            None if runtime && entry.contents.is_some() && entry.runtime.is_none() => {}
            None => {
                entry.contents = Some(text);
                self.units.with_contents.insert(unit.clone());
            }
        }
        let entry = self.units.entry(unit, origin);
        if runtime {
            entry.runtime.get_or_insert(origin);
        }
        true
    }

    fn network_file(&mut self, file: &FileSpec, rest: &str, runtime: bool, span: Option<Span>) {
        let name = file.unit.as_deref().unwrap_or(rest);
        let subject = subject(name);
        if self.options.variant == Variant::Fcos {
            let help = "write a keyfile of NetworkManager, or use kernel arguments";
            return self.lost(span, &subject, "Fedora CoreOS has no systemd-networkd", Some(help));
        }
        let mut notes = Vec::new();
        if runtime {
            notes.push(self.changed(
                span,
                &subject,
                "written to /etc, where it stays; a run would drop it at the next reboot",
                None,
            ));
        }
        let text = String::from_utf8_lossy(file.content.expose()).into_owned();
        let path = format!("/etc/systemd/network/{rest}");
        if self.stand_ins.is_in(&text) || self.stand_ins.is_in(rest) {
            let help = "the network is set up before addresses are known; write the address itself";
            return self.lost(span, &subject, "it contains an address token", Some(help));
        }
        self.plain_file(path.as_ref(), text.into_bytes(), 0o644, notes);
    }

    pub(super) fn mask(&mut self, place: &UnitPath, span: Option<Span>) {
        if self.is_of_update(&place.unit, span) {
            return;
        }
        if names::reader(&place.unit) == names::UnitReader::Networkd {
            if self.options.variant == Variant::Fcos {
                return self.lost(span, &subject(&place.unit), "Fedora CoreOS has no systemd-networkd", None);
            }
            let path = format!("/etc/systemd/network/{}", place.unit);
            return self.units.link(path, "/dev/null", format!("Masks {}.", printable(&place.unit)));
        }
        let origin = (self.part, span);
        let entry = self.units.entry(&place.unit, origin);
        entry.mask = Some(origin);
        if place.path.starts_with("/run") {
            entry.runtime = Some(origin);
        }
    }

    pub(super) fn enable(&mut self, scope: &UnitScope, span: Option<Span>) {
        let origin = (self.part, span);
        let entry = self.units.entry(&scope.unit, origin);
        entry.enable = Some(origin);
        if scope.runtime {
            entry.runtime.get_or_insert(origin);
        }
    }

    pub(super) fn command(&mut self, command: &UnitCommand, span: Option<Span>) {
        if self.is_of_update(&command.unit, span) {
            return;
        }
        let origin = (self.part, span);
        self.units.entry(&command.unit, origin).command = Some((command.verb, origin));
        self.units.ordered.push((command.verb, command.unit.clone()));
    }

    /// Writes all units.
    pub(super) fn finish_units(&mut self) {
        for pending in std::mem::take(&mut self.units.pending) {
            self.finish_unit(pending);
        }
        self.part = None;
        if self.options.ordered {
            self.ordered_commands();
        } else if self.units.started.len() > 1 {
            let shown: Vec<_> = self.units.started.iter().map(|name| printable(name)).collect();
            let message = format!(
                "units are started by systemd in its own order, and not one after the other: {}",
                shown.join(", ")
            );
            let help = "add `After=` where one needs another, or use --ordered";
            self.report(&rules::CHANGED_MEANING, None, message, Some(help));
        }
    }

    /// Appends the generated units.
    pub(super) fn finish_generated(&mut self) {
        let generated = std::mem::take(&mut self.units.generated);
        self.units.done.extend(generated);
    }

    fn finish_unit(&mut self, mut pending: Pending) {
        let name = pending.name.clone();
        let subject = subject(&name);
        self.part = pending.origin.0;
        let mut unit = Unit { name: name.clone(), ..Unit::default() };
        if let Some((part, span)) = pending.runtime {
            self.part = part;
            unit.notes.push(self.changed(
                span,
                &subject,
                "stays until it is removed; a run would drop it at the next reboot",
                None,
            ));
        }
        if pending.mask.is_some() {
            unit.mask = true;
            if let Some((verb, (part, span))) = pending.command.filter(|(verb, _)| *verb != Verb::Stop) {
                self.part = part;
                self.lost(span, &subject, &format!("a masked unit does not {verb}"), None);
            }
            self.units.done.push(unit);
            return;
        }
        let is_of_systemd = names::reader(&name) == names::UnitReader::Systemd;
        if let Some(reason) = image::missing(self.options.variant, &name).filter(|_| pending.contents.is_none()) {
            return self.missing_unit(&pending, reason);
        }
        self.adapt(&mut pending, &subject);
        // Ignition checks the text of units, and takes no other type of them; a plain file it takes as it is.
        let fault = pending.contents.as_deref().and_then(unit_text::unit_text_fault);
        let as_file = !is_of_systemd || fault.is_some();
        let text = pending.contents.clone();
        if let Some(mut text) = pending.contents.take() {
            let wants_start = pending.command.is_some_and(|(verb, _)| is_start(verb)) && !self.options.ordered;
            if as_file || self.files.contains(&format!("/etc/systemd/system/{name}")) {
                let path = format!("/etc/systemd/system/{name}");
                self.plain_file(path.as_ref(), text.into_bytes(), 0o644, std::mem::take(&mut unit.notes));
            } else {
                if wants_start && !unit_text::is_installable(&text) {
                    if !text.is_empty() && !text.ends_with('\n') {
                        text.push('\n');
                    }
                    text.push_str("\n[Install]\nWantedBy=multi-user.target\n");
                }
                unit.contents = Some(Secret::new(text));
            }
        }
        for (drop_in, text) in std::mem::take(&mut pending.drop_ins) {
            let is_plain =
                as_file || drop_in.strip_suffix(".conf").is_none() || unit_text::unit_text_fault(&text).is_some();
            if is_plain {
                let path = format!("/etc/systemd/system/{name}.d/{drop_in}");
                self.plain_file(path.as_ref(), text.into_bytes(), 0o644, Vec::new());
            } else {
                unit.drop_ins.push(DropIn { name: drop_in, contents: Secret::new(text) });
            }
        }
        let is_local = text.is_some() || self.files.contains(&format!("/etc/systemd/system/{name}"));
        self.start_or_enable(&pending, &mut unit, text.as_deref(), is_local);
        let has_more = unit.enabled || unit.mask || unit.contents.is_some() || !unit.drop_ins.is_empty();
        if has_more && is_of_systemd {
            self.units.done.push(unit);
        }
    }

    /// Does what commands and `enable` ask for, as far as an image can.
    fn start_or_enable(&mut self, pending: &Pending, unit: &mut Unit, text: Option<&str>, is_local: bool) {
        let name = pending.name.as_str();
        let subject = subject(name);
        let command = pending.command.filter(|_| !self.options.ordered);
        if let Some((verb, (part, span))) = command {
            self.part = part;
            match verb {
                _ if is_start(verb) => {
                    if verb == Verb::Start || is_local || !image::is_on_by_default(name) {
                        self.start(unit, text, is_local, span);
                    } else {
                        let difference = "not restarted; it starts with its configuration in place";
                        unit.notes.push(self.changed(span, &subject, difference, None));
                    }
                }
                Verb::Stop => self.stop(name, is_local, span),
                _ => {
                    let difference = format!("`{verb}` is not run; the unit starts with its configuration in place");
                    unit.notes.push(self.changed(span, &subject, &difference, None));
                }
            }
        }
        let Some((part, span)) = pending.enable else { return };
        self.part = part;
        if unit.enabled {
            return;
        }
        if image::is_of_extension(name) && !is_local {
            let difference = "enabled by a link, since presets do not reach system extensions";
            return self.wanted(name, is_local, &subject, span, difference);
        }
        let is_installable = text.is_none_or(unit_text::is_installable);
        if names::reader(name) != names::UnitReader::Systemd || !is_installable {
            // Without `[Install]`, enabling does nothing in a run either.
            let difference = "not enabled, as in a run; it has no [Install] section";
            unit.notes.push(self.changed(span, &subject, difference, None));
            return;
        }
        unit.enabled = true;
        if command.is_none_or(|(verb, _)| !is_start(verb)) {
            unit.notes.push(self.changed(
                span,
                &subject,
                "starts on the first boot already; a run would enable it for the next boot",
                None,
            ));
        }
    }

    fn start(&mut self, unit: &mut Unit, text: Option<&str>, is_local: bool, span: Option<Span>) {
        let subject = subject(&unit.name);
        let contents = unit.contents.is_some();
        self.units.started.push(unit.name.clone());
        if !contents {
            let difference = if is_local || image::has_unit(&unit.name) {
                "started by systemd at each boot, in its own order, by a link"
            } else {
                "started by systemd at each boot, in its own order, by a link; the image must have the unit"
            };
            return self.wanted(&unit.name, is_local, &subject, span, difference);
        }
        unit.enabled = true;
        let is_installable = text.is_some_and(unit_text::is_installable);
        let difference = if is_installable {
            "started by systemd at each boot, in its own order, by its [Install] section"
        } else {
            "started by systemd at each boot, in its own order, by an added [Install] section"
        };
        let is_after_network = !unit.name.ends_with(".service") || text.is_some_and(|text| text.contains("network"));
        let help = "it may start before the network is up: if it needs the network, add `Wants=network-online.target` and \
                    `After=network-online.target`";
        let note = self.changed(span, &subject, difference, (!is_after_network).then_some(help));
        unit.notes.push(note);
    }

    /// Lets `multi-user.target` want a unit.
    fn wanted(&mut self, name: &str, is_local: bool, subject: &str, span: Option<Span>, difference: &str) {
        let note = self.changed(span, subject, difference, None);
        let file = template_of(name);
        let is_local =
            is_local || self.units.has_contents(&file) || self.files.contains(&format!("/etc/systemd/system/{file}"));
        let directory = if is_local { "/etc/systemd/system" } else { "/usr/lib/systemd/system" };
        let path = format!("/etc/systemd/system/multi-user.target.wants/{name}");
        self.units.link(path, &format!("{directory}/{file}"), note);
    }

    fn stop(&mut self, name: &str, is_local: bool, span: Option<Span>) {
        let subject = subject(name);
        if is_local {
            self.changed(span, &subject, "not stopped; it does not start at boot", None);
            return;
        }
        let help = "`mask: true` prevents it from starting, also by hand; --ordered stops it at each boot";
        self.lost(span, &subject, "a unit of the image that starts by itself cannot be stopped", Some(help));
    }

    /// A unit that the image does not have.
    fn missing_unit(&mut self, pending: &Pending, reason: &str) {
        let subject = subject(&pending.name);
        let is_etcd = matches!(pending.name.as_str(), "etcd.service" | "etcd2.service");
        if is_etcd
            && self.options.variant == Variant::Flatcar
            && let Some((verb, (part, span))) = pending.command
            && is_start(verb)
        {
            self.part = part;
            if !self.options.ordered {
                self.units.started.push(ETCD.to_owned());
                let difference = "replaced by etcd-member.service, which runs etcd 3.5 in a container";
                self.wanted(ETCD, false, &subject, span, difference);
            }
            if pending.drop_ins.is_empty() {
                return;
            }
            self.part = pending.origin.0;
            let help = "copy to a drop-in of etcd-member.service what etcd 3.5 needs";
            return self.lost(pending.origin.1, &subject, "its drop-ins are for etcd 2", Some(help));
        }
        let span = pending.origin.1;
        self.lost(span, &subject, reason, None);
        for origin in [pending.enable, pending.command.map(|(_, origin)| origin)].into_iter().flatten() {
            if origin.1 != span {
                self.part = origin.0;
                self.lost(origin.1, &subject, reason, None);
            }
        }
    }

    /// Replaces the tokens in the texts of a unit, and orders it behind the service that knows the addresses.
    fn adapt(&mut self, pending: &mut Pending, subject: &str) {
        let (mut uses_platform, mut uses_variables, mut needs_files) = (false, false, false);
        let mut environment_files = Vec::new();
        let name = pending.name.clone();
        let span = pending.origin.1;
        let drop_ins = pending.drop_ins.iter_mut().map(|(drop_in, text)| (format!("{name}.d/{drop_in}"), text));
        let texts = pending.contents.iter_mut().map(|text| (name.clone(), text)).chain(drop_ins);
        for (file, text) in texts {
            needs_files |= self.addresses.targets.iter().any(|target| text.contains(target.as_str()));
            if text.contains("/etc/environment") && !self.files.contains("/etc/environment") {
                needs_files = true;
                self.addresses.merges_environment = true;
                let means = "the addresses in /etc/environment are written by cloud-config-addresses.service";
                self.generated(span, subject, means, None);
            }
            let variables = |kind| self.variable(kind).0;
            let adapted = unit_tokens::adapt(text, self.stand_ins, &variables);
            if adapted.uses_variables {
                for kind in self.stand_ins.kinds(text) {
                    *(if self.variable(kind).1 { &mut uses_platform } else { &mut uses_variables }) = true;
                }
            }
            for key in &adapted.lost {
                let key = printable(key);
                let help = "systemd expands variables in command lines only; write the address itself";
                self.lost(
                    span,
                    subject,
                    &format!("`{key}=` contains an address token; the setting is omitted"),
                    Some(help),
                );
            }
            if !adapted.environment.is_empty() {
                environment_files.push((file, adapted.environment));
            }
            *text = adapted.text.replace(UNIT_ENVIRONMENTS, ENVIRONMENTS);
            for missing in missing_dependencies(text, self.options.variant) {
                if !self.units.with_contents.contains(missing) {
                    let difference = format!("its text names {missing}, which the image does not have");
                    let help = missing.starts_with("etcd").then_some("name etcd-member.service in its place");
                    self.changed(span, subject, &difference, help);
                }
            }
        }
        pending.drop_ins.retain(|(_, text)| !has_no_setting(text));
        let mut lines = String::new();
        for (file, variables) in environment_files {
            let target = format!("/run/cloud-config/env/{file}");
            let text = unit_tokens::environment_file(&variables);
            let means = "its variables with addresses are written by cloud-config-addresses.service at each boot";
            let note = self.generated(span, subject, means, None);
            self.template(&target, &text, 0o600, &Owner::ROOT, note);
            lines.extend(["EnvironmentFile=", &super::quote::unit_path(&target), "\n"]);
            needs_files = true;
        }
        if uses_variables {
            self.generated(
                span,
                subject,
                "its command lines get addresses from cloud-config-addresses.service at each boot",
                None,
            );
            lines.extend(["EnvironmentFile=", VARIABLES, "\n"]);
            self.addresses.need();
            needs_files = true;
        }
        let (agent, metadata) = platform::agent(self.options.variant);
        if uses_platform {
            self.generated(span, subject, &format!("its command lines get addresses from {agent} at each boot"), None);
            lines.extend(["EnvironmentFile=", metadata, "\n"]);
        }
        let services: Vec<_> = [(uses_platform, agent), (needs_files, ADDRESSES)]
            .into_iter()
            .filter(|(is, _)| *is)
            .map(|(_, name)| name)
            .collect();
        if services.is_empty() {
            return;
        }
        let services = services.join(" ");
        let mut text = format!("[Unit]\nRequires={services}\nAfter={services}\n");
        if !lines.is_empty() {
            let section = match name.rsplit_once('.').map(|(_, suffix)| suffix) {
                Some("socket") => "Socket",
                Some("mount") => "Mount",
                Some("swap") => "Swap",
                _ => "Service",
            };
            text.extend(["\n[", section, "]\n", &lines]);
        }
        pending.drop_ins.push(("10-cloud-config-addresses.conf".to_owned(), text));
    }

    /// A unit that runs the commands of the source at each boot, in their order.
    fn ordered_commands(&mut self) {
        let commands = std::mem::take(&mut self.units.ordered);
        let mut lines = String::new();
        for (verb, unit) in &commands {
            let is_here = self.units.done.iter().any(|done| done.name == *unit && done.contents.is_some());
            let unit = match image::missing(self.options.variant, unit).filter(|_| !is_here) {
                Some(_) if unit.starts_with("etcd") && self.options.variant == Variant::Flatcar => ETCD,
                Some(_) => continue,
                None => unit.as_str(),
            };
            // A unit that waits for multi-user.target would wait for this one, which waits for it.
            let texts = self.units.done.iter().filter(|done| done.name == unit);
            let waits = texts.filter_map(|unit| unit.contents.as_ref()).any(|text| is_after_boot(text.expose()));
            let no_block = if waits { "--no-block " } else { "" };
            lines.extend([
                "ExecStart=-/usr/bin/systemctl ",
                no_block,
                verb.as_str(),
                " ",
                &super::quote::argument(unit),
                "\n",
            ]);
        }
        if lines.is_empty() {
            return;
        }
        let means = "unit commands are run at each boot in their order, by cloud-config-commands.service";
        let note = self.generated(None, "coreos.units", means, None);
        let contents = format!(
            "[Unit]\nDescription=Unit commands of the cloud-config\nWants=network-online.target\nAfter=network-online.target\n\n\
             [Service]\nType=oneshot\nRemainAfterExit=yes\n{lines}\n[Install]\nWantedBy=multi-user.target\n"
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

fn subject(name: &str) -> String {
    format!("unit {}", printable(name))
}

const fn is_start(verb: Verb) -> bool {
    matches!(verb, Verb::Start | Verb::Restart | Verb::ReloadOrRestart)
}

/// The units of old images that a text depends on.
fn missing_dependencies(text: &str, variant: Variant) -> BTreeSet<&str> {
    let dependencies = text.lines().filter_map(|line| {
        let (key, value) = line.split_once('=')?;
        let is_dependency = matches!(
            key.trim(),
            "Requires"
                | "Requisite"
                | "Wants"
                | "BindsTo"
                | "PartOf"
                | "Upholds"
                | "After"
                | "Before"
                | "WantedBy"
                | "RequiredBy"
        );
        is_dependency.then_some(value)
    });
    let names = dependencies.flat_map(str::split_whitespace);
    names.filter(|name| image::missing(variant, name).is_some()).collect()
}

fn has_no_setting(text: &str) -> bool {
    text.lines().map(str::trim).all(|line| line.is_empty() || line.starts_with(['[', '#', ';']))
}

fn is_after_boot(text: &str) -> bool {
    let after = text.lines().filter_map(|line| line.trim().strip_prefix("After="));
    after
        .flat_map(str::split_whitespace)
        .any(|unit| matches!(unit, "multi-user.target" | "graphical.target" | "default.target"))
}

/// The name of the file of a unit: that of its template for an instance.
fn template_of(name: &str) -> String {
    match name.split_once('@') {
        Some((template, instance)) => {
            let suffix = instance.rsplit_once('.').map_or("", |(_, suffix)| suffix);
            format!("{template}@.{suffix}")
        }
        None => name.to_owned(),
    }
}
