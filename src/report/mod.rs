//! The output of `--validate`, `--dry-run` and `--status`, to standard output, as text or as one JSON document.
//! Standard error is for the log alone.
//!
//! Text is collected in strings, since writing to a string cannot fail, and printed in one piece.

pub mod check;
pub mod configuration;
pub mod conversion;
mod count;
mod diff;
pub mod drift;
pub mod dry_run;
mod snippet;
pub mod status;

use std::io::{self, Write as _};

pub use crate::terminal::Screen;

/// The version of the JSON that is printed and recorded: fields may be added under the same number; no field is
/// removed or changes its meaning.
pub const FORMAT: u32 = 1;

/// The line after findings on a terminal.
pub const EXPLAIN: &str = "For more about a rule: coreos-cloudinit --explain RULE";

/// Prints all of the text to standard output. A reader that has exited is not a failure.
pub fn write_stdout(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error),
        _ => Ok(()),
    }
}

/// `1 error`, `2 errors`.
fn plural(count: usize, one: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{count} {one}s") }
}
