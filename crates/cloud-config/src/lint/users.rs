//! Users whose login does not work as intended, or may work for an attacker (docs/cloud-config.md#users).

use super::hash::{self, Hash};
use crate::config::{CloudConfig, User, ssh_key};
use crate::diagnostic::{Finding, rules};
use crate::plan::{breaks_out, is_user_name, of_new_account, password_hash, redacted_user_name};
use crate::text::secret::is_redacted;
use crate::yaml::Field;

/// Users that exist in images.
const EXISTING: [&str; 2] = ["core", "root"];
/// The shortest RSA key that counts as secure, in bits.
const RSA_MIN: usize = 2048;

/// Checks the users of `config`, and their logins.
pub(super) fn lint(config: &CloudConfig) -> Vec<Finding> {
    let mut findings = Vec::new();
    keys(&config.ssh_authorized_keys, &mut findings);
    for user in config.users.iter().filter_map(|user| user.get()) {
        if let Some(name) = user.name.filled() {
            findings.extend(odd_name(user, name));
            findings.extend(odd_groups(user, name));
            findings.extend(existing(user, name));
            findings.extend(keys_without_home(user, name));
            findings.extend(password(user, name));
            keys(&user.ssh_authorized_keys, &mut findings);
        }
    }
    findings
}

/// Reports a name that some versions of `useradd` reject, or that causes problems later.
fn odd_name(user: &User, name: &str) -> Option<Finding> {
    let known = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-');
    let (why, help) = if !is_user_name(name) {
        // The invalid name is already an error.
        return None;
    } else if !name.strip_suffix('$').unwrap_or(name).bytes().all(known) {
        ("contains a character that most systems reject", "use lower case letters, digits, - and _")
    } else if name.starts_with(|first: char| first.is_ascii_digit()) {
        ("begins with a digit, which many systems reject", "begin with a letter")
    } else if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
        ("contains upper case letters, which many systems reject", "use lower case letters")
    } else {
        return None;
    };
    let message = format!("user {}: the name {why}; applied anyway", redacted_user_name(name));
    Some(Finding::new(&rules::ODD_USER_NAME, user.name.span, message).help(help))
}

/// Reports fields of users that exist in images, which are not changed.
fn existing(user: &User, name: &str) -> Option<Finding> {
    if !EXISTING.contains(&name) {
        return None;
    }
    let given = of_new_account(user);
    let span = given.first()?.1.or(user.name.span);
    let names: Vec<_> = given.into_iter().map(|(key, _)| key).collect();
    let message = format!("user {name} exists on most machines; not applied there: {}", names.join(", "));
    let help = "only the password and the SSH keys of an existing user are set";
    Some(Finding::new(&rules::EXISTING_USER, span, message).help(help))
}

/// Reports SSH keys of a user without a home directory to put them in.
fn keys_without_home(user: &User, name: &str) -> Option<Finding> {
    let has_keys = user.ssh_authorized_keys.iter().any(|key| key.filled().is_some())
        || user.coreos_ssh_import_github.filled().is_some()
        || user.coreos_ssh_import_github_users.iter().any(|name| name.filled().is_some())
        || user.coreos_ssh_import_url.filled().is_some();
    if user.no_create_home.value != Some(true) || !has_keys || EXISTING.contains(&name) {
        return None;
    }
    let message = format!(
        "user {}: `no_create_home` with SSH keys; SSH keys not set unless the home directory exists",
        redacted_user_name(name)
    );
    let help = "remove `no_create_home`, or the keys";
    Some(Finding::new(&rules::KEYS_WITHOUT_HOME, user.no_create_home.span, message).help(help))
}

/// Reports group names that are separated by blanks instead of commas.
fn odd_groups(user: &User, name: &str) -> Option<Finding> {
    let mut groups =
        user.groups.0.iter().flat_map(|field| field.text().split(',').map(move |group| (group, field.span)));
    let (_, span) = groups.find(|(group, _)| group.trim().contains(char::is_whitespace))?;
    let message = format!(
        "user {}: a group name contains a space, which every system rejects; group not applied",
        redacted_user_name(name)
    );
    Some(Finding::new(&rules::ODD_USER_NAME, span, message).help("write a list, or commas between the groups"))
}

fn password(user: &User, name: &str) -> Option<Finding> {
    let text = password_hash(user)?;
    if is_redacted(text) {
        // The redaction replaces a hash that may be valid.
        return None;
    }
    let name = redacted_user_name(name);
    let find = |rule, message| Some(Finding::new(rule, user.passwd.span, message));
    if text.is_empty() {
        let finding = find(&rules::EMPTY_PASSWORD, format!("user {name}: the password is empty; not applied"))?;
        return Some(finding.help("remove it; without a password, the user logs in with SSH keys only"));
    }
    if breaks_out(text) {
        // The invalid hash is not set, and already an error.
        return None;
    }
    let help = "create a hash with `openssl passwd -6` or `mkpasswd`; `*` disables password login";
    let finding = match hash::kind(text) {
        Hash::Strong | Hash::Locked => None,
        Hash::Weak(kind) => {
            find(&rules::WEAK_HASH, format!("user {name}: the password hash is {kind}, which is weak; applied anyway"))
        }
        Hash::Broken => {
            let message =
                format!("user {name}: the password hash is incomplete, so that no password matches it; applied anyway");
            find(&rules::ODD_PASSWORD, message)
        }
        Hash::Other => {
            let message =
                format!("user {name}: the password is not a hash, so that no password matches it; applied anyway");
            find(&rules::ODD_PASSWORD, message)
        }
    }?;
    Some(finding.help(help))
}

/// Reports SSH keys that sshd rejects or that are insecure.
fn keys(list: &[Field<String>], findings: &mut Vec<Finding>) {
    for entry in list {
        let Some(text) = entry.filled() else { continue };
        // Each kind of finding is made once per entry, however many lines the entry has.
        let (mut weak, mut odd) = (None, false);
        for key in text.lines().filter_map(|line| ssh_key::parse(line.trim())) {
            match strength(&key) {
                Strength::Fine => {}
                Strength::Weak(why) => weak = weak.or(Some(why)),
                Strength::Unknown => odd = true,
            }
        }
        if let Some(why) = weak {
            let help = "create a new key with `ssh-keygen -t ed25519`";
            findings.push(Finding::new(&rules::WEAK_SSH_KEY, entry.span, why).help(help));
        }
        if odd {
            let message = "SSH key of an unknown type, which sshd may ignore; applied anyway";
            findings.push(Finding::new(&rules::ODD_SSH_KEY, entry.span, message));
        }
    }
}

enum Strength {
    Fine,
    Weak(String),
    Unknown,
}

fn strength(key: &ssh_key::PublicKey<'_>) -> Strength {
    let kind = key.kind.strip_suffix("-cert-v01@openssh.com").unwrap_or(key.kind);
    match kind.strip_suffix("@openssh.com").unwrap_or(kind) {
        "ssh-dss" => {
            Strength::Weak("SSH key of the type ssh-dss, which sshd no longer accepts; applied anyway".to_owned())
        }
        "ssh-rsa" => match key.rsa_bits() {
            Some(bits) if bits < RSA_MIN => {
                Strength::Weak(format!("RSA key of {bits} bits, where {RSA_MIN} are the safe minimum; applied anyway"))
            }
            _ => Strength::Fine,
        },
        "ssh-ed25519"
        | "sk-ssh-ed25519"
        | "ecdsa-sha2-nistp256"
        | "ecdsa-sha2-nistp384"
        | "ecdsa-sha2-nistp521"
        | "sk-ecdsa-sha2-nistp256"
        | "webauthn-sk-ecdsa-sha2-nistp256" => Strength::Fine,
        _ => Strength::Unknown,
    }
}
