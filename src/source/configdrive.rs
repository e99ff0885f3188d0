//! `--from-configdrive`: the directory at which a config drive of OpenStack is mounted (docs/datasources.md).

use std::path::{Component, Path, PathBuf};
use std::sync::OnceLock;

use anyhow::{Result, bail};

use super::json::{self, Reader};
use cloud_config::network::{Format, NetworkData};

use super::{Availability, Context, Datasource, MetaData, files};
use cloud_config::text::printable;

/// The preferred version of the layout.
const LATEST: &str = "latest";
/// The files of a version. A directory with none of them is not a version.
const FILES: [&str; 3] = ["meta_data.json", "user_data", "network_data.json"];
/// The paths of user-data in other layouts, for the error message.
const ELSEWHERE: [&str; 4] = ["user-data", "user_data", "ec2/latest/user-data", "cloudstack/userdata/user_data.txt"];
/// The largest number of names in an error.
const NAMES_MAX: usize = 8;

/// A config drive.
pub struct ConfigDrive {
    directory: PathBuf,
    /// The chosen directory below `openstack/`, once it is known.
    version: OnceLock<String>,
}

impl ConfigDrive {
    /// Creates the source for the directory at which the drive is mounted.
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self { directory: directory.into(), version: OnceLock::new() }
    }

    fn openstack(&self) -> PathBuf {
        self.directory.join("openstack")
    }

    fn file(&self, version: &str, name: &str) -> PathBuf {
        self.openstack().join(version).join(name)
    }

    /// Returns the version to read: `latest`, or the newest date with a readable file.
    ///
    /// # Errors
    ///
    /// The drive has no version. The error names the entries of the drive.
    fn version(&self, cx: &Context<'_>) -> Result<&str> {
        if let Some(version) = self.version.get() {
            return Ok(version);
        }
        // An unreadable `latest` is also chosen, so that reading it fails with the reason.
        let is_there = |name: &&str| !matches!(self.read(LATEST, name, cx), Ok(None));
        if FILES.iter().any(is_there) || self.has_misnamed(LATEST, cx) {
            return Ok(self.version.get_or_init(|| LATEST.to_owned()));
        }
        let entries = files::list_beneath(&self.directory, &self.openstack(), cx)?.unwrap_or_default();
        let mut dates: Vec<_> =
            entries.iter().map(|name| name.trim_end_matches('/')).filter(|name| is_date(name)).collect();
        dates.sort_unstable();
        let is_readable = |date: &&&str| {
            FILES.iter().any(|name| matches!(self.read(date, name, cx), Ok(Some(_)))) || self.has_misnamed(date, cx)
        };
        match dates.iter().rev().find(is_readable) {
            Some(date) => Ok(self.version.get_or_init(|| {
                log::info!("{} has no openstack/latest; openstack/{date} is used", self.directory.display());
                (*date).to_owned()
            })),
            None => bail!("{}", self.without_version(&entries, cx)),
        }
    }

    fn read(&self, version: &str, name: &str, cx: &Context<'_>) -> Result<Option<Vec<u8>>> {
        files::read_beneath(&self.directory, &self.file(version, name), cx)
    }

    /// Returns a file of a version with a name like `wanted`, such as `user-data`, `userdata.txt` or `metadata.json`.
    fn misnamed(&self, version: &str, wanted: &str, cx: &Context<'_>) -> Option<String> {
        let names = files::list_beneath(&self.directory, &self.openstack().join(version), cx).ok()??;
        let letters = |name: &str| {
            let letters = name.chars().filter(char::is_ascii_alphanumeric);
            letters.map(|letter| letter.to_ascii_lowercase()).collect::<String>()
        };
        let known = letters(wanted);
        let is_almost = |name: &String| {
            let found = letters(name);
            // `user_data` has no extension, so one with an extension is similar, too.
            let is_same = found == known || wanted == "user_data" && found.starts_with(&known);
            is_same && name != wanted && !name.ends_with('/')
        };
        names.into_iter().find(is_almost)
    }

    /// Returns true if a file of the version has a name like one that is read.
    fn has_misnamed(&self, version: &str, cx: &Context<'_>) -> bool {
        FILES.iter().any(|name| self.misnamed(version, name, cx).is_some())
    }

    /// Describes the failure if a file with a name like `wanted` exists.
    fn misnaming(&self, version: &str, wanted: &str, cx: &Context<'_>) -> Option<String> {
        let found = self.misnamed(version, wanted, cx)?;
        let path = self.file(version, &printable(&found));
        Some(format!("found {}, which must be named {wanted}", path.display()))
    }

    /// Describes why no version was found, with the entries of the drive. `versions` are the entries of `openstack/`.
    fn without_version(&self, versions: &[String], cx: &Context<'_>) -> String {
        let drive = self.directory.display();
        let top = files::list_beneath(&self.directory, &self.directory, cx);
        let top = match top {
            Ok(names) => names.unwrap_or_default(),
            Err(error) => return format!("{error:#}"),
        };
        let is_other = |name: &&String| name.trim_end_matches('/') != "openstack";
        let below = versions.iter().map(|name| format!("openstack/{name}"));
        let mut found: Vec<_> = below.chain(top.iter().filter(is_other).cloned()).collect();
        if found.is_empty() {
            found.extend(top.iter().cloned());
        }
        let wanted = format!("failed to read config drive {drive}: no metadata in openstack/latest or openstack/DATE");
        if found.is_empty() {
            return format!("{wanted}; the directory is empty");
        }
        let more =
            if found.len() > NAMES_MAX { format!(" and {} more", found.len() - NAMES_MAX) } else { String::new() };
        let names: Vec<_> = found.iter().take(NAMES_MAX).map(|name| printable(name)).collect();
        let is_file =
            |path: &&&str| matches!(files::read_beneath(&self.directory, &self.directory.join(path), cx), Ok(Some(_)));
        let help = ELSEWHERE.iter().find(is_file).map_or_else(String::new, |path| {
            format!("; apply its user-data with --from-file={}", self.directory.join(path).display())
        });
        let help = if help.is_empty() { self.layout(&top, cx) } else { help };
        format!("{wanted}; found {} instead{more}{help}", names.join(", "))
    }

    /// Returns the remedy if the layout begins in another directory, or has names in another case. `top` are the
    /// entries of the drive.
    fn layout(&self, top: &[String], cx: &Context<'_>) -> String {
        for name in top.iter().filter_map(|name| name.strip_suffix('/')).take(NAMES_MAX) {
            if name == "openstack" {
                continue;
            }
            if name.eq_ignore_ascii_case("openstack") {
                return format!("; rename {} to openstack", printable(name));
            }
            if name == LATEST || is_date(name) {
                return format!("; put {name} into a directory openstack");
            }
            let below = self.directory.join(name);
            if matches!(files::list_beneath(&self.directory, &below.join("openstack"), cx), Ok(Some(_))) {
                return format!("; the drive is in {0}: use --from-configdrive={0}", below.display());
            }
        }
        String::new()
    }

    /// Reads the requested network description, if the drive has one.
    fn network(&self, version: &str, content_path: Option<&str>, cx: &Context<'_>) -> Result<Option<NetworkData>> {
        // An empty file is treated like a missing one.
        let is_text = |bytes: &Vec<u8>| !bytes.is_empty();
        Ok(match (cx.setup.network, content_path) {
            (Some(Format::Debian), Some(path)) => {
                let path = beneath(&self.openstack(), path);
                let bytes = files::read_beneath(&self.directory, &path, cx)?;
                if bytes.is_none() {
                    bail!("{} does not exist, but the metadata names it as the network configuration", path.display());
                }
                bytes.filter(is_text).map(NetworkData::Debian)
            }
            (Some(Format::OpenStack), _) => {
                let bytes = self.read(version, "network_data.json", cx)?;
                if bytes.is_none()
                    && let Some(found) = self.misnaming(version, "network_data.json", cx)
                {
                    bail!("failed to read the network description: {found}");
                }
                bytes.filter(is_text).map(NetworkData::OpenStack)
            }
            _ => None,
        })
    }
}

impl Datasource for ConfigDrive {
    fn name(&self) -> String {
        let version = self.version.get().map_or(LATEST, String::as_str);
        self.file(version, "user_data").display().to_string()
    }

    fn probe(&self, cx: &Context<'_>) -> Availability {
        let found = files::is_directory(&self.directory);
        if found == Availability::Here {
            // The version is part of the name of the source. If none is found, reading the source fails with the
            // reason.
            let _ = self.version(cx);
        }
        found
    }

    fn meta_data(&self, cx: &Context<'_>) -> MetaData {
        let version = match self.version(cx) {
            Ok(version) => version,
            Err(error) => return MetaData::failed(format!("{error:#}")),
        };
        let path = self.file(version, "meta_data.json");
        let what = path.display().to_string();
        let mut reader = Reader::new(&what);
        let mut meta = MetaData::default();
        let document = files::read_beneath(&self.directory, &path, cx).and_then(|bytes| match bytes {
            Some(bytes) if !bytes.is_empty() => json::object(&bytes, &what).map(Some),
            Some(_) => Ok(None),
            None => match self.misnaming(version, "meta_data.json", cx) {
                Some(found) => bail!("failed to read the metadata: {found}"),
                None => Ok(None),
            },
        });
        let map = match document {
            Ok(map) => map.unwrap_or_default(),
            Err(error) => {
                meta.fail(format!("{error:#}"));
                serde_json::Map::new()
            }
        };
        meta.take_hostname(reader.text(map.get("hostname"), "hostname").unwrap_or_default());
        for key in reader.texts_by_key(map.get("public_keys"), "public_keys") {
            meta.take_key(key);
        }
        let content_path = map.get("network_config").and_then(|config| config.get("content_path"));
        let content_path = reader.text(content_path, "network_config.content_path");
        match self.network(version, content_path, cx) {
            Ok(network) => meta.network = network,
            Err(error) => meta.fail(format!("{error:#}")),
        }
        meta.failures.append(&mut reader.failures);
        meta
    }

    fn user_data(&self, cx: &Context<'_>) -> Result<Vec<u8>> {
        let version = self.version(cx)?;
        if let Some(bytes) = self.read(version, "user_data", cx)? {
            return Ok(bytes);
        }
        if let Some(found) = self.misnaming(version, "user_data", cx) {
            bail!("failed to read the user-data: {found}");
        }
        Ok(Vec::new())
    }
}

/// Returns true if `name` has the form `YYYY-MM-DD`.
pub(super) fn is_date(name: &str) -> bool {
    name.len() == 10
        && name
            .bytes()
            .enumerate()
            .all(|(at, byte)| if matches!(at, 4 | 7) { byte == b'-' } else { byte.is_ascii_digit() })
}

/// Resolves each `..` in `path` by its text and joins the result to `directory`, so that it stays below.
fn beneath(directory: &Path, path: &str) -> PathBuf {
    let mut out = Vec::new();
    for component in Path::new(path).components() {
        match component {
            Component::Normal(name) => out.push(name),
            Component::ParentDir => drop(out.pop()),
            _ => {}
        }
    }
    directory.join(out.into_iter().collect::<PathBuf>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_dates() {
        for (name, is) in [
            ("2018-08-27", true),
            ("2018-8-27", false),
            ("20180827xx", false),
            ("content", false),
            ("2018-08-27~", false),
        ] {
            assert_eq!(is_date(name), is, "{name}");
        }
    }

    #[test]
    fn no_content_path_leads_out_of_the_drive() {
        for (path, wanted) in [
            ("/content/0000", "/x/content/0000"),
            ("content/0000", "/x/content/0000"),
            ("../../etc/shadow", "/x/etc/shadow"),
            ("/content/../../../a", "/x/a"),
        ] {
            assert_eq!(beneath(Path::new("/x"), path), Path::new(wanted));
        }
    }
}
