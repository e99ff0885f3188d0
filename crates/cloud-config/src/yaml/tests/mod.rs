//! Tests of the whole module; details are tested beside the code.

mod limits;
mod reading;
mod salvage;
mod tree;

use serde::de::DeserializeOwned;

use super::{Kind, Node, ParsedYaml, parse, read};
use crate::config::CloudConfig;
use crate::diagnostic::Finding;

/// A document that is as its author wrote it.
fn document(text: &str) -> ParsedYaml {
    parse(text, |byte| byte)
}

/// The value read from a valid text, with the findings of both stages.
fn read_as<T: DeserializeOwned + Default>(text: &str) -> (T, Vec<Finding>) {
    let mut document = document(text);
    assert_eq!(document.error, None, "{text}");
    let (value, found) = read(&document);
    document.findings.extend(found);
    (value, document.findings)
}

fn config(text: &str) -> (CloudConfig, Vec<Finding>) {
    read_as(text)
}

/// Findings as `rule:the text they point at`.
fn findings_with_text(text: &str, findings: &[Finding]) -> Vec<String> {
    findings.iter().map(|finding| one(text, finding)).collect()
}

fn one(text: &str, finding: &Finding) -> String {
    let span = finding.span.unwrap();
    format!("{}:{}", finding.rule.id, &text[span.start..span.end])
}

/// A tree on one line: `{key: "text", list: ["a", plain]}`; null is `~`.
fn shape(node: &Node) -> String {
    match &node.kind {
        Kind::Scalar(_) if node.is_null() => "~".to_owned(),
        Kind::Scalar(scalar) if scalar.plain => scalar.text.to_string(),
        Kind::Scalar(scalar) => format!("{:?}", scalar.text),
        Kind::List(items) => {
            let items: Vec<String> = items.iter().map(|item| shape(item)).collect();
            format!("[{}]", items.join(", "))
        }
        Kind::Mapping(mapping) => {
            let entries: Vec<String> =
                mapping.entries.iter().map(|entry| format!("{}: {}", entry.key, shape(&entry.value))).collect();
            format!("{{{}}}", entries.join(", "))
        }
    }
}

/// The tree of a text, and its findings.
fn tree(text: &str) -> (String, Vec<String>) {
    let document = document(text);
    assert_eq!(document.error, None, "{text}");
    (document.root.as_deref().map_or_else(String::new, shape), findings_with_text(text, &document.findings))
}

/// The lines that `line` returns for each number.
fn lines(numbers: std::ops::Range<usize>, line: impl Fn(usize) -> String) -> String {
    numbers.map(line).collect::<Vec<_>>().concat()
}
