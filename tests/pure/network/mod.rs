//! Golden conversions: a network description in, networkd's files and findings out.
//!
//! Cases stand in `tests/pure/network/FORMAT.txt`; their expectations follow from docs/network.md. After an intended
//! change, `UPDATE_NETWORK=1 cargo test --test pure network::` writes the results; review the difference before
//! committing.

mod case;
mod corpus;
mod property;

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use cloud_config::document::read_network;
use cloud_config::network::Format;
use cloud_config::network::{Conversion, networkd};

use crate::generated;
use crate::invariants::network::data;
use case::Case;

/// Converts a description of a format, which is that of a file of cases.
fn convert(format: &str, input: &[u8]) -> Conversion {
    read_network(data(format, input)).network
}

/// The formats, each with a file of cases.
const FORMATS: [&str; 6] = ["debian", "packet", "vmware", "digitalocean", "openstack", "network-config"];

fn file(format: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/pure/network").join(format).with_extension("txt")
}

fn cases(format: &str) -> (String, Vec<Case>) {
    let path = file(format);
    case::parse(&fs::read_to_string(&path).unwrap_or_else(|e| panic!("failed to read {}: {e}", path.display())))
}

#[test]
fn every_case_is_converted() {
    let is_update = std::env::var_os("UPDATE_NETWORK").is_some();
    let mut failed = Vec::new();
    let mut count = 0;
    for format in FORMATS {
        let (preface, cases) = cases(format);
        assert!(!cases.is_empty(), "no cases of {format}");
        let mut rewritten = preface;
        for case in &cases {
            let actual = case::show(&convert(format, case.input.as_bytes()), case.input.as_bytes());
            if actual != case.expected {
                failed.push(format!("{format}: {}\n--- wanted\n{}--- is\n{actual}", case.name, case.expected));
            }
            rewritten.push_str(&case.with_expected(&actual));
        }
        count += cases.len();
        if is_update {
            fs::write(file(format), rewritten).unwrap();
        }
    }
    assert!(is_update || failed.is_empty(), "{} of {count} cases differ:\n\n{}", failed.len(), failed.join("\n"));
}

#[test]
fn every_format_has_cases() {
    assert_eq!(Format::ALL.map(Format::name), FORMATS);
}

#[test]
fn names_of_cases_are_unique() {
    let mut seen = HashSet::new();
    for case in FORMATS.into_iter().flat_map(|format| cases(format).1) {
        assert!(seen.insert(case.name.clone()), "{} stands twice", case.name);
    }
}

/// Every key has a case, and every case's files have no other keys.
#[test]
fn every_key_has_a_case() {
    let mut seen = HashSet::new();
    for format in FORMATS {
        for case in cases(format).1 {
            for unit in convert(format, case.input.as_bytes()).units() {
                seen.extend(
                    crate::invariants::networkd::check(&unit).into_iter().map(|(section, key, _)| (section, key)),
                );
            }
        }
    }
    for (section, key) in networkd::keys() {
        assert!(seen.contains(&(section.to_owned(), key.to_owned())), "[{section}] {key}= has no case");
    }
}

#[test]
fn the_page_shows_the_files_of_its_description() {
    const PAGE: &str = "docs/network.md";
    let page = generated::read(PAGE);
    let (_, description) = page.split_once("```text\n").expect("the page has a description");
    let (description, _) = description.split_once("```").expect("the description has an end");
    let count = generated::check(PAGE, "files of", |format| {
        let conversion = convert(format, description.as_bytes());
        assert!(conversion.findings.is_empty(), "{:?}", conversion.findings);
        let files: Vec<_> =
            conversion.units().iter().map(|unit| format!("# {}\n{}", unit.name, unit.content)).collect();
        format!("```ini\n{}```", files.join("\n"))
    });
    assert_eq!(count, 1);
}

#[test]
fn the_documentation_names_every_key_and_format() {
    let docs = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/network.md")).unwrap();
    for (section, key) in networkd::keys() {
        assert!(docs.contains(&format!("`{key}=")), "[{section}] {key}= is not named");
    }
    for format in FORMATS {
        assert!(docs.contains(&format!("\n## `{format}`\n")), "{format} has no section");
    }
}
