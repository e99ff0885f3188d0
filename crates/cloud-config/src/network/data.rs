//! The network descriptions that platforms hand out, before they are read.

use std::collections::BTreeMap;
use std::fmt;

use crate::text::secret::REDACTED;

/// A kind of network description, by what `--convert-netconf` calls it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Debian's `/etc/network/interfaces`.
    Debian,
    /// The meta-data of Packet.
    Packet,
    /// VMware's guest variables.
    Vmware,
    /// The meta-data of DigitalOcean.
    DigitalOcean,
    /// OpenStack's `network_data.json`.
    OpenStack,
    /// The network configuration of cloud-init.
    NetworkConfig,
}

impl Format {
    /// All of them, in the order of their pages.
    pub const ALL: [Self; 6] =
        [Self::Debian, Self::Packet, Self::Vmware, Self::DigitalOcean, Self::OpenStack, Self::NetworkConfig];

    /// Its name on the command line, for `--convert-netconf`.
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

    /// The one of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.name() == name)
    }
}

/// A network description as the platform gave it, to be converted.
#[derive(Clone, PartialEq, Eq)]
pub enum NetworkData {
    /// The text of an interfaces file.
    Debian(Vec<u8>),
    /// The whole JSON that the service answers at `metadata`, whose `network` counts.
    Packet(Vec<u8>),
    /// The guest variables that describe interfaces and name servers, without `guestinfo.` before their names.
    Vmware(BTreeMap<String, String>),
    /// The whole JSON that the service answers at `metadata/v1.json`.
    DigitalOcean(Vec<u8>),
    /// The JSON of `network_data.json`.
    OpenStack(Vec<u8>),
    /// The YAML or JSON of `network-config`.
    NetworkConfig(Vec<u8>),
}

impl NetworkData {
    /// Which kind it is.
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
    /// Without the description: it may hold the password of a network.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}({REDACTED})", self.format().name())
    }
}
