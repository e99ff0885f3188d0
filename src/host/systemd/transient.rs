//! Scripts as transient units (docs/applying.md#scripts).

use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use zbus::{OwnedObjectPath, Variant};

use super::proxy::{Exec, ManagerProxy};
use super::{Systemd, errors};
use crate::host::bus::{CALL_LIMIT, CallError};
use crate::outcome::StepResult;

/// The number of attempts to start a script while a unit of the same name is loaded and not running.
const TRIES: u8 = 4;

/// The pause between two attempts.
const PAUSE: Duration = Duration::from_millis(50);

const UNIT: &str = "org.freedesktop.systemd1.Unit";

impl Systemd<'_> {
    /// Starts `argv` as the transient service `unit` and does not wait for its end. systemd unloads the service at its
    /// end, even if it fails. Returns `Unchanged` if a service of that name is still running.
    ///
    /// # Errors
    ///
    /// A unit file has the name of the unit; `argv` is empty; the bus or systemd does not reply. A missing program is
    /// not an error here, but a failure of the unit.
    pub fn start_script(&self, unit: &str, description: &str, argv: &[String]) -> Result<StepResult> {
        self.try_start(unit, description, argv).with_context(|| format!("failed to start {unit}"))
    }

    fn try_start(&self, unit: &str, description: &str, argv: &[String]) -> Result<StepResult> {
        for _ in 0..TRIES {
            match self.start_transient(unit, description, argv) {
                Ok(_) => return Ok(StepResult::Done),
                Err(error) if error.is_systemd("UnitExists") => {}
                Err(error) => return Err(errors::explain(error, unit)),
            }
            if self.is_busy(unit)? {
                return Ok(StepResult::Unchanged);
            }
            // A service that has just failed stays loaded until it is reset. One that has just ended is unloaded soon.
            let _ = self.bus.call(CALL_LIMIT, async |connection| {
                ManagerProxy::new(&connection).await?.reset_failed_unit(unit).await
            });
            thread::sleep(PAUSE);
        }
        bail!("a unit of this name already exists and is not running")
    }

    fn start_transient(&self, unit: &str, description: &str, argv: &[String]) -> Result<OwnedObjectPath, CallError> {
        let program = argv.first().map_or("", String::as_str);
        let argv: Vec<_> = argv.iter().map(|word| literal(word)).collect();
        let start: Vec<Exec<'_>> = vec![(program, &argv, false)];
        let properties = [
            ("Description", Variant::from(description)),
            ("ExecStart", Variant::from(start)),
            ("CollectMode", Variant::from("inactive-or-failed")),
        ];
        self.bus.call(CALL_LIMIT, async |connection| {
            ManagerProxy::new(&connection).await?.start_transient_unit(unit, "replace", &properties, &[]).await
        })
    }

    /// Returns true if `unit` is running or stopping, or has a job.
    fn is_busy(&self, unit: &str) -> Result<bool> {
        let Some(path) = self.loaded(unit)? else {
            return Ok(false);
        };
        let answer = self.property::<String>(CALL_LIMIT, &path, UNIT, "ActiveState").and_then(|state| {
            // Early in a boot, the unit can be inactive while its start job waits.
            let (job, _) = self.property::<(u32, OwnedObjectPath)>(CALL_LIMIT, &path, UNIT, "Job")?;
            Ok(job != 0 || !matches!(state.as_str(), "inactive" | "failed"))
        });
        match answer {
            Ok(busy) => Ok(busy),
            // systemd unloaded the unit after the lookup, so it no longer runs.
            Err(CallError::Refused { .. }) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}

/// Escapes `word` for the command line of a unit, in which systemd expands variables.
fn literal(word: &str) -> String {
    word.replace('$', "$$")
}

#[cfg(test)]
mod tests {
    use super::literal;

    #[test]
    fn nothing_in_a_word_is_a_variable() {
        assert_eq!(literal("/srv/$HOME-${X}"), "/srv/$$HOME-$${X}");
        assert_eq!(literal("/bin/sh"), "/bin/sh");
    }
}
