//! A case as written in a file.
//!
//! ```text
//! === name of the case
//! the description
//! --- units
//! >> NAME OF A FILE
//! its text
//! --- needs
//! interfaces to take down, and modules with their options
//! --- findings
//! severity, rule, line:column, message (help)
//! ```

use std::fmt::Write as _;

use cloud_config::network::Conversion;
use cloud_config::text::Lines;

/// A description, and its expected result.
pub struct Case {
    /// The name of the case.
    pub name: String,
    /// The description.
    pub input: String,
    /// The sections behind it.
    pub expected: String,
}

/// Returns the cases of a file, and the text before the first.
pub fn parse(text: &str) -> (String, Vec<Case>) {
    let mut preface = String::new();
    let mut cases: Vec<Case> = Vec::new();
    let mut is_expected = false;
    for line in text.split_inclusive('\n') {
        if let Some(name) = line.strip_prefix("=== ") {
            cases.push(Case { name: name.trim_end().to_owned(), input: String::new(), expected: String::new() });
            is_expected = false;
            continue;
        }
        is_expected |= line.starts_with("--- ");
        match cases.last_mut() {
            None => preface.push_str(line),
            Some(case) if is_expected => case.expected.push_str(line),
            Some(case) => case.input.push_str(line),
        }
    }
    for case in &mut cases {
        // An empty line parts it from the next.
        case.expected.truncate(case.expected.trim_end_matches('\n').len());
        case.expected.push('\n');
    }
    (preface, cases)
}

impl Case {
    /// Returns the case as written in a file, with `expected` in place of its expectation.
    pub fn with_expected(&self, expected: &str) -> String {
        format!("=== {}\n{}{expected}\n", self.name, self.input)
    }
}

/// Formats the result of a description as a case expects it.
pub fn show(conversion: &Conversion, input: &[u8]) -> String {
    let mut text = String::from("--- units\n");
    for unit in conversion.units() {
        write!(text, ">> {}\n{}", unit.name, unit.content).unwrap();
    }
    let (down, renames, modules) = (conversion.to_take_down(), conversion.to_rename(), conversion.modules());
    if !down.is_empty() || !renames.is_empty() || !modules.is_empty() {
        text.push_str("--- needs\n");
        for name in down {
            writeln!(text, "down {name}").unwrap();
        }
        for (mac, name) in renames {
            writeln!(text, "rename {mac} {name}").unwrap();
        }
        for module in modules {
            writeln!(text, "module {} {}", module.name, module.options.join(" ")).unwrap();
        }
    }
    if !conversion.findings.is_empty() {
        text.push_str("--- findings\n");
    }
    let lines = Lines::new(input);
    for finding in &conversion.findings {
        write!(text, "{} {}", finding.severity().as_str(), finding.rule.id).unwrap();
        if let Some(span) = finding.span {
            let at = lines.start(span);
            write!(text, " {}:{}", at.line, at.column).unwrap();
        }
        let help = finding.help.as_ref().map_or_else(String::new, |help| format!(" ({help})"));
        writeln!(text, " {}{help}", finding.message).unwrap();
    }
    text.lines().fold(String::new(), |text, line| text + line.trim_end() + "\n")
}
