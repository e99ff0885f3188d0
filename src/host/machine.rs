//! The machine that a plan is applied to: runs each step by calling the function for its kind.

mod addresses;
mod environment;
mod labels;
mod networkd;
mod scripts;
mod units;

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use log::Level;

use super::accounts::{Accounts, UnknownPrincipal};
use super::bus::Bus;
use super::crash_markers::PendingReload;
use super::files::{self, Write};
use super::lock::Lock;
use super::root::{Root, display_path};
use super::selinux::{Relabel, changed_by_write};
use super::systemd::{JobEnd, JobWait, Systemd, enable_offline};
use super::{command, hostname, keys, network};
use crate::apply::{ApplyState, Executor, is_networkd_file};
use crate::deadline::Deadline;
use crate::http;
use crate::logger::{Event, log_event};
use crate::outcome::StepResult;
use cloud_config::config::Verb;
use cloud_config::config::ssh_key;
use cloud_config::plan::{
    Account, ENVIRONMENT, FileSpec, KeyImport, KeySet, Owner, Principal, Script, Step, UnitScope,
};

/// The longest file of the machine that is read, in bytes.
const READ_MAX: u64 = 4 << 20;

/// The settings of [`Host`].
#[derive(Clone, Copy)]
pub struct HostSetup<'a> {
    /// The directory to apply to; `/` is the machine itself.
    pub root: &'a Path,
    /// The directory of scripts, below the root.
    pub workspace: &'a Path,
    /// The longest wait for one unit job.
    pub job_timeout: Duration,
    /// The end of the run.
    pub deadline: Deadline,
    /// Returns true once the run was asked to stop.
    pub stop: &'a dyn Fn() -> bool,
}

/// The machine that a plan is applied to: the running system, or the tree of an image.
pub struct Host<'a> {
    setup: HostSetup<'a>,
    root: Root,
    bus: Bus,
    /// The request to hostnamed that has no reply yet.
    hostname: Option<hostname::Pending>,
    lock: Option<Lock>,
    relabel: Relabel,
    restart_pending: PendingReload,
    /// The marker that systemd has to reload the units which this run changed.
    reload_pending: PendingReload,
}

/// The reason for skipping steps that need a running system.
const NOT_RUNNING: &str = "the tree is not running (--root)";

impl<'a> Host<'a> {
    /// Opens the root directory. No other file is read, and the bus is not connected.
    ///
    /// # Errors
    ///
    /// The root is not a directory, cannot be opened, or can be changed by other users: see [`Root::open`].
    pub fn open(setup: HostSetup<'a>) -> Result<Self> {
        let root = Root::open(setup.root)?;
        if root.is_system() && setup.root != Path::new("/") {
            // `run::resolve_root` has already decided whether the root is the running system; a different result now
            // means a race.
            bail!("failed to open the root directory {}: it was replaced meanwhile", display_path(setup.root));
        }
        Ok(Self {
            relabel: Relabel::new(root.is_system()),
            root,
            bus: Bus::new(setup.deadline),
            hostname: None,
            lock: None,
            restart_pending: PendingReload::restart_of_networkd(),
            reload_pending: PendingReload::reload_of_systemd(),
            setup,
        })
    }

    /// Returns true if the root is that of the running system.
    const fn live(&self) -> bool {
        self.root.is_system()
    }

    const fn accounts(&self) -> Accounts<'_> {
        Accounts::new(&self.root).until(self.setup.deadline)
    }

    /// Waits for `limit` until no other run changes this machine, and holds the lock from then on.
    ///
    /// # Errors
    ///
    /// Another run holds the lock, or the lock cannot be created.
    pub fn lock(&mut self, limit: Duration) -> Result<()> {
        if self.lock.is_none() {
            self.lock = Some(Lock::acquire(&self.root, limit, self.setup.stop)?);
            files::remove_marked(&self.root);
        }
        Ok(())
    }

    /// Returns the whole content of a file of the machine; `None` if it does not exist.
    ///
    /// # Errors
    ///
    /// The file is not a regular file, is too long, or cannot be read.
    pub fn read(&self, path: &Path) -> Result<Option<Vec<u8>>> {
        files::read(&self.root, path, READ_MAX)
    }

    /// Returns the content of a file and its permissions.
    ///
    /// # Errors
    ///
    /// The same as those of [`Host::read`].
    pub fn read_with_mode(&self, path: &Path) -> Result<Option<(Vec<u8>, u32)>> {
        files::read_with_mode(&self.root, path, READ_MAX)
    }

    /// Reads a file that every user of the machine can read and that has at most `limit` bytes.
    pub fn read_public(&self, path: &Path, limit: u64) -> Option<Vec<u8>> {
        files::read_public(&self.root, path, limit)
    }

    /// Returns true if `directory`, or its first existing parent, is on a read-only file system.
    pub fn is_read_only(&self, directory: &Path) -> bool {
        files::is_read_only(&self.root, directory)
    }

    /// Returns the current host name; `localhost` without one.
    pub fn hostname(&self) -> String {
        let current = hostname::current(&hostname::HostnameFile(&self.root), self.live());
        current.fixed.or(current.kernel).unwrap_or_else(|| "localhost".to_owned())
    }

    /// Reports the accounts that an interrupted run began to create and that are not in `listed`.
    pub fn report_unlisted_users(&self, listed: &BTreeSet<&str>) {
        self.accounts().report_unlisted(listed);
    }

    /// Returns the reason for skipping the step on this machine, if there is one.
    pub const fn skips(&self, step: &Step) -> Option<&'static str> {
        if step.needs_running_system() && !self.live() { Some(NOT_RUNNING) } else { None }
    }

    /// Returns the home directory that a new account would lack for its keys.
    pub fn missing_home(&self, account: &Account) -> Option<PathBuf> {
        self.accounts().missing_home(account)
    }

    /// Returns whether a step would change anything here; `None` if only running it shows that.
    ///
    /// # Errors
    ///
    /// The answer is unknown: a file or database cannot be read, or the step would fail.
    pub fn would_change(&self, step: &Step) -> Result<Option<bool>> {
        Ok(Some(match step {
            Step::SetHostname(host) => {
                let now = hostname::current(&hostname::HostnameFile(&self.root), self.live());
                let wanted = Some(&host.name);
                now.fixed.as_ref() != wanted || (self.live() && now.kernel.as_ref() != wanted)
            }
            Step::AuthorizeKeys(set) => keys::would_authorize(&self.root, self.accounts(), set)?,
            Step::EnsureUser(account) => self.accounts().would_ensure(account)?,
            Step::WriteFile(file) => {
                let (uid, gid) = self.accounts().resolve(&file.owner)?;
                files::would_change(&self.root, &write(file, uid, gid))?
            }
            Step::MergeEnvironment(environment) => {
                let (content, mode) = self.merged(environment)?;
                files::would_change(&self.root, &root_file(Path::new(ENVIRONMENT), &content, mode))?
            }
            Step::MaskUnit(place) => files::would_mask(&self.root, &place.path)?,
            Step::UnmaskUnit(place) => files::would_unmask(&self.root, &place.path)?,
            Step::RemoveEnvironment(place) => self.would_remove_environment(&place.path)?,
            Step::ImportKeys(_)
            | Step::EnableUnit(_)
            | Step::ReloadDaemon(_)
            | Step::TakeDown(_)
            | Step::LoadModule(_)
            | Step::RestartNetworkd
            | Step::UnitCommand(_) => return Ok(None),
            Step::RunScript(script) => {
                scripts::interpreter(script)?;
                let path = self.script_dir();
                match self.root.private(&path) {
                    Err(error) if !error.absent() => {
                        return Err(error)
                            .with_context(|| format!("failed to store the script in {}", display_path(&path)));
                    }
                    _ => return Ok(None),
                }
            }
        }))
    }

    /// Returns the IDs of an owner; the inner error is the reason to skip the file if this run failed to create the
    /// user.
    fn owner(&self, owner: &Owner, state: &ApplyState) -> Result<Result<(u32, u32), String>> {
        match self.accounts().resolve(owner) {
            Ok(numbers) => Ok(Ok(numbers)),
            Err(error) if error.downcast_ref::<UnknownPrincipal>().is_some() => match &owner.user {
                Some(Principal::Name(name)) if state.failed_users.contains(name) => {
                    Ok(Err(format!("user {name} could not be created")))
                }
                _ => Err(error),
            },
            Err(error) => Err(error),
        }
    }

    fn import(&self, import: &KeyImport) -> Result<StepResult> {
        let fetched =
            http::get(import.url.expose(), http::RetryPolicy::default(), self.setup.deadline, self.setup.stop)
                .and_then(|body| http::keys(&body))
                .with_context(|| format!("failed to import keys of user {} from {}", import.user, import.from))?;
        let mut lines = ssh_key::Keys::default();
        let others: usize =
            fetched.iter().map(|entry| ssh_key::collect(entry, None, &mut lines, &mut Vec::new())).sum();
        let lines = lines.into_list();
        if others > 0 {
            log::warn!("{}: {others} lines are not SSH public keys; lines skipped", import.from);
        }
        if lines.is_empty() {
            log::warn!("{}: no SSH public keys; set {} not changed", import.from, import.set);
            return Ok(StepResult::Unchanged);
        }
        let set = KeySet { user: import.user.clone(), set: import.set.clone(), keys: lines };
        keys::authorize(&self.root, self.accounts(), &set, self.setup.deadline)
    }

    fn enable(&self, scope: &UnitScope) -> Result<StepResult> {
        let UnitScope { unit, runtime } = scope;
        if !self.live() {
            let limit = self.setup.deadline.clip(Duration::from_secs(60));
            return enable_offline(&self.root, unit, *runtime, |argv| {
                let (name, rest) = argv.split_first().context("nothing to run")?;
                let tree = self.root.directory(Path::new("/"))?;
                command::Tool::new(name).args(rest).directory(tree.as_fd()).listen(limit)
            });
        }
        let enabled = Systemd::new(&self.bus).enable(unit, *runtime)?;
        if !enabled.installable {
            log::warn!("unit {unit}: no [Install] section; not enabled");
        }
        Ok(enabled.change)
    }

    fn job(&self, unit: &str, verb: Verb) -> Result<StepResult> {
        let mut report = |waited: Duration| {
            let event = Event { unit: Some(unit), waiting: true, ..Event::default() };
            log_event(Level::Info, format_args!("still waiting for {verb} {unit} ({} s)", waited.as_secs()), &event);
        };
        let mut wait = JobWait { limit: self.setup.job_timeout, report: &mut report, stop: self.setup.stop };
        match Systemd::new(&self.bus).run_job(unit, verb, &mut wait)? {
            JobEnd::Done | JobEnd::Skipped => Ok(StepResult::Done),
            JobEnd::LeftQueued { reason } => Ok(StepResult::Queued(reason)),
            end @ JobEnd::Failed { .. } => {
                let error = anyhow!("failed to {verb} {unit}: {end}");
                Err(if end.is_of_the_unit() { anyhow!("{error}; see journalctl -u {}", quoted(unit)) } else { error })
            }
        }
    }

    fn run_script(&mut self, script: &Script) -> Result<StepResult> {
        let argv = if self.live() { Some(scripts::interpreter(script)?) } else { None };
        let directory = self.script_dir();
        let file = directory.join(&script.id);
        let unit = script.unit();
        let (_, created) = changed_by_write(&directory);
        self.make_script_dir(&directory)
            .with_context(|| format!("failed to store the script in {}", display_path(&directory)))?;
        let name = directory.join("unit-name");
        let writes = [root_file(&file, script.content.expose(), 0o700), root_file(&name, unit.as_bytes(), 0o600)];
        for result in files::write_all(&self.root, &writes) {
            result?;
        }
        let Some(mut argv) = argv else { return Ok(StepResult::Skipped(NOT_RUNNING.to_owned())) };
        self.relabel.add_created(created);
        self.relabel.add([file.clone(), name]);
        self.restore_labels();
        // The script is written under the lock and started without it, because the script may run this program.
        self.release();
        argv.push(file.display().to_string());
        let description = format!("Script {} of the user-data", script.id);
        Systemd::new(&self.bus).start_script(&unit, &description, &argv)
    }

    /// Returns the directory of scripts, below the root.
    fn script_dir(&self) -> PathBuf {
        Path::new("/").join(self.setup.workspace).join("scripts")
    }

    /// Creates the directory of scripts with mode 0700, so that no other user can replace a script. An existing
    /// workspace keeps its mode: it may be `/tmp`, or contain files of other programs.
    fn make_script_dir(&self, path: &Path) -> Result<()> {
        match self.root.private(path) {
            Ok(()) => return files::directory(&self.root, path, 0o700).map(drop),
            Err(error) if error.absent() => {}
            Err(error) => return Err(error.into()),
        }
        if let Some(workspace) = path.parent()
            && self.root.directory(workspace).is_err()
        {
            files::directory(&self.root, workspace, 0o700)?;
        }
        files::directory(&self.root, path, 0o700)?;
        Ok(self.root.private(path)?)
    }

    /// Runs the step with the function for its kind.
    fn run_step(&mut self, step: &Step, state: &ApplyState) -> Result<StepResult> {
        match step {
            Step::SetHostname(host) => self.begin_hostname(&host.name)?.map_or_else(|| self.finish_hostname().0, Ok),
            Step::AuthorizeKeys(set) => keys::authorize(&self.root, self.accounts(), set, self.setup.deadline),
            Step::ImportKeys(import) => self.import(import),
            Step::EnsureUser(account) => self.accounts().ensure(account, self.setup.deadline),
            Step::WriteFile(file) => {
                self.write_files(&[file], state).pop().unwrap_or_else(|| bail!("failed to write a file"))
            }
            Step::MergeEnvironment(environment) => self.merge_environment(environment),
            Step::MaskUnit(place) => self.change_mask(&place.path, files::would_mask, files::mask),
            Step::UnmaskUnit(place) => self.change_mask(&place.path, files::would_unmask, files::unmask),
            Step::EnableUnit(scope) => self.enable(scope),
            Step::ReloadDaemon(reload) => self.reload(reload, state),
            Step::RemoveEnvironment(place) => self.remove_environment(&place.path),
            Step::TakeDown(links) => {
                Ok(self.if_network_changed(state, || network::take_down(links, self.setup.deadline)))
            }
            Step::LoadModule(module) => {
                Ok(self.if_network_changed(state, || network::load(module, self.setup.deadline)))
            }
            Step::RestartNetworkd => self.restart_networkd(state),
            Step::UnitCommand(command) => self.job(&command.unit, command.verb),
            Step::RunScript(script) => self.run_script(script),
        }
    }
}

impl Executor for Host<'_> {
    fn write_files(&mut self, specs: &[&FileSpec], state: &ApplyState) -> Vec<Result<StepResult>> {
        let specs_to_label = specs.iter().filter(|_| self.relabel.is_enabled());
        let labelled: Vec<_> = specs_to_label.map(|file| changed_by_write(&file.path)).collect();
        if specs.iter().any(|file| file.unit.is_some()) {
            self.set_reload_marker();
        }
        if let Err(error) = self.close_environments(specs) {
            let why = format!("{error:#}");
            return specs.iter().map(|_| Err(anyhow!(why.clone()))).collect();
        }
        let owners: Vec<_> = specs.iter().map(|file| self.owner(&file.owner, state)).collect();
        let writes: Vec<_> = specs
            .iter()
            .zip(&owners)
            .filter_map(|(file, owner)| match owner {
                Ok(Ok((uid, gid))) => Some(write(file, *uid, *gid)),
                _ => None,
            })
            .collect();
        let written = self.with_restart_marker(
            |root| {
                let mut of_networkd = writes.iter().filter(|file| is_networkd_file(file.path));
                of_networkd.any(|file| files::would_change(root, file).unwrap_or_default())
            },
            |root| files::write_all(root, &writes),
            |written| {
                let mut results = writes.iter().zip(written);
                results.any(|(file, result)| is_networkd_file(file.path) && matches!(result, Ok(StepResult::Done)))
            },
        );
        let mut written = written.into_iter();
        let mut answer = |file: &FileSpec, owner: Result<Result<(u32, u32), String>>| match owner {
            Ok(Ok(_)) => written.next().unwrap_or_else(|| bail!("failed to write {}", file.path.display())),
            Ok(Err(why)) => Ok(StepResult::DependencyFailed(why)),
            Err(error) => Err(error).with_context(|| format!("failed to write {}", file.path.display())),
        };
        let results: Vec<_> = specs.iter().zip(owners).map(|(file, owner)| answer(file, owner)).collect();
        for (changes, result) in labelled.into_iter().zip(&results) {
            self.relabel.add_changes(changes, result);
        }
        results
    }

    fn perform(&mut self, step: &Step, state: &ApplyState) -> Result<StepResult> {
        // A script is not skipped here: it is written to the tree, and only its start is skipped.
        if let Some(why) = self.skips(step)
            && !matches!(step, Step::RunScript(_))
        {
            return Ok(StepResult::Skipped(why.to_owned()));
        }
        if matches!(step, Step::MaskUnit(_) | Step::UnmaskUnit(_) | Step::EnableUnit(_)) {
            self.set_reload_marker();
        }
        if matches!(step, Step::ReloadDaemon(_) | Step::RestartNetworkd | Step::UnitCommand(_)) {
            self.restore_labels();
        }
        let paths = self.paths_to_label(step);
        let result = self.run_step(step, state);
        self.relabel.add_changes(paths, &result);
        result
    }

    fn begin_hostname(&mut self, name: &str) -> Result<Option<StepResult>> {
        let bus = self.live().then_some(&self.bus);
        Ok(match hostname::begin(bus, &hostname::HostnameFile(&self.root), name)? {
            hostname::Begun::Ended(result) => {
                self.relabel.add((result == StepResult::Done).then(|| PathBuf::from(hostname::PATH)));
                Some(result)
            }
            hostname::Begun::Pending(pending) => {
                self.hostname = Some(pending);
                None
            }
        })
    }

    fn finish_hostname(&mut self) -> (Result<StepResult>, Duration) {
        match self.hostname.take() {
            Some(pending) => {
                self.relabel.add([PathBuf::from(hostname::PATH)]);
                hostname::finish(&self.bus, &hostname::HostnameFile(&self.root), pending)
            }
            None => (Ok(StepResult::Unchanged), Duration::ZERO),
        }
    }

    fn has_user(&self, name: &str) -> bool {
        self.accounts().user(name).is_ok_and(|user| user.is_some())
    }

    fn release(&mut self) {
        self.lock = None;
    }

    fn halted(&self) -> Option<String> {
        if (self.setup.stop)() {
            Some("the run was stopped by a signal".to_owned())
        } else if self.setup.deadline.passed() {
            Some("the time limit of the run was reached (--deadline)".to_owned())
        } else {
            None
        }
    }
}

/// Quotes `name` for a shell: users paste commands from messages.
fn quoted(name: &str) -> Cow<'_, str> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_.@:-".contains(&byte);
    if name.bytes().all(is_plain) {
        Cow::Borrowed(name)
    } else {
        Cow::Owned(format!("'{}'", name.replace('\'', r"'\''")))
    }
}

fn write(file: &FileSpec, uid: u32, gid: u32) -> Write<'_> {
    Write { path: &file.path, content: file.content.expose(), mode: file.mode, uid, gid }
}

const fn root_file<'a>(path: &'a Path, content: &'a [u8], mode: u32) -> Write<'a> {
    Write { path, content, mode, uid: 0, gid: 0 }
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn a_name_can_be_pasted_into_a_shell() {
        for (name, word) in [
            ("a@b:c-1.service", "a@b:c-1.service"),
            (r"var-lib\x2da.mount", r"'var-lib\x2da.mount'"),
            ("a b'c.service", r"'a b'\''c.service'"),
        ] {
            assert_eq!(quoted(name), word);
        }
    }
}
