//! Reading descriptions that are JSON: what is missing, of another type or too long costs itself alone.

use std::net::IpAddr;

use serde_json::Value;

use crate::finding::rules;

use super::telling::Telling;
use super::{ENTRIES_MAX, NAMES_MAX, address};

/// The document in `bytes`, if it is an object.
pub fn read(bytes: &[u8], telling: &mut Telling) -> Option<Value> {
    let subject = "network description";
    match serde_json::from_slice(bytes) {
        Ok(value @ Value::Object(_)) => Some(value),
        Ok(_) => {
            telling.tell(&rules::BAD_NETWORK, None, subject, "it is no JSON object; nothing of it is converted");
            None
        }
        // The error's own words may quote the document.
        Err(error) => {
            let (line, column) = (error.line(), error.column());
            let message = format!("it is no JSON from line {line}, column {column} on; nothing of it is converted");
            telling.tell(&rules::BAD_NETWORK, None, subject, message);
            None
        }
    }
}

/// The list under `key`, which may be missing.
pub fn list<'a>(value: &'a Value, key: &str, telling: &mut Telling) -> &'a [Value] {
    match value.get(key) {
        None | Some(Value::Null) => &[],
        Some(Value::Array(items)) if items.len() <= ENTRIES_MAX => items,
        Some(Value::Array(items)) => {
            telling.tell(&rules::BAD_NETWORK_VALUE, None, key, "it has more than 10000 entries; the rest is left out");
            &items[..ENTRIES_MAX]
        }
        Some(_) => {
            telling.tell(&rules::BAD_NETWORK_VALUE, None, key, "it is no list; it is left out");
            &[]
        }
    }
}

/// The text or number under `key`, if there is one that is not empty.
pub fn text(value: &Value, key: &str) -> Option<String> {
    words(value.get(key)?)
}

/// A text or number that is not empty.
pub fn words(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// The name servers of a list, each read by `of`. `subject` is what the list is called.
pub fn dns<'a>(
    items: impl IntoIterator<Item = &'a Value>,
    of: impl Fn(&Value) -> Option<String>,
    subject: &str,
    telling: &mut Telling,
) -> Vec<IpAddr> {
    let mut servers = Vec::new();
    for item in items {
        match of(item).as_deref().and_then(address::host) {
            Some(_) if servers.len() == NAMES_MAX => {
                let message = "there are more than 32 name servers; the rest is left out";
                telling.tell(&rules::BAD_NETWORK_VALUE, None, subject, message);
                break;
            }
            Some(server) => servers.push(server),
            None => {
                let message = "a name server is no address of a machine; it is left out";
                telling.tell(&rules::BAD_NETWORK_VALUE, None, subject, message);
            }
        }
    }
    servers
}
