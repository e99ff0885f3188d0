//! The messages of findings, as `--validate` prints them.
//!
//! Cases are in `tests/pure/plans/messages/*.txt`, in the format of the golden plans without a plan.

use cloud_config::address_tokens::{Address, Addresses};
use cloud_config::plan::Facts;
use cloud_config::redact::LocatedFinding;
use cloud_config::text::Lines;
use cloud_config::yaml::Paths;
use cloud_config::{document, user_data};

use super::case::{self, Case};
use super::{directory, files, is_update, read, show};

/// Returns the findings of `case`, one a line.
fn messages(case: &Case) -> String {
    let mut addresses = Addresses::default();
    for kind in Address::ALL {
        addresses.insert(kind, kind.stand_in());
    }
    let mut text = "--- findings\n".to_owned();
    for part in user_data::split("file", case.bytes()) {
        let document = document::read(part, &addresses, false);
        let (lines, paths) = (Lines::new(document.part.text.as_bytes()), Paths::new(&document.parsed));
        for finding in &document.plan(&Facts::default(), "set").findings {
            text.push_str(&LocatedFinding::new(&document.part.name, finding, &lines, &paths).line());
            text.push('\n');
        }
    }
    text
}

#[test]
fn every_case_has_its_messages() {
    let mut failed = Vec::new();
    for path in files(&directory().join("messages"), &["txt"]) {
        let (mut rewritten, cases) = case::parse(&read(&path));
        for case in &cases {
            let actual = messages(case);
            if actual != case.expected {
                let difference = show::difference(&case.expected, &actual);
                failed.push(format!("{}: {}\n{difference}", path.display(), case.name));
            }
            rewritten.push_str(&case.with_expected(&actual));
        }
        if is_update() {
            std::fs::write(&path, rewritten).unwrap();
        }
    }
    assert!(is_update() || failed.is_empty(), "{} cases differ:\n\n{}", failed.len(), failed.join("\n"));
}

/// How a message can end, after its problem.
const CONSEQUENCES: [&str; 11] = [
    "skipped",
    "ignored",
    "applied anyway",
    "not applied",
    "are applied",
    "is applied",
    "not set",
    "not enabled",
    "not run",
    "systemd refuses the",
    "the command will fail",
];

#[test]
fn every_message_has_a_consequence() {
    for path in files(&directory().join("messages"), &["txt"]) {
        for line in case::parse(&read(&path)).1.iter().flat_map(|case| case.expected.lines().skip(1)) {
            let known = |words: &&str| CONSEQUENCES.iter().any(|consequence| words.contains(consequence));
            let consequence = line.split_once("; ").map(|(_, rest)| rest.split(" (").next().unwrap_or_default());
            assert!(consequence.as_ref().is_some_and(known), "{line}");
        }
    }
}
