//! `--from-vmware-ovf-env`: guest variables in an OVF environment document (docs/datasources.md).

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Result, bail};

use super::guestinfo::PREFIX;
use super::variables::{self, Variables};
use crate::source::{Availability, Context, Datasource, MetaData, files, xml};

/// An OVF environment document.
pub struct OvfEnv {
    path: PathBuf,
}

impl OvfEnv {
    /// Creates the source for the document at `path`, usually `/media/ovfenv/ovf-env.xml`.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    fn properties(&self, cx: &Context<'_>) -> Result<Properties> {
        let name = self.name();
        match files::read_part(&self.path, cx)? {
            Some(bytes) => Properties::read(&bytes, &name),
            None => bail!("{name} does not exist"),
        }
    }
}

impl Datasource for OvfEnv {
    fn name(&self) -> String {
        self.path.display().to_string()
    }

    fn probe(&self, _: &Context<'_>) -> Availability {
        files::exists(&self.path)
    }

    fn meta_data(&self, cx: &Context<'_>) -> MetaData {
        match self.properties(cx) {
            Ok(properties) => variables::meta_data(&properties, cx),
            Err(error) => MetaData::failed(format!("{error:#}")),
        }
    }

    fn user_data(&self, cx: &Context<'_>) -> Result<Vec<u8>> {
        variables::user_data(&self.properties(cx)?, cx)
    }
}

/// The properties of an OVF environment document, by their full names.
pub struct Properties(BTreeMap<String, String>);

impl Properties {
    /// Parses a document. `what` is its name in errors. Of two properties with the same name, the last one is used.
    pub fn read(bytes: &[u8], what: &str) -> Result<Self> {
        let document = xml::parse(xml::text(bytes, what)?, what)?;
        let root = document.root_element();
        if root.tag_name().name() != "Environment" {
            bail!("failed to read {what}: not an OVF environment");
        }
        // The sections of other machines of the same group are one level deeper, and are not read.
        let properties = xml::children(root, "PropertySection").flat_map(|section| xml::children(section, "Property"));
        let pairs = properties.filter_map(|property| {
            let value = xml::attribute(property, "value").unwrap_or_default();
            Some((xml::attribute(property, "key")?.to_owned(), value.to_owned()))
        });
        Ok(Self(pairs.collect()))
    }
}

impl Variables for Properties {
    fn get(&self, name: &str) -> Result<Option<Vec<u8>>> {
        Ok(self.0.get(&format!("{PREFIX}{name}")).map(|value| value.clone().into_bytes()))
    }

    fn names(&self) -> Vec<String> {
        self.0.keys().filter_map(|name| Some(name.strip_prefix(PREFIX)?.to_owned())).collect()
    }

    fn misnamed(&self) -> Vec<String> {
        let is_ours = |name: &str| {
            name.strip_prefix(PREFIX).is_some_and(|rest| rest.bytes().all(|byte| !byte.is_ascii_uppercase()))
        };
        let is_set =
            |(name, value): &(&String, &String)| !is_ours(name) && name.len() < 100 && !value.trim().is_empty();
        self.0.iter().filter(is_set).map(|(name, _)| name.clone()).collect()
    }
}
