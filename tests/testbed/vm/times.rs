//! The start times of units during a boot.

use super::machine::Vm;

const PROPERTIES: &str = "Id,InactiveExitTimestampMonotonic,ActiveEnterTimestampMonotonic,\
                          InactiveEnterTimestampMonotonic,ExecMainExitTimestampMonotonic";

/// The times of a unit's last start, in microseconds since the start of the kernel.
#[derive(Clone, Debug)]
pub struct Times {
    /// The name of the unit.
    pub unit: String,
    /// The time at which the start began.
    pub began: u64,
    /// The time at which the unit had started or failed and its program, if it ended, had ended; for a oneshot unit,
    /// the time at which it was done. `None` while the unit is starting.
    pub done: Option<u64>,
}

impl Vm {
    /// Returns the times of these units. Units that have not started are omitted.
    #[track_caller]
    pub fn times(&self, units: &[&str]) -> Vec<Times> {
        let shown = self.sh(&format!("systemctl show -p {PROPERTIES} '{}'", units.join("' '")));
        shown.split("\n\n").filter_map(times).collect()
    }
}

fn times(shown: &str) -> Option<Times> {
    let value = |name: &str| shown.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
    let time = |name: &str| value(name)?.parse::<u64>().ok().filter(|&time| time > 0);
    let began = time("InactiveExitTimestampMonotonic")?;
    let ends = ["ActiveEnterTimestampMonotonic", "InactiveEnterTimestampMonotonic"].map(time);
    let started = ends.into_iter().flatten().filter(|&end| end >= began).min();
    // A unit that is not a oneshot counts as started before its program has done anything.
    let done = started.max(time("ExecMainExitTimestampMonotonic").filter(|&end| end >= began));
    Some(Times { unit: value("Id")?.to_owned(), began, done })
}
