//! Creates accounts of a tree as `useradd` does (`useradd(8)`), with the settings of the tree.
//!
//! `useradd --root` would load the name service modules of the tree, as root and outside of the tree, and would open
//! the tree by its path, which can change. So no program of the tree is run: its files are edited through its
//! descriptor. On the running system, the tools of the distribution create accounts: they know its policies and other
//! databases. There, this module adds only the parts that an interrupted `useradd` did not write.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};

use super::InvalidName;
use super::account_files::{AccountFile, AccountFiles};
use super::database::{self, Table, add_member};
use super::login_defs::LoginDefs;
use cloud_config::plan::{Account, is_user_name};

/// The password field of an account without a password: no password matches it. With `!`, sshd without PAM would also
/// refuse keys.
pub(super) const NO_PASSWORD: &str = "*";

const SECONDS_PER_DAY: u64 = 86_400;

/// Adds the account to the files of a tree. All groups of `account` exist.
///
/// # Errors
///
/// The name is invalid or in use, no ID is free, or a file cannot be written.
pub(super) fn create(files: &mut AccountFiles<'_>, defs: &LoginDefs, account: &Account) -> Result<()> {
    let name = &account.name;
    check_name(name)?;
    let Some(passwd) = files.get(AccountFile::Passwd) else { bail!("the tree has no /etc/passwd") };
    if passwd.has(name) {
        bail!("user {name} already exists");
    }
    let users: BTreeSet<u32> = database::users(&passwd.text()).map(|user| user.uid).collect();
    let uid = free_id(&users, &defs.ids("UID", account.system), account.system)
        .context("no free UID between UID_MIN and UID_MAX (/etc/login.defs)")?;
    let groups = files.get(AccountFile::Group).map(|table| table.text().into_owned()).unwrap_or_default();
    let own_group = account.primary_group.is_none() && !account.no_user_group && defs.makes_user_groups();
    let gid = match &account.primary_group {
        Some(group) => gid_of(&groups, group).with_context(|| format!("group {group} does not exist"))?,
        None if own_group => free_gid(&groups, name, uid, &defs.ids("GID", account.system), account.system)?,
        None => defs.default_group(),
    };
    if own_group {
        add_group(files, name, gid);
    }
    add_to_groups(files, name, &account.groups);
    let home = account.home.clone().unwrap_or_else(|| defs.home_of(name));
    let shell = account.shell.as_deref().unwrap_or_else(|| defs.shell());
    let gecos = account.gecos.as_deref().unwrap_or_default();
    for field in [gecos, &home, shell] {
        if field.contains([':', '\n', '\0']) {
            bail!("a field contains `:`, a line break or a NUL byte");
        }
    }
    let has_shadow = files.get(AccountFile::Shadow).is_some();
    let password = if has_shadow { "x" } else { NO_PASSWORD };
    if let Some(passwd) = files.get_mut(AccountFile::Passwd) {
        passwd.append(&format!("{name}:{password}:{uid}:{gid}:{gecos}:{home}:{shell}"));
    }
    add_shadow(files, defs, name, account.system);
    if !account.system {
        add_subordinate_ids(files, defs, name, uid)?;
    }
    files.write(if own_group { &OWN_GROUP } else { &NO_GROUP }).map(drop)
}

/// The order in which the files of a new account are written. After an interrupted run, the next run finds the line in
/// `/etc/passwd` and checks what comes after it: the line in `/etc/shadow`, and the account's own group with its
/// memberships. All other lines come first: a line for a name without an account does no harm.
const OWN_GROUP: [AccountFile; 6] = {
    use AccountFile::{Group, Gshadow, Passwd, Shadow, Subgid, Subuid};
    [Subuid, Subgid, Passwd, Shadow, Gshadow, Group]
};

/// The order for an account without its own group, whose memberships therefore have to come before `/etc/passwd`.
const NO_GROUP: [AccountFile; 6] = {
    use AccountFile::{Group, Gshadow, Passwd, Shadow, Subgid, Subuid};
    [Subuid, Subgid, Gshadow, Group, Passwd, Shadow]
};

/// Adds a line for the user to `/etc/shadow`, if that file exists and lacks one.
pub(super) fn add_shadow(files: &mut AccountFiles<'_>, defs: &LoginDefs, name: &str, system: bool) {
    let Some(shadow) = files.get_mut(AccountFile::Shadow).filter(|shadow| !shadow.has(name)) else { return };
    let day = today();
    shadow.append(&if system {
        format!("{name}:{NO_PASSWORD}:{day}::::::")
    } else {
        let [least, most, warn] = ["PASS_MIN_DAYS", "PASS_MAX_DAYS", "PASS_WARN_AGE"].map(|key| defs.days(key));
        format!("{name}:{NO_PASSWORD}:{day}:{least}:{most}:{warn}:{}::", defs.inactive())
    });
}

/// Adds a group without members, if no group has its name.
pub(super) fn add_group(files: &mut AccountFiles<'_>, name: &str, gid: u32) {
    if let Some(group) = files.get_mut(AccountFile::Group).filter(|group| !group.has(name)) {
        group.append(&format!("{name}:x:{gid}:"));
    }
    if let Some(gshadow) = files.get_mut(AccountFile::Gshadow).filter(|gshadow| !gshadow.has(name)) {
        gshadow.append(&format!("{name}:!::"));
    }
}

/// Adds the user to `groups`, each given by name or ID.
pub(super) fn add_to_groups(files: &mut AccountFiles<'_>, user: &str, groups: &[String]) {
    for group in groups {
        let text = files.get(AccountFile::Group).map(|table| table.text().into_owned()).unwrap_or_default();
        let Some(group) = find_group(&text, group) else { continue };
        for file in [AccountFile::Group, AccountFile::Gshadow] {
            if let Some(table) = files.get_mut(file) {
                table.edit(&group, 3, |fields| add_member(&mut fields[3], user));
            }
        }
    }
}

/// Sets the password hash of a user.
///
/// # Errors
///
/// No line is for the user, or a file cannot be written.
pub(super) fn set_password(files: &mut AccountFiles<'_>, name: &str, hash: &str) -> Result<()> {
    let set = |table: &mut Table, day: Option<String>| {
        table.edit(name, 2, |fields| {
            fields[1] = hash.as_bytes().to_vec();
            if let Some(day) = day {
                fields[2] = day.into_bytes();
            }
        })
    };
    let done = match files.get_mut(AccountFile::Shadow) {
        Some(shadow) => set(shadow, Some(today())),
        None => files.get_mut(AccountFile::Passwd).is_some_and(|passwd| set(passwd, None)),
    };
    if !done {
        bail!("there is no line for {name} in the account files");
    }
    files.write(&[AccountFile::Shadow, AccountFile::Passwd]).map(drop)
}

/// Gives the user ranges of subordinate IDs, if the tree has the files for them (`subuid(5)`).
fn add_subordinate_ids(files: &mut AccountFiles<'_>, defs: &LoginDefs, name: &str, uid: u32) -> Result<()> {
    if !defs.ids("UID", false).contains(&uid) {
        return Ok(());
    }
    for (file, kind) in [(AccountFile::Subuid, "UID"), (AccountFile::Subgid, "GID")] {
        let (range, count) = defs.subordinate_ids(kind);
        let Some(table) = files.get_mut(file).filter(|table| count > 0 && !table.has(name)) else { continue };
        let start = free_range(&table.text(), &range, count)
            .with_context(|| format!("no free range of subordinate {kind}s (SUB_{kind}_MAX in /etc/login.defs)"))?;
        table.append(&format!("{name}:{start}:{count}"));
    }
    Ok(())
}

/// Returns the first free range of `count` IDs.
fn free_range(text: &str, range: &RangeInclusive<u64>, count: u64) -> Option<u64> {
    let taken = text.lines().filter_map(|line| {
        let mut fields = line.split(':').skip(1).map(str::parse::<u64>);
        Some((fields.next()?.ok()?, fields.next()?.ok()?))
    });
    let mut taken: Vec<_> = taken.collect();
    taken.sort_unstable();
    let mut start = *range.start();
    for (first, length) in taken {
        if first >= start.saturating_add(count) {
            break;
        }
        start = start.max(first.saturating_add(length));
    }
    (start.checked_add(count - 1)? <= *range.end()).then_some(start)
}

/// Returns an ID for a new user or group: for system accounts the one below the lowest in use, for other accounts the
/// one above the highest, as `useradd` does; otherwise any free ID.
fn free_id(used: &BTreeSet<u32>, range: &RangeInclusive<u32>, system: bool) -> Option<u32> {
    if range.is_empty() {
        return None;
    }
    let next = if system {
        used.range(range.clone()).next().map_or(Some(*range.end()), |lowest| lowest.checked_sub(1))
    } else {
        used.range(range.clone()).next_back().map_or(Some(*range.start()), |highest| highest.checked_add(1))
    };
    // For the system, the highest ID means "do not change".
    let is_free = |id: &u32| range.contains(id) && !used.contains(id) && *id != u32::MAX;
    next.filter(is_free)
        .or_else(|| if system { range.clone().rev().find(is_free) } else { range.clone().find(is_free) })
}

fn free_gid(groups: &str, name: &str, uid: u32, range: &RangeInclusive<u32>, system: bool) -> Result<u32> {
    if database::groups(groups).any(|group| group.name == name) {
        bail!("group {name} exists already; name it as `primary_group` to add the user to it");
    }
    let used: BTreeSet<u32> = database::groups(groups).map(|group| group.gid).collect();
    let same = Some(uid).filter(|gid| range.contains(gid) && !used.contains(gid));
    same.or_else(|| free_id(&used, range, system)).context("no free GID between GID_MIN and GID_MAX (/etc/login.defs)")
}

/// Returns the ID of a group that is given by name or ID.
pub(super) fn gid_of(groups: &str, group: &str) -> Option<u32> {
    let find = |wanted: &dyn Fn(&database::GroupEntry) -> bool| database::groups(groups).find(wanted);
    find(&|known| known.name == group)
        .or_else(|| {
            let gid: u32 = group.parse().ok()?;
            find(&|known| known.gid == gid)
        })
        .map(|known| known.gid)
}

/// Returns the name of a group that is given by name or ID.
fn find_group(groups: &str, group: &str) -> Option<String> {
    let gid = gid_of(groups, group)?;
    let mut known: Vec<_> = database::groups(groups).filter(|known| known.gid == gid).map(|known| known.name).collect();
    let at = known.iter().position(|name| name == group).unwrap_or_default();
    Some(known.swap_remove(at))
}

/// Checks that a user can be created with this name.
///
/// # Errors
///
/// [`InvalidName`] if the name is invalid.
pub(super) fn check_name(name: &str) -> Result<()> {
    if is_user_name(name) { Ok(()) } else { Err(InvalidName.into()) }
}

/// Returns the current date in days since 1970, the unit of `/etc/shadow`. Day 0 would make the user change the
/// password.
fn today() -> String {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    match seconds / SECONDS_PER_DAY {
        0 => String::new(),
        day => day.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_chosen_as_useradd_chooses_them() {
        let used = |ids: &[u32]| ids.iter().copied().collect::<BTreeSet<_>>();
        assert_eq!(free_id(&used(&[0, 65534]), &(1000..=60000), false), Some(1000));
        assert_eq!(free_id(&used(&[1000, 1005]), &(1000..=60000), false), Some(1006));
        assert_eq!(free_id(&used(&[1000, 60000]), &(1000..=60000), false), Some(1001));
        assert_eq!(free_id(&used(&[232, 998]), &(101..=999), true), Some(231));
        assert_eq!(free_id(&used(&[101]), &(101..=103), true), Some(103));
        assert_eq!(free_id(&used(&[1, 2]), &(1..=2), false), None);
        assert_eq!(free_id(&used(&[]), &RangeInclusive::new(2, 1), true), None);
    }

    #[test]
    fn subordinate_numbers_do_not_overlap() {
        let range = 100_000..=600_100_000;
        assert_eq!(free_range("", &range, 65_536), Some(100_000));
        assert_eq!(free_range("a:100000:65536\nbroken\n", &range, 65_536), Some(165_536));
        assert_eq!(free_range("b:200000:10\na:100000:10\n", &range, 65_536), Some(100_010));
        assert_eq!(free_range("a:100000:600000001\n", &range, 65_536), None);
        assert_eq!(free_range("a:0:18446744073709551615\n", &range, 65_536), None);
    }

    #[test]
    fn groups_are_found_by_name_or_number() {
        let text = "docker:x:233:core\n1000:x:5:\nalias:x:233:\n";
        assert_eq!(
            (gid_of(text, "docker"), gid_of(text, "233"), gid_of(text, "1000")),
            (Some(233), Some(233), Some(5))
        );
        assert_eq!((find_group(text, "alias").as_deref(), find_group(text, "6")), (Some("alias"), None));
    }

    #[test]
    fn names_that_would_break_a_line_are_refused() {
        for name in ["", "a:b", "a,b", "a b", "a\n", "-a", "~a", "1000", "..", "a/b", &"a".repeat(33)] {
            assert!(check_name(name).is_err(), "{name:?}");
        }
        check_name("mary.j-1_$").unwrap();
    }
}
