//! The scanner's complaints in words for people, and where to point.

use super::scanner::Problem;

/// Complaints people meet, and what they mean. libyaml's own words are kept for the others.
const WORDS: &[(&str, &str, Option<&str>)] = &[
    (
        "mapping values are not allowed in this context",
        "a `:` where no key can be",
        Some("put text that holds `: ` in quotes, or check the indentation"),
    ),
    ("could not find expected ':'", "a line without `:` where a key is wanted", Some("check the indentation")),
    ("did not find expected key", "no key where one is wanted", Some("check the indentation and the quotes")),
    (
        "did not find expected '-' indicator",
        "no `-` where the next entry of a list is wanted",
        Some("check the indentation"),
    ),
    (
        "block sequence entries are not allowed in this context",
        "a `-` where no list can begin",
        Some("begin the list on a line of its own"),
    ),
    ("mapping keys are not allowed in this context", "a `?` where no key can be", None),
    (
        "found character that cannot start any token",
        "a character that cannot begin a value, such as a tab, `@`, `%` or a backtick",
        Some("put the text in quotes, and indent with spaces"),
    ),
    ("found a tab character that violates indentation", "a tab in the indentation", Some("indent with spaces")),
    (
        "found a tab character where an indentation space is expected",
        "a tab in the indentation",
        Some("indent with spaces"),
    ),
    ("found unexpected end of stream", "quotes that are opened here and never closed", None),
    ("found unexpected document indicator", "a line `---` or `...` inside quotes", None),
    ("found unknown escape character", "a backslash with a character that is no escape", Some("use single quotes")),
    ("did not find expected ',' or ']'", "neither `,` nor `]` after an entry of a list", None),
    ("did not find expected ',' or '}'", "neither `,` nor `}` after an entry of a mapping", None),
    ("did not find expected node content", "no value where one is wanted", None),
    ("found undefined tag handle", "a tag whose handle is not declared", Some("put the text in quotes")),
    (
        "did not find expected alphabetic or numeric character",
        "an `&` or `*` without a name after it",
        Some("put the text in quotes"),
    ),
    ("found unknown directive name", "a line that begins with `%`", Some("put the text in quotes, or indent it")),
];

impl Problem {
    /// What is wrong, and what to do about it where that can be said.
    pub fn words(&self) -> (String, Option<&'static str>) {
        if let Some((_, words, help)) = WORDS.iter().find(|(what, ..)| *what == self.what) {
            return ((*words).to_owned(), *help);
        }
        match (self.context.as_str(), self.what.as_str()) {
            (_, "") => ("this cannot be read".to_owned(), None),
            ("", what) => (what.to_owned(), None),
            (context, what) => (format!("{what} {context}"), None),
        }
    }

    /// The byte to point at: where the thing begins that never ends, else where it was noticed.
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

    /// The first byte that may be part of what is wrong.
    pub fn begins_at(&self) -> usize {
        // What is scanned is one token; what is parsed may have begun far above.
        if self.context.starts_with("while scanning") { self.at.min(self.context_at) } else { self.at }
    }
}

#[cfg(test)]
mod tests {
    use super::{Problem, WORDS};

    #[test]
    fn a_complaint_that_is_not_in_the_table_keeps_its_words() {
        let problem = |what: &str, context: &str| {
            Problem { what: what.into(), context: context.into(), at: 9, context_at: 4 }.words().0
        };
        assert_eq!(problem("found x", "while scanning a tag"), "found x while scanning a tag");
        assert_eq!(problem("found x", ""), "found x");
        assert_eq!(problem("", ""), "this cannot be read");
    }

    #[test]
    fn the_table_names_each_complaint_once() {
        for (i, row) in WORDS.iter().enumerate() {
            assert!(WORDS[..i].iter().all(|other| other.0 != row.0), "{}", row.0);
        }
    }
}
