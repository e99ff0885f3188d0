//! Readers of the log that do not read: journald, and the reader of standard error. Lines are lost, and the run goes
//! on.

use std::time::Duration;

use nix::sys::signal::Signal;
use serde_json::Value;

use crate::testbed::machine::wait_for;
use crate::testbed::{Machine, Suite};

/// More records than any queue takes.
const FILES: usize = 3000;

/// Within this time a run of [`FILES`] ends, on a busy machine too.
const LIMIT: Duration = Duration::from_secs(40);

/// Sends records to journald as fast as it takes them.
const FLOOD: &str = "perl -MSocket -e 'socket(S, AF_UNIX, SOCK_DGRAM, 0); my $to = sockaddr_un(\"/run/systemd/journal/socket\"); \
                     send(S, \"PRIORITY=6\\nMESSAGE=flood\\n\", 0, $to) while 1'";

/// A job that takes longer than any case.
const LONG_JOB: &str = "#cloud-config\ncoreos: {units: [{name: long.service, command: start, content: \"[Service]\\nType=oneshot\\nExecStart=/bin/sleep 60\"}]}\n";

fn many_files() -> String {
    let file = |number| format!("- {{path: /srv/many/{number}, content: x}}\n");
    format!("#cloud-config\nwrite_files:\n{}", (0..FILES).map(file).collect::<Vec<_>>().concat())
}

/// The record of the last run.
fn record(m: &Machine) -> Value {
    let status = m.run(&["coreos-cloudinit", "--status", "--format=json"]).stdout;
    let status: Value = serde_json::from_str(&status).unwrap();
    status["runs"].as_array().unwrap().last().expect("a run left a record").clone()
}

fn dropped(record: &Value, reader: &str) -> u64 {
    record["dropped_log_records"][reader].as_u64().unwrap()
}

#[track_caller]
fn are_written(m: &Machine) {
    assert_eq!(m.sh("ls /srv/many | wc -l"), FILES.to_string());
}

/// Runs a line of shell that prints the exit code of the program and how long it took, in milliseconds.
#[track_caller]
fn timed(m: &Machine, line: &str) -> Duration {
    let line = format!("began=$(date +%s%N); code=0; {line}; echo $code $((($(date +%s%N) - began) / 1000000))");
    let output = m.run_for(&["bash", "-c", &line], Duration::from_secs(120)).ok();
    let last = output.stdout.lines().last().unwrap().to_owned();
    let (code, took) = last.split_once(' ').unwrap();
    assert_eq!(code, "0", "{last}");
    Duration::from_millis(took.parse().unwrap())
}

pub fn cases(suite: &mut Suite) {
    suite.fresh("a_journald_that_stands_still_costs_lines_alone", |m| {
        m.put("/tmp/many", many_files());
        m.sh("kill -STOP $(pidof systemd-journald)");
        let run = m.run_for(&["coreos-cloudinit", "--from-file=/tmp/many", "--deadline=10"], LIMIT).ok();
        are_written(m);
        let record = record(m);
        assert!(dropped(&record, "journal") > 100, "{record}");
        let message = format!("{} log records dropped by the journal", dropped(&record, "journal") - 1);
        assert!(
            run.stderr.contains(&message),
            "the last line is dropped, too: {message}: {}",
            run.stderr.lines().last().unwrap()
        );
        // Each run has a limit of its own, and the queue has one for all: soon it is full from the first line on.
        let is_full = || {
            m.run(&["coreos-cloudinit", "--from-file=/tmp/many", "-v"]).ok();
            self::record(m)["dropped_log_records"]["journal"].as_u64() > Some(FILES as u64)
        };
        assert!((0..10).any(|_| is_full()), "the queue takes more and more");
        m.put("/tmp/job", LONG_JOB);
        let run = m.start(&["coreos-cloudinit", "--from-file=/tmp/job"]);
        assert!(wait_for(LIMIT, || m.active("long.service") == "activating"));
        m.sh("pkill -TERM -x coreos-cloudini");
        m.sh("systemctl stop long.service");
        run.finish(Duration::from_secs(30)).fails().says(&["the run was stopped by a signal"]);
        let last = self::record(m);
        assert!(dropped(&last, "journal") > 0 && last["failed"] == true, "{last}");
        m.sh("kill -CONT $(pidof systemd-journald)");
        let status = m.run(&["coreos-cloudinit", "--status"]).stdout;
        assert!(status.contains(" log records dropped by the journal"), "{status}");
        // Once it reads again, everything arrives.
        m.program(&["--from-file=/tmp/many"]).run().ok();
        assert!(m.whole_journal().contains("/tmp/many: 0 done"));
        let last = self::record(m);
        assert_eq!((dropped(&last, "journal"), dropped(&last, "stderr")), (0, 0), "{last}");
    });

    suite.fresh("a_user_who_floods_journald_does_not_hold_up_a_run", |m| {
        m.put("/tmp/many", many_files());
        let flood =
            format!("for i in 1 2 3 4; do setpriv --reuid=65534 --regid=65534 --clear-groups {FLOOD} & done; wait");
        let flood = m.start(&["sh", "-c", &flood]);
        std::thread::sleep(Duration::from_secs(1));
        let run = m.run_for(&["coreos-cloudinit", "--from-file=/tmp/many"], LIMIT).ok();
        assert!(run.took < Duration::from_secs(15), "{run}");
        are_written(m);
        flood.signal(Signal::SIGKILL);
        m.sh("pkill -KILL -u 65534 perl || true");
        flood.finish(Duration::from_secs(5));
    });

    suite.fresh("a_pipe_that_nothing_reads_costs_lines_alone", |m| {
        m.put("/tmp/many", many_files());
        for to in ["2> >(exec sleep 100)", "2<>/tmp/fifo"] {
            m.sh("rm -rf /srv/many /tmp/fifo; mkfifo /tmp/fifo");
            let took = timed(
                m,
                &format!("timeout 60 coreos-cloudinit --from-file=/tmp/many {to} || code=$?; pkill -x sleep || true"),
            );
            assert!(took < Duration::from_secs(20), "{to}: {took:?}");
            are_written(m);
            let record = record(m);
            assert!(dropped(&record, "stderr") > 100 && dropped(&record, "journal") < 3000, "{to}: {record}");
        }
        let status = m.run(&["coreos-cloudinit", "--status"]).stdout;
        assert!(status.contains(" log records dropped by standard error"), "{status}");
    });

    suite.fresh("a_reader_that_is_late_misses_nothing", |m| {
        m.put("/tmp/many", many_files());
        m.sh("coreos-cloudinit --from-file=/tmp/many 2>&1 | (sleep 0.4; cat) > /tmp/log");
        assert_eq!(m.sh("grep -c ' done: write ' /tmp/log"), FILES.to_string());
        assert_eq!(dropped(&record(m), "stderr"), 0);
        // The caller's pipe is as blocking as it was.
        let line = "(coreos-cloudinit --from-file=/tmp/many; cat /proc/self/fdinfo/2 >&3) 3>&1 2> >(cat > /dev/null)";
        let info = m.run(&["bash", "-c", line]).ok().stdout;
        let flags = info.lines().find_map(|line| line.strip_prefix("flags:")).unwrap().trim();
        assert_eq!(u32::from_str_radix(flags, 8).unwrap() & 0o4000, 0, "{flags}");
    });

    suite.fresh("a_terminal_that_stands_still_costs_lines_alone", |m| {
        m.put("/tmp/many", many_files());
        m.put("/tmp/inside", "kill -STOP $PPID\ntimeout 60 coreos-cloudinit --from-file=/tmp/many\necho $? > /tmp/code\nkill -CONT $PPID\n");
        let run = m.run_for(&["sh", "-c", "TERM=xterm script -qec 'exec sh /tmp/inside' /dev/null < /dev/null > /dev/null"], LIMIT);
        assert!(run.took < Duration::from_secs(30), "{run}");
        assert_eq!(m.text("/tmp/code"), "0\n");
        are_written(m);
        assert!(dropped(&record(m), "stderr") > 100);
    });

    suite.fresh("without_threads_a_live_run_applies_the_rest", |m| {
        m.put("/tmp/x", "#cloud-config\nhostname: lack\nwrite_files: [{path: /srv/a, content: x}]\ncoreos: {units: [{name: cron.service, command: start}]}\n");
        for flags in [&["--from-file=/tmp/x"][..], &["--from-url=http://localhost:1/x", "--deadline=5"]] {
            for tasks in 1..5 {
                let tasks = format!("TasksMax={tasks}");
                let mut argv = vec!["systemd-run", "--wait", "--quiet", "--collect", "--pipe", "-p", &tasks, "coreos-cloudinit"];
                argv.extend(flags);
                let run = m.run_for(&argv, LIMIT);
                assert!([0, 1].contains(&run.code) && !run.said().contains("panicked"), "{run}");
                if flags.len() == 1 {
                    assert_eq!(m.sh("cat /srv/a; rm /srv/a; uname -n"), "xlack");
                }
            }
        }
    });

    // The kernel gives the files in /proc of a process that is hidden to root, and of another to its group.
    suite.fresh("memory_is_hidden_from_debuggers_of_other_users", |m| {
        m.put("/tmp/job", LONG_JOB);
        let line = "setpriv --regid=65534 --clear-groups coreos-cloudinit --from-file=/tmp/job";
        let run = m.start(&["sh", "-c", line]);
        assert!(wait_for(LIMIT, || m.active("long.service") == "activating"));
        assert_eq!(m.sh("stat -c %g /proc/$(pidof coreos-cloudinit)/environ"), "0");
        let sleeps = "setpriv --regid=65534 --clear-groups sleep 1 & sleep 0.5; stat -c %g /proc/$!/environ";
        assert_eq!(m.sh(sleeps), "65534", "of what is not hidden the group is seen");
        m.sh("systemctl stop long.service");
        run.finish(LIMIT);
    });
}
