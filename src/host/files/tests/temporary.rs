//! Temporary files: their names, the files that are not removed, and file systems without links or unnamed files.

use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::chown;

use super::*;
use crate::host::crash_markers::{TemporaryFiles, TemporaryKind};
use crate::host::lock::STATE;

const DIGITS: &str = ".cci-0123456789abcdef";

fn run_again(root: &Root) {
    assert_eq!(write(root, of("/file", b"x", 0o644)).unwrap(), Unchanged);
}

#[test]
fn temporary_names_are_new_each_time() {
    let names: std::collections::HashSet<_> = (0..1000).map(|_| leftover::name_for("file".as_ref())).collect();
    assert_eq!(names.len(), 1000);
    assert!(names.iter().all(|name| cloud_config::text::temporary_name::target_of(name.as_bytes()) == Some(b"file")));
    assert_ne!(leftover::name_for("a".repeat(251).as_ref())[..], leftover::name_for("b".repeat(251).as_ref())[..]);
}

#[test]
fn leftovers_are_removed_and_other_files_are_not() {
    let (dir, root) = tree();
    let put = |name: &str| fs::write(inside(&dir, name), "half").unwrap();
    write(&root, of("/file", b"x", 0o644)).unwrap();
    let kept = [
        ".file.cci",
        ".motd.cci",
        ".users.cci-",
        ".file.cci-0123456789abcde",
        ".file.cci-0123456789abcdeF",
        "file.cci-0123456789abcdef",
        ".cci-0123456789abcdef",
    ];
    for name in kept {
        put(name);
    }
    put(&format!(".file{DIGITS}"));
    put(&format!(".other{DIGITS}"));
    fs::create_dir(inside(&dir, &format!(".directory{DIGITS}"))).unwrap();
    symlink("/dev/null", inside(&dir, &format!(".link{DIGITS}"))).unwrap();
    symlink("file", inside(&dir, &format!(".file2{DIGITS}"))).unwrap();
    rustix::fs::mkfifoat(CWD, inside(&dir, &format!(".fifo{DIGITS}")), Mode::RWXU).unwrap();
    put(&format!(".linked{DIGITS}"));
    fs::hard_link(inside(&dir, &format!(".linked{DIGITS}")), inside(&dir, "other-name")).unwrap();
    run_again(&root);
    let left = names(dir.path());
    for name in [".file", ".other"] {
        assert!(!left.contains(&format!("{name}{DIGITS}").into()), "{name}: {left:?}");
    }
    assert_eq!(left.len(), kept.len() + 1 + 6, "{left:?}");
}

#[test]
fn leftovers_of_another_user_stay_unless_the_file_is_the_users() {
    if !root_only() {
        return;
    }
    let (dir, root) = tree();
    let leftover = inside(&dir, &format!(".file{DIGITS}"));
    let theirs = Write { uid: 4242, ..of("/file", b"x", 0o644) };
    let put = |uid| {
        fs::write(&leftover, "half").unwrap();
        chown(&leftover, Some(uid), None).unwrap();
    };
    for (file, uid, stays) in [
        (of("/file", b"x", 0o644), 4242, true),
        (Write { path: Path::new("/other"), ..theirs }, 4242, true),
        (theirs, 4243, true),
        (theirs, 4242, false),
        (theirs, 0, false),
    ] {
        put(uid);
        write(&root, file).unwrap();
        assert_eq!(leftover.exists(), stays, "{:?} of {} beside a leftover of {uid}", file.path, file.uid);
    }
}

#[test]
fn without_the_lock_nothing_is_removed() {
    let (dir, root) = tree();
    fs::write(inside(&dir, &format!(".other{DIGITS}")), "being written").unwrap();
    write_unlocked(&root, of("/file", b"x", 0o600)).unwrap();
    assert_eq!(names(dir.path()).len(), 2);
}

#[test]
fn a_large_directory_is_searched_in_part() {
    let (dir, _root) = tree();
    for number in 0..12_000 {
        fs::write(inside(&dir, &format!(".{number}{DIGITS}")), "").unwrap();
    }
    let directory = fs::File::open(dir.path()).unwrap();
    let found = leftover::search(&directory, TemporaryKind::File);
    assert_eq!(found.len(), 1024);
}

#[test]
fn a_mask_left_half_made_is_removed_by_the_next_mask_alone() {
    let (dir, root) = tree();
    let left = [("", "/dev/null"), ("2", "/dev/zero"), ("3", "a.service")];
    for (name, target) in left {
        symlink(target, inside(&dir, &format!(".a.service{name}{DIGITS}"))).unwrap();
    }
    fs::write(inside(&dir, &format!(".b.service{DIGITS}")), "half").unwrap();
    assert_eq!(mask(&root, Path::new("/a.service")).unwrap(), Done);
    let left = names(dir.path());
    assert_eq!(left.len(), 4, "{left:?}");
    assert!(!left.contains(&format!(".a.service{DIGITS}").into()));
}

#[test]
fn without_unnamed_files_a_named_one_does() {
    let (dir, root) = tree();
    let place = root.parent(Path::new("/file"), false).unwrap();
    let name = leftover::name_for("file".as_ref());
    let path = dir.path().join(&name);
    let mut temp = temp::Temp::create_named(&place, name.clone()).unwrap();
    temp.fill(b"x", None, 0o4755).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, 0o4755);
    drop(temp);
    assert!(names(dir.path()).is_empty());
    let mut temp = temp::Temp::create_named(&place, name).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, 0o600);
    temp.fill(b"x", None, 0o644).unwrap();
    temp.take_place(|_| Ok(())).unwrap();
    assert_eq!(names(dir.path()), ["file"]);
}

#[test]
fn without_hard_links_a_copy_gets_the_name() {
    let (dir, root) = tree();
    let place = root.parent(Path::new("/file"), false).unwrap();
    for (content, mode) in [(b"first".as_slice(), 0o4751), (b"second", 0o600)] {
        let mut temp = temp::Temp::create(&place, false, |_| panic!("it has no name yet")).unwrap();
        temp.fill(content, None, mode).unwrap();
        temp.copy_to_name().unwrap();
        temp.take_place(|_| panic!("it has its name")).unwrap();
        assert_eq!(fs::read(inside(&dir, "/file")).unwrap(), content);
        assert_eq!(fs::metadata(inside(&dir, "/file")).unwrap().mode() & 0o7777, mode);
        assert_eq!(names(dir.path()), ["file"]);
    }
}

#[test]
fn a_new_file_gets_its_name_at_once_and_one_that_is_replaced_a_temporary_name() {
    let (dir, root) = tree();
    let put = |content: &[u8], replaces: bool| {
        let place = root.parent(Path::new("/file"), false).unwrap();
        let mut seen = None;
        let mut temp = temp::Temp::create(&place, replaces, |_| panic!("it has no name yet")).unwrap();
        temp.fill(content, None, 0o644).unwrap();
        temp.take_place(|name| {
            seen = Some(name.to_owned());
            Ok(())
        })
        .unwrap();
        assert_eq!(fs::read(inside(&dir, "/file")).unwrap(), content);
        seen
    };
    assert_eq!(put(b"1", false), None);
    assert!(put(b"2", true).is_some_and(|name| leftover::is_of(&name, "file".as_ref())));
    assert!(put(b"3", false).is_some(), "another program made it meanwhile");
}

#[test]
fn marked_files_are_removed_by_a_run_that_does_not_write_there() {
    if !root_only() {
        return;
    }
    let (dir, root) = tree();
    fs::create_dir(inside(&dir, "/d")).unwrap();
    let names_there = |uid| {
        let name = leftover::name_for("x".as_ref());
        fs::write(inside(&dir, "/d").join(&name), "half").unwrap();
        chown(inside(&dir, "/d").join(&name), Some(uid), None).unwrap();
        name
    };
    let [ours, theirs, moved, mask] = [0, 4242, 4243, 0].map(names_there);
    fs::remove_file(inside(&dir, "/d").join(&mask)).unwrap();
    symlink("/dev/null", inside(&dir, "/d").join(&mask)).unwrap();
    let (device, inode) = root.identity().unwrap();
    let list = Path::new(STATE).join(format!("temporary-files-{device}-{inode}"));
    let mut interrupted = TemporaryFiles::new(&root);
    let target = Path::new("/d/x");
    interrupted.set(target, &ours, 0, TemporaryKind::File);
    interrupted.set(target, &theirs, 4242, TemporaryKind::File);
    interrupted.set(target, &moved, 4242, TemporaryKind::File);
    interrupted.set(target, "plain".as_ref(), 0, TemporaryKind::File);
    interrupted.set(Path::new("/gone/x"), &ours, 0, TemporaryKind::File);
    interrupted.set(target, &mask, 0, TemporaryKind::Mask);
    std::mem::forget(interrupted);
    assert_eq!(fs::metadata(&list).unwrap().mode() & 0o7777, 0o600);
    // Another version must read it, too.
    let first = [b"f0 /d/", ours.as_bytes(), b"\0f4242 /d/"].concat();
    assert!(fs::read(&list).unwrap().starts_with(&first));
    fs::write(inside(&dir, "/d/plain"), "kept").unwrap();
    remove_marked(&root);
    assert_eq!(names(&inside(&dir, "/d")), [moved, "plain".into()]);
    assert!(!list.exists());
    assert_eq!(names(dir.path()), ["d"], "a tree gets no marker");
    remove_marked(&root);
}
