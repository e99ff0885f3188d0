//! `coreos-cloudinit`: the command line, the log, the run, the exit code.

use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use cloudinit::cli::{self, Request, Usage};
use cloudinit::run::{self, Surroundings};
use cloudinit::terminal::Screen;
use signal_hook::consts::SIGXFSZ;

fn main() -> ExitCode {
    let mut options = match cli::parse(std::env::args_os().skip(1)) {
        Ok(Request::Run(options)) => options,
        Ok(Request::Print(text)) => return run::print(&text).into(),
        Ok(Request::Status(format)) => return run::status(format).into(),
        Err(Usage(text)) => {
            let _ = std::io::stderr().lock().write_all(text.as_bytes());
            return run::USAGE.into();
        }
    };
    run::resolve_root(&mut options);
    let variable = |name: &str| std::env::var(name).ok();
    cloudinit::logger::init(options.verbosity, options.changes_this_machine(), Screen::of_stderr(&variable));
    cloudinit::host::prepare_process();
    let stopped = Arc::new(AtomicBool::new(false));
    for signal in [signal_hook::consts::SIGTERM, signal_hook::consts::SIGINT, signal_hook::consts::SIGHUP] {
        if let Err(error) = signal_hook::flag::register(signal, Arc::clone(&stopped)) {
            log::warn!("failed to catch signal {signal}: {error}");
        }
    }
    // A file that is larger than we may write is an error of that file, not the end of the run.
    if let Err(error) = signal_hook::flag::register(SIGXFSZ, Arc::default()) {
        log::warn!("failed to catch signal {SIGXFSZ}: {error}");
    }
    let surroundings = Surroundings { variable: &variable, stop: &|| stopped.load(Ordering::Relaxed) };
    run::run(&options, &surroundings).into()
}
