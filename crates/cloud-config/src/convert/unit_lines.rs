//! The lines of a unit file, each setting with the lines that continue it.

/// A setting with the lines that continue it, or any other line.
#[derive(Clone, Copy)]
pub(super) struct Line<'t> {
    /// The text, with its line breaks.
    pub raw: &'t str,
}

impl<'t> Line<'t> {
    /// Returns true for a section header, a comment and a blank line.
    pub fn is_other(self) -> bool {
        let text = self.raw.trim();
        text.is_empty() || text.starts_with(['#', ';', '['])
    }

    /// The key and the value of a setting.
    pub fn setting(self) -> Option<(&'t str, &'t str)> {
        let (key, value) = self.raw.split_once('=').filter(|_| !self.is_other())?;
        Some((key.trim(), value))
    }
}

/// The lines of `text`, which together are `text`.
pub(super) fn lines(text: &str) -> impl Iterator<Item = Line<'_>> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let mut parts = rest.split_inclusive('\n');
        let first = parts.next()?;
        let (mut end, mut last) = (first.len(), first);
        while !(Line { raw: first }).is_other()
            && is_continued(last)
            && let Some(part) = parts.next()
        {
            end += part.len();
            // A comment does not end a value.
            last = if part.trim_start().starts_with(['#', ';']) { last } else { part };
        }
        let (raw, after) = rest.split_at(end);
        rest = after;
        Some(Line { raw })
    })
}

fn is_continued(line: &str) -> bool {
    line.trim_end_matches(['\n', '\r']).ends_with('\\')
}

/// A value with its continued lines joined, without the comments between them.
pub(super) fn joined(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    for (at, line) in value.split_inclusive('\n').enumerate() {
        if at > 0 && line.trim_start().starts_with(['#', ';']) {
            continue;
        }
        let text = line.trim_end_matches(['\n', '\r']);
        out.push_str(text.strip_suffix('\\').unwrap_or(text));
        out.push(' ');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_has_its_continued_lines() {
        let text = "[Unit]\nA=b \\\n  # c \\\n  d\n\n#e \\\nF = g\\\r\n h\r\nlast\\";
        let found: Vec<_> = lines(text).map(|line| line.raw).collect();
        let expected = ["[Unit]\n", "A=b \\\n  # c \\\n  d\n", "\n", "#e \\\n", "F = g\\\r\n h\r\n", "last\\"];
        assert_eq!(found, expected);
        let settings: Vec<_> = lines(text).filter_map(Line::setting).map(|(key, value)| (key, joined(value))).collect();
        assert_eq!(settings, [("A", "b    d ".to_owned()), ("F", " g  h ".to_owned())]);
        assert_eq!(lines("").count(), 0);
    }
}
