//! The lines of `/etc/passwd`, `/etc/group` and `/etc/shadow`.

use super::UserEntry;

/// A group, as `/etc/group` has it.
pub(super) struct GroupEntry {
    pub(super) name: String,
    pub(super) gid: u32,
}

/// The users of a `passwd` text, without lines that are none.
pub(super) fn users(text: &str) -> impl Iterator<Item = UserEntry> {
    text.lines().filter_map(|line| {
        let [name, _, uid, gid, _, home, shell] = fields(line)?;
        Some(UserEntry {
            name: name.into(),
            uid: uid.parse().ok()?,
            gid: gid.parse().ok()?,
            home: home.into(),
            shell: shell.into(),
        })
    })
}

/// The groups of a `group` text, without lines that are none.
pub(super) fn groups(text: &str) -> impl Iterator<Item = GroupEntry> {
    text.lines().filter_map(|line| {
        let [name, _, gid, _] = fields(line)?;
        Some(GroupEntry { name: name.into(), gid: gid.parse().ok()? })
    })
}

/// The password hash of a user in a `shadow` text.
pub(super) fn hash<'t>(text: &'t str, user: &str) -> Option<&'t str> {
    text.lines().find_map(|line| {
        let mut fields = line.split(':');
        (fields.next()? == user).then(|| fields.next()).flatten()
    })
}

/// Whether the group of this name or number has a member in a `group` text; of one that is not there it cannot be told,
/// and is not denied.
pub(super) fn is_member(text: &str, group: &str, user: &str) -> bool {
    let line = text.lines().filter_map(fields::<4>).find(|[name, _, gid, _]| *name == group || *gid == group);
    line.is_none_or(|[.., members]| members.split(',').any(|member| member == user))
}

/// The fields of a line that has this many, and a name that is no mark of another database (`+`, `-`).
fn fields<const N: usize>(line: &str) -> Option<[&str; N]> {
    let fields: Vec<_> = line.split(':').collect();
    let fields: [&str; N] = fields.try_into().ok()?;
    (!fields[0].is_empty() && !fields[0].starts_with(['+', '-', '#'])).then_some(fields)
}
