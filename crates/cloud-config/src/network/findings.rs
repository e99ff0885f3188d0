//! What is told of a network description, up to a limit: whoever wrote it must not fill the log.

use crate::diagnostic::{Finding, Rule, Severity, Span, rules};

use super::names::display_name;

/// The most findings of one description.
const MOST: usize = 1_000;

/// Findings, as they turn up.
#[derive(Debug, Default)]
pub(super) struct NetworkFindings {
    findings: Vec<Finding>,
    untold: usize,
    is_error_untold: bool,
}

impl NetworkFindings {
    /// Tells something of `subject`: the name of an interface, or where in the description it stands.
    pub fn tell(&mut self, rule: &'static Rule, span: Option<Span>, subject: &str, message: impl AsRef<str>) {
        if self.has_room(rule) {
            let message = format!("{}: {}", display_name(subject), message.as_ref());
            self.findings.push(Finding::new(rule, span, message));
        }
    }

    /// Tells something that can be written better.
    pub fn advise(
        &mut self,
        rule: &'static Rule,
        span: impl Into<Option<Span>>,
        subject: &str,
        message: impl AsRef<str>,
        help: &str,
    ) {
        if self.has_room(rule) {
            let message = format!("{}: {}", display_name(subject), message.as_ref());
            self.findings.push(Finding::new(rule, span, message).help(help));
        }
    }

    /// Whether one more is told; if not, it is counted.
    fn has_room(&mut self, rule: &'static Rule) -> bool {
        let has_room = self.findings.len() < MOST;
        if !has_room {
            self.untold += 1;
            self.is_error_untold |= rule.severity == Severity::Error;
        }
        has_room
    }

    /// All of them, and how many are not among them.
    pub fn finish(mut self) -> Vec<Finding> {
        if self.untold > 0 {
            let rule = if self.is_error_untold { &rules::BAD_NETWORK } else { &rules::UNCONVERTED };
            self.findings.push(Finding::new(rule, None, format!("{} more findings are not told", self.untold)));
        }
        self.findings
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn findings_have_an_end() {
        let mut telling = NetworkFindings::default();
        for _ in 0..MOST + 5 {
            telling.tell(&rules::UNCONVERTED, None, "eth0", "x");
        }
        telling.tell(&rules::BAD_INTERFACE, None, "eth0\n", "x");
        let findings = telling.finish();
        assert_eq!(findings.len(), MOST + 1);
        assert_eq!((findings[0].message.as_str(), findings[0].is_error()), ("eth0: x", false));
        let last = &findings[MOST];
        assert_eq!((last.message.as_str(), last.is_error()), ("6 more findings are not told", true));
    }
}
