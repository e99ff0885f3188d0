//! Interfaces as plain data, into which every format is converted (docs/network.md).

use core::net::IpAddr;

use ipnet::IpNet;

use super::bond::BondOptions;
use super::bridge::BridgeOptions;
use super::names::{Domain, Mac, Name, Pattern, VlanId};

/// The condition that selects an interface. It is never empty: an empty `[Match]` would match every interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Match {
    /// By its name.
    Name(Name),
    /// By its hardware address.
    Mac(Mac),
    /// By its name and its hardware address.
    Both(Name, Mac),
    /// By patterns, which can match several interfaces.
    Selected(Box<Selector>),
}

/// Patterns that select interfaces; at least one is set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selector {
    /// The name of the entry in the description, which no interface needs to have.
    pub id: Name,
    /// The pattern of the interface's name.
    pub name: Option<Pattern>,
    /// The hardware address.
    pub mac: Option<Mac>,
    /// The patterns of the driver, one of which has to match.
    pub drivers: Vec<Pattern>,
}

impl Match {
    /// Creates the condition from the known properties; `None` if neither is known.
    pub fn new(name: Option<Name>, mac: Option<Mac>) -> Option<Self> {
        match (name, mac) {
            (Some(name), Some(mac)) => Some(Self::Both(name, mac)),
            (Some(name), None) => Some(Self::Name(name)),
            (None, Some(mac)) => Some(Self::Mac(mac)),
            (None, None) => None,
        }
    }

    /// Returns the name, if it is known.
    pub const fn name(&self) -> Option<&Name> {
        match self {
            Self::Name(name) | Self::Both(name, _) => Some(name),
            Self::Mac(_) | Self::Selected(_) => None,
        }
    }

    /// Returns the hardware address, if it is known.
    pub const fn mac(&self) -> Option<Mac> {
        match self {
            Self::Mac(mac) | Self::Both(_, mac) => Some(*mac),
            Self::Selected(selector) => selector.mac,
            Self::Name(_) => None,
        }
    }

    /// Returns the name of the interface in messages and file names: its name, or else its hardware address. For
    /// patterns, it is the name of the entry in the description.
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
    /// An existing interface, which networkd does not create.
    Physical,
    /// Several interfaces that are used as one.
    Bond(BondOptions),
    /// One of the networks that share a link.
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
    /// Returns the name of the child.
    pub const fn name(&self) -> &Name {
        match self {
            Self::Bond(name) | Self::Vlan(name) | Self::Bridge(name) => name,
        }
    }
}

/// The families of addresses that an interface requests by DHCP.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Dhcp {
    /// No family.
    #[default]
    No,
    /// Only IPv4.
    V4,
    /// Only IPv6.
    V6,
    /// Both families.
    Both,
}

impl Dhcp {
    /// Returns the value for these families.
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

/// A route to a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Route {
    /// The network.
    pub destination: IpNet,
    /// The router to the network.
    pub gateway: IpAddr,
    /// The metric. Of two routes to the same network, the kernel uses the one with the smaller metric.
    pub metric: Option<u32>,
}

/// The settings of an interface.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Setup {
    /// The domains in which short names are looked up.
    pub domains: Vec<Domain>,
    /// Name servers.
    pub dns: Vec<IpAddr>,
    /// The families that the interface requests by DHCP.
    pub dhcp: Dhcp,
    /// True if the interface accepts router advertisements, false if it ignores them; `None` lets networkd decide.
    pub accept_ra: Option<bool>,
    /// Static addresses.
    pub addresses: Vec<IpNet>,
    /// Routes over the interface.
    pub routes: Vec<Route>,
}

impl Setup {
    /// Returns true if the interface has no address and no way to get one.
    pub const fn is_idle(&self) -> bool {
        self.addresses.is_empty() && matches!(self.dhcp, Dhcp::No) && !matches!(self.accept_ra, Some(true))
    }
}

/// An interface to configure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    /// The condition that selects the interface.
    pub found: Match,
    /// The kind.
    pub kind: InterfaceKind,
    /// The number at the beginning of the file names: networkd uses the first file that matches.
    pub depth: u8,
    /// The bonds, VLANs and bridges that are built on the interface.
    pub children: Vec<Child>,
    /// The hardware address to set.
    pub mac: Option<Mac>,
    /// The name it is to have. Its match has a hardware address and no name.
    pub new_name: Option<Name>,
    /// The maximum size of a packet, in bytes.
    pub mtu: Option<u32>,
    /// True if the boot does not wait for the interface.
    pub is_optional: bool,
    /// The settings.
    pub setup: Setup,
}

impl Interface {
    /// Creates an interface without any settings.
    pub fn new(found: Match, kind: InterfaceKind) -> Self {
        Self {
            found,
            kind,
            depth: 0,
            children: Vec::new(),
            mac: None,
            new_name: None,
            mtu: None,
            is_optional: false,
            setup: Setup::default(),
        }
    }
}
