//! Content that YAML changes: it joins lines, drops text as comments, or ends the content early.

mod cut;
mod ended;

use std::path::Path;

use cut::cut_off;
pub use cut::refuse_cut_content;
use ended::{OuterKey, ended_early};

use super::CloudConfig;
use super::fields::{COREOS, DROP_IN, FILE, Mapping, TOP, UNIT};
use crate::address_tokens::first_token;
use crate::config::permissions;
use crate::diagnostic::{Finding, Findings, Span, rules};
use crate::text::decode;
use crate::yaml::{Entry, Node, ParsedYaml, Tag};

/// Tools wrap lines at this width or later. If a line is shorter, its author ended it.
const WRAPPED: usize = 72;

/// The remedy for most findings of this module.
const BLOCK: &str = "write `content: |`, and indent every line of the content below it by two spaces more";

/// The item that the content belongs to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum ContentOwner {
    File,
    Unit,
    DropIn,
}

impl ContentOwner {
    fn mapping(self) -> &'static Mapping {
        match self {
            Self::File => &FILE,
            Self::Unit => &UNIT,
            Self::DropIn => &DROP_IN,
        }
    }

    /// Returns the word for the item in messages.
    fn word(self) -> &'static str {
        self.mapping().item
    }
}

/// Reports content that differs from its source text, and marks the items that must not be written.
///
/// `text` is the source text of the part.
pub fn refuse_broken_content(config: &mut CloudConfig, document: &ParsedYaml, text: &str) -> Vec<Finding> {
    let mut findings = Findings::default();
    let Some(root) = document.root.as_deref() else { return Vec::new() };
    findings.extend(escapes_of_keys(root, text));
    let outer = OuterKey::new(root, text);
    let mut report_faults = |node: &Node, kind: ContentOwner| {
        let mut found = content_faults(node, kind, &outer, text);
        found.extend(node.get("content").and_then(|content| escape(content, text)));
        found.extend(node.get("content").and_then(binary_token));
        let refused = found.iter().any(Finding::is_error);
        findings.extend(found);
        refused
    };
    let nodes = |list: Option<&Node>| -> Vec<_> { list.and_then(Node::items).unwrap_or_default().to_vec() };
    for (node, field) in nodes(root.get("write_files")).iter().zip(&mut config.write_files) {
        if let Some(file) = &mut field.value {
            file.content.bad |= report_faults(node, ContentOwner::File);
        }
    }
    let units = nodes(root.get("coreos").and_then(|coreos| coreos.get("units")));
    for (node, field) in units.iter().zip(&mut config.coreos.units) {
        let Some(unit) = &mut field.value else { continue };
        unit.content.bad |= report_faults(node, ContentOwner::Unit);
        for (node, field) in nodes(node.get("drop_ins")).iter().zip(&mut unit.drop_ins) {
            if let Some(drop_in) = &mut field.value {
                drop_in.content.bad |= report_faults(node, ContentOwner::DropIn);
            }
        }
    }
    findings.into_list()
}

/// Returns the faults of the content of an item.
fn content_faults(item: &Node, kind: ContentOwner, outer: &OuterKey<'_>, text: &str) -> Vec<Finding> {
    let Some(entry) = item.entries().unwrap_or_default().iter().find(|entry| entry.name() == "content") else {
        return Vec::new();
    };
    if entry.value.items().is_some() || entry.value.entries().is_some() {
        return Vec::new();
    }
    let span = entry.value.span;
    let Some(raw) = text.get(span.start..span.end) else { return Vec::new() };
    let ended = ended_early(item, kind, outer, raw, span);
    if ended.is_some() {
        return ended.into_iter().collect();
    }
    if matches!(style(raw), '|' | '>')
        && let Some(finding) = cut_off(kind, text, span)
    {
        return vec![finding];
    }
    let encoding = item.get("encoding").and_then(Node::text).unwrap_or_default();
    if decode::is_base64(encoding) {
        // Decoding base64 ignores line breaks and blanks, so joined lines do no harm.
        return swallowed(item, kind, raw, span).into_iter().collect();
    }
    match style(raw) {
        '|' | '>' if block(raw).all(|(_, line)| line.trim().is_empty()) => {
            unindented(kind, text, span).into_iter().collect()
        }
        '|' => swallowed(item, kind, raw, span).into_iter().collect(),
        '>' => [folded(item, kind, raw, span), swallowed(item, kind, raw, span)].into_iter().flatten().collect(),
        quote @ ('"' | '\'') => joined(raw, span, quote).into_iter().collect(),
        _ => {
            let lost = |found: Finding| {
                if kind == ContentOwner::File && entry.value.is_null() { emptied(found) } else { found }
            };
            let found = comment(entry, text, raw).map(lost).or_else(|| plain(entry, text, raw));
            found.or_else(|| cut_at_sign(entry, text)).into_iter().collect()
        }
    }
}

/// Notes that `\n` is not a line break in `node`, a string on one line without double quotes.
fn escape(node: &Node, text: &str) -> Option<Finding> {
    let raw = text.get(node.span.start..node.span.end)?;
    if matches!(style(raw), '"' | '|' | '>' | '[' | '{') || node.text().is_none() {
        return None;
    }
    let is_escape = |at: &usize| {
        let before = &raw[..*at];
        // A program may interpret `\n` in inner quotes, and in a Windows path it is no line break.
        let is_quoted = before.matches('"').count() % 2 == 1;
        let word = before.rsplit([' ', '\'']).next().unwrap_or_default();
        !before.ends_with('\\') && !is_quoted && !word.ends_with(':') && !word.contains(":\\")
    };
    let at = raw.match_indices("\\n").map(|(at, _)| at).find(is_escape)? + node.span.start;
    let message = "`\\n` is two characters here, not a line break; applied anyway";
    let help = "for a line break, write the text in double quotes, or as a block below `|`";
    Some(Finding::new(&rules::LITERAL_ESCAPE, Span::new(at, at + 2), message).help(help))
}

/// Notes SSH keys that are separated by `\n` in one string.
fn escapes_of_keys(root: &Node, text: &str) -> Vec<Finding> {
    let users = root.get("users").and_then(Node::items).unwrap_or_default().iter().map(|user| &**user);
    let lists = std::iter::once(root).chain(users).filter_map(|node| node.get("ssh_authorized_keys"));
    let keys = lists.flat_map(|list| {
        let items = list.items().unwrap_or_default().iter().map(|item| &**item);
        items.chain(list.text().map(|_| list))
    });
    keys.filter_map(|key| escape(key, text)).collect()
}

/// Notes a token in `!!binary` content, which is not replaced.
fn binary_token(node: &Node) -> Option<Finding> {
    let text = node.text().filter(|_| node.tag == Tag::Binary)?;
    let token = first_token(&decode::unbase64(text.as_bytes()).ok()?)?;
    let message = format!("${token} in encoded content; ignored");
    let finding = Finding::new(&rules::LITERAL_TOKEN, node.span, message);
    Some(finding.help("write the content without `encoding` to insert the address"))
}

/// Returns the first character of a value after its tag and anchor: the indicator of its style.
fn style(raw: &str) -> char {
    let mut rest = raw.trim_start();
    while rest.starts_with(['&', '!']) {
        rest = rest.find(char::is_whitespace).map_or("", |end| rest[end..].trim_start());
    }
    rest.chars().next().unwrap_or(' ')
}

/// Returns the lines of a block scalar below its header, with their positions in `raw`.
fn block(raw: &str) -> impl DoubleEndedIterator<Item = (usize, &str)> {
    let head = raw.find('\n').map_or(raw.len(), |newline| newline + 1);
    let mut at = head;
    let mut lines = Vec::new();
    for line in raw[head..].split_inclusive('\n') {
        lines.push((at, line));
        at += line.len();
    }
    lines.into_iter()
}

/// Returns the position of a line without surrounding blanks. `at` is the start of the line.
fn place(at: usize, line: &str) -> Span {
    let text = line.trim();
    let start = at + (line.len() - line.trim_start().len());
    Span::new(start, start + text.len())
}

fn width(line: &str) -> usize {
    line.len() - line.trim_start_matches(' ').len()
}

fn warn(span: Span, message: &str) -> Finding {
    Finding::new(&rules::FOLDED_CONTENT, span, message).help(BLOCK)
}

/// Reports lines between a key and its value that YAML parses as comments, probably by mistake.
fn comment(entry: &Entry, text: &str, raw: &str) -> Option<Finding> {
    let key = entry.key_span;
    let line_start = text.get(..key.start)?.rfind('\n').map_or(0, |newline| newline + 1);
    let column = key.start - line_start;
    let rest = text.get(key.end..)?;
    let value = entry.value.span.start;
    // The value of an alias is elsewhere in the text, and an empty value has no lines.
    let gap = if raw.is_empty() { rest } else { text.get(key.end..value)? };
    let mut at = key.end;
    for (index, line) in gap.split_inclusive('\n').enumerate() {
        let trimmed = line.trim_start_matches([':', ' ', '\t']).trim_end();
        let ends_here = index > 0 && !trimmed.is_empty() && !trimmed.starts_with('#');
        if ends_here || (index > 0 && !trimmed.is_empty() && width(line) <= column) {
            return None;
        }
        // A comment directly after the key is intended, unless it is the first line of a script.
        if trimmed.starts_with("#!") || (index > 0 && trimmed.starts_with('#')) {
            let start = at + (line.len() - line.trim_start_matches([':', ' ', '\t']).len());
            let span = Span::new(start, start + trimmed.len());
            return Some(warn(span, "this line of the content is a comment in YAML; line ignored"));
        }
        at += line.len();
    }
    None
}

/// Turns a comment in place of the content into an error: the file would be emptied.
fn emptied(comment: Finding) -> Finding {
    let message = "YAML reads the content as comments from this line on; file skipped";
    Finding { rule: &rules::LOST_CONTENT, message: message.to_owned(), ..comment }
}

/// Reports plain text on several lines.
fn plain(entry: &Entry, text: &str, raw: &str) -> Option<Finding> {
    let newline = raw.find('\n')?;
    let behind = text.get(entry.key_span.end..entry.value.span.start)?;
    if !behind.contains('\n') {
        return joined(raw, entry.value.span, ' ');
    }
    let span = place(entry.value.span.start, &raw[..newline]);
    Some(warn(span, "content on several lines without `|`; applied anyway, with spaces in place of the line breaks"))
}

/// Reports lines of a quoted string, or of a plain one after its key, that were broken by the author and not by a tool.
fn joined(raw: &str, span: Span, quote: char) -> Option<Finding> {
    let lines: Vec<_> = raw.split('\n').collect();
    let mut at = span.start;
    for pair in lines.windows(2) {
        let (line, next) = (pair[0].trim_end(), pair[1].trim());
        let escaped = quote == '"' && (line.ends_with('\\') || next.starts_with('\\'));
        let is_end = next.len() <= 1;
        if !escaped && !line.trim().is_empty() && !is_end && line.chars().count() < WRAPPED {
            let span = place(at, line);
            return Some(warn(
                span,
                "content on several lines without `|`; applied anyway, with spaces in place of the line breaks",
            ));
        }
        at += pair[0].len() + 1;
    }
    None
}

/// Reports text after plain content that YAML parses as a comment, such as `#2` in `Server #2`. In an intended comment,
/// a blank follows the `#`.
fn cut_at_sign(entry: &Entry, text: &str) -> Option<Finding> {
    let end = entry.value.span.end;
    let rest = text.get(end..)?.split('\n').next()?;
    let sign = rest.trim_start();
    let is_text = sign.strip_prefix('#')?.starts_with(|c: char| !c.is_whitespace() && c != '#');
    if !is_text || entry.value.is_null() {
        return None;
    }
    let message = "`#` in the content begins a comment in YAML; the rest of the line is ignored";
    let span = place(end, rest);
    Some(Finding::new(&rules::FOLDED_CONTENT, span, message).help("put the content in quotes to include the `#`"))
}

/// Reports content after `>`, which joins its lines, unless the joined lines mean the same.
fn folded(item: &Node, kind: ContentOwner, raw: &str, span: Span) -> Option<Finding> {
    let lines: Vec<_> = block(raw).map(|(_, line)| line.trim_end()).collect();
    let first = lines.iter().find(|line| !line.is_empty())?;
    let indent = width(first);
    let is_text = |line: &&str| !line.is_empty() && width(line) == indent;
    // Blank lines, and lines with more indentation, are not joined.
    if !lines.windows(2).any(|pair| is_text(&pair[0]) && is_text(&pair[1])) {
        return None;
    }
    let path = item.get("path").and_then(Node::text).unwrap_or_default();
    if kind == ContentOwner::File && (is_of_prose(path) || is_prose(&lines) || is_json(item)) {
        return None;
    }
    let head = raw.split('\n').next().unwrap_or_default();
    let start = span.start + head.find('>').unwrap_or(0);
    let finding = warn(Span::new(start, start + 1), "`>` joins the lines of this content into one");
    Some(finding.help("write `|` instead of `>`"))
}

/// Returns true for the path of a file format in which a line break is equivalent to a blank.
fn is_of_prose(path: &str) -> bool {
    let extension = Path::new(path).extension().unwrap_or_default().to_ascii_lowercase();
    matches!(path, "/etc/motd" | "/etc/issue" | "/etc/issue.net")
        || path.starts_with("/etc/motd.d/")
        || path.starts_with("/etc/issue.d/")
        || ["txt", "md", "html", "htm", "json"].iter().any(|prose| extension == *prose)
}

/// Returns true if `lines` read as sentences: words, and punctuation at the end of the last one.
fn is_prose(lines: &[&str]) -> bool {
    let is_word = |word: &str| {
        let word = word.trim_matches(['"', '\'', '(', ')', ',', '.', '!', '?', ':', ';']);
        word.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '\'' | '’'))
    };
    let text = || lines.iter().filter(|line| !line.is_empty());
    text().next_back().is_some_and(|line| line.ends_with(['.', '!', '?']))
        && text().flat_map(|line| line.split_whitespace()).filter(|word| !is_word(word)).count() * 5 < text().count()
}

/// Returns true if the content is JSON, in which a line break is equivalent to a blank.
fn is_json(item: &Node) -> bool {
    let text = item.get("content").and_then(Node::text).unwrap_or_default();
    serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok()
}

/// Reports an empty block scalar if the lines below it are probably its text.
fn unindented(kind: ContentOwner, text: &str, span: Span) -> Option<Finding> {
    let line_end = text.get(span.end..)?.find('\n')? + span.end + 1;
    let mut at = line_end;
    for line in text[line_end..].split_inclusive('\n') {
        let trimmed = line.trim();
        if trimmed.is_empty() {
            at += line.len();
            continue;
        }
        if is_structure(kind, trimmed) {
            return None;
        }
        let message = "the content is empty, because this line is not indented below it; item skipped";
        return Some(Finding::new(&rules::LOST_CONTENT, place(at, line), message).help(
            "indent every line of the content by two spaces more than `content`, or write `content: \"\"` for an empty file",
        ));
    }
    None
}

/// Returns true if a line begins with a top-level key of any program.
fn is_name_of_key(line: &str) -> bool {
    line.split_once(':').is_some_and(|(name, _)| super::is_key(name))
}

/// Returns true if a line cannot be text of the content: a known key, the next item, or the end of the document.
fn is_structure(kind: ContentOwner, line: &str) -> bool {
    if matches!(line, "---" | "...") {
        return true;
    }
    let (line, is_item) = line.strip_prefix("- ").map_or((line, false), |line| (line.trim_start(), true));
    let Some((key, _)) = line.trim_start_matches('{').split_once(':') else { return false };
    let key = key.trim().trim_matches(['"', '\'']).replace('-', "_");
    let of_item = if kind == ContentOwner::File { &FILE } else { &UNIT };
    let is_of = |mapping: &Mapping| mapping.field(&key).is_some();
    is_of(of_item) || (!is_item && (is_top_key(&key) || (kind != ContentOwner::File && is_of(&COREOS))))
}

/// Returns true for a top-level key that can follow an item with content.
fn is_top_key(key: &str) -> bool {
    key == "runcmd" || TOP.field(key).is_some()
}

/// Reports keys of the item that are the last lines of its content, because they are indented too far.
fn swallowed(item: &Node, kind: ContentOwner, raw: &str, span: Span) -> Option<Finding> {
    if !matches!(style(raw), '|' | '>') {
        return None;
    }
    let lines: Vec<_> = block(raw).filter(|(_, line)| !line.trim().is_empty()).collect();
    let end = if kind == ContentOwner::Unit { without_drop_ins(item, &lines) } else { lines.len() };
    let count = lines[..end].iter().rev().take_while(|(_, line)| is_lacking(item, kind, line.trim())).count();
    let (before, last) = lines.split_at(end - count);
    let Some((at, line)) = last.first() else {
        return suspect(item, kind, &lines, span.start);
    };
    let span = place(span.start + at, line);
    let help = "indent it as `content` is, if it is a key of the item";
    let is_mapping = before.iter().any(|(_, line)| is_key_value(line.trim()));
    if !is_mapping {
        let message = format!("this line of the content looks like a key of the {0}; {0} skipped", kind.word());
        return Some(Finding::new(&rules::SWALLOWED_KEY, span, message).help(help));
    }
    // If the content is YAML itself, only a key at its top level can be there by mistake.
    let (_, first) = lines.first()?;
    if width(line) != width(first) {
        return None;
    }
    let message = "this line of the content looks like a key of the item; applied anyway";
    Some(Finding::new(&rules::KEY_IN_CONTENT, span, message).help(help))
}

/// Returns the number of `lines` before a list of drop-ins at their end, which other keys of the unit can follow; the
/// number of all lines if there is no such list.
fn without_drop_ins(unit: &Node, lines: &[(usize, &str)]) -> usize {
    let is_head = |line: &str| matches!(line.trim(), "drop_ins:" | "drop-ins:");
    let Some(at) = lines.iter().position(|(_, line)| is_head(line)) else { return lines.len() };
    let (_, head) = lines[at];
    let behind = &lines[at + 1..];
    let is_list = behind.first().is_some_and(|(_, line)| line.trim().starts_with("- "));
    let belongs = |line: &str| {
        let is_item = width(line) > width(head) || width(line) == width(head) && line.trim().starts_with("- ");
        is_item || is_lacking(unit, ContentOwner::Unit, line.trim())
    };
    let is_end = is_list && unit.get("drop_ins").is_none() && behind.iter().all(|(_, line)| belongs(line));
    if is_end { at } else { lines.len() }
}

/// Reports a line at the end of content that looks like a key of the configuration, if no other line is a key with a
/// value.
fn suspect(item: &Node, kind: ContentOwner, lines: &[(usize, &str)], start: usize) -> Option<Finding> {
    let path = item.get("path").and_then(Node::text).unwrap_or_default().to_ascii_lowercase();
    let (_, first) = lines.iter().find(|(_, line)| !line.trim().starts_with('#'))?;
    // Either the next item with the lines below it, or one key at the end.
    let is_next = |line: &str| match kind {
        ContentOwner::File => line.starts_with("- path: /"),
        ContentOwner::Unit => line.starts_with("- name: "),
        ContentOwner::DropIn => false,
    };
    let next = lines.iter().position(|(_, line)| is_next(line.trim()));
    let found = next.or(lines.len().checked_sub(1))?;
    let (before, line) = (&lines[..found], lines[found].1.trim());
    let is_yaml = [".yml", ".yaml"].iter().any(|end| path.ends_with(end));
    let is_own = is_yaml || std::ptr::eq(*first, lines[found].1) || before.iter().any(|row| is_key_value(row.1.trim()));
    let is_key = || {
        let (key, value) = line.split_once(':')?;
        let key = key.trim_end().replace('-', "_").to_ascii_lowercase();
        let value = value.trim().trim_matches(['"', '\'']);
        let lacks = |key| kind == ContentOwner::File && item.get(key).is_none() && !value.is_empty();
        let is_mode_key = || FILE.field("permissions").is_some_and(|field| field.is_misspelled(&key));
        let is_mode = || is_mode_key() && permissions::parse(value, None).is_ok();
        let is_of_unit = || kind == ContentOwner::DropIn && is_lacking(item, ContentOwner::Unit, line);
        Some(is_top_key(&key) || lacks("permissions") && (key == "permissions" || is_mode()) || is_of_unit())
    };
    if is_own || (next.is_none() && is_key() != Some(true)) {
        return None;
    }
    let message = "this line of the content looks like a key of the configuration; applied anyway";
    let finding = Finding::new(&rules::KEY_IN_CONTENT, place(start + lines[found].0, lines[found].1), message);
    Some(finding.help("if it is not part of the content, indent it as the keys beside it"))
}

/// Returns true if `line` is a key with a valid value, and `item` does not have that key.
fn is_lacking(item: &Node, kind: ContentOwner, line: &str) -> bool {
    let Some((key, value)) = line.split_once(':') else { return false };
    if !value.is_empty() && !value.starts_with([' ', '\t']) {
        return false;
    }
    let value = value.split(" #").next().unwrap_or_default().trim();
    let value = ['"', '\''].iter().find_map(|quote| value.strip_prefix(*quote)?.strip_suffix(*quote)).unwrap_or(value);
    let key = key.trim_end().replace('-', "_");
    let is_flag = matches!(value.to_ascii_lowercase().as_str(), "true" | "false" | "yes" | "no" | "on" | "off");
    let is_valid = match (kind, key.as_str()) {
        (ContentOwner::File, "permissions") => permissions::parse(value, None).is_ok(),
        (ContentOwner::File, "encoding") => decode::NAMES.contains(&value),
        (ContentOwner::File, "path") => value.starts_with('/'),
        (ContentOwner::File, "owner") => {
            let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | ':');
            !value.is_empty() && value.chars().all(is_name)
        }
        (ContentOwner::Unit, "enable" | "mask" | "runtime") => is_flag,
        (ContentOwner::Unit, "command") => crate::config::Verb::ALL.iter().any(|verb| verb.as_str() == value),
        (ContentOwner::Unit, "name") => value.contains('.'),
        (ContentOwner::DropIn, "name") => Path::new(value).extension().is_some_and(|extension| extension == "conf"),
        _ => false,
    };
    is_valid && item.get(&key).is_none()
}

/// Returns true for a line such as `key: value` or `- key:`.
fn is_key_value(line: &str) -> bool {
    let line = line.strip_prefix("- ").unwrap_or(line).trim_start();
    let Some((key, value)) = line.split_once(':') else { return false };
    let is_of_key = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '/' | '"' | '\'' | ' ');
    !key.is_empty() && key.chars().all(is_of_key) && (value.is_empty() || value.starts_with([' ', '\t']))
}

#[cfg(test)]
mod tests;
