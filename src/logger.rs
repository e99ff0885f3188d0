//! The log: natively to the journal, and with time and level to standard error, unless that leads to
//! the journal as well (spec §13).

use std::io::Write;
use std::time::SystemTime;

use log::{LevelFilter, Log, Metadata, Record};
use systemd_journal_logger::{JournalLog, connected_to_journal};

use crate::plan::printable;

/// What the journal knows this program by.
const IDENTIFIER: &str = "coreos-cloudinit";

/// Sets up the log; `verbosity` is -1, 0 or 1. A run that changes the machine is `kept` in its journal.
pub fn init(verbosity: i8, kept: bool) {
    let level = match verbosity {
        ..=-1 => LevelFilter::Warn,
        0 => LevelFilter::Info,
        1.. => LevelFilter::Debug,
    };
    let leads_there = connected_to_journal();
    let journal = (kept || leads_there).then(JournalLog::new).and_then(Result::ok);
    let stderr = journal.is_none() || !leads_there;
    let journal = journal.map(|journal| journal.with_syslog_identifier(IDENTIFIER.to_owned()));
    // A second call cannot happen: `main` makes the only one.
    let _ = log::set_boxed_logger(Box::new(Logger { journal, stderr }));
    log::set_max_level(level);
}

struct Logger {
    journal: Option<JournalLog>,
    stderr: bool,
}

impl Log for Logger {
    /// Libraries speak of their own doings; what matters of those is in our errors.
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("cloudinit")
    }

    fn log(&self, record: &Record<'_>) {
        if !self.enabled(record.metadata()) {
            return;
        }
        // Names come from the configuration: none of them can make a second line, or speak to a terminal.
        let message = printable(&record.args().to_string());
        if let Some(journal) = &self.journal {
            // There is nobody to tell when the journal is gone.
            let _ = journal.journal_send(
                &Record::builder()
                    .args(format_args!("{message}"))
                    .metadata(record.metadata().clone())
                    .module_path(record.module_path())
                    .file(record.file())
                    .line(record.line())
                    .build(),
            );
        }
        if self.stderr {
            let time = humantime::format_rfc3339_seconds(SystemTime::now());
            // In one piece: what others write meanwhile comes before or after it.
            let line = format!("{time} {:5} {message}\n", record.level());
            let _ = std::io::stderr().write_all(line.as_bytes());
        }
    }

    fn flush(&self) {}
}
