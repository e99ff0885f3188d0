//! Limits on the cost of a document. Nested merges, aliases and directives make a small document expensive.

use crate::diagnostic::{Finding, Span, rules};

/// The longest text, in bytes.
pub const MAX_TEXT: usize = 16 << 20;
/// The greatest depth of lists and mappings.
pub const MAX_DEPTH: usize = 100;
/// The largest number of entries of a list or mapping.
pub const MAX_ENTRIES: usize = 10_000;
/// The largest number of nodes of a document. A node is counted for each alias or merge key that leads to it.
pub const MAX_NODES: usize = 500_000;
/// The largest number of bytes of text that aliases lead to.
pub const MAX_ALIAS_TEXT: usize = 16 << 20;
/// The largest number of lines before the document that begin with `%`.
pub const MAX_DIRECTIVES: usize = 64;

/// Creates the finding about an exceeded limit.
pub(super) fn passed(span: Span, message: impl Into<String>) -> Finding {
    Finding::new(&rules::LIMIT, span, message)
}

/// Returns the range of the first directive above the limit. The time of the scanner grows with the square of their
/// number.
pub(super) fn directive_too_many(text: &str) -> Option<(usize, usize)> {
    let mut start = 0;
    let mut directives = 0;
    // All line breaks that the scanner knows end a directive.
    for line in text.split_inclusive(['\n', '\r', '\u{85}', '\u{2028}', '\u{2029}']) {
        let content = line.trim_start_matches('\u{feff}').trim_start_matches([' ', '\t']);
        if content.starts_with('%') {
            directives += 1;
            if directives > MAX_DIRECTIVES {
                return Some((start, start + line.trim_end().len()));
            }
        } else if !(content.trim_end().is_empty() || content.starts_with('#')) {
            return None;
        }
        start += line.len();
    }
    None
}

/// Returns the position of the first character that is not allowed in YAML.
pub(super) fn forbidden_character(text: &str) -> Option<usize> {
    // Almost all bytes are printable ASCII, so only the others are examined.
    let mut from = 0;
    while let Some(found) = text.as_bytes()[from..].iter().position(|byte| !matches!(byte, b' '..=b'~' | b'\n')) {
        let at = from + found;
        let character = text[at..].chars().next()?;
        if !matches!(character, '\t' | '\r' | '\u{85}' | '\u{a0}'..='\u{fffd}' | '\u{10000}'..) {
            return Some(at);
        }
        from = at + character.len_utf8();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::{directive_too_many, forbidden_character};

    #[test]
    fn only_directives_before_the_document_count() {
        let lines = |n: usize| "%TAG !a! b\n".repeat(n);
        assert_eq!(directive_too_many(&format!("# x\n\n{}---\na: b\n", lines(64))), None);
        assert_eq!(directive_too_many(&format!("# x\r\n{}---", lines(65))), Some((5 + 64 * 11, 5 + 64 * 11 + 10)));
        assert_eq!(directive_too_many(&format!("a: |\n{}", lines(100))), None);
        assert!(directive_too_many(&"%A\r".repeat(65)).is_some());
    }

    #[test]
    fn characters_that_yaml_does_not_allow() {
        assert_eq!(forbidden_character("tab\tnl\r\nä€😀\u{85}\u{feff}"), None);
        for bad in ['\0', '\u{1}', '\u{1b}', '\u{7f}', '\u{80}', '\u{9f}', '\u{fffe}', '\u{ffff}'] {
            assert_eq!(forbidden_character(&format!("aä{bad}x")), Some(3), "{bad:?}");
        }
    }
}
