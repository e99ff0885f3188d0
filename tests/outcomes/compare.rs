//! Compares a machine with the result of the reference.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use rustix::fs::FileType;

use crate::outcome::{File, Outcome, Unit};
use crate::testbed::Machine;

/// Something that is not as the reference left it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The subject of the difference.
    pub subject: String,
    pub reference: String,
    pub ours: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let indented = |text: &str| text.replace('\n', "\n        ");
        writeln!(f, "{}", self.subject)?;
        writeln!(f, "    reference: {}", indented(&self.reference))?;
        write!(f, "    ours:      {}", indented(&self.ours))
    }
}

/// The account files, which are compared by their meaning.
const ACCOUNTS: [&str; 12] = [
    "/etc/passwd",
    "/etc/passwd-",
    "/etc/shadow",
    "/etc/shadow-",
    "/etc/group",
    "/etc/group-",
    "/etc/gshadow",
    "/etc/gshadow-",
    "/etc/subuid",
    "/etc/subuid-",
    "/etc/subgid",
    "/etc/subgid-",
];
/// The directory that systemd recreates at every daemon-reload.
const GENERATED: &str = "/run/systemd/generator";
/// A user of the reference's tree which is no work of the program's.
const NOT_OURS: &str = "systemd-resolve";

/// The id of the machine in which the reference ran, which units see as `%m`.
const MACHINE_ID: &str = "b0a7c5d3e1f24c6f9d0e8a7b6c5d4e3f";

/// Collects differences.
#[derive(Default)]
pub struct Differences(pub Vec<Difference>);

impl Differences {
    /// Two things that should be the same.
    pub fn same(&mut self, subject: &str, reference: &str, ours: &str) {
        if reference != ours {
            let [reference, ours] = [reference, ours].map(str::to_owned);
            self.0.push(Difference { subject: subject.to_owned(), reference, ours });
        }
    }

    /// Two texts: only the lines that differ are kept.
    fn same_text(&mut self, subject: &str, reference: &str, ours: &str) {
        let only = |text: &str, other: &str| {
            let other: BTreeSet<_> = other.split_inclusive('\n').collect();
            text.split_inclusive('\n').filter(|line| !other.contains(line)).collect::<String>()
        };
        if reference == ours {
            return;
        }
        let [left, right] = [only(reference, ours), only(ours, reference)];
        if left == right {
            self.same(subject, reference, ours);
        } else {
            self.same(subject, &left, &right);
        }
    }
}

/// Files, users, groups and the host name. `changed` are the new, different and removed paths.
pub fn settled(machine: &Machine, outcome: &Outcome, changed: &[(char, &str)]) -> Vec<Difference> {
    let mut found = Differences::default();
    for (path, file) in &outcome.files {
        compare_file(machine, &format!("/{path}"), file, &mut found);
    }
    for (kind, path) in changed {
        let relative = &path[1..];
        match kind {
            '-' if !outcome.removed.iter().any(|removed| removed == relative) => {
                found.same(&format!("removed {path}"), "", "gone");
            }
            '+' | '~' if !outcome.files.contains_key(relative) && !is_aside(machine, path) => {
                found.same(&format!("extra {path}"), "", &describe(machine, path));
            }
            _ => {}
        }
    }
    for path in &outcome.removed {
        if machine.exists(&format!("/{path}")) {
            found.same(&format!("removed /{path}"), "gone", "");
        }
    }
    compare_accounts(machine, outcome, &mut found);
    found.same("host name", &outcome.hostname, &machine.sh("hostname"));
    found.0
}

fn compare_file(machine: &Machine, path: &str, file: &File, found: &mut Differences) {
    let Some(stat) = machine.stat(path) else {
        found.same(&format!("file {path}"), "there", "missing");
        return;
    };
    found.same(&format!("owner {path}"), &file.uid.to_string(), &stat.st_uid.to_string());
    if let Some(gid) = file.gid {
        found.same(&format!("group {path}"), &gid.to_string(), &stat.st_gid.to_string());
    }
    if let Some(mode) = &file.mode {
        found.same(&format!("mode {path}"), mode, &format!("0o{:o}", stat.st_mode & 0o7777));
    }
    let kind = FileType::from_raw_mode(stat.st_mode);
    let link = machine.link(path);
    if file.special || file.link.is_some() || kind != FileType::RegularFile {
        found.same(&format!("link {path}"), &format!("{:?}", file.link), &format!("{link:?}"));
        found.same(&format!("special {path}"), &file.special.to_string(), &(kind == FileType::Socket).to_string());
        return;
    }
    let bytes = machine.bytes(path);
    if let Some(text) = &file.text {
        found.same_text(&format!("text {path}"), text, &String::from_utf8_lossy(&bytes));
    }
    if let Some(keys) = &file.keys {
        let text = String::from_utf8_lossy(&bytes);
        let lines_of_keys = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        // The outcomes have them without their comments.
        let mut ours: Vec<_> =
            lines_of_keys.map(|line| line.split_whitespace().take(2).collect::<Vec<_>>().join(" ")).collect();
        ours.sort_unstable();
        found.same_text(&format!("keys {path}"), &lines(keys), &lines(&ours));
    }
}

fn lines(of: &[impl AsRef<str>]) -> String {
    of.iter().flat_map(|line| [line.as_ref(), "\n"]).collect()
}

/// Returns true for paths that the reference's outcomes do not list: account files, and files of a new home.
fn is_aside(machine: &Machine, path: &str) -> bool {
    if ACCOUNTS.contains(&path) || path.starts_with(GENERATED) {
        return true;
    }
    let name = path.rsplit('/').next().unwrap_or_default();
    let skeleton = format!("/etc/skel/{name}");
    path.starts_with("/home/")
        && path.matches('/').count() == 3
        && machine.exists(&skeleton)
        && machine.bytes(&skeleton) == machine.bytes(path)
}

fn describe(machine: &Machine, path: &str) -> String {
    match (machine.link(path), machine.stat(path).map(|stat| FileType::from_raw_mode(stat.st_mode))) {
        (Some(target), _) => format!("a link to {target}"),
        (None, Some(FileType::RegularFile)) => String::from_utf8_lossy(&machine.bytes(path)).into_owned(),
        (None, kind) => format!("{kind:?}"),
    }
}

fn compare_accounts(machine: &Machine, outcome: &Outcome, found: &mut Differences) {
    for (name, user) in outcome.users.iter().filter(|(name, _)| *name != NOT_OURS) {
        let Some(fields) = machine.passwd(name) else {
            found.same(&format!("user {name}"), "there", "missing");
            continue;
        };
        found.same(&format!("gecos of {name}"), &user.gecos, &fields[4]);
        found.same(&format!("home of {name}"), &user.home, &fields[5]);
        found.same(&format!("shell of {name}"), &user.shell, &fields[6]);
        found.same(&format!("hash of {name}"), &user.hash, &machine.shadow(name).unwrap_or_default());
    }
    let users = |text: String| text.lines().filter_map(|line| line.split(':').next().map(str::to_owned)).collect();
    let (now, base): (BTreeSet<String>, BTreeSet<String>) =
        (users(machine.text("/etc/passwd")), users(machine.text("/etc/passwd.base")));
    for name in now.difference(&base).filter(|name| !outcome.users.contains_key(*name)) {
        found.same(&format!("user {name}"), "missing", "there");
    }
    let groups = |text: String| {
        let entry = |line: &str| {
            let fields: Vec<_> = line.split(':').collect();
            let mut members: Vec<_> = fields[3].split(',').collect();
            members.sort_unstable();
            (fields[0].to_owned(), members.join(","))
        };
        text.lines().map(entry).collect::<BTreeMap<_, _>>()
    };
    let (now, base) = (groups(machine.text("/etc/group")), groups(machine.text("/etc/group.base")));
    let names: BTreeSet<_> = now.keys().chain(outcome.groups.keys()).filter(|name| *name != NOT_OURS).collect();
    for name in names {
        let ours = now.get(name).map_or("missing", String::as_str);
        let reference = outcome.groups.get(name).or(base.get(name)).map_or("missing", String::as_str);
        found.same(&format!("members of {name}"), reference, ours);
    }
}

/// Compares the present state of the units in systemd.
pub fn units(machine: &Machine, outcome: &Outcome) -> Vec<Difference> {
    let properties = ["ActiveState", "LoadState", "UnitFileState", "Environment"];
    let names: Vec<_> = outcome.units.keys().map(String::as_str).collect();
    let mut found = Differences::default();
    for (unit, seen) in outcome.units.iter().zip(show_all(machine, &names, &properties)) {
        let (name, Unit { active_state, load_state, enablement, environment }) = unit;
        let seen = |property: &str| seen.get(property).map_or("", String::as_str);
        let environment = environment.as_deref().unwrap_or_default().replace(MACHINE_ID, &machine_id(machine));
        found.same(&format!("ActiveState {name}"), active_state, seen("ActiveState"));
        found.same(&format!("LoadState {name}"), load_state, seen("LoadState"));
        found.same(&format!("UnitFileState {name}"), enablement, seen("UnitFileState"));
        found.same(&format!("Environment {name}"), &environment, seen("Environment"));
    }
    found.0
}

fn machine_id(machine: &Machine) -> String {
    machine.text("/etc/machine-id").trim().to_owned()
}

/// Properties of several units, in the order of `names`.
pub fn show_all(machine: &Machine, names: &[&str], properties: &[&str]) -> Vec<BTreeMap<String, String>> {
    if names.is_empty() {
        return Vec::new();
    }
    let wanted = format!("--property={}", properties.join(","));
    let answer = machine.run(&[["systemctl", "show", &wanted, "--"].as_slice(), names].concat()).ok();
    let fields = |block: &str| {
        let fields = block.lines().filter_map(|line| line.split_once('='));
        fields.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    };
    let blocks: Vec<_> = answer.stdout.trim_end().split("\n\n").map(fields).collect();
    assert_eq!(blocks.len(), names.len(), "systemctl does not show every unit");
    blocks
}
