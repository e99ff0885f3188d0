//! The steps of a plan: plain data, printed with redacted secrets.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::config::Verb;
use crate::text::secret::Secret;

/// One change of the machine.
///
/// A step contains everything that is needed to run it. It depends on the machine, but not on other steps or the
/// configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "step", rename_all = "kebab-case")]
pub enum Step {
    /// Set the static host name (docs/cloud-config.md#hostname).
    SetHostname(Hostname),
    /// Replace a set of a user's SSH keys (docs/cloud-config.md#users).
    AuthorizeKeys(KeySet),
    /// Fetch a set of a user's SSH keys, then replace it (docs/cloud-config.md#users).
    ImportKeys(KeyImport),
    /// Create an account, or set the password of an existing one (docs/cloud-config.md#users).
    EnsureUser(Account),
    /// Write a file (docs/cloud-config.md#write_files).
    WriteFile(FileSpec),
    /// Merge the known addresses into `/etc/environment` (docs/cloud-config.md#address-tokens).
    MergeEnvironment(Environment),
    /// Mask a unit with a link to `/dev/null` (docs/cloud-config.md#coreosunits).
    MaskUnit(UnitPath),
    /// Unmask a unit: remove its link to `/dev/null`, or its empty file (docs/cloud-config.md#coreosunits).
    UnmaskUnit(UnitPath),
    /// Enable a unit as its `[Install]` section specifies (docs/cloud-config.md#coreosunits).
    EnableUnit(UnitScope),
    /// Run a daemon-reload if one is needed (docs/cloud-config.md#coreosunits).
    ReloadDaemon(Reload),
    /// Remove the environment file of a unit, which the unit no longer names.
    RemoveEnvironment(UnitPath),
    /// Take interfaces down if a file of networkd changed, so that networkd can configure them, and let udev rename some
    /// (docs/network.md).
    TakeDown(Links),
    /// Load a kernel module if a file of networkd changed (docs/network.md).
    LoadModule(KernelModule),
    /// Restart networkd if one of its files changed (docs/cloud-config.md#coreosunits).
    RestartNetworkd,
    /// Queue a job for a unit, and wait for it (docs/cloud-config.md#coreosunits).
    UnitCommand(UnitCommand),
    /// Start a script as a transient unit (docs/applying.md#scripts).
    RunScript(Script),
}

/// A host name to set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Hostname {
    /// The valid name.
    pub name: String,
}

/// A set of SSH keys of a user.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct KeySet {
    /// The user of the keys.
    pub user: String,
    /// The name of the set, a file name.
    pub set: String,
    /// The lines of the set, each a key, without duplicates. Never empty.
    #[serde(serialize_with = "count")]
    pub keys: Vec<String>,
}

/// SSH keys to fetch from a URL.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KeyImport {
    /// The user of the keys.
    pub user: String,
    /// The name of the set, a file name.
    pub set: String,
    /// The URL of the keys, which are JSON in GitHub's format. It can have credentials.
    pub url: Secret<String>,
    /// The URL for messages, without credentials and query.
    pub from: String,
}

/// A user account.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of useradd")]
pub struct Account {
    /// The login name.
    pub name: String,
    /// The password hash for `/etc/shadow`; it is also set for an existing user.
    pub passwd: Option<Secret<String>>,
    /// The comment.
    pub gecos: Option<String>,
    /// The home directory.
    pub home: Option<String>,
    /// Create the home directory.
    pub create_home: bool,
    /// The primary group, a name or a number.
    pub primary_group: Option<String>,
    /// Supplementary groups.
    pub groups: Vec<String>,
    /// Do not create a group with the name of the user.
    pub no_user_group: bool,
    /// Create a system account.
    pub system: bool,
    /// Do not add the user to the login databases.
    pub no_log_init: bool,
    /// The login shell.
    pub shell: Option<String>,
}

/// A user or a group, by name or by number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Principal {
    /// By number.
    Id(u32),
    /// By name. As in `chown`, digits are a name if an entry has that name.
    Name(String),
}

/// The owner of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Owner {
    /// The user; root if absent.
    pub user: Option<Principal>,
    /// The group; if absent, root or the user's primary group.
    pub group: Option<Principal>,
    /// True for `user:`, which selects the primary group of the user.
    pub login_group: bool,
}

impl Owner {
    /// `root:root`.
    pub const ROOT: Self = Self { user: None, group: None, login_group: false };

    /// Returns true if the user is root, whose primary group is root.
    fn is_of_root(&self) -> bool {
        match &self.user {
            None | Some(Principal::Id(0)) => true,
            Some(Principal::Id(_)) => false,
            Some(Principal::Name(name)) => name == "root",
        }
    }
}

/// A file with everything that is needed to write it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FileSpec {
    /// The absolute path below the root, without `.`, `..` and double slashes.
    pub path: PathBuf,
    /// Its content.
    #[serde(serialize_with = "size")]
    pub content: Secret<Vec<u8>>,
    /// Its mode, with set-id and sticky bits.
    #[serde(serialize_with = "octal")]
    pub mode: u32,
    /// Its owner.
    pub owner: Owner,
    /// The unit of the file, which is neither enabled nor started if the file cannot be written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// A file that must be written first. If that fails, this file is not written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub needs: Option<PathBuf>,
}

/// The directory of environment files with the secret options of units, one file for each unit.
pub const UNIT_ENVIRONMENTS: &str = "/run/coreos-cloudinit/env";

/// The first bytes of each file in [`UNIT_ENVIRONMENTS`], by which this program recognizes its own files.
pub const UNIT_ENVIRONMENT_HEADER: &str = "# Written by coreos-cloudinit.\n";

/// The file that addresses are merged into.
pub const ENVIRONMENT: &str = "/etc/environment";

/// Addresses of the machine for `/etc/environment`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Environment {
    /// The values by variables such as `COREOS_PUBLIC_IPV4`.
    pub values: BTreeMap<&'static str, String>,
}

/// A unit and the path of its file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct UnitPath {
    /// The unit.
    pub unit: String,
    /// The absolute path of the file, in `/etc` or `/run`.
    pub path: PathBuf,
}

/// A unit to enable, permanently or until the next reboot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct UnitScope {
    /// The unit.
    pub unit: String,
    /// True if the unit is enabled only until the next reboot.
    pub runtime: bool,
}

/// The units to check for a daemon-reload.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Reload {
    /// All systemd units of the part, without networkd's files.
    pub units: Vec<String>,
}

/// Network interfaces.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Links {
    /// The names, each valid for the kernel.
    pub names: Vec<String>,
    /// Those that get a new name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub renames: Vec<Rename>,
}

/// A new name for an interface, which its `.link` file has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Rename {
    /// The hardware address of the interface, in the form of the kernel.
    pub mac: String,
    /// The new name, valid for the kernel.
    pub name: String,
}

/// A kernel module.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KernelModule {
    /// The name of the module.
    pub name: String,
    /// The parameters, each `NAME=VALUE`.
    pub options: Vec<String>,
}

/// A command for a unit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct UnitCommand {
    /// The unit.
    pub unit: String,
    /// The command.
    pub verb: Verb,
}

/// A script to run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Script {
    /// The name of the file and the unit, derived from the content: equal scripts share a file.
    pub id: String,
    /// The text of the script.
    #[serde(serialize_with = "size")]
    pub content: Secret<Vec<u8>>,
    /// The interpreter in the first line.
    #[serde(serialize_with = "alone")]
    pub interpreter: String,
    /// The argument of the interpreter in the first line. It can be any text, so it may be secret.
    #[serde(skip)]
    pub argument: Option<Secret<String>>,
}

impl Script {
    /// Returns the name of the transient unit that runs the script.
    pub fn unit(&self) -> String {
        format!("coreos-cloudinit-{}.service", self.id)
    }
}

impl fmt::Debug for KeySet {
    /// Omits the keys: their comments and options can be private.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { user, set, keys } = self;
        write!(f, "KeySet({} of {user}, {set})", plural(keys.len(), "key"))
    }
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => write!(f, "{id}"),
            Self::Name(name) => f.write_str(name),
        }
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.user {
            Some(user) => write!(f, "{user}")?,
            None => f.write_str("root")?,
        }
        match &self.group {
            Some(group) => write!(f, ":{group}"),
            None if self.login_group && !self.is_of_root() => f.write_str(":(primary group)"),
            None => f.write_str(":root"),
        }
    }
}

fn plural(count: usize, one: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{count} {one}s") }
}

impl Step {
    /// Returns the systemd unit of the step, if there is one.
    pub fn unit(&self) -> Option<String> {
        match self {
            Self::WriteFile(file) => file.unit.clone(),
            Self::MaskUnit(place) | Self::UnmaskUnit(place) | Self::RemoveEnvironment(place) => {
                Some(place.unit.clone())
            }
            Self::EnableUnit(scope) => Some(scope.unit.clone()),
            Self::UnitCommand(command) => Some(command.unit.clone()),
            Self::RunScript(script) => Some(script.unit()),
            Self::SetHostname(_)
            | Self::AuthorizeKeys(_)
            | Self::ImportKeys(_)
            | Self::EnsureUser(_)
            | Self::MergeEnvironment(_)
            | Self::ReloadDaemon(_)
            | Self::TakeDown(_)
            | Self::LoadModule(_)
            | Self::RestartNetworkd => None,
        }
    }

    /// Returns true if the step has no meaning for a tree that is not running.
    pub const fn needs_running_system(&self) -> bool {
        match self {
            Self::ReloadDaemon(_)
            | Self::TakeDown(_)
            | Self::LoadModule(_)
            | Self::RestartNetworkd
            | Self::UnitCommand(_)
            | Self::RunScript(_) => true,
            Self::SetHostname(_)
            | Self::AuthorizeKeys(_)
            | Self::ImportKeys(_)
            | Self::EnsureUser(_)
            | Self::WriteFile(_)
            | Self::MergeEnvironment(_)
            | Self::MaskUnit(_)
            | Self::UnmaskUnit(_)
            | Self::EnableUnit(_)
            | Self::RemoveEnvironment(_) => false,
        }
    }

    /// Returns the file that the step writes, replaces or removes, if the step contains its path.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::WriteFile(file) => Some(&file.path),
            Self::MaskUnit(place) | Self::UnmaskUnit(place) | Self::RemoveEnvironment(place) => Some(&place.path),
            Self::MergeEnvironment(_) => Some(Path::new(ENVIRONMENT)),
            Self::SetHostname(_)
            | Self::AuthorizeKeys(_)
            | Self::ImportKeys(_)
            | Self::EnsureUser(_)
            | Self::EnableUnit(_)
            | Self::ReloadDaemon(_)
            | Self::TakeDown(_)
            | Self::LoadModule(_)
            | Self::RestartNetworkd
            | Self::UnitCommand(_)
            | Self::RunScript(_) => None,
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SetHostname(host) => write!(f, "set host name {}", host.name),
            Self::AuthorizeKeys(set) => {
                write!(f, "authorize {} of user {} (set {})", plural(set.keys.len(), "key"), set.user, set.set)
            }
            Self::ImportKeys(import) => {
                write!(f, "import keys of user {} from {} (set {})", import.user, import.from, import.set)
            }
            Self::EnsureUser(account) => write!(f, "ensure user {}", account.name),
            Self::WriteFile(file) => write!(
                f,
                "write {} ({:04o} {}, {})",
                file.path.display(),
                file.mode,
                file.owner,
                plural(file.content.expose().len(), "byte")
            ),
            Self::MergeEnvironment(environment) => {
                let names: Vec<_> = environment.values.keys().copied().collect();
                write!(f, "merge {} into {ENVIRONMENT}", names.join(", "))
            }
            Self::MaskUnit(place) => write!(f, "mask {} ({})", place.unit, place.path.display()),
            Self::UnmaskUnit(place) => write!(f, "unmask {} ({})", place.unit, place.path.display()),
            Self::EnableUnit(scope) if scope.runtime => write!(f, "enable {} until the next reboot", scope.unit),
            Self::EnableUnit(scope) => write!(f, "enable {}", scope.unit),
            Self::ReloadDaemon(_) => f.write_str("daemon-reload, if a unit file changed"),
            Self::RemoveEnvironment(place) => write!(f, "remove {} if it exists", place.path.display()),
            Self::TakeDown(links) => {
                let down = (!links.names.is_empty()).then(|| format!("take down {}", links.names.join(", ")));
                let renames = links.renames.iter().map(|rename| format!("rename {} to {}", rename.mac, rename.name));
                let all: Vec<_> = down.into_iter().chain(renames).collect();
                write!(f, "{}, if a networkd file changed", all.join(", "))
            }
            Self::LoadModule(module) => {
                write!(f, "load kernel module {}", module.name)?;
                if !module.options.is_empty() {
                    write!(f, " ({})", module.options.join(" "))?;
                }
                f.write_str(", if a networkd file changed")
            }
            Self::RestartNetworkd => f.write_str("restart systemd-networkd.service, if a networkd file changed"),
            Self::UnitCommand(command) => write!(f, "{} {}", command.verb, command.unit),
            Self::RunScript(script) => write!(
                f,
                "run script {} with {} ({})",
                script.id,
                script.interpreter,
                plural(script.content.expose().len(), "byte")
            ),
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
fn octal<S: serde::Serializer>(mode: &u32, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&format!("{mode:04o}"))
}

/// Serializes a string as a list, the form of the field in JSON.
fn alone<S: serde::Serializer>(interpreter: &String, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq([interpreter])
}

fn size<S: serde::Serializer>(content: &Secret<Vec<u8>>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&plural(content.expose().len(), "byte"))
}

fn count<S: serde::Serializer>(keys: &[String], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&plural(keys.len(), "key"))
}
