//! Every promise of a user page has tests, which `tests/traceability.txt` lists by the id of the promise.
//!
//! `UPDATE_PAGES=1 cargo test --test pure traceability::` writes `docs/traceability.md` after a change of these.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use regex::Regex;

use crate::docs::{anchor, read, sources};

/// The pages that make promises, in the order of `tests/traceability.txt`.
const PAGES: &[&str] = &["security.md", "reliability.md", "compatibility.md"];

struct Promise {
    id: String,
    page: &'static str,
    heading: String,
}

/// The rows of all tables whose first column is `id`.
fn promises() -> Vec<Promise> {
    let mut promises = Vec::new();
    for page in PAGES {
        let text = read(&format!("docs/{page}"));
        let (mut heading, mut in_table) = (String::new(), false);
        for line in text.lines() {
            if let Some(title) = line.strip_prefix('#') {
                title.trim_start_matches('#').trim().clone_into(&mut heading);
            }
            if line.starts_with("| id |") {
                in_table = true;
            } else if !line.starts_with('|') {
                in_table = false;
            } else if in_table && !line.starts_with("|---|") {
                let id = line.strip_prefix("| `").and_then(|rest| rest.split_once("` | "));
                let (id, _) = id.unwrap_or_else(|| panic!("{page}: a promise without an id: {line}"));
                promises.push(Promise { id: id.to_owned(), page, heading: heading.clone() });
            }
        }
    }
    promises
}

/// The ids of `tests/traceability.txt`, each with its tests.
fn listed() -> Vec<(String, Vec<String>)> {
    let mut listed: Vec<(String, Vec<String>)> = Vec::new();
    for line in read("tests/traceability.txt").lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        match line.strip_prefix("    ") {
            Some(test) => listed.last_mut().expect("an id comes first").1.push(test.to_owned()),
            None => listed.push((line.to_owned(), Vec::new())),
        }
    }
    listed
}

/// The tests of each place that a new key needs, in CONTRIBUTING.md.
fn tests_of_places() -> Vec<(String, Vec<String>)> {
    let text = read("CONTRIBUTING.md");
    let (_, table) = text.split_once("\n| place | test |\n|---|---|\n").expect("CONTRIBUTING.md has the table");
    let rows = table.lines().take_while(|line| line.starts_with('|'));
    let tests = |row: &str| {
        let (_, tests) = row.trim_end_matches(" |").rsplit_once(" | ").expect("two columns");
        tests.split('`').skip(1).step_by(2).map(str::to_owned).collect()
    };
    rows.map(|row| (row.to_owned(), tests(row))).collect()
}

#[test]
fn every_promise_has_tests_that_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = ["src", "crates/cloud-config/src", "tests"].map(|directory| sources(&root.join(directory))).concat();
    let is_case = |file: &str, case: &str| {
        let texts = ["plans", "network"]
            .map(|directory| fs::read_to_string(root.join("tests/pure").join(directory).join(file)));
        texts.iter().flatten().any(|text| text.lines().any(|line| line.strip_prefix("=== ") == Some(case)))
    };
    let exists = |name: &str| {
        if let Some((file, case)) = name.split_once(": ") {
            return is_case(file, case);
        }
        let (group, case) = name.rsplit_once("::").unwrap_or(("", name));
        let has_group = group.is_empty() || text.contains(&format!("group(\"{group}\""));
        has_group && (text.contains(&format!("\"{case}\"")) || text.contains(&format!("fn {case}()")))
    };
    let mut count = 0;
    for (promise, tests) in listed().iter().chain(&tests_of_places()) {
        assert!(!tests.is_empty(), "no test: {promise}");
        for test in tests {
            assert!(exists(test), "{promise}: there is no test {test}");
            count += 1;
        }
    }
    assert!(count > 350, "only {count} tests found");
}

#[test]
fn pages_and_the_list_have_the_same_promises() {
    let promised: Vec<String> = promises().into_iter().map(|promise| promise.id).collect();
    let listed: Vec<String> = listed().into_iter().map(|(id, _)| id).collect();
    assert!(promised.len() > 220, "only {} promises found", promised.len());
    let id = Regex::new("^[a-z0-9]+(-[a-z0-9]+)*$").unwrap();
    for (ids, place) in [(&promised, "docs/"), (&listed, "tests/traceability.txt")] {
        let mut seen = BTreeSet::new();
        let twice = ids.iter().find(|id| !seen.insert(*id));
        assert!(twice.is_none(), "{place}: {twice:?} is there twice");
        let invalid: Vec<_> = ids.iter().filter(|it| !id.is_match(it)).collect();
        assert!(invalid.is_empty(), "{place}: invalid ids {invalid:?}");
    }
    let missing: Vec<_> = promised.iter().filter(|id| !listed.contains(id)).collect();
    assert!(missing.is_empty(), "no tests in tests/traceability.txt: {missing:?}");
    let unknown: Vec<_> = listed.iter().filter(|id| !promised.contains(id)).collect();
    assert!(unknown.is_empty(), "in tests/traceability.txt, but in no page: {unknown:?}");
    let moved = promised.iter().zip(&listed).find(|(promised, listed)| promised != listed);
    assert!(moved.is_none(), "tests/traceability.txt has another order than the pages: {moved:?}");
}

/// The text of `docs/traceability.md`.
fn page() -> String {
    let mut text = String::from(
        "<!-- Generated from tests/traceability.txt: UPDATE_PAGES=1 cargo test --test pure traceability:: -->\n\n\
         # Traceability\n\n\
         This page lists the tests of each promise in this documentation. `group::case` is a case of the container tier or the boot tier,\n\
         `file.txt: case` a case of a file in `tests/pure/plans` or `tests/pure/network`; any other name is a test of the pure tier.\n",
    );
    let (mut page, mut heading) = ("", String::new());
    for (promise, (_, tests)) in promises().iter().zip(listed()) {
        if promise.page != page {
            page = promise.page;
            let _ = write!(text, "\n## {page}\n");
            heading.clear();
        }
        if promise.heading != heading {
            heading.clone_from(&promise.heading);
            let _ = write!(text, "\n### [{heading}]({page}#{})\n\n| promise | tests |\n|---|---|\n", anchor(&heading));
        }
        let tests: Vec<_> = tests.iter().map(|test| format!("`{test}`")).collect();
        let _ = writeln!(text, "| `{}` | {} |", promise.id, tests.join(", "));
    }
    text
}

#[test]
fn the_traceability_page_matches_the_list() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/traceability.md");
    if std::env::var_os("UPDATE_PAGES").is_some() {
        fs::write(&path, page()).unwrap();
    }
    assert!(page() == read("docs/traceability.md"), "docs/traceability.md is out of date (UPDATE_PAGES=1)");
}

/// Readers of a user page want the promise; its tests are one page away.
#[test]
fn user_pages_name_no_tests() {
    let name_of_test = Regex::new("`[a-z_]+::[a-z_]+`").unwrap();
    let mut count = 0;
    for entry in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs")).unwrap().flatten() {
        let (name, path) = (entry.file_name(), entry.path());
        if name == "traceability.md" || path.extension().is_none_or(|kind| kind != "md") {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        let found = name_of_test.find(&text);
        assert!(found.is_none(), "{}: {found:?}", path.display());
        count += 1;
    }
    assert!(count > 10, "only {count} pages found");
}
