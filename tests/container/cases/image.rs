//! At boot: an image as `make install` lays it out, with its user's files.

use std::process::Command;
use std::sync::OnceLock;

use super::keys::key;
use crate::testbed::{Boot, Machine, PROGRAM_INSIDE, Suite, marked, release, sandbox};

const OEM: &str = "/usr/share/oem/cloud-config.yml";
const NEWER: &str = "/usr/share/coreos/cloud-config.yml";
const OEM_RUN: &str = r"system-cloudinit@usr-share-oem-cloud\x2dconfig.yml.service";
const NEWER_RUN: &str = r"system-cloudinit@usr-share-coreos-cloud\x2dconfig.yml.service";
pub const DATA: &str = "/var/lib/coreos-install/user_data";
pub const DATA_RUN: &str = r"user-cloudinit@var-lib-coreos\x2dinstall-user_data.service";
const DATA_WATCH: &str = r"user-cloudinit@var-lib-coreos\x2dinstall-user_data.path";
const FLATCAR: &str = "/var/lib/flatcar-install/user_data";
const FLATCAR_RUN: &str = r"user-cloudinit@var-lib-flatcar\x2dinstall-user_data.service";

/// A machine in which everything is where `make install` puts it. The program itself is not copied: the
/// testbed binds it there.
pub fn image() -> Boot {
    static INSTALLED: OnceLock<std::path::PathBuf> = OnceLock::new();
    let tree = INSTALLED.get_or_init(|| {
        let tree = sandbox::machines().join("image");
        let output = Command::new("make")
            .args(["--silent", "--directory", env!("CARGO_MANIFEST_DIR"), "install", "BIN=/dev/null"])
            .arg(format!("DESTDIR={}", tree.display()))
            .output()
            .expect("make is there");
        assert!(output.status.success(), "make install: {}", String::from_utf8_lossy(&output.stderr));
        tree
    });
    Boot::default().copy(tree, "/")
}

/// A cloud-config whose run takes more than a second: it starts a unit and waits for it.
fn slow(more: &str) -> String {
    let unit = "coreos: {units: [{name: slow.service, command: start, runtime: true, content: \"[Service]\\nType=oneshot\\nExecStart=/bin/sleep 1.5\"}]}";
    format!("#cloud-config\n{unit}\n{more}")
}

/// The first cloud-config of the page for images of Container Linux.
fn container_linux() -> &'static str {
    let page = include_str!("../../../oem/README.md");
    let section = page.split_once("## On Container Linux").expect("the section").1;
    section.split_once("```yaml\n").and_then(|(_, rest)| rest.split_once("```")).expect("a configuration").0
}

/// A moment in the life of a unit, in microseconds since the boot.
fn moment(m: &Machine, unit: &str, property: &str) -> u64 {
    let value = m.property(unit, &format!("{property}Monotonic"));
    let moment = value.parse().unwrap_or_else(|_| panic!("{unit} has no {property}: {value}"));
    assert_ne!(moment, 0, "{unit} has no {property}\n{}", m.whole_log());
    moment
}

/// Checks that `later` begins when `earlier` is done.
fn follows(m: &Machine, later: &str, earlier: &str) {
    let (begun, done) = (moment(m, later, "ExecMainStartTimestamp"), moment(m, earlier, "ExecMainExitTimestamp"));
    assert!(begun > done, "{later} begins at {begun}, {earlier} is done at {done}\n{}", m.whole_log());
}

/// Checks the invariants of every boot.
pub fn sound(m: &Machine) {
    // systemd logs a cycle before there is a journal; `verify` still finds it later.
    let reported = m.verify(&["default.target"]);
    assert!(!reported.stderr.contains("cycle"), "{reported}");
    let log = m.whole_log();
    for word in ["ordering cycle", "Unknown key", "Unknown section", "start request repeated", "bad-setting"] {
        assert!(!log.contains(word), "{word}:\n{log}");
    }
    assert_eq!(m.active("user-config.target"), "active", "{log}");
}

/// Returns the number of runs on `source` since the boot.
fn runs(m: &Machine, source: &str) -> usize {
    let status = m.program(&["--status", "--format=json"]).run().stdout;
    status.matches(&format!("\"source\": \"{source}")).count()
}

pub fn cases(suite: &mut Suite) {
    suite.boot(
        "an_image_with_its_own_file_alone",
        image().file(OEM, "#cloud-config\ncoreos: {oem: {id: alone}}\n"),
        |m| {
            sound(m);
            assert!(m.text("/etc/oem-release").starts_with("ID=alone\n"));
            assert_eq!(m.sh("systemctl is-system-running"), "running");
            assert_eq!(m.active("system-config.target"), "active");
            for path in [DATA_WATCH, &DATA_WATCH.replace("coreos", "flatcar")] {
                assert_eq!(m.property(path, "SubState"), "waiting");
            }
            assert_eq!(m.property("user-cloudinit-proc-cmdline.service", "ConditionResult"), "no");
            // Nothing is mounted: the service for it does nothing, and does not fail.
            for name in ["user-configdrive", "user-configvirtfs", "user-nocloud", "user-config-ovfenv"] {
                m.sh(&format!("systemctl start {name}.service"));
                assert_eq!(m.property(&format!("{name}.service"), "ConditionResult"), "no");
            }
            // systemd has nothing to say about any of them, here where all they refer to is.
            let units = m.sh(
                "cd /usr/lib/systemd/system; ls -d system-config* user-config* user-cloudinit-* user-nocloud* media-*",
            );
            let units: Vec<_> = units.lines().chain([OEM_RUN, DATA_RUN, DATA_WATCH]).collect();
            assert_eq!(m.verify(&units).ok().stderr, "");
            // Nor has udev about the rules: it reads them all for any device, and names the file of a fault.
            let read = m.sh("udevadm test --action=add /devices/virtual/mem/null 2>&1");
            for rules in ["90-configdrive.rules", "90-nocloud.rules", "90-ovfenv.rules"] {
                let reported: Vec<_> = read.lines().filter(|line| line.contains(rules)).collect();
                assert_eq!(reported, [format!("Reading rules file: /usr/lib/udev/rules.d/{rules}")], "{read}");
            }
        },
    );

    let both = image()
        .file(OEM, slow("write_files: [{path: /etc/order, content: system}]\n"))
        .file(DATA, "#cloud-config\nwrite_files: [{path: /etc/order, content: $private_ipv4}]\n")
        .file(FLATCAR, "#cloud-config\nhostname: flatcar\n")
        .file("/etc/environment", "COREOS_PRIVATE_IPV4=10.1.2.3\n");
    suite.plain("a_users_file_in_either_place_follows_the_image_at_every_boot", move || {
        let mut m = both.boot();
        let mut inode = None;
        for boot in ["first", "second"] {
            sound(&m);
            assert_eq!(m.sh("systemctl is-system-running"), "running", "{boot} boot\n{}", m.whole_log());
            assert_eq!(m.text("/etc/order"), "10.1.2.3", "the user has the last word");
            assert_eq!(m.sh("hostname"), "flatcar");
            for run in [DATA_RUN, FLATCAR_RUN] {
                assert_eq!(m.active(run), "active");
                follows(&m, run, OEM_RUN);
                let begun = moment(&m, run, "ExecMainStartTimestamp");
                assert!(begun >= moment(&m, "system-config.target", "ActiveEnterTimestamp"), "{boot} boot");
                let done = moment(&m, run, "ExecMainExitTimestamp");
                assert!(done <= moment(&m, "user-config.target", "ActiveEnterTimestamp"), "{boot} boot");
            }
            assert_eq!((runs(&m, DATA), runs(&m, FLATCAR), runs(&m, OEM)), (1, 1, 1), "{boot} boot");
            // No boot waits for our units longer than they work.
            let late = moment(&m, "multi-user.target", "ActiveEnterTimestamp");
            assert!(late < moment(&m, DATA_RUN, "ExecMainExitTimestamp") + 5_000_000, "{}", m.whole_log());
            let found = m.sh("stat -c %i-%Z /etc/hostname");
            assert_eq!(*inode.get_or_insert_with(|| found.clone()), found, "{boot} boot: written anew");
            if boot == "first" {
                m.reboot(&both);
            }
        }
    });

    // A file as in an image: the testbed's own mount would be taken for this one.
    let oem = image()
        .bare()
        .copy(release::program(), PROGRAM_INSIDE)
        .file(OEM, container_linux())
        .copy(marked::program(), "/usr/share/oem/coreos-cloudinit")
        .file(DATA, "#cloud-config\nhostname: replaced\n");
    suite.boot("a_program_on_the_oem_partition_replaces_that_of_the_image", oem, |m| {
        sound(m);
        assert_eq!(m.sh("tail -c 15 /usr/bin/coreos-cloudinit"), marked::MARK, "{}", m.whole_log());
        assert_eq!(m.sh("hostname; systemctl is-system-running"), "replaced\nrunning");
        let mounted = moment(m, r"usr-bin-coreos\x2dcloudinit.mount", "ActiveEnterTimestamp");
        assert!(moment(m, DATA_RUN, "ExecMainStartTimestamp") > mounted, "{}", m.whole_log());
        assert!(moment(m, OEM_RUN, "ExecMainStartTimestamp") < mounted, "the program of the image mounts it");
        assert_eq!((runs(m, OEM), runs(m, DATA)), (1, 1));
    });

    // As `oem/customize-image.sh` writes it.
    let customized = image()
        .file(
            OEM,
            "#cloud-config\nhostname: image\ncoreos:\n  units:\n    - name: user-cloudinit@usr-share-oem-user_data.path\n      command: start\n",
        )
        .file("/usr/share/oem/user_data", "#cloud-config\nhostname: customized\n");
    suite.boot("the_user_data_of_a_customized_image_follows_its_cloud_config", customized, |m| {
        sound(m);
        let run = "user-cloudinit@usr-share-oem-user_data.service";
        m.sh(&format!("until systemctl is-active --quiet {run}; do sleep 0.1; done"));
        assert_eq!(m.sh("systemctl is-system-running"), "running", "{}", m.whole_log());
        assert_eq!(m.sh("hostname"), "customized");
        follows(m, run, OEM_RUN);
        assert_eq!((runs(m, "/usr/share/oem/user_data"), runs(m, OEM)), (1, 1), "{}", m.whole_log());
    });

    suite.boot("a_users_file_that_comes_later_is_applied_once", image(), |m| {
        sound(m);
        m.put("/root/user_data", "#cloud-config\nhostname: later\n");
        m.sh(&format!("mkdir -p {0}; mv /root/user_data {0}/", DATA.trim_end_matches("/user_data")));
        m.sh(&format!("until systemctl is-active --quiet '{DATA_RUN}'; do sleep 0.1; done"));
        assert_eq!(m.sh("hostname"), "later");
        assert_eq!(m.active(DATA_WATCH), "inactive", "the watch is over");
        m.put("/root/user_data", "#cloud-config\nhostname: again\n");
        m.sh(&format!("mv /root/user_data {DATA}; sleep 1; touch {DATA}; sleep 0.5"));
        assert_eq!((m.sh("hostname").as_str(), runs(m, DATA)), ("later", 1), "once a boot");
        // One more file, of which the image knows nothing.
        m.put("/srv/more.yml", "#cloud-config\nhostname: more\n");
        m.sh("systemctl enable --now user-cloudinit@srv-more.yml.path");
        m.sh("until systemctl is-active --quiet user-cloudinit@srv-more.yml.service; do sleep 0.1; done");
        assert_eq!(m.sh("hostname"), "more");
        let link = "/etc/systemd/system/user-config.target.wants/user-cloudinit@srv-more.yml.path";
        assert!(m.link(link).is_some(), "every boot looks for it");
    });

    let broken = format!(
        "#cloud-config\nhostname: broken\nssh_authorized_keys: ['{}']\nwrite_files: [{{path: /etc/a, permissions: x}}]\n",
        key("broken")
    );
    suite.boot("a_users_file_that_fails_is_applied_once", image().file(DATA, broken), |m| {
        sound(m);
        m.sh("sleep 1.5");
        assert_eq!(runs(m, DATA), 1, "{}", m.whole_log());
        assert_eq!(m.sh("hostname"), "broken");
        assert_eq!(m.text("/home/core/.ssh/authorized_keys.d/coreos-cloudinit"), key("broken") + "\n");
        let failed = m.sh("systemctl --failed --plain --no-legend");
        assert_eq!(failed.split_whitespace().next(), Some(DATA_RUN), "{failed}");
        assert_eq!(failed.lines().count(), 1, "{failed}");
        assert!(m.journal().iter().any(|entry| entry["PRIORITY"] == "3"), "nothing in the journal");
        assert!(m.program(&["--status"]).run().stdout.contains("/etc/a"));
        // The user corrects the file and applies it again by hand.
        m.put(DATA, "#cloud-config\nhostname: mended\n");
        m.sh(&format!("systemctl restart '{DATA_RUN}'"));
        assert_eq!(m.sh("hostname"), "mended");
    });

    let two = image()
        .file(OEM, "#cloud-config\nwrite_files: [{path: /etc/a, permissions: x}]\n")
        .file(NEWER, slow(""))
        .file(DATA, "#cloud-config\nhostname: user\n");
    suite.boot("a_failure_of_the_image_does_not_affect_the_user", two, |m| {
        sound(m);
        assert_eq!((m.active(OEM_RUN).as_str(), m.active(NEWER_RUN).as_str()), ("failed", "active"));
        assert_eq!(m.active("system-config.target"), "inactive", "it needs what has failed");
        assert_eq!(m.sh("hostname"), "user");
        // The target has failed early, and its units are still waited for.
        follows(m, DATA_RUN, OEM_RUN);
        follows(m, DATA_RUN, NEWER_RUN);
    });

    let instead = "[Service]\nExecStart=\nExecStart=/bin/true\n";
    let asked = image()
        .kernel("quiet")
        .kernel("cloud_config_url=http://192.0.2.1/")
        .file("/etc/systemd/system/user-cloudinit-proc-cmdline.service.d/instead.conf", instead);
    suite.boot("the_kernel_command_line_is_looked_at_in_either_spelling", asked, |m| {
        sound(m);
        assert_eq!(m.active("user-cloudinit-proc-cmdline.service"), "active");
    });

    drives(suite, instead);
}

/// Config drives, as far as they can be had without a disk: something else is mounted in their places.
fn drives(suite: &mut Suite, instead: &str) {
    let directories =
        image().file("/media/configvirtfs/openstack/latest/user_data", "").file("/media/configdrive/x", "");
    let directories = directories
        .file("/etc/systemd/system/user-configdrive.service.d/instead.conf", instead)
        .file("/etc/systemd/system/user-config-ovfenv.service.d/instead.conf", instead)
        .file("/etc/tmpfiles.d/empty.conf", "r! /media/configdrive/x\n");
    suite.boot("an_empty_mount_point_does_not_stay", directories, |m| {
        sound(m);
        // Its content is read once the file system is mounted.
        assert!(m.exists("/media/configvirtfs/openstack/latest/user_data"));
        m.sh("systemctl stop user-config-tidy.service; mkdir -p /media/configdrive /media/ovfenv; rm -f /media/configdrive/x");
        // systemd 257 starts what a mount wants even if the mount is not its own.
        m.sh("mount -t tmpfs none /media/ovfenv; systemctl start user-config-tidy.service");
        assert!(!m.exists("/media/configdrive"));
        assert!(m.exists("/media/ovfenv"));
        assert_eq!(m.sh("systemctl --failed --plain --no-legend"), "", "{}", m.whole_log());

        let unit = "user-configdrive.service";
        m.sh("mkdir /media/configdrive; mount -t tmpfs none /media/configdrive");
        let begun = |config: &str| {
            m.put("/etc/.ignition-result.json", config);
            m.sh(&format!("systemctl stop {unit}; systemctl start {unit}"));
            assert_ne!(m.active(unit), "failed");
            m.active(unit) == "active"
        };
        assert!(!begun("{\n  \"provisioningBootID\": \"x\",\n  \"userConfigProvided\": true\n}\n"));
        assert!(!begun("{\"userConfigProvided\":true,\"a\":false}"));
        assert!(begun("{\n  \"userConfigProvided\": false,\n  \"other\": true\n}\n"));
        m.sh("rm /etc/.ignition-result.json");
        m.sh(&format!("systemctl restart {unit}"));
        assert_eq!(m.active(unit), "active");
    });

    for (name, word, begins) in [
        ("a_drive_is_left_alone_on_a_platform_of_flatcars", "flatcar.oem.id=openstack", false),
        ("a_drive_is_applied_on_other_platforms", "flatcar.oem.id=qemu", true),
    ] {
        let machine = image().kernel(word).file("/etc/systemd/system/user-configdrive.service.d/instead.conf", instead);
        suite.boot(name, machine, move |m| {
            m.sh("mkdir /media/configdrive; mount -t tmpfs none /media/configdrive; systemctl start user-configdrive.service");
            assert_eq!(m.active("user-configdrive.service"), if begins { "active" } else { "inactive" });
        });
    }

    // The run that the image's file starts reads the drive: it is not applied once more, although systemd
    // had it on its list before the file was read.
    let masked = image()
        .file(OEM, include_str!("../../../oem/openstack/cloud-config.yml"))
        .file("/etc/systemd/system/oem-cloudinit.service.d/instead.conf", instead)
        .file("/etc/systemd/system/user-configdrive.service.d/instead.conf", instead)
        .file(
            "/etc/systemd/system/media-configdrive.mount",
            "[Mount]\nWhat=none\nWhere=/media/configdrive\nType=tmpfs\n",
        )
        .link("/etc/systemd/system/local-fs.target.wants/media-configdrive.mount", "../media-configdrive.mount")
        .link(
            "/etc/systemd/system/multi-user.target.wants/user-configdrive.service",
            "/usr/lib/systemd/system/user-configdrive.service",
        );
    suite.boot("a_drive_is_applied_once", masked, |m| {
        sound(m);
        assert_eq!(m.active("oem-cloudinit.service"), "active", "{}", m.whole_log());
        assert_eq!(m.property("user-configdrive.service", "LoadState"), "masked");
        assert_eq!(m.active("user-configdrive.service"), "inactive", "{}", m.whole_log());
        assert_eq!(m.sh("systemctl is-system-running"), "running");
    });
}
