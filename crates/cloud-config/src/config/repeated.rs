//! Items that lack the `- ` at their beginning: YAML parses their keys as keys of the item above.
//!
//! The last value of each key would be used. A user would get the groups of another user, and only the last file would
//! be written.

use std::collections::HashSet;
use std::rc::Rc;

use super::CloudConfig;
use crate::diagnostic::{Finding, Findings, SEPARATE_USER, Span, rules};
use crate::yaml::{Entry, Field, Kind, Node, ParsedYaml};

/// Splits each item of `users` with two names into two users, and reports it.
pub fn split_users(document: &mut ParsedYaml) -> Vec<Finding> {
    let mut findings = Findings::default();
    let Some(root) = document.root.as_mut().and_then(Rc::get_mut) else { return Vec::new() };
    let users = root.get("users").and_then(Node::items).unwrap_or_default();
    let (mut items, mut keys) = (Vec::new(), HashSet::new());
    for item in users {
        let parts = again(item, "name").and_then(|_| item.split());
        let Some(parts) = parts.filter(|parts| parts.iter().all(|part| has_one_name(part))) else {
            items.push(Rc::clone(item));
            continue;
        };
        keys.extend(keys_of(item));
        for part in &parts {
            // A duplicate key of one of the new users is still reported.
            let Kind::Mapping(mapping) = &part.kind else { continue };
            let replaced: HashSet<_> = mapping.written().skip(mapping.entries.len()).map(Entry::name).collect();
            for entry in mapping.entries.iter().filter(|entry| replaced.contains(&entry.name())) {
                keys.remove(&entry.key_span);
            }
        }
        let firsts = parts.iter().skip(1).filter_map(|part| part.entries()?.first());
        findings.extend(firsts.map(|first| finding(first, "another user", SEPARATE_USER)));
        items.extend(parts);
    }
    if keys.is_empty() {
        return Vec::new();
    }
    root.set_items("users", items);
    forget_duplicates(document, &keys);
    findings.into_list()
}

/// Refuses items with a second name or path, and reports them.
pub fn refuse_repeated(config: &mut CloudConfig, document: &mut ParsedYaml) -> Vec<Finding> {
    let mut findings = Findings::default();
    let Some(root) = document.root.clone() else { return Vec::new() };
    let mut keys = HashSet::new();
    let mut look = |item: &Node, key: &str, word: &str| {
        let entry = first_repeated(item, again(item, key)?);
        keys.extend(keys_of(item));
        findings.push(finding(entry, &format!("another {word}"), &format!("{word} skipped")));
        Some(())
    };
    let items = |list: Option<&Node>| list.and_then(Node::items).unwrap_or_default().to_vec();
    for (node, field) in items(root.get("users")).iter().zip(&mut config.users) {
        let Some(user) = field.value.as_mut() else { continue };
        if look(node, "name", "user").is_some() {
            user.name = Field { value: None, bad: true, ..user.name };
        }
    }
    for (node, field) in items(root.get("write_files")).iter().zip(&mut config.write_files) {
        if let Some(file) = field.value.as_mut() {
            file.content.bad |= look(node, "path", "file").is_some();
        }
    }
    let units = items(root.get("coreos").and_then(|coreos| coreos.get("units")));
    for (node, field) in units.iter().zip(&mut config.coreos.units) {
        let Some(unit) = field.value.as_mut() else { continue };
        unit.content.bad |= look(node, "name", "unit").is_some();
        for (node, field) in items(node.get("drop_ins")).iter().zip(&mut unit.drop_ins) {
            if let Some(drop_in) = field.value.as_mut() {
                drop_in.content.bad |= look(node, "name", "drop-in").is_some();
            }
        }
    }
    forget_duplicates(document, &keys);
    findings.into_list()
}

/// Returns the entry of `item` that repeats `key` with another value, after further keys.
fn again<'a>(item: &'a Node, key: &str) -> Option<&'a Entry> {
    let Kind::Mapping(mapping) = &item.kind else { return None };
    // Most items have no key twice.
    if mapping.written().count() == mapping.entries.len() {
        return None;
    }
    let mut written: Vec<_> = mapping.written().collect();
    written.sort_by_key(|entry| entry.key_span.start);
    let first = written.iter().position(|entry| entry.name() == key)?;
    let is_other = |entry: &&&Entry| entry.name() == key && entry.value.text() != written[first].value.text();
    written.iter().skip(first + 2).find(is_other).copied()
}

/// Returns the entry of `item` that begins the second item, whose name or path is `last`: a repetition of the first
/// key, since items are usually written alike, or else the first repeated key.
fn first_repeated<'a>(item: &'a Node, last: &'a Entry) -> &'a Entry {
    let Kind::Mapping(mapping) = &item.kind else { return last };
    let mut written: Vec<_> = mapping.written().collect();
    written.sort_by_key(|entry| entry.key_span.start);
    let Some(first) = written.first() else { return last };
    let first = written.iter().skip(1).find(|entry| entry.name() == first.name());
    let mut known = HashSet::new();
    let repeated = || written.iter().find(|entry| !known.insert(entry.name()));
    first.or_else(repeated).copied().unwrap_or(last)
}

/// Returns true if `item` has exactly one name.
fn has_one_name(item: &Node) -> bool {
    let Kind::Mapping(mapping) = &item.kind else { return false };
    mapping.written().filter(|entry| entry.name() == "name").count() == 1
}

/// Returns the positions of all keys in `item`.
fn keys_of(item: &Node) -> Vec<Span> {
    let Kind::Mapping(mapping) = &item.kind else { return Vec::new() };
    mapping.written().map(|entry| entry.key_span).collect()
}

/// Removes the findings about duplicate keys at these positions.
fn forget_duplicates(document: &mut ParsedYaml, keys: &HashSet<Span>) {
    let about_twice = [&rules::DUPLICATE_KEY, &rules::TWO_SPELLINGS];
    let is_known =
        |found: &Finding| about_twice.contains(&found.rule) && found.span.is_some_and(|at| keys.contains(&at));
    document.findings.retain(|found| !is_known(found));
}

fn finding(entry: &Entry, item: &str, consequence: &str) -> Finding {
    let message = format!("no `- ` before {}, which begins {item}; {consequence}", entry.display_key());
    let help = "write `- ` before it, and indent the keys below to match";
    Finding::new(&rules::MISSING_DASH, entry.key_span, message).help(help)
}

#[cfg(test)]
mod tests {
    use crate::address_tokens::Addresses;
    use crate::plan::Facts;
    use crate::{document, user_data};

    /// Returns the rules of the findings, each with its line, and the planned steps.
    fn outcome(text: &str) -> (Vec<String>, Vec<String>) {
        let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDhmj/882riP+2GKg9KPw4z7LbUf+UALTw+cO/+L/PMK";
        let text = format!("#cloud-config\n{}", text.replace("KEY", key));
        let part = user_data::split("x", text.clone().into_bytes()).remove(0);
        let document = document::read(part, &Addresses::default(), false);
        let plan = document.plan(&Facts::default(), "set");
        let line = |at: usize| text[..at].matches('\n').count() + 1;
        let rules = plan.findings.iter().map(|found| format!("{} {}", found.rule.id, line(found.span.unwrap().start)));
        let steps = plan.steps.iter().map(|planned| planned.step.to_string());
        (
            rules.collect(),
            steps.chain(plan.refused.iter().map(|refused| format!("refused: {}", refused.item))).collect(),
        )
    }

    #[test]
    fn users_without_a_dash_between_them_are_two() {
        let (rules, steps) = outcome(
            "users:\n- name: ada\n  groups: [sudo]\n  ssh_authorized_keys: [KEY a]\n  name: bob\n  gecos: B\n  \
             ssh_authorized_keys: [KEY b]\n",
        );
        assert_eq!(rules, ["missing-dash 6"]);
        let keys = "authorize 1 key of user";
        let wanted =
            ["ensure user ada", "ensure user bob", &format!("{keys} ada (set set)"), &format!("{keys} bob (set set)")];
        assert_eq!(steps, wanted);
        // The start of the second user is unknown.
        let (rules, steps) = outcome("users:\n- groups: [sudo]\n  name: ada\n  gecos: A\n  name: bob\n");
        assert_eq!((rules, steps), (vec!["missing-dash 6".to_owned()], vec!["refused: user users[0]".to_owned()]));
        let (rules, steps) =
            outcome("users:\n- groups: [sudo]\n  name: ada\n  groups: [docker]\n  name: bob\n  gecos: B\n");
        assert_eq!(
            (rules, steps),
            (vec!["missing-dash 5".to_owned()], vec!["ensure user ada".to_owned(), "ensure user bob".to_owned()])
        );
        // One of the two users has a duplicate key.
        let (rules, _) = outcome("users:\n- name: ada\n  gecos: A\n  name: bob\n  gecos: B\n  gecos: C\n");
        assert_eq!(rules, ["missing-dash 5", "duplicate-key 7"]);
    }

    #[test]
    fn other_items_without_a_dash_are_refused() {
        for (text, found, refused) in [
            ("write_files:\n- path: /a\n  content: a\n  path: /b\n  content: b\n", "missing-dash 5", "file /b"),
            (
                "write_files:\n- content: a\n  path: /a\n  permissions: '0600'\n  content: b\n  path: /b\n",
                "missing-dash 6",
                "file /b",
            ),
            (
                "write_files:\n- permissions: '0600'\n  content: a\n  path: /a\n  content: b\n  path: /b\n",
                "missing-dash 6",
                "file /b",
            ),
            (
                "coreos:\n  units:\n  - name: a.service\n    command: start\n    name: b.service\n    command: stop\n",
                "missing-dash 6",
                "unit b.service",
            ),
            (
                "coreos:\n  units:\n  - name: a.service\n    drop-ins:\n    - name: a.conf\n      content: '[Unit]'\n      \
                 name: b.conf\n",
                "missing-dash 8",
                "drop-in b.conf of unit a.service",
            ),
        ] {
            let (rules, steps) = outcome(text);
            assert_eq!(rules, [found], "{text}");
            assert!(steps.contains(&format!("refused: {refused}")), "{text}{steps:?}");
        }
        for text in [
            "write_files:\n- path: /a\n  content: a\n  path: /a\n",
            "write_files:\n- path: /a\n  path: /b\n  content: b\n",
            "users:\n- name: ada\n  gecos: A\n  gecos: B\n",
        ] {
            let (rules, steps) = outcome(text);
            assert!(rules.iter().all(|rule| rule.starts_with("duplicate-key")) && steps.len() == 1, "{text}{rules:?}");
        }
    }
}
