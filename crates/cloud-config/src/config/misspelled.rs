//! Unknown keys that are misspellings of a known key. If the known key is absent, the item would have another meaning.
//!
//! A file without its `perms` is readable by every user, and a file without its `contents` is empty. Such an item is
//! refused, as for a value of the wrong type. A user is not refused, because its account and keys give access.

use super::CloudConfig;
use super::fields::{self, DROP_IN, FILE, FieldInfo, TOP, UNIT, USER};
use super::foreign;
use crate::diagnostic::{Finding, Findings, rules};
use crate::text::{is_shown, suggest};
use crate::yaml::{self, Entry, Field, Node, ParsedYaml};

/// Keys that resemble a known key and have another meaning.
const LOOKALIKES: &[&str] = &["lock_passwd", "plain_text_passwd", "create_groups", "create_home", "comment"];

/// Words with a more specific remedy than the correct spelling, and the remedy.
const HELP: &[(&str, &str)] = &[
    ("source src url from content_from", "write the content itself: this program does not fetch files"),
    ("user group uid gid", "write both as `owner`: `user:group`"),
    (
        "content_base64 content_b64 contents_base64 base64_content base64 b64",
        "write it as `content`, with `encoding: base64`",
    ),
    ("password pass pw", "write the hash of the password as `passwd`: `openssl passwd -6` makes one"),
];

/// Refuses items whose meaning an unknown key changes.
pub fn refuse_misspelled(config: &mut CloudConfig, document: &ParsedYaml) -> Vec<Finding> {
    let mut findings = Findings::default();
    let Some(root) = document.root.as_deref().filter(|_| document.error.is_none()) else { return Vec::new() };
    let (access, sections): (Vec<_>, Vec<_>) = TOP.fields.iter().partition(|field| field.access);
    let below_coreos = rows(&fields::COREOS);
    for fault in misspellings(root, &access) {
        let value = &fault.entry.value;
        if fault.meant == ["hostname"] {
            // Keys of other programs can resemble the key.
            if value.text().is_none() || super::is_item_key(&fault.entry.name()) {
                continue;
            }
            findings.push(fault.finding(&Subject::default(), "host name not set"));
        } else if (value.entries().is_none() && !requests_nothing(fault.entry, root)) || holds_keys(fault.entry) {
            // In cloud-init, this name is a mapping of host keys.
            findings.push(fault.finding(&Subject::default(), "SSH keys not set"));
        }
    }
    for (node, rows, place) in [(Some(root), &sections, ""), (root.get("coreos"), &below_coreos, "coreos")] {
        for fault in node.iter().flat_map(|node| misspellings(node, rows)) {
            if is_section(fault.entry, fault.meant[0]) && !super::is_foreign(fault.entry, place) {
                findings.push(fault.finding(&Subject::section(place), "section not applied"));
            }
        }
    }
    for finding in misplaced(root, &access, &sections) {
        findings.push(finding);
    }
    let update = root.get("coreos").and_then(|coreos| coreos.get("update"));
    for fault in update.iter().flat_map(|update| misspellings(update, &rows(&fields::UPDATE))) {
        if fault.meant.contains(&"reboot_strategy") {
            findings.push(fault.finding(&Subject::section("coreos.update"), "reboot strategy not set"));
        }
    }
    // Computed once, because there can be many items.
    let (file_rows, user_rows, unit_rows, drop_in_rows) = (rows(&FILE), rows(&USER), rows(&UNIT), rows(&DROP_IN));
    for (node, file) in items(root.get("write_files"), &mut config.write_files) {
        let mut refused = false;
        for finding in unsupported(node) {
            findings.push(finding);
            refused = true;
        }
        for fault in misspellings(node, &file_rows) {
            findings.push(fault.finding(&Subject::item(&FILE, node), "file skipped"));
            refused = true;
        }
        if !refused && let Some(entry) = in_place_of_content(node, &FILE, |_| true) {
            findings.push(without_content(entry, &Subject::item(&FILE, node), "file skipped"));
            refused = true;
        }
        file.content.bad |= refused;
        file.path.bad |= refused && file.path.filled().is_none();
    }
    for (node, user) in items(root.get("users"), &mut config.users) {
        for fault in misspellings(node, &user_rows) {
            user.name.bad |= fault.meant == ["name"];
            let consequence = match fault.meant.as_slice() {
                ["name"] => "user skipped",
                ["ssh_authorized_keys"] => "SSH keys not set",
                _ => "key not applied",
            };
            findings.push(fault.finding(&Subject::item(&USER, node), consequence));
        }
    }
    let units = root.get("coreos").and_then(|coreos| coreos.get("units"));
    for (node, unit) in items(units, &mut config.coreos.units) {
        for fault in misspellings(node, &unit_rows) {
            findings.push(fault.finding(&Subject::item(&UNIT, node), "unit skipped"));
            unit.content.bad = true;
            unit.name.bad |= unit.name.filled().is_none();
        }
        let is_alone = node.entries().is_some_and(|entries| entries.len() == 2) && node.get("name").is_some();
        let is_lines = |value: &Node| value.text().is_some_and(|text| text.trim_end().contains('\n'));
        if let Some(entry) = in_place_of_content(node, &UNIT, is_lines).filter(|_| is_alone && !unit.content.bad) {
            findings.push(without_content(entry, &Subject::item(&UNIT, node), "unit skipped"));
            unit.content.bad = true;
        }
        for (node, drop_in) in items(node.get("drop_ins"), &mut unit.drop_ins) {
            for fault in misspellings(node, &drop_in_rows) {
                findings.push(fault.finding(&Subject::item(&DROP_IN, node), "drop-in skipped"));
                drop_in.content.bad = true;
            }
        }
    }
    findings.into_list()
}

/// Returns true for a key of cloud-init at the top level whose absence has no effect.
fn requests_nothing(entry: &Entry, root: &Node) -> bool {
    let name = entry.name();
    foreign::find(&name, "", &entry.value).is_some() && foreign::asks_for_nothing(&name, "", &entry.value, root)
}

/// Reports misspelled top-level sections that are below `coreos`, if the top level lacks them.
fn misplaced(root: &Node, access: &Rows, sections: &Rows) -> Vec<Finding> {
    let coreos = root.get("coreos");
    let misspellings =
        coreos.iter().flat_map(|coreos| misspellings(coreos, access).into_iter().chain(misspellings(coreos, sections)));
    let lost = misspellings.filter(|fault| {
        let (entry, name) = (fault.entry, fault.meant[0]);
        let is_value = match name {
            "hostname" => entry.value.text().is_some(),
            "ssh_authorized_keys" => entry.value.entries().is_none() && !entry.value.is_null(),
            "coreos" => false,
            _ => is_section(entry, name),
        };
        let is_below = may_stand_for(&entry.name(), &rows(&fields::COREOS)) || super::is_foreign(entry, "coreos");
        is_value && !is_below && root.get(name).is_none_or(Node::is_null)
    });
    lost.map(|fault| {
        let help = format!("write it as `{}` at the top level", fault.meant[0]);
        fault.finding(&Subject::section("coreos"), "not applied").help(help)
    })
    .collect()
}

/// The rows of the keys that an unknown key may stand for.
type Rows = [&'static FieldInfo];

fn rows(mapping: &fields::Mapping) -> Vec<&'static FieldInfo> {
    mapping.fields.iter().collect()
}

/// Returns true if `name` can be a misspelling of a key of `rows`.
fn may_stand_for(name: &str, rows: &Rows) -> bool {
    !meant_keys(name, rows, &rows.iter().map(|row| row.name).collect::<Vec<_>>()).is_empty()
}

/// Returns true if the value of `entry` has the type of the section `name` and is not empty.
fn is_section(entry: &Entry, name: &str) -> bool {
    let has_entries = |node: &Node| node.entries().is_some_and(|entries| !entries.is_empty());
    match name {
        "manage_etc_hosts" => entry.value.text().is_some(),
        "users" | "write_files" | "units" => {
            entry.value.items().is_some_and(|items| items.iter().any(|item| has_entries(item)))
        }
        _ => has_entries(&entry.value),
    }
}

/// The items of a list, as nodes and as parsed values.
fn items<'a, T>(
    list: Option<&'a Node>,
    fields: &'a mut [Field<T>],
) -> impl Iterator<Item = (&'a Node, &'a mut T)> + use<'a, T> {
    let nodes = list.and_then(Node::items).unwrap_or_default();
    nodes.iter().zip(fields).filter_map(|(node, field)| Some((&**node, field.value.as_mut()?)))
}

/// The mapping that a message is about, as text before the message (with the name of the item) or after the key.
#[derive(Default)]
struct Subject {
    before: String,
    after: String,
}

impl Subject {
    /// Creates the subject for the section at `path`, or for the document if the path is empty.
    fn section(path: &str) -> Self {
        let after = if path.is_empty() { String::new() } else { format!(" of `{path}`") };
        Self { after, ..Self::default() }
    }

    /// Creates the subject for an item of a list.
    fn item(mapping: &fields::Mapping, item: &Node) -> Self {
        let name = item.get(mapping.fields[0].name).and_then(Node::text);
        match name.filter(|name| is_plain(name)) {
            Some(name) => Self { before: format!("{} {name}: ", mapping.item), after: String::new() },
            None => Self { before: String::new(), after: format!(" of a {}", mapping.item) },
        }
    }
}

/// Returns true if no character in the name of an item can separate a secret from it. In a line of an account file, a
/// password hash follows a colon; after a lost line break, the next value follows a blank.
fn is_plain(name: &str) -> bool {
    let is_plain = |c: char| (c.is_alphanumeric() && is_shown(c)) || "-_.@+/\\".contains(c);
    !name.is_empty() && name.len() <= 120 && name.chars().all(is_plain)
}

/// An unknown key, with the absent known keys that it may stand for.
struct Misspelling<'a> {
    entry: &'a Entry,
    meant: Vec<&'static str>,
}

/// Returns the unknown keys of `node` that may stand for an absent key of `rows`.
fn misspellings<'a>(node: &'a Node, rows: &Rows) -> Vec<Misspelling<'a>> {
    // Computed once, because a mapping can be long.
    let absent: Vec<_> =
        rows.iter().map(|row| row.name).filter(|key| node.get(key).is_none_or(Node::is_null)).collect();
    if absent.is_empty() {
        return Vec::new();
    }
    let is_known = |name: &str| rows.iter().any(|row| row.name == name);
    let mut misspellings = Vec::new();
    for entry in node.entries().unwrap_or_default() {
        let name = entry.name();
        // Most keys are known, so this cheap lookup comes first.
        if is_known(&name) {
            continue;
        }
        if let Some(key) = without_space(&name) {
            let key = absent.iter().find(|absent| **absent == key);
            misspellings.extend(key.map(|key| Misspelling { entry, meant: vec![key] }));
            continue;
        }
        if absent.contains(&"ssh_authorized_keys") && holds_keys(entry) {
            misspellings.push(Misspelling { entry, meant: vec!["ssh_authorized_keys"] });
            continue;
        }
        let meant: Vec<_> = meant_keys(&name, rows, &absent).into_iter().filter(|key| absent.contains(key)).collect();
        if !meant.is_empty() {
            misspellings.push(Misspelling { entry, meant });
        }
    }
    misspellings
}

/// Returns the key in `KEY:VALUE`, which lacks the space after its `:`.
fn without_space(name: &str) -> Option<&str> {
    name.split_once(':').filter(|(_, value)| !value.is_empty()).map(|(key, _)| key)
}

/// Returns the absent keys of `rows` that an unknown key may stand for.
fn meant_keys(name: &str, rows: &Rows, absent: &[&'static str]) -> Vec<&'static str> {
    let name = yaml::without_lookalikes(name).to_ascii_lowercase();
    if let Some(row) = rows.iter().find(|row| row.is_misspelled(&name)) {
        return vec![row.name];
    }
    // A placeholder of a template is not a misspelling.
    if LOOKALIKES.contains(&name.as_str()) || name.starts_with("__") {
        return Vec::new();
    }
    // There can be many unknown keys but only few absent ones, so only these are compared.
    let is_close = !suggest::closest(&name, absent.iter().copied()).is_empty();
    if is_close { suggest::closest(&name, rows.iter().map(|row| row.name)) } else { Vec::new() }
}

/// Returns true if ignoring the key `name` has no effect.
pub(super) fn is_harmless(name: &str) -> bool {
    matches!(name, "defer" | "filesystem" | "append" | "overwrite" | "comment" | "description")
        || name.starts_with("__")
}

fn has_word(words: &str, name: &str) -> bool {
    words.split_ascii_whitespace().any(|word| word == name)
}

/// Returns true for a key `ssh` that contains the SSH keys.
fn holds_keys(entry: &Entry) -> bool {
    let keys = entry.value.entries().filter(|_| entry.key.eq_ignore_ascii_case("ssh")).unwrap_or_default();
    let is_key =
        |name: &str| TOP.field("ssh_authorized_keys").is_some_and(|row| row.name == name || row.is_misspelled(name));
    keys.iter().any(|entry| is_key(&entry.name()))
}

/// Returns the first unknown key of an item without `content` that may stand for it: a key that is in no row and
/// belongs to no program.
fn in_place_of_content<'a>(
    item: &'a Node,
    mapping: &fields::Mapping,
    is_content: impl Fn(&Node) -> bool,
) -> Option<&'a Entry> {
    if item.get("content").is_some() {
        return None;
    }
    let is_unknown = |name: &str| {
        !is_harmless(name)
            && without_space(name).is_none()
            && mapping.field(name).is_none()
            && !super::is_item_key(&name.to_ascii_lowercase())
    };
    item.entries()?.iter().find(|entry| is_content(&entry.value) && is_unknown(&entry.name()))
}

fn without_content(entry: &Entry, Subject { before, after }: &Subject, consequence: &str) -> Finding {
    let message = format!("{before}unknown key {}{after} without `content`; {consequence}", entry.display_key());
    let help = "write the content itself as `content`: this program does not fetch, copy or render files";
    Finding::new(&rules::MISSPELLED_KEY, entry.key_span, message).help(help)
}

impl Misspelling<'_> {
    /// Reports that the known key is missing from the subject, with the given consequence.
    fn finding(&self, Subject { before, after }: &Subject, consequence: &str) -> Finding {
        if let Some(key) = without_space(&self.entry.name()) {
            let message = format!("{before}no space after the `:` of `{key}`; {consequence}");
            return Finding::new(&rules::MISSING_SPACE, self.entry.key_span, message).help("write `KEY: VALUE`");
        }
        let key = self.entry.display_key();
        let other =
            yaml::describe_lookalike(&self.entry.key).map_or_else(String::new, |name| format!(": contains {name}"));
        let message = format!("{before}unknown key {key}{after}{other}; {consequence}");
        Finding::new(&rules::MISSPELLED_KEY, self.entry.key_span, message).help(self.help())
    }

    fn help(&self) -> String {
        let name = self.entry.name().to_ascii_lowercase();
        let is_owner_or_other = |help: &str| !help.contains("`owner`") || self.meant == ["owner"];
        if let Some((_, help)) = HELP.iter().find(|row| has_word(row.0, &name) && is_owner_or_other(row.1)) {
            return (*help).to_owned();
        }
        let dashes = yaml::without_lookalikes(&self.entry.key).contains('-');
        let spelt = |key: &&str| if dashes { key.replace('_', "-") } else { (*key).to_owned() };
        suggest::question(&self.meant.iter().map(spelt).collect::<Vec<_>>()).unwrap_or_default()
    }
}

/// Reports keys of a file that ask to keep its old content, which is unsupported.
fn unsupported(node: &Node) -> Vec<Finding> {
    let mut findings = Vec::new();
    for entry in node.entries().unwrap_or_default() {
        // Most keys are known, so this lookup comes first.
        if FILE.field(&entry.key).is_some() {
            continue;
        }
        let name = entry.name().to_ascii_lowercase();
        let is_no = entry.value.is_null() || entry.value.text().is_some_and(is_no);
        let (asks, what) = match name.as_str() {
            "overwrite" => (is_no && !entry.value.is_null(), "an existing file is replaced"),
            _ if suggest::is_close(&name, &["append"]) => (!is_no, "nothing is appended, the file would be replaced"),
            _ => continue,
        };
        if asks {
            let Subject { before, after } = Subject::item(&FILE, node);
            let message = format!("{before}{}{after} is unsupported: {what}; file skipped", entry.display_key());
            let help = "write the complete content; many programs also read a `.d` directory of small files";
            findings.push(Finding::new(&rules::UNSUPPORTED_KEY, entry.key_span, message).help(help));
        }
    }
    findings
}

fn is_no(text: &str) -> bool {
    ["false", "no", "off", "n", "0", ""].iter().any(|no| text.trim().eq_ignore_ascii_case(no))
}

#[cfg(test)]
mod tests;
