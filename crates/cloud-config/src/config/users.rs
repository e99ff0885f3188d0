//! `users` (docs/cloud-config.md#users).

use std::collections::HashSet;

use serde::Deserialize;
use serde::de::{Deserializer, SeqAccess, Visitor};

use super::CloudConfig;
use super::value::mapping;
use crate::diagnostic::{Finding, rules};
use crate::text::secret::Secret;
use crate::yaml::{Field, Node, ParsedYaml};

mapping! {
    /// A user account. Of an existing account, only the password and the SSH keys are changed.
    pub struct User {
        /// The login name. Required.
        pub name: Field<String>,
        /// The comment, usually the full name of the user.
        pub gecos: Field<String>,
        /// The password hash, as in `/etc/shadow`. By default, password login is disabled.
        pub passwd: Field<Secret<String>>,
        /// The home directory. Default: the default of `useradd`.
        pub homedir: Field<String>,
        /// Do not create the home directory.
        pub no_create_home: Field<bool>,
        /// The primary group, by name or number. Default: a new group with the name of the user.
        pub primary_group: Field<String>,
        /// Supplementary groups: a list, or a string with commas.
        pub groups: Groups,
        /// Do not create a group with the name of the user.
        pub no_user_group: bool,
        /// SSH public keys that may log in as this user.
        pub ssh_authorized_keys: Vec<Field<String>>,
        /// Create a system account: a low user ID, no password aging.
        pub system: Field<bool>,
        /// Do not add the user to the lastlog and faillog databases.
        pub no_log_init: bool,
        /// The login shell.
        pub shell: Field<String>,
        /// Deprecated: import the SSH keys of this GitHub account.
        pub coreos_ssh_import_github: Field<String>,
        /// Deprecated: import the SSH keys of these GitHub accounts.
        pub coreos_ssh_import_github_users: Vec<Field<String>>,
        /// Deprecated: import SSH keys from this URL, in the JSON format of the GitHub API.
        pub coreos_ssh_import_url: Field<String>,
    }
}

/// The remedy for an item `default`, the default user of cloud-init.
const DEFAULT_USER: &str = "remove `default`: existing users are kept, and the keys of `core` need no entry in `users`";

/// Turns the errors about the item `default` of `users` into notes: tools write that item into every configuration.
pub fn accept_default_user(config: &mut CloudConfig, document: &ParsedYaml, findings: &mut [Finding]) {
    let Some(list) = document.root.as_deref().and_then(|root| root.get("users")) else { return };
    let is_default = |node: &Node| node.text() == Some("default");
    let mut spans = HashSet::new();
    spans.extend(is_default(list).then_some(list.span));
    for (node, field) in list.items().unwrap_or_default().iter().zip(&mut config.users) {
        if is_default(node) {
            spans.insert(node.span);
            // The default value, without a position, is not an item any more.
            *field = Field::default();
        }
    }
    let errors = findings.iter_mut().filter(|finding| finding.rule == &rules::WRONG_TYPE);
    for finding in errors.filter(|finding| finding.span.is_some_and(|span| spans.contains(&span))) {
        let message = "`default` is the default user of cloud-init; item ignored";
        *finding = Finding::new(&rules::DEFAULT_USER, finding.span, message).help(DEFAULT_USER);
    }
}

/// Names of groups: a list, or one text with commas, which is what `useradd` takes (docs/cloud-config.md#users).
#[derive(Debug, Default)]
pub struct Groups(pub Vec<Field<String>>);

impl<'de> Deserialize<'de> for Groups {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct List(Groups);

        impl<'de> Deserialize<'de> for List {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_any(GroupsVisitor).map(Self)
            }
        }

        struct GroupsVisitor;

        impl<'de> Visitor<'de> for GroupsVisitor {
            type Value = Groups;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a list of group names")
            }

            fn visit_unit<E>(self) -> Result<Groups, E> {
                Ok(Groups::default())
            }

            fn visit_str<E>(self, text: &str) -> Result<Groups, E> {
                Ok(Groups(vec![Field { value: Some(text.to_owned()), span: None, bad: false }]))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Groups, A::Error> {
                let mut groups = Vec::new();
                while let Some(group) = seq.next_element()? {
                    groups.push(group);
                }
                Ok(Groups(groups))
            }
        }

        // A string of group names has the position of the whole field.
        let field = Field::<List>::deserialize(deserializer)?;
        let groups = field.value.map(|list| list.0.0).unwrap_or_default();
        let place = |group: Field<String>| Field { span: group.span.or(field.span), ..group };
        Ok(Self(groups.into_iter().map(place).collect()))
    }
}
