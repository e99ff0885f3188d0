//! Examines a machine: its files, accounts, units and journal.
//!
//! Files are examined from the host, without programs of the machine. Paths are resolved inside the machine, so its
//! links do not lead out of it.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd, OwnedFd};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustix::fs::{FileType, Mode, OFlags, ResolveFlags, Stat};
use rustix::io::Errno;
use serde_json::Value;

use super::command::Output;
use super::machine::Machine;
use super::release;

/// The identifier of the program in the journal.
const IDENTIFIER: &str = "coreos-cloudinit";

impl Machine {
    /// Opens the object at `path` itself, without following a link.
    fn open(&self, path: &str, flags: OFlags, mode: Mode) -> Result<OwnedFd, Errno> {
        let root = self.root.as_ref().expect("it has booted");
        rustix::fs::openat2(
            root,
            path.trim_start_matches('/'),
            flags | OFlags::CLOEXEC,
            mode,
            ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS,
        )
    }

    fn look(&self, path: &str) -> Option<OwnedFd> {
        match self.open(path, OFlags::PATH | OFlags::NOFOLLOW, Mode::empty()) {
            Ok(file) => Some(file),
            Err(Errno::NOENT | Errno::NOTDIR) => None,
            Err(e) => panic!("failed to stat {path}: {e}"),
        }
    }

    /// Returns the status of `path` itself, without following a link.
    pub fn stat(&self, path: &str) -> Option<Stat> {
        self.look(path).map(|file| rustix::fs::fstat(file).unwrap_or_else(|e| panic!("failed to stat {path}: {e}")))
    }

    #[track_caller]
    fn must_stat(&self, path: &str) -> Stat {
        self.stat(path).unwrap_or_else(|| panic!("{path} is not there"))
    }

    /// Returns true if anything is at `path`, even a dangling link.
    pub fn exists(&self, path: &str) -> bool {
        self.look(path).is_some()
    }

    /// Checks that nothing is at `path`.
    #[track_caller]
    pub fn absent(&self, path: &str) {
        assert!(!self.exists(path), "{path} is there");
    }

    /// Returns the content of a regular file; a link is an error.
    #[track_caller]
    pub fn bytes(&self, path: &str) -> Vec<u8> {
        assert!(self.exists(path), "{path} is not there");
        let file = self.open(path, OFlags::RDONLY | OFlags::NOFOLLOW, Mode::empty());
        let mut bytes = Vec::new();
        File::from(file.unwrap_or_else(|e| panic!("failed to open {path}: {e}")))
            .read_to_end(&mut bytes)
            .unwrap_or_else(|e| panic!("failed to read {path}: {e}"));
        bytes
    }

    /// Returns the content of a file as text.
    #[track_caller]
    pub fn text(&self, path: &str) -> String {
        String::from_utf8(self.bytes(path)).unwrap_or_else(|_| panic!("{path} is no text"))
    }

    /// Returns the permissions, including the set-ID and sticky bits.
    #[track_caller]
    pub fn mode(&self, path: &str) -> u32 {
        self.must_stat(path).st_mode & 0o7777
    }

    /// Returns the IDs of the user and the group.
    #[track_caller]
    pub fn owner(&self, path: &str) -> (u32, u32) {
        let stat = self.must_stat(path);
        (stat.st_uid, stat.st_gid)
    }

    /// Returns the target of a link; `None` if there is no link.
    pub fn link(&self, path: &str) -> Option<String> {
        let file = self.look(path)?;
        let stat = rustix::fs::fstat(&file).ok()?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::Symlink {
            return None;
        }
        let target = rustix::fs::readlinkat(file.as_fd(), "", Vec::new()).ok()?;
        Some(target.to_string_lossy().into_owned())
    }

    /// Checks the text, mode, user and group of a file.
    #[track_caller]
    pub fn is_file(&self, path: &str, text: &str, mode: u32, owner: (u32, u32)) {
        assert_eq!(self.text(path), text, "{path}: text");
        let seen = self.mode(path);
        assert_eq!(seen, mode, "{path}: mode {seen:04o}, not {mode:04o}");
        assert_eq!(self.owner(path), owner, "{path}: owner");
    }

    /// Returns the names in a directory, sorted.
    #[track_caller]
    pub fn names(&self, path: &str) -> Vec<String> {
        let directory = self
            .open(path, OFlags::RDONLY | OFlags::DIRECTORY, Mode::empty())
            .unwrap_or_else(|e| panic!("failed to open {path}: {e}"));
        let entries = rustix::fs::Dir::new(directory).unwrap_or_else(|e| panic!("failed to read {path}: {e}"));
        let mut names: Vec<_> = entries
            .map(|entry| entry.expect("a folder can be read").file_name().to_string_lossy().into_owned())
            .filter(|name| name != "." && name != "..")
            .collect();
        names.sort();
        names
    }

    /// Writes a file as root without replacing it; a new file gets the mode 0644. The directory must exist.
    #[track_caller]
    pub fn put(&self, path: &str, text: impl AsRef<[u8]>) {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC;
        let file = self.open(path, flags, Mode::from(0o644)).unwrap_or_else(|e| panic!("failed to make {path}: {e}"));
        File::from(file).write_all(text.as_ref()).unwrap_or_else(|e| panic!("failed to write {path}: {e}"));
    }

    fn entry(&self, database: &str, name: &str) -> Option<Vec<String>> {
        self.text(database)
            .lines()
            .map(|line| line.split(':').map(str::to_owned).collect::<Vec<_>>())
            .find(|fields| fields[0] == name)
    }

    /// Returns the fields of a user in `/etc/passwd`: name, x, UID, GID, GECOS, home, shell.
    pub fn passwd(&self, user: &str) -> Option<Vec<String>> {
        self.entry("/etc/passwd", user)
    }

    /// Returns the password field of a user in `/etc/shadow`.
    pub fn shadow(&self, user: &str) -> Option<String> {
        self.entry("/etc/shadow", user).map(|fields| fields[1].clone())
    }

    /// Returns the members of a group, sorted.
    pub fn members(&self, group: &str) -> Option<Vec<String>> {
        let fields = self.entry("/etc/group", group)?;
        let mut members: Vec<_> = fields[3].split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect();
        members.sort();
        Some(members)
    }

    /// Returns properties of a unit, or of systemd itself if `unit` is empty.
    pub fn show(&self, unit: &str, properties: &[&str]) -> BTreeMap<String, String> {
        let wanted = format!("--property={}", properties.join(","));
        let mut argv = vec!["systemctl", "show", &wanted];
        if !unit.is_empty() {
            argv.extend(["--", unit]);
        }
        let answer = self.run(&argv).ok();
        answer
            .stdout
            .lines()
            .filter_map(|line| line.split_once('='))
            .map(|(k, v)| (k.to_owned(), v.to_owned()))
            .collect()
    }

    /// Returns a property of a unit.
    pub fn property(&self, unit: &str, name: &str) -> String {
        self.show(unit, &[name]).remove(name).unwrap_or_default()
    }

    /// Returns the environment variables of a service's main process that begin with `prefix`, sorted.
    pub fn variables(&self, unit: &str, prefix: &str) -> Vec<String> {
        let main = self.property(unit, "MainPID");
        // Before the process executes its program, it has the environment of systemd.
        let runs = format!("grep -qz ^INVOCATION_ID= /proc/{main}/environ");
        let wait = format!("timeout 20 sh -c 'until {runs}; do sleep 0.05; done'");
        let seen = self.sh(&format!("{wait}; base64 -w0 /proc/{main}/environ"));
        // Values can contain line breaks, but no NUL characters.
        let bytes = STANDARD.decode(seen.trim()).expect("base64 prints base64");
        let text = String::from_utf8(bytes).expect("the environment is UTF-8");
        let mut found: Vec<_> = text.split('\0').filter(|text| text.starts_with(prefix)).map(str::to_owned).collect();
        found.sort();
        found
    }

    /// Returns the `ActiveState` of a unit.
    pub fn active(&self, unit: &str) -> String {
        self.property(unit, "ActiveState")
    }

    /// Returns the `UnitFileState` of a unit.
    pub fn enabled(&self, unit: &str) -> String {
        self.property(unit, "UnitFileState")
    }

    /// Returns the ID of the last start of a unit, which is different for each start.
    pub fn invocation(&self, unit: &str) -> String {
        self.property(unit, "InvocationID")
    }

    /// Returns true if systemd has ever started a job for the unit, even if the unit is no longer loaded.
    pub fn was_tried(&self, unit: &str) -> bool {
        !self.run_quietly(&["sh", "-c", "journalctl --sync; journalctl --quiet --unit=\"$0\"", unit]).stdout.is_empty()
    }

    /// Returns the time of the last daemon-reload.
    pub fn last_reload(&self) -> String {
        if release::systemd() >= 250 {
            return self.property("", "UnitsLoadTimestampMonotonic");
        }
        let last = "journalctl --sync; journalctl --quiet -o short-monotonic _PID=1 MESSAGE=Reloading. | tail -n 1";
        self.run_quietly(&["sh", "-c", last]).stdout
    }

    /// Returns the whole journal in the export format: all fields of all entries.
    pub fn whole_journal(&self) -> String {
        self.run_quietly(&["sh", "-c", "journalctl --sync; journalctl --output=export --all"]).stdout
    }

    /// Returns the whole journal as text, for the message of an assertion.
    pub fn whole_log(&self) -> String {
        self.run_quietly(&["journalctl", "--no-pager"]).stdout
    }

    /// Returns the entries of the program.
    pub fn journal(&self) -> Vec<BTreeMap<String, Value>> {
        let identifier = format!("SYSLOG_IDENTIFIER={IDENTIFIER}");
        let answer =
            self.run_quietly(&["sh", "-c", "journalctl --sync; journalctl --output=json --all \"$0\"", &identifier]);
        answer.stdout.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// Returns the cursor of the last entry.
    pub(super) fn journal_cursor(&self) -> String {
        let answer = self.run_quietly(&["journalctl", "--lines=0", "--show-cursor", "--quiet"]);
        answer.stdout.trim().strip_prefix("-- cursor: ").unwrap_or_default().to_owned()
    }

    /// Returns the log of the program since the cursor, as text.
    pub(super) fn journal_after(&self, cursor: &str) -> String {
        // All entries are read and filtered here: with a filter, `journalctl` omits the first entry after the cursor.
        let from = format!("--after-cursor={cursor}");
        let line = "journalctl --sync; journalctl --quiet --output=json --all \"$0\"";
        let answer = self.run_quietly(&["sh", "-c", line, &from]);
        let entries = answer.stdout.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let ours = entries.filter(|entry| entry["SYSLOG_IDENTIFIER"] == IDENTIFIER);
        ours.map(|entry| entry["MESSAGE"].as_str().map_or_else(|| entry["MESSAGE"].to_string(), str::to_owned) + "\n")
            .collect()
    }

    /// Runs a command that is not added to the history of the case.
    fn run_quietly(&self, argv: &[&str]) -> Output {
        self.start(argv).finish(std::time::Duration::from_secs(60))
    }
}
