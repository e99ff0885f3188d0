//! Unit commands: reloads, jobs and how they end.

use std::fmt::Write as _;
use std::time::Duration;

use crate::testbed::{Machine, Suite};

/// A unit with a name and an `ExecStart`, as an entry of `coreos.units`.
fn unit(name: &str, start: &str, rest: &str) -> String {
    format!(
        "- {{name: {name}, content: \"[Service]\\nType=oneshot\\nRemainAfterExit=yes\\nExecStart={start}\", {rest}}}\n"
    )
}

fn units(entries: &[String]) -> String {
    format!("coreos:\n  units:\n{}", entries.iter().fold(String::new(), |text, entry| text + "  " + entry))
}

/// When a unit was last started, to compare.
fn started(m: &Machine, name: &str) -> u64 {
    m.property(name, "ActiveEnterTimestampMonotonic").parse().unwrap()
}

pub fn cases(suite: &mut Suite) {
    suite.shared("every_command", |m| {
        let text = "[Service]\nExecStart=/bin/sleep infinity\nExecReload=/bin/touch /run/%p-reloaded\n";
        let runs = ["stop", "restart", "reload", "try-restart", "reload-or-restart", "reload-or-try-restart"];
        let rests = ["start", "stop", "restart", "try-restart", "reload-or-restart", "reload-or-try-restart"];
        let mut config = "coreos:\n  units:\n".to_owned();
        for (state, commands) in [("runs", runs), ("rests", rests)] {
            for command in commands {
                let name = format!("{state}-{command}.service");
                m.put(&format!("/etc/systemd/system/{name}"), text);
                let _ = writeln!(config, "  - {{name: {name}, command: {command}}}");
            }
        }
        m.sh("systemctl daemon-reload; cd /etc/systemd/system; systemctl start runs-*.service");
        let before: Vec<_> = runs.iter().map(|command| m.invocation(&format!("runs-{command}.service"))).collect();
        m.apply(&config).ok();
        for (command, before) in runs.iter().zip(before) {
            let name = format!("runs-{command}.service");
            let expected = if *command == "stop" { "inactive" } else { "active" };
            assert_eq!(m.active(&name), expected, "{name}");
            assert_eq!(m.invocation(&name) == before, command.contains("reload"), "{name} was started again, or not");
            assert_eq!(m.exists(&format!("/run/runs-{command}-reloaded")), command.contains("reload"), "{name}");
        }
        for command in rests {
            let name = format!("rests-{command}.service");
            let expected =
                if ["start", "restart", "reload-or-restart"].contains(&command) { "active" } else { "inactive" };
            assert_eq!(m.active(&name), expected, "{name}");
        }
        m.sh("rm /etc/systemd/system/runs-* /etc/systemd/system/rests-*");
    });

    suite.shared("commands_run_in_order_each_after_the_one_before_has_ended", |m| {
        let slow = "/bin/sh -c 'sleep 1; echo slow >> /run/order'";
        let config = units(&[
            unit("order-slow.service", slow, "command: start"),
            unit("order-fast.service", "/bin/sh -c 'echo fast >> /run/order'", "command: start"),
        ]);
        m.apply(&config).ok();
        assert_eq!(m.text("/run/order"), "slow\nfast\n");
        assert!(started(m, "order-fast.service") > started(m, "order-slow.service"));
    });

    suite.shared("a_unit_that_fails_fails_the_run_and_the_next_command_runs", |m| {
        let config = units(&[
            unit("job-bad.service", "/bin/false", "command: start"),
            unit("job-good.service", "/bin/true", "command: start"),
        ]);
        m.apply(&config).fails().says(&["job-bad.service"]);
        assert_eq!(m.active("job-bad.service"), "failed");
        assert_eq!(m.active("job-good.service"), "active");
        m.sh("systemctl reset-failed");
    });

    suite.shared("a_unit_that_does_not_exist_fails_the_run_alone", |m| {
        let config = units(&[
            "- {name: job-nowhere.service, command: start}\n".to_owned(),
            "- {name: job-nowhere.service, enable: true}\n".to_owned(),
            unit("job-somewhere.service", "/bin/true", "command: start"),
        ]);
        m.apply(&config).fails().says(&["job-nowhere.service"]);
        assert_eq!(m.active("job-somewhere.service"), "active");
    });

    suite.shared("a_dependency_that_fails_fails_the_run", |m| {
        m.put(
            "/etc/systemd/system/job-needs.service",
            "[Unit]\nRequires=job-needed.service\nAfter=job-needed.service\n[Service]\nExecStart=/bin/sleep 100\n",
        );
        m.put("/etc/systemd/system/job-needed.service", "[Service]\nType=oneshot\nExecStart=/bin/false\n");
        m.apply("coreos: {units: [{name: job-needs.service, command: start}]}").fails().says(&["job-needs.service"]);
        m.sh("systemctl reset-failed");
    });

    suite.shared("a_unit_whose_condition_is_not_met_is_no_failure", |m| {
        m.put(
            "/etc/systemd/system/job-unmet.service",
            "[Unit]\nConditionPathExists=/nowhere\n[Service]\nExecStart=/bin/sleep 100\n",
        );
        m.apply("coreos: {units: [{name: job-unmet.service, command: start}]}").ok();
        assert_eq!(m.active("job-unmet.service"), "inactive");
    });

    suite.shared("a_command_that_nobody_knows_is_refused_alone", |m| {
        let config = units(&[
            unit("job-verb.service", "/bin/true", "command: launch"),
            unit("job-verb-good.service", "/bin/true", "command: start"),
        ]);
        m.apply(&config).fails().says(&["bad-command"]);
        assert!(m.exists("/etc/systemd/system/job-verb.service"));
        assert_eq!(m.active("job-verb.service"), "inactive");
        assert_eq!(m.active("job-verb-good.service"), "active");
    });

    suite.shared("a_command_on_a_unit_that_could_not_be_placed_is_left_out", |m| {
        m.sh("mkdir /etc/systemd/system/job-blocked.service; systemctl daemon-reload");
        let config =
            units(&[unit("job-blocked.service", "/bin/touch /run/job-blocked", "command: start, enable: true")]);
        m.apply(&config).fails().says(&["job-blocked.service"]);
        m.absent("/run/job-blocked");
        m.sh("rmdir /etc/systemd/system/job-blocked.service");
    });

    suite.fresh("a_unit_that_hangs_is_left_queued_with_a_warning", |m| {
        let config = units(&[
            unit("hangs.service", "/bin/sleep infinity", "command: start"),
            unit("after.service", "/bin/true", "command: start"),
        ]);
        let run = m.apply_with(&config, &["--job-timeout=2"], &[]).says(&["hangs.service"]);
        assert!(run.took > Duration::from_secs(1) && run.took < Duration::from_secs(20), "{:?}", run.took);
        assert_eq!(m.active("hangs.service"), "activating");
        assert_eq!(m.active("after.service"), "active");
    });

    suite.fresh("the_deadline_of_the_run_ends_every_wait", |m| {
        let config = units(&[
            unit("hangs1.service", "/bin/sleep infinity", "command: start"),
            unit("hangs2.service", "/bin/sleep infinity", "command: start"),
        ]);
        let run = m.apply_with(&config, &["--deadline=4", "--job-timeout=3"], &[]);
        assert!(run.took < Duration::from_secs(20), "{:?}", run.took);
        assert!(!run.timed_out);
    });

    suite.fresh("a_job_that_waits_for_the_service_of_the_run_is_not_waited_for", |m| {
        let config = units(&[
            "- {name: waits.service, command: start, content: \"[Unit]\\nAfter=outer.service\\n[Service]\\nExecStart=/bin/sleep infinity\"}\n".to_owned(),
            // It waits for the run through another job.
            "- {name: indirect.service, command: start, content: \"[Unit]\\nAfter=waits.service\\n[Service]\\nExecStart=/bin/sleep infinity\"}\n".to_owned(),
            unit("waits-not.service", "/bin/true", "command: start"),
        ]);
        m.put("/tmp/waits", format!("#cloud-config\n{config}"));
        m.put(
            "/etc/systemd/system/outer.service",
            "[Service]\nType=oneshot\nExecStart=/usr/bin/coreos-cloudinit --from-file=/tmp/waits\n",
        );
        let run = m.run(&["systemctl", "start", "outer.service"]).ok();
        assert!(run.took < Duration::from_secs(20), "{:?}", run.took);
        m.sh("until systemctl is-active indirect.service; do sleep 0.1; done");
        for name in ["waits.service", "waits-not.service"] {
            assert_eq!(m.active(name), "active", "{name}");
        }
    });

    suite.fresh("four_hundred_jobs_of_others_meanwhile", |m| {
        m.put("/etc/systemd/system/other@.service", "[Service]\nType=oneshot\nExecStart=/bin/true\n");
        m.sh("systemctl daemon-reload");
        let storm = "for i in $(seq 400); do systemctl start --no-block other@$i.service & done; wait";
        let storm = m.start(&["sh", "-c", storm]);
        let names: Vec<_> = (0..5).map(|number| format!("storm{number}.service")).collect();
        let entries: Vec<_> = names.iter().map(|name| unit(name, "/bin/sleep 0.3", "command: start")).collect();
        m.apply(&units(&entries)).ok();
        for name in &names {
            assert_eq!(m.active(name), "active", "{name}");
        }
        storm.finish(Duration::from_secs(120));
    });

    suite.fresh("a_changed_drop_in_of_a_unit_that_runs_counts_at_its_restart", |m| {
        m.sh("systemctl start docker.service");
        let reload = m.last_reload();
        let config = "coreos: {units: [{name: docker.service, command: restart, drop_ins: [{name: a.conf, content: \"[Service]\\nEnvironment=A=b\"}]}]}";
        m.apply(config).ok();
        assert_ne!(m.last_reload(), reload);
        let main = m.property("docker.service", "MainPID");
        assert_eq!(m.sh(&format!("tr '\\0' '\\n' < /proc/{main}/environ | grep ^A=")), "A=b");
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
    });

    suite.fresh("a_mask_on_a_unit_that_runs_is_known_at_once", |m| {
        m.sh("systemctl start docker.service");
        m.apply("coreos: {units: [{name: docker.service, mask: true, command: stop}]}").ok();
        let seen = m.show("docker.service", &["ActiveState", "LoadState", "NeedDaemonReload"]);
        assert_eq!(seen.into_values().collect::<Vec<_>>(), ["inactive", "masked", "no"]);
    });

    suite.fresh("a_failed_enable_costs_itself_alone", |m| {
        let config = units(&[
            "- {name: enable-nowhere.service, enable: true}\n".to_owned(),
            unit("enable-good.service", "/bin/true", "command: start"),
        ]);
        m.apply(&config).fails().says(&["enable-nowhere.service"]);
        assert_eq!(m.active("enable-good.service"), "active");
    });
}
