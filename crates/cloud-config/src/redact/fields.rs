//! Decides which values and keys may be printed, by the table of fields.
//!
//! A field that is not in the table is treated as a password.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use crate::address_tokens::Address;
use crate::config::fields::{MAPPINGS, Show};
use crate::config::options::{KnownValues, OptionType, TABLES};
use crate::text::is_shown;
use crate::text::suggest::is_close;
use crate::yaml::{self, PathSegment};

const TRUTH: &[&str] = &["true", "false", "yes", "no", "on", "off", "y", "n"];

/// The known fields.
struct FieldTable {
    fields: HashMap<String, Show>,
    /// The paths of mappings: the document, the sections, the items of lists.
    sections: HashSet<String>,
    /// The names of fields and sections.
    names: HashSet<String>,
}

static TABLE: LazyLock<FieldTable> = LazyLock::new(|| {
    let options = TABLES.iter().flat_map(|table| {
        table.options.iter().map(|option| {
            let show = match (option.kind, option.known) {
                (OptionType::Text, Some(KnownValues::Words(words))) => Show::Words(words),
                (OptionType::Text, _) => Show::Never,
                (OptionType::Int | OptionType::Float, _) => Show::Number,
                (OptionType::Bool, _) => Show::Boolean,
            };
            (format!("coreos.{}.{}", table.section, option.name), show)
        })
    });
    let mut table =
        FieldTable { fields: HashMap::new(), sections: HashSet::from([String::new()]), names: HashSet::new() };
    let rows = MAPPINGS.iter().flat_map(|mapping| {
        mapping.fields.iter().map(|field| {
            let path = if mapping.path.is_empty() { String::new() } else { format!("{}.", mapping.path) };
            (path + field.name, field.show)
        })
    });
    let is_value = |row: &(String, Show)| !matches!(row.1, Show::Section);
    for (field, show) in rows.filter(is_value).chain(options) {
        table.sections.extend(field.match_indices('.').map(|(dot, _)| field[..dot].to_owned()));
        table.names.extend(field.split('.').map(|name| name.trim_end_matches("[]").to_owned()));
        table.fields.insert(field, show);
    }
    table
});

/// Returns true if the value at `segments`, with the source text `source`, may be printed.
pub fn is_harmless(segments: &[PathSegment<'_>], source: &str) -> bool {
    let field = field(segments);
    let shown = TABLE.fields.get(field.trim_end_matches("[]")).is_some_and(|show| allows(*show, unquoted(source)));
    // A list is not a value of the field, unless the field accepts a string or a list.
    shown && (!field.ends_with("[]") || field.ends_with("].groups[]"))
}

/// Returns true if a key may be printed: it has the form of a key and is in a mapping of a cloud-config.
pub fn is_open_key(segments: &[PathSegment<'_>]) -> bool {
    let Some((PathSegment::Key(key), above)) = segments.split_last() else { return false };
    yaml::is_printable_name(key) && TABLE.sections.contains(&field(above))
}

/// Returns true for the name of a field or a section, which is never a secret.
pub fn is_known_name(key: &str) -> bool {
    TABLE.names.contains(&key.replace('-', "_"))
}

/// Formats a path for printing. It ends with the field or with an unknown key, because keys inside a value can be
/// secret.
pub fn path_text(segments: &[PathSegment<'_>]) -> String {
    let inside = (0..segments.len())
        .find(|at| matches!(segments[*at], PathSegment::Key(_)) && !TABLE.sections.contains(&field(&segments[..*at])));
    yaml::path_text(&segments[..inside.unwrap_or(segments.len())])
}

/// Formats a path as in the table: `users[].name`.
fn field(segments: &[PathSegment<'_>]) -> String {
    let mut field = String::new();
    for way in segments {
        match way {
            PathSegment::Item(_) => field.push_str("[]"),
            PathSegment::Key(key) => {
                if !field.is_empty() {
                    field.push('.');
                }
                field.extend(key.chars().map(|c| if c == '-' { '_' } else { c }));
            }
        }
    }
    field
}

/// Returns the text in quotes, if it has no escapes.
fn unquoted(source: &str) -> &str {
    let inside = |quote| source.strip_prefix(quote)?.strip_suffix(quote);
    inside('"').or_else(|| inside('\'')).unwrap_or(source)
}

/// Returns true for a visible letter or digit: some Unicode letters are blank.
fn is_plain(c: char) -> bool {
    c.is_alphanumeric() && is_shown(c)
}

/// Returns true if `value` has the form that `show` permits.
fn allows(show: Show, value: &str) -> bool {
    let value =
        &Address::ALL.iter().fold(value.to_owned(), |value, token| value.replace(&format!("${}", token.token()), ""));
    let length = value.chars().count();
    let all = |most, allowed: fn(char) -> bool| length <= most && value.chars().all(allowed);
    match show {
        Show::Section | Show::Never | Show::Url => false,
        Show::Name => all(64, |c| is_plain(c) || "-_.@:,".contains(c)),
        // In a line of an account file, a password hash follows a colon.
        Show::Login => all(64, |c| is_plain(c) || "-_.@".contains(c)),
        Show::Path => all(120, |c| is_plain(c) || "-_.@:+~/".contains(c)),
        Show::Mode => all(6, |c| c.is_ascii_digit() || c == 'o') || (length > 8 && all(10, |c| "rwxst-".contains(c))),
        Show::Boolean => is_close(value, TRUTH),
        Show::Number => {
            let first = value.trim_start_matches(['-', '+']);
            first.starts_with(|c: char| c.is_ascii_digit()) && all(16, |c| c.is_ascii_digit() || "+-.:_eE".contains(c))
        }
        Show::Words(words) => is_close(value, words),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_looks_like_the_field_is_shown() {
        let users = [PathSegment::Key("users"), PathSegment::Item(3), PathSegment::Key("name")];
        let shown = is_harmless;
        assert!(shown(&users, "core") && shown(&users, "'core'") && shown(&users, "\"a-b\""));
        assert!(shown(&users, "a-$public_ipv4") && !shown(&users, "$1$abc$hash"));
        for blank in ['\u{115f}', '\u{3164}', '\u{ffa0}', '\u{34f}'] {
            assert!(!shown(&users, &format!("co{blank}re")), "{}", blank.escape_unicode());
        }
        assert!(!shown(&users, "two words") && !shown(&users, "&x core") && !shown(&users, &"a".repeat(65)));
        let command =
            [PathSegment::Key("coreos"), PathSegment::Key("units"), PathSegment::Item(0), PathSegment::Key("command")];
        assert!(shown(&command, "start") && shown(&command, "strat") && !shown(&command, "hunter2"));
        let mode = [PathSegment::Key("write-files"), PathSegment::Item(0), PathSegment::Key("permissions")];
        assert!(shown(&mode, "0644") && shown(&mode, "rw-r--r--") && !shown(&mode, "hunter2"));
        let number = [PathSegment::Key("coreos"), PathSegment::Key("fleet"), PathSegment::Key("verbosity")];
        assert!(shown(&number, "'1_0'") && !shown(&number, "often") && !shown(&number, "1hunter"));
        let truth =
            [PathSegment::Key("coreos"), PathSegment::Key("units"), PathSegment::Item(0), PathSegment::Key("enable")];
        assert!(shown(&truth, "ture") && shown(&truth, "YES") && !shown(&truth, "hunter2"));
        for secret in [
            &[PathSegment::Key("users"), PathSegment::Item(0), PathSegment::Key("passwd")][..],
            &[PathSegment::Key("users"), PathSegment::Item(0), PathSegment::Key("name"), PathSegment::Key("name")],
            &[PathSegment::Key("users"), PathSegment::Item(0), PathSegment::Key("name"), PathSegment::Item(0)],
            &[PathSegment::Key("users"), PathSegment::Item(0)],
            &[PathSegment::Key("coreos"), PathSegment::Key("fleet"), PathSegment::Key("etcd_password")],
            &[PathSegment::Key("coreos"), PathSegment::Key("etcd2"), PathSegment::Key("discovery")],
            &[PathSegment::Key("something"), PathSegment::Key("name")],
            &[],
        ] {
            assert!(!shown(secret, "on"), "{secret:?}");
        }
    }

    #[test]
    fn keys_are_shown_where_keys_belong() {
        for open in [
            &[PathSegment::Key("anything")][..],
            &[PathSegment::Key("write-files"), PathSegment::Item(0), PathSegment::Key("pth")],
            &[PathSegment::Key("coreos"), PathSegment::Key("fleet"), PathSegment::Key("metadata")],
        ] {
            assert!(is_open_key(open), "{open:?}");
        }
        for closed in [
            &[PathSegment::Key("two words")][..],
            &[PathSegment::Key("users"), PathSegment::Item(0), PathSegment::Key("passwd"), PathSegment::Key("hunter2")],
            &[PathSegment::Key("write_files"), PathSegment::Key("hunter2")],
            &[PathSegment::Key("unknown"), PathSegment::Key("hunter2")],
            &[PathSegment::Item(0), PathSegment::Key("hunter2")],
        ] {
            assert!(!is_open_key(closed), "{closed:?}");
        }
    }

    #[test]
    fn every_known_key_is_printable() {
        for name in &TABLE.names {
            assert!(yaml::is_printable_name(name), "{name}");
        }
    }

    #[test]
    fn keys_that_may_be_secrets_are_redacted() {
        for key in [
            "AKIAIOSFODNN7EXAMPLE",
            "wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY",
            "ghp_16C7e42F292c6912E7710c838347Ae178B4a",
            "xoxb-123456789012-abcdefABCDEF",
            "3f2504e0-4f89-11d3-9a0c-0305e82c3301",
            "correct-horse-battery-staple-correct-horse",
        ] {
            assert!(!is_open_key(&[PathSegment::Key(key)]), "{key}");
            assert_eq!(path_text(&[PathSegment::Key(key)]), "<redacted>", "{key}");
        }
        for key in ["sshAuthorizedKeys", "RestrictAddressFamilies", "10-eth0.network", "etcd2", "/etc/systemd/system"] {
            assert!(is_open_key(&[PathSegment::Key(key)]), "{key}");
        }
    }

    #[test]
    fn paths_end_with_the_field() {
        let inside = [
            PathSegment::Key("users"),
            PathSegment::Item(0),
            PathSegment::Key("passwd"),
            PathSegment::Key("hunter2"),
            PathSegment::Item(0),
        ];
        assert_eq!(path_text(&inside), "users[0].passwd");
        let keys = [PathSegment::Key("ssh-authorized-keys"), PathSegment::Item(2)];
        assert_eq!(path_text(&keys), "ssh-authorized-keys[2]");
        let known = [PathSegment::Key("coreos"), PathSegment::Key("fleet"), PathSegment::Key("etcd-prefix")];
        assert_eq!(path_text(&known), "coreos.fleet.etcd-prefix");
        let unknown = [PathSegment::Key("ntp"), PathSegment::Key("hunter2"), PathSegment::Item(0)];
        assert_eq!(path_text(&unknown), "ntp");
        let unknown =
            [PathSegment::Key("users"), PathSegment::Item(1), PathSegment::Key("pw"), PathSegment::Key("hunter2")];
        assert_eq!(path_text(&unknown), "users[1].pw");
        let section = [PathSegment::Key("write_files"), PathSegment::Key("hunter2"), PathSegment::Key("path")];
        assert_eq!(path_text(&section), "write_files");
    }
}
