//! Runs that only look: the rehearsal and the check.

use super::gather::find;
use super::prepare::{Asked, asked_by, prepare, read_only};
use super::{Surroundings, fail, say, setup, stopped, told};
use crate::cli::{Format, Options};
use crate::deadline::Deadline;
use crate::host::machine::Host;
use crate::outcome::Outcome;
use crate::report::Screen;
use crate::report::check::{self, Checked};
use crate::report::configuration;
use crate::report::rehearsal::{Rehearsal, Rehearsed};
use cloud_config::diagnostic::{Severity, rules};
use cloud_config::plan::{Facts, Planned, Step};
use cloud_config::print::{self, Understood};
use cloud_config::text::Lines;

/// Prints the plan and changes nothing; the answer is whether a run would fail for sure.
pub(super) fn rehearse_all(
    options: &Options,
    surroundings: &Surroundings<'_>,
    deadline: Deadline,
    outcome: &mut Outcome,
) -> bool {
    let rehearsed = rehearse(options, surroundings, deadline, outcome).unwrap_or_else(|error| {
        fail(outcome, format!("{error:#}"));
        Rehearsed::default()
    });
    stopped(surroundings, outcome);
    let screen = Screen::of_stdout(surroundings.variable);
    say(outcome, &rehearsed.print(&outcome.source, &outcome.failures, options.format, screen));
    outcome.is_failure() || rehearsed.is_failure()
}

/// Looks at the machine for what each step would do; the error is that there is none.
fn rehearse(
    options: &Options,
    surroundings: &Surroundings<'_>,
    deadline: Deadline,
    outcome: &mut Outcome,
) -> anyhow::Result<Rehearsed> {
    let host = Host::open(setup(options, surroundings, deadline))?;
    let mut found = find(options, surroundings, deadline, outcome);
    let network = found.network.take();
    let gathered = found.read(options, surroundings, deadline, outcome);
    let (before, prepared) = prepare(gathered, options, &host);
    let writes_environment = prepared.iter().any(|part| !part.is_barred(options) && part.writes_environment());
    // A terminal has a reader who may see the lines; a pipe may lead to a log that others read.
    let on_terminal = options.format == Format::Text && Screen::of_stdout(surroundings.variable).terminal;
    let mut rehearsal = Rehearsal::new(&host, options.show_diff || on_terminal);
    for part in prepared.iter().filter(|part| !part.is_barred(options)) {
        rehearsal.expect_users(&part.plan.steps);
    }
    for Asked { part, planned } in before.hostname.iter().chain(&before.keys) {
        rehearsal.access(planned, Some(asked_by(*part, &prepared)));
    }
    if let Some(environment) = before.environment.filter(|_| !writes_environment) {
        rehearsal.access(&Planned { step: Step::MergeEnvironment(environment), span: None }, None);
    }
    if let Some(reading) = network {
        let lines = Lines::new(reading.part.text.as_bytes());
        let plan = reading.plan(&Facts::default(), &options.key_set);
        let told = told(&reading, &plan, &lines);
        rehearsal.part(&reading.part.name, reading.part.form, &plan.steps, &told, &lines);
        outcome.parts.push(told);
    }
    for part in &prepared {
        let lines = Lines::new(part.reading.part.text.as_bytes());
        let told = told(&part.reading, &part.plan, &lines);
        if part.is_barred(options) {
            fail(outcome, part.barred());
        }
        let steps = if part.is_barred(options) || part.reading.broken { &[][..] } else { &part.plan.steps };
        rehearsal.part(&part.reading.part.name, part.reading.part.form, steps, &told, &lines);
        outcome.parts.push(told);
    }
    Ok(rehearsal.finish())
}

/// Reports what is wrong with the user-data; the answer is whether anything but notes is.
pub(super) fn validate(
    options: &Options,
    surroundings: &Surroundings<'_>,
    deadline: Deadline,
    outcome: &mut Outcome,
) -> bool {
    let mut found = find(options, surroundings, deadline, outcome);
    let network = found.network.take();
    let readings = found.read(options, surroundings, deadline, outcome).readings;
    // A tree that is not there says nothing of it, and nothing is wrong with the configuration for that.
    let host = Host::open(setup(options, surroundings, deadline)).ok();
    let mut checked = Vec::new();
    for reading in network.into_iter().chain(readings) {
        let read_only = host.as_ref().map(|host| read_only(&reading, host)).unwrap_or_default();
        let mut findings = reading.plan(&Facts { read_only, ..Facts::default() }, &options.key_set).findings;
        // Which addresses are known here says nothing of where the configuration will run.
        findings.retain(|finding| finding.rule != &rules::UNKNOWN_ADDRESS);
        checked.push(Checked { reading, findings });
    }
    stopped(surroundings, outcome);
    let screen = Screen::of_stdout(surroundings.variable);
    say(outcome, &check::print(&outcome.source, &outcome.failures, &checked, options.format, screen));
    let found = checked.iter().flat_map(|part| &part.findings).any(|finding| finding.severity() > Severity::Note);
    found || !outcome.failures.is_empty()
}

/// Prints what was understood; the answer is whether anything was not, or is left out.
pub(super) fn print_config(
    options: &Options,
    surroundings: &Surroundings<'_>,
    deadline: Deadline,
    outcome: &mut Outcome,
) -> bool {
    let found = find(options, surroundings, deadline, outcome);
    let readings = found.read(options, surroundings, deadline, outcome).readings;
    let mut understood = Vec::new();
    for reading in &readings {
        let lines = Lines::new(reading.part.text.as_bytes());
        let mut plan = reading.plan(&Facts::default(), &options.key_set);
        // What is masked is left out when it is applied, and understood all the same.
        plan.refused.retain(|refused| !refused.masked);
        if !(options.strict && (reading.broken || plan.is_partial())) {
            understood.push(Understood::new(reading, &plan, options.secrets));
        }
        outcome.parts.push(told(reading, &plan, &lines));
    }
    let text = match options.format {
        Format::Json => configuration::json(&outcome.source, &outcome.failures, &understood),
        // What could not be fetched is not the same as nothing.
        Format::Text if understood.is_empty() && outcome.is_failure() => String::new(),
        Format::Text => print::user_data(&understood),
    };
    say(outcome, &text);
    outcome.is_failure()
}
