//! Applies a plan: runs every step in order, and skips a step only if one that it depends on failed (docs/applying.md).
//!
//! This module only keeps the state of the run; an [`Executor`] accesses the machine.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::contain::contain;
use crate::logger::progress;
use crate::outcome::{Reporter, StepOutcome, StepResult, report_step};
use cloud_config::plan::{CORE, ENVIRONMENT, Environment, FileSpec, Item, KeySet, Plan, Planned, Step, unit_of};
use cloud_config::text::Position;

/// The file of the host name.
const HOSTNAME: &str = "/etc/hostname";

/// State shared by all parts of one run: the results of earlier steps that later ones depend on.
#[derive(Debug, Default)]
pub struct ApplyState {
    /// Units of systemd whose files this part changed.
    pub changed_units: Vec<String>,
    /// True if enabling a unit of this part changed links.
    pub links_changed: bool,
    /// True if this part changed a file of systemd-networkd.
    pub networkd_changed: bool,
    /// Users that could not be created.
    pub failed_users: HashSet<String>,
    /// Units whose files could not be written.
    failed_units: HashSet<String>,
    /// True if the last daemon-reload failed, so that systemd still uses the unit files from before this part.
    reload_failed: bool,
    /// The keys of `core` that are set once the user is created.
    pub deferred_keys: Option<KeySet>,
    /// The addresses for a file that a part also writes. They are merged into it only if that part fails to write it.
    pub deferred_environment: Option<Environment>,
    /// The step that sets the host name, while hostnamed has not replied yet.
    pending_hostname: Option<PendingStep>,
    /// The outcome of `pending_hostname`, once it is known.
    pub hostname_outcome: Option<StepOutcome>,
}

/// A step that has begun and has no result yet, with the part that requested it.
#[derive(Debug)]
struct PendingStep {
    step: Step,
    part: String,
    at: Option<Position>,
}

/// Carries out steps.
pub trait Executor {
    /// Writes files in one batch; the results are in the order of `files`.
    fn write_files(&mut self, files: &[&FileSpec], state: &ApplyState) -> Vec<Result<StepResult>>;

    /// Carries out any other step.
    fn perform(&mut self, step: &Step, state: &ApplyState) -> Result<StepResult>;

    /// Begins to set the host name. Returns its result, or `None` if [`Self::finish_hostname`] waits for it.
    fn begin_hostname(&mut self, name: &str) -> Result<Option<StepResult>>;

    /// Waits until the host name is set. Returns the result and the duration.
    fn finish_hostname(&mut self) -> (Result<StepResult>, Duration);

    /// Returns true if the user account `name` exists.
    fn has_user(&self, name: &str) -> bool;

    /// Releases the lock, so that other runs can change the machine during the rest of the part.
    fn release(&mut self);

    /// Returns the reason why no further step may begin: a signal, or the deadline.
    fn halted(&self) -> Option<String>;
}

/// Runs the access steps, which come before every part: the host name, SSH keys and addresses. They take little time
/// and let an administrator log in, so they also run when the run is stopping.
///
/// hostnamed sets the host name while later steps run, up to the first one that may depend on it. The caller calls
/// [`finish_hostname`] when all parts are applied.
pub fn access(
    steps: &[Planned],
    executor: &mut dyn Executor,
    state: &mut ApplyState,
    reporter: Reporter<'_>,
) -> Vec<StepOutcome> {
    let mut run = PlanRun { executor, state, reporter, outcomes: Vec::new() };
    for planned in steps {
        match &planned.step {
            Step::SetHostname(host) => run.begin_hostname(planned, &host.name),
            _ => run.run_step(planned, None),
        }
    }
    run.outcomes
}

/// Waits until the host name is set, and logs the result. The outcome is in `state`.
pub fn finish_hostname(executor: &mut dyn Executor, state: &mut ApplyState) {
    let Some(PendingStep { step, part, at }) = state.pending_hostname.take() else { return };
    let _progress = progress(|| step.to_string());
    let ended = contain(|| executor.finish_hostname());
    let (result, took) = ended.unwrap_or_else(|| (Err(internal_error(&step)), Duration::ZERO));
    let outcome = report_step(&part, at, &step, step_result(result), took);
    state.hostname_outcome = Some(StepOutcome { part: Some(part), ..outcome });
}

/// Returns true if a step may depend on the host name: a program that it starts can read the name, and systemd expands
/// `%H` when it enables a unit.
const fn needs_hostname(step: &Step) -> bool {
    matches!(
        step,
        Step::EnableUnit(_)
            | Step::ReloadDaemon(_)
            | Step::RestartNetworkd
            | Step::TakeDown(_)
            | Step::UnitCommand(_)
            | Step::RunScript(_)
    )
}

/// Applies a plan.
pub fn apply(
    plan: &Plan,
    executor: &mut dyn Executor,
    state: &mut ApplyState,
    reporter: Reporter<'_>,
) -> Vec<StepOutcome> {
    state.changed_units.clear();
    state.links_changed = false;
    state.networkd_changed = false;
    state.reload_failed = false;
    for refused in &plan.refused {
        match &refused.item {
            Item::User(name) if !executor.has_user(name) => {
                state.failed_users.insert(name.clone());
            }
            Item::Unit(unit) | Item::DropIn { unit, .. } => {
                state.failed_units.insert(unit.clone());
            }
            Item::User(_)
            | Item::File(_)
            | Item::Command(_)
            | Item::Import(_)
            | Item::Section(_)
            | Item::Rest
            | Item::All => {}
        }
    }
    let mut run = PlanRun { executor, state, reporter, outcomes: Vec::with_capacity(plan.steps.len()) };
    let mut written = None;
    for (index, planned) in plan.steps.iter().enumerate() {
        if let Step::WriteFile(file) = &planned.step {
            // The first write step writes all files; each result is reported at its own step.
            let written = written.get_or_insert_with(|| run.write_files(&plan.steps));
            let (result, took) = written.remove(&index).unwrap_or_else(|| {
                (StepResult::Failed(format!("failed to write {}", file.path.display())), Duration::ZERO)
            });
            run.finish(planned, result, took);
        } else {
            let halted = run.executor.halted();
            run.run_step(planned, halted);
        }
    }
    run.outcomes
}

struct PlanRun<'a> {
    executor: &'a mut dyn Executor,
    state: &'a mut ApplyState,
    reporter: Reporter<'a>,
    outcomes: Vec<StepOutcome>,
}

impl PlanRun<'_> {
    /// Writes every file among `steps` in one batch. Returns the results by the index of their step.
    fn write_files(&mut self, steps: &[Planned]) -> HashMap<usize, (StepResult, Duration)> {
        let files: Vec<_> = steps
            .iter()
            .enumerate()
            .filter_map(|(index, planned)| match &planned.step {
                Step::WriteFile(file) => Some((index, file)),
                _ => None,
            })
            .collect();
        // Files that other files need are written first, in a batch of their own.
        let needed: HashSet<_> = files.iter().filter_map(|(_, file)| file.needs.as_deref()).collect();
        let (first, rest): (Vec<_>, Vec<_>) =
            files.into_iter().partition(|(_, file)| needed.contains(file.path.as_path()));
        let mut written = HashMap::new();
        let mut failed = HashSet::new();
        for (index, file, outcome) in self.write_batch(first) {
            if outcome.0.is_failure() {
                failed.insert(&file.path);
            }
            written.insert(index, outcome);
        }
        let mut ready = Vec::with_capacity(rest.len());
        for (index, file) in rest {
            match file.needs.as_ref().filter(|path| failed.contains(path)) {
                Some(path) => {
                    let why = format!("{} could not be written", path.display());
                    written.insert(index, (StepResult::DependencyFailed(why), Duration::ZERO));
                }
                None => ready.push((index, file)),
            }
        }
        written.extend(self.write_batch(ready).into_iter().map(|(index, _, outcome)| (index, outcome)));
        written
    }

    /// Writes `files`, which come with the indices of their steps.
    fn write_batch<'f>(
        &mut self,
        files: Vec<(usize, &'f FileSpec)>,
    ) -> Vec<(usize, &'f FileSpec, (StepResult, Duration))> {
        if files.is_empty() {
            return Vec::new();
        }
        // hostnamed writes /etc/hostname, so it must finish before the batch writes that file.
        if files.iter().any(|(_, file)| file.path == Path::new(HOSTNAME)) {
            finish_hostname(self.executor, self.state);
        }
        let began = Instant::now();
        let results = if let Some(why) = self.executor.halted() {
            files.iter().map(|_| Ok(StepResult::DependencyFailed(why.clone()))).collect()
        } else {
            let specs: Vec<_> = files.iter().map(|(_, file)| *file).collect();
            let _progress = progress(|| format!("write {} files", specs.len()));
            let results = contain(|| self.executor.write_files(&specs, self.state));
            results.unwrap_or_else(|| {
                files.iter().map(|(_, file)| Err(internal_error(&Step::WriteFile((*file).clone())))).collect()
            })
        };
        // Each file gets an equal share of the duration of the batch.
        let share = began.elapsed() / u32::try_from(files.len()).unwrap_or(u32::MAX).max(1);
        files
            .into_iter()
            .zip(results)
            .map(|((index, file), result)| (index, file, (step_result(result), share)))
            .collect()
    }

    fn begin_hostname(&mut self, planned: &Planned, name: &str) {
        // Waits for the previous host name: an executor sets one name at a time.
        finish_hostname(self.executor, self.state);
        let start = Instant::now();
        let begun =
            contain(|| self.executor.begin_hostname(name)).unwrap_or_else(|| Err(internal_error(&planned.step)));
        if let Some(result) = begun.transpose() {
            return self.finish(planned, step_result(result), start.elapsed());
        }
        let (step, at) = (planned.step.clone(), self.reporter.position(planned.span));
        self.state.pending_hostname = Some(PendingStep { step, part: self.reporter.name.to_owned(), at });
    }

    fn run_step(&mut self, planned: &Planned, halted: Option<String>) {
        if needs_hostname(&planned.step) {
            finish_hostname(self.executor, self.state);
        }
        let began = Instant::now();
        let result = if let Some(why) = halted.or_else(|| self.unmet_dependency(&planned.step)) {
            StepResult::DependencyFailed(why)
        } else {
            // Both steps start systemd jobs, and a job may run this program, which needs the lock. `RunScript` is
            // missing here: its step writes the script first and then releases the lock itself.
            if matches!(planned.step, Step::RestartNetworkd | Step::UnitCommand(_)) {
                self.executor.release();
            }
            let _progress = progress(|| planned.step.to_string());
            self.perform(&planned.step)
        };
        self.finish(planned, result, began.elapsed());
    }

    /// Carries out a step. A panic fails only that step.
    fn perform(&mut self, step: &Step) -> StepResult {
        let result = contain(|| self.executor.perform(step, self.state));
        step_result(result.unwrap_or_else(|| Err(internal_error(step))))
    }

    /// Returns the reason for skipping the step if one of its dependencies failed.
    fn unmet_dependency(&self, step: &Step) -> Option<String> {
        let state = &*self.state;
        let missing_user =
            |user: &String| state.failed_users.contains(user).then(|| format!("user {user} could not be created"));
        let missing_unit =
            |unit: &String| state.failed_units.contains(unit).then(|| format!("unit {unit} was not applied"));
        match step {
            Step::AuthorizeKeys(set) => missing_user(&set.user),
            Step::ImportKeys(import) => missing_user(&import.user),
            Step::RemoveEnvironment(_) if state.reload_failed => Some("daemon-reload failed".to_owned()),
            Step::RemoveEnvironment(place) => missing_unit(&place.unit),
            Step::EnableUnit(scope) => missing_unit(&scope.unit),
            Step::UnitCommand(command) => missing_unit(&command.unit),
            Step::SetHostname(_)
            | Step::EnsureUser(_)
            | Step::WriteFile(_)
            | Step::MergeEnvironment(_)
            | Step::MaskUnit(_)
            | Step::UnmaskUnit(_)
            | Step::ReloadDaemon(_)
            | Step::TakeDown(_)
            | Step::LoadModule(_)
            | Step::RestartNetworkd
            | Step::RunScript(_) => None,
        }
    }

    fn finish(&mut self, planned: &Planned, result: StepResult, took: Duration) {
        self.record_result(&planned.step, &result);
        let failed = result.is_failure();
        let outcome = self.reporter.step(&planned.step, planned.span, result, took);
        self.outcomes.push(outcome);
        self.run_deferred(planned, failed);
    }

    /// Runs the deferred steps that waited for `planned`: the keys of `core` for its user, the addresses for a failed
    /// file.
    fn run_deferred(&mut self, planned: &Planned, failed: bool) {
        let due = match &planned.step {
            Step::EnsureUser(account) if account.name == CORE && !self.state.failed_users.contains(CORE) => {
                self.state.deferred_keys.take().map(Step::AuthorizeKeys)
            }
            Step::WriteFile(file) if file.path == Path::new(ENVIRONMENT) => {
                self.state.deferred_environment.take().filter(|_| failed).map(Step::MergeEnvironment)
            }
            _ => None,
        };
        if let Some(step) = due {
            let began = Instant::now();
            let result = self.perform(&step);
            let outcome = self.reporter.step(&step, planned.span, result, began.elapsed());
            self.outcomes.push(outcome);
        }
    }

    /// Records the results that later steps depend on.
    fn record_result(&mut self, step: &Step, result: &StepResult) {
        let state = &mut *self.state;
        if let (Step::EnsureUser(account), false) = (step, result.is_failure()) {
            // An earlier entry with the same name may have failed.
            state.failed_users.remove(&account.name);
        }
        if result.is_failure() {
            match step {
                // A user that exists, for example without the password, still gets keys and files.
                Step::EnsureUser(account) => {
                    if !self.executor.has_user(&account.name) {
                        state.failed_users.insert(account.name.clone());
                    }
                }
                Step::WriteFile(file) => state.failed_units.extend(file.unit.clone()),
                Step::MaskUnit(place) | Step::UnmaskUnit(place) => {
                    state.failed_units.insert(place.unit.clone());
                }
                Step::ReloadDaemon(_) => state.reload_failed = true,
                // No other step depends on the result of these steps.
                Step::SetHostname(_)
                | Step::AuthorizeKeys(_)
                | Step::ImportKeys(_)
                | Step::MergeEnvironment(_)
                | Step::EnableUnit(_)
                | Step::RemoveEnvironment(_)
                | Step::TakeDown(_)
                | Step::LoadModule(_)
                | Step::RestartNetworkd
                | Step::UnitCommand(_)
                | Step::RunScript(_) => {}
            }
        }
        if *result == StepResult::Done {
            state.changed_units.extend(unit_of(step));
            state.links_changed |= matches!(step, Step::EnableUnit(_));
            state.networkd_changed |= step.path().is_some_and(is_networkd_file);
        }
    }
}

/// Returns true if the path is in a directory that networkd reads.
pub fn is_networkd_file(path: &Path) -> bool {
    ["/etc/systemd/network", "/run/systemd/network"].iter().any(|directory| path.starts_with(directory))
}

/// The error of a step that panicked.
fn internal_error(step: &Step) -> anyhow::Error {
    anyhow::anyhow!("failed to {step}: internal error")
}

fn step_result(result: Result<StepResult>) -> StepResult {
    result.unwrap_or_else(|error| StepResult::Failed(format!("{error:#}")))
}

#[cfg(test)]
mod tests;
