//! Crafted or unusual input of `oem/customize-image.sh`: old keys, images that name files of the host, file systems with
//! content that cannot be kept.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;

use super::customize::{customize, has_tools, leftovers, prepared, refuses, run, sh};
use super::root;

const AMI: &str = "--key good.gpg --oem ami";

/// Signs the files with `good`, and checks that each is refused with its message.
fn refuses_each(dir: &Path, cases: &[(&str, &str)]) {
    for (image, problem) in cases {
        sh(dir, &format!("sign good {image}"));
        refuses(dir, &format!("{image} --signature {image}.good.sig {AMI}"), &format!("{image}: {problem}"));
    }
}

#[test]
fn an_old_signature_by_an_expired_key_needs_an_option() {
    if !has_tools() {
        return;
    }
    // As in Container Linux: the primary key has no end, and each signing subkey has one.
    let prepared = prepared(
        "gpg() { command gpg --pinentry-mode loopback --passphrase= --faked-system-time \"${day}T000000\" \"$@\" 2> /dev/null; }
        fingerprint() { gpg --with-colons --list-keys $1 | sed -n '/^fpr/{s/[^0-9A-F]//g;p;q}'; }
        day=20180101; gpg --batch --quick-gen-key subs ed25519 cert never
        gpg --batch --quick-add-key $(fingerprint subs) ed25519 sign 2019-06-01
        day=20190204; gpg --batch --quick-add-key $(fingerprint subs) ed25519 sign 2021-06-01
        gpg --batch --export subs > subs.gpg
        ext4; disk image ext4; day=20200526; sign subs image; cp image.subs.sig image.old.sig
        # The holder of the old key prolongs it, without an effect on the keyring.
        day=20180101; key late 30d; gpg --batch --quick-set-expire $(fingerprint late) 0
        day=20200526; sign late image
        # A second key in the keyring does not matter.
        day=20180101; key gone 30d; sign gone image; cat subs.gpg gone.gpg late.gpg > all.gpg
        sed 's/^:---/---/' gnupg/openpgp-revocs.d/$(fingerprint gone).rev | gpg --batch --import
        gpg --batch --export gone > revoked.gpg
        unset -f gpg
        key good never; gpg() { command gpg --faked-system-time 20990101T000000 \"$@\"; }; sign good image",
    );
    let dir = prepared.path();
    let ended = "image: signed on 2020-05-26 with a key that expired on 2021-06-01, see --allow-expired-key";
    for (signature, key, problem) in [
        ("subs", "subs", ended),
        ("subs", "all", ended),
        ("gone", "all", "image: signed on 2018-01-01 with a key that expired on 2018-01-31, see --allow-expired-key"),
    ] {
        refuses(dir, &format!("image --signature image.{signature}.sig --key {key}.gpg --oem ami"), problem);
    }
    for (signature, key, problem) in [
        ("late", "all", "image: signed on 2020-05-26 with a key that had expired on 2018-01-31"),
        ("gone", "revoked", "image: signed with a revoked key"),
        ("good", "good", "image: signed on 2099-01-01, which is in the future"),
    ] {
        let options = format!("image --signature image.{signature}.sig --key {key}.gpg --oem ami --allow-expired-key");
        refuses(dir, &options, problem);
    }
    for key in ["subs", "all"] {
        let options = format!("image --signature image.subs.sig --key {key}.gpg --oem ami --output out");
        let output = run(dir, &format!("--allow-expired-key {options}"));
        assert!(output.status.success(), "{key}: {}", String::from_utf8_lossy(&output.stderr));
        fs::remove_file(dir.join("out")).unwrap();
    }
}

#[test]
fn an_image_cannot_name_files_of_the_host() {
    if !has_tools() {
        return;
    }
    let prepared = prepared(
        "key good never; ext4; disk disk ext4; cp disk host
        qemu-img create -q -f qcow2 -b $PWD/host -F raw backed
        qemu-img create -q -f qcow2 -o compat=v2 -b $PWD/host -F raw backed2
        qemu-img create -q -f qcow2 -o data_file=$PWD/data,data_file_raw=on external 64M; cp disk data",
    );
    refuses_each(
        prepared.path(),
        &[
            ("backed", "qcow2 with a backing file"),
            ("backed2", "qcow2 with a backing file"),
            ("external", "qcow2 with an external data file"),
        ],
    );
}

#[test]
fn an_image_of_an_unsupported_format_is_named() {
    if !has_tools() {
        return;
    }
    let prepared = prepared(
        "key good never; ext4; disk disk ext4
        gzip -c disk > zipped; qemu-img convert -O vmdk disk vmdk; qemu-img convert -O vpc disk vhd
        truncate -s 1M large; printf 'EFI PART' | dd of=large bs=4096 seek=1 conv=notrunc status=none",
    );
    refuses_each(
        prepared.path(),
        &[
            ("zipped", "compressed, but its name does not end in .bz2, .gz or .zst"),
            ("vmdk", "unsupported format VMDK"),
            ("vhd", "unsupported format VHD"),
            ("large", "unsupported sector size 4096"),
        ],
    );
}

/// CRC-32C without the final inversion.
fn crc32c(start: u32, bytes: &[u8]) -> u32 {
    bytes.iter().fold(start, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ if crc & 1 == 1 { 0x82f6_3b78 } else { 0 })
    })
}

/// Renames a file of a btrfs file system everywhere, so that `btrfs check` has no complaint. The two names have the same
/// length, and no other file is in the directory.
fn rename_in_btrfs(image: &Path, old: &[u8], new: &[u8]) {
    let replace = |node: &mut [u8], old: &[u8], new: &[u8]| {
        let places: Vec<usize> = (0..=node.len() - old.len()).filter(|at| node[*at..].starts_with(old)).collect();
        for at in &places {
            node[*at..*at + new.len()].copy_from_slice(new);
        }
        !places.is_empty()
    };
    // The offset of a key is the hash, in 64 bits.
    let hash = |name| u64::from(crc32c(!1, name)).to_le_bytes();
    let mut bytes = fs::read(image).unwrap();
    let mut changed = 0;
    for node in bytes.chunks_exact_mut(16384) {
        if replace(node, old, new) {
            replace(node, &hash(old), &hash(new));
            let sum = !crc32c(!0, &node[32..]);
            node[..4].copy_from_slice(&sum.to_le_bytes());
            changed += 1;
        }
    }
    assert!(changed > 0);
    fs::write(image, bytes).unwrap();
}

#[test]
fn a_file_name_in_btrfs_cannot_lead_out_of_the_work_directory() {
    if !has_tools() {
        return;
    }
    let prepared = prepared("key good never; mkdir tree; touch tree/.._.._.._victim");
    let dir = prepared.path();
    for (name, damages) in
        [("../../../victim", true), (".././../_victim", true), ("line\nbreak_name", true), ("harmless_name_1", false)]
    {
        sh(
            dir,
            "rm -f volume; truncate -s 128M volume; mkfs.btrfs -q -f -d single -m single -r tree volume > /dev/null 2>&1",
        );
        rename_in_btrfs(&dir.join("volume"), b".._.._.._victim", name.as_bytes());
        sh(dir, "btrfs check --readonly volume > /dev/null 2>&1; mib=128; disk image volume; sign good image");
        let options = format!("image --signature image.good.sig {AMI}");
        if damages {
            refuses(dir, &options, "image: failed to change the OEM partition (btrfs): unsafe file name");
        } else {
            let output = run(dir, &format!("{options} --output out"));
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        }
        assert!(!dir.join("victim").exists(), "{name}");
    }
}

#[test]
fn a_btrfs_that_cannot_be_written_again_is_refused() {
    if !has_tools() {
        return;
    }
    let make = "mib=128; make() { rm -f btrfs; truncate -s 128M btrfs
        mkfs.btrfs -q -f -d single -m single -L OEM -r \"$@\" btrfs > /dev/null 2>&1; }";
    let prepared = prepared(&format!(
        "key good never; {make}
        cp -a files fifo; mkfifo fifo/f; make fifo; disk fifo.img btrfs
        mkdir -p lost/d; chmod 1777 lost/d; make lost; disk lost.img btrfs; sign good lost.img
        make files --nodesize 4096 --csum xxhash; disk kept.img btrfs; sign good kept.img"
    ));
    let dir = prepared.path();
    let problem = "failed to change the OEM partition (btrfs): unsupported special file (FIFO)";
    refuses_each(dir, &[("fifo.img", problem)]);
    // btrfs-progs 6.2 loses the mode of the last directory if it is empty; later versions may keep it.
    let output = run(dir, &format!("lost.img --signature lost.img.good.sig {AMI} --output out"));
    let message = String::from_utf8_lossy(&output.stderr);
    let problem = "customize-image: lost.img: failed to change the OEM partition (btrfs): \
                   its modes, owners and attributes cannot be kept: ";
    if message.is_empty() {
        let found =
            sh(dir, "mib=128; oem out; rm out; btrfs inspect-internal dump-tree -t 5 part | grep -c ' mode 41777 '");
        assert_eq!(found, "1\n");
    } else {
        assert!(message.starts_with(problem) && message.contains(" 41777 ") && leftovers(dir).is_empty(), "{message}");
    }
    let output = run(dir, &format!("kept.img --signature kept.img.good.sig {AMI} --output out"));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let found = sh(dir, "mib=128; oem out; btrfs inspect-internal dump-super part | grep -E '^(nodesize|csum_type)'");
    assert!(found.contains("xxhash64") && found.contains("4096"), "{found}");
}

#[test]
fn an_ext4_with_errors_is_refused() {
    if !has_tools() {
        return;
    }
    // A corrected error can cost files: without its inode, sub/data would be removed.
    let prepared = prepared(
        "key good never
        for change in 'clri sub/data' 'sif sub links_count 55' 'ssv state 2' 'ssv state 0'; do
            ext4; debugfs -w -R \"$change\" ext4 > /dev/null 2>&1; disk \"image${change//[^a-z0-9]/}\" ext4
        done",
    );
    let problem = "failed to change the OEM partition (ext4): damaged, or not unmounted cleanly";
    let images = ["imageclrisubdata", "imagesifsublinkscount55", "imagessvstate2", "imagessvstate0"];
    refuses_each(prepared.path(), &images.map(|image| (image, problem)));
}

#[test]
fn every_directory_can_have_the_output() {
    if !has_tools() {
        return;
    }
    let prepared = prepared(
        "key good never; ext4; disk image ext4; sign good image; btrfs_old; disk other btrfs; sign good other",
    );
    let dir = prepared.path();
    for (image, name) in [("image", "a:b"), ("image", "gnupg-ring:x"), ("other", "a:b%$'\"")] {
        let directory = dir.join(name);
        fs::create_dir_all(&directory).unwrap();
        let mut command = customize(dir, &format!("{image} --signature {image}.good.sig {AMI} --output"));
        let output = command.arg(directory.join(image)).output().unwrap();
        assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(
            fs::read_dir(&directory).unwrap().filter(|entry| entry.as_ref().unwrap().file_name() == image).count(),
            1
        );
    }
}

#[test]
fn the_outcome_is_reported_truly() {
    if !has_tools() {
        return;
    }
    let prepared = prepared("key good never; ext4; disk image ext4; sign good image");
    let dir = prepared.path();
    let script = root().join("oem/customize-image.sh");
    symlink(&script, dir.join("linked")).unwrap();
    let options = format!("image --signature image.good.sig {AMI} --output out");
    let bash = |line: &str| {
        let mut command = Command::new("bash");
        command.args(["-c", line]).current_dir(dir).env("CDPATH", dir).env("PATH", std::env::var("PATH").unwrap());
        command.output().unwrap()
    };
    fs::create_dir(dir.join("oem")).unwrap();
    let relative =
        format!("cd {} && CDPATH={} oem/customize-image.sh --help > /dev/null", root().display(), dir.display());
    assert!(bash(&relative).status.success());
    for line in [
        format!("./linked {options}"),
        format!("{} {options} >&-", script.display()),
        format!("{} {options} > /dev/full", script.display()),
        format!("set -o pipefail; {} {options} | true", script.display()),
    ] {
        let output = bash(&line);
        assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
        assert_eq!((String::from_utf8_lossy(&output.stderr).as_ref(), leftovers(dir)), ("", vec!["out".to_owned()]));
        fs::remove_file(dir.join("out")).unwrap();
    }
    // A limit in KiB in place of a full disk, for each step: the copies, the partition, the image.
    for limit in [1, 20_000, 50_000] {
        let output = bash(&format!("ulimit -f {limit}; {} {options}", script.display()));
        let message = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && message.ends_with("; image not written\n"), "{limit}: {message}");
        assert!(message.starts_with("customize-image: "), "{limit}: {message}");
        assert_eq!(leftovers(dir), Vec::<String>::new(), "{limit}");
    }
    fs::set_permissions(dir.join("image"), fs::Permissions::from_mode(0o644)).unwrap();
}
