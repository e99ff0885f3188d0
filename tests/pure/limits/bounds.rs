//! Each bound of the design: input just within it is read, input just past it is refused, with a reason.

use std::fmt::Write as _;
use std::io::Write as _;

use cloud_config::text::decode::MEMBERS_MAX;
use cloud_config::user_data::{GZIP_DEPTH, MULTIPART_DEPTH, PARTS_MAX, USER_DATA_MAX};
use cloud_config::yaml::limits::{MAX_ALIAS_TEXT, MAX_DEPTH, MAX_DIRECTIVES, MAX_ENTRIES, MAX_NODES, MAX_TEXT};
use flate2::Compression;
use flate2::write::GzEncoder;

use super::validate;

/// Returns true if a finding reports a limit.
fn is_refused(bytes: Vec<u8>) -> bool {
    validate(bytes).0.contains(&"limit")
}

fn config(text: &str) -> Vec<u8> {
    format!("#cloud-config\n{text}").into_bytes()
}

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

/// A script of `size` bytes, nearly all of which are one line.
fn of_size(size: usize) -> Vec<u8> {
    let mut bytes = b"#!/bin/sh\n".to_vec();
    bytes.resize(size, b'x');
    bytes
}

#[test]
fn the_bounds_are_those_of_the_design() {
    assert_eq!((USER_DATA_MAX, MAX_TEXT, MAX_ALIAS_TEXT), (16 << 20, 16 << 20, 16 << 20));
    assert_eq!((MAX_DEPTH, MAX_ENTRIES, MAX_NODES, MAX_DIRECTIVES), (100, 10_000, 500_000, 64));
}

#[test]
fn user_data_is_limited_before_and_after_decompression() {
    assert!(!is_refused(of_size(USER_DATA_MAX)));
    assert!(is_refused(of_size(USER_DATA_MAX + 1)));
    assert!(!is_refused(gzip(&of_size(USER_DATA_MAX))));
    assert!(is_refused(gzip(&of_size(USER_DATA_MAX + 1))));
    // A thousand times its size, and again a thousand times that.
    let several = gzip(&of_size(1 << 20)).repeat(17);
    assert!(is_refused(gzip(&gzip(&several))), "members are one content");
}

#[test]
fn the_number_of_gzip_members_is_limited() {
    let members = |count: usize| [gzip(&config("hostname: a\n")), gzip(b"").repeat(count)].concat();
    assert!(!is_refused(members(MEMBERS_MAX)));
    assert!(is_refused(members(MEMBERS_MAX + 1)));
}

#[test]
fn the_depth_of_gzip_is_limited() {
    let nested = |depth: usize| (0..depth).fold(config("hostname: a\n"), |bytes, _| gzip(&bytes));
    assert!(!is_refused(nested(GZIP_DEPTH)));
    assert!(is_refused(nested(GZIP_DEPTH + 1)));
    assert!(is_refused(nested(200)));
}

#[test]
fn parts_of_a_multipart_are_limited() {
    let parts =
        |count: usize| format!("Content-Type: multipart/mixed; boundary=B\n\n{}--B--\n", "--B\n\n".repeat(count));
    assert!(!is_refused(parts(PARTS_MAX).into_bytes()));
    assert!(is_refused(parts(PARTS_MAX + 1).into_bytes()));
    let nested = |depth: usize| {
        let inner = "#cloud-config\n".to_owned();
        (0..depth).fold(inner, |text, n| {
            format!("Content-Type: multipart/mixed; boundary=B{n}\n\n--B{n}\n{text}\n--B{n}--\n")
        })
    };
    assert!(!is_refused(nested(MULTIPART_DEPTH).into_bytes()));
    assert!(is_refused(nested(MULTIPART_DEPTH + 1).into_bytes()));
    let zipped = gzip(&of_size(9 << 20));
    let mut two = b"Content-Type: multipart/mixed; boundary=B\n\n".to_vec();
    for _ in 0..2 {
        two.extend_from_slice(b"--B\nContent-Type: application/gzip\n\n");
        two.extend_from_slice(&zipped);
        two.push(b'\n');
    }
    two.extend_from_slice(b"--B--\n");
    assert!(is_refused(two), "all parts are so much together");
}

#[test]
fn lists_and_mappings_are_limited() {
    let nested = |depth: usize| config(&format!("a: {}{}\n", "[".repeat(depth), "]".repeat(depth)));
    assert!(!is_refused(nested(MAX_DEPTH - 1)));
    assert!(is_refused(nested(MAX_DEPTH)));
    let list = |count: usize| config(&format!("a:\n{}", "- b\n".repeat(count)));
    assert!(!is_refused(list(MAX_ENTRIES)));
    assert!(is_refused(list(MAX_ENTRIES + 1)));
    let keys = |count: usize| config(&(0..count).fold(String::new(), |text, n| text + &format!("k{n}: v\n")));
    assert!(!is_refused(keys(MAX_ENTRIES)));
    assert!(is_refused(keys(MAX_ENTRIES + 1)));
}

#[test]
fn values_behind_aliases_are_limited() {
    // The document, the list, and a thousand values in each list that is one value itself.
    let lists = |count: usize| config(&format!("a: &a [{}]\nb: [{}]\n", "x,".repeat(999), "*a,".repeat(count)));
    assert!(!is_refused(lists(498)));
    assert!(is_refused(lists(499)));
    let texts = |count: usize| config(&format!("a: &a {}\nb: [{}]\n", "x".repeat(1 << 14), "*a,".repeat(count)));
    assert!(!is_refused(texts(1024)));
    assert!(is_refused(texts(1025)));
    // Ten times more with each level, in less than a page.
    let merges = (1..9).fold("a0: &a0 {k: v}\n".to_owned(), |mut text, n| {
        let inner: Vec<_> = (0..10).map(|key| format!("k{key}: {{<<: *a{}}}", n - 1)).collect();
        let _ = writeln!(text, "a{n}: &a{n} {{{}}}", inner.join(","));
        text
    });
    assert!(merges.len() < 2000 && is_refused(config(&merges)));
}

#[test]
fn directives() {
    let lines = |count: usize| config(&format!("{}---\nhostname: a\n", "%TAG !a! b\n".repeat(count)));
    assert!(!is_refused(lines(1)));
    let distinct = |count: usize| {
        let tags = (0..count).fold(String::new(), |text, n| text + &format!("%TAG !a{n}! b\n"));
        config(&format!("{tags}---\nhostname: a\n"))
    };
    assert!(!is_refused(distinct(MAX_DIRECTIVES)));
    assert!(is_refused(distinct(MAX_DIRECTIVES + 1)));
    assert!(is_refused(lines(100_000)));
}

#[test]
fn only_access_is_applied_of_input_past_a_limit() {
    let list = "- b\n".repeat(MAX_ENTRIES + 1);
    let bytes = config(&format!("hostname: before\nwrite_files: [{{path: /a}}]\na:\n{list}"));
    let part = cloud_config::user_data::split("x", bytes).remove(0);
    let document = cloud_config::document::read(part, &cloud_config::address_tokens::Addresses::default(), false);
    let plan = document.plan(&cloud_config::plan::Facts::default(), "set");
    assert!(plan.steps.is_empty() && plan.is_partial());
    assert_eq!(document.access.hostname.unwrap().0.name, "before");
}
