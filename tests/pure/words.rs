//! The words of the project: doc comments, text for users, and subjects of commits.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use cloud_config::diagnostic::rules;
use regex::Regex;

use crate::architecture::{read, sources};

/// Words to avoid, and what to write instead.
const AVOIDED: &[(&str, &str)] = &[
    (r"folders?", "directory"),
    (r"truth values?", "boolean"),
    (r"whole numbers?", "integer"),
    (r"rehears[a-z]*", "dry run"),
    (r"whoever|nobody|somebody|strangers?", "the user, the caller, an attacker"),
    (r"costs? (?:itself|themselves)", "is skipped"),
    (r"[a-z]+ (?:is|are) none", "is invalid, unknown or unsupported"),
    (r"left out|leaves? out|leaving out", "skipped, ignored, omitted"),
    (r"[a-z]+ told", "reported, logged, printed"),
    (r"lets? people in", "access"),
    (r"spelt|colours?|behaviours?|licences?|(?:normal|recogn|organ)is(?:e|es|ed)", "the American spelling"),
];

/// Plain English that looks like a word to avoid.
const ALLOWED: &[&str] = &["there is none", "there are none", "be told"];

/// The last commit before this test. Later commits have subjects of at most 72 columns.
const BASE: &str = "96a41606";

/// A doc comment begins with a noun phrase or a verb: a reader who looks for a thing reads its first word.
#[test]
fn doc_comments_begin_with_their_subject() {
    let begins_otherwise = Regex::new(r"^[ \t]*//[/!] (What|Whether|Of|That|Who|Whoever|Nobody)(?-u:\b)").unwrap();
    let wrong: Vec<_> = ["src", "crates", "tests"]
        .into_iter()
        .flat_map(sources)
        .flat_map(|path| {
            // Only the first line of a comment counts.
            let text = read(&path);
            let lines: Vec<_> = text.lines().map(str::to_owned).collect();
            let is_doc = |line: &str| line.trim_start().starts_with("///") || line.trim_start().starts_with("//!");
            let first = |at: usize| at == 0 || !is_doc(&lines[at - 1]);
            let wrong = (0..lines.len()).filter(|at| first(*at) && begins_otherwise.is_match(&lines[*at]));
            wrong.map(|at| format!("{}:{}: {}", path.display(), at + 1, lines[at].trim())).collect::<Vec<_>>()
        })
        .collect();
    assert!(wrong.is_empty(), "begin with a noun or a verb in the third person:\n{}", wrong.join("\n"));
}

/// All text for users, by the name of its page.
fn texts() -> BTreeMap<String, String> {
    let mut texts = BTreeMap::new();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for (directory, kinds) in [
        ("", &["md"][..]),
        ("docs", &["md"]),
        ("oem", &["md"]),
        ("tests", &["md"]),
        ("examples", &["md", "yml", "sh"]),
        ("oem/systemd/system", &["mount", "path", "service", "target"]),
        ("oem/udev/rules.d", &["rules"]),
        ("oem/man", &["5", "8"]),
        ("oem/catalog", &["catalog"]),
    ] {
        for entry in fs::read_dir(root.join(directory)).unwrap().flatten() {
            let path = entry.path();
            if path.extension().and_then(|kind| kind.to_str()).is_some_and(|kind| kinds.contains(&kind)) {
                let name = path.strip_prefix(root).unwrap();
                texts.insert(name.display().to_string(), read(name));
            }
        }
    }
    for entry in fs::read_dir(root.join("oem")).unwrap().flatten() {
        let path = entry.path().join("cloud-config.yml");
        if path.exists() {
            let name = path.strip_prefix(root).unwrap();
            texts.insert(name.display().to_string(), read(name));
        }
    }
    texts.insert("--help".to_owned(), cloudinit::cli::short_help() + &cloudinit::cli::help());
    texts.insert("rules".to_owned(), rules::ALL.iter().map(|rule| rule.summary).collect::<Vec<_>>().join("\n"));
    texts
}

/// Returns prose without code, whose words are those of other programs.
fn prose(text: &str) -> String {
    let code = Regex::new(r"`[^`\n]*`|\]\([^)]*\)").unwrap();
    let mut is_block = false;
    let keep = |line: &str| {
        let is_fence = line.trim_start().starts_with("```");
        is_block ^= is_fence;
        if is_block || is_fence { String::new() } else { code.replace_all(line, "`]").into_owned() }
    };
    text.lines().map(keep).collect::<Vec<_>>().join("\n")
}

/// Returns the words to avoid, with their lines.
fn avoided(text: &str) -> Vec<String> {
    let prose = prose(text).to_ascii_lowercase();
    let patterns: Vec<_> = AVOIDED
        .iter()
        .map(|(pattern, instead)| (Regex::new(&format!(r"(?-u:\b)(?:{pattern})(?-u:\b)")).unwrap(), instead))
        .collect();
    let mut found = Vec::new();
    for (number, line) in prose.lines().enumerate() {
        for (pattern, instead) in &patterns {
            let words = pattern.find_iter(line).map(|word| word.as_str());
            let words = words.filter(|word| !ALLOWED.contains(word));
            found.extend(words.map(|word| format!("line {}: `{word}`: write {instead}", number + 1)));
        }
    }
    found
}

#[test]
fn texts_for_users_avoid_words_of_a_dialect() {
    let texts = texts();
    assert!(texts.len() > 60, "{} texts", texts.len());
    let wrong: Vec<_> = texts
        .into_iter()
        .flat_map(|(page, text)| avoided(&text).into_iter().map(move |word| format!("{page}: {word}")))
        .collect();
    assert!(wrong.is_empty(), "words to avoid:\n{}", wrong.join("\n"));
}

#[test]
fn words_are_found_in_prose_alone() {
    let found = avoided("A Folder.\n`folder`, [x](folder.md)\n```\nfolder\n```\nUser nobody is told; there is none.\n");
    let words: Vec<_> = found.iter().map(|line| line.split(": write").next().unwrap()).collect();
    assert_eq!(words, ["line 1: `folder`", "line 6: `nobody`", "line 6: `is told`"]);
    for clean in ["The result cannot be told.", "the file is skipped", "`nobody`", "if there are none"] {
        assert!(avoided(clean).is_empty(), "{clean}");
    }
}

#[test]
fn subjects_of_commits_fit_seventy_two_columns() {
    let git = |arguments: &[&str]| {
        let output = Command::new("git").args(arguments).current_dir(env!("CARGO_MANIFEST_DIR")).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
    };
    // An archive has no history, and a shallow clone no old commits.
    if git(&["merge-base", "--is-ancestor", BASE, "HEAD"]).is_none() {
        eprintln!("skipped: this is no clone with commit {BASE}");
        return;
    }
    let log = git(&["log", "--no-merges", "--format=%h %s", &format!("{BASE}..HEAD")]).expect("there is a log");
    let subject = |line: &str| line.split_once(' ').map_or(0, |(_, subject)| subject.chars().count());
    let wide: Vec<_> = log.lines().filter(|line| subject(line) > 72).collect();
    assert!(wide.is_empty(), "subjects of more than 72 columns:\n{}", wide.join("\n"));
}
