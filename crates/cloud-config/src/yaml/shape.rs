//! The shape of the values that a type accepts, derived from the keys that serde generates for its fields.
//!
//! The type is deserialized from a probe that records its requests. So there is no second list of keys that could
//! differ.

use serde::Deserialize;
use serde::de::value::{Error, StrDeserializer};
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

use super::field::FIELD;

/// The shape of the values of a type.
#[derive(Debug, Default, PartialEq, Eq)]
pub enum Shape {
    /// A value without keys: a string, a number or a boolean.
    #[default]
    Value,
    /// A list.
    List(Box<Self>),
    /// A mapping with these keys, spelled with `_`.
    Mapping(Vec<(&'static str, Self)>),
}

impl Shape {
    /// Returns the shape of `T`.
    pub fn of<'de, T: Deserialize<'de>>() -> Self {
        let mut shape = Self::Value;
        // The shape of a type is unknown if deserialization fails before it requests anything.
        let _ = T::deserialize(Probe(&mut shape));
        shape
    }
}

/// A deserializer that provides whatever is requested, and records the request as a shape.
struct Probe<'a>(&'a mut Shape);

macro_rules! answers {
    ($($method:ident $visit:ident $value:expr;)*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            visitor.$visit($value)
        })*
    };
}

impl<'de> Deserializer<'de> for Probe<'_> {
    type Error = Error;

    answers! {
        deserialize_bool visit_bool false;
        deserialize_i8 visit_i8 0;
        deserialize_i16 visit_i16 0;
        deserialize_i32 visit_i32 0;
        deserialize_i64 visit_i64 0;
        deserialize_u8 visit_u8 0;
        deserialize_u16 visit_u16 0;
        deserialize_u32 visit_u32 0;
        deserialize_u64 visit_u64 0;
        deserialize_f32 visit_f32 0.0;
        deserialize_f64 visit_f64 0.0;
        deserialize_char visit_char ' ';
        deserialize_str visit_str "";
        deserialize_string visit_str "";
        deserialize_identifier visit_str "";
        deserialize_bytes visit_bytes b"";
        deserialize_byte_buf visit_bytes b"";
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_unit()
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_unit()
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_unit()
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_unit()
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let mut item = Shape::Value;
        let value = visitor.visit_seq(OneItem(Some(&mut item)))?;
        *self.0 = Shape::List(Box::new(item));
        Ok(value)
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
        if name == FIELD {
            visitor.visit_seq(ShapeParts { value: self.0, part: 0 })
        } else {
            self.deserialize_seq(visitor)
        }
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_struct("", &[], visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let mut keys = Vec::new();
        let value = visitor.visit_map(EachKey { rest: fields.iter(), current: "", keys: &mut keys })?;
        *self.0 = Shape::Mapping(keys);
        Ok(value)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_enum(StrDeserializer::new(variants.first().copied().unwrap_or_default()))
    }
}

/// A list with one item, whose shape is recorded.
struct OneItem<'a>(Option<&'a mut Shape>);

impl<'de> SeqAccess<'de> for OneItem<'_> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Error> {
        self.0.take().map(|shape| seed.deserialize(Probe(shape))).transpose()
    }
}

/// The parts of a `Field`, of which only the value has a shape.
struct ShapeParts<'a> {
    value: &'a mut Shape,
    part: u8,
}

impl<'de> SeqAccess<'de> for ShapeParts<'_> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Error> {
        self.part += 1;
        match self.part {
            3 => seed.deserialize(Probe(self.value)).map(Some),
            1..=4 => seed.deserialize(Probe(&mut Shape::Value)).map(Some),
            _ => Ok(None),
        }
    }
}

/// Provides each key of a type in turn.
struct EachKey<'a> {
    rest: std::slice::Iter<'static, &'static str>,
    current: &'static str,
    keys: &'a mut Vec<(&'static str, Shape)>,
}

impl<'de> MapAccess<'de> for EachKey<'_> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Error> {
        let Some(key) = self.rest.next() else { return Ok(None) };
        self.current = key;
        seed.deserialize(StrDeserializer::new(key)).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Error> {
        let mut shape = Shape::Value;
        let value = seed.deserialize(Probe(&mut shape))?;
        self.keys.push((self.current, shape));
        Ok(value)
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::Shape;
    use crate::config::CloudConfig;
    use crate::config::options::TABLES;
    use crate::text::secret::Secret;
    use crate::yaml::{Bytes, Field};

    #[derive(Default, Deserialize)]
    #[serde(default)]
    #[allow(dead_code)]
    struct Outer {
        text: Field<Secret<String>>,
        bytes: Bytes,
        number: Option<i64>,
        inner: Vec<Field<Inner>>,
        texts: Field<Vec<String>>,
    }

    #[derive(Default, Deserialize)]
    #[serde(default)]
    #[allow(dead_code)]
    struct Inner {
        a_b: Field<bool>,
    }

    #[test]
    fn a_type_says_what_it_takes() {
        let inner = Shape::Mapping(vec![("a_b", Shape::Value)]);
        let keys = vec![
            ("text", Shape::Value),
            ("bytes", Shape::Value),
            ("number", Shape::Value),
            ("inner", Shape::List(Box::new(inner))),
            ("texts", Shape::List(Box::new(Shape::Value))),
        ];
        assert_eq!(Shape::of::<Outer>(), Shape::Mapping(keys));
        assert_eq!(Shape::of::<Secret<Bytes>>(), Shape::Value);
    }

    #[test]
    fn options_are_keys_too() {
        let Shape::Mapping(top) = Shape::of::<CloudConfig>() else { panic!("no mapping") };
        let Some((_, Shape::Mapping(coreos))) = top.iter().find(|(key, _)| *key == "coreos") else {
            panic!("no coreos")
        };
        for table in TABLES {
            let found = coreos.iter().find(|(key, _)| *key == table.section);
            let Some((_, Shape::Mapping(options))) = found else { panic!("no {}", table.section) };
            let names: Vec<_> = options.iter().map(|(key, _)| *key).collect();
            assert_eq!(names, table.options.iter().map(|option| option.name).collect::<Vec<_>>());
        }
    }
}
