//! The log on a terminal: each step with its sign and duration, and failures with their positions below.

use std::fmt::Write as _;
use std::time::Duration;

use anstyle::Style;
use log::Level;

use super::event::Event;
use crate::terminal::Sign;
use cloud_config::redact::position;
use cloud_config::text::printable;

const DIM: Style = Style::new().dimmed();

/// Formats a line of the log for a terminal; warnings and errors have their position in the next line.
pub(super) fn line(level: Level, message: &str, event: &Event<'_>, color: bool) -> String {
    let style = |style: Style| if color { style } else { Style::new() };
    let mut out = String::new();
    // Writing to a string cannot fail.
    let mut paint = |with: Style, text: &str| {
        let with = style(with);
        let _ = write!(out, "{with}{text}{with:#}");
    };
    let dull = matches!(event.sign, Some(Sign::Unchanged | Sign::Skipped));
    let words = printable(event.words.unwrap_or(message));
    match (event.sign, level) {
        (Some(sign), _) => {
            paint(sign.style(), sign.character().encode_utf8(&mut [0; 4]));
            paint(Style::new(), " ");
            paint(if dull { DIM } else { Style::new() }, &words);
        }
        // A line without a sign begins with its severity.
        (None, Level::Error) => {
            paint(Sign::Failed.style(), "error");
            paint(Style::new(), &format!(": {words}"));
        }
        (None, Level::Warn) => {
            paint(Sign::Queued.style(), "warning");
            paint(Style::new(), &format!(": {words}"));
        }
        (None, Level::Info) => paint(Style::new(), &words),
        (None, Level::Debug | Level::Trace) => paint(DIM, &words),
    }
    if let Some(took) = event.took {
        paint(DIM, &format!("  {}", time(took)));
    }
    paint(Style::new(), "\n");
    if let Some(part) = event.part.filter(|_| level <= Level::Warn) {
        paint(DIM, &format!("    {}", printable(&position(part, event.at))));
        paint(Style::new(), "\n");
    }
    out
}

/// Formats a duration with a precision that suits its length.
fn time(took: Duration) -> String {
    match took.as_secs() {
        0 if took < Duration::from_millis(1) => "<1 ms".to_owned(),
        0 => format!("{} ms", took.as_millis()),
        seconds @ 1..60 => format!("{seconds}.{} s", took.subsec_millis() / 100),
        seconds => format!("{} min {} s", seconds / 60, seconds % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cloud_config::text::Position;

    #[test]
    fn a_step_is_a_sign_and_its_time() {
        let event = Event {
            sign: Some(Sign::Done),
            part: Some("x.yml"),
            words: Some("write /etc/motd"),
            took: Some(Duration::from_micros(12_300)),
            ..Event::default()
        };
        assert_eq!(line(Level::Info, "done: write /etc/motd", &event, false), "+ write /etc/motd  12 ms\n");
        let colored = line(Level::Info, "", &event, true);
        assert_eq!(colored, "\u{1b}[1m\u{1b}[32m+\u{1b}[0m write /etc/motd\u{1b}[2m  12 ms\u{1b}[0m\n");
    }

    #[test]
    fn a_failure_has_its_position_below_it() {
        let mut event = Event {
            sign: Some(Sign::Failed),
            part: Some("x\u{1b}.yml"),
            at: Some(Position { line: 3, column: 5 }),
            words: Some("failed to start a.service: it hung\u{7}"),
            took: Some(Duration::from_millis(61_900)),
            ..Event::default()
        };
        let drawn = line(Level::Error, "", &event, false);
        assert_eq!(drawn, "! failed to start a.service: it hung\\u{7}  1 min 1 s\n    x\\u{1b}.yml:3:5\n");
        (event.sign, event.words, event.took) = (None, Some("a key is unknown"), None);
        let drawn = line(Level::Warn, "", &event, false);
        assert_eq!(drawn, "warning: a key is unknown\n    x\\u{1b}.yml:3:5\n");
        assert_eq!(line(Level::Error, "it is over", &Event::default(), false), "error: it is over\n");
    }

    #[test]
    fn durations_have_a_useful_precision() {
        for (ms, text) in [(0, "<1 ms"), (1, "1 ms"), (999, "999 ms"), (1999, "1.9 s"), (60_000, "1 min 0 s")] {
            assert_eq!(time(Duration::from_millis(ms)), text);
        }
    }
}
