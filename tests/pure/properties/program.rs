//! The program itself, as people call it.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

/// `--validate` and `--dry-run` agree on the errors, return matching exit codes, and neither panics.
pub fn agrees_with_itself(text: &str) {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("user-data");
    fs::write(&file, text).unwrap();
    let check = run(&file, &["--validate", "--format=json"], directory.path());
    let dry_run = run(&file, &["--dry-run", "--format=json"], directory.path());
    let (found, planned) = (findings(&check), findings(&dry_run));
    let errors = |found: &[(String, String)]| -> Vec<_> {
        found.iter().filter(|(severity, _)| severity == "error").cloned().collect()
    };
    assert_eq!(errors(&found), errors(&planned), "{text}");
    // A redacted secret is left out without an error.
    let is_partial = !errors(&planned).is_empty()
        || planned.iter().any(|(_, rule)| rule == "masked-secret")
        || String::from_utf8_lossy(&dry_run.stdout).contains("\"here\": \"fails\"");
    assert_eq!(dry_run.status.code(), Some(i32::from(is_partial)), "{text}");
    let clean = found.iter().all(|(severity, _)| severity == "note");
    assert_eq!(check.status.code(), Some(i32::from(!clean)), "{text}");
}

fn run(file: &Path, flags: &[&str], root: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_coreos-cloudinit"));
    command.arg("--from-file").arg(file).arg("--root").arg(root).args(flags).env_clear();
    let output = command.output().unwrap();
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(!log.contains("panicked"), "{log}");
    output
}

/// Severity and rule of each finding.
fn findings(output: &Output) -> Vec<(String, String)> {
    let whole: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let parts = whole["parts"].as_array().unwrap().iter();
    let all = parts.flat_map(|part| part["findings"].as_array().unwrap());
    let word = |finding: &serde_json::Value, key: &str| finding[key].as_str().unwrap().to_owned();
    all.map(|finding| (word(finding, "severity"), word(finding, "id"))).collect()
}
