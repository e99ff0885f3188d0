//! Units and jobs, through systemd's D-Bus API (docs/cloud-config.md#coreosunits, docs/applying.md#scripts).
//!
//! Every call is bounded by its own limit and by the run's deadline, and names the unit when it fails.

mod errors;
mod install;
mod jobs;
mod offline;
mod proxy;
mod reload;
mod transient;

use std::time::Duration;

use anyhow::{Context as _, Result};
use zbus::OwnedObjectPath;

use crate::host::bus::{Bus, CALL_LIMIT, CallError};
use crate::outcome::StepResult;
pub use jobs::{JobEnd, JobWait};
pub use offline::enable_offline;
use proxy::ManagerProxy;

/// systemd, as the service manager of this machine.
#[derive(Debug)]
pub struct Systemd<'b> {
    bus: &'b Bus,
}

/// What enabling a unit did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enabled {
    /// Whether a link was made or removed. Where one was, units that are loaded learn of it only by
    /// a reload.
    pub change: StepResult,
    /// The unit file says how it is enabled. Without (no `[Install]` section) nothing was done, and
    /// nothing will start it at boot.
    pub installable: bool,
}

impl<'b> Systemd<'b> {
    /// systemd behind `bus`. Nothing is called yet.
    pub fn new(bus: &'b Bus) -> Self {
        Self { bus }
    }

    /// Enables `unit` as its `[Install]` section says, until the next reboot with `runtime`;
    /// other links that are in the way are replaced. Looks at what is on disk, needs no reload.
    ///
    /// # Errors
    ///
    /// The unit does not exist, is masked or is bad; the bus or systemd does not answer.
    pub fn enable(&self, unit: &str, runtime: bool) -> Result<Enabled> {
        let enable = || {
            self.bus
                .call(CALL_LIMIT, async |connection| {
                    ManagerProxy::new(&connection).await?.enable_unit_files(&[unit], runtime, true).await
                })
                .map_err(|error| errors::explain(error, unit))
                .with_context(|| format!("failed to enable {unit}"))
        };
        let (installable, links) = enable()?;
        // It tells of a link that it cannot make only where it made no other: asked again, it has nothing else to do.
        if !install::is_complete(&links) {
            enable()?;
        }
        // Remarks are in the list too, such as `destination-not-present`: a target that is not there.
        let changed = links.iter().any(|(what, ..)| matches!(what.as_str(), "symlink" | "unlink"));
        let change = if changed { StepResult::Done } else { StepResult::Unchanged };
        Ok(Enabled { change, installable })
    }

    /// Whether systemd has `unit` in its memory; one that is, it does not read again by itself.
    ///
    /// # Errors
    ///
    /// The bus or systemd does not answer.
    pub fn is_loaded(&self, unit: &str) -> Result<bool> {
        Ok(self.loaded(unit)?.is_some())
    }

    /// The object of `unit`, if it is loaded.
    fn loaded(&self, unit: &str) -> Result<Option<OwnedObjectPath>> {
        let answer =
            self.bus.call(CALL_LIMIT, async |connection| ManagerProxy::new(&connection).await?.get_unit(unit).await);
        match answer {
            Ok(path) => Ok(Some(path)),
            // Whatever it says of the name: there is no such unit.
            Err(CallError::Refused { .. }) => Ok(None),
            Err(error) => Err(error).with_context(|| format!("failed to ask systemd whether {unit} is loaded")),
        }
    }

    /// A property of an object of systemd's, asked for within `limit`.
    fn property<T>(&self, limit: Duration, path: &OwnedObjectPath, interface: &str, name: &str) -> Result<T, CallError>
    where
        T: TryFrom<zbus::OwnedVariant>,
        T::Error: Into<zbus::Error>,
    {
        self.bus.call(limit, async |connection| {
            let interface = zbus::names::InterfaceName::try_from(interface)?;
            let value = zbus::fdo::PropertiesProxy::builder(&connection)
                .destination("org.freedesktop.systemd1")
                .path(path)
                .build()
                .await?
                .get(interface, name)
                .await?;
            T::try_from(value).map_err(Into::into)
        })
    }
}
