//! Runs at the same time: as if they had come one after the other (docs/applying.md).

use std::fmt::Write as _;
use std::time::Duration;

use super::keys::key;
use super::users::HASH;
use crate::testbed::machine::wait_for;
use crate::testbed::{Machine, PROGRAM_INSIDE, Suite};

/// Starts a run for each file, all at once, and holds that each succeeds.
fn run_all(m: &Machine, files: &[String]) {
    let runs: Vec<_> = files.iter().map(|file| m.start(&[PROGRAM_INSIDE, "--from-file", file])).collect();
    for run in runs {
        let run = run.finish(Duration::from_secs(120));
        assert_eq!(run.code, 0, "{run}");
    }
}

/// Returns the result of a run, without times and inode numbers.
fn left(m: &Machine) -> String {
    m.sh("cd /; for folder in etc home srv opt; do find $folder -printf '%p %y %m %u:%g %l\\n'; done | grep -v '^etc/[a-z]*-' | sort; \
          find home srv opt etc/passwd etc/group etc/shadow etc/hosts etc/environment etc/systemd -type f | sort | xargs sha256sum")
}

pub fn cases(suite: &mut Suite) {
    suite.fresh("ten_runs_of_one_config_are_as_one", |m| {
        let mut config = format!(
            "#cloud-config\nhostname: crowd\nmanage_etc_hosts: localhost\nssh_authorized_keys: ['{key}']\n\
             users: [{{name: mary, groups: [docker], passwd: '{HASH}', ssh_authorized_keys: ['{key}']}}, {{name: john}}]\n\
             coreos:\n  units:\n  - {{name: crowd.service, enable: true, command: start, \
             content: \"[Service]\\nExecStart=/bin/sleep infinity\\n[Install]\\nWantedBy=multi-user.target\\n\"}}\nwrite_files:\n",
            key = key("crowd")
        );
        for number in 0..40 {
            let _ = writeln!(config, "- {{path: /srv/crowd/{number}, content: '{number}', owner: mary}}");
        }
        m.put("/tmp/crowd", &config);
        run_all(m, &vec!["/tmp/crowd".to_owned(); 10]);
        let together = left(m);
        m.program(&["-v", "--from-file=/tmp/crowd"]).run().ok().says(&["unchanged: ensure user mary"]);
        assert_eq!(left(m), together, "another run had something to do");
        assert_eq!(m.active("crowd.service"), "active");
        assert_eq!(m.sh("getent passwd | grep -c -E '^(mary|john):'"), "2");
        // As after one run alone, on a machine that is the same but for the crowd.
        let alone = crate::testbed::Boot::default().boot();
        alone.put("/tmp/crowd", &config);
        alone.program(&["--from-file=/tmp/crowd"]).run().ok();
        assert_eq!(left(&alone), together);
    });

    suite.fresh("ten_runs_of_ten_configs_all_come_true", |m| {
        let files: Vec<_> = (0..10).map(|number| format!("/tmp/crowd-{number}")).collect();
        for (number, file) in files.iter().enumerate() {
            let config = format!(
                "#cloud-config\nusers: [{{name: user{number}, groups: [docker], ssh_authorized_keys: ['{key}']}}, {{name: both}}]\n\
                 write_files: [{{path: /srv/crowd/{number}, content: x, owner: user{number}}}]\n\
                 coreos: {{units: [{{name: crowd{number}.service, command: start, content: \"[Service]\\nExecStart=/bin/sleep infinity\"}}]}}\n",
                key = key("crowd")
            );
            m.put(file, config);
        }
        run_all(m, &files);
        for number in 0..10 {
            let user = m.passwd(&format!("user{number}")).expect("each made its own");
            let uid: u32 = user[2].parse().expect("it is a number");
            assert_eq!(m.owner(&format!("/srv/crowd/{number}")).0, uid);
            assert!(m.exists(&format!("/home/user{number}/.ssh/authorized_keys")));
            assert_eq!(m.active(&format!("crowd{number}.service")), "active");
        }
        assert_eq!(m.members("docker").map(|members| members.len()), Some(10));
        assert_eq!(m.sh("pwck --read-only --quiet; grpck --read-only; cut -d: -f1 /etc/passwd | sort | uniq -d"), "");
    });

    suite.fresh("ten_runs_of_ten_scripts_start_each_script", |m| {
        for round in 0..10 {
            let files: Vec<_> = (0..10).map(|number| format!("/tmp/script-{round}-{number}")).collect();
            for (number, file) in files.iter().enumerate() {
                m.put(file, format!("#!/bin/sh\ntouch /run/ran-{round}-{number}\n"));
            }
            run_all(m, &files);
            let ran = || m.sh(&format!("ls /run | grep -c ^ran-{round}- || true")) == "10";
            assert!(wait_for(Duration::from_secs(30), ran), "round {round}");
        }
    });

    suite.fresh("a_lock_that_a_dead_run_left_is_no_obstacle", |m| {
        m.sh("mkdir -m 700 /run/coreos-cloudinit; echo 1 > /run/coreos-cloudinit/lock; touch /etc/.pwd.lock; \
              for name in passwd shadow group gshadow; do printf '4194300\\0' > /etc/$name.lock; done; \
              install -o core -g core -m 600 /dev/null /home/core/.authorized_keys.d.lock");
        let config = format!(
            "users: [{{name: mary}}]\nssh_authorized_keys: ['{}']\nwrite_files: [{{path: /srv/x, content: x}}]",
            key("a")
        );
        let run = m.apply(&config).ok();
        assert!(run.took < Duration::from_secs(10), "{:?}", run.took);
        assert!(m.passwd("mary").is_some() && m.exists("/home/core/.ssh/authorized_keys"));
        assert_eq!(m.sh("ls /etc/*.lock 2>/dev/null || true"), "");
    });
}
