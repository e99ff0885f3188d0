//! A run: one function for each action.

mod apply;
mod convert;
mod dry_run;
mod facts;
mod gather;
mod print_config;
mod validate;

use std::io::{self, Write as _};
use std::time::{Duration, Instant, SystemTime};

use log::Level;

use crate::cli::{Mode, Options};
use crate::deadline::Deadline;
use crate::host::HostSetup;
use crate::host::root::Root;
use crate::logger::{self, Event, Sign, log_event, messages};
use crate::os_error::without_code;
use crate::outcome::{Outcome, PartOutcome, RefusedOutcome};
use crate::report;
use cloud_config::redact::{LocatedFinding, position};
use cloud_config::run_plan::PartPlan;
use cloud_config::text::Lines;
use cloud_config::yaml::Paths;

/// The exit code 0: all items were applied.
pub const DONE: u8 = 0;
/// The exit code 1: an item was not applied, or a step or its dependency failed.
pub const FAILED: u8 = 1;
/// The exit code 2: the command line is invalid.
pub const USAGE: u8 = 2;

/// The exit code 3: `--dry-run --exit-code` found steps that would change the machine.
pub const CHANGES: u8 = 3;

/// The environment of a run; tests replace it.
pub struct RunContext<'a> {
    /// Reads an environment variable.
    pub variable: &'a dyn Fn(&str) -> Option<String>,
    /// Returns true once the run was asked to stop.
    pub stop: &'a dyn Fn() -> bool,
}

/// Replaces every path to the root directory of this machine, such as `//`, a link or a bind mount, with `/`. The
/// result decides whether the run changes this machine.
pub fn resolve_root(options: &mut Options) {
    if Root::open(&options.root).is_ok_and(|root| root.is_system()) {
        options.root = "/".into();
    }
}

/// Runs the selected action and returns the exit code (docs/applying.md).
pub fn run(options: &Options, context: &RunContext<'_>) -> u8 {
    let began = Instant::now();
    let deadline = Deadline::after(options.deadline);
    let mut outcome = Outcome {
        format: report::FORMAT,
        printed: matches!(options.mode, Mode::Validate | Mode::Convert),
        started: humantime::format_rfc3339_seconds(SystemTime::now()).to_string(),
        source: sources(options),
        ..Outcome::default()
    };
    let exit_code = |failed| if failed { FAILED } else { DONE };
    let code = match options.mode {
        Mode::Apply => {
            let failed = apply::apply(options, context, deadline, &mut outcome);
            outcome.failed = stopped(context, &mut outcome) || failed;
            exit_code(outcome.failed && !options.ignore_failure)
        }
        Mode::DryRun => dry_run::dry_run(options, context, deadline, &mut outcome),
        Mode::Validate => exit_code(validate::validate(options, context, deadline, &mut outcome)),
        Mode::Convert => exit_code(convert::convert(options, context, deadline, &mut outcome)),
        Mode::PrintConfig => exit_code(print_config::print_config(options, context, deadline, &mut outcome)),
    };
    outcome.milliseconds = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    if options.mode == Mode::Apply {
        finish(options, &mut outcome);
    }
    // The report of `--validate` contains its findings and the hint.
    if options.mode != Mode::Validate && outcome.parts.iter().any(|part| !part.findings.is_empty()) {
        logger::hint(report::EXPLAIN);
    }
    code
}

/// Returns the names of the candidate sources, as the name of the source until one is selected.
fn sources(options: &Options) -> String {
    let candidates = options.sources.candidates();
    candidates.iter().map(|candidate| candidate.source.name()).collect::<Vec<_>>().join(", ")
}

/// Records a failure of the run as a whole.
fn fail(outcome: &mut Outcome, message: String) {
    if !outcome.printed {
        let event = Event { message: Some(&messages::FAILURE), source: Some(&outcome.source), ..Event::default() };
        log_event(Level::Error, format_args!("{message}"), &event);
    }
    outcome.failures.push(message);
}

/// Prints the result of a run that changes nothing. If that fails, the run has failed.
fn write_stdout(outcome: &mut Outcome, text: &str) {
    if let Err(error) = report::write_stdout(text) {
        outcome.printed = false;
        fail(outcome, unprinted(&error));
    }
}

fn unprinted(error: &io::Error) -> String {
    format!("failed to write to standard output: {}", without_code(&error.to_string()))
}

/// Records a failure and returns true if a signal stopped the run.
fn stopped(context: &RunContext<'_>, outcome: &mut Outcome) -> bool {
    let stopped = (context.stop)();
    if stopped {
        fail(outcome, "the run was stopped by a signal".to_owned());
    }
    stopped
}

/// Formats the failure of a part that `--strict` rejects.
fn rejected_by_strict(part: &PartPlan) -> String {
    format!("{}: part rejected; nothing of it is applied (--strict)", part.name())
}

fn setup<'a>(options: &'a Options, context: &'a RunContext<'a>, deadline: Deadline) -> HostSetup<'a> {
    HostSetup {
        root: &options.root,
        workspace: &options.workspace,
        job_timeout: options.job_timeout,
        deadline,
        stop: context.stop,
    }
}

/// Logs the findings of a part. Returns its outcome without steps: the findings and the items that are not applied.
fn report_findings(part: &PartPlan, lines: &Lines<'_>) -> PartOutcome {
    let PartPlan { document, plan, .. } = part;
    let (name, paths) = (&document.part.name, Paths::new(&document.parsed));
    let findings: Vec<_> =
        plan.findings.iter().map(|finding| LocatedFinding::new(name, finding, lines, &paths)).collect();
    for finding in &findings {
        let (at, words) = (finding.at.map(|at| at.start), finding.description());
        let event = Event { part: Some(name), at, rule: Some(finding.id), words: Some(&words), ..Event::default() };
        // The level of the record is the severity.
        let position = position(name, at);
        log_event(logger::level_of(finding.severity), format_args!("{position}: {words}"), &event);
    }
    let refused = plan.refused.iter().map(|refused| RefusedOutcome::new(refused, lines)).collect();
    PartOutcome { name: name.clone(), form: document.part.form, findings, refused, steps: Vec::new() }
}

/// Logs the items of a part that are not applied.
fn report_refused(PartOutcome { name, refused, .. }: &PartOutcome) {
    for refused in refused {
        let words = format!("not applied: {}", refused.item);
        let event = Event {
            message: Some(&messages::REFUSED),
            part: Some(name),
            at: refused.at,
            item: Some(&refused.item),
            sign: Some(Sign::Failed),
            words: Some(&words),
            ..Event::default()
        };
        log_event(Level::Error, format_args!("{}: {words}", position(name, refused.at)), &event);
    }
}

/// Prints the records of the last runs, and returns the exit code.
pub fn status(format: crate::cli::Format) -> u8 {
    let (records, failures) = match crate::host::record::read() {
        Ok((records, broken)) => (records, broken),
        Err(_) if !crate::host::is_root() => {
            (Vec::new(), vec!["reading the records of runs needs root privileges".to_owned()])
        }
        Err(error) => (Vec::new(), vec![format!("{error:#}")]),
    };
    let text = format == crate::cli::Format::Text;
    for failure in failures.iter().filter(|_| text) {
        // If standard error cannot be written to, the exit code still shows the failure.
        let _ = writeln!(io::stderr().lock(), "error: {failure}");
    }
    if !(text && records.is_empty() && !failures.is_empty()) {
        let code = print(&report::status::print(&records, &failures, format));
        if failures.is_empty() {
            return code;
        }
    }
    FAILED
}

/// Prints `text` to standard output, and returns the exit code.
pub fn print(text: &str) -> u8 {
    let Err(error) = report::write_stdout(text) else { return DONE };
    let _ = writeln!(io::stderr().lock(), "error: {}", unprinted(&error));
    FAILED
}

/// Lists the names of the first items and the number of the others.
fn list_items(items: &[&str]) -> String {
    const SHOWN: usize = 3;
    // Details after the name, such as a mode, are already in the log.
    let names: Vec<_> = items.iter().take(SHOWN).map(|item| item.split(" (").next().unwrap_or(item)).collect();
    let names = names.join(", ");
    match items.len().saturating_sub(SHOWN) {
        0 => names,
        more => format!("{names} and {more} more"),
    }
}

/// Logs the last line of the run and writes the record.
fn finish(options: &Options, outcome: &mut Outcome) {
    outcome.dropped_log_records = logger::dropped();
    let (summary, failed) = (outcome.summary(), outcome.is_failure());
    let (level, message) =
        if failed { (Level::Error, &messages::RUN_FAILED) } else { (Level::Info, &messages::RUN_DONE) };
    let words = match outcome.undone().collect::<Vec<_>>().as_slice() {
        [] => format!("{}: {summary}", outcome.source),
        undone => format!("{}: {summary}: {}", outcome.source, list_items(undone)),
    };
    let event = Event {
        message: Some(message),
        source: Some(&outcome.source),
        sign: failed.then_some(Sign::Failed),
        words: Some(&words),
        took: Some(Duration::from_millis(outcome.milliseconds)),
        last: true,
        ..Event::default()
    };
    log_event(level, format_args!("{}: {summary}", outcome.source), &event);
    // The last line may have been lost, too.
    outcome.dropped_log_records = logger::dropped();
    if options.changes_this_machine()
        && crate::host::is_root()
        && let Err(error) = crate::host::record::write(outcome)
    {
        log::warn!("{error:#}");
    }
}
