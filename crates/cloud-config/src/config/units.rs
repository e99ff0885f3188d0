//! `coreos.units` (spec §8).

use schemars::JsonSchema;
use serde::Deserialize;

use crate::text::secret::Secret;
use crate::yaml::Field;

/// A unit of systemd, or a file of networkd (`.network`, `.netdev`, `.link`).
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(deny_unknown_fields)]
pub struct Unit {
    /// Its name with the suffix, such as `docker.service`. Required.
    pub name: Field<String>,
    /// The unit file. Without it, the unit is one that is already there.
    pub content: Field<Secret<String>>,
    /// Files that add to the unit, in `NAME.d/`.
    pub drop_ins: Vec<Field<DropIn>>,
    /// Start it at boot, as its `[Install]` section says.
    pub enable: bool,
    /// Make it impossible to start.
    pub mask: Field<bool>,
    /// All this only until the next reboot: files go to `/run/systemd/system`.
    pub runtime: Field<bool>,
    /// What to do with it now: `start`, `stop`, `restart`, `reload`, `try-restart`,
    /// `reload-or-restart`, `reload-or-try-restart`.
    pub command: Field<String>,
}

/// A file that adds to a unit.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(deny_unknown_fields)]
pub struct DropIn {
    /// Its name, which ends in `.conf`.
    pub name: Field<String>,
    /// What it holds.
    pub content: Field<Secret<String>>,
}
