//! Units that systemd would reject or read in another way than intended (docs/cloud-config.md#coreosunits).

use std::collections::HashMap;
use std::path::Path;

use super::sections::Sections;
use super::unit_file::{Setting, Survey, survey};
use super::unit_lines;
use super::unit_verify::{self, UnitText};
use crate::config::Verb;
use crate::config::{CloudConfig, Unit};
use crate::diagnostic::{Finding, Span, rules};
use crate::plan::names::{UnitReader, drop_in, is_template, mount_name, reader};
use crate::plan::unit_at;
use crate::text::printable;
use crate::text::secret::{Secret, is_redacted};
use crate::yaml::{Field, Node, ParsedYaml};

/// Checks the units of `config`. `text` is the source text of the part.
pub(super) fn lint(config: &CloudConfig, document: &ParsedYaml, text: &str) -> Vec<Finding> {
    let units: Vec<_> = config.coreos.units.iter().enumerate().filter_map(SurveyedUnit::new).collect();
    let facts = UnitFacts::new(config, &units);
    let nodes = document.root.as_deref().and_then(|root| root.get("coreos")?.get("units")?.items());
    let mut findings = Vec::new();
    for (at, unit) in units.iter().enumerate() {
        let node = nodes.and_then(|nodes| nodes.get(unit.index)).map(|node| &**node);
        let lines = findings.len();
        unit.report_lines(&facts, text, &mut findings);
        findings.extend(unit.masked_unit(node, &facts));
        findings.extend(unit.not_installed(node, &facts));
        findings.extend(unit.not_instantiated(node, &facts));
        let mut refused = Vec::new();
        unit.report_refused(at, &units, &facts, text, &mut refused);
        unit.blame_lines(&mut findings[lines..], &mut refused);
        findings.append(&mut refused);
        findings.extend(unit.misplaced(at, &facts));
    }
    findings
}

/// A unit with the surveys of its files.
struct SurveyedUnit<'a> {
    index: usize,
    name: &'a str,
    unit: &'a Unit,
    content: Option<Survey<'a>>,
    drop_ins: Vec<SurveyedDropIn<'a>>,
}

/// A drop-in with content.
struct SurveyedDropIn<'a> {
    name: &'a str,
    span: Option<Span>,
    survey: Survey<'a>,
}

impl SurveyedDropIn<'_> {
    /// Returns the drop-in as a file of the unit `unit`.
    fn file(&self, unit: &str) -> UnitText<'_> {
        let what = format!("drop-in {} of unit {}", printable(self.name), printable(unit));
        UnitText { what, unit: printable(unit), survey: &self.survey, span: self.span }
    }
}

impl<'a> SurveyedUnit<'a> {
    fn new((index, field): (usize, &'a Field<Unit>)) -> Option<Self> {
        let unit = field.get()?;
        let name = unit.name.filled()?;
        let named_drop_in = drop_in(name);
        let name = named_drop_in.map_or(name, |(unit, _)| unit);
        let mut contents = unit.drop_ins.iter().filter_map(Field::get).map(|drop_in| &drop_in.content);
        let is_lost = |content: &Field<Secret<String>>| content.get().is_some_and(|text| is_redacted(text.expose()));
        if is_lost(&unit.content) || contents.any(is_lost) {
            // The lines of a redacted file are unknown.
            return None;
        }
        let sections = Sections::of(name);
        let survey = |content: &'a Field<Secret<String>>| {
            let content = content.get()?.expose();
            (!content.is_empty()).then(|| survey(content, sections))
        };
        let surveyed = |(name, content): (&'a str, &'a Field<Secret<String>>)| {
            Some(SurveyedDropIn { name, span: content.span, survey: survey(content)? })
        };
        let (content, drop_ins) = if let Some((_, file)) = named_drop_in {
            (None, surveyed((file, &unit.content)).into_iter().collect())
        } else {
            let drop_ins = unit.drop_ins.iter().filter_map(Field::get);
            // A drop-in without a name is not written, and systemd does not read one without the suffix.
            let is_read = |name: &&str| name.strip_suffix(".conf").is_some();
            let drop_ins =
                drop_ins.filter_map(|drop_in| Some((drop_in.name.filled().filter(is_read)?, &drop_in.content)));
            (survey(&unit.content), drop_ins.filter_map(surveyed).collect())
        };
        Some(Self { index, name, unit, content, drop_ins })
    }

    /// Reports faulty lines in the content and the drop-ins.
    fn report_lines(&self, facts: &UnitFacts<'_>, text: &str, findings: &mut Vec<Finding>) {
        let Some(sections) = Sections::of(self.name) else { return };
        let name_facts = facts.get(self.name);
        let is_only = name_facts.entries.len() == 1 && !name_facts.files;
        let content = self.content().map(|file| (file, is_only));
        for (file, is_sure) in
            content.into_iter().chain(self.drop_ins.iter().map(|drop_in| (drop_in.file(self.name), false)))
        {
            let reported = findings.len();
            unit_lines::report(&file.what, sections, file.survey, text, file.span, findings);
            // The last reported line is one because of which systemd rejects the file.
            if is_sure && file.survey.unclosed.count > 0 {
                let mut lines = findings[reported..].iter_mut().rev();
                if let Some(unclosed) = lines.find(|finding| finding.rule == &rules::ODD_UNIT_LINE) {
                    *unclosed = unclosed.clone().not_started(&file.unit);
                }
            }
        }
    }

    /// Returns the content of the unit as a file.
    fn content(&self) -> Option<UnitText<'_>> {
        let what = format!("the content of unit {}", printable(self.name));
        Some(UnitText {
            what,
            unit: printable(self.name),
            survey: self.content.as_ref()?,
            span: self.unit.content.span,
        })
    }

    /// Reports a masked unit for which anything else is configured: the mask prevents it.
    fn masked_unit(&self, node: Option<&Node>, facts: &UnitFacts<'_>) -> Option<Finding> {
        if self.unit.mask.value != Some(true) || drop_in(self.unit.name.text()).is_some() {
            return None;
        }
        let starts = [Verb::Start, Verb::Restart, Verb::ReloadOrRestart].map(Verb::as_str);
        let command = Some(self.unit.command.text()).filter(|command| starts.contains(command));
        // A command for a networkd file is ignored, and a command for a unit of an unknown type is skipped.
        let fails = command.filter(|_| reader(self.name) == UnitReader::Systemd);
        let vain = [
            ("`content`", self.content.is_some()),
            ("`drop_ins`", !self.drop_ins.is_empty()),
            ("`enable`", self.unit.enable.value == Some(true)),
            ("`command`", command.is_some() && fails.is_none()),
        ];
        let vain: Vec<_> = vain.into_iter().filter(|(_, there)| *there).map(|(key, _)| key).collect();
        let (name, ignored) = (printable(self.name), vain.join(", "));
        let message = match fails {
            Some(command) if vain.is_empty() => {
                format!("unit {name}: masked, but has `command: {command}`; the command will fail")
            }
            Some(command) => {
                format!(
                    "unit {name}: masked, but has {ignored}, `command: {command}`; the command will fail, the rest \
                     is ignored by systemd"
                )
            }
            None if vain.is_empty() => return None,
            None => format!("unit {name} is masked; {ignored} ignored by systemd"),
        };
        let span = position_of(node, "mask").or(self.unit.mask.span);
        let finding =
            Finding::new(&rules::MASKED_UNIT, span, message).help("remove the mask, or everything except the name");
        let is_only = facts.get(self.name).entries.len() == 1;
        Some(if is_only { finding.not_started(&printable(self.name)) } else { finding })
    }

    /// Reports an enabled unit without a section `[Install]`.
    fn not_installed(&self, node: Option<&Node>, facts: &UnitFacts<'_>) -> Option<Finding> {
        let content = self.content.as_ref()?;
        let name_facts = facts.get(self.name);
        let is_misspelled = Sections::of(self.name).is_some_and(|sections| content.misspells(sections, "Install"));
        let is_said = name_facts.installs
            || name_facts.files
            || is_misspelled
            || content.effects.include
            || self.unit.mask.value == Some(true);
        if self.unit.enable.value != Some(true) || is_said || reader(self.name) != UnitReader::Systemd {
            return None;
        }
        let target = match self.name.rsplit_once('.')?.1 {
            "timer" => "timers",
            "socket" => "sockets",
            "path" => "paths",
            _ => "multi-user",
        };
        let name = printable(self.name);
        let message =
            format!("unit {name}: `enable` without an [Install] section in its content; `enable` ignored by systemd");
        let span = position_of(node, "enable").or(self.unit.name.span);
        let help = format!("add a section [Install] with WantedBy={target}.target, or remove `enable`");
        Some(Finding::new(&rules::NO_INSTALL, span, message).help(help))
    }

    /// Reports an enabled template without a default instance: systemd can enable only its instances.
    fn not_instantiated(&self, node: Option<&Node>, facts: &UnitFacts<'_>) -> Option<Finding> {
        let content = self.content.as_ref()?;
        let name_facts = facts.get(self.name);
        let is_said =
            name_facts.instances || name_facts.files || content.effects.include || self.unit.mask.value == Some(true);
        if self.unit.enable.value != Some(true)
            || is_said
            || !is_template(self.name)
            || reader(self.name) != UnitReader::Systemd
        {
            return None;
        }
        let wants = content.settings.iter().filter(|setting| setting.section == "Install");
        let mut targets = wants.filter(|setting| matches!(setting.key, "WantedBy" | "RequiredBy" | "UpheldBy"));
        targets.find(|setting| setting.value.split_whitespace().any(|target| !target.contains('@')))?;
        let name = printable(self.name);
        let message = format!("unit {name}: template without DefaultInstance=; not enabled");
        let span = position_of(node, "enable").or(self.unit.name.span);
        let help = "add DefaultInstance= to the section [Install], or enable an instance, such as name@1.service";
        let finding = Finding::new(&rules::NO_DEFAULT_INSTANCE, span, message).help(help);
        Some(if name_facts.entries.len() == 1 { finding.not_enabled(&name) } else { finding })
    }

    /// Reports settings because of which systemd rejects the unit, and missing settings.
    fn report_refused(
        &self,
        at: usize,
        units: &[SurveyedUnit<'_>],
        facts: &UnitFacts<'_>,
        text: &str,
        findings: &mut Vec<Finding>,
    ) {
        let name_facts = facts.get(self.name);
        if self.unit.mask.value == Some(true) || name_facts.files || reader(self.name) != UnitReader::Systemd {
            return;
        }
        let own = self.drop_ins.iter().map(|drop_in| drop_in.file(self.name));
        // Another entry or drop-in may replace the setting, so the unit may still be enabled.
        let is_only = name_facts.entries.len() == 1;
        let content = self.content().map(|file| (file, is_only));
        for (file, is_sure) in content.into_iter().chain(own.map(|file| (file, false))) {
            let reported = findings.len();
            unit_verify::report_fatal(&file, text, findings);
            if is_sure {
                keep_from_starting(&mut findings[reported..], &file.unit);
            }
            unit_verify::report_ignored(&file, name_facts.content.is_none(), text, findings);
            if self.unit.enable.value == Some(true) {
                findings.extend(unit_verify::report_alias(&file, self.name, text));
            }
            if !is_sure {
                findings[reported..].iter_mut().for_each(|finding| finding.blocked = None);
            }
        }
        // Of several entries with content, the last one is used.
        let Some(content) = self.content().filter(|_| name_facts.content == Some(at)) else { return };
        let entries = name_facts.entries.iter().filter_map(|index| units.get(*index));
        let mut drop_ins: Vec<_> = entries.flat_map(|unit| &unit.drop_ins).collect();
        // Of several drop-ins with the same name, the last one is used. systemd reads drop-ins in the order of their
        // names.
        drop_ins.reverse();
        drop_ins.sort_by_key(|drop_in| drop_in.name);
        drop_ins.dedup_by_key(|drop_in| drop_in.name);
        let files: Vec<_> =
            std::iter::once(content).chain(drop_ins.into_iter().map(|drop_in| drop_in.file(self.name))).collect();
        // An unclosed section is reported separately, and an included file may contain any setting.
        if files.iter().all(|file| file.survey.unclosed.count == 0 && !file.survey.effects.include) {
            let reported = findings.len();
            unit_verify::report_whole(self.name, &printable(self.name), &files, text, findings);
            keep_from_starting(&mut findings[reported..], &printable(self.name));
        }
    }

    /// Removes the findings about missing settings from `refused` if one of `lines`, the findings about lines of the
    /// unit's content, is about a misspelling of the setting. That line is then the reason why the unit cannot start.
    fn blame_lines(&self, lines: &mut [Finding], refused: &mut Vec<Finding>) {
        let Some(Sections::Unit(own)) = Sections::of(self.name) else { return };
        let Some(content) = &self.content else { return };
        if !content.misspells(Sections::Unit(own), own) {
            return;
        }
        let whole = self.unit.content.span.unwrap_or_default();
        let (inside, bracketed) = (format!("= in [{own}]"), format!("[{own}]"));
        let is_misspelling = |finding: &&mut Finding| {
            let is_here = finding.span.is_some_and(|span| whole.start <= span.start && span.end <= whole.end);
            let help = finding.help.as_deref().unwrap_or_default();
            let words = &finding.message;
            let is_key = words.contains(&inside) || help.ends_with(&bracketed) || words.contains(unit_lines::OUTSIDE);
            is_here && (*finding.rule == rules::ODD_UNIT_SECTION || *finding.rule == rules::ODD_UNIT_LINE && is_key)
        };
        let Some(line) = lines.iter_mut().find(is_misspelling) else { return };
        let is_missing =
            |finding: &Finding| [&rules::MISSING_UNIT_SETTING, &rules::NO_EXEC_START].contains(&finding.rule);
        let Some(missing) = refused.iter().find(|finding| is_missing(finding)) else { return };
        line.message.push_str(", which then refuses the unit");
        line.blocked.clone_from(&missing.blocked);
        refused.retain(|finding| !is_missing(finding));
    }

    /// Reports a swap unit whose `What=` is not a path. Newer versions of systemd accept `UUID=x` there.
    fn without_device_path(&self, what: &str) -> Option<Finding> {
        let wanted = tagged_device(what).and_then(|device| mount_name(&device));
        if self.name.strip_suffix(".swap") == wanted.as_deref() {
            return None;
        }
        let message = format!(
            "unit {}: What= is not the path of a device or a file; systemd 257 refuses the unit, and 252 ignores the line",
            printable(self.name)
        );
        let finding = Finding::new(&rules::MOUNT_NAME, self.unit.name.span, message);
        Some(match wanted {
            Some(wanted) => finding.help(format!("name it {wanted}.swap and write the path")),
            None => finding.help("write an absolute path"),
        })
    }

    /// Reports a mount or swap unit whose name does not belong to its directory, device or file.
    fn misplaced(&self, at: usize, facts: &UnitFacts<'_>) -> Option<Finding> {
        let (_, suffix) = self.name.rsplit_once('.')?;
        let content = self.content.as_ref()?;
        let (key, place) = match suffix {
            "mount" | "automount" => ("Where=", content.place?),
            "swap" => {
                let what = content.settings.iter().rev().find(|setting| setting.key == "What")?;
                ("What=", &*what.value)
            }
            _ => return None,
        };
        if place.contains(['%', '\n']) || place.contains("{{") {
            return None;
        }
        if suffix == "swap" && !place.is_empty() && !place.starts_with('/') {
            return self.without_device_path(place);
        }
        let wanted = mount_name(place)?;
        if self.name.rsplit_once('.')?.0 == wanted {
            return None;
        }
        let message = format!(
            "unit {}: the name does not match the path in {key}; systemd refuses the unit",
            printable(self.name)
        );
        let mut finding = Finding::new(&rules::MOUNT_NAME, self.unit.name.span, message);
        if facts.get(self.name).content == Some(at) && !facts.get(self.name).files {
            finding = finding.not_started(&printable(self.name));
        }
        if wanted.len() + suffix.len() < 200 {
            finding = finding.help(format!("name it {wanted}.{suffix}"));
        }
        Some(finding)
    }
}

/// Returns the path of the device that fstab(5) writes as `UUID=x`, if it needs no escapes.
fn tagged_device(what: &str) -> Option<String> {
    let (tag, value) = what.split_once('=')?;
    let tags = ["UUID", "LABEL", "PARTUUID", "PARTLABEL"];
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let is_known = tags.contains(&tag) && !value.is_empty() && value.bytes().all(plain);
    is_known.then(|| format!("/dev/disk/by-{}/{value}", tag.to_ascii_lowercase()))
}

/// Marks each of `findings` as a reason why `unit`, a printable name, cannot start.
fn keep_from_starting(findings: &mut [Finding], unit: &str) {
    let refusals = [&rules::BAD_UNIT_SETTING, &rules::MISSING_UNIT_SETTING, &rules::NO_EXEC_START];
    for finding in findings.iter_mut().filter(|finding| refusals.contains(&finding.rule) && finding.blocked.is_none()) {
        *finding = finding.clone().not_started(unit);
    }
}

/// Returns the position of the value of a key of a unit.
fn position_of(node: Option<&Node>, key: &str) -> Option<Span> {
    Some(node?.get(key)?.span)
}

/// The facts about each unit name. Several entries can have the same name and complement each other.
struct UnitFacts<'a>(HashMap<&'a str, NameFacts>);

/// The facts about a unit name from all its entries.
#[derive(Clone, Default)]
struct NameFacts {
    /// True if a file of the unit has an effective `[Install]` section.
    installs: bool,
    /// True if a file of the unit sets a default instance.
    instances: bool,
    /// The indices of the entries in the list of surveyed units.
    entries: Vec<usize>,
    /// The index of the last entry with content.
    content: Option<usize>,
    /// True if `write_files` writes a file of the unit, which may contain any setting.
    files: bool,
}

impl<'a> UnitFacts<'a> {
    fn new(config: &CloudConfig, units: &[SurveyedUnit<'a>]) -> Self {
        let mut facts: HashMap<_, NameFacts> = HashMap::new();
        for (index, unit) in units.iter().enumerate() {
            let name_facts = facts.entry(unit.name).or_default();
            name_facts.entries.push(index);
            if unit.content.is_some() {
                name_facts.content = Some(index);
            }
            for survey in unit.content.iter().chain(unit.drop_ins.iter().map(|drop_in| &drop_in.survey)) {
                name_facts.installs |= survey.effects.install;
                let is_instance = |setting: &Setting<'_>| setting.key == "DefaultInstance" && !setting.value.is_empty();
                name_facts.instances |= survey.settings.iter().any(is_instance);
            }
        }
        for path in config.write_files.iter().filter_map(|file| file.get()?.path.filled()) {
            if let Some(name_facts) = unit_at(Path::new(path)).and_then(|unit| facts.get_mut(unit.as_str())) {
                name_facts.files = true;
            }
        }
        Self(facts)
    }

    fn get(&self, name: &str) -> &NameFacts {
        const NONE: &NameFacts =
            &NameFacts { installs: false, instances: false, entries: Vec::new(), content: None, files: false };
        self.0.get(name).unwrap_or(NONE)
    }
}
