//! The shape of this repository: rules that the compiler cannot hold.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};

use regex::Regex;

/// No file is longer; 400 lines are the aim, and some room is left before a test fails.
const LONGEST: usize = 500;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// All Rust files below `directory`, as paths relative to the repository.
pub fn sources(directory: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut directories = vec![root().join(directory)];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(&directory).unwrap().flatten() {
            let path = entry.path();
            if path.is_dir() {
                directories.push(path);
            } else if path.extension().is_some_and(|kind| kind == "rs") {
                found.push(path.strip_prefix(root()).unwrap().to_owned());
            }
        }
    }
    found.sort();
    assert!(!found.is_empty(), "no sources in {directory}");
    found
}

/// Returns the text of a file of the repository.
pub fn read(path: &Path) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|e| panic!("failed to read {}: {e}", path.display()))
}

/// Crates that reach a machine, a network or a clock.
const NEEDS_A_MACHINE: &[&str] =
    &["humantime", "if-addrs", "log", "nix", "rustix", "rustls", "signal-hook", "tempfile", "ureq", "zbus"];

/// wasm32 compiles most of them, so the compiler alone does not hold this.
#[test]
fn the_library_depends_on_nothing_that_needs_a_machine() {
    let lock = read(Path::new("Cargo.lock"));
    let packages: HashMap<&str, Vec<&str>> = lock
        .split("[[package]]")
        .skip(1)
        .map(|package| {
            let name = package.lines().find_map(|line| line.strip_prefix("name = \"")).unwrap().trim_end_matches('"');
            let listed = package.split_once("dependencies = [").map_or("", |(_, rest)| rest);
            // Two versions of a crate are written `"name version"`.
            (name, listed.split('"').skip(1).step_by(2).map(|it| it.split(' ').next().unwrap()).collect())
        })
        .collect();
    // Its tests may depend on anything.
    let manifest = read(Path::new("crates/cloud-config/Cargo.toml"));
    let (_, listed) = manifest.split_once("\n[dependencies]\n").unwrap();
    let (listed, _) = listed.split_once("\n[").unwrap();
    let mut wanted: Vec<&str> = listed.lines().filter_map(|line| Some(line.split_once(" = ")?.0)).collect();
    let mut seen = HashSet::new();
    while let Some(name) = wanted.pop() {
        if seen.insert(name) {
            wanted.extend(packages.get(name).unwrap_or_else(|| panic!("{name} is not in Cargo.lock")));
        }
    }
    assert!(seen.contains("serde_yaml"));
    let found: Vec<_> = NEEDS_A_MACHINE.iter().filter(|name| seen.contains(*name)).collect();
    assert!(found.is_empty(), "crates/cloud-config depends on {found:?}");
}

/// The modules at the top of a crate that the code of each of them names, its tests aside.
fn imports(crate_sources: &str) -> BTreeMap<String, BTreeSet<String>> {
    let name = Regex::new(r"crate::(?:([a-z_]+)|\{([^}]*)\})").unwrap();
    let mut imports: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for path in sources(crate_sources) {
        let inside = path.strip_prefix(crate_sources).unwrap();
        let module =
            inside.components().next().unwrap().as_os_str().to_string_lossy().trim_end_matches(".rs").to_owned();
        if inside.to_string_lossy().contains("tests") || matches!(module.as_str(), "lib" | "main") {
            continue;
        }
        let text = read(&path);
        let text = text.split("#[cfg(test)]").next().unwrap();
        let entry = imports.entry(module.clone()).or_default();
        for line in text.lines().filter(|line| !line.trim_start().starts_with("//")) {
            for found in name.captures_iter(line) {
                let names = found.get(1).or(found.get(2)).unwrap().as_str();
                entry.extend(names.split(',').map(|name| name.trim().split("::").next().unwrap().to_owned()));
            }
        }
        entry.remove(&module);
    }
    imports
}

/// A module that can be read after those that it names, and before those that name it.
#[test]
fn modules_of_a_crate_have_no_cycle() {
    for (crate_sources, module, named) in [("crates/cloud-config/src", "plan", "config"), ("src", "run", "apply")] {
        let mut left = imports(crate_sources);
        assert!(left.len() > 10 && left[module].contains(named), "{left:?}");
        while !left.is_empty() {
            let low: Vec<_> =
                left.iter().filter(|(_, names)| names.is_empty()).map(|(module, _)| module.clone()).collect();
            assert!(!low.is_empty(), "these name each other: {left:#?}");
            for module in low {
                left.remove(&module);
                for names in left.values_mut() {
                    names.remove(&module);
                }
            }
        }
    }
}

/// A file that needs scrolling to understand is two files.
#[test]
fn no_file_is_too_long() {
    let long: Vec<_> = ["src", "crates/cloud-config/src", "tests"]
        .into_iter()
        .flat_map(sources)
        .map(|path| (read(&path).lines().count(), path))
        .filter(|(lines, _)| *lines > LONGEST)
        .map(|(lines, path)| format!("{}: {lines} lines", path.display()))
        .collect();
    assert!(long.is_empty(), "longer than {LONGEST} lines:\n{}", long.join("\n"));
}

/// `make help` prints the description of each target.
#[test]
fn every_make_target_is_documented() {
    let makefile = read(Path::new("Makefile"));
    let target = Regex::new(r"(?m)^([a-z][a-z-]*):(.*)$").unwrap();
    let phony = makefile.lines().find_map(|line| line.strip_prefix(".PHONY: ")).unwrap();
    let mut count = 0;
    for found in target.captures_iter(&makefile) {
        let (name, rest) = (&found[1], &found[2]);
        assert!(rest.contains(" ## "), "make {name} says nothing of itself");
        assert!(phony.split(' ').any(|word| word == name), "make {name} is not in .PHONY");
        count += 1;
    }
    assert_eq!(count, phony.split(' ').count(), ".PHONY names a target that is not there");
}

/// The source must make sense to readers without the authors' machines and trackers.
#[test]
fn no_source_names_a_place_of_its_authors() {
    let named = Regex::new(concat!(r"/work", r"/|/tmp", r"/wt/|issue #?[0-9]")).unwrap();
    for path in ["src", "crates/cloud-config/src", "tests"].into_iter().flat_map(sources) {
        let text = read(&path);
        let found = named.find(&text).map(|found| found.as_str());
        assert_eq!(found, None, "{}", path.display());
    }
}

/// The tests have more features of `regex` than the program: a pattern that needs one of them ends a run.
#[test]
fn no_pattern_needs_tables_of_unicode() {
    let needs = Regex::new(r"\(\?i[^-]|\\[dwspDWSPb]").unwrap();
    for path in ["src", "crates/cloud-config/src"].into_iter().flat_map(sources) {
        let text = read(&path);
        // Unit tests may have them.
        let text = text.split("#[cfg(test)]").next().unwrap();
        for (number, line) in
            text.lines().enumerate().filter(|(_, line)| line.contains("Regex::new(") || line.contains("regex(r\""))
        {
            assert!(!needs.is_match(line), "{}:{}: {}", path.display(), number + 1, line.trim());
        }
    }
}
