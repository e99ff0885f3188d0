//! Looks up host names in a separate thread, since the C library has no time limit for a lookup.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
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
        let found = match host.parse::<SocketAddr>() {
            Ok(address) => vec![address],
            Err(_) => look_up(host, &timeout)?,
        };
        let mut addresses = self.empty();
        for address in config.ip_family().keep_wanted(found.into_iter()).take(ADDRESSES_MAX) {
            addresses.push(address);
        }
        if addresses.is_empty() { Err(Error::HostNotFound) } else { Ok(addresses) }
    }
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
