//! What every network description is turned into: interfaces, as plain data (docs/network.md).

use core::net::IpAddr;

use ipnet::IpNet;

use super::bond::BondOptions;
use super::names::{Domain, Mac, Name, VlanId};

/// How an interface is found. There is no interface without one of these: an empty `[Match]` would take them all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Match {
    /// By its name.
    Name(Name),
    /// By its hardware address.
    Mac(Mac),
    /// By both.
    Both(Name, Mac),
}

impl Match {
    /// By whatever is known of it, if anything is.
    pub fn new(name: Option<Name>, mac: Option<Mac>) -> Option<Self> {
        match (name, mac) {
            (Some(name), Some(mac)) => Some(Self::Both(name, mac)),
            (Some(name), None) => Some(Self::Name(name)),
            (None, Some(mac)) => Some(Self::Mac(mac)),
            (None, None) => None,
        }
    }

    /// The name, where there is one.
    pub const fn name(&self) -> Option<&Name> {
        match self {
            Self::Name(name) | Self::Both(name, _) => Some(name),
            Self::Mac(_) => None,
        }
    }

    /// The hardware address, where there is one.
    pub const fn mac(&self) -> Option<Mac> {
        match self {
            Self::Mac(mac) | Self::Both(_, mac) => Some(*mac),
            Self::Name(_) => None,
        }
    }

    /// What the interface is called in messages and in names of files: its name or, without one, its address.
    pub fn label(&self) -> String {
        match self {
            Self::Name(name) | Self::Both(name, _) => name.to_string(),
            Self::Mac(mac) => mac.to_string(),
        }
    }
}

/// What an interface is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InterfaceKind {
    /// It is there, or something else makes it.
    Physical,
    /// Several interfaces as one.
    Bond(BondOptions),
    /// One of the networks that share a wire.
    Vlan(VlanId),
}

/// A bond or VLAN that is built on an interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Child {
    /// A bond of which the interface is a slave.
    Bond(Name),
    /// A VLAN on the interface.
    Vlan(Name),
}

impl Child {
    /// Its name.
    pub const fn name(&self) -> &Name {
        match self {
            Self::Bond(name) | Self::Vlan(name) => name,
        }
    }
}

/// Which addresses an interface asks a server for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Dhcp {
    /// None.
    #[default]
    No,
    /// IPv4 alone.
    V4,
    /// IPv6 alone.
    V6,
    /// Those of both families.
    Both,
}

impl Dhcp {
    /// What these families are together.
    pub const fn new(v4: bool, v6: bool) -> Self {
        match (v4, v6) {
            (false, false) => Self::No,
            (true, false) => Self::V4,
            (false, true) => Self::V6,
            (true, true) => Self::Both,
        }
    }

    /// Whether IPv4 addresses are asked for.
    pub const fn v4(self) -> bool {
        matches!(self, Self::V4 | Self::Both)
    }

    /// Whether IPv6 addresses are asked for.
    pub const fn v6(self) -> bool {
        matches!(self, Self::V6 | Self::Both)
    }
}

/// Where packets for a network go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Route {
    /// The network.
    pub destination: IpNet,
    /// The machine that passes them on.
    pub gateway: IpAddr,
}

/// What an interface is given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Setup {
    /// Where short names are looked up.
    pub domains: Vec<Domain>,
    /// Name servers.
    pub dns: Vec<IpAddr>,
    /// Addresses to ask for.
    pub dhcp: Dhcp,
    /// Whether routers may give it IPv6 addresses and routes; networkd decides where this is not set.
    pub accept_ra: bool,
    /// Addresses of its own.
    pub addresses: Vec<IpNet>,
    /// Routes over it.
    pub routes: Vec<Route>,
}

impl Setup {
    /// Whether it leads nowhere: no address, and nothing that gives one.
    pub const fn is_idle(&self) -> bool {
        self.addresses.is_empty() && matches!(self.dhcp, Dhcp::No) && !self.accept_ra
    }
}

/// An interface to be set up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    /// How it is found.
    pub found: Match,
    /// What it is made of.
    pub kind: InterfaceKind,
    /// The first number in its files' names: networkd takes the first file that fits.
    pub depth: u8,
    /// What is built on it.
    pub children: Vec<Child>,
    /// The hardware address it is to have.
    pub mac: Option<Mac>,
    /// How many bytes a packet may have.
    pub mtu: Option<u32>,
    /// What it is given.
    pub setup: Setup,
}

impl Interface {
    /// An interface that is given nothing yet.
    pub fn new(found: Match, kind: InterfaceKind) -> Self {
        Self { found, kind, depth: 0, children: Vec::new(), mac: None, mtu: None, setup: Setup::default() }
    }
}
