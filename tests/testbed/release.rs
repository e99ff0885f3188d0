//! The Debian release of the machines, and the program built for it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::kept::{self, must_run};
use super::{PROGRAM, sandbox};

/// The environment variable that selects the release.
const DEBIAN: &str = "DEBIAN";
/// The environment variable with the program that runs in the machines. The outer process sets it for the inner one.
const INSIDE: &str = "TESTBED_PROGRAM";

/// Returns the code name of the release.
pub fn name() -> String {
    std::env::var(DEBIAN).ok().filter(|name| !name.is_empty()).unwrap_or_else(|| "bookworm".to_owned())
}

/// Returns true for the oldest release, whose glibc is older than that of machines that build the program.
pub fn is_oldest() -> bool {
    name() == "bullseye"
}

/// Returns true for a release whose package of systemd-sysupdate exists.
pub fn has_sysupdate() -> bool {
    !matches!(name().as_str(), "bullseye" | "bookworm")
}

/// Returns the program that runs in the machines: the one that Cargo built, or the one that is linked for an older
/// glibc.
pub fn program() -> PathBuf {
    std::env::var_os(INSIDE).map_or_else(|| PROGRAM.into(), PathBuf::from)
}

/// Links the program for the release if necessary. Returns the environment variables for the inner process.
pub(super) fn prepare() -> Result<Vec<(&'static str, PathBuf)>, String> {
    if !is_oldest() {
        return Ok(Vec::new());
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/testbed/program.sh");
    let program = kept::home().join("oldest");
    must_run(Command::new(script).arg(kept::target()).arg(&program))?;
    Ok(vec![(INSIDE, program)])
}

/// Returns the version of systemd in the machines.
pub fn systemd() -> u32 {
    let path = sandbox::tree().join("var/lib/dpkg/status");
    let status = fs::read_to_string(&path).unwrap_or_else(|e| panic!("failed to read {}: {e}", path.display()));
    let systemd = status.split("\n\n").find(|package| package.starts_with("Package: systemd\n"));
    let version = systemd.and_then(|package| package.lines().find_map(|line| line.strip_prefix("Version: ")));
    let number = version.and_then(|version| version.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok());
    number.unwrap_or_else(|| panic!("{} has no version of systemd", path.display()))
}
