//! `coreos.units` (docs/cloud-config.md#coreosunits).

use std::fmt;

use serde::Serialize;

use super::value::mapping;
use crate::text::secret::Secret;
use crate::yaml::Field;

mapping! {
    /// A systemd unit, or a networkd file (`.network`, `.netdev`, `.link`).
    pub struct Unit {
        /// The name with its suffix, such as `docker.service`. Required.
        pub name: Field<String>,
        /// The content of the unit file. Without it, the unit must exist.
        pub content: Field<Secret<String>>,
        /// Drop-in files, in `NAME.d/`.
        pub drop_ins: Vec<Field<DropIn>>,
        /// Enable the unit, as its `[Install]` section specifies.
        pub enable: Field<bool>,
        /// Mask the unit: it cannot be started.
        pub mask: Field<bool>,
        /// Apply until the next reboot only: files are written to `/run/systemd/system`.
        pub runtime: Field<bool>,
        /// The command to run now: `start`, `stop`, `restart`, `reload`, `try-restart`,
        /// `reload-or-restart`, `reload-or-try-restart`.
        pub command: Field<String>,
    }
}

mapping! {
    /// A drop-in file of a unit.
    pub struct DropIn {
        /// The name, which ends in `.conf`.
        pub name: Field<String>,
        /// The content.
        pub content: Field<Secret<String>>,
    }
}

/// The commands of a unit, for systemd (docs/cloud-config.md#coreosunits).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verb {
    /// Start it.
    Start,
    /// Stop it.
    Stop,
    /// Stop and start it.
    Restart,
    /// Make it read its configuration again.
    Reload,
    /// Restart it if it runs.
    TryRestart,
    /// Reload it, or restart it where it cannot.
    ReloadOrRestart,
    /// The same, if it runs.
    ReloadOrTryRestart,
}

impl Verb {
    /// All of them, in the order of the documentation.
    pub const ALL: [Self; 7] = [
        Self::Start,
        Self::Stop,
        Self::Restart,
        Self::Reload,
        Self::TryRestart,
        Self::ReloadOrRestart,
        Self::ReloadOrTryRestart,
    ];

    /// All of them, as they are written in a configuration.
    pub const WORDS: [&str; Self::ALL.len()] = {
        let mut words = [""; Self::ALL.len()];
        let mut at = 0;
        while at < words.len() {
            words[at] = Self::ALL[at].as_str();
            at += 1;
        }
        words
    };

    /// As it is written in a configuration.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Stop => "stop",
            Self::Restart => "restart",
            Self::Reload => "reload",
            Self::TryRestart => "try-restart",
            Self::ReloadOrRestart => "reload-or-restart",
            Self::ReloadOrTryRestart => "reload-or-try-restart",
        }
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
