//! Reads nodes into types: a serde deserializer that continues after errors.
//!
//! A value of the wrong type is reported, and its field is read as if it were null. So one pass finds all such values
//! (docs/cloud-config.md). Unknown keys are reported by `lint`.

use std::borrow::Cow;
use std::cell::RefCell;

use serde::Deserialize;
use serde::de::value::StrDeserializer;
use serde::de::{DeserializeOwned, Deserializer, Visitor};

use super::access::{Entries, FieldParts, Items};
use super::confusable::{self, TextKind};
use super::document::ParsedYaml;
use super::error::Error;
use super::field::FIELD;
use super::node::{Entry, Kind, Node, Tag};
use super::scalar;
use crate::diagnostic::{Finding, Findings, Rule, Span, rules};

/// Reads a document as a `T`, with a finding for each problem (docs/cloud-config.md).
///
/// Values that cannot be read are treated as absent. A document without a root is empty.
pub fn read<T: DeserializeOwned + Default>(document: &ParsedYaml) -> (T, Vec<Finding>) {
    read_advised(document, KeyFacts { advice: |_, _, _| None, kind: |_| TextKind::Unknown, skipped: |_, _, _| None })
}

/// Reads as [`read`] does, with the facts about the keys of `T`.
pub fn read_advised<T: DeserializeOwned + Default>(document: &ParsedYaml, facts: KeyFacts) -> (T, Vec<Finding>) {
    let Some(root) = &document.root else {
        return (T::default(), Vec::new());
    };
    let context = Context { facts, findings: RefCell::default() };
    let value = Value::new(&context, root, Role::ParsedYaml);
    let read = T::deserialize(value).unwrap_or_else(|error| {
        context.wrong_type(error, value);
        T::default()
    });
    (read, context.findings.into_inner().into_list())
}

/// Returns the remedy for a value of the wrong type: the value of a key, spelled with `_`, or an item of its list if
/// `item` is true. `None` selects the remedy for all keys.
pub type Advice = fn(key: &str, item: bool, found: &Node) -> Option<&'static str>;

/// The facts about keys that the deserializer needs.
#[derive(Clone, Copy)]
pub struct KeyFacts {
    /// The remedy for a value of the wrong type.
    pub advice: Advice,
    /// The kind of text that a key takes, spelled with `_`.
    pub kind: fn(key: &str) -> TextKind,
    /// The word for the item that is skipped because of a value of the wrong type; see [`Skipped`].
    pub skipped: Skipped,
}

/// Returns the word for the item that is skipped because of a value of the wrong type: the value of a key of the type
/// `mapping`, spelled with `_`, or an item of its list if `item` is true. `None` if only the value is not applied.
pub type Skipped = fn(mapping: &str, key: &str, item: bool) -> Option<&'static str>;

/// The state of reading a document.
pub(super) struct Context {
    facts: KeyFacts,
    findings: RefCell<Findings>,
}

impl Context {
    /// Reports a value that could not be read.
    pub fn wrong_type(&self, error: Error, value: Value<'_>) {
        let Error { message, span, help, rule } = error;
        let span = span.unwrap_or(value.node.span);
        self.report(rule, span, || {
            let special = match value.role {
                _ if rule != &rules::WRONG_TYPE => None,
                Role::ParsedYaml => None,
                Role::Of(entry, _) => (self.facts.advice)(&entry.name(), false, value.node),
                Role::ItemOf(entry, _) => (self.facts.advice)(&entry.name(), true, value.node),
            };
            let help = special.or(help).map(str::to_owned);
            let message = format!("{message}; {}", self.consequence(value.role));
            Finding { help, ..Finding::new(rule, span, message) }.about_path(value.role.subject())
        });
    }

    /// Returns the consequence of a value that could not be read.
    fn consequence(&self, role: Role<'_>) -> Cow<'static, str> {
        let skipped = match role {
            Role::ParsedYaml => None,
            Role::Of(entry, mapping) => (self.facts.skipped)(mapping, &entry.name(), false),
            Role::ItemOf(entry, mapping) => (self.facts.skipped)(mapping, &entry.name(), true),
        };
        skipped.map_or(Cow::Borrowed("not applied"), |item| Cow::Owned(format!("{item} skipped")))
    }

    fn report(&self, rule: &'static Rule, span: Span, finding: impl FnOnce() -> Finding) {
        self.findings.borrow_mut().push_with(rule, Some(span), finding);
    }
}

/// The role of a value in its document, for messages.
#[derive(Clone, Copy)]
pub(super) enum Role<'a> {
    /// The whole document.
    ParsedYaml,
    /// The value of a key of a mapping, with the name of its type.
    Of(&'a Entry, &'static str),
    /// An item of the list that is the value of such a key.
    ItemOf(&'a Entry, &'static str),
}

impl Role<'_> {
    /// Returns the role of an item of this value.
    pub const fn item(self) -> Self {
        match self {
            Self::Of(entry, mapping) => Self::ItemOf(entry, mapping),
            other => other,
        }
    }

    /// Returns the subject of a message about the value if its path is unknown.
    fn subject(self) -> String {
        match self {
            Self::ParsedYaml => "document".to_owned(),
            Self::Of(entry, _) => entry.display_key(),
            Self::ItemOf(entry, _) => format!("an item of {}", entry.display_key()),
        }
    }
}

/// A node to be read into a type.
#[derive(Clone, Copy)]
pub(super) struct Value<'a> {
    context: &'a Context,
    node: &'a Node,
    role: Role<'a>,
    /// True if it is read as if it were null.
    null: bool,
}

impl<'a> Value<'a> {
    pub const fn new(context: &'a Context, node: &'a Node, role: Role<'a>) -> Self {
        Self { context, node, role, null: false }
    }

    pub const fn span(&self) -> Span {
        self.node.span
    }

    /// Reads the value. A value of the wrong type is reported, and read as null. Returns true if that happened.
    pub fn read<'de, T: Deserialize<'de>>(self) -> Result<(T, bool), Error> {
        match T::deserialize(self) {
            Ok(value) => Ok((value, false)),
            Err(error) => {
                self.context.wrong_type(error, self);
                Ok((T::deserialize(Self { null: true, ..self })?, true))
            }
        }
    }

    fn is_null(&self) -> bool {
        self.null || self.node.is_null()
    }

    fn wrong<T>(&self, wanted: &str) -> Result<T, Error> {
        Err(Error::wrong_type(wanted, self.node))
    }

    /// Fails if a lookalike character or the tag changes the value.
    fn check_signs(&self) -> Result<(), Error> {
        self.check_tag()?;
        let (Kind::Scalar(scalar), false) = (&self.node.kind, self.is_null()) else { return Ok(()) };
        if scalar.text.is_ascii() {
            return Ok(());
        }
        let key = match self.role {
            Role::ParsedYaml => Cow::Borrowed(""),
            Role::Of(entry, _) | Role::ItemOf(entry, _) => entry.name(),
        };
        confusable::in_value(scalar, (self.context.facts.kind)(&key))
            .map_or(Ok(()), |found| Err(Error::confusable(found, self.node)))
    }

    /// Fails if another program replaces the value because of its tag.
    fn check_tag(&self) -> Result<(), Error> {
        if self.node.tag == Tag::Local && !self.is_null() { Err(Error::local_tag(self.node)) } else { Ok(()) }
    }

    /// Fails if a scalar in place of a list begins with a `-` that lacks the space after it.
    fn check_dash(&self) -> Result<(), Error> {
        let Kind::Scalar(scalar) = &self.node.kind else { return Ok(()) };
        let item = scalar.text.strip_prefix('-').filter(|_| scalar.plain);
        if !item.is_some_and(|item| item.starts_with(|c: char| c.is_ascii_alphabetic())) {
            return Ok(());
        }
        let span = Span::new(self.node.span.start, (self.node.span.start + 1).min(self.node.span.end));
        let message = "no space after `-`".to_owned();
        Err(Error { message, span: Some(span), help: Some("write `- ITEM`"), rule: &rules::MISSING_SPACE })
    }

    /// Returns the text of a scalar; empty for null.
    fn text(&self) -> Result<Cow<'a, str>, Error> {
        self.check_signs()?;
        match &self.node.kind {
            _ if self.is_null() => Ok(Cow::Borrowed("")),
            Kind::Scalar(_) if self.node.tag == Tag::Binary => String::from_utf8(self.bytes()?.into_owned())
                .map(Cow::Owned)
                .map_err(|_| Error::broken("expected a string, found binary data that is not UTF-8", self.node)),
            Kind::Scalar(scalar) => Ok(Cow::Borrowed(&scalar.text)),
            _ => self.wrong("a string"),
        }
    }

    fn bytes(&self) -> Result<Cow<'a, [u8]>, Error> {
        self.check_signs()?;
        match &self.node.kind {
            _ if self.is_null() => Ok(Cow::Borrowed(b"")),
            Kind::Scalar(scalar) if self.node.tag == Tag::Binary => scalar::binary(&scalar.text)
                .map(Cow::Owned)
                .ok_or_else(|| Error::broken("`!!binary` requires base64, found other text", self.node)),
            Kind::Scalar(scalar) => Ok(Cow::Borrowed(scalar.text.as_bytes())),
            _ => self.wrong("a string"),
        }
    }

    /// Reads a scalar other than null as the type `wanted`. In quotes it is a string, and accepted with a finding.
    fn scalar<T>(&self, wanted: &str, quoted: &'static Rule, parse: fn(&str) -> Option<T>) -> Result<T, Error> {
        self.check_signs()?;
        let Kind::Scalar(scalar) = &self.node.kind else {
            return self.wrong(wanted);
        };
        let Some(value) = parse(&scalar.text).filter(|_| self.node.tag != Tag::Binary) else {
            return self.wrong(wanted);
        };
        let typed = self.node.tag == Tag::Typed || (scalar.plain && self.node.tag == Tag::None);
        if !typed {
            let span = self.node.span;
            self.context.report(quoted, span, || {
                let message = format!("expected {wanted}, found a string; applied anyway, as {wanted}");
                Finding::new(quoted, span, message).about_path(self.role.subject()).help("remove the quotes")
            });
        }
        Ok(value)
    }

    fn integer<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        const WANTED: &str = "an integer";
        if self.is_null() {
            return visitor.visit_i64(0);
        }
        let number = self.scalar(WANTED, &rules::QUOTED_NUMBER, |text| {
            let whole = |float: &f64| float.fract() == 0.0;
            // A float without a fraction is accepted as an integer.
            scalar::integer(text).or_else(|| format!("{:.0}", scalar::float(text).filter(whole)?).parse().ok())
        })?;
        match (i64::try_from(number), u64::try_from(number)) {
            (Ok(number), _) => visitor.visit_i64(number),
            (_, Ok(number)) => visitor.visit_u64(number),
            _ => Err(Error::broken("expected an integer, found one that is too large", self.node)),
        }
    }

    /// Reads a value as a list with one item, if it can be read as an item of the list.
    fn list_of_one<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let span = self.node.span;
        // Findings about the item are replaced with one about the list.
        let before = self.context.findings.take();
        let list = visitor.visit_seq(Items::one(self));
        let item_findings = self.context.findings.replace(before).into_list();
        let list = list?;
        if item_findings.iter().any(|finding| finding.is_error() && finding.span == Some(span)) {
            return self.wrong("a list");
        }
        self.context.findings.borrow_mut().extend(item_findings);
        self.context.report(&rules::TEXT_FOR_LIST, span, || {
            let message = "expected a list, found a string; applied anyway, as a list with one item";
            let finding = Finding::new(&rules::TEXT_FOR_LIST, span, message).about_path(self.role.subject());
            finding.help("write `- ` before it, on a line of its own")
        });
        Ok(list)
    }
}

macro_rules! integers {
    ($($method:ident)*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            self.integer(visitor)
        })*
    };
}

macro_rules! texts {
    ($($method:ident)*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            visitor.visit_str(&self.text()?)
        })*
    };
}

impl<'de> Deserializer<'de> for Value<'_> {
    type Error = Error;

    integers! { deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 }
    integers! { deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 }
    texts! { deserialize_char deserialize_str deserialize_string deserialize_identifier }

    /// Types that accept any value get each scalar as its text.
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.check_tag()?;
        match &self.node.kind {
            _ if self.is_null() => visitor.visit_unit(),
            Kind::Scalar(_) => {
                if matches!(self.role, Role::Of(entry, _) if entry.key.as_ref() == "groups") {
                    self.check_dash()?;
                }
                visitor.visit_str(&self.text()?)
            }
            Kind::List(items) => visitor.visit_seq(Items::new(self.context, self.role, items)),
            Kind::Mapping(mapping) => visitor.visit_map(Entries::new(self.context, "", &mapping.entries)),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if self.is_null() {
            return visitor.visit_bool(false);
        }
        visitor.visit_bool(self.scalar("a boolean", &rules::QUOTED_BOOLEAN, scalar::boolean)?)
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_f64(visitor)
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if self.is_null() {
            return visitor.visit_f64(0.0);
        }
        visitor.visit_f64(self.scalar("a number", &rules::QUOTED_NUMBER, scalar::float)?)
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_bytes(&self.bytes()?)
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.bytes()? {
            Cow::Borrowed(bytes) => visitor.visit_bytes(bytes),
            Cow::Owned(bytes) => visitor.visit_byte_buf(bytes),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if self.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if self.is_null() { visitor.visit_unit() } else { self.wrong("nothing") }
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.check_tag()?;
        match &self.node.kind {
            _ if self.is_null() => visitor.visit_seq(Items::new(self.context, self.role, &[])),
            Kind::List(items) => visitor.visit_seq(Items::new(self.context, self.role, items)),
            Kind::Scalar(_) => {
                self.check_signs()?;
                self.check_dash()?;
                self.list_of_one(visitor)
            }
            Kind::Mapping(_) => self.wrong("a list"),
        }
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, Error> {
        // A `Field` reads the position of its value, the value, and whether that had the wrong type.
        if name == FIELD { visitor.visit_seq(FieldParts::new(self)) } else { self.deserialize_seq(visitor) }
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_struct("", &[], visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.check_tag()?;
        match &self.node.kind {
            _ if self.is_null() => visitor.visit_map(Entries::new(self.context, name, &[])),
            Kind::Mapping(mapping) => visitor.visit_map(Entries::new(self.context, name, &mapping.entries)),
            _ => self.wrong("a mapping"),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_enum(StrDeserializer::new(&self.text()?))
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_unit()
    }
}
