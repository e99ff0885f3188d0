//! One case: apply, compare, apply again.

use std::collections::BTreeMap;
use std::thread;
use std::time::{Duration, Instant};

use regex::Regex;
use serde_yaml::Value;

use crate::compare::{self, Difference, Differences};
use crate::outcome::Outcome;
use crate::tally;
use crate::testbed::{Machine, Output};
use crate::wanted::ROWS;

/// The addresses of the machine in which the reference ran.
const ADDRESSES: [(&str, &str); 2] = [("COREOS_PUBLIC_IPV4", "203.0.113.9"), ("COREOS_PRIVATE_IPV4", "10.9.8.7")];
/// The longest time for units to reach the state that the reference saw: it looked once, a little later.
const SETTLE: Duration = Duration::from_secs(4);
/// The commands that cause a daemon-reload: units of some configs run them.
const RELOADS: [&str; 2] = ["systemctl daemon-reload", "systemctl enable"];
/// The directories in which a second run may write nothing.
const QUIET: [&str; 5] = ["/etc/", "/home/", "/opt/", "/run/systemd/system/", "/run/flannel/"];
/// The config, where the program reads it from.
const CONFIG: &str = "/root/user-data";

/// Applies a config twice, and holds that all is as the reference left it.
pub fn reproduce(machine: &Machine, outcome: &Outcome) {
    machine.put(CONFIG, &outcome.config);
    machine.sh("cp /etc/passwd /etc/passwd.base; cp /etc/group /etc/group.base");
    let before = machine.snapshot();
    let mut differences = exit_code(&apply(machine), outcome);
    let states = settle(machine, outcome);
    differences.extend(compare::settled(machine, outcome, &before.changed_files(&machine.snapshot())));
    differences.extend(states);
    differences.extend(again(machine, outcome));
    tally::count_case();
    let mut unwanted = differences;
    unwanted.retain(|difference| match wanted(difference, outcome) {
        Some(row) => {
            tally::count_row(row);
            false
        }
        None => true,
    });
    let text: Vec<_> = unwanted.iter().map(ToString::to_string).collect();
    assert!(text.is_empty(), "not as the reference left it:\n{}", text.join("\n"));
}

fn apply(machine: &Machine) -> Output {
    let flag = format!("--from-file={CONFIG}");
    let program = ADDRESSES.iter().fold(machine.program(&[&flag]), |program, (name, value)| program.env(name, value));
    program.run()
}

fn exit_code(output: &Output, outcome: &Outcome) -> Vec<Difference> {
    let mut found = Differences::default();
    let wanted = if outcome.ok { "0" } else { "1" };
    if output.timed_out {
        found.same("exit code", wanted, "out of time");
    } else if output.code.to_string() != wanted {
        // A row allows the exit code only for certain errors. The last line counts the steps and is none of them.
        let lines = output.stderr.lines().filter_map(|line| line.split_once(" ERROR ")?.1.split_once(": "));
        let errors = lines.map(|(_, error)| error).filter(|error| !error.contains(" done, "));
        let why: Vec<_> = std::iter::once(output.code.to_string()).chain(errors.map(str::to_owned)).collect();
        found.same("exit code", wanted, &why.join("\n"));
    }
    found.0
}

/// The row that wants this difference.
fn wanted(difference: &Difference, outcome: &Outcome) -> Option<usize> {
    let matches = |pattern: &str, text: &str| {
        Regex::new(&format!("(?s)^(?:{pattern})$")).expect("a row's pattern is one").is_match(text)
    };
    ROWS.iter().position(|row| {
        matches(row.configs, &outcome.name)
            && matches(row.subject, &difference.subject)
            && matches(row.ours, &difference.ours)
    })
}

/// The states of the units, once they are as they should be or have had the time to get there.
fn settle(machine: &Machine, outcome: &Outcome) -> Vec<Difference> {
    let started = Instant::now();
    loop {
        let states = compare::units(machine, outcome);
        if states.iter().all(|d| wanted(d, outcome).is_some()) || started.elapsed() > SETTLE {
            return states;
        }
        thread::sleep(Duration::from_millis(200));
    }
}

/// Runs a second time: writes nothing, reloads nothing, and runs the units' commands.
fn again(machine: &Machine, outcome: &Outcome) -> Vec<Difference> {
    // At a boot, no unit has failed so often a moment ago that systemd refuses to start it again.
    machine.sh("systemctl reset-failed");
    let commands = commands(&outcome.config);
    let running = || running(machine, &commands.keys().map(String::as_str).collect::<Vec<_>>());
    let networkd = || machine.invocation("systemd-networkd.service");
    let (before, units, network, reload) = (machine.snapshot(), running(), networkd(), machine.last_reload());
    let output = apply(machine);
    let (after, units_after) = (machine.snapshot(), running());
    let mut found = Differences(exit_code(&output, outcome));
    for line in before.differences(&after) {
        let path = line.lines().next().and_then(|first| first.split_once(": ")).map_or("", |(_, path)| path);
        if QUIET.iter().any(|directory| path.starts_with(directory)) {
            found.same(&format!("second run {path}"), "", &line);
        }
    }
    found.same("second run, networkd", &network, &networkd());
    let config = String::from_utf8_lossy(&outcome.config);
    if !RELOADS.iter().any(|words| config.contains(words)) {
        found.same("second run, last reload", &reload, &machine.last_reload());
    }
    for (name, invocation) in &units {
        let word = |restarted: bool| if restarted { "restarted" } else { "kept" };
        let asked = commands[name].iter().any(|command| command.contains("restart"));
        let seen = units_after.get(name) != Some(invocation);
        found.same(&format!("second run, unit {name}"), word(asked), word(seen));
    }
    found.0
}

/// The units that are active, each with the id of its last start.
fn running(machine: &Machine, names: &[&str]) -> BTreeMap<String, String> {
    let shown = compare::show_all(machine, names, &["ActiveState", "InvocationID"]);
    let active = names.iter().zip(shown).filter(|(_, unit)| unit["ActiveState"] == "active");
    active.map(|(name, mut unit)| ((*name).to_owned(), unit.remove("InvocationID").unwrap_or_default())).collect()
}

/// The commands of each unit that the config lists.
fn commands(config: &[u8]) -> BTreeMap<String, Vec<String>> {
    let parsed: Value = serde_yaml::from_slice(config).unwrap_or_default();
    let units = parsed.get("coreos").and_then(|section| section.get("units")).and_then(Value::as_sequence);
    let mut found = BTreeMap::<_, Vec<_>>::new();
    for unit in units.into_iter().flatten() {
        if let (Some(name), Some(command)) = (unit.get("name"), unit.get("command")) {
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            found.entry(text(name)).or_default().push(text(command));
        }
    }
    found
}
