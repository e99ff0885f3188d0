//! Throw-away machines: a real systemd in a container, the built program inside.
//!
//! `tree` builds the root tree of all machines, `kept` keeps slow builds, `sandbox` ensures that nothing outlives the
//! test, `machine` boots one, `look` and `snapshot` examine it, `suite` turns closures into tests with names. `vm`
//! boots one with a kernel, disks and udev of its own.

// Each test target uses only a part of this module.
#![allow(dead_code, unused_imports)]

pub mod arch;
pub mod boot;
pub mod bus;
pub mod command;
pub mod ignition;
pub mod kept;
pub mod key;
pub mod look;
pub mod machine;
pub mod marked;
pub mod package;
pub mod release;
pub mod sandbox;
pub mod server;
pub mod snapshot;
pub mod state;
pub mod suite;
#[cfg(target_arch = "x86_64")]
pub mod trace;
pub mod tree;
pub mod vm;
#[path = "../pure/sources/server.rs"]
pub mod web;

pub use arch::Arch;
pub use boot::Boot;
pub use command::Output;
pub use machine::Machine;
pub use suite::Suite;

/// The program under test, as Cargo built it.
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_coreos-cloudinit");
/// The path of the program in a machine.
pub const PROGRAM_INSIDE: &str = "/usr/bin/coreos-cloudinit";
