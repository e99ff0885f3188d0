//! Files: where they go, and the lines of `systemd-tmpfiles` for what Ignition cannot do.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;

use super::model::{File, Variant};
use super::{Converter, image, quote};
use crate::diagnostic::Span;
use crate::plan::{FileSpec, Owner, Principal, UNIT_ENVIRONMENTS};
use crate::text::printable;
use crate::text::secret::Secret;

/// The directory of the generated files.
pub(super) const GENERATED: &str = "/etc/cloud-config";
/// The directory of files that `systemd-tmpfiles` copies to their places.
const COPIES: &str = "/etc/cloud-config/files";
/// The environment files with secret options of units.
pub(super) const ENVIRONMENTS: &str = "/etc/cloud-config/env";
const TMPFILES: &str = "/etc/tmpfiles.d/cloud-config.conf";

/// The files of a result, in the order of the source.
#[derive(Default)]
pub(super) struct Files {
    list: Vec<Option<File>>,
    at: HashMap<String, usize>,
    /// Directories below which a file of the result stands, with one of the files.
    directories: HashMap<String, String>,
    tmpfiles: Tmpfiles,
}

/// Lines of tmpfiles.d(5).
#[derive(Default)]
struct Tmpfiles {
    /// The directories that lines make.
    directories: BTreeSet<String>,
    lines: Vec<String>,
}

impl Files {
    /// Adds a file. One with the same path is replaced.
    fn insert(&mut self, file: File) {
        for parent in parents(&file.path) {
            self.directories.entry(parent.to_owned()).or_insert_with(|| file.path.clone());
        }
        if let Some(earlier) = self.at.insert(file.path.clone(), self.list.len()) {
            self.list[earlier] = None;
        }
        self.list.push(Some(file));
    }

    pub fn contains(&self, path: &str) -> bool {
        self.at.contains_key(path)
    }

    /// A file that must be a directory for `path`, or the other way round.
    fn clash<'f>(&'f self, path: &'f str) -> Option<&'f str> {
        let above = parents(path).find(|parent| self.at.contains_key(*parent));
        above.or_else(|| self.directories.get(path).map(String::as_str))
    }

    pub fn into_list(self) -> Vec<File> {
        self.list.into_iter().flatten().collect()
    }
}

/// The directories above `path`, without the root.
fn parents(path: &str) -> impl Iterator<Item = &str> {
    path.match_indices('/').skip(1).map(|(at, _)| &path[..at])
}

/// The place of a file in the result.
enum Place {
    /// Ignition writes it here.
    Here(String),
    /// The directory is made at each boot.
    Volatile,
    ReadOnly,
}

impl Converter<'_> {
    /// Adds a file of root that nothing has to be said about.
    pub(super) fn plain_file(&mut self, path: &Path, contents: Vec<u8>, mode: u32, notes: Vec<String>) {
        let path = path.to_string_lossy().into_owned();
        self.files.insert(File { path, contents: Secret::new(contents), mode, user: None, group: None, notes });
    }

    fn place(&self, path: &str) -> Place {
        if image::is_read_only(self.options.variant, path) {
            return Place::ReadOnly;
        }
        if image::is_volatile(path) {
            return Place::Volatile;
        }
        match path.strip_prefix("/etc/coreos/") {
            Some(rest) if self.options.variant == Variant::Flatcar => Place::Here(format!("/etc/flatcar/{rest}")),
            _ => Place::Here(path.to_owned()),
        }
    }

    pub(super) fn file(&mut self, file: &FileSpec, span: Option<Span>) {
        let path = file.path.to_string_lossy().into_owned();
        if self.section_file(file, &path, span) || self.unit_file(file, &path, span) {
            return;
        }
        let subject = format!("file {}", printable(&path));
        if self.stand_ins.is_in(&path) {
            return self.lost(span, &subject, "the path contains an address token", None);
        }
        let mut notes = Vec::new();
        let environment = path.strip_prefix(UNIT_ENVIRONMENTS).map(|rest| format!("{ENVIRONMENTS}{rest}"));
        let is_environment = environment.is_some();
        let target = match environment.map_or_else(|| self.place(&path), Place::Here) {
            Place::ReadOnly => {
                let help = Some("put it below /etc, /opt or /var");
                return self.lost(span, &subject, "the image is read-only there", help);
            }
            Place::Here(target) => {
                if target != path && !is_environment {
                    let difference =
                        format!("written to {}, since /etc/coreos is a link to /etc/flatcar", printable(&target));
                    notes.push(self.changed(span, &subject, &difference, None));
                }
                Some(target)
            }
            Place::Volatile => None,
        };
        if let Some(clash) = target.as_deref().and_then(|target| self.files.clash(target)) {
            let reason = format!("{} is a file, and one is below the other", printable(clash));
            return self.lost(span, &subject, &reason, Some("give one of them another path"));
        }
        let contents = file.content.expose();
        if let Some(text) = std::str::from_utf8(contents).ok().filter(|text| self.stand_ins.is_in(text)) {
            let text = text.to_owned();
            let target = target.unwrap_or(path);
            if !self.has_owner(&file.owner) {
                let help = "create the user or group in the configuration, or make sure that the image has it";
                self.report_unknown_owner(span, &subject, &file.owner, help);
            }
            let means = "written at each boot by cloud-config-addresses.service, once the addresses are known";
            let help = "units that read the file need `After=cloud-config-addresses.service`; a unit that names its path has it";
            let note = self.generated(span, &subject, means, Some(help));
            return self.template(&target, &text, file.mode, &file.owner, note);
        }
        let mode = file.mode & 0o777;
        let Some(target) = target else {
            let means = "copied to its place at each boot by systemd-tmpfiles";
            let note = self.generated(span, &subject, means, None);
            return self.volatile_file(&path, file, note);
        };
        let owner = self.owner(&file.owner);
        if file.mode != mode || owner.is_none() {
            let means = match owner {
                None => {
                    let owner = printable(&file.owner.to_string());
                    format!(
                        "owner {owner} is set at each boot by systemd-tmpfiles, if the image has it; until then it is root"
                    )
                }
                Some(_) => format!("mode {:04o} is set at each boot by systemd-tmpfiles", file.mode),
            };
            notes.push(self.generated(span, &subject, &means, None));
            let line = format!("z {} {:04o} {} -", quote::tmpfiles(&target), file.mode, owner_fields(&file.owner));
            self.files.tmpfiles.lines.push(line);
        }
        let (user, group) = owner.unwrap_or_default();
        if self.files.contains(&target) && self.part > Some(0) {
            notes.push(self.changed(span, &subject, "two parts write it; the last one is used", None));
        }
        self.files.insert(File { path: target, contents: file.content.clone(), mode, user, group, notes });
    }

    fn has_owner(&self, owner: &Owner) -> bool {
        self.owner(owner).is_some()
    }

    fn report_unknown_owner(&mut self, span: Option<Span>, subject: &str, owner: &Owner, help: &str) {
        let difference =
            format!("owner {} may not exist in the image; then the file is not written", printable(&owner.to_string()));
        self.changed(span, subject, &difference, Some(help));
    }

    /// A file in a directory that each boot makes anew: `systemd-tmpfiles` copies it.
    fn volatile_file(&mut self, path: &str, file: &FileSpec, note: String) {
        let source = format!("{COPIES}{path}");
        // The copy in /etc is as secret as the file.
        let mode = if file.mode & 0o004 == 0 { 0o600 } else { 0o644 };
        let target = quote::tmpfiles(path);
        for parent in parents(path).skip(1) {
            self.files.tmpfiles.directories.insert(parent.to_owned());
        }
        let owner = owner_fields(&file.owner);
        let line = format!("C {target} {:04o} {owner} - {}", file.mode, quote::tmpfiles(&source));
        self.files.tmpfiles.lines.push(line);
        self.plain_file(Path::new(&source), file.content.expose().clone(), mode, vec![note]);
    }

    /// Writes the lines for `systemd-tmpfiles`.
    pub(super) fn finish_files(&mut self) {
        let Tmpfiles { directories, lines } = std::mem::take(&mut self.files.tmpfiles);
        if lines.is_empty() {
            return;
        }
        let directories = directories.iter().map(|path| format!("d {} 0755 root root -\n", quote::tmpfiles(path)));
        let lines = lines.iter().map(|line| format!("{line}\n"));
        let text: String = directories.chain(lines).collect();
        let note = "Done by systemd-tmpfiles at each boot.".to_owned();
        self.plain_file(Path::new(TMPFILES), text.into_bytes(), 0o644, vec![note]);
    }
}

/// The user and the group of a line of tmpfiles.d(5).
fn owner_fields(owner: &Owner) -> String {
    let field =
        |principal: &Option<Principal>| principal.as_ref().map_or_else(|| "root".to_owned(), ToString::to_string);
    let user = field(&owner.user);
    let group = match &owner.group {
        // The own group of most users.
        None if owner.login_group => user.clone(),
        group => field(group),
    };
    format!("{} {}", quote::tmpfiles(&user), quote::tmpfiles(&group))
}
