//! `--from-nocloud-seed`: the seed of the kernel command line, of the serial number, and in a directory.

use cloud_config::network::{Format, NetworkData};
use cloudinit::source::{Availability, Candidate, Places, Setup};
use tempfile::TempDir;

use super::directories::{directory, probe};
use super::server::{Server, body, status};
use super::{meta_data, meta_data_with, setup, source, user_data};

const CMDLINE: &str = "proc/cmdline";
const SERIAL: &str = "sys/class/dmi/id/product_serial";

/// A machine with these files, and its seed.
fn machine(files: &[(&str, &str)]) -> (TempDir, Setup, Candidate) {
    let root = directory(files);
    let setup = Setup { places: Places::beneath(root.path()), ..setup() };
    (root, setup, source("from-nocloud-seed", ""))
}

#[test]
fn a_seed_directory_is_read_in_its_order() {
    let old = ("var/lib/cloud/seed/nocloud-net/user-data", "old");
    for (files, wanted) in [
        (&[old, ("var/lib/cloud/seed/nocloud/user-data", "new")][..], "new"),
        (&[old, ("var/lib/cloud/seed/nocloud/vendor-data", "{}")], "old"),
        (&[("var/lib/cloud/seed/nocloud/meta-data", "local-hostname: web\n")], ""),
        (&[old, (CMDLINE, "ds=nocloud quiet\n")], "old"),
        (&[old, (CMDLINE, "ds=nocloud;h=other quiet\n")], "old"),
    ] {
        let (_root, setup, seed) = machine(files);
        assert_eq!(probe(&seed, &setup), Availability::Here, "{files:?}");
        assert_eq!(user_data(&*seed.source, &setup).unwrap(), wanted, "{files:?}");
    }
    let (root, setup, seed) = machine(&[(CMDLINE, "quiet ds=nocloud;h=web\n"), (SERIAL, "VMware-42\n")]);
    let seeds = root.path().join("var/lib/cloud/seed");
    let why = format!("no seed is named on the kernel command line, and {} has no seed directory", seeds.display());
    assert_eq!(probe(&seed, &setup), Availability::Never(why));
}

#[test]
fn a_named_directory_has_precedence_and_the_line_names_the_host() {
    let named = directory(&[
        ("user-data", "named"),
        ("meta-data", "local-hostname: web\n"),
        ("network-config", "version: 2\n"),
    ]);
    for (prefix, slash) in [("", ""), ("", "/"), ("file://", "/")] {
        let line = format!("quiet ds=nocloud;s={prefix}{}{slash};h=line", named.path().display());
        for place in [CMDLINE, SERIAL] {
            let (_root, setup, seed) = machine(&[(place, &line), ("var/lib/cloud/seed/nocloud/user-data", "other")]);
            assert_eq!(probe(&seed, &setup), Availability::Here, "{line}");
            assert_eq!(user_data(&*seed.source, &setup).unwrap(), "named", "{line}");
            let meta = meta_data_with(&*seed.source, &setup, Some(Format::NetworkConfig));
            assert_eq!((meta.hostname.as_deref(), meta.failures), (Some("line"), vec![]));
            assert!(meta.network == Some(NetworkData::NetworkConfig(b"version: 2\n".to_vec())));
        }
    }
    // The kernel command line has the last word; a drive gets the host name, too.
    let (_root, setup, _) = machine(&[(SERIAL, "ds=nocloud;h=serial\n"), (CMDLINE, "ds=nocloud;h=line\n")]);
    assert_eq!(meta_data(&*source("from-nocloud", named.path()).source, &setup).hostname.as_deref(), Some("line"));
}

#[test]
fn the_files_of_a_url_are_fetched_by_their_names() {
    let server = Server::start(|_, asked| match asked.path.as_str() {
        "/a/SN-7/meta-data" | "/q?file=meta-data" | "/p/meta-data.txt" => body("local-hostname: web\n"),
        "/a/SN-7/user-data" | "/q?file=user-data" | "/p/user-data.txt" | "/only/user-data" => body("#cloud-config\n"),
        "/down/meta-data" => status(503),
        _ => status(404),
    });
    for (path, hostname) in [
        ("/a/SN-7/", Some("web")),
        ("/a/SN-7", Some("web")),
        ("/a/__dmi.chassis-serial-number__/", Some("web")),
        ("/q?file=", Some("web")),
        ("/p/%s.txt", Some("web")),
        ("/only/", None),
    ] {
        let line = format!("ds=nocloud;s={}{path}", server.url.trim_end_matches('/'));
        let (_root, setup, seed) = machine(&[(CMDLINE, &line), ("sys/class/dmi/id/chassis_serial", "SN-7\n")]);
        assert_eq!(probe(&seed, &setup), Availability::Here, "{line}");
        let meta = meta_data_with(&*seed.source, &setup, Some(Format::NetworkConfig));
        assert_eq!((meta.hostname.as_deref(), meta.network, meta.failures), (hostname, None, vec![]), "{line}");
        assert_eq!(user_data(&*seed.source, &setup).unwrap(), "#cloud-config\n", "{line}");
    }
    let reason = |path: &str| {
        let line = format!("ds=nocloud;s={}{path}", server.url.trim_end_matches('/'));
        let (_root, setup, seed) = machine(&[(CMDLINE, &line)]);
        probe(&seed, &setup)
    };
    assert!(
        matches!(reason("/none/"), Availability::Never(why) if why.contains("/none/user-data: the server returned"))
    );
    // Another try may find it.
    assert!(matches!(reason("/down/"), Availability::NotYet(_)));
}

#[test]
fn an_unusable_seed_is_never_available_and_not_quoted() {
    for seed in ["ftp://user:secret@host/", "secret/", "//", "http://user:secret@/", "file://host/secret"] {
        let (_root, setup, found) = machine(&[(CMDLINE, &format!("ds=nocloud;s={seed}"))]);
        match probe(&found, &setup) {
            Availability::Never(why) => assert!(!why.contains("secret"), "{seed}: {why}"),
            other => assert!(seed == "//" && matches!(other, Availability::NotYet(_)), "{seed}: {other:?}"),
        }
    }
}
