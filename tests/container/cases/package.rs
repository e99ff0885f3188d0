//! The Debian package: installed, booted with, removed.

use std::collections::BTreeSet;
use std::path::Path;

use regex::Regex;

use super::image::{self, DATA, DATA_RUN};
use crate::testbed::{Boot, Machine, Suite, package};

/// The place of the package.
const PACKAGE: &str = "/srv/coreos-cloudinit.deb";

/// All files, without those that change by themselves and the package manager's data about known packages.
fn files(m: &Machine) -> BTreeSet<String> {
    let apart = "-path /proc -o -path /sys -o -path /dev -o -path /run -o -path /tmp -o -path /var/tmp -o -path /var/log \
                 -o -path /var/cache -o -path /var/lib/dpkg -o -path /var/lib/apt -o -path /var/lib/systemd";
    m.sh(&format!("find / \\( {apart} \\) -prune -o -print")).lines().map(str::to_owned).collect()
}

pub fn cases(suite: &mut Suite) {
    suite.plain("a_package_works_from_the_next_boot_on_and_leaves_nothing", || {
        let options = Boot::default().bare().copy(package::get(), PACKAGE);
        let mut m = options.boot();
        let before = files(&m);
        // No network is there, nor needed.
        m.sh(&format!("apt-get install --yes --no-install-recommends {PACKAGE} 2>&1"));
        assert_eq!(m.sh("coreos-cloudinit --version").split(' ').next(), Some("coreos-cloudinit"));
        m.sh("mkdir /var/lib/coreos-install");
        m.put(
            DATA,
            "#cloud-config\nhostname: packed\nwrite_files: [{path: /etc/mine, content: mine}]\nusers: [{name: mary}]\n",
        );
        assert_eq!(m.sh("hostname"), "bed", "nothing is applied before the next boot");
        let printed = m.program(&["--status"]).run().ok().stdout;
        assert!(printed.starts_with("no runs recorded since boot"), "{printed}");

        m.reboot(&options);
        image::sound(&m);
        assert_eq!(m.property(DATA_RUN, "Result"), "success", "{}", m.whole_log());
        assert_eq!((m.sh("hostname"), m.text("/etc/mine")), ("packed".to_owned(), "mine".to_owned()));
        let entries = m.sh("journalctl --sync; journalctl -x -t coreos-cloudinit --no-pager");
        assert!(
            entries.contains("Subject: All user-data from /var/lib/coreos-install/user_data has been applied"),
            "{entries}"
        );
        m.put("/tmp/script", "#!/bin/sh\ntrue\n");
        m.program(&["--from-file=/tmp/script"]).run().ok();
        assert!(m.exists("/var/lib/coreos-cloudinit/scripts"));

        // Reinstalled, as an upgrade does it: running units go on, and nothing is applied.
        m.put(DATA, "#cloud-config\nhostname: later\n");
        // The records of the last runs stay, and so do the locks of running programs.
        let status = m.program(&["--status"]).run().ok().stdout;
        m.sh("touch /run/coreos-cloudinit/.probe");
        let records = m.sh("ls -Ai /run/coreos-cloudinit");
        m.sh(&format!("apt-get install --yes --no-install-recommends --reinstall {PACKAGE} 2>&1"));
        assert_eq!(m.sh("hostname"), "packed");
        assert_eq!(m.sh("ls -Ai /run/coreos-cloudinit"), records);
        assert_eq!(m.program(&["--status"]).run().ok().stdout, status);
        let script = "/var/lib/dpkg/info/coreos-cloudinit.postrm";
        for action in ["upgrade 1", "failed-upgrade 1", "abort-install", "abort-upgrade 1", "disappear other 1"] {
            m.sh(&format!("{script} {action}"));
            assert_eq!(m.sh("ls -Ai /run/coreos-cloudinit"), records, "{action}");
        }

        m.put(DATA, "hostname: broken\n");
        m.sh(&format!("systemctl restart '{DATA_RUN}' && exit 1; systemctl is-active 'user-cloudinit@*.path'"));
        let secret = "/run/coreos-cloudinit/env/fleet.service";
        m.sh(&format!("mkdir -p -m 700 /run/coreos-cloudinit/env; echo A=b > {secret}"));
        let printed = m.sh("apt-get remove --yes coreos-cloudinit 2>&1");
        assert!(!printed.contains("Failed"), "{printed}");
        assert_eq!(m.sh("systemctl list-units --all --plain --no-legend 'user-cloudinit*' 'system-cloudinit@*'"), "");
        assert!(!m.exists("/usr/bin/coreos-cloudinit"));
        assert_eq!(m.names("/run/coreos-cloudinit"), ["env"], "only what units need to start is left");
        assert!(m.exists(secret));
        assert_eq!(m.property("user-config.target", "LoadState"), "not-found");
        assert_eq!(m.text("/etc/mine"), "mine");
        m.sh("apt-get purge --yes coreos-cloudinit 2>&1");
        let after = files(&m);
        let new: Vec<_> = after.difference(&before).map(String::as_str).collect();
        let made = ["/etc/hostname", "/etc/mine", "/home/mary", "/var/lib/coreos-install", DATA];
        let strange: Vec<_> = new.iter().filter(|path| !made.iter().any(|made| path.starts_with(made))).collect();
        // Tools that make accounts keep the files that they replaced.
        let strange: Vec<_> = strange
            .iter()
            .filter(|path| {
                !["passwd-", "shadow-", "group-", "gshadow-", "subuid-", "subgid-"]
                    .iter()
                    .any(|file| path.ends_with(file))
            })
            .collect();
        assert!(strange.is_empty(), "{strange:#?}");
        assert!(m.passwd("mary").is_some());
        assert_eq!(before.difference(&after).collect::<Vec<_>>(), Vec::<&String>::new());
    });

    suite.plain("the_quick_start_is_true", || {
        let options = Boot::default()
            .bare()
            .copy(package::get(), "/root/target/deb/coreos-cloudinit_0_all.deb")
            .file("/etc/apt/apt.conf.d/99yes", "APT::Get::Assume-Yes \"true\";\nAPT::Install-Recommends \"false\";\n");
        let mut m = options.boot();
        let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/quick-start.md");
        let text = std::fs::read_to_string(&page).expect("it is there");
        let mut written = String::new();
        let mut printed = String::new();
        // Every other piece is a block.
        for (index, piece) in text.split("```").enumerate() {
            let (kind, block) = piece.split_once('\n').unwrap_or_default();
            let mut piece = piece.to_owned();
            match (index % 2, kind) {
                (1, "yaml") => m.put("/root/x.yml", block),
                (1, "sh") => {
                    let (block, reboots) = match block.strip_suffix("sudo systemctl reboot\n") {
                        Some(block) => (block, true),
                        None => (block, false),
                    };
                    m.put("/tmp/block", format!("sudo() {{ \"$@\"; }}\ncd /root\n{block}"));
                    printed =
                        m.sh("TERM=dumb script -qec 'sh -e /tmp/block' /dev/null < /dev/null").replace("\r\n", "\n");
                    if reboots {
                        m.reboot(&options);
                    }
                }
                (1, _) => {
                    if std::env::var_os("UPDATE_PAGES").is_some() {
                        piece = format!("\n{}\n", printed.trim_matches('\n'));
                    }
                    assert_eq!(
                        timeless(&piece),
                        timeless(&printed),
                        "docs/quick-start.md is not what is seen (UPDATE_PAGES=1)"
                    );
                }
                _ => {}
            }
            written += if index > 0 { "```" } else { "" };
            written += &piece;
        }
        if std::env::var_os("UPDATE_PAGES").is_some() {
            std::fs::write(&page, written).expect("it can be written");
        }
        assert!(!m.exists("/usr/bin/coreos-cloudinit") && m.passwd("mary").is_some());
        assert_eq!(
            (m.sh("hostname"), m.text("/etc/motd")),
            ("web-1".to_owned(), "Welcome to web-1.\nMade by a cloud-config.\n".to_owned())
        );
    });
}

/// Replaces the times and process numbers in a text.
fn timeless(text: &str) -> String {
    let times = Regex::new(r"(?-u)<1 ms|\d+(\.\d+)? m?s\b|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ|Main PID: \d+")
        .expect("it is constant");
    times.replace_all(text.trim_matches('\n'), "…").into_owned()
}
