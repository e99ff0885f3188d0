//! Changes the machine, with one small function per kind of step. No other module changes it.
//!
//! Nothing here depends on configurations or plans as a whole; a function gets a step, runs it, and returns whether
//! anything changed or why it failed.

pub mod accounts;
pub mod bus;
pub mod command;
pub mod crash_markers;
pub mod files;
pub mod hostname;
pub mod keys;
pub mod lock;
mod machine;
pub mod network;
pub mod record;
pub mod root;
pub mod selinux;
pub mod signals;
pub mod systemd;

pub use machine::{Host, HostSetup};

/// Sets up the process attributes that the rest of this module relies on.
pub fn prepare_process() {
    // Directories are made 0755 and files get the mode they are given, independent of the inherited umask.
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o022));
    // Configurations and the input of tools can hold secrets: a crash must not leave them on a disk.
    let none = rustix::process::Rlimit { current: Some(0), maximum: Some(0) };
    let _ = rustix::process::setrlimit(rustix::process::Resource::Core, none);
    hide_memory();
}

/// Keeps the memory of this process from core dumps, and from debuggers of processes without `CAP_SYS_PTRACE`.
///
/// The kernel resets this when a thread changes to the identity of a user. Without root, nothing is done: the files in
/// `/proc/self` would belong to root otherwise.
pub(crate) fn hide_memory() {
    if is_root() {
        let _ = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable);
    }
}

/// Returns true if this process may change the machine it runs on.
pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}
