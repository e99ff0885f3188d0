//! `coreos-cloudinit`: the command line, the log, the run, the exit code.

use std::io::Write;
use std::process::ExitCode;

use cloudinit::cli::{self, Invocation, Mode, Options, Usage};
use cloudinit::contain::{contain, report_panics};
use cloudinit::host::signals;
use cloudinit::os_error::OsError;
use cloudinit::run::{self, RunContext};
use cloudinit::terminal::{self, Screen};

/// Public, because `tests/testbed/oldest.rs` includes this file.
pub fn main() -> ExitCode {
    report_panics(terminal::write);
    contain(answer).unwrap_or(run::FAILED).into()
}

/// Runs the action that the command line asks for, and returns the exit code.
fn answer() -> u8 {
    match cli::parse(std::env::args_os().skip(1)) {
        Ok(Invocation::Run(mut options)) => {
            run::resolve_root(&mut options);
            run(&options)
        }
        Ok(Invocation::Print(text)) => run::print(&text),
        Ok(Invocation::Status(format)) => run::status(format),
        Err(Usage(text)) => {
            let _ = std::io::stderr().lock().write_all(text.as_bytes());
            run::USAGE
        }
    }
}

fn run(options: &Options) -> u8 {
    cloudinit::host::prepare_process();
    // Signals are caught before the first log line: from then on, a signal cannot end the run without a record.
    let uncaught = signals::catch();
    let variable = |name: &str| std::env::var(name).ok();
    let bounded = options.mode == Mode::Apply;
    let screen = Screen::of_stderr(&variable);
    cloudinit::logger::init(options.verbosity, options.changes_this_machine(), bounded, screen);
    for (signal, error) in uncaught {
        log::warn!("failed to catch signal {signal}: {}", OsError::from(error));
    }
    let context = RunContext { variable: &variable, stop: &signals::stopped };
    run::run(options, &context)
}
