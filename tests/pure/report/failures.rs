//! Failures of a run as a whole are reported once, in words.

use super::program::program;

#[test]
fn an_error_of_the_system_is_reported_once_and_without_its_number() {
    let run = program(&["--validate", "--from-file=/proc/self/mem"]);
    assert_eq!(run.stdout, "/proc/self/mem: error: failed to read /proc/self/mem: input/output error\n");
    let run = program(&["--dry-run", "--root=/nosuch", "--from-file=/etc/hostname"]);
    assert_eq!(run.stdout, "nothing would be applied: 1 error (see the log, on standard error)\n");
    let message = "failed to open the root directory /nosuch: no such file or directory\n";
    assert!(run.stderr.lines().count() == 1 && run.stderr.ends_with(message), "{run:?}");
}

#[test]
fn a_conversion_of_nothing_reports_only_the_failure() {
    let run = program(&["--convert-to=butane", "--from-file=/nosuch"]);
    assert_eq!((run.code, &*run.stdout, &*run.stderr), (1, "", "/nosuch: error: does not exist\n"));
}
