//! Inputs that once broke something or reached far, and published configurations.
//!
//! Each file of `tests/inputs/TARGET/` is run through the checks of the fuzz target of that name. The first line of
//! output of a failing test names the file.

use std::fs;
use std::io::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::invariants::TARGETS;

/// The longest time for one input, in a debug build on a busy machine.
const LONGEST: Duration = Duration::from_secs(20);
/// The limits on all inputs together, which are part of the repository.
const MOST_FILES: usize = 500;
const MOST_BYTES: u64 = 1 << 20;

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/inputs")
}

fn files(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).unwrap_or_else(|e| panic!("failed to read {}: {e}", directory.display()));
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

fn hold(path: &Path, bytes: &[u8], check: fn(&[u8])) {
    let began = Instant::now();
    let result = catch_unwind(AssertUnwindSafe(|| check(bytes)));
    assert!(result.is_ok(), "{} does not hold any more", path.display());
    assert!(began.elapsed() < LONGEST, "{} takes {:?}", path.display(), began.elapsed());
}

/// Configurations that people published, where they are: `CORPUS` names their directory.
pub fn published() -> Vec<PathBuf> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus");
    let corpus = std::env::var_os("CORPUS").map_or_else(beside, PathBuf::from);
    let of =
        |directory: &str| if corpus.join(directory).is_dir() { files(&corpus.join(directory)) } else { Vec::new() };
    ["oem", "user", "other"].into_iter().flat_map(of).filter(|path| path.is_file()).collect()
}

#[test]
fn published_configurations_hold() {
    let paths = published();
    if paths.is_empty() {
        // Past the capture of the test harness, which shows nothing of a test that passes.
        let _ = writeln!(std::io::stderr(), "corpus_replay: skipped: there are no configurations (CORPUS says where)");
    }
    let checks = TARGETS.iter().filter(|(target, _)| ["user_data", "yaml"].contains(target));
    for (path, (_, check)) in paths.iter().flat_map(|path| checks.clone().map(move |check| (path, check))) {
        hold(path, &fs::read(path).unwrap(), *check);
    }
}

#[test]
fn every_kept_input_still_holds() {
    for (target, check) in TARGETS {
        let files = files(&directory().join(target));
        assert!(!files.is_empty(), "there is no input of {target}");
        for path in files {
            let bytes = fs::read(&path).unwrap();
            hold(&path, &bytes, *check);
        }
    }
}

#[test]
fn every_input_and_every_fuzz_target_is_of_a_known_kind() {
    let names = |directory: &Path| -> Vec<_> {
        let stems =
            files(directory).into_iter().filter(|path| path.is_dir() || path.extension().is_some_and(|e| e == "rs"));
        stems.map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect()
    };
    let mut known: Vec<_> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    known.sort();
    assert_eq!(names(&directory()), known);
    assert_eq!(names(&Path::new(env!("CARGO_MANIFEST_DIR")).join("crates/cloud-config/fuzz/targets")), known);
}

#[test]
fn kept_inputs_are_few_and_small() {
    let all: Vec<_> = TARGETS.iter().flat_map(|(target, _)| files(&directory().join(target))).collect();
    let bytes: u64 = all.iter().map(|path| fs::metadata(path).unwrap().len()).sum();
    assert!(all.len() <= MOST_FILES && bytes <= MOST_BYTES, "{} files, {bytes} bytes", all.len());
}
