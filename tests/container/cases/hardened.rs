//! The units that an image ships: their restrictions, which the program can work with.

use super::common::hash;
use super::image;
use super::keys::key;
use crate::testbed::{Machine, Suite};

/// The services that run the program.
const SERVICES: [&str; 8] = [
    "system-cloudinit@x.service",
    "user-cloudinit@x.service",
    "user-cloudinit-proc-cmdline.service",
    "user-configdrive.service",
    "user-configvirtfs.service",
    "user-nocloud.service",
    "user-nocloud-seed.service",
    "user-config-ovfenv.service",
];

/// Returns a configuration with everything that a sandbox could prevent.
fn everything() -> String {
    format!(
        r"#cloud-config
hostname: hardened
manage_etc_hosts: localhost
ssh_authorized_keys: ['{key}']
users:
  - {{name: core}}
  - {{name: mary, passwd: '{hash}', groups: [sudo, video], shell: /bin/sh, ssh_authorized_keys: ['{key}']}}
  - {{name: daemon2, system: true, homedir: /srv/daemon2}}
write_files:
  - {{path: /usr/local/bin/as-root, permissions: '6755', content: '#!/bin/true'}}
  - {{path: /home/mary/notes, owner: 'mary:video', permissions: '0640', content: mine}}
  - {{path: /tmp/everybody/reads, permissions: '0666', content: this}}
  - {{path: /root/deep/in/there, content: x}}
  - {{path: /run/volatile, content: x}}
  - {{path: /var/lib/big, encoding: gz+b64, content: H4sIAAAAAAAAA0vkAgAHoerdAgAAAA==}}
coreos:
  update: {{reboot-strategy: 'off'}}
  oem: {{id: hardened}}
  units:
    - name: 10-dummy.network
      content: |
        [Match]
        Name=none-such
    - name: made.service
      command: start
      enable: true
      content: |
        [Service]
        ExecStart=/bin/sleep infinity
        [Install]
        WantedBy=multi-user.target
      drop_ins: [{{name: a.conf, content: '# nothing'}}]
",
        hash = hash("salt"),
        key = key("hardened")
    )
}

/// Returns the exposure of a unit according to systemd, in tenths.
#[track_caller]
fn exposure(m: &Machine, unit: &str) -> u32 {
    let printed = m.run(&["systemd-analyze", "security", "--offline=true", "--no-pager", unit]).stdout;
    let last =
        printed.lines().rfind(|line| line.contains("Overall exposure level")).unwrap_or_else(|| panic!("{printed}"));
    let figure = last.rsplit(": ").next().and_then(|words| words.split(' ').next()).expect("a figure");
    figure.replace('.', "").parse().unwrap_or_else(|_| panic!("{last}"))
}

pub fn cases(suite: &mut Suite) {
    let machine = image::image().file(image::DATA, everything());
    suite.boot("a_run_misses_nothing_that_its_unit_takes_away", machine, |m| {
        image::sound(m);
        assert_eq!(m.property(image::DATA_RUN, "Result"), "success", "{}", m.whole_log());
        assert_eq!(m.mode("/usr/local/bin/as-root"), 0o6755);
        assert_eq!(m.text("/home/mary/notes"), "mine");
        assert_eq!((m.mode("/home/mary/notes"), m.sh("stat -c %U:%G /home/mary/notes")), (0o640, "mary:video".into()));
        assert_eq!((m.mode("/tmp/everybody/reads"), m.text("/tmp/everybody/reads")), (0o666, "this".into()));
        assert_eq!(m.shadow("mary").as_deref(), Some(&*hash("salt")));
        assert_eq!(m.active("made.service"), "active");
        assert_eq!(m.sh("hostname"), "hardened");
        // A run by hand has no restrictions: only the steps of every run are left to do.
        let again = m.program(&["--from-file", image::DATA]).run().ok();
        assert!(again.stderr.lines().last().is_some_and(|line| line.contains(": 2 done, ")), "{again}");
    });

    suite.boot("units_have_the_exposure_of_the_page", image::image(), |m| {
        // Each version of systemd has different figures, and old ones have none.
        if !m.sh("systemctl --version").starts_with("systemd 252 ") {
            return;
        }
        let page = include_str!("../../../docs/security.md");
        for service in SERVICES {
            let figure = exposure(m, service);
            assert!(page.contains(&format!("from 9.6 to {}.{}", figure / 10, figure % 10)), "{service}: {figure}");
        }
        let figure = exposure(m, "user-config-tidy.service");
        assert!(page.contains(&format!("from 9.5 to {}.{}", figure / 10, figure % 10)), "{figure}");
    });

    // The memory of a crashed run may hold anything that it has read.
    suite.boot("no_run_leaves_its_memory_on_a_disk", image::image(), |m| {
        let config = "#cloud-config\ncoreos: {units: [{name: slow.service, command: start, content: \"[Service]\\nType=oneshot\\nExecStart=/bin/sleep 30\"}]}\n";
        m.put("/tmp/slow", config);
        let run = m.start(&["sh", "-c", "ulimit -c unlimited; exec coreos-cloudinit --from-file=/tmp/slow"]);
        let limits = m.sh("until pidof coreos-cloudinit; do sleep 0.1; done > /dev/null; sleep 0.5; cat /proc/$(pidof coreos-cloudinit)/limits");
        let core = limits.lines().find(|line| line.starts_with("Max core file size")).expect("there is such a limit");
        assert_eq!(core.split_whitespace().skip(4).take(2).collect::<Vec<_>>(), ["0", "0"], "{core}");
        m.sh("systemctl stop slow.service");
        run.finish(std::time::Duration::from_secs(60));
    });
}
