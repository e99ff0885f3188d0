//! The meta-data of a machine, in one shape for all platforms.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use cloud_config::network::NetworkData;

/// The meta-data of a machine (docs/datasources.md).
#[derive(Clone, Default, PartialEq, Eq)]
pub struct MetaData {
    /// The host name, as given; never empty.
    pub hostname: Option<String>,
    /// Keys for the user `core`, as given: an entry may hold several lines.
    pub ssh_keys: Vec<String>,
    /// The machine's addresses.
    pub addresses: Addresses,
    /// The requested network description, if there is one.
    pub network: Option<NetworkData>,
    /// The failure to read a host name under a similar name. It matters only if the user-data sets no host name.
    pub unread_hostname: Option<String>,
    /// The values that could not be read or understood: each is a failure of the run, and only that value is skipped.
    pub failures: Vec<String>,
}

impl fmt::Debug for MetaData {
    /// Shows the number of keys instead of the keys.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MetaData")
            .field("hostname", &self.hostname)
            .field("ssh_keys", &self.ssh_keys.len())
            .field("addresses", &self.addresses)
            .field("network", &self.network)
            .field("unread_hostname", &self.unread_hostname)
            .field("failures", &self.failures)
            .finish()
    }
}

impl MetaData {
    /// Meta-data of which nothing could be read.
    pub fn failed(why: impl Into<String>) -> Self {
        Self { failures: vec![why.into()], ..Self::default() }
    }

    /// Takes a host name, unless it is empty.
    pub(super) fn take_hostname(&mut self, name: &str) {
        let name = name.trim();
        self.hostname = (!name.is_empty()).then(|| name.to_owned());
    }

    /// Takes a key, unless it is empty.
    pub(super) fn take_key(&mut self, key: &str) {
        let key = key.trim();
        if !key.is_empty() {
            self.ssh_keys.push(key.to_owned());
        }
    }

    pub(super) fn fail(&mut self, why: impl Into<String>) {
        self.failures.push(why.into());
    }
}

/// The machine's addresses as its platform gives them; invalid ones are dropped
/// (docs/cloud-config.md#address-tokens).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Addresses {
    /// `$public_ipv4`.
    pub public_v4: Option<Ipv4Addr>,
    /// `$private_ipv4`.
    pub private_v4: Option<Ipv4Addr>,
    /// `$public_ipv6`.
    pub public_v6: Option<Ipv6Addr>,
    /// `$private_ipv6`.
    pub private_v6: Option<Ipv6Addr>,
}

impl Addresses {
    /// Takes an address of either family; the last of a kind wins.
    pub(super) fn take(&mut self, address: IpAddr, public: bool) {
        match (address, public) {
            (IpAddr::V4(address), true) => self.public_v4 = Some(address),
            (IpAddr::V4(address), false) => self.private_v4 = Some(address),
            (IpAddr::V6(address), true) => self.public_v6 = Some(address),
            (IpAddr::V6(address), false) => self.private_v6 = Some(address),
        }
    }
}

/// Parses an address; an invalid one counts as missing and is logged by the name `subject`, without its value
/// (docs/datasources.md).
pub(super) fn address<T: std::str::FromStr>(text: &str, subject: &str) -> Option<T> {
    let text = text.trim();
    let address = text.parse().ok();
    if address.is_none() && !text.is_empty() {
        log::warn!("{subject}: not an address of its family; ignored");
    }
    address
}
