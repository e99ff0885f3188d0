//! Inputs that were made up once and are worth keeping: what broke something, and what reached far.
//!
//! Each file of `tests/inputs/TARGET/` is run through what the fuzz target of that name holds. The first line
//! of output of a failing test names the file.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::invariants::TARGETS;

/// What one input may take, in a debug build on a busy machine.
const LONGEST: Duration = Duration::from_secs(20);
/// What all of them may be: they are part of the repository.
const MOST_FILES: usize = 500;
const MOST_BYTES: u64 = 1 << 20;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/inputs")
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|e| panic!("failed to read {}: {e}", folder.display()));
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

#[test]
fn every_kept_input_still_holds() {
    for (target, check) in TARGETS {
        let files = files(&folder().join(target));
        assert!(!files.is_empty(), "there is no input of {target}");
        for path in files {
            let bytes = fs::read(&path).unwrap();
            let began = Instant::now();
            let result = catch_unwind(AssertUnwindSafe(|| check(&bytes)));
            assert!(result.is_ok(), "{} does not hold any more", path.display());
            assert!(began.elapsed() < LONGEST, "{} takes {:?}", path.display(), began.elapsed());
        }
    }
}

#[test]
fn every_input_and_every_fuzz_target_is_of_a_known_kind() {
    let names = |folder: &Path| -> Vec<_> {
        let stems =
            files(folder).into_iter().filter(|path| path.is_dir() || path.extension().is_some_and(|e| e == "rs"));
        stems.map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect()
    };
    let mut known: Vec<_> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    known.sort();
    assert_eq!(names(&folder()), known);
    // What is packed for others comes without the targets.
    let targets = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/targets");
    assert!(!targets.exists() || names(&targets) == known, "{known:?} are the kinds of input");
}

#[test]
fn kept_inputs_are_few_and_small() {
    let all: Vec<_> = TARGETS.iter().flat_map(|(target, _)| files(&folder().join(target))).collect();
    let bytes: u64 = all.iter().map(|path| fs::metadata(path).unwrap().len()).sum();
    assert!(all.len() <= MOST_FILES && bytes <= MOST_BYTES, "{} files, {bytes} bytes", all.len());
}
