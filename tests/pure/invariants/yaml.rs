//! The YAML layer: text to a tree, a tree to types.

use std::collections::BTreeMap;

use cloud_config::config::CloudConfig;
use cloud_config::diagnostic::rules;
use cloud_config::plan;
use cloud_config::yaml::{self, Bytes, Field, ParsedYaml};
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
pub fn parse(text: &str) -> ParsedYaml {
    yaml::parse(text, |byte| byte)
}

fn read<T: DeserializeOwned + Default>(text: &str, document: &ParsedYaml) {
    for finding in &yaml::read::<T>(document).1 {
        spans::finding(text, finding);
        if let Some(span) = finding.span {
            let path = document.path_at(span);
            assert!(!path.chars().any(char::is_control), "{path:?}");
        }
    }
}

/// Checks that only the text determines the result.
fn again(text: &str, document: &ParsedYaml) {
    let second = parse(text);
    assert_eq!(tree::shape(document.root.as_ref()), tree::shape(second.root.as_ref()));
    assert_eq!((&document.findings, &document.error), (&second.findings, &second.error));
}

/// Checks that a truncated document, if the truncation is visible, gives nothing that the whole one does not: half a
/// host name and half a key are dropped (docs/applying.md).
///
/// Returns true if the truncation is visible.
pub fn cut(text: &str, document: &ParsedYaml, at: usize) -> bool {
    gives_no_more(text, document, &text[..at])
}

/// A broken document gives no access that the whole one, which it was made of, does not.
pub fn gives_no_more(text: &str, document: &ParsedYaml, broken: &str) -> bool {
    let twice = [&rules::DUPLICATE_KEY, &rules::TWO_SPELLINGS];
    let twice = document.findings.iter().any(|finding| twice.contains(&finding.rule));
    // The last of several counts, which may be gone without a trace; so may a key that a merge stands in for.
    if document.error.is_some() || twice || text.contains("<<") {
        return false;
    }
    let half = parse(broken);
    if half.error.is_none() {
        return false;
    }
    let access = |document| plan::access(&yaml::read::<CloudConfig>(document).0, false);
    let (whole, half) = (access(document), access(&half));
    if let Some((hostname, _)) = half.hostname {
        assert_eq!(Some(hostname), whole.hostname.map(|(hostname, _)| hostname), "{broken}");
    }
    // Only the comment of a key can be missing; without more of it the key would be invalid.
    let known = |key: &String| whole.keys.iter().any(|whole| whole.starts_with(&**key));
    assert!(half.keys.iter().all(known), "a key that is not there:\n{broken}");
    true
}
