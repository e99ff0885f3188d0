//! The output of `--validate`: one line per finding, on a terminal with the line of the file; or one JSON document.

use serde::Serialize;

use cloud_config::text::json;

use super::count::Count;
use super::snippet::Painter;
use super::{EXPLAIN, FORMAT, Screen};
use crate::cli::Format;
use cloud_config::diagnostic::Finding;
use cloud_config::document::Document;
use cloud_config::redact::{self, LocatedFinding};
use cloud_config::text::Lines;
use cloud_config::text::printable;
use cloud_config::user_data::ContentKind;
use cloud_config::yaml::{ParsedYaml, Paths};

/// A part that was checked.
pub struct Checked {
    /// The part.
    pub document: Document,
    /// The findings to report, in the order of their positions.
    pub findings: Vec<Finding>,
}

/// The findings of a part, with their lines.
struct Part<'a> {
    checked: &'a Checked,
    lines: Lines<'a>,
    paths: Paths<'a>,
    findings: Vec<LocatedFinding>,
}

/// Formats the result of checking one source of user-data.
pub fn print(source: &str, failures: &[String], parts: &[Checked], format: Format, screen: Screen) -> String {
    match format {
        Format::Json => object(source, failures, &parts.iter().map(Part::new).collect::<Vec<_>>()),
        Format::Text => text(source, failures, &[], parts, screen),
    }
}

/// Formats failures, findings about the user-data as a whole, and findings of the parts as text.
pub fn text(source: &str, failures: &[String], general: &[Finding], parts: &[Checked], screen: Screen) -> String {
    let nothing = ParsedYaml::default();
    let locate = |finding| LocatedFinding::new(source, finding, &Lines::new(b""), &Paths::new(&nothing));
    let general: Vec<_> = general.iter().map(locate).collect();
    let parts: Vec<_> = parts.iter().map(Part::new).collect();
    if screen.terminal {
        return drawn(failures, &general, &parts, screen);
    }
    // Most failures begin with the source, which the line must not name twice.
    let failed = failures.iter().map(|failure| match failure.strip_prefix(&format!("{source} ")) {
        Some(rest) => format!("{source}: error: {rest}"),
        None => format!("{source}: error: {failure}"),
    });
    let found = general.iter().chain(parts.iter().flat_map(|part| &part.findings)).map(LocatedFinding::line);
    failed.chain(found).map(|line| printable(&line) + "\n").collect()
}

impl<'a> Part<'a> {
    fn new(checked: &'a Checked) -> Self {
        let part = &checked.document.part;
        let (lines, paths) = (Lines::new(part.text.as_bytes()), Paths::new(&checked.document.parsed));
        let located = |finding| LocatedFinding::new(&part.name, finding, &lines, &paths);
        let findings = checked.findings.iter().map(located).collect();
        Self { checked, lines, paths, findings }
    }
}

fn all<'a>(parts: &'a [Part<'_>]) -> impl Iterator<Item = &'a LocatedFinding> {
    parts.iter().flat_map(|part| &part.findings)
}

fn object(source: &str, failures: &[String], parts: &[Part<'_>]) -> String {
    #[derive(Serialize)]
    struct PartObject<'a> {
        name: &'a str,
        form: ContentKind,
        findings: &'a [LocatedFinding],
    }
    #[derive(Serialize)]
    struct CheckDocument<'a> {
        format: u32,
        source: &'a str,
        #[serde(flatten)]
        count: Count,
        failures: &'a [String],
        parts: Vec<PartObject<'a>>,
    }
    let count = Count::of(failures, all(parts));
    let objects = parts.iter().map(|Part { checked, findings, .. }| {
        let part = &checked.document.part;
        PartObject { name: &part.name, form: part.form, findings }
    });
    json::print(&CheckDocument { format: FORMAT, source, count, failures, parts: objects.collect() })
}

fn drawn(failures: &[String], general: &[LocatedFinding], parts: &[Part<'_>], screen: Screen) -> String {
    let painter = Painter::new(screen);
    let mut out = String::new();
    for failure in failures {
        out.push_str(&painter.draw_failure(failure));
        out.push('\n');
    }
    for finding in general {
        out.push_str(&painter.draw(finding, None));
        out.push('\n');
    }
    for part in parts {
        let text = &part.checked.document.part.text;
        for (finding, located) in part.checked.findings.iter().zip(&part.findings) {
            let line = finding.span.map(|span| redact::line(text, span, &part.lines, &part.paths));
            out.push_str(&painter.draw(located, line.as_ref()));
            out.push('\n');
        }
    }
    let all = || general.iter().chain(all(parts));
    let count = Count::of(failures, all());
    if all().next().is_some() {
        out.push_str(EXPLAIN);
        out.push_str("\n\n");
    }
    out + &count.summary() + "\n"
}
