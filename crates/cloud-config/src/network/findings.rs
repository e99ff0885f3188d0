//! Findings about network descriptions, which name the interface or the entry.

use crate::diagnostic::{Finding, Findings, Rule, Span};

use super::names::display_name;

impl Findings {
    /// Adds a finding about `subject`: the name of an interface, or an entry of the description.
    pub(super) fn report(&mut self, rule: &'static Rule, span: Option<Span>, subject: &str, message: impl AsRef<str>) {
        self.add(rule, || Finding::new(rule, span, format!("{}: {}", display_name(subject), message.as_ref())));
    }

    /// Adds a finding about `subject` with a remedy.
    pub(super) fn suggest(
        &mut self,
        rule: &'static Rule,
        span: impl Into<Option<Span>>,
        subject: &str,
        message: impl AsRef<str>,
        help: &str,
    ) {
        let message = || format!("{}: {}", display_name(subject), message.as_ref());
        self.add(rule, || Finding::new(rule, span, message()).help(help));
    }
}

#[cfg(test)]
mod tests {
    use crate::diagnostic::{Findings, rules};

    #[test]
    fn the_subject_is_printable() {
        let mut findings = Findings::default();
        findings.report(&rules::BAD_INTERFACE, None, "eth0\n", "x");
        let findings = findings.into_list();
        assert_eq!((findings[0].message.as_str(), findings[0].is_error()), ("eth0\\n: x", true));
    }
}
