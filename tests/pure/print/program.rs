//! The program itself: its output streams, and its exit codes.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;

const CLEAN: &str = "#cloud-config
users:
- name: ada
  passwd: $6$hunter2hunter2$Yz8vPmCBVFnsJzVtC0GgU7nQmYb3Yh2uWkE1aXlQ9m3cT5rPj0oLs6dGfHkXwZbNqRtVyUiOpAsDfGhJkLzXc/
write_files:
- path: /etc/app.conf
  permissions: '0600'
  content: |
    password=hunter2
";

struct Case(TempDir);

impl Case {
    fn new(text: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("user-data"), text).unwrap();
        Self(directory)
    }

    fn file(&self) -> std::path::PathBuf {
        self.0.path().join("user-data")
    }

    fn run(&self, flags: &[&str]) -> Ran {
        Ran::of(&self.file(), flags)
    }
}

struct Ran {
    code: i32,
    out: String,
    log: String,
}

impl Ran {
    fn of(file: &Path, flags: &[&str]) -> Self {
        let program = env!("CARGO_BIN_EXE_coreos-cloudinit");
        let Output { status, stdout, stderr } =
            Command::new(program).arg("--from-file").arg(file).args(flags).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Self { code: status.code().unwrap(), out: text(stdout), log: text(stderr) }
    }
}

#[test]
fn a_clean_configuration_is_printed_and_nothing_else() {
    let ran = Case::new(CLEAN).run(&["--print-config"]);
    assert_eq!((ran.code, ran.log.as_str()), (0, ""));
    assert!(
        ran.out.starts_with("#cloud-config\n# Secrets are redacted") && !ran.out.contains("hunter2"),
        "{}",
        ran.out
    );
    let shown = Case::new(CLEAN).run(&["--print-config", "--show-secrets"]);
    assert_eq!((shown.code, shown.log.as_str()), (0, ""));
    assert!(shown.out.contains("password=hunter2"), "{}", shown.out);
}

#[test]
fn a_redacted_item_is_parsed_and_not_applied() {
    let redacted = Case::new(&Case::new(CLEAN).run(&["--print-config"]).out);
    let valid = redacted.run(&["--validate"]);
    assert_eq!(valid.code, 0, "{}{}", valid.out, valid.log);
    assert!(valid.out.contains("masked-secret"), "{}", valid.out);
    let printed = redacted.run(&["--print-config"]);
    assert_eq!((printed.code, printed.out), (0, fs::read_to_string(redacted.file()).unwrap()));
    let rehearsed = redacted.run(&["--dry-run", "--root", redacted.0.path().to_str().unwrap()]);
    assert_eq!(rehearsed.code, 1, "{}", rehearsed.log);
    for refused in ["not applied: file /etc/app.conf, of which a secret is redacted", "not applied: user ada, of which"]
    {
        assert!(rehearsed.out.contains(refused), "{}", rehearsed.out);
    }
    assert!(!rehearsed.out.contains("write ") && !rehearsed.out.contains("ensure user"), "{}", rehearsed.out);
}

#[test]
fn findings_are_reported_beside_the_output() {
    let text = CLEAN.replace("'0600'", "rw-------") + "- path: /etc/other\nbogus: hunter2\n";
    let ran = Case::new(&text).run(&["--print-config"]);
    assert_eq!(ran.code, 1);
    assert!(ran.out.contains("path: /etc/other") && !ran.out.contains("app.conf"), "{}", ran.out);
    // Each fault once.
    for message in ["bad-permissions", "unknown-key", "/etc/app.conf"] {
        assert_eq!(ran.log.matches(message).count(), 1, "{}", ran.log);
    }
    assert!(!ran.out.contains("hunter2") && !ran.log.contains("hunter2"), "{}{}", ran.out, ran.log);
    let strict = Case::new(&text).run(&["--print-config", "--strict"]);
    assert_eq!((strict.code, strict.out.as_str()), (1, ""), "all of it or nothing");
}

#[test]
fn nothing_is_not_the_same_as_nothing_to_read() {
    let empty = Case::new("").run(&["--print-config"]);
    assert_eq!((empty.code, empty.out.as_str()), (0, "#cloud-config\n"));
    assert!(empty.log.ends_with(": the user-data is empty\n") && !empty.log.contains("ERROR"), "{}", empty.log);
    let missing = Ran::of(Path::new("/nonexistent/user-data"), &["--print-config"]);
    assert_eq!((missing.code, missing.out.as_str()), (1, ""));
    let missing = Ran::of(Path::new("/nonexistent/user-data"), &["--print-config", "--format=json"]);
    let json: serde_json::Value = serde_json::from_str(&missing.out).unwrap();
    assert!(missing.code == 1 && json["failures"].as_array().unwrap().len() == 1, "{json}");
}

#[test]
fn programs_get_json() {
    let ran = Case::new(CLEAN).run(&["--print-config", "--format=json"]);
    let json: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(json["failures"], serde_json::json!([]));
    let part = &json["parts"][0];
    assert_eq!((&part["form"], &part["masked"]), (&"cloud-config".into(), &true.into()));
    assert_eq!(part["config"]["write_files"][0]["path"], "/etc/app.conf");
    assert_eq!(part["config"]["write_files"][0]["content"], "<secret>");
    assert!(!ran.out.contains("hunter2"));
}
