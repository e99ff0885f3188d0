//! `--dry-run`: the plan of a run, and the effect of each step on this machine.

use super::facts::facts;
use super::gather::find;
use super::{
    CHANGES, DONE, FAILED, RunContext, fail, rejected_by_strict, report_findings, setup, stopped, write_stdout,
};
use crate::apply::Executor as _;
use crate::cli::{Format, Options};
use crate::deadline::Deadline;
use crate::host::Host;
use crate::outcome::Outcome;
use crate::report::Screen;
use crate::report::drift::Drift;
use crate::report::dry_run::{DryRun, Foreseen};
use cloud_config::plan::{CORE, Planned, Step};
use cloud_config::run_plan::{Machine, Phase, RunPlan};
use cloud_config::text::Lines;

/// Prints the plan and changes nothing. Returns the exit code.
pub(super) fn dry_run(options: &Options, context: &RunContext<'_>, deadline: Deadline, outcome: &mut Outcome) -> u8 {
    let foreseen = foresee(options, context, deadline, outcome).unwrap_or_else(|error| {
        fail(outcome, format!("{error:#}"));
        Foreseen::default()
    });
    stopped(context, outcome);
    let screen = Screen::of_stdout(context.variable);
    write_stdout(outcome, &foreseen.print(&outcome.source, &outcome.failures, options.format, screen));
    if outcome.is_failure() || foreseen.is_failure() {
        FAILED
    } else if options.exit_code {
        match foreseen.drift() {
            Drift { unclear: 1.., .. } => FAILED,
            Drift { changes: 1.., .. } => CHANGES,
            Drift { changes: 0, unclear: 0 } => DONE,
        }
    } else {
        DONE
    }
}

/// Compares each step with the machine, in the order of a run.
///
/// # Errors
///
/// The root directory cannot be opened.
fn foresee(
    options: &Options,
    context: &RunContext<'_>,
    deadline: Deadline,
    outcome: &mut Outcome,
) -> anyhow::Result<Foreseen> {
    let host = Host::open(setup(options, context, deadline))?;
    let mut found = find(options, context, deadline, outcome);
    let network = found.network.take();
    let mut inputs = found.read(options, context, deadline, outcome);
    inputs.network = network;
    let machine = Machine { facts: &|part, name| facts(part, &host, name), has_core: &|| host.has_user(CORE) };
    let plan = RunPlan::new(inputs, options.policy(), &machine);
    // Only the user sees a terminal. A pipe may lead to a log that other users can read, so the lines are omitted
    // there.
    let on_terminal = options.format == Format::Text && Screen::of_stdout(context.variable).terminal;
    let mut dry_run = DryRun::new(&host, options.show_diff || on_terminal, options.exit_code);
    for part in plan.parts.iter().filter(|part| !part.is_rejected) {
        dry_run.expect_users(&part.plan.steps);
    }
    let mut keys = plan.deferred_keys.as_ref();
    for phase in plan.phases() {
        match phase {
            Phase::Access(step) => dry_run.access(&step.planned, Some(plan.origin(step))),
            Phase::Environment(environment) => {
                let step = Step::MergeEnvironment(environment.clone());
                dry_run.access(&Planned { step, span: None }, None);
            }
            Phase::Network(part) | Phase::Part(_, part) => {
                let lines = Lines::new(part.document.part.text.as_bytes());
                // The refused items are part of the plan, so they are not logged here.
                let reported = report_findings(part, &lines);
                if part.is_rejected {
                    fail(outcome, rejected_by_strict(part));
                }
                let mut steps: Vec<_> = part.steps().iter().collect();
                let creates_core =
                    |planned: &&Planned| matches!(&planned.step, Step::EnsureUser(user) if user.name == CORE);
                let keys_of_core;
                // A run sets the keys of `core` as soon as the user exists.
                if let Some(index) = steps.iter().position(creates_core)
                    && let Some(keys) = keys.take()
                {
                    keys_of_core = Planned { step: keys.planned.step.clone(), span: steps[index].span };
                    steps.insert(index + 1, &keys_of_core);
                }
                dry_run.part(part, &steps, &reported, &lines);
                outcome.parts.push(reported);
            }
        }
    }
    Ok(dry_run.finish())
}
