//! Options of bridges, from the names in descriptions to those of networkd.

use std::collections::BTreeMap;

use super::bond::OptionFault;
use super::names::number;

/// The options of a bridge, with the names and values of networkd.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BridgeOptions(BTreeMap<&'static str, String>);

/// An option: the names in versions 1 and 2 of cloud-init's network configuration, the name in networkd.
struct BridgeRow(&'static str, &'static str, &'static str);

/// All options that networkd also has. The costs and priorities of ports belong to the files of the ports.
const TABLE: &[BridgeRow] = &[
    BridgeRow("bridge_stp", "stp", "STP"),
    BridgeRow("bridge_fd", "forward-delay", "ForwardDelaySec"),
    BridgeRow("bridge_ageing", "ageing-time", "AgeingTimeSec"),
    BridgeRow("bridge_bridgeprio", "priority", "Priority"),
    BridgeRow("bridge_hello", "hello-time", "HelloTimeSec"),
    BridgeRow("bridge_maxage", "max-age", "MaxAgeSec"),
];

impl BridgeOptions {
    /// Sets an option by one of its names. Times are in seconds.
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), OptionFault> {
        let is_named = |row: &&BridgeRow| row.0 == name || row.1 == name;
        let BridgeRow(_, _, key) = TABLE.iter().find(is_named).ok_or(OptionFault::Unknown)?;
        let value = match *key {
            "STP" => match value.to_ascii_lowercase().as_str() {
                "true" | "yes" | "on" | "1" => "yes".to_owned(),
                "false" | "no" | "off" | "0" => "no".to_owned(),
                _ => return Err(OptionFault::Value),
            },
            "Priority" => number::<u16>(value).ok_or(OptionFault::Value)?.to_string(),
            _ => number::<u32>(value).ok_or(OptionFault::Value)?.to_string(),
        };
        self.0.insert(key, value);
        Ok(())
    }

    /// Returns the names and values for networkd, sorted.
    pub fn networkd(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.0.iter().map(|(name, value)| (*name, value.as_str()))
    }
}

/// Returns all keys of `[Bridge]` that can be written.
pub(super) fn keys() -> impl Iterator<Item = &'static str> {
    TABLE.iter().map(|row| row.2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_names_of_an_option_are_known() {
        let mut options = BridgeOptions::default();
        for (name, value) in [("bridge_stp", "off"), ("priority", "4096"), ("bridge_fd", "4"), ("max-age", "20")] {
            options.set(name, value).unwrap();
        }
        let wanted = [("ForwardDelaySec", "4"), ("MaxAgeSec", "20"), ("Priority", "4096"), ("STP", "no")];
        assert!(options.networkd().eq(wanted), "{options:?}");
    }

    #[test]
    fn an_invalid_option_is_not_set() {
        let mut options = BridgeOptions::default();
        for (name, value, fault) in [
            ("bridge_pathcost", "eth0 50", OptionFault::Unknown),
            ("stp", "maybe", OptionFault::Value),
            ("priority", "65536", OptionFault::Value),
            ("hello-time", "1\n", OptionFault::Value),
            ("hello-time", "", OptionFault::Value),
        ] {
            assert_eq!(options.set(name, value), Err(fault), "{name}");
        }
        assert_eq!(options, BridgeOptions::default());
    }
}
