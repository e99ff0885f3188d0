//! Real samples of platforms and of other programs' tests: every sample is read correctly. The corpus is not in this
//! repository: without it, the tests print that and check nothing.

use std::path::{Path, PathBuf};

use cloudinit::source::{MetaData, Places, Setup};
use serde_json::Value;

use super::serial::machine;
use super::server::{Server, body, status};
use super::{meta_data, setup, source, user_data};

/// The directory of samples, if there is one.
fn samples() -> Option<PathBuf> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus");
    let directory = std::env::var_os("CORPUS").map_or_else(beside, PathBuf::from).join("metadata");
    if directory.is_dir() {
        return Some(directory);
    }
    println!("skipped: there are no samples at {} (CORPUS says where)", directory.display());
    None
}

fn read(directory: &Path, name: &str) -> String {
    std::fs::read_to_string(directory.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// A server that answers with one text at one path, and with 404 elsewhere.
fn serve(path: &'static str, text: String) -> Server {
    Server::start(move |_, asked| if asked.path == path { body(text.as_str()) } else { status(404) })
}

/// A server that answers as a JSON object of paths and bodies defines.
fn serve_map(text: &str) -> Server {
    let map: std::collections::BTreeMap<String, String> = serde_json::from_str(text).unwrap();
    Server::start(move |_, asked| map.get(&asked.path).map_or_else(|| status(404), |text| body(text.as_str())))
}

/// Hostname, public and private IPv4 address, number of keys, number of failures.
fn gist(meta: &MetaData) -> (String, String, String, usize, usize) {
    let text = |address: Option<std::net::Ipv4Addr>| address.map(|address| address.to_string()).unwrap_or_default();
    let addresses = meta.addresses;
    let hostname = meta.hostname.clone().unwrap_or_default();
    let failures = meta.failures.len() + usize::from(meta.unread_hostname.is_some());
    (hostname, text(addresses.public_v4), text(addresses.private_v4), meta.ssh_keys.len(), failures)
}

fn wanted(
    hostname: &str,
    public: &str,
    private: &str,
    keys: usize,
    failures: usize,
) -> (String, String, String, usize, usize) {
    (hostname.into(), public.into(), private.into(), keys, failures)
}

#[test]
fn samples_of_attribute_services_are_read() {
    let Some(directory) = samples() else { return };
    for (name, flag, result) in [
        ("cci-ec2-metadata_test-urlmap-L156.json", "from-ec2-metadata", wanted("", "", "", 0, 1)),
        ("cci-ec2-metadata_test-urlmap-L164.json", "from-ec2-metadata", wanted("host", "5.6.7.8", "1.2.3.4", 1, 0)),
        ("cci-ec2-metadata_test-urlmap-L182.json", "from-ec2-metadata", wanted("host", "5.6.7.8", "1.2.3.4", 1, 0)),
        (
            "flatcar-cci-ec2-metadata_test-urlmap-L182.json",
            "from-ec2-metadata",
            wanted("host.local", "5.6.7.8", "1.2.3.4", 1, 0),
        ),
        ("cci-gce-metadata_test-urlmap-L53.json", "from-gce-metadata", wanted("host", "", "", 0, 0)),
        ("cci-gce-metadata_test-urlmap-L63.json", "from-gce-metadata", wanted("host", "5.6.7.8", "1.2.3.4", 0, 0)),
    ] {
        let server = serve_map(&read(&directory, name));
        assert_eq!(gist(&meta_data(&*source(flag, &server.url).source, &setup())), result, "{name}");
    }
}

#[test]
fn samples_of_json_services_are_read() {
    let Some(directory) = samples() else { return };
    for (name, flag, path, result, v6) in [
        (
            "cci-digitalocean-metadata_test-L57.json",
            "from-digitalocean-metadata",
            "/metadata/v1.json",
            wanted("", "192.168.1.2", "", 2, 0),
            "fe00::",
        ),
        (
            "cloud-init-test_digitalocean-DO_META.json",
            "from-digitalocean-metadata",
            "/metadata/v1.json",
            wanted("utl-96268", "192.0.0.20", "10.132.6.205", 0, 0),
            "2604:a880:800:0:1000::",
        ),
        (
            "afterburn-src-packet-mock_tests-L54.json",
            "from-packet-metadata",
            "/metadata",
            wanted("test-hostname", "147.0.0.1", "10.0.0.1", 0, 0),
            "fd00::1",
        ),
    ] {
        let server = serve(path, read(&directory, name));
        let meta = meta_data(&*source(flag, &server.url).source, &setup());
        assert_eq!(gist(&meta), result, "{name}");
        assert_eq!(meta.addresses.public_v6.unwrap().to_string(), v6, "{name}");
    }
}

#[test]
fn samples_of_config_drives_are_read() {
    let Some(directory) = samples() else { return };
    let mut count = 0;
    for entry in std::fs::read_dir(&directory).unwrap().flatten() {
        let name = entry.file_name().into_string().unwrap();
        if !name.ends_with("meta_data.json") && !name.starts_with("cci-configdrive-") {
            continue;
        }
        let text = read(&directory, &name);
        let sample: Value = serde_json::from_str(&text).unwrap();
        let drive = tempfile::tempdir().unwrap();
        let latest = drive.path().join("openstack/latest");
        std::fs::create_dir_all(&latest).unwrap();
        std::fs::write(latest.join("meta_data.json"), &text).unwrap();
        let meta = meta_data(&*source("from-configdrive", drive.path()).source, &setup());
        assert_eq!(meta.hostname.as_deref(), sample.get("hostname").and_then(Value::as_str), "{name}");
        let keys = sample.get("public_keys").and_then(Value::as_object).map_or(0, serde_json::Map::len);
        assert_eq!((meta.ssh_keys.len(), meta.failures.len()), (keys, 0), "{name}: {:?}", meta.failures);
        count += 1;
    }
    assert!(count >= 8, "{count} samples of config drives");
}

#[test]
fn samples_of_cloudsigma_are_read() {
    let Some(directory) = samples() else { return };
    let config = "#cloud-config\n\nhostname: coreos1";
    for (name, result, data) in [
        ("cci-cloudsigma-server_context_test-L50.json", wanted("", "", "", 0, 0), config),
        ("cci-cloudsigma-server_context_test-L71.json", wanted("coreos", "31.171.251.74", "", 1, 0), config),
        ("cloud-init-test_cloudsigma-SERVER_CONTEXT.json", wanted("test_server", "", "", 1, 0), "#cloud-config\n\n..."),
    ] {
        let text = read(&directory, name);
        let meta = serde_json::from_str::<Value>(&text).unwrap()["meta"].to_string();
        let answers = move |_: usize, key: &str| {
            let answer = if key.is_empty() { &text } else { &meta };
            format!("{answer}\u{4}").into_bytes()
        };
        let (_root, setup) = machine(answers);
        let source = source("from-cloudsigma-metadata", "true").source;
        assert_eq!(gist(&meta_data(&*source, &setup)), result, "{name}");
        assert_eq!(user_data(&*source, &setup).unwrap(), data, "{name}");
    }
}

#[test]
fn samples_of_documents_are_read() {
    let Some(directory) = samples() else { return };
    let place = tempfile::tempdir().unwrap();
    let setup = Setup { places: Places::beneath(place.path()), ..setup() };
    std::fs::copy(directory.join("cci-waagent-waagent_test-L46.xml"), place.path().join("SharedConfig.xml")).unwrap();
    let meta = meta_data(&*source("from-waagent", place.path()).source, &setup);
    assert_eq!(gist(&meta), wanted("", "191.239.39.77", "100.73.202.64", 0, 0));
    for (name, result) in [
        ("cci-vmware-vmware_test-L228.xml", wanted("test host", "10.0.0.101", "10.0.0.102", 0, 0)),
        // `hostname` and `public-keys` are properties of cloud-init.
        ("cloud-init-ovf-env.xml", wanted("", "", "", 0, 2)),
        ("cloud-init-test_ovf-OVF_ENV_CONTENT.xml", wanted("", "", "", 0, 0)),
        ("afterburn-src-azure-config-L301.xml", wanted("", "", "", 0, 0)),
    ] {
        let source = source("from-vmware-ovf-env", directory.join(name)).source;
        assert_eq!(gist(&meta_data(&*source, &setup)), result, "{name}");
    }
}

#[test]
fn no_sample_is_too_much_for_any_source() {
    let Some(directory) = samples() else { return };
    for entry in std::fs::read_dir(&directory).unwrap().flatten() {
        let text = String::from_utf8_lossy(&std::fs::read(entry.path()).unwrap()).into_owned();
        let server = Server::sequence(vec![body(text)]);
        for flag in ["from-digitalocean-metadata", "from-packet-metadata"] {
            let meta = meta_data(&*source(flag, &server.url).source, &setup());
            assert!(meta.failures.iter().all(|failure| failure.len() < 400), "{:?}", meta.failures);
        }
        let meta = meta_data(&*source("from-vmware-ovf-env", entry.path()).source, &setup());
        assert!(meta.failures.iter().all(|failure| failure.len() < 400), "{:?}", meta.failures);
    }
}
