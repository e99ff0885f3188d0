//! Standard error of a run that changes the machine. If its reader is too slow, lines are lost, and the run continues.
//!
//! `O_NONBLOCK` is a flag of the open file description, which other processes share, so it is never set on the
//! inherited descriptor. Instead, a pipe or a terminal is opened a second time, and a socket takes a flag with each
//! call. If neither is possible, `poll` shows how much can be written without blocking.

use std::io::{self, ErrorKind};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{CWD, FileType, Mode, OFlags};
use rustix::io::Errno;
use rustix::net::SendFlags;

/// The total time for which one run waits for a slow reader of standard error.
const PATIENCE: Duration = Duration::from_secs(1);

/// The pause after a write that fails although the descriptor was reported as writable.
const PAUSE: Duration = Duration::from_millis(5);

/// The number of bytes that a pipe accepts without blocking once `poll` reports it as writable.
const PIPE_PIECE: usize = 4096;

static STDERR: OnceLock<Stream> = OnceLock::new();

/// Sets up standard error. With `bounded`, the total time of waiting for the reader is limited.
pub fn init(bounded: bool) {
    let stderr = rustix::stdio::stderr();
    // The log calls this function once, so the stream is never set twice.
    let _ = STDERR.set(if bounded { Stream::bounded(stderr) } else { Stream::blocking(stderr) });
}

/// Writes lines to standard error. Before [`init`], it does not wait for a reader.
pub fn write(text: &str) {
    stream().write(text, true);
}

/// Writes text that may be lost, without waiting for the reader.
pub(super) fn draw(text: &str) {
    stream().write(text, false);
}

/// Returns the number of calls of [`write()`] whose text was lost, in full or in part.
pub fn dropped() -> u64 {
    STDERR.get().map_or(0, |stream| stream.dropped.load(Ordering::Relaxed))
}

fn stream() -> &'static Stream {
    STDERR.get_or_init(|| Stream::bounded(rustix::stdio::stderr()))
}

/// The method of writing.
#[derive(Debug)]
enum Sink {
    /// Blocking writes, for files and for output that must not be lost.
    Blocking,
    /// Writes to a description that this process opened with `O_NONBLOCK`.
    Own(OwnedFd),
    /// Writes to a socket, with a flag for each call.
    Socket,
    /// Writes of at most this many bytes each time that `poll` reports the descriptor as writable.
    Polled(usize),
}

#[derive(Debug)]
struct Stream {
    inherited: BorrowedFd<'static>,
    sink: Sink,
    state: Mutex<StreamState>,
    dropped: AtomicU64,
}

#[derive(Debug)]
struct StreamState {
    /// The remaining part of [`PATIENCE`].
    patience: Duration,
    /// True if the last text was cut off in the middle of a line.
    torn: bool,
}

impl Stream {
    fn new(inherited: BorrowedFd<'static>, sink: Sink) -> Self {
        let state = Mutex::new(StreamState { patience: PATIENCE, torn: false });
        Self { inherited, sink, state, dropped: AtomicU64::new(0) }
    }

    fn blocking(inherited: BorrowedFd<'static>) -> Self {
        Self::new(inherited, Sink::Blocking)
    }

    fn bounded(inherited: BorrowedFd<'static>) -> Self {
        Self::new(inherited, Sink::of(inherited))
    }

    /// Writes `text`, or as much of it as possible in the remaining time. If it is not `wanted`, a loss is not counted.
    fn write(&self, text: &str, wanted: bool) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let mut patience = if wanted { state.patience } else { Duration::ZERO };
        let whole = if state.torn { format!("\n{text}") } else { text.to_owned() };
        let left = self.write_within(whole.as_bytes(), &mut patience);
        if wanted {
            state.patience = patience;
        }
        if left == 0 {
            state.torn = false;
            return;
        }
        if let Some(last) = whole.as_bytes()[..whole.len() - left].last() {
            state.torn = *last != b'\n';
        }
        if wanted {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Writes `bytes`, waits for `patience` at most and reduces it by the time waited. Returns the number of unwritten
    /// bytes.
    fn write_within(&self, mut bytes: &[u8], patience: &mut Duration) -> usize {
        let mut was_ready = false;
        while !bytes.is_empty() {
            match self.sink.try_write(self.inherited, bytes) {
                Ok(count) => {
                    bytes = &bytes[count.min(bytes.len())..];
                    was_ready = false;
                    continue;
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) if error.kind() == ErrorKind::WouldBlock && !patience.is_zero() => {}
                Err(_) => break,
            }
            let began = Instant::now();
            if was_ready {
                std::thread::sleep(PAUSE);
            }
            let left = patience.saturating_sub(began.elapsed());
            was_ready = is_writable(self.sink.descriptor(self.inherited), left);
            *patience = patience.saturating_sub(began.elapsed());
        }
        bytes.len()
    }
}

impl Sink {
    fn of(inherited: BorrowedFd<'_>) -> Self {
        let Ok(stat) = rustix::fs::fstat(inherited) else { return Self::Blocking };
        let flags = rustix::fs::fcntl_getfl(inherited).unwrap_or(OFlags::RDONLY);
        // The caller passed a descriptor that cannot be written to. Opening the file again would allow writing.
        if flags.contains(OFlags::PATH) || !flags.intersects(OFlags::WRONLY | OFlags::RDWR) {
            return Self::Blocking;
        }
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::Socket => Self::Socket,
            FileType::Fifo => reopened(inherited).map_or(Self::Polled(PIPE_PIECE), Self::Own),
            FileType::CharacterDevice if !rustix::termios::isatty(inherited) => Self::Polled(PIPE_PIECE),
            // Opening the master side of a pseudoterminal would create a new one.
            FileType::CharacterDevice if is_master(stat.st_rdev) => Self::Polled(1),
            FileType::CharacterDevice => reopened(inherited).map_or(Self::Polled(1), Self::Own),
            _ => Self::Blocking,
        }
    }

    fn descriptor<'a>(&'a self, inherited: BorrowedFd<'a>) -> BorrowedFd<'a> {
        match self {
            Self::Own(own) => own.as_fd(),
            Self::Blocking | Self::Socket | Self::Polled(_) => inherited,
        }
    }

    fn try_write(&self, inherited: BorrowedFd<'_>, bytes: &[u8]) -> io::Result<usize> {
        let written = match self {
            Self::Blocking => rustix::io::write(inherited, bytes),
            Self::Own(own) => rustix::io::write(own, bytes),
            Self::Socket => rustix::net::send(inherited, bytes, SendFlags::DONTWAIT | SendFlags::NOSIGNAL),
            Self::Polled(_) if !is_writable(inherited, Duration::ZERO) => Err(Errno::WOULDBLOCK),
            Self::Polled(most) => rustix::io::write(inherited, &bytes[..bytes.len().min(*most)]),
        };
        match written? {
            0 => Err(ErrorKind::WriteZero.into()),
            count => Ok(count),
        }
    }
}

/// Opens the pipe or terminal behind `inherited` a second time, with `O_NONBLOCK`.
fn reopened(inherited: BorrowedFd<'_>) -> Option<OwnedFd> {
    use std::os::fd::AsRawFd as _;

    let path = format!("/proc/self/fd/{}", inherited.as_raw_fd());
    let flags = OFlags::WRONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let own = rustix::fs::openat(CWD, path, flags, Mode::empty()).ok()?;
    let (ours, theirs) = (rustix::fs::fstat(&own).ok()?, rustix::fs::fstat(inherited).ok()?);
    ((ours.st_dev, ours.st_ino) == (theirs.st_dev, theirs.st_ino)).then_some(own)
}

/// Returns true for the device number of `/dev/ptmx` or of a master of BSD pseudoterminals.
fn is_master(device: u64) -> bool {
    (rustix::fs::major(device), rustix::fs::minor(device)) == (5, 2) || rustix::fs::major(device) == 128
}

/// Waits until the descriptor is writable, for `limit` at most. A broken descriptor counts as writable: its write then
/// fails.
fn is_writable(descriptor: BorrowedFd<'_>, limit: Duration) -> bool {
    let limit = Timespec::try_from(limit).unwrap_or_default();
    poll(&mut [PollFd::from_borrowed_fd(descriptor, PollFlags::OUT)], Some(&limit)).is_ok_and(|ready| ready > 0)
}

#[cfg(test)]
mod tests;
