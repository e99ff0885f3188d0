//! A run as a configuration for Butane and Ignition, with every difference named (docs/leaving.md).
//!
//! ```text
//! RunPlan ──► Converter ──► model::Config ──► butane, ignition
//!                 │
//!                 └──► findings: changed-meaning, generated-helper, not-converted, conversion
//! ```
//!
//! The conversion starts from the plan, so that it has exactly the items that a run would apply. Ignition is all or
//! nothing: one entry that it cannot apply, such as a group that does not exist, and the machine does not boot. What is
//! not certain to work is therefore left to `systemd-tmpfiles` or to the report.

mod addresses;
pub mod butane;
mod discontinued;
mod files;
pub mod ignition;
mod image;
mod image_units;
pub mod model;
mod options;
mod order;
mod paths;
mod pending;
mod platform;
mod quote;
mod scripts;
mod stand_ins;
pub mod strict;
mod unit_addresses;
mod unit_environment;
mod unit_lines;
mod unit_order;
mod unit_paths;
mod unit_start;
mod unit_text;
mod unit_tokens;
mod units;
mod users;

use std::collections::{HashMap, HashSet};
use std::path::Path;

use self::model::{Config, Variant};
pub use self::platform::{PLATFORMS, Platform};
pub use self::stand_ins::StandIns;
use crate::address_tokens::first_token;
use crate::config::CloudConfig;
use crate::diagnostic::{Finding, Rule, Span, rules};
use crate::plan::{Planned, Step};
use crate::run_plan::{PartPlan, Phase, RunPlan, SourcedStep};
use crate::user_data::ContentKind;
use crate::yaml::Field;

/// Options of a conversion.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// The system that the result is for.
    pub variant: Variant,
    /// The platform whose variables have the addresses; any of the known ones without it.
    pub platform: Option<&'static Platform>,
    /// Keep the order of unit commands, in a unit that runs them at each boot.
    pub ordered: bool,
}

/// A finding of a conversion with its origin.
#[derive(Clone, Debug)]
pub struct ConversionFinding {
    /// The index of the part; `None` for the whole.
    pub part: Option<usize>,
    /// The finding.
    pub finding: Finding,
}

/// The result of a conversion.
#[derive(Debug, Default)]
pub struct Conversion {
    /// The configuration.
    pub config: Config,
    /// The differences from a run, in the order of the run, without the findings of the plan.
    pub findings: Vec<ConversionFinding>,
}

/// The largest user-data that EC2 accepts, in bytes.
pub const LARGEST_USER_DATA: usize = 16 << 10;

/// Returns a note if `text`, the written configuration, is too large for some platforms.
pub fn size_note(text: &str) -> Option<Finding> {
    (text.len() > LARGEST_USER_DATA).then(|| {
        let message = format!("the result has {} bytes; EC2 accepts {LARGEST_USER_DATA}", text.len());
        let help = "store the Ignition configuration at a URL, and give the machine one that replaces itself with it \
                    (`ignition.config.replace`)";
        Finding::new(&rules::CONVERSION, None, message).help(help)
    })
}

impl Conversion {
    /// Returns true for a finding of the plan of a part about an item that is not converted for the same reason.
    pub fn repeats(&self, part: usize, finding: &Finding) -> bool {
        let is_covered = |found: &ConversionFinding| {
            found.part == Some(part)
                && found.finding.rule.id == rules::NOT_CONVERTED.id
                && covers(&found.finding, finding)
        };
        [rules::USR_PATH.id, rules::ODD_USER_NAME.id].contains(&finding.rule.id) && self.findings.iter().any(is_covered)
    }
}

/// Returns true if the place of `inner` is in that of `outer`.
fn covers(outer: &Finding, inner: &Finding) -> bool {
    outer.span.zip(inner.span).is_some_and(|(outer, inner)| outer.start <= inner.start && inner.end <= outer.end)
}

/// The difference of every result that is not empty.
fn config_note(config: &Config) -> Option<ConversionFinding> {
    let message = "Ignition applies the result once, on the first boot of a new machine; later changes of the user-data have no effect";
    let help =
        "use it for new machines; `flatcar-reset` (Flatcar 3535 or newer) makes an existing machine boot as a new one";
    let finding = Finding::new(&rules::CONVERSION, None, message).help(help);
    (*config != Config::default()).then_some(ConversionFinding { part: None, finding })
}

/// Converts a run that was planned with the addresses of `stand_ins`.
pub fn convert(plan: &RunPlan, stand_ins: &StandIns, options: Options) -> Conversion {
    let mut converter = Converter::new(plan, stand_ins, options);
    converter.note_whole();
    for phase in plan.phases() {
        match phase {
            Phase::Network(part) => converter.network(part),
            Phase::Access(step) => converter.access(step),
            // Without addresses of this host, a plan has no such phase.
            Phase::Environment(_) => {}
            Phase::Part(index, part) => converter.part(index, part),
        }
    }
    if let Some(step) = &plan.deferred_keys {
        converter.access(step);
    }
    converter.finish()
}

/// Names of programs that begin a sentence in lowercase.
const NAMES: [&str; 4] = ["etcd", "flannel", "fleet", "systemd"];

/// A sentence with `text`. A name at its start keeps its letters.
fn sentence(text: &str) -> String {
    let first = text.split(' ').next().unwrap_or_default();
    let mut rest = text.chars();
    match rest.next() {
        Some(letter) if !first.contains('.') && !NAMES.contains(&first) => {
            format!("{}{}.", letter.to_uppercase(), rest.as_str())
        }
        _ => format!("{text}."),
    }
}

/// A finding by its part, its place there, its rule and its text.
type ReportKey = (Option<usize>, Option<(usize, usize)>, &'static str, String);

/// The state of a conversion.
struct Converter<'a> {
    options: Options,
    stand_ins: &'a StandIns,
    plan: &'a RunPlan,
    /// The index of the part that is converted.
    part: Option<usize>,
    /// The host name of the result.
    hostname: Option<String>,
    findings: Vec<ConversionFinding>,
    /// The findings, by their places and texts.
    known: HashSet<ReportKey>,
    /// The findings about files that the result lacks, by their places in `findings`.
    withdrawn: HashSet<usize>,
    /// The result has the hash of a password or a secret option.
    has_secret: bool,
    users: users::Users,
    files: files::Files,
    units: pending::Units,
    addresses: addresses::Helper,
    /// The places of the key `runtime` of units of the part.
    runtime_spans: HashMap<&'a str, Span>,
    /// The units whose files the source writes, in any of its parts.
    brought: HashSet<String>,
    /// The ids of the scripts.
    scripts: HashSet<String>,
    imports: usize,
}

impl<'a> Converter<'a> {
    fn new(plan: &'a RunPlan, stand_ins: &'a StandIns, options: Options) -> Self {
        Self {
            options,
            stand_ins,
            plan,
            part: None,
            hostname: None,
            findings: Vec::new(),
            known: HashSet::new(),
            withdrawn: HashSet::new(),
            has_secret: false,
            users: users::Users::default(),
            files: files::Files::default(),
            units: pending::Units::default(),
            addresses: addresses::Helper::default(),
            runtime_spans: HashMap::new(),
            brought: plan
                .parts
                .iter()
                .flat_map(PartPlan::steps)
                .filter_map(unit_paths::file_of)
                .map(str::to_owned)
                .collect(),
            scripts: HashSet::new(),
            imports: 0,
        }
    }

    /// Returns true if the source writes the file of the unit, so that the image need not have it.
    fn brings(&self, unit: &str) -> bool {
        self.brought.contains(unit)
    }

    /// Reports a difference, once at each place.
    fn report(&mut self, rule: &'static Rule, span: Option<Span>, message: impl Into<String>, help: Option<&str>) {
        let mut finding = Finding::new(rule, span, message);
        finding.help = help.map(str::to_owned);
        self.stand_ins.restore_finding(&mut finding);
        // A unit can have several texts at one place.
        let place = finding.span.map(|span| (span.start, span.end));
        if !self.known.insert((self.part, place, rule.id, finding.message.clone())) {
            return;
        }
        self.findings.push(ConversionFinding { part: self.part, finding });
    }

    /// Reports a fact about an item that works as in a run.
    fn note(&mut self, span: Option<Span>, subject: &str, fact: &str) {
        self.report(&rules::CONVERSION, span, format!("{subject}: {fact}"), None);
    }

    /// Returns true if the plan reports the same at the item.
    fn is_in_plan(&self, rule: &Rule, span: Option<Span>) -> bool {
        let part = self.part.and_then(|part| self.plan.parts.get(part));
        let item = Finding::new(&rules::CONVERSION, span, "");
        let mut findings = part.into_iter().flat_map(|part| &part.plan.findings);
        findings.any(|finding| finding.rule.id == rule.id && covers(&item, finding))
    }

    /// A sentence for a comment.
    fn comment(&self, text: &str) -> String {
        sentence(&self.stand_ins.restore(text))
    }

    /// Reports an item whose meaning changes, and returns the comment for it.
    fn changed(&mut self, span: Option<Span>, subject: &str, difference: &str, help: Option<&str>) -> String {
        self.report(&rules::CHANGED_MEANING, span, format!("{subject}: {difference}"), help);
        self.comment(difference)
    }

    /// Reports an item that a generated file does, and returns the comment for it.
    fn generated(&mut self, span: Option<Span>, subject: &str, means: &str, help: Option<&str>) -> String {
        self.report(&rules::GENERATED_HELPER, span, format!("{subject}: {means}"), help);
        self.comment(means)
    }

    /// Reports an item that is not converted.
    fn lost(&mut self, span: Option<Span>, subject: &str, reason: &str, help: Option<&str>) {
        self.report(&rules::NOT_CONVERTED, span, format!("{subject}: {reason}; not converted"), help);
    }

    /// The configuration of the part that is converted.
    fn cloud_config(&self) -> Option<&'a CloudConfig> {
        let part = &self.plan.parts.get(self.part?)?.document;
        (part.part.form == ContentKind::CloudConfig).then_some(&part.config)
    }

    /// Reports the differences of the whole.
    fn note_whole(&mut self) {
        let names: Vec<_> = self
            .plan
            .parts
            .iter()
            .enumerate()
            .filter_map(|(index, part)| {
                let (_, span) = part.document.access.hostname.as_ref()?;
                (!part.is_rejected).then_some((index, *span))
            })
            .collect();
        for (part, span) in names.into_iter().skip(1) {
            self.part = Some(part);
            self.note(Some(span), "hostname", "an earlier part sets it; the first one is used, as in a run");
        }
        self.part = None;
        let has_token = |part: &PartPlan| first_token(part.document.part.text.as_bytes()).is_some();
        if self.stand_ins.has_known() && self.plan.parts.iter().any(has_token) {
            let message = "the result contains the given addresses and is for one machine only";
            self.report(&rules::CONVERSION, None, message, None);
        }
    }

    /// The network description of a platform.
    fn network(&mut self, part: &PartPlan) {
        let files = part.plan.steps.iter().filter(|planned| matches!(planned.step, Step::WriteFile(_))).count();
        let help = "use DHCP, the kernel argument `ip=`, or files of systemd-networkd in `storage.files`";
        let reason = format!("its {files} systemd-networkd files are for one machine only");
        self.lost(None, part.name(), &reason, Some(help));
    }

    /// The host name, or keys of `core`.
    fn access(&mut self, step: &SourcedStep) {
        self.part = step.part;
        self.step(&step.planned);
        self.part = None;
    }

    fn part(&mut self, index: usize, part: &'a PartPlan) {
        self.part = Some(index);
        if part.document.part.form == ContentKind::Ignition {
            self.lost(None, "Ignition configuration", "it needs no conversion", Some("use it as it is"));
        }
        let units = self.cloud_config().map(|config| &config.coreos.units);
        let units = units.into_iter().flatten().filter_map(Field::get);
        self.runtime_spans = units.filter_map(|unit| Some((unit.name.text(), unit.runtime.span?))).collect();
        for planned in part.steps() {
            self.step(planned);
        }
        self.part = None;
    }

    fn step(&mut self, planned: &Planned) {
        let span = planned.span;
        self.files.origin = (self.part, span);
        self.addresses.origin = (self.part, span);
        match &planned.step {
            Step::SetHostname(hostname) => self.hostname(&hostname.name, span),
            Step::AuthorizeKeys(set) => self.keys(set, span),
            Step::ImportKeys(import) => self.import(import, span),
            Step::EnsureUser(account) => self.user(account, span),
            Step::WriteFile(file) => self.file(file, span),
            Step::MaskUnit(place) => self.mask(place, span),
            Step::EnableUnit(scope) => self.enable(scope, span),
            Step::UnitCommand(command) => self.command(command, span),
            Step::RunScript(script) => self.script(script, span),
            // On the first boot nothing is masked, loaded or up yet, and no file of an earlier run exists.
            Step::UnmaskUnit(_)
            | Step::MergeEnvironment(_)
            | Step::ReloadDaemon(_)
            | Step::RemoveEnvironment(_)
            | Step::TakeDown(_)
            | Step::LoadModule(_)
            | Step::RestartNetworkd => {}
        }
    }

    fn hostname(&mut self, name: &str, span: Option<Span>) {
        if self.stand_ins.is_in(name) {
            let help =
                "the host name is set before addresses are known; remove it to use the host name of the platform";
            return self.lost(span, "hostname", "it contains an address token", Some(help));
        }
        self.hostname = Some(name.to_owned());
        self.plain_file(Path::new("/etc/hostname"), format!("{name}\n").into_bytes(), 0o644, Vec::new());
    }

    fn finish(mut self) -> Conversion {
        self.finish_units();
        self.drop_clashes();
        self.files.origin = (None, None);
        self.finish_addresses();
        self.finish_generated();
        self.finish_files();
        if self.has_secret || self.users.has_password() {
            let message = "the result contains passwords, as the user-data does; every program on the machine that can reach the metadata \
                           service can read them, and Ignition logs password hashes";
            self.report(&rules::CONVERSION, None, message, Some("use SSH keys instead of passwords"));
        }
        let is_withdrawn = |index: &usize| self.withdrawn.contains(index);
        let findings = self.findings.into_iter().enumerate().filter(|(index, _)| !is_withdrawn(index));
        let findings = findings.map(|(_, finding)| finding);
        let (units, links) = self.units.into_lists();
        let config = Config { users: self.users.into_list(), files: self.files.into_list(), links, units };
        let findings = config_note(&config).into_iter().chain(findings).collect();
        Conversion { config, findings }
    }
}

#[cfg(test)]
mod tests {
    use super::sentence;

    #[test]
    fn a_sentence_begins_with_a_capital_or_a_name() {
        for (text, expected) in [
            ("set once", "Set once."),
            ("flanneld.service runs flannel", "flanneld.service runs flannel."),
            ("etcd 3.5 does not know it", "etcd 3.5 does not know it."),
            ("`restart` is not run", "`restart` is not run."),
        ] {
            assert_eq!(sentence(text), expected);
        }
    }
}
