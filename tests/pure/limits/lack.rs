//! The program in every mode without threads, memory or descriptors to spare: it reports that, and never panics.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::chown;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Command, Output};

const PROGRAM: &str = env!("CARGO_BIN_EXE_coreos-cloudinit");

/// A user without any process, so that a limit of processes is one of this program alone.
const USER: u32 = 1_234_567;

const CONFIG: &str = "#cloud-config\nhostname: lack\nwrite_files: [{path: /etc/a, content: x}, {path: /etc/b, content: x}]\n\
                      coreos: {units: [{name: a.service, enable: true, content: \"[Service]\\nExecStart=/bin/true\\n[Install]\\nWantedBy=b.target\"}]}\n";

/// The command lines, with `TREE` and `FILE` for a directory and user-data.
const MODES: [&[&str]; 10] = [
    &["--version"],
    &["--help"],
    &["--status"],
    &["--from-file=FILE"],
    &["--from-file=FILE", "--root=TREE"],
    &["--from-file=FILE", "--root=TREE", "--dry-run"],
    &["--from-file=FILE", "--validate"],
    &["--from-file=FILE", "--print-config", "--format=json"],
    &["--from-url=http://localhost:1/", "--from-configdrive=TREE", "--root=TREE", "--dry-run"],
    &["--no-such-option"],
];

struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("file"), CONFIG).unwrap();
        fs::create_dir_all(dir.path().join("tree/etc")).unwrap();
        if rustix::process::geteuid().is_root() {
            for path in [".", "file", "tree", "tree/etc"] {
                chown(dir.path().join(path), Some(USER), Some(USER)).unwrap();
            }
        }
        Self(dir)
    }

    /// Runs the program with a limit that `ulimit` sets, `None` if the shell cannot even start it.
    fn run(&self, limit: &str, mode: &[&str]) -> Output {
        let path = |name: &str| self.0.path().join(name).display().to_string();
        let mode = mode.iter().map(|word| word.replace("FILE", &path("file")).replace("TREE", &path("tree")));
        let line = format!("ulimit -c 0; ulimit {limit}; exec \"$@\"");
        let mut command = if rustix::process::geteuid().is_root() {
            let mut command = Command::new("setpriv");
            let user = USER.to_string();
            command.args(["--reuid", &user, "--regid", &user, "--clear-groups", "--", "sh"]);
            command
        } else {
            Command::new("sh")
        };
        command.args(["-c", &line, "sh", PROGRAM]).args(mode).current_dir("/");
        command.output().unwrap()
    }
}

/// Returns the fault in the end of a run, if any. An abort for lack of memory, which neither the allocator, the start
/// of a thread nor the C library can turn into an error, is accepted.
fn wrong(output: &Output) -> Option<String> {
    let log = String::from_utf8_lossy(&output.stderr);
    let for_lack_of_memory =
        ["memory allocation of", "failed to allocate", "cannot allocate memory", "Cannot allocate", "out of memory"];
    let fine = match (output.status.code(), output.status.signal()) {
        (Some(0..=2), _) => !log.contains("panicked") && !log.contains("stack backtrace"),
        (Some(134), _) | (None, Some(6)) => for_lack_of_memory.iter().any(|words| log.contains(words)),
        _ => false,
    };
    (!fine).then(|| format!("{}: {log}", output.status))
}

fn never_panics(kind: &str, limits: impl Iterator<Item = usize>) {
    let place = Place::new();
    let mut limits = limits.skip_while(|limit| !place.run(&format!("{kind} {limit}"), &["--version"]).status.success());
    let mut all = String::new();
    let mut validated = None;
    for limit in limits.by_ref().take(24) {
        for mode in MODES {
            let output = place.run(&format!("{kind} {limit}"), mode);
            if let Some(wrong) = wrong(&output) {
                let _ = writeln!(all, "ulimit {kind} {limit}: {mode:?}: {wrong}");
            }
            if mode.contains(&"--validate") {
                validated = Some(output);
            }
        }
    }
    assert!(all.is_empty(), "{all}");
    let validated = validated.expect("--version runs with one of the limits");
    assert_eq!(validated.status.code(), Some(0), "the last limit is enough: {validated:?}");
}

#[test]
fn without_threads_no_mode_panics() {
    never_panics("-u", 1..8);
}

#[test]
fn without_memory_no_mode_panics() {
    never_panics("-v", (4..200).map(|mebibytes| mebibytes << 10));
}

#[test]
fn without_descriptors_no_mode_panics() {
    never_panics("-n", 3..24);
}

#[test]
fn without_standard_streams_no_file_takes_their_place() {
    let place = Place::new();
    let path = |name: &str| place.0.path().join(name);
    let run = |mode: &str, closed: &str| {
        let file = path("file");
        let line = format!("exec {PROGRAM} --from-file={} {mode} {closed}", file.display());
        Command::new("sh").args(["-c", &line]).output().unwrap().status.code()
    };
    let tree = format!("--root={}", path("tree").display());
    // Without root the tree's files cannot get their owner.
    let usual = run(&tree, "");
    for closed in ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"] {
        let _ = fs::remove_file(path("tree/etc/a"));
        assert_eq!(run(&tree, closed), usual, "{closed}");
        if usual == Some(0) {
            assert_eq!(fs::read(path("tree/etc/a")).unwrap(), b"x", "{closed}");
        }
        assert_eq!(run("--validate", closed), Some(0), "{closed}");
        assert_eq!(run("--no-such-option", closed), Some(2), "{closed}");
    }
}
