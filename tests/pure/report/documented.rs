//! The documentation shows the real output, and names every field of it.

use std::fs;
use std::path::Path;
use std::time::Duration;

use cloud_config::diagnostic::Span;
use cloud_config::plan::Step;
use cloud_config::text::Lines;
use cloud_config::user_data::ContentKind;
use cloudinit::outcome::{Outcome, PartOutcome, RefusedOutcome, Reporter, StepOutcome, StepResult};
use serde_json::Value;

use super::program::{Files, program};

fn docs(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(name);
    fs::read_to_string(&path).unwrap_or_else(|e| panic!("failed to read {}: {e}", path.display()))
}

/// The names of all fields in a value.
fn fields(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(object) => {
            for (name, value) in object {
                found.push(name.clone());
                fields(value, found);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| fields(item, found)),
        _ => {}
    }
}

fn named(value: &Value, pages: &[&str]) {
    let pages: String = pages.iter().map(|page| docs(page)).collect();
    let mut found = Vec::new();
    fields(value, &mut found);
    assert!(found.len() > 10, "{value}");
    for field in found {
        assert!(pages.contains(&format!("`{field}`")), "`{field}` is not documented");
    }
}

#[test]
fn the_first_line_of_the_page_of_findings_is_one_of_the_program() {
    let page = docs("findings.md");
    let line = page.split("```\n").nth(1).unwrap();
    let text = "#cloud-config\nwrite_files:\n  - path: /etc/app/token\n    owner: root\n    content: a\n\n    permission: '0600'\n";
    let files = Files::new();
    let path = files.put("web.yml", text);
    let run = program(&["--validate", "--from-file", &path]);
    assert_eq!(run.stdout.replace(&path, "web.yml"), line);
}

#[test]
fn every_field_of_a_check_is_named() {
    let files = Files::new();
    let path = files.put("a.yml", "#cloud-config\nhostnam: x\n");
    named(&program(&["--validate", "--format=json", "--from-file", &path]).json(), &["validating.md"]);
}

#[test]
fn every_field_of_a_record_is_named() {
    let lines = Lines::new(b"a");
    let reporter = Reporter { name: "a", lines: &lines };
    let step = |verdict| reporter.step(&Step::RestartNetworkd, Some(Span::new(0, 1)), verdict, Duration::ZERO);
    let at = Some(lines.position(0));
    let outcome = Outcome {
        access: vec![StepOutcome {
            unit: Some("a".to_owned()),
            part: Some("a".to_owned()),
            ..step(StepResult::Failed("x".to_owned()))
        }],
        parts: vec![PartOutcome {
            name: "a".to_owned(),
            form: ContentKind::Script,
            findings: Vec::new(),
            refused: vec![RefusedOutcome { item: "a".to_owned(), at }],
            steps: Vec::new(),
        }],
        ..Outcome::default()
    };
    named(&serde_json::to_value(&outcome).unwrap(), &["command-line.md"]);
}
