//! Secrets are shown nowhere: contents, password hashes, keys, and unparsable text (docs/security.md#secrets).

use cloud_config::diagnostic::{Finding, rules};
use cloud_config::document::Document;
use cloud_config::plan::Plan;
use cloud_config::redact::{self, LocatedFinding};
use cloud_config::text::Lines;
use cloud_config::user_data::ContentKind;
use cloud_config::yaml::{Kind, Node, Paths};

use super::shown::SHOWN;

/// The marker of all secrets: no output has it unless it is part of something that may be shown.
pub const CANARY: &str = "hunter2";

/// Keys whose values get shown besides: in files that everybody may read, and as where keys come from.
const BESIDES: [&str; 2] = ["server", "coreos_ssh_import_url"];

/// Returns true if the values of such a key may be shown, wherever it stands.
fn is_shown(key: &str) -> bool {
    BESIDES.contains(&key) || SHOWN.iter().any(|(_, names)| names.split_whitespace().any(|name| name == key))
}

/// Checks all printed, logged and recorded forms of a part.
///
/// Returns true if there was anything to redact.
pub fn check(document: &Document, plan: &Plan) -> bool {
    if !document.part.text.contains(CANARY) || is_public(document) {
        return false;
    }
    hidden(document, plan);
    true
}

/// Checks that nothing which is printed, logged or recorded of a part shows the canary.
pub fn hidden(document: &Document, plan: &Plan) {
    let mut shown = vec![
        format!("{:?} {:?} {plan:?}", document.part, document.config),
        serde_json::to_string(&plan.refused).expect("plain data"),
    ];
    for planned in &plan.steps {
        shown.extend([planned.step.to_string(), serde_json::to_string(planned).expect("plain data")]);
    }
    let (lines, paths) = (Lines::new(document.part.text.as_bytes()), Paths::new(&document.parsed));
    for finding in &plan.findings {
        let located = LocatedFinding::new("part", finding, &lines, &paths);
        shown.extend([located.line(), serde_json::to_string(&located).expect("plain data")]);
        shown.extend(finding.span.map(|span| redact::line(&document.part.text, span, &lines, &paths).text));
    }
    holds_no_canary(shown);
}

/// Panics if a text has the canary.
pub fn holds_no_canary(shown: Vec<String>) {
    for text in shown {
        let around = text.split_once(CANARY).map(|(before, behind)| {
            let before: String = before.chars().rev().take(200).collect();
            before.chars().rev().chain(CANARY.chars()).chain(behind.chars().take(50)).collect::<String>()
        });
        assert_eq!(around, None, "this shows a secret");
    }
}

/// Returns true if the marker is part of something that may be shown: a key, a name, a path, the interpreter of a
/// script.
pub fn is_public(document: &Document) -> bool {
    part_says(document, &is_shown) || repeated_key_says(document)
}

/// Returns true if the marker is part of a key that is reported because it is repeated. Such a key need not be in the
/// tree: its mapping may be repeated itself, or left out because of a fault behind it.
fn repeated_key_says(document: &Document) -> bool {
    let repeated = |finding: &&Finding| *finding.rule == rules::DUPLICATE_KEY || *finding.rule == rules::TWO_SPELLINGS;
    let mut keys = document.findings.iter().filter(repeated).filter_map(|finding| finding.span);
    keys.any(|span| document.part.text[span.start..span.end].contains(CANARY))
}

/// Returns true if the marker is part of a key or of a value whose key is `shown`, or of the interpreter of a script.
pub fn part_says(document: &Document, shown: &dyn Fn(&str) -> bool) -> bool {
    match document.part.form {
        _ if document.part.name.contains(CANARY) => true,
        ContentKind::Script => {
            let line = document.part.text.split(['\n', '\r']).next().unwrap_or_default();
            let mut words = line.trim_start_matches("#!").split([' ', '\t']).filter(|word| !word.is_empty());
            words.next().is_some_and(|interpreter| interpreter.contains(CANARY))
        }
        // Messages about a part of a multipart contain the part's name.
        ContentKind::Multipart => {
            let named = |line: &str| line.find("name").is_some_and(|at| line[at..].contains(CANARY));
            document.part.text.lines().any(named)
        }
        _ => document.parsed.root.as_deref().is_some_and(|root| has_marker(root, "", shown)),
    }
}

/// Returns true if a key of a node contains the marker, or a value that may be shown; `above` is the key of the node.
///
/// The path in a finding also has the keys of a value that a later one replaces.
fn has_marker(node: &Node, above: &str, shown: &dyn Fn(&str) -> bool) -> bool {
    match &node.kind {
        Kind::Scalar(scalar) => shown(above) && scalar.text.contains(CANARY),
        Kind::List(items) => items.iter().any(|item| has_marker(item, above, shown)),
        Kind::Mapping(mapping) => {
            mapping.written().any(|entry| entry.key.contains(CANARY) || has_marker(&entry.value, &entry.name(), shown))
        }
    }
}
