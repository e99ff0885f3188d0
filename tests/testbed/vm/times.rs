//! When the units of a boot did what.

use super::machine::Vm;

/// When a unit did what, in microseconds since the kernel started; nothing where it did not.
#[derive(Clone, Debug)]
pub struct Times {
    /// Its name.
    pub unit: String,
    /// It began to start.
    pub began: Option<u64>,
    /// It had started; a oneshot: it was done.
    pub done: Option<u64>,
}

impl Vm {
    /// When a unit did what.
    #[track_caller]
    pub fn times(&self, unit: &str) -> Times {
        let seen = self.show(unit, &["InactiveExitTimestampMonotonic", "ActiveEnterTimestampMonotonic"]);
        let time = |name: &str| seen.get(name).and_then(|value| value.parse().ok()).filter(|&time: &u64| time > 0);
        Times {
            unit: unit.to_owned(),
            began: time("InactiveExitTimestampMonotonic"),
            done: time("ActiveEnterTimestampMonotonic"),
        }
    }
}
