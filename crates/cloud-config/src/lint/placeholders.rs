//! Placeholders in values, in a form that belongs to no known template language: `%NAME%`, `@@NAME@@`, `%s` and the
//! like.

use std::sync::LazyLock;

use regex::Regex;

use super::templates::HELP;
use super::tokens;
use crate::address_tokens::Address;
use crate::config::fields::{FILE, TOP, USER};
use crate::config::ssh_key;
use crate::diagnostic::{Finding, Findings, Span, rules};
use crate::text::secret::REDACTED;
use crate::yaml::{Kind, Node, ParsedYaml, TextKind};

static PLACEHOLDER: LazyLock<Regex> = LazyLock::new(|| {
    let forms = [
        r"%[A-Za-z_][A-Za-z0-9_.-]+%",
        r"%+[sdv]",
        r"@@[A-Za-z_][A-Za-z0-9_.-]*@@",
        r"@[A-Z][A-Z0-9_]*@",
        r"__[A-Z][A-Z0-9_]*__",
        r"<[A-Za-z][A-Za-z0-9_. -]*>",
        r"\$[A-Za-z_][A-Za-z0-9_]*",
        r"\$\([^()]*\)",
    ];
    Regex::new(&forms.join("|")).expect("a constant pattern")
});

/// Checks the values of `document` that this program reads. `text` is the source text of the part.
pub(super) fn lint(document: &ParsedYaml, text: &str) -> Vec<Finding> {
    let mut findings = Findings::default();
    let entries = document.root.as_deref().and_then(Node::entries).unwrap_or_default();
    for entry in entries.iter().filter(|entry| TOP.field(&entry.name()).is_some()) {
        let name = entry.name();
        search(&entry.value, &name, &name, text, &mut findings);
    }
    // YAML rejects values that begin with `%` or `@`, so such a placeholder is a syntax error.
    let error = document.error.as_ref().and_then(|error| error.span);
    if let Some(at) = error.map(|span| span.start)
        && let Some(line) = text.get(at..).and_then(|rest| rest.lines().next())
        && let Some(found) = first_placeholder(line).filter(|found| found.start() == 0)
    {
        report(Span::new(at, at + found.end()), &mut findings);
    }
    findings.into_list()
}

/// Returns true if the value of the key `name` in `section` is checked. In content and prose, a placeholder may be
/// intended.
fn is_searched(section: &str, name: &str) -> bool {
    let row = match section {
        "write_files" => FILE.field(name),
        "users" => USER.field(name),
        // The values of `coreos.oem` are free text.
        _ => return !matches!(name, "content" | "oem"),
    };
    row.is_some_and(|row| !matches!(row.text, TextKind::Content | TextKind::Prose))
}

/// Reports the placeholders in `node`, the value of `key` in `section`.
fn search(node: &Node, section: &str, key: &str, text: &str, findings: &mut Findings) {
    match &node.kind {
        Kind::List(items) => items.iter().for_each(|item| search(item, section, key, text, findings)),
        Kind::Mapping(mapping) => {
            for entry in mapping.entries.iter().filter(|entry| is_searched(section, &entry.name())) {
                search(&entry.value, section, &entry.name(), text, findings);
            }
        }
        Kind::Scalar(scalar) => {
            // The options of a key can contain any command.
            if key == "ssh_authorized_keys" && scalar.text.lines().any(ssh_key::is_key) {
                return;
            }
            let Some(raw) = text.get(node.span.start..node.span.end) else { return };
            // `options` already reports the usual `<token>` of a discovery URL.
            if let Some(found) =
                first_placeholder(raw).filter(|found| key != "discovery" || !found.as_str().starts_with('<'))
            {
                report(Span::new(node.span.start + found.start(), node.span.start + found.end()), findings);
            }
        }
    }
}

fn report(span: Span, findings: &mut Findings) {
    findings.add(&rules::TEMPLATE, || {
        let message = "unreplaced placeholder; applied anyway";
        Finding::new(&rules::TEMPLATE, span, message).help(HELP)
    });
}

/// Returns the first placeholder in `value`.
fn first_placeholder(value: &str) -> Option<regex::Match<'_>> {
    PLACEHOLDER
        .find_iter(value)
        // `<no value>` is the result of a Go template, which `templates` reports.
        .filter(|found| found.as_str() != "<no value>")
        .find(|found| is_placeholder(found.as_str(), &value[..found.start()], &value[found.end()..]))
}

/// Returns true if `word` is a placeholder between `before` and `rest`.
fn is_placeholder(word: &str, before: &str, rest: &str) -> bool {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let is_hex = |text: &str| text.len() >= 2 && text.bytes().take(2).all(|byte| byte.is_ascii_hexdigit());
    match word.as_bytes() {
        // `%41%` may be escaped bytes of a URL.
        [b'%', .., b'%'] => !(is_hex(&word[1..]) && is_hex(rest)),
        [b'%', ..] => word.len() == 2 && !rest.starts_with(is_word) && !rest.starts_with('%'),
        [b'@' | b'_', ..] => !before.ends_with(is_word) && !rest.starts_with(is_word),
        [b'$', b'(', ..] => true,
        [b'$', ..] => {
            let name = word[1..].to_ascii_lowercase();
            let is_token = Address::ALL.iter().any(|kind| word[1..].starts_with(kind.token()));
            let is_public = ["public", "private", "local"].iter().any(|start| name.starts_with(start));
            !is_token && !is_public && !tokens::is_misspelled(&word[1..])
        }
        _ => word != REDACTED,
    }
}

#[cfg(test)]
mod tests {
    use crate::lint::found_texts;

    fn found(text: &str) -> Vec<&str> {
        found_texts(super::lint, text)
    }

    #[test]
    fn placeholders_in_values_are_found() {
        for (text, placeholder) in [
            ("hostname: \"%hostname%\"\n", "%hostname%"),
            ("hostname: node-%s\n", "%s"),
            ("hostname: <hostname>\n", "<hostname>"),
            ("hostname: $HOSTNAME\n", "$HOSTNAME"),
            ("hostname: $(hostname -s)\n", "$(hostname -s)"),
            ("hostname: @@NAME@@\n", "@@NAME@@"),
            ("hostname: %NAME%\n", "%NAME%"),
            ("write-files:\n- path: /etc/@@DOMAIN@@.conf\n  content: '%x%'\n", "@@DOMAIN@@"),
            ("write_files:\n- path: /etc/__NAME__\n", "__NAME__"),
            ("write_files:\n- path: /a\n  owner: '@OWNER@'\n", "@OWNER@"),
            ("users:\n- name: '%s'\n  sudo: '%s'\n", "%s"),
            ("users:\n- name: a\n  homedir: /home/$user\n", "$user"),
            ("users:\n- {name: a, coreos-ssh-import-url: 'https://x/%d.keys'}\n", "%d"),
            ("users:\n- {name: a, ssh_authorized_keys: ['%KEY%']}\n", "%KEY%"),
            ("ssh_authorized_keys:\n- ssh-ed25519 @@KEY@@\n", "@@KEY@@"),
            ("coreos: {units: [{name: '@@N@@.service', content: '%x%'}]}\n", "@@N@@"),
            ("coreos: {etcd2: {discovery: 'https://discovery.etcd.io/%s'}}\n", "%s"),
        ] {
            assert_eq!(found(text), [placeholder], "{text}");
        }
    }

    #[test]
    fn other_values_have_no_placeholder() {
        let key = "AAAAC3NzaC1lZDI1NTE5AAAAIDhmj/882riP+2GKg9KPw4z7LbUf+UALTw+cO/+L/PMK";
        let keys = format!("ssh_authorized_keys:\n- command=\"date +%s $HOME\" ssh-ed25519 {key} <me>\n");
        for text in [
            keys.as_str(),
            "hostname: $private_ipv4\n",
            "hostname: $privat_ipv4\n",
            "coreos: {etcd2: {advertise-client-urls: 'http://$public_ipv6:1', discovery: 'https://x/%41b%42'}}\n",
            "coreos: {etcd2: {discovery: 'https://x/%20a%20b%dd%E4%F6'}}\n",
            "coreos: {units: [{name: 'a@%i.service', content: '%s @@X@@ %x%'}]}\n",
            "write_files:\n- {path: /a/__init__.py, content: '%s'}\n- {path: '/a/100%', content: ''}\n",
            "users:\n- {name: a, passwd: '$6$a$%s', gecos: '%s <a>', sudo: '%sudo ALL %s'}\n",
            "runcmd:\n- date +%s > /a\n- echo %x% $HOME\nfinal_message: 'up $UPTIME'\n",
        ] {
            assert_eq!(found(text), [""; 0], "{text}");
        }
    }
}
