//! The number of errors, warnings and notes in a report.

use std::iter;

use serde::Serialize;

use super::plural;
use cloud_config::diagnostic::Severity;
use cloud_config::redact::LocatedFinding;

/// The number of findings of each severity. A failure counts as an error.
#[derive(Clone, Copy, Default, Serialize)]
pub struct Count {
    /// Errors, and failures of the run as a whole.
    pub errors: usize,
    /// Warnings.
    pub warnings: usize,
    /// Notes.
    pub notes: usize,
}

impl Count {
    pub fn of<'a>(failures: &[String], findings: impl IntoIterator<Item = &'a LocatedFinding>) -> Self {
        let mut count = Self { errors: failures.len(), ..Self::default() };
        for finding in findings {
            match finding.severity {
                Severity::Error => count.errors += 1,
                Severity::Warning => count.warnings += 1,
                Severity::Note => count.notes += 1,
            }
        }
        count
    }

    /// Formats the last line of the text: `2 errors, 1 warning`.
    pub fn summary(self) -> String {
        let (problems, notes) = (self.problems(), (self.notes > 0).then(|| plural(self.notes, "note")));
        let problems = problems.unwrap_or_else(|| "no problems found".to_owned());
        iter::once(problems).chain(notes).collect::<Vec<_>>().join(", ")
    }

    /// Formats the errors and warnings, if there are any: `2 errors, 1 warning`.
    pub fn problems(self) -> Option<String> {
        let counts = [(self.errors, "error"), (self.warnings, "warning")];
        let words: Vec<_> =
            counts.iter().filter(|(count, _)| *count > 0).map(|(count, one)| plural(*count, one)).collect();
        (!words.is_empty()).then(|| words.join(", "))
    }
}
