use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::Ipv4Addr;
use std::time::Duration;

use anyhow::{Result, bail};

use super::{GuestInfo, OvfEnv, Port};
use crate::deadline::Deadline;
use cloud_config::network::{Format, NetworkData};

use crate::source::{Availability, Context, Datasource, MetaData, Policy, Setup};

/// A hypervisor that returns the given values.
#[derive(Default)]
struct Hypervisor {
    elsewhere: bool,
    broken: bool,
    variables: BTreeMap<String, Vec<u8>>,
}

impl Port for Hypervisor {
    fn is_here(&self) -> bool {
        !self.elsewhere
    }

    fn read(&self, name: &str) -> Result<Option<Vec<u8>>> {
        if self.broken {
            bail!("failed to read {name}: the port is closed");
        }
        assert!(name.starts_with("guestinfo."), "{name}");
        Ok(self.variables.get(name).cloned())
    }
}

fn setup(network: Option<Format>) -> Setup {
    Setup { network, ..Setup::new(Policy::default(), Deadline::after(Duration::from_secs(20))) }
}

/// The variables of these lines, `name=value` without the common prefix.
fn variables(lines: &[&str]) -> GuestInfo<Hypervisor> {
    let pairs = lines.iter().map(|line| line.split_once('=').unwrap());
    let variables = pairs.map(|(name, value)| (format!("guestinfo.{name}"), value.as_bytes().to_vec())).collect();
    GuestInfo::new(Hypervisor { variables, ..Hypervisor::default() })
}

fn meta_data(source: &dyn Datasource, network: Option<Format>) -> MetaData {
    source.meta_data(&Context { setup: &setup(network), stop: &|| false })
}

fn user_data(source: &dyn Datasource) -> Result<Vec<u8>> {
    source.user_data(&Context { setup: &setup(None), stop: &|| false })
}

/// A document with these properties.
fn document(properties: &[(&str, &str)]) -> String {
    let properties = properties.iter().map(|(key, value)| format!("<Property oe:key=\"{key}\" oe:value=\"{value}\"/>"));
    let properties = properties.collect::<Vec<_>>().concat();
    format!(
        "<?xml version=\"1.0\"?>\n<Environment xmlns=\"http://schemas.dmtf.org/ovf/environment/1\" \
         xmlns:oe=\"http://schemas.dmtf.org/ovf/environment/1\" oe:id=\"me\"><PropertySection>{properties}\
         </PropertySection><Entity oe:id=\"other\"><PropertySection><Property oe:key=\"guestinfo.hostname\" \
         oe:value=\"other\"/></PropertySection></Entity></Environment>"
    )
}

#[test]
fn the_port_is_tried_under_vmware_alone() {
    let elsewhere = GuestInfo::new(Hypervisor { elsewhere: true, ..Hypervisor::default() });
    let setup = setup(None);
    let cx = Context { setup: &setup, stop: &|| false };
    assert!(matches!(elsewhere.probe(&cx), Availability::Never(_)));
    assert_eq!(variables(&[]).probe(&cx), Availability::Here);
}

#[test]
fn variables_name_the_machine_and_its_network() {
    let source = variables(&[
        "hostname=web",
        "dns.server.0=192.0.2.53",
        "dns.server.2=192.0.2.54",
        "dns.domain.0=example.com",
        "interface.0.name=eth0",
        "interface.0.role=private",
        "interface.0.ip.0.address=10.0.0.5/24",
        "interface.0.ip.1.address=fd00::5/64",
        "interface.1.mac=00:50:56:00:00:01",
        "interface.1.role=public",
        "interface.1.ip.0.address=203.0.113.9/24",
        "interface.1.ip.1.address=203.0.113.10/24",
        "interface.1.ip.2.address=2001:db8::9/64",
        "interface.1.route.0.gateway=203.0.113.1",
        "interface.1.route.0.destination=0.0.0.0/0",
        "interface.1.route.2.gateway=203.0.113.2",
        "interface.3.name=eth3",
    ]);
    let meta = meta_data(&source, Some(Format::Vmware));
    assert_eq!((meta.hostname.as_deref(), meta.failures.len()), (Some("web"), 0));
    let addresses = meta.addresses;
    assert_eq!(addresses.public_v4, Some(Ipv4Addr::new(203, 0, 113, 10)), "the last of a kind wins");
    assert_eq!(addresses.private_v4, Some(Ipv4Addr::new(10, 0, 0, 5)));
    assert_eq!(addresses.public_v6.unwrap().to_string(), "2001:db8::9");
    assert_eq!(addresses.private_v6.unwrap().to_string(), "fd00::5");
    let Some(NetworkData::Vmware(kept)) = meta.network else { panic!("there is a network description") };
    let names: Vec<_> = kept.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            "dns.domain.0",
            "dns.server.0",
            "interface.0.ip.0.address",
            "interface.0.ip.1.address",
            "interface.0.name",
            "interface.1.ip.0.address",
            "interface.1.ip.1.address",
            "interface.1.ip.2.address",
            "interface.1.mac",
            "interface.1.route.0.destination",
            "interface.1.route.0.gateway",
        ],
        "lists end at their first gap"
    );
    assert_eq!(meta_data(&source, Some(Format::Debian)).network, None);
}

#[test]
fn what_is_wrong_with_an_interface_costs_itself() {
    let failures = |lines: &[&str]| meta_data(&variables(lines), None).failures;
    assert!(failures(&["interface.0.role=dmz"]).is_empty(), "a role of nothing is nothing");
    assert!(failures(&["interface.0.role=dmz", "interface.0.dhcp=yes"]).is_empty());
    let role = failures(&["interface.0.role=dmz", "interface.0.ip.0.address=10.0.0.1/8"]);
    assert_eq!(role, ["guestinfo.interface.0.role is neither public nor private; addresses ignored"]);
    for address in ["10.0.0.1", "10.0.0.1/33", "fd00::1/129", "10.0.0.1/8 evil", "x/8", "10.0.0.1/+8", "10.0.0.1/"] {
        let lines = [
            "hostname=web",
            "interface.0.role=public",
            &format!("interface.0.ip.0.address={address}"),
            "interface.1.role=private",
            "interface.1.ip.0.address=10.0.0.2/8",
        ];
        let meta = meta_data(&variables(&lines), None);
        assert_eq!(meta.failures.len(), 1, "{address}: {:?}", meta.failures);
        assert_eq!(meta.addresses.private_v4, Some(Ipv4Addr::new(10, 0, 0, 2)), "{address}");
        assert_eq!(meta.hostname.as_deref(), Some("web"));
    }
}

#[test]
fn the_first_variable_that_is_set_is_the_user_data() {
    let all =
        ["ignition.config.data={}", "coreos.config.data=#cloud-config\n", "coreos.config.url=http://127.0.0.1:1/"];
    assert_eq!(user_data(&variables(&all)).unwrap(), b"{}");
    assert_eq!(user_data(&variables(&all[1..])).unwrap(), b"#cloud-config\n");
    let encoded = ["coreos.config.data=I2Nsb3VkLWNvbmZpZwo=", "coreos.config.data.encoding=base64"];
    assert_eq!(user_data(&variables(&encoded)).unwrap(), b"#cloud-config\n");
    let empty = ["ignition.config.data=", "coreos.config.data=x", "ignition.config.data.encoding=base64"];
    assert_eq!(user_data(&variables(&empty)).unwrap(), b"x", "the encoding belongs to its variable");
    assert_eq!(user_data(&variables(&[])).unwrap(), b"");
}

#[test]
fn encoded_data_without_an_encoding_names_the_variable() {
    for (data, encoding) in
        [("I2Nsb3VkLWNvbmZpZwo=", "`base64`"), ("H4sIAAAAAAAAA1NOzskvTdFNzs9Ly0znAgB6", "`gzip+base64`")]
    {
        for name in ["coreos.config.data", "ignition.config.data"] {
            let error = format!("{:#}", user_data(&variables(&[&format!("{name}={data}")])).unwrap_err());
            assert!(error.contains(&format!("guestinfo.{name}.encoding")) && error.contains(encoding), "{error}");
        }
    }
}

#[test]
fn user_data_that_cannot_be_used_has_a_remedy() {
    for (lines, remedy) in [
        (["userdata=#cloud-config", "hostname=a"], "set guestinfo.coreos.config.data"),
        (
            ["coreos.config.data=#cloud-config hostname: a users: []", "hostname=a"],
            "guestinfo.coreos.config.data.encoding",
        ),
        (["coreos.config.data=#!/bin/sh echo hi", "hostname=a"], "in base64"),
        (
            ["coreos.config.data=x", "coreos.config.data.encoding=text/plain"],
            "remove `guestinfo.coreos.config.data.encoding`",
        ),
        (
            ["coreos.config.data=x", "coreos.config.data.encoding=b64+gzip"],
            "`guestinfo.coreos.config.data.encoding: gzip+base64`",
        ),
        (["coreos.config.data=x", "coreos.config.data.encoding=rot13"], "encodings are b64"),
        (["coreos.config.data=hello, you", "coreos.config.data.encoding=base64"], "remove"),
    ] {
        let error = format!("{:#}", user_data(&variables(&lines)).unwrap_err());
        assert!(error.contains("guestinfo.") && error.contains(remedy), "{error}");
    }
    let sound = ["userdata=x", "coreos.config.data=#cloud-config"];
    assert_eq!(user_data(&variables(&sound)).unwrap(), b"#cloud-config");
    assert_eq!(user_data(&variables(&["coreos.config.data=#!/bin/sh -e"])).unwrap(), b"#!/bin/sh -e");
}

#[test]
fn errors_show_no_user_data() {
    for lines in [
        ["coreos.config.data=hunter2!", "coreos.config.data.encoding=base64"],
        ["coreos.config.data=hunter2", "coreos.config.data.encoding=rot13"],
        ["coreos.config.data=hunter2", "coreos.config.data.encoding=gzip"],
        ["coreos.config.url=ftp://u:hunter2@host/", "x=y"],
    ] {
        let error = format!("{:#}", user_data(&variables(&lines)).unwrap_err());
        assert!(error.contains("guestinfo.coreos.config") && !error.contains("hunter2"), "{error}");
    }
}

#[test]
fn a_document_among_the_variables_takes_their_place() {
    let document = document(&[("guestinfo.hostname", "inner"), ("guestinfo.coreos.config.data", "#cloud-config")]);
    let lines = [format!("ovfenv={document}"), "hostname=outer".to_owned(), "coreos.config.data=x".to_owned()];
    let source = variables(&lines.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(meta_data(&source, None).hostname.as_deref(), Some("inner"));
    assert_eq!(user_data(&source).unwrap(), b"#cloud-config");
    let source = variables(&["ovfenv= \n", "hostname=outer"]);
    assert_eq!(meta_data(&source, None).hostname.as_deref(), Some("outer"), "an empty one is none");
    let source = variables(&["ovfenv=<hunter2", "hostname=outer"]);
    let failures = meta_data(&source, None).failures;
    assert!(failures[0].contains("guestinfo.ovfenv") && !failures[0].contains("hunter2"), "{failures:?}");
    assert!(user_data(&source).is_err());
}

#[test]
fn variables_of_a_document_that_are_not_read_reach_the_conversion() {
    let document = document(&[
        ("guestinfo.interface.0.ip.0.address", "192.0.2.10/24"),
        ("guestinfo.interface.0.gateway", "192.0.2.1"),
        ("guestinfo.coreos.config.data", "x"),
        ("guestinfo.dns.servers", "192.0.2.53"),
    ]);
    let info = variables(&[&format!("ovfenv={document}")]);
    let Some(NetworkData::Vmware(kept)) = meta_data(&info, Some(Format::Vmware)).network else { panic!("no network") };
    let names: Vec<_> = kept.keys().map(String::as_str).collect();
    assert_eq!(names, ["dns.servers", "interface.0.gateway", "interface.0.ip.0.address"]);
}

#[test]
fn a_port_that_does_not_answer_is_told_once() {
    let source = GuestInfo::new(Hypervisor { broken: true, ..Hypervisor::default() });
    assert_eq!(meta_data(&source, None).failures, ["failed to read guestinfo.ovfenv: the port is closed"]);
    assert!(user_data(&source).is_err());
}

#[test]
fn a_list_without_an_end_ends() {
    struct Endless;
    impl Port for Endless {
        fn is_here(&self) -> bool {
            true
        }
        fn read(&self, name: &str) -> Result<Option<Vec<u8>>> {
            Ok((name.contains("dns.") || name == "guestinfo.interface.0.ip.0.address").then(|| b"10.0.0.1/8".to_vec()))
        }
    }
    let Some(NetworkData::Vmware(kept)) = meta_data(&GuestInfo::new(Endless), Some(Format::Vmware)).network else {
        panic!("there is a network description");
    };
    assert_eq!(kept.len(), 2001);
}

#[test]
fn properties_of_this_machine_count_and_the_last_of_a_name() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("ovf-env.xml");
    let source = OvfEnv::new(&path);
    let setup = setup(None);
    let cx = Context { setup: &setup, stop: &|| false };
    assert!(matches!(source.probe(&cx), Availability::NotYet(_)));
    let text = document(&[
        ("guestinfo.hostname", "one"),
        ("hostname", "two"),
        ("guestinfo.hostname", "three"),
        ("guestinfo.coreos.config.data", "#cloud-config&#10;hostname: a"),
    ]);
    // A disk may pad the document.
    std::fs::write(&path, format!("{text}\n\0\0\0")).unwrap();
    assert_eq!(source.probe(&cx), Availability::Here);
    assert_eq!(source.meta_data(&cx).hostname.as_deref(), Some("three"));
    assert_eq!(source.user_data(&cx).unwrap(), b"#cloud-config\nhostname: a");
    for text in ["<Other/>", "", "<!DOCTYPE a><Environment/>"] {
        std::fs::write(&path, text).unwrap();
        assert_eq!(source.meta_data(&cx).failures.len(), 1, "{text}");
        assert!(source.user_data(&cx).is_err(), "{text}");
    }
}

#[test]
fn a_list_that_is_too_long_is_said_to_be() {
    let mut text = String::from("<Environment xmlns=\"http://schemas.dmtf.org/ovf/environment/1\"><PropertySection>");
    for n in 0..=1000 {
        let _ = write!(text, "<Property key=\"guestinfo.dns.server.{n}\" value=\"192.0.2.1\"/>");
    }
    text += "</PropertySection></Environment>";
    let properties = super::ovf::Properties::read(text.as_bytes(), "it").unwrap();
    let setup = Setup::new(Policy::default(), Deadline::after(Duration::from_secs(5)));
    let meta = super::variables::meta_data(&properties, &Context { setup: &setup, stop: &|| false });
    assert_eq!(meta.failures.len(), 1, "{:?}", meta.failures);
    assert!(meta.failures[0].contains("guestinfo.dns.server.1000"), "{:?}", meta.failures);
}

#[test]
fn properties_under_other_names_are_reported() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("ovf-env.xml");
    let source = |properties: &[(&str, &str)]| {
        std::fs::write(&path, document(properties)).unwrap();
        OvfEnv::new(&path)
    };
    for (name, wanted) in [
        ("user-data", "guestinfo.coreos.config.data"),
        ("coreos.config.data", "guestinfo.coreos.config.data"),
        ("guestinfo.flatcar.config.data", "guestinfo.coreos.config.data"),
        ("Guestinfo.CoreOS.config.data", "guestinfo.coreos.config.data"),
        ("coreos.config.url", "guestinfo.coreos.config.url"),
    ] {
        let error = user_data(&source(&[(name, "x")])).unwrap_err().to_string();
        assert!(error.contains(name) && error.contains(wanted), "{error}");
        assert_eq!(user_data(&source(&[(name, "")])).unwrap(), b"");
        let both = source(&[(name, "x"), ("guestinfo.ignition.config.data", "y")]);
        assert_eq!(user_data(&both).unwrap(), b"y", "{name}");
    }
    let failures = |properties: &[(&str, &str)]| {
        let meta = meta_data(&source(properties), None);
        meta.failures.into_iter().chain(meta.unread_hostname).collect::<Vec<_>>()
    };
    assert!(failures(&[("hostname", "web")]).concat().contains("must be named guestinfo.hostname"));
    assert!(failures(&[("public-keys", "ssh-rsa")]).concat().contains("public-keys"));
    assert!(failures(&[("hostname", ""), ("password", "x")]).is_empty());
    assert!(failures(&[("hostname", "a"), ("guestinfo.hostname", "b")]).is_empty());
}
