//! The output of the program, run by the user of the tests: findings, plans, and their streams. Nothing is changed.

mod documented;
mod dry_run;
mod failures;
pub mod program;
mod samples;
mod secrets;
mod terminal;

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;

use serde_json::{Value, json};

use program::{Files, program};

const CLEAN: &str = "#cloud-config\nhostname: a\n";
const WRONG: &str = "#cloud-config\nrole: x\nwrite_files:\n- path: /etc/x\n  permissions: rwx\n";

#[test]
fn clean_user_data_prints_nothing() {
    let files = Files::new();
    let run = program(&["--validate", "--from-file", &files.put("a.yml", CLEAN)]);
    assert_eq!((run.code, run.stdout.as_str(), run.stderr.as_str()), (0, "", ""));
}

#[test]
fn a_mistake_is_reported_with_its_correction() {
    let files = Files::new();
    for (text, help) in [
        ("#cloud-config\nmanage_etc_hosts: yes\n", "(write `manage_etc_hosts: localhost`"),
        ("#cloud-config\nhostname:web-1\n", ":2:9: error: no space after `:`"),
        ("#cloud-config\nwrite_files:\n- path:/etc/x\n", "`- path: PATH`, with a space after the colon)"),
        ("#cloud-config\nhostname:web-1\nusers: []\n", ":2:9: error: no space after `:`"),
        ("#cloud-config\nhostname: \u{a0}a\n", ":2:11: error: hostname: U+00A0 (no-break space) before the value"),
        ("#cloud-config\nusers:\n\u{a0} - name: a\n", ":3:1: error: U+00A0 (no-break space) in the indentation"),
        (
            "#cloud-config\nwrite_files:\n- content: |\n    a\n  &b\n",
            "the block scalar that began at line 3 ended here",
        ),
        ("#!cloud-config\nhostname: a\n", ":1:1: error: the first line is almost `#cloud-config`"),
        ("#!python3\n", "(begin the script with `#!` and the full path of its interpreter"),
        ("I2Nsb3VkLWNvbmZpZwo=\n", "the user-data is text in base64"),
        ("#cloud-config hostname: a", "the user-data is text without line breaks"),
        ("#cloud-config\nhostname: {{ x }}\n", "(render the template first"),
        ("#Cloud-Config\nhostname: a\n", "(write `#cloud-config` in lower case"),
        ("# cloud_config\nhostname: a\n", "(write `#cloud-config` in lower case"),
        ("#cloud\u{2013}config\nhostname: a\n", "almost `#cloud-config`: contains U+2013 (en dash)"),
        ("#!\u{a0}/bin/sh\n", "the interpreter line contains U+00A0 (no-break space)"),
        ("#cloud-config\ncoreos: {units: [{name: web, enable: true}]}\n", "(write `web.service` for a service)"),
        ("#cloud-config\nusers: [{name: a, groups: sudo docker}]\n", "(write a list, or commas between the groups)"),
        (
            "Content-Type: multipart/mixed; boundary=B\n\n--B\nContent-Type: text/x-shellscript\n\necho hi\n--B--\n",
            "(begin it with an interpreter line, such as #!/bin/sh",
        ),
    ] {
        let run = program(&["--validate", "--from-file", &files.put("a.yml", text)]);
        assert!(run.code == 1 && run.stdout.contains(help), "{text}{}", run.stdout);
    }
}

#[test]
fn a_finding_is_one_line_on_standard_output() {
    let files = Files::new();
    let path = files.put("a.yml", WRONG);
    let run = program(&["--validate", "--from-file", &path]);
    assert_eq!((run.code, run.stderr.as_str()), (1, ""), "results go to standard output alone");
    let lines: Vec<_> = run.stdout.lines().collect();
    assert_eq!(lines.len(), 2, "{}", run.stdout);
    assert!(lines[0].starts_with(&format!("{path}:2:1: warning: unknown key `role`")), "{}", lines[0]);
    assert!(lines[0].ends_with(" [unknown-key] at role"), "{}", lines[0]);
    assert!(lines[1].starts_with(&format!("{path}:5:16: error: file /etc/x: invalid permissions: ")), "{}", lines[1]);
    assert!(lines[1].ends_with(") [bad-permissions] at write_files[0].permissions"), "{}", lines[1]);
}

#[test]
fn places_are_those_of_the_author() {
    let files = Files::new();
    let file = "- {content: é😀 $private_ipv4$private_ipv4, path: /a, permissions: rwx}\n";
    for (text, place) in [
        (format!("#cloud-config\nwrite_files:\n{file}"), "3:67"),
        (format!("\u{feff}#cloud-config\nwrite_files:\n{file}"), "3:67"),
        (format!("#cloud-config\nwrite_files:\n{file}").replace('\n', "\r\n"), "3:67"),
        (format!("\u{feff}#cloud-config \t\r\n\r\nwrite_files:\r\n{file}"), "4:67"),
        ("\u{feff}#cloud-config\n\thostname: x\n".to_owned(), "2:1"),
    ] {
        let run = program(&["--validate", "--from-file", &files.put("a.yml", &text)]);
        assert!(run.stdout.contains(&format!("a.yml:{place}: error: ")), "{text:?}: {}", run.stdout);
    }
}

#[test]
fn the_output_of_common_tools_is_valid() {
    let files = Files::new();
    let text = "#cloud-config\npackage_upgrade: true\nlocale: C\nssh_pwauth: false\nusers: [default]\n";
    let path = files.put("a.yml", text);
    let run = program(&["--validate", "--from-file", &path]);
    assert_eq!((run.code, run.stdout.matches(": note: ").count()), (0, 4), "{}", run.stdout);
    let asks = text.replace("ssh_pwauth: false", "ssh_pwauth: true");
    assert_eq!(program(&["--validate", "--from-file", &files.put("b.yml", &asks)]).code, 1);
}

#[test]
fn a_misspelled_key_fails_the_dry_run_and_points_at_itself() {
    let files = Files::new();
    let text = "#cloud-config\nwrite_files:\n- path: /a\n  content: hunter2\n  perms: '0600'\n";
    let path = files.put("a.yml", text);
    let run = program(&["--validate", "--format=json", "--from-file", &path]);
    let finding = &run.json()["parts"][0]["findings"][0];
    let names = ["severity", "id", "path"].map(|name| finding[name].as_str());
    assert_eq!((run.code, names), (1, ["error", "misspelled-key", "write_files[0].perms"].map(Some)));
    assert_eq!((finding["line"].as_u64(), finding["column"].as_u64()), (Some(5), Some(3)));
    let plan = program(&["--dry-run", "--strict", "--from-file", &path]);
    assert!(!format!("{run:?}{plan:?}").contains("hunter2"));
}

#[test]
fn json_is_one_object() {
    let files = Files::new();
    let path = files.put("a.yml", WRONG);
    let run = program(&["--validate", "--format=json", "--from-file", &path]);
    assert_eq!((run.code, run.stderr.as_str()), (1, ""));
    let object = run.json();
    let counts = ["format", "errors", "warnings", "notes"].map(|name| object[name].as_u64());
    assert_eq!(counts, [Some(1), Some(1), Some(1), Some(0)]);
    assert_eq!((&object["source"], &object["failures"]), (&json!(path), &json!([])));
    let part = &object["parts"][0];
    assert_eq!((&part["name"], &part["form"]), (&json!(path), &json!("cloud-config")));
    let finding = &part["findings"][1];
    assert!(finding["message"].is_string() && finding["help"].is_string(), "{finding}");
    let place = ["line", "column", "end_line", "end_column"].map(|name| finding[name].as_u64());
    assert_eq!(place, [Some(5), Some(16), Some(5), Some(19)]);
    let names = ["severity", "id", "part", "path"].map(|name| finding[name].as_str());
    assert_eq!(names, ["error", "bad-permissions", &path, "write_files[0].permissions"].map(Some));
    // A plan holds the same objects.
    let plan = program(&["--dry-run", "--format=json", "--from-file", &path]).json();
    assert_eq!(plan["parts"][0]["findings"], part["findings"]);
    assert_eq!((&plan["format"], &plan["source"]), (&object["format"], &object["source"]));
}

#[test]
fn json_comes_whatever_happens() {
    let files = Files::new();
    let clean = files.put("clean.yml", CLEAN);
    let directory = files.path("folder");
    fs::create_dir(&directory).unwrap();
    let odd = [
        files.path("nosuch"),
        directory,
        files.put("form", "hunter2\n"),
        files.put("latin", b"#cloud-config\nhostname: \xe4\n"),
        files.put("gzip", b"\x1f\x8b\x08hunter2"),
        files.put("broken.yml", "#cloud-config\na: [\n"),
    ];
    for path in &odd {
        for mode in ["--validate", "--dry-run"] {
            let run = program(&[mode, "--format=json", "--from-file", path]);
            let object = run.json();
            let failed = object["failures"].as_array().is_some_and(|failures| !failures.is_empty());
            let found =
                object["parts"].as_array().unwrap().iter().flat_map(|part| part["findings"].as_array().unwrap());
            let found = found.filter(|finding| finding["severity"] == "error").count() > 0;
            assert!(run.code == 1 && (failed || found), "{path}: {object}");
            assert!(!run.stdout.contains("hunter2"), "{path}: {object}");
            if mode == "--validate" {
                assert_eq!(run.stderr, "", "{path}");
                let text = program(&[mode, "--from-file", path]);
                assert!(
                    text.code == 1 && text.stdout.contains(": error: ") && text.stderr.is_empty(),
                    "{path}: {text:?}"
                );
            }
        }
    }
    let run = program(&["--dry-run", "--format=json", "--root=/nosuch", "--from-file", &clean]);
    assert!(run.code == 1 && run.json()["failures"][0].as_str().unwrap().contains("/nosuch"), "{run:?}");
    let run = program(&["--validate", "--format=json", "--from-file", &files.put("empty", "")]);
    assert_eq!((run.code, &run.json()["errors"]), (0, &json!(0)), "{run:?}");
}

#[test]
fn addresses_that_are_unknown_here_are_no_finding() {
    let files = Files::new();
    let text = "#cloud-config\nwrite_files: [{path: /a, content: $public_ipv4}]\n";
    let path = files.put("a.yml", text);
    let run = program(&["--validate", "--from-file", &path]);
    assert_eq!((run.code, run.stdout.as_str()), (0, ""));
    let run = program(&["--dry-run", "--from-file", &path]);
    assert!(run.stderr.contains("[unknown-address]"), "{run:?}");
    let names = "#cloud-config\nwrite_files: [{path: /opt/$private_ipv4, content: a}]\n\
                 coreos: {units: [{name: $private_ipv4.service, command: start}]}\n";
    let path = files.put("b.yml", names);
    let run = program(&["--validate", "--from-file", &path]);
    assert_eq!((run.code, &*run.stdout), (0, ""), "{run:?}");
    let run = program(&["--dry-run", "--from-file", &path]);
    assert_eq!(run.stderr.matches("$private_ipv4 has no known address").count(), 2, "{run:?}");
}

/// Nothing is written, even by an ordinary user with only read permission.
#[test]
fn a_check_touches_nothing() {
    let files = Files::new();
    let path = files.put("a.yml", WRONG);
    files.close();
    let before = (files.look(), program::records());
    for run in [
        program(&["--validate", "--from-file", &path]),
        program::as_nobody(&files, &["--validate", "--from-file", &path]),
        program::as_nobody(&files, &["--validate", "--from-file", &path, "--format=json", "--root", &files.path("")]),
    ] {
        assert!(run.code == 1 && run.stdout.contains("bad-permissions"), "{run:?}");
        assert_eq!((files.look(), program::records()), before);
    }
    let tree = fs::metadata(files.path("")).unwrap();
    assert!(!Path::new(&format!("/run/coreos-cloudinit/lock-{}-{}", tree.dev(), tree.ino())).exists());
}

#[test]
fn a_plan_with_steps_explains_its_signs() {
    let files = Files::new();
    let text = "#cloud-config\nwrite_files: [{path: /nosuch/a}, {path: /b, owner: a b}]\ncoreos: {units: [{name: a.service, command: start}]}\n";
    let path = files.put("a.yml", text);
    let run = program(&["--dry-run", "--from-file", &path]);
    let legend = run.stdout.lines().next().unwrap();
    for line in run.stdout.lines().skip(3).take_while(|line| !line.is_empty()) {
        let sign = line.split(' ').next().unwrap();
        assert!(legend.split(", ").any(|word| word.starts_with(&format!("{sign} "))), "{line}");
    }
    assert!(
        run.stdout.contains("\n> start a.service\n") && run.stdout.contains("\n! not applied: file /b (line 2)\n"),
        "{run:?}"
    );
    assert!(run.stdout.ends_with("\n\n1 not applied\n1 error (see the log, on standard error)\n"), "{run:?}");
    for text in ["", "{\"ignition\": {\"version\": \"2.0.0\"}}", CLEAN] {
        let run = program(&["--dry-run", "--from-file", &files.put("b", text)]);
        assert_eq!(run.stdout.contains("+ changes,"), text == CLEAN, "{run:?}");
        assert_eq!(run.stdout == "nothing to do\n", text != CLEAN, "{run:?}");
        let message = if text.is_empty() { "the user-data is empty" } else { "Ignition configuration; skipped" };
        assert_eq!(run.stderr.contains(message), text != CLEAN, "{run:?}");
    }
    let run = program(&["--dry-run", "--from-file", &files.path("nothing"), "--deadline=1"]);
    assert_eq!(run.stdout, "nothing would be applied: 1 error (see the log, on standard error)\n");
    assert!(run.stderr.contains("/nothing does not exist\n"), "{run:?}");
}

#[test]
fn a_step_that_is_known_to_fail_is_marked_and_the_exit_code_is_1() {
    let files = Files::new();
    let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDhmj/882riP+2GKg9KPw4z7LbUf+UALTw+cO/+L/PMK a";
    let text = format!(
        "#cloud-config\nusers: [{{name: cci-no, primary_group: cci-none, ssh_authorized_keys: ['{key}']}}, {{name: cci-a, \
         ssh_authorized_keys: ['{key}']}}]\nwrite_files: [{{path: /tmp/cci-a, owner: cci-no}}, {{path: /tmp/cci-b, owner: cci-nowhere}}]\n"
    );
    let run = program(&["--dry-run", "--from-file", &files.put("a.yml", &text)]);
    let lines = [
        "! ensure user cci-no: account created without primary group cci-none: it does not exist",
        "+ ensure user cci-a",
        "+ authorize 1 key of user cci-no (set coreos-cloudinit)",
        "+ authorize 1 key of user cci-a (set coreos-cloudinit)",
        "+ write /tmp/cci-a (0644 cci-no:root, 0 bytes)",
        "! write /tmp/cci-b (0644 cci-nowhere:root, 0 bytes): user cci-nowhere does not exist",
    ];
    assert!(run.stdout.ends_with(&(lines.join("\n") + "\n\n2 steps fail\n")) && run.code == 1, "{run:?}");
}

#[test]
fn missing_parts_of_a_new_account_are_reported() {
    let files = Files::new();
    let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDhmj/882riP+2GKg9KPw4z7LbUf+UALTw+cO/+L/PMK a";
    let text = format!(
        "#cloud-config\nusers: [{{name: cci-no, groups: [cci-1, cci-2]}}, {{name: cci-a, no_create_home: true, homedir: /cci-a, \
         ssh_authorized_keys: ['{key}']}}]\n"
    );
    let run = program(&["--dry-run", "--from-file", &files.put("a.yml", &text)]);
    let lines = [
        "! ensure user cci-no: account created without groups cci-1, cci-2: they do not exist",
        "+ ensure user cci-a",
        "! authorize 1 key of user cci-a (set coreos-cloudinit): the home directory /cci-a does not exist",
    ];
    assert!(run.stdout.contains(&(lines.join("\n") + "\n")) && run.code == 1, "{run:?}");
}

#[test]
fn a_plan_shows_how_files_differ_that_everybody_may_read() {
    let files = Files::new();
    let shown = |old: &str, mode: u32, permissions: &str, new: &str| {
        let path = files.put("there", old);
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        let text = json!({"write_files": [{"path": path, "permissions": permissions, "content": new}]});
        let config = files.put("a.yml", format!("#cloud-config\n{text}\n"));
        let run = program(&["--dry-run", "--show-diff", "--from-file", &config]);
        let json = program(&["--dry-run", "--show-diff", "--format=json", "--from-file", &config]).json();
        let lines: Vec<_> = run.stdout.lines().filter_map(|line| line.strip_prefix("    ")).collect();
        let diff = json["parts"][0]["steps"][0]["diff"].as_str().unwrap_or_default().to_owned();
        assert_eq!(lines.join("\n"), diff.trim_end(), "{run:?}");
        assert_eq!(json["parts"][0]["steps"][0]["here"], "changes");
        diff
    };
    assert_eq!(shown("a\nb\n", 0o644, "0644", "a\nc\n"), "@@ -1,2 +1,2 @@\n a\n-b\n+c\n");
    assert_eq!(
        shown("a\nPIN_SECRET=1\n", 0o644, "0644", "a\nPIN_SECRET=2\n"),
        "@@ -1,2 +1,2 @@\n a\n-<secret>\n+<secret>\n"
    );
    for (mode, permissions) in [(0o600, "0644"), (0o640, "0644"), (0o644, "0600"), (0o644, "0640")] {
        assert_eq!(shown("a\n", mode, permissions, "b\n"), "", "{mode:o} {permissions}");
    }
    assert_eq!(shown("a\n", 0o644, "0755", "a\n"), "", "only the mode differs");
    // Nor the content of a file in a closed directory, or of a link's target.
    for close in [true, false] {
        let directory = files.path("folder");
        let _ = fs::remove_dir_all(&directory);
        fs::create_dir(&directory).unwrap();
        fs::write(format!("{directory}/b"), "hidden\n").unwrap();
        if close {
            fs::set_permissions(&directory, fs::Permissions::from_mode(0o700)).unwrap();
        }
        std::os::unix::fs::symlink("b", format!("{directory}/link")).unwrap();
        for (name, seen) in [("b", !close), ("link", false)] {
            let text = format!("#cloud-config\nwrite_files: [{{path: {directory}/{name}, content: x}}]\n");
            let run = program(&["--dry-run", "--show-diff", "--from-file", &files.put("a.yml", text)]);
            assert_eq!(run.stdout.contains("hidden"), seen, "{name} {close}: {run:?}");
        }
    }
    // A new file has no old version: its size is shown, and its content is in the configuration.
    let config =
        files.put("b.yml", format!("#cloud-config\nwrite_files: [{{path: {}, content: hello}}]\n", files.path("new")));
    let run = program(&["--dry-run", "--show-diff", "--from-file", &config]);
    assert!(run.stdout.ends_with("(0644 root:root, 5 bytes)\n"), "{run:?}");
}

/// Secrets of forms that no list knows are in no pipe, log or document.
#[test]
fn lines_of_files_are_printed_to_a_terminal_or_when_asked_for() {
    let files = Files::new();
    let (old, new) = (
        files.put("there", "DB_PWD=XCANARYX1\nsame XCANARYX\n"),
        "same XCANARYX\ncurl -u me:XCANARYX\nsk_live_XCANARYX\n",
    );
    fs::set_permissions(&old, fs::Permissions::from_mode(0o644)).unwrap();
    let text = json!({"write_files": [{"path": old, "permissions": "0644", "content": new}]});
    let config = files.put("a.yml", format!("#cloud-config\n{text}\n"));
    let flags = ["--dry-run", "-v", "--from-file", &config];
    let run = program(&flags);
    assert!(run.stdout.contains(" bytes)\n    2 lines added, 1 removed\n"), "{run:?}");
    assert!(!format!("{run:?}").contains("XCANARYX"), "{run:?}");
    let json = [&flags[..], &["--format=json"]].concat();
    let run = program(&json);
    let step = run.json()["parts"][0]["steps"][0].clone();
    assert_eq!((&step["lines_added"], &step["lines_removed"], &step["diff"]), (&json!(2), &json!(1), &Value::Null));
    assert!(!format!("{run:?}").contains("XCANARYX"), "{run:?}");
    let (text, _) = terminal::shown(&json, &[("TERM", "xterm")]);
    assert!(
        text.contains("\"lines_added\": 2") && !text.contains("XCANARYX"),
        "a document is one wherever it goes: {text}"
    );
    let (text, _) = terminal::shown(&flags, &[("TERM", "dumb")]);
    assert!(text.contains("\n    +curl -u me:XCANARYX\n") && !text.contains("lines added"), "{text}");
    let run = program(&[&flags[..], &["--show-diff"]].concat());
    assert!(run.stdout.contains("\n    +curl -u me:XCANARYX\n"), "{run:?}");
    let step = program(&[&json[..], &["--show-diff"]].concat()).json()["parts"][0]["steps"][0].clone();
    assert_eq!(
        (&step["lines_added"], step["diff"].as_str().is_some_and(|diff| diff.contains("+sk_live_"))),
        (&json!(2), true)
    );
    for mode in ["--validate", "--print-config", "--schema", "--status"] {
        let run = program(&[mode, "--show-diff", "--from-file", &config]);
        assert!(
            run.code == 2 && run.stderr.contains("--show-diff takes effect only with --dry-run"),
            "{mode}: {run:?}"
        );
    }
    // Without a file whose lines every user may read, there is nothing to count.
    fs::set_permissions(&old, fs::Permissions::from_mode(0o600)).unwrap();
    assert!(!program(&flags).stdout.contains("lines added"));
    // Invisible characters are counted and escaped as any others.
    fs::write(&old, "a\u{2800}\n").unwrap();
    fs::set_permissions(&old, fs::Permissions::from_mode(0o644)).unwrap();
    let (text, _) = terminal::shown(&flags, &[("TERM", "dumb")]);
    assert!(text.contains("\n    -a\\u{2800}\n"), "{text}");
}

#[test]
fn a_plan_under_strict_reports_left_out_items() {
    let files = Files::new();
    let path = files.put("a.yml", "#cloud-config\nhostname: a\nwrite_files: a: b\n");
    assert!(program(&["--dry-run", "--from-file", &path]).stdout.contains("! not applied: everything except the host"));
    let run = program(&["--dry-run", "--strict", "--from-file", &path]);
    assert!(
        run.stdout.contains("! not applied: everything (--strict)\n\n1 not applied\n")
            && !run.stdout.contains("set host name"),
        "{run:?}"
    );
    assert!(run.stderr.contains("part rejected; nothing of it is applied (--strict)"), "{run:?}");
    assert!(program(&["--validate", "--strict", "--from-file", &path]).stdout.contains("; not applied ("), "{path}");
}

#[test]
fn in_a_tree_nothing_is_started() {
    let files = Files::new();
    let tree = files.path("");
    let unit = "#cloud-config\ncoreos: {units: [{name: a.service, command: start}, {name: b.network, content: x}]}\n";
    let unit = files.put("unit.yml", unit);
    let script = files.put("script", "#!/bin/sh\ntrue\n");
    for (path, steps) in
        [(&unit, &["start a.service", "restart systemd-networkd.service"][..]), (&script, &["run script"])]
    {
        let text = program(&["--dry-run", "--root", &tree, "--from-file", path]);
        for step in steps {
            let line = text.stdout.lines().find(|line| line.contains(step)).unwrap_or_else(|| panic!("{text:?}"));
            assert!(line.starts_with("- ") && line.ends_with(": the tree is not running (--root)"), "{line}");
        }
        assert!(!text.stdout.lines().any(|line| line.starts_with("> ")), "{text:?}");
        let object = program(&["--dry-run", "--format=json", "--root", &tree, "--from-file", path]).json();
        let steps = object["parts"][0]["steps"].as_array().unwrap().clone();
        let skipped: Vec<&Value> = steps.iter().filter(|step| step["here"] == "skipped").collect();
        assert!(!skipped.is_empty() && skipped.iter().all(|step| step["reason"].is_string()), "{object}");
    }
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let files = Files::new();
    let items: String = (0..5000).fold(String::new(), |text, index| format!("{text}unknown{index}: x\n"));
    let path = files.put("a.yml", format!("#cloud-config\n{items}"));
    let run = program::unread(&["--validate", "--from-file", &path]);
    assert_eq!((run.code, run.stderr.as_str()), (1, ""), "{run:?}");
}

#[test]
fn a_failed_write_of_the_output_is_a_failure() {
    let files = Files::new();
    let path = files.put("a.yml", CLEAN);
    for format in ["--format=text", "--format=json"] {
        for mode in program::PRINTING.split(' ') {
            // An empty output cannot fail to be written.
            if mode == "--validate" && format == "--format=text" || mode == "--status" && program::records().is_empty()
            {
                continue;
            }
            let run = program::into_full(&[mode, format, "--from-file", &path]);
            assert_eq!(run.code, 1, "{mode} {format}: {run:?}");
            let count = run.stderr.matches("failed to write to standard output: No space left on device").count();
            assert_eq!(count, 1, "{mode} {format}: {run:?}");
            let run = program::unread(&[mode, format, "--from-file", &path]);
            assert_eq!(run.code, 0, "{mode} {format}: {run:?}");
        }
    }
}

#[test]
fn a_run_needs_no_listener() {
    let files = Files::new();
    let owner = format!("{}:{}", nix::unistd::geteuid(), nix::unistd::getegid());
    let text = format!("#cloud-config\nwrite_files: [{{path: /a, owner: '{owner}'}}]\n");
    let (path, tree) = (files.put("a.yml", text), files.path("tree"));
    fs::create_dir(&tree).unwrap();
    let run = program::into_nothing(&["--root", &tree, "--from-file", &path]);
    assert_eq!(run.code, 0, "{run:?}");
    assert!(Path::new(&tree).join("a").exists(), "{run:?}");
}

#[test]
fn an_ordinary_user_gets_a_warning_about_owners_in_a_tree_first() {
    let files = Files::new();
    let (path, tree) =
        (files.put("a.yml", "#cloud-config\nwrite_files: [{path: /a}, {path: /b}]\n"), files.path("tree"));
    fs::create_dir(&tree).unwrap();
    fs::set_permissions(&tree, fs::Permissions::from_mode(0o777)).unwrap();
    let run = program::as_nobody(&files, &["--root", &tree, "--from-file", &path]);
    assert_eq!(run.code, 1, "{run:?}");
    assert!(run.stderr.lines().next().is_some_and(|line| line.contains("not run as root")), "{run:?}");
    assert_eq!(run.stderr.matches("not run as root").count(), 1, "{run:?}");
}

#[test]
fn failures_are_ignored_only_where_something_is_applied() {
    let files = Files::new();
    let (path, tree) =
        (files.put("a.yml", "#cloud-config\nwrite_files: [{path: /a, owner: a b}]\n"), files.path("tree"));
    fs::create_dir(&tree).unwrap();
    for (mode, code) in [("--validate", 1), ("--dry-run", 1), ("--print-config", 1), ("-v", 0)] {
        let run = program(&[mode, "--ignore-failure", "--root", &tree, "--from-file", &path]);
        assert_eq!(run.code, code, "{mode}: {run:?}");
    }
}

#[test]
fn access_steps_name_the_part_that_asks_for_them() {
    let files = Files::new();
    let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDhmj/882riP+2GKg9KPw4z7LbUf+UALTw+cO/+L/PMK a";
    let parts = [String::new(), "hostname: a\n".to_owned(), format!("users: []\nssh_authorized_keys: ['{key}']\n")];
    let parts: String = parts.map(|text| format!("--B\nContent-Type: text/cloud-config\n\n{text}\n")).concat();
    let path = files.put("a.txt", format!("Content-Type: multipart/mixed; boundary=B\n\n{parts}--B--\n"));
    let access = program(&["--dry-run", "--format=json", "--from-file", &path]).json()["access"].clone();
    let places: Vec<_> = access.as_array().unwrap().iter().map(|step| json!([step["part"], step["line"]])).collect();
    assert_eq!(places, [json!([format!("{path}:part-2"), 1]), json!([format!("{path}:part-3"), 2])]);
}
