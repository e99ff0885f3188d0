//! Remedies for values of the wrong type, by the key of the value.

use super::fields::{self, Remedy};
use super::options::{OptionType, TABLES};
use crate::yaml::Node;

/// The remedy for a list in place of one string.
const SEPARATED: &str = "write one string, with commas between several values";
/// The remedy for a list in place of one string that has no parts.
const ONE: &str = "write one string, without `[` or `- `";

/// Returns the remedy for `found`, the value of `key` or an item of its list; see [`crate::yaml::Advice`].
pub fn advice(key: &str, item: bool, found: &Node) -> Option<&'static str> {
    let is_list = found.items().is_some();
    let is_collection = !item && (is_list || found.entries().is_some());
    match fields::remedy(key) {
        // `{a: b}` is usually a string that lacks its quotes, which has its own remedy.
        Remedy::Value(_) if found.flow && found.entries().is_some() => None,
        Remedy::Value(help) | Remedy::List(help) => Some(help),
        _ if !is_collection => None,
        Remedy::ForCollection(help) => Some(help),
        Remedy::Block if !found.flow => {
            Some("write `content: |`, and indent every line of the content below it by two spaces more")
        }
        Remedy::Block if is_list => {
            Some("put the string that begins with `[` in quotes, or write it below `content: |`")
        }
        Remedy::Block => Some("put the string that begins with `{` in quotes, or write it below `content: |`"),
        Remedy::ForList(help) if is_list => Some(help),
        Remedy::OneString if is_list => Some(ONE),
        Remedy::ForList(_) | Remedy::OneString | Remedy::OfType => for_option(key, found),
    }
}

/// Returns the remedy for a list or mapping in place of the option `key` of a service, which takes one string.
fn for_option(key: &str, found: &Node) -> Option<&'static str> {
    // The remedy does not quote the values, because they can be secret.
    let has_pairs = found.items().is_none_or(|items| items.iter().all(|item| item.entries().is_some()));
    let mut options = TABLES.iter().flat_map(|table| table.options);
    match key {
        "metadata" if has_pairs => Some("write one string, with commas between the pairs, such as `role=web,disk=ssd`"),
        "initial_cluster" if has_pairs => {
            Some("write one string, with commas between the pairs, such as `node1=http://10.0.0.1:2380`")
        }
        _ if !options.any(|option| option.name == key && option.kind == OptionType::Text) => None,
        _ if found.items().is_some() => Some(SEPARATED),
        _ => Some("write one string, without braces, such as `x=y`"),
    }
}

#[cfg(test)]
mod tests {
    use super::{ONE, SEPARATED};
    use crate::config::{CloudConfig, KEY_FACTS};
    use crate::yaml::{parse, read_advised};

    /// Returns the help for the first value of the wrong type.
    fn help(text: &str) -> Option<String> {
        let (_, findings) = read_advised::<CloudConfig>(&parse(text, |at| at), KEY_FACTS);
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
        assert!(help("coreos: {update: []}").unwrap().contains("KEY: VALUE"));
        assert!(help("coreos:\n  update:\n  - a\n").unwrap().contains("remove the `-`"));
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
