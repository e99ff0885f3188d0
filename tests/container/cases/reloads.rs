//! The daemon-reloads: once if needed, and otherwise never.

use std::fmt::Write as _;
use std::time::Duration;

use super::jobs::{unit, units};
use crate::testbed::{Machine, Suite};

/// Returns the number of daemon-reloads.
fn reloads(m: &Machine) -> usize {
    m.sh("journalctl --sync; journalctl --quiet --output=cat _PID=1 | grep -c '^Reloading[.]' || true").parse().unwrap()
}

/// A unit that stays active, with a setting that distinguishes its versions.
fn version(name: &str, value: &str) -> String {
    format!(
        "- {{name: {name}, command: restart, content: \"[Service]\\nEnvironment=V={value}\\nExecStart=/bin/sleep infinity\"}}\n"
    )
}

pub fn cases(suite: &mut Suite) {
    suite.fresh("a_changed_drop_in_of_a_unit_that_runs_counts_at_its_restart", |m| {
        m.sh("systemctl start docker.service");
        let reload = m.last_reload();
        let config = "coreos: {units: [{name: docker.service, command: restart, drop_ins: [{name: a.conf, content: \"[Service]\\nEnvironment=A=b\"}]}]}";
        m.apply(config).ok();
        assert_ne!(m.last_reload(), reload);
        assert_eq!(m.variables("docker.service", "A="), ["A=b"]);
    });

    suite.fresh("a_link_into_a_unit_that_is_loaded_counts_at_its_start", |m| {
        // docker is loaded, though it does not run.
        m.sh("systemctl start docker.socket");
        let config = units(&[
            "- {name: sidecar.service, enable: true, content: \"[Service]\\nExecStart=/bin/sleep infinity\\n[Install]\\nWantedBy=docker.service\"}\n".to_owned(),
            "- {name: docker.service, command: start}\n".to_owned(),
        ]);
        m.apply(&config).ok();
        assert_eq!(m.active("sidecar.service"), "active");
    });

    suite.fresh("units_that_systemd_has_not_loaded_need_no_reload", |m| {
        let reload = m.last_reload();
        m.apply(&units(&[unit("unloaded.service", "/bin/true", "command: start")])).ok();
        assert_eq!(m.last_reload(), reload);
        assert_eq!(m.active("unloaded.service"), "active");
        // Nor does the first drop-in of one whose file has long been there.
        m.put("/etc/systemd/system/known.service", "[Service]\nExecStart=/bin/sleep infinity\n");
        m.sh("systemctl daemon-reload");
        let before = reloads(m);
        m.apply("coreos: {units: [{name: known.service, command: start, drop_ins: [{name: a.conf, content: \"[Service]\\nEnvironment=A=b\"}]}]}").ok();
        assert_eq!((reloads(m), m.property("known.service", "Environment")), (before, "A=b".into()));
    });

    suite.fresh("a_mask_on_a_unit_that_runs_is_known_at_once", |m| {
        m.sh("systemctl start docker.service");
        m.apply("coreos: {units: [{name: docker.service, mask: true, command: stop}]}").ok();
        let seen = m.show("docker.service", &["ActiveState", "LoadState", "NeedDaemonReload"]);
        assert_eq!(seen.into_values().collect::<Vec<_>>(), ["inactive", "masked", "no"]);
    });

    suite.fresh("a_changed_file_of_a_unit_that_is_loaded_is_one_reload", |m| {
        m.apply(&units(&[version("v.service", "1")])).ok();
        assert_eq!(reloads(m), 0);
        m.apply(&units(&[version("v.service", "2")])).ok();
        assert_eq!(reloads(m), 1);
        assert_eq!(m.property("v.service", "Environment"), "V=2");
        m.apply(&units(&[version("v.service", "2")])).ok();
        assert_eq!(reloads(m), 1);
    });

    suite.fresh("many_changes_are_one_reload", |m| {
        m.sh("systemctl start docker.service etcd.service fleet.service");
        let drop_in = "drop_ins: [{name: a.conf, content: \"[Service]\\nEnvironment=A=b\"}]";
        let config = units(&["docker", "etcd", "fleet"].map(|name| format!("- {{name: {name}.service, {drop_in}}}\n")));
        m.apply(&config).ok();
        assert_eq!(reloads(m), 1);
        for name in ["docker", "etcd", "fleet"] {
            assert_eq!(m.property(&format!("{name}.service"), "Environment"), "A=b");
        }
        m.untouched(|| m.apply(&config).ok());
    });

    suite.fresh("a_mask_on_a_unit_that_runs_is_one_reload", |m| {
        m.sh("mkdir -p /etc/systemd/system/docker.service.d; printf '[Unit]\\n' > /etc/systemd/system/docker.service.d/a.conf");
        m.sh("systemctl start docker.service");
        let config = "coreos: {units: [{name: docker.service, mask: true}]}";
        m.apply(config).ok();
        assert_eq!((reloads(m), m.property("docker.service", "LoadState")), (1, "masked".into()));
        m.untouched(|| m.apply(config).ok());
        assert_eq!(reloads(m), 1);
    });

    suite.fresh("a_unit_that_was_referenced_before_it_existed_is_started", |m| {
        m.put(
            "/etc/systemd/system/names.service",
            "[Unit]\nWants=named.service\n[Service]\nExecStart=/bin/sleep infinity\n",
        );
        m.sh("systemctl start names.service");
        assert_eq!(m.property("named.service", "LoadState"), "not-found");
        m.apply(&units(&[unit("named.service", "/bin/true", "command: start")])).ok();
        assert_eq!(m.active("named.service"), "active");
    });

    suite.fresh("a_template_is_reread_for_the_instances_that_are_loaded", |m| {
        let config = |value: &str| {
            let text = format!("[Service]\\nEnvironment=V={value}\\nExecStart=/bin/sleep infinity");
            units(&[
                format!("- {{name: t@.service, content: \"{text}\"}}\n"),
                "- {name: t@1.service, command: restart}\n".to_owned(),
            ])
        };
        m.apply(&config("1")).ok();
        assert_eq!((reloads(m), m.property("t@1.service", "Environment")), (0, "V=1".into()));
        m.apply(&config("2")).ok();
        assert_eq!((reloads(m), m.property("t@1.service", "Environment")), (1, "V=2".into()));
        m.untouched(|| m.apply(&config("2")).ok());
    });

    // A unit that was loaded before its drop-in was written is reloaded; a unit that is loaded later needs nothing.
    suite.fresh("a_unit_that_is_loaded_while_its_drop_in_is_written_is_reloaded", |m| {
        m.put("/etc/systemd/system/late.service", "[Service]\nExecStart=/bin/sleep infinity\n");
        let pin = "[Unit]\nAfter=late.service\n[Service]\nExecStart=/bin/sleep infinity\n";
        m.put("/etc/systemd/system/pin.service", pin);
        m.sh("systemctl daemon-reload");
        let before = reloads(m);
        // So many files leave time between the first of them and the drop-in.
        let files = (0..2000).fold(String::new(), |mut files, n| {
            let _ = writeln!(files, "- {{path: /srv/many/{n}, content: x}}");
            files
        });
        let drop_in = "{name: late.service, command: start, drop_ins: [{name: a.conf, content: \"[Service]\\nEnvironment=A=b\"}]}";
        let waiter = "until test -e /srv/many/0; do :; done; systemctl start pin.service; test ! -e /etc/systemd/system/late.service.d/a.conf";
        let waiter = m.start(&["sh", "-c", waiter]);
        m.apply(&format!("write_files:\n{files}coreos: {{units: [{drop_in}]}}\n")).ok();
        waiter.finish(Duration::from_secs(30)).ok();
        assert_eq!(m.property("late.service", "Environment"), "A=b");
        assert_eq!(reloads(m) - before, 1);
    });

    suite.fresh("a_drop_in_for_all_services_is_one_reload", |m| {
        m.sh("systemctl start docker.service");
        let config = "coreos: {units: [{name: service, drop_ins: [{name: a.conf, content: \"[Service]\\nEnvironment=ALL=x\"}]}]}";
        m.apply(config).ok();
        assert_eq!((reloads(m), m.property("docker.service", "Environment")), (1, "ALL=x".into()));
        m.untouched(|| m.apply(config).ok());
        assert_eq!(reloads(m), 1);
    });

    suite.fresh("a_link_for_a_target_that_does_not_exist_is_made_once", |m| {
        let text = "[Service]\\nExecStart=/bin/true\\n[Install]\\nWantedBy=user-config.target";
        let config = units(&[format!("- {{name: early.service, enable: true, content: \"{text}\"}}\n")]);
        m.apply(&config).ok();
        assert!(m.exists("/etc/systemd/system/user-config.target.wants/early.service"));
        let before = reloads(m);
        m.untouched(|| m.apply(&config).ok());
        assert_eq!(reloads(m), before);
    });
}
