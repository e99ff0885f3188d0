//! The README and the pages that it leads to first.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use regex::Regex;

use crate::docs::anchors;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
const PAGES: [&str; 8] = [
    "README.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "docs/README.md",
    "docs/quick-start.md",
    "examples/README.md",
    "oem/README.md",
    "tests/README.md",
];

fn read(path: &str) -> String {
    let path = Path::new(ROOT).join(path);
    fs::read_to_string(&path).unwrap_or_else(|e| panic!("failed to read {}: {e}", path.display()))
}

/// The parts of `text` that the first group of `pattern` matches.
fn matches(pattern: &str, text: &str) -> Vec<String> {
    Regex::new(pattern).unwrap().captures_iter(text).map(|found| found[1].to_owned()).collect()
}

#[test]
fn the_readme_is_short_and_in_order() {
    let page = read("README.md");
    let license = page.lines().position(|line| line == "## License").expect("a license");
    assert!(license <= 100, "{license} lines before the license");
    let headings: Vec<_> = page.lines().filter_map(|line| line.strip_prefix("## ")).collect();
    assert_eq!(headings, ["Try it", "Install", "Use", "Compared with", "Documentation", "License"]);
}

#[test]
fn every_link_leads_to_a_file_and_a_heading() {
    let mut count = 0;
    for page in PAGES {
        let text = read(page);
        for link in matches(r"\]\(([^):]*)\)", &text) {
            let (file, anchor) = link.split_once('#').map_or((&*link, None), |(file, anchor)| (file, Some(anchor)));
            let path = Path::new(ROOT).join(page).parent().unwrap().join(file);
            assert!(file.is_empty() || path.exists(), "{page}: there is no {link}");
            if let Some(anchor) = anchor {
                let target = if file.is_empty() { text.clone() } else { fs::read_to_string(&path).unwrap() };
                assert!(anchors(&target).iter().any(|it| it == anchor), "{page}: there is no heading {link}");
            }
            count += 1;
        }
        for label in matches(r"\]\[([a-z-]+)\]", &text) {
            assert!(text.contains(&format!("\n[{label}]: https://")), "{page}: [{label}] has no address");
        }
    }
    assert!(count > 40, "{count} links");
}

#[test]
fn every_page_of_docs_is_listed() {
    let pages = ["README.md", "CONTRIBUTING.md"].map(read).concat();
    for entry in fs::read_dir(Path::new(ROOT).join("docs")).unwrap().flatten() {
        let name = entry.file_name().into_string().unwrap();
        if Path::new(&name).extension().is_some_and(|kind| kind == "md") {
            assert!(pages.contains(&format!("](docs/{name})")), "no page lists docs/{name}");
        }
    }
}

#[test]
fn every_command_that_they_name_exists() {
    let makefile = read("Makefile");
    let flags: Vec<_> = cloudinit::cli::flags().collect();
    for page in PAGES {
        let text = read(page);
        for target in matches(r"`make ([a-z-]+)", &text) {
            assert!(makefile.contains(&format!("\n{target}:")), "{page}: there is no make {target}");
        }
        for line in text.lines().filter(|line| line.contains("coreos-cloudinit --")) {
            for flag in matches(r" --([a-z-]+)", line.split("coreos-cloudinit").last().unwrap()) {
                assert!(flags.contains(&flag.as_str()), "{page}: there is no flag --{flag}");
            }
        }
    }
}

#[test]
fn every_entry_of_the_changelog_leads_to_a_page() {
    let page = read("CHANGELOG.md");
    let entries: Vec<_> = page.split("\n- ").skip(1).collect();
    assert!(entries.len() > 30, "{} entries", entries.len());
    for entry in entries {
        assert!(entry.contains(".md)") || entry.contains(".md#"), "no link to a page: {entry}");
    }
}

/// Text that stands in both is corrected in one of them.
#[test]
fn the_readme_and_the_quick_start_do_not_repeat_each_other() {
    let lines = |page: &str| -> BTreeSet<String> {
        read(page).lines().filter(|line| line.len() > 40).map(str::to_owned).collect()
    };
    let both: Vec<_> = lines("README.md").intersection(&lines("docs/quick-start.md")).cloned().collect();
    assert!(both.is_empty(), "{both:#?}");
}
