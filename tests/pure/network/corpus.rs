//! Real descriptions: none of their settings may be missing from the result.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use cloud_config::network::Conversion;

use super::convert;
use crate::invariants::networkd;

/// Returns the real descriptions whose names fit; `None` without a corpus.
fn files(fits: impl Fn(&str) -> bool) -> Option<Vec<(String, Vec<u8>)>> {
    let corpus = std::env::var_os("CORPUS")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus"), PathBuf::from);
    let Ok(entries) = fs::read_dir(corpus.join("metadata")) else {
        println!("skipped: there is no corpus of descriptions at {} (CORPUS says where)", corpus.display());
        return None;
    };
    let paths = entries.map(|entry| entry.unwrap().path());
    let named = paths.map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), path));
    let found: Vec<_> =
        named.filter(|(name, _)| fits(name)).map(|(name, path)| (name, fs::read(path).unwrap())).collect();
    assert!(!found.is_empty(), "no description in {}", corpus.display());
    Some(found)
}

/// Every value in the files, once.
fn values(conversion: &Conversion) -> HashSet<String> {
    let lines = conversion.units().iter().flat_map(networkd::check).collect::<Vec<_>>();
    lines.into_iter().map(|(_, _, value)| value).collect()
}

fn extension(name: &str, wanted: &str) -> bool {
    Path::new(name).extension().is_some_and(|found| found == wanted)
}

#[test]
fn every_address_of_an_interfaces_file_comes_out() {
    let Some(files) = files(|name| extension(name, "interfaces")) else { return };
    let mut count = 0;
    for (name, bytes) in files {
        let conversion = convert("debian", &bytes);
        assert!(!conversion.has_errors(), "{name}: {:?}", conversion.findings);
        assert!(!conversion.interfaces.is_empty(), "{name}");
        let values = values(&conversion);
        let addresses: HashSet<_> = values.iter().filter_map(|value| value.split('/').next()).collect();
        let text = String::from_utf8(bytes).unwrap();
        let mut is_loopback = false;
        for line in text.lines().map(str::trim) {
            let words: Vec<_> = line.split_whitespace().collect();
            match words[..] {
                ["iface", name, ..] => is_loopback = name == "lo",
                ["address" | "gateway", address] if !is_loopback => {
                    let address = address.split('/').next().unwrap().parse::<std::net::IpAddr>().unwrap().to_string();
                    assert!(addresses.contains(address.as_str()), "{name}: {address}");
                    count += 1;
                }
                ["dns-nameservers", ..] if !is_loopback => {
                    for server in &words[1..] {
                        let server = server.parse::<std::net::IpAddr>().unwrap().to_string();
                        assert!(values.contains(&server), "{name}: {server}");
                    }
                }
                ["post-up", "route", "add", "-net", network, "gw", gateway, ..] => {
                    assert!(values.contains(network) && values.contains(gateway), "{name}: {line}");
                    count += 1;
                }
                ["bond-master" | "vlan-raw-device", other] => {
                    assert!(values.contains(other), "{name}: {line}");
                    count += 1;
                }
                ["mtu" | "vlan-id", number] => assert!(values.contains(number), "{name}: {line}"),
                _ => {}
            }
        }
    }
    assert!(count > 50, "only {count} addresses and routes were looked for");
}

#[test]
fn every_address_of_network_data_comes_out() {
    let Some(files) = files(|name| name.contains("NETWORK_DATA") || name.ends_with("network_data.json")) else {
        return;
    };
    for (name, bytes) in files {
        let conversion = convert("openstack", &bytes);
        assert!(!conversion.has_errors(), "{name}: {:?}", conversion.findings);
        let value: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
        let list = |value: &serde_json::Value, key: &str| value[key].as_array().cloned().unwrap_or_default();
        let text = |value: &serde_json::Value, key: &str| value[key].as_str().map(str::to_owned);
        let values = values(&conversion);
        let has = |wanted: &str| values.iter().any(|value| value.split('/').next() == Some(wanted));
        for link in list(&value, "links") {
            assert!(has(&text(&link, "ethernet_mac_address").unwrap()), "{name}: {link}");
        }
        for service in list(&value, "services") {
            assert!(has(&text(&service, "address").unwrap()), "{name}: {service}");
        }
        for network in list(&value, "networks") {
            if let Some(address) = text(&network, "ip_address") {
                assert!(has(&address), "{name}: {network}");
            }
            for route in list(&network, "routes") {
                assert!(has(&text(&route, "gateway").unwrap()), "{name}: {route}");
            }
        }
        let dhcp = list(&value, "networks").iter().filter(|n| text(n, "type").unwrap().ends_with("dhcp")).count();
        assert_eq!(dhcp > 0, conversion.interfaces.iter().any(|i| i.setup.dhcp.v4() || i.setup.dhcp.v6()), "{name}");
    }
}

#[test]
fn every_address_of_a_network_config_comes_out() {
    let Some(files) = files(|name| name.contains("network-config.") || name.contains("netplan-config.")) else {
        return;
    };
    for (name, bytes) in files {
        let conversion = convert("network-config", &bytes);
        // Its only interface has a hardware address of zeros.
        let is_anonymous = name.contains("hetzner-network-config");
        assert_eq!(conversion.has_errors(), is_anonymous, "{name}: {:?}", conversion.findings);
        assert_eq!(conversion.interfaces.is_empty(), is_anonymous, "{name}");
        if is_anonymous {
            continue;
        }
        let values = values(&conversion);
        let found: HashSet<_> = values.iter().filter_map(|value| value.split('/').next()).collect();
        let text = String::from_utf8(bytes).unwrap();
        let is_word = |c: char| c.is_ascii_hexdigit() || c == '.' || c == ':';
        let words = text.split(|c: char| !is_word(c)).filter_map(|word| word.parse::<std::net::IpAddr>().ok());
        for address in words.map(|address| address.to_string()) {
            let is_mask = address.starts_with("255.") || address.starts_with("ffff:");
            assert!(is_mask || found.contains(address.as_str()), "{name}: {address}");
        }
    }
}

#[test]
fn metadata_of_services_is_converted() {
    let Some(files) = files(|name| extension(name, "json")) else { return };
    let of = |part: &str| files.iter().find(|(name, _)| name.contains(part)).map(|(_, bytes)| bytes).unwrap();
    let droplet = convert("digitalocean", of("DO_META"));
    assert!(!droplet.has_errors(), "{:?}", droplet.findings);
    let routes: Vec<_> = droplet.interfaces.iter().map(|found| found.setup.routes.len()).collect();
    assert_eq!(routes, [2, 0], "public, then private");
    let none = convert("packet", of("src-packet-mock_tests"));
    assert!(none.has_errors() && none.interfaces.is_empty(), "it lists no interface");
}
