//! Formats interfaces as files of networkd, and lists the modules and interfaces to prepare (docs/network.md).
//!
//! All written text is a constant of this program or a type that was checked when it was created. No text of a
//! description reaches a file directly.

use core::net::IpAddr;
use std::collections::{BTreeSet, HashSet};
use std::fmt::{self, Write as _};

use ipnet::IpNet;

use super::interface::{Child, Dhcp, Interface, InterfaceKind, Match, Setup};
use super::names::{Mac, Name};
use super::{bond, bridge};

/// A file for systemd-networkd.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnitFile {
    /// The name of the file, such as `00-eth0.network`.
    pub name: String,
    /// The content of the file.
    pub content: String,
}

/// A kernel module and its parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Module {
    /// The name of the module.
    pub name: &'static str,
    /// The parameters, each `NAME=VALUE`.
    pub options: Vec<String>,
}

/// All sections and keys that can be written, except those of `[Bond]` and `[Bridge]`. systemd 237 knows all of these
/// except `KeepConfiguration=` and `GatewayOnLink=`, and matches `Type=ether`, which are new in 243. Older versions log
/// and ignore what they do not know.
const KEYS: &[(&str, &str)] = &[
    ("Match", "Name"),
    ("Match", "MACAddress"),
    ("Match", "Driver"),
    ("Match", "Type"),
    ("Link", "Name"),
    ("Link", "MACAddress"),
    ("Link", "MTUBytes"),
    ("Link", "RequiredForOnline"),
    ("Network", "VLAN"),
    ("Network", "Bond"),
    ("Network", "Bridge"),
    ("Network", "Domains"),
    ("Network", "DNS"),
    ("Network", "DHCP"),
    ("Network", "KeepConfiguration"),
    ("Network", "IPv6AcceptRA"),
    ("Address", "Address"),
    ("Route", "Destination"),
    ("Route", "Gateway"),
    ("Route", "GatewayOnLink"),
    ("Route", "Metric"),
    ("NetDev", "Kind"),
    ("NetDev", "Name"),
    ("NetDev", "MACAddress"),
    ("VLAN", "Id"),
];

/// Returns all sections and keys that can be written.
pub fn keys() -> impl Iterator<Item = (&'static str, &'static str)> {
    let bonds = bond::keys().map(|key| ("Bond", key));
    KEYS.iter().copied().chain(bonds).chain(bridge::keys().map(|key| ("Bridge", key)))
}

/// Returns the files of `interfaces`, in the order of the list.
pub fn units(interfaces: &[Interface]) -> Vec<UnitFile> {
    interfaces
        .iter()
        .flat_map(|interface| {
            let stem = format!("{:02x}-{}", interface.depth, interface.found.label());
            let netdev = netdev(interface).map(|content| UnitFile { name: format!("{stem}.netdev"), content });
            let link = link(interface).map(|content| UnitFile { name: format!("{stem}.link"), content });
            link.into_iter()
                .chain(netdev)
                .chain([UnitFile { name: format!("{stem}.network"), content: network(interface) }])
        })
        .collect()
}

/// Returns the interfaces to take down before networkd configures them, which it requires. The loopback interface is
/// excluded, because running services use it.
pub fn to_take_down(interfaces: &[Interface]) -> Vec<&Name> {
    interfaces.iter().filter_map(|interface| interface.found.name()).filter(|name| name.as_str() != "lo").collect()
}

/// Returns the kernel modules that the interfaces need. A module is loaded once, with the options of the first bond;
/// networkd sets the options of each bond that it creates.
pub fn modules(interfaces: &[Interface]) -> Vec<Module> {
    let is_vlan = |interface: &Interface| matches!(interface.kind, InterfaceKind::Vlan(_));
    let vlan = interfaces.iter().any(is_vlan).then(|| Module { name: "8021q", options: Vec::new() });
    let bond = interfaces.iter().find_map(|interface| match &interface.kind {
        InterfaceKind::Bond(options) => {
            let options = options.kernel().map(|(name, value)| format!("{name}={value}")).collect();
            Some(Module { name: "bonding", options })
        }
        _ => None,
    });
    vlan.into_iter().chain(bond).collect()
}

/// The interfaces to rename: the hardware address and the new name of each.
pub fn to_rename(interfaces: &[Interface]) -> Vec<(Mac, &Name)> {
    interfaces.iter().filter_map(|interface| Some((interface.found.mac()?, interface.new_name.as_ref()?))).collect()
}

/// The `.link` file, from which udev takes the name of an interface.
fn link(interface: &Interface) -> Option<String> {
    let (name, mac) = (interface.new_name.as_ref()?, interface.found.mac()?);
    let mut text = Text::default();
    text.section("Match");
    text.key("MACAddress", mac);
    // Not a VLAN or a bond on it, which has the same address.
    text.key("Type", "ether");
    text.section("Link");
    text.key("Name", name);
    Some(text.0)
}

/// Formats the `.netdev` file of an interface that networkd creates.
fn netdev(interface: &Interface) -> Option<String> {
    let (kind, name) = match (&interface.kind, interface.found.name()) {
        (InterfaceKind::Bond(_), Some(name)) => ("bond", name),
        (InterfaceKind::Vlan(_), Some(name)) => ("vlan", name),
        (InterfaceKind::Bridge(_), Some(name)) => ("bridge", name),
        _ => return None,
    };
    let mut text = Text::default();
    text.section("NetDev");
    text.key("Kind", kind);
    text.key("Name", name);
    text.keys("MACAddress", interface.mac);
    match &interface.kind {
        InterfaceKind::Bond(options) => {
            text.section("Bond");
            options.networkd().for_each(|(key, value)| text.key(key, value));
        }
        InterfaceKind::Vlan(id) => {
            text.section("VLAN");
            text.key("Id", id);
        }
        InterfaceKind::Bridge(options) => {
            let mut options = options.networkd().peekable();
            if options.peek().is_some() {
                text.section("Bridge");
            }
            options.for_each(|(key, value)| text.key(key, value));
        }
        InterfaceKind::Physical => {}
    }
    Some(text.0)
}

/// Formats the `.network` file.
fn network(interface: &Interface) -> String {
    let mut text = Text::default();
    text.section("Match");
    match &interface.found {
        Match::Selected(selector) => {
            text.keys("Name", &selector.name);
            text.keys("MACAddress", selector.mac);
            if !selector.drivers.is_empty() {
                let drivers: Vec<_> = selector.drivers.iter().map(ToString::to_string).collect();
                text.key("Driver", drivers.join(" "));
            }
        }
        found => {
            text.keys("Name", found.name());
            text.keys("MACAddress", found.mac());
        }
    }
    // The hardware address of an interface that networkd creates is in its `.netdev` file.
    let mac = interface.mac.filter(|_| interface.kind == InterfaceKind::Physical);
    if mac.is_some() || interface.mtu.is_some() || interface.is_optional {
        text.section("Link");
        text.keys("MACAddress", mac);
        text.keys("MTUBytes", interface.mtu);
        text.keys("RequiredForOnline", interface.is_optional.then_some("no"));
    }
    text.section("Network");
    for child in &interface.children {
        match child {
            Child::Vlan(name) => text.key("VLAN", name),
            Child::Bond(name) => text.key("Bond", name),
            Child::Bridge(name) => text.key("Bridge", name),
        }
    }
    let setup = &interface.setup;
    if !setup.domains.is_empty() {
        let domains: Vec<_> = setup.domains.iter().map(ToString::to_string).collect();
        text.key("Domains", domains.join(" "));
    }
    text.keys("DNS", &setup.dns);
    let dhcp = match setup.dhcp {
        Dhcp::No => None,
        Dhcp::V4 => Some("ipv4"),
        Dhcp::V6 => Some("ipv6"),
        Dhcp::Both => Some("true"),
    };
    text.keys("DHCP", dhcp);
    text.keys("KeepConfiguration", dhcp.map(|_| "dhcp-on-stop"));
    text.keys("IPv6AcceptRA", setup.accept_ra);
    for address in &setup.addresses {
        text.section("Address");
        text.key("Address", address);
    }
    let on_link = LinkNetworks::new(setup);
    for route in &setup.routes {
        text.section("Route");
        text.key("Destination", route.destination);
        text.key("Gateway", route.gateway);
        if !on_link.has(route.gateway) {
            text.key("GatewayOnLink", "yes");
        }
        text.keys("Metric", route.metric);
    }
    text.0
}

/// The networks of an interface, for looking up gateways: there may be many of both.
struct LinkNetworks<'a> {
    setup: &'a Setup,
    networks: HashSet<IpNet>,
    /// The prefix lengths of the networks; true stands for IPv4.
    prefixes: BTreeSet<(bool, u8)>,
}

impl<'a> LinkNetworks<'a> {
    fn new(setup: &'a Setup) -> Self {
        let networks: HashSet<_> = setup.addresses.iter().map(IpNet::trunc).collect();
        let prefixes = networks.iter().map(|network| (network.addr().is_ipv4(), network.prefix_len())).collect();
        Self { setup, networks, prefixes }
    }

    /// Returns true if `gateway` is, or may be, in a network of the interface. The kernel rejects other routes unless
    /// they are marked as on-link, as on a machine that has an address with the prefix length 32.
    fn has(&self, gateway: IpAddr) -> bool {
        let is_dynamic = match gateway {
            IpAddr::V4(_) => self.setup.dhcp.v4(),
            IpAddr::V6(gateway) => {
                self.setup.dhcp.v6() || self.setup.accept_ra == Some(true) || gateway.is_unicast_link_local()
            }
        };
        let mut own = self.prefixes.iter().filter(|(is_ipv4, _)| *is_ipv4 == gateway.is_ipv4()).peekable();
        let is_in =
            |prefix: u8| IpNet::new(gateway, prefix).is_ok_and(|network| self.networks.contains(&network.trunc()));
        is_dynamic || own.peek().is_none() || own.any(|(_, prefix)| is_in(*prefix))
    }
}

/// The text of a file.
#[derive(Default)]
struct Text(String);

impl Text {
    fn section(&mut self, name: &str) {
        let space = if self.0.is_empty() { "" } else { "\n" };
        self.line(format_args!("{space}[{name}]"));
    }

    fn key(&mut self, name: &str, value: impl fmt::Display) {
        self.line(format_args!("{name}={value}"));
    }

    /// Writes the key once for each value.
    fn keys(&mut self, name: &str, values: impl IntoIterator<Item: fmt::Display>) {
        values.into_iter().for_each(|value| self.key(name, value));
    }

    fn line(&mut self, line: fmt::Arguments<'_>) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.0, "{line}");
    }
}
