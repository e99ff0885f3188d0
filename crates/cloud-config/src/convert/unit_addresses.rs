//! Addresses in the texts of a unit, and units that the texts depend on.

use std::collections::HashSet;

use super::addresses::{RUNTIME, UNIT as ADDRESSES, VARIABLES};
use super::files::ENVIRONMENTS;
use super::pending::{Origin, Pending};
use super::unit_environment::{FilePlace, Variables, find_file_place, with_files};
use super::unit_paths::{is_generated, template_of};
use super::unit_tokens::{Adapted, Lost, is_set_after, needed};
use super::units::{DIRECTORY, subject};
use super::{Converter, discontinued, platform, quote, unit_tokens};
use crate::address_tokens::Address;
use crate::plan::{ENVIRONMENT, Owner, UNIT_ENVIRONMENTS};
use crate::text::printable;

impl Converter<'_> {
    /// Removes units and drop-ins without a setting that they need, since it contains a token.
    pub(super) fn omit_useless(&mut self) {
        let mut omitted = Vec::new();
        for pending in &self.units.pending {
            let name = &pending.name;
            let is_missing = discontinued::missing(self.options.variant, name).is_some() && !self.brings(name);
            if pending.mask.is_none() && !is_missing && !is_generated(name) {
                let lost = self.without_tokens(pending).and_then(|texts| texts.lost_need(pending));
                omitted.extend(lost.map(|lost| (name.clone(), lost)));
            }
        }
        for (name, Lost { key, reason }) in omitted {
            let has_contents = self.units.get(&name).is_some_and(|pending| pending.contents.is_some());
            let needing = if has_contents { "it needs" } else { "its drop-ins need" };
            let fact = format!("{needing} `{key}=`, which contains an address token");
            self.omit(&name, &fact, Some(reason.help()));
            for other in ["automount", "path", "socket", "timer"].into_iter().filter(|_| has_contents) {
                self.omit_starting(&name, other);
            }
        }
        self.part = None;
    }

    /// Removes the unit of the type `other` that starts the unit `name` by default.
    fn omit_starting(&mut self, name: &str, other: &str) {
        let (stem, kind) = name.rsplit_once('.').unwrap_or_default();
        let other = format!("{stem}.{other}");
        let starts_mount = other.ends_with(".automount");
        let Some(pending) = self.units.get(&other).filter(|pending| pending.contents.is_some()) else { return };
        let names_unit = pending.texts().any(|text| is_set_after(text, &["Service", "Unit"], false));
        if kind == if starts_mount { "mount" } else { "service" } && !names_unit && pending.mask.is_none() {
            self.omit(&other, &format!("it starts {}, which is not converted", printable(name)), None);
        }
    }

    /// Removes the texts and the commands of a unit. Without a text, a unit of the image could start with more access
    /// than the source gives.
    fn omit(&mut self, name: &str, fact: &str, help: Option<&str>) {
        let Some(index) = self.units.at.get(name) else { return };
        let pending = &mut self.units.pending[*index];
        let empty = Pending { name: name.to_owned(), origin: pending.origin, ..Pending::default() };
        let pending = std::mem::replace(pending, empty);
        let contents = pending.contents.is_some().then_some(pending.contents_origin);
        let command = pending.command.map(|(_, origin)| origin);
        let drop_ins = pending.drop_ins.iter().map(|drop_in| drop_in.origin);
        self.units.with_contents.remove(name);
        self.units.commands.retain(|(_, unit, _)| unit != name);
        self.lost_places(drop_ins.chain(contents).chain(command).chain(pending.enable), &subject(name), fact, help);
    }

    /// Replaces the tokens in the texts of a unit, and orders it behind the service that knows the addresses.
    pub(super) fn adapt(&mut self, pending: &mut Pending, subject: &str) {
        let name = pending.name.clone();
        // The addresses wait for such a unit, which therefore cannot wait for them.
        let is_early = self.units.order.is_before_addresses(&name);
        let mut needs = Needs::default();
        let contents = pending.contents.as_mut().map(|text| (text, pending.contents_origin));
        let drop_ins = pending.drop_ins.iter_mut().map(|drop_in| (&mut drop_in.text, drop_in.origin));
        for (text, origin) in contents.into_iter().chain(drop_ins) {
            self.adapt_paths(text, origin, subject, is_early, &mut needs);
        }
        let variables = self.replace_tokens(pending, subject, &mut needs);
        self.part = pending.origin.0;
        let (agent, metadata) = platform::agent(self.options.variant);
        let span = pending.origin.1;
        let section = exec_section(&name);
        let mut files = Vec::new();
        if needs.variables {
            let means = format!("its command lines get addresses from {ADDRESSES} at each boot");
            self.generated(span, subject, &means, None);
            files.push(VARIABLES);
        }
        if needs.platform {
            let means = format!("its command lines get addresses from {agent} at each boot");
            let help = format!("the image must have {agent}, without which the unit does not start");
            self.generated(span, subject, &means, Some(&help));
            files.push(metadata);
        }
        let mut settings: String = files.iter().flat_map(|path| ["EnvironmentFile=", path, "\n"]).collect();
        if !settings.is_empty() && self.add_files(pending, section, &[FilePlace::Reset], &settings) {
            settings.clear();
        }
        if let Some(path) = variables {
            let setting = format!("EnvironmentFile={}\n", quote::unit_path(&path));
            if !self.add_files(pending, section, &[FilePlace::Reset, FilePlace::First], &setting) {
                settings.insert_str(0, &setting);
            }
        }
        let needs_service = needs.files || needs.variables;
        if !needs.platform && !needs_service {
            return;
        }
        let mut text = "[Unit]\n".to_owned();
        if needs.platform {
            text.extend(["Requires=", agent, "\nAfter=", agent, "\n"]);
        }
        if needs_service {
            // It fails if one of many files cannot be written, which is not a reason to start nothing.
            text.extend(["Wants=", ADDRESSES, "\nAfter=", ADDRESSES, "\n"]);
        }
        if !settings.is_empty() {
            text.extend(["\n[", section, "]\n", &settings]);
        }
        self.add_generated(pending, drop_in_name(&name), text);
    }

    /// Replaces paths in a text of a unit, and reports what it depends on.
    fn adapt_paths(&mut self, text: &mut String, origin: Origin, subject: &str, is_early: bool, needs: &mut Needs) {
        let (part, span) = origin;
        self.part = part;
        self.addresses.origin = origin;
        let reads_environment = self.reads_addresses_of_environment(text);
        let reads_file = self.addresses.is_named_in(text);
        if is_early && (reads_environment || reads_file) {
            let reason = format!("it reads a file that {ADDRESSES} writes, and that service waits for this unit");
            self.lost(span, subject, &reason, Some("write the address itself"));
        }
        needs.files |= reads_file && !is_early;
        if reads_environment && !is_early {
            needs.files = true;
            self.addresses.merge_environment(text);
            let means = format!("the addresses in /etc/environment are written by {ADDRESSES}");
            self.generated(span, subject, &means, None);
        }
        self.report_missing(text, subject, span);
        if text.contains(UNIT_ENVIRONMENTS) {
            *text = text.replace(UNIT_ENVIRONMENTS, ENVIRONMENTS);
        }
    }

    /// Replaces the tokens in the texts of a unit. Returns the path of the environment file that the unit needs.
    fn replace_tokens(&mut self, pending: &mut Pending, subject: &str, needs: &mut Needs) -> Option<String> {
        let unit = self.without_tokens(pending)?;
        let origins = unit.variables.origins();
        let known: HashSet<_> = origins.iter().copied().collect();
        let mut empty = HashSet::new();
        for (place, adapted) in unit.texts {
            let (text, origin) = match place {
                Place::Contents => (pending.contents.as_mut()?, pending.contents_origin),
                Place::DropIn(index) => {
                    let drop_in = &mut pending.drop_ins[index];
                    (&mut drop_in.text, drop_in.origin)
                }
                Place::ByHand(_) => continue,
            };
            if !self.stand_ins.is_in(text) {
                continue;
            }
            *text = adapted.text;
            if let Place::DropIn(index) = place
                && has_no_setting(text)
            {
                empty.insert(index);
            }
            let (part, span) = origin;
            self.part = part;
            for kind in adapted.variables.iter().copied() {
                if self.variable(kind).1 {
                    needs.platform = true;
                } else {
                    needs.variables = true;
                    self.addresses.need([kind]);
                }
            }
            for Lost { key, reason } in &adapted.lost {
                let fact = format!("`{}=` contains an address token; the setting is omitted", printable(key));
                self.lost(span, subject, &fact, Some(reason.help()));
            }
            if adapted.has_token_in_description {
                self.changed(span, subject, "its description shows the token in place of the address", None);
            } else if adapted.lost.is_empty() && adapted.variables.is_empty() && !known.contains(&origin) {
                self.note(span, subject, "later settings replace its variables with addresses, as in a run");
            }
        }
        let mut index = 0..;
        pending.drop_ins.retain(|_| index.next().is_none_or(|index| !empty.contains(&index)));
        if origins.is_empty() {
            return None;
        }
        let means = format!("its variables with addresses are written by {ADDRESSES} at each boot");
        let mut note = String::new();
        for (part, span) in origins {
            self.part = part;
            note = self.generated(span, subject, &means, None);
        }
        // `EnvironmentFile=` takes patterns.
        let target = format!("{RUNTIME}/env/{}", pending.name.replace(['\\', '*', '?', '['], "_"));
        self.template(&target, &unit.variables.file(), 0o600, &Owner::ROOT, note);
        needs.files = true;
        Some(target)
    }

    /// The texts of a unit in the order of systemd, without tokens; `None` if they have none.
    fn without_tokens(&self, pending: &Pending) -> Option<Unit> {
        if !pending.texts().any(|text| self.stand_ins.is_in(text)) {
            return None;
        }
        let is_early = self.units.order.is_before_addresses(&pending.name);
        let variable = |kind| self.variable(kind).0;
        let variable = (!is_early).then_some(&variable as &dyn Fn(Address) -> String);
        let mut variables = Variables::default();
        let mut texts = Vec::new();
        for place in self.places(pending) {
            variables.origin = match place {
                Place::DropIn(index) => pending.drop_ins[index].origin,
                _ => pending.contents_origin,
            };
            let text = self.text(pending, &place)?;
            let section = exec_section(&pending.name);
            texts.push((place, unit_tokens::adapt(text, section, self.stand_ins, variable, &mut variables)));
        }
        Some(Unit { texts, variables })
    }

    /// The texts of a unit, in the order in which systemd reads them: its file, and its drop-ins by name.
    fn places(&self, pending: &Pending) -> Vec<Place> {
        let drop_ins = pending.drop_ins.iter().enumerate();
        let mut places: Vec<_> =
            drop_ins.map(|(index, drop_in)| (drop_in.name.as_str(), Place::DropIn(index))).collect();
        let directory = format!("{DIRECTORY}/{}.d/", pending.name);
        let by_hand = self.units.by_hand.get(&pending.name).into_iter().flatten();
        let by_hand = by_hand.filter(|path| self.files.text(path).is_some());
        places.extend(by_hand.map(|path| (path.strip_prefix(&directory).unwrap_or(""), Place::ByHand(path.clone()))));
        places.extend(pending.contents.as_ref().map(|_| ("", Place::Contents)));
        places.sort_by_key(|(name, _)| *name);
        places.into_iter().map(|(_, place)| place).collect()
    }

    fn text<'t>(&'t self, pending: &'t Pending, place: &Place) -> Option<&'t str> {
        match place {
            Place::Contents => pending.contents.as_deref(),
            Place::DropIn(index) => Some(&pending.drop_ins[*index].text),
            Place::ByHand(path) => self.files.text(path),
        }
    }

    /// Adds environment files to a text of a unit at the first of `kinds` that it has. Returns false if it has none.
    fn add_files(&mut self, pending: &mut Pending, section: &str, kinds: &[FilePlace], settings: &str) -> bool {
        let places = self.places(pending);
        for kind in kinds {
            let find = |place| Some((place, find_file_place(self.text(pending, place)?, section, *kind)?));
            let mut found = places.iter().filter_map(find);
            let found = if *kind == FilePlace::Reset { found.next_back() } else { found.next() };
            let Some((place, number)) = found else { continue };
            let text = with_files(self.text(pending, place).unwrap_or_default(), number, *kind, settings);
            match place {
                Place::Contents => pending.contents = Some(text),
                Place::DropIn(index) => pending.drop_ins[*index].text = text,
                Place::ByHand(path) => {
                    self.files.replace_text(path, text, format!("Reads a file that {ADDRESSES} writes, too."));
                }
            }
            return true;
        }
        false
    }

    /// Returns true if `text` reads `/etc/environment`, which a run would add addresses to.
    pub(super) fn reads_addresses_of_environment(&self, text: &str) -> bool {
        text.contains(ENVIRONMENT) && !self.files.contains(ENVIRONMENT) && !self.addresses.writes(ENVIRONMENT)
    }
}

/// The needs of a unit for addresses.
#[derive(Default)]
struct Needs {
    /// Its command lines name variables of the platform's agent.
    platform: bool,
    /// Its command lines name variables of the generated service.
    variables: bool,
    /// It reads files that the generated service writes.
    files: bool,
}

/// The place of a text of a unit.
enum Place {
    Contents,
    /// A drop-in, by its index.
    DropIn(usize),
    /// A file of `write_files`, by its path.
    ByHand(String),
}

/// The texts of a unit without tokens.
struct Unit {
    texts: Vec<(Place, Adapted)>,
    variables: Variables,
}

impl Unit {
    /// A lost setting without which the unit cannot start.
    fn lost_need(self, pending: &Pending) -> Option<Lost> {
        let keys = needed(&pending.name);
        let is_file = |place: &Place| matches!(place, Place::Contents | Place::ByHand(_));
        // The image has the file of another unit.
        let is_of_image = pending.contents.is_none() && !self.texts.iter().any(|(place, _)| is_file(place));
        let texts = self.texts.iter().map(|(_, adapted)| adapted.text.as_str());
        if texts.fold(is_of_image, |is_set, text| is_set_after(text, keys, is_set)) {
            return None;
        }
        let mut lost = self.texts.into_iter().flat_map(|(_, adapted)| adapted.lost);
        lost.find(|lost| keys.contains(&lost.key.as_str()))
    }
}

/// The section of a unit with its commands and its environment.
fn exec_section(unit: &str) -> &'static str {
    match unit.rsplit_once('.').map(|(_, suffix)| suffix) {
        Some("socket") => "Socket",
        Some("mount") => "Mount",
        Some("swap") => "Swap",
        _ => "Service",
    }
}

/// The name of the generated drop-in. A drop-in of an instance would replace one of the same name of its template, and
/// one of a unit that of its prefix (`a-.service`).
fn drop_in_name(unit: &str) -> &'static str {
    if template_of(unit) != unit {
        "11-cloud-config-addresses.conf"
    } else if unit.contains("-.") {
        "09-cloud-config-addresses.conf"
    } else {
        "10-cloud-config-addresses.conf"
    }
}

fn has_no_setting(text: &str) -> bool {
    text.lines().map(str::trim).all(|line| line.is_empty() || line.starts_with(['[', '#', ';']))
}
