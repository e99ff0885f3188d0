//! The option tables of etcd, etcd2, fleet and locksmith.

use serde_json::json;

use crate::testbed::{Machine, Suite};

fn drop_in(unit: &str) -> String {
    format!("/run/systemd/system/{unit}.d/20-cloudinit.conf")
}

fn environment(m: &Machine, unit: &str) -> String {
    m.property(unit, "Environment")
}

/// The file of the secret options of a unit.
fn env_file(unit: &str) -> String {
    format!("/run/coreos-cloudinit/env/{unit}")
}

pub fn cases(suite: &mut Suite) {
    secret_cases(suite);
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
        assert_eq!(m.variables("fleet.service", "FLEET"), ["FLEET_METADATA=a=b"]);
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

    suite.fresh("characters_that_systemd_expands_are_escaped", |m| {
        let config = r#"
            coreos:
              etcd2:
                name: 'a "b" \c %d $e'
                data_dir: "/with a space"
                discovery: 'https://x/?q=%41'
            "#;
        m.apply(config).ok();
        m.sh("systemctl daemon-reload; systemctl start etcd2.service");
        let wanted = ["ETCD_DATA_DIR=/with a space", "ETCD_DISCOVERY=https://x/?q=%41", "ETCD_NAME=a \"b\" \\c %d $e"];
        assert_eq!(m.variables("etcd2.service", "ETCD"), wanted);
    });

    suite.fresh("odd_values_are_written_and_reported", |m| {
        let config = "coreos: {etcd2: {proxy: maybe}, locksmith: {window_start: 'Foo 99:99', window_length: long}}";
        m.apply(config).ok().says(&["odd-option"]);
        assert_eq!(m.text(&drop_in("etcd2.service")), "[Service]\nEnvironment=\"ETCD_PROXY=maybe\"\n");
        assert!(m.text(&drop_in("locksmithd.service")).contains("REBOOT_WINDOW_START=Foo 99:99"));
    });

    suite.fresh("options_that_no_longer_work_are_reported", |m| {
        m.apply("coreos: {etcd: {discovery: 'https://d', advertise_client_urls: x}}")
            .ok()
            .says(&["deprecated", "obsolete"]);
        assert!(m.text(&drop_in("etcd.service")).contains("ETCD_DISCOVERY=https://d"));
    });

    suite.fresh("an_option_of_the_wrong_type_is_skipped_alone", |m| {
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
        let wanted = ["ETCD_DISCOVERY=%n %% \\n \"q\" ", "ETCD_NAME=a\nExecStartPre=/bin/touch /root/evil\tb"];
        assert_eq!(m.variables("etcd2.service", "ETCD"), wanted);
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

/// Options that are passwords, or have one in a URL.
fn secret_cases(suite: &mut Suite) {
    suite.fresh("secret_options_are_in_a_file_that_only_root_reads", |m| {
        let config = "coreos: {fleet: {etcd_password: hidden, etcd_username: hidden, etcd_servers: 'http://u:hidden@h', \
                      metadata: a=b}, locksmith: {etcd_keyfile: /hidden, endpoint: 'http://h;t=hidden'}, \
                      etcd2: {name: a, discovery: 'http://h/?hidden'}, flannel: {etcd_password: hidden}, \
                      units: [{name: fleet.service, command: restart}]}";
        m.sh("chmod 755 /run/coreos-cloudinit 2>/dev/null; mkdir -p -m 755 /run/coreos-cloudinit/env");
        m.apply(config).ok().hides(&["hidden"]);
        for unit in ["fleet.service", "locksmithd.service", "etcd2.service"] {
            assert_eq!((m.mode(&drop_in(unit)), m.mode(&env_file(unit))), (0o644, 0o600), "{unit}");
            assert!(m.text(&env_file(unit)).contains("hidden"), "{unit}");
            assert!(!m.text(&drop_in(unit)).contains("hidden"), "{unit}");
            let shown = m.sh(&format!("setpriv --reuid=65534 --regid=65534 --clear-groups systemctl show {unit}"));
            assert!(shown.contains("cloudinit") && !shown.contains("hidden"), "{shown}");
        }
        for directory in ["/run/coreos-cloudinit", "/run/coreos-cloudinit/env"] {
            assert_eq!((m.mode(directory), m.owner(directory)), (0o700, (0, 0)), "{directory}");
        }
        assert_eq!(m.mode("/run/flannel/options.env"), 0o600);
        assert_eq!(environment(m, "fleet.service"), "FLEET_METADATA=a=b");
        let expected = [
            "FLEET_ETCD_PASSWORD=hidden",
            "FLEET_ETCD_SERVERS=http://u:hidden@h",
            "FLEET_ETCD_USERNAME=hidden",
            "FLEET_METADATA=a=b",
        ];
        assert_eq!(m.variables("fleet.service", "FLEET_"), expected);
        m.untouched(|| m.apply(&config.replace("restart", "start")).ok());
    });

    suite.fresh("a_secret_reaches_the_service_as_it_is", |m| {
        m.sh("mkdir -p /run/systemd/system/fleet.service.d");
        m.put("/run/systemd/system/fleet.service.d/50-user.conf", "[Service]\nUser=nobody\n");
        let flannel = "[Service]\nEnvironmentFile=/run/flannel/options.env\nExecStart=/bin/sleep infinity\n";
        m.put("/run/systemd/system/flanneld.service", flannel);
        for value in [
            "plain",
            " spaces ",
            "\ttabs\t",
            "quotes \" ' \"\" '' `id` ``",
            "'single'",
            "\"double\"",
            "back\\slash \\\\ \\n \\\" \\",
            "\\",
            "\"",
            "'",
            "$HOME ${HOME} $$ $(id)",
            "%n %% %i %",
            "# comment",
            "; comment",
            "a # b ; c",
            "two\nlines\n",
            "\nleading",
            "joined\\\nlines",
            "x\nFLEET_METADATA=injected\n[Service]\nExecStartPre=/bin/touch /root/evil",
            "x\"\nFLEET_METADATA=\"injected",
            "cr\r\nlf",
            "=a=b=",
            "-",
            "control \u{1}\u{7f}\u{1b}[2J",
            "é😀\u{a0}\u{202e}",
        ] {
            let config = json!({"coreos": {"fleet": {"etcd_password": value, "verbosity": 3}, "flannel": {"etcd_password": value}}});
            m.apply(&config.to_string().replace('\u{7f}', "\\u007f")).ok().hides(&["joined", "injected"]);
            m.sh("systemctl reset-failed; systemctl restart fleet.service flanneld.service");
            let expected = [format!("FLANNELD_ETCD_PASSWORD={value}")];
            assert_eq!(m.variables("flanneld.service", "FLANNELD_"), expected, "{value:?}");
            let expected = [format!("FLEET_ETCD_PASSWORD={value}"), "FLEET_VERBOSITY=3".to_owned()];
            assert_eq!(m.variables("fleet.service", "FLEET_"), expected, "{value:?}");
        }
        m.absent("/root/evil");
    });

    suite.fresh("a_secret_that_is_gone_leaves_no_file", |m| {
        let start = "units: [{name: fleet.service, command: restart}]";
        let secret = format!("coreos: {{fleet: {{etcd_password: hidden, metadata: a}}, {start}}}");
        let open = format!("coreos: {{fleet: {{metadata: a}}, {start}}}");
        m.apply(&secret).ok();
        m.apply(&format!("coreos: {{{start}}}")).ok();
        assert!(m.exists(&env_file("fleet.service")), "the drop-in still names it");
        m.apply_with(&open, &["--dry-run"], &[]).ok().says(&["+ remove /run/coreos-cloudinit/env/fleet.service"]);
        m.apply(&open).ok();
        m.absent(&env_file("fleet.service"));
        assert_eq!(m.variables("fleet.service", "FLEET_"), ["FLEET_METADATA=a"]);
        // A drop-in that the user puts there does not name it either.
        m.apply(&secret).ok();
        m.apply(
            "coreos: {units: [{name: fleet.service, runtime: true, \
             drop_ins: [{name: 20-cloudinit.conf, content: \"[Unit]\\n# mine\"}]}]}",
        )
        .ok();
        m.absent(&env_file("fleet.service"));
        // Files that the program did not write, or that have another name, stay.
        for make in
            ["echo mine > $F; chmod 600 $F", "ln -s /etc/hosts $F", "cp $O $F; ln $F $F.2", "cp $O $F; chmod 644 $F"]
        {
            m.apply(&secret.replace("fleet", "etcd2").replace("etcd_password", "key_file").replace("metadata", "name"))
                .ok();
            let (file, ours) = (env_file("fleet.service"), env_file("etcd2.service"));
            // systemd 257 counts the starts of a unit across reloads; 252 forgets them.
            m.sh(&format!("systemctl reset-failed; F={file}; O={ours}; rm -f $F $F.2; {make}"));
            m.apply(&open).ok().says(&["; not changed"]);
            m.sh(&format!("test -e {file}"));
        }
    });

    suite.fresh("without_its_secrets_a_unit_does_not_start", |m| {
        let config = "coreos: {fleet: {etcd_password: hidden, metadata: a}, \
                      units: [{name: fleet.service, command: restart}]}";
        m.sh("mkdir -p /run/coreos-cloudinit/env/fleet.service");
        m.apply(config).fails().hides(&["hidden"]).says(&["/run/coreos-cloudinit/env/fleet.service could not be written", "unit fleet.service was not applied"]);
        m.absent(&drop_in("fleet.service"));
        assert_eq!(m.property("fleet.service", "ActiveState"), "inactive");
        m.sh("rmdir /run/coreos-cloudinit/env/fleet.service");
        m.apply(config).ok();
        m.sh("rm /run/coreos-cloudinit/env/fleet.service; ! systemctl restart fleet.service");
        assert_ne!(m.property("fleet.service", "ActiveState"), "active");
        // A directory that another user owns is not used.
        m.sh("rm -r /run/coreos-cloudinit/env; mkdir -m 777 /run/coreos-cloudinit/env; chown 65534 /run/coreos-cloudinit/env");
        m.apply(config).fails().says(&["another user"]);
        assert!(m.names("/run/coreos-cloudinit/env").is_empty());
    });

    suite.fresh("a_later_drop_in_does_not_override_a_secret", |m| {
        let user = "/etc/systemd/system/fleet.service.d/50-user.conf";
        m.sh("mkdir -p /etc/systemd/system/fleet.service.d");
        m.put(user, "[Service]\nEnvironment=FLEET_ETCD_PASSWORD=user FLEET_METADATA=user\n");
        let config =
            "coreos: {fleet: {etcd_password: hidden, metadata: a}, units: [{name: fleet.service, command: restart}]}";
        m.apply(config).ok();
        let expected = ["FLEET_ETCD_PASSWORD=hidden", "FLEET_METADATA=user"];
        assert_eq!(m.variables("fleet.service", "FLEET_"), expected);
    });

    suite.fresh("secrets_of_a_tree_are_closed_too", |m| {
        m.sh("mkdir -p /srv/tree/etc");
        let config = "coreos: {fleet: {etcd_password: hidden}}";
        m.apply_with(config, &["--root", "/srv/tree"], &[]).ok().hides(&["hidden"]);
        let state = "/srv/tree/run/coreos-cloudinit";
        assert_eq!((m.mode(state), m.mode(&format!("{state}/env"))), (0o700, 0o700));
        assert_eq!(m.mode(&format!("{state}/env/fleet.service")), 0o600);
        m.absent(&env_file("fleet.service"));
        m.apply_with("coreos: {fleet: {metadata: a}}", &["--root", "/srv/tree"], &[]).ok();
        m.absent(&format!("{state}/env/fleet.service"));
    });
}
