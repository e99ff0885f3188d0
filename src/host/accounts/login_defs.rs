//! The settings of the distribution for new accounts: `/etc/login.defs` (`login.defs(5)`) and `/etc/default/useradd`
//! (`useradd(8)`), with the defaults of `useradd`.

use std::collections::HashMap;
use std::ops::RangeInclusive;
use std::path::Path;

use anyhow::Result;

use super::LARGEST;
use crate::host::files;
use crate::host::root::Root;

/// The settings of both files.
#[derive(Debug, Default)]
pub(super) struct LoginDefs {
    defs: HashMap<String, String>,
    useradd: HashMap<String, String>,
}

impl LoginDefs {
    /// Reads the settings of a tree; a setting without a file has its default.
    ///
    /// # Errors
    ///
    /// A file exists and cannot be read.
    pub(super) fn read(root: &Root) -> Result<Self> {
        let text = |path: &str| -> Result<String> {
            let bytes = files::read(root, Path::new(path), LARGEST)?.unwrap_or_default();
            Ok(String::from_utf8_lossy(&bytes).into_owned())
        };
        Ok(Self::parse(&text("/etc/login.defs")?, &text("/etc/default/useradd")?))
    }

    fn parse(login_defs: &str, useradd: &str) -> Self {
        let lines = |text: &str, separator: fn(char) -> bool| {
            let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
            let pairs = lines.filter_map(|line| line.split_once(separator));
            pairs.map(|(key, value)| (key.to_owned(), value.trim().trim_matches('"').to_owned())).collect()
        };
        Self { defs: lines(login_defs, char::is_whitespace), useradd: lines(useradd, |c| c == '=') }
    }

    fn number<T: TryFrom<i64>>(&self, key: &str) -> Option<T> {
        let text = self.defs.get(key)?;
        let number = match text.strip_prefix("0x") {
            Some(digits) => i64::from_str_radix(digits, 16),
            None if text.len() > 1 && text.starts_with('0') => i64::from_str_radix(text, 8),
            None => text.parse(),
        };
        number.ok().and_then(|number| T::try_from(number).ok())
    }

    /// Returns the range of IDs of new users (`kind` is `UID`) or groups (`GID`).
    pub(super) fn ids(&self, kind: &str, system: bool) -> RangeInclusive<u32> {
        let least: u32 = self.number(&format!("{kind}_MIN")).unwrap_or(1000);
        if system {
            let first = self.number(&format!("SYS_{kind}_MIN")).unwrap_or(101);
            return first..=self.number(&format!("SYS_{kind}_MAX")).unwrap_or(least.saturating_sub(1));
        }
        least..=self.number(&format!("{kind}_MAX")).unwrap_or(60_000)
    }

    /// Returns the range of subordinate IDs of new users (`kind` is `UID` or `GID`), and the number of IDs per user.
    pub(super) fn subordinate_ids(&self, kind: &str) -> (RangeInclusive<u64>, u64) {
        let get = |end: &str, default| self.number(&format!("SUB_{kind}_{end}")).unwrap_or(default);
        (get("MIN", 100_000)..=get("MAX", 600_100_000), get("COUNT", 65_536))
    }

    /// Returns true if a new user gets a group of the same name.
    pub(super) fn makes_user_groups(&self) -> bool {
        self.defs.get("USERGROUPS_ENAB").is_some_and(|value| value.eq_ignore_ascii_case("yes"))
    }

    /// Returns a field of `/etc/shadow` that counts days; empty if the setting is missing.
    pub(super) fn days(&self, key: &str) -> String {
        self.number::<i64>(key).filter(|days| *days >= 0).map(|days| days.to_string()).unwrap_or_default()
    }

    /// The mode of a new home directory.
    pub(super) fn home_mode(&self) -> u32 {
        let umask: u32 = self.number("UMASK").unwrap_or(0o022);
        self.number("HOME_MODE").unwrap_or(0o777 & !umask) & 0o7777
    }

    /// Returns the primary group of users without a group of their own.
    pub(super) fn default_group(&self) -> u32 {
        self.useradd.get("GROUP").and_then(|group| group.parse().ok()).unwrap_or(100)
    }

    /// Returns the directory in which home directories are created.
    pub(super) fn homes(&self) -> &str {
        self.useradd.get("HOME").map_or("/home", String::as_str)
    }

    /// The default home directory of a user.
    pub(super) fn home_of(&self, name: &str) -> String {
        format!("{}/{name}", self.homes().trim_end_matches('/'))
    }

    /// The default login shell.
    pub(super) fn shell(&self) -> &str {
        self.useradd.get("SHELL").map_or("/bin/sh", String::as_str)
    }

    /// The skeleton of a new home directory.
    pub(super) fn skeleton(&self) -> &str {
        self.useradd.get("SKEL").filter(|path| path.starts_with('/')).map_or("/etc/skel", String::as_str)
    }

    /// Returns the number of days after which an account with an expired password is locked; empty for never.
    pub(super) fn inactive(&self) -> String {
        self.useradd.get("INACTIVE").filter(|days| days.parse::<u32>().is_ok()).cloned().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_useradd_reads_them() {
        let text = "UID_MIN\t\t 2000\nUID_MAX 0x7d1\n# GID_MIN 5\nUMASK\t\t027\nPASS_MAX_DAYS\t99999\nPASS_MIN_DAYS -1\n\
                    USERGROUPS_ENAB yes\n";
        let defs = LoginDefs::parse(text, "# SHELL=/x\nSHELL=/bin/bash\nSKEL=relative\nGROUP=7\n");
        assert_eq!((defs.ids("UID", false), defs.ids("UID", true)), (2000..=2001, 101..=1999));
        assert_eq!(defs.ids("GID", false), 1000..=60_000);
        assert_eq!((defs.home_mode(), defs.default_group()), (0o750, 7));
        assert_eq!((defs.days("PASS_MAX_DAYS"), defs.days("PASS_MIN_DAYS")), ("99999".into(), String::new()));
        assert_eq!((defs.shell(), defs.skeleton(), defs.homes()), ("/bin/bash", "/etc/skel", "/home"));
        assert!(defs.makes_user_groups() && !LoginDefs::default().makes_user_groups());
        assert_eq!(defs.subordinate_ids("UID"), (100_000..=600_100_000, 65_536));
    }
}
