//! `--from-nocloud-seed`: the seed that the machine names, or a seed directory (docs/datasources.md).

use std::path::PathBuf;

use anyhow::{Result, anyhow};

use super::super::{Availability, Context, Datasource, MetaData};
use super::{Line, NoCloud, Place};
use cloud_config::text::secret::Secret;

/// The seed directories, in their order.
const DIRECTORIES: [&str; 2] = ["nocloud", "nocloud-net"];

/// The seed of this machine.
pub struct NoCloudSeed;

impl NoCloudSeed {
    /// Finds the seed: the named one, or the first directory that has files. Returns the reason if there is none.
    fn find(cx: &Context<'_>) -> Result<NoCloud, String> {
        if let Some(seed) = Line::read(cx).seed {
            return place(seed).map(|place| NoCloud { place });
        }
        let seeds = &cx.setup.places.seeds;
        let mut directories = DIRECTORIES.iter().map(|name| NoCloud::new(seeds.join(name)));
        let found = directories.find(|directory| directory.probe(cx) == Availability::Here);
        found.ok_or_else(|| {
            format!("no seed is named on the kernel command line, and {} has no seed directory", seeds.display())
        })
    }
}

impl Datasource for NoCloudSeed {
    fn name(&self) -> String {
        "the NoCloud seed".to_owned()
    }

    fn probe(&self, cx: &Context<'_>) -> Availability {
        match Self::find(cx) {
            Ok(seed) => seed.probe(cx),
            Err(why) => Availability::Never(why),
        }
    }

    fn meta_data(&self, cx: &Context<'_>) -> MetaData {
        match Self::find(cx) {
            Ok(seed) => {
                log::info!("the NoCloud seed is {}", seed.name());
                seed.meta_data(cx)
            }
            Err(why) => MetaData::failed(why),
        }
    }

    fn user_data(&self, cx: &Context<'_>) -> Result<Vec<u8>> {
        Self::find(cx).map_err(|why| anyhow!(why))?.user_data(cx)
    }
}

/// The place that a seed names.
fn place(seed: String) -> Result<Place, String> {
    let scheme = seed.split_once("://").map(|(scheme, _)| scheme.to_ascii_lowercase());
    match scheme.as_deref() {
        Some("http" | "https") => Ok(Place::Url(Secret::new(seed))),
        Some("file") => directory(&seed["file://".len()..]),
        _ => directory(&seed),
    }
}

fn directory(path: &str) -> Result<Place, String> {
    if path.starts_with('/') {
        Ok(Place::Directory(PathBuf::from(path)))
    } else {
        // It may be a URL with credentials.
        Err("the NoCloud seed is not an http, https or file URL and not an absolute path".to_owned())
    }
}
