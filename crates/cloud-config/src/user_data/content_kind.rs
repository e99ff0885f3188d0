//! Recognizes the kind of content by its first bytes (docs/user-data.md).

use serde::Serialize;

use super::header::{self, Multipart};
use super::hint::{self, Hint};
use crate::diagnostic::{Finding, Findings, Rule, Span, rules};
use crate::lint::TEMPLATE_HELP;
use crate::yaml::{self, is_name};

/// The kinds of parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ContentKind {
    /// A cloud-config document.
    CloudConfig,
    /// A script with an interpreter line.
    Script,
    /// A configuration that Ignition has applied.
    Ignition,
    /// A multipart, whose parts follow it.
    Multipart,
    /// Empty content.
    Empty,
    /// User-data of an unknown kind, which is an error.
    Unknown,
    /// A part of an unknown kind in a multipart. It is for another program, and skipped.
    Skipped,
    /// The network description of the platform, which is not part of the user-data (docs/network.md).
    Network,
    /// Damaged content: compression or encoding that cannot be undone.
    Unreadable,
}

impl ContentKind {
    /// Returns a description of the kind.
    pub const fn description(self) -> &'static str {
        match self {
            Self::CloudConfig => "cloud-config",
            Self::Script => "script",
            Self::Ignition => "Ignition configuration, left to Ignition",
            Self::Multipart => "multipart",
            Self::Empty => "empty",
            Self::Unknown | Self::Skipped => "unknown format",
            Self::Network => "network configuration",
            Self::Unreadable => "unreadable",
        }
    }
}

/// The result of recognizing content.
pub(super) enum Recognized {
    /// Content of a known kind.
    Known(ContentKind),
    /// A multipart with its headers.
    Multipart(Multipart),
    /// A cloud-config whose first line is a misspelled header.
    AlmostHeader,
    /// Any other content.
    Unknown,
}

/// Recognizes `bytes`, which have no byte order mark.
pub(super) fn recognize(bytes: &[u8]) -> Recognized {
    if is_almost_header(bytes) || is_below_interpreter(bytes, false) {
        Recognized::AlmostHeader
    } else if bytes.starts_with(b"#!") {
        Recognized::Known(ContentKind::Script)
    } else if is_document(bytes) {
        Recognized::Known(ContentKind::CloudConfig)
    } else if is_ignition(bytes) {
        Recognized::Known(ContentKind::Ignition)
    } else {
        header::multipart(bytes).map_or(Recognized::Unknown, Recognized::Multipart)
    }
}

/// Returns the line with this index, without its line end.
fn line(bytes: &[u8], number: usize) -> &[u8] {
    bytes.split(|byte| *byte == b'\n').nth(number).unwrap_or_default()
}

/// Returns the length of the blank lines at the beginning of `bytes`.
pub(super) fn blank_lines(bytes: &[u8]) -> usize {
    let lines = bytes.split_inclusive(|byte| *byte == b'\n');
    lines.take_while(|line| line.trim_ascii().is_empty()).map(<[u8]>::len).sum()
}

/// Returns `line` as text without white space at its end.
fn trimmed(line: &[u8]) -> Option<&str> {
    std::str::from_utf8(line).ok().map(str::trim_end)
}

fn is_header(line: &[u8]) -> bool {
    trimmed(line) == Some(hint::HEADER)
}

/// Returns true for a cloud-config with a valid header.
pub(super) fn is_document(bytes: &[u8]) -> bool {
    is_header(line(bytes, 0)) || is_template(bytes)
}

/// Returns true for a cloud-config below the first line of a template, as Cluster API generates.
pub(super) fn is_template(bytes: &[u8]) -> bool {
    is_template_line(line(bytes, 0)) && is_header(line(bytes, 1))
}

/// Returns true for the first line of a template. As in cloud-init, case and blanks do not matter.
pub(super) fn is_template_line(line: &[u8]) -> bool {
    let text = trimmed(line).and_then(|line| line.strip_prefix("##")).unwrap_or_default();
    let Some((name, value)) = text.split_once(':') else { return false };
    name.trim().eq_ignore_ascii_case("template") && value.trim().eq_ignore_ascii_case("jinja")
}

/// Returns the line that should be the header of a cloud-config: the first one, or the one below the first line of a
/// template.
fn header_line(bytes: &[u8]) -> Option<&str> {
    let is_template = is_template_line(line(bytes, 0));
    let text = std::str::from_utf8(line(bytes, usize::from(is_template))).ok()?;
    text.split('\r').next()
}

/// Returns true if that line is a spelling of `#!cloud-config`, or an interpreter line that contains `cloud-config`. A
/// shell must not run the YAML below it.
pub(super) fn is_header_as_script(bytes: &[u8]) -> bool {
    let Some(text) = header_line(bytes).and_then(|text| text.strip_prefix("#!")) else { return false };
    let mut words = text.split_whitespace();
    hint::is_header_name(text) || words.any(|word| word.rsplit('/').next().is_some_and(hint::is_header_name))
}

/// Returns true if that line is a misspelled header and a cloud-config follows.
fn is_almost_header(bytes: &[u8]) -> bool {
    // A blank before the `#` also makes a misspelled header.
    let is_near = |line: &str| {
        line.trim_start_matches([' ', '\t']).starts_with('#')
            && line.trim_end() != hint::HEADER
            && hint::is_almost_header(line)
    };
    is_header_as_script(bytes)
        || header_line(bytes).is_some_and(is_near)
        || has_text_after_header(bytes)
        || is_late_header(bytes)
}

/// Returns true if other text follows the header on its line. The document then begins in the next line.
pub(super) fn has_text_after_header(bytes: &[u8]) -> bool {
    let rest = header_line(bytes).and_then(|line| line.strip_prefix(hint::HEADER)).unwrap_or_default();
    let is_separate = rest.starts_with([' ', '\t', ':', ',', ';']) && !rest.trim().is_empty();
    is_separate && !rest.contains("\\n") && bytes.trim_ascii_end().contains(&b'\n')
}

/// Returns true if a key follows the header on its line. Any other text there is a comment, if the part has the type of
/// a cloud-config.
pub(super) fn has_key_after_header(bytes: &[u8]) -> bool {
    has_text_after_header(bytes) && header_line(bytes).is_some_and(hint::is_key_after_header)
}

/// The largest number of lines above a header that are examined.
const LINES_BEFORE: usize = 20;

/// Returns true if only blank lines, comments and `---` precede the header. It has no effect there.
pub(super) fn is_late_header(bytes: &[u8]) -> bool {
    if is_document(bytes) || header_line(bytes).is_some_and(|line| line.starts_with("#!")) {
        return false;
    }
    for (number, line) in bytes.split(|byte| *byte == b'\n').take(LINES_BEFORE).enumerate() {
        let Some(text) = trimmed(line) else { return false };
        let inner = text.trim_start();
        if inner == hint::HEADER || number > 0 && inner.starts_with("#!") && hint::is_almost_header(inner) {
            return number > 0 || inner.len() < text.len();
        }
        if !(inner.is_empty() || text == "---" || inner.starts_with('#') && !inner.starts_with("#!")) {
            return false;
        }
    }
    false
}

/// Returns true for a cloud-config below an interpreter line, which neither a shell nor another interpreter can run.
///
/// With `is_typed`, the part has the type of a cloud-config, so a single key is sufficient.
pub(super) fn is_below_interpreter(bytes: &[u8], is_typed: bool) -> bool {
    let mut lines = bytes.split(|byte| *byte == b'\n');
    let Some(interpreter) = lines.next().and_then(|line| line.strip_prefix(b"#!")) else { return false };
    let interpreter = trimmed(interpreter).unwrap_or_default();
    if is_typed && !interpreter.trim_start().starts_with('/') {
        return false;
    }
    let mut has_header = is_typed;
    for line in lines {
        has_header |= is_header(line);
        match trimmed(line) {
            Some("" | "---") => {}
            Some(line) if line.trim_start().starts_with('#') => {}
            Some(line) => {
                let Some((key, rest)) = line.split_once(':') else { return false };
                let is_entry = rest.is_empty() || rest.starts_with([' ', '\t']);
                // An interpreter with a relative path is not a real one.
                let is_program = interpreter.trim_start().starts_with('/') && !is_shell(interpreter);
                let is_ours = || crate::config::is_key(key) && (!is_program || is_whole_config(bytes));
                return is_entry && is_name(key) && (has_header || is_ours());
            }
            None => return false,
        }
    }
    false
}

/// Returns true if all top-level keys of `bytes` are those of a cloud-config, and a host name or a section of the right
/// type is among them. Lines such as `hostname: n1` or `users: list = []` are also valid Python, but a program that
/// consists only of such lines has no effect.
fn is_whole_config(bytes: &[u8]) -> bool {
    const SECTIONS: [&str; 4] = ["ssh_authorized_keys", "users", "write_files", "coreos"];
    let Ok(text) = std::str::from_utf8(bytes) else { return false };
    let document = yaml::parse(text, |offset| offset);
    let Some(entries) = document.root.as_deref().and_then(yaml::Node::entries) else { return false };
    let is_section = |entry: &yaml::Entry| {
        let value = &entry.value;
        let is_filled = value.items().is_some_and(|items| !items.is_empty())
            || value.entries().is_some_and(|entries| !entries.is_empty());
        is_filled && SECTIONS.contains(&&*entry.name())
    };
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.');
    let is_hostname = |entry: &yaml::Entry| {
        let name = entry.value.text().unwrap_or_default();
        entry.name() == "hostname" && !name.is_empty() && name.chars().all(is_name)
    };
    document.error.is_none()
        && entries.iter().all(|entry| crate::config::is_key(&entry.key))
        && entries.iter().any(|entry| is_section(entry) || is_hostname(entry))
}

/// Returns true if the interpreter in an interpreter line is a shell, directly or as an argument of `env`.
fn is_shell(interpreter: &str) -> bool {
    let name = |word: &str| word.rsplit('/').next().unwrap_or_default().to_owned();
    let mut words = interpreter.split_whitespace().map(name).skip_while(|word| word == "env" || word.starts_with('-'));
    // Without an interpreter, bash runs the script.
    words.next().is_none_or(|name| matches!(name.as_str(), "sh" | "bash" | "dash" | "ash" | "zsh" | "ksh"))
}

/// Reports template expressions that were not rendered.
pub(super) fn unrendered_expressions(text: &str) -> Vec<Finding> {
    let mut findings = Findings::default();
    for (start, _) in text.match_indices('{').filter(|(start, _)| text[start + 1..].starts_with(['{', '%'])) {
        findings.add(&rules::TEMPLATE, || {
            let message = "unrendered template expression; applied anyway";
            Finding::new(&rules::TEMPLATE, Span::new(start, start + 2), message).help(TEMPLATE_HELP)
        });
    }
    findings.into_list()
}

/// Returns true for JSON with a version of Ignition, whether old or new. The rest of the document is not kept.
fn is_ignition(bytes: &[u8]) -> bool {
    #[derive(serde::Deserialize)]
    struct Old {
        #[serde(rename = "ignitionVersion")]
        _version: i64,
    }
    #[derive(serde::Deserialize)]
    struct New {
        #[serde(rename = "ignition")]
        _ignition: Ignition,
    }
    #[derive(serde::Deserialize)]
    struct Ignition {
        #[serde(rename = "version")]
        _version: String,
    }
    bytes.trim_ascii_start().starts_with(b"{")
        && (serde_json::from_slice::<New>(bytes).is_ok() || serde_json::from_slice::<Old>(bytes).is_ok())
}

/// The first lines of kinds that only cloud-init knows, with a description and the remedy.
const FOREIGN: [(&str, &str, &str); 7] = [
    ("#include", "an include list", INCLUDE),
    ("#include-once", "an include list", INCLUDE),
    ("#cloud-config-archive", "a cloud-config archive", "convert its items to the parts of a multipart message"),
    ("#cloud-config-jsonp", "a JSON patch of a cloud-config", "write the resulting cloud-config"),
    ("#cloud-boothook", "a boothook", "begin the script with `#!` and the path of its interpreter"),
    ("#part-handler", "a part handler", "remove it, and write its parts in a supported format"),
    ("#upstart-job", "an Upstart job", "write a systemd unit as an item of `coreos.units`"),
];

const INCLUDE: &str = "write the content of its URLs in its place: URLs are not fetched";

/// The remedy for a part that is in base64.
const PART_IN_BASE64: &str = "give the part the header `Content-Transfer-Encoding: base64`";

/// Returns the error for a part whose type is that of a cloud-config or a script (`kind`), if its content clearly is
/// not.
pub(super) fn mistyped(bytes: &[u8], kind: &str) -> Option<Finding> {
    let is_base64 = hint::encoding(bytes).is_some();
    let is_comment = kind == "cloud-config" && hint::is_document_in_comment(bytes);
    let Hint { form, help } = if is_base64 || is_comment { hint::hint(bytes)? } else { hint::page(bytes)? };
    let message = format!("its type is that of a {kind}, but it is {form}; part skipped");
    Some(Finding::new(&rules::BAD_PART, None, message).help(if is_base64 { PART_IN_BASE64 } else { help }))
}

/// Creates the finding about content of an unknown kind; `what` is its description.
pub(super) fn unknown(bytes: &[u8], rule: &'static Rule, what: &str) -> Finding {
    let consequence = if *rule == rules::UNKNOWN_PART { "part skipped" } else { "not applied" };
    let finding = |problem: String| Finding::new(rule, Span::new(0, 0), format!("{what} {problem}; {consequence}"));
    let first = trimmed(line(bytes, 0)).unwrap_or_default();
    if let Some((_, form, help)) = FOREIGN.iter().find(|(line, ..)| *line == first) {
        return finding(format!("is {form} of cloud-init")).help(*help);
    }
    if let Some(Hint { form, help }) = hint::hint(bytes) {
        let help = if form.ends_with("base64") && rule == &rules::UNKNOWN_PART { PART_IN_BASE64 } else { help };
        return finding(format!("is {form}")).help(help);
    }
    finding("has an unknown format".to_owned()).help("a cloud-config begins with `#cloud-config`, a script with `#!`")
}

/// Returns true for text in UTF-16, recognized by a byte order mark or its first characters.
pub(super) fn is_utf16(bytes: &[u8]) -> bool {
    let is_text = |byte: u8| byte.is_ascii_graphic() || byte.is_ascii_whitespace();
    let pairs = bytes.get(..8).unwrap_or_default();
    let is_plain =
        |text: usize| !pairs.is_empty() && pairs.chunks_exact(2).all(|pair| is_text(pair[text]) && pair[1 - text] == 0);
    bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) || is_plain(0) || is_plain(1)
}

/// Converts `bytes` to text of the same length: each byte that is not valid UTF-8 becomes a `?`, so that positions stay
/// valid.
pub(crate) fn lossy_text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|error| {
        let mut text = String::with_capacity(error.as_bytes().len());
        for chunk in error.as_bytes().utf8_chunks() {
            text.push_str(chunk.valid());
            text.extend(chunk.invalid().iter().map(|_| '?'));
        }
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_stay_where_they_are() {
        let text = lossy_text(b"a\xff\xfe\xc3\xa9\xe2\x82z".to_vec());
        assert_eq!(text, "a??\u{e9}??z");
        assert_eq!(text.len(), 8);
    }

    #[test]
    fn content_of_an_unknown_form_has_a_hint() {
        let unknown = |text: &str| unknown(text.as_bytes(), &rules::UNKNOWN_FORM, "it");
        let page = unknown("<html>");
        assert_eq!(page.message, "it is an HTML page; not applied");
        assert!(page.help.unwrap().contains("URL"));
        assert!(unknown("hello").help.unwrap().contains("begins with"));
        let include = unknown("#include \nhttp://x");
        assert_eq!(include.message, "it is an include list of cloud-init; not applied");
        assert!(include.help.unwrap().contains("not fetched"));
        let boothook = unknown("#cloud-boothook\n#!/bin/sh\n");
        assert!(boothook.help.unwrap().contains("`#!`"));
    }
}
