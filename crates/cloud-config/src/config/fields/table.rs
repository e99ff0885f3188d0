//! The table: one row for each key, in the order of the types.

use super::{FieldInfo, Mapping, Remedy, Show, Values};
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
        secret("ssh_authorized_keys").list("write each key as an item: `- ssh-ed25519 …`"),
        name("hostname").one_string(),
        section("users").list("write each user as an item that begins with `- name: NAME`"),
        section("write_files")
            .list("write each file as an item that begins with `- path: PATH`, with a blank after the colon"),
        FieldInfo::new("manage_etc_hosts", Show::Words(&["localhost", "true", "false"]))
            .values(Values::WordsOrFalse(&["localhost"]))
            .remedy(Remedy::Value("write `localhost`")),
        section("coreos"),
    ],
};

/// An account.
pub static USER: Mapping = Mapping {
    path: "users[]",
    type_name: "User",
    fields: &[
        FieldInfo::new("name", Show::Login).required().one_string(),
        secret("gecos"),
        secret("passwd").one_string(),
        path("homedir").one_string(),
        boolean("no_create_home"),
        name("primary_group").one_string(),
        name("groups").list("write `[sudo, docker]`, or as one text `sudo,docker`"),
        boolean("no_user_group"),
        secret("ssh_authorized_keys").list("write each key as an item: `- ssh-ed25519 …`"),
        boolean("system"),
        boolean("no_log_init"),
        path("shell").one_string(),
        secret("coreos_ssh_import_github")
            .remedy(Remedy::ForList("write the list as `coreos_ssh_import_github_users`"))
            .deprecated(IMPORTS),
        secret("coreos_ssh_import_github_users").deprecated(IMPORTS),
        secret("coreos_ssh_import_url").deprecated(IMPORTS),
    ],
};

/// A file.
pub static FILE: Mapping = Mapping {
    path: "write_files[]",
    type_name: "File",
    fields: &[
        path("path").required().one_string(),
        secret("content").remedy(Remedy::Block),
        FieldInfo::new("permissions", Show::Mode)
            .values(Values::Mode)
            .remedy(Remedy::Value("write an octal mode in quotes, such as \"0644\"")),
        name("owner").remedy(Remedy::ForCollection("write one string: `USER:GROUP`")),
        words("encoding", &decode::NAMES).one_string(),
    ],
};

/// The section `coreos`.
pub static COREOS: Mapping = Mapping {
    path: "coreos",
    type_name: "CoreOs",
    fields: &[
        section("units").list("write each unit as an item that begins with `- name: NAME`"),
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
        name("name").required().one_string(),
        secret("content").remedy(Remedy::Block),
        section("drop_ins").list("write each drop-in as an item that begins with `- name: NAME.conf`"),
        boolean("enable"),
        boolean("mask"),
        boolean("runtime"),
        words("command", &Verb::WORDS).remedy(Remedy::Value("give one command, such as `start`")),
    ],
};

/// A drop-in of a unit.
pub static DROP_IN: Mapping = Mapping {
    path: "coreos.units[].drop_ins[]",
    type_name: "DropIn",
    fields: &[name("name").required().one_string(), secret("content").remedy(Remedy::Block).required()],
};

/// The section `coreos.update`.
pub static UPDATE: Mapping = Mapping {
    path: "coreos.update",
    type_name: "Update",
    fields: &[
        words("reboot_strategy", &REBOOT_STRATEGIES)
            .values(Values::WordsOrFalse(&REBOOT_STRATEGIES))
            .remedy(Remedy::Value("write `etcd-lock`, `reboot` or `off`")),
        name("group").one_string(),
        secret("server").one_string(),
    ],
};

/// The section `coreos.oem`.
pub static OEM: Mapping = Mapping {
    path: "coreos.oem",
    type_name: "Oem",
    fields: &[
        name("id"),
        secret("name").one_string(),
        name("version_id"),
        secret("home_url"),
        secret("bug_report_url"),
    ],
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
