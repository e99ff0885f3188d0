//! The time that the run may still take (docs/applying.md).

use std::thread;
use std::time::{Duration, Instant};

/// The longest limit.
const LONGEST: Duration = Duration::from_secs(366 * 86_400);

/// The interval at which a sleep looks for a request to stop.
const SLICE: Duration = Duration::from_millis(100);

/// The end of the run: every wait gets the smaller of its own limit and the remaining time.
#[derive(Clone, Copy, Debug)]
pub struct Deadline(Instant);

impl Deadline {
    /// A deadline `limit` from now; of a year at most, so that no clock ends before it does.
    pub fn after(limit: Duration) -> Self {
        Self(Instant::now() + limit.min(LONGEST))
    }

    /// Returns the remaining time; zero once the deadline has passed.
    pub fn remaining(self) -> Duration {
        self.0.saturating_duration_since(Instant::now())
    }

    /// Returns the smaller of `limit` and the remaining time.
    pub fn clip(self, limit: Duration) -> Duration {
        limit.min(self.remaining())
    }

    /// Returns three quarters of the remaining time, for a wait that is followed by other steps.
    pub fn longest_wait(self) -> Duration {
        self.remaining() / 4 * 3
    }

    /// Returns true if the deadline has passed.
    pub fn passed(self) -> bool {
        self.remaining().is_zero()
    }
}

/// The end of a wait: a deadline, or a signal that stops the run.
#[derive(Clone, Copy)]
pub struct Limits<'a> {
    /// The latest end of the wait.
    pub deadline: Deadline,
    /// Returns true once the run was asked to stop.
    pub stop: &'a dyn Fn() -> bool,
}

impl Limits<'_> {
    /// The same with half of the remaining time.
    #[must_use]
    pub fn half(self) -> Self {
        Self { deadline: Deadline::after(self.deadline.remaining() / 2), ..self }
    }

    /// The reason to stop waiting, if there is one.
    pub fn expired_reason(&self) -> Option<&'static str> {
        if self.deadline.passed() {
            Some("timed out")
        } else if (self.stop)() {
            Some("stopped")
        } else {
            None
        }
    }

    /// Sleeps for `time`, but not past the end of the wait.
    pub fn sleep(&self, time: Duration) {
        let end = Deadline::after(time);
        while !end.passed() && self.expired_reason().is_none() {
            thread::sleep(self.deadline.clip(end.clip(SLICE)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_never_too_long_for_the_clock() {
        // The clock ends at the largest number of seconds that it can hold; this is some time before that.
        for seconds in [u64::MAX, i64::MAX as u64, i64::MAX as u64 - 1_000_000] {
            let deadline = Deadline::after(Duration::from_secs(seconds));
            assert!(Instant::now().checked_add(deadline.remaining() + LONGEST).is_some());
        }
    }
}
