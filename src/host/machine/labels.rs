//! The SELinux labels of what the steps of a run change.

use std::path::PathBuf;

use super::Host;
use crate::host::selinux::created_by;
use cloud_config::plan::{ENVIRONMENT, Step};

/// The files of accounts, which `useradd` and this program replace.
const ACCOUNT_FILES: [&str; 6] =
    ["/etc/passwd", "/etc/shadow", "/etc/group", "/etc/gshadow", "/etc/subuid", "/etc/subgid"];

impl Host<'_> {
    /// Returns what a step creates as far as it is known before the step; empty without SELinux.
    pub(super) fn paths_to_label(&self, step: &Step) -> Vec<PathBuf> {
        if !self.relabel.is_enabled() {
            return Vec::new();
        }
        let home = |user: &str| self.accounts().user(user).ok().flatten().map(|user| user.home);
        match step {
            Step::MaskUnit(place) | Step::UnmaskUnit(place) => vec![created_by(&place.path).to_owned()],
            Step::MergeEnvironment(_) => vec![PathBuf::from(ENVIRONMENT)],
            Step::AuthorizeKeys(set) => home(&set.user).into_iter().map(|home| home.join(".ssh")).collect(),
            Step::ImportKeys(import) => home(&import.user).into_iter().map(|home| home.join(".ssh")).collect(),
            Step::EnsureUser(account) => {
                let home = self.accounts().absent_home(account).map(|home| created_by(&home).to_owned());
                ACCOUNT_FILES.iter().map(PathBuf::from).chain(home).collect()
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
            | Step::UnitCommand(_) => Vec::new(),
        }
    }

    /// Restores the labels of everything that changed so far.
    pub fn restore_labels(&mut self) {
        self.relabel.restore(self.setup.deadline.remaining());
    }
}
