//! The program itself, with large input and little memory and time: it reports the fault, and ends.

use std::fs;
use std::io::Write as _;
use std::process::{Command, Output};

use flate2::Compression;
use flate2::write::GzEncoder;

/// All memory that the program may have addresses for, in KiB; its threads and libraries need some.
const MEMORY: usize = 600 << 10;
/// The time of the processor that it may take, in seconds; in a release build it is well under one.
const SECONDS: usize = 60;

/// Checks `bytes` as user-data, with that memory and time.
fn validate(bytes: &[u8]) -> Output {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("user-data");
    fs::write(&file, bytes).unwrap();
    let limits = format!("ulimit -c 0; ulimit -v {MEMORY}; ulimit -t {SECONDS}; exec \"$@\"");
    let mut command = Command::new("sh");
    command.args(["-c", &limits, "sh", env!("CARGO_BIN_EXE_coreos-cloudinit"), "--validate", "--from-file"]);
    command.arg(&file).output().unwrap()
}

fn is_refused(bytes: &[u8]) -> String {
    let output = validate(bytes);
    let (out, log) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(1), "{log}");
    // Of some rules ten thousand findings, each a line.
    assert!(out.len() + log.len() < 8 << 20, "{} bytes are printed", out.len() + log.len());
    format!("{out}{log}")
}

fn config(text: &str) -> Vec<u8> {
    format!("#cloud-config\n{text}").into_bytes()
}

#[test]
fn input_past_a_limit_is_refused() {
    for (name, bytes) in [
        ("brackets", config(&"[".repeat(2 << 20))),
        ("braces", config(&"{".repeat(2 << 20))),
        ("dashes", config(&"- ".repeat(1 << 20))),
        ("question marks", config(&"? ".repeat(1 << 20))),
        ("tags declared", config(&"%TAG ! a\n".repeat(130_000))),
        ("aliases of a long text", config(&format!("a: &a {}\nb: [{}]\n", "x".repeat(40_000), "*a, ".repeat(40_000)))),
        ("unknown keys", config(&(0..500_000).map(|n| format!("k{n}: v\n")).collect::<Vec<_>>().concat())),
    ] {
        let message = is_refused(&bytes);
        assert!(message.contains("[limit]"), "{name}: {message}");
    }
    // Input larger than any valid one is not even read.
    assert!(is_refused(&config(&"# x\n".repeat(5 << 20))).contains("is more than 16 MiB"));
}

#[test]
fn a_gzip_bomb_is_refused() {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(&vec![b'#'; 1 << 20]).unwrap();
    let member = encoder.finish().unwrap();
    assert!(is_refused(&member.repeat(1000)).contains("[limit]"));
    // And one that gives nothing at all.
    let empty = GzEncoder::new(Vec::new(), Compression::fast()).finish().unwrap().repeat(800_000);
    assert!(is_refused(&empty).contains("has more than 10000 gzip members"));
}

#[test]
fn input_that_is_odd_throughout_is_bounded() {
    for (name, bytes, rule) in [
        ("double quotes", config(&"\"".repeat(2 << 20)), "stray-content"),
        ("anchors", config(&"&a ".repeat(700_000)), "stray-content"),
        ("bangs", config(&"!".repeat(2 << 20)), "unknown-tag"),
        ("keys given again", config(&"hostname: a\n".repeat(60_000)), "duplicate-key"),
        ("tokens", config(&format!("a: {}\n", "$public_ipv4x ".repeat(100_000))), "token-boundary"),
        (
            "one key that is none",
            config(&format!("ssh_authorized_keys: [\"{}\"]\n", "x\\n".repeat(1 << 19))),
            "no-valid-key",
        ),
        ("a list used again", config(&used_again("x", "users", "ssh_authorized_keys")), "bad-ssh-key"),
        ("drop-ins used again", config(&used_again("{}", "coreos: {units", "drop_ins")), "incomplete-drop-in"),
    ] {
        let message = is_refused(&bytes);
        assert!(message.contains(rule), "{name}: {}", message.chars().take(2000).collect::<String>());
    }
}

/// Ten thousand bad items that 45 users or units share.
fn used_again(item: &str, list: &str, key: &str) -> String {
    // Users have short names.
    let name = "u".repeat(if list == "users" { 20 } else { 200 });
    let items: Vec<_> = (0..45).map(|n| format!("{{name: \"{name}{n}.service\", {key}: *a}}, ")).collect();
    let end = if list.contains('{') { "}" } else { "" };
    format!("k: &a [{}]\n{list}: [{}]{end}\n", format!("{item}, ").repeat(9_990), items.concat())
}

#[test]
fn large_valid_input_is_read() {
    let text = "x".repeat(8 << 20);
    let base64 = "QUFB".repeat(1 << 20);
    for (name, bytes) in [
        ("comments", config(&"# x\n".repeat(1_000_000))),
        ("one long line", config(&format!("write_files: [{{path: /a, content: {text}}}]\n"))),
        ("base64", config(&format!("write_files: [{{path: /a, encoding: b64, content: {base64}}}]\n"))),
        ("a script", format!("#!/bin/sh\n{}", "$public_ipv4 x\n".repeat(100_000)).into_bytes()),
    ] {
        let output = validate(&bytes);
        let log = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{name}: {log}{}", String::from_utf8_lossy(&output.stdout));
    }
}
