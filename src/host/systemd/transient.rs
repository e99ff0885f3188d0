//! Scripts as transient units (spec §9).

use anyhow::{Context as _, Result, bail};
use zbus::{OwnedObjectPath, Variant};

use super::proxy::{Exec, ManagerProxy};
use super::{Systemd, errors};
use crate::host::Change;
use crate::host::bus::{CALL_LIMIT, CallError};

const UNIT: &str = "org.freedesktop.systemd1.Unit";

impl Systemd<'_> {
    /// Starts `argv` as the transient service `unit`, and does not wait for it. It is forgotten when
    /// it ends, however it ends. `Unchanged`: one of that name still runs, and is left alone.
    ///
    /// # Errors
    ///
    /// A unit of that name exists that is none of ours; `argv` is empty or its program is not
    /// an absolute path; the bus or systemd does not answer.
    pub fn start_script(&self, unit: &str, description: &str, argv: &[String]) -> Result<Change> {
        self.try_start(unit, description, argv).with_context(|| format!("failed to start {unit}"))
    }

    fn try_start(&self, unit: &str, description: &str, argv: &[String]) -> Result<Change> {
        let error = match self.start_transient(unit, description, argv) {
            Ok(_) => return Ok(Change::Made),
            Err(error) if error.is_systemd("UnitExists") => error,
            Err(error) => return Err(errors::explain(error, unit)),
        };
        if self.is_busy(unit)? {
            return Ok(Change::Unchanged);
        }
        // It has ended, and systemd has not forgotten it yet.
        log::debug!("{unit} has ended and is still known: {error}");
        let _ = self
            .bus
            .call(CALL_LIMIT, async |connection| ManagerProxy::new(&connection).await?.reset_failed_unit(unit).await);
        match self.start_transient(unit, description, argv) {
            Ok(_) => Ok(Change::Made),
            Err(error) if error.is_systemd("UnitExists") => {
                bail!("a unit of that name exists already, and does not run")
            }
            Err(error) => Err(errors::explain(error, unit)),
        }
    }

    fn start_transient(&self, unit: &str, description: &str, argv: &[String]) -> Result<OwnedObjectPath, CallError> {
        let program = argv.first().map_or("", String::as_str);
        let start: Vec<Exec<'_>> = vec![(program, argv, false)];
        let properties = [
            ("Description", Variant::from(description)),
            ("ExecStart", Variant::from(start)),
            ("CollectMode", Variant::from("inactive-or-failed")),
        ];
        self.bus.call(CALL_LIMIT, async |connection| {
            ManagerProxy::new(&connection).await?.start_transient_unit(unit, "replace", &properties, &[]).await
        })
    }

    /// Whether `unit` runs, or is about to, or has not ended yet.
    fn is_busy(&self, unit: &str) -> Result<bool> {
        let Some(path) = self.loaded(unit)? else {
            return Ok(false);
        };
        match self.property::<String>(CALL_LIMIT, &path, UNIT, "ActiveState") {
            Ok(state) => Ok(!matches!(state.as_str(), "inactive" | "failed")),
            Err(CallError::Refused { .. }) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}
