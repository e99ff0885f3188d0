//! Messages about an invalid command line.

use cloud_config::diagnostic::rules;
use cloud_config::text::suggest;

use super::COLUMNS;
use super::flags::Flag;

/// Formats the message for an empty value of `flag`.
pub(super) fn empty_value_message(flag: &Flag) -> String {
    let name = flag.name;
    let has_default = [flag.help, flag.more].iter().any(|text| text.contains("[default: "));
    match flag.value {
        Some(value) if !has_default => format!("the value of --{name} is empty; write --{name}={value}"),
        _ => format!("the value of --{name} is empty; omit the flag to use its default"),
    }
}

/// Joins `words` to lines of at most 80 columns.
pub(super) fn list(words: impl Iterator<Item = String>) -> String {
    let mut lines = vec![String::new()];
    for word in words {
        let line = lines.last().map_or(0, String::len);
        if line > 0 && line + 1 + word.len() + 1 > COLUMNS {
            lines.push(String::new());
        }
        if let Some(line) = lines.last_mut() {
            line.push_str(if line.is_empty() { "  " } else { " " });
            line.push_str(&word);
            line.push(',');
        }
    }
    lines.join("\n").trim_end_matches(',').to_owned()
}

/// Formats the message for an unknown rule.
pub(super) fn unknown_rule(name: &str) -> String {
    let suggestion = suggest::help(name, rules::ALL.iter().map(|rule| rule.id))
        .unwrap_or_else(|| "--validate prints the name of a rule in brackets, such as [unknown-key]".to_owned());
    format!("unknown rule {} for --explain: {suggestion}", quoted(name))
}

/// Formats the message for a value of `flag` that is none of `known`, with a tip if one of them is similar.
pub(super) fn unknown_value(kind: &str, value: &str, flag: &str, known: &[&'static str]) -> String {
    let lower = value.to_ascii_lowercase();
    let similar = suggest::closest(&lower, known.iter().copied());
    let tip = similar.first().map_or_else(String::new, |name| format!("\n\n  tip: a similar value exists: '{name}'"));
    format!("unknown {kind} {} for --{flag}: it takes one of {}{tip}", quoted(value), known.join(", "))
}

/// Returns a value of the command line in quotes. A URL is redacted.
pub(super) fn quoted(value: &str) -> String {
    if value.contains("://") { "a redacted URL".to_owned() } else { format!("'{value}'") }
}
