//! A case as written in a file.
//!
//! ```text
//! === name of the case
//! the text of the part
//! --- with
//! settings, one per line, if there are any: see [`Case::is_set`] and its neighbors
//! --- plan
//! the access steps, the steps in order, the refused items
//! --- findings
//! severity, rule, line:column
//! ```

use std::io::Write as _;

use cloud_config::address_tokens::{Address, Addresses};

/// A text, its settings, and the expected result.
pub struct Case {
    /// The name of the case.
    pub name: String,
    input: String,
    settings: String,
    /// The sections behind the settings.
    pub expected: String,
    /// The blank lines behind it.
    blank: String,
}

/// Returns the cases of a file, and the text before the first.
pub fn parse(text: &str) -> (String, Vec<Case>) {
    let mut preface = String::new();
    let mut cases: Vec<Case> = Vec::new();
    let mut section = "";
    for line in text.split_inclusive('\n') {
        let content = line.trim_end_matches('\n');
        if let Some(name) = content.strip_prefix("=== ") {
            cases.push(Case::new(name, String::new(), ""));
            section = "input";
            continue;
        }
        let Some(case) = cases.last_mut() else {
            preface.push_str(line);
            continue;
        };
        match content {
            "--- with" => section = "with",
            "--- plan" | "--- findings" => {
                section = "expected";
                case.expected.push_str(line);
            }
            _ if section == "input" => case.input.push_str(line),
            _ if section == "with" => case.settings.push_str(line),
            "" => case.blank.push_str(line),
            _ => case.expected.push_str(line),
        }
    }
    (preface, cases)
}

impl Case {
    pub fn new(name: &str, input: String, settings: &str) -> Self {
        let (expected, blank) = (String::new(), String::new());
        Self { name: name.to_owned(), input, settings: settings.to_owned(), expected, blank }
    }

    /// Returns the case as written in a file, with `expected` in place of its expectation.
    pub fn with_expected(&self, expected: &str) -> String {
        let with = if self.settings.is_empty() { String::new() } else { format!("--- with\n{}", self.settings) };
        format!("=== {}\n{}{with}{expected}{}", self.name, self.input, self.blank)
    }

    /// The text of the part, as bytes. Settings: `no-newline` leaves out the last line break, `crlf` makes
    /// those of Windows, `latin1` writes one byte a character, `bom` puts a byte order mark before it, and
    /// `gzip` compresses it.
    pub fn bytes(&self) -> Vec<u8> {
        let mut text = self.input.clone();
        if self.is_set("no-newline") {
            text.truncate(text.trim_end_matches('\n').len());
        }
        if self.is_set("crlf") {
            text = text.replace('\n', "\r\n");
        }
        let mut bytes = if self.is_set("latin1") {
            text.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect()
        } else {
            text.into_bytes()
        };
        if self.is_set("bom") {
            bytes.splice(0..0, "\u{feff}".bytes());
        }
        if self.is_set("gzip") {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
            encoder.write_all(&bytes).unwrap();
            bytes = encoder.finish().unwrap();
        }
        bytes
    }

    /// Returns true if there is a line with this word alone, such as `short-hostname`.
    pub fn is_set(&self, word: &str) -> bool {
        self.settings.lines().any(|line| line == word)
    }

    /// Returns the text after a word on its line: `hostname` of the machine, `key-set`, `unreadable` file,
    /// `read-only` directory.
    pub fn setting(&self, word: &str) -> Option<&str> {
        self.settings.lines().find_map(|line| line.strip_prefix(word)?.strip_prefix(' '))
    }

    /// The known addresses: lines such as `public_ipv4 203.0.113.5`.
    pub fn addresses(&self) -> Addresses {
        let mut addresses = Addresses::default();
        for kind in Address::ALL {
            addresses.insert(kind, self.setting(kind.token()).unwrap_or_default());
        }
        addresses
    }

    /// A file of the machine: a line `file PATH`, and its content as lines that begin with `|`.
    pub fn file(&self, path: &str) -> Option<Vec<u8>> {
        let mut lines = self.settings.lines().skip_while(|line| line.strip_prefix("file ") != Some(path));
        lines.next()?;
        let content = lines.map_while(|line| line.strip_prefix("| ").or(line.strip_prefix('|')));
        Some(content.flat_map(|line| [line, "\n"]).collect::<String>().into_bytes())
    }
}
