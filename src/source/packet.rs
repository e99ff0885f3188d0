//! `--from-packet-metadata`: the metadata service of Packet, later Equinix Metal (docs/datasources.md).

use std::ffi::OsStr;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use anyhow::Result;

use super::json::{self, Reader};
use super::meta_data::address;
use super::service::Service;
use cloud_config::network::{Format, NetworkData};

use super::{Availability, Context, Datasource, MetaData};

const META_DATA: &str = "metadata";
const USER_DATA: &str = "userdata";

/// The metadata service of Packet.
pub struct Packet {
    service: Service,
}

impl Packet {
    /// The service at this base address.
    pub fn new(base: &OsStr) -> Self {
        Self { service: Service::new(base, Vec::new()) }
    }
}

impl Datasource for Packet {
    fn name(&self) -> String {
        self.service.display_url(USER_DATA)
    }

    fn probe(&self, cx: &Context<'_>) -> Availability {
        self.service.probe("", &[], cx)
    }

    fn meta_data(&self, cx: &Context<'_>) -> MetaData {
        self.service.document(META_DATA, cx, |body, what| {
            let meta = read(&body, what);
            let network = (cx.setup.network == Some(Format::Packet)).then_some(NetworkData::Packet(body));
            MetaData { network, ..meta }
        })
    }

    fn user_data(&self, cx: &Context<'_>) -> Result<Vec<u8>> {
        self.service.user_data(USER_DATA, cx)
    }
}

/// Reads `metadata`. The last address of a kind wins, and every IPv6 one counts as public.
fn read(body: &[u8], what: &str) -> MetaData {
    let map = match json::object(body, what) {
        Ok(map) => map,
        Err(error) => return MetaData::failed(format!("{error:#}")),
    };
    let mut meta = MetaData::default();
    let mut reader = Reader::new(what);
    meta.take_hostname(reader.text(map.get("hostname"), "hostname").unwrap_or_default());
    for key in reader.texts(map.get("ssh_keys"), "ssh_keys") {
        meta.take_key(key);
    }
    let addresses = map.get("network").and_then(|network| network.get("addresses"));
    for entry in reader.list(addresses, "network.addresses") {
        let key = "network.addresses[].address";
        let text = reader.text(entry.get("address"), key).unwrap_or_default();
        let family = reader.number(entry.get("address_family"), "network.addresses[].address_family");
        let public = reader.truth(entry.get("public"), "network.addresses[].public");
        // What such an address is for is not guessed.
        let (Ok(family), Ok(public)) = (family, public) else { continue };
        let (is_v4, is_public) = (family == Some(4), public.unwrap_or_default());
        let what = format!("{what}: {key}");
        let found = if is_v4 {
            address::<Ipv4Addr>(text, &what).map(IpAddr::from)
        } else {
            address::<Ipv6Addr>(text, &what).map(IpAddr::from)
        };
        if let Some(found) = found {
            meta.addresses.take(found, is_public || !is_v4);
        }
    }
    meta.failures.append(&mut reader.failures);
    meta
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_address_of_a_kind_wins() {
        let text = r#"{"hostname": "metal", "ssh_keys": ["k1"], "network": {"addresses": [
            {"address_family": 4, "public": true, "address": "203.0.113.1"},
            {"address_family": 4, "public": true, "address": "203.0.113.2"},
            {"address_family": 6, "public": false, "address": "fd00::1"},
            {"address_family": 4, "public": false, "address": "10.0.0.1"},
            {"address_family": 4, "address": "10.0.0.2"},
            {"address_family": 4, "public": true, "address": "203.0.113.3x"}]}}"#;
        let meta = read(text.as_bytes(), "it");
        let addresses = meta.addresses;
        assert_eq!(addresses.public_v4.unwrap().to_string(), "203.0.113.2");
        assert_eq!(addresses.private_v4.unwrap().to_string(), "10.0.0.2");
        assert_eq!(addresses.public_v6.unwrap().to_string(), "fd00::1", "every IPv6 address counts as public");
        assert_eq!(addresses.private_v6, None);
        assert_eq!((meta.hostname.as_deref(), meta.ssh_keys.len(), meta.failures.len()), (Some("metal"), 1, 0));
    }

    #[test]
    fn what_is_odd_costs_itself() {
        let text = r#"{"hostname": "m", "ssh_keys": {"a": "b"}, "network": {"addresses": [7, {"address": 7}]}}"#;
        let meta = read(text.as_bytes(), "it");
        assert_eq!(meta.hostname.as_deref(), Some("m"));
        assert_eq!(meta.failures, ["it: ssh_keys is no list", "it: network.addresses[].address is no text"]);
        assert!(read(br#"{"network": null}"#, "it").failures.is_empty());
    }

    #[test]
    fn what_an_address_is_for_is_not_guessed() {
        let text = r#"{"network": {"addresses": [
            {"address_family": 4, "public": "yes", "address": "203.0.113.1"},
            {"address_family": "4", "public": true, "address": "203.0.113.2"}]}}"#;
        let meta = read(text.as_bytes(), "it");
        assert_eq!(meta.addresses, super::super::Addresses::default());
        let wrong = [
            "it: network.addresses[].public is neither true nor false",
            "it: network.addresses[].address_family is no whole number",
        ];
        assert_eq!(meta.failures, wrong);
    }
}
