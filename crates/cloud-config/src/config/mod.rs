//! The types of a cloud-config, one file per section (docs/cloud-config.md).
//!
//! The types only mirror the document. The planner (`plan`) decides about the meaning of a value and whether it can be
//! applied.

mod advice;
mod content;
mod coreos;
mod detached;
pub mod fields;
mod files;
pub(crate) mod foreign;
mod key_options;
mod keys;
mod misspelled;
mod multiline_names;
pub mod options;
pub mod permissions;
pub(crate) mod places;
mod repeated;
pub mod ssh_key;
mod units;
mod users;
mod value;

use std::collections::HashSet;
use std::sync::LazyLock;

pub use content::{refuse_broken_content, refuse_cut_content};
pub use coreos::{CoreOs, Oem, REBOOT_STRATEGIES, Update};
pub use detached::refuse_detached;
pub use files::File;
pub use keys::repair_keys;
pub use misspelled::refuse_misspelled;
pub use multiline_names::refuse_folded;
pub use repeated::{refuse_repeated, split_users};
pub use units::{DropIn, Unit, Verb};
pub use users::{Groups, User, accept_default_user};
use value::mapping;
pub(crate) use value::{FieldValue, Fields};

use crate::yaml::{Entry, Field, KeyFacts};

/// The facts about the keys of a cloud-config that the YAML reader needs.
pub const KEY_FACTS: KeyFacts =
    KeyFacts { advice: advice::advice, kind: fields::text_kind, skipped: fields::skipped_item };

mapping! {
    /// A whole cloud-config document (docs/cloud-config.md).
    pub struct CloudConfig {
        /// SSH public keys that may log in as the user `core`.
        pub ssh_authorized_keys: Vec<Field<String>>,
        /// The name of the machine.
        pub hostname: Field<String>,
        /// Accounts to make, or to give a password and keys.
        pub users: Vec<Field<User>>,
        /// Files to write.
        pub write_files: Vec<Field<File>>,
        /// `localhost`: resolve the host name to 127.0.0.1 in `/etc/hosts`.
        pub manage_etc_hosts: Field<String>,
        /// Units, updates, and the services of Container Linux.
        pub coreos: CoreOs,
    }
}

/// Returns true if `word` is a key of this program or of cloud-init in any mapping.
pub fn is_key(word: &str) -> bool {
    static KEYS: LazyLock<HashSet<&'static str>> =
        LazyLock::new(|| places::PLACES.iter().flat_map(places::Place::keys).chain(foreign::keys()).collect());
    KEYS.contains(&*word.replace('-', "_"))
}

/// Returns true if `word`, spelled with `_`, is a key of a section, of an item of a list, or of another program.
pub fn is_item_key(word: &str) -> bool {
    let places = places::PLACES.iter().filter(|place| place.is_item() || matches!(&*place.path, "" | "coreos"));
    places.flat_map(places::Place::keys).chain(foreign::keys()).any(|key| key == word)
}

/// Returns true if the key of `entry` in the section `place` belongs to another program, which would accept its value.
pub fn is_foreign(entry: &Entry, place: &str) -> bool {
    // The key `user` of cloud-init, for its default user, is not a list.
    let is_users = entry.name() == "user" && place.is_empty() && entry.value.items().is_some();
    !is_users && foreign::find(&entry.name(), place, &entry.value).is_some()
}
