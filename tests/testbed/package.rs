//! The Debian package of the tested program.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use super::kept::must_run;
use super::{release, sandbox};

/// Removes the libc6 version, which is that of the host, from the dependencies of the package: the program in it needs
/// an older one.
const OLDER: &str = r#"
    set -eu
    dpkg-deb --raw-extract "$1" "$1.d"
    sed -i 's/libc6 (>= [^)]*)/libc6/' "$1.d/DEBIAN/control"
    dpkg-deb --root-owner-group --build "$1.d" "$1"
"#;

/// Returns the path of the package. The first call builds it as `make deb` does; lintian must report nothing.
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
    let path = printed.lines().last().expect("it says where it is").into();
    if release::is_oldest() {
        must_run(Command::new("sh").args(["-c", OLDER, "sh"]).arg(&path)).unwrap_or_else(|reason| panic!("{reason}"));
    }
    path
}
