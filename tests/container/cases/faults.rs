//! Missing or failing parts of a machine: they are reported, the rest is applied, and the exit code is 1
//! (docs/applying.md).

use std::thread;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};

use super::keys::key;
use super::users::HASH;
use crate::testbed::Suite;
use crate::testbed::bus::{EXCUSE, Manner};
use crate::testbed::machine::wait_for;

/// Something of everything that the bus has to do with, and something that it has not.
const CONFIG: &str = r#"#cloud-config
hostname: faulty
users: [{name: mary}]
write_files: [{path: /etc/faulty, content: x}]
coreos:
  units:
  - name: faulty.service
    enable: true
    command: start
    content: "[Service]\nExecStart=/bin/sleep infinity\n[Install]\nWantedBy=multi-user.target\n"
  - {name: docker.service, command: restart}
"#;

/// The same, once the first part has had its turn.
const TWO_PARTS: &str = "Content-Type: multipart/mixed; boundary=B\n\n--B\nContent-Type: text/cloud-config\n\nCONFIG\n\
--B\nContent-Type: text/cloud-config\n\nwrite_files: [{path: /etc/second, content: x}]\n--B--\n";

pub fn cases(suite: &mut Suite) {
    suite.fresh("without_inodes_some_files_fail_and_the_rest_is_written", |m| {
        // The directory itself uses one inode.
        m.sh("mkdir /srv/few; mount -t tmpfs -o nr_inodes=4 tmpfs /srv/few; echo old > /srv/few/a");
        let config = "write_files: [{path: /srv/few/a, content: new}, {path: /srv/few/b, content: b}, \
                      {path: /srv/few/c, content: c}, {path: /srv/few/d, content: d}, {path: /srv/beside, content: s}]";
        m.apply(config).fails().says(&["no space left on device"]);
        let names = m.names("/srv/few");
        assert!(names.iter().all(|name| !name.starts_with('.')) && names.len() < 4, "{names:?}");
        assert!(["old\n", "new"].contains(&&*m.text("/srv/few/a")));
        assert_eq!(m.text("/srv/beside"), "s");
        m.sh("mount -o remount,nr_inodes=100 /srv/few");
        m.apply(config).ok();
        assert_eq!(m.names("/srv/few"), ["a", "b", "c", "d"]);
    });

    suite.fresh("a_read_only_etc_fails_only_its_files", |m| {
        m.sh("mount --bind /etc /etc; mount -o remount,bind,ro /etc");
        let config = format!(
            "hostname: faulty\nusers: [{{name: mary}}]\nssh_authorized_keys: ['{}']\n\
             write_files: [{{path: /etc/not, content: x}}, {{path: /srv/beside, content: s}}]",
            key("faulty")
        );
        m.apply(&config).fails().says(&[
            "failed to set the host name faulty",
            "failed to create user mary",
            "failed to write /etc/not: ",
            "read-only file system",
        ]);
        assert_eq!((m.text("/srv/beside"), m.sh("uname -n")), ("s".into(), "faulty".into()));
        assert!(m.exists("/home/core/.ssh/authorized_keys"));
        m.sh("umount /etc");
        m.apply(&config).ok();
        assert_eq!(m.text("/etc/hostname"), "faulty\n");
    });

    suite.fresh("a_tool_that_is_missing_is_named", |m| {
        let config =
            format!("users: [{{name: mary, passwd: '{HASH}'}}]\nwrite_files: [{{path: /srv/beside, content: s}}]");
        m.sh("mv /usr/sbin/useradd /root/");
        m.apply(&config).fails().says(&["failed to create user mary: useradd is not installed"]);
        assert_eq!(m.text("/srv/beside"), "s");
        m.sh("mv /root/useradd /usr/sbin/; mv /usr/sbin/chpasswd /root/");
        m.apply(&config)
            .fails()
            .says(&["created user mary, but failed to set the password of user mary: chpasswd is not installed"]);
        assert_eq!(m.shadow("mary").as_deref(), Some("*"));
        m.sh("mv /root/chpasswd /usr/sbin/");
        m.apply(&config).ok();
        assert_eq!(m.shadow("mary").as_deref(), Some(HASH));
    });

    suite.fresh("keys_and_files_of_a_user_that_failed_are_left_out", |m| {
        m.sh("mv /usr/sbin/useradd /usr/sbin/useradd.real; printf '#!/bin/sh\\nfor name; do :; done\\n[ $name != unmade ] || exit 1\\n\
              exec useradd.real \"$@\"\\n' > /usr/sbin/useradd; chmod 755 /usr/sbin/useradd");
        let config = format!(
            r"
            users:
              - name: unmade
                ssh_authorized_keys: ['{0}']
              - name: made
                ssh_authorized_keys: ['{0}']
            write_files:
              - {{path: /srv/unmade/user, owner: 'unmade'}}
              - {{path: /srv/unmade/good, owner: made}}
            ",
            key("unmade")
        );
        m.apply(&config).fails().says(&[
            "dependency failed: authorize 1 key of user unmade",
            "dependency failed: write /srv/unmade/user",
            "failed to create user unmade",
        ]);
        assert_eq!(m.names("/srv/unmade"), ["good"]);
        m.absent("/home/unmade");
        assert!(m.exists("/home/made/.ssh/authorized_keys"));
    });

    suite.fresh("tools_that_a_killed_run_left_running_are_waited_for", |m| {
        m.sh("mv /usr/sbin/useradd /usr/sbin/useradd.real; printf '#!/bin/sh\\ntouch /run/began\\nsleep 2\\nexec useradd.real \"$@\"\\n' \
              > /usr/sbin/useradd; chmod 755 /usr/sbin/useradd");
        let config = format!("#cloud-config\nusers: [{{name: mary, groups: [docker], passwd: '{HASH}'}}]\n");
        m.put("/tmp/slow", config);
        let killed = m.program(&["--from-file=/tmp/slow"]).start();
        assert!(wait_for(Duration::from_secs(20), || m.exists("/run/began")));
        m.sh("pkill -KILL -x coreos-cloudini");
        killed.finish(Duration::from_secs(20));
        m.program(&["--from-file=/tmp/slow"]).run().ok().says(&["waiting for another run to finish"]);
        assert_eq!(m.shadow("mary").as_deref(), Some(HASH));
        assert_eq!(m.members("docker"), Some(vec!["mary".to_owned()]));
        assert_eq!(m.sh("ls -A /etc | grep cci || true"), "");
    });

    for (name, manner, words) in [
        (
            "a_bus_that_lets_nobody_in_costs_what_needs_it",
            Manner::Deaf,
            ["failed to enable faulty.service", "no response within"],
        ),
        (
            "a_systemd_that_never_answers_costs_what_needs_it",
            Manner::Silent,
            ["failed to enable faulty.service", "no response over the system bus"],
        ),
        (
            "a_systemd_that_answers_with_errors_costs_what_needs_it",
            Manner::Failing,
            ["failed to enable faulty.service", EXCUSE],
        ),
    ] {
        suite.fresh(name, move |m| {
            m.put("/tmp/faulty", TWO_PARTS.replace("CONFIG", CONFIG));
            let address = m.stand_in_bus(manner);
            let run = m.program(&["--from-file=/tmp/faulty", "--deadline=20"]).env("DBUS_SYSTEM_BUS_ADDRESS", &address);
            let run = run
                .run()
                .fails()
                .says(&words)
                .says(&["failed to start faulty.service", "failed to restart docker.service"]);
            assert!(run.took < Duration::from_secs(24), "{:?}", run.took);
            for file in ["/etc/faulty", "/etc/second"] {
                assert_eq!(m.text(file), "x");
            }
            assert_eq!((m.text("/etc/hostname"), m.sh("uname -n")), ("faulty\n".into(), "faulty".into()));
            assert!(m.passwd("mary").is_some());
            // With a bus that works again, the next run does the rest.
            m.program(&["--from-file=/tmp/faulty"]).run().ok();
            assert_eq!((m.active("faulty.service"), m.enabled("faulty.service")), ("active".into(), "enabled".into()));
        });
    }

    suite.fresh("a_systemd_that_hangs_fails_only_its_steps", |m| {
        m.put("/tmp/faulty", TWO_PARTS.replace("CONFIG", CONFIG));
        kill(m.leader(), Signal::SIGSTOP).expect("we are root");
        // It is asked for users and groups as well, by the C library, which waits long.
        let run = m.start(&["coreos-cloudinit", "--from-file=/tmp/faulty", "--deadline=30"]);
        let run = run.finish(Duration::from_secs(100));
        kill(m.leader(), Signal::SIGCONT).expect("we are root");
        let run = run.fails().says(&["failed to enable faulty.service", "failed to restart docker.service"]);
        assert!(run.took < Duration::from_secs(35), "{run}");
        for file in ["/etc/faulty", "/etc/second"] {
            assert_eq!(m.text(file), "x", "{run}");
        }
        assert!(m.passwd("mary").is_some(), "{run}");
        m.program(&["--from-file=/tmp/faulty"]).run().ok();
        assert_eq!(m.active("faulty.service"), "active");
    });

    suite.fresh("a_systemd_that_stands_still_ends_at_the_deadline_and_on_a_signal", |m| {
        m.put("/tmp/user", "#cloud-config\nusers: [{name: mary}]\n");
        m.put("/tmp/faulty", TWO_PARTS.replace("CONFIG", CONFIG));
        kill(m.leader(), Signal::SIGSTOP).expect("we are root");
        let run = m.start(&["coreos-cloudinit", "--from-file=/tmp/user", "--deadline=3"]);
        let run = run.finish(Duration::from_secs(30));
        let stopped = m.start(&["coreos-cloudinit", "--from-file=/tmp/faulty", "--deadline=200"]);
        thread::sleep(Duration::from_secs(1));
        m.sh("pkill -TERM -x coreos-cloudini");
        let stopped = stopped.finish(Duration::from_secs(30));
        kill(m.leader(), Signal::SIGCONT).expect("we are root");
        assert!(run.took < Duration::from_secs(6), "{run}");
        assert!(stopped.took < Duration::from_secs(12), "{stopped}");
        stopped.fails();
    });
}
