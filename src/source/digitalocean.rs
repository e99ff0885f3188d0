//! `--from-digitalocean-metadata`: the metadata service of DigitalOcean (docs/datasources.md).

use std::net::{Ipv4Addr, Ipv6Addr};

use serde_json::{Map, Value};

use super::Addresses;
use super::json::Reader;
use super::json_service::JsonApi;
use super::meta_data::address;
use cloud_config::network::NetworkData;

/// The metadata service of DigitalOcean.
pub static API: JsonApi = JsonApi {
    probe: "metadata/v1",
    meta_data: "metadata/v1.json",
    user_data: "metadata/v1/user-data",
    ssh_keys: "public_keys",
    network: NetworkData::DigitalOcean,
    addresses,
};

/// Reads the addresses of the first interface of each kind.
fn addresses(map: &Map<String, Value>, reader: &mut Reader<'_>, subject: &str) -> Addresses {
    let mut addresses = Addresses::default();
    for (kind, public) in [("public", true), ("private", false)] {
        let interfaces = map.get("interfaces").and_then(|interfaces| interfaces.get(kind));
        let Some(first) = reader.list(interfaces, &format!("interfaces.{kind}")).first() else { continue };
        let mut text = |family: &str| {
            let value = first.get(family).and_then(|family| family.get("ip_address"));
            let key = format!("interfaces.{kind}[0].{family}.ip_address");
            let text = reader.text(value, &key).unwrap_or_default();
            (text, format!("{subject}: {key}"))
        };
        let (v4, what_v4) = text("ipv4");
        let (v6, what_v6) = text("ipv6");
        if let Some(found) = address::<Ipv4Addr>(v4, &what_v4) {
            addresses.take(found.into(), public);
        }
        if let Some(found) = address::<Ipv6Addr>(v6, &what_v6) {
            addresses.take(found.into(), public);
        }
    }
    addresses
}

#[cfg(test)]
mod tests {
    use super::{API, Addresses};

    #[test]
    fn the_first_interfaces_count() {
        let text = r#"{"hostname": "web", "public_keys": ["k1", "k2"], "interfaces": {
            "public": [{"ipv4": {"ip_address": "203.0.113.9"}, "ipv6": {"ip_address": "2001:DB8::1"}},
                       {"ipv4": {"ip_address": "203.0.113.10"}}],
            "private": [{"ipv4": {"ip_address": "10.0.0.4"}}]}}"#;
        let meta = API.read(text.as_bytes(), "it");
        assert_eq!(meta.hostname.as_deref(), Some("web"));
        assert_eq!(meta.ssh_keys, ["k1", "k2"]);
        let addresses = meta.addresses;
        assert_eq!(addresses.public_v4.unwrap().to_string(), "203.0.113.9");
        assert_eq!(addresses.public_v6.unwrap().to_string(), "2001:db8::1");
        assert_eq!(addresses.private_v4.unwrap().to_string(), "10.0.0.4");
        assert_eq!((addresses.private_v6, meta.failures.len()), (None, 0));
    }

    #[test]
    fn an_odd_value_is_skipped_alone() {
        let text = r#"{"hostname": 7, "public_keys": "", "interfaces": {"public": {"ipv4": 1},
            "private": [{"ipv4": {"ip_address": "10.0.0.4 \n#evil"}, "ipv6": {"ip_address": ["x"]}}]}}"#;
        let meta = API.read(text.as_bytes(), "it");
        assert_eq!(meta.addresses, Addresses::default());
        assert!(meta.ssh_keys.is_empty(), "DigitalOcean says so where there are none");
        assert_eq!(
            meta.failures,
            [
                "it: hostname is not a string; ignored",
                "it: interfaces.public is not a list; ignored",
                "it: interfaces.private[0].ipv6.ip_address is not a string; ignored"
            ]
        );
        assert!(API.read(b"[]", "it").failures[0].contains("not a JSON object"));
        assert!(API.read(br#"{"interfaces": {"public": [7]}}"#, "it").failures.is_empty());
    }
}
