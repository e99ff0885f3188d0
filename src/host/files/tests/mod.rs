mod temporary;

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, Mode};
use tempfile::TempDir;

use super::*;
use crate::outcome::StepResult::{Done, Unchanged};

/// Creates a root whose directories are all trusted, with any umask.
fn tree() -> (TempDir, Root) {
    let directory = tempfile::tempdir().unwrap();
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let root = Root::open(directory.path()).unwrap();
    (directory, root)
}

fn root_only() -> bool {
    let root = rustix::process::geteuid().is_root();
    if !root {
        println!("skipped: needs root");
    }
    root
}

fn of<'a>(path: &'a str, content: &'a [u8], mode: u32) -> Write<'a> {
    let (uid, gid) = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
    Write { path: Path::new(path), content, mode, uid, gid }
}

fn inside(dir: &TempDir, path: &str) -> PathBuf {
    dir.path().join(path.trim_start_matches('/'))
}

fn names(path: &Path) -> Vec<OsString> {
    let mut names: Vec<_> = fs::read_dir(path).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    names
}

fn message(result: Result<StepResult>) -> String {
    format!("{:#}", result.unwrap_err())
}

#[test]
fn a_file_is_written_with_its_directories() {
    let (dir, root) = tree();
    assert_eq!(write(&root, of("/etc/a/b.conf", b"text", 0o640)).unwrap(), Done);
    let path = inside(&dir, "/etc/a/b.conf");
    assert_eq!(fs::read(&path).unwrap(), b"text");
    assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, 0o640);
    assert_eq!(names(path.parent().unwrap()), ["b.conf"]);
}

#[test]
fn special_bits_are_kept() {
    let (dir, root) = tree();
    for mode in [0o4755, 0o2755, 0o1644, 0o7777, 0o0, 0o600] {
        write(&root, of("/file", b"x", mode)).unwrap();
        assert_eq!(fs::metadata(inside(&dir, "/file")).unwrap().mode() & 0o7777, mode);
    }
}

#[test]
fn owners_are_set_and_the_set_id_bits_survive_that() {
    if !root_only() {
        return;
    }
    let (dir, root) = tree();
    let file = Write { uid: 4242, gid: 4343, ..of("/file", b"x", 0o6755) };
    assert_eq!(write(&root, file).unwrap(), Done);
    let status = fs::metadata(inside(&dir, "/file")).unwrap();
    assert_eq!((status.uid(), status.gid(), status.mode() & 0o7777), (4242, 4343, 0o6755));
    assert_eq!(write(&root, file).unwrap(), Unchanged);
    assert_eq!(write(&root, Write { gid: 0, ..file }).unwrap(), Done);
}

#[test]
fn a_second_write_touches_nothing() {
    let (dir, root) = tree();
    let file = of("/etc/file", b"the same", 0o644);
    write(&root, file).unwrap();
    let all = |path: &str| {
        let status = fs::metadata(inside(&dir, path)).unwrap();
        let times = (status.mtime_nsec(), status.ctime_nsec(), status.atime_nsec());
        (status.ino(), status.mtime(), status.ctime(), times)
    };
    let before = (all("/etc/file"), all("/etc"));
    assert!(!would_change(&root, &file).unwrap());
    assert_eq!(write(&root, file).unwrap(), Unchanged);
    assert_eq!((all("/etc/file"), all("/etc")), before);
}

#[test]
fn content_mode_and_kind_are_compared() {
    let (dir, root) = tree();
    let file = of("/file", b"0123456789", 0o644);
    assert!(would_change(&root, &file).unwrap());
    write(&root, file).unwrap();
    for other in [b"0123456780".as_slice(), b"012345678", b"01234567890", b""] {
        assert!(would_change(&root, &Write { content: other, ..file }).unwrap());
    }
    assert!(would_change(&root, &Write { mode: 0o4644, ..file }).unwrap());
    assert!(would_change(&root, &Write { gid: 12345, ..file }).unwrap());
    fs::rename(inside(&dir, "/file"), inside(&dir, "/real")).unwrap();
    symlink("real", inside(&dir, "/file")).unwrap();
    assert!(would_change(&root, &file).unwrap());
    assert!(would_change(&root, &of("/no/such/folder", b"", 0o644)).unwrap());
    assert_eq!(names(dir.path()), ["file", "real"]);
}

#[test]
fn large_content_is_compared_to_its_end() {
    let (_dir, root) = tree();
    let mut content = vec![7; 200_000];
    write(&root, of("/file", &content, 0o644)).unwrap();
    assert!(!would_change(&root, &of("/file", &content, 0o644)).unwrap());
    content[199_999] = 8;
    assert!(would_change(&root, &of("/file", &content, 0o644)).unwrap());
}

#[test]
fn an_empty_file_is_a_file() {
    let (dir, root) = tree();
    assert_eq!(write(&root, of("/empty", b"", 0o644)).unwrap(), Done);
    assert_eq!(write(&root, of("/empty", b"", 0o644)).unwrap(), Unchanged);
    assert_eq!(fs::read(inside(&dir, "/empty")).unwrap(), b"");
}

#[test]
fn a_link_in_its_place_is_replaced_itself() {
    let (dir, root) = tree();
    fs::write(inside(&dir, "/victim"), "untouched").unwrap();
    for target in ["victim", "/dev/null", "nowhere"] {
        let _ = fs::remove_file(inside(&dir, "/file"));
        symlink(target, inside(&dir, "/file")).unwrap();
        assert_eq!(write(&root, of("/file", b"new", 0o644)).unwrap(), Done);
        assert!(fs::symlink_metadata(inside(&dir, "/file")).unwrap().is_file());
    }
    assert_eq!(fs::read(inside(&dir, "/victim")).unwrap(), b"untouched");
}

#[test]
fn a_fifo_in_its_place_does_not_block() {
    let (dir, root) = tree();
    rustix::fs::mkfifoat(CWD, inside(&dir, "/fifo"), Mode::from_raw_mode(0o644)).unwrap();
    assert!(would_change(&root, &of("/fifo", b"", 0o644)).unwrap());
    assert!(format!("{:#}", read(&root, Path::new("/fifo"), 10).unwrap_err()).contains("not a regular file"));
    assert_eq!(write(&root, of("/fifo", b"", 0o644)).unwrap(), Done);
}

#[test]
fn a_directory_in_its_place_is_an_error() {
    let (dir, root) = tree();
    fs::create_dir(inside(&dir, "/folder")).unwrap();
    let error = message(write(&root, of("/folder", b"x", 0o644)));
    assert_eq!(error, "failed to write /folder: it is a directory");
    assert!(would_change(&root, &of("/folder", b"x", 0o644)).is_err());
    assert!(mask(&root, Path::new("/folder")).is_err());
    assert_eq!(names(dir.path()), ["folder"]);
}

#[test]
fn long_names_have_a_temporary_name_too() {
    let (dir, root) = tree();
    for length in [233, 234, 255] {
        let path = format!("/{}", "n".repeat(length));
        assert_eq!(write(&root, of(&path, b"x", 0o644)).unwrap(), Done);
        let name = leftover::name_for(path[1..].as_ref());
        assert!(name.len() <= 255 && leftover::is_of(&name, path[1..].as_ref()), "{name:?}");
    }
    assert_eq!(names(dir.path()).len(), 3);
    let error = message(write(&root, of(&format!("/{}", "n".repeat(256)), b"x", 0o644)));
    assert!(error.ends_with("file name too long"), "{error}");
}

#[test]
fn many_files_are_written_and_one_failure_costs_one() {
    let (dir, root) = tree();
    fs::create_dir_all(inside(&dir, "/d3/f777")).unwrap();
    let paths: Vec<_> = (0..2000).map(|number| format!("/d{}/f{number}", number % 7 / 2)).collect();
    let files: Vec<_> = paths.iter().map(|path| of(path, path.as_bytes(), 0o644)).collect();
    let blocked = paths.iter().position(|path| path == "/d0/f777").unwrap();
    fs::create_dir_all(inside(&dir, &paths[blocked])).unwrap();
    for expected in [Done, Unchanged] {
        for (index, result) in write_all(&root, &files).into_iter().enumerate() {
            if index == blocked { assert!(result.is_err()) } else { assert_eq!(result.unwrap(), expected) }
        }
    }
    for (index, path) in paths.iter().enumerate().filter(|it| it.0 != blocked) {
        assert_eq!(fs::read(inside(&dir, path)).unwrap(), path.as_bytes(), "{index}");
    }
}

#[test]
fn the_last_of_two_files_with_one_path_stays() {
    let (dir, root) = tree();
    fs::create_dir(inside(&dir, "/run")).unwrap();
    symlink("run", inside(&dir, "/var-run")).unwrap();
    write(&root, of("/run/file", b"old", 0o644)).unwrap();
    // The last content equals the present one: only writing in order notices that it has to be written again.
    let files = [of("/run/file", b"new", 0o644), of("/var-run/file", b"old", 0o644)];
    let results: Vec<_> = write_all(&root, &files).into_iter().map(Result::unwrap).collect();
    assert_eq!(results, [Done, Done]);
    assert_eq!(fs::read(inside(&dir, "/run/file")).unwrap(), b"old");
}

#[test]
fn a_refused_link_on_the_way_costs_its_file_only() {
    let (dir, root) = tree();
    fs::create_dir(inside(&dir, "/tmp")).unwrap();
    fs::set_permissions(inside(&dir, "/tmp"), fs::Permissions::from_mode(0o1777)).unwrap();
    fs::create_dir(inside(&dir, "/etc")).unwrap();
    symlink("/etc", inside(&dir, "/tmp/link")).unwrap();
    let mut results = write_all(&root, &[of("/tmp/link/file", b"x", 0o644), of("/tmp/file", b"x", 0o644)]);
    assert_eq!(results.pop().unwrap().unwrap(), Done);
    let error = message(results.pop().unwrap());
    assert!(error.starts_with("failed to write /tmp/link/file: not following the link /tmp/link"), "{error}");
    assert!(names(&inside(&dir, "/etc")).is_empty());
}

#[test]
fn reading_gives_regular_files_within_a_limit() {
    let (dir, root) = tree();
    fs::write(inside(&dir, "/file"), "12345").unwrap();
    symlink("/file", inside(&dir, "/link")).unwrap();
    symlink("/missing", inside(&dir, "/broken")).unwrap();
    let read = |path: &str, limit| read(&root, Path::new(path), limit);
    assert_eq!(read("/file", 5).unwrap().unwrap(), b"12345");
    assert_eq!(read("/link", 5).unwrap().unwrap(), b"12345");
    assert_eq!(read("/broken", 5).unwrap(), None);
    assert_eq!(read("/no/where", 5).unwrap(), None);
    assert!(format!("{:#}", read("/file", 4).unwrap_err()).contains("more than 4 bytes"));
    assert!(read("/", 5).is_err());
}

#[test]
fn masks_are_made_and_removed() {
    let (dir, root) = tree();
    let path = Path::new("/etc/systemd/system/a.service");
    assert!(would_mask(&root, path).unwrap());
    assert!(!is_mask(&root, path).unwrap());
    assert_eq!(unmask(&root, path).unwrap(), Unchanged);
    assert_eq!(mask(&root, path).unwrap(), Done);
    assert!(is_mask(&root, path).unwrap());
    assert_eq!(mask(&root, path).unwrap(), Unchanged);
    assert_eq!(fs::read_link(inside(&dir, path.to_str().unwrap())).unwrap(), Path::new("/dev/null"));
    assert!(would_unmask(&root, path).unwrap());
    assert_eq!(unmask(&root, path).unwrap(), Done);
    assert_eq!(unmask(&root, path).unwrap(), Unchanged);
    assert!(names(&inside(&dir, "/etc/systemd/system")).is_empty());
}

#[test]
fn a_mask_replaces_files_and_links_and_unmasking_spares_them() {
    let (dir, root) = tree();
    let unit = Path::new("/a.service");
    let there = inside(&dir, "/a.service");
    fs::write(&there, "[Unit]").unwrap();
    assert_eq!(unmask(&root, unit).unwrap(), Unchanged);
    assert_eq!(mask(&root, unit).unwrap(), Done);
    fs::remove_file(&there).unwrap();
    symlink("/usr/lib/systemd/system/a.service", &there).unwrap();
    assert_eq!(unmask(&root, unit).unwrap(), Unchanged);
    assert_eq!(mask(&root, unit).unwrap(), Done);
    fs::remove_file(&there).unwrap();
    fs::write(&there, "").unwrap();
    assert_eq!(unmask(&root, unit).unwrap(), Done);
    assert!(names(dir.path()).is_empty());
}

#[test]
fn directories_get_their_mode_and_keep_it() {
    let (dir, root) = tree();
    let mode = |path: &str| fs::metadata(inside(&dir, path)).unwrap().mode() & 0o7777;
    assert_eq!(directory(&root, Path::new("/var/lib/x"), 0o700).unwrap(), Done);
    assert_eq!((mode("/var"), mode("/var/lib"), mode("/var/lib/x")), (0o755, 0o755, 0o700));
    assert_eq!(directory(&root, Path::new("/var/lib/x"), 0o700).unwrap(), Unchanged);
    assert_eq!(directory(&root, Path::new("/var/lib/x"), 0o750).unwrap(), Done);
    assert_eq!(mode("/var/lib/x"), 0o750);
    symlink("var/lib/x", inside(&dir, "/link")).unwrap();
    assert_eq!(directory(&root, Path::new("/link"), 0o700).unwrap(), Done);
    assert_eq!(mode("/var/lib/x"), 0o700);
    fs::write(inside(&dir, "/file"), "").unwrap();
    let error = message(directory(&root, Path::new("/file"), 0o700));
    assert_eq!(error, "failed to create the directory /file: /file is not a directory");
}

#[test]
fn a_directory_of_another_user_is_not_taken() {
    if !rustix::process::geteuid().is_root() {
        println!("skipped: needs root");
        return;
    }
    let (dir, root) = tree();
    fs::create_dir(inside(&dir, "/x")).unwrap();
    std::os::unix::fs::chown(inside(&dir, "/x"), Some(4242), None).unwrap();
    let error = message(directory(&root, Path::new("/x"), 0o700));
    assert_eq!(error, "failed to create the directory /x: it belongs to another user (uid 4242)");
}
