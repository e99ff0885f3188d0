//! What the deserializer's visitors complain of, without any value of the document.

use std::fmt;

use serde::de::{self, Expected, Unexpected};

use super::node::Node;
use crate::finding::Span;

/// A value that cannot be read as what is wanted.
#[derive(Debug)]
pub(super) struct Error {
    pub message: String,
    /// Where; none where the visitor complains, which does not know places.
    pub span: Option<Span>,
}

impl Error {
    /// `node` is not what is wanted.
    pub fn wrong_type(wanted: &str, node: &Node) -> Self {
        Self { message: format!("expected {wanted}, found {}", node.describe()), span: Some(node.span) }
    }

    /// `node` is of the right type, and yet cannot be read.
    pub fn broken(message: &str, node: &Node) -> Self {
        Self { message: message.to_owned(), span: Some(node.span) }
    }
}

impl std::error::Error for Error {}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl de::Error for Error {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self { message: message.to_string(), span: None }
    }

    // serde's own words for these show the value, which may be a secret.

    fn invalid_type(found: Unexpected<'_>, wanted: &dyn Expected) -> Self {
        let found = match found {
            Unexpected::Bool(_) => "a truth value",
            Unexpected::Unsigned(_) | Unexpected::Signed(_) | Unexpected::Float(_) => "a number",
            Unexpected::Bytes(_) => "binary data",
            Unexpected::Unit | Unexpected::Option => "nothing",
            Unexpected::Seq => "a list",
            Unexpected::Map => "a mapping",
            _ => "text",
        };
        Self::custom(format_args!("expected {wanted}, found {found}"))
    }

    fn invalid_value(_: Unexpected<'_>, wanted: &dyn Expected) -> Self {
        Self::custom(format_args!("expected {wanted}"))
    }

    fn unknown_variant(_: &str, wanted: &'static [&'static str]) -> Self {
        Self::custom(format_args!("expected one of {}", wanted.join(", ")))
    }
}
