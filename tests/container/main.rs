//! The program in a real machine: systemd in a container, looked at from outside.

// A group of cases is one function, which is a list.
#![allow(clippy::too_many_lines)]

use std::process::ExitCode;

mod cases;
#[path = "../testbed/mod.rs"]
mod testbed;

fn main() -> ExitCode {
    testbed::suite::main(cases::all)
}
