//! The documents that are judged: small ones for each way to be wrong, and whole ones.

use std::fs;
use std::path::{Path, PathBuf};

use cloud_config::user_data::{self, ContentKind};

use crate::plans::case;

type Documents = Vec<(String, String)>;

/// A name, a document, and the places where its structure is wrong; `$` is the document itself.
/// A document of the table.
pub struct Row {
    pub name: String,
    pub text: String,
    /// The places of structural faults.
    pub places: Vec<String>,
}

/// The documents of `table.txt`.
pub fn table() -> Vec<Row> {
    let text = fs::read_to_string(root().join("tests/pure/schema/table.txt")).unwrap();
    let rows = text.split("\n=== ").skip(1).map(|row| {
        let (name, row) = row.split_once('\n').unwrap();
        let (text, places) = row.rsplit_once("--- ").or(row.rsplit_once("---")).unwrap();
        let places = places.split_whitespace().map(|place| place.trim_start_matches('$').to_owned()).collect();
        Row { name: name.to_owned(), text: text.to_owned(), places }
    });
    rows.collect()
}

pub fn inline() -> Documents {
    table().into_iter().map(|row| (format!("table: {}", row.name), row.text)).collect()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The files of a directory, by name.
fn files(directory: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(directory) else { return Vec::new() };
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).filter(|path| path.is_file()).collect();
    files.sort();
    files
}

/// The cloud-configs among the parts of a file.
fn cloud_configs(name: &str, bytes: Vec<u8>) -> Documents {
    let parts = user_data::split(name, bytes);
    let parts = parts.into_iter().filter(|part| part.form == ContentKind::CloudConfig).enumerate();
    parts
        .map(|(index, part)| (if index == 0 { name.to_owned() } else { format!("{name} ({index})") }, part.text))
        .collect()
}

fn read(prefix: &str, files: Vec<PathBuf>) -> Documents {
    let read = |path: PathBuf| {
        let name = format!("{prefix}{}", path.file_name().unwrap().to_string_lossy());
        cloud_configs(&name, fs::read(path).unwrap())
    };
    files.into_iter().flat_map(read).collect()
}

pub fn examples() -> Documents {
    let examples = read("example: ", files(&root().join("examples")));
    assert!(examples.len() > 5, "too few examples");
    examples.into_iter().chain(read("oem: ", vec![root().join("oem/vagrant/cloud-config.yml")])).collect()
}

/// Returns the documents of the planner's tests.
pub fn golden_cases() -> Documents {
    let files = files(&root().join("tests/pure/plans"));
    let cases = files.iter().filter(|path| path.extension().is_some_and(|kind| kind == "txt")).flat_map(|path| {
        let (_, cases) = case::parse(&fs::read_to_string(path).unwrap());
        cases.into_iter().flat_map(|case| cloud_configs(&format!("case: {}", case.name), case.bytes()))
    });
    cases.collect()
}

/// Configs that people wrote, where they are.
pub fn corpus() -> Documents {
    let corpus = std::env::var_os("CORPUS").map_or_else(|| root().join("../shared/corpus"), PathBuf::from);
    ["user", "oem", "other"].iter().flat_map(|directory| read("corpus: ", files(&corpus.join(directory)))).collect()
}
