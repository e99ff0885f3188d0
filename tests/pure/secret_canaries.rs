//! Every field of a cloud-config is one that is shown, or one that is not; of one that is new this wants to know which.
//!
//! Wherever a secret can stand, the program is run on configurations that have one there, as it should be and in all
//! the ways in which it should not: nothing that it prints may have it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::Value;

use crate::invariants::shown::{Fields, SHOWN};

/// The marker that all secrets contain.
const CANARY: &str = "XcanaryX";

/// Never shown, in whatever way it is wrong: not in a finding, not in a plan, not in the log, not by `--print-config`.
const HIDDEN: Fields = &[
    ("coreos.etcd", "discovery initial_cluster_token key_file peer_key_file"),
    ("coreos.etcd2", "discovery initial_cluster_token key_file peer_key_file"),
    ("coreos.flannel", "etcd_keyfile etcd_password"),
    ("coreos.fleet", "etcd_keyfile etcd_password"),
    ("coreos.locksmith", "etcd_keyfile etcd_password"),
    ("coreos.units[]", "content"),
    ("coreos.units[].drop_ins[]", "content"),
    ("users[]", "passwd"),
    ("write_files[]", "content"),
];

/// Keys that appear in no finding, plan or log, since a user who misses a line break may write a secret there; but
/// `--print-config` prints them.
const PRINTED: Fields = &[
    (
        "coreos.etcd",
        "addr advertise_client_urls bind_addr ca_file cert_file cluster_active_size cluster_remove_delay \
         cluster_sync_interval cors data_dir discovery_fallback discovery_proxy discovery_srv election_timeout \
         force_new_cluster graphite_host heartbeat_interval http_read_timeout http_write_timeout \
         initial_advertise_peer_urls initial_cluster initial_cluster_state listen_client_urls listen_peer_urls \
         max_result_buffer max_retry_attempts max_snapshots max_wals name peer_addr peer_bind_addr peer_ca_file \
         peer_cert_file peer_election_timeout peer_heartbeat_interval peers peers_file proxy retry_interval \
         snapshot snapshot_count trace verbose very_verbose very_very_verbose",
    ),
    (
        "coreos.etcd2",
        "advertise_client_urls ca_file cert_file client_cert_auth cors data_dir debug discovery_fallback \
         discovery_proxy discovery_srv election_timeout enable_pprof force_new_cluster heartbeat_interval \
         initial_advertise_peer_urls initial_cluster initial_cluster_state listen_client_urls listen_peer_urls \
         log_package_levels max_snapshots max_wals name peer_ca_file peer_cert_file peer_client_cert_auth \
         peer_trusted_ca_file proxy proxy_dial_timeout proxy_failure_wait proxy_read_timeout \
         proxy_refresh_interval proxy_write_timeout snapshot_count strict_reconfig_check trusted_ca_file wal_dir",
    ),
    (
        "coreos.flannel",
        "etcd_cafile etcd_certfile etcd_endpoints etcd_prefix etcd_username interface ip_masq public_ip \
         subnet_file",
    ),
    (
        "coreos.fleet",
        "agent_ttl authorized_keys_file disable_engine engine_reconcile_interval etcd_cafile etcd_certfile \
         etcd_key_prefix etcd_request_timeout etcd_servers etcd_username metadata public_ip token_limit verbosity \
         verify_units",
    ),
    ("coreos.locksmith", "endpoint etcd_cafile etcd_certfile etcd_username group window_length window_start"),
    ("coreos.oem", "bug_report_url home_url name"),
    ("coreos.units[]", "command enable mask runtime"),
    ("coreos.update", "reboot_strategy server"),
    ("", "manage_etc_hosts ssh_authorized_keys"),
    ("users[]", "coreos_ssh_import_url no_create_home no_log_init no_user_group ssh_authorized_keys system"),
    ("write_files[]", "encoding permissions"),
];

fn paths(fields: Fields) -> BTreeSet<String> {
    let path = |above: &str, name: &str| if above.is_empty() { name.to_owned() } else { format!("{above}.{name}") };
    fields.iter().flat_map(|(above, names)| names.split_whitespace().map(move |name| path(above, name))).collect()
}

/// The paths of all values of a cloud-config, as its schema has them.
fn leaves(schema: &Value, node: &Value, path: &str, found: &mut BTreeSet<String>) {
    let named = node["$ref"].as_str().and_then(|name| schema.pointer(name.trim_start_matches('#')));
    let node = named.filter(|named| named["properties"].is_object()).unwrap_or(node);
    if let Some(properties) = node["properties"].as_object() {
        for (name, node) in properties {
            let dot = if path.is_empty() { "" } else { "." };
            leaves(schema, node, &format!("{path}{dot}{name}"), found);
        }
    } else if node["items"].is_object() {
        leaves(schema, &node["items"], &format!("{path}[]"), found);
    } else {
        found.insert(path.to_owned());
    }
}

/// Cloud-configs in which `value`, a piece of YAML, is in each of the fields, with the names that its neighbours need:
/// one for all fields of a mapping.
fn configs(fields: &[(&str, &str)], value: &str) -> Vec<String> {
    let config = |(above, names): &(&str, &str)| {
        let values: Vec<_> = names.split_whitespace().map(|name| item(name, value)).collect();
        let inner = values.join(", ");
        let text = above.rsplit('.').filter(|name| !name.is_empty()).fold(inner, |inner, name| {
            match name.strip_suffix("[]") {
                Some(list) => {
                    let (key, other) = match list {
                        "write_files" => ("path", "/srv/a"),
                        "users" => ("name", "mary"),
                        _ => ("name", "a.service"),
                    };
                    let is_named = inner.split(", ").any(|item| item.starts_with(&format!("{key}: ")));
                    let named = if is_named { String::new() } else { format!("{key}: {other}, ") };
                    format!("{list}: [{{{named}{inner}}}]")
                }
                None => format!("{name}: {{{inner}}}"),
            }
        });
        format!("#cloud-config\n{{{text}}}\n")
    };
    fields.iter().map(config).collect()
}

/// A field of a mapping; a list if its name ends in `[]`.
fn item(name: &str, value: &str) -> String {
    match name.strip_suffix("[]") {
        Some(name) => format!("{name}: [{value}]"),
        None => format!("{name}: {value}"),
    }
}

/// Runs the program on `config` in all the ways in which it prints something; returns the output of each.
fn printed(config: &str) -> BTreeMap<&'static str, String> {
    let directory = tempfile::tempdir().expect("there is a place for it");
    let (file, root) = (directory.path().join("config"), directory.path().join("root"));
    fs::create_dir(&root).and_then(|()| fs::write(&file, config)).expect("it is written");
    let ways: [(&str, &[&str]); 7] = [
        ("a plan", &["--dry-run", "-v"]),
        ("a plan as JSON", &["--dry-run", "--format=json"]),
        ("findings", &["--validate"]),
        ("findings as JSON", &["--validate", "--format=json"]),
        ("--print-config", &["--print-config"]),
        ("the report of a conversion", &["--convert-to=butane"]),
        ("the report of a conversion to JSON", &["--convert-to=ignition", "--ordered", "--format=json"]),
    ];
    let run = |flags: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_coreos-cloudinit"));
        command.arg("--from-file").arg(&file).args(flags);
        let is_conversion = flags[0].starts_with("--convert-to");
        if !is_conversion {
            command.arg("--root").arg(&root);
        }
        let output = command.output().expect("it runs");
        assert!(output.status.code().is_some(), "it dies of {config}");
        let [stdout, stderr] = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        if is_conversion { report(&stdout) + &stderr } else { stdout + &stderr }
    };
    ways.into_iter().map(|(way, flags)| (way, run(flags))).collect()
}

/// The output of a conversion without the configuration, which has the secrets: its comments, or its findings.
fn report(stdout: &str) -> String {
    if let Ok(mut document) = serde_json::from_str::<Value>(stdout) {
        assert!(document.as_object_mut().is_some_and(|document| document.remove("configuration").is_some()));
        return document.to_string();
    }
    // Texts in the configuration are further to the right.
    let is_comment = |line: &&str| line.starts_with("# ") || line.starts_with("    # ");
    stdout.lines().filter(is_comment).flat_map(|line| [line, "\n"]).collect()
}

/// Checks that nothing that is printed of `config` has the secret, but in the ways that are `allowed`.
#[track_caller]
fn hides(config: &str, allowed: &[&str]) {
    let encoded = BASE64.encode(CANARY);
    for (way, text) in printed(config).into_iter().filter(|(way, _)| !allowed.contains(way)) {
        let shown = text.contains(CANARY) || text.contains(&encoded[..10]);
        assert!(!shown, "{way} shows the secret of\n{config}\n{text}");
    }
}

/// A secret as it should be, and in the ways in which people get it wrong.
fn spellings() -> Vec<String> {
    vec![
        CANARY.to_owned(),
        format!("'{CANARY}'"),
        format!("\"{CANARY}\\n{CANARY}\""),
        format!("[{CANARY}, [{CANARY}]]"),
        format!("{{a: {CANARY}}}"),
        format!("\"{CANARY}"),
        format!("\"\\q{CANARY}\""),
        format!("*{CANARY}"),
        format!("!{CANARY} x"),
        format!("{CANARY}: {CANARY}"),
        format!("${{public_ipv4}}{CANARY} $publc_ipv4{CANARY}"),
        format!("https://user:{CANARY}@example.com/"),
        format!("!!binary {}", BASE64.encode(CANARY)),
    ]
}

#[test]
fn every_field_is_known_to_be_shown_or_not() {
    let schema = Command::new(env!("CARGO_BIN_EXE_coreos-cloudinit")).arg("--schema").output().expect("it runs");
    let schema: Value = serde_json::from_slice(&schema.stdout).expect("it is JSON");
    let mut found = BTreeSet::new();
    leaves(&schema, &schema, "", &mut found);
    let known: Vec<_> = [HIDDEN, PRINTED, SHOWN].into_iter().flat_map(paths).collect();
    assert_eq!(known.len(), known.iter().collect::<BTreeSet<_>>().len(), "a field is in two tables");
    let known = known.into_iter().collect();
    assert_eq!(found.difference(&known).collect::<Vec<_>>(), [""; 0], "is it secret?");
    assert_eq!(known.difference(&found).collect::<Vec<_>>(), [""; 0], "there is no such field");
}

#[test]
fn secrets_are_shown_by_no_output() {
    for value in spellings() {
        for config in configs(HIDDEN, &value) {
            hides(&config, &[]);
        }
    }
}

#[test]
fn printed_values_are_shown_by_no_other_output() {
    for value in spellings() {
        for config in configs(PRINTED, &value) {
            hides(&config, &["--print-config"]);
        }
    }
}

#[test]
fn a_password_in_a_url_is_shown_by_nothing() {
    for config in configs(PRINTED, &format!("'https://user:{CANARY}@example.com/'")) {
        hides(&config, &[]);
    }
}

/// The tests above would hold, too, if nothing was ever shown.
#[test]
fn public_values_are_shown() {
    for (above, names) in SHOWN {
        for name in names.split_whitespace() {
            // A drop-in without content is nothing.
            let one = [(*above, if above.ends_with("drop_ins[]") { "name content" } else { name })];
            let values = [CANARY.to_owned(), format!("/{CANARY}")];
            let mut configs = values.iter().flat_map(|value| configs(&one, value));
            let is_shown = configs.any(|config| printed(&config).values().any(|text| text.contains(CANARY)));
            assert!(is_shown, "nothing shows {name} of {above}");
        }
    }
}
