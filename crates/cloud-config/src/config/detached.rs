//! Keys of a file, a unit or a user that are outside of it: after the list, or in an item that has no name.
//!
//! A file without its `permissions` is readable by every user, and a file without its `content` is empty. So the item
//! that lacks the key is refused, as for a misspelled key. A user is not refused: its SSH keys are set, but nothing
//! else is applied.

use std::rc::Rc;

use super::CloudConfig;
use super::fields::{FILE, Mapping, TOP, UNIT, USER};
use crate::diagnostic::{Finding, Findings, rules};
use crate::yaml::{Entry, Field, Node, ParsedYaml};

/// Refuses items that lack a key which is outside of them.
pub fn refuse_detached(config: &mut CloudConfig, document: &ParsedYaml) -> Vec<Finding> {
    let mut findings = Findings::default();
    let Some(root) = document.root.as_deref() else { return Vec::new() };
    // The SSH keys of a broken document are also set. Its files and units are not applied.
    let users = root.get("users").and_then(Node::items).unwrap_or_default();
    if document.error.is_some() {
        return return_keys(config, users);
    }
    let files = ItemList { items: root.get("write_files"), mapping: &FILE };
    for Detached { owner, own_item, finding } in
        files.own_items().into_iter().chain(files.keys_after_list(root, "write_files", true))
    {
        let Some(file) = value_at(&mut config.write_files, owner) else { continue };
        file.content.bad = true;
        findings.push(finding);
        if let Some(file) = own_item.and_then(|at| value_at(&mut config.write_files, at)) {
            file.path.bad = true;
        }
    }
    findings.extend(return_keys(config, users));
    let Some(coreos) = root.get("coreos") else { return findings.into_list() };
    let units = ItemList { items: coreos.get("units"), mapping: &UNIT };
    let is_last = coreos.entries().and_then(<[Entry]>::last).is_some_and(|entry| entry.name() == "units");
    let outside = if is_last { units.keys_after_list(root, "coreos", true) } else { Vec::new() };
    let below = units.keys_after_list(coreos, "units", false);
    for Detached { owner, own_item, finding } in units.own_items().into_iter().chain(below).chain(outside) {
        let Some(unit) = value_at(&mut config.coreos.units, owner) else { continue };
        unit.content.bad = true;
        findings.push(finding);
        if let Some(unit) = own_item.and_then(|at| value_at(&mut config.coreos.units, at)) {
            unit.name.bad = true;
        }
    }
    findings.into_list()
}

/// Returns the item with the index `at`, if it is a mapping.
fn value_at<T>(list: &mut [Field<T>], at: usize) -> Option<&mut T> {
    list.get_mut(at)?.value.as_mut()
}

/// A key outside of its item.
struct Detached {
    /// The index of the item that the key belongs to.
    owner: usize,
    /// The index of the nameless item that contains the key, whose missing name is not reported separately.
    own_item: Option<usize>,
    finding: Finding,
}

/// A list of files or units.
struct ItemList<'a> {
    items: Option<&'a Node>,
    /// The type of the items.
    mapping: &'static Mapping,
}

impl ItemList<'_> {
    fn is_key(&self, entry: &Entry) -> bool {
        self.mapping.field(&entry.name()).is_some()
    }

    /// Finds the items without a name whose keys belong to an item above.
    fn own_items(&self) -> Vec<Detached> {
        let mut found = Vec::new();
        let mut named = None;
        for (at, item) in self.items.and_then(Node::items).unwrap_or_default().iter().enumerate() {
            if item.get(self.mapping.fields[0].name).is_some() {
                named = Some((at, item));
                continue;
            }
            let entries = item.entries().unwrap_or_default();
            let Some((owner, above)) = named.filter(|_| !entries.is_empty()) else {
                named = None;
                continue;
            };
            if entries.iter().all(|entry| self.is_key(entry) && lacks(above, &entry.name())) {
                let finding = self.finding(&entries[0], "remove the `-` before it");
                found.push(Detached { owner, own_item: Some(at), finding });
            } else {
                named = None;
            }
        }
        found
    }

    /// Reports each key after the list `name` in `outside` that the last item lacks. At the top level, the keys after
    /// the next section do not belong to the list.
    fn keys_after_list(&self, outside: &Node, name: &str, is_top: bool) -> Vec<Detached> {
        let Some((last, above)) = self.items.and_then(Node::items).and_then(<[_]>::split_last) else {
            return Vec::new();
        };
        let entries = outside.entries().unwrap_or_default().iter().skip_while(|entry| entry.name() != name).skip(1);
        let entries = entries.take_while(|entry| !is_top || TOP.field(&entry.name()).is_none());
        let detached = entries.filter(|entry| self.is_key(entry) && lacks(last, &entry.name()));
        let finding = |entry| self.finding(entry, "indent it as the other keys of the item");
        detached.map(|entry| Detached { owner: above.len(), own_item: None, finding: finding(entry) }).collect()
    }

    fn finding(&self, entry: &Entry, help: &str) -> Finding {
        let message = format!(
            "{} is outside of the {word} above, to which it seems to belong; {word} skipped",
            entry.display_key(),
            word = self.mapping.item
        );
        Finding::new(&rules::DETACHED_KEY, entry.key_span, message).help(help)
    }
}

fn lacks(item: &Node, key: &str) -> bool {
    item.get(key).is_none_or(Node::is_null)
}

/// Moves the SSH keys of nameless users to the adjacent user that they belong to.
fn return_keys(config: &mut CloudConfig, users: &[Rc<Node>]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let owners = owners(users);
    for (at, item) in users.iter().enumerate() {
        let Some(user) = config.users.get_mut(at).and_then(|field| field.value.as_mut()) else { continue };
        let entries = item.entries().unwrap_or_default();
        let keys = entries.iter().find(|entry| is_key_list(entry));
        let Some(entry) = keys.filter(|_| is_nameless(item) && !user.name.bad) else { continue };
        let is_user_key = |entry: &Entry| USER.field(&entry.name()).is_some();
        let is_of = |owner: &usize| {
            let is_short = |item: &Node| item.entries().is_some_and(|entries| entries.len() <= KEYS_MAX);
            is_short(item)
                && is_short(&users[*owner])
                && entries.iter().all(|entry| {
                    let name = entry.name();
                    lacks(&users[*owner], &name) && (is_user_key(entry) || super::is_item_key(&name))
                })
        };
        user.name.bad = true;
        let (finding, help) = if let Some(owner) = owners[at].filter(is_of) {
            let beside = if owner < at { "above" } else { "below" };
            let given = std::mem::take(&mut user.ssh_authorized_keys);
            if let Some(owner) = config.users[owner].value.as_mut() {
                owner.ssh_authorized_keys.extend(given);
            }
            let message = format!("{} is in an item of its own, not in that of the user {beside}", entry.display_key());
            let finding = Finding::new(&rules::DETACHED_KEY, entry.key_span, message)
                .sets_key("SSH keys set for that user, rest of this item not applied");
            (finding, if owner < at { "remove the `-` before it" } else { "remove the `-` before the next item" })
        } else {
            let message = format!("{} of a user without a name; SSH keys not set", entry.display_key());
            (
                Finding::new(&rules::DETACHED_KEY, entry.key_span, message),
                "give the item a `name`, or remove the `-` before it if it belongs to the user above",
            )
        };
        findings.push(finding.help(help));
    }
    findings
}

/// Returns, for each nameless user, the index of the only user that it can belong to.
fn owners(users: &[Rc<Node>]) -> Vec<Option<usize>> {
    // Computed once per item: there can be many items, and long ones.
    let nameless: Vec<_> = users.iter().map(|item| is_nameless(item)).collect();
    let is_named = |item: &Rc<Node>| item.get("name").and_then(Node::text).is_some_and(|name| !name.is_empty());
    let named: Vec<_> = users.iter().map(is_named).collect();
    let lack_keys: Vec<_> = users.iter().map(|item| lacks(item, "ssh_authorized_keys")).collect();
    let mut owners = vec![None; users.len()];
    // If the first item is nameless, the author put the name last in all items.
    let is_reversed = users.iter().position(|item| item.entries().is_some()).is_some_and(|first| nameless[first]);
    let order = |at: usize| if is_reversed { users.len() - 1 - at } else { at };
    // For each position in that order, the next item that is not part of another one.
    let mut next = vec![None; users.len()];
    for at in (1..users.len()).rev() {
        next[at - 1] = if nameless[order(at)] { next[at] } else { Some(at) };
    }
    let mut owner = None;
    for at in 0..users.len() {
        let number = order(at);
        if named[number] {
            owner = Some(number);
        } else if !nameless[number] {
            owner = None;
        } else {
            // If the next user has no keys, the keys of the nameless item could belong to it.
            let is_claimed = next[at]
                .is_none_or(|next| !lack_keys[order(next)] || next + 1 < users.len() && nameless[order(next + 1)]);
            owners[number] = owner.filter(|_| is_claimed);
        }
    }
    owners
}

/// The largest number of keys of a user, in an item or outside of it, that are compared.
const KEYS_MAX: usize = 50;

fn is_nameless(item: &Node) -> bool {
    item.entries().is_some_and(|entries| !entries.is_empty()) && lacks(item, "name")
}

/// Returns true for a nonempty list of SSH keys.
fn is_key_list(entry: &Entry) -> bool {
    let is_filled = || entry.value.items().map_or(entry.value.text().is_some(), |items| !items.is_empty());
    entry.name() == "ssh_authorized_keys" && is_filled()
}

#[cfg(test)]
mod tests {
    use crate::address_tokens::Addresses;
    use crate::plan::Facts;
    use crate::{document, user_data};

    /// Returns the errors about keys outside of their items, and the refused items.
    fn refused(text: &str) -> (Vec<String>, Vec<String>) {
        let text = format!("#cloud-config\n{text}");
        let part = user_data::split("x", text.clone().into_bytes()).remove(0);
        let document = document::read(part, &Addresses::default(), false);
        let plan = document.plan(&Facts::default(), "set");
        let errors = plan.findings.iter().filter(|finding| finding.rule.id == "detached-key" && finding.is_error());
        let errors = errors.map(|found| text[found.span.unwrap().start..found.span.unwrap().end].to_owned());
        (errors.collect(), plan.refused.iter().map(|refused| refused.item.to_string()).collect())
    }

    #[test]
    fn an_item_that_lacks_a_key_outside_of_it_is_refused() {
        for (text, key, items) in [
            ("write_files:\n- path: /a\n  content: s\npermissions: '0600'\n", "permissions", &["file /a"][..]),
            ("write_files:\n- path: /b\n- path: /a\ncontent: s\n", "content", &["file /a"]),
            ("write-files:\n- path: /a\n  content: s\nx: y\nowner: core\nhostname: n\n", "owner", &["file /a"]),
            ("write_files:\n- path: /a\n- content: s\n", "content", &["file /a", "file write_files[1]"]),
            (
                "write_files:\n- path: /a\n  content: s\n- permissions: '0600'\n",
                "permissions",
                &["file /a", "file write_files[1]"],
            ),
            ("coreos:\n  units:\n  - name: a.service\n  command: start\n", "command", &["unit a.service"]),
            ("coreos:\n  units:\n  - name: a.service\ncontent: x\n", "content", &["unit a.service"]),
            (
                "coreos:\n  units:\n  - name: a.service\n  - content: x\n",
                "content",
                &["unit a.service", "unit coreos.units[1]"],
            ),
        ] {
            let (keys, refused) = refused(text);
            assert_eq!((keys.as_slice(), refused.len()), (&[key.to_owned()][..], items.len()), "{text}{refused:?}");
            assert_eq!(refused[0], items[0], "{text}");
        }
    }

    #[test]
    fn keys_that_no_item_lacks_refuse_nothing() {
        for text in [
            "permissions: '0600'\nwrite_files:\n- path: /a\n",
            "write_files:\n- path: /a\n  permissions: '0644'\npermissions: '0600'\n",
            "write_files:\n- path: /a\nusers: []\npermissions: '0600'\n",
            "write_files:\n- path: /a\n  content: s\n- content: t\n  permissions: '0600'\n",
            "write_files: []\ncontent: s\n",
            "coreos:\n  units:\n  - name: a.service\n  update: {}\ncommand: start\n",
        ] {
            let (keys, refused) = refused(text);
            assert_eq!(keys, [""; 0], "{text}");
            assert!(!refused.contains(&"file /a".to_owned()), "{text}");
        }
    }

    /// Returns the number of errors about keys outside of their items, the created users, and the first word of each
    /// set key.
    fn users(text: &str) -> (usize, Vec<String>) {
        let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDhmj/882riP+2GKg9KPw4z7LbUf+UALTw+cO/+L/PMK";
        let text = format!("#cloud-config\nusers:\n{}", text.replace("KEY", key));
        let part = user_data::split("x", text.into_bytes()).remove(0);
        let document = document::read(part, &Addresses::default(), false);
        let mut steps: Vec<_> = document.access.keys.iter().map(|key| format!("core {}", &key[81..])).collect();
        let plan = document.plan(&Facts::default(), "set");
        for planned in &plan.steps {
            match &planned.step {
                crate::plan::Step::EnsureUser(account) => steps.push(account.name.clone()),
                crate::plan::Step::AuthorizeKeys(set) => {
                    steps.extend(set.keys.iter().map(|key| format!("{} {}", set.user, &key[81..])));
                }
                _ => {}
            }
        }
        let errors = plan.findings.iter().filter(|finding| finding.rule.id == "detached-key");
        (errors.filter(|finding| finding.is_error()).count(), steps)
    }

    #[test]
    fn keys_of_a_user_in_an_item_of_their_own_are_set() {
        for (text, steps) in [
            ("- name: ada\n- ssh_authorized_keys: [KEY a]\n", &["ada", "ada a"][..]),
            ("- ssh-authorized-keys: [KEY a]\n- name: ada\n", &["ada", "ada a"]),
            ("- default\n- name: core\n- ssh_authorized_keys: [KEY a]\n", &["core a", "core"]),
            ("- name: ada\n- groups: [sudo]\n- ssh_authorized_keys: [KEY a]\n", &["ada", "ada a"]),
            (
                "- name: ada\n- ssh_authorized_keys: [KEY a]\n- name: bob\n- ssh_authorized_keys: [KEY b]\n",
                &["ada", "bob", "ada a", "bob b"],
            ),
            (
                "- ssh_authorized_keys: [KEY a]\n- name: ada\n- ssh_authorized_keys: [KEY b]\n- name: bob\n",
                &["ada", "bob", "ada a", "bob b"],
            ),
            // The keys could belong to either user.
            ("- name: ada\n- ssh_authorized_keys: [KEY a]\n- name: bob\n", &["ada", "bob"]),
            ("- name: ada\n  ssh_authorized_keys: [KEY a]\n- ssh_authorized_keys: [KEY b]\n", &["ada", "ada a"]),
            ("- ssh_authorized_keys: [KEY a]\n", &[]),
        ] {
            let (errors, found) = users(text);
            assert_eq!(found, steps, "{text}");
            assert!(errors > 0, "{text}");
        }
        // The SSH keys of `core` are set even if the document is broken.
        for (text, steps) in [
            ("- name: core\n- ssh_authorized_keys: [KEY a]\n", &["core a"][..]),
            ("- ssh_authorized_keys: [KEY a]\n- name: core\n", &["core a"]),
            ("- name: ada\n- ssh_authorized_keys: [KEY a]\n", &[]),
        ] {
            let (errors, found) = users(&format!("{text}hostname: n\na: [\n"));
            assert_eq!(found, steps, "{text}");
            assert_eq!(errors, 1, "{text}");
        }
        for text in [
            "- name: ada\n- {}\n",
            "- name: ada\n- groups: [sudo]\n",
            "- name: ada\n  groups: [a]\n- groups: [sudo]\n",
            "- name: ada\n-\n",
        ] {
            assert_eq!(users(text).0, 0, "{text}");
        }
    }

    #[test]
    fn lost_access_is_an_error() {
        for (text, key) in [
            ("coreos:\n  ssh_authorized_keys: [a]\n", "ssh_authorized_keys"),
            ("write_files:\n- path: /a\n  ssh-authorized-keys: [a]\n", "ssh-authorized-keys"),
            ("coreos:\n  hostname: n\n", "hostname"),
            ("users:\n- name: ada\n  hostname: n\n", "hostname"),
            ("reboot-strategy: off\n", "reboot-strategy"),
            ("coreos:\n  reboot-strategy: off\n", "reboot-strategy"),
        ] {
            assert_eq!(refused(text).0, [key], "{text}");
        }
        assert_eq!(refused("hostname: a\ncoreos:\n  hostname: n\n").0, [""; 0]);
    }
}
