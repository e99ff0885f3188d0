//! A second copy of the program, with a mark by which tests recognize it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use super::{release, sandbox};

/// The last bytes of the copy.
pub const MARK: &str = "the second copy";

/// Returns the path of the copy, which is stripped and ends with [`MARK`]. The first call creates it.
pub fn program() -> &'static Path {
    static MADE: OnceLock<PathBuf> = OnceLock::new();
    MADE.get_or_init(|| {
        let path = sandbox::machines().join("marked-program");
        let stripped = Command::new("strip").arg("-o").arg(&path).arg(release::program()).status();
        assert!(stripped.is_ok_and(|status| status.success()), "strip comes with the linker");
        let mut bytes = fs::read(&path).expect("strip wrote it");
        bytes.extend(MARK.as_bytes());
        fs::write(&path, bytes).expect("a file of our own");
        path
    })
}
