//! The paths whose SELinux labels are restored after each kind of step.

use std::path::{Path, PathBuf};

use super::Host;
use crate::host::selinux::{Changes, changed_by_write};
use cloud_config::plan::{ENVIRONMENT, KeyImport, KeySet, Step};

/// The account files, which `useradd` and this program replace.
const ACCOUNT_FILES: [&str; 6] =
    ["/etc/passwd", "/etc/shadow", "/etc/group", "/etc/gshadow", "/etc/subuid", "/etc/subgid"];

impl Host<'_> {
    /// Returns the paths that a step may change, as far as they are known before the step. Paths that do not exist
    /// after the step are ignored.
    pub(super) fn paths_to_label(&self, step: &Step) -> Changes {
        if !self.relabel.is_enabled() {
            return Default::default();
        }
        match step {
            Step::MaskUnit(place) | Step::UnmaskUnit(place) => changed_by_write(&place.path),
            Step::MergeEnvironment(_) => (vec![PathBuf::from(ENVIRONMENT)], Vec::new()),
            Step::AuthorizeKeys(KeySet { user, set, .. }) | Step::ImportKeys(KeyImport { user, set, .. }) => {
                let home = self.accounts().user(user).ok().flatten().map(|user| user.home.join(".ssh"));
                let sets = Path::new("authorized_keys.d");
                let names = [Path::new(""), Path::new("authorized_keys"), sets, &sets.join(set)].map(Path::to_owned);
                (home.iter().flat_map(|home| names.iter().map(|name| home.join(name))).collect(), Vec::new())
            }
            Step::EnsureUser(account) => {
                let home = self.accounts().absent_home(account).map(|home| changed_by_write(&home).1);
                // If `useradd` fails, it may have replaced these files already.
                (Vec::new(), ACCOUNT_FILES.map(PathBuf::from).into_iter().chain(home.into_iter().flatten()).collect())
            }
            // The functions that write files, scripts and the host name add their paths themselves.
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
