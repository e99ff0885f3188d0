//! Corrects the consequences in messages once it is known how much of the document is applied.

use std::collections::HashSet;

use crate::address_tokens::Address;
use crate::config::CloudConfig;
use crate::diagnostic::{Finding, SEPARATE_USER, Span, rules};
use crate::plan::{self, Access, CORE};
use crate::yaml::by_line::ByLine;

/// The largest number of bytes after the start of a finding that are searched for its key.
const SEARCHED_MAX: usize = 8192;

/// Corrects the findings of a document of which only `keys`, the SSH keys of `core`, are set.
pub(super) fn correct_key_claims(findings: &mut [Finding], text: &str, keys: &[String]) {
    let set: HashSet<_> = keys.iter().filter_map(|key| key_body(key)).collect();
    for finding in findings {
        let key = finding.span.and_then(|span| key_body(lines_at(text, span)));
        match key {
            Some(key) if set.contains(key) => {}
            Some(_) => finding.replace_key_claim("not set"),
            None => {
                finding.replace_key_claim("only SSH keys of core are set");
                if *finding.rule == rules::TEMPLATE
                    && let Some(problem) = finding.message.strip_suffix("applied anyway")
                {
                    finding.message = format!("{problem}not applied");
                }
            }
        }
    }
}

/// The consequence in findings that are made before it is known what the document contains.
const ACCESS: &str = "only the host name and SSH keys are applied";

/// Corrects the consequence in the findings about a broken document to what is applied of it, `access`. The first
/// finding also lists the users that are not applied: those in `config`, and those after the fault, in `by_line`.
pub(super) fn name_access(findings: &mut [Finding], access: &Access, config: &CloudConfig, by_line: Option<&ByLine>) {
    let mut users = Some(lost_users(&lost(config, by_line))).filter(|_| !access.is_empty());
    let consequence = match (&access.hostname, access.keys.is_empty()) {
        (Some(_), false) => ACCESS,
        (Some(_), true) => "only the host name is applied",
        (None, false) => "only SSH keys are applied",
        (None, true) => "document not applied",
    };
    let about_it = [
        &rules::SYNTAX,
        &rules::LIMIT,
        &rules::NOT_UTF8,
        &rules::BAD_PART,
        &rules::MISSING_SPACE,
        &rules::LOOKALIKE_CHARACTER,
        &rules::BAD_HEADER,
    ];
    for finding in findings.iter_mut().filter(|finding| about_it.contains(&finding.rule)) {
        if let Some(problem) = finding.message.strip_suffix(ACCESS) {
            finding.message = format!("{problem}{consequence}");
        } else if *finding.rule == rules::SYNTAX {
            finding.message = format!("invalid YAML: {}; {consequence}", finding.message);
        } else if *finding.rule == rules::LIMIT {
            finding.message = format!("limit exceeded: {}; {consequence}", finding.message);
        } else {
            continue;
        }
        finding.message.push_str(&users.take().unwrap_or_default());
    }
}

/// Returns the users of a document of which only access is applied, without duplicates, and without a parsed `core`.
fn lost(config: &CloudConfig, by_line: Option<&ByLine>) -> Vec<String> {
    let read = config.users.iter().filter_map(|user| user.get()?.name.filled());
    let read: Vec<_> = read.filter(|name| plan::is_user_name(name)).collect();
    let behind = by_line.iter().flat_map(|found| &found.users).map(String::as_str);
    let mut known: HashSet<_> = read.iter().copied().filter(|name| *name == CORE).collect();
    read.iter().copied().chain(behind).filter(|name| known.insert(*name)).map(str::to_owned).collect()
}

/// The largest number of users that a finding lists.
const NAMES_MAX: usize = 5;

/// The beginning of the text about users that are not applied.
const USERS: &str = "; user";

/// Formats the text about `users`, which are not applied; empty without users.
fn lost_users(users: &[String]) -> String {
    match users {
        [] => String::new(),
        [name] => format!("{USERS} {name} is not applied"),
        [names @ .., last] if users.len() <= NAMES_MAX => {
            format!("{USERS}s {} and {last} are not applied", names.join(", "))
        }
        _ => {
            let others = users.len() - NAMES_MAX;
            format!("{USERS}s {} and {others} more are not applied", users[..NAMES_MAX].join(", "))
        }
    }
}

/// Corrects the findings of a part that `--strict` rejects.
pub(crate) fn correct_rejected(findings: &mut [Finding]) {
    let claims = [
        ACCESS,
        "only the host name is applied",
        "only SSH keys are applied",
        "only SSH keys of core are set",
        SEPARATE_USER,
        "applied anyway",
    ];
    for finding in findings {
        finding.replace_key_claim("not applied");
        let problem = claims.iter().find_map(|claim| {
            let (problem, rest) = finding.message.split_once(claim)?;
            (rest.is_empty() || rest.starts_with(USERS) || rest.starts_with(", ")).then_some(problem)
        });
        if let Some(problem) = problem.map(str::to_owned) {
            finding.message = format!("{problem}not applied");
        }
    }
}

/// Returns the text from the start of `span` to the end of its last line.
fn lines_at(text: &str, span: Span) -> &str {
    let end = (span.start + SEARCHED_MAX).min(text.len());
    let found = text.as_bytes().get(span.start..end).unwrap_or_default();
    let length = span.end.saturating_sub(span.start).min(found.len());
    let rest = found[length..].iter().position(|byte| *byte == b'\n').unwrap_or(found.len() - length);
    text.get(span.start..span.start + length + rest).unwrap_or_default()
}

/// Returns the body of the first SSH key in `text`.
fn key_body(text: &str) -> Option<&str> {
    let mut words = text.split(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '+' | '/'));
    words.find(|word| word.starts_with("AAAA") && word.len() > 20)
}

/// Adds the unknown address token in an invalid value to the error about the value: without the address, the value
/// differs from its source text.
pub(super) fn name_unknown_tokens(findings: &mut [Finding], text: &str) {
    let unknown = findings.iter().filter(|finding| *finding.rule == rules::UNKNOWN_ADDRESS);
    let unknown: Vec<Span> = unknown.filter_map(|finding| finding.span).collect();
    for finding in findings.iter_mut().filter(|finding| finding.is_error()) {
        let Some(span) = finding.span else { continue };
        let next = unknown.partition_point(|token| token.start < span.start);
        let inside = unknown.get(next).filter(|token| token.end <= span.end);
        // The span of a value begins after a token at its start.
        let before = next.checked_sub(1).map(|last| &unknown[last]).filter(|token| token.end == span.start);
        let token = inside.or(before).and_then(|token| text.get(token.start..token.end));
        // If the span is a whole item, the token may not be related to the error.
        if let Some(token) = token.filter(|_| !text[span.start..span.end].contains('\n')) {
            let cause = format!("because {token} has no known address");
            if *finding.rule == rules::BAD_PATH
                && let Some(address) = Address::ALL.iter().find(|address| token.get(1..) == Some(address.token()))
            {
                finding.help = Some(format!("set {}, or write the address", address.variable()));
            }
            finding.message = match finding.message.rsplit_once("; ") {
                Some((problem, consequence)) => format!("{problem}, {cause}; {consequence}"),
                None => format!("{}, {cause}", finding.message),
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::address_tokens::Addresses;
    use crate::plan::Facts;
    use crate::{document, user_data};

    const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDhmj/882riP+2GKg9KPw4z7LbUf+UALTw+cO/+L/PMK";
    const OTHER: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDhmj/882riP+2GKg9KPw4z7LbUf+UALTw+cO/+L/PML";

    /// Returns the errors of the rule `rule` in `text`.
    fn errors(rule: &str, text: &str) -> Vec<String> {
        let text = format!("#cloud-config\n{}", text.replace("KEY", KEY).replace("OTHER", OTHER));
        let part = user_data::split("x", text.into_bytes()).remove(0);
        let plan = document::read(part, &Addresses::default(), false).plan(&Facts::default(), "set");
        let findings = plan.findings.into_iter().filter(|finding| finding.rule.id == rule);
        findings.map(|finding| finding.message).collect()
    }

    #[test]
    fn users_of_a_broken_document_are_named() {
        let fault = "write_files:\n- path: /etc/a\n   content: x\n";
        let users = "users:\n- name: ada\n- name: bob\n";
        for (text, end) in [
            (
                format!("hostname: n1\n{users}{fault}"),
                "only the host name is applied; users ada and bob are not applied",
            ),
            (
                format!("hostname: n1\n{fault}{users}"),
                "only the host name is applied; users ada and bob are not applied",
            ),
            (format!("{fault}users:\n- name: ada\n"), "document not applied"),
            (
                format!("{fault}hostname: n1\nusers:\n- name: ada\n- name: core\n"),
                "only the host name is applied; users ada and core are not applied",
            ),
            (
                format!("hostname: n1\nusers:\n- name: ada\n- name: core\n{fault}"),
                "only the host name is applied; user ada is not applied",
            ),
            (format!("hostname: n1\n{fault}b: [\n{users}"), "; only the host name is applied"),
        ] {
            let errors = errors("syntax", &text);
            assert!(errors.len() == 1 && errors[0].ends_with(end), "{text}{errors:?}");
        }
    }

    #[test]
    fn a_broken_document_claims_no_key_that_it_does_not_set() {
        let user = |item: &str| format!("users:\n- name: ada\n  ssh_authorized_keys:\n{item}");
        let core = |item: &str| format!("ssh_authorized_keys:\n{item}");
        for (rule, item) in [
            ("bad-key-options", "  - no-ptty KEY\n"),
            ("bad-key-options", "  - restrict,foo KEY\n"),
            ("bad-key-options", "  - laptop KEY\n"),
            ("key-quotes", "  - \"KEY\" a\n"),
            ("key-quotes", "  - KEY a: b\n"),
            ("missing-space", "  - OTHER\n  -KEY\n"),
            ("joined-keys", "  - OTHER a\n    KEY b\n"),
            ("lookalike-character", "  - \u{201c}KEY a\u{201d}\n"),
        ] {
            for (text, is_set) in [(user(item), false), (core(item), true)] {
                let whole = errors(rule, &text);
                assert!(whole.len() == 1 && whole[0].contains(" set"), "{text}{whole:?}");
                let broken = errors(rule, &format!("{text}b: [\n"));
                assert_eq!(broken.len(), 1, "{text}{broken:?}");
                assert_eq!(broken == whole, is_set, "{text}{broken:?}");
                assert!(is_set || broken[0].ends_with("; not set"), "{text}{broken:?}");
            }
        }
        let detached = "users:\n- name: ada\n- ssh_authorized_keys:\n  - KEY\n";
        assert!(errors("detached-key", detached)[0].ends_with("rest of this item not applied"));
    }

    #[test]
    fn an_error_of_syntax_names_what_is_applied() {
        for (access, consequence) in [
            ("", "document not applied"),
            ("users: []\n", "document not applied"),
            ("hostname: n1\n", "only the host name is applied"),
            ("ssh_authorized_keys: [KEY]\n", "only SSH keys are applied"),
            ("hostname: n1\nssh_authorized_keys:\n- KEY\n", "only the host name and SSH keys are applied"),
        ] {
            for broken in ["write_files: ]\n", "write_files:\n- content:\n   [a]\n   b\n"] {
                let found = errors("syntax", &format!("{broken}{access}"));
                assert!(found.len() == 1 && found[0].ends_with(&format!("; {consequence}")), "{found:?}");
            }
        }
    }

    #[test]
    fn an_unknown_address_is_named_before_the_consequence() {
        let text = "write_files:\n- path: /etc/../../$private_ipv4/..\n  content: a\n";
        let found = errors("bad-path", text);
        assert!(
            !found.is_empty() && found[0].contains(", because $private_ipv4 has no known address; file skipped"),
            "{found:?}"
        );
    }

    #[test]
    fn the_help_for_an_unknown_address_in_a_path_is_its_variable() {
        let text = "#cloud-config\nwrite_files:\n- path: /etc/$private_ipv4\n  content: a\n";
        let part = user_data::split("x", text.into()).remove(0);
        let plan = document::read(part, &Addresses::default(), false).plan(&Facts::default(), "set");
        let help =
            plan.findings.iter().find(|finding| finding.rule.id == "bad-path").and_then(|found| found.help.as_deref());
        assert_eq!(help, Some("set COREOS_PRIVATE_IPV4, or write the address"));
    }
}
