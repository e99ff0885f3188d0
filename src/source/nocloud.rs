//! `--from-nocloud`: a directory with user-data and metadata, a mounted drive or a seed (docs/datasources.md).

use std::path::PathBuf;

use anyhow::Result;

use cloud_config::network::{Format, NetworkData};
use cloud_config::text::Lines;
use cloud_config::yaml::{self, Node};

use super::{Availability, Context, Datasource, MetaData, files};

const USER_DATA: &str = "user-data";
const META_DATA: &str = "meta-data";
const NETWORK_CONFIG: &str = "network-config";
/// The platform's own configuration, for cloud-init: its modules differ from platform to platform.
const VENDOR_DATA: &str = "vendor-data";

/// The largest number of keys that are read.
const KEYS_MAX: usize = 1000;

/// A drive or a seed directory.
pub struct NoCloud {
    directory: PathBuf,
}

impl NoCloud {
    /// The directory, such as the one at which a drive is mounted.
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self { directory: directory.into() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    /// Reads a file; an empty one counts as missing.
    fn read(&self, name: &str, cx: &Context<'_>) -> Result<Option<Vec<u8>>> {
        let bytes = files::read_beneath(&self.directory, &self.path(name), cx)?;
        Ok(bytes.filter(|bytes| !bytes.is_empty()))
    }

    /// Reports files with one of `names` in place of `name`.
    fn report_misnamed(&self, names: &[&str], name: &str) {
        for misnamed in names.iter().map(|misnamed| self.path(misnamed)) {
            if files::exists(&misnamed) == Availability::Here {
                log::warn!("{}: file ignored (its name must be `{name}`)", misnamed.display());
            }
        }
    }

    /// The requested network description, if there is one.
    fn network(&self, interfaces: Option<String>, cx: &Context<'_>) -> Result<Option<NetworkData>> {
        Ok(match cx.setup.network {
            Some(Format::NetworkConfig) => self.read(NETWORK_CONFIG, cx)?.map(NetworkData::NetworkConfig),
            Some(Format::Debian) => interfaces.map(|text| NetworkData::Debian(text.into_bytes())),
            _ => None,
        })
    }
}

impl Datasource for NoCloud {
    fn name(&self) -> String {
        self.path(USER_DATA).display().to_string()
    }

    fn probe(&self, _: &Context<'_>) -> Availability {
        let found = files::is_directory(&self.directory);
        let names = [USER_DATA, META_DATA, NETWORK_CONFIG];
        if found == Availability::Here
            && !names.iter().any(|name| files::exists(&self.path(name)) == Availability::Here)
        {
            let directory = self.directory.display();
            return Availability::NotYet(format!("{directory} has no user-data, meta-data or network-config"));
        }
        found
    }

    fn meta_data(&self, cx: &Context<'_>) -> MetaData {
        let path = self.path(META_DATA);
        let mut meta = MetaData::default();
        let mut interfaces = None;
        match self.read(META_DATA, cx) {
            Ok(Some(bytes)) => interfaces = read(&bytes, &path.display().to_string(), &mut meta),
            Ok(None) => {
                log::info!("{} does not exist or is empty", path.display());
                self.report_misnamed(&["metadata", "meta_data", "meta-data.yaml", "meta-data.yml"], META_DATA);
            }
            Err(error) => meta.fail(format!("{error:#}")),
        }
        match self.network(interfaces, cx) {
            Ok(network) => meta.network = network,
            Err(error) => meta.fail(format!("{error:#}")),
        }
        let vendor = self.path(VENDOR_DATA);
        if let Ok(Some(_)) = self.read(VENDOR_DATA, cx) {
            log::info!("{}: configuration of the platform for cloud-init; not applied", vendor.display());
        }
        meta
    }

    fn user_data(&self, cx: &Context<'_>) -> Result<Vec<u8>> {
        let bytes = self.read(USER_DATA, cx)?;
        if bytes.is_none() {
            self.report_misnamed(&["userdata", "user_data", "user-data.yaml", "user-data.yml"], USER_DATA);
        }
        Ok(bytes.unwrap_or_default())
    }
}

/// Reads `meta-data`, YAML or JSON; returns the text of `network-interfaces`. Failures do not quote the document.
fn read(bytes: &[u8], what: &str, meta: &mut MetaData) -> Option<String> {
    let text = String::from_utf8_lossy(bytes);
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let document = yaml::parse(text, |at| at);
    if let Some(error) = document.error {
        let at = error.span.map_or_else(String::new, |span| {
            let at = Lines::new(text.as_bytes()).start(span);
            format!(" at line {}, column {}", at.line, at.column)
        });
        meta.fail(format!("failed to read {what}: invalid YAML{at}"));
    }
    let root = document.root?;
    let Some(entries) = root.entries() else {
        if !root.is_null() {
            meta.fail(format!("failed to read {what}: not a mapping"));
        }
        return None;
    };
    let value = |key: &str| entries.iter().find(|entry| &*entry.key == key).map(|entry| &*entry.value);
    let mut string = |key: &str| {
        let node = value(key).filter(|node| !node.is_null())?;
        let text = node.text().map(str::to_owned);
        if text.is_none() {
            meta.fail(format!("{what}: {key} is not a string; ignored"));
        }
        text
    };
    let hostname = string("local-hostname").or_else(|| string("hostname"));
    let interfaces = string("network-interfaces");
    meta.take_hostname(&hostname.unwrap_or_default());
    let mut keys = Vec::new();
    let is_valid = value("public-keys").is_none_or(|node| collect_keys(node, &mut keys));
    if !is_valid {
        meta.fail(format!("{what}: public-keys has an entry that is not a string; entry ignored"));
    }
    if keys.len() > KEYS_MAX {
        meta.fail(format!("{what}: public-keys has more than {KEYS_MAX} entries; the rest is skipped"));
    }
    keys.into_iter().take(KEYS_MAX).for_each(|key| meta.take_key(key));
    interfaces.filter(|text| !text.trim().is_empty())
}

/// The keys of `public-keys`: a string, a list, or a mapping of names to strings or lists. Returns false if another
/// value is among them.
fn collect_keys<'a>(node: &'a Node, keys: &mut Vec<&'a str>) -> bool {
    if let Some(text) = node.text() {
        keys.push(text);
        return true;
    }
    let mut is_valid = node.is_null() || node.items().is_some() || node.entries().is_some();
    let values = node.items().unwrap_or_default().iter();
    let named = node.entries().unwrap_or_default().iter().map(|entry| &entry.value);
    for value in values.chain(named).take(KEYS_MAX + 1) {
        // A list below a name. Deeper lists are no keys.
        if let Some(items) = value.items() {
            keys.extend(items.iter().filter_map(|item| item.text()));
            is_valid &= items.iter().all(|item| item.text().is_some());
        } else {
            keys.extend(value.text());
            is_valid &= value.text().is_some() || value.is_null();
        }
    }
    is_valid
}
