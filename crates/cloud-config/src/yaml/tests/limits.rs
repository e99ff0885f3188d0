//! Every limit, just before it and just past it, and the time it takes to refuse.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use super::{document, lines, one};
use crate::yaml::limits::{MAX_ALIAS_TEXT, MAX_DEPTH, MAX_ENTRIES, MAX_NODES, MAX_TEXT};

/// Returns true if a text is refused for a limit; it has no other error.
fn refused(text: &str) -> bool {
    let start = Instant::now();
    let document = document(text);
    // Debug builds on busy machines are slow, what is quadratic takes minutes.
    assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
    if let Some(error) = &document.error {
        assert_eq!(error.rule.id, "limit", "{}", error.message);
        assert!(error.span.is_some());
    }
    document.error.is_some()
}

#[test]
fn depth() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert!(!refused(&nested(MAX_DEPTH)));
    assert!(refused(&nested(MAX_DEPTH + 1)));
    assert!(refused(&"- ".repeat(MAX_DEPTH + 1)));
    assert!(refused(&"? ".repeat(MAX_DEPTH + 1)));
    assert!(refused(&"[".repeat(2_000_000)));
    assert!(refused(&"[\n".repeat(100_000)));
    assert!(refused(&"{".repeat(100_000)));
    assert!(refused(&"- ".repeat(100_000)));
}

#[test]
fn depth_behind_aliases_is_limited() {
    let chain = |links: usize| {
        (1..links).fold("- &a0 []\n".to_owned(), |mut text, n| {
            let _ = writeln!(text, "- &a{n} [*a{}]", n - 1);
            text
        })
    };
    // The list around them is one more.
    assert!(!refused(&chain(MAX_DEPTH - 1)));
    assert!(refused(&chain(MAX_DEPTH)));
    let merges = |links: usize| {
        (1..links).fold("- &a0 {k: v}\n".to_owned(), |mut text, n| {
            let _ = writeln!(text, "- &a{n} {{k: {{<<: *a{}}}}}", n - 1);
            text
        })
    };
    assert!(!refused(&merges(90)));
    assert!(refused(&merges(110)));
}

#[test]
fn entries() {
    let list = |n: usize| "- a\n".repeat(n);
    assert!(!refused(&list(MAX_ENTRIES)));
    assert!(refused(&list(MAX_ENTRIES + 1)));
    let mapping = |n: usize| lines(0..n, |n| format!("k{n}: v\n"));
    assert!(!refused(&mapping(MAX_ENTRIES)));
    assert!(refused(&mapping(MAX_ENTRIES + 1)));
    let merged = format!("- &x\n  {}\n- <<: *x\n  more: 1\n", mapping(MAX_ENTRIES).trim_end().replace('\n', "\n  "));
    assert!(refused(&merged));
    let flat = format!("[{}", "a,".repeat(100_000));
    assert!(refused(&flat));
}

#[test]
fn nodes() {
    // A list of `n` lists, each of 99 values.
    let text = |n: usize| format!("- &x [{}]\n", vec!["a"; 99].join(",")) + &"- *x\n".repeat(n - 1);
    assert!(!refused(&text((MAX_NODES - 1) / 100)));
    assert!(refused(&text(MAX_NODES / 100)));
}

#[test]
fn nodes_behind_aliases_and_merges_are_limited() {
    // Ten times more with each level.
    let mut aliases = "a0: &a0 [x]\n".to_owned();
    let mut merges = "a0: &a0 {k: v}\n".to_owned();
    for n in 1..30 {
        let last = n - 1;
        let _ = writeln!(aliases, "a{n}: &a{n} [{}]", vec![format!("*a{last}"); 10].join(","));
        let keys: Vec<String> = (0..10).map(|key| format!("k{key}: {{<<: *a{last}}}")).collect();
        let _ = writeln!(merges, "a{n}: &a{n} {{{}}}", keys.join(","));
    }
    assert!(refused(&aliases));
    assert!(refused(&merges));
    let level = |n: usize| aliases.lines().take(n).collect::<Vec<_>>().join("\n");
    assert!(!refused(&level(5)));
}

#[test]
fn text_behind_aliases_is_limited() {
    let text = |times: usize| format!("- &x {}\n{}", "y".repeat(MAX_ALIAS_TEXT / 1000), "- *x\n".repeat(times));
    assert!(!refused(&text(1000)));
    assert!(refused(&text(1001)));
}

#[test]
fn text() {
    // Broken at once, so that the time of reading it is spared.
    let text = |length: usize| format!("@{}", " ".repeat(length - 1));
    assert_eq!(document(&text(MAX_TEXT)).error.unwrap().rule.id, "syntax");
    assert!(refused(&text(MAX_TEXT + 1)));
}

#[test]
fn directives() {
    let text = |n: usize| lines(0..n, |n| format!("%TAG !a{n}! b\n")) + "---\na: b\n";
    assert!(!refused(&text(64)));
    assert!(refused(&text(65)));
    assert!(refused(&text(50_000)));
    let document = document(&text(65));
    assert_eq!(one(&text(65), &document.error.unwrap()), "limit:%TAG !a64! b");
}

#[test]
fn one_long_line_is_not_quadratic() {
    assert!(!refused(&format!("{{\"ä\": [{}\"ä\"]}}", "\"ääääääääääääääääääääääää\",".repeat(9_999))));
    assert!(!refused(&"ä\n".repeat(500_000)));
    assert!(!refused(&format!("a:{} b", "\n".repeat(1_000_000))));
    assert!(!refused(&format!("a:{}b", " ".repeat(1_000_000))));
    assert!(!refused(&"# ä\n".repeat(500_000)));
}
