//! The output of `--status`: the records of the latest runs (docs/command-line.md).
//!
//! Missing fields are tolerated, because another version of the program may have written the record.

use std::fmt::Write as _;

use serde::Serialize;
use serde_json::Value;

use cloud_config::text::json;

use super::FORMAT;
use crate::cli::Format;
use crate::terminal::Sign;
use cloud_config::text::printable;

/// Formats the records of the latest runs, oldest first. `failures` are the errors of reading records.
pub fn print(records: &[Value], failures: &[String], format: Format) -> String {
    #[derive(Serialize)]
    struct StatusDocument<'a> {
        format: u32,
        failures: &'a [String],
        runs: &'a [Value],
    }
    match format {
        Format::Json => json::print(&StatusDocument { format: FORMAT, failures, runs: records }),
        Format::Text if records.is_empty() => "no runs recorded since boot\n".to_owned(),
        Format::Text => records.iter().map(run).collect::<Vec<_>>().join("\n"),
    }
}

/// The results of steps in records, with their names in the output. `refused` stands for items that have no steps.
const VERDICTS: [(&str, &str); 7] = [
    ("done", "done"),
    ("unchanged", "unchanged"),
    ("skipped", "skipped"),
    ("queued", "left queued"),
    ("refused", "not applied"),
    ("left-out", "dependency failed"),
    ("failed", "failed"),
];

/// Formats one run: its time, source and result; its parts if there are several; failures with their positions; the
/// number of steps per result.
fn run(record: &Value) -> String {
    let parts = list(&record["parts"]);
    let mut steps: Vec<&Value> = list(&record["access"]).iter().collect();
    steps.extend(parts.iter().flat_map(|part| list(&part["steps"])));
    let count = |verdict: &str| steps.iter().filter(|step| step["verdict"] == verdict).count();
    let words = match (record["failed"] == true, count("done")) {
        (true, _) => "failed",
        (false, 0) => "no changes",
        (false, _) => "done",
    };
    let (started, source) = (text(&record["started"]), text(&record["source"]));
    let took = record["milliseconds"].as_u64().unwrap_or_default();
    let mut out = format!("{started}  {source}  {words} ({took} ms)\n");
    // A single part is named in the first line.
    for part in parts.iter().filter(|_| parts.len() > 1) {
        let _ = writeln!(out, "  part: {} ({})", text(&part["name"]), text(&part["form"]));
    }
    for trouble in failures_and_scripts(record) {
        let _ = writeln!(out, "  {trouble}");
    }
    let refused: usize = parts.iter().map(|part| list(&part["refused"]).len()).sum();
    let counts = VERDICTS.iter().map(|(verdict, words)| {
        let count = if *verdict == "refused" { refused } else { count(verdict) };
        (count, *words, matches!(*verdict, "done" | "unchanged"))
    });
    let counts = counts.filter(|(count, _, always)| *count > 0 || *always);
    let is_idle = steps.is_empty() && refused == 0 && record["failed"] != true;
    let counts: Vec<_> = counts.map(|(count, words, _)| format!("{count} {words}")).collect();
    let _ = writeln!(out, "  {}", if is_idle { "nothing to do".to_owned() } else { counts.join(", ") });
    for (key, place) in [("journal", "the journal"), ("stderr", "standard error")] {
        let count = record["dropped_log_records"][key].as_u64().unwrap_or_default();
        if count > 0 {
            let records = if count == 1 { "record" } else { "records" };
            let _ = writeln!(out, "  {count} log {records} dropped by {place}");
        }
    }
    out
}

/// Formats all failures and started scripts, those of the whole run first.
fn failures_and_scripts(record: &Value) -> Vec<String> {
    let mut troubles: Vec<_> =
        list(&record["failures"]).iter().map(|failure| signed(Sign::Failed, &text(failure))).collect();
    for step in list(&record["access"]) {
        // A step with the name of a part can lack a line; the position is then the name alone.
        let position = if step["part"].is_string() { position(&step["part"], step) } else { text(&record["source"]) };
        troubles.extend(notable_step(step, &position));
    }
    for part in list(&record["parts"]) {
        for finding in list(&part["findings"]).iter().filter(|finding| finding["severity"] == "error") {
            troubles.push(finding_text(finding, &part["name"]));
        }
        for refused in list(&part["refused"]) {
            let words = format!("{}: not applied: {}", position(&part["name"], refused), text(&refused["item"]));
            troubles.push(signed(Sign::Failed, &words));
        }
        for step in list(&part["steps"]) {
            troubles.extend(notable_step(step, &position(&part["name"], step)));
        }
    }
    troubles
}

/// Formats a finding as in the log.
fn finding_text(finding: &Value, name: &Value) -> String {
    let help = finding["help"].as_str().map_or_else(String::new, |help| format!(" ({})", printable(help)));
    let path = finding["path"].as_str().map_or_else(String::new, |path| format!(" at {}", printable(path)));
    let (message, id) = (text(&finding["message"]), text(&finding["id"]));
    format!("error: {}: {message}{help} [{id}]{path}", position(name, finding))
}

fn notable_step(step: &Value, position: &str) -> Option<String> {
    let (name, why) = (text(&step["step"]), text(&step["reason"]));
    match step["verdict"].as_str()? {
        // The reason already names the step.
        "failed" => Some(signed(Sign::Failed, &format!("{position}: {why}"))),
        "left-out" => Some(signed(Sign::Failed, &format!("{position}: dependency failed: {name}: {why}"))),
        // The script may have failed after the run.
        "done" if name.starts_with("run script ") => {
            let unit = step["unit"].as_str().map(printable)?;
            Some(signed(Sign::Runs, &format!("{position}: started {unit}; see journalctl -u {unit}")))
        }
        "queued" => Some(signed(Sign::Queued, &format!("{position}: left queued: {name}: {why}"))),
        _ => None,
    }
}

/// Formats a line that begins with a sign.
fn signed(sign: Sign, text: &str) -> String {
    format!("{} {text}", sign.character())
}

/// Formats a position as `NAME:LINE:COLUMN`, or as the name alone.
fn position(name: &Value, thing: &Value) -> String {
    let name = text(name);
    match (thing["line"].as_u64(), thing["column"].as_u64()) {
        (Some(line), Some(column)) => format!("{name}:{line}:{column}"),
        _ => name,
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn text(value: &Value) -> String {
    printable(value.as_str().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn text(record: Value) -> String {
        print(&[record], &[], Format::Text)
    }

    #[test]
    fn a_run_that_went_well_is_two_lines() {
        let step = |verdict: &str| json!({"step": "write /etc/a (0644 root:root, 1 byte)", "verdict": verdict});
        let record = |steps: &[Value]| {
            json!({
                "started": "2026-11-22T22:26:10Z", "milliseconds": 12, "source": "/usr/share/oem/cloud-config.yml",
                "failed": false, "failures": [], "access": [step("unchanged")],
                "parts": [{"name": "a", "form": "cloud-config", "findings": [], "refused": [], "steps": steps}],
            })
        };
        assert_eq!(
            text(record(&[step("done"), step("skipped"), step("unchanged")])),
            "2026-11-22T22:26:10Z  /usr/share/oem/cloud-config.yml  done (12 ms)\n  1 done, 2 unchanged, 1 skipped\n"
        );
        assert_eq!(
            text(record(&[])),
            "2026-11-22T22:26:10Z  /usr/share/oem/cloud-config.yml  no changes (12 ms)\n  0 done, 1 unchanged\n"
        );
    }

    #[test]
    fn failures_come_first_and_have_their_positions() {
        let record = json!({
            "started": "2026-11-22T22:26:10Z", "milliseconds": 7, "source": "user-data", "failed": true,
            "failures": ["failed to lock /run/coreos-cloudinit/lock: it is held"],
            "access": [
                {"step": "set host name a", "part": "user-data.1", "line": 2, "column": 11,
                 "verdict": "failed", "reason": "failed to set host name a: no"},
                {"step": "merge x", "verdict": "left-out", "reason": "the time limit of the run was reached"},
            ],
            "parts": [{
                "name": "user-data", "form": "cloud-config",
                "findings": [
                    {"severity": "error", "id": "bad-path", "message": "invalid path; file skipped", "help": "write one",
                     "part": "user-data", "line": 4, "column": 9, "end_line": 4, "end_column": 10,
                     "path": "write_files[0].path"},
                    {"severity": "warning", "id": "unknown-key", "message": "unknown key `x`", "part": "user-data"},
                    {"severity": "error", "id": "unreadable", "message": "failed to read /etc/hosts", "part": "user-data"},
                ],
                "refused": [{"item": "file write_files[0]", "line": 4, "column": 3}],
                "steps": [
                    {"step": "start a.service", "line": 9, "column": 16,
                     "verdict": "failed", "reason": "failed to start a.service: the job failed\u{1b}[31m"},
                    {"step": "enable b.service", "verdict": "left-out", "reason": "unit b.service was not applied"},
                    {"step": "start c.service", "line": 12, "column": 5, "verdict": "queued", "reason": "it waits for this"},
                    {"step": "write /etc/d", "verdict": "done"},
                ],
            }],
        });
        let expected = "\
2026-11-22T22:26:10Z  user-data  failed (7 ms)
  ! failed to lock /run/coreos-cloudinit/lock: it is held
  ! user-data.1:2:11: failed to set host name a: no
  ! user-data: dependency failed: merge x: the time limit of the run was reached
  error: user-data:4:9: invalid path; file skipped (write one) [bad-path] at write_files[0].path
  error: user-data: failed to read /etc/hosts [unreadable]
  ! user-data:4:3: not applied: file write_files[0]
  ! user-data:9:16: failed to start a.service: the job failed\\u{1b}[31m
  ! user-data: dependency failed: enable b.service: unit b.service was not applied
  ~ user-data:12:5: left queued: start c.service: it waits for this
  1 done, 0 unchanged, 1 left queued, 1 not applied, 2 dependency failed, 2 failed
";
        assert_eq!(text(record), expected);
    }

    #[test]
    fn several_parts_are_named_with_their_forms() {
        let part =
            |name: &str, form: &str| json!({"name": name, "form": form, "findings": [], "refused": [], "steps": []});
        let parts = [part("x", "multipart"), part("x:part-1:a.sh", "script"), part("x:part-2", "skipped")];
        let record = json!({"started": "2026-11-22T22:26:10Z", "source": "x", "parts": parts});
        assert_eq!(
            text(record),
            "2026-11-22T22:26:10Z  x  no changes (0 ms)\n  part: x (multipart)\n  \
             part: x:part-1:a.sh (script)\n  part: x:part-2 (skipped)\n  nothing to do\n"
        );
    }

    #[test]
    fn a_script_is_named_with_the_command_for_its_output() {
        let steps = [json!({"step": "run script a with /bin/sh (9 bytes)", "unit": "x-a.service", "verdict": "done"})];
        let part = json!({"name": "u", "form": "script", "findings": [], "refused": [], "steps": steps});
        let shown = text(json!({"started": "2026-11-22T22:26:10Z", "source": "u", "parts": [part]}));
        assert!(shown.contains("\n  > u: started x-a.service; see journalctl -u x-a.service\n"), "{shown}");
    }

    #[test]
    fn lost_records_of_the_log_are_counted() {
        let record = json!({
            "started": "2026-11-22T22:26:10Z", "source": "x", "dropped_log_records": {"journal": 12, "stderr": 1},
        });
        let shown = text(record);
        let lines = "\n  12 log records dropped by the journal\n  1 log record dropped by standard error\n";
        assert!(shown.ends_with(lines), "{shown}");
    }

    #[test]
    fn no_run_and_several() {
        assert_eq!(print(&[], &[], Format::Text), "no runs recorded since boot\n");
        let both = print(&[json!({"source": "a"}), json!({"source": "b"})], &[], Format::Text);
        assert_eq!(both.matches("(0 ms)\n").count(), 2, "{both}");
        assert_eq!(both.lines().filter(|line| line.is_empty()).count(), 1, "{both}");
    }

    #[test]
    fn json_is_the_records_as_they_are() {
        let record = json!({"format": 1, "source": "a", "later": [1]});
        let printed = |records: &[Value], failures: &[String]| -> Value {
            serde_json::from_str(&print(records, failures, Format::Json)).unwrap()
        };
        let runs = [record];
        assert_eq!(printed(&runs, &[]), json!({"format": 1, "failures": [], "runs": runs}));
        let failures = ["reading the records of runs needs root privileges".to_owned()];
        assert_eq!(printed(&[], &failures), json!({"format": 1, "failures": failures, "runs": []}));
    }
}
