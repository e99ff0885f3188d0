//! Redacts configurations for messages: findings with their positions, and the lines that they are about.
//!
//! A line of a configuration is never printed as it is. Keys and values that are known to be harmless are printed
//! (`fields`); all other text is redacted (`line`), such as values, comments and text that cannot be parsed.

mod fields;
mod line;
mod located;

pub use line::{Line, line};
pub use located::{LocatedFinding, position};
