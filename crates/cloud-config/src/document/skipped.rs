//! Removes findings that describe an effect of items which are not applied.

use std::collections::HashSet;

use crate::diagnostic::{Finding, Rule, Span, rules};
use crate::plan::{Item, Plan, SkippedRanges};

/// The rules, besides errors, whose findings about a skipped item are kept: they may explain why it is skipped.
const KEPT: [&Rule; 7] = [
    &rules::UNKNOWN_KEY,
    &rules::FOREIGN_KEY,
    &rules::MISPLACED_KEY,
    &rules::DUPLICATE_KEY,
    &rules::TWO_SPELLINGS,
    &rules::NOTHING_THERE,
    &rules::REDACTED_SECRET,
];

/// The rules of findings about a whole value: errors about a value that is not applied while its item is, and unusual
/// names. Findings about characters of such a value are omitted.
const OF_VALUES: [&Rule; 13] = [
    &rules::ODD_UNIT_NAME,
    &rules::ODD_USER_NAME,
    &rules::BAD_HOSTNAME,
    &rules::BAD_USER,
    &rules::BAD_GECOS,
    &rules::BAD_IMPORT,
    &rules::BAD_COMMAND,
    &rules::BAD_STRATEGY,
    &rules::BAD_ETC_HOSTS,
    &rules::BAD_TEXT,
    &rules::FOLDED_NAME,
    &rules::WRONG_TYPE,
    &rules::UNKNOWN_TAG,
];

/// The rules about items, other than errors, in a part of which at most the host name and SSH keys are applied.
const OF_ITEMS: [&Rule; 26] = [
    &rules::ODD_CHARACTER,
    &rules::DEPRECATED,
    &rules::OBSOLETE,
    &rules::SCRIPT_LINE_ENDS,
    &rules::ODD_INTERPRETER,
    &rules::LITERAL_ESCAPE,
    &rules::EXISTING_USER,
    &rules::ODD_USER_NAME,
    &rules::ODD_PASSWORD,
    &rules::EMPTY_PASSWORD,
    &rules::WEAK_HASH,
    &rules::ODD_UNIT_NAME,
    &rules::MOUNT_NAME,
    &rules::ODD_UNIT_LINE,
    &rules::ODD_UNIT_SECTION,
    &rules::NO_INSTALL,
    &rules::NO_DEFAULT_INSTANCE,
    &rules::BAD_UNIT_SETTING,
    &rules::MISSING_UNIT_SETTING,
    &rules::NO_EXEC_START,
    &rules::MASKED_UNIT,
    &rules::ODD_DROP_IN_NAME,
    &rules::ODD_STRATEGY,
    &rules::ODD_OPTION,
    &rules::ODD_DISCOVERY,
    &rules::DUPLICATE_ITEM,
];

/// Removes warnings and notes about items that are not applied because the part is broken.
pub(super) fn remove_of_rest(findings: &mut Vec<Finding>) {
    findings.retain(|finding| !OF_ITEMS.contains(&finding.rule));
}

/// Removes warnings and notes about values of skipped items, and findings about the text of values that are not applied
/// for another reason. The findings of `plan` are sorted.
///
/// `text` is the source text of the part.
pub(super) fn remove_claims(plan: &mut Plan, text: &str) {
    remove_of_items(plan);
    remove_of_keys(&mut plan.findings, text);
    remove_of_types(&mut plan.findings);
    remove_of_values(&mut plan.findings);
    remove_of_joined(&mut plan.findings);
}

fn remove_of_items(plan: &mut Plan) {
    // The keys of a skipped user can be set for another user.
    let detached = plan.findings.iter().filter(|finding| *finding.rule == rules::DETACHED_KEY);
    let detached: Vec<_> = detached.filter_map(|finding| Some(finding.span?.start)).collect();
    let gives_keys = |span: Span| {
        let next = detached.partition_point(|at| *at < span.start);
        detached.get(next).is_some_and(|at| *at < span.end)
    };
    let is_skipped = |item: &Item, span: Option<Span>| match item {
        Item::File(_) | Item::Unit(_) | Item::DropIn { .. } => span.is_some(),
        Item::User(_) => span.is_some_and(|span| !gives_keys(span)),
        Item::Command(_) | Item::Import(_) | Item::Section(_) | Item::Rest | Item::All => false,
    };
    let skipped = plan.refused.iter().filter(|refused| is_skipped(&refused.item, refused.span));
    let skipped = SkippedRanges::new(skipped.map(|refused| refused.span));
    plan.findings
        .retain(|finding| finding.is_error() || KEPT.contains(&finding.rule) || !skipped.contain(finding.span));
    let incomplete = plan.findings.iter().filter(|finding| *finding.rule == rules::INCOMPLETE_DROP_IN);
    let incomplete = SkippedRanges::new(incomplete.map(|finding| finding.span));
    plan.findings.retain(|finding| *finding.rule != rules::NOTHING_THERE || !incomplete.contain(finding.span));
}

/// Removes the findings that a key is deprecated or obsolete if its value, or the first item of the value, is not
/// applied.
fn remove_of_keys(findings: &mut Vec<Finding>, text: &str) {
    let is_refused = |finding: &Finding| finding.is_error() || *finding.rule == rules::REDACTED_SECRET;
    let errors = findings.iter().filter(|finding| is_refused(finding));
    let errors: Vec<_> = errors.filter_map(|finding| Some(finding.span?.start)).collect();
    findings.retain(|finding| {
        let is_old = [&rules::DEPRECATED, &rules::OBSOLETE].contains(&finding.rule);
        let Some(key) = finding.span.filter(|_| is_old) else { return true };
        let Some(at) = errors.get(errors.partition_point(|at| *at < key.end)) else { return true };
        let is_value = |c: char| c.is_whitespace() || matches!(c, ':' | '-' | '[' | '"' | '\'');
        text.get(key.end..*at).is_none_or(|between| !between.chars().all(is_value))
    });
}

/// Removes the findings that a value is converted to another type if the value is not applied.
fn remove_of_types(findings: &mut Vec<Finding>) {
    // A key that lacks its quotes is set anyway.
    let errors = findings.iter().filter(|finding| finding.is_error() && *finding.rule != rules::KEY_QUOTES);
    let errors: HashSet<_> = errors.filter_map(|finding| finding.span).collect();
    let of_types = [&rules::TEXT_FOR_LIST, &rules::QUOTED_BOOLEAN, &rules::QUOTED_NUMBER, &rules::YAML_TYPED_TEXT];
    let is_refused = |finding: &Finding| finding.span.is_some_and(|span| errors.contains(&span));
    findings.retain(|finding| !(of_types.contains(&finding.rule) && is_refused(finding)));
}

fn remove_of_values(findings: &mut Vec<Finding>) {
    let errors = findings.iter().filter(|finding| OF_VALUES.contains(&finding.rule));
    let errors: Vec<_> = errors.filter_map(|finding| finding.span).collect();
    let mut helps = Vec::new();
    findings.retain(|finding| {
        let Some(span) = finding.span.filter(|_| claims_effect(finding)) else { return true };
        let before = errors.partition_point(|error| error.start <= span.start);
        let error = before.checked_sub(1).map(|last| errors[last]).filter(|error| error.end >= span.end);
        let has_remedy = [&rules::TEMPLATE, &rules::UNKNOWN_TOKEN, &rules::LITERAL_TOKEN].contains(&finding.rule);
        if let Some(error) = error.filter(|_| has_remedy) {
            helps.push((error, finding.help.clone()));
        }
        error.is_none()
    });
    for (span, help) in helps {
        let at = findings.partition_point(|finding| finding.span < Some(span));
        let errors = findings[at..].iter_mut().take_while(|finding| finding.span == Some(span));
        // A value of the wrong type has its own help. Within a whole section, a template expression may not be the
        // reason.
        let errors = errors.filter(|finding| OF_VALUES.contains(&finding.rule) && *finding.rule != rules::WRONG_TYPE);
        errors.for_each(|finding| finding.help.clone_from(&help));
    }
}

/// Removes the warnings that a string is read as a list with one item, if several SSH keys are found in the string.
fn remove_of_joined(findings: &mut Vec<Finding>) {
    let joined = findings.iter().filter(|finding| *finding.rule == rules::JOINED_KEYS);
    let joined: Vec<_> = joined.filter_map(|finding| Some(finding.span?.start)).collect();
    findings.retain(|finding| {
        let Some(span) = finding.span.filter(|_| *finding.rule == rules::TEXT_FOR_LIST) else { return true };
        let next = joined.partition_point(|at| *at < span.start);
        joined.get(next).is_none_or(|at| *at >= span.end)
    });
}

/// Returns true for a finding that would be wrong or superfluous about a value that is not applied.
fn claims_effect(finding: &Finding) -> bool {
    let claims = [
        &rules::TEMPLATE,
        &rules::UNKNOWN_TOKEN,
        &rules::LITERAL_TOKEN,
        &rules::BAD_KEY,
        &rules::ODD_CHARACTER,
        &rules::LITERAL_ESCAPE,
    ];
    claims.contains(&finding.rule)
}

#[cfg(test)]
mod tests {
    use crate::address_tokens::Addresses;
    use crate::plan::Facts;
    use crate::{document, user_data};

    /// Returns the rules of the findings in `text`, and the helps about templates.
    fn found(text: &str) -> Vec<String> {
        let part = user_data::split("x", format!("#cloud-config\n{text}").into_bytes()).remove(0);
        let plan = document::read(part, &Addresses::default(), false).plan(&Facts::default(), "set");
        let help = |help: Option<String>| help.filter(|help| help.contains("template")).map_or("", |_| " (template)");
        plan.findings.into_iter().map(|finding| format!("{}{}", finding.rule.id, help(finding.help))).collect()
    }

    #[test]
    fn a_skipped_item_has_no_warnings_about_its_values() {
        for (text, rules) in [
            ("write_files:\n- path: /dev/x\n  permissions: '0777'\n  content: ${x}\n", &["odd-path"][..]),
            ("write_files:\n- path: /dev/x\n  content: a\n  frobnicate: b\n", &["odd-path", "unknown-key"]),
            ("write_files:\n- path: /dev/x\n  owner: 'a b'\n  permissions: '0777'\n", &["odd-path"]),
            (
                "write_files:\n- path: /etc/x\n  owner: 'a b'\n  permissions: abc\n  content: a\n",
                &["bad-owner", "bad-permissions"],
            ),
            (
                "coreos:\n  units:\n  - name: a/b.service\n    content: |\n      [Servic]\n      foo\n",
                &["bad-unit-name"],
            ),
            (
                "coreos:\n  units:\n  - name: a.service\n    drop_ins:\n    - name: a/b.conf\n      content: |\n        foo\n    - name: b.conf\n      content: |\n        foo\n",
                &["bad-drop-in-name", "odd-unit-line"],
            ),
            ("users:\n- name: 'a:b'\n  shell: ${x}\n  passwd: nonsense\n", &["bad-user"]),
        ] {
            assert_eq!(found(text), rules, "{text}");
        }
    }

    #[test]
    fn keys_of_a_skipped_user_that_another_gets_keep_their_warnings() {
        let key = "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAgQC5rruR3BpqBXVk5FrYNpMCTvJMoGebplWw1h+w3JXL/QYk8RKku1d/PUbV3XPLx6RFUlNiyIJIiEdQZCm5lG5E+WGJ7QUiSEH0cVAsUkV6/qh6nvDCbPteq6gpcoVquUWLHY6NOS8Kiom/t9MAeQeoR3LzYn+sia3pZBKd7mm+vw== a";
        let text = format!("users:\n- name: ada\n- ssh_authorized_keys:\n  - {key}\n");
        assert_eq!(found(&text), ["detached-key", "weak-ssh-key"]);
    }

    #[test]
    fn keys_that_yaml_joins_are_not_one_item() {
        let key =
            |end| format!("  ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDhmj/882riP+2GKg9KPw4z7LbUf+UALTw+cO/+L/PM{end}\n");
        assert_eq!(found(&format!("ssh_authorized_keys:\n{}{}", key('K'), key('L'))), ["joined-keys"]);
        assert_eq!(found(&format!("ssh_authorized_keys:\n{}", key('K'))), ["text-for-list"]);
    }

    #[test]
    fn a_broken_part_has_no_warnings_about_its_items() {
        let units = "coreos:\n  units:\n  - name: a.service\n    content: |\n      foo\n";
        let users = "users:\n- name: Ada\n  passwd: ''\n  gecos: a\u{a0}b\n  shell: /bin/${x}\n";
        let key = "ssh_authorized_keys:\n- ssh-dss AAAAB3NzaC1kc3MAAACBAO\n";
        let whole = found(&format!("{units}{users}{key}"));
        assert_eq!(whole.len(), 6, "{whole:?}");
        let broken = found(&format!("{units}{users}{key}b: [\n"));
        assert_eq!(broken, ["template (template)", "no-valid-key", "syntax"]);
        assert_eq!(found("\u{0}"), ["syntax"]);
    }

    #[test]
    fn a_value_that_is_not_applied_is_not_applied_anyway() {
        for (text, rules) in [
            ("hostname: ${X}\n", &["bad-hostname (template)"][..]),
            ("hostname: {{ x }}\n", &["wrong-type (template)"]),
            ("users:\n- name: a\n  shell: ${x}\n", &["bad-user (template)"]),
            ("users:\n- name: a\n  shell: /bin/${x}\n", &["template (template)"]),
            ("coreos:\n  units:\n  - name: a.service\n    command: ${x}\n", &["bad-command (template)"]),
            ("coreos:\n  update:\n    reboot_strategy: ${x}\n", &["bad-strategy (template)"]),
        ] {
            assert_eq!(found(text), rules, "{text}");
        }
    }
}
