//! The groups that a new account can get: those in `/etc/group`, and those that only another local database knows.
//!
//! `useradd` refuses an account altogether for a group that is not in `/etc/group`. A group that systemd's user database
//! or the image has elsewhere gets a line there; for any other the account is created without it.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};

use super::account_files::{AccountFile, AccountFiles};
use super::names::{Answer, Question};
use super::{Accounts, LARGEST, create, database, found, number};
use crate::deadline::Deadline;
use crate::host::command::Tool;
use crate::host::files;
use crate::plan::Account;

/// The name services of `nsswitch.conf(5)` that read what is on this machine only.
const LOCAL: [&str; 7] = ["files", "compat", "db", "systemd", "altfiles", "usrfiles", "extrausers"];

/// The longest lookup in one name service.
const LIMIT: Duration = Duration::from_secs(5);

/// A group for a new account.
enum Group {
    /// It is in `/etc/group`.
    Listed,
    /// Only another database of this machine knows it.
    Local {
        name: String,
        gid: u32,
    },
    /// A database elsewhere knows it, or this is not known.
    Remote {
        service: String,
    },
    Unknown,
}

impl Accounts<'_> {
    /// The account with those of its groups that it can get, and why it cannot get the others. Lines that `/etc/group`
    /// lacks are added to it.
    ///
    /// # Errors
    ///
    /// The groups cannot be looked up, or `/etc/group` cannot be written.
    pub(super) fn with_groups(self, account: &Account, deadline: Deadline) -> Result<(Account, Vec<String>)> {
        let (mut account, mut faults) = (account.clone(), Vec::new());
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
                    account.no_user_group = false;
                    faults.push(format!("primary group {primary} does not exist (default login group used)"));
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

    /// Returns why the account would not get all of its groups; `None` if it would.
    ///
    /// # Errors
    ///
    /// The groups cannot be looked up.
    pub(super) fn unknown_group(self, account: &Account) -> Result<Option<String>> {
        for group in account.primary_group.iter().chain(&account.groups) {
            if !self.has_group(group)? {
                return Ok(Some(group.clone()));
            }
        }
        Ok(None)
    }

    fn group_of(self, wanted: &str, deadline: Deadline) -> Result<Group> {
        let text = self.database("/etc/group")?;
        if create::gid_of(&text, wanted).is_some() {
            return Ok(Group::Listed);
        }
        let mut known = None;
        if let Some(Answer::Group(group)) = self.ask(|| Question::GroupNamed(wanted.to_owned())) {
            known = found(group).with_context(|| format!("failed to look up group {wanted}"))?;
        }
        if known.is_none()
            && let Some(gid) = number(wanted)
            && let Some(Answer::Group(group)) = self.ask(|| Question::GroupOf(gid.into()))
        {
            known = found(group).with_context(|| format!("failed to look up group {wanted}"))?;
        }
        let Some(group) = known else { return Ok(Group::Unknown) };
        // A name that would break a line of /etc/group, or a number that is a local group's already.
        let is_odd = group.name.contains([':', ',', '\n']) || database::groups(&text).any(|it| it.name == group.name);
        let service = self.service_of(&group.name, deadline);
        Ok(match service {
            Some(service) if LOCAL.contains(&service.as_str()) && !is_odd => {
                Group::Local { name: group.name, gid: group.gid.as_raw() }
            }
            service => Group::Remote { service: service.unwrap_or_else(|| "an unknown database".to_owned()) },
        })
    }

    /// The name service that knows a group, the first in the order of `/etc/nsswitch.conf`.
    fn service_of(self, group: &str, deadline: Deadline) -> Option<String> {
        let text = files::read(self.root, Path::new("/etc/nsswitch.conf"), LARGEST).ok()??;
        let text = String::from_utf8_lossy(&text).into_owned();
        services(&text).into_iter().find(|service| {
            let tool = Tool::new("getent").args(["-s", service, "--", "group", group]);
            tool.run(deadline.clip(LIMIT)).is_ok()
        })
    }
}

/// The services that look groups up, as `nsswitch.conf(5)` has them.
fn services(text: &str) -> Vec<String> {
    let line = text.lines().find_map(|line| line.trim_start().strip_prefix("group:")).unwrap_or("files");
    let line = line.split('#').next().unwrap_or_default();
    // What stands in brackets is what to do after a result.
    let mut services = Vec::new();
    let mut inside = false;
    for word in line.split_whitespace() {
        inside |= word.starts_with('[');
        if !inside {
            services.push(word.to_owned());
        }
        inside &= !word.ends_with(']');
    }
    services
}

#[cfg(test)]
mod tests {
    use super::services;

    #[test]
    fn services_are_read_without_their_actions() {
        for (text, wanted) in [
            ("# group: no\npasswd: files\ngroup:          files [SUCCESS=merge] systemd # x\n", "files systemd"),
            ("group: files [ NOTFOUND=return SUCCESS=merge ] sss\n", "files sss"),
            ("passwd: files\n", "files"),
            ("", "files"),
        ] {
            assert_eq!(services(text).join(" "), wanted, "{text:?}");
        }
    }
}
