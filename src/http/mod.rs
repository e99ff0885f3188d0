//! The HTTP client of data sources, with time and size limits and retries (docs/datasources.md).
//!
//! No error contains any part of a response, or the URL, which may have credentials.

mod attempt;
mod proxy;
mod resolver;
mod transport;
mod url;

use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use anyhow::{Result, anyhow};
use thiserror::Error;

use crate::contain::{contain, detach};
use crate::deadline::Deadline;
use crate::deadline::Limits;
use crate::os_error::OsError;
use attempt::{Try, attempt};
use cloud_config::text::secret::Secret;
pub use url::{BadUrl, Url};

/// The interval at which a try checks whether the run was asked to stop.
const SLICE: Duration = Duration::from_millis(100);

/// The time after its timeout at which a try is abandoned.
const GRACE: Duration = Duration::from_secs(1);

/// The retry policy of a request.
#[derive(Clone, Copy, Debug)]
pub struct RetryPolicy {
    /// The number of tries.
    pub tries: u32,
    /// The longest time for one try.
    pub timeout: Duration,
    /// The first pause between two tries, doubled after each.
    pub first_pause: Duration,
    /// The longest pause between two tries.
    pub longest_pause: Duration,
    /// The longest body, in bytes.
    pub body_max: u64,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            tries: 15,
            timeout: Duration::from_secs(10),
            first_pause: Duration::from_millis(100),
            longest_pause: Duration::from_secs(5),
            body_max: 16 << 20,
        }
    }
}

impl RetryPolicy {
    /// Returns the policy with a single try, as for a probe.
    #[must_use]
    pub fn once(self) -> Self {
        Self { tries: 1, ..self }
    }
}

/// The reason for having no usable response.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum Error {
    /// The server responded with this 4xx status, which is final.
    #[error("the server returned {}", status_text(*.0))]
    NotThere(u16),
    /// A failure that a retry would not change.
    #[error("{0}")]
    Final(String),
    /// A failure that may be temporary, after all tries.
    #[error("{0}")]
    Failed(String),
}

/// A header of a request. Its value may be a secret.
pub type Header = (&'static str, Secret<String>);

/// The method of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Fetch the resource.
    Get,
    /// Request a new resource, without a body.
    Put,
}

/// The hosts that a response may come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HostPolicy {
    /// Any host that redirects lead to, without the request's headers. The proxy of the environment is used.
    Anywhere,
    /// Only the host of the URL, a service of the platform. No proxy is used.
    Service,
}

/// A request.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The method.
    pub method: Method,
    /// The URL.
    pub url: &'a Url,
    /// Additional headers.
    pub headers: &'a [Header],
    /// The hosts that the response may come from.
    pub hosts: HostPolicy,
}

/// Sends a request, with the retries of `policy`, and returns the body of the response.
///
/// # Errors
///
/// The resource does not exist, or no try was successful.
pub fn ask(request: &Request<'_>, policy: &RetryPolicy, limits: Limits<'_>) -> Result<Vec<u8>, Error> {
    let mut pause = policy.first_pause;
    let mut tries = 1;
    // A source may send many requests. After the deadline, each must fail without a try.
    if let Some(over) = limits.expired_reason() {
        return Err(Error::Failed(format!("not requested: {over}")));
    }
    loop {
        let why = match attempt_until_stopped(request, policy, limits) {
            Try::Body(body) => return Ok(body),
            Try::NotThere(status) => return Err(Error::NotThere(status)),
            Try::Final(why) => return Err(Error::Final(why)),
            Try::Again(why) => why,
        };
        if tries >= policy.tries {
            let times = if tries > 1 { format!(" (tried {tries} times)") } else { String::new() };
            return Err(Error::Failed(format!("{why}{times}")));
        }
        log::debug!("request failed: {why}; retrying");
        limits.sleep(pause);
        if let Some(over) = limits.expired_reason() {
            return Err(Error::Failed(format!("{why} ({over})")));
        }
        pause = (pause * 2).min(policy.longest_pause);
        tries += 1;
    }
}

/// Runs one try, and abandons it when the run is asked to stop: a server may stay silent until the time limit.
fn attempt_until_stopped(request: &Request<'_>, policy: &RetryPolicy, limits: Limits<'_>) -> Try {
    let (sender, receiver) = channel();
    let (url, headers, policy) = (request.url.clone(), request.headers.to_vec(), *policy);
    let (method, hosts, deadline) = (request.method, request.hosts, limits.deadline);
    // An abandoned thread ends with its try or with the program.
    let started = detach("request", move || {
        let request = Request { method, url: &url, headers: &headers, hosts };
        let result = contain(|| attempt(&request, &policy, deadline));
        let _ = sender.send(result.unwrap_or_else(|| Try::Final("internal error".to_owned())));
    });
    if let Err(error) = started {
        return Try::Again(format!("failed to start a thread: {}", OsError::from(error)));
    }
    // The HTTP library enforces its timeout itself, unless it is blocked in a system call.
    let end = Deadline::after(deadline.clip(policy.timeout) + GRACE);
    loop {
        match receiver.recv_timeout(SLICE) {
            Ok(result) => return result,
            Err(RecvTimeoutError::Timeout) if !(limits.stop)() && !end.passed() => {}
            Err(_) => return Try::Again("no response yet".to_owned()),
        }
    }
}

/// Fetches `url` over `http` or `https`. Errors never show the URL, which may hold credentials.
pub fn get(url: &str, policy: RetryPolicy, deadline: Deadline, stop: &dyn Fn() -> bool) -> Result<Vec<u8>> {
    let url = Url::parse(url)?;
    let request = Request { method: Method::Get, url: &url, headers: &[], hosts: HostPolicy::Anywhere };
    Ok(ask(&request, &policy, Limits { deadline, stop })?)
}

/// Formats a status with its standard name: `404 Not Found`.
fn status_text(status: u16) -> String {
    let known = ureq::http::StatusCode::from_u16(status);
    known.map_or_else(|_| status.to_string(), |known| known.to_string().replace(" <unknown status code>", ""))
}

/// Returns the keys in the JSON of GitHub: `[{"key": "…"}]` (docs/cloud-config.md#users).
pub fn keys(body: &[u8]) -> Result<Vec<String>> {
    #[derive(serde::Deserialize)]
    struct GithubKey {
        key: String,
    }
    let entries: Vec<GithubKey> =
        serde_json::from_slice(body).map_err(|_| anyhow!("the response is not a list of SSH public keys"))?;
    Ok(entries.into_iter().map(|entry| entry.key).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_from_the_json_of_github() {
        assert_eq!(keys(br#"[{"id": 1, "key": "a"}, {"key": "b"}]"#).unwrap(), ["a", "b"]);
        assert!(keys(b"[]").unwrap().is_empty());
        assert!(keys(b"<html>").is_err());
    }

    #[test]
    fn a_status_is_called_by_its_name() {
        assert_eq!(Error::NotThere(404).to_string(), "the server returned 404 Not Found");
        assert_eq!(Error::NotThere(499).to_string(), "the server returned 499");
    }

    #[test]
    fn errors_hold_nothing_of_the_address() {
        let limits = (RetryPolicy::default().once(), Deadline::after(Duration::from_secs(5)));
        for url in ["http://user:hunter2@127.0.0.1:1/hunter2", "ftp://hunter2/", "http://hunter2\u{1}/"] {
            let error = get(url, limits.0, limits.1, &|| false).unwrap_err();
            assert!(!format!("{error:#} {error:?}").contains("hunter2"), "{error:?}");
        }
    }
}
