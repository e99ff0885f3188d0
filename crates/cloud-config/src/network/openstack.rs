//! `openstack`: `network_data.json` of a config drive. Its links are interfaces, and its networks are their settings.
//!
//! A physical link is matched by its hardware address, because the name in the description is that on the host. A link
//! that networkd creates gets its `name` or `id` as its name, if that is a valid interface name.

use core::net::IpAddr;
use std::collections::{HashMap, HashSet};

use serde_json::Value;

use crate::diagnostic::{Findings, rules};

use super::bond::{BondOptions, OptionFault};
use super::interface::{Dhcp, Interface, InterfaceKind, Match, Route};
use super::names::{Domain, Mac, Name, VlanId, display_name, mtu};
use super::stack::{Draft, stack};
use super::{Conversion, NAMES_MAX, address, json};

/// The keys of the document that are read.
const TOP: [&str; 3] = ["links", "networks", "services"];
/// The keys of a link that are read.
const LINK: [&str; 9] = [
    "id",
    "name",
    "type",
    "mtu",
    "ethernet_mac_address",
    "vlan_id",
    "vlan_link",
    "vlan_mac_address",
    // The options of a bond, which are checked separately.
    "bond_*",
];
/// The keys of a link that only concern the host.
const LINK_HARMLESS: [&str; 6] = ["vif_id", "vif_type", "vif_details", "network_id", "port_id", "description"];
/// The keys of a network that are read.
const NETWORK: [&str; 11] = [
    "id",
    "link",
    "type",
    "ip_address",
    "netmask",
    "gateway",
    "mtu",
    "routes",
    "services",
    "dns_nameservers",
    "dns_search",
];
/// The keys of a network that only concern the host, or that networkd determines itself.
const NETWORK_HARMLESS: [&str; 4] = ["network_id", "subnet_id", "description", "broadcast"];
/// The keys of a route that are read.
const ROUTE: [&str; 3] = ["network", "netmask", "gateway"];

/// Converts `network_data.json`.
pub fn convert(bytes: &[u8]) -> Conversion {
    let mut findings = Findings::default();
    let drafts = json::read(bytes, &mut findings).map(|value| {
        if let Some((format, help)) = other_format(&value) {
            let message = format!("{format}; not converted");
            findings.suggest(&rules::BAD_NETWORK, None, "network description", message, help);
            return Vec::new();
        }
        json::report_unknown(&value, &TOP, &["version"], "network description", &mut findings);
        let mut links = LinkTable::read(json::list(&value, "links", &mut findings), &mut findings);
        links.apply_networks(&value, &mut findings);
        links.drafts
    });
    let interfaces = stack(drafts.unwrap_or_default(), &mut findings);
    Conversion::new(interfaces, findings)
}

/// Recognizes a network description in another format than that of OpenStack, and returns its name and the remedy.
fn other_format(value: &Value) -> Option<(&'static str, &'static str)> {
    let keys = value.as_object()?;
    if keys.contains_key("links") || keys.contains_key("networks") {
        return None;
    }
    let has = |names: &[&str]| names.iter().any(|name| keys.contains_key(*name));
    let is_almost = |key: &String| matches!(&*key.to_ascii_lowercase(), "links" | "networks");
    let help = "write `links`, `networks` and `services`, as OpenStack does in network_data.json";
    if has(&["ethernets", "wifis", "bridges", "bonds", "vlans", "renderer"]) {
        Some(("unsupported format: netplan", help))
    } else if has(&["config"]) {
        Some(("unsupported format: version 1 of cloud-init's network configuration", help))
    } else if has(&["network"]) {
        Some(("unsupported format: cloud-init's network configuration", help))
    } else if keys.keys().any(is_almost) {
        Some(("`links` or `networks` is not in lower case", "write these keys in lower case"))
    } else {
        None
    }
}

/// The links of a description.
#[derive(Default)]
struct LinkTable {
    drafts: Vec<Draft>,
    /// The index of each link in the list, by the ID of the link; `None` for a skipped link.
    by_id: HashMap<String, Option<usize>>,
}

impl LinkTable {
    fn read(entries: &[Value], findings: &mut Findings) -> Self {
        let mut links = Self::default();
        let mut names = Names::new(entries);
        let mut carriers = Vec::new();
        for (at, entry) in entries.iter().enumerate() {
            let id = json::text(entry, "id");
            let subject = id.clone().unwrap_or_else(|| format!("links[{at}]"));
            let link = if id.as_ref().is_some_and(|id| links.by_id.contains_key(id)) {
                Err("another link has the same `id`".to_owned())
            } else {
                json::report_unknown(entry, &LINK, &LINK_HARMLESS, &subject, findings);
                link(entry, &mut names, &subject, findings)
            };
            let place = match link {
                Ok(interface) => {
                    links.drafts.push(Draft::new(interface, None));
                    carriers.push((entry, subject));
                    Some(links.drafts.len() - 1)
                }
                Err(why) => {
                    let message = format!("{why}; link skipped");
                    findings.report(&rules::BAD_INTERFACE, None, &subject, message);
                    None
                }
            };
            if let Some(id) = id {
                links.by_id.entry(id).or_insert(place);
            }
        }
        for (at, (entry, subject)) in carriers.into_iter().enumerate() {
            links.connect(at, entry, &subject, findings);
        }
        links
    }

    /// Connects a bond or VLAN to the interfaces that it is built on.
    fn connect(&mut self, at: usize, entry: &Value, subject: &str, findings: &mut Findings) {
        let wanted: Vec<_> = match self.drafts[at].interface.kind {
            InterfaceKind::Physical | InterfaceKind::Bridge(_) => return,
            InterfaceKind::Bond(_) => json::list(entry, "bond_links", findings).iter().map(json::words).collect(),
            InterfaceKind::Vlan(_) => vec![json::text(entry, "vlan_link")],
        };
        let is_vlan = matches!(self.drafts[at].interface.kind, InterfaceKind::Vlan(_));
        for carrier in wanted {
            let place = carrier.as_ref().and_then(|id| self.by_id.get(id)).copied().flatten();
            if let Some(place) = place {
                self.drafts[at].on.push(place);
                continue;
            }
            let carrier =
                carrier.map_or_else(|| "the link below it".to_owned(), |id| format!("link {}", display_name(&id)));
            if is_vlan {
                self.drafts[at].is_refused = true;
                let message = format!("{carrier} does not exist; link skipped");
                findings.report(&rules::BAD_INTERFACE, None, subject, message);
            } else {
                let message = format!("{carrier} does not exist; bond created without it");
                findings.report(&rules::BAD_NETWORK_VALUE, None, subject, message);
            }
        }
    }

    /// Adds the settings in the networks to the links.
    fn apply_networks(&mut self, value: &Value, findings: &mut Findings) {
        let everywhere = dns(value, "services", findings);
        let mut is_given = vec![false; self.drafts.len()];
        let mut is_bad = vec![false; self.drafts.len()];
        for (at, network) in json::list(value, "networks", findings).iter().enumerate() {
            let subject = json::text(network, "id").unwrap_or_else(|| format!("networks[{at}]"));
            json::report_unknown(network, &NETWORK, &NETWORK_HARMLESS, &subject, findings);
            let link = json::text(network, "link");
            let Some(place) = link.and_then(|id| self.by_id.get(&id).copied()).flatten() else {
                let message = "`link` does not exist; network skipped";
                findings.report(&rules::BAD_NETWORK_VALUE, None, &subject, message);
                continue;
            };
            match apply_network(network, &mut self.drafts[place].interface, &subject, findings) {
                Ok(()) => is_given[place] = true,
                Err(why) => {
                    is_bad[place] = true;
                    let message = format!("{why}; network skipped");
                    findings.report(&rules::BAD_NETWORK_VALUE, None, &subject, message);
                }
            }
        }
        let carriers: HashSet<_> = self.drafts.iter().flat_map(|draft| draft.on.iter().copied()).collect();
        for (at, draft) in self.drafts.iter_mut().enumerate() {
            if is_given[at] {
                draft.interface.setup.dns.extend_from_slice(&everywhere);
            } else if is_bad[at] && !carriers.contains(&at) {
                // The defaults of the image are better than a file without addresses.
                draft.is_refused = true;
                let message = "no valid network; interface skipped";
                findings.report(&rules::BAD_INTERFACE, None, &draft.interface.found.label(), message);
            }
        }
    }
}

/// Creates the interface of a link, without connections and settings.
fn link(entry: &Value, names: &mut Names, subject: &str, findings: &mut Findings) -> Result<Interface, String> {
    let mac = |key: &str| {
        let mac =
            json::text(entry, key).map(|mac| Mac::new(&mac).ok_or(format!("invalid hardware address in `{key}`")));
        mac.transpose()
    };
    let own = mac("ethernet_mac_address")?;
    let mut interface = match json::text(entry, "type").as_deref() {
        Some("bond") => {
            let found = Match::Name(names.bond(entry));
            Interface { mac: own, ..Interface::new(found, InterfaceKind::Bond(options(entry, subject, findings))) }
        }
        Some("vlan") => {
            let id = json::text(entry, "vlan_id").and_then(|id| VlanId::new(&id));
            let id = id.ok_or("`vlan_id` is not a number from 0 to 4094")?;
            let mac = mac("vlan_mac_address")?.or(own);
            Interface { mac, ..Interface::new(Match::Name(names.vlan(entry, id)), InterfaceKind::Vlan(id)) }
        }
        // `phy`, and the names of virtual interfaces on hosts: vif, ovs, tap, bridge, hyperv and others.
        _ => {
            let name = json::text(entry, "name").and_then(|name| Name::new(&name).ok());
            let found = own.map(Match::Mac).or(name.map(Match::Name));
            Interface::new(found.ok_or("no `ethernet_mac_address`")?, InterfaceKind::Physical)
        }
    };
    let is_vain = |key: &str| match interface.kind {
        InterfaceKind::Physical | InterfaceKind::Bridge(_) => key.starts_with("vlan_") || key.starts_with("bond_"),
        InterfaceKind::Vlan(_) => key.starts_with("bond_"),
        InterfaceKind::Bond(_) => key.starts_with("vlan_"),
    };
    let mut keys = entry.as_object().into_iter().flatten().filter(|(_, value)| !value.is_null());
    if let Some((key, _)) = keys.find(|(key, _)| is_vain(key)) {
        let message = format!("`{}` does not apply to this type of link; ignored", display_name(key));
        findings.suggest(
            &rules::UNCONVERTED,
            None,
            subject,
            message,
            "write `vlan` or `bond` as the `type` of the link",
        );
    }
    interface.mtu = read_mtu(entry, subject, findings);
    Ok(interface)
}

/// Parses the `mtu` of a link or network.
fn read_mtu(entry: &Value, subject: &str, findings: &mut Findings) -> Option<u32> {
    let text = json::text(entry, "mtu")?;
    let mtu = mtu(&text);
    if mtu.is_none() {
        findings.report(&rules::BAD_NETWORK_VALUE, None, subject, "invalid `mtu`; ignored");
    }
    mtu
}

/// Parses the options of a bond: all keys that begin with `bond_`.
fn options(entry: &Value, subject: &str, findings: &mut Findings) -> BondOptions {
    let mut options = BondOptions::default();
    let keys = entry.as_object().into_iter().flatten().filter(|(key, value)| *key != "bond_links" && !value.is_null());
    for (key, value) in keys.filter_map(|(key, value)| Some((key.strip_prefix("bond_")?, value))) {
        let text = match value {
            Value::Array(items) => items.iter().filter_map(json::words).collect::<Vec<_>>().join(" "),
            other => json::words(other).unwrap_or_default(),
        };
        let (rule, what) = match options.set(key, &text) {
            Ok(()) => continue,
            Err(OptionFault::Unknown) => (&rules::UNCONVERTED, "is unsupported by networkd; ignored"),
            Err(OptionFault::Value) => (&rules::BAD_NETWORK_VALUE, "has an invalid value; skipped"),
        };
        findings.report(rule, None, subject, format!("`bond_{}` {what}", display_name(key)));
    }
    options
}

/// The names for interfaces that networkd creates.
struct Names {
    /// The names that links request; true once a link has got the name.
    asked: HashMap<Name, bool>,
    /// The numbers of bonds and of VLANs that got a numbered name.
    counts: [usize; 2],
}

impl Names {
    fn new(entries: &[Value]) -> Self {
        Self { asked: entries.iter().filter_map(wanted_name).map(|name| (name, false)).collect(), counts: [0; 2] }
    }

    fn bond(&mut self, entry: &Value) -> Name {
        self.name(entry, 0, "bond0", |at| format!("bond{at}"))
    }

    fn vlan(&mut self, entry: &Value, id: VlanId) -> Name {
        self.name(entry, 1, &format!("vlan{id}"), |at| format!("vlan{id}-{at}"))
    }

    /// Returns the first unused name: that of the link, then `first`, then those of `others`.
    fn name(&mut self, entry: &Value, kind: usize, first: &str, others: impl Fn(usize) -> String) -> Name {
        if let Some(name) = wanted_name(entry).filter(|name| self.asked.get(name) == Some(&false)) {
            self.asked.insert(name.clone(), true);
            return name;
        }
        let mut text = first.to_owned();
        loop {
            if let Ok(name) = Name::new(&text)
                && !self.asked.contains_key(&name)
            {
                self.asked.insert(name.clone(), true);
                return name;
            }
            self.counts[kind] += 1;
            text = others(self.counts[kind]);
        }
    }
}

/// Returns the name that a link requests, if it is a valid interface name.
fn wanted_name(entry: &Value) -> Option<Name> {
    ["name", "id"].into_iter().find_map(|key| Name::new(&json::text(entry, key)?).ok())
}

/// Adds the settings of a network to its link.
fn apply_network(
    network: &Value,
    interface: &mut Interface,
    subject: &str,
    findings: &mut Findings,
) -> Result<(), String> {
    let setup = &mut interface.setup;
    let (v4, v6, accept_ra) = match json::text(network, "type").as_deref() {
        Some("ipv4" | "ipv6") => {
            let text = json::text(network, "ip_address").unwrap_or_default();
            let address = address::interface(&text, json::text(network, "netmask").as_deref());
            setup.addresses.push(address.ok_or("invalid `ip_address` or `netmask`")?);
            (false, false, false)
        }
        Some("ipv4_dhcp") => (true, false, false),
        Some("ipv6_dhcp" | "ipv6_dhcpv6-stateful") => (false, true, true),
        // If a router announces DHCPv6 for other settings, networkd requests these.
        Some("ipv6_slaac" | "ipv6_dhcpv6-stateless") => (false, false, true),
        _ => return Err("unknown `type`".to_owned()),
    };
    setup.dhcp = Dhcp::new(v4 || setup.dhcp.v4(), v6 || setup.dhcp.v6());
    setup.accept_ra = setup.accept_ra.or(accept_ra.then_some(true));
    if let Some(text) = json::text(network, "gateway") {
        let is_ipv4 = json::text(network, "type").is_some_and(|kind| kind.starts_with("ipv4"));
        if let Some(gateway) = address::host(&text).filter(|gateway| gateway.is_ipv4() == is_ipv4) {
            setup.routes.push(address::default_route(gateway));
        } else {
            let message = "`gateway` is not an address of its family; default route skipped";
            findings.report(&rules::BAD_NETWORK_VALUE, None, subject, message);
        }
    }
    for (at, entry) in json::list(network, "routes", findings).iter().enumerate() {
        json::report_unknown(entry, &ROUTE, &[], &format!("{subject}: routes[{at}]"), findings);
        if let Some(route) = route(entry) {
            setup.routes.push(route);
            continue;
        }
        let message = format!("invalid network or gateway in `routes[{at}]`; route skipped");
        findings.report(&rules::BAD_NETWORK_VALUE, None, subject, message);
    }
    setup.dns.extend(dns(network, subject, findings));
    let servers = json::words_under(network, "dns_nameservers", findings);
    setup.dns.extend(json::dns(&servers, json::words, subject, findings));
    setup.domains.extend(domains(network, subject, findings));
    if let Some(mtu) = read_mtu(network, subject, findings) {
        if interface.mtu.is_some_and(|own| own != mtu) {
            let message = format!("`mtu` {mtu} differs from that of the link or of another network; ignored");
            findings.report(&rules::ODD_INTERFACE, None, subject, message);
        }
        interface.mtu = interface.mtu.or(Some(mtu));
    }
    Ok(())
}

/// Parses the domains in `dns_search`.
fn domains(network: &Value, subject: &str, findings: &mut Findings) -> Vec<Domain> {
    let words = json::words_under(network, "dns_search", findings);
    let domains = words.iter().filter_map(|word| {
        let domain = json::words(word).and_then(|word| Domain::new(&word));
        if domain.is_none() {
            let message = "invalid domain in `dns_search`; domain ignored";
            findings.report(&rules::BAD_NETWORK_VALUE, None, subject, message);
        }
        domain
    });
    domains.take(NAMES_MAX + 1).collect()
}

fn route(entry: &Value) -> Option<Route> {
    let destination = address::network(&json::text(entry, "network")?, json::text(entry, "netmask").as_deref())?;
    address::route(destination, address::host(&json::text(entry, "gateway")?)?)
}

/// Returns the name servers among the services of `value`.
fn dns(value: &Value, subject: &str, findings: &mut Findings) -> Vec<IpAddr> {
    let services = json::list(value, "services", findings).iter();
    let is_dns = |service: &&Value| json::text(service, "type").is_some_and(|kind| kind == "dns");
    let (dns, others): (Vec<_>, Vec<_>) = services.partition(is_dns);
    if !others.is_empty() {
        findings.report(
            &rules::UNCONVERTED,
            None,
            subject,
            "services of types other than `dns` are unsupported; ignored",
        );
    }
    for service in &dns {
        json::report_unknown(service, &["type", "address"], &["description"], subject, findings);
    }
    json::dns(dns, |service| json::text(service, "address"), subject, findings)
}
