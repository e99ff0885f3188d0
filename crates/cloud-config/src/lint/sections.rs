//! The sections that systemd and networkd know in each type of file: those of systemd 260, and the former names that
//! releases since 237 used.

use crate::text::suggest;

/// The sections of every unit, in addition to the section of its type.
const COMMON: [&str; 2] = ["Unit", "Install"];

/// The types of systemd units, each with its own section.
const UNITS: [(&str, &str); 11] = [
    ("service", "Service"),
    ("socket", "Socket"),
    ("device", "Device"),
    ("mount", "Mount"),
    ("automount", "Automount"),
    ("swap", "Swap"),
    ("target", "Target"),
    ("path", "Path"),
    ("timer", "Timer"),
    ("slice", "Slice"),
    ("scope", "Scope"),
];

const NETWORK: &[&str] = &[
    "Match",
    "Link",
    "SR-IOV",
    "Network",
    "Address",
    "Neighbor",
    "IPv6AddressLabel",
    "RoutingPolicyRule",
    "Route",
    "NextHop",
    "DHCP",
    "DHCPv4",
    "DHCPv6",
    "DHCPPrefixDelegation",
    "DHCPv6PrefixDelegation",
    "DHCPServer",
    "DHCPServerStaticLease",
    "IPv6AcceptRA",
    "IPv6NDPProxyAddress",
    "IPv6SendRA",
    "IPv6PrefixDelegation",
    "IPv6Prefix",
    "IPv6RoutePrefix",
    "IPv6PREF64Prefix",
    "Bridge",
    "BridgeFDB",
    "BridgeMDB",
    "BridgeVLAN",
    "LLDP",
    "CAN",
    "IPoIB",
    "MobileNetwork",
    "TrafficControlQueueingDiscipline",
    "QDisc",
    "BFIFO",
    "BandMultiQueueing",
    "CAKE",
    "ClassfulMultiQueueing",
    "ControlledDelay",
    "DeficitRoundRobinScheduler",
    "DeficitRoundRobinSchedulerClass",
    "EnhancedTransmissionSelection",
    "FairQueueTrafficPolicing",
    "FairQueueing",
    "FairQueueingControlledDelay",
    "FlowQueuePIE",
    "GenericRandomEarlyDetection",
    "HeavyHitterFilter",
    "HierarchyTokenBucket",
    "HierarchyTokenBucketClass",
    "NetworkEmulator",
    "PFIFO",
    "PFIFOFast",
    "PFIFOHeadDrop",
    "PIE",
    "QuickFairQueueing",
    "QuickFairQueueingClass",
    "StochasticFairBlue",
    "StochasticFairnessQueueing",
    "TokenBucketFilter",
    "TrivialLinkEqualizer",
];

const NETDEV: &[&str] = &[
    "Match",
    "NetDev",
    "BareUDP",
    "BatmanAdvanced",
    "Bond",
    "Bridge",
    "FooOverUDP",
    "GENEVE",
    "HSR",
    "IPVLAN",
    "IPVTAP",
    "IPoIB",
    "L2TP",
    "L2TPSession",
    "MACVLAN",
    "MACVTAP",
    "MACsec",
    "MACsecReceiveAssociation",
    "MACsecReceiveChannel",
    "MACsecTransmitAssociation",
    "OVSBridge",
    "OVSPort",
    "OVSTunnel",
    "Peer",
    "Tap",
    "Tun",
    "Tunnel",
    "VLAN",
    "VRF",
    "VXCAN",
    "VXLAN",
    "WLAN",
    "WireGuard",
    "WireGuardPeer",
    "Xfrm",
];

const LINK: &[&str] = &["Match", "Link", "SR-IOV", "EnergyEfficientEthernet"];

/// The known sections of a type of file.
#[derive(Clone, Copy)]
pub(super) enum Sections {
    /// The sections of a unit: its own, and those of every unit.
    Unit(&'static str),
    /// A file of networkd or udev.
    Network(&'static [&'static str]),
}

impl Sections {
    /// Returns the sections of the unit or file `name`, by its suffix; `None` for an unknown type.
    pub fn of(name: &str) -> Option<Self> {
        let (_, suffix) = name.rsplit_once('.')?;
        match suffix {
            "network" => Some(Self::Network(NETWORK)),
            "netdev" => Some(Self::Network(NETDEV)),
            "link" => Some(Self::Network(LINK)),
            _ => UNITS.iter().find(|(kind, _)| *kind == suffix).map(|(_, own)| Self::Unit(own)),
        }
    }

    /// Returns true if systemd knows the section.
    pub fn know(self, section: &str) -> bool {
        self.all().any(|known| known == section)
    }

    /// Returns the remedy for an unknown section.
    pub fn help(self, section: &str) -> String {
        let section = section.trim();
        let most = if section.len() < 6 { 1 } else { 2 };
        let meant = self
            .all()
            .find(|known| known.eq_ignore_ascii_case(section))
            .map_or_else(|| suggest::closest_within(section, most, self.all()), |known| vec![known]);
        let meant: Vec<_> = meant.into_iter().map(|known| format!("[{known}]")).collect();
        suggest::question(&meant).filter(|_| meant.len() < 3).unwrap_or_else(|| match self {
            Self::Unit(own) => format!("write [{}], [{own}] or [{}]", COMMON[0], COMMON[1]),
            Self::Network(_) => "a section of your own begins with X-".to_owned(),
        })
    }

    /// Returns all known sections.
    pub fn all(self) -> impl Iterator<Item = &'static str> {
        let (common, own, network) = match self {
            Self::Unit(own) => (&COMMON[..], Some(own), &[][..]),
            Self::Network(all) => (&[][..], None, all),
        };
        common.iter().copied().chain(own).chain(network.iter().copied())
    }
}

#[cfg(test)]
mod tests {
    use super::Sections;

    fn known(name: &str, section: &str) -> bool {
        Sections::of(name).unwrap().know(section)
    }

    #[test]
    fn each_type_has_its_sections() {
        for (name, section) in [
            ("a.service", "Service"),
            ("a@1.service", "Unit"),
            ("a.timer", "Timer"),
            ("a.target", "Install"),
            ("a.network", "DHCPv4"),
            ("a.netdev", "WireGuardPeer"),
            ("a.link", "Link"),
        ] {
            assert!(known(name, section), "{name} {section}");
        }
        for (name, section) in [
            ("a.service", "service"),
            ("a.timer", "Service"),
            ("a.service", ""),
            ("a.service", "X-Mine"),
            ("a.network", "Install"),
            ("a.netdev", "Network"),
            ("a.link", "Network"),
        ] {
            assert!(!known(name, section), "{name} {section}");
        }
        assert!(Sections::of("a.conf").is_none());
    }

    #[test]
    fn misspelled_sections_have_a_suggestion() {
        for (name, section, help) in [
            ("a.service", "Servic", "did you mean `[Service]`?"),
            ("a.service", "service", "did you mean `[Service]`?"),
            ("a.service", "Services", "did you mean `[Service]`?"),
            ("a.service", " Unit ", "did you mean `[Unit]`?"),
            ("a.timer", "Instal", "did you mean `[Install]`?"),
            ("a.timer", "Service", "write [Unit], [Timer] or [Install]"),
            ("a.network", "Netwrok", "did you mean `[Network]`?"),
            ("a.network", "DHCPv5", "did you mean `[DHCPv4]` or `[DHCPv6]`?"),
            ("a.network", "Mine", "a section of your own begins with X-"),
        ] {
            assert_eq!(Sections::of(name).unwrap().help(section), help, "{name} {section}");
        }
    }

    #[test]
    fn every_type_of_unit_has_sections() {
        use crate::plan::names::{UnitReader, reader};
        for (kind, _) in super::UNITS {
            assert_eq!(reader(&format!("a.{kind}")), UnitReader::Systemd, "{kind}");
        }
    }
}
