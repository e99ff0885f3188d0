//! Selects the proxy from environment variables by the scheme of the URL, as most programs do.

use std::fmt;
use std::net::IpAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::NextTimeout;
use ureq::{Error, Proxy, ProxyProtocol};

use super::resolver::BoundedResolver;
use cloud_config::text::secret::Secret;

/// Returns the proxy for `uri`. `variable` reads an environment variable.
pub fn for_uri(uri: &Uri, variable: impl Fn(&str) -> Option<String>) -> Option<Proxy> {
    if is_local(uri) {
        return None;
    }
    let names = if is_plain(uri) { ["http_proxy", "HTTP_PROXY"] } else { ["https_proxy", "HTTPS_PROXY"] };
    let set = |name: &str| variable(name).filter(|value| !value.trim().is_empty());
    let address = names.into_iter().chain(["all_proxy", "ALL_PROXY"]).find_map(set)?;
    let Ok(proxy) = Proxy::new(address.trim()) else {
        log::warn!("invalid proxy URL in the environment; no proxy used");
        return None;
    };
    let mut builder = Proxy::builder(proxy.protocol()).host(proxy.host()).port(proxy.port());
    if let Some(name) = proxy.username() {
        builder = builder.username(name).password(proxy.password().unwrap_or_default());
    }
    for host in ["no_proxy", "NO_PROXY"].into_iter().find_map(set).unwrap_or_default().split(',') {
        builder = builder.no_proxy(host.trim());
    }
    builder.build().ok().filter(|proxy| !proxy.is_no_proxy(uri))
}

/// Returns true if the URL is fetched without encryption. Then the proxy gets a request with the whole URL, not a
/// CONNECT request, which many proxies reject for such URLs.
pub fn forwards(proxy: &Proxy, uri: &Uri) -> bool {
    is_plain(uri) && proxy.protocol() == ProxyProtocol::Http
}

/// Returns the value of the header with the proxy's credentials.
pub fn authorization(proxy: &Proxy) -> Option<Secret<String>> {
    let both = format!("{}:{}", proxy.username()?, proxy.password().unwrap_or_default());
    Some(Secret::new(format!("Basic {}", STANDARD.encode(both))))
}

fn is_plain(uri: &Uri) -> bool {
    uri.scheme_str() == Some("http")
}

/// Returns true if the host is this machine, which is not reached through a proxy.
fn is_local(uri: &Uri) -> bool {
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost" || host.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

/// Resolves the host name of the proxy instead of that of the request.
pub struct ProxyResolver {
    proxy: Proxy,
}

impl ProxyResolver {
    pub fn new(proxy: Proxy) -> Self {
        Self { proxy }
    }
}

impl Resolver for ProxyResolver {
    fn resolve(&self, _: &Uri, config: &Config, timeout: NextTimeout) -> Result<ResolvedSocketAddrs, Error> {
        BoundedResolver.resolve(self.proxy.uri(), config, timeout)
    }
}

impl fmt::Debug for ProxyResolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ProxyResolver")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(uri: &str, environment: &[(&str, &str)]) -> Option<String> {
        let variable = |name: &str| environment.iter().find(|(key, _)| *key == name).map(|(_, v)| (*v).to_owned());
        for_uri(&uri.parse().unwrap(), variable).map(|proxy| format!("{}:{}", proxy.host(), proxy.port()))
    }

    #[test]
    fn each_scheme_has_its_proxy() {
        let both = [("http_proxy", "http://a:1"), ("HTTPS_PROXY", "b:2"), ("no_proxy", "10.0.0.1, x.org")];
        assert_eq!(chosen("http://host/", &both).as_deref(), Some("a:1"));
        assert_eq!(chosen("https://host/", &both).as_deref(), Some("b:2"));
        for direct in
            ["http://10.0.0.1/", "https://x.org/", "http://localhost/", "http://127.0.0.1/", "https://[::1]:1/"]
        {
            assert_eq!(chosen(direct, &both), None, "{direct}");
        }
        assert_eq!(chosen("http://host/", &both[1..]), None);
        assert_eq!(chosen("http://host/", &[("ALL_PROXY", "http://c:3")]).as_deref(), Some("c:3"));
        assert_eq!(chosen("http://host/", &[("http_proxy", " ")]), None);
        assert_eq!(chosen("http://host/", &[("http_proxy", "http://")]), None, "what is none is not used");
    }

    #[test]
    fn a_proxy_may_want_credentials() {
        let proxy = for_uri(&"http://host/".parse().unwrap(), |name| {
            (name == "http_proxy").then(|| "http://me:hunter2@a:1".to_owned())
        });
        let header = authorization(&proxy.unwrap()).unwrap();
        assert_eq!(header.expose(), "Basic bWU6aHVudGVyMg==");
    }
}
