//! Creates an account, or sets the password of an existing one.

use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::account_files::AccountFiles;
use super::create::{self, NO_PASSWORD};
use super::locks::with_locks;
use super::login_defs::LoginDefs;
use super::{Accounts, UserEntry, database};
use crate::deadline::Deadline;
use crate::host::command::{Failed, Tool};
use crate::host::crash_markers;
use crate::outcome::StepResult;
use cloud_config::plan::Account;

/// The time limit of one tool. A tool waits up to 15 s for the lock of each of six files.
const LIMIT: Duration = Duration::from_secs(100);

/// The minimum remaining time for starting a tool.
const LEAST: Duration = Duration::from_secs(2);

/// The exit status of `useradd` if the user or group already exists; nothing was changed.
const IN_USE: i32 = 9;

/// The exit status of `useradd` if it rejects the value of a flag; nothing was changed.
const BAD_ARGUMENT: i32 = 3;

impl Accounts<'_> {
    /// Creates the account. If it exists, only its password is set, if one is given and differs; if its creation was
    /// interrupted, the missing parts are added before that.
    ///
    /// # Errors
    ///
    /// A tool is missing, fails, or takes too long, or a group, the shell or the home could not be set. The account is
    /// then created without that item, and never removed. A missing group of an existing account is also an error.
    pub fn ensure(self, account: &Account, deadline: Deadline) -> Result<StepResult> {
        let name = &account.name;
        let password = password(account).with_context(|| format!("failed to set the password of user {name}"))?;
        let existing = self.user(name)?;
        let is_new = existing.is_none();
        let is_interrupted = !is_new && crash_markers::account::is_left(self.root, name);
        let (mut change, faults) = match existing {
            None => {
                let faults = self.create(account, deadline).with_context(|| format!("failed to create user {name}"))?;
                self.report_unusable_shell(account);
                (StepResult::Done, faults)
            }
            Some(user) if is_interrupted => self
                .complete(account, &user, deadline)
                .with_context(|| format!("failed to complete user {name}, whose creation was interrupted"))?,
            Some(user) => {
                self.report_differences(account, &user);
                self.report_incomplete(&user);
                let faults = self.unknown_groups(account).unwrap_or_else(|error| vec![format!("{error:#}")]);
                (StepResult::Unchanged, faults)
            }
        };
        if let Some(hash) = password
            && !self.has_password(name, hash)?
        {
            let created = if is_new { format!("created user {name}, but ") } else { String::new() };
            self.set_password(name, hash, deadline)
                .with_context(|| format!("{created}failed to set the password of user {name}"))?;
            change = StepResult::Done;
        }
        match faults.as_slice() {
            [] => Ok(change),
            faults if is_new => bail!("created user {name}, but {}", faults.join(", ")),
            faults if !is_interrupted => bail!("user {name}: {}", faults.join(", ")),
            faults => bail!("user {name}, whose creation was interrupted, is incomplete: {}", faults.join(", ")),
        }
    }

    /// Returns true if [`Accounts::ensure`] would change anything. Changes nothing.
    ///
    /// # Errors
    ///
    /// [`PartialAccount`](super::PartialAccount) if a group does not exist; other errors if the answer is unknown,
    /// such as without permission to read the password.
    pub fn would_ensure(self, account: &Account) -> Result<bool> {
        let password = password(account)?;
        let Some(user) = self.user(&account.name)? else {
            self.check(account)?;
            self.report_unusable_shell(account);
            return self.check_groups(account).map(|()| true);
        };
        if crash_markers::account::is_left(self.root, &account.name)
            && !self.missing(&user, account.create_home)?.is_nothing()
        {
            return Ok(true);
        }
        self.report_differences(account, &user);
        self.check_unknown_groups(account)?;
        match password {
            Some(hash) => Ok(!self.has_password(&account.name, hash)?),
            None => Ok(false),
        }
    }

    /// Rejects the account if one of its values would fail only after the account was created.
    fn check(self, account: &Account) -> Result<()> {
        create::check_name(&account.name)?;
        if !self.root.is_system() && self.database("/etc/passwd")?.is_empty() {
            bail!("the tree has no /etc/passwd");
        }
        Ok(())
    }

    /// Creates the account with its home. Returns the failures of later steps.
    fn create(self, account: &Account, deadline: Deadline) -> Result<Vec<String>> {
        let name = &account.name;
        self.check(account)?;
        let (mut wanted, mut faults) = self.with_groups(account, deadline)?;
        if let Some((shell, fault)) = self.replaced_shell(account) {
            faults.push(format!("shell {shell} {fault} (default shell used)"));
            wanted.shell = None;
        }
        if let Some((home, reason)) = self.unusable_home(account) {
            faults.push(format!("home directory {home} cannot be created: {reason} (default home directory used)"));
            wanted.home = None;
        }
        crash_markers::account::set(self.root, name);
        let created = if self.root.is_system() {
            self.run_useradd(wanted, deadline, &mut faults)
        } else {
            self.create_in_tree(&wanted, deadline)
        };
        let user = self.user(name)?;
        let Some(user) = user else {
            crash_markers::account::clear(self.root, name);
            created?;
            bail!("useradd succeeded, but there is no such user");
        };
        if let Err(error) = created {
            // The account may be incomplete, or created by another program. The next run checks it.
            if error.downcast_ref::<Failed>().is_some_and(|failed| failed.code == Some(IN_USE)) {
                crash_markers::account::clear(self.root, name);
            }
            return Err(error);
        }
        if account.create_home
            && let Err(error) = self.create_home_of_new(&user, deadline)
        {
            // The marker is kept, so that the next run tries again.
            faults.push(format!("{error:#}"));
            return Ok(faults);
        }
        crash_markers::account::clear(self.root, name);
        Ok(faults)
    }

    /// Creates the home of an account that this run has just created, under the lock of the account files.
    fn create_home_of_new(self, user: &UserEntry, deadline: Deadline) -> Result<()> {
        let _files = AccountFiles::lock(self.root, deadline)?;
        self.must_be_unchanged(user)?;
        self.create_home(user, false).map(drop)
    }

    /// Runs `useradd`. If it refuses the shell or the comment, it is run again without them.
    fn run_useradd(self, mut account: Account, deadline: Deadline, faults: &mut Vec<String>) -> Result<()> {
        loop {
            let tool = useradd(&account);
            let error = match with_locks(self.root, || run(&tool, deadline)) {
                Ok(()) => return Ok(()),
                Err(error) => error,
            };
            let is_refused = error.downcast_ref::<Failed>().is_some_and(|failed| failed.code == Some(BAD_ARGUMENT));
            let dropped = [("shell", &mut account.shell), ("comment", &mut account.gecos)]
                .into_iter()
                .find_map(|(name, field)| field.take().map(|_| name))
                .filter(|_| is_refused);
            let Some(name) = dropped else { return Err(error) };
            faults.push(format!("its {name} is not set: {error:#}"));
        }
    }

    fn create_in_tree(self, account: &Account, deadline: Deadline) -> Result<()> {
        let defs = LoginDefs::read(self.root)?;
        create::create(&mut AccountFiles::lock(self.root, deadline)?, &defs, account)
    }

    fn has_password(self, name: &str, hash: &str) -> Result<bool> {
        let shadow = self.database("/etc/shadow")?;
        // In a tree without shadow passwords, the hash is in /etc/passwd.
        let known = if shadow.is_empty() { self.database("/etc/passwd")? } else { shadow };
        Ok(database::hash(&known, name) == Some(hash))
    }

    fn set_password(self, name: &str, hash: &str, deadline: Deadline) -> Result<()> {
        if !self.root.is_system() {
            return create::set_password(&mut AccountFiles::lock(self.root, deadline)?, name, hash);
        }
        let line = format!("{name}:{hash}\n");
        let tool = Tool::new("chpasswd").env(BYPASS[0], BYPASS[1]).arg("-e").input(line.as_bytes());
        with_locks(self.root, || run(&tool, deadline))
    }
}

/// Prevents the tools from looking up the dynamic users of systemd.
const BYPASS: [&str; 2] = ["SYSTEMD_NSS_DYNAMIC_BYPASS", "1"];

/// Runs a tool, unless so little time remains that the tool would probably be killed halfway.
fn run(tool: &Tool<'_>, deadline: Deadline) -> Result<()> {
    if deadline.remaining() < LEAST {
        bail!("there is no time left to run {}", tool.name());
    }
    tool.run(deadline.clip(LIMIT))
}

/// Returns the hash to set; `None` for an empty one, which would allow logins without a password.
fn password(account: &Account) -> Result<Option<&str>> {
    let Some(hash) = account.passwd.as_ref().map(|hash| hash.expose().as_str()).filter(|hash| !hash.is_empty()) else {
        return Ok(None);
    };
    // Each of these characters would end the field or line in the input of `chpasswd` and begin that of another
    // account.
    if account.name.contains([':', '\n', '\0']) || hash.contains([':', '\n', '\0']) {
        bail!("a name and a password hash cannot contain a colon, a line break or a NUL byte");
    }
    Ok(Some(hash))
}

/// Builds the `useradd` command for the account, without its home.
fn useradd(account: &Account) -> Tool<'_> {
    // No `..`: the compiler must report a new field that is not handled here. The password and the home are set later.
    let Account {
        name,
        passwd: _,
        gecos,
        home,
        create_home: _,
        primary_group,
        groups,
        no_user_group,
        system,
        no_log_init,
        shell,
    } = account;
    let mut tool = Tool::new("useradd").env(BYPASS[0], BYPASS[1]).args(["--password", NO_PASSWORD, "--no-create-home"]);
    let values = [("--comment", gecos), ("--home-dir", home), ("--gid", primary_group), ("--shell", shell)];
    for (flag, value) in values {
        if let Some(value) = value {
            // Flag and value are one argument: `useradd` searches all arguments for `--root`, including values of other
            // flags.
            tool = tool.arg(format!("{flag}={value}"));
        }
    }
    if !groups.is_empty() {
        tool = tool.arg(format!("--groups={}", groups.join(",")));
    }
    let switches = [("--no-user-group", no_user_group), ("--system", system), ("--no-log-init", no_log_init)];
    tool = tool.args(switches.iter().filter(|(_, given)| **given).map(|(flag, _)| flag));
    // After `--`, a name that begins with a dash is not a flag.
    tool.arg("--").arg(name)
}
