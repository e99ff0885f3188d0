//! What `--validate`, `--dry-run` and `--status` print: results, to standard output, as text or as one JSON document.
//! The log has standard error for itself.
//!
//! Text is gathered in strings, to which writing cannot fail, and printed at once.

pub mod check;
pub mod rehearsal;
mod snippet;
pub mod status;

use std::io::{self, IsTerminal as _, Write as _};

use serde::Serialize;

use crate::plan::is_shown;

/// The version of the JSON that is printed and recorded: a field may be added under the same number, and none is
/// taken away or given another meaning.
pub const FORMAT: u32 = 1;

/// What standard output leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Screen {
    /// People look at it.
    pub terminal: bool,
    /// They want colours.
    pub colour: bool,
}

impl Screen {
    /// What there is; `variable` reads the environment, where `NO_COLOR` and `TERM` say what is wanted.
    pub fn of_stdout(variable: &dyn Fn(&str) -> Option<String>) -> Self {
        Self::new(io::stdout().is_terminal(), variable)
    }

    fn new(terminal: bool, variable: &dyn Fn(&str) -> Option<String>) -> Self {
        let unwanted = variable("NO_COLOR").is_some_and(|value| !value.is_empty());
        let unable = variable("TERM").is_none_or(|value| value.is_empty() || value == "dumb");
        Self { terminal, colour: terminal && !unwanted && !unable }
    }
}

/// One JSON document, as it is printed: what would do something to a terminal is escaped.
pub fn json<T: Serialize>(value: &T) -> String {
    // Nothing here has keys that are no text, so this cannot fail.
    let text = serde_json::to_string_pretty(value).unwrap_or_default() + "\n";
    let is_shown = |c| c == '\n' || is_shown(c);
    if text.chars().all(is_shown) {
        return text;
    }
    // Such a character stands in a string, and is one of those that four digits are enough for.
    let escaped = |c| if is_shown(c) { String::from(c) } else { format!("\\u{:04x}", u32::from(c)) };
    text.chars().map(escaped).collect()
}

/// Prints to standard output, all of it; a reader that went away is no failure.
pub fn say(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error),
        _ => Ok(()),
    }
}

/// `1 error`, `2 errors`.
fn plural(count: usize, one: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{count} {one}s") }
}

#[cfg(test)]
mod tests {
    use super::{Screen, json};

    #[test]
    fn json_does_nothing_to_a_terminal() {
        let value = "a\u{9b}31m\u{202e}\u{1b}\u{7f}é";
        let text = json(&value);
        assert_eq!(text, "\"a\\u009b31m\\u202e\\u001b\\u007fé\"\n");
        assert_eq!(serde_json::from_str::<String>(&text).unwrap(), value);
    }

    #[test]
    fn colours_are_for_terminals_that_want_them() {
        let colour = |terminal, set: &[(&str, &str)]| {
            let variable = |name: &str| set.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
            Screen::new(terminal, &variable).colour
        };
        assert!(colour(true, &[("TERM", "xterm")]));
        assert!(colour(true, &[("TERM", "xterm"), ("NO_COLOR", "")]), "empty is not set");
        assert!(!colour(true, &[("TERM", "xterm"), ("NO_COLOR", "0")]));
        assert!(!colour(true, &[("TERM", "dumb")]));
        assert!(!colour(true, &[]));
        assert!(!colour(false, &[("TERM", "xterm")]));
    }
}
