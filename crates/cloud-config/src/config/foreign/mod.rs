//! Keys of other programs that users copy into a cloud-config, and what to write instead.
//!
//! Most keys belong to cloud-init, whose configurations have the same first line. The others belong to successors of
//! cloud-config. A row stands for keys with the same meaning, spelled with `_`.

mod rows;

use std::collections::HashMap;
use std::sync::LazyLock;

use rows::ROWS;

use super::places::PLACES;
use crate::text::suggest;
use crate::yaml::Node;

/// The program that a key belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Program {
    CloudInit,
    Ignition,
    Butane,
    Installer,
    /// Another version of a service that this program configures.
    Etcd1,
    /// systemd: a setting of unit files.
    Systemd,
    /// A common mistake that no program reads. Words for a key of this program are also [`misspelled`] in the row of
    /// that key, where they refuse an item without the key. Here, they have a help for an item with the key. The reader
    /// of broken YAML treats these words as keys of an item, so general words such as `value` do not belong here.
    ///
    /// [`misspelled`]: super::fields::FieldInfo::misspelled
    Mistake,
}

/// Keys with the same meaning, separated by blanks, and what to write instead.
pub(crate) struct ForeignKey {
    /// The path of the mapping that contains the key; see [`super::places::Place::path`].
    place: &'static str,
    keys: &'static str,
    pub program: Program,
    pub help: &'static str,
}

impl Program {
    /// Formats the message about `key`.
    pub fn message(self, key: &str) -> String {
        let description = match self {
            Self::CloudInit => "a key of cloud-init",
            Self::Ignition => "a key of Ignition",
            Self::Butane => "a key of Butane",
            Self::Installer => "a key of an installer",
            Self::Etcd1 => "an option of etcd 0.4, unsupported by etcd 2",
            Self::Systemd => "a setting of unit files",
            Self::Mistake => return format!("unknown key {key}"),
        };
        format!("{key} is {description}")
    }
}

/// Returns the row of the key `name`, spelled with `_`, if it has `value` at `place`.
pub(crate) fn find(name: &str, place: &str, value: &Node) -> Option<&'static ForeignKey> {
    static BY_KEY: LazyLock<HashMap<&str, Vec<&ForeignKey>>> = LazyLock::new(|| {
        let mut by_key: HashMap<_, Vec<_>> = HashMap::new();
        for row in ROWS {
            row.keys.split(' ').for_each(|key| by_key.entry(key).or_default().push(row));
        }
        by_key
    });
    let rows = BY_KEY.get(name.to_ascii_lowercase().as_str())?;
    // The sections of Ignition are mappings. A string of the same name has another meaning.
    let has_type =
        |row: &&&ForeignKey| row.program != Program::Ignition || !row.place.is_empty() || value.text().is_none();
    let find = |place: &str| rows.iter().filter(has_type).find(|row| row.place == place).copied();
    // A top-level section may be indented by mistake, below `coreos` or into an item of a list.
    let is_section = || {
        let coreos = PLACES.iter().find(|known| known.path == "coreos");
        coreos.is_some_and(|coreos| !suggest::closest(name, coreos.keys()).is_empty())
    };
    let misplaced = || match place {
        // cloud-init has a key `updates`. Below `coreos`, it is a misspelling of `update`.
        "coreos" if is_section() => None,
        "coreos" => find(""),
        _ if place.ends_with("[]") => find(""),
        _ => None,
    };
    find(place).or_else(misplaced)
}

/// Keys that tools write into every configuration for cloud-init, and that have no effect here whatever their value is.
const ALWAYS: &[&str] = &[
    "apt_update",
    "apt_upgrade",
    "datasource",
    "datasource_list",
    "final_message",
    "growpart",
    "locale",
    "package_update",
    "package_upgrade",
    "resize_rootfs",
];

/// Returns true if ignoring the key `name` at `place` has no effect. `item` is the mapping that contains it.
pub(crate) fn asks_for_nothing(name: &str, place: &str, value: &Node, item: &Node) -> bool {
    let text = value.text().unwrap_or_default().trim().to_ascii_lowercase();
    let is_no = value.is_null() || matches!(text.as_str(), "false" | "no" | "off" | "n" | "0" | "unchanged");
    let is_yes = matches!(text.as_str(), "true" | "yes" | "on" | "y" | "1");
    match name.to_ascii_lowercase().as_str() {
        "sudo" if place == "users[]" => is_no || value.text() == Some("") || value.items().is_some_and(<[_]>::is_empty),
        // Without a password, no login needs to be locked.
        "lock_passwd" if place == "users[]" => {
            (is_yes || value.is_null())
                && item.get("passwd").is_none_or(|hash| matches!(hash.text(), None | Some("*" | "!")))
        }
        "create_home" if place == "users[]" => is_yes || value.is_null(),
        "append" if place == "write_files[]" => is_no,
        _ if !place.is_empty() => false,
        "disable_root" => is_yes || value.is_null(),
        // `preserve_hostname: true` has an effect even without `hostname`: the metadata may set a host name.
        "ssh_pwauth"
        | "preserve_hostname"
        | "package_reboot_if_required"
        | "apt_reboot_if_required"
        | "manage_resolv_conf" => is_no,
        // The setting whether passwords expire has no effect if no password is set.
        "chpasswd" => {
            let entries = value.entries().unwrap_or_default();
            !entries.is_empty() && entries.iter().all(|entry| entry.name() == "expire")
        }
        "vendor_data" | "vendor_data2" => {
            let entries = value.entries().unwrap_or_default();
            let is_off =
                |value: &Node| value.text().is_some_and(|text| matches!(text.trim(), "false" | "no" | "False"));
            value.is_null() || entries.iter().any(|entry| entry.name() == "enabled" && is_off(&entry.value))
        }
        name => ALWAYS.contains(&name) || value.is_null() || value.items().is_some_and(<[_]>::is_empty),
    }
}

/// Returns the keys of other programs, spelled with `_`.
pub(crate) fn keys() -> impl Iterator<Item = &'static str> {
    ROWS.iter().flat_map(|row| row.keys.split(' '))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::{ALWAYS, Program, ROWS, asks_for_nothing, find};
    use crate::config::fields::MAPPINGS;
    use crate::config::places::{PLACES, Place};
    use crate::yaml::parse;

    #[test]
    fn every_key_stands_once_at_a_place_that_does_not_know_it() {
        let mut seen = HashSet::new();
        for row in ROWS {
            let place = PLACES.iter().find(|place| place.path == row.place);
            let place = place.unwrap_or_else(|| panic!("no place {}", row.place));
            for key in row.keys.split(' ') {
                assert!(seen.insert((row.place, key)), "{key} stands twice in {}", row.place);
                assert_eq!(place.shape_of(key), None, "{key} is known in {}", row.place);
                assert!(!key.is_empty() && !key.contains(['-', ' ']) && key == key.to_lowercase(), "{key}");
                assert!(crate::yaml::is_printable_name(key), "{key}");
            }
            assert!(!row.help.ends_with('.'), "{}", row.help);
        }
    }

    #[test]
    fn the_help_for_a_misspelled_key_names_the_key() {
        let mut count = 0;
        for row in ROWS {
            let Some(mapping) = MAPPINGS.iter().find(|mapping| mapping.path == row.place && !row.place.is_empty())
            else {
                continue;
            };
            for word in row.keys.split(' ') {
                for field in mapping.fields.iter().filter(|field| field.is_misspelled(word)) {
                    count += 1;
                    assert!(row.help.contains(field.name), "{} {word}: {}", row.place, row.help);
                }
            }
        }
        assert!(count > 20, "{count}");
    }

    /// Text in backticks that has the form of a key must be a known key.
    #[test]
    fn the_help_names_keys_that_exist() {
        let known: HashSet<_> = PLACES.iter().flat_map(Place::keys).collect();
        let words = ROWS.iter().flat_map(|row| row.help.split('`').skip(1).step_by(2));
        let keys = words.filter_map(|word| word.split(": ").next());
        let mut keys: HashSet<_> =
            keys.filter(|key| key.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')).collect();
        assert!(keys.len() > 20, "{keys:?}");
        for other in ["alpha", "beta", "butane", "chage", "core", "curl", "groupadd", "poweroff", "stable"] {
            assert!(keys.remove(other), "no help names {other}");
        }
        let unknown: Vec<_> = keys.difference(&known).collect();
        assert!(unknown.is_empty(), "{unknown:?}");
    }

    #[test]
    fn keys_are_found_where_they_stand() {
        let program = |name, place, value| {
            let root = parse(value, |at| at).root.expect("a value");
            find(name, place, &root).map(|row| row.program)
        };
        assert_eq!(program("runcmd", "", "[a]"), Some(Program::CloudInit));
        assert_eq!(program("runcmd", "coreos", "[a]"), Some(Program::CloudInit));
        assert_eq!(program("ssh_pwauth", "users[]", "yes"), Some(Program::CloudInit));
        assert_eq!(program("runcmd", "coreos.update", "[a]"), None);
        assert_eq!(program("uid", "users[]", "7"), Some(Program::CloudInit));
        assert_eq!(program("ExecStart", "coreos.units[]", "a"), Some(Program::Systemd));
        assert_eq!(program("passwd", "", "{users: []}"), Some(Program::Ignition));
        assert_eq!(program("passwd", "", "a"), None);
        assert_eq!(program("write_files", "", "[]"), None);
    }

    #[test]
    fn keys_of_users_that_ask_for_nothing_are_known() {
        let asks = |text: &str| {
            let root = parse(text, |at| at).root.expect("a document");
            let entry = &root.entries().expect("a mapping")[0];
            assert!(find(&entry.name(), "users[]", &entry.value).is_some(), "{text}");
            !asks_for_nothing(&entry.name(), "users[]", &entry.value, &root)
        };
        for text in [
            "sudo: false",
            "sudo: False",
            "sudo: []",
            "sudo: ''",
            "sudo: ~",
            "lock_passwd: true",
            "lock-passwd: yes",
            "lock_passwd: true\npasswd: '*'",
        ] {
            assert!(!asks(text), "{text}");
        }
        for text in [
            "sudo: true",
            "sudo: ALL=(ALL) NOPASSWD:ALL",
            "sudo: ['ALL=(ALL) ALL']",
            "sudo: {a: b}",
            "lock_passwd: false",
            "lock_passwd: true\npasswd: $6$a$b",
        ] {
            assert!(asks(text), "{text}");
        }
    }

    #[test]
    fn what_tools_always_write_asks_for_nothing() {
        let asks = |text: &str| {
            let root = parse(text, |at| at).root.expect("a document");
            let entry = &root.entries().expect("a mapping")[0];
            assert!(find(&entry.name(), "", &entry.value).is_some(), "{text}");
            !asks_for_nothing(&entry.name(), "", &entry.value, &root)
        };
        for key in ALWAYS {
            assert!(!asks(&format!("{key}: true")), "{key}");
        }
        for text in [
            "ssh_pwauth: false",
            "ssh_pwauth: \"no\"",
            "ssh-pwauth: 0",
            "disable_root: true",
            "disable_root: 1",
            "preserve_hostname: false",
            "growpart: {mode: auto}",
            "package_reboot_if_required: false",
            "manage_resolv_conf: no",
            "chpasswd: {expire: False}",
            "runcmd: []",
            "packages: []",
        ] {
            assert!(!asks(text), "{text}");
        }
        for text in [
            "ssh_pwauth: true",
            "ssh_pwauth: yes",
            "disable_root: false",
            "package_reboot_if_required: true",
            "manage_resolv_conf: true",
            "preserve_hostname: true",
            "chpasswd: {list: x, expire: False}",
            "runcmd: [a]",
            "user: a",
            "timezone: UTC",
        ] {
            assert!(asks(text), "{text}");
        }
    }
}
