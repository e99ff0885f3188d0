//! Converted network descriptions, as networkd itself reads them.
//!
//! The kernel of a container may have neither bonds nor VLANs: those files are read here, not carried out.

use std::fs;
use std::path::Path;
use std::time::Duration;

use cloud_config::network::{Conversion, debian, digitalocean, network_config, openstack};

use regex::Regex;

use crate::testbed::key::key;
use crate::testbed::machine::wait_for;
use crate::testbed::{Machine, Suite};

const DIRECTORY: &str = "/run/systemd/network";
/// Two interfaces, each with a wire to somewhere.
const WIRES: &str = "ip link add eth0 type veth peer name far0; ip link set far0 up;\
    ip link add eth1 type veth peer name far1; ip link set far1 up;\
    ip link set eth0 address 04:01:57:d1:9e:01; ip link set eth1 address 04:01:57:d1:9e:02";

pub fn cases(suite: &mut Suite) {
    suite.fresh("every_file_of_every_case_is_one_that_networkd_reads", |m| {
        let units = golden_units();
        m.sh(&format!("mkdir -p {DIRECTORY}"));
        for (at, (name, text)) in units.iter().enumerate() {
            // Numbered: files of several cases have one name.
            m.put(&format!("{DIRECTORY}/{at:03}-{name}"), text);
        }
        m.put(&format!("{DIRECTORY}/zz-known-bad.network"), "[Match]\nName=x\n[Network]\nNoSuchKey=1\n");
        let log = restart(m);
        let complaints: Vec<_> = log.lines().filter(|line| is_complaint(line)).collect();
        assert_eq!(complaints.len(), 1, "{}", complaints.join("\n"));
        assert!(complaints[0].contains("NoSuchKey"), "{}", complaints[0]);
    });

    suite.fresh("addresses_and_routes_of_an_interfaces_file_come_up", |m| {
        let text = "
            auto eth0
            iface eth0 inet static
                address 192.0.2.10
                netmask 255.255.255.0
                gateway 192.0.2.1
                mtu 1400
                post-up route add -net 10.0.0.0 netmask 255.0.0.0 gw 192.0.2.2
            iface eth0 inet6 static
                address 2001:db8::10/64
                gateway fe80::1
            iface eth1 inet static
                address 198.51.100.10/25
                address 198.51.100.11/25
                hwaddress ether 02:00:00:00:00:07
            ";
        set_up(m, &debian::convert(text.as_bytes()));
        assert_has(m, "eth0", &["192.0.2.10/24", "2001:db8::10/64", "mtu 1400"]);
        assert_has(m, "eth1", &["198.51.100.10/25", "198.51.100.11/25", "02:00:00:00:00:07"]);
        let routes = m.sh("ip route; ip -6 route");
        for route in
            ["default via 192.0.2.1 dev eth0", "10.0.0.0/8 via 192.0.2.2 dev eth0", "default via fe80::1 dev eth0"]
        {
            assert!(routes.contains(route), "{route}\n{routes}");
        }
    });

    suite.fresh("a_restart_that_a_killed_run_owes_is_made_up_for", |m| {
        const NETWORKD: &str = "systemd-networkd.service";
        const DRIVE: &str = "/media/configdrive/openstack";
        m.sh(&format!("systemctl start {NETWORKD}; mkdir -p {DRIVE}/latest {DRIVE}/content"));
        m.put(&format!("{DRIVE}/latest/meta_data.json"), "{\"network_config\": {\"content_path\": \"content/0\"}}");
        m.put(&format!("{DRIVE}/content/0"), "iface nothing0.7 inet manual\n");
        // A slow step between the files and the restart.
        let modprobe = m.sh("command -v modprobe || echo /usr/sbin/modprobe");
        m.sh(&format!("printf '#!/bin/sh\\nexec sleep 60\\n' > {modprobe}.new; chmod 755 {modprobe}.new; mv {modprobe}.new {modprobe}"));
        let flags = ["--from-configdrive=/media/configdrive", "--convert-netconf=debian"];
        let before = m.invocation(NETWORKD);
        let run = m.program(&flags).start();
        assert!(wait_for(Duration::from_secs(20), || !m.run(&["pgrep", "-x", "sleep"]).stdout.is_empty()));
        m.sh("pkill -KILL -x coreos-cloudini");
        run.finish(Duration::from_secs(20));
        m.sh(&format!("pkill -x sleep; ln -sf /bin/true {modprobe}"));
        assert!(m.exists(&format!("{DIRECTORY}/00-nothing0.7.netdev")), "{:?}", m.names(DIRECTORY));
        assert_eq!(m.invocation(NETWORKD), before);
        m.program(&flags).run().ok().says(&["an earlier run changed files of networkd"]);
        let after = m.invocation(NETWORKD);
        assert_ne!(after, before, "the files are as they should be, and networkd has not read them");
        m.untouched(|| m.program(&flags).run().ok());
        assert_eq!(m.invocation(NETWORKD), after, "it is owed nothing any more");
        // A failed restart stays pending, too.
        m.put(&format!("{DRIVE}/content/0"), "iface nothing0.8 inet manual\n");
        m.sh(&format!("systemctl mask --runtime {NETWORKD}; systemctl stop {NETWORKD}"));
        m.program(&flags).run().fails().says(&[NETWORKD]);
        m.sh(&format!("systemctl unmask --runtime {NETWORKD}"));
        m.program(&flags).run().ok();
        assert_eq!(m.active(NETWORKD), "active");
    });

    suite.fresh("runs_at_once_restart_networkd_once", |m| {
        m.sh("systemctl start systemd-networkd.service");
        let text = "#cloud-config\ncoreos: {units: [{name: 10-x.network, content: \"[Match]\\nName=nothing0\\n\"}]}\n";
        m.put("/root/user-data", text);
        let started = || m.sh("journalctl --no-pager --unit=systemd-networkd.service | grep -c ': Started'");
        let before = started();
        let runs: Vec<_> = (0..4).map(|_| m.program(&["--from-file=/root/user-data"]).start()).collect();
        for run in runs {
            run.finish(Duration::from_secs(30)).ok().hides(&["an earlier run"]);
        }
        assert_eq!(started().parse::<u32>().unwrap(), before.parse::<u32>().unwrap() + 1);
        assert!(!m.names("/run/coreos-cloudinit").iter().any(|name| name.contains("networkd")));
    });

    suite.fresh("interfaces_are_found_by_their_addresses", |m| {
        let text = r#"{"dns": {"nameservers": ["192.0.2.53"]}, "interfaces": {
            "public": [{"mac": "04:01:57:d1:9e:02",
                "ipv4": {"ip_address": "192.0.2.10", "netmask": "255.255.255.0", "gateway": "192.0.2.1"},
                "ipv6": {"ip_address": "2001:db8::10", "cidr": 64, "gateway": "2001:db8::1"},
                "anchor_ipv4": {"ip_address": "10.0.0.5", "netmask": "255.255.0.0", "gateway": "10.0.0.1"}}],
            "private": [{"mac": "04:01:57:d1:9e:01",
                "ipv4": {"ip_address": "10.132.0.5", "netmask": "255.255.0.0", "gateway": "10.132.0.1"}}]}}"#;
        set_up(m, &digitalocean::convert(text.as_bytes()));
        assert_has(m, "eth1", &["192.0.2.10/24", "2001:db8::10/64", "10.0.0.5/16"]);
        assert_has(m, "eth0", &["10.132.0.5/16"]);
        let routes = m.sh("ip route; ip -6 route");
        assert!(routes.contains("default via 192.0.2.1 dev eth1"), "{routes}");
        assert!(routes.contains("default via 2001:db8::1 dev eth1"), "{routes}");
        assert!(!routes.contains("10.132.0.1"), "{routes}");
        assert!(m.sh("networkctl status eth1").contains("192.0.2.53"));
    });

    suite.fresh("links_and_networks_of_network_data_come_up", |m| {
        let text = r#"{
            "links": [{"id": "tap1", "type": "ovs", "ethernet_mac_address": "04:01:57:d1:9e:01", "mtu": 1450},
                      {"id": "tap2", "type": "phy", "ethernet_mac_address": "04:01:57:d1:9e:02"}],
            "networks": [
                {"link": "tap1", "type": "ipv4", "ip_address": "192.0.2.10", "netmask": "255.255.255.0",
                 "routes": [{"network": "0.0.0.0", "netmask": "0.0.0.0", "gateway": "192.0.2.1"}]},
                {"link": "tap1", "type": "ipv6", "ip_address": "2001:db8::10", "netmask": "ffff:ffff:ffff:ffff::",
                 "routes": [{"network": "::", "netmask": "::", "gateway": "2001:db8::1"}]},
                {"link": "tap2", "type": "ipv4", "ip_address": "198.51.100.10", "netmask": "255.255.255.0",
                 "gateway": "198.51.100.1", "dns_nameservers": ["198.51.100.53"], "mtu": 1400}],
            "services": [{"type": "dns", "address": "192.0.2.53"}]}"#;
        set_up(m, &openstack::convert(text.as_bytes()));
        assert_has(m, "eth0", &["192.0.2.10/24", "2001:db8::10/64", "mtu 1450"]);
        assert_has(m, "eth1", &["198.51.100.10/24", "mtu 1400"]);
        assert!(m.sh("networkctl status eth1").contains("198.51.100.53"));
        let routes = m.sh("ip route; ip -6 route");
        assert!(routes.contains("default via 198.51.100.1 dev eth1"), "{routes}");
        assert!(routes.contains("default via 192.0.2.1 dev eth0"), "{routes}");
        assert!(routes.contains("default via 2001:db8::1 dev eth0"), "{routes}");
    });
}

pub fn seeds(suite: &mut Suite) {
    suite.fresh("an_interface_that_udev_does_not_rename_gets_its_addresses", |m| {
        m.sh(&format!("systemctl start systemd-networkd.service; {WIRES}; mkdir -p /root/seed"));
        let network = "ethernets:\n  a: {match: {macaddress: \"04:01:57:d1:9e:01\"}, set-name: lan0, addresses: [192.0.2.10/24]}\n";
        m.put("/root/seed/network-config", network);
        let flags = ["--from-nocloud=/root/seed", "--convert-netconf=network-config"];
        // There is no udev in a container.
        m.program(&flags).run().ok().says(&["failed to rename eth0"]);
        assert!(m.text(&format!("{DIRECTORY}/00-04:01:57:d1:9e:01.link")).contains("Name=lan0"));
        let is_there = || m.sh("ip address show dev eth0").contains("192.0.2.10/24");
        assert!(wait_for(Duration::from_secs(20), is_there), "{}", m.sh("ip address"));
        m.untouched(|| m.program(&flags).run().ok());
    });

    suite.fresh("a_nocloud_seed_is_applied", |m| {
        m.sh(WIRES);
        m.sh("mkdir -p /srv/seed");
        let key = key("seed");
        m.put("/srv/seed/meta-data", format!("instance-id: i-1\nlocal-hostname: seeded\npublic-keys:\n- {key}\n"));
        m.put("/srv/seed/user-data", "#cloud-config\nwrite_files: [{path: /etc/from-seed, content: seed}]\n");
        m.put("/srv/seed/vendor-data", "#cloud-config\nwrite_files: [{path: /etc/from-vendor, content: x}]\n");
        m.put(
            "/srv/seed/network-config",
            "version: 1
config:
- type: physical
  name: net0
  mac_address: 04:01:57:d1:9e:01
  subnets:
  - {type: static, address: 192.0.2.10, netmask: 255.255.255.0, gateway: 192.0.2.1}
  - {type: static6, address: '2001:db8::10/64'}
- {type: physical, name: eth1, mtu: 1400, subnets: [{type: static, address: 198.51.100.10/24}]}
- {type: route, destination: 10.0.0.0/8, gateway: 198.51.100.1, metric: 77}
- {type: nameserver, address: [192.0.2.53], search: [example.com]}
",
        );
        let flags = ["--from-nocloud=/srv/seed", "--convert-netconf=network-config"];
        m.program(&flags).run().ok().says(&["/srv/seed/vendor-data: configuration of the platform for cloud-init"]);
        wait_until_configured(m);
        assert_has(m, "eth0", &["192.0.2.10/24", "2001:db8::10/64"]);
        assert_has(m, "eth1", &["198.51.100.10/24", "mtu 1400"]);
        let routes = m.sh("ip route");
        for route in ["default via 192.0.2.1 dev eth0", "10.0.0.0/8 via 198.51.100.1 dev eth1 proto static metric 77"] {
            assert!(routes.contains(route), "{routes}");
        }
        assert!(m.sh("networkctl status eth1").contains("192.0.2.53"));
        assert_eq!(m.sh("hostname"), "seeded");
        assert!(m.text("/home/core/.ssh/authorized_keys").contains(&key));
        m.is_file("/etc/from-seed", "seed", 0o644, (0, 0));
        m.absent("/etc/from-vendor");
        m.untouched(|| m.program(&flags).run().ok());
    });

    suite.fresh("patterns_of_a_network_config_match", |m| {
        let text = "{version: 2, ethernets: {a: {match: {name: 'eth*'}, addresses: [192.0.2.10/24]}}}";
        set_up(m, &network_config::convert(text));
        assert_has(m, "eth0", &["192.0.2.10/24"]);
        assert_has(m, "eth1", &["192.0.2.10/24"]);
    });
}

/// The files that the golden conversions expect.
fn golden_units() -> Vec<(String, String)> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/pure/network");
    let texts = fs::read_dir(&directory).unwrap().map(|entry| entry.unwrap().path());
    let texts = texts.filter(|path| path.extension().is_some_and(|kind| kind == "txt"));
    let mut units: Vec<(String, String)> = Vec::new();
    let mut is_unit = false;
    for path in texts {
        for line in fs::read_to_string(path).unwrap().split_inclusive('\n') {
            if let Some(name) = line.strip_prefix(">> ") {
                units.push((name.trim_end().to_owned(), String::new()));
                is_unit = true;
            } else if line.starts_with("--- ") || line.starts_with("=== ") {
                is_unit = false;
            } else if let Some((_, text)) = units.last_mut().filter(|_| is_unit) {
                text.push_str(line);
            }
        }
    }
    assert!(units.len() > 50, "only {} files", units.len());
    units
}

/// Returns true if networkd logs an invalid line in a file of ours. Its note about reaching a gateway is not a
/// complaint.
fn is_complaint(line: &str) -> bool {
    let numbered = Regex::new(r"^/run/systemd/network/[^ ]+\.(network|netdev):[0-9]+: ").unwrap();
    numbered.is_match(line) && !line.contains("Enabling GatewayOnLink=")
}

fn restart(m: &Machine) -> String {
    m.sh("systemctl restart systemd-networkd.service");
    m.sh("journalctl --no-pager --output=cat --unit=systemd-networkd.service")
}

/// Puts the files of a conversion in their place, and waits until networkd has configured the interfaces.
fn set_up(m: &Machine, conversion: &Conversion) {
    assert!(!conversion.has_errors(), "{:?}", conversion.findings);
    m.sh(WIRES);
    m.sh(&format!("mkdir -p {DIRECTORY}"));
    for unit in conversion.units() {
        m.put(&format!("{DIRECTORY}/{}", unit.name), &unit.content);
    }
    for name in conversion.to_take_down() {
        m.sh(&format!("ip link set {name} down"));
    }
    let log = restart(m);
    assert!(!log.lines().any(is_complaint), "{log}");
    wait_until_configured(m);
}

/// Waits until networkd has configured both interfaces.
fn wait_until_configured(m: &Machine) {
    let is_done = |name: &str| m.sh(&format!("networkctl list {name}")).contains("configured");
    let done = wait_for(Duration::from_secs(20), || ["eth0", "eth1"].into_iter().all(is_done));
    assert!(done, "{}", m.sh("networkctl --no-pager status eth0 eth1"));
}

/// Checks the output of `ip` for an interface.
fn assert_has(m: &Machine, interface: &str, wanted: &[&str]) {
    let found = m.sh(&format!("ip address show dev {interface}"));
    for word in wanted {
        assert!(found.contains(word), "{word}\n{found}");
    }
}
