//! The other spellings that the YAML reader accepts (docs/cloud-config.md): any scalar for a string, quoted numbers,
//! one string for a list, null, and keys with `-`.
//!
//! A YAML tool passes typed scalars to the schema, such as `false` for `off`. So a string may be any scalar.

use serde_json::{Value, json};

use super::Object;

/// The spellings of booleans as strings.
const TRUTH: &str = "true|True|TRUE|yes|Yes|YES|on|On|ON|y|Y|false|False|FALSE|no|No|NO|off|Off|OFF|n|N";

/// The spellings of integers as strings: hexadecimal, binary, octal, decimal, base 60, or with a point or exponent but
/// no fraction.
const WHOLE: &str = concat!(
    "0x_*[0-9a-fA-F][0-9a-fA-F_]*|0b_*[01][01_]*|0o_*[0-7][0-7_]*|0[0-7_]*|[1-9][0-9_]*",
    r"|[1-9][0-9_]*(:[0-5]?[0-9])+|[0-9][0-9_]*(:[0-5]?[0-9])+\.[0_]*",
    r"|[0-9][0-9_]*\.[0_]*([eE]\+?[0-9]+)?|\.0[0_]*|[0-9][0-9_]*[eE]\+?[0-9]+"
);

/// The other spellings of numbers: with a point, an exponent, or in base 60 with a point.
const FRACTION: &str = concat!(
    r"[0-9][0-9_]*\.[0-9_]*([eE][-+]?[0-9]+)?|\.[0-9][0-9_]*([eE][-+]?[0-9]+)?",
    r"|[0-9][0-9_]*[eE][-+]?[0-9]+|[0-9][0-9_]*(:[0-5]?[0-9])+\.[0-9_]*"
);

/// The definitions that properties refer to.
pub(super) fn definitions() -> Object {
    let Value::Object(definitions) = json!({
        "text": { "type": ["string", "number", "boolean", "null"] },
        "filled-text": { "type": ["string", "number", "boolean"], "minLength": 1 },
        "text-list": {
            "type": ["array", "string", "number", "boolean", "null"],
            "items": { "$ref": "#/$defs/text" },
        },
        "truth-value": { "type": ["boolean", "string", "null"], "pattern": format!("^({TRUTH})$") },
        "whole-number": {
            "type": ["integer", "string", "null"],
            "minimum": i64::MIN,
            "maximum": i64::MAX,
            "pattern": format!("^[-+]?({WHOLE})$"),
        },
        "number": { "type": ["number", "string", "null"], "pattern": format!("^[-+]?({WHOLE}|{FRACTION})$") },
    }) else {
        return Object::new();
    };
    definitions
}

/// Replaces the plain type of a property with everything that the reader accepts for it.
pub(super) fn widen(property: &mut Object) {
    let shape = match property.get("type").and_then(Value::as_str) {
        Some("string") => "text",
        Some("boolean") => "truth-value",
        Some("integer") => "whole-number",
        Some("number") => "number",
        Some("array") if property["items"]["type"] == "string" => "text-list",
        Some("array") => {
            property.insert("type".to_owned(), json!(["array", "null"]));
            return;
        }
        _ => return,
    };
    for keyword in ["type", "format", "items"] {
        property.remove(keyword);
    }
    property.insert("$ref".to_owned(), format!("#/$defs/{shape}").into());
}

/// Returns patterns for the other spellings of keys, each of which refers to the documented key. No key matches two
/// patterns. `place` is the path of the mapping.
pub(super) fn spellings<'a>(place: &str, keys: impl Iterator<Item = &'a String>) -> Object {
    let pattern = |key: &str| {
        let parts: Vec<_> = key.split('_').collect();
        // Each spelling is matched by the position of its first dash; `_` precedes it.
        let ways = (1..parts.len()).map(|dash| {
            let (before, after) = parts.split_at(dash);
            format!("{}-{}", before.join("_"), after.join("[-_]"))
        });
        format!("^({})$", ways.collect::<Vec<_>>().join("|"))
    };
    keys.filter(|key| key.contains('_'))
        .map(|key| (pattern(key), json!({ "$ref": format!("{place}/properties/{key}") })))
        .collect()
}

#[cfg(test)]
mod tests {
    use regex::Regex;
    use serde::Deserialize;
    use serde::de::DeserializeOwned;

    use super::*;
    use crate::yaml::{self, Field};

    #[derive(Default, Deserialize)]
    struct Words<T>(Vec<Field<T>>);

    /// Checks that the pattern of a definition accepts what the reader accepts as a `T`.
    fn agree<T: DeserializeOwned + Default>(shape: &str, words: &[String]) {
        let pattern = Regex::new(definitions()[shape]["pattern"].as_str().unwrap()).unwrap();
        for words in words.chunks(yaml::limits::MAX_ENTRIES) {
            let list = words.iter().map(|word| format!("- {word:?}")).collect::<Vec<_>>().join("\n");
            let (read, _) = yaml::read::<Words<T>>(&yaml::parse(&list, |offset| offset));
            assert_eq!(read.0.len(), words.len());
            for (word, field) in words.iter().zip(read.0) {
                assert_eq!(pattern.is_match(word), !field.bad, "{shape}: {word:?}");
            }
        }
    }

    #[test]
    fn patterns_are_what_the_reader_takes() {
        let parts: Vec<_> =
            "0 1 8 9 _ . : e E + - 0x 0b 0o a F x 6 0. true Yes ON y n no off FALSE t T".split(' ').collect();
        let mut words = vec![String::new()];
        for _ in 0..3 {
            let longer = words.iter().flat_map(|word| parts.iter().map(move |part| format!("{word}{part}")));
            words = longer.collect();
            agree::<bool>("truth-value", &words);
            agree::<i64>("whole-number", &words);
            agree::<f64>("number", &words);
        }
        let mut numbers =
            ["1:30", "1:59:60", "1:30.5", "0:30", "0:30.5", "1_0:3", "-0x_ff"].map(str::to_owned).to_vec();
        agree::<i64>("whole-number", &numbers);
        // The pattern cannot recognize that 1.5e+3 is an integer.
        numbers.extend(["1.5e+3", "685.230_15e+03", "1e5", "1e", ".5", "1,5"].map(str::to_owned));
        agree::<f64>("number", &numbers);
    }

    #[test]
    fn a_key_matches_once() {
        let keys = ["a".to_owned(), "a_b".to_owned(), "a_b_c".to_owned()];
        let spellings = spellings("#", keys.iter());
        let patterns: Vec<_> = spellings.keys().map(|pattern| Regex::new(pattern).unwrap()).collect();
        for (key, count) in
            [("a", 0), ("a_b", 0), ("a-b", 1), ("a-b-c", 1), ("a-b_c", 1), ("a_b-c", 1), ("a_b_c", 0), ("a-b-", 0)]
        {
            assert_eq!(patterns.iter().filter(|pattern| pattern.is_match(key)).count(), count, "{key}");
        }
        assert_eq!(spellings["^(a-b)$"]["$ref"], "#/properties/a_b");
    }
}
