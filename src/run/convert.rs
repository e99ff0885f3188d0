//! `--convert-to`: converts the run plan to a configuration for Butane or Ignition (docs/leaving.md).

use std::io::{self, Write as _};

use super::gather::find;
use super::{RunContext, write_stdout};
use crate::cli::{Conversion, Format, Options, Target};
use crate::deadline::Deadline;
use crate::outcome::Outcome;
use crate::report::Screen;
use crate::report::check::Checked;
use crate::report::conversion;
use cloud_config::convert::{self, butane, ignition};
use cloud_config::diagnostic::{Finding, rules};
use cloud_config::plan::Facts;
use cloud_config::run_plan::{Machine, Metadata, Policy, RunPlan};

/// Prints the configuration to standard output and the report to standard error. Returns true if an item cannot be
/// converted.
pub(super) fn convert(options: &Options, context: &RunContext<'_>, deadline: Deadline, outcome: &mut Outcome) -> bool {
    let Some(asked) = &options.conversion else { return false };
    let mut found = find(options, context, deadline, outcome);
    let network = found.network.take();
    let (mut inputs, stand_ins) = found.read_for_conversion(&asked.addresses, options, context, deadline, outcome);
    let metadata = std::mem::take(&mut inputs.metadata);
    inputs.network = network;
    let facts = |_: &_, name: Option<&str>| Facts { hostname: name.unwrap_or_default().to_owned(), ..Facts::default() };
    // `--strict` withholds the result as a whole, and the report has all the reasons.
    let policy = Policy { strict: false, ..options.policy() };
    let mut plan = RunPlan::new(inputs, policy, &Machine { facts: &facts, has_core: &|| true });
    let conversion_options =
        convert::Options { variant: asked.target.variant(), platform: asked.platform, ordered: asked.ordered };
    let conversion = convert::convert(&plan, &stand_ins, conversion_options);
    let mut checked: Vec<_> = std::mem::take(&mut plan.parts)
        .into_iter()
        .enumerate()
        .map(|(index, mut part)| {
            let is_noted = |finding: &Finding| {
                *finding.rule == rules::DUPLICATE_ITEM
                    && conversion
                        .findings
                        .iter()
                        .any(|note| note.part == Some(index) && note.finding.span == finding.span)
            };
            part.plan.findings.retain(|finding| !conversion.repeats(index, finding) && !is_noted(finding));
            Checked { document: part.document, findings: part.plan.findings }
        })
        .collect();
    let convert::Conversion { config, findings } = conversion;
    for finding in checked.iter_mut().flat_map(|part| &mut part.findings) {
        stand_ins.restore_finding(finding);
    }
    let mut general = metadata_notes(&metadata, asked);
    for found in findings {
        match found.part.and_then(|part| checked.get_mut(part)) {
            Some(part) => part.findings.push(found.finding),
            None => general.push(found.finding),
        }
    }
    if outcome.source.starts_with('/') && outcome.source.contains("/oem/") {
        let help = "put the result in `base.ign` of the image, or in a system extension";
        let message = "the source is the configuration of an OEM, which belongs in the image";
        general.push(Finding::new(&rules::CONVERSION, None, message).help(help));
    }
    let text = write(asked, &config, outcome.failures.len(), &checked, &general);
    general.extend(convert::size_note(&text));
    let is_unread = !outcome.failures.is_empty() && checked.is_empty();
    if is_unread {
        general.clear();
    }
    let findings = general.iter().chain(checked.iter().flat_map(|part| &part.findings));
    let errors = outcome.failures.len() + findings.filter(|finding| finding.is_error()).count();
    let is_withheld = options.strict && errors > 0;
    if is_withheld && !is_unread {
        let s = if errors == 1 { "" } else { "s" };
        let message =
            format!("the report has {errors} error{s}; the whole configuration rejected and not printed (--strict)");
        let help = "without --strict, the configuration is printed without the items that have errors";
        general.push(Finding::new(&rules::CONVERSION, None, message).help(help));
    } else if config == convert::model::Config::default() && outcome.failures.is_empty() {
        general.push(Finding::new(&rules::CONVERSION, None, "nothing was converted; the result is empty"));
    }
    for part in &mut checked {
        part.findings.sort_by_key(|finding| finding.span.map(|span| span.start));
    }
    let printed = if is_withheld || is_unread { None } else { Some(text.as_str()) };
    let report = conversion::Report { source: &outcome.source, failures: &outcome.failures, general, parts: &checked };
    match options.format {
        Format::Json => {
            let text = report.json(printed);
            write_stdout(outcome, &text);
        }
        Format::Text => {
            let report = report.text(Screen::of_stderr(context.variable));
            let is_reported = io::stderr().lock().write_all(report.as_bytes()).is_ok();
            if let Some(text) = printed {
                write_stdout(outcome, text);
            }
            if !is_reported {
                return true;
            }
        }
    }
    errors > 0 || outcome.is_failure()
}

/// Writes the configuration in the requested format.
fn write(
    asked: &Conversion,
    config: &convert::model::Config,
    failures: usize,
    parts: &[Checked],
    general: &[Finding],
) -> String {
    match asked.target {
        Target::Ignition => ignition::write(config),
        Target::Butane(variant) => {
            let all = || general.iter().chain(parts.iter().flat_map(|part| &part.findings));
            let count = |rule| all().filter(|finding| finding.rule == rule).count();
            let header = [
                format!("Converted from a cloud-config by coreos-cloudinit {}.", env!("CARGO_PKG_VERSION")),
                format!(
                    "Findings: changed-meaning {}, generated-helper {}, errors {}.",
                    count(&rules::CHANGED_MEANING),
                    count(&rules::GENERATED_HELPER),
                    failures + all().filter(|finding| finding.is_error()).count()
                ),
            ];
            butane::write(config, variant, &header)
        }
    }
}

/// Returns notes about settings that the platform provides and the result does not contain.
fn metadata_notes(metadata: &Metadata, asked: &Conversion) -> Vec<Finding> {
    let mut notes = Vec::new();
    let note = |message: &str, help: &str| Finding::new(&rules::CONVERSION, None, message).help(help);
    if metadata.hostname.is_some() {
        let help = "DHCP or the agent of the image sets it";
        notes.push(note("the host name of the platform is not in the result", help));
    }
    if !metadata.keys.is_empty() {
        let help = match asked.target.variant() {
            convert::model::Variant::Flatcar => {
                "coreos-metadata-sshkeys@core.service sets them on most platforms; enable it on the others"
            }
            convert::model::Variant::Fcos => "afterburn-sshkeys@core.service sets them",
        };
        notes.push(note("the SSH keys of the platform are not in the result", help));
    }
    notes
}
