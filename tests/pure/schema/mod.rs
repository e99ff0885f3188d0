//! The schema is as it was reviewed, and it rejects the same structural faults as the validator: checked with an
//! independent implementation of JSON Schema, on documents of every kind.
//!
//! After an intended change, `UPDATE_SCHEMA=1 cargo test --test pure schema::` writes the schema.

mod documents;
mod judge;
mod rows;

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::Command;

use cloud_config::address_tokens::Addresses;
use cloud_config::diagnostic::{Rule, rules};
use cloud_config::document;
use cloud_config::plan::Facts;
use cloud_config::user_data::{Completeness, ContentKind, Part};

use judge::Judgement;

/// The kinds of findings that a schema can have.
const STRUCTURE: [&Rule; 19] = [
    &rules::FOREIGN_KEY,
    &rules::DEFAULT_USER,
    &rules::UNKNOWN_KEY,
    &rules::MISSPELLED_KEY,
    &rules::UNSUPPORTED_KEY,
    &rules::DETACHED_KEY,
    &rules::MISPLACED_KEY,
    &rules::WRONG_TYPE,
    &rules::KEY_QUOTES,
    &rules::MISSING_KEY,
    &rules::NAMELESS_USER,
    &rules::INCOMPLETE_DROP_IN,
    &rules::BAD_KEY,
    &rules::BAD_MERGE,
    &rules::BAD_COMMAND,
    &rules::BAD_ENCODING,
    &rules::BAD_STRATEGY,
    &rules::BAD_ETC_HOSTS,
    &rules::BAD_PERMISSIONS,
];

#[test]
fn the_schema_is_as_reviewed() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/cloud-config.schema.json");
    let schema = cloud_config::json_schema::text();
    if is_updated() {
        fs::write(&path, &schema).unwrap();
    }
    let reviewed = fs::read_to_string(&path).unwrap_or_default();
    let line = schema.lines().zip(reviewed.lines()).position(|(new, old)| new != old);
    assert!(schema == reviewed, "it differs from line {:?} of {} on", line.map(|line| line + 1), path.display());
}

/// Returns true if the schema is being written. The program of this run has a copy of the old one.
fn is_updated() -> bool {
    std::env::var_os("UPDATE_SCHEMA").is_some()
}

#[test]
fn the_program_prints_it_without_a_source() {
    let program = Command::new(env!("CARGO_BIN_EXE_coreos-cloudinit")).arg("--schema").output().unwrap();
    assert!(program.status.success() && program.stderr.is_empty());
    if !is_updated() {
        assert_eq!(String::from_utf8(program.stdout).unwrap(), cloud_config::json_schema::text());
    }
}

/// Returns the places of our validator's structural findings; `None` if the text is not a readable cloud-config.
fn ours(text: &str) -> Option<Vec<String>> {
    let part = Part {
        name: "part".to_owned(),
        form: ContentKind::CloudConfig,
        extent: Completeness::Whole,
        text: text.to_owned(),
        findings: Vec::new(),
    };
    let document = document::read(part, &Addresses::default(), false);
    if document.access_only {
        return None;
    }
    let plan = document.plan(&Facts::default(), "set");
    let structure = plan.findings.iter().filter(|finding| STRUCTURE.contains(&finding.rule));
    let mut places: Vec<_> = structure
        .map(|finding| {
            let path = document.parsed.path_at(finding.span.unwrap());
            // A schema reports the mapping that has the key.
            let of_keys = [
                &rules::UNKNOWN_KEY,
                &rules::DETACHED_KEY,
                &rules::MISPLACED_KEY,
                &rules::MISSPELLED_KEY,
                &rules::UNSUPPORTED_KEY,
                &rules::FOREIGN_KEY,
            ];
            let is_key = of_keys.contains(&finding.rule);
            if is_key { path.rsplit_once('.').map_or("", |(mapping, _)| mapping).to_owned() } else { path }
        })
        .collect();
    places.sort();
    places.dedup();
    Some(places)
}

#[test]
fn an_independent_implementation_agrees_with_the_validator() {
    let Some(python) = judge::python() else {
        let missing = "Python with jsonschema and yaml (on Debian: apt-get install python3-jsonschema python3-yaml)";
        assert!(std::env::var_os("CI").is_none(), "the schema cannot be judged without {missing}");
        // Past the capture of the test harness, which shows nothing of a test that passes.
        let _ = writeln!(std::io::stderr(), "schema: skipped: there is no {missing}; `make deps` installs it");
        return;
    };
    let mut documents = documents::inline();
    documents.extend(documents::examples());
    documents.extend(documents::golden_cases());
    let corpus = documents::corpus();
    if corpus.is_empty() {
        let _ = writeln!(std::io::stderr(), "schema: skipped: there is no corpus of configs (CORPUS says where)");
    }
    let whole = !corpus.is_empty();
    documents.extend(corpus);

    let judged = judge::judge(python, &documents);
    let mut used = vec![false; rows::ROWS.len()];
    let mut wrong = Vec::new();
    let mut counts = BTreeMap::new();
    for (name, text) in &documents {
        let Some(ours) = ours(text) else { continue };
        *counts.entry(ours.is_empty()).or_insert(0) += 1;
        let theirs = match &judged[name] {
            // The other validator cannot judge this document.
            Judgement::Unreadable(_) if !ours.is_empty() => continue,
            Judgement::Unreadable(why) => &vec![format!("unreadable: {why}")],
            Judgement::Places(places) => places,
        };
        for (who, places, others) in [("the validator", &ours, theirs), ("the schema", theirs, &ours)] {
            for place in places.iter().filter(|place| !others.contains(place)) {
                match rows::find(name, who, place) {
                    Some(row) => used[row] = true,
                    None => wrong.push(format!("{name}: only {who} rejects {place:?}")),
                }
            }
        }
        let is_ours_to_keep = ["example: ", "oem: "].iter().any(|prefix| name.starts_with(prefix));
        assert!(!is_ours_to_keep || (ours.is_empty() && theirs.is_empty()), "{name} is rejected: {ours:?} {theirs:?}");
    }
    assert!(wrong.is_empty(), "{} differences:\n{}", wrong.len(), wrong.join("\n"));
    assert!(counts[&true] > 100 && counts[&false] > 50, "too few documents: {counts:?}");
    let unused = rows::ROWS.iter().zip(used).filter(|(row, used)| !used && (whole || !row.is_of_the_corpus()));
    let unused: Vec<_> = unused.map(|(row, _)| row.reason).collect();
    assert!(unused.is_empty(), "nothing differs for these reasons any more: {unused:#?}");
}

#[test]
fn the_table_of_documents_is_correct() {
    for row in documents::table() {
        assert_eq!(ours(&row.text), Some(row.places), "{}", row.name);
    }
}
