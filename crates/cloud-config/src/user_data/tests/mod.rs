mod structure;

use std::io::Write;

use super::*;

fn forms(bytes: &[u8]) -> Vec<ContentKind> {
    split("x", bytes.to_vec()).iter().map(|part| part.form).collect()
}

/// The rules of what is found, and the lines where it is.
fn found(parts: &[Part]) -> Vec<String> {
    let told = |part: &Part| {
        let lines = crate::text::Lines::new(part.text.as_bytes());
        let found = part.findings.iter().map(|finding| {
            let line = finding.span.map_or(0, |span| lines.start(span).line);
            format!("{}:{line} {}", part.name, finding.rule.id)
        });
        found.collect::<Vec<_>>()
    };
    parts.iter().flat_map(told).collect()
}

fn found_in(bytes: &[u8]) -> Vec<String> {
    found(&split("x", bytes.to_vec()))
}

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

fn base64(content: &[u8]) -> String {
    use base64::Engine as _;
    base64::prelude::BASE64_STANDARD.encode(content)
}

/// A multipart of these pieces, each with its headers.
fn multipart(pieces: &[impl AsRef<[u8]>]) -> Vec<u8> {
    let mut out = b"Content-Type: multipart/mixed; boundary=\"B\"\n\n".to_vec();
    for piece in pieces {
        out.extend(b"--B\n");
        out.extend(piece.as_ref());
        out.extend(b"\n");
    }
    out.extend(b"--B--\n");
    out
}

/// The only part of a multipart with this type and this content.
fn typed(kind: &str, content: &[u8]) -> Part {
    let piece = [format!("Content-Type: {kind}\n\n").as_bytes(), content].concat();
    let mut parts = split("x", multipart(&[piece]));
    assert_eq!(parts.len(), 2, "{kind}");
    assert_eq!(parts[0].form, ContentKind::Multipart);
    parts.remove(1)
}

#[test]
fn forms_are_known_by_their_first_bytes() {
    assert_eq!(forms(b""), []);
    assert_eq!(forms("\u{feff}".as_bytes()), []);
    for text in ["#cloud-config", "#cloud-config\n", "#cloud-config \t\r\na: b\r\n", "\u{feff}#cloud-config\n"] {
        assert_eq!(forms(text.as_bytes()), [ContentKind::CloudConfig], "{text:?}");
    }
    for text in ["#!/bin/sh\necho", "#! /bin/sh", "#!"] {
        assert_eq!(forms(text.as_bytes()), [ContentKind::Script], "{text:?}");
    }
    for text in [
        r#"{"ignitionVersion": 1}"#,
        r#" {"ignition": {"version": "2.0.0"}}"#,
        "\r\n\t{\"x\": 1, \"ignition\": {\"version\": \"\"}}\n",
    ] {
        assert_eq!(forms(text.as_bytes()), [ContentKind::Ignition], "{text}");
    }
}

#[test]
fn everything_else_is_an_error() {
    for text in [
        "hostname: a",
        "{\"ignition\": {}}",
        "{\"ignition\": {\"version\": 3}}",
        "{\"ignitionVersion\": \"1\"}",
        "{\"ignitionVersion\": 1.5}",
        "{\"ignition\": {\"version\": \"3.0.0\"}",
        "{",
        "\n",
        "Content-Type: text/cloud-config\n\n#cloud-config\n",
    ] {
        assert_eq!(forms(text.as_bytes()), [ContentKind::Unknown], "{text:?}");
        assert_eq!(found_in(text.as_bytes()), ["x:1 unknown-form"], "{text:?}");
    }
    assert_eq!(found_in(b"\x89PNG\n\xff"), ["x:1 unknown-form"]);
    assert_eq!(found_in(b"\xff\xfe#\0c\0"), ["x:0 not-utf8"]);
}

#[test]
fn a_header_that_is_not_alone_on_the_first_line_gives_access() {
    for text in [
        " #cloud-config\n",
        "\n#cloud-config",
        "---\n#cloud-config\na: b",
        "# for web\n\n#cloud-config\n",
        "## template: jinja\n\n#cloud-config\n",
        "#cloud-config # web\na: b",
        "#cloud-config v2\r\na: b\r\n",
        "##cloud-config\na: b",
    ] {
        let parts = split("x", text.as_bytes().to_vec());
        assert_eq!((parts[0].form, parts[0].extent), (ContentKind::CloudConfig, Completeness::Access), "{text:?}");
        assert_eq!(found(&parts), ["x:1 bad-header"], "{text:?}");
    }
    for text in ["## Template: Jinja\n#cloud-config\n", "##template:jinja\n#cloud-config\n"] {
        let parts = split("x", text.as_bytes().to_vec());
        assert_eq!((parts[0].form, parts[0].extent), (ContentKind::CloudConfig, Completeness::Whole), "{text:?}");
    }
    for text in ["# mine\nhostname: a\n#cloud-config\n", "#cloud-config-archive\n- a", "#!/bin/sh\n# x"] {
        assert_ne!(found_in(text.as_bytes()), ["x:1 bad-header"], "{text:?}");
    }
}

#[test]
fn text_counts_up_to_what_is_none() {
    let parts = split("x", b"#cloud-config\na: \xc3\xa4\nb: \xff\xfe\n".to_vec());
    assert_eq!(parts[0].form, ContentKind::CloudConfig);
    assert_eq!(parts[0].extent, Completeness::Before(23));
    assert_eq!(parts[0].complete_text(), "#cloud-config\na: \u{e4}\nb: ");
    assert_eq!(found(&parts), ["x:3 not-utf8"]);
}

#[test]
fn gzip_is_undone_a_few_times() {
    let mut bytes = b"#cloud-config\n".to_vec();
    for _ in 0..GZIP_DEPTH {
        bytes = gzip(&bytes);
        assert_eq!(forms(&bytes), [ContentKind::CloudConfig]);
    }
    let more = gzip(&bytes);
    assert_eq!((forms(&more), found_in(&more)), (vec![ContentKind::Unreadable], vec!["x:0 limit".to_owned()]));
    let members = [gzip(b"#cloud-"), gzip(b"config\n")].concat();
    assert_eq!(forms(&members), [ContentKind::CloudConfig]);
    assert_eq!(forms(&gzip(b"")), []);
    let once = gzip(b"#cloud-config\n");
    for damaged in [&once[..once.len() - 2], &once[..5], &[0x1f, 0x8b], &[&once[..], b"junk"].concat()] {
        assert_eq!(
            (forms(damaged), found_in(damaged)),
            (vec![ContentKind::Unreadable], vec!["x:0 bad-gzip".to_owned()])
        );
    }
}

#[test]
fn sixteen_mebibytes_are_the_limit_before_and_after() {
    let mut text = b"#cloud-config\n#".to_vec();
    text.resize(USER_DATA_MAX, b'a');
    assert_eq!(forms(&text), [ContentKind::CloudConfig]);
    assert_eq!(forms(&gzip(&gzip(&text))), [ContentKind::CloudConfig]);
    text.push(b'a');
    assert_eq!((forms(&text), found_in(&text)), (vec![ContentKind::Unreadable], vec!["x:0 limit".to_owned()]));
    assert_eq!(found_in(&gzip(&text)), ["x:0 limit"]);
}

#[test]
fn what_a_template_left_is_told() {
    let parts = split("x", b"## template: jinja\n#cloud-config\nhostname: {{ name }}\n".to_vec());
    assert_eq!(parts[0].form, ContentKind::CloudConfig);
    assert_eq!(found(&parts), ["x:3 template"]);
    assert_eq!(forms(b"## template: jinja\nhostname: a\n"), [ContentKind::Unknown]);
    assert_eq!(forms(b"## template: jinja \r\n#cloud-config \r\n"), [ContentKind::CloudConfig]);
}

#[test]
fn a_part_is_what_its_type_says() {
    for kind in ["text/cloud-config", "Text/Cloud-Config; charset=\"us-ascii\"", "TEXT/CLOUD-CONFIG;x"] {
        for content in ["hostname: a\n", "#cloud-config\nhostname: a\n", "\u{feff}# x\n\n"] {
            assert_eq!(typed(kind, content.as_bytes()).form, ContentKind::CloudConfig, "{kind} {content:?}");
        }
        assert_eq!(typed(kind, &gzip(b"hostname: a")).form, ContentKind::CloudConfig);
    }
    for kind in ["text/x-shellscript", "TEXT/X-ShellScript; charset=utf-8"] {
        assert_eq!(typed(kind, b"#!/bin/sh\n").form, ContentKind::Script);
        assert_eq!(typed(kind, &gzip(b"#!/bin/sh\n")).form, ContentKind::Script);
        assert_eq!(typed(kind, b"echo\n").form, ContentKind::Unreadable);
        let document = typed(kind, b"#cloud-config\n");
        assert_eq!((document.form, document.extent), (ContentKind::CloudConfig, Completeness::Access));
    }
    for kind in ["text/plain", "application/json", "text/x-shellscript-per-boot", "application/octet-stream", "", "x"] {
        for (content, form) in [
            ("#cloud-config\nhostname: a", ContentKind::CloudConfig),
            ("#!/bin/sh", ContentKind::Script),
            ("{\"ignition\": {\"version\": \"3.0.0\"}}", ContentKind::Ignition),
            ("hostname: a", ContentKind::Skipped),
            ("", ContentKind::Empty),
            ("\n \r\n", ContentKind::Empty),
        ] {
            assert_eq!(typed(kind, content.as_bytes()).form, form, "{kind} {content:?}");
            assert_eq!(typed(kind, &gzip(content.as_bytes())).form, form, "{kind} {content:?}");
        }
    }
}

#[test]
fn every_name_of_gzip_is_gzip() {
    for name in
        ["gzip", "x-gzip", "gzip-compressed", "gzipped", "x-gunzip", "x-compress", "x-compressed", "x-gzip-compressed"]
    {
        for kind in [format!("application/{name}"), format!("Application/{}; name=\"a.gz\"", name.to_uppercase())] {
            assert_eq!(typed(&kind, &gzip(b"#!/bin/sh")).form, ContentKind::Script, "{kind}");
            assert_eq!(typed(&kind, b"#!/bin/sh").form, ContentKind::Unreadable, "{kind}: not compressed");
            assert_eq!(typed(&kind, b"").form, ContentKind::Empty, "{kind}");
        }
    }
}

#[test]
fn every_transfer_encoding_is_undone() {
    let script = b"#!/bin/sh\necho =\n";
    for (name, sent) in [
        ("base64", base64(script)),
        ("BASE64", base64(script)),
        ("quoted-printable", "#!/bin=\n/sh\necho =3D\n".to_owned()),
        ("Quoted-Printable", "#!/bin/sh=0Aecho =3d\n".to_owned()),
        ("7bit", String::from_utf8_lossy(script).into_owned()),
        ("8bit", String::from_utf8_lossy(script).into_owned()),
        ("Binary", String::from_utf8_lossy(script).into_owned()),
    ] {
        for kind in ["text/x-shellscript", "text/plain"] {
            let piece = format!("Content-Type: {kind}\nContent-Transfer-Encoding: {name}\n\n{sent}");
            let parts = split("x", multipart(&[piece]));
            assert_eq!((parts[1].form, parts[1].text.as_bytes()), (ContentKind::Script, &script[..]), "{name}");
        }
    }
    for (name, sent) in
        [("base64", "IyEvYmluL3No!"), ("base64", "IyEvYmluL3N"), ("quoted-printable", "=x"), ("uu", "x")]
    {
        let piece = format!("MIME-Version: 1.0\nContent-Transfer-Encoding: {name}\n\n{sent}");
        let parts = split("x", multipart(&[piece.as_str(), "\n#!/bin/sh"]));
        assert_eq!((parts[1].form, parts[2].form), (ContentKind::Unreadable, ContentKind::Script), "{name}");
        assert_eq!(found(&parts), ["x:5 bad-part"], "{name}: at the line that names it");
    }
}

#[test]
fn names_say_where_a_part_stands() {
    let inner =
        "Content-Type: multipart/mixed; boundary=I\n\n--I\nContent-Disposition: x; filename=\"a.sh\"\n\n#!\n--I--";
    let file = "Content-Disposition: attachment; filename=\"setup.sh\"\n\n#!/bin/sh";
    let parts = split("/root/x.txt", multipart(&["\n#!/bin/sh", file, file, inner]));
    let names: Vec<_> = parts.iter().map(|part| part.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "/root/x.txt",
            "/root/x.txt:part-1",
            "/root/x.txt:part-2:setup.sh",
            "/root/x.txt:part-3:setup.sh",
            "/root/x.txt:part-4",
            "/root/x.txt:part-4:part-1:a.sh"
        ]
    );
}
