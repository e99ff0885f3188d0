//! The table: one row for each key, in the order of the types.

use super::{FieldInfo, Mapping, Show, Values};
use crate::config::{REBOOT_STRATEGIES, Verb};
use crate::text::decode;

const IMPORTS: &str = "who may log in hangs on another machine, at every boot";

/// Every mapping but the options of services.
pub static MAPPINGS: [&Mapping; 8] = [&TOP, &USER, &FILE, &COREOS, &UNIT, &DROP_IN, &UPDATE, &OEM];

/// The document.
pub static TOP: Mapping = Mapping {
    path: "",
    type_name: "CloudConfig",
    fields: &[
        secret("ssh_authorized_keys"),
        name("hostname"),
        section("users"),
        section("write_files"),
        FieldInfo::new("manage_etc_hosts", Show::Words(&["localhost", "true", "false"]))
            .values(Values::WordsOrFalse(&["localhost"])),
        section("coreos"),
    ],
};

/// An account.
pub static USER: Mapping = Mapping {
    path: "users[]",
    type_name: "User",
    fields: &[
        FieldInfo::new("name", Show::Login).required(),
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
        secret("coreos_ssh_import_github").deprecated(IMPORTS),
        secret("coreos_ssh_import_github_users").deprecated(IMPORTS),
        secret("coreos_ssh_import_url").deprecated(IMPORTS),
    ],
};

/// A file.
pub static FILE: Mapping = Mapping {
    path: "write_files[]",
    type_name: "File",
    fields: &[
        path("path").required(),
        secret("content"),
        FieldInfo::new("permissions", Show::Mode).values(Values::Mode),
        name("owner"),
        words("encoding", &decode::NAMES),
    ],
};

/// The section `coreos`.
pub static COREOS: Mapping = Mapping {
    path: "coreos",
    type_name: "CoreOs",
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
    type_name: "Unit",
    fields: &[
        name("name").required(),
        secret("content"),
        section("drop_ins"),
        boolean("enable"),
        boolean("mask"),
        boolean("runtime"),
        words("command", &Verb::WORDS),
    ],
};

/// A drop-in of a unit.
pub static DROP_IN: Mapping = Mapping {
    path: "coreos.units[].drop_ins[]",
    type_name: "DropIn",
    fields: &[name("name").required(), secret("content").required()],
};

/// The section `coreos.update`.
pub static UPDATE: Mapping = Mapping {
    path: "coreos.update",
    type_name: "Update",
    fields: &[
        words("reboot_strategy", &REBOOT_STRATEGIES).values(Values::WordsOrFalse(&REBOOT_STRATEGIES)),
        name("group"),
        secret("server"),
    ],
};

/// The section `coreos.oem`.
pub static OEM: Mapping = Mapping {
    path: "coreos.oem",
    type_name: "Oem",
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
    FieldInfo::new(name, Show::Words(words)).values(Values::Words(words))
}
