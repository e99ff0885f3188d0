//! The lines of `/etc/passwd`, `/etc/group`, `/etc/shadow` and similar files: `passwd(5)`, `group(5)`, `shadow(5)`.

use super::UserEntry;

/// A line of `/etc/group`.
pub(super) struct GroupEntry {
    pub(super) name: String,
    pub(super) gid: u32,
}

/// Parses the users of a `passwd` file; invalid lines are skipped.
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

/// Parses the groups of a `group` file; invalid lines are skipped.
pub(super) fn groups(text: &str) -> impl Iterator<Item = GroupEntry> {
    text.lines().filter_map(|line| {
        let [name, _, gid, _] = fields(line)?;
        Some(GroupEntry { name: name.into(), gid: gid.parse().ok()? })
    })
}

/// Returns the password hash of a user in a `shadow` file.
pub(super) fn hash<'t>(text: &'t str, user: &str) -> Option<&'t str> {
    text.lines().find_map(|line| {
        let mut fields = line.split(':');
        (fields.next()? == user).then(|| fields.next()).flatten()
    })
}

/// Returns the comment (GECOS) of a user in a `passwd` file.
pub(super) fn gecos<'t>(text: &'t str, user: &str) -> Option<&'t str> {
    text.lines().filter_map(fields::<7>).find(|fields| fields[0] == user).map(|fields| fields[4])
}

/// Returns true if the group of this name or number lists `user` as a member in a `group` file.
pub(super) fn is_member(text: &str, group: &str, user: &str) -> bool {
    let mut groups = text.lines().filter_map(fields::<4>).filter(|[name, _, gid, _]| *name == group || *gid == group);
    groups.any(|[.., members]| members.split(',').any(|member| member == user))
}

/// Splits a line into exactly `N` fields; `None` if it has another number of fields or refers to another database (`+`,
/// `-`).
fn fields<const N: usize>(line: &str) -> Option<[&str; N]> {
    let fields: Vec<_> = line.split(':').collect();
    let fields: [&str; N] = fields.try_into().ok()?;
    (!fields[0].is_empty() && !fields[0].starts_with(['+', '-', '#'])).then_some(fields)
}

/// An account file that is being edited. Lines that are not edited keep their bytes, valid UTF-8 or not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Table {
    bytes: Vec<u8>,
}

impl Table {
    /// Creates a table from the content of a file.
    pub(super) const fn new(bytes: Vec<u8>) -> Self {
        Self { bytes }
    }

    /// The content of the file.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The content as text for lookups, with invalid UTF-8 replaced. It is never written back.
    pub(super) fn text(&self) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(&self.bytes)
    }

    /// Returns true if a line has this name.
    pub(super) fn has(&self, name: &str) -> bool {
        self.lines().any(|line| is_of(line, name))
    }

    /// Appends a line, given without its line break.
    pub(super) fn append(&mut self, line: &str) {
        if !self.bytes.is_empty() && !self.bytes.ends_with(b"\n") {
            self.bytes.push(b'\n');
        }
        self.bytes.extend_from_slice(line.as_bytes());
        self.bytes.push(b'\n');
    }

    /// Edits the fields of the first line with this name. Returns false if no line has the name, or if the line has no
    /// field with the index `last`.
    pub(super) fn edit(&mut self, name: &str, last: usize, edit: impl FnOnce(&mut Vec<Vec<u8>>)) -> bool {
        let Some(line) = self.lines().find(|line| is_of(line, name)) else { return false };
        let start = line.as_ptr() as usize - self.bytes.as_ptr() as usize;
        let range = start..start + line.len();
        let mut fields: Vec<Vec<u8>> = line.split(|byte| *byte == b':').map(<[u8]>::to_vec).collect();
        if fields.len() <= last {
            return false;
        }
        edit(&mut fields);
        self.bytes.splice(range, fields.join(&b':'));
        true
    }

    fn lines(&self) -> impl Iterator<Item = &[u8]> {
        self.bytes.split(|byte| *byte == b'\n')
    }
}

fn is_of(line: &[u8], name: &str) -> bool {
    line.strip_prefix(name.as_bytes()).is_some_and(|rest| rest.first() == Some(&b':'))
}

/// Appends `member` to a comma-separated list, unless the list already has it.
pub(super) fn add_member(list: &mut Vec<u8>, member: &str) {
    if list.split(|byte| *byte == b',').any(|known| known == member.as_bytes()) {
        return;
    }
    if !list.is_empty() {
        list.push(b',');
    }
    list.extend_from_slice(member.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_edit_keeps_all_other_bytes() {
        let mut table = Table::new(b"root:*:1\nmary:!:\xff2\n\nlast".to_vec());
        assert!(table.has("mary") && table.has("root") && !table.has("mar") && !table.has("last"));
        assert!(table.edit("mary", 1, |fields| fields[1] = b"hash".to_vec()));
        assert!(!table.edit("mary", 3, |_| ()) && !table.edit("john", 0, |_| ()));
        table.append("john:x");
        assert_eq!(table.bytes(), b"root:*:1\nmary:hash:\xff2\n\nlast\njohn:x\n");
    }

    #[test]
    fn a_member_is_added_once() {
        let mut list = b"core".to_vec();
        for name in ["mary", "mary", "core"] {
            add_member(&mut list, name);
        }
        assert_eq!(list, b"core,mary");
        let mut empty = Vec::new();
        add_member(&mut empty, "mary");
        assert_eq!(empty, b"mary");
    }
}
