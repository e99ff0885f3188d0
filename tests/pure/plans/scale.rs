//! Long lists take no longer than their length: nothing here may grow with its square.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use cloud_config::address_tokens::Addresses;
use cloud_config::diagnostic::{Finding, MOST_OF_A_RULE, Span, rules};
use cloud_config::plan::{Facts, Plan};
use cloud_config::redact::{self, LocatedFinding};
use cloud_config::text::Lines;
use cloud_config::yaml::Paths;
use cloud_config::{document, user_data};

/// The longest list that is read.
const MANY: usize = 10_000;
/// Four times the longest of them in a debug build on a busy machine. Quadratic time takes many minutes.
const LIMIT: Duration = Duration::from_secs(60);

fn plan(text: &str) -> Plan {
    let began = Instant::now();
    let part = user_data::split("part", text.as_bytes().to_vec()).remove(0);
    let plan = document::read(part, &Addresses::default(), false).plan(&Facts::default(), "set");
    assert!(began.elapsed() < LIMIT, "{:?} for {} bytes", began.elapsed(), text.len());
    plan
}

fn list(head: &str, item: impl Fn(usize) -> String) -> String {
    (0..MANY).fold(format!("#cloud-config\n{head}\n"), |mut text, index| {
        let _ = writeln!(text, "- {}", item(index));
        text
    })
}

/// A key of its own for every number.
fn key(index: usize) -> String {
    use base64::Engine as _;
    let mut blob = b"\0\0\0\x0bssh-ed25519\0\0\0\x08".to_vec();
    blob.extend(index.to_be_bytes());
    format!("ssh-ed25519 {}", base64::engine::general_purpose::STANDARD.encode(blob))
}

#[test]
fn many_users_are_planned_in_time() {
    let plan = plan(&list("users:", |i| format!("{{name: u{i}, ssh_authorized_keys: [{}]}}", key(i))));
    assert_eq!(plan.steps.len(), 2 * MANY);
}

#[test]
fn many_keys_are_planned_in_time() {
    let text = list("ssh_authorized_keys:", key);
    let part = user_data::split("part", text.into_bytes()).remove(0);
    let began = Instant::now();
    let document = document::read(part, &Addresses::default(), false);
    assert!(began.elapsed() < LIMIT);
    assert_eq!(document.access.keys.len(), MANY);
}

#[test]
fn many_groups_are_planned_in_time() {
    let groups: Vec<_> = (0..MANY).map(|i| format!("g{i}")).collect();
    let plan = plan(&format!("#cloud-config\nusers: [{{name: a, groups: [{}]}}]\n", groups.join(", ")));
    assert_eq!(plan.steps.len(), 1);
}

#[test]
fn many_files_are_planned_in_time() {
    assert_eq!(plan(&list("write_files:", |i| format!("{{path: /f{i}}}"))).steps.len(), MANY);
}

#[test]
fn many_deep_paths_are_planned_in_time() {
    let deep = "/a".repeat(2000);
    let text = (0..500).fold("#cloud-config\nwrite_files:\n".to_owned(), |mut text, i| {
        let _ = writeln!(text, "- path: /x{deep}/{i}");
        text
    });
    assert_eq!(plan(&text).steps.len(), 500);
}

#[test]
fn many_invalid_lines_are_reported_in_time() {
    let lines = "      nothing $public_ip\n".repeat(100_000);
    let text = format!("#cloud-config\ncoreos:\n  units:\n  - name: a.service\n    content: |\n{lines}");
    assert!(plan(&text).findings.iter().any(|finding| finding.rule.id == "odd-unit-line"));
}

#[test]
fn many_units_are_planned_in_time() {
    let plan =
        plan(&list("coreos:\n units:", |i| format!("{{name: u{i}.service, command: start}}")).replace("\n-", "\n -"));
    assert_eq!(plan.steps.len(), MANY + 1);
}

#[test]
fn many_unknown_keys_are_reported_in_time() {
    let keys: Vec<_> = (0..MANY - 2).map(|i| format!("permissionz{i}: a")).collect();
    let plan = plan(&format!(
        "#cloud-config\nwrite_files:\n{}",
        format!("- {{content: a, permissions: '0644', {}}}\n", keys.join(", ")).repeat(20)
    ));
    let unknown: Vec<_> = plan.findings.iter().filter(|finding| finding.rule.id == "unknown-key").collect();
    assert_eq!(unknown.len(), MOST_OF_A_RULE + 1);
    assert!(unknown[0].help.is_some() && unknown[MOST_OF_A_RULE - 1].help.is_some());
    let more = format!("{} more findings", 20 * (MANY - 2) - MOST_OF_A_RULE);
    assert!(unknown[MOST_OF_A_RULE].message.starts_with(&more), "{}", unknown[MOST_OF_A_RULE].message);
}

#[test]
fn many_findings_on_one_line_are_placed_in_time() {
    let items: Vec<_> =
        (0..MANY).map(|i| format!("{{path: /f{i}, permissions: nothing, owner: a b c d e f}}")).collect();
    let text = format!("#cloud-config\nwrite_files: [{}]\n", items.join(", "));
    let lines = Lines::new(text.as_bytes());
    let began = Instant::now();
    for finding in plan(&text).findings {
        let _ = lines.start(finding.span.unwrap());
    }
    assert!(began.elapsed() < LIMIT, "{:?}", began.elapsed());
}

#[test]
fn many_parts_are_planned_in_time() {
    let part = |i| format!("--B\nContent-Type: text/cloud-config\n\nhostname: a\nwrite_files: [{{path: /f{i}}}]\n");
    let parts: String = (0..MANY).map(part).collect();
    let text = format!("Content-Type: multipart/mixed; boundary=B\n\n{parts}--B--\n");
    let began = Instant::now();
    let parts = user_data::split("whole", text.into_bytes());
    assert_eq!(parts.len(), 1 + MANY);
    for part in parts.into_iter().skip(1) {
        let plan = document::read(part, &Addresses::default(), false).plan(&Facts::default(), "set");
        assert_eq!((plan.steps.len(), plan.findings.len()), (1, 0));
    }
    assert!(began.elapsed() < LIMIT, "{:?}", began.elapsed());
}

/// Each finding of a long list has its line and its path, also where aliases and merges are among its items.
#[test]
fn many_findings_are_located() {
    let text = list("a: &a {permissions: rwx, pth: x}\nwrite_files:", |i| match i % 3 {
        0 => "*a".to_owned(),
        1 => format!("{{<<: *a, path: /f{i}, content: {}}}", "x".repeat(300)),
        _ => format!("{{path: /f{i}, permissions: rwx}}"),
    });
    for text in [text.clone(), text.replace("\n- ", ", ").replace("write_files:, ", "write_files: [") + "]"] {
        let part = user_data::split("part", text.into_bytes()).remove(0);
        let document = document::read(part, &Addresses::default(), false);
        let text = &document.part.text;
        let began = Instant::now();
        let (lines, paths) = (Lines::new(text.as_bytes()), Paths::new(&document.parsed));
        let spans = (0..MANY).map(|i| text.len() / MANY * i).map(|at| Span::new(at, at));
        for span in spans {
            let finding = Finding::new(&rules::BAD_PATH, span, "");
            let _ = LocatedFinding::new("part", &finding, &lines, &paths);
            let _ = redact::line(text, span, &lines, &paths);
        }
        assert!(began.elapsed() < LIMIT, "{:?}", began.elapsed());
    }
}
