//! From what parts ask for to their plans, and to what comes before them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::gather::{Gathered, META_DATA, Meta};
use crate::cli::Options;
use crate::host::machine::Host;
use cloud_config::address_tokens::Addresses;
use cloud_config::config::ssh_key;
use cloud_config::document::Reading;
use cloud_config::plan::{self, BaseFile, CORE, ENVIRONMENT, Environment, Facts, Item, KeySet, Plan, Planned, Step};
use cloud_config::user_data::Form;

/// What comes before every part: the host name, the keys of `core`, the addresses (spec §1, steps 6 and 7).
#[derive(Default)]
pub(super) struct Before {
    pub hostname: Option<Asked>,
    pub keys: Option<Asked>,
    pub environment: Option<Environment>,
}

/// A step, and who asks for it first: a part, by its index, or the meta-data.
#[derive(Clone)]
pub(super) struct Asked {
    pub part: Option<usize>,
    pub planned: Planned,
}

/// The name and the text of who asks for a step.
pub(super) fn asked_by(part: Option<usize>, prepared: &[Prepared]) -> (&str, &str) {
    let part = part.map(|part| &prepared[part].reading.part);
    part.map_or((META_DATA, ""), |part| (&part.name, &part.text))
}

impl Before {
    /// `readings`, with their indices, are those that count: under `--strict`, those of which nothing is left out.
    fn new<'a>(
        readings: impl Iterator<Item = (usize, &'a Reading)>,
        addresses: &Addresses,
        meta: &Meta,
        options: &Options,
    ) -> Self {
        let mut before = Self::default();
        let mut keys = ssh_key::Keys::default();
        let mut first = None;
        for (part, Reading { access, .. }) in readings {
            if let (None, Some((name, span))) = (&before.hostname, &access.hostname) {
                let planned = Planned { step: Step::SetHostname(name.clone()), span: Some(*span) };
                before.hostname = Some(Asked { part: Some(part), planned });
            }
            access.keys.iter().for_each(|key| keys.add(key));
            if !access.keys.is_empty() {
                first.get_or_insert((Some(part), access.span));
            }
        }
        // The user's host name wins over the platform's; keys of both are authorized (spec §10).
        if let (None, Some(name)) = (&before.hostname, &meta.hostname) {
            let planned = Planned { step: Step::SetHostname(name.clone()), span: None };
            before.hostname = Some(Asked { part: None, planned });
        }
        meta.keys.iter().for_each(|key| keys.add(key));
        if !meta.keys.is_empty() {
            first.get_or_insert((None, None));
        }
        if let Some((part, span)) = first {
            let keys = KeySet { user: CORE.to_owned(), set: options.key_set.clone(), keys: keys.into_list() };
            before.keys = Some(Asked { part, planned: Planned { step: Step::AuthorizeKeys(keys), span } });
        }
        let values: BTreeMap<_, _> = addresses.variables();
        if !values.is_empty() {
            before.environment = Some(Environment { values });
        }
        before
    }

    fn hostname(&self) -> Option<&str> {
        match &self.hostname.as_ref()?.planned.step {
            Step::SetHostname(hostname) => Some(&hostname.name),
            _ => None,
        }
    }
}

/// A part with its plan.
pub(super) struct Prepared {
    pub reading: Reading,
    pub plan: Plan,
}

impl Prepared {
    /// Whether there is anything in it that could be done.
    pub fn is_work(&self) -> bool {
        matches!(self.reading.part.form, Form::CloudConfig | Form::Script)
    }

    /// Whether `--strict` leaves all of it out.
    pub fn is_barred(&self, options: &Options) -> bool {
        options.strict && self.is_work() && (self.reading.broken || self.plan.is_partial())
    }

    /// Why nothing of it is applied, where [`Self::is_barred`].
    pub fn barred(&self) -> String {
        let name = &self.reading.part.name;
        format!("{name}: nothing of it is applied, since something is wrong with it (--strict)")
    }

    /// The users that it makes, or has made already.
    pub fn users(&self) -> impl Iterator<Item = &str> {
        self.plan.steps.iter().filter_map(|planned| match &planned.step {
            Step::EnsureUser(user) => Some(user.name.as_str()),
            _ => None,
        })
    }

    /// The users that it lists: those of its steps, and those that were refused.
    pub fn listed_users(&self) -> impl Iterator<Item = &str> {
        let refused = self.plan.refused.iter().filter_map(|refused| match &refused.item {
            Item::User(name) => Some(name.as_str()),
            _ => None,
        });
        self.users().chain(refused)
    }

    pub fn makes_core(&self) -> bool {
        self.users().any(|name| name == CORE)
    }

    pub fn writes_environment(&self) -> bool {
        self.plan
            .steps
            .iter()
            .any(|planned| matches!(&planned.step, Step::WriteFile(file) if file.path == Path::new(ENVIRONMENT)))
    }
}

/// Plans every part, and what comes before them.
pub(super) fn prepare(gathered: Gathered, options: &Options, host: &Host<'_>) -> (Before, Vec<Prepared>) {
    let Gathered { readings, addresses, meta } = gathered;
    let wished = Before::new(readings.iter().enumerate(), &addresses, &meta, options);
    let prepared: Vec<_> = readings
        .into_iter()
        .map(|reading| {
            let facts = facts(&reading, host, wished.hostname());
            let plan = reading.plan(&facts, &options.key_set);
            let mut part = Prepared { reading, plan };
            if part.is_barred(options) {
                // Nor is what comes before every part set.
                let rest = part.plan.refused.iter_mut().filter(|refused| refused.item == Item::Rest);
                rest.for_each(|refused| refused.item = Item::All);
            }
            part
        })
        .collect();
    let counting = prepared.iter().enumerate().filter(|(_, part)| !part.is_barred(options));
    let before = Before::new(counting.map(|(index, part)| (index, &part.reading)), &addresses, &meta, options);
    (before, prepared)
}

/// What planning a part needs to know of the machine.
pub(super) fn facts(reading: &Reading, host: &Host<'_>, hostname: Option<&str>) -> Facts {
    let mut facts = Facts::default();
    let wanted = plan::facts_wanted(&reading.config);
    if !wanted.is_empty() {
        facts.hostname = hostname.map_or_else(|| host.hostname(), str::to_owned);
    }
    for path in wanted {
        match host.read_with_mode(Path::new(path)) {
            Ok(Some((content, mode))) => drop(facts.files.insert(path, Ok(BaseFile { content, mode }))),
            Ok(None) => {}
            Err(error) => drop(facts.files.insert(path, Err(format!("{error:#}")))),
        }
    }
    facts.read_only = read_only(reading, host);
    facts
}

/// Those folders that the part wants to put files into and that are on a read-only file system.
pub(super) fn read_only(reading: &Reading, host: &Host<'_>) -> BTreeSet<PathBuf> {
    plan::folders_wanted(&reading.config).into_iter().filter(|folder| host.is_read_only(folder)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{self, Request};
    use cloud_config::{document, user_data};

    fn before(text: &str, meta: &Meta) -> Before {
        let Ok(Request::Run(options)) = cli::parse(["--from-file=x".into()]) else { panic!("this is a run") };
        let parts = user_data::split("x", text.as_bytes().to_vec());
        let addresses = Addresses::default();
        let readings: Vec<_> = parts.into_iter().map(|part| document::read(part, &addresses, false)).collect();
        Before::new(readings.iter().enumerate(), &addresses, meta, &options)
    }

    fn key(name: &str) -> String {
        format!("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDhmj/882riP+2GKg9KPw4z7LbUf+UALTw+cO/+L/PMK {name}")
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
        let before = before(&text, &Meta::default());
        let hostname = before.hostname.unwrap();
        assert_eq!((hostname.part, hostname.planned.span.map(|span| span.start)), (Some(4), Some(15)));
        assert!(matches!(&hostname.planned.step, Step::SetHostname(hostname) if hostname.name == "first"));
        let keys = before.keys.unwrap();
        assert_eq!((keys.part, keys.planned.span.map(|span| span.start)), (Some(2), Some(23)));
        let Step::AuthorizeKeys(set) = keys.planned.step else { panic!("these are keys") };
        assert_eq!(set.keys, [key("one"), key("two"), key("three")]);
    }

    #[test]
    fn the_platforms_host_name_comes_last_and_its_keys_are_added() {
        let meta = |name: &str, keys: &[String]| Meta {
            hostname: Some(plan::Hostname { name: name.to_owned() }),
            keys: keys.to_vec(),
            failed: false,
        };
        let text = format!("#cloud-config\nhostname: mine\nssh_authorized_keys: [{}]\n", key("one"));
        let both = before(&text, &meta("theirs", &[key("two"), key("one")]));
        let Step::SetHostname(hostname) = both.hostname.unwrap().planned.step else { panic!("this is a host name") };
        assert_eq!(hostname.name, "mine");
        let asked = both.keys.unwrap();
        let Step::AuthorizeKeys(set) = asked.planned.step else { panic!("these are keys") };
        assert_eq!((asked.part, set.keys), (Some(0), vec![key("one"), key("two")]));
        let theirs = before("#!/bin/sh\n", &meta("theirs", &[key("two")]));
        let hostname = theirs.hostname.unwrap();
        assert!(matches!(hostname.planned.step, Step::SetHostname(hostname) if hostname.name == "theirs"));
        assert_eq!((hostname.part, theirs.keys.unwrap().part), (None, None));
    }
}
