//! The parts of a cloud-config: the keys, and valid and invalid values for each.

use cloud_config::config::options::{Etcd, Etcd2, Flannel, Fleet, Locksmith, OptionType, Service, Table};

/// The kind of value of a key.
#[derive(Clone, Copy, Debug)]
pub enum Wanted {
    /// A string, for example one of these.
    Text(&'static [&'static str]),
    /// A boolean.
    Bool,
    /// An integer or another number.
    Number,
    /// A list of it.
    List(&'static Wanted),
    /// A mapping of these keys.
    Mapping(&'static [(&'static str, Wanted)]),
    /// The options of a service.
    Options(&'static Table),
}

impl Wanted {
    /// Returns the keys of a mapping, with their kinds of values.
    pub fn keys(self) -> Vec<(&'static str, Self)> {
        let option = |kind| match kind {
            OptionType::Text => Self::Text(OPTIONS),
            OptionType::Int | OptionType::Float => Self::Number,
            OptionType::Bool => Self::Bool,
        };
        match self {
            Self::Mapping(keys) => keys.to_vec(),
            Self::Options(table) => table.options.iter().map(|row| (row.name, option(row.kind))).collect(),
            _ => Vec::new(),
        }
    }
}

/// A whole document.
pub const CONFIG: Wanted = Wanted::Mapping(&[
    ("hostname", Wanted::Text(HOSTNAMES)),
    ("ssh_authorized_keys", Wanted::List(&Wanted::Text(KEYS))),
    ("users", Wanted::List(&USER)),
    ("write_files", Wanted::List(&FILE)),
    ("manage_etc_hosts", Wanted::Text(&["localhost", "template"])),
    ("coreos", COREOS),
]);

const COREOS: Wanted = Wanted::Mapping(&[
    ("units", Wanted::List(&UNIT)),
    ("update", UPDATE),
    ("oem", OEM),
    ("etcd", Wanted::Options(Etcd::TABLE)),
    ("etcd2", Wanted::Options(Etcd2::TABLE)),
    ("fleet", Wanted::Options(Fleet::TABLE)),
    ("locksmith", Wanted::Options(Locksmith::TABLE)),
    ("flannel", Wanted::Options(Flannel::TABLE)),
]);

const USER: Wanted = Wanted::Mapping(&[
    ("name", Wanted::Text(&["core", "alice", "bob", "bad:name", "-x", ""])),
    ("gecos", Wanted::Text(&["A. Person", "a:b", "ä"])),
    ("passwd", Wanted::Text(&["$6$hunter2$abc", "hunter2:", "*", "hunter2\n", "<secret>"])),
    ("homedir", Wanted::Text(&["/home/a", "home"])),
    ("no_create_home", Wanted::Bool),
    ("primary_group", Wanted::Text(&["wheel", "100", "a:b"])),
    ("groups", Wanted::List(&Wanted::Text(&["sudo", "docker", "a,b", "-x"]))),
    ("no_user_group", Wanted::Bool),
    ("ssh_authorized_keys", Wanted::List(&Wanted::Text(KEYS))),
    ("system", Wanted::Bool),
    ("no_log_init", Wanted::Bool),
    ("shell", Wanted::Text(&["/bin/sh", "a:b"])),
    ("coreos_ssh_import_github", Wanted::Text(&["somebody", "no body"])),
    ("coreos_ssh_import_github_users", Wanted::List(&Wanted::Text(&["somebody", "a/b"]))),
    (
        "coreos_ssh_import_url",
        Wanted::Text(&["https://u:p@h/a?t=1", "https://<secret>@h/a", "http://h/a", "ftp://h/a"]),
    ),
]);

const FILE: Wanted = Wanted::Mapping(&[
    ("path", Wanted::Text(PATHS)),
    ("content", Wanted::Text(CONTENTS)),
    ("permissions", Wanted::Text(&["0644", "644", "420", "384", "0o600", "rw-", "99999", "4755"])),
    ("owner", Wanted::Text(&["root:root", "core", ":etcd", "500:", "a b", ":"])),
    ("encoding", Wanted::Text(&["", "b64", "base64", "gz+b64", "gzip", "hex"])),
]);

/// Files that other keys write too are among them, and files of units, of which some have names that no unit has.
const PATHS: &[&str] = &[
    "/etc/a",
    "/etc/a",
    "etc/b",
    "/../c",
    "/",
    "/a\u{1}b",
    "/etc/environment",
    "/etc/hosts",
    "/etc/systemd/system/a.service",
    "/etc/systemd/system/a.service.d/10-a.conf",
    "/run/systemd/system/a\tb.service",
    "/etc/systemd/system/.d/c.conf",
];

const UNIT: Wanted = Wanted::Mapping(&[
    ("name", Wanted::Text(&["a.service", "b.timer", "50-eth.network", "docker", "a/b.service", "etcd2.service"])),
    ("content", Wanted::Text(&["[Service]\nExecStart=/bin/true hunter2\n", "hunter2", ""])),
    ("drop_ins", Wanted::List(&DROP_IN)),
    ("enable", Wanted::Bool),
    ("mask", Wanted::Bool),
    ("runtime", Wanted::Bool),
    ("command", Wanted::Text(&["start", "stop", "try-restart", "begin"])),
]);

const DROP_IN: Wanted = Wanted::Mapping(&[
    ("name", Wanted::Text(&["10-a.conf", "b", "../c.conf", "10-a.conf"])),
    ("content", Wanted::Text(&["[Service]\nEnvironment=A=hunter2\n", ""])),
]);

const UPDATE: Wanted = Wanted::Mapping(&[
    ("reboot_strategy", Wanted::Text(&["etcd-lock", "off", "reboot", "best-effort", "false", "never"])),
    ("group", Wanted::Text(&["alpha", "a\nb"])),
    ("server", Wanted::Text(&["https://update.example.com/"])),
]);

const OEM: Wanted = Wanted::Mapping(&[
    ("id", Wanted::Text(&["vm", "a b", "a\nb"])),
    ("name", Wanted::Text(&["A \"virtual\" machine", "$x"])),
    ("version_id", Wanted::Text(&["1.10", "0_1"])),
    ("home_url", Wanted::Text(&["http://example.com/"])),
    ("bug_report_url", Wanted::Text(&["http://example.com/#a b"])),
]);

const HOSTNAMES: &[&str] = &["machine-1", "m.example.com", "no name", "", "a-very-long-name.example.com", "-x"];

/// Bodies are made up; the last of them are no keys.
const KEYS: &[&str] = &[
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcH one",
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI hunter2",
    "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAABwcHBwcHBwc=",
    "ssh-rsa hunter2",
    "-----BEGIN RSA PRIVATE KEY-----\nhunter2\n",
    "",
];

const CONTENTS: &[&str] = &[
    "<secret>",
    "hunter2",
    "hunter2\nline two\n",
    "aGVsbG8gaHVudGVyMg==",
    "H4sIAAAAAAAA/8tIzcnJVyjPL8pJUUgsSk1MqVRIy8xL1VFISSxJBQDSwT8EHwAAAA==",
    "  indented\n\n\nmore: $public_ipv4\n",
    "tab\there\n# no comment\n",
    "\n",
    "",
];

const OPTIONS: &[&str] =
    &["on", "off", "http://$private_ipv4:2379", "hunter2%", "a \"b\" \\", "Thu 04:00", "1h30m", "a\0b"];

/// Texts that could stand anywhere.
pub const WILD: &[&str] = &[
    "",
    "~",
    "null",
    "true",
    "Yes",
    "off",
    "n",
    "0",
    "010",
    "0x1F",
    "1_000",
    "1.10",
    "1e3",
    ".5",
    "1:30",
    "-3",
    "hunter2",
    "é€😀",
    "a: b",
    "- a",
    "# a",
    "a #b",
    "{a}",
    "[a]",
    "*a",
    "&a",
    "!a",
    "%a",
    "@a",
    "`a`",
    "? a",
    "<<",
    "=",
    "2001-01-01",
    "|",
    ">",
    "'a'",
    "\"a\"",
    "a\tb",
    " a ",
    "a\nb",
    "a\r\nb",
    "\u{85}",
    "\u{2028}",
    "\u{feff}",
    "a\\b",
    "$public_ipv4",
    "\\$private_ipv6",
    "$public_ipv6x",
    "---",
    "...",
    "{{ a }}",
    "\u{7}",
    "aGVsbG8=",
    "9223372036854775808",
    ".inf",
];

/// Keys that are known nowhere, or elsewhere.
pub const OTHER_KEYS: &[&str] =
    &["runcmd", "Hostname", "unit", "write-file", "a b", "hunter2", "<<", "a.b", "", "é", "units"];
