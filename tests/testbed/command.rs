//! Running a command with an end: whatever it starts is gone when its time is up.

use std::fmt;
use std::io::Read;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

/// The interval of polling.
pub const TICK: Duration = Duration::from_millis(20);

/// The result of a command.
#[derive(Clone, Debug)]
pub struct Output {
    /// The command, for people.
    pub command: String,
    /// Its exit code; 128 and the signal's number where it was killed.
    pub code: i32,
    /// The standard output.
    pub stdout: String,
    /// The standard error.
    pub stderr: String,
    /// The journal entries, if they were requested.
    pub journal: String,
    /// True if the time limit passed before it ended.
    pub timed_out: bool,
    /// The duration.
    pub took: Duration,
}

impl fmt::Display for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let late = if self.timed_out { ", killed: out of time" } else { "" };
        writeln!(f, "$ {}\n(exit code {}, {:.1} s{late})", self.command, self.code, self.took.as_secs_f32())?;
        for (name, text) in [("stdout", &self.stdout), ("stderr", &self.stderr), ("journal", &self.journal)] {
            if !text.is_empty() {
                writeln!(f, "--- {name}\n{}", text.trim_end())?;
            }
        }
        Ok(())
    }
}

impl Output {
    /// Checks that it ended with `code`.
    #[track_caller]
    pub fn exits(self, code: i32) -> Self {
        assert!(!self.timed_out, "{}: out of time", self.command);
        assert_eq!(self.code, code, "{}: exit code", self.command);
        self
    }

    /// Checks that it succeeded.
    #[track_caller]
    pub fn ok(self) -> Self {
        self.exits(0)
    }

    /// Checks that it ran, and something failed.
    #[track_caller]
    pub fn fails(self) -> Self {
        self.exits(1)
    }

    /// Returns the whole output: standard output, standard error, journal.
    pub fn said(&self) -> String {
        [&*self.stdout, &self.stderr, &self.journal].join("\n")
    }

    /// Checks that each of `words` is in the output.
    #[track_caller]
    pub fn says(self, words: &[&str]) -> Self {
        let output = self.said();
        for word in words {
            assert!(output.contains(word), "nothing says `{word}`");
        }
        self
    }

    /// Checks that none of `words` is in the output.
    #[track_caller]
    pub fn hides(self, words: &[&str]) -> Self {
        let output = self.said();
        for word in words {
            assert!(!output.contains(word), "`{word}` was shown");
        }
        self
    }
}

/// A command that runs.
pub struct Running {
    command: String,
    child: Child,
    started: Instant,
    stdout: Receiver<String>,
    stderr: Receiver<String>,
}

/// Starts `command` in a process group of its own, with nothing to read.
pub fn start(command: &mut Command, shown: String) -> Running {
    let started = Instant::now();
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
    let mut child = command.spawn().unwrap_or_else(|e| panic!("failed to run {shown}: {e}"));
    let (stdout, stderr) = (reader(child.stdout.take()), reader(child.stderr.take()));
    Running { command: shown, child, started, stdout, stderr }
}

fn reader(pipe: Option<impl Read + Send + 'static>) -> Receiver<String> {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = pipe.expect("it was asked for").read_to_end(&mut bytes);
        let _ = sender.send(String::from_utf8_lossy(&bytes).into_owned());
    });
    receiver
}

impl Running {
    /// Returns true if it still runs.
    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Sends a signal to it and all it started.
    pub fn signal(&self, signal: Signal) {
        let _ = killpg(group(&self.child), signal);
    }

    /// Waits for its end; kills it and all it started once `limit` from its start has passed.
    pub fn finish(mut self, limit: Duration) -> Output {
        let mut timed_out = false;
        let status = loop {
            match self.child.try_wait() {
                Ok(Some(status)) => break status,
                Ok(None) => {}
                Err(e) => panic!("failed to wait for {}: {e}", self.command),
            }
            if !timed_out && self.started.elapsed() > limit {
                timed_out = true;
                self.signal(Signal::SIGKILL);
            }
            thread::sleep(TICK);
        };
        let took = self.started.elapsed();
        // A process left in the background may hold the pipes open.
        let text = |pipe: &Receiver<String>| {
            pipe.recv_timeout(Duration::from_secs(2)).unwrap_or_else(|_| {
                let _ = killpg(group(&self.child), Signal::SIGKILL);
                pipe.recv_timeout(Duration::from_secs(2)).unwrap_or_default()
            })
        };
        Output {
            code: status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0)),
            stdout: text(&self.stdout),
            stderr: text(&self.stderr),
            journal: String::new(),
            command: self.command,
            timed_out,
            took,
        }
    }
}

fn group(child: &Child) -> Pid {
    Pid::from_raw(i32::try_from(child.id()).expect("a process id is small"))
}

/// Runs `command` to its end.
pub fn run(command: &mut Command, limit: Duration) -> Output {
    let shown = std::iter::once(command.get_program())
        .chain(command.get_args())
        .map(|word| word.to_string_lossy().into_owned())
        .collect::<Vec<_>>()
        .join(" ");
    start(command, shown).finish(limit)
}
