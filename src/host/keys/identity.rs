//! Runs a closure with the file permissions of a user.

use anyhow::{Result, bail};
use nix::unistd::{setfsgid, setfsuid};
use rustix::fs::Gid;

use crate::host::accounts::UserEntry;
use crate::host::root::OsContext;

/// Runs `work` as `user` in a separate thread: the identity applies only to that thread, and ends with it.
///
/// # Errors
///
/// The errors of `work`; the kernel refuses to change to that user.
pub(in crate::host) fn with<T: Send>(user: &UserEntry, work: impl FnOnce() -> Result<T> + Send) -> Result<T> {
    let ours = rustix::process::geteuid();
    if ours.as_raw() == user.uid {
        return work();
    }
    if !ours.is_root() {
        bail!("only root can act as another user");
    }
    std::thread::scope(|scope| {
        let changed = || {
            change(user)?;
            work()
        };
        let thread = std::thread::Builder::new().name("as the user".into()).spawn_scoped(scope, changed);
        let thread = thread.os_context(|| "failed to start a thread")?;
        // The panic was reported when it happened.
        thread.join().unwrap_or_else(|_| bail!("internal error while acting as user {}", user.name))
    })
}

/// Runs `work` as [`with`] does, but for reading only. A process that is not root cannot change its user, and uses its
/// own permissions, which may be sufficient.
///
/// # Errors
///
/// The errors of `work`; the kernel refuses root the change to that user.
pub(super) fn dry_run<T: Send>(user: &UserEntry, work: impl FnOnce() -> Result<T> + Send) -> Result<T> {
    if rustix::process::geteuid().is_root() { with(user, work) } else { work() }
}

/// Runs `work` with the permissions of this process, inside the `work` of [`with`] for `user`. Calls can be nested.
///
/// # Errors
///
/// The kernel refuses the change back to that user. The thread must not do anything else then.
pub(super) fn as_ourselves<T>(user: &UserEntry, work: impl FnOnce() -> T) -> Result<T> {
    let (uid, gid) = (rustix::process::geteuid(), rustix::process::getegid());
    // `setfsuid` reports no error: it returns the previous user ID.
    if uid.as_raw() == user.uid || setfsuid(uid.as_raw().into()).as_raw() == uid.as_raw() {
        return Ok(work());
    }
    setfsgid(gid.as_raw().into());
    let result = work();
    change(user)?;
    Ok(result)
}

/// Changes the file system identity of this thread to the user.
fn change(user: &UserEntry) -> Result<()> {
    // The system call changes only this thread. The function of the C library would change all threads.
    rustix::thread::set_thread_groups(&[Gid::from_raw(user.gid)]).os_context(|| "failed to drop root's groups")?;
    setfsgid(user.gid.into());
    setfsuid(user.uid.into());
    // The calls return the previous IDs and report no error, so a second call checks the result.
    let (gid, uid) = (setfsgid(user.gid.into()), setfsuid(user.uid.into()));
    crate::host::hide_memory();
    if (uid.as_raw(), gid.as_raw()) != (user.uid, user.gid) {
        bail!("failed to switch to user {}", user.name);
    }
    Ok(())
}
