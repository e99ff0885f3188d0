//! Network descriptions of platforms: from bytes to files of networkd, and to the steps that put them there.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;

use cloud_config::document;
use cloud_config::network::Conversion;
use cloud_config::network::NetworkData;
use cloud_config::network::networkd::UnitFile;
use cloud_config::plan::{Facts, Plan, Step};
use serde_json::Value;

use super::secrets::{self, CANARY};
use super::{networkd, plan as plans, spans};

/// The largest ratio between a description and its files: each link may get the same 32 name servers.
const GROWTH: usize = 200;

/// Bytes as Debian's interfaces file.
pub fn interfaces(bytes: &[u8]) {
    check("debian", bytes);
}

/// Checks bytes as the description whose format the first line names; without a name, as each JSON format.
pub fn json(bytes: &[u8]) {
    let end = bytes.iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len());
    let rest = bytes.get(end + 1..).unwrap_or_default();
    match str::from_utf8(&bytes[..end]) {
        Ok(format @ ("digitalocean" | "network-config" | "openstack" | "packet" | "vmware")) => check(format, rest),
        _ => ["digitalocean", "network-config", "openstack", "packet"].iter().for_each(|format| check(format, bytes)),
    }
}

/// A description of a format, as a source hands it over.
pub fn data(format: &str, bytes: &[u8]) -> NetworkData {
    let bytes = bytes.to_vec();
    match format {
        "debian" => NetworkData::Debian(bytes),
        "network-config" => NetworkData::NetworkConfig(bytes),
        "digitalocean" => NetworkData::DigitalOcean(bytes),
        "openstack" => NetworkData::OpenStack(bytes),
        "packet" => NetworkData::Packet(bytes),
        "vmware" => NetworkData::Vmware(variables(&String::from_utf8_lossy(&bytes))),
        other => panic!("no format {other}"),
    }
}

/// Variables as lines `NAME = VALUE`.
fn variables(text: &str) -> BTreeMap<String, String> {
    let pairs = text.lines().filter_map(|line| line.split_once('='));
    pairs.map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned())).collect()
}

/// Checks the invariants of a description.
pub fn check(format: &str, bytes: &[u8]) {
    let document = document::read_network(data(format, bytes));
    let units = conversion(&document.network);
    let length: usize = units.iter().map(|unit| unit.name.len() + unit.content.len()).sum();
    assert!(length <= GROWTH * bytes.len() + 20_000, "{} bytes became {length}", bytes.len());

    let plan = document.plan(&Facts::default(), "set");
    assert_eq!(plan.is_partial(), document.network.has_errors());
    assert!(plan.refused.is_empty() && document.access.keys.is_empty() && document.access.hostname.is_none());
    assert_eq!(plan.findings.len().min(1), document.network.findings.len().min(1));
    plan.findings.iter().for_each(|finding| spans::finding(&document.part.text, finding));
    steps(&plan, &units, &document.network);

    let again = document::read_network(data(format, bytes));
    assert_eq!(document.network, again.network);
    let text = String::from_utf8_lossy(bytes);
    // JSON may spell it with escapes.
    if [CANARY, "\\u"].iter().any(|word| text.contains(word)) && !says_it_where_it_may_be_shown(format, &text) {
        secrets::hidden(&again, &plan);
    }
}

/// Checks the invariants of any conversion, and returns the files.
pub fn conversion(conversion: &Conversion) -> Vec<UnitFile> {
    let units = conversion.units();
    let mut names = HashSet::new();
    for unit in &units {
        assert!(names.insert(unit.name.clone()), "{} stands twice", unit.name);
        networkd::check(unit);
    }
    for module in conversion.modules() {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"=_.+,-".contains(&byte);
        assert!(matches!(module.name, "8021q" | "bonding"), "{module:?}");
        assert!(module.options.iter().all(|option| option.bytes().all(fits)), "{module:?}");
    }
    conversion.findings.iter().for_each(spans::one_line);
    units
}

/// Checks the order: first the files, in their directory; then interfaces, modules and networkd, once each.
fn steps(plan: &Plan, units: &[UnitFile], conversion: &Conversion) {
    let (files, others) = plan.steps.split_at(units.len());
    for (planned, unit) in files.iter().zip(units) {
        let Step::WriteFile(file) = &planned.step else { panic!("{} is no file", planned.step) };
        assert_eq!(file.path, Path::new("/run/systemd/network").join(&unit.name));
        assert!(file.mode == 0o644 && file.content.expose() == unit.content.as_bytes());
        plans::step(&planned.step);
    }
    let mut last = 0;
    for planned in others {
        let rank = match &planned.step {
            Step::TakeDown(links) => {
                assert!(!(links.names.is_empty() && links.renames.is_empty()), "{links:?}");
                assert!(links.names.iter().all(|name| name != "lo"), "{:?}", links.names);
                assert_eq!(links.renames.len(), conversion.to_rename().len());
                1
            }
            Step::LoadModule(module) => 2 + usize::from(module.name == "bonding"),
            Step::RestartNetworkd => 4,
            other => panic!("{other} has nothing to do with the network"),
        };
        assert!(last < rank, "{} comes too late", planned.step);
        last = rank;
    }
    assert_eq!(last, if units.is_empty() { 0 } else { 4 }, "networkd is restarted where there are files");
    let modules = others.iter().filter(|planned| matches!(planned.step, Step::LoadModule(_))).count();
    assert_eq!(modules, conversion.modules().len());
}

/// Returns true if the canary is part of a key, a name, or another text that may be shown.
fn says_it_where_it_may_be_shown(format: &str, text: &str) -> bool {
    match format {
        "debian" => {
            let joined = text.replace("\\\r\n", "").replace("\\\n", "");
            joined.lines().any(|line| {
                let key = line.split_whitespace().next().unwrap_or_default().replace('_', "-");
                let is_shown = ["iface", "bond-slaves", "bond-master", "vlan-raw-device"].contains(&key.as_str());
                key.contains(CANARY) || is_shown && line.contains(CANARY)
            })
        }
        "vmware" => variables(text)
            .iter()
            .any(|(name, value)| name.rsplit('.').next() == Some("name") && value.contains(CANARY)),
        "network-config" => serde_yaml::from_str(text).is_ok_and(|value| says_it(&value, "")),
        _ => serde_json::from_str(text).is_ok_and(|value| says_it(&value, "")),
    }
}

/// The keys whose values are names, which may be shown.
const NAMES: [&str; 11] = [
    "id",
    "name",
    "link",
    "vlan_link",
    "bond_links",
    "bond_interfaces",
    "bridge_interfaces",
    "interfaces",
    "interface",
    "set-name",
    "match",
];

/// Returns true if a key contains the canary, or a value whose key, `above`, marks it as a name.
fn says_it(value: &Value, above: &str) -> bool {
    match value {
        Value::String(text) => NAMES.contains(&above) && text.contains(CANARY),
        Value::Array(items) => items.iter().any(|item| says_it(item, above)),
        Value::Object(entries) => entries.iter().any(|(key, value)| key.contains(CANARY) || says_it(value, key)),
        _ => false,
    }
}
