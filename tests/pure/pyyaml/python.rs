//! `PyYAML`, in a process of its own.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

/// Finds a Python with the needed modules; another one may come before the system's.
fn python() -> Option<&'static str> {
    ["python3", "/usr/bin/python3"].into_iter().find(|python| {
        let status = Command::new(python).args(["-c", "import yaml"]).stderr(Stdio::null()).status();
        status.is_ok_and(|status| status.success())
    })
}

/// Returns `PyYAML`'s result for each text; `None` without `PyYAML`, which fails in CI only.
pub fn compose(texts: &[String]) -> Option<Vec<Value>> {
    let Some(python) = python() else {
        let missing = "Python with yaml (on Debian: apt-get install python3-yaml)";
        assert!(std::env::var_os("CI").is_none(), "nothing can be compared without {missing}");
        // Past the capture of the test harness, which shows nothing of a test that passes.
        let _ = writeln!(std::io::stderr(), "pyyaml: skipped: there is no {missing}; `make deps` installs it");
        return None;
    };
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/pure/pyyaml/compose.py");
    let mut python = Command::new(python).arg(script).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let input = serde_json::to_vec(texts).unwrap();
    let mut stdin = python.stdin.take().unwrap();
    // All of it is read before anything is written.
    stdin.write_all(&input).unwrap();
    drop(stdin);
    let output = python.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", output.status);
    let trees: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(trees.len(), texts.len());
    Some(trees)
}
