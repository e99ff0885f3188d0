//! The output of `--dry-run`: the plan, with the effect of each step on this machine.

use std::cell::Cell;
use std::collections::HashMap;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anstyle::{AnsiColor, Style};
use serde::Serialize;

use cloud_config::text::json;

use super::count::Count;
use super::diff::{self, Difference};
use super::drift::Drift;
use super::{FORMAT, Screen, plural};
use crate::apply::Executor as _;
use crate::cli::Format;
use crate::host::Host;
use crate::host::accounts::{InvalidName, PartialAccount, UnknownPrincipal};
use crate::outcome::{PartOutcome, RefusedOutcome};
use crate::terminal::Sign;
use cloud_config::config::Verb;
use cloud_config::diagnostic::{Finding, UnitAction};
use cloud_config::plan::{KeyImport, KeySet, Plan, Planned, Principal, SkippedRanges, Step};
use cloud_config::redact::LocatedFinding;
use cloud_config::run_plan::PartPlan;
use cloud_config::text::printable;
use cloud_config::text::{Lines, Position};
use cloud_config::user_data::ContentKind;

/// The largest number of lines of all differences together.
const DIFFERENCES_MAX: usize = 1000;

/// The time limit for comparing all files. If it is exceeded, differences are correct but may be longer than necessary.
const COMPARING_MAX: Duration = Duration::from_secs(2);

/// The effect of a step on this machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "here", content = "reason")]
enum Effect {
    /// The step changes the machine.
    Changes,
    /// The machine is already in the requested state.
    Nothing,
    /// The step is done in every run, or only a run shows its effect.
    Runs,
    /// The step does not apply to this machine or root.
    Skipped(&'static str),
    /// The step is known to fail.
    Fails(String),
    /// The outcome cannot be determined without a run.
    Unclear(String),
}

impl Effect {
    const fn sign(&self) -> Sign {
        match self {
            Self::Changes => Sign::Done,
            Self::Nothing => Sign::Unchanged,
            Self::Runs => Sign::Runs,
            Self::Skipped(_) => Sign::Skipped,
            Self::Fails(_) => Sign::Failed,
            Self::Unclear(_) => Sign::Unknown,
        }
    }

    fn reason(&self) -> Option<&str> {
        match self {
            Self::Changes | Self::Nothing | Self::Runs => None,
            Self::Skipped(why) => Some(why),
            Self::Fails(why) | Self::Unclear(why) => Some(why),
        }
    }
}

#[derive(Serialize)]
struct ForeseenStep {
    #[serde(flatten)]
    step: Step,
    /// The part that requests the step, if the step is not listed below that part.
    #[serde(skip_serializing_if = "Option::is_none")]
    part: Option<String>,
    #[serde(flatten)]
    at: Option<Position>,
    #[serde(flatten)]
    effect: Effect,
    /// The difference between the existing file and the new one.
    #[serde(flatten)]
    diff: Option<Difference>,
}

#[derive(Serialize)]
struct ForeseenPart {
    name: String,
    form: ContentKind,
    findings: Vec<LocatedFinding>,
    refused: Vec<RefusedOutcome>,
    steps: Vec<ForeseenStep>,
    /// True if `--strict` rejects the part.
    #[serde(skip)]
    is_rejected: bool,
    /// The indices in `findings` of the errors that do not belong to an item in `refused`.
    #[serde(skip)]
    errors: Vec<usize>,
}

impl ForeseenPart {
    /// Returns true if no step is planned for the part and no error is the reason for that.
    fn is_empty(&self) -> bool {
        self.steps.is_empty() && self.not_applied() == 0
    }

    /// Returns true if no heading is printed for the part: its own parts follow, or the multipart lists it as skipped.
    fn is_listed_elsewhere(&self) -> bool {
        self.is_empty() && matches!(self.form, ContentKind::Multipart | ContentKind::Unreadable)
    }

    /// Returns the number of lines for items and fields that are not applied.
    fn not_applied(&self) -> usize {
        if self.is_rejected { 1 } else { self.refused.len() + self.errors.len() }
    }

    /// Formats the items and fields that are not applied, or the reason for skipping the part.
    fn omissions(&self, screen: Screen) -> String {
        if self.is_rejected {
            return signed(Sign::Failed, "not applied: everything (--strict)", screen);
        }
        let message = |sign, finding: &LocatedFinding| (sign, finding.message.clone(), finding.at.map(|at| at.start));
        let refused =
            self.refused.iter().map(|refused| (Sign::Failed, format!("not applied: {}", refused.item), refused.at));
        let errors = self.errors.iter().map(|index| message(Sign::Failed, &self.findings[*index]));
        let is_skipped = self.form == ContentKind::Skipped;
        let reasons = self.findings.iter().filter(|_| is_skipped).map(|finding| message(Sign::Skipped, finding));
        let lines = refused.chain(errors).chain(reasons).map(|(sign, text, at)| {
            let line = at.map(|at| format!(" (line {})", at.line)).unwrap_or_default();
            signed(sign, &format!("{}{line}", printable(&text)), screen)
        });
        lines.collect()
    }
}

/// Collects the effects of the steps of a run without changing the machine.
pub struct DryRun<'a> {
    host: &'a Host<'a>,
    /// The users that do not exist yet; true for a user that an earlier step would have created by then.
    missing_users: HashMap<String, bool>,
    /// The missing home directories of new users with `create_home` off.
    missing_homes: HashMap<String, PathBuf>,
    /// The number of lines that differences may still use.
    lines_left: Cell<usize>,
    /// True if differences include the changed lines, and not only their number.
    with_lines: bool,
    /// True if the states of units are compared too.
    with_units: bool,
    /// The time that comparing files may still use.
    time: Cell<Duration>,
    foreseen: Foreseen,
}

/// The effects of all steps of a run.
#[derive(Default, Serialize)]
pub struct Foreseen {
    /// True if the text ends with the number of changes.
    #[serde(skip)]
    counts_changes: bool,
    access: Vec<ForeseenStep>,
    parts: Vec<ForeseenPart>,
}

impl<'a> DryRun<'a> {
    /// Starts a dry run on `host`, which is only read. Differences include the changed lines only if `with_lines` is
    /// true. With `with_units`, units to enable and to start are compared with systemd's.
    pub fn new(host: &'a Host<'a>, with_lines: bool, with_units: bool) -> Self {
        let (lines_left, time) = (Cell::new(DIFFERENCES_MAX), Cell::new(COMPARING_MAX));
        Self {
            host,
            missing_users: HashMap::new(),
            missing_homes: HashMap::new(),
            lines_left,
            with_lines,
            with_units,
            time,
            foreseen: Foreseen { counts_changes: with_units, ..Foreseen::default() },
        }
    }

    /// Adds a step that comes before all parts. `asked` is the name and the text of the part that requests it.
    pub fn access(&mut self, planned: &Planned, asked: Option<(&str, &str)>) {
        let lines = asked.map(|(_, text)| Lines::new(text.as_bytes()));
        let step = self.step(planned, lines.as_ref());
        self.foreseen.access.push(ForeseenStep { part: asked.map(|(name, _)| name.to_owned()), ..step });
    }

    /// Adds the steps of a part.
    pub fn part(&mut self, part: &PartPlan, steps: &[&Planned], reported: &PartOutcome, lines: &Lines<'_>) {
        let faults = |action: UnitAction| -> HashMap<&str, &Finding> {
            let blocked = part.plan.findings.iter().filter_map(|finding| Some((finding.blocked.as_ref()?, finding)));
            let blocked = blocked.filter(|(blocked, _)| blocked.action == action);
            blocked.map(|(blocked, finding)| (&*blocked.unit, finding)).collect()
        };
        let (not_enabled, not_started) = (faults(UnitAction::Enable), faults(UnitAction::Start));
        let foresee = |planned: &&Planned| {
            let mut foreseen = self.step(planned, Some(lines));
            let fault = match &planned.step {
                Step::EnableUnit(scope) => not_enabled.get(&*printable(&scope.unit)),
                Step::UnitCommand(command) if starts(command.verb) => not_started.get(&*printable(&command.unit)),
                _ => None,
            };
            if let Some(fault) = fault
                && !matches!(foreseen.effect, Effect::Skipped(_) | Effect::Fails(_))
            {
                foreseen.effect = Effect::Fails(fault.message.clone());
            }
            foreseen
        };
        let steps = steps.iter().map(foresee).collect();
        let (findings, refused) = (reported.findings.clone(), reported.refused.clone());
        let (name, form) = (part.name(), part.document.part.form);
        let (name, errors) = (name.to_owned(), errors_of_fields(&part.plan));
        let is_rejected = part.is_rejected;
        self.foreseen.parts.push(ForeseenPart { name, form, findings, refused, steps, is_rejected, errors });
    }

    /// Returns the effects.
    pub fn finish(self) -> Foreseen {
        self.foreseen
    }

    /// Records the missing users that `steps` create, and the ones whose home stays missing.
    pub fn expect_users(&mut self, steps: &[Planned]) {
        let made = steps.iter().filter_map(|planned| match &planned.step {
            Step::EnsureUser(account) if !self.host.has_user(&account.name) => {
                let created = match self.host.would_change(&planned.step) {
                    Ok(_) => true,
                    Err(error) => error.is::<PartialAccount>(),
                };
                Some((account.name.clone(), created))
            }
            _ => None,
        });
        self.missing_users.extend(made.collect::<Vec<_>>());
        for planned in steps {
            if let Step::EnsureUser(account) = &planned.step
                && self.missing_users.contains_key(&account.name)
                && let Some(home) = self.host.missing_home(account)
            {
                self.missing_homes.insert(account.name.clone(), home);
            }
        }
    }

    fn step(&self, planned: &Planned, lines: Option<&Lines<'_>>) -> ForeseenStep {
        let step = &planned.step;
        let made = |user: &str| self.missing_users.get(user).copied();
        let effect = if let Some(why) = self.host.skips(step) {
            Effect::Skipped(why)
        } else if let Some(user) = needed(step).into_iter().flatten().find(|user| made(user) == Some(false)) {
            Effect::Fails(format!("user {user} could not be created"))
        } else if let Step::AuthorizeKeys(KeySet { user, .. }) | Step::ImportKeys(KeyImport { user, .. }) = step
            && let Some(home) = self.missing_homes.get(user)
        {
            Effect::Fails(format!("the home directory {} does not exist", home.display()))
        } else if matches!(step, Step::ImportKeys(_)) {
            // Only the server of the import knows the keys.
            Effect::Runs
        } else if needed(step).into_iter().flatten().any(|user| made(user).is_some()) {
            Effect::Changes
        } else {
            let state = if self.with_units { self.host.would_change_unit(step) } else { Ok(None) };
            match state.and_then(|state| if state.is_some() { Ok(state) } else { self.host.would_change(step) }) {
                Ok(Some(true)) => Effect::Changes,
                Ok(Some(false)) => Effect::Nothing,
                Ok(None) => Effect::Runs,
                Err(error) if is_known(&error) => Effect::Fails(format!("{error:#}")),
                Err(error) => Effect::Unclear(format!("{error:#}")),
            }
        };
        let at = lines.zip(planned.span).map(|(lines, span)| lines.start(span));
        let diff = if effect == Effect::Changes { self.diff(step) } else { None };
        ForeseenStep { step: step.clone(), part: None, at, effect, diff }
    }

    /// Returns the difference for a file that every user may read before and after the step.
    fn diff(&self, step: &Step) -> Option<Difference> {
        let Step::WriteFile(file) = step else { return None };
        if file.mode & 0o004 == 0 || file.content.expose().len() as u64 > diff::LONGEST {
            return None;
        }
        let old = self.host.read_public(&file.path, diff::LONGEST)?;
        let (began, limit) = (Instant::now(), self.time.get().min(diff::LIMIT));
        let with_lines = self.with_lines && self.lines_left.get() > 0;
        let diff = Difference::new(&old, file.content.expose(), with_lines, limit);
        self.time.set(self.time.get().saturating_sub(began.elapsed()));
        let lines = diff.as_ref()?.lines.as_ref().map_or(0, |lines| lines.lines().count());
        self.lines_left.set(self.lines_left.get().saturating_sub(lines));
        diff
    }
}

/// Returns true if a run would have the same error. Root can read everything that a run reads, and every user can look
/// up names of users.
fn is_known(error: &anyhow::Error) -> bool {
    let is_of_names = error.is::<UnknownPrincipal>() || error.is::<PartialAccount>() || error.is::<InvalidName>();
    crate::host::is_root() || is_of_names
}

impl Foreseen {
    /// Returns true if a run would fail at one of the steps.
    pub fn is_failure(&self) -> bool {
        self.steps().any(|step| matches!(step.effect, Effect::Fails(_)))
    }

    /// Compares the machine with the configuration.
    pub fn drift(&self) -> Drift {
        let count = |is_counted: fn(&Effect) -> bool| self.steps().filter(|step| is_counted(&step.effect)).count();
        Drift {
            changes: count(|effect| *effect == Effect::Changes),
            unclear: count(|effect| matches!(effect, Effect::Unclear(_))),
        }
    }

    fn steps(&self) -> impl Iterator<Item = &ForeseenStep> {
        self.access.iter().chain(self.parts.iter().flat_map(|part| &part.steps))
    }

    /// Formats the result.
    pub fn print(&self, source: &str, failures: &[String], format: Format, screen: Screen) -> String {
        #[derive(Serialize)]
        struct DryRunDocument<'a> {
            format: u32,
            source: &'a str,
            failures: &'a [String],
            #[serde(flatten)]
            foreseen: &'a Foreseen,
        }
        match format {
            Format::Json => json::print(&DryRunDocument { format: FORMAT, source, failures, foreseen: self }),
            Format::Text => self.text(failures, screen),
        }
    }

    fn text(&self, failures: &[String], screen: Screen) -> String {
        if self.access.is_empty() && self.parts.iter().all(ForeseenPart::is_empty) {
            return match self.problems(failures) {
                Some(problems) => format!("nothing would be applied: {problems} (see the log, on standard error)\n"),
                None => "nothing to do\n".to_owned(),
            };
        }
        let mut out = legend();
        // The network comes first, as in a run, because fetching user-data may need it.
        let (network, parts): (Vec<_>, Vec<_>) = self.parts.iter().partition(|part| part.form == ContentKind::Network);
        let mut access = (!self.access.is_empty()).then_some(&self.access);
        for part in network.into_iter().map(Some).chain([None]).chain(parts.into_iter().map(Some)) {
            let Some(part) = part else {
                if let Some(access) = access.take() {
                    out.push_str("\naccess:\n");
                    for step in access {
                        out.push_str(&line(step, screen));
                    }
                }
                continue;
            };
            if part.is_listed_elsewhere() {
                continue;
            }
            // The name of the network part already says what it is.
            let form = if part.form == ContentKind::Network {
                String::new()
            } else {
                format!(" ({})", part.form.description())
            };
            let _ = writeln!(out, "\n{}{form}:", printable(&part.name));
            let omissions = part.omissions(screen);
            if part.steps.is_empty() && omissions.is_empty() {
                out.push_str(if self.access.is_empty() { "nothing to do\n" } else { "nothing else to do\n" });
            }
            part.steps.iter().for_each(|step| out.push_str(&line(step, screen)));
            out.push_str(&omissions);
        }
        let problems = self.problems(failures).map(|problems| format!("{problems} (see the log, on standard error)"));
        let changed = self.counts_changes.then(|| self.drift().description());
        let footer: Vec<_> = changed.into_iter().chain(self.marked()).chain(problems).collect();
        if !footer.is_empty() {
            let _ = writeln!(out, "\n{}", footer.join("\n"));
        }
        out
    }

    /// Counts the errors and warnings in the log: `2 errors, 1 warning`.
    fn problems(&self, failures: &[String]) -> Option<String> {
        Count::of(failures, self.parts.iter().flat_map(|part| &part.findings)).problems()
    }

    /// Counts the lines with the sign `!`: `4 steps fail, 2 not applied`.
    fn marked(&self) -> Option<String> {
        let fails = self.steps().filter(|step| matches!(step.effect, Effect::Fails(_))).count();
        let not_applied = self.parts.iter().map(ForeseenPart::not_applied).sum::<usize>();
        let verb = if fails == 1 { "fails" } else { "fail" };
        let words =
            [(fails, format!("{} {verb}", plural(fails, "step"))), (not_applied, format!("{not_applied} not applied"))];
        let words: Vec<_> = words.into_iter().filter(|(count, _)| *count > 0).map(|(_, words)| words).collect();
        (!words.is_empty()).then(|| words.join(", "))
    }
}

/// Returns the indices of the errors about fields that are not applied although the rest of the item is.
fn errors_of_fields(plan: &Plan) -> Vec<usize> {
    let skipped = SkippedRanges::new(plan.refused.iter().map(|refused| refused.span));
    let errors = plan.findings.iter().enumerate().filter(|(_, finding)| finding.is_error() && !finding.is_corrected());
    errors.filter(|(_, finding)| !skipped.contain(finding.span)).map(|(index, _)| index).collect()
}

/// Returns true for a command that starts a unit which is not running.
const fn starts(verb: Verb) -> bool {
    matches!(verb, Verb::Start | Verb::Restart | Verb::ReloadOrRestart)
}

/// Returns the users that a step needs.
fn needed(step: &Step) -> [Option<&str>; 2] {
    match step {
        Step::AuthorizeKeys(set) => [Some(&set.user), None],
        Step::ImportKeys(import) => [Some(&import.user), None],
        Step::WriteFile(file) => [named(file.owner.user.as_ref()), named(file.owner.group.as_ref())],
        Step::SetHostname(_)
        | Step::EnsureUser(_)
        | Step::MergeEnvironment(_)
        | Step::MaskUnit(_)
        | Step::UnmaskUnit(_)
        | Step::EnableUnit(_)
        | Step::ReloadDaemon(_)
        | Step::RemoveEnvironment(_)
        | Step::TakeDown(_)
        | Step::LoadModule(_)
        | Step::RestartNetworkd
        | Step::UnitCommand(_)
        | Step::RunScript(_) => [None, None],
    }
}

fn named(principal: Option<&Principal>) -> Option<&str> {
    match principal {
        Some(Principal::Name(name)) => Some(name),
        _ => None,
    }
}

/// Formats the legend of the signs.
fn legend() -> String {
    let signs = Sign::ALL.into_iter().filter(|sign| sign.is_forecast());
    let words: Vec<_> = signs.map(|sign| format!("{} {}", sign.character(), sign.word())).collect();
    words.join(", ") + "\n"
}

/// Formats a line that begins with a sign.
fn signed(sign: Sign, text: &str, screen: Screen) -> String {
    let style = if screen.color { sign.style() } else { Style::new() };
    format!("{style}{}{style:#} {text}\n", sign.character())
}

/// Formats a step, with the difference of its file below it.
fn line(step: &ForeseenStep, screen: Screen) -> String {
    let text = printable(&step.step.to_string());
    let reason = step.effect.reason().map_or_else(String::new, |why| format!(": {}", printable(why)));
    let mut out = signed(step.effect.sign(), &format!("{text}{reason}"), screen);
    let Some(diff) = &step.diff else { return out };
    let Some(lines) = &diff.lines else { return format!("{out}    {}\n", diff.summary()) };
    for line in diff::indented(lines) {
        let style = match line.as_bytes().first() {
            _ if !screen.color => Style::new(),
            Some(b'+') => AnsiColor::Green.on_default(),
            Some(b'-') => AnsiColor::Red.on_default(),
            _ => Style::new().dimmed(),
        };
        // Writing to a string cannot fail.
        let _ = writeln!(out, "    {style}{line}{style:#}");
    }
    out
}
