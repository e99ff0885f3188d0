//! The outcome of a run: the results of all steps, their log lines and the record (docs/applying.md).

use std::fmt;
use std::time::Duration;

use log::Level;
use serde::Serialize;

use crate::logger::{Dropped, Event, Sign, log_event, messages};
use cloud_config::diagnostic::{Severity, Span};
use cloud_config::plan::{Refused, Step};
use cloud_config::redact::{LocatedFinding, position};
use cloud_config::text::{Lines, Position};
use cloud_config::user_data::ContentKind;

/// The result of a step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "verdict", content = "reason")]
pub enum StepResult {
    /// The step changed the machine.
    Done,
    /// The machine was already in the requested state.
    Unchanged,
    /// The step does not apply to this machine or root. This is not a failure.
    Skipped(String),
    /// The step was begun, and the run no longer waits for its end.
    Queued(String),
    /// The step was not begun because a step that it depends on failed.
    #[serde(rename = "left-out")]
    DependencyFailed(String),
    /// The step failed.
    Failed(String),
}

impl StepResult {
    /// Returns true if the run ends with exit code 1 because of this step.
    pub const fn is_failure(&self) -> bool {
        matches!(self, Self::DependencyFailed(_) | Self::Failed(_))
    }
}

/// A step and its result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StepOutcome {
    /// The description of the step.
    pub step: String,
    /// The systemd unit that it concerns, if any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// The part that requested the step, if the step is not listed below that part.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub part: Option<String>,
    /// The position in the part that requested it.
    #[serde(flatten)]
    pub at: Option<Position>,
    /// The result.
    #[serde(flatten)]
    pub result: StepResult,
    /// The duration.
    pub milliseconds: u64,
}

/// The outcome of one part.
#[derive(Clone, Debug, Serialize)]
pub struct PartOutcome {
    /// The name of the part.
    pub name: String,
    /// The kind of content.
    pub form: ContentKind,
    /// The findings to report.
    pub findings: Vec<LocatedFinding>,
    /// Items that are invalid or cannot be applied safely; no step was planned for them.
    pub refused: Vec<RefusedOutcome>,
    /// The steps of the part, in order.
    pub steps: Vec<StepOutcome>,
}

/// An item that was not applied, with its position.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RefusedOutcome {
    /// The description of the item.
    pub item: String,
    /// The position in the part.
    #[serde(flatten)]
    pub at: Option<Position>,
}

impl RefusedOutcome {
    /// Converts the position of `refused` to a line and column.
    pub fn new(refused: &Refused, lines: &Lines<'_>) -> Self {
        Self { item: refused.to_string(), at: refused.span.map(|span| lines.start(span)) }
    }
}

/// The outcome of a run.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Outcome {
    /// The version of the format of the record.
    pub format: u32,
    /// The start of the run, in UTC.
    pub started: String,
    /// The duration of the run.
    pub milliseconds: u64,
    /// The source of the user-data.
    pub source: String,
    /// True if an item was not applied, or a step or its dependency failed. Set at the end of the run.
    pub failed: bool,
    /// True if the printed report contains the failures, so that they are not logged.
    #[serde(skip)]
    pub printed: bool,
    /// Failures of the run as a whole: a source that does not answer, user-data that cannot be read.
    pub failures: Vec<String>,
    /// The steps before all parts: host name, keys of `core` and addresses.
    pub access: Vec<StepOutcome>,
    /// The parts, in order.
    pub parts: Vec<PartOutcome>,
    /// The number of lost log records, set at the end of the run.
    pub dropped_log_records: Dropped,
}

/// The number of steps per result.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Steps that changed something.
    pub done: usize,
    /// Steps that had nothing to do.
    pub unchanged: usize,
    /// Steps that do not apply.
    pub skipped: usize,
    /// Steps that were begun and may end later.
    pub queued: usize,
    /// Items that were not applied.
    pub not_applied: usize,
    /// Steps whose dependency failed.
    pub dependency_failed: usize,
    /// Steps that failed, and failures of the run as a whole.
    pub failed: usize,
    /// Findings that are errors.
    pub errors: usize,
}

impl Outcome {
    /// Returns true if an item was not applied, or a step or its dependency failed.
    pub fn is_failure(&self) -> bool {
        let tally = self.tally();
        tally.failed + tally.not_applied + tally.dependency_failed + tally.errors > 0
    }

    /// Counts the results of all steps and the failures.
    pub fn tally(&self) -> Tally {
        let mut tally = Tally { failed: self.failures.len(), ..Tally::default() };
        for part in &self.parts {
            tally.not_applied += part.refused.len();
            tally.errors += part.findings.iter().filter(|finding| finding.severity == Severity::Error).count();
        }
        for step in self.access.iter().chain(self.parts.iter().flat_map(|part| &part.steps)) {
            match step.result {
                StepResult::Done => tally.done += 1,
                StepResult::Unchanged => tally.unchanged += 1,
                StepResult::Skipped(_) => tally.skipped += 1,
                StepResult::Queued(_) => tally.queued += 1,
                StepResult::DependencyFailed(_) => tally.dependency_failed += 1,
                StepResult::Failed(_) => tally.failed += 1,
            }
        }
        tally
    }

    /// Returns the descriptions of the items and steps that were not applied or failed, in their order.
    pub fn undone(&self) -> impl Iterator<Item = &str> {
        let refused = self.parts.iter().flat_map(|part| &part.refused).map(|refused| refused.item.as_str());
        let steps = self.access.iter().chain(self.parts.iter().flat_map(|part| &part.steps));
        refused.chain(steps.filter(|step| step.result.is_failure()).map(|step| step.step.as_str()))
    }

    /// Returns the text of the last line of a run: `14 done, 3 unchanged, 1 failed`.
    pub fn summary(&self) -> String {
        let tally = self.tally();
        let mut words = if tally == Tally::default() {
            vec!["nothing to do".to_owned()]
        } else {
            vec![format!("{} done", tally.done), format!("{} unchanged", tally.unchanged)]
        };
        let others = [
            (tally.skipped, "skipped"),
            (tally.queued, "left queued"),
            (tally.not_applied, "not applied"),
            (tally.dependency_failed, "dependency failed"),
            (tally.failed, "failed"),
        ];
        for (count, result) in others {
            if count > 0 {
                words.push(format!("{count} {result}"));
            }
        }
        // Most errors are the reason for an item that is not applied, which is counted. An error that concerns only a
        // field is not counted elsewhere.
        if tally.errors > 0 && tally.not_applied + tally.dependency_failed + tally.failed == 0 {
            words.push(if tally.errors == 1 { "1 error".to_owned() } else { format!("{} errors", tally.errors) });
        }
        let Dropped { journal, stderr } = self.dropped_log_records;
        for (count, place) in [(journal, "the journal"), (stderr, "standard error")] {
            if count > 0 {
                let plural = if count == 1 { "" } else { "s" };
                words.push(format!("{count} log record{plural} dropped by {place}"));
            }
        }
        words.join(", ")
    }
}

/// Records the results of steps and logs each immediately.
#[derive(Clone, Copy)]
pub struct Reporter<'a> {
    /// The name of the part.
    pub name: &'a str,
    /// The lines of the part.
    pub lines: &'a Lines<'a>,
}

impl Reporter<'_> {
    /// Logs the result of a step.
    pub fn step(&self, step: &Step, span: Option<Span>, result: StepResult, took: Duration) -> StepOutcome {
        report_step(self.name, self.position(span), step, result, took)
    }

    /// Returns the position of a step in the part.
    pub fn position(&self, span: Option<Span>) -> Option<Position> {
        span.map(|span| self.lines.start(span))
    }
}

/// Logs the result of a step that the part `name` requests at position `at`.
pub fn report_step(name: &str, at: Option<Position>, step: &Step, result: StepResult, took: Duration) -> StepOutcome {
    let (words, unit) = (step.to_string(), step.unit());
    let position = position(name, at);
    let item = Some(words.as_str());
    let event = Event { part: Some(name), at, item, unit: unit.as_deref(), took: Some(took), ..Event::default() };
    let log_result = |level, message, sign, text: &str, log: fmt::Arguments<'_>| {
        log_event(level, log, &Event { message, sign: Some(sign), words: Some(text), ..event });
    };
    match &result {
        StepResult::Done => log_result(Level::Info, None, Sign::Done, &words, format_args!("done: {words}")),
        // In most runs, all steps are unchanged. The last line has their number, which is enough for the journal of a
        // boot.
        StepResult::Unchanged => {
            log_result(Level::Debug, None, Sign::Unchanged, &words, format_args!("unchanged: {words}"));
        }
        StepResult::Skipped(why) => {
            let text = format!("skipped: {words}: {why}");
            log_result(Level::Info, None, Sign::Skipped, &text, format_args!("{text}"));
        }
        StepResult::Queued(why) => {
            let (message, text) = (Some(&messages::STEP_QUEUED), format!("left queued: {words}: {why}"));
            log_result(Level::Warn, message, Sign::Queued, &text, format_args!("{position}: {text}"));
        }
        StepResult::DependencyFailed(why) => {
            let (message, text) =
                (Some(&messages::STEP_DEPENDENCY_FAILED), format!("dependency failed: {words}: {why}"));
            log_result(Level::Error, message, Sign::Failed, &text, format_args!("{position}: {text}"));
        }
        StepResult::Failed(why) => {
            let message = Some(&messages::STEP_FAILED);
            log_result(Level::Error, message, Sign::Failed, why, format_args!("{position}: {why}"));
        }
    }
    let milliseconds = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    StepOutcome { step: words, unit, part: None, at, result, milliseconds }
}
