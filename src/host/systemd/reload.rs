//! Decides whether a daemon-reload is needed (docs/cloud-config.md#coreosunits).
//!
//! A unit that is not loaded needs no daemon-reload: systemd reads its files when it is started. systemd does not read
//! the files and drop-ins of a loaded unit again by itself, and does not notice new links from it to other units.
//!
//! This run knows which units it changed, so it only asks which of these are loaded. `NeedDaemonReload` adds the
//! changes of an interrupted run. The property alone is not sufficient: it misses the first drop-in of a unit, and a
//! mask that replaces a newer file.

use std::time::Duration;

use anyhow::{Context as _, Result};

use super::Systemd;
use super::proxy::ManagerProxy;
use crate::host::bus::{CALL_LIMIT, CallError};
use crate::outcome::StepResult;

/// The time limit of a daemon-reload: systemd runs the generators and reads every unit.
const RELOAD_LIMIT: Duration = Duration::from_secs(90);

const UNIT: &str = "org.freedesktop.systemd1.Unit";

/// The suffixes of units that systemd loads.
const SUFFIXES: [&str; 11] =
    ["service", "socket", "target", "device", "mount", "automount", "swap", "timer", "path", "slice", "scope"];

/// The loaded units that a changed file can affect.
#[derive(Debug, PartialEq, Eq)]
enum ReloadScope {
    /// The unit with that name.
    Unit,
    /// The units whose names match this glob.
    Units(String),
    /// Any unit.
    Any,
    /// No systemd unit: the file belongs to another program, such as networkd.
    None,
}

impl Systemd<'_> {
    /// Runs a daemon-reload if a loaded unit changed.
    ///
    /// `named` are all units in this part. `changed` are those whose file, drop-in or mask changed in this run,
    /// including templates, prefixes such as `foo-.service` and types such as `service`. `links_changed` is true if
    /// enabling changed a link.
    ///
    /// # Errors
    ///
    /// The bus or systemd does not reply; the daemon-reload fails, or takes longer than 90 s.
    pub fn reload_if_needed(&self, named: &[String], changed: &[String], links_changed: bool) -> Result<StepResult> {
        let Some(why) = self.why_reload(named, changed, links_changed)? else {
            return Ok(StepResult::Unchanged);
        };
        log::debug!("daemon-reload: {why}");
        self.bus
            .call(RELOAD_LIMIT, async |connection| ManagerProxy::new(&connection).await?.reload().await)
            .context("failed to reload systemd")?;
        Ok(StepResult::Done)
    }

    fn why_reload(&self, named: &[String], changed: &[String], links_changed: bool) -> Result<Option<String>> {
        if links_changed {
            return Ok(Some("enabling a unit changed links".to_owned()));
        }
        for name in changed {
            let affected = match scope_of(name) {
                ReloadScope::Unit => self.is_loaded(name)?,
                ReloadScope::Units(glob) => self.any_loaded(&glob)?,
                ReloadScope::Any => true,
                ReloadScope::None => false,
            };
            if affected {
                return Ok(Some(format!("{name} changed and is loaded")));
            }
        }
        for name in named {
            if self.is_outdated(name)? {
                return Ok(Some(format!("{name} was loaded before it changed")));
            }
        }
        Ok(None)
    }

    /// Returns true if `unit` is loaded and differs from its files.
    fn is_outdated(&self, unit: &str) -> Result<bool> {
        if scope_of(unit) != ReloadScope::Unit {
            return Ok(false);
        }
        let Some(path) = self.loaded(unit)? else {
            return Ok(false);
        };
        let answer = self.property::<bool>(CALL_LIMIT, &path, UNIT, "NeedDaemonReload").and_then(|outdated| {
            // For a masked unit with drop-ins, `NeedDaemonReload` is always true, even after a daemon-reload.
            let state: String = self.property(CALL_LIMIT, &path, UNIT, "LoadState")?;
            Ok(outdated && state != "masked")
        });
        match answer {
            Ok(outdated) => Ok(outdated),
            // systemd unloaded the unit after the lookup, so no old version of it is loaded.
            Err(CallError::Refused { .. }) => Ok(false),
            Err(error) => Err(error).with_context(|| format!("failed to ask systemd whether {unit} is outdated")),
        }
    }

    fn any_loaded(&self, glob: &str) -> Result<bool> {
        let units = self
            .bus
            .call(CALL_LIMIT, async |connection| {
                ManagerProxy::new(&connection).await?.list_units_by_patterns(&[], &[glob]).await
            })
            .with_context(|| format!("failed to ask systemd for the units {glob}"))?;
        Ok(!units.is_empty())
    }
}

/// Returns the units that a file, a drop-in or a mask of `name` can affect.
fn scope_of(name: &str) -> ReloadScope {
    let Some((stem, suffix)) = name.rsplit_once('.') else {
        return ReloadScope::Any; // drop-ins of a type, such as `service`
    };
    if matches!(suffix, "network" | "netdev" | "link") {
        return ReloadScope::None;
    }
    if !SUFFIXES.contains(&suffix) || stem.contains(['*', '?', '[', '\\']) && stem.ends_with(['@', '-']) {
        // The prefix of such a template would have to be escaped in a glob.
        return ReloadScope::Any;
    }
    if stem.ends_with('@') || stem.ends_with('-') {
        return ReloadScope::Units(format!("{stem}*.{suffix}"));
    }
    ReloadScope::Unit
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_determines_the_units_that_a_change_affects() {
        let units = |glob: &str| ReloadScope::Units(glob.to_owned());
        let cases = [
            ("docker.service", ReloadScope::Unit),
            ("getty@tty1.service", ReloadScope::Unit),
            ("dev-disk-by\\x2dlabel-A.device", ReloadScope::Unit),
            ("getty@.service", units("getty@*.service")),
            ("foo-.service", units("foo-*.service")),
            ("foo\\x2d-.service", ReloadScope::Any),
            ("service", ReloadScope::Any),
            ("odd.thing", ReloadScope::Any),
            ("10-eth.network", ReloadScope::None),
        ];
        for (name, expected) in cases {
            assert_eq!(scope_of(name), expected, "{name}");
        }
    }
}
