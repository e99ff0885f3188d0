//! The common part of metadata services: a base URL, and attributes below it (docs/datasources.md).

use std::ffi::OsStr;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Result, anyhow};

use super::{Availability, Context, MetaData};
use crate::deadline::Limits;
use crate::http::{self, BadUrl, Error, Header, HostPolicy, Method, Request, Url};

/// A metadata service.
pub struct Service {
    base: Result<Url, BadUrl>,
    headers: Vec<Header>,
    /// True if a request has just failed after all its tries. The next one is tried once, so that an unreachable
    /// service does not use up the time of the run.
    after_failure: AtomicBool,
    /// True if the next request is the last one.
    last: AtomicBool,
}

impl Service {
    /// The service at `base`, which gets these headers with each request.
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

    /// Checks once whether the service answers at `path`.
    pub fn probe(&self, path: &str, extra: &[Header], cx: &Context<'_>) -> Availability {
        if let Err(error) = self.part(path) {
            return Availability::Never(format!("invalid URL of the metadata service: {error}"));
        }
        match self.ask(Method::Get, path, extra, &cx.setup.policy.http.once(), cx.limits()) {
            Ok(_) => Availability::Here,
            Err(error) => Availability::NotYet(format!("{}: {error}", self.display_url(path))),
        }
    }

    /// Fetches the attribute at `path`, with these headers besides the service's own. It takes at most half of the
    /// remaining time, so that one hanging attribute leaves time for the others.
    pub fn fetch(&self, path: &str, extra: &[Header], cx: &Context<'_>) -> Result<Vec<u8>, Error> {
        let policy = cx.setup.policy.http;
        let policy = if self.after_failure.load(Ordering::Relaxed) { policy.once() } else { policy };
        let limits = if self.last.load(Ordering::Relaxed) { cx.limits() } else { cx.limits().half() };
        let answer = self.ask(Method::Get, path, extra, &policy, limits);
        self.after_failure.store(matches!(answer, Err(Error::Failed(_))), Ordering::Relaxed);
        answer
    }

    /// Marks the next request as the last: it gets all its tries and all the time, even after failed requests.
    pub fn final_request(&self) {
        self.after_failure.store(false, Ordering::Relaxed);
        self.last.store(true, Ordering::Relaxed);
    }

    /// Sends a request and retries as `policy` allows, while there is time.
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

    /// Returns the attribute at `path`; `None`, and not a failure, if the service answers that it does not exist.
    pub fn attribute(&self, path: &str, cx: &Context<'_>) -> Result<Option<Vec<u8>>> {
        self.optional(path, self.fetch(path, &[], cx))
    }

    /// Returns the meta-data that `read` parses from the document at `path`; `read` also gets the name of the
    /// document.
    pub fn document(&self, path: &str, cx: &Context<'_>, read: impl FnOnce(Vec<u8>, &str) -> MetaData) -> MetaData {
        match self.attribute(path, cx) {
            Ok(Some(body)) if !body.is_empty() => read(body, &self.display_url(path)),
            Ok(_) => MetaData::default(),
            Err(error) => MetaData::failed(format!("{error:#}")),
        }
    }

    /// Fetches the user-data at `path`, with all its tries, even after failed requests.
    pub fn user_data(&self, path: &str, cx: &Context<'_>) -> Result<Vec<u8>> {
        self.final_request();
        Ok(self.attribute(path, cx)?.unwrap_or_default())
    }

    /// Returns the body of an answer; `None` if the service has no such attribute.
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

/// The first line of an attribute.
pub fn first_line(body: &[u8]) -> String {
    let line = body.split(|byte| *byte == b'\n').next().unwrap_or_default();
    String::from_utf8_lossy(line).trim().to_owned()
}
