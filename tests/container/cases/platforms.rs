//! The files of `oem/` for each platform, applied. There is no platform here: units that would ask it are left out.

use std::fs;
use std::path::Path;

use super::keys::key;
use crate::testbed::{Boot, Suite};

/// Replaces the command of a unit.
const INSTEAD: &str = "[Service]\nExecStart=\nExecStart=/bin/true\n";

/// Each platform of `oem/`, with its cloud-config.
fn platforms() -> Vec<(String, String)> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("oem");
    let entries = fs::read_dir(directory).expect("oem/ is there").flatten();
    let text = |entry: &fs::DirEntry| fs::read_to_string(entry.path().join("cloud-config.yml")).ok();
    let mut found: Vec<_> =
        entries.filter_map(|entry| Some((entry.file_name().into_string().ok()?, text(&entry)?))).collect();
    found.sort();
    found
}

/// The names of its units that are started.
fn commanded(config: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut name = "";
    for line in config.lines() {
        name = line.trim().strip_prefix("- name: ").unwrap_or(name);
        if line.trim().starts_with("command: ") {
            found.push(name);
        }
    }
    found
}

pub fn cases(suite: &mut Suite) {
    let instead =
        |units: &str| Boot::default().file(&format!("/etc/systemd/system/{units}.service.d/instead.conf"), INSTEAD);
    let units = concat!(env!("CARGO_MANIFEST_DIR"), "/oem/systemd/system");
    let machine = instead("oem-").copy(units, "/usr/lib/systemd/system");
    suite.boot("the_config_of_every_platform_is_applied", machine, |m| {
        for (platform, config) in platforms() {
            m.apply(&config).ok();
            assert!(m.text("/etc/oem-release").starts_with(&format!("ID={platform}\n")), "{platform}");
            for unit in commanded(&config) {
                let found = m.show(unit, &["LoadState", "ActiveState", "ConditionResult", "DropInPaths"]);
                assert_eq!(found["LoadState"], "loaded", "{platform}: {unit}");
                let left_out = found["ConditionResult"] == "no";
                assert!(left_out || found["ActiveState"] == "active", "{platform}: {unit} is {found:?}");
                // Only a run of the program is needed on every machine of the platform.
                assert!(!left_out || unit != "oem-cloudinit.service", "{platform}: {unit}");
            }
            let masked = config.contains("mask: yes");
            let place = "/run/systemd/system/user-configdrive.service";
            assert_eq!(m.link(place).as_deref(), masked.then_some("/dev/null"), "{platform}");
            m.sh("systemctl stop 'oem-*' 'user-cloudinit@*'; rm -rf /run/systemd/system/*; systemctl daemon-reload");
        }
        let log = m.whole_log();
        assert!(!log.contains("Unknown ") && !log.contains("Failed to parse"), "{log}");
    });

    // A program in the place of curl, which answers as the service would.
    let curl = instead("oem-cloudinit").file_mode(
        "/usr/bin/curl",
        "#!/bin/sh\nwhile [ \"$1\" != --output ]; do shift; done\nexec cp /root/keys \"$2\"\n",
        0o755,
    );
    suite.boot("keys_of_a_service_that_gives_them_one_a_line_are_authorized", curl, |m| {
        let (_, config) = platforms().into_iter().find(|(platform, _)| platform == "cloudstack").expect("it is there");
        let keys = [key("one"), key("it's")];
        m.put("/root/keys", format!("{}\r\n{}\n", keys[0], keys[1]));
        m.apply(&config).ok();
        assert_eq!(m.text("/home/core/.ssh/authorized_keys.d/oem"), keys.join("\n") + "\n");
        assert_eq!(m.mode("/run/oem-ssh-keys"), 0o700);
        // A service that has no keys any more does not remove those that exist.
        m.put("/root/keys", "");
        m.sh("systemctl restart oem-ssh-keys.service");
        assert_eq!(m.text("/home/core/.ssh/authorized_keys.d/oem"), keys.join("\n") + "\n");
    });
}
