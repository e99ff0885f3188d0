//! `make install` and `make check-oem`.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

use super::{config, names, read, root};

/// Runs make with these words; no compiler is needed where `BIN` is given.
fn make(words: &[&str]) -> Output {
    let mut make = Command::new("make");
    make.arg("--silent").arg("--directory").arg(root()).args(words);
    // Where make has started these tests, its own words are not for this one.
    make.env_remove("MAKEFLAGS").env_remove("MAKEOVERRIDES").output().expect("make is there")
}

/// Lists every path of a tree, with the mode of a file or directory and the target of a link.
fn listing(directory: &Path, base: &Path, out: &mut String) {
    let mut entries: Vec<PathBuf> = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        let name = path.strip_prefix(base).unwrap().display();
        let found = fs::symlink_metadata(&path).unwrap();
        if found.is_symlink() {
            let _ = writeln!(out, "{name} -> {}", fs::read_link(&path).unwrap().display());
            continue;
        }
        let slash = if found.is_dir() { "/" } else { "" };
        let _ = writeln!(out, "{name}{slash} {:04o}", found.permissions().mode() & 0o7777);
        if found.is_dir() {
            listing(&path, base, out);
        }
    }
}

fn installed(words: &[&str]) -> (TempDir, String) {
    let tree = tempfile::tempdir().unwrap();
    // Without the program: its content does not matter here, and it is large.
    let fixed = [format!("DESTDIR={}", tree.path().display()), "BIN=/dev/null".to_owned()];
    let words: Vec<_> =
        ["install"].into_iter().chain(fixed.iter().map(String::as_str)).chain(words.iter().copied()).collect();
    let output = make(&words);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut found = String::new();
    listing(tree.path(), tree.path(), &mut found);
    (tree, found)
}

#[test]
fn make_install_lays_out_these_files() {
    let (tree, found) = installed(&["OEM=ami"]);
    let mut wanted = read("tests/pure/oem/installed.txt");
    // The files in docs/ may change; their destination may not.
    for page in names("docs") {
        let _ = writeln!(wanted, "usr/share/doc/coreos-cloudinit/{page} 0644");
    }
    wanted.push_str("usr/share/doc/coreos-cloudinit/examples/ 0755\n");
    for example in names("examples") {
        let _ = writeln!(wanted, "usr/share/doc/coreos-cloudinit/examples/{example} 0644");
    }
    let sorted = |text: &str| {
        let mut lines: Vec<_> = text.lines().map(str::to_owned).collect();
        lines.sort();
        lines.join("\n")
    };
    assert_eq!(sorted(&found), sorted(&wanted));
    let text = |path: &str| fs::read_to_string(tree.path().join(path)).unwrap();
    assert_eq!(text("usr/share/oem/cloud-config.yml"), config("ami"));
    let unit = "systemd/system/user-cloudinit@.service";
    assert_eq!(text(&format!("usr/lib/{unit}")), read(format!("oem/{unit}")));
    // A second time over the first is the same.
    let again = make(&["install", "BIN=/dev/null", "OEM=ami", &format!("DESTDIR={}", tree.path().display())]);
    let mut found_again = String::new();
    listing(tree.path(), tree.path(), &mut found_again);
    assert!(again.status.success() && found_again == found, "{found_again}");
}

#[test]
fn another_prefix_is_where_units_look_for_the_program() {
    let (tree, found) = installed(&["PREFIX=/usr/local"]);
    assert!(found.contains("usr/local/bin/coreos-cloudinit 0755\n") && !found.contains("usr/share/oem"), "{found}");
    let units = tree.path().join("usr/local/lib/systemd/system");
    for unit in units.read_dir().unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_file()) {
        let text = fs::read_to_string(&unit).unwrap();
        assert!(!text.contains("/usr/bin/coreos-cloudinit") && !text.contains("/usr/share/doc"), "{}", unit.display());
    }
}

#[test]
fn a_platform_that_there_is_not_is_named_with_those_that_there_are() {
    let tree = tempfile::tempdir().unwrap();
    let output = make(&["install", "BIN=/dev/null", "OEM=ec2", &format!("DESTDIR={}", tree.path().display())]);
    let messages = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && messages.contains("ec2") && messages.contains(" ami azure "), "{messages}");
    assert!(fs::read_dir(tree.path()).unwrap().next().is_none(), "nothing is installed");
}

#[test]
fn a_relative_destdir_starts_where_make_is_run() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let tree = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    // Only where Cargo builds inside of the checkout there is a way without `..`.
    let Ok(relative) = tree.path().strip_prefix(root) else { return };
    let output = make(&["install", "BIN=/dev/null", &format!("DESTDIR={}", relative.display())]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(tree.path().join("usr/bin/coreos-cloudinit").exists());
}

#[test]
fn a_tree_is_checked_where_its_prefix_is() {
    let (is_clean, messages) = checked_beneath("/usr/local", |_| {});
    assert!(is_clean, "{messages}");
    let (is_clean, messages) = checked_beneath("/usr/local", |tree| {
        fs::remove_file(tree.join("usr/local/lib/systemd/system/user-config.target")).unwrap();
    });
    assert!(
        !is_clean && messages.contains("/usr/local/lib/systemd/system/user-config.target is missing"),
        "{messages}"
    );
}

#[test]
fn the_pages_lead_to_each_other_where_they_are_installed() {
    let (tree, _) = installed(&[]);
    let directory = tree.path().join("usr/share/doc/coreos-cloudinit");
    let mut links = 0;
    for page in fs::read_dir(&directory).unwrap().map(|entry| entry.unwrap().path()).filter(|it| it.is_file()) {
        let text = fs::read_to_string(&page).unwrap();
        for link in text.split("](").skip(1).map(|rest| rest.split([')', '#']).next().unwrap_or_default()) {
            let is_ours = !link.is_empty() && !link.contains("://");
            assert!(!is_ours || directory.join(link).exists(), "{}: {link}", page.display());
            links += usize::from(is_ours);
        }
    }
    assert!(links > 20, "{links}");
}

/// A tree with the real program, to be checked.
fn checked(change: impl FnOnce(&Path)) -> (bool, String) {
    checked_beneath("/usr", change)
}

/// The same below a prefix.
fn checked_beneath(prefix: &str, change: impl FnOnce(&Path)) -> (bool, String) {
    let prefix_word = format!("PREFIX={prefix}");
    let (tree, _) = installed(&["OEM=gce", &prefix_word]);
    let program = tree.path().join(&prefix[1..]).join("bin/coreos-cloudinit");
    fs::remove_file(&program).unwrap();
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_coreos-cloudinit"), &program).unwrap();
    change(tree.path());
    let output = make(&["check-oem", &format!("DIR={}", tree.path().display()), &prefix_word]);
    let messages = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    (output.status.success(), messages)
}

#[test]
fn a_tree_is_checked() {
    let (clean, messages) = checked(|_| ());
    assert!(clean && messages.contains("25 cloud-configs"), "{messages}");
    let (clean, messages) = checked(|tree| {
        let usr = tree.join("usr");
        fs::write(usr.join("share/oem/cloud-config.yml"), "#cloud-config\ncoreos: {oem: {idd: x}}\n").unwrap();
        fs::create_dir(usr.join("share/coreos")).unwrap();
        fs::write(usr.join("share/coreos/cloud-config.yml"), "#cloud-config\nhostname: x\n").unwrap();
        fs::remove_file(usr.join("lib/systemd/system/media-ovfenv.mount")).unwrap();
        fs::remove_file(usr.join("lib/systemd/system/multi-user.target.wants/user-config.target")).unwrap();
    });
    assert!(!clean, "{messages}");
    for word in [
        "usr/share/oem/cloud-config.yml is not clean",
        "two cloud-configs of the image",
        "media-ovfenv.mount is missing",
        "user-config.target is not started at boot",
    ] {
        assert!(messages.contains(word), "{word}\n{messages}");
    }
    let (clean, messages) = checked(|tree| {
        let early = tree.join("usr/lib/systemd/system/user-config.target.d/early.conf");
        fs::create_dir(early.parent().unwrap()).unwrap();
        fs::write(early, "[Unit]\nBefore=basic.target\n").unwrap();
    });
    // Without systemd this cannot be checked.
    let is_reported = messages.contains("cycle") || messages.contains("systemd-analyze is missing");
    assert!(is_reported && clean == messages.contains("systemd-analyze is missing"), "{messages}");
    let output = make(&["check-oem"]);
    assert!(!output.status.success() && String::from_utf8_lossy(&output.stderr).contains("DIR"));
}

/// Runs the script itself, without make.
fn install_script(tree: &Path, prefix: &str, oem: &str) -> (bool, String) {
    let mut script = Command::new(root().join("oem/install.sh"));
    script.env("DESTDIR", tree).env("BIN", "/dev/null").env("PREFIX", prefix).env("OEM", oem);
    let output = script.output().unwrap();
    (output.status.success(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn an_installation_never_leaves_its_tree() {
    let host = tempfile::tempdir().unwrap();
    let outside = host.path().join("outside");
    fs::create_dir(&outside).unwrap();
    let victim = outside.join("victim");
    fs::write(&victim, "mine").unwrap();
    let tree = host.path().join("tree");
    let is_untouched = || {
        names_in(&outside) == ["victim"]
            && fs::read_to_string(&victim).unwrap() == "mine"
            && fs::metadata(&victim).unwrap().permissions().mode() & 0o777 == 0o600
    };
    fs::set_permissions(&victim, fs::Permissions::from_mode(0o600)).unwrap();
    let link = |target: &Path, path: &str| {
        let _ = fs::remove_dir_all(&tree);
        let path = tree.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::os::unix::fs::symlink(target, &path).unwrap();
        path
    };
    // A directory: refused before anything is written.
    for (directory, target) in [
        ("usr", "../outside"),
        ("usr/share/oem", outside.to_str().unwrap()),
        ("usr/share/oem", "../../../outside"),
        ("usr/share/oem", "/nonexistent-oem"),
        ("usr/lib/systemd/system/multi-user.target.wants", "../../../../../../outside"),
    ] {
        let path = link(Path::new(target), directory);
        let (is_installed, message) = install_script(&tree, "/usr", "ami");
        assert!(!is_installed && message.contains(path.to_str().unwrap()), "{directory}: {message}");
        assert!(message.ends_with("; nothing installed\n"), "{message}");
        assert!(is_untouched() && !tree.join("usr/bin").exists(), "{directory}");
    }
    // A link that stays in the tree is followed.
    link(Path::new("../../oem"), "usr/share/oem");
    fs::create_dir(tree.join("oem")).unwrap();
    let (is_installed, message) = install_script(&tree, "/usr", "ami");
    assert!(is_installed, "{message}");
    assert_eq!(fs::read_to_string(tree.join("oem/cloud-config.yml")).unwrap(), config("ami"));
    // A file is replaced, and a hard link keeps its content.
    for file in
        ["usr/bin/coreos-cloudinit", "usr/lib/systemd/system/user-config.target", "usr/share/oem/cloud-config.yml"]
    {
        let path = link(&victim, file);
        assert_eq!(install_script(&tree, "/usr", "ami"), (true, String::new()), "{file}");
        assert!(is_untouched() && !path.is_symlink(), "{file}");
        fs::remove_file(&path).unwrap();
        fs::hard_link(&victim, &path).unwrap();
        assert!(install_script(&tree, "/usr", "ami").0 && is_untouched(), "{file}");
    }
}

/// The sorted names in a directory.
fn names_in(directory: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_masked_unit_stays_masked() {
    let tree = tempfile::tempdir().unwrap();
    let units = tree.path().join("usr/lib/systemd/system");
    fs::create_dir_all(units.join("multi-user.target.wants")).unwrap();
    let masks = ["multi-user.target.wants/user-config.target", "user-configdrive.service"].map(|unit| units.join(unit));
    for mask in &masks {
        std::os::unix::fs::symlink("/dev/null", mask).unwrap();
    }
    let (is_installed, message) = install_script(tree.path(), "/usr", "");
    assert!(is_installed, "{message}");
    for mask in &masks {
        assert_eq!(fs::read_link(mask).unwrap(), Path::new("/dev/null"));
        assert!(message.contains(&format!("install: {}: masked; not installed\n", mask.display())), "{message}");
    }
    let mut found = String::new();
    listing(tree.path(), tree.path(), &mut found);
    assert!(!found.contains(".coreos-cloudinit."), "{found}");
}

#[test]
fn a_prefix_that_units_cannot_contain_is_refused() {
    let tree = tempfile::tempdir().unwrap();
    for prefix in ["usr", "/opt/a b", "/opt/a&b", "/opt/a|b", "/opt/a\\b", "/opt/a%b", "/opt/a\nb"] {
        let (is_installed, message) = install_script(tree.path(), prefix, "");
        assert!(!is_installed, "{prefix}");
        assert_eq!(message, format!("install: PREFIX: invalid path {prefix}; nothing installed\n"));
    }
    assert!(names_in(tree.path()).is_empty());
}

#[test]
fn make_accepts_any_path() {
    let directory = tempfile::tempdir().unwrap();
    for name in ["a b", "it's", "\"x\" `y`", "*;&|"] {
        let tree = directory.path().join(name);
        let program = directory.path().join(format!("program {name}"));
        fs::write(&program, "#!/bin/sh\n").unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        let [destdir, dir, bin] = [("DESTDIR", &tree), ("DIR", &tree), ("BIN", &program)]
            .map(|(key, path)| format!("{key}={}", path.display()));
        let output = make(&["install", &destdir, &bin]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(fs::read_to_string(tree.join("usr/bin/coreos-cloudinit")).unwrap(), "#!/bin/sh\n");
        let output = make(&["check-oem", &dir, &bin]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}
