//! `docs/findings.md` says of every rule what is true: its severity, what it means, and by example what breaks it.
//!
//! A rule is added to the page with a section that this test prints where one is missing.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use cloud_config::address_tokens::{Address, Addresses};
use cloud_config::convert::model::Variant;
use cloud_config::convert::{self, StandIns};
use cloud_config::diagnostic::{Rule, rules};
use cloud_config::network;
use cloud_config::plan::Facts;
use cloud_config::run_plan::{Inputs, Machine, Policy, RunPlan};
use cloud_config::{document, user_data};

/// Rules that no text on a page can break, and why.
const WITHOUT_EXAMPLE: &[(&str, &str)] = &[
    ("bad-network", "it takes an answer of a metadata service"),
    ("limit", "it takes a text that is too long for the page"),
    ("not-utf8", "the page is UTF-8"),
    ("read-only-usr", "it takes a machine whose /usr is read-only"),
    ("unreadable", "it takes a file of the machine"),
    ("script-line-ends", "a carriage return does not show on a page"),
];

/// Rules whose examples cannot but break another one, too.
const ALONG: &[(&str, &str)] = &[
    ("obsolete", "deprecated"),
    ("odd-discovery", "deprecated"),
    ("plain-http", "deprecated"),
    ("quoted-number", "deprecated"),
];

/// Rules whose examples are files of interfaces.
const NETWORK: &[&str] = &["bad-stanza", "bad-interface", "bad-network-value", "unconverted", "odd-interface"];

/// Rules that a conversion breaks.
const CONVERSION: &[&str] = &["conversion", "generated-helper", "changed-meaning", "not-converted"];

/// The section of a rule.
struct Section {
    id: String,
    /// Severity and meaning.
    first: String,
    /// The texts of its examples.
    examples: Vec<String>,
    /// Everything else.
    words: String,
}

fn sections() -> Vec<Section> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/findings.md");
    let page = fs::read_to_string(path).unwrap();
    let mut sections: Vec<Section> = Vec::new();
    let mut inside: Option<String> = None;
    for line in page.lines() {
        if let Some(id) = line.strip_prefix("### `").and_then(|rest| rest.strip_suffix('`')) {
            let id = id.to_owned();
            sections.push(Section { id, first: String::new(), examples: Vec::new(), words: String::new() });
            continue;
        }
        let Some(section) = sections.last_mut() else { continue };
        match &mut inside {
            Some(example) if line == "```" => {
                section.examples.push(std::mem::take(example));
                inside = None;
            }
            Some(example) => example.extend([line, "\n"]),
            None if ["```yaml", "```text", "```interfaces"].contains(&line) => inside = Some(String::new()),
            None if line.starts_with("## ") => {}
            None if section.first.is_empty() => section.first.push_str(line),
            None => section.words += line,
        }
    }
    assert!(inside.is_none(), "an example does not end");
    sections
}

/// The first line of a rule's section.
fn head(rule: &Rule) -> String {
    format!("**{}**: {}", rule.severity.as_str(), rule.summary)
}

/// The section of a rule, to be filled in.
fn skeleton(rule: &Rule) -> String {
    let example = "```yaml\n#cloud-config\nWHAT BREAKS IT\n```";
    format!("\n### `{}`\n\n{}\n\n{example}\n\nWHAT TO DO\n", rule.id, head(rule))
}

/// The rules that a file of interfaces breaks.
fn broken_interfaces(text: &str) -> BTreeSet<&'static str> {
    network::debian::convert(text.as_bytes()).findings.iter().map(|finding| finding.rule.id).collect()
}

/// The rules that a text breaks. The IPv4 addresses of the machine are known, the others are not.
fn broken(text: &str) -> BTreeSet<&'static str> {
    let mut addresses = Addresses::default();
    addresses.insert(Address::PublicV4, "203.0.113.5");
    addresses.insert(Address::PrivateV4, "10.0.0.5");
    user_data::split("example", text.as_bytes().to_vec())
        .into_iter()
        .flat_map(|part| document::read(part, &addresses, false).plan(&Facts::default(), "set").findings)
        .map(|finding| finding.rule.id)
        .collect()
}

/// The rules that the conversion of a text breaks, without the one that every conversion breaks.
fn broken_conversion(text: &str) -> BTreeSet<&'static str> {
    let parts = user_data::split("example", text.as_bytes().to_vec());
    let read = |part, addresses: &Addresses| document::read(part, addresses, false);
    let (documents, stand_ins) = StandIns::read(&Addresses::default(), &parts, read);
    let inputs = Inputs { documents, ..Inputs::default() };
    let machine = Machine { facts: &|_, _| Facts::default(), has_core: &|| true };
    let plan = RunPlan::new(inputs, Policy { strict: false, key_set: "set" }, &machine);
    let options = convert::Options { variant: Variant::Flatcar, platform: None, ordered: false };
    let of_plan = plan.parts.iter().flat_map(|part| part.plan.findings.iter());
    let found = convert::convert(&plan, &stand_ins, options).findings;
    let mut rules: BTreeSet<_> =
        of_plan.chain(found.iter().map(|found| &found.finding)).map(|finding| finding.rule.id).collect();
    assert!(rules.contains("conversion"), "every conversion has a note");
    if rules.len() > 1 {
        rules.remove("conversion");
    }
    rules
}

#[test]
fn every_rule_has_its_section_and_no_other_has() {
    let sections = sections();
    let mut missing = String::new();
    for rule in rules::ALL {
        match sections.iter().filter(|section| section.id == rule.id).count() {
            0 => missing.push_str(&skeleton(rule)),
            count => assert_eq!(count, 1, "{} has {count} sections", rule.id),
        }
    }
    assert!(missing.is_empty(), "docs/findings.md wants these sections:\n{missing}");
    for section in &sections {
        let rule = rules::ALL.iter().find(|rule| rule.id == section.id);
        let rule = rule.unwrap_or_else(|| panic!("there is no rule {}", section.id));
        assert_eq!(section.first, head(rule));
        assert!(section.words.len() > 8, "{} does not say what to do", rule.id);
    }
}

#[test]
fn every_example_breaks_its_rule_and_no_other() {
    let mut wrong = String::new();
    for Section { id, examples, .. } in &sections() {
        let none = WITHOUT_EXAMPLE.iter().any(|(rule, _)| rule == id);
        assert_eq!(examples.is_empty(), none, "{id}");
        let along = ALONG.iter().filter(|(rule, _)| rule == id).map(|(_, other)| *other);
        let expected: BTreeSet<_> = along.chain([id.as_str()]).collect();
        for example in examples {
            let broken = match id.as_str() {
                id if NETWORK.contains(&id) => broken_interfaces(example),
                id if CONVERSION.contains(&id) => broken_conversion(example),
                _ => broken(example),
            };
            if broken != expected {
                wrong.extend([format!("\nthe example of {id} breaks {broken:?}:\n{example}")]);
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn the_exceptions_are_of_rules_that_exist() {
    for (rule, reason) in WITHOUT_EXAMPLE.iter().chain(ALONG) {
        assert!(rules::ALL.iter().any(|known| known.id == *rule), "{rule}: {reason}");
    }
}
