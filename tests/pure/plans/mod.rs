//! Golden plans: a small text in, its plan and findings out.
//!
//! Cases stand in `tests/pure/plans/*.txt`, by section; their expectations follow from docs/. The plans of the
//! examples stand in `tests/pure/plans/examples/`. After an intended change, `UPDATE_PLANS=1 cargo test --test pure
//! plans::` writes the results; review the difference before committing.

pub mod case;
mod messages;
mod scale;
mod show;

use std::fs;
use std::path::{Path, PathBuf};

use case::Case;

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/pure/plans")
}

fn is_update() -> bool {
    std::env::var_os("UPDATE_PLANS").is_some()
}

/// The files of a directory with one of these extensions, by name.
fn files(directory: &Path, extensions: &[&str]) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).unwrap_or_else(|e| panic!("failed to read {}: {e}", directory.display()));
    let mut files: Vec<_> = entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|found| extensions.iter().any(|wanted| found == *wanted)))
        .collect();
    files.sort();
    assert!(!files.is_empty(), "nothing in {}", directory.display());
    files
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|e| panic!("failed to read {}: {e}", path.display()))
}

#[test]
fn every_case_has_its_plan() {
    let mut failed = Vec::new();
    let mut count = 0;
    for path in files(&directory(), &["txt"]) {
        let (preface, cases) = case::parse(&read(&path));
        let mut rewritten = preface;
        for case in &cases {
            let actual = show::show(case);
            if actual != case.expected {
                failed.push(format!(
                    "{}: {}\n{}",
                    path.display(),
                    case.name,
                    show::difference(&case.expected, &actual)
                ));
            }
            rewritten.push_str(&case.with_expected(&actual));
        }
        count += cases.len();
        if is_update() {
            fs::write(&path, rewritten).unwrap();
        }
    }
    assert!(is_update() || failed.is_empty(), "{} of {count} cases differ:\n\n{}", failed.len(), failed.join("\n"));
}

#[test]
fn names_of_cases_are_unique() {
    let mut seen = std::collections::HashSet::new();
    for path in files(&directory(), &["txt"]) {
        for case in case::parse(&read(&path)).1 {
            assert!(seen.insert(case.name.clone()), "{} stands twice", case.name);
        }
    }
}

/// Checks that a configuration of the project has the golden plan of this name.
fn has_plan(config: &Path, golden: &Path) {
    let name = config.display().to_string();
    let settings = "public_ipv4 203.0.113.5\nprivate_ipv4 10.0.0.5\nhostname machine\n";
    let actual = show::show(&Case::new(&name, read(config), settings));
    let golden = directory().join(golden).with_extension("plan");
    if is_update() {
        fs::create_dir_all(golden.parent().unwrap()).unwrap();
        fs::write(&golden, &actual).unwrap();
    }
    let expected = read(&golden);
    assert!(actual == expected, "{name}:\n{}", show::difference(&expected, &actual));
}

#[test]
fn every_example_has_its_plan() {
    for path in files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("examples"), &["yml", "sh"]) {
        has_plan(&path, &Path::new("examples").join(path.file_name().unwrap()));
    }
}

/// `print` holds that every key is in it.
#[test]
fn the_document_with_every_key_has_its_plan() {
    has_plan(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/pure/print/canonical.yml"), Path::new("canonical"));
}

#[test]
fn every_platform_has_its_plan() {
    let mut count = 0;
    for entry in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("oem")).unwrap().flatten() {
        let config = entry.path().join("cloud-config.yml");
        if config.exists() {
            has_plan(&config, &Path::new("oem").join(entry.file_name()));
            count += 1;
        }
    }
    assert_eq!(files(&directory().join("oem"), &["plan"]).len(), count, "a plan without its platform");
}
