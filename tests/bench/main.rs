//! `make bench`: the cost of the program, compared with the cost of the same work alone. Every bar is a ratio within
//! this run, or a bound that also holds on a slow machine; a missed bar fails the run.

mod here;
mod inside;
mod measure;

#[path = "../testbed/mod.rs"]
mod testbed;

use std::process::ExitCode;

use measure::Table;

fn main() -> ExitCode {
    testbed::sandbox::run(|| {
        let mut table = Table::default();
        here::rows(&mut table);
        inside::rows(&mut table);
        table.print()
    })
}
