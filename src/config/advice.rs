//! What to write where a value has the wrong type: the words of each key for its own values.

use crate::yaml::Node;

/// Keys of text that has a form of its own, and what to write.
const TEXTS: &[(&str, &str)] = &[
    ("command", "give one command, such as `start`"),
    ("manage_etc_hosts", "write `localhost`"),
    ("permissions", "write an octal mode in quotes, such as \"0644\""),
    ("reboot_strategy", "write `etcd-lock`, `reboot` or `off`"),
];

/// Keys of lists, and how an item begins.
const LISTS: &[(&str, &str)] = &[
    ("drop_ins", "write each drop-in as an item that begins with `- name: NAME.conf`"),
    ("groups", "write `[sudo, docker]`, or as one text `sudo,docker`"),
    ("ssh_authorized_keys", "write each key as an item: `- ssh-ed25519 …`"),
    ("units", "write each unit as an item that begins with `- name: NAME`"),
    ("users", "write each user as an item that begins with `- name: NAME`"),
    ("write_files", "write each file as an item that begins with `- path: PATH`, with a blank after the colon"),
];

/// What `users: [default]` asks for, and only cloud-init has.
const DEFAULT_USER: &str = "leave `default` out: users that are there stay, and keys of `core` need no entry here";

/// What to write as the value of `key`, or as an item of its list, instead of `found`; see [`crate::yaml::Advice`].
pub fn advice(key: &str, item: bool, found: &Node) -> Option<&'static str> {
    if key == "users" && item && found.text() == Some("default") {
        return Some(DEFAULT_USER);
    }
    let help = |rows: &'static [(&str, &'static str)]| rows.iter().find(|row| row.0 == key).map(|row| row.1);
    // What looks like `{a: b}` is mostly text without its quotes, which is said of every key.
    let texts = if found.flow && found.entries().is_some() { &[] } else { TEXTS };
    help(texts).or_else(|| help(LISTS))
}

#[cfg(test)]
mod tests {
    use super::{DEFAULT_USER, LISTS, TEXTS, advice};
    use crate::config::CloudConfig;
    use crate::yaml::{Shape, parse, read_advised};

    fn keys(shape: &Shape, found: &mut Vec<&'static str>) {
        match shape {
            Shape::Value => {}
            Shape::List(item) => keys(item, found),
            Shape::Mapping(entries) => {
                for (key, value) in entries {
                    found.push(key);
                    keys(value, found);
                }
            }
        }
    }

    #[test]
    fn every_row_is_of_a_key() {
        let mut known = Vec::new();
        keys(&Shape::of::<CloudConfig>(), &mut known);
        for (key, _) in TEXTS.iter().chain(LISTS) {
            assert!(known.contains(key), "{key}");
        }
    }

    /// The help for the first value of the wrong type.
    fn help(text: &str) -> Option<String> {
        let (_, findings) = read_advised::<CloudConfig>(&parse(text, |at| at), advice);
        assert_eq!(findings.len(), 1, "{text}: {findings:?}");
        findings[0].help.clone()
    }

    #[test]
    fn what_to_write_instead() {
        assert_eq!(help("users: [default]").as_deref(), Some(DEFAULT_USER));
        assert!(help("users: [core]").unwrap().contains("- name: NAME"));
        assert!(help("write_files: {path: /a}").unwrap().contains("- path: PATH"));
        assert!(help("write_files:\n- permissions:\n    a: b\n").unwrap().contains("0644"));
        assert!(help("write_files:\n- path:\n    a: b\n").unwrap().contains('|'));
        assert!(help("hostname: {a: b}").unwrap().contains("`{` in quotes"));
        assert!(help("coreos: {update: {reboot_strategy: {{a: b}}}}").unwrap().contains("`{` in quotes"));
        assert!(help("coreos: {update: {reboot_strategy: [off]}}").unwrap().contains("`off`"));
        assert!(help("hostname: [a]").unwrap().contains("`[` in quotes"));
        assert!(help("coreos: {update: [a]}").unwrap().contains("leave out"));
        assert!(help("coreos: x").unwrap().contains("KEY: VALUE"));
        assert!(help("coreos: {units: [{enable: maybe}]}").unwrap().contains("`true` or `false`"));
        assert!(help("coreos: {etcd2: {max_wals: 5s}}").unwrap().contains("without a unit"));
    }
}
