//! `make bench`: what the program takes, held against what the same work takes by itself. Every bar is a ratio within
//! this run, or a bound that a slow machine keeps, too; a bar that is missed fails the run.

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
