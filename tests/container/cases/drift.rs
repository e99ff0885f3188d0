//! `--dry-run --exit-code`: the difference of a machine from its configuration.

use crate::testbed::command::Output;
use crate::testbed::{Machine, Suite};

const PAGE: &str = include_str!("../../../docs/drift.md");
const SOURCE: &str = "/etc/node.yml";
const CONFIG: &str = "\
#cloud-config
hostname: node
users: [{name: mary}]
write_files: [{path: /etc/secret, content: a, permissions: '0600'}]
coreos:
  units:
  - {name: node.service, command: start, enable: true, content: \"[Service]\\nExecStart=/bin/sleep infinity\\n[Install]\\nWantedBy=multi-user.target\"}
  - {name: again.service, command: restart, content: \"[Service]\\nType=oneshot\\nExecStart=/bin/true\"}
";

/// The blocks of the page in a language.
fn blocks(language: &str) -> Vec<&'static str> {
    let begin = format!("```{language}\n");
    PAGE.split(begin.as_str()).skip(1).map(|rest| rest.split_once("```").expect("a block ends").0).collect()
}

fn compare(m: &Machine) -> Output {
    m.program(&["--dry-run", "--exit-code", "--from-file", SOURCE]).run()
}

/// Runs a change, and expects it and no other to be found; a run removes it.
#[track_caller]
fn is_found(m: &Machine, change: &str, step: &str) {
    m.sh(change);
    let printed = compare(m).exits(3).stdout;
    let changes: Vec<_> = printed.lines().skip(1).filter_map(|line| line.strip_prefix("+ ")).collect();
    assert!(changes.len() == 1 && changes[0].starts_with(step), "{step}: {printed}");
    assert!(printed.contains("\n1 step changes something\n"), "{printed}");
    m.program(&["--from-file", SOURCE]).run().ok();
    compare(m).exits(0);
}

pub fn cases(suite: &mut Suite) {
    suite.fresh("drift_of_each_kind_is_found", |m| {
        m.put(SOURCE, CONFIG);
        compare(m).exits(3);
        m.absent("/etc/secret");
        m.program(&["--from-file", SOURCE]).run().ok();
        let printed = compare(m).exits(0).stdout;
        assert!(
            printed.contains("\n= start node.service\n= ") || printed.contains("\n= start node.service\n> "),
            "{printed}"
        );
        assert!(
            printed.contains("> restart again.service") && printed.contains("no step changes anything"),
            "{printed}"
        );

        is_found(m, "echo b > /etc/secret", "write /etc/secret");
        is_found(m, "rm /etc/secret", "write /etc/secret");
        is_found(m, "chmod 644 /etc/secret", "write /etc/secret");
        is_found(m, "hostname other", "set host name node");
        is_found(m, "systemctl stop node.service", "start node.service");
        is_found(m, "systemctl disable node.service", "enable node.service");
        is_found(m, "userdel -r mary 2>&1", "ensure user mary");

        // Without --exit-code, neither the output nor the exit code depends on units.
        m.sh("systemctl stop node.service");
        let printed = m.program(&["--dry-run", "--from-file", SOURCE]).run().ok().stdout;
        assert!(printed.contains("> start node.service") && !printed.contains("changes something"), "{printed}");
    });

    suite.fresh("drift_that_cannot_be_compared_is_an_error", |m| {
        m.put(SOURCE, CONFIG);
        m.program(&["--from-file", SOURCE]).run().ok();
        m.sh("printf b > /etc/secret");
        let user = ["setpriv", "--reuid=500", "--regid=500", "--clear-groups", "coreos-cloudinit", "--dry-run", "--exit-code"];
        let printed = m.run(&[&user[..], &["--from-file", SOURCE]].concat()).exits(1).stdout;
        assert!(printed.contains("? write /etc/secret") && printed.contains(", 1 cannot be compared\n"), "{printed}");
        // An error is reported, whatever else would change.
        m.put(SOURCE, "#cloud-config\nhostname: other\nwrite_files: [{path: /etc/x, permissions: bad}]\n");
        compare(m).exits(1);
        // A service that has ended is not active.
        let oneshot = "#cloud-config\ncoreos: {units: [{name: once.service, command: start, content: \"[Service]\\nType=oneshot\\nExecStart=/bin/true\"}]}\n";
        m.put(SOURCE, oneshot);
        m.program(&["--from-file", SOURCE]).run().ok();
        assert!(compare(m).exits(3).stdout.contains("+ start once.service"));
        m.put(SOURCE, oneshot.replace("oneshot", "oneshot\\nRemainAfterExit=yes"));
        m.program(&["--from-file", SOURCE]).run().ok();
        m.sh("systemctl start once.service");
        compare(m).exits(0);
    });

    suite.fresh("the_timer_of_the_page_reports_drift", |m| {
        let [service, timer] = blocks("ini")[..] else { panic!("the page has two units") };
        m.put("/etc/systemd/system/cloud-config-drift.service", service.replace("/var/lib/coreos-install/user_data", SOURCE));
        m.put("/etc/systemd/system/cloud-config-drift.timer", timer);
        m.verify(&["/etc/systemd/system/cloud-config-drift.timer"]).ok();
        m.put(SOURCE, CONFIG);
        m.sh("systemctl daemon-reload; systemctl enable --now cloud-config-drift.timer; ! systemctl start cloud-config-drift.service");
        assert_eq!(m.property("cloud-config-drift.service", "ExecMainStatus"), "3", "{}", m.whole_log());
        m.absent("/etc/secret");
        m.program(&["--from-file", SOURCE]).run().ok();
        m.sh("systemctl start cloud-config-drift.service");
        assert_eq!(m.property("cloud-config-drift.service", "Result"), "success");
    });

    suite.fresh("an_image_is_compared_as_on_the_page", |m| {
        m.put("/srv/node.yml", CONFIG);
        m.sh("mkdir -p /srv/tree/etc && cp /etc/passwd /etc/group /etc/shadow /etc/gshadow /srv/tree/etc/");
        let commands = blocks("sh").into_iter().find(|block| block.contains("--root")).expect("the section for CI");
        m.sh(&format!("cd /srv && set -e; {commands}"));
    });
}
