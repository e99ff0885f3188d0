//! Reads the host name and SSH keys line by line, from a document that YAML does not parse as it looks, because of
//! lookalike characters or the remains of a template.

use std::collections::HashSet;
use std::rc::Rc;

use super::confusable::{Sign, sign};
use super::document::ParsedYaml;
use super::field::Field;
use super::key_items::KEY_TYPES;
use super::node::{Kind, Node};
use super::{block, parse};
use crate::diagnostic::Span;

/// The result of reading a document line by line.
#[derive(Debug, Default)]
pub struct ByLine {
    /// The first top-level host name.
    pub hostname: Field<String>,
    /// The items of the top-level list of SSH keys, in order.
    pub keys: Vec<Field<String>>,
    /// The names of the users.
    pub users: Vec<String>,
}

impl ByLine {
    /// Removes results that are text in a quoted value of `document`, such as the content of a file.
    pub fn remove_quoted(&mut self, document: &ParsedYaml) {
        let (mut texts, mut seen) = (Vec::new(), HashSet::new());
        if let Some(root) = &document.root {
            quoted(root, &mut texts, &mut seen);
        }
        texts.sort_unstable();
        // A quoted SSH key is a value itself. The quote precedes its start, so it is not inside of the value.
        let is_inside = |field: &Field<String>| {
            let Some(span) = field.span else { return false };
            let before = texts.partition_point(|text: &Span| text.start < span.start);
            let text = before.checked_sub(1).map(|last| texts[last]);
            text.is_some_and(|text| span.end < text.end && span.start > text.start + 1)
        };
        self.keys.retain(|key| !is_inside(key));
        if is_inside(&self.hostname) {
            self.hostname = Field::default();
        }
    }
}

/// Collects the positions of quoted values.
fn quoted(node: &Rc<Node>, texts: &mut Vec<Span>, seen: &mut HashSet<*const Node>) {
    if !seen.insert(Rc::as_ptr(node)) {
        return;
    }
    match &node.kind {
        Kind::Scalar(scalar) if scalar.plain => {}
        Kind::Scalar(_) => texts.push(node.span),
        Kind::List(items) => items.iter().for_each(|item| quoted(item, texts, seen)),
        Kind::Mapping(mapping) => mapping.written().for_each(|entry| quoted(&entry.value, texts, seen)),
    }
}

/// Reads the host name and SSH keys of `text`. `is_key` returns true for SSH keys. `origin` maps to positions in the
/// source text.
pub fn read(text: &str, is_key: &dyn Fn(&str) -> bool, origin: &dyn Fn(usize) -> usize) -> ByLine {
    let mut found = ByLine { users: user_names(text), ..ByLine::default() };
    let mut in_list = false;
    let mut is_below_hostname = false;
    for (start, line, inside) in block::lines(text) {
        let inner = line.trim_start_matches(is_blank);
        if inside || inner.is_empty() || inner.starts_with('#') {
            continue;
        }
        let field = |value: &str| {
            let at = start + (value.as_ptr() as usize - line.as_ptr() as usize);
            Field {
                value: Some(value.to_owned()),
                span: Some(Span::new(origin(at), origin(at + value.len()))),
                bad: false,
            }
        };
        let is_top = inner.len() == line.len();
        // The value of the host name can continue on this line.
        if std::mem::take(&mut is_below_hostname) && !is_top {
            found.hostname = Field::default();
        }
        match key(inner).filter(|_| is_top) {
            Some(("hostname", value)) => {
                in_list = false;
                let value = value_of(value);
                let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.');
                if found.hostname.value.is_none() && !value.is_empty() && value.chars().all(is_name) {
                    found.hostname = field(value);
                    is_below_hostname = true;
                }
            }
            Some((_, value)) => {
                in_list = true;
                let value = value.trim_matches(is_blank);
                if value.starts_with('[') {
                    let keys = flow(value).into_iter().filter(|item| is_key(item));
                    found.keys.extend(keys.map(|item| Field { value: Some(item), ..field(value) }));
                } else if is_key(value_of(value)) {
                    found.keys.push(field(value_of(value)));
                }
            }
            None if is_top && !inner.starts_with(is_bullet) && !inner.starts_with(['{', '%']) => in_list = false,
            None if in_list => {
                let item = value_of(inner.trim_start_matches(|c| is_bullet(c) || is_blank(c)));
                if is_key(item) {
                    found.keys.push(field(item));
                } else {
                    // The lines below belong to something else, such as a user.
                    in_list = !begins_mapping(item);
                }
            }
            None => {}
        }
    }
    found
}

/// Returns the names in the items of `users`, for text that need not be valid YAML.
fn user_names(text: &str) -> Vec<String> {
    let (mut names, mut known) = (Vec::new(), HashSet::new());
    let mut is_below_users = false;
    // The column of the dashes, and the column of the keys of an item.
    let (mut dashes, mut keys) = (None, None);
    for (_, line, inside) in block::lines(text) {
        let line = line.trim_end();
        let inner = line.trim_start_matches(' ');
        if inside || inner.is_empty() || inner.starts_with('#') {
            continue;
        }
        let column = line.len() - inner.len();
        let is_item = inner == "-" || inner.starts_with("- ");
        let found = if column == 0 && !is_item {
            let value = inner.strip_prefix("users").and_then(|rest| rest.trim_start().strip_prefix(':'));
            is_below_users = value.is_some_and(|value| value.is_empty() || value.starts_with(' '));
            (dashes, keys) = (None, None);
            None
        } else if !is_below_users {
            None
        } else if is_item && dashes.is_none_or(|dashes| dashes == column) {
            let first = inner[1..].trim_start();
            (dashes, keys) = (Some(column), Some(line.len() - first.len()).filter(|_| !first.is_empty()));
            user_name(first)
        } else if keys.or(Some(column).filter(|column| dashes < Some(*column))) == Some(column) {
            keys = Some(column);
            user_name(inner)
        } else {
            None
        };
        names.extend(found.filter(|name| known.insert(name.clone())));
    }
    names
}

/// Returns the name of a user, if a line of an item contains it.
fn user_name(line: &str) -> Option<String> {
    let name = if line.starts_with('{') {
        let item = parse(line, |at| at);
        item.root.as_ref().and_then(|root| root.get("name")).and_then(|name| name.text().map(str::to_owned))
    } else {
        let value = line.strip_prefix("name").and_then(|rest| rest.trim_start().strip_prefix(':'));
        value.map(|value| value_of(value).to_owned())
    };
    let is_name = |name: &String| {
        let is_known = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        (1..=32).contains(&name.len()) && name.chars().all(is_known)
    };
    name.filter(is_name)
}

/// Returns true if the error of YAML at the byte `at` is a tab, a `*` in place of `-`, or a key that gives access and
/// lacks its `:`.
pub fn is_needed(text: &str, at: usize) -> bool {
    let Some((before, behind)) = text.split_at_checked(at) else { return false };
    let start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let line = text[start..].lines().next().unwrap_or_default();
    let is_tabbed = |line: &str| {
        let inner = line.trim_start_matches([' ', '\t']);
        line[..line.len() - inner.len()].contains('\t') || inner.starts_with("-\t")
    };
    let above = text[..start].lines().rev().take(4);
    let is_star = line.trim_start_matches(' ').starts_with("* ");
    is_star || is_tabbed(line) || behind.starts_with('\t') || std::iter::once(line).chain(above).any(has_no_colon)
}

/// Returns true for a line that begins with the key of the host name or of the SSH keys.
pub fn gives_access(line: &str) -> bool {
    key(line).is_some()
}

/// Returns the first line of `text` that begins with the key of the host name or of the SSH keys and lacks the `:`.
pub fn without_colon(text: &str) -> Option<Span> {
    let (start, line, _) = block::lines(text).find(|(_, line, inside)| !inside && has_no_colon(line))?;
    let (key, _) = key(line)?;
    Some(Span::new(start, start + key.len()))
}

/// Returns true if `line` begins with the key of the host name or of the SSH keys and lacks the `:`.
fn has_no_colon(line: &str) -> bool {
    let is_plain = !line.starts_with([' ', '\t', '#', '-']);
    let key = key(line).map(|(key, _)| &line[key.len()..]);
    is_plain && key.is_some_and(|rest| !rest.trim_start().starts_with(':'))
}

/// Returns true for a key of a mapping. The type of an SSH key with a `:` after it is none.
fn begins_mapping(item: &str) -> bool {
    let Some((name, rest)) = item.split_once(':') else { return false };
    let is_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    let is_type = KEY_TYPES.iter().any(|kind| name.starts_with(kind)) && rest.trim_start().starts_with("AAAA");
    name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.trim_end().chars().all(is_word)
        && (rest.is_empty() || rest.starts_with(is_blank))
        && !is_type
}

fn is_blank(c: char) -> bool {
    c.is_whitespace() || matches!(sign(c), Some(Sign::Blank | Sign::Hidden | Sign::Break))
}

fn is_bullet(c: char) -> bool {
    matches!(c, '-' | '*' | '+' | '\u{2022}' | '\u{b7}') || sign(c) == Some(Sign::Dash)
}

/// Returns the access key at the beginning of a line, and the text after its `:`, which may be missing.
fn key(line: &str) -> Option<(&'static str, &str)> {
    let end = line.find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '-'))).unwrap_or(line.len());
    let key = match &line[..end] {
        "hostname" => "hostname",
        "ssh_authorized_keys" | "ssh-authorized-keys" => "ssh_authorized_keys",
        _ => return None,
    };
    let rest = line[end..].trim_start_matches(is_blank);
    let sign = rest.chars().next().filter(|c| matches!(c, ':' | '=') || sign(*c) == Some(Sign::Colon));
    let is_separate = rest.len() < line.len() - end;
    (sign.is_some() || is_separate || rest.is_empty()).then(|| (key, &rest[sign.map_or(0, char::len_utf8)..]))
}

/// Removes blanks, a comment and quotes around a value.
fn value_of(text: &str) -> &str {
    let is_quote = |c: char| matches!(c, '"' | '\'') || sign(c) == Some(Sign::Quote);
    let text = text.trim_matches(is_blank);
    let text = text.split(" #").next().unwrap_or_default().trim_end_matches(|c| is_blank(c) || c == ',');
    // A quote only at the end may belong to an option.
    if text.starts_with(is_quote) { text.trim_matches(is_quote).trim_matches(is_blank) } else { text }
}

/// Returns the items of a list in brackets on one line.
fn flow(text: &str) -> Vec<String> {
    let document = parse(text, |at| at);
    let Some(Kind::List(items)) = document.root.as_ref().map(|root| &root.kind) else { return Vec::new() };
    items.iter().filter_map(|item| item.text().map(str::to_owned)).collect()
}

#[cfg(test)]
mod tests {
    use super::{is_needed, read, user_names};

    #[test]
    fn users_are_named_as_they_look() {
        for (text, names) in [
            ("users:\n- name: ada\n  keys:\n  - name: x\n- keys: y\n  name: 'bob'\n", &["ada", "bob"][..]),
            ("users: # all\n  - name: ada\n    groups: [name: x]\n  -\n    name: bob\n", &["ada", "bob"]),
            ("users:\n- {name: ada, shell: /bin/sh}\n- name: ada\n- name: a:b\n- default\n", &["ada"]),
            ("a: |\n  users:\n  - name: ada\nb:\n- name: bob\n", &[]),
            ("users:\n- name: ada\nwrite_files:\n- name: x\n", &["ada"]),
        ] {
            assert_eq!(user_names(text), names, "{text}");
        }
    }

    fn found(text: &str) -> (String, Vec<String>) {
        let found = read(text, &|item| item.starts_with("ssh-"), &|at| at);
        let keys = found.keys.iter().map(|key| {
            let span = key.span.unwrap();
            assert!(text[span.start..span.end].contains(key.text()));
            key.text().to_owned()
        });
        (found.hostname.text().to_owned(), keys.collect())
    }

    #[test]
    fn lines_are_read_as_they_look() {
        for text in [
            "hostname:\u{a0}n\nssh_authorized_keys:\n\u{a0}\u{a0}- ssh-a\n  - ssh-b\n",
            "hostname = n\nssh_authorized_keys\n-\u{a0}ssh-a # x\n\t- \"ssh-b\"\nusers:\n- ssh-c\n",
            "hostname n\nssh_authorized_keys: [ssh-a, 'ssh-b']\n",
            "hostname: 'n'\nhostname: m\nssh-authorized-keys:\n{% if x %}\n\u{2022} ssh-a\n{% endif %}\n\u{2014}ssh-b\n  x\n",
            "a: |\n  hostname: m\nhostname\u{ff1a}n\nssh_authorized_keys:\n- \u{201c}ssh-a\u{201d}\n- ssh-b\n",
        ] {
            assert_eq!(found(text), ("n".to_owned(), vec!["ssh-a".to_owned(), "ssh-b".to_owned()]), "{text}");
        }
        for text in [
            "hostnames: n\n",
            "ssh_authorized_keys:\n users:\n - name: ada\n   ssh_authorized_keys:\n   - ssh-a\n",
            "users:\n- hostname: n\n  ssh_authorized_keys: [ssh-a]\n",
            "hostname: {{ n }}\n",
        ] {
            assert_eq!(found(text), (String::new(), Vec::new()), "{text}");
        }
    }

    #[test]
    fn text_in_quotes_is_removed() {
        let text = "a: b\nwrite_files:\n- content: \"x\n\nhostname: m\nssh_authorized_keys:\n- ssh-a\n\"\nssh_authorized_keys:\n- 'ssh-b'\n";
        let mut found = read(text, &|item| item.starts_with("ssh-"), &|at| at);
        assert_eq!((found.hostname.text(), found.keys.len()), ("m", 2));
        found.remove_quoted(&crate::yaml::parse(text, |at| at));
        let keys: Vec<_> = found.keys.iter().map(super::Field::text).collect();
        assert_eq!((found.hostname.text(), keys), ("", vec!["ssh-b"]));
    }

    #[test]
    fn not_every_error_needs_it() {
        let needed = |text: &str| is_needed(&text.replacen('!', "", 1), text.find('!').unwrap());
        assert!(needed("ssh_authorized_keys:\n!\t- a\n"));
        assert!(needed("ssh_authorized_keys:\n  !* ssh-a\n"));
        assert!(needed("hostname n\nusers!: []\n"));
        assert!(needed("ssh_authorized_keys\n  - a\nusers!: []\n"));
        assert!(!needed("hostname: n\nusers: [!\n"));
    }
}
