//! Detects writes by comparing the identity and times of all files before and after.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::machine::Machine;

/// The directories that a configuration can change, and that a run without changes must leave alone.
const DIRECTORIES: &str = "/etc /home /opt /root /srv /usr /var/lib /var/spool/mail /run/systemd /run/flannel";

/// The directories that systemd itself changes at any time.
const CHURN: [&str; 8] = [
    // Links that record the invocation of each unit for journald; one per start.
    "/run/systemd/units",
    // Sockets of journald, and a file per open stream.
    "/run/systemd/journal",
    // Files of logind and of inhibitors: one per `nsenter` that looks like a login, and one per shutdown.
    "/run/systemd/sessions",
    "/run/systemd/users",
    "/run/systemd/inhibit",
    // The state of networkd, which is rewritten when it starts.
    "/run/systemd/netif",
    // Files of transient units: a script is started in each run.
    "/run/systemd/transient",
    // Mount points that units with credentials or private directories create at their start.
    "/run/systemd/propagate",
];

/// All paths, with inode, times, mode, owner and size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot(BTreeMap<String, String>);

impl Machine {
    /// Records all files that a configuration can change.
    pub fn snapshot(&self) -> Snapshot {
        // `find` runs in the machine, because it has to see the mounts there. Times have their full resolution.
        let mut prune = String::new();
        for path in CHURN {
            let _ = write!(prune, "-path {path} -prune -o ");
        }
        let line = format!(
            "TZ=UTC find {DIRECTORIES} {prune} -printf '%p\\t%y %i %m %U:%G %s modified %T+ changed %C+ %l\\n' 2>/dev/null || true"
        );
        let answer = self.start(&["sh", "-c", &line]).finish(std::time::Duration::from_secs(60)).ok();
        let entry = |line: &str| line.split_once('\t').map(|(path, rest)| (path.to_owned(), rest.to_owned()));
        let mut entries: BTreeMap<_, _> = answer.stdout.lines().filter_map(entry).collect();
        // systemd creates and removes directories in this one.
        entries.remove("/run/systemd");
        Snapshot(entries)
    }

    /// Checks that `f` writes nothing.
    #[track_caller]
    pub fn untouched<T>(&self, f: impl FnOnce() -> T) -> T {
        let before = self.snapshot();
        let result = f();
        let differences = before.differences(&self.snapshot());
        assert!(differences.is_empty(), "something was written:\n{}", differences.join("\n"));
        result
    }
}

impl Snapshot {
    /// Describes the differences to `after`, in a line or two per path.
    pub fn differences(&self, after: &Self) -> Vec<String> {
        let mut lines = Vec::new();
        for (path, was) in &self.0 {
            match after.0.get(path) {
                None => lines.push(format!("gone: {path}")),
                Some(is) if is != was => {
                    lines.push(format!("touched: {path}\n   was {was}\n    is {is}"));
                }
                Some(_) => {}
            }
        }
        lines.extend(after.0.keys().filter(|path| !self.0.contains_key(*path)).map(|path| format!("new: {path}")));
        lines
    }

    /// Returns the added, removed and changed paths, without directories.
    pub fn changed_files<'a>(&'a self, after: &'a Self) -> Vec<(char, &'a str)> {
        let is_directory = |entry: &str| entry.starts_with("d ");
        let mut changes = Vec::new();
        for (path, is) in &after.0 {
            match self.0.get(path) {
                _ if is_directory(is) => {}
                None => changes.push(('+', path.as_str())),
                Some(was) if was != is => changes.push(('~', path.as_str())),
                Some(_) => {}
            }
        }
        changes.extend(self.0.keys().filter(|path| !after.0.contains_key(*path)).map(|path| ('-', path.as_str())));
        changes
    }
}
