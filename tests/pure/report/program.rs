//! The program, run on files of its own.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

const PROGRAM: &str = env!("CARGO_BIN_EXE_coreos-cloudinit");
/// A user that owns nothing.
const NOBODY: u32 = 65534;

/// A directory for the files of a case.
pub struct Files(tempfile::TempDir);

impl Files {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub fn path(&self, name: &str) -> String {
        self.0.path().join(name).display().to_string()
    }

    pub fn put(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        let path = self.path(name);
        fs::write(&path, content).unwrap();
        path
    }

    /// Lets every user read, and no user write.
    pub fn close(&self) {
        for entry in fs::read_dir(self.0.path()).unwrap().flatten() {
            fs::set_permissions(entry.path(), fs::Permissions::from_mode(0o444)).unwrap();
        }
        fs::set_permissions(self.0.path(), fs::Permissions::from_mode(0o555)).unwrap();
    }

    /// The directory and its files, with attributes that show a write.
    pub fn look(&self) -> Vec<String> {
        let one = |path: &Path| {
            let data = fs::symlink_metadata(path).unwrap();
            let times = (data.mtime(), data.mtime_nsec(), data.ctime(), data.ctime_nsec());
            format!("{} {} {} {:o} {times:?}", path.display(), data.ino(), data.size(), data.mode())
        };
        let files = fs::read_dir(self.0.path()).unwrap().flatten().map(|entry| one(&entry.path()));
        let mut seen: Vec<_> = files.chain([one(self.0.path())]).collect();
        seen.sort();
        seen
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        // A directory that is closed to its owner could not be removed.
        let _ = fs::set_permissions(self.0.path(), fs::Permissions::from_mode(0o755));
    }
}

/// The result of a run.
#[derive(Debug)]
pub struct Run {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Run {
    fn new(output: &Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("what is printed is UTF-8");
        let code = output.status.code().expect("it ends by itself");
        Self { code, stdout: text(&output.stdout), stderr: text(&output.stderr) }
    }

    /// Returns the JSON document on standard output.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// Runs the program without a developer's environment.
pub fn command(program: &Path, flags: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(flags).env_clear().stdin(Stdio::null());
    command
}

pub fn program(flags: &[&str]) -> Run {
    Run::new(&command(Path::new(PROGRAM), flags).output().unwrap())
}

/// Runs the program as an ordinary user: the one who runs the tests or, if that is root, `nobody`.
pub fn as_nobody(files: &Files, flags: &[&str]) -> Run {
    if !nix::unistd::geteuid().is_root() {
        return program(flags);
    }
    // `nobody` may not enter the build directory.
    let directory = tempfile::tempdir().unwrap();
    let copy = directory.path().join("coreos-cloudinit");
    // Copied by another process: a child of another thread would keep our own file open for writing.
    assert!(Command::new("cp").arg(PROGRAM).arg(&copy).status().unwrap().success());
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let mut command = command(&copy, flags);
    command.uid(NOBODY).gid(NOBODY).current_dir(files.path(""));
    Run::new(&command.output().unwrap())
}

/// Runs the program with a standard output that is not read.
pub fn unread(flags: &[&str]) -> Run {
    let mut child = command(Path::new(PROGRAM), flags).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    Run::new(&child.wait_with_output().unwrap())
}

/// The flags that print a result to standard output.
pub const PRINTING: &str = "--validate --dry-run --print-config --convert-to=butane --convert-to=butane-fcos \
                            --convert-to=ignition --explain=unknown-key --schema --status --help --version";

/// A disk that has no room.
fn full() -> fs::File {
    fs::OpenOptions::new().write(true).open("/dev/full").unwrap()
}

/// The program, with a standard output for which there is no room.
pub fn into_full(flags: &[&str]) -> Run {
    Run::new(&command(Path::new(PROGRAM), flags).stdout(full()).output().unwrap())
}

/// The program, where neither results nor log can be written.
pub fn into_nothing(flags: &[&str]) -> Run {
    Run::new(&command(Path::new(PROGRAM), flags).stdout(full()).stderr(full()).output().unwrap())
}

/// Returns the files of runs in the state directory of this machine, without the locks of trees, which other tests
/// hold meanwhile.
pub fn records() -> Vec<String> {
    let entries = fs::read_dir("/run/coreos-cloudinit").into_iter().flatten().flatten();
    let mut names: Vec<_> = entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.retain(|name| !name.starts_with("lock-"));
    names.sort();
    names
}
