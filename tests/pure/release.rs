//! The scripts of a release: what needs no build.

use std::path::Path;
use std::process::Command;

use crate::docs::read;

/// The targets of a release, as packaging/release.sh lists them.
fn targets() -> Vec<String> {
    let script = read("packaging/release.sh");
    let line = script.lines().find_map(|line| line.strip_prefix("platforms='")?.strip_suffix('\'')).unwrap();
    line.split(' ').map(|platform| platform.split('.').next().unwrap().to_owned()).collect()
}

#[test]
fn every_program_of_a_release_is_documented_and_tested() {
    let [page, check, deps] = ["docs/distributors.md", "tests/release.sh", "tests/deps.sh"].map(read);
    assert_eq!(targets().len(), 3);
    for target in targets() {
        assert!(page.contains(&format!("| `{target}` |")), "{target} is not in docs/distributors.md");
        assert!(check.contains(&format!("$(program {target})")), "{target} is not in tests/release.sh");
        assert!(deps.contains(&format!(" {target}")), "tests/deps.sh does not add {target}");
    }
}

#[test]
fn the_glibc_of_a_release_is_the_documented_one() {
    let glibc = read("packaging/release.sh").split("-gnu.").nth(1).unwrap().split(' ').next().unwrap().to_owned();
    assert!(read("tests/release.sh").contains(&format!("\nnewest={glibc}\n")), "{glibc}");
    for page in ["README.md", "docs/distributors.md"] {
        assert!(read(page).contains(&format!("glibc {glibc}")), "{page}: glibc {glibc}");
    }
}

#[test]
fn scripts_of_a_release_are_valid_shell() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let packaging = ["build.sh", "release.sh", "zig.sh"].map(|name| format!("packaging/{name}"));
    let tests = ["release.sh", "deps.sh", "testbed/emulate.sh", "testbed/vm/kernel.sh"];
    for script in packaging.into_iter().chain(tests.map(|name| format!("tests/{name}"))) {
        let checked = Command::new("sh").arg("-n").arg(root.join(&script)).output().unwrap();
        assert!(checked.status.success(), "{script}: {}", String::from_utf8_lossy(&checked.stderr));
    }
}
