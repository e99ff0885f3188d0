//! `digitalocean`: the JSON of the metadata service. Interfaces are matched by their hardware addresses.

use core::net::IpAddr;

use serde_json::Value;

use crate::diagnostic::{Findings, rules};

use super::interface::{Interface, InterfaceKind, Match, Setup};
use super::names::Mac;
use super::stack::{Draft, stack};
use super::{Conversion, address, json};

/// The keys of an interface that are read.
const INTERFACE: [&str; 4] = ["mac", "ipv4", "ipv6", "anchor_ipv4"];

/// Converts the JSON of the metadata service.
pub fn convert(bytes: &[u8]) -> Conversion {
    let mut findings = Findings::default();
    let drafts = json::read(bytes, &mut findings).map(|value| drafts(&value, &mut findings));
    let interfaces = stack(drafts.unwrap_or_default(), &mut findings);
    Conversion::new(interfaces, findings)
}

/// Creates the public interfaces, then the private ones, which get neither default routes nor name servers.
fn drafts(value: &Value, findings: &mut Findings) -> Vec<Draft> {
    let none = Value::Null;
    if let Some(dns) = value.get("dns") {
        json::report_unknown(dns, &["nameservers"], &[], "dns", findings);
    }
    let servers = json::list(value.get("dns").unwrap_or(&none), "nameservers", findings);
    let dns = json::dns(servers, json::words, "dns", findings);
    let interfaces = value.get("interfaces").unwrap_or(&none);
    if !interfaces.is_null() && !interfaces.is_object() {
        findings.report(
            &rules::BAD_NETWORK,
            None,
            "interfaces",
            "no object with the lists `public` and `private`; ignored",
        );
    }
    json::report_unknown(interfaces, &["public", "private"], &[], "interfaces", findings);
    let mut drafts = Vec::new();
    for (kind, is_public) in [("public", true), ("private", false)] {
        for (at, entry) in json::list(interfaces, kind, findings).iter().enumerate() {
            let subject = format!("interfaces.{kind}[{at}]");
            json::report_unknown(entry, &INTERFACE, &["type"], &subject, findings);
            let Some(mac) = json::text(entry, "mac").and_then(|mac| Mac::new(&mac)) else {
                let message = "invalid hardware address in `mac`; interface skipped";
                findings.report(&rules::BAD_INTERFACE, None, &subject, message);
                continue;
            };
            let dns = if is_public { dns.clone() } else { Vec::new() };
            let Some(setup) = setup(entry, is_public, dns, &subject, findings) else {
                findings.report(&rules::BAD_INTERFACE, None, &subject, "no valid address; interface skipped");
                continue;
            };
            let interface = Interface { setup, ..Interface::new(Match::Mac(mac), InterfaceKind::Physical) };
            drafts.push(Draft::new(interface, None));
        }
    }
    drafts
}

/// Returns the settings of an interface; `None` if all its addresses are invalid: the defaults of the image are then
/// better than a file without addresses.
fn setup(entry: &Value, is_public: bool, dns: Vec<IpAddr>, subject: &str, findings: &mut Findings) -> Option<Setup> {
    let mut setup = Setup { dns, ..Setup::default() };
    let mut is_bad = false;
    for (family, mask, has_gateway) in
        [("ipv4", "netmask", is_public), ("ipv6", "cidr", is_public), ("anchor_ipv4", "netmask", false)]
    {
        let Some(block) = entry.get(family) else { continue };
        json::report_unknown(block, &["ip_address", mask, "gateway"], &[], &format!("{subject}.{family}"), findings);
        let Some(text) = json::text(block, "ip_address") else { continue };
        let Some(own) = address::interface(&text, json::text(block, mask).as_deref()) else {
            is_bad = true;
            let message = format!("invalid address or mask in `{family}`; address skipped");
            findings.report(&rules::BAD_NETWORK_VALUE, None, subject, message);
            continue;
        };
        setup.addresses.push(own);
        if !has_gateway {
            continue;
        }
        let gateway = json::text(block, "gateway").and_then(|gateway| address::host(&gateway));
        let Some(gateway) = gateway.filter(|gateway| gateway.is_ipv4() == own.addr().is_ipv4()) else {
            let message = format!("invalid `gateway` in `{family}`; default route skipped");
            findings.report(&rules::BAD_NETWORK_VALUE, None, subject, message);
            continue;
        };
        setup.routes.push(address::default_route(gateway));
    }
    (!is_bad || !setup.addresses.is_empty()).then_some(setup)
}
