//! `--from-nocloud`: user-data and metadata in a directory, a mounted drive or a seed (docs/datasources.md).
//!
//! `seed` finds a seed; `line` parses the kernel command line and the serial number.

mod line;
mod seed;

use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow};
use rustix::fs::StatVfsMountFlags;

use cloud_config::network::{Format, NetworkData};
use cloud_config::text::Lines;
use cloud_config::text::secret::Secret;
use cloud_config::yaml::{self, Node};

use super::{Availability, Context, Datasource, MetaData, files};
use crate::deadline::Limits;
use crate::http::{self, BadUrl, Error, HostPolicy, Method, Request, Url};
use line::Line;
pub use seed::NoCloudSeed;

const USER_DATA: &str = "user-data";
const META_DATA: &str = "meta-data";
const NETWORK_CONFIG: &str = "network-config";
/// The platform's own configuration, for cloud-init: its modules differ from platform to platform.
const VENDOR_DATA: &str = "vendor-data";

/// The largest number of keys that are read.
const KEYS_MAX: usize = 1000;

/// The place of the files.
enum Place {
    Directory(PathBuf),
    /// The start of each file's URL. It may have credentials.
    Url(Secret<String>),
}

/// A drive or a seed.
pub struct NoCloud {
    place: Place,
}

impl NoCloud {
    /// The directory, such as the one at which a drive is mounted.
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self { place: Place::Directory(directory.into()) }
    }

    /// The path or the URL of a file, without credentials.
    fn display(&self, name: &str) -> String {
        match &self.place {
            Place::Directory(directory) => directory.join(name).display().to_string(),
            Place::Url(base) => url(base, name).map_or_else(|_| name.to_owned(), |url| url.to_string()),
        }
    }

    /// Reads a file; an empty one counts as missing.
    fn read(&self, name: &str, cx: &Context<'_>) -> Result<Option<Vec<u8>>> {
        let bytes = match &self.place {
            Place::Directory(directory) => files::read_beneath(directory, &directory.join(name), cx)?,
            Place::Url(base) => {
                // One hanging file leaves time for the others.
                let limits = if name == USER_DATA { cx.limits() } else { cx.limits().half() };
                match fetch(base, name, &cx.setup.policy.http, limits) {
                    Err(Error::NotThere(_)) => None,
                    fetched => {
                        Some(fetched.map_err(|error| anyhow!("failed to fetch {}: {error}", self.display(name)))?)
                    }
                }
            }
        };
        let bytes = bytes.filter(|bytes| !bytes.is_empty());
        if bytes.is_none() && name != VENDOR_DATA {
            log::info!("{} does not exist or is empty", self.display(name));
        }
        Ok(bytes)
    }

    /// Reports files with one of `names` in place of `name`.
    fn report_misnamed(&self, names: &[&str], name: &str) {
        let Place::Directory(directory) = &self.place else { return };
        for misnamed in names.iter().map(|misnamed| directory.join(misnamed)) {
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
        self.display(USER_DATA)
    }

    fn probe(&self, cx: &Context<'_>) -> Availability {
        match &self.place {
            Place::Directory(directory) => probe_directory(directory),
            Place::Url(base) => probe_url(base, cx),
        }
    }

    fn meta_data(&self, cx: &Context<'_>) -> MetaData {
        let mut meta = MetaData::default();
        let mut interfaces = None;
        match self.read(META_DATA, cx) {
            Ok(Some(bytes)) => interfaces = read(&bytes, &self.display(META_DATA), &mut meta),
            Ok(None) => {
                self.report_misnamed(&["metadata", "meta_data", "meta-data.yaml", "meta-data.yml"], META_DATA);
            }
            Err(error) => meta.fail(format!("{error:#}")),
        }
        match self.network(interfaces, cx) {
            Ok(network) => meta.network = network,
            Err(error) => meta.fail(format!("{error:#}")),
        }
        if matches!(self.place, Place::Directory(_))
            && let Ok(Some(_)) = self.read(VENDOR_DATA, cx)
        {
            let vendor = self.display(VENDOR_DATA);
            log::info!("{vendor}: configuration of the platform for cloud-init; not applied");
        }
        if let Some(name) = Line::read(cx).hostname {
            meta.take_hostname(&name);
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

fn probe_directory(directory: &Path) -> Availability {
    let found = files::is_directory(directory);
    let names = [USER_DATA, META_DATA, NETWORK_CONFIG];
    if found != Availability::Here
        || names.iter().any(|name| files::exists(&directory.join(name)) == Availability::Here)
    {
        return found;
    }
    let why = format!("{} has no user-data, meta-data or network-config", directory.display());
    // A mounted drive gets no files later.
    let is_read_only = rustix::fs::statvfs(directory).is_ok_and(|fs| fs.f_flag.contains(StatVfsMountFlags::RDONLY));
    if is_read_only { Availability::Never(why) } else { Availability::NotYet(why) }
}

/// Requests the files that a seed usually has until one exists.
fn probe_url(base: &Secret<String>, cx: &Context<'_>) -> Availability {
    let mut reasons = Vec::new();
    let mut is_final = true;
    for name in [META_DATA, USER_DATA] {
        match fetch(base, name, &cx.setup.policy.http.once(), cx.limits()) {
            Ok(_) => return Availability::Here,
            Err(error) => {
                is_final &= !matches!(error, Error::Failed(_));
                let url = url(base, name).map_or_else(|_| name.to_owned(), |url| url.to_string());
                reasons.push(format!("{url}: {error}"));
            }
        }
    }
    let why = reasons.join("; ");
    if is_final { Availability::Never(why) } else { Availability::NotYet(why) }
}

/// The URL of a file. Its name replaces `%s` or follows the base, to which a missing `/` is added unless it has a query.
fn url(base: &Secret<String>, name: &str) -> Result<Url, BadUrl> {
    let base = base.expose();
    let slash = if base.ends_with('/') || base.contains('?') { "" } else { "/" };
    if base.contains("%s") {
        Url::parse(&base.replace("%s", name))
    } else {
        Url::parse(&format!("{base}{slash}{name}"))
    }
}

/// Fetches a file.
fn fetch(base: &Secret<String>, name: &str, policy: &http::RetryPolicy, limits: Limits<'_>) -> Result<Vec<u8>, Error> {
    let url = url(base, name).map_err(|error| Error::Final(error.to_string()))?;
    http::ask(&Request { method: Method::Get, url: &url, headers: &[], hosts: HostPolicy::Anywhere }, policy, limits)
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
