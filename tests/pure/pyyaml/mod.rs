//! The YAML layer compared with `PyYAML`, the most common reader of YAML 1.1.
//!
//! Both read the same documents: a table of YAML's features, and generated documents. They agree on which are
//! documents, on the structure, on the text of every scalar, and on the meaning of plain text. Each allowed
//! difference has a row with the reason.

mod compare;
mod python;
mod rows;
mod scalars;

use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use crate::properties::document::{self, Oddness, documents};
use crate::properties::{edit, render};

#[test]
fn every_feature_of_yaml_is_read_alike() {
    let texts: Vec<_> = rows::SAME.iter().map(|text| (*text).to_owned()).collect();
    let Some(theirs) = python::compose(&texts) else { return };
    let differ: Vec<_> =
        texts.iter().zip(&theirs).filter_map(|(text, theirs)| compare::difference(text, theirs)).collect();
    assert!(differ.is_empty(), "{} of {} differ:\n{}", differ.len(), texts.len(), differ.join("\n"));
}

#[test]
fn allowed_differences_exist() {
    let texts: Vec<_> = rows::DIFFERENT.iter().map(|(text, _)| (*text).to_owned()).collect();
    let Some(theirs) = python::compose(&texts) else { return };
    for ((text, why), theirs) in rows::DIFFERENT.iter().zip(&theirs) {
        assert!(compare::difference(text, theirs).is_some(), "{text:?} is read alike now: {why}");
    }
}

#[test]
fn plain_text_means_the_same() {
    let texts = scalars::texts();
    let documents: Vec<_> = texts.iter().map(|text| format!("- {text}\n")).collect();
    let Some(theirs) = python::compose(&documents) else { return };
    let differ: Vec<_> =
        texts.iter().zip(&theirs).filter_map(|(text, theirs)| scalars::difference(text, theirs)).collect();
    assert!(differ.is_empty(), "{} of {} differ:\n{}", differ.len(), texts.len(), differ.join("\n"));
}

#[test]
fn documents_that_are_made_up_are_read_alike() {
    let texts = made_up(1200);
    let Some(theirs) = python::compose(&texts) else { return };
    let (mut differ, mut alike, mut broken) = (Vec::new(), 0, 0);
    for (text, theirs) in texts.iter().zip(&theirs) {
        match compare::difference(text, theirs).filter(|_| !compare::is_wanted(text, theirs)) {
            Some(difference) => differ.push(difference),
            None if theirs["error"].is_null() => alike += 1,
            None => broken += 1,
        }
    }
    let first: Vec<_> = differ.iter().take(10).cloned().collect();
    assert!(differ.is_empty(), "{} differ, {alike} are alike, {broken} are none:\n{}", differ.len(), first.join("\n"));
    assert!(alike > 200 && broken > 100, "{alike} are alike, {broken} are none: too much may differ");
}

/// Documents, and documents with a few edits; the same in every run.
fn made_up(count: usize) -> Vec<String> {
    let whole = (documents(Oddness::Some), render::looks()).prop_map(|(value, look)| render::render(&value, look));
    let values = (document::values(), render::looks()).prop_map(|(value, look)| render::render(&value, look));
    let text = prop_oneof![whole, values];
    let edited = (text.clone(), edit::edits())
        .prop_map(|(text, edits)| String::from_utf8_lossy(&edit::edited(&text, &edits)).into_owned());
    let strategy = prop_oneof![text, edited];
    let seed = std::env::var("PROPTEST_RNG_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(7);
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[seed; 32]);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let count = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(count);
    (0..count).map(|_| strategy.new_tree(&mut runner).expect("nothing is filtered").current()).collect()
}
