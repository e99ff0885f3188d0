//! The samples of `docs/` that need a machine are the output of the program in one.
//!
//! `UPDATE_PAGES=1 cargo test --test container -- samples` writes them.

use regex::Regex;

use crate::testbed::{Machine, Suite};

#[path = "../../pure/generated.rs"]
mod generated;

const EXAMPLE: &str = include_str!("../../../examples/web-server.yml");

/// A configuration with a unit that fails.
const FAILS: &str = "\
#cloud-config
users:
  - name: web
write_files:
  - path: /srv/www/index.html
    content: It works.
coreos:
  units:
    - name: web.service
      command: start
      content: |
        [Service]
        Type=oneshot
        ExecStart=/bin/false
";

/// Removes what the samples apply.
const UNDO: &str = "systemctl disable -q --now web.socket; systemctl reset-failed; userdel web; \
                    rm -rf /srv/www /opt/web /opt/greeting /etc/systemd/system/web*; systemctl daemon-reload";

pub fn cases(suite: &mut Suite) {
    suite.fresh("samples_of_a_machine_are_the_output_of_the_program", |m| {
        let (_, rest) = generated::read("docs/applying.md")
            .split_once("`mistakes.yml`:\n\n```yaml\n")
            .map(|(before, rest)| (before.to_owned(), rest.to_owned()))
            .expect("the page shows the file");
        let mistakes = rest.split("```").next().expect("the block ends").to_owned();
        for (name, text) in [("web-server.yml", EXAMPLE), ("web.yml", FAILS), ("mistakes.yml", mistakes.as_str())] {
            m.put(&format!("/root/{name}"), text);
        }
        let sample = |line: &str, printed: &str| {
            assert!(printed.lines().count() > 1, "{line} prints {printed}");
            format!("```console\n$ sudo {line}\n{}\n```", normalized(printed))
        };
        let undone = |text: String| {
            m.sh(&format!("({UNDO}) > /dev/null 2>&1 || true"));
            text
        };
        let terminal = generated::check("docs/applying.md", "terminal in a machine of", |line| {
            undone(sample(line, &on_terminal(m, line)))
        });
        let piped = generated::check("docs/applying.md", "output in a machine of", |line| {
            undone(sample(&format!("{line} 2>&1 | cat"), &m.sh(&format!("cd /root; {line} 2>&1 | cat"))))
        });
        // One file of an applied example has another line.
        let changes = generated::check("docs/applying.md", "changes shown by", |line| {
            m.sh("cd /root; coreos-cloudinit -q --from-file=web-server.yml; sed -i 's/=8080$/=80/' /etc/systemd/system/web.socket");
            let printed = on_terminal(m, line);
            // The first line is the legend.
            let lines: Vec<_> = printed.lines().skip(1).filter(|line| line.starts_with("+ ") || line.starts_with("    ")).collect();
            undone(sample(line, &lines.join("\n")))
        });
        assert!(terminal > 0 && piped > 1 && changes > 0, "samples are missing: {terminal}, {piped}, {changes}");
        let status = generated::check("docs/command-line.md", "status in a machine after", |line| {
            m.sh(&format!("rm -rf /run/coreos-cloudinit; cd /root; {line} > /dev/null 2>&1 || true"));
            sample("coreos-cloudinit --status", &m.sh("coreos-cloudinit --status"))
        });
        assert_eq!(status, 1);
    });
}

/// Returns what a terminal shows of a command line.
fn on_terminal(m: &Machine, line: &str) -> String {
    m.put("/tmp/sample", format!("cd /root\n{line}\n"));
    m.sh("TERM=dumb script -qec 'sh /tmp/sample' /dev/null < /dev/null || true").replace("\r\n", "\n")
}

/// Replaces the times in a text, which differ in each run.
fn normalized(text: &str) -> String {
    let durations = Regex::new(r"(?-u)<1 ms|\b\d+(\.\d+)? m?s\b").expect("it is constant");
    let times = Regex::new(r"(?-u)\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ").expect("it is constant");
    times.replace_all(&durations.replace_all(text.trim_matches('\n'), "5 ms"), "2026-11-22T22:26:10Z").into_owned()
}
