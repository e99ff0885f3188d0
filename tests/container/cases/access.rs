//! The run as a whole: access before everything, all it can, all or nothing, exit codes.

use super::common::gzip;
use super::keys::key;
use crate::testbed::machine::USER_DATA;
use crate::testbed::{Machine, Suite};

const KEYS: &str = "/home/core/.ssh/authorized_keys.d/coreos-cloudinit";

pub fn cases(suite: &mut Suite) {
    first(suite);
    all_or_nothing(suite);
    sources(suite);
    ends(suite);
}

/// The name in the file and that of the kernel.
fn host_name(m: &Machine) -> (String, String) {
    (m.text("/etc/hostname").trim_end().to_owned(), m.sh("uname -n"))
}

#[track_caller]
fn is_called(m: &Machine, name: &str) {
    assert_eq!(host_name(m), (name.to_owned(), name.to_owned()));
}

fn first(suite: &mut Suite) {
    suite.fresh("access_before_an_error_is_applied", |m| {
        let key = key("in");
        let config = format!(
            "hostname: reachable\nssh_authorized_keys:\n- {key}\nwrite_files:\n- path: /srv/x\n  content: \"no end\n"
        );
        m.apply(&config).fails().says(&["syntax"]);
        is_called(m, "reachable");
        assert_eq!(m.text(KEYS), format!("{key}\n"));
        m.absent("/srv/x");
    });

    suite.fresh("keys_that_are_not_written_as_they_look_are_set", |m| {
        let key = key("in");
        for list in [
            format!("  - \u{2022} {key}"),
            format!("  - no-ptty {key}"),
            format!("\u{a0}\u{a0}- {key}"),
            format!("  -\t{key}"),
            format!("  -\"{key}\""),
            format!("  * {key}"),
        ] {
            m.sh("rm -rf /home/core/.ssh");
            m.put("/tmp/part", format!("#cloud-config\nhostname: n1\nssh_authorized_keys:\n{list}\n"));
            m.program(&["--from-file=/tmp/part"]).run().fails();
            let options = if list.contains("ptty") { "no-pty " } else { "" };
            assert_eq!(m.text(KEYS), format!("{options}{key}\n"), "{list}");
        }
    });

    suite.fresh("a_part_behind_a_mistyped_boundary_gives_access", |m| {
        let key = key("in");
        m.put(
            "/tmp/part",
            format!(
                "Content-Type: multipart/mixed; boundary=\"b\"\n\n-b\nContent-Type: text/cloud-config\n\n#cloud-config\n\
                 hostname: reachable\nssh_authorized_keys:\n- {key}\nwrite_files: [{{path: /srv/x}}]\n--b--\n"
            ),
        );
        m.program(&["--from-file=/tmp/part"]).run().fails().says(&["almost the boundary"]);
        is_called(m, "reachable");
        assert_eq!(m.text(KEYS), format!("{key}\n"));
        m.absent("/srv/x");
    });

    suite.fresh("access_that_an_error_may_have_cut_is_not_applied", |m| {
        let (whole, cut) = (key("whole"), key("cut"));
        m.apply(&format!("hostname: whole\nssh_authorized_keys:\n- {whole}\n- \"{cut}")).fails();
        is_called(m, "whole");
        let keys = if m.exists(KEYS) { m.text(KEYS) } else { String::new() };
        assert!(!keys.contains("cut"), "{keys}");
        m.apply("users: [{name: x}]\nwrite_files: {{\nhostname: behind").fails();
        is_called(m, "whole");
        assert_eq!(m.passwd("x"), None);
    });

    suite.fresh("access_comes_before_everything_that_fails", |m| {
        let key = key("in");
        let config = format!(
            r"
            hostname: reachable
            ssh-authorized-keys: [{key}]
            users: [{{name: u, groups: nosuchgroup}}]
            write_files: [{{path: /proc/nowhere}}]
            coreos: {{units: [{{name: nosuch.service, command: start}}]}}
            "
        );
        let run = m.apply(&config).fails();
        is_called(m, "reachable");
        assert_eq!(m.text(KEYS), format!("{key}\n"));
        let at = |text: &str| run.stderr.find(text).unwrap_or_else(|| panic!("nothing says {text}"));
        assert!(at("authorize 1 key") < at("nosuchgroup"));
        // hostnamed sets the name meanwhile; the run waits for it before it starts a unit.
        assert!(at("nosuchgroup") < at("set host name") && at("set host name") < at("failed to start"));
    });

    suite.fresh("ten_defects_cost_themselves_alone", |m| {
        let config = format!(
            r"
            hostname: 'not valid'
            ssh_authorized_keys: [nonsense, '{key}']
            manage_etc_hosts: yes
            unknown_key: 1
            users:
              - {{name: bad1, groups: nosuchgroup}}
              - {{name: good1, gecos: 'a:b'}}
            write_files:
              - {{path: /srv/ten/bad1, encoding: rot13}}
              - {{path: /srv/ten/bad2, permissions: u+x}}
              - {{path: /srv/ten/bad3, owner: nobody-such}}
              - {{path: /srv/ten/good, owner: good1}}
            coreos:
              oem: {{id: fine}}
              update: {{reboot_strategy: never}}
              fleet: {{verbosity: often, metadata: a=b}}
              units:
                - {{name: bad/unit.service, command: start}}
                - {{name: docker.service, command: fly}}
                - {{name: nosuch.service, command: start}}
                - {{name: etcd.service, command: start}}
            ",
            key = key("good")
        );
        let run = m.apply(&config).fails();
        is_called(m, "bed");
        assert_eq!(m.text(KEYS), format!("{}\n", key("good")));
        assert!(m.passwd("bad1").is_some() && m.passwd("good1").is_some());
        assert_eq!(m.names("/srv/ten"), ["good"]);
        assert!(m.text("/etc/oem-release").starts_with("ID=fine\n"));
        m.absent("/etc/coreos/update.conf");
        assert_eq!(m.property("fleet.service", "Environment"), "FLEET_METADATA=a=b");
        assert_eq!((m.active("etcd.service"), m.active("docker.service")), ("active".into(), "inactive".into()));
        // Each with its place.
        run.says(&[
            "ERROR /tmp/user-data:2:11: ",
            "WARN  /tmp/user-data:3:23: ",
            "ERROR /tmp/user-data:4:19: ",
            "WARN  /tmp/user-data:5:1: ",
            "/srv/ten/bad1",
            "/srv/ten/bad2",
            "/srv/ten/bad3",
            "nosuchgroup",
            "bad-gecos",
            "bad-strategy",
        ])
        .says(&["wrong-type", "bad-unit-name", "bad-command", "nosuch.service"]);
    });
}

fn all_or_nothing(suite: &mut Suite) {
    suite.fresh("strict_leaves_all_of_it_out", |m| {
        let config = format!(
            "hostname: strict\nssh_authorized_keys: ['{}']\nusers: [{{name: s}}]\n\
             write_files: [{{path: /srv/good}}, {{path: /srv/bad, encoding: rot13}}]\n\
             coreos: {{units: [{{name: docker.service, command: start}}]}}\n",
            key("s")
        );
        m.untouched(|| m.apply_with(&config, &["--strict"], &[]).fails().says(&["/srv/bad", "--strict"]));
        is_called(m, "bed");
        assert_eq!(m.active("docker.service"), "inactive");
        m.untouched(|| m.apply_with("hostname: strict\nusers: [", &["-strict"], &[]).fails());
        is_called(m, "bed");
        // Warnings leave nothing out.
        m.apply_with("hostname: strict\nunknown_key: 1\nwrite_files: [{path: relative}]", &["--strict"], &[]).ok();
        is_called(m, "strict");
        m.apply_with(&config, &["--strict=false"], &[]).fails();
        assert!(m.exists("/srv/good"));
    });

    suite.fresh("strict_does_not_undo_steps_before_a_failure", |m| {
        let config = "write_files: [{path: /srv/done, content: x}, {path: /srv/late, owner: nobody-such}]";
        m.apply_with(config, &["--strict"], &[]).fails();
        assert_eq!(m.names("/srv"), ["done"]);
    });

    suite.shared("ignore_failure_is_about_the_exit_code_alone", |m| {
        let config = "write_files: [{path: /srv/ignored/bad, encoding: rot13}, {path: /srv/ignored/good}]";
        m.apply(config).fails();
        m.apply_with(config, &["--ignore-failure"], &[]).ok().says(&["/srv/ignored/bad"]);
        assert_eq!(m.names("/srv/ignored"), ["good"]);
        m.apply_with("users: [", &["-ignore-failure=true"], &[]).ok();
        m.program(&["--from-file=/nosuch", "--deadline=1", "--ignore-failure"]).run().ok();
        m.program(&["--ignore-failure"]).run().exits(2);
    });
}

fn sources(suite: &mut Suite) {
    suite.shared("byte_order_marks_and_carriage_returns_are_fine", |m| {
        m.put(
            USER_DATA,
            "\u{feff}#cloud-config\r\nwrite_files:\r\n- path: /srv/windows\r\n  content: |\r\n    one\r\n    two\r\n",
        );
        m.program(&["--from-file", USER_DATA]).run().ok();
        assert_eq!(m.text("/srv/windows"), "one\ntwo\n");
        m.apply("#cloud-config   \t\nwrite_files: [{path: /srv/trailing}]").ok();
        assert!(m.exists("/srv/trailing"));
    });

    suite.shared("gzip_is_undone_and_templates_are_read", |m| {
        m.put(USER_DATA, gzip(b"#cloud-config\nwrite_files: [{path: /srv/zipped, content: z}]\n"));
        m.program(&["-from-file", USER_DATA]).run().ok();
        assert_eq!(m.text("/srv/zipped"), "z");
        let text =
            "## template: jinja\n#cloud-config\nwrite_files: [{path: /srv/template, content: '{{ v1.name }}'}]\n";
        m.apply(text).ok().says(&["[template]"]);
        assert_eq!(m.text("/srv/template"), "{{ v1.name }}");
    });
}

fn ends(suite: &mut Suite) {
    suite.shared("without_root_nothing_is_changed", |m| {
        m.put("/tmp/config", "#cloud-config\nhostname: unprivileged\nwrite_files: [{path: /srv/unprivileged}]\n");
        let argv =
            ["setpriv", "--reuid=500", "--regid=500", "--clear-groups", "coreos-cloudinit", "--from-file=/tmp/config"];
        m.untouched(|| m.run(&argv).fails());
        assert_eq!(m.sh("uname -n"), "bed");
    });

    suite.fresh("the_journal_has_it_with_priorities", |m| {
        m.put(
            USER_DATA,
            "#cloud-config\nunknown_key: 1\nwrite_files: [{path: /srv/a}, {path: /srv/b, encoding: rot13}]\n",
        );
        m.service(&["--from-file", USER_DATA]).fails();
        let entries = m.journal();
        let priority = |words: &str| {
            let found = entries.iter().find(|entry| entry["MESSAGE"].as_str().is_some_and(|text| text.contains(words)));
            found.unwrap_or_else(|| panic!("the journal does not say {words}"))["PRIORITY"].as_str().map(str::to_owned)
        };
        assert_eq!(priority("unknown_key").as_deref(), Some("4"));
        assert_eq!(priority("not applied: file /srv/b").as_deref(), Some("3"));
        assert!(matches!(priority("done: write /srv/a").as_deref(), Some("5" | "6")));
    });

    suite.fresh("quiet_reports_failures_and_no_more", |m| {
        let config = "write_files: [{path: /srv/a}, {path: /srv/b, encoding: rot13}]";
        m.apply_with(config, &["-q"], &[]).fails().says(&["/srv/b"]).hides(&["/srv/a"]);
        let kept = |words: &str| {
            m.journal().iter().any(|entry| entry["MESSAGE"].as_str().is_some_and(|it| it.contains(words)))
        };
        assert!(kept("not applied: file /srv/b") && !kept("done: write /srv/a"), "the journal has what went wrong");
        m.apply_with("write_files: [{path: /srv/c}]", &["-q"], &[]).ok().hides(&["/srv/c"]);
    });
}
