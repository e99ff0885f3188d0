//! Describes the errors of the scanner in plain words, and finds their likely causes.

use super::scanner::Problem;
use crate::text::{Lines, Position};

/// The frequent messages of libyaml with a description. Other messages are printed as they are.
const WORDS: &[(&str, &str, Option<&str>)] = &[
    (
        "mapping values are not allowed in this context",
        "a `:` where a key is not allowed",
        Some("put a string that contains `: ` in quotes, or check the indentation"),
    ),
    (
        "could not find expected ':'",
        "a line without `:` in place of a key",
        Some("write `KEY: VALUE`, or check the indentation"),
    ),
    (
        "did not find expected key",
        "text in place of a key",
        Some("write `KEY: VALUE`, and check the indentation and the quotes"),
    ),
    (
        "did not find expected '-' indicator",
        "no `-` before the next entry of a list",
        Some("check the indentation: all keys of an entry begin in the same column"),
    ),
    (
        "block sequence entries are not allowed in this context",
        "a `-` where a list is not allowed",
        Some("begin the list on a line of its own"),
    ),
    (
        "mapping keys are not allowed in this context",
        "a `?` where a key is not allowed",
        Some("put a string that begins with `? ` in quotes"),
    ),
    ("found a tab character that violates indentation", "a tab in the indentation", Some("indent with spaces")),
    (
        "found a tab character where an indentation space is expected",
        "a tab in the indentation",
        Some("indent with spaces"),
    ),
    ("found unexpected end of stream", "an unclosed quote", None),
    ("found unexpected document indicator", "a line `---` or `...` inside quotes", None),
    ("found unknown escape character", "an invalid escape sequence", Some("use single quotes")),
    ("did not find expected ',' or ']'", "neither `,` nor `]` after an entry of a list", None),
    ("did not find expected ',' or '}'", "neither `,` nor `}` after an entry of a mapping", None),
    (
        "did not find expected node content",
        "a missing value",
        Some("write the value, and put a string that begins with `,`, `]` or `}` in quotes"),
    ),
    (
        "did not find expected comment or line break",
        "text on the line of a `|` or `>`",
        Some("begin the text on the next line, indented by two spaces more than its key"),
    ),
    ("found unexpected ':'", "a `:` without a space after it, between brackets", Some("write `{KEY: VALUE}`")),
    ("found undefined tag handle", "a tag whose handle is not declared", Some("put the text in quotes")),
    (
        "did not find expected alphabetic or numeric character",
        "an `&` or `*` without a name after it",
        Some("put the text in quotes"),
    ),
    ("found unknown directive name", "a line that begins with `%`", Some("put the text in quotes, or indent it")),
];

/// The likely cause of an error, found in the text around it.
pub struct Diagnosis {
    /// The byte that the finding points to.
    pub at: usize,
    pub words: String,
    pub help: &'static str,
}

impl Problem {
    /// Returns a better description of the error in `text` than that of the scanner, if one is found.
    pub fn diagnose(&self, text: &str) -> Option<Diagnosis> {
        let (before, behind) = text.split_at_checked(self.at)?;
        if let Some(at) = conflict_marker(text, before.len()) {
            let words = "a merge conflict marker".to_owned();
            return Some(Diagnosis {
                at,
                words,
                help: "keep one of the versions, and delete the lines of the markers",
            });
        }
        match self.what.as_str() {
            "found character that cannot start any token" => {
                let character = behind.chars().next()?;
                let line = before.rsplit('\n').next().unwrap_or_default();
                let (words, help) = match character {
                    '\t' if line.trim().is_empty() => ("a tab in the indentation".to_owned(), "indent with spaces"),
                    '\t' => ("a tab before a value".to_owned(), "replace it with a space"),
                    '`' => ("a value that begins with a backtick".to_owned(), "put the text in quotes"),
                    '%' | '@' => (
                        format!("a value that begins with `{character}`"),
                        "render the template first if it is a placeholder; otherwise put it in quotes",
                    ),
                    other => (format!("a value that begins with `{}`", other.escape_debug()), "put the text in quotes"),
                };
                Some(Diagnosis { at: self.at, words, help })
            }
            "did not find expected key" | "did not find expected '-' indicator" if behind.starts_with("- ") => {
                Some(Diagnosis {
                    at: self.at,
                    words: "a `-` that is indented differently from those above it".to_owned(),
                    help: "begin each `- ` of a list in the same column",
                })
            }
            "did not find expected key" | "did not find expected '-' indicator" => {
                let start = before.rfind('\n').map_or(0, |end| end + 1);
                bracketed(before)
                    .or_else(|| self.behind_quotes(before, behind))
                    .or_else(|| misindented(text, start).filter(|found| found.at == self.at))
            }
            "did not find expected comment or line break" if is_placeholder(behind) => Some(Diagnosis {
                at: self.at,
                words: "a placeholder on the line of a `|` or `>`".to_owned(),
                help: "render the template first; the text begins on the next line",
            }),
            "did not find expected alphabetic or numeric character" => {
                let start = before.rfind('\n').map_or(0, |end| end + 1);
                let item = text[start..].trim_start_matches(' ').strip_prefix("* ")?;
                let at = item.as_ptr() as usize - text.as_ptr() as usize - 2;
                let words = "a `*` in place of `-`".to_owned();
                Some(Diagnosis { at, words, help: "begin each item of a list with `- `" })
            }
            "mapping values are not allowed in this context" => {
                let start = before.rfind('\n').map_or(0, |end| end + 1);
                // The line above may be plain text that YAML joins with the key on this line.
                let mut above = text[..start].lines().rev();
                let key = above.find(|line| !line.trim().is_empty() && !line.trim_start().starts_with('#'))?;
                let depth = |line: &str| line.len() - line.trim_start_matches(' ').len();
                let here = depth(&text[start..]);
                // Items of a list may be between them.
                let is_list = key.trim_start().starts_with("- ");
                let key = if is_list {
                    above.find(|line| {
                        depth(line) <= here && !line.trim().is_empty() && !line.trim_start().starts_with(['-', '#'])
                    })?
                } else {
                    key
                };
                let is_alone = !key.contains(':') && !key.trim_start().starts_with(['-', '"', '\'', '[', '{']);
                let is_word = !key.trim().contains(char::is_whitespace);
                let is_alone = is_alone && (!is_list || is_word && depth(key) == here);
                if is_alone && (depth(key) == here || depth(key) < here && is_word) {
                    return Some(Diagnosis {
                        at: key.as_ptr() as usize - text.as_ptr() as usize + depth(key),
                        words: "no `:` after a key".to_owned(),
                        help: "write `KEY: VALUE`: without the `:`, YAML joins the line with the next one",
                    });
                }
                misindented(text, start).filter(|found| text.get(found.at..self.at).is_some_and(is_word_of_key))
            }
            _ => None,
        }
    }

    /// Diagnoses text after the closing quote on the same line.
    fn behind_quotes(&self, before: &str, behind: &str) -> Option<Diagnosis> {
        let help = match before.trim_end_matches([' ', '\t']).chars().next_back()? {
            '\'' => "write `''` for a quote inside of single quotes",
            '"' => "write `\\\"` for a quote inside of double quotes, or put the text in single quotes",
            _ => return None,
        };
        let is_text = !behind.starts_with(['\n', '\r']);
        is_text.then(|| Diagnosis { at: self.at, words: "text after the quote that closes a value".to_owned(), help })
    }

    /// Returns the problem, and the remedy if there is one.
    pub fn description(&self) -> (String, Option<&'static str>) {
        if let Some((_, words, help)) = WORDS.iter().find(|(what, ..)| *what == self.what) {
            return ((*words).to_owned(), *help);
        }
        match (self.context.as_str(), self.what.as_str()) {
            (_, "") => ("unknown error".to_owned(), None),
            ("", what) => (what.to_owned(), None),
            (context, what) => (format!("{what} {context}"), None),
        }
    }

    /// The remedy for a quote or bracket that is not closed: it names the line and column of the opening one.
    pub fn opening_help(&self, text: &str) -> Option<String> {
        let opening = text.get(self.context_at..)?.chars().next()?;
        let close = match (self.what.as_str(), opening) {
            ("found unexpected end of stream" | "found unexpected document indicator", '"' | '\'') => opening,
            ("did not find expected ',' or ']'", '[') => ']',
            ("did not find expected ',' or '}'", '{') => '}',
            _ => return None,
        };
        let Position { line, column } = Lines::new(text.as_bytes()).position(self.context_at);
        let place = format!("`{opening}` in line {line}, column {column}");
        Some(if close == opening {
            format!("close the {place} with `{close}`")
        } else {
            format!("close the {place} with `{close}`, or put a string that begins with `{opening}` in quotes")
        })
    }

    /// Returns the byte to point to: the start of a construct that is not closed, or else the position of the error.
    pub fn shown_at(&self) -> usize {
        match self.context.as_str() {
            "while scanning a simple key"
            | "while scanning a directive"
            | "while scanning an alias"
            | "while scanning an anchor" => self.context_at,
            "while scanning a quoted scalar" if self.what == "found unexpected end of stream" => self.context_at,
            _ => self.at,
        }
    }

    /// Returns the first byte that may be part of the error.
    pub fn begins_at(&self) -> usize {
        // An error of the scanner is inside of one token. The context of an error of the parser can be far above.
        if self.context.starts_with("while scanning") { self.at.min(self.context_at) } else { self.at }
    }
}

/// Returns true if `text` can be a key.
fn is_word_of_key(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
}

/// The largest number of lines above a key that are searched for other keys.
const ABOVE_MAX: usize = 1000;

/// Diagnoses the line of `text` at `start` if it is a key in another column than the keys above.
fn misindented(text: &str, start: usize) -> Option<Diagnosis> {
    let line = text[start..].lines().next()?;
    let column = column_of_key(line)?;
    let is_text = |line: &&str| !line.trim().is_empty() && !line.trim_start().starts_with('#');
    let mut above = text[..start].lines().rev().filter(is_text).take(ABOVE_MAX).map(column_of_key);
    let last = above.next()?;
    let is_odd = last.is_some_and(|last| last != column) || above.all(|other| other != Some(column));
    is_odd.then(|| Diagnosis {
        at: start + column,
        words: "a key that is indented differently from those above it".to_owned(),
        help: "begin all keys of an item or a section in the same column",
    })
}

/// Returns the column of the key on `line`, which may be the first key of an item.
fn column_of_key(line: &str) -> Option<usize> {
    let inside = line.trim_start_matches([' ', '-']);
    let (key, value) = inside.split_once(':')?;
    let is_key = is_word_of_key(key) && (value.trim_end().is_empty() || value.starts_with([' ', '\t']));
    is_key.then(|| line.len() - inside.len())
}

/// Diagnoses text that begins with a bracket and continues after the closing one, at the end of `before`.
fn bracketed(before: &str) -> Option<Diagnosis> {
    let before = before.trim_end();
    let (open, close) = match before.chars().next_back()? {
        ']' => ('[', ']'),
        '}' => ('{', '}'),
        _ => return None,
    };
    let start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let line = before[start..].trim_start_matches([' ', '-']);
    let value = line.find(": ").map_or(line, |colon| line[colon + 1..].trim_start());
    let above = before[..start].lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default();
    let key = if value.len() < line.len() { line } else { above.trim_start_matches([' ', '-']) };
    let is_content =
        key.strip_prefix("content:").is_some_and(|rest| value.len() < line.len() || rest.trim().is_empty());
    value.starts_with(open).then(|| Diagnosis {
        at: before.len() - value.len(),
        words: format!("text that begins with `{open}` and goes on after the `{close}`"),
        help: if is_content {
            "write `content: |`, and indent every line of the content below it by two spaces more"
        } else {
            "put the text in quotes"
        },
    })
}

/// Returns the position of a marker of a merge conflict on the line of `at` or up to three lines above.
fn conflict_marker(text: &str, at: usize) -> Option<usize> {
    let mut start = text[..at].rfind('\n').map_or(0, |end| end + 1);
    let mut found = None;
    for number in 0..50 {
        let line = text[start..].lines().next().unwrap_or_default();
        if line.starts_with("<<<<<<< ") {
            return Some(start);
        }
        if number > 3 && found.is_none() {
            return None;
        }
        if line.starts_with(">>>>>>> ") || line == "=======" {
            found = Some(start);
        }
        let Some(above) = text[..start].strip_suffix('\n') else { break };
        start = above.rfind('\n').map_or(0, |end| end + 1);
    }
    found
}

/// Returns true if `text` begins with the remains of a template.
fn is_placeholder(text: &str) -> bool {
    ["@@", "{{", "{%", "<%", "${", "%{", "%%"].iter().any(|sign| text.starts_with(sign))
}

#[cfg(test)]
mod tests {
    use super::{Problem, WORDS};

    #[test]
    fn a_complaint_that_is_not_in_the_table_keeps_its_words() {
        let problem = |what: &str, context: &str| {
            Problem { what: what.into(), context: context.into(), at: 9, context_at: 4 }.description().0
        };
        assert_eq!(problem("found x", "while scanning a tag"), "found x while scanning a tag");
        assert_eq!(problem("found x", ""), "found x");
        assert_eq!(problem("", ""), "unknown error");
    }

    #[test]
    fn the_table_names_each_complaint_once() {
        for (i, row) in WORDS.iter().enumerate() {
            assert!(WORDS[..i].iter().all(|other| other.0 != row.0), "{}", row.0);
        }
    }
}
