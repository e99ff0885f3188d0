//! The shape of this repository: rules that the compiler cannot hold.

use std::fs;
use std::path::{Path, PathBuf};

use regex::Regex;

/// No file is longer; 400 lines are the aim, and some room is left before a test fails.
const LONGEST: usize = 500;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// All Rust files beneath `folder`, as paths relative to the repository.
fn sources(folder: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|kind| kind == "rs") {
                found.push(path.strip_prefix(root()).unwrap().to_owned());
            }
        }
    }
    found.sort();
    assert!(!found.is_empty(), "no sources in {folder}");
    found
}

fn read(path: &Path) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|e| panic!("failed to read {}: {e}", path.display()))
}

/// Everything but `apply` is pure: what can touch the machine is named in one folder alone.
#[test]
fn only_the_host_names_what_touches_the_machine() {
    // `unix::` ends in `nix::`, and is something else.
    let forbidden = Regex::new(r"(?-u)\b(nix|zbus)::|\bstd::process\b|\bstd::\{[ -~]*\bprocess\b").unwrap();
    let exit_code = Regex::new(r"(?-u)\bstd::process::(ExitCode\b|exit\()").unwrap();
    let mut offences = Vec::new();
    for path in sources("src").iter().filter(|path| !path.starts_with("src/host")) {
        for (number, line) in read(path).lines().enumerate() {
            let is_comment = line.trim_start().starts_with("//");
            let is_exit = path == Path::new("src/main.rs") && exit_code.is_match(line);
            if !is_comment && !is_exit && forbidden.is_match(line) {
                offences.push(format!("{}:{}: {}", path.display(), number + 1, line.trim()));
            }
        }
    }
    assert!(offences.is_empty(), "only src/host/ may name these:\n{}", offences.join("\n"));
}

/// A file that needs scrolling to understand is two files.
#[test]
fn no_file_is_too_long() {
    let long: Vec<_> = ["src", "tests"]
        .into_iter()
        .flat_map(sources)
        .map(|path| (read(&path).lines().count(), path))
        .filter(|(lines, _)| *lines > LONGEST)
        .map(|(lines, path)| format!("{}: {lines} lines", path.display()))
        .collect();
    assert!(long.is_empty(), "longer than {LONGEST} lines:\n{}", long.join("\n"));
}

/// `make help` shows what the Makefile says of each target.
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

/// The program's source names no machine and no tracker: it is read by people who have neither.
#[test]
fn no_source_names_a_place_of_its_authors() {
    let named = Regex::new(concat!(r"/work", r"/|/tmp", r"/wt/|issue #?[0-9]")).unwrap();
    for path in ["src", "tests"].into_iter().flat_map(sources) {
        let text = read(&path);
        let found = named.find(&text).map(|found| found.as_str());
        assert_eq!(found, None, "{}", path.display());
    }
}

/// The tests have more features of `regex` than the program: a pattern that needs one of them ends a run.
#[test]
fn no_pattern_needs_tables_of_unicode() {
    let needs = Regex::new(r"\(\?i[^-]|\\[dwspDWSPb]").unwrap();
    for path in sources("src") {
        let text = read(&path);
        // What is only a test may have them.
        let text = text.split("#[cfg(test)]").next().unwrap();
        for (number, line) in
            text.lines().enumerate().filter(|(_, line)| line.contains("Regex::new(") || line.contains("regex(r\""))
        {
            assert!(!needs.is_match(line), "{}:{}: {}", path.display(), number + 1, line.trim());
        }
    }
}
