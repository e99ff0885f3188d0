//! `coreos`: everything of `CoreOS` itself (docs/cloud-config.md).

use super::Unit;
use super::options::{Etcd, Etcd2, Flannel, Fleet, Locksmith, Options};
use super::value::mapping;
use crate::yaml::Field;

mapping! {
    /// The `coreos` section.
    pub struct CoreOs {
        /// Systemd units and networkd files.
        pub units: Vec<Field<Unit>>,
        /// Settings of automatic updates and of the reboots after them.
        pub update: Field<Update>,
        /// The description of the platform for `/etc/oem-release`. For OEM partitions.
        pub oem: Field<Oem>,
        /// Options of etcd 0.4. Deprecated: no longer shipped in Container Linux.
        pub etcd: Field<Options<Etcd>>,
        /// Options of etcd 2. Deprecated: no longer shipped in Container Linux.
        pub etcd2: Field<Options<Etcd2>>,
        /// Options of fleet. Deprecated: no longer shipped in Container Linux.
        pub fleet: Field<Options<Fleet>>,
        /// Options of locksmith, which reboots machines after an update, one at a time.
        pub locksmith: Field<Options<Locksmith>>,
        /// Options of flannel, the network of containers.
        pub flannel: Field<Options<Flannel>>,
    }
}

/// The values of `reboot_strategy`. YAML tools write `false` for `off`.
pub const REBOOT_STRATEGIES: [&str; 5] = ["etcd-lock", "reboot", "off", "best-effort", "false"];

mapping! {
    /// Settings of automatic updates (docs/cloud-config.md).
    pub struct Update {
        /// The strategy for reboots after updates: `etcd-lock`, `reboot`, `off`.
        pub reboot_strategy: Field<String>,
        /// The group of machines or the channel: `stable`, `beta`, `alpha`.
        pub group: Field<String>,
        /// The URL of the update server.
        pub server: Field<String>,
    }
}

mapping! {
    /// The contents of `/etc/oem-release` (docs/cloud-config.md).
    pub struct Oem {
        /// The short name of the platform, in lower case. Without it, the file is not written.
        pub id: Field<String>,
        /// The display name of the platform.
        pub name: Field<String>,
        /// The version of the OEM image.
        pub version_id: Field<String>,
        /// The home page of the platform.
        pub home_url: Field<String>,
        /// The URL for bug reports.
        pub bug_report_url: Field<String>,
    }
}
