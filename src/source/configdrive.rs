//! `--from-configdrive`: a folder in which a config drive of OpenStack is mounted (spec §10).

use std::path::{Component, Path, PathBuf};

use anyhow::Result;

use super::json::{self, Reader};
use super::{Availability, Context, Datasource, Format, MetaData, NetworkData, files};

/// A config drive.
pub struct ConfigDrive {
    folder: PathBuf,
}

impl ConfigDrive {
    /// The folder that it is mounted at.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    fn openstack(&self) -> PathBuf {
        self.folder.join("openstack")
    }

    fn latest(&self, name: &str) -> PathBuf {
        self.openstack().join("latest").join(name)
    }

    /// The network description that is wanted, where the drive has one.
    fn network(&self, content_path: Option<&str>, cx: &Context<'_>) -> Result<Option<NetworkData>> {
        // An empty file says as little as none.
        let is_text = |bytes: &Vec<u8>| !bytes.is_empty();
        Ok(match (cx.setup.network, content_path) {
            (Some(Format::Debian), Some(path)) => {
                let path = beneath(&self.openstack(), path);
                let bytes = files::read_beneath(&self.folder, &path, cx)?;
                if bytes.is_none() {
                    log::warn!("{} is named as the network configuration, and does not exist", path.display());
                }
                bytes.filter(is_text).map(NetworkData::Debian)
            }
            (Some(Format::OpenStack), _) => {
                let bytes = files::read_beneath(&self.folder, &self.latest("network_data.json"), cx)?;
                bytes.filter(is_text).map(NetworkData::OpenStack)
            }
            _ => None,
        })
    }
}

impl Datasource for ConfigDrive {
    fn name(&self) -> String {
        self.latest("user_data").display().to_string()
    }

    fn probe(&self, _: &Context<'_>) -> Availability {
        files::is_folder(&self.folder)
    }

    fn meta_data(&self, cx: &Context<'_>) -> MetaData {
        let path = self.latest("meta_data.json");
        let what = path.display().to_string();
        let mut reader = Reader::new(&what);
        let mut meta = MetaData::default();
        let document = files::read_beneath(&self.folder, &path, cx).and_then(|bytes| match bytes {
            Some(bytes) if !bytes.is_empty() => json::object(&bytes, &what).map(Some),
            _ => Ok(None),
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
        match self.network(content_path, cx) {
            Ok(network) => meta.network = network,
            Err(error) => meta.fail(format!("{error:#}")),
        }
        meta.failures.append(&mut reader.failures);
        meta
    }

    fn user_data(&self, cx: &Context<'_>) -> Result<Vec<u8>> {
        Ok(files::read_beneath(&self.folder, &self.latest("user_data"), cx)?.unwrap_or_default())
    }
}

/// `path` beneath `folder`: no `..` leads out of it.
fn beneath(folder: &Path, path: &str) -> PathBuf {
    let mut out = Vec::new();
    for component in Path::new(path).components() {
        match component {
            Component::Normal(name) => out.push(name),
            Component::ParentDir => drop(out.pop()),
            _ => {}
        }
    }
    folder.join(out.into_iter().collect::<PathBuf>())
}

#[cfg(test)]
mod tests {
    use super::*;

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
