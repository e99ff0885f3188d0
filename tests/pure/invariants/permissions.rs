//! The mode of a file.

use cloud_config::config::permissions::parse;
use cloud_config::diagnostic::Span;

use super::spans;

/// Checks a text as permissions: a mode of twelve bits, or a finding with the reason.
pub fn check(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let span = Some(Span::new(3, 7));
    match parse(&text, span) {
        Ok((mode, finding)) => {
            assert!(mode <= 0o7777, "{mode:o}");
            assert!(finding.as_ref().is_none_or(|finding| !finding.is_error() && finding.span == span));
            finding.iter().for_each(spans::one_line);
            // The canonical form means the same, and has no finding.
            assert_eq!(parse(&format!("{mode:04o}"), span), Ok((mode, None)));
        }
        Err(finding) => {
            assert!(finding.is_error() && finding.span == span);
            spans::one_line(&finding);
        }
    }
}
