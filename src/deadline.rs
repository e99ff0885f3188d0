//! The time limit of a run (docs/applying.md).

use std::thread;
use std::time::{Duration, Instant};

/// The longest time limit; a longer one is reduced to it.
const LONGEST: Duration = Duration::from_secs(366 * 86_400);

/// The interval at which a sleep checks whether the run was asked to stop.
const SLICE: Duration = Duration::from_millis(100);

/// The end of the run: every wait gets the smaller of its own limit and the remaining time.
#[derive(Clone, Copy, Debug)]
pub struct Deadline(Instant);

impl Deadline {
    /// Returns the deadline `limit` from now. The limit is capped at `LONGEST`, so that the sum fits into an
    /// [`Instant`].
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
    /// Returns the same limits with half of the remaining time.
    #[must_use]
    pub fn half(self) -> Self {
        Self { deadline: Deadline::after(self.deadline.remaining() / 2), ..self }
    }

    /// Returns the reason to stop waiting: an expired deadline, or a request to stop.
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
