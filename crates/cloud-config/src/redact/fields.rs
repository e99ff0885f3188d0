//! The fields of a cloud-config, and what a value of each may look like for it to be shown.
//!
//! A field that is not in the table is as secret as a password.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use crate::address_tokens::Address;
use crate::config::options::{Known, OptionType, TABLES};
use crate::text::is_shown;
use crate::text::suggest::is_close;
use crate::yaml::{self, PathSegment};

/// What is shown of a field. A value that does not look like one of its field is not: it may have got there by mistake.
#[derive(Clone, Copy, Debug)]
enum Show {
    /// Nothing: content, hashes, keys, and everything that may hold a password.
    Never,
    /// Names: of machines, users, units.
    Name,
    /// The name of an account.
    Login,
    /// Paths of files.
    Path,
    /// The mode of a file.
    Mode,
    /// Truth values.
    Truth,
    /// Numbers.
    Number,
    /// One of these words, or one that is much like them.
    Words(&'static [&'static str]),
}

const COMMANDS: &[&str] =
    &["start", "stop", "restart", "reload", "try-restart", "reload-or-restart", "reload-or-try-restart"];
const ENCODINGS: &[&str] = &["base64", "b64", "gzip", "gz", "gzip+base64", "gz+base64", "gzip+b64", "gz+b64"];
const STRATEGIES: &[&str] = &["etcd-lock", "reboot", "off", "best-effort", "false"];
const TRUTH: &[&str] = &["true", "false", "yes", "no", "on", "off", "y", "n"];

/// Every field but the options of services, which have a table of their own.
const FIELDS: &[(&str, Show)] = &[
    ("ssh_authorized_keys", Show::Never),
    ("hostname", Show::Name),
    ("manage_etc_hosts", Show::Words(&["localhost", "true", "false"])),
    ("users[].name", Show::Login),
    ("users[].gecos", Show::Never),
    ("users[].passwd", Show::Never),
    ("users[].homedir", Show::Path),
    ("users[].no_create_home", Show::Truth),
    ("users[].primary_group", Show::Name),
    ("users[].groups", Show::Name),
    ("users[].no_user_group", Show::Truth),
    ("users[].ssh_authorized_keys", Show::Never),
    ("users[].system", Show::Truth),
    ("users[].no_log_init", Show::Truth),
    ("users[].shell", Show::Path),
    ("users[].coreos_ssh_import_github", Show::Never),
    ("users[].coreos_ssh_import_github_users", Show::Never),
    ("users[].coreos_ssh_import_url", Show::Never),
    ("write_files[].path", Show::Path),
    ("write_files[].content", Show::Never),
    ("write_files[].permissions", Show::Mode),
    ("write_files[].owner", Show::Name),
    ("write_files[].encoding", Show::Words(ENCODINGS)),
    ("coreos.units[].name", Show::Name),
    ("coreos.units[].content", Show::Never),
    ("coreos.units[].drop_ins[].name", Show::Name),
    ("coreos.units[].drop_ins[].content", Show::Never),
    ("coreos.units[].enable", Show::Truth),
    ("coreos.units[].mask", Show::Truth),
    ("coreos.units[].runtime", Show::Truth),
    ("coreos.units[].command", Show::Words(COMMANDS)),
    ("coreos.update.reboot_strategy", Show::Words(STRATEGIES)),
    ("coreos.update.group", Show::Name),
    ("coreos.update.server", Show::Never),
    ("coreos.oem.id", Show::Name),
    ("coreos.oem.name", Show::Never),
    ("coreos.oem.version_id", Show::Name),
    ("coreos.oem.home_url", Show::Never),
    ("coreos.oem.bug_report_url", Show::Never),
];

/// All that is known of fields.
struct FieldTable {
    fields: HashMap<String, Show>,
    /// Where fields are: the document, the sections, the items of lists.
    sections: HashSet<String>,
    /// The names of fields and sections.
    names: HashSet<String>,
}

static TABLE: LazyLock<FieldTable> = LazyLock::new(|| {
    let options = TABLES.iter().flat_map(|table| {
        table.options.iter().map(|option| {
            let show = match (option.kind, option.known) {
                (OptionType::Text, Some(Known::Words(words))) => Show::Words(words),
                (OptionType::Text, _) => Show::Never,
                (OptionType::Int | OptionType::Float, _) => Show::Number,
                (OptionType::Bool, _) => Show::Truth,
            };
            (format!("coreos.{}.{}", table.section, option.name), show)
        })
    });
    let mut table =
        FieldTable { fields: HashMap::new(), sections: HashSet::from([String::new()]), names: HashSet::new() };
    for (field, show) in FIELDS.iter().map(|(field, show)| ((*field).to_owned(), *show)).chain(options) {
        table.sections.extend(field.match_indices('.').map(|(dot, _)| field[..dot].to_owned()));
        table.names.extend(field.split('.').map(|name| name.trim_end_matches("[]").to_owned()));
        table.fields.insert(field, show);
    }
    table
});

/// Whether a value may be shown that the author wrote as `source`; `segments` lead to it.
pub fn is_harmless(segments: &[PathSegment<'_>], source: &str) -> bool {
    let field = field(segments);
    let shown = TABLE.fields.get(field.trim_end_matches("[]")).is_some_and(|show| show.allows(unquoted(source)));
    // A list in place of one text is not what the field is about, but for those that take both.
    shown && (!field.ends_with("[]") || field.ends_with("].groups[]"))
}

/// Whether a key may be shown: it looks like one, and stands where the fields of a cloud-config do.
pub fn is_open_key(segments: &[PathSegment<'_>]) -> bool {
    let Some((PathSegment::Key(key), above)) = segments.split_last() else { return false };
    yaml::is_name(key) && TABLE.sections.contains(&field(above))
}

/// Whether this is the name of a field or a section, which tells nothing wherever it stands.
pub fn is_known_name(key: &str) -> bool {
    TABLE.names.contains(&key.replace('-', "_"))
}

/// A way as it is shown. It ends with the field: what is inside of its value is nobody's business.
pub fn path_text(segments: &[PathSegment<'_>]) -> String {
    let inside = (1..segments.len()).find(|at| {
        let is_field = TABLE.fields.contains_key(field(&segments[..*at]).trim_end_matches("[]"));
        is_field && matches!(segments[*at], PathSegment::Key(_))
    });
    yaml::path_text(&segments[..inside.unwrap_or(segments.len())])
}

/// A way as the table has it: `users[].name`.
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

/// What is inside quotes, where there is nothing special in it.
fn unquoted(source: &str) -> &str {
    let inside = |quote| source.strip_prefix(quote)?.strip_suffix(quote);
    inside('"').or_else(|| inside('\'')).unwrap_or(source)
}

/// Returns true for a letter or a digit that is visible: some letters are blank.
fn is_plain(c: char) -> bool {
    c.is_alphanumeric() && is_shown(c)
}

impl Show {
    fn allows(self, value: &str) -> bool {
        let value = &Address::ALL
            .iter()
            .fold(value.to_owned(), |value, token| value.replace(&format!("${}", token.token()), ""));
        let length = value.chars().count();
        let all = |most, allowed: fn(char) -> bool| length <= most && value.chars().all(allowed);
        match self {
            Self::Never => false,
            Self::Name => all(64, |c| is_plain(c) || "-_.@:,".contains(c)),
            // Behind a colon there may be a password: so they stand in the account files.
            Self::Login => all(64, |c| is_plain(c) || "-_.@".contains(c)),
            Self::Path => all(120, |c| is_plain(c) || "-_.@:+~/".contains(c)),
            Self::Mode => {
                all(6, |c| c.is_ascii_digit() || c == 'o') || (length > 8 && all(10, |c| "rwxst-".contains(c)))
            }
            Self::Truth => is_close(value, TRUTH),
            Self::Number => {
                let first = value.trim_start_matches(['-', '+']);
                first.starts_with(|c: char| c.is_ascii_digit())
                    && all(16, |c| c.is_ascii_digit() || "+-.:_eE".contains(c))
            }
            Self::Words(words) => is_close(value, words),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Verb;
    use crate::text::decode;

    #[test]
    fn words_are_those_that_the_fields_take() {
        assert_eq!(Verb::ALL.map(Verb::as_str).as_slice(), COMMANDS);
        assert!(decode::names().all(|name| ENCODINGS.contains(&name)));
    }

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
        assert_eq!(
            path_text(&[PathSegment::Key("ntp"), PathSegment::Key("servers"), PathSegment::Item(0)]),
            "ntp.servers[0]"
        );
    }

    /// The table is that of the types: a field that is forgotten here would be masked for ever.
    #[test]
    fn every_field_of_the_types_is_here() {
        let schema = crate::json_schema::schema();
        let mut count = 0;
        for (name, above) in [
            ("User", "users[]."),
            ("File", "write_files[]."),
            ("Unit", "coreos.units[]."),
            ("DropIn", "coreos.units[].drop_ins[]."),
            ("Update", "coreos.update."),
            ("Oem", "coreos.oem."),
        ] {
            for field in schema.as_value()["$defs"][name]["properties"].as_object().unwrap().keys() {
                let field = format!("{above}{field}");
                assert!(TABLE.fields.contains_key(&field) || TABLE.sections.contains(&format!("{field}[]")), "{field}");
                count += 1;
            }
        }
        assert_eq!(count, FIELDS.len() + 1 - 3, "three are at the top, and `drop_ins` is a section");
    }
}
