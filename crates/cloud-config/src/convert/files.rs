//! Files: where they go, and the lines of `systemd-tmpfiles` for what Ignition cannot do.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::path::Path;

use super::addresses::AT_BOOT;
use super::model::{File, Variant};
use super::options::UPDATE_CONFS;
use super::paths::Paths;
use super::pending::Origin;
use super::{Converter, addresses, image, quote, unit_paths};
use crate::diagnostic::{Span, rules};
use crate::plan::{FileSpec, Owner, Principal, UNIT_ENVIRONMENTS};
use crate::text::printable;
use crate::text::secret::Secret;

/// The meaning of a template that early boot reads.
const AFTER_EARLY_BOOT: &str = "written at each boot by cloud-config-addresses.service, after early boot has read it; takes effect at the next boot";
/// The directory of the generated files.
pub(super) const GENERATED: &str = "/etc/cloud-config";
/// The directory of files that `systemd-tmpfiles` copies to their places.
const COPIES: &str = "/etc/cloud-config/files";
/// The environment files with secret options of units.
pub(super) const ENVIRONMENTS: &str = "/etc/cloud-config/env";
/// The file that Ignition adds lines to for enabled units.
const PRESET: &str = "/etc/systemd/system-preset/20-ignition.preset";
/// The report of Ignition.
const IGNITION_RESULT: &str = "/etc/.ignition-result.json";
const TMPFILES: &str = "/etc/tmpfiles.d/cloud-config.conf";

/// The files of a result, in the order of the source.
#[derive(Default)]
pub(super) struct Files {
    list: Vec<Option<(File, Origin)>>,
    at: HashMap<String, usize>,
    /// The place of the item whose files are added.
    pub origin: Origin,
    /// The last `update.conf` is one of Flatcar, which a run does not read.
    pub has_flatcar_update: bool,
    /// The findings about the file at a path, by their places in the list of findings.
    reported: HashMap<String, Range<usize>>,
    /// Lines of tmpfiles.d(5), by the path that they are about.
    tmpfiles: BTreeMap<String, String>,
}

impl Files {
    /// Adds a file. One with the same path is replaced.
    fn insert(&mut self, file: File) {
        if let Some(earlier) = self.at.insert(file.path.clone(), self.list.len()) {
            self.list[earlier] = None;
        }
        self.list.push(Some((file, self.origin)));
    }

    /// Removes a file, and returns true if it was there.
    pub fn remove(&mut self, path: &str) -> bool {
        let index = self.at.remove(path);
        index.is_some_and(|index| self.list[index].take().is_some())
    }

    pub fn contains(&self, path: &str) -> bool {
        self.at.contains_key(path)
    }

    /// The file at `path`.
    pub fn get(&self, path: &str) -> Option<&File> {
        self.list[*self.at.get(path)?].as_ref().map(|(file, _)| file)
    }

    /// The paths of the files, with the places of their items.
    pub fn places(&self) -> impl Iterator<Item = (&str, Origin)> {
        self.list.iter().flatten().map(|(file, origin)| (file.path.as_str(), *origin))
    }

    /// The text of the file at `path`.
    pub fn text(&self, path: &str) -> Option<&str> {
        std::str::from_utf8(self.get(path)?.contents.expose()).ok()
    }

    /// Replaces the text of the file at `path`.
    pub fn replace_text(&mut self, path: &str, text: String, note: String) {
        let file = self.at.get(path).and_then(|index| self.list[*index].as_mut());
        if let Some((file, _)) = file {
            file.contents = Secret::new(text.into_bytes());
            file.notes.push(note);
        }
    }

    /// The paths that the source gives the files, with the places of their items.
    fn targets(&self) -> Vec<(String, Origin)> {
        let target = |path: &str| {
            let rest = [COPIES, addresses::TEMPLATES].into_iter().find_map(|directory| path.strip_prefix(directory));
            rest.unwrap_or(path).to_owned()
        };
        self.list.iter().flatten().map(|(file, origin)| (target(&file.path), *origin)).collect()
    }

    pub fn into_list(self) -> Vec<File> {
        self.list.into_iter().flatten().map(|(file, _)| file).collect()
    }
}

/// The place of a file in the result.
enum Place {
    /// Ignition writes it here.
    Here(String),
    /// It would be gone at the next boot, but Ignition writes it here.
    Kept(String),
    /// The directory, at this path, is made at each boot.
    Volatile(String),
    ReadOnly,
    /// A file that the conversion generates is at the path, or below it.
    Generated,
}

/// Directories in which the conversion writes files of its own.
const OWN_DIRECTORIES: [&str; 8] = [
    GENERATED,
    addresses::RUNTIME,
    "/etc/tmpfiles.d",
    "/etc/systemd/system/multi-user.target.wants",
    "/etc/systemd/network",
    "/etc/systemd/system-preset",
    "/etc/flatcar",
    "/etc/zincati/config.d",
];

impl Converter<'_> {
    /// Adds a file of root without a finding.
    pub(super) fn plain_file(&mut self, path: &Path, contents: Vec<u8>, mode: u32, notes: Vec<String>) {
        let path = path.to_string_lossy().into_owned();
        self.files.insert(File { path, contents: Secret::new(contents), mode, user: None, group: None, notes });
    }

    fn place(&self, path: &str) -> Place {
        if image::is_read_only(self.options.variant, path) {
            return Place::ReadOnly;
        }
        let is_above = |directory: &str| directory == path || image::is_below(directory, path);
        if unit_paths::is_of_generated(path) {
            return Place::Generated;
        }
        if path == TMPFILES
            || path == PRESET
            || path == IGNITION_RESULT
            || [GENERATED, addresses::RUNTIME].into_iter().any(|directory| image::is_below(path, directory))
            || OWN_DIRECTORIES.into_iter().any(is_above)
        {
            return Place::Generated;
        }
        // systemd reads these before systemd-tmpfiles runs.
        if let Some(rest) = path.strip_prefix("/run/systemd/")
            && ["system/", "network/"].iter().any(|kind| rest.starts_with(kind))
        {
            return Place::Kept(format!("/etc/systemd/{rest}"));
        }
        if image::is_volatile(path) {
            // `/var/run` and `/var/lock` are links.
            return Place::Volatile(match path.strip_prefix("/var/") {
                Some(rest) => format!("/run/{}", rest.strip_prefix("run/").unwrap_or(rest)),
                None => path.to_owned(),
            });
        }
        match path.strip_prefix("/etc/coreos/") {
            Some(rest) if self.options.variant == Variant::Flatcar => Place::Here(format!("/etc/flatcar/{rest}")),
            _ => Place::Here(path.to_owned()),
        }
    }

    /// Lets the generated service write the addresses into `/etc/environment` if a file reads them there.
    fn note_environment(&mut self, contents: &[u8], path: &str, subject: &str, span: Option<Span>) {
        let Ok(text) = std::str::from_utf8(contents) else { return };
        if text.contains("COREOS_") && self.reads_addresses_of_environment(text) {
            self.addresses.merge_environment(text);
            if unit_paths::is_unit_path(path) {
                let difference = "it may start before the addresses are in /etc/environment";
                let help = "add `After=cloud-config-addresses.service`";
                self.changed(span, subject, difference, Some(help));
            }
            let means = "the addresses in /etc/environment are written by cloud-config-addresses.service";
            self.generated(span, subject, means, None);
        }
    }

    /// The reason why a file cannot be in the result, with the remedy.
    fn unusable(&self, file: &FileSpec, path: &str) -> Option<(&'static str, Option<&'static str>)> {
        if self.stand_ins.is_in(path) {
            Some(("the path contains an address token", None))
        } else if self.stand_ins.is_in(&file.owner.to_string()) {
            Some(("the owner contains an address token", None))
        } else if image::is_elsewhere(self.options.variant, path) {
            let help = "put it below /etc, /opt or /var";
            Some(("the file system at the path is not mounted when Ignition runs", Some(help)))
        } else if self.options.variant == Variant::Fcos && UPDATE_CONFS.contains(&path) {
            let help = "Fedora CoreOS has Zincati: write its settings below /etc/zincati/config.d";
            Some(("update-engine and locksmith read it, which Fedora CoreOS does not have", Some(help)))
        } else if image::is_directory(path) {
            Some(("the image has a directory at the path", Some("give it another path")))
        } else if quote::is_lost_by_tmpfiles(path) && self.needs_tmpfiles(file, path) {
            Some(("systemd-tmpfiles accepts no control characters in a path", Some("give it another path")))
        } else {
            None
        }
    }

    /// Returns true if a line of tmpfiles.d(5) writes the file, or sets its mode or its owner.
    fn needs_tmpfiles(&self, file: &FileSpec, path: &str) -> bool {
        image::is_volatile(path) || file.mode > 0o777 || !self.has_owner(&file.owner)
    }

    pub(super) fn file(&mut self, file: &FileSpec, span: Option<Span>) {
        let first = self.findings.len();
        if let Some((target, is_converted)) = self.convert_file(file, span) {
            let text = std::str::from_utf8(file.content.expose()).ok().filter(|_| is_converted);
            if let Some(text) = text.filter(|text| text.starts_with("#!") || unit_paths::is_unit_path(&target)) {
                self.report_missing(text, &format!("file {}", printable(&file.path.to_string_lossy())), span);
            }
            self.files.reported.insert(target.clone(), first..self.findings.len());
            if !is_converted {
                self.withdraw(&target);
            }
        }
    }

    /// Converts a file, and returns its path in the result, and false if the result lacks it.
    fn convert_file(&mut self, file: &FileSpec, span: Option<Span>) -> Option<(String, bool)> {
        let path = file.path.to_string_lossy().into_owned();
        if self.section_file(file, &path, span) || self.unit_file(file, &path, span) {
            return None;
        }
        if self.unit_by_hand(file, &path, span) {
            return None;
        }
        let environment = path.strip_prefix(UNIT_ENVIRONMENTS).map(|rest| format!("{ENVIRONMENTS}{rest}"));
        let subject = format!("file {}", printable(environment.as_ref().unwrap_or(&path)));
        if let Some((reason, help)) = self.unusable(file, &path) {
            self.lost(span, &subject, reason, help);
            return None;
        }
        let mut notes = Vec::new();
        let is_environment = environment.is_some();
        self.has_secret |= is_environment;
        let (target, is_volatile) = match environment.map_or_else(|| self.place(&path), Place::Here) {
            Place::ReadOnly => {
                let help = Some("put it below /etc, /opt or /var");
                self.lost(span, &subject, "the image is read-only there", help);
                return None;
            }
            Place::Generated => {
                let help = Some("give it another path");
                self.lost(span, &subject, "files of the conversion are at the path or below it", help);
                return None;
            }
            Place::Here(target) => {
                if target != path && !is_environment {
                    let difference =
                        format!("written to {}, since /etc/coreos is a link to /etc/flatcar", printable(&target));
                    notes.push(self.changed(span, &subject, &difference, None));
                }
                (target, false)
            }
            Place::Kept(target) => {
                let difference =
                    format!("written to {} permanently; a run writes it until the next reboot", printable(&target));
                notes.push(self.changed(span, &subject, &difference, None));
                (target, false)
            }
            Place::Volatile(target) => (target, true),
        };
        if self.forget(&target) && !is_environment {
            self.note(span, &subject, "an earlier item writes it too; the last version is used, as in a run");
        }
        if UPDATE_CONFS.contains(&path.as_str()) {
            self.files.has_flatcar_update = path == UPDATE_CONFS[0];
        }
        let contents = file.content.expose();
        self.note_environment(contents, &target, &subject, span);
        if let Some(text) = std::str::from_utf8(contents).ok().filter(|text| self.stand_ins.is_in(text)) {
            let is_converted = self.file_with_tokens(&target, text, file, &subject, span);
            return Some((target, is_converted));
        }
        let mode = file.mode & 0o777;
        let owner = self.owner(&file.owner);
        let shown = printable(&owner_fields(&file.owner).join(":"));
        if is_volatile {
            let means = match owner {
                Some(_) => "copied to its path at each boot by systemd-tmpfiles".to_owned(),
                None => {
                    format!("copied to its path at each boot by systemd-tmpfiles, if the image has the owner {shown}")
                }
            };
            let note = self.generated(span, &subject, &means, None);
            self.volatile_file(&target, file, note);
            return Some((target, true));
        }
        if file.mode != mode || owner.is_none() {
            // systemd-tmpfiles skips a line with an unknown owner, also its mode.
            let means = match owner {
                None if file.mode == mode => format!(
                    "owner {shown} is set at each boot by systemd-tmpfiles, if the image has it; until then it is root"
                ),
                None => format!(
                    "owner {shown} and mode {:04o} are set at each boot by systemd-tmpfiles, if the image has the owner; \
                     until then they are root and {mode:04o}",
                    file.mode
                ),
                Some(_) => format!("mode {:04o} is set at each boot by systemd-tmpfiles", file.mode),
            };
            let help = owner.is_none().then_some("if the owner does not exist, a run does not write the file");
            notes.push(self.generated(span, &subject, &means, help));
            let line =
                format!("z {} {:04o} {} -", quote::tmpfiles_pattern(&target), file.mode, quoted_owner(&file.owner));
            self.files.tmpfiles.insert(target.clone(), line);
        }
        let (user, group) = owner.unwrap_or_default();
        let contents = file.content.clone();
        self.files.insert(File { path: target.clone(), contents, mode, user, group, notes });
        Some((target, true))
    }

    /// A file with addresses, which the generated service writes. Returns false if it cannot.
    fn file_with_tokens(
        &mut self,
        target: &str,
        text: &str,
        file: &FileSpec,
        subject: &str,
        span: Option<Span>,
    ) -> bool {
        if self.has_other_writers(target) {
            let reason = "a user can change its directory, where root would write it at each boot";
            self.lost(span, subject, reason, Some("put it below /etc or /opt, or write the address itself"));
            return false;
        }
        if unit_paths::is_unit_path(target) {
            let help = "write it in `coreos.units`";
            self.lost(span, subject, "systemd reads it before the addresses are known", Some(help));
            return false;
        }
        if !self.has_owner(&file.owner) {
            let help = "create the user or group in the configuration, or make sure that the image has it";
            self.report_unknown_owner(span, subject, &file.owner, help);
        }
        let (means, help) = if image::is_read_early(target) {
            let help =
                "write the address itself, or add a unit that applies the file after cloud-config-addresses.service";
            (AFTER_EARLY_BOOT, help)
        } else {
            let help =
                "add `After=cloud-config-addresses.service` to a unit that reads the file without naming its path";
            (AT_BOOT, help)
        };
        let note = self.generated(span, subject, means, Some(help));
        self.template(target, text, file.mode, &file.owner, note);
        true
    }

    /// Removes what writes the file at `path`, and returns true if something did.
    pub(super) fn forget(&mut self, path: &str) -> bool {
        self.withdraw(path);
        let is_file = self.files.remove(path);
        let is_copy = self.files.tmpfiles.remove(path).is_some() && self.files.remove(&format!("{COPIES}{path}"));
        let is_link = self.units.remove_link(path);
        self.forget_template(path) || is_file || is_copy || is_link
    }

    /// Withdraws what was reported about the file at `path`, which the result lacks.
    pub(super) fn withdraw(&mut self, path: &str) {
        let indexes = self.files.reported.remove(path).into_iter().flatten();
        let is_moot = |index: &usize| {
            let rule = self.findings[*index].finding.rule;
            [rules::GENERATED_HELPER.id, rules::CHANGED_MEANING.id].contains(&rule.id)
        };
        self.withdrawn.extend(indexes.filter(is_moot));
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
        // Both are links, and systemd-tmpfiles makes no directory where a link is.
        let path = path.strip_prefix("/var").filter(|_| path.starts_with("/var/run/")).unwrap_or(path);
        let path = &path.strip_prefix("/var/lock/").map_or_else(|| path.to_owned(), |rest| format!("/run/lock/{rest}"));
        let source = format!("{COPIES}{path}");
        // The copy in /etc is as secret as the file.
        let mode = if file.mode & 0o004 == 0 { 0o600 } else { 0o644 };
        let target = quote::tmpfiles(path);
        let owner = quoted_owner(&file.owner);
        // This makes the directories above it, too.
        let line = format!("C {target} {:04o} {owner} - {}", file.mode, quote::tmpfiles_argument(&source));
        self.files.tmpfiles.insert(path.to_owned(), line);
        self.plain_file(Path::new(&source), file.content.expose().clone(), mode, vec![note]);
    }

    /// Omits each file whose path excludes that of something else: it would fail the boot.
    pub(super) fn drop_clashes(&mut self) {
        let mut paths = Paths::new(self.users.homes(), self.units.paths().chain(self.users.key_files()));
        for (path, (part, span)) in self.files.targets() {
            let Some(reason) = paths.clash(&path) else {
                paths.add(&path);
                continue;
            };
            self.part = part;
            self.forget(&path);
            let subject = format!("file {}", printable(&path));
            self.lost(span, &subject, &reason, Some("give it another path"));
        }
        self.part = None;
    }

    /// Writes the lines for `systemd-tmpfiles`.
    pub(super) fn finish_files(&mut self) {
        let lines = std::mem::take(&mut self.files.tmpfiles);
        if lines.is_empty() {
            return;
        }
        let text: String = lines.values().flat_map(|line| [line.as_str(), "\n"]).collect();
        let note = "Applied by systemd-tmpfiles at each boot.".to_owned();
        self.plain_file(Path::new(TMPFILES), text.into_bytes(), 0o644, vec![note]);
    }
}

/// The user and the group of a file, as fields of tmpfiles.d(5).
fn quoted_owner(owner: &Owner) -> String {
    owner_fields(owner).map(|field| quote::tmpfiles(&field)).join(" ")
}

/// The user and the group of a file.
fn owner_fields(owner: &Owner) -> [String; 2] {
    let field =
        |principal: &Option<Principal>| principal.as_ref().map_or_else(|| "root".to_owned(), ToString::to_string);
    let user = field(&owner.user);
    let group = match &owner.group {
        // The own group of most users.
        None if owner.login_group => user.clone(),
        group => field(group),
    };
    [user, group]
}
