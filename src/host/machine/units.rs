//! Steps after a change to units: a daemon-reload, in this run or the next.

use anyhow::Result;

use super::Host;
use crate::apply::ApplyState;
use crate::host::systemd::Systemd;
use crate::outcome::StepResult;
use cloud_config::config::Verb;
use cloud_config::plan::{Reload, Step};

impl Host<'_> {
    /// Returns true if the step would enable a unit that is not enabled, or start one that is not active. Returns
    /// `None` for every other step, and for a tree without systemd.
    ///
    /// # Errors
    ///
    /// The bus or systemd does not answer.
    pub fn would_change_unit(&self, step: &Step) -> Result<Option<bool>> {
        let systemd = Systemd::new(&self.bus);
        match step {
            _ if !self.live() => Ok(None),
            Step::EnableUnit(scope) => systemd.would_enable(&scope.unit),
            Step::UnitCommand(command) if command.verb == Verb::Start => {
                systemd.is_active(&command.unit).map(|active| Some(!active))
            }
            _ => Ok(None),
        }
    }

    /// Sets the marker of a pending daemon-reload, unless it is set. `NeedDaemonReload` would not be enough: systemd
    /// notices neither changed links nor the first drop-in of a unit.
    pub(super) fn set_reload_marker(&mut self) {
        if self.live()
            && !self.reload_pending.is_set()
            && let Err(error) = self.reload_pending.set()
        {
            log::warn!("{error:#}");
        }
    }

    /// Runs a daemon-reload if this run or an interrupted one changed a loaded unit.
    pub(super) fn reload(&mut self, reload: &Reload, state: &ApplyState) -> Result<StepResult> {
        let is_left = self.reload_pending.is_left();
        if is_left {
            log::info!("an earlier run may have changed units; daemon-reload pending");
        }
        let markers = self.reload_pending.markers();
        let links_changed = state.links_changed || is_left;
        let change = Systemd::new(&self.bus).reload_if_needed(&reload.units, &state.changed_units, links_changed)?;
        self.reload_pending.clear(markers);
        Ok(change)
    }
}
