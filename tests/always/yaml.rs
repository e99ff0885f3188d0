//! The YAML layer: text to a tree, a tree to types.

use std::collections::BTreeMap;

use cloudinit::config::CloudConfig;
use cloudinit::finding::rules;
use cloudinit::plan;
use cloudinit::yaml::{self, Bytes, Document, Field};
use serde::de::DeserializeOwned;

use super::{spans, tree};

/// A text as a document, read as a configuration and as other types.
pub fn check(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let document = parse(&text);
    tree::check(&text, &document);
    read::<CloudConfig>(&text, &document);
    read::<Vec<Field<String>>>(&text, &document);
    read::<BTreeMap<String, Field<i64>>>(&text, &document);
    read::<BTreeMap<String, Field<f64>>>(&text, &document);
    read::<BTreeMap<String, (bool, Option<u8>)>>(&text, &document);
    read::<BTreeMap<String, Vec<Field<Bytes>>>>(&text, &document);
    again(&text, &document);
    // Any place will do, as long as it is the same one in every run.
    let somewhere = bytes.iter().map(|byte| usize::from(*byte)).sum::<usize>() % (text.len() + 1);
    cut(&text, &document, boundary(&text, somewhere));
    cut(&text, &document, boundary(&text, text.len() - text.len() / 8));
}

/// The place before `at` where a character begins, or `at`.
pub fn boundary(text: &str, at: usize) -> usize {
    (0..=at).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

/// The document of a text that is as its author wrote it.
pub fn parse(text: &str) -> Document {
    yaml::parse(text, |byte| byte)
}

fn read<T: DeserializeOwned + Default>(text: &str, document: &Document) {
    for finding in &yaml::read::<T>(document).1 {
        spans::finding(text, finding);
        if let Some(span) = finding.span {
            let path = document.path_at(span);
            assert!(!path.chars().any(char::is_control), "{path:?}");
        }
    }
}

/// Nothing but the text decides what is read.
fn again(text: &str, document: &Document) {
    let second = parse(text);
    assert_eq!(tree::shape(document.root.as_ref()), tree::shape(second.root.as_ref()));
    assert_eq!((&document.findings, &document.error), (&second.findings, &second.error));
}

/// What is left of a document that was cut off, where that can be seen, is what the whole one says: half
/// a host name and half a key are none (spec §1).
pub fn cut(text: &str, document: &Document, at: usize) {
    let twice = |rule| document.findings.iter().any(|finding| finding.rule == rule);
    // The last of several counts, which may be cut off without a trace; so may a key that a merge stands in for.
    let twice = twice(&rules::DUPLICATE_KEY) || twice(&rules::TWO_SPELLINGS);
    if document.error.is_some() || twice || text.contains("<<") {
        return;
    }
    let half = parse(&text[..at]);
    if half.error.is_none() {
        return;
    }
    let access = |document| plan::access(&yaml::read::<CloudConfig>(document).0, false);
    let (whole, half) = (access(document), access(&half));
    if let Some((hostname, _)) = half.hostname {
        assert_eq!(Some(hostname), whole.hostname.map(|(hostname, _)| hostname), "cut off at {at}");
    }
    assert!(half.keys.iter().all(|key| whole.keys.contains(key)), "a key that is not there, cut off at {at}");
}
