//! `oem/customize-image.sh`, with images and keys that the tests make. Needs no root.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use super::{PLATFORMS, config, read, root};

/// The unit that applies the user-data of an image; `container/cases/image.rs` boots with it.
const UNIT: &str = "    - name: user-cloudinit@usr-share-oem-user_data.path\n      command: start\n";

/// The unit that mounts the program of the OEM partition, as on the page for Container Linux.
fn mount() -> String {
    let page = read("oem/README.md");
    let section = page.split_once("## On Container Linux").expect("the section").1;
    let config =
        section.split_once("```yaml\n").and_then(|(_, rest)| rest.split_once("```")).expect("a configuration").0;
    config.split_once("  units:\n").expect("the units").1.to_owned()
}

/// Functions for the scripts of this file. A key is written to NAME.gpg, a signature to FILE.NAME.sig.
const FUNCTIONS: &str = include_str!("../../inputs/customize.sh");

/// Returns true if this machine has the tools; `make test` installs them.
pub(super) fn has_tools() -> bool {
    let tools = "gpg gpgv sgdisk partx mkfs.ext4 mkfs.vfat mcopy mkfs.btrfs fakeroot qemu-img bzip2 zstd";
    let script = format!("PATH=$PATH:/usr/sbin:/sbin; for tool in {tools}; do command -v $tool || exit 1; done");
    let is_there = Command::new("bash").args(["-c", &script]).output().unwrap().status.success();
    if !is_there {
        assert!(std::env::var_os("CI").is_none(), "one of {tools} is missing");
        eprintln!("skipped: one of {tools} is missing");
    }
    is_there
}

/// Runs a script in a directory and returns its output.
pub(super) fn sh(directory: &Path, script: &str) -> String {
    let script = format!("{FUNCTIONS}\n{script}");
    let output = Command::new("bash").args(["-c", &script]).current_dir(directory).output().unwrap();
    assert!(output.status.success(), "{script}\n{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// A directory in which a script was run that makes keys and images.
pub(super) fn prepared(script: &str) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    sh(directory.path(), &format!("{script}\ngpgconf --kill all"));
    directory
}

/// The customization of a directory's `image`, with options separated by spaces.
pub(super) fn customize(directory: &Path, options: &str) -> Command {
    let mut command = Command::new(root().join("oem/customize-image.sh"));
    command.args(options.split(' ')).current_dir(directory);
    command
}

pub(super) fn run(directory: &Path, options: &str) -> Output {
    customize(directory, options).output().unwrap()
}

/// Returns the names of everything that a refused run could leave.
pub(super) fn leftovers(directory: &Path) -> Vec<String> {
    let names = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name == "out" || name.starts_with('.')).collect()
}

/// Checks that a run writes nothing and reports `problem`.
pub(super) fn refuses(directory: &Path, options: &str, problem: &str) {
    let output = run(directory, &format!("{options} --output out"));
    let message = format!("customize-image: {problem}; image not written\n");
    assert_eq!(String::from_utf8_lossy(&output.stderr), message, "{options}");
    assert_eq!((output.status.code(), leftovers(directory)), (Some(1), vec![]), "{options}");
}

/// Checks the written image `out` beside the image `disk` that it was made from.
fn only_the_partition_differs(directory: &Path) {
    let (disk, out) = (fs::read(directory.join("disk")).unwrap(), fs::read(directory.join("out")).unwrap());
    let (begin, end) = (1 << 20, 33 << 20);
    assert_eq!(disk.len(), out.len());
    assert!(disk[..begin] == out[..begin] && disk[end..] == out[end..] && disk[begin..end] != out[begin..end]);
}

const GOOD: &str =
    "--signature image.good.sig --key good.gpg --oem hyperv --user-data user_data --program true --output out";

#[test]
fn each_file_system_gets_the_files_and_keeps_the_others() {
    if !has_tools() {
        return;
    }
    let prepared = prepared("key good never; echo '#cloud-config' > user_data; cp /bin/true true");
    let dir = prepared.path();
    for (system, pack, name, kind) in [
        ("ext4", "bzip2 -c disk > image.bz2", "image.bz2", "ext4"),
        ("vfat", "zstd -q disk -o image.zst", "image.zst", "vfat"),
        ("btrfs_old", "gzip -c disk > image.gz", "image.gz", "btrfs"),
        ("ext4", "qemu-img convert -O qcow2 disk image.img", "image.img", "ext4"),
    ] {
        sh(dir, &format!("{system}; disk disk {kind}; {pack}; chmod 444 {name}; sign good {name}; rm -f out"));
        let before = fs::read(dir.join(name)).unwrap();
        let output = run(dir, &format!("{name} {}", GOOD.replace("image.", &format!("{name}."))));
        let message = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
        assert!(message.starts_with(&format!("customize-image: wrote out for hyperv: OEM partition 6 ({kind})")));
        assert!(fs::read(dir.join(name)).unwrap() == before, "{name} has changed");
        only_the_partition_differs(dir);
        let found = match kind {
            "ext4" => sh(
                dir,
                "oem out; e2fsck -fn part > /dev/null 2>&1; debugfs -R 'ls -p' part 2> /dev/null | cut -d/ -f3-6
                debugfs -R 'dump coreos-cloudinit program' part 2> /dev/null; cmp program true
                for file in cloud-config.yml user_data sub/data; do debugfs -R \"cat $file\" part 2> /dev/null; done",
            ),
            "vfat" => sh(dir, "oem out; mcopy -n -i part ::coreos-cloudinit program; cmp program true
                for file in cloud-config.yml user_data grub.cfg; do mcopy -i part ::$file -; done"),
            _ => sh(
                dir,
                "oem out; btrfs check part > /dev/null 2>&1; rm -rf back; mkdir back; btrfs restore -m -S part back > /dev/null
                btrfs inspect-internal dump-super part | grep -E -o 'MIXED_GROUPS|NO_HOLES|FREE_SPACE_TREE'
                cmp <(blkid -p -o value -s LABEL -s UUID part) <(blkid -p -o value -s LABEL -s UUID btrfs)
                btrfs inspect-internal dump-tree part | grep -E -o 'mode 100(600|755) links 1 uid 0 gid 0'
                cmp back/coreos-cloudinit true; cd back; diff -r --no-dereference . ../files | grep ^Only
                cat cloud-config.yml user_data",
            ),
        };
        assert!(
            found.contains(&(config("hyperv") + "\n  units:\n" + &mount() + UNIT + "#cloud-config\n")),
            "{name}: {found}"
        );
        match kind {
            "ext4" => {
                for row in [
                    "100644/0/0/cloud-config.yml\n",
                    "100600/0/0/user_data\n",
                    "100755/0/0/coreos-cloudinit\n",
                    "120777/0/0/link\n",
                ] {
                    assert!(found.contains(row), "{row}: {found}");
                }
                assert!(found.ends_with(&"x".repeat(100_000)), "{found}");
            }
            "vfat" => assert!(found.ends_with("set oem_id=\"qemu\"\n"), "{found}"),
            _ => assert!(
                found.contains("mode 100600 links 1 uid 0 gid 0\n")
                    && found.contains("mode 100755 links 1 uid 0 gid 0\n")
                    && found.starts_with("MIXED_GROUPS\n")
                    && found.contains("\nOnly in .: coreos-cloudinit\nOnly in .: user_data\n#cloud-config"),
                "{found}"
            ),
        }
    }
}

#[test]
fn the_user_data_of_an_image_has_a_unit_on_every_platform() {
    for platform in PLATFORMS {
        let text = config(platform);
        let keys = text.lines().filter(|line| line.starts_with(|c: char| c.is_ascii_lowercase()));
        assert_eq!(keys.collect::<Vec<_>>(), ["coreos:"], "{platform}");
        assert!(text.matches("\n  units:\n").count() <= 1, "{platform}");
    }
    if !has_tools() {
        return;
    }
    let prepared = prepared(
        "key good never; echo '#cloud-config' > user_data; cp /bin/true true; ext4; disk image ext4; sign good image",
    );
    let dir = prepared.path();
    for (options, wanted) in [
        (
            format!("image {}", GOOD.replace("hyperv", "ami")),
            config("ami").replace("  units:\n", &format!("  units:\n{}{UNIT}", mount())),
        ),
        ("image --signature=image.good.sig --key=good.gpg --oem=ami --output=out".to_owned(), config("ami")),
    ] {
        let output = run(dir, &options);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let found = sh(dir, "oem out; rm out; debugfs -R 'cat cloud-config.yml' part 2> /dev/null");
        assert_eq!(found, wanted);
        let file = dir.join("config.yml");
        fs::write(&file, found).unwrap();
        let mut program = Command::new(env!("CARGO_BIN_EXE_coreos-cloudinit"));
        let output = program.arg("--validate").arg(format!("--from-file={}", file.display())).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn an_image_without_a_valid_signature_is_refused() {
    if !has_tools() {
        return;
    }
    let prepared = prepared(
        "key good never; key wrong never; key revoked never
        past='--faked-system-time 20200101T000000'
        gpg() { command gpg $past \"$@\"; }
        key expired 30d; key old never
        echo image > image; sign expired image; sign old image --default-sig-expire 1d
        unset -f gpg
        for by in good wrong revoked; do sign $by image; done
        sed 's/^:---/---/' gnupg/openpgp-revocs.d/$(gpg --batch --with-colons --list-keys revoked 2> /dev/null |
            sed -n '/^fpr/{s/[^0-9A-F]//g;p}').rev | gpg --batch --quiet --import 2> /dev/null
        gpg --batch --export revoked > revoked.gpg
        cat good.gpg revoked.gpg expired.gpg old.gpg > all.gpg
        gpg --batch --armor --export good > armored.gpg
        : > image.empty.sig; echo text > image.text.sig; cat image.good.sig image.wrong.sig > image.two.sig
        cat image - <<< more > changed; head -c 3 image > short",
    );
    let dir = prepared.path();
    for (image, signature, key, problem) in [
        ("image", "wrong", "all", "image: signed with a key that is not in all.gpg"),
        ("image", "two", "all", "image: signed with a key that is not in all.gpg"),
        ("image", "revoked", "all", "image: signed with a revoked key"),
        (
            "image",
            "expired",
            "all",
            "image: signed on 2020-01-01 with a key that expired on 2020-01-31, see --allow-expired-key",
        ),
        ("image", "old", "all", "image: the signature has expired"),
        ("image", "empty", "all", "image.empty.sig: not a signature"),
        ("image", "text", "all", "image.text.sig: not a signature"),
        ("image", "none", "all", "image.none.sig: not a readable file"),
        ("changed", "good", "all", "changed: the signature does not match, the file was changed or is incomplete"),
        ("short", "good", "all", "short: the signature does not match, the file was changed or is incomplete"),
        ("image", "good", "armored", "armored.gpg: armored keyring, convert it with gpg --dearmor"),
        ("image", "good", "wrong", "image: signed with a key that is not in wrong.gpg"),
        // Only what follows a valid signature refuses this one.
        ("image", "good", "all", "image: no GPT partition with the label OEM"),
    ] {
        let options = format!("{image} --signature image.{signature}.sig --key {key}.gpg --oem ami");
        refuses(dir, &options, problem);
    }
}

#[test]
fn an_image_that_cannot_be_changed_is_refused() {
    if !has_tools() {
        return;
    }
    let prepared = prepared(
        "key good never; ext4; disk disk ext4; head -c 900000 /dev/urandom > user_data; : > nothing; head -c 9000 /bin/true > half
        cp disk two; sgdisk -c 9:OEM two > /dev/null
        truncate -s 32M zeros; disk unknown zeros
        mkfs.ext4 -q -F -L OEM -b 1024 -d files ext4 1024; truncate -s 32M ext4; disk full ext4
        head -c 100 disk > broken.bz2; printf 'QFI\\373' > broken
        head -c 30000000 /dev/urandom > large; rm btrfs; truncate -s 64M btrfs
        mkfs.btrfs -q -f -d single -m single -L OEM -r files btrfs > /dev/null 2>&1
        truncate -s 66M small; sgdisk -n 6:2048:+64M -c 6:OEM small > /dev/null
        dd if=btrfs of=small bs=1M seek=1 conv=notrunc status=none
        for file in small disk two unknown full broken.bz2 broken; do sign good $file; done",
    );
    let dir = prepared.path();
    for (image, more, problem) in [
        ("two", "", "two: more than one partition with the label OEM"),
        ("unknown", "", "unknown: unknown file system on the OEM partition"),
        ("broken.bz2", "", "broken.bz2: failed to unpack"),
        ("broken", "", "broken: failed to convert from qcow2"),
        ("disk", " --user-data nothing", "nothing: empty"),
        ("disk", " --program user_data", "user_data: not a program for x86-64 or arm64"),
        ("disk", " --program nothing", "nothing: not a program for x86-64 or arm64"),
        ("disk", " --program half", "half: incomplete"),
        ("disk", " --sysext nothing", "--sysext: unknown option, see --help"),
        ("disk", " disk", "disk: more than one image"),
    ] {
        let options = format!("{image} --signature {image}.good.sig --key good.gpg --oem ami{more}");
        refuses(dir, &options, problem);
    }
    // mkfs.btrfs makes the file of a small file system larger instead of refusing the files.
    for (image, system, user_data) in [("full", "ext4", "user_data"), ("small", "btrfs", "large")] {
        let options = format!("{image} --signature {image}.good.sig --key good.gpg --oem ami --output out");
        let output = run(dir, &format!("{options} --user-data {user_data}"));
        let message = String::from_utf8_lossy(&output.stderr);
        let problem = format!("customize-image: {image}: failed to change the OEM partition ({system}): ");
        assert!(message.starts_with(&problem) && message.ends_with("; image not written\n"), "{message}");
        assert!(!output.status.success() && leftovers(dir).is_empty(), "{message}");
    }
    refuses(dir, "disk --signature disk.good.sig --key good.gpg", "--oem: missing");
    let known = PLATFORMS.join(" ").replace("rackspace rackspace-onmetal", "rackspace-onmetal rackspace");
    for name in ["ec2", "man"] {
        let problem = format!("{name}: unknown platform, not one of {known}");
        refuses(dir, &format!("disk --signature disk.good.sig --key good.gpg --oem {name}"), &problem);
    }
    fs::write(dir.join("out"), "mine").unwrap();
    let output = run(dir, "disk --signature disk.good.sig --key good.gpg --oem ami --output out");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "customize-image: out: exists already; image not written\n");
    assert_eq!(fs::read_to_string(dir.join("out")).unwrap(), "mine");
}

#[test]
fn the_help_names_every_option() {
    let output = run(Path::new("."), "--help");
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && text.starts_with("Verifies a downloaded image"), "{text}");
    for option in ["signature", "key", "oem", "output", "user-data", "program", "allow-expired-key"] {
        assert!(text.contains(&format!("\n  --{option}")), "{option}: {text}");
    }
    assert!(!text.contains('#') && !text.contains("set -"), "{text}");
}

#[test]
fn a_missing_program_is_reported_with_its_package() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("bin");
    fs::create_dir(&path).unwrap();
    for tool in ["dirname", "realpath", "dd", "head", "od", "stat"] {
        std::os::unix::fs::symlink(format!("/usr/bin/{tool}"), path.join(tool)).unwrap();
    }
    fs::write(dir.path().join("image"), "image").unwrap();
    let mut command = customize(dir.path(), "image --signature image --key image --oem ami --output out");
    let output = command.env("PATH", &path).output().unwrap();
    let message = "customize-image: gpgv: missing program, from the package gpgv; image not written\n";
    assert_eq!(String::from_utf8_lossy(&output.stderr), message);
}

/// Returns false for a process that is gone or waits for its parent.
fn runs(pid: Pid) -> bool {
    let stat = fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero()));
    stat.is_ok_and(|stat| !stat.contains(") Z "))
}

/// A program of each stage hangs until the signal.
#[test]
fn a_signal_ends_the_run_at_once_and_leaves_nothing() {
    if !has_tools() {
        return;
    }
    let prepared = prepared("key good never; ext4; disk image ext4; bzip2 image; sign good image.bz2; mkdir bin");
    let dir = prepared.path();
    for tool in ["gpgv", "bzip2", "debugfs"] {
        let (stub, pid) = (dir.join("bin").join(tool), dir.join("pid"));
        // Renamed, so that the file is complete.
        let script = format!("#!/bin/sh\nsleep 60 &\necho $! > {0}.new\nmv {0}.new {0}\nwait\n", pid.display());
        fs::write(&stub, script).unwrap();
        fs::set_permissions(&stub, fs::Permissions::from_mode(0o755)).unwrap();
        let options = "image.bz2 --signature image.bz2.good.sig --key good.gpg --oem ami --output out";
        let mut command = customize(dir, options);
        let path = format!("{}:{}", dir.join("bin").display(), std::env::var("PATH").unwrap());
        let child = command.env("PATH", path).stderr(std::process::Stdio::piped()).spawn().unwrap();
        let began = Instant::now();
        while !pid.exists() {
            assert!(began.elapsed() < Duration::from_secs(30), "{tool} was not started");
            std::thread::sleep(Duration::from_millis(10));
        }
        assert!(leftovers(dir).iter().any(|name| name.starts_with(".customize-image.")), "{tool}");
        let pid_of = |text: &str| Pid::from_raw(text.trim().parse().unwrap()).unwrap();
        let sleep = pid_of(&fs::read_to_string(&pid).unwrap());
        kill_process(pid_of(&child.id().to_string()), Signal::TERM).unwrap();
        let signaled = Instant::now();
        let output = child.wait_with_output().unwrap();
        assert!(!output.status.success() && signaled.elapsed() < Duration::from_secs(10), "{tool}");
        let message = String::from_utf8_lossy(&output.stderr);
        assert_eq!(message, "customize-image: interrupted; image not written\n", "{tool}");
        assert_eq!(leftovers(dir), Vec::<String>::new(), "{tool}");
        while runs(sleep) {
            assert!(signaled.elapsed() < Duration::from_secs(10), "{tool} still runs");
            std::thread::sleep(Duration::from_millis(10));
        }
        fs::remove_file(&stub).unwrap();
        fs::remove_file(&pid).unwrap();
    }
}
