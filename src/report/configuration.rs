//! The result of `--print-config` as JSON.

use serde::Serialize;

use cloud_config::print::Understood;
use cloud_config::text::json;

use super::FORMAT;

/// Returns all parts as one JSON document, with the failures of the run.
pub fn json(source: &str, failures: &[String], parts: &[Understood]) -> String {
    #[derive(Serialize)]
    struct ConfigurationDocument<'a> {
        format: u32,
        source: &'a str,
        failures: &'a [String],
        parts: &'a [Understood],
    }
    json::print(&ConfigurationDocument { format: FORMAT, source, failures, parts })
}
