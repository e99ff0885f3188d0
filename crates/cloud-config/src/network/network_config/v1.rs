//! Version 1: `config` is a list of items, most of which are interfaces with `subnets`.

use crate::diagnostic::{Findings, rules};

use super::super::address;
use super::super::bond::BondOptions;
use super::super::bridge::BridgeOptions;
use super::super::interface::{Dhcp, Interface, InterfaceKind, Match, Route, Setup};
use super::super::names::VlanId;
use super::fields::{Fields, name, option_text};
use super::links::Links;

/// The keys of an interface that are read, besides those of its type.
const INTERFACE: [&str; 6] = ["type", "name", "mac_address", "mtu", "subnets", "accept-ra"];
/// The keys of a subnet that are read.
const SUBNET: [&str; 7] = ["type", "address", "netmask", "gateway", "dns_nameservers", "dns_search", "routes"];
/// The keys of a subnet that networkd does not need. Hetzner writes `ipv4` and `ipv6`.
const SUBNET_HARMLESS: [&str; 5] = ["broadcast", "control", "ipv4", "ipv6", "scope"];
/// The keys of a route that are read.
const ROUTE: [&str; 6] = ["network", "destination", "netmask", "prefix", "gateway", "metric"];

/// Reads the list under `config`.
pub fn read(top: &Fields<'_>, links: &mut Links, findings: &mut Findings) {
    top.report_unknown(&["version", "config"], &[], findings);
    // cloud-init's request to leave the network as it is.
    if top.text("config") == Some("disabled") {
        links.is_disabled = true;
        return;
    }
    // The routes and name servers of single interfaces come after all interfaces.
    let mut later = Vec::new();
    for (at, item) in top.list("config", findings).iter().enumerate() {
        let subject = format!("config[{at}]");
        let Some(mut fields) = Fields::new(item, subject) else {
            let message = "not a mapping; skipped";
            findings.report(&rules::BAD_NETWORK_VALUE, Some(item.span), &format!("config[{at}]"), message);
            continue;
        };
        let kind = fields.text("type").unwrap_or_default();
        match kind {
            "nameserver" | "route" => later.push(fields),
            "physical" | "bond" | "bridge" | "vlan" | "loopback" => {
                if let Some(name) = fields.text("name") {
                    name.clone_into(&mut fields.subject);
                }
                interface(kind, &fields, links, findings);
            }
            _ => {
                fields.report(&rules::BAD_INTERFACE, "type", "unknown or unsupported `type`; skipped", findings);
            }
        }
    }
    for fields in later {
        if fields.text("type") == Some("route") {
            fields.report_unknown(&ROUTE, &["type", "id"], findings);
            links.routes.extend(route(&fields, findings).map(|route| (route, fields.span())));
        } else {
            nameserver(&fields, links, findings);
        }
    }
}

fn interface(kind: &str, fields: &Fields<'_>, links: &mut Links, findings: &mut Findings) {
    let more: &[&'static str] = match kind {
        "bond" => &["bond_interfaces", "params"],
        "bridge" => &["bridge_interfaces", "params"],
        "vlan" => &["vlan_link", "vlan_id"],
        _ => &[],
    };
    fields.report_unknown(&[&INTERFACE[..], more].concat(), &["id"], findings);
    let mut setup = Setup { accept_ra: fields.boolean("accept-ra", findings), ..Setup::default() };
    let mut is_bad = false;
    for subnet in fields.mappings("subnets", findings) {
        if let Err(why) = apply(&subnet, &mut setup, findings) {
            is_bad = true;
            let message = format!("{why}; subnet skipped");
            findings.report(&rules::BAD_NETWORK_VALUE, Some(subnet.span()), &fields.subject, message);
        }
    }
    if kind == "loopback" {
        // Its addresses are those that every machine has. Some generators put the name servers here.
        links.dns.extend(setup.dns);
        links.domains.extend(setup.domains);
        return;
    }
    let below = match kind {
        "bond" => fields.names("bond_interfaces", findings),
        "bridge" => fields.names("bridge_interfaces", findings),
        "vlan" => fields.names("vlan_link", findings),
        _ => Vec::new(),
    };
    let found = made(kind, fields, findings).and_then(|interface| {
        if is_bad && setup.is_idle() {
            // The defaults of the image are better than a file without addresses.
            return Err("no valid subnet".to_owned());
        }
        if kind == "vlan" && below.len() != 1 {
            return Err("`vlan_link` does not name one interface".to_owned());
        }
        Ok(Interface { mtu: fields.mtu(findings), setup, ..interface })
    });
    links.add(fields, fields.text("name"), found, below, findings);
}

/// The interface without its settings.
fn made(kind: &str, fields: &Fields<'_>, findings: &mut Findings) -> Result<Interface, String> {
    let mac = fields.mac("mac_address")?;
    let name = fields.text("name").map(name).transpose();
    if kind == "physical" {
        // The hardware address decides: the name is the one that the platform would like.
        let found = match mac {
            Some(mac) => Some(Match::Mac(mac)),
            None => name?.map(Match::Name),
        };
        return found.map(|found| Interface::new(found, InterfaceKind::Physical)).ok_or("no `name`".to_owned());
    }
    let found = Match::Name(name?.ok_or("no `name`")?);
    let kind = match kind {
        "bond" => InterfaceKind::Bond(bond_options(fields, findings)),
        "bridge" => InterfaceKind::Bridge(bridge_options(fields, findings)),
        _ => {
            let id = fields.text("vlan_id").and_then(VlanId::new);
            InterfaceKind::Vlan(id.ok_or("`vlan_id` is not a number from 0 to 4094")?)
        }
    };
    Ok(Interface { mac, ..Interface::new(found, kind) })
}

fn bond_options(fields: &Fields<'_>, findings: &mut Findings) -> BondOptions {
    let mut options = BondOptions::default();
    let Some(params) = fields.mapping("params", findings) else { return options };
    for (key, value) in params.entries() {
        let name = key.strip_prefix("bond-").or(key.strip_prefix("bond_")).unwrap_or(key);
        params.report_option(options.set(name, &option_text(value)), key, findings);
    }
    options
}

fn bridge_options(fields: &Fields<'_>, findings: &mut Findings) -> BridgeOptions {
    let mut options = BridgeOptions::default();
    let Some(params) = fields.mapping("params", findings) else { return options };
    for (key, value) in params.entries() {
        params.report_option(options.set(&key.replace('-', "_"), &option_text(value)), key, findings);
    }
    options
}

/// Adds what a subnet gives to an interface.
fn apply(subnet: &Fields<'_>, setup: &mut Setup, findings: &mut Findings) -> Result<(), String> {
    subnet.report_unknown(&SUBNET, &SUBNET_HARMLESS, findings);
    if subnet.text("control").is_some_and(|control| control != "auto") {
        subnet.report(&rules::UNCONVERTED, "control", "unsupported `control`; ignored", findings);
    }
    let (v4, v6, accept_ra) = match subnet.text("type").unwrap_or_default() {
        "static" | "static6" => {
            let text = subnet.text("address").unwrap_or_default();
            let own = address::interface(text, subnet.text("netmask"));
            setup.addresses.push(own.ok_or("invalid or incomplete `address` and `netmask`")?);
            (false, false, None)
        }
        "dhcp" | "dhcp4" => (true, false, None),
        "dhcp6" | "ipv6_dhcpv6-stateful" => (false, true, Some(true)),
        // networkd queries DHCPv6 for other settings if a router announces it.
        "ipv6_slaac" | "ipv6_dhcpv6-stateless" => (false, false, Some(true)),
        "manual" | "loopback" => (false, false, None),
        _ => return Err("unknown `type`".to_owned()),
    };
    setup.dhcp = Dhcp::new(v4 || setup.dhcp.v4(), v6 || setup.dhcp.v6());
    setup.accept_ra = setup.accept_ra.or(accept_ra);
    if let Some(text) = subnet.text("gateway") {
        if let Some(gateway) = address::host(text) {
            setup.routes.push(address::default_route(gateway));
        } else {
            let message = "invalid `gateway`; default route skipped";
            subnet.report(&rules::BAD_NETWORK_VALUE, "gateway", message, findings);
        }
    }
    for entry in subnet.mappings("routes", findings) {
        entry.report_unknown(&ROUTE, &[], findings);
        setup.routes.extend(route(&entry, findings));
    }
    setup.dns.extend(subnet.servers("dns_nameservers", findings));
    setup.domains.extend(subnet.domains("dns_search", findings));
    Ok(())
}

fn route(entry: &Fields<'_>, findings: &mut Findings) -> Option<Route> {
    let to = entry.text("network").or(entry.text("destination"));
    let mask = entry.text("netmask").or(entry.text("prefix"));
    let gateway = entry.text("gateway").and_then(address::host);
    let route = to.and_then(|to| address::network(to, mask)).zip(gateway);
    let route = route.and_then(|(to, gateway)| address::route(to, gateway));
    if route.is_none() {
        let message = "invalid network or gateway of a route; route skipped";
        findings.report(&rules::BAD_NETWORK_VALUE, Some(entry.span()), &entry.subject, message);
    }
    route.map(|route| Route { metric: entry.number("metric", findings), ..route })
}

/// Name servers and domains for one interface or for all.
fn nameserver(fields: &Fields<'_>, links: &mut Links, findings: &mut Findings) {
    fields.report_unknown(&["address", "search", "interface"], &["type"], findings);
    let (dns, domains) = (fields.servers("address", findings), fields.domains("search", findings));
    let Some(name) = fields.text("interface") else {
        links.dns.extend(dns);
        links.domains.extend(domains);
        return;
    };
    if let Some(interface) = links.interface(name) {
        interface.setup.dns.extend(dns);
        interface.setup.domains.extend(domains);
    } else {
        let message = "`interface` is skipped or does not exist; name servers skipped";
        fields.report(&rules::BAD_NETWORK_VALUE, "interface", message, findings);
    }
}
