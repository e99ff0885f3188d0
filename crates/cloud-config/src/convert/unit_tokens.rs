//! Address tokens in the text of a unit: systemd expands variables in command lines only.

use std::collections::BTreeSet;

use super::stand_ins::StandIns;
use super::unit_environment::Variables;
use super::unit_lines::{Line, joined, lines};
use crate::address_tokens::Address;

/// The text of a unit file or a drop-in without stand-ins.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Adapted {
    /// The text.
    pub text: String,
    /// The addresses that command lines name by variables.
    pub variables: BTreeSet<Address>,
    /// The description has tokens.
    pub has_token_in_description: bool,
    /// Settings that have no place for an address any more; the text lacks them.
    pub lost: Vec<Lost>,
}

/// A setting that has no place for an address.
#[derive(Debug, PartialEq, Eq)]
pub struct Lost {
    /// Its key.
    pub key: String,
    /// The reason.
    pub reason: Reason,
}

/// The reason why a setting has no place for an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The unit starts before the addresses are known.
    Early,
    /// It is not a command line.
    Setting,
    /// The path of a command.
    CommandPath,
    /// The prefix `:` of a command.
    Prefix,
    /// A `$` before the token.
    Dollar,
    /// A specifier in an assignment of `Environment=`.
    Specifier,
    /// An invalid assignment of `Environment=`.
    Invalid,
}

impl Reason {
    /// The explanation for the report, with the remedy.
    pub const fn help(self) -> &'static str {
        match self {
            Self::Early => "the services that know the addresses wait for this unit; write the address itself",
            Self::Setting => "systemd expands variables in command lines only; write the address itself",
            Self::CommandPath => "systemd does not expand variables in the path of a command; write the address itself",
            Self::Prefix => {
                "systemd does not expand variables behind the prefix `:` of a command; write the address itself"
            }
            Self::Dollar => "systemd does not expand a variable directly behind a `$`; write the address itself",
            Self::Specifier => {
                "systemd does not expand specifiers such as `%H` in the environment file that would have the address; \
                 write the address itself"
            }
            Self::Invalid => "systemd ignores the invalid assignment, also in a run",
        }
    }
}

/// Replaces the stand-ins in `text`, and moves variables with addresses from `Environment=` in `section` to `variables`.
/// `variable` names the variable of an address. Without it, the unit starts before the addresses are known.
pub fn adapt(
    text: &str,
    section_of_commands: &str,
    stand_ins: &StandIns,
    variable: Option<&dyn Fn(Address) -> String>,
    variables: &mut Variables,
) -> Adapted {
    let mut adapted = Adapted::default();
    let mut section = String::new();
    for line in lines(text) {
        let whole = line.raw;
        if line.is_other() {
            if let Some(name) = whole.trim().strip_prefix('[') {
                name.trim_end_matches(']').clone_into(&mut section);
            }
            // A comment may show the token.
            adapted.text.push_str(&stand_ins.restore(whole));
            continue;
        }
        let (key, value) = line.setting().unwrap_or((whole.trim(), ""));
        let has_token = stand_ins.is_in(whole);
        let mut lose = |reason| adapted.lost.push(Lost { key: key.to_owned(), reason });
        let (is_command, is_description) = (COMMANDS.contains(&key), key == "Description" && section == "Unit");
        let is_environment = key == "Environment" && section == section_of_commands;
        if is_environment && (variable.is_some() || !has_token) {
            let value = joined(value);
            let kept = variables.assign(&value, stand_ins, &mut lose);
            if !has_token {
                adapted.text.push_str(whole);
            } else if !kept.is_empty() {
                adapted.text.extend(["Environment=", &kept.join(" "), "\n"]);
            }
        } else if !has_token {
            adapted.text.push_str(whole);
        } else if (is_command || key == "Environment")
            && ![section_of_commands, "X-"].iter().any(|known| section.starts_with(known))
        {
            // systemd ignores it there.
            adapted.text.push_str(&stand_ins.restore(whole));
        } else if section.starts_with("X-") || !(is_environment || is_command || is_description) {
            lose(Reason::Setting);
        } else if is_description {
            adapted.has_token_in_description = true;
            adapted.text.push_str(&stand_ins.restore(whole));
        } else if let Some(variable) = variable {
            if let Some(reason) = unexpanded(value, stand_ins) {
                lose(reason);
            } else {
                adapted.variables.extend(stand_ins.kinds(whole));
                adapted.text.push_str(&stand_ins.replace(whole, |kind| format!("${{{}}}", variable(kind))));
            }
        } else {
            lose(Reason::Early);
        }
    }
    adapted
}

/// The settings with command lines.
const COMMANDS: [&str; 8] = [
    "ExecCondition",
    "ExecReload",
    "ExecStart",
    "ExecStartPost",
    "ExecStartPre",
    "ExecStop",
    "ExecStopPost",
    "ExecStopPre",
];

/// Returns the reason why systemd would not expand variables at all stand-ins of a command line.
fn unexpanded(value: &str, stand_ins: &StandIns) -> Option<Reason> {
    let value = &joined(value);
    let marked = stand_ins.replace(value, |_| "\0".to_owned());
    // `$$` is an escaped `$`.
    let dollars = |text: &str| text.len() - text.trim_end_matches('$').len();
    if marked.match_indices('\0').any(|(at, _)| dollars(&marked[..at]) % 2 == 1) {
        return Some(Reason::Dollar);
    }
    // A `;` of its own separates commands.
    let (mut is_first, mut is_literal) = (true, false);
    for word in value.split_whitespace() {
        let is_command = std::mem::replace(&mut is_first, word == ";");
        if is_command {
            let rest = word.trim_start_matches(['@', '-', '+', '!', '|', ':']);
            is_literal = word[..word.len() - rest.len()].contains(':');
        }
        if stand_ins.is_in(word) && is_command {
            return Some(Reason::CommandPath);
        }
        if stand_ins.is_in(word) && is_literal {
            return Some(Reason::Prefix);
        }
    }
    None
}

/// The settings of which a unit needs one, by its type.
pub fn needed(unit: &str) -> &'static [&'static str] {
    match unit.rsplit_once('.').map_or("", |(_, kind)| kind) {
        "service" => &["ExecStart"],
        "socket" => &[
            "ListenDatagram",
            "ListenFIFO",
            "ListenMessageQueue",
            "ListenNetlink",
            "ListenSequentialPacket",
            "ListenSpecial",
            "ListenStream",
            "ListenUSBFunction",
        ],
        "path" => &["DirectoryNotEmpty", "PathChanged", "PathExists", "PathExistsGlob", "PathModified"],
        "mount" | "swap" => &["What"],
        "automount" => &["Where"],
        _ => &[],
    }
}

/// Returns true if one of the settings has a value after `text`; `is_set` if one has before.
pub fn is_set_after(text: &str, keys: &[&str], is_set: bool) -> bool {
    let settings = lines(text).filter_map(Line::setting).filter(|(key, _)| keys.contains(key));
    settings.fold(is_set, |_, (_, value)| !joined(value).trim().is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address_tokens::{Addresses, substitute};

    fn adapted_with(text: &str, variable: Option<&dyn Fn(Address) -> String>) -> (Adapted, String) {
        let stand_ins = StandIns::choose(&Addresses::default(), [text]);
        let text = substitute(text, stand_ins.addresses()).text.into_owned();
        let mut variables = Variables::default();
        let adapted = adapt(&text, "Service", &stand_ins, variable, &mut variables);
        (adapted, stand_ins.restore(&variables.file()))
    }

    fn adapted(text: &str) -> (Adapted, String) {
        adapted_with(text, Some(&|kind| kind.variable().to_owned()))
    }

    #[test]
    fn command_lines_name_variables() {
        let (found, file) = adapted(
            "[Service]\n# for $private_ipv4\nExecStart=/bin/a --ip=$private_ipv4 \\\n  # c\n  $public_ipv4\nUser=a\n",
        );
        assert_eq!(
            found.text,
            "[Service]\n# for $private_ipv4\nExecStart=/bin/a --ip=${COREOS_PRIVATE_IPV4} \\\n  # c\n  ${COREOS_PUBLIC_IPV4}\nUser=a\n"
        );
        assert!(
            found.variables == BTreeSet::from([Address::PrivateV4, Address::PublicV4])
                && file.is_empty()
                && found.lost.is_empty()
        );
    }

    #[test]
    fn an_even_number_of_dollars_does_not_escape_a_variable() {
        let (found, _) = adapted("[Service]\nExecStart=/bin/a $$$private_ipv4\n");
        assert_eq!(found.text, "[Service]\nExecStart=/bin/a $$${COREOS_PRIVATE_IPV4}\n");
    }

    #[test]
    fn an_escaped_token_is_a_variable_of_systemd() {
        let (found, file) =
            adapted("[Service]\nExecStart=/bin/a \\$private_ipv4 $private_ipv4\nEnvironment=A=\\$public_ipv4\n");
        let expected = "[Service]\nExecStart=/bin/a $private_ipv4 ${COREOS_PRIVATE_IPV4}\nEnvironment=A=$public_ipv4\n";
        assert_eq!((found.text.as_str(), file.as_str(), found.lost), (expected, "", vec![]));
    }

    #[test]
    fn assignments_with_addresses_leave_the_text() {
        let (found, file) = adapted("[Service]\nEnvironment=A=$private_ipv4 B=%H 'C=d e'\nEnvironment=D=e\n");
        assert_eq!(found.text, "[Service]\nEnvironment=B=%H 'C=d e'\nEnvironment=D=e\n");
        assert_eq!(file, "A=$private_ipv4\n");
        assert!(found.variables.is_empty() && found.lost.is_empty());
        let (found, file) = adapted("[Service]\nEnvironment=A=$private_ipv4\n[Unit]\nEnvironment=A=$private_ipv6\n");
        assert_eq!(
            (found.text.as_str(), file.as_str()),
            ("[Service]\n[Unit]\nEnvironment=A=$private_ipv6\n", "A=$private_ipv4\n")
        );
    }

    #[test]
    fn other_settings_are_lost() {
        for (line, key, reason) in [
            ("ListenStream=$private_ipv4:80", "ListenStream", Reason::Setting),
            ("Description=$private_ipv4:80", "Description", Reason::Setting),
            ("ExecStart=/opt/$private_ipv4/a", "ExecStart", Reason::CommandPath),
            ("ExecStart=:/bin/a $private_ipv4", "ExecStart", Reason::Prefix),
            ("ExecStart=-:/bin/a b $private_ipv4", "ExecStart", Reason::Prefix),
            ("ExecStart=\\\n  /opt/$private_ipv4/a", "ExecStart", Reason::CommandPath),
            ("ExecStart=/bin/a $$private_ipv4", "ExecStart", Reason::Dollar),
            ("ExecStart=/bin/a ; /bin/$private_ipv4/b", "ExecStart", Reason::CommandPath),
            ("ExecStart=/bin/a ; :/bin/b $private_ipv4", "ExecStart", Reason::Prefix),
            ("ExecSearchPath=/opt/$private_ipv4", "ExecSearchPath", Reason::Setting),
            ("Environment=A=%H$private_ipv4", "Environment", Reason::Specifier),
            ("Environment=\"A=$private_ipv4", "Environment", Reason::Invalid),
        ] {
            let (found, file) = adapted(&format!("[Service]\nUser=a\n{line}\n"));
            let lost = vec![Lost { key: key.to_owned(), reason }];
            assert_eq!((found.text.as_str(), found.lost), ("[Service]\nUser=a\n", lost), "{line}");
            assert_eq!(file, "");
        }
        let (found, _) =
            adapted("[X-Fleet]\nMachineMetadata=$private_ipv4\n[Service]\nExecStart=/bin/a $public_ipv6\n");
        assert_eq!(found.lost, [Lost { key: "MachineMetadata".to_owned(), reason: Reason::Setting }]);
        assert_eq!(found.variables, BTreeSet::from([Address::PublicV6]));
    }

    #[test]
    fn a_unit_of_early_boot_has_no_variables() {
        let (found, file) =
            adapted_with("[Service]\nExecStart=/bin/a $private_ipv4\nEnvironment=A=$private_ipv4\n", None);
        let lost = ["ExecStart", "Environment"].map(|key| Lost { key: key.to_owned(), reason: Reason::Early });
        assert_eq!((found.text.as_str(), file.as_str(), found.lost.as_slice()), ("[Service]\n", "", &lost[..]));
    }

    #[test]
    fn a_setting_is_set_until_an_empty_value() {
        for (text, is_set_before, expected) in [
            ("", true, true),
            ("[Service]\nExecStart=\n", true, false),
            ("[Service]\nExecStart=\\\n  \nExecStart=/bin/a\n", false, true),
            ("[Service]\n#ExecStart=/bin/a\nExecStop=/bin/a\n", false, false),
        ] {
            assert_eq!(is_set_after(text, needed("a.service"), is_set_before), expected, "{text}");
        }
    }

    #[test]
    fn a_description_shows_the_token() {
        let text = "[Unit]\nDescription=For $private_ipv4\n";
        let (found, _) = adapted(text);
        assert_eq!((found.text.as_str(), found.has_token_in_description), (text, true));
        assert!(found.lost.is_empty() && found.variables.is_empty());
    }

    #[test]
    fn a_text_without_tokens_stays_as_it_is() {
        let text = "[Service]\nExecStart=/bin/a \\\n";
        assert_eq!(adapted(text), (Adapted { text: text.to_owned(), ..Adapted::default() }, String::new()));
    }
}
