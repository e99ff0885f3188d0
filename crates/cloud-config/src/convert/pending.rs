//! The units of a source, before the conversion decides what becomes of them.

use std::collections::HashMap;

use super::model::{Link, Unit};
use super::order::Order;
use super::units::DIRECTORY;
use crate::config::Verb;
use crate::diagnostic::Span;

/// The units of a result.
#[derive(Default)]
pub(super) struct Units {
    /// The units of the source, in its order.
    pub(super) pending: Vec<Pending>,
    pub(super) at: HashMap<String, usize>,
    /// The units whose files the source has, and true for a file with an option in `[Install]`.
    pub(super) with_contents: HashMap<String, bool>,
    /// The paths of unit files and drop-ins in `write_files`, by the unit.
    pub(super) by_hand: HashMap<String, Vec<String>>,
    /// The order of the units.
    pub(super) order: Order,
    /// Units that the conversion generates.
    pub generated: Vec<Unit>,
    /// The links, by their paths.
    pub(super) links: Vec<Option<Link>>,
    pub(super) linked: HashMap<String, usize>,
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
    /// The file is in `/run` today.
    pub(super) has_runtime_contents: bool,
    pub drop_ins: Vec<PendingDropIn>,
    pub(super) drop_in_at: HashMap<String, usize>,
    pub enable: Option<Origin>,
    pub command: Option<(Verb, Origin)>,
    pub(super) mask: Option<Origin>,
    /// Something of it is in `/run` today.
    pub runtime: Option<Origin>,
}

/// A drop-in of the source.
pub(super) struct PendingDropIn {
    pub name: String,
    pub text: String,
    pub origin: Origin,
    /// It is in `/run` today.
    pub(super) is_runtime: bool,
    /// The conversion makes it, and chooses its name.
    pub(super) is_generated: bool,
}

impl Pending {
    /// The texts of its file and its drop-ins.
    pub(super) fn texts(&self) -> impl Iterator<Item = &str> {
        self.contents.as_deref().into_iter().chain(self.drop_ins.iter().map(|drop_in| drop_in.text.as_str()))
    }

    /// Returns true if the unit has a drop-in of that name.
    pub(super) fn has_drop_in(&self, name: &str) -> bool {
        self.drop_in_at.contains_key(name)
    }

    /// Returns true if the source has the file in `/etc`; `drop_in` is the name of a drop-in.
    pub(super) fn has_in_etc(&self, drop_in: Option<&str>) -> bool {
        match drop_in {
            Some(name) => self.drop_in_at.get(name).is_some_and(|at| !self.drop_ins[*at].is_runtime),
            None => self.contents.is_some() && !self.has_runtime_contents,
        }
    }

    /// Returns true if the source has the file, or a mask in its place.
    pub(super) fn has_file(&self, drop_in: Option<&str>) -> bool {
        drop_in.map_or(self.contents.is_some() || self.mask.is_some(), |name| self.has_drop_in(name))
    }

    /// Forgets a file.
    pub(super) fn forget(&mut self, drop_in: Option<&str>) {
        let Some(name) = drop_in else {
            (self.contents, self.mask) = (None, None);
            return;
        };
        if let Some(index) = self.drop_in_at.remove(name) {
            self.drop_ins.remove(index);
            self.drop_in_at.values_mut().filter(|at| **at > index).for_each(|at| *at -= 1);
        }
    }
}

impl Units {
    pub(super) fn entry(&mut self, name: &str, origin: Origin) -> &mut Pending {
        let index = *self.at.entry(name.to_owned()).or_insert_with(|| {
            self.pending.push(Pending { name: name.to_owned(), origin, ..Pending::default() });
            self.pending.len() - 1
        });
        &mut self.pending[index]
    }

    /// The settings of a unit.
    pub fn get(&self, name: &str) -> Option<&Pending> {
        self.at.get(name).map(|index| &self.pending[*index])
    }

    /// Returns true if the source has the file of the unit.
    pub fn has_contents(&self, name: &str) -> bool {
        self.with_contents.contains_key(name)
    }

    /// Returns true if the source has the file of the unit, without an option in `[Install]`.
    pub fn lacks_install(&self, name: &str) -> bool {
        self.with_contents.get(name) == Some(&false)
    }

    /// Adds a drop-in of the source, or replaces it.
    pub(super) fn drop_in(&mut self, unit: &str, drop_in: PendingDropIn) {
        let unit = self.entry(unit, drop_in.origin);
        if let Some(known) = unit.drop_in_at.get(&drop_in.name) {
            unit.drop_ins[*known] = drop_in;
        } else {
            unit.drop_in_at.insert(drop_in.name.clone(), unit.drop_ins.len());
            unit.drop_ins.push(drop_in);
        }
    }

    /// Adds the drop-in of a section, or replaces it.
    pub fn section_drop_in(&mut self, unit: &str, name: &str, text: String, origin: Origin) {
        let drop_ins = &mut self.entry(unit, origin).drop_ins;
        let drop_in = PendingDropIn { name: name.to_owned(), text, origin, is_runtime: false, is_generated: true };
        match drop_ins.iter_mut().find(|known| known.is_generated && known.name == name) {
            Some(known) => *known = drop_in,
            None => drop_ins.push(drop_in),
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
