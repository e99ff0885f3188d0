//! The run as a whole: two at once, signals, records, a machine without a bus.

use std::thread;
use std::time::Duration;

use nix::sys::signal::Signal;

use super::keys::key;
use crate::testbed::{PROGRAM_INSIDE, Suite};

/// Something of everything, which takes no time.
const EVERYTHING: &str = r"
    hostname: everything
    manage_etc_hosts: localhost
    ssh_authorized_keys: [KEY]
    users: [{name: someone, groups: [docker], ssh_authorized_keys: [KEY]}]
    write_files:
      - {path: /etc/everything, content: $public_ipv4, owner: someone, permissions: 0640}
      - {path: /opt/bin/everything, encoding: b64, content: aGVsbG8K}
    coreos:
      oem: {id: x, name: X}
      update: {group: beta, reboot_strategy: off}
      flannel: {interface: eth0}
      etcd2: {name: a}
      fleet: {metadata: a=b}
      locksmith: {window_start: '04:00', window_length: 1h}
      units:
        - name: everything.service
          enable: true
          command: start
          content: |
            [Service]
            ExecStart=/bin/sleep infinity
            [Install]
            WantedBy=multi-user.target
        - {name: etcd.service, mask: true, runtime: true}
        - {name: docker.service, command: start, drop_ins: [{name: a.conf, content: '[Unit]'}]}
        - {name: 10-everything.network, content: '[Match]'}
    ";

fn everything() -> String {
    EVERYTHING.replace("KEY", &format!("'{}'", key("everything")))
}

pub fn cases(suite: &mut Suite) {
    suite.fresh("a_second_run_writes_nothing_but_its_record", |m| {
        m.apply(&everything()).ok();
        let list = "find /run /var /etc /home /opt /srv /root -newer /tmp/mark -not -path '/run/systemd/*' \
                    -not -path '/run/log/*' -not -path '/run/udev/*' | sort";
        m.sh("sleep 0.1; touch /tmp/mark; sleep 0.1");
        m.program(&["--from-file=/tmp/user-data"]).run().ok();
        let written = m.sh(list);
        for line in written.lines() {
            assert!(line.starts_with("/run/coreos-cloudinit"), "written:\n{written}");
        }
    });

    suite.fresh("two_runs_at_once_do_not_interleave", |m| {
        // Each makes the same accounts and files of its own kind; the one that comes last wins all.
        let config = |name: &str| {
            let files: String = (0..60).fold(String::new(), |text, number| {
                text + &format!("- {{path: /etc/race/{number}, content: {name}}}\n")
            });
            format!("#cloud-config\nusers: [{{name: {name}}}, {{name: both}}]\nwrite_files:\n{files}")
        };
        for round in 0..3 {
            m.put("/tmp/one", config("one"));
            m.put("/tmp/two", config("two"));
            let [first, second] = ["/tmp/one", "/tmp/two"].map(|path| m.start(&[PROGRAM_INSIDE, "-from-file", path]));
            for run in [first, second] {
                let run = run.finish(Duration::from_secs(60));
                assert_eq!(run.code, 0, "{run}");
            }
            let seen = m.sh("cat /etc/race/* | sed 's/one/one\\n/g; s/two/two\\n/g' | sort -u | xargs");
            assert!(seen == "one" || seen == "two", "round {round}: {seen}");
        }
        assert!(m.passwd("both").is_some());
    });

    suite.fresh("the_lock_is_let_go_before_jobs_are_waited_for", |m| {
        let outer = r#"#cloud-config
coreos:
  units:
    - name: inner.service
      command: start
      content: "[Service]\nType=oneshot\nExecStart=/usr/bin/coreos-cloudinit --from-file=/tmp/inner"
"#;
        m.put("/tmp/inner", "#cloud-config\nwrite_files: [{path: /etc/inner, content: x}]\n");
        let run = m.apply(outer).ok();
        assert!(run.took < Duration::from_secs(30), "{:?}", run.took);
        assert_eq!(m.text("/etc/inner"), "x");
    });

    suite.fresh("a_signal_lets_the_step_end_and_writes_the_record", |m| {
        let config = "#cloud-config\ncoreos:\n  units:\n    - {name: hang.service, command: start, content: \"[Service]\\nType=oneshot\\nExecStart=/bin/sleep infinity\"}\n    - {name: etcd.service, command: start}\n";
        m.put("/tmp/hang", config);
        let mut run = m.program(&["--from-file=/tmp/hang"]).start();
        m.sh("until systemctl show -p ActiveState hang.service | grep -q activating; do sleep 0.1; done");
        thread::sleep(Duration::from_millis(200));
        assert!(run.is_running());
        run.signal(Signal::SIGTERM);
        let run = run.finish(Duration::from_secs(20));
        // nsenter, which stands between, is killed by the same signal.
        assert!(!run.timed_out, "{run}");
        m.sh("for i in $(seq 100); do pgrep -x coreos-cloudini || exit 0; sleep 0.1; done; exit 1");
        let record = m.sh("cat /run/coreos-cloudinit/*");
        assert!(record.contains("hang.service"), "{record}");
    });

    suite.fresh("a_signal_ends_the_wait_for_a_lock", |m| {
        let key = key("a");
        // A lock of the keys, and one of the account files that names a process which is alive.
        let interrupted = "echo ada:x:1234:1234::/home/ada:/bin/sh >>/etc/passwd; echo ada:x:1234: >>/etc/group; \
                           ln -s ada /etc/.useradd-ada.cci; printf 1 >/etc/shadow.lock";
        let holder = m.start(&["flock", "/home/core/.authorized_keys.d.lock", "sleep", "60"]);
        for (prepare, config) in [
            ("true", format!("#cloud-config\nssh_authorized_keys: ['{key}']\n")),
            (interrupted, "#cloud-config\nusers: [{name: ada}]\n".to_owned()),
        ] {
            m.sh(prepare);
            m.put("/root/x", &config);
            let run = m.program(&["--from-file=/root/x"]).start();
            thread::sleep(Duration::from_secs(2));
            m.sh("pkill -TERM -x coreos-cloudini");
            let run = run.finish(Duration::from_secs(20)).fails().says(&["lock", "stopped by a signal"]);
            assert!(run.took < Duration::from_secs(6), "{run}");
        }
        holder.signal(Signal::SIGKILL);
    });

    suite.fresh("a_signal_ends_the_wait_for_a_tool", |m| {
        m.sh("rm /usr/sbin/useradd; install -m 755 /dev/null /usr/sbin/useradd");
        m.put("/usr/sbin/useradd", "#!/bin/sh\ntouch /run/begun; sleep 100\n");
        m.put("/root/x", "#cloud-config\nusers: [{name: slow}]\n");
        let run = m.program(&["--from-file=/root/x"]).start();
        m.sh("until test -e /run/begun; do sleep 0.1; done; pkill -TERM -x coreos-cloudini");
        let run = run.finish(Duration::from_secs(40)).fails().says(&["useradd"]);
        assert!(run.took < Duration::from_secs(30), "{run}");
    });

    suite.fresh("signals_that_the_caller_blocks_or_ignores_work", |m| {
        let hang = "#cloud-config\ncoreos:\n  units:\n    - {name: hang.service, command: start, content: \"[Service]\\nType=oneshot\\nExecStart=/bin/sleep infinity\"}\nusers: [{name: child}]\n";
        m.put("/root/hang", hang);
        let perl = "use POSIX; sigprocmask(SIG_BLOCK, POSIX::SigSet->new(SIGTERM)); $SIG{CHLD} = 'IGNORE'; \
                    exec @ARGV";
        let run = m.start(&["perl", "-e", perl, PROGRAM_INSIDE, "--from-file=/root/hang"]);
        m.sh("until systemctl show -p ActiveState hang.service | grep -q activating; do sleep 0.1; done; \
              pkill -TERM -x coreos-cloudini");
        let run = run.finish(Duration::from_secs(20)).fails();
        assert!(!run.timed_out, "{run}");
        assert!(m.exists("/home/child"), "{run}");
    });

    suite.fresh("each_run_leaves_a_record_of_its_own", |m| {
        let config =
            "write_files: [{path: /etc/recorded, content: hidden-content}, {path: /etc/bad, owner: nosuchuser}]";
        m.apply(config).fails();
        let names = m.names("/run/coreos-cloudinit");
        assert_eq!(m.mode("/run/coreos-cloudinit"), 0o700);
        assert!(!names.is_empty());
        let text = m.sh("find /run/coreos-cloudinit -type f -size +0 -exec cat {} +");
        assert!(text.contains("/etc/recorded") && text.contains("nosuchuser"), "{text}");
        assert!(!text.contains("hidden-content"), "{text}");
        let modes = m.sh("find /run/coreos-cloudinit -type f -printf '%m\\n' | sort -u");
        assert_eq!(modes, "600");
    });

    suite.fresh("status_shows_the_end_of_each_run_to_root_alone", |m| {
        m.run(&[PROGRAM_INSIDE, "--status"]).ok().says(&["no runs recorded since boot"]);
        m.apply("write_files: [{path: /etc/well, content: x}]").ok();
        m.apply("hostname: [a]\nwrite_files: [{path: /etc/bad, owner: nosuchuser}, {path: etc/b, encoding: x}]")
            .fails();
        let status = m.run(&[PROGRAM_INSIDE, "--status"]).ok();
        let lines: Vec<_> = status.stdout.lines().collect();
        assert!(lines[0].contains("/tmp/user-data  done (") && lines[1] == "  1 done, 0 unchanged", "{status}");
        assert!(lines[3].contains("/tmp/user-data  failed ("), "{status}");
        status.says(&[
            "  error: /tmp/user-data:2:11: ",
            "[wrong-type] at hostname",
            "  ! /tmp/user-data:3:15: failed to write /etc/bad: ",
            "nosuchuser",
            "  ! /tmp/user-data:3:52: not applied: file etc/b",
        ]);
        let json = m.run(&[PROGRAM_INSIDE, "--status", "--format=json"]).ok().stdout;
        let json: serde_json::Value = serde_json::from_str(&json).unwrap();
        let runs = json["runs"].as_array().unwrap();
        assert_eq!(runs.iter().map(|run| run["failed"].as_bool()).collect::<Vec<_>>(), [Some(false), Some(true)]);
        assert_eq!(runs[1]["parts"][0]["findings"][0]["path"], "hostname");
        // Another user gets the reason, and JSON all the same.
        let ordinary = ["setpriv", "--reuid=500", "--regid=500", "--clear-groups", "coreos-cloudinit", "--status"];
        let refused = m.run(&ordinary).fails().says(&["needs root privileges"]);
        assert_eq!(refused.stdout, "");
        let json = m.run(&[&ordinary[..], &["--format=json"]].concat()).fails().stdout;
        let json: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert!(json["failures"][0].as_str().unwrap().contains("needs root privileges"), "{json}");
        // A record that is broken is named, and hides no other.
        m.put("/run/coreos-cloudinit/broken.json", "{");
        let status = m.run(&[PROGRAM_INSIDE, "--status"]).fails();
        assert_eq!(status.stdout.lines().filter(|line| line.contains("/tmp/user-data  ")).count(), 2, "{status}");
        status.says(&["failed to parse /run/coreos-cloudinit/broken.json"]);
    });

    suite.fresh("without_systemd_files_and_accounts_are_still_made", |m| {
        // In a namespace where the bus cannot be reached.
        m.put(
            "/tmp/busless",
            "#cloud-config\nhostname: busless\nusers: [{name: busless}]\nwrite_files: [{path: /etc/busless, content: x}]\n\
             coreos: {units: [{name: etcd.service, command: start}]}\n",
        );
        let line = "mount -t tmpfs tmpfs /run/dbus && exec /usr/bin/coreos-cloudinit --from-file=/tmp/busless";
        m.run_for(&["unshare", "--mount", "sh", "-c", line], Duration::from_secs(120)).fails().says(&["etcd.service"]);
        assert_eq!(m.text("/etc/busless"), "x");
        assert!(m.passwd("busless").is_some());
        assert_eq!(m.text("/etc/hostname"), "busless\n");
    });
}
