//! Examples of content that YAML changes.

use crate::address_tokens::Addresses;
use crate::plan::{Facts, Plan};
use crate::{document, user_data};

fn planned(text: &str) -> Plan {
    let part = user_data::split("x", text.as_bytes().to_vec()).remove(0);
    let document = document::read(part, &Addresses::default(), false);
    document.plan(&Facts::default(), "set")
}

/// The findings about the content of a file: rule and what it points at; and whether something is refused.
fn found(text: &str) -> (Vec<(&'static str, String)>, bool) {
    let text = format!("#cloud-config\n{text}");
    let plan = planned(&text);
    let about = ["folded-content", "lost-content", "swallowed-key", "key-in-content"];
    let findings = plan.findings.iter().filter(|finding| about.contains(&finding.rule.id));
    let findings = findings.map(|finding| {
        let span = finding.span.unwrap();
        (finding.rule.id, text[span.start..span.end].to_owned())
    });
    (findings.collect(), !plan.refused.is_empty())
}

fn file(lines: &str) -> String {
    let path = if lines.contains("\npath: ") { "" } else { "path: /etc/x\n  " };
    format!("write_files:\n- {path}{}\n", lines.replace('\n', "\n  "))
}

#[test]
fn lines_that_are_joined_are_reported() {
    for (content, at) in [
        ("content:\n  one\n  two", "one"),
        ("content: one\n  two", "one"),
        ("content:\n  #!/bin/sh\n  echo hi", "#!/bin/sh"),
        ("content:\n  # of the network\n  nameserver 8.8.8.8", "# of the network"),
        ("content: #!/bin/sh\n  echo hi\n  exit", "#!/bin/sh"),
        ("content: \"one\n  two\"", "\"one"),
        ("content: 'one\n\n  two\n  three'", "two"),
        ("content: >\n  #!/bin/sh\n  echo hi\n  exit", ">"),
        ("content: >-\n  [Match]\n  Name=eth0", ">"),
        ("content: !!str >\n  [Match]\n  Name=eth0", ">"),
        ("content: >\n  A=1\n  B=2", ">"),
        ("content: >\n  a: 1\n  b: 2", ">"),
        ("content: >\n  PermitRootLogin no\n  PasswordAuthentication no", ">"),
        ("content: >-\n  nameserver 8.8.8.8\n  nameserver 1.1.1.1", ">"),
        ("content: >\n  core ALL=(ALL) ALL\n  ada ALL=(ALL) ALL", ">"),
        ("content: >\n  127.0.0.1 localhost\n  10.0.0.1 db.", ">"),
        ("content: >\n  -----BEGIN CERTIFICATE-----\n  YWJj\n  -----END CERTIFICATE-----", ">"),
        ("content: >\n  import os\n  print(os.name)", ">"),
        ("content: >\n  ssh-ed25519 AAAA a@b\n  ssh-ed25519 AAAB c@d", ">"),
    ] {
        let (findings, refused) = found(&file(content));
        assert_eq!(findings, [("folded-content", at.to_owned())], "{content}");
        assert!(!refused, "{content}");
    }
    let (findings, _) = found("coreos: {units: [{name: a.service, content: 'one\n two'}]}\n");
    assert_eq!(findings, [("folded-content", "'one".to_owned())]);
    let (findings, _) = found("coreos:\n  units:\n  - name: a.service\n    content: >\n      one\n      two\n");
    assert_eq!(findings, [("folded-content", ">".to_owned())]);
}

#[test]
fn content_that_ends_at_a_sign_is_reported() {
    for (content, at) in [("content: pass #word1", "#word1"), ("content: a #b c\nowner: root", "#b c")] {
        assert_eq!(found(&file(content)), (vec![("folded-content", at.to_owned())], false), "{content}");
    }
    for content in
        ["content: a # b", "content: 'a #b'", "content: a#b", "content: a ## b", "content: #b", "content: a #"]
    {
        assert_eq!(found(&file(content)), (vec![], false), "{content}");
    }
}

#[test]
fn content_of_comments_alone_refuses_the_file() {
    for (content, at) in [
        ("content: #!/bin/sh", "#!/bin/sh"),
        ("content:\n  #!/bin/sh\n  # only comments\npermissions: '0755'", "#!/bin/sh"),
        ("permissions: '0600'\ncontent:\n\n  # PermitRootLogin no\n  # X11Forwarding no", "# PermitRootLogin no"),
    ] {
        assert_eq!(found(&file(content)), (vec![("lost-content", at.to_owned())], true), "{content}");
    }
    for content in ["content:\n# the next file", "content: # none yet", "content: \"\"\n  # none yet"] {
        assert_eq!(found(&file(content)), (vec![], false), "{content}");
    }
    let unit = "coreos:\n  units:\n  - name: a.service\n    content:\n      # [Service]\n    command: start\n";
    assert_eq!(found(unit), (vec![("folded-content", "# [Service]".to_owned())], false));
}

#[test]
fn what_looks_as_it_is_kept_is_no_finding() {
    let long = "a word ".repeat(12);
    for content in [
        "content: one".to_owned(),
        "content: one # a comment".to_owned(),
        "content: # a comment\n  one".to_owned(),
        "content:\n  one".to_owned(),
        "content: |\n  one\n  two".to_owned(),
        "content: >\n  This machine is managed\n  by others.\n\n  Ask them!".to_owned(),
        "content: >\n  {\"a\": 1,\n  \"b\": [2]}".to_owned(),
        "content: >\n  A=1\n\n  B=2".to_owned(),
        "content: >\n  A=1".to_owned(),
        "content: \"one\\n\\\n  two\"".to_owned(),
        format!("content: {long}\n  two"),
        format!("content: '{long}\n\n  two'"),
        "content: \"one\n  \"".to_owned(),
        "content:\n  YWJj\n  ZGVm\nencoding: b64".to_owned(),
        "content: >\n  YWJj\n  ZGVm\nencoding: base64".to_owned(),
        "content: ''".to_owned(),
        "content:".to_owned(),
        "content: |\npermissions: '0600'".to_owned(),
        "content: |".to_owned(),
    ] {
        assert_eq!(found(&file(&content)), (vec![], false), "{content}");
    }
    for path in ["/etc/motd", "/etc/issue", "/srv/a.txt", "/srv/README.MD", "/srv/a.html"] {
        let text = format!("write_files:\n- path: {path}\n  content: >\n    Welcome\n    to it\n");
        assert_eq!(found(&text), (vec![], false), "{text}");
    }
    assert_eq!(found("write_files:\n- path: /etc/x\n  content: |\n- path: /etc/y\n"), (vec![], false));
    assert_eq!(found("write_files:\n- path: /etc/x\n  content: |\n\ncoreos:\n  units: []\n"), (vec![], false));
}

#[test]
fn a_key_at_the_end_of_content_refuses_the_file() {
    for (lines, at) in [
        ("hunter2\n  permissions: \"0600\"", "permissions: \"0600\""),
        ("hunter2\n  permissions: 0600 # secret", "permissions: 0600 # secret"),
        ("hunter2\n    permissions: '0600'\n    owner: core:core", "permissions: '0600'"),
        ("owner: core", "owner: core"),
        ("#!/bin/sh\n  echo a=b\n\n  owner: core\n", "owner: core"),
        ("aHVudGVyMg==\n  encoding: base64", "encoding: base64"),
    ] {
        for head in ["|", ">", "|-", "| # a comment"] {
            let (findings, refused) = found(&file(&format!("content: {head}\n  {lines}")));
            let findings: Vec<_> = findings.into_iter().filter(|row| row.0 != "folded-content").collect();
            assert_eq!(findings, [("swallowed-key", at.to_owned())], "{head} {lines}");
            assert!(refused, "{lines}");
        }
    }
    let plan = planned(&format!("#cloud-config\n{}", file("content: |\n  hunter2\n  owner: core")));
    assert!(!format!("{plan:?}").contains("hunter2"));
}

#[test]
fn where_content_has_keys_of_its_own_the_file_is_written() {
    let text = file("content: |\n  user: a\n  password: hunter2\n  permissions: '0600'");
    assert_eq!(found(&text), (vec![("key-in-content", "permissions: '0600'".to_owned())], false));
    for content in [
        "content: |\n  a: b\n  c:\n    permissions: '0600'",
        "content: |\n  a\n  permissions: '0600'\npermissions: '0600'",
        "content: |\n  hostname: n1",
        "content: |\n  # of n1\n  hostname: n1",
        "content: |\n  a: b\n  hostname: n1",
        "content: |\n  a\n  permissions: '0600'\n  b",
        "content: |\n  a\n  user: core",
    ] {
        assert_eq!(found(&file(content)), (vec![], false), "{content}");
    }
    let other = file("content: |\n  a\n  hostname: n1").replacen("/etc/x", "/etc/x.yml", 1);
    assert_eq!(found(&other), (vec![], false));
    for line in [
        "permissions: rw-------",
        "permissions:0600",
        "mode: \"0600\"",
        "hostname: n1",
        "- path: /etc/b\n    content: x",
    ] {
        let text = file(&format!("content: |\n  hunter2\n  {line}"));
        let line = line.split('\n').next().unwrap().to_owned();
        assert_eq!(found(&text), (vec![("key-in-content", line)], false), "{text}");
    }
}

#[test]
fn a_key_at_the_end_of_content_refuses_the_unit_or_drop_in() {
    let unit = |lines: &str| {
        let content = format!("[Service]\nExecStart=/bin/sh -c \"echo a: b\"\n{lines}\n").replace('\n', "\n      ");
        format!("coreos:\n  units:\n  - name: a.service\n    content: |\n      {content}\n")
    };
    for (lines, at) in [
        ("command: start", "command: start"),
        ("enable: true", "enable: true"),
        ("  mask: no\n\n  runtime: 'yes'", "mask: no"),
        ("drop-ins:\n- name: x.conf\n  content: |\n    [Service]", "drop-ins:"),
        ("drop_ins:\n  - name: x.conf\n    content: |\n      [Service]\ncommand: start", "drop_ins:"),
        ("enable: true\ndrop_ins:\n- name: x.conf", "enable: true"),
    ] {
        assert_eq!(found(&unit(lines)), (vec![("swallowed-key", at.to_owned())], true), "{lines}");
    }
    for lines in ["command: begin", "drop_ins:", "command: start\n[Install]", "Environment=A: b", "drop_ins:\n- x\ny"] {
        assert_eq!(found(&unit(lines)), (vec![], false), "{lines}");
    }
    let mapping = unit("a: b\nenable: true");
    assert_eq!(found(&mapping), (vec![("key-in-content", "enable: true".to_owned())], false));
    let drop_in = |line: &str| {
        let head = "coreos:\n  units:\n  - name: a.service\n    drop_ins:\n    - content: |\n        [Service]\n";
        format!("{head}        {line}\n")
    };
    assert_eq!(found(&drop_in("name: x.conf")).0, [("swallowed-key", "name: x.conf".to_owned())]);
    assert_eq!(found(&drop_in("enable: true")).0, [("key-in-content", "enable: true".to_owned())]);
    assert_eq!(found(&drop_in("Nice=1")).0, []);
}

#[test]
fn unindented_text_refuses_the_file() {
    for lines in
        ["key: value", "#!/bin/sh", "# welcome", "# welcome\n  permissions: '0600'", "\n\n  server: a\n  port: 8"]
    {
        for head in ["|", ">", "|-", "|2", "| # a comment"] {
            let text = format!("write_files:\n- path: /etc/x\n  content: {head}\n  {lines}\n");
            let (findings, refused) = found(&text);
            assert_eq!(findings.len(), 1, "{text}");
            assert_eq!(findings[0].0, "lost-content", "{text}");
            assert!(refused, "{text}");
        }
    }
    let text = "write_files:\n- path: /etc/x\n  content: |\nserver: a\nport: 8\n";
    assert_eq!(found(text), (vec![("lost-content", "server: a".to_owned())], true));
    let text = "write_files:\n- path: /etc/x\n  content: |\n- one\n- two\n";
    assert_eq!(found(text), (vec![("lost-content", "- one".to_owned())], true));
    let text = "coreos:\n  units:\n  - name: a.service\n    content: |\n    # a unit\n";
    assert_eq!(found(text), (vec![("lost-content", "# a unit".to_owned())], true));
}

/// The notes of a text: rule and what it points at.
fn notes(text: &str) -> Vec<(&'static str, String)> {
    let text = format!("#cloud-config\n{text}");
    let plan = planned(&text);
    let notes = plan.findings.iter().filter(|finding| ["literal-escape", "literal-token"].contains(&finding.rule.id));
    let notes = notes.map(|finding| {
        let span = finding.span.unwrap();
        (finding.rule.id, text[span.start..span.end].to_owned())
    });
    notes.collect()
}

#[test]
fn an_escape_without_double_quotes_is_noted() {
    for content in ["'a\\nb'", "a\\nb", "!!str 'a\\nb'", "'a\\\\b\\nc'"] {
        let text = file(&format!("content: {content}"));
        assert_eq!(notes(&text), [("literal-escape", "\\n".to_owned())], "{text}");
    }
    assert_eq!(notes("ssh_authorized_keys: ['a\\nb']").len(), 1);
    assert_eq!(notes("users: [{name: a, ssh_authorized_keys: 'a\\nb'}]").len(), 1);
    assert_eq!(notes("coreos: {units: [{name: a.service, content: '[Unit]\\n'}]}").len(), 1);
    for content in ["\"a\\nb\"", "|\n  a\\nb", "'a\\\\nb'", "'a\\tb'"] {
        assert_eq!(notes(&file(&format!("content: {content}"))), [], "{content}");
    }
}

#[test]
fn a_token_in_encoded_content_is_noted() {
    let encoded = "YSRwcml2YXRlX2lwdjRiCg==";
    for lines in [format!("content: {encoded}\nencoding: b64"), format!("content: !!binary {encoded}")] {
        let notes = notes(&file(&lines));
        assert_eq!(notes.len(), 1, "{lines}");
        assert_eq!(notes[0].0, "literal-token");
        assert!(notes[0].1.ends_with(encoded), "{notes:?}");
    }
    // It is escaped there.
    assert_eq!(notes(&file("content: YVwkcHJpdmF0ZV9pcHY0Ygo=\nencoding: base64")), []);
    assert_eq!(notes(&file("content: a$private_ipv4")), []);
}

#[test]
fn a_line_that_ends_its_block_refuses_the_item() {
    for (content, at) in [
        ("|\n    #!/bin/bash\n  echo \"note: hi\"\n    curl http://x", "echo"),
        ("|\n    #!/bin/bash\n  echo \"note: hi\"", "echo"),
        ("|\n    kind: Pod\n  metadata:\n    name: x\n    labels: {}", "metadata"),
        ("|\n    kind: ConfigMap\n  data:\n    a: x", "data"),
        ("|\n    {\n  \"a\": 1", "\"a\""),
        ("|\n    a: 1\n  b: 2", "b"),
        ("|-\n    one\n\n  # two\n  spec: a\n  status: b", "spec"),
        (">\n    one\n  two three: four", "two"),
        ("|\n    one\ntwo three: four", "two"),
        ("|\n    one\nA=b: c", "A=b"),
    ] {
        let text = format!("write_files:\n- path: /etc/x\n  content: {content}\n");
        assert_eq!(found(&text), (vec![("lost-content", at.to_owned())], true), "{text}");
        let unknown = planned(&format!("#cloud-config\n{text}")).findings.into_iter();
        assert_eq!(unknown.filter(|found| found.message.contains("<redacted>")).count(), 0, "{text}");
    }
    let unit =
        "coreos:\n  units:\n  - name: a.service\n    content: |\n      [Service]\n    ExecStart=/bin/a -H tcp: b\n";
    assert_eq!(found(unit), (vec![("lost-content", "ExecStart=/bin/a".to_owned())], true));
    for content in [
        "|\n    one\n  description: the first",
        "|\n    one\n  defer: true\n  filesystem: root",
        "|\n    one\n  mode: 7\n  permissions: '0600'",
        "|\n    one\n  permissions: '0600'\n  two words: x",
        "|\n    one\n  tags:\n  - x",
        "|\n    [Service]\n    A=b\n  options:\n    a: b\n  owner: core",
        "|\n    one=b\n  note: |\n    two",
        "|\n    one\nrole:\n  a: b",
        "|\n    one\nruncmd:\n- a",
        "|\n    one\n  runcmd:\n  - a",
    ] {
        let text = format!("write_files:\n- path: /etc/x\n  content: {content}\n");
        assert_eq!(found(&text), (vec![], false), "{text}");
    }
    assert_eq!(found(&file("content:\n  - a\n  - b")), (vec![], true));
    let quoted = "write_files:\n- \"path\": /etc/x\n  \"content\": |\n    one\n  \"comment\": two\n";
    assert_eq!(found(quoted), (vec![], false));
}
