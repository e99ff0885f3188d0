//! A run that changes the machine: access first, then the parts (spec §1).

use std::time::Duration;

use log::Level;

use super::gather::{Gathered, find};
use super::prepare::{Asked, Before, Prepared, asked_by, facts, prepare};
use super::{Surroundings, fail, setup, told};
use crate::apply::{self, ApplyState, Executor as _};
use crate::cli::Options;
use crate::deadline::Deadline;
use crate::host::machine::Host;
use crate::host::root::shown;
use crate::logger::{Event, tell};
use crate::outcome::{Outcome, Reporter, StepOutcome};
use cloud_config::document::Reading;
use cloud_config::plan::{self, CORE, Environment, Facts, Planned, Step};
use cloud_config::text::Lines;
use cloud_config::user_data::Form;

/// Another run may hold the machine this long (spec §1).
const LOCK_LIMIT: Duration = Duration::from_secs(120);

/// Applies user-data; the answer is whether anything failed.
pub(super) fn apply(
    options: &Options,
    surroundings: &Surroundings<'_>,
    deadline: Deadline,
    outcome: &mut Outcome,
) -> bool {
    if options.changes_this_machine() && !crate::host::is_root() {
        fail(outcome, "only root can change this machine; --dry-run shows the plan to everybody".to_owned());
        return true;
    }
    if options.changes_this_machine()
        && let Some(root) = &options.given_root
    {
        log::info!("--root={} is the root directory of this machine: the machine itself is changed", shown(root));
    }
    if !crate::host::is_root() {
        // Said once and first: each file that is affected only says that it cannot be given away.
        log::warn!("this is not run as root: what is to belong to others than its user cannot be put into the tree");
    }
    let mut host = match Host::open(setup(options, surroundings, deadline)) {
        Ok(host) => host,
        Err(error) => {
            fail(outcome, format!("{error:#}"));
            return true;
        }
    };
    let mut found = find(options, surroundings, deadline, outcome);
    let mut state = ApplyState::default();
    if let Some(network) = found.network.take() {
        apply_network(&network, options, deadline, &mut host, &mut state, outcome);
    }
    let gathered = found.read(options, surroundings, deadline, outcome);
    begin(&gathered, outcome);
    let locked = host.lock(deadline.most().min(LOCK_LIMIT));
    let (before, prepared) = prepare(gathered, options, &host);
    apply_access(&before, &prepared, options, &mut host, &mut state, outcome);
    if let Err(error) = locked {
        fail(outcome, format!("{error:#}; nothing but the host name and the keys of {CORE} is applied"));
        return true;
    }
    apply_environment(&before, &prepared, options, &mut host, &mut state, outcome);
    // A configuration that could not be read may list any account.
    if outcome.failures.is_empty() && !prepared.iter().any(|part| part.reading.broken) {
        let keys_of_core = before.keys.as_ref().map(|_| CORE);
        host.report_unlisted_users(&prepared.iter().flat_map(Prepared::listed_users).chain(keys_of_core).collect());
    }
    let several = prepared.len() > 1;
    for (index, part) in prepared.into_iter().enumerate() {
        if index > 0
            && part.is_work()
            && let Err(error) = host.lock(deadline.clip(LOCK_LIMIT))
        {
            fail(outcome, format!("{error:#}; {} is not applied", part.reading.part.name));
            continue;
        }
        if several && part.is_work() {
            log::info!("applying {}", part.reading.part.name);
        }
        apply_part(part, index, options, &mut host, &mut state, outcome);
    }
    if let Some(step) = state.deferred_keys.take().map(Step::AuthorizeKeys) {
        fail(outcome, format!("failed to {step}: user {CORE} does not exist"));
    }
    // The part that was to write the file did not come to that.
    if let Some(environment) = state.deferred_environment.take() {
        match host.lock(deadline.clip(LOCK_LIMIT)) {
            Ok(()) => merge(environment, &mut host, &mut state, outcome),
            Err(error) => fail(outcome, format!("{error:#}; the addresses are not merged into /etc/environment")),
        }
    }
    outcome.is_failure()
}

/// The first line of a run's story. People at a terminal know what they typed.
fn begin(gathered: &Gathered, outcome: &Outcome) {
    let forms: Vec<_> = gathered.readings.iter().map(|reading| reading.part.form).collect();
    let what = match forms.as_slice() {
        [Form::CloudConfig | Form::Script] => forms[0].words().to_owned(),
        [_, _, ..] => format!("{} parts", forms.len()),
        // What else there is has been told, or is nothing.
        _ => return,
    };
    let event = Event { source: Some(&outcome.source), later: true, ..Event::default() };
    let version = env!("CARGO_PKG_VERSION");
    tell(Level::Info, format_args!("applying {} ({what}), version {version}", outcome.source), &event);
}

/// Sets the network up before the user-data is fetched, which may need it (spec §1, step 4).
fn apply_network(
    reading: &Reading,
    options: &Options,
    deadline: Deadline,
    host: &mut Host<'_>,
    state: &mut ApplyState,
    outcome: &mut Outcome,
) {
    let plan = reading.plan(&Facts::default(), &options.key_set);
    let lines = Lines::new(reading.part.text.as_bytes());
    let mut result = told(reading, &plan, &lines);
    match host.lock(deadline.most().min(LOCK_LIMIT)) {
        Ok(()) => {
            let reporter = Reporter { name: &reading.part.name, lines: &lines };
            result.steps = apply::apply(&plan, host, state, reporter);
            // What comes next may take its time.
            host.release();
        }
        Err(error) => fail(outcome, format!("{error:#}; the {} is not applied", reading.part.name)),
    }
    outcome.parts.push(result);
}

fn apply_access(
    before: &Before,
    prepared: &[Prepared],
    options: &Options,
    host: &mut Host<'_>,
    state: &mut ApplyState,
    outcome: &mut Outcome,
) {
    let mut steps: Vec<&Asked> = before.hostname.iter().collect();
    if let Some(keys) = &before.keys {
        let comes = prepared.iter().any(|part| !part.is_barred(options) && part.makes_core());
        match &keys.planned.step {
            Step::AuthorizeKeys(keys) if comes && !host.has_user(CORE) => state.deferred_keys = Some(keys.clone()),
            _ => steps.push(keys),
        }
    }
    for Asked { part, planned } in steps {
        let (name, text) = asked_by(*part, prepared);
        let lines = Lines::new(text.as_bytes());
        let reporter = Reporter { name, lines: &lines };
        let done = apply::access(std::slice::from_ref(planned), host, state, reporter);
        outcome.access.extend(done.into_iter().map(|step| StepOutcome { part: Some(name.to_owned()), ..step }));
    }
}

/// Merges the addresses, unless a part has the last word on the file.
fn apply_environment(
    before: &Before,
    prepared: &[Prepared],
    options: &Options,
    host: &mut Host<'_>,
    state: &mut ApplyState,
    outcome: &mut Outcome,
) {
    let Some(environment) = before.environment.clone() else { return };
    if prepared.iter().any(|part| !part.is_barred(options) && part.writes_environment()) {
        state.deferred_environment = Some(environment);
    } else {
        merge(environment, host, state, outcome);
    }
}

fn merge(environment: Environment, host: &mut Host<'_>, state: &mut ApplyState, outcome: &mut Outcome) {
    let (name, lines) = (outcome.source.clone(), Lines::new(b""));
    let step = Planned { step: Step::MergeEnvironment(environment), span: None };
    outcome.access.extend(apply::access(&[step], host, state, Reporter { name: &name, lines: &lines }));
}

fn apply_part(
    part: Prepared,
    index: usize,
    options: &Options,
    host: &mut Host<'_>,
    state: &mut ApplyState,
    outcome: &mut Outcome,
) {
    let barred = part.is_barred(options).then(|| part.barred());
    let Prepared { reading, mut plan } = part;
    // What earlier steps did may have changed what the plan was made of.
    let renamed = outcome.access.iter().any(|step| step.verdict.is_failure());
    if (index > 0 || renamed) && !plan::facts_wanted(&reading.config).is_empty() {
        let findings = std::mem::take(&mut plan.findings);
        plan = reading.plan(&facts(&reading, host, None), &options.key_set);
        plan.findings = findings;
    }
    let lines = Lines::new(reading.part.text.as_bytes());
    let reporter = Reporter { name: &reading.part.name, lines: &lines };
    let mut result = told(&reading, &plan, &lines);
    if let Some(why) = barred {
        fail(outcome, why);
    } else if !reading.broken {
        result.steps = apply::apply(&plan, host, state, reporter);
    }
    outcome.parts.push(result);
}
