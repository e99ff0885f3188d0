//! Address tokens in the text of a unit: systemd expands variables in command lines only.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::stand_ins::StandIns;
use super::unit_lines::{joined, lines};
use crate::address_tokens::Address;

/// The text of a unit file or a drop-in without stand-ins.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Adapted {
    /// The text.
    pub text: String,
    /// The addresses that command lines name by variables.
    pub variables: BTreeSet<Address>,
    /// Variables whose values have addresses, with stand-ins: an environment file that is made at boot has them.
    pub environment: Vec<(String, String)>,
    /// The description has tokens.
    pub has_token_in_description: bool,
    /// The keys of settings that have no place for an address any more; the text lacks them.
    pub lost: Vec<String>,
}

impl Adapted {
    /// Removes the variables that a later line sets, since a file would take precedence over it. An empty line removes all.
    fn override_environment(&mut self, value: &str) {
        match assignments(value) {
            Some(set) if set.is_empty() => self.environment.clear(),
            Some(set) => self.environment.retain(|(name, _)| set.iter().all(|(later, _)| later != name)),
            None => {}
        }
    }
}

/// Replaces the stand-ins in `text`; `variable` names the variable of an address. Without it, the unit starts before
/// the addresses are known.
pub fn adapt(text: &str, stand_ins: &StandIns, variable: Option<&dyn Fn(Address) -> String>) -> Adapted {
    let mut adapted = Adapted::default();
    if !stand_ins.is_in(text) {
        text.clone_into(&mut adapted.text);
        return adapted;
    }
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
        if !stand_ins.is_in(whole) {
            if key == "Environment" {
                adapted.override_environment(&joined(value));
            }
            adapted.text.push_str(whole);
            continue;
        }
        if section.starts_with("X-") {
            adapted.lost.push(key.to_owned());
        } else if key == "Description" && section == "Unit" {
            adapted.has_token_in_description = true;
            adapted.text.push_str(&stand_ins.restore(whole));
        } else if let Some(variable) = variable
            && COMMANDS.contains(&key)
            && can_expand(value, stand_ins)
        {
            adapted.variables.extend(stand_ins.kinds(whole));
            adapted.text.push_str(&stand_ins.replace(whole, |kind| format!("${{{}}}", variable(kind))));
        } else if variable.is_some()
            && key == "Environment"
            && let Some(assignments) = assignments(&joined(value))
        {
            adapted.environment.extend(assignments);
        } else {
            adapted.lost.push(key.to_owned());
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

/// Returns true if systemd expands variables at all stand-ins of a command line: not in the command itself, not behind
/// the prefix `:`, and not behind a `$`.
fn can_expand(value: &str, stand_ins: &StandIns) -> bool {
    let value = &joined(value);
    let is_behind_dollar = stand_ins.replace(value, |_| "\0".to_owned()).contains("$\0");
    // A `;` of its own separates commands.
    let mut words = value.split_whitespace();
    let mut is_first = true;
    let can_all_expand = words.all(|word| {
        let is_command = std::mem::replace(&mut is_first, word == ";");
        let prefixes = word.trim_start_matches(['@', '-', '+', '!', '|', ':']);
        !is_command || (!stand_ins.is_in(word) && !word[..word.len() - prefixes.len()].contains(':'))
    });
    can_all_expand && !is_behind_dollar
}

/// The assignments of `Environment=`, as systemd splits them; `None` if one is invalid or has a specifier.
fn assignments(value: &str) -> Option<Vec<(String, String)>> {
    let mut chars = value.chars().peekable();
    let mut found = Vec::new();
    loop {
        while chars.next_if(char::is_ascii_whitespace).is_some() {}
        if chars.peek().is_none() {
            return Some(found);
        }
        let (mut word, mut quote) = (String::new(), None);
        while let Some(c) = chars.next_if(|c| quote.is_some() || !c.is_ascii_whitespace()) {
            match c {
                '\\' => word.push(unescape(&mut chars)?),
                '"' | '\'' if quote.is_none() => quote = Some(c),
                '%' if chars.next()? != '%' => return None,
                _ if quote == Some(c) => quote = None,
                _ => word.push(c),
            }
        }
        let (name, value) = word.split_once('=').filter(|_| quote.is_none())?;
        found.push((name.to_owned(), value.to_owned()));
    }
}

/// The character of an escape sequence, behind its backslash.
fn unescape(chars: &mut impl Iterator<Item = char>) -> Option<char> {
    let number = |chars: &mut dyn Iterator<Item = char>, first: Option<char>, count: usize, radix: u32| {
        let text: String = first.into_iter().chain(chars.take(count)).collect();
        u32::from_str_radix(&text, radix).ok().and_then(char::from_u32)
    };
    Some(match chars.next()? {
        'a' => '\u{7}',
        'b' => '\u{8}',
        'f' => '\u{c}',
        'n' => '\n',
        'r' => '\r',
        's' => ' ',
        't' => '\t',
        'v' => '\u{b}',
        'x' => number(chars, None, 2, 16).filter(char::is_ascii)?,
        'u' => number(chars, None, 4, 16)?,
        'U' => number(chars, None, 8, 16)?,
        digit @ '0'..='7' => number(chars, Some(digit), 2, 8).filter(char::is_ascii)?,
        c @ ('\\' | '"' | '\'') => c,
        _ => return None,
    })
}

/// The lines of an environment file.
pub fn environment_file(variables: &[(String, String)]) -> String {
    variables.iter().fold(String::new(), |mut text, (name, value)| {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{}", crate::plan::text_files::environment_line(name, value));
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address_tokens::{Addresses, substitute};

    fn adapted(text: &str) -> Adapted {
        let stand_ins = StandIns::choose(&Addresses::default(), [text]);
        let text = substitute(text, stand_ins.addresses()).text.into_owned();
        let mut adapted = adapt(&text, &stand_ins, Some(&|kind| kind.variable().to_owned()));
        for (_, value) in &mut adapted.environment {
            *value = stand_ins.restore(value);
        }
        adapted
    }

    #[test]
    fn command_lines_name_variables() {
        let found = adapted(
            "[Service]\n# for $private_ipv4\nExecStart=/bin/a --ip=$private_ipv4 \\\n  # c\n  $public_ipv4\nUser=a\n",
        );
        assert_eq!(
            found.text,
            "[Service]\n# for $private_ipv4\nExecStart=/bin/a --ip=${COREOS_PRIVATE_IPV4} \\\n  # c\n  ${COREOS_PUBLIC_IPV4}\nUser=a\n"
        );
        assert!(
            found.variables == BTreeSet::from([Address::PrivateV4, Address::PublicV4])
                && found.environment.is_empty()
                && found.lost.is_empty()
        );
    }

    #[test]
    fn assignments_go_to_an_environment_file() {
        let found = adapted("[Service]\nEnvironment=\"A=x $private_ipv4\" B=50%%\\x41 'C=\\\"'\nEnvironment=D=e\n");
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(found.environment, [pair("A", "x $private_ipv4"), pair("B", "50%A"), pair("C", "\"")]);
        assert_eq!(found.text, "[Service]\nEnvironment=D=e\n");
        assert!(found.variables.is_empty());
        assert_eq!(environment_file(&found.environment[1..]), "B=50%A\nC=\"\\\"\"\n");
    }

    #[test]
    fn a_later_assignment_wins() {
        let names = |text: &str| adapted(text).environment.into_iter().map(|(name, _)| name).collect::<Vec<_>>();
        assert_eq!(names("[Service]\nEnvironment=A=$private_ipv4 B=$private_ipv4\nEnvironment=A=b\n"), ["B"]);
        assert_eq!(names("[Service]\nEnvironment=A=$private_ipv4\nEnvironment=\nEnvironment=B=$private_ipv4\n"), ["B"]);
        assert_eq!(names("[Service]\nEnvironment=A=b\nEnvironment=A=$private_ipv4\nEnvironment=A=%H\n"), ["A"]);
    }

    #[test]
    fn other_settings_are_lost() {
        for (line, key) in [
            ("ListenStream=$private_ipv4:80", "ListenStream"),
            ("Description=$private_ipv4:80", "Description"),
            ("ExecStart=/opt/$private_ipv4/a", "ExecStart"),
            ("ExecStart=:/bin/a $private_ipv4", "ExecStart"),
            ("ExecStart=\\\n  /opt/$private_ipv4/a", "ExecStart"),
            ("ExecStart=/bin/a $$private_ipv4", "ExecStart"),
            ("ExecStart=/bin/a ; /bin/$private_ipv4/b", "ExecStart"),
            ("ExecStart=/bin/a ; :/bin/b $private_ipv4", "ExecStart"),
            ("ExecSearchPath=/opt/$private_ipv4", "ExecSearchPath"),
            ("Environment=A=%H$private_ipv4", "Environment"),
            ("Environment=\"A=$private_ipv4", "Environment"),
        ] {
            let found = adapted(&format!("[Service]\nUser=a\n{line}\n"));
            assert_eq!(
                (found.text.as_str(), found.lost.as_slice()),
                ("[Service]\nUser=a\n", &[key.to_owned()][..]),
                "{line}"
            );
        }
        let found = adapted("[X-Fleet]\nMachineMetadata=$private_ipv4\n[Service]\nExecStart=/bin/a $public_ipv6\n");
        assert_eq!(found.lost, ["MachineMetadata"]);
        assert_eq!(found.variables, BTreeSet::from([Address::PublicV6]));
    }

    #[test]
    fn a_description_shows_the_token() {
        let text = "[Unit]\nDescription=For $private_ipv4\n";
        let found = adapted(text);
        assert_eq!((found.text.as_str(), found.has_token_in_description), (text, true));
        assert!(found.lost.is_empty() && found.variables.is_empty());
    }

    #[test]
    fn a_text_without_tokens_stays_as_it_is() {
        let text = "[Service]\nExecStart=/bin/a \\\n";
        assert_eq!(adapted(text), Adapted { text: text.to_owned(), ..Adapted::default() });
    }
}
