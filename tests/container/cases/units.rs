//! `coreos.units`: files, drop-ins, masks, links.

use crate::testbed::Suite;

const ROOT: (u32, u32) = (0, 0);
const NULL: Option<&str> = Some("/dev/null");

pub fn cases(suite: &mut Suite) {
    suite.shared("content_and_drop_ins_have_their_places", |m| {
        let config = r"
            coreos:
              units:
                - name: placed.service
                  content: |
                    [Service]
                    ExecStart=/bin/sleep infinity
                  drop-ins:
                    - name: 10-a.conf
                      content: |
                        [Service]
                        Environment=A=b
                - name: placed-runtime.service
                  runtime: yes
                  content: '[Service]'
                  drop_ins: [{name: x.conf, content: '[Unit]'}]
                - name: placed-empty.service
            ";
        m.apply(config).ok();
        m.is_file("/etc/systemd/system/placed.service", "[Service]\nExecStart=/bin/sleep infinity\n", 0o644, ROOT);
        m.is_file("/etc/systemd/system/placed.service.d/10-a.conf", "[Service]\nEnvironment=A=b\n", 0o644, ROOT);
        m.is_file("/run/systemd/system/placed-runtime.service", "[Service]", 0o644, ROOT);
        m.is_file("/run/systemd/system/placed-runtime.service.d/x.conf", "[Unit]", 0o644, ROOT);
        m.absent("/etc/systemd/system/placed-empty.service");
        m.absent("/etc/systemd/system/placed-empty.service.d");
        assert_eq!(m.active("placed.service"), "inactive");
    });

    suite.fresh("a_drop_in_by_its_path_is_placed", |m| {
        let config = r"
            coreos:
              units:
                - name: by-path.service
                  command: start
                  content: |
                    [Service]
                    Type=oneshot
                    RemainAfterExit=yes
                    ExecStart=/bin/true
                - name: by-path.service.d/netconf.conf
                  runtime: yes
                  content: |
                    [Unit]
                    Description=from the drop-in
            ";
        m.apply(config).ok().says(&["by-path.service.d/netconf.conf", "drop_ins"]);
        let path = "/run/systemd/system/by-path.service.d/netconf.conf";
        m.is_file(path, "[Unit]\nDescription=from the drop-in\n", 0o644, ROOT);
        assert_eq!(m.property("by-path.service", "Description"), "from the drop-in");
        assert_eq!(m.active("by-path.service"), "active");
        m.untouched(|| m.apply(config).ok());

        let refused =
            "coreos: {units: [{name: by-path.service.d/x.conf, content: '[Unit]', command: start, mask: true}]}";
        m.apply(refused).exits(1).says(&["bad-command", "`command`", "`mask`"]);
        m.is_file("/etc/systemd/system/by-path.service.d/x.conf", "[Unit]", 0o644, ROOT);
        m.apply("coreos: {units: [{name: by-path.service.d/../x.conf, content: '[Unit]'}]}").exits(1);
        m.absent("/etc/systemd/system/x.conf");
    });

    suite.fresh("a_second_run_writes_nothing_and_reloads_nothing", |m| {
        let config = r"
            coreos:
              units:
                - name: steady.service
                  enable: true
                  command: start
                  content: |
                    [Service]
                    ExecStart=/bin/sleep infinity
                    [Install]
                    WantedBy=multi-user.target
                  drop_ins: [{name: a.conf, content: '[Unit]'}]
                - {name: etcd2.service, mask: true}
                - {name: docker.service, command: restart, drop_ins: [{name: b.conf, content: '[Unit]'}]}
            ";
        m.apply(config).ok();
        let reload = m.last_reload();
        let steady = m.invocation("steady.service");
        let docker = m.invocation("docker.service");
        m.untouched(|| m.apply(config).ok());
        assert_eq!(m.last_reload(), reload);
        assert_eq!(m.invocation("steady.service"), steady);
        assert_ne!(m.invocation("docker.service"), docker, "a restart happens in every run");
    });

    suite.shared("enable_makes_the_links_of_the_install_section", |m| {
        let config = r"
            coreos:
              units:
                - name: linked.service
                  enable: true
                  content: &unit |
                    [Service]
                    ExecStart=/bin/true
                    [Install]
                    WantedBy=multi-user.target
                    RequiredBy=linked.target
                - {name: linked-runtime.service, enable: true, runtime: true, content: *unit}
            ";
        m.apply(config).ok();
        let target = Some("/etc/systemd/system/linked.service");
        for directory in ["multi-user.target.wants", "linked.target.requires"] {
            assert_eq!(m.link(&format!("/etc/systemd/system/{directory}/linked.service")).as_deref(), target);
        }
        assert_eq!(m.enabled("linked.service"), "enabled");
        assert_eq!(m.enabled("linked-runtime.service"), "enabled-runtime");
        assert!(m.exists("/run/systemd/system/multi-user.target.wants/linked-runtime.service"));
        m.absent("/etc/systemd/system/multi-user.target.wants/linked-runtime.service");
    });

    suite.fresh("a_unit_that_is_half_enabled_is_a_failure", |m| {
        let unit = |name: &str, install: &str| {
            format!("- {{name: {name}.service, enable: true, content: \"[Service]\\nExecStart=/bin/true\\n[Install]\\n{install}\"}}\n")
        };
        let blocked = "/etc/systemd/system/multi-user.target.wants/half.service";
        m.sh(&format!("mkdir -p {blocked}"));
        let units = [
            unit("half", "WantedBy=multi-user.target\\nAlias=other.service\\n"),
            unit("whole", "WantedBy=multi-user.target graphical.target\\nAlias=another.service\\n"),
        ];
        let config = format!("coreos:\n  units:\n  {}  {}", units[0], units[1]);
        for _ in 0..2 {
            m.apply(&config).fails().says(&["failed to enable half.service"]);
        }
        m.sh(&format!("rmdir {blocked}"));
        m.apply(&config).ok().says(&["done: enable half.service"]);
        assert!(m.link(blocked).is_some() && m.exists("/etc/systemd/system/other.service"));
        for name in ["graphical.target.wants/whole.service", "multi-user.target.wants/whole.service", "another.service"] {
            assert!(m.link(&format!("/etc/systemd/system/{name}")).is_some(), "{name}");
        }
        m.untouched(|| m.apply(&config).ok());
    });

    suite.shared("enable_works_for_a_unit_of_the_image_and_replaces_another_link", |m| {
        m.sh("ln -s /nowhere/etcd-member.service /etc/systemd/system/multi-user.target.wants/etcd-member.service");
        m.apply("coreos: {units: [{name: etcd-member.service, enable: true}]}").ok();
        assert_eq!(m.enabled("etcd-member.service"), "enabled");
        let link = m.link("/etc/systemd/system/multi-user.target.wants/etcd-member.service").unwrap();
        assert!(link.ends_with("/systemd/system/etcd-member.service") && !link.contains("nowhere"), "{link}");
        m.sh("systemctl disable etcd-member.service");
    });

    suite.fresh("mask_replaces_the_units_file_with_a_link_to_nothing", |m| {
        let config = r"
            coreos:
              units:
                - {name: masked.service, content: '[Service]', mask: true}
                - {name: etcd.service, mask: true, runtime: true}
                - {name: fleet.service, mask: true}
            ";
        m.apply(config).ok();
        assert_eq!(m.link("/etc/systemd/system/masked.service").as_deref(), NULL);
        assert_eq!(m.link("/run/systemd/system/etcd.service").as_deref(), NULL);
        assert_eq!(m.link("/etc/systemd/system/fleet.service").as_deref(), NULL);
        assert_eq!(m.enabled("etcd.service"), "masked-runtime");
        assert_eq!(m.property("fleet.service", "LoadState"), "masked");
        m.untouched(|| m.apply("coreos: {units: [{name: fleet.service, mask: true}]}").ok());
    });

    suite.shared("a_runtime_unit_removes_its_mask_or_empty_file_and_nothing_else", |m| {
        m.sh("cd /run/systemd/system; ln -s /dev/null unmask1.service; : > unmask2.service; echo '[Unit]' > unmask3.service");
        m.sh("ln -s /dev/null /etc/systemd/system/unmask4.service; ln -s /dev/null /run/systemd/system/unmask5.service");
        let config = r"
            coreos:
              units:
                - {name: unmask1.service, runtime: true}
                - {name: unmask2.service, runtime: true}
                - {name: unmask3.service, runtime: true}
                - {name: unmask4.service, runtime: true}
                - {name: unmask5.service}
            ";
        m.apply(config).ok();
        m.absent("/run/systemd/system/unmask1.service");
        m.absent("/run/systemd/system/unmask2.service");
        assert_eq!(m.text("/run/systemd/system/unmask3.service"), "[Unit]\n");
        assert_eq!(m.link("/etc/systemd/system/unmask4.service").as_deref(), NULL);
        assert_eq!(m.link("/run/systemd/system/unmask5.service").as_deref(), NULL);
        m.sh("rm /etc/systemd/system/unmask4.service /run/systemd/system/unmask*.service");
    });

    suite.shared("content_replaces_a_mask", |m| {
        m.sh("ln -s /dev/null /etc/systemd/system/replaced.service; systemctl daemon-reload");
        m.apply(
            "coreos: {units: [{name: replaced.service, content: \"[Service]\\nExecStart=/bin/sleep 1000\", command: start}]}",
        )
        .ok();
        assert_eq!(m.active("replaced.service"), "active");
    });

    suite.shared("incomplete_drop_ins_are_skipped", |m| {
        let config = r"
            coreos:
              units:
                - name: incomplete.service
                  drop_ins:
                    - {name: no-content.conf}
                    - {content: '[Unit]'}
                    - {name: whole.conf, content: '[Unit]'}
            ";
        m.apply(config).ok().says(&["incomplete-drop-in"]);
        assert_eq!(m.names("/etc/systemd/system/incomplete.service.d"), ["whole.conf"]);
    });

    suite.shared("names_are_checked", |m| {
        let before = m.names("/etc/systemd/system");
        let long = "x".repeat(300);
        let config = format!(
            r"
            coreos:
              units:
                - {{name: ../../evil.service, content: '[Unit]'}}
                - {{name: a/b.service, content: '[Unit]'}}
                - {{name: .hidden.service, content: '[Unit]'}}
                - {{name: {long}.service, content: '[Unit]'}}
                - {{content: '[Unit]'}}
                - {{name: good-name.service, content: '[Unit]', drop_ins: [{{name: ../../../evil.conf, content: '[Unit]'}}]}}
            "
        );
        m.apply(&config).fails().says(&["bad-unit-name", "bad-drop-in-name"]);
        let new: Vec<_> = m.names("/etc/systemd/system").into_iter().filter(|name| !before.contains(name)).collect();
        assert_eq!(new, ["good-name.service"]);
        m.absent("/etc/evil.service");
        m.absent("/etc/evil.conf");
    });

    suite.shared("an_unknown_suffix_is_refused_for_commands_alone", |m| {
        let config = r"
            coreos:
              units:
                - {name: odd, drop_ins: [{name: a.conf, content: '[Unit]'}]}
                - {name: odd.strange, content: '[Unit]'}
            ";
        m.apply(config).ok().says(&["odd-unit-name"]);
        m.is_file("/etc/systemd/system/odd.d/a.conf", "[Unit]", 0o644, ROOT);
        m.is_file("/etc/systemd/system/odd.strange", "[Unit]", 0o644, ROOT);
        m.apply("coreos: {units: [{name: odd, command: start}, {name: odd.strange, enable: true}]}").fails();
    });

    suite.shared("a_wrong_type_refuses_the_unit_where_it_could_do_harm", |m| {
        let config = r"
            coreos:
              units:
                - {name: harm1.service, content: [a]}
                - {name: harm2.service, content: '[Unit]', mask: perhaps}
                - {name: harm3.service, content: '[Unit]', runtime: perhaps}
                - {name: [harm4.service], content: '[Unit]'}
                - {name: harm5.service, content: '[Unit]', drop_ins: [{name: a.conf, content: {a: b}}]}
                - {name: harm6.service, content: '[Unit]', enable: perhaps}
            ";
        m.apply(config).fails().says(&["wrong-type"]);
        for number in [1, 2, 3, 4] {
            m.absent(&format!("/etc/systemd/system/harm{number}.service"));
            m.absent(&format!("/run/systemd/system/harm{number}.service"));
        }
        m.absent("/etc/systemd/system/harm5.service.d/a.conf");
        assert!(m.exists("/etc/systemd/system/harm6.service"));
    });

    suite.shared("two_entries_of_one_unit_are_both_done", |m| {
        let config = r"
            coreos:
              units:
                - {name: double.service, content: '[Service]', drop_ins: [{name: a.conf, content: '[Unit]'}]}
                - {name: double.service, drop_ins: [{name: b.conf, content: '[Unit]'}]}
            ";
        m.apply(config);
        assert_eq!(m.names("/etc/systemd/system/double.service.d"), ["a.conf", "b.conf"]);
    });
}
