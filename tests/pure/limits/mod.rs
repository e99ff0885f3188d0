//! The cost of user-data: the bounds of every input, and the time that hostile input takes before it is refused or
//! read.
//!
//! Times are processor times, so that a busy machine changes little, and bounds are generous: quadratic growth breaks
//! them all the same. `LIMITS_SIZE=2000000 cargo test --release --test pure limits:: -- --nocapture figures` prints the
//! time of each input at that size.

mod bounds;
mod conversion;
mod hostile;
mod lack;
mod program;

use std::time::Duration;

use cloud_config::address_tokens::Addresses;
use cloud_config::plan::Facts;
use cloud_config::{document, user_data};
use cloudinit::cli::Format;
use cloudinit::report::Screen;
use cloudinit::report::check::{self, Checked};
use nix::time::{ClockId, clock_gettime};

/// Returns the rules that `--validate` reports for `bytes`, and its output.
fn validate(bytes: Vec<u8>) -> (Vec<&'static str>, String) {
    let mut checked = Vec::new();
    for part in user_data::split("user-data", bytes) {
        let document = document::read(part, &Addresses::default(), false);
        let findings = document.plan(&Facts::default(), "set").findings;
        checked.push(Checked { document, findings });
    }
    let rules = checked.iter().flat_map(|part| &part.findings).map(|finding| finding.rule.id).collect();
    let screen = Screen { terminal: false, color: false, able: false };
    (rules, check::print("user-data", &[], &checked, Format::Json, screen))
}

/// The time of the processor that `work` takes in this thread.
fn cost<T>(work: impl FnOnce() -> T) -> (Duration, T) {
    let now = || Duration::from(clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).expect("every thread has this clock"));
    let began = now();
    let result = work();
    (now().saturating_sub(began), result)
}
