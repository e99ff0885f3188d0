//! What an interrupted creation left out of an account, added by the next run that lists it.
//!
//! `useradd` writes one file after the other. Killed in between, or out of space, it leaves an account without a line in
//! `/etc/shadow`, without its group, or without a home. That is added if it is provably missing; all that exists stays
//! as it is, since the account may have been used, changed or created by an administrator meanwhile.

use std::collections::BTreeSet;

use anyhow::Result;

use super::account_files::{AccountFile, AccountFiles};
use super::login_defs::LoginDefs;
use super::{Accounts, UserEntry, create, database, marker};
use crate::deadline::Deadline;
use crate::host::Change;
use crate::plan::Account;

/// What an account lacks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Missing {
    /// A line in `/etc/shadow`.
    shadow: bool,
    /// A group with the number of its login group.
    group: bool,
    /// A home with anything in it.
    home: bool,
}

impl Missing {
    pub(super) fn is_nothing(self) -> bool {
        self == Self::default()
    }

    fn description(self) -> String {
        let parts =
            [(self.shadow, "no line in /etc/shadow"), (self.group, "no login group"), (self.home, "no home directory")];
        parts.iter().filter(|(is_missing, _)| *is_missing).map(|(_, what)| *what).collect::<Vec<_>>().join(", ")
    }
}

impl Accounts<'_> {
    /// What an account lacks whose creation was interrupted. An account that is not in `/etc/passwd` lacks nothing: no
    /// `useradd` of ours began it.
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

    /// Adds what the account lacks. Returns what was done, and what could not be, with the command to run by hand.
    ///
    /// # Errors
    ///
    /// The account files cannot be locked, read or written.
    pub(super) fn complete(
        self,
        account: &Account,
        user: &UserEntry,
        deadline: Deadline,
    ) -> Result<(Change, Vec<String>)> {
        let name = &user.name;
        let (mut change, mut faults) = (Change::Unchanged, Vec::new());
        let missing = self.missing(user, account.create_home)?;
        if missing.shadow || missing.group {
            log::info!("an interrupted run left user {name} with {}", missing.description());
            let mut files = AccountFiles::lock(self.root, deadline)?;
            if missing.shadow {
                create::add_shadow(&mut files, &LoginDefs::read(self.root)?, name, account.system);
            }
            if missing.group {
                let is_taken = files.get(AccountFile::Group).is_none_or(|group| group.has(name));
                if is_taken || self.group(name)?.is_some() {
                    faults.push(format!(
                        "its login group {0} does not exist and group {name} has another number; to add one: \
                         groupadd --gid {0} GROUP",
                        user.gid
                    ));
                } else {
                    create::add_group(&mut files, name, user.gid);
                    create::add_to_groups(&mut files, name, &account.groups);
                }
            }
            if files.write(&[AccountFile::Shadow, AccountFile::Gshadow, AccountFile::Group])? {
                change = Change::Made;
            }
        }
        faults.extend(self.unknown_memberships(account, user)?);
        if missing.home {
            match self.create_home(user, true) {
                Ok(true) => change = Change::Made,
                Ok(false) => {}
                Err(error) => faults.push(format!("{error:#}; to create it: mkhomedir_helper {name}")),
            }
        }
        if faults.is_empty() {
            marker::clear(self.root, name);
        }
        Ok((change, faults))
    }

    /// Groups that an account without a group of its own is not a member of. The interrupted creation may not have come
    /// to them, or somebody took the user out of them since: that cannot be known.
    fn unknown_memberships(self, account: &Account, user: &UserEntry) -> Result<Option<String>> {
        if account.primary_group.is_none() && !account.no_user_group {
            return Ok(None);
        }
        let groups = self.database("/etc/group")?;
        let is_missing = |group: &&String| !database::is_member(&groups, group, &user.name);
        let missing: Vec<_> = account.groups.iter().filter(is_missing).map(String::as_str).collect();
        let list = missing.join(",");
        let text = || format!("it is not a member of {list}; to add it: usermod -a -G {list} {}", user.name);
        Ok((!missing.is_empty()).then(text))
    }

    /// Reports the accounts whose creation was interrupted and that are not in `listed`, each once. They are left as
    /// they are.
    pub fn report_unlisted(self, listed: &BTreeSet<&str>) {
        for name in marker::take_unlisted(self.root, listed) {
            let Ok(Some(user)) = self.user(&name) else { continue };
            let missing = self.missing(&user, true).unwrap_or_default();
            let what = if missing.is_nothing() { String::new() } else { format!(" ({})", missing.description()) };
            log::warn!(
                "user {name}: an interrupted run began to create it and the configuration does not list it; left as it \
                 is{what}"
            );
        }
    }
}
