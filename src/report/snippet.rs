//! A finding on a terminal, with its line of the file and a caret.
//!
//! The line is printed in its redacted form, and no control character reaches the terminal.

use annotate_snippets::renderer::{DEFAULT_LINE_NUM_STYLE, Style};
use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};

use super::Screen;
use cloud_config::diagnostic::Severity;
use cloud_config::redact::{Line, LocatedFinding, position};
use cloud_config::text::printable;

/// The width of the output. Redaction has already shortened the lines; this is enough for them and their annotation.
const WIDTH: usize = 240;

/// Draws findings and failures.
pub struct Painter {
    renderer: Renderer,
    /// The style of the frame.
    frame: Style,
}

impl Painter {
    /// Creates a painter for a terminal.
    pub const fn new(screen: Screen) -> Self {
        let (renderer, frame) =
            if screen.color { (Renderer::styled(), DEFAULT_LINE_NUM_STYLE) } else { (Renderer::plain(), Style::new()) };
        Self { renderer: renderer.term_width(WIDTH), frame }
    }

    /// Draws `finding`, with its line if it has a position.
    pub fn draw(&self, finding: &LocatedFinding, line: Option<&Line>) -> String {
        let level = match finding.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
            Severity::Note => Level::NOTE,
        };
        let mut group = Group::with_title(level.primary_title(printable(&finding.message)).id(finding.id));
        let help = finding.help.as_deref().map(|help| Level::HELP.message(printable(help)));
        let (Some(at), Some(line)) = (finding.at, line) else {
            group = group.element(Origin::path(printable(&finding.part))).elements(help);
            return self.renderer.render(&[group]) + "\n";
        };
        let mark = AnnotationKind::Primary.span(line.mark.clone()).label(finding.path.as_deref());
        group = group.element(Snippet::source(line.text.as_str()).line_start(at.start.line).annotation(mark));
        let drawn = self.renderer.render(&[group.elements(help)]);
        // The position is inserted here, because the column in the redacted line differs from the column in the file.
        let (title, rest) = drawn.split_once('\n').unwrap_or((&drawn, ""));
        let width = at.start.line.to_string().len();
        let (frame, position) = (self.frame, printable(&position(&finding.part, Some(at.start))));
        format!("{title}\n{:width$}{frame}--> {frame:#}{position}\n{rest}\n", "")
    }

    /// Draws a failure that has no position.
    pub fn draw_failure(&self, message: &str) -> String {
        self.renderer.render(&[Group::with_title(Level::ERROR.primary_title(printable(message)))]) + "\n"
    }
}
