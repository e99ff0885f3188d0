//! Units that systemd would not take as they are meant (spec §8).

use std::collections::HashMap;
use std::path::Path;

use super::sections::Sections;
use super::unit_file::{Survey, survey};
use super::unit_lines;
use crate::config::{CloudConfig, Unit};
use crate::finding::{Finding, Span, rules};
use crate::plan::names::{Reader, drop_in, mount_name, reader};
use crate::plan::{Verb, printable, unit_at};
use crate::secret::{Secret, is_mask};
use crate::yaml::{Document, Field, Node};

/// What is worth telling of the units of `config`; `text` is the part as its author wrote it.
pub(super) fn lint(config: &CloudConfig, document: &Document, text: &str) -> Vec<Finding> {
    let units: Vec<_> = config.coreos.units.iter().enumerate().filter_map(Surveyed::new).collect();
    let others = Others::new(config, &units);
    let nodes = document.root.as_deref().and_then(|root| root.get("coreos")?.get("units")?.items());
    let mut findings = Vec::new();
    for unit in &units {
        let node = nodes.and_then(|nodes| nodes.get(unit.index)).map(|node| &**node);
        unit.lines(text, &mut findings);
        findings.extend(unit.masked(node));
        findings.extend(unit.not_installed(node, &others));
        findings.extend(unit.not_executed(&others));
        findings.extend(unit.misplaced());
    }
    findings
}

/// A unit, and what is in its files.
struct Surveyed<'a> {
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

impl<'a> Surveyed<'a> {
    fn new((index, field): (usize, &'a Field<Unit>)) -> Option<Self> {
        let unit = field.get()?;
        let name = unit.name.filled()?;
        let named_drop_in = drop_in(name);
        let name = named_drop_in.map_or(name, |(unit, _)| unit);
        let mut contents = unit.drop_ins.iter().filter_map(Field::get).map(|drop_in| &drop_in.content);
        let is_masked = |content: &Field<Secret<String>>| content.get().is_some_and(|text| is_mask(text.expose()));
        if is_masked(&unit.content) || contents.any(is_masked) {
            // Nothing can be told of what is not there.
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
            let drop_ins = drop_ins.map(|drop_in| (drop_in.name.text(), &drop_in.content));
            (survey(&unit.content), drop_ins.filter_map(surveyed).collect())
        };
        Some(Self { index, name, unit, content, drop_ins })
    }

    /// Lines that systemd does not take, of the content and of the drop-ins.
    fn lines(&self, text: &str, findings: &mut Vec<Finding>) {
        let Some(sections) = Sections::of(self.name) else { return };
        let name = printable(self.name);
        if let Some(survey) = &self.content {
            let what = format!("the content of unit {name}");
            unit_lines::tell(&what, sections, survey, text, self.unit.content.span, findings);
        }
        for drop_in in &self.drop_ins {
            let what = format!("drop-in {} of unit {name}", printable(drop_in.name));
            unit_lines::tell(&what, sections, &drop_in.survey, text, drop_in.span, findings);
        }
    }

    /// A mask leaves nothing of what else is said of a unit.
    fn masked(&self, node: Option<&Node>) -> Option<Finding> {
        if self.unit.mask.value != Some(true) || drop_in(self.unit.name.text()).is_some() {
            return None;
        }
        let starts = [Verb::Start, Verb::Restart, Verb::ReloadOrRestart].map(Verb::as_str);
        let vain = [
            ("content", self.content.is_some()),
            ("drop-ins", !self.drop_ins.is_empty()),
            ("enable", self.unit.enable),
            ("command", starts.contains(&self.unit.command.text())),
        ];
        let vain: Vec<_> = vain.into_iter().filter(|(_, there)| *there).map(|(key, _)| key).collect();
        if vain.is_empty() {
            return None;
        }
        let message =
            format!("unit {} is masked, so that its {} can do nothing", printable(self.name), vain.join(", "));
        let span = place_of(node, "mask").or(self.unit.mask.span);
        Some(Finding::new(&rules::MASKED_UNIT, span, message).help("leave out the mask, or all else but the name"))
    }

    /// What is enabled needs a section that says what for.
    fn not_installed(&self, node: Option<&Node>, others: &Others<'_>) -> Option<Finding> {
        let content = self.content.as_ref()?;
        let others = others.of(self.name);
        let is_said = others.installs || others.files || content.does.include || self.unit.mask.value == Some(true);
        if !self.unit.enable || is_said || reader(self.name) != Reader::Systemd {
            return None;
        }
        let target = match self.name.rsplit_once('.')?.1 {
            "timer" => "timers",
            "socket" => "sockets",
            "path" => "paths",
            _ => "multi-user",
        };
        let name = printable(self.name);
        let message = format!("unit {name} is enabled, but its content has no [Install]: enabling it does nothing");
        let span = place_of(node, "enable").or(self.unit.name.span);
        let help = format!("add a section [Install] with WantedBy={target}.target, or leave out enable");
        Some(Finding::new(&rules::NO_INSTALL, span, message).help(help))
    }

    /// systemd refuses a service without anything to run.
    fn not_executed(&self, others: &Others<'_>) -> Option<Finding> {
        let content = self.content.as_ref().filter(|content| content.is_clean() && !content.does.include)?;
        let others = others.of(self.name);
        if content.does.execute || others.executes || others.files || !self.name.ends_with(".service") {
            return None;
        }
        let message = format!("unit {} has nothing to run: systemd refuses it", printable(self.name));
        let help =
            "add ExecStart= to the section [Service], or put changes of a unit that is there already into drop_ins";
        Some(Finding::new(&rules::NO_EXEC_START, self.unit.content.span, message).help(help))
    }

    /// The name of a mount is its folder's.
    fn misplaced(&self) -> Option<Finding> {
        let suffix = self.name.rsplit_once('.').filter(|(_, suffix)| matches!(*suffix, "mount" | "automount"))?.1;
        let place = self.content.as_ref()?.place.filter(|place| !place.contains(['%', '\n']))?;
        let wanted = mount_name(place)?;
        if self.name.rsplit_once('.')?.0 == wanted {
            return None;
        }
        let message = format!(
            "unit {} does not have the name of the folder in its Where=: systemd refuses it",
            printable(self.name)
        );
        let mut finding = Finding::new(&rules::MOUNT_NAME, self.unit.name.span, message);
        if wanted.len() + suffix.len() < 200 {
            finding = finding.help(format!("call it {wanted}.{suffix}"));
        }
        Some(finding)
    }
}

/// Where the value of a key of a unit stands.
fn place_of(node: Option<&Node>, key: &str) -> Option<Span> {
    Some(node?.get(key)?.span)
}

/// What all entries of a part together say of its units: one of them may add what another lacks.
struct Others<'a>(HashMap<&'a str, Other>);

#[derive(Clone, Copy, Default)]
struct Other {
    installs: bool,
    executes: bool,
    /// A file of the unit is written as any other file, and may say anything.
    files: bool,
}

impl<'a> Others<'a> {
    fn new(config: &CloudConfig, units: &[Surveyed<'a>]) -> Self {
        let mut others: HashMap<_, Other> = HashMap::new();
        for unit in units {
            let other = others.entry(unit.name).or_default();
            for survey in unit.content.iter().chain(unit.drop_ins.iter().map(|drop_in| &drop_in.survey)) {
                other.installs |= survey.does.install;
                other.executes |= survey.does.execute;
            }
        }
        for path in config.write_files.iter().filter_map(|file| file.get()?.path.filled()) {
            if let Some(other) = unit_at(Path::new(path)).and_then(|unit| others.get_mut(unit.as_str())) {
                other.files = true;
            }
        }
        Self(others)
    }

    fn of(&self, name: &str) -> Other {
        self.0.get(name).copied().unwrap_or_default()
    }
}
