//! When the units of a boot did what.

use super::machine::Vm;

const PROPERTIES: &str = "Id,InactiveExitTimestampMonotonic,ActiveEnterTimestampMonotonic,\
                          InactiveEnterTimestampMonotonic,ExecMainExitTimestampMonotonic";

/// When a unit did what since it last began, in microseconds since the kernel started.
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
    /// When these units did what; those that have not begun are left out.
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
