//! Sets the host name through hostnamed (docs/datasources.md).

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use zbus::{Connection, proxy};

use super::bus::{Bus, CallError, PendingCall};
use super::files::{self, Write};
use super::root::{OsContext, Root};
use crate::outcome::StepResult;

/// The time limit of hostnamed, including its start. Before `basic.target`, hostnamed cannot start, and the steps that
/// give access wait for it. The limit is below the 25 s that the bus gives a service to start.
const HOSTNAMED_LIMIT: Duration = Duration::from_secs(20);

/// The file of the static name.
pub const PATH: &str = "/etc/hostname";

/// The longest `/etc/hostname` that is read, in bytes; a host name has at most 64.
const MOST_BYTES: u64 = 4096;

/// The file `/etc/hostname` below a root.
pub trait HostnameStore {
    /// Returns the whole content; `None` if the file does not exist.
    ///
    /// The file exists and cannot be read.
    ///
    /// The file exists and cannot be read.
    fn read(&self) -> Result<Option<Vec<u8>>>;

    /// Replaces the content, with mode 0644 and owner root.
    ///
    /// # Errors
    ///
    /// The file cannot be written.
    fn write(&self, content: &[u8]) -> Result<()>;
}

/// The file `/etc/hostname` of a root.
#[derive(Debug)]
pub struct HostnameFile<'a>(pub &'a Root);

impl HostnameStore for HostnameFile<'_> {
    fn read(&self) -> Result<Option<Vec<u8>>> {
        files::read(self.0, Path::new(PATH), MOST_BYTES)
    }

    fn write(&self, content: &[u8]) -> Result<()> {
        let file = Write { path: Path::new(PATH), content, mode: 0o644, uid: 0, gid: 0 };
        files::write(self.0, file).map(drop)
    }
}

/// The current host names of a machine.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CurrentHostname {
    /// The name in `/etc/hostname`, the static name.
    pub fixed: Option<String>,
    /// The name of the kernel; `None` for a tree.
    pub kernel: Option<String>,
}

#[proxy(
    interface = "org.freedesktop.hostname1",
    default_service = "org.freedesktop.hostname1",
    default_path = "/org/freedesktop/hostname1"
)]
trait Hostname {
    fn set_static_hostname(&self, name: &str, interactive: bool) -> zbus::Result<()>;
    fn set_hostname(&self, name: &str, interactive: bool) -> zbus::Result<()>;
}

/// Reads the current names. `running` is false for a tree.
pub fn current(file: &dyn HostnameStore, running: bool) -> CurrentHostname {
    // An unreadable file counts as empty: the write reports the cause.
    let content = file.read().ok().flatten().unwrap_or_default();
    CurrentHostname { fixed: first_name(&content), kernel: if running { kernel() } else { None } }
}

/// The state of setting the host name after [`begin`].
#[derive(Debug)]
pub enum Begun {
    /// The name is set.
    Ended(StepResult),
    /// hostnamed is setting it.
    Pending(Pending),
}

/// A request to hostnamed that has no reply yet.
#[derive(Debug)]
pub struct Pending {
    name: String,
    call: PendingCall<()>,
}

/// Begins to set the static host name to `name`. For the running machine, `bus` is given. Without it, `/etc/hostname`
/// of a tree is written. If the name is already set, nothing is done, and the bus is not used.
///
/// hostnamed usually has to be started first, which takes much longer than the other steps that give access. So the
/// caller continues with other steps. It must not write `/etc/hostname` before [`finish`] has returned.
///
/// # Errors
///
/// The name is empty, or `/etc/hostname` or the kernel's name cannot be set without hostnamed.
pub fn begin(bus: Option<&Bus>, file: &dyn HostnameStore, name: &str) -> Result<Begun> {
    begin_inner(bus, file, name).with_context(|| failure(name))
}

fn begin_inner(bus: Option<&Bus>, file: &dyn HostnameStore, name: &str) -> Result<Begun> {
    if name.is_empty() {
        bail!("it is empty");
    }
    let now = current(file, bus.is_some());
    let wanted = Some(name);
    if now.fixed.as_deref() == wanted && (bus.is_none() || now.kernel.as_deref() == wanted) {
        return Ok(Begun::Ended(StepResult::Unchanged));
    }
    let Some(bus) = bus else {
        write(file, name)?;
        return Ok(Begun::Ended(StepResult::Done));
    };
    let name = name.to_owned();
    let wanted = name.clone();
    let call = async move |connection: Connection| {
        let hostnamed = HostnameProxy::new(&connection).await?;
        hostnamed.set_static_hostname(&wanted, false).await?;
        if kernel().as_deref() == Some(&wanted) {
            return Ok(());
        }
        // The file has the name, but the kernel has another one, which was set without hostnamed.
        hostnamed.set_hostname(&wanted, false).await
    };
    match bus.begin(HOSTNAMED_LIMIT, call) {
        Ok(call) => Ok(Begun::Pending(Pending { name, call })),
        Err(error) => end(file, &name, Err(error)).map(Begun::Ended),
    }
}

/// Waits until the host name is set. Returns the result and the time that hostnamed took.
///
/// If hostnamed is missing, masked or does not reply, the name is set without hostnamed.
///
/// # Errors
///
/// hostnamed rejects the name as invalid; `/etc/hostname` cannot be written, or the name of the kernel cannot be set.
pub fn finish(bus: &Bus, file: &dyn HostnameStore, pending: Pending) -> (Result<StepResult>, Duration) {
    let (answer, took) = bus.finish(pending.call);
    (end(file, &pending.name, answer).with_context(|| failure(&pending.name)), took)
}

fn failure(name: &str) -> String {
    format!("failed to set the host name {name}")
}

/// Evaluates the reply of hostnamed, and sets the name directly if hostnamed did not.
fn end(file: &dyn HostnameStore, name: &str, answer: Result<(), CallError>) -> Result<StepResult> {
    match answer {
        // hostnamed of systemd 247 remembers a name that it failed to write. The next call succeeds and writes nothing.
        Ok(()) if !first_name_is(file, name) => write(file, name)?,
        Ok(()) => {}
        Err(error) if error.name() == Some("org.freedesktop.DBus.Error.InvalidArgs") => {
            bail!(error)
        }
        Err(error) => {
            log::info!("systemd-hostnamed: {error}; host name set without it");
            // The kernel's name is set even if the file cannot be written: programs read one or the other.
            let written = if first_name_is(file, name) { Ok(()) } else { write(file, name) };
            let set = set_kernel(name);
            written.and(set)?;
        }
    }
    if kernel().as_deref() != Some(name) {
        set_kernel(name)?;
    }
    Ok(StepResult::Done)
}

fn write(file: &dyn HostnameStore, name: &str) -> Result<()> {
    file.write(format!("{name}\n").as_bytes())
}

fn first_name_is(file: &dyn HostnameStore, name: &str) -> bool {
    current(file, false).fixed.as_deref() == Some(name)
}

fn kernel() -> Option<String> {
    nix::unistd::gethostname().ok()?.into_string().ok()
}

fn set_kernel(name: &str) -> Result<()> {
    nix::unistd::sethostname(name).os_context(|| "failed to set the kernel's host name")
}

/// Returns the first line that is neither empty nor a comment (`hostname(5)`).
fn first_name(content: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(content).ok()?;
    let line = text.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with('#'))?;
    Some(line.to_owned())
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    struct Memory(RefCell<Option<Vec<u8>>>);

    impl Memory {
        fn with(content: Option<&str>) -> Self {
            Self(RefCell::new(content.map(|text| text.as_bytes().to_vec())))
        }
    }

    impl HostnameStore for Memory {
        fn read(&self) -> Result<Option<Vec<u8>>> {
            Ok(self.0.borrow().clone())
        }

        fn write(&self, content: &[u8]) -> Result<()> {
            self.0.replace(Some(content.to_vec()));
            Ok(())
        }
    }

    /// Returns the result for a tree, for which hostnamed is never asked.
    fn of_tree(file: &Memory) -> Result<Option<StepResult>> {
        Ok(match begin(None, file, "node1")? {
            Begun::Ended(result) => Some(result),
            Begun::Pending(_) => None,
        })
    }

    #[test]
    fn comments_and_empty_lines_are_no_names() {
        assert_eq!(first_name(b"# a comment\n\n  node1  \nnode2\n").as_deref(), Some("node1"));
        assert_eq!(first_name(b"# only a comment\n"), None);
        assert_eq!(first_name(b"\xff\n"), None);
    }

    #[test]
    fn of_a_tree_only_the_file_is_written() -> Result<()> {
        for before in [None, Some("old\n"), Some("# none\n")] {
            let file = Memory::with(before);
            assert_eq!(of_tree(&file)?, Some(StepResult::Done));
            assert_eq!(file.0.borrow().as_deref(), Some(b"node1\n".as_slice()));
        }
        Ok(())
    }

    #[test]
    fn a_tree_that_has_the_name_is_left_alone() -> Result<()> {
        let file = Memory::with(Some("# ours\nnode1"));
        assert_eq!(of_tree(&file)?, Some(StepResult::Unchanged));
        assert_eq!(file.0.borrow().as_deref(), Some(b"# ours\nnode1".as_slice()));
        Ok(())
    }
}
