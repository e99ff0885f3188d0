//! The commands that `make demo` runs on a terminal in the machine, as a user would type them.

use regex::Regex;

use crate::testbed::{Machine, Output};

/// The example whose session `docs/demo.svg` shows.
pub const EXAMPLE: &str = "web-server.yml";

/// The width of the picture, at which long lines are folded.
#[allow(dead_code)] // the demo prints whole lines
pub const COLUMNS: usize = 96;

/// The commands for an example, each with a title.
pub fn commands(example: &str) -> Vec<(&'static str, String)> {
    let run = format!("coreos-cloudinit --from-file={example}");
    let mut commands =
        vec![("Applying it", run.clone()), ("The second run: only commands of units are repeated", run.clone())];
    if example == EXAMPLE {
        commands.push((
            "A mistake: the item is skipped, everything else is applied",
            format!("sed -i 's/command: start/command: strat/' {example}\n{run} -q || echo \"exit code $?\""),
        ));
    }
    commands
}

/// Runs lines of shell in `/root`, on a terminal of its own. The status line that replaces itself is not in the output.
pub fn on_terminal(machine: &Machine, lines: &str, color: bool) -> Output {
    machine.put("/tmp/session", format!("cd /root\n{lines}\n"));
    let term = if color { "TERM=xterm" } else { "TERM=dumb" };
    let mut output = machine.run(&["sh", "-c", &format!("{term} script -qec 'sh /tmp/session' /dev/null < /dev/null")]);
    let kept = |line: &str| line.rsplit("\u{1b}[K").next().unwrap_or(line).to_owned() + "\n";
    output.stdout = output.stdout.replace("\r\n", "\n").lines().map(kept).collect();
    output
}

/// Replaces the times and versions in a text.
#[allow(dead_code)] // the demo prints them
pub fn normalized(text: &str) -> String {
    let times = Regex::new(r"(?-u)(<1 ms|\b\d+(\.\d+)? m?s)\b").expect("a constant");
    let version = format!("version {}", env!("CARGO_PKG_VERSION"));
    times.replace_all(text, "… ms").replace(&version, "version …")
}
