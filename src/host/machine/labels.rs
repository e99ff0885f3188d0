//! The SELinux labels of what the steps of a run change.

use std::path::{Path, PathBuf};

use anyhow::Result;

use super::Host;
use crate::host::selinux::created_by;
use crate::outcome::StepResult;
use cloud_config::plan::{ENVIRONMENT, KeyImport, KeySet, Step};

/// The files of accounts, which `useradd` and this program replace.
const ACCOUNT_FILES: [&str; 6] =
    ["/etc/passwd", "/etc/shadow", "/etc/group", "/etc/gshadow", "/etc/subuid", "/etc/subgid"];

/// Returns true if a step with this result changed something: one that failed may have done a part.
pub(super) const fn may_have_changed(result: &Result<StepResult>) -> bool {
    matches!(result, Ok(StepResult::Done) | Err(_))
}

impl Host<'_> {
    /// Returns what a step changes, as far as it is known before the step: files, and trees that it creates. Paths that do
    /// not exist later are ignored.
    pub(super) fn paths_to_label(&self, step: &Step) -> (Vec<PathBuf>, Vec<PathBuf>) {
        if !self.relabel.is_enabled() {
            return Default::default();
        }
        match step {
            Step::MaskUnit(place) | Step::UnmaskUnit(place) => (Vec::new(), vec![created_by(&place.path).to_owned()]),
            Step::MergeEnvironment(_) => (vec![PathBuf::from(ENVIRONMENT)], Vec::new()),
            Step::AuthorizeKeys(KeySet { user, set, .. }) | Step::ImportKeys(KeyImport { user, set, .. }) => {
                let home = self.accounts().user(user).ok().flatten().map(|user| user.home.join(".ssh"));
                let sets = Path::new("authorized_keys.d");
                let names = [Path::new(""), Path::new("authorized_keys"), sets, &sets.join(set)].map(Path::to_owned);
                (home.iter().flat_map(|home| names.iter().map(|name| home.join(name))).collect(), Vec::new())
            }
            Step::EnsureUser(account) => {
                let home = self.accounts().absent_home(account).map(|home| created_by(&home).to_owned());
                (ACCOUNT_FILES.map(PathBuf::from).into(), home.into_iter().collect())
            }
            // Those of files, scripts and the host name are added where these are written.
            Step::WriteFile(_)
            | Step::RunScript(_)
            | Step::SetHostname(_)
            | Step::RemoveEnvironment(_)
            | Step::EnableUnit(_)
            | Step::ReloadDaemon(_)
            | Step::TakeDown(_)
            | Step::LoadModule(_)
            | Step::RestartNetworkd
            | Step::UnitCommand(_) => Default::default(),
        }
    }

    /// Restores the labels of everything that changed so far.
    pub fn restore_labels(&mut self) {
        self.relabel.restore(self.setup.deadline.remaining());
    }
}
