//! `--from-url`: user-data over HTTP and HTTPS (docs/datasources.md).

use std::ffi::OsStr;
use std::sync::{Mutex, PoisonError};

use anyhow::{Result, anyhow};

use super::{Availability, Context, Datasource, MetaData};
use crate::http::{self, BadUrl, Error, HostPolicy, Method, Request};
use cloud_config::text::secret::Secret;

/// A URL of user-data.
pub struct UrlSource {
    url: Result<http::Url, BadUrl>,
    /// The content that the probe has fetched, so that it is not fetched twice.
    found: Mutex<Option<Secret<Vec<u8>>>>,
}

impl UrlSource {
    /// Creates the source for the URL that the user named.
    pub fn new(url: &OsStr) -> Self {
        let url = url.to_str().ok_or(BadUrl::Malformed).and_then(http::Url::parse);
        Self { url, found: Mutex::new(None) }
    }
}

impl Datasource for UrlSource {
    fn name(&self) -> String {
        self.url.as_ref().map_or_else(|_| "--from-url".to_owned(), ToString::to_string)
    }

    /// A 4xx status or an unusable response is final.
    fn probe(&self, cx: &Context<'_>) -> Availability {
        let url = match &self.url {
            Ok(url) => url,
            Err(error) => return Availability::Never(format!("failed to fetch the URL of --from-url: {error}")),
        };
        match fetch(url, &cx.setup.policy.http.once(), cx) {
            Ok(body) => {
                *self.found.lock().unwrap_or_else(PoisonError::into_inner) = Some(Secret::new(body));
                Availability::Here
            }
            Err(error @ (Error::NotThere(_) | Error::Final(_))) => Availability::Never(format!("{url}: {error}")),
            Err(error) => Availability::NotYet(format!("{url}: {error}")),
        }
    }

    fn meta_data(&self, _: &Context<'_>) -> MetaData {
        MetaData::default()
    }

    fn user_data(&self, cx: &Context<'_>) -> Result<Vec<u8>> {
        if let Some(found) = self.found.lock().unwrap_or_else(PoisonError::into_inner).take() {
            return Ok(found.into_exposed());
        }
        let url = self.url.as_ref().map_err(|error| anyhow!("failed to fetch the URL of --from-url: {error}"))?;
        fetch_user_data(url, cx)
    }
}

/// Fetches user-data from a URL that the user named, with the retries of the policy.
pub(super) fn fetch_user_data(url: &http::Url, cx: &Context<'_>) -> Result<Vec<u8>> {
    fetch(url, &cx.setup.policy.http, cx).map_err(|error| anyhow!("failed to fetch {url}: {error}"))
}

fn fetch(url: &http::Url, policy: &http::RetryPolicy, cx: &Context<'_>) -> Result<Vec<u8>, Error> {
    http::ask(&Request { method: Method::Get, url, headers: &[], hosts: HostPolicy::Anywhere }, policy, cx.limits())
}
