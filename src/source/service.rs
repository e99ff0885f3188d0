//! The common part of metadata services: a base URL with attributes below it (docs/datasources.md).

use std::ffi::OsStr;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Result, anyhow};

use super::{Availability, Context, MetaData};
use crate::deadline::Limits;
use crate::http::{self, BadUrl, Error, Header, HostPolicy, Method, Request, Url};

/// A metadata service at a base URL.
pub struct Service {
    base: Result<Url, BadUrl>,
    headers: Vec<Header>,
    /// True if the last request failed after all its tries. The next request is then tried once: an unreachable service
    /// must not use up the time of the run.
    after_failure: AtomicBool,
    /// True if the next request is the last one of the run.
    last: AtomicBool,
}

impl Service {
    /// Creates a service at `base`. `headers` are sent with each request.
    pub fn new(base: &OsStr, headers: Vec<Header>) -> Self {
        let base = base.to_str().ok_or(BadUrl::Malformed).and_then(Url::parse);
        Self { base, headers, after_failure: AtomicBool::new(false), last: AtomicBool::new(false) }
    }

    /// Returns the URL of an attribute for the log.
    pub fn display_url(&self, path: &str) -> String {
        self.part(path).map_or_else(|_| "the metadata service".to_owned(), |url| url.to_string())
    }

    fn part(&self, path: &str) -> Result<Url, BadUrl> {
        self.base.as_ref().map_err(|error| *error)?.part(path)
    }

    /// Checks once whether the service responds at `path`.
    pub fn probe(&self, path: &str, extra: &[Header], cx: &Context<'_>) -> Availability {
        self.fetch_once(path, extra, cx).map_or_else(|unavailable| unavailable, |_| Availability::Here)
    }

    /// Fetches `path` with one try, to check whether the service is available.
    pub fn fetch_once(&self, path: &str, extra: &[Header], cx: &Context<'_>) -> Result<Vec<u8>, Availability> {
        if let Err(error) = self.part(path) {
            return Err(Availability::Never(format!("invalid URL of the metadata service: {error}")));
        }
        let answer = self.ask(Method::Get, path, extra, &cx.setup.policy.http.once(), cx.limits());
        answer.map_err(|error| Availability::NotYet(format!("{}: {error}", self.display_url(path))))
    }

    /// Fetches the attribute at `path`; `extra` are additional headers. It gets half of the remaining time, so that one
    /// hanging attribute leaves time for the others.
    pub fn fetch(&self, path: &str, extra: &[Header], cx: &Context<'_>) -> Result<Vec<u8>, Error> {
        let policy = cx.setup.policy.http;
        let policy = if self.after_failure.load(Ordering::Relaxed) { policy.once() } else { policy };
        let limits = if self.last.load(Ordering::Relaxed) { cx.limits() } else { cx.limits().half() };
        let answer = self.ask(Method::Get, path, extra, &policy, limits);
        self.after_failure.store(matches!(answer, Err(Error::Failed(_))), Ordering::Relaxed);
        answer
    }

    /// Marks the next request as the last one: it gets all tries and all the remaining time, even after failed
    /// requests.
    pub fn final_request(&self) {
        self.after_failure.store(false, Ordering::Relaxed);
        self.last.store(true, Ordering::Relaxed);
    }

    /// Sends a request, with the retries of `policy`.
    pub fn ask(
        &self,
        method: Method,
        path: &str,
        extra: &[Header],
        policy: &http::RetryPolicy,
        limits: Limits<'_>,
    ) -> Result<Vec<u8>, Error> {
        let url = self.part(path).map_err(|error| Error::Final(error.to_string()))?;
        let headers: Vec<_> = self.headers.iter().chain(extra).cloned().collect();
        http::ask(&Request { method, url: &url, headers: &headers, hosts: HostPolicy::Service }, policy, limits)
    }

    /// Returns the attribute at `path`; `None` if the service responds that it does not exist.
    pub fn attribute(&self, path: &str, cx: &Context<'_>) -> Result<Option<Vec<u8>>> {
        self.optional(path, self.fetch(path, &[], cx))
    }

    /// Returns the metadata that `read` parses from the document at `path`. The second argument of `read` is the name
    /// of the document in messages.
    pub fn document(&self, path: &str, cx: &Context<'_>, read: impl FnOnce(Vec<u8>, &str) -> MetaData) -> MetaData {
        match self.attribute(path, cx) {
            Ok(Some(body)) if !body.is_empty() => read(body, &self.display_url(path)),
            Ok(_) => MetaData::default(),
            Err(error) => MetaData::failed(format!("{error:#}")),
        }
    }

    /// Fetches the user-data at `path` as the last request.
    pub fn user_data(&self, path: &str, cx: &Context<'_>) -> Result<Vec<u8>> {
        self.final_request();
        Ok(self.attribute(path, cx)?.unwrap_or_default())
    }

    /// Returns the body of a response; `None` if the attribute does not exist.
    pub fn optional(&self, path: &str, answer: Result<Vec<u8>, Error>) -> Result<Option<Vec<u8>>> {
        match answer {
            Ok(body) => Ok(Some(body)),
            Err(Error::NotThere(status)) => {
                if matches!(status, 401 | 403) {
                    log::warn!("{}: {}; ignored", self.display_url(path), Error::NotThere(status));
                }
                Ok(None)
            }
            Err(error) => Err(anyhow!("failed to fetch {}: {error}", self.display_url(path))),
        }
    }
}

/// Returns the first line of an attribute.
pub fn first_line(body: &[u8]) -> String {
    let line = body.split(|byte| *byte == b'\n').next().unwrap_or_default();
    String::from_utf8_lossy(line).trim().to_owned()
}
