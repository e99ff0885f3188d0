//! The skipped items of a part, which are not printed: the output has only applied items.

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

/// The items that a plan skips. An item with a redacted secret is not skipped.
pub(super) struct Omitted<'a> {
    /// Items, by their position.
    items: HashSet<(OmittedKind, Option<Span>)>,
    sections: HashSet<&'a str>,
    /// Units that are not enabled or started, because they cannot be written completely.
    units: HashSet<&'a str>,
    /// Users that are not created, so they cannot own a file.
    users: HashSet<&'a str>,
    /// Fields that an error finding points at.
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
        // One valid entry of a user is enough.
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
