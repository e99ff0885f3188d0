//! The corpus: configs, and the results of the reference.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;

/// The placeholders in configs for values of the image they were built into.
const BUILD_TIME: [(&str, &str); 1] = [("@@OEM_VERSION_ID@@", "1.2.3")];

/// The result of one config.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outcome {
    /// The name of its file.
    #[serde(skip)]
    pub name: String,
    /// The config's path within the corpus.
    pub input: String,
    /// The config itself.
    #[serde(skip)]
    pub config: Vec<u8>,
    /// True if the reference reported success.
    pub ok: bool,
    /// The machine's name.
    pub hostname: String,
    /// Files that are new or different, by path, without the first `/`.
    pub files: BTreeMap<String, File>,
    /// Files that are gone.
    pub removed: Vec<String>,
    /// Users that are new.
    pub users: BTreeMap<String, User>,
    /// Members of the groups that are new or different.
    pub groups: BTreeMap<String, String>,
    /// Units that the config names.
    pub units: BTreeMap<String, Unit>,
}

/// A file, a link, or a file of SSH keys.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    pub uid: u32,
    pub gid: Option<u32>,
    /// The mode as Python writes it, `0o644`.
    pub mode: Option<String>,
    pub text: Option<String>,
    pub link: Option<String>,
    /// The keys in it, sorted.
    pub keys: Option<Vec<String>>,
    /// A socket, made by a unit.
    #[serde(default)]
    pub special: bool,
}

/// A user.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct User {
    pub gecos: String,
    pub home: String,
    pub shell: String,
    pub hash: String,
}

/// The state of a unit in systemd.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct Unit {
    pub active_state: String,
    pub load_state: String,
    #[serde(rename = "UnitFileState")]
    pub enablement: String,
    /// `None` if the type of unit has no environment.
    pub environment: Option<String>,
}

/// The place of the corpus.
pub fn corpus() -> PathBuf {
    std::env::var_os("CORPUS")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus"), PathBuf::from)
}

impl Outcome {
    /// All outcomes of the corpus, by name.
    pub fn all(corpus: &Path) -> Result<Vec<Self>, String> {
        let directory = corpus.join("outcomes");
        let entries = fs::read_dir(&directory).map_err(|e| format!("failed to read {}: {e}", directory.display()))?;
        let mut paths: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
        paths.retain(|path| path.extension().is_some_and(|kind| kind == "json"));
        paths.sort();
        if paths.is_empty() {
            return Err(format!("{} is empty", directory.display()));
        }
        paths.iter().map(|path| Self::read(corpus, path)).collect()
    }

    fn read(corpus: &Path, path: &Path) -> Result<Self, String> {
        let failed = |e: String| format!("failed to read {}: {e}", path.display());
        let text = fs::read(path).map_err(|e| failed(e.to_string()))?;
        let mut outcome: Self = serde_json::from_slice(&text).map_err(|e| failed(e.to_string()))?;
        outcome.name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let config = fs::read(corpus.join(&outcome.input)).map_err(|e| failed(format!("{}: {e}", outcome.input)))?;
        outcome.config = match String::from_utf8(config) {
            Ok(text) => BUILD_TIME.iter().fold(text, |text, (token, value)| text.replace(token, value)).into_bytes(),
            Err(e) => e.into_bytes(),
        };
        Ok(outcome)
    }
}
