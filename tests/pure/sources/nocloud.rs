//! `--from-nocloud`: the files of a drive or a seed directory.

use cloud_config::network::{Format, NetworkData};
use cloudinit::source::Availability;

use super::directories::{directory, probe};
use super::{meta_data, meta_data_with, setup, source, user_data};

#[test]
fn a_nocloud_directory_has_meta_data_network_and_user_data() {
    let seed = directory(&[
        (
            "meta-data",
            "instance-id: i-1\nlocal-hostname: web\nhostname: other\npublic-keys:\n- k1\n- k2\n\
             network-interfaces: |\n  auto eth0\n",
        ),
        ("user-data", "#cloud-config\n"),
        ("network-config", "version: 2\n"),
        ("vendor-data", "#cloud-config\n{}\n"),
    ]);
    let (setup, seed_source) = (setup(), source("from-nocloud", seed.path()));
    assert_eq!(probe(&seed_source, &setup), Availability::Here);
    let meta = meta_data(&*seed_source.source, &setup);
    assert_eq!((meta.hostname.as_deref(), meta.network), (Some("web"), None));
    assert_eq!((meta.ssh_keys, meta.failures), (vec!["k1".to_owned(), "k2".to_owned()], vec![]));
    assert_eq!(user_data(&*seed_source.source, &setup).unwrap(), "#cloud-config\n");
    assert_eq!(seed_source.source.name(), seed.path().join("user-data").display().to_string());
    for (format, wanted) in [
        (Format::NetworkConfig, Some(NetworkData::NetworkConfig(b"version: 2\n".to_vec()))),
        (Format::Debian, Some(NetworkData::Debian(b"auto eth0\n".to_vec()))),
        (Format::OpenStack, None),
    ] {
        assert!(meta_data_with(&*seed_source.source, &setup, Some(format)).network == wanted);
    }
}

#[test]
fn one_file_of_nocloud_is_enough() {
    let setup = setup();
    for name in ["user-data", "meta-data", "network-config"] {
        let seed = directory(&[(name, "{}")]);
        let seed = source("from-nocloud", seed.path());
        assert_eq!(probe(&seed, &setup), Availability::Here, "{name}");
        let meta = meta_data_with(&*seed.source, &setup, Some(Format::NetworkConfig));
        assert_eq!((meta.hostname, meta.failures), (None, vec![]), "{name}");
        assert_eq!(user_data(&*seed.source, &setup).unwrap(), if name == "user-data" { "{}" } else { "" });
    }
    let other = directory(&[("vendor-data", "{}")]);
    let reason = format!("{} has no user-data, meta-data or network-config", other.path().display());
    assert_eq!(probe(&source("from-nocloud", other.path()), &setup), Availability::NotYet(reason));
}

#[test]
fn keys_of_nocloud_are_a_string_a_list_or_a_mapping() {
    let setup = setup();
    let read = |meta_data_text: &str| {
        let seed = directory(&[("meta-data", meta_data_text)]);
        let meta = meta_data(&*source("from-nocloud", seed.path()).source, &setup);
        let failures: Vec<_> = meta.failures.into_iter().map(|failure| failure.replace("secret", "SHOWN")).collect();
        let path = seed.path().display().to_string();
        (meta.ssh_keys.join("|"), failures.join("|").replace(&path, "SEED"))
    };
    for (text, keys, failures) in [
        ("public-keys: |\n  k1\n  k2\n", "k1\nk2", ""),
        ("public-keys: {a: k1, b: [k2, k3]}\n", "k1|k2|k3", ""),
        ("{\"public-keys\": [\"k1\"]}", "k1", ""),
        ("public-keys:\n", "", ""),
        (
            "public-keys: [k1, {secret: k2}, [k3, {}]]\n",
            "k1|k3",
            "SEED/meta-data: public-keys has an entry that is not a string; entry ignored",
        ),
        ("hostname: [secret]\n", "", "SEED/meta-data: hostname is not a string; ignored"),
        ("- secret\n", "", "failed to read SEED/meta-data: not a mapping"),
        (
            "public-keys: [k1]\nhostname: \"secret\nx: y: z\n",
            "k1",
            "failed to read SEED/meta-data: invalid YAML at line 2, column 11",
        ),
    ] {
        assert_eq!(read(text), (keys.to_owned(), failures.to_owned()), "{text}");
    }
}
