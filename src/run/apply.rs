//! A run that changes the machine: the access steps first, then the parts (docs/applying.md).

use std::time::Duration;

use log::Level;

use super::facts::facts;
use super::gather::find;
use super::{RunContext, fail, rejected_by_strict, report_findings, report_refused, setup};
use crate::apply::{self, ApplyState, Executor as _};
use crate::cli::Options;
use crate::deadline::Deadline;
use crate::host::Host;
use crate::host::root::display_path;
use crate::logger::{Event, log_event};
use crate::outcome::{Outcome, Reporter, StepOutcome};
use cloud_config::document::Document;
use cloud_config::plan::{self, CORE, Environment, Planned, Step};
use cloud_config::run_plan::{Inputs, Machine, PartPlan, Phase, RunPlan, SourcedStep};
use cloud_config::text::Lines;
use cloud_config::user_data::ContentKind;

/// The longest wait for another run (docs/applying.md).
const LOCK_LIMIT: Duration = Duration::from_secs(120);

/// Applies user-data. Returns true if anything failed.
pub(super) fn apply(options: &Options, context: &RunContext<'_>, deadline: Deadline, outcome: &mut Outcome) -> bool {
    if options.changes_this_machine() && !crate::host::is_root() {
        fail(outcome, "changing this machine needs root privileges; not applied (--dry-run needs none)".to_owned());
        return true;
    }
    if options.changes_this_machine()
        && let Some(root) = &options.given_root
    {
        log::info!("--root={} is the root directory of this machine; this machine is changed", display_path(root));
    }
    if !crate::host::is_root() {
        // This warning comes once, before all files. An affected file only reports that its owner cannot be set.
        log::warn!("not run as root; files of other users are not written to the tree");
    }
    let mut host = match Host::open(setup(options, context, deadline)) {
        Ok(host) => host,
        Err(error) => {
            fail(outcome, format!("{error:#}"));
            return true;
        }
    };
    let mut found = find(options, context, deadline, outcome);
    let mut state = ApplyState::default();
    if let Some(network) = found.network.take() {
        apply_network(network, options, deadline, &mut host, &mut state, outcome);
    }
    let inputs = found.read(options, context, deadline, outcome);
    begin(&inputs, outcome);
    let locked = host.lock(deadline.longest_wait().min(LOCK_LIMIT));
    let mut plan = {
        let machine = Machine { facts: &|part, name| facts(part, &host, name), has_core: &|| host.has_user(CORE) };
        RunPlan::new(inputs, options.policy(), &machine)
    };
    if let Some(Planned { step: Step::AuthorizeKeys(keys), .. }) = plan.deferred_keys.take().map(|keys| keys.planned) {
        state.deferred_keys = Some(keys);
    }
    state.deferred_environment = plan.deferred_environment.take();
    let several = plan.parts.len() > 1;
    for phase in plan.phases() {
        match phase {
            Phase::Access(step) => apply_access(step, plan.origin(step), &mut host, &mut state, outcome),
            _ if locked.is_err() => break,
            // The network was set up before the user-data was fetched.
            Phase::Network(_) => {}
            Phase::Environment(environment) => merge(environment.clone(), &mut host, &mut state, outcome),
            Phase::Part(index, part) => {
                if index > 0
                    && part.is_work()
                    && let Err(error) = host.lock(deadline.clip(LOCK_LIMIT))
                {
                    fail(outcome, format!("{error:#}; {} not applied", part.name()));
                    continue;
                }
                if several && part.is_work() {
                    log::info!("applying {}", part.name());
                }
                apply_part(part, index, options, &mut host, &mut state, outcome);
            }
        }
    }
    apply::finish_hostname(&mut host, &mut state);
    outcome.access.splice(..0, state.hostname_outcome.take());
    if let Err(error) = locked {
        host.restore_labels();
        fail(outcome, format!("{error:#}; only the host name and the SSH keys of {CORE} are applied"));
        return true;
    }
    // If the configuration is incomplete, the missing part may list the account.
    if outcome.failures.is_empty() && !plan.parts.iter().any(|part| part.document.access_only) {
        let keys_of_core = plan.has_keys().then_some(CORE);
        host.report_unlisted_users(&plan.parts.iter().flat_map(PartPlan::listed_users).chain(keys_of_core).collect());
    }
    if let Some(step) = state.deferred_keys.take().map(Step::AuthorizeKeys) {
        fail(outcome, format!("failed to {step}: user {CORE} does not exist"));
    }
    // The addresses were deferred to a part that writes the file, and that part did not write it.
    if let Some(environment) = state.deferred_environment.take() {
        match host.lock(deadline.clip(LOCK_LIMIT)) {
            Ok(()) => merge(environment, &mut host, &mut state, outcome),
            Err(error) => fail(outcome, format!("{error:#}; addresses not merged into /etc/environment")),
        }
    }
    host.restore_labels();
    outcome.is_failure()
}

/// Logs the first line of a run. A terminal does not show it, because its user typed the command.
fn begin(inputs: &Inputs, outcome: &Outcome) {
    let forms: Vec<_> = inputs.documents.iter().map(|document| document.part.form).collect();
    let content = match forms.as_slice() {
        [ContentKind::CloudConfig | ContentKind::Script] => forms[0].description().to_owned(),
        [_, _, ..] => format!("{} parts", forms.len()),
        // The other cases have been logged already, or have nothing to apply.
        _ => return,
    };
    let event = Event { source: Some(&outcome.source), later: true, ..Event::default() };
    let version = env!("CARGO_PKG_VERSION");
    log_event(Level::Info, format_args!("applying {} ({content}), version {version}", outcome.source), &event);
}

/// Sets up the network before the user-data is fetched, which may need it.
fn apply_network(
    document: Document,
    options: &Options,
    deadline: Deadline,
    host: &mut Host<'_>,
    state: &mut ApplyState,
    outcome: &mut Outcome,
) {
    let part = PartPlan::network(document, options.policy());
    let lines = Lines::new(part.document.part.text.as_bytes());
    let mut result = report_findings(&part, &lines);
    report_refused(&result);
    match host.lock(deadline.longest_wait().min(LOCK_LIMIT)) {
        Ok(()) => {
            result.steps = apply::apply(&part.plan, host, state, Reporter { name: part.name(), lines: &lines });
            // Other runs may change the machine while this run fetches user-data, which can take long.
            host.release();
        }
        Err(error) => fail(outcome, format!("{error:#}; {} not applied", part.name())),
    }
    outcome.parts.push(result);
}

fn apply_access(
    step: &SourcedStep,
    (name, text): (&str, &str),
    host: &mut Host<'_>,
    state: &mut ApplyState,
    outcome: &mut Outcome,
) {
    let lines = Lines::new(text.as_bytes());
    let done = apply::access(std::slice::from_ref(&step.planned), host, state, Reporter { name, lines: &lines });
    outcome.access.extend(done.into_iter().map(|step| StepOutcome { part: Some(name.to_owned()), ..step }));
}

fn merge(environment: Environment, host: &mut Host<'_>, state: &mut ApplyState, outcome: &mut Outcome) {
    let (name, lines) = (outcome.source.clone(), Lines::new(b""));
    let step = Planned { step: Step::MergeEnvironment(environment), span: None };
    outcome.access.extend(apply::access(&[step], host, state, Reporter { name: &name, lines: &lines }));
}

fn apply_part(
    part: &PartPlan,
    index: usize,
    options: &Options,
    host: &mut Host<'_>,
    state: &mut ApplyState,
    outcome: &mut Outcome,
) {
    let document = &part.document;
    let needs_facts = !plan::facts_wanted(&document.config).is_empty();
    if needs_facts {
        // The host name is one of the facts.
        apply::finish_hostname(host, state);
        outcome.access.splice(..0, state.hostname_outcome.take());
    }
    // The access steps and earlier parts may have changed the facts that the plan depends on.
    let renamed = outcome.access.iter().any(|step| step.result.is_failure());
    let is_stale = (index > 0 || renamed) && needs_facts;
    let again = is_stale.then(|| document.plan(&facts(document, host, None), &options.key_set));
    let lines = Lines::new(document.part.text.as_bytes());
    let mut result = report_findings(part, &lines);
    report_refused(&result);
    if part.is_rejected {
        fail(outcome, rejected_by_strict(part));
    } else if !document.access_only {
        let reporter = Reporter { name: part.name(), lines: &lines };
        result.steps = apply::apply(again.as_ref().unwrap_or(&part.plan), host, state, reporter);
    }
    outcome.parts.push(result);
}
