//! `--from-gce-metadata`: the metadata service of Google Compute Engine (docs/datasources.md).

use std::ffi::OsStr;
use std::net::Ipv4Addr;

use anyhow::Result;

use super::meta_data::address;
use super::service::{Service, first_line};
use super::{Availability, Context, Datasource, MetaData};
use cloud_config::text::secret::Secret;

const API: &str = "computeMetadata/v1/";

/// The metadata service of Google Compute Engine.
pub struct Gce {
    service: Service,
}

impl Gce {
    /// Creates the source for the service at this base URL.
    pub fn new(base: &OsStr) -> Self {
        let headers = vec![("Metadata-Flavor", Secret::new("Google".to_owned()))];
        Self { service: Service::new(base, headers) }
    }

    /// Returns the first line of an attribute of the instance; empty if it does not exist.
    fn text(&self, attribute: &str, meta: &mut MetaData, cx: &Context<'_>) -> String {
        match self.service.attribute(&format!("{API}instance/{attribute}"), cx) {
            Ok(body) => body.as_deref().map(first_line).unwrap_or_default(),
            Err(error) => {
                meta.fail(format!("{error:#}"));
                String::new()
            }
        }
    }

    fn address(&self, attribute: &str, meta: &mut MetaData, cx: &Context<'_>) -> Option<Ipv4Addr> {
        let text = self.text(attribute, meta, cx);
        address(&text, &self.service.display_url(&format!("{API}instance/{attribute}")))
    }
}

impl Datasource for Gce {
    fn name(&self) -> String {
        self.service.display_url(&format!("{API}instance/attributes/user-data"))
    }

    fn probe(&self, cx: &Context<'_>) -> Availability {
        self.service.probe(API, &[], cx)
    }

    fn meta_data(&self, cx: &Context<'_>) -> MetaData {
        let mut meta = MetaData::default();
        let hostname = self.text("hostname", &mut meta, cx);
        meta.take_hostname(&hostname);
        meta.addresses.private_v4 = self.address("network-interfaces/0/ip", &mut meta, cx);
        meta.addresses.public_v4 = self.address("network-interfaces/0/access-configs/0/external-ip", &mut meta, cx);
        meta
    }

    fn user_data(&self, cx: &Context<'_>) -> Result<Vec<u8>> {
        self.service.user_data(&format!("{API}instance/attributes/user-data"), cx)
    }
}
