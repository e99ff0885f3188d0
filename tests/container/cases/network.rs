//! Units of networkd in `coreos.units`.

use crate::testbed::Suite;

const CONFIG: &str = r"
    coreos:
      units:
        - name: 10-static.network
          content: |
            [Match]
            Name=nothing0
        - {name: 20-br0.netdev, content: '[NetDev]', runtime: true}
        - {name: 30-eth.link, content: '[Link]'}
        - name: 40-dropped.network
          drop_ins: [{name: a.conf, content: '[Network]'}]
    ";

pub fn cases(suite: &mut Suite) {
    suite.fresh("network_units_have_their_own_directories", |m| {
        m.apply(CONFIG).ok();
        m.is_file("/etc/systemd/network/10-static.network", "[Match]\nName=nothing0\n", 0o644, (0, 0));
        m.is_file("/run/systemd/network/20-br0.netdev", "[NetDev]", 0o644, (0, 0));
        m.is_file("/etc/systemd/network/30-eth.link", "[Link]", 0o644, (0, 0));
        m.is_file("/etc/systemd/network/40-dropped.network.d/a.conf", "[Network]", 0o644, (0, 0));
        assert!(!m.exists("/etc/systemd/system/10-static.network"));
    });

    suite.fresh("networkd_is_restarted_once_and_only_when_something_changed", |m| {
        let networkd = "systemd-networkd.service";
        m.sh("systemctl start systemd-networkd.service");
        let first = m.invocation(networkd);
        m.apply(CONFIG).ok();
        let second = m.invocation(networkd);
        assert_ne!(second, first);
        assert_eq!(m.property(networkd, "NRestarts"), "0");
        m.untouched(|| m.apply(CONFIG).ok());
        assert_eq!(m.invocation(networkd), second);
        m.apply(&CONFIG.replace("nothing0", "nothing1")).ok();
        assert_ne!(m.invocation(networkd), second);
    });

    suite.fresh("networkd_is_restarted_before_commands", |m| {
        let config = r#"
            coreos:
              units:
                - {name: 10-x.network, content: "[Match]\nName=nothing0"}
                - {name: before.service, command: start, content: "[Service]\nExecStart=/bin/sleep infinity"}
            "#;
        m.apply(config).ok();
        let entered = |unit: &str| m.property(unit, "ActiveEnterTimestampMonotonic").parse::<u64>().unwrap();
        assert!(entered("systemd-networkd.service") < entered("before.service"));
    });

    suite.fresh("commands_and_enable_do_nothing_to_network_units", |m| {
        let config = r"
            coreos:
              units:
                - {name: 10-x.network, command: start, enable: true, content: '[Match]'}
            ";
        m.apply(config).ok().says(&["network-command"]);
        assert_eq!(m.text("/etc/systemd/network/10-x.network"), "[Match]");
        assert!(!m.exists("/etc/systemd/network/multi-user.target.wants"));
    });

    suite.fresh("network_units_are_masked_in_their_directory", |m| {
        m.apply("coreos: {units: [{name: 10-x.network, mask: true}]}").ok();
        assert_eq!(m.link("/etc/systemd/network/10-x.network").as_deref(), Some("/dev/null"));
    });

    suite.fresh("networkd_is_not_restarted_without_a_network_unit", |m| {
        m.sh("systemctl start systemd-networkd.service");
        let first = m.invocation("systemd-networkd.service");
        m.apply("coreos: {units: [{name: etcd.service, command: start}]}").ok();
        assert_eq!(m.invocation("systemd-networkd.service"), first);
        assert_eq!(m.active("etcd.service"), "active");
    });
}
