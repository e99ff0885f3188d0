//! The golden conversions in trees: one of Ignition and one of a run, which do not boot.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::json;

use self::case::Case;
use super::conversion::{Allowed, DIRECTORIES, ENVIRONMENT, content, convert_file, differences, flatcar};
use crate::testbed::boot::mount_overlay_over;
use crate::testbed::{PROGRAM, Suite, command, ignition, sandbox};

// Another test uses the rest of it.
#[allow(dead_code)]
#[path = "../../pure/plans/case.rs"]
mod case;

/// The first boot of the tree `$1`, without the services that need a machine: presets, lines of tmpfiles, addresses. As at
/// a boot, a line with an unknown user is no failure.
const FIRST_BOOT: &str = r#"
    set -eu
    systemctl --quiet --root="$1" preset-all --preset-mode=enable-only
    lines=$1/etc/tmpfiles.d/cloud-config.conf
    [ ! -f "$lines" ] || systemd-tmpfiles --root="$1" --create "$lines" || [ $? = 65 ]
    script=/etc/cloud-config/addresses.sh
    [ ! -f "$1$script" ] || chroot "$1" /bin/sh "$script"
"#;

/// Places that may differ in every case.
const EVERY_TREE: [(&str, &str); 22] = [
    ("*/.authorized_keys.d.lock", "lock of a run"),
    ("*/.ssh/authorized_keys", "made of all key sets by the image"),
    ("etc/*-", "a run with --root makes no backups of accounts"),
    ("etc/.ignition-result.json", "Ignition has a file of its own there"),
    ("etc/cloud-config", "generated files"),
    ("etc/environment", "nothing in the configuration reads it"),
    ("etc/machine-id", "chosen at the first boot"),
    ("etc/systemd/system-preset", "presets of the result"),
    ("etc/systemd/system/*.d", "the directory of one of the following"),
    ("etc/systemd/system/*10-cloud-config-addresses.conf", "a generated drop-in"),
    ("etc/systemd/system/*10-cloud-config-late.conf", "a generated drop-in"),
    ("etc/systemd/system/*20-cloud-config-etcd.conf", "options of etcd"),
    ("etc/systemd/system/*20-cloud-config-etcd2.conf", "options of etcd2"),
    ("etc/systemd/system/*00-cloud-config-flannel.conf", "options of flannel"),
    ("etc/systemd/system/*20-cloud-config-locksmith.conf", "options of locksmith"),
    ("etc/systemd/system/*.d/20-cloudinit.conf", "options in a run"),
    ("etc/systemd/system/cloud-config-*", "generated units"),
    ("etc/systemd/system/multi-user.target.wants", "units are started by links of the target"),
    ("etc/tmpfiles.d", "modes, owners and places that Ignition cannot set"),
    ("run/cloud-config", "files of the generated units"),
    ("run/coreos-cloudinit", "secret options in a run"),
    ("var/lib/coreos-cloudinit", "scripts in a run"),
];

/// Places that may differ in one case.
const TREES: [(&str, &Allowed); 41] = [
    (
        "addresses-without-an-agent",
        &[
            ("etc/systemd/system/b.service", "addresses are variables"),
            ("etc/systemd/system/c.service", "addresses are in an environment file"),
            ("etc/systemd/system/described.service", "addresses are variables"),
        ],
    ),
    ("agent-that-does-not-run", &[("etc/systemd/system/a.service", "addresses are variables")]),
    (
        "commands-of-old-images",
        &[("etc/flatcar/update.conf", "the settings of the image stay in the file of the image")],
    ),
    (
        "places-of-user-keys",
        &[
            ("etc/group", "the image may lack groups of users"),
            ("etc/gshadow", "the image may lack groups of users"),
            ("etc/passwd", "a home and a shell are not converted"),
            ("etc/shadow", "user Eve is not converted"),
            ("etc/subgid", "user Eve is not converted"),
            ("etc/subuid", "user Eve is not converted"),
            ("home/*", "a home is not converted, and IDs differ"),
        ],
    ),
    ("addresses-that-a-platform-lacks", &[("etc/systemd/system/a.service", "addresses are variables")]),
    (
        "clashes-of-helpers",
        &[
            ("etc/group-only.conf", "a run does not write it"),
            ("etc/multi-user.conf", "a run does not write it"),
            ("etc/owner-only.conf", "a run does not write it"),
            ("etc/systemd/system/twice.socket", "settings with addresses are omitted"),
        ],
    ),
    (
        "clashes-of-parts",
        &[
            ("etc/systemd/network/10-a.network", "clashes with a file of another part"),
            ("etc/systemd/system/a.service", "clashes with a file of another part"),
            ("etc/systemd/system/c.service.d/a.conf", "clashes with a file of another part"),
        ],
    ),
    (
        "cycles-of-the-boot",
        &[
            ("etc/systemd/system/by-hand.service", "a setting that would close a cycle"),
            ("etc/systemd/system/data.mount", "a setting that would close a cycle"),
            ("etc/systemd/system/docker.socket.d/10-after.conf", "a setting that would close a cycle"),
            ("etc/systemd/system/install.service", "a setting that would close a cycle"),
            ("etc/systemd/system/own.service", "a setting that would close a cycle"),
            ("etc/systemd/system/own.service.d/10-early.conf", "a setting that would close a cycle"),
            ("etc/systemd/system/sshd.socket.d/10-by-hand.conf", "a setting that would close a cycle"),
            ("etc/systemd/system/systemd-tmpfiles-setup.service.d/10-after.conf", "a setting that would close a cycle"),
        ],
    ),
    (
        "cycles-of-the-boot-ordered",
        &[
            ("etc/systemd/system/docker.socket.d/10-after.conf", "a setting that would close a cycle"),
            ("etc/systemd/system/own.service", "a setting that would close a cycle"),
            ("etc/systemd/system/own.service.d/10-early.conf", "a setting that would close a cycle"),
            ("etc/systemd/system/sshd.socket.d/10-by-hand.conf", "a setting that would close a cycle"),
            ("etc/systemd/system/systemd-tmpfiles-setup.service.d/10-after.conf", "a setting that would close a cycle"),
        ],
    ),
    ("directories-of-users", &[("home/ada/app.conf", "not converted"), ("srv/bob/app.conf", "not converted")]),
    ("drop-ins-by-hand", &[("etc/systemd/system/a.service", "addresses are variables")]),
    (
        "environment-of-units",
        &[
            ("etc/systemd/system/by-hand.service", "addresses are in an environment file"),
            ("etc/systemd/system/files.service", "addresses are in an environment file"),
            ("etc/systemd/system/later-drop-in.service", "addresses are in an environment file"),
            ("etc/systemd/system/reset.service", "addresses are in an environment file"),
            ("etc/systemd/system/reset.service.d/50-a.conf", "addresses are in an environment file"),
            ("etc/systemd/system/specifiers.service", "addresses are in an environment file"),
            ("etc/systemd/system/specifiers.service.d/10-a.conf", "an assignment is not converted"),
            ("etc/systemd/system/later-drop-in.service.d/20-b.conf", "its only line is in an environment file"),
            ("etc/systemd/system/template@.service", "addresses are in an environment file"),
            ("etc/systemd/system/template@1.service.d", "addresses are in an environment file"),
        ],
    ),
    ("etcd2-and-flannel", &[("etc/systemd/system/etcd2.service.d", "its drop-ins are not converted")]),
    ("files", &[("srv/unknown-user", "a run does not write it")]),
    (
        "files-of-early-boot",
        &[
            ("etc/systemd/network/10-a.network", "not converted"),
            ("etc/systemd/system/executable.service", "a unit, with the mode of units"),
            ("etc/systemd/system/secret.service", "not converted"),
        ],
    ),
    (
        "homes",
        &[
            ("etc/passwd", "the default home directory is used"),
            ("home", "the default home directory is used"),
            ("run/bob", "the default home directory is used"),
        ],
    ),
    ("hosts-without-hostname", &[("etc/hosts", "not converted")]),
    (
        "implied-order",
        &[
            ("etc/systemd/system/before.service", "a setting that would close a cycle"),
            ("etc/systemd/system/bus.service", "a setting that would close a cycle"),
            ("etc/systemd/system/docker.socket.d/10-after.conf", "a setting that would close a cycle"),
            ("etc/systemd/system/install.service", "a setting that would close a cycle"),
            ("etc/systemd/system/private.service", "a setting that would close a cycle"),
            ("etc/systemd/system/slice.service", "a setting that would close a cycle"),
        ],
    ),
    ("known-addresses", &[("etc/app.conf", "other addresses"), ("etc/hostname", "other addresses")]),
    ("late-mounts", &[("etc/systemd/system/local-fs.target.requires", "enabled in place of started")]),
    ("masks-of-other-items", &[("etc/systemd/system/a.service.d/10-a.conf", "the mask leaves it without effect")]),
    (
        "mounts-of-early-boot",
        &[
            ("etc/systemd/system/sockets.target.d", "not converted"),
            ("etc/systemd/system/systemd-udevd.service.d/10-data.conf", "not converted"),
            ("etc/systemd/system/var-log.mount", "not converted"),
            ("etc/systemd/system/var.automount", "not converted"),
            ("etc/systemd/system/var.mount", "not converted"),
        ],
    ),
    (
        "mounts-of-early-boot-ordered",
        &[
            ("etc/systemd/system/sockets.target.d", "not converted"),
            ("etc/systemd/system/var-log.mount", "not converted"),
            ("etc/systemd/system/var.automount", "not converted"),
            ("etc/systemd/system/var.mount", "not converted"),
        ],
    ),
    ("multipart", &[("etc/flatcar/update.conf", "what is not set comes from /usr/share")]),
    ("names-for-tmpfiles", &[("run/a\tb", "not converted")]),
    ("networkd", &[("etc/systemd/network/40-address.network", "not converted")]),
    (
        "ordered",
        &[
            ("etc/flatcar/update.conf", "what is not set comes from /usr/share"),
            ("etc/systemd/system/locksmithd.service", "`off` is a line of update.conf"),
        ],
    ),
    (
        "paths-of-the-image",
        &[
            ("etc/passwd", "users adm and etcd are not converted, and bob gets the default home directory"),
            ("etc/shadow", "users adm and etcd are not converted"),
            ("etc/subgid", "users adm and etcd are not converted"),
            ("etc/subuid", "users adm and etcd are not converted"),
            ("home/adm", "user adm is not converted"),
            ("home/bob", "the default home directory is used"),
            ("home/eve/.ssh", "not converted"),
        ],
    ),
    ("refused-by-ignition", &[("srv/.ssh", "not converted"), ("srv/shared/.ssh", "not converted")]),
    (
        "reported-once",
        &[
            ("etc/group", "user Bob is not converted"),
            ("etc/gshadow", "user Bob is not converted"),
            ("etc/passwd", "user Bob is not converted"),
            ("etc/shadow", "user Bob is not converted"),
            ("etc/subgid", "user Bob is not converted"),
            ("etc/subuid", "user Bob is not converted"),
            ("home/Bob", "user Bob is not converted"),
            ("etc/systemd/network/10-address.network", "not converted"),
            ("etc/systemd/system/by-hand.service", "not converted"),
        ],
    ),
    (
        "settings-that-units-need",
        &[
            ("etc/systemd/system/a.service", "not converted"),
            ("etc/systemd/system/a.socket", "not converted"),
            ("etc/systemd/system/colon.service", "not converted"),
            ("etc/systemd/system/data.automount", "not converted"),
            ("etc/systemd/system/data.mount", "not converted"),
            ("etc/systemd/system/docker.socket.d/10-a.conf", "a line is not converted"),
            ("etc/systemd/system/dollars.service", "not converted"),
            ("etc/systemd/system/escaped.service", "addresses are variables"),
            ("etc/systemd/system/optional.service", "a line is not converted"),
            ("etc/systemd/system/replaced.service", "a line is not converted"),
            ("etc/systemd/system/sshd.socket.d/10-a.conf", "not converted"),
        ],
    ),
    ("shells", &[("etc/passwd", "a shell that the image may not have")]),
    (
        "tokens",
        &[
            ("etc/group", "user ada is not converted"),
            ("etc/gshadow", "user ada is not converted"),
            ("etc/passwd", "user ada is not converted"),
            ("etc/shadow", "user ada is not converted"),
            ("etc/subgid", "user ada is not converted"),
            ("etc/subuid", "user ada is not converted"),
            ("home/ada", "user ada is not converted"),
            ("etc/hostname", "not converted"),
            ("etc/systemd/system/drop-in.service.d/10-a.conf", "its only line is in an environment file"),
            ("etc/systemd/system/environment.service", "addresses are in an environment file"),
            ("etc/systemd/system/exec.service", "addresses are variables"),
            ("etc/systemd/system/fleet-unit.service", "a line is not converted"),
            ("etc/systemd/system/lost.socket", "a line is not converted"),
            ("srv/10.1.2.3", "not converted"),
        ],
    ),
    ("tokens-of-a-platform", &[("etc/systemd/system/exec.service", "addresses are variables")]),
    (
        "units",
        &[
            ("etc/systemd/system/graphical.target.wants", "enabled in place of started"),
            ("etc/systemd/system/no-line-break.service", "a line break is added"),
        ],
    ),
    (
        "units-before-the-network",
        &[
            ("etc/systemd/system/coreos-metadata.service.d/10-a.conf", "a line is not converted"),
            ("etc/systemd/system/docker.socket.d/10-a.conf", "not converted"),
            ("etc/systemd/system/late.service", "addresses are variables"),
            ("etc/systemd/system/prepare.service", "a line is not converted"),
            ("etc/systemd/system/systemd-resolved.service.d/10-a.conf", "not converted"),
        ],
    ),
    (
        "units-by-hand",
        &[
            ("etc/systemd/system/a.service", "not converted"),
            ("etc/systemd/system/b@.service", "not converted"),
            ("etc/systemd/system/c.service", "a unit, with the mode of units"),
        ],
    ),
    ("update-by-hand", &[("etc/flatcar/update.conf", "a run does not know that /etc/coreos is a link")]),
    ("update-by-hand-with-tokens", &[("etc/flatcar/update.conf", "the section is not converted")]),
    (
        "update-of-coreos",
        &[
            ("etc/flatcar/update.conf", "what is not set comes from /usr/share"),
            ("etc/systemd/system/locksmithd.service", "`off` is a line of update.conf"),
        ],
    ),
    (
        "users",
        &[
            ("etc/group", "the image may lack the primary group of user web"),
            ("etc/gshadow", "the image may lack the primary group of user web"),
            ("etc/passwd", "the image may lack the primary group of user web"),
            ("etc/shadow", "user docker is not converted"),
            ("etc/subgid", "user docker is not converted"),
            ("etc/subuid", "user docker is not converted"),
            ("home/docker", "user docker is not converted"),
            ("home/web", "the image may lack the primary group of user web"),
        ],
    ),
];

fn run(command: &mut Command, codes: &[i32]) {
    let said = command::run(command, Duration::from_secs(60));
    assert!(codes.contains(&said.code), "{said}");
}

/// Returns the golden conversions for Ignition, without those whose run asks servers for keys, and those that `--strict`
/// rejects.
fn goldens() -> Vec<PathBuf> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/pure/conversions");
    let entries = fs::read_dir(directory).expect("there are some").flatten();
    let mut goldens: Vec<_> =
        entries.map(|entry| entry.path()).filter(|path| file_size(&path.join("ignition.json")) > 0).collect();
    goldens.retain(|path| !path.ends_with("key-imports") && !path.ends_with("key-imports-of-other-users"));
    goldens.sort();
    goldens
}

/// Returns the size of a file; 0 if it does not exist.
fn file_size(path: &Path) -> u64 {
    fs::metadata(path).map_or(0, |metadata| metadata.len())
}

/// Returns the golden plans, most of which have mistakes.
fn plans() -> Vec<Case> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/pure/plans");
    let paths = fs::read_dir(directory).expect("there are some").flatten().map(|entry| entry.path());
    let texts = paths.filter(|path| path.extension().is_some_and(|kind| kind == "txt")).map(fs::read_to_string);
    texts.flat_map(|text| case::parse(&text.expect("it is text")).1).collect()
}

/// Checks the trees of a golden conversion. Returns the differences that are not allowed.
fn compare(golden: &Path, image: &Path, allowed: &[&Allowed], unused: &mut BTreeSet<&str>) -> Vec<String> {
    let user_data = golden.join("user-data");
    let tree = |kind: &str| {
        let place =
            sandbox::machines().join(format!("tree-{kind}-{}", golden.file_name().expect("it has one").display()));
        mount_overlay_over(&place, image).unwrap_or_else(|reason| panic!("{reason}"))
    };
    let [of_run, of_ignition] = ["run", "ignition"].map(tree);
    let mut program = Command::new(PROGRAM);
    program.arg(format!("--root={}", of_run.display())).arg(format!("--from-file={}", user_data.display()));
    run(program.envs(ENVIRONMENT), &[0, 1]);
    let flags = fs::read_to_string(golden.join("flags")).unwrap_or_default();
    let converted = convert_file(&user_data, &flags.split_whitespace().collect::<Vec<_>>());
    if let Err(reason) = ignition::apply(&of_ignition, &[converted.json]) {
        return vec![reason];
    }
    let mut boot = Command::new("sh");
    run(boot.args(["-c", FIRST_BOOT, "sh"]).arg(&of_ignition).envs(ENVIRONMENT), &[0]);
    let [of_run, of_ignition] =
        [of_run, of_ignition].map(|tree| content(&tree, DIRECTORIES.into_iter().chain(["run", "tmp"])));
    differences(&of_run, &of_ignition, allowed, unused)
}

pub fn cases(suite: &mut Suite) {
    suite.plain("trees_of_conversions_are_as_a_run_makes_them", || {
        let image = flatcar().tree("image");
        let mut presets = Command::new("systemctl");
        run(presets.args(["--quiet", "preset-all"]).arg(format!("--root={}", image.display())), &[0]);
        let mut unused: BTreeSet<_> = EVERY_TREE.iter().map(|(place, _)| *place).collect();
        let mut failed = Vec::new();
        let goldens = goldens();
        for (case, _) in TREES {
            assert!(goldens.iter().any(|golden| golden.ends_with(case)), "there is no golden conversion {case}");
        }
        for golden in goldens {
            let name = golden.file_name().expect("it has one").to_string_lossy().into_owned();
            let of_case = TREES.iter().find(|(case, _)| *case == name).map_or(&[][..], |(_, allowed)| allowed);
            let mut unused_of_case: BTreeSet<_> = of_case.iter().map(|(place, _)| *place).collect();
            unused_of_case.append(&mut unused);
            let found = compare(&golden, &image, &[of_case, &EVERY_TREE], &mut unused_of_case);
            failed.extend(found.into_iter().map(|line| format!("{name}: {line}")));
            unused = unused_of_case;
        }
        assert!(failed.is_empty(), "trees of conversions differ:\n{}", failed.join("\n"));
        assert!(unused.is_empty(), "these paths do not differ: {unused:?}");
    });
    suite.plain("ignition_applies_the_conversion_of_each_plan", || {
        let image = flatcar().tree("image-of-plans");
        run(Command::new("chroot").arg(&image).args(["groupadd", "--system", "portage"]), &[0]);
        let mut applied = BTreeSet::new();
        let mut failed = Vec::new();
        for case in plans() {
            let user_data = sandbox::machines().join("user-data-of-plan");
            fs::write(&user_data, case.bytes()).expect("it is a file system in memory");
            let json = convert_file(&user_data, &[]).json;
            if !applied.insert(json.to_string()) {
                continue;
            }
            let place = sandbox::machines().join(format!("plan-{}", applied.len()));
            let tree = mount_overlay_over(&place, &image).unwrap_or_else(|reason| panic!("{reason}"));
            failed.extend(ignition::apply(&tree, &[json]).err().map(|reason| format!("{}: {reason}", case.name)));
            run(Command::new("umount").arg(&tree), &[0]);
            fs::remove_dir_all(&place).expect("nothing is mounted there");
        }
        assert!(applied.len() > 100, "only {} differ", applied.len());
        assert!(failed.is_empty(), "the boot would fail:\n{}", failed.join("\n"));
    });
    suite.plain("ignition_refuses_an_unknown_owner", || {
        let file = |owner: &str| json!({"storage": {"files": [{"path": "/srv/a", "user": {"name": owner}}]}});
        let tree = flatcar().tree("refused");
        let said = ignition::apply(&tree, &[file("absent")]).expect_err("there is no such user");
        assert!(said.contains("no such user \"absent\""), "{said}");
    });
}
