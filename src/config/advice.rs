//! What to write where a value has the wrong type: the words of each key for its own values.

use std::borrow::Cow;

use super::options::{Kind, TABLES};
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

/// Keys of one string, where a list is no text in brackets without its quotes.
const STRINGS: &[&str] = &[
    "encoding",
    "group",
    "homedir",
    "hostname",
    "name",
    "owner",
    "passwd",
    "path",
    "primary_group",
    "server",
    "shell",
];

/// What to write for a list where one string is wanted.
const SEPARATED: &str = "write one string, separated by commas";
/// What to write for a list where one string is wanted that has no parts.
const ONE: &str = "write one string, without `[` or `- `";

/// What to write as the value of `key`, or as an item of its list, instead of `found`; see [`crate::yaml::Advice`].
pub fn advice(key: &str, item: bool, found: &Node) -> Option<Cow<'static, str>> {
    if !item && let Some(help) = one_string(key, found) {
        return Some(help);
    }
    let help = |rows: &'static [(&str, &'static str)]| rows.iter().find(|row| row.0 == key).map(|row| row.1);
    // What looks like `{a: b}` is mostly text without its quotes, which is said of every key.
    let texts = if found.flow && found.entries().is_some() { &[] } else { TEXTS };
    help(texts).or_else(|| help(LISTS)).map(Cow::Borrowed)
}

/// What to write for a list or a mapping where `key` takes one string.
fn one_string(key: &str, found: &Node) -> Option<Cow<'static, str>> {
    let is_option = TABLES.iter().flat_map(|table| table.options).any(|opt| opt.name == key && opt.kind == Kind::Text);
    if found.entries().is_some() {
        return match key {
            "metadata" | "initial_cluster" => Some(pairs(key, found)),
            "owner" => Some("write one string: `USER:GROUP`".into()),
            _ => None,
        };
    }
    found.items()?;
    match key {
        "owner" => Some("write one string: `USER:GROUP`".into()),
        "metadata" | "initial_cluster" if found.items()?.iter().all(|item| item.entries().is_some()) => {
            Some(pairs(key, found))
        }
        _ if STRINGS.contains(&key) => Some(ONE.into()),
        _ if is_option => Some(SEPARATED.into()),
        _ => None,
    }
}

/// The pairs of a mapping, or of a list of mappings, as one string.
fn pairs(key: &str, found: &Node) -> Cow<'static, str> {
    let is_word = |text: &str| text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'));
    let nodes = found.items().unwrap_or_default().iter().map(|item| &**item);
    let nodes: Vec<_> = if found.entries().is_some() { vec![found] } else { nodes.collect() };
    let entries = nodes.iter().flat_map(|node| node.entries().unwrap_or_default());
    let pair = |entry: &crate::yaml::Entry| {
        let value = entry.value.text().filter(|value| is_word(&entry.key) && is_word(value) && !value.is_empty())?;
        Some(format!("{}={value}", entry.key))
    };
    // Metadata are labels; what else there may be is not shown.
    let text = entries.take(9).map(pair).collect::<Option<Vec<_>>>().map(|pairs| pairs.join(","));
    match text.filter(|text| key == "metadata" && text.len() <= 100 && !text.is_empty()) {
        Some(text) => format!("write one string: `{text}`").into(),
        None => "write one string of `KEY=VALUE` pairs, separated by commas".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::{LISTS, ONE, SEPARATED, STRINGS, TEXTS, advice};
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
        for key in TEXTS.iter().chain(LISTS).map(|row| &row.0).chain(STRINGS) {
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
        assert!(help("users: [core]").unwrap().contains("- name: NAME"));
        assert!(help("write_files: {path: /a}").unwrap().contains("- path: PATH"));
        assert!(help("write_files:\n- permissions:\n    a: b\n").unwrap().contains("0644"));
        assert!(help("write_files:\n- path:\n    a: b\n").unwrap().contains('|'));
        assert!(help("hostname: {a: b}").unwrap().contains("`{` in quotes"));
        assert!(help("coreos: {update: {reboot_strategy: {{a: b}}}}").unwrap().contains("`{` in quotes"));
        assert!(help("coreos: {update: {reboot_strategy: [off]}}").unwrap().contains("`off`"));
        assert!(help("write_files: [{content: [Unit]}]").unwrap().contains("`[` in quotes"));
        assert!(help("users: [{gecos: [a]}]").unwrap().contains("`[` in quotes"));
        assert!(help("coreos: {update: [a]}").unwrap().contains("leave out"));
        assert!(help("coreos: x").unwrap().contains("KEY: VALUE"));
        assert!(help("coreos: {units: [{enable: maybe}]}").unwrap().contains("`true` or `false`"));
        assert!(help("coreos: {etcd2: {max_wals: 5s}}").unwrap().contains("without a unit"));
    }

    #[test]
    fn a_list_where_one_string_is_wanted() {
        for text in [
            "coreos: {etcd2: {advertise_client_urls: [a, b]}}",
            "coreos:\n  etcd2:\n    listen-peer-urls:\n    - a\n    - b\n",
            "coreos: {fleet: {etcd_servers: [a, b]}}",
            "coreos: {flannel: {etcd_endpoints: [a]}}",
            "coreos: {locksmith: {endpoint: [a]}}",
            "coreos: {etcd2: {initial_cluster: [a=b, c=d]}}",
            "coreos: {fleet: {metadata: [a=b]}}",
        ] {
            assert_eq!(help(text).as_deref(), Some(SEPARATED), "{text}");
        }
        for text in ["hostname: [a]", "write_files: [{path: [/a]}]", "coreos: {update: {group: [a]}}"] {
            assert_eq!(help(text).as_deref(), Some(ONE), "{text}");
        }
        for (text, written) in [
            ("{role: web}", "write one string: `role=web`"),
            ("{role: web, disk: ssd}", "write one string: `role=web,disk=ssd`"),
            ("[{role: web}, {disk: ssd}]", "write one string: `role=web,disk=ssd`"),
            ("{role: {a: b}}", "write one string of `KEY=VALUE` pairs, separated by commas"),
            ("{role: \"a b\"}", "write one string of `KEY=VALUE` pairs, separated by commas"),
        ] {
            assert_eq!(help(&format!("coreos: {{fleet: {{metadata: {text}}}}}")).as_deref(), Some(written), "{text}");
        }
        let text = "coreos: {etcd2: {initial_cluster: {a: hunter2}}}";
        assert!(help(text).unwrap().contains("`KEY=VALUE` pairs"));
        assert!(help("write_files: [{owner: {user: a}}]").unwrap().contains("`USER:GROUP`"));
    }
}
