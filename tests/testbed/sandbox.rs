//! Runs tests so that no process, mount or network outlives them.
//!
//! The test runs itself again in its own process and mount namespaces. However it ends, for example by a panic, a
//! signal or a closed terminal, the kernel kills the machines, and their mounts end with the last process. Only empty
//! control groups remain, which the next run removes.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use super::{kept, release, tree};

/// The environment variable with the tree to use. The outer process sets it for the inner one.
const TREE: &str = "TESTBED_TREE";
/// The environment variable with the ID of the outer process, which is part of all names on this host.
const RUN: &str = "TESTBED_RUN";
/// The programs that the testbed needs, and their Debian packages.
const TOOLS: [(&str, &str); 6] = [
    ("mmdebstrap", "mmdebstrap"),
    ("systemd-nspawn", "systemd-container"),
    ("nsenter", "util-linux"),
    ("unshare", "util-linux"),
    ("setpriv", "util-linux"),
    ("mount", "mount"),
];

/// Returns the directory of this run's machines: a file system in memory that no other process sees.
pub fn machines() -> PathBuf {
    kept::home().join("machines")
}

/// Returns the tree that the outer process found or built.
pub fn tree() -> PathBuf {
    std::env::var_os(TREE).expect("we run in the sandbox").into()
}

/// Returns a name that is unused on this host.
pub fn unique_name(number: u32) -> String {
    format!("{PREFIX}{}-{number}", std::env::var(RUN).unwrap_or_default())
}

/// Runs `inner` in the sandbox. If this process is not in a sandbox, it starts one and runs itself there.
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

/// Returns the reason why machines cannot be booted on this host.
fn missing() -> Option<String> {
    if !nix::unistd::geteuid().is_root() {
        return Some("this needs root (`make test-pure` does not)".to_owned());
    }
    if let Some(reason) = missing_tools(&TOOLS) {
        return Some(reason);
    }
    cgroups().is_empty().then(|| "no control groups are mounted".to_owned())
}

/// Returns the missing programs, each with its Debian package.
pub fn missing_tools(tools: &[(&str, &str)]) -> Option<String> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let there = |tool: &str| std::env::split_paths(&path).any(|directory| directory.join(tool).is_file());
    let absent: Vec<_> =
        tools.iter().filter(|(tool, _)| !there(tool)).map(|(t, p)| format!("{t} (package {p})")).collect();
    let them = absent.join(", ");
    (!absent.is_empty()).then(|| format!("{them} not found; `make deps` installs what is needed"))
}

fn outer() -> Result<ExitCode, String> {
    // The value is kept while the inner process runs, so that no other run removes the tree.
    let tree = tree::get()?;
    let program = release::prepare()?;
    reap(None);
    let this = std::env::current_exe().map_err(|e| format!("failed to find this test's own file: {e}"))?;
    // If this process dies, the kernel kills `unshare`, and then the first process of the namespace. With that, all
    // processes in the namespace end. The first process is a shell, because it reaps orphans: a machine cannot end
    // while a process that entered it is a zombie.
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

/// Returns the control group of this process in each hierarchy that systemd uses: the unified one, and the named one if
/// legacy hierarchies are mounted.
///
/// Each machine gets a group below these. Otherwise two machines would share one group, and their units of the same
/// name would be one group of processes.
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

/// The prefix of the names on this host.
const PREFIX: &str = "cloudinit-testbed-";

/// Removes the control groups of runs that have ended.
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
