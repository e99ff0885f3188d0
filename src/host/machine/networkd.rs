//! Steps after a change to networkd's files, in this run or in an interrupted one.

use std::path::Path;

use anyhow::Result;

use super::Host;
use crate::apply::{ApplyState, is_networkd_file};
use crate::host::root::Root;
use crate::outcome::StepResult;
use cloud_config::config::Verb;

impl Host<'_> {
    /// Runs `change`. If `would` returns true, the marker of a pending restart is set first, and canceled if `did`
    /// returns false for the result of `change`.
    pub(super) fn with_restart_marker<T>(
        &mut self,
        would: impl FnOnce(&Root) -> bool,
        change: impl FnOnce(&Root) -> T,
        did: impl FnOnce(&T) -> bool,
    ) -> T {
        let is_first = self.live() && !self.restart_pending.is_set() && would(&self.root);
        if is_first && let Err(error) = self.restart_pending.set() {
            log::warn!("{error:#}");
        }
        let result = change(&self.root);
        if is_first && !did(&result) {
            self.restart_pending.cancel();
        }
        result
    }

    /// Adds or removes a mask at `path` with `change`. `would` returns true if that changes anything.
    pub(super) fn change_mask(
        &mut self,
        path: &Path,
        would: fn(&Root, &Path) -> Result<bool>,
        change: fn(&Root, &Path) -> Result<StepResult>,
    ) -> Result<StepResult> {
        let would = |root: &Root| is_networkd_file(path) && would(root, path).unwrap_or_default();
        self.with_restart_marker(would, |root| change(root, path), |result| matches!(result, Ok(StepResult::Done)))
    }

    /// Runs `act` if a file of networkd changed or a restart is pending, and returns its result.
    pub(super) fn if_network_changed(&self, state: &ApplyState, act: impl FnOnce() -> StepResult) -> StepResult {
        if state.networkd_changed || self.restart_pending.is_left() { act() } else { StepResult::Unchanged }
    }

    pub(super) fn restart_networkd(&mut self, state: &ApplyState) -> Result<StepResult> {
        if !state.networkd_changed {
            if !self.restart_pending.is_left() {
                return Ok(StepResult::Unchanged);
            }
            log::info!("an earlier run changed files of networkd; restart pending");
        }
        let markers = self.restart_pending.markers();
        let done = self.job("systemd-networkd.service", Verb::Restart)?;
        self.restart_pending.clear(markers);
        Ok(done)
    }
}
