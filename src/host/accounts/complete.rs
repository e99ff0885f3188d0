//! Completes an account whose creation was interrupted, when a later run lists it.
//!
//! `useradd` writes one file after the other. If it is killed in between, or if the disk is full, it leaves an account
//! without a line in `/etc/shadow`, without its group, or without a home. A part is added only if it is provably
//! missing. Everything that exists stays as it is: the account may have been used, changed, or created by an
//! administrator.

use std::collections::BTreeSet;

use anyhow::{Result, bail};

use super::account_files::{AccountFile, AccountFiles};
use super::login_defs::LoginDefs;
use super::{Accounts, UserEntry, create, database};
use crate::deadline::Deadline;
use crate::host::crash_markers;
use crate::outcome::StepResult;
use cloud_config::plan::Account;

/// The missing parts of an account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Missing {
    /// The line in `/etc/shadow`.
    shadow: bool,
    /// The group whose ID is the primary group of the account.
    group: bool,
    /// The files of the home directory.
    home: bool,
}

impl Missing {
    pub(super) fn is_nothing(self) -> bool {
        self == Self::default()
    }

    fn description(self) -> String {
        let parts = [
            (self.shadow, "no line in /etc/shadow"),
            (self.group, "no primary group"),
            (self.home, "no home directory"),
        ];
        parts.iter().filter(|(is_missing, _)| *is_missing).map(|(_, name)| *name).collect::<Vec<_>>().join(", ")
    }
}

impl Accounts<'_> {
    /// Returns the missing parts of an account whose creation was interrupted. An account that is not in
    /// `/etc/passwd` lacks nothing: this program did not begin to create it.
    ///
    /// # Errors
    ///
    /// The account files cannot be read.
    pub(super) fn missing(self, user: &UserEntry, create_home: bool) -> Result<Missing> {
        let [passwd, shadow] = [self.database("/etc/passwd")?, self.database("/etc/shadow")?];
        let is_of_shadow = passwd.lines().filter(|line| line.starts_with(&format!("{}:x:", user.name))).count() > 0;
        if !database::users(&passwd).any(|known| known == *user) {
            return Ok(Missing::default());
        }
        Ok(Missing {
            shadow: is_of_shadow && !shadow.is_empty() && database::hash(&shadow, &user.name).is_none(),
            group: !self.has_group(&user.gid.to_string())?,
            home: create_home && self.lacks_home(user),
        })
    }

    /// Adds the missing parts of the account. Returns the added parts, and the failures with the command to run by
    /// hand.
    ///
    /// # Errors
    ///
    /// The account files cannot be locked, read or written, or the account has changed since it was looked up.
    pub(super) fn complete(
        self,
        account: &Account,
        user: &UserEntry,
        deadline: Deadline,
    ) -> Result<(StepResult, Vec<String>)> {
        let name = &user.name;
        let (mut change, mut faults) = (StepResult::Unchanged, Vec::new());
        if let Some(other) = self.foreign_group(account, user)? {
            let message = format!(
                "GID {0} of the account is now that of group {other} (run: groupadd {name}, usermod -g {name} {name})",
                user.gid
            );
            return Ok((change, vec![message]));
        }
        if !self.missing(user, account.create_home)?.is_nothing() || self.lacks_gshadow(name)? {
            // The lock is held until the end of the function: an administrator may have changed the account before.
            let mut files = AccountFiles::lock(self.root, deadline)?;
            self.must_be_unchanged(user)?;
            let missing = self.missing(user, account.create_home)?;
            log::info!("an interrupted run left user {name} incomplete ({})", missing.description());
            if missing.shadow {
                create::add_shadow(&mut files, &LoginDefs::read(self.root)?, name, account.system);
            }
            if missing.group {
                let is_taken = files.get(AccountFile::Group).is_none_or(|group| group.has(name));
                if is_taken || self.group(name)?.is_some() {
                    faults.push(format!(
                        "no group has GID {0}, and group {name} has another GID (run: groupadd --gid {0} GROUP)",
                        user.gid
                    ));
                } else {
                    create::add_group(&mut files, name, user.gid);
                    create::add_to_groups(&mut files, name, &account.groups);
                }
            } else if self.lacks_gshadow(name)? {
                create::add_group(&mut files, name, user.gid);
            }
            if files.write(&[AccountFile::Shadow, AccountFile::Gshadow, AccountFile::Group])? {
                change = StepResult::Done;
            }
            if missing.home {
                match self.create_home(user, true) {
                    Ok(true) => change = StepResult::Done,
                    Ok(false) => {}
                    Err(error) => faults.push(format!("{error:#} (run: mkhomedir_helper {name})")),
                }
            }
        }
        if faults.is_empty() {
            crash_markers::account::clear(self.root, name);
        }
        // The marker is cleared already, so this is an error only once: the missing membership may be intended. Later
        // runs only warn about it, as for any existing account.
        faults.extend(self.missing_memberships(account, user)?);
        Ok((change, faults))
    }

    /// Reports an existing account without a line in `/etc/shadow` or without a primary group. The account is left as it
    /// is: no marker shows that this program created it.
    pub(super) fn report_incomplete(self, user: &UserEntry) {
        match self.missing(user, false) {
            Ok(missing) if !missing.is_nothing() => log::warn!(
                "user {}: the account is incomplete ({}); not changed (see pwck(8) and grpck(8))",
                user.name,
                missing.description()
            ),
            _ => {}
        }
    }

    /// Returns the group that got the ID of the account's own group before `useradd` could create that. An account with
    /// a home was created completely, so an administrator changed its group later.
    fn foreign_group(self, account: &Account, user: &UserEntry) -> Result<Option<String>> {
        let defs = LoginDefs::read(self.root)?;
        let wants_own = account.primary_group.is_none() && !account.no_user_group && defs.makes_user_groups();
        // An account whose own group cannot be created has the default group.
        let has_default = user.gid == defs.default_group();
        if !wants_own || has_default || (account.create_home && !self.lacks_home(user)) {
            return Ok(None);
        }
        let groups = self.database("/etc/group")?;
        Ok(database::groups(&groups)
            .find(|group| group.gid == user.gid)
            .map(|group| group.name)
            .filter(|group| *group != user.name))
    }

    /// Checks that the account is still the one that was looked up.
    ///
    /// # Errors
    ///
    /// The account has changed, or the account files cannot be read.
    pub(super) fn must_be_unchanged(self, user: &UserEntry) -> Result<()> {
        let passwd = self.database("/etc/passwd")?;
        if !database::users(&passwd).any(|known| known == *user) {
            bail!("another program changed the account meanwhile");
        }
        Ok(())
    }

    /// Returns true if the account's own group is in `/etc/group` and not in `/etc/gshadow`, the last file that
    /// `useradd` writes.
    fn lacks_gshadow(self, name: &str) -> Result<bool> {
        let [group, gshadow] = [self.database("/etc/group")?, self.database("/etc/gshadow")?];
        let has = |text: &str| database::hash(text, name).is_some();
        Ok(has(&group) && !gshadow.is_empty() && !has(&gshadow))
    }

    /// Returns the groups that the account is not a member of. The interrupted creation may not have added it, or an
    /// administrator may have removed it: the two cases cannot be distinguished.
    fn missing_memberships(self, account: &Account, user: &UserEntry) -> Result<Option<String>> {
        let groups = self.database("/etc/group")?;
        let is_missing = |group: &&String| {
            let gid = create::gid_of(&groups, group);
            gid.is_some() && gid != Some(user.gid) && !database::is_member(&groups, group, &user.name)
        };
        let missing: Vec<_> = account.groups.iter().filter(is_missing).map(String::as_str).collect();
        let list = missing.join(",");
        let text = || format!("not a member of {list} (run: usermod -a -G {list} {})", user.name);
        Ok((!missing.is_empty()).then(text))
    }

    /// Reports the accounts whose creation was interrupted and that are not in `listed`, each once. They are left as
    /// they are.
    pub fn report_unlisted(self, listed: &BTreeSet<&str>) {
        for name in crash_markers::account::take_unlisted(self.root, listed) {
            let Ok(Some(user)) = self.user(&name) else { continue };
            let missing = self.missing(&user, true).unwrap_or_default();
            let parts = if missing.is_nothing() { String::new() } else { format!(" ({})", missing.description()) };
            log::warn!(
                "user {name}: an interrupted run began to create it and the configuration does not list it; not \
                 changed{parts}"
            );
        }
    }
}
