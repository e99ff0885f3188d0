//! The log. Records go to the journal in its native protocol, and to standard error unless that is connected to the
//! journal. A terminal shows each step with a sign; other outputs have the time and level (docs/security.md#secrets).

mod event;
mod journal;
pub mod messages;
mod screen;

use std::fmt;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use cloud_config::diagnostic::Severity;
use log::{Level, LevelFilter, Log, Metadata, Record};
use serde::Serialize;

pub use event::Event;

pub use crate::terminal::Sign;
use crate::terminal::{self, ProgressGuard, Screen, StatusLine};
use cloud_config::text::printable;
use journal::{Journal, JournalEntry};

/// The identifier of this program in the journal.
const IDENTIFIER: &str = "coreos-cloudinit";

/// The longest time for retrying the last line of a run while the queue of journald is full. All other records are
/// dropped at once.
const LAST_PATIENCE: Duration = Duration::from_millis(100);

static LOGGER: OnceLock<Logger> = OnceLock::new();

/// The numbers of log records that were lost because a reader was too slow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Dropped {
    /// Records that journald did not accept.
    pub journal: u64,
    /// Records that were not written to standard error, or only in part.
    pub stderr: u64,
}

/// Returns the number of records that were lost so far.
pub fn dropped() -> Dropped {
    let journal = LOGGER.get().map_or(0, |logger| logger.dropped.load(Ordering::Relaxed));
    Dropped { journal, stderr: terminal::dropped() }
}

/// Sets up the log. `verbosity` is -1, 0 or 1, and `screen` describes standard error. With `kept`, records also go to
/// the journal, since the run changes this machine. With `bounded`, the run does not wait for a slow reader of standard
/// error.
pub fn init(verbosity: i8, kept: bool, bounded: bool, screen: Screen) {
    terminal::init(bounded);
    let level = match verbosity {
        ..=-1 => LevelFilter::Warn,
        0 => LevelFilter::Info,
        1.. => LevelFilter::Debug,
    };
    let leads_there = journal::is_stderr();
    let journal = (kept || leads_there).then(Journal::open).flatten();
    let error = match (journal.is_some() && leads_there, screen.terminal) {
        (true, _) => StandardError::Journal,
        (false, true) => StandardError::Terminal {
            color: screen.color,
            waiting: screen.able.then(StatusLine::default).filter(|_| verbosity >= 0),
        },
        (false, false) => StandardError::Lines,
    };
    // `main` calls this function once, so the logger is never set twice.
    let _ = log::set_logger(LOGGER.get_or_init(|| Logger { level, journal, error, dropped: AtomicU64::new(0) }));
    log::set_max_level(level);
}

/// Logs `message` with the fields of `event`.
pub fn log_event(level: Level, message: fmt::Arguments<'_>, event: &Event<'_>) {
    match LOGGER.get() {
        Some(logger) => logger.write_entry(level, module_path!(), message, event),
        None => log::log!(level, "{message}"),
    }
}

/// Shows the current action in the status line until the guard is dropped.
pub fn progress(text: impl FnOnce() -> String) -> ProgressGuard {
    match LOGGER.get().map(|logger| &logger.error) {
        Some(StandardError::Terminal { waiting: Some(waiting), .. }) => waiting.begin(printable(&text())),
        _ => ProgressGuard::inactive(),
    }
}

/// Prints a hint on a terminal, unless only warnings and errors are logged. The hint is not sent to the journal.
pub fn hint(text: &str) {
    let Some(logger) = LOGGER.get() else { return };
    if let StandardError::Terminal { waiting, .. } = &logger.error
        && logger.level >= LevelFilter::Info
    {
        write_stderr(waiting.as_ref(), &format!("{text}\n"));
    }
}

/// The kind of standard error.
enum StandardError {
    /// The journal, which already gets the records in its native protocol.
    Journal,
    /// A terminal.
    Terminal { color: bool, waiting: Option<StatusLine> },
    /// A file, a pipe, or the console during boot.
    Lines,
}

struct Logger {
    level: LevelFilter,
    journal: Option<Journal>,
    error: StandardError,
    /// The number of records that journald did not accept.
    dropped: AtomicU64,
}

impl Logger {
    fn write_entry(&self, level: Level, module: &str, message: fmt::Arguments<'_>, event: &Event<'_>) {
        let wanted = level <= self.level;
        let shown = self.shows(wanted, event);
        if !wanted && !shown {
            return;
        }
        // Names from the configuration are part of the message. Their control characters must not reach a terminal or
        // begin a second line.
        let message = printable(&message.to_string());
        if wanted && let Some(journal) = &self.journal {
            let mut entry = JournalEntry::new(IDENTIFIER, level, module, &message);
            event.fields(|name, value| entry.field(name, value));
            let patience = if event.last { LAST_PATIENCE } else { Duration::ZERO };
            if !journal.send(entry.bytes(), patience) {
                self.dropped.fetch_add(1, Ordering::Relaxed);
            }
        }
        match &self.error {
            StandardError::Terminal { color, waiting } if shown => {
                write_stderr(waiting.as_ref(), &screen::line(level, &message, event, *color));
            }
            StandardError::Lines if wanted => {
                let time = humantime::format_rfc3339_seconds(SystemTime::now());
                write_stderr(None, &format!("{time} {level:5} {message}\n"));
            }
            _ => {}
        }
    }

    /// Returns true if a terminal shows the event. `wanted` is true if its level is logged.
    fn shows(&self, wanted: bool, event: &Event<'_>) -> bool {
        let StandardError::Terminal { waiting, .. } = &self.error else { return false };
        // A terminal also shows unchanged steps while the user waits; the journal of a boot gets only their number.
        let seen = wanted || (event.sign == Some(Sign::Unchanged) && self.level >= LevelFilter::Info);
        seen && !event.later && !(event.waiting && waiting.is_some())
    }
}

/// Writes to standard error in one call, so that the output of other programs does not mix with it.
fn write_stderr(waiting: Option<&StatusLine>, text: &str) {
    match waiting {
        Some(waiting) => waiting.write(text),
        None => terminal::write(text),
    }
}

impl Log for Logger {
    /// Drops log records of dependencies; their errors reach us as `Err`.
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("cloudinit")
    }

    fn log(&self, record: &Record<'_>) {
        if self.enabled(record.metadata()) {
            let module = record.module_path().unwrap_or("cloudinit");
            self.write_entry(record.level(), module, *record.args(), &Event::default());
        }
    }

    fn flush(&self) {}
}

/// Returns the level at which a finding of this severity is logged.
pub const fn level_of(severity: Severity) -> Level {
    match severity {
        Severity::Error => Level::Error,
        Severity::Warning => Level::Warn,
        Severity::Note => Level::Info,
    }
}
