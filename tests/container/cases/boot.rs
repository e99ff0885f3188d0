//! At boot: the units of an image, and their limits.

use super::keys::key;
use crate::testbed::{Boot, Suite};

const OEM: &str = "/usr/share/oem/cloud-config.yml";
const SERVICE: &str = "system-cloudinit@usr-share-oem-cloud\\x2dconfig.yml.service";

/// A machine whose image has the units of `oem/` and this cloud-config.
fn image(path: &str, config: &str) -> Boot {
    let oem = concat!(env!("CARGO_MANIFEST_DIR"), "/oem/systemd/system");
    let target = "/usr/lib/systemd/system/system-config.target";
    Boot::default()
        .copy(oem, "/usr/lib/systemd/system")
        .link("/etc/systemd/system/multi-user.target.wants/system-config.target", target)
        .file(path, config)
}

/// The pattern of old images: a unit that runs the program again while the first run waits for its job.
const AGAIN: &str = r#"#cloud-config
coreos:
  oem:
    id: testbed
    name: The testbed
  units:
    - name: oem-cloudinit.service
      command: restart
      runtime: yes
      content: |
        [Unit]
        Description=Run the program with what the platform gives

        [Service]
        Type=oneshot
        RemainAfterExit=yes
        ExecStart=/usr/bin/coreos-cloudinit --from-file=/usr/share/oem/inner.yml
    - name: after.service
      command: start
      runtime: yes
      content: "[Service]\nExecStart=/bin/sleep infinity"
"#;

pub fn cases(suite: &mut Suite) {
    // The file that the project ships, as it is, and a user-data file as Vagrant puts it there later.
    let vagrant = image(OEM, include_str!("../../../oem/vagrant/cloud-config.yml"));
    suite.boot("the_vagrant_image_applies_its_own_file_and_then_the_users", vagrant, |m| {
        assert_eq!(m.active(SERVICE), "active", "{}", m.whole_log());
        assert_eq!(m.active("system-config.target"), "active");
        assert!(m.text("/etc/oem-release").starts_with("ID=vagrant\nVERSION_ID=1.0\nNAME=\"Vagrant\"\n"));
        let unit = |system: &str, kind: &str| {
            format!(r"user-cloudinit@var-lib-{system}\x2dvagrant-vagrantfile\x2duser\x2ddata.{kind}")
        };
        for system in ["coreos", "flatcar"] {
            assert_eq!(m.property(&unit(system, "path"), "SubState"), "waiting");
        }
        m.put("/root/user-data", "#cloud-config\nhostname: boxed\nusers: [{name: default, shell: []}]\n");
        m.sh("mkdir /var/lib/coreos-vagrant; mv /root/user-data /var/lib/coreos-vagrant/vagrantfile-user-data");
        m.sh(&format!("until systemctl is-failed --quiet '{}'; do sleep 0.1; done", unit("coreos", "service")));
        assert_eq!(m.sh("hostname"), "boxed", "what is right in it is done");
        // It failed, and is not tried again and again.
        m.sh("sleep 1");
        let runs =
            m.sh("coreos-cloudinit --status --format=json | grep -c '\"source\": .*vagrantfile-user-data' || true");
        assert_eq!(runs, "1", "{}", m.whole_log());
    });
    let inner = format!(
        "#cloud-config\nhostname: inner\nssh_authorized_keys: ['{}']\nusers: [{{name: inner}}]\n\
         write_files: [{{path: /etc/inner, content: x, owner: inner}}]\n\
         coreos: {{units: [{{name: docker.service, command: start}}]}}\n",
        key("inner")
    );
    suite.boot("a_unit_that_runs_the_program_again", image(OEM, AGAIN).file("/usr/share/oem/inner.yml", inner), |m| {
        let results = [SERVICE, "oem-cloudinit.service", "after.service"].map(|unit| (unit, m.active(unit)));
        for (unit, state) in results {
            assert_eq!(state, "active", "{unit}\n{}", m.whole_log());
        }
        assert!(m.text("/etc/oem-release").starts_with("ID=testbed\n"));
        assert_eq!(m.sh("hostname"), "inner");
        assert_eq!(m.text("/home/core/.ssh/authorized_keys.d/coreos-cloudinit"), key("inner") + "\n");
        assert_eq!(m.sh("stat -c %U /etc/inner"), "inner");
        assert_eq!(m.active("docker.service"), "active");
        assert_eq!(m.active("system-config.target"), "active");
        assert_eq!(m.property(SERVICE, "NRestarts"), "0");
        assert!(m.sh("systemd-analyze time").contains("Startup finished"));
    });

    suite.boot(
        "each_run_logs_to_the_journal_natively",
        image(OEM, "#cloud-config\nwrite_files: [{path: /etc/a}, {path: /etc/b, permissions: x}]\n"),
        |m| {
            let entries = m.journal();
            assert!(!entries.is_empty(), "nothing in the journal");
            for entry in &entries {
                assert_eq!(entry["_TRANSPORT"], "journal", "{entry:?}");
                assert!(entry.contains_key("PRIORITY"), "{entry:?}");
            }
            let of = |priorities: &[&str], word: &str| {
                entries.iter().any(|entry| {
                    let has = |field: &str, test: &dyn Fn(&str) -> bool| entry[field].as_str().is_some_and(test);
                    has("PRIORITY", &|priority| priorities.contains(&priority))
                        && has("MESSAGE", &|text| text.contains(word))
                })
            };
            assert!(of(&["3"], "/etc/b"), "no error about what was refused: {entries:#?}");
            assert!(of(&["5", "6"], "/etc/a"), "no note of what was done: {entries:#?}");
            assert_eq!(m.active(SERVICE), "failed");
            assert!(m.exists("/etc/a"));
        },
    );

    let place = "/usr/share/coreos/cloud-config.yml";
    suite.boot("the_newer_place_is_applied_too", image(place, "#cloud-config\nhostname: newer\n"), |m| {
        assert_eq!(m.sh("hostname"), "newer");
        assert_eq!(m.active("system-config.target"), "active");
        assert_eq!(m.property(SERVICE, "ConditionResult"), "no");
    });

    suite.boot("an_empty_file_is_nothing_to_do", image(OEM, ""), |m| {
        assert_eq!(m.property(SERVICE, "ConditionResult"), "no");
        assert_eq!(m.sh("systemctl is-system-running"), "running");
    });

    let waits = r#"#cloud-config
coreos:
  units:
    - name: later.service
      command: start
      content: "[Unit]\nAfter=multi-user.target\n[Service]\nExecStart=/bin/sleep infinity"
    - name: now.service
      command: start
      content: "[Service]\nExecStart=/bin/sleep infinity"
"#;
    suite.boot("a_job_that_waits_for_the_boot_does_not_stop_it", image(OEM, waits), |m| {
        for unit in ["later.service", "now.service", SERVICE] {
            assert_eq!(m.active(unit), "active", "{unit}\n{}", m.whole_log());
        }
    });

    suite.boot(
        "the_environment_that_the_platform_gives_is_used",
        image(OEM, "#cloud-config\nwrite_files: [{path: /etc/a, content: $private_ipv4}]\n")
            .file("/etc/environment", "COREOS_PRIVATE_IPV4=10.1.2.3\n"),
        |m| {
            assert_eq!(m.text("/etc/a"), "10.1.2.3");
            assert_eq!(m.text("/etc/environment"), "COREOS_PRIVATE_IPV4=10.1.2.3\n");
        },
    );

    let script = "#!/bin/sh\nsystemctl start docker.service\ntouch /run/script\n";
    suite.boot("a_script_at_boot_can_start_units", image(OEM, script), |m| {
        m.sh("for i in $(seq 100); do test -e /run/script && exit 0; sleep 0.1; done; exit 1");
        assert_eq!(m.active("docker.service"), "active");
    });

    let late = AGAIN.replace("after.service", "late.service");
    let inner = "#cloud-config\ncoreos:\n  units:\n    - {name: last.service, command: start, content: \"[Unit]\\nAfter=multi-user.target\\n[Service]\\nExecStart=/bin/sleep infinity\"}\n";
    suite.boot(
        "an_inner_run_whose_job_waits_for_the_boot_does_not_stop_it",
        image(OEM, &late).file("/usr/share/oem/inner.yml", inner),
        |m| {
            for unit in ["last.service", "late.service", "oem-cloudinit.service", SERVICE] {
                assert_eq!(m.active(unit), "active", "{unit}\n{}", m.whole_log());
            }
        },
    );
}
