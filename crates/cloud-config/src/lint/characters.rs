//! Characters that look like another one in values that are taken literally: paths and interpreter lines.

use super::lines::Block;
use crate::config::{CloudConfig, File, User};
use crate::diagnostic::{Finding, rules};
use crate::plan::{redacted_user_name, script};
use crate::text::printable;
use crate::yaml::{Field, describe_lookalike_in_path};

/// Reports lookalike characters in the paths and files of `config`. `text` is the source text of the part.
pub(super) fn lint(config: &CloudConfig, text: &str) -> Vec<Finding> {
    let files = || config.write_files.iter().filter_map(Field::get);
    let paths = files().flat_map(|file| [&file.path, &file.owner]);
    let mut findings: Vec<_> = paths.filter_map(in_path).collect();
    findings.extend(config.users.iter().filter_map(Field::get).filter_map(in_comment));
    findings.extend(files().filter_map(|file| in_interpreter(file, text)));
    findings
}

fn in_path(field: &Field<String>) -> Option<Finding> {
    let path = field.filled().filter(|path| !path.is_ascii())?;
    let character = describe_lookalike_in_path(path)?;
    let message = format!("{}: contains {character}; applied anyway", printable(path));
    Some(Finding::new(&rules::ODD_CHARACTER, field.span, message).help("replace it with the ordinary character"))
}

/// Reports characters in the comment of a user that no keyboard types.
fn in_comment(user: &User) -> Option<Finding> {
    let is_odd = |c: char| matches!(c, '\u{85}' | '\u{a0}' | '\u{200b}' | '\u{2028}' | '\u{2029}' | '\u{feff}');
    let found = user.gecos.filled()?.chars().find(|c| is_odd(*c))?;
    let character = describe_lookalike_in_path(found.encode_utf8(&mut [0; 4]))?;
    let message =
        format!("user {}: the comment contains {character}; applied anyway", redacted_user_name(user.name.text()));
    let finding = Finding::new(&rules::ODD_CHARACTER, user.gecos.span, message);
    Some(finding.help("replace it with the ordinary character"))
}

fn in_interpreter(file: &File, text: &str) -> Option<Finding> {
    let content = &file.content.get()?.expose().0;
    let line = content.split(|byte| *byte == b'\n').next()?;
    let line = std::str::from_utf8(line).ok().filter(|line| !line.is_ascii())?;
    let subject = file.path.filled().map_or_else(|| "a file".to_owned(), printable);
    script::odd_character(line, &subject, Block::new(text, file.content.span).line(1))
}
