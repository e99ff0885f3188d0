//! From the tree to types, and what is said on the way.

use serde::Deserialize;

use super::{config, document, findings_with_text, read_as};
use crate::config::CloudConfig;
use crate::config::options::OptionValue;
use crate::diagnostic::{Finding, Span, rules};
use crate::yaml::{Bytes, Field, read};

#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
struct All {
    text: String,
    maybe: Option<String>,
    flag: bool,
    int: i64,
    small: u8,
    float: f64,
    list: Vec<String>,
    bytes: Bytes,
    inner: Inner,
    inners: Vec<Inner>,
    field: Field<Inner>,
    texts: Field<Vec<String>>,
}

#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
struct Inner {
    a_b: Field<bool>,
}

/// The value read from one key, without a finding.
fn all(text: &str) -> All {
    let (all, findings) = read_as::<All>(text);
    assert_eq!(findings, [], "{text}");
    all
}

/// The messages with the subjects of an unknown path.
fn messages(findings: &[Finding]) -> Vec<String> {
    let subject = |finding: &Finding| finding.subject.as_ref().map_or_else(String::new, |subject| subject.0.clone());
    findings.iter().map(|finding| format!("{}: {}", subject(finding), finding.message)).collect()
}

#[test]
fn text_is_as_written() {
    for text in ["0644", "1.10", "off", "on", "yes", "2001-01-01", "0x10", "1_000", ".inf", "<<", "="] {
        assert_eq!(all(&format!("text: {text}")).text, text);
        assert_eq!(all(&format!("maybe: {text}")).maybe.as_deref(), Some(text));
    }
    assert_eq!(all("text: '~'").text, "~");
    assert_eq!(all("text: !!str ~").text, "~");
    assert_eq!(all("text: !!other null").text, "null");
    assert_eq!(all("text: !!int 010").text, "010");
    let (read, findings) = read_as::<All>("text: !other hunter2");
    assert_eq!(
        (read.text.as_str(), findings_with_text("text: !other hunter2", &findings)),
        ("", vec!["unknown-tag:!other hunter2".to_owned()])
    );
}

#[test]
fn null_is_the_default() {
    for null in ["", "~", "null", "Null", "NULL", "!!null x"] {
        let keys = ["text", "maybe", "flag", "int", "small", "float", "list", "bytes", "inner", "inners"];
        for key in keys {
            assert_eq!(all(&format!("{key}: {null}")), All::default(), "{key}: {null}");
        }
        let text = format!("field: {null}\ntexts: {null}\n");
        let read = all(&text);
        assert_eq!((&read.field.value, read.field.bad), (&None, false));
        assert_eq!((&read.texts.value, read.texts.bad), (&None, false));
        assert_eq!(read.field.span.map(|span| &text[span.start..span.end]), Some(null));
    }
    assert_eq!(all(""), All::default());
    assert_eq!(all("---"), All::default());
    assert_eq!(all("list: [~, a]").list, ["", "a"]);
}

#[test]
fn booleans_are_read() {
    for text in ["true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON", "y", "Y", "!!bool yes", "!!bool 'yes'"]
    {
        assert!(all(&format!("flag: {text}")).flag, "{text}");
    }
    for text in ["false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF", "n", "N"] {
        assert!(!all(&format!("flag: {text}")).flag, "{text}");
    }
    for text in ["'true'", "\"yes\"", "!!str on", "!!x y"] {
        let document = format!("flag: {text}");
        let (read, findings) = read_as::<All>(&document);
        assert!(read.flag);
        assert_eq!(findings_with_text(&document, &findings), [format!("quoted-boolean:{text}")]);
    }
    for (text, found) in
        [("1", "a number"), ("maybe", "a string"), ("''", "an empty string"), ("'1'", "a string"), ("[]", "a list")]
    {
        let (read, findings) = read_as::<All>(&format!("flag: {text}"));
        assert!(!read.flag);
        assert_eq!(messages(&findings), [format!("`flag`: expected a boolean, found {found}; not applied")]);
    }
}

#[test]
fn numbers() {
    for (text, number) in [
        ("010", 8),
        ("0o17", 15),
        ("0x1F", 31),
        ("0b11", 3),
        ("1_000", 1000),
        ("1:30", 90),
        ("-5", -5),
        ("1e3", 1000),
        ("5.0", 5),
    ] {
        assert_eq!(all(&format!("int: {text}")).int, number, "{text}");
    }
    for (text, number) in [("1.50", 1.5), (".5", 0.5), ("1e3", 1000.0), ("010", 8.0), ("3", 3.0), ("1:30.5", 90.5)] {
        assert!((all(&format!("float: {text}")).float - number).abs() < 1e-9, "{text}");
    }
    let text = "int: '3'\nfloat: \"1.5\"\n";
    let (read, findings) = read_as::<All>(text);
    assert_eq!((read.int, read.float.to_bits()), (3, 1.5_f64.to_bits()));
    assert_eq!(findings_with_text(text, &findings), ["quoted-number:'3'", "quoted-number:\"1.5\""]);
    let text = "int: 1.5\nsmall: 256\nfloat: .inf\nlist: x\n";
    let (read, findings) = read_as::<All>(text);
    assert_eq!((read.int, read.small, read.float.to_bits()), (0, 0, 0));
    assert_eq!(
        findings_with_text(text, &findings),
        ["wrong-type:1.5", "wrong-type:256", "wrong-type:.inf", "text-for-list:x"]
    );
    let (_, findings) = read_as::<All>("int: 99999999999999999999999\nfloat: no\n");
    assert_eq!(
        messages(&findings),
        [
            "`int`: expected an integer, found one that is too large; not applied",
            "`float`: expected a number, found a boolean; not applied"
        ]
    );
}

#[test]
fn one_value_is_read_as_a_list_of_one() {
    let text = "list: a b\n";
    let (read, findings) = read_as::<All>(text);
    assert_eq!(read.list, ["a b"]);
    assert_eq!(findings_with_text(text, &findings), ["text-for-list:a b"]);
    let text = "inners: a b\n";
    let (read, findings) = read_as::<All>(text);
    assert_eq!(read.inners, []);
    assert_eq!(messages(&findings), ["`inners`: expected a list, found a string; not applied"]);
    let text = "users: core\nssh_authorized_keys: {a: b}\nwrite_files: [x, {path: y}]\n";
    let (read, findings) = config(text);
    assert_eq!((read.users.len(), read.ssh_authorized_keys.len()), (0, 0));
    assert_eq!(read.write_files.iter().map(|file| file.bad).collect::<Vec<_>>(), [true, false]);
    assert_eq!(
        messages(&findings),
        [
            "`users`: expected a list, found a string; not applied",
            "`ssh_authorized_keys`: expected a list, found a mapping; not applied",
            "an item of `write_files`: expected a mapping, found a string; not applied"
        ]
    );
}

#[test]
fn binary_data_is_decoded() {
    assert_eq!(all("bytes: !!binary |\n  AAH/\n  /g==\n").bytes.0, [0, 1, 255, 254]);
    assert_eq!(all("bytes: ä").bytes.0, "ä".as_bytes());
    assert_eq!(all("text: !!binary aGVsbG8=").text, "hello");
    assert_eq!(all("bytes: !!binary").bytes.0, b"");
    let text = "text: !!binary //8=\nbytes: !!binary '%'\nflag: !!binary yes\nlist: !!binary aGk=\n";
    let (read, findings) = read_as::<All>(text);
    assert_eq!((read.text.as_str(), read.bytes.0.len(), read.flag), ("", 0, false));
    assert_eq!(read.list, ["hi"]);
    assert_eq!(
        messages(&findings)[..3],
        [
            "`text`: expected a string, found binary data that is not UTF-8; not applied",
            "`bytes`: `!!binary` requires base64, found other text; not applied",
            "`flag`: expected a boolean, found binary data; not applied"
        ]
    );
}

#[test]
fn fields_know_their_position_and_what_is_wrong() {
    let text = "field:\n  a-b: maybe\ntexts: {}\n";
    let (read, findings) = read_as::<All>(text);
    assert_eq!(findings_with_text(text, &findings), ["wrong-type:maybe", "wrong-type:{}"]);
    // What is wrong inside is not wrong outside.
    assert!(!read.field.bad);
    let inner = read.field.value.unwrap().a_b;
    assert_eq!((inner.value, inner.bad, inner.span), (None, true, Some(Span::new(14, 19))));
    assert_eq!((read.texts.value, read.texts.bad, read.texts.span), (None, true, Some(Span::new(27, 29))));
    assert_eq!(all("").field, Field::default());
}

#[test]
fn keys_are_read_in_both_spellings() {
    assert_eq!(all("inner: {a-b: yes}").inner.a_b.value, Some(true));
    assert_eq!(all("inner: {a_b: yes}").inner.a_b.value, Some(true));
    let text = "inner: {a_b: yes, a-b: no}\n";
    let (read, findings) = read_as::<All>(text);
    assert_eq!(read.inner.a_b.value, Some(false));
    assert_eq!(findings_with_text(text, &findings), ["two-spellings:a-b"]);
    assert_eq!(read_as::<Inner>("A-b: 1").0.a_b, Field::default());
}

#[test]
fn everything_wrong_is_found_at_once() {
    let text = "hostname: [a]\nusers:\n- name: core\n  system: maybe\n  groups: {a: b}\n  ssh-authorized-keys: [a, [b], c]\n- 5\ncoreos:\n  units: x\n  update: [y]\n  fleet: {verbosity: many, etcd-request-timeout: '3', metadata: 1}\n  oem:\n    id: {}\n    name: o\nmanage-etc-hosts: localhost\n";
    let (read, findings) = config(text);
    assert_eq!(
        findings_with_text(text, &findings),
        [
            "wrong-type:[a]",
            "wrong-type:maybe",
            "wrong-type:{a: b}",
            "wrong-type:[b]",
            "wrong-type:5",
            "wrong-type:x",
            "wrong-type:[y]",
            "wrong-type:many",
            "quoted-number:'3'",
            "wrong-type:{}"
        ]
    );
    assert!(read.hostname.bad && read.coreos.update.bad && !read.coreos.oem.bad);
    assert_eq!(read.manage_etc_hosts.text(), "localhost");
    let user = read.users[0].get().unwrap();
    assert!(user.system.bad && user.groups.0.is_empty());
    assert_eq!(user.ssh_authorized_keys.iter().map(Field::text).collect::<Vec<_>>(), ["a", "", "c"]);
    assert!(read.users[1].bad);
    assert_eq!(read.coreos.oem.get().unwrap().name.text(), "o");
    let fleet = read.coreos.fleet.value.unwrap();
    let fleet: Vec<_> = fleet.set.iter().map(|(option, field)| (option.name, field.value.clone(), field.bad)).collect();
    assert_eq!(
        fleet,
        [
            ("etcd_request_timeout", Some(OptionValue::Float(3.0)), false),
            ("metadata", Some(OptionValue::Text("1".into())), false),
            ("verbosity", None, true),
        ]
    );
}

#[test]
fn groups_are_a_list_or_one_text() {
    let groups = |text: &str| {
        let (read, findings) = config(&format!("users: [{{name: a, groups: {text}}}]"));
        assert_eq!(findings, [], "{text}");
        read.users[0].get().unwrap().groups.0.iter().map(|group| group.text().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(groups("'sudo,docker'"), ["sudo,docker"]);
    assert_eq!(groups("100"), ["100"]);
    assert_eq!(groups("[sudo, 100]"), ["sudo", "100"]);
    assert_eq!(groups("~"), [""; 0]);
    let text = "users: [{groups: {a: b}}]";
    assert_eq!(messages(&config(text).1), ["`groups`: expected a list of group names, found a mapping; not applied"]);
}

#[test]
fn a_position_reached_by_several_aliases_is_reported_once() {
    let text = "users:\n- &u {uid: x, system: 3}\n- *u\n- {<<: *u, name: y}\n";
    let (read, findings) = config(text);
    assert_eq!(findings_with_text(text, &findings), ["wrong-type:3"]);
    assert!(read.users.iter().all(|user| user.get().unwrap().system.bad));
}

#[test]
fn a_document_that_is_no_mapping() {
    for (text, found) in [("- a\n", "a list"), ("secret words", "a string"), ("12", "a number"), ("'x'", "a string")] {
        let (_, findings) = config(text);
        assert_eq!(messages(&findings), [format!("document: expected a mapping, found {found}; not applied")]);
        assert_eq!(findings[0].rule, &rules::WRONG_TYPE);
    }
}

#[test]
fn what_is_left_of_a_broken_document_is_read() {
    let broken = document("hostname: a\nssh-authorized-keys: [b]\nusers: [\n");
    assert!(broken.error.is_some());
    let (config, findings) = read::<CloudConfig>(&broken);
    assert_eq!(findings, []);
    assert_eq!((config.hostname.text(), config.ssh_authorized_keys[0].text()), ("a", "b"));
    let (config, findings) = read::<CloudConfig>(&document("@"));
    assert_eq!((config.hostname.value, findings), (None, vec![]));
}

#[test]
fn no_message_holds_a_value() {
    let text = "hostname: {hunter2: x}\nusers: [hunter2]\nmanage_etc_hosts: [hunter2]\ncoreos: hunter2\nhunter2 is my password: [x]\nwrite_files:\n- {path: !!binary hunter2%, content: [hunter2], unknown: hunter2}\n";
    let (_, findings) = config(text);
    assert!(findings.len() > 5);
    for finding in findings {
        assert!(!format!("{} {:?}", finding.message, finding.help).contains("hunter2"), "{finding:?}");
    }
}
