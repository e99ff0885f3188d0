//! The entries that are kept of a broken document, and its message.

use super::{document, lines, one, shape};
use crate::diagnostic::rules;

/// The tree that is left, and the error with the text it points at.
fn left(text: &str) -> (String, String) {
    let document = document(text);
    let error = document.error.as_ref().map(|error| one(text, error)).unwrap_or_default();
    (document.root.as_deref().map_or_else(String::new, shape), error)
}

fn root(text: &str) -> String {
    let (root, error) = left(text);
    assert!(error.starts_with("syntax:"), "{text:?}: {error}");
    root
}

#[test]
fn complete_entries_count() {
    assert_eq!(root("hostname: a\nkeys: [b]\nusers: [\n"), "{hostname: a, keys: [b]}");
    assert_eq!(root("hostname: a\nkeys:\n- b\n- c\nusers: \"\n"), "{hostname: a, keys: [b, c]}");
    assert_eq!(root("hostname: a\nkeys:\n  - b\n  - c\nno colon\nx: y\n"), "{hostname: a, keys: [b, c]}");
    assert_eq!(root("hostname: a\nkeys:\n- b\n- c\n@x: y\n"), "{hostname: a, keys: [b, c]}");
    assert_eq!(root("hostname: a\n# comment\n\nusers:\n\t- b\n"), "{hostname: a}");
    assert_eq!(root("hostname: a\nc:\n  d:\n    - e\n   - f\n"), "{hostname: a}");
    assert_eq!(root("c: {d: &x [1]}\nhostname: *x\nz: *y\n"), "{c: {d: [1]}, hostname: [1]}");
    assert_eq!(root("x: &x {hostname: a}\n<<: *x\nz: *y\n"), "{x: {hostname: a}, hostname: a}");
    assert_eq!(root("--- &r\nhostname: a\nz: *r\n"), "{hostname: a}");
}

#[test]
fn what_the_scanner_did_not_tell_of_yet_counts() {
    // A quoted item may be a key until its line ends.
    for bad in ["@x: y", "%x", "no colon", "`", "["] {
        let text = format!("hostname: \"a\"\nkeys:\n  - \"b\"\n  - 'c'\n{bad}\n");
        assert_eq!(root(&text), r#"{hostname: "a", keys: ["b", "c"]}"#, "{bad}");
    }
    assert_eq!(root("hostname:\n  \"a\"\n@\n"), r#"{hostname: "a"}"#);
    assert_eq!(root("hostname:\n  \"a\"\n @\n"), "");
}

#[test]
fn entries_that_may_go_on_do_not() {
    assert_eq!(root("a: b\nhostname: a\n  b: c\n"), "{a: b}");
    assert_eq!(root("a: b\nhostname: \"a\" b\n"), "{a: b}");
    assert_eq!(root("a: b\nhostname: \"a\"\n  b: c\n"), "{a: b}");
    assert_eq!(root("a: b\nkeys:\n- b\n- c: d: e\n"), "{a: b}");
    assert_eq!(root("a: b\nkeys:\n- b\n- @\n"), "{a: b}");
    assert_eq!(root("a: b\nkeys:\n- b\n-\t@\n"), "{a: b}");
    assert_eq!(root("a: b\nkeys: [b, c\nhostname: d\n"), "{a: b}");
    assert_eq!(root("a: b\nkeys: [\"b\", \"c\"\nhostname: d\n"), "{a: b}");
    assert_eq!(root("a: b\nhostname: \"a\nx: \"y\"\n"), "{a: b}");
    assert_eq!(root("a: b\nhostname:\n@x: y\n"), "{a: b, hostname: ~}");
    assert_eq!(root("? [a\n"), "");
    assert_eq!(root("- a\n- @\n"), "");
    assert_eq!(root("@\n"), "");
}

#[test]
fn a_duplicate_that_is_dropped_takes_the_first_with_it() {
    assert_eq!(root("a: b\nhostname: c\nhostname: d\n  e: f\n"), "{a: b}");
    let many = lines(0..20, |n| format!("k{n}: {n}\n"));
    assert!(root(&format!("<<: {{k3: merged}}\n{many}k19: x\n  y: z\n")).ends_with("k17: 17, k18: 18}"));
}

#[test]
fn braces() {
    assert_eq!(root("{\n\"hostname\": \"a\",\n\"keys\": [\"b\"],\n\"c\": [}\n"), r#"{hostname: "a", keys: ["b"]}"#);
    assert_eq!(root("{\n\"hostname\": \"a\",\n\"keys\": [\"b\"]\n\"c\": 1}\n"), r#"{hostname: "a"}"#);
}

#[test]
fn a_control_character_costs_nothing_before_it() {
    assert_eq!(left("hostname: a\nb: c\n\u{1}\n"), ("{hostname: a, b: c}".into(), "syntax:\u{1}".into()));
    assert_eq!(left("hostname: a\nb: c\u{1}\n"), ("{hostname: a}".into(), "syntax:\u{1}".into()));
    assert_eq!(left("hostname: a\nb: \"c\u{7f}\"\n"), ("{hostname: a}".into(), "syntax:\u{7f}".into()));
    assert_eq!(left("hostname: a\nb: [c]\u{0}\n"), ("{hostname: a}".into(), "syntax:\u{0}".into()));
    assert_eq!(left("hostname: a\nb: |\n  c\n  \u{0}\n"), ("{hostname: a}".into(), "syntax:\u{0}".into()));
    assert_eq!(left("hostname: |\n  a\n\u{0}\n"), ("{hostname: \"a\\n\"}".into(), "syntax:\u{0}".into()));
    assert_eq!(left("b: c\nhostname: |\n  a\n \u{0}\n"), ("{b: c}".into(), "syntax:\u{0}".into()));
    assert_eq!(left("b: c\nhostname: >\n  a  \u{0}\n"), ("{b: c}".into(), "syntax:\u{0}".into()));
    assert_eq!(left("hostname: a\nb: @\n\u{0}\n"), ("{hostname: a}".into(), "syntax:@".into()));
    assert_eq!(left("\u{0}"), (String::new(), "syntax:\u{0}".into()));
    assert_eq!(left("a: b\n#\u{0}"), (String::new(), "syntax:\u{0}".into()));
}

#[test]
fn past_a_limit_complete_entries_count_too() {
    let text = format!("hostname: a\nkeys: [b]\nx: {}\n", "[".repeat(200));
    let document = document(&text);
    assert_eq!(document.error.unwrap().rule, &rules::LIMIT);
    assert_eq!(shape(&document.root.unwrap()), "{hostname: a, keys: [b]}");
}

#[test]
fn errors_say_what_and_where_but_no_text() {
    for (text, at, message) in [
        ("a: b: c\n", ":", "a `:` where a key is not allowed"),
        ("a: b\nsecret\nc: d\n", "s", "a line without `:` in place of a key"),
        ("a:\n  - b\n c: d\n", "c", "a key that is indented differently from those above it"),
        ("a: b\n  c: d\n", "c", "a key that is indented differently from those above it"),
        ("a:\n- b: c\n   d: e\n", "d", "a key that is indented differently from those above it"),
        ("a:\n  - b\n - c\n", "-", "a `-` that is indented differently from those above it"),
        ("a:\n  - b: c\n   - d\n", "-", "a `-` that is indented differently from those above it"),
        ("a: b\n\"c\" d\n", "\"", "a line without `:` in place of a key"),
        ("a:\n  - b\n  \"c\": d\n", "\"", "no `-` before the next entry of a list"),
        ("ä: b\nc: \"d\n", "\"", "an unclosed quote"),
        ("a: @b\n", "@", "a value that begins with `@`"),
        ("a: `b\n", "`", "a value that begins with a backtick"),
        ("a:\n\tb: c\n", "\t", "a tab in the indentation"),
        ("a\nb: c\n", "a", "no `:` after a key"),
        ("x: y\n# words\na b\n\nb: c\n", "a", "a line without `:` in place of a key"),
        ("a: [b c: d\n", "", "neither `,` nor `]` after an entry of a list"),
        ("a: \"\\q\"\n", "\\", "an invalid escape sequence"),
        ("a: b\n%x\n", "%", "a line that begins with `%`"),
        ("a: !x!y z\n", "!", "a tag whose handle is not declared"),
        ("%YAML 3.0\n---\n", "%", "found incompatible YAML document"),
        ("a: *\n", "*", "an `&` or `*` without a name after it"),
    ] {
        let error = document(text).error.unwrap();
        assert_eq!(error.message, message, "{text:?}");
        let start = error.span.unwrap().start;
        assert!(text[start..].starts_with(at), "{text:?}: {start}");
    }
}
