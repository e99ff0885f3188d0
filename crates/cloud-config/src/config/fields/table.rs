//! The table: one row for each key, in the order of the types.

use super::{FieldInfo, Mapping, Show};
use crate::config::Verb;
use crate::text::decode;

const STRATEGIES: &[&str] = &["etcd-lock", "reboot", "off", "best-effort", "false"];

/// Every mapping but the options of services.
pub static MAPPINGS: [&Mapping; 8] = [&TOP, &USER, &FILE, &COREOS, &UNIT, &DROP_IN, &UPDATE, &OEM];

/// The document.
pub static TOP: Mapping = Mapping {
    path: "",
    fields: &[
        secret("ssh_authorized_keys"),
        name("hostname"),
        section("users"),
        section("write_files"),
        words("manage_etc_hosts", &["localhost", "true", "false"]),
        section("coreos"),
    ],
};

/// An account.
pub static USER: Mapping = Mapping {
    path: "users[]",
    fields: &[
        FieldInfo::new("name", Show::Login),
        secret("gecos"),
        secret("passwd"),
        path("homedir"),
        boolean("no_create_home"),
        name("primary_group"),
        name("groups"),
        boolean("no_user_group"),
        secret("ssh_authorized_keys"),
        boolean("system"),
        boolean("no_log_init"),
        path("shell"),
        secret("coreos_ssh_import_github"),
        secret("coreos_ssh_import_github_users"),
        secret("coreos_ssh_import_url"),
    ],
};

/// A file.
pub static FILE: Mapping = Mapping {
    path: "write_files[]",
    fields: &[
        path("path"),
        secret("content"),
        FieldInfo::new("permissions", Show::Mode),
        name("owner"),
        words("encoding", &decode::NAMES),
    ],
};

/// The section `coreos`.
pub static COREOS: Mapping = Mapping {
    path: "coreos",
    fields: &[
        section("units"),
        section("update"),
        section("oem"),
        section("etcd"),
        section("etcd2"),
        section("fleet"),
        section("locksmith"),
        section("flannel"),
    ],
};

/// A unit.
pub static UNIT: Mapping = Mapping {
    path: "coreos.units[]",
    fields: &[
        name("name"),
        secret("content"),
        section("drop_ins"),
        boolean("enable"),
        boolean("mask"),
        boolean("runtime"),
        words("command", &Verb::WORDS),
    ],
};

/// A drop-in of a unit.
pub static DROP_IN: Mapping = Mapping { path: "coreos.units[].drop_ins[]", fields: &[name("name"), secret("content")] };

/// The section `coreos.update`.
pub static UPDATE: Mapping =
    Mapping { path: "coreos.update", fields: &[words("reboot_strategy", STRATEGIES), name("group"), secret("server")] };

/// The section `coreos.oem`.
pub static OEM: Mapping = Mapping {
    path: "coreos.oem",
    fields: &[name("id"), secret("name"), name("version_id"), secret("home_url"), secret("bug_report_url")],
};

const fn section(name: &'static str) -> FieldInfo {
    FieldInfo::new(name, Show::Section)
}

/// A key whose values are never shown.
const fn secret(name: &'static str) -> FieldInfo {
    FieldInfo::new(name, Show::Never)
}

const fn name(name: &'static str) -> FieldInfo {
    FieldInfo::new(name, Show::Name)
}

const fn path(name: &'static str) -> FieldInfo {
    FieldInfo::new(name, Show::Path)
}

const fn boolean(name: &'static str) -> FieldInfo {
    FieldInfo::new(name, Show::Boolean)
}

/// A key that takes one of a few words.
const fn words(name: &'static str, words: &'static [&'static str]) -> FieldInfo {
    FieldInfo::new(name, Show::Words(words))
}
