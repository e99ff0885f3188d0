//! Runs never hang: whatever a unit does, the run ends in bounded time, and reports the skipped steps.

use std::time::{Duration, Instant};

use super::jobs::{unit, units};
use crate::testbed::machine::wait_for;
use crate::testbed::{Boot, Machine, Suite};

/// The longest time of a run in these cases, even on a slow machine.
const SOON: Duration = Duration::from_secs(30);

/// A unit with all of its text.
fn whole(name: &str, text: &str, command: &str) -> String {
    format!("- {{name: {name}, command: {command}, content: \"{text}\"}}\n")
}

/// Starts the program on `config` as `outer.service`.
fn begin_outer(m: &Machine, config: &str, flags: &str) {
    m.put("/tmp/outer", format!("#cloud-config\nhostname: reached\n{config}"));
    let start = format!("/usr/bin/coreos-cloudinit --from-file=/tmp/outer {flags}");
    m.put("/etc/systemd/system/outer.service", format!("[Service]\nType=oneshot\nExecStart={start}\n"));
    m.sh("systemctl daemon-reload; systemctl start --no-block outer.service");
}

/// Waits until the run in `outer.service` has ended; how long that took.
#[track_caller]
fn outer_ends(m: &Machine) -> Duration {
    let began = Instant::now();
    let over = || matches!(m.active("outer.service").as_str(), "inactive" | "failed");
    assert!(wait_for(SOON, over), "the run does not end\n{}", m.whole_log());
    began.elapsed()
}

pub fn cases(suite: &mut Suite) {
    suite.fresh("jobs_that_do_not_end_are_left_one_by_one", |m| {
        // As they are found: running, and not to be stopped.
        for name in ["stubborn", "again"] {
            let text = "[Service]\nExecStart=/bin/sleep infinity\nExecStop=/bin/sleep infinity\nTimeoutStopSec=infinity\n";
            m.put(&format!("/etc/systemd/system/{name}.service"), text);
        }
        m.sh("systemctl daemon-reload; systemctl start stubborn.service again.service");
        let hangs = [
            unit("asks.service", "/bin/systemd-ask-password --timeout=0 password", "command: start"),
            whole("silent.service", r"[Service]\nType=notify\nExecStart=/bin/sleep infinity", "start"),
            whole(
                "device.service",
                r"[Unit]\nBindsTo=dev-never.device\nAfter=dev-never.device\n[Service]\nExecStart=/bin/true",
                "start",
            ),
            whole("queued.service", r"[Unit]\nAfter=asks.service\n[Service]\nExecStart=/bin/true", "start"),
            "- {name: stubborn.service, command: stop}\n".to_owned(),
            "- {name: again.service, command: restart}\n".to_owned(),
        ];
        let ends = [
            whole(
                "loops.service",
                r"[Unit]\nStartLimitIntervalSec=0\n[Service]\nType=oneshot\nRestart=on-failure\nRestartSec=1\nExecStart=/bin/false",
                "start",
            ),
            unit("last.service", "/bin/true", "command: start"),
        ];
        let config = units(&[hangs.as_slice(), &ends].concat());
        let run = m.apply_with(&config, &["--job-timeout=1"], &[]);
        assert!(run.took > Duration::from_secs(4) && run.took < SOON, "{run}");
        for name in ["asks", "silent", "device", "queued", "stubborn", "again", "loops"] {
            let is_reported = |line: &str| line.contains(&format!("{name}.service")) && !line.contains("done:");
            assert!(run.said().lines().any(is_reported), "nothing is told of {name}\n{run}");
        }
        assert_eq!(m.active("last.service"), "active");
        assert_eq!(m.active("stubborn.service"), "deactivating");
        m.sh("systemctl kill --signal=KILL stubborn.service again.service");
    });

    suite.fresh("a_unit_that_waits_by_itself_for_one_that_waits_for_the_run", |m| {
        m.put(
            "/etc/systemd/system/after.service",
            "[Unit]\nAfter=outer.service\n[Service]\nExecStart=/bin/sleep infinity\n",
        );
        let config = units(&[
            // systemd does not know that it waits.
            unit("blocks.service", "/bin/systemctl start after.service", "command: start"),
            unit("last.service", "/bin/true", "command: start"),
        ]);
        begin_outer(m, &config, "--job-timeout=2");
        assert!(outer_ends(m) < SOON);
        assert_eq!(m.active("last.service"), "active");
        assert!(m.whole_log().contains("blocks.service"));
        // And then neither of them is stuck any more.
        assert!(wait_for(SOON, || m.active("blocks.service") == "active"), "{}", m.whole_log());
    });

    suite.fresh("a_unit_that_stops_the_run", |m| {
        let config = units(&[
            whole(
                "rival.service",
                r"[Unit]\nConflicts=outer.service\n[Service]\nExecStart=/bin/sleep infinity",
                "start",
            ),
            unit("hang.service", "/bin/sleep infinity", "command: start"),
        ]);
        begin_outer(m, &config, "");
        assert!(outer_ends(m) < SOON);
        assert!(wait_for(SOON, || m.active("rival.service") == "active"), "{}", m.whole_log());
        assert_eq!(m.sh("hostname"), "reached");
        let status = m.program(&["--status"]).run();
        assert!(status.stdout.contains("hang.service"), "what was left is said: {status}");
    });

    suite.fresh("a_unit_that_isolates_stops_the_run", |m| {
        let target = "[Unit]\nRequires=multi-user.target\nAfter=multi-user.target\nAllowIsolate=yes\n";
        m.put("/etc/systemd/system/mine.target", target);
        let config = units(&[
            unit("isolates.service", "/bin/systemctl isolate --no-block mine.target", "command: start"),
            unit("hang.service", "/bin/sleep infinity", "command: start"),
        ]);
        begin_outer(m, &config, "");
        assert!(outer_ends(m) < SOON);
        assert!(wait_for(SOON, || m.active("mine.target") == "active"), "{}", m.whole_log());
        assert_eq!(m.sh("hostname"), "reached");
        let status = m.program(&["--status"]).run();
        assert!(status.stdout.contains("hang.service"), "what was left is said: {status}");
    });

    suite.plain("a_unit_that_reboots_leaves_complete_files", || {
        let options = Boot::default();
        let mut m = options.boot();
        let config = units(&[
            unit("hang.service", "/bin/sleep infinity", "command: start"),
            unit("reboots.service", "/bin/systemctl reboot --no-block", "command: start, enable: false"),
            unit("hang2.service", "/bin/sleep infinity", "command: start"),
        ]);
        let files = "write_files: [{path: /etc/first, content: whole}]\n";
        let began = Instant::now();
        m.reboot_by(&options, |m| begin_outer(m, &format!("{files}{config}"), "--job-timeout=20"));
        // Twenty seconds for the first, and no wait for the third.
        assert!(began.elapsed() < Duration::from_secs(20) + SOON, "{:?}", began.elapsed());
        assert_eq!(m.text("/etc/first"), "whole");
        assert_eq!(m.sh("hostname; cat /etc/hostname"), "reached\nreached");
    });
}
