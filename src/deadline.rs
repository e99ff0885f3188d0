//! How long the run may still take (spec §1).

use std::time::{Duration, Instant};

/// The end of the run: every wait gets the smaller of its own limit and what is left of it.
#[derive(Clone, Copy, Debug)]
pub struct Deadline(Instant);

impl Deadline {
    /// A deadline `limit` from now.
    pub fn after(limit: Duration) -> Self {
        let now = Instant::now();
        // A limit that no clock can hold is a day: long past every unit's own time limit.
        Self(now.checked_add(limit).unwrap_or(now + Duration::from_secs(86_400)))
    }

    /// What is left; zero once it has passed.
    pub fn left(self) -> Duration {
        self.0.saturating_duration_since(Instant::now())
    }

    /// The smaller of `limit` and what is left.
    pub fn clip(self, limit: Duration) -> Duration {
        limit.min(self.left())
    }

    /// Whether it has passed.
    pub fn passed(self) -> bool {
        self.left().is_zero()
    }
}
