//! What is legal and probably not what was meant.
//!
//! Nothing here changes what is applied: lints are warnings and notes, made of the configuration alone. What
//! leaves an item out is the planner's to find (`plan`), and what is no configuration at all, the reader's (`yaml`).

mod characters;
mod command_line;
mod foreign;
mod hash;
mod hostname;
mod lines;
mod options;
mod placeholders;
mod places;
mod sections;
mod structure;
mod templates;
mod text;
mod tokens;
mod unit_file;
mod unit_keys;
mod unit_lines;
mod unit_values;
mod unit_verify;
mod units;
mod users;

use std::collections::HashSet;
use std::sync::LazyLock;

use crate::config::CloudConfig;
use crate::diagnostic::Finding;
use crate::yaml::{Entry, ParsedYaml};
pub use templates::HELP as TEMPLATE_HELP;

/// Returns true if `word` is a key that this program or cloud-init knows somewhere.
pub fn is_key(word: &str) -> bool {
    static KEYS: LazyLock<HashSet<&'static str>> =
        LazyLock::new(|| places::PLACES.iter().flat_map(places::Place::keys).chain(foreign::keys()).collect());
    KEYS.contains(&*word.replace('-', "_"))
}

/// Returns true if `word`, spelled with `_`, is a key of a section or of an item of a list, or one of another program.
pub fn is_item_key(word: &str) -> bool {
    let places = places::PLACES.iter().filter(|place| place.is_item() || matches!(&*place.path, "" | "coreos"));
    places.flat_map(places::Place::keys).chain(foreign::keys()).any(|key| key == word)
}

/// Returns true if the key of `entry` in the section `place` is one of another program, whose value it may have.
pub fn is_foreign(entry: &Entry, place: &str) -> bool {
    // The default user of cloud-init is no list.
    let is_users = entry.name() == "user" && place.is_empty() && entry.value.items().is_some();
    !is_users && foreign::find(&entry.name(), place, &entry.value).is_some()
}

/// What is worth telling of `config`, which was read from `document`; `text` is the part as its author wrote it.
pub fn lint(config: &CloudConfig, document: &ParsedYaml, text: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    findings.extend(structure::lint(document, text));
    findings.extend(units::lint(config, document, text));
    findings.extend(hostname::lint(config));
    findings.extend(users::lint(config));
    findings.extend(options::lint(config));
    findings.extend(text::lint(config, text));
    findings.extend(characters::lint(config, text));
    findings.extend(templates::lint(document, text));
    findings.extend(placeholders::lint(document, text));
    findings.extend(tokens::lint(text));
    findings
}
