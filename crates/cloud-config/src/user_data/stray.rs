//! Finds parts outside of the boundaries of a multipart, for example after a mistyped boundary.

use std::ops::Range;

use super::header::line_at;
use super::hint;
use crate::diagnostic::Span;

/// A part without a boundary above it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Stray {
    /// The faulty line, or the first line of the part.
    pub line: Span,
    /// True if `line` is a mistyped boundary.
    pub is_mistyped: bool,
    /// The part with its headers.
    pub part: Range<usize>,
}

/// Returns the parts in `range`, which is above the first boundary or below the final one.
///
/// With `any`, no line is a boundary. Then each line of dashes above the headers of a part counts as a mistyped one.
pub(super) fn outside(bytes: &[u8], range: Range<usize>, boundary: &str, any: bool) -> Vec<Stray> {
    let mut strays: Vec<Stray> = Vec::new();
    let mut core = core_of(boundary.as_bytes());
    let mut is_open = false;
    // The last line that was not blank.
    let mut before = range.start..range.start;
    for line in lines(bytes, range) {
        let text = &bytes[line.clone()];
        if text.trim_ascii().is_empty() {
            continue;
        }
        let is_ours = |line: &Range<usize>| core.is_some() && core_of(&bytes[line.clone()]) == core;
        if is_ours(&line) && is_dashed(text) {
            is_open = false;
        } else if is_header(text)
            && (is_ours(&before) || any && is_dashed(&bytes[before.clone()]))
            && let Some(open) = strays.last_mut().filter(|_| is_open)
        {
            // The headers below the previous line show that it is a mistyped boundary.
            open.part.end = before.start;
            is_open = false;
        }
        if let Some(open) = strays.last_mut().filter(|_| is_open) {
            open.part.end = line.end;
        } else if is_header(text) || is_first_line(text) {
            let is_mistyped = is_ours(&before);
            if any && is_dashed(&bytes[before.clone()]) {
                core = core_of(&bytes[before.clone()]);
            }
            let fault = if is_mistyped { &before } else { &line };
            let length = bytes[fault.clone()].trim_ascii_end().len();
            let span = Span::new(fault.start, fault.start + length);
            strays.push(Stray { line: span, is_mistyped, part: line.clone() });
            is_open = true;
        }
        before = line;
    }
    strays
}

/// Searches `range` for the headers of a further part below a mistyped boundary. Returns the range of that line.
pub(super) fn inside(bytes: &[u8], range: Range<usize>, boundary: &str) -> Option<Range<usize>> {
    let core = core_of(boundary.as_bytes())?;
    let mut before: Option<Range<usize>> = None;
    for line in lines(bytes, range) {
        if let Some(before) = before.take()
            && is_header(&bytes[line.clone()])
        {
            return Some(before);
        }
        let text = &bytes[line.clone()];
        before = (is_dashed(text) && core_of(text).as_ref() == Some(&core)).then_some(line);
    }
    None
}

fn lines(bytes: &[u8], range: Range<usize>) -> impl Iterator<Item = Range<usize>> {
    let mut at = range.start;
    std::iter::from_fn(move || {
        let line = (at < range.end).then(|| at..at + line_at(&bytes[..range.end], at).len())?;
        at = line.end;
        Some(line)
    })
}

/// The longest line that is compared with the boundary, in bytes.
const LONGEST: usize = 256;

fn is_dash(c: char) -> bool {
    matches!(c, '-' | '\u{2010}'..='\u{2015}' | '\u{2212}')
}

/// Returns a line without surrounding dashes and blanks, which are often lost from a boundary.
fn core_of(line: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(line.get(..line.len().min(LONGEST))?).ok()?;
    let core = text.trim_matches(|c: char| c.is_whitespace() || is_dash(c));
    (line.len() <= LONGEST && !core.is_empty()).then(|| core.to_owned())
}

fn is_dashed(line: &[u8]) -> bool {
    let head = String::from_utf8_lossy(&line[..line.len().min(16)]);
    head.trim_start().starts_with(is_dash)
}

/// Returns true for a header that parts commonly have.
fn is_header(line: &[u8]) -> bool {
    ["content-type:", "content-transfer-encoding:", "content-disposition:"]
        .iter()
        .any(|name| line.get(..name.len()).is_some_and(|head| head.eq_ignore_ascii_case(name.as_bytes())))
}

/// Returns true for the first line of a cloud-config or a script.
pub(super) fn is_first_line(line: &[u8]) -> bool {
    let text = std::str::from_utf8(line).unwrap_or_default();
    line.starts_with(b"#!") || text.starts_with('#') && hint::is_almost_header(text.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str, any: bool) -> Vec<(&str, &str)> {
        let strays = outside(text.as_bytes(), 0..text.len(), "=B=", any);
        strays.into_iter().map(|stray| (&text[stray.line.start..stray.line.end], &text[stray.part])).collect()
    }

    #[test]
    fn a_part_begins_behind_what_is_almost_the_boundary() {
        for line in ["-=B=", "- -=B=", "\u{2014}=B=", "---=B=", " --=B=", "=B="] {
            let text = format!("for people\n{line}\nContent-Type: text/x\n\na\n");
            assert_eq!(found(&text, false), [(line.trim_end(), "Content-Type: text/x\n\na\n")]);
        }
        let two = "-=B=\n\n#cloud-config\na: b\n-=B=\nContent-Type: x\n\nc\n-=B=-\n";
        assert_eq!(found(two, false), [("-=B=", "#cloud-config\na: b\n"), ("-=B=", "Content-Type: x\n\nc\n")]);
        let other = "--C\n\n#!/bin/sh\n\n--D\nContent-Type: x\n\nc\n--D--\n";
        assert_eq!(found(other, true), [("#!/bin/sh", "#!/bin/sh\n\n"), ("Content-Type: x", "Content-Type: x\n\nc\n")]);
    }

    #[test]
    fn text_for_people_is_no_part() {
        for text in ["", "This is a multi-part message in MIME format.\n", "-=B=\n", "# note\n\nMIME-Version: 1.0\n"] {
            assert_eq!(found(text, false), [], "{text}");
        }
    }

    #[test]
    fn a_boundary_inside_of_a_part_has_headers_behind_it() {
        let inside = |text: &str| inside(text.as_bytes(), 0..text.len(), "=B=").map(|line| text[line].to_owned());
        assert_eq!(inside("#!/bin/sh\n-=B=\nContent-Type: x\n").as_deref(), Some("-=B=\n"));
        assert_eq!(inside("#!/bin/sh\n-=B=\necho\n"), None);
        assert_eq!(inside("=B=\nContent-Type: x\n"), None);
        assert_eq!(inside("--=I=\nContent-Type: x\n"), None);
    }
}
