//! How a multipart is put together, and what is left of one that is damaged.

use std::time::{Duration, Instant};

use super::*;

/// Ten times what it takes in a debug build; whatever looks at a line twice for each line takes hours.
const SOON: Duration = Duration::from_secs(20);

fn extents(parts: &[Part]) -> Vec<Completeness> {
    parts.iter().map(|part| part.extent).collect()
}

#[test]
fn real_headers_are_understood() {
    let body = "\n\npreamble\n--B\n\n#!/bin/sh\n--B--\nepilogue\n";
    for headers in [
        "Content-Type: multipart/mixed; boundary=\"B\"",
        "Content-Type: multipart/mixed; boundary=B",
        "MIME-Version: 1.0\nContent-Type: multipart/mixed; charset=\"utf-8\";\n boundary=\"B\"\nX-Mine: y",
        "content-type:\tMultipart/Mixed;boundary=B",
        "From nobody Fri Aug 31 17:43:04 2012\nContent-Type: multipart/mixed; boundary=B",
        "\n\nContent-Type: multipart/mixed; boundary=B",
        "\u{feff}Content-Type: multipart/mixed; boundary=B",
    ] {
        for text in [format!("{headers}{body}"), format!("{headers}{body}").replace('\n', "\r\n")] {
            let parts = split("x", text.clone().into_bytes());
            assert_eq!(parts.len(), 2, "{text:?}");
            assert_eq!((parts[1].form, &*parts[1].text), (ContentKind::Script, "#!/bin/sh"), "{text:?}");
            assert_eq!(found(&parts), [""; 0], "{text:?}");
            assert_eq!(forms(&gzip(text.as_bytes())), [ContentKind::Multipart, ContentKind::Script]);
        }
    }
}

#[test]
fn any_multipart_is_read_and_told() {
    for kind in ["alternative", "related", "form-data"] {
        let text = format!("X: y\nContent-Type: multipart/{kind}; boundary=B\n\n--B\n\n#!\n--B--");
        assert_eq!(forms(text.as_bytes()), [ContentKind::Multipart, ContentKind::Script]);
        assert_eq!(found_in(text.as_bytes()), ["x:2 odd-multipart"]);
    }
}

#[test]
fn headers_that_lead_nowhere_are_an_error() {
    for (text, wanted) in [
        ("A: b\nContent-Type: multipart/mixed\n\n--B\n\n#!\n--B--", "x:2 bad-mime"),
        ("Content-Type: multipart/mixed; boundary=\"\"\n\n--\n\n#!\n----", "x:1 bad-mime"),
        ("A: b\nContent-Type: multipart/mixed; boundary=C\n\n--B\n\na: b\n--B--", "x:2 bad-mime"),
    ] {
        let parts = split("x", text.as_bytes().to_vec());
        assert_eq!((parts.len(), found(&parts)), (1, vec![wanted.to_owned()]), "{text:?}");
    }
    let text = "Content-Type: multipart/mixed; boundary=B\n--B\n\n#!\n--B--";
    let parts = split("x", text.as_bytes().to_vec());
    assert_eq!((parts[1].extent, found(&parts)), (Completeness::Access, vec!["x:2 bad-mime".to_owned()]));
    let empty = split("x", multipart(&[""; 0]));
    assert_eq!((empty.len(), empty[0].form, found(&empty)), (1, ContentKind::Multipart, vec![]));
}

#[test]
fn a_part_outside_of_the_boundaries_gives_access_alone() {
    let part = "#cloud-config\nhostname: a";
    let headers = "Content-Type: multipart/mixed; boundary=BB\n\n";
    for (body, count, wanted) in [
        (format!("-BB\n\n{part}\n--BB\n\n#!/bin/sh\n--BB--\n"), 2, vec!["x:3 bad-mime"]),
        (format!("-BB\n\n{part}\n-BB\n\n{part}\n--BB--\n"), 2, vec!["x:3 bad-mime", "x:7 bad-mime"]),
        (format!("{part}\n--BB\n\n#!/bin/sh\n--BB--\n"), 2, vec!["x:3 bad-mime"]),
        (format!("--BB\n\n#!/bin/sh\n--BB--\n\n{part}\n"), 2, vec!["x:8 bad-mime"]),
        (
            format!("--BB\n\n#!/bin/sh\n--BB--\n--BB\nContent-Type: text/cloud-config\n\n{part}\n--BB--\n"),
            2,
            vec!["x:7 bad-mime"],
        ),
        (format!("--AA\nContent-Type: text/cloud-config\n\n{part}\n--AA\n\nc\n--AA--\n"), 1, vec!["x:1 bad-mime"]),
    ] {
        let parts = split("x", format!("{headers}{body}").into_bytes());
        assert_eq!(
            (parts.len() - 1, found(&parts)),
            (count, wanted.into_iter().map(str::to_owned).collect()),
            "{body}"
        );
        for part in parts.iter().filter(|part| part.form == ContentKind::CloudConfig) {
            assert_eq!(
                (part.extent, part.text.trim_end()),
                (Completeness::Access, "#cloud-config\nhostname: a"),
                "{body}"
            );
        }
    }
    // A mistyped boundary between two parts.
    let text = format!("{headers}--BB\n\n#!/bin/sh\n-BB\nContent-Type: text/cloud-config\n\n{part}\n--BB--\n");
    let parts = split("x", text.into_bytes());
    assert_eq!(extents(&parts), [Completeness::Whole, Completeness::Access, Completeness::Access]);
    assert_eq!(found(&parts), ["x:6 bad-mime"]);
}

#[test]
fn a_bad_part_costs_only_itself() {
    let parts = split(
        "x",
        multipart(&["\n#!/bin/sh", "#cloud-config\nhostname: a", "Content-Type: text/x-shellscript\n\nx", "\n\u{1}"]),
    );
    let forms: Vec<_> = parts.iter().map(|part| part.form).collect();
    assert_eq!(
        forms,
        [
            ContentKind::Multipart,
            ContentKind::Script,
            ContentKind::Unreadable,
            ContentKind::Unreadable,
            ContentKind::Skipped
        ]
    );
    assert_eq!(found(&parts), ["x:7 bad-part", "x:10 bad-part", "x:part-4:1 unknown-part"]);
    assert!(extents(&parts).iter().all(|extent| *extent == Completeness::Whole));
}

#[test]
fn bytes_that_are_no_text_make_one_part_unreadable() {
    let parts =
        split("x", multipart(&[&b"\n#cloud-config\na: \xff\nb: c"[..], b"\n#!\xff", b"\n\xff\n", b"\n#!/bin/sh"]));
    assert_eq!(
        extents(&parts),
        [
            Completeness::Whole,
            Completeness::Before(17),
            Completeness::Before(2),
            Completeness::Whole,
            Completeness::Whole
        ]
    );
    assert_eq!(found(&parts), ["x:part-1:2 not-utf8", "x:part-2:1 not-utf8", "x:part-3:1 unknown-part"]);
    assert!(parts[0].text.contains("\na: ?\nb: c"), "places in the whole stay");
}

#[test]
fn without_its_end_only_access_is_left() {
    let whole = multipart(&["\n#cloud-config\na: b", "\n#!/bin/sh\n", "Content-Type: text/cloud-config\n\na: b\nc: d"]);
    assert_eq!(extents(&split("x", whole.clone())), [Completeness::Whole; 4]);
    let end = whole.len() - "\n--B--\n".len();
    let cut = split("x", whole[..end].to_vec());
    assert_eq!(
        extents(&cut),
        [Completeness::Whole, Completeness::Access, Completeness::Access, Completeness::Before(9)]
    );
    assert_eq!(found(&cut), ["x:15 truncated"]);
    // Wherever it breaks off, no more than that is left.
    for end in 0..whole.len() - 2 {
        for part in split("x", whole[..end].to_vec()) {
            let harmless = !matches!(part.form, ContentKind::CloudConfig | ContentKind::Script);
            assert!(harmless || part.extent != Completeness::Whole, "{end}: {part:?}");
        }
    }
}

#[test]
fn multiparts_may_be_inside_each_other() {
    let inner = "--I\n\n#!/bin/sh\n--I\nContent-Type: text/cloud-config\n\na: b\n--I--";
    let of_its_type = format!("Content-Type: multipart/mixed; boundary=I\n\n{inner}");
    let with_own_headers = format!("Content-Type: text/plain\n\n{of_its_type}");
    let encoded = format!(
        "Content-Type: multipart/mixed; boundary=I\nContent-Transfer-Encoding: base64\n\n{}",
        base64(inner.as_bytes())
    );
    let compressed = [b"Content-Type: application/gzip\n\n".to_vec(), gzip(of_its_type.as_bytes())].concat();
    let pieces = [of_its_type.into_bytes(), with_own_headers.into_bytes(), encoded.into_bytes(), compressed];
    let parts = split("x", multipart(&pieces));
    assert_eq!(parts.len(), 1 + 4 * 3);
    for (number, three) in parts[1..].chunks(3).enumerate() {
        let forms: Vec<_> = three.iter().map(|part| part.form).collect();
        assert_eq!(forms, [ContentKind::Multipart, ContentKind::Script, ContentKind::CloudConfig]);
        assert_eq!(three[2].name, format!("x:part-{}:part-2", number + 1));
    }
    assert_eq!(found(&parts), [""; 0]);
}

#[test]
fn an_inner_one_without_its_end_costs_only_itself() {
    let inner = "Content-Type: multipart/mixed; boundary=I\n\n--I\n\n#cloud-config\na: b\n--I\n\n#!/bin/sh";
    let parts = split("x", multipart(&[inner, "\n#!/bin/sh"]));
    assert_eq!(
        extents(&parts),
        [Completeness::Whole, Completeness::Whole, Completeness::Access, Completeness::Before(9), Completeness::Whole]
    );
    assert_eq!(found(&parts), ["x:part-1:7 truncated"]);
    // Where the outer one breaks off in the inner one, that is told once.
    let whole = multipart(&["\n#!/bin/sh", inner]);
    let cut = split("x", whole[..whole.len() - 7].to_vec());
    assert_eq!(
        extents(&cut),
        [
            Completeness::Whole,
            Completeness::Access,
            Completeness::Access,
            Completeness::Access,
            Completeness::Before(9)
        ]
    );
    assert_eq!(found(&cut).len(), 1);
}

#[test]
fn too_deep_is_an_error_of_that_part() {
    let nested = |depth: usize| {
        let mut piece = "\n#!/bin/sh".to_owned();
        for level in 0..depth {
            piece = format!("Content-Type: multipart/mixed; boundary=L{level}\n\n--L{level}\n{piece}\n--L{level}--");
        }
        piece
    };
    assert_eq!(forms(nested(MULTIPART_DEPTH).as_bytes()).last(), Some(&ContentKind::Script));
    let deeper = split("x", multipart(&[nested(MULTIPART_DEPTH), "\n#!/bin/sh".to_owned()]));
    assert_eq!(found(&deeper), ["x:part-1:part-1:part-1:2 limit"]);
    assert_eq!(deeper.last().map(|part| (part.form, part.extent)), Some((ContentKind::Script, Completeness::Whole)));
    let deep = gzip(&gzip(&gzip(&gzip(&gzip(b"#!/bin/sh")))));
    let parts = split("x", multipart(&[[b"\n".to_vec(), deep].concat(), b"\n#!/bin/sh".to_vec()]));
    assert_eq!((found(&parts), parts[2].extent), (vec!["x:4 limit".to_owned()], Completeness::Whole));
}

#[test]
fn what_stands_behind_the_end_is_told() {
    let text = [&multipart(&["\n#!/bin/sh"])[..], b"--B\n\n#!/bin/sh\n--B--\n"].concat();
    let parts = split("x", text);
    assert_eq!((parts.len(), found(&parts)), (3, vec!["x:7 bad-mime".to_owned()]));
    let text = [&multipart(&["\n#!/bin/sh"])[..], b"--B\n\nfor people\n--B--\n"].concat();
    let parts = split("x", text);
    assert_eq!((parts.len(), found(&parts)), (2, vec!["x:7 stray-content".to_owned()]));
}

#[test]
fn line_ends_of_the_message_are_none_of_a_script() {
    let text = |encoding: &str, content: &str| {
        let piece = format!("Content-Transfer-Encoding: {encoding}\n\n{content}");
        let whole = String::from_utf8(multipart(&[piece])).unwrap().replace('\n', "\r\n");
        split("x", whole.into_bytes()).remove(1).text
    };
    assert_eq!(text("7bit", "#!/bin/sh\nls\n"), "#!/bin/sh\nls\n");
    assert_eq!(text("quoted-printable", "#!/bin/sh\nls\n"), "#!/bin/sh\nls\n");
    assert_eq!(text("binary", "#!/bin/sh\nls\n"), "#!/bin/sh\r\nls\r\n");
    assert_eq!(text("base64", &base64(b"#!/bin/sh\r\nls\r\n")), "#!/bin/sh\r\nls\r\n");
    let unix = multipart(&["\n#!/bin/sh\r\nls\r\n"]);
    assert_eq!(split("x", unix)[1].text, "#!/bin/sh\r\nls\r\n", "these are the author's");
}

#[test]
fn ten_thousand_parts_are_the_limit() {
    let parts = split("x", multipart(&vec!["\n#!/bin/sh"; PARTS_MAX]));
    assert_eq!((parts.len(), found(&parts)), (1 + PARTS_MAX, vec![]));
    let parts = split("x", multipart(&vec!["\n#!/bin/sh"; PARTS_MAX + 1]));
    assert_eq!((parts.len(), found(&parts)), (1 + PARTS_MAX, vec![format!("x:{} limit", 3 + 3 * PARTS_MAX + 1)]));
    assert!(parts[1..].iter().all(|part| part.extent == Completeness::Access));
    // Those inside of others count, too.
    let inner = String::from_utf8(multipart(&vec!["\n#!/bin/sh"; PARTS_MAX])).unwrap().replace("--B", "--I");
    let parts = split("x", multipart(&[inner.replace("\"B\"", "\"I\""), "\n#!/bin/sh".to_owned()]));
    assert!(found(&parts)[0].ends_with(" limit") && found(&parts).len() == 1, "{:?}", found(&parts));
}

#[test]
fn parts_share_what_they_may_be_decompressed() {
    let bomb = |size: usize| {
        let mut content = b"#!/bin/sh\n".to_vec();
        content.resize(size, b'a');
        [b"Content-Type: application/gzip\n\n".to_vec(), gzip(&content)].concat()
    };
    let half = USER_DATA_MAX / 2;
    let (one, other) = (bomb(half), bomb(half));
    let parts = split("x", multipart(&[&one, &other]));
    assert_eq!((extents(&parts), found(&parts)), (vec![Completeness::Whole; 3], vec![]));
    let parts = split("x", multipart(&[&one, &other, &b"\n#!/bin/sh".to_vec()]));
    assert_eq!(extents(&parts[1..]), [Completeness::Access, Completeness::Access]);
    assert_eq!(parts[0].findings.len(), 1);
    // What is thrown away again costs as well: large multiparts with hardly anything in them.
    let mut hollow = vec![b'a'; USER_DATA_MAX - 100];
    let head = b"Content-Type: multipart/mixed; boundary=I\n\n";
    hollow[..head.len()].copy_from_slice(head);
    hollow.extend(b"\n--I\n\n#!/bin/sh\n--I--");
    let piece = [b"\n".to_vec(), gzip(&hollow)].concat();
    let began = Instant::now();
    let parts = split("x", multipart(&vec![piece; 500]));
    assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
    assert!(found(&parts).iter().any(|found| found.ends_with(" limit")), "{:?}", found(&parts));
}

#[test]
fn whatever_the_lines_are_this_is_linear() {
    let head = b"Content-Type: multipart/mixed; boundary=\"";
    let long = "b".repeat(1000);
    for (boundary, line) in [
        ("B", "--B\n".to_owned()),
        ("B", "--BB\n".to_owned()),
        ("B", "--B".to_owned()),
        ("B", "\n".to_owned()),
        ("B", "--B--\n".to_owned()),
        ("B", "A: b\n".to_owned()),
        (&long, format!("--{}\n", &long[1..])),
        (&long, "--b\n".to_owned()),
    ] {
        for start in ["\"\n\n", "\"\n\n--B\n", "\"\n"] {
            let mut text = [head, boundary.as_bytes(), start.as_bytes()].concat();
            while text.len() + line.len() < USER_DATA_MAX / 16 {
                text.extend(line.as_bytes());
            }
            let began = Instant::now();
            let parts = split("x", text);
            assert!(began.elapsed() < SOON, "{:?} for {:?}", began.elapsed(), &line[..line.len().min(9)]);
            assert!(parts.len() <= 1 + PARTS_MAX);
        }
    }
}

/// Numbers that look like chance and are the same in every run.
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % end.max(1)
    }
}

#[test]
fn damage_of_any_kind_leaves_parts_that_make_sense() {
    let inner =
        "Content-Type: multipart/x; boundary=I\n\n--I\nContent-Disposition: x; filename*=utf-8''%c3%a4\n\n#!\n--I--";
    let encoded = format!("Content-Transfer-Encoding: base64\n\n{}", base64(&gzip(b"#cloud-config\na: b")));
    let printable = "Content-Transfer-Encoding: quoted-printable\nContent-Type: text/cloud-config\n\na: =C3=A4=\n\n";
    let seed = multipart(&[inner.as_bytes(), encoded.as_bytes(), printable.as_bytes(), b"\n#!/bin/sh \xc3\xa4\r\n"]);
    let mut chance = Chance(7);
    for round in 0..3000 {
        let mut bytes = seed.clone();
        for _ in 0..=chance.below(4) {
            let (at, end) = (chance.below(bytes.len()), chance.below(bytes.len()));
            let range = at.min(end)..at.max(end).min(at.min(end) + 40);
            match chance.below(4) {
                0 => drop(bytes.drain(range)),
                1 => bytes[at] = b"\n\r-:;=\"\\ \xff\x00B*'?"[chance.below(15)],
                2 => bytes.truncate(at),
                _ => {
                    let copy = bytes[range].to_vec();
                    bytes.splice(at..at, copy);
                }
            }
            if bytes.is_empty() {
                break;
            }
        }
        let parts = split("x", bytes);
        let names: std::collections::HashSet<_> = parts.iter().map(|part| &part.name).collect();
        assert_eq!(names.len(), parts.len(), "round {round}");
        for part in &parts {
            assert!(part.complete_text().len() <= part.text.len(), "round {round}");
            for span in part.findings.iter().filter_map(|finding| finding.span) {
                assert!(span.start <= span.end && span.end <= part.text.len(), "round {round}: {part:?}");
                assert!(part.text.is_char_boundary(span.start), "round {round}: {part:?}");
            }
        }
    }
}

/// The messages about the multipart of these lines, whose boundary is `B`.
fn messages(lines: &str) -> Vec<String> {
    let text = format!("Content-Type: multipart/mixed; boundary=\"B\"\n\n{lines}");
    let parts = split("x", text.into_bytes());
    parts[0].findings.iter().map(|finding| finding.message.clone()).collect()
}

#[test]
fn each_part_outside_is_reported_with_its_line_and_its_consequence() {
    let script = "Content-Type: text/x-shellscript\n\n#!/bin/sh\n";
    let config = "Content-Type: text/cloud-config\n\n#cloud-config\nhostname: a\n";
    let inside = "--B\n\n#cloud-config\n--B--\n";
    assert_eq!(
        messages(&format!("--C\n{script}--B\n\n#cloud-config\n--B--\n--C\n{config}--C\n{script}")),
        [
            "the part at line 4 is before the first boundary; script not run",
            "the part at line 12 is after the final boundary; only the host name and SSH keys are applied",
        ],
        "without the boundary, the second one goes on to the end"
    );
    assert_eq!(
        messages(&format!("-B\n{config}-B\n{script}{inside}")),
        [
            "this line before the part at line 4 is almost the boundary; only the host name and SSH keys are applied",
            "this line before the part at line 9 is almost the boundary; script not run",
        ]
    );
}

#[test]
fn a_part_outside_that_is_skipped_has_one_finding() {
    for content in ["Content-Type: text/x\n\nwhatever\n", "Content-Transfer-Encoding: base64\n\n%%%\n"] {
        let text = format!("Content-Type: multipart/mixed; boundary=\"B\"\n\n--B\n\n#cloud-config\n--B--\n{content}");
        let parts = split("x", text.into_bytes());
        let messages: Vec<_> = parts.iter().flat_map(|part| &part.findings).map(|finding| &*finding.message).collect();
        assert_eq!(messages, ["the part at line 7 is after the final boundary; not applied"]);
        assert_eq!(parts[2].name, "x:part-at-line-7");
    }
}

#[test]
fn a_mistyped_boundary_is_reported_for_the_parts_on_both_sides() {
    let between = |above: &str, below: &str| {
        let kind = |first: &str| if first == "#!/bin/sh" { "text/x-shellscript" } else { "text/cloud-config" };
        let part = |first: &str| format!("Content-Type: {}\n\n{first}\n", kind(first));
        messages(&format!("--B\n{}-B\n{}--B--\n", part(above), part(below)))
    };
    let line = "this line between part 1 and part 2 is almost the boundary";
    for (above, below, consequence) in [
        ("#cloud-config", "#cloud-config", "only the host name and SSH keys are applied"),
        ("#!/bin/sh", "#!/bin/sh", "script not run"),
        ("#!/bin/sh", "#cloud-config", "script not run, only the host name and SSH keys are applied"),
    ] {
        assert_eq!(between(above, below), [format!("{line}; {consequence}")]);
    }
}

#[test]
fn a_multipart_whose_stray_parts_are_read_is_not_unreadable() {
    let whole = |content: &str| {
        let text = format!("Content-Type: multipart/mixed; boundary=\"B\"\n\n--C\n{content}");
        let part = split("x", text.into_bytes()).remove(0);
        (part.form, part.findings[0].message.clone())
    };
    let nowhere = "the boundary from Content-Type is missing";
    assert_eq!(whole("nothing\n"), (ContentKind::Unreadable, format!("{nowhere}; not applied")));
    let config = whole("\n#cloud-config\nhostname: a\n");
    let access = format!("{nowhere}; only the host name and SSH keys are applied");
    assert_eq!(config, (ContentKind::Multipart, access));
}
