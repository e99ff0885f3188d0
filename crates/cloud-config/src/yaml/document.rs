//! A parsed document: its tree, its findings, and the error that ended parsing.

use std::rc::Rc;

use super::after_document;
use super::block;
use super::build::Builder;
use super::limits::{self, MAX_DIRECTIVES, MAX_TEXT};
use super::node::Node;
use super::position::Positions;
use super::scanner::{Event, Problem, Scanner};
use crate::diagnostic::{Finding, rules};

/// A parsed document.
#[derive(Default)]
pub struct ParsedYaml {
    /// The root of the tree; `None` for an empty document. After an error, it is a mapping of the top-level entries
    /// that are complete before the error, if there are any (docs/applying.md).
    pub root: Option<Rc<Node>>,
    /// Findings about duplicate keys, invalid keys and merges, and further documents.
    pub findings: Vec<Finding>,
    /// The error that ended parsing: a syntax error or a limit.
    pub error: Option<Finding>,
}

/// Parses the first document of a text (docs/user-data.md, docs/cloud-config.md).
///
/// `origin` maps a byte of the text to the byte of the source text, to which all spans refer. Errors are part of the
/// result, because a broken document may still give access to the machine.
pub fn parse(text: &str, origin: impl Fn(usize) -> usize) -> ParsedYaml {
    let positions = Positions::new(text, &origin);
    let refuse = |start, end, message| ParsedYaml {
        error: Some(limits::passed(positions.span(start, end), message)),
        ..ParsedYaml::default()
    };
    if text.len() > MAX_TEXT {
        return refuse(0, 0, format!("more than {} MiB of text", MAX_TEXT >> 20));
    }
    if let Some((start, end)) = limits::directive_too_many(text) {
        return refuse(start, end, format!("more than {MAX_DIRECTIVES} lines that begin with `%`"));
    }
    // The scanner reads ahead: such a character would also hide the entries before it.
    let forbidden = limits::forbidden_character(text);
    let mut builder = Builder::new(text, positions);
    match read(text, positions, &mut builder, forbidden) {
        Ok(end) => {
            let mut findings = builder.findings;
            if let Some((range, rule)) = after_document::find(text, end) {
                let span = positions.span(range.start, range.end);
                let (message, help) = after_document::message(rule);
                findings.push(Finding::new(rule, span, message).help(help));
            }
            ParsedYaml { root: builder.root, findings, error: None }
        }
        Err(stop) => {
            let (root, findings) = complete_before(text, positions, stop.at, builder);
            ParsedYaml { root, findings, error: Some(*stop.finding) }
        }
    }
}

/// Returns the entries that are complete before an error at the byte `at`, with their findings.
fn complete_before(
    text: &str,
    positions: Positions<'_>,
    at: usize,
    builder: Builder<'_>,
) -> (Option<Rc<Node>>, Vec<Finding>) {
    let entries = |root: &Option<Rc<Node>>| root.as_ref().and_then(|root| root.entries()).map_or(0, <[_]>::len);
    let read_so_far = builder.salvage(at);
    // The scanner reads ahead, so it may have failed before it reported the end of the line above.
    let line = text[..at].rfind(['\n', '\r']).map_or(0, |newline| newline + 1);
    let mut above = Builder::new(text, positions);
    let _ = read(text, positions, &mut above, Some(line));
    let above = above.salvage(at);
    if entries(&above.0) > entries(&read_so_far.0) { above } else { read_so_far }
}

/// The reason why parsing ends early, and the start of the error in bytes of the text.
struct Stop {
    at: usize,
    finding: Box<Finding>,
}

/// Parses up to the end of the first document, or to the byte `cut`. Returns the end.
fn read(text: &str, positions: Positions<'_>, builder: &mut Builder<'_>, cut: Option<usize>) -> Result<usize, Stop> {
    let mut scanner = Scanner::new(&text[..cut.unwrap_or(text.len())]);
    // A token that ends at the cut may continue after it.
    let cut_at = |end: usize| cut.filter(|cut| end >= *cut);
    loop {
        let marked = scanner.next().map_err(|problem| match cut_at(problem.at) {
            Some(at) => control_character(positions, at),
            None => broken(positions, &problem),
        })?;
        let end = positions.byte(marked.end);
        // Only indented text would continue a block scalar after the end of its line. That is checked later.
        let range = builder.range(&marked);
        if let Some(at) = cut_at(range.end) {
            return Err(control_character(positions, at));
        }
        match marked.event {
            Event::DocumentEnd | Event::StreamEnd => return Ok(end),
            event => builder.take(event, range).map_err(|finding| {
                let is_syntax = *finding.rule == rules::SYNTAX;
                let diagnosis = if is_syntax { ended_block(positions, range.start) } else { None };
                Stop { at: range.start, finding: Box::new(diagnosis.unwrap_or(finding)) }
            })?,
        }
    }
}

fn broken(positions: Positions<'_>, problem: &Problem) -> Stop {
    let shown_at = positions.byte(problem.shown_at());
    if let Some(finding) = ended_block(positions, shown_at) {
        return Stop { at: shown_at.min(positions.byte(problem.begins_at())), finding: Box::new(finding) };
    }
    if let Some(diagnosis) = problem.diagnose(positions.text()) {
        let at = positions.byte(diagnosis.at);
        let finding = Finding::new(&rules::SYNTAX, positions.character(at), diagnosis.words).help(diagnosis.help);
        return Stop { at: at.min(positions.byte(problem.begins_at())), finding: Box::new(finding) };
    }
    let (message, help) = problem.description();
    let mut finding = Finding::new(&rules::SYNTAX, positions.character(positions.byte(problem.shown_at())), message);
    finding.help = problem.opening_help(positions.text()).or_else(|| help.map(str::to_owned));
    Stop { at: positions.byte(problem.begins_at()), finding: Box::new(finding) }
}

/// Returns the finding about a block scalar that was ended by a line, for an error of YAML at `at`.
fn ended_block(positions: Positions<'_>, at: usize) -> Option<Finding> {
    let broken = block::broken(positions.text(), at)?;
    Some(broken.finding(positions.text(), positions.character(broken.line)))
}

fn control_character(positions: Positions<'_>, at: usize) -> Stop {
    let message = "control character, which YAML does not allow";
    let finding = Finding::new(&rules::SYNTAX, positions.character(at), message);
    let finding = finding.help("write it as an escape in double quotes, or use `!!binary`");
    Stop { at, finding: Box::new(finding) }
}
