//! The most frequent case: a run that finds everything as it should be.

use super::common::{base64, gzip};
use super::keys::key;
use super::users::HASH;
use crate::testbed::{Machine, Suite};

const ENVIRONMENT: [(&str, &str); 2] = [("COREOS_PRIVATE_IPV4", "10.1.2.3"), ("COREOS_PUBLIC_IPV4", "203.0.113.9")];

/// A bit of everything.
fn rich() -> String {
    format!(
        r#"
        hostname: rich.example.com
        manage_etc_hosts: localhost
        ssh_authorized_keys: ['{core}']
        users:
          - name: ada
            gecos: Ada Lovelace
            passwd: '{HASH}'
            groups: [sudo, docker]
            ssh_authorized_keys: ['{ada}']
          - {{name: service, system: true, no_create_home: true}}
          - {{name: core, passwd: '{HASH}'}}
        write_files:
          - {{path: /etc/plain, content: "private $private_ipv4\n"}}
          - {{path: /opt/bin/tool, content: '#!/bin/sh', permissions: '4755', owner: 'ada:docker'}}
          - {{path: /home/ada/.profile, content: x, owner: 'ada:'}}
          - {{path: /srv/packed, content: {packed}, encoding: gz+b64}}
          - {{path: /etc/systemd/system/byfile.service, content: "[Service]\nExecStart=/bin/true\n"}}
        coreos:
          oem: {{id: rich, name: Rich, version_id: 1.10}}
          update: {{reboot_strategy: etcd-lock, group: beta}}
          flannel: {{interface: $private_ipv4}}
          etcd2: {{name: rich, data_dir: '/with a %'}}
          fleet: {{public_ip: $public_ipv4, etcd_password: secret}}
          locksmith: {{window_start: 'Thu 04:00', window_length: 1h}}
          units:
            - name: rich.service
              enable: true
              command: restart
              content: |
                [Service]
                ExecStart=/bin/sleep infinity
                [Install]
                WantedBy=multi-user.target
              drop_ins: [{{name: a.conf, content: "[Service]\nNice=5\n"}}]
            - name: once.service
              runtime: true
              command: start
              content: |
                [Service]
                Type=oneshot
                ExecStart=/bin/sh -c 'echo ran >> /run/once'
            - {{name: docker.service, enable: true, runtime: true, command: start}}
            - {{name: etcd-member.service, mask: true}}
            - {{name: etcd.service, mask: true, runtime: true}}
            - name: 10-rich.network
              content: "[Match]\nName=rich0\n[Network]\nAddress=192.0.2.7/24\n"
            - name: 10-rich.netdev
              runtime: true
              content: "[NetDev]\nName=rich0\nKind=dummy\n"
        "#,
        core = key("core"),
        ada = key("ada"),
        packed = base64(&gzip(b"packed")),
    )
}

/// Units whose invocation IDs show restarts.
fn starts(m: &Machine) -> [String; 4] {
    ["rich.service", "locksmithd.service", "update-engine.service", "docker.service"].map(|unit| m.invocation(unit))
}

pub fn cases(suite: &mut Suite) {
    suite.fresh("writes_nothing_reloads_nothing_and_runs_commands", |m| {
        let run = || m.apply_with(&rich(), &[], &ENVIRONMENT).ok();
        run().says(&["done: restart rich.service"]);
        let first = starts(m);
        let (reloads, networkd) = (m.last_reload(), m.invocation("systemd-networkd.service"));
        assert_eq!(m.text("/run/once"), "ran\n");
        for _ in 0..2 {
            m.untouched(run).hides(&[
                "done: write",
                "done: ensure",
                "done: authorize",
                "done: set host name",
                "done: enable",
            ]);
        }
        assert_eq!(m.last_reload(), reloads, "systemd has read its units again");
        assert_eq!(m.invocation("systemd-networkd.service"), networkd, "networkd was restarted");
        let second = starts(m);
        for (index, unit) in ["rich.service", "locksmithd.service", "update-engine.service"].iter().enumerate() {
            assert_ne!(second[index], first[index], "{unit} was not restarted");
        }
        assert_eq!(second[3], first[3], "what runs is not started again");
        assert_eq!(m.text("/run/once"), "ran\nran\nran\n");
        assert_eq!(m.sh("systemctl is-failed '*' || true").lines().filter(|line| *line == "failed").count(), 0);
    });

    suite.fresh("after_a_reboot_only_files_of_one_boot_are_made_again", |m| {
        m.apply_with(&rich(), &[], &ENVIRONMENT).ok();
        // The directories that a reboot empties.
        m.sh("rm -rf /run/systemd/system/* /run/systemd/network /run/flannel /run/coreos-cloudinit; systemctl daemon-reload");
        let run = m.apply_with(&rich(), &[], &ENVIRONMENT).ok();
        run.says(&["done: write /run/systemd/system/once.service", "done: write /run/flannel/options.env"])
            .hides(&["done: write /etc", "done: write /srv", "done: ensure", "done: authorize"]);
        assert!(m.exists("/run/systemd/network/10-rich.netdev"));
        assert_eq!(m.property("etcd.service", "LoadState"), "masked");
    });

    suite.fresh("one_thing_that_changed_is_one_thing_that_is_done", |m| {
        m.apply_with(&rich(), &[], &ENVIRONMENT).ok();
        let networkd = m.invocation("systemd-networkd.service");
        let changed = rich().replace("Nice=5", "Nice=6");
        let run = m.apply_with(&changed, &[], &ENVIRONMENT).ok();
        let written: Vec<_> = run.stderr.lines().filter(|line| line.contains("done: write")).collect();
        assert_eq!(written.len(), 1, "{written:?}");
        assert_eq!(m.property("rich.service", "Nice"), "6");
        assert_eq!(m.invocation("systemd-networkd.service"), networkd);
    });

    suite.fresh("a_unit_wanted_by_a_missing_one_is_enabled_once", |m| {
        let config = r#"
            coreos:
              units:
                - name: wanted.service
                  enable: true
                  content: "[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=nosuch.device\n"
            "#;
        m.apply(config).ok();
        assert!(m.exists("/etc/systemd/system/nosuch.device.wants/wanted.service"));
        let reloads = m.last_reload();
        m.untouched(|| m.apply(config).ok().says(&["0 done"]));
        assert_eq!(m.last_reload(), reloads);
    });
}
