//! One try of a request, with limits on redirects, duration and the size of the response.

use std::io::{ErrorKind, Read};
use std::time::Duration;

use ureq::http::header::{ACCEPT_ENCODING, AUTHORIZATION, CONTENT_ENCODING, HOST, LOCATION, PROXY_AUTHORIZATION};
use ureq::http::{HeaderValue, Response, header::HeaderMap};
use ureq::tls::{RootCerts, TlsConfig};
use ureq::{Agent, Body};

use super::resolver::BoundedResolver;
use super::transport::CheckedConnector;
use super::{Header, HostPolicy, Method, Request, RetryPolicy, Url, proxy, status_text};
use crate::deadline::Deadline;
use cloud_config::text::decode;
use cloud_config::text::secret::Secret;

/// The largest number of redirects that are followed.
const REDIRECTS_MAX: u32 = 10;

/// The result of one try.
pub enum Try {
    /// The body of a successful response.
    Body(Vec<u8>),
    /// The server reports with this status that the resource does not exist.
    NotThere(u16),
    /// Failed for a reason that another try would not change.
    Final(String),
    /// Failed for a reason that may be temporary.
    Again(String),
}

/// Sends the request once. The timeout of the policy covers redirects and the body.
pub fn attempt(request: &Request<'_>, policy: &RetryPolicy, deadline: Deadline) -> Try {
    let mut url = request.url.clone();
    let result = follow(request, &mut url, policy, deadline);
    let (asked, answers) = (request.url.origin(), url.origin());
    if asked == answers {
        return result;
    }
    // The message names the server that responded last, which redirects can change.
    match result {
        Try::NotThere(status) => {
            Try::Final(format!("redirected to {answers}: the server returned {}", status_text(status)))
        }
        Try::Final(why) => Try::Final(format!("redirected to {answers}: {why}")),
        Try::Again(why) => Try::Again(format!("redirected to {answers}: {why}")),
        body @ Try::Body(_) => body,
    }
}

/// Requests `url` and follows redirects. `url` is then the URL of the last response.
fn follow(request: &Request<'_>, url: &mut Url, policy: &RetryPolicy, deadline: Deadline) -> Try {
    let end = Deadline::after(deadline.clip(policy.timeout));
    let mut headers = request.headers;
    for _ in 0..=REDIRECTS_MAX {
        let response = match send(request, url, headers, end) {
            Ok(response) => response,
            Err(error) => return failed_try(&error),
        };
        let status = response.status().as_u16();
        match status {
            301 | 302 | 303 | 307 | 308 => {}
            // 206 is a partial response, which was not requested.
            206 | 408 | 425 | 429 => return Try::Again(format!("the server returned {}", status_text(status))),
            200..=299 => return body(response, policy),
            400..=499 => return Try::NotThere(status),
            _ => return Try::Again(format!("the server returned {}", status_text(status))),
        }
        *url = match redirect(request, url, response.headers()) {
            Ok(url) => url,
            Err(why) => return why,
        };
        if request.hosts == HostPolicy::Anywhere {
            headers = &[];
        }
    }
    Try::Final("too many redirects".to_owned())
}

/// Returns the target of a redirect, or the failure if it must not be followed.
fn redirect(request: &Request<'_>, from: &Url, headers: &HeaderMap) -> Result<Url, Try> {
    let location = headers.get(LOCATION).and_then(|location| str::from_utf8(location.as_bytes()).ok());
    let Some(location) = location else { return Err(Try::Again("redirect without a target".to_owned())) };
    if request.method == Method::Put {
        return Err(Try::Final("redirect of a PUT request".to_owned()));
    }
    let Ok(to) = from.join(location) else {
        return Err(Try::Final("redirect to a URL other than http or https".to_owned()));
    };
    match request.hosts {
        HostPolicy::Anywhere if from.is_safe() && !to.is_safe() => {
            // The response to a request over HTTPS must not come over plain HTTP.
            Err(Try::Final("redirect from https to http".to_owned()))
        }
        HostPolicy::Anywhere => Ok(to.without_credentials()),
        HostPolicy::Service if from.is_same_host(&to) => Ok(to.with_credentials_of(from)),
        HostPolicy::Service => Err(Try::Again("redirect to another host".to_owned())),
    }
}

fn send(request: &Request<'_>, url: &Url, headers: &[Header], end: Deadline) -> Result<Response<Body>, ureq::Error> {
    let config = Agent::config_builder()
        .timeout_global(Some(end.remaining().max(Duration::from_millis(1))))
        .max_redirects(0)
        .http_status_as_error(false)
        .tls_config(TlsConfig::builder().root_certs(RootCerts::PlatformVerifier).build())
        .user_agent(concat!("coreos-cloudinit/", env!("CARGO_PKG_VERSION")));
    let proxy = match request.hosts {
        HostPolicy::Anywhere => proxy::for_uri(url.uri(), |name| std::env::var(name).ok()),
        HostPolicy::Service => None,
    };
    let mut headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.clone())).collect();
    headers.extend(url.authorization().map(|value| (AUTHORIZATION.as_str(), value.clone())));
    headers.extend(url.host_without_zone().map(|host| (HOST.as_str(), Secret::new(host))));
    let agent = match proxy {
        Some(proxy) if proxy::forwards(&proxy, url.uri()) => {
            headers.extend(proxy::authorization(&proxy).map(|value| (PROXY_AUTHORIZATION.as_str(), value)));
            let connector = CheckedConnector::through_proxy(url.origin());
            Agent::with_parts(config.proxy(None).build(), connector, proxy::ProxyResolver::new(proxy))
        }
        proxy => Agent::with_parts(config.proxy(proxy).build(), CheckedConnector::default(), BoundedResolver),
    };
    let headers = headers.iter().map(|(name, value)| (*name, value.expose().as_str()));
    match request.method {
        Method::Get => {
            let get = agent.get(url.uri().clone()).header(ACCEPT_ENCODING, "identity");
            headers.fold(get, |get, (name, value)| get.header(name, value)).call()
        }
        Method::Put => {
            headers.fold(agent.put(url.uri().clone()), |put, (name, value)| put.header(name, value)).send_empty()
        }
    }
}

/// Reads the body, up to the size limit of the policy.
fn body(response: Response<Body>, policy: &RetryPolicy) -> Try {
    let too_long = || Try::Final(format!("the response is larger than {} bytes", policy.body_max));
    // The request asks for no encoding, but some servers compress anyway.
    let encodings: Vec<_> = response.headers().get_all(CONTENT_ENCODING).iter().map(HeaderValue::as_bytes).collect();
    let encoding = encodings.join(&b',').trim_ascii().to_ascii_lowercase();
    let is_gzip = match encoding.as_slice() {
        b"gzip" | b"x-gzip" => true,
        b"" | b"identity" => false,
        _ => {
            let why = "the response has an unsupported Content-Encoding";
            return Try::Final(why.to_owned());
        }
    };
    let mut body = Vec::new();
    match response.into_body().into_reader().take(policy.body_max + 1).read_to_end(&mut body) {
        Ok(_) if body.len() as u64 > policy.body_max => return too_long(),
        Ok(_) => {}
        Err(error) if is_timeout(&error) => return Try::Again("timed out while reading the response".to_owned()),
        Err(error) => return Try::Again(format!("the response was cut off: {}", connection_fault(&error))),
    }
    if !is_gzip || body.is_empty() {
        return Try::Body(body);
    }
    match decode::gunzip(&body, policy.body_max, &mut { decode::MEMBERS_MAX }) {
        Ok(body) => Try::Body(body),
        Err(decode::DecodeError::TooLarge(_)) => too_long(),
        Err(_) => Try::Again("the response is not valid gzip, in spite of its Content-Encoding".to_owned()),
    }
}

fn is_timeout(error: &std::io::Error) -> bool {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<ureq::Error>());
    matches!(inner, Some(ureq::Error::Timeout(_))) || error.kind() == ErrorKind::TimedOut
}

/// Maps an error of the HTTP library to a failure without any part of the URL.
fn failed_try(error: &ureq::Error) -> Try {
    match error {
        ureq::Error::BadUri(_) | ureq::Error::Http(_) => Try::Final("invalid URL".to_owned()),
        ureq::Error::HostNotFound => Try::Again("host not found".to_owned()),
        ureq::Error::Timeout(_) => Try::Again("timed out".to_owned()),
        ureq::Error::Io(error) => Try::Again(connection_fault(error)),
        ureq::Error::ConnectionFailed => Try::Again("connection failed".to_owned()),
        ureq::Error::ConnectProxyFailed(_) => Try::Again("the proxy refused the request".to_owned()),
        ureq::Error::Protocol(_) => Try::Again("the response is not HTTP".to_owned()),
        ureq::Error::LargeResponseHeader(..) => Try::Final("the response headers are too long".to_owned()),
        ureq::Error::Rustls(error) => Try::Again(tls_error(error)),
        _ => Try::Again("request failed".to_owned()),
    }
}

/// Describes an error of a connection.
fn connection_fault(error: &std::io::Error) -> String {
    match (error.kind(), error.get_ref()) {
        // rustls reports TLS errors with this kind.
        (ErrorKind::InvalidData, Some(inner)) => tls_error(inner),
        (ErrorKind::BrokenPipe | ErrorKind::UnexpectedEof, _) => "connection closed".to_owned(),
        // Errors of the protocol, such as invalid chunks.
        (ErrorKind::Other, Some(inner)) if matches!(inner.downcast_ref(), Some(ureq::Error::Protocol(_))) => {
            "the response is not HTTP".to_owned()
        }
        // Failed name lookups have no kind of their own.
        _ if error.to_string().starts_with("failed to lookup") => "host not found".to_owned(),
        // The resolver reports a thread that could not be started with this kind.
        (ErrorKind::ResourceBusy, _) => "failed to start a thread to look up the host".to_owned(),
        (ErrorKind::Other, _) => "invalid response".to_owned(),
        (kind, _) => kind.to_string(),
    }
}

/// Describes a TLS error, such as an invalid certificate. The request is retried: at boot, the clock may be wrong for a
/// while.
fn tls_error(error: &dyn std::fmt::Display) -> String {
    format!("TLS error: {error}")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the target of a redirect, or the reason for not following it.
    fn followed(hosts: HostPolicy, from: &str, location: &'static str) -> Result<String, String> {
        let from = Url::parse(from).unwrap();
        let request = Request { method: Method::Get, url: &from, headers: &[], hosts };
        let headers = HeaderMap::from_iter([(LOCATION, HeaderValue::from_static(location))]);
        match redirect(&request, &from, &headers) {
            Ok(to) => Ok(format!("{to} {}", to.authorization().is_some())),
            Err(Try::Final(why) | Try::Again(why)) => Err(why),
            Err(_) => unreachable!("a redirect is no answer"),
        }
    }

    #[test]
    fn redirects_stay_safe() {
        let user_data = |from, location| followed(HostPolicy::Anywhere, from, location);
        assert_eq!(user_data("https://u:p@a/", "https://b/").unwrap(), "https://b/ false");
        assert_eq!(user_data("http://u:p@a/", "https://a/").unwrap(), "https://a/ false");
        assert!(user_data("https://a/", "http://a/").unwrap_err().contains("from https to http"));
    }

    #[test]
    fn a_service_leads_to_its_own_host() {
        let service = |from, location| followed(HostPolicy::Service, from, location);
        assert_eq!(service("http://u:p@a/x", "/y").unwrap(), "http://a/y true");
        assert_eq!(service("http://u:p@a/x", "https://a/y").unwrap(), "https://a/y true");
        for elsewhere in ["http://b/", "//b/x", "http://a:81/", "http://a@b/"] {
            assert!(service("http://u:p@a/x", elsewhere).unwrap_err().contains("another host"), "{elsewhere}");
        }
        assert!(service("https://a/", "http://a/").is_err());
    }
}
