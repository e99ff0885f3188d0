//! The statements of the pages about units and platforms.

use std::collections::BTreeSet;

use super::{PLATFORMS, directives, names, read, units};

/// The units that a page names, in code or in the diagram; an instance is its template.
fn named(page: &str) -> BTreeSet<String> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || "-_@.\\".contains(c);
    let words = page.split(|c: char| !is_part(c)).map(|word| word.trim_matches('.'));
    let suffixes = [".service", ".target", ".mount", ".path"];
    let unit = words.filter(|word| suffixes.iter().any(|suffix| word.ends_with(suffix) && word.len() > suffix.len()));
    unit.map(|word| {
        let template =
            word.split_once('@').and_then(|(head, rest)| Some(format!("{head}@.{}", rest.rsplit_once('.')?.1)));
        template.unwrap_or_else(|| word.to_owned())
    })
    .collect()
}

#[test]
fn the_page_on_boot_names_every_unit_and_no_other_of_ours() {
    let page = read("docs/boot.md");
    let (named, units) = (named(&page), units());
    let missing: Vec<_> = units.difference(&named).collect();
    assert!(missing.is_empty(), "docs/boot.md does not name {missing:?}");
    let ours = |unit: &&String| ["system-c", "user-", "media-"].iter().any(|head| unit.starts_with(head));
    let unknown: Vec<_> = named.iter().filter(ours).filter(|unit| !units.contains(*unit)).collect();
    assert!(unknown.is_empty(), "docs/boot.md names {unknown:?}");
    // In the diagram and in the table: each unit has a row of its own.
    for unit in &units {
        assert!(page.lines().any(|line| line.starts_with(&format!("| `{unit}` |"))), "no row for {unit}");
    }
    for rules in names("oem/udev/rules.d") {
        assert!(page.contains(&format!("`{rules}`")), "{rules}");
    }
}

#[test]
fn the_page_on_boot_names_every_word_of_the_kernel_command_line() {
    let page = read("docs/boot.md");
    for unit in units() {
        let text = read(format!("oem/systemd/system/{unit}"));
        for line in directives(&text) {
            if let Some(word) = line.strip_prefix("ConditionKernelCommandLine=") {
                let word = word.trim_start_matches(['|', '!']).replace('_', "-");
                assert!(page.contains(&format!("`{word}`")) || page.contains(&format!("`{word}=")), "{word}");
            }
        }
    }
}

#[test]
fn the_notes_for_distributors_name_every_platform() {
    let notes = read("oem/README.md");
    for platform in PLATFORMS {
        assert!(notes.lines().any(|line| line.starts_with(&format!("| `{platform}` |"))), "{platform}");
    }
}
