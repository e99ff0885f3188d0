//! Standard error, the capabilities of terminals, the signs of steps, and the status line.

mod sign;
mod status_line;
mod stream;

use std::io::{self, IsTerminal as _};

pub use sign::Sign;
pub use status_line::{ProgressGuard, StatusLine};
pub use stream::{dropped, init, write};

/// The capabilities of an output stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Screen {
    /// True if the stream is a terminal.
    pub terminal: bool,
    /// True if colors are enabled for the stream.
    pub color: bool,
    /// True if the terminal can clear a line.
    pub able: bool,
}

impl Screen {
    /// Returns the capabilities of standard output. `variable` reads an environment variable, `NO_COLOR` or `TERM`.
    pub fn of_stdout(variable: &dyn Fn(&str) -> Option<String>) -> Self {
        Self::new(io::stdout().is_terminal(), variable)
    }

    /// Returns the capabilities of standard error; see [`Self::of_stdout`].
    pub fn of_stderr(variable: &dyn Fn(&str) -> Option<String>) -> Self {
        Self::new(io::stderr().is_terminal(), variable)
    }

    fn new(terminal: bool, variable: &dyn Fn(&str) -> Option<String>) -> Self {
        let unwanted = variable("NO_COLOR").is_some_and(|value| !value.is_empty());
        let able = terminal && variable("TERM").is_some_and(|value| !value.is_empty() && value != "dumb");
        Self { terminal, color: able && !unwanted, able }
    }
}

#[cfg(test)]
mod tests {
    use super::Screen;

    #[test]
    fn colors_are_for_terminals_that_want_them() {
        let screen = |terminal, set: &[(&str, &str)]| {
            let variable = |name: &str| set.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
            Screen::new(terminal, &variable)
        };
        let color = |terminal, set| screen(terminal, set).color;
        assert!(color(true, &[("TERM", "xterm")]));
        assert!(color(true, &[("TERM", "xterm"), ("NO_COLOR", "")]), "empty is not set");
        assert!(!color(true, &[("TERM", "xterm"), ("NO_COLOR", "0")]));
        assert!(screen(true, &[("TERM", "xterm"), ("NO_COLOR", "0")]).able, "clearing a line is not a color");
        assert!(!color(true, &[("TERM", "dumb")]));
        assert!(!color(true, &[]));
        assert!(!color(false, &[("TERM", "xterm")]));
    }
}
