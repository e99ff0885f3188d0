//! The Debian package of the program that is tested.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use super::{release, sandbox};

/// Returns its path. The first caller builds it as `make deb` does; lintian has no complaint.
pub fn get() -> &'static Path {
    static MADE: OnceLock<PathBuf> = OnceLock::new();
    MADE.get_or_init(make)
}

fn make() -> PathBuf {
    let out = sandbox::machines().join("deb");
    let root = env!("CARGO_MANIFEST_DIR");
    let output = Command::new(format!("{root}/packaging/deb.sh"))
        .arg(release::program())
        .arg(&out)
        .output()
        .expect("it is there");
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "deb.sh: {printed}{}", String::from_utf8_lossy(&output.stderr));
    printed.lines().last().expect("it says where it is").into()
}
