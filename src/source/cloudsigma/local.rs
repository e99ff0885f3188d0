//! Finds the address of a network interface of this machine by its MAC address.

use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;

/// Returns the first IPv4 address of the interface with this MAC address.
pub fn address(mac: &str, interfaces: &Path) -> Option<Ipv4Addr> {
    let name = name(mac, interfaces)?;
    let all = if_addrs::get_if_addrs().ok()?;
    all.into_iter().filter(|interface| interface.name == name).find_map(|interface| match interface.ip() {
        IpAddr::V4(address) => Some(address),
        IpAddr::V6(_) => None,
    })
}

/// Returns the name of the interface with this MAC address.
fn name(mac: &str, interfaces: &Path) -> Option<String> {
    let wanted = octets(mac)?;
    let mut names: Vec<_> =
        fs::read_dir(interfaces).ok()?.flatten().filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.sort_unstable();
    names.into_iter().find(|name| {
        let address = fs::read_to_string(interfaces.join(name).join("address")).ok();
        address.and_then(|address| octets(address.trim())) == Some(wanted)
    })
}

/// Parses a MAC address with colons or dashes.
fn octets(mac: &str) -> Option<[u8; 6]> {
    let octets: Vec<_> = mac
        .split([':', '-'])
        .map(|octet| if octet.len() == 2 { u8::from_str_radix(octet, 16).ok() } else { None })
        .collect::<Option<_>>()?;
    octets.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interface_is_found_by_its_mac() {
        let directory = tempfile::tempdir().unwrap();
        for (name, mac) in [("eth9", "22:00:00:00:00:01\n"), ("lo", "22:AE:4a:fb:8f:31\n"), ("odd", "x\n")] {
            fs::create_dir(directory.path().join(name)).unwrap();
            fs::write(directory.path().join(name).join("address"), mac).unwrap();
        }
        // The test uses the address of `lo`, which every machine has.
        assert_eq!(address("22-ae-4a-fb-8f-31", directory.path()), Some(Ipv4Addr::LOCALHOST));
        assert_eq!(address("22:00:00:00:00:01", directory.path()), None, "there is none of that name");
        for mac in ["", "x", "22:ae:4a:fb:8f", "22:ae:4a:fb:8f:31:00", "22:ae:4a:fb:8f:+1"] {
            assert_eq!(address(mac, directory.path()), None, "{mac}");
        }
        assert_eq!(address("22:ae:4a:fb:8f:31", &directory.path().join("none")), None);
    }
}
