//! A value with its position, which also records that it had the wrong type.

use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, Error, SeqAccess, Visitor};

use crate::diagnostic::Span;

/// The name of the struct by which [`Field`] requests the position of a value from the deserializer.
pub(super) const FIELD: &str = "$cloudinit::Field";

/// A value of the configuration with its position. It may be absent, or have had the wrong type.
///
/// A field of which a wrong type refuses the item is a `Field`. In an `Option`, a wrong type would look like an absent
/// value (docs/cloud-config.md).
#[derive(Clone, PartialEq, Eq)]
pub struct Field<T> {
    /// The value; `None` if it is absent, empty (`~`, `null`, nothing) or of the wrong type.
    pub value: Option<T>,
    /// The position of the value; `None` if it is absent.
    pub span: Option<Span>,
    /// True if the value has the wrong type, which a finding reports.
    pub bad: bool,
}

impl<T> Default for Field<T> {
    fn default() -> Self {
        Self { value: None, span: None, bad: false }
    }
}

impl<T> Field<T> {
    /// Returns the value, if there is one.
    pub const fn get(&self) -> Option<&T> {
        self.value.as_ref()
    }

    /// Returns true if the value is present but empty: `~`, `null`, nothing. An empty section is not absent.
    pub const fn is_null(&self) -> bool {
        self.value.is_none() && self.span.is_some() && !self.bad
    }
}

impl<T> std::fmt::Debug for Field<T> {
    /// Omits the value: any value can be a secret that is there by mistake.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { value, span, bad } = self;
        f.debug_struct("Field").field("there", &value.is_some()).field("span", span).field("bad", bad).finish()
    }
}

impl Field<String> {
    /// Returns the text; empty if there is no value.
    pub fn text(&self) -> &str {
        self.value.as_deref().unwrap_or_default()
    }

    /// Returns the text, unless it is absent or empty.
    pub fn filled(&self) -> Option<&str> {
        self.value.as_deref().filter(|text| !text.is_empty())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Field<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct FieldVisitor<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for FieldVisitor<T> {
            type Value = Field<T>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a value with its position")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                let short = || A::Error::custom("a Field is only read from this crate's deserializer");
                let start = seq.next_element()?.ok_or_else(short)?;
                let end = seq.next_element()?.ok_or_else(short)?;
                // Null is read as `None`. So is a wrong type, which sets the flag below.
                let value: Option<T> = seq.next_element()?.ok_or_else(short)?;
                let bad = seq.next_element()?.ok_or_else(short)?;
                Ok(Field { value, span: Some(Span::new(start, end)), bad })
            }
        }

        deserializer.deserialize_tuple_struct(FIELD, 4, FieldVisitor(PhantomData))
    }
}
