//! Text files of the machine to which lines are added (docs/cloud-config.md#address-tokens, docs/cloud-config.md).
//!
//! These functions map the old text to the new one. They keep all other lines byte for byte, and return the old text if
//! nothing has to change.

use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Sets `KEY=value` lines: the first line of a key is replaced in place, further ones are removed, and missing keys are
/// added at the end, sorted.
pub fn set_variables(old: &[u8], values: &BTreeMap<&str, String>) -> Vec<u8> {
    let mut out = Vec::with_capacity(old.len() + 64);
    let mut missing = values.clone();
    for line in old.split_inclusive(|byte| *byte == b'\n') {
        let key =
            values.keys().find(|key| line.strip_prefix(key.as_bytes()).is_some_and(|rest| rest.first() == Some(&b'=')));
        let Some(key) = key else {
            out.extend_from_slice(line);
            continue;
        };
        if let Some(value) = missing.remove(key) {
            out.extend_from_slice(format!("{key}={value}").as_bytes());
            out.extend_from_slice(if line.ends_with(b"\r\n") { b"\r\n" } else { b"\n" });
        }
    }
    if !missing.is_empty() && out.last().is_some_and(|last| *last != b'\n') {
        out.push(b'\n');
    }
    for (key, value) in missing {
        out.extend_from_slice(format!("{key}={value}\n").as_bytes());
    }
    out
}

/// The end of the line of `/etc/hosts` that this program writes.
const OURS: &str = "# set by coreos-cloudinit (manage_etc_hosts)";

/// Makes `hostname` resolve to 127.0.0.1, once, and keeps everything else.
///
/// A file with only the one line of CoreOS's program is replaced completely.
pub fn etc_hosts(old: &[u8], hostname: &str) -> Vec<u8> {
    let text = old.strip_suffix(b"\n").unwrap_or(old);
    let mut lines: Vec<&[u8]> = text.split(|byte| *byte == b'\n').filter(|_| !text.is_empty()).collect();
    lines.retain(|line| !line.ends_with(OURS.as_bytes()));
    if let [only] = lines[..]
        && matches!(&entry(only)[..], [address, name] if address == LOCAL && name != "localhost")
    {
        lines.clear();
    }
    // The two usual lines are first, IPv4 before IPv6.
    let usual = |address: &str| format!("{address} localhost").into_bytes();
    let (usual_4, usual_6) = (usual(LOCAL), usual("::1"));
    if !lines.iter().any(|line| is_usual(line, "::1")) {
        let at = usize::from(lines.first().is_some_and(|first| is_usual(first, LOCAL)));
        lines.insert(at, &usual_6);
    }
    if !lines.iter().any(|line| is_usual(line, LOCAL)) {
        lines.insert(0, &usual_4);
    }
    let ours = format!("{LOCAL} {hostname} {OURS}").into_bytes();
    // The first line with a name is used to resolve it. Ours is before any other line with this name, and after the
    // usual line, so that 127.0.0.1 still resolves to localhost.
    let named = lines.iter().position(|line| entry(line).iter().skip(1).any(|name| name == hostname));
    let usual = lines.iter().position(|line| entry(line).first().is_some_and(|a| a == LOCAL)).map_or(0, |at| at + 1);
    if hostname != "localhost" {
        lines.insert(named.map_or(usual, |named| named.min(usual)), &ours);
    }
    lines.iter().flat_map(|line| [line, &b"\n"[..]]).flatten().copied().collect()
}

/// The address that the host name gets.
const LOCAL: &str = "127.0.0.1";

/// Returns true if a line of `/etc/hosts` gives `localhost` this address.
fn is_usual(line: &[u8], address: &str) -> bool {
    matches!(&entry(line)[..], [first, names @ ..] if first == address && names.iter().any(|name| name == "localhost"))
}

/// The address and the names of a line of `/etc/hosts`, without a comment.
fn entry(line: &[u8]) -> Vec<String> {
    let line = line.split(|byte| *byte == b'#').next().unwrap_or_default();
    String::from_utf8_lossy(line).split_whitespace().map(str::to_owned).collect()
}

/// A value in quotes for shells, `/etc/oem-release` and `EnvironmentFile=`: `"`, `\`, `$` and `` ` `` are escaped.
pub fn quote(value: &str) -> String {
    let mut out = String::with_capacity(value.len() + 2);
    out.push('"');
    for c in value.chars() {
        if matches!(c, '"' | '\\' | '$' | '`') {
            out.push('\\');
        }
        out.push(c);
    }
    out.push('"');
    out
}

/// A value of `/etc/oem-release`, quoted only if necessary.
pub fn plain_release(value: &str) -> String {
    let plain = value
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '+' | '~' | ':' | ',' | '@' | '/'));
    if plain { value.to_owned() } else { quote(value) }
}

/// An assignment for systemd's `Environment=`: quoted, with escaped specifiers
/// (docs/cloud-config.md#options-of-services).
pub fn unit_environment(key: &str, value: &str) -> String {
    let mut out = format!("Environment=\"{key}=");
    for c in value.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '%' => out.push_str("%%"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c.is_control() => {
                for byte in c.to_string().bytes() {
                    // Writing to a string cannot fail.
                    let _ = write!(out, "\\x{byte:02x}");
                }
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// An assignment for systemd's `EnvironmentFile=`, quoted only if necessary.
pub fn environment_line(key: &str, value: &str) -> String {
    let special = |c: char| matches!(c, '"' | '\'' | '\\' | '\n' | '\r' | '#' | ';') || c.is_control();
    if !value.contains(special) && value.trim() == value {
        return format!("{key}={value}");
    }
    format!("{key}={}", quote(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(old: &str, values: &[(&'static str, &str)]) -> String {
        let values = values.iter().map(|(key, value)| (*key, (*value).to_owned())).collect();
        String::from_utf8(set_variables(old.as_bytes(), &values)).unwrap()
    }

    #[test]
    fn variables_are_replaced_in_place_and_added_sorted() {
        assert_eq!(set("", &[("B", "2"), ("A", "1")]), "A=1\nB=2\n");
        assert_eq!(set("# c\nB=0\nX=y\n", &[("B", "2"), ("A", "1")]), "# c\nB=2\nX=y\nA=1\n");
        assert_eq!(set("A=0\nX\nA=9\n", &[("A", "1")]), "A=1\nX\n", "the last would win, so it goes");
        assert_eq!(set("X=no end", &[("A", "1")]), "X=no end\nA=1\n");
        assert_eq!(set("AA=0\n A=0\n", &[("A", "1")]), "AA=0\n A=0\nA=1\n", "other keys are other keys");
        assert_eq!(set("A=0\r\n", &[("A", "1")]), "A=1\r\n");
    }

    #[test]
    fn nothing_to_set_changes_nothing() {
        assert_eq!(set("X=no end", &[]), "X=no end");
        let once = set("B=0\nno end", &[("A", "1"), ("B", "2")]);
        assert_eq!(set(&once, &[("A", "1"), ("B", "2")]), once);
        assert_eq!(set_variables(b"\xff\n", &BTreeMap::new()), b"\xff\n");
    }

    fn hosts(old: &str, hostname: &str) -> String {
        String::from_utf8(etc_hosts(old.as_bytes(), hostname)).unwrap()
    }

    #[test]
    fn the_host_name_resolves_to_this_machine() {
        let ours = |name: &str| format!("127.0.0.1 {name} {OURS}\n");
        assert_eq!(hosts("", "h"), format!("127.0.0.1 localhost\n{}::1 localhost\n", ours("h")));
        assert_eq!(
            hosts("127.0.0.1\tlocalhost\n127.0.1.1\th\n::1 localhost ip6\n", "h"),
            format!("127.0.0.1\tlocalhost\n{}127.0.1.1\th\n::1 localhost ip6\n", ours("h"))
        );
        assert_eq!(
            hosts("10.0.0.1 h # other\n127.0.0.1 localhost\n::1 localhost\n", "h"),
            format!("{}10.0.0.1 h # other\n127.0.0.1 localhost\n::1 localhost\n", ours("h"))
        );
        assert_eq!(hosts("", "localhost"), "127.0.0.1 localhost\n::1 localhost\n");
        let odd = b"127.0.0.1 localhost\n::1 localhost\r\n\n10.0.0.1 a # \xff\n";
        let kept = etc_hosts(odd, "localhost");
        assert_eq!(kept, odd, "what is not ours is kept byte for byte");
    }

    #[test]
    fn later_runs_keep_the_one_line_up_to_date() {
        let first = hosts("127.0.0.1 localhost\n::1 localhost\n10.0.0.1 other\n", "a");
        assert_eq!(hosts(&first, "a"), first);
        assert_eq!(hosts(&first, "b"), first.replace("127.0.0.1 a ", "127.0.0.1 b "));
        assert_eq!(hosts("127.0.0.1 old\n", "new"), hosts("", "new"), "the reference's file is ours");
    }

    #[test]
    fn values_cannot_break_out_of_their_line() {
        assert_eq!(unit_environment("K", "a b"), "Environment=\"K=a b\"");
        assert_eq!(unit_environment("K", "\"\\%\n\u{1}é"), "Environment=\"K=\\\"\\\\%%\\n\\x01é\"");
        assert_eq!(environment_line("K", "http://a,http://b"), "K=http://a,http://b");
        assert_eq!(environment_line("K", " a\n\"b\\"), "K=\" a\n\\\"b\\\\\"");
        assert_eq!(quote("a \"$b\" `c` \\"), "\"a \\\"\\$b\\\" \\`c\\` \\\\\"");
        assert_eq!(plain_release("1.2.3"), "1.2.3");
        assert_eq!(plain_release("a b"), "\"a b\"");
    }
}
