//! `users` (spec §7).

use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::{Deserializer, SeqAccess, Visitor};

use crate::secret::Secret;
use crate::yaml::Field;

/// An account to make. One that exists keeps everything but its password and its keys.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(deny_unknown_fields)]
pub struct User {
    /// The login name. Required.
    pub name: Field<String>,
    /// The comment, usually the person's full name.
    pub gecos: Field<String>,
    /// The hash of the password, as in `/etc/shadow`. Without one nobody can log in by password.
    pub passwd: Field<Secret<String>>,
    /// The home directory. Default: as the distribution's `useradd` has it.
    pub homedir: Field<String>,
    /// Do not make the home directory.
    pub no_create_home: bool,
    /// The login group, by name or number. Default: a new group of the user's name.
    pub primary_group: Field<String>,
    /// Further groups: a list, or one text with commas.
    pub groups: Groups,
    /// Do not make a group of the user's name.
    pub no_user_group: bool,
    /// SSH public keys that may log in as this user.
    pub ssh_authorized_keys: Vec<Field<String>>,
    /// Make a system account: a low number, no ageing.
    pub system: Field<bool>,
    /// Do not add the user to the lastlog and faillog databases.
    pub no_log_init: bool,
    /// The login shell.
    pub shell: Field<String>,
    /// Deprecated: import the SSH keys of this GitHub account.
    #[schemars(extend("deprecated" = true))]
    pub coreos_ssh_import_github: Field<String>,
    /// Deprecated: import the SSH keys of these GitHub accounts.
    #[schemars(extend("deprecated" = true))]
    pub coreos_ssh_import_github_users: Vec<Field<String>>,
    /// Deprecated: import SSH keys from this URL, in the JSON that GitHub answers.
    #[schemars(extend("deprecated" = true))]
    pub coreos_ssh_import_url: Field<String>,
}

/// Names of groups: a list, or one text with commas, which is what `useradd` takes (spec §7).
#[derive(Debug, Default)]
pub struct Groups(pub Vec<Field<String>>);

impl<'de> Deserialize<'de> for Groups {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
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

        deserializer.deserialize_any(GroupsVisitor)
    }
}
