//! Runs the distribution's tools: bounded in time, without a shell, with their last output kept.
//!
//! A tool gets a clean environment, the root directory as its working directory, and input that is never on a disk or a
//! command line. Its output goes to memory: a process that the tool leaves behind cannot block the run.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::fd::BorrowedFd;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::PathBuf;
use std::process::{Child, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{MemfdFlags, OFlags};
use rustix::io::{Errno, fcntl_dupfd_cloexec};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open};

use super::root::OsContext;
use super::signals;
use cloud_config::text::is_shown;

/// The directories that are searched for tools before those in `PATH`.
const PLACES: &str = "/usr/sbin:/usr/bin:/sbin:/bin";

/// The part of a tool's output that is kept in an error: lines, from the end, and bytes.
const LAST_LINES: usize = 5;
const LAST_BYTES: u64 = 4096;

/// The interval at which an unfinished tool is polled: at first, and at last.
const SOON: Duration = Duration::from_millis(1);
const LATE: Duration = Duration::from_millis(20);

/// The longest wait for a killed tool. A tool that waits for a dead disk does not end at all.
const KILLED: Duration = Duration::from_secs(2);

/// The longest time that a tool has left once the run was asked to stop.
const GRACE: Duration = Duration::from_secs(10);

/// The error of a tool that ran and failed.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct Failed {
    message: String,
    /// The exit status; `None` if it was killed.
    pub code: Option<i32>,
}

/// A tool with its arguments, environment and input.
#[derive(Debug)]
pub struct Tool<'a> {
    name: &'a str,
    arguments: Vec<OsString>,
    input: &'a [u8],
    directory: Option<BorrowedFd<'a>>,
    environment: Vec<(&'static str, &'static str)>,
}

impl<'a> Tool<'a> {
    /// Creates a tool. Its name is looked up when it is run.
    pub fn new(name: &'a str) -> Self {
        Self { name, arguments: Vec::new(), input: &[], directory: None, environment: Vec::new() }
    }

    /// Returns the name of the tool.
    pub const fn name(&self) -> &str {
        self.name
    }

    /// Adds an argument. It must not be a secret: every user can read the arguments of a running tool.
    #[must_use]
    pub fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.arguments.push(argument.as_ref().to_owned());
        self
    }

    /// Adds arguments, which must not be secrets either.
    #[must_use]
    pub fn args<S: AsRef<OsStr>>(mut self, arguments: impl IntoIterator<Item = S>) -> Self {
        self.arguments.extend(arguments.into_iter().map(|argument| argument.as_ref().to_owned()));
        self
    }

    /// Adds an environment variable.
    #[must_use]
    pub fn env(mut self, name: &'static str, value: &'static str) -> Self {
        self.environment.push((name, value));
        self
    }

    /// Sets the standard input, which is empty by default.
    #[must_use]
    pub const fn input(mut self, input: &'a [u8]) -> Self {
        self.input = input;
        self
    }

    /// Sets an opened directory as the standard input: `/proc/self/fd/0` is then that directory, even if its path
    /// changes.
    #[must_use]
    pub const fn directory(mut self, directory: BorrowedFd<'a>) -> Self {
        self.directory = Some(directory);
        self
    }

    /// Runs the tool for `limit` at most. After that, the tool and all processes of its group are killed.
    ///
    /// # Errors
    ///
    /// The tool does not exist, takes too long, or fails. The error has the last lines of its output.
    pub fn run(&self, limit: Duration) -> Result<()> {
        self.listen(limit).map(drop)
    }

    /// Runs the tool as [`Tool::run`] does, and returns its last output on one line.
    ///
    /// # Errors
    ///
    /// The same as those of [`Tool::run`].
    pub fn listen(&self, limit: Duration) -> Result<String> {
        let Some(program) = find(self.name) else { bail!("{} is not installed", self.name) };
        let context = || format!("failed to run {}", self.name);
        let mut output = memory_file(self.name).os_context(context)?;
        let mut child = std::process::Command::new(program)
            .args(&self.arguments)
            .env_clear()
            .env("PATH", search_path())
            .env("LANG", "C")
            .env("LC_ALL", "C")
            .envs(self.environment.iter().copied())
            .current_dir("/")
            .process_group(0)
            .stdin(self.stdin().os_context(context)?)
            .stdout(output.try_clone().os_context(context)?)
            .stderr(output.try_clone().os_context(context)?)
            .spawn()
            .os_context(context)?;
        let began = Instant::now();
        let status = wait(&mut child, limit).os_context(context)?;
        let words = output_tail(&mut output, self.name);
        if status.is_some_and(|status| status.success()) {
            if !words.is_empty() {
                log::debug!("output of {}: {words}", self.name);
            }
            return Ok(words);
        }
        let separator = if words.is_empty() { "" } else { ": " };
        let message = match status {
            Some(status) => format!("{} failed ({}){separator}{words}", self.name, ended(status)),
            None => format!("{} was killed after {} s{separator}{words}", self.name, began.elapsed().as_secs()),
        };
        Err(Failed { message, code: status.and_then(|status| status.code()) }.into())
    }

    fn stdin(&self) -> Result<Stdio, Errno> {
        if let Some(directory) = self.directory {
            return Ok(fcntl_dupfd_cloexec(directory, 0)?.into());
        }
        if self.input.is_empty() {
            return Ok(Stdio::null());
        }
        let mut file = memory_file(self.name)?;
        let filled = file.write_all(self.input).and_then(|()| file.rewind());
        filled.map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))?;
        Ok(file.into())
    }
}

/// Returns true if a tool of this name is installed.
pub fn exists(name: &str) -> bool {
    find(name).is_some()
}

/// Creates a file in memory that is only appended to, so that several processes do not overwrite each other's output.
fn memory_file(name: &str) -> Result<File, Errno> {
    let flags = MemfdFlags::CLOEXEC;
    let file = match rustix::fs::memfd_create(name, flags | MemfdFlags::NOEXEC_SEAL) {
        // `MFD_NOEXEC_SEAL` needs Linux 6.3.
        Err(Errno::INVAL) => rustix::fs::memfd_create(name, flags)?,
        result => result?,
    };
    rustix::fs::fcntl_setfl(&file, OFlags::APPEND)?;
    Ok(file.into())
}

fn search_path() -> OsString {
    let mut path = OsString::from(PLACES);
    if let Some(own) = std::env::var_os("PATH").filter(|own| !own.is_empty()) {
        path.push(":");
        path.push(own);
    }
    path
}

fn find(name: &str) -> Option<PathBuf> {
    std::env::split_paths(&search_path())
        // An empty or relative entry would mean a directory below the current one.
        .filter(|place| place.is_absolute())
        .map(|place| place.join(name))
        .find(|program| program.is_file() && rustix::fs::access(program, rustix::fs::Access::EXEC_OK).is_ok())
}

/// Waits until the child has ended; returns `None` if it was killed at the time limit.
fn wait(child: &mut Child, limit: Duration) -> std::io::Result<Option<ExitStatus>> {
    if let Some(status) = wait_for(child, limit)? {
        return Ok(Some(status));
    }
    // The child leads a process group of its own. It is not reaped yet, so no other group has the same ID.
    if let Some(group) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
        let _ = rustix::process::kill_process_group(group, Signal::KILL);
    }
    wait_for(child, KILLED)?;
    Ok(None)
}

fn wait_for(child: &mut Child, limit: Duration) -> std::io::Result<Option<ExitStatus>> {
    let start = Instant::now();
    // A pidfd reports the end at once. Kernels before 5.3 do not have pidfds; there, the child is polled.
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    let watched = pid.and_then(|pid| pidfd_open(pid, PidfdFlags::empty()).ok());
    let (mut pause, mut stopped) = (SOON, None);
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if signals::stopped() {
            stopped.get_or_insert_with(Instant::now);
        }
        // A killed tool leaves its work incomplete, so it gets [`GRACE`] to finish when the run is asked to stop.
        let grace = stopped.map_or(limit, |stopped| GRACE.saturating_sub(stopped.elapsed()));
        let left = limit.saturating_sub(start.elapsed()).min(grace);
        if left.is_zero() {
            return Ok(None);
        }
        let left = left.min(LATE);
        let timeout = Timespec::try_from(left).ok();
        let ends = watched
            .as_ref()
            .zip(timeout.as_ref())
            .map(|(watched, left)| poll(&mut [PollFd::new(watched, PollFlags::IN)], Some(left)));
        if !matches!(ends, Some(Ok(_) | Err(Errno::INTR))) {
            std::thread::sleep(pause.min(left));
            pause = (pause * 2).min(LATE);
        }
    }
}

fn ended(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit status {code}"),
        (None, Some(signal)) => format!("signal {signal}"),
        (None, None) => status.to_string(),
    }
}

/// Returns the last lines of the output, on one line, without the tool's name and control characters.
fn output_tail(output: &mut File, name: &str) -> String {
    let mut bytes = Vec::new();
    let length = output.metadata().map_or(0, |metadata| metadata.len());
    let start = SeekFrom::Start(length.saturating_sub(LAST_BYTES));
    if output.seek(start).and_then(|_| output.take(LAST_BYTES).read_to_end(&mut bytes)).is_err() {
        return String::new();
    }
    let text = String::from_utf8_lossy(&bytes);
    let prefix = format!("{name}: ");
    let lines = text.lines().map(|line| line.strip_prefix(&prefix).unwrap_or(line).trim());
    let lines: Vec<_> = lines.filter(|line| !line.is_empty()).collect();
    let last = lines[lines.len().saturating_sub(LAST_LINES)..].join("; ");
    last.chars().map(|char| if is_shown(char) { char } else { ' ' }).collect()
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd;
    use std::time::{Duration, Instant};

    use super::{Tool, exists};

    const LONG: Duration = Duration::from_secs(20);

    fn shell(script: &str) -> Tool<'_> {
        Tool::new("sh").arg("-c").arg(script)
    }

    fn message(result: anyhow::Result<()>) -> String {
        format!("{:#}", result.unwrap_err())
    }

    #[test]
    fn a_tool_that_succeeds_prints_nothing() {
        shell("echo hello").run(LONG).unwrap();
        assert!(exists("sh"));
    }

    #[test]
    fn a_missing_tool_is_named() {
        assert_eq!(message(Tool::new("no-such-tool").run(LONG)), "no-such-tool is not installed");
    }

    #[test]
    fn the_last_words_are_in_the_error_and_cleaned() {
        let script = "for i in 1 2 3 4 5 6; do echo line $i; done; printf '\\033[31mred\\n' >&2; exit 3";
        let error = message(shell(script).run(LONG));
        assert_eq!(error, "sh failed (exit status 3): line 3; line 4; line 5; line 6;  [31mred");
        assert_eq!(message(shell("echo 'sh: oh no'; exit 1").run(LONG)), "sh failed (exit status 1): oh no");
        assert_eq!(message(shell("kill -9 $$").run(LONG)), "sh failed (signal 9)");
    }

    #[test]
    fn a_flood_of_words_is_cut() {
        let error = message(shell("yes | head -c 1000000; exit 1").run(LONG));
        assert_eq!(error, "sh failed (exit status 1): y; y; y; y; y");
    }

    #[test]
    fn input_is_given_and_ends() {
        shell("read a; read b; test \"$a\" = one && test \"$b\" = two && ! read c")
            .input(b"one\ntwo\n")
            .run(LONG)
            .unwrap();
        shell("! read a").run(LONG).unwrap();
    }

    #[test]
    fn an_opened_directory_is_given_whatever_its_path_becomes() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("tree");
        std::fs::create_dir(&path).unwrap();
        let opened = std::fs::File::open(&path).unwrap();
        std::fs::rename(&path, parent.path().join("moved")).unwrap();
        shell("touch /proc/self/fd/0/x").directory(opened.as_fd()).run(LONG).unwrap();
        assert!(parent.path().join("moved/x").exists());
    }

    #[test]
    fn the_environment_is_clean() {
        shell("test \"$LANG\" = C && test -z \"$HOME$USER$CARGO\" && test \"$PWD\" = /").run(LONG).unwrap();
    }

    #[test]
    fn a_tool_that_hangs_is_killed_with_its_children() {
        let start = Instant::now();
        let error = message(shell("echo waiting; sleep 60 & sleep 60").run(Duration::from_millis(200)));
        assert_eq!(error, "sh was killed after 0 s: waiting");
        assert!(start.elapsed() < Duration::from_secs(5));
    }

    #[test]
    fn a_child_that_stays_does_not_hold_us_up() {
        let start = Instant::now();
        shell("sleep 5 & exit 0").run(LONG).unwrap();
        assert!(start.elapsed() < Duration::from_secs(4));
    }
}
