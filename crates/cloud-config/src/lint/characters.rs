//! Characters that look like another one in values that are used as written: paths and interpreter lines.

use super::lines::Block;
use crate::config::{CloudConfig, File};
use crate::diagnostic::{Finding, rules};
use crate::plan::script;
use crate::text::printable;
use crate::yaml::{Field, describe_lookalike_in_path};

/// Reports such characters in the paths and files of `config`; `text` is the part as its author wrote it.
pub(super) fn lint(config: &CloudConfig, text: &str) -> Vec<Finding> {
    let users = config.users.iter().filter_map(Field::get).flat_map(|user| [&user.homedir, &user.shell]);
    let files = || config.write_files.iter().filter_map(Field::get);
    let paths = files().flat_map(|file| [&file.path, &file.owner]);
    let mut findings: Vec<_> = paths.chain(users).filter_map(in_path).collect();
    findings.extend(files().filter_map(|file| in_interpreter(file, text)));
    findings
}

fn in_path(field: &Field<String>) -> Option<Finding> {
    let path = field.filled().filter(|path| !path.is_ascii())?;
    let character = describe_lookalike_in_path(path)?;
    let message = format!("{}: it has {character}; used as written", printable(path));
    Some(Finding::new(&rules::ODD_CHARACTER, field.span, message).help("write the ordinary character in its place"))
}

fn in_interpreter(file: &File, text: &str) -> Option<Finding> {
    let content = &file.content.get()?.expose().0;
    let line = content.split(|byte| *byte == b'\n').next()?;
    let line = std::str::from_utf8(line).ok().filter(|line| !line.is_ascii())?;
    let subject = file.path.filled().map_or_else(|| "a file".to_owned(), printable);
    script::odd_character(line, &subject, Block::new(text, file.content.span).line(1))
}
