//! Looks up host names in a separate thread, since the C library has no time limit for a lookup.
//!
//! A link-local IPv6 address is tried on the interface that the URL names, as in `http://[fe80::1%25eth0]/`, or else on
//! each interface that is up.

use std::fs;
use std::io;
use std::net::{Ipv6Addr, SocketAddr, SocketAddrV6, ToSocketAddrs};
use std::path::Path;
use std::sync::mpsc::{RecvTimeoutError, sync_channel};

use ureq::Error;
use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::NextTimeout;

use crate::contain::detach;

/// The largest number of addresses of one host that are tried, as in the HTTP library.
const ADDRESSES_MAX: usize = 16;

/// Resolves names as the HTTP library does, but reports a thread that cannot be started as an error instead of a panic.
#[derive(Debug, Default)]
pub struct BoundedResolver;

impl Resolver for BoundedResolver {
    fn resolve(&self, uri: &Uri, config: &Config, timeout: NextTimeout) -> Result<ResolvedSocketAddrs, Error> {
        let host = uri.scheme().zip(uri.authority());
        let host = host.and_then(|(scheme, authority)| DefaultResolver::host_and_port(scheme, authority));
        let Some(host) = host else { return Err(Error::BadUri("no host".to_owned())) };
        let found = match link_local(&host, Path::new("/sys/class/net")) {
            Some(addresses) => addresses,
            None => match host.parse::<SocketAddr>() {
                Ok(address) => vec![address],
                Err(_) => look_up(host, &timeout)?,
            },
        };
        let mut addresses = self.empty();
        for address in config.ip_family().keep_wanted(found.into_iter()).take(ADDRESSES_MAX) {
            addresses.push(address);
        }
        if addresses.is_empty() { Err(Error::HostNotFound) } else { Ok(addresses) }
    }
}

/// Returns the socket addresses of `[fe80::1%25eth0]:80` or `[fe80::1]:80`; `None` for any other host.
fn link_local(host: &str, interfaces: &Path) -> Option<Vec<SocketAddr>> {
    let (address, port) = host.strip_prefix('[')?.rsplit_once("]:")?;
    let (address, zone) = match address.split_once('%') {
        // RFC 6874 encodes the sign between the address and the interface.
        Some((address, zone)) => (address, Some(zone.strip_prefix("25").unwrap_or(zone))),
        None => (address, None),
    };
    let (address, port) = (address.parse::<Ipv6Addr>().ok()?, port.parse().ok()?);
    if !address.is_unicast_link_local() {
        return None;
    }
    let read = |name: &str, file: &str| fs::read_to_string(interfaces.join(name).join(file)).unwrap_or_default();
    let index = |name: &str| read(name, "ifindex").trim().parse::<u32>().ok();
    let mut indices: Vec<u32> = match zone {
        // The name is one component of a path.
        Some(zone) if zone.contains('/') => Vec::new(),
        Some(zone) => index(zone).or_else(|| zone.parse().ok()).into_iter().collect(),
        None => {
            let names = fs::read_dir(interfaces).into_iter().flatten().flatten();
            let names = names.filter_map(|entry| entry.file_name().into_string().ok());
            let names = names.filter(|name| name != "lo" && read(name, "operstate").trim() != "down");
            names.filter_map(|name| index(&name)).collect()
        }
    };
    indices.sort_unstable();
    Some(indices.into_iter().map(|index| SocketAddrV6::new(address, port, 0, index).into()).collect())
}

fn look_up(host: String, timeout: &NextTimeout) -> Result<Vec<SocketAddr>, Error> {
    let (sender, receiver) = sync_channel(1);
    detach("lookup of a host", move || {
        let found = host.to_socket_addrs().map(Iterator::collect);
        // The receiver is gone if the lookup timed out.
        let _ = sender.send(found);
    })
    .map_err(|error| io::Error::new(io::ErrorKind::ResourceBusy, error))?;
    match receiver.recv_timeout(*timeout.after) {
        Ok(found) => Ok(found?),
        Err(RecvTimeoutError::Timeout) => Err(Error::Timeout(timeout.reason)),
        Err(RecvTimeoutError::Disconnected) => Err(io::Error::from(io::ErrorKind::Interrupted).into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_local_address_is_tried_on_its_interface_or_on_all() {
        let root = tempfile::tempdir().unwrap();
        for (name, index, state) in
            [("lo", 1, "unknown"), ("eth1", 3, "up"), ("eth0", 2, "up"), ("eth2", 4, "down"), ("wg0", 5, "unknown")]
        {
            fs::create_dir(root.path().join(name)).unwrap();
            fs::write(root.path().join(name).join("ifindex"), format!("{index}\n")).unwrap();
            fs::write(root.path().join(name).join("operstate"), format!("{state}\n")).unwrap();
        }
        let found = |host: &str| {
            let addresses = link_local(host, root.path())?;
            Some(addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "))
        };
        for (host, wanted) in [
            ("[fe80::1%25eth1]:80", "[fe80::1%3]:80"),
            ("[fe80::1%eth2]:81", "[fe80::1%4]:81"),
            ("[fe80::1%2525]:80", "[fe80::1%25]:80"),
            ("[fe80::1%25none]:80", ""),
            ("[fe80::1%25../eth0]:80", ""),
            ("[fe80::1]:80", "[fe80::1%2]:80 [fe80::1%3]:80 [fe80::1%5]:80"),
        ] {
            assert_eq!(found(host).as_deref(), Some(wanted), "{host}");
        }
        for host in ["[2001:db8::1]:80", "[fd00::1]:80", "host:80", "192.0.2.1:80", "[fe80::1]"] {
            assert_eq!(found(host), None, "{host}");
        }
    }
}
