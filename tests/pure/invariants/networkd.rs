//! A strict reader of networkd's files: it accepts the form of our own, and nothing else.

use cloud_config::network::networkd::{self, UnitFile};

/// The section, key and value of each line; panics where there is anything that networkd could read otherwise.
pub fn check(unit: &UnitFile) -> Vec<(String, String, String)> {
    let UnitFile { name, content } = unit;
    check_name(name);
    let is_netdev = name.ends_with(".netdev");
    let mut found: Vec<(String, String, String)> = Vec::new();
    let mut section = None;
    let mut is_match_empty = true;
    for line in content.lines() {
        if line.is_empty() {
            continue;
        }
        assert!(line.bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{name}: {line:?}");
        if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            section = Some(name.to_owned());
            continue;
        }
        let section = section.clone().unwrap_or_else(|| panic!("{name}: {line} is in no section"));
        let (key, value) = line.split_once('=').unwrap_or_else(|| panic!("{name}: {line}"));
        let is_known = networkd::keys().any(|known| known == (section.as_str(), key));
        assert!(is_known, "{name}: [{section}] {key}=");
        let is_made = matches!(section.as_str(), "NetDev" | "Bond" | "VLAN" | "Bridge");
        assert_eq!(is_made, is_netdev, "{name}: [{section}]");
        // Characters with a special meaning in networkd: specifiers, patterns, negation, line joins, comments.
        let is_pattern = section == "Match" && matches!(key, "Name" | "Driver");
        let special: &[char] = if is_pattern { &[] } else { &['*', '?', '['] };
        let is_plain =
            !value.is_empty() && !value.contains(special) && !value.contains(['%', '!', '\\', '#', ';', '"', '\'']);
        assert!(is_plain, "{name}: {line}");
        assert!(!value.contains(' ') || matches!(key, "Domains" | "ARPIPTargets" | "Driver"), "{name}: {line}");
        is_match_empty &= section != "Match";
        found.push((section, key.to_owned(), value.to_owned()));
    }
    assert_eq!(is_match_empty, is_netdev, "{name}: an empty [Match] takes every interface");
    assert!(content.ends_with('\n') && !content.contains("\n\n\n"), "{name}: {content:?}");
    found
}

/// Two hexadecimal digits, a dash, a name, an ending: one file, in its proper directory.
fn check_name(name: &str) {
    let (depth, rest) = name.split_at(2);
    assert!(depth.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')), "{name}");
    let stem = [".network", ".netdev", ".link"]
        .iter()
        .find_map(|end| rest.strip_suffix(end))
        .and_then(|rest| rest.strip_prefix('-'));
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"._-+@:".contains(&byte);
    assert!(stem.is_some_and(|stem| !stem.is_empty() && stem.bytes().all(fits)), "{name}");
}
