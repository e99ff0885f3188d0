//! The command line, and `--validate`.

use crate::testbed::Suite;

const CONFIG: &str = "#cloud-config\nwrite_files: [{path: /etc/cli, content: x}]\n";

pub fn cases(suite: &mut Suite) {
    suite.shared("flags_take_one_dash_or_two_and_equals_or_a_space", |m| {
        m.put("/tmp/cli", CONFIG);
        for argv in [
            &["-from-file", "/tmp/cli"][..],
            &["--from-file", "/tmp/cli"],
            &["-from-file=/tmp/cli"],
            &["--from-file=/tmp/cli", "--ignore-failure=false", "-v"],
            &["-ignore-failure=t", "-q", "-from-file=/tmp/cli"],
        ] {
            m.sh("rm -f /etc/cli");
            m.program(argv).run().ok();
            assert!(m.exists("/etc/cli"), "{argv:?}");
        }
    });

    suite.shared("a_wrong_command_line_exits_with_2_and_lists_valid_values", |m| {
        m.put("/tmp/cli", CONFIG);
        m.sh("rm -f /etc/cli");
        for (argv, word) in [
            (&[][..], "--from-file"),
            (&["--from-fil=/tmp/cli"], "--from-file"),
            (&["--from-file"], "--from-file"),
            (&["--oem=nowhere"], "ec2-compat"),
            (&["--from-file=/tmp/cli", "--convert-netconf=nowhere"], "debian"),
            (&["--from-file=/tmp/cli", "stray"], "stray"),
            (&["--from-file=/tmp/cli", "--ignore-failure=perhaps"], "ignore-failure"),
            (&["--from-file=/tmp/cli", "--job-timeout=soon"], "job-timeout"),
            (&["--from-file=/tmp/cli", "--deadline=soon"], "deadline"),
            (&["--from-file=/tmp/cli", "--ssh-key-name=../x"], "ssh-key-name"),
            (&["--ignore-failure"], "--from-file"),
            (&["--from-file=/tmp/cli", "--root", ""], "the value of --root is empty"),
            (&["--from-file=/tmp/cli", "--root="], "the value of --root is empty"),
            (&["--from-file=/tmp/cli", "--workspace="], "the value of --workspace is empty"),
        ] {
            m.program(argv).run().exits(2).says(&[word]);
        }
        m.absent("/etc/cli");
    });

    suite.shared("help_and_version_are_printed", |m| {
        for flag in ["-h", "--help", "-help"] {
            let run = m.program(&[flag]).run().ok();
            for name in ["--from-file", "--oem", "--validate", "--dry-run", "--root", "--strict", "--job-timeout"] {
                assert!(run.stdout.contains(name), "{name} is not in the usage");
            }
        }
        for flag in ["--version", "-version"] {
            let run = m.program(&[flag]).run().ok();
            assert_eq!(run.stdout, format!("coreos-cloudinit {}\n", env!("CARGO_PKG_VERSION")));
        }
    });

    suite.fresh("validate_reports_findings_and_touches_nothing", |m| {
        m.put("/tmp/clean", CONFIG);
        m.put("/tmp/wrong", "#cloud-config\nhostnam: x\nwrite_files: [{path: /etc/x, permissions: rwx}]\n");
        m.untouched(|| {
            m.program(&["--from-file=/tmp/clean", "--validate"]).run().ok();
            m.program(&["--from-file=/tmp/wrong", "--validate"]).run().fails().says(&["hostnam", "2:", "3:"]);
            let json = m.program(&["--from-file=/tmp/wrong", "--validate", "--format=json"]).run().fails().stdout;
            assert!(serde_json::from_str::<serde_json::Value>(&json).is_ok(), "{json}");
            m.program(&["--from-file=/tmp/nowhere", "--validate"]).run().fails();
        });
        m.absent("/etc/cli");
    });
}
