//! Unit commands: reloads, jobs and how they end.

use std::fmt::Write as _;
use std::time::Duration;

use crate::testbed::{Machine, Suite};

/// A unit with a name and an `ExecStart`, as an entry of `coreos.units`.
pub fn unit(name: &str, start: &str, rest: &str) -> String {
    format!(
        "- {{name: {name}, content: \"[Service]\\nType=oneshot\\nRemainAfterExit=yes\\nExecStart={start}\", {rest}}}\n"
    )
}

pub fn units(entries: &[String]) -> String {
    format!("coreos:\n  units:\n{}", entries.iter().fold(String::new(), |text, entry| text + "  " + entry))
}

/// Returns the last start of a unit, for comparison.
fn started(m: &Machine, name: &str) -> u64 {
    m.property(name, "ActiveEnterTimestampMonotonic").parse().unwrap()
}

/// A client of the bus in Perl. It sends the signal that systemd sends at the end of job `$ARGV[1]` to the connection
/// `$ARGV[0]`, as fast as it can, until `/tmp/over` exists; every other one is about another job.
const FORGER: &str = r#"
use IO::Socket::UNIX;
sub text { pack('V', length $_[0]) . $_[0] . "\0" }
sub padded { my ($bytes, $to) = @_; $bytes . "\0" x (-length($bytes) % $to) }
sub message {
    my ($type, $body, @fields) = @_;
    my $fields = '';
    for (@fields) {
        my ($code, $kind, $value) = @$_;
        $fields = padded($fields, 8) . pack('C', $code) . "\1$kind\0" . ($kind eq 'g' ? "\4$value\0" : text($value));
    }
    padded('l' . pack('CCCVVV', $type, 1, 1, length $body, ++$serial, length $fields) . $fields, 8) . $body;
}
sub end {
    my $body = padded(pack('V', $_[0]) . text("/org/freedesktop/systemd1/job/$_[0]"), 4);
    $body = padded($body . text('forged.service'), 4) . text('done');
    message(4, $body, [1, 'o', '/org/freedesktop/systemd1'], [2, 's', 'org.freedesktop.systemd1.Manager'],
        [3, 's', 'JobRemoved'], [6, 's', $ARGV[0]], [8, 'g', 'uoss']);
}
my $bus = IO::Socket::UNIX->new('/run/dbus/system_bus_socket') or die $!;
syswrite $bus, "\0AUTH EXTERNAL " . unpack('H*', $>) . "\r\n";
sysread $bus, my $answer, 1000;
my @name = ([1, 'o', '/org/freedesktop/DBus'], [2, 's', 'org.freedesktop.DBus'], [6, 's', 'org.freedesktop.DBus']);
syswrite $bus, "BEGIN\r\n" . message(1, '', @name, [3, 's', 'Hello']);
sysread $bus, $answer, 1000;
while (!-e '/tmp/over') { syswrite $bus, join('', map { end($ARGV[1]), end(999999) } 1..100) or die $!; select undef, undef, undef, 0.02 }
"#;

pub fn cases(suite: &mut Suite) {
    suite.shared("every_command_has_its_effect", |m| {
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

    suite.shared("a_masked_unit_and_one_that_makes_no_sense_fail_the_run_alone", |m| {
        m.put("/etc/systemd/system/job-nonsense.service", "[Service\n");
        let config = units(&[
            "- {name: job-masked.service, mask: true, command: start}\n".to_owned(),
            "- {name: job-nonsense.service, command: start}\n".to_owned(),
            unit("job-sense.service", "/bin/true", "command: start"),
        ]);
        m.apply(&config).fails().says(&["job-masked.service", "job-nonsense.service"]);
        assert_eq!(m.active("job-sense.service"), "active");
    });

    suite.shared("a_reload_of_a_unit_that_cannot_fails_the_run", |m| {
        m.sh("systemctl start docker.service");
        m.apply("coreos: {units: [{name: docker.service, command: reload}]}").fails().says(&["docker.service"]);
        assert_eq!(m.active("docker.service"), "active");
    });

    suite.shared("a_unit_without_an_install_section_can_be_enabled_with_a_warning", |m| {
        let config = units(&[
            "- {name: no-install.service, enable: true, content: \"[Service]\\nExecStart=/bin/true\"}\n".to_owned(),
        ]);
        m.apply(&config).ok().says(&["no-install.service"]);
    });

    suite.shared("a_unit_whose_condition_is_not_met_is_no_failure", |m| {
        m.put(
            "/etc/systemd/system/job-unmet.service",
            "[Unit]\nConditionPathExists=/nowhere\n[Service]\nExecStart=/bin/sleep 100\n",
        );
        m.apply("coreos: {units: [{name: job-unmet.service, command: start}]}").ok();
        assert_eq!(m.active("job-unmet.service"), "inactive");
        assert!(m.was_tried("job-unmet.service"), "it was never tried");
    });

    suite.shared("an_unknown_command_is_refused_alone", |m| {
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

    suite.fresh("an_end_of_a_job_that_a_user_forges_is_ignored", |m| {
        m.put("/tmp/forger", FORGER);
        m.put(
            "/tmp/forge",
            "while ! job=$(systemctl list-jobs --no-legend | grep 'forged.*running'); do :; done\n\
             name=$(busctl list --no-legend | awk '$3 == \"coreos-cloudini\" { print $1 }')\n\
             for i in 1 2; do perl /tmp/forger $name ${job%% *} & done\ntouch /tmp/forged-$name\nwait\n",
        );
        let forger = m.start(&["setpriv", "--reuid=core", "--regid=core", "--clear-groups", "sh", "/tmp/forge"]);
        let config = units(&[
            unit("forged.service", "/bin/sh -c 'sleep 3; touch /run/forged-ended; exit 1'", "command: start"),
            unit(
                "after-forged.service",
                "/bin/sh -c 'test -e /run/forged-ended && touch /run/in-order'",
                "command: start",
            ),
        ]);
        m.put("/tmp/forged.yml", format!("#cloud-config\n{config}"));
        let run = m.program(&["--from-file=/tmp/forged.yml"]).limit(60).run();
        m.put("/tmp/over", "");
        let run = run.fails().says(&["failed to start forged.service", "status 1"]);
        assert!(run.took < Duration::from_secs(40), "{:?}", run.took);
        assert!(m.exists("/run/in-order"), "the next command did not wait");
        assert_eq!(m.names("/tmp").iter().filter(|name| name.starts_with("forged-:1.")).count(), 1);
        forger.finish(Duration::from_secs(30)).ok();
    });

    suite.fresh("a_job_is_followed_when_systemd_executes_itself_again", |m| {
        let again = m.start(&["sh", "-c", "sleep 1; systemctl daemon-reexec"]);
        let config = units(&[unit("reexec.service", "/bin/sh -c 'sleep 4; exit 1'", "command: start")]);
        m.apply(&config).fails().says(&["failed to start reexec.service"]);
        again.finish(Duration::from_secs(30)).ok();
    });

    suite.fresh("a_failed_enable_is_skipped_alone", |m| {
        let config = units(&[
            "- {name: enable-nowhere.service, enable: true}\n".to_owned(),
            unit("enable-good.service", "/bin/true", "command: start"),
        ]);
        m.apply(&config).fails().says(&["enable-nowhere.service"]);
        assert_eq!(m.active("enable-good.service"), "active");
    });
}
