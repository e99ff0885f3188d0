//! Unknown keys that stand for a known one: where that is absent, the item would not be what its author asked for.
//!
//! A file whose `perms` are ignored is readable by everyone, one whose `contents` are ignored is emptied. Such an
//! item is refused, as it is for a value of the wrong type. A user is not: its account and its keys are access.

use super::CloudConfig;
use crate::finding::{Finding, Findings, rules};
use crate::nearest;
use crate::yaml::{Document, Entry, Field, Node};

/// A known key and the words that users write for it, spelt with `_`.
pub(super) type Row = (&'static str, &'static str);

pub(super) const FILE: &[Row] = &[
    ("path", "file filename file_name file_path filepath dest destination name target location"),
    (
        "content",
        "contents data text body file_content file_contents content_inline inline value source src url from content_from",
    ),
    ("permissions", "perms perm permission mode file_mode filemode file_permissions chmod umask"),
    ("owner", "user group uid gid own owners ownership chown username user_group"),
    ("encoding", "enc encode encoded codec content_encoding file_encoding"),
];

pub(super) const UNIT: &[Row] = &[
    ("name", "unit unit_name service service_name file filename file_name path"),
    ("content", "contents data text body unit_content unit_file file_content source src url"),
    ("drop_ins", "dropins dropin drop_in overrides override"),
    ("enable", "enabled"),
    ("mask", "masked"),
    ("runtime", "transient temporary"),
    ("command", "commands cmd action state verb"),
];

pub(super) const DROP_IN: &[Row] =
    &[("name", "file filename file_name path dest"), ("content", "contents data text body source src url")];

const USER: &[Row] = &[
    ("name", "username user_name user login"),
    ("gecos", "comment full_name fullname real_name"),
    ("passwd", "password password_hash passwordhash hashed_passwd hashed_password passwd_hash pass pw"),
    ("homedir", "home home_dir home_directory"),
    ("no_create_home", "nocreatehome"),
    ("primary_group", "gid group primarygroup"),
    ("groups", "group_list supplementary_groups secondary_groups additional_groups"),
    ("no_user_group", "nousergroup"),
    ("ssh_authorized_keys", KEYS),
    ("system", ""),
    ("no_log_init", "nologinit"),
    ("shell", "login_shell"),
    ("coreos_ssh_import_github", ""),
    ("coreos_ssh_import_github_users", ""),
    ("coreos_ssh_import_url", ""),
];

/// Words for `ssh_authorized_keys`.
const KEYS: &str = "ssh_keys ssh_key sshkeys sshkey keys key authorized_keys authorized_key ssh_public_keys \
                    ssh_public_key public_keys public_key pubkeys pubkey ssh_pubkeys ssh_pubkey authorized_ssh_keys \
                    ssh_keys_authorized";

/// At the top level, only the SSH keys are access; other misspelled sections do nothing.
const TOP: &[Row] = &[("ssh_authorized_keys", KEYS)];

/// Keys that resemble one of ours and mean something else.
const OTHERS: &[&str] = &["lock_passwd", "plain_text_passwd", "create_groups", "comment"];

/// The help for words that say more than a misspelled key does.
const HELP: &[(&str, &str)] = &[
    ("source src url from content_from", "give the content itself: nothing is fetched here"),
    ("user group uid gid", "write both as `owner`: `user:group`"),
    ("password pass pw", "write the hash of the password as `passwd`: `openssl passwd -6` makes one"),
];

/// Marks what an unknown key makes something else than its author asked for, so that it is refused.
pub fn refuse_misspelled(config: &mut CloudConfig, document: &Document) -> Vec<Finding> {
    let mut findings = Findings::default();
    let Some(root) = document.root.as_deref().filter(|_| document.error.is_none()) else { return Vec::new() };
    for fault in faults(root, TOP).into_iter().filter(|fault| is_keys(&fault.entry.value)) {
        findings.tell(fault.finding("", "SSH keys not set"));
    }
    for (node, file) in items(root.get("write_files"), &mut config.write_files) {
        let mut refused = false;
        for finding in unsupported(node) {
            findings.tell(finding);
            refused = true;
        }
        for fault in faults(node, FILE) {
            findings.tell(fault.finding("a file", "file skipped"));
            refused = true;
        }
        file.content.bad |= refused;
        file.path.bad |= refused && file.path.filled().is_none();
    }
    for (node, user) in items(root.get("users"), &mut config.users) {
        for fault in faults(node, USER) {
            let is_name = fault.meant == ["name"];
            user.name.bad |= is_name;
            findings.tell(fault.finding("a user", if is_name { "user skipped" } else { "not applied" }));
        }
    }
    let units = root.get("coreos").and_then(|coreos| coreos.get("units"));
    for (node, unit) in items(units, &mut config.coreos.units) {
        for fault in faults(node, UNIT) {
            findings.tell(fault.finding("a unit", "unit skipped"));
            unit.content.bad = true;
            unit.name.bad |= unit.name.filled().is_none();
        }
        for (node, drop_in) in items(node.get("drop_ins"), &mut unit.drop_ins) {
            for fault in faults(node, DROP_IN) {
                findings.tell(fault.finding("a drop-in", "drop-in skipped"));
                drop_in.content.bad = true;
            }
        }
    }
    findings.into_list()
}

/// The items of a list as they are written and as they were read.
fn items<'a, T>(
    list: Option<&'a Node>,
    fields: &'a mut [Field<T>],
) -> impl Iterator<Item = (&'a Node, &'a mut T)> + use<'a, T> {
    let nodes = list.and_then(Node::items).unwrap_or_default();
    nodes.iter().zip(fields).filter_map(|(node, field)| Some((&**node, field.value.as_mut()?)))
}

/// An unknown key, and the known ones that it may stand for and that are absent.
struct Fault<'a> {
    entry: &'a Entry,
    meant: Vec<&'static str>,
}

/// The unknown keys of `node` that stand for a key of `rows` which is absent.
fn faults<'a>(node: &'a Node, rows: &'static [Row]) -> Vec<Fault<'a>> {
    // Looked up once: a mapping can be long.
    let absent: Vec<_> = rows.iter().map(|row| row.0).filter(|key| node.get(key).is_none_or(Node::is_null)).collect();
    if absent.is_empty() {
        return Vec::new();
    }
    let is_known = |name: &str| rows.iter().any(|row| row.0 == name);
    let mut faults = Vec::new();
    for entry in node.entries().unwrap_or_default() {
        let name = entry.name();
        // Most keys are known, and the others are looked up once.
        if is_known(&name) {
            continue;
        }
        let meant: Vec<_> = meant(&name, rows, &absent).into_iter().filter(|key| absent.contains(key)).collect();
        if !meant.is_empty() {
            faults.push(Fault { entry, meant });
        }
    }
    faults
}

/// The keys of `rows` that an unknown key may stand for; none where none of those is absent.
fn meant(name: &str, rows: &'static [Row], absent: &[&'static str]) -> Vec<&'static str> {
    let name = name.to_ascii_lowercase();
    if let Some(row) = rows.iter().find(|row| has_word(row.1, &name)) {
        return vec![row.0];
    }
    // What is still a placeholder has no spelling yet.
    if OTHERS.contains(&name.as_str()) || name.starts_with("__") {
        return Vec::new();
    }
    // There can be many unknown keys, and few keys are absent.
    let is_close = !nearest::of(&name, absent.iter().copied()).is_empty();
    if is_close { nearest::of(&name, rows.iter().map(|row| row.0)) } else { Vec::new() }
}

/// Returns true if `name` is a word for one of the keys in `rows`.
pub(super) fn is_word(name: &str, rows: &[Row]) -> bool {
    rows.iter().any(|row| has_word(row.1, name))
}

/// Returns true if nothing is lost where the key `name` is ignored.
pub(super) fn is_harmless(name: &str) -> bool {
    matches!(name, "defer" | "filesystem" | "append" | "overwrite") || name.starts_with("__")
}

fn has_word(words: &str, name: &str) -> bool {
    words.split_ascii_whitespace().any(|word| word == name)
}

/// Returns true if `value` may be SSH keys: of the same name, cloud-init has a mapping of host keys.
fn is_keys(value: &Node) -> bool {
    value.entries().is_none()
}

impl Fault<'_> {
    /// The finding: `item` lacks what the key stands for, with the given consequence.
    fn finding(&self, item: &str, consequence: &str) -> Finding {
        let key = self.entry.shown();
        let of = if item.is_empty() { String::new() } else { format!(" of {item}") };
        let message = format!("unknown key {key}{of}; {consequence}");
        Finding::new(&rules::MISSPELLED_KEY, self.entry.key_span, message).help(self.help())
    }

    fn help(&self) -> String {
        let name = self.entry.name().to_ascii_lowercase();
        let is_owner_or_other = |help: &str| !help.contains("`owner`") || self.meant == ["owner"];
        if let Some((_, help)) = HELP.iter().find(|row| has_word(row.0, &name) && is_owner_or_other(row.1)) {
            return (*help).to_owned();
        }
        let dashes = self.entry.key.contains('-');
        let spelt = |key: &&str| if dashes { key.replace('_', "-") } else { (*key).to_owned() };
        nearest::question(&self.meant.iter().map(spelt).collect::<Vec<_>>()).unwrap_or_default()
    }
}

/// Keys of a file that ask to keep what is there, which would be replaced.
fn unsupported(node: &Node) -> Vec<Finding> {
    let mut findings = Vec::new();
    for entry in node.entries().unwrap_or_default() {
        // Most keys are known.
        if FILE.iter().any(|row| *row.0 == *entry.key) {
            continue;
        }
        let name = entry.name().to_ascii_lowercase();
        let is_no = entry.value.is_null() || entry.value.text().is_some_and(is_no);
        let (asks, what) = match name.as_str() {
            "overwrite" => (is_no && !entry.value.is_null(), "an existing file is replaced"),
            _ if nearest::is_close(&name, &["append"]) => (!is_no, "nothing is appended, the file would be replaced"),
            _ => continue,
        };
        if asks {
            let message = format!("{} is not supported: {what}; file skipped", entry.shown());
            let help = "give the whole content; many programs also read a `.d` directory of small files";
            findings.push(Finding::new(&rules::UNSUPPORTED_KEY, entry.key_span, message).help(help));
        }
    }
    findings
}

fn is_no(text: &str) -> bool {
    ["false", "no", "off", "n", "0", ""].iter().any(|no| text.trim().eq_ignore_ascii_case(no))
}

#[cfg(test)]
mod tests {
    use super::{DROP_IN, FILE, OTHERS, Row, UNIT, USER, meant};
    use crate::config::{DropIn, File, Unit, User};
    use crate::plan::Facts;
    use crate::substitute::Addresses;
    use crate::yaml::Shape;
    use crate::{parts, reading};

    /// The errors of a text, and what is refused for them.
    fn refused(text: &str) -> (Vec<String>, Vec<String>) {
        let text = format!("#cloud-config\n{text}");
        let part = parts::split("x", text.into_bytes()).remove(0);
        let reading = reading::read(part, &Addresses::default(), false);
        let plan = reading.plan(&Facts::default(), "set");
        let errors = plan.findings.iter().filter(|finding| finding.is_error());
        let errors = errors.map(|f| format!("{}: {} ({})", f.rule.id, f.message, f.help.as_deref().unwrap_or("")));
        (errors.collect(), plan.refused.iter().map(|refused| refused.item.to_string()).collect())
    }

    #[test]
    fn the_rows_are_the_keys_of_the_types() {
        fn keys(shape: Shape) -> Vec<&'static str> {
            let Shape::Mapping(entries) = shape else { panic!("no mapping") };
            entries.into_iter().map(|(key, _)| key).collect()
        }
        fn sorted(mut keys: Vec<&'static str>) -> Vec<&'static str> {
            keys.sort_unstable();
            keys
        }
        for (rows, shape) in [
            (FILE, Shape::of::<File>()),
            (UNIT, Shape::of::<Unit>()),
            (DROP_IN, Shape::of::<DropIn>()),
            (USER, Shape::of::<User>()),
        ] {
            let keys = sorted(keys(shape));
            assert_eq!(sorted(rows.iter().map(|row| row.0).collect()), keys);
            let words: Vec<_> = rows.iter().flat_map(|row: &Row| row.1.split_ascii_whitespace()).collect();
            for (index, word) in words.iter().enumerate() {
                assert!(!keys.contains(word) && !words[..index].contains(word), "{word}");
            }
        }
    }

    /// The keys that an unknown key of an item without keys may stand for.
    fn unknown(name: &str, rows: &'static [Row]) -> Vec<&'static str> {
        meant(name, rows, &rows.iter().map(|row| row.0).collect::<Vec<_>>())
    }

    #[test]
    fn keys_of_other_programs_that_mean_something_else_are_left_alone() {
        for name in OTHERS {
            let resembles = |rows: &[Row]| !crate::nearest::of(name, rows.iter().map(|row| row.0)).is_empty();
            assert!([FILE, USER].into_iter().any(resembles), "{name} needs no row");
        }
        for name in ["sudo", "uid", "ssh_import_id", "expiredate", "selinux_user", "inactive", "doas", "lock_passwd"] {
            assert_eq!(unknown(name, USER), [""; 0], "{name}");
        }
        for name in ["defer", "filesystem", "description", "append", "overwrite", "comment"] {
            assert_eq!(unknown(name, FILE), [""; 0], "{name}");
        }
        for name in ["after", "execstart", "restart", "wantedby", "type", "alias", "environment", "description"] {
            assert_eq!(unknown(name, UNIT), [""; 0], "{name}");
        }
    }

    #[test]
    fn a_file_that_lacks_what_a_misspelled_key_means_is_refused() {
        for (key, help) in [
            ("perms: '0600'", "did you mean `permissions`?"),
            ("mode: 0600", "did you mean `permissions`?"),
            ("Permissions: '0600'", "did you mean `permissions`?"),
            ("permisions: '0600'", "did you mean `permissions`?"),
            ("chmod: '0600'", "did you mean `permissions`?"),
            ("user: core", "write both as `owner`: `user:group`"),
            ("gid: 0", "write both as `owner`: `user:group`"),
            ("onwer: core", "did you mean `owner`?"),
            ("encodng: base64", "did you mean `encoding`?"),
        ] {
            let (errors, items) = refused(&format!("write_files:\n- path: /etc/x\n  content: a\n  {key}\n"));
            assert_eq!(errors.len(), 1, "{key}: {errors:?}");
            assert!(errors[0].starts_with("misspelled-key: unknown key `"), "{errors:?}");
            assert!(errors[0].contains(&format!("of a file; file skipped ({help})")), "{errors:?}");
            assert_eq!(items, ["file /etc/x"], "{key}");
        }
        for key in ["contents: a", "data: a", "contnet: a", "content:\n  text: a", "source: {uri: a}", "url: a"] {
            let (errors, items) = refused(&format!("write_files:\n- path: /etc/x\n  {key}\n"));
            assert_eq!((errors.len(), items.as_slice()), (1, &["file /etc/x".to_owned()][..]), "{key}: {errors:?}");
        }
        for key in ["file", "filename", "dest", "name", "Path", "paht"] {
            let (errors, items) = refused(&format!("write_files:\n- {key}: /etc/x\n  content: a\n"));
            assert_eq!((errors.len(), items.as_slice()), (1, &["file no. 1".to_owned()][..]), "{key}: {errors:?}");
            assert!(errors[0].contains("did you mean `path`?"), "{errors:?}");
        }
    }

    #[test]
    fn a_file_that_would_lose_what_is_there_is_refused() {
        for key in
            ["append: true", "append: yes", "apend: true", "Append: 1", "append: {source: a}", "overwrite: false"]
        {
            let (errors, items) = refused(&format!("write_files:\n- path: /etc/motd\n  content: a\n  {key}\n"));
            assert_eq!((errors.len(), items.as_slice()), (1, &["file /etc/motd".to_owned()][..]), "{key}: {errors:?}");
            assert!(errors[0].starts_with("unsupported-key: "), "{errors:?}");
        }
        for key in ["append: false", "append:", "overwrite: true", "defer: true"] {
            let found = refused(&format!("write_files:\n- path: /etc/motd\n  content: a\n  {key}\n"));
            assert_eq!(found, (vec![], vec![]), "{key}");
        }
    }

    #[test]
    fn what_has_the_field_too_is_applied() {
        for text in [
            "write_files: [{path: /a, content: b, contents: c, data: d, mode: '0', permissions: '0644'}]",
            "write_files: [{path: /a, file: b, owner: root, user: core}]",
            "write_files: [{path: /a}]",
            "coreos: {units: [{name: a.service, enable: true, enabled: true, drop_ins: [], dropins: []}]}",
            "coreos: {units: [{name: a.service, description: x, After: y}]}",
            "users: [{name: a, ssh_authorized_keys: [], ssh_keys: [], sudo: x, lock_passwd: false, uid: 7}]",
            "ssh_keys: {rsa_private: x}",
        ] {
            assert_eq!(refused(text), (vec![], vec![]), "{text}");
        }
    }

    #[test]
    fn units_and_drop_ins_are_refused() {
        for (text, item) in [
            ("{name: a.service, contents: b}", "unit a.service"),
            ("{name: a.service, enabled: true}", "unit a.service"),
            ("{name: a.service, masked: true}", "unit a.service"),
            ("{name: a.service, drop_in: [{name: b.conf, content: c}]}", "unit a.service"),
            ("{name: a.service, dropins: [{name: b.conf, contents: c}]}", "unit a.service"),
            ("{name: a.service, comand: start}", "unit a.service"),
            ("{unit: a.service, content: b}", "unit no. 1"),
            ("{name: a.service, drop_ins: [{name: b.conf, contents: c}]}", "drop-in b.conf of unit a.service"),
            ("{name: a.service, drop_ins: [{file: b.conf, content: c}]}", "drop-in no. 1 of unit a.service"),
        ] {
            let (errors, items) = refused(&format!("coreos: {{units: [{text}]}}\n"));
            assert!(errors.iter().all(|error| error.starts_with("misspelled-key: ")), "{text}: {errors:?}");
            assert_eq!((errors.len(), items), (1, vec![item.to_owned()]), "{text}: {errors:?}");
        }
    }

    #[test]
    fn users_are_made_all_the_same() {
        for key in [
            "ssh-authorized-key: [x]",
            "ssh_keys: [x]",
            "authorized_keys: x",
            "sshAuthorizedKeys: [x]",
            "home: /srv/a",
            "group: wheel",
            "gropus: [sudo]",
            "password: x",
            "hashed_passwd: x",
            "no-create-hom: true",
            "username: b",
        ] {
            let text = format!("users:\n- name: a\n  {key}\n");
            if key.starts_with("username") {
                assert_eq!(refused(&text), (vec![], vec![]));
                continue;
            }
            let (errors, items) = refused(&text);
            assert_eq!((errors.len(), items.len()), (1, 0), "{key}: {errors:?}");
            assert!(errors[0].contains("of a user; not applied"), "{errors:?}");
        }
        let (errors, items) = refused("users:\n- username: a\n  ssh_authorized_keys: [x]\n");
        assert_eq!((errors.len(), items), (1, vec!["user no. 1".to_owned()]), "{errors:?}");
        assert!(errors[0].contains("user skipped (did you mean `name`?)"), "{errors:?}");
    }

    #[test]
    fn keys_of_the_top_level_are_access() {
        for key in ["ssh-authorized-key", "ssh_authorised_keys", "authorized_keys", "sshAuthorizedKeys", "ssh_keys"] {
            let (errors, items) = refused(&format!("hostname: a\n{key}: [x]\n"));
            assert_eq!((errors.len(), items.len()), (1, 0), "{key}: {errors:?}");
            assert!(errors[0].contains("; SSH keys not set (did you mean `ssh"), "{errors:?}");
        }
        assert_eq!(refused("write_file: []\nhostnam: a\nusers: []\n"), (vec![], vec![]));
    }
}
