//! The parsed configuration, as user-data that can be parsed again (`--print-config`,
//! docs/command-line.md).
//!
//! Tokens are replaced, keys spelled in one way, and what is left out is left out: reading it again finds nothing
//! wrong with it and does the same. Secrets are redacted unless they are asked for; a redacted item is never applied.

mod config;
mod multipart;
mod omitted;
mod redactor;
mod tree;

use serde::Serialize;

use crate::address_tokens::escape;
use crate::document::Document;
use crate::plan::Plan;
use crate::text::is_shown;
use crate::user_data::ContentKind;
use crate::yaml;

use redactor::Redactor;
pub use redactor::Secrets;
use tree::PrintedMapping;

/// The first line of a cloud-config.
const HEADER: &str = "#cloud-config\n";
/// The comment at the top where something is redacted.
const REDACTED_NOTE: &str = "# Secrets are redacted. --print-config --show-secrets prints what can be applied.\n";
/// The text that replaces a script.
const SCRIPT: &str = "# This is a script. --print-config --show-secrets prints it.\n";

/// A parsed part.
#[derive(Serialize)]
pub struct Understood {
    name: String,
    form: ContentKind,
    #[serde(skip_serializing_if = "Option::is_none")]
    config: Option<PrintedMapping>,
    #[serde(skip_serializing_if = "Option::is_none")]
    script: Option<String>,
    /// True if it is the replacement of a script.
    #[serde(skip)]
    stands_in: bool,
    /// True if something of it is redacted.
    #[serde(rename = "masked")]
    redacted: bool,
}

impl Understood {
    /// The parsed document, without the items that `plan` skips.
    pub fn new(document: &Document, plan: &Plan, secrets: Secrets) -> Self {
        let redactor = Redactor::new(secrets);
        let is = |form| document.part.form == form;
        let config = is(ContentKind::CloudConfig).then(|| {
            let access = config::access(&document.config, &document.access);
            if document.access_only {
                return access;
            }
            let omitted = omitted::Omitted::new(plan, &document.config);
            config::Printer::new(&document.config, omitted, &redactor).config(&document.config, access)
        });
        let script = (is(ContentKind::Script) && !document.access_only).then(|| redactor.secret(&document.script));
        let stands_in = document.part.text.trim_end() == format!("{HEADER}{SCRIPT}").trim_end();
        let (name, form) = (document.part.name.clone(), document.part.form);
        Self { name, form, config, script, stands_in, redacted: redactor.is_any() }
    }

    const fn is_shown_script(&self) -> bool {
        self.script.is_some() && !self.redacted
    }

    /// The part as user-data.
    fn text(&self) -> String {
        match (&self.config, &self.script) {
            // Printing it again gives the same text.
            (Some(_), _) if self.stands_in => format!("{HEADER}{SCRIPT}"),
            (Some(config), _) => {
                let note = if self.redacted { REDACTED_NOTE } else { "" };
                // What is written is read again, with its tokens replaced.
                format!("{HEADER}{note}{}", escape(&yaml::write(config, is_shown)))
            }
            (None, Some(_)) if self.redacted => format!("{HEADER}{SCRIPT}"),
            (None, Some(script)) => escape(script).into_owned(),
            // Parts for other programs are omitted.
            (None, None) => HEADER.to_owned(),
        }
    }
}

/// All parts, except those for other programs, as user-data: one part unchanged, several as a multipart.
pub fn user_data(parts: &[Understood]) -> String {
    let parts: Vec<_> = parts.iter().filter(|part| part.config.is_some() || part.script.is_some()).collect();
    match parts.as_slice() {
        [] => HEADER.to_owned(),
        [part] => part.text(),
        parts => multipart::multipart(parts),
    }
}
