//! JSON from platforms: bounded, and read leniently: what has the wrong type costs nothing but itself.

use anyhow::{Result, bail};
use serde_json::{Map, Value};

/// How many entries of a list count.
const ENTRIES_MAX: usize = 1000;
const TOO_MANY: &str = "has more than 1000 entries; the others are left out";
/// How many failures of one document are told.
const FAILURES_MAX: usize = 20;

/// Reads an object. Errors show nothing of it.
pub fn object(bytes: &[u8], what: &str) -> Result<Map<String, Value>> {
    match cloud_config::text::json::parse(bytes) {
        Ok(Value::Object(map)) => Ok(map),
        Ok(_) => bail!("failed to read {what}: it is no JSON object"),
        Err(error) => bail!("failed to read {what}: {error}"),
    }
}

/// A value has the wrong type, which is among the failures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wrong;

/// What can be wrong with values: collected, since none of it costs anything else.
pub struct Reader<'a> {
    /// What is read, for the failures.
    what: &'a str,
    /// What was wrong; the first of it is enough.
    pub failures: Vec<String>,
}

impl<'a> Reader<'a> {
    /// A reader of what the failures call `what`.
    pub fn new(what: &'a str) -> Self {
        Self { what, failures: Vec::new() }
    }

    fn wrong(&mut self, key: &str, fault: &str) {
        if self.failures.len() < FAILURES_MAX {
            self.failures.push(format!("{}: {key} {fault}", self.what));
        }
    }

    /// A text, `None` where there is none or an empty one.
    pub fn text<'v>(&mut self, value: Option<&'v Value>, key: &str) -> Option<&'v str> {
        match value {
            None | Some(Value::Null) => None,
            Some(Value::String(text)) => Some(text.as_str()).filter(|text| !text.is_empty()),
            Some(_) => {
                self.wrong(key, "is no text");
                None
            }
        }
    }

    /// A number, `None` where there is none.
    pub fn number(&mut self, value: Option<&Value>, key: &str) -> Result<Option<i64>, Wrong> {
        self.typed(value, key, "is no whole number", Value::as_i64)
    }

    /// A truth value, `None` where there is none.
    pub fn truth(&mut self, value: Option<&Value>, key: &str) -> Result<Option<bool>, Wrong> {
        self.typed(value, key, "is neither true nor false", Value::as_bool)
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

    /// A list of texts; one text is a list of one, and the empty text of none.
    pub fn texts<'v>(&mut self, value: Option<&'v Value>, key: &str) -> Vec<&'v str> {
        match value {
            Some(Value::String(_)) => self.text(value, key).into_iter().collect(),
            _ => self.list(value, key).iter().filter_map(|value| self.text(Some(value), key)).collect(),
        }
    }

    /// The texts of an object, in the order of their keys.
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
                self.wrong(key, "is no object");
                Vec::new()
            }
        }
    }

    /// A list, as far as it is not too long.
    pub fn list<'v>(&mut self, value: Option<&'v Value>, key: &str) -> &'v [Value] {
        match value {
            None | Some(Value::Null) => &[],
            Some(Value::Array(values)) if values.len() > ENTRIES_MAX => {
                self.wrong(key, TOO_MANY);
                &values[..ENTRIES_MAX]
            }
            Some(Value::Array(values)) => values,
            Some(_) => {
                self.wrong(key, "is no list");
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
    fn what_has_the_wrong_type_costs_itself() {
        let map = object(br#"{"a": 1, "b": ["x", 2, null, ""], "c": "y", "d": {"z": "1", "k": "2", "m": 3}}"#, "x");
        let map = map.unwrap();
        let mut reader = Reader::new("x");
        assert_eq!(reader.text(map.get("a"), "a"), None);
        assert_eq!(reader.texts(map.get("b"), "b"), ["x"]);
        assert_eq!(reader.texts(map.get("c"), "c"), ["y"]);
        assert_eq!(reader.texts_by_key(map.get("d"), "d"), ["2", "1"]);
        assert_eq!(reader.failures, ["x: a is no text", "x: b is no text", "x: d is no text"]);
        assert!(reader.texts(map.get("none"), "none").is_empty());
    }

    #[test]
    fn lists_and_what_is_wrong_in_them_are_bounded() {
        let text = format!("{{\"a\":[0{}]}}", ",0".repeat(ENTRIES_MAX));
        let map = object(text.as_bytes(), "x").unwrap();
        let mut reader = Reader::new("x");
        assert!(reader.texts(map.get("a"), "a").is_empty());
        assert_eq!(reader.failures.len(), FAILURES_MAX);
        assert!(reader.failures[0].contains("more than 1000"));
    }
}
