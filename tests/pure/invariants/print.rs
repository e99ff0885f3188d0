//! The printed configuration is user-data again, with the same meaning.

use cloud_config::document::{self, Document};
use cloud_config::plan::{Facts, Plan, Step};
use cloud_config::print::{Secrets, Understood, user_data};
use cloud_config::{address_tokens, user_data};

use super::secrets::{CANARY, part_says};

/// Checks the output of `--print-config` for a part.
pub fn check(document: &Document, plan: &Plan) {
    let print = |document: &Document, plan: &Plan, secrets| user_data(&[Understood::new(document, plan, secrets)]);
    let redacted = print(document, plan, Secrets::Redacted);
    // Public keys, options and the like are part of the configuration, and printed.
    let is_hidden = !part_says(document, &|key| !matches!(key, "content" | "passwd" | "etcd_password"));
    // Access to the machine is also read from a document whose tree ends at an error.
    let is_access = document.access.keys.iter().any(|key| key.contains(CANARY))
        || document.access.hostname.as_ref().is_some_and(|(host, _)| host.name.contains(CANARY));
    assert!(!is_hidden || is_access || !redacted.contains(CANARY), "this shows a secret: {redacted}");
    let text = print(document, plan, Secrets::Shown);
    let again = user_data::split("printed", text.clone().into_bytes());
    let [part] = again.as_slice() else { panic!("{text}") };
    let second = document::read(part.clone(), &address_tokens::Addresses::default(), false);
    let second_plan = second.plan(&Facts::default(), "set");
    // A redacted secret that was read is printed as it was, and refused again.
    assert!(
        !second.access_only && second_plan.refused.iter().all(|refused| refused.redacted),
        "{text}\n{:?}",
        second_plan.findings
    );
    same_steps(plan, &second_plan, &text);
    assert_eq!(document.access.keys, second.access.keys, "{text}");
    let name = |document: &Document| document.access.hostname.as_ref().map(|(name, _)| name.clone());
    assert_eq!(name(document), name(&second), "{text}");
    assert_eq!(text, print(&second, &second_plan, Secrets::Shown));
}

/// Checks that the second plan does the same as the first one. Steps that need a refused item are planned there, and
/// left out during the run.
fn same_steps(first: &Plan, second: &Plan, text: &str) {
    let steps = |plan: &Plan| plan.steps.iter().map(|planned| planned.step.clone()).collect::<Vec<_>>();
    let (first_steps, second_steps) = (steps(first), steps(second));
    if first.refused.is_empty() {
        assert_eq!(first_steps, second_steps, "{text}");
    }
    let is_reload = |step: &Step| matches!(step, Step::ReloadDaemon(_));
    let new = second_steps.iter().find(|step| !is_reload(step) && !first_steps.contains(step));
    assert_eq!(new, None, "{text}");
}
