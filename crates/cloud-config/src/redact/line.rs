//! The redacted form of the line that a finding is about.
//!
//! Every byte of the line is redacted, except:
//!
//! - keys in mappings of a cloud-config, and values with the form of a harmless field;
//! - white space and YAML indicators between them;
//! - in text that could not be parsed, the beginning of the line: indentation, dashes, and a known key;
//! - an address token, the braces of a template, or a single YAML indicator, if the finding is about it.
//!
//! The output never has a control character, and does not reveal the length of redacted text.

use std::ops::Range;

use super::fields;
use crate::address_tokens::Address;
use crate::diagnostic::Span;
use crate::text::Lines;
use crate::yaml::{Paths, SourceItem};

/// The replacement of a redacted value.
const HIDDEN: &str = "<redacted>";
/// The replacement of any other redacted text.
const OTHER: &str = "<...>";
/// The largest number of printed bytes of a line, and of those before the position of the finding.
const LONGEST: usize = 160;
const BEFORE: usize = 60;

/// A redacted line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The line, redacted.
    pub text: String,
    /// The range of `text` that the finding is about; empty at the end of the line.
    pub mark: Range<usize>,
}

/// The treatment of a byte.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Byte {
    /// Not classified yet.
    Unknown,
    /// Printed as it is.
    Open,
    /// Part of a value that is redacted.
    Hidden,
    /// Part of other text that is redacted.
    Other,
}

/// Redacts the first line of `span` in `text`, which can have errors anywhere.
pub fn line(text: &str, span: Span, lines: &Lines<'_>, paths: &Paths<'_>) -> Line {
    let start = boundary(text, span.start);
    let whole = lines.line(start);
    let window = window(text, &whole, start);
    let mut bytes = vec![Byte::Unknown; window.len()];
    paint_tree(text, &window, paths, &mut bytes);
    paint_rest(text, &whole, &window, paths.extent(), &mut bytes);
    let about = text.get(span.start..span.end).unwrap_or_default();
    let is_value = slice(&mut bytes, &window, span.start..span.end).contains(&Byte::Hidden);
    if is_token(about) || (is_sign(about) && !is_value) {
        paint(&mut bytes, &window, span.start..span.end, Byte::Open);
    }
    compose(text, &whole, &window, &bytes, start..boundary(text, span.end))
}

/// Returns the last start of a character at or before a byte.
fn boundary(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// Returns the range of a line that is printed, around the byte `at`.
fn window(text: &str, whole: &Range<usize>, at: usize) -> Range<usize> {
    if whole.len() <= LONGEST {
        return whole.clone();
    }
    let latest = whole.end - (LONGEST - BEFORE);
    let start = boundary(text, at.saturating_sub(BEFORE).min(latest).max(whole.start));
    start..boundary(text, (start + LONGEST).min(whole.end))
}

/// Returns true if `text` is a YAML marker without content, about which a finding can be.
fn is_token(text: &str) -> bool {
    let token = text.trim_start_matches('\\');
    let address = token.strip_prefix('$').is_some_and(|name| Address::ALL.iter().any(|kind| kind.token() == name));
    text == "{{" || (address && text.len() <= token.len() + 2)
}

/// Returns true if `text` is a YAML indicator, about which a finding can be.
fn is_sign(text: &str) -> bool {
    text.len() == 1
        && text.starts_with([
            ':', '-', '?', ',', '[', ']', '{', '}', '@', '%', '`', '&', '*', '!', '|', '>', '#', '"', '\'', '\t',
        ])
}

/// Classifies the bytes of keys and values in the parsed document.
fn paint_tree(text: &str, window: &Range<usize>, paths: &Paths<'_>, bytes: &mut [Byte]) {
    let mut open = Vec::new();
    paths.between(window.start, window.end, &mut |segments, span, written| {
        let range = span.start..span.end;
        // A key or value that the window cuts is not classified as printable.
        let source = if range.start < window.start || range.end > window.end { None } else { text.get(range.clone()) };
        let (harmless, otherwise) = match (written, source) {
            (SourceItem::Key(key), Some(source)) => {
                (source.trim_matches(['"', '\'']) == key && fields::is_open_key(segments), Byte::Other)
            }
            (SourceItem::Key(_), None) => (false, Byte::Other),
            (SourceItem::Value(_), source) => {
                (source.is_some_and(|source| fields::is_harmless(segments, source)), Byte::Hidden)
            }
        };
        if harmless {
            open.push(range);
        } else {
            paint(bytes, window, range, otherwise);
        }
    });
    for range in open {
        for byte in slice(bytes, window, range) {
            if *byte == Byte::Unknown {
                *byte = Byte::Open;
            }
        }
    }
}

/// Classifies the remaining bytes: those between values, and those after the end of the parsed document.
fn paint_rest(text: &str, whole: &Range<usize>, window: &Range<usize>, document: Option<Span>, bytes: &mut [Byte]) {
    let is_read = |at: usize| document.is_some_and(|span| span.start <= at && at < span.end);
    if window.start == whole.start && !is_read(whole.start) {
        let shown = opening(&text[whole.clone()]);
        let shown = whole.start..(whole.start + shown).min(window.end);
        for byte in slice(bytes, window, shown).iter_mut().filter(|byte| **byte == Byte::Unknown) {
            *byte = Byte::Open;
        }
    }
    let mut at = 0;
    while at < bytes.len() {
        let gap = bytes[at..].iter().take_while(|byte| **byte == Byte::Unknown).count();
        if gap > 0 {
            let (start, end) = (window.start + at, window.start + at + gap);
            // After the end of the parsed document, only the blanks at the beginning of a line are printable.
            let read = if is_read(start) { document.map_or(start, |span| span.end.clamp(start, end)) } else { start };
            let (mut head, tail) = signs(&text.as_bytes()[start..read], end < window.end && read == end);
            if head == read - start {
                head += text.as_bytes()[read..end].iter().take_while(|byte| **byte == b' ').count();
            }
            bytes[at..at + gap].fill(Byte::Open);
            bytes[at + head..at + gap - tail].fill(Byte::Other);
        }
        at += gap.max(1);
    }
}

/// Returns the number of bytes at the beginning of an unparsed line that may be printed.
fn opening(line: &str) -> usize {
    if line.trim_end() == "#cloud-config" {
        return line.len();
    }
    let mut rest = line.trim_start_matches([' ', '\t']);
    while let Some(item) = rest.strip_prefix("- ") {
        rest = item.trim_start_matches(' ');
    }
    let indentation = line.len() - rest.len();
    match rest.split_once(':') {
        Some((key, value)) if fields::is_known_name(key) && (value.is_empty() || value.starts_with([' ', '\t'])) => {
            let blank = value.len() - value.trim_start_matches([' ', '\t']).len();
            indentation + key.len() + 1 + blank
        }
        _ => indentation,
    }
}

/// Returns the numbers of YAML indicators and white space at both ends of a text between values. At its end, they are
/// printable only if a value `follows`, because a comment extends to the end of its line.
fn signs(text: &[u8], follows: bool) -> (usize, usize) {
    let sign = |at: usize| match text[at] {
        b' ' | b'\t' | b',' | b'[' | b']' | b'{' | b'}' => true,
        b'-' | b':' | b'?' => matches!(text.get(at + 1), None | Some(b' ' | b'\t')),
        _ => false,
    };
    let head = (0..text.len()).take_while(|at| sign(*at)).count();
    let ends = |byte: &&u8| matches!(byte, b' ' | b',' | b'[' | b'{');
    let tail = if follows { text[head..].iter().rev().take_while(ends).count() } else { 0 };
    (head, tail)
}

fn slice<'b>(bytes: &'b mut [Byte], window: &Range<usize>, range: Range<usize>) -> &'b mut [Byte] {
    let start = range.start.clamp(window.start, window.end) - window.start;
    let end = range.end.clamp(window.start, window.end) - window.start;
    &mut bytes[start..end.max(start)]
}

fn paint(bytes: &mut [Byte], window: &Range<usize>, range: Range<usize>, with: Byte) {
    slice(bytes, window, range).fill(with);
}

/// Formats the redacted line, and finds the position of the finding in it.
fn compose(text: &str, whole: &Range<usize>, window: &Range<usize>, bytes: &[Byte], about: Range<usize>) -> Line {
    let mut line = Line { text: String::new(), mark: 0..0 };
    let (mut first, mut last) = (None, None);
    if window.start > whole.start && bytes.first() == Some(&Byte::Open) {
        line.text.push_str(OTHER);
    }
    let mut at = 0;
    while at < bytes.len() {
        let kind = bytes[at];
        let count = bytes[at..].iter().take_while(|byte| **byte == kind).count();
        let run = window.start + at..window.start + at + count;
        let begin = line.text.len();
        match kind {
            Byte::Open => line.text.push_str(&text[run.clone()]),
            Byte::Hidden => line.text.push_str(HIDDEN),
            Byte::Unknown | Byte::Other => line.text.push_str(OTHER),
        }
        let is_open = kind == Byte::Open;
        if run.contains(&about.start) {
            first = Some(if is_open { begin + about.start - run.start } else { begin });
        }
        if run.start < about.end && about.end <= run.end {
            last = Some(if is_open { begin + about.end - run.start } else { line.text.len() });
        }
        at += count;
    }
    let end = line.text.len();
    if window.end < whole.end && bytes.last() == Some(&Byte::Open) {
        line.text.push_str(OTHER);
    }
    let first = first.unwrap_or(end);
    // Of a finding on several lines, only the first line is marked.
    line.mark = first..last.unwrap_or(if about.is_empty() { first } else { end }).max(first);
    line
}

#[cfg(test)]
mod tests;
