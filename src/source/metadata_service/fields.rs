//! The values of a document, by paths such as `network.interfaces[type=public].address`.

use anyhow::{Result, bail};
use serde_json::{Map, Value};

use crate::source::json::Reader;
use cloud_config::text::Lines;
use cloud_config::yaml::{self, Node};

/// Returns the values at `path`. `[]` stands for each entry of a list, `[key=text]` for each entry with that value.
/// A list that has another type is a failure of the reader.
pub fn pick<'v>(root: &'v Value, path: &str, reader: &mut Reader<'_>) -> Vec<&'v Value> {
    let mut found = vec![root];
    for step in path.split('.') {
        let (name, filter) = match step.split_once('[') {
            Some((name, filter)) => (name, Some(filter.trim_end_matches(']'))),
            None => (step, None),
        };
        if !name.is_empty() {
            found = found.into_iter().filter_map(|value| value.get(name)).collect();
        }
        if let Some(filter) = filter {
            let entries = found.into_iter().flat_map(|value| reader.list(Some(value), path));
            let is_wanted = |entry: &&Value| match filter.split_once('=') {
                Some((key, wanted)) => entry.get(key).and_then(Value::as_str) == Some(wanted),
                None => true,
            };
            found = entries.filter(is_wanted).collect();
        }
    }
    found
}

/// Returns the strings of SSH keys: a string, a list, or a mapping of names to strings or lists.
pub fn keys<'v>(value: &'v Value, path: &str, reader: &mut Reader<'_>) -> Vec<&'v str> {
    match value {
        Value::Object(map) => map.values().flat_map(|value| reader.texts(Some(value), path)).collect(),
        other => reader.texts(Some(other), path),
    }
}

/// Reads YAML. After a syntax error, the entries above it are the value, and the error is the second result. Errors do
/// not quote the document.
pub fn yaml(bytes: &[u8], what: &str) -> (Value, Option<String>) {
    let text = String::from_utf8_lossy(bytes);
    let document = yaml::parse(&text, |at| at);
    let error = document.error.map(|error| {
        let at = error.span.map_or_else(String::new, |span| {
            let at = Lines::new(text.as_bytes()).start(span);
            format!(" at line {}, column {}", at.line, at.column)
        });
        format!("failed to read {what}: invalid YAML{at}")
    });
    (document.root.map_or(Value::Null, |root| value(&root)), error)
}

/// A node as JSON. The parser limits the depth of a document, and its size with all aliases replaced.
fn value(node: &Node) -> Value {
    if let Some(items) = node.items() {
        Value::Array(items.iter().map(|item| value(item)).collect())
    } else if let Some(entries) = node.entries() {
        Value::Object(entries.iter().map(|entry| (entry.key.to_string(), value(&entry.value))).collect::<Map<_, _>>())
    } else {
        node.text().map_or(Value::Null, Value::from)
    }
}

/// Reads JSON. Errors do not quote it.
pub fn json(bytes: &[u8], what: &str) -> Result<Value> {
    match cloud_config::text::json::parse(bytes) {
        Ok(value) => Ok(value),
        Err(error) => bail!("failed to read {what}: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picked(text: &str, path: &str) -> (String, Vec<String>) {
        let root = json(text.as_bytes(), "it").unwrap();
        let mut reader = Reader::new("it");
        let found = pick(&root, path, &mut reader).into_iter().map(ToString::to_string).collect::<Vec<_>>();
        (found.join(" "), reader.failures)
    }

    #[test]
    fn a_path_leads_through_mappings_and_lists() {
        const TEXT: &str = r#"{"a": {"b": 1}, "l": [{"k": "x", "v": [1, 2]}, {"k": "y", "v": [3]}, {"k": 1}, 5]}"#;
        for (path, wanted) in [
            ("a.b", "1"),
            ("a.c", ""),
            ("a.b.c", ""),
            ("l[].v[]", "1 2 3"),
            ("l[k=y].v[]", "3"),
            ("l[k=z].v[]", ""),
            ("l[k=1].k", ""),
            ("x[].y", ""),
        ] {
            assert_eq!(picked(TEXT, path), (wanted.to_owned(), vec![]), "{path}");
        }
        assert_eq!(picked("[{\"a\": 1}]", "[].a").0, "1");
        assert_eq!(picked("\"text\"", "").0, "\"text\"");
        let (found, failures) = picked(r#"{"l": {"secret": 1}}"#, "l[].v");
        assert_eq!((found.as_str(), failures), ("", vec!["it: l[].v is not a list; ignored".to_owned()]));
    }

    #[test]
    fn yaml_has_the_values_of_json() {
        let (value, error) = yaml(b"a: [1, x, ~]\nb: {c: true}\n", "it");
        assert_eq!((value.to_string().as_str(), error), (r#"{"a":["1","x",null],"b":{"c":"true"}}"#, None));
        let (value, error) = yaml(b"a: 1\nb: \"secret\nc: d: e\n", "it");
        assert_eq!(value.get("a").and_then(Value::as_str), Some("1"));
        assert!(error.is_some_and(|error| error.contains("invalid YAML at line") && !error.contains("secret")));
    }

    #[test]
    fn keys_are_a_string_a_list_or_a_mapping() {
        for (text, wanted) in [
            (r#""k1\nk2""#, "k1\nk2"),
            (r#"["k1", "k2"]"#, "k1|k2"),
            (r#"{"a": "k1", "b": ["k2", "k3"], "c": null}"#, "k1|k2|k3"),
            ("null", ""),
        ] {
            let value = json(text.as_bytes(), "it").unwrap();
            let mut reader = Reader::new("it");
            assert_eq!(keys(&value, "keys", &mut reader).join("|"), wanted, "{text}");
            assert!(reader.failures.is_empty(), "{text}");
        }
        let value = json(br#"[{"secret": 1}, "k"]"#, "it").unwrap();
        let mut reader = Reader::new("it");
        assert_eq!(keys(&value, "keys", &mut reader), ["k"]);
        assert_eq!(reader.failures, ["it: keys is not a string; ignored"]);
    }
}
