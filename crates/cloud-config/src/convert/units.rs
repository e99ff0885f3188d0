//! Units: contents, drop-ins and masks; `unit_start` starts and enables them.

use super::model::{DropIn, Link, Unit, Variant};
use super::pending::{Pending, PendingDropIn};
use super::unit_paths::{below, is_generated};
use super::{Converter, discontinued, unit_text};
use crate::config::Verb;
use crate::diagnostic::Span;
use crate::plan::{FileSpec, UnitCommand, UnitPath, UnitScope, names};
use crate::text::printable;
use crate::text::secret::Secret;

/// The directory of units.
pub(super) const DIRECTORY: &str = "/etc/systemd/system";

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
        let path = format!("{DIRECTORY}/{rest}");
        let drop_in = rest.split_once('/').map(|(_, name)| name);
        if runtime && (self.files.contains(&path) || self.units.entry(unit, origin).has_in_etc(drop_in)) {
            let fact = "an earlier item writes one of its files, to /etc, which takes precedence";
            self.note(span, &subject(unit), fact);
            return true;
        }
        let is_by_hand = self.forget(&path);
        let entry = self.units.entry(unit, origin);
        let is_again = is_by_hand | entry.has_file(drop_in);
        if let Some(name) = drop_in {
            let (name, is_runtime) = (name.to_owned(), runtime);
            self.units.drop_in(unit, PendingDropIn { name, text, origin, is_runtime, is_generated: false });
        } else {
            // A mask of an earlier part: a run replaces it.
            entry.mask = entry.mask.filter(|(part, _)| *part == origin.0);
            (entry.contents_origin, entry.has_runtime_contents) = (origin, runtime);
            self.units.with_contents.insert(unit.clone(), unit_text::is_installable(&text));
            self.units.entry(unit, origin).contents = Some(text);
        }
        if is_again {
            self.note(
                span,
                &subject(unit),
                "an earlier item writes one of its files, too; the last version is used, as in a run",
            );
        }
        if runtime {
            let origin = (self.part, self.runtime_span(unit, span));
            self.units.entry(unit, origin).runtime.get_or_insert(origin);
        }
        true
    }

    /// Takes the file of a unit that stands in `write_files`, if it needs addresses, replaces a file of `coreos.units`
    /// or is in `/run`. Returns false for any other file.
    pub(super) fn unit_by_hand(&mut self, file: &FileSpec, path: &str, span: Option<Span>) -> bool {
        let system = below(path, "system");
        let Some((rest, runtime)) = system.or_else(|| below(path, "network")).filter(|_| file.unit.is_none()) else {
            return false;
        };
        let (name, drop_in) = match rest.split_once('/') {
            Some((directory, drop_in)) => (directory.strip_suffix(".d").unwrap_or_default(), Some(drop_in)),
            None => (rest, None),
        };
        let is_known = system.is_some() && self.units.get(name).is_some_and(|pending| pending.has_file(drop_in));
        let is_readable = file.mode & 0o004 != 0 && file.owner.to_string() == "root:root";
        let text = std::str::from_utf8(file.content.expose()).ok().filter(|_| is_readable);
        let Some(text) = text.filter(|_| names::reader(name) != names::UnitReader::Unknown) else {
            if is_known {
                self.units.entry(name, (self.part, span)).forget(drop_in);
                self.note(
                    span,
                    &subject(name),
                    "an earlier item writes one of its files, too; the last version is used, as in a run",
                );
            }
            return false;
        };
        let needs_addresses = self.stand_ins.is_in(text) || self.reads_addresses_of_environment(text);
        if !(is_known || needs_addresses || runtime && system.is_some()) {
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
        let text = String::from_utf8_lossy(file.content.expose()).into_owned();
        let path = format!("/etc/systemd/network/{rest}");
        if self.stand_ins.is_in(&text) || self.stand_ins.is_in(rest) {
            let help = "the network is set up before addresses are known; write the address itself";
            return self.lost(span, &subject, "it contains an address token", Some(help));
        }
        let mut notes = Vec::new();
        if runtime {
            notes.push(self.changed(
                self.runtime_span(name, span),
                &subject,
                "written to /etc permanently; a run writes it until the next reboot",
                None,
            ));
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
        self.find_order();
        self.omit_useless();
        for pending in std::mem::take(&mut self.units.pending) {
            self.finish_unit(pending);
        }
        self.part = None;
        self.report_order();
    }

    /// Adds a generated drop-in.
    pub(super) fn add_generated(&self, pending: &mut Pending, name: &str, text: String) {
        let (name, origin) = (name.to_owned(), pending.origin);
        pending.drop_ins.push(PendingDropIn { name, text, origin, is_runtime: false, is_generated: true });
        self.name_generated(pending);
    }

    /// Renames the generated drop-ins. Where the source has one of its name, zeros before the name make it another.
    fn name_generated(&self, pending: &mut Pending) {
        let directory = format!("{DIRECTORY}/{}.d", pending.name);
        let mut drop_ins = std::mem::take(&mut pending.drop_ins);
        for drop_in in drop_ins.iter_mut().filter(|drop_in| drop_in.is_generated) {
            while pending.has_drop_in(&drop_in.name) || self.files.contains(&format!("{directory}/{}", drop_in.name)) {
                drop_in.name.insert(0, '0');
            }
        }
        pending.drop_ins = drop_ins;
    }

    /// Adds a link, in place of a file at its path.
    pub(super) fn link(&mut self, path: String, target: &str, note: String, span: Option<Span>) {
        if self.units.is_link(&path) {
            return;
        }
        let subject = format!("file {}", printable(&path));
        if self.files.remove(&path) {
            self.withdraw(&path);
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
            discontinued::missing(self.options.variant, &name).filter(|_| !self.brings(&name) && pending.mask.is_none())
        {
            return self.missing_unit(&pending, reason);
        }
        if let Some((part, span)) = pending.runtime {
            self.part = part;
            unit.notes.push(self.changed(span, &subject, "permanent; in a run, it lasts until the next reboot", None));
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
            if self.forget(&format!("{DIRECTORY}/{name}")) || pending.contents.is_some() {
                self.note(span, &subject, "an earlier item writes its file, too; the mask replaces it, as in a run");
            } else if !pending.drop_ins.is_empty() || pending.enable.is_some_and(|at| at != (part, span)) {
                self.note(span, &subject, "masked; settings of other items have no effect");
            }
            if let Some((verb, (part, span))) = pending.command.filter(|(verb, _)| *verb != Verb::Stop) {
                self.part = part;
                self.lost(span, &subject, &format!("`{verb}` has no effect on a masked unit"), None);
            }
            self.units.done.push(unit);
            return;
        }
        self.name_generated(&mut pending);
        self.break_cycles(&mut pending, &subject, &mut unit);
        self.adapt(&mut pending, &subject);
        self.start_late(&mut pending, &subject);
        // Ignition checks the text of units, and takes no other type of them; a plain file it takes as it is.
        let fault = pending.contents.as_deref().and_then(unit_text::unit_text_fault);
        let path = format!("{DIRECTORY}/{name}");
        let as_file = !is_of_systemd || fault.is_some();
        let text = pending.contents.take();
        if let Some(mut text) = text.clone() {
            if as_file {
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
            let is_plain =
                as_file || drop_in.strip_suffix(".conf").is_none() || unit_text::unit_text_fault(&text).is_some();
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
