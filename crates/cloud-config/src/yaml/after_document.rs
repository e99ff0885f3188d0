//! Searches the text after the first document. It is not parsed, so errors in it do not matter (docs/user-data.md).

use super::build::Range;
use crate::diagnostic::{Rule, rules};

/// Returns the first line with content after a document that ends at the byte `end`, and the rule that it breaks.
///
/// A separator with no content after it does not begin a document.
pub(super) fn find(text: &str, end: usize) -> Option<(Range, &'static Rule)> {
    let line_start = text[..end].rfind(['\n', '\r']).map_or(0, |newline| newline + 1);
    let ended = &text[line_start..end] == "...";
    let mut rule = if ended { &rules::MORE_DOCUMENTS } else { &rules::STRAY_CONTENT };
    let mut start = end;
    for line in text[end..].split_inclusive(['\n', '\r']) {
        let mut content = line.trim_end();
        let line_end = start + content.len();
        if let Some(rest) = separated(content) {
            rule = &rules::MORE_DOCUMENTS;
            content = rest;
        }
        let content = content.trim_start();
        if !content.is_empty() && !content.starts_with('#') {
            return Some((Range { start: line_end - content.len(), end: line_end }, rule));
        }
        start += line.len();
    }
    None
}

/// Returns the message of the rule, and the remedy.
pub(super) fn message(rule: &'static Rule) -> (&'static str, &'static str) {
    if *rule == rules::MORE_DOCUMENTS {
        ("second YAML document; document ignored", "put everything into one document: remove the `---` or `...`")
    } else {
        (
            "content after the end of the document; not applied",
            "begin all top-level keys in the same column, or remove this text",
        )
    }
}

/// Returns the text after a separator on its line.
fn separated(line: &str) -> Option<&str> {
    let rest = line.strip_prefix("---").or_else(|| line.strip_prefix("..."))?;
    (rest.is_empty() || rest.starts_with([' ', '\t'])).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::find;

    fn found(text: &str) -> Option<(&str, &str)> {
        let end = text.find('|').unwrap();
        let text = text.replacen('|', "", 1);
        find(&text, end).map(|(range, rule)| (rule.id, &*text[range.start..range.end].to_owned().leak()))
    }

    #[test]
    fn a_separator_alone_is_no_document() {
        for text in ["a|", "a\n|", "a\n|---\n", "a\n|--- # x\n\n...\n---\r\n", "a\n...|\n# b: c\n", "a\n...| # b\n"] {
            assert_eq!(found(text), None, "{text}");
        }
    }

    #[test]
    fn a_second_document_and_stray_content_are_distinguished() {
        assert_eq!(found("a\n|---\nb: c\n"), Some(("more-documents", "b: c")));
        assert_eq!(found("a\n|--- b: c"), Some(("more-documents", "b: c")));
        assert_eq!(found("a\n...|\n  b: c\n"), Some(("more-documents", "b: c")));
        assert_eq!(found("  a: b\n|b: c\n"), Some(("stray-content", "b: c")));
        assert_eq!(found("{}| x # y\n"), Some(("stray-content", "x # y")));
        assert_eq!(found("{}\n|----\n"), Some(("stray-content", "----")));
    }
}
