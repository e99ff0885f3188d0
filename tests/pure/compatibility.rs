//! Intended differences from the reference are documented.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use regex::Regex;

/// The ids of the differences in `docs/compatibility.md`, in their order.
fn documented() -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/compatibility.md");
    let text = fs::read_to_string(path).unwrap();
    let row = Regex::new(r"(?m)^\| `([a-z0-9-]+)` \|").unwrap();
    let (_, differences) = text.split_once("\n## Better\n").unwrap();
    row.captures_iter(differences).map(|found| found[1].to_owned()).collect()
}

#[test]
fn every_id_stands_for_one_thing() {
    let ids = documented();
    assert!(ids.len() > 30, "only {} ids found", ids.len());
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len(), "an id is there twice");
}

#[test]
fn allowed_differences_of_outcomes_are_documented() {
    let ids = documented();
    for row in crate::wanted::ROWS {
        assert!(ids.iter().any(|id| id == row.id), "{} is not in docs/compatibility.md", row.id);
        assert!(!row.reason.is_empty(), "{} has no reason", row.id);
    }
}

#[test]
fn patterns_are_regular_expressions() {
    for row in crate::wanted::ROWS {
        for pattern in [row.configs, row.subject, row.ours] {
            Regex::new(pattern).unwrap_or_else(|e| panic!("{}: {e}", row.id));
        }
    }
}
