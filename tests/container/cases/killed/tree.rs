//! A small tree in which runs are killed, and its expected content.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::cases::users::HASH;
use crate::testbed::boot::mount_overlay_over;
use crate::testbed::key::key;
use crate::testbed::state::State;
use crate::testbed::trace::{self, Act, End, Moment};
use crate::testbed::{PROGRAM, sandbox};

/// The account files of the tree, copied from the machines.
const ACCOUNTS: [&str; 10] = [
    "etc/passwd",
    "etc/group",
    "etc/shadow",
    "etc/gshadow",
    "etc/subuid",
    "etc/subgid",
    "etc/login.defs",
    "etc/default/useradd",
    "etc/skel/.bashrc",
    "etc/skel/.profile",
];

/// A directory for trees, on a file system that is flushed like a disk: an overlay.
pub struct Bench {
    place: PathBuf,
    /// The tree before any run.
    pub old: State,
}

impl Bench {
    /// A bench with a tree that has the accounts of a machine, and these files: path, text, mode, owner.
    pub fn new(files: &[(&str, &str, u32, u32)]) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("bench-{}", COUNT.fetch_add(1, Ordering::Relaxed));
        let place = sandbox::machines().join(name);
        let lower = place.join("lower");
        fs::create_dir_all(&lower).expect("we are root");
        let merged = mount_overlay_over(&place, &lower).unwrap_or_else(|reason| panic!("{reason}"));
        let first = merged.join("first");
        for path in ACCOUNTS {
            let to = first.join(path);
            fs::create_dir_all(to.parent().expect("it is beneath")).expect("we are root");
            fs::copy(sandbox::tree().join(path), &to).expect("the tree has it");
            let status = fs::metadata(sandbox::tree().join(path)).expect("the tree has it");
            let group = std::os::unix::fs::MetadataExt::gid(&status);
            std::os::unix::fs::chown(&to, Some(0), Some(group)).expect("we are root");
        }
        let mut old = State::of(&first);
        fs::create_dir_all(first.join("home/core")).expect("we are root");
        std::os::unix::fs::chown(first.join("home/core"), Some(500), Some(500)).expect("we are root");
        for (path, text, mode, owner) in files {
            let to = first.join(path);
            fs::create_dir_all(to.parent().expect("it is beneath")).expect("we are root");
            fs::write(&to, text).expect("we are root");
            std::os::unix::fs::chown(&to, Some(*owner), Some(*owner)).expect("we are root");
            fs::set_permissions(&to, std::os::unix::fs::PermissionsExt::from_mode(*mode)).expect("we are root");
        }
        old.0.extend(State::of(&first).0);
        Self { place: merged, old }
    }

    /// A tree as before any run.
    pub fn tree(&self) -> Tree {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let path = self.place.join(format!("tree-{}", COUNT.fetch_add(1, Ordering::Relaxed)));
        fs::create_dir(&path).expect("we are root");
        self.old.make(&path);
        Tree { path }
    }

    /// Puts user-data where the trees are.
    pub fn user_data(&self, text: &str) -> PathBuf {
        let path = self.place.join("user-data");
        fs::write(&path, text).expect("we are root");
        path
    }
}

/// One of its trees; removed in the end.
pub struct Tree {
    pub path: PathBuf,
}

impl Tree {
    /// Runs the program on the tree, watched.
    pub fn run(&self, user_data: &Path, at: impl FnMut(&Moment) -> Act) -> End {
        let mut command = Command::new(PROGRAM);
        command.arg(format!("--root={}", self.path.display())).arg(format!("--from-file={}", user_data.display()));
        command.env("COREOS_PUBLIC_IPV4", "192.0.2.1");
        trace::run(&command, at)
    }

    /// Runs the program on the tree.
    pub fn finish(&self, user_data: &Path) -> std::process::Output {
        let mut command = Command::new(PROGRAM);
        command.arg(format!("--root={}", self.path.display())).arg(format!("--from-file={}", user_data.display()));
        command.env("COREOS_PUBLIC_IPV4", "192.0.2.1").output().expect("the program is there")
    }

    pub fn state(&self) -> State {
        State::of(&self.path)
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.path);
    }
}

/// Files of every kind: new, changed, with another mode, with another owner, secret, and those of every section.
pub const FILES: [(&str, &str, u32, u32); 9] = [
    ("etc/hostname", "old\n", 0o644, 0),
    ("etc/hosts", "127.0.0.1 localhost\n", 0o644, 0),
    ("etc/environment", "LANG=C\n", 0o644, 0),
    ("etc/coreos/update.conf", "GROUP=stable\nREBOOT_STRATEGY=best-effort\n", 0o644, 0),
    ("srv/changed", "old", 0o644, 0),
    ("srv/mode", "same", 0o644, 0),
    ("srv/owner", "same", 0o640, 0),
    ("srv/secret", "an old secret", 0o600, 0),
    ("etc/systemd/system/masked.service", "[Service]\nExecStart=/bin/true\n", 0o644, 0),
];

/// Returns a configuration whose steps run no tool.
pub fn files() -> String {
    format!(
        r#"#cloud-config
hostname: new
manage_etc_hosts: localhost
ssh_authorized_keys: ['{key}']
write_files:
- {{path: /srv/changed, content: new}}
- {{path: /srv/mode, content: same, permissions: 0755}}
- {{path: /srv/owner, content: same, owner: core, permissions: 0640}}
- {{path: /srv/secret, content: a new secret, permissions: 0600}}
- {{path: /srv/deep/er/new, content: new, permissions: 0600, owner: core}}
- {{path: /srv/suid, content: new, permissions: '4755'}}
- {{path: /srv/long, content: '{long}'}}
- {{path: /srv/here, content: $public_ipv4}}
- {{path: /home/core/note, content: mine, owner: core:core, permissions: 0600}}
coreos:
  oem: {{id: x, name: X}}
  update: {{group: beta, reboot_strategy: off}}
  flannel: {{interface: eth0, etcd_password: hidden}}
  etcd2: {{name: a, discovery: 'https://discovery.example/1'}}
  fleet: {{metadata: a=b, etcd_password: hidden}}
  locksmith: {{window_start: '04:00', window_length: 1h}}
  units:
  - name: new.service
    content: "[Service]\nExecStart=/bin/true\n"
    drop_ins: [{{name: a.conf, content: '[Unit]'}}, {{name: b.conf, content: '[Unit]'}}]
  - {{name: masked.service, mask: true}}
  - {{name: 10-new.network, content: '[Match]'}}
"#,
        key = key("killed"),
        long = "x".repeat(100_000),
    )
}

/// Returns a configuration whose steps run tools: an account with a password and a key, and a file of hers.
pub fn mary() -> String {
    format!(
        r"#cloud-config
write_files:
- {{path: /srv/hers, content: x, owner: 'mary:', permissions: 0600}}
users:
- {{name: mary, groups: [docker], passwd: '{HASH}', ssh_authorized_keys: ['{key}']}}
",
        key = key("killed")
    )
}

/// The same, and one more account.
pub fn mary_and_john() -> String {
    format!("{}- {{name: john, ssh_authorized_keys: ['{}']}}\n", mary(), key("killed"))
}

/// Both of them, to be put after [`files`].
pub fn two_users() -> String {
    "users: [{name: mary, groups: [docker]}, {name: john}]\n".to_owned()
}
