//! Version 2, netplan's format: a mapping of interfaces for each kind.

use ipnet::IpNet;

use crate::diagnostic::{Findings, rules};

use super::super::address;
use super::super::bond::BondOptions;
use super::super::bridge::BridgeOptions;
use super::super::interface::{Dhcp, Interface, InterfaceKind, Match, Route, Selector, Setup};
use super::super::names::{Name, Pattern, VlanId, display_name};
use super::fields::{Fields, name, option_text};
use super::links::Links;

/// The kinds of interfaces, in the order in which they are read.
pub const SECTIONS: [&str; 4] = ["ethernets", "bonds", "bridges", "vlans"];
/// The kinds that networkd may know, but that are not converted.
const UNSUPPORTED: [&str; 6] = ["wifis", "modems", "tunnels", "vrfs", "dummy-devices", "nm-devices"];
/// The keys of every interface that are read.
const INTERFACE: [&str; 11] = [
    "dhcp4",
    "dhcp6",
    "accept-ra",
    "addresses",
    "gateway4",
    "gateway6",
    "nameservers",
    "routes",
    "macaddress",
    "mtu",
    "optional",
];
/// The keys of netplan that change how an interface is set up, and that are not converted.
const UNSUPPORTED_KEYS: [&str; 6] =
    ["dhcp4-overrides", "dhcp6-overrides", "ra-overrides", "dhcp-identifier", "link-local", "routing-policy"];
/// The keys of a route that are read.
const ROUTE: [&str; 4] = ["to", "via", "metric", "on-link"];
/// The names of options of bonds that differ from those of the kernel by more than a dash.
const BOND_OPTIONS: [(&str, &str); 8] = [
    ("mii-monitor-interval", "miimon"),
    ("transmit-hash-policy", "xmit_hash_policy"),
    ("arp-ip-targets", "arp_ip_target"),
    ("up-delay", "updelay"),
    ("down-delay", "downdelay"),
    ("fail-over-mac-policy", "fail_over_mac"),
    ("gratuitous-arp", "num_grat_arp"),
    ("primary-reselect-policy", "primary_reselect"),
];

/// Reads the mappings of all kinds.
pub fn read(top: &Fields<'_>, links: &mut Links, findings: &mut Findings) {
    top.report_unknown(&[&["version"], &SECTIONS[..]].concat(), &[&["renderer"], &UNSUPPORTED[..]].concat(), findings);
    for kind in UNSUPPORTED {
        if top.node(kind).is_some() {
            top.report(&rules::BAD_INTERFACE, kind, format!("`{kind}` are unsupported; skipped"), findings);
        }
    }
    for kind in SECTIONS {
        let Some(section) = top.mapping(kind, findings) else { continue };
        for (id, node) in section.entries() {
            match Fields::new(node, id) {
                Some(fields) => interface(kind, id, &fields, links, findings),
                None => {
                    findings.report(&rules::BAD_INTERFACE, Some(node.span), id, "not a mapping; interface skipped");
                }
            }
        }
    }
}

fn interface(kind: &str, id: &str, fields: &Fields<'_>, links: &mut Links, findings: &mut Findings) {
    let more: &[&'static str] = match kind {
        "ethernets" => &["match", "set-name"],
        "vlans" => &["id", "link"],
        _ => &["interfaces", "parameters"],
    };
    fields.report_unknown(&[&INTERFACE[..], more].concat(), &[&["renderer"], &UNSUPPORTED_KEYS[..]].concat(), findings);
    for key in UNSUPPORTED_KEYS {
        if fields.node(key).is_some() {
            fields.report(&rules::UNCONVERTED, key, format!("`{key}` is unsupported; ignored"), findings);
        }
    }
    let below = match kind {
        "bonds" | "bridges" => fields.names("interfaces", findings),
        "vlans" => fields.names("link", findings),
        _ => Vec::new(),
    };
    let found = made(kind, id, fields, findings).and_then(|interface| {
        if kind == "vlans" && below.len() != 1 {
            return Err("`link` does not name one interface".to_owned());
        }
        let mtu = fields.mtu(findings);
        let is_optional = fields.boolean("optional", findings).unwrap_or_default();
        Ok(Interface { mtu, is_optional, setup: setup(fields, findings)?, ..interface })
    });
    links.add(fields, Some(id), found, below, findings);
}

/// The interface without its settings.
fn made(kind: &str, id: &str, fields: &Fields<'_>, findings: &mut Findings) -> Result<Interface, String> {
    let id = name(id)?;
    let mac = fields.mac("macaddress")?;
    let (found, kind) = match kind {
        "ethernets" => (matched(&id, fields, findings)?, InterfaceKind::Physical),
        "bonds" => (Match::Name(id), InterfaceKind::Bond(bond_options(fields, findings))),
        "bridges" => (Match::Name(id), InterfaceKind::Bridge(bridge_options(fields, findings))),
        _ => {
            let number = fields.text("id").and_then(VlanId::new);
            (Match::Name(id), InterfaceKind::Vlan(number.ok_or("`id` is not a number from 0 to 4094")?))
        }
    };
    let (found, new_name) = renamed(found, fields, findings);
    Ok(Interface { mac, new_name, ..Interface::new(found, kind) })
}

/// The match of an interface with a `set-name`, by its hardware address alone, which it has under both names.
fn renamed(found: Match, fields: &Fields<'_>, findings: &mut Findings) -> (Match, Option<Name>) {
    if fields.node("set-name").is_none() {
        return (found, None);
    }
    let text = fields.text("set-name").unwrap_or_default();
    let Ok(new_name) = Name::new(text) else {
        fields.report(
            &rules::BAD_NETWORK_VALUE,
            "set-name",
            "invalid `set-name`; the interface keeps its name",
            findings,
        );
        return (found, None);
    };
    match found {
        Match::Name(name) if name == new_name => (Match::Name(name), None),
        Match::Mac(mac) | Match::Both(_, mac) => (Match::Mac(mac), Some(new_name)),
        Match::Selected(selector) if selector.mac.is_some() => {
            (Match::Selected(Box::new(Selector { name: None, ..*selector })), Some(new_name))
        }
        found => {
            let message = format!(
                "`set-name` without `macaddress` in `match` is unsupported; the interface keeps its name instead of `{}`",
                display_name(text)
            );
            fields.report(&rules::UNCONVERTED, "set-name", message, findings);
            (found, None)
        }
    }
}

/// The match of an interface: its name, unless `match` says otherwise.
fn matched(id: &Name, fields: &Fields<'_>, findings: &mut Findings) -> Result<Match, String> {
    let Some(node) = fields.node("match") else { return Ok(Match::Name(id.clone())) };
    let found = Fields::new(node, id.as_str()).ok_or("`match` is not a mapping")?;
    found.report_unknown(&["name", "macaddress", "driver"], &[], findings);
    let pattern = |text: &str| Pattern::new(text).ok_or_else(|| "invalid pattern in `match`".to_owned());
    let mac = found.mac("macaddress")?;
    let drivers = found.words("driver", findings).into_iter().map(|(word, _)| pattern(word));
    let drivers = drivers.collect::<Result<Vec<_>, _>>()?;
    let text = found.text("name");
    // A name without a pattern is the name of an interface.
    if drivers.is_empty()
        && let Some(found) = Match::new(text.map(Name::new).and_then(Result::ok), mac)
        && (text.is_none() || found.name().is_some())
    {
        return Ok(found);
    }
    let name = text.map(pattern).transpose()?;
    if name.is_none() && mac.is_none() && drivers.is_empty() {
        return Err("`match` is empty".to_owned());
    }
    Ok(Match::Selected(Box::new(Selector { id: id.clone(), name, mac, drivers })))
}

fn setup(fields: &Fields<'_>, findings: &mut Findings) -> Result<Setup, String> {
    let v4 = fields.boolean("dhcp4", findings).unwrap_or_default();
    let v6 = fields.boolean("dhcp6", findings).unwrap_or_default();
    let mut setup =
        Setup { dhcp: Dhcp::new(v4, v6), accept_ra: fields.boolean("accept-ra", findings), ..Setup::default() };
    let mut is_bad = false;
    for item in fields.list("addresses", findings) {
        // An address may be a mapping of one key, with its label and lifetime below it.
        let text = item.text().or_else(|| item.entries()?.first().map(|entry| &*entry.key));
        if let Some(own) = text.and_then(|text| address::interface(text.trim(), None)) {
            setup.addresses.push(own);
        } else {
            is_bad = true;
            let message = "invalid address or no prefix length in `addresses`; address skipped";
            findings.report(&rules::BAD_NETWORK_VALUE, Some(item.span), &fields.subject, message);
        }
    }
    if is_bad && setup.is_idle() {
        // The defaults of the image are better than a file without addresses.
        return Err("no valid address".to_owned());
    }
    for (key, is_ipv4) in [("gateway4", true), ("gateway6", false)] {
        if fields.node(key).is_none() {
            continue;
        }
        let gateway = fields.text(key).and_then(address::host);
        if let Some(gateway) = gateway.filter(|gateway| gateway.is_ipv4() == is_ipv4) {
            setup.routes.push(address::default_route(gateway));
        } else {
            let message = format!("invalid `{key}`; default route skipped");
            fields.report(&rules::BAD_NETWORK_VALUE, key, message, findings);
        }
    }
    for entry in fields.mappings("routes", findings) {
        match route(&entry, findings) {
            Ok(route) => setup.routes.push(route),
            Err(why) => {
                let message = format!("{why}; route skipped");
                findings.report(&rules::BAD_NETWORK_VALUE, Some(entry.span()), &fields.subject, message);
            }
        }
    }
    if let Some(servers) = fields.mapping("nameservers", findings) {
        servers.report_unknown(&["addresses", "search"], &[], findings);
        setup.dns = servers.servers("addresses", findings);
        setup.domains = servers.domains("search", findings);
    }
    Ok(setup)
}

fn route(entry: &Fields<'_>, findings: &mut Findings) -> Result<Route, String> {
    if let Some((key, _)) = entry.entries().find(|(key, _)| !ROUTE.contains(key)) {
        // A route without the part that limits it would be another route.
        return Err(format!("unsupported key `{}` of a route", display_name(key)));
    }
    let gateway = entry.text("via").and_then(address::host).ok_or("invalid or missing `via` of a route")?;
    let route = match entry.text("to") {
        Some("default") => Some(address::default_route(gateway)),
        Some(to) => {
            let to = address::network(to, None).or_else(|| address::host(to).map(IpNet::from));
            to.and_then(|to| address::route(to, gateway))
        }
        None => None,
    };
    let route = route.ok_or("invalid `to` of a route, or of another family than `via`")?;
    Ok(Route { metric: entry.number("metric", findings), ..route })
}

fn bond_options(fields: &Fields<'_>, findings: &mut Findings) -> BondOptions {
    let mut options = BondOptions::default();
    let Some(parameters) = fields.mapping("parameters", findings) else { return options };
    for (key, value) in parameters.entries() {
        let text = option_text(value);
        let name = BOND_OPTIONS.iter().find(|(name, _)| *name == key).map_or(key, |(_, name)| name);
        // Times are in milliseconds, with or without the unit.
        let is_time = matches!(name, "miimon" | "updelay" | "downdelay" | "arp-interval");
        let text = if is_time { text.trim_end_matches("ms") } else { &text };
        parameters.report_option(options.set(name, text), key, findings);
    }
    options
}

fn bridge_options(fields: &Fields<'_>, findings: &mut Findings) -> BridgeOptions {
    let mut options = BridgeOptions::default();
    // netplan's default; that of the kernel is off.
    let _ = options.set("stp", "yes");
    let Some(parameters) = fields.mapping("parameters", findings) else { return options };
    for (key, value) in parameters.entries() {
        parameters.report_option(options.set(key, &option_text(value)), key, findings);
    }
    options
}
