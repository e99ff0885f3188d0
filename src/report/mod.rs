//! What `--validate`, `--dry-run` and `--status` print: results, to standard output, as text or as one JSON document.
//! The log has standard error for itself.
//!
//! Text is gathered in strings, to which writing cannot fail, and printed at once.

pub mod check;
mod count;
mod diff;
pub mod rehearsal;
mod snippet;
pub mod status;

use std::io::{self, Write as _};

use serde::Serialize;

use crate::plan::is_shown;
pub use crate::terminal::Screen;

/// The version of the JSON that is printed and recorded: a field may be added under the same number, and none is
/// taken away or given another meaning.
pub const FORMAT: u32 = 1;

/// One JSON document, as it is printed: what would do something to a terminal is escaped.
pub fn json<T: Serialize>(value: &T) -> String {
    // Nothing here has keys that are no text, so this cannot fail.
    let text = serde_json::to_string_pretty(value).unwrap_or_default() + "\n";
    let is_shown = |c| c == '\n' || is_shown(c);
    if text.chars().all(is_shown) {
        return text;
    }
    // Such a character stands in a string, where one of more than four digits is two.
    let escaped = |c: char| {
        if is_shown(c) {
            return String::from(c);
        }
        c.encode_utf16(&mut [0; 2]).iter().fold(String::new(), |text, unit| text + &format!("\\u{unit:04x}"))
    };
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
    use super::json;

    #[test]
    fn json_does_nothing_to_a_terminal() {
        let value = "a\u{9b}31m\u{202e}\u{1b}\u{7f}é";
        let text = json(&value);
        assert_eq!(text, "\"a\\u009b31m\\u202e\\u001b\\u007fé\"\n");
        assert_eq!(serde_json::from_str::<String>(&text).unwrap(), value);
    }
}
