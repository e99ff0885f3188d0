//! Values that the planner refuses: one row for each key that takes some only.

use serde_json::{Value, json};

use super::Object;
use crate::config::Verb;
use crate::plan::strategies;
use crate::text::decode;

/// What a key takes.
pub(super) enum Values {
    /// Any text, but some: the item is left out without it.
    Filled,
    /// One of these, or nothing.
    Words(Vec<Value>),
    /// An octal mode.
    Permissions,
}

/// Octal, or what a YAML tool makes of an octal mode: a number that is one in decimal only.
const PERMISSIONS: &str = r"^$|^[ \t\n]*((0o)?0*[0-7]{1,4}|25[6-9]|2[6-9][0-9]|[34][0-9]{2}|50[0-9]|51[01])[ \t\n]*$";

/// A mapping, a key of it, and what that takes.
type Row = (&'static str, &'static str, fn() -> Values);

const ROWS: &[Row] = &[
    ("CloudConfig", "manage_etc_hosts", || Values::words(["localhost"]).and(false.into())),
    ("DropIn", "content", || Values::Filled),
    ("DropIn", "name", || Values::Filled),
    ("File", "encoding", || Values::words(decode::NAMES)),
    ("File", "path", || Values::Filled),
    ("File", "permissions", || Values::Permissions),
    ("Unit", "command", || Values::words(Verb::ALL.map(Verb::as_str))),
    ("Unit", "name", || Values::Filled),
    // What YAML tools make of off.
    ("Update", "reboot_strategy", || Values::words(strategies()).and(false.into())),
    ("User", "name", || Values::Filled),
];

/// What the key of a mapping takes, where not everything of its shape.
pub(super) fn of(mapping: &str, key: &str) -> Option<Values> {
    ROWS.iter().find(|(found, of, _)| *found == mapping && *of == key).map(|(.., values)| values())
}

/// The mapping and key of every row.
#[cfg(test)]
pub(super) fn keys() -> impl Iterator<Item = (&'static str, &'static str)> {
    ROWS.iter().map(|(mapping, key, _)| (*mapping, *key))
}

impl Values {
    fn words(words: impl IntoIterator<Item = &'static str>) -> Self {
        Self::Words(words.into_iter().map(Value::from).collect())
    }

    fn and(self, value: Value) -> Self {
        match self {
            Self::Words(mut words) => {
                words.push(value);
                Self::Words(words)
            }
            other => other,
        }
    }

    /// Whether an item must have the key.
    pub fn is_required(&self) -> bool {
        matches!(self, Self::Filled)
    }

    /// Lets `property` take these values only.
    pub fn narrow(self, property: &mut Object) {
        let narrowed = match self {
            Self::Filled => json!({ "$ref": "#/$defs/filled-text" }),
            Self::Words(words) => {
                let nothing = ["".into(), Value::Null];
                json!({ "enum": words.into_iter().chain(nothing).collect::<Vec<_>>() })
            }
            // A number may have been read as octal already: only what is none in either reading is refused.
            Self::Permissions => json!({
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
