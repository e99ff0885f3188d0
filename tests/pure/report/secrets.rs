//! A secret in every place of a configuration, looked for in everything that is printed.

use super::program::{Files, program};
use super::terminal::shown;

const SECRET: &str = "XCANARYX";

/// Texts that something is wrong with, `$` for the secret.
const TEXTS: &[&str] = &[
    // Lines that cannot be read, in every way a line cannot be.
    "write_files:\n- path: /x\n  content: \"$\n",
    "write_files:\n- path: /x\n   content: $: $\n",
    "$\n",
    "- $\n",
    "users: [{name: a, passwd: *$}]\n",
    "users: [{name: a, passwd: !$ x}]\n",
    "users: [{name: a, passwd: &$ x}, {nme: *$}]\n",
    "users: [{name: a, passwd: \"\\q$\"}]\n",
    "users: [{name: a, passwd: $\n",
    "hostname: a\n\t$: b\n",
    "hostname: a\n\tpasswd: $\n",
    "hostname: a: $\n",
    "hostname: @$\n",
    "hostname: a\n...\n$: $\n",
    "  hostname: a\npasswd: $\n",
    "hostname: \u{1b}[31m$\n",
    "hostname: a # $\n\u{7f}$: x\n",
    "# $\u{9b}31m\nhostname: [\n",
    "write_files:\n- content: |\n   $: $\n  $\n $: [\n",
    // Invalid values.
    "users: [{name: a, passwd: \"$:x\"}, {name: b, passwd: [$]}, {passwd: $}, $]\n",
    "users: [{name: a, passwd: \"$\\n$\"}, {name: b, passwd: {$}}, {name: c, passwd: {a: $}}]\n",
    "users: [{name: a, passwd: $, passwd: $, nme: x}] # $\n",
    "users: {passwd: $}\n",
    "users:\n- &a {passwd: $, nme: x}\n- <<: *a\n  nme: $\n",
    "write_files: [{path: /x, content: '$!', encoding: b64}, {path: /y, content: '$', encoding: gz}]\n",
    "write_files: [{path: /x, content: [$]}, {path: /y, encoding: $}, {path: /z, owner: '$ $'}]\n",
    "write_files: $\n",
    "write_files: [$, {content: $}, [$]]\n",
    "write_files:\n- path: /x\n  content: !!binary \"$ %%\"\n  permissions: rwx # $\n",
    "write_files:\n- path: /x\n  permissions: $\n  content: >-\n    $ $public_ipv4x $\n    {{ $ }}\n",
    "ssh_authorized_keys: ['$', 'ssh-rsa $ x', '-----BEGIN PRIVATE KEY-----\\n$']\n",
    "ssh_authorized_keys: {a: $}\n",
    "ssh_authorized_keys:\n- '$\n\n  $'\n- $\n",
    "coreos: {fleet: {etcd_password: [$], verbosity: $, etcd_pasword: $}}\n",
    "coreos: {units: [{name: a.service, content: [$]}, $, {name: b.service, content: $, enable: $, command: $}]}\n",
    "coreos: {units: [{name: a.service, drop_ins: $, mask: $}, {drop_ins: [$, {content: $}]}]}\n",
    "coreos: {locksmith: {window_start: $}, etcd2: {proxy: $, discovery: [$]}, update: {reboot_strategy: $}}\n",
    "coreos: {units: [{name: a.service, content: \"$\\n[Service]\\n$\\nPassword=$\\n[Servic]\\n $\"}]}\n",
    "coreos:\n  units:\n  - name: a.service\n    content: |\n      $\n      [Service]\n      ExecStart=/x $ $public_ip4$\n      $\n",
    "coreos: {etcd2: {discovery: 'https://discovery.etcd.io/$?$', name: a}, update: {server: 'ftp://$@x'}}\n",
    "users: [{name: a, passwd: '', nme: $}, {name: b, passwd: $, ssh-authorized-keys: ['$ $public_ipv4x$']}]\n",
    "manage_etc_hosts: $\nhostname: '$ $'\nruncmd: [$, [$]]\nntp: {$: $}\n",
    "users: [{name: a, passwd: {$: 1, $: 2, $-x: 1, $_x: 2}, passwd: {$: 1, $: 2}, passwd: {$: 1}}]\n",
    "runcmd:\n- $\nruncmd:\n- $\nruncmd: {a: $, a: $}\n",
];

#[test]
fn no_rendering_shows_a_secret() {
    let files = Files::new();
    for text in TEXTS {
        // A token holds the same sign.
        let text = text.replace("$p", "\0").replace('$', SECRET).replace('\0', "$p");
        hold(&files.put("a.yml", format!("#cloud-config\n{text}")), &text);
        let text = format!("## template: jinja\n#cloud-config\n{text}").replace('\n', "\r\n");
        hold(&files.put("a.yml", &text), &text);
    }
    for text in [
        "XCANARYX\n",
        "#XCANARYX\n",
        "#!/XCANARYX",
        "#!/bin/sh -x XCANARYX\nXCANARYX\n",
        "{\"XCANARYX\": 1}",
        "Content-Type: XCANARYX\n\nXCANARYX\n",
    ] {
        hold(&files.put("a.yml", text), text);
    }
}

/// Checks that nothing of the secret in the file is printed, whichever way, nor anything that changes a terminal.
fn hold(path: &str, text: &str) {
    // The interpreter of a script is no secret.
    let script = text.starts_with("#!/XCANARYX");
    for mode in ["--validate", "--dry-run"] {
        for format in ["--format=text", "--format=json"] {
            let run = program(&[mode, format, "--from-file", path, "-v"]);
            let printed = run.stdout.clone() + &run.stderr;
            assert!(script || !printed.contains(SECRET), "{text}\n{printed}");
            assert!(!printed.chars().any(|c| c.is_control() && c != '\n'), "{text}\n{printed:?}");
        }
    }
    let (printed, _) = shown(&["--validate", "--from-file", path], &[("TERM", "dumb")]);
    assert!(!printed.contains("XCA") && !printed.contains("RYX"), "{text}\n{printed}");
    assert!(!printed.chars().any(|c| c.is_control() && c != '\n'), "{text}\n{printed:?}");
}
