//! Disposable machines: a container with a real systemd and the program that Cargo built.
//!
//! `tree` builds the root tree of all machines, `kept` caches slow builds, `sandbox` ensures that no process or mount
//! outlives the test, `machine` boots a container, `look` and `snapshot` examine it, and `suite` turns closures into
//! named tests. `vm` boots virtual machines with their own kernel, disks and udev.

// Each test target uses only some of these items.
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
