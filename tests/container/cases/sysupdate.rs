//! The extension, updated by systemd-sysupdate with the example in `oem/sysext`.

use std::fmt::Write as _;
use std::fs;
use std::process::{Command, Stdio};

use sha2::{Digest as _, Sha256};

use crate::testbed::{Suite, sandbox};

const EXAMPLE: &str = include_str!("../../../oem/sysext/coreos-cloudinit.conf");
/// The address in the example.
const URL: &str = "https://example.com/coreos-cloudinit/";
const DIRECTORY: &str = "/opt/extensions/coreos-cloudinit";

/// The file of a version as the test serves it.
fn image(version: &str) -> String {
    format!("the extension {version}\n")
}

fn file_name(version: &str) -> String {
    format!("coreos-cloudinit-{version}-x86-64.raw")
}

/// Runs a script of gpg on the host, in a keyring of its own, and returns its output.
fn gpg(script: &str, input: &str) -> String {
    let home = sandbox::machines().join("gnupg");
    fs::create_dir_all(&home).expect("a directory of our own");
    let script = format!("chmod 700 \"$GNUPGHOME\" && {script}; status=$?; gpgconf --kill all; exit $status");
    let input_path = home.join("input");
    fs::write(&input_path, input).expect("a directory of our own");
    let output = Command::new("sh")
        .args(["-c", &script])
        .env("GNUPGHOME", &home)
        .stdin(fs::File::open(&input_path).expect("just written"))
        .stderr(Stdio::inherit())
        .output()
        .expect("sh is there");
    assert!(output.status.success(), "{script}");
    String::from_utf8(output.stdout).expect("armored")
}

/// The lines of `SHA256SUMS` for these versions, each with its image for any system.
fn checksums(versions: &[&str]) -> String {
    let any = versions.iter().map(|version| format!("any-{version}"));
    versions.iter().map(|version| (*version).to_owned()).chain(any).fold(String::new(), |mut lines, version| {
        let hash = Sha256::digest(image(&version));
        for byte in hash {
            let _ = write!(lines, "{byte:02x}");
        }
        lines + "  " + &file_name(&version) + "\n"
    })
}

pub fn cases(suite: &mut Suite) {
    suite.fresh("an_extension_is_updated_by_the_example_for_systemd_sysupdate", |m| {
        let public = gpg(
            "gpg --batch --quiet --passphrase '' --quick-generate-key release@example.com default default never &&
             gpg --batch --armor --export",
            "",
        );
        let sign = "gpg --batch --quiet --armor --detach-sign";
        let old = checksums(&["0.1.0", "0.2.0"]);
        let new = checksums(&["0.1.0", "0.2.0", "0.10.0"]);
        let forged = new.replace("0.10.0", "0.11.0");
        let served =
            [("/old", &old, gpg(sign, &old)), ("/new", &new, gpg(sign, &new)), ("/forged", &forged, gpg(sign, &new))]
                .map(|(directory, sums, signature)| (directory, sums.clone(), signature));
        let _requests = m.serve(8080, move |path| {
            let found = served.iter().find_map(|(directory, sums, signature)| {
                let name = path.strip_prefix(directory)?.trim_start_matches('/');
                Some(match name {
                    "SHA256SUMS" => (200, sums.clone()),
                    "SHA256SUMS.gpg" => (200, signature.clone()),
                    _ => {
                        let version =
                            name.strip_prefix("coreos-cloudinit-").and_then(|rest| rest.strip_suffix("-x86-64.raw"));
                        version.map_or((404, String::new()), |version| (200, image(version)))
                    }
                })
            });
            found.unwrap_or((404, String::new()))
        });
        m.put("/root/key.asc", &public);
        m.sh("ip link set lo up && gpg --dearmor < /root/key.asc > /etc/systemd/import-pubring.gpg");
        let select = |directory: &str| {
            let definition = EXAMPLE.replace(URL, &format!("http://127.0.0.1:8080/{directory}/"));
            assert_ne!(definition, EXAMPLE, "the example names {URL}");
            m.sh("mkdir -p /etc/sysupdate.coreos-cloudinit.d");
            m.put("/etc/sysupdate.coreos-cloudinit.d/coreos-cloudinit.conf", &definition);
        };
        let update = |directory: &str| {
            select(directory);
            m.sh(&format!("exec 2>&1; {}", commands()))
        };
        let version = || m.sh("cat /etc/extensions/coreos-cloudinit.raw");

        update("old");
        assert_eq!(version(), image("0.2.0").trim_end());
        update("new");
        assert_eq!(version(), image("0.10.0").trim_end(), "versions are compared as such");
        assert_eq!(m.sh(&format!("ls {DIRECTORY}")), format!("{}\n{}", file_name("0.10.0"), file_name("0.2.0")));

        // The signature is that of another list.
        select("forged");
        m.sh(&format!("! ({}) && ! ls {DIRECTORY} | grep 0.11.0", commands()));
        assert_eq!(version(), image("0.10.0").trim_end());
    });
}

/// The commands in the comment of the example.
fn commands() -> String {
    let lines = EXAMPLE.lines().filter_map(|line| line.strip_prefix("#   "));
    lines.collect::<Vec<_>>().join(" && ")
}
