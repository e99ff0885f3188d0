//! Characters that look like a blank, a line break or a YAML indicator, such as quotes, dashes and colons.
//!
//! YAML reads these as text. Inside of text they are harmless; in place of an indicator they change the document.

use std::collections::HashSet;
use std::rc::Rc;

use super::document::ParsedYaml;
use super::letters::{described, foreign_letter};
use super::node::{Kind as NodeKind, Node, Scalar};
use crate::diagnostic::{Finding, Findings, Span, rules};

/// The character that another one looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sign {
    /// A blank, or no character at all.
    Blank,
    /// No character at all.
    Hidden,
    /// A line break. Only YAML treats the character as one.
    Break,
    Quote,
    Dash,
    Colon,
}

/// The kind of text that a key takes. Some lookalike characters are normal in one kind and a mistake in another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TextKind {
    /// An unknown kind.
    #[default]
    Unknown,
    /// The content of a file, in which any character is text.
    Content,
    /// Prose, in which any character is text.
    Prose,
    /// A name or a word, which contains no blank.
    Word,
    /// The path of a file, which may contain blanks.
    Path,
    /// A directory on the machine.
    Home,
    /// A name that exists on the machine. The default applies if the value is not used.
    MachineName,
    /// An SSH key, whose comment is prose.
    Key,
}

impl TextKind {
    fn is_prose(self) -> bool {
        matches!(self, Self::Content | Self::Prose)
    }
}

pub(super) fn sign(c: char) -> Option<Sign> {
    Some(match c {
        '\u{a0}' | '\u{1680}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}' => Sign::Blank,
        '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}' => {
            Sign::Hidden
        }
        '\u{85}' | '\u{2028}' | '\u{2029}' => Sign::Break,
        '\u{2018}'..='\u{201f}' | '\u{ab}' | '\u{bb}' | '\u{2039}' | '\u{203a}' | '\u{ff02}' | '\u{ff07}' => {
            Sign::Quote
        }
        '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{fe58}' | '\u{fe63}' | '\u{ff0d}' => Sign::Dash,
        '\u{ff1a}' | '\u{fe55}' | '\u{a789}' | '\u{2236}' => Sign::Colon,
        _ => return None,
    })
}

/// Returns true if `c` looks like a blank or like no character.
fn is_blank(c: char) -> bool {
    matches!(sign(c), Some(Sign::Blank | Sign::Hidden))
}

/// A lookalike character, with its byte in the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Confusable {
    pub at: usize,
    c: char,
    place: &'static str,
}

impl Confusable {
    fn new(at: usize, c: char, place: &'static str) -> Self {
        Self { at, c, place }
    }

    /// Describes the character and its place for a message.
    pub fn description(&self) -> String {
        format!("{} {}", described(self.c), self.place)
    }

    /// Returns the remedy.
    pub fn help(&self) -> &'static str {
        match sign(self.c) {
            Some(Sign::Blank) => "replace it with an ordinary space",
            Some(Sign::Break) => "replace it with an ordinary line break, or delete it",
            Some(Sign::Quote) => "replace it with `\"` or `'`",
            Some(Sign::Dash) => "replace it with `-`",
            Some(Sign::Colon) => "replace it with `:` and a space",
            Some(Sign::Hidden) => "delete it",
            None => "replace it with the ASCII character that it looks like",
        }
    }

    /// Returns the length of the character in bytes.
    pub fn len(&self) -> usize {
        self.c.len_utf8()
    }

    /// Creates the finding about text that YAML reads in another way than it looks.
    fn finding(&self) -> Finding {
        let message = format!("{}; only the host name and SSH keys are applied", self.description());
        Finding::new(&rules::LOOKALIKE_CHARACTER, Span::new(self.at, self.at + self.len()), message).help(self.help())
    }
}

/// Returns the character in a value because of which the value differs from how it looks, with its byte in the value.
pub(super) fn in_value(scalar: &Scalar, kind: TextKind) -> Option<Confusable> {
    let text = &*scalar.text;
    let prose = kind.is_prose();
    let (first, last) = (text.chars().next()?, text.chars().next_back()?);
    if scalar.plain {
        if is_blank(first) {
            return Some(Confusable::new(0, first, "before the value"));
        }
        let is_quote = |c| matches!(c, '"' | '\'') || sign(c) == Some(Sign::Quote);
        if sign(first) == Some(Sign::Quote)
            && text.len() > first.len_utf8()
            && (is_quote(last) || !prose)
            && kind != TextKind::Content
        {
            return Some(Confusable::new(0, first, "as a quote"));
        }
        if is_blank(last) && !prose {
            return Some(Confusable::new(text.len() - last.len_utf8(), last, "after the value"));
        }
    }
    if scalar.plain && !prose {
        let blank = text.char_indices().find(|(at, c)| is_blank(*c) && text[at + c.len_utf8()..].starts_with('#'));
        if let Some((at, c)) = blank {
            return Some(Confusable::new(at, c, "before a comment"));
        }
    }
    let words = match kind {
        TextKind::Key => text.match_indices([' ', '\t']).nth(1).map_or(text, |(end, _)| &text[..end]),
        TextKind::Word | TextKind::Path | TextKind::Home | TextKind::MachineName => text,
        TextKind::Unknown | TextKind::Content | TextKind::Prose => "",
    };
    let is_name = kind == TextKind::MachineName;
    let inside = |c: char| match sign(c) {
        Some(Sign::Hidden | Sign::Break) => true,
        // A file name can contain such a blank.
        Some(Sign::Blank) => kind != TextKind::Path,
        Some(Sign::Quote | Sign::Dash | Sign::Colon) => is_name,
        None => is_name && matches!(c, '\u{ff0c}' | '\u{3001}' | '\u{ff0f}' | '\u{2044}' | '\u{2215}'),
    };
    let found = words.char_indices().find(|(_, c)| inside(*c));
    let found = found.or_else(|| foreign_letter(words).filter(|_| is_name || kind == TextKind::Home));
    found.map(|(at, c)| Confusable::new(at, c, "inside the value"))
}

/// Reports the lookalike characters that change the meaning of `document`, whose source text is `text`. `kind` returns
/// the kind of text that a key takes.
pub fn misread(document: &ParsedYaml, text: &str, kind: fn(&str) -> TextKind) -> Vec<Finding> {
    if text.is_ascii() {
        return Vec::new();
    }
    let mut search = Search { text, kind, scalars: Vec::new(), seen: HashSet::new(), found: Vec::new() };
    if let Some(root) = &document.root {
        search.node(root, "");
    }
    search.gaps();
    let stray = document.findings.iter().find(|finding| finding.rule == &rules::STRAY_CONTENT);
    let wrong = document.error.as_ref().filter(|error| error.rule == &rules::SYNTAX).or(stray);
    if let Some(span) = wrong.and_then(|finding| finding.span) {
        search.near(span.start);
    }
    let mut found = search.found;
    found.sort_unstable_by_key(|found| found.at);
    found.dedup_by_key(|found| found.at);
    let mut findings = Findings::default();
    for found in &found {
        findings.add(&rules::LOOKALIKE_CHARACTER, || found.finding());
    }
    findings.into_list()
}

struct Search<'a> {
    text: &'a str,
    kind: fn(&str) -> TextKind,
    /// The positions of all scalars.
    scalars: Vec<Span>,
    seen: HashSet<*const Node>,
    found: Vec<Confusable>,
}

impl<'a> Search<'a> {
    fn node(&mut self, node: &'a Rc<Node>, key: &'a str) {
        if !self.seen.insert(Rc::as_ptr(node)) {
            return;
        }
        match &node.kind {
            NodeKind::Scalar(scalar) => self.value(scalar, node.span, key),
            NodeKind::List(items) => items.iter().for_each(|item| self.node(item, key)),
            NodeKind::Mapping(mapping) => {
                for entry in mapping.written() {
                    self.key(entry.key_span);
                    self.node(&entry.value, &entry.key);
                }
            }
        }
    }

    fn raw(&self, span: Span) -> &'a str {
        self.text.get(span.start..span.end).unwrap_or_default()
    }

    /// Checks a key without quotes, which should not contain such a character.
    fn key(&mut self, span: Span) {
        self.scalars.push(span);
        let raw = self.raw(span);
        if raw.is_ascii() || raw.starts_with(['"', '\'', '|', '>', '&', '*', '!']) {
            return;
        }
        let found = raw.char_indices().find_map(|(at, c)| {
            let place = match sign(c)? {
                Sign::Blank | Sign::Hidden if at == 0 => "in the indentation",
                Sign::Blank | Sign::Hidden if at + c.len_utf8() == raw.len() => "before the `:`",
                Sign::Blank | Sign::Hidden | Sign::Break => "inside a key",
                Sign::Quote if at == 0 => "as a quote",
                Sign::Dash if at == 0 && raw[c.len_utf8()..].starts_with([' ', '\u{a0}']) => "in place of `-`",
                Sign::Quote | Sign::Dash | Sign::Colon => return None,
            };
            Some(Confusable::new(span.start + at, c, place))
        });
        let letter = || foreign_letter(raw).map(|(at, c)| Confusable::new(span.start + at, c, "inside a key"));
        let found = found.or_else(letter);
        // YAML reads `-` and such a blank as the beginning of a key.
        self.found.extend(found.map(|found| match raw.strip_prefix('-') {
            Some(rest) if rest.starts_with(is_blank) => Confusable { place: "after a `-`", ..found },
            _ => found,
        }));
    }

    /// Checks a value without quotes. Each of its lines may have been meant as another construct.
    fn value(&mut self, scalar: &Scalar, span: Span, key: &str) {
        self.scalars.push(span);
        let raw = self.raw(span);
        if !scalar.plain || raw.is_ascii() {
            return;
        }
        let above = self.text[..span.start].trim_end_matches([' ', '\t', '-', '?']);
        let mut alone = above.is_empty() || above.ends_with('\n');
        let mut at = span.start;
        for line in raw.split_inclusive('\n') {
            let inner = line.trim_start_matches([' ', '\t']);
            // On the line of its key, a value cannot be another construct.
            let found = if alone { beginning(inner) } else { None };
            let found = found.or_else(|| {
                let broken =
                    |(at, c)| (sign(c) == Some(Sign::Break)).then(|| Confusable::new(at, c, "as a line break"));
                let behind = |found: &Confusable| !inner[found.at + found.len()..].trim().is_empty();
                inner.char_indices().find_map(broken).filter(behind).filter(|_| !(self.kind)(key).is_prose())
            });
            let offset = at + line.len() - inner.len();
            self.found.extend(found.map(|found| Confusable { at: offset + found.at, ..found }));
            at += line.len();
            alone = true;
        }
    }

    /// Checks the text between scalars for byte order marks that YAML skips, and for line breaks that no editor
    /// displays.
    fn gaps(&mut self) {
        self.scalars.sort_unstable();
        let mut start = 0;
        for line in self.text.split_inclusive('\n') {
            if !line.is_ascii() {
                self.gaps_of(line, start);
            }
            start += line.len();
        }
    }

    fn gaps_of(&mut self, line: &str, start: usize) {
        let is_space = |c: char| c.is_whitespace() || is_blank(c);
        let first = line.find(|c| !is_space(c)).unwrap_or(line.len());
        let comment = if line[first..].starts_with('#') { Some(first) } else { line.find(" #") };
        // The next character that is not a blank.
        let mut next = None;
        for (at, c) in line.char_indices().rev() {
            let is_mark = c == '\u{feff}' || sign(c) == Some(Sign::Break);
            if !is_space(c) {
                next = Some(c);
            }
            let in_comment = comment.is_some_and(|comment| comment < at);
            if !is_mark || next.is_none_or(|next| next == '#') || in_comment && c == '\u{feff}' {
                continue;
            }
            let before = self.scalars.partition_point(|span| span.start <= start + at);
            let inside = before.checked_sub(1).is_some_and(|last| start + at < self.scalars[last].end);
            // After the last scalar that was read, the text may be part of a scalar.
            if !inside && (before < self.scalars.len() || at <= first) {
                let place = if c == '\u{feff}' { "in the indentation" } else { "as a line break" };
                self.found.push(Confusable::new(start + at, c, place));
            }
        }
    }

    /// Checks the text near a syntax error: its line, and the line above.
    fn near(&mut self, at: usize) {
        let mut at = at.min(self.text.len());
        while !self.text.is_char_boundary(at) {
            at -= 1;
        }
        let start = self.text[..at].rfind('\n').map_or(0, |at| at + 1);
        let line = self.text[start..].split('\n').next().unwrap_or_default();
        let above = self.text[..start].trim_end();
        let above_start = above.rfind('\n').map_or(0, |at| at + 1);
        // The wrong line may begin at a line break that only YAML treats as one.
        let broken = line.get(..at - start).unwrap_or_default().char_indices().rev();
        let broken = broken.into_iter().find(|(_, c)| sign(*c) == Some(Sign::Break));
        let broken = broken.map(|(at, c)| Confusable::new(at + start, c, "as a line break"));
        let found = broken.or_else(|| suspicious(line).map(|found| Confusable { at: found.at + start, ..found }));
        let found = found.or_else(|| {
            let found = suspicious(&above[above_start..])?;
            let at = found.at + above_start;
            let known = self.scalars.iter().any(|span| span.start <= at && at < span.end);
            (!known && !super::block::is_inside(self.text, above_start)).then_some(Confusable { at, ..found })
        });
        self.found.extend(found);
    }
}

/// Returns the character at the beginning of a line, after the indentation, that conceals the construct on the line.
fn beginning(line: &str) -> Option<Confusable> {
    let first = line.chars().next()?;
    if is_blank(first) {
        return Some(Confusable::new(0, first, "in the indentation"));
    }
    let second = line[first.len_utf8()..].chars().next();
    let is_item = |rest: &str| {
        rest.starts_with(|c| c == ' ' || is_blank(c)) || rest.trim_start_matches(['"', '\'']).starts_with("ssh-")
    };
    if sign(first) == Some(Sign::Dash) && is_item(&line[first.len_utf8()..]) {
        return Some(Confusable::new(0, first, "in place of `-`"));
    }
    if let Some(c) = second.filter(|c| first == '-' && is_blank(*c)) {
        return Some(Confusable::new(1, c, "after a `-`"));
    }
    let end = line.find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '-'))).filter(|end| *end > 0)?;
    let mut rest = line[end..].char_indices();
    let (_, c) = rest.next()?;
    let (at, next) = rest.next()?;
    if c == ':' && is_blank(next) {
        return Some(Confusable::new(end + at, next, "after a `:`"));
    }
    (sign(c) == Some(Sign::Colon)).then(|| Confusable::new(end, c, "in place of `:`"))
}

/// Returns the character on a line that may be the reason for a syntax error.
fn suspicious(line: &str) -> Option<Confusable> {
    if line.is_ascii() || line.trim_start_matches([' ', '\t']).starts_with('#') {
        return None;
    }
    let inner = line.trim_start_matches([' ', '\t']);
    let mut inner = inner;
    while let Some(rest) = inner.strip_prefix("- ") {
        inner = rest.trim_start_matches([' ', '\t']);
    }
    let offset = line.len() - inner.len();
    let found = beginning(inner).map(|found| Confusable { at: found.at + offset, ..found });
    found.or_else(|| {
        line.char_indices().find_map(|(at, c)| {
            let before = line[..at].chars().next_back();
            let behind = line[at + c.len_utf8()..].chars().next();
            let place = match sign(c)? {
                Sign::Blank | Sign::Hidden if before == Some(':') => "after a `:`",
                Sign::Blank | Sign::Hidden if behind == Some(':') => "before the `:`",
                Sign::Blank | Sign::Hidden if line[at..].trim().trim_matches(is_blank).is_empty() => "after the text",
                Sign::Hidden => "on this line",
                Sign::Break => "as a line break",
                Sign::Quote => "as a quote",
                Sign::Blank | Sign::Dash | Sign::Colon => return None,
            };
            Some(Confusable::new(at, c, place))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::{Confusable, in_value, misread};
    use crate::config::KEY_FACTS;
    use crate::yaml::node::Scalar;
    use crate::yaml::parse;

    /// Returns the characters that are found in a text: line, column, code point, place.
    fn found(text: &str) -> Vec<String> {
        let findings = misread(&parse(text, |at| at), text, KEY_FACTS.kind).into_iter();
        findings
            .map(|finding| {
                let at = finding.span.unwrap().start;
                let before = &text[..at];
                let start = before.rfind('\n').map_or(0, |at| at + 1);
                let column = before[start..].chars().count() + 1;
                let what = finding.message.split(';').next().unwrap().to_owned();
                format!("{}:{column} {what}", before.matches('\n').count() + 1)
            })
            .collect()
    }

    #[test]
    fn a_character_in_the_place_of_a_sign_is_found() {
        for (text, what) in [
            ("users:\n\u{a0}\u{a0}- name: ada\nhostname: a\n", "2:1 U+00A0 (no-break space) in the indentation"),
            ("users:\n - name: ada\n\u{a0}\u{a0} groups: [x]\n", "3:1 U+00A0 (no-break space) in the indentation"),
            ("a:\n- x\n  \u{3000}- y\n", "3:3 U+3000 (ideographic space) in the indentation"),
            ("a:\n- path: /x\n  \u{a0}mode: y\n", "3:3 U+00A0 (no-break space) in the indentation"),
            ("users:\n  \u{200b}- name: ada\n", "2:3 U+200B (zero width space) in the indentation"),
            ("a: b\n\u{feff}c: d\n", "2:1 U+FEFF (byte order mark) in the indentation"),
            ("a: {}\n\u{feff}c: d\n", "2:1 U+FEFF (byte order mark) in the indentation"),
            ("hostname:\u{a0}a\nb: c\n", "1:10 U+00A0 (no-break space) after a `:`"),
            ("hostname:\u{a0}a\n", "1:10 U+00A0 (no-break space) after a `:`"),
            ("hostname\u{a0}: a\n", "1:9 U+00A0 (no-break space) before the `:`"),
            ("host\u{200b}name: a\n", "1:5 U+200B (zero width space) inside a key"),
            ("a:\n-\u{a0}path: /x\n", "2:2 U+00A0 (no-break space) after a `-`"),
            ("a:\n-\u{a0}x\n", "2:2 U+00A0 (no-break space) after a `-`"),
            ("a:\n- path:\u{a0}/x\n  content: b\n", "2:8 U+00A0 (no-break space) after a `:`"),
            ("hostname: a\u{2028}b: c\n", "1:12 U+2028 (line separator) as a line break"),
            ("hostname: no\u{2028}de\nb: c\n", "1:13 U+2028 (line separator) as a line break"),
            ("\u{201c}hostname\u{201d}: a\n", "1:1 U+201C (left double quotation mark) as a quote"),
            ("a: \"n1\u{201d}\nb: c\n", "1:7 U+201D (right double quotation mark) as a quote"),
            ("users:\n\u{2013} name: ada\n", "2:1 U+2013 (en dash) in place of `-`"),
            ("content: |\n  \u{a0}a\u{2028}b\n", "2:5 U+2028 (line separator) as a line break"),
            ("a: b\n\u{a0}# x\nc: d\n", "2:1 U+00A0 (no-break space) in the indentation"),
            ("a: b\n\u{a0}\u{a0}# x\nc:\n- d\n", "2:1 U+00A0 (no-break space) in the indentation"),
            ("a:\n- content: |\u{a0}\n    x\n", "2:13 U+00A0 (no-break space) after the text"),
            ("h\u{43e}stname: a\n", "1:2 U+043E (a Cyrillic letter) inside a key"),
            ("users:\n- n\u{430}me: a\n", "2:4 U+0430 (a Cyrillic letter) inside a key"),
            ("hostname\u{ff1a}a\nb: c\n", "1:9 U+FF1A (fullwidth colon) in place of `:`"),
        ] {
            assert_eq!(found(text), [what], "{text:?}");
        }
    }

    #[test]
    fn inside_text_it_is_text() {
        for text in [
            "content: |\n  \u{a0}a\u{200b}b\n  \u{201c}x\u{201d}: \u{2013} y\n",
            "content: \"a\u{a0}b\u{2028}\u{feff}c\"\n",
            "gecos: Ada\u{a0}Lovelace \u{2013} \u{201c}the first\u{201d}\n",
            "# a\u{a0}comment \u{feff} \u{201c}here\u{201d}\nhostname: a # \u{a0}x\n",
            "hostname: a\n\u{feff}# a comment\n",
            "\u{438}\u{43c}\u{44f}: a\nna\u{ef}ve: b\n\u{3bf}\u{3bd}: c\n",
            "hostname: a\u{2028}\nb: c\n",
            "write_files:\n- content: |\n    x:\u{a0}y\n   bad\n",
        ] {
            assert_eq!(found(text), [""; 0], "{text:?}");
        }
    }

    #[test]
    fn a_value_is_judged_by_its_key() {
        let value = |text: &str, key| in_value(&Scalar { text: text.into(), plain: true }, (KEY_FACTS.kind)(key));
        let at = |found: Option<Confusable>| found.map(|found| (found.at, found.c));
        assert_eq!(at(value("\u{201c}n1\u{201d}", "content")), None);
        for key in ["hostname", "gecos", "discovery"] {
            assert_eq!(at(value("\u{201c}n1\u{201d}", key)), Some((0, '\u{201c}')), "{key}");
            assert_eq!(at(value("\u{2018}n1'", key)), Some((0, '\u{2018}')), "{key}");
            assert_eq!(at(value("\u{a0}n1", key)), Some((0, '\u{a0}')), "{key}");
            assert_eq!(at(value("\u{201c}", key)), None, "{key}");
        }
        assert_eq!(at(value("n1\u{200b}", "hostname")), Some((2, '\u{200b}')));
        assert_eq!(at(value("n1\u{a0}", "content")), None);
        assert_eq!(at(value("\u{201c}Ada\u{201d} L.", "gecos")), None);
        assert_eq!(at(value("/a\u{200b}b", "path")), Some((2, '\u{200b}')));
        assert_eq!(at(value("/a\u{a0}b", "path")), None);
        for key in ["shell", "groups", "primary_group"] {
            for c in ['\u{a0}', '\u{200b}', '\u{2028}', '\u{2010}', '\u{201d}', '\u{ff0c}', '\u{430}'] {
                assert_eq!(at(value(&format!("n{c}m"), key)), Some((1, c)), "{key}");
            }
            assert_eq!(at(value("g\u{e4}ste", key)), None, "{key}");
        }
        assert_eq!(at(value("/home/\u{430}da", "homedir")), Some((6, '\u{430}')));
        assert_eq!(at(value("/home/a\u{a0}b", "homedir")), Some((7, '\u{a0}')));
        assert_eq!(at(value("false\u{a0}# x", "mask")), Some((5, '\u{a0}')));
        assert_eq!(at(value("Ada\u{a0}# 1", "gecos")), None);
        assert_eq!(at(value("ssh-ed25519\u{a0}AAAA me", "ssh_authorized_keys")), Some((11, '\u{a0}')));
        assert_eq!(at(value("ssh-ed25519 AAAA Ada\u{a0}L", "ssh_authorized_keys")), None);
    }
}
