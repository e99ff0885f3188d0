//! A container that boots in seconds, runs commands, and is discarded afterwards.

use std::fs;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use rustix::fs::{Mode, OFlags};

use super::boot::{Boot, mount_overlay, spawn};
use super::command::{self, Output, Running, TICK};
use super::{PROGRAM_INSIDE, sandbox};

/// The time limit of a boot, which takes one to three seconds. A busy host must not fail a test.
const BOOT: Duration = Duration::from_secs(90);
/// The default time limit of a command.
const COMMAND: Duration = Duration::from_secs(60);
/// The path of the user-data that `apply` writes.
pub const USER_DATA: &str = "/tmp/user-data";

/// A running machine.
pub struct Machine {
    place: PathBuf,
    cgroups: Vec<PathBuf>,
    nspawn: Child,
    /// The first process of the container.
    leader: Option<Pid>,
    /// The root directory of the container, with all of its mounts.
    pub(super) root: Option<OwnedFd>,
    /// The commands that were run in the machine, for the report of a failed case.
    history: Mutex<Vec<Output>>,
}

impl Machine {
    pub(super) fn boot(options: &Boot) -> Result<Self, String> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = sandbox::unique_name(COUNT.fetch_add(1, Ordering::Relaxed));
        let place = sandbox::machines().join(&name);
        let merged = mount_overlay(&place)?;
        options.prepare(&merged)?;
        let cgroups: Vec<_> = sandbox::cgroups().iter().map(|parent| parent.join(&name)).collect();
        for cgroup in &cgroups {
            fs::create_dir_all(cgroup).map_err(|e| format!("failed to make {}: {e}", cgroup.display()))?;
        }
        let nspawn = spawn(&name, &place, &merged, &cgroups, options)?;
        // From here on, `drop` cleans up even if booting fails.
        let mut machine = Self { place, cgroups, nspawn, leader: None, root: None, history: Mutex::default() };
        machine.wait_ready().map_err(|e| format!("{e}\n--- console\n{}", machine.console()))?;
        Ok(machine)
    }

    /// Shuts the machine down as a user would, and boots it again from the same disk.
    pub fn reboot(&mut self, options: &Boot) {
        self.reboot_by(options, |machine| {
            machine.command(&["systemctl", "reboot"]).finish(Duration::from_secs(10));
        });
    }

    /// Boots the machine again from the same disk after `how` has shut it down.
    pub fn reboot_by(&mut self, options: &Boot, how: impl FnOnce(&Self)) {
        how(self);
        self.root = None;
        let ended = wait_for(BOOT, || !matches!(self.nspawn.try_wait(), Ok(None)));
        assert!(ended, "it does not shut down\n--- console\n{}", self.console());
        let name = self.place.file_name().unwrap_or_default().to_string_lossy();
        let nspawn = spawn(&name, &self.place, &self.place.join("merged"), &self.cgroups, options);
        self.nspawn = nspawn.unwrap_or_else(|reason| panic!("{reason}"));
        self.leader = None;
        self.wait_ready().unwrap_or_else(|reason| panic!("it does not boot again: {reason}\n{}", self.console()));
    }

    fn wait_ready(&mut self) -> Result<(), String> {
        let started = Instant::now();
        let mut state = String::from("no systemd yet");
        while started.elapsed() < BOOT {
            if let Ok(Some(status)) = self.nspawn.try_wait() {
                return Err(format!("systemd-nspawn ended: {status}"));
            }
            if self.leader.is_none() {
                self.leader = leader(self.nspawn.id());
            }
            if self.leader.is_some() {
                let answer = self.command(&["systemctl", "is-system-running"]).finish(Duration::from_secs(10));
                state = format!("{}{}", answer.stdout, answer.stderr);
                if matches!(answer.stdout.trim(), "running" | "degraded") {
                    self.root = Some(self.open_root()?);
                    return Ok(());
                }
            }
            thread::sleep(3 * TICK);
        }
        Err(format!("not ready after {} s: {}", BOOT.as_secs(), state.trim()))
    }

    fn open_root(&self) -> Result<OwnedFd, String> {
        let path = format!("/proc/{}/root", self.leader());
        rustix::fs::open(&path, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
            .map_err(|e| format!("failed to open {path}: {e}"))
    }

    /// Returns the ID of the container's first process on the host.
    pub fn leader(&self) -> Pid {
        self.leader.expect("it has booted")
    }

    /// Returns the output of the console.
    pub fn console(&self) -> String {
        fs::read(self.place.join("console")).map(|b| String::from_utf8_lossy(&b).into_owned()).unwrap_or_default()
    }

    /// Returns the commands with their outputs, oldest first.
    pub fn history(&self) -> String {
        let history = self.history.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        history.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    }

    /// Clears the history before the next case.
    pub fn forget(&self) {
        self.history.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clear();
    }

    fn remember(&self, output: &Output) {
        self.history.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(output.clone());
    }

    fn command(&self, argv: &[&str]) -> Running {
        self.command_with(argv, &[])
    }

    fn command_with(&self, argv: &[&str], environment: &[(&str, &str)]) -> Running {
        command::start(&mut self.entering(argv, environment), argv.join(" "))
    }

    /// Returns the command that runs `argv` in the machine.
    pub(super) fn entering(&self, argv: &[&str], environment: &[(&str, &str)]) -> Command {
        let mut command = Command::new("nsenter");
        command
            .args(["-t", &self.leader().to_string(), "-m", "-u", "-i", "-n", "-p", "-r", "-w", "--"])
            .args(argv)
            .env_clear()
            .env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
            .env("LANG", "C.UTF-8")
            .envs(environment.iter().copied());
        command
    }

    /// Starts a command and does not wait for it.
    pub fn start(&self, argv: &[&str]) -> Running {
        self.command(argv)
    }

    /// Runs a command and waits for its end.
    pub fn run(&self, argv: &[&str]) -> Output {
        self.run_for(argv, COMMAND)
    }

    /// Runs a command and waits for its end, for `limit` at most.
    pub fn run_for(&self, argv: &[&str], limit: Duration) -> Output {
        let output = self.command(argv).finish(limit);
        self.remember(&output);
        output
    }

    /// Runs `systemd-analyze verify` as a service, because systemd 247 looks for its control group in the machine.
    pub fn verify(&self, units: &[&str]) -> Output {
        let service = ["systemd-run", "--quiet", "--wait", "--pipe", "--collect", "--"];
        let verify = ["systemd-analyze", "verify", "--man=no"];
        self.run(&[&service[..], &verify, units].concat())
    }

    /// Runs a shell command, which must succeed. Returns its output without the last line break.
    #[track_caller]
    pub fn sh(&self, line: &str) -> String {
        let output = self.run(&["sh", "-c", line]).ok();
        output.stdout.trim_end().to_owned()
    }

    /// Prepares a run of the program with these arguments.
    pub fn program<'a>(&'a self, arguments: &[&'a str]) -> Program<'a> {
        let argv = std::iter::once(PROGRAM_INSIDE).chain(arguments.iter().copied()).collect();
        Program { machine: self, argv, environment: Vec::new(), limit: Duration::from_secs(120) }
    }

    /// Writes `user_data` to a file and runs the program on it.
    ///
    /// Text that does not begin with `#` gets the header `#cloud-config`. In text that begins with a line break, the
    /// common indentation is removed.
    pub fn apply(&self, user_data: &str) -> Output {
        self.apply_with(user_data, &[], &[])
    }

    /// Does the same as `apply`, with flags and environment variables.
    pub fn apply_with(&self, user_data: &str, flags: &[&str], environment: &[(&str, &str)]) -> Output {
        let text = dedent(user_data);
        let whole = if text.starts_with('#') { text } else { format!("#cloud-config\n{text}") };
        self.put(USER_DATA, &whole);
        let source = format!("--from-file={USER_DATA}");
        let flags: Vec<_> = std::iter::once(source.as_str()).chain(flags.iter().copied()).collect();
        let mut program = self.program(&flags);
        program.environment.extend_from_slice(environment);
        program.run()
    }

    /// Runs the program as a service, as at boot, with its output in the journal. Waits for its end.
    pub fn service(&self, flags: &[&str]) -> Output {
        let mut argv =
            vec!["systemd-run", "--wait", "--quiet", "--collect", "--service-type=exec", "--", PROGRAM_INSIDE];
        argv.extend(flags);
        let cursor = self.journal_cursor();
        let mut output = self.command(&argv).finish(Duration::from_secs(120));
        output.journal = self.journal_after(&cursor);
        self.logged(output)
    }

    pub(super) fn logged(&self, output: Output) -> Output {
        self.remember(&output);
        output
    }
}

/// A prepared run of the program.
pub struct Program<'a> {
    machine: &'a Machine,
    argv: Vec<&'a str>,
    environment: Vec<(&'a str, &'a str)>,
    limit: Duration,
}

impl<'a> Program<'a> {
    /// Sets an environment variable.
    #[must_use]
    pub fn env(mut self, name: &'a str, value: &'a str) -> Self {
        self.environment.push((name, value));
        self
    }

    /// Sets a time limit other than two minutes.
    #[must_use]
    pub fn limit(mut self, seconds: u64) -> Self {
        self.limit = Duration::from_secs(seconds);
        self
    }

    /// Runs the program, and collects its log entries.
    pub fn run(self) -> Output {
        let cursor = self.machine.journal_cursor();
        let mut output = self.machine.command_with(&self.argv, &self.environment).finish(self.limit);
        output.journal = self.machine.journal_after(&cursor);
        self.machine.logged(output)
    }

    /// Starts the program and does not wait for it.
    pub fn start(self) -> Running {
        self.machine.command_with(&self.argv, &self.environment)
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        // When the first process ends, so do all others. systemd-nspawn notices that and ends, too.
        if let Some(leader) = self.leader {
            let _ = kill(leader, Signal::SIGKILL);
        }
        let gone = |pid: Pid| !Path::new(&format!("/proc/{pid}")).exists();
        if self.leader.is_none() || !wait_for(Duration::from_secs(10), || !matches!(self.nspawn.try_wait(), Ok(None))) {
            let _ = self.nspawn.kill();
            let _ = self.nspawn.wait();
        }
        // If the first process was never found, it ends when its standard input or the sandbox does.
        if let Some(leader) = self.leader {
            wait_for(Duration::from_secs(10), || gone(leader));
        }
        self.root = None;
        // A lazy unmount succeeds even if a process still has a file open there.
        let _ = Command::new("umount").arg("--lazy").arg(self.place.join("merged")).status();
        let _ = fs::remove_dir_all(&self.place);
        for cgroup in &self.cgroups {
            sandbox::remove_cgroup(cgroup);
        }
    }
}

/// Removes the indentation that all lines share, if the text begins with a line break.
pub fn dedent(text: &str) -> String {
    let Some(body) = text.strip_prefix('\n') else { return text.to_owned() };
    let filled = body.lines().filter(|line| !line.trim().is_empty());
    let depth = filled.map(|line| line.len() - line.trim_start().len()).min().unwrap_or(0);
    let mut lines: Vec<_> = body.split('\n').map(|line| line.get(depth..).unwrap_or("")).collect();
    // The last line contains only the indentation of the closing quote.
    if lines.last().is_some_and(|line| line.trim().is_empty()) {
        lines.pop();
    }
    lines.join("\n") + "\n"
}

/// Waits until `condition` is true. Returns false if `limit` passes first.
pub fn wait_for(limit: Duration, mut condition: impl FnMut() -> bool) -> bool {
    let started = Instant::now();
    while !condition() {
        if started.elapsed() > limit {
            return false;
        }
        thread::sleep(TICK);
    }
    true
}

/// Returns the first process of the container: the child of systemd-nspawn that executes systemd.
fn leader(nspawn: u32) -> Option<Pid> {
    let children = fs::read_to_string(format!("/proc/{nspawn}/task/{nspawn}/children")).ok()?;
    children.split_whitespace().find_map(|child| {
        let name = fs::read_to_string(format!("/proc/{child}/comm")).ok()?;
        let pid = child.parse().ok()?;
        matches!(name.trim(), "systemd" | "init").then(|| Pid::from_raw(pid))
    })
}
