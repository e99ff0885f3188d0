//! What `--dry-run`, `--validate` and `--status` print.
//!
//! Text is gathered in strings, to which writing cannot fail, and printed at once.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::io::Write as _;

use serde::Serialize;
use serde_json::Value;

use crate::cli::Format;
use crate::host::machine::Host;
use crate::outcome::{LocatedFinding, PartOutcome, RefusedOutcome};
use crate::parts::Form;
use crate::plan::{Planned, Principal, Step, printable};
use crate::text::{Lines, Position};

/// What a step would do here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "here", content = "reason")]
enum Effect {
    /// It changes something.
    Changes,
    /// It has nothing to do.
    Nothing,
    /// It is done in every run, or shows its effect only then.
    Runs,
    /// It cannot be told, or would fail.
    Unclear(String),
}

#[derive(Serialize)]
struct RehearsedStep {
    #[serde(flatten)]
    step: Step,
    #[serde(flatten)]
    at: Option<Position>,
    #[serde(flatten)]
    effect: Effect,
}

#[derive(Serialize)]
struct RehearsedPart {
    name: String,
    form: Form,
    findings: Vec<LocatedFinding>,
    refused: Vec<RefusedOutcome>,
    steps: Vec<RehearsedStep>,
}

/// A run that changes nothing.
pub struct Rehearsal<'a> {
    host: &'a Host<'a>,
    /// Users that are not here yet, and that a run would have made by then.
    made: HashSet<String>,
    access: Vec<RehearsedStep>,
    parts: Vec<RehearsedPart>,
}

impl<'a> Rehearsal<'a> {
    /// A rehearsal on `host`, which is only looked at.
    pub fn new(host: &'a Host<'a>) -> Self {
        Self { host, made: HashSet::new(), access: Vec::new(), parts: Vec::new() }
    }

    /// Rehearses what comes before every part.
    pub fn access(&mut self, steps: &[Planned]) {
        self.access = steps.iter().map(|planned| self.step(planned, None)).collect();
    }

    /// Rehearses a part.
    pub fn part(&mut self, name: &str, form: Form, steps: &[Planned], told: &PartOutcome, lines: &Lines<'_>) {
        let steps = steps.iter().map(|planned| self.step(planned, Some(lines))).collect();
        let (findings, refused) = (told.findings.clone(), told.refused.clone());
        self.parts.push(RehearsedPart { name: name.to_owned(), form, findings, refused, steps });
    }

    /// Notes the users that `steps` would make.
    pub fn expect_users(&mut self, steps: &[Planned]) {
        let made = steps.iter().filter_map(|planned| match &planned.step {
            Step::EnsureUser(account) if !self.host.has_user(&account.name) => Some(account.name.clone()),
            _ => None,
        });
        self.made.extend(made.collect::<Vec<_>>());
    }

    fn step(&self, planned: &Planned, lines: Option<&Lines<'_>>) -> RehearsedStep {
        let effect = match self.host.would_change(&planned.step) {
            _ if needed(&planned.step).iter().flatten().any(|user| self.made.contains(*user)) => Effect::Changes,
            Ok(Some(true)) => Effect::Changes,
            Ok(Some(false)) => Effect::Nothing,
            Ok(None) => Effect::Runs,
            Err(error) => Effect::Unclear(format!("{error:#}")),
        };
        let at = lines.zip(planned.span).map(|(lines, span)| lines.start(span));
        RehearsedStep { step: planned.step.clone(), at, effect }
    }

    /// Prints it to standard output.
    pub fn print(&self, format: Format, failures: &[String]) {
        #[derive(Serialize)]
        struct Whole<'a> {
            failures: &'a [String],
            access: &'a [RehearsedStep],
            parts: &'a [RehearsedPart],
        }
        match format {
            Format::Json => json(&Whole { failures, access: &self.access, parts: &self.parts }),
            Format::Text => say(&self.text()),
        }
    }

    fn text(&self) -> String {
        let mut out =
            "+ would change something, = has nothing to do, > is done in every run, ? cannot be told\n".to_owned();
        if !self.access.is_empty() {
            out.push_str("\nfirst of all:\n");
            self.access.iter().for_each(|step| out.push_str(&line(step)));
        }
        for part in &self.parts {
            let _ = writeln!(out, "\n{} ({}):", printable(&part.name), part.form.words());
            part.steps.iter().for_each(|step| out.push_str(&line(step)));
            for refused in &part.refused {
                let _ = writeln!(out, "! refused: {}", printable(&refused.item));
            }
        }
        out
    }
}

/// The users that a step cannot be done without.
fn needed(step: &Step) -> [Option<&str>; 2] {
    match step {
        Step::AuthorizeKeys(set) => [Some(&set.user), None],
        Step::WriteFile(file) => [named(file.owner.user.as_ref()), named(file.owner.group.as_ref())],
        _ => [None, None],
    }
}

fn named(principal: Option<&Principal>) -> Option<&str> {
    match principal {
        Some(Principal::Name(name)) => Some(name),
        _ => None,
    }
}

fn line(step: &RehearsedStep) -> String {
    let text = printable(&step.step.to_string());
    match &step.effect {
        Effect::Changes => format!("+ {text}\n"),
        Effect::Nothing => format!("= {text}\n"),
        Effect::Runs => format!("> {text}\n"),
        Effect::Unclear(why) => format!("? {text}: {}\n", printable(why)),
    }
}

/// Prints what `--validate` found, part by part.
pub fn print_findings(format: Format, reports: &[(String, Form, Vec<LocatedFinding>)], failures: &[String]) {
    #[derive(Serialize)]
    struct Report<'a> {
        name: &'a str,
        form: Form,
        findings: &'a [LocatedFinding],
    }
    #[derive(Serialize)]
    struct Whole<'a> {
        failures: &'a [String],
        parts: Vec<Report<'a>>,
    }
    match format {
        Format::Json => {
            let parts = reports.iter().map(|(name, form, findings)| Report { name, form: *form, findings }).collect();
            json(&Whole { failures, parts });
        }
        Format::Text => {
            let lines = reports.iter().flat_map(|(name, _, findings)| findings.iter().map(move |f| f.line(name)));
            say(&lines.map(|line| printable(&line) + "\n").collect::<String>());
        }
    }
}

/// Prints the records of the last runs, oldest first.
pub fn print_status(format: Format, records: &[Value]) {
    match format {
        Format::Json => json(&records),
        Format::Text if records.is_empty() => say("no run has left a record since this machine booted\n"),
        Format::Text => say(&records.iter().map(record_text).collect::<String>()),
    }
}

fn record_text(record: &Value) -> String {
    let text = |value: &Value| printable(value.as_str().unwrap_or_default());
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let mut out = format!(
        "{}  {}  ({} ms)\n",
        text(&record["started"]),
        text(&record["source"]),
        record["milliseconds"].as_u64().unwrap_or_default()
    );
    for failure in list(&record["failures"]) {
        let _ = writeln!(out, "  failed: {}", text(&failure));
    }
    let mut steps = list(&record["access"]);
    let parts = list(&record["parts"]);
    for part in &parts {
        if parts.len() > 1 {
            let _ = writeln!(out, "  part: {} ({})", text(&part["name"]), text(&part["form"]));
        }
        let place = |thing: &Value| match (thing["line"].as_u64(), thing["column"].as_u64()) {
            (Some(line), Some(column)) => format!("{}:{line}:{column}", text(&part["name"])),
            _ => text(&part["name"]),
        };
        for finding in list(&part["findings"]).iter().filter(|finding| finding["severity"] == "error") {
            let _ = writeln!(out, "  error: {}: {}", place(finding), text(&finding["message"]));
        }
        for refused in list(&part["refused"]) {
            let _ = writeln!(out, "  refused: {}: {}", place(&refused), text(&refused["item"]));
        }
        steps.extend(list(&part["steps"]));
    }
    let is = |step: &Value, verdict: &str| step["verdict"] == verdict;
    for step in &steps {
        let (what, why) = (text(&step["step"]), text(&step["reason"]));
        if is(step, "failed") {
            let _ = writeln!(out, "  failed: {why}");
        } else if is(step, "left-out") {
            let _ = writeln!(out, "  left out: {what}: {why}");
        } else if is(step, "queued") {
            let _ = writeln!(out, "  left queued: {what}: {why}");
        }
    }
    let count = |verdict: &str| steps.iter().filter(|step| is(step, verdict)).count();
    let _ = writeln!(out, "  {} done, {} unchanged", count("done"), count("unchanged"));
    out
}

fn json<T: Serialize>(value: &T) {
    // Nothing here has keys that are no text, so this cannot fail.
    say(&(serde_json::to_string_pretty(value).unwrap_or_default() + "\n"));
}

/// Prints to standard output; a reader that went away is no failure.
fn say(text: &str) {
    let _ = std::io::stdout().lock().write_all(text.as_bytes());
}
