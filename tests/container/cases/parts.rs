//! The kinds of user-data, their detection by the first bytes, and their parts.

use serde_json::Value;

use super::common::{base64, gzip};
use crate::testbed::{Machine, PROGRAM_INSIDE, Suite};

const KEYS: &str = "/home/core/.ssh/authorized_keys.d/coreos-cloudinit";

fn key(name: &str) -> String {
    format!("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDhmj/882riP+2GKg9KPw4z7LbUf+UALTw+cO/+L/PMK {name}")
}

/// A multipart of these pieces, each with its headers, up to its final boundary.
fn multipart(pieces: &[String]) -> String {
    let pieces = pieces.iter().flat_map(|piece| ["--===B===\n", piece, "\n"]).collect::<String>();
    format!("Content-Type: multipart/mixed; boundary=\"===B===\"\nMIME-Version: 1.0\n\n{pieces}")
}

/// A piece of this type; with a file name if there is one.
fn piece(kind: &str, name: &str, content: &str) -> String {
    let name = if name.is_empty() { String::new() } else { format!("; filename=\"{name}\"") };
    format!("Content-Type: {kind}; charset=\"us-ascii\"\nContent-Disposition: attachment{name}\n\n{content}")
}

/// Returns the record of the last run.
fn last_record(m: &Machine) -> Value {
    let json = m.run(&[PROGRAM_INSIDE, "--status", "--format=json"]).ok().stdout;
    let status: Value = serde_json::from_str(&json).expect("this is JSON");
    status["runs"].as_array().and_then(|runs| runs.last()).expect("the last run left a record").clone()
}

/// The same of several things, by name.
fn all<'a>(things: &'a Value, name: &str) -> Vec<&'a str> {
    things.as_array().into_iter().flatten().map(|thing| thing[name].as_str().unwrap_or_default()).collect()
}

fn wait_for(m: &Machine, path: &str) {
    m.sh(&format!("for i in $(seq 100); do test -e {path} && exit 0; sleep 0.1; done; exit 1"));
}

fn wrote(m: &Machine) -> bool {
    let there = m.exists("/etc/part");
    m.sh("rm -f /etc/part");
    there
}

pub fn cases(suite: &mut Suite) {
    suite.shared("nothing_is_nothing_to_do", |m| {
        m.put("/tmp/empty", "");
        m.program(&["--from-file=/tmp/empty"]).run().ok();
        m.apply("#cloud-config").ok();
        m.apply("#cloud-config\n").ok();
        m.apply("#cloud-config\n# a comment\n---\n").ok();
    });

    suite.shared("the_first_line_may_have_white_space_behind_it", |m| {
        for text in [
            "#cloud-config \t\nwrite_files: [{path: /etc/part}]",
            "#cloud-config\r\nwrite_files: [{path: /etc/part}]\r\n",
            "\u{feff}#cloud-config\nwrite_files: [{path: /etc/part}]\n",
            "#cloud-config\n---\nwrite_files: [{path: /etc/part}]\n...\n",
        ] {
            m.put("/tmp/part", text);
            m.program(&["--from-file=/tmp/part"]).run().ok();
            assert!(wrote(m), "{text:?}");
        }
    });

    suite.shared("parts_below_blank_lines_are_applied", |m| {
        for part in [
            "\nContent-Type: text/cloud-config\n\nwrite_files: [{path: /etc/part}]\n",
            "Content-Type: text/plain\n\n\n\n#cloud-config\nwrite_files: [{path: /etc/part}]\n",
            "Content-Type: text/x-shellscript\n\n\n#!/bin/sh\ntouch /etc/part\n",
        ] {
            m.put("/tmp/part", format!("Content-Type: multipart/mixed; boundary=B\n\n--B\n{part}--B--\n").as_str());
            m.program(&["--from-file=/tmp/part"]).run().ok().says(&["leading-blank-line"]);
            assert!(wrote(m), "{part:?}");
        }
    });

    suite.shared("unknown_user_data_fails_the_run", |m| {
        for text in ["write_files: [{path: /etc/part}]\n", "#cloud-configuration\n", "hello\n"] {
            m.put("/tmp/part", text);
            m.program(&["--from-file=/tmp/part"]).run().fails().says(&["unknown-form"]);
            assert!(!wrote(m), "{text:?}");
        }
    });

    suite.shared("ignition_is_left_to_ignition", |m| {
        for text in ["{\"ignition\": {\"version\": \"3.4.0\"}}", "{\n \"ignitionVersion\": 1}"] {
            m.put("/tmp/part", text);
            m.program(&["--from-file=/tmp/part"]).run().ok().says(&["Ignition"]);
        }
    });

    suite.shared("only_the_first_document_is_read", |m| {
        m.apply(
            "#cloud-config\nwrite_files: [{path: /etc/part, content: first}]\n---\nwrite_files: [{path: /etc/part2}]\n",
        )
        .ok()
        .says(&["more-documents"]);
        m.absent("/etc/part2");
        assert!(wrote(m));
    });

    suite.shared("a_template_is_read_as_it_stands", |m| {
        m.apply("## template: jinja\n#cloud-config\nwrite_files: [{path: /etc/part, content: 'a {{ ds.x }} b'}]\n")
            .ok()
            .says(&["template"]);
        assert_eq!(m.text("/etc/part"), "a {{ ds.x }} b");
        assert!(wrote(m));
    });

    suite.shared("bytes_that_are_no_text_make_it_unreadable", |m| {
        m.put("/tmp/part", b"#cloud-config\nwrite_files: [{path: /etc/part, content: '\xff\xfe'}]\n");
        m.program(&["--from-file=/tmp/part"]).run().fails().says(&["not-utf8"]);
        assert!(!wrote(m));
    });

    suite.shared("limits_end_with_an_error_and_nothing_applied", |m| {
        let deep = format!("#cloud-config\nwrite_files: [{{path: /etc/part}}]\nx: {}{}\n", "[".repeat(200), "]".repeat(200));
        let many = format!("#cloud-config\nwrite_files: [{{path: /etc/part}}]\nx: [{}]\n", "a,".repeat(10_050));
        let bomb = "#cloud-config\nwrite_files: [{path: /etc/part}]\na: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\n\
                    c: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d]\n\
                    f: &f [*e,*e,*e,*e,*e,*e,*e,*e,*e]\n";
        for text in [&*deep, &many, bomb] {
            m.put("/tmp/part", text);
            m.program(&["--from-file=/tmp/part"]).run().fails().says(&["limit"]);
            assert!(!wrote(m));
        }
        m.put("/tmp/part", format!("#cloud-config\n#{}\n", "x".repeat(17 << 20)));
        m.program(&["--from-file=/tmp/part"]).run().fails();
    });

    suite.shared("a_file_that_is_not_there_is_waited_for", |m| {
        m.sh("rm -f /tmp/later");
        let run = m.program(&["--from-file=/tmp/later"]).start();
        m.sh("sleep 1; printf '#cloud-config\\nwrite_files: [{path: /etc/part}]\\n' > /tmp/late; mv /tmp/late /tmp/later");
        let run = run.finish(std::time::Duration::from_secs(40));
        assert_eq!(run.code, 0, "{run}");
        assert!(wrote(m));
        m.program(&["--from-file=/tmp/nowhere", "--deadline=1"]).run().fails();
    });

    suite.shared("a_file_that_is_not_there_is_called_that", |m| {
        for (flag, said) in
            [("--validate", "/tmp/nowhere: error: does not exist"), ("--dry-run", "/tmp/nowhere does not exist")]
        {
            m.program(&["--from-file=/tmp/nowhere", flag]).run().fails().says(&[said]).hides(&["in time"]);
        }
    });

    multiparts(suite);
    damaged_multiparts(suite);
}

fn multiparts(suite: &mut Suite) {
    suite.fresh("the_parts_of_a_multipart_are_applied", |m| {
        let zipped = gzip(b"#!/bin/sh\ntouch /run/of-the-zipped-one\n");
        let pieces = [
            piece("text/x-shellscript", "first.sh", "#!/bin/sh\ntouch /run/of-the-script\n"),
            piece("text/cloud-config", "one.yml", &format!("hostname: one\nssh_authorized_keys: [{}]", key("one"))),
            piece("text/plain", "notes.txt", "this is for somebody else"),
            piece("text/cloud-config", "", "write_files: [{path: /etc/half, content: '{"),
            format!("Content-Type: Application/X-GZip\nContent-Transfer-Encoding: BASE64\n\n{}\n", base64(&zipped)),
            piece(
                "text/cloud-config",
                "two.yml",
                &format!("hostname: two\nssh_authorized_keys: [{}]\nwrite_files: [{{path: /etc/later}}]", key("two")),
            ),
        ];
        m.put("/tmp/data", multipart(&pieces) + "--===B===--\n");
        m.program(&["--from-file=/tmp/data"]).run().fails().says(&[
            "WARN  /tmp/data:part-3:notes.txt:1:1: ",
            "[unknown-part]",
            "/tmp/data:part-4:1:",
            "[syntax]",
            "applying /tmp/data:part-6:two.yml",
        ]);
        wait_for(m, "/run/of-the-script");
        wait_for(m, "/run/of-the-zipped-one");
        assert_eq!(m.text("/etc/hostname"), "one\n");
        assert_eq!(m.text(KEYS), format!("{}\n{}\n", key("one"), key("two")));
        assert!(m.exists("/etc/later"));
        m.absent("/etc/half");

        let record = last_record(m);
        assert_eq!(
            all(&record["parts"], "form"),
            ["multipart", "script", "cloud-config", "skipped", "cloud-config", "script", "cloud-config"]
        );
        assert_eq!(record["parts"][2]["name"], "/tmp/data:part-2:one.yml");
        assert_eq!(all(&record["access"], "part"), ["/tmp/data:part-2:one.yml"; 2]);
        assert_eq!((&record["access"][0]["line"], &record["access"][1]["line"]), (&1.into(), &2.into()));
        let status = m.run(&[PROGRAM_INSIDE, "--status"]).ok();
        assert!(status.stdout.contains("part: /tmp/data:part-3:notes.txt (skipped)"), "{status}");
    });

    suite.shared("every_look_shows_all_parts", |m| {
        let pieces = [
            piece("text/x-shellscript", "a.sh", "#!/bin/sh\n"),
            piece("text/cloud-config", "b.yml", "hostname: fine"),
            piece("text/x-shellscript", "c.sh", "no script"),
            piece("text/plain", "d.txt", "what"),
        ];
        m.put("/tmp/data", multipart(&pieces) + "--===B===--\n");
        let names = ["/tmp/data", ":part-1:a.sh", ":part-2:b.yml", ":part-3:c.sh", ":part-4:d.txt"];
        let forms = ["multipart", "script", "cloud-config", "unreadable", "skipped"];
        let words = "part 3 (c.sh): its type is that of a script";
        for (flag, line) in [
            ("--dry-run", format!("ERROR /tmp/data:16:1: {words}")),
            ("--validate", format!("/tmp/data:16:1: error: {words}")),
        ] {
            m.program(&["--from-file=/tmp/data", flag]).run().fails().says(&names).says(&[&line, "[unknown-part]"]);
            let json = m.program(&["--from-file=/tmp/data", flag, "--format=json"]).run().fails().stdout;
            let whole: Value = serde_json::from_str(&json).expect("this is JSON");
            assert_eq!(all(&whole["parts"], "form"), forms);
            assert!(all(&whole["parts"], "name").iter().zip(names).all(|(name, end)| name.ends_with(end)), "{json}");
            assert_eq!(all(&whole["parts"][0]["findings"], "id"), ["bad-part"]);
            assert_eq!(whole["failures"], Value::Array(Vec::new()));
        }
    });

    suite.fresh("multiparts_inside_of_multiparts_are_applied", |m| {
        let inner = multipart(&[
            piece("text/cloud-config", "", "write_files: [{path: /etc/inner}]"),
            piece("text/x-shellscript", "", "#!/bin/sh\ntouch /run/inner\n"),
        ]);
        let inner = (inner + "--===B===--").replace("===B===", "===I===");
        let pieces = [inner, piece("text/cloud-config", "", "write_files: [{path: /etc/outer}]")];
        m.put("/tmp/data", multipart(&pieces) + "--===B===--\n");
        m.program(&["--from-file=/tmp/data"]).run().ok().says(&["/tmp/data:part-1:part-2: script"]);
        assert!(m.exists("/etc/inner") && m.exists("/etc/outer"));
        wait_for(m, "/run/inner");
    });

    suite.fresh("strict_is_for_each_part_alone", |m| {
        let pieces = [
            piece(
                "text/cloud-config",
                "bad.yml",
                "hostname: bad\nwrite_files: [{path: /etc/bad, encoding: x}, {path: /etc/not}]",
            ),
            piece("text/cloud-config", "good.yml", "hostname: good\nwrite_files: [{path: /etc/good}]"),
            piece("text/x-shellscript", "none.sh", "none"),
        ];
        m.put("/tmp/data", multipart(&pieces) + "--===B===--\n");
        m.program(&["--from-file=/tmp/data", "--strict"])
            .run()
            .fails()
            .says(&["/tmp/data:part-1:bad.yml: part rejected; nothing of it is applied (--strict)"])
            .hides(&["/tmp/data: nothing of it", "none.sh: nothing of it"]);
        assert_eq!(m.text("/etc/hostname"), "good\n");
        assert!(m.exists("/etc/good"));
        m.absent("/etc/not");
    });
}

fn damaged_multiparts(suite: &mut Suite) {
    suite.fresh("half_a_multipart_gives_access_and_nothing_else", |m| {
        let pieces = [
            piece("text/x-shellscript", "", "#!/bin/sh\ntouch /etc/half\n"),
            piece(
                "text/cloud-config",
                "",
                &format!("write_files: [{{path: /etc/half}}]\nssh_authorized_keys: [{}]", key("one")),
            ),
            piece(
                "text/cloud-config",
                "",
                &format!("hostname: half\nssh_authorized_keys:\n- {}\n- ssh-ed25519 AA", key("two")),
            ),
        ];
        let whole = multipart(&pieces);
        m.put("/tmp/data", whole.trim_end());
        m.program(&["--from-file=/tmp/data", "--strict"]).run().fails().says(&["[truncated]"]);
        assert_ne!(m.text("/etc/hostname"), "half\n", "--strict: nothing at all");
        assert!(!m.exists(KEYS));

        m.program(&["--from-file=/tmp/data"]).run().fails().says(&["[truncated]", "host name"]);
        assert_eq!(m.text("/etc/hostname"), "half\n");
        // The list that it breaks off in is not one that anybody has written.
        assert_eq!(m.text(KEYS), format!("{}\n", key("one")));
        m.sh("sleep 1");
        m.absent("/etc/half");
        m.untouched(|| {
            m.program(&["--from-file=/tmp/data", "--validate"]).run().fails().says(&["/tmp/data:24:17: error"]);
        });
    });

    suite.fresh("a_part_that_is_no_text_costs_only_itself", |m| {
        let mut data = multipart(&[piece(
            "text/cloud-config",
            "",
            "ssh_authorized_keys: [KEY]\nwrite_files:\n- path: /etc/no\n  content: \u{1}",
        )])
        .replace("KEY", &key("one"))
        .into_bytes();
        let at = data.iter().position(|byte| *byte == 1).expect("it was put there");
        data[at] = 0xff;
        data.extend(
            format!("--===B===\n{}\n--===B===--\n", piece("text/cloud-config", "", "write_files: [{path: /etc/yes}]"))
                .bytes(),
        );
        m.put("/tmp/data", data);
        m.program(&["--from-file=/tmp/data"])
            .run()
            .fails()
            .says(&["/tmp/data:part-1:4:12: invalid UTF-8, not read from here on; only SSH keys are applied"]);
        assert_eq!(m.text(KEYS), format!("{}\n", key("one")));
        assert!(m.exists("/etc/yes"));
        m.absent("/etc/no");
    });
}
