//! Options of bonds, from the names and values of the kernel to those of networkd.
//!
//! Descriptions use the names of the kernel's `bonding` module (`miimon`, `lacp_rate`), and often its numbers. networkd
//! has other names, words and units of time, and ignores unknown ones.

use core::net::Ipv4Addr;
use std::collections::BTreeMap;

use super::names::number;

/// The options of a bond, with the names and values of networkd and of the kernel.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BondOptions {
    networkd: BTreeMap<&'static str, String>,
    kernel: BTreeMap<&'static str, String>,
}

/// The kind of value of an option.
enum BondValue {
    /// One of these words, which the kernel numbers from 0.
    Word(&'static [&'static str]),
    /// Milliseconds.
    Time,
    /// A number up to this maximum.
    Number(u32),
    /// IPv4 addresses.
    Addresses,
}

/// An option: the name in the kernel, the name in networkd, the kind of its values.
struct BondRow(&'static str, &'static str, BondValue);

const MODES: &[&str] =
    &["balance-rr", "active-backup", "balance-xor", "broadcast", "802.3ad", "balance-tlb", "balance-alb"];
const POLICIES: &[&str] = &["layer2", "layer3+4", "layer2+3", "encap2+3", "encap3+4"];

/// All options that networkd also has. `primary` is missing: networkd reads it from the file of the slave.
const TABLE: &[BondRow] = &[
    BondRow("mode", "Mode", BondValue::Word(MODES)),
    BondRow("miimon", "MIIMonitorSec", BondValue::Time),
    BondRow("lacp_rate", "LACPTransmitRate", BondValue::Word(&["slow", "fast"])),
    BondRow("updelay", "UpDelaySec", BondValue::Time),
    BondRow("downdelay", "DownDelaySec", BondValue::Time),
    BondRow("xmit_hash_policy", "TransmitHashPolicy", BondValue::Word(POLICIES)),
    BondRow("min_links", "MinLinks", BondValue::Number(u32::MAX)),
    BondRow("ad_select", "AdSelect", BondValue::Word(&["stable", "bandwidth", "count"])),
    BondRow("fail_over_mac", "FailOverMACPolicy", BondValue::Word(&["none", "active", "follow"])),
    BondRow("primary_reselect", "PrimaryReselectPolicy", BondValue::Word(&["always", "better", "failure"])),
    BondRow("num_grat_arp", "GratuitousARP", BondValue::Number(255)),
    BondRow("arp_interval", "ARPIntervalSec", BondValue::Time),
    BondRow("arp_ip_target", "ARPIPTargets", BondValue::Addresses),
    BondRow("arp_validate", "ARPValidate", BondValue::Word(&["none", "active", "backup", "all"])),
    BondRow("arp_all_targets", "ARPAllTargets", BondValue::Word(&["any", "all"])),
];

/// The largest number of ARP targets in the kernel.
const TARGETS_MAX: usize = 16;

/// The reason why an option of a bond or bridge is not set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OptionFault {
    /// networkd has no such option.
    Unknown,
    /// The value is invalid.
    Value,
}

impl BondOptions {
    /// Sets an option by its name in the kernel, spelled with `-` or `_`. A second value replaces the first one.
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), OptionFault> {
        let same = |known: &str| known.bytes().eq(name.bytes().map(|byte| if byte == b'-' { b'_' } else { byte }));
        let BondRow(kernel, networkd, kind) = TABLE.iter().find(|row| same(row.0)).ok_or(OptionFault::Unknown)?;
        let (ours, theirs) = kind.read(value).ok_or(OptionFault::Value)?;
        self.networkd.insert(networkd, ours);
        self.kernel.insert(kernel, theirs);
        Ok(())
    }

    /// Sets all options of `other`, which replace existing ones.
    pub fn merge(&mut self, other: Self) {
        self.networkd.extend(other.networkd);
        self.kernel.extend(other.kernel);
    }

    /// Returns the options of all bonds at Packet, which are not in its description.
    pub(super) fn packet() -> Self {
        let networkd = [
            ("Mode", "802.3ad"),
            ("LACPTransmitRate", "fast"),
            ("MIIMonitorSec", ".2"),
            ("UpDelaySec", ".2"),
            ("DownDelaySec", ".2"),
        ];
        let kernel =
            [("mode", "802.3ad"), ("lacp_rate", "fast"), ("miimon", "200"), ("updelay", "200"), ("downdelay", "200")];
        let owned = |(name, value): (&'static str, &str)| (name, value.to_owned());
        Self { networkd: networkd.map(owned).into(), kernel: kernel.map(owned).into() }
    }

    /// Returns the names and values for networkd, sorted.
    pub fn networkd(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.networkd.iter().map(|(name, value)| (*name, value.as_str()))
    }

    /// Returns the names and values for the kernel module, sorted.
    pub fn kernel(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.kernel.iter().map(|(name, value)| (*name, value.as_str()))
    }
}

impl BondValue {
    /// Parses a value. Returns its forms for networkd and for the kernel.
    fn read(&self, text: &str) -> Option<(String, String)> {
        match self {
            Self::Word(words) => {
                let by_number = number(text).and_then(|at: usize| words.get(at));
                let word = by_number.or_else(|| words.iter().find(|word| **word == text))?;
                Some(((*word).to_owned(), (*word).to_owned()))
            }
            Self::Time => number(text).map(|time: u32| (format!("{time}ms"), time.to_string())),
            Self::Number(most) => {
                let number = number(text).filter(|number: &u32| number <= most)?.to_string();
                Some((number.clone(), number))
            }
            Self::Addresses => {
                let words = text.split([',', ' ']).filter(|word| !word.is_empty());
                let targets: Option<Vec<_>> =
                    words.map(|word| Some(word.parse::<Ipv4Addr>().ok()?.to_string())).collect();
                let targets = targets.filter(|targets| (1..=TARGETS_MAX).contains(&targets.len()))?;
                Some((targets.join(" "), targets.join(",")))
            }
        }
    }
}

/// Returns all keys of `[Bond]` that can be written.
pub(super) fn keys() -> impl Iterator<Item = &'static str> {
    TABLE.iter().map(|row| row.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(options: &[(&str, &str)]) -> BondOptions {
        let mut all = BondOptions::default();
        for (name, value) in options {
            all.set(name, value).unwrap();
        }
        all
    }

    #[test]
    fn names_and_values_become_those_of_networkd() {
        let options = set(&[("mode", "4"), ("miimon", "100"), ("lacp-rate", "1"), ("xmit_hash_policy", "layer3+4")]);
        let wanted = [
            ("LACPTransmitRate", "fast"),
            ("MIIMonitorSec", "100ms"),
            ("Mode", "802.3ad"),
            ("TransmitHashPolicy", "layer3+4"),
        ];
        assert!(options.networkd().eq(wanted), "{options:?}");
        let wanted = [("lacp_rate", "fast"), ("miimon", "100"), ("mode", "802.3ad"), ("xmit_hash_policy", "layer3+4")];
        assert!(options.kernel().eq(wanted), "{options:?}");
    }

    #[test]
    fn the_kernels_numbers_are_its_words() {
        for (at, mode) in MODES.iter().enumerate() {
            assert_eq!(set(&[("mode", &at.to_string())]), set(&[("mode", mode)]));
        }
        assert_eq!(set(&[("lacp_rate", "0")]), set(&[("lacp-rate", "slow")]));
        assert_eq!(set(&[("mode", "1"), ("mode", "6")]), set(&[("mode", "balance-alb")]), "the last one counts");
    }

    #[test]
    fn what_networkd_does_not_take_is_not_set() {
        let mut options = BondOptions::default();
        for (name, value, fault) in [
            ("primary", "eth0", OptionFault::Unknown),
            ("", "", OptionFault::Unknown),
            ("mode", "7", OptionFault::Value),
            ("mode", "lacp", OptionFault::Value),
            ("mode", "802.3ad\nMACAddress=x", OptionFault::Value),
            ("miimon", "100ms", OptionFault::Value),
            ("miimon", "-1", OptionFault::Value),
            ("num_grat_arp", "256", OptionFault::Value),
            ("arp_ip_target", "192.0.2.1,x", OptionFault::Value),
            ("arp_ip_target", "", OptionFault::Value),
            ("arp_ip_target", &["192.0.2.1"; 17].join(","), OptionFault::Value),
        ] {
            assert_eq!(options.set(name, value), Err(fault), "{name} {value}");
        }
        assert_eq!(options, BondOptions::default());
    }

    #[test]
    fn targets_stand_side_by_side() {
        let options = set(&[("arp_ip_target", "192.0.2.1,192.0.2.2")]);
        assert!(options.networkd().eq([("ARPIPTargets", "192.0.2.1 192.0.2.2")]));
        assert!(options.kernel().eq([("arp_ip_target", "192.0.2.1,192.0.2.2")]));
    }

    #[test]
    fn every_key_is_one_of_the_table() {
        assert!(BondOptions::packet().networkd().all(|(name, _)| keys().any(|key| key == name)));
        assert!(BondOptions::packet().kernel().all(|(name, _)| TABLE.iter().any(|row| row.0 == name)));
    }
}
