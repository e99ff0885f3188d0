//! The output of `--print-config` is read again without a complaint, does the same, and shows no secret.

mod documents;
mod program;

use std::collections::HashSet;
use std::fmt::Write as _;

use cloud_config::address_tokens::Addresses;
use cloud_config::config::options::{OptionType, TABLES};
use cloud_config::config::ssh_key;
use cloud_config::diagnostic::Severity;
use cloud_config::document::{self, Document};
use cloud_config::plan::{Facts, Item, KeySet, Plan, Principal, Refused, Step};
use cloud_config::print::{self, Secrets, Understood};
use cloud_config::text::secret::REDACTED;
use cloud_config::user_data;

use documents::SourceText;

/// The parts of user-data with their plans.
fn read(bytes: &[u8], addresses: &Addresses) -> Vec<(Document, Plan)> {
    let parts = user_data::split("user-data", bytes.to_vec());
    let facts = Facts { hostname: "machine".to_owned(), ..Facts::default() };
    let read = parts.into_iter().map(|part| document::read(part, addresses, false));
    read.map(|document| (document.plan(&facts, "set"), document)).map(|(plan, document)| (document, plan)).collect()
}

fn understood(read: &[(Document, Plan)], secrets: Secrets) -> Vec<Understood> {
    read.iter().map(|(document, plan)| Understood::new(document, plan, secrets)).collect()
}

fn printed(read: &[(Document, Plan)], secrets: Secrets) -> String {
    print::user_data(&understood(read, secrets))
}

/// Reads a printed text; it has no tokens left to replace.
fn again(text: &str) -> Vec<(Document, Plan)> {
    let read = read(text.as_bytes(), &Addresses::default());
    for (_, plan) in &read {
        for finding in &plan.findings {
            // The account is created, and the printed text has the same finding for its keys.
            let fine = finding.rule.id == "keys-without-home"
                || !finding.is_error() && !["unknown-address", "unknown-key"].contains(&finding.rule.id);
            assert!(fine, "{} in\n{text}", finding.message);
        }
        assert!(plan.refused.iter().all(|refused| refused.redacted), "{:?} in\n{text}", plan.refused);
    }
    read
}

/// Everything that a run would do: access, and the steps that nothing prevents.
fn done(read: &[(Document, Plan)]) -> Vec<Step> {
    let mut done = Vec::new();
    for (document, plan) in read {
        done.extend(document.access.hostname.clone().map(|(hostname, _)| Step::SetHostname(hostname)));
        let keys = document.access.keys.clone();
        let (user, set) = ("core".to_owned(), "set".to_owned());
        if !keys.is_empty() {
            done.push(Step::AuthorizeKeys(KeySet { user, set, keys }));
        }
        let (mut units, mut users) = (HashSet::new(), HashSet::new());
        for Refused { item, .. } in plan.refused.iter().filter(|refused| !refused.redacted) {
            match item {
                Item::Unit(unit) | Item::DropIn { unit, .. } => units.insert(unit),
                Item::User(user) => users.insert(user),
                _ => false,
            };
        }
        let made = |step: &Step| match step {
            Step::EnsureUser(account) => Some(account.name.clone()),
            _ => None,
        };
        let made: HashSet<_> = plan.steps.iter().filter_map(|planned| made(&planned.step)).collect();
        done.extend(plan.steps.iter().map(|planned| planned.step.clone()).filter(|step| match step {
            Step::EnableUnit(scope) => !units.contains(&scope.unit),
            Step::UnitCommand(command) => !units.contains(&command.unit),
            Step::WriteFile(file) => match &file.owner.user {
                Some(Principal::Name(name)) => !users.contains(name) || made.contains(name),
                _ => true,
            },
            _ => true,
        }));
    }
    done
}

/// Returns true if `text` has a secret. Public keys, with their whole line, are not secrets.
fn shows_secret(text: &str) -> bool {
    let is_key = |line: &str| {
        let item = line.trim().trim_start_matches("- ").trim_end_matches(',').trim_matches(['"', '\'']);
        ssh_key::is_key(&item.replace("\\\"", "\""))
    };
    text.lines().any(|line| line.contains("hunter2") && !is_key(line))
}

fn hold(SourceText { name, bytes, addresses }: &SourceText) {
    let first = read(bytes, addresses);

    let shown = printed(&first, Secrets::Shown);
    let second = again(&shown);
    assert_eq!(done(&second), done(&first), "{name}: printed with its secrets, it does something else:\n{shown}");
    assert_eq!(printed(&second, Secrets::Shown), shown, "{name}: printed again, it is different");

    let redacted = printed(&first, Secrets::Redacted);
    assert_eq!(printed(&second, Secrets::Redacted), redacted, "{name}: a detour changes what is redacted");
    let third = again(&redacted);
    assert_eq!(printed(&third, Secrets::Redacted), redacted, "{name}: printed again, what is redacted is different");
    let json = cloudinit::report::configuration::json("user-data", &[], &understood(&first, Secrets::Redacted));
    assert!(!shows_secret(&redacted) && !shows_secret(&json), "{name}: this shows a secret:\n{redacted}");

    // Redaction adds no step.
    let has_redacted = |step: &Step| match step {
        Step::WriteFile(file) => file.content.expose().windows(REDACTED.len()).any(|part| part == REDACTED.as_bytes()),
        Step::EnsureUser(account) => account.passwd.as_ref().is_some_and(|hash| hash.expose() == REDACTED),
        Step::ImportKeys(import) => import.url.expose().contains(REDACTED),
        _ => false,
    };
    let known = done(&first);
    for step in done(&third) {
        assert!(!has_redacted(&step) || known.contains(&step), "{name}: {step} writes a redacted secret");
    }
    // A redacted secret is worth a note, and nothing more.
    let most = |read: &[(Document, Plan)]| {
        let severities =
            read.iter().flat_map(|(_, plan)| &plan.findings).map(cloud_config::diagnostic::Finding::severity);
        severities.max().unwrap_or(Severity::Note)
    };
    assert!(most(&third) <= most(&second), "{name}: redacted secrets are reported as problems:\n{redacted}");
}

#[test]
fn a_printed_configuration_does_the_same_and_is_printed_the_same() {
    let documents = documents::all();
    assert!(documents.len() > 150, "only {} documents", documents.len());
    documents.iter().for_each(hold);
}

/// A document in the spelling that is printed, with every key there is.
fn canonical() -> String {
    let mut text = include_str!("canonical.yml").to_owned();
    for table in TABLES {
        let _ = writeln!(text, "  {}:", table.section);
        for option in table.options {
            let value = match option.kind {
                OptionType::Text => option.name,
                OptionType::Int => "7",
                OptionType::Float => "1.5",
                OptionType::Bool => "true",
            };
            let _ = writeln!(text, "    {}: {value}", option.name);
        }
    }
    text
}

#[test]
fn a_document_with_every_key_is_printed_as_it_is() {
    let text = canonical();
    let read = read(text.as_bytes(), &Addresses::default());
    assert_eq!(printed(&read, Secrets::Shown), text);
    let schema = cloud_config::json_schema::schema().to_value();
    let definitions = schema["$defs"].as_object().unwrap().values().chain([&schema]);
    for key in definitions.filter_map(|mapping| mapping["properties"].as_object()).flat_map(|keys| keys.keys()) {
        assert!(text.contains(&format!("{key}:")), "{key} is not there");
    }
}

/// `text` without the key that line `at` begins, and what stands below it; `None` if the line begins no key.
fn without_key(text: &str, at: usize) -> Option<String> {
    let mut lines: Vec<_> = text.lines().collect();
    let line = lines[at];
    let (indent, key) = line.split_at(line.len() - line.trim_start_matches([' ', '-']).len());
    let (name, _) = key.split_once(':')?;
    name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_').then_some(())?;
    let width = |line: &str| line.len() - line.trim_start().len();
    let is_below = |line: &&&str| {
        line.is_empty() || width(line) > indent.len() || width(line) == indent.len() && line.trim().starts_with("- ")
    };
    let below = lines[at + 1..].iter().take_while(is_below).count();
    lines.drain(at + 1..=at + below);
    lines[at] = if indent.contains('-') { indent.trim_end() } else { "" };
    Some(lines.join("\n") + "\n")
}

/// A key that the planner does not look at would be accepted, and do nothing.
#[test]
fn every_key_is_planned() {
    let text = canonical();
    let planned = |text: &str| done(&read(text.as_bytes(), &Addresses::default()));
    let whole = planned(&text);
    let mut count = 0;
    for at in 1..text.lines().count() {
        if let Some(without) = without_key(&text, at) {
            let line = text.lines().nth(at).unwrap();
            assert_ne!(planned(&without), whole, "nothing is planned for line {}: {line}", at + 1);
            count += 1;
        }
    }
    assert!(count > 150, "only {count} keys");
}

#[test]
fn secrets_are_redacted() {
    let read = read(canonical().as_bytes(), &Addresses::default());
    let redacted = printed(&read, Secrets::Redacted);
    assert!(redacted.starts_with("#cloud-config\n# Secrets are redacted."), "{redacted}");
    assert_eq!(redacted.matches(": <secret>\n").count(), 19, "{redacted}");
    for hidden in ["hunter2", "echo", "$6$"] {
        assert!(!redacted.contains(hidden), "{hidden} in\n{redacted}");
    }
    for shown in ["ssh-ed25519 AAAA", "server: https://<secret>@update.example.com/v1?<secret>", "gecos: Ada Lovelace"]
    {
        assert!(redacted.contains(shown), "{shown} not in\n{redacted}");
    }
}

#[test]
fn an_alias_of_a_secret_is_redacted() {
    let text = "#cloud-config\ncoreos:\n  fleet: {etcd_password: &p hunter2, etcd_username: *p, metadata: a=b}\n  \
                etcd2: {name: *p, data_dir: &h hunter2hash}\nusers: [{name: a, passwd: *h}]\n";
    let redacted = printed(&read(text.as_bytes(), &Addresses::default()), Secrets::Redacted);
    assert!(!redacted.contains("hunter2") && redacted.contains("metadata: a=b"), "{redacted}");
    assert_eq!(redacted.matches(": <secret>\n").count(), 5, "{redacted}");
}

/// Prints a text, without its first line, with its secrets.
fn shown(text: &str) -> String {
    printed(&read(format!("#cloud-config\n{text}").as_bytes(), &Addresses::default()), Secrets::Shown)
}

#[test]
fn only_applied_values_are_printed() {
    for (text, printed) in [
        ("", ""),
        ("users:\ncoreos: {update: , oem: {}, flannel: }", ""),
        ("bogus: 1\nhostname: a b", ""),
        ("hostname: [a]\nmanage_etc_hosts: all", ""),
        ("hostname: a\nHostname: b\nhost-name: c", "hostname: a\n"),
        ("write_files: [{path: /a, content: [b]}, {path: /c}]", "write_files:\n- path: /c\n"),
        ("users: [{gecos: a}, {name: b, gecos: 'c:d', enable: no}]", "users:\n- name: b\n"),
        ("users: [{name: a/b, passwd: 'b:c'}]\nwrite_files: [{path: /a, owner: 'a:b:c'}]", ""),
        (
            "users: [{name: a, passwd: 'b:c', shell: zsh, homedir: /proc, primary_group: 'a:b', groups: 'x:y, z'}]",
            "users:\n- name: a\n  groups:\n  - z\n",
        ),
        ("users: [{name: a, groups: 'b, c,'}]", "users:\n- name: a\n  groups:\n  - b\n  - c\n"),
        ("ssh_authorized_keys: -----BEGIN OPENSSH PRIVATE KEY-----", ""),
        ("coreos: {etcd2: , update: {reboot_strategy: never, group: a}}", "coreos:\n  etcd2: {}\n"),
        ("coreos: {etcd2: {name: '', max_wals: 0, debug: no}}", "coreos:\n  etcd2: {}\n"),
        (
            "write_files: [{path: /run/flannel/options.env/a}]\ncoreos: {flannel: {interface: b}}",
            "write_files:\n- path: /run/flannel/options.env/a\n",
        ),
        (
            "write_files: [{path: /run/systemd/system/etcd2.service.d/20-cloudinit.conf/a}]\ncoreos: {etcd2: {name: b}}",
            "write_files:\n- path: /run/systemd/system/etcd2.service.d/20-cloudinit.conf/a\n",
        ),
        (
            "coreos: {units: [{name: a.service, command: go, enable: yes, drop-ins: [{name: b.conf}]}]}",
            "coreos:\n  units:\n  - name: a.service\n    enable: true\n",
        ),
        (
            "coreos: {units: [{name: a.service, command: start, enable: y, drop-ins: [{name: b, content: []}]}]}",
            "coreos:\n  units:\n  - name: a.service\n",
        ),
        (
            "write_files: [{path: /a, encoding: gz, content: !!binary H4sIAAAAAAAA/8tIzcnJBwCGphA2BQAAAA==}]",
            "write_files:\n- path: /a\n  content: H4sIAAAAAAAA/8tIzcnJBwCGphA2BQAAAA==\n  encoding: gzip+base64\n",
        ),
    ] {
        assert_eq!(shown(text), format!("#cloud-config\n{printed}"), "{text}");
    }
}

#[test]
fn of_a_broken_document_only_access_is_printed() {
    let broken = "hostname: a\nwrite_files:\n- path: /a\nusers: [{name: b}]\ncoreos: \"\n";
    assert_eq!(shown(broken), "#cloud-config\nhostname: a\n");
}

#[test]
fn other_forms_are_printed_by_their_effect() {
    let print = |text: &str, secrets| printed(&read(text.as_bytes(), &Addresses::default()), secrets);
    assert_eq!(print("", Secrets::Redacted), "#cloud-config\n");
    let script = "#!/bin/sh\necho hunter2 \\$public_ipv4";
    assert_eq!(print(script, Secrets::Shown), script);
    let redacted = print(script, Secrets::Redacted);
    assert!(redacted.starts_with("#cloud-config\n# This is a script.") && !redacted.contains("hunter2"), "{redacted}");
    let ignition = print(r#"{"ignition": {"version": "2.0.0"}, "passwd": "hunter2"}"#, Secrets::Shown);
    assert_eq!(ignition, "#cloud-config\n", "that is left to Ignition");
}

#[test]
fn several_parts_are_a_multipart() {
    let parts = ["#cloud-config\nhostname: a\nusers: [{name: b, passwd: hunter2}]\n", "#!/bin/sh\necho hunter2"];
    let read: Vec<_> = parts.iter().flat_map(|text| read(text.as_bytes(), &Addresses::default())).collect();
    let text = printed(&read, Secrets::Shown);
    let boundary = text.split('"').nth(1).unwrap();
    let expected = format!(
        "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=\"{boundary}\"\n\n\
         --{boundary}\nContent-Type: text/cloud-config; charset=\"utf-8\"\nContent-Transfer-Encoding: 8bit\n\n\
         #cloud-config\nhostname: a\nusers:\n- name: b\n  passwd: hunter2\n\n\
         --{boundary}\nContent-Type: text/x-shellscript; charset=\"utf-8\"\nContent-Transfer-Encoding: 8bit\n\n\
         #!/bin/sh\necho hunter2\n--{boundary}--\n"
    );
    assert_eq!(text, expected);
    let named = text.replacen("8bit\n", "8bit\nContent-Disposition: attachment; filename=\"a.yml\"\n", 1);
    assert_eq!(printed(&again(&named), Secrets::Shown), named, "a file name is kept");
    let redacted = printed(&read, Secrets::Redacted);
    assert!(!redacted.contains("hunter2") && !redacted.contains("x-shellscript"), "{redacted}");
    assert_eq!(redacted.matches("\n#cloud-config\n# ").count(), 2, "{redacted}");
}
