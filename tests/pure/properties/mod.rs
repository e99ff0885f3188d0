//! The properties of any document: trees of keys and values are generated, written in many ways, and edited.
//!
//! The same cases are tried in every run. `PROPTEST_CASES=20000 PROPTEST_RNG_SEED=1` tries more and different ones;
//! failing ones are kept in `tests/inputs/properties.txt` and tried first ever after.

pub mod document;
pub mod edit;
pub mod keys;
mod program;
pub mod render;
mod same;

use std::cell::{Cell, RefCell};

use cloud_config::address_tokens::Addresses;
use cloud_config::document::Document;
use cloud_config::plan::Plan;
use cloudinit::cli::Format;
use cloudinit::report::Screen;
use cloudinit::report::check::{self, Checked};
use proptest::prelude::*;
use proptest::test_runner::{Config, FileFailurePersistence, RngSeed, TestRunner};

use crate::invariants::{conversion, decode, mime, permissions, ssh, tokens, user_data, yaml};
use document::{Oddness, documents};
use render::{looks, render};

/// Tries `check` on `cases` cases, unless the environment gives a number.
fn hold<S: Strategy>(cases: u32, strategy: &S, check: impl Fn(S::Value)) {
    let mut config = Config { failure_persistence: Some(Box::new(remembered())), ..Config::default() };
    if std::env::var_os("PROPTEST_CASES").is_none() {
        config.cases = cases;
    }
    if std::env::var_os("PROPTEST_RNG_SEED").is_none() {
        config.rng_seed = RngSeed::Fixed(7);
    }
    let run = TestRunner::new(config).run(strategy, |value| {
        check(value);
        Ok(())
    });
    if let Err(error) = run {
        panic!("{error}");
    }
}

const fn remembered() -> FileFailurePersistence {
    FileFailurePersistence::Direct(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/inputs/properties.txt"))
}

/// Documents as user-data.
fn texts(oddness: Oddness) -> impl Strategy<Value = String> {
    (documents(oddness), looks()).prop_map(|(value, look)| format!("#cloud-config\n{}", render(&value, look)))
}

/// Everything that `--validate` prints of a part.
fn printed(document: Document, plan: &Plan) -> Vec<String> {
    let checked = [Checked { document, findings: plan.findings.clone() }];
    let screen = |terminal| Screen { terminal, color: false, able: false };
    [(Format::Text, true), (Format::Text, false), (Format::Json, false)]
        .map(|(format, terminal)| check::print("user-data", &[], &checked, format, screen(terminal)))
        .into()
}

#[test]
fn no_document_breaks_anything() {
    let (hidden, broken) = (Cell::new(0), Cell::new(0));
    let count = |counter: &Cell<u32>, is: bool| counter.set(counter.get() + u32::from(is));
    hold(300, &texts(Oddness::Some), |text| {
        yaml::check(text.as_bytes());
        for part in cloud_config::user_data::split("part", text.into_bytes()) {
            let (document, plan) = user_data::part(&part, &tokens::some_addresses());
            count(&broken, document.access_only);
            let hides = crate::invariants::secrets::check(&document, &plan);
            count(&hidden, hides);
            if hides {
                crate::invariants::secrets::holds_no_canary(printed(document, &plan));
            }
        }
    });
    // Of documents without secrets, or of broken ones, this would hold too easily.
    assert!(
        hidden.get() > 30 && (1..100).contains(&broken.get()),
        "{} hide, {} are broken",
        hidden.get(),
        broken.get()
    );
}

#[test]
fn no_edit_of_a_document_breaks_anything() {
    hold(300, &(texts(Oddness::Some), edit::edits()), |(text, edits)| {
        let bytes = edit::edited(&text, &edits);
        yaml::check(&bytes);
        user_data::check(&bytes);
    });
}

#[test]
fn no_document_breaks_its_conversion() {
    hold(150, &texts(Oddness::Some), |text| conversion::check(text.as_bytes()));
    hold(60, &(texts(Oddness::Some), texts(Oddness::None)), |(one, other)| {
        let part = |text| format!("--B\nContent-Type: text/cloud-config\n\n{text}\n");
        let message = format!("Content-Type: multipart/mixed; boundary=B\n\n{}{}--B--\n", part(one), part(other));
        conversion::check(message.as_bytes());
    });
}

#[test]
fn a_conversion_has_every_value_or_a_finding_for_it() {
    let (present, covered, lost) = (Cell::new(0), Cell::new(0), RefCell::new(Vec::new()));
    hold(150, &texts(Oddness::None), |text| {
        let (plan, stand_ins) = conversion::planned(text.as_bytes());
        for options in conversion::all_options() {
            let mut values = conversion::Values::default();
            conversion::find_values(&plan, &conversion::one(&plan, &stand_ins, options), &mut values);
            let of_text = values.lost.drain(..).map(|path| format!("{path} of\n{text}"));
            lost.borrow_mut().extend(of_text);
            present.set(present.get() + values.present);
            covered.set(covered.get() + values.covered);
        }
    });
    let lost = lost.into_inner();
    assert!(lost.is_empty(), "neither the result nor a finding has {} values:\n{}", lost.len(), lost.join("\n"));
    assert!(present.get() > 500 && covered.get() > 200, "{present:?} are in the result, {covered:?} have a finding");
}

#[test]
fn a_truncated_document_gives_no_more_access_than_the_whole() {
    let places = prop::collection::vec(any::<prop::sample::Index>(), 12);
    let broken = Cell::new(0);
    hold(120, &(texts(Oddness::None), places), |(text, places)| {
        let whole = yaml::parse(&text);
        for place in places {
            let at = yaml::boundary(&text, place.index(text.len()));
            broken.set(broken.get() + u32::from(yaml::cut(&text, &whole, at)));
        }
    });
    assert!(broken.get() > 100, "only {} cuts can be seen", broken.get());
}

#[test]
fn misplaced_values_give_no_other_access() {
    // A line that is cut in two may well be an entry that is complete, and then something else.
    let strays =
        vec!["\"", "'", ": x", "{", "[", "]", "}", "\t", "@", "- ", "\n  ", "\n\t", "&a ", "*a", "!", "|", "\u{1}"];
    let places = prop::collection::vec((any::<prop::sample::Index>(), prop::sample::select(strays)), 12);
    let broken = Cell::new(0);
    hold(120, &(texts(Oddness::None), places), |(text, places)| {
        let whole = yaml::parse(&text);
        for (place, stray) in places {
            let at = yaml::boundary(&text, place.index(text.len()));
            let spoilt = [&text[..at], stray, &text[at..]].concat();
            broken.set(broken.get() + u32::from(yaml::gives_no_more(&text, &whole, &spoilt)));
        }
    });
    assert!(broken.get() > 300, "only {} documents are broken", broken.get());
}

#[test]
fn text_before_a_mistake_gives_all_its_access() {
    let mistakes =
        prop::sample::select(vec!["@\n", "\"\n", "b: c: d\n", "{\n", "*nothing\n", "a: b\n\tc: d\n", "\u{1}"]);
    hold(120, &(documents(Oddness::None), looks(), mistakes), |(value, look, mistake)| {
        let document::Value::Mapping(entries, false) = &value else { return };
        if entries.is_empty() {
            return;
        }
        let text = render(&value, render::Look { marks: false, ..look });
        let read = |text: &str| {
            let text = format!("#cloud-config\n{text}");
            let part = cloud_config::user_data::split("part", text.into_bytes()).remove(0);
            cloud_config::document::read(part, &Addresses::default(), false)
        };
        let (whole, broken) = (read(&text), read(&format!("{text}{mistake}")));
        if whole.access_only {
            // `"\\$public_ipv4"` has no escape any more once its token is replaced.
            return;
        }
        assert!(broken.access_only, "{text}{mistake}");
        assert_eq!(whole.access.keys, broken.access.keys, "{text}{mistake}");
        assert_eq!(whole.access.hostname, broken.access.hostname, "{text}{mistake}");
    });
}

#[test]
fn a_document_is_read_as_it_is_written() {
    hold(200, &(documents(Oddness::None), looks()), |(value, look)| same::is_read_as_written(&value, look));
    hold(200, &(document::values(), looks()), |(value, look)| same::is_read_as_written(&value, look));
}

#[test]
fn looks_change_nothing() {
    hold(120, &(documents(Oddness::None), looks(), looks()), |(value, one, other)| {
        same::mean_the_same(&value, one, other);
    });
}

#[test]
fn no_bytes_break_anything() {
    let bytes = prop_oneof![prop::collection::vec(any::<u8>(), 0..60), "\\PC{0,60}".prop_map(String::into_bytes)];
    hold(100, &bytes, |bytes| crate::invariants::TARGETS.iter().for_each(|(_, check)| check(&bytes)));
}

#[test]
fn tokens_are_replaced_and_lead_back() {
    let pieces = vec![
        "$public_ipv4",
        "$private_ipv6",
        "\\$public_ipv6",
        "\\",
        "$",
        "public_ipv4",
        "$public_ipv",
        "é",
        "x",
        " ",
        "4",
        "_",
        "\n",
    ];
    let text = prop::collection::vec(prop::sample::select(pieces), 0..12).prop_map(|pieces| pieces.concat());
    hold(500, &text, |text| tokens::check(text.as_bytes()));
}

#[test]
fn small_texts_break_nothing() {
    let modes = prop_oneof!["[0-9o]{0,6}", "\\PC{0,5}", (0..0o20000_u32).prop_map(|mode| format!("{mode:o}"))];
    hold(500, &modes, |text| permissions::check(text.as_bytes()));
    hold(100, &prop::collection::vec(any::<u8>(), 0..200), |bytes| decode::check(&bytes));
    hold(100, &"[A-Za-z0-9+/=\r\n ]{0,80}", |text| decode::check(text.as_bytes()));
    let line = prop_oneof![
        Just("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcH x".to_owned()),
        Just("command=\"a \\\" b\",no-pty ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAABwcHBwcHBwc=".to_owned()),
        "ssh-[a-z0-9]{3,8} [A-Za-z0-9+/=]{0,60}",
        "[ -~\t#\"]{0,30}",
        "\\PC{0,10}",
    ];
    hold(200, &prop::collection::vec(line, 0..5), |lines| ssh::check(lines.join("\n").as_bytes()));
}

#[test]
fn no_message_of_many_parts_breaks_anything() {
    let line = prop::sample::select(vec![
        "--B",
        "--B--",
        "--C",
        "Content-Type: text/cloud-config",
        "Content-Type: multipart/mixed; boundary=C",
        "MIME-Version: 1.0",
        "Content-Type: text/x-shellscript; charset=\"utf-8\"",
        "Content-Transfer-Encoding: base64",
        "Content-Type: application/gzip",
        "Content-Transfer-Encoding: Quoted-Printable",
        "Content-Disposition: attachment; filename=\"a b\"",
        "",
        "",
        "",
        " folded",
        "#cloud-config",
        "hostname: a",
        "ssh_authorized_keys: [hunter2]",
        "#!/bin/sh",
        "I2Nsb3VkLWNvbmZpZwo=",
        "=3D=",
        "{",
        "\t",
    ]);
    let message = (prop::collection::vec(line, 0..20), any::<bool>());
    hold(200, &message, |(lines, crlf)| mime::check(lines.join(if crlf { "\r\n" } else { "\n" }).as_bytes()));
}

#[test]
fn the_program_reports_the_same_when_it_checks_and_when_it_plans() {
    hold(24, &texts(Oddness::Some), |text| program::agrees_with_itself(&text));
}
