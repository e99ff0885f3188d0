use super::*;

fn order(units: &[(&str, &str)]) -> Order {
    let units: Vec<_> = units
        .iter()
        .map(|(name, text)| OrderedUnit {
            name,
            texts: vec![text],
            has_contents: text.contains("# contents"),
            needs_addresses: text.contains("$private_ipv4"),
            start: match text {
                text if text.contains("# not wanted") => Start::No,
                text if text.contains("# by a link") => Start::Link,
                _ => Start::Install,
            },
        })
        .collect();
    Order::new(&units, Variant::Flatcar)
}

#[test]
fn a_unit_of_early_boot_that_waits_for_a_service_is_late() {
    let late = |name: &str, text: &str| order(&[(name, &format!("# contents\n{text}"))]).drop_in(name);
    for (name, text, expected) in [
        ("a.mount", "After=x.target b.service\n[Mount]\nType=ext4\n", Some(LATE_MOUNT)),
        ("a.swap", "After = b.service\n", Some(LATE_MOUNT)),
        ("a.swap", "After=x.target \\\n  b.service\n", Some(LATE_MOUNT)),
        ("a.socket", "After=b.service\n", Some(LATE_SOCKET)),
        ("a.path", "After=network-online.target\n", Some(LATE_SOCKET)),
        ("a.mount", "After=docker.socket\n", Some(LATE_MOUNT)),
        ("a.mount", "After=timers.target\n", Some(LATE_MOUNT)),
        ("a.mount", "Before=docker.service\nAfter=network.target\n", Some(LATE_MOUNT)),
        ("a.mount", "After=nss-lookup.target\n", Some(LATE_MOUNT)),
        ("a.mount", "After=systemd-tmpfiles-setup.service\n", Some(LATE_MOUNT)),
        ("a.mount", "After=time-set.target\n", Some(LATE_MOUNT)),
        ("a.swap", "After=network-pre.target\n", None),
        ("a.mount", "After=local-fs.target\n", Some(LATE_MOUNT)),
        ("a.swap", "After=local-fs.target\n", Some(LATE_MOUNT)),
        ("a.swap", "After=local-fs-pre.target\n", None),
        ("a.swap", "What=/tmp/swap\n", Some(LATE_MOUNT)),
        ("a.swap", "What=/var/swap\n", None),
        ("a.socket", "After=sockets.target\n", Some(LATE_SOCKET)),
        ("a.path", "After=paths.target\n", Some(LATE_SOCKET)),
        ("a.socket", "After=docker.socket\n", None),
        ("a.mount", "After=systemd-udevd-kernel.socket\n", None),
        ("a.mount", "After=b.mount\n", None),
        ("a.mount", "After=systemd-udevd.service\n", None),
        ("a.mount", "Before=b.service\n", None),
        ("a.mount", "After=b.service\nDefaultDependencies=no\n", None),
        ("a.mount", "After=b.service\nType=nfs\n", None),
        ("a.mount", "After=b.service\nOptions=ro,_netdev\n", None),
        ("a.service", "After=b.service\n", None),
        ("a.timer", "After=b.service\n", None),
    ] {
        assert_eq!(late(name, text), expected, "{name} {text}");
    }
}

#[test]
fn a_unit_of_early_boot_is_late_if_one_that_it_waits_for_is() {
    let data = ("data.mount", "# contents\nAfter=format.service\nWhere=/data\n");
    for (name, text, is_late) in [
        ("a.mount", "After=data.mount\nWhere=/a\n", true),
        ("a.mount", "What=/data/a\nWhere=/a\n", true),
        ("data-sub.mount", "Where=/data/sub\n", true),
        ("a.swap", "What=/data/swap\n", true),
        ("a.socket", "ListenStream=/data/socket\n", true),
        ("a.path", "PathExists=/data/x\n", true),
        ("a.automount", "RequiresMountsFor=/x /data\nWhere=/a\n", true),
        ("database.mount", "Where=/database\n", false),
        ("a.socket", "ListenStream=80\n", false),
    ] {
        let found = order(&[data, (name, &format!("# contents\n{text}"))]);
        assert_eq!(found.drop_in(name).is_some(), is_late, "{name} {text}");
    }
    let preceded = order(&[("a.mount", "# contents\n"), ("b.service", "# contents\nBefore=a.mount\n")]);
    assert_eq!(preceded.drop_in("a.mount"), Some(LATE_MOUNT));
    let socket = ("a.socket", "# contents\nExecStartPre=/bin/a $private_ipv4\n");
    assert_eq!(order(&[socket]).drop_in("a.socket"), Some(LATE_SOCKET));
}

#[test]
fn the_addresses_wait_for_what_the_network_waits_for() {
    let found = order(&[
        ("coreos-metadata.service", "After=a.service\n"),
        ("b.service", "# contents\nBefore=a.service x.service\n"),
        ("c.service", "# contents\nWantedBy=network-online.target\n"),
        ("d.service", "# contents\nAfter=coreos-metadata.service b.service\nBefore=multi-user.target\n"),
        ("e@.service", "# contents\nDefaultDependencies=no\nBefore=sysinit.target\n"),
        ("systemd-resolved.service", "User=a\n"),
        ("docker.socket", "User=a\n"),
        ("docker.service", "User=a\n"),
    ]);
    for name in [
        "coreos-metadata.service",
        "a.service",
        "b.service",
        "c.service",
        "e@1.service",
        "systemd-resolved.service",
        "docker.socket",
    ] {
        assert!(found.is_before_addresses(name), "{name}");
    }
    for name in ["d.service", "x.service", "docker.service"] {
        assert!(!found.is_before_addresses(name), "{name}");
    }
}

#[test]
fn units_behind_the_end_of_the_boot_wait_for_it() {
    let found = order(&[
        ("a.service", "# contents\nAfter=multi-user.target\n"),
        ("b.service", "# contents\nAfter=a.service\n"),
        ("c.target", "# contents\nWants=b.service\n"),
        ("d.service", "After=graphical.target\n"),
        ("e.service", "# contents\nBefore=multi-user.target\n"),
    ]);
    for name in ["a.service", "b.service", "c.target", "d.service"] {
        assert_eq!((found.is_after_boot(name), found.drop_in(name)), (true, Some(AFTER_BOOT)), "{name}");
    }
    assert_eq!((found.is_after_boot("e.service"), found.drop_in("e.service")), (false, None));
}

/// The words that a result lacks, as settings of units.
fn omitted(units: &[(&str, &str)]) -> Vec<String> {
    let found = order(units);
    assert!(found.cycles.is_empty(), "{units:?}: {:?}", found.cycles);
    let all = units.iter().flat_map(|(name, _)| found.omitted(name).into_iter().flatten().map(move |all| (name, all)));
    let shown = all.flat_map(|(name, (key, words))| words.iter().map(move |word| format!("{name}: {key}={word}")));
    shown.collect()
}

#[test]
fn early_boot_does_not_wait_for_a_service_of_the_source() {
    for (text, expected) in [
        ("Before=docker.socket docker.service", "Before=docker.socket"),
        ("Before=basic.target", "Before=basic.target"),
        ("Before=sysinit.target", "Before=sysinit.target"),
        ("Before=local-fs.target", "Before=local-fs.target"),
        ("Before=sockets.target", "Before=sockets.target"),
        ("Before=systemd-tmpfiles-setup.service", "Before=systemd-tmpfiles-setup.service"),
        ("DefaultDependencies=yes\nBefore=basic.target", "Before=basic.target"),
        ("DefaultDependencies=no\nAfter=docker.service\nBefore=basic.target", "Before=basic.target"),
        ("WantedBy=sockets.target", "WantedBy=sockets.target"),
        ("After=multi-user.target\nBefore=getty.target", "Before=getty.target"),
        ("After=multi-user.target\nBefore=update-engine.service", "Before=update-engine.service"),
        ("After=getty.target\nBefore=basic.target", "Before=basic.target"),
    ] {
        let units = [("own.service", &*format!("# contents\n{text}\n"))];
        assert_eq!(omitted(&units), [format!("own.service: {expected}")], "{text}");
        let not_wanted = format!("{}# not wanted\n", units[0].1);
        assert!(omitted(&[("own.service", &not_wanted)]).is_empty(), "{text}");
    }
    for text in [
        "Before=docker.service",
        "Before=network-pre.target systemd-networkd.service network-online.target",
        "Before=multi-user.target timers.target systemd-logind.service",
        "DefaultDependencies=no\nBefore=basic.target docker.socket",
        "WantedBy=basic.target sysinit.target timers.target local-fs.target multi-user.target",
        "RequiredBy=docker.service",
        "WantedBy=sockets.target\n# by a link",
    ] {
        assert!(omitted(&[("own.service", &format!("# contents\n{text}\n"))]).is_empty(), "{text}");
    }
}

#[test]
fn a_unit_of_the_image_does_not_wait_for_one_that_waits_for_it() {
    let own = ("own.service", "# contents\n");
    let path = ("own.path", "# contents\nUnit=own.service\n");
    for (name, text, is_omitted) in [
        ("docker.socket", "After=own.service", true),
        ("systemd-tmpfiles-setup.service", "After=own.service", true),
        ("sockets.target", "After=own.service", true),
        ("docker.service", "After=own.service", false),
        ("systemd-networkd.service", "After=own.service", false),
        ("systemd-networkd.socket", "After=own.path", false),
        ("proc-sys-fs-binfmt_misc.automount", "After=systemd-update-utmp.service", false),
        ("multi-user.target", "After=own.service", false),
    ] {
        let expected = if is_omitted { vec![format!("{name}: {text}")] } else { Vec::new() };
        assert_eq!(omitted(&[own, path, (name, text)]), expected, "{name}");
    }
    let required = ("own.service", "# contents\n# not wanted\nBefore=docker.socket\n");
    assert!(omitted(&[required, ("docker.socket", "User=a")]).is_empty());
    assert_eq!(omitted(&[required, ("docker.service", "Requires=own.service")]), ["own.service: Before=docker.socket"]);
}

#[test]
fn an_instance_has_the_order_of_its_template() {
    let template = ("own@.service", "# contents\n# not wanted\nBefore=docker.socket\nWantedBy=sockets.target\n");
    assert!(omitted(&[template]).is_empty());
    assert_eq!(
        omitted(&[template, ("own@1.service", "")]),
        ["own@.service: Before=docker.socket", "own@.service: WantedBy=sockets.target"]
    );
}

#[test]
fn a_socket_of_the_image_below_a_late_mount_is_late() {
    let data = ("data.mount", "# contents\nAfter=format.service\nWhere=/data\n");
    let format = ("format.service", "# contents\n");
    let found = order(&[data, format, ("docker.socket", "ListenStream=/data/docker.sock")]);
    assert_eq!(found.drop_in("docker.socket"), Some(LATE_SOCKET));
    assert!(found.omitted.is_empty() && found.cycles.is_empty());
    assert_eq!(order(&[("docker.socket", "ListenStream=/data/docker.sock")]).drop_in("docker.socket"), None);
}

#[test]
fn a_mount_waits_for_its_automount() {
    let automount = ("data.automount", "# contents\nAfter=docker.service\nWhere=/data\n");
    let found = order(&[automount, ("data.mount", "# contents\nWhere=/data\n")]);
    for name in ["data.automount", "data.mount"] {
        assert_eq!(found.drop_in(name), Some(LATE_MOUNT), "{name}");
    }
    let early = ("data.automount", "# contents\nWhere=/data\n");
    let found = order(&[early, ("data.mount", "# contents\nWhere=/data\n")]);
    assert!(found.late.is_empty() && found.cycles.is_empty() && found.omitted.is_empty());
}

#[test]
fn a_cycle_that_is_left_is_known() {
    let found = order(&[
        ("a.service", "# contents\nAfter=b.service\n"),
        ("b.service", "# contents\nAfter=a.service\n"),
        ("c.service", "# contents\nAfter=a.service\n"),
    ]);
    assert_eq!(found.cycle("a.service"), Some(&["b.service".to_owned()][..]));
    assert_eq!(found.cycle("b.service"), None);
    assert_eq!(found.cycle("c.service"), None);
}

#[test]
fn a_drop_in_of_the_last_target_is_no_reason_to_wait_for_it() {
    let found = order(&[("multi-user.target", "Wants=a.service\n"), ("a.service", "# contents\n")]);
    assert_eq!(found.drop_in("a.service"), None);
}

#[test]
fn a_mount_that_the_boot_needs_does_not_wait_for_services() {
    let format = ("format.service", "# contents\n");
    for (name, text, is_refused) in [
        ("var.mount", "Where=/var\nAfter=format.service", true),
        ("var.mount", "Where=/var\nAfter=docker.service\nDefaultDependencies=no", true),
        ("var.mount", "Where=/var\nAfter=systemd-tmpfiles-setup.service", true),
        ("var.mount", "Where=/var\nAfter=systemd-random-seed.service", true),
        ("var-log.mount", "Where=/var/log\nAfter=format.service", true),
        ("tmp.mount", "Where=/tmp\nAfter=format.service", true),
        ("tmp.mount", "Where=/tmp\nType=nfs", true),
        ("var.mount", "Where=/var", false),
        ("var.mount", "Where=/var\nBefore=docker.service", false),
        ("var.mount", "Where=/var\nAfter=systemd-udevd.service", false),
        ("var.mount", "Where=/other\nAfter=format.service", false),
        ("var-lib-docker.mount", "Where=/var/lib/docker\nAfter=format.service", false),
        ("data.mount", "Where=/data\nAfter=format.service", false),
    ] {
        let found = order(&[format, (name, &format!("# contents\n# not wanted\n{text}\n"))]);
        assert_eq!(found.is_refused(name), is_refused, "{name} {text}");
        assert!(!found.is_refused("format.service") && found.cycles.is_empty() && found.omitted.is_empty(), "{text}");
    }
    let early = ("format.service", "# contents\nDefaultDependencies=no\n");
    let var = ("var.mount", "# contents\nWhere=/var\nAfter=format.service\n");
    assert!(order(&[early, var]).refused.is_empty());
    let found = order(&[
        format,
        var,
        ("var.automount", "# contents\nWhere=/var\n"),
        ("var-log.mount", "# contents\nWhere=/var/log\n"),
    ]);
    assert!(found.is_refused("var.mount") && found.is_refused("var.automount") && !found.is_refused("var-log.mount"));
    // Nothing starts the service at boot.
    let by_command = ("format.service", "# contents\n# not wanted\n");
    assert!(order(&[by_command, var]).refused.is_empty());
    // The image may lack the unit.
    let before = ("a.service", "# contents\nDefaultDependencies=no\nAfter=unknown.service\nBefore=var.mount\n");
    let found = order(&[before, ("var.mount", "# contents\nWhere=/var\n")]);
    assert!(found.is_doubtful("var.mount") && found.refused.is_empty());
    let found = order(&[("var.mount", "# contents\nWhere=/var\nAfter=unknown.service\n")]);
    assert!(found.is_doubtful("var.mount") && found.drop_in("var.mount").is_none() && found.refused.is_empty());
}

#[test]
fn drop_ins_that_let_early_boot_wait_for_itself_are_refused() {
    let service = ("a.service", "# contents\n");
    let data = ("data.mount", "# contents\nWhere=/data\nAfter=a.service\n");
    for (name, text) in [
        ("sockets.target", "BindsTo=a.service\n"),
        ("systemd-udevd.service", "RequiresMountsFor=/data\n"),
        ("systemd-udevd.service", "Type=dbus\n"),
        ("systemd-remount-fs.service", "PrivateTmp=yes\n"),
    ] {
        let found = order(&[service, data, (name, text)]);
        assert!(found.is_refused(name) && found.refused.len() == 1 && found.cycles.is_empty(), "{name}: {found:?}");
    }
}

#[test]
fn settings_that_imply_an_order_are_known() {
    for (text, is_omitted) in [
        ("DefaultDependencies=no\nBefore=local-fs.target\nPrivateTmp=yes", true),
        ("DefaultDependencies=no\nBefore=local-fs.target\nDynamicUser=true", true),
        ("DefaultDependencies=no\nBefore=local-fs.target\nPrivateTmp=no", false),
        ("DefaultDependencies=no\nBefore=sysinit.target\nType=dbus", true),
        ("DefaultDependencies=no\nBefore=sysinit.target\nBusName=a.b", true),
        ("DefaultDependencies=no\nBefore=sysinit.target\nType=notify\nBusName=a.b", false),
        ("DefaultDependencies=no\nBefore=sysinit.target\nSlice=late.slice", true),
        ("DefaultDependencies=no\nBefore=sysinit.target\nSlice=late-sub.slice", true),
        ("DefaultDependencies=no\nBefore=sysinit.target\nSockets=docker.socket", true),
        ("DefaultDependencies=no\nBefore=sysinit.target\nStateDirectory=a", true),
        ("DefaultDependencies=no\nBefore=system.slice", true),
        ("DefaultDependencies=no\nBefore=systemd-journald.socket", true),
        ("DefaultDependencies=no\nStandardOutput=null\nStandardError=null\nBefore=systemd-journald.socket", false),
        ("Before=tmp.mount", true),
        ("Before=boot.automount", true),
        ("Before=sys-kernel-debug.mount", true),
        ("Before=user.slice", true),
        ("Before=systemd-networkd.socket", true),
        ("Before=unknown.mount unknown.slice", false),
        ("After=docker.service\nWantedBy=network.target", true),
        ("WantedBy=network.target", false),
    ] {
        let units = [
            ("own.service", &*format!("# contents\n{text}\n")),
            ("late.slice", "# contents\nAfter=docker.service\n"),
            ("var-lib-a.mount", "# contents\nWhere=/var/lib/a\nAfter=docker.service\n"),
        ];
        assert_eq!(omitted(&units).len(), usize::from(is_omitted), "{text}: {:?}", omitted(&units));
    }
    let alias = ("own.service", "# contents\nAlias=other.service\n");
    let after = ("docker.socket", "After=other.service\n");
    assert_eq!(omitted(&[alias, after]), ["docker.socket: After=other.service"]);
}

#[test]
fn a_target_does_not_wait_for_units_that_wait_for_it() {
    let found = order(&[
        ("own.target", "# contents\nWants=a.service b.service\n"),
        ("a.service", "# contents\nAfter=own.target\n"),
        ("b.service", "# contents\nDefaultDependencies=no\nAfter=c.service\n"),
        ("c.service", "# contents\nAfter=own.target\n"),
        ("sysinit.target", "Wants=docker.service\n"),
    ]);
    assert!(found.refused.is_empty() && found.cycles.is_empty() && found.omitted.is_empty(), "{found:?}");
}

#[test]
fn a_unit_that_does_not_exist_is_in_no_cycle() {
    for other in [
        "x.service",
        "x.socket",
        "x.path",
        "x.target",
        "x.swap",
        "x.automount",
        "x@1.timer",
        "dev-x.mount",
        "sys-x.socket",
        "systemd-x.service",
        "NetworkManager-x.socket",
    ] {
        let text = format!("# contents\nBefore={other}\nAfter={other}\nRequires={other}\n");
        let between = [
            ("a.service", format!("# contents\nBefore={other}\nAfter=b.service\n")),
            ("b.service", format!("# contents\nAfter={other}\n")),
        ];
        let between = between.each_ref().map(|(name, text)| (*name, text.as_str()));
        for units in [&[("a.service", text.as_str())][..], &between] {
            assert!(omitted(units).is_empty() && order(units).refused.is_empty(), "{units:?}");
        }
        // It exists if the source has it.
        if kind_of(other) == "service" {
            let found = order(&[("a.service", text.as_str()), (other, "# contents\n")]);
            assert_eq!(found.cycles.len(), 1, "{other}");
        }
    }
}

#[test]
fn an_instance_is_in_a_cycle_as_another_unit_is() {
    let template = ("t@.service", "# contents\n# not wanted\nAfter=a.service\n");
    let cycle = |units: &[(&str, &str)]| order(units).cycles.into_values().next();
    let found = cycle(&[("a.service", "# contents\nAfter=t@1.service\n"), template, ("t@1.service", "# by a link")]);
    assert_eq!(found.as_deref(), Some(&["t@1.service".to_owned()][..]));
    // One instance may wait for the other.
    let two = [("a.service", "# contents\nAfter=t@1.service\n"), template, ("t@2.service", "# by a link")];
    assert_eq!(cycle(&two), None);
}
