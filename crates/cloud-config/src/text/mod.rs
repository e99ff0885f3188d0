//! Basic operations on text: lines, encodings, suggestions, secrets, and printable characters.

pub mod decode;
pub mod json;
mod lines;
mod sanitize;
pub mod secret;
pub mod suggest;
pub mod temporary_name;

pub use lines::{LineRange, Lines, Position};
pub use sanitize::{is_shown, printable};
