//! `--validate`: reports the faults of the user-data that can be found without a run.

use super::facts::read_only;
use super::gather::find;
use super::{RunContext, setup, stopped, write_stdout};
use crate::cli::Options;
use crate::deadline::Deadline;
use crate::host::Host;
use crate::outcome::Outcome;
use crate::report::Screen;
use crate::report::check::{self, Checked};
use cloud_config::diagnostic::{Severity, rules};
use cloud_config::plan::Facts;
use cloud_config::run_plan::{PartPlan, report_later_hostnames};

/// Reports the findings of the user-data. Returns true if one of them is more than a note.
pub(super) fn validate(options: &Options, context: &RunContext<'_>, deadline: Deadline, outcome: &mut Outcome) -> bool {
    let mut found = find(options, context, deadline, outcome);
    let network = found.network.take();
    let documents = found.read(options, context, deadline, outcome).documents;
    // A missing root directory is not a fault of the configuration, so it is not reported.
    let host = Host::open(setup(options, context, deadline)).ok();
    let mut parts = Vec::new();
    for document in network.into_iter().chain(documents) {
        let read_only = host.as_ref().map(|host| read_only(&document, host)).unwrap_or_default();
        let plan = document.plan(&Facts { read_only, ..Facts::default() }, &options.key_set);
        // With `--strict`, a run rejects the part, so findings must not say that an item is applied.
        parts.push(PartPlan::new(document, plan, options.policy()));
    }
    report_later_hostnames(&mut parts);
    let checked: Vec<_> = parts
        .into_iter()
        .map(|PartPlan { document, plan, .. }| {
            let mut findings = plan.findings;
            // The addresses known here differ from those of the machine that will run the configuration.
            findings.retain(|finding| finding.rule != &rules::UNKNOWN_ADDRESS);
            Checked { document, findings }
        })
        .collect();
    stopped(context, outcome);
    let screen = Screen::of_stdout(context.variable);
    write_stdout(outcome, &check::print(&outcome.source, &outcome.failures, &checked, options.format, screen));
    let found = checked.iter().flat_map(|part| &part.findings).any(|finding| finding.severity() > Severity::Note);
    found || !outcome.failures.is_empty()
}
