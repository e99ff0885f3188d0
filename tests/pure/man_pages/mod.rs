//! Man pages and completions are generated from the command line and the types of a cloud-config.
//!
//! After a change of these, `UPDATE_PAGES=1 cargo test --test pure man_pages::` writes them.

mod man;
mod tables;

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use clap_complete::Shell;

/// The files, with their expected content.
fn files() -> Vec<(&'static str, String)> {
    let completions = |shell: Shell| {
        let mut command = cloudinit::cli::help_command();
        let mut text = Vec::new();
        clap_complete::generate(shell, &mut command, "coreos-cloudinit", &mut text);
        String::from_utf8(text).expect("it is text")
    };
    vec![
        ("oem/man/coreos-cloudinit.8", man::program()),
        ("oem/man/cloud-config.5", man::cloud_config()),
        ("oem/catalog/coreos-cloudinit.catalog", cloudinit::logger::messages::catalog()),
        ("oem/completions/coreos-cloudinit", completions(Shell::Bash)),
        ("oem/completions/_coreos-cloudinit", completions(Shell::Zsh)),
        ("oem/completions/coreos-cloudinit.fish", completions(Shell::Fish)),
    ]
}

fn path(file: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(file)
}

#[test]
fn pages_and_completions_match_the_program() {
    for (file, text) in files() {
        if std::env::var_os("UPDATE_PAGES").is_some() {
            fs::write(path(file), &text).expect("it can be written");
        }
        let there = fs::read_to_string(path(file)).unwrap_or_default();
        let line = text.lines().zip(there.lines()).position(|(new, old)| new != old);
        assert!(text == there, "{file} differs from line {:?} on (UPDATE_PAGES=1)", line.map(|line| line + 1));
    }
}

#[test]
fn every_flag_and_every_key_has_its_entry() {
    let page = man::program();
    for flag in cloudinit::cli::help_command().get_arguments().filter_map(clap_long) {
        assert!(page.contains(&format!("\\-\\-{}", flag.replace('-', "\\-"))), "{flag}");
    }
    let page = man::cloud_config();
    for key in
        ["ssh_authorized_keys", "passwd", "drop_ins", "reboot_strategy", "etcd_password", "initial_cluster_token"]
    {
        assert!(page.contains(key), "{key}");
    }
}

fn clap_long(argument: &clap::Arg) -> Option<String> {
    argument.get_long().map(str::to_owned)
}

/// The first words of the lines of help: an imperative states an action.
const IMPERATIVES: &[&str] = &[
    "Apply", "Check", "Convert", "Cut", "Exit", "Fetch", "Keep", "Log", "Print", "Query", "Read", "Reject", "Replace",
    "Set", "Store", "Write",
];

#[test]
fn each_line_of_help_is_an_imperative_of_sixty_columns() {
    for argument in cloudinit::cli::help_command().get_arguments() {
        let help = argument.get_help().expect("each flag has help").to_string();
        assert!(help.chars().count() <= 60 && !help.contains('\n'), "{} columns: {help}", help.chars().count());
        let word = help.split(' ').next().unwrap_or_default();
        assert!(IMPERATIVES.contains(&word), "{word} is not a known imperative: {help}");
        assert!(!help.ends_with('.'), "{help}");
        let more = argument.get_long_help().map(|text| text.to_string()[help.len()..].trim().to_owned());
        assert!(more.is_none_or(|more| more.ends_with(['.', ']'])), "{help}: the long help is in sentences");
    }
}

/// A default is stated once, in brackets.
#[test]
fn the_help_states_the_defaults_of_the_parser() {
    let help = cloudinit::cli::help().split_whitespace().collect::<Vec<_>>().join(" ");
    for default in ["/var/lib/coreos-cloudinit", "coreos-cloudinit", "/", "300", "540", "text"] {
        assert_eq!(help.matches(&format!("[default: {default}]")).count(), 1, "{default}");
    }
}

/// `mandoc` knows how a page should be; `make test` installs it.
#[test]
fn pages_are_sound() {
    for page in ["oem/man/coreos-cloudinit.8", "oem/man/cloud-config.5"] {
        let mut command = Command::new("mandoc");
        let command = command.args(["-Tlint", "-Wwarning"]).arg(path(page)).stderr(Stdio::inherit());
        let Ok(output) = command.output() else {
            assert!(std::env::var_os("CI").is_none(), "mandoc is missing");
            eprintln!("skipped: mandoc is not there to look at {page}");
            return;
        };
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    }
}

/// The output of `man` in a terminal of 80 columns has no longer lines, and no leftover markup.
#[test]
fn pages_are_shown_in_eighty_columns() {
    for page in ["oem/man/coreos-cloudinit.8", "oem/man/cloud-config.5"] {
        let output = Command::new("mandoc").args(["-Tutf8", "-Owidth=78"]).arg(path(page)).output();
        let Ok(output) = output else {
            assert!(std::env::var_os("CI").is_none(), "mandoc is missing");
            return;
        };
        let shown = String::from_utf8_lossy(&output.stdout);
        // Bold is a letter over itself.
        let plain: Vec<_> = shown.lines().map(plain).collect();
        for line in &plain {
            assert!(line.chars().count() <= 80 && !line.contains('`') && !line.contains("\\f"), "{line}");
        }
        assert!(plain.len() > 80, "{page} is empty");
    }
}

fn plain(line: &str) -> String {
    let mut out = String::new();
    for c in line.chars() {
        if c == '\u{8}' {
            out.pop();
        } else {
            out.push(c);
        }
    }
    out
}

/// The shells load the generated completions.
#[test]
fn bash_takes_the_completions() {
    let line = "source oem/completions/coreos-cloudinit && complete -p coreos-cloudinit && \
                COMP_WORDS=(coreos-cloudinit --from-g) COMP_CWORD=1 && \
                _coreos__cloudinit coreos-cloudinit --from-g coreos-cloudinit && echo \"${COMPREPLY[@]}\"";
    let mut bash = Command::new("bash");
    let output = bash.args(["-c", line]).current_dir(env!("CARGO_MANIFEST_DIR")).output().expect("bash is there");
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(printed.ends_with("--from-gce-metadata\n"), "{printed} {}", String::from_utf8_lossy(&output.stderr));
}
