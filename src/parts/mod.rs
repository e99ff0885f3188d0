//! User-data to parts: what it is, by its first bytes (spec §3).

use std::fmt;

use serde::Serialize;

use crate::finding::{Finding, Span, rules};
use crate::plan::decode;

/// What user-data may be, before and after decompression, in bytes.
pub const USER_DATA_MAX: usize = 16 << 20;
/// How often gzip may be inside gzip.
const GZIP_DEPTH: usize = 4;

/// What a part is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Form {
    /// A cloud-config document.
    CloudConfig,
    /// A script with an interpreter line.
    Script,
    /// A configuration that Ignition has applied.
    Ignition,
}

/// A piece of user-data that is handled by itself.
#[derive(Clone, PartialEq, Eq)]
pub struct Part {
    /// What it is called in the log.
    pub name: String,
    /// What it is.
    pub form: Form,
    /// Its text, without a byte order mark.
    pub text: String,
    /// What is worth telling of its form.
    pub findings: Vec<Finding>,
}

impl fmt::Debug for Part {
    /// Without the text, which may hold secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Part").field("name", &self.name).field("form", &self.form).finish_non_exhaustive()
    }
}

/// Takes user-data apart; empty user-data has no parts. An error leaves all of it out.
pub fn split(name: &str, bytes: Vec<u8>) -> Result<Vec<Part>, Finding> {
    let bytes = strip_mark(inflate(bytes)?);
    if bytes.is_empty() {
        return Ok(Vec::new());
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        // Whoever is told has no text to find the place in.
        let line = error.as_bytes()[..at].split(|byte| *byte == b'\n').count();
        let message = format!("the user-data is not UTF-8 from line {line} on");
        Finding::new(&rules::NOT_UTF8, Span::new(at, at + 1), message)
    })?;
    let (form, findings) = recognise(&text)
        .ok_or_else(|| Finding::new(&rules::UNKNOWN_FORM, Span::new(0, 0), unknown(&text)).help(FORMS))?;
    Ok(vec![Part { name: name.to_owned(), form, text, findings }])
}

const FORMS: &str = "a cloud-config begins with the line #cloud-config, a script with #!";

fn unknown(text: &str) -> &'static str {
    if looks_like_mime(text) {
        "multipart user-data is not built in yet"
    } else {
        "the user-data is neither a cloud-config, nor a script, nor an Ignition configuration"
    }
}

fn looks_like_mime(text: &str) -> bool {
    text.lines().take(20).take_while(|line| !line.is_empty()).any(|line| {
        line.get(..13).is_some_and(|name| name.eq_ignore_ascii_case("content-type:"))
            && line.to_ascii_lowercase().contains("multipart/")
    })
}

fn inflate(mut bytes: Vec<u8>) -> Result<Vec<u8>, Finding> {
    for _ in 0..GZIP_DEPTH {
        if !bytes.starts_with(&[0x1f, 0x8b]) {
            break;
        }
        bytes = decode::gunzip(&bytes, USER_DATA_MAX as u64).map_err(|error| match error {
            decode::DecodeError::TooLarge(_) => {
                Finding::new(&rules::LIMIT, None, "the user-data is more than 16 MiB when decompressed")
            }
            _ => Finding::new(&rules::UNKNOWN_FORM, None, format!("the user-data cannot be decompressed: {error}")),
        })?;
    }
    if bytes.len() > USER_DATA_MAX {
        return Err(Finding::new(&rules::LIMIT, None, "the user-data is more than 16 MiB"));
    }
    Ok(bytes)
}

fn strip_mark(mut bytes: Vec<u8>) -> Vec<u8> {
    if bytes.starts_with("\u{feff}".as_bytes()) {
        bytes.drain(..3);
    }
    bytes
}

/// What `text` is, with what is worth telling of that.
fn recognise(text: &str) -> Option<(Form, Vec<Finding>)> {
    let mut lines = text.split('\n');
    let first = lines.next().unwrap_or_default();
    if first.starts_with("#!") {
        return Some((Form::Script, Vec::new()));
    }
    if is_header(first) {
        return Some((Form::CloudConfig, Vec::new()));
    }
    if first.trim_end() == "## template: jinja" && lines.next().is_some_and(is_header) {
        return Some((Form::CloudConfig, left_over(text)));
    }
    is_ignition(text).then(|| (Form::Ignition, Vec::new()))
}

fn is_header(line: &str) -> bool {
    line.trim_end() == "#cloud-config"
}

/// Expressions of a template that nothing has rendered.
fn left_over(text: &str) -> Vec<Finding> {
    let at = |(start, _)| {
        let message = "this template expression has not been rendered; it is read as it stands";
        Finding::new(&rules::TEMPLATE, Span::new(start, start + 2), message)
    };
    // A template has them by the hundred; the first ones tell enough.
    text.match_indices("{{").take(20).map(at).collect()
}

fn is_ignition(text: &str) -> bool {
    #[derive(serde::Deserialize)]
    struct Probe {
        #[serde(rename = "ignitionVersion")]
        old: Option<serde_json::Value>,
        ignition: Option<serde_json::Value>,
    }
    if !text.trim_start().starts_with('{') {
        return false;
    }
    let Ok(probe) = serde_json::from_str::<Probe>(text) else { return false };
    let new = probe.ignition.as_ref().and_then(|ignition| ignition.get("version"));
    probe.old.is_some_and(|version| version.is_i64()) || new.is_some_and(serde_json::Value::is_string)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn form(bytes: &[u8]) -> Result<Option<Form>, &'static str> {
        split("x", bytes.to_vec()).map(|parts| parts.first().map(|part| part.form)).map_err(|finding| finding.rule.id)
    }

    fn gzip(content: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(content).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn forms_are_known_by_their_first_bytes() {
        assert_eq!(form(b""), Ok(None));
        for text in ["#cloud-config", "#cloud-config\n", "#cloud-config \t\r\na: b\r\n", "\u{feff}#cloud-config\n"] {
            assert_eq!(form(text.as_bytes()), Ok(Some(Form::CloudConfig)), "{text:?}");
        }
        assert_eq!(form(b"#!/bin/sh\necho"), Ok(Some(Form::Script)));
        assert_eq!(form(b"#! /bin/sh"), Ok(Some(Form::Script)));
        for text in [r#"{"ignitionVersion": 1}"#, r#" {"ignition": {"version": "2.0.0"}}"#] {
            assert_eq!(form(text.as_bytes()), Ok(Some(Form::Ignition)), "{text}");
        }
    }

    #[test]
    fn everything_else_is_an_error() {
        for text in
            ["#cloud-configs\n", " #cloud-config\n", "hostname: a", "{\"ignition\": {}}", "{", "\n#cloud-config"]
        {
            assert_eq!(form(text.as_bytes()), Err("unknown-form"), "{text:?}");
        }
        assert_eq!(form(b"#cloud-config\na: \xff"), Err("not-utf8"));
    }

    #[test]
    fn gzip_is_undone_a_few_times() {
        let once = gzip(b"#cloud-config\n");
        assert_eq!(form(&once), Ok(Some(Form::CloudConfig)));
        assert_eq!(form(&gzip(&once)), Ok(Some(Form::CloudConfig)));
        assert_eq!(form(&once[..once.len() - 2]), Err("unknown-form"));
        assert_eq!(form(&gzip(&vec![b'a'; USER_DATA_MAX + 1])), Err("limit"));
    }

    #[test]
    fn what_a_template_left_is_told() {
        let parts = split("x", b"## template: jinja\n#cloud-config\nhostname: {{ name }}\n".to_vec()).unwrap();
        assert_eq!(parts[0].form, Form::CloudConfig);
        assert_eq!(parts[0].findings.len(), 1);
    }
}
