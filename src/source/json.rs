//! Reads JSON from platforms: with limits, and skipping only the values of the wrong type.

use anyhow::{Result, bail};
use serde_json::{Map, Value};

/// The largest number of entries of a list that are read.
const ENTRIES_MAX: usize = 1000;
const TOO_MANY: &str = "has more than 1000 entries; the rest is skipped";
/// The largest number of failures that are reported per document.
const FAILURES_MAX: usize = 20;

/// Parses a JSON object. Errors do not quote it.
pub fn object(bytes: &[u8], subject: &str) -> Result<Map<String, Value>> {
    match cloud_config::text::json::parse(bytes) {
        Ok(Value::Object(map)) => Ok(map),
        Ok(_) => bail!("failed to read {subject}: not a JSON object"),
        Err(error) => bail!("failed to read {subject}: {error}"),
    }
}

/// The error for a value of the wrong type, which is already recorded as a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wrong;

/// Reads values from a document, and collects failures for values of the wrong type.
pub struct Reader<'a> {
    /// The name of the document in the failures.
    subject: &'a str,
    /// The failures, up to a limit.
    pub failures: Vec<String>,
}

impl<'a> Reader<'a> {
    /// Creates a reader. `subject` is the name of the document in failures.
    pub fn new(subject: &'a str) -> Self {
        Self { subject, failures: Vec::new() }
    }

    fn wrong(&mut self, key: &str, fault: &str) {
        if self.failures.len() < FAILURES_MAX {
            self.failures.push(format!("{}: {key} {fault}", self.subject));
        }
    }

    /// Returns a string; `None` if it is missing or empty.
    pub fn text<'v>(&mut self, value: Option<&'v Value>, key: &str) -> Option<&'v str> {
        match value {
            None | Some(Value::Null) => None,
            Some(Value::String(text)) => Some(text.as_str()).filter(|text| !text.is_empty()),
            Some(_) => {
                self.wrong(key, "is not a string; ignored");
                None
            }
        }
    }

    /// Returns an integer; `None` if it is missing.
    pub fn number(&mut self, value: Option<&Value>, key: &str) -> Result<Option<i64>, Wrong> {
        self.typed(value, key, "is not an integer; ignored", Value::as_i64)
    }

    /// Returns a boolean; `None` if it is missing.
    pub fn boolean(&mut self, value: Option<&Value>, key: &str) -> Result<Option<bool>, Wrong> {
        self.typed(value, key, "is not a boolean; ignored", Value::as_bool)
    }

    fn typed<T>(
        &mut self,
        value: Option<&Value>,
        key: &str,
        fault: &str,
        read: impl FnOnce(&Value) -> Option<T>,
    ) -> Result<Option<T>, Wrong> {
        let Some(value) = value.filter(|value| !value.is_null()) else { return Ok(None) };
        read(value).map(Some).ok_or_else(|| {
            self.wrong(key, fault);
            Wrong
        })
    }

    /// Returns a list of strings. A string is treated as a list with one entry, an empty string as an empty list.
    pub fn texts<'v>(&mut self, value: Option<&'v Value>, key: &str) -> Vec<&'v str> {
        match value {
            Some(Value::String(_)) => self.text(value, key).into_iter().collect(),
            _ => self.list(value, key).iter().filter_map(|value| self.text(Some(value), key)).collect(),
        }
    }

    /// Returns the strings of an object, sorted by their keys.
    pub fn texts_by_key<'v>(&mut self, value: Option<&'v Value>, key: &str) -> Vec<&'v str> {
        match value {
            None | Some(Value::Null) => Vec::new(),
            Some(Value::Object(map)) => {
                if map.len() > ENTRIES_MAX {
                    self.wrong(key, TOO_MANY);
                }
                map.values().take(ENTRIES_MAX).filter_map(|value| self.text(Some(value), key)).collect()
            }
            Some(_) => {
                self.wrong(key, "is not an object; ignored");
                Vec::new()
            }
        }
    }

    /// Returns the entries of a list up to the limit.
    pub fn list<'v>(&mut self, value: Option<&'v Value>, key: &str) -> &'v [Value] {
        match value {
            None | Some(Value::Null) => &[],
            Some(Value::Array(values)) if values.len() > ENTRIES_MAX => {
                self.wrong(key, TOO_MANY);
                &values[..ENTRIES_MAX]
            }
            Some(Value::Array(values)) => values,
            Some(_) => {
                self.wrong(key, "is not a list; ignored");
                &[]
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_show_nothing() {
        for text in ["{\"hunter2\"", "hunter2", "\"hunter2\"", "[\"hunter2\"]", "{\"a\":\n hunter2}", ""] {
            let error = format!("{:#}", object(text.as_bytes(), "x").unwrap_err());
            assert!(!error.contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn a_value_of_the_wrong_type_is_skipped_alone() {
        let map = object(br#"{"a": 1, "b": ["x", 2, null, ""], "c": "y", "d": {"z": "1", "k": "2", "m": 3}}"#, "x");
        let map = map.unwrap();
        let mut reader = Reader::new("x");
        assert_eq!(reader.text(map.get("a"), "a"), None);
        assert_eq!(reader.texts(map.get("b"), "b"), ["x"]);
        assert_eq!(reader.texts(map.get("c"), "c"), ["y"]);
        assert_eq!(reader.texts_by_key(map.get("d"), "d"), ["2", "1"]);
        assert_eq!(
            reader.failures,
            ["x: a is not a string; ignored", "x: b is not a string; ignored", "x: d is not a string; ignored"]
        );
        assert!(reader.texts(map.get("none"), "none").is_empty());
    }

    #[test]
    fn lists_and_their_failures_are_bounded() {
        let text = format!("{{\"a\":[0{}]}}", ",0".repeat(ENTRIES_MAX));
        let map = object(text.as_bytes(), "x").unwrap();
        let mut reader = Reader::new("x");
        assert!(reader.texts(map.get("a"), "a").is_empty());
        assert_eq!(reader.failures.len(), FAILURES_MAX);
        assert!(reader.failures[0].contains("more than 1000"));
    }
}
