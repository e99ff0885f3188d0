//! Writes a configuration as Butane: YAML for people.
//!
//! Text with lines is a literal block, a mode is octal, and notes are comments above the entry that they concern.

mod scalar;
#[cfg(test)]
mod tests;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use super::model::{Config, File, Link, Unit, User, Variant};
use crate::plan::Principal;
use crate::text::printable;

/// The width that comments are wrapped at.
const WIDTH: usize = 100;

/// Where the fields of an entry begin; its dash is two columns before.
const FIELD: usize = 6;

impl Variant {
    /// The name and the version of the variant. Ignition's specification is 3.4.0 for both.
    pub const fn name_and_version(self) -> (&'static str, &'static str) {
        match self {
            Self::Flatcar => ("flatcar", "1.1.0"),
            Self::Fcos => ("fcos", "1.5.0"),
        }
    }
}

/// Writes a configuration; the lines of `header` are comments at its top.
pub fn write(config: &Config, variant: Variant, header: &[String]) -> String {
    let mut yaml = Yaml { out: String::new() };
    yaml.comments(0, header);
    if !header.is_empty() {
        yaml.out.push('\n');
    }
    let (name, version) = variant.name_and_version();
    yaml.string(0, "variant", name);
    yaml.line(0, &format!("version: {version}"));
    if !config.users.is_empty() {
        yaml.line(0, "passwd:");
        yaml.line(2, "users:");
        config.users.iter().for_each(|user| yaml.user(user));
    }
    if !(config.files.is_empty() && config.links.is_empty()) {
        yaml.line(0, "storage:");
    }
    if !config.files.is_empty() {
        yaml.line(2, "files:");
        config.files.iter().for_each(|file| yaml.file(file));
    }
    if !config.links.is_empty() {
        yaml.line(2, "links:");
        config.links.iter().for_each(|link| yaml.symbolic_link(link));
    }
    if !config.units.is_empty() {
        yaml.line(0, "systemd:");
        yaml.line(2, "units:");
        config.units.iter().for_each(|unit| yaml.unit(unit));
    }
    yaml.out
}

struct Yaml {
    out: String,
}

impl Yaml {
    fn line(&mut self, indent: usize, text: &str) {
        scalar::push_blanks(&mut self.out, indent);
        self.out.extend([text, "\n"]);
    }

    fn string(&mut self, indent: usize, key: &str, text: &str) {
        scalar::push_blanks(&mut self.out, indent);
        self.out.extend([key, ":"]);
        scalar::push(&mut self.out, text, indent);
    }

    fn optional(&mut self, key: &str, text: Option<&str>) {
        if let Some(text) = text {
            self.string(FIELD, key, text);
        }
    }

    fn flag(&mut self, key: &str, is_set: bool) {
        if is_set {
            self.line(FIELD, &format!("{key}: true"));
        }
    }

    fn list(&mut self, key: &str, items: &[String]) {
        if items.is_empty() {
            return;
        }
        self.line(FIELD, &format!("{key}:"));
        for item in items {
            scalar::push_blanks(&mut self.out, FIELD + 2);
            self.out.push('-');
            scalar::push(&mut self.out, item, FIELD + 2);
        }
    }

    /// Begins an entry with its first field, whose fields are at column `indent`.
    fn entry(&mut self, indent: usize, key: &str, text: &str) {
        scalar::push_blanks(&mut self.out, indent - 2);
        self.out.extend(["- ", key, ":"]);
        scalar::push(&mut self.out, text, indent);
    }

    fn comments(&mut self, indent: usize, notes: &[String]) {
        for note in notes {
            // YAML permits neither in a document, not even in a comment, and `printable` keeps them.
            let note = printable(note).replace('\u{fffe}', "\\u{fffe}").replace('\u{ffff}', "\\u{ffff}");
            for line in wrapped(note.trim_end(), WIDTH - indent - "# ".len()) {
                self.line(indent, format!("# {line}").trim_end());
            }
        }
    }

    fn user(&mut self, user: &User) {
        self.comments(FIELD - 2, &user.notes);
        self.entry(FIELD, "name", &user.name);
        self.optional("password_hash", user.password_hash.as_ref().map(|hash| hash.expose().as_str()));
        self.list("ssh_authorized_keys", &user.ssh_authorized_keys);
        self.optional("gecos", user.gecos.as_deref());
        self.optional("home_dir", user.home_dir.as_deref());
        self.flag("no_create_home", user.no_create_home);
        self.optional("primary_group", user.primary_group.as_deref());
        self.list("groups", &user.groups);
        self.flag("no_user_group", user.no_user_group);
        self.flag("no_log_init", user.no_log_init);
        self.optional("shell", user.shell.as_deref());
        self.flag("system", user.system);
    }

    fn file(&mut self, file: &File) {
        self.comments(FIELD - 2, &file.notes);
        self.entry(FIELD, "path", &file.path);
        self.flag("overwrite", true);
        self.line(FIELD, &format!("mode: {:04o}", file.mode));
        self.principal("user", file.user.as_ref());
        self.principal("group", file.group.as_ref());
        self.line(FIELD, "contents:");
        let bytes = file.contents.expose();
        match str::from_utf8(bytes) {
            Ok(text) if !text.contains('\0') => self.string(FIELD + 2, "inline", text),
            // A file with NUL is binary, and escapes would not make it readable.
            _ => {
                let encoded = BASE64_STANDARD.encode(bytes);
                self.line(FIELD + 2, &format!("source: \"data:;base64,{encoded}\""));
            }
        }
    }

    fn principal(&mut self, key: &str, principal: Option<&Principal>) {
        let Some(principal) = principal else { return };
        self.line(FIELD, &format!("{key}:"));
        match principal {
            Principal::Id(id) => self.line(FIELD + 2, &format!("id: {id}")),
            Principal::Name(name) => self.string(FIELD + 2, "name", name),
        }
    }

    fn symbolic_link(&mut self, link: &Link) {
        self.comments(FIELD - 2, &link.notes);
        self.entry(FIELD, "path", &link.path);
        self.flag("overwrite", true);
        self.string(FIELD, "target", &link.target);
    }

    fn unit(&mut self, unit: &Unit) {
        self.comments(FIELD - 2, &unit.notes);
        self.entry(FIELD, "name", &unit.name);
        self.flag("enabled", unit.enabled);
        self.flag("mask", unit.mask);
        self.optional("contents", unit.contents.as_ref().map(|text| text.expose().as_str()));
        if unit.drop_ins.is_empty() {
            return;
        }
        self.line(FIELD, "dropins:");
        for drop_in in &unit.drop_ins {
            self.entry(FIELD + 4, "name", &drop_in.name);
            self.string(FIELD + 4, "contents", drop_in.contents.expose());
        }
    }
}

/// The lines of a note, at most `width` characters each where its words allow. All begin with the blanks of the note.
fn wrapped(note: &str, width: usize) -> Vec<String> {
    if note.chars().count() <= width {
        return vec![note.to_owned()];
    }
    let margin = &note[..note.len() - note.trim_start().len()];
    let mut lines = Vec::new();
    let (mut line, mut length) = (String::new(), 0);
    for word in note.split_whitespace() {
        let count = word.chars().count();
        if length > 0 && margin.len() + length + 1 + count > width {
            lines.push(std::mem::take(&mut line));
            length = 0;
        }
        line.push_str(if length > 0 { " " } else { margin });
        line.push_str(word);
        length += count + usize::from(length > 0);
    }
    lines.push(line);
    lines
}
