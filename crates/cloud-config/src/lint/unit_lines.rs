//! Lines of unit files that systemd ignores or rejects (docs/cloud-config.md#coreosunits). Only their numbers are
//! reported.

use super::lines::Block;
use super::sections::Sections;
use super::unit_file::{Survey, UnitLines};
use super::unit_keys;
use crate::diagnostic::{Finding, Rule, Span, rules};

/// The fault of lines before the first section.
pub(super) const OUTSIDE: &str = "before the first section";

/// Reports the lines of `what`, whose text is at `span` of the part `text`.
pub(super) fn report(
    what: &str,
    sections: Sections,
    survey: &Survey<'_>,
    text: &str,
    span: Option<Span>,
    findings: &mut Vec<Finding>,
) {
    let block = Block::new(text, span);
    let helps = survey.unknown_keys.iter().filter_map(|unknown| {
        let (section, key, line) = *unknown;
        Some((section, key, line, unit_keys::help(sections, section, key)?))
    });
    findings.extend(helps.map(|(section, key, line, help)| {
        let message = format!("line {line} of {what}: unknown key {key}= in [{section}]; line ignored by systemd");
        block.finding(&rules::ODD_UNIT_LINE, line, message).help(help)
    }));
    if survey.is_clean() {
        return;
    }
    let mut report = |rule: &'static Rule, lines: UnitLines, fault: &str, help: String| {
        if lines.count > 0 {
            let more = match lines.count {
                1 => String::new(),
                count => format!(" (and {} more)", count - 1),
            };
            let message = format!("line {} of {what}{more}: {fault}", lines.first);
            findings.push(block.finding(rule, lines.first, message).help(help));
        }
    };
    report(
        &rules::ODD_UNIT_LINE,
        survey.outside,
        &format!("{OUTSIDE}; line ignored by systemd"),
        "begin with a section such as [Unit]".to_owned(),
    );
    let help = match survey.unopened {
        Some(name) => format!("write [{name}]: its opening bracket is missing"),
        None if survey.broken_continuation => {
            "remove the spaces after the backslash above: a backslash continues a line only at its end".to_owned()
        }
        None => "write a section in brackets, KEY=value, or a comment that begins with # or ;".to_owned(),
    };
    let fault = "neither a section nor an assignment; line ignored by systemd";
    report(&rules::ODD_UNIT_LINE, survey.odd, fault, help);
    let (fault, help) = unclosed(sections, survey);
    report(&rules::ODD_UNIT_LINE, survey.unclosed, &format!("{fault}; systemd refuses the file"), help);
    let name = survey.unknown_name;
    // The name in the brackets may be any text, so it is not printed.
    let fault = "unknown section for this type of unit; section ignored by systemd";
    report(&rules::ODD_UNIT_SECTION, survey.unknown, fault, sections.help(name));
}

/// Describes the fault of the first section line without a closing bracket, and the remedy.
fn unclosed(sections: Sections, survey: &Survey<'_>) -> (String, String) {
    let (name, behind) = survey
        .unclosed_name
        .split_once(']')
        .map_or((survey.unclosed_name, None), |(name, behind)| (name, Some(behind)));
    let name = Some(name.trim()).filter(|name| sections.know(name));
    let help = format!("write the section on a line of its own, such as [{}]", name.unwrap_or("Unit"));
    match (&survey.unclosed_by, name, behind) {
        (Some(character), ..) => (format!("begins with [ and has {character} after the ]"), help),
        (None, _, Some(_)) => ("begins with [ and has text after the ]".to_owned(), help),
        (None, Some(name), None) => (format!("section {name} without its closing bracket"), format!("write [{name}]")),
        (None, None, None) => ("begins with [ and does not end with ]".to_owned(), help),
    }
}

#[cfg(test)]
mod tests {
    use crate::address_tokens::Addresses;
    use crate::plan::Facts;
    use crate::{document, user_data};

    #[test]
    fn findings_of_one_line_are_in_the_order_of_the_content() {
        let content =
            "foo\\n[Unit]\\nWants=a b/c\\nbar\\nAfer=b\\n[Servic]\\n[Service]\\nExecStart=/a\\nType=b\\nExecStrat=c\\n";
        let text = format!("#cloud-config\ncoreos: {{units: [{{name: a.service, content: \"{content}\"}}]}}\n");
        let part = user_data::split("x", text.into_bytes()).remove(0);
        let plan = document::read(part, &Addresses::default(), false).plan(&Facts::default(), "set");
        let lines: Vec<_> = plan.findings.iter().filter_map(|found| found.message.strip_prefix("line ")).collect();
        let lines: Vec<usize> = lines.iter().map(|line| line.split(' ').next().unwrap().parse().unwrap()).collect();
        assert_eq!(lines, [1, 3, 4, 5, 6, 9, 10]);
    }
}
