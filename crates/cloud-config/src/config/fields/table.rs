//! The table: one row for each key, in the order of the types.

use super::{FieldInfo, Mapping, Remedy, Show, Values};
use crate::config::{REBOOT_STRATEGIES, Verb};
use crate::diagnostic::rules;
use crate::text::decode;
use crate::yaml::TextKind::{self, Content, Home, Key, MachineName, Path, Prose, Unknown, Word};

const IMPORTS: &str = "logins depend on another server at every boot";

/// Misspellings of `ssh_authorized_keys`.
const KEY_WORDS: &str = "ssh_keys ssh_key sshkeys sshkey keys key authorized_keys authorized_key ssh_public_keys \
                         ssh_public_key public_keys public_key pubkeys pubkey ssh_pubkeys ssh_pubkey \
                         authorized_ssh_keys ssh_keys_authorized";

/// All mappings except the options of services.
pub static MAPPINGS: [&Mapping; 8] = [&TOP, &USER, &FILE, &COREOS, &UNIT, &DROP_IN, &UPDATE, &OEM];

/// The document.
pub static TOP: Mapping = Mapping {
    path: "",
    type_name: "CloudConfig",
    item: "",
    fields: &[
        secret("ssh_authorized_keys")
            .text(Key)
            .list("write each key as an item: `- ssh-ed25519 …`")
            .access()
            .misspelled(KEY_WORDS),
        string("hostname", Show::Name, Word)
            .one_line("the host name")
            .one_string()
            .needs_value()
            .access()
            .misspelled("host_name"),
        section("users").list("write each user as an item that begins with `- name: NAME`").misspelled("accounts"),
        section("write_files")
            .list("write each file as an item that begins with `- path: PATH`, with a space after the colon")
            .misspelled("files file"),
        FieldInfo::new("manage_etc_hosts", Show::Words(&["localhost", "true", "false"]))
            .text(Word)
            .values(Values::WordsOrFalse(&["localhost"]))
            .remedy(Remedy::Value("write `localhost`"))
            .needs_value(),
        section("coreos").misspelled("core_os container_linux"),
    ],
};

/// An account.
pub static USER: Mapping = Mapping {
    path: "users[]",
    type_name: "User",
    item: "user",
    fields: &[
        string("name", Show::Login, Word)
            .required()
            .one_line("the user's name")
            .one_string()
            .misspelled("username user_name user login"),
        string("gecos", Show::Never, Prose)
            .of_new_account()
            .left_out_for(&rules::BAD_GECOS)
            .misspelled("comment full_name fullname real_name"),
        string("passwd", Show::Never, Prose)
            .one_string()
            .needs_value()
            .left_out_for(&rules::BAD_USER)
            .misspelled("password password_hash passwordhash hashed_passwd hashed_password passwd_hash pass pw"),
        string("homedir", Show::Path, Home)
            .one_line("the home")
            .one_string()
            .needs_text()
            .of_new_account()
            .left_out_for(&rules::BAD_USER)
            .misspelled("home home_dir home_directory"),
        boolean("no_create_home").misspelled("nocreatehome"),
        string("primary_group", Show::Name, MachineName)
            .one_line("the group")
            .one_string()
            .needs_text()
            .of_new_account()
            .left_out_for(&rules::BAD_USER)
            .misspelled("gid group primarygroup"),
        string("groups", Show::Name, MachineName)
            .one_line("the group")
            .list("write `[sudo, docker]`, or one string, `sudo,docker`")
            .needs_text()
            .of_new_account()
            .misspelled("group_list supplementary_groups secondary_groups additional_groups"),
        boolean("no_user_group").misspelled("nousergroup"),
        secret("ssh_authorized_keys")
            .text(Key)
            .list("write each key as an item: `- ssh-ed25519 …`")
            .misspelled(KEY_WORDS),
        boolean("system"),
        boolean("no_log_init").misspelled("nologinit"),
        string("shell", Show::Path, MachineName)
            .one_line("the shell")
            .one_string()
            .needs_text()
            .of_new_account()
            .left_out_for(&rules::BAD_USER)
            .misspelled("login_shell"),
        secret("coreos_ssh_import_github")
            .remedy(Remedy::ForList("write the list as `coreos_ssh_import_github_users`"))
            .left_out_for(&rules::BAD_IMPORT)
            .deprecated(IMPORTS),
        secret("coreos_ssh_import_github_users").left_out_for(&rules::BAD_IMPORT).deprecated(IMPORTS),
        FieldInfo::new("coreos_ssh_import_url", Show::Url).left_out_for(&rules::BAD_IMPORT).deprecated(IMPORTS),
    ],
};

/// A file.
pub static FILE: Mapping = Mapping {
    path: "write_files[]",
    type_name: "File",
    item: "file",
    fields: &[
        string("path", Show::Path, Path)
            .required()
            .one_line("the path")
            .one_string()
            .misspelled("file filename file_name file_path filepath dest destination name target location"),
        string("content", Show::Never, Content).skips_item().remedy(Remedy::Block).needs_value().misspelled(
            "contents data text body file_content file_contents content_inline inline value source src url \
                 from content_from",
        ),
        FieldInfo::new("permissions", Show::Mode)
            .skips_item()
            .text(Word)
            .values(Values::Mode)
            .remedy(Remedy::Value("write an octal mode in quotes, such as \"0644\""))
            .misspelled("perms perm permission mode file_mode filemode file_permissions chmod umask"),
        string("owner", Show::Name, Word)
            .skips_item()
            .one_line("the owner")
            .remedy(Remedy::ForCollection("write one string: `USER:GROUP`"))
            .needs_text()
            .misspelled("user group uid gid own owners ownership chown username user_group"),
        words("encoding", &decode::NAMES)
            .skips_item()
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
        string("name", Show::Name, Word)
            .required()
            .one_line("the unit's name")
            .one_string()
            .misspelled("unit unit_name service service_name file filename file_name path"),
        secret("content")
            .skips_item()
            .text(Content)
            .remedy(Remedy::Block)
            .needs_value()
            .misspelled("contents data text body unit_content unit_file file_content source src url"),
        section("drop_ins")
            .list("write each drop-in as an item that begins with `- name: NAME.conf`")
            .misspelled("dropins dropin drop_in overrides override"),
        boolean("enable").needs_value().misspelled("enabled"),
        boolean("mask").skips_item().needs_value().misspelled("masked"),
        boolean("runtime").skips_item().misspelled("transient temporary"),
        words("command", &Verb::WORDS)
            .remedy(Remedy::Value("give one command, such as `start`"))
            .needs_value()
            .misspelled("commands cmd action state verb"),
    ],
};

/// A drop-in of a unit.
pub static DROP_IN: Mapping = Mapping {
    path: "coreos.units[].drop_ins[]",
    type_name: "DropIn",
    item: "drop-in",
    fields: &[
        string("name", Show::Name, Word)
            .required()
            .one_line("the drop-in's name")
            .one_string()
            .misspelled("file filename file_name path dest"),
        secret("content")
            .required()
            .text(Content)
            .remedy(Remedy::Block)
            .needs_value()
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
            .values(Values::WordsOrFalse(&REBOOT_STRATEGIES))
            .remedy(Remedy::Value("write `etcd-lock`, `reboot` or `off`"))
            .needs_value()
            .misspelled("strategy reboot rebootstrategy"),
        string("group", Show::Name, Word).one_string().left_out_for(&rules::BAD_TEXT),
        string("server", Show::Url, Word).one_string().left_out_for(&rules::BAD_TEXT),
    ],
};

/// The section `coreos.oem`.
pub static OEM: Mapping = Mapping {
    path: "coreos.oem",
    type_name: "Oem",
    item: "",
    fields: &[
        string("id", Show::Name, Unknown).left_out_for(&rules::BAD_TEXT),
        string("name", Show::Url, Word).one_string().left_out_for(&rules::BAD_TEXT),
        string("version_id", Show::Name, Unknown).left_out_for(&rules::BAD_TEXT),
        string("home_url", Show::Url, Unknown).left_out_for(&rules::BAD_TEXT),
        string("bug_report_url", Show::Url, Unknown).left_out_for(&rules::BAD_TEXT),
    ],
};

const fn section(name: &'static str) -> FieldInfo {
    FieldInfo::new(name, Show::Section)
}

/// Returns the row of a key whose values are never printed.
const fn secret(name: &'static str) -> FieldInfo {
    FieldInfo::new(name, Show::Never)
}

/// Returns the row of a key that takes any string of the given kind; `show` selects the values that may be printed.
const fn string(name: &'static str, show: Show, text: TextKind) -> FieldInfo {
    let mut field = FieldInfo::new(name, show).text(text);
    field.free_text = true;
    field
}

const fn boolean(name: &'static str) -> FieldInfo {
    FieldInfo::new(name, Show::Boolean)
}

/// Returns the row of a key that takes one of a few words.
const fn words(name: &'static str, words: &'static [&'static str]) -> FieldInfo {
    FieldInfo::new(name, Show::Words(words)).values(Values::Words(words)).text(Word)
}
