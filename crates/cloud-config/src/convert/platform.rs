//! The variables that the metadata agent of an image provides (docs/leaving.md#addresses).

use super::model::Variant;
use crate::address_tokens::Address;

/// A platform, by the name that `--platform` takes.
#[derive(Debug, PartialEq, Eq)]
pub struct Platform {
    /// The name, that of `--oem` where that has it.
    pub name: &'static str,
    /// The variables, without the prefix of the agent: a private and a public one of IPv4, the same of IPv6.
    variables: [Option<&'static str>; 4],
}

/// The variables of a platform without an agent, which an administrator provides.
const CUSTOM: [Option<&str>; 4] =
    [Some("CUSTOM_PRIVATE_IPV4"), Some("CUSTOM_PUBLIC_IPV4"), Some("CUSTOM_PRIVATE_IPV6"), Some("CUSTOM_PUBLIC_IPV6")];

/// All platforms, in the order in which the helper looks for their variables.
pub static PLATFORMS: [Platform; 12] = [
    Platform {
        name: "ec2-compat",
        variables: [Some("EC2_IPV4_LOCAL"), Some("EC2_IPV4_PUBLIC"), Some("EC2_IPV6"), Some("EC2_IPV6")],
    },
    Platform { name: "gce", variables: [Some("GCE_IP_LOCAL_0"), Some("GCE_IP_EXTERNAL_0"), None, None] },
    Platform { name: "azure", variables: [Some("AZURE_IPV4_DYNAMIC"), Some("AZURE_IPV4_VIRTUAL"), None, None] },
    Platform {
        name: "digitalocean",
        variables: [
            Some("DIGITALOCEAN_IPV4_PRIVATE_0"),
            Some("DIGITALOCEAN_IPV4_PUBLIC_0"),
            Some("DIGITALOCEAN_IPV6_PRIVATE_0"),
            Some("DIGITALOCEAN_IPV6_PUBLIC_0"),
        ],
    },
    Platform {
        name: "openstack",
        variables: [Some("OPENSTACK_IPV4_LOCAL"), Some("OPENSTACK_IPV4_PUBLIC"), None, None],
    },
    Platform {
        name: "packet",
        variables: [Some("PACKET_IPV4_PRIVATE_0"), Some("PACKET_IPV4_PUBLIC_0"), None, Some("PACKET_IPV6_PUBLIC_0")],
    },
    Platform {
        name: "hetzner",
        variables: [Some("HETZNER_PRIVATE_IPV4_0"), Some("HETZNER_PUBLIC_IPV4"), None, Some("HETZNER_PUBLIC_IPV6")],
    },
    Platform { name: "scaleway", variables: [Some("SCALEWAY_PRIVATE_IPV4"), Some("SCALEWAY_PUBLIC_IPV4"), None, None] },
    Platform { name: "akamai", variables: [Some("AKAMAI_PRIVATE_IPV4_0"), Some("AKAMAI_PUBLIC_IPV4_0"), None, None] },
    Platform { name: "vmware", variables: CUSTOM },
    Platform { name: "cloudsigma", variables: CUSTOM },
    Platform { name: "rackspace-onmetal", variables: CUSTOM },
];

impl Platform {
    /// Returns true if the agent of an image asks the platform; if not, an administrator provides the addresses. The unit
    /// of the agent does not run on Packet any more, although the agent knows it.
    pub fn has_agent(&self) -> bool {
        self.variables != CUSTOM && self.name != "packet"
    }

    /// The platform of that name.
    pub fn named(name: &str) -> Option<&'static Self> {
        PLATFORMS.iter().find(|platform| platform.name == name)
    }

    /// The variable of the metadata agent that has an address of this kind.
    pub fn variable(&self, variant: Variant, kind: Address) -> Option<String> {
        let index = match kind {
            Address::PrivateV4 => 0,
            Address::PublicV4 => 1,
            Address::PrivateV6 => 2,
            Address::PublicV6 => 3,
        };
        let name = self.variables[index]?;
        Some(match variant {
            Variant::Flatcar => format!("COREOS_{name}"),
            // Afterburn calls two platforms by their vendors.
            Variant::Fcos => match name.split_once('_') {
                Some(("EC2", rest)) => format!("AFTERBURN_AWS_{rest}"),
                Some(("GCE", rest)) => format!("AFTERBURN_GCP_{rest}"),
                _ => format!("AFTERBURN_{name}"),
            },
        })
    }
}

/// The service of an image that asks the platform for its metadata, and the file that it writes.
pub const fn agent(variant: Variant) -> (&'static str, &'static str) {
    match variant {
        Variant::Flatcar => ("coreos-metadata.service", "/run/metadata/flatcar"),
        Variant::Fcos => ("afterburn.service", "/run/metadata/afterburn"),
    }
}
