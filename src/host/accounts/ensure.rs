//! Making an account, or giving an existing one its password.

use std::path::Path;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, bail};

use super::locks::with_locks;
use super::making::Gets;
use super::{Accounts, LARGEST, UnknownPrincipal, UserEntry, database, making};
use crate::deadline::Deadline;
use crate::host::Change;
use crate::host::command::{Failed, Tool};
use crate::host::files;
use crate::host::root::{Root, shown};
use crate::plan::Account;

/// How long one of the tools may take. Waiting for another one's lock takes them up to 15 s for each of six files.
const LIMIT: Duration = Duration::from_secs(100);

/// How much time there must be to start one.
const LEAST: Duration = Duration::from_secs(2);

/// What `useradd` ends with where the user or the group is there already, before it does anything.
const IN_USE: i32 = 9;

/// The password of an account without one: nobody can log in with it. With `!`, sshd without PAM would refuse keys, too.
const NO_PASSWORD: &str = "*";

impl Accounts<'_> {
    /// Makes the account; where it exists, only its password is set, if one is given and it is another.
    ///
    /// # Errors
    ///
    /// [`UnknownPrincipal`] when a group does not exist, before anything is done; others when a tool is missing, fails,
    /// or takes too long.
    pub fn ensure(self, account: &Account, deadline: Deadline) -> Result<Change> {
        let name = &account.name;
        let existing = self.user(name)?.is_some_and(|user| self.is_finished(&user, account));
        let password = password(account).with_context(|| format!("failed to set the password of user {name}"))?;
        if existing {
            if making::is_marked(self.root, name) {
                making::end(self.root, name);
            }
            return match password {
                Some(hash) if !self.has_password(name, hash)? => {
                    self.set_password(name, hash, deadline)
                        .with_context(|| format!("failed to set the password of user {name}"))?;
                    Ok(Change::Made)
                }
                _ => Ok(Change::Unchanged),
            };
        }
        let flaw = self.make(account, deadline).with_context(|| format!("failed to make user {name}"))?;
        if let Some(hash) = password {
            self.set_password(name, hash, deadline)
                .with_context(|| format!("made user {name}, but failed to set its password"))?;
        }
        match flaw {
            Some(flaw) => bail!("made user {name}, but {flaw}"),
            None => Ok(Change::Made),
        }
    }

    /// Whether [`Accounts::ensure`] would change anything. Changes nothing.
    ///
    /// # Errors
    ///
    /// [`UnknownPrincipal`] when a group does not exist; others when it cannot be told, such as by whom may not read
    /// the password.
    pub fn would_ensure(self, account: &Account) -> Result<bool> {
        let password = password(account)?;
        if !self.user(&account.name)?.is_some_and(|user| self.is_finished(&user, account)) {
            self.check(account)?;
            return Ok(true);
        }
        match password {
            Some(hash) => Ok(!self.has_password(&account.name, hash)?),
            None => Ok(false),
        }
    }

    /// Checks what the tools would do half of before they fail.
    fn check(self, account: &Account) -> Result<()> {
        if account.name.is_empty() || account.name.contains([':', '\n', '\0']) {
            bail!("that is not a user name");
        }
        // Of a tree without users the tool says that it cannot lock the file.
        if !self.root.is_system() && files::read(self.root, Path::new("/etc/passwd"), LARGEST)?.is_none() {
            bail!("there is no /etc/passwd in the tree {}", shown(self.root.path()));
        }
        for group in account.primary_group.iter().chain(&account.groups) {
            if !self.has_group(group)? {
                return Err(UnknownPrincipal::Group(group.clone()).into());
            }
        }
        Ok(())
    }

    /// Makes the account, and says what is wrong with the home it has then.
    fn make(self, account: &Account, deadline: Deadline) -> Result<Option<String>> {
        self.check(account)?;
        if making::is_marked(self.root, &account.name) {
            log::info!("an earlier run did not finish user {}, who is made anew", account.name);
            self.unmake(&account.name, gets_group(account), deadline)
                .context("failed to take away what an earlier run left")?;
        }
        // A group of that name is somebody else's: `useradd` will refuse, and nothing may be taken back.
        let group = gets_group(account);
        if !(group && self.group(&account.name)?.is_some()) {
            making::begin(self.root, &account.name, Gets { group, home: account.create_home });
        }
        let tool = useradd(account, self.root);
        let start = SystemTime::now();
        if let Err(error) = with_locks(self.root, || run(&tool, deadline)) {
            let in_use = error.downcast_ref::<Failed>().is_some_and(|failed| failed.code == Some(IN_USE));
            // What it did before it failed is taken back; where even that fails, the next run does.
            match if in_use { Ok(()) } else { self.unmake(&account.name, group, deadline) } {
                Ok(()) => making::end(self.root, &account.name),
                Err(error) => log::debug!("failed to take user {} back: {error:#}", account.name),
            }
            return Err(error);
        }
        making::end(self.root, &account.name);
        let Some(user) = self.user(&account.name)? else { bail!("useradd succeeded, but there is no such user") };
        if !account.create_home {
            return Ok(None);
        }
        // The tools flush the databases, not the home: after a power cut there could be a user without one.
        let home = self.root.parent(&user.home, false).map_err(anyhow::Error::from);
        if let Err(error) = home.and_then(|place| files::flush_folder(&place.folder)) {
            log::debug!("failed to flush the home of user {} to disk: {error:#}", account.name);
        }
        Ok(self.flaw_of_new_home(&user, start))
    }

    /// Whether there is nothing left to be done for a user who is there, but for the password.
    fn is_finished(self, user: &UserEntry, account: &Account) -> bool {
        !making::is_marked(self.root, &user.name) || self.is_whole(user, account).unwrap_or_default()
    }

    /// Takes away what there is of a user who was not finished, and of the group that was made with that one.
    pub(super) fn unmake(self, name: &str, group: bool, deadline: Deadline) -> Result<()> {
        let delete = |tool: &'static str| {
            let tool = in_root(Tool::new(tool), self.root).arg("--").arg(name);
            with_locks(self.root, || run(&tool, deadline))
        };
        if let Some(user) = self.user(name)? {
            self.remove_new_home(&user)?;
            delete("userdel")?;
        }
        if group && self.group(name)?.is_some() { delete("groupdel") } else { Ok(()) }
    }

    fn has_password(self, name: &str, hash: &str) -> Result<bool> {
        let shadow = files::read(self.root, Path::new("/etc/shadow"), LARGEST)?.unwrap_or_default();
        Ok(database::hash(&String::from_utf8_lossy(&shadow), name) == Some(hash))
    }

    fn set_password(self, name: &str, hash: &str, deadline: Deadline) -> Result<()> {
        let line = format!("{name}:{hash}\n");
        let tool = in_root(Tool::new("chpasswd").arg("-e"), self.root).input(line.as_bytes());
        with_locks(self.root, || run(&tool, deadline))
    }
}

/// Runs a tool that must not be killed in the middle only because the run was about to end anyway.
fn run(tool: &Tool<'_>, deadline: Deadline) -> Result<()> {
    if deadline.left() < LEAST {
        bail!("there is no time left to run {}", tool.name());
    }
    tool.run(deadline.clip(LIMIT))
}

/// The hash to set; an empty one is none: as a hash it would let everybody in.
fn password(account: &Account) -> Result<Option<&str>> {
    let Some(hash) = account.passwd.as_ref().map(|hash| hash.expose().as_str()).filter(|hash| !hash.is_empty()) else {
        return Ok(None);
    };
    // Each would end the field or the line that `chpasswd` reads, and begin another account's.
    if account.name.contains([':', '\n', '\0']) || hash.contains([':', '\n', '\0']) {
        bail!("a name and a password hash cannot have a colon, a newline or a zero byte in them");
    }
    Ok(Some(hash))
}

/// Whether `useradd` makes a group of the user's name, which it does only where there is none.
const fn gets_group(account: &Account) -> bool {
    account.primary_group.is_none() && !account.no_user_group
}

fn useradd<'a>(account: &'a Account, root: &Root) -> Tool<'a> {
    let mut tool = in_root(Tool::new("useradd"), root).args(["--password", NO_PASSWORD]);
    let values = [
        ("--comment", &account.gecos),
        ("--home-dir", &account.home),
        ("--gid", &account.primary_group),
        ("--shell", &account.shell),
    ];
    for (flag, value) in values {
        if let Some(value) = value {
            // In one word: `useradd` looks for `--root` among all its words, whatever flag they are the value of.
            tool = tool.arg(format!("{flag}={value}"));
        }
    }
    if !account.groups.is_empty() {
        tool = tool.arg(format!("--groups={}", account.groups.join(",")));
    }
    let switches = [
        ("--create-home", account.create_home),
        ("--no-create-home", !account.create_home),
        ("--no-user-group", account.no_user_group),
        ("--system", account.system),
        ("--no-log-init", account.no_log_init),
    ];
    tool = tool.args(switches.iter().filter(|(_, given)| *given).map(|(flag, _)| flag));
    // A name that begins with a dash is for the tool to refuse, not to obey.
    tool.arg("--").arg(&account.name)
}

/// A tool for the accounts of `root`. It need not ask systemd for users that live as long as a service.
fn in_root<'a>(tool: Tool<'a>, root: &Root) -> Tool<'a> {
    let tool = tool.env("SYSTEMD_NSS_DYNAMIC_BYPASS", "1");
    if root.is_system() { tool } else { tool.arg("--root").arg(root.path()) }
}
