//! The times of the units of a boot.

use super::machine::Vm;

const PROPERTIES: &str = "Id,InactiveExitTimestampMonotonic,ActiveEnterTimestampMonotonic,\
                          InactiveEnterTimestampMonotonic,ExecMainExitTimestampMonotonic";

/// The times of a unit's last start, in microseconds since the kernel started.
#[derive(Clone, Debug)]
pub struct Times {
    /// Its name.
    pub unit: String,
    /// It began to start.
    pub began: u64,
    /// It had started, or failed, and its program had ended if it has; a oneshot: it was done. Nothing while it is
    /// at it.
    pub done: Option<u64>,
}

impl Vm {
    /// Returns the times of these units; units that have not started are left out.
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
    // One that is no oneshot has started before its program has done anything.
    let done = started.max(time("ExecMainExitTimestampMonotonic").filter(|&end| end >= began));
    Some(Times { unit: value("Id")?.to_owned(), began, done })
}
