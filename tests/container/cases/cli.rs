//! The command line, `--dry-run`, `--validate`, `--root`.

use crate::testbed::{PROGRAM_INSIDE, Suite};

const CONFIG: &str = "#cloud-config\nwrite_files: [{path: /etc/cli, content: x}]\n";

pub fn cases(suite: &mut Suite) {
    suite.shared("one_dash_or_two_and_equals_or_a_space", |m| {
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

    suite.shared("a_wrong_command_line_is_exit_code_2_and_says_what_is_right", |m| {
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
        ] {
            m.program(argv).run().exits(2).says(&[word]);
        }
        m.absent("/etc/cli");
    });

    suite.shared("help_and_version", |m| {
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

    suite.fresh("dry_run_needs_no_root_and_changes_nothing", |m| {
        let config = r"#cloud-config
hostname: other
users: [{name: new, passwd: hidden-hash}, {name: core}]
write_files:
- {path: /etc/new, content: hidden-content}
- {path: /etc/hostname, content: 'bed
'}
coreos: {units: [{name: etcd.service, command: start}]}
";
        m.put("/tmp/dry", config);
        let dry = [
            "setpriv",
            "--reuid=500",
            "--regid=500",
            "--clear-groups",
            PROGRAM_INSIDE,
            "--from-file=/tmp/dry",
            "--dry-run",
        ];
        let run = m.untouched(|| m.run(&dry));
        let run =
            run.ok().says(&["/etc/new", "other", "new", "etcd.service"]).hides(&["hidden-hash", "hidden-content"]);
        assert!(!run.stdout.is_empty());
        let json = [&dry[..], &["--format=json"]].concat();
        let json = m.run(&json).ok().hides(&["hidden-hash", "hidden-content"]).stdout;
        assert!(serde_json::from_str::<serde_json::Value>(&json).is_ok(), "{json}");
        m.absent("/run/coreos-cloudinit");
        assert_eq!(m.active("etcd.service"), "inactive");
    });

    suite.fresh("validate_says_what_is_wrong_and_touches_nothing", |m| {
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

    suite.fresh("root_applies_to_a_tree", |m| {
        m.sh("mkdir -p /srv/tree/etc /srv/tree/home /srv/tree/usr/lib/systemd/system; cd /srv/tree; \
              cp -a /etc/passwd /etc/group /etc/shadow /etc/gshadow /etc/login.defs etc/; cp -a /home/core home/; \
              cp /usr/lib/systemd/system/docker.service usr/lib/systemd/system/; echo old > etc/hostname; \
              mkdir -p etc/systemd/system");
        let key = super::keys::key("a");
        let config = format!(
            r"
            hostname: tree
            ssh_authorized_keys: ['{key}']
            users: [{{name: treeuser}}]
            write_files:
              - {{path: /etc/x, content: x, owner: treeuser, permissions: 0600}}
              - {{path: /../../../etc/y, content: y}}
            coreos:
              oem: {{id: tree}}
              units:
                - {{name: tree.service, enable: true, content: '[Install]

            WantedBy=multi-user.target'}}
                - {{name: docker.service, enable: true, command: start}}
            "
        );
        m.sh("ln -s /etc /srv/tree/escape; systemctl stop docker.service");
        let outside = m.snapshot();
        m.apply_with(&config, &["--root=/srv/tree"], &[]);
        let written = outside.differences(&m.snapshot());
        let stray: Vec<_> = written.iter().filter(|line| !line.contains(": /srv/tree")).collect();
        assert!(stray.is_empty(), "{stray:?}");
        assert_eq!(m.text("/srv/tree/etc/hostname"), "tree\n");
        assert_eq!(m.sh("hostname"), "bed");
        assert!(m.text("/srv/tree/etc/passwd").contains("\ntreeuser:"));
        assert_eq!(m.passwd("treeuser"), None);
        assert_eq!(m.mode("/srv/tree/etc/x"), 0o600);
        assert_ne!(m.owner("/srv/tree/etc/x").0, 0);
        assert_eq!(m.text("/srv/tree/etc/y"), "y");
        assert!(m.exists("/srv/tree/etc/oem-release"));
        assert_eq!(m.text("/srv/tree/home/core/.ssh/authorized_keys.d/coreos-cloudinit"), key + "\n");
        let wants = "/srv/tree/etc/systemd/system/multi-user.target.wants";
        assert_eq!(m.names(wants), ["docker.service", "tree.service"]);
        assert_eq!(m.active("docker.service"), "inactive");
    });
}
