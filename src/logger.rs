//! The log: to the journal natively where standard error leads there, else to standard error with
//! time and level (spec §13).

use std::io::Write;
use std::time::SystemTime;

use log::{LevelFilter, Log, Metadata, Record};
use systemd_journal_logger::{JournalLog, connected_to_journal};

use crate::plan::printable;

/// What the journal knows this program by.
const IDENTIFIER: &str = "coreos-cloudinit";

/// Sets up the log; `verbosity` is -1, 0 or 1.
pub fn init(verbosity: i8) {
    let level = match verbosity {
        ..=-1 => LevelFilter::Warn,
        0 => LevelFilter::Info,
        1.. => LevelFilter::Debug,
    };
    let journal = connected_to_journal().then(JournalLog::new).and_then(Result::ok);
    // A second call cannot happen: `main` makes the only one.
    let _ = match journal {
        Some(journal) => {
            log::set_boxed_logger(Box::new(Journal(journal.with_syslog_identifier(IDENTIFIER.to_owned()))))
        }
        None => log::set_boxed_logger(Box::new(Stderr)),
    };
    log::set_max_level(level);
}

/// Libraries speak of their own doings; what matters of those is in our errors.
fn is_ours(metadata: &Metadata<'_>) -> bool {
    metadata.target().starts_with("cloudinit")
}

struct Journal(JournalLog);

impl Log for Journal {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        is_ours(metadata)
    }

    fn log(&self, record: &Record<'_>) {
        if self.enabled(record.metadata()) {
            self.0.log(record);
        }
    }

    fn flush(&self) {
        self.0.flush();
    }
}

struct Stderr;

impl Log for Stderr {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        is_ours(metadata)
    }

    fn log(&self, record: &Record<'_>) {
        if self.enabled(record.metadata()) {
            let time = humantime::format_rfc3339_seconds(SystemTime::now());
            let message = printable(&record.args().to_string());
            // There is nobody to tell when standard error is gone.
            let _ = writeln!(std::io::stderr().lock(), "{time} {:5} {message}", record.level());
        }
    }

    fn flush(&self) {}
}
