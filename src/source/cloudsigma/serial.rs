//! The protocol of the server context: a request is `<`, a key and `>` over a serial line; the response ends with EOT.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

use anyhow::{Result, anyhow, bail};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::OFlags;
use rustix::io::Errno;
use rustix::termios::{ControlModes, OptionalActions, QueueSelector, speed, tcflush, tcgetattr, tcsetattr};

use super::CONTEXT;
use crate::deadline::Deadline;
use crate::deadline::Limits;
use crate::os_error::OsContext;
use crate::source::Context;
use cloud_config::user_data::USER_DATA_MAX;

/// The end of a response.
const EOT: u8 = 4;
/// The interval at which a wait checks whether the run was asked to stop.
const SLICE: Duration = Duration::from_millis(100);

/// The retry policy of a request over the serial line.
#[derive(Clone, Copy, Debug)]
pub struct SerialPolicy {
    /// The number of tries.
    pub tries: u32,
    /// The longest time without a byte from the server.
    pub silence: Duration,
}

impl Default for SerialPolicy {
    fn default() -> Self {
        Self { tries: 3, silence: Duration::from_secs(10) }
    }
}

/// Requests a key, or the whole context with the empty key, and returns the response.
pub fn ask(key: &[u8], cx: &Context<'_>) -> Result<Vec<u8>> {
    let (path, policy) = (&cx.setup.places.serial, cx.setup.policy.serial);
    let mut tries = 1;
    loop {
        let why = match attempt(path, key, policy.silence, cx.limits()) {
            Ok(answer) => return Ok(answer),
            Err(error) => error.context(format!("failed to ask for {CONTEXT} at {}", path.display())),
        };
        if tries >= policy.tries || cx.limits().expired_reason().is_some() {
            return Err(why);
        }
        log::debug!("{why:#}; retrying");
        tries += 1;
    }
}

fn attempt(path: &Path, key: &[u8], silence: Duration, limits: Limits<'_>) -> Result<Vec<u8>> {
    let mut line = open(path)?;
    let question = [b"<\n", key, b"\n>"].concat();
    let mut rest = question.as_slice();
    while !rest.is_empty() {
        wait(&line, PollFlags::OUT, silence, limits)?;
        match line.write(rest) {
            Ok(count) => rest = &rest[count..],
            Err(error) if is_passing(&error) => {}
            Err(error) => return Err(error).os_context(|| "failed to write"),
        }
    }
    let mut answer = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        wait(&line, PollFlags::IN, silence, limits)?;
        let count = match line.read(&mut buffer) {
            Ok(0) => bail!("connection closed"),
            Ok(count) => count,
            Err(error) if is_passing(&error) => continue,
            Err(error) => return Err(error).os_context(|| "failed to read"),
        };
        let end = buffer[..count].iter().position(|byte| *byte == EOT);
        answer.extend_from_slice(&buffer[..end.unwrap_or(count)]);
        if answer.len() > USER_DATA_MAX {
            bail!("the response is larger than 16 MiB");
        }
        if end.is_some() {
            return Ok(answer);
        }
    }
}

/// Opens the line in raw mode at 115,200 baud, and discards the rest of an earlier response.
fn open(path: &Path) -> Result<File> {
    let flags = OFlags::NOCTTY | OFlags::NONBLOCK;
    let line = OpenOptions::new()
        .read(true)
        .write(true)
        .custom_flags(i32::try_from(flags.bits()).unwrap_or_default())
        .open(path)
        .os_context(|| "failed to open it")?;
    let mut mode = tcgetattr(&line).map_err(|_| anyhow!("not a serial port"))?;
    mode.make_raw();
    mode.control_modes |= ControlModes::CLOCAL | ControlModes::CREAD;
    mode.set_speed(speed::B115200).os_context(|| "failed to set its speed")?;
    tcsetattr(&line, OptionalActions::Now, &mode).os_context(|| "failed to set it up")?;
    tcflush(&line, QueueSelector::IFlush).os_context(|| "failed to set it up")?;
    Ok(line)
}

/// Waits until the line is ready, for the time `silence` at most.
fn wait(line: &File, for_what: PollFlags, silence: Duration, limits: Limits<'_>) -> Result<()> {
    let end = Deadline::after(limits.deadline.clip(silence));
    loop {
        let slice = Timespec::try_from(end.clip(SLICE)).unwrap_or_default();
        match poll(&mut [PollFd::from_borrowed_fd(line.as_fd(), for_what)], Some(&slice)) {
            Ok(0) | Err(Errno::INTR) => {}
            Ok(_) => return Ok(()),
            Err(error) => return Err(error).os_context(|| "failed to wait"),
        }
        if let Some(over) = limits.expired_reason() {
            bail!("no response ({over})");
        }
        if end.passed() {
            bail!("timed out");
        }
    }
}

fn is_passing(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}
