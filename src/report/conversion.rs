//! The report of `--convert-to`: text for standard error, or one JSON document that also has the configuration.

use serde::Serialize;

use cloud_config::diagnostic::Finding;
use cloud_config::redact::LocatedFinding;
use cloud_config::text::{Lines, json};
use cloud_config::user_data::ContentKind;
use cloud_config::yaml::Paths;

use super::check::{self, Checked};
use super::count::Count;
use super::{FORMAT, Screen};

/// The findings of a conversion.
pub struct Report<'a> {
    /// The name of the source.
    pub source: &'a str,
    /// The failures of reading the source.
    pub failures: &'a [String],
    /// The findings about all of the user-data.
    pub general: Vec<Finding>,
    /// The parts with their findings.
    pub parts: &'a [Checked],
}

impl Report<'_> {
    /// Formats the findings as text, those about the user-data as a whole first.
    pub fn text(&self, screen: Screen) -> String {
        check::text(self.source, self.failures, &self.general, self.parts, screen)
    }

    /// Formats the configuration and the findings as JSON; a missing configuration is `null`.
    pub fn json(&self, configuration: Option<&str>) -> String {
        #[derive(Serialize)]
        struct PartObject<'a> {
            name: &'a str,
            form: ContentKind,
            findings: Vec<LocatedFinding>,
        }
        #[derive(Serialize)]
        struct ConversionDocument<'a> {
            format: u32,
            source: &'a str,
            #[serde(flatten)]
            count: Count,
            failures: &'a [String],
            configuration: Option<&'a str>,
            findings: Vec<LocatedFinding>,
            parts: Vec<PartObject<'a>>,
        }
        let located = |name: &str, findings: &[Finding], lines: &Lines<'_>, paths: &Paths<'_>| -> Vec<_> {
            findings.iter().map(|finding| LocatedFinding::new(name, finding, lines, paths)).collect()
        };
        let parts: Vec<_> = self
            .parts
            .iter()
            .map(|Checked { document, findings }| {
                let (lines, paths) = (Lines::new(document.part.text.as_bytes()), Paths::new(&document.parsed));
                let findings = located(&document.part.name, findings, &lines, &paths);
                PartObject { name: &document.part.name, form: document.part.form, findings }
            })
            .collect();
        let nothing = cloud_config::yaml::ParsedYaml::default();
        let findings = located(self.source, &self.general, &Lines::new(b""), &Paths::new(&nothing));
        let (source, failures) = (self.source, self.failures);
        let count = Count::of(failures, findings.iter().chain(parts.iter().flat_map(|part| &part.findings)));
        json::print(&ConversionDocument { format: FORMAT, source, count, failures, configuration, findings, parts })
    }
}
