//! Redaction of a configuration for messages: findings with their positions, and the lines that they are about.
//!
//! A line of a configuration is never shown as it is. What is known to be harmless is let through (`fields`), and
//! everything else is redacted (`line`): a value, a comment, what could not be read.

mod fields;
mod line;
mod located;

pub use line::{Line, line};
pub use located::{LocatedFinding, position};
