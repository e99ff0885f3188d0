//! The examples as Ignition configurations: a machine that boots with one is as a run would have made it.
//!
//! Lists have the allowed differences, each with its reason; an entry that is not needed fails the case.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::testbed::machine::{dedent, wait_for};
use crate::testbed::state::{Entry, State};
use crate::testbed::{Boot, Machine, PROGRAM, Suite, sandbox};

/// The addresses that a platform would provide.
pub const ENVIRONMENT: [(&str, &str); 2] = [("COREOS_PRIVATE_IPV4", "10.1.2.3"), ("COREOS_PUBLIC_IPV4", "203.0.113.9")];
/// The file of the metadata agent.
pub const METADATA: &str = "COREOS_EC2_IPV4_LOCAL=10.1.2.3\nCOREOS_EC2_IPV4_PUBLIC=203.0.113.9\n";
/// The directories that a configuration can change, and that a boot does not make anew.
pub const DIRECTORIES: [&str; 7] = ["etc", "home", "opt", "root", "srv", "var/lib", "var/backups"];

/// Paths whose files and whatever is below may differ; `*` stands for any text, with nothing below.
pub type Allowed = [(&'static str, &'static str)];

const EVERY_MACHINE: [(&str, &str); 6] = [
    ("etc/cloud-config", "generated files"),
    ("etc/machine-id", "chosen at the first boot"),
    ("etc/systemd/system-preset", "presets of the result"),
    ("etc/systemd/system/cloud-config-addresses.service", "a generated unit"),
    ("etc/systemd/system/multi-user.target.wants", "units are started by links of the target"),
    ("root/example", "user-data of the run"),
];
const EXAMPLES: [(&str, &str); 8] = [
    ("*/.authorized_keys.d.lock", "lock of a run"),
    ("*/.ssh/authorized_keys", "made of all key sets by the image"),
    ("etc/systemd/system/announce.service.d", "a generated drop-in"),
    ("etc/systemd/system/cloud-config-script-479bc47c2b432445.service", "a generated unit"),
    ("etc/systemd/system/data-disk-now.service", "a unit of a run is in /run if it has `runtime`"),
    ("etc/systemd/system/locksmithd.service.d", "the drop-in of a run is in /run"),
    ("var/lib/coreos-cloudinit", "the script of the run"),
    ("var/lib/machine-facts/secret", "made at random"),
];
const CLUSTER: [(&str, &str); 6] = [
    ("etc/environment", "nothing in the configuration reads it"),
    ("etc/flatcar/update.conf", "what is not set comes from /usr/share"),
    ("etc/systemd/system/etcd-member.service.d", "it replaces etcd2.service"),
    ("etc/systemd/system/flanneld.service.d/10-cloud-config-addresses.conf", "a generated drop-in"),
    ("etc/systemd/system/flanneld.service.d/00-cloud-config-flannel.conf", "a generated drop-in"),
    ("etc/systemd/system/locksmithd.service.d", "the drop-in of a run is in /run"),
];
/// Kinds of items that the examples lack.
const MANY_KINDS: &str = r#"
    #cloud-config
    hostname: kinds.example.com
    users:
      - name: core
        passwd: $6$abcdefgh$D7W7qyozKBT.t6FD3DVYHvADbIO0eSyI4.p20LaEUjro8PqTGYYo/EQcuNjhFbzo9Yg5ir1KIEqFY/yJpgFph0
      - name: eve
        gecos: Eve, of "accounts"
        primary_group: docker
        groups: [sudo, systemd-journal]
        homedir: /srv/eve
        no_create_home: true
        shell: /bin/sh
      - name: own
      - name: restricted
        shell: /usr/bin/absent-shell
      - name: machine
        system: true
        no_user_group: true
        no_log_init: true
    write_files:
      - {path: /etc/kinds/root, content: "no line end"}
      - {path: /etc/kinds/empty}
      - {path: /etc/kinds/core, owner: core, permissions: "0600", content: a}
      - {path: /etc/kinds/core-group, owner: "core:", content: a}
      - {path: /etc/kinds/eve-group, owner: "eve:", content: a}
      - {path: /etc/kinds/own-group, owner: "own:", content: a}
      - {path: /etc/kinds/machine-group, owner: "machine:", content: a}
      - {path: /etc/kinds/group, owner: ":docker", content: a}
      - {path: /etc/kinds/numbers, owner: "1234:5678", permissions: "0444", content: a}
      - {path: /etc/kinds/mixed, owner: "1234:wheel", permissions: 644, content: a}
      - {path: "/etc/kinds/a 'name' with %n and $HOME", content: "50% $HOME \\n\t\u00e9\r\n"}
      - {path: /etc/kinds/base64, encoding: b64, content: AAH/}
      - {path: /etc/kinds/twice, content: first}
      - {path: /etc/kinds//./twice, content: second}
      - {path: /etc/coreos/kinds, content: a}
      - {path: /home/own/notes, owner: "own:own", content: a}
      - {path: /etc/systemd/system/by-hand.service, content: "[Service]\nExecStart=/bin/sleep infinity\n[Install]\nWantedBy=multi-user.target\n"}
      - {path: /etc/systemd/system/by-hand.service.d/10-more.conf, content: "[Unit]\nDescription=By hand\n"}
    coreos:
      update: {reboot_strategy: "off"}
      units:
        - name: by-hand.service
          enable: true
          command: start
        - {name: docker.socket, mask: true}
        - name: instance@.service
          content: "[Service]\nExecStart=/bin/sleep infinity\nEnvironment=INSTANCE=%i\n"
        - {name: instance@one.service, command: start}
        - name: odd.service
          command: start
          content: |
            [Service]
            ExecStart=/bin/sleep infinity
            a line that go-systemd refuses
        - name: added.timer
          command: start
          content: "[Timer]\nOnCalendar=yearly\nUnit=kept.service\n"
        - name: kept.service
          content: "[Service]\nExecStart=/bin/sleep infinity\n"
          drop_ins:
            - {name: 10-limits.conf, content: "[Service]\nMemoryMax=64M\n"}
            - {name: ignored, content: "[Service]\nMemoryMax=32M\n"}
        - name: enabled.service
          enable: true
          content: "[Service]\nExecStart=/bin/sleep infinity\n[Install]\nWantedBy=kinds.target\nAlias=alias.service\n"
        - name: not-installable.service
          enable: true
          content: "[Service]\nExecStart=/bin/sleep infinity\n"
        - {name: etcd2.service, command: start, content: "[Service]\nExecStart=/bin/sleep infinity\n"}
        - {name: flanneld.service, enable: true}
        - {name: oneshot.service, command: start, content: "[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/true\n"}
        # Each is a cycle if it starts as early as others of its type.
        - name: srv-data.mount
          command: start
          content: "[Unit]\nRequires=oneshot.service\nAfter=oneshot.service\n[Mount]\nWhat=tmpfs\nWhere=/srv/data\nType=tmpfs\n"
        - name: srv-enabled.mount
          enable: true
          content: "[Mount]\nWhat=tmpfs\nWhere=/srv/enabled\nType=tmpfs\n[Install]\nRequiredBy=needs-mount.service\n"
        - name: before-mount.service
          content: "[Unit]\nBefore=srv-enabled.mount\n[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/true\n"
        - name: needs-mount.service
          command: start
          content: "[Unit]\nRequires=before-mount.service\n[Service]\nExecStart=/bin/sleep infinity\n"
        - name: late.socket
          command: start
          content: "[Unit]\nRequires=oneshot.service\nAfter=oneshot.service\n[Socket]\nListenStream=/run/late.sock\n"
        - {name: late.service, content: "[Service]\nExecStart=/bin/sleep infinity\n"}
        - name: before-boot.service
          command: start
          content: "[Unit]\nBefore=basic.target systemd-tmpfiles-setup.service\n[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/true\n"
        - name: systemd-tmpfiles-setup.service
          drop_ins:
            - {name: 10-after.conf, content: "[Unit]\nAfter=before-boot.service\n"}
        - name: of-sockets.service
          command: start
          content: "[Service]\nExecStart=/bin/sleep infinity\n[Install]\nWantedBy=sockets.target\n"
        - name: of-a-target.service
          command: start
          content: "[Service]\nExecStart=/bin/sleep infinity\n[Install]\nWantedBy=user-config.target\n"
        - {name: 10-kinds.network, content: "[Match]\nName=kinds0\n"}
        - {name: 11-kinds.network, mask: true}
      etcd2: {name: kinds, advertise_client_urls: "http://$private_ipv4:2379"}
"#;
const KINDS: [(&str, &str); 10] = [
    ("etc/environment", "nothing in the configuration reads it"),
    ("etc/flatcar/update.conf", "what is not set comes from /usr/share"),
    ("etc/systemd/system/before-boot.service", "a setting that would close an ordering cycle is omitted"),
    ("etc/systemd/system/etcd2.service.d", "the drop-in of a run is in /run"),
    ("etc/systemd/system/late.socket.d", "a generated drop-in"),
    ("etc/systemd/system/of-sockets.service", "a setting that would close an ordering cycle is replaced"),
    ("etc/systemd/system/srv-data.mount.d", "a generated drop-in"),
    ("etc/systemd/system/srv-enabled.mount.d", "a generated drop-in"),
    ("etc/systemd/system/systemd-tmpfiles-setup.service.d", "a setting that would close an ordering cycle is omitted"),
    ("etc/systemd/system/user-config.target.wants", "enabled in place of started"),
];
const KINDS_UNITS: [(&str, &str, &str); 16] = [
    ("before-boot.service", "UnitFileState", "enabled in place of started"),
    ("of-sockets.service", "UnitFileState", "enabled in place of started"),
    ("needs-mount.service", "UnitFileState", "enabled in place of started"),
    ("oneshot.service", "UnitFileState", "enabled in place of started"),
    ("srv-data.mount", "UnitFileState", "enabled in place of started"),
    ("late.socket", "UnitFileState", "enabled in place of started"),
    ("of-a-target.service", "UnitFileState", "enabled in place of started"),
    ("instance@one.service", "UnitFileState", "enabled in place of started"),
    ("odd.service", "UnitFileState", "enabled in place of started"),
    ("added.timer", "UnitFileState", "enabled in place of started"),
    ("etcd2.service", "UnitFileState", "enabled in place of started"),
    ("etcd2.service", "Environment", "addresses are in a file"),
    ("flanneld.service", "ActiveState", "what is enabled starts on the first boot already"),
    ("locksmithd.service", "LoadState", "`off` is a line of update.conf"),
    ("locksmithd.service", "ActiveState", "`off` is a line of update.conf"),
    ("locksmithd.service", "UnitFileState", "`off` is a line of update.conf"),
];
/// Properties of units that may differ.
const EXAMPLE_UNITS: [(&str, &str, &str); 3] = [
    ("announce.service", "UnitFileState", "enabled in place of started"),
    ("data-disk-now.service", "UnitFileState", "enabled in place of started"),
    ("docker.service", "UnitFileState", "enabled in place of started"),
];
const CLUSTER_UNITS: [(&str, &str, &str); 2] = [
    ("flannel-network.service", "UnitFileState", "enabled in place of started"),
    ("flanneld.service", "UnitFileState", "enabled in place of started"),
];
/// The section that units without one get.
const ADDED: &[u8] = b"\n[Install]\nWantedBy=multi-user.target\n";

/// The result of `--convert-to=ignition`.
pub struct Converted {
    pub json: Value,
    pub report: String,
    pub code: Option<i32>,
}

/// Converts a file of the host.
pub fn convert_file(path: &Path, flags: &[&str]) -> Converted {
    let output = Command::new(PROGRAM)
        .arg("--convert-to=ignition")
        .args(flags)
        .arg(format!("--from-file={}", path.display()))
        .output()
        .expect("the program is there");
    let report = String::from_utf8_lossy(&output.stderr).into_owned();
    let json = serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("not JSON: {e}\n{report}"));
    Converted { json, report, code: output.status.code() }
}

/// The image that a result is for, as far as the tree differs from it.
pub fn flatcar() -> Boot {
    let service = |text: &str| format!("[Service]\nType=oneshot\nRemainAfterExit=yes\n{text}");
    let on_by_default = |boot: Boot, unit: &str| {
        boot.link(&format!("/usr/lib/systemd/system/multi-user.target.wants/{unit}"), &format!("../{unit}"))
    };
    ["locksmithd.service", "update-engine.service"]
        .into_iter()
        .fold(Boot::default(), on_by_default)
        // Without it, Debian enables every unit.
        .file("/usr/lib/systemd/system-preset/99-default.preset", "disable *\n")
        // It would ask for a locale and a password.
        .link("/etc/systemd/system/systemd-firstboot.service", "/dev/null")
        .link("/usr/bin/etcdctl", "true")
        .link("/etc/coreos", "flatcar")
        .file("/etc/flatcar/.keep", "")
        .file("/usr/share/testbed/metadata", METADATA)
        .file(
            "/usr/lib/systemd/system/coreos-metadata.service",
            service("ExecStart=/bin/mkdir -p /run/metadata\nExecStart=/bin/cp /usr/share/testbed/metadata /run/metadata/flatcar\n"),
        )
}

/// A file of `examples/`.
pub fn example(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("examples").join(name)
}

/// A machine that was made by runs of the program, one for each file.
fn made_by_runs(files: &[PathBuf], code: i32) -> Machine {
    let machine = flatcar().ignition([]).boot();
    for path in files {
        machine.put("/root/example", fs::read(path).expect("it is there"));
        let mut run = machine.program(&["--from-file=/root/example"]);
        for (name, value) in ENVIRONMENT {
            run = run.env(name, value);
        }
        let run = run.run();
        assert_eq!(run.code, code, "{}: {run}", path.display());
    }
    machine
}

/// Returns the content of these directories of a machine or a tree, in a form that a run and a conversion share.
pub fn content<'d>(root: &Path, directories: impl IntoIterator<Item = &'d str>) -> State {
    let mut all = BTreeMap::new();
    for directory in directories {
        let State(entries) = State::of(&root.join(directory));
        for (path, entry) in entries {
            let (path, entry) = normalized(Path::new(directory).join(path), entry);
            // A unit in /etc has priority over one in /run.
            all.entry(path).or_insert(entry);
        }
    }
    // The random seed, and the times of timers.
    all.retain(|path, _| !path.starts_with("var/lib/systemd"));
    State(all)
}

fn normalized(path: PathBuf, mut entry: Entry) -> (PathBuf, Entry) {
    let mut change = |change: &dyn Fn(Vec<&str>) -> Vec<String>| {
        let text = String::from_utf8_lossy(&entry.content).into_owned();
        entry.content = change(text.lines().collect()).join("\n").into_bytes();
    };
    match path.to_str().unwrap_or_default() {
        // The date of a password is that of the test. Its minimum age depends on the version of useradd, which Ignition
        // runs on the host.
        "etc/shadow" | "etc/shadow-" => change(&|lines| {
            let fields = |line: &str| line.split(':').map(str::to_owned).collect::<Vec<_>>();
            lines.into_iter().map(|line| [&fields(line)[..2], &fields(line)[4..]].concat().join(":")).collect()
        }),
        // A run keeps the order of the file that it finds.
        "etc/flatcar/update.conf" => change(&|lines| {
            let sorted: BTreeSet<_> = lines.into_iter().map(str::to_owned).collect();
            sorted.into_iter().collect()
        }),
        unit if unit.starts_with("etc/systemd/system/") && entry.content.ends_with(ADDED) => {
            entry.content.truncate(entry.content.len() - ADDED.len());
        }
        _ if path.ends_with(".ssh/authorized_keys.d/coreos-cloudinit") => {
            return (path.with_file_name("ignition"), entry);
        }
        _ => {}
    }
    // What is gone at the next boot after a run stays in a conversion.
    let kept = path.strip_prefix("run/systemd").map(|rest| Path::new("etc/systemd").join(rest));
    (kept.unwrap_or(path), entry)
}

/// Returns true if an allowed place is `path` or a directory above it.
fn is_at(path: &str, place: &str) -> bool {
    place.split_once('*').map_or_else(
        || Path::new(path).starts_with(place),
        |(begin, end)| path.strip_prefix(begin).is_some_and(|rest| rest.ends_with(end)),
    )
}

/// Returns the differences of a conversion from a run, apart from the allowed ones; takes those out of `unused`.
pub fn differences(run: &State, converted: &State, allowed: &[&Allowed], unused: &mut BTreeSet<&str>) -> Vec<String> {
    let mut differences = run.differences(converted);
    differences.retain(|line| {
        let path = line.split(": ").next().unwrap_or_default();
        let place = allowed.iter().copied().flatten().find(|(place, _)| is_at(path, place));
        place.is_none_or(|(place, _)| {
            unused.remove(place);
            false
        })
    });
    differences
}

/// Checks that two machines differ in the allowed paths only, and in each of them.
fn compare(run: &Machine, converted: &Machine, allowed: &[&Allowed]) {
    let [run, converted] =
        [run, converted].map(|machine| content(format!("/proc/{}/root", machine.leader()).as_ref(), DIRECTORIES));
    let mut unused: BTreeSet<_> = allowed.iter().copied().flatten().map(|(path, _)| *path).collect();
    let differences = differences(&run, &converted, allowed, &mut unused);
    assert!(differences.is_empty(), "the converted machine differs:\n{}", differences.join("\n"));
    assert!(unused.is_empty(), "these paths do not differ: {unused:?}");
}

/// Checks that units are in the same state, except for the allowed properties of units.
fn compare_units(run: &Machine, converted: &Machine, names: &[&str], allowed: &[(&str, &str, &str)]) {
    const PROPERTIES: [&str; 5] = ["LoadState", "ActiveState", "Result", "UnitFileState", "Environment"];
    let mut unused: BTreeSet<_> = allowed.iter().map(|(unit, property, _)| (*unit, *property)).collect();
    let mut differences = Vec::new();
    for unit in names {
        let [was, is] = [run, converted].map(|machine| machine.show(unit, &PROPERTIES));
        assert_eq!(is["LoadState"], "loaded", "{unit}");
        for property in PROPERTIES.into_iter().filter(|property| was.get(*property) != is.get(*property)) {
            if !allowed.iter().any(|(known, key, _)| known == unit && *key == property) {
                differences.push(format!("{unit}: {property}={:?}, not {:?}", is.get(property), was.get(property)));
            }
            unused.remove(&(*unit, property));
        }
    }
    assert!(differences.is_empty(), "units differ:\n{}", differences.join("\n"));
    assert!(unused.is_empty(), "these properties do not differ: {unused:?}");
}

/// The variables of a running unit that begin with `prefix`, of which there are some.
fn environment(machine: &Machine, unit: &str, prefix: &str) -> Vec<String> {
    let found = machine.variables(unit, prefix);
    assert!(!found.is_empty(), "{unit} has no variables {prefix}");
    found
}

/// Checks that nothing failed at boot, that no generated line has a fault, and that no unit waits for itself.
pub fn sound(m: &Machine) {
    // systemd logs a cycle before there is a journal; `verify` still finds it later.
    let reported = m.run(&["systemd-analyze", "verify", "--man=no", "default.target"]);
    assert!(!reported.stderr.contains("cycle"), "{reported}");
    assert_eq!(m.sh("systemctl list-units --failed --no-legend --plain"), "", "{}", m.whole_log());
    let log = m.whole_log();
    for word in ["ordering cycle", "Unknown key", "Unknown section", "bad-setting", "Failed to parse", "Invalid"] {
        assert!(!log.contains(word), "{word}:\n{log}");
    }
}

/// Checks that systemd has nothing to say about the units of a result.
pub fn verify(m: &Machine, converted: &Converted) {
    let units = converted.json["systemd"]["units"].as_array().into_iter().flatten();
    let names = units.filter(|unit| unit["mask"] != true).filter_map(|unit| unit["name"].as_str());
    let said = m.verify(&std::iter::once("multi-user.target").chain(names).collect::<Vec<_>>());
    assert_eq!((said.code, said.stderr.as_str()), (0, ""), "{said}");
}

pub fn cases(suite: &mut Suite) {
    suite.plain("a_machine_with_the_examples_is_as_a_run_makes_it", || {
        let examples = [
            "addresses.yml",
            "binary-files.yml",
            "data-disk.yml",
            "docker-proxy.yml",
            "first-boot.sh",
            "network.yml",
            "timer.yml",
            "updates.yml",
            "users-and-keys.yml",
            "web-server.yml",
        ];
        let configs = examples.map(|name| {
            let converted = convert_file(&example(name), &[]);
            assert_eq!(converted.code, Some(0), "{name}: {}", converted.report);
            converted
        });
        let converted = flatcar().ignition(configs.iter().map(|converted| converted.json.clone())).boot();
        sound(&converted);
        for config in &configs {
            verify(&converted, config);
        }
        let run = made_by_runs(&examples.map(example), 0);
        assert!(wait_for(std::time::Duration::from_secs(30), || run.exists("/var/lib/machine-facts/facts")));
        compare(&run, &converted, &[&EVERY_MACHINE, &EXAMPLES]);
        let units = [
            "announce.service",
            "var-lib-data.mount",
            "data-report.service",
            "data-disk-now.service",
            "docker.service",
            "systemd-networkd.service",
            "keep-etc.service",
            "keep-etc.timer",
            "locksmithd.service",
            "update-engine.service",
            "web.socket",
        ];
        compare_units(&run, &converted, &units, &EXAMPLE_UNITS);
        for m in [&run, &converted] {
            assert_eq!(m.sh("hostname"), "node-1");
        }
    });
    suite.plain("a_machine_with_the_old_cluster_is_as_a_run_makes_it", || {
        let result = convert_file(&example("legacy-cluster.yml"), &[]);
        assert_eq!(result.code, Some(1), "{}", result.report);
        let converted = flatcar().ignition([result.json.clone()]).boot();
        sound(&converted);
        verify(&converted, &result);
        let run = made_by_runs(&[example("legacy-cluster.yml")], 0);
        compare(&run, &converted, &[&EVERY_MACHINE, &CLUSTER]);
        let units = ["flannel-network.service", "flanneld.service", "locksmithd.service"];
        compare_units(&run, &converted, &units, &CLUSTER_UNITS);
        let etcd = environment(&converted, "etcd-member.service", "ETCD_");
        assert_eq!(etcd, environment(&run, "etcd2.service", "ETCD_"));
        // Old units read it from this file.
        let mut flannel: Vec<_> = run.text("/run/flannel/options.env").lines().map(str::to_owned).collect();
        flannel.sort();
        assert_eq!(environment(&converted, "flanneld.service", "FLANNELD_"), flannel);
    });
    suite.plain("a_machine_with_many_kinds_of_items_is_as_a_run_makes_it", || {
        let path = sandbox::machines().join("many-kinds");
        fs::write(&path, dedent(MANY_KINDS)).expect("it is a file system in memory");
        let result = convert_file(&path, &[]);
        assert_eq!(result.code, Some(0), "{}", result.report);
        let converted = flatcar().ignition([result.json.clone()]).boot();
        sound(&converted);
        let run = made_by_runs(&[path], 0);
        compare(&run, &converted, &[&EVERY_MACHINE, &KINDS]);
        let units = [
            "by-hand.service",
            "instance@one.service",
            "odd.service",
            "added.timer",
            "kept.service",
            "enabled.service",
            "alias.service",
            "not-installable.service",
            "etcd2.service",
            "flanneld.service",
            "locksmithd.service",
            "oneshot.service",
            "srv-data.mount",
            "srv-enabled.mount",
            "needs-mount.service",
            "late.socket",
            "late.service",
            "of-a-target.service",
            "before-boot.service",
            "of-sockets.service",
        ];
        compare_units(&run, &converted, &units, &KINDS_UNITS);
        let etcd = environment(&converted, "etcd2.service", "ETCD_");
        assert_eq!(etcd, environment(&run, "etcd2.service", "ETCD_"));
        for m in [&run, &converted] {
            assert_eq!(m.sh("hostname"), "kinds.example.com");
            assert_eq!(m.property("docker.socket", "LoadState"), "masked");
        }
    });
}
