//! From a part to a plan: the pure half of the picture, one arrow after the other.

use crate::config::CloudConfig;
use crate::finding::Finding;
use crate::lint;
use crate::parts::{Form, Part};
use crate::plan::{self, Access, Facts, Item, Plan, Refused};
use crate::substitute::{Addresses, substitute};
use crate::yaml;

/// A part that was read: what it asks for, as far as it can be understood.
pub struct Reading {
    /// The part, with the text as its author wrote it; a script's has its tokens replaced.
    pub part: Part,
    /// What it asks for.
    pub config: CloudConfig,
    /// The document that says so; empty where the part is none.
    pub document: yaml::Document,
    /// What is worth telling of it before it is planned.
    pub findings: Vec<Finding>,
    /// It cannot be understood to its end, so that nothing of it is applied but access.
    pub broken: bool,
    /// The host name and the keys of `core` that it gives.
    pub access: Access,
}

/// Reads a part: tokens, YAML, types. `short_hostname` cuts host names at the first dot.
pub fn read(part: Part, addresses: &Addresses, short_hostname: bool) -> Reading {
    let mut reading = Reading {
        findings: part.findings.clone(),
        part,
        config: CloudConfig::default(),
        document: yaml::Document::default(),
        broken: false,
        access: Access::default(),
    };
    if reading.part.form == Form::Ignition {
        // Nothing of it is read, so nothing is replaced in it.
        return reading;
    }
    let substituted = substitute(&reading.part.text, addresses);
    reading.findings.extend_from_slice(&substituted.findings);
    match reading.part.form {
        Form::CloudConfig => {
            let mut document = yaml::parse(&substituted.text, |offset| substituted.origin(offset));
            let (config, findings) = yaml::read::<CloudConfig>(&document);
            reading.broken = document.error.is_some();
            reading.findings.append(&mut document.findings);
            reading.findings.extend(document.error.take());
            reading.findings.extend(findings);
            reading.findings.extend(lint::lint(&config, &document, &reading.part.text));
            reading.document = document;
            reading.access = plan::access(&config, short_hostname);
            reading.findings.append(&mut reading.access.findings);
            reading.config = config;
        }
        Form::Script => reading.part.text = substituted.text.into_owned(),
        Form::Ignition => {}
    }
    reading
}

impl Reading {
    /// Plans the part; keys go to the set `key_set`. Its findings are those of the plan too, in the order of their places.
    pub fn plan(&self, facts: &Facts, key_set: &str) -> Plan {
        let mut plan = match self.part.form {
            _ if self.broken => Plan { refused: vec![Refused { item: Item::Rest, span: None }], ..Plan::default() },
            Form::CloudConfig => plan::plan(&self.config, facts, key_set),
            Form::Script => plan::plan_script(plan::script::script(&self.part.text)),
            Form::Ignition => Plan::default(),
        };
        plan.findings.extend_from_slice(&self.findings);
        plan.findings.sort_by_key(|finding| finding.span);
        plan
    }
}
