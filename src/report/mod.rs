//! The output of `--validate`, `--dry-run`, `--print-config`, `--convert-to` and `--status` to standard output, as text
//! or as one JSON document. Standard error is reserved for the log.
//!
//! Text is formatted in strings, because writing to a string cannot fail, and printed in one call.

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

/// The version of the JSON that is printed and recorded. Adding a field does not change it; a field is never removed or
/// given another meaning under the same version.
pub const FORMAT: u32 = 1;

/// The line after the findings on a terminal.
pub const EXPLAIN: &str = "For more about a rule: coreos-cloudinit --explain RULE";

/// Prints the whole text to standard output. A reader that has exited is not an error.
pub fn write_stdout(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error),
        _ => Ok(()),
    }
}

/// Formats a count with its noun: `1 error`, `2 errors`.
fn plural(count: usize, one: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{count} {one}s") }
}
