//! Units and jobs, through systemd's D-Bus API (docs/cloud-config.md#coreosunits, docs/applying.md#scripts).
//!
//! The limit of a call is its own limit or the deadline of the run, whichever is earlier. Its error names the unit.

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

/// The result of enabling a unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enabled {
    /// The change: `Done` if a link was created or removed. systemd notices that for loaded units only after a
    /// daemon-reload.
    pub change: StepResult,
    /// True if the unit file has an `[Install]` section. Without one, nothing was done, and the unit is not started at
    /// boot.
    pub installable: bool,
}

impl<'b> Systemd<'b> {
    /// Creates a client of systemd on `bus`. No call is made.
    pub fn new(bus: &'b Bus) -> Self {
        Self { bus }
    }

    /// Enables `unit` according to its `[Install]` section; with `runtime`, until the next reboot. Other links with the
    /// same names are replaced. systemd reads the files on disk for this, so no daemon-reload is needed before.
    ///
    /// # Errors
    ///
    /// The unit does not exist, is masked or invalid; the bus or systemd does not reply.
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
        // systemd reports a link that it could not create only if it created no other link, as in a second call.
        if !install::is_complete(&links) {
            enable()?;
        }
        // The list also has remarks, such as `destination-not-present` for a missing target.
        let changed = links.iter().any(|(kind, ..)| matches!(kind.as_str(), "symlink" | "unlink"));
        let change = if changed { StepResult::Done } else { StepResult::Unchanged };
        Ok(Enabled { change, installable })
    }

    /// Returns true if systemd has loaded `unit`. systemd does not read the files of a loaded unit again by itself.
    ///
    /// # Errors
    ///
    /// The bus or systemd does not reply.
    pub fn is_loaded(&self, unit: &str) -> Result<bool> {
        Ok(self.loaded(unit)?.is_some())
    }

    /// Returns true if `unit` is not enabled, and `None` if systemd cannot know that: the unit has no file or no
    /// `[Install]` section, or is masked.
    ///
    /// # Errors
    ///
    /// The bus or systemd does not answer.
    pub fn would_enable(&self, unit: &str) -> Result<Option<bool>> {
        let state = self
            .bus
            .call(CALL_LIMIT, async |connection| ManagerProxy::new(&connection).await?.get_unit_file_state(unit).await);
        match state {
            Ok(state) => Ok(match state.as_str() {
                "enabled" | "enabled-runtime" => Some(false),
                "disabled" | "linked" | "linked-runtime" => Some(true),
                _ => None,
            }),
            Err(CallError::Refused { .. }) => Ok(None),
            Err(error) => Err(error).with_context(|| format!("failed to ask systemd whether {unit} is enabled")),
        }
    }

    /// Returns true if `unit` is active. One that is being stopped or has failed is not.
    ///
    /// # Errors
    ///
    /// The bus or systemd does not answer.
    pub fn is_active(&self, unit: &str) -> Result<bool> {
        let Some(path) = self.loaded(unit)? else { return Ok(false) };
        match self.property::<String>(CALL_LIMIT, &path, "org.freedesktop.systemd1.Unit", "ActiveState") {
            Ok(state) => Ok(matches!(state.as_str(), "active" | "reloading" | "activating")),
            // The unit was unloaded after the first call.
            Err(error) if error.is_unknown_object() => Ok(false),
            Err(error) => Err(error).with_context(|| format!("failed to ask systemd whether {unit} is active")),
        }
    }

    /// Returns the object of `unit` if systemd has loaded it.
    fn loaded(&self, unit: &str) -> Result<Option<OwnedObjectPath>> {
        let answer =
            self.bus.call(CALL_LIMIT, async |connection| ManagerProxy::new(&connection).await?.get_unit(unit).await);
        match answer {
            Ok(path) => Ok(Some(path)),
            // systemd has several errors for a unit that does not exist or cannot exist; none of them matters here.
            Err(CallError::Refused { .. }) => Ok(None),
            Err(error) => Err(error).with_context(|| format!("failed to ask systemd whether {unit} is loaded")),
        }
    }

    /// Reads a property of an object of systemd within `limit`.
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
