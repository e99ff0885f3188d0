//! The items of a part that are not printed, because they are skipped.

use std::collections::HashSet;

use crate::config::CloudConfig;
use crate::diagnostic::{Rule, Span};
use crate::plan::{Item, Plan};

/// A kind of item that can be refused.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum OmittedKind {
    File,
    User,
    Unit,
    DropIn,
    Command,
}

/// The items that a plan skips, except items with a redacted secret.
pub(super) struct Omitted<'a> {
    /// The skipped items, by kind and position.
    items: HashSet<(OmittedKind, Option<Span>)>,
    sections: HashSet<&'a str>,
    /// The units that are neither enabled nor started, because a file of them is skipped.
    units: HashSet<&'a str>,
    /// The users that are not created and therefore cannot own a file.
    users: HashSet<&'a str>,
    /// The fields that have an error.
    fields: HashSet<(&'static str, Option<Span>)>,
}

impl<'a> Omitted<'a> {
    pub fn new(plan: &'a Plan, config: &CloudConfig) -> Self {
        let fields = plan.findings.iter().filter(|finding| finding.is_error());
        let mut left = Self {
            items: HashSet::new(),
            sections: HashSet::new(),
            units: HashSet::new(),
            users: HashSet::new(),
            fields: fields.map(|finding| (finding.rule.id, finding.span)).collect(),
        };
        for refused in plan.refused.iter().filter(|refused| !refused.redacted) {
            let kind = match &refused.item {
                Item::File(_) => OmittedKind::File,
                Item::User(name) => {
                    left.users.insert(name);
                    OmittedKind::User
                }
                Item::Unit(unit) => {
                    left.units.insert(unit);
                    OmittedKind::Unit
                }
                Item::DropIn { unit, .. } => {
                    left.units.insert(unit);
                    OmittedKind::DropIn
                }
                Item::Command(_) => OmittedKind::Command,
                Item::Section(section) => {
                    left.sections.insert(section);
                    continue;
                }
                Item::Import(_) | Item::Rest | Item::All => continue,
            };
            left.items.insert((kind, refused.span));
        }
        // A user with one valid entry is created.
        for user in config.users.iter().filter(|user| !left.items.contains(&(OmittedKind::User, user.span))) {
            left.users.remove(user.get().map_or("", |user| user.name.text()));
        }
        left
    }

    /// Returns true if the item at `span` is skipped.
    pub fn item(&self, kind: OmittedKind, span: Option<Span>) -> bool {
        self.items.contains(&(kind, span))
    }

    /// Returns true if a section is skipped.
    pub fn section(&self, section: &str) -> bool {
        self.sections.contains(section)
    }

    /// Returns true if a unit is neither enabled nor started.
    pub fn unit(&self, unit: &str) -> bool {
        self.units.contains(unit)
    }

    /// Returns true if a user is not created.
    pub fn user(&self, user: &str) -> bool {
        self.users.contains(user)
    }

    /// Returns true if the field at `span` is skipped because of `rule`.
    pub fn field(&self, rule: &Rule, span: Option<Span>) -> bool {
        self.fields.contains(&(rule.id, span))
    }
}
