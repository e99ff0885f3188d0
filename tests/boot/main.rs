//! The program in a machine that boots for real: its own kernel, disks, udev, and a read-only `/usr`.

// A group of cases is one function, which is a list.
#![allow(clippy::too_many_lines)]

use std::process::ExitCode;

mod cases;
#[path = "../testbed/mod.rs"]
mod testbed;

fn main() -> ExitCode {
    match testbed::vm::missing() {
        // CI must not count a skipped tier as passed.
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
