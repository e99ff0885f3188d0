//! Content that ends at a line of its own text, because YAML parses that line as a key.

use std::cell::OnceCell;
use std::collections::HashMap;

use super::{ContentOwner, block, is_key_value, style};
use crate::config::misspelled;
use crate::diagnostic::{Finding, Span, rules};
use crate::text::Lines;
use crate::yaml::{Entry, Node, is_name};

/// The part that contains the items, with the keys that can be lost lines of content.
pub(super) struct OuterKey<'a> {
    text: &'a str,
    /// The lines of the text, computed on first use.
    lines: OnceCell<Lines<'a>>,
    /// The keys outside of items that do not have the form of a key. Each can be a line of content that lost its
    /// indentation.
    keys: HashMap<usize, &'a Entry>,
}

impl<'a> OuterKey<'a> {
    /// Collects the keys of the part `text`, whose tree is `root`.
    pub(super) fn new(root: &'a Node, text: &'a str) -> Self {
        let coreos = root.get("coreos");
        let units = coreos.and_then(|coreos| coreos.get("units")?.items()).unwrap_or_default();
        let sections = std::iter::once(root).chain(coreos).chain(units.iter().map(|unit| &**unit));
        let entries = sections.filter_map(Node::entries).flatten().filter(|entry| !is_name(&entry.key));
        let keys = entries.map(|entry| (entry.key_span.start, entry)).collect();
        Self { text, lines: OnceCell::new(), keys }
    }
}

/// Reports content that ends at a line of its own text. `raw` is the content with its header, at `span`.
pub(super) fn ended_early(
    item: &Node,
    kind: ContentOwner,
    outer: &OuterKey<'_>,
    raw: &str,
    span: Span,
) -> Option<Finding> {
    let text = outer.text;
    let next = next_line(text, span.end)?;
    let entries = item.entries().unwrap_or_default();
    let is_text = match entries.iter().position(|entry| entry.key_span.start == next) {
        Some(at) => {
            let is_strange = |entry: &Entry| !is_known(entry, kind, text);
            let entry = &entries[at];
            is_strange(entry)
                && (is_no_name(entry, item, text)
                    || (is_multiline(&entry.value, text) && has_keys(raw))
                    || entries.get(at + 1).is_some_and(is_strange)
                    || ends_open(raw))
        }
        // Keys outside of the item can belong to other programs, so only one without the form of a key is text.
        None => is_no_name(outer.keys.get(&next)?, item, text),
    };
    if !is_text || !matches!(style(raw), '|' | '>') {
        return None;
    }
    let line = outer.lines.get_or_init(|| Lines::new(text.as_bytes())).start(span).line;
    let message = format!(
        "the block scalar that began at line {line} ended here: this line is indented less; {} skipped",
        kind.word()
    );
    let end = text[next..].find([' ', ':', '\n']).map_or(text.len(), |end| next + end);
    let finding = Finding::new(&rules::LOST_CONTENT, Span::new(next, end.max(next + 1)), message);
    Some(finding.help("indent the line as far as the first line of the scalar"))
}

/// Returns the position of the first text after the line of `end` that is neither blank nor a comment.
fn next_line(text: &str, end: usize) -> Option<usize> {
    let mut at = end + text.get(end..)?.find('\n')? + 1;
    for line in text[at..].split_inclusive('\n') {
        let inner = line.trim_start();
        if !inner.is_empty() && !inner.starts_with('#') {
            return Some(at + line.len() - inner.len());
        }
        at += line.len();
    }
    None
}

/// Returns true if `entry` is a key of an item, or of another program, that can follow content.
fn is_known(entry: &Entry, kind: ContentOwner, text: &str) -> bool {
    let name = entry.name();
    let name = name.to_ascii_lowercase();
    kind.mapping().field(&name).is_some()
        || crate::config::is_item_key(&name)
        || misspelled::is_harmless(&name)
        || (kind.mapping().is_misspelled(&name) && !is_multiline(&entry.value, text))
}

/// Returns true if the key does not have the form of a key, or is quoted while the other keys of its item are not.
fn is_no_name(entry: &Entry, item: &Node, text: &str) -> bool {
    let is_quoted = |entry: &Entry| text[entry.key_span.start..].starts_with(['"', '\'']);
    let content = item.entries().unwrap_or_default().iter().find(|entry| entry.name() == "content");
    !is_name(&entry.key) || (is_quoted(entry) && !content.is_some_and(is_quoted))
}

/// Returns true if `value` has several lines.
fn is_multiline(value: &Node, text: &str) -> bool {
    let is_block = value.items().is_some() || value.entries().is_some();
    (is_block && !value.flow) || text.get(value.span.start..value.span.end).is_some_and(|raw| raw.trim().contains('\n'))
}

/// Returns true if a line of the content is a key with its value. A further key can then belong to the content.
fn has_keys(raw: &str) -> bool {
    block(raw).any(|(_, line)| is_key_value(line.trim()))
}

/// Returns true if the content ends with text that a key can continue, such as an open bracket.
fn ends_open(raw: &str) -> bool {
    let last = block(raw).map(|(_, line)| line.trim()).rfind(|line| !line.is_empty());
    last.is_some_and(|line| is_key_value(line) || line.ends_with(['{', '[', ',']))
}
