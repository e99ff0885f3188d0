//! SSH keys that YAML changes: several keys in one string, or a mapping because quotes are missing.

use std::collections::HashSet;

use super::{CloudConfig, key_options};
use crate::config::ssh_key;
use crate::diagnostic::{Finding, Findings, Span, rules};
use crate::yaml::{self, Field};

/// Restores the SSH keys of `config` as their author meant them, and returns an error for each. Removes the findings
/// about their types from `findings`.
///
/// `text` is the source text of the part.
pub fn repair_keys(config: &mut CloudConfig, text: &str, findings: &mut Vec<Finding>) -> Vec<Finding> {
    let (mut found, mut respelled) = (Findings::default(), Vec::new());
    let users = config.users.iter_mut().filter_map(|user| user.value.as_mut());
    let lists = users.map(|user| &mut user.ssh_authorized_keys);
    for list in std::iter::once(&mut config.ssh_authorized_keys).chain(lists) {
        for field in list.iter_mut().filter(|field| field.bad) {
            if respell(field, text) {
                respelled.extend(field.span);
            } else {
                found.extend(restore(field, text));
            }
        }
        if list.iter().any(|field| ssh_key::joined(field.text()).is_some()) {
            *list = std::mem::take(list).into_iter().flat_map(|field| split(field, text, &mut found)).collect();
        }
        for field in list.iter_mut() {
            correct_options(field, text, &mut found);
        }
    }
    let found = found.into_list();
    let restored: HashSet<_> =
        found.iter().filter(|found| *found.rule == rules::KEY_QUOTES).map(|found| found.span).collect();
    findings.retain(|finding| *finding.rule != rules::WRONG_TYPE || !restored.contains(&finding.span));
    respelled.sort_unstable();
    for finding in findings.iter_mut().filter(|finding| *finding.rule == rules::LOOKALIKE_CHARACTER) {
        let Some(at) = finding.span.map(|span| span.start) else { continue };
        let before = respelled.partition_point(|span| span.start <= at);
        if before > 0
            && at < respelled[before - 1].end
            && let Some(problem) = finding.message.strip_suffix("; not applied")
        {
            *finding = Finding { message: problem.to_owned(), ..finding.clone() }.sets_key("the key is set");
        }
    }
    found
}

/// Replaces lookalike characters in an item. Returns true if the item is then a key.
fn respell(field: &mut Field<String>, text: &str) -> bool {
    let written = field.span.and_then(|span| text.get(span.start..span.end)).unwrap_or_default();
    if written.is_ascii() || written.contains('\n') {
        return false;
    }
    let spelled = yaml::without_lookalikes(written);
    let key = unquoted(&spelled);
    let is_key = ssh_key::begins_key(key);
    if is_key {
        *field = Field { value: Some(key.to_owned()), span: field.span, bad: false };
    }
    is_key
}

/// Restores the text of an item that YAML parsed as a mapping, because its key contains `: `.
fn restore(field: &mut Field<String>, text: &str) -> Option<Finding> {
    let span = field.span?;
    let written = text.get(span.start..span.end)?;
    let lines: Vec<_> = written.lines().map(str::trim).collect();
    let text = lines.join(" ");
    let text = text.trim_end();
    let text = text.strip_prefix('{').and_then(|text| text.strip_suffix('}')).unwrap_or(text).trim();
    let (name, value) = text.split_once(':')?;
    let typed = format!("{} {}", unquoted(name), unquoted(value));
    let (key, help) = if ssh_key::begins_key(text) {
        (text.to_owned(), "write the item in single quotes: `- 'KEY'`")
    } else if ssh_key::begins_key(&typed) {
        (typed, "write a space instead of the `:` after its type")
    } else if ssh_key::begins_key(unquoted(value)) && lines.len() == 1 && key_options::is_label(unquoted(name)) {
        (unquoted(value).to_owned(), "write the key alone: `- KEY`")
    } else if let Some(repaired) = key_options::repair(text) {
        (repaired.line, "begin the item with the type of the key: `- ssh-ed25519 AAAA…`")
    } else {
        return None;
    };
    *field = Field { value: Some(key), span: field.span, bad: false };
    let message = "YAML reads this SSH key as a mapping because of its `:`";
    Some(Finding::new(&rules::KEY_QUOTES, span, message).sets_key("the key is set").help(help))
}

/// Removes blanks and quotes around `text`.
fn unquoted(text: &str) -> &str {
    let text = text.trim();
    let inner = |quote| text.strip_prefix(quote).and_then(|text| text.strip_suffix(quote));
    inner('"').or_else(|| inner('\'')).filter(|inner| !inner.contains(['"', '\'', '\\'])).unwrap_or(text)
}

/// Corrects the text before the keys of an item, because of which sshd would ignore them.
fn correct_options(field: &mut Field<String>, text: &str, findings: &mut Findings) {
    let Some(value) = field.filled() else { return };
    let (mut at, end) = field.span.map_or((0, 0), |span| (span.start, span.end));
    let mut lines = Vec::new();
    let mut is_changed = false;
    for line in value.lines() {
        let Some(repaired) = key_options::repair(line.trim()) else {
            lines.push(line.to_owned());
            continue;
        };
        is_changed = true;
        lines.push(repaired.line.clone());
        if !findings.is_full(&rules::BAD_KEY_OPTIONS) {
            // The search begins after the previous line, because lines can be equal.
            let start = text.get(at..end).and_then(|rest| rest.find(line.trim())).map(|found| at + found);
            at = start.unwrap_or(end);
            findings.push(repaired.finding(start, field.span));
        }
    }
    if is_changed {
        field.value = Some(lines.join("\n"));
    }
}

/// Splits an item into its keys if several keys are joined in it.
fn split(field: Field<String>, text: &str, findings: &mut Findings) -> Vec<Field<String>> {
    let Some(keys) = field.value.as_deref().and_then(ssh_key::joined) else { return vec![field] };
    let mut at = field.span.map_or(text.len(), |span| span.start);
    let end = field.span.map_or(text.len(), |span| span.end);
    let mut items = Vec::new();
    for key in keys {
        // YAML never breaks the body of a key, unlike options and comments, so the body is found in the source text.
        let body = key.split([' ', '\t']).find(|word| word.starts_with("AAAA")).unwrap_or(key);
        let found = text.get(at..end).and_then(|rest| rest.find(body)).map(|found| at + found);
        let span = found.map_or(field.span, |body_at| {
            let line = text[at..body_at].rfind('\n').map_or(at, |newline| at + newline + 1);
            let blank = |c: char| c.is_whitespace() || c == ',';
            let first = key.split([' ', '\t']).next().unwrap_or_default();
            let start = match text[line..body_at].rfind(first) {
                Some(start) => line + start,
                None => body_at - text[line..body_at].trim_start_matches(blank).len(),
            };
            at = body_at + body.len();
            Some(Span::new(start, at))
        });
        if !items.is_empty() && ssh_key::is_key(key) {
            let before = span.map_or("", |span| &text[..span.start]);
            let (message, help) = if before.ends_with("\\n") {
                (
                    "no line break before this SSH key: `\\n` is two characters here",
                    "begin each key with `- ` on a line of its own",
                )
            } else if before.ends_with("- ") {
                (
                    "an SSH key whose `-` is indented further than the one above, so that YAML joins both",
                    "begin each `- ` in the same column",
                )
            } else {
                (
                    "no `- ` before this SSH key, which YAML joins to the one before it",
                    "begin each key with `- ` on a line of its own",
                )
            };
            findings.push(Finding::new(&rules::JOINED_KEYS, span, message).sets_key("both keys are set").help(help));
        }
        items.push(Field {
            value: Some(key.to_owned()),
            span: if items.is_empty() { field.span } else { span },
            bad: false,
        });
    }
    items
}
