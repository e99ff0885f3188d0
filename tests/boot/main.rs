//! The program in a machine that boots for real: its own kernel, disks, udev, and a `/usr` that nobody
//! can write to.

// A group of cases is one function, which is a list.
#![allow(clippy::too_many_lines)]

use std::process::ExitCode;

mod cases;
#[path = "../testbed/mod.rs"]
mod testbed;

fn main() -> ExitCode {
    match testbed::vm::missing() {
        // Who checks everything must not take this for checked.
        Some(reason) if std::env::var_os("CI").is_some() => {
            eprintln!("boot: cannot boot virtual machines here: {reason}");
            ExitCode::FAILURE
        }
        Some(reason) => {
            println!("skipped: {reason}");
            ExitCode::SUCCESS
        }
        None => testbed::suite::main(cases::all),
    }
}
