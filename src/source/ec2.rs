//! `--from-ec2-metadata`: the metadata service of Amazon EC2, and compatible services (docs/datasources.md).

use std::ffi::OsStr;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use anyhow::{Result, anyhow, bail};

use super::meta_data::address;
use super::service::{Service, first_line};
use super::{Availability, Context, Datasource, MetaData};
use crate::http::{self, Error, Header, Method};
use cloud_config::text::secret::Secret;

/// The address of `--from-metadata-service`.
pub const DEFAULT_ADDRESS: &str = "http://169.254.169.254/";

const API: &str = "2009-04-04/";
const META_DATA: &str = "2009-04-04/meta-data/";
const USER_DATA: &str = "2009-04-04/user-data";
/// The path of the IPv6 address, which does not exist in the version of the other paths.
const IPV6: &str = "latest/meta-data/ipv6";
const TOKEN: &str = "latest/api/token";

const TTL_HEADER: &str = "X-aws-ec2-metadata-token-ttl-seconds";
const TOKEN_HEADER: &str = "X-aws-ec2-metadata-token";
/// The lifetime of a token in seconds: six hours, the longest.
const TTL: &str = "21600";
/// The longest token, in bytes. A token has about 56 bytes, so a longer response is not a token.
const TOKEN_MAX: usize = 4096;
/// The largest number of keys that are fetched.
const KEYS_MAX: usize = 100;

/// The metadata service of EC2.
pub struct Ec2 {
    service: Service,
    /// The session token (`IMDSv2`), if the service issued one.
    token: Mutex<Option<Secret<String>>>,
    /// True if a renewal has failed after all its tries. The next renewal is then tried once.
    renewal_failed: AtomicBool,
}

impl Ec2 {
    /// Creates the source for the service at this base URL.
    pub fn new(base: &OsStr) -> Self {
        Self {
            service: Service::new(base, Vec::new()),
            token: Mutex::new(None),
            renewal_failed: AtomicBool::new(false),
        }
    }

    /// Requests a session token. A service that has no tokens is then accessed without one.
    fn renew(&self, policy: &http::RetryPolicy, cx: &Context<'_>) -> Result<(), Error> {
        let ttl = [(TTL_HEADER, Secret::new(TTL.to_owned()))];
        let (token, result) = match self.service.ask(Method::Put, TOKEN, &ttl, policy, cx.limits().half()) {
            Ok(body) => (valid_token(&body), Ok(())),
            Err(Error::NotThere(_)) => (None, Ok(())),
            Err(error) => (None, Err(error)),
        };
        *self.token.lock().unwrap_or_else(PoisonError::into_inner) = token;
        result
    }

    fn headers(&self) -> Vec<Header> {
        let token = self.token.lock().unwrap_or_else(PoisonError::into_inner);
        token.iter().map(|token| (TOKEN_HEADER, token.clone())).collect()
    }

    /// Fetches the attribute at `path`. If the token was rejected, it is renewed once.
    fn attribute(&self, path: &str, cx: &Context<'_>) -> Result<Option<Vec<u8>>> {
        let answer = self.service.fetch(path, &self.headers(), cx);
        if !matches!(answer, Err(Error::NotThere(401))) {
            return self.service.optional(path, answer);
        }
        log::debug!("{}: requesting a new session token", self.service.display_url(path));
        let policy = cx.setup.policy.http;
        let policy = if self.renewal_failed.load(Ordering::Relaxed) { policy.once() } else { policy };
        let renewed = self.renew(&policy, cx);
        self.renewal_failed.store(renewed.is_err(), Ordering::Relaxed);
        renewed.map_err(|error| anyhow!("failed to fetch {}: {error}", self.service.display_url(TOKEN)))?;
        match self.service.fetch(path, &self.headers(), cx) {
            // The service denies access, so the attribute does not count as missing.
            Err(error @ Error::NotThere(401)) => bail!("failed to fetch {}: {error}", self.service.display_url(path)),
            answer => self.service.optional(path, answer),
        }
    }

    /// Returns the first line of the attribute at `path`; empty if it does not exist.
    fn text(&self, path: &str, meta: &mut MetaData, cx: &Context<'_>) -> String {
        match self.attribute(path, cx) {
            Ok(body) => body.as_deref().map(first_line).unwrap_or_default(),
            Err(error) => {
                meta.fail(format!("{error:#}"));
                String::new()
            }
        }
    }

    fn keys(&self, meta: &mut MetaData, cx: &Context<'_>) {
        let list = format!("{META_DATA}public-keys");
        let body = match self.attribute(&list, cx) {
            Ok(body) => body.unwrap_or_default(),
            Err(error) => return meta.fail(format!("{error:#}")),
        };
        let shown = self.service.display_url(&list);
        let body = String::from_utf8_lossy(&body);
        let (ids, faults) = key_ids(&body);
        if faults > 0 {
            meta.fail(format!("{shown}: {faults} lines are not NUMBER=NAME; lines skipped"));
        }
        if ids.len() > KEYS_MAX {
            meta.fail(format!("{shown}: more than {KEYS_MAX} keys; the rest is skipped"));
        }
        for id in ids.into_iter().take(KEYS_MAX) {
            let key = self.text(&format!("{META_DATA}public-keys/{id}/openssh-key"), meta, cx);
            meta.take_key(&key);
        }
    }

    fn address<T: std::str::FromStr + Into<IpAddr>>(
        &self,
        path: &str,
        public: bool,
        meta: &mut MetaData,
        cx: &Context<'_>,
    ) {
        let text = self.text(path, meta, cx);
        if let Some(found) = address::<T>(&text, &self.service.display_url(path)) {
            meta.addresses.take(found.into(), public);
        }
    }
}

impl Datasource for Ec2 {
    fn name(&self) -> String {
        self.service.display_url(USER_DATA)
    }

    fn probe(&self, cx: &Context<'_>) -> Availability {
        if let Err(error) = self.renew(&cx.setup.policy.http.once(), cx) {
            log::debug!("{}: {error}", self.service.display_url(TOKEN));
        }
        self.service.probe(API, &self.headers(), cx)
    }

    fn meta_data(&self, cx: &Context<'_>) -> MetaData {
        let mut meta = MetaData::default();
        self.keys(&mut meta, cx);
        let hostname = self.text(&format!("{META_DATA}hostname"), &mut meta, cx);
        // With several domains, the service returns the name in each of them.
        meta.take_hostname(hostname.split_whitespace().next().unwrap_or_default());
        self.address::<Ipv4Addr>(&format!("{META_DATA}local-ipv4"), false, &mut meta, cx);
        self.address::<Ipv4Addr>(&format!("{META_DATA}public-ipv4"), true, &mut meta, cx);
        self.address::<Ipv6Addr>(IPV6, true, &mut meta, cx);
        meta
    }

    fn user_data(&self, cx: &Context<'_>) -> Result<Vec<u8>> {
        self.service.final_request();
        self.renewal_failed.store(false, Ordering::Relaxed);
        Ok(self.attribute(USER_DATA, cx)?.unwrap_or_default())
    }
}

/// Returns the token in a response, if it is valid in a header.
fn valid_token(body: &[u8]) -> Option<Secret<String>> {
    let token = str::from_utf8(body).ok()?.trim();
    let fits = !token.is_empty() && token.len() <= TOKEN_MAX && token.bytes().all(|byte| byte.is_ascii_graphic());
    fits.then(|| Secret::new(token.to_owned()))
}

/// Returns the numbers of the lines `NUMBER=NAME`, and how many lines have another form.
fn key_ids(list: &str) -> (Vec<&str>, usize) {
    let (mut ids, mut faults) = (Vec::new(), 0);
    for line in list.lines().filter(|line| !line.trim().is_empty()) {
        // The number becomes a component of a path, so it must contain neither `/` nor `.`.
        let is_safe = |id: &str| !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        match line.split_once('=') {
            Some((id, _)) if is_safe(id) => ids.push(id),
            _ => faults += 1,
        }
    }
    (ids, faults)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_a_number_and_a_name() {
        assert_eq!(key_ids("0=one\n1=two=2\r\n\n"), (vec!["0", "1"], 0));
        assert_eq!(key_ids("bad\n0=one\n=x\n../../x=y\n1 2=z"), (vec!["0"], 4));
    }

    #[test]
    fn a_token_that_is_invalid_in_a_header_is_refused() {
        let token = |text: &str| valid_token(text.as_bytes()).map(Secret::into_exposed);
        assert_eq!(token("AQAE==\n").as_deref(), Some("AQAE=="));
        for text in ["", " \n", "a\r\nX: y", "a b", "é", &"x".repeat(TOKEN_MAX + 1)] {
            assert_eq!(token(text), None, "{text:?}");
        }
    }
}
