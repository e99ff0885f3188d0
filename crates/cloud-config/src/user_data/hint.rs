//! Hints for user-data of an unknown kind: what it probably is, and the remedy.

use std::borrow::Cow;

use super::{content_kind, header};
use crate::text::decode;
use crate::text::suggest;
use crate::yaml;

/// The probable form of content, and the remedy.
pub(super) struct Hint {
    /// The form, as the rest of a sentence whose subject is the content.
    pub form: Cow<'static, str>,
    /// The remedy.
    pub help: &'static str,
}

pub(super) const HEADER: &str = "#cloud-config";

/// The number of bytes of the content that are examined.
const LOOKED_AT: usize = 4096;

/// Returns the name of the encoding if `bytes`, according to their beginning, are user-data in base64.
pub fn encoding(bytes: &[u8]) -> Option<&'static str> {
    let bytes = bytes.trim_ascii().strip_prefix(b"\"").unwrap_or(bytes);
    let head = &bytes[..bytes.len().min(LOOKED_AT)];
    let mut plain = Vec::with_capacity(head.len());
    for byte in head.iter().filter(|byte| !byte.is_ascii_whitespace()) {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'+' | b'/' => plain.push(*byte),
            b'-' => plain.push(b'+'),
            b'_' => plain.push(b'/'),
            b'=' | b'"' => break,
            _ => return None,
        }
    }
    // The text may have been cut above, so only complete groups of four characters are decoded.
    let whole = plain.len() / 4 * 4;
    let padding: &[u8] = match plain.len() % 4 {
        2 => b"==",
        3 => b"=",
        _ => b"",
    };
    let padded = [&plain, padding].concat();
    let decoded = decode::unbase64(&padded).or_else(|_| decode::unbase64(&plain[..whole])).ok()?;
    let text = decoded.strip_prefix("\u{feff}".as_bytes()).unwrap_or(&decoded).trim_ascii_start();
    let starts =
        ["#cloud-config", "#!", "## template", "#include", "MIME-Version", "Content-Type", "{\"", "{ \"", "{\n", "{\r"];
    if decoded.starts_with(&[0x1f, 0x8b, 8]) {
        Some("gzip+base64")
    } else if starts.iter().any(|start| text.starts_with(start.as_bytes())) {
        Some("base64")
    } else {
        None
    }
}

impl Hint {
    const fn new(form: &'static str, help: &'static str) -> Self {
        Self { form: Cow::Borrowed(form), help }
    }
}

/// Returns the hint for an error page of a server, or another XML document.
pub(super) fn page(bytes: &[u8]) -> Option<Hint> {
    let hint = |form, help| Some(Hint::new(form, help));
    let head = String::from_utf8_lossy(&bytes[..bytes.len().min(LOOKED_AT)]);
    let lower = head.trim_start().to_ascii_lowercase();
    if lower.starts_with("<!doctype html") || lower.starts_with("<html") || lower.starts_with("<head") {
        return hint("an HTML page", "check its URL: the page may report an error or ask for a login");
    }
    if lower.starts_with("<?xml") || lower.starts_with('<') {
        return hint("an XML document", "provide a cloud-config or a script");
    }
    None
}

/// Returns true if `bytes` are a document or script on a single line, as an XML attribute without its line breaks.
pub fn has_lost_lines(bytes: &[u8]) -> bool {
    let starts = ["#cloud-config ", "#!", "## template", "MIME-Version", "Content-Type"];
    let words = || bytes.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    !bytes.trim_ascii().contains(&b'\n')
        && words().nth(2).is_some()
        && starts.iter().any(|start| bytes.starts_with(start.as_bytes()))
}

/// Returns true if the document is on the line of the header, which YAML reads as a comment: `bytes` are a single line,
/// or the line breaks are written as `\n`.
pub fn is_document_in_comment(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(LOOKED_AT)]);
    let first = text.split(['\n', '\r']).next().unwrap_or_default();
    (first.contains("\\n") || first.len() == text.trim_end().len()) && is_key_after_header(&text)
}

/// Returns true if a key of a cloud-config follows the header on its line.
pub fn is_key_after_header(text: &str) -> bool {
    let first = text.split(['\n', '\r']).next().unwrap_or_default();
    let Some(rest) = first.strip_prefix(HEADER) else { return false };
    let rest = rest.split("\\n").map(|line| line.trim_matches(is_separator));
    let key = rest
        .into_iter()
        .find(|line| !line.is_empty() && !line.starts_with("---"))
        .and_then(|line| line.split_once(':'));
    key.is_some_and(|(key, value)| crate::config::is_key(key) && (value.is_empty() || value.starts_with([' ', '\t'])))
}

/// Returns true for characters that may separate the header from a key on the same line.
fn is_separator(c: char) -> bool {
    c.is_whitespace() || matches!(c, ':' | ',' | ';')
}

/// Returns the hint for `bytes` of an unknown kind.
pub(super) fn hint(bytes: &[u8]) -> Option<Hint> {
    let hint = |form, help| Some(Hint::new(form, help));
    match encoding(bytes) {
        Some("gzip+base64") => {
            return hint("compressed text in base64", "decode it with `base64 --decode`; gzip is supported");
        }
        Some(_) => return hint("text in base64", "decode it with `base64 --decode`"),
        None => {}
    }
    let head = String::from_utf8_lossy(&bytes[..bytes.len().min(LOOKED_AT)]);
    if is_expression(head.trim()) {
        return hint(
            "an unrendered template expression",
            "render the template first: this program has no template engine",
        );
    }
    if is_expression(head.trim_start().lines().next().unwrap_or_default().trim_end()) {
        return hint(
            "text that begins with a template expression",
            "render the template first: this program has no template engine",
        );
    }
    if content_kind::is_template_line(bytes.split(|byte| *byte == b'\n').next().unwrap_or_default()) {
        return hint(
            "a cloud-init template",
            "render the template first, and remove its first line: this program has no template engine",
        );
    }
    if let Some(page) = page(bytes) {
        return Some(page);
    }
    let lower = head.trim_start().to_ascii_lowercase();
    if lower.starts_with('{') || lower.starts_with('[') {
        return json(bytes);
    }
    if lower.len() < head.len() && (lower.starts_with("content-type:") || lower.starts_with("mime-version:")) {
        return hint(
            "a MIME message with other content before its headers",
            "the headers of a multipart begin on the first line, in column 1: take the blanks away from the beginning of \
             every line",
        );
    }
    if let Some(hint) = header_line(&head, bytes) {
        return Some(hint);
    }
    if let Some(hint) = other_yaml(&head) {
        return Some(hint);
    }
    if header::is_single(bytes) {
        return hint(
            "a MIME message of a single part",
            "remove the MIME headers, or make it a part of a multipart/mixed message",
        );
    }
    None
}

/// Returns true if `text` is a line that consists of a template expression or its remains.
fn is_expression(text: &str) -> bool {
    let pairs = [("${", "}"), ("{{", "}}"), ("{%", "%}"), ("<%", "%>"), ("%{", "}"), ("@@", "@@"), ("<no value>", "")];
    let is_pair = |(start, end): &(&str, &str)| text.starts_with(start) && text.ends_with(end);
    !text.contains('\n') && pairs.iter().any(is_pair)
}

/// Returns the hint for a header that shares its line, is not on the first line, or is misspelled.
fn header_line(head: &str, bytes: &[u8]) -> Option<Hint> {
    let hint = |form, help| Some(Hint::new(form, help));
    let starts = |text: &str, start: &str| text.get(..start.len()).is_some_and(|text| text.eq_ignore_ascii_case(start));
    if bytes.contains(&b'\r') && !bytes.contains(&b'\n') && (starts(head, HEADER) || starts(head, "## template: jinja"))
    {
        return hint("one line with carriage returns", "save it with Unix line endings");
    }
    let is_quoted = head.trim_start().starts_with(['"', '\'']);
    let text = head.trim_start_matches(|c: char| c.is_whitespace() || matches!(c, '"' | '\''));
    let first = text.split('\n').next().unwrap_or_default().trim_end();
    if starts(text, HEADER) && (first.len() > HEADER.len() || is_quoted) {
        let rest = &first[HEADER.len()..];
        let rest = rest.trim_end_matches(['"', '\'']);
        if rest.contains("\\n") {
            return hint(
                "text with line breaks written as `\\n`",
                "write real line breaks: the first line is `#cloud-config` alone",
            );
        }
        if is_quoted {
            return hint("text in quotes", "remove the quotes: the first line is `#cloud-config` alone");
        }
        // Headers of other formats of cloud-init go on with `-`, and a comment may follow the header.
        if !rest.starts_with(['-', '_']) && !rest.trim_start().starts_with('#') {
            return hint("text without line breaks", "begin a new line after `#cloud-config`");
        }
        if rest.trim_start().starts_with('#') {
            return hint("text with a comment on its first line", "begin a new line after `#cloud-config`");
        }
    }
    let is_header = |line: &str| line.trim_matches([' ', '\t', '\r']) == HEADER;
    let before = head.lines().next().and_then(|line| line.split_once('#')).map_or("", |(before, _)| before);
    if let Some(name) = yaml::describe_lookalike(before).filter(|_| head.lines().next().is_some_and(is_almost_header)) {
        let form = Cow::Owned(format!("text with {name} before `#cloud-config`"));
        return Some(Hint { form, help: "delete the character: the line is `#cloud-config` alone" });
    }
    if head.lines().take(20).any(is_header) {
        return hint(
            "text with other content before its header",
            "write `#cloud-config` as the first line, with nothing before it",
        );
    }
    if head.lines().next().is_some_and(is_almost_header) {
        return hint(
            "text whose first line is almost `#cloud-config`",
            "write `#cloud-config` in lower case, without a space after the #",
        );
    }
    if is_almost_interpreter(head.lines().next().unwrap_or_default()) {
        return hint(
            "a script with a misspelled `#!` in its first line",
            "the first line begins with `#!` and the path of the interpreter: `#!/bin/sh`",
        );
    }
    if head.trim_start().starts_with("#!") {
        return hint(
            "a script with other content before its first line",
            "write the `#!…` line first, with nothing before it",
        );
    }
    None
}

/// Returns true for an interpreter line whose `#!` is incomplete, reversed or contains a blank.
fn is_almost_interpreter(line: &str) -> bool {
    let path = line.trim_start_matches(['#', '!', ' ']);
    let program = path.split_whitespace().next().unwrap_or_default().rsplit('/').next().unwrap_or_default();
    let is_program = ["sh", "bash", "dash", "ash", "zsh", "env", "perl", "ruby", "node"].contains(&program);
    let is_sign = line.starts_with(['#', '!']) && !line.starts_with("#!");
    is_sign && path.starts_with('/') && (is_program || program.starts_with("python"))
}

/// Returns true if a line is the header apart from case and the characters between its letters.
pub(super) fn is_almost_header(line: &str) -> bool {
    line.len() < 32 && is_header_name(line)
}

/// Returns true if the letters and digits of `text` are those of the header, apart from case and at most two of them.
pub(super) fn is_header_name(text: &str) -> bool {
    if text.len() > 48 {
        return false;
    }
    let letters = text.chars().map(yaml::resembling).filter(char::is_ascii_alphanumeric);
    let name: String = letters.map(|letter| letter.to_ascii_lowercase()).collect();
    !suggest::closest_within(&name, 2, ["cloudconfig"]).is_empty()
}

/// Returns the hint for YAML of another program, or for a cloud-config without its header.
fn other_yaml(head: &str) -> Option<Hint> {
    let hint = |form, help| Some(Hint::new(form, help));
    let keys = || {
        head.lines().filter_map(|line| {
            let (key, rest) = line.split_once(':')?;
            let is_key =
                !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte));
            (is_key && (rest.is_empty() || rest.starts_with([' ', '\r']))).then_some(key)
        })
    };
    if keys().any(|key| key == "variant") {
        return hint("a Butane configuration", "convert it to an Ignition configuration with `butane`");
    }
    if keys().any(|key| matches!(key, "passwd" | "storage" | "systemd" | "networkd" | "ignition")) {
        let help = "convert it to an Ignition configuration with `ct` or `butane`";
        return hint("a Container Linux Config", help);
    }
    if keys().any(crate::config::is_key) {
        return hint("a cloud-config without its header", "write `#cloud-config` as its first line");
    }
    None
}

/// Returns the hint for JSON that is not an Ignition configuration.
fn json(bytes: &[u8]) -> Option<Hint> {
    let hint = |form, help| Some(Hint::new(form, help));
    let Ok(value) = serde_json::from_slice::<serde_json::Value>(bytes) else {
        return hint(
            "text that is almost JSON",
            "check it with a JSON parser; a cloud-config begins with `#cloud-config`",
        );
    };
    let version = value.get("ignition").map(|ignition| ignition.get("version"));
    match version {
        Some(Some(version)) if version.is_number() => hint(
            "an Ignition configuration whose version is a number",
            "write the version as a string: `\"version\": \"3.3.0\"`",
        ),
        Some(_) => hint(
            "an Ignition configuration without a version",
            "write its version: `\"ignition\": {\"version\": \"3.3.0\"}`",
        ),
        None if value.get("ignitionVersion").is_some() => hint(
            "an Ignition configuration whose version is not an integer",
            "write the version as an integer: `\"ignitionVersion\": 1`",
        ),
        None if value.get("variant").is_some() => {
            hint("a Butane configuration", "convert it to an Ignition configuration with `butane`")
        }
        None if value.as_object().is_some_and(|keys| keys.keys().any(|key| crate::config::is_key(key))) => {
            hint("JSON that is not an Ignition configuration", "write `#cloud-config` before it: JSON is valid YAML")
        }
        None => hint(
            "JSON that is neither an Ignition configuration nor a cloud-config",
            "check its source: it may be an error response of a server",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::{encoding, hint};

    #[test]
    fn base64_is_known_by_what_it_encodes() {
        for (text, name) in [
            ("I2Nsb3VkLWNvbmZpZwpob3N0bmFtZTogYQo=", Some("base64")),
            ("I2Nsb3VkLWNvbmZp\nZwpob3N0bmFtZTogYQo=\n", Some("base64")),
            ("77u/I2Nsb3VkLWNvbmZpZwo=", Some("base64")),
            ("\"IyEvYmluL3NoCg==\"", Some("base64")),
            ("H4sIAAAAAAAAA1NOzskvTdFNzs9Ly0znAgB6", Some("gzip+base64")),
            ("TUlNRS1WZXJzaW9uOiAxLjAK", Some("base64")),
            ("aG9zdG5hbWU6IGEK", None),
            ("hostname", None),
            ("", None),
            ("#cloud-config", None),
        ] {
            assert_eq!(encoding(text.as_bytes()), name, "{text}");
        }
    }

    #[test]
    fn each_form_has_its_hint() {
        for (text, form, help) in [
            ("I2Nsb3VkLWNvbmZpZwo=", "text in base64", "base64 --decode"),
            ("H4sIAAAAAAAAA1NOzskvTdFNzs9Ly0znAgB6", "compressed text in base64", "base64 --decode"),
            ("#cloud-config hostname: a users: []", "without line breaks", "new line after"),
            ("#cloud-config\\nhostname: a", "written as `\\n`", "real line breaks"),
            ("\"#cloud-config\\nhostname: a\"", "written as `\\n`", "real line breaks"),
            ("\"#cloud-config\nhostname: a\"", "in quotes", "remove the quotes"),
            ("#cloud-config # mine\nhostname: a", "a comment on its first line", "new line"),
            ("#cloud-config\rhostname: a\r", "carriage returns", "Unix line endings"),
            ("\n#cloud-config\n", "before its header", "as the first line"),
            (" #cloud-config\n", "before its header", "as the first line"),
            ("# mine\n\n#cloud-config\na: b", "before its header", "as the first line"),
            ("\n#!/bin/sh\n", "a script", "line first"),
            ("#/bin/sh\necho", "a misspelled `#!`", "`#!/bin/sh`"),
            ("# !/usr/bin/env python3\n", "a misspelled `#!`", "`#!`"),
            ("!#/bin/bash -e\n", "a misspelled `#!`", "`#!`"),
            ("\u{200b}#cloud-config\na: b", "U+200B (zero width space) before", "delete"),
            ("\u{a0}#cloud-config\na: b", "U+00A0 (no-break space) before", "delete"),
            ("  Content-Type: multipart/mixed; boundary=B\n  \n  --B\n", "before its headers", "column 1"),
            (
                "\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=B\n\n--B\n",
                "before its headers",
                "column 1",
            ),
            ("{\"message\":\"Not Found\"}", "neither an Ignition", "error response"),
            ("[]", "neither an Ignition", "error response"),
            ("cloud-config\na: b", "almost", "lower case"),
            ("\n<!DOCTYPE html>\n<html>", "an HTML page", "URL"),
            ("<HTML>", "an HTML page", "URL"),
            ("${user_data}\n", "unrendered template", "render the template"),
            ("{{ .UserData }}", "unrendered template", "render the template"),
            ("{{ if .X }}\n#cloud-config\n{{ end }}\n", "begins with a template expression", "render the template"),
            ("{%- if x -%}\r\n#cloud-config\r\n", "begins with a template expression", "render the template"),
            ("\n<% if x %>\n#!/bin/sh\n", "begins with a template expression", "render the template"),
            ("%{ if x ~}\n#cloud-config\n", "begins with a template expression", "render the template"),
            ("## template: jinja\n#!/bin/sh\n", "a cloud-init template", "remove its first line"),
            ("<no value>\n", "unrendered template", "render the template"),
            ("<?xml version='1.0'?>", "XML", "cloud-config"),
            ("# x\nvariant: flatcar\nversion: 1.0.0\n", "Butane", "`butane`"),
            ("passwd:\n  users: []\n", "Container Linux Config", "`ct`"),
            ("hostname: a", "without its header", "`#cloud-config`"),
            ("coreos:\r\n  units: []\r\n", "without its header", "`#cloud-config`"),
            ("{\"ignition\": {\"version\": 2}}", "whose version is a number", "\"3.3.0\""),
            ("{\"ignition\": {}}", "without a version", "\"3.3.0\""),
            ("{\"ignitionVersion\": \"1\"}", "not an integer", "integer"),
            ("{\"hostname\": \"a\"}", "JSON", "JSON is valid YAML"),
            ("{\"variant\": \"fcos\"}", "Butane", "`butane`"),
            ("{\"hostname\": ", "almost JSON", "check it"),
            ("Content-Type: text/cloud-config\nMIME-Version: 1.0\n\na: b", "single part", "multipart/mixed"),
        ] {
            let found = hint(text.as_bytes()).unwrap_or_else(|| panic!("{text:?} has no hint"));
            assert!(found.form.contains(form), "{text:?}: {}", found.form);
            assert!(found.help.contains(help), "{text:?}: {}", found.help);
        }
        for text in ["hello world\n", "#include\nhttp://x\n", "# a comment\n"] {
            assert!(hint(text.as_bytes()).is_none(), "{text:?}");
        }
    }
}
