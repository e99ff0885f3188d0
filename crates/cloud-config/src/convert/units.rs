//! Units: contents, drop-ins and masks; `unit_start` starts and enables them.

use std::collections::{HashMap, HashSet};

use super::model::{DropIn, Link, Unit, Variant};
use super::unit_paths::{below, is_generated};
use super::unit_start::is_after_boot;
use super::{Converter, early, image, platform, unit_text};
use crate::config::Verb;
use crate::diagnostic::Span;
use crate::plan::{FileSpec, UnitCommand, UnitPath, UnitScope, names};
use crate::text::printable;
use crate::text::secret::Secret;

/// The directory of units.
pub(super) const DIRECTORY: &str = "/etc/systemd/system";

/// The units of a result.
#[derive(Default)]
pub(super) struct Units {
    /// The units of the source, in its order.
    pending: Vec<Pending>,
    at: HashMap<String, usize>,
    /// The units whose files the source has, and true for a file with an option in `[Install]`.
    with_contents: HashMap<String, bool>,
    /// The units that wait for the end of the boot.
    pub(super) after_boot: HashSet<String>,
    /// The units that a service of the source is ordered before.
    pub(super) preceded: HashSet<String>,
    /// The units that cannot wait for the addresses, which wait for them.
    pub(super) before_addresses: HashSet<String>,
    /// Units that the conversion generates.
    pub generated: Vec<Unit>,
    /// The links, by their paths.
    links: Vec<Option<Link>>,
    linked: HashMap<String, usize>,
    pub(super) done: Vec<Unit>,
    /// The units that start, by the names that the source gives them.
    pub(super) started: HashMap<String, String>,
    /// The commands of the source, in its order.
    pub(super) commands: Vec<(Verb, String, Origin)>,
}

/// Where something of a unit stands: its part, and its place there.
pub(super) type Origin = (Option<usize>, Option<Span>);

/// The settings of a unit in the source.
#[derive(Default)]
pub(super) struct Pending {
    pub name: String,
    pub origin: Origin,
    /// The text of its file.
    pub contents: Option<String>,
    pub contents_origin: Origin,
    pub drop_ins: Vec<PendingDropIn>,
    drop_in_at: HashMap<String, usize>,
    pub enable: Option<Origin>,
    pub command: Option<(Verb, Origin)>,
    mask: Option<Origin>,
    /// Something of it is in `/run` today.
    pub runtime: Option<Origin>,
}

/// A drop-in of the source.
pub(super) struct PendingDropIn {
    pub name: String,
    pub text: String,
    pub origin: Origin,
}

impl Pending {
    /// The texts of its file and its drop-ins.
    fn texts(&self) -> impl Iterator<Item = &str> {
        self.contents.as_deref().into_iter().chain(self.drop_ins.iter().map(|drop_in| drop_in.text.as_str()))
    }

    /// Returns true if the unit has a drop-in of that name.
    fn has_drop_in(&self, name: &str) -> bool {
        self.drop_in_at.contains_key(name)
    }

    /// Adds a generated drop-in. Where the source has one of its name, zeros before the name make it another.
    pub fn add_generated(&mut self, name: &str, text: String) {
        let mut name = name.to_owned();
        while self.has_drop_in(&name) {
            name.insert(0, '0');
        }
        self.drop_ins.push(PendingDropIn { name, text, origin: self.origin });
    }
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
        self.with_contents.contains_key(name)
    }

    /// Returns true if the source has the file of the unit, without an option in `[Install]`.
    pub fn lacks_install(&self, name: &str) -> bool {
        self.with_contents.get(name) == Some(&false)
    }

    /// Adds a drop-in, or replaces it.
    pub fn drop_in(&mut self, unit: &str, name: &str, text: String, origin: Origin) {
        let unit = self.entry(unit, origin);
        let drop_in = PendingDropIn { name: name.to_owned(), text, origin };
        if let Some(known) = unit.drop_in_at.get(name) {
            unit.drop_ins[*known] = drop_in;
        } else {
            unit.drop_in_at.insert(name.to_owned(), unit.drop_ins.len());
            unit.drop_ins.push(drop_in);
        }
    }

    /// Returns true if a link is at `path`.
    pub fn is_link(&self, path: &str) -> bool {
        self.linked.contains_key(path)
    }

    /// Removes a link, and returns true if it was there.
    pub fn remove_link(&mut self, path: &str) -> bool {
        let index = self.linked.remove(path);
        index.is_some_and(|index| self.links[index].take().is_some())
    }

    /// The paths of the files and links of finished units.
    pub fn paths(&self) -> impl Iterator<Item = String> {
        let links = self.links.iter().flatten().map(|link| link.path.clone());
        self.done
            .iter()
            .flat_map(|unit| {
                let path = format!("{DIRECTORY}/{}", unit.name);
                let drop_ins =
                    unit.drop_ins.iter().map(|drop_in| format!("{path}.d/{}", drop_in.name)).collect::<Vec<_>>();
                (unit.mask || unit.contents.is_some()).then_some(path).into_iter().chain(drop_ins)
            })
            .chain(links)
    }

    pub fn into_lists(self) -> (Vec<Unit>, Vec<Link>) {
        (self.done, self.links.into_iter().flatten().collect())
    }
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
        let is_again = match rest.split_once('/') {
            Some((_, name)) => {
                let is_again = entry.has_drop_in(name);
                self.units.drop_in(unit, name, text, origin);
                is_again
            }
            // systemd prefers the file in /etc.
            None if runtime && entry.contents.is_some() && entry.runtime.is_none() => true,
            None => {
                self.units.with_contents.insert(unit.clone(), unit_text::is_installable(&text));
                let entry = self.units.entry(unit, origin);
                // A mask of an earlier part: a run replaces it.
                entry.mask = entry.mask.filter(|(part, _)| *part == origin.0);
                entry.contents_origin = origin;
                entry.contents.replace(text).is_some()
            }
        };
        if is_again {
            self.note(span, &subject(unit), "a file of it is also written earlier; the last one is used, as in a run");
        }
        if runtime {
            let origin = (self.part, self.runtime_span(unit, span));
            self.units.entry(unit, origin).runtime.get_or_insert(origin);
        }
        true
    }

    /// Takes the file of a unit that stands in `write_files` and needs addresses. Returns false for any other file.
    pub(super) fn unit_by_hand(&mut self, file: &FileSpec, path: &str, span: Option<Span>) -> bool {
        let (Some((rest, _)), Ok(text)) =
            (below(path, "system").or_else(|| below(path, "network")), std::str::from_utf8(file.content.expose()))
        else {
            return false;
        };
        let name = rest.split_once('/').map_or(rest, |(directory, _)| directory.strip_suffix(".d").unwrap_or_default());
        let is_readable = file.mode & 0o004 != 0 && file.owner.to_string() == "root:root";
        let needs_addresses = self.stand_ins.is_in(text) || self.reads_addresses_of_environment(text);
        if file.unit.is_some() || !is_readable || !needs_addresses || names::reader(name) == names::UnitReader::Unknown
        {
            return false;
        }
        if file.mode != 0o644 {
            self.note(span, &subject(name), "written with mode 0644, which systemd reads in the same way");
        }
        self.unit_file(&FileSpec { unit: Some(name.to_owned()), ..file.clone() }, path, span)
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
                self.runtime_span(name, span),
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
        self.units.remove_link(&path);
        self.plain_file(path.as_ref(), text.into_bytes(), 0o644, notes);
    }

    /// The place of the key `runtime` of a unit; `span` is the place of its item.
    fn runtime_span(&self, unit: &str, span: Option<Span>) -> Option<Span> {
        self.runtime_spans.get(unit).copied().or(span)
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
            if self.is_stand_in_name(&place.unit, span) {
                return;
            }
            return self.link(path, "/dev/null", format!("Masks {}.", printable(&place.unit)), span);
        }
        if self.is_stand_in_name(&place.unit, span) {
            return;
        }
        let origin = (self.part, span);
        self.units.entry(&place.unit, origin).mask = Some(origin);
        if place.path.starts_with("/run") {
            let origin = (self.part, self.runtime_span(&place.unit, span));
            self.units.entry(&place.unit, origin).runtime = Some(origin);
        }
    }

    /// Returns true if the name of a unit contains an address token, and reports that once.
    fn is_stand_in_name(&mut self, name: &str, span: Option<Span>) -> bool {
        let is_stand_in = self.stand_ins.is_in(name);
        if is_stand_in {
            self.lost(span, &subject(&self.stand_ins.restore(name)), "the name contains an address token", None);
        }
        is_stand_in
    }

    pub(super) fn enable(&mut self, scope: &UnitScope, span: Option<Span>) {
        if self.is_stand_in_name(&scope.unit, span) {
            return;
        }
        let origin = (self.part, span);
        self.units.entry(&scope.unit, origin).enable = Some(origin);
        if scope.runtime {
            let origin = (self.part, self.runtime_span(&scope.unit, span));
            self.units.entry(&scope.unit, origin).runtime.get_or_insert(origin);
        }
    }

    pub(super) fn command(&mut self, command: &UnitCommand, span: Option<Span>) {
        if self.is_of_update(&command.unit, span) || self.is_stand_in_name(&command.unit, span) {
            return;
        }
        let origin = (self.part, span);
        let entry = self.units.entry(&command.unit, origin);
        let earlier = entry.command;
        // A unit that starts has its configuration in place, so that nothing is to be reloaded.
        let keeps_start = earlier.is_some_and(|(verb, _)| is_start(verb)) && is_reload(command.verb);
        if !keeps_start {
            entry.command = Some((command.verb, origin));
        }
        if let Some((_, at)) = earlier.filter(|_| !self.options.ordered) {
            let (part, span) = if keeps_start { origin } else { at };
            let current = std::mem::replace(&mut self.part, part);
            let fact = "the unit has several commands; their combined effect is converted";
            self.note(span, &subject(&command.unit), fact);
            self.part = current;
        }
        self.units.commands.push((command.verb, command.unit.clone(), origin));
    }

    /// Writes all units.
    pub(super) fn finish_units(&mut self) {
        let services = self.units.pending.iter().filter(|unit| unit.name.strip_suffix(".service").is_some());
        let followers = services.flat_map(Pending::texts).flat_map(early::followers);
        self.units.preceded = followers.map(str::to_owned).collect();
        let (agent, _) = platform::agent(self.options.variant);
        let pending = self.units.pending.iter();
        let texts = pending.flat_map(|unit| unit.texts().map(|text| (unit.name.as_str(), text)));
        self.units.before_addresses = early::before_addresses(agent, texts).into_iter().map(str::to_owned).collect();
        for pending in std::mem::take(&mut self.units.pending) {
            self.finish_unit(pending);
        }
        self.part = None;
        self.report_order();
    }

    /// Adds a link, in place of a file at its path.
    pub(super) fn link(&mut self, path: String, target: &str, note: String, span: Option<Span>) {
        if self.units.is_link(&path) {
            return;
        }
        let subject = format!("file {}", printable(&path));
        if self.files.is_directory(&path) {
            return self.lost(span, &subject, "a link is needed at the path, and a file is below it", None);
        }
        if self.files.remove(&path) {
            self.note(span, &subject, "replaced by a link");
        }
        self.units.linked.insert(path.clone(), self.units.links.len());
        self.units.links.push(Some(Link { path, target: target.to_owned(), notes: vec![note] }));
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
        self.files.origin = pending.origin;
        self.addresses.origin = pending.origin;
        let mut unit = Unit { name: name.clone(), ..Unit::default() };
        if is_generated(&name) {
            let (part, span) = pending.origin;
            self.part = part;
            return self.lost(
                span,
                &subject,
                "the conversion generates a unit of this name",
                Some("give it another name"),
            );
        }
        if let Some(reason) =
            image::missing(self.options.variant, &name).filter(|_| !self.brings(&name) && pending.mask.is_none())
        {
            return self.missing_unit(&pending, reason);
        }
        if let Some((part, span)) = pending.runtime {
            self.part = part;
            unit.notes.push(self.changed(
                span,
                &subject,
                "stays until it is removed; a run would drop it at the next reboot",
                None,
            ));
        }
        let is_of_systemd = names::reader(&name) == names::UnitReader::Systemd;
        if let Some((part, span)) = pending.mask {
            self.part = part;
            if !is_of_systemd {
                return self.link(
                    format!("{DIRECTORY}/{name}"),
                    "/dev/null",
                    format!("Masks {}.", printable(&name)),
                    span,
                );
            }
            unit.mask = true;
            if let Some((verb, (part, span))) = pending.command.filter(|(verb, _)| *verb != Verb::Stop) {
                self.part = part;
                self.lost(span, &subject, &format!("a masked unit does not {verb}"), None);
            }
            self.units.done.push(unit);
            return;
        }
        self.adapt(&mut pending, &subject);
        self.start_late(&mut pending, &subject);
        if pending.texts().any(is_after_boot) {
            self.units.after_boot.insert(name.clone());
        }
        // Ignition checks the text of units, and takes no other type of them; a plain file it takes as it is.
        let fault = pending.contents.as_deref().and_then(unit_text::unit_text_fault);
        let path = format!("{DIRECTORY}/{name}");
        let as_file = !is_of_systemd || fault.is_some();
        let text = pending.contents.take();
        if let Some(mut text) = text.clone() {
            if as_file || self.files.remove(&path) {
                self.plain_file(path.as_ref(), text.into_bytes(), 0o644, std::mem::take(&mut unit.notes));
            } else {
                if self.wants_start(&pending) && !unit_text::is_installable(&text) {
                    if !text.is_empty() && !text.ends_with('\n') {
                        text.push('\n');
                    }
                    text.push_str("\n[Install]\nWantedBy=multi-user.target\n");
                }
                unit.contents = Some(Secret::new(text));
            }
        }
        let mut has_install_drop_in = false;
        for PendingDropIn { name: drop_in, text, .. } in std::mem::take(&mut pending.drop_ins) {
            has_install_drop_in |= unit_text::is_installable(&text);
            let directory = format!("{path}.d");
            if self.files.contains(&directory) {
                self.lost(pending.origin.1, &subject, &format!("{} is a file", printable(&directory)), None);
                continue;
            }
            let path = format!("{directory}/{drop_in}");
            let is_plain = as_file
                || drop_in.strip_suffix(".conf").is_none()
                || unit_text::unit_text_fault(&text).is_some()
                || self.files.remove(&path);
            if is_plain {
                self.plain_file(path.as_ref(), text.into_bytes(), 0o644, Vec::new());
            } else {
                unit.drop_ins.push(DropIn { name: drop_in, contents: Secret::new(text) });
            }
        }
        let has_file = text.is_some() || self.files.contains(&path);
        let text = text.as_deref();
        self.start_or_enable(&pending, &mut unit, &Local { text, has_file, has_install_drop_in });
        let has_more = unit.enabled || unit.mask || unit.contents.is_some() || !unit.drop_ins.is_empty();
        if has_more && is_of_systemd {
            self.units.done.push(unit);
        }
    }
}

/// The files of a unit in the result.
pub(super) struct Local<'t> {
    /// The text of its file, as the source has it.
    pub text: Option<&'t str>,
    /// Its file is in the result.
    pub has_file: bool,
    /// A drop-in has an option in `[Install]`.
    pub has_install_drop_in: bool,
}

pub(super) const fn is_start(verb: Verb) -> bool {
    matches!(verb, Verb::Start | Verb::Restart | Verb::ReloadOrRestart)
}

/// Returns true for a command that does nothing to a unit which does not run.
const fn is_reload(verb: Verb) -> bool {
    matches!(verb, Verb::Reload | Verb::TryRestart | Verb::ReloadOrTryRestart)
}

pub(super) fn subject(name: &str) -> String {
    format!("unit {}", printable(name))
}
