//! The status line: the last line of a terminal, which shows a current action that takes long.
//!
//! The line appears after a delay, so that quick actions do not flicker, and is cleared before other output. A thread
//! draws it, because the waiting thread may be blocked in a system call.

use std::fmt::Write as _;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use unicode_width::UnicodeWidthChar as _;

use super::stream;

/// The delay before the line appears.
const QUICK: Duration = Duration::from_millis(400);

/// The interval at which the elapsed time in the line is updated.
const BEAT: Duration = Duration::from_secs(1);

/// Clears the line of the cursor.
const CLEAR: &str = "\r\x1b[K";

/// The assumed width of a terminal that does not report its width.
const WIDTH: usize = 80;

/// The status line, if standard error is a terminal.
#[derive(Clone, Default)]
pub struct StatusLine(Arc<Shared>);

#[derive(Default)]
struct Shared {
    line: Mutex<Line>,
    changed: Condvar,
}

#[derive(Default)]
struct Line {
    /// The current action and the time at which it began.
    action: Option<(String, Instant)>,
    /// True if the line is on the screen.
    drawn: bool,
    /// True if a thread draws the line.
    has_thread: bool,
}

/// Keeps an action in the status line until it is dropped.
#[must_use = "the action ends when the guard is dropped"]
pub struct ProgressGuard(Option<StatusLine>);

impl ProgressGuard {
    /// Creates a guard without a status line.
    pub const fn inactive() -> Self {
        Self(None)
    }
}

impl StatusLine {
    /// Shows a new action, which must be free of control characters.
    pub fn begin(&self, text: String) -> ProgressGuard {
        let mut line = self.line();
        line.action = Some((text, Instant::now()));
        if !line.has_thread {
            // Without a thread, the line is not shown.
            let this = self.clone();
            line.has_thread = thread::Builder::new().name("waiting".to_owned()).spawn(move || this.serve()).is_ok();
        }
        drop(line);
        self.0.changed.notify_one();
        ProgressGuard(Some(self.clone()))
    }

    /// Clears the line, writes `text` to standard error, and lets the line appear again below it.
    pub fn write(&self, text: &str) {
        let mut line = self.line();
        let clear = if std::mem::take(&mut line.drawn) { CLEAR } else { "" };
        stream::write(&format!("{clear}{text}"));
        drop(line);
        self.0.changed.notify_one();
    }

    fn line(&self) -> MutexGuard<'_, Line> {
        self.0.line.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn serve(&self) {
        let mut line = self.line();
        loop {
            let Some((text, since)) = &line.action else {
                line = self.0.changed.wait(line).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            let waited = since.elapsed();
            let pause = if let Some(rest) = QUICK.checked_sub(waited).filter(|rest| !rest.is_zero()) {
                rest
            } else {
                stream::draw(&format!("{CLEAR}{}", fitting(text, waited, width())));
                line.drawn = true;
                // The next full second.
                BEAT.saturating_sub(Duration::from_nanos(waited.subsec_nanos().into()))
            };
            line = self.0.changed.wait_timeout(line, pause).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

impl Drop for ProgressGuard {
    fn drop(&mut self) {
        let Some(waiting) = &self.0 else { return };
        let mut line = waiting.line();
        line.action = None;
        if std::mem::take(&mut line.drawn) {
            stream::draw(CLEAR);
        }
    }
}

fn width() -> usize {
    let size = rustix::termios::tcgetwinsize(rustix::stdio::stderr());
    size.ok().map(|size| usize::from(size.ws_col)).filter(|width| *width > 0).unwrap_or(WIDTH)
}

/// Shortens the line to less than `width` columns: a terminal would wrap a full line.
fn fitting(text: &str, waited: Duration, width: usize) -> String {
    let time = format!(" ({} s)", waited.as_secs());
    let room = width.saturating_sub(time.len() + 1);
    let mut out = String::from("  ");
    let mut used = out.len();
    for c in text.chars() {
        used += c.width().unwrap_or(0);
        if used + 3 > room && text.len() > room {
            out.push_str("...");
            break;
        }
        out.push(c);
    }
    // Writing to a string cannot fail.
    let _ = out.write_str(&time);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_line_never_fills_its_row() {
        let wide = "\u{4e2d}".repeat(50);
        for text in ["start web.service", &"a".repeat(200), &wide, &"e\u{301}".repeat(90)] {
            for width in [20, 40, 80, 200] {
                let line = fitting(text, Duration::from_secs(12), width);
                let columns: usize = line.chars().map(|c| c.width().unwrap_or(0)).sum();
                assert!(columns < width, "{width}: {columns}: {line}");
                assert!(line.starts_with("  ") && line.ends_with(" (12 s)"), "{line}");
            }
        }
        assert_eq!(fitting("start web.service", Duration::from_millis(1999), 80), "  start web.service (1 s)");
    }
}
