//! Prints the parsed configuration as user-data that can be parsed again (`--print-config`, docs/command-line.md).
//!
//! Tokens are replaced, keys have their documented spelling, and skipped items are omitted. So the output has no faults
//! and the same effect as the input. Secrets are redacted unless requested; an item with a redacted secret is never
//! applied.

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
/// The comment at the beginning of a document in which secrets are redacted.
const REDACTED_NOTE: &str = "# Secrets are redacted. --print-config --show-secrets prints what can be applied.\n";
/// The text that replaces a script.
const SCRIPT: &str = "# This is a script. --print-config --show-secrets prints it.\n";

/// A parsed part for printing.
#[derive(Serialize)]
pub struct Understood {
    name: String,
    form: ContentKind,
    #[serde(skip_serializing_if = "Option::is_none")]
    config: Option<PrintedMapping>,
    #[serde(skip_serializing_if = "Option::is_none")]
    script: Option<String>,
    /// True if the part is printed as a comment in place of a script.
    #[serde(skip)]
    stands_in: bool,
    /// True if a secret of the part is redacted.
    #[serde(rename = "masked")]
    redacted: bool,
}

impl Understood {
    /// Prepares a parsed document for printing, without the items that `plan` skips.
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

    /// Returns the part as user-data.
    fn text(&self) -> String {
        match (&self.config, &self.script) {
            // The output stays the same if it is parsed and printed again.
            (Some(_), _) if self.stands_in => format!("{HEADER}{SCRIPT}"),
            (Some(config), _) => {
                let note = if self.redacted { REDACTED_NOTE } else { "" };
                // Tokens in values are escaped, because they are replaced when the output is parsed.
                format!("{HEADER}{note}{}", escape(&yaml::write(config, is_shown)))
            }
            (None, Some(_)) if self.redacted => format!("{HEADER}{SCRIPT}"),
            (None, Some(script)) => escape(script).into_owned(),
            // `user_data` omits parts for other programs, so this is never printed.
            (None, None) => HEADER.to_owned(),
        }
    }
}

/// Formats all parts, except those for other programs, as user-data: one part as it is, several as a multipart.
pub fn user_data(parts: &[Understood]) -> String {
    let parts: Vec<_> = parts.iter().filter(|part| part.config.is_some() || part.script.is_some()).collect();
    match parts.as_slice() {
        [] => HEADER.to_owned(),
        [part] => part.text(),
        parts => multipart::multipart(parts),
    }
}
