//! Decides which entries are kept of a document with an error further down (docs/applying.md).

/// A top-level entry that may be complete.
pub(super) struct SalvagedEntry {
    /// The end of its value, in bytes of the text.
    pub end: usize,
    /// The start of the first key of the top-level mapping.
    pub first: usize,
    /// True if that mapping is written in braces.
    pub flow: bool,
    /// True if the value is a list, whose dashes may be in the column of the key.
    pub list: bool,
}

/// Returns true if an entry ends before the byte `error`: something else begins after it, on another line and with no
/// more indentation than the keys.
///
/// A complete value is not sufficient. In `hostname: "a" b`, or if the next line is indented and wrong, the author
/// meant more than that value.
pub(super) fn is_complete(text: &str, entry: &SalvagedEntry, error: usize) -> bool {
    let Some(between) = text.get(entry.end..error) else {
        return false;
    };
    let next = entry.end + blank(between);
    let follows = &text.as_bytes()[next..];
    if entry.flow {
        return matches!(follows.first(), Some(b',' | b'}'));
    }
    let on_new_line = text[entry.end..next].contains(['\n', '\r']);
    // The indentation itself may be wrong.
    let indented = matches!(follows, [b' ' | b'\t', ..]);
    let deeper = indented || column(text, next) > column(text, entry.first);
    let another_item = entry.list && matches!(follows, [b'-'] | [b'-', b' ' | b'\t' | b'\n' | b'\r', ..]);
    on_new_line && !deeper && !another_item
}

/// Returns the length of white space and comments at the beginning of a text.
fn blank(text: &str) -> usize {
    let mut at = 0;
    loop {
        at = text.len() - text[at..].trim_start().len();
        // A `#` begins a comment only after a blank.
        if at == 0 || !text[at..].starts_with('#') {
            return at;
        }
        at += text[at..].find(['\n', '\r']).unwrap_or(text.len() - at);
    }
}

fn column(text: &str, at: usize) -> usize {
    at - text[..at].rfind(['\n', '\r']).map_or(0, |newline| newline + 1)
}

#[cfg(test)]
mod tests {
    use super::{SalvagedEntry, is_complete};

    /// In these tests, `|` marks the end of the value and `!` the error.
    fn complete(text: &str, flow: bool, list: bool) -> bool {
        let end = text.find('|').unwrap();
        let text = text.replacen('|', "", 1);
        let error = text.find('!').unwrap();
        let first = text.find('k').unwrap();
        is_complete(&text.replacen('!', "", 1), &SalvagedEntry { end, first, flow, list }, error)
    }

    #[test]
    fn something_else_begins_on_its_own_line() {
        assert!(complete("k: a|\nb!", false, false));
        assert!(complete("k: a| # c\n\n# d\n  # e\r\nb!", false, false));
        assert!(complete("  k: a|\nb!", false, false));
        assert!(complete("k: a|\n!", false, false));
        assert!(!complete("k: a|!", false, false));
        assert!(!complete("k: \"a\"| b!", false, false));
        assert!(!complete("k: a|\n  b!", false, false));
        assert!(!complete("k: a|#!", false, false));
        assert!(!complete("k: a|\n!\tb", false, false));
    }

    #[test]
    fn dashes_below_the_key_belong_to_it() {
        assert!(!complete("k:\n- a|\n- !", false, true));
        assert!(!complete("k:\n- a|\n-\n!", false, true));
        assert!(complete("k:\n- a|\n-b!", false, true));
        assert!(complete("k: a|\n- !", false, false));
    }

    #[test]
    fn braces_want_a_comma() {
        assert!(complete("{k: a|, b!", true, false));
        assert!(complete("{k: a|\n # c\n , b!", true, false));
        assert!(!complete("{k: a| b!", true, false));
        assert!(!complete("{k: a|\nb!", true, false));
    }
}
