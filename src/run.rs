//! A run: the picture of the crate's documentation as functions.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use crate::apply::{self, Progress};
use crate::cli::{Mode, Options};
use crate::deadline::Deadline;
use crate::finding::rules;
use crate::host::machine::{Host, Setup};
use crate::outcome::{LocatedFinding, Outcome, PartOutcome, RefusedOutcome, Reporter};
use crate::parts::{self, Form};
use crate::plan::{self, CORE, ENVIRONMENT, Environment, Facts, KeySet, Plan, Planned, Step, ssh};
use crate::reading::{self, Reading};
use crate::rehearse;
use crate::source;
use crate::substitute::{Address, Addresses};
use crate::text::Lines;

/// What is done; exit code 0.
pub const DONE: u8 = 0;
/// Something was refused, failed or left out; exit code 1.
pub const FAILED: u8 = 1;
/// The command line is wrong; exit code 2.
pub const USAGE: u8 = 2;

/// Choosing and reading the source may take this long (spec §1).
const SOURCE_LIMIT: Duration = Duration::from_secs(300);
/// Another run may hold the machine this long (spec §1).
const LOCK_LIMIT: Duration = Duration::from_secs(120);

/// What surrounds a run.
pub struct Surroundings<'a> {
    /// Reads an environment variable.
    pub variable: &'a dyn Fn(&str) -> Option<String>,
    /// Whether the run was told to stop.
    pub stop: &'a dyn Fn() -> bool,
}

/// Runs, and gives the exit code (spec §1).
pub fn run(options: &Options, surroundings: &Surroundings<'_>) -> u8 {
    let began = Instant::now();
    let deadline = Deadline::after(options.deadline);
    let mut outcome = Outcome {
        started: humantime::format_rfc3339_seconds(SystemTime::now()).to_string(),
        source: options.from_file.display().to_string(),
        ..Outcome::default()
    };
    let mut failed = match options.mode {
        Mode::Apply => apply(options, surroundings, deadline, &mut outcome),
        Mode::DryRun => rehearse_all(options, surroundings, deadline, &mut outcome),
        Mode::Validate => validate(options, surroundings, &mut outcome),
    };
    if (surroundings.stop)() {
        fail(&mut outcome, "the run was told to stop by a signal".to_owned());
        failed = true;
    }
    outcome.milliseconds = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    if options.mode == Mode::Apply {
        finish(options, &outcome);
    }
    if failed && !options.ignore_failure { FAILED } else { DONE }
}

/// Fetches and reads all there is; what cannot be is in the outcome.
fn gather(options: &Options, surroundings: &Surroundings<'_>, outcome: &mut Outcome) -> (Vec<Reading>, Addresses) {
    // By hand, a file that is not there is a typing mistake; at boot it may still come.
    let patience = if options.mode == Mode::Apply { options.deadline.min(SOURCE_LIMIT) } else { Duration::ZERO };
    let addresses = addresses(surroundings.variable);
    let fetched = match source::file::fetch(&options.from_file, Deadline::after(patience), surroundings.stop) {
        Ok(fetched) => fetched,
        Err(error) => {
            fail(outcome, format!("{error:#}"));
            return (Vec::new(), addresses);
        }
    };
    let readings = match parts::split(&fetched.name, fetched.bytes) {
        Ok(parts) => {
            for part in parts.iter().filter(|part| part.form == Form::Ignition) {
                log::info!("{}: this is an Ignition configuration, which is left to Ignition", part.name);
            }
            parts.into_iter().map(|part| reading::read(part, &addresses, options.short_hostname)).collect()
        }
        Err(finding) => {
            let help = finding.help.map_or_else(String::new, |help| format!(" ({help})"));
            fail(outcome, format!("{}: error: {}{help} [{}]", fetched.name, finding.message, finding.rule.id));
            Vec::new()
        }
    };
    (readings, addresses)
}

fn fail(outcome: &mut Outcome, message: String) {
    log::error!("{message}");
    outcome.failures.push(message);
}

/// The addresses that the environment knows (spec §4).
fn addresses(variable: &dyn Fn(&str) -> Option<String>) -> Addresses {
    let mut addresses = Addresses::default();
    for kind in Address::ALL {
        let known = variable(kind.variable()).is_none_or(|text| addresses.learn(kind, &text));
        if !known {
            log::warn!("{} is no address of its family; it is taken as unknown", kind.variable());
        }
    }
    addresses
}

/// What comes before every part: the host name, the keys of `core`, the addresses (spec §1, steps 6 and 7).
#[derive(Default)]
struct Before {
    hostname: Option<Planned>,
    keys: Option<Planned>,
    environment: Option<Environment>,
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
struct Prepared {
    reading: Reading,
    plan: Plan,
}

impl Prepared {
    /// Whether `--strict` leaves all of it out.
    fn is_barred(&self, options: &Options) -> bool {
        options.strict && (self.reading.broken || self.plan.is_partial())
    }

    fn makes_core(&self) -> bool {
        self.plan.steps.iter().any(|planned| matches!(&planned.step, Step::EnsureUser(user) if user.name == CORE))
    }

    fn writes_environment(&self) -> bool {
        self.plan
            .steps
            .iter()
            .any(|planned| matches!(&planned.step, Step::WriteFile(file) if file.path == Path::new(ENVIRONMENT)))
    }
}

/// Plans every part, and what comes before them.
fn prepare(
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
fn facts(reading: &Reading, host: &Host<'_>, hostname: Option<&str>) -> Facts {
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

fn setup<'a>(options: &'a Options, surroundings: &'a Surroundings<'a>, deadline: Deadline) -> Setup<'a> {
    Setup {
        root: &options.root,
        workspace: &options.workspace,
        job_timeout: options.job_timeout,
        deadline,
        stop: surroundings.stop,
    }
}

/// Applies user-data; the answer is whether anything failed.
fn apply(options: &Options, surroundings: &Surroundings<'_>, deadline: Deadline, outcome: &mut Outcome) -> bool {
    if options.changes_this_machine() && !crate::host::is_root() {
        fail(outcome, "only root can change this machine; --dry-run shows the plan to everybody".to_owned());
        return true;
    }
    let (readings, addresses) = gather(options, surroundings, outcome);
    let mut host = match Host::open(setup(options, surroundings, deadline)) {
        Ok(host) => host,
        Err(error) => {
            fail(outcome, format!("{error:#}"));
            return true;
        }
    };
    let locked = host.lock(deadline.clip(LOCK_LIMIT));
    let (before, prepared) = prepare(readings, &addresses, options, &host);
    let mut progress = Progress::default();
    apply_access(&before, &prepared, options, &mut host, &mut progress, outcome);
    if let Err(error) = locked {
        fail(outcome, format!("{error:#}; nothing but the host name and the keys of {CORE} is applied"));
        return true;
    }
    apply_environment(&before, &prepared, options, &mut host, &mut progress, outcome);
    for (index, part) in prepared.into_iter().enumerate() {
        if index > 0
            && let Err(error) = host.lock(deadline.clip(LOCK_LIMIT))
        {
            fail(outcome, format!("{error:#}; {} is not applied", part.reading.part.name));
            continue;
        }
        apply_part(part, index, options, &mut host, &mut progress, outcome);
    }
    if let Some(step) = progress.pending_keys.take().map(Step::AuthorizeKeys) {
        fail(outcome, format!("failed to {step}: user {CORE} does not exist"));
    }
    // The part that was to write the file did not come to that.
    if let Some(environment) = progress.pending_environment.take() {
        merge(environment, &mut host, &mut progress, outcome);
    }
    outcome.is_failure()
}

fn apply_access(
    before: &Before,
    prepared: &[Prepared],
    options: &Options,
    host: &mut Host<'_>,
    progress: &mut Progress,
    outcome: &mut Outcome,
) {
    let mut steps: Vec<Planned> = before.hostname.iter().cloned().collect();
    if let Some(keys) = &before.keys {
        let comes = prepared.iter().any(|part| !part.is_barred(options) && part.makes_core());
        if comes && !host.has_user(CORE) {
            if let Step::AuthorizeKeys(keys) = &keys.step {
                progress.pending_keys = Some(keys.clone());
            }
        } else {
            steps.push(keys.clone());
        }
    }
    let text = prepared.first().map_or("", |part| part.reading.part.text.as_str());
    let lines = Lines::new(text.as_bytes());
    let reporter = Reporter { name: &outcome.source.clone(), lines: &lines };
    outcome.access = apply::access(&steps, host, progress, reporter);
}

/// Merges the addresses, unless a part has the last word on the file.
fn apply_environment(
    before: &Before,
    prepared: &[Prepared],
    options: &Options,
    host: &mut Host<'_>,
    progress: &mut Progress,
    outcome: &mut Outcome,
) {
    let Some(environment) = before.environment.clone() else { return };
    if prepared.iter().any(|part| !part.is_barred(options) && part.writes_environment()) {
        progress.pending_environment = Some(environment);
    } else {
        merge(environment, host, progress, outcome);
    }
}

fn merge(environment: Environment, host: &mut Host<'_>, progress: &mut Progress, outcome: &mut Outcome) {
    let (name, lines) = (outcome.source.clone(), Lines::new(b""));
    let step = Planned { step: Step::MergeEnvironment(environment), span: None };
    outcome.access.extend(apply::access(&[step], host, progress, Reporter { name: &name, lines: &lines }));
}

fn apply_part(
    part: Prepared,
    index: usize,
    options: &Options,
    host: &mut Host<'_>,
    progress: &mut Progress,
    outcome: &mut Outcome,
) {
    let barred = part.is_barred(options);
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
    if barred {
        fail(
            outcome,
            format!("{}: nothing of it is applied, since something is wrong with it (--strict)", reading.part.name),
        );
    } else if !reading.broken {
        result.steps = apply::apply(&plan, host, progress, reporter);
    }
    outcome.parts.push(result);
}

/// Logs what is worth telling of a part.
fn told(reading: &Reading, plan: &Plan, lines: &Lines<'_>) -> PartOutcome {
    let name = &reading.part.name;
    let findings: Vec<_> = plan.findings.iter().map(|finding| LocatedFinding::new(finding, lines)).collect();
    for finding in &findings {
        log::log!(finding.level(), "{}", finding.line(name));
    }
    let refused: Vec<_> = plan.refused.iter().map(|refused| RefusedOutcome::new(refused, lines)).collect();
    for refused in &refused {
        log::error!("{}: error: refused: {}", crate::outcome::place(name, refused.at), refused.item);
    }
    PartOutcome { name: name.clone(), form: reading.part.form, findings, refused, steps: Vec::new() }
}

/// Prints the plan and changes nothing; the answer is whether a run would fail for sure.
fn rehearse_all(options: &Options, surroundings: &Surroundings<'_>, deadline: Deadline, outcome: &mut Outcome) -> bool {
    let (readings, addresses) = gather(options, surroundings, outcome);
    let host = match Host::open(setup(options, surroundings, deadline)) {
        Ok(host) => host,
        Err(error) => {
            fail(outcome, format!("{error:#}"));
            return true;
        }
    };
    let (before, prepared) = prepare(readings, &addresses, options, &host);
    let writes_environment = prepared.iter().any(|part| !part.is_barred(options) && part.writes_environment());
    let mut access: Vec<_> = before.hostname.into_iter().chain(before.keys).collect();
    if !writes_environment {
        let merge = |environment| Planned { step: Step::MergeEnvironment(environment), span: None };
        access.extend(before.environment.map(merge));
    }
    let mut rehearsal = rehearse::Rehearsal::new(&host);
    for part in prepared.iter().filter(|part| !part.is_barred(options)) {
        rehearsal.expect_users(&part.plan.steps);
    }
    rehearsal.access(&access);
    for part in &prepared {
        let lines = Lines::new(part.reading.part.text.as_bytes());
        let told = told(&part.reading, &part.plan, &lines);
        let steps = if part.is_barred(options) || part.reading.broken { &[][..] } else { &part.plan.steps };
        rehearsal.part(&part.reading.part.name, part.reading.part.form, steps, &told, &lines);
        outcome.parts.push(told);
    }
    rehearsal.print(options.format, &outcome.failures);
    outcome.is_failure()
}

/// Reports what is wrong with the user-data; the answer is whether anything but notes is.
fn validate(options: &Options, surroundings: &Surroundings<'_>, outcome: &mut Outcome) -> bool {
    let (readings, _) = gather(options, surroundings, outcome);
    let mut failed = !outcome.failures.is_empty();
    let mut reports = Vec::new();
    for reading in readings {
        let lines = Lines::new(reading.part.text.as_bytes());
        let mut plan = reading.plan(&Facts::default(), &options.key_set);
        // Which addresses are known here says nothing of where the configuration will run.
        plan.findings.retain(|finding| finding.rule != &rules::UNKNOWN_ADDRESS);
        plan.findings.sort_by_key(|finding| finding.span);
        let findings: Vec<_> = plan.findings.iter().map(|finding| LocatedFinding::new(finding, &lines)).collect();
        failed |= findings.iter().any(|finding| finding.severity > crate::finding::Severity::Note);
        reports.push((reading.part.name.clone(), findings));
    }
    rehearse::print_findings(options.format, &reports, &outcome.failures);
    failed
}

/// Shows what the last runs did, and gives the exit code.
pub fn status(format: crate::cli::Format) -> u8 {
    match crate::host::record::read() {
        Ok(records) => {
            rehearse::print_status(format, &records);
            DONE
        }
        Err(error) => {
            // Where this cannot be written either, the exit code says it.
            let _ = writeln!(std::io::stderr().lock(), "error: {error:#}");
            FAILED
        }
    }
}

/// Leaves the record and says the last word.
fn finish(options: &Options, outcome: &Outcome) {
    let summary = outcome.summary();
    if outcome.is_failure() {
        log::error!("{}: {summary}", outcome.source);
    } else {
        log::info!("{}: {summary}", outcome.source);
    }
    if options.changes_this_machine()
        && crate::host::is_root()
        && let Err(error) = crate::host::record::write(outcome)
    {
        log::warn!("{error:#}");
    }
}
