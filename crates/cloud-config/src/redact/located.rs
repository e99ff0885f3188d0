//! A finding for reports and records: with the name of its part, its lines and columns, and the path of its key.

use serde::Serialize;

use super::fields;
use crate::diagnostic::{Finding, Severity};
use crate::text::{LineRange, Lines, Position};
use crate::yaml::Paths;

/// A finding with its position (docs/validating.md describes its fields).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LocatedFinding {
    /// The severity.
    pub severity: Severity,
    /// The ID of the rule.
    pub id: &'static str,
    /// The problem.
    pub message: String,
    /// The remedy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
    /// The name of the part.
    pub part: String,
    /// The position.
    #[serde(flatten)]
    pub at: Option<LineRange>,
    /// The path of the key, such as `coreos.units[1].command`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
}

impl LocatedFinding {
    /// Locates `finding` in the part `name`.
    pub fn new(name: &str, finding: &Finding, lines: &Lines<'_>, paths: &Paths<'_>) -> Self {
        let path = finding.span.map(|span| fields::path_text(&paths.at(span))).filter(|path| !path.is_empty());
        let subject = finding.subject.as_ref().map(|subject| path.as_ref().unwrap_or(&subject.0));
        let prefix = subject.filter(|subject| !subject.is_empty()).map_or_else(String::new, |name| format!("{name}: "));
        Self {
            severity: finding.severity(),
            id: finding.rule.id,
            message: format!("{prefix}{}", finding.message),
            help: finding.help.clone(),
            part: name.to_owned(),
            at: finding.span.map(|span| lines.extent(span)),
            path,
        }
    }

    /// Formats the finding on one line: `NAME:LINE:COL: error: message (help) [id] at path`. A path that begins the message is
    /// not repeated.
    pub fn line(&self) -> String {
        let position = position(&self.part, self.at.map(|at| at.start));
        format!("{position}: {}: {}", self.severity.as_str(), self.description())
    }

    /// Formats the finding as [`Self::line`] does, without position and severity.
    pub fn description(&self) -> String {
        let help = self.help.as_ref().map_or_else(String::new, |help| format!(" ({help})"));
        let is_subject = |path: &str| self.message.strip_prefix(path).is_some_and(|rest| rest.starts_with(": "));
        let path = self.path.as_ref().filter(|path| !is_subject(path));
        let path = path.map_or_else(String::new, |path| format!(" at {path}"));
        format!("{}{help} [{}]{path}", self.message, self.id)
    }
}

/// Formats a position as `NAME:LINE:COL`, or as the name alone.
pub fn position(name: &str, at: Option<Position>) -> String {
    at.map_or_else(|| name.to_owned(), |Position { line, column }| format!("{name}:{line}:{column}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::{Span, rules};
    use crate::yaml;

    #[test]
    fn a_finding_is_one_line_and_one_object() {
        let text = "#cloud-config\ncoreos:\n  units:\n  - name: a.service\n    command: strat\n";
        let document = yaml::parse(text, |offset| offset);
        let (lines, paths) = (Lines::new(text.as_bytes()), Paths::new(&document));
        let start = text.find("strat").unwrap();
        let finding = Finding::new(&rules::BAD_COMMAND, Span::new(start, start + 5), "no command").help("write start");
        let located = LocatedFinding::new("part", &finding, &lines, &paths);
        assert_eq!(
            located.line(),
            "part:5:14: error: no command (write start) [bad-command] at coreos.units[0].command"
        );
        assert_eq!(
            serde_json::to_string(&located).unwrap(),
            r#"{"severity":"error","id":"bad-command","message":"no command","help":"write start","part":"part","line":5,"column":14,"end_line":5,"end_column":19,"path":"coreos.units[0].command"}"#
        );
        let whole = Finding::new(&rules::UNKNOWN_FORM, None, "no form");
        let whole = LocatedFinding::new("x", &whole, &lines, &paths);
        assert_eq!(whole.line(), "x: error: no form [unknown-form]");
        assert_eq!(
            serde_json::to_string(&whole).unwrap(),
            r#"{"severity":"error","id":"unknown-form","message":"no form","part":"x"}"#
        );
    }
}
