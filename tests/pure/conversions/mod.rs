//! Golden conversions: user-data in, its Butane, its Ignition and its report out.
//!
//! Each directory has a `user-data`, the flags for it, and the results: `butane.yaml`, `ignition.json` and
//! `report.txt`, whose last line is the exit code. After an intended change, `UPDATE_PLANS=1 cargo test --test pure
//! conversions::` writes the results; review the difference before committing.

mod ignition;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use flate2::Compression;
use flate2::write::GzEncoder;
use ignition_config::Config as ParsedIgnition;
use serde_json::Value;

use crate::invariants::conversion::{self, Values};
use crate::plans::case;

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/pure/conversions")
}

fn is_update() -> bool {
    std::env::var_os("UPDATE_PLANS").is_some()
}

/// The entries of a directory that are files, or directories, by name; nothing where there is no such directory.
fn entries(directory: &Path, is_wanted: fn(&Path) -> bool) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).into_iter().flatten();
    let mut entries: Vec<_> = entries.map(|entry| entry.unwrap().path()).filter(|path| is_wanted(path)).collect();
    entries.sort();
    entries
}

fn cases() -> Vec<PathBuf> {
    let cases = entries(&directory(), Path::is_dir);
    assert!(cases.len() > 20, "there are only {} cases", cases.len());
    cases
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("failed to read {}: {error}", path.display()))
}

/// Converts the file `user-data` of a directory.
fn converted(directory: &Path, flags: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_coreos-cloudinit"));
    command.current_dir(directory).args(["--from-file", "user-data"]).args(flags);
    command.output().expect("it runs")
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).expect("it is text")
}

#[test]
fn every_case_has_its_conversion() {
    let mut failed = Vec::new();
    for case in cases() {
        let flags = fs::read_to_string(case.join("flags")).unwrap_or_default();
        let flags: Vec<_> = flags.split_whitespace().collect();
        let is_fcos = flags.contains(&"--convert-to=butane-fcos");
        let to = |target| if is_fcos { flags.clone() } else { [&[target][..], &flags].concat() };
        let butane = converted(&case, &to("--convert-to=butane"));
        let report = format!("{}exit code {}\n", text(butane.stderr), butane.status.code().expect("it exits"));
        let version = format!("coreos-cloudinit {}", env!("CARGO_PKG_VERSION"));
        let mut results = vec![
            ("butane.yaml", text(butane.stdout).replacen(&version, "coreos-cloudinit VERSION", 1)),
            ("report.txt", report.clone()),
        ];
        if !is_fcos {
            let ignition = converted(&case, &to("--convert-to=ignition"));
            assert_eq!(text(ignition.stderr) + &format!("exit code {}\n", ignition.status.code().unwrap()), report);
            results.push(("ignition.json", text(ignition.stdout)));
        }
        for (name, actual) in results {
            let path = case.join(name);
            if is_update() {
                fs::write(&path, &actual).unwrap();
            }
            let expected = fs::read_to_string(&path).unwrap_or_default();
            if actual != expected {
                let line = actual.lines().zip(expected.lines()).position(|(new, old)| new != old);
                failed.push(format!("{} differs from line {}", path.display(), line.map_or(0, |line| line + 1)));
            }
        }
    }
    assert!(failed.is_empty(), "UPDATE_PLANS=1 writes these:\n{}", failed.join("\n"));
}

/// The user-data of the cases here and of the examples.
fn known_user_data() -> Vec<(String, Vec<u8>)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut known: Vec<_> = cases().into_iter().map(|case| case.join("user-data")).collect();
    known.extend(entries(&root.join("examples"), Path::is_file));
    known.push(root.join("tests/pure/print/canonical.yml"));
    known.into_iter().map(|path| (path.display().to_string(), fs::read(&path).unwrap())).collect()
}

/// The user-data of the golden plans, most of which have mistakes.
fn user_data_of_plans() -> Vec<(String, Vec<u8>)> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/pure/plans");
    let files = entries(&directory, |path| path.extension().is_some_and(|found| found == "txt"));
    let cases: Vec<_> = files.iter().flat_map(|path| case::parse(&read(path)).1).collect();
    assert!(cases.len() > 300, "there are only {} cases", cases.len());
    cases.into_iter().map(|case| (case.name.clone(), case.bytes())).collect()
}

#[test]
fn conversions_of_all_known_user_data_are_accepted() {
    for (name, bytes) in known_user_data().into_iter().chain(user_data_of_plans()) {
        println!("{name}");
        let (plan, stand_ins) = conversion::planned(&bytes);
        for options in conversion::all_options() {
            let config = conversion::one(&plan, &stand_ins, options).config;
            let text = cloud_config::convert::ignition::write(&config);
            let (parsed, warnings) = ParsedIgnition::parse_str(&text).unwrap();
            assert!(warnings.is_empty() && matches!(parsed, ParsedIgnition::V3_4(_)), "{warnings:?}");
        }
    }
}

#[test]
fn nothing_of_known_user_data_is_lost_without_a_finding() {
    let values = values(known_user_data());
    assert!(values.present > 1000 && values.covered > 300, "{values:?}");
}

/// Converts user-data in all ways, and looks for its values.
fn values(all: Vec<(String, Vec<u8>)>) -> Values {
    let mut values = Values::default();
    let mut lost = BTreeSet::new();
    for (name, bytes) in all {
        println!("{name}");
        let (plan, stand_ins) = conversion::planned(&bytes);
        for options in conversion::all_options() {
            let conversion = conversion::one(&plan, &stand_ins, options);
            conversion::find_values(&plan, &conversion, &mut values);
            lost.extend(values.lost.drain(..).map(|path| format!("{path} of {name}")));
        }
    }
    assert!(
        lost.is_empty(),
        "neither the result nor a finding has\n{}",
        lost.into_iter().collect::<Vec<_>>().join("\n")
    );
    values
}

/// Configurations that people published, where they are: `CORPUS` names their directory.
fn published_user_data() -> Vec<(String, Vec<u8>)> {
    let paths = crate::corpus_replay::published();
    if paths.is_empty() {
        let _ = writeln!(std::io::stderr(), "conversions: skipped: there are no configurations (CORPUS says where)");
    }
    paths.into_iter().map(|path| (path.display().to_string(), fs::read(&path).unwrap())).collect()
}

#[test]
fn conversions_of_published_configurations_are_accepted() {
    values(published_user_data());
}

/// Ignition itself has neither an error nor a warning.
#[test]
fn ignition_accepts_all_conversions() {
    if !ignition::is_installed() {
        let missing = "ignition-validate (on Debian: apt-get install ignition)";
        assert!(std::env::var_os("CI").is_none(), "no conversion can be checked without {missing}");
        // Past the capture of the test harness, which shows nothing of a test that passes.
        let _ = writeln!(std::io::stderr(), "conversions: skipped: there is no {missing}; `make deps` installs it");
        return;
    }
    let mut all = BTreeMap::new();
    for (name, bytes) in [known_user_data(), user_data_of_plans(), published_user_data()].concat() {
        let (plan, stand_ins) = conversion::planned(&bytes);
        for options in conversion::all_options() {
            let config = cloud_config::convert::convert(&plan, &stand_ins, options).config;
            all.insert(cloud_config::convert::ignition::write(&config), name.clone());
        }
    }
    let said = all.iter().filter_map(|(text, name)| {
        let config = ignition::readable(&serde_json::from_str(text).unwrap());
        let said = ignition::validate(&config).unwrap();
        (!said.is_empty()).then(|| format!("{name}: {said}"))
    });
    let said: Vec<_> = said.collect();
    assert!(said.is_empty(), "of {} configurations:\n{}", all.len(), said.join("\n"));
}

#[test]
fn the_encoding_of_user_data_does_not_change_its_conversion() {
    let lines = read(&directory().join("users/user-data"));
    let plain = convert_bytes(lines.as_bytes());
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(lines.as_bytes()).unwrap();
    let zipped = encoder.finish().unwrap();
    for bytes in [zipped, lines.replace('\n', "\r\n").into_bytes(), format!("\u{feff}{lines}").into_bytes()] {
        assert_eq!(convert_bytes(&bytes), plain);
    }
}

fn convert_bytes(bytes: &[u8]) -> String {
    let directory = tempfile::tempdir().expect("there is a place for it");
    fs::write(directory.path().join("user-data"), bytes).unwrap();
    let output = converted(directory.path(), &["--convert-to=butane"]);
    assert!(!output.stdout.is_empty(), "{}", text(output.stderr));
    text(output.stdout)
}

/// `--strict` prints nothing if something is not converted, and JSON has the configuration and the findings.
#[test]
fn json_has_the_configuration_and_the_findings() {
    let case = directory().join("files");
    let json = |flags: &[&str]| {
        let output = converted(&case, &[&["--convert-to=ignition", "--format=json"], flags].concat());
        assert_eq!((output.status.code(), text(output.stderr)), (Some(1), String::new()));
        serde_json::from_slice::<Value>(&output.stdout).expect("it is JSON")
    };
    let document = json(&[]);
    assert_eq!(document["configuration"], read(&case.join("ignition.json")));
    let ids: Vec<_> = document["parts"][0]["findings"].as_array().unwrap().iter().map(|found| &found["id"]).collect();
    assert!(
        ids.iter().any(|id| **id == "generated-helper") && ids.iter().any(|id| **id == "path-below-file"),
        "{ids:?}"
    );
    assert_eq!(document["findings"][0]["id"], "conversion");
    assert_eq!(json(&["--strict"])["configuration"], Value::Null);
    let strict = converted(&case, &["--convert-to=butane", "--strict"]);
    assert_eq!((strict.status.code(), text(strict.stdout)), (Some(1), String::new()));
    assert!(text(strict.stderr).contains("the whole configuration rejected and not printed (--strict)"));
    let findings = |flags: &[&str]| {
        let document = json(flags);
        [document["findings"].as_array().map(Vec::len), document["parts"][0]["findings"].as_array().map(Vec::len)]
    };
    let [general, of_part] = findings(&[]);
    assert_eq!(findings(&["--strict"]), [general.map(|count| count + 1), of_part], "the report is complete");
}

#[test]
fn a_source_that_cannot_be_read_is_an_error_of_the_json() {
    let case = directory();
    for mode in ["--convert-to=butane", "--validate"] {
        let output = converted(&case, &[mode, "--format=json"]);
        let document: Value = serde_json::from_slice(&output.stdout).expect("it is JSON");
        assert_eq!((output.status.code(), &document["errors"]), (Some(1), &Value::from(1)), "{mode}: {document}");
        assert_eq!(document["failures"].as_array().map(Vec::len), Some(1), "{mode}: {document}");
        assert_eq!(document["configuration"], Value::Null, "{mode}: {document}");
    }
}

#[test]
fn the_configuration_of_an_oem_has_a_note() {
    let directory = tempfile::tempdir().expect("there is a place for it");
    let oem = directory.path().join("oem");
    fs::create_dir(&oem).unwrap();
    fs::write(oem.join("cloud-config.yml"), "#cloud-config\nhostname: a\n").unwrap();
    let path = oem.join("cloud-config.yml").display().to_string();
    for (from, is_noted) in [(path.as_str(), true), ("oem/cloud-config.yml", false)] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_coreos-cloudinit"));
        let output = command.current_dir(&directory).args(["--convert-to=butane", "--from-file", from]).output();
        assert_eq!(text(output.unwrap().stderr).contains("the configuration of an OEM"), is_noted, "{from}");
    }
}

#[test]
fn a_report_that_cannot_be_written_is_a_failure() {
    let case = directory().join("script");
    let mut command = Command::new(env!("CARGO_BIN_EXE_coreos-cloudinit"));
    command.current_dir(case).args(["--convert-to=butane", "--from-file", "user-data"]);
    command.stderr(fs::OpenOptions::new().write(true).open("/dev/full").unwrap());
    let output = command.output().expect("it runs");
    assert_eq!((output.status.code(), output.stdout.is_empty()), (Some(1), false));
}

#[test]
fn the_addresses_are_not_written_into_directories_of_users() {
    let user_data = fs::read(directory().join("tokens/user-data")).unwrap();
    let (plan, stand_ins) = conversion::planned(&user_data);
    let config = conversion::one(&plan, &stand_ins, conversion::all_options().next().unwrap()).config;
    let script = config.files.iter().find(|file| file.path == "/etc/cloud-config/addresses.sh").unwrap();
    let script = text(script.contents.expose().clone());
    let (_, function) = script.split_once("is_safe() {").unwrap();
    let function = format!("is_safe() {{{}\n}}\n", function.split_once("\n}\n").unwrap().0);
    let users = tempfile::tempdir().expect("there is a place for it");
    std::os::unix::fs::symlink("/etc", users.path().join("etc")).unwrap();
    let in_users = |name: &str| users.path().join(name).display().to_string();
    for (path, is_safe) in [
        ("/etc/a".to_owned(), true),
        ("/etc/missing/a".to_owned(), true),
        (in_users("a"), false),
        (in_users("missing/a"), false),
        (in_users("etc/a"), false),
        ("/tmp/a".to_owned(), false),
    ] {
        let status = Command::new("sh").args(["-c", &format!("{function}is_safe \"$1\""), "sh", &path]).status();
        assert_eq!(status.unwrap().success(), is_safe, "{path}");
    }
}

/// EC2 takes user-data of 16 KiB.
#[test]
fn a_large_result_has_a_note() {
    let directory = tempfile::tempdir().expect("there is a place for it");
    let config = |size| format!("#cloud-config\nwrite_files: [{{path: /srv/a, content: {}}}]\n", "a".repeat(size));
    for (size, is_noted) in [(15 << 10, false), (16 << 10, true)] {
        fs::write(directory.path().join("user-data"), config(size)).unwrap();
        let output = converted(directory.path(), &["--convert-to=butane"]);
        assert_eq!(output.status.code(), Some(0));
        assert_eq!(text(output.stderr).contains("EC2 accepts 16384"), is_noted, "{size}");
    }
}

#[test]
fn a_wrong_command_line_of_a_conversion_exits_with_2() {
    let case = directory().join("users");
    for flags in [
        &["--convert-to=butane", "--root=/srv"][..],
        &["--convert-to=butane", "--dry-run"],
        &["--convert-to=butane", "--validate"],
        &["--convert-to=butane", "--print-config"],
        &["--platform=gce"],
        &["--addresses=private_ipv4=10.0.0.1"],
        &["--ordered"],
    ] {
        let output = converted(&case, flags);
        assert_eq!((output.status.code(), text(output.stdout)), (Some(2), String::new()), "{flags:?}");
        assert!(text(output.stderr).contains("--convert-to"), "{flags:?}");
    }
}
