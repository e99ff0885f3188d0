//! The log: natively to the journal, and to standard error unless that leads to the journal as well: to people at a
//! terminal step by step with a sign, to all others with time and level (spec §13).

mod event;
pub mod messages;
mod screen;

use std::fmt;
use std::io::Write as _;
use std::sync::OnceLock;
use std::time::SystemTime;

use log::{Level, LevelFilter, Log, Metadata, Record};
use systemd_journal_logger::{JournalLog, connected_to_journal};

pub use event::{Event, Sign};

use crate::plan::printable;
use crate::terminal::{Screen, Waiting, Wanted};

/// What the journal knows this program by.
const IDENTIFIER: &str = "coreos-cloudinit";

static LOGGER: OnceLock<Logger> = OnceLock::new();

/// Sets up the log; `verbosity` is -1, 0 or 1, and `screen` is what standard error leads to. A run that changes the
/// machine is `kept` in its journal.
pub fn init(verbosity: i8, kept: bool, screen: Screen) {
    let level = match verbosity {
        ..=-1 => LevelFilter::Warn,
        0 => LevelFilter::Info,
        1.. => LevelFilter::Debug,
    };
    let leads_there = connected_to_journal();
    let journal = (kept || leads_there).then(JournalLog::new).and_then(Result::ok);
    let error = match (journal.is_some() && leads_there, screen.terminal) {
        (true, _) => StandardError::Journal,
        (false, true) => StandardError::Terminal {
            colour: screen.colour,
            waiting: screen.able.then(Waiting::default).filter(|_| verbosity >= 0),
        },
        (false, false) => StandardError::Lines,
    };
    let journal = journal.map(|journal| journal.with_syslog_identifier(IDENTIFIER.to_owned()));
    // A second call cannot happen: `main` makes the only one.
    let _ = log::set_logger(LOGGER.get_or_init(|| Logger { level, journal, error }));
    log::set_max_level(level);
}

/// Logs `message`, which is about `event`.
pub fn tell(level: Level, message: fmt::Arguments<'_>, event: &Event<'_>) {
    match LOGGER.get() {
        Some(logger) => logger.tell(level, module_path!(), message, event),
        None => log::log!(level, "{message}"),
    }
}

/// Shows people at a terminal what is being done, until the answer is dropped.
pub fn doing(what: impl FnOnce() -> String) -> Wanted {
    match LOGGER.get().map(|logger| &logger.error) {
        Some(StandardError::Terminal { waiting: Some(waiting), .. }) => waiting.begin(printable(&what())),
        _ => Wanted::not(),
    }
}

/// What standard error leads to.
enum StandardError {
    /// To the journal, which has it already, and better.
    Journal,
    /// To people.
    Terminal { colour: bool, waiting: Option<Waiting> },
    /// To a file, a pipe, the console of a boot.
    Lines,
}

struct Logger {
    level: LevelFilter,
    journal: Option<JournalLog>,
    error: StandardError,
}

impl Logger {
    fn tell(&self, level: Level, module: &str, message: fmt::Arguments<'_>, event: &Event<'_>) {
        let wanted = level <= self.level;
        let shown = self.shows(wanted, event);
        if !wanted && !shown {
            return;
        }
        // Names come from the configuration: none of them can make a second line, or speak to a terminal.
        let message = printable(&message.to_string());
        if wanted && let Some(journal) = &self.journal {
            let place = event.part.zip(event.at);
            let file = place.map(|(part, _)| printable(part));
            let fields = event.fields();
            let mut record = Record::builder();
            record.level(level).target(module).module_path(Some(module)).key_values(&fields);
            // Lines of the configuration, and not of this program: those are of no use to anybody who reads this.
            record.file(file.as_deref()).line(place.and_then(|(_, at)| u32::try_from(at.line).ok()));
            // There is nobody to tell when the journal is gone.
            let _ = journal.journal_send(&record.args(format_args!("{message}")).build());
        }
        match &self.error {
            StandardError::Terminal { colour, waiting } if shown => {
                put(waiting.as_ref(), &screen::line(level, &message, event, *colour));
            }
            StandardError::Lines if wanted => {
                let time = humantime::format_rfc3339_seconds(SystemTime::now());
                put(None, &format!("{time} {level:5} {message}\n"));
            }
            _ => {}
        }
    }

    /// Whether a terminal shows it; `wanted` says whether the log has it.
    fn shows(&self, wanted: bool, event: &Event<'_>) -> bool {
        let StandardError::Terminal { waiting, .. } = &self.error else { return false };
        // Whoever waits for it wants to see each step, and a boot's journal has enough of their number.
        let seen = wanted || (event.sign == Some(Sign::Unchanged) && self.level >= LevelFilter::Info);
        seen && !event.later && !(event.waiting && waiting.is_some())
    }
}

/// Writes to standard error in one piece: what others write meanwhile comes before or after it.
fn put(waiting: Option<&Waiting>, text: &str) {
    match waiting {
        Some(waiting) => waiting.write(text),
        None => drop(std::io::stderr().write_all(text.as_bytes())),
    }
}

impl Log for Logger {
    /// Libraries speak of their own doings; what matters of those is in our errors.
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("cloudinit")
    }

    fn log(&self, record: &Record<'_>) {
        if self.enabled(record.metadata()) {
            let module = record.module_path().unwrap_or("cloudinit");
            self.tell(record.level(), module, *record.args(), &Event::default());
        }
    }

    fn flush(&self) {}
}
