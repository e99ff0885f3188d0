//! The output on a terminal: a pseudo-terminal is the program's standard output.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::process::Stdio;

use rustix::pty::{OpenptFlags, openpt, ptsname, unlockpt};

use super::program::{Files, command};

const WRONG: &str = "#cloud-config\nusers:\n- {name: core, passwd: hunter2, shell: [x]}\ncoreos:\n  units:\n  - name: a.service\n    command: strat\n";

/// The streams of the program that lead to the terminal.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Streams {
    Output,
    Error,
    Both,
}

/// Returns the standard output with `flags`, with its original line ends, and the exit code.
pub fn shown(flags: &[&str], environment: &[(&str, &str)]) -> (String, i32) {
    shown_of(Streams::Output, Path::new("/"), flags, environment)
}

/// Returns the standard output and the log together.
pub fn shown_with_log(flags: &[&str]) -> String {
    shown_of(Streams::Both, Path::new("/"), flags, &[("TERM", "dumb")]).0
}

/// Returns the standard output of the program in `directory`.
pub fn shown_in(directory: &Path, flags: &[&str]) -> String {
    shown_of(Streams::Output, directory, flags, &[]).0
}

fn shown_of(streams: Streams, directory: &Path, flags: &[&str], environment: &[(&str, &str)]) -> (String, i32) {
    let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    unlockpt(&ours).unwrap();
    let name = ptsname(&ours, Vec::new()).unwrap().into_string().unwrap();
    let terminal = || Stdio::from(File::options().read(true).write(true).open(&name).unwrap());
    let mut command = command(Path::new(env!("CARGO_BIN_EXE_coreos-cloudinit")), flags);
    command.current_dir(directory).envs(environment.iter().copied()).stdout(Stdio::null()).stderr(Stdio::null());
    if streams != Streams::Error {
        command.stdout(terminal());
    }
    if streams != Streams::Output {
        command.stderr(terminal());
    }
    let mut child = command.spawn().unwrap();
    // The only other end is the program's now.
    drop(command);
    let mut bytes = Vec::new();
    // Once that is closed, reading is an error.
    let _ = File::from(ours).read_to_end(&mut bytes);
    let code = child.wait().unwrap().code().unwrap();
    (String::from_utf8(bytes).unwrap().replace("\r\n", "\n"), code)
}

#[test]
fn the_line_is_shown_with_a_caret() {
    let files = Files::new();
    let path = files.put("a.yml", WRONG);
    let (text, code) = shown(&["--validate", "--from-file", &path], &[("TERM", "dumb")]);
    assert_eq!(code, 1);
    for part in [
        format!("\n --> {path}:3:40\n  |\n3 | - {{name: core, passwd: <redacted>, shell: [<redacted>]}}\n"),
        format!(
            "\n --> {path}:7:14\n  |\n7 |     command: strat\n  |              ^^^^^ coreos.units[0].command\n  |\n  = help: "
        ),
        "\n  |                                           ^^^^^^^^^^^^ users[0].shell\n".to_owned(),
        "error[bad-command]: ".to_owned(),
    ] {
        assert!(text.contains(&part), "{part}\n{text}");
    }
    assert!(text.ends_with("\n\n2 errors, 1 warning\n"), "{text}");
    assert!(!text.contains('\u{1b}'), "{text}");
}

#[test]
fn colors_come_only_where_they_are_wanted() {
    let files = Files::new();
    let path = files.put("a.yml", WRONG);
    let colors = |environment: &[(&str, &str)]| {
        let (text, code) = shown(&["--validate", "--from-file", &path], environment);
        assert!(code == 1 && text.contains("bad-command"), "{text}");
        text.contains('\u{1b}')
    };
    assert!(colors(&[("TERM", "xterm")]));
    assert!(colors(&[("TERM", "xterm"), ("NO_COLOR", "")]));
    assert!(!colors(&[("TERM", "xterm"), ("NO_COLOR", "1")]));
    assert!(!colors(&[("TERM", "dumb")]));
}

#[test]
fn the_last_line_is_the_sum() {
    let files = Files::new();
    let sum = |text: &str| {
        let path = files.put("a.yml", text);
        shown(&["--validate", "--from-file", &path], &[]).0.lines().last().unwrap_or_default().to_owned()
    };
    assert_eq!(sum("#cloud-config\nhostname: a\n"), "no problems found");
    assert_eq!(sum(""), "no problems found");
    assert_eq!(sum("#cloud-config\nrole: a\n"), "1 warning");
    assert_eq!(sum("#cloud-config\nhostnam: a\nhostname: [a]\nusers: a\n"), "2 errors, 1 warning");
    let (text, code) = shown(&["--validate", "--from-file", &files.path("nosuch")], &[]);
    assert!(code == 1 && text.ends_with("nosuch does not exist\n\n1 error\n"), "{text}");
}

#[test]
fn json_is_the_same_on_a_terminal() {
    let files = Files::new();
    let path = files.put("a.yml", WRONG);
    let (text, _) = shown(&["--validate", "--format=json", "--from-file", &path], &[("TERM", "xterm")]);
    let printed = super::program::program(&["--validate", "--format=json", "--from-file", &path]).stdout;
    assert_eq!(text, printed);
}

/// The line after the findings.
const HINT: &str = "For more about a rule: coreos-cloudinit --explain RULE\n";

#[test]
fn the_hint_follows_the_findings_once() {
    let files = Files::new();
    let (wrong, clean) = (files.put("a.yml", WRONG), files.put("b.yml", "#cloud-config\nhostname: a\n"));
    let root = files.path("root");
    std::fs::create_dir(&root).unwrap();
    for mode in [&["--dry-run"][..], &["--dry-run", "--format=json"], &["--print-config"], &["--root", &root]] {
        let with = |path: &str, streams, more: &[&str]| {
            shown_of(streams, Path::new("/"), &[mode, more, &["--from-file", path]].concat(), &[("TERM", "dumb")]).0
        };
        let log = with(&wrong, Streams::Error, &[]);
        assert!(log.contains("[bad-command]") && log.ends_with(HINT), "{mode:?}: {log}");
        assert_eq!(log.matches(HINT).count(), 1, "{mode:?}: {log}");
        assert_eq!(with(&wrong, Streams::Both, &[]).matches(HINT).count(), 1, "{mode:?}");
        assert!(!with(&clean, Streams::Error, &[]).contains(HINT), "{mode:?}: nothing is found");
        assert!(!with(&wrong, Streams::Error, &["-q"]).contains(HINT), "{mode:?}: only warnings and errors");
        assert!(!with(&wrong, Streams::Output, &[]).contains(HINT), "{mode:?}: the log is not on a terminal");
    }
    for (streams, count) in [(Streams::Output, 1), (Streams::Both, 1), (Streams::Error, 0)] {
        let (text, _) = shown_of(streams, Path::new("/"), &["--validate", "--from-file", &wrong], &[]);
        assert_eq!(text.matches(HINT).count(), count, "{text}");
    }
}
