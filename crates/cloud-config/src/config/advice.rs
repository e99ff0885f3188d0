//! What to write where a value has the wrong type: the words of each key for its own values.

use super::options::{OptionType, TABLES};
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

/// The remedy for a list where one string is wanted.
const SEPARATED: &str = "write one string, separated by commas";
/// The remedy for a list where one string without parts is wanted.
const ONE: &str = "write one string, without `[` or `- `";

/// What to write as the value of `key`, or as an item of its list, instead of `found`; see [`crate::yaml::Advice`].
pub fn advice(key: &str, item: bool, found: &Node) -> Option<&'static str> {
    if !item && let Some(help) = one_string(key, found) {
        return Some(help);
    }
    let help = |rows: &'static [(&str, &'static str)]| rows.iter().find(|row| row.0 == key).map(|row| row.1);
    // What looks like `{a: b}` is mostly text without its quotes, which is said of every key.
    let texts = if found.flow && found.entries().is_some() { &[] } else { TEXTS };
    help(texts).or_else(|| help(LISTS))
}

/// The remedy for a list or a mapping where `key` takes one string.
fn one_string(key: &str, found: &Node) -> Option<&'static str> {
    let is_option =
        TABLES.iter().flat_map(|table| table.options).any(|opt| opt.name == key && opt.kind == OptionType::Text);
    let is_list = found.items().is_some();
    if !is_list && found.entries().is_none() {
        return None;
    }
    // What the values are is not shown: it is printed by `--print-config` alone.
    let has_pairs = found.items().is_none_or(|items| items.iter().all(|item| item.entries().is_some()));
    match key {
        "owner" => Some("write one string: `USER:GROUP`"),
        "content" if found.flow && is_list => {
            Some("put text that begins with `[` in quotes, or write it below `content: |`")
        }
        "content" if found.flow => Some("put text that begins with `{` in quotes, or write it below `content: |`"),
        "content" => Some("write `content: |`, and indent every line of the content below it by two spaces more"),
        "coreos_ssh_import_github" if is_list => Some("write the list as `coreos_ssh_import_github_users`"),
        "metadata" if has_pairs => Some("write one string, with commas between the pairs, such as `role=web,disk=ssd`"),
        "initial_cluster" if has_pairs => {
            Some("write one string, with commas between the pairs, such as `node1=http://10.0.0.1:2380`")
        }
        _ if !is_list && is_option => Some("write one string, without braces, such as `x=y`"),
        _ if !is_list => None,
        _ if STRINGS.contains(&key) => Some(ONE),
        _ if is_option => Some(SEPARATED),
        _ => None,
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
        assert!(help("users: [{coreos_ssh_import_github: [a, b]}]").unwrap().contains("_github_users`"));
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
        for text in ["{role: web}", "{role: hunter2, disk: ssd}", "[{role: web}, {disk: ssd}]", "{role: {a: b}}"] {
            let help = help(&format!("coreos: {{fleet: {{metadata: {text}}}}}")).unwrap();
            assert!(help.contains("`role=web,disk=ssd`") && !help.contains("hunter2"), "{text}: {help}");
        }
        assert!(help("coreos: {etcd2: {initial_cluster: {a: b}}}").unwrap().contains("`node1=http"));
        for text in
            ["locksmith: {group: {x: y}}", "fleet: {etcd-servers: {a: b}}", "flannel:\n    etcd_prefix:\n      a: b"]
        {
            let help = help(&format!("coreos:\n  {text}\n")).unwrap();
            assert!(help.contains("one string") && help.contains("`x=y`"), "{text}: {help}");
        }
        assert!(help("write_files: [{owner: {user: a}}]").unwrap().contains("`USER:GROUP`"));
    }
}
