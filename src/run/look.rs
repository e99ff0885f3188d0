//! Runs that only look: the rehearsal and the check.

use super::gather::gather;
use super::prepare::prepare;
use super::{Surroundings, fail, setup, told};
use crate::cli::Options;
use crate::deadline::Deadline;
use crate::finding::rules;
use crate::host::machine::Host;
use crate::outcome::{LocatedFinding, Outcome};
use crate::plan::{Facts, Planned, Step};
use crate::rehearse;
use crate::text::Lines;

/// Prints the plan and changes nothing; the answer is whether a run would fail for sure.
pub(super) fn rehearse_all(
    options: &Options,
    surroundings: &Surroundings<'_>,
    deadline: Deadline,
    outcome: &mut Outcome,
) -> bool {
    let (readings, addresses) = gather(options, surroundings, outcome);
    let host = match Host::open(setup(options, surroundings, deadline)) {
        Ok(host) => host,
        Err(error) => {
            fail(outcome, format!("{error:#}"));
            return true;
        }
    };
    let (before, prepared) = prepare(readings, &addresses, options, &host);
    let writes_environment = prepared.iter().any(|part| !part.is_barred(options) && part.writes_environment());
    let mut access: Vec<_> = before.hostname.into_iter().chain(before.keys).map(|asked| asked.planned).collect();
    if !writes_environment {
        let merge = |environment| Planned { step: Step::MergeEnvironment(environment), span: None };
        access.extend(before.environment.map(merge));
    }
    let mut rehearsal = rehearse::Rehearsal::new(&host);
    for part in prepared.iter().filter(|part| !part.is_barred(options)) {
        rehearsal.expect_users(&part.plan.steps);
    }
    rehearsal.access(&access);
    for part in &prepared {
        let lines = Lines::new(part.reading.part.text.as_bytes());
        let told = told(&part.reading, &part.plan, &lines);
        let steps = if part.is_barred(options) || part.reading.broken { &[][..] } else { &part.plan.steps };
        rehearsal.part(&part.reading.part.name, part.reading.part.form, steps, &told, &lines);
        outcome.parts.push(told);
    }
    rehearsal.print(options.format, &outcome.failures);
    outcome.is_failure()
}

/// Reports what is wrong with the user-data; the answer is whether anything but notes is.
pub(super) fn validate(options: &Options, surroundings: &Surroundings<'_>, outcome: &mut Outcome) -> bool {
    let (readings, _) = gather(options, surroundings, outcome);
    let mut failed = !outcome.failures.is_empty();
    let mut reports = Vec::new();
    for reading in readings {
        let lines = Lines::new(reading.part.text.as_bytes());
        let mut plan = reading.plan(&Facts::default(), &options.key_set);
        // Which addresses are known here says nothing of where the configuration will run.
        plan.findings.retain(|finding| finding.rule != &rules::UNKNOWN_ADDRESS);
        plan.findings.sort_by_key(|finding| finding.span);
        let findings: Vec<_> = plan.findings.iter().map(|finding| LocatedFinding::new(finding, &lines)).collect();
        failed |= findings.iter().any(|finding| finding.severity > crate::finding::Severity::Note);
        reports.push((reading.part.name.clone(), reading.part.form, findings));
    }
    rehearse::print_findings(options.format, &reports, &outcome.failures);
    failed
}
