//! The JSON Schema of a cloud-config, for editors (`--schema`).
//!
//! ```text
//! types of config ──► derived schema ──► shapes ───────────────► values ────► schema
//!                     documentation,     what else the reader    what the
//!                     option tables      takes, how keys are     planner
//!                                        spelled                   refuses
//! ```
//!
//! The schema rejects documents of which something would be skipped. It accepts what is applied with a warning.

mod shapes;
mod types;
mod values;

use schemars::generate::SchemaSettings;
use schemars::{Schema, SchemaGenerator};
use serde_json::{Map, Value};

use crate::config::CloudConfig;
use crate::config::fields::{MAPPINGS, Values};
use crate::config::options::TABLES;

/// A schema or a part of one, as a JSON object.
type Object = Map<String, Value>;

/// Returns the schema as text.
pub fn text() -> String {
    // This cannot fail: all keys are strings.
    serde_json::to_string_pretty(&schema()).unwrap_or_default() + "\n"
}

/// Builds the schema (draft 2020-12).
pub fn schema() -> Schema {
    let mut schema = SchemaGenerator::new(SchemaSettings::draft2020_12()).into_root_schema_for::<CloudConfig>();
    schema.insert("title".to_owned(), "cloud-config".into());
    let mut definitions = match schema.remove("$defs") {
        Some(Value::Object(definitions)) => definitions,
        _ => Object::new(),
    };
    mapping("CloudConfig", "#", schema.ensure_object());
    for (name, definition) in &mut definitions {
        if let Value::Object(definition) = definition {
            mapping(name, &format!("#/$defs/{name}"), definition);
        }
    }
    definitions.extend(shapes::definitions());
    schema.insert("$defs".to_owned(), definitions.into());
    schema
}

/// Completes the schema of the mapping at `place`.
fn mapping(name: &str, place: &str, schema: &mut Object) {
    documentation(schema);
    let Some(Value::Object(properties)) = schema.get_mut("properties") else { return };
    let rows = MAPPINGS.iter().find(|mapping| mapping.type_name == name);
    let mut required = Vec::new();
    for (key, property) in &mut *properties {
        let Value::Object(property) = property else { continue };
        documentation(property);
        shapes::widen(property);
        let row = rows.and_then(|rows| rows.field(key));
        if row.is_some_and(|row| row.deprecated.is_some()) || (name == "CoreOs" && is_deprecated(key)) {
            property.insert("deprecated".to_owned(), true.into());
        }
        if let Some(row) = row {
            if matches!(row.values, Values::Filled) {
                required.push(key.clone());
            }
            values::narrow(row.values, property);
        }
    }
    let spellings = shapes::spellings(place, properties.keys());
    if !spellings.is_empty() {
        schema.insert("patternProperties".to_owned(), spellings.into());
    }
    if required.is_empty() {
        // An empty section is valid: YAML parses it as null.
        schema.insert("type".to_owned(), serde_json::json!(["object", "null"]));
    } else {
        schema.insert("required".to_owned(), required.into());
    }
}

/// Returns true if `section` of `coreos` belongs to a deprecated service.
fn is_deprecated(section: &str) -> bool {
    TABLES.iter().any(|table| table.section == section && table.deprecated.is_some())
}

/// Removes the text for readers of the source from a description.
fn documentation(schema: &mut Object) {
    if let Some(Value::String(text)) = schema.get_mut("description")
        && let Some((before, after)) = text.split_once(" (docs/")
        && let Some((_, after)) = after.split_once(')')
    {
        *text = format!("{before}{after}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the keys of all mappings: the name of the mapping, the key, and the schema of the key.
    fn keys() -> Vec<(String, String, Value)> {
        let schema = schema().to_value();
        let definitions = schema["$defs"].as_object().unwrap();
        let root = "CloudConfig".to_owned();
        let all = definitions.iter().chain(std::iter::once((&root, &schema)));
        let found: Vec<_> = all
            .filter_map(|(name, mapping)| Some((name.clone(), mapping["properties"].as_object()?.clone())))
            .flat_map(|(name, keys)| keys.into_iter().map(move |(key, schema)| (name.clone(), key, schema)))
            .collect();
        assert!(found.len() > 150, "only {} keys", found.len());
        found
    }

    #[test]
    fn every_key_is_documented_for_users() {
        for (name, key, schema) in keys() {
            let description = schema["description"].as_str().unwrap_or_default();
            assert!(description.ends_with('.'), "{name}.{key}: {description:?}");
            assert!(!description.contains('§'), "{name}.{key}: {description:?}");
        }
    }

    #[test]
    fn what_is_deprecated_is_marked() {
        let mut count = 0;
        for (name, key, schema) in keys() {
            let is_described = schema["description"].as_str().unwrap().contains("Deprecated: ");
            assert_eq!(schema["deprecated"] == true, is_described, "{name}.{key}");
            count += usize::from(is_described);
        }
        assert!(count > 20, "only {count}");
    }

    #[test]
    fn every_reference_leads_somewhere() {
        fn references(value: &Value, found: &mut Vec<String>) {
            match value {
                Value::Object(object) => {
                    found.extend(object.get("$ref").and_then(Value::as_str).map(str::to_owned));
                    object.values().for_each(|value| references(value, found));
                }
                Value::Array(items) => items.iter().for_each(|value| references(value, found)),
                _ => {}
            }
        }
        let schema = schema().to_value();
        let mut found = Vec::new();
        references(&schema, &mut found);
        assert!(found.len() > 150);
        for reference in found {
            let pointer = reference.strip_prefix('#').unwrap();
            assert!(schema.pointer(pointer).is_some(), "{reference}");
        }
    }
}
