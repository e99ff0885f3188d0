//! Names of machines, units and their drop-ins (docs/cloud-config.md#coreosunits, docs/datasources.md).

use std::fmt::Write as _;

use crate::diagnostic::{Finding, Span, rules};
use crate::plan::Hostname;
use crate::text::printable;
use crate::text::suggest;
use crate::yaml::describe_lookalike;

/// The longest host name that the kernel accepts.
const HOST_NAME_MAX: usize = 64;
/// The length to which a name without a dot is cut.
const HOST_LABEL_MAX: usize = 63;
/// The longest file name, which is also the longest name of a unit.
const NAME_MAX: usize = 255;

/// Suffixes of systemd's units.
const SYSTEMD: [&str; 11] =
    ["service", "socket", "device", "mount", "automount", "swap", "target", "path", "timer", "slice", "scope"];
/// Suffixes of networkd's files.
const NETWORKD: [&str; 3] = ["network", "netdev", "link"];

/// Returns the remedy for `written`, an invalid word: the closest of the `known` words, otherwise all of them.
pub(super) fn suggest_from(written: &str, known: &[&'static str]) -> String {
    suggest::help(written, known.iter().copied()).unwrap_or_else(|| format!("write one of {}", known.join(", ")))
}

/// The program that reads the file of a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnitReader {
    /// systemd itself.
    Systemd,
    /// systemd-networkd and systemd-udevd.
    Networkd,
    /// No known program. A drop-in for all units of a type, such as `service`, is still read.
    Unknown,
}

/// Returns the program that reads the file of the unit `name`.
pub fn reader(name: &str) -> UnitReader {
    match name.rsplit_once('.') {
        Some((_, suffix)) if SYSTEMD.contains(&suffix) => UnitReader::Systemd,
        Some((_, suffix)) if NETWORKD.contains(&suffix) => UnitReader::Networkd,
        _ => UnitReader::Unknown,
    }
}

/// Returns the suffixes of units that `suffix` may be a misspelling of.
pub(super) fn closest_suffixes(suffix: &str) -> Vec<&'static str> {
    suggest::closest(suffix, SYSTEMD.into_iter().chain(NETWORKD))
}

/// Returns the name, without its suffix, of the unit for a mount at `place`; `None` if `place` is not an absolute path.
pub fn mount_name(place: &str) -> Option<String> {
    if !place.starts_with('/') {
        return None;
    }
    let mut name = String::new();
    for part in place.split('/').filter(|part| !part.is_empty()) {
        if matches!(part, "." | "..") {
            return None;
        }
        if !name.is_empty() {
            name.push('-');
        }
        for byte in part.bytes() {
            match byte {
                b'.' if name.is_empty() => name.push_str("\\x2e"),
                b':' | b'_' | b'.' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => name.push(char::from(byte)),
                // Writing to a string cannot fail.
                _ => drop(write!(name, "\\x{byte:02x}")),
            }
        }
    }
    Some(if name.is_empty() { "-".to_owned() } else { name })
}

/// Returns true if all characters of `name` are valid in the name of a unit.
pub fn is_unit_name(name: &str) -> bool {
    let known = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b':' | b'-' | b'_' | b'.' | b'\\' | b'@');
    name.bytes().all(known) && !name.starts_with('@')
}

/// Returns true for the name of a slice with a dash at its beginning or end, or two in a row, and for an instance of a
/// slice.
pub fn is_odd_slice(name: &str) -> bool {
    let parts = name.strip_suffix(".slice").filter(|name| *name != "-");
    parts.is_some_and(|parts| parts.contains('@') || parts.split('-').any(str::is_empty))
}

/// Returns true for the name of a template, of which only instances can be started.
pub fn is_template(name: &str) -> bool {
    name.rsplit_once('.').is_some_and(|(name, _)| name.split_once('@').is_some_and(|(_, instance)| instance.is_empty()))
}

/// Splits a name such as `docker.service.d/10-debug.conf`, by which OEM images define a drop-in, into unit and file.
pub fn drop_in(name: &str) -> Option<(&str, &str)> {
    let (dir, file) = name.split_once('/')?;
    let unit = dir.strip_suffix(".d")?;
    let is_valid =
        file_name_fault(unit).is_none() && file_name_fault(file).is_none() && file.strip_suffix(".conf").is_some();
    (is_valid && reader(unit) != UnitReader::Unknown).then_some((unit, file))
}

/// Returns the problem and the remedy for a unit name that is the directory of a unit's drop-ins or links.
pub(super) fn directory_fault(name: &str) -> Option<(String, String)> {
    let bare = name.trim_end_matches('/');
    if bare.contains('/') {
        return None;
    }
    if let Some(unit) = bare.strip_suffix(".d")
        && (reader(unit) != UnitReader::Unknown || SYSTEMD.contains(&unit))
    {
        let unit = printable(unit);
        let fault = format!("names the directory for drop-ins of {unit}");
        return Some((fault, format!("write an item `name: NAME.conf` in the `drop_ins` of unit {unit}")));
    }
    if let Some(unit) =
        ["wants", "requires", "upholds"].iter().find_map(|kind| bare.strip_suffix(kind)?.strip_suffix('.'))
        && reader(unit) == UnitReader::Systemd
    {
        let fault = format!("names a directory of links for {}", printable(unit));
        return Some((fault, format!("write `WantedBy={}` into the unit to start, and enable that", printable(unit))));
    }
    (bare != name && reader(bare) != UnitReader::Unknown)
        .then(|| ("ends with a slash".to_owned(), format!("remove the slash: `name: {}`", printable(bare))))
}

/// Returns the remedy for a unit name that is a path.
pub(super) fn path_help(name: &str) -> Option<String> {
    let dirs = ["/etc/systemd/system/", "/run/systemd/system/", "/usr/lib/systemd/system/", "/lib/systemd/system/"];
    let rest = dirs.iter().chain(&["./"]).find_map(|dir| name.strip_prefix(dir)).unwrap_or(name);
    let shown = printable(rest);
    if !rest.contains('/') {
        return (rest != name && !rest.is_empty()).then(|| format!("remove the directory: `name: {shown}`"));
    }
    let (unit, file) = rest.split_once('/')?;
    match unit.strip_suffix(".d") {
        Some(kind) if SYSTEMD.contains(&kind) => Some(format!(
            "a drop-in for all units of a type is a file: write /etc/systemd/system/{shown} with `write_files`"
        )),
        Some(unit) if reader(unit) != UnitReader::Unknown && file_name_fault(file).is_none() => {
            let conf = if file.strip_suffix(".conf").is_some() { "" } else { ".conf" };
            Some(format!(
                "write it as an item `name: {}{conf}` in the `drop_ins` of unit {}",
                printable(file),
                printable(unit)
            ))
        }
        _ => Some("write the name of the unit without a directory, such as `a.service`".to_owned()),
    }
}

/// Returns the reason why `name` is invalid as the file name of a unit, a drop-in or a key set.
pub fn file_name_fault(name: &str) -> Option<&'static str> {
    if name.is_empty() {
        Some("empty")
    } else if name.contains('/') {
        Some("contains a slash")
    } else if name.starts_with('.') {
        Some("begins with a dot")
    } else if name.len() > NAME_MAX {
        Some("longer than 255 bytes")
    } else if name.chars().any(char::is_control) {
        Some("contains a control character")
    } else {
        None
    }
}

/// Returns the host name to set for `text`, and its findings. An error means that no host name is set.
pub fn hostname(text: &str, short: bool, span: Option<Span>) -> Result<(Hostname, Vec<Finding>), Finding> {
    let mut findings = Vec::new();
    let mut text = text.trim();
    // In DNS notation, a dot at the end marks a complete name. It is not part of a host name.
    if let Some(whole) = text.strip_suffix('.').filter(|whole| !whole.is_empty()) {
        text = whole;
        let message = "the host name ends with a dot; applied anyway, without the dot";
        findings.push(Finding::new(&rules::TRAILING_DOT, span, message));
    }
    let first = text.split('.').next().unwrap_or_default();
    let mut name = if short { first } else { text };
    if name.len() > HOST_NAME_MAX {
        name = first;
        if name.len() > HOST_NAME_MAX {
            // The byte may be inside of a character. Then the name is not ASCII, and is rejected below.
            name = name.get(..HOST_LABEL_MAX).unwrap_or(name).trim_end_matches('-');
        }
        let message = format!(
            "the host name has {} characters, more than 64; applied anyway, truncated to {} characters",
            text.len(),
            name.len()
        );
        let finding = Finding::new(&rules::LONG_HOSTNAME, span, message);
        findings.push(finding.help("write a name of at most 64 characters"));
    }
    let label = |label: &str| !label.is_empty() && !label.starts_with('-') && !label.ends_with('-');
    let valid = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    if !name.bytes().all(valid) || !name.split('.').all(label) {
        let other = describe_lookalike(name).map_or_else(String::new, |name| format!(": contains {name}"));
        let message = format!("invalid host name{other}; not set");
        let help = "a host name has letters, digits and hyphens, in labels with dots between them";
        return Err(Finding::new(&rules::BAD_HOSTNAME, span, message).help(help));
    }
    Ok((Hostname { name: name.to_owned() }, findings))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(text: &str, short: bool) -> Result<(String, Option<&'static str>), &'static str> {
        hostname(text, short, None).map(|(host, f)| (host.name, f.first().map(|f| f.rule.id))).map_err(|f| f.rule.id)
    }

    #[test]
    fn names_of_directories_are_no_names_of_units() {
        for (name, fault) in [
            ("a.service.d", Some("drop-ins of a.service")),
            ("a.service.d/", Some("drop-ins of a.service")),
            ("service.d", Some("drop-ins of service")),
            ("a.network.d//", Some("drop-ins of a.network")),
            ("a.target.wants", Some("links for a.target")),
            ("a.service/", Some("ends with a slash")),
            ("a.service", None),
            ("a.d", None),
            ("a/", None),
            ("a.wants", None),
            ("a.service.d/x.conf", None),
        ] {
            let found = directory_fault(name).map(|(found, _)| found);
            assert_eq!(found.is_some(), fault.is_some(), "{name}: {found:?}");
            assert!(found.is_none_or(|found| found.contains(fault.unwrap())), "{name}");
        }
    }

    #[test]
    fn host_names_are_taken_as_given() {
        for name in ["core1", "core-1.example.com", "a_b", "9"] {
            assert_eq!(named(name, false), Ok((name.to_owned(), None)));
        }
        assert_eq!(named("core1.example.com", true), Ok(("core1".to_owned(), None)));
    }

    #[test]
    fn a_dot_at_the_end_is_left_out() {
        assert_eq!(named("a.example.com.", false), Ok(("a.example.com".to_owned(), Some("trailing-dot"))));
        assert_eq!(named("a.", true), Ok(("a".to_owned(), Some("trailing-dot"))));
        for name in [".", "a..", ".."] {
            assert_eq!(named(name, false), Err("bad-hostname"), "{name}");
        }
    }

    #[test]
    fn long_host_names_are_cut() {
        let label = "a".repeat(60);
        assert_eq!(named(&format!("{label}.example.com"), false), Ok((label, Some("long-hostname"))));
        assert_eq!(named(&"b".repeat(70), false), Ok(("b".repeat(63), Some("long-hostname"))));
        assert_eq!(named(&"c".repeat(64), false), Ok(("c".repeat(64), None)));
    }

    #[test]
    fn what_cannot_be_a_host_name_is_refused() {
        for name in ["", "a b", "-a", "a-", "a..b", ".a", "ä", "a/b", "a\nb", &"ä".repeat(70)] {
            assert_eq!(named(name, false), Err("bad-hostname"), "{name:?}");
        }
    }

    #[test]
    fn an_unknown_word_gets_the_closest_one_or_all() {
        let suggest_from = |written| suggest_from(written, &["start", "stop"]);
        assert_eq!(suggest_from("strat"), "did you mean `start`?");
        assert_eq!(suggest_from("STOP"), "did you mean `stop`?");
        assert_eq!(suggest_from("enable"), "write one of start, stop");
    }

    #[test]
    fn a_path_for_a_unit_has_a_remedy() {
        for (name, wanted) in [
            ("etcd2.service.d/10-y", Some("`name: 10-y.conf` in the `drop_ins` of unit etcd2.service")),
            ("/etc/systemd/system/x.service.d/z.conf", Some("`name: z.conf` in the `drop_ins` of unit x.service")),
            ("/etc/systemd/system/x.service", Some("`name: x.service`")),
            ("service.d/a.conf", Some("/etc/systemd/system/service.d/a.conf with `write_files`")),
            ("a/b.service", Some("without a directory")),
            (".a.service", None),
        ] {
            let help = path_help(name);
            assert_eq!(help.is_some(), wanted.is_some(), "{name}");
            assert!(help.unwrap_or_default().contains(wanted.unwrap_or_default()), "{name}");
        }
    }

    #[test]
    fn units_are_read_by_their_suffix() {
        assert_eq!(reader("docker.service"), UnitReader::Systemd);
        assert_eq!(reader("00-eth.network"), UnitReader::Networkd);
        assert_eq!(reader("service"), UnitReader::Unknown);
        assert_eq!(reader("a.conf"), UnitReader::Unknown);
    }

    #[test]
    fn mounts_are_named_by_their_directories() {
        for (place, name) in [
            ("/var/lib/docker", Some("var-lib-docker")),
            ("//var//lib/", Some("var-lib")),
            ("/", Some("-")),
            ("/.a/.b", Some("\\x2ea-.b")),
            ("/a-b/é", Some("a\\x2db-\\xc3\\xa9")),
            ("var", None),
            ("", None),
            ("/a/../b", None),
        ] {
            assert_eq!(mount_name(place).as_deref(), name, "{place}");
        }
    }

    #[test]
    fn what_systemd_takes_for_a_name() {
        for name in ["a.service", "a@b@c.service", "dev-disk-by\\x2dlabel.swap", "A:b_c-d.target"] {
            assert!(is_unit_name(name), "{name}");
        }
        for name in ["a b.service", "a%i.service", "é.service", "@a.service", "{{x}}.service"] {
            assert!(!is_unit_name(name), "{name}");
        }
        for (name, is) in [("a@.service", true), ("a@b.service", false), ("a.service", false), ("a@b@.service", false)]
        {
            assert_eq!(is_template(name), is, "{name}");
        }
    }

    #[test]
    fn a_drop_in_is_named_by_its_directory() {
        for (name, found) in [
            ("docker.service.d/10-a.conf", Some(("docker.service", "10-a.conf"))),
            ("10-lan.network.d/a.conf", Some(("10-lan.network", "a.conf"))),
            ("a@.service.d/b.conf", Some(("a@.service", "b.conf"))),
            ("docker.service.d/10-a.txt", None),
            ("docker.service.d/.conf", None),
            ("docker.service.d/a/b.conf", None),
            ("docker.service.d/../b.conf", None),
            ("docker.service.d/", None),
            ("docker.service/a.conf", None),
            ("/docker.service.d/a.conf", None),
            ("../docker.service.d/a.conf", None),
            ("docker.d/a.conf", None),
            (".service.d/a.conf", None),
            (".d/a.conf", None),
            ("multi-user.target.wants/a.service", None),
        ] {
            assert_eq!(drop_in(name), found, "{name}");
        }
    }

    #[test]
    fn file_names_have_no_way_out() {
        for name in ["", "a/b", "..", ".a", "a\0b", "a\nb", &"a".repeat(256)] {
            assert!(file_name_fault(name).is_some(), "{name:?}");
        }
        for name in ["a", "a@b.service", "-a", &"a".repeat(255)] {
            assert!(file_name_fault(name).is_none(), "{name:?}");
        }
    }
}
