//! The tree of a document: its places and its limits.

use std::rc::Rc;

use cloud_config::yaml::limits::{MAX_ALIAS_TEXT, MAX_DEPTH, MAX_ENTRIES, MAX_NODES};
use cloud_config::yaml::{Kind, Node, ParsedYaml};

use super::spans;

/// The cost of visiting a node with all of its children.
#[derive(Default)]
struct Cost {
    nodes: usize,
    text: usize,
}

/// A document that was read of `text` is within the limits, and its places are in the text.
pub fn check(text: &str, document: &ParsedYaml) {
    let mut cost = Cost::default();
    if let Some(root) = &document.root {
        visit(text, root, 0, &mut cost);
    }
    assert!(cost.nodes <= MAX_NODES, "{} nodes", cost.nodes);
    assert!(cost.text <= text.len() + MAX_ALIAS_TEXT, "{} bytes of {}", cost.text, text.len());
    for finding in document.findings.iter().chain(&document.error) {
        spans::finding(text, finding);
    }
    if document.error.is_some() {
        let entries = document.root.as_ref().map(|root| root.entries().is_some_and(|entries| !entries.is_empty()));
        assert_ne!(entries, Some(false), "what is left of a broken document is entries, or nothing");
    }
}

fn visit(text: &str, node: &Node, depth: usize, cost: &mut Cost) {
    spans::inside(text, node.span);
    cost.nodes += 1;
    assert!(cost.nodes <= MAX_NODES);
    match &node.kind {
        Kind::Scalar(scalar) => cost.text += scalar.text.len(),
        Kind::List(items) => {
            assert!(depth < MAX_DEPTH && items.len() <= MAX_ENTRIES);
            for item in items {
                visit(text, item, depth + 1, cost);
            }
        }
        Kind::Mapping(mapping) => {
            assert!(depth < MAX_DEPTH && mapping.entries.len() <= MAX_ENTRIES);
            let mut names = std::collections::HashSet::new();
            for entry in &mapping.entries {
                spans::inside(text, entry.key_span);
                assert!(names.insert(entry.name().into_owned()), "a key is there twice");
                visit(text, &entry.value, depth + 1, cost);
            }
        }
    }
}

/// A tree as one text; two trees are the same if their shapes are.
pub fn shape(node: Option<&Rc<Node>>) -> String {
    let mut out = String::new();
    if let Some(node) = node {
        write(node, &mut out);
    }
    out
}

fn write(node: &Node, out: &mut String) {
    use std::fmt::Write as _;
    match &node.kind {
        _ if node.is_null() => out.push('~'),
        Kind::Scalar(scalar) => drop(write!(out, "{:?}", scalar.text)),
        Kind::List(items) => {
            out.push('[');
            for item in items {
                write(item, out);
                out.push(',');
            }
            out.push(']');
        }
        Kind::Mapping(mapping) => {
            out.push('{');
            for entry in &mapping.entries {
                let _ = write!(out, "{:?}:", entry.key);
                write(&entry.value, out);
                out.push(',');
            }
            out.push('}');
        }
    }
}
