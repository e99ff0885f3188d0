//! Our tree beside theirs.

use std::collections::BTreeMap;

use cloud_config::yaml::{Kind, Node, Scalar};
use serde_json::Value;

use super::rows::{OUR_COMPLAINTS, THEIR_COMPLAINTS};
use crate::invariants::yaml::parse;

/// A tree that both can have: keys in one spelling and no order, null distinct from empty text.
#[derive(Debug, PartialEq)]
enum Tree {
    Null,
    Text(String),
    List(Vec<Tree>),
    Mapping(BTreeMap<String, Tree>),
}

/// The result of reading a text: a tree, or the error.
type Read = Result<Tree, String>;

/// Returns the difference between our tree of `text` and theirs.
pub fn difference(text: &str, theirs: &Value) -> Option<String> {
    let (ours, theirs) = (ours(text), self::theirs(theirs));
    let alike = match (&ours, &theirs) {
        (Ok(ours), Ok(theirs)) => ours == theirs,
        (Err(_), Err(_)) => true,
        _ => false,
    };
    (!alike).then(|| format!("{text:?}\n  ours:   {ours:?}\n  theirs: {theirs:?}"))
}

/// Returns true if only one of them rejects a text, for a reason in its table.
pub fn is_wanted(text: &str, theirs: &Value) -> bool {
    let is_listed = |table: &[(&str, &str)], complaint: &str| table.iter().any(|(words, _)| complaint.contains(words));
    match (ours(text), self::theirs(theirs)) {
        (Ok(_), Err(complaint)) => is_listed(THEIR_COMPLAINTS, &complaint),
        (Err(complaint), Ok(_)) => is_listed(OUR_COMPLAINTS, &complaint),
        _ => false,
    }
}

fn ours(text: &str) -> Read {
    let document = parse(text);
    match document.error {
        Some(error) => Err(error.message),
        None => Ok(document.root.as_deref().map_or(Tree::Null, tree)),
    }
}

fn theirs(theirs: &Value) -> Read {
    match theirs["error"].as_str() {
        Some(error) => Err(error.to_owned()),
        None => Ok(if theirs["tree"].is_null() { Tree::Null } else { their_tree(&theirs["tree"]) }),
    }
}

fn tree(node: &Node) -> Tree {
    match &node.kind {
        Kind::Scalar(_) if node.is_null() => Tree::Null,
        Kind::Scalar(Scalar { text, .. }) => Tree::Text(text.to_string()),
        Kind::List(items) => Tree::List(items.iter().map(|item| tree(item)).collect()),
        Kind::Mapping(mapping) => {
            Tree::Mapping(mapping.entries.iter().map(|entry| (entry.name().into_owned(), tree(&entry.value))).collect())
        }
    }
}

fn their_tree(node: &Value) -> Tree {
    if let Some(items) = node["list"].as_array() {
        Tree::List(items.iter().map(their_tree).collect())
    } else if let Some(entries) = node["mapping"].as_object() {
        Tree::Mapping(entries.iter().map(|(key, value)| (key.clone(), their_tree(value))).collect())
    } else if node["tag"] == "null" {
        Tree::Null
    } else {
        Tree::Text(node["text"].as_str().unwrap().to_owned())
    }
}
