//! Network descriptions of platforms before they are parsed.

use std::collections::BTreeMap;
use std::fmt;

use crate::text::secret::REDACTED;

/// The format of a network description, with its name for `--convert-netconf`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Debian's `/etc/network/interfaces`.
    Debian,
    /// The JSON of Packet's metadata service.
    Packet,
    /// VMware's guest variables.
    Vmware,
    /// The JSON of DigitalOcean's metadata service.
    DigitalOcean,
    /// OpenStack's `network_data.json`.
    OpenStack,
    /// The network configuration of cloud-init.
    NetworkConfig,
}

impl Format {
    /// All formats, in the order of their documentation.
    pub const ALL: [Self; 6] =
        [Self::Debian, Self::Packet, Self::Vmware, Self::DigitalOcean, Self::OpenStack, Self::NetworkConfig];

    /// Returns the name for `--convert-netconf`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Debian => "debian",
            Self::Packet => "packet",
            Self::Vmware => "vmware",
            Self::DigitalOcean => "digitalocean",
            Self::OpenStack => "openstack",
            Self::NetworkConfig => "network-config",
        }
    }

    /// Returns the format with this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.name() == name)
    }
}

/// A network description as the platform returns it.
#[derive(Clone, PartialEq, Eq)]
pub enum NetworkData {
    /// The text of an interfaces file.
    Debian(Vec<u8>),
    /// The JSON of `metadata`; only its key `network` is read.
    Packet(Vec<u8>),
    /// The guest variables of interfaces and name servers, without the prefix `guestinfo.`.
    Vmware(BTreeMap<String, String>),
    /// The JSON of `metadata/v1.json`.
    DigitalOcean(Vec<u8>),
    /// The JSON of `network_data.json`.
    OpenStack(Vec<u8>),
    /// The YAML or JSON of `network-config`.
    NetworkConfig(Vec<u8>),
}

impl NetworkData {
    /// Returns the format.
    pub const fn format(&self) -> Format {
        match self {
            Self::Debian(_) => Format::Debian,
            Self::Packet(_) => Format::Packet,
            Self::Vmware(_) => Format::Vmware,
            Self::DigitalOcean(_) => Format::DigitalOcean,
            Self::OpenStack(_) => Format::OpenStack,
            Self::NetworkConfig(_) => Format::NetworkConfig,
        }
    }
}

impl fmt::Debug for NetworkData {
    /// Omits the description, which may contain the password of a network.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}({REDACTED})", self.format().name())
    }
}
