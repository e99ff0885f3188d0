//! The longest wait for a job, and events during the wait.

use std::thread;
use std::time::Duration;

use super::jobs::{unit, units};
use crate::testbed::machine::wait_for;
use crate::testbed::{Machine, Suite};

/// A unit that starts `after` another, and stays.
fn after(name: &str, after: &str) -> String {
    format!(
        "- {{name: {name}, command: start, content: \"[Unit]\\nAfter={after}\\n[Service]\\nExecStart=/bin/sleep infinity\"}}\n"
    )
}

/// Runs the program on `config` as `outer.service`, which other units can wait for; returns the duration.
fn outer(m: &Machine, config: &str) -> Duration {
    m.put("/tmp/outer", format!("#cloud-config\n{config}"));
    let text = "[Service]\nType=oneshot\nExecStart=/usr/bin/coreos-cloudinit --from-file=/tmp/outer\n";
    m.put("/etc/systemd/system/outer.service", text);
    m.run(&["systemctl", "start", "outer.service"]).ok().took
}

/// Waits until a unit is active.
#[track_caller]
fn becomes_active(m: &Machine, unit: &str) {
    assert!(wait_for(Duration::from_secs(30), || m.active(unit) == "active"), "{unit}\n{}", m.whole_log());
}

pub fn cases(suite: &mut Suite) {
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
        assert!(run.took > Duration::from_secs(3) && run.took < Duration::from_secs(20), "{:?}", run.took);
        assert_eq!(m.active("hangs1.service"), "activating");
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
        let log = m.whole_log();
        assert!(log.contains("it waits for outer.service, which runs this program"), "{log}");
    });

    suite.fresh("four_hundred_jobs_of_other_units_do_not_disturb_a_wait", |m| {
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

    suite.fresh("a_job_that_waits_for_us_through_other_units_is_not_waited_for", |m| {
        m.put("/etc/systemd/system/mid.target", "[Unit]\nAfter=outer.service\n");
        m.put(
            "/etc/systemd/system/mid.service",
            "[Unit]\nAfter=outer.service\n[Service]\nType=oneshot\nExecStart=/bin/true\n",
        );
        m.sh("systemctl daemon-reload");
        let config = units(&[
            "- {name: mid.target, command: start}\n".to_owned(),
            after("child1.service", "outer.service"),
            after("child2.service", "mid.target"),
            "- {name: mid.service, command: start}\n".to_owned(),
            after("child3.service", "mid.service"),
        ]);
        assert!(outer(m, &config) < Duration::from_secs(20));
        for child in ["child1.service", "child2.service", "child3.service"] {
            becomes_active(m, child);
        }
    });

    suite.fresh("six_hundred_jobs_of_other_units_do_not_disturb_a_wait", |m| {
        m.put("/etc/systemd/system/other@.service", "[Service]\nType=oneshot\nExecStart=/bin/true\n");
        m.sh("systemctl daemon-reload");
        m.put(
            "/tmp/slow",
            format!("#cloud-config\n{}", units(&[unit("slow.service", "/bin/sleep 5", "command: start")])),
        );
        let run = m.program(&["--from-file=/tmp/slow"]).start();
        m.sh("systemctl start $(seq --format=other@%.0f.service 600)");
        let run = run.finish(Duration::from_secs(90));
        assert_eq!(run.code, 0, "{run}");
        assert!(run.took > Duration::from_secs(5) && run.took < Duration::from_secs(40), "{run}");
        assert_eq!(m.active("slow.service"), "active");
    });

    suite.fresh("a_job_is_followed_when_the_bus_dies", |m| {
        let config = units(&[
            unit("waiting.service", "/bin/sleep 4", "command: start"),
            unit("failing.service", "/bin/sh -c 'sleep 3; exit 1'", "command: start"),
            unit("later.service", "/bin/true", "command: start"),
        ]);
        m.put("/tmp/bus", format!("#cloud-config\n{config}"));
        let run = m.program(&["--from-file=/tmp/bus"]).start();
        m.sh("until systemctl show --property=ActiveState waiting.service | grep -q activating; do sleep 0.1; done");
        m.sh("systemctl kill --signal=KILL dbus.service");
        let run = run.finish(Duration::from_secs(60));
        assert_eq!(run.code, 1, "{run}");
        assert!(run.stderr.contains("failed to start failing.service"), "{run}");
        assert!(!run.stderr.contains("failed to start waiting.service"), "{run}");
        assert_eq!(m.active("waiting.service"), "active", "{run}");
        assert_eq!(m.active("later.service"), "active", "{run}");
    });

    suite.fresh("a_signal_ends_the_wait_and_the_run_fails", |m| {
        let config = units(&[
            unit("hang.service", "/bin/sleep infinity", "command: start"),
            unit("never.service", "/bin/true", "command: start"),
        ]);
        m.put("/tmp/hang", format!("#cloud-config\n{config}"));
        // A service that is stopped as in a shutdown: only the program gets the signal.
        let program = ["systemd-run", "--wait", "--unit=told", "/usr/bin/coreos-cloudinit", "--from-file=/tmp/hang"];
        let run = m.start(&program);
        m.sh("until systemctl show --property=ActiveState hang.service | grep -q activating; do sleep 0.1; done");
        thread::sleep(Duration::from_millis(300));
        m.sh("systemctl kill --signal=TERM told.service");
        let run = run.finish(Duration::from_secs(30));
        assert_eq!(run.code, 1, "{run}");
        let record = m.sh("cat /run/coreos-cloudinit/*");
        assert!(record.contains("hang.service"), "{record}");
        assert_eq!(m.active("never.service"), "inactive");
    });
}
