//! Doing a plan: every step in order, each with what it needs, none stopping the unrelated ones (spec §1).
//!
//! This is the bookkeeping only; what touches the machine is behind [`Machine`].

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::contain::contain;
use crate::host::Change;
use crate::logger::doing;
use crate::outcome::{Reporter, StepOutcome, Verdict};
use cloud_config::plan::{CORE, ENVIRONMENT, Environment, FileSpec, Item, KeySet, Plan, Planned, Step, unit_of};

/// What a step came to, where it did not fail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Done {
    /// It is done.
    With(Change),
    /// It does not apply here.
    Skipped(String),
    /// It was begun, and may end later.
    Queued(String),
    /// What it needs is not there.
    LeftOut(String),
}

/// What happened before a step, which it may need to know.
#[derive(Debug, Default)]
pub struct Situation {
    /// Units of systemd whose files changed.
    pub changed_units: Vec<String>,
    /// Enabling changed links.
    pub links_changed: bool,
    /// A file of networkd changed.
    pub networkd_changed: bool,
    /// Users that could not be created.
    pub failed_users: HashSet<String>,
}

/// What carries out steps.
pub trait Machine {
    /// Writes files in one batch; the answers are in their order.
    fn write_files(&mut self, files: &[&FileSpec], situation: &Situation) -> Vec<Result<Done>>;

    /// Carries out any other step.
    fn perform(&mut self, step: &Step, situation: &Situation) -> Result<Done>;

    /// Whether there is a user of this name.
    fn has_user(&self, name: &str) -> bool;

    /// Lets other runs change the machine, from here to the end of the part.
    fn release(&mut self);

    /// Why nothing more may be begun, if so: a signal, the deadline.
    fn halted(&self) -> Option<String>;
}

/// What is carried from part to part.
#[derive(Debug, Default)]
pub struct Progress {
    situation: Situation,
    failed_units: HashSet<String>,
    /// systemd did not read its units again, and still starts them as they were before.
    reload_failed: bool,
    /// Keys of `core` that wait for the user to be made.
    pub pending_keys: Option<KeySet>,
    /// Addresses that a part has its own word on: they are merged only if that fails.
    pub pending_environment: Option<Environment>,
}

/// Does what comes before every part: a host name, keys, addresses. It takes no time, and lets people in who can do
/// the rest by hand: it is done even where the run is to stop.
pub fn access(
    steps: &[Planned],
    machine: &mut dyn Machine,
    progress: &mut Progress,
    reporter: Reporter<'_>,
) -> Vec<StepOutcome> {
    let mut run = Run { machine, progress, reporter, outcomes: Vec::new() };
    for planned in steps {
        run.one(planned, None);
    }
    run.outcomes
}

/// Does a plan.
pub fn apply(
    plan: &Plan,
    machine: &mut dyn Machine,
    progress: &mut Progress,
    reporter: Reporter<'_>,
) -> Vec<StepOutcome> {
    progress.situation.changed_units.clear();
    progress.situation.links_changed = false;
    progress.situation.networkd_changed = false;
    progress.reload_failed = false;
    for refused in &plan.refused {
        match &refused.item {
            Item::User(name) if !machine.has_user(name) => {
                progress.situation.failed_users.insert(name.clone());
            }
            Item::Unit(unit) | Item::DropIn { unit, .. } => {
                progress.failed_units.insert(unit.clone());
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
    let mut run = Run { machine, progress, reporter, outcomes: Vec::with_capacity(plan.steps.len()) };
    let mut written = None;
    for (index, planned) in plan.steps.iter().enumerate() {
        if let Step::WriteFile(file) = &planned.step {
            // All files are written when the first is due; each is told in its place.
            let written = written.get_or_insert_with(|| run.write_files(&plan.steps));
            let (verdict, took) = written.remove(&index).unwrap_or_else(|| {
                (Verdict::Failed(format!("failed to write {}", file.path.display())), Duration::ZERO)
            });
            run.finish(planned, verdict, took);
        } else {
            let halted = run.machine.halted();
            run.one(planned, halted);
        }
    }
    run.outcomes
}

struct Run<'a> {
    machine: &'a mut dyn Machine,
    progress: &'a mut Progress,
    reporter: Reporter<'a>,
    outcomes: Vec<StepOutcome>,
}

impl Run<'_> {
    /// Writes every file among `steps` in one batch; the answers are by the index of their step.
    fn write_files(&mut self, steps: &[Planned]) -> HashMap<usize, (Verdict, Duration)> {
        let files: Vec<_> = steps
            .iter()
            .enumerate()
            .filter_map(|(index, planned)| match &planned.step {
                Step::WriteFile(file) => Some((index, file)),
                _ => None,
            })
            .collect();
        // Files that others need are written before those, in a batch of their own.
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
                    written.insert(index, (Verdict::LeftOut(why), Duration::ZERO));
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
    ) -> Vec<(usize, &'f FileSpec, (Verdict, Duration))> {
        if files.is_empty() {
            return Vec::new();
        }
        let began = Instant::now();
        let results = if let Some(why) = self.machine.halted() {
            files.iter().map(|_| Ok(Done::LeftOut(why.clone()))).collect()
        } else {
            let specs: Vec<_> = files.iter().map(|(_, file)| *file).collect();
            let _doing = doing(|| format!("write {} files", specs.len()));
            let results = contain(|| self.machine.write_files(&specs, &self.progress.situation));
            results.unwrap_or_else(|| {
                files.iter().map(|(_, file)| Err(internal_error(&Step::WriteFile((*file).clone())))).collect()
            })
        };
        // The batch took its time together; each file gets its share.
        let share = began.elapsed() / u32::try_from(files.len()).unwrap_or(u32::MAX).max(1);
        files.into_iter().zip(results).map(|((index, file), result)| (index, file, (verdict(result), share))).collect()
    }

    fn one(&mut self, planned: &Planned, halted: Option<String>) {
        let began = Instant::now();
        let verdict = if let Some(why) = halted.or_else(|| self.missing(&planned.step)) {
            Verdict::LeftOut(why)
        } else {
            // A script is written first: its step releases the lock itself.
            if matches!(planned.step, Step::RestartNetworkd | Step::UnitCommand(_)) {
                self.machine.release();
            }
            let _doing = doing(|| planned.step.to_string());
            self.perform(&planned.step)
        };
        self.finish(planned, verdict, began.elapsed());
    }

    /// Carries out a step. A panic costs that step alone.
    fn perform(&mut self, step: &Step) -> Verdict {
        let result = contain(|| self.machine.perform(step, &self.progress.situation));
        verdict(result.unwrap_or_else(|| Err(internal_error(step))))
    }

    /// What the step needs and cannot have.
    fn missing(&self, step: &Step) -> Option<String> {
        let user = match step {
            Step::AuthorizeKeys(set) => Some(&set.user),
            Step::ImportKeys(import) => Some(&import.user),
            _ => None,
        };
        if let Some(user) = user.filter(|user| self.progress.situation.failed_users.contains(*user)) {
            return Some(format!("user {user} could not be created"));
        }
        if matches!(step, Step::RemoveEnvironment(_)) && self.progress.reload_failed {
            return Some("systemd did not reload its units".to_owned());
        }
        let unit = match step {
            Step::EnableUnit(scope) => &scope.unit,
            Step::RemoveEnvironment(place) => &place.unit,
            Step::UnitCommand(command) => &command.unit,
            _ => return None,
        };
        self.progress.failed_units.contains(unit).then(|| format!("unit {unit} could not be placed"))
    }

    fn finish(&mut self, planned: &Planned, verdict: Verdict, took: Duration) {
        self.learn(&planned.step, &verdict);
        let failed = verdict.is_failure();
        let outcome = self.reporter.step(&planned.step, planned.span, verdict, took);
        self.outcomes.push(outcome);
        self.pending(planned, failed);
    }

    /// What waited for this step: the keys of `core` for its user, the addresses for the file that was to have them.
    fn pending(&mut self, planned: &Planned, failed: bool) {
        let due = match &planned.step {
            Step::EnsureUser(account)
                if account.name == CORE && !self.progress.situation.failed_users.contains(CORE) =>
            {
                self.progress.pending_keys.take().map(Step::AuthorizeKeys)
            }
            Step::WriteFile(file) if file.path == Path::new(ENVIRONMENT) => {
                self.progress.pending_environment.take().filter(|_| failed).map(Step::MergeEnvironment)
            }
            _ => None,
        };
        if let Some(step) = due {
            let began = Instant::now();
            let verdict = self.perform(&step);
            let outcome = self.reporter.step(&step, planned.span, verdict, began.elapsed());
            self.outcomes.push(outcome);
        }
    }

    fn learn(&mut self, step: &Step, verdict: &Verdict) {
        let situation = &mut self.progress.situation;
        if let (Step::EnsureUser(account), false) = (step, verdict.is_failure()) {
            // An entry that was refused may not be the only one of this name.
            situation.failed_users.remove(&account.name);
        }
        if verdict.is_failure() {
            match step {
                // One who is there, but without the password, say, still gets keys and files.
                Step::EnsureUser(account) if !self.machine.has_user(&account.name) => {
                    situation.failed_users.insert(account.name.clone());
                }
                Step::WriteFile(FileSpec { unit: Some(unit), .. }) => {
                    self.progress.failed_units.insert(unit.clone());
                }
                Step::ReloadDaemon(_) => self.progress.reload_failed = true,
                Step::MaskUnit(place) | Step::UnmaskUnit(place) => {
                    self.progress.failed_units.insert(place.unit.clone());
                }
                _ => {}
            }
        }
        if *verdict == Verdict::Done {
            situation.changed_units.extend(unit_of(step));
            situation.links_changed |= matches!(step, Step::EnableUnit(_));
            situation.networkd_changed |= is_networkd(step);
        }
    }
}

/// Whether a step changes a file of networkd.
fn is_networkd(step: &Step) -> bool {
    match step {
        Step::WriteFile(file) => is_networkd_file(&file.path),
        Step::MaskUnit(place) | Step::UnmaskUnit(place) => is_networkd_file(&place.path),
        _ => false,
    }
}

/// Whether networkd reads what is there.
pub fn is_networkd_file(path: &Path) -> bool {
    ["/etc/systemd/network", "/run/systemd/network"].iter().any(|folder| path.starts_with(folder))
}

/// The error of a step that panicked.
fn internal_error(step: &Step) -> anyhow::Error {
    anyhow::anyhow!("failed to {step}: internal error")
}

fn verdict(result: Result<Done>) -> Verdict {
    match result {
        Ok(Done::With(Change::Made)) => Verdict::Done,
        Ok(Done::With(Change::Unchanged)) => Verdict::Unchanged,
        Ok(Done::Skipped(why)) => Verdict::Skipped(why),
        Ok(Done::Queued(why)) => Verdict::Queued(why),
        Ok(Done::LeftOut(why)) => Verdict::LeftOut(why),
        Err(error) => Verdict::Failed(format!("{error:#}")),
    }
}

#[cfg(test)]
mod tests;
