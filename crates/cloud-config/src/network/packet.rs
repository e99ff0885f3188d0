//! `packet`: the key `network` in the JSON of the metadata service. Every machine has one bond over all its interfaces,
//! which has the addresses.

use core::net::{IpAddr, Ipv4Addr};
use std::collections::HashSet;

use ipnet::{IpNet, Ipv4Net};
use serde_json::Value;

use crate::diagnostic::{Findings, rules};

use super::bond::BondOptions;
use super::interface::{Child, Interface, InterfaceKind, Match, Setup};
use super::names::{Mac, Name};
use super::{Conversion, address, json};

const BOND: &str = "bond0";
/// The name servers if the description has none.
const DNS: [IpAddr; 2] = [IpAddr::V4(Ipv4Addr::new(8, 8, 8, 8)), IpAddr::V4(Ipv4Addr::new(8, 8, 4, 4))];
/// The network of the provider's private addresses.
const PRIVATE: IpNet = IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::new(10, 0, 0, 0), 8));

/// The keys of `network` that are read. The mode of the bond is always the same, so it is not read.
const NETWORK: [&str; 3] = ["interfaces", "addresses", "dns"];
/// The keys of an interface that are read.
const INTERFACE: [&str; 2] = ["name", "mac"];
/// The keys of an address that are read.
const ADDRESS: [&str; 5] = ["address", "netmask", "cidr", "gateway", "public"];
/// The keys of an address that only concern the provider.
const ADDRESS_HARMLESS: [&str; 18] = [
    "id",
    "href",
    "address_family",
    "network",
    "management",
    "enabled",
    "parent_block",
    "global_ip",
    "created_at",
    "type",
    "tags",
    "customdata",
    "facility",
    "metro",
    "assigned_to",
    "interface",
    "state",
    "details",
];

/// Converts the JSON of the metadata service, or only its key `network`.
pub fn convert(bytes: &[u8]) -> Conversion {
    let mut findings = Findings::default();
    let interfaces = json::read(bytes, &mut findings).map(|value| interfaces(&value, &mut findings));
    Conversion::new(interfaces.unwrap_or_default(), findings)
}

fn interfaces(value: &Value, findings: &mut Findings) -> Vec<Interface> {
    let Some(network) = value.get("network").or_else(|| value.get("interfaces").map(|_| value)) else {
        return Vec::new();
    };
    // The document may be the whole metadata without a network.
    if value.get("network").is_some() {
        json::report_unknown(network, &NETWORK, &["bonding", "metal_gateways"], "network", findings);
    }
    let mode = network.get("bonding").and_then(|bonding| json::text(bonding, "mode"));
    if mode.is_some_and(|mode| !matches!(mode.as_str(), "4" | "802.3ad")) {
        let message = "`mode` is unsupported; the bond uses 802.3ad";
        findings.report(&rules::UNCONVERTED, None, "bonding", message);
    }
    let mut dns = json::dns(json::list(network, "dns", findings), json::words, "dns", findings);
    if dns.is_empty() {
        dns = DNS.to_vec();
    }
    let entries = json::list(network, "interfaces", findings);
    let mut interfaces = slaves(entries, &dns, findings);
    if interfaces.is_empty() {
        findings.report(&rules::BAD_NETWORK, None, BOND, "no valid interface; not converted");
        return interfaces;
    }
    let mut setup = Setup { dns, ..Setup::default() };
    for (at, block) in json::list(network, "addresses", findings).iter().enumerate() {
        let subject = format!("addresses[{at}]");
        json::report_unknown(block, &ADDRESS, &ADDRESS_HARMLESS, &subject, findings);
        add(block, &subject, &mut setup, findings);
    }
    let mac = entries.first().and_then(|first| json::text(first, "mac")).and_then(|mac| {
        let mac = Mac::new(&mac);
        if mac.is_none() {
            let message = "invalid `mac` of the first interface; the bond uses a generated address";
            findings.report(&rules::BAD_NETWORK_VALUE, None, BOND, message);
        }
        mac
    });
    let name = Name::own(BOND);
    let found = mac.map_or_else(|| Match::Name(name.clone()), |mac| Match::Both(name.clone(), mac));
    interfaces.push(Interface { mac, setup, ..Interface::new(found, InterfaceKind::Bond(BondOptions::packet())) });
    interfaces
}

/// Creates the interfaces of the bond. The numbers in their file names follow their order.
fn slaves(entries: &[Value], dns: &[IpAddr], findings: &mut Findings) -> Vec<Interface> {
    let mut interfaces = Vec::new();
    let mut seen = HashSet::from([BOND.to_owned()]);
    for (at, entry) in entries.iter().enumerate() {
        let subject = format!("interfaces[{at}]");
        json::report_unknown(entry, &INTERFACE, &["id", "bond"], &subject, findings);
        match find(entry).and_then(|found| {
            let depth = u8::try_from(at).map_err(|_| "more than 256 interfaces".to_owned())?;
            let is_new = seen.insert(found.label());
            if is_new { Ok((found, depth)) } else { Err("another interface has the same name".to_owned()) }
        }) {
            Ok((found, depth)) => interfaces.push(Interface {
                depth,
                children: vec![Child::Bond(Name::own(BOND))],
                setup: Setup { dns: dns.to_vec(), ..Setup::default() },
                ..Interface::new(found, InterfaceKind::Physical)
            }),
            Err(why) => {
                findings.report(&rules::BAD_INTERFACE, None, &subject, format!("{why}; interface skipped"));
            }
        }
    }
    interfaces
}

/// Returns the condition that selects an interface: its name, or else its hardware address.
fn find(entry: &Value) -> Result<Match, String> {
    if let Some(name) = json::text(entry, "name") {
        return Name::new(&name).map(Match::Name).map_err(|why| format!("invalid `name`: {why}"));
    }
    let mac = json::text(entry, "mac").ok_or("neither `name` nor `mac`")?;
    Mac::new(&mac).map(Match::Mac).ok_or_else(|| "invalid hardware address in `mac`".to_owned())
}

/// Adds an address with its route. A public address has the default route, a private IPv4 address a route to the
/// provider's private network, and a private IPv6 address none.
fn add(block: &Value, subject: &str, setup: &mut Setup, findings: &mut Findings) {
    let mask = json::text(block, "netmask").or_else(|| json::text(block, "cidr"));
    let own = json::text(block, "address").and_then(|own| address::interface(&own, mask.as_deref()));
    let Some(own) = own else {
        let message = "invalid `address` or `netmask`; address skipped";
        return findings.report(&rules::BAD_NETWORK_VALUE, None, subject, message);
    };
    setup.addresses.push(own);
    let Some(gateway) = json::text(block, "gateway") else { return };
    let Some(gateway) = address::host(&gateway).filter(|gateway| gateway.is_ipv4() == own.addr().is_ipv4()) else {
        let message = "`gateway` is not an address of the family of `address`; route skipped";
        return findings.report(&rules::BAD_NETWORK_VALUE, None, subject, message);
    };
    let is_public = block.get("public").and_then(Value::as_bool).unwrap_or_default();
    let route = if is_public { Some(address::default_route(gateway)) } else { address::route(PRIVATE, gateway) };
    setup.routes.extend(route);
}
