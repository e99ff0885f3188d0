use super::{HIDDEN, Line, line};
use crate::diagnostic::Span;
use crate::text::Lines;
use crate::yaml::{self, Paths};

/// The line of `text` that holds `place`, with a caret before and behind what is marked of it.
fn shown(text: &str, place: &str) -> String {
    let document = yaml::parse(text, |offset| offset);
    let start = text.find(place).unwrap();
    let Line { text, mark } =
        line(text, Span::new(start, start + place.len()), &Lines::new(text.as_bytes()), &Paths::new(&document));
    format!("{}^{}^{}", &text[..mark.start], &text[mark.clone()], &text[mark.end..])
}

#[test]
fn what_is_harmless_is_shown() {
    let text = "#cloud-config\nhostname: a_b\nusers:\n- {name: core, passwd: hunter2, groups: [a, b]}\ncoreos:\n  units:\n  \
                - name: 'a.service'   # hunter2\n    command: strat\n    comand: hunter2\n    enable: hunter2\n";
    assert_eq!(shown(text, "#cloud-config"), "^#cloud-config^");
    assert_eq!(shown(text, "a_b"), "hostname: ^a_b^");
    assert_eq!(shown(text, "core,"), "- {name: ^core,^ passwd: <redacted>, groups: [a, b]}");
    assert_eq!(shown(text, "hunter2, "), "- {name: core, passwd: ^<redacted>, ^groups: [a, b]}");
    assert_eq!(shown(text, "'a.service'"), "  - name: ^'a.service'^   <...>");
    assert_eq!(shown(text, "strat"), "    command: ^strat^");
    assert_eq!(shown(text, "comand"), "    ^comand^: <redacted>");
    assert_eq!(shown(text, "enable"), "    ^enable^: <redacted>");
}

#[test]
fn what_goes_on_below_is_marked_to_the_end_of_its_line() {
    let text =
        "write_files:\n- path: /a\n  content: |\n    hunter2\n    $public_ipv4 hunter2 {{ hunter2\n  owner: x\r\n";
    assert_eq!(shown(text, "path: /a\n  content: |\n"), "- ^path: /a^");
    assert_eq!(shown(text, "|\n    hunter2"), "  content: ^<redacted>^");
    assert_eq!(shown(text, "hunter2\n"), "^<redacted>^");
    assert_eq!(shown(text, "$public_ipv4"), "<redacted>^$public_ipv4^<redacted>");
    assert_eq!(shown(text, "{{"), "<redacted>^{{^<redacted>");
    assert_eq!(shown(text, "x\r"), "  owner: ^x^");
    assert_eq!(shown("hostname:\r\nusers:\n", "\r"), "hostname:^^");
}

#[test]
fn of_what_could_not_be_read_only_known_keys_are_shown() {
    for (text, place, line) in [
        ("hostname: a\n\tpasswd: hunter2\n", "\t", "^\t^passwd: <...>"),
        ("users:\n- name: \"hunter2\n", "\"", "- name: ^\"^<...>"),
        ("users:\n- name: x\n   passwd: a: hunter2\n", "passwd", "   ^passwd^: <...>"),
        ("a: b: hunter2\n", "b:", "^<...>^"),
        ("a: b: hunter2\n", ": hunter2", "^<...>^"),
        ("  hunter2 - hunter2: x: hunter2\n", ":", "  <...>^:^<...>"),
        ("users: [{name: x}, @hunter2]\n", "@", "users: <...>^@^<...>"),
        ("write_files:\n  - content: |\n  hunter2: hunter3\n x: [\n", "hunter2", "  ^<...>^"),
        ("hostname: a\n...\nhunter2: x\n", "hunter2", "^<...>^"),
        ("hunter2", "hunter2", "^<redacted>^"),
        ("", "", "^^"),
    ] {
        assert_eq!(shown(text, place), line, "{text:?}");
    }
}

#[test]
fn what_the_tree_does_not_hold_is_redacted() {
    for (text, place, line) in [
        // Aliases, anchors, tags; what is given again; merges.
        ("a: &b 1\nhostname: *b\n", "*b", "hostname: ^<...>^"),
        ("users: [{name: &hunter2 x}]\n", "name", "users: [{^name^: <redacted>}]"),
        ("users: [{passwd: -, name: x}]\n", "-,", "users: [{passwd: ^<redacted>,^ name: x}]"),
        ("users: [{passwd: -}]\n", "-", "users: [{passwd: ^<redacted>^}]"),
        ("users: [{name: !hunter2 x}]\n", "name", "users: [{^name^: <redacted>}]"),
        ("users: &hunter2\n- name: x\n", "&hunter2", "users: ^<...>^"),
        ("users: [{passwd: hunter2, name: x, passwd: y}]\n", "name", "users: [{<...>, ^name^: x, passwd: <redacted>}]"),
        ("hostname: hunter2\nhostname: x\n", "hunter2", "^<...>^"),
        ("b: &b {c: d}\nusers: [{<<: *b, name: x}]\n", "name", "users: [{<...>, ^name^: x}]"),
        // Keys where none belong.
        ("users: [{name: x, passwd: {hunter2}}]\n", "passwd", "users: [{name: x, ^passwd^: {<...>}}]"),
        ("write_files: {hunter2: x}\n", "write_files", "^write_files^: {<...>: <redacted>}"),
        ("? [hunter2]\n: x\n", "? ", "^? ^[<...>"),
    ] {
        assert_eq!(shown(text, place), line, "{text:?}");
    }
}

#[test]
fn a_long_line_is_cut_around_the_position() {
    let paths: String = (0..400).fold(String::new(), |text, number| format!("{text}{{path: /é/{number:03}}}, "));
    let text = format!("write_files: [{paths}{{path: /last}}]\n");
    for place in ["write_files", "/é/000", "/é/200", "/é/399", "/last"] {
        let line = shown(&text, place);
        assert!(line.contains(&format!("^{place}^")), "{line}");
        assert!(line.len() < 200, "{line}");
    }
    assert!(shown(&text, "/é/200").starts_with("<...>") && shown(&text, "/é/200").ends_with("<...>"));
    let hidden = format!("users: [{{passwd: {}}}]\n", "hunter2".repeat(1000));
    assert_eq!(shown(&hidden, "passwd"), format!("users: [{{^passwd^: {HIDDEN}"));
}

/// A secret in every place that is one, and in every place that could be taken for something else.
const SECRETS: &str = r#"#cloud-config
# hunter2
hostname: a.b # hunter2
ssh_authorized_keys: [hunter2, "hunter2
  hunter2"]
é: "hunter2\u001b[31mhunter2"
unknown: {hunter2: hunter2, name: hunter2}
anchor: &hunter2 {passwd: hunter2, name: hunter2 hunter2}
users:
  - {name: core, passwd: hunter2, gecos: 'hunter2'}
  - <<: *hunter2
    name: x
  - name: y	# hunter2
    passwd: !!str hunter2
    passwd: "hunter2"
    passwd: >-
      hunter2
       - name: hunter2
      name: hunter2
    passwd:
      hunter2: {hunter2: hunter2}
    passwd: {hunter2}
write_files:
- path: /a
  content: |
    hunter2: hunter2
    hunter2 {{ hunter2 }} $public_ipv4hunter2
    password: hunter2
  content: !!binary aHVudGVyMg==hunter2
  encoding: hunter2
  permissions: hunter2
- hunter2
- [hunter2]
coreos:
  fleet: {etcd_password: hunter2, verbosity: hunter2, hunter2 hunter2: x}
  update: {server: 'https://hunter2@x', reboot_strategy: hunter2}
  units:
  - name: z.service
    command: hunter2
    enable: hunter2
    content: "[Service]\nhunter2"
    drop_ins: [{name: a.conf, content: hunter2}]
...
hunter2: hunter2
"#;

/// Whatever the position, and wherever the text breaks off.
#[test]
fn no_secret_is_shown_of_any_position_of_any_beginning() {
    let mut shown = 0;
    for text in [SECRETS.to_owned(), SECRETS.replace('\n', "\r\n"), SECRETS.replace("hunter2", "-hunter2-")] {
        let ends = text.char_indices().map(|(at, _)| at).filter(|at| at % 7 == 0).chain([text.len()]);
        for end in ends {
            let text = &text[..end];
            let document = yaml::parse(text, |offset| offset);
            let (lines, paths) = (Lines::new(text.as_bytes()), Paths::new(&document));
            let last = lines.line(end).start;
            let places = (last..=end).chain((0..end).step_by(13));
            for start in places.filter(|at| text.is_char_boundary(*at)) {
                for length in [1, 9] {
                    let Line { text, mark } = line(text, Span::new(start, start + length), &lines, &paths);
                    assert!(!text.contains("hunte") && !text.contains("unter2"), "{start}: {text}");
                    assert!(!text.chars().any(|c| c.is_control() && c != '\t'), "{start}: {text:?}");
                    assert!(text.get(mark).is_some(), "{start}: {text}");
                    shown += 1;
                }
            }
        }
    }
    assert!(shown > 10_000, "{shown}");
}
