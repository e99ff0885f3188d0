//! User-data that is a script.

use std::time::Duration;

use super::keys::key;
use crate::testbed::machine::wait_for;
use crate::testbed::{Machine, Suite};

const KEYS: &str = "/home/core/.ssh/authorized_keys.d/coreos-cloudinit";
const SCRIPTS: &str = "/var/lib/coreos-cloudinit/scripts";

/// Waits until `path` is there.
#[track_caller]
fn appears(m: &Machine, path: &str) {
    assert!(wait_for(Duration::from_secs(30), || m.exists(path)), "{path} does not appear");
}

/// The name of the unit that the last script became.
fn unit(m: &Machine) -> String {
    m.text(&format!("{SCRIPTS}/unit-name"))
}

/// The files in the scripts' directory that are scripts.
fn scripts(m: &Machine) -> Vec<String> {
    m.names(SCRIPTS).into_iter().filter(|name| name != "unit-name").collect()
}

pub fn cases(suite: &mut Suite) {
    suite.fresh("a_script_runs_as_a_transient_unit", |m| {
        let script =
            "#!/bin/bash\necho \"$0 $BASH_VERSION\" > /run/ran\ncat /proc/self/cgroup > /run/cgroup\nsleep 987\n";
        let run = m.apply(script).ok();
        assert!(run.took < Duration::from_secs(15), "it was waited for: {:?}", run.took);
        appears(m, "/run/cgroup");
        let name = unit(m);
        assert!(name.starts_with("coreos-cloudinit-") && name.ends_with(".service"), "{name:?}");
        assert!(m.text("/run/cgroup").contains(&name));
        assert_eq!(m.active(&name), "active");
        assert_eq!(m.property(&name, "CollectMode"), "inactive-or-failed");
        m.program(&["--status"]).run().ok().says(&[&format!("{name}; see journalctl -u {name}")]);
        let [file] = &scripts(m)[..] else { panic!("{:?}", m.names(SCRIPTS)) };
        let path = format!("{SCRIPTS}/{file}");
        m.is_file(&path, script, 0o700, (0, 0));
        assert!(m.text("/run/ran").starts_with(&format!("{path} 5")), "{}", m.text("/run/ran"));
        for directory in ["/var/lib/coreos-cloudinit", SCRIPTS] {
            assert_eq!((m.mode(directory), m.owner(directory)), (0o700, (0, 0)), "{directory}");
        }
    });

    suite.fresh("one_that_still_runs_is_left_alone", |m| {
        let script = "#!/bin/sh\necho started >> /run/starts\nsleep 987\n";
        m.apply(script).ok();
        appears(m, "/run/starts");
        let first = m.invocation(&unit(m));
        m.untouched(|| m.apply(script).ok());
        assert_eq!(m.invocation(&unit(m)), first);
        assert_eq!(m.text("/run/starts"), "started\n");
    });

    suite.fresh("a_hundred_boots_leave_one_file", |m| {
        let script = "#!/bin/sh\necho ran >> /run/runs\n";
        for _ in 0..5 {
            m.apply(script).ok();
            let name = unit(m);
            assert!(wait_for(Duration::from_secs(30), || m.active(&name) == "inactive"));
        }
        assert_eq!(scripts(m).len(), 1);
        assert_eq!(m.text("/run/runs"), "ran\n".repeat(5));
        m.apply("#!/bin/sh\n:\n").ok();
        assert_eq!(scripts(m).len(), 2);
    });

    suite.fresh("its_end_is_not_the_runs_and_its_unit_is_collected", |m| {
        m.apply("#!/bin/sh\ntouch /run/failing\nexit 7\n").ok();
        appears(m, "/run/failing");
        let name = unit(m);
        assert!(wait_for(Duration::from_secs(30), || m.property(&name, "LoadState") == "not-found"));
        assert_eq!(m.sh("systemctl --failed --no-legend"), "");
    });

    suite.fresh("the_first_line_names_the_interpreter", |m| {
        m.apply("#!/usr/bin/perl -w\nopen(F, '>', '/run/perl'); print F \"$0 $^W\"; close F;\n").ok();
        appears(m, "/run/perl");
        assert!(wait_for(Duration::from_secs(10), || m.text("/run/perl").ends_with(" 1")), "{}", m.text("/run/perl"));
        // An argument with a space is one argument, and a carriage return is not part of it.
        m.apply("#! /bin/sh -e \r\necho $- > /run/flags\n").ok();
        appears(m, "/run/flags");
        assert!(wait_for(Duration::from_secs(10), || m.text("/run/flags").contains('e')), "{}", m.text("/run/flags"));
    });

    suite.fresh("bash_runs_a_script_whose_shell_is_missing", |m| {
        for (index, line) in ["#!/nowhere/ash -e", "#!/nowhere/dash -e", "#!sh -e", "#!bash -e"].iter().enumerate() {
            m.apply(&format!("{line}\necho $- $BASH_VERSION > /run/version-{index}\n")).ok().says(&["/bin/bash"]);
            let path = format!("/run/version-{index}");
            appears(m, &path);
            let ran = || {
                m.text(&path)
                    .split_once(' ')
                    .is_some_and(|(flags, version)| flags.contains('e') && version.starts_with('5'))
            };
            assert!(wait_for(Duration::from_secs(10), ran), "{line}: {}", m.text(&path));
        }
    });

    suite.fresh("a_script_whose_interpreter_is_missing_is_not_run", |m| {
        for line in ["#!/usr/bin/nowhere", "#!/nowhere/zsh", "#!/etc/passwd", "#!nowhere", "#!env bash"] {
            m.apply(&format!("{line}\ntouch /run/ran\n")).exits(1).says(&["interpreter"]);
        }
        m.absent("/run/ran");
        m.absent(SCRIPTS);
    });

    suite.fresh("a_cloud_config_that_begins_as_a_script_gives_access_and_is_not_run", |m| {
        let key = key("me");
        let text = |name: &str| {
            format!("\nhostname: {name}\nssh_authorized_keys: [{key}]\nwrite_files: [{{path: /etc/no}}]\n")
        };
        m.apply_with(&format!("#!cloud-config{}", text("strict")), &["--strict"], &[]).exits(1).says(&["bad-header"]);
        assert_ne!(m.sh("uname -n"), "strict");
        m.absent(KEYS);
        for (number, line) in
            ["#!cloud-config", "#!/cloud-config", "#!CLOUD-CONFIG", "#!/usr/bin/env cloud-config", "# cloud-config"]
                .iter()
                .enumerate()
        {
            let name = format!("almost-{number}");
            m.apply(&format!("{line}{}", text(&name))).exits(1).says(&["bad-header"]);
            assert_eq!(m.sh("uname -n"), name, "{line}");
            assert_eq!(m.text(KEYS), format!("{key}\n"));
        }
        m.absent("/etc/no");
        m.absent(SCRIPTS);
    });

    suite.fresh("a_file_system_that_runs_nothing_does_not_matter", |m| {
        m.sh("mkdir -p /var/lib/coreos-cloudinit; mount -t tmpfs -o noexec tmpfs /var/lib/coreos-cloudinit");
        m.apply("#!/bin/sh\ntouch /run/ran\n").ok();
        appears(m, "/run/ran");
    });

    suite.fresh("the_workspace_is_beneath_the_root", |m| {
        m.apply_with("#!/bin/sh\ntouch /run/ran\n", &["--workspace=srv/space"], &[]).ok();
        appears(m, "/run/ran");
        assert!(m.exists("/srv/space/scripts/unit-name"));
        m.absent(SCRIPTS);
    });

    suite.fresh("tokens_are_replaced_and_the_environment_is_there_before", |m| {
        let script =
            "#!/bin/sh\ncat /etc/environment > /run/seen\necho $public_ipv4 >> /run/seen\nmv /run/seen /run/all\n";
        m.apply_with(script, &[], &[("COREOS_PUBLIC_IPV4", "203.0.113.9")]).ok();
        appears(m, "/run/all");
        assert_eq!(m.text("/run/all"), "COREOS_PUBLIC_IPV4=203.0.113.9\n203.0.113.9\n");
    });
}
