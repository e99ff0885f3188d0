//! Accounts, SSH keys and imports of keys.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use super::model::{self, User};
use super::{Converter, image, quote};
use crate::config;
use crate::diagnostic::{Span, rules};
use crate::plan::{self, Account, CORE, KeyImport, KeySet, Owner, Principal};
use crate::run_plan::PartPlan;
use crate::text::printable;
use crate::text::secret::Secret;
use crate::yaml::Field;

/// The accounts of a result, in the order of the source.
#[derive(Default)]
pub(super) struct Users {
    list: Vec<User>,
    at: HashMap<String, usize>,
    /// The primary groups of accounts that the result creates.
    login_groups: HashMap<String, String>,
    /// The home directories of accounts that the result creates, and the directories above them.
    homes: HashSet<PathBuf>,
    /// The accounts without a home directory that `useradd` creates for them.
    homeless: HashSet<String>,
}

impl Users {
    /// The account `name`, which is added if it is not there.
    fn entry(&mut self, name: &str) -> &mut User {
        let index = *self.at.entry(name.to_owned()).or_insert_with(|| {
            self.list.push(User { name: name.to_owned(), ..User::default() });
            self.list.len() - 1
        });
        &mut self.list[index]
    }

    /// Returns true if an account gets a password.
    pub fn has_password(&self) -> bool {
        self.list.iter().any(|user| user.password_hash.is_some())
    }

    pub fn into_list(self) -> Vec<User> {
        self.list
    }

    /// Returns true if the user exists when files are written.
    pub fn has_user(&self, name: &str) -> bool {
        image::has_user(name) || self.login_groups.contains_key(name)
    }

    /// Returns true if `path` is below the home directory of an account of the result.
    pub fn has_home_above(&self, path: &str) -> bool {
        self.list.iter().filter_map(|user| user.home_dir.as_deref()).any(|home| image::is_below(path, home))
    }

    /// The home directories of the accounts.
    pub fn homes(&self) -> impl Iterator<Item = String> {
        let of_image = ["/root", "/home/core"].map(str::to_owned);
        of_image.into_iter().chain(self.list.iter().map(home))
    }

    /// The files that Ignition writes SSH keys to.
    pub fn key_files(&self) -> impl Iterator<Item = String> {
        let users = self.list.iter().filter(|user| !user.ssh_authorized_keys.is_empty());
        users.map(|user| format!("{}/.ssh/authorized_keys.d/ignition", home(user)))
    }

    /// Returns true if `name` is the own group of an account that the result creates.
    fn creates_group(&self, name: &str) -> bool {
        self.login_groups.get(name).is_some_and(|group| group == name)
    }

    /// The primary group of a user, if it is known.
    pub fn login_group(&self, name: &str) -> Option<&str> {
        if image::has_user(name) { None } else { self.login_groups.get(name).map(String::as_str) }
    }

    /// Adds the home directory of a new account. `useradd` leaves a directory that exists to its owner.
    fn add_home(&mut self, name: &str, home: &str, is_created: bool) {
        let home = plan::normalize(home).filter(|_| is_created);
        let is_of_image = |home: &Path| home == "/home/core" || image::is_directory(&home.to_string_lossy());
        if home.as_ref().is_none_or(|home| is_of_image(home) || self.homes.contains(home)) {
            self.homeless.insert(name.to_owned());
        }
        let mut directories = home.iter().flat_map(|home| home.ancestors());
        while directories.next().is_some_and(|directory| self.homes.insert(directory.to_owned())) {}
    }
}

/// The home directory of an account.
fn home(user: &User) -> String {
    match (&user.home_dir, user.name.as_str()) {
        (Some(home), _) => home.trim_end_matches('/').to_owned(),
        (None, "root") => "/root".to_owned(),
        (None, name) => format!("/home/{name}"),
    }
}

/// The place of a group in the list of a user.
fn groups_key(user: &config::User, group: &str) -> Option<Span> {
    let has = |field: &&Field<String>| field.text().split(',').any(|known| known.trim() == group);
    user.groups.0.iter().find(has).and_then(|field| field.span)
}

/// The difference of a password.
const PASSWORD: &str = "the password is set once, on the first boot";

impl Converter<'_> {
    /// Returns true if the group exists when accounts are created.
    pub(super) fn has_group(&self, name: &str) -> bool {
        image::has_group(self.options.variant, name) || self.users.creates_group(name)
    }

    pub(super) fn user(&mut self, account: &Account, span: Option<Span>) {
        let name = account.name.as_str();
        let shown = plan::redacted_user_name(name);
        let subject = format!("user {shown}");
        let texts = [Some(name), account.gecos.as_deref(), account.home.as_deref(), account.shell.as_deref()];
        let password = account.passwd.as_ref().map(|hash| hash.expose().as_str());
        if texts.into_iter().flatten().chain(password).any(|text| self.stand_ins.is_in(text)) {
            return self.lost(span, &subject, "a field contains an address token", None);
        }
        let password_hash = account.passwd.clone();
        if image::has_user(name) {
            if password_hash.is_some() {
                let place = self.user_key(span, |user| user.passwd.span);
                let note = self.changed(place, &subject, PASSWORD, None);
                let user = self.users.entry(name);
                user.password_hash = password_hash;
                user.notes.push(note);
            }
            // The plan reports the fields that an existing user does not get.
            return;
        }
        if self.users.has_user(name) {
            // Listed twice: the plan reports it, and only the password of the second item counts.
            if password_hash.is_some() {
                self.users.entry(name).password_hash = password_hash;
            }
            return;
        }
        if !image::is_valid_user(name) {
            let help =
                "begin the name with a lowercase letter or `_`, and go on with lowercase letters, digits, `-` and `_`";
            let reason = "useradd of the image may reject the name, which fails the boot";
            return self.lost(span, &subject, reason, Some(help));
        }
        if image::is_reserved(name) {
            let reason = "the image may have a user or group of this name, and creating it again would fail the boot";
            return self.lost(span, &subject, reason, Some("give the user another name"));
        }
        // A run gives an account the group of its own name wherever the account asks for it.
        let is_own = |group: &&String| *group == name && !account.no_user_group;
        let mut groups = Vec::new();
        for group in account.groups.iter().filter(|group| !is_own(group)) {
            if self.has_group(group) {
                groups.push(group.clone());
            } else {
                let place = self.user_key(span, |user| groups_key(user, group));
                self.missing_group(&subject, "group", group, place);
            }
        }
        let asked = account.primary_group.as_ref().filter(|group| !is_own(group));
        let primary_group = match asked {
            Some(group) if self.has_group(group) => Some(group.clone()),
            Some(group) => {
                let place = self.user_key(span, |user| user.primary_group.span);
                self.missing_group(&subject, "primary group", group, place);
                None
            }
            None => None,
        };
        let place = self.user_key(span, |user| user.homedir.span);
        let is_usable = |home: &&str| !account.create_home || self.can_create_home(home, &subject, place);
        let home_dir = account.home.as_deref().filter(is_usable);
        let place = self.user_key(span, |user| user.shell.span);
        let shell = account.shell.as_ref().filter(|shell| self.is_usable_shell(shell, &subject, place));
        let mut notes = Vec::new();
        if password_hash.is_some() {
            let place = self.user_key(span, |user| user.passwd.span);
            notes.push(self.changed(place, &subject, PASSWORD, None));
        }
        let login_group = match &primary_group {
            Some(group) => group.clone(),
            None if account.no_user_group => "users".to_owned(),
            None => name.to_owned(),
        };
        self.users.login_groups.insert(name.to_owned(), login_group);
        self.users.add_home(name, home_dir.unwrap_or(&format!("/home/{name}")), account.create_home);
        let user = self.users.entry(name);
        *user = User {
            name: name.to_owned(),
            password_hash,
            gecos: account.gecos.clone(),
            home_dir: home_dir.map(str::to_owned),
            no_create_home: !account.create_home,
            groups,
            no_user_group: account.no_user_group,
            primary_group,
            no_log_init: account.no_log_init,
            shell: shell.cloned(),
            system: account.system,
            ssh_authorized_keys: std::mem::take(&mut user.ssh_authorized_keys),
            notes: user.notes.drain(..).chain(notes).collect(),
        };
    }

    /// The place of a key of the user at `span`, or else of the user.
    fn user_key(&self, span: Option<Span>, key: impl FnOnce(&config::User) -> Option<Span>) -> Option<Span> {
        let mut users = self.cloud_config().into_iter().flat_map(|config| &config.users);
        let user = users.find(|user| user.span == span).and_then(Field::get);
        user.and_then(key).or(span)
    }

    /// Returns true if Ignition can create the home directory, and reports the reason if not.
    fn can_create_home(&mut self, home: &str, subject: &str, span: Option<Span>) -> bool {
        let variant = self.options.variant;
        // The directories themselves are no homes, either.
        let inside = format!("{}/", home.trim_end_matches('/'));
        let reason = if image::is_read_only(variant, &inside) {
            "the image is read-only there"
        } else if image::is_volatile(&inside) {
            "each boot empties the directory"
        } else if image::is_elsewhere(variant, &inside) {
            "the file system at the path is not mounted when Ignition runs"
        } else {
            return true;
        };
        let reason = format!("home directory {}: {reason}; the default one is used", printable(home));
        self.lost(span, subject, &reason, Some("put it below /home or /var"));
        false
    }

    /// Returns true if the account gets the login shell, and reports one that the image may not have.
    fn is_usable_shell(&mut self, shell: &str, subject: &str, span: Option<Span>) -> bool {
        let mut steps = self.plan.parts.iter().flat_map(PartPlan::steps);
        if image::has_shell(shell) || steps.any(|planned| planned.step.path() == Some(Path::new(shell))) {
            return true;
        }
        if !plan::is_common_shell(shell) {
            // It may restrict the user: the default one would give more access.
            let difference = format!("the image may not have the shell {}; applied anyway", printable(shell));
            let help = "a user whose shell does not exist cannot log in";
            self.changed(span, subject, &difference, Some(help));
            return true;
        }
        let reason = format!("the image may not have the shell {}; the default one is used", printable(shell));
        let help = "Flatcar and Fedora CoreOS have bash; if the image has the shell, add it to the user by hand";
        self.lost(span, subject, &reason, Some(help));
        false
    }

    fn missing_group(&mut self, subject: &str, kind: &str, group: &str, span: Option<Span>) {
        let group = printable(group);
        let reason = format!("{kind} {group} may be missing in the image, which would fail the boot");
        let help = format!(
            "if the image has group {group}, add it to the user by hand; to create it, add it to `passwd.groups`"
        );
        let message = format!("{subject}: {reason}; group not converted");
        self.report(&rules::NOT_CONVERTED, span, message, Some(&help));
    }

    pub(super) fn keys(&mut self, set: &KeySet, span: Option<Span>) {
        let subject = format!("SSH keys of user {}", plan::redacted_user_name(&set.user));
        if self.stand_ins.is_in(&set.user) || set.keys.iter().any(|key| self.stand_ins.is_in(key)) {
            return self.lost(span, &subject, "a key or the user name contains an address token", None);
        }
        if self.users.homeless.contains(&set.user) {
            let reason = "Ignition writes keys as the user, who cannot write to the home directory";
            let help = "remove `no_create_home`, or give the user a home directory of its own";
            return self.lost(span, &subject, reason, Some(help));
        }
        if !self.users.has_user(&set.user) {
            // The plan refused the user.
            return self.lost(span, &subject, "the user is not created", None);
        }
        let difference = "set once, in the key set `ignition`; keys that are later removed from the source remain set";
        let note = self.changed(span, &subject, difference, None);
        let user = self.users.entry(&set.user);
        user.notes.push(note);
        let mut known: HashSet<String> = user.ssh_authorized_keys.iter().cloned().collect();
        for key in &set.keys {
            if known.insert(key.clone()) {
                user.ssh_authorized_keys.push(key.clone());
            }
        }
    }

    pub(super) fn import(&mut self, import: &KeyImport, span: Option<Span>) {
        let user = plan::redacted_user_name(&import.user);
        let subject = format!("import of SSH keys of user {user}");
        let url = import.url.expose();
        if self.stand_ins.is_in(url) || self.stand_ins.is_in(&import.user) {
            return self.lost(span, &subject, "the URL or the user name contains an address token", None);
        }
        if !self.users.has_user(&import.user) {
            return self.lost(span, &subject, "the user is not created", None);
        }
        if *url != import.from {
            let help = "use a URL without credentials and parameters, or write the keys to `ssh_authorized_keys`";
            return self.lost(
                span,
                &subject,
                "every user can read the URL in a unit, and it may contain a secret",
                Some(help),
            );
        }
        self.imports += 1;
        if self.imports == 1 {
            self.plain_file(
                SCRIPT.as_ref(),
                script(self.options.variant).into_bytes(),
                0o755,
                vec!["Sets the SSH keys of a user to those of a URL.".to_owned()],
            );
        }
        // GitHub hands out the keys of an account as lines, too.
        let github = url.strip_prefix("https://api.github.com/users/").and_then(|rest| rest.strip_suffix("/keys"));
        let (format, url) = match github {
            Some(account) => ("lines", format!("https://github.com/{account}.keys")),
            None => ("json", url.clone()),
        };
        let means = "fetched at each boot by a generated unit; needs the network";
        let note = self.generated(
            span,
            &subject,
            means,
            Some("write the keys to `ssh_authorized_keys`, which needs no network"),
        );
        let arguments: Vec<_> = [&import.user, &import.set, format, &url].into_iter().map(quote_argument).collect();
        let contents = format!(
            "[Unit]\nDescription=SSH keys of user {} from the network\nWants=network-online.target\nAfter=network-online.target\n\n\
             [Service]\nType=exec\nRemainAfterExit=yes\nExecStart=/bin/sh {SCRIPT} {}\n\n[Install]\nWantedBy=multi-user.target\n",
            quote::unit_path(&import.user),
            arguments.join(" ")
        );
        self.units.generated.push(model::Unit {
            name: format!("cloud-config-keys-{}.service", self.imports),
            enabled: true,
            contents: Some(Secret::new(contents)),
            notes: vec![note],
            ..model::Unit::default()
        });
    }

    /// The user and the group of a file as the model has them; `None` if one of them may not exist when Ignition writes.
    pub(super) fn owner(&self, owner: &Owner) -> Option<(Option<Principal>, Option<Principal>)> {
        let user = owner.user.clone().filter(|user| *user != Principal::Name("root".to_owned()));
        if let Some(Principal::Name(name)) = &user
            && !self.users.has_user(name)
        {
            return None;
        }
        let group = match (&owner.group, &user) {
            (Some(group), _) => Some(group.clone()),
            (None, Some(Principal::Name(name))) if owner.login_group && name == CORE => {
                Some(Principal::Name(CORE.to_owned()))
            }
            (None, Some(Principal::Name(name))) if owner.login_group => {
                Some(Principal::Name(self.users.login_group(name)?.to_owned()))
            }
            (None, Some(Principal::Id(_))) if owner.login_group => return None,
            (None, _) => None,
        };
        let group = group.filter(|group| *group != Principal::Name("root".to_owned()));
        if let Some(Principal::Name(name)) = &group
            && !self.has_group(name)
        {
            return None;
        }
        Some((user, group))
    }
}

fn quote_argument(text: impl AsRef<str>) -> String {
    quote::argument(text.as_ref())
}

/// The program that sets the keys of a user.
const SCRIPT: &str = "/etc/cloud-config/import-keys.sh";

fn script(variant: model::Variant) -> String {
    let set = match variant {
        model::Variant::Flatcar => "printf '%s\\n' \"$keys\" | update-ssh-keys -u \"$user\" -a \"$set\"\n".to_owned(),
        // sshd reads every file of the directory.
        model::Variant::Fcos => "# shellcheck disable=SC2016\n\
             printf '%s\\n' \"$keys\" | runuser -u \"$user\" -- sh -c \\\n\
             \x20 'umask 077; mkdir -p ~/.ssh/authorized_keys.d && cat > ~/.ssh/authorized_keys.d/\"$1\"' sh \"$set\"\n"
            .to_owned(),
    };
    format!(
        "#!/bin/sh\n# Usage: import-keys.sh USER SET lines|json URL\nset -eu\nuser=$1 set=$2 format=$3 url=$4\n\
         answer=$(curl --fail --silent --show-error --location --globoff --max-time 60 --retry 10 --retry-max-time 300 \\\n\
         \x20 --retry-connrefused \"$url\")\n\
         case $format in\n  json) keys=$(printf '%s\\n' \"$answer\" | jq -r '.[].key') ;;\n  *) keys=$answer ;;\nesac\n\
         if [ -z \"$keys\" ]; then\n  echo \"no keys at $url; the keys of user $user stay as they are\" >&2\n  exit 1\nfi\n{set}"
    )
}
