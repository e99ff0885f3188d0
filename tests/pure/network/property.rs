//! Any description is converted in time, and the result has the form of our files and nothing else.

use std::time::Instant;

use proptest::prelude::*;
use proptest::sample::select;

use super::{FORMATS, cases, convert};
use crate::invariants::network::check;

/// Words that mean something to one of the formats, and some that should mean nothing.
const WORDS: &[&str] = &[
    "iface",
    "auto",
    "mapping",
    "source",
    "inet",
    "inet6",
    "static",
    "dhcp",
    "manual",
    "loopback",
    "address",
    "netmask",
    "gateway",
    "dns-nameservers",
    "dns-search",
    "hwaddress",
    "ether",
    "mtu",
    "post-up",
    "route",
    "add",
    "-net",
    "gw",
    "bond-slaves",
    "bond-master",
    "bond-mode",
    "bond-miimon",
    "none",
    "vlan-raw-device",
    "vlan_id",
    "eth0",
    "eth0.5",
    "vlan7",
    "bond0",
    "eth0:1",
    "192.0.2.1",
    "192.0.2.1/24",
    "255.255.255.0",
    "2001:db8::1/64",
    "24",
    "4",
    "100",
    "00:00:5e:00:53:01",
    "example.com",
    "\n",
    "\n",
    "\n",
    "\\\n",
    "#",
    "%i",
    "*",
    "[Match]",
    "é",
    "\u{0}",
    "\r",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_converted(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        for format in FORMATS {
            check(format, &bytes);
        }
    }

    #[test]
    fn any_words_are_an_interfaces_file(words in prop::collection::vec(select(WORDS), 0..80)) {
        check("debian", words.join(" ").as_bytes());
    }

    /// A case of ours with a piece of it replaced.
    #[test]
    fn any_change_of_a_case_is_converted(
        format in select(&FORMATS[..]),
        which in any::<prop::sample::Index>(),
        at in any::<prop::sample::Index>(),
        length in 0..40_usize,
        new in prop_oneof![select(WORDS).prop_map(str::to_owned), ".{0,20}", Just("\\nDNS=192.0.2.66".to_owned())],
    ) {
        let (_, cases) = cases(format);
        let input = which.get(&cases).input.as_bytes();
        let at = at.index(input.len() + 1);
        let end = (at + length).min(input.len());
        check(format, &[&input[..at], new.as_bytes(), &input[end..]].concat());
    }
}

/// A text of `count` pieces.
fn pieces(count: usize, piece: impl Fn(usize) -> String) -> String {
    (0..count).map(piece).collect::<Vec<_>>().concat()
}

/// JSON `{"KEY":[…]}` of `count` entries.
fn list(key: &str, count: usize, entry: impl Fn(usize) -> String) -> String {
    format!(r#"{{"{key}":[{}]}}"#, (0..count).map(entry).collect::<Vec<_>>().join(","))
}

/// A hardware address of its own for each number.
fn mac(at: usize) -> String {
    format!("02:00:00:00:{:02x}:{:02x}", at / 256 % 256, at % 256)
}

/// A format, and a description of that many pieces.
type Shape = (&'static str, fn(usize) -> String);

const SHAPES: [Shape; 16] = [
    ("debian", |count| pieces(count, |at| format!("iface v{at}.1 inet static\naddress 192.0.2.1/24\n"))),
    ("debian", |count| pieces(count, |at| format!("iface v{at} inet manual\nbond-slaves v{}\n", at + 1))),
    ("debian", |count| format!("iface b inet manual\nbond-slaves{}\n", pieces(count, |at| format!(" v{at}")))),
    ("debian", |count| {
        let line = |at: usize| format!("address 10.{}.{}.1\nnetmask 24\n", at / 256 % 256, at % 256);
        format!("iface eth0 inet static\n{}", pieces(count / 3, line))
    }),
    ("debian", |count| format!("iface eth0 inet static\naddress 192.0.2.1/24\ndns-search{}", " x".repeat(count))),
    ("debian", |count| format!("iface eth0 inet static\naddress 192.0.2.1\n{}", "netmask 24\n".repeat(count / 2))),
    ("debian", |count| "\\\n".repeat(count)),
    ("openstack", |count| {
        list("links", count, |at| format!(r#"{{"id":"{at}","type":"vlan","vlan_id":1,"vlan_link":"{}"}}"#, at + 1))
    }),
    ("openstack", |count| {
        let links = list("links", count, |at| format!(r#"{{"id":"{at}","ethernet_mac_address":"{}"}}"#, mac(at)));
        let networks = list("networks", count, |at| format!(r#"{{"link":"{at}","type":"ipv4_dhcp"}}"#));
        let services = list("services", 40, |at| format!(r#"{{"type":"dns","address":"192.0.2.{}"}}"#, at + 1));
        format!("{},{},{}", links.trim_end_matches('}'), &networks[1..networks.len() - 1], &services[1..])
    }),
    ("packet", |count| {
        list("addresses", count, |at| format!(r#"{{"address":"10.{}.{}.1","netmask":"24"}}"#, at / 256, at % 256))
            .replacen('{', r#"{"interfaces":[{"name":"eth0"}],"#, 1)
    }),
    ("packet", |count| list("interfaces", count, |at| format!(r#"{{"mac":"{}"}}"#, mac(at)))),
    ("digitalocean", |count| {
        let entry = |at| format!(r#"{{"mac":"{}","ipv4":{{"ip_address":"10.0.0.1","netmask":"8"}}}}"#, mac(at));
        format!(r#"{{"interfaces":{}}}"#, list("private", count, entry))
    }),
    ("network-config", |count| {
        let entry = |at| format!(r#"{{"type":"physical","name":"v{at}","subnets":[{{"type":"dhcp"}}]}}"#);
        list("config", count, entry)
    }),
    ("network-config", |count| {
        let entry = |at: usize| {
            let (high, low) = (at / 256 % 256, at % 256);
            format!(
                r#"{{"type":"physical","name":"v{at}","subnets":[{{"type":"static","address":"10.{high}.{low}.1/24"}}]}},
                {{"type":"route","destination":"192.0.2.0/24","gateway":"10.{high}.{low}.2"}}"#
            )
        };
        list("config", count / 2, entry)
    }),
    ("network-config", |count| {
        format!("vlans:\n{}", pieces(count, |at| format!("  v{at}: {{id: 1, link: v{}}}\n", at + 1)))
    }),
    ("vmware", |count| pieces(count, |at| format!("interface.{at}.mac = {}\ninterface.{at}.dhcp = yes\n", mac(at)))),
];

/// The time for something ten times as long is about ten times as long.
#[test]
fn time_grows_with_the_input_alone() {
    for (shape, (format, text)) in SHAPES.into_iter().enumerate() {
        // The best of several: other processes may use this machine.
        let seconds = |count: usize| {
            let text = text(count);
            let once = || {
                let started = Instant::now();
                check(format, text.as_bytes());
                started.elapsed().as_secs_f64()
            };
            (0..3).map(|_| once()).fold(f64::INFINITY, f64::min)
        };
        let (short, long) = (seconds(500).max(0.003), seconds(5_000));
        assert!(long < 60.0 * short, "shape {shape} of {format}: {short} s, ten times as much: {long} s");
    }
}

/// Unused content of a document is parsed, too, and takes many times its length.
#[test]
fn documents_are_bounded_before_they_are_parsed() {
    for format in ["digitalocean", "openstack", "packet"] {
        for text in [format!(r#"{{"x":[0{}]}}"#, ",0".repeat(500_000)), "[".repeat(101)] {
            let conversion = convert(format, text.as_bytes());
            assert!(conversion.interfaces.is_empty(), "{format}");
            let message = &conversion.findings[0].message;
            assert!(
                message.contains("more than 500000 values") || message.contains("more than 100 nested"),
                "{format}: {message}"
            );
        }
    }
}

#[test]
fn excess_entries_are_reported_and_left_out() {
    let stanzas = pieces(10_050, |at| format!("iface v{at} inet manual\n"));
    let conversion = convert("debian", stanzas.as_bytes());
    assert!(conversion.has_errors());
    assert_eq!(conversion.interfaces.len(), 10_000);
    let link = |at| format!(r#"{{"id":"{at}","type":"phy","ethernet_mac_address":"{}"}}"#, mac(at));
    let links = |count| list("links", count, link);
    let conversion = convert("openstack", links(10_050).as_bytes());
    assert!(conversion.has_errors());
    assert_eq!(conversion.interfaces.len(), 10_000);
    assert!(!convert("openstack", links(10_000).as_bytes()).has_errors());
    let long = format!("iface a inet static\naddress 10.0.0.1/8\n{}", "x y\n".repeat(10_000));
    assert!(convert("debian", long.as_bytes()).interfaces.is_empty(), "a stanza has an end");
    let servers = pieces(40, |at| format!(" 192.0.2.{}", at + 1));
    let text = format!("iface a inet static\naddress 10.0.0.1/8\ndns-nameservers{servers}");
    let conversion = convert("debian", text.as_bytes());
    assert_eq!((conversion.interfaces[0].setup.dns.len(), conversion.findings.len()), (32, 1));
    assert!(conversion.has_errors());
}
