//! `--from-waagent`: the directory in which Azure's agent leaves the data of the platform (docs/datasources.md).

use std::net::Ipv4Addr;
use std::path::PathBuf;

use anyhow::Result;

use super::meta_data::address;
use super::{Availability, Context, Datasource, MetaData, files, xml};
use cloud_config::text::decode;

/// The directory of the Azure agent.
pub struct Waagent {
    directory: PathBuf,
}

impl Waagent {
    /// Creates the source for the directory, usually `/var/lib/waagent`.
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self { directory: directory.into() }
    }
}

impl Datasource for Waagent {
    fn name(&self) -> String {
        self.directory.join("CustomData").display().to_string()
    }

    fn probe(&self, _: &Context<'_>) -> Availability {
        match files::exists(&self.directory.join("provisioned")) {
            Availability::NotYet(why) => {
                Availability::NotYet(format!("the Azure agent has not provisioned the machine: {why}"))
            }
            other => other,
        }
    }

    fn meta_data(&self, cx: &Context<'_>) -> MetaData {
        let path = self.directory.join("SharedConfig.xml");
        let what = path.display().to_string();
        let meta = files::read_part(&path, cx).and_then(|bytes| match bytes {
            Some(bytes) if !bytes.is_empty() => read(&bytes, &what),
            _ => Ok(MetaData::default()),
        });
        meta.unwrap_or_else(|error| MetaData::failed(format!("{error:#}")))
    }

    fn user_data(&self, cx: &Context<'_>) -> Result<Vec<u8>> {
        let bytes = files::read_part(&self.directory.join("CustomData"), cx)?.unwrap_or_default();
        Ok(plain(bytes))
    }
}

/// Decodes user-data from base64. The agent stores it as Azure sends it, unless `Provisioning.DecodeCustomData` is set.
/// No kind of user-data consists of base64 characters alone.
fn plain(bytes: Vec<u8>) -> Vec<u8> {
    match decode::unbase64(&bytes) {
        Ok(decoded) if !decoded.is_empty() => {
            log::info!("CustomData: decoded from base64");
            decoded
        }
        _ => bytes,
    }
}

/// Reads the addresses in `SharedConfig.xml`, of the instance that the incarnation names.
fn read(bytes: &[u8], what: &str) -> Result<MetaData> {
    let document = xml::parse(xml::text(bytes, what)?, what)?;
    let root = document.root_element();
    let mut meta = MetaData::default();
    let incarnation = xml::children(root, "Incarnation").last();
    let id = incarnation.and_then(|incarnation| xml::attribute(incarnation, "instance")).unwrap_or_default();
    let mut instances = xml::children(root, "Instances").flat_map(|list| xml::children(list, "Instance"));
    let Some(instance) = instances.find(|instance| xml::attribute(*instance, "id").unwrap_or_default() == id) else {
        log::info!("{what}: no instance with the ID of the incarnation; addresses ignored");
        return Ok(meta);
    };
    let private = xml::attribute(instance, "address").unwrap_or_default();
    meta.addresses.private_v4 = address(private, &format!("{what}: the address of the instance"));
    let endpoints = xml::children(instance, "InputEndpoints").flat_map(|list| xml::children(list, "Endpoint"));
    let mut hosts = endpoints.filter_map(|endpoint| host(xml::attribute(endpoint, "loadBalancedPublicAddress")?));
    let public = hosts.next().unwrap_or_default();
    meta.addresses.public_v4 = address::<Ipv4Addr>(public, &format!("{what}: the public address"));
    Ok(meta)
}

/// Removes the port from an address.
fn host(address: &str) -> Option<&str> {
    let (host, port) = address.rsplit_once(':')?;
    (!host.is_empty() && !port.is_empty()).then_some(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(instances: &str) -> String {
        format!(
            "<SharedConfig><Incarnation instance='b'/><Instances><Instance id='a' address='10.0.0.1'/>{instances}\
             </Instances></SharedConfig>"
        )
    }

    #[test]
    fn the_instance_of_the_incarnation_counts() {
        let text = document(
            "<Instance id='b' address='10.0.0.2'><InputEndpoints><Endpoint name='x'/>\
             <Endpoint loadBalancedPublicAddress='203.0.113.9:22'/><Endpoint loadBalancedPublicAddress='203.0.113.8:80'/>\
             </InputEndpoints></Instance>",
        );
        let meta = read(text.as_bytes(), "it").unwrap();
        assert_eq!(meta.addresses.private_v4, Some(Ipv4Addr::new(10, 0, 0, 2)));
        assert_eq!(meta.addresses.public_v4, Some(Ipv4Addr::new(203, 0, 113, 9)));
    }

    #[test]
    fn what_is_missing_or_odd_is_unknown() {
        let nameless = document("<Instance id='b' address='10.0.0.2'/>").replace("<Incarnation instance='b'/>", "");
        for text in [document(""), "<x/>".to_owned(), document("<Instance id='b' address='10.0.0.2 evil'/>"), nameless]
        {
            let meta = read(text.as_bytes(), "it").unwrap();
            assert_eq!((meta.addresses.private_v4, meta.addresses.public_v4), (None, None), "{text}");
            assert!(meta.failures.is_empty());
        }
        assert!(read(b"hunter2", "it").is_err());
    }

    #[test]
    fn user_data_that_the_agent_left_in_base64_is_decoded() {
        let plain = |text: &str| String::from_utf8(plain(text.as_bytes().to_vec())).unwrap();
        assert_eq!(plain("I2Nsb3VkLWNvbmZpZwo=\n"), "#cloud-config\n");
        for text in ["#cloud-config\n", "#!/bin/sh\n", "{\"ignitionVersion\": 1}", "", "\n", "I2Nsb3VkL"] {
            assert_eq!(plain(text), text);
        }
    }
}
