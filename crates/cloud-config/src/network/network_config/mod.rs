//! `network-config`: the network configuration of cloud-init, versions 1 and 2, in YAML or JSON (docs/network.md).
//!
//! Version 1 is a list of items, version 2 is netplan's format. Both fill the same `Links`.

mod fields;
mod links;
mod v1;
mod v2;

use crate::diagnostic::{Finding, Findings, rules};
use crate::yaml::{self, Node};

use super::Conversion;
use super::stack::stack;
use fields::Fields;
use links::Links;

/// The description in findings that concern all of it.
const SUBJECT: &str = "network description";

/// Converts a `network-config`.
pub fn convert(text: &str) -> Conversion {
    let mut findings = Findings::default();
    let links = read(text, &mut findings).unwrap_or_default();
    let is_disabled = links.is_disabled;
    let interfaces = stack(links.finish(), &mut findings);
    Conversion { is_disabled, ..Conversion::new(interfaces, findings) }
}

fn read(text: &str, findings: &mut Findings) -> Option<Links> {
    let document = yaml::parse(text.strip_prefix('\u{feff}').unwrap_or(text), |at| {
        if text.starts_with('\u{feff}') { at + '\u{feff}'.len_utf8() } else { at }
    });
    for finding in document.findings {
        findings.add(finding.rule, || finding.clone());
    }
    if let Some(error) = document.error {
        // What is complete before the error may be half of an interface.
        let message = format!("{SUBJECT}: {}; not converted", error.message);
        findings.add(&rules::BAD_NETWORK, || Finding { message, ..Finding::new(&rules::BAD_NETWORK, error.span, "") });
        return None;
    }
    let root = document.root?;
    if root.is_null() {
        return None;
    }
    let refuse = |node: &Node, message: &str, findings: &mut Findings| {
        findings.report(&rules::BAD_NETWORK, Some(node.span), SUBJECT, format!("{message}; not converted"));
    };
    let Some(top) = Fields::new(&root, SUBJECT) else {
        refuse(&root, "not a mapping", findings);
        return None;
    };
    // netplan's files have everything below `network`.
    let inner = top.node("network");
    if inner.is_some() {
        top.report_unknown(&["network"], &[], findings);
    }
    let node = inner.unwrap_or(&root);
    let Some(fields) = Fields::new(node, SUBJECT) else {
        refuse(node, "`network` is not a mapping", findings);
        return None;
    };
    let mut links = Links::default();
    let has_config = fields.node("config").is_some();
    match fields.text("version") {
        Some("1") => v1::read(&fields, &mut links, findings),
        Some("2") => v2::read(&fields, &mut links, findings),
        None if has_config => v1::read(&fields, &mut links, findings),
        None if v2::SECTIONS.iter().any(|name| fields.node(name).is_some()) => v2::read(&fields, &mut links, findings),
        None => {
            refuse(node, "neither `version` nor `config` nor `ethernets`", findings);
            return None;
        }
        Some(_) => {
            let node = fields.node("version").unwrap_or(node);
            refuse(node, "unsupported `version`, neither 1 nor 2", findings);
            return None;
        }
    }
    links.connect(findings);
    Some(links)
}
