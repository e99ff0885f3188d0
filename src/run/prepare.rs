//! From what parts ask for to their plans, and to what comes before them.

use std::collections::BTreeMap;
use std::path::Path;

use crate::cli::Options;
use crate::host::machine::Host;
use crate::plan::{self, CORE, ENVIRONMENT, Environment, Facts, KeySet, Plan, Planned, Step, ssh};
use crate::reading::Reading;
use crate::substitute::Addresses;

/// What comes before every part: the host name, the keys of `core`, the addresses (spec §1, steps 6 and 7).
#[derive(Default)]
pub(super) struct Before {
    pub hostname: Option<Planned>,
    pub keys: Option<Planned>,
    pub environment: Option<Environment>,
}

impl Before {
    /// `readings` are those that count: under `--strict`, those of which nothing is left out.
    fn new<'a>(readings: impl Iterator<Item = &'a Reading>, addresses: &Addresses, options: &Options) -> Self {
        let mut before = Self::default();
        let mut keys = ssh::Keys::default();
        let mut keys_span = None;
        for reading in readings {
            if let (None, Some((name, span))) = (&before.hostname, &reading.access.hostname) {
                before.hostname = Some(Planned { step: Step::SetHostname(name.clone()), span: Some(*span) });
            }
            reading.access.keys.iter().for_each(|key| keys.add(key));
            keys_span = keys_span.or(reading.access.span);
        }
        let keys = KeySet { user: CORE.to_owned(), set: options.key_set.clone(), keys: keys.into_list() };
        if !keys.keys.is_empty() {
            before.keys = Some(Planned { step: Step::AuthorizeKeys(keys), span: keys_span });
        }
        let values: BTreeMap<_, _> = addresses.variables();
        if !values.is_empty() {
            before.environment = Some(Environment { values });
        }
        before
    }

    fn hostname(&self) -> Option<&str> {
        match &self.hostname.as_ref()?.step {
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
    /// Whether `--strict` leaves all of it out.
    pub fn is_barred(&self, options: &Options) -> bool {
        options.strict && (self.reading.broken || self.plan.is_partial())
    }

    pub fn makes_core(&self) -> bool {
        self.plan.steps.iter().any(|planned| matches!(&planned.step, Step::EnsureUser(user) if user.name == CORE))
    }

    pub fn writes_environment(&self) -> bool {
        self.plan
            .steps
            .iter()
            .any(|planned| matches!(&planned.step, Step::WriteFile(file) if file.path == Path::new(ENVIRONMENT)))
    }
}

/// Plans every part, and what comes before them.
pub(super) fn prepare(
    readings: Vec<Reading>,
    addresses: &Addresses,
    options: &Options,
    host: &Host<'_>,
) -> (Before, Vec<Prepared>) {
    let wished = Before::new(readings.iter(), addresses, options);
    let prepared: Vec<_> = readings
        .into_iter()
        .map(|reading| {
            let facts = facts(&reading, host, wished.hostname());
            let plan = reading.plan(&facts, &options.key_set);
            Prepared { reading, plan }
        })
        .collect();
    let counting = prepared.iter().filter(|part| !part.is_barred(options)).map(|part| &part.reading);
    let before = Before::new(counting, addresses, options);
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
        match host.read(Path::new(path)) {
            Ok(Some(bytes)) => drop(facts.files.insert(path, Ok(bytes))),
            Ok(None) => {}
            Err(error) => drop(facts.files.insert(path, Err(format!("{error:#}")))),
        }
    }
    facts
}
