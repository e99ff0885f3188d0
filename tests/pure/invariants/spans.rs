//! Places lie in the text they are of, and messages are one line.

use cloud_config::diagnostic::{Finding, Span};

/// A span lies in `text`, the right way round, and cuts no character.
pub fn inside(text: &str, span: Span) {
    assert!(span.start <= span.end && span.end <= text.len(), "{span:?} is not in {} bytes", text.len());
    assert!(text.is_char_boundary(span.start) && text.is_char_boundary(span.end), "{span:?} cuts a character");
}

/// A finding can be shown beside `text`.
pub fn finding(text: &str, finding: &Finding) {
    if let Some(span) = finding.span {
        inside(text, span);
    }
    one_line(finding);
}

/// Checks that a finding fits on a line, and is short.
pub fn one_line(finding: &Finding) {
    for words in std::iter::once(&finding.message).chain(&finding.help) {
        assert!(!words.is_empty() && !words.chars().any(char::is_control), "{words:?}");
        assert!(words.len() <= 20_000, "{} bytes of message", words.len());
    }
}
