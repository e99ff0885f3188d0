//! Valid host names that other programs may not handle (docs/datasources.md).

use crate::config::{CloudConfig, File};
use crate::diagnostic::{Finding, rules};
use crate::plan::names;
use crate::text::secret::is_redacted;
use crate::yaml::Field;

/// Reports the host name, and other items that set it.
pub(super) fn lint(config: &CloudConfig) -> Vec<Finding> {
    odd(&config.hostname).into_iter().chain(written_too(config)).collect()
}

/// Reports a file that sets another host name: each run would set one name and then the other.
fn written_too(config: &CloudConfig) -> Option<Finding> {
    let name = config.hostname.filled()?.trim();
    let is_it = |file: &&File| file.path.filled().is_some_and(|path| path == "/etc/hostname");
    let file = config.write_files.iter().filter_map(|file| file.get()).find(is_it)?;
    let content = file.content.get().map(|content| content.expose().0.trim_ascii());
    // The value behind the redaction may be the same name.
    if content.is_some_and(is_redacted) || (file.encoding.filled().is_none() && content == Some(name.as_bytes())) {
        return None;
    }
    let message = "file /etc/hostname: its content differs from `hostname`; applied anyway, over `hostname`";
    Some(Finding::new(&rules::DUPLICATE_ITEM, file.path.span, message).help("keep one of them"))
}

/// The remedy for a host name that other programs do not take for one.
const OTHER_NAME: &str = "write a name that begins with a letter, such as `web-1`";

fn odd(field: &Field<String>) -> Option<Finding> {
    let name = field.filled()?.trim();
    let (rule, why, help) = if names::hostname(name, false, None).is_err() {
        // The invalid name is already an error.
        return None;
    } else if matches!(name, "localhost" | "localhost.localdomain") {
        (&rules::ODD_HOSTNAME, "is `localhost`, which other programs treat as no host name", OTHER_NAME)
    } else if name.parse::<core::net::Ipv4Addr>().is_ok() {
        (&rules::ODD_HOSTNAME, "is an IP address, which some programs do not accept as a name", OTHER_NAME)
    } else if name.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
        (&rules::ODD_HOSTNAME, "is a number, which some programs read as an address", OTHER_NAME)
    } else if name.contains('_') {
        let why = "contains an underscore, which newer versions of systemd reject";
        (&rules::UNDERSCORE_HOSTNAME, why, "write `-` in place of `_`")
    } else if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
        let why = "contains upper case letters, but host names are case-insensitive";
        (&rules::ODD_HOSTNAME, why, "use lower case letters")
    } else {
        return None;
    };
    Some(Finding::new(rule, field.span, format!("the host name {why}; applied anyway")).help(help))
}
