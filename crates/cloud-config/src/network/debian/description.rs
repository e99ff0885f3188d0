//! The description of one interface, merged from its stanzas.
//!
//! Several stanzas with the same name are merged as in ifupdown. The addresses, routes and name servers of all stanzas
//! are set, and DHCP is used if one of them requests it. Of all other options, the last one is used.

use core::net::IpAddr;

use ipnet::IpNet;

use crate::diagnostic::Span;

use super::super::ENTRIES_MAX;
use super::super::address;
use super::super::bond::BondOptions;
use super::super::interface::{Dhcp, Route, Setup};
use super::super::names::{Domain, Mac, Name};

/// The settings of an interface.
#[derive(Debug, Default)]
pub struct Description {
    /// The addresses of the interface.
    pub addresses: Vec<IpNet>,
    /// The values of `gateway`, for IPv4 and for IPv6.
    pub gateways: [Option<IpAddr>; 2],
    /// The routes in `post-up`.
    pub routes: Vec<Route>,
    /// `dns-nameservers`.
    pub dns: Vec<IpAddr>,
    /// `dns-search` and `dns-domain`.
    pub domains: Vec<Domain>,
    /// The families whose addresses it requests by DHCP.
    pub dhcp: Dhcp,
    /// True if it accepts router advertisements.
    pub accept_ra: bool,
    /// `hwaddress`.
    pub mac: Option<Mac>,
    /// `mtu`.
    pub mtu: Option<u32>,
    /// `bond-slaves`, which makes the interface a bond, even without slaves.
    pub slaves: Option<Vec<Name>>,
    /// `bond-mode` and all other bond options.
    pub bond: BondOptions,
    /// `bond-master`.
    pub master: Option<Name>,
    /// `vlan-raw-device`.
    pub raw_device: Option<Name>,
    /// `vlan-id`.
    pub vlan_id: Option<String>,
    /// The position of the description.
    pub span: Option<Span>,
}

/// Adds `more` to a list, up to one entry more than the limit: that entry shows that the list is too long.
pub fn extend<T>(list: &mut Vec<T>, more: Vec<T>) {
    let room = (ENTRIES_MAX + 1).saturating_sub(list.len());
    list.extend(more.into_iter().take(room));
}

impl Description {
    /// Merges the settings of another stanza.
    pub fn merge(&mut self, other: Self) {
        extend(&mut self.addresses, other.addresses);
        for (own, other) in self.gateways.iter_mut().zip(other.gateways) {
            *own = other.or(*own);
        }
        extend(&mut self.routes, other.routes);
        extend(&mut self.dns, other.dns);
        extend(&mut self.domains, other.domains);
        self.dhcp = Dhcp::new(self.dhcp.v4() || other.dhcp.v4(), self.dhcp.v6() || other.dhcp.v6());
        self.accept_ra |= other.accept_ra;
        self.mac = other.mac.or(self.mac);
        self.mtu = other.mtu.or(self.mtu);
        self.slaves = other.slaves.or_else(|| self.slaves.take());
        self.bond.merge(other.bond);
        self.master = other.master.or_else(|| self.master.take());
        self.raw_device = other.raw_device.or_else(|| self.raw_device.take());
        self.vlan_id = other.vlan_id.or_else(|| self.vlan_id.take());
        self.span = self.span.or(other.span);
    }

    /// Returns the settings of the interface. DHCP requests both families, whatever family the stanza has, except for a
    /// family with static addresses.
    pub fn setup(&mut self) -> Setup {
        let own = |is_ipv4: bool| self.addresses.iter().any(|net| net.addr().is_ipv4() == is_ipv4);
        let dhcp = match self.dhcp {
            Dhcp::V4 if !own(false) => Dhcp::Both,
            Dhcp::V6 if !own(true) => Dhcp::Both,
            dhcp => dhcp,
        };
        let defaults = self.gateways.into_iter().flatten().map(address::default_route);
        Setup {
            dhcp,
            accept_ra: (self.accept_ra || dhcp.v6()).then_some(true),
            routes: defaults.chain(self.routes.drain(..)).collect(),
            addresses: std::mem::take(&mut self.addresses),
            dns: std::mem::take(&mut self.dns),
            domains: std::mem::take(&mut self.domains),
        }
    }
}
