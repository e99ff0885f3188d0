//! Options of services that cannot work (docs/cloud-config.md#options-of-services).

use crate::config::CloudConfig;
use crate::config::options::{OptionValue, Options, Service};
use crate::diagnostic::{Finding, Span, rules};
use crate::text::secret::is_partly_redacted;

/// The service that issues tokens for clusters, and the length of a token.
const DISCOVERY: &str = "discovery.etcd.io";
const TOKEN: usize = 32;

/// Checks the options of services.
pub(super) fn lint(config: &CloudConfig) -> Vec<Finding> {
    let coreos = &config.coreos;
    let etcd = coreos.etcd.get().and_then(discovery);
    let etcd2 = coreos.etcd2.get().and_then(discovery);
    etcd.into_iter().chain(etcd2).collect()
}

/// Reports an invalid discovery URL, by which the machines of a cluster find each other. The URL is not printed: an
/// attacker who knows it can join the cluster.
fn discovery<S: Service>(options: &Options<S>) -> Option<Finding> {
    let (_, field) = options.set.iter().find(|(option, _)| option.name == "discovery")?;
    let Some(OptionValue::Text(text)) = field.get() else { return None };
    if is_partly_redacted(text) {
        return None;
    }
    let (what, help) = fault(text.trim())?;
    let message = format!("coreos.{}.discovery {what}; applied anyway", S::TABLE.section);
    Some(Finding::new(&rules::ODD_DISCOVERY, field.span.or(Some(Span::default())), message).help(help))
}

/// Returns the problem of a URL, and the remedy.
fn fault(url: &str) -> Option<(&'static str, &'static str)> {
    const ASK: &str = "get a new URL from https://discovery.etcd.io/new?size=3 for each cluster";
    if url.is_empty() {
        return None;
    }
    let rest = ["https://", "http://"].iter().find_map(|scheme| {
        let head = url.get(..scheme.len())?;
        head.eq_ignore_ascii_case(scheme).then(|| &url[scheme.len()..])
    });
    let Some(rest) = rest else { return Some(("is not an http or https URL", ASK)) };
    if url.contains(['<', '>']) {
        return Some(("contains a placeholder", ASK));
    }
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    if !host.eq_ignore_ascii_case(DISCOVERY) {
        return None;
    }
    if path.starts_with("new") {
        return Some(("is the address that creates discovery URLs, not a discovery URL", ASK));
    }
    let token = path.trim_end_matches('/');
    let whole = token.len() == TOKEN && token.bytes().all(|byte| byte.is_ascii_hexdigit());
    (!whole).then_some(("does not end with a token of 32 hexadecimal digits", ASK))
}

#[cfg(test)]
mod tests {
    use super::fault;

    #[test]
    fn urls_that_cannot_work() {
        for url in [
            "https://discovery.etcd.io/<token>",
            "https://discovery.etcd.io/new?size=3",
            "https://discovery.etcd.io/new",
            "https://discovery.etcd.io/",
            "https://discovery.etcd.io",
            "https://discovery.etcd.io/token",
            "https://discovery.etcd.io/58d1f474291ee69ae9fdd8858210aef",
            "http://10.0.0.1:2379/v2/keys/<token>",
            "discovery.etcd.io/58d1f474291ee69ae9fdd8858210aef7",
            "${discovery}",
        ] {
            assert!(fault(url).is_some(), "{url}");
        }
        for url in [
            "",
            "https://discovery.etcd.io/58d1f474291ee69ae9fdd8858210aef7",
            "https://discovery.etcd.io/58d1f474291ee69ae9fdd8858210aef7/",
            "http://discovery.etcd.io/00000000000000000000000000000000",
            "http://10.0.0.1:2379/v2/keys/token",
            "HTTPS://cluster.example.com/anything",
        ] {
            assert!(fault(url).is_none(), "{url}");
        }
    }
}
