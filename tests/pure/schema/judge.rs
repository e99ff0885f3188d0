//! Python's jsonschema, at the other end of a pipe.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use serde::Deserialize;
use serde_json::{Value, json};

/// The judgement of a document.
#[derive(Deserialize)]
#[serde(untagged)]
pub enum Judgement {
    /// The places that are rejected.
    #[serde(deserialize_with = "places")]
    Places(Vec<String>),
    /// It cannot be read as YAML.
    Unreadable(String),
}

/// Finds a Python with the needed modules; another one may come before the system's.
pub fn python() -> Option<&'static str> {
    ["python3", "/usr/bin/python3"].into_iter().find(|python| {
        let imports = ["-c", "import yaml; from jsonschema import Draft202012Validator"];
        let status = Command::new(python).args(imports).stderr(Stdio::null()).status();
        status.is_ok_and(|status| status.success())
    })
}

/// Judges every document, by name.
pub fn judge(python: &str, documents: &[(String, String)]) -> BTreeMap<String, Judgement> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/pure/schema/judge.py");
    let mut child =
        Command::new(python).arg(script).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("starts");
    let schema = cloud_config::json_schema::schema();
    let documents: BTreeMap<_, _> = documents.iter().cloned().collect();
    let task = json!({ "schema": schema, "documents": documents });
    child.stdin.take().unwrap().write_all(task.to_string().as_bytes()).expect("reads its task");
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "the judge failed; what it said is above");
    serde_json::from_slice(&output.stdout).expect("answers in JSON")
}

/// Places as our findings have them: `coreos.units[1].command`.
fn places<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let places = Vec::<Vec<Value>>::deserialize(deserializer)?;
    let mut places: Vec<_> = places
        .iter()
        .map(|place| {
            place.iter().fold(String::new(), |path, part| match part.as_str() {
                Some(key) if path.is_empty() => key.to_owned(),
                Some(key) => format!("{path}.{key}"),
                None => format!("{path}[{part}]"),
            })
        })
        .collect();
    places.sort();
    places.dedup();
    Ok(places)
}
