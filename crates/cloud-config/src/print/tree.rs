//! The printed values before they are YAML or JSON: keys in the order in which people read them.

use serde::ser::{Serialize, SerializeMap, Serializer};

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub enum PrintedTree {
    /// Text.
    Text(String),
    /// A truth value.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number.
    Float(f64),
    /// A list.
    List(Vec<PrintedTree>),
    /// A mapping.
    PrintedMapping(PrintedMapping),
}

/// Keys with their values. What is not set is not there.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PrintedMapping(Vec<(&'static str, PrintedTree)>);

impl PrintedMapping {
    /// Sets a key.
    pub fn set(&mut self, key: &'static str, value: PrintedTree) {
        self.0.push((key, value));
    }

    /// Sets a key to a text that is not empty.
    pub fn text(&mut self, key: &'static str, text: Option<impl Into<String>>) {
        if let Some(text) = text.map(Into::into).filter(|text| !text.is_empty()) {
            self.set(key, PrintedTree::Text(text));
        }
    }

    /// Sets a key to yes.
    pub fn yes(&mut self, key: &'static str, yes: bool) {
        if yes {
            self.set(key, PrintedTree::Bool(true));
        }
    }

    /// Sets a key to a list that is not empty.
    pub fn list(&mut self, key: &'static str, items: impl IntoIterator<Item = PrintedTree>) {
        let items: Vec<_> = items.into_iter().collect();
        if !items.is_empty() {
            self.set(key, PrintedTree::List(items));
        }
    }

    /// Sets a key to a mapping that is not empty.
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
