//! The other metadata services, and user-data by its address.

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use cloud_config::network::{Format, NetworkData};
use cloudinit::source::{Availability, Context};

use super::server::{Answer, Server, body, status};
use super::{fetch, meta_data, meta_data_with, setup, source, user_data};

#[test]
fn gce_wants_its_header_and_has_attributes() {
    let server = Server::start(|_, asked| match (asked.header("Metadata-Flavor"), asked.path.as_str()) {
        (Some("Google"), "/computeMetadata/v1/") => body("instance/\n"),
        (Some("Google"), "/computeMetadata/v1/instance/hostname") => body("web.c.p.internal\n"),
        (Some("Google"), "/computeMetadata/v1/instance/network-interfaces/0/ip") => body("10.128.0.2"),
        (Some("Google"), "/computeMetadata/v1/instance/network-interfaces/0/access-configs/0/external-ip") => body(""),
        (Some("Google"), "/computeMetadata/v1/instance/attributes/user-data") => body("#cloud-config\n"),
        (None, _) => status(403),
        _ => status(404),
    });
    let setup = setup();
    let source = source("from-gce-metadata", &server.url).source;
    assert_eq!(source.probe(&Context { setup: &setup, stop: &|| false }), Availability::Here);
    let meta = meta_data(&*source, &setup);
    assert_eq!((meta.hostname.as_deref(), meta.failures.len()), (Some("web.c.p.internal"), 0));
    assert_eq!(meta.addresses.private_v4, Some(Ipv4Addr::new(10, 128, 0, 2)));
    assert_eq!(meta.addresses.public_v4, None, "a machine without one has an empty attribute");
    assert_eq!(user_data(&*source, &setup).unwrap(), "#cloud-config\n");
}

#[test]
fn a_failure_of_one_attribute_costs_that_one() {
    let server = Server::start(|_, asked| match asked.path.as_str() {
        "/computeMetadata/v1/instance/hostname" => body("web"),
        "/computeMetadata/v1/instance/network-interfaces/0/ip" => status(500),
        "/computeMetadata/v1/instance/attributes/user-data" => status(404),
        _ => body("203.0.113.9"),
    });
    let setup = setup();
    let source = source("from-gce-metadata", &server.url).source;
    let meta = meta_data(&*source, &setup);
    assert_eq!(
        (meta.hostname.as_deref(), meta.addresses.public_v4),
        (Some("web"), Some(Ipv4Addr::new(203, 0, 113, 9)))
    );
    assert_eq!(meta.failures.len(), 1);
    assert!(meta.failures[0].contains("/network-interfaces/0/ip: the server returned 500"), "{:?}", meta.failures);
    assert_eq!(user_data(&*source, &setup).unwrap(), "");
}

#[test]
fn digitalocean_and_packet_answer_in_json() {
    let droplet = r#"{"hostname": "drop", "public_keys": ["k"], "interfaces": {"public": [{"ipv4": {"ip_address": "203.0.113.9"}}]}}"#;
    let metal = r#"{"hostname": "metal", "ssh_keys": ["k"], "network": {"addresses": [{"address_family": 4, "public": true, "address": "203.0.113.9"}]}}"#;
    let server = Server::files(&[
        ("metadata/v1", "id\n"),
        ("metadata/v1.json", droplet),
        ("metadata/v1/user-data", "#!d\n"),
        ("", "ok"),
        ("metadata", metal),
        ("userdata", "#!p\n"),
    ]);
    let setup = setup();
    for (flag, format, name, data, looked_at) in [
        ("from-digitalocean-metadata", Format::DigitalOcean, "drop", "#!d\n", "GET /metadata/v1"),
        ("from-packet-metadata", Format::Packet, "metal", "#!p\n", "GET /"),
    ] {
        let source = source(flag, &server.url).source;
        assert_eq!(source.probe(&Context { setup: &setup, stop: &|| false }), Availability::Here);
        assert_eq!(server.paths().last().unwrap(), looked_at);
        let meta = meta_data_with(&*source, &setup, Some(format));
        assert_eq!((meta.hostname.as_deref(), meta.ssh_keys.as_slice()), (Some(name), &["k".to_owned()][..]));
        assert_eq!(meta.addresses.public_v4, Some(Ipv4Addr::new(203, 0, 113, 9)));
        let (NetworkData::DigitalOcean(json) | NetworkData::Packet(json)) = meta.network.unwrap() else {
            panic!("{flag} has its network description")
        };
        assert!(json == droplet.as_bytes() || json == metal.as_bytes());
        assert_eq!(meta_data_with(&*source, &setup, Some(Format::Debian)).network, None);
        assert_eq!(user_data(&*source, &setup).unwrap(), data);
    }
}

#[test]
fn json_that_is_broken_or_missing_costs_nothing_else() {
    let setup = setup();
    for flag in ["from-digitalocean-metadata", "from-packet-metadata"] {
        let missing = Server::files(&[]);
        let source_of = |server: &Server| source(flag, &server.url).source;
        let meta = meta_data(&*source_of(&missing), &setup);
        assert_eq!((meta.hostname, meta.failures.len()), (None, 0));
        assert_eq!(user_data(&*source_of(&missing), &setup).unwrap(), "");
        for text in ["hunter2", "{\"hostname\": \"hunter2", "<html>hunter2</html>", "[1]"] {
            let broken = Server::sequence(vec![body(text)]);
            let failures = meta_data(&*source_of(&broken), &setup).failures;
            assert_eq!(failures.len(), 1, "{text}");
            assert!(!failures[0].contains("hunter2"), "{failures:?}");
        }
        let empty = Server::sequence(vec![body("")]);
        assert!(meta_data(&*source_of(&empty), &setup).failures.is_empty());
    }
}

#[test]
fn user_data_by_its_address_is_fetched_once() {
    let server = Server::sequence(vec![status(503), Answer::Silence, body("#cloud-config\n")]);
    let (name, _, user_data) =
        fetch(vec![source("from-url", format!("{}/a?k=hunter2", server.url))], &setup()).unwrap();
    assert_eq!(name, format!("{}/a?…", server.url));
    assert_eq!(user_data.unwrap(), "#cloud-config\n");
    assert_eq!(server.asked().len(), 3, "what the look found is not fetched again");
}

#[test]
fn an_address_that_has_nothing_ends_the_wait() {
    let server = Server::files(&[]);
    let begun = Instant::now();
    for (url, why) in [(server.url.as_str(), "404 Not Found"), ("file:///etc/shadow", "not an http or https URL")] {
        let error = fetch(vec![source("from-url", url)], &setup()).unwrap_err().to_string();
        assert!(error.contains(why), "{error}");
    }
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
}

#[test]
fn a_service_that_starts_late_is_found() {
    let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let late = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(200));
        let listener = std::net::TcpListener::bind(address).unwrap();
        // Two looks: at the service, and at its user-data.
        for stream in listener.incoming().flatten().take(3) {
            let mut stream = stream;
            let mut request = [0; 4096];
            let _ = std::io::Read::read(&mut stream, &mut request);
            let text = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}";
            let _ = std::io::Write::write_all(&mut stream, text.as_bytes());
        }
    });
    let (_, _, user_data) = fetch(vec![source("from-packet-metadata", format!("http://{address}"))], &setup()).unwrap();
    assert_eq!(user_data.unwrap(), "{}");
    late.join().unwrap();
}

#[test]
fn a_slow_service_is_waited_for_and_a_fast_source_is_not_kept_waiting() {
    let slow = Server::start(|_, _| Answer::Late(Duration::from_millis(400), Box::new(body("{}"))));
    let packet = || source("from-packet-metadata", &slow.url);
    assert!(fetch(vec![packet()], &setup()).unwrap().1.failures.is_empty());
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("ovf-env.xml"), "<Environment/>").unwrap();
    let ovf = source("from-vmware-ovf-env", directory.path().join("ovf-env.xml"));
    let begun = Instant::now();
    let (name, ..) = fetch(vec![packet(), ovf], &setup()).unwrap();
    assert!(name.ends_with("ovf-env.xml"));
    assert!(begun.elapsed() < Duration::from_millis(350), "{:?}", begun.elapsed());
}
