//! The metadata of a machine, in one form for all platforms.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use cloud_config::network::NetworkData;

/// The metadata of a machine (docs/datasources.md).
#[derive(Clone, Default, PartialEq, Eq)]
pub struct MetaData {
    /// The host name as the platform gives it; never empty.
    pub hostname: Option<String>,
    /// SSH keys for the user `core` as the platform gives them: an entry may have several lines.
    pub ssh_keys: Vec<String>,
    /// The addresses of the machine.
    pub addresses: Addresses,
    /// The requested network description, if there is one.
    pub network: Option<NetworkData>,
    /// The failure to read a host name from a misnamed file or property. It counts only if the user-data sets no host name.
    pub unread_hostname: Option<String>,
    /// The values that could not be read or parsed. Each is a failure of the run and is skipped alone.
    pub failures: Vec<String>,
}

impl fmt::Debug for MetaData {
    /// Prints the number of SSH keys instead of the keys.
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
    /// Creates metadata with the failure that prevented reading it.
    pub fn failed(why: impl Into<String>) -> Self {
        Self { failures: vec![why.into()], ..Self::default() }
    }

    /// Sets the host name, unless `name` is empty.
    pub(super) fn take_hostname(&mut self, name: &str) {
        let name = name.trim();
        self.hostname = (!name.is_empty()).then(|| name.to_owned());
    }

    /// Adds an SSH key, unless it is empty.
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

/// The addresses of the machine as the platform gives them. Invalid addresses are omitted
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
    /// Sets an address of either family. The last address of a kind is kept.
    pub(super) fn take(&mut self, address: IpAddr, public: bool) {
        match (address, public) {
            (IpAddr::V4(address), true) => self.public_v4 = Some(address),
            (IpAddr::V4(address), false) => self.private_v4 = Some(address),
            (IpAddr::V6(address), true) => self.public_v6 = Some(address),
            (IpAddr::V6(address), false) => self.private_v6 = Some(address),
        }
    }
}

/// Parses an address. An invalid address is treated as missing, and logged with the name `subject` but without its
/// value (docs/datasources.md).
pub(super) fn address<T: std::str::FromStr>(text: &str, subject: &str) -> Option<T> {
    let text = text.trim();
    let address = text.parse().ok();
    if address.is_none() && !text.is_empty() {
        log::warn!("{subject}: not an address of its family; ignored");
    }
    address
}
