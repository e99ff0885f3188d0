//! The lines of a broken document that have the same meaning whatever the error is.

use super::block::{self, BlockLine};

/// The markers of a merge conflict.
const CONFLICT: [&str; 4] = ["<<<<<<<", "|||||||", "=======", ">>>>>>>"];

/// Returns the beginning of `text` up to the first line after which a line without indentation may belong to a value:
/// because of open quotes or brackets, or because the text of a file has lost its indentation. `is_access` returns true
/// for lines with a host name or SSH keys.
pub fn readable<'a>(text: &'a str, is_access: &dyn Fn(&str) -> bool) -> &'a str {
    let is_conflict = text.lines().filter(|line| is_conflict_marker(line)).count() > 1;
    // The previous line if it is the header of a block scalar.
    let mut header: Option<BlockLine<'_>> = None;
    let mut is_begun = false;
    for (start, line, inside) in block::lines(text) {
        let inner = line.trim();
        if inside && !inner.is_empty() {
            header = None;
        }
        if inside || inner.is_empty() || inner.starts_with('#') {
            continue;
        }
        let is_top = !line.starts_with([' ', '\t']);
        let is_spilled =
            is_top && (header.is_some() || !is_conflict_marker(line) && !is_structure(inner) && !is_access(inner));
        let is_marker = block::is_marker(line) && is_begun;
        // A truncated host name looks like a complete one.
        let is_cut = !line.ends_with('\n') && inner.starts_with("hostname");
        if is_spilled && !block::is_marker(line)
            || is_marker
            || is_cut
            || is_conflict && is_conflict_marker(line)
            || stays_open(inner)
        {
            return &text[..start];
        }
        is_begun = true;
        let this = BlockLine { start, text: line };
        header = this.header().map(|_| this);
    }
    text
}

fn is_conflict_marker(line: &str) -> bool {
    CONFLICT.iter().any(|marker| line.starts_with(marker))
}

/// Returns true for a line that begins like an item, a key or a directive.
fn is_structure(line: &str) -> bool {
    let name = line.split(':').next().unwrap_or_default().trim_end();
    let is_word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '"' | '\'');
    let rest = line[name.len()..].trim_start().strip_prefix(':');
    line == "-"
        || line.starts_with("- ")
        || line.starts_with('%')
        || !name.is_empty()
            && name.chars().all(is_word)
            && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t']))
}

/// Returns true for a line with a value whose quotes or brackets are not closed on it.
fn stays_open(line: &str) -> bool {
    let mut value = line;
    while let Some(rest) = value.strip_prefix(['-', '?']).filter(|rest| rest.starts_with([' ', '\t'])) {
        value = rest.trim_start();
    }
    if is_open(value) {
        return true;
    }
    let behind = value.split_once(": ").map_or("", |(_, value)| value.trim_start());
    let mut behind = behind;
    while behind.starts_with(['!', '&']) {
        behind = behind.split_once([' ', '\t']).map_or("", |(_, rest)| rest.trim_start());
    }
    is_open(behind)
}

fn is_open(value: &str) -> bool {
    let count = |c: char| value.matches(c).count();
    match value.chars().next() {
        Some('"') => !(count('"') - value.matches("\\\"").count()).is_multiple_of(2),
        Some('\'') => !count('\'').is_multiple_of(2),
        Some('[' | '{') => {
            count('[') != count(']')
                || count('{') != count('}')
                || !count('"').is_multiple_of(2)
                || !count('\'').is_multiple_of(2)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::readable;

    #[test]
    fn lines_behind_an_open_value_are_not_read() {
        for (text, end) in [
            ("a: x: y\nhostname: n\n", None),
            ("a:\n- b: |\n     x\n   y\nhostname: n\n", None),
            ("<<<<<<< HEAD\nhostname: n\n", None),
            ("---\na: x: y\nhostname n\n", None),
            ("a: [b, {c: 'd'}]\nhostname: n\n", None),
            ("<<<<<<< HEAD\nhostname: n\n=======\n", Some("<<<<<<<")),
            ("a: \"b\nhostname: n\n\"\n", Some("a: ")),
            ("- - 'b\nhostname: n\n", Some("- - ")),
            ("a: 'b \\\" \\\"'\nhostname: n\n", None),
            ("a: 'b \\\" \\\"\nhostname: n\n'\n", Some("a: ")),
            ("a: !x &y [b,\nhostname: n\n]\n", Some("a: ")),
            ("a:\n- b: |\nhostname: n\n", Some("hostname")),
            ("a:\n- b: |\n    x\ny\nhostname: n\n", Some("y\n")),
            ("a: x: y\n---\nhostname: n\n", Some("---")),
            ("a: x: y\nhostname: n", Some("hostname")),
        ] {
            let expected = end.map_or(text.len(), |end| text.find(end).unwrap());
            assert_eq!(readable(text, &|line| line.starts_with("hostname")).len(), expected, "{text}");
        }
    }
}
