//! Steps that are known to fail, in a dry run.

use super::program::{Files, program};
use super::terminal::shown_with_log;

const UNIT: &str = "    enable: true\n    content: |\n      [Service]\n      ExecStart=/bin/true\n      [Install]\n";

#[test]
fn a_dry_run_fails_where_systemd_cannot_enable_a_unit() {
    let files = Files::new();
    for (name, setting, fails) in [
        ("a@.service", "WantedBy=multi-user.target", true),
        ("a.service", "WantedBy=multi-user", true),
        ("a.service", "Alias=b.socket", true),
        ("a.service", "WantedBy=multi-user.target", false),
        ("a@.service", "WantedBy=multi-user.target\n      DefaultInstance=b", false),
    ] {
        let text = format!("#cloud-config\ncoreos:\n  units:\n  - name: {name}\n{UNIT}      {setting}\n");
        let run = program(&["--dry-run", "--from-file", &files.put("a.yml", &text)]);
        let line = run.stdout.lines().find(|line| line.contains(&format!(" enable {name}"))).unwrap_or_default();
        assert_eq!((line.starts_with("! "), run.code), (fails, i32::from(fails)), "{text}{run:?}");
    }
}

#[test]
fn a_fault_that_another_entry_may_replace_does_not_fail_a_dry_run() {
    let files = Files::new();
    let fixed = "  - name: a.service\n    content: |\n      [Install]\n      WantedBy=multi-user.target\n";
    let text = format!("#cloud-config\ncoreos:\n  units:\n  - name: a.service\n{UNIT}      WantedBy=a\n{fixed}");
    let run = program(&["--dry-run", "--from-file", &files.put("a.yml", &text)]);
    assert!(!run.stdout.contains("\n! enable"), "{run:?}");
}

/// A run skips them, too.
#[test]
fn keys_of_a_user_that_cannot_be_created_fail_in_a_dry_run() {
    let files = Files::new();
    let text = "#cloud-config\nusers: [{name: ada, coreos_ssh_import_github: ada}]\n";
    let path = files.put("a.yml", text);
    // The tree has no /etc/passwd.
    let run = program(&["--dry-run", "--root", &files.path(""), "--from-file", &path]);
    let line = run.stdout.lines().find(|line| line.contains(" import keys of user ada")).unwrap_or_default();
    assert!(line.starts_with("! ") && line.ends_with(": user ada could not be created"), "{run:?}");
    let run = program(&["--dry-run", "--from-file", &path]);
    assert!(run.stdout.contains("\n> import keys of user ada"), "{run:?}");
}

/// Each reason for exit code 1 has a line: the item that is not applied, or else the error.
#[test]
fn every_error_of_a_configuration_is_marked_in_a_dry_run() {
    let files = Files::new();
    for (text, marked) in [
        ("hostnam: a\n", "! unknown key `hostnam`; host name not set (line 2)"),
        ("ssh-authorised-keys: [x]\n", "! unknown key `ssh-authorised-keys`; SSH keys not set (line 2)"),
        ("coreos: {unit: [{name: a.service}]}\n", "! unknown key `unit` of `coreos`; section not applied (line 2)"),
        (
            "users:\n- name: core\n  ssh-authorised-keys: [x]\n",
            "! user core: unknown key `ssh-authorised-keys`; SSH keys not set (line 4)",
        ),
        (
            "users: [{name: core, shell: [x]}]\n",
            "! users[0].shell: expected a string, found a list; not applied (line 2)",
        ),
        ("write_files: [{path: /a, perms: '0600'}]\n", "! not applied: file /a (line 2)"),
        ("write_files:\n- path: /a\n  content: [x]\n  owner: [x]\n", "! not applied: file /a (line 3)"),
        ("coreos: {units: [{name: a.service, command: begin}]}\n", "! not applied: command of unit a.service (line 2)"),
        ("hostname: [\n", "! not applied: everything"),
    ] {
        let path = files.put("a.yml", format!("#cloud-config\n{text}"));
        let run = program(&["--dry-run", "--root", &files.path(""), "--from-file", &path]);
        let lines: Vec<_> = run.stdout.lines().filter(|line| line.starts_with("! ")).collect();
        // The tree has no account files.
        let lines: Vec<_> = lines.into_iter().filter(|line| !line.contains(" ensure user ")).collect();
        assert_eq!((lines.as_slice(), run.code), (&[marked][..], 1), "{text}{run:?}");
    }
    let run = program(&["--dry-run", "--from-file", &files.put("a.yml", "#cloud-config\nrole: a\n")]);
    assert!(!run.stdout.contains('!') && run.code == 0, "a warning is no failure: {run:?}");
}

#[test]
fn the_footer_of_a_dry_run_counts_its_lines() {
    let files = Files::new();
    let text = "#cloud-config\nrole: x\nusers: [{name: ada}, {name: core, shell: [x]}]\n\
                write_files: [{path: /a, owner: ada}, {path: /b, owner: bob}, {path: /c, owner: a b}]\n";
    // The tree has no account files.
    let run = program(&["--dry-run", "--root", &files.path(""), "--from-file", &files.put("a.yml", text)]);
    let footer = "\n\n4 steps fail, 2 not applied\n2 errors, 1 warning (see the log, on standard error)\n";
    assert!(run.stdout.ends_with(footer), "{run:?}");
    assert_eq!(run.stdout.lines().filter(|line| line.starts_with("! ")).count(), 6, "{run:?}");
}

#[test]
fn a_reason_does_not_repeat_its_step() {
    let files = Files::new();
    let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDhmj/882riP+2GKg9KPw4z7LbUf+UALTw+cO/+L/PMK a";
    let text = format!("#cloud-config\nssh_authorized_keys: ['{key}']\nusers: [{{name: ada}}]\n");
    let run = program(&["--dry-run", "--root", &files.path(""), "--from-file", &files.put("a.yml", text)]);
    for line in [
        "! authorize 1 key of user core (set coreos-cloudinit): user core does not exist",
        "! ensure user ada: the tree has no /etc/passwd",
    ] {
        assert!(run.stdout.lines().any(|found| found == line), "{run:?}");
    }
}

/// Each output says so in one line, and none has a heading without content.
#[test]
fn user_data_without_settings_has_nothing_to_do() {
    let files = Files::new();
    let tree = files.path("");
    for text in ["", "#cloud-config\n", "#cloud-config\nusers:\n"] {
        let path = files.put("a.yml", text);
        let run = program(&["--dry-run", "--from-file", &path]);
        assert_eq!((run.code, run.stdout.as_str()), (0, "nothing to do\n"), "{text:?}");
        let run = program(&["--print-config", "--from-file", &path]);
        let line = if text.is_empty() { "the user-data is empty" } else { "nothing to do" };
        assert!(run.code == 0 && run.stderr.ends_with(&format!("a.yml: {line}\n")), "{text:?}: {run:?}");
        let run = program(&["--root", &tree, "--from-file", &path]);
        assert!(run.code == 0 && run.stderr.ends_with("a.yml: nothing to do\n"), "{text:?}: {run:?}");
        let run = program(&["--convert-to=butane", "--from-file", &path]);
        assert!(
            run.code == 0 && run.stderr.contains("nothing was converted; the result is empty [conversion]"),
            "{run:?}"
        );
    }
    let parts = "Content-Type: multipart/mixed; boundary=B\n\n--B\n\n#cloud-config\n\n--B\n\n#cloud-config\nhostname: a\n--B--\n";
    let run = program(&["--dry-run", "--from-file", &files.put("parts", parts)]);
    assert!(run.stdout.contains("parts:part-1 (cloud-config):\nnothing else to do\n"), "{run:?}");
    assert!(!run.stdout.contains("(multipart)"), "its parts follow: {run:?}");
    let parts = parts.replace("hostname: a", "write_files: [{path: /a}]");
    let run = program(&["--dry-run", "--from-file", &files.put("parts", parts)]);
    assert!(run.stdout.contains("parts:part-1 (cloud-config):\nnothing to do\n"), "{run:?}");
}

/// A reader who counts the marked lines counts each item once.
#[test]
fn an_item_that_is_not_applied_is_marked_once() {
    let files = Files::new();
    let path = files.put("a.yml", "#cloud-config\nwrite_files: [{path: /a, owner: a b}, {path: /b, owner: a b}]\n");
    let shown = shown_with_log(&["--dry-run", "--from-file", &path]);
    assert_eq!(shown.lines().filter(|line| line.starts_with("! ")).count(), 2, "{shown}");
    assert!(shown.contains("\n2 not applied\n"), "{shown}");
}

#[test]
fn a_corrected_item_is_not_marked_as_not_applied() {
    let files = Files::new();
    let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDhmj/882riP+2GKg9KPw4z7LbUf+UALTw+cO/+L/PMK a";
    for text in [
        format!("users:\n- name: root\n  ssh_authorized_keys:\n  - - {key}\n"),
        "users:\n- name: root\n  groups: [a]\n  name: ada\n".to_owned(),
    ] {
        let path = files.put("a.yml", format!("#cloud-config\n{text}"));
        let shown = shown_with_log(&["--dry-run", "--from-file", &path]);
        assert!(shown.contains("the key is set") || shown.contains("applied as a separate user"), "{shown}");
        assert!(!shown.contains("not applied\n"), "{shown}");
    }
}

#[test]
fn a_skipped_part_has_its_reason_once() {
    let files = Files::new();
    let parts = "Content-Type: multipart/mixed; boundary=B\n\n--B\n\nnone\n--B\nContent-Transfer-Encoding: base64\n\n%%\n\
                 --B\n\n#cloud-config\nhostname: a\n--B--\n";
    let run = program(&["--dry-run", "--from-file", &files.put("parts", parts)]);
    let reason = "parts:part-1 (unknown format):\n- this part has an unknown format; part skipped (line 1)\n";
    assert!(run.stdout.contains(reason), "{run:?}");
    assert!(run.stdout.contains("\n! part 2: the content is not base64"), "{run:?}");
    assert!(!run.stdout.contains("parts:part-2"), "{run:?}");
}

#[test]
fn a_strict_conversion_that_prints_nothing_says_why() {
    let files = Files::new();
    let path = files.put("a.yml", "#cloud-config\ncoreos: {units: [{name: a.service, command: begin}]}\n");
    let run = program(&["--convert-to=butane", "--strict", "--from-file", &path]);
    let note = "the report has 1 error; the whole configuration rejected and not printed (--strict)";
    assert!(run.stderr.contains(note) && !run.stderr.contains("nothing was converted"), "{run:?}");
    assert_eq!((run.stdout.as_str(), run.code), ("", 1), "{run:?}");
}
