//! Documents are read as they were written, in any layout.

use cloud_config::document;
use cloud_config::plan::Facts;
use cloud_config::user_data;
use cloud_config::yaml::{Kind, Node};

use super::document::{Style, Value};
use super::render::{Look, render};
use crate::invariants::{tokens, yaml};

/// The tree of the text is the tree that the text was made of.
pub fn is_read_as_written(value: &Value, look: Look) {
    let text = render(value, look);
    let document = yaml::parse(&text);
    assert_eq!(document.error, None, "{text}");
    let Some(wanted) = wanted(value) else { return };
    let read = document.root.as_deref().map_or(Read::Text(String::new()), read);
    assert_eq!(read, wanted, "{text}");
}

/// A tree without irrelevant details.
#[derive(Debug, PartialEq)]
enum Read {
    Text(String),
    List(Vec<Read>),
    Mapping(Vec<(String, Read)>),
}

fn read(node: &Node) -> Read {
    match &node.kind {
        Kind::Scalar(scalar) => Read::Text(scalar.text.to_string()),
        Kind::List(items) => Read::List(items.iter().map(|item| read(item)).collect()),
        Kind::Mapping(mapping) => {
            Read::Mapping(mapping.entries.iter().map(|entry| (entry.key.to_string(), read(&entry.value))).collect())
        }
    }
}

/// Returns the expected tree of a value; `None` if there is a merge in it.
fn wanted(value: &Value) -> Option<Read> {
    Some(match value {
        Value::Text(text, _) => Read::Text(text.clone()),
        Value::List(items, _) => Read::List(items.iter().map(wanted).collect::<Option<_>>()?),
        Value::Mapping(entries, _) => {
            let mut wanted_entries: Vec<(String, Read)> = Vec::new();
            for (key, value) in entries {
                let Value::Text(key, style) = key else { return None };
                if key == "<<" && matches!(style, Style::Plain) {
                    return None;
                }
                let value = wanted(value)?;
                let same = |other: &(String, Read)| other.0.replace('-', "_") == key.replace('-', "_");
                // The last of several counts.
                match wanted_entries.iter_mut().find(|other| same(other)) {
                    Some(other) => *other = (key.clone(), value),
                    None => wanted_entries.push((key.clone(), value)),
                }
            }
            Read::Mapping(wanted_entries)
        }
        Value::Anchor(_, inner) | Value::Tagged(_, inner) => wanted(inner)?,
        Value::Alias(_) => return None,
    })
}

/// Two looks of a document give the same plan and the same findings.
pub fn mean_the_same(value: &Value, one: Look, other: Look) {
    let plan = |look| {
        let text = format!("#cloud-config\n{}", render(value, look));
        let part = user_data::split("part", text.clone().into_bytes()).remove(0);
        let document = document::read(part, &tokens::some_addresses(), false);
        let plan = document.plan(&Facts::default(), "set");
        if document.access_only {
            // In double quotes, `\\$public_ipv4` has no escape any more once its token is replaced.
            return None;
        }
        let mut found: Vec<_> = plan.findings.iter().map(|finding| finding.rule.id).collect();
        found.sort_unstable();
        let steps: Vec<_> = plan.steps.into_iter().map(|planned| planned.step).collect();
        let refused: Vec<_> = plan.refused.into_iter().map(|refused| refused.item).collect();
        Some((text, (steps, refused, found)))
    };
    let (Some(one), Some(other)) = (plan(one), plan(other)) else { return };
    assert_eq!(one.1, other.1, "{}\n{}", one.0, other.0);
}
