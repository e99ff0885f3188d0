//! Parses descriptions in JSON. Only a value that is missing, too long or of the wrong type is skipped.

use core::net::IpAddr;

use serde_json::Value;

use crate::diagnostic::{Findings, rules};
use crate::text::json;
use crate::text::suggest;

use super::names::display_name;
use super::{ENTRIES_MAX, NAMES_MAX, address};

/// Parses `bytes`, if they are a JSON object.
pub fn read(bytes: &[u8], findings: &mut Findings) -> Option<Value> {
    let subject = "network description";
    let why = match json::parse(bytes) {
        Ok(value @ Value::Object(_)) => {
            for (place, key) in json::duplicate_keys(bytes, ENTRIES_MAX) {
                let place = if place.is_empty() { subject } else { &place };
                let message = format!("key `{}` is given twice; the last value is used", display_name(&key));
                findings.suggest(&rules::DUPLICATE_KEY, None, place, message, "keep one of them");
            }
            return Some(value);
        }
        Ok(_) => "not a JSON object".to_owned(),
        Err(error) => error.to_string(),
    };
    findings.report(&rules::BAD_NETWORK, None, subject, format!("{why}; not converted"));
    None
}

/// Reports the keys of an object that are in neither list. An entry of `read` may end with `*`.
pub fn report_unknown(value: &Value, read: &[&'static str], harmless: &[&str], subject: &str, findings: &mut Findings) {
    let fits = |key: &str, name: &str| name.strip_suffix('*').map_or(name == key, |start| key.starts_with(start));
    let is_known = |key: &str| harmless.contains(&key) || read.iter().any(|name| fits(key, name));
    for (key, value) in value.as_object().into_iter().flatten() {
        let is_empty = match value {
            Value::Null => true,
            Value::String(text) => text.is_empty(),
            Value::Array(items) => items.is_empty(),
            Value::Object(map) => map.is_empty(),
            _ => false,
        };
        if !is_empty && !is_known(key) {
            let message = format!("unknown key `{}`; ignored", display_name(key));
            match suggest::help(key, read.iter().copied().filter(|name| !name.ends_with('*'))) {
                Some(help) => findings.suggest(&rules::UNCONVERTED, None, subject, message, &help),
                None => findings.report(&rules::UNCONVERTED, None, subject, message),
            }
        }
    }
}

/// Returns the strings under `key`: a list, or one string separated by blanks or commas.
pub fn words_under(value: &Value, key: &str, findings: &mut Findings) -> Vec<Value> {
    match value.get(key) {
        Some(Value::String(text)) => {
            let words = text.split([' ', ',', '\t']).filter(|word| !word.is_empty());
            words.take(ENTRIES_MAX).map(|word| Value::String(word.to_owned())).collect()
        }
        _ => list(value, key, findings).to_vec(),
    }
}

/// Returns the list under `key`; empty if it is missing.
pub fn list<'a>(value: &'a Value, key: &str, findings: &mut Findings) -> &'a [Value] {
    match value.get(key) {
        None | Some(Value::Null) => &[],
        Some(Value::Array(items)) if items.len() <= ENTRIES_MAX => items,
        Some(Value::Array(items)) => {
            findings.report(&rules::BAD_NETWORK_VALUE, None, key, "more than 10000 entries; the rest is skipped");
            &items[..ENTRIES_MAX]
        }
        Some(_) => {
            findings.report(&rules::BAD_NETWORK_VALUE, None, key, "not a list; skipped");
            &[]
        }
    }
}

/// Returns the string or number under `key` as text, unless it is missing or empty.
pub fn text(value: &Value, key: &str) -> Option<String> {
    words(value.get(key)?)
}

/// Returns a string or number as text, unless it is empty.
pub fn words(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// Returns the name servers of a list, each parsed by `of`. `subject` is the name of the list in messages.
pub fn dns<'a>(
    items: impl IntoIterator<Item = &'a Value>,
    of: impl Fn(&Value) -> Option<String>,
    subject: &str,
    findings: &mut Findings,
) -> Vec<IpAddr> {
    let mut servers = Vec::new();
    for item in items {
        match of(item).as_deref().and_then(address::host) {
            Some(_) if servers.len() == NAMES_MAX => {
                let message = "more than 32 name servers; the rest is skipped";
                findings.report(&rules::BAD_NETWORK_VALUE, None, subject, message);
                break;
            }
            Some(server) => servers.push(server),
            None => {
                let message = "invalid name server address; name server skipped";
                findings.report(&rules::BAD_NETWORK_VALUE, None, subject, message);
            }
        }
    }
    servers
}
