//! The only place that touches the machine: one small function per kind of step.
//!
//! Nothing here knows of configurations or plans as a whole; it is handed a step, does it, and says
//! whether anything changed or why it could not be done.

pub mod accounts;
pub mod bus;
pub mod command;
pub mod files;
pub mod hostname;
pub mod keys;
pub mod lock;
mod machine;
pub mod network;
pub mod pending;
pub mod record;
pub mod root;
pub mod signals;
pub mod systemd;

pub use machine::{Host, HostSetup};

/// Gives this process what the rest of this module counts on.
pub fn prepare_process() {
    // Folders are made 0755 and files get the mode they are given, whatever we were started with.
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o022));
    // What we have read is secret, and so is what our tools are told: no crash leaves it on a disk.
    let none = rustix::process::Rlimit { current: Some(0), maximum: Some(0) };
    let _ = rustix::process::setrlimit(rustix::process::Resource::Core, none);
    hide_memory();
}

/// Keeps the memory of this process from core dumps, and from debuggers of processes without `CAP_SYS_PTRACE`.
///
/// The kernel resets this when a thread takes on the identity of a user. Without root it is left alone: the files in
/// `/proc/self` would belong to root then.
pub(crate) fn hide_memory() {
    if is_root() {
        let _ = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable);
    }
}

/// Whether this process may change the machine it runs on.
pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}
