//! The keys of a cloud-config, with the properties that are not in their types.
//!
//! Each key has one row in `table`. Redaction, the JSON Schema, remedies, lints and `--print-config` read it. The
//! options of services have a table of their own ([`options`](super::options)).

mod table;

use crate::diagnostic::Rule;
use crate::yaml::TextKind;

pub use table::{COREOS, DROP_IN, FILE, MAPPINGS, OEM, TOP, UNIT, UPDATE, USER};

/// A mapping of a cloud-config, with the rows of its keys.
#[derive(Debug)]
pub struct Mapping {
    /// The path of the mapping, such as `coreos.units[]`; empty for the document.
    pub path: &'static str,
    /// The name of the Rust type, and of the definition in the JSON Schema.
    pub type_name: &'static str,
    /// The word for the mapping in messages, if it is an item of a list.
    pub item: &'static str,
    /// The rows of the keys, in the order of the Rust type. The required key of an item is the first one.
    pub fields: &'static [FieldInfo],
}

/// The row of a key.
#[derive(Debug)]
pub struct FieldInfo {
    /// The key, spelled with `_`.
    pub name: &'static str,
    /// The values that findings and plans may print.
    pub show: Show,
    /// The values that the planner accepts.
    pub values: Values,
    /// The reason why the key is deprecated.
    pub deprecated: Option<&'static str>,
    /// The remedy for a value of the wrong type.
    pub remedy: Remedy,
    /// The kind of text that the key takes.
    pub text: TextKind,
    /// The description of the key in messages, if its text must be on one line or in quotes.
    pub one_line: Option<&'static str>,
    /// True if every string is intended, including one such as `on` that has another type in YAML 1.1.
    pub free_text: bool,
    /// The error for which only the value is skipped, and not the whole item.
    pub left_out_for: Option<&'static Rule>,
    /// The consequence of a value of the wrong type.
    pub wrong_type: WrongType,
    /// True if only a new account gets the value.
    pub of_new_account: bool,
    /// The forms of an absent value that are reported.
    pub missing: Missing,
    /// Words that users write instead of the key, spelled with `_` and separated by blanks.
    pub misspelled: &'static str,
    /// True if the key gives access to the machine.
    pub access: bool,
}

/// The values of a key that may be printed. Any other value can be a secret that is there by mistake.
#[derive(Clone, Copy, Debug)]
pub enum Show {
    /// A mapping or a list of mappings. Their keys have rows of their own.
    Section,
    /// No value: content, hashes, keys, and everything that can contain a password.
    Never,
    /// No value: a URL, or text that can contain one. `--print-config` prints it without its credentials.
    Url,
    /// The name of a machine, a group or a unit.
    Name,
    /// The name of an account.
    Login,
    /// The path of a file.
    Path,
    /// The mode of a file.
    Mode,
    /// A boolean.
    Boolean,
    /// A number.
    Number,
    /// One of these words, or a misspelling of one. Any other word can be a secret in the wrong line. A password that
    /// resembles a word such as `start` would be useless anyway.
    Words(&'static [&'static str]),
}

/// The values that the planner accepts.
#[derive(Clone, Copy, Debug)]
pub enum Values {
    /// All values of the type.
    Any,
    /// Any string except the empty one; for an empty string, the item is skipped.
    Filled,
    /// One of these words, or an empty string.
    Words(&'static [&'static str]),
    /// One of these words, an empty string, or `false`, which YAML tools write for `off`.
    WordsOrFalse(&'static [&'static str]),
    /// An octal mode.
    Mode,
}

/// The remedy for a value of the wrong type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// The general remedy for the type.
    OfType,
    /// A remedy for every value, except for text in braces that lacks quotes.
    Value(&'static str),
    /// A remedy for every value: the beginning of an item, or another form of the list.
    List(&'static str),
    /// The remedy for a list: to write one string that has no parts.
    OneString,
    /// A remedy for a list.
    ForList(&'static str),
    /// A remedy for a list or a mapping.
    ForCollection(&'static str),
    /// The remedy for a list or a mapping in place of content: to write a block scalar.
    Block,
}

/// The consequence of a value of the wrong type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WrongType {
    /// The value is not applied.
    ValueIgnored,
    /// The item of the key is skipped, because it would have another meaning without the value.
    ItemSkipped,
}

/// The forms of an absent value that are reported. For most keys, an absent value is the same as an absent key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// No form.
    Never,
    /// A key without any value, but not `~` or `""`.
    NoValue,
    /// A key without any value, and an empty string.
    NoText,
}

impl FieldInfo {
    const fn new(name: &'static str, show: Show) -> Self {
        Self {
            name,
            show,
            values: Values::Any,
            deprecated: None,
            remedy: Remedy::OfType,
            text: TextKind::Unknown,
            one_line: None,
            free_text: false,
            left_out_for: None,
            wrong_type: WrongType::ValueIgnored,
            of_new_account: false,
            missing: Missing::Never,
            misspelled: "",
            access: false,
        }
    }

    const fn values(mut self, values: Values) -> Self {
        self.values = values;
        self
    }

    /// Marks the key as required: without it, the item is skipped.
    const fn required(self) -> Self {
        self.values(Values::Filled).skips_item()
    }

    const fn skips_item(mut self) -> Self {
        self.wrong_type = WrongType::ItemSkipped;
        self
    }

    const fn remedy(mut self, remedy: Remedy) -> Self {
        self.remedy = remedy;
        self
    }

    const fn one_string(self) -> Self {
        self.remedy(Remedy::OneString)
    }

    const fn list(self, remedy: &'static str) -> Self {
        self.remedy(Remedy::List(remedy))
    }

    const fn text(mut self, text: TextKind) -> Self {
        self.text = text;
        self
    }

    const fn one_line(mut self, words: &'static str) -> Self {
        self.one_line = Some(words);
        self
    }

    const fn left_out_for(mut self, rule: &'static Rule) -> Self {
        self.left_out_for = Some(rule);
        self
    }

    const fn of_new_account(mut self) -> Self {
        self.of_new_account = true;
        self
    }

    const fn needs_value(mut self) -> Self {
        self.missing = Missing::NoValue;
        self
    }

    const fn needs_text(mut self) -> Self {
        self.missing = Missing::NoText;
        self
    }

    const fn misspelled(mut self, words: &'static str) -> Self {
        self.misspelled = words;
        self
    }

    const fn deprecated(mut self, reason: &'static str) -> Self {
        self.deprecated = Some(reason);
        self
    }

    const fn access(mut self) -> Self {
        self.access = true;
        self
    }

    /// Returns true if `word` is a known misspelling of the key.
    pub fn is_misspelled(&self, word: &str) -> bool {
        self.misspelled.split_ascii_whitespace().any(|known| known == word)
    }
}

impl Mapping {
    /// Returns the row of the key `name`, spelled with `_`.
    pub fn field(&self, name: &str) -> Option<&'static FieldInfo> {
        self.fields.iter().find(|field| field.name == name)
    }

    /// Returns true if `word` is a known misspelling of one of the keys.
    pub fn is_misspelled(&self, word: &str) -> bool {
        self.fields.iter().any(|field| field.is_misspelled(word))
    }
}

/// Returns the row of the key `name` in the mapping at `path`.
pub fn find(path: &str, name: &str) -> Option<&'static FieldInfo> {
    MAPPINGS.iter().find(|mapping| mapping.path == path)?.field(name)
}

/// Returns the remedy for a value of the wrong type of the key `name`, in any mapping: the YAML reader does not know
/// the mapping.
pub fn remedy(name: &str) -> Remedy {
    let mut rows = MAPPINGS.iter().filter_map(|mapping| mapping.field(name));
    rows.next().map_or(Remedy::OfType, |row| row.remedy)
}

/// Returns the word for the item that is skipped because of a value of the wrong type. The value belongs to the key
/// `name` of the type `type_name`, or is an item of its list (`in_list`); see [`crate::yaml::Skipped`].
pub fn skipped_item(type_name: &str, name: &str, in_list: bool) -> Option<&'static str> {
    let mapping = MAPPINGS.iter().find(|mapping| mapping.type_name == type_name)?;
    if in_list {
        let above = if mapping.path.is_empty() { String::new() } else { format!("{}.", mapping.path) };
        let items = format!("{above}{name}[]");
        return MAPPINGS.iter().find(|mapping| mapping.path == items).map(|mapping| mapping.item);
    }
    mapping.field(name).filter(|field| field.wrong_type == WrongType::ItemSkipped).map(|_| mapping.item)
}

/// Returns the kind of text that the key `name` takes, in any mapping: the YAML reader does not know the mapping.
pub fn text_kind(name: &str) -> TextKind {
    let mut rows = MAPPINGS.iter().filter_map(|mapping| mapping.field(name));
    rows.next().map_or(TextKind::Unknown, |row| row.text)
}

#[cfg(test)]
mod tests {
    use super::{MAPPINGS, WrongType, remedy, text_kind};
    use crate::config::options::TABLES;
    use crate::config::places::PLACES;
    use crate::plan::Item;

    #[test]
    fn every_key_of_the_types_has_one_row() {
        let options: Vec<_> = TABLES.iter().map(|table| format!("coreos.{}", table.section)).collect();
        let places: Vec<_> = PLACES.iter().filter(|place| !options.contains(&place.path)).collect();
        for place in &places {
            let mapping = MAPPINGS.iter().find(|mapping| mapping.path == place.path);
            let mapping = mapping.unwrap_or_else(|| panic!("no mapping `{}` in config/fields/table.rs", place.path));
            let rows: Vec<_> = mapping.fields.iter().map(|field| field.name).collect();
            let keys: Vec<_> = place.keys().collect();
            assert_eq!(rows, keys, "the rows of `{}` in config/fields/table.rs, and the keys of its type", place.path);
        }
        assert_eq!(MAPPINGS.len(), places.len());
    }

    /// Returns the word for a skipped item.
    fn word(item: &Item) -> &'static str {
        match item {
            Item::File(_) => "file",
            Item::User(_) => "user",
            Item::Unit(_) => "unit",
            Item::DropIn { .. } => "drop-in",
            _ => "",
        }
    }

    /// Returns the message for a value of the wrong type in the first item of the list at `path`, and the skipped
    /// items.
    fn wrong_type(path: &str, item: &str) -> (String, Vec<&'static str>) {
        let list = match path {
            "coreos.units[]" => format!("coreos: {{units: [{item}]}}"),
            "coreos.units[].drop_ins[]" => format!("coreos: {{units: [{{name: a.service, drop_ins: [{item}]}}]}}"),
            path => format!("{}: [{item}]", path.trim_end_matches("[]")),
        };
        let part = crate::user_data::split("x", format!("#cloud-config\n{list}\n").into_bytes()).remove(0);
        let document = crate::document::read(part, &crate::address_tokens::Addresses::default(), false);
        let plan = document.plan(&crate::plan::Facts::default(), "set");
        let found = plan.findings.iter().find(|finding| finding.rule.id == "wrong-type");
        let message = found.unwrap_or_else(|| panic!("{list}: {:?}", plan.findings)).message.clone();
        (message, plan.refused.iter().map(|refused| word(&refused.item)).collect())
    }

    #[test]
    fn a_value_of_the_wrong_type_names_the_item_that_is_skipped() {
        for mapping in MAPPINGS.iter().filter(|mapping| !mapping.item.is_empty()) {
            let others: &[(&str, &str)] = match mapping.item {
                "file" => &[("path", "/a")],
                "user" => &[("name", "web")],
                "unit" => &[("name", "a.service")],
                _ => &[("name", "a.conf"), ("content", "x")],
            };
            for field in mapping.fields {
                let others = others.iter().filter(|(key, _)| *key != field.name);
                let others: String = others.flat_map(|(key, value)| [*key, ": ", *value, ", "]).collect();
                let (message, skipped) = wrong_type(mapping.path, &format!("{{{others}{}: {{a: b}}}}", field.name));
                let is_skipped = skipped.contains(&mapping.item);
                let end = if is_skipped { format!("; {} skipped", mapping.item) } else { "; not applied".to_owned() };
                assert!(message.ends_with(&end), "{}.{}: {message}", mapping.path, field.name);
                assert_eq!(
                    is_skipped,
                    field.wrong_type == WrongType::ItemSkipped,
                    "{}.{}: {skipped:?}",
                    mapping.path,
                    field.name
                );
            }
            let (message, skipped) = wrong_type(mapping.path, "text");
            assert!(message.ends_with(&format!("; {} skipped", mapping.item)), "{message}");
            assert_eq!(skipped, [mapping.item]);
        }
    }

    #[test]
    fn no_word_stands_for_two_keys() {
        for mapping in MAPPINGS {
            let words: Vec<_> =
                mapping.fields.iter().flat_map(|field| field.misspelled.split_ascii_whitespace()).collect();
            for (index, word) in words.iter().enumerate() {
                assert!(mapping.field(word).is_none() && !words[..index].contains(word), "{}: {word}", mapping.path);
            }
        }
    }

    #[test]
    fn keys_of_one_name_have_one_remedy_and_one_kind_of_text() {
        for field in MAPPINGS.iter().flat_map(|mapping| mapping.fields) {
            let known = (remedy(field.name), text_kind(field.name));
            assert_eq!(known, (field.remedy, field.text), "{}", field.name);
        }
    }
}
