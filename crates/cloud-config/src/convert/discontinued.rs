//! Units and commands of old images that the image of a result does not have.

use std::collections::BTreeSet;

use super::Converter;
use super::model::Variant;
use crate::diagnostic::Span;

/// Units of `CoreOS` that no image has any more, with the reason.
const DISCONTINUED: [(&str, &str); 8] = [
    ("etcd.service", "etcd 0.4 was discontinued; Flatcar has etcd-member.service"),
    ("etcd2.service", "etcd 2 was discontinued; Flatcar has etcd-member.service"),
    ("fleet.service", "fleet was discontinued in 2018"),
    ("fleet.socket", "fleet was discontinued in 2018"),
    ("early-docker.service", "the image has no second Docker daemon; flanneld.service uses docker.service"),
    ("early-docker.socket", "the image has no second Docker daemon; flanneld.service uses docker.service"),
    ("early-docker.target", "the image has no second Docker daemon; flanneld.service uses docker.service"),
    ("rkt-metadata.service", "rkt was discontinued in 2020"),
];

/// Units that only Flatcar has.
const FLATCAR_UNITS: [(&str, &str); 4] = [
    ("etcd-member.service", "Fedora CoreOS has no etcd"),
    ("flanneld.service", "Fedora CoreOS has no flannel"),
    ("locksmithd.service", "Fedora CoreOS has Zincati in place of locksmith"),
    ("update-engine.service", "Fedora CoreOS has Zincati in place of update-engine"),
];

/// The reason why the image does not have the unit `name`, if that is known.
pub fn missing(variant: Variant, name: &str) -> Option<&'static str> {
    let reason =
        |table: &[(&str, &'static str)]| table.iter().find(|(unit, _)| *unit == name).map(|(_, reason)| *reason);
    if variant == Variant::Fcos && matches!(name, "etcd.service" | "etcd2.service") {
        return Some("Fedora CoreOS has no etcd");
    }
    reason(&DISCONTINUED).or_else(|| reason(&FLATCAR_UNITS).filter(|_| variant == Variant::Fcos))
}

/// Commands of old images that no image has any more, with the reason.
const COMMANDS: [(&str, &str); 5] = [
    ("etcd2", "etcd 2 was discontinued"),
    ("fleetctl", "fleet was discontinued in 2018"),
    ("fleetd", "fleet was discontinued in 2018"),
    ("actool", "rkt was discontinued in 2020"),
    ("rkt", "rkt was discontinued in 2020"),
];

/// The directories of the commands of an image.
const DIRECTORIES: [&str; 4] = ["/bin/", "/sbin/", "/usr/bin/", "/usr/sbin/"];

/// Words that a shell or `env` runs a command behind.
const BEFORE_COMMAND: [&str; 14] =
    ["!", "&&", ";", "do", "elif", "else", "env", "exec", "if", "sudo", "then", "until", "while", "||"];

/// Subcommands of etcdctl that only the API of etcd 2 has.
const ETCDCTL_V2: [&str; 11] =
    ["cluster-health", "exec-watch", "ls", "mk", "mkdir", "rm", "rmdir", "set", "setdir", "update", "updatedir"];
/// Subcommands of etcdctl of its present API, which end the search for the others.
const ETCDCTL_V3: [&str; 8] = ["del", "endpoint", "get", "lease", "member", "put", "snapshot", "watch"];

/// Something that a text needs and that the image does not have.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Missing {
    Unit(String, &'static str),
    Command(String, &'static str),
    /// A subcommand of etcdctl.
    OfEtcd2(&'static str),
}

impl Converter<'_> {
    /// Reports the units and commands that a unit or a script needs, and that the image does not have.
    pub(super) fn report_missing(&mut self, text: &str, subject: &str, span: Option<Span>) {
        let variant = self.options.variant;
        let units = missing_dependencies(text, variant).into_iter();
        let mut found: BTreeSet<_> = units.map(|(name, reason)| Missing::Unit(name.to_owned(), reason)).collect();
        found.extend(missing_commands(text, variant));
        for missing in found {
            let (difference, help) = match missing {
                Missing::Unit(name, _) if self.brings(&name) => continue,
                Missing::Unit(name, _) => {
                    let is_etcd = name.starts_with("etcd") && variant == Variant::Flatcar;
                    let difference = format!("its content contains {name}, which the image does not have");
                    (difference, is_etcd.then_some("write etcd-member.service in its place"))
                }
                Missing::Command(name, reason) => {
                    (format!("it runs `{name}`, which the image does not have: {reason}"), None)
                }
                Missing::OfEtcd2(command) => {
                    let difference =
                        format!("it runs `etcdctl {command}` of etcd 2, which etcdctl 3.4 and newer do not know");
                    let help = "use a command of etcd 3, such as `etcdctl put`; for the data of the v2 API, set `ETCDCTL_API=2` \
                                and start etcd with `ETCD_ENABLE_V2=true`";
                    (difference, Some(help))
                }
            };
            self.changed(span, subject, &difference, help);
        }
    }
}

/// The units of old images that the settings of a unit name, with the reasons.
fn missing_dependencies(text: &str, variant: Variant) -> BTreeSet<(&str, &'static str)> {
    let dependencies = text.lines().filter_map(|line| {
        let (key, value) = line.split_once('=')?;
        let is_dependency = matches!(
            key.trim(),
            "Requires"
                | "Requisite"
                | "Wants"
                | "BindsTo"
                | "PartOf"
                | "Upholds"
                | "After"
                | "Before"
                | "WantedBy"
                | "RequiredBy"
        );
        is_dependency.then_some(value)
    });
    let names = dependencies.flat_map(str::split_whitespace);
    names.filter_map(|name| Some((name, missing(variant, name)?))).collect()
}

/// The commands in the file of a unit or in a script that the image cannot run.
fn missing_commands(text: &str, variant: Variant) -> Vec<Missing> {
    let mut found = Vec::new();
    let is_for_etcd_2 = text.contains("ETCDCTL_API=2");
    let text = text.replace("\\\r\n", " ").replace("\\\n", " ");
    for line in text.lines().map(str::trim).filter(|line| !line.starts_with(['#', ';'])) {
        let line = line.strip_prefix("Exec").and_then(|setting| setting.split_once('=')).map_or(line, |(_, value)| {
            // The prefixes of a command line (systemd.service(5)).
            value.trim().trim_start_matches(['@', '-', '+', '!', ':'])
        });
        let line = line.replace(['"', '\''], " ");
        let line = [";", "|", "&", "(", ")", "{", "}", "`"].iter().fold(line, |line, end| line.replace(end, " ; "));
        let words: Vec<_> = line.split_whitespace().collect();
        let mut before = ";";
        for (at, word) in words.iter().enumerate() {
            let rest = words[at + 1..].iter().take_while(|word| **word != ";");
            match command(word, before) {
                Some("etcdctl") if variant == Variant::Fcos => {
                    found.push(Missing::Command("etcdctl".to_owned(), "Fedora CoreOS has no etcd"));
                }
                Some("etcdctl") if !is_for_etcd_2 => {
                    let mut known = rest.filter(|word| ETCDCTL_V2.contains(word) || ETCDCTL_V3.contains(word));
                    let name = known.next().and_then(|word| ETCDCTL_V2.iter().find(|name| *name == word));
                    found.extend(name.map(|name| Missing::OfEtcd2(name)));
                }
                Some("systemctl") => {
                    let names = rest.map(|word| format!("{word}{}", if word.contains('.') { "" } else { ".service" }));
                    found.extend(names.filter_map(|name| {
                        let reason = missing(variant, &name)?;
                        Some(Missing::Unit(name, reason))
                    }));
                }
                Some(name) => {
                    let known = COMMANDS.iter().find(|(known, _)| *known == name);
                    found.extend(known.map(|(name, reason)| Missing::Command((*name).to_owned(), reason)));
                }
                None => {}
            }
            before = word;
        }
    }
    found
}

/// The name of the command of an image that `word` is; `before` is the word before it.
fn command<'w>(word: &'w str, before: &str) -> Option<&'w str> {
    let start =
        |word: &str| DIRECTORIES.iter().find(|directory| word.starts_with(**directory)).map(|found| found.len());
    if let Some(start) = start(word) {
        return Some(&word[start..]);
    }
    let before = &before[start(before).unwrap_or_default()..];
    let is_of_shell = before.starts_with('-') && !before.starts_with("--") && before.ends_with('c');
    let is_run = BEFORE_COMMAND.contains(&before) || is_of_shell || before.contains('=') && !before.starts_with('-');
    is_run.then_some(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_that_the_image_lacks_are_found() {
        let found = |text: &str| {
            let found = missing_commands(text, Variant::Flatcar).into_iter().map(|missing| match missing {
                Missing::Unit(name, _) | Missing::Command(name, _) => name,
                Missing::OfEtcd2(command) => format!("etcdctl {command}"),
            });
            found.collect::<Vec<_>>().join(", ")
        };
        for (text, expected) in [
            ("ExecStart=/usr/bin/etcdctl set /a b", "etcdctl set"),
            ("ExecStart=-/usr/bin/etcdctl --peers 127.0.0.1:2379 \\\n  mk /a b", "etcdctl mk"),
            ("ExecStartPre=/bin/sh -c 'until etcdctl ls; do sleep 1; done'", "etcdctl ls"),
            (
                "if ! etcdctl --no-sync cluster-health | grep -q ok; then fleetctl start a; fi",
                "etcdctl cluster-health, fleetctl",
            ),
            ("out=$(etcdctl ls /a)\nFLEETCTL_ENDPOINT=x fleetctl list-units", "etcdctl ls, fleetctl"),
            ("ExecStart=/usr/bin/rkt run a", "rkt"),
            ("ExecStart=/usr/bin/env fleetctl list-units", "fleetctl"),
            ("ExecStart=/usr/bin/bash -c \"rkt run a\"", "rkt"),
            ("systemctl restart etcd2 docker && systemctl stop fleet.socket", "etcd2.service, fleet.socket"),
            ("ExecStart=/usr/bin/etcdctl put set ls", ""),
            ("Environment=ETCDCTL_API=2\nExecStart=/usr/bin/etcdctl set /a b", ""),
            ("ExecStart=/opt/bin/fleetctl list-units", ""),
            ("# fleetctl list-units\necho rkt; ls /etc/rkt", ""),
            ("docker run quay.io/coreos/etcd2 etcd2", ""),
            ("Description=fleetctl of a machine", ""),
            ("ExecStart=/usr/bin/docker run --name=etcd2 etcd2", ""),
        ] {
            assert_eq!(found(text), expected, "{text}");
        }
        let of_fcos = missing_commands("etcdctl get /a", Variant::Fcos);
        assert_eq!(of_fcos, [Missing::Command("etcdctl".to_owned(), "Fedora CoreOS has no etcd")]);
    }
}
