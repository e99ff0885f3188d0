//! The result of a case, as text that is easy to read and to compare.
//!
//! Contents, keys and hashes are shown: these are test data. Outputs that must never show them are checked here, too.

use std::fmt::Write as _;

use cloud_config::diagnostic::Finding;
use cloud_config::document::{self, Document};
use cloud_config::plan::{self, Account, Facts, Plan, Step};
use cloud_config::redact::LocatedFinding;
use cloud_config::text::Lines;
use cloud_config::user_data;
use cloud_config::yaml::Paths;

use super::case::Case;

/// The marker in the secrets of cases.
const SECRET: &str = "hunter2";

/// Formats the result of `case`. If there are several parts, each has its name.
pub fn show(case: &Case) -> String {
    let mut out = "--- plan\n".to_owned();
    let mut findings = "--- findings\n".to_owned();
    let parts = user_data::split("whole", case.bytes());
    let several = parts.len() > 1;
    for part in parts {
        let (text, name) = (part.text.clone(), part.name.clone());
        let lines = Lines::new(text.as_bytes());
        let document = document::read(part, &case.addresses(), case.is_set("short-hostname"));
        let plan = document.plan(&facts(case, &document), case.setting("key-set").unwrap_or("set"));
        if several {
            let _ = writeln!(out, "[{name}: {}]", document.part.form.description());
        }
        out.push_str(&plan_text(&document, &plan));
        for finding in &plan.findings {
            let place = if several { format!(" {name}") } else { String::new() };
            findings.push_str(&finding_text(finding, &place, &lines));
        }
        check_secrets(&document, &plan, &lines);
    }
    out + &findings
}

fn facts(case: &Case, document: &Document) -> Facts {
    let mut facts = Facts { hostname: case.setting("hostname").unwrap_or("machine").to_owned(), ..Facts::default() };
    if let Some((hostname, _)) = &document.access.hostname {
        facts.hostname.clone_from(&hostname.name);
    }
    facts.read_only = plan::wanted_directories(&document.config);
    facts.read_only.retain(|directory| case.setting("read-only").is_some_and(|image| directory.starts_with(image)));
    for path in plan::facts_wanted(&document.config) {
        if case.setting("unreadable") == Some(path) {
            facts.files.insert(path, Err(format!("failed to read {path}")));
        } else if let Some(content) = case.file(path) {
            let mode = 0o644;
            facts.files.insert(path, Ok(plan::BaseFile { content, mode }));
        }
    }
    facts
}

fn finding_text(finding: &Finding, name: &str, lines: &Lines<'_>) -> String {
    let place = finding.span.map_or_else(String::new, |span| {
        let position = lines.start(span);
        format!(" {}:{}", position.line, position.column)
    });
    format!("{} {}{name}{place}\n", finding.severity().as_str(), finding.rule.id)
}

fn plan_text(document: &Document, plan: &Plan) -> String {
    let mut out = String::new();
    if let Some((hostname, _)) = &document.access.hostname {
        let _ = writeln!(out, "host name {}", hostname.name);
    }
    if !document.access.keys.is_empty() {
        out.push_str("keys of core\n");
        document.access.keys.iter().for_each(|key| out.push_str(&content(key.as_bytes(), "")));
    }
    if document.part.form == user_data::ContentKind::Ignition {
        out.push_str("left to Ignition\n");
    }
    plan.steps.iter().for_each(|planned| out.push_str(&step_text(&planned.step)));
    for refused in &plan.refused {
        let _ = writeln!(out, "refused: {}", refused.item);
    }
    out
}

fn step_text(step: &Step) -> String {
    match step {
        Step::AuthorizeKeys(set) => {
            let keys = set.keys.iter().map(|key| content(key.as_bytes(), "")).collect::<String>();
            format!("keys of {} (set {})\n{keys}", set.user, set.set)
        }
        Step::ImportKeys(import) => {
            format!("import keys of {} (set {})\n| {}\n", import.user, import.set, import.url.expose())
        }
        Step::EnsureUser(account) => account_text(account),
        Step::WriteFile(file) => {
            let unit = file.unit.as_ref().map_or_else(String::new, |unit| format!(" of {unit}"));
            let head = format!("write {} {:04o} {}{unit}\n", file.path.display(), file.mode, file.owner);
            head + &content(file.content.expose(), "\\ no newline at the end\n")
        }
        Step::ReloadDaemon(reload) => format!("reload for {}\n", reload.units.join(" ")),
        Step::RestartNetworkd => "restart networkd\n".to_owned(),
        Step::RunScript(script) => {
            let argument = script.argument.iter().map(cloud_config::text::secret::Secret::expose);
            let words: Vec<_> = std::iter::once(&script.interpreter).chain(argument).collect();
            format!("run script with {words:?}\n{}", content(script.content.expose(), "\\\n"))
        }
        Step::SetHostname(_)
        | Step::MergeEnvironment(_)
        | Step::MaskUnit(_)
        | Step::UnmaskUnit(_)
        | Step::EnableUnit(_)
        | Step::RemoveEnvironment(_)
        | Step::TakeDown(_)
        | Step::LoadModule(_)
        | Step::UnitCommand(_) => format!("{step}\n"),
    }
}

fn account_text(account: &Account) -> String {
    // Without `..`, so that none is forgotten.
    let Account {
        name,
        passwd,
        gecos,
        home,
        create_home,
        primary_group,
        groups,
        no_user_group,
        system,
        no_log_init,
        shell,
    } = account;
    let mut out = format!("user {name}\n");
    let groups = (!groups.is_empty()).then(|| groups.join(" "));
    let yes = |switch: bool| switch.then(String::new);
    for (name, value) in [
        ("passwd", passwd.as_ref().map(|hash| hash.expose().clone())),
        ("gecos", gecos.clone()),
        ("home", home.clone()),
        ("no-create-home", yes(!create_home)),
        ("primary-group", primary_group.clone()),
        ("groups", groups),
        ("no-user-group", yes(*no_user_group)),
        ("system", yes(*system)),
        ("no-log-init", yes(*no_log_init)),
        ("shell", shell.clone()),
    ] {
        if let Some(value) = value {
            let _ = writeln!(out, "{}", format!("| {name} {value}").trim_end());
        }
    }
    out
}

/// Bytes as lines that begin with `|`, or with `x` where they hold more than text; `cut` follows where
/// the last line has no end.
fn content(bytes: &[u8], cut: &str) -> String {
    let mut out = String::new();
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        let whole = line.ends_with(b"\n");
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        match std::str::from_utf8(line) {
            Ok(text) if !text.chars().any(|c| c.is_control() && c != '\t') => {
                let _ = writeln!(out, "{}", if text.is_empty() { "|".to_owned() } else { format!("| {text}") });
            }
            _ => {
                let _ = writeln!(out, "x {}", line.escape_ascii());
            }
        }
        if !whole {
            out.push_str(cut);
        }
    }
    out
}

/// Checks that no printed, logged or recorded form shows a secret.
fn check_secrets(document: &Document, plan: &Plan, lines: &Lines<'_>) {
    let mut shown = vec![
        format!("{:?} {:?}", document.part, document.config),
        format!("{plan:?}"),
        serde_json::to_string(&plan.refused).unwrap(),
    ];
    for planned in &plan.steps {
        shown.extend([planned.step.to_string(), serde_json::to_string(planned).unwrap()]);
    }
    let paths = Paths::new(&document.parsed);
    for finding in &plan.findings {
        shown.push(LocatedFinding::new("part", finding, lines, &paths).line());
    }
    for text in shown {
        assert!(!text.contains(SECRET), "this shows a secret: {text}");
    }
}

/// Returns both texts line by line, with missing (`-`) and additional (`+`) lines.
pub fn difference(expected: &str, actual: &str) -> String {
    let (old, new): (Vec<_>, Vec<_>) = (expected.lines().collect(), actual.lines().collect());
    // Lengths of the longest common lines from here on, from the end.
    let mut common = vec![vec![0_usize; new.len() + 1]; old.len() + 1];
    for i in (0..old.len()).rev() {
        for j in (0..new.len()).rev() {
            common[i][j] =
                if old[i] == new[j] { common[i + 1][j + 1] + 1 } else { common[i + 1][j].max(common[i][j + 1]) };
        }
    }
    let (mut i, mut j, mut out) = (0, 0, String::new());
    while i < old.len() || j < new.len() {
        let (sign, line) = if i < old.len() && j < new.len() && old[i] == new[j] {
            (i, j) = (i + 1, j + 1);
            (' ', old[i - 1])
        } else if i < old.len() && (j == new.len() || common[i + 1][j] >= common[i][j + 1]) {
            i += 1;
            ('-', old[i - 1])
        } else {
            j += 1;
            ('+', new[j - 1])
        };
        let _ = writeln!(out, "    {sign} {line}");
    }
    out
}
