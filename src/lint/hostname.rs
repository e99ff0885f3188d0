//! Host names that can be set, and that other machines may stumble over (spec §10).

use crate::finding::{Finding, rules};
use crate::yaml::Field;

/// What is worth noting of the host name.
pub(super) fn lint(field: &Field<String>) -> Option<Finding> {
    let name = field.filled()?.trim();
    let (rule, why) = if !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.')) {
        // It is refused.
        return None;
    } else if matches!(name, "localhost" | "localhost.localdomain") {
        (&rules::ODD_HOSTNAME, "is that of every machine for itself; other programs take it for no name at all")
    } else if name.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
        (&rules::ODD_HOSTNAME, "is a number, which some programs take for an address")
    } else if name.contains('_') {
        (&rules::UNDERSCORE_HOSTNAME, "has an underscore; newer systemds refuse it")
    } else if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
        (&rules::ODD_HOSTNAME, "has upper case letters; names are compared without regard to case")
    } else {
        return None;
    };
    Some(Finding::new(rule, field.span, format!("the host name {why}")))
}
