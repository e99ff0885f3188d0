//! `coreos`: everything of `CoreOS` itself (docs/cloud-config.md).

use super::Unit;
use super::options::{Etcd, Etcd2, Flannel, Fleet, Locksmith, Options};
use super::value::mapping;
use crate::yaml::Field;

mapping! {
    /// The `coreos` section.
    pub struct CoreOs {
        /// Units of systemd, and files of networkd.
        pub units: Vec<Field<Unit>>,
        /// How the machine updates itself, and when it reboots for that.
        pub update: Field<Update>,
        /// The description of the platform in `/etc/oem-release`; for OEM partitions.
        pub oem: Field<Oem>,
        /// Options of etcd 0.4. Deprecated: no longer shipped in Container Linux.
        pub etcd: Field<Options<Etcd>>,
        /// Options of etcd 2. Deprecated: no longer shipped in Container Linux.
        pub etcd2: Field<Options<Etcd2>>,
        /// Options of fleet. Deprecated: no longer shipped in Container Linux.
        pub fleet: Field<Options<Fleet>>,
        /// Options of locksmith, which reboots machines after an update, one at a time.
        pub locksmith: Field<Options<Locksmith>>,
        /// Options of flannel, which connects containers over machines.
        pub flannel: Field<Options<Flannel>>,
    }
}

/// The words that `reboot_strategy` takes. `false` is what YAML tools make of `off`.
pub const REBOOT_STRATEGIES: [&str; 5] = ["etcd-lock", "reboot", "off", "best-effort", "false"];

mapping! {
    /// How the machine updates itself (docs/cloud-config.md).
    pub struct Update {
        /// When to reboot after an update: `etcd-lock`, `reboot`, `off`.
        pub reboot_strategy: Field<String>,
        /// The group of machines, or channel: `stable`, `beta`, `alpha`.
        pub group: Field<String>,
        /// The URL of the update server.
        pub server: Field<String>,
    }
}

mapping! {
    /// The contents of `/etc/oem-release` (docs/cloud-config.md).
    pub struct Oem {
        /// A short name of the platform, lower case. Without one, the file is not written.
        pub id: Field<String>,
        /// Its name for people.
        pub name: Field<String>,
        /// The version of the OEM image.
        pub version_id: Field<String>,
        /// Where the platform lives.
        pub home_url: Field<String>,
        /// Where to report bugs of it.
        pub bug_report_url: Field<String>,
    }
}
