//! `--from-packet-metadata`: the metadata service of Packet, later Equinix Metal (docs/datasources.md).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde_json::{Map, Value};

use super::Addresses;
use super::json::Reader;
use super::json_service::JsonApi;
use super::meta_data::address;
use cloud_config::network::NetworkData;

/// The metadata service of Packet.
pub static API: JsonApi = JsonApi {
    probe: "",
    meta_data: "metadata",
    user_data: "userdata",
    ssh_keys: "ssh_keys",
    network: NetworkData::Packet,
    addresses,
};

/// Reads the last address of each kind. All IPv6 addresses are public.
fn addresses(map: &Map<String, Value>, reader: &mut Reader<'_>, subject: &str) -> Addresses {
    let mut addresses = Addresses::default();
    let listed = map.get("network").and_then(|network| network.get("addresses"));
    for entry in reader.list(listed, "network.addresses") {
        let key = "network.addresses[].address";
        let text = reader.text(entry.get("address"), key).unwrap_or_default();
        let family = reader.number(entry.get("address_family"), "network.addresses[].address_family");
        let public = reader.boolean(entry.get("public"), "network.addresses[].public");
        // Without these fields, the kind of the address is unknown.
        let (Ok(family), Ok(public)) = (family, public) else { continue };
        let (is_v4, is_public) = (family == Some(4), public.unwrap_or_default());
        let subject = format!("{subject}: {key}");
        let found = if is_v4 {
            address::<Ipv4Addr>(text, &subject).map(IpAddr::from)
        } else {
            address::<Ipv6Addr>(text, &subject).map(IpAddr::from)
        };
        if let Some(found) = found {
            addresses.take(found, is_public || !is_v4);
        }
    }
    addresses
}

#[cfg(test)]
mod tests {
    use super::{API, Addresses};

    #[test]
    fn the_last_address_of_a_kind_wins() {
        let text = r#"{"hostname": "metal", "ssh_keys": ["k1"], "network": {"addresses": [
            {"address_family": 4, "public": true, "address": "203.0.113.1"},
            {"address_family": 4, "public": true, "address": "203.0.113.2"},
            {"address_family": 6, "public": false, "address": "fd00::1"},
            {"address_family": 4, "public": false, "address": "10.0.0.1"},
            {"address_family": 4, "address": "10.0.0.2"},
            {"address_family": 4, "public": true, "address": "203.0.113.3x"}]}}"#;
        let meta = API.read(text.as_bytes(), "it");
        let addresses = meta.addresses;
        assert_eq!(addresses.public_v4.unwrap().to_string(), "203.0.113.2");
        assert_eq!(addresses.private_v4.unwrap().to_string(), "10.0.0.2");
        assert_eq!(addresses.public_v6.unwrap().to_string(), "fd00::1", "every IPv6 address counts as public");
        assert_eq!(addresses.private_v6, None);
        assert_eq!((meta.hostname.as_deref(), meta.ssh_keys.len(), meta.failures.len()), (Some("metal"), 1, 0));
    }

    #[test]
    fn an_odd_value_is_skipped_alone() {
        let text = r#"{"hostname": "m", "ssh_keys": {"a": "b"}, "network": {"addresses": [7, {"address": 7}]}}"#;
        let meta = API.read(text.as_bytes(), "it");
        assert_eq!(meta.hostname.as_deref(), Some("m"));
        assert_eq!(
            meta.failures,
            ["it: ssh_keys is not a list; ignored", "it: network.addresses[].address is not a string; ignored"]
        );
        assert!(API.read(br#"{"network": null}"#, "it").failures.is_empty());
    }

    #[test]
    fn the_purpose_of_an_address_is_not_guessed() {
        let text = r#"{"network": {"addresses": [
            {"address_family": 4, "public": "yes", "address": "203.0.113.1"},
            {"address_family": "4", "public": true, "address": "203.0.113.2"}]}}"#;
        let meta = API.read(text.as_bytes(), "it");
        assert_eq!(meta.addresses, Addresses::default());
        let wrong = [
            "it: network.addresses[].public is not a boolean; ignored",
            "it: network.addresses[].address_family is not an integer; ignored",
        ];
        assert_eq!(meta.failures, wrong);
    }
}
