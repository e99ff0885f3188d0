//! The documentation names every key, every option and every flag, and describes each correctly.

use std::fs;
use std::path::Path;

use regex::Regex;

use cloud_config::address_tokens::Address;
use cloud_config::config::fields::{FieldInfo, MAPPINGS, Values};
use cloud_config::config::options::{KnownValues, OptionType, TABLES};
use cloudinit::cli;

pub(super) fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read_to_string(&path).unwrap_or_else(|e| panic!("failed to read {}: {e}", path.display()))
}

#[test]
fn every_message_has_its_row() {
    let docs = read("docs/applying.md");
    let log = section(&docs, "## The log");
    for message in cloudinit::logger::messages::ALL {
        row(log, message.id);
    }
    for field in ["CLOUDINIT_SOURCE", "CLOUDINIT_PART", "CLOUDINIT_ITEM", "CLOUDINIT_RULE", "UNIT", "MESSAGE_ID"] {
        row(log, field);
        assert!(read("src/logger/event.rs").contains(&format!("\"{field}\"")), "{field} is in no entry");
    }
}

/// The keys of a type of the configuration, by its name in the JSON Schema; those of the document have none.
fn keys(name: &str) -> Vec<String> {
    let schema = cloud_config::json_schema::schema();
    let schema = schema.as_value();
    let of = if name.is_empty() { schema } else { &schema["$defs"][name] };
    let keys = of["properties"].as_object().unwrap_or_else(|| panic!("the schema has no type {name}"));
    keys.keys().cloned().collect()
}

/// Returns the text below a heading, up to the next of its level or above.
fn section<'a>(text: &'a str, heading: &str) -> &'a str {
    let level = heading.split(' ').next().unwrap();
    let start = text.find(&format!("\n{heading}\n")).unwrap_or_else(|| panic!("no heading {heading}"));
    let body = &text[start + heading.len() + 2..];
    let ends = (1..=level.len()).filter_map(|depth| body.find(&format!("\n{} ", "#".repeat(depth))));
    &body[..ends.min().unwrap_or(body.len())]
}

fn row<'a>(section: &'a str, name: &str) -> &'a str {
    let head = format!("| `{name}` |");
    section.lines().find(|line| line.starts_with(&head)).unwrap_or_else(|| panic!("no row for {name}"))
}

#[test]
fn every_key_has_its_row() {
    let docs = read("docs/cloud-config.md");
    for key in keys("") {
        let there =
            if key == "coreos" { docs.contains("`coreos.units`") } else { docs.contains(&format!("\n## `{key}`\n")) };
        assert!(there, "no section for {key}");
    }
    for key in keys("CoreOs") {
        assert!(docs.contains(&format!("# `coreos.{key}`\n")), "no section for coreos.{key}");
    }
    for (name, heading) in [
        ("User", "## `users`"),
        ("File", "## `write_files`"),
        ("Unit", "## `coreos.units`"),
        ("Update", "## `coreos.update`"),
        ("Oem", "## `coreos.oem`"),
    ] {
        for key in keys(name) {
            row(section(&docs, heading), &key);
        }
    }
}

/// The effect of a key shows only on a machine.
#[test]
fn every_key_is_in_a_case_of_the_container() {
    let cases = sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/container/cases"));
    for field in MAPPINGS.iter().flat_map(|mapping| mapping.fields) {
        let is_used = [field.name.to_owned(), field.name.replace('_', "-")]
            .iter()
            .any(|key| cases.match_indices(&format!("{key}:")).any(|(at, _)| !is_word(&cases[..at])));
        assert!(is_used, "no case in tests/container/cases/ applies {}", field.name);
    }
}

/// Returns true if `text` ends inside of a word.
fn is_word(text: &str) -> bool {
    text.ends_with(|c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'))
}

#[test]
fn every_option_has_its_row() {
    let docs = read("docs/cloud-config.md");
    for table in TABLES {
        let section = section(&docs, &format!("### `coreos.{}`", table.section));
        let rows: Vec<_> = section.lines().filter(|line| line.starts_with("| `")).collect();
        assert_eq!(rows.len(), table.options.len(), "{}", table.section);
        for (option, row) in table.options.iter().zip(rows) {
            let kind = match option.kind {
                OptionType::Text => "string",
                OptionType::Int => "integer",
                OptionType::Float => "number",
                OptionType::Bool => "boolean",
            };
            let head = format!("| `{}` | {kind} | `{}` |", option.name, table.variable(option));
            assert!(row.starts_with(&head), "{row}\n{head}");
            assert_eq!(row.contains("deprecated"), option.deprecated.is_some(), "{row}");
            assert_eq!(row.contains("secret"), option.secret, "{row}");
            if let Some(KnownValues::Words(words)) = option.known {
                assert!(words.iter().all(|word| row.contains(&format!("`{word}`"))), "{row}");
            }
        }
        assert_eq!(section.contains("no longer shipped"), table.deprecated.is_some(), "{}", table.section);
    }
}

#[test]
fn every_word_that_a_key_takes_is_named() {
    let docs = read("docs/cloud-config.md");
    let words_of = |field: &FieldInfo| match field.values {
        Values::Words(words) | Values::WordsOrFalse(words) => words,
        _ => &[],
    };
    let taken = MAPPINGS.iter().flat_map(|mapping| mapping.fields).flat_map(words_of).copied();
    let tokens = Address::ALL.map(|address| format!("${}", address.token()));
    let words = taken.chain(Address::ALL.map(Address::variable));
    for word in words.map(str::to_owned).chain(tokens) {
        let named = [format!("`{word}`"), format!(": {word}`")].iter().any(|text| docs.contains(text));
        assert!(named, "{word} is not named");
    }
}

#[test]
fn every_flag_is_named() {
    let docs = read("docs/command-line.md");
    for name in cli::flags() {
        // A flag may stand beside its short form, and with the name of its value.
        let is_it = |cell: &str| cell.split('`').any(|flag| flag.split(' ').next() == Some(&format!("--{name}")));
        let row = docs.lines().find(|line| line.split('|').nth(1).is_some_and(is_it));
        assert!(row.is_some(), "no row for --{name}");
    }
    for choice in cli::choices() {
        assert!(docs.contains(&format!("`{choice}`")), "{choice} is not named");
    }
}

/// All text of the Rust files below `directory`.
pub(super) fn sources(directory: &Path) -> String {
    let entries = fs::read_dir(directory).unwrap_or_else(|e| panic!("failed to read {}: {e}", directory.display()));
    let read = |path: &Path| match path.extension() {
        _ if path.is_dir() => sources(path),
        Some(kind) if kind == "rs" => fs::read_to_string(path).unwrap(),
        _ => String::new(),
    };
    entries.flatten().map(|entry| read(&entry.path())).collect()
}

/// The anchors of the headings of a page, as code hosts generate them.
pub fn anchors(page: &str) -> Vec<String> {
    let headings = page.lines().filter(|line| line.starts_with('#')).map(|line| line.trim_start_matches('#').trim());
    headings.map(anchor).collect()
}

/// The anchor of a heading.
pub(super) fn anchor(heading: &str) -> String {
    let kept = heading.to_lowercase().replace(' ', "-");
    kept.chars().filter(|c| c.is_alphanumeric() || matches!(c, '-' | '_')).collect()
}

/// A comment that names a page of `docs/`, and a heading of it, is not left behind when the page changes.
#[test]
fn every_page_that_the_source_names_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = ["src", "crates/cloud-config/src", "tests"].map(|directory| sources(&root.join(directory))).concat();
    let link = Regex::new(r"docs/([a-z-]+\.md)(#[a-z0-9_-]+)?").unwrap();
    let mut count = 0;
    for found in link.captures_iter(&text) {
        let page = read(&format!("docs/{}", &found[1]));
        if let Some(anchor) = found.get(2) {
            assert!(anchors(&page).iter().any(|it| *it == anchor.as_str()[1..]), "{}", &found[0]);
        }
        count += 1;
    }
    assert!(count > 100, "{count} links");
}

/// The pages of `docs/`, each with its name.
fn pages() -> Vec<(String, String)> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
    let paths = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let pages = paths.filter(|path| path.extension().is_some_and(|kind| kind == "md"));
    pages
        .map(|path| (path.file_name().unwrap().to_str().unwrap().to_owned(), fs::read_to_string(path).unwrap()))
        .collect()
}

#[test]
fn the_index_lists_every_page_once() {
    let index = read("docs/README.md");
    for (page, _) in pages().iter().filter(|(page, _)| page != "README.md") {
        assert_eq!(index.matches(&format!("\n| [{page}]({page}) | ")).count(), 1, "{page} in docs/README.md");
    }
}

#[test]
fn every_link_to_a_heading_leads_to_one() {
    let link = Regex::new(r"\]\(([a-z-]*(?:\.md)?)#([^)]+)\)").unwrap();
    let mut count = 0;
    for (page, text) in pages() {
        for found in link.captures_iter(&text) {
            let target = if found[1].is_empty() { text.clone() } else { read(&format!("docs/{}", &found[1])) };
            assert!(anchors(&target).iter().any(|it| *it == found[2]), "{page}: {}", &found[0]);
            count += 1;
        }
    }
    assert!(count > 100, "{count} links");
}

/// A message of the tables in docs/troubleshooting.md, without one that needs a directory service.
#[test]
fn every_message_in_troubleshooting_is_in_a_case_of_the_container() {
    let cases = sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/container/cases"));
    let code = Regex::new("`([^`]+)`").unwrap();
    let page = read("docs/troubleshooting.md");
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `")?.split_once(" | "));
    let mut count = 0;
    for (cell, _) in rows {
        let cell = format!("`{cell}");
        for message in code.captures_iter(&cell).map(|found| found[1].to_owned()) {
            let is_shown = cases.contains(&message) || message.starts_with("group wheel is defined in sss ");
            assert!(is_shown, "no case of the container has `{message}`");
            count += 1;
        }
    }
    assert!(count > 30, "{count} messages");
}

/// A newcomer is not sent to a file that is no longer there. Words in capitals stand for names to come.
#[test]
fn every_place_that_contributors_are_sent_to_is_there() {
    let place = Regex::new(r"`((?:src|crates|tests|docs|oem|examples|packaging)/[^` ]*)`").unwrap();
    let mut count = 0;
    for page in ["CONTRIBUTING.md", "tests/README.md"] {
        let text = read(page);
        for found in place.captures_iter(&text) {
            let path = &found[1];
            if path.contains("NAME") || path.contains("TARGET") || path.contains("FORMAT") || path.contains("nimbus") {
                continue;
            }
            assert!(Path::new(env!("CARGO_MANIFEST_DIR")).join(path).exists(), "{page}: there is no {path}");
            count += 1;
        }
    }
    assert!(count > 40, "{count} places");
}
