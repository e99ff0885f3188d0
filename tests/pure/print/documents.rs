//! The documents that are printed: examples, the golden plans, and real configurations.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use cloud_config::address_tokens::{Address, Addresses};

use crate::plans::case;

pub struct SourceText {
    pub name: String,
    pub bytes: Vec<u8>,
    pub addresses: Addresses,
}

/// The files of a directory, by name.
fn files(directory: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(directory) else { return Vec::new() };
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).filter(|path| path.is_file()).collect();
    files.sort();
    files
}

pub fn all() -> Vec<SourceText> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let corpus = std::env::var_os("CORPUS").map_or_else(|| root.join("../shared/corpus"), PathBuf::from);
    let mut addresses = Addresses::default();
    assert!(addresses.insert(Address::PublicV4, "203.0.113.9") && addresses.insert(Address::PrivateV4, "10.9.8.7"));
    let mut paths = files(&root.join("examples"));
    let people: Vec<_> = ["user", "oem", "other"].iter().flat_map(|directory| files(&corpus.join(directory))).collect();
    if people.is_empty() {
        // Past the capture of the test harness, which shows nothing of a test that passes.
        let _ = writeln!(std::io::stderr(), "print: skipped: there is no corpus of configs (CORPUS says where)");
    }
    paths.extend(people);
    let read = |path: PathBuf| SourceText {
        name: path.display().to_string(),
        bytes: fs::read(&path).unwrap(),
        addresses: addresses.clone(),
    };
    let mut documents: Vec<_> = paths.into_iter().map(read).collect();
    for path in files(&root.join("tests/pure/plans")).iter().filter(|path| path.extension().is_some_and(|e| e == "txt"))
    {
        let (_, cases) = case::parse(&fs::read_to_string(path).unwrap());
        documents.extend(cases.into_iter().map(|case| SourceText {
            name: case.name.clone(),
            bytes: case.bytes(),
            addresses: case.addresses(),
        }));
    }
    documents
}
