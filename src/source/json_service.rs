//! Metadata services that return one JSON document with everything except the user-data (docs/datasources.md).

use std::ffi::OsStr;

use anyhow::Result;
use serde_json::{Map, Value};

use super::json::{self, Reader};
use super::service::Service;
use super::{Addresses, Availability, Context, Datasource, MetaData};
use cloud_config::network::NetworkData;

/// A kind of JSON service: its paths, and functions that read its document.
pub struct JsonApi {
    /// The path to probe.
    pub probe: &'static str,
    /// The path of the document.
    pub meta_data: &'static str,
    /// The path of the user-data.
    pub user_data: &'static str,
    /// The key of the list of SSH keys.
    pub ssh_keys: &'static str,
    /// Extracts the network description from the document. It is converted if `--convert-netconf` names its format.
    pub network: fn(Vec<u8>) -> NetworkData,
    /// Reads the addresses. The last argument is the name of the document in messages.
    pub addresses: fn(&Map<String, Value>, &mut Reader<'_>, &str) -> Addresses,
}

impl JsonApi {
    /// Reads everything in the document except the network description. `name` is the name of the document in messages.
    pub fn read(&self, body: &[u8], name: &str) -> MetaData {
        let map = match json::object(body, name) {
            Ok(map) => map,
            Err(error) => return MetaData::failed(format!("{error:#}")),
        };
        let mut meta = MetaData::default();
        let mut reader = Reader::new(name);
        meta.take_hostname(reader.text(map.get("hostname"), "hostname").unwrap_or_default());
        for key in reader.texts(map.get(self.ssh_keys), self.ssh_keys) {
            meta.take_key(key);
        }
        meta.addresses = (self.addresses)(&map, &mut reader, name);
        meta.failures.append(&mut reader.failures);
        meta
    }
}

/// A JSON service at a base URL.
pub struct JsonService {
    api: &'static JsonApi,
    service: Service,
}

impl JsonService {
    /// Creates the source for the service at this base URL.
    pub fn new(api: &'static JsonApi, base: &OsStr) -> Self {
        Self { api, service: Service::new(base, Vec::new()) }
    }
}

impl Datasource for JsonService {
    fn name(&self) -> String {
        self.service.display_url(self.api.user_data)
    }

    fn probe(&self, cx: &Context<'_>) -> Availability {
        self.service.probe(self.api.probe, &[], cx)
    }

    fn meta_data(&self, cx: &Context<'_>) -> MetaData {
        self.service.document(self.api.meta_data, cx, |body, name| {
            let meta = self.api.read(&body, name);
            let network = (self.api.network)(body);
            let is_asked_for = cx.setup.network == Some(network.format());
            MetaData { network: is_asked_for.then_some(network), ..meta }
        })
    }

    fn user_data(&self, cx: &Context<'_>) -> Result<Vec<u8>> {
        self.service.user_data(self.api.user_data, cx)
    }
}
