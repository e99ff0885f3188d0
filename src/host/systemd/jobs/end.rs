//! The results of jobs, with details from their units.

use std::fmt;
use std::time::Duration;

use crate::host::bus::CALL_LIMIT;
use crate::host::systemd::Systemd;
use cloud_config::config::Verb;

const UNIT: &str = "org.freedesktop.systemd1.Unit";
const SERVICE: &str = "org.freedesktop.systemd1.Service";

/// The end of a job, or of the wait for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JobEnd {
    /// The job succeeded.
    Done,
    /// The job had nothing to do.
    Skipped,
    /// The job failed.
    Failed {
        /// The result from systemd: `failed`, `timeout`, `canceled`, `dependency`, …
        result: String,
        /// The details from the unit, if there are any: `result exit-code, status 203`.
        detail: Option<String>,
    },
    /// The job is still queued or running, and may end later.
    LeftQueued {
        /// The reason why the wait ended.
        reason: String,
    },
}

impl fmt::Display for JobEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Done => f.write_str("done"),
            Self::Skipped => f.write_str("nothing to do"),
            Self::LeftQueued { reason } => write!(f, "left queued: {reason}"),
            Self::Failed { result, detail } => {
                f.write_str(meaning(result))?;
                detail.as_ref().map_or(Ok(()), |detail| write!(f, " ({detail})"))
            }
        }
    }
}

/// Describes the result of a failed job.
fn meaning(result: &str) -> &str {
    match result {
        "timeout" => "timed out",
        "canceled" => "was canceled by another job",
        "dependency" => "a unit that it requires failed",
        "assert" => "an assertion of the unit failed",
        "unsupported" => "units of this type are not supported here",
        "collected" => "the unit was unloaded before the job started",
        "once" => "the unit can be started only once",
        other => other,
    }
}

impl JobEnd {
    /// Returns true if the unit was started and failed: its log may have the cause.
    pub fn is_of_the_unit(&self) -> bool {
        matches!(self, Self::Failed { result, .. } if matches!(result.as_str(), "failed" | "timeout"))
    }

    /// Creates the end of a wait for a job that is left to systemd, with the reason.
    pub(super) fn still_queued(reason: &str) -> Self {
        Self::LeftQueued { reason: reason.to_owned() }
    }
}

impl Systemd<'_> {
    /// Converts the result from systemd to the end of a job of `unit`.
    pub(super) fn ended(&self, unit: &str, result: String) -> JobEnd {
        match result.as_str() {
            "done" => JobEnd::Done,
            "skipped" => JobEnd::Skipped,
            "failed" | "timeout" => JobEnd::Failed { detail: self.detail(unit), result },
            _ => JobEnd::Failed { detail: None, result },
        }
    }

    /// Returns the result that the unit itself reports for its failure.
    fn detail(&self, unit: &str) -> Option<String> {
        let path = self.loaded(unit).ok()??;
        let result: String = self.property(CALL_LIMIT, &path, &interface_of(unit)?, "Result").ok()?;
        if result == "success" {
            // A failed reload changes only `ReloadResult`, because the unit keeps running.
            let result: String = self.property(CALL_LIMIT, &path, SERVICE, "ReloadResult").ok()?;
            return (result != "success").then(|| format!("result {result}"));
        }
        let status: Option<i32> = match result.as_str() {
            "exit-code" | "signal" | "core-dump" => self.property(CALL_LIMIT, &path, SERVICE, "ExecMainStatus").ok(),
            _ => None,
        };
        Some(match status {
            // Another process than the main one failed, such as that of `ExecStartPre=`.
            Some(0) | None => format!("result {result}"),
            Some(status) => format!("result {result}, status {status}"),
        })
    }

    /// Derives the end of a job from the state of its unit, because systemd did not report it. `queued` is the uptime
    /// at which the job was queued.
    pub(super) fn end_by_unit_state(&self, unit: &str, verb: Verb, queued: Duration) -> JobEnd {
        let unclear = || JobEnd::still_queued("it ended with an unknown result");
        let Ok(loaded) = self.loaded(unit) else { return unclear() };
        let Some(path) = loaded else {
            return if verb == Verb::Stop { JobEnd::Done } else { unclear() };
        };
        let property = |name: &str| self.property::<String>(CALL_LIMIT, &path, UNIT, name);
        let Ok(state) = property("ActiveState") else { return unclear() };
        match (state.as_str(), verb) {
            ("inactive" | "failed", Verb::Stop) | ("inactive", Verb::TryRestart | Verb::ReloadOrTryRestart) => {
                JobEnd::Done
            }
            ("failed", _) => self.ended(unit, "failed".to_owned()),
            ("active", Verb::Stop) => unclear(),
            // The unit failed: systemd waits before it restarts the unit, or has begun to restart it.
            ("activating", _) if property("SubState").is_ok_and(|state| state == "auto-restart") => {
                self.ended(unit, "failed".to_owned())
            }
            ("active" | "activating" | "reloading", _) => JobEnd::Done,
            // systemd checks the conditions of a unit after its dependencies are started. If it did so, the unit has
            // run and ended successfully, or its conditions are not met.
            ("inactive", _) if self.was_tried(&path, queued) => JobEnd::Done,
            _ => unclear(),
        }
    }

    /// Returns true if systemd checked the conditions of the unit after the uptime `queued`.
    fn was_tried(&self, path: &zbus::OwnedObjectPath, queued: Duration) -> bool {
        let checked = self.property::<u64>(CALL_LIMIT, path, UNIT, "ConditionTimestampMonotonic");
        checked.is_ok_and(|checked| u128::from(checked) >= queued.as_micros())
    }
}

/// Returns the monotonic clock, which systemd uses for the timestamps of units.
pub(super) fn uptime() -> Duration {
    let clock = nix::time::clock_gettime(nix::time::ClockId::CLOCK_MONOTONIC);
    clock.map(Duration::from).unwrap_or_default()
}

/// The D-Bus interface of the type of `unit`: `…Service` for a service.
fn interface_of(unit: &str) -> Option<String> {
    let (_, suffix) = unit.rsplit_once('.')?;
    let mut letters = suffix.chars();
    let first = letters.next()?.to_ascii_uppercase();
    Some(format!("org.freedesktop.systemd1.{first}{}", letters.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interface_is_named_by_the_suffix() {
        assert_eq!(interface_of("a.b.service").as_deref(), Some(SERVICE));
        assert_eq!(interface_of("nothing"), None);
    }

    #[test]
    fn an_end_is_a_sentence() {
        let failed = |result: &str, detail: Option<&str>| {
            JobEnd::Failed { result: result.into(), detail: detail.map(Into::into) }.to_string()
        };
        assert_eq!(failed("failed", Some("result exit-code, status 203")), "failed (result exit-code, status 203)");
        assert_eq!(failed("canceled", None), "was canceled by another job");
        assert_eq!(JobEnd::still_queued("it takes long").to_string(), "left queued: it takes long");
    }
}
