//! Settings that close an ordering cycle at boot, although a run starts the same units without one.

use std::collections::{HashMap, HashSet};

use super::model::Unit;
use super::order::{Order, OrderedUnit, Start, Words};
use super::pending::{Origin, Pending};
use super::unit_lines::{joined, lines};
use super::unit_paths::{below, is_generated, template_of};
use super::unit_start::MOST_SHOWN;
use super::units::subject;
use super::{Converter, discontinued};
use crate::plan::names;
use crate::text::printable;

/// The words that a line lacks, with its key.
type Omitted = (&'static str, String);

/// A file of a unit that stands in `write_files`.
struct ByHand {
    path: String,
    unit: String,
    is_drop_in: bool,
    origin: Origin,
}

impl Converter<'_> {
    /// Finds the units whose order needs care.
    pub(super) fn find_order(&mut self) {
        let by_hand = self.units_by_hand();
        let mut units: Vec<_> = self.units.pending.iter().filter_map(|unit| self.ordered(unit)).collect();
        let mut at: HashMap<_, _> = units.iter().enumerate().map(|(index, unit)| (unit.name, index)).collect();
        for file in &by_hand {
            let Some(text) = self.files.text(&file.path) else { continue };
            let index = *at.entry(&file.unit).or_insert_with(|| {
                units.push(OrderedUnit { name: &file.unit, ..OrderedUnit::default() });
                units.len() - 1
            });
            units[index].texts.push(text);
            units[index].has_contents |= !file.is_drop_in;
        }
        let order = Order::new(&units, self.options.variant);
        let edited: Vec<_> = by_hand
            .iter()
            .map(|file| {
                let words = order.omitted(&file.unit)?;
                without(self.files.text(&file.path)?, words)
            })
            .collect();
        self.units.order = order;
        self.refuse_units(&by_hand);
        for (file, edited) in by_hand.into_iter().zip(edited) {
            if self.units.order.is_reported(&file.unit) {
                self.units.entry(&file.unit, file.origin);
            }
            if let Some((text, omitted)) = edited {
                (self.part, _) = file.origin;
                let note = self.report_omitted(&omitted, &file.unit, file.origin);
                self.files.replace_text(&file.path, text, note);
            }
            self.units.by_hand.entry(file.unit).or_default().push(file.path);
        }
    }

    /// Removes the units on account of which early boot would wait for itself.
    fn refuse_units(&mut self, by_hand: &[ByHand]) {
        let mut without_file = HashSet::new();
        for file in by_hand.iter().filter(|file| self.units.order.is_refused(&file.unit)).collect::<Vec<_>>() {
            self.forget(&file.path);
            self.report_refused(&file.unit, &[file.origin]);
            without_file.extend((!file.is_drop_in).then_some(file.unit.as_str()));
        }
        let order = &self.units.order;
        let mut refused = Vec::new();
        for pending in self.units.pending.iter_mut().filter(|unit| order.is_refused(&unit.name)) {
            let has_file = pending.contents.is_some() || without_file.contains(pending.name.as_str());
            let name = pending.name.clone();
            let mut left = Pending { name: name.clone(), origin: pending.origin, ..Pending::default() };
            let is_item = pending.contents.is_some() || !pending.drop_ins.is_empty();
            let mut places: Vec<_> = is_item.then_some(pending.origin).into_iter().collect();
            if has_file {
                places.extend(pending.command.map(|(_, origin)| origin).into_iter().chain(pending.enable));
                self.units.with_contents.remove(&name);
                self.units.commands.retain(|(_, unit, _)| *unit != name);
            } else {
                (left.command, left.enable) = (pending.command, pending.enable);
            }
            *pending = left;
            refused.push((name, places));
        }
        for (unit, places) in refused {
            self.report_refused(&unit, &places);
        }
    }

    /// Reports a unit that is refused, by its places.
    fn report_refused(&mut self, unit: &str, origins: &[Origin]) {
        let (reason, help) = if unit.ends_with("mount") {
            let reason = "the boot needs it before the units that it waits for";
            (reason, "add `DefaultDependencies=no` to the services that it waits for")
        } else {
            ("an ordering cycle with units of the image", "remove what lets a unit of the image wait for it")
        };
        self.lost_places(origins.iter().copied(), &subject(unit), reason, Some(help));
    }

    /// The files of units in `write_files`, apart from those of masked units.
    fn units_by_hand(&self) -> Vec<ByHand> {
        let of_unit = |path: &str, origin: Origin| {
            let (rest, _) = below(path, "system")?;
            let (directory, drop_in) = rest.split_once('/').map_or((rest, None), |(name, rest)| (name, Some(rest)));
            let unit = if drop_in.is_some() { directory.strip_suffix(".d")? } else { directory };
            let is_masked = self.units.get(unit).is_some_and(|pending| pending.mask.is_some());
            let is_unit = names::reader(unit) == names::UnitReader::Systemd && !is_masked;
            let is_read = drop_in.is_none_or(|name| name.strip_suffix(".conf").is_some() && !name.contains('/'));
            let (path, unit, is_drop_in) = (path.to_owned(), unit.to_owned(), drop_in.is_some());
            (is_unit && is_read).then_some(ByHand { path, unit, is_drop_in, origin })
        };
        self.files.places().filter_map(|(path, origin)| of_unit(path, origin)).collect()
    }

    /// A unit of the source for the graph of all units; `None` if it is not in the result.
    fn ordered<'u>(&self, unit: &'u Pending) -> Option<OrderedUnit<'u>> {
        let is_missing = discontinued::missing(self.options.variant, &unit.name).is_some() && !self.brings(&unit.name);
        if unit.mask.is_some() || is_missing || is_generated(&unit.name) {
            return None;
        }
        // Other settings have no place for an address.
        let has_place =
            |text: &str| text.lines().any(|line| line.starts_with("Exec") || line.starts_with("Environment"));
        let needs_addresses = unit.texts().any(|text| {
            let has_token = self.stand_ins.is_in(text) && has_place(text);
            has_token || self.reads_addresses_of_environment(text) || self.addresses.is_named_in(text)
        });
        // A link of multi-user.target starts it.
        let is_linked = self.wants_start(unit) && (unit.contents.is_none() || template_of(&unit.name) != unit.name);
        let start = match self.wants_start(unit) || unit.enable.is_some() {
            false => Start::No,
            true if is_linked => Start::Link,
            true => Start::Install,
        };
        Some(OrderedUnit {
            name: &unit.name,
            texts: unit.texts().collect(),
            has_contents: unit.contents.is_some(),
            needs_addresses,
            start,
        })
    }

    /// Removes what would close cycles of the boot from the texts of a unit, and reports cycles that are left.
    pub(super) fn break_cycles(&mut self, pending: &mut Pending, subject: &str, unit: &mut Unit) {
        if let Some(others) = self.units.order.cycle(&pending.name) {
            let mut shown: Vec<_> = others.iter().take(MOST_SHOWN).map(|name| printable(name)).collect();
            if others.len() > MOST_SHOWN {
                shown.push(format!("and {} more", others.len() - MOST_SHOWN));
            }
            let with = if shown.is_empty() { String::new() } else { format!(" with {}", shown.join(", ")) };
            let difference = format!("an ordering cycle at boot{with}; systemd does not start one of its units");
            let help = "remove an `After=` or `Before=`, or use --ordered";
            (self.part, _) = pending.origin;
            unit.notes.push(self.changed(pending.origin.1, subject, &difference, Some(help)));
        }
        if self.units.order.is_doubtful(&pending.name) {
            let difference =
                "the boot needs it, perhaps before a unit that it waits for, which may be an ordering cycle";
            let help = "check it with `systemd-analyze verify default.target`";
            (self.part, _) = pending.origin;
            unit.notes.push(self.changed(pending.origin.1, subject, difference, Some(help)));
        }
        let Some(words) = self.units.order.omitted(&pending.name).cloned() else { return };
        let contents = pending.contents.as_mut().map(|text| (text, pending.contents_origin));
        let drop_ins = pending.drop_ins.iter_mut().map(|drop_in| (&mut drop_in.text, drop_in.origin));
        for (text, origin) in contents.into_iter().chain(drop_ins) {
            let Some((edited, omitted)) = without(text, &words) else { continue };
            *text = edited;
            (self.part, _) = origin;
            unit.notes.push(self.report_omitted(&omitted, &pending.name, origin));
        }
    }

    fn report_omitted(&mut self, omitted: &[Omitted], unit: &str, origin: Origin) -> String {
        let shown: Vec<_> = omitted.iter().map(|(key, value)| format!("`{key}={}`", printable(value))).collect();
        let is_install = omitted.iter().all(|(key, _)| is_wanting(key));
        let consequence = if is_install { "multi-user.target is in its place" } else { "the setting is omitted" };
        let difference = format!("{} would close an ordering cycle at boot; {consequence}", shown.join(", "));
        let order = &self.units.order;
        let is_early = omitted.iter().all(|(key, value)| match *key {
            "After" => order.is_of_early_boot(unit),
            _ => value.split(' ').all(|name| order.is_of_early_boot(name)),
        });
        let help =
            (is_early && !is_install).then_some("a run starts units when early boot is over, where it has no effect");
        self.changed(origin.1, &subject(unit), &difference, help)
    }
}

fn is_wanting(key: &str) -> bool {
    matches!(key, "WantedBy" | "RequiredBy" | "UpheldBy")
}

/// Returns `text` without `words`, and the words that it had; `None` if it has none of them.
fn without(text: &str, words: &Words) -> Option<(String, Vec<Omitted>)> {
    let mut omitted = Vec::new();
    let mut out = String::with_capacity(text.len());
    for line in lines(text) {
        let known = line.setting().and_then(|(key, value)| Some((words.get_key_value(key)?, joined(value))));
        let Some(((key, names), value)) = known else {
            out.push_str(line.raw);
            continue;
        };
        let (found, mut kept) = value.split_whitespace().partition::<Vec<_>, _>(|word| names.contains(*word));
        if found.is_empty() {
            out.push_str(line.raw);
            continue;
        }
        if is_wanting(key) && !kept.contains(&"multi-user.target") {
            kept.push("multi-user.target");
        }
        if !kept.is_empty() {
            out.extend([key, "=", &kept.join(" "), "\n"]);
        }
        omitted.push((*key, found.join(" ")));
    }
    (!omitted.is_empty()).then_some((out, omitted))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_removed_from_a_text() {
        let words = |name: &str| [name.to_owned()].into();
        let words = Words::from([("Before", words("a.socket")), ("WantedBy", words("sockets.target"))]);
        for (text, expected, omitted) in [
            ("[Unit]\nBefore=a.socket\nAfter=a.socket\n", "[Unit]\nAfter=a.socket\n", "Before=a.socket"),
            ("Before = b.service a.socket c.service", "Before=b.service c.service\n", "Before=a.socket"),
            ("Before=b.service \\\n  # c\n  a.socket\nAfter=d\n", "Before=b.service\nAfter=d\n", "Before=a.socket"),
            (
                "[Install]\nWantedBy=sockets.target\n",
                "[Install]\nWantedBy=multi-user.target\n",
                "WantedBy=sockets.target",
            ),
            ("WantedBy=multi-user.target sockets.target\n", "WantedBy=multi-user.target\n", "WantedBy=sockets.target"),
        ] {
            let (left, found) = without(text, &words).unwrap_or_default();
            let found: Vec<_> = found.into_iter().map(|(key, value)| format!("{key}={value}")).collect();
            assert_eq!((left.as_str(), found.as_slice()), (expected, &[omitted.to_owned()][..]), "{text}");
        }
        for text in ["", "#Before=a.socket\n", "Before=b.socket\n", "After=a.socket\n", "Before=\\\n  b\\\n\n"] {
            assert_eq!(without(text, &words), None, "{text}");
        }
    }
}
