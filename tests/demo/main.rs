//! `make demo`: a cloud-config applied to a container, with everything that it changes.

use std::collections::BTreeSet;
use std::fs;
use std::io::IsTerminal as _;
use std::path::Path;
use std::process::ExitCode;

mod session;
#[path = "../testbed/mod.rs"]
mod testbed;

use testbed::snapshot::Snapshot;
use testbed::{Boot, Machine, PROGRAM_INSIDE};

fn main() -> ExitCode {
    let Some(example) = std::env::args().nth(1) else {
        eprintln!("demo: name a cloud-config to apply, e.g. `make demo EXAMPLE=examples/web-server.yml`");
        return ExitCode::from(2);
    };
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(&example);
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(e) => {
            eprintln!("demo: failed to read {example}: {e}");
            return ExitCode::FAILURE;
        }
    };
    testbed::sandbox::run(|| show(&example, &text))
}

fn show(example: &str, text: &str) -> ExitCode {
    title(&format!("The cloud-config: {example}"));
    println!("{}", text.trim_end());

    title("The machine: systemd in a container, from Debian packages");
    let machine = Boot::default().boot();
    println!("{}", machine.sh("hostnamectl status"));

    title("Dry run: coreos-cloudinit --dry-run --show-diff");
    let name = Path::new(example).file_name().unwrap_or_default().to_string_lossy().into_owned();
    let inside = format!("/root/{name}");
    machine.put(&inside, text);
    let source = format!("--from-file={inside}");
    let dry_run = machine.run(&[PROGRAM_INSIDE, "--dry-run", "--show-diff", &source]);
    print!("{}{}", dry_run.stdout, dry_run.stderr);

    let before = Look::at(&machine);
    let mut first = 0;
    for (index, (heading, lines)) in session::commands(&name).into_iter().enumerate() {
        title(heading);
        let snapshot = machine.snapshot();
        println!("# {}", lines.replace('\n', "\n# "));
        let run = session::on_terminal(&machine, &lines, std::io::stdout().is_terminal());
        print!("{}", run.stdout);
        let written = snapshot.differences(&machine.snapshot()).len();
        // Some commands print the exit code themselves.
        let code = if lines.contains("||") { String::new() } else { format!("exit code {}, ", run.code) };
        println!("({code}{:.2} s; {written} files or directories written)", run.took.as_secs_f32());
        if index == 0 {
            first = run.code;
            show_result(&machine, example, &before);
        }
    }

    println!("\nThe container is deleted.");
    if first == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Shows the record of the first run and its effects.
fn show_result(machine: &Machine, example: &str, before: &Look) {
    title("The record of the run: coreos-cloudinit --status");
    let status = machine.run(&[PROGRAM_INSIDE, "--status"]);
    print!("{}{}", status.stdout, status.stderr);

    title("The changes in the machine");
    before.show_difference(&Look::at(machine));

    for (_, heading, command) in ANSWERS.iter().filter(|(name, ..)| example.ends_with(name)) {
        title(heading);
        println!("{}", machine.sh(command).trim_end());
    }
}

fn title(text: &str) {
    if std::io::stdout().is_terminal() {
        println!("\n\x1b[1m── {text}\x1b[0m");
    } else {
        println!("\n── {text}");
    }
}

/// Requests to an example's server: the example, a title, and the command.
const ANSWERS: &[(&str, &str, &str)] = &[(
    "web-server.yml",
    "The answer of the web server: GET http://localhost:8080/",
    "bash -c 'exec 3<>/dev/tcp/localhost/8080; printf \"GET / HTTP/1.1\\r\\n\\r\\n\" >&3; cat <&3'",
)];

/// The state that a user would look at before and after.
struct Look {
    files: Snapshot,
    facts: BTreeSet<String>,
}

impl Look {
    fn at(machine: &Machine) -> Self {
        let facts = machine.sh("echo host name: $(hostname); \
             getent passwd | sed 's/^/user: /'; getent group | sed 's/^/group: /'; \
             systemctl list-units --all --plain --no-legend --type=service,socket,timer,mount,path \
                 | awk '$2 == \"loaded\" { print \"unit: \" $1 \" is \" $3 \" (\" $4 \")\" }'; \
             systemctl list-unit-files --no-legend --state=enabled,masked,enabled-runtime,masked-runtime \
                 | awk '{ print \"unit: \" $1 \" is \" $2 }'");
        // Mounts that systemd makes for its own services come and go.
        let facts = facts.lines().filter(|line| !line.contains("unit: run-credentials-"));
        Self { files: machine.snapshot(), facts: facts.map(str::to_owned).collect() }
    }

    fn show_difference(&self, after: &Self) {
        for (sign, path) in self.files.changed_files(&after.files) {
            // systemd's markers of a daemon-reload.
            if !path.starts_with("/run/systemd/generator") && path != "/run/systemd/systemd-units-load" {
                println!("  {sign} {path}");
            }
        }
        for fact in self.facts.difference(&after.facts) {
            println!("  - {fact}");
        }
        for fact in after.facts.difference(&self.facts) {
            println!("  + {fact}");
        }
    }
}
