//! Changes the machine, with one small function per kind of step. No other module changes it.
//!
//! No function here depends on a whole configuration or plan: it gets a step, runs it, and returns its result.

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
    // Directories are created with mode 0755 and files get their given mode, whatever umask this process inherited.
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o022));
    // Configurations and the input of tools can hold secrets, which a core dump would write to disk.
    let none = rustix::process::Rlimit { current: Some(0), maximum: Some(0) };
    let _ = rustix::process::setrlimit(rustix::process::Resource::Core, none);
    hide_memory();
}

/// Prevents core dumps of this process, and access by debuggers without `CAP_SYS_PTRACE`.
///
/// The kernel resets this when a thread changes to the identity of a user. Without root, this function does nothing:
/// the files in `/proc/self` would then belong to root.
pub(crate) fn hide_memory() {
    if is_root() {
        let _ = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable);
    }
}

/// Returns true if this process runs as root, and so may change the machine.
pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}
