//! Writes values as YAML that this program and every other parser read in the same way.

use serde::Serialize;
use serde_yaml::Value;

/// Writes a mapping as a document; an empty mapping becomes an empty string. Characters that are not `shown` are
/// escaped.
///
/// A string is quoted if it would have another type without quotes. A string of several lines becomes a block if
/// possible.
pub fn write(value: &impl Serialize, shown: impl Fn(char) -> bool) -> String {
    let is_plain = |text: &str| text.chars().all(|c| c == '\n' || shown(c));
    // This fails only for types that YAML does not have, such as bytes. The printed values do not contain these.
    let text = serde_yaml::to_string(value).unwrap_or_default();
    if text == "{}\n" {
        return String::new();
    }
    if is_plain(&text) {
        return text;
    }
    // Only double quotes have escapes, and the library uses them only for a control character. So each string that
    // needs escapes gets a control character with a unique mark, which is removed afterwards.
    let mark = mark(&text);
    let mut value = serde_yaml::to_value(value).unwrap_or_default();
    each_text(&mut value, &|text| {
        if !is_plain(text) {
            *text = format!("{text}\u{1}{mark}");
        }
    });
    let text = serde_yaml::to_string(&value).unwrap_or_default().replace(&format!("\\x01{mark}"), "");
    let escaped = |c| match u32::from(c) {
        _ if c == '\n' || shown(c) => String::from(c),
        code @ ..=0xffff => format!("\\u{code:04X}"),
        code => format!("\\U{code:08X}"),
    };
    text.chars().map(escaped).collect()
}

/// Returns a word that is not in `text`: one letter more than the longest sequence of that letter.
fn mark(text: &str) -> String {
    let (mut longest, mut row) = (0, 0);
    for byte in text.bytes() {
        row = if byte == b'x' { row + 1 } else { 0 };
        longest = longest.max(row);
    }
    "x".repeat(longest + 1)
}

fn each_text(value: &mut Value, change: &impl Fn(&mut String)) {
    match value {
        Value::String(text) => change(text),
        Value::Sequence(items) => items.iter_mut().for_each(|item| each_text(item, change)),
        Value::Mapping(mapping) => mapping.values_mut().for_each(|value| each_text(value, change)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::write;
    use crate::text::is_shown;
    use crate::yaml::parse;

    /// Returns a document with `word` in many places, and the words that are read back from it.
    fn back(word: &str) -> (String, Vec<String>) {
        let text = write(&BTreeMap::from([("k", vec![BTreeMap::from([("a", word), ("b", "x")])])]), is_shown);
        assert!(text.chars().all(|c| c == '\n' || is_shown(c)), "{text:?}");
        let document = parse(&text, |offset| offset);
        assert!(document.error.is_none() && document.findings.is_empty(), "{word:?}: {text}");
        let root = document.root.unwrap();
        let item = &root.get("k").unwrap().items().unwrap()[0];
        let read = ["a", "b"].map(|key| item.get(key).unwrap().text().unwrap_or("null").to_owned());
        (text, read.to_vec())
    }

    #[test]
    fn whatever_is_written_is_read() {
        let parts: Vec<_> =
            "a|0| |\n|\t|\r|#|:|-|%|~|'|\"|>|&|*|!|{|,|\\|\u{1}|\u{7f}|\u{85}|\u{a0}|\u{2028}|\u{202e}|\u{feff}|😀"
                .split('|')
                .chain(["|", "$public_ipv4"])
                .collect();
        let mut words = vec![String::new()];
        for _ in 0..3 {
            words = words.iter().flat_map(|word| parts.iter().map(move |part| format!("{word}{part}"))).collect();
            for word in &words {
                assert_eq!(back(word).1, [word, "x"], "{}", back(word).0);
            }
        }
    }

    #[test]
    fn words_that_mean_something_stay_text() {
        for word in [
            "",
            "~",
            "null",
            "Null",
            "true",
            "off",
            "Yes",
            "n",
            "010",
            "0644",
            "0o17",
            "0x1F",
            "1_000",
            "1:30",
            "1.10",
            ".5",
            "1e3",
            ".inf",
            ".nan",
            "2001-01-01",
            "<<",
            "=",
            "---",
            "...",
            "--- a",
            "- a",
            "? a",
            ": a",
            "a: b",
            "a #b",
            "%TAG",
            "@a",
            "`a`",
            "[a]",
            "{{ a }}",
            "!!binary aGk=",
            "a\n---\nb",
            "a\n...\n",
            "#cloud-config",
        ] {
            assert_eq!(back(word).1, [word, "x"], "{}", back(word).0);
        }
    }

    #[test]
    fn text_of_several_lines_is_a_block() {
        assert_eq!(back("one\n  two\n\nthree\n").0, "k:\n- a: |\n    one\n      two\n\n    three\n  b: x\n");
        assert_eq!(write(&BTreeMap::<&str, &str>::new(), is_shown), "");
        let hidden = BTreeMap::from([("a", "x\u{202e}\\x01x \u{200b}"), ("b", "xx\n")]);
        assert_eq!(write(&hidden, is_shown), "a: \"x\\u202E\\\\x01x \\u200B\"\nb: |\n  xx\n");
    }
}
