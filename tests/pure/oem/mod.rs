//! The files that an image ships: a cloud-config for each platform, the units and rules, and their layout.

mod customize;
mod install;
mod packages;
mod pages;
mod rpm;
mod sysext;
mod untrusted;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use cloudinit::cli::{self, Invocation};

const PLATFORMS: [&str; 24] = [
    "akamai",
    "aliyun",
    "ami",
    "azure",
    "cloudsigma",
    "cloudstack",
    "digitalocean",
    "exoscale",
    "gce",
    "hetzner",
    "hyperv",
    "kubevirt",
    "niftycloud",
    "openstack",
    "oraclecloud",
    "packet",
    "proxmoxve",
    "rackspace",
    "rackspace-onmetal",
    "upcloud",
    "vagrant",
    "vmware",
    "vultr",
    "xendom0",
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: impl AsRef<Path>) -> String {
    let path = root().join(path);
    fs::read_to_string(&path).unwrap_or_else(|e| panic!("failed to read {}: {e}", path.display()))
}

/// The names in a folder.
fn names(directory: &str) -> BTreeSet<String> {
    let entries = fs::read_dir(root().join(directory)).unwrap_or_else(|e| panic!("failed to read {directory}: {e}"));
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

fn units() -> BTreeSet<String> {
    names("oem/systemd/system")
}

/// Returns the type of a unit: the word behind the last dot of its name.
fn kind(unit: &str) -> &str {
    unit.rsplit_once('.').expect("a unit's name has a suffix").1
}

fn config(platform: &str) -> String {
    read(format!("oem/{platform}/cloud-config.yml"))
}

/// The lines of a unit or a file that are not comments.
fn directives(text: &str) -> Vec<&str> {
    text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')).collect()
}

/// The flags with which the program is started in a text, each start for itself.
fn starts(text: &str) -> Vec<Vec<String>> {
    let lines =
        directives(text).into_iter().filter_map(|line| line.strip_prefix("ExecStart=/usr/bin/coreos-cloudinit "));
    lines.map(|line| line.split(' ').map(str::to_owned).collect()).collect()
}

#[test]
fn there_is_a_config_for_every_platform() {
    let found: BTreeSet<_> = names("oem")
        .into_iter()
        .filter(|name| root().join("oem").join(name).join("cloud-config.yml").exists())
        .collect();
    assert_eq!(found, PLATFORMS.map(str::to_owned).into());
}

#[test]
fn every_config_is_clean_and_names_its_platform() {
    let mut ids = BTreeSet::new();
    let mut titles = BTreeSet::new();
    for platform in PLATFORMS {
        let path = root().join("oem").join(platform).join("cloud-config.yml");
        let output = Command::new(env!("CARGO_BIN_EXE_coreos-cloudinit"))
            .args(["--validate", "--format=json"])
            .arg(format!("--from-file={}", path.display()))
            .output()
            .unwrap();
        let printed = String::from_utf8_lossy(&output.stdout);
        assert_eq!(output.status.code(), Some(0), "{platform}: {printed}");
        let text = config(platform);
        let field = |name: &str| {
            let head = format!("    {name}: ");
            let value = text.lines().find_map(|line| line.strip_prefix(head.as_str()));
            value.unwrap_or_else(|| panic!("{platform} has no {name}")).to_owned()
        };
        assert_eq!(field("id"), platform);
        ids.insert(field("id"));
        titles.insert(field("name"));
        assert_eq!(field("version-id"), "\"1.0\"");
        for link in ["home-url", "bug-report-url"] {
            assert!(field(link).starts_with("https://"), "{platform}: {link}");
        }
    }
    assert_eq!((ids.len(), titles.len()), (PLATFORMS.len(), PLATFORMS.len()), "names are unique");
}

#[test]
fn every_run_that_a_config_or_a_unit_starts_has_a_command_line_that_the_program_knows() {
    let flags: BTreeSet<_> = cli::flags().map(|name| format!("--{name}")).collect();
    let choices: BTreeSet<_> = cli::choices().collect();
    let mut used = BTreeSet::new();
    let mut texts: Vec<_> = PLATFORMS.iter().map(|platform| (platform.to_string(), config(platform))).collect();
    texts.extend(units().into_iter().map(|unit| (unit.clone(), read(format!("oem/systemd/system/{unit}")))));
    for (name, text) in texts {
        let starts = starts(&text);
        assert!(starts.len() == text.matches("/usr/bin/coreos-cloudinit ").count(), "{name}: a start that is not seen");
        for flag in starts.iter().flatten() {
            let (flag, value) = flag.split_once('=').unwrap_or((flag, ""));
            assert!(flags.contains(flag), "{name}: {flag}");
            if ["--oem", "--convert-netconf"].contains(&flag) {
                assert!(choices.contains(value), "{name}: {value}");
                used.insert(value.to_owned());
            }
        }
    }
    // Each group of flags and each network description has a platform or a unit that uses it.
    let netconf = ["debian", "openstack"];
    let unused: Vec<_> = choices.iter().filter(|c| !used.contains(**c) && !netconf.contains(c)).collect();
    assert!(unused.is_empty(), "{unused:?}");
}

#[test]
fn a_run_that_reads_a_drive_is_the_only_one_that_does() {
    for platform in PLATFORMS {
        let text = config(platform);
        let reads = ["--oem=ec2-compat", "--oem=rackspace-onmetal"].iter().any(|flag| text.contains(flag));
        assert!(
            !reads || text.contains("- name: user-configdrive.service\n      runtime: yes\n      mask: yes"),
            "{platform}"
        );
        assert_eq!(reads, text.contains("After=media-configdrive.mount"), "{platform}");
    }
}

#[test]
fn every_service_of_the_program_is_as_documented() {
    for unit in units().iter().filter(|unit| kind(unit) == "service") {
        let text = read(format!("oem/systemd/system/{unit}"));
        let lines = directives(&text);
        for line in ["Type=oneshot", "RemainAfterExit=yes", "TimeoutSec=10min"] {
            assert!(lines.contains(&line), "{unit}: {line}");
        }
        if starts(&text).is_empty() {
            continue;
        }
        let environment = "coreos-setup-environment.service flatcar-setup-environment.service";
        for line in [
            "Requires=dbus.socket",
            "After=dbus.socket",
            "EnvironmentFile=-/etc/environment",
            &format!("Wants={environment}"),
            &format!("After={environment}"),
        ] {
            assert!(lines.contains(&line), "{unit}: {line}");
        }
        if unit.starts_with("user-") {
            for line in ["After=system-config.target", "Before=user-config.target"] {
                assert!(lines.contains(&line), "{unit}: {line}");
            }
        }
    }
}

#[test]
fn every_service_of_the_program_is_hardened_alike() {
    let services = units().into_iter().filter(|unit| kind(unit) == "service");
    let texts = services.map(|unit| read(format!("oem/systemd/system/{unit}")));
    let texts: Vec<_> = texts.filter(|text| !starts(text).is_empty()).collect();
    let hardened =
        texts.iter().map(|text| text.split_once("# Removes everything that no run").map(|(_, behind)| behind));
    let hardened: BTreeSet<_> = hardened.map(|behind| behind.expect("it is hardened")).collect();
    assert_eq!((texts.len(), hardened.len()), (8, 1), "{hardened:?}");
}

/// A run that is killed before its own deadline leaves no report.
#[test]
fn every_service_waits_longer_than_a_run_takes() {
    let Ok(Invocation::Run(options)) = cli::parse(["--from-file=x".into()]) else { panic!("it is a run") };
    let longest = options.deadline + Duration::from_secs(30);
    for unit in units().iter().filter(|unit| kind(unit) == "service") {
        let text = read(format!("oem/systemd/system/{unit}"));
        let minutes = directives(&text).iter().find_map(|line| line.strip_prefix("TimeoutSec=")?.strip_suffix("min"));
        let minutes: u64 = minutes.expect("it has one").parse().expect("a number");
        assert!(Duration::from_secs(60 * minutes) >= longest, "{unit}: {minutes} minutes");
    }
}

#[test]
fn no_unit_needs_units_that_only_some_systems_have() {
    for unit in units() {
        let text = read(format!("oem/systemd/system/{unit}"));
        for line in directives(&text) {
            let needs = ["Requires=", "Requisite=", "BindsTo="].iter().any(|head| line.starts_with(head));
            assert!(!needs || !line.contains("setup-environment"), "{unit}: {line}");
        }
    }
}

#[test]
fn every_mount_has_the_same_conditions() {
    let drives = ["media-configdrive", "media-configvirtfs", "media-nocloud"].map(|unit| (unit, "vm"));
    for (unit, machines) in drives.into_iter().chain([("media-ovfenv", "vmware")]) {
        let text = read(format!("oem/systemd/system/{unit}.mount"));
        let mut found: Vec<_> = directives(&text).into_iter().filter(|line| line.starts_with("Condition")).collect();
        found.sort_unstable();
        let mut wanted = vec![format!("ConditionVirtualization=|{machines}")];
        for system in ["coreos", "flatcar"] {
            wanted.push(format!("ConditionKernelCommandLine=|{system}.configdrive=1"));
            wanted.push(format!("ConditionKernelCommandLine=!{system}.configdrive=0"));
        }
        wanted.sort_unstable();
        assert_eq!(found, wanted, "{unit}");
    }
}

/// Rules request existing units.
#[test]
fn rules_name_units_that_there_are() {
    let units = units();
    let mut asked = BTreeSet::new();
    for rules in names("oem/udev/rules.d") {
        for rule in directives(&read(format!("oem/udev/rules.d/{rules}"))) {
            if let Some((_, unit)) = rule.split_once("ENV{SYSTEMD_WANTS}+=\"") {
                asked.insert(unit.trim_end_matches('"').to_owned());
            }
        }
    }
    let mounts: BTreeSet<_> = units.into_iter().filter(|unit| kind(unit) == "mount").collect();
    assert_eq!(asked, mounts);
}
