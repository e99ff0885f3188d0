//! The records of runs, which `--status` reads.

use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::files::{self, Write};
use super::lock::{STATE, make_state};
use super::root::{OsContext, Root};
use crate::outcome::Outcome;
use cloud_config::text::temporary_name;

/// The number of records that are kept.
const KEPT: usize = 32;
/// The suffix of the names of records.
const SUFFIX: &str = ".json";
/// The longest record that is written and read, in bytes.
const RECORD_MAX: u64 = 32 << 20;
/// The numbers of steps per part that are tried in turn when a record would be too long.
const SHORTENED: [usize; 3] = [1000, 100, 0];

/// Writes the record of a run, readable for root only, and removes the oldest ones.
///
/// # Errors
///
/// The record cannot be written, for example without root.
pub fn write(outcome: &Outcome) -> Result<()> {
    make_state()?;
    let content = content(outcome).context("failed to format the record of this run")?;
    // Names sort by time; the process ID distinguishes runs that start in the same second.
    let name = format!("{}-{:010}{SUFFIX}", outcome.started.replace(':', ""), std::process::id());
    let path = Path::new(STATE).join(name);
    let root = Root::open(Path::new("/"))?;
    let file = Write { path: &path, content: &content, mode: 0o600, uid: 0, gid: 0 };
    // The name of each record is unique, so no lock is needed.
    files::write_unlocked(&root, file)?;
    let all = names()?;
    for old in &all[..all.len().saturating_sub(KEPT)] {
        // Another run may have removed the record already.
        let _ = std::fs::remove_file(old);
    }
    for half in entries()?.into_iter().filter(|path| is_abandoned(path)) {
        let _ = std::fs::remove_file(half);
    }
    Ok(())
}

/// Serializes the record, and shortens it until it can be read again.
fn content(outcome: &Outcome) -> serde_json::Result<Vec<u8>> {
    let mut content = serde_json::to_vec(outcome)?;
    for most in SHORTENED {
        if content.len() as u64 <= RECORD_MAX {
            break;
        }
        content = serde_json::to_vec(&shortened(outcome, most))?;
    }
    Ok(content)
}

/// Returns the outcome with at most `most` entries in each list; failed steps come first.
fn shortened(outcome: &Outcome, most: usize) -> Outcome {
    let mut outcome = outcome.clone();
    for part in &mut outcome.parts {
        // The sort is stable, so that failed steps, and all other steps, keep their order.
        part.steps.sort_by_key(|step| !step.result.is_failure());
        part.steps.truncate(most);
        part.refused.truncate(most);
        part.findings.truncate(most);
    }
    outcome.access.truncate(most);
    outcome.failures.truncate(most);
    outcome.failures.push(format!("this record is too long; only the first {most} entries of each list are recorded"));
    outcome
}

/// Returns true if `path` is a temporary file of a record whose run has ended.
fn is_abandoned(path: &Path) -> bool {
    let target = path.file_name().and_then(|name| temporary_name::target_of(name.as_bytes())).unwrap_or_default();
    let target = String::from_utf8_lossy(target);
    let stem = target.strip_suffix(SUFFIX);
    let process = stem.and_then(|stem| stem.rsplit('-').next()?.parse::<u32>().ok());
    process.is_some_and(|process| !Path::new("/proc").join(process.to_string()).exists())
}

/// Returns the records of this boot, oldest first, and the errors of unreadable ones.
///
/// # Errors
///
/// No record can be read, for example without root.
pub fn read() -> Result<(Vec<serde_json::Value>, Vec<String>)> {
    let root = Root::open(Path::new("/"))?;
    let (mut records, mut broken) = (Vec::new(), Vec::new());
    for path in names()? {
        match read_one(&root, &path) {
            Ok(record) => records.extend(record),
            // An unreadable record must not hide the others.
            Err(error) if crate::host::is_root() => broken.push(format!("{error:#}")),
            Err(error) => return Err(error),
        }
    }
    Ok((records, broken))
}

fn read_one(root: &Root, path: &Path) -> Result<Option<serde_json::Value>> {
    // Another run may remove the oldest record at the same time.
    let Some(content) = files::read(root, path, RECORD_MAX)? else { return Ok(None) };
    serde_json::from_slice(&content).map(Some).with_context(|| format!("failed to parse {}", path.display()))
}

fn entries() -> Result<Vec<PathBuf>> {
    match std::fs::read_dir(STATE) {
        Ok(entries) => Ok(entries.flatten().map(|entry| entry.path()).collect()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error).os_context(|| format!("failed to read {STATE}")),
    }
}

fn names() -> Result<Vec<PathBuf>> {
    let is_record = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.ends_with(SUFFIX) && !name.starts_with('.')
    };
    let mut names: Vec<_> = entries()?.into_iter().filter(is_record).collect();
    names.sort_unstable();
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::{PartOutcome, StepOutcome, StepResult};
    use cloud_config::user_data::ContentKind;

    #[test]
    fn a_temporary_record_is_left_once_its_process_has_ended() {
        let path =
            |process: u32, end: &str| PathBuf::from(format!("/run/x/.2026-01-02T030405Z-{process:010}.json{end}"));
        assert!(is_abandoned(&path(u32::MAX, ".cci-0123456789abcdef")));
        assert!(!is_abandoned(&path(std::process::id(), ".cci-0123456789abcdef")));
        assert!(!is_abandoned(&path(u32::MAX, ".cci")));
        assert!(!is_abandoned(&path(u32::MAX, "")));
        assert!(!is_abandoned(Path::new("/run/x/.other.cci-0123456789abcdef")));
    }

    #[test]
    fn a_record_is_never_longer_than_the_read_limit() {
        let step = |number: usize, result| StepOutcome {
            step: format!("{number} {}", "x".repeat(20_000)),
            unit: None,
            part: None,
            at: None,
            result,
            milliseconds: 0,
        };
        let mut steps: Vec<_> = (0..2000).map(|number| step(number, StepResult::Done)).collect();
        steps.push(step(2000, StepResult::Failed("no".to_owned())));
        let (findings, refused) = (Vec::new(), Vec::new());
        let part = PartOutcome { name: "x".to_owned(), form: ContentKind::CloudConfig, findings, refused, steps };
        let outcome = Outcome { parts: vec![part], ..Outcome::default() };
        let content = content(&outcome).unwrap();
        assert!(content.len() as u64 <= RECORD_MAX, "{}", content.len());
        let record: serde_json::Value = serde_json::from_slice(&content).unwrap();
        assert!(record["parts"][0]["steps"][0]["step"].as_str().unwrap().starts_with("2000 "));
        assert!(record["failures"][0].as_str().unwrap().contains("too long"));
    }
}
