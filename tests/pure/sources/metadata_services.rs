//! The rows of the table of metadata services, each against a stand-in of its service.

use std::collections::BTreeMap;

use cloud_config::network::{Format, NetworkData};
use cloudinit::source::{Availability, Context, MetaData, Setup};

use super::server::{Answer, Asked, Server, body, status};
use super::{fetch, meta_data, meta_data_with, setup, source, user_data};

/// The stand-in of a service, and what is read of it.
struct Service {
    flag: &'static str,
    files: &'static [(&'static str, &'static str)],
    /// The header that each request must have, and its value.
    header: Option<(&'static str, &'static str)>,
    /// The path and the header of the request for the token, if the header above has it.
    token: Option<(&'static str, &'static str)>,
    /// Host name, keys, public and private IPv4 address, public and private IPv6 address.
    meta: [&'static str; 6],
    user_data_path: &'static str,
}

const TOKEN: &str = "hunter2-token";
const USER_DATA: &str = "#cloud-config\nhostname: \u{e9}\n";
/// The same in base64.
const BASE64: &str = "I2Nsb3VkLWNvbmZpZwpob3N0bmFtZTogw6kK";

const SERVICES: &[Service] = &[
    Service {
        flag: "from-akamai-metadata",
        files: &[
            ("v1/instance", r#"{"id": 7, "label": "web", "region": "nl-ams"}"#),
            ("v1/ssh-keys", r#"{"users": {"root": ["k1", "k2"], "ada": null}}"#),
            (
                "v1/network",
                r#"{"ipv4": {"public": ["203.0.113.1/32", "203.0.113.2/32"], "private": ["192.168.0.3/32"]},
                    "ipv6": {"slaac": "2001:db8::1/128", "link_local": "fe80::1/128"}}"#,
            ),
            ("v1/user-data", BASE64),
        ],
        header: Some(("Metadata-Token", TOKEN)),
        token: Some(("v1/token", "Metadata-Token-Expiry-Seconds")),
        meta: ["web", "k1|k2", "203.0.113.1", "192.168.0.3", "2001:db8::1", ""],
        user_data_path: "v1/user-data",
    },
    Service {
        flag: "from-alibaba-metadata",
        files: &[
            ("latest/meta-data/instance-id", "i-1"),
            ("latest/meta-data/hostname", "web"),
            ("latest/meta-data/public-keys/", "0/\nmine/\n"),
            ("latest/meta-data/public-keys/0/openssh-key", "k1\n"),
            ("latest/meta-data/public-keys/mine/openssh-key", "k2\n"),
            ("latest/meta-data/private-ipv4", "172.16.0.3"),
            ("latest/meta-data/eipv4", "203.0.113.1"),
            ("latest/meta-data/public-ipv4", "203.0.113.2"),
            ("latest/user-data", USER_DATA),
        ],
        header: Some(("X-aliyun-ecs-metadata-token", TOKEN)),
        token: Some(("latest/api/token", "X-aliyun-ecs-metadata-token-ttl-seconds")),
        meta: ["web", "k1|k2", "203.0.113.1", "172.16.0.3", "", ""],
        user_data_path: "latest/user-data",
    },
    Service {
        flag: "from-cloudstack-metadata",
        files: &[
            ("latest/meta-data/instance-id", "VM-1"),
            ("latest/meta-data/local-hostname", "web\n"),
            ("latest/meta-data/public-keys", "k1\nk2\n"),
            ("latest/meta-data/local-ipv4", "10.1.1.3"),
            ("latest/meta-data/public-ipv4", "203.0.113.1"),
            ("latest/user-data", USER_DATA),
        ],
        header: None,
        token: None,
        meta: ["web", "k1\nk2", "203.0.113.1", "10.1.1.3", "", ""],
        user_data_path: "latest/user-data",
    },
    Service {
        flag: "from-exoscale-metadata",
        files: &[
            ("1.0/meta-data/instance-id", "vm-1"),
            ("1.0/meta-data/local-hostname", "web"),
            ("1.0/meta-data/public-keys", "k1\n"),
            ("1.0/meta-data/local-ipv4", "203.0.113.1"),
            ("1.0/meta-data/public-ipv4", "203.0.113.1"),
            ("1.0/user-data", USER_DATA),
        ],
        header: None,
        token: None,
        meta: ["web", "k1", "203.0.113.1", "203.0.113.1", "", ""],
        user_data_path: "1.0/user-data",
    },
    Service {
        flag: "from-hetzner-metadata",
        files: &[
            (
                "hetzner/v1/metadata",
                "hostname: web\ninstance-id: 7\nlocal-ipv4: ''\npublic-ipv4: 203.0.113.1\npublic-keys:\n- k1\n- k2\n\
                 network-config:\n  version: 1\n  config:\n  - type: physical\n    name: eth0\n    subnets:\n\
                 \x20   - {type: dhcp, ipv4: true}\n    - {type: static, ipv6: true, address: '2001:db8::1/64'}\n",
            ),
            ("hetzner/v1/metadata/private-networks", "- ip: 10.0.0.2\n  network: 10.0.0.0/16\n- ip: 10.1.0.2\n"),
            ("hetzner/v1/userdata", BASE64),
        ],
        header: None,
        token: None,
        meta: ["web", "k1|k2", "203.0.113.1", "10.0.0.2", "2001:db8::1", ""],
        user_data_path: "hetzner/v1/userdata",
    },
    Service {
        flag: "from-openstack-metadata",
        files: &[
            ("openstack", "2012-08-10\n2018-08-27\nlatest"),
            (
                "openstack/latest/meta_data.json",
                r#"{"uuid": "u", "hostname": "web", "public_keys": {"b": "k2", "a": "k1"}}"#,
            ),
            ("openstack/latest/user_data", USER_DATA),
            ("latest/meta-data/local-ipv4", "10.0.0.2"),
            ("latest/meta-data/public-ipv4", "203.0.113.1"),
        ],
        header: None,
        token: None,
        meta: ["web", "k1|k2", "203.0.113.1", "10.0.0.2", "", ""],
        user_data_path: "openstack/latest/user_data",
    },
    Service {
        flag: "from-oracle-metadata",
        files: &[
            (
                "opc/v2/instance/",
                r#"{"id": "o", "hostname": "web", "metadata": {"ssh_authorized_keys": "k1\nk2\n",
                    "user_data": "I2Nsb3VkLWNvbmZpZwpob3N0bmFtZTogw6kK"}}"#,
            ),
            (
                "opc/v2/vnics/",
                r#"[{"macAddr": "02:00:00:00:00:01", "privateIp": "10.0.0.2", "ipv6Addresses": ["2001:db8::1"]},
                    {"privateIp": "10.0.1.2"}]"#,
            ),
        ],
        header: Some(("Authorization", "Bearer Oracle")),
        token: None,
        meta: ["web", "k1\nk2", "", "10.0.0.2", "2001:db8::1", ""],
        user_data_path: "opc/v2/instance/",
    },
    Service {
        flag: "from-upcloud-metadata",
        files: &[(
            "metadata/v1.json",
            r##"{"instance_id": "u", "hostname": "web", "public_keys": ["k1", "k2"],
                "user_data": "#cloud-config\nhostname: \u00e9\n", "network": {"interfaces": [
                {"type": "utility", "ip_addresses": [{"family": "IPv4", "address": "10.0.0.2"}]},
                {"type": "public", "ip_addresses": [{"family": "IPv4", "address": "203.0.113.1"}]},
                {"type": "public", "ip_addresses": [{"family": "IPv6", "address": "2001:db8::1"}]},
                {"type": "private", "ip_addresses": [{"family": "IPv4", "address": "172.16.0.2"}]}]}}"##,
        )],
        header: None,
        token: None,
        meta: ["web", "k1|k2", "203.0.113.1", "172.16.0.2", "2001:db8::1", ""],
        user_data_path: "metadata/v1.json",
    },
    Service {
        flag: "from-vultr-metadata",
        files: &[(
            "v1.json",
            r##"{"hostname": "web", "public-keys": ["k1"], "user-data": "#cloud-config\nhostname: \u00e9\n", "interfaces": [
                {"network-type": "private", "ipv4": {"address": "10.1.96.3"}, "ipv6": {"additional": []}},
                {"network-type": "public", "ipv4": {"address": "203.0.113.1"}, "ipv6": {"address": "2001:db8::1"}}]}"##,
        )],
        header: Some(("Metadata-Token", "cloudinit")),
        token: None,
        meta: ["web", "k1", "203.0.113.1", "10.1.96.3", "2001:db8::1", ""],
        user_data_path: "v1.json",
    },
];

fn service(flag: &str) -> &'static Service {
    SERVICES.iter().find(|service| service.flag == flag).unwrap()
}

impl Service {
    /// The answer of the service to a request.
    fn answer(&self, asked: &Asked) -> Answer {
        let path = asked.path.trim_start_matches('/');
        if let Some((token, lifetime)) = self.token
            && (asked.method.as_str(), path) == ("PUT", token)
        {
            return if asked.header(lifetime).is_some() { body(TOKEN) } else { status(400) };
        }
        if self.header.is_some_and(|(name, value)| asked.header(name) != Some(value)) {
            return status(401);
        }
        self.files.iter().find(|(name, _)| *name == path).map_or_else(|| status(404), |(_, text)| body(*text))
    }

    fn start(&'static self) -> Server {
        Server::start(|_, asked| self.answer(asked))
    }

    /// Starts the service with other answers at some paths.
    fn start_with(&'static self, other: impl Fn(&str) -> Option<Answer> + Send + Sync + 'static) -> Server {
        Server::start(move |_, asked| {
            let other = if asked.method == "GET" { other(asked.path.trim_start_matches('/')) } else { None };
            other.unwrap_or_else(|| self.answer(asked))
        })
    }
}

fn summary(meta: &MetaData) -> [String; 6] {
    let text = |address: Option<String>| address.unwrap_or_default();
    let addresses = meta.addresses;
    [
        text(meta.hostname.clone()),
        meta.ssh_keys.join("|"),
        text(addresses.public_v4.map(|address| address.to_string())),
        text(addresses.private_v4.map(|address| address.to_string())),
        text(addresses.public_v6.map(|address| address.to_string())),
        text(addresses.private_v6.map(|address| address.to_string())),
    ]
}

fn probe(flag: &str, url: &str, setup: &Setup) -> Availability {
    source(flag, url).source.probe(&Context { setup, stop: &|| false })
}

#[test]
fn every_service_has_its_metadata_and_user_data() {
    for service in SERVICES {
        let server = service.start();
        let (name, meta, data) = fetch(vec![source(service.flag, &server.url)], &setup()).unwrap();
        assert_eq!(name, format!("{}/{}", server.url, service.user_data_path));
        assert_eq!((summary(&meta), meta.failures), (service.meta.map(str::to_owned), vec![]), "{}", service.flag);
        assert_eq!(data.as_deref(), Ok(USER_DATA), "{}", service.flag);
    }
}

#[test]
fn missing_attributes_are_no_failures() {
    for service in SERVICES {
        let server = service.start_with(|_| Some(status(404)));
        let source = source(service.flag, &server.url).source;
        let meta = meta_data(&*source, &setup());
        assert_eq!((summary(&meta), meta.failures), (<[String; 6]>::default(), vec![]), "{}", service.flag);
        assert_eq!(user_data(&*source, &setup()).as_deref(), Ok(""), "{}", service.flag);
    }
}

#[test]
fn a_failing_document_does_not_affect_the_others() {
    for service in SERVICES {
        for (broken, text) in service.files {
            for answer in [status(500), Answer::Reset(Vec::new())] {
                let server = service.start_with(move |path| (path == *broken).then(|| answer.clone()));
                let source = source(service.flag, &server.url).source;
                let meta = meta_data(&*source, &setup());
                let data = user_data(&*source, &setup());
                let url = format!("{}/{broken}", server.url);
                // The probe and the user-data have no failures of metadata.
                let failures = meta.failures.iter().chain(data.as_ref().err()).collect::<Vec<_>>();
                assert!(failures.iter().all(|failure| failure.contains(&url)), "{failures:?}");
                assert_eq!(data.is_err(), *broken == service.user_data_path, "{url}");
                let is_probed_only = broken.ends_with("/instance-id") || *broken == "openstack";
                assert!(!failures.is_empty() || is_probed_only, "{url}");
                assert!(meta.hostname.as_deref() == Some("web") || text.contains("web"), "{url}");
            }
        }
    }
}

#[test]
fn invalid_documents_are_reported_without_their_text() {
    for service in SERVICES {
        for text in ["{\"hunter2\": ", "<html>hunter2: [</html>", "hunter2", "\"hunter2\"", "17", "\u{0}\u{1}hunter2"] {
            let server = service.start_with(move |_| Some(body(text)));
            let source = source(service.flag, &server.url).source;
            let meta = meta_data(&*source, &setup());
            let data = user_data(&*source, &setup());
            let failures = [meta.failures.clone(), data.err().into_iter().collect()].concat();
            assert!(failures.iter().all(|failure| !failure.contains("hunter2")), "{}: {failures:?}", service.flag);
            let is_text = service.files.iter().all(|(_, text)| !text.contains(['{', ':']) || text.starts_with('#'));
            assert!(is_text || !meta.failures.is_empty(), "{}: {text}", service.flag);
        }
    }
}

#[test]
fn fields_of_the_wrong_type_are_reported_alone() {
    let upcloud = service("from-upcloud-metadata");
    let text = r#"{"hostname": {"hunter2": 1}, "public_keys": ["k1", 7], "user_data": {"hunter2": 1},
        "network": {"interfaces": {"hunter2": 1}}}"#;
    let server = upcloud.start_with(move |_| Some(body(text)));
    let source = source(upcloud.flag, &server.url).source;
    let meta = meta_data(&*source, &setup());
    let what = format!("{}/metadata/v1.json", server.url);
    let list = "is not a list; ignored";
    let wanted = [
        format!("{what}: hostname is not a string; ignored"),
        format!("{what}: public_keys is not a string; ignored"),
        format!("{what}: network.interfaces[type=public].ip_addresses[].address {list}"),
        format!("{what}: network.interfaces[type=private].ip_addresses[].address {list}"),
        format!("{what}: network.interfaces[type=utility].ip_addresses[].address {list}"),
    ];
    assert_eq!((meta.failures.as_slice(), meta.ssh_keys), (&wanted[..], vec!["k1".to_owned()]));
    assert_eq!(user_data(&*source, &setup()), Err(format!("{what}: user_data is not a string")));
}

#[test]
fn user_data_is_decoded_as_the_service_encodes_it() {
    let read = |flag: &str, text: &'static str| {
        let server = service(flag).start_with(move |_| Some(body(text)));
        let data = user_data(&*source(flag, &server.url).source, &setup());
        data.map_err(|error| error.replace(&server.url, "URL"))
    };
    for (text, wanted) in
        [(BASE64, USER_DATA), (USER_DATA, USER_DATA), ("\n", "\n"), ("/////w==", "/////w=="), ("#!a\n", "#!a\n")]
    {
        assert_eq!(read("from-hetzner-metadata", text).as_deref(), Ok(wanted), "{text}");
    }
    let error = read("from-akamai-metadata", "#hunter2").unwrap_err();
    assert!(error.starts_with("failed to decode the user-data of URL/v1/user-data: "), "{error}");
    assert!(!error.contains("hunter2"), "{error}");
    assert_eq!(read("from-oracle-metadata", r#"{"metadata": {"user_data": null}}"#).as_deref(), Ok(""));
    assert_eq!(read("from-vultr-metadata", r#"{"user-data": []}"#).as_deref(), Ok(""));
}

#[test]
fn a_rejected_token_is_renewed() {
    for service in SERVICES.iter().filter(|service| service.token.is_some()) {
        // The first token expires after the first document.
        let server = Server::start(move |number, asked| match service.token {
            Some((path, _)) if asked.path.ends_with(path) => body(if number < 2 { "old" } else { TOKEN }),
            _ if number == 1 => body("{}"),
            _ => service.answer(asked),
        });
        let source = source(service.flag, &server.url).source;
        assert_eq!(source.probe(&Context { setup: &setup(), stop: &|| false }), Availability::Here);
        let meta = meta_data(&*source, &setup());
        assert_eq!((summary(&meta), meta.failures), (service.meta.map(str::to_owned), vec![]), "{}", service.flag);
        let tokens = server.paths().iter().filter(|path| path.starts_with("PUT ")).count();
        assert_eq!(tokens, 2, "{}", service.flag);
    }
}

#[test]
fn openstack_without_latest_is_read_from_its_newest_version() {
    let files: BTreeMap<_, _> = [
        ("/openstack", "2012-08-10\n2018-08-27/\ncontent\n"),
        ("/openstack/2018-08-27/meta_data.json", r#"{"hostname": "new"}"#),
        ("/openstack/2018-08-27/user_data", "#new\n"),
        ("/openstack/2018-08-27/network_data.json", "{}"),
        ("/openstack/2012-08-10/user_data", "#old\n"),
    ]
    .into();
    let server =
        Server::start(move |_, asked| files.get(asked.path.as_str()).map_or_else(|| status(404), |text| body(*text)));
    let source = source("from-openstack-metadata", &server.url).source;
    assert_eq!(source.probe(&Context { setup: &setup(), stop: &|| false }), Availability::Here);
    assert_eq!(source.name(), format!("{}/openstack/2018-08-27/user_data", server.url));
    let meta = meta_data_with(&*source, &setup(), Some(Format::OpenStack));
    assert_eq!((meta.hostname.as_deref(), meta.failures), (Some("new"), vec![]));
    assert!(meta.network == Some(NetworkData::OpenStack(b"{}".to_vec())));
    assert_eq!(user_data(&*source, &setup()).as_deref(), Ok("#new\n"));
    assert_eq!(meta_data(&*source, &setup()).network, None);
}

#[test]
fn hetzner_describes_the_network() {
    let hetzner = service("from-hetzner-metadata");
    let server = hetzner.start();
    let source = source(hetzner.flag, &server.url).source;
    let network = |format| meta_data_with(&*source, &setup(), Some(format)).network;
    let Some(NetworkData::NetworkConfig(bytes)) = network(Format::NetworkConfig) else { panic!("it has one") };
    let document = cloud_config::document::read_network(NetworkData::NetworkConfig(bytes));
    assert!(document.findings.is_empty(), "{:?}", document.findings);
    assert!(!document.network.is_empty());
    assert!(network(Format::OpenStack).is_none());
}

#[test]
fn a_service_at_its_default_url_is_requested_on_its_own_platform() {
    let root = tempfile::tempdir().unwrap();
    let mut setup = setup();
    setup.places = cloudinit::source::Places::beneath(root.path());
    std::fs::create_dir_all(&setup.places.dmi).unwrap();
    std::fs::write(setup.places.dmi.join("sys_vendor"), "QEMU\n").unwrap();
    let end = "; not requested (--ignore-platform requests it anyway)";
    for (flag, url, name) in [
        ("from-hetzner-metadata", "http://169.254.169.254", "hetzner/v1/userdata: the machine is not on Hetzner"),
        ("from-vultr-metadata", "http://169.254.169.254/", "v1.json: the machine is not on Vultr"),
    ] {
        let reason = format!("http://169.254.169.254/{name}{end}");
        assert_eq!(probe(flag, url, &setup), Availability::Never(reason));
    }
    for service in SERVICES {
        let server = service.start();
        assert_eq!(probe(service.flag, &server.url, &setup), Availability::Here, "{}", service.flag);
    }
}
