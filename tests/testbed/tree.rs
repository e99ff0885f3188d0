//! The root tree that every machine starts from: built once, kept under `target/testbed/`.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use sha2::{Digest, Sha256};

/// What the tree holds besides the packages that no Debian is without.
const PACKAGES: &str = "systemd,systemd-sysv,dbus,libnss-systemd,passwd,iproute2,kmod,udev,procps";
/// What nobody reads in a machine that lives for three seconds.
const LEFT_OUT: [&str; 3] = ["/usr/share/doc/*", "/usr/share/man/*", "/usr/share/locale/*"];
/// The recipe's second half.
const SCRIPT: &str = include_str!("tree.sh");

/// A built tree, which nobody removes while this value lives.
pub struct Tree {
    /// Where it is.
    pub path: PathBuf,
    _lock: File,
}

/// The folder that the testbed keeps everything in.
pub fn home() -> PathBuf {
    // The program lies in target/PROFILE/, wherever Cargo was told to put that.
    let target = Path::new(super::PROGRAM).parent().and_then(Path::parent);
    target.expect("the program has two folders above it").join("testbed")
}

impl Tree {
    /// Finds the tree of this recipe, or builds it.
    pub fn get() -> Result<Self, String> {
        let home = home();
        fs::create_dir_all(&home).map_err(|e| format!("failed to make {}: {e}", home.display()))?;
        let suite = suite();
        let name = format!("tree-{suite}-{}", key(&suite));
        let path = home.join(&name);
        let lock = lock_file(&home, &name)?;
        lock.lock_shared().map_err(|e| format!("failed to lock the tree: {e}"))?;
        if !path.exists() {
            lock.unlock().and_then(|()| lock.lock()).map_err(|e| format!("failed to lock the tree: {e}"))?;
            // Somebody else may have built it while we waited.
            if !path.exists() {
                remove_others(&home, &name);
                build(&home, &suite, &path)?;
            }
            lock.unlock().and_then(|()| lock.lock_shared()).map_err(|e| format!("failed to lock the tree: {e}"))?;
        }
        Ok(Self { path, _lock: lock })
    }
}

fn lock_file(home: &Path, name: &str) -> Result<File, String> {
    let path = home.join(format!("{name}.lock"));
    File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .map_err(|e| format!("failed to open {}: {e}", path.display()))
}

/// The Debian release of the tree: the host's own, so that a program linked here runs there.
fn suite() -> String {
    if let Ok(suite) = std::env::var("TESTBED_SUITE") {
        return suite;
    }
    let release = fs::read_to_string("/etc/os-release").unwrap_or_default();
    let field = |name: &str| {
        release
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix('='))
            .map(|v| v.trim_matches('"').to_owned())
    };
    match (field("ID").as_deref(), field("VERSION_CODENAME")) {
        (Some("debian"), Some(suite)) => suite,
        _ => "bookworm".to_owned(),
    }
}

fn key(suite: &str) -> String {
    let mut hash = Sha256::new();
    for part in [suite, PACKAGES, SCRIPT].iter().chain(&LEFT_OUT) {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    hash.finalize().iter().take(6).fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Trees of older recipes, and what a killed build left, unless somebody uses them.
fn remove_others(home: &Path, name: &str) {
    for entry in fs::read_dir(home).into_iter().flatten().flatten() {
        let Ok(other) = entry.file_name().into_string() else {
            continue;
        };
        let Some(tree) = other.strip_suffix(".lock") else {
            continue;
        };
        if tree == name || !tree.starts_with("tree-") {
            continue;
        }
        if lock_file(home, tree).is_ok_and(|lock| lock.try_lock().is_ok()) {
            let _ = fs::remove_dir_all(home.join(tree));
            let _ = fs::remove_dir_all(home.join(format!("{tree}.new")));
            let _ = fs::remove_file(entry.path());
        }
    }
}

fn build(home: &Path, suite: &str, path: &Path) -> Result<(), String> {
    eprintln!("testbed: building the base tree ({suite}, once, about a minute) …");
    let new = path.with_extension("new");
    // We hold the lock alone: whatever is there was left by a build that died.
    let _ = fs::remove_dir_all(&new);
    let script = home.join("tree.sh");
    fs::write(&script, SCRIPT).map_err(|e| format!("failed to write {}: {e}", script.display()))?;
    let mut command = Command::new("mmdebstrap");
    command.args(["--mode=root", "--variant=minbase", "--quiet"]).arg(format!("--include={PACKAGES}"));
    for pattern in LEFT_OUT {
        command.arg(format!("--dpkgopt=path-exclude={pattern}"));
    }
    command.arg(suite).arg(&new);
    // Not as a hook of mmdebstrap, which empties the machine id after its last hook.
    let built = must_run(&mut command).and_then(|()| must_run(Command::new("sh").arg(&script).arg(&new)));
    if built.is_err() {
        let _ = fs::remove_dir_all(&new);
        return built;
    }
    fs::rename(&new, path).map_err(|e| format!("failed to rename {}: {e}", new.display()))
}

fn must_run(command: &mut Command) -> Result<(), String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.stdin(Stdio::null()).output().map_err(|e| format!("failed to run {name}: {e}"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("{name} failed: {}", String::from_utf8_lossy(&output.stderr).trim()))
}
