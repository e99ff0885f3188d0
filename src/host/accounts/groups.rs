//! The groups that a new account can get: groups in `/etc/group`, and groups of other local databases.
//!
//! `useradd` rejects an account with a group that is not in `/etc/group`. For a group of another local database, such
//! as systemd's user database, a line is added there. The account is created without any other group.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};

use super::account_files::{AccountFile, AccountFiles};
use super::login_defs::LoginDefs;
use super::names::{Answer, Question};
use super::{Accounts, LARGEST, PartialAccount, create, database, found, nsswitch, number};
use crate::deadline::Deadline;
use crate::host::command::Tool;
use crate::host::files;
use crate::host::root::OsContext;
use cloud_config::plan::Account;

/// The name services of `nsswitch.conf(5)` that read local data only.
const LOCAL: [&str; 7] = ["files", "compat", "db", "systemd", "altfiles", "usrfiles", "extrausers"];

/// The longest lookup in one name service.
const LIMIT: Duration = Duration::from_secs(5);

/// A group for a new account.
enum Group {
    /// A group in `/etc/group`.
    Listed,
    /// A group that only another local database has.
    Local {
        name: String,
        gid: u32,
    },
    /// A group of a remote or unknown database.
    Remote {
        service: String,
    },
    Unknown,
}

/// The state of the group with the name of an account.
#[derive(PartialEq, Eq)]
enum OwnGroup {
    /// No existing group is in the way, so `useradd` decides about the group.
    Default,
    /// The group exists, and the configuration asks for membership.
    Joined,
    /// The group exists, and membership could be a privilege that the configuration does not ask for.
    Taken,
}

/// Describes the fault of an account whose name is also the name of an existing group.
fn name_in_use(name: &str) -> String {
    format!("group {name} already exists (default primary group used; `primary_group: {name}` joins it)")
}

impl Accounts<'_> {
    /// Returns the account with the groups that it can get, and the reasons for the missing ones. Adds lines that
    /// `/etc/group` lacks.
    ///
    /// # Errors
    ///
    /// The groups cannot be looked up, or `/etc/group` cannot be written.
    pub(super) fn with_groups(self, account: &Account, deadline: Deadline) -> Result<(Account, Vec<String>)> {
        let (mut account, mut faults) = (self.with_own_group(account)?, Vec::new());
        match self.own_group(&account)? {
            OwnGroup::Default => {}
            OwnGroup::Joined => account.primary_group = Some(account.name.clone()),
            OwnGroup::Taken => {
                account.no_user_group = true;
                faults.push(name_in_use(&account.name));
            }
        }
        let mut missing: Vec<(String, u32)> = Vec::new();
        let mut groups = Vec::new();
        for wanted in std::mem::take(&mut account.groups) {
            match self.group_of(&wanted, deadline)? {
                Group::Listed => groups.push(wanted),
                Group::Local { name, gid } => {
                    groups.push(name.clone());
                    missing.push((name, gid));
                }
                Group::Remote { service } => {
                    faults.push(format!("group {wanted} is defined in {service} (add the user there)"));
                }
                Group::Unknown => faults.push(format!("group {wanted} does not exist (ignored)")),
            }
        }
        account.groups = groups;
        if let Some(primary) = account.primary_group.take() {
            match self.group_of(&primary, deadline)? {
                Group::Listed | Group::Remote { .. } => account.primary_group = Some(primary),
                Group::Local { name, gid } => {
                    account.primary_group = Some(name.clone());
                    missing.push((name, gid));
                }
                Group::Unknown => {
                    account.no_user_group = self.group(&account.name)?.is_some();
                    faults.push(format!("primary group {primary} does not exist (default primary group used)"));
                }
            }
        }
        if !missing.is_empty() {
            let mut files = AccountFiles::lock(self.root, deadline)?;
            for (name, gid) in &missing {
                create::add_group(&mut files, name, *gid);
            }
            files.write(&[AccountFile::Gshadow, AccountFile::Group]).context("failed to add groups to /etc/group")?;
        }
        Ok((account, faults))
    }

    /// Checks that the account would get all of its groups.
    ///
    /// # Errors
    ///
    /// [`PartialAccount`] if not; other errors if the groups cannot be looked up.
    pub(super) fn check_groups(self, account: &Account) -> Result<()> {
        let account = &self.with_own_group(account)?;
        let mut lacks = Vec::new();
        if let Some((shell, fault)) = self.replaced_shell(account) {
            lacks.push(format!("shell {shell}: it {fault}"));
        }
        if let Some((home, reason)) = self.unusable_home(account) {
            lacks.push(format!("home directory {home}: {reason}"));
        }
        if let Some(primary) = &account.primary_group
            && !self.has_group(primary)?
        {
            lacks.push(format!("primary group {primary}: it does not exist"));
        }
        let mut unknown = Vec::new();
        for group in &account.groups {
            if !self.has_group(group)? {
                unknown.push(group.as_str());
            }
        }
        match unknown.as_slice() {
            [] => {}
            [group] => lacks.push(format!("group {group}: it does not exist")),
            groups => lacks.push(format!("groups {}: they do not exist", groups.join(", "))),
        }
        if self.own_group(account)? == OwnGroup::Taken {
            lacks.push(format!("a group of its own: {}", name_in_use(&account.name)));
        }
        if lacks.is_empty() {
            return Ok(());
        }
        Err(PartialAccount(format!("account created without {}", lacks.join("; "))).into())
    }

    /// Describes each group of an existing account that no database has.
    ///
    /// # Errors
    ///
    /// The groups cannot be looked up.
    pub(super) fn unknown_groups(self, account: &Account) -> Result<Vec<String>> {
        let mut faults = Vec::new();
        for group in &account.groups {
            if !self.has_group(group)? {
                faults.push(format!("group {group} does not exist (ignored)"));
            }
        }
        if let Some(primary) = &account.primary_group
            && !self.has_group(primary)?
        {
            faults.push(format!("primary group {primary} does not exist (not changed)"));
        }
        Ok(faults)
    }

    /// Checks that all groups of an existing account exist.
    ///
    /// # Errors
    ///
    /// [`PartialAccount`] if not; other errors if the groups cannot be looked up.
    pub(super) fn check_unknown_groups(self, account: &Account) -> Result<()> {
        let faults = self.unknown_groups(account)?;
        if faults.is_empty() { Ok(()) } else { Err(PartialAccount(faults.join(", ")).into()) }
    }

    /// Returns the account without the group of its own name if `useradd` will create that group.
    fn with_own_group(self, account: &Account) -> Result<Account> {
        let mut account = account.clone();
        let name = &account.name;
        let is_own = |group: &String| group == name;
        let is_named = account.primary_group.as_ref().is_none_or(is_own);
        if is_named
            && !account.no_user_group
            && (account.primary_group.is_some() || account.groups.iter().any(is_own))
            && LoginDefs::read(self.root)?.makes_user_groups()
            && self.group(name)?.is_none()
        {
            account.primary_group = None;
            account.groups.retain(|group| *group != account.name);
        }
        Ok(account)
    }

    /// Returns the state of the group that `useradd` creates for the account. `useradd` refuses an account if a group
    /// of its name exists.
    fn own_group(self, account: &Account) -> Result<OwnGroup> {
        let name = &account.name;
        if account.primary_group.is_some()
            || account.no_user_group
            || !LoginDefs::read(self.root)?.makes_user_groups()
            || self.group(name)?.is_none()
        {
            return Ok(OwnGroup::Default);
        }
        Ok(if account.groups.contains(name) { OwnGroup::Joined } else { OwnGroup::Taken })
    }

    fn group_of(self, wanted: &str, deadline: Deadline) -> Result<Group> {
        let text = self.database("/etc/group")?;
        if create::gid_of(&text, wanted).is_some() {
            return Ok(Group::Listed);
        }
        let mut known = None;
        if let Some(Answer::Group(group)) = self.ask(|| Question::GroupNamed(wanted.to_owned())) {
            known = found(group).os_context(|| format!("failed to look up group {wanted}"))?;
        }
        if known.is_none()
            && let Some(gid) = number(wanted)
            && let Some(Answer::Group(group)) = self.ask(|| Question::GroupOf(gid.into()))
        {
            known = found(group).os_context(|| format!("failed to look up group {wanted}"))?;
        }
        let Some(group) = known else { return Ok(Group::Unknown) };
        // The name is not valid in a line of /etc/group, or a local group already has the name.
        let is_odd = group.name.contains([':', ',', '\n']) || database::groups(&text).any(|it| it.name == group.name);
        let service = self.service_of(&group.name, deadline);
        Ok(match service {
            Some(service) if LOCAL.contains(&service.as_str()) && !is_odd => {
                Group::Local { name: group.name, gid: group.gid.as_raw() }
            }
            service => Group::Remote { service: service.unwrap_or_else(|| "an unknown database".to_owned()) },
        })
    }

    /// Returns the first name service in `/etc/nsswitch.conf` that has the group.
    fn service_of(self, group: &str, deadline: Deadline) -> Option<String> {
        let text = files::read(self.root, Path::new("/etc/nsswitch.conf"), LARGEST).ok()??;
        let text = String::from_utf8_lossy(&text).into_owned();
        nsswitch::services(&text, "group").into_iter().find(|service| {
            let tool = Tool::new("getent").args(["-s", service, "--", "group", group]);
            tool.run(deadline.clip(LIMIT)).is_ok()
        })
    }
}
