//! Examples of misspelled keys.

use super::{FILE, LOOKALIKES, UNIT, USER, meant_keys, rows};
use crate::address_tokens::Addresses;
use crate::config::fields::Mapping;
use crate::plan::Facts;
use crate::{document, user_data};

/// The errors of a text, and what is refused for them.
fn refused(text: &str) -> (Vec<String>, Vec<String>) {
    let text = format!("#cloud-config\n{text}");
    let part = user_data::split("x", text.into_bytes()).remove(0);
    let document = document::read(part, &Addresses::default(), false);
    let plan = document.plan(&Facts::default(), "set");
    let errors = plan.findings.iter().filter(|finding| finding.is_error());
    let errors = errors.map(|f| format!("{}: {} ({})", f.rule.id, f.message, f.help.as_deref().unwrap_or("")));
    (errors.collect(), plan.refused.iter().map(|refused| refused.item.to_string()).collect())
}

/// The keys that an unknown key of an item without keys may stand for.
fn unknown(name: &str, mapping: &Mapping) -> Vec<&'static str> {
    let rows = rows(mapping);
    meant_keys(name, &rows, &rows.iter().map(|row| row.name).collect::<Vec<_>>())
}

#[test]
fn keys_of_other_programs_that_mean_something_else_are_left_alone() {
    for name in LOOKALIKES {
        let resembles = |mapping: &&Mapping| {
            !crate::text::suggest::closest(name, mapping.fields.iter().map(|row| row.name)).is_empty()
        };
        assert!([&FILE, &USER].iter().any(resembles), "{name} needs no row");
    }
    for name in ["sudo", "uid", "ssh_import_id", "expiredate", "selinux_user", "inactive", "doas", "lock_passwd"] {
        assert_eq!(unknown(name, &USER), [""; 0], "{name}");
    }
    for name in ["defer", "filesystem", "description", "append", "overwrite", "comment"] {
        assert_eq!(unknown(name, &FILE), [""; 0], "{name}");
    }
    for name in ["after", "execstart", "restart", "wantedby", "type", "alias", "environment", "description"] {
        assert_eq!(unknown(name, &UNIT), [""; 0], "{name}");
    }
}

#[test]
fn a_key_with_another_dash_stands_for_ours() {
    for (text, errors) in [
        (
            "users:\n- name: ada\n  ssh\u{2013}authorized\u{2013}keys: []\n",
            ": contains U+2013 (en dash); SSH keys not set",
        ),
        (
            "coreos:\n  units:\n  - name: a.service\n    drop\u{2013}ins: []\n",
            ": contains U+2013 (en dash); unit skipped",
        ),
        ("write\u{2212}files:\n- path: /a\n", ": contains U+2212 (minus sign); section not applied"),
    ] {
        let (found, _) = refused(text);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].contains(errors), "{found:?}");
    }
}

#[test]
fn a_file_that_lacks_what_a_misspelled_key_means_is_refused() {
    for (key, help) in [
        ("perms: '0600'", "did you mean `permissions`?"),
        ("mode: 0600", "did you mean `permissions`?"),
        ("Permissions: '0600'", "did you mean `permissions`?"),
        ("permisions: '0600'", "did you mean `permissions`?"),
        ("chmod: '0600'", "did you mean `permissions`?"),
        ("user: core", "write both as `owner`: `user:group`"),
        ("gid: 0", "write both as `owner`: `user:group`"),
        ("onwer: core", "did you mean `owner`?"),
        ("encodng: base64", "did you mean `encoding`?"),
    ] {
        let (errors, items) = refused(&format!("write_files:\n- path: /etc/x\n  content: a\n  {key}\n"));
        assert_eq!(errors.len(), 1, "{key}: {errors:?}");
        assert!(errors[0].starts_with("misspelled-key: file /etc/x: unknown key `"), "{errors:?}");
        assert!(errors[0].ends_with(&format!("`; file skipped ({help})")), "{errors:?}");
        assert_eq!(items, ["file /etc/x"], "{key}");
    }
    for key in ["contents: a", "data: a", "contnet: a", "content:\n  text: a", "source: {uri: a}", "url: a"] {
        let (errors, items) = refused(&format!("write_files:\n- path: /etc/x\n  {key}\n"));
        assert_eq!((errors.len(), items.as_slice()), (1, &["file /etc/x".to_owned()][..]), "{key}: {errors:?}");
    }
    let (errors, _) = refused("write_files:\n- path: /etc/x\n  content_base64: aGVsbG8=\n");
    assert!(errors[0].contains("file skipped (write it as `content`, with `encoding: base64`)"), "{errors:?}");
    for key in ["file", "filename", "dest", "name", "Path", "paht"] {
        let (errors, items) = refused(&format!("write_files:\n- {key}: /etc/x\n  content: a\n"));
        assert_eq!((errors.len(), items.as_slice()), (1, &["file write_files[0]".to_owned()][..]), "{key}: {errors:?}");
        assert!(errors[0].contains("did you mean `path`?"), "{errors:?}");
    }
}

#[test]
fn a_file_without_content_that_has_another_key_for_it_is_refused() {
    for key in ["uri: x", "copy: x", "b64: x", "template: x", "lines: [x]", "target: x"] {
        let (errors, items) = refused(&format!("write_files:\n- path: /etc/x\n  {key}\n"));
        assert_eq!((errors.len(), items.as_slice()), (1, &["file /etc/x".to_owned()][..]), "{key}: {errors:?}");
        assert!(errors[0].contains("without `content`") || errors[0].contains("did you mean"), "{errors:?}");
    }
    let (errors, items) = refused("coreos: {units: [{name: a.service, unit_text: \"[Unit]\\nAfter=x\\n\"}]}");
    assert_eq!((errors.len(), items), (1, vec!["unit a.service".to_owned()]), "{errors:?}");
    for key in ["defer: true", "__x: y", "comment: x", "content:\n  uri: x", "runcmd: [x]"] {
        let (errors, _) = refused(&format!("write_files:\n- path: /etc/x\n  {key}\n"));
        assert_eq!(errors, [""; 0], "{key}");
    }
}

#[test]
fn misspelled_access_is_an_error() {
    for (text, help) in [
        ("hostnme: a", "did you mean `hostname`?"),
        ("Hostname: a", "did you mean `hostname`?"),
        ("coreos: {update: {reboot_stategy: off}}", "did you mean `reboot_strategy`?"),
        ("coreos: {update: {Reboot-Strategy: off}}", "did you mean `reboot-strategy`?"),
        ("coreos: {update: {strategy: off}}", "did you mean `reboot_strategy`?"),
        ("ssh: {authorized_keys: [a]}", "did you mean `ssh_authorized_keys`?"),
        ("users: [{name: ada, ssh: {authorized_keys: [a]}}]", "did you mean `ssh_authorized_keys`?"),
    ] {
        let (errors, _) = refused(text);
        assert_eq!(errors.len(), 1, "{text} {errors:?}");
        assert!(errors[0].starts_with("misspelled-key") && errors[0].contains(help), "{text} {errors:?}");
    }
    for text in ["hostnme: {a: b}", "hostname: a\nHostname: b", "coreos: {update: {gruop: beta}}", "ssh: {emit: [a]}"] {
        assert_eq!(refused(text).0, [""; 0], "{text}");
    }
}

#[test]
fn a_file_that_would_lose_what_is_there_is_refused() {
    for key in ["append: true", "append: yes", "apend: true", "Append: 1", "append: {source: a}", "overwrite: false"] {
        let (errors, items) = refused(&format!("write_files:\n- path: /etc/motd\n  content: a\n  {key}\n"));
        assert_eq!((errors.len(), items.as_slice()), (1, &["file /etc/motd".to_owned()][..]), "{key}: {errors:?}");
        assert!(errors[0].starts_with("unsupported-key: "), "{errors:?}");
    }
    for key in ["append: false", "append:", "overwrite: true", "defer: true"] {
        let found = refused(&format!("write_files:\n- path: /etc/motd\n  content: a\n  {key}\n"));
        assert_eq!(found, (vec![], vec![]), "{key}");
    }
}

#[test]
fn what_has_the_field_too_is_applied() {
    for text in [
        "write_files: [{path: /a, content: b, contents: c, data: d, mode: '0', permissions: '0644'}]",
        "write_files: [{path: /a, file: b, owner: root, user: core}]",
        "write_files: [{path: /a}]",
        "coreos: {units: [{name: a.service, enable: true, enabled: true, drop_ins: [], dropins: []}]}",
        "coreos: {units: [{name: a.service, description: x, After: y}]}",
        "users: [{name: a, ssh_authorized_keys: [], ssh_keys: [], sudo: x, lock_passwd: false, uid: 7}]",
        "ssh_keys: {rsa_private: x}",
    ] {
        assert_eq!(refused(text), (vec![], vec![]), "{text}");
    }
}

#[test]
fn units_and_drop_ins_are_refused() {
    for (text, item) in [
        ("{name: a.service, contents: b}", "unit a.service"),
        ("{name: a.service, enabled: true}", "unit a.service"),
        ("{name: a.service, masked: true}", "unit a.service"),
        ("{name: a.service, drop_in: [{name: b.conf, content: c}]}", "unit a.service"),
        ("{name: a.service, dropins: [{name: b.conf, contents: c}]}", "unit a.service"),
        ("{name: a.service, comand: start}", "unit a.service"),
        ("{unit: a.service, content: b}", "unit coreos.units[0]"),
        ("{name: a.service, drop_ins: [{name: b.conf, contents: c}]}", "drop-in b.conf of unit a.service"),
        ("{name: a.service, drop_ins: [{file: b.conf, content: c}]}", "drop-in drop_ins[0] of unit a.service"),
    ] {
        let (errors, items) = refused(&format!("coreos: {{units: [{text}]}}\n"));
        assert!(errors.iter().all(|error| error.starts_with("misspelled-key: ")), "{text}: {errors:?}");
        assert_eq!((errors.len(), items), (1, vec![item.to_owned()]), "{text}: {errors:?}");
    }
}

#[test]
fn users_are_made_all_the_same() {
    for key in [
        "ssh-authorized-key: [x]",
        "ssh_keys: [x]",
        "authorized_keys: x",
        "sshAuthorizedKeys: [x]",
        "home: /srv/a",
        "group: wheel",
        "gropus: [sudo]",
        "password: x",
        "hashed_passwd: x",
        "no-create-hom: true",
        "username: b",
    ] {
        let text = format!("users:\n- name: a\n  {key}\n");
        if key.starts_with("username") {
            assert_eq!(refused(&text), (vec![], vec![]));
            continue;
        }
        let (errors, items) = refused(&text);
        assert_eq!((errors.len(), items.len()), (1, 0), "{key}: {errors:?}");
        assert!(errors[0].contains("user a: ") && errors[0].contains("not "), "{errors:?}");
    }
    let (errors, items) = refused("users:\n- username: a\n  ssh_authorized_keys: [x]\n");
    assert_eq!((errors.len(), items), (1, vec!["user users[0]".to_owned()]), "{errors:?}");
    assert!(errors[0].contains("user skipped (did you mean `name`?)"), "{errors:?}");
}

#[test]
fn keys_of_the_top_level_are_access() {
    for key in ["ssh-authorized-key", "ssh_authorised_keys", "authorized_keys", "sshAuthorizedKeys", "ssh_keys"] {
        let (errors, items) = refused(&format!("hostname: a\n{key}: [x]\n"));
        assert_eq!((errors.len(), items.len()), (1, 0), "{key}: {errors:?}");
        assert!(errors[0].contains("; SSH keys not set (did you mean `ssh"), "{errors:?}");
    }
    assert_eq!(refused("write_file: []\nrole: a\nusers: []\n"), (vec![], vec![]));
}
