//! The values that the planner accepts, as a JSON Schema.

use serde_json::{Value, json};

use super::Object;
use crate::config::fields::Values;

/// An octal mode, or a decimal number that a YAML tool makes of an octal mode and that is not octal itself.
const PERMISSIONS: &str = r"^$|^[ \t\n]*((0o)?0*[0-7]{1,4}|25[6-9]|2[6-9][0-9]|[34][0-9]{2}|50[0-9]|51[01])[ \t\n]*$";

/// Restricts `property` to these values.
pub(super) fn narrow(values: Values, property: &mut Object) {
    let narrowed = match values {
        Values::Any => return,
        Values::Filled => json!({ "$ref": "#/$defs/filled-text" }),
        Values::Words(words) => one_of(words, &[]),
        Values::WordsOrFalse(words) => one_of(words, &[false.into()]),
        // A YAML tool may have parsed an octal number already, so a number is rejected only if it is no mode in octal
        // or decimal.
        Values::Mode => json!({
            "type": ["string", "integer", "null"],
            "pattern": PERMISSIONS,
            "minimum": 0,
            "maximum": 7777,
            "examples": ["0644", "0755"],
        }),
    };
    property.remove("$ref");
    if let Value::Object(narrowed) = narrowed {
        property.extend(narrowed);
    }
}

/// Restricts to one of `words` or `others`, or to null.
fn one_of(words: &[&str], others: &[Value]) -> Value {
    let words = words.iter().map(|word| Value::from(*word)).chain(others.iter().cloned());
    json!({ "enum": words.chain(["".into(), Value::Null]).collect::<Vec<_>>() })
}

#[cfg(test)]
mod tests {
    use regex::Regex;

    use super::PERMISSIONS;
    use crate::config::permissions;

    #[test]
    fn permissions_are_those_of_the_planner() {
        let pattern = Regex::new(PERMISSIONS).unwrap();
        let numbers =
            (0..12000).flat_map(|n| [format!("{n}"), format!("{n:04}"), format!("0o{n}"), format!(" {n:05}\n")]);
        let others = ["rw-r--r--", "0x1a4", "-644", "644.0", "0o", " ", "99999999999", "000000000000644"];
        for text in numbers.chain(others.map(str::to_owned)) {
            let taken = permissions::parse(text.trim(), None).is_ok();
            assert_eq!(pattern.is_match(&text), taken, "{text:?}");
        }
        assert!(pattern.is_match(""), "the default");
    }
}
