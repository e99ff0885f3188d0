//! A second binary of the program. tests/testbed/program.sh links it for an older glibc than that of the host.

use std::process::ExitCode;

#[path = "../../src/main.rs"]
mod program;

fn main() -> ExitCode {
    program::main()
}
