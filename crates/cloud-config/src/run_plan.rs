//! The plan of a whole run: all parts of the user-data, the metadata and the network, in order.
//!
//! Applying, a dry run and `--print-config` all iterate over the [`phases`](RunPlan::phases) of a [`RunPlan`], so their
//! order is the same. `plan` only plans a single part.

use std::collections::BTreeMap;
use std::path::Path;

use crate::address_tokens::Addresses;
use crate::config::ssh_key;
use crate::diagnostic::{Finding, rules};
use crate::document::{self, Document};
use crate::plan::{CORE, ENVIRONMENT, Environment, Facts, Hostname, Item, KeySet, Plan, Planned, Step};
use crate::user_data::ContentKind;

/// The name of the metadata in messages.
pub const METADATA: &str = "meta-data";

/// The settings in the metadata of the platform.
#[derive(Default)]
pub struct Metadata {
    /// The host name. A host name in the user-data takes precedence.
    pub hostname: Option<Hostname>,
    /// SSH keys for the user `core`, one per line.
    pub keys: Vec<String>,
}

/// Everything that a run has read.
#[derive(Default)]
pub struct Inputs {
    /// The platform's network description. A run applies it before it fetches user-data, which may need the network.
    pub network: Option<Document>,
    /// The parts of the user-data.
    pub documents: Vec<Document>,
    /// The addresses for `/etc/environment`.
    pub addresses: Addresses,
    /// The settings in the metadata.
    pub metadata: Metadata,
}

/// Options of the run that change its plan.
#[derive(Clone, Copy)]
pub struct Policy<'a> {
    /// True if a part with an error is rejected as a whole.
    pub strict: bool,
    /// The name of the key set for the SSH keys of the user-data.
    pub key_set: &'a str,
}

/// Functions that return facts about the machine.
pub struct Machine<'a> {
    /// Returns the facts for a part, given the host name that the run will set.
    pub facts: &'a dyn Fn(&Document, Option<&str>) -> Facts,
    /// Returns true if the user `core` exists.
    pub has_core: &'a dyn Fn() -> bool,
}

/// A step and its origin: a part, or the metadata.
#[derive(Clone)]
pub struct SourcedStep {
    /// The index of the part; `None` for the metadata.
    pub part: Option<usize>,
    /// The step.
    pub planned: Planned,
}

/// A part with its plan.
pub struct PartPlan {
    /// The part.
    pub document: Document,
    /// The plan of the part.
    pub plan: Plan,
    /// True if `--strict` rejects the part because of its errors: none of its steps is applied.
    pub is_rejected: bool,
}

impl PartPlan {
    /// Creates a part with its plan, and rejects it if `policy` requires that.
    pub fn new(document: Document, plan: Plan, policy: Policy<'_>) -> Self {
        let mut part = Self { document, plan, is_rejected: false };
        if policy.strict && part.is_work() && (part.document.access_only || part.plan.is_partial()) {
            part.is_rejected = true;
            // The host name and SSH keys of a rejected part are not set either.
            let rest = part.plan.refused.iter_mut().filter(|refused| refused.item == Item::Rest);
            rest.for_each(|refused| refused.item = Item::All);
            document::correct_rejected(&mut part.plan.findings);
        }
        part
    }

    /// Plans a network description. No facts about the machine are needed.
    pub fn network(document: Document, policy: Policy<'_>) -> Self {
        let plan = document.plan(&Facts::default(), policy.key_set);
        Self { document, plan, is_rejected: false }
    }

    /// Returns the name of the part in messages.
    pub fn name(&self) -> &str {
        &self.document.part.name
    }

    /// Returns the steps to apply; empty if the part is rejected or only its host name and SSH keys are applied.
    pub fn steps(&self) -> &[Planned] {
        if self.is_rejected || self.document.access_only { &[] } else { &self.plan.steps }
    }

    /// Returns true if the part is a cloud-config or a script.
    pub const fn is_work(&self) -> bool {
        matches!(self.document.part.form, ContentKind::CloudConfig | ContentKind::Script)
    }

    /// Returns the users that the part creates or completes.
    fn users(&self) -> impl Iterator<Item = &str> {
        self.plan.steps.iter().filter_map(|planned| match &planned.step {
            Step::EnsureUser(user) => Some(user.name.as_str()),
            _ => None,
        })
    }

    /// Returns the users that the part lists: those in its steps, and refused ones.
    pub fn listed_users(&self) -> impl Iterator<Item = &str> {
        let refused = self.plan.refused.iter().filter_map(|refused| match &refused.item {
            Item::User(name) => Some(name.as_str()),
            _ => None,
        });
        self.users().chain(refused)
    }

    fn writes_environment(&self) -> bool {
        let is_environment =
            |planned: &Planned| matches!(&planned.step, Step::WriteFile(file) if file.path == Path::new(ENVIRONMENT));
        self.plan.steps.iter().any(is_environment)
    }
}

/// One phase of a run.
pub enum Phase<'a> {
    /// Files of systemd-networkd, converted from the platform's network description.
    Network(&'a PartPlan),
    /// A step that sets the host name or the SSH keys of `core`.
    Access(&'a SourcedStep),
    /// The addresses for `/etc/environment`.
    Environment(&'a Environment),
    /// A part of the user-data, with its index.
    Part(usize, &'a PartPlan),
}

/// The plan of a whole run.
pub struct RunPlan {
    network: Option<PartPlan>,
    access: Vec<SourcedStep>,
    environment: Option<Environment>,
    /// The parts of the user-data.
    pub parts: Vec<PartPlan>,
    /// The SSH keys of `core` if a part creates that user. They are set as soon as the user exists.
    pub deferred_keys: Option<SourcedStep>,
    /// The addresses if a part writes `/etc/environment` itself. They are merged into the file only if that fails.
    pub deferred_environment: Option<Environment>,
}

impl RunPlan {
    /// Plans all parts of a run.
    pub fn new(inputs: Inputs, policy: Policy<'_>, machine: &Machine<'_>) -> Self {
        let Inputs { network, documents, addresses, metadata } = inputs;
        // Planning for `/etc/hosts` needs the host name, before it is known which parts `--strict` rejects.
        let wanted = hostname(documents.iter().enumerate(), &metadata);
        let name = wanted.as_ref().and_then(|wanted| match &wanted.planned.step {
            Step::SetHostname(hostname) => Some(hostname.name.as_str()),
            _ => None,
        });
        let mut parts: Vec<_> = documents
            .into_iter()
            .map(|document| {
                let plan = document.plan(&(machine.facts)(&document, name), policy.key_set);
                PartPlan::new(document, plan, policy)
            })
            .collect();
        report_later_hostnames(&mut parts);
        let counted = || parts.iter().enumerate().filter(|(_, part)| !part.is_rejected);
        let documents = || counted().map(|(index, part)| (index, &part.document));
        let mut access: Vec<_> = hostname(documents(), &metadata).into_iter().collect();
        let keys = keys_of_core(documents(), &metadata, policy);
        let is_created = || counted().any(|(_, part)| part.users().any(|name| name == CORE));
        let deferred_keys = if keys.is_some() && is_created() && !(machine.has_core)() {
            keys
        } else {
            access.extend(keys);
            None
        };
        let values: BTreeMap<_, _> = addresses.variables();
        let environment = Some(Environment { values }).filter(|environment| !environment.values.is_empty());
        let (deferred_environment, environment) = if counted().any(|(_, part)| part.writes_environment()) {
            (environment, None)
        } else {
            (None, environment)
        };
        let network = network.map(|document| PartPlan::network(document, policy));
        Self { network, access, environment, parts, deferred_keys, deferred_environment }
    }

    /// Returns the phases of the run in order.
    pub fn phases(&self) -> impl Iterator<Item = Phase<'_>> {
        let network = self.network.iter().map(Phase::Network);
        let access = self.access.iter().map(Phase::Access);
        let environment = self.environment.iter().map(Phase::Environment);
        let parts = self.parts.iter().enumerate().map(|(index, part)| Phase::Part(index, part));
        network.chain(access).chain(environment).chain(parts)
    }

    /// Returns the name and the text of the part that a step belongs to.
    pub fn origin(&self, step: &SourcedStep) -> (&str, &str) {
        let part = step.part.map(|part| &self.parts[part].document.part);
        part.map_or((METADATA, ""), |part| (&part.name, &part.text))
    }

    /// Returns true if the run sets the host name.
    pub fn has_hostname(&self) -> bool {
        self.access.iter().any(|step| matches!(step.planned.step, Step::SetHostname(_)))
    }

    /// Returns true if the run sets keys of `core`.
    pub fn has_keys(&self) -> bool {
        let sets_keys = |step: &SourcedStep| matches!(step.planned.step, Step::AuthorizeKeys(_));
        self.deferred_keys.is_some() || self.access.iter().any(sets_keys)
    }
}

/// Reports the host names of `parts` that are ignored because an earlier part sets another one.
pub fn report_later_hostnames(parts: &mut [PartPlan]) {
    let mut used: Option<Hostname> = None;
    for PartPlan { document, plan, .. } in parts.iter_mut().filter(|part| !part.is_rejected) {
        let Some((name, span)) = &document.access.hostname else { continue };
        if used.get_or_insert_with(|| name.clone()) != name {
            let message = "an earlier part sets another host name; ignored";
            let finding = Finding::new(&rules::DUPLICATE_ITEM, *span, message).about_path("hostname");
            let place = plan.findings.partition_point(|found| found.span.is_none_or(|found| found.start <= span.start));
            plan.findings.insert(place, finding.help("keep one of them"));
        }
    }
}

/// Returns the host name of the first part that has one, otherwise that of the metadata.
fn hostname<'a>(
    mut documents: impl Iterator<Item = (usize, &'a Document)>,
    metadata: &Metadata,
) -> Option<SourcedStep> {
    let step = |part, name: &Hostname, span| SourcedStep {
        part,
        planned: Planned { step: Step::SetHostname(name.clone()), span },
    };
    documents
        .find_map(|(part, document)| {
            document.access.hostname.as_ref().map(|(name, span)| step(Some(part), name, Some(*span)))
        })
        .or_else(|| metadata.hostname.as_ref().map(|name| step(None, name, None)))
}

/// Returns the SSH keys of `core` in all parts and in the metadata. Their position is that of the first keys.
fn keys_of_core<'a>(
    documents: impl Iterator<Item = (usize, &'a Document)>,
    metadata: &Metadata,
    policy: Policy<'_>,
) -> Option<SourcedStep> {
    let mut keys = ssh_key::Keys::default();
    let mut first = None;
    for (part, Document { access, .. }) in documents {
        access.keys.iter().for_each(|key| keys.add(key));
        if !access.keys.is_empty() {
            first.get_or_insert((Some(part), access.span));
        }
    }
    metadata.keys.iter().for_each(|key| keys.add(key));
    if !metadata.keys.is_empty() {
        first.get_or_insert((None, None));
    }
    let (part, span) = first?;
    let set = KeySet { user: CORE.to_owned(), set: policy.key_set.to_owned(), keys: keys.into_list() };
    Some(SourcedStep { part, planned: Planned { step: Step::AuthorizeKeys(set), span } })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::user_data;

    fn planned(text: &str, metadata: Metadata, has_core: bool) -> RunPlan {
        let parts = user_data::split("x", text.as_bytes().to_vec());
        let addresses = Addresses::default();
        let documents = parts.into_iter().map(|part| document::read(part, &addresses, false)).collect();
        let machine = Machine { facts: &|_, _| Facts::default(), has_core: &|| has_core };
        let inputs = Inputs { documents, metadata, ..Inputs::default() };
        RunPlan::new(inputs, Policy { strict: false, key_set: "x" }, &machine)
    }

    fn hostname_of(step: &SourcedStep) -> &str {
        match &step.planned.step {
            Step::SetHostname(hostname) => &hostname.name,
            step => panic!("this sets no host name: {step}"),
        }
    }

    fn keys_of(step: &SourcedStep) -> &[String] {
        match &step.planned.step {
            Step::AuthorizeKeys(set) => &set.keys,
            step => panic!("this sets no keys: {step}"),
        }
    }

    fn key(name: &str) -> String {
        format!("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDhmj/882riP+2GKg9KPw4z7LbUf+UALTw+cO/+L/PMK {name}")
    }

    #[test]
    fn findings_of_a_rejected_part_claim_nothing() {
        let key = key("a");
        for text in [
            format!("ssh_authorized_keys:\n- - {key}\n"),
            format!("ssh_authorized_keys:\n- {key}\nwrite_files: ]\n"),
            "users:\n- name: ada\n  gecos: A\n  name: bob\n".to_owned(),
        ] {
            let part = user_data::split("x", format!("#cloud-config\n{text}").into_bytes()).remove(0);
            let document = document::read(part, &Addresses::default(), false);
            let plan = document.plan(&Facts::default(), "x");
            let part = PartPlan::new(document, plan, Policy { strict: true, key_set: "x" });
            let first = part.plan.findings.iter().find(|finding| finding.is_error());
            assert_eq!(
                part.is_rejected,
                first.is_some_and(|found| found.message.ends_with("; not applied")),
                "{first:?}"
            );
        }
    }

    #[test]
    fn the_first_host_name_and_all_keys_count() {
        let config = |lines: &str| format!("--B\nContent-Type: text/cloud-config\n\n{lines}\n");
        let text = [
            "Content-Type: multipart/mixed; boundary=B\n\n".to_owned(),
            config("a: b"),
            config(&format!("\nssh_authorized_keys: [{}, {}]", key("one"), key("two"))),
            config("hostname: -no-"),
            config("b: c\nhostname: first"),
            config(&format!(
                "hostname: second\nusers: [{{name: core, ssh_authorized_keys: [{}, {}]}}]",
                key("two"),
                key("three")
            )),
            "--B--".to_owned(),
        ]
        .concat();
        let plan = planned(&text, Metadata::default(), true);
        let [hostname, keys] = &plan.access[..] else { panic!("there are two steps of access") };
        assert_eq!((hostname.part, hostname.planned.span.map(|span| span.start)), (Some(4), Some(15)));
        assert_eq!(hostname_of(hostname), "first");
        assert_eq!((keys.part, keys.planned.span.map(|span| span.start)), (Some(2), Some(23)));
        assert_eq!(keys_of(keys), [key("one"), key("two"), key("three")]);
    }

    #[test]
    fn the_host_name_of_the_platform_comes_last_and_its_keys_are_added() {
        let metadata = |name: &str, keys: &[String]| Metadata {
            hostname: Some(Hostname { name: name.to_owned() }),
            keys: keys.to_vec(),
        };
        let text = format!("#cloud-config\nhostname: mine\nssh_authorized_keys: [{}]\n", key("one"));
        let both = planned(&text, metadata("theirs", &[key("two"), key("one")]), true);
        assert_eq!(hostname_of(&both.access[0]), "mine");
        assert_eq!((both.access[1].part, keys_of(&both.access[1])), (Some(0), &[key("one"), key("two")][..]));
        let theirs = planned("#!/bin/sh\n", metadata("theirs", &[key("two")]), true);
        assert_eq!(hostname_of(&theirs.access[0]), "theirs");
        assert_eq!((theirs.access[0].part, theirs.access[1].part), (None, None));
    }

    #[test]
    fn keys_wait_for_a_user_that_a_part_creates() {
        let text = format!("#cloud-config\nusers: [{{name: core}}]\nssh_authorized_keys: [{}]\n", key("one"));
        let waiting = planned(&text, Metadata::default(), false);
        assert!(waiting.access.is_empty() && waiting.has_keys());
        assert_eq!(keys_of(waiting.deferred_keys.as_ref().unwrap()), [key("one")]);
        let there = planned(&text, Metadata::default(), true);
        assert!(there.deferred_keys.is_none() && there.has_keys());
    }
}
