//! Checks for valid configurations that are probably not intended.
//!
//! Lints report warnings and notes about the configuration, and never change what is applied. The planner (`plan`)
//! reports skipped items, and the parser (`yaml`) reports syntax errors.

mod characters;
mod command_line;
mod exec_values;
mod hash;
mod hostname;
mod lines;
mod options;
mod placeholders;
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

use crate::config::CloudConfig;
use crate::diagnostic::Finding;
use crate::yaml::ParsedYaml;
pub use templates::HELP as TEMPLATE_HELP;

/// Checks `config`, which was read from `document`. `text` is the source text of the part.
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

/// Returns the texts at the positions of the findings that `lint` makes of `text`.
#[cfg(test)]
fn found_texts(lint: fn(&ParsedYaml, &str) -> Vec<Finding>, text: &str) -> Vec<&str> {
    let spans = lint(&crate::yaml::parse(text, |at| at), text).into_iter().filter_map(|finding| finding.span);
    spans.map(|span| &text[span.start..span.end]).collect()
}
