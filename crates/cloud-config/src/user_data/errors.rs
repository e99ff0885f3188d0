//! Findings about the form of user-data.

use super::Part;
use super::content_kind::{self, ContentKind};
use super::header::Wanted;
use super::stray::Stray;
use crate::diagnostic::{Finding, Rule, Span, rules};
use crate::yaml;

pub(super) fn no_boundary(span: Option<Span>) -> Finding {
    let finding =
        Finding::new(&rules::BAD_MIME, span, "multipart message without a boundary in its Content-Type; not applied");
    finding.help("write `Content-Type: multipart/mixed; boundary=\"BOUNDARY\"`")
}

/// The remedy for content that does not decode.
pub(super) const ENCODE_AGAIN: &str = "encode the content again, or correct the header Content-Transfer-Encoding";

/// Creates the finding about a boundary that is in no line. `strays` are the parts that were found without it.
pub(super) fn boundary_nowhere(span: Span, strays: &[Part]) -> Finding {
    let message = format!("the boundary from Content-Type is missing; {}", consequence(strays));
    let finding = Finding::new(&rules::BAD_MIME, span, message);
    finding.help("begin each part with a line of two dashes and the boundary")
}

/// Creates the finding about an invalid line in the headers of a multipart or, with another `rule`, of one of its
/// parts.
pub(super) fn no_header(rule: &'static Rule, span: Span) -> Finding {
    let finding = Finding::new(rule, span, "invalid header line; not applied");
    finding.help("write an empty line between the headers and the content")
}

pub(super) fn transfer_encoding(span: Span) -> Finding {
    let finding = Finding::new(&rules::BAD_PART, span, "unknown Content-Transfer-Encoding; part skipped");
    finding.help("write base64, quoted-printable, 7bit, 8bit or binary")
}

/// Formats `message` for a skipped part; `words` is the name of the part.
pub(super) fn of_part(words: &str, message: &str) -> String {
    match message.strip_suffix("; not applied") {
        Some(problem) => format!("{words}: {problem}; part skipped"),
        None => format!("{words}: {message}"),
    }
}

/// Creates the finding about a missing final boundary; `end` is the end of the user-data.
pub(super) fn truncated(end: usize) -> Finding {
    let message = "the final boundary is missing, so that the data may be truncated; only the host name and SSH \
                   keys are applied";
    let finding = Finding::new(&rules::TRUNCATED, Span::new(end, end), message);
    finding.help("end the data with a line of two dashes, the boundary, and two more dashes")
}

pub(super) fn part_after_end(line: Span) -> Finding {
    let message = "part after the final boundary; not applied";
    Finding::new(&rules::STRAY_CONTENT, line, message)
}

/// Creates the finding about a part outside of the boundaries. `words` is its name, `place` says where it is, and
/// `parts` are the parts that were made of it.
pub(super) fn stray_part(stray: &Stray, words: &str, place: &str, parts: &[Part]) -> Finding {
    if stray.is_mistyped {
        return mistyped_boundary(stray.line, &format!("before {words}"), parts);
    }
    let message = format!("{words} is {place}; {}", consequence(parts));
    let finding = Finding::new(&rules::BAD_MIME, stray.line, message);
    finding.help("begin each part with a line `--BOUNDARY`, and end the last one with `--BOUNDARY--`")
}

/// Creates the finding about a mistyped boundary. `place` says between which parts it is, and `parts` are the parts
/// that were made of these.
pub(super) fn mistyped_boundary(line: Span, place: &str, parts: &[Part]) -> Finding {
    let message = format!("this line {place} is almost the boundary; {}", consequence(parts));
    let finding = Finding::new(&rules::BAD_MIME, line, message);
    finding.help("write two dashes and the boundary exactly as in Content-Type")
}

/// Returns the consequence for parts of which only the host name and SSH keys are applied.
fn consequence(parts: &[Part]) -> &'static str {
    let has = |form| parts.iter().any(|part| part.form == form);
    match (has(ContentKind::CloudConfig), has(ContentKind::Script)) {
        (true, false) => "only the host name and SSH keys are applied",
        (false, true) => "script not run",
        (true, true) => "script not run, only the host name and SSH keys are applied",
        (false, false) => "not applied",
    }
}

pub(super) fn header_again(wanted: Wanted, span: Span) -> Finding {
    let message = format!("second {}; header ignored", wanted.name());
    Finding::new(&rules::DUPLICATE_HEADER, span, message).help("keep one of them")
}

/// Creates the finding about blank lines before the first line of a part; `form` is its kind.
pub(super) fn blank_lines(form: &str) -> Finding {
    let message = format!("blank line before the first line of the {form}; line ignored");
    Finding::new(&rules::LEADING_BLANK_LINE, Span::new(0, 0), message).help("leave one blank line below the headers")
}

/// Creates the finding about blank lines before the headers of a part; `words` is its name and `at` its start.
pub(super) fn blank_lines_above(words: &str, at: Span) -> Finding {
    let message = format!("{words}: blank line before its headers; line ignored");
    Finding::new(&rules::LEADING_BLANK_LINE, at, message).help("write the headers right below the boundary")
}

pub(super) fn odd_multipart(span: Span) -> Finding {
    let message = "multipart type other than multipart/mixed; applied anyway, as multipart/mixed";
    Finding::new(&rules::ODD_MULTIPART, span, message).help("write multipart/mixed")
}

/// Creates the finding about a misspelled header in the first line of `text`, or in the second if the first belongs to
/// a template.
pub(super) fn almost_header(text: &str) -> Finding {
    let mut start = 0;
    let first = text.split('\n').next().unwrap_or_default();
    if content_kind::is_template_line(first.as_bytes()) {
        start = (first.len() + 1).min(text.len());
    }
    if content_kind::is_late_header(text.as_bytes()) {
        let message = "`#cloud-config` is not at the start; only the host name and SSH keys are applied";
        let finding = Finding::new(&rules::BAD_HEADER, Span::new(0, first.trim_end().len()), message);
        return finding.help("write `#cloud-config` as the first line, with nothing before it");
    }
    let line = text[start..].split(['\n', '\r']).next().unwrap_or_default().trim_end();
    let span = Span::new(start, start + line.len());
    if line.starts_with("#!") && !content_kind::is_header_as_script(text.as_bytes()) {
        let message = "a cloud-config below the interpreter line of a script; not run, only the host name and SSH keys \
                       are applied";
        return Finding::new(&rules::BAD_HEADER, span, message).help("write `#cloud-config` in place of this line");
    }
    if content_kind::has_text_after_header(text.as_bytes()) {
        let message = "text after `#cloud-config` on its line; only the host name and SSH keys are applied";
        let finding = Finding::new(&rules::BAD_HEADER, span, message);
        return finding.help("begin a new line after `#cloud-config`");
    }
    let other = yaml::describe_lookalike(line).map_or_else(String::new, |name| format!(": contains {name}"));
    let message =
        format!("the first line is almost `#cloud-config`{other}; only the host name and SSH keys are applied");
    Finding::new(&rules::BAD_HEADER, span, message).help(if line.trim_start().starts_with("#!") {
        "write `#cloud-config`: a line with `#!` names the interpreter of a script"
    } else {
        form_help(line)
    })
}

/// Returns the remedy for `line`, a misspelled header.
fn form_help(line: &str) -> &'static str {
    let letters: String = line.chars().filter(char::is_ascii_alphanumeric).collect();
    if letters.eq_ignore_ascii_case("cloudconfig") {
        "write `#cloud-config` in lower case, without a space after the #, and with nothing after it"
    } else {
        "write `#cloud-config`"
    }
}

/// Creates the finding about a cloud-config in a part with the type of a script.
pub(super) fn document_as_script(text: &str) -> Finding {
    let line = text.split(['\n', '\r']).next().unwrap_or_default().trim_end();
    let message = "a cloud-config in a part with the type of a script; not run, only the host name and SSH \
                   keys are applied";
    let finding = Finding::new(&rules::BAD_PART, Span::new(0, line.len()), message);
    finding.help("give the part the type text/cloud-config")
}

/// Creates the finding about bytes that are not UTF-8, the first of which is at `at`, in a part of the kind `form`.
pub(super) fn no_utf8(form: ContentKind, at: usize) -> Finding {
    let consequence = match form {
        ContentKind::CloudConfig => "only the host name and SSH keys are applied",
        ContentKind::Script => "script not run",
        _ => "not applied",
    };
    let message = format!("invalid UTF-8, not read from here on; {consequence}");
    let finding = Finding::new(&rules::NOT_UTF8, Span::new(at, at + 1), message);
    finding.help("save it as UTF-8, and encode binary data as base64")
}
