//! The fields of an existing account that differ from the configuration, and are not changed.

use anyhow::Result;

use super::{Accounts, UserEntry, create, database};
use cloud_config::plan::Account;

impl Accounts<'_> {
    /// Returns the names of the fields of `account` that differ from those of the existing `user`. The password and the
    /// keys are not compared: they are set.
    ///
    /// # Errors
    ///
    /// The account files cannot be read.
    pub(super) fn differences(self, account: &Account, user: &UserEntry) -> Result<Vec<String>> {
        let groups = self.database("/etc/group")?;
        let mut fields = Vec::new();
        let mut add = |differs: bool, field: &str| {
            if differs {
                fields.push(field.to_owned());
            }
        };
        if let Some(gecos) = &account.gecos {
            let passwd = self.database("/etc/passwd")?;
            // The comment of an account in another database is in that database, so it is not compared.
            add(database::gecos(&passwd, &user.name).is_some_and(|there| there != gecos), "gecos");
        }
        add(account.home.as_ref().is_some_and(|home| user.home.as_os_str() != home.as_str()), "homedir");
        add(account.shell.as_ref().is_some_and(|shell| user.shell.as_os_str() != shell.as_str()), "shell");
        // A group that does not exist is reported as an error, not as a difference.
        let exists = |group: &&String| self.has_group(group).unwrap_or(true);
        if let Some(group) = account.primary_group.as_ref().filter(exists) {
            let gid = create::gid_of(&groups, group).or(self.group(group)?);
            add(gid != Some(user.gid), "primary_group");
        }
        let is_missing = |group: &&String| {
            let is_primary = create::gid_of(&groups, group) == Some(user.gid);
            !is_primary && !database::is_member(&groups, group, &user.name)
        };
        let missing: Vec<_> = account.groups.iter().filter(is_missing).filter(exists).map(String::as_str).collect();
        add(!missing.is_empty(), &format!("groups ({})", missing.join(", ")));
        Ok(fields)
    }

    /// Reports the fields of an existing account that differ.
    pub(super) fn report_differences(self, account: &Account, user: &UserEntry) {
        match self.differences(account, user) {
            Ok(fields) if fields.is_empty() => {}
            Ok(fields) => log::warn!(
                "user {}: the account already exists with other values; not changed: {}",
                user.name,
                fields.join(", ")
            ),
            Err(error) => log::debug!("failed to compare user {}: {error:#}", user.name),
        }
    }
}
