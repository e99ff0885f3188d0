//! The run as a whole: what fails, what still happens, what a second run does, two runs at once.

use std::thread;
use std::time::Duration;

use nix::sys::signal::Signal;

use super::keys::key;
use crate::testbed::{PROGRAM_INSIDE, Suite};

const KEYS: &str = "/home/core/.ssh/authorized_keys.d/coreos-cloudinit";

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
    suite.fresh("a_second_run_writes_nothing_reloads_nothing_restarts_nothing", |m| {
        let environment = [("COREOS_PUBLIC_IPV4", "203.0.113.9")];
        m.apply_with(&everything(), &[], &environment).ok();
        assert_eq!(m.text("/etc/environment"), "COREOS_PUBLIC_IPV4=203.0.113.9\n");
        let state = || (m.last_reload(), m.invocation("systemd-networkd.service"), m.invocation("everything.service"));
        let before = state();
        m.untouched(|| m.apply_with(&everything(), &[], &environment).ok());
        assert_eq!(state(), before);
    });

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

    suite.fresh("each_failure_costs_itself_alone", |m| {
        let config = format!(
            r"
            hostname: still-set
            ssh_authorized_keys: ['{}']
            users:
              - {{name: bad, groups: [nosuchgroup]}}
              - {{name: good}}
            write_files:
              - {{path: /etc/bad1, permissions: rwx}}
              - {{path: /etc/bad2, encoding: b64, content: '***'}}
              - {{path: /etc/bad3, owner: nosuchuser}}
              - {{path: /etc/good, content: x, owner: good}}
            coreos:
              update: {{reboot_strategy: sometimes}}
              oem: {{id: good}}
              units:
                - {{name: bad.service, command: sometimes}}
                - {{name: bad2.service, command: start}}
                - {{name: etcd.service, command: start}}
            ",
            key("a")
        );
        m.apply(&config).fails();
        assert_eq!(m.sh("hostname"), "still-set");
        assert_eq!(m.text(KEYS), key("a") + "\n");
        assert_eq!((m.passwd("bad").is_some(), m.passwd("good").is_some()), (false, true));
        for path in ["/etc/bad1", "/etc/bad2", "/etc/bad3", "/etc/coreos/update.conf"] {
            m.absent(path);
        }
        assert_eq!(m.text("/etc/good"), "x");
        assert!(m.exists("/etc/oem-release"));
        assert_eq!(m.active("etcd.service"), "active");
    });

    suite.fresh("ignore_failure_changes_the_exit_code_alone", |m| {
        let config = "write_files: [{path: /etc/bad, permissions: rwx}, {path: /etc/good}]";
        m.apply_with(config, &["--ignore-failure"], &[]).ok().says(&["/etc/bad"]);
        assert!(m.exists("/etc/good"));
    });

    suite.fresh("access_comes_before_an_error_further_down", |m| {
        let text = format!(
            "#cloud-config\nhostname: reached\nssh_authorized_keys:\n  - {}\nwrite_files:\n  - path: [unclosed\n\tcontent: x\n",
            key("a")
        );
        m.apply(&text).fails().says(&["syntax"]).hides(&["unclosed"]);
        assert_eq!(m.sh("hostname"), "reached");
        assert_eq!(m.text(KEYS), key("a") + "\n");
    });

    suite.fresh("access_that_comes_after_the_error_does_not_count", |m| {
        let text = format!(
            "#cloud-config\nhostname: reached\nwrite_files: [{{path: /etc/x}}\nssh_authorized_keys:\n  - {}\n",
            key("a")
        );
        m.apply(&text).fails();
        m.absent("/etc/x");
        m.absent(KEYS);
    });

    suite.fresh("strict_is_all_or_nothing", |m| {
        let good = format!("hostname: strict\nssh_authorized_keys: ['{}']\nwrite_files: [{{path: /etc/a}}]", key("a"));
        let bad = format!("{good}\nusers: [{{name: ok}}, {{name: 'b:d'}}]\n");
        let snapshot = m.snapshot();
        m.apply_with(&bad, &["--strict"], &[]).fails();
        assert_eq!(m.sh("hostname"), "bed");
        let written = snapshot.differences(&m.snapshot());
        assert!(written.is_empty(), "{written:?}");
        m.apply_with(&good, &["--strict"], &[]).ok();
        assert_eq!(m.sh("hostname"), "strict");
        assert!(m.exists("/etc/a") && m.exists(KEYS));
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

    suite.fresh("each_run_leaves_a_record_that_is_nobody_elses", |m| {
        let config =
            "write_files: [{path: /etc/recorded, content: hidden-content}, {path: /etc/bad, owner: nosuchuser}]";
        m.apply(config).fails();
        let names = m.names("/run/coreos-cloudinit");
        assert!(!names.is_empty());
        let text = m.sh("find /run/coreos-cloudinit -type f -size +0 -exec cat {} +");
        assert!(text.contains("/etc/recorded") && text.contains("nosuchuser"), "{text}");
        assert!(!text.contains("hidden-content"), "{text}");
        let modes = m.sh("find /run/coreos-cloudinit -type f -printf '%m\\n' | sort -u");
        assert_eq!(modes, "600");
        let status = m.run(&[PROGRAM_INSIDE, "--status"]).ok();
        assert!(status.stdout.contains("nosuchuser"), "{status}");
        let json = m.run(&[PROGRAM_INSIDE, "--status", "--format=json"]).ok().stdout;
        assert!(serde_json::from_str::<serde_json::Value>(&json).is_ok(), "{json}");
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
