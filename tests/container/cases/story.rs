//! The output of a run: on a terminal, and in the journal.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use super::jobs::{unit, units};
use crate::testbed::machine::wait_for;
use crate::testbed::{Machine, Suite};

const CATALOG: &str = include_str!("../../../oem/catalog/coreos-cloudinit.catalog");

/// The longest wait of these cases.
const LIMIT: Duration = Duration::from_secs(20);

/// The id of the message with these words in its subject.
fn id(subject: &str) -> &'static str {
    let entry = CATALOG.split("\n-- ").find(|entry| entry.lines().nth(1).is_some_and(|line| line.contains(subject)));
    entry.and_then(|entry| entry.lines().next()).unwrap_or_else(|| panic!("no message `{subject}`"))
}

/// The one entry of the journal with these words.
#[track_caller]
fn entry<'a>(entries: &'a [BTreeMap<String, Value>], words: &str) -> &'a BTreeMap<String, Value> {
    let found: Vec<_> = entries.iter().filter(|entry| entry["MESSAGE"].as_str().unwrap().contains(words)).collect();
    assert_eq!(found.len(), 1, "{words}: {entries:#?}");
    found[0]
}

/// Returns the output on a terminal, with the line ends of a file.
fn at_a_terminal(m: &Machine, environment: &str, flags: &str) -> String {
    let line = format!(
        "{environment} script -qec 'coreos-cloudinit --from-file=/tmp/x {flags}' /dev/null < /dev/null || true"
    );
    m.sh(&line).replace("\r\n", "\n")
}

pub fn cases(suite: &mut Suite) {
    suite.fresh("the_journal_has_fields_for_failures", |m| {
        let config = format!(
            "#cloud-config\nwrite_files:\n- {{path: /etc/a, owner: nobody-here}}\n- {{path: /etc/b, permissions: x}}\n{}",
            units(&[
                unit("fails.service", "/bin/false", "command: start"),
                unit("hangs.service", "/bin/sleep 60", "command: start"),
                "- {name: left.service, command: start, content: x, drop_ins: [{name: a/b, content: x}]}\n".to_owned(),
            ])
        );
        m.put("/tmp/x", &config);
        m.program(&["--from-file=/tmp/x", "--job-timeout=1"]).run().exits(1);
        let entries = m.journal();
        for (words, priority, subject, fields) in [
            (
                "failed to write /etc/a",
                "3",
                "A step failed",
                &[("CLOUDINIT_ITEM", "write /etc/a (0644 nobody-here:root, 0 bytes)"), ("CODE_LINE", "3")][..],
            ),
            ("not applied: file /etc/b", "3", "was not applied", &[("CLOUDINIT_ITEM", "file /etc/b"), ("CODE_LINE", "4")]),
            (
                "failed to start fails.service",
                "3",
                "A step failed",
                &[("CLOUDINIT_ITEM", "start fails.service"), ("UNIT", "fails.service"), ("CODE_LINE", "7")],
            ),
            (
                "left queued: start hangs.service",
                "4",
                "A job was left to systemd",
                &[("CLOUDINIT_ITEM", "start hangs.service"), ("UNIT", "hangs.service"), ("CODE_LINE", "8")],
            ),
            (
                "dependency failed: start left.service",
                "3",
                "Dependency failed for a step",
                &[("CLOUDINIT_ITEM", "start left.service"), ("UNIT", "left.service"), ("CODE_LINE", "9")],
            ),
        ] {
            let entry = entry(&entries, words);
            assert_eq!((&entry["PRIORITY"], &entry["MESSAGE_ID"]), (&priority.into(), &id(subject).into()), "{entry:#?}");
            for (name, value) in [("CLOUDINIT_PART", "/tmp/x"), ("CODE_FILE", "/tmp/x")].iter().chain(fields) {
                assert_eq!(entry.get(*name), Some(&Value::from(*value)), "{name}: {entry:#?}");
            }
        }
        let finding = entry(&entries, "[bad-permissions]");
        assert_eq!((&finding["CLOUDINIT_RULE"], &finding["CODE_LINE"]), (&"bad-permissions".into(), &"4".into()));
        let first = entries[0]["MESSAGE"].as_str().unwrap();
        assert_eq!(first, format!("applying /tmp/x (cloud-config), version {}", env!("CARGO_PKG_VERSION")));
        assert_eq!(entries[0]["CLOUDINIT_SOURCE"], "/tmp/x");
        let last = entries.last().unwrap();
        assert_eq!((&last["MESSAGE_ID"], &last["PRIORITY"]), (&id("has not been applied").into(), &"3".into()));
        assert_eq!(last["CLOUDINIT_SOURCE"], "/tmp/x");
        // An entry without a line of the configuration has no line of the program's source either.
        assert!(!last.contains_key("CODE_LINE") && !last.contains_key("CODE_FILE"), "{last:#?}");

        m.put("/tmp/x", "#cloud-config\nwrite_files: [{path: /etc/c}]\n");
        m.program(&["--from-file=/tmp/x"]).run().ok();
        m.program(&["--from-file=/tmp/nothing", "--deadline=1"]).run().exits(1);
        let entries = m.journal();
        let done = entry(&entries, "done: write /etc/c");
        assert!(!done.contains_key("MESSAGE_ID") && done["CLOUDINIT_PART"] == "/tmp/x", "{done:#?}");
        assert_eq!(entry(&entries, "/tmp/x: 1 done")["MESSAGE_ID"], id("All user-data"));
        assert_eq!(entry(&entries, "no data source available in time")["MESSAGE_ID"], id("Failed to fetch or apply"));
    });

    suite.fresh("the_journal_explains_failures", |m| {
        m.put("/usr/lib/systemd/catalog/coreos-cloudinit.catalog", CATALOG);
        assert_eq!(m.sh("journalctl --update-catalog 2>&1"), "");
        let listed = m.sh("journalctl --list-catalog");
        let ids = CATALOG.lines().filter_map(|line| line.strip_prefix("-- "));
        for id in ids {
            assert!(listed.contains(id), "{id}: {listed}");
        }
        m.put("/tmp/x", "#cloud-config\nwrite_files: [{path: /etc/a, owner: nobody-here}]\n");
        m.program(&["--from-file=/tmp/x"]).run().exits(1);
        let entries = m.sh("journalctl --sync; journalctl -x -t coreos-cloudinit --no-pager");
        for words in [
            "Subject: A step failed: write /etc/a (0644 nobody-here:root, 0 bytes)",
            "The step is part of /tmp/x.",
            "Subject: Some user-data from /tmp/x has not been applied",
            "Documentation: man:coreos-cloudinit(8)",
        ] {
            assert!(entries.contains(words), "{words}\n{entries}");
        }
        assert!(!entries.contains('@'), "{entries}");
    });

    suite.fresh("a_terminal_shows_each_step_as_it_is_done", |m| {
        let config = format!(
            "#cloud-config\nwrite_files:\n- {{path: /etc/a, content: a}}\n- {{path: /etc/b, owner: nobody-here}}\n- {{path: /etc/c, permissions: x}}\n{}",
            units(&[unit("slow.service", "/bin/sleep 3", "command: start")])
        );
        m.put("/tmp/x", &config);
        let shown = at_a_terminal(m, "TERM=xterm NO_COLOR=1", "");
        assert!(!shown.contains("applying"), "{shown}");
        // The status line is cleared.
        let steps: Vec<_> = shown.lines().map(|line| line.rsplit("\u{1b}[K").next().unwrap()).collect();
        let has = |line: &str| steps.iter().any(|step| step.rsplit_once("  ").map_or(*step, |(step, _)| step) == line);
        for line in [
            "+ write /etc/a (0644 root:root, 1 byte)",
            "! failed to write /etc/b: user nobody-here does not exist",
            "    /tmp/x:4:3",
            "! not applied: file /etc/c",
            "+ start slow.service",
            "! /tmp/x: 3 done, 1 unchanged, 1 not applied, 1 failed: file /etc/c, write /etc/b",
        ] {
            assert!(has(line) || steps.contains(&line), "{line}\n{shown}");
        }
        assert!(shown.contains("\r\u{1b}[K  start slow.service (1 s)\r\u{1b}[K  start slow.service (2 s)\r\u{1b}[K"));
        let took = steps.iter().find_map(|line| line.strip_prefix("+ start slow.service  3.")).expect("a time");
        assert!(took.ends_with(" s"), "{took}");
        assert!(!shown.contains("\u{1b}[1m") && !shown.contains("still waiting"), "{shown}");

        // All that is as it should be is there, too, and the journal has it as a number.
        let again = at_a_terminal(m, "TERM=xterm", "");
        assert!(again.contains("\u{1b}[2m=\u{1b}[0m \u{1b}[2mwrite /etc/a"), "{again:?}");
        assert!(again.contains("\u{1b}[1m\u{1b}[31m!\u{1b}[0m failed to write /etc/b"), "{again:?}");
        let plain = at_a_terminal(m, "TERM=dumb", "");
        assert!(!plain.contains('\u{1b}') && plain.contains("\n= write /etc/a"), "{plain}");
        let quiet = at_a_terminal(m, "TERM=xterm", "-q");
        assert!(!quiet.contains("/etc/a") && quiet.contains("/etc/b"), "{quiet}");
        let file = m.sh("coreos-cloudinit --from-file=/tmp/x 2>&1 || true");
        assert!(file.contains(" ERROR /tmp/x:4:3: failed to write /etc/b: user"), "{file}");
        assert!(!file.contains("= write"), "{file}");
    });

    suite.fresh("a_terminal_shows_the_wait_of_a_run", |m| {
        m.put("/tmp/x", "#cloud-config\nhostname: a\n");
        m.sh("mkdir -m 700 /run/coreos-cloudinit");
        let held = m.start(&["flock", "/run/coreos-cloudinit/lock", "sleep", "3"]);
        assert!(wait_for(LIMIT, || m.run(&["pgrep", "-x", "sleep"]).code == 0));
        let shown = at_a_terminal(m, "TERM=xterm", "");
        assert!(shown.contains("\u{1b}[K  waiting for another run to finish (1 s)\r\u{1b}[K"), "{shown:?}");
        held.finish(LIMIT);
        m.sh("mv /tmp/x /tmp/y");
        let waits = m.start(&[
            "sh",
            "-c",
            "TERM=xterm script -qec 'coreos-cloudinit --from-file=/tmp/x' /dev/null < /dev/null",
        ]);
        m.sh("sleep 1.5; mv /tmp/y /tmp/x");
        let shown = waits.finish(LIMIT).stdout;
        assert!(shown.contains("\u{1b}[K  waiting for a data source: /tmp/x (1 s)"), "{shown:?}");
    });
}
