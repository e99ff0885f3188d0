//! From text to the tree.

use super::{document, findings_with_text, lines, shape, tree};
use crate::diagnostic::{Span, rules};
use crate::yaml::{Kind, Paths, parse, path_text};

fn clean(text: &str) -> String {
    let (shape, findings) = tree(text);
    assert_eq!(findings, [""; 0], "{text}");
    shape
}

#[test]
fn documents_without_content_are_read() {
    for text in ["", "\n\n", "#cloud-config\n", "#cloud-config", "# a\n\n  # b\n"] {
        assert!(document(text).root.is_none(), "{text:?}");
        assert!(document(text).error.is_none(), "{text:?}");
    }
    assert_eq!(clean("---"), "~");
    assert_eq!(clean("#cloud-config\n---\n"), "~");
    assert_eq!(clean("--- # nothing\n...\n"), "~");
    assert_eq!(clean("\u{feff}#cloud-config\na: b\n"), "{a: b}");
}

#[test]
fn scalars_are_as_written() {
    assert_eq!(clean("a: 0644\nb: 1.10\nc: off\nd: 2001-01-01\n"), "{a: 0644, b: 1.10, c: off, d: 2001-01-01}");
    assert_eq!(clean("a:\nb: ~\nc: null\nd: Null\ne: NULL\nf: nUll"), "{a: ~, b: ~, c: ~, d: ~, e: ~, f: nUll}");
    assert_eq!(clean("a: ''\nb: '~'\nc: !!str ~\nd: !!str\ne: !x null"), r#"{a: "", b: "~", c: ~, d: , e: null}"#);
    assert_eq!(clean("a: !!null x\nb: ! ~"), "{a: ~, b: ~}");
    assert!(!document("!!str ~").root.unwrap().is_null());
    assert_eq!(
        clean(
            r#"a: "x\ty\u00e4\
        z""#
        ),
        r#"{a: "x\tyäz"}"#
    );
    assert_eq!(
        clean("a: 'it''s'\nb: one\n  two\n\n  three\n"),
        r#"{a: "it's", b: one two
three}"#
    );
}

#[test]
fn block_scalars_keep_every_byte() {
    assert_eq!(clean("a: |\n  x\n   y\n"), r#"{a: "x\n y\n"}"#);
    assert_eq!(clean("a: |\n  x\n   y"), r#"{a: "x\n y"}"#);
    assert_eq!(clean("a: |-\n  x\n"), r#"{a: "x"}"#);
    assert_eq!(clean("a: |+\n  x\n\n"), r#"{a: "x\n\n"}"#);
    assert_eq!(clean("a: >\n  x\n  y\n\n  z\n"), r#"{a: "x y\nz\n"}"#);
    assert_eq!(clean("a: |2\n   x\nb: |"), r#"{a: " x\n", b: ""}"#);
    assert_eq!(clean("a: |\n  # no comment\n  b: c\n"), r##"{a: "# no comment\nb: c\n"}"##);
}

#[test]
fn line_ends_and_tabs() {
    assert_eq!(clean("a: |\r\n  x\r\n  y\r\nb:\r\n- c\r\n"), r#"{a: "x\ny\n", b: [c]}"#);
    assert_eq!(clean("a:\tb\nc: d\t# e\nf: |\n  x\ty\n"), r#"{a: b, c: d, f: "x\ty\n"}"#);
    let broken = document("a:\n\tb: c\n").error.unwrap();
    assert_eq!((broken.rule, broken.span), (&rules::SYNTAX, Some(Span::new(3, 4))));
}

#[test]
fn json_is_yaml() {
    let text = "{\"a\": [1, \"b\", null, {\"c\":true}],\n\"d\":\"x\\/y\\u00e4\",\"e\":{}, \"f\": []}";
    assert_eq!(clean(text), r#"{a: [1, "b", ~, {c: true}], d: "x/yä", e: {}, f: []}"#);
}

#[test]
fn aliases_share() {
    assert_eq!(clean("a: &x {b: c}\nd: *x\ne: [*x, &y z, *y]\n"), "{a: {b: c}, d: {b: c}, e: [{b: c}, z, z]}");
    assert_eq!(clean("- &x a\n- &x b\n- *x\n"), "[a, b, b]");
    assert_eq!(clean("&k a: b\nc: *k\nd: &j e\n*j : f\n"), "{a: b, c: a, d: e, e: f}");
}

#[test]
fn an_alias_without_an_anchor_is_an_error() {
    for (text, at) in [("a: *b\n", "*b"), ("a: &a [*a]\n", "*a"), ("&x {k: {j: *x}}", "*x"), ("- *x\n- &x a\n", "*x")] {
        let error = document(text).error.unwrap();
        assert_eq!(super::one(text, &error), format!("syntax:{at}"));
    }
}

#[test]
fn merges() {
    let base = "x: &x {a: 1, b: 2}\ny: &y {b: 3, c: 4}\n";
    let merged = |tail: &str| {
        let document = document(&format!("{base}{tail}"));
        assert!(document.error.is_none() && document.findings.is_empty(), "{tail}");
        shape(document.root.unwrap().get("z").unwrap())
    };
    assert_eq!(merged("z: {<<: *x}"), "{a: 1, b: 2}");
    assert_eq!(merged("z: {b: 0, <<: *x}"), "{b: 0, a: 1}");
    assert_eq!(merged("z:\n  <<: *x\n  b: 0\n"), "{b: 0, a: 1}");
    assert_eq!(merged("z: {<<: [*x, *y]}"), "{a: 1, b: 2, c: 4}");
    assert_eq!(merged("z: {<<: [*y, *x]}"), "{b: 3, c: 4, a: 1}");
    assert_eq!(merged("z: {<<: *x, <<: *y}"), "{a: 1, b: 2, c: 4}");
    assert_eq!(merged("z: {<<: {d: 5, <<: *x}}"), "{d: 5, a: 1, b: 2}");
    assert_eq!(merged("z: {'<<': *x}"), "{<<: {a: 1, b: 2}}");
    assert_eq!(merged("w: &w {<<: *x, a: 0}\nz: {<<: [*w, *y]}"), "{a: 0, b: 2, c: 4}");
}

#[test]
fn merges_know_both_spellings() {
    assert_eq!(clean("- &x {a-b: 1}\n- {<<: *x, a_b: 2}\n"), "[{a-b: 1}, {a_b: 2}]");
}

#[test]
fn merges_of_what_is_no_mapping() {
    let (shape, findings) = tree("- &x a\n- {<<: *x, b: c}\n- {<<: [{d: e}, 1, [2]]}\n- <<:\n");
    assert_eq!(shape, "[a, {b: c}, {d: e}, {}]");
    assert_eq!(findings, ["bad-merge:<<"; 4]);
}

#[test]
fn the_last_of_equal_keys_counts() {
    let (shape, findings) = tree("a-b: 1\nc: 2\na_b: 3\nc: 4\na-b: 5\n");
    assert_eq!(shape, "{a-b: 5, c: 4}");
    assert_eq!(findings, ["two-spellings:a_b", "duplicate-key:c", "two-spellings:a-b"]);
    let text = "# x\na-b: 1\na_b: 2\na_b: 3\nsome words: 1\n\nsome words: [2]\n";
    let messages: Vec<_> = document(text).findings.into_iter().map(|finding| finding.message).collect();
    assert_eq!(
        messages,
        [
            "the key is given twice, with `-` and with `_`; the one in line 2 is ignored",
            "duplicate key; the one in line 3 is ignored",
            "duplicate key; the one in line 5 is ignored"
        ]
    );
}

#[test]
fn many_keys_are_compared_like_few() {
    let keys = |from: usize, spelling: &str| lines(from..from + 30, |n| format!("k{spelling}{n}: {n}\n"));
    let (_, findings) = tree(&format!("{}{}", keys(0, "-"), keys(20, "_")));
    assert_eq!(findings.len(), 10);
    assert_eq!(findings[0], "two-spellings:k_20");
    let merged = document(&format!(
        "x: &x {{k_3: merged, new: merged}}\nz:\n  <<: *x\n  {}",
        keys(0, "-").replace('\n', "\n  ")
    ));
    let root = merged.root.unwrap();
    let entries = root.get("z").unwrap().entries().unwrap();
    assert_eq!(entries.len(), 31);
    assert_eq!(&*entries[30].key, "new");
}

#[test]
fn keys_that_are_no_text() {
    let (shape, findings) = tree("[a, b]: c\n? {d: e}\n: f\n~: g\n1: h\n? j\n");
    assert_eq!(shape, "{~: g, 1: h, j: ~}");
    assert_eq!(findings, ["bad-key:[a, b]", "bad-key:{d: e}"]);
}

#[test]
fn positions_are_bytes_of_the_author() {
    let text = "#cloud-config\r\nä: 'ö€😀'  # ß\r\nlist:\r\n  - é x\r\n  - [ü, { k: v }]\r\nb: |\r\n  ñ\r\n\r\nc: &a !!str é\r\n";
    // The author wrote eleven bytes more at the start.
    let document = parse(text, |byte| byte + 11);
    let root = document.root.unwrap();
    let at = |span: Span| &text[span.start - 11..span.end - 11];
    let entries = root.entries().unwrap();
    assert_eq!(entries.iter().map(|entry| at(entry.key_span)).collect::<Vec<_>>(), ["ä", "list", "b", "c"]);
    assert_eq!(at(entries[0].value.span), "'ö€😀'");
    let list = entries[1].value.items().unwrap();
    assert_eq!(at(entries[1].value.span), "- é x\r\n  - [ü, { k: v }]");
    assert_eq!((at(list[0].span), at(list[1].span)), ("é x", "[ü, { k: v }]"));
    assert_eq!(at(list[1].items().unwrap()[1].span), "{ k: v }");
    assert_eq!(at(entries[2].value.span), "|\r\n  ñ");
    assert_eq!(at(entries[3].value.span), "&a !!str é");
    assert!(matches!(root.kind, Kind::Mapping(_)));
    assert!(at(root.span).starts_with('ä') && at(root.span).ends_with('é'));
}

#[test]
fn only_the_first_document_counts() {
    let later = ["b: c", "\tx: [", "*x", "\"", "%TAG", "a: b: c", "{{{{", "\u{1}"];
    for tail in later {
        for separator in ["---\n", "...\n", "--- # x\n", "...\n---\n"] {
            let text = format!("a: b\n{separator}{tail}\n");
            let document = document(&text);
            assert_eq!(document.error, None, "{text:?}");
            assert_eq!(document.root.as_deref().map(shape).as_deref(), Some("{a: b}"), "{text:?}");
            let tail = tail.trim_start();
            assert_eq!(findings_with_text(&text, &document.findings), [format!("more-documents:{tail}")], "{text:?}");
        }
    }
    assert_eq!(clean("a: b\n---\n"), "{a: b}");
    let (shape, findings) = tree("  a: b\nc: d\n");
    assert_eq!((shape.as_str(), findings), ("{a: b}", vec!["stray-content:c: d".to_owned()]));
}

#[test]
fn paths_lead_to_positions() {
    let text = "x: &u\n- name: a\n  drop-ins:\n  - {name: b}\n- name: c\ncoreos:\n  units: *u\n  update: {group: g}\nwith blank: {y: z}\n";
    let document = document(text);
    for (position, path) in [
        ("name: c", "x[1].name"),
        ("c\n", "x[1].name"),
        ("b}", "x[0].drop-ins[0].name"),
        ("{name", "x[0].drop-ins[0]"),
        ("units", "coreos.units"),
        ("g}", "coreos.update.group"),
        ("update", "coreos.update"),
        ("with", "<redacted>"),
        ("z}", "<redacted>.y"),
        ("*u", "coreos"),
    ] {
        let start = text.find(position).unwrap();
        assert_eq!(document.path_at(Span::new(start, start + 1)), path, "{position}");
    }
    assert_eq!(document.path_at(Span::new(0, text.len())), "");
}

#[test]
fn paths_lead_to_what_does_not_count() {
    let text = "a: one\na: [two]\nb: {c: three, c: four, d: five}\nb: {c: six}\na: {e: seven}\n";
    let document = document(text);
    for (position, path) in [
        ("a: one", "a"),
        ("one", "a"),
        ("two", "a[0]"),
        ("three", "b.c"),
        ("four", "b.c"),
        ("five", "b.d"),
        ("six", "b.c"),
        ("seven", "a.e"),
    ] {
        let start = text.find(position).unwrap();
        assert_eq!(document.path_at(Span::new(start, start + 1)), path, "{position}");
    }
    let written: Vec<_> = document.findings.iter().map(|finding| document.path_at(finding.span.unwrap())).collect();
    assert_eq!(written, ["a", "b.c", "b", "a"]);
}

/// Everything that is written has the way that leads there, also where aliases and merges stand beside it.
#[test]
fn ways_lead_to_all_that_is_written() {
    let text = "a: &a [x, {b: c}, [y]]\nd: [*a, &e {f: g}, *e, {<<: *e, h: i}, z]\nj:\nk: {<<: {l: m}, n: *a, o: p}\n\
                q:\n- *e\n-\n- r: s\n  t:\n- \"u\"\nd: [again]\n";
    let document = document(text);
    let paths = Paths::new(&document);
    let mut seen = Vec::new();
    paths.between(0, text.len(), &mut |ways, span, _| {
        assert_eq!(paths.at(span), ways, "{}", &text[span.start..span.end]);
        seen.push(format!("{} {}", path_text(ways), &text[span.start..span.end]));
    });
    let expected = [
        "a a",
        "a[0] x",
        "a[1].b b",
        "a[1].b c",
        "a[2][0] y",
        "j j",
        "j ",
        "k k",
        "k.l l",
        "k.l m",
        "k.n n",
        "k.o o",
        "k.o p",
        "q q",
        "q[1] ",
        "q[2].r r",
        "q[2].r s",
        "q[2].t t",
        "q[2].t ",
        "q[3] \"u\"",
        "d d",
        "d[0] again",
    ];
    assert_eq!(seen, expected);
    // A range shows what it touches.
    let at = text.find("{b: c}").unwrap();
    let mut few = 0;
    paths.between(at, at + 3, &mut |_, _, _| few += 1);
    assert_eq!(few, 1);
}
