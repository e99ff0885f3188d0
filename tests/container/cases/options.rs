//! The option tables of etcd, etcd2, fleet and locksmith.

use crate::testbed::{Machine, Suite};

fn drop_in(unit: &str) -> String {
    format!("/run/systemd/system/{unit}.d/20-cloudinit.conf")
}

fn environment(m: &Machine, unit: &str) -> String {
    m.property(unit, "Environment")
}

pub fn cases(suite: &mut Suite) {
    suite.fresh("options_are_a_drop_in_in_the_order_of_the_table", |m| {
        let config = r"
            coreos:
              etcd2:
                name: node1
                listen-client-urls: http://0.0.0.0:2379
                advertise_client_urls: http://$private_ipv4:2379
                heartbeat_interval: 0200
                debug: yes
                proxy: on
              fleet: {public-ip: $private_ipv4, metadata: 'region=eu', verbosity: 0, etcd_request_timeout: 1.50}
              locksmith: {window-start: Thu 04:00, window-length: 1h30m, endpoint: 'http://x'}
              etcd: {snapshot_count: 1_000, verbose: false, name: ''}
            ";
        m.apply_with(config, &[], &[("COREOS_PRIVATE_IPV4", "10.9.8.7")]).ok();
        let line = |key: &str, value: &str| format!("Environment=\"{key}={value}\"\n");
        let expected = [
            (
                "etcd2.service",
                [
                    line("ETCD_ADVERTISE_CLIENT_URLS", "http://10.9.8.7:2379"),
                    line("ETCD_DEBUG", "true"),
                    line("ETCD_HEARTBEAT_INTERVAL", "128"),
                    line("ETCD_LISTEN_CLIENT_URLS", "http://0.0.0.0:2379"),
                    line("ETCD_NAME", "node1"),
                    line("ETCD_PROXY", "on"),
                ]
                .concat(),
            ),
            (
                "fleet.service",
                [
                    line("FLEET_ETCD_REQUEST_TIMEOUT", "1.5"),
                    line("FLEET_METADATA", "region=eu"),
                    line("FLEET_PUBLIC_IP", "10.9.8.7"),
                ]
                .concat(),
            ),
            (
                "locksmithd.service",
                [
                    line("LOCKSMITHD_ENDPOINT", "http://x"),
                    line("REBOOT_WINDOW_START", "Thu 04:00"),
                    line("REBOOT_WINDOW_LENGTH", "1h30m"),
                ]
                .concat(),
            ),
            ("etcd.service", line("ETCD_SNAPSHOTCOUNT", "1000")),
        ];
        for (unit, lines) in expected {
            m.is_file(&drop_in(unit), &format!("[Service]\n{lines}"), 0o644, (0, 0));
        }
        assert_eq!(environment(m, "etcd.service"), "ETCD_SNAPSHOTCOUNT=1000");
    });

    suite.fresh("options_reach_a_unit_that_runs_with_its_next_start", |m| {
        m.sh("systemctl start fleet.service");
        let config = "coreos: {fleet: {metadata: a=b}, units: [{name: fleet.service, command: restart}]}";
        m.apply(config).ok();
        let main = m.property("fleet.service", "MainPID");
        assert_eq!(m.sh(&format!("tr '\\0' '\\n' < /proc/{main}/environ | grep FLEET")), "FLEET_METADATA=a=b");
        m.untouched(|| m.apply(config).ok());
    });

    suite.fresh("a_section_that_is_absent_leaves_no_trace", |m| {
        m.sh("ln -s /dev/null /run/systemd/system/etcd.service");
        m.apply("coreos: {fleet: {metadata: a=b}}").ok();
        assert_eq!(m.link("/run/systemd/system/etcd.service").as_deref(), Some("/dev/null"));
        assert_eq!(m.names("/run/systemd/system"), ["etcd.service", "fleet.service.d"]);
    });

    suite.fresh("a_section_removes_the_runtime_mask_of_its_unit", |m| {
        for unit in ["etcd", "etcd2", "fleet", "locksmithd"] {
            m.sh(&format!("ln -s /dev/null /run/systemd/system/{unit}.service"));
        }
        m.apply("coreos: {etcd: {name: a}, etcd2: {name: a}, fleet: {metadata: a=b}, locksmith: {group: g}}").ok();
        for unit in ["etcd", "etcd2", "fleet", "locksmithd"] {
            m.absent(&format!("/run/systemd/system/{unit}.service"));
        }
    });

    suite.fresh("what_systemd_would_change_is_escaped", |m| {
        let config = r#"
            coreos:
              etcd2:
                name: 'a "b" \c %d $e'
                data_dir: "/with a space"
                discovery: 'https://x/?q=%41'
            "#;
        m.apply(config).ok();
        m.sh("systemctl daemon-reload; systemctl start etcd2.service");
        let main = m.property("etcd2.service", "MainPID");
        let seen = m.sh(&format!("tr '\\0' '\\n' < /proc/{main}/environ | grep ETCD | sort"));
        assert_eq!(seen, "ETCD_DATA_DIR=/with a space\nETCD_DISCOVERY=https://x/?q=%41\nETCD_NAME=a \"b\" \\c %d $e");
    });

    suite.fresh("a_drop_in_with_a_password_or_key_is_nobody_elses", |m| {
        m.apply("coreos: {fleet: {etcd_password: hidden}, locksmith: {etcd_keyfile: /k}, etcd2: {name: a}}")
            .ok()
            .hides(&["hidden"]);
        assert_eq!(m.mode(&drop_in("fleet.service")), 0o600);
        assert_eq!(m.mode(&drop_in("locksmithd.service")), 0o600);
        assert_eq!(m.mode(&drop_in("etcd2.service")), 0o644);
    });

    suite.fresh("odd_values_are_written_and_reported", |m| {
        let config = "coreos: {etcd2: {proxy: maybe}, locksmith: {window_start: 'Foo 99:99', window_length: long}}";
        m.apply(config).ok().says(&["odd-option"]);
        assert_eq!(m.text(&drop_in("etcd2.service")), "[Service]\nEnvironment=\"ETCD_PROXY=maybe\"\n");
        assert!(m.text(&drop_in("locksmithd.service")).contains("REBOOT_WINDOW_START=Foo 99:99"));
    });

    suite.fresh("what_no_longer_works_is_reported", |m| {
        m.apply("coreos: {etcd: {discovery: 'https://d', advertise_client_urls: x}}")
            .ok()
            .says(&["deprecated", "obsolete"]);
        assert!(m.text(&drop_in("etcd.service")).contains("ETCD_DISCOVERY=https://d"));
    });

    suite.fresh("an_option_of_the_wrong_type_costs_itself_alone", |m| {
        m.apply("coreos: {etcd2: {heartbeat_interval: often, name: a}}").fails().says(&["wrong-type"]);
        assert_eq!(m.text(&drop_in("etcd2.service")), "[Service]\nEnvironment=\"ETCD_NAME=a\"\n");
    });

    suite.fresh("no_value_makes_a_second_line", |m| {
        let config = r#"
            coreos:
              etcd2:
                name: "a\nExecStartPre=/bin/touch /root/evil\tb"
                discovery: '%n %% \n "q" '
            "#;
        m.apply(config).ok();
        m.sh("systemctl daemon-reload; systemctl start etcd2.service");
        let main = m.property("etcd2.service", "MainPID");
        let seen = m.sh(&format!("tr '\\0' '|' < /proc/{main}/environ"));
        assert!(seen.contains("|ETCD_NAME=a\nExecStartPre=/bin/touch /root/evil\tb|"), "{seen}");
        assert!(seen.contains("|ETCD_DISCOVERY=%n %% \\n \"q\" |"), "{seen}");
        m.absent("/root/evil");
        assert!(!m.whole_journal().contains("20-cloudinit.conf:"), "systemd complains of the drop-in");
        m.untouched(|| m.apply(config).ok());
    });

    suite.fresh("the_section_of_a_unit_that_the_list_masks_has_the_last_word", |m| {
        let config = "coreos: {units: [{name: etcd2.service, mask: true, runtime: true}], etcd2: {name: a}}";
        m.apply(config).ok();
        m.absent("/run/systemd/system/etcd2.service");
        assert_eq!(m.property("etcd2.service", "LoadState"), "loaded");
        m.untouched(|| m.apply(config).ok());
    });

    suite.fresh("an_administrators_mask_stays", |m| {
        m.sh("systemctl mask fleet.service");
        m.apply("coreos: {fleet: {metadata: a=b}}").ok();
        assert_eq!(m.link("/etc/systemd/system/fleet.service").as_deref(), Some("/dev/null"));
    });

    suite.fresh("a_section_that_is_empty_writes_nothing", |m| {
        m.apply("coreos: {etcd2: {}, fleet: {verbosity: 0, verify_units: false, metadata: ''}, locksmith: }").ok();
        for unit in ["etcd2.service", "fleet.service", "locksmithd.service"] {
            m.absent(&drop_in(unit));
        }
    });
}
