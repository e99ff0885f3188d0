//! Names on several lines. The text after the first line is usually a value that lost its key.

use super::CloudConfig;
use super::fields::WrongType;
use crate::diagnostic::{Finding, Span, rules};
use crate::yaml::Field;

/// Removes names and paths on several lines without quotes. Each gets a finding.
///
/// YAML joins the lines into one string. Without `content: |`, the content of a file would become part of its name,
/// which every user can read. `text` is the source text of the part.
pub fn refuse_folded(config: &mut CloudConfig, text: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    config.each_text_mut(|mapping, row, field| {
        let skipped = (row.wrong_type == WrongType::ItemSkipped).then_some(mapping.item);
        findings.extend(row.one_line.and_then(|words| refuse(field, words, skipped, text)));
    });
    findings
}

/// Removes the value of `field`, called `what` in the message. `skipped` is the item that is skipped because of that.
fn refuse(field: &mut Field<String>, what: &str, skipped: Option<&str>, text: &str) -> Option<Finding> {
    // YAML joins lines with a blank. Most names have neither a blank nor a line break, so this check comes first.
    field.filled().filter(|name| name.contains([' ', '\n']))?;
    let span = field.span?;
    let written = text.get(span.start..span.end)?.trim_end();
    let first = written.find('\n')?;
    if written.starts_with(['"', '\'', '|', '>', '&', '*', '!']) {
        return None;
    }
    field.value = None;
    field.bad = true;
    let consequence = skipped.map_or_else(|| "not applied".to_owned(), |item| format!("{item} skipped"));
    let message = format!("{what} spans several lines; {consequence}");
    let span = Some(Span::new(span.start, span.start + written[..first].trim_end().len()));
    let help =
        "add the missing key on the next line, such as `content: |`, or write the value on one line or in quotes";
    Some(Finding::new(&rules::FOLDED_NAME, span, message).help(help))
}

#[cfg(test)]
mod tests {
    use crate::address_tokens::Addresses;
    use crate::{document, user_data};

    #[test]
    fn a_value_without_its_key_does_not_become_a_name() {
        for lines in [
            "write_files:\n- path: /etc/x\n    hunter2\n  permissions: '0600'\n- path: /etc/y\n",
            "write_files:\n- path: /etc/y\n- path: /etc/x\n  owner: root\n    hunter2\n",
            "users:\n- name: mary\n    hunter2\n- name: john\n",
            "users:\n- name: mary\n  groups: [a,\n    b\n    hunter2]\n",
            "coreos:\n  units:\n  - name: a.service\n     hunter2\n",
            "coreos:\n  units:\n  - name: a.service\n    drop_ins:\n    - name: a.conf\n       hunter2\n      content: x\n",
            "hostname: web-1\n hunter2\n",
        ] {
            let text = format!("#cloud-config\n{lines}");
            let part = user_data::split("x", text.clone().into_bytes()).remove(0);
            let document = document::read(part, &Addresses::default(), false);
            let plan = document.plan(&crate::plan::Facts::default(), "set");
            let findings: Vec<_> =
                document.findings.iter().chain(&plan.findings).map(|found| format!("{found:?}")).collect();
            let found = document.findings.iter().find(|found| found.rule.id == "folded-name");
            let span = found.and_then(|found| found.span).unwrap_or_else(|| panic!("{lines}{findings:#?}"));
            assert!(!text[span.start..span.end].contains(['\n', '2']), "{lines}");
            let steps: Vec<_> = plan.steps.iter().map(|planned| planned.step.to_string()).collect();
            let refused: Vec<_> = plan.refused.iter().map(|refused| refused.item.to_string()).collect();
            assert!(
                !format!("{findings:?}{steps:?}{refused:?}").contains("hunter2"),
                "{findings:#?}{steps:#?}{refused:#?}"
            );
            // A missing group only removes that group.
            assert!(!refused.is_empty() || lines.starts_with("hostname") || lines.contains("groups"), "{lines}");
        }
    }

    #[test]
    fn what_is_on_one_line_or_in_quotes_stays() {
        let text = "#cloud-config\nwrite_files:\n- path: /etc/a b\n- path: \"/etc/c\\\n    d\"\n- path: >-\n    /etc/e\n    f\n- path: /etc/g   # words\n\n";
        let part = user_data::split("x", text.as_bytes().to_vec()).remove(0);
        let document = document::read(part, &Addresses::default(), false);
        assert!(document.findings.iter().all(|found| found.rule.id != "folded-name"), "{:?}", document.findings);
    }
}
