//! What a user may write: the types of a cloud-config, one file per section (spec §5).
//!
//! Nothing here decides anything. Types follow the document; what a value means, and whether it can
//! be applied, is the planner's to say (`plan`).

mod advice;
mod content;
mod coreos;
mod detached;
mod files;
mod key_options;
mod keys;
mod misspelled;
mod multiline_names;
pub mod options;
pub mod permissions;
mod repeated;
pub mod ssh_key;
mod units;
mod users;

use schemars::JsonSchema;
use serde::Deserialize;

pub use advice::advice;
pub use content::{refuse_broken_content, refuse_cut_content};
pub use coreos::{CoreOs, Oem, Update};
pub use detached::refuse_detached;
pub use files::File;
pub use keys::repair_keys;
pub use misspelled::refuse_misspelled;
pub use multiline_names::refuse_folded;
pub use repeated::{refuse_repeated, split_users};
pub use units::{DropIn, Unit};
pub use users::{Groups, User, accept_default_user};

use crate::yaml::Field;

/// A whole cloud-config document (spec §5).
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(deny_unknown_fields)]
pub struct CloudConfig {
    /// SSH public keys that may log in as the user `core`.
    pub ssh_authorized_keys: Vec<Field<String>>,
    /// The name of the machine.
    pub hostname: Field<String>,
    /// Accounts to make, or to give a password and keys.
    pub users: Vec<Field<User>>,
    /// Files to write.
    pub write_files: Vec<Field<File>>,
    /// `localhost`: makes `/etc/hosts` resolve the machine's own name to 127.0.0.1.
    pub manage_etc_hosts: Field<String>,
    /// Everything of `CoreOS` itself: units, updates, and the services it came with.
    pub coreos: CoreOs,
}
