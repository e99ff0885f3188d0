//! Runs commands with a time limit, after which all their processes are killed.

use std::fmt;
use std::io::Read;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

/// The interval of polling for the end of a command.
pub const TICK: Duration = Duration::from_millis(20);

/// The result of a command that has ended.
#[derive(Clone, Debug)]
pub struct Output {
    /// The command, for messages.
    pub command: String,
    /// The exit code; 128 plus the number of the signal that killed it.
    pub code: i32,
    /// The standard output.
    pub stdout: String,
    /// The standard error.
    pub stderr: String,
    /// The journal entries, if they were requested.
    pub journal: String,
    /// True if the command was killed at the time limit.
    pub timed_out: bool,
    /// The duration of the command.
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
    /// Checks that the exit code is `code`.
    #[track_caller]
    pub fn exits(self, code: i32) -> Self {
        assert!(!self.timed_out, "{}: out of time", self.command);
        assert_eq!(self.code, code, "{}: exit code", self.command);
        self
    }

    /// Checks that the exit code is 0.
    #[track_caller]
    pub fn ok(self) -> Self {
        self.exits(0)
    }

    /// Checks that the exit code is 1: the program ran, and an item failed.
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

/// A command that is running.
pub struct Running {
    command: String,
    child: Child,
    started: Instant,
    stdout: Receiver<String>,
    stderr: Receiver<String>,
}

/// Starts `command` in its own process group, with empty standard input.
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
    /// Returns true if the command is still running.
    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Sends a signal to the command and all processes of its group.
    pub fn signal(&self, signal: Signal) {
        let _ = killpg(group(&self.child), signal);
    }

    /// Waits for the end. Kills the process group when `limit` has passed since the start.
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
        // A process in the background may keep the pipes open, so reading them has a time limit.
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

/// Runs `command` and waits for its end.
pub fn run(command: &mut Command, limit: Duration) -> Output {
    let shown = std::iter::once(command.get_program())
        .chain(command.get_args())
        .map(|word| word.to_string_lossy().into_owned())
        .collect::<Vec<_>>()
        .join(" ");
    start(command, shown).finish(limit)
}
