//! A metadata service whose requests carry a session token (docs/datasources.md).

use std::ffi::OsStr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use anyhow::{Result, anyhow, bail};

use super::service::{Service, first_line};
use super::{Availability, Context, MetaData};
use crate::http::{self, Error, Header, Method};
use cloud_config::text::secret::Secret;

/// The longest token, in bytes. A token has about 56 bytes; a longer response is not a token.
const TOKEN_MAX: usize = 4096;
/// The largest number of keys that are fetched.
const KEYS_MAX: usize = 100;

/// A request for a session token.
pub struct TokenApi {
    /// The path that the token is requested at, with PUT.
    pub path: &'static str,
    /// The headers of the request, with the lifetime of the token.
    pub headers: &'static [(&'static str, &'static str)],
    /// The header with the token in all other requests.
    pub header: &'static str,
}

/// A metadata service, with its token.
pub struct Session {
    service: Service,
    /// `None` for a service without tokens.
    api: Option<&'static TokenApi>,
    /// The current token, if the service has one.
    token: Mutex<Option<Secret<String>>>,
    /// True if a renewal has failed after all its tries: the next is tried once.
    locked_out: AtomicBool,
}

impl Session {
    /// The service at this base address, which gets these headers with each request.
    pub fn new(base: &OsStr, headers: &[(&'static str, &'static str)], api: Option<&'static TokenApi>) -> Self {
        Self {
            service: Service::new(base, constants(headers)),
            api,
            token: Mutex::new(None),
            locked_out: AtomicBool::new(false),
        }
    }

    /// Returns the URL of an attribute for the log.
    pub fn display_url(&self, path: &str) -> String {
        self.service.display_url(path)
    }

    /// Requests a token. A service that has none is accessed without one.
    fn renew(&self, policy: &http::RetryPolicy, cx: &Context<'_>) -> Result<(), Error> {
        let Some(api) = self.api else { return Ok(()) };
        let answer = self.service.ask(Method::Put, api.path, &constants(api.headers), policy, cx.limits().half());
        let (token, result) = match answer {
            Ok(body) => (usable(&body), Ok(())),
            Err(Error::NotThere(_)) => (None, Ok(())),
            Err(error) => (None, Err(error)),
        };
        *self.token.lock().unwrap_or_else(PoisonError::into_inner) = token;
        result
    }

    /// The header with the token, and the one with the wanted media type.
    fn headers(&self, accept: Option<&'static str>) -> Vec<Header> {
        let token = self.token.lock().unwrap_or_else(PoisonError::into_inner);
        let token = self.api.zip(token.as_ref()).map(|(api, token)| (api.header, token.clone()));
        token.into_iter().chain(accept.map(|accept| ("Accept", Secret::new(accept.to_owned())))).collect()
    }

    /// Checks once, with a new token, whether the service answers at `path`.
    pub fn probe(&self, path: &str, cx: &Context<'_>) -> Result<Vec<u8>, Availability> {
        if let Err(error) = self.renew(&cx.setup.policy.http.once(), cx) {
            log::debug!("{}: {error}", self.display_url(self.api.map_or("", |api| api.path)));
        }
        self.service.fetch_once(path, &self.headers(None), cx)
    }

    /// Fetches the attribute at `path`; renews a rejected token.
    pub fn attribute(&self, path: &str, accept: Option<&'static str>, cx: &Context<'_>) -> Result<Option<Vec<u8>>> {
        let answer = self.service.fetch(path, &self.headers(accept), cx);
        let Some(api) = self.api.filter(|_| matches!(answer, Err(Error::NotThere(401)))) else {
            return self.service.optional(path, answer);
        };
        log::debug!("{}: requesting a new session token", self.display_url(path));
        let policy = cx.setup.policy.http;
        let policy = if self.locked_out.load(Ordering::Relaxed) { policy.once() } else { policy };
        let renewed = self.renew(&policy, cx);
        self.locked_out.store(renewed.is_err(), Ordering::Relaxed);
        renewed.map_err(|error| anyhow!("failed to fetch {}: {error}", self.display_url(api.path)))?;
        match self.service.fetch(path, &self.headers(accept), cx) {
            // The attribute exists but access is denied, so it does not count as absent.
            Err(error @ Error::NotThere(401)) => bail!("failed to fetch {}: {error}", self.display_url(path)),
            answer => self.service.optional(path, answer),
        }
    }

    /// Returns the first line at `path`, empty if there is none.
    pub fn text(&self, path: &str, meta: &mut MetaData, cx: &Context<'_>) -> String {
        match self.attribute(path, None, cx) {
            Ok(body) => body.as_deref().map(first_line).unwrap_or_default(),
            Err(error) => {
                meta.fail(format!("{error:#}"));
                String::new()
            }
        }
    }

    /// Takes the keys of a list at `path`, each of which is an attribute below it.
    pub fn keys(&self, path: &str, meta: &mut MetaData, cx: &Context<'_>) {
        let body = match self.attribute(path, None, cx) {
            Ok(body) => body.unwrap_or_default(),
            Err(error) => return meta.fail(format!("{error:#}")),
        };
        let shown = self.display_url(path);
        let body = String::from_utf8_lossy(&body);
        let (ids, faults) = key_ids(&body);
        if faults > 0 {
            meta.fail(format!("{shown}: {faults} lines are not NUMBER=NAME; lines skipped"));
        }
        if ids.len() > KEYS_MAX {
            meta.fail(format!("{shown}: more than {KEYS_MAX} keys; the rest is skipped"));
        }
        let directory = path.trim_end_matches('/');
        for id in ids.into_iter().take(KEYS_MAX) {
            let key = self.text(&format!("{directory}/{id}/openssh-key"), meta, cx);
            meta.take_key(&key);
        }
    }

    /// Prepares for the last request: it gets all its tries and all the time, even after failed requests.
    pub fn final_request(&self) {
        self.service.final_request();
        self.locked_out.store(false, Ordering::Relaxed);
    }
}

/// Headers whose values are no secrets.
fn constants(headers: &[(&'static str, &'static str)]) -> Vec<Header> {
    headers.iter().map(|(name, value)| (*name, Secret::new((*value).to_owned()))).collect()
}

/// A token, if it is one that can be sent in a header.
fn usable(body: &[u8]) -> Option<Secret<String>> {
    let token = str::from_utf8(body).ok()?.trim();
    let fits = !token.is_empty() && token.len() <= TOKEN_MAX && token.bytes().all(|byte| byte.is_ascii_graphic());
    fits.then(|| Secret::new(token.to_owned()))
}

/// Returns the numbers of the lines `NUMBER=NAME` or `NUMBER/`, and the number of all other lines.
fn key_ids(list: &str) -> (Vec<&str>, usize) {
    let (mut ids, mut faults) = (Vec::new(), 0);
    for line in list.lines().filter(|line| !line.trim().is_empty()) {
        // The number becomes one component of a path, so it must not contain a `/`.
        let is_safe = |id: &&str| !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        let id = line.split_once('=').map(|(id, _)| id).or_else(|| line.trim().strip_suffix('/'));
        match id.filter(is_safe) {
            Some(id) => ids.push(id),
            None => faults += 1,
        }
    }
    (ids, faults)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_a_number_and_a_name() {
        assert_eq!(key_ids("0=one\n1=two=2\r\n\n2/\r\n"), (vec!["0", "1", "2"], 0));
        assert_eq!(key_ids("bad\n0=one\n=x\n../../x=y\n1 2=z\n../\n/"), (vec!["0"], 6));
    }

    #[test]
    fn a_token_that_is_invalid_in_a_header_is_refused() {
        let usable = |text: &str| usable(text.as_bytes()).map(Secret::into_exposed);
        assert_eq!(usable("AQAE==\n").as_deref(), Some("AQAE=="));
        for text in ["", " \n", "a\r\nX: y", "a b", "é", &"x".repeat(TOKEN_MAX + 1)] {
            assert_eq!(usable(text), None, "{text:?}");
        }
    }
}
