//! The testbed itself: a case can trust its results.

use std::time::Duration;

use crate::testbed::{Boot, Suite, release};

pub fn cases(suite: &mut Suite) {
    suite.shared("machine_is_as_promised", |m| {
        assert_eq!(m.sh("hostname"), "bed");
        assert_eq!(m.sh("id -u core; id -g core; id -u etcd").replace('\n', " "), "500 500 232");
        assert_eq!(m.passwd("core").unwrap()[5..], ["/home/core", "/bin/bash"]);
        for group in ["wheel", "docker", "rkt", "fleet", "systemd-journal", "sudo"] {
            assert_eq!(m.members(group), Some(vec![]), "{group}");
        }
        for unit in ["etcd", "etcd2", "etcd-member", "fleet", "flanneld", "locksmithd", "update-engine", "docker"] {
            let seen = m.show(&format!("{unit}.service"), &["ActiveState", "LoadState", "UnitFileState"]);
            assert_eq!(seen.into_values().collect::<Vec<_>>(), ["inactive", "loaded", "disabled"], "{unit}");
        }
        assert_eq!(m.property("systemd-networkd.service", "LoadState"), "loaded");
        assert!(m.text("/usr/share/coreos/update.conf").starts_with("GROUP=stable\n"));
        assert_eq!(m.sh("systemctl is-system-running"), "running");
        assert!(m.sh("systemctl --version").starts_with(&format!("systemd {} ", release::systemd())));
        assert!(m.sh("cat /etc/os-release").contains(&format!("VERSION_CODENAME={}", release::name())));
    });

    suite.fresh("files_are_seen_as_they_are", |m| {
        m.sh("printf hello > /run/a; chown 500:232 /run/a; chmod 4750 /run/a; ln -s /etc/hostname /run/b");
        m.is_file("/run/a", "hello", 0o4750, (500, 232));
        assert_eq!(m.link("/run/b").as_deref(), Some("/etc/hostname"));
        assert_eq!(m.link("/run/a"), None);
        // A directory that is a link leads to the machine's own, not to the host's.
        m.put("/var/run/c", "inside");
        assert_eq!(m.text("/run/c"), "inside");
        m.absent("/run/d");
    });

    suite.shared("a_command_that_hangs_is_killed", |m| {
        let output = m.run_for(&["sh", "-c", "echo before; sleep 987 & sleep 987"], Duration::from_secs(1));
        assert!(output.timed_out);
        assert_eq!(output.stdout, "before\n");
        assert_eq!(m.sh("pgrep -fc '^sleep 987' || true"), "0");
    });

    suite.fresh("talking_to_systemd_writes_nothing", |m| {
        m.sh("systemctl start docker.service");
        m.untouched(|| {
            m.sh(
                "systemctl is-active docker.service; systemctl restart docker.service etcd.service; hostnamectl status",
            );
            m.sh("systemd-run --wait --quiet true");
        });
    });

    suite.fresh("a_write_is_noticed", |m| {
        let before = m.snapshot();
        m.sh("touch -c /etc/hosts; cp /etc/hostname /etc/new; mv /etc/new /etc/hostname; touch /run/systemd/system/x.service");
        let seen = before.differences(&m.snapshot()).join("\n");
        for path in ["touched: /etc/hosts", "touched: /etc/hostname", "new: /run/systemd/system/x.service"] {
            assert!(seen.contains(path), "{path} is not in\n{seen}");
        }
    });

    suite.fresh("a_reload_is_noticed", |m| {
        let before = m.last_reload();
        m.sh("systemctl start docker.service");
        assert_eq!(m.last_reload(), before);
        m.sh("systemctl daemon-reload");
        let once = m.last_reload();
        assert_ne!(once, before);
        m.sh("systemctl daemon-reload");
        assert_ne!(m.last_reload(), once);
    });

    let unit =
        "[Service]\nType=oneshot\nExecStart=/bin/cp /etc/given /run/seen\n[Install]\nWantedBy=multi-user.target\n";
    let options = Boot::default()
        .file_mode("/etc/given", "from before", 0o600)
        .file("/etc/systemd/system/early.service", unit)
        .link("/etc/systemd/system/multi-user.target.wants/early.service", "/etc/systemd/system/early.service");
    suite.boot("files_can_be_there_before_it_boots", options, |m| {
        m.is_file("/run/seen", "from before", 0o600, (0, 0));
    });

    suite.fresh("machines_with_units_of_one_name_do_not_disturb_each_other", |m| {
        let other = Boot::default().boot();
        m.sh("systemctl start docker.service");
        other.sh("systemctl start docker.service; systemctl stop docker.service");
        assert_eq!(m.active("docker.service"), "active");
        assert_eq!(other.active("docker.service"), "inactive");
    });

    suite.shared("logged_lines_are_found", |m| {
        let cursor = m.sh("logger --tag coreos-cloudinit 'a line of ours'");
        assert_eq!(cursor, "");
        let found = m.journal().iter().any(|entry| entry["MESSAGE"] == "a line of ours");
        assert!(found, "the line is not in the journal");
        assert!(m.whole_journal().contains("MESSAGE=a line of ours"));
    });
}
