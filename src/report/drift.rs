//! The result of `--dry-run --exit-code`: the difference of a machine from its configuration (docs/drift.md).

/// The number of steps that a run would do, for a run that is not known to fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drift {
    /// Steps that would change something.
    pub changes: usize,
    /// Steps that cannot be compared, for example without root privileges.
    pub unclear: usize,
}

impl Drift {
    /// The numbers in words: `2 steps change something, 1 cannot be compared`.
    pub fn description(self) -> String {
        let changes = match self.changes {
            0 => "no step changes anything".to_owned(),
            1 => "1 step changes something".to_owned(),
            count => format!("{count} steps change something"),
        };
        match self.unclear {
            0 => changes,
            count => format!("{changes}, {count} cannot be compared"),
        }
    }
}
