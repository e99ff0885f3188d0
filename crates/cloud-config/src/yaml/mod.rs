//! The only module that knows YAML: it turns text into nodes with positions, and nodes into types.
//!
//! ```text
//! text ──► scanner ──► build ──────────────► Document ──► de ──────────► T, findings
//!          libyaml's   mapping, limits,      nodes        serde, continues
//!          events      salvage                            after errors
//! ```
//!
//! Errors of a document are data: see [`ParsedYaml`] and [`read`].

mod access;
mod after_document;
mod block;
mod build;
pub mod by_line;
mod bytes;
mod confusable;
mod cut;
mod de;
mod document;
mod error;
mod field;
mod headless;
pub mod key_items;
mod letters;
pub mod limits;
mod mapping;
pub mod missing_space;
mod node;
mod path;
mod position;
mod problem;
mod readable;
mod salvage;
mod scalar;
mod scanner;
mod shape;
#[cfg(test)]
mod tests;
mod write;
mod yaml11;

pub use block::{advise, ended_by_key, is_marker, lines};
pub use bytes::Bytes;
pub use confusable::{TextKind, misread};
pub use cut::{Cut, cuts};
pub use de::{Advice, KeyFacts, Skipped, read, read_advised};
pub use document::{ParsedYaml, parse};
pub use field::Field;
pub use headless::{Headless, without_header};
pub use letters::{
    describe_lookalike, describe_lookalike_in_command, describe_lookalike_in_path, resembling, without_lookalikes,
};
pub use node::{Entry, Kind, Mapping, Node, Scalar, Tag, is_name, is_printable_name};
pub use path::{PathSegment, Paths, SourceItem, path_text};
pub use readable::readable;
pub use shape::Shape;
pub use write::write;
pub use yaml11::{is_boolean, looks_like};
