//! Splits user-data into parts. A fault skips only the smallest piece that it affects (docs/user-data.md).

use std::ops::Range;

use super::budget::{self, Budget, BudgetError, MULTIPART_DEPTH, USER_DATA_MAX};
use super::content_kind::{self, ContentKind, Recognized};
use super::header::{self, Header, Headers, Multipart};
use super::pieces::{End, Pieces};
use super::stray::Stray;
use super::transfer::Encoding;
use super::{Completeness, Part, errors, stray};
use crate::diagnostic::{Finding, Span, rules};
use crate::text::Lines;

/// Splits the user-data `name` into parts. Empty user-data has none. A multipart precedes its parts in the list.
pub fn split(name: &str, bytes: Vec<u8>) -> Vec<Part> {
    let mut splitter = Splitter { parts: Vec::new(), budget: Budget::default(), over: false };
    let whole =
        Piece { name: name.to_owned(), place: None, kind: PieceKind::Any, sent_as_crlf: false, cut: false, depth: 0 };
    if bytes.len() > USER_DATA_MAX {
        let message = format!("the user-data is larger than {} MiB; not applied", USER_DATA_MAX >> 20);
        splitter.refuse(&whole, Finding::new(&rules::LIMIT, None, message));
    } else {
        splitter.add_parts(whole, bytes);
    }
    if splitter.over {
        restrict(&mut splitter.parts);
    }
    splitter.parts
}

/// The kind of content according to its headers.
enum PieceKind {
    CloudConfig,
    Script,
    Gzip,
    Multipart(Header),
    /// The headers do not specify a kind.
    Any,
}

impl PieceKind {
    fn of(content_type: Option<Header>) -> Self {
        let Some(header) = content_type else { return Self::Any };
        match header.kind().as_str() {
            "text/cloud-config" => Self::CloudConfig,
            "text/x-shellscript" => Self::Script,
            "application/gzip"
            | "application/x-gzip"
            | "application/gzip-compressed"
            | "application/gzipped"
            | "application/x-gunzip"
            | "application/x-compress"
            | "application/x-compressed"
            | "application/x-gzip-compressed" => Self::Gzip,
            _ if header.is_multipart() => Self::Multipart(header),
            _ => Self::Any,
        }
    }
}

/// A piece of content before its kind is recognized.
struct Piece {
    name: String,
    /// The position in a multipart; `None` for the user-data itself.
    place: Option<PieceRange>,
    kind: PieceKind,
    /// True if the line ends come from the transfer of a message, and not from the author.
    sent_as_crlf: bool,
    /// True if the user-data is truncated inside the piece.
    cut: bool,
    /// The number of multiparts around the piece.
    depth: usize,
}

/// The position of a piece in a multipart.
struct PieceRange {
    /// The index of the multipart in the list of parts.
    within: usize,
    span: Span,
    /// The name of the piece in messages: its number, and its file name, if it has one.
    words: String,
}

/// The number of a piece between boundaries, or the line of a piece outside of them.
#[derive(Clone, Copy)]
enum PieceNumber {
    Part(usize),
    AtLine(usize),
}

/// A multipart that is being split.
struct OuterMultipart<'a> {
    name: &'a str,
    bytes: &'a [u8],
    /// The index of the multipart in the list of parts.
    index: usize,
    depth: usize,
}

struct Splitter {
    parts: Vec<Part>,
    budget: Budget,
    /// True if a limit is exceeded. No further part is read then.
    over: bool,
}

impl Splitter {
    /// Adds the parts in a piece.
    fn add_parts(&mut self, mut piece: Piece, bytes: Vec<u8>) {
        // In compressed content, all line ends come from the author.
        piece.sent_as_crlf &= !budget::is_gzip(&bytes);
        let bytes = match self.budget.inflate(bytes, matches!(piece.kind, PieceKind::Gzip)) {
            Ok(bytes) => strip_mark(bytes),
            Err(error) => return self.skip_or_stop(&piece, error),
        };
        if bytes.is_empty() || piece.place.is_some() && bytes.trim_ascii().is_empty() {
            if piece.place.is_some() {
                self.push(&piece, ContentKind::Empty, String::new());
            }
            return;
        }
        if content_kind::is_utf16(&bytes) {
            let finding =
                Finding::new(&rules::NOT_UTF8, None, "the text is UTF-16; not applied").help("save it as UTF-8");
            return self.refuse(&piece, finding);
        }
        let blank = if piece.place.is_some() { content_kind::blank_lines(&bytes) } else { 0 };
        if blank > 0 {
            return self.below_blank_lines(piece, bytes, blank);
        }
        self.add_recognized(piece, bytes);
    }

    /// Adds a part of a multipart whose content begins with `blank` bytes of blank lines.
    fn below_blank_lines(&mut self, mut piece: Piece, mut bytes: Vec<u8>, blank: usize) {
        let form = match content_kind::recognize(&bytes[blank..]) {
            // The kernel reads an interpreter line only in the first line, so the blank lines are removed.
            Recognized::Known(ContentKind::Script) if !matches!(piece.kind, PieceKind::CloudConfig) => {
                bytes.drain(..blank);
                "script"
            }
            // YAML ignores blank lines. They are kept, so that line numbers in messages are right.
            Recognized::Known(ContentKind::CloudConfig) if matches!(piece.kind, PieceKind::Any | PieceKind::Gzip) => {
                piece.kind = PieceKind::CloudConfig;
                "cloud-config"
            }
            _ => return self.add_recognized(piece, bytes),
        };
        let part = self.parts.len();
        self.add_recognized(piece, bytes);
        if let Some(part) = self.parts.get_mut(part) {
            part.findings.push(errors::blank_lines(form));
        }
    }

    /// Adds the parts in a piece according to its type and its first lines.
    fn add_recognized(&mut self, mut piece: Piece, bytes: Vec<u8>) {
        match std::mem::replace(&mut piece.kind, PieceKind::Any) {
            PieceKind::Script if content_kind::is_document(&bytes) => {
                self.add_access_only(&piece, bytes, errors::document_as_script);
            }
            PieceKind::Script if matches!(content_kind::recognize(&bytes), Recognized::AlmostHeader) => {
                self.add_access_only(&piece, bytes, errors::almost_header);
            }
            PieceKind::CloudConfig
                if content_kind::is_header_as_script(&bytes)
                    || content_kind::is_below_interpreter(&bytes, true)
                    || content_kind::has_key_after_header(&bytes) =>
            {
                self.add_access_only(&piece, bytes, errors::almost_header);
            }
            PieceKind::Script if bytes.starts_with(b"#!") => self.add_document(&piece, ContentKind::Script, bytes),
            PieceKind::CloudConfig => match content_kind::mistyped(&bytes, "cloud-config") {
                Some(finding) => self.refuse(&piece, finding),
                None => self.add_document(&piece, ContentKind::CloudConfig, bytes),
            },
            PieceKind::Script if let Some(finding) = content_kind::mistyped(&bytes, "script") => {
                self.refuse(&piece, finding);
            }
            PieceKind::Script => {
                let message = "its type is that of a script, but its first line does not begin with #!; part skipped";
                let finding = Finding::new(&rules::BAD_PART, None, message);
                self.refuse(&piece, finding.help("begin it with an interpreter line, such as #!/bin/sh; a cloud-config has the type text/cloud-config"));
            }
            PieceKind::Multipart(header) if header.boundary().is_some() => {
                // The header is outside of `bytes`, in which the findings have their positions.
                let content_type = Header { at: Span::new(0, 0), ..header };
                self.add_multipart(&piece, bytes, &Multipart { content_type, body: 0, stray: None, again: Vec::new() });
            }
            kind => match content_kind::recognize(&bytes) {
                Recognized::Known(form) => self.add_document(&piece, form, bytes),
                Recognized::Multipart(multipart) => self.add_multipart(&piece, bytes, &multipart),
                Recognized::AlmostHeader => self.add_access_only(&piece, bytes, errors::almost_header),
                Recognized::Unknown if matches!(kind, PieceKind::Multipart(_)) => {
                    self.refuse(&piece, errors::no_boundary(None));
                }
                Recognized::Unknown => self.add_unknown(&piece, bytes),
            },
        }
    }

    /// Adds a part of a kind that is parsed.
    fn add_document(&mut self, piece: &Piece, form: ContentKind, bytes: Vec<u8>) {
        if let Err(error) = self.budget.text(bytes.len()) {
            return self.skip_or_stop(piece, error);
        }
        let bytes = if piece.sent_as_crlf && form == ContentKind::Script { unix_lines(&bytes) } else { bytes };
        let (text, wrong) = match String::from_utf8(bytes) {
            Ok(text) => (text, None),
            Err(error) => {
                let at = error.utf8_error().valid_up_to();
                (content_kind::lossy_text(error.into_bytes()), Some(at))
            }
        };
        let end = wrong.or(piece.cut.then_some(text.len()));
        let part = self.push(piece, form, text);
        part.extent = end.map_or(Completeness::Whole, Completeness::Before);
        part.findings.extend(wrong.map(|at| errors::no_utf8(form, at)));
        if form == ContentKind::CloudConfig && content_kind::is_template(part.text.as_bytes()) {
            part.findings.append(&mut content_kind::unrendered_expressions(part.complete_text()));
        }
    }

    /// Adds the host name and SSH keys of a cloud-config with an invalid first line, for which `finding` gives the error.
    fn add_access_only(&mut self, piece: &Piece, bytes: Vec<u8>, finding: fn(&str) -> Finding) {
        let before = self.parts.len();
        self.add_document(piece, ContentKind::CloudConfig, bytes);
        for part in &mut self.parts[before..] {
            part.findings.push(finding(&part.text));
        }
        restrict(&mut self.parts[before..]);
    }

    /// Adds and reports content of an unknown kind.
    fn add_unknown(&mut self, piece: &Piece, bytes: Vec<u8>) {
        if let Err(error) = self.budget.text(bytes.len()) {
            return self.skip_or_stop(piece, error);
        }
        let (form, rule, what) = match piece.place {
            Some(_) => (ContentKind::Skipped, &rules::UNKNOWN_PART, "this part"),
            None => (ContentKind::Unknown, &rules::UNKNOWN_FORM, "the user-data"),
        };
        let finding = content_kind::unknown(&bytes, rule, what);
        self.push(piece, form, content_kind::lossy_text(bytes)).findings.push(finding);
    }

    /// Adds a multipart and its parts. The findings about the multipart have their positions in `bytes`.
    fn add_multipart(&mut self, piece: &Piece, bytes: Vec<u8>, multipart: &Multipart) {
        let Multipart { content_type, body, stray, again } = multipart;
        let Some(boundary) = content_type.boundary() else {
            return self.refuse_in(piece, bytes, errors::no_boundary(Some(content_type.at)));
        };
        if piece.depth == MULTIPART_DEPTH {
            let message = format!("more than {MULTIPART_DEPTH} nested multipart messages; not applied");
            return self.refuse(piece, Finding::new(&rules::LIMIT, None, message));
        }
        let index = self.parts.len();
        self.push(piece, ContentKind::Multipart, String::new());
        let mut findings = Vec::from_iter(stray.map(|span| errors::no_header(&rules::BAD_MIME, span)));
        findings.extend(again.iter().map(|(wanted, span)| errors::header_again(*wanted, *span)));
        if content_type.kind() != "multipart/mixed" {
            findings.push(errors::odd_multipart(content_type.at));
        }
        let outer = OuterMultipart { name: &piece.name, bytes: &bytes, index, depth: piece.depth + 1 };
        let mut pieces = Pieces::new(&bytes, *body, &boundary);
        let start = pieces.start();
        let is_nowhere = start == bytes.len();
        let before = stray::outside(&bytes, *body..start, &boundary, is_nowhere);
        let place = if is_nowhere { None } else { Some("before the first boundary") };
        findings.extend(self.add_strays(&outer, before, place));
        let mut number = 0;
        while !self.over
            && let Some(range) = pieces.next()
        {
            let cut = pieces.end() == End::Missing && range.end == bytes.len();
            // A mistyped boundary ends the first part; the rest of the range is examined for more.
            let (from, mut rest) = (self.parts.len(), range);
            let (mut lines, mut names) = (Vec::new(), Vec::new());
            while !self.over
                && let Some(line) = stray::inside(&bytes, rest.clone(), &boundary)
            {
                number += 1;
                names.push(self.add_piece(&outer, PieceNumber::Part(number), rest.start..line.start, false));
                let length = bytes[line.clone()].trim_ascii_end().len();
                lines.push(Span::new(line.start, line.start + length));
                rest.start = line.end;
            }
            if !self.over {
                number += 1;
                names.push(self.add_piece(&outer, PieceNumber::Part(number), rest, cut));
                if !lines.is_empty() {
                    restrict(&mut self.parts[from..]);
                }
            }
            for (at, line) in lines.into_iter().enumerate() {
                let place = match names.get(at + 1) {
                    Some(below) => format!("between {} and {below}", names[at]),
                    None => format!("after {}", names[at]),
                };
                findings.push(errors::mistyped_boundary(line, &place, &self.parts[from..]));
            }
        }
        let behind = stray::outside(&bytes, pieces.end_of_final()..bytes.len(), &boundary, false);
        let is_read = !behind.is_empty();
        if pieces.end() != End::NoBoundary {
            findings.extend(self.add_strays(&outer, behind, Some("after the final boundary")));
        }
        if stray.is_some() {
            restrict(&mut self.parts[index + 1..]);
        }
        match pieces.end() {
            // The exceeded limit was reported, and the end of the multipart may not have been reached.
            _ if self.over => {}
            End::Final(None) => {}
            End::Final(Some(_)) if is_read => {}
            End::Final(Some(line)) => findings.push(errors::part_after_end(line)),
            End::NoBoundary => {
                let strays = &self.parts[index + 1..];
                findings.push(errors::boundary_nowhere(content_type.at, strays));
                let is_read = |part: &Part| matches!(part.form, ContentKind::CloudConfig | ContentKind::Script);
                if !strays.iter().any(is_read) {
                    self.parts[index].form = ContentKind::Unreadable;
                }
            }
            End::Missing => {
                restrict(&mut self.parts[index + 1..]);
                // The multipart around this one already reports the truncation.
                if !piece.cut {
                    findings.push(errors::truncated(bytes.len()));
                }
            }
        }
        let part = &mut self.parts[index];
        part.findings.append(&mut findings);
        part.text = content_kind::lossy_text(bytes);
    }

    /// Adds the host names and SSH keys of parts outside of the boundaries; `place` is their position, if it is reported.
    fn add_strays(&mut self, outer: &OuterMultipart<'_>, strays: Vec<Stray>, place: Option<&str>) -> Vec<Finding> {
        let from = self.parts.len();
        let mut findings = Vec::new();
        let lines = Lines::new(if strays.is_empty() { &[] } else { outer.bytes });
        for stray in strays {
            if self.over {
                break;
            }
            let cut = place.is_none() && stray.part.end == outer.bytes.len();
            let from = self.parts.len();
            let line = lines.position(stray.part.start).line;
            let known = self.parts[outer.index].findings.len();
            let words = self.add_piece(outer, PieceNumber::AtLine(line), stray.part.clone(), cut);
            let Some(place) = place else { continue };
            let is_read = |part: &Part| matches!(part.form, ContentKind::CloudConfig | ContentKind::Script);
            if !self.over && !self.parts[from..].iter().any(is_read) {
                // The part is skipped because of its place, so other findings about it are superfluous.
                self.parts[outer.index].findings.truncate(known);
                self.parts[from..].iter_mut().for_each(|part| part.findings.clear());
            }
            findings.push(errors::stray_part(&stray, &words, place, &self.parts[from..]));
        }
        restrict(&mut self.parts[from..]);
        findings
    }

    /// Adds a piece of a multipart: headers, followed by encoded content. Returns the name of the piece in messages.
    fn add_piece(&mut self, outer: &OuterMultipart<'_>, number: PieceNumber, range: Range<usize>, cut: bool) -> String {
        let sent = &outer.bytes[range.clone()];
        let is_bare = matches!(number, PieceNumber::AtLine(_)) && stray::is_first_line(header::line_at(sent, 0));
        let mut headers = if is_bare { Headers::default() } else { header::read(sent, 0) };
        let below = header::below_blank_lines(sent);
        let label = below.as_ref().unwrap_or(&headers).file_name();
        let (suffix, mut words) = match number {
            PieceNumber::Part(number) => (format!("part-{number}"), format!("part {number}")),
            PieceNumber::AtLine(line) => (format!("part-at-line-{line}"), format!("the part at line {line}")),
        };
        let mut name = format!("{}:{suffix}", outer.name);
        if let Some(label) = label {
            name = format!("{name}:{label}");
            words = format!("{words} ({label})");
        }
        let there = |span: Span| Span::new(range.start + span.start, range.start + span.end);
        if let Some(below) = below {
            self.parts[outer.index].findings.push(errors::blank_lines_above(&words, there(Span::new(0, 0))));
            headers = below;
        }
        // If a line is not a header, the part is skipped, so repeated headers do not matter.
        for (wanted, span) in headers.again.iter().filter(|_| headers.stray.is_none()) {
            let mut finding = errors::header_again(*wanted, there(*span));
            finding.message = format!("{words}: {}", finding.message);
            self.parts[outer.index].findings.push(finding);
        }
        let place = PieceRange { within: outer.index, span: there(Span::new(0, 0)), words: words.clone() };
        let piece =
            Piece { name, place: Some(place), kind: PieceKind::Any, sent_as_crlf: false, cut, depth: outer.depth };
        self.add_content(outer, piece, headers, &range);
        words
    }

    /// Decodes the content of a piece below its headers, and adds its parts.
    fn add_content(&mut self, outer: &OuterMultipart<'_>, mut piece: Piece, headers: Headers, range: &Range<usize>) {
        let sent = &outer.bytes[range.clone()];
        let there = |span: Span| Span::new(range.start + span.start, range.start + span.end);
        if let Err(error) = self.budget.part() {
            return self.skip_or_stop(&piece, error);
        }
        if let Some(span) = headers.stray {
            return self.refuse(&piece, errors::no_header(&rules::BAD_PART, there(span)));
        }
        let (encoding, span) =
            headers.transfer_encoding.as_ref().map_or((Some(Encoding::Text), Span::default()), |header| {
                (Encoding::named(&header.value), there(header.at))
            });
        let Some(encoding) = encoding else {
            return self.refuse(&piece, errors::transfer_encoding(span));
        };
        match encoding.undo(&sent[headers.body..]) {
            Ok(bytes) => {
                let crlf = outer.bytes[..range.start].ends_with(b"\r\n");
                piece.sent_as_crlf = crlf && matches!(encoding, Encoding::Text | Encoding::QuotedPrintable);
                piece.kind = PieceKind::of(headers.content_type);
                self.add_parts(piece, bytes);
            }
            Err(fault) => {
                let message = format!("{fault}; part skipped");
                self.refuse(&piece, Finding::new(&rules::BAD_PART, span, message).help(errors::ENCODE_AGAIN));
            }
        }
    }

    fn push(&mut self, piece: &Piece, form: ContentKind, text: String) -> &mut Part {
        let name = piece.name.clone();
        let index = self.parts.len();
        self.parts.push(Part { name, form, extent: Completeness::Whole, text, findings: Vec::new() });
        &mut self.parts[index]
    }

    /// Skips a piece, or stops if the budget of the user-data is used up.
    fn skip_or_stop(&mut self, piece: &Piece, error: BudgetError) {
        match error {
            BudgetError::Part(finding) => self.refuse(piece, finding),
            BudgetError::All(finding) => {
                self.over = true;
                match &piece.place {
                    Some(place) => {
                        self.parts[place.within].findings.push(Finding { span: Some(place.span), ..finding });
                    }
                    None => self.refuse(piece, finding),
                }
            }
        }
    }

    /// Skips a piece. The multipart around it has the finding, unless the piece is the user-data itself.
    fn refuse(&mut self, piece: &Piece, mut finding: Finding) {
        self.push(piece, ContentKind::Unreadable, String::new());
        let within = match &piece.place {
            Some(place) => {
                finding.span.get_or_insert(place.span);
                finding.message = errors::of_part(&place.words, &finding.message);
                place.within
            }
            None => self.parts.len() - 1,
        };
        self.parts[within].findings.push(finding);
    }

    /// Skips a piece because of a fault whose position is inside the piece.
    fn refuse_in(&mut self, piece: &Piece, bytes: Vec<u8>, finding: Finding) {
        self.push(piece, ContentKind::Unreadable, content_kind::lossy_text(bytes)).findings.push(finding);
    }
}

/// Restricts `parts` to their host names and SSH keys.
fn restrict(parts: &mut [Part]) {
    for part in parts.iter_mut().filter(|part| part.extent == Completeness::Whole) {
        part.extent = Completeness::Access;
    }
}

fn strip_mark(mut bytes: Vec<u8>) -> Vec<u8> {
    if bytes.starts_with("\u{feff}".as_bytes()) {
        bytes.drain(..3);
    }
    bytes
}

/// Restores the line ends of the author. A message has CRLF line ends, which shells do not accept.
fn unix_lines(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        if let Some(line) = line.strip_suffix(b"\r\n") {
            out.extend_from_slice(line);
            out.push(b'\n');
        } else {
            out.extend_from_slice(line);
        }
    }
    out
}
