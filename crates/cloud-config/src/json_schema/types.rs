//! The JSON Schema of the types of a configuration, in their documented spelling only.
//!
//! The other spellings that the reader accepts are added afterwards; see [`shapes`](super::shapes).

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Map, Value, json};

use crate::config::Groups;
use crate::config::options::{KnownValues, OptionType, Options, Service, ServiceOption, Table};
use crate::text::secret::Secret;
use crate::yaml::{Bytes, Field};

/// Gives types the schema of another type.
macro_rules! looks_like {
    ($(impl<$param:ident> $type:ty => $other:ty;)*) => {
        $(impl<$param: JsonSchema> JsonSchema for $type {
            looks_like!(@methods $other);
        })*
    };
    ($($type:ty => $other:ty;)*) => {
        $(impl JsonSchema for $type {
            looks_like!(@methods $other);
        })*
    };
    (@methods $other:ty) => {
        fn schema_name() -> Cow<'static, str> {
            <$other>::schema_name()
        }

        fn schema_id() -> Cow<'static, str> {
            <$other>::schema_id()
        }

        fn inline_schema() -> bool {
            <$other>::inline_schema()
        }

        fn json_schema(generator: &mut SchemaGenerator) -> Schema {
            <$other>::json_schema(generator)
        }
    };
}

looks_like! {
    impl<T> Field<T> => T;
    impl<T> Secret<T> => T;
}

looks_like! {
    Bytes => String;
    Groups => Vec<String>;
}

impl<S: Service> JsonSchema for Options<S> {
    fn schema_name() -> Cow<'static, str> {
        format!("{}-options", S::TABLE.section).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut properties = Map::new();
        for option in S::TABLE.options {
            let mut property = match option.kind {
                OptionType::Text => generator.subschema_for::<String>(),
                OptionType::Int => generator.subschema_for::<i64>(),
                OptionType::Float => generator.subschema_for::<f64>(),
                OptionType::Bool => generator.subschema_for::<bool>(),
            };
            property.insert("description".to_owned(), description(S::TABLE, option).into());
            if option.deprecated.is_some() {
                property.insert("deprecated".to_owned(), true.into());
            }
            if let Some(examples) = option.known.map(examples) {
                property.insert("examples".to_owned(), examples);
            }
            properties.insert(option.name.to_owned(), property.to_value());
        }
        json_schema!({ "type": "object", "properties": properties, "additionalProperties": false })
    }
}

fn description(table: &Table, option: &ServiceOption) -> String {
    let mut text = format!("Becomes `{}`.", table.variable(option));
    if let Some(reason) = option.deprecated {
        text.push_str(" Deprecated: ");
        text.push_str(reason);
        text.push('.');
    }
    text
}

/// Returns values for editors to suggest. Any other value only gets a warning.
fn examples(known: KnownValues) -> Value {
    match known {
        KnownValues::Words(words) => json!(words),
        KnownValues::WindowStart => json!(["Thu 04:00", "23:30"]),
        KnownValues::Duration => json!(["1h", "1h30m"]),
    }
}
