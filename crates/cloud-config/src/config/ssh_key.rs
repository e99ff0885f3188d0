//! SSH public keys, as lines of `authorized_keys` (docs/cloud-config.md#users).

use std::collections::HashSet;

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::key_options;
use crate::diagnostic::{Finding, Span, rules};
use crate::yaml::Field;
use crate::yaml::key_items::KEY_TYPES;

/// The base64 that sshd accepts: padding may be missing.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Keys in order, without duplicates. A set finds the duplicates, because lists can be long.
#[derive(Default)]
pub struct Keys {
    list: Vec<String>,
    known: HashSet<String>,
}

impl Keys {
    /// Adds a key unless it is a duplicate.
    pub fn add(&mut self, key: &str) {
        if self.known.insert(key.to_owned()) {
            self.list.push(key.to_owned());
        }
    }

    /// Returns the keys in order.
    pub fn into_list(self) -> Vec<String> {
        self.list
    }
}

/// Adds the keys of one entry, which can have several lines, to `keys`. Returns the number of lines that are not keys.
///
/// These lines are skipped. One finding reports all keys with invalid options, and another all other lines. Neither
/// quotes a line: an entry can be megabytes of other text, and one finding per line would be gigabytes.
pub fn collect(entry: &str, span: Option<Span>, keys: &mut Keys, findings: &mut impl Extend<Finding>) -> usize {
    let (mut others, mut private, mut exported, mut elsewhere, mut incomplete) = (0, false, false, false, false);
    let (mut with_options, mut option) = (0, None);
    for line in entry.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        if is_key(line) {
            keys.add(line);
        } else if let Some(invalid) = key_options::invalid_option(line) {
            with_options += 1;
            option.get_or_insert(invalid);
        } else if after_options(line).is_some_and(is_bare_key) {
            with_options += 1;
        } else {
            others += 1;
            private |= line.starts_with("-----BEGIN ") && line.contains("PRIVATE KEY")
                || line.starts_with("PuTTY-User-Key-File-");
            exported |= line.contains("BEGIN SSH2 PUBLIC KEY");
            elsewhere |= is_reference(line);
            incomplete |= begins_body(line);
        }
    }
    if with_options > 0 {
        let text = match &option {
            Some(option) => format!("invalid option `{}`", option.name),
            None => "invalid options".to_owned(),
        };
        let message = match (with_options, &option) {
            (1, _) => format!("{text} before an SSH key; key not set"),
            (_, Some(option)) => {
                format!("invalid options, such as `{}`, before {with_options} SSH keys; keys not set", option.name)
            }
            (_, None) => format!("{text} before {with_options} SSH keys; keys not set"),
        };
        let help = option.map_or_else(
            || {
                "sshd ignores a key after text that is not a valid option: see AUTHORIZED_KEYS FILE FORMAT in sshd(8)"
                    .to_owned()
            },
            |option| option.help + "; sshd ignores a key after an invalid option",
        );
        findings.extend([Finding::new(&rules::BAD_KEY_OPTIONS, span, message).help(help)]);
    }
    if others > 0 {
        let lines = if others == 1 { "line" } else { &format!("{others} lines") };
        findings.extend([if private {
            let message = format!("private key in place of a public one; {lines} skipped");
            let help = "write the public key, from the file that ends in .pub, and create a new key pair: everyone who can \
                        read this configuration has the private key";
            Finding::new(&rules::PRIVATE_KEY, span, message).help(help)
        } else {
            let message = if others == 1 {
                "invalid SSH key; line skipped".to_owned()
            } else {
                format!("{others} invalid SSH keys; lines skipped")
            };
            let help = if elsewhere {
                "keys are not fetched from GitHub, a URL or a file: write the keys themselves, such as those of \
                 https://github.com/NAME.keys"
            } else if exported {
                "this is the SSH2 format: `ssh-keygen -i -f FILE` converts it"
            } else if incomplete {
                "the base64 body of the key is truncated, wrapped or changed: copy the key again, as one line"
            } else {
                "a key is one line: a type such as ssh-ed25519, its base64 body, and a comment"
            };
            Finding::new(&rules::BAD_SSH_KEY, span, message).help(help)
        }]);
    }
    others + with_options
}

/// Adds the keys of a list of `user` to `keys`, and reports a list without any valid key.
pub fn collect_list(user: &str, list: &[Field<String>], keys: &mut Keys, findings: &mut impl Extend<Finding>) {
    let (mut invalid, mut known, mut found) = (0, Keys::default(), Vec::new());
    for entry in list {
        if let Some(text) = entry.filled() {
            invalid += collect(text, entry.span, &mut known, &mut found);
        }
    }
    if invalid > 0 && known.list.is_empty() {
        // The first finding has the help that suits its line.
        let first = found.iter().position(|finding| *finding.rule == rules::BAD_SSH_KEY);
        let first = found.swap_remove(first.unwrap_or_default());
        let message = "no valid SSH key in `ssh_authorized_keys`; SSH keys not set".to_owned();
        let error = Finding { rule: &rules::NO_VALID_KEY, message, ..first.clone() };
        found.extend(Some(first).filter(|first| *first.rule != rules::BAD_SSH_KEY));
        found.push(error);
    }
    findings.extend(
        found.into_iter().map(|finding| Finding { message: format!("user {user}: {}", finding.message), ..finding }),
    );
    for key in known.list {
        keys.add(&key);
    }
}

/// Returns true if `line` names a source of SSH keys instead of a key.
fn is_reference(line: &str) -> bool {
    let line = line.to_ascii_lowercase();
    let services = ["github", "gh", "gitlab", "gl", "lp", "launchpad", "http", "https", "ftp", "file", "git"];
    let is_service = line.split_once(':').is_some_and(|(service, _)| services.contains(&service));
    // Options of a key contain no slash before their first blank.
    let first = line.split_ascii_whitespace().next().unwrap_or_default();
    let is_path = first.starts_with(['/', '~']) || first.strip_suffix(".pub").is_some();
    is_service || is_path || first.starts_with("github.com/") || first == "ssh-import-id"
}

/// A public key.
pub struct PublicKey<'a> {
    /// Its type, such as `ssh-ed25519`.
    pub kind: &'a str,
    /// The body of the key after the type.
    rest: Vec<u8>,
}

impl PublicKey<'_> {
    /// Returns the length of an RSA key in bits.
    pub fn rsa_bits(&self) -> Option<usize> {
        let (_exponent, rest) = field(&self.rest)?;
        let (modulus, _) = field(rest)?;
        let modulus = &modulus[modulus.iter().take_while(|byte| **byte == 0).count()..];
        Some(modulus.len() * 8 - modulus.first()?.leading_zeros() as usize)
    }
}

/// Splits off the first field of a body.
fn field(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    rest.split_at_checked(u32::from_be_bytes(*length) as usize)
}

/// Returns true if `line` is a key of `authorized_keys`: optional options, a type, a body, an optional comment.
pub fn is_key(line: &str) -> bool {
    parse(line).is_some()
}

/// Parses the key in a line of `authorized_keys`, without its options and comment.
pub fn parse(line: &str) -> Option<PublicKey<'_>> {
    if line.chars().any(|c| c.is_control() && c != '\t') {
        return None;
    }
    // Without options, the first word is the type. Options end at the first blank outside of quotes.
    typed_body(line).or_else(|| {
        let rest = after_options(line)?;
        let key = typed_body(rest)?;
        key_options::are_valid(line[..line.len() - rest.len()].trim_end()).then_some(key)
    })
}

/// Returns true for a key without options.
pub(super) fn is_bare_key(line: &str) -> bool {
    is_key(line) && typed_body(line).is_some()
}

/// Parses the type and the body of a key at the beginning of `text`, if the body contains the same type.
fn typed_body(text: &str) -> Option<PublicKey<'_>> {
    let mut words = text.split([' ', '\t']).filter(|word| !word.is_empty());
    let (kind, body) = (words.next()?, words.next()?);
    let blob = BASE64.decode(body).ok()?;
    // The body is a list of fields with their lengths. The first one is the type, and every key has more fields.
    let (named, rest) = field(&blob)?;
    (named == kind.as_bytes() && is_whole(kind, rest)).then(|| PublicKey { kind, rest: rest.to_owned() })
}

/// Returns true if `line` begins with a type and the start of a body of that type.
fn begins_body(line: &str) -> bool {
    let mut words = line.split_whitespace();
    let (Some(kind), Some(body)) = (words.next(), words.next()) else { return false };
    let length = u32::try_from(kind.len()).unwrap_or_default();
    let first_field = [&length.to_be_bytes(), kind.as_bytes()].concat();
    // Base64 encodes groups of three bytes independently.
    let whole = first_field.len() / 3 * 3;
    KEY_TYPES.iter().any(|name| kind.starts_with(name)) && body.starts_with(&BASE64.encode(&first_field[..whole]))
}

/// Returns true if a key has all fields of its type and ends after the last one, as sshd requires. A key that was
/// wrapped or cut off is invalid.
fn is_whole(kind: &str, mut rest: &[u8]) -> bool {
    if rest.len() <= 4 || kind.contains("-cert-") {
        // Certificates have numbers between their fields, so only their presence is checked.
        return rest.len() > 4;
    }
    let mut fields = 0;
    while let Some((_, more)) = field(rest) {
        (fields, rest) = (fields + 1, more);
    }
    let wanted = if kind == "ssh-rsa" || kind.starts_with("ecdsa-sha2-") { 2 } else { 1 };
    rest.is_empty() && fields >= wanted
}

/// Returns the rest of a line after the options.
pub(super) fn after_options(line: &str) -> Option<&str> {
    let mut quoted = false;
    let mut escaped = false;
    for (at, byte) in line.bytes().enumerate() {
        match byte {
            b'"' if !escaped => quoted = !quoted,
            b' ' | b'\t' if !quoted => return Some(line[at..].trim_start()),
            _ => {}
        }
        escaped = byte == b'\\';
    }
    None
}

/// Returns true for a key, or several joined keys, that begins with its type or with an option of sshd.
pub fn begins_key(text: &str) -> bool {
    let name = text.split([' ', '\t', ',', '=']).next().unwrap_or_default();
    let is_option = key_options::names().any(|option| option.eq_ignore_ascii_case(name));
    let is_type = KEY_TYPES.iter().any(|kind| name.starts_with(kind));
    (is_option || is_type) && is_key(joined(text).unwrap_or_default().first().unwrap_or(&text))
}

/// Returns the keys of an entry that lacks line breaks, each with its options and comment; `None` if no line break is
/// missing.
pub fn joined(entry: &str) -> Option<Vec<&str>> {
    let is_whole = |line: &str| is_key(line) && line.matches('"').count().is_multiple_of(2);
    let escaped = || entry.split("\\n").map(str::trim).filter(|line| !line.is_empty());
    if entry.contains("\\n") && escaped().filter(|line| is_whole(line)).count() > 1 {
        return Some(escaped().flat_map(on_line).collect());
    }
    let lines = || entry.lines().map(str::trim).filter(|line| !line.is_empty());
    let keys: Vec<_> = lines().flat_map(on_line).collect();
    (keys.len() > lines().count()).then_some(keys)
}

/// Returns the keys on one line. A key begins with its options, or with a type that is followed by a body of that type.
fn on_line(line: &str) -> Vec<&str> {
    if line.starts_with('#') {
        return vec![line];
    }
    let is_separator = |c: char| matches!(c, ' ' | '\t' | ',' | ';');
    let (mut keys, mut start, mut at) = (Vec::new(), 0, 0);
    // The end of the previous options: a key inside of them is part of their text.
    let mut options_end = 0;
    let mut is_key_list = KEY_TYPES.iter().any(|kind| line.starts_with(kind));
    while let Some(word) = line.get(at..).filter(|word| !word.is_empty()) {
        let mut body = body_end(word).map(|end| at + end);
        let name = word.split([' ', '\t', ',', '=']).next().unwrap_or_default();
        let is_option = || key_options::names().any(|option| option.eq_ignore_ascii_case(name));
        if body.is_none() && at >= options_end && (at == 0 || is_option()) {
            let rest = after_options(word);
            options_end = rest.map_or(line.len(), |rest| line.len() - rest.len());
            body = rest.and_then(body_end).map(|end| options_end + end);
        }
        if let Some(body) = body {
            if at == 0 {
                is_key_list = true;
            } else if is_key_list {
                keys.extend(Some(trim_item(&line[start..at])).filter(|key| !key.is_empty()));
                start = at;
            }
            at = body;
        }
        let Some(end) = line[at..].find(is_separator) else { break };
        at += end + line[at + end..].find(|c| !is_separator(c)).unwrap_or(line.len() - at - end);
    }
    keys.push(trim_item(&line[start..]));
    keys
}

/// Returns the end of the body of the key at the beginning of `text`.
fn body_end(text: &str) -> Option<usize> {
    if !KEY_TYPES.iter().any(|kind| text.starts_with(kind)) {
        return None;
    }
    let body = text[text.find([' ', '\t'])?..].trim_start();
    let length = body.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || b"+/=".contains(byte)).count();
    let end = text.len() - body.len() + length;
    typed_body(&text[..end]).map(|_| end)
}

/// Removes separators, and the `-` of the next item, after a key.
fn trim_item(text: &str) -> &str {
    let text = text.trim_end_matches([' ', '\t', ',', ';']);
    let item =
        [" -", " *", " +", " \u{2022}", " \u{2013}", " \u{2014}"].iter().find_map(|sign| text.strip_suffix(sign));
    item.unwrap_or(text).trim_end()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns a key with made-up bytes, of any type.
    fn key(kind: &str) -> String {
        let mut blob = u32::try_from(kind.len()).unwrap().to_be_bytes().to_vec();
        blob.extend(kind.as_bytes());
        for _ in 0..2 {
            blob.extend(32_u32.to_be_bytes());
            blob.extend([7; 32]);
        }
        format!("{kind} {}", BASE64.encode(blob))
    }

    #[test]
    fn keys_that_are_elsewhere_are_not_fetched() {
        let help = |entry: &str| {
            let mut findings = Vec::new();
            assert_eq!(collect(entry, None, &mut Keys::default(), &mut findings), 1, "{entry}");
            findings.remove(0).help.unwrap_or_default()
        };
        for entry in [
            "github:octocat",
            "GitHub:octocat",
            "gh:octocat",
            "lp:ubuntu",
            "https://github.com/octocat.keys",
            "http://10.0.0.1/keys",
            "~/.ssh/id_rsa.pub",
            "/root/.ssh/id_ed25519.pub",
            "id_rsa.pub",
        ] {
            assert!(help(entry).contains("not fetched"), "{entry}");
        }
        for entry in ["ssh-ed25519 hunter2", "octocat", "AAAAC3NzaC1lZDI1NTE5"] {
            assert!(!help(entry).contains("not fetched"), "{entry}");
        }
    }

    #[test]
    fn keys_of_every_kind_are_keys() {
        for kind in [
            "ssh-rsa",
            "ssh-ed25519",
            "ecdsa-sha2-nistp256",
            "sk-ssh-ed25519@openssh.com",
            "ssh-ed25519-cert-v01@openssh.com",
        ] {
            let key = key(kind);
            for line in [
                key.clone(),
                format!("{key} core@host with a comment"),
                format!("no-pty,command=\"echo \\\"a b\\\"\" {key}"),
                format!("restrict\t{key}"),
                key.replace(' ', "   "),
                key.trim_end_matches('=').to_owned(),
            ] {
                assert!(is_key(&line), "{line}");
            }
        }
    }

    #[test]
    fn other_lines_are_not() {
        let good = key("ssh-rsa");
        for line in [
            "ssh-rsa",
            "ssh-rsa your_private_key_here",
            "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAB...",
            "AAAAB3NzaC1yc2E",
            "-----BEGIN OPENSSH PRIVATE KEY-----",
            &good.replace("ssh-rsa ", "ssh-dss "),
            &good[..20],
            &format!("{good}\u{7}"),
            &format!("command=\"no end {good}"),
        ] {
            assert!(!is_key(line), "{line}");
        }
    }

    #[test]
    fn a_truncated_body_has_its_own_help() {
        let good = key("ssh-ed25519");
        let help = |line: &str| {
            let mut findings = Vec::new();
            collect(line, None, &mut Keys::default(), &mut findings);
            findings.remove(0).help.unwrap()
        };
        for line in [&good[..good.len() - 8], "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAB... me", &format!("{good}AAAA")] {
            assert!(help(line).contains("truncated"), "{line}");
        }
        for line in ["ssh-rsa", "ssh-rsa YOUR_KEY", &good.replace("ssh-ed25519 ", "ssh-rsa "), "my AAAAAm15"] {
            assert!(help(line).starts_with("a key is one line"), "{line}");
        }
    }

    #[test]
    fn half_a_key_is_none() {
        let key = key("ssh-rsa");
        for end in 0..key.trim_end_matches('=').len() {
            assert!(!is_key(&key[..end]), "{}", &key[..end]);
        }
        assert!(!is_key(&format!("{}AAAA", &key)), "sshd takes nothing after a key either");
    }

    #[test]
    fn keys_without_a_line_break_between_them_are_told_apart() {
        let (one, two) = (key("ssh-rsa"), key("ssh-ed25519"));
        for between in [" a ", " a - ", ", ", " a\\n", " a; "] {
            let text = format!("{one}{between}{two} b c");
            let keys = joined(&text).unwrap_or_else(|| panic!("{between}"));
            assert_eq!(keys.len(), 2, "{between}");
            assert!(keys[0] == one || keys[0] == format!("{one} a"), "{between}: {}", keys[0]);
            assert_eq!(keys[1], format!("{two} b c"));
        }
        let options = format!("restrict,command=\"echo a b, {one}\" {two}");
        for (text, keys) in [
            (format!("{one} a {options} b"), vec![format!("{one} a"), format!("{options} b")]),
            (format!("{one},{options} b"), vec![one.clone(), format!("{options} b")]),
            (format!("{options} b {one}"), vec![format!("{options} b"), one.clone()]),
            (format!("{one}\n{two} a {one}"), vec![one.clone(), format!("{two} a"), one.clone()]),
            (format!("ssh-rsa AAAA cut off {two}"), vec!["ssh-rsa AAAA cut off".to_owned(), two.clone()]),
            (format!("{one} a no-reply@b {two}"), vec![format!("{one} a no-reply@b"), two.clone()]),
        ] {
            assert_eq!(joined(&text), Some(keys.iter().map(String::as_str).collect()), "{text}");
        }
        for text in [
            format!("{one} my ssh-rsa key"),
            format!("{one} ssh-rsa AAAA"),
            format!("{one} {}", two.replace("ssh-ed25519 ", "ssh-rsa ")),
            format!("{one} {}", two.split_once(' ').unwrap().1),
            format!("command=\"printf 'a\\nb'\" {one} a\\nb"),
            format!("{one}\n{two}\n"),
            format!("# {one} {two}"),
            format!("old keys {one} {two}"),
            options,
        ] {
            assert_eq!(joined(&text), None, "{text}");
        }
    }

    #[test]
    fn an_entry_may_hold_several_lines() {
        let (one, two) = (key("ssh-rsa"), key("ssh-ed25519"));
        let (mut keys, mut findings) = (Keys::default(), Vec::new());
        collect(&format!("  {one}  \r\n# a comment\n\n{two}\nnonsense\n{one}\nmore\n"), None, &mut keys, &mut findings);
        assert_eq!(keys.into_list(), [one, two]);
        let messages: Vec<_> = findings.iter().map(|finding| finding.message.as_str()).collect();
        assert_eq!(messages, ["2 invalid SSH keys; lines skipped"], "one finding, which shows nothing");
    }

    #[test]
    fn keys_behind_invalid_options_have_their_own_finding() {
        let (one, two) = (key("ssh-rsa"), key("ssh-ed25519"));
        let found = |entry: &str| {
            let mut findings = Vec::new();
            collect(entry, None, &mut Keys::default(), &mut findings);
            findings.into_iter().map(|finding: Finding| (finding.rule.id, finding.message)).collect::<Vec<_>>()
        };
        let options = |message: &str| ("bad-key-options", message.to_owned());
        let invalid = ("bad-ssh-key", "invalid SSH key; line skipped".to_owned());
        assert_eq!(found(&format!("only=\"a\" {one}")), [options("invalid options before an SSH key; key not set")]);
        let both = format!("only=\"a\" {one}\nnonsense\nrevoked {two}");
        assert_eq!(found(&both), [options("invalid options before 2 SSH keys; keys not set"), invalid]);
    }
}
