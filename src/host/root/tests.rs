use std::fs;
use std::os::fd::AsFd;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;

use super::*;

/// Creates a root whose directories are all trusted, with any umask.
fn tree() -> (tempfile::TempDir, Root) {
    let directory = tempfile::tempdir().unwrap();
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let root = Root::open(directory.path()).unwrap();
    (directory, root)
}

fn directory(path: &Path, mode: u32) {
    fs::create_dir_all(path).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

fn same(opened: impl AsFd, path: &Path) -> bool {
    let status = rustix::fs::fstat(opened).unwrap();
    let there = fs::metadata(path).unwrap();
    (status.st_dev, status.st_ino) == (there.dev(), there.ino())
}

/// Every walk is tried with the kernel's help and without.
fn both(root: &Root, check: impl Fn(&Root)) {
    check(root);
    root.openat2.store(false, Ordering::Relaxed);
    check(root);
}

#[test]
fn a_plain_path_is_walked() {
    let (dir, root) = tree();
    directory(&dir.path().join("a/b"), 0o755);
    both(&root, |root| {
        let place = root.parent(Path::new("/a/b/c"), false).unwrap();
        assert!(same(&place.directory, &dir.path().join("a/b")));
        assert_eq!(place.name, "c");
        assert!(same(root.parent(Path::new("/c"), false).unwrap().directory, dir.path()));
    });
}

#[test]
fn a_missing_path_is_reported_as_absent() {
    let (_dir, root) = tree();
    both(&root, |root| assert!(root.parent(Path::new("/a/b/c"), false).unwrap_err().absent()));
}

#[test]
fn missing_directories_are_made_with_their_mode() {
    let (dir, root) = tree();
    both(&root, |root| {
        root.parent(Path::new("/x/y/z/file"), true).unwrap();
        for path in ["x", "x/y", "x/y/z"] {
            let status = fs::metadata(dir.path().join(path)).unwrap();
            assert_eq!(status.mode() & 0o7777, 0o755);
        }
        fs::remove_dir_all(dir.path().join("x")).unwrap();
    });
}

#[test]
fn a_set_group_id_directory_does_not_pass_its_bits_on() {
    let (dir, root) = tree();
    directory(&dir.path().join("shared"), 0o2755);
    root.parent(Path::new("/shared/new/file"), true).unwrap();
    let status = fs::metadata(dir.path().join("shared/new")).unwrap();
    assert_eq!(status.mode() & 0o7777, 0o755);
    assert_eq!(status.gid(), rustix::process::getegid().as_raw());
}

#[test]
fn dots_never_leave_the_root() {
    let (dir, root) = tree();
    directory(&dir.path().join("a"), 0o755);
    both(&root, |root| {
        let place = root.parent(Path::new("/../../a/../../a/file"), false).unwrap();
        assert!(same(&place.directory, &dir.path().join("a")));
        assert!(matches!(root.parent(Path::new("/a/.."), false), Err(WalkError::NoName(_))));
    });
}

#[test]
fn links_of_root_are_followed_inside_the_root() {
    let (dir, root) = tree();
    directory(&dir.path().join("run/inner"), 0o755);
    symlink("/run", dir.path().join("absolute")).unwrap();
    symlink("run/inner", dir.path().join("relative")).unwrap();
    symlink("../../../../run", dir.path().join("climbing")).unwrap();
    both(&root, |root| {
        for (path, place) in [("/absolute/f", "run"), ("/relative/f", "run/inner"), ("/climbing/inner/f", "run/inner")]
        {
            assert!(same(root.parent(Path::new(path), false).unwrap().directory, &dir.path().join(place)), "{path}");
        }
        root.parent(Path::new("/absolute/made/f"), true).unwrap();
        assert!(dir.path().join("run/made").is_dir());
        fs::remove_dir(dir.path().join("run/made")).unwrap();
    });
}

#[test]
fn links_that_other_users_could_have_made_are_refused() {
    let (dir, root) = tree();
    directory(&dir.path().join("etc"), 0o755);
    for (name, mode) in [("tmp", 0o1777), ("group", 0o775)] {
        directory(&dir.path().join(name), mode);
        symlink("/etc", dir.path().join(name).join("link")).unwrap();
        both(&root, |root| {
            let path = format!("/{name}/link/file");
            for create in [false, true] {
                let error = root.parent(Path::new(&path), create).unwrap_err();
                assert_eq!(error, WalkError::Untrusted(format!("/{name}/link").into()));
            }
            assert!(matches!(root.resolve(Path::new(&format!("/{name}/link"))), Err(WalkError::Untrusted(_))));
        });
    }
}

#[test]
fn links_in_a_directory_of_another_user_are_refused() {
    if !rustix::process::geteuid().is_root() {
        println!("skipped: needs root");
        return;
    }
    let (dir, root) = tree();
    directory(&dir.path().join("home"), 0o755);
    symlink("/etc", dir.path().join("home/link")).unwrap();
    std::os::unix::fs::chown(dir.path().join("home"), Some(4242), Some(4242)).unwrap();
    both(&root, |root| {
        assert!(matches!(root.parent(Path::new("/home/link/x"), true), Err(WalkError::Untrusted(_))));
    });
}

#[test]
fn links_without_end_are_an_error() {
    let (dir, root) = tree();
    symlink("b", dir.path().join("a")).unwrap();
    symlink("a", dir.path().join("b")).unwrap();
    both(&root, |root| {
        assert!(matches!(root.parent(Path::new("/a/x"), true), Err(WalkError::TooManyLinks(_))));
        assert!(matches!(root.resolve(Path::new("/a")), Err(WalkError::TooManyLinks(_))));
    });
}

#[test]
fn a_file_in_the_way_is_named() {
    let (dir, root) = tree();
    fs::write(dir.path().join("file"), "").unwrap();
    both(&root, |root| {
        let error = root.parent(Path::new("/file/x/y"), true).unwrap_err();
        assert_eq!(error.to_string(), "/file is not a directory");
    });
}

#[test]
fn a_link_at_the_end_is_resolved_on_request() {
    let (dir, root) = tree();
    directory(&dir.path().join("usr/lib"), 0o755);
    directory(&dir.path().join("etc"), 0o755);
    symlink("../usr/lib/os-release", dir.path().join("etc/os-release")).unwrap();
    both(&root, |root| {
        let place = root.resolve(Path::new("/etc/os-release")).unwrap();
        assert!(same(&place.directory, &dir.path().join("usr/lib")));
        assert_eq!(root.parent(Path::new("/etc/os-release"), false).unwrap().name, "os-release");
    });
}

#[test]
fn a_tree_is_not_the_system() {
    let (_dir, root) = tree();
    assert!(!root.is_system());
    assert!(Root::open(Path::new("//")).unwrap().is_system());
}
