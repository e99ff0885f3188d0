//! Findings about keys: unknown, misplaced, deprecated, and without a value.

use crate::address_tokens::Address;
use crate::config::fields::{self, Missing};
use crate::config::foreign;
use crate::config::options::TABLES;
use crate::config::places::{self, KeyPlaces, KeyShape, PLACES, Place, TOP};
use crate::config::ssh_key;
use crate::diagnostic::{Finding, Findings, Rule, rules};
use crate::plan::redacted_user_name;
use crate::text::suggest;
use crate::yaml::key_items::KEY_TYPES;
use crate::yaml::{Entry, Kind, Node, ParsedYaml, Tag, describe_lookalike};

/// Checks every key of a document. `text` is its source text.
pub(super) fn lint(document: &ParsedYaml, text: &str) -> Vec<Finding> {
    let broken = document.error.is_some();
    let root = document.root.as_deref();
    let mut keys = KeyLinter { text, root, broken, findings: Findings::default(), dashes: false };
    if let Some(root) = root {
        keys.check_mapping(root, TOP);
    }
    keys.findings.into_list()
}

struct KeyLinter<'a> {
    text: &'a str,
    root: Option<&'a Node>,
    /// True if the document is broken. Missing keys may then be after the error.
    broken: bool,
    findings: Findings,
    /// True if the author spells keys with `-`.
    dashes: bool,
}

impl KeyLinter<'_> {
    fn check_mapping(&mut self, node: &Node, at: usize) {
        let place = &PLACES[at];
        for entry in node.entries().unwrap_or_default() {
            let name = entry.name();
            if let Some(below) = place.shape_of(&name) {
                if name.contains('_') {
                    self.dashes = entry.key.contains('-');
                }
                self.check_known(entry, &name, place, below);
            } else {
                self.report_unknown(entry, &name, at, node);
            }
        }
    }

    fn report(&mut self, rule: &'static Rule, entry: &Entry, message: String, help: Option<String>) {
        self.findings.push(Finding { help, ..Finding::new(rule, entry.key_span, message) });
    }

    fn check_known(&mut self, entry: &Entry, name: &str, place: &Place, below: KeyShape) {
        let is_empty =
            missing(place, name) == Missing::NoText && entry.value.text().is_some_and(|text| text.trim().is_empty());
        if is_empty || is_nothing(&entry.value) {
            let is_file = place.path == "write_files[]" && name == "content";
            let consequence = if is_file { "applied anyway, as an empty file" } else { "not applied" };
            return self.report_empty(entry, missing(place, name), below, consequence);
        }
        self.report_deprecated(entry, name, place);
        match below {
            KeyShape::Value | KeyShape::Values => self.report_empty_items(entry),
            KeyShape::Section(at) => self.check_mapping(&entry.value, at),
            KeyShape::Items(at) => {
                for item in entry.value.items().unwrap_or_default() {
                    self.check_mapping(item, at);
                }
            }
        }
    }

    /// Reports deprecated keys (docs/cloud-config.md#options-of-services, docs/cloud-config.md#users).
    fn report_deprecated(&mut self, entry: &Entry, name: &str, place: &Place) {
        let key = entry.display_key();
        if let Some(reason) = fields::find(&place.path, name).and_then(|field| field.deprecated) {
            let help = Some(format!("list the keys in `{}`", self.spelt("ssh_authorized_keys", &entry.key)));
            return self.report(
                &rules::DEPRECATED,
                entry,
                format!("{key} is deprecated: {reason}; applied anyway"),
                help,
            );
        }
        let Some(section) = place.path.strip_prefix("coreos") else { return };
        if section.is_empty() {
            let table = TABLES.iter().find(|table| table.section == name);
            if let Some(reason) = table.and_then(|table| table.deprecated) {
                let help = Some("where the image does not include it, run it with a unit of your own".to_owned());
                self.report(&rules::DEPRECATED, entry, format!("{key} is deprecated: {reason}; applied anyway"), help);
            }
            return;
        }
        let table = TABLES.iter().find(|table| section.strip_prefix('.') == Some(table.section));
        let option = table.and_then(|table| table.options.iter().find(|option| option.name == name));
        if let Some((option, reason)) = option.and_then(|option| Some((option, option.deprecated?))) {
            let (rule, what) =
                if option.works() { (&rules::DEPRECATED, "deprecated") } else { (&rules::OBSOLETE, "obsolete") };
            let help = (!option.works()).then(|| "write it under `coreos.etcd2`".to_owned());
            self.report(rule, entry, format!("{key} is {what}: {reason}; applied anyway"), help);
        }
    }

    fn report_empty(&mut self, entry: &Entry, missing: Missing, below: KeyShape, consequence: &str) {
        let help = match below {
            _ if self.broken || self.is_token(entry) => return,
            _ if entry.value.tag == Tag::Text => "put a string that begins with `!` in quotes",
            KeyShape::Value if missing == Missing::Never => return,
            KeyShape::Value => "write its value after it, or remove the key",
            KeyShape::Values | KeyShape::Items(_) => "write its items below it, each with `- `, or remove the key",
            KeyShape::Section(_) => "write its keys below it, indented, or remove the key",
        };
        let finding = Finding::new(&rules::NOTHING_THERE, entry.key_span, format!("no value; {consequence}"));
        self.findings.push(finding.about_path(entry.display_key()).help(help));
    }

    /// Reports empty items of a list of strings.
    fn report_empty_items(&mut self, entry: &Entry) {
        if self.broken || entry.value.tag == Tag::Local {
            return;
        }
        for item in entry.value.items().unwrap_or_default() {
            let is_empty = item.text().map_or(item.is_null(), |text| text.trim().is_empty());
            let written = self.text.get(item.span.start..item.span.end).unwrap_or_default();
            let next = self.text.get(item.span.end..).unwrap_or_default().trim_start();
            // The item may be empty because it is a token of an unknown address.
            if is_empty && !written.contains('$') && !begins_with_token(next) {
                let finding = Finding::new(&rules::NOTHING_THERE, item.span, "empty item; item ignored")
                    .about_path(entry.display_key());
                self.findings.push(finding.help("write its value after the `- `, or remove the item"));
            }
        }
    }

    /// Returns true if the value is an address token, which may be empty on this machine.
    fn is_token(&self, entry: &Entry) -> bool {
        let behind = self.text.get(entry.key_span.end..).unwrap_or_default().trim_start_matches([':', ' ', '\t']);
        let mut lines = behind.lines().map(str::trim_start).filter(|line| !line.is_empty() && !line.starts_with('#'));
        lines.next().is_some_and(begins_with_token)
    }

    fn report_unknown(&mut self, entry: &Entry, name: &str, at: usize, item: &Node) {
        let (place, key) = (&PLACES[at], entry.display_key());
        let rule = &rules::UNKNOWN_KEY;
        if let Some(row) = foreign::find(name, &place.path, &entry.value) {
            if foreign::asks_for_nothing(name, &place.path, &entry.value, item) {
                let message = format!("{key} is a key of cloud-init that requests nothing here; key ignored");
                return self.report(&rules::FOREIGN_KEY, entry, message, None);
            }
            let may_hold_access = place.path.is_empty() && matches!(name, "user" | "system_info" | "passwd");
            if may_hold_access && !self.broken && self.holds_access(entry) {
                let message = format!("{}; the users or SSH keys below it are not applied", row.program.message(&key));
                let help = "write each user as an item of `users`, with `name: NAME`, and keys of `core` as items of \
                            `ssh_authorized_keys` at the top level";
                return self.report(&rules::DETACHED_KEY, entry, message, Some(help.to_owned()));
            }
            let lost = if place.path.is_empty() && name == "user" { lost_user(&entry.value) } else { None };
            if let Some((rule, lost)) = lost {
                let message = format!("{}; {lost}", row.program.message(&key));
                return self.report(rule, entry, message, Some("write the user as an item of `users`".to_owned()));
            }
            let message = format!("{}; key ignored", row.program.message(&key));
            return self.report(rule, entry, message, Some(row.help.to_owned()));
        }
        if let Some((word, _)) =
            name.split_once(':').filter(|(word, value)| !value.is_empty() && place.shape_of(word).is_some())
        {
            let message = format!("no space after the `:` of `{word}`; key ignored");
            return self.report(&rules::MISSING_SPACE, entry, message, Some("write `KEY: VALUE`".to_owned()));
        }
        let elsewhere = places::other_places(name, at);
        let is_lost = !self.broken && self.root.is_some_and(|root| is_lost(name, &entry.value, root));
        if let Some(KeyPlaces::Near(places) | KeyPlaces::Far(places)) = elsewhere.as_ref().filter(|_| is_lost) {
            let message = format!("{key} belongs {}; not applied", places::description(places));
            return self.report(&rules::DETACHED_KEY, entry, message, places::indentation_help(places));
        }
        if !self.broken && self.holds_access(entry) {
            let message = format!("unknown key {key}; the host name, users or SSH keys below it are not applied");
            let is_section = entry.value.entries().is_some();
            let help = if is_section {
                "move the keys below it to the top level, in the first column"
            } else {
                "write SSH keys as the items of `ssh_authorized_keys`"
            };
            return self.report(&rules::DETACHED_KEY, entry, message, Some(help.to_owned()));
        }
        // The search for a similar key is slow, so it is skipped for a finding that would only be counted.
        let is_reported = !self.findings.is_full(rule);
        let meant = if is_reported { suggest::closest(name, place.keys()) } else { Vec::new() };
        if let Some(KeyPlaces::Near(places)) = elsewhere.as_ref().filter(|_| meant.is_empty()) {
            let message = format!("{key} belongs {}; key ignored", places::description(places));
            return self.report(&rules::MISPLACED_KEY, entry, message, places::indentation_help(places));
        }
        let meant: Vec<_> = meant.into_iter().map(|name| self.spelt(name, &entry.key)).collect();
        let help = suggest::question(&meant).or_else(|| match &elsewhere {
            Some(KeyPlaces::Far(places)) => Some(format!("a key of this name exists {}", places::description(places))),
            _ => None,
        });
        let other = describe_lookalike(&entry.key).map_or_else(String::new, |name| format!(": contains {name}"));
        self.report(rule, entry, format!("unknown key {key}{other}; key ignored"), help);
    }

    /// Returns true if the value of an unknown key contains an SSH key, or top-level keys that give access.
    fn holds_access(&self, entry: &Entry) -> bool {
        let value = &entry.value;
        let lacks = |name: &str| self.root.is_some_and(|root| root.get(name).is_none_or(Node::is_null));
        let gives = |below: &Entry| {
            let name = below.name();
            matches!(&*name, "hostname" | "users" | "ssh_authorized_keys") && !below.value.is_null() && lacks(&name)
        };
        if value.entries().is_some_and(|entries| entries.iter().any(gives)) {
            return true;
        }
        // The text of an alias is elsewhere, above its key.
        let written = self.text.get(value.span.start..value.span.end).filter(|_| value.span.start > entry.key_span.end);
        written.is_some_and(has_ssh_key)
    }

    /// Spells a key as the author would, who wrote `like` instead.
    fn spelt(&self, name: &str, like: &str) -> String {
        let dashes = like.contains('-') || (self.dashes && !like.contains('_'));
        if dashes { name.replace('_', "-") } else { name.to_owned() }
    }
}

/// Returns true if `text` begins with an address token.
fn begins_with_token(text: &str) -> bool {
    text.strip_prefix('$').is_some_and(|word| Address::ALL.iter().any(|kind| word.starts_with(kind.token())))
}

/// Returns the forms of an absent value that are reported for the key `name` of `place`.
fn missing(place: &Place, name: &str) -> Missing {
    fields::find(&place.path, name).map_or(Missing::Never, |field| field.missing)
}

/// Returns true if ignoring the key `name` loses access or lets the machine reboot, and `root` does not have the key at
/// its place.
fn is_lost(name: &str, value: &Node, root: &Node) -> bool {
    let lacks = |key: Option<&Node>| key.is_none_or(Node::is_null);
    match name {
        "ssh_authorized_keys" => value.items().map_or(value.text().is_some(), |items| !items.is_empty()),
        "hostname" => value.text().is_some() && lacks(root.get(name)),
        "users" => value.items().is_some_and(|items| !items.is_empty()) && lacks(root.get(name)),
        "reboot_strategy" => {
            let update = root.get("coreos").and_then(|coreos| coreos.get("update"));
            value.text().is_some() && lacks(update.and_then(|update| update.get(name)))
        }
        _ => false,
    }
}

/// Reports the user in the mapping of cloud-init's key `user`, if that user is not created or its fields are not
/// applied.
fn lost_user(value: &Node) -> Option<(&'static Rule, String)> {
    let password = fields::find("users[]", "passwd")?;
    let is_foreign = |entry: &Entry| {
        let row = foreign::find(&entry.name(), "users[]", &entry.value);
        row.is_some_and(|row| row.help.contains("as `passwd`"))
    };
    let is_password = |entry: &Entry| {
        let name = entry.name();
        name == password.name || password.is_misspelled(&name) || is_foreign(entry)
    };
    let entries = value.entries()?;
    let gives = |entry: &Entry| is_password(entry) && entry.value.text().is_some();
    let rule = if entries.iter().any(gives) { &rules::DETACHED_KEY } else { &rules::UNKNOWN_KEY };
    let lost = match value.get("name").and_then(Node::text).filter(|name| !name.is_empty()) {
        Some("core" | "root") | None if entries.iter().all(|entry| entry.name() == "name") => return None,
        Some("core" | "root") | None => "the fields below it are not applied".to_owned(),
        Some(name) => format!("user {} is not created", redacted_user_name(name)),
    };
    Some((rule, lost))
}

/// Returns true if a line of `text` ends with an SSH key.
fn has_ssh_key(text: &str) -> bool {
    text.contains(" AAAA")
        && text.lines().any(|line| {
            let start = KEY_TYPES.iter().filter_map(|kind| line.find(kind)).min();
            start.is_some_and(|start| ssh_key::is_key(line[start..].trim_end_matches(['"', '\'', ' ', ']', '}', ','])))
        })
}

/// Returns true if the value is empty in the source text, not even `~`.
fn is_nothing(node: &Node) -> bool {
    matches!(&node.kind, Kind::Scalar(scalar) if scalar.plain && scalar.text.is_empty())
        && matches!(node.tag, Tag::None | Tag::Text)
}

#[cfg(test)]
mod tests {
    use super::lint;
    use crate::address_tokens::{Addresses, substitute};
    use crate::yaml::parse;

    /// Returns the findings in a text: rule, the text at the position, message, help.
    fn found(text: &str) -> Vec<(&'static str, String, String, String)> {
        let findings = lint(&parse(text, |at| at), text).into_iter();
        let found = findings.map(|finding| {
            let span = finding.span.expect("every key has its place");
            let pointed = text[span.start..span.end].to_owned();
            (finding.rule.id, pointed, finding.message, finding.help.unwrap_or_default())
        });
        found.collect()
    }

    /// Returns the only finding in a text, without the text at its position.
    fn one(text: &str) -> (&'static str, String, String) {
        let mut found = found(text);
        assert_eq!(found.len(), 1, "{text}: {found:?}");
        let (rule, _, message, help) = found.remove(0);
        (rule, message, help)
    }

    #[test]
    fn keys_that_are_known_are_no_findings() {
        let text = "hostname: a\nwrite-files:\n- {path: /a, content: b}\nusers: [{name: a, groups: {a: b}}]\n\
                    coreos: {units: [{name: a.service, drop-ins: [{name: b.conf, content: c}]}], update: {group: a}}\n";
        assert_eq!(found(text), []);
        assert_eq!(found("- a\n"), []);
        assert_eq!(found(""), []);
    }

    #[test]
    fn misspelt_keys_are_asked_about_as_their_author_spells() {
        for (text, help) in [
            ("write-file: []", "did you mean `write-files`?"),
            ("write_file: []", "did you mean `write_files`?"),
            ("writefiles: []", "did you mean `write_files`?"),
            ("write-files: []\nsshauthorizedkeys: []", "did you mean `ssh-authorized-keys`?"),
            ("Hostname: a", "did you mean `hostname`?"),
            ("users: [{sshAuthorizedKeys: []}]", "did you mean `ssh_authorized_keys`?"),
            ("coreos: {units: [{drop-in: []}]}", "did you mean `drop-ins`?"),
            ("coreos: {units: [{name: a, drop_ins: [{nmae: a}]}]}", "did you mean `name`?"),
            ("coreos: {etcd2: {advertise-client-url: a}}", "did you mean `advertise-client-urls`?"),
            ("coreos: {etcd2: {initial_clustr: a}}", "did you mean `initial_cluster`?"),
            ("coreos: {flannel: {interfaces: a}}", "did you mean `interface`?"),
            ("coreos: {etcd3: {}}", "did you mean `etcd` or `etcd2`?"),
            ("debug: true", "a key of this name exists under `coreos.etcd2`"),
            ("role: a", ""),
        ] {
            let findings = found(text);
            let (rule, _, message, found) =
                findings.iter().find(|row| row.0 != "deprecated").unwrap_or_else(|| panic!("{text}"));
            assert_eq!((*rule, found.as_str()), ("unknown-key", help), "{text}");
            assert!(message.starts_with("unknown key `"), "{message}");
        }
    }

    #[test]
    fn a_key_without_a_space_behind_its_colon_is_an_error() {
        let (rule, message, help) = one("users: [{name:ada, shell: /bin/sh}]");
        assert_eq!((rule, message.as_str()), ("missing-space", "no space after the `:` of `name`; key ignored"));
        assert!(help.contains("KEY: VALUE"), "{help}");
        assert_eq!(one("{a:b}").0, "unknown-key");
    }

    #[test]
    fn keys_of_others_are_told_whose_they_are() {
        let (rule, message, help) = one("ca-certs: {trusted: [x]}");
        assert_eq!((rule, message.as_str()), ("unknown-key", "`ca-certs` is a key of cloud-init; key ignored"));
        assert!(help.contains("update-ca-certificates"), "{help}");
        let (_, message, help) = one("coreos: {units: [{name: a.service, After: b.service}]}");
        assert_eq!(message, "`After` is a setting of unit files; key ignored");
        assert!(help.contains("[Unit]"), "{help}");
        assert!(one("users: [{name: a, lock-passwd: false}]").2.contains("without `passwd`"));
        assert!(one("storage: {files: []}").1.contains("Ignition"));
    }

    #[test]
    fn keys_in_the_wrong_place_are_told_where_they_belong() {
        let row = |text| found(text).into_iter().map(|(rule, at, message, _)| format!("{rule} {at}: {message}"));
        let text = "units: []\ncoreos:\n  write-files: []\n  update:\n    hostname: a\n  units:\n  - ssh-authorized-keys: [a]\n";
        assert_eq!(
            row(text).collect::<Vec<_>>(),
            [
                "misplaced-key units: `units` belongs under `coreos`; key ignored",
                "misplaced-key write-files: `write-files` belongs at the top level; key ignored",
                "detached-key hostname: `hostname` belongs at the top level; not applied",
                "detached-key ssh-authorized-keys: `ssh-authorized-keys` belongs at the top level or in an item of \
                 `users`; not applied",
            ]
        );
    }

    #[test]
    fn nothing_is_told_where_it_matters() {
        let text = "users:\nhostname:\ncoreos:\n  units:\n  - {name: a, content: , enable: , runtime: ~}\n  update:\n\
                    write_files: [{path: /a, owner: , content: ''}]\nssh_authorized_keys: ~\nmanage_etc_hosts: !!null\n";
        let keys: Vec<_> = found(text).into_iter().map(|(rule, at, ..)| format!("{rule} {at}")).collect();
        let wanted = ["users", "hostname", "content", "enable", "update", "owner"];
        assert_eq!(keys, wanted.map(|key| format!("nothing-there {key}")));
        assert_eq!(found("coreos:\n  units:\n@\n"), [], "what is cut off may have gone on");
    }

    #[test]
    fn a_token_that_became_nothing_is_something() {
        let count = |text: &str| {
            let substituted = substitute(text, &Addresses::default());
            lint(&parse(&substituted.text, |at| substituted.origin(at)), text).len()
        };
        for token in ["$public_ipv4", " # here\n\n    $private_ipv6$public_ipv4"] {
            assert_eq!(count(&format!("hostname: {token}\nwrite_files:\n- {{path: /a}}\n")), 0, "{token}");
        }
        assert_eq!(count("hostname: # $public_ipv4\nusers:\n- name: $public_ipv4\n"), 1);
    }

    #[test]
    fn what_is_old_is_told_and_why() {
        let text =
            "coreos:\n  etcd: {name: a, max-wals: 3}\n  etcd2: {ca_file: a}\nusers: [{coreos-ssh-import-url: a}]\n";
        let messages: Vec<_> =
            found(text).into_iter().map(|(rule, at, message, _)| format!("{rule} {at}: {message}")).collect();
        assert_eq!(
            messages,
            [
                "deprecated etcd: `etcd` is deprecated: no longer shipped in Container Linux; applied anyway",
                "obsolete max-wals: `max-wals` is obsolete: etcd2 options no longer work for etcd; applied anyway",
                "deprecated etcd2: `etcd2` is deprecated: no longer shipped in Container Linux; applied anyway",
                "deprecated ca_file: `ca_file` is deprecated: ca_file and peer_ca_file are obsoleted by trusted_ca_file \
                 and client_cert_auth; applied anyway",
                "deprecated coreos-ssh-import-url: `coreos-ssh-import-url` is deprecated: logins depend on another \
                 server at every boot; applied anyway",
            ]
        );
    }

    #[test]
    fn through_aliases_a_key_is_told_of_once() {
        let text = "users:\n- &u {nam: x}\n- *u\n- {<<: *u, name: y}\n";
        assert_eq!(found(text).len(), 1);
    }

    #[test]
    fn a_line_that_is_no_key_is_not_shown() {
        let (_, message, help) = one("hunter2 is my password: x");
        assert_eq!((message.as_str(), help.as_str()), ("unknown key <redacted>; key ignored", ""));
    }

    #[test]
    fn empty_items_are_reported() {
        for text in [
            "ssh_authorized_keys:\n-\n- a\n",
            "ssh_authorized_keys: [\"\", a]",
            "ssh_authorized_keys: [~]",
            "ssh_authorized_keys: ['  ']",
            "users: [{name: a, groups: [a, '']}]",
            "users: [{name: a, ssh_authorized_keys: [\"\"]}]",
        ] {
            let (rule, message, _) = one(text);
            assert_eq!(rule, "nothing-there", "{text}");
            assert_eq!(message, "empty item; item ignored", "{text}");
        }
        assert_eq!(found("ssh_authorized_keys: [a]\nusers: [{groups: [b]}]"), []);
    }

    #[test]
    fn a_lost_default_user_of_cloud_init_is_named() {
        for (text, rule, lost) in [
            ("user: {name: ada, shell: /bin/sh}", "unknown-key", "; user ada is not created"),
            ("user: {name: ada, passwd: x}", "detached-key", "; user ada is not created"),
            ("user: {name: core, shell: /bin/sh}", "unknown-key", "; the fields below it are not applied"),
            ("user: {shell: /bin/sh}", "unknown-key", "; the fields below it are not applied"),
            ("user: {name: core}", "unknown-key", "of cloud-init; key ignored"),
            ("user: ada", "unknown-key", "of cloud-init; key ignored"),
        ] {
            let (found, message, _) = one(text);
            assert!(found == rule && message.ends_with(lost), "{text}: {found} {message}");
        }
    }

    #[test]
    fn keys_that_tools_always_write_are_notes() {
        let (rule, message, help) = one("package_upgrade: true");
        assert_eq!((rule, help.as_str()), ("foreign-key", ""));
        assert_eq!(message, "`package_upgrade` is a key of cloud-init that requests nothing here; key ignored");
        assert_eq!(one("ssh_pwauth: true").0, "unknown-key");
        assert_eq!(one("coreos: {package_update: true}").0, "unknown-key");
        let (rule, message, help) = one("user: hunter2");
        assert_eq!(rule, "unknown-key");
        assert!(message.contains("cloud-init") && help.contains("default user"), "{message} {help}");
    }
}
