//! `write_files` (docs/cloud-config.md#write_files).

use std::path::{Path, PathBuf};

use super::planner::{Item, Planner, display_path, numbered, redacted_secret};
use super::{FileSpec, Owner, Principal, names, places};
use crate::address_tokens::first_token;
use crate::config::{File, permissions};
use crate::diagnostic::{Finding, Span, rules};
use crate::text::secret::{Secret, is_redacted};
use crate::text::{decode, printable, temporary_name};
use crate::yaml::Field;

/// The maximum size of all decompressed content of a part, in bytes.
const INFLATED_MAX: u64 = 64 << 20;
/// The longest path that the kernel accepts, in bytes, without the zero byte at its end.
const PATH_MAX: usize = 4095;
/// The longest name of a user or group on any system, in bytes.
const NAME_MAX: usize = 256;
/// The maximum size of one decompressed file, in bytes.
const FILE_MAX: u64 = 16 << 20;

/// The number of bytes that decompression may still produce.
struct DecodeBudget {
    bytes: u64,
    members: usize,
}

pub(super) fn plan(planner: &mut Planner<'_>, list: &[Field<File>]) {
    let mut budget = DecodeBudget { bytes: INFLATED_MAX, members: decode::MEMBERS_MAX };
    for (index, field) in list.iter().enumerate() {
        let Some(file) = field.get() else {
            let item = Item::File(numbered("write_files", index));
            if field.bad {
                planner.refuse(item, field.span);
            } else {
                planner.refuse_for(item, field.span, missing_path(field.span));
            }
            continue;
        };
        match read(planner, file, field.span, &mut budget) {
            Ok(spec) => {
                planner.note_duplicate(&spec.path, file.path.span);
                planner.file(spec, field.span);
            }
            Err(finding) => {
                let item = Item::File(file.path.filled().map_or_else(|| numbered("write_files", index), printable));
                match finding {
                    Some(finding) => planner.refuse_for(item, field.span, finding),
                    // Without a new finding, the reason is a value of the wrong type, which was reported.
                    None => planner.refuse(item, field.span),
                }
            }
        }
    }
}

fn missing_path(span: Option<Span>) -> Finding {
    let finding = Finding::new(&rules::MISSING_KEY, span, "no `path`; file skipped").about_path("write_files");
    finding.help("give it a `path`; each `- ` begins a new file")
}

/// Returns the file to write. An error refuses the file; it has a finding unless the reason was already reported.
fn read(
    planner: &mut Planner<'_>,
    file: &File,
    span: Option<Span>,
    budget: &mut DecodeBudget,
) -> Result<FileSpec, Option<Finding>> {
    if file.path.bad || file.content.bad || file.permissions.bad || file.owner.bad || file.encoding.bad {
        return Err(None);
    }
    let written = file.path.filled().ok_or_else(|| missing_path(span))?;
    let path = normalize(written).ok_or_else(|| {
        let message = format!("invalid path: {}; file skipped", path_fault(written));
        Finding::new(&rules::BAD_PATH, file.path.span, message).help("write the absolute path of a file")
    })?;
    let subject = format!("file {}", printable(written));
    if is_temporary(&path) {
        let message =
            format!("{subject}: reserved for temporary files, by `.NAME.cci-` and 16 hexadecimal digits; file skipped");
        return Err(Some(Finding::new(&rules::BAD_PATH, file.path.span, message).help("give it another name")));
    }
    if !written.starts_with('/') {
        let message = format!("{subject}: relative path; applied anyway, as {}", display_path(&path));
        let help = if written.starts_with('~') {
            "write the absolute path: `~` is not replaced with a home directory".to_owned()
        } else {
            format!("write `{}`", display_path(&path))
        };
        planner.report(Finding::new(&rules::RELATIVE_PATH, file.path.span, message).help(help));
    }
    if written.ends_with('/') {
        let message = format!("{subject}: the path ends with a slash; applied anyway, as a file");
        let finding = Finding::new(&rules::SLASH_PATH, file.path.span, message);
        planner.report(finding.help("add the name of the file; directories above a file are created automatically"));
    }
    for (field, key, rule, help) in [
        (&file.permissions, "permissions", &rules::BAD_PERMISSIONS, "write an octal mode, such as `0644`"),
        (&file.encoding, "encoding", &rules::BAD_ENCODING, "write `base64`, `gzip` or `gzip+base64`"),
    ] {
        // `null` and `""` request the default. If the value is missing completely, it may have been lost.
        if field.is_null() && field.span.is_some_and(|span| span.start == span.end) {
            let message = format!("{subject}: empty `{key}`; file skipped");
            return Err(Some(Finding::new(rule, field.span, message).help(format!("{help}, or remove the key"))));
        }
    }
    let mode = file.permissions.filled();
    if mode.is_none() && (file.permissions.is_null() || file.permissions.value.is_some()) {
        // Some programs write every key, even without a value.
        let message = format!("{subject}: empty `permissions`; key ignored, the mode is 0644");
        let finding = Finding::new(&rules::ODD_PERMISSIONS, file.permissions.span, message);
        planner.report(finding.help("write an octal mode in quotes, such as \"0600\", or remove the key"));
    }
    planner.findings.extend(places::check_place(&path, &planner.facts.read_only, file.path.span)?);
    let mode =
        mode.map_or(Ok((permissions::DEFAULT, None)), |text| permissions::parse(text.trim(), file.permissions.span));
    let owner = file.owner.filled().map_or(Ok(Owner::ROOT), |text| owner(text, file.owner.span));
    let content = if file.content.get().is_some_and(|content| is_redacted(&content.expose().0)) {
        Err(redacted_secret(file.content.span, &format!("the content of {}", printable(written)), "file skipped"))
    } else {
        content(file, budget)
    };
    let ((mode, finding), owner, content) = match (mode, owner, content) {
        (Ok(mode), Ok(owner), Ok(content)) => (mode, owner, content),
        // All errors are reported; the first one is the reason for refusing the file.
        (mode, owner, content) => {
            let faults = [mode.err(), owner.err(), content.err()].into_iter().flatten();
            let mut faults = faults.map(|finding| about(&subject, finding));
            let why = faults.next();
            faults.for_each(|finding| planner.report(finding));
            return Err(why);
        }
    };
    let odd = [finding, still_compressed(file, &path, &content)].into_iter().flatten();
    planner.findings.extend(odd.map(|finding| about(&subject, finding)));
    planner.findings.extend(encoded_token(file, &content));
    planner.claim(&path, file.path.span)?;
    Ok(FileSpec { path, content: Secret::new(content), mode, owner, unit: None, needs: None })
}

/// Adds the file `subject` to the message of `finding`, unless the message already names it.
fn about(subject: &str, finding: Finding) -> Finding {
    if finding.rule == &rules::REDACTED_SECRET {
        return finding;
    }
    Finding { message: format!("{subject}: {}", finding.message), ..finding }
}

/// Warns if decoded content is still compressed, unless the path has a suffix of compressed files.
fn still_compressed(file: &File, path: &Path, content: &[u8]) -> Option<Finding> {
    let encoding = file.encoding.filled()?;
    let name = path.file_name()?.to_string_lossy().to_ascii_lowercase();
    let is_archive =
        [".gz", ".tgz", ".gzip", ".z", ".svgz", ".cpio", ".img", ".apk", ".ipk"].iter().any(|end| name.ends_with(end));
    if is_archive || !content.starts_with(&[0x1f, 0x8b, 8]) {
        return None;
    }
    let message = "the content is still gzip after decoding; applied anyway, compressed";
    let finding = Finding::new(&rules::STILL_COMPRESSED, file.encoding.span, message);
    let is_base64 = matches!(encoding.trim(), "base64" | "b64");
    Some(finding.help(if is_base64 { "write `encoding: gzip+base64`" } else { "compress the content only once" }))
}

/// Notes a token in encoded content, which is not replaced.
fn encoded_token(file: &File, content: &[u8]) -> Option<Finding> {
    file.encoding.filled()?;
    let token = first_token(content)?;
    let message = format!("${token} in encoded content; ignored");
    let finding = Finding::new(&rules::LITERAL_TOKEN, file.content.span, message);
    Some(finding.help("write the content without `encoding` to insert the address"))
}

/// Returns true for a name of a temporary file: the next run would remove the file.
fn is_temporary(path: &Path) -> bool {
    path.file_name().map(std::ffi::OsStr::as_encoded_bytes).and_then(temporary_name::target_of).is_some()
}

fn content(file: &File, budget: &mut DecodeBudget) -> Result<Vec<u8>, Finding> {
    let encoding = file.encoding.text();
    let raw = file.content.get().map(|content| content.expose().0.clone()).unwrap_or_default();
    let limit = FILE_MAX.min(budget.bytes);
    // Content without an encoding is not decoded, so it cannot fail.
    let suggestion = if encoding.is_empty() { None } else { decode::suggest(&raw, encoding) };
    let is_text = !encoding.is_empty() && decode::is_text(&raw);
    let bytes = decode::decode(raw, encoding, limit, &mut budget.members).map_err(|error| match error {
        decode::DecodeError::Encoding => {
            let help =
                decode::advise(encoding).map_or_else(|| names::suggest_from(encoding, &decode::NAMES), str::to_owned);
            Finding::new(&rules::BAD_ENCODING, file.encoding.span, format!("{error}; file skipped")).help(help)
        }
        error => {
            let span = file.content.span.or(file.encoding.span);
            let message = match &error {
                decode::DecodeError::Base64(_) if is_text => "the content is plain text, not base64".to_owned(),
                decode::DecodeError::Gzip(_) if is_text => "the content is plain text, not gzip".to_owned(),
                error => error.to_string(),
            };
            let finding = Finding::new(&rules::BAD_CONTENT, span, format!("{message}; file skipped"));
            let again = match error {
                decode::DecodeError::Base64(_) => {
                    Some("encode the file again with `base64`, and copy all of the output")
                }
                decode::DecodeError::Gzip(_) => Some("compress the file again with `gzip`, and copy all of the output"),
                _ => None,
            };
            Finding { help: again.map(|again| suggestion.unwrap_or(again).to_owned()), ..finding }
        }
    })?;
    if decode::inflates(encoding) {
        budget.bytes = budget.bytes.saturating_sub(bytes.len() as u64);
    }
    Ok(bytes)
}

/// Returns the absolute path of `text`, in which `.` and `..` are resolved by their text and no `..` leads above the
/// root; `None` if it cannot be the path of a file.
pub fn normalize(text: &str) -> Option<PathBuf> {
    let mut parts = Vec::new();
    for part in text.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part if part.len() > 255 || part.contains('\0') => return None,
            part => parts.push(part),
        }
    }
    // No program could open a longer path.
    let length: usize = parts.iter().map(|part| 1 + part.len()).sum();
    (1..=PATH_MAX).contains(&length).then(|| std::iter::once("/").chain(parts).collect())
}

/// Returns the reason why [`normalize`] rejects a path.
fn path_fault(text: &str) -> &'static str {
    if text.contains('\0') {
        "contains a NUL character"
    } else if text.len() > PATH_MAX || text.split('/').any(|part| part.len() > 255) {
        "too long"
    } else {
        "the root directory"
    }
}

/// Parses an owner in the format of `chown`.
fn owner(text: &str, span: Option<Span>) -> Result<Owner, Finding> {
    let bad = || {
        Finding::new(&rules::BAD_OWNER, span, "invalid `owner`; file skipped")
            .help("write user, user:group, :group or user:")
    };
    let principal = |text: &str| -> Result<Option<Principal>, Finding> {
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        match text {
            "" => Ok(None),
            // For `chown`, the highest number means "do not change".
            _ if digits => text.parse().ok().filter(|id| *id != u32::MAX).map(Principal::Id).map(Some).ok_or_else(bad),
            _ if text.len() > NAME_MAX || text.chars().any(|c| c.is_control() || c.is_whitespace() || c == ':') => {
                Err(bad())
            }
            _ => Ok(Some(Principal::Name(text.to_owned()))),
        }
    };
    let text = text.trim();
    let (user, group) = text.split_once(':').map_or((text, None), |(user, group)| (user, Some(group)));
    let owner = Owner {
        user: principal(user)?,
        group: principal(group.unwrap_or_default())?,
        login_group: group == Some("") && !user.is_empty(),
    };
    if owner.user.is_none() && owner.group.is_none() { Err(bad()) } else { Ok(owner) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_stay_beneath_the_root() {
        for (text, path) in
            [("/etc/a", "/etc/a"), ("etc/a", "/etc/a"), ("/../../a", "/a"), ("/a/./b//c/../d/", "/a/b/d")]
        {
            assert_eq!(normalize(text).as_deref(), Some(Path::new(path)), "{text}");
        }
        assert!(normalize(&"/a".repeat(2047)).is_some());
        for text in ["", "/", "/..", "a/..", "/a\0b", &format!("/{}", "a".repeat(256)), &"/a".repeat(2048)] {
            assert_eq!(normalize(text), None, "{text:?}");
        }
    }

    #[test]
    fn owners_are_what_chown_takes() {
        let shown = |text| owner(text, None).map(|owner| owner.to_string()).map_err(|f| f.rule.id);
        for (text, owner) in [
            ("core", "core:root"),
            ("core:etcd", "core:etcd"),
            (":etcd", "root:etcd"),
            ("core:", "core:(primary group)"),
            ("root:", "root:root"),
            ("0:", "0:root"),
            ("500:7", "500:7"),
        ] {
            assert_eq!(shown(text), Ok(owner.to_owned()), "{text}");
        }
        for text in [":", "a b", "a:b:c", "4294967295", "99999999999", "a\nb", &"a".repeat(257)] {
            assert_eq!(shown(text), Err("bad-owner"), "{text:?}");
        }
    }

    #[test]
    fn broken_content_has_a_remedy() {
        for (encoding, content, help) in [
            ("base64", "SGVsbG8gd29ybG", "with `base64`"),
            ("base64", "SGVsbG8*", "with `base64`"),
            ("gzip+base64", "H4sIAAAAAAAAA8tIzcnJBw==", "with `gzip`"),
        ] {
            let text =
                format!("#cloud-config\nwrite_files: [{{path: /a, encoding: {encoding}, content: {content}}}]\n");
            let part = crate::user_data::split("x", text.into_bytes()).remove(0);
            let document = crate::document::read(part, &crate::address_tokens::Addresses::default(), false);
            let findings = document.plan(&crate::plan::Facts::default(), "a").findings;
            let found = findings.iter().find(|finding| finding.rule.id == "bad-content").unwrap();
            assert!(found.help.as_ref().is_some_and(|found| found.contains(help)), "{content}: {:?}", found.help);
        }
    }
}
