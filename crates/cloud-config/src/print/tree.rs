//! Printed values before they become YAML or JSON. Keys keep the order of the documentation.

use serde::ser::{Serialize, SerializeMap, Serializer};

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub enum PrintedTree {
    /// A string.
    Text(String),
    /// A boolean.
    Bool(bool),
    /// An integer.
    Int(i64),
    /// A number.
    Float(f64),
    /// A list.
    List(Vec<PrintedTree>),
    /// A mapping.
    PrintedMapping(PrintedMapping),
}

/// The set keys of a mapping, with their values.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PrintedMapping(Vec<(&'static str, PrintedTree)>);

impl PrintedMapping {
    /// Sets a key.
    pub fn set(&mut self, key: &'static str, value: PrintedTree) {
        self.0.push((key, value));
    }

    /// Sets a key to a string, unless the string is empty.
    pub fn text(&mut self, key: &'static str, text: Option<impl Into<String>>) {
        if let Some(text) = text.map(Into::into).filter(|text| !text.is_empty()) {
            self.set(key, PrintedTree::Text(text));
        }
    }

    /// Sets a key to `true` if `yes` is true.
    pub fn yes(&mut self, key: &'static str, yes: bool) {
        if yes {
            self.set(key, PrintedTree::Bool(true));
        }
    }

    /// Sets a key to a list, unless the list is empty.
    pub fn list(&mut self, key: &'static str, items: impl IntoIterator<Item = PrintedTree>) {
        let items: Vec<_> = items.into_iter().collect();
        if !items.is_empty() {
            self.set(key, PrintedTree::List(items));
        }
    }

    /// Sets a key to a mapping, unless the mapping is empty.
    pub fn section(&mut self, key: &'static str, section: Self) {
        if !section.0.is_empty() {
            self.set(key, PrintedTree::PrintedMapping(section));
        }
    }
}

impl Serialize for PrintedMapping {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (key, value) in &self.0 {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}

impl Serialize for PrintedTree {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(text) => serializer.serialize_str(text),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Int(number) => serializer.serialize_i64(*number),
            Self::Float(number) => serializer.serialize_f64(*number),
            Self::List(items) => items.serialize(serializer),
            Self::PrintedMapping(mapping) => mapping.serialize(serializer),
        }
    }
}
