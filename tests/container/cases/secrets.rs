//! Secrets: in no log, on no command line, in no record.

use std::time::Duration;

use super::common::{base64, hash};
use super::keys::key;
use super::users;
use crate::testbed::machine::USER_DATA;
use crate::testbed::{Machine, Output, Suite};

/// The marker that all secrets of a case contain.
const CANARY: &str = "XCANARYX";

/// Checks that nothing that people can read later has a secret in it.
#[track_caller]
fn hidden(m: &Machine, run: Output) -> Output {
    let key = key("secret");
    let body = key.split(' ').nth(1).expect("a key has a body");
    let run = run.hides(&[CANARY, &base64(CANARY.as_bytes())[..8], body]);
    let journal = m.whole_journal();
    assert!(!journal.contains(CANARY) && !journal.contains(body), "a secret is in the journal");
    let records = m.sh("cat /run/coreos-cloudinit/*.json 2>/dev/null || true");
    assert!(!records.contains(CANARY), "a secret is in the record");
    m.program(&["--status"]).run().ok().hides(&[CANARY]);
    run
}

/// A configuration in which all that can be secret is.
fn everything() -> String {
    format!(
        r#"
        ssh_authorized_keys: ['command="{CANARY}" {key}']
        users:
          - name: secretive
            passwd: "{hash}"
            ssh_authorized_keys: ['environment="A={CANARY}" {key}']
          - name: core
            passwd: "{hash}"
        write_files:
          - {{path: /srv/secret/plain, content: "{CANARY}", permissions: '0600'}}
          - {{path: /srv/secret/base64, content: {encoded}, encoding: b64}}
        coreos:
          fleet: {{etcd_password: {CANARY}, etcd_username: {CANARY}}}
          locksmith: {{etcd_password: {CANARY}}}
          flannel: {{etcd_password: {CANARY}}}
          etcd2: {{discovery: 'https://discovery.example.com/{CANARY}'}}
          units:
            - name: secret.service
              command: start
              content: |
                [Service]
                Environment=PASSWORD={CANARY}
                ExecStart=/bin/sleep infinity
              drop_ins: [{{name: a.conf, content: "[Service]\nEnvironment=OTHER={CANARY}\n"}}]
        "#,
        hash = hash(CANARY),
        key = key("secret"),
        encoded = base64(format!("{CANARY} {CANARY}").as_bytes()),
    )
}

/// Runs `config` indented as in `everything`.
fn apply(m: &Machine, config: &str, flags: &[&str]) -> Output {
    m.apply_with(&format!("\n{}", config.trim_start_matches('\n')), flags, &[])
}

pub fn cases(suite: &mut Suite) {
    suite.boot("valid_secrets_are_not_shown", users::spied(), |m| {
        // Everybody can read every process's command line.
        m.put("/tmp/pattern", CANARY);
        let watch = "while [ ! -e /tmp/over ]; do grep -slF -f /tmp/pattern /proc/[0-9]*/cmdline >> /tmp/watched; done";
        let watcher = m.start(&["sh", "-c", watch]);
        hidden(m, apply(m, &everything(), &["-v"]).ok());
        assert_eq!(m.shadow("secretive").as_deref(), Some(&*hash(CANARY)));
        assert_eq!(m.text("/srv/secret/plain"), CANARY);
        let calls = m.text("/tmp/spied");
        assert!(calls.contains("chpasswd") && !calls.contains(CANARY), "{calls}");
        assert_eq!(m.text("/tmp/watched"), "");
        m.run(&["sh", "-c", "sleep 1", CANARY]);
        assert_ne!(m.text("/tmp/watched"), "", "whoever watches is blind");
        m.put("/tmp/over", "");
        watcher.finish(Duration::from_secs(20));
        hidden(m, m.service(&["--from-file", USER_DATA, "-v"]).ok());
        hidden(m, apply(m, &everything(), &["-v"]).ok());
    });

    suite.fresh("a_plan_shows_nothing", |m| {
        for flags in
            [&["--dry-run"][..], &["--dry-run", "--format=json"], &["--validate"], &["--validate", "--format=json"]]
        {
            let run = apply(m, &everything(), flags);
            assert!(run.code <= 1, "{flags:?}");
            hidden(m, run);
        }
        // Sizes and counts are printed.
        apply(m, &everything(), &["--dry-run"]).ok().says(&["/srv/secret/plain (0600 root:root, 8 bytes)", "1 key"]);
        let json = apply(m, &everything(), &["--dry-run", "--format=json"]).ok().stdout;
        let json: serde_json::Value = serde_json::from_str(&json).expect("it is JSON");
        assert!(json["parts"][0]["steps"].as_array().is_some_and(|steps| steps.len() > 8), "{json}");
    });

    suite.fresh("a_redacted_secret_is_never_applied", |m| {
        let config = format!(
            "users: [{{name: web, passwd: {hash}}}]\n\
             write_files: [{{path: /srv/a, content: {CANARY}}}, {{path: /srv/empty}}]\n\
             coreos: {{etcd2: {{key_file: /{CANARY}}}, units: [{{name: a.service, content: \"[Service]\\n# {CANARY}\"}}]}}",
            hash = hash(CANARY)
        );
        m.apply(&config).ok();
        let redacted = hidden(m, m.apply_with(&config, &["--print-config"], &[]).ok()).stdout;
        let files =
            ["/srv/a", "/etc/systemd/system/a.service", "/run/systemd/system/etcd2.service.d/20-cloudinit.conf"];
        let before = files.map(|file| m.text(file));
        let run = m.apply(&redacted).fails();
        run.says(&["not applied: file /srv/a, of which a secret is redacted", "not applied: user web", "not applied: unit a.service"]);
        assert_eq!(files.map(|file| m.text(file)), before);
        assert_eq!(m.shadow("web").as_deref(), Some(&*hash(CANARY)));
        let shown = m.apply_with(&config, &["--print-config", "--show-secrets"], &[]).ok().stdout;
        m.untouched(|| m.apply(&shown).ok());
    });

    suite.fresh("invalid_secrets_are_not_shown", |m| {
        let configs = [
            // A line that cannot be read, in every way a line cannot be.
            format!("write_files:\n- path: /srv/x\n  content: \"{CANARY}\n"),
            format!("write_files:\n- path: /srv/x\n   content: {CANARY}: {CANARY}\n"),
            format!("{CANARY}\n"),
            format!("users: [{{name: a, passwd: *{CANARY}}}]\n"),
            format!("users: [{{name: a, passwd: !{CANARY} x}}]\n"),
            format!("users: [{{name: a, passwd: \"\\q{CANARY}\"}}]\n"),
            format!("hostname: a\n\t{CANARY}: b\n"),
            // Invalid values.
            format!("users: [{{name: a, passwd: \"{CANARY}:x\"}}, {{name: b, passwd: [{CANARY}]}}]\n"),
            format!("users: [{{name: a, passwd: \"{CANARY}\\n{CANARY}\"}}]\n"),
            format!("write_files: [{{path: /srv/x, content: '{CANARY}!', encoding: b64}}]\n"),
            format!("write_files: [{{path: /srv/x, content: '{CANARY}', encoding: gz}}]\n"),
            format!("write_files: [{{path: /srv/x, content: [{CANARY}]}}]\n"),
            format!("write_files: {CANARY}\n"),
            format!("write_files: [{CANARY}]\n"),
            format!("write_files: [{{content: {CANARY}}}]\n"),
            format!(
                "ssh_authorized_keys: ['{CANARY}', 'ssh-rsa {CANARY} x', '-----BEGIN PRIVATE KEY-----\\n{CANARY}']\n"
            ),
            format!("ssh_authorized_keys: {{a: {CANARY}}}\n"),
            format!("coreos: {{fleet: {{etcd_password: [{CANARY}], verbosity: {CANARY}}}}}\n"),
            format!("coreos: {{units: [{{name: a.service, content: [{CANARY}]}}, {CANARY}]}}\n"),
            format!("coreos: {{units: [{{name: a.service, drop_ins: {CANARY}, enable: {CANARY}}}]}}\n"),
            format!("coreos: {{locksmith: {{window_start: {CANARY}}}, etcd2: {{proxy: {CANARY}}}}}\n"),
        ];
        for config in configs {
            let run = m.apply(&config);
            assert!(run.code <= 1 && !run.timed_out, "{config}");
            hidden(m, run);
            let run = m.apply_with(&config, &["--dry-run"], &[]);
            hidden(m, run);
        }
        // Unknown user-data.
        hidden(m, m.apply(&format!("#{CANARY}")).fails());
    });

    suite.fresh("failures_on_the_way_show_nothing", |m| {
        m.sh("useradd -m homeowner; mkdir -p /srv/secret/plain; chown -R etcd /home/homeowner");
        let config = everything().replace("secretive", "homeowner").replace("command: start", "command: reload");
        hidden(m, apply(m, &config, &["-v"]).fails());
    });

    suite.fresh("urls_are_shown_without_their_secrets", |m| {
        m.serve(8080, |path| (if path.contains("gone") { 404 } else { 200 }, format!("[{{\"key\": \"{CANARY}\"}}]")));
        let config = format!(
            r"
            users:
              - {{name: one, coreos_ssh_import_url: 'http://u:{CANARY}@127.0.0.1:8080/gone?{CANARY}#{CANARY}'}}
              - {{name: two, coreos_ssh_import_url: 'http://127.0.0.1:8080/there?token={CANARY}'}}
              - {{name: three, coreos_ssh_import_url: 'ftp://u:{CANARY}@127.0.0.1/'}}
              - {{name: four, coreos_ssh_import_url: 'http://[{CANARY}/'}}
            "
        );
        let run = m.apply_with(&config, &["-v"], &[]).fails().says(&["http://127.0.0.1:8080/gone"]);
        // Only the part that stands for the host in a URL is shown, however odd.
        let printed = run.said().lines().filter(|line| !line.contains("http://[")).collect::<Vec<_>>().join("\n");
        assert!(!printed.contains(CANARY), "{printed}");
    });

    suite.fresh("scripts_show_nothing", |m| {
        let script = format!("#!/bin/sh\nPASSWORD={CANARY}\nexec sleep 30\n");
        hidden(m, m.apply_with(&script, &["-v"], &[]).ok());
        hidden(m, m.apply_with(&script, &["--dry-run", "--format=json"], &[]).ok());
        assert!(!m.sh("systemctl show 'coreos-cloudinit-*' --all").contains(CANARY));
        let unit = m.text("/var/lib/coreos-cloudinit/scripts/unit-name");
        m.sh(&format!("systemctl stop {unit}"));
        for (path, mode) in [("/var/lib/coreos-cloudinit", 0o700), ("/var/lib/coreos-cloudinit/scripts", 0o700)] {
            assert_eq!((m.mode(path), m.owner(path)), (mode, (0, 0)), "{path}");
        }
    });
}
