//! The only place that knows YAML: text becomes nodes with their places, nodes become types.

mod field;

pub use field::Field;

/// Content as bytes: text as written, or the decoded bytes of `!!binary` (spec §5).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bytes(pub Vec<u8>);

impl<'de> serde::Deserialize<'de> for Bytes {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self(text.into_bytes()))
    }
}
