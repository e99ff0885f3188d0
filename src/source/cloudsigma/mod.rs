//! `--from-cloudsigma-metadata`: CloudSigma's server context, over a serial line (docs/datasources.md).

mod local;
mod serial;

use std::net::Ipv4Addr;

use anyhow::{Result, bail};
use serde_json::{Map, Value};

use super::json::{self, Reader};
use super::meta_data::address;
use super::{Availability, Context, Datasource, MetaData, files};
use cloud_config::text::decode;
pub use serial::SerialPolicy;

/// The prefix of the product name of the vendor's machines.
const PRODUCT: &str = "CloudSigma";
/// The field of the metadata that holds user-data.
const USER_DATA: &str = "cloudinit-user-data";
/// The names of the requests in the log.
const CONTEXT: &str = "the server context";
const META: &str = "the server context's meta";

/// CloudSigma's server context.
pub struct CloudSigma;

impl Datasource for CloudSigma {
    fn name(&self) -> String {
        "cloudsigma".to_owned()
    }

    fn probe(&self, cx: &Context<'_>) -> Availability {
        let places = &cx.setup.places;
        let product = files::read_part(&places.dmi.join("product_name"), cx).ok().flatten().unwrap_or_default();
        if !product.starts_with(PRODUCT.as_bytes()) {
            return Availability::Never("not a CloudSigma machine".to_owned());
        }
        // Without a DHCP lease, this machine has no address yet, so a lookup by MAC address would fail.
        if places.leases.read_dir().is_ok_and(|mut leases| leases.next().is_some()) {
            Availability::Here
        } else {
            Availability::NotYet(format!("{} has no DHCP lease", places.leases.display()))
        }
    }

    fn meta_data(&self, cx: &Context<'_>) -> MetaData {
        let map = serial::ask(b"", cx).and_then(|answer| json::object(&answer, CONTEXT));
        match map {
            Ok(map) => read(&map, |mac| local::address(mac, &cx.setup.places.interfaces)),
            Err(error) => MetaData::failed(format!("{error:#}")),
        }
    }

    fn user_data(&self, cx: &Context<'_>) -> Result<Vec<u8>> {
        user_data(&json::object(&serial::ask(b"/meta/", cx)?, META)?)
    }
}

/// Reads the context. `local` returns the address of the interface with a MAC address.
fn read(map: &Map<String, Value>, local: impl Fn(&str) -> Option<Ipv4Addr>) -> MetaData {
    let mut meta = MetaData::default();
    let mut reader = Reader::new(CONTEXT);
    let name = reader.text(map.get("name"), "name").or_else(|| reader.text(map.get("uuid"), "uuid"));
    meta.take_hostname(name.unwrap_or_default());
    let key = map.get("meta").and_then(|meta| meta.get("ssh_public_key"));
    meta.take_key(reader.text(key, "meta.ssh_public_key").unwrap_or_default());
    for nic in reader.list(map.get("nics"), "nics") {
        let ip = nic.get("ip_v4_conf").and_then(|conf| conf.get("ip")).and_then(|ip| ip.get("uuid"));
        let public = reader.text(ip, "nics[].ip_v4_conf.ip.uuid").unwrap_or_default();
        if let Some(found) = address(public, "an address of the server context") {
            meta.addresses.public_v4 = Some(found);
        }
        let vlan = nic.get("vlan").and_then(|vlan| vlan.get("uuid"));
        if reader.text(vlan, "nics[].vlan.uuid").is_some() {
            let mac = reader.text(nic.get("mac"), "nics[].mac").unwrap_or_default();
            match local(mac) {
                Some(found) => meta.addresses.private_v4 = Some(found),
                None => log::info!("private network: no IPv4 address on its interface; private address unknown"),
            }
        }
    }
    meta.failures.append(&mut reader.failures);
    meta
}

/// Returns the user-data in the metadata of the context.
fn user_data(map: &Map<String, Value>) -> Result<Vec<u8>> {
    // A delayed response can belong to the previous request, which was for the whole context.
    let map = map.get("meta").and_then(Value::as_object).unwrap_or(map);
    let mut reader = Reader::new(META);
    let text = reader.text(map.get(USER_DATA), USER_DATA).unwrap_or_default();
    let fields = reader.text(map.get("base64_fields"), "base64_fields").unwrap_or_default();
    if !reader.failures.is_empty() {
        bail!("{}", reader.failures.join("; "));
    }
    if !fields.split(',').any(|field| field.trim() == USER_DATA) {
        return Ok(text.as_bytes().to_vec());
    }
    match decode::unbase64(text.as_bytes()) {
        Ok(bytes) => Ok(bytes),
        Err(error) => bail!("failed to decode {USER_DATA} of {CONTEXT}: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(text: &str) -> Map<String, Value> {
        json::object(text.as_bytes(), "it").unwrap()
    }

    #[test]
    fn the_context_names_the_machine_its_key_and_its_addresses() {
        let text = r#"{"name": "web", "uuid": "u", "meta": {"ssh_public_key": "ssh-ed25519 A me"}, "nics": [
            {"ip_v4_conf": {"ip": {"uuid": "203.0.113.9"}}, "vlan": null, "mac": "22:00:00:00:00:01"},
            {"ip_v4_conf": null, "vlan": {"uuid": "v"}, "mac": "22:00:00:00:00:02"}]}"#;
        let meta = read(&map(text), |mac| (mac == "22:00:00:00:00:02").then_some(Ipv4Addr::new(10, 0, 0, 2)));
        assert_eq!(
            (meta.hostname.as_deref(), meta.ssh_keys.as_slice()),
            (Some("web"), &["ssh-ed25519 A me".into()][..])
        );
        assert_eq!(meta.addresses.public_v4, Some(Ipv4Addr::new(203, 0, 113, 9)));
        assert_eq!(meta.addresses.private_v4, Some(Ipv4Addr::new(10, 0, 0, 2)));
        assert!(meta.failures.is_empty());
    }

    #[test]
    fn a_missing_or_odd_value_is_skipped_alone() {
        let meta = read(&map(r#"{"name": "", "uuid": "u", "meta": {"ssh_public_key": ""}}"#), |_| None);
        assert_eq!((meta.hostname.as_deref(), meta.ssh_keys.len()), (Some("u"), 0));
        let odd = r#"{"name": 7, "meta": [], "nics": [3, {"vlan": {"uuid": "v"}}, {"ip_v4_conf": {"ip": {"uuid": "evil"}}}]}"#;
        let meta = read(&map(odd), |_| None);
        assert_eq!(meta.failures, ["the server context: name is not a string; ignored"]);
        assert_eq!(meta.addresses, super::super::Addresses::default());
    }

    #[test]
    fn user_data_is_base64_where_its_field_says_so() {
        for (text, wanted) in [
            (r#"{"cloudinit-user-data": "aGk="}"#, "aGk="),
            (r#"{"base64_fields": "", "cloudinit-user-data": "aGk="}"#, "aGk="),
            (r#"{"base64_fields": "x, cloudinit-user-data,y", "cloudinit-user-data": "aGk="}"#, "hi"),
            (r#"{"name": "web", "meta": {"cloudinit-user-data": "hi"}}"#, "hi"),
            ("{}", ""),
        ] {
            assert_eq!(user_data(&map(text)).unwrap(), wanted.as_bytes(), "{text}");
        }
        let broken = r#"{"base64_fields": "cloudinit-user-data", "cloudinit-user-data": "hunter2!"}"#;
        assert!(!format!("{:#}", user_data(&map(broken)).unwrap_err()).contains("hunter2"));
        assert!(user_data(&map(r#"{"cloudinit-user-data": 7}"#)).is_err());
    }
}
