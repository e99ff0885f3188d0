//! Passes lists, mappings and fields to serde, entry by entry.
//!
//! `next_element` and `next_value` are overridden, because they know the requested type. If a value cannot be read,
//! they request it again, from null.

use std::rc::Rc;
use std::slice;

use serde::Deserialize;
use serde::de::value::{BoolDeserializer, StrDeserializer, U64Deserializer};
use serde::de::{DeserializeSeed, IntoDeserializer, MapAccess, SeqAccess};

use super::de::{Context, Role, Value};
use super::error::Error;
use super::node::{Entry, Node};

/// The items of a list for serde.
pub(super) enum Items<'a> {
    /// All items of a list, with its role.
    All(&'a Context, Role<'a>, slice::Iter<'a, Rc<Node>>),
    /// A single value in place of a list.
    One(Option<Value<'a>>),
}

impl<'a> Items<'a> {
    pub fn new(context: &'a Context, list: Role<'a>, items: &'a [Rc<Node>]) -> Self {
        Self::All(context, list, items.iter())
    }

    pub const fn one(value: Value<'a>) -> Self {
        Self::One(Some(value))
    }

    fn next(&mut self) -> Option<Value<'a>> {
        match self {
            Self::All(context, list, items) => items.next().map(|node| Value::new(context, node, list.item())),
            Self::One(value) => value.take(),
        }
    }
}

impl<'de> SeqAccess<'de> for Items<'_> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Error> {
        self.next().map(|value| seed.deserialize(value)).transpose()
    }

    fn next_element<T: Deserialize<'de>>(&mut self) -> Result<Option<T>, Error> {
        self.next().map(|value| Ok(value.read()?.0)).transpose()
    }

    fn size_hint(&self) -> Option<usize> {
        match self {
            Self::All(_, _, items) => Some(items.len()),
            Self::One(value) => Some(usize::from(value.is_some())),
        }
    }
}

/// The entries of a mapping for serde. Their keys are spelled with `_`.
pub(super) struct Entries<'a> {
    context: &'a Context,
    /// The name of the Rust type.
    mapping: &'static str,
    rest: slice::Iter<'a, Entry>,
    current: Option<&'a Entry>,
}

impl<'a> Entries<'a> {
    pub fn new(context: &'a Context, mapping: &'static str, entries: &'a [Entry]) -> Self {
        Self { context, mapping, rest: entries.iter(), current: None }
    }

    fn value(&mut self) -> Result<Value<'a>, Error> {
        let entry =
            self.current.take().ok_or_else(|| serde::de::Error::custom("a value was asked for before its key"))?;
        Ok(Value::new(self.context, &entry.value, Role::Of(entry, self.mapping)))
    }
}

impl<'de> MapAccess<'de> for Entries<'_> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Error> {
        self.current = self.rest.next();
        self.current.map(|entry| seed.deserialize(StrDeserializer::new(&entry.name()))).transpose()
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Error> {
        seed.deserialize(self.value()?)
    }

    fn next_value<V: Deserialize<'de>>(&mut self) -> Result<V, Error> {
        Ok(self.value()?.read()?.0)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.rest.len())
    }
}

/// The parts of a [`Field`](super::Field) for serde: start, end, value, and true if the value had the wrong type.
pub(super) struct FieldParts<'a> {
    value: Value<'a>,
    part: u8,
    bad: bool,
}

impl<'a> FieldParts<'a> {
    pub const fn new(value: Value<'a>) -> Self {
        Self { value, part: 0, bad: false }
    }

    fn next<T>(
        &mut self,
        offset: impl FnOnce(U64Deserializer<Error>) -> Result<T, Error>,
        value: impl FnOnce(Value<'a>) -> Result<(T, bool), Error>,
        bad: impl FnOnce(BoolDeserializer<Error>) -> Result<T, Error>,
    ) -> Result<Option<T>, Error> {
        self.part = self.part.saturating_add(1);
        let position = |byte: usize| u64::try_from(byte).unwrap_or(u64::MAX).into_deserializer();
        match self.part {
            1 => offset(position(self.value.span().start)),
            2 => offset(position(self.value.span().end)),
            3 => value(self.value).map(|(value, wrong)| {
                self.bad = wrong;
                value
            }),
            4 => bad(self.bad.into_deserializer()),
            _ => return Ok(None),
        }
        .map(Some)
    }
}

impl<'de> SeqAccess<'de> for FieldParts<'_> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Error> {
        // The seed is consumed by the first try. A second one needs the type, which only the caller knows.
        let seed = std::cell::Cell::new(Some(seed));
        let take = || seed.take().ok_or_else(|| serde::de::Error::custom("a part was asked for twice"));
        self.next(
            |it| take()?.deserialize(it),
            |it| Ok((take()?.deserialize(it)?, false)),
            |it| take()?.deserialize(it),
        )
    }

    fn next_element<T: Deserialize<'de>>(&mut self) -> Result<Option<T>, Error> {
        self.next(|it| T::deserialize(it), Value::read, |it| T::deserialize(it))
    }
}
