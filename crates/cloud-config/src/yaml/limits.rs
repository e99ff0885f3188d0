//! Limits on the cost of a document. A small one can cost much: nested merges, aliases, directives.

use crate::diagnostic::{Finding, Span, rules};

/// Bytes of a text.
pub const MAX_TEXT: usize = 16 << 20;
/// Lists and mappings inside each other.
pub const MAX_DEPTH: usize = 100;
/// Entries of one list or mapping.
pub const MAX_ENTRIES: usize = 10_000;
/// Nodes of a document, each counted as often as it is reached through an alias or a merge key.
pub const MAX_NODES: usize = 500_000;
/// Bytes of text that are reached through aliases.
pub const MAX_ALIAS_TEXT: usize = 16 << 20;
/// Lines before the document that begin with `%`.
pub const MAX_DIRECTIVES: usize = 64;

/// A finding of a limit that was passed.
pub(super) fn passed(span: Span, message: impl Into<String>) -> Finding {
    Finding::new(&rules::LIMIT, span, message)
}

/// The range of the directive that is one too many; the scanner's time grows with their square.
pub(super) fn directive_too_many(text: &str) -> Option<(usize, usize)> {
    let mut start = 0;
    let mut directives = 0;
    // Any of the line breaks that the scanner knows ends a directive.
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

/// The first character that no YAML text may hold.
pub(super) fn forbidden_character(text: &str) -> Option<usize> {
    // Nearly all bytes are printable ASCII: look at the others only.
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
