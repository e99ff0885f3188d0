//! User-data: from bytes to parts, from those to plans.

use std::collections::BTreeSet;

use cloud_config::address_tokens::Addresses;
use cloud_config::diagnostic::{Finding, Span, rules};
use cloud_config::document::{self, Document};
use cloud_config::plan::{BaseFile, Facts, Item, Plan, facts_wanted};
use cloud_config::user_data::{self, Completeness, ContentKind, Part};

use super::{plan as plans, print, secrets, spans, tokens};

/// Bytes as user-data, each of its parts read and planned.
pub fn check(bytes: &[u8]) {
    let parts = user_data::split("user-data", bytes.to_vec());
    assert_eq!(parts, user_data::split("user-data", bytes.to_vec()));
    assert!(parts.len() <= user_data::PARTS_MAX);
    let text: usize = parts.iter().filter(|part| part.form != ContentKind::Multipart).map(|part| part.text.len()).sum();
    assert!(text <= user_data::USER_DATA_MAX);
    let (mut has_reason, mut left_out) = (false, false);
    for part in &parts {
        let plan = self::part(part, &Addresses::default()).1;
        has_reason |= plan.findings.iter().any(says_why);
        left_out |= part.extent != Completeness::Whole || !plan.refused.is_empty();
        if part.text.contains('$') {
            self::part(part, &tokens::some_addresses());
        }
    }
    assert!(has_reason || !left_out, "nothing says why something is left out");
}

/// A part, read and planned.
pub fn part(part: &Part, addresses: &Addresses) -> (Document, Plan) {
    // Places are those of the text as its author wrote it.
    let text = &part.text;
    assert!(part.complete_text().len() <= text.len());
    let document = document::read(part.clone(), addresses, false);
    let plan = document.plan(&Facts::default(), "set");
    assert_eq!(&document.part.text, text);
    for finding in &plan.findings {
        spans::finding(text, finding);
        let _ = finding.span.map(|span| document.parsed.path_at(span));
    }
    let places = plan.steps.iter().map(|planned| planned.span).chain(plan.refused.iter().map(|refused| refused.span));
    places.flatten().for_each(|span| spans::inside(text, span));
    access(text, &document);
    agreement(&document, &plan);
    plans::check(&plan);
    again(part, addresses, &document, &plan);
    facts(&document, &plan);
    print::check(&document, &plan);
    (document, plan)
}

/// Checks the access settings against the rules of sshd and the kernel.
fn access(text: &str, document: &Document) {
    document.access.keys.iter().for_each(|key| super::ssh::are_one_line(key));
    document.access.span.iter().for_each(|span| spans::inside(text, *span));
    if let Some((hostname, span)) = &document.access.hostname {
        spans::inside(text, *span);
        assert!((1..=64).contains(&hostname.name.len()));
    }
}

/// Returns true if something is left out because of the finding. A redacted secret is refused with a note:
/// `--print-config` put it there, and the document has no fault.
fn says_why(finding: &Finding) -> bool {
    finding.is_error() || finding.rule == &rules::REDACTED_SECRET
}

/// Checks that every refused item has an error with the reason, at its place; a broken document gives access settings
/// only.
fn agreement(document: &Document, plan: &Plan) {
    let (part, text) = (&document.part, &document.part.text);
    let has_reason = plan.findings.iter().any(says_why);
    assert_eq!(plan.is_partial(), has_reason || !plan.refused.is_empty());
    let rest = plan.refused.iter().any(|refused| matches!(refused.item, Item::Rest | Item::All));
    let is_left_out = match part.form {
        ContentKind::CloudConfig | ContentKind::Script => document.access_only,
        ContentKind::Unknown => true,
        // The multipart around it can have the reason.
        ContentKind::Unreadable => !part.findings.is_empty(),
        ContentKind::Ignition
        | ContentKind::Multipart
        | ContentKind::Empty
        | ContentKind::Skipped
        | ContentKind::Network => false,
    };
    assert_eq!(rest, is_left_out);
    if rest {
        assert!(plan.steps.is_empty() && plan.refused.len() == 1);
    }
    if part.extent != Completeness::Whole || plan.refused.iter().any(|refused| refused.item == Item::All) {
        // The reason may be a finding of the multipart.
        return;
    }
    assert!(has_reason || plan.refused.is_empty(), "nothing says why {:?} is refused", plan.refused);
    let errors: BTreeSet<_> = plan.findings.iter().filter(|finding| says_why(finding)).map(|f| f.span).collect();
    let inside = |item: Span| errors.iter().flatten().any(|span| item.start <= span.start && span.end <= item.end);
    // The fault may stand outside of its item.
    let is_outside = |finding: &Finding| [&rules::DETACHED_KEY, &rules::LOST_CONTENT].contains(&finding.rule);
    // Of an alias, the reason is where it is written out.
    if !text.contains('*') && !errors.contains(&None) && !plan.findings.iter().any(is_outside) {
        let unexplained = plan.refused.iter().find(|refused| !refused.span.is_none_or(inside));
        assert_eq!(unexplained, None, "nothing at its place says why it is refused");
    }
}

/// Checks that only the text, the addresses and the facts determine findings and plan, and that these show no secret.
fn again(part: &Part, addresses: &Addresses, document: &Document, plan: &Plan) {
    let second = document::read(part.clone(), addresses, false);
    assert_eq!(document.findings, second.findings);
    assert_eq!((document.access_only, &document.access.keys), (second.access_only, &second.access.keys));
    let plan_again = second.plan(&Facts::default(), "set");
    assert_eq!(
        (&plan.steps, &plan.refused, &plan.findings),
        (&plan_again.steps, &plan_again.refused, &plan_again.findings)
    );
    secrets::check(&second, &plan_again);
}

/// Checks that `--validate`, without facts of the machine, finds the same as a run on a machine.
fn facts(document: &Document, plan: &Plan) {
    let wanted = facts_wanted(&document.config);
    let file = BaseFile { content: b"GROUP=old\n# 127.0.0.1 x\nno end".to_vec(), mode: 0o644 };
    let files = wanted.into_iter().map(|path| (path, Ok(file.clone()))).collect();
    let here = document.plan(&Facts { hostname: "here".to_owned(), files, ..Facts::default() }, "set");
    assert_eq!((&here.findings, &here.refused), (&plan.findings, &plan.refused));
}
