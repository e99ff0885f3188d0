//! Errors of reading values into types. They contain no value of the document.

use std::fmt;

use serde::de::{self, Expected, Unexpected};

use super::confusable::Confusable;
use super::node::{Kind, Node};
use crate::diagnostic::{Rule, Span, rules};

/// A value that cannot be converted to the expected type.
#[derive(Debug)]
pub(super) struct Error {
    pub message: String,
    /// The position; `None` for an error of a serde visitor, which does not know it.
    pub span: Option<Span>,
    /// The remedy.
    pub help: Option<&'static str>,
    /// The rule that it breaks.
    pub rule: &'static Rule,
}

impl Error {
    /// Creates the error for a `node` of another type than `wanted`.
    pub fn wrong_type(wanted: &str, node: &Node) -> Self {
        let message = format!("expected {wanted}, found {}", node.describe());
        Self { message, span: Some(node.span), help: help(wanted, node), rule: &rules::WRONG_TYPE }
    }

    /// Creates the error for a `node` whose text differs from how it looks.
    pub fn confusable(found: Confusable, node: &Node) -> Self {
        // Where a token was replaced, the bytes of the value are not those of the source text.
        let len = node.text().map_or(0, str::len);
        let exact = node.span.end - node.span.start == len;
        let start = node.span.start + found.at;
        let span = if exact { Span::new(start, start + found.len()) } else { node.span };
        let message = found.description();
        Self { message, span: Some(span), help: Some(found.help()), rule: &rules::LOOKALIKE_CHARACTER }
    }

    /// Creates the error for a `node` with a tag that only another program evaluates.
    pub fn local_tag(node: &Node) -> Self {
        let message = "unsupported tag".to_owned();
        let help = "write the value that the tag stands for; put a string that begins with `!` in quotes";
        Self { message, span: Some(node.span), help: Some(help), rule: &rules::UNKNOWN_TAG }
    }

    /// Creates the error for a `node` of the right type that cannot be read.
    pub fn broken(message: &str, node: &Node) -> Self {
        Self { message: message.to_owned(), span: Some(node.span), help: None, rule: &rules::WRONG_TYPE }
    }
}

/// Returns the remedy for `node` in place of another type, for any key.
fn help(wanted: &str, node: &Node) -> Option<&'static str> {
    match (wanted, &node.kind) {
        ("a string", Kind::Mapping(_)) if node.flow => Some("put a string that begins with `{` in quotes"),
        ("a string", Kind::List(_)) if node.flow => Some("put a string that begins with `[` in quotes"),
        ("a string", _) => Some("write one string, or begin a string of several lines with `|`"),
        ("a list", _) => Some("begin each item with `- `"),
        ("a mapping", Kind::List(_)) if node.flow => {
            Some("write lines of `KEY: VALUE` below it, indented, or remove it")
        }
        ("a mapping", Kind::List(_)) => Some("remove the `-`"),
        ("a mapping", _) => Some("write `KEY: VALUE`, with a space after the colon"),
        ("a boolean", _) => Some("write `true` or `false`"),
        ("an integer" | "a number", Kind::Scalar(_)) => Some("write digits alone, without a unit or a decimal point"),
        _ => None,
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
        Self { message: message.to_string(), span: None, help: None, rule: &rules::WRONG_TYPE }
    }

    // The default messages of serde contain the value, which may be a secret.

    fn invalid_type(found: Unexpected<'_>, wanted: &dyn Expected) -> Self {
        let found = match found {
            Unexpected::Bool(_) => "a boolean",
            Unexpected::Unsigned(_) | Unexpected::Signed(_) | Unexpected::Float(_) => "a number",
            Unexpected::Bytes(_) => "binary data",
            Unexpected::Unit | Unexpected::Option => "nothing",
            Unexpected::Seq => "a list",
            Unexpected::Map => "a mapping",
            _ => "a string",
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
