//! `--print-config`: prints the parsed configuration as user-data.

use super::gather::find;
use super::{RunContext, report_findings, write_stdout};
use crate::cli::{Format, Options};
use crate::deadline::Deadline;
use crate::outcome::Outcome;
use crate::report::configuration;
use cloud_config::plan::Facts;
use cloud_config::print::{self, Understood};
use cloud_config::run_plan::{Machine, Phase, RunPlan};
use cloud_config::text::Lines;
use cloud_config::user_data::ContentKind;

/// Prints the parts in the order of a run. Returns true if an item could not be parsed or was refused.
pub(super) fn print_config(
    options: &Options,
    context: &RunContext<'_>,
    deadline: Deadline,
    outcome: &mut Outcome,
) -> bool {
    let inputs = find(options, context, deadline, outcome).read(options, context, deadline, outcome);
    let policy = options.policy();
    let machine = Machine { facts: &|_, _| Facts::default(), has_core: &|| true };
    let mut plan = RunPlan::new(inputs, policy, &machine);
    for part in &mut plan.parts {
        // A run refuses an item with a redacted value, but the item itself was parsed.
        part.plan.refused.retain(|refused| !refused.redacted);
        part.is_rejected &= part.document.access_only || part.plan.is_partial();
    }
    let is_idle = plan.phases().all(|phase| matches!(phase, Phase::Part(_, part) if part.plan.steps.is_empty()));
    // The log already says that the user-data is empty.
    let is_empty = plan.parts.iter().all(|part| part.document.part.form == ContentKind::Empty);
    let mut understood = Vec::new();
    for phase in plan.phases() {
        if let Phase::Part(_, part) = phase {
            let lines = Lines::new(part.document.part.text.as_bytes());
            if !part.is_rejected {
                understood.push(Understood::new(&part.document, &part.plan, options.secrets));
            }
            outcome.parts.push(report_findings(part, &lines));
        }
    }
    let text = match options.format {
        Format::Json => configuration::json(&outcome.source, &outcome.failures, &understood),
        // An empty configuration would look like the result of a successful fetch.
        Format::Text if understood.is_empty() && outcome.is_failure() => String::new(),
        Format::Text => print::user_data(&understood),
    };
    if is_idle && !is_empty && !outcome.is_failure() {
        log::info!("{}: nothing to do", outcome.source);
    }
    write_stdout(outcome, &text);
    outcome.is_failure()
}
