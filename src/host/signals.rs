//! Signals that ask a run to stop.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use nix::sys::signal::{SigSet, Signal};
use signal_hook::consts::{SIGCHLD, SIGHUP, SIGINT, SIGTERM, SIGXFSZ};
use signal_hook::flag;

static STOPPED: OnceLock<Arc<AtomicBool>> = OnceLock::new();

/// Catches the signals that would end a run without a record. Returns the signals that could not be caught. `SIGXFSZ`
/// is caught without an effect, so that a file above the size limit is an error of that file.
pub fn catch() -> Vec<(i32, io::Error)> {
    // The caller may have blocked these signals. `SIGCHLD` may be ignored, but waiting for a child needs it.
    let ours = [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP, Signal::SIGXFSZ, Signal::SIGCHLD];
    let _ = ours.into_iter().collect::<SigSet>().thread_unblock();
    let stopped = STOPPED.get_or_init(Arc::default);
    let stopping = [SIGTERM, SIGINT, SIGHUP].map(|signal| (signal, Arc::clone(stopped)));
    let caught = stopping.into_iter().chain([(SIGXFSZ, Arc::default()), (SIGCHLD, Arc::default())]);
    caught.filter_map(|(signal, flag)| Some((signal, flag::register(signal, flag).err()?))).collect()
}

/// Returns true once a signal has asked the run to stop. All waits check this.
pub fn stopped() -> bool {
    STOPPED.get().is_some_and(|stopped| stopped.load(Ordering::Relaxed))
}
