//! Users and groups, looked up and created.
//!
//! On the running system, lookups go through the C library, which reads more databases than `/etc/passwd`, and the
//! distribution's tools create accounts. In a tree, this program reads and edits the tree's own files: the databases of
//! this machine do not apply to it. No account, group or home is ever removed.

mod account_files;
mod complete;
mod create;
mod database;
mod differences;
mod ensure;
mod groups;
mod home;
mod locks;
mod login_defs;
mod names;
mod nsswitch;

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::Once;

use anyhow::Result;
use nix::errno::Errno;
use rustix::fs::FileType;

use super::files;
use super::root::{OsContext, Root, display_path, status};
use crate::deadline::Deadline;
use cloud_config::plan::{Account, Owner, Principal, is_common_shell};
use login_defs::LoginDefs;
use names::{Answer, Question};

/// The largest user database that is read, in bytes.
const LARGEST: u64 = 16 << 20;

/// A user in the databases of the system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserEntry {
    /// The login name.
    pub name: String,
    /// The user ID.
    pub uid: u32,
    /// The ID of the primary group.
    pub gid: u32,
    /// The home directory, which need not exist.
    pub home: PathBuf,
    /// The login shell.
    pub shell: PathBuf,
}

/// A user or group that does not exist.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnknownPrincipal {
    /// There is no such user.
    #[error("user {0} does not exist")]
    User(String),
    /// There is no such group.
    #[error("group {0} does not exist")]
    Group(String),
}

/// The faults of an account that cannot be created as configured, such as a missing group.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct PartialAccount(String);

/// An invalid name for a new user, which every tool rejects.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid user name")]
pub struct InvalidName;

/// The users and groups of a root.
#[derive(Clone, Copy, Debug)]
pub struct Accounts<'r> {
    root: &'r Root,
    deadline: Option<Deadline>,
}

impl<'r> Accounts<'r> {
    /// Creates the lookups of `root`.
    pub const fn new(root: &'r Root) -> Self {
        Self { root, deadline: None }
    }

    /// Limits lookups to `deadline`, the end of the run.
    #[must_use]
    pub const fn until(self, deadline: Deadline) -> Self {
        Self { deadline: Some(deadline), ..self }
    }

    /// Returns the user with this name.
    ///
    /// # Errors
    ///
    /// The databases cannot be read.
    pub fn user(self, name: &str) -> Result<Option<UserEntry>> {
        if let Some(Answer::User(user)) = self.ask(|| Question::UserNamed(name.to_owned())) {
            return Ok(found(user).os_context(|| format!("failed to look up user {name}"))?.map(UserEntry::from));
        }
        Ok(database::users(&self.database("/etc/passwd")?).find(|user| user.name == name))
    }

    /// Returns the first user with this ID.
    ///
    /// # Errors
    ///
    /// The databases cannot be read.
    pub fn user_by_id(self, uid: u32) -> Result<Option<UserEntry>> {
        if let Some(Answer::User(user)) = self.ask(|| Question::UserOf(uid.into())) {
            return Ok(found(user).os_context(|| format!("failed to look up user {uid}"))?.map(UserEntry::from));
        }
        Ok(database::users(&self.database("/etc/passwd")?).find(|user| user.uid == uid))
    }

    /// Returns the home directory of a new account if it does not exist and `create_home` is false.
    pub fn missing_home(self, account: &Account) -> Option<PathBuf> {
        if account.create_home { None } else { self.absent_home(account) }
    }

    /// Returns the home directory of a new account that does not exist yet.
    pub fn absent_home(self, account: &Account) -> Option<PathBuf> {
        let default = || LoginDefs::read(self.root).map(|defs| defs.home_of(&account.name)).ok();
        let home = PathBuf::from(account.home.clone().or_else(default)?);
        self.root.directory(&home).is_err_and(|error| error.absent()).then_some(home)
    }

    /// Returns the home directory of a new account if it cannot be created, and the reason.
    fn unusable_home(self, account: &Account) -> Option<(&str, &'static str)> {
        let home = account.home.as_deref().filter(|_| account.create_home)?;
        let path = Path::new(home);
        match self.root.directory(path) {
            Err(error) if error.is_not_directory() => Some((home, "it is not a directory, or below a file")),
            Err(error) if error.absent() && files::is_read_only(self.root, path) => {
                Some((home, "its file system is read-only"))
            }
            _ => None,
        }
    }

    /// Returns the login shell of an account if it is not a program, and the reason. sshd would reject such an account.
    fn unusable_shell(self, account: &Account) -> Option<(&str, &'static str)> {
        let shell = account.shell.as_deref()?;
        // The programs of such a tree are installed later.
        if !self.root.is_system() && self.root.directory(Path::new("/bin")).is_err() {
            return None;
        }
        let fault = match self.root.resolve(Path::new(shell)).map(|place| status(&place)) {
            Ok(Ok(None)) => "does not exist",
            Ok(Ok(Some(found))) if FileType::from_raw_mode(found.st_mode) == FileType::Directory => IS_DIRECTORY,
            Ok(Ok(Some(found))) if found.st_mode & 0o111 == 0 => "is not executable",
            Err(error) if error.absent() => "does not exist",
            _ => return None,
        };
        let prevents_login = matches!(shell.rsplit('/').next(), Some("nologin" | "false"));
        (!prevents_login).then_some((shell, fault))
    }

    /// Returns the unusable shell that is replaced with the default one, and the reason.
    fn replaced_shell(self, account: &Account) -> Option<(&str, &'static str)> {
        self.unusable_shell(account).filter(|(shell, fault)| is_replaced(shell, fault))
    }

    /// Reports an unusable login shell that is set anyway: it may restrict the user, or be installed later.
    fn report_unusable_shell(self, account: &Account) {
        if let Some((shell, fault)) = self.unusable_shell(account).filter(|(shell, fault)| !is_replaced(shell, fault)) {
            log::warn!("user {}: the shell {} {fault}; applied anyway", account.name, display_path(Path::new(shell)));
        }
    }

    /// Returns the ID of the group with this name.
    ///
    /// # Errors
    ///
    /// The databases cannot be read.
    pub fn group(self, name: &str) -> Result<Option<u32>> {
        if let Some(Answer::Group(group)) = self.ask(|| Question::GroupNamed(name.to_owned())) {
            let group = found(group).os_context(|| format!("failed to look up group {name}"))?;
            return Ok(group.map(|group| group.gid.as_raw()));
        }
        Ok(database::groups(&self.database("/etc/group")?).find(|group| group.name == name).map(|group| group.gid))
    }

    /// Returns true if a group has this name or ID, as `useradd` interprets it.
    ///
    /// # Errors
    ///
    /// The databases cannot be read.
    pub fn has_group(self, name_or_number: &str) -> Result<bool> {
        if self.group(name_or_number)?.is_some() {
            return Ok(true);
        }
        let Some(gid) = number(name_or_number) else { return Ok(false) };
        if let Some(Answer::Group(group)) = self.ask(|| Question::GroupOf(gid.into())) {
            return Ok(found(group).os_context(|| format!("failed to look up group {gid}"))?.is_some());
        }
        Ok(database::groups(&self.database("/etc/group")?).any(|group| group.gid == gid))
    }

    /// Returns the IDs of an owner, as `chown` finds them (docs/cloud-config.md#write_files).
    ///
    /// # Errors
    ///
    /// [`UnknownPrincipal`] if the user or group does not exist; other errors if the databases cannot be read.
    pub fn resolve(self, owner: &Owner) -> Result<(u32, u32)> {
        let uid = match &owner.user {
            Some(user) => self.uid(user)?,
            None => 0,
        };
        let gid = match &owner.group {
            Some(Principal::Id(gid)) => *gid,
            Some(Principal::Name(name)) => match self.group(name)? {
                Some(gid) => gid,
                None => number(name).ok_or_else(|| UnknownPrincipal::Group(name.clone()))?,
            },
            None if owner.login_group => match self.user_by_id(uid)? {
                Some(user) => user.gid,
                None => return Err(UnknownPrincipal::User(uid.to_string()).into()),
            },
            None => 0,
        };
        Ok((uid, gid))
    }

    fn uid(self, user: &Principal) -> Result<u32> {
        match user {
            Principal::Id(uid) => Ok(*uid),
            Principal::Name(name) => match self.user(name)? {
                Some(user) => Ok(user.uid),
                None => Ok(number(name).ok_or_else(|| UnknownPrincipal::User(name.clone()))?),
            },
        }
    }

    /// Sends a question to the C library of the running system; returns `None` for a tree, and if no answer comes.
    fn ask(self, question: impl FnOnce() -> Question) -> Option<Answer> {
        if !self.root.is_system() {
            return None;
        }
        // The C library of a static build cannot load name services.
        if cfg!(target_env = "musl") {
            self.report_unread_services();
        }
        names::ask(question(), self.deadline)
    }

    /// Warns once about name services that this build cannot read.
    fn report_unread_services(self) {
        static REPORTED: Once = Once::new();
        REPORTED.call_once(|| {
            let text = self.database("/etc/nsswitch.conf").unwrap_or_default();
            if let Some(warning) = nsswitch::unread_services(&text) {
                log::warn!("{warning}");
            }
        });
    }

    fn database(self, path: &str) -> Result<String> {
        let bytes = files::read(self.root, Path::new(path), LARGEST)?.unwrap_or_default();
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }
}

impl From<nix::unistd::User> for UserEntry {
    fn from(user: nix::unistd::User) -> Self {
        Self { name: user.name, uid: user.uid.as_raw(), gid: user.gid.as_raw(), home: user.dir, shell: user.shell }
    }
}

/// The fault of a shell whose path is a directory.
const IS_DIRECTORY: &str = "is a directory";

/// Returns true for an unusable shell that can be replaced with the default one without giving the user more access.
fn is_replaced(shell: &str, fault: &str) -> bool {
    fault == IS_DIRECTORY || is_common_shell(shell)
}

/// Parses an ID as `chown` does, with or without a `+`. For the system, the highest ID means "do not change".
fn number(text: &str) -> Option<u32> {
    let digits = text.strip_prefix('+').unwrap_or(text);
    let digits = Some(digits).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))?;
    digits.parse().ok().filter(|number| *number != u32::MAX)
}

/// Maps a missing entry to `None`: some databases report it as an error (see `getpwnam(3)`).
fn found<T>(result: nix::Result<Option<T>>) -> nix::Result<Option<T>> {
    match result {
        Err(Errno::ENOENT | Errno::ESRCH | Errno::EBADF | Errno::EPERM) => Ok(None),
        result => result,
    }
}
