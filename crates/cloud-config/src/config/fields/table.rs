//! The table: one row for each key, in the order of the types.

use super::{FieldInfo, Mapping, Remedy, Show, Values};
use crate::config::{REBOOT_STRATEGIES, Verb};
use crate::diagnostic::rules;
use crate::text::decode;
use crate::yaml::TextKind;

const IMPORTS: &str = "who may log in hangs on another machine, at every boot";

/// Words for `ssh_authorized_keys`.
const KEY_WORDS: &str = "ssh_keys ssh_key sshkeys sshkey keys key authorized_keys authorized_key ssh_public_keys \
                         ssh_public_key public_keys public_key pubkeys pubkey ssh_pubkeys ssh_pubkey \
                         authorized_ssh_keys ssh_keys_authorized";

/// Every mapping but the options of services.
pub static MAPPINGS: [&Mapping; 8] = [&TOP, &USER, &FILE, &COREOS, &UNIT, &DROP_IN, &UPDATE, &OEM];

/// The document.
pub static TOP: Mapping = Mapping {
    path: "",
    type_name: "CloudConfig",
    item: "",
    fields: &[
        secret("ssh_authorized_keys")
            .text(TextKind::Key)
            .list("write each key as an item: `- ssh-ed25519 …`")
            .access()
            .misspelled(KEY_WORDS),
        name("hostname")
            .one_line("the host name")
            .free_text()
            .text(TextKind::Word)
            .needs_value()
            .one_string()
            .access()
            .misspelled("host_name"),
        section("users").list("write each user as an item that begins with `- name: NAME`").misspelled("accounts"),
        section("write_files")
            .list("write each file as an item that begins with `- path: PATH`, with a blank after the colon")
            .misspelled("files file"),
        FieldInfo::new("manage_etc_hosts", Show::Words(&["localhost", "true", "false"]))
            .text(TextKind::Word)
            .needs_value()
            .values(Values::WordsOrFalse(&["localhost"]))
            .remedy(Remedy::Value("write `localhost`")),
        section("coreos").misspelled("core_os container_linux"),
    ],
};

/// An account.
pub static USER: Mapping = Mapping {
    path: "users[]",
    type_name: "User",
    item: "user",
    fields: &[
        FieldInfo::new("name", Show::Login)
            .one_line("the user's name")
            .free_text()
            .text(TextKind::Word)
            .required()
            .one_string()
            .misspelled("username user_name user login"),
        secret("gecos")
            .of_new_account()
            .free_text()
            .left_out_for(&rules::BAD_GECOS)
            .text(TextKind::Prose)
            .misspelled("comment full_name fullname real_name"),
        secret("passwd")
            .free_text()
            .left_out_for(&rules::BAD_USER)
            .text(TextKind::Prose)
            .needs_value()
            .one_string()
            .misspelled("password password_hash passwordhash hashed_passwd hashed_password passwd_hash pass pw"),
        path("homedir")
            .of_new_account()
            .one_line("the home")
            .free_text()
            .left_out_for(&rules::BAD_USER)
            .text(TextKind::Home)
            .needs_text()
            .one_string()
            .misspelled("home home_dir home_directory"),
        boolean("no_create_home").misspelled("nocreatehome"),
        name("primary_group")
            .of_new_account()
            .one_line("the group")
            .free_text()
            .left_out_for(&rules::BAD_USER)
            .text(TextKind::MachineName)
            .needs_text()
            .one_string()
            .misspelled("gid group primarygroup"),
        name("groups")
            .of_new_account()
            .one_line("the group")
            .free_text()
            .text(TextKind::MachineName)
            .needs_text()
            .list("write `[sudo, docker]`, or as one text `sudo,docker`")
            .misspelled("group_list supplementary_groups secondary_groups additional_groups"),
        boolean("no_user_group").misspelled("nousergroup"),
        secret("ssh_authorized_keys")
            .text(TextKind::Key)
            .list("write each key as an item: `- ssh-ed25519 …`")
            .misspelled(KEY_WORDS),
        boolean("system"),
        boolean("no_log_init").misspelled("nologinit"),
        path("shell")
            .of_new_account()
            .one_line("the shell")
            .free_text()
            .left_out_for(&rules::BAD_USER)
            .text(TextKind::MachineName)
            .needs_text()
            .one_string()
            .misspelled("login_shell"),
        secret("coreos_ssh_import_github")
            .left_out_for(&rules::BAD_IMPORT)
            .remedy(Remedy::ForList("write the list as `coreos_ssh_import_github_users`"))
            .deprecated(IMPORTS),
        secret("coreos_ssh_import_github_users").left_out_for(&rules::BAD_IMPORT).deprecated(IMPORTS),
        url("coreos_ssh_import_url").left_out_for(&rules::BAD_IMPORT).deprecated(IMPORTS),
    ],
};

/// A file.
pub static FILE: Mapping = Mapping {
    path: "write_files[]",
    type_name: "File",
    item: "file",
    fields: &[
        path("path")
            .one_line("the path")
            .free_text()
            .text(TextKind::Path)
            .required()
            .one_string()
            .misspelled("file filename file_name file_path filepath dest destination name target location"),
        secret("content").free_text().text(TextKind::Content).needs_value().remedy(Remedy::Block).misspelled(
            "contents data text body file_content file_contents content_inline inline value source src url \
                 from content_from",
        ),
        FieldInfo::new("permissions", Show::Mode)
            .text(TextKind::Word)
            .values(Values::Mode)
            .remedy(Remedy::Value("write an octal mode in quotes, such as \"0644\""))
            .misspelled("perms perm permission mode file_mode filemode file_permissions chmod umask"),
        name("owner")
            .one_line("the owner")
            .free_text()
            .text(TextKind::Word)
            .needs_text()
            .remedy(Remedy::ForCollection("write one string: `USER:GROUP`"))
            .misspelled("user group uid gid own owners ownership chown username user_group"),
        words("encoding", &decode::NAMES)
            .one_string()
            .misspelled("enc encode encoded codec content_encoding file_encoding"),
    ],
};

/// The section `coreos`.
pub static COREOS: Mapping = Mapping {
    path: "coreos",
    type_name: "CoreOs",
    item: "",
    fields: &[
        section("units")
            .list("write each unit as an item that begins with `- name: NAME`")
            .misspelled("unit service services systemd systemd_units"),
        section("update").misspelled("updates update_engine"),
        section("oem"),
        section("etcd").misspelled("etcd1"),
        section("etcd2"),
        section("fleet").misspelled("fleetd"),
        section("locksmith").misspelled("locksmithd lock_smith"),
        section("flannel").misspelled("flanneld"),
    ],
};

/// A unit.
pub static UNIT: Mapping = Mapping {
    path: "coreos.units[]",
    type_name: "Unit",
    item: "unit",
    fields: &[
        name("name")
            .one_line("the unit's name")
            .free_text()
            .text(TextKind::Word)
            .required()
            .one_string()
            .misspelled("unit unit_name service service_name file filename file_name path"),
        secret("content")
            .text(TextKind::Content)
            .needs_value()
            .remedy(Remedy::Block)
            .misspelled("contents data text body unit_content unit_file file_content source src url"),
        section("drop_ins")
            .list("write each drop-in as an item that begins with `- name: NAME.conf`")
            .misspelled("dropins dropin drop_in overrides override"),
        boolean("enable").needs_value().misspelled("enabled"),
        boolean("mask").needs_value().misspelled("masked"),
        boolean("runtime").misspelled("transient temporary"),
        words("command", &Verb::WORDS)
            .needs_value()
            .remedy(Remedy::Value("give one command, such as `start`"))
            .misspelled("commands cmd action state verb"),
    ],
};

/// A drop-in of a unit.
pub static DROP_IN: Mapping = Mapping {
    path: "coreos.units[].drop_ins[]",
    type_name: "DropIn",
    item: "drop-in",
    fields: &[
        name("name")
            .one_line("the drop-in's name")
            .free_text()
            .text(TextKind::Word)
            .required()
            .one_string()
            .misspelled("file filename file_name path dest"),
        secret("content")
            .text(TextKind::Content)
            .needs_value()
            .remedy(Remedy::Block)
            .required()
            .misspelled("contents data text body source src url"),
    ],
};

/// The section `coreos.update`.
pub static UPDATE: Mapping = Mapping {
    path: "coreos.update",
    type_name: "Update",
    item: "",
    fields: &[
        words("reboot_strategy", &REBOOT_STRATEGIES)
            .needs_value()
            .values(Values::WordsOrFalse(&REBOOT_STRATEGIES))
            .remedy(Remedy::Value("write `etcd-lock`, `reboot` or `off`"))
            .misspelled("strategy reboot rebootstrategy"),
        name("group").free_text().left_out_for(&rules::BAD_TEXT).text(TextKind::Word).one_string(),
        url("server").free_text().left_out_for(&rules::BAD_TEXT).text(TextKind::Word).one_string(),
    ],
};

/// The section `coreos.oem`.
pub static OEM: Mapping = Mapping {
    path: "coreos.oem",
    type_name: "Oem",
    item: "",
    fields: &[
        name("id").free_text().left_out_for(&rules::BAD_TEXT),
        url("name").free_text().left_out_for(&rules::BAD_TEXT).text(TextKind::Word).one_string(),
        name("version_id").free_text().left_out_for(&rules::BAD_TEXT),
        url("home_url").free_text().left_out_for(&rules::BAD_TEXT),
        url("bug_report_url").free_text().left_out_for(&rules::BAD_TEXT),
    ],
};

const fn section(name: &'static str) -> FieldInfo {
    FieldInfo::new(name, Show::Section)
}

/// A key whose values are never shown.
const fn secret(name: &'static str) -> FieldInfo {
    FieldInfo::new(name, Show::Never)
}

/// A key whose values may have credentials in them.
const fn url(name: &'static str) -> FieldInfo {
    FieldInfo::new(name, Show::Url)
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
    FieldInfo::new(name, Show::Words(words)).values(Values::Words(words)).text(TextKind::Word)
}
