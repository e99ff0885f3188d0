//! What is legal and probably not what was meant.
//!
//! Nothing here changes what is applied: lints are warnings and notes, made of the configuration alone. What
//! leaves an item out is the planner's to find (`plan`), and what is no configuration at all, the reader's (`yaml`).

use crate::config::CloudConfig;
use crate::finding::Finding;
use crate::yaml::Document;

/// What is worth telling of `config`, which was read from `document`; `text` is the part as its author wrote it.
pub fn lint(_config: &CloudConfig, _document: &Document, _text: &str) -> Vec<Finding> {
    Vec::new()
}
