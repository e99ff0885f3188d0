//! Ensures that nothing outlives the test.
//!
//! The test runs itself again in a process and mount namespace of its own. However it ends, by a
//! panic, a signal or a closed terminal, the kernel takes all machines down with it, and their mounts
//! with the last of them. All that is left are empty control groups; the next run removes them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use super::{kept, release, tree};

/// Set for the inner process: the tree to use.
const TREE: &str = "TESTBED_TREE";
/// Set for the inner process to the outer one's ID, which marks our names on this host.
const RUN: &str = "TESTBED_RUN";
/// The programs that the testbed runs, and the Debian packages that bring them.
const TOOLS: [(&str, &str); 6] = [
    ("mmdebstrap", "mmdebstrap"),
    ("systemd-nspawn", "systemd-container"),
    ("nsenter", "util-linux"),
    ("unshare", "util-linux"),
    ("setpriv", "util-linux"),
    ("mount", "mount"),
];

/// The directory of this process's machines: a file system in memory that only we see.
pub fn machines() -> PathBuf {
    kept::home().join("machines")
}

/// The tree that the outer process found.
pub fn tree() -> PathBuf {
    std::env::var_os(TREE).expect("we run in the sandbox").into()
}

/// Returns a name that is unused on this host.
pub fn unique_name(number: u32) -> String {
    format!("{PREFIX}{}-{number}", std::env::var(RUN).unwrap_or_default())
}

/// Runs `inner` in the sandbox: in this process if it is there already, else in a new one.
pub fn run(inner: impl FnOnce() -> ExitCode) -> ExitCode {
    if std::env::var_os(TREE).is_some() {
        if let Err(reason) = mount_machines() {
            eprintln!("testbed: {reason}");
            return ExitCode::FAILURE;
        }
        return inner();
    }
    if let Some(reason) = missing() {
        eprintln!("testbed: cannot boot machines here: {reason}");
        return ExitCode::FAILURE;
    }
    match outer() {
        Ok(code) => code,
        Err(reason) => {
            eprintln!("testbed: {reason}");
            ExitCode::FAILURE
        }
    }
}

/// Returns the reason why machines cannot be booted here.
fn missing() -> Option<String> {
    if !nix::unistd::geteuid().is_root() {
        return Some("this needs root (`make test-pure` does not)".to_owned());
    }
    if let Some(reason) = missing_tools(&TOOLS) {
        return Some(reason);
    }
    cgroups().is_empty().then(|| "no control groups are mounted".to_owned())
}

/// Returns the missing ones of these programs, each with its Debian package.
pub fn missing_tools(tools: &[(&str, &str)]) -> Option<String> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let there = |tool: &str| std::env::split_paths(&path).any(|directory| directory.join(tool).is_file());
    let absent: Vec<_> =
        tools.iter().filter(|(tool, _)| !there(tool)).map(|(t, p)| format!("{t} (package {p})")).collect();
    let them = absent.join(", ");
    (!absent.is_empty()).then(|| format!("{them} not found; `make deps` installs what is needed"))
}

fn outer() -> Result<ExitCode, String> {
    // Held while the inner process runs, so that no other run removes the tree.
    let tree = tree::get()?;
    let program = release::prepare()?;
    reap(None);
    let this = std::env::current_exe().map_err(|e| format!("failed to find this test's own file: {e}"))?;
    // Should we die, the kernel kills unshare, which has the kernel kill the first process of the
    // namespace, whose end is the end of every process in it. That one is a shell, since it reaps
    // whatever is orphaned: a machine cannot end while a process that entered it is a zombie.
    let status = Command::new("setpriv")
        .args(["--pdeathsig", "KILL", "--", "unshare", "--mount", "--propagation", "private"])
        .args(["--pid", "--fork", "--kill-child", "--mount-proc", "--"])
        .args(["sh", "-c", "\"$@\"; exit $?", "sh"])
        .arg(this)
        .args(std::env::args_os().skip(1))
        .env(TREE, &tree.path)
        .envs(program)
        .env(RUN, std::process::id().to_string())
        .status()
        .map_err(|e| format!("failed to run setpriv: {e}"))?;
    reap(Some(std::process::id()));
    Ok(u8::try_from(status.code().unwrap_or(1)).map_or(ExitCode::FAILURE, ExitCode::from))
}

fn mount_machines() -> Result<(), String> {
    let place = machines();
    fs::create_dir_all(&place).map_err(|e| format!("failed to make {}: {e}", place.display()))?;
    let status = Command::new("mount").args(["-t", "tmpfs", "-o", "mode=0755", "testbed"]).arg(&place).status();
    match status {
        Ok(status) if status.success() => Ok(()),
        other => Err(format!("failed to mount a tmpfs on {}: {other:?}", place.display())),
    }
}

/// Our own control group in each hierarchy that systemd uses: the unified one, and its named one
/// where the old ones are mounted too.
///
/// Every machine gets one below them. Without, two of them would share the same one, and a unit of
/// the same name in both would be one group of processes.
pub fn cgroups() -> Vec<PathBuf> {
    let own = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let mut found = Vec::new();
    for line in own.lines() {
        let mut fields = line.splitn(3, ':').skip(1);
        let (Some(name), Some(path)) = (fields.next(), fields.next()) else {
            continue;
        };
        let mounted = match name {
            "" => mount_point(&mounts, |kind, _| kind == "cgroup2"),
            "name=systemd" => {
                mount_point(&mounts, |kind, options| kind == "cgroup" && options.contains("name=systemd"))
            }
            _ => continue,
        };
        if let Some(place) = mounted {
            let beneath = place.join(path.trim_start_matches('/'));
            found.push(if beneath.is_dir() { beneath } else { place });
        }
    }
    found
}

fn mount_point(mounts: &str, wanted: impl Fn(&str, &str) -> bool) -> Option<PathBuf> {
    mounts.lines().find_map(|line| {
        let (left, right) = line.split_once(" - ")?;
        let mut right = right.split(' ');
        let (kind, options) = (right.next()?, right.nth(1)?);
        wanted(kind, options).then(|| PathBuf::from(left.split(' ').nth(4).unwrap_or_default()))
    })
}

/// The prefix of our names on this host.
const PREFIX: &str = "cloudinit-testbed-";

/// Removes the control groups of runs that are over.
fn reap(ours: Option<u32>) {
    for parent in cgroups() {
        for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let run = name.strip_prefix(PREFIX).and_then(|rest| rest.split('-').next()?.parse::<u32>().ok());
            if run.is_some_and(|run| Some(run) == ours || !Path::new(&format!("/proc/{run}")).exists()) {
                remove_cgroup(&entry.path());
            }
        }
    }
}

/// Removes a control group and all below it, if no process is in it.
pub fn remove_cgroup(path: &Path) {
    for entry in fs::read_dir(path).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            remove_cgroup(&entry.path());
        }
    }
    let _ = fs::remove_dir(path);
}
