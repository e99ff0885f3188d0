//! The common model of a Butane and an Ignition configuration, as far as a cloud-config needs it.
//!
//! Two writers read it: [`butane`](super::butane) and [`ignition`](super::ignition). The lists keep their order, which
//! is that of the source, and no list has two entries with the same name or path.

use crate::plan::Principal;
use crate::text::secret::Secret;

/// A configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Config {
    /// The accounts.
    pub users: Vec<User>,
    /// The files.
    pub files: Vec<File>,
    /// The symbolic links.
    pub links: Vec<Link>,
    /// The units of systemd.
    pub units: Vec<Unit>,
}

/// An account.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a field of the format")]
pub struct User {
    /// The login name.
    pub name: String,
    /// The hash of its password.
    pub password_hash: Option<Secret<String>>,
    /// Its SSH keys, one line each, without duplicates.
    pub ssh_authorized_keys: Vec<String>,
    /// The comment.
    pub gecos: Option<String>,
    /// The home directory.
    pub home_dir: Option<String>,
    /// Do not make the home directory.
    pub no_create_home: bool,
    /// The primary group.
    pub primary_group: Option<String>,
    /// Further groups, without duplicates.
    pub groups: Vec<String>,
    /// Do not make a group of the user's name.
    pub no_user_group: bool,
    /// Do not add the user to the login databases.
    pub no_log_init: bool,
    /// The login shell.
    pub shell: Option<String>,
    /// A system account.
    pub system: bool,
    /// Comments for the reader, one line each, without secrets.
    pub notes: Vec<String>,
}

/// A file, which replaces an existing one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// The absolute path, without `.`, `..` and double slashes.
    pub path: String,
    /// Its bytes, which are not always UTF-8.
    pub contents: Secret<Vec<u8>>,
    /// Its mode, at most 0777.
    pub mode: u32,
    /// The owner; root without one.
    pub user: Option<Principal>,
    /// The group; root without one.
    pub group: Option<Principal>,
    /// Comments for the reader, one line each, without secrets.
    pub notes: Vec<String>,
}

/// A symbolic link, which replaces an existing one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// The absolute path.
    pub path: String,
    /// The target.
    pub target: String,
    /// Comments for the reader, one line each, without secrets.
    pub notes: Vec<String>,
}

/// A unit of systemd.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unit {
    /// The name, with the suffix of a unit type.
    pub name: String,
    /// Enable it with a preset.
    pub enabled: bool,
    /// Mask it.
    pub mask: bool,
    /// The text of its file; `None` for a unit of the image.
    pub contents: Option<Secret<String>>,
    /// Its drop-ins.
    pub drop_ins: Vec<DropIn>,
    /// Comments for the reader, one line each, without secrets.
    pub notes: Vec<String>,
}

/// A drop-in of a unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DropIn {
    /// The name, which ends in `.conf`.
    pub name: String,
    /// The text.
    pub contents: Secret<String>,
}

/// The variant of Butane to write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Variant {
    /// `flatcar` 1.1.0, for Flatcar Container Linux.
    Flatcar,
    /// `fcos` 1.5.0, for Fedora CoreOS.
    Fcos,
}
