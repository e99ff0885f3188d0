//! Interfaces as plain data, the result of every format (docs/network.md).

use core::net::IpAddr;

use ipnet::IpNet;

use super::bond::BondOptions;
use super::bridge::BridgeOptions;
use super::names::{Domain, Mac, Name, Pattern, VlanId};

/// The match of an interface. It is never empty: an empty `[Match]` would match every interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Match {
    /// By its name.
    Name(Name),
    /// By its hardware address.
    Mac(Mac),
    /// By both.
    Both(Name, Mac),
    /// By patterns, which several interfaces may match.
    Selected(Box<Selector>),
}

/// Patterns of interfaces, at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selector {
    /// The name of the patterns in the description; no interface needs to have it.
    pub id: Name,
    /// The name.
    pub name: Option<Pattern>,
    /// The hardware address.
    pub mac: Option<Mac>,
    /// The driver, any of these.
    pub drivers: Vec<Pattern>,
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
            Self::Mac(_) | Self::Selected(_) => None,
        }
    }

    /// The hardware address, where there is one.
    pub const fn mac(&self) -> Option<Mac> {
        match self {
            Self::Mac(mac) | Self::Both(_, mac) => Some(*mac),
            Self::Selected(selector) => selector.mac,
            Self::Name(_) => None,
        }
    }

    /// The name of the interface in messages and file names: its name or, without one, its hardware address; of patterns
    /// their name in the description.
    pub fn label(&self) -> String {
        match self {
            Self::Name(name) | Self::Both(name, _) => name.to_string(),
            Self::Mac(mac) => mac.to_string(),
            Self::Selected(selector) => selector.id.to_string(),
        }
    }
}

/// The kind of an interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InterfaceKind {
    /// It is there, or something else makes it.
    Physical,
    /// Several interfaces as one.
    Bond(BondOptions),
    /// One of the networks that share a wire.
    Vlan(VlanId),
    /// A switch between interfaces.
    Bridge(BridgeOptions),
}

/// A bond, VLAN or bridge that is built on an interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Child {
    /// A bond of which the interface is a slave.
    Bond(Name),
    /// A VLAN on the interface.
    Vlan(Name),
    /// A bridge of which the interface is a port.
    Bridge(Name),
}

impl Child {
    /// Its name.
    pub const fn name(&self) -> &Name {
        match self {
            Self::Bond(name) | Self::Vlan(name) | Self::Bridge(name) => name,
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
    /// The setting for these families.
    pub const fn new(v4: bool, v6: bool) -> Self {
        match (v4, v6) {
            (false, false) => Self::No,
            (true, false) => Self::V4,
            (false, true) => Self::V6,
            (true, true) => Self::Both,
        }
    }

    /// Returns true if IPv4 addresses are requested.
    pub const fn v4(self) -> bool {
        matches!(self, Self::V4 | Self::Both)
    }

    /// Returns true if IPv6 addresses are requested.
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
    /// The metric: of two routes to a network, the kernel uses the one with the smaller metric.
    pub metric: Option<u32>,
}

/// The settings of an interface.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Setup {
    /// Where short names are looked up.
    pub domains: Vec<Domain>,
    /// Name servers.
    pub dns: Vec<IpAddr>,
    /// Addresses to ask for.
    pub dhcp: Dhcp,
    /// True if it accepts router advertisements, false if it ignores them; without a value, networkd decides.
    pub accept_ra: Option<bool>,
    /// Addresses of its own.
    pub addresses: Vec<IpNet>,
    /// Routes over it.
    pub routes: Vec<Route>,
}

impl Setup {
    /// Returns true if it has no address and no way to get one.
    pub const fn is_idle(&self) -> bool {
        self.addresses.is_empty() && matches!(self.dhcp, Dhcp::No) && !matches!(self.accept_ra, Some(true))
    }
}

/// An interface to be set up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    /// The match.
    pub found: Match,
    /// The kind.
    pub kind: InterfaceKind,
    /// The first number in its files' names: networkd takes the first file that fits.
    pub depth: u8,
    /// The interfaces that are built on it.
    pub children: Vec<Child>,
    /// The hardware address it is to have.
    pub mac: Option<Mac>,
    /// The maximum size of a packet, in bytes.
    pub mtu: Option<u32>,
    /// True if the boot does not wait for it.
    pub is_optional: bool,
    /// The settings.
    pub setup: Setup,
}

impl Interface {
    /// An interface that is given nothing yet.
    pub fn new(found: Match, kind: InterfaceKind) -> Self {
        Self {
            found,
            kind,
            depth: 0,
            children: Vec::new(),
            mac: None,
            mtu: None,
            is_optional: false,
            setup: Setup::default(),
        }
    }
}
