//! Metadata services that a row of a table describes: paths, headers, the fields of documents, encodings
//! (docs/datasources.md).

mod fields;
pub mod rows;

use std::borrow::Cow;
use std::ffi::OsStr;
use std::net::IpAddr;
use std::sync::OnceLock;

use anyhow::{Result, bail};
use serde_json::Value;

use super::json::Reader;
use super::meta_data::address;
use super::platform::Platform;
use super::session::{Session, TokenApi};
use super::{Addresses, Availability, Context, Datasource, MetaData, configdrive};
use cloud_config::network::{Format, NetworkData};
use cloud_config::text::decode;

/// The version that the paths of a row contain.
const LATEST: &str = "latest";
/// The media type of JSON.
const JSON: &str = "application/json";

/// A row: the layout of one platform's service. All paths are below the base URL.
pub struct Api {
    /// The platform, on whose machines it is requested.
    pub platform: Platform,
    /// The request for a session token, if the service has them.
    pub token: Option<TokenApi>,
    /// The headers of every request.
    pub headers: &'static [(&'static str, &'static str)],
    /// The directory with versions of the paths below it: a date is used if it has no `latest`.
    pub versions: Option<&'static str>,
    /// The path to probe.
    pub probe: &'static str,
    /// The documents with metadata. The first address of each kind counts.
    pub documents: &'static [Document],
    /// The user-data.
    pub user_data: UserData,
}

/// A document with metadata.
pub struct Document {
    /// Its path.
    pub path: &'static str,
    /// Its format.
    pub format: DocumentFormat,
    /// The fields to read, by their paths in the document; the path of the whole text is empty.
    pub fields: &'static [(Field, &'static str)],
}

/// The format of a document.
#[derive(Clone, Copy)]
pub enum DocumentFormat {
    /// JSON.
    Json,
    /// YAML.
    Yaml,
    /// One value.
    Text,
    /// A list of SSH keys, each of which is an attribute below it.
    KeyList,
    /// A network description, which is fetched if `--convert-netconf` names its format.
    Network(Format, fn(Vec<u8>) -> NetworkData),
}

/// The meaning of a field.
#[derive(Clone, Copy)]
pub enum Field {
    /// The host name.
    Hostname,
    /// SSH keys: a string, a list, or a mapping of names to strings or lists.
    Keys,
    /// A public address of either family.
    Public,
    /// A public IPv6 address; other addresses are ignored.
    PublicV6,
    /// A private address of either family.
    Private,
    /// A network configuration of cloud-init.
    NetworkConfig,
}

/// The place of the user-data.
pub struct UserData {
    /// The path of the user-data, or of the JSON document with it.
    pub path: &'static str,
    /// The path of the field in that document; empty if the user-data is the whole body.
    pub field: &'static str,
    /// Its encoding.
    pub encoding: Encoding,
}

/// The encoding of user-data.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// None.
    Plain,
    /// Base64; anything else is a failure.
    Base64,
    /// Base64, if it decodes to text or to gzip.
    MaybeBase64,
}

/// The service of a row at one base URL.
pub struct MetadataService {
    api: &'static Api,
    session: Session,
    /// The version that is used instead of `latest`.
    version: OnceLock<String>,
}

impl MetadataService {
    /// The service at this base URL.
    pub fn new(api: &'static Api, base: &OsStr) -> Self {
        Self { api, session: Session::new(base, api.headers, api.token.as_ref()), version: OnceLock::new() }
    }

    /// The path in the version that is used.
    fn path(&self, path: &'static str) -> Cow<'static, str> {
        match (self.api.versions, self.version.get()) {
            (Some(directory), Some(version)) if path.starts_with(directory) => path.replacen(LATEST, version, 1).into(),
            _ => path.into(),
        }
    }

    /// Selects the newest version of a list without `latest`.
    fn select_version(&self, list: &[u8]) {
        let list = String::from_utf8_lossy(list);
        let names = || list.lines().map(|line| line.trim().trim_end_matches('/'));
        let newest = names().filter(|name| configdrive::is_date(name)).max();
        if let Some(newest) = newest.filter(|_| names().all(|name| name != LATEST)) {
            let _ = self.version.set(newest.to_owned());
        }
    }

    /// Reads the body of a document; `what` is its name in messages.
    fn read(document: &Document, body: Vec<u8>, what: &str, meta: &mut MetaData, cx: &Context<'_>) {
        let root = match document.format {
            DocumentFormat::Text | DocumentFormat::KeyList => Value::String(String::from_utf8_lossy(&body).into()),
            DocumentFormat::Network(_, network) => return meta.network = Some(network(body)),
            DocumentFormat::Json => match fields::json(&body, what) {
                Ok(root) => root,
                Err(error) => return meta.fail(format!("{error:#}")),
            },
            DocumentFormat::Yaml => {
                let (root, error) = fields::yaml(&body, what);
                meta.failures.extend(error);
                root
            }
        };
        let is_list = document.fields.iter().any(|(_, path)| path.starts_with('['));
        let is_expected = match &root {
            Value::Null => true,
            Value::String(_) => matches!(document.format, DocumentFormat::Text),
            Value::Array(_) => is_list,
            Value::Object(_) => !is_list,
            Value::Bool(_) | Value::Number(_) => false,
        };
        if !is_expected {
            return meta.fail(format!("failed to read {what}: not a {}", if is_list { "list" } else { "mapping" }));
        }
        let mut reader = Reader::new(what);
        for (field, path) in document.fields {
            for value in fields::pick(&root, path, &mut reader) {
                read_field(*field, value, path, &mut reader, what, meta, cx);
            }
        }
        meta.failures.append(&mut reader.failures);
    }
}

fn read_field(
    field: Field,
    value: &Value,
    path: &str,
    reader: &mut Reader<'_>,
    what: &str,
    meta: &mut MetaData,
    cx: &Context<'_>,
) {
    match field {
        Field::Hostname => {
            let name = reader.text(Some(value), path).unwrap_or_default();
            meta.take_hostname(name.trim_start().lines().next().unwrap_or_default());
        }
        Field::Keys => fields::keys(value, path, reader).into_iter().for_each(|key| meta.take_key(key)),
        Field::NetworkConfig if cx.setup.network == Some(Format::NetworkConfig) => {
            meta.network = Some(NetworkData::NetworkConfig(value.to_string().into_bytes()));
        }
        Field::NetworkConfig => {}
        Field::Public | Field::PublicV6 | Field::Private => {
            let text = reader.text(Some(value), path).unwrap_or_default().trim();
            let text = text.split_once('/').map_or(text, |(address, _)| address);
            let subject = if path.is_empty() { what.to_owned() } else { format!("{what}: {path}") };
            let found = address::<IpAddr>(text, &subject);
            if let Some(found) = found.filter(|found| found.is_ipv6() || !matches!(field, Field::PublicV6)) {
                take_first(&mut meta.addresses, found, !matches!(field, Field::Private));
            }
        }
    }
}

/// Takes an address, unless there is one of its kind.
fn take_first(addresses: &mut Addresses, address: IpAddr, public: bool) {
    let is_known = match (address, public) {
        (IpAddr::V4(_), true) => addresses.public_v4.is_some(),
        (IpAddr::V4(_), false) => addresses.private_v4.is_some(),
        (IpAddr::V6(_), true) => addresses.public_v6.is_some(),
        (IpAddr::V6(_), false) => addresses.private_v6.is_some(),
    };
    if !is_known {
        addresses.take(address, public);
    }
}

impl Datasource for MetadataService {
    fn name(&self) -> String {
        self.session.display_url(&self.path(self.api.user_data.path))
    }

    fn probe(&self, cx: &Context<'_>) -> Availability {
        if let Some(reason) = self.api.platform.mismatch(&self.session.display_url(""), cx) {
            let reason = format!("{}: {reason}", self.name());
            log::info!("{reason}");
            return Availability::Never(reason);
        }
        match self.session.probe(self.api.probe, cx) {
            Ok(body) => {
                if self.api.versions.is_some() {
                    self.select_version(&body);
                }
                Availability::Here
            }
            Err(unavailable) => unavailable,
        }
    }

    fn meta_data(&self, cx: &Context<'_>) -> MetaData {
        let mut meta = MetaData::default();
        for document in self.api.documents {
            let path = self.path(document.path);
            let accept = match document.format {
                DocumentFormat::KeyList => {
                    self.session.keys(&path, &mut meta, cx);
                    continue;
                }
                DocumentFormat::Network(format, _) if cx.setup.network != Some(format) => continue,
                DocumentFormat::Json => Some(JSON),
                _ => None,
            };
            match self.session.attribute(&path, accept, cx) {
                Ok(Some(body)) if !body.is_empty() => {
                    Self::read(document, body, &self.session.display_url(&path), &mut meta, cx);
                }
                Ok(_) => {}
                Err(error) => meta.fail(format!("{error:#}")),
            }
        }
        meta
    }

    fn user_data(&self, cx: &Context<'_>) -> Result<Vec<u8>> {
        let UserData { path, field, encoding } = self.api.user_data;
        self.session.final_request();
        let path = self.path(path);
        let accept = (!field.is_empty()).then_some(JSON);
        let body = self.session.attribute(&path, accept, cx)?.unwrap_or_default();
        let what = self.session.display_url(&path);
        let bytes = if field.is_empty() { body } else { user_data_of(&body, field, &what)? };
        decoded(bytes, encoding, &what)
    }
}

/// The user-data in a field of a JSON document; empty if the field is missing, null, or an empty list.
fn user_data_of(body: &[u8], field: &str, what: &str) -> Result<Vec<u8>> {
    if body.is_empty() {
        return Ok(Vec::new());
    }
    let root = fields::json(body, what)?;
    let mut reader = Reader::new(what);
    match fields::pick(&root, field, &mut reader).first() {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::String(text)) => Ok(text.clone().into_bytes()),
        Some(Value::Array(items)) if items.is_empty() => Ok(Vec::new()),
        Some(_) => bail!("{what}: {field} is not a string"),
    }
}

fn decoded(bytes: Vec<u8>, encoding: Encoding, what: &str) -> Result<Vec<u8>> {
    if encoding == Encoding::Plain || bytes.trim_ascii().is_empty() {
        return Ok(bytes);
    }
    match (decode::unbase64(&bytes), encoding) {
        (Ok(decoded), Encoding::Base64) => Ok(decoded),
        (Ok(decoded), _) if str::from_utf8(&decoded).is_ok() || decoded.starts_with(&[0x1f, 0x8b]) => {
            log::info!("{what}: decoded from base64");
            Ok(decoded)
        }
        (Err(error), Encoding::Base64) => bail!("failed to decode the user-data of {what}: {error}"),
        _ => Ok(bytes),
    }
}
