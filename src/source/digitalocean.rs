//! `--from-digitalocean-metadata`: the metadata service of DigitalOcean (docs/datasources.md).

use std::ffi::OsStr;
use std::net::{Ipv4Addr, Ipv6Addr};

use anyhow::Result;

use super::json::{self, Reader};
use super::meta_data::address;
use super::service::Service;
use cloud_config::network::{Format, NetworkData};

use super::{Availability, Context, Datasource, MetaData};

const API: &str = "metadata/v1";
const META_DATA: &str = "metadata/v1.json";
const USER_DATA: &str = "metadata/v1/user-data";

/// The metadata service of DigitalOcean.
pub struct DigitalOcean {
    service: Service,
}

impl DigitalOcean {
    /// The service at this base address.
    pub fn new(base: &OsStr) -> Self {
        Self { service: Service::new(base, Vec::new()) }
    }
}

impl Datasource for DigitalOcean {
    fn name(&self) -> String {
        self.service.display_url(USER_DATA)
    }

    fn probe(&self, cx: &Context<'_>) -> Availability {
        self.service.probe(API, &[], cx)
    }

    fn meta_data(&self, cx: &Context<'_>) -> MetaData {
        self.service.document(META_DATA, cx, |body, what| {
            let meta = read(&body, what);
            let network = (cx.setup.network == Some(Format::DigitalOcean)).then_some(NetworkData::DigitalOcean(body));
            MetaData { network, ..meta }
        })
    }

    fn user_data(&self, cx: &Context<'_>) -> Result<Vec<u8>> {
        self.service.user_data(USER_DATA, cx)
    }
}

/// Reads `metadata/v1.json`.
fn read(body: &[u8], what: &str) -> MetaData {
    let map = match json::object(body, what) {
        Ok(map) => map,
        Err(error) => return MetaData::failed(format!("{error:#}")),
    };
    let mut meta = MetaData::default();
    let mut reader = Reader::new(what);
    meta.take_hostname(reader.text(map.get("hostname"), "hostname").unwrap_or_default());
    for key in reader.texts(map.get("public_keys"), "public_keys") {
        meta.take_key(key);
    }
    for (kind, public) in [("public", true), ("private", false)] {
        let interfaces = map.get("interfaces").and_then(|interfaces| interfaces.get(kind));
        let Some(first) = reader.list(interfaces, &format!("interfaces.{kind}")).first() else { continue };
        let mut text = |family: &str| {
            let value = first.get(family).and_then(|family| family.get("ip_address"));
            let key = format!("interfaces.{kind}[0].{family}.ip_address");
            let text = reader.text(value, &key).unwrap_or_default();
            (text, format!("{what}: {key}"))
        };
        let (v4, what_v4) = text("ipv4");
        let (v6, what_v6) = text("ipv6");
        if let Some(found) = address::<Ipv4Addr>(v4, &what_v4) {
            meta.addresses.take(found.into(), public);
        }
        if let Some(found) = address::<Ipv6Addr>(v6, &what_v6) {
            meta.addresses.take(found.into(), public);
        }
    }
    meta.failures.append(&mut reader.failures);
    meta
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_interfaces_count() {
        let text = r#"{"hostname": "web", "public_keys": ["k1", "k2"], "interfaces": {
            "public": [{"ipv4": {"ip_address": "203.0.113.9"}, "ipv6": {"ip_address": "2001:DB8::1"}},
                       {"ipv4": {"ip_address": "203.0.113.10"}}],
            "private": [{"ipv4": {"ip_address": "10.0.0.4"}}]}}"#;
        let meta = read(text.as_bytes(), "it");
        assert_eq!(meta.hostname.as_deref(), Some("web"));
        assert_eq!(meta.ssh_keys, ["k1", "k2"]);
        let addresses = meta.addresses;
        assert_eq!(addresses.public_v4.unwrap().to_string(), "203.0.113.9");
        assert_eq!(addresses.public_v6.unwrap().to_string(), "2001:db8::1");
        assert_eq!(addresses.private_v4.unwrap().to_string(), "10.0.0.4");
        assert_eq!((addresses.private_v6, meta.failures.len()), (None, 0));
    }

    #[test]
    fn what_is_odd_costs_itself() {
        let text = r#"{"hostname": 7, "public_keys": "", "interfaces": {"public": {"ipv4": 1},
            "private": [{"ipv4": {"ip_address": "10.0.0.4 \n#evil"}, "ipv6": {"ip_address": ["x"]}}]}}"#;
        let meta = read(text.as_bytes(), "it");
        assert_eq!(meta.addresses, super::super::Addresses::default());
        assert!(meta.ssh_keys.is_empty(), "DigitalOcean says so where there are none");
        assert_eq!(
            meta.failures,
            [
                "it: hostname is no text",
                "it: interfaces.public is no list",
                "it: interfaces.private[0].ipv6.ip_address is no text"
            ]
        );
        assert!(read(b"[]", "it").failures[0].contains("no JSON object"));
        assert!(read(br#"{"interfaces": {"public": [7]}}"#, "it").failures.is_empty());
    }
}
