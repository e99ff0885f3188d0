//! Addresses, masks and routes in network descriptions.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

use super::interface::Route;
use super::names::number;

/// The destinations of default routes.
const EVERYTHING_4: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
const EVERYTHING_6: IpAddr = IpAddr::V6(Ipv6Addr::UNSPECIFIED);

/// Parses an address. An IPv4 address in IPv6 notation becomes IPv4.
pub fn ip(text: &str) -> Option<IpAddr> {
    text.parse::<IpAddr>().ok().map(|ip| ip.to_canonical())
}

/// Parses the address of one machine, such as a name server or a gateway.
pub fn host(text: &str) -> Option<IpAddr> {
    ip(text).filter(is_host)
}

/// Returns true if an interface can have this address. networkd reads `0.0.0.0` as a request for any unused address.
fn is_host(ip: &IpAddr) -> bool {
    !ip.is_unspecified() && !ip.is_multicast() && *ip != IpAddr::V4(Ipv4Addr::BROADCAST)
}

/// Parses a mask or a prefix length, and checks it for the family of `ip`. Returns the prefix length.
fn bits(mask: &str, ip: IpAddr) -> Option<u8> {
    if let Some(bits) = number(mask) {
        return Some(bits);
    }
    let mask = mask.parse::<IpAddr>().ok()?;
    if mask.is_ipv4() == ip.is_ipv4() { ipnet::ip_mask_to_prefix(mask).ok() } else { None }
}

/// Parses `ADDRESS/LENGTH`, or `ADDRESS` with a separate mask. The text after the slash takes precedence, and may also
/// be a mask.
fn with_length(text: &str, mask: Option<&str>) -> Option<IpNet> {
    let (address, mask) = match text.split_once('/') {
        Some((address, mask)) => (address, Some(mask)),
        None => (text, mask),
    };
    let address = ip(address)?;
    IpNet::new(address, bits(mask?, address)?).ok()
}

/// Parses the address of an interface with its prefix length.
pub fn interface(text: &str, mask: Option<&str>) -> Option<IpNet> {
    with_length(text, mask).filter(|net| is_host(&net.addr()))
}

/// Parses a network as the destination of a route; the bits after the prefix are cleared.
pub fn network(text: &str, mask: Option<&str>) -> Option<IpNet> {
    with_length(text, mask).map(|net| net.trunc())
}

/// Creates the default route through `gateway`.
pub fn default_route(gateway: IpAddr) -> Route {
    let everything = if gateway.is_ipv4() { EVERYTHING_4 } else { EVERYTHING_6 };
    Route { destination: IpNet::new_assert(everything, 0), gateway, metric: None }
}

/// Creates a route, if destination and gateway have the same family.
pub fn route(destination: IpNet, gateway: IpAddr) -> Option<Route> {
    (destination.addr().is_ipv4() == gateway.is_ipv4()).then_some(Route { destination, gateway, metric: None })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_are_bits_or_addresses() {
        for (text, mask, shown) in [
            ("192.0.2.1", Some("255.255.255.0"), "192.0.2.1/24"),
            ("192.0.2.1", Some("24"), "192.0.2.1/24"),
            ("192.0.2.1/25", Some("255.255.255.0"), "192.0.2.1/25"),
            ("192.0.2.1/255.255.255.128", None, "192.0.2.1/25"),
            ("2001:DB8::0:1", Some("ffff:ffff:ffff:ffff::"), "2001:db8::1/64"),
            ("2001:db8::1", Some("64"), "2001:db8::1/64"),
            ("::ffff:192.0.2.1", Some("255.0.0.0"), "192.0.2.1/8"),
        ] {
            assert_eq!(interface(text, mask).map(|net| net.to_string()).as_deref(), Some(shown));
        }
        for (text, mask) in [
            ("192.0.2.1", None),
            ("192.0.2.1", Some("255.0.255.0")),
            ("192.0.2.1", Some("33")),
            ("192.0.2.1", Some("+8")),
            ("192.0.2.1", Some("ffff::")),
            ("2001:db8::1", Some("255.0.0.0")),
            ("2001:db8::1", Some("129")),
            ("192.0.2", Some("8")),
            ("192.0.2.1/", Some("8")),
            ("192.0.2.1/8/8", None),
            ("0.0.0.0", Some("16")),
            ("::", Some("64")),
            ("224.0.0.1", Some("4")),
            ("fe80::1%eth0", Some("64")),
            ("192.0.2.1\n", Some("8")),
        ] {
            assert_eq!(interface(text, mask), None, "{text} {mask:?}");
        }
    }

    #[test]
    fn a_destination_is_a_network() {
        assert_eq!(network("10.1.2.3", Some("255.0.0.0")).unwrap().to_string(), "10.0.0.0/8");
        assert_eq!(network("0.0.0.0", Some("0.0.0.0")).unwrap().to_string(), "0.0.0.0/0");
        assert_eq!(network("::", Some("::")).unwrap().to_string(), "::/0");
    }

    #[test]
    fn both_ends_of_a_route_are_of_one_family() {
        let destination = network("10.0.0.0/8", None).unwrap();
        assert!(route(destination, host("192.0.2.1").unwrap()).is_some());
        assert!(route(destination, host("fd00::1").unwrap()).is_none());
        assert_eq!(default_route(host("fd00::1").unwrap()).destination.to_string(), "::/0");
        assert!(["0.0.0.0", "::", "255.255.255.255", "ff02::1", "x"].into_iter().all(|bad| host(bad).is_none()));
    }
}
