//! The table of metadata services: a row describes where each service has its data.

use super::DocumentFormat::{Json, KeyList, Network, Text, Yaml};
use super::Field::{Hostname, Keys, NetworkConfig, Private, Public, PublicV6};
use super::{Api, Document, Encoding, UserData};
use crate::source::platform::{Dmi, Platform};
use crate::source::session::TokenApi;
use cloud_config::network::{Format, NetworkData};

/// The address of most services.
const IPV4: &str = "http://169.254.169.254/";
/// The same for IPv6, at which OpenStack and Hetzner respond.
const LINK_LOCAL: &str = "http://[fe80::a9fe:a9fe]/";

/// A row without a token, headers and versions.
const PLAIN: Api = Api {
    platform: Platform { name: "", bases: &[IPV4], dmi: &[], ids: &[] },
    token: None,
    headers: &[],
    versions: None,
    probe: "",
    documents: &[],
    user_data: UserData { path: "", field: "", encoding: Encoding::Plain },
};

/// Akamai, formerly Linode.
pub static AKAMAI: Api = Api {
    platform: Platform {
        name: "Akamai",
        bases: &[IPV4, "http://[fd00:a9fe:a9fe::1]/"],
        dmi: &[(Dmi::Vendor, "Akamai"), (Dmi::Vendor, "Linode")],
        ids: &["akamai"],
    },
    token: Some(TokenApi {
        path: "v1/token",
        headers: &[("Metadata-Token-Expiry-Seconds", "3600"), ("Accept", "text/plain")],
        header: "Metadata-Token",
    }),
    probe: "v1/instance",
    documents: &[
        Document { path: "v1/instance", format: Json, fields: &[(Hostname, "label")] },
        Document { path: "v1/ssh-keys", format: Json, fields: &[(Keys, "users")] },
        Document {
            path: "v1/network",
            format: Json,
            fields: &[(Public, "ipv4.public[]"), (Private, "ipv4.private[]"), (Public, "ipv6.slaac")],
        },
    ],
    user_data: UserData { path: "v1/user-data", field: "", encoding: Encoding::Base64 },
    ..PLAIN
};

/// Alibaba Cloud.
pub static ALIBABA: Api = Api {
    platform: Platform {
        name: "Alibaba Cloud",
        bases: &["http://100.100.100.200/"],
        dmi: &[(Dmi::Product, "Alibaba Cloud ECS")],
        ids: &["aliyun"],
    },
    token: Some(TokenApi {
        path: "latest/api/token",
        headers: &[("X-aliyun-ecs-metadata-token-ttl-seconds", "21600")],
        header: "X-aliyun-ecs-metadata-token",
    }),
    probe: "latest/meta-data/instance-id",
    documents: &[
        Document { path: "latest/meta-data/hostname", format: Text, fields: &[(Hostname, "")] },
        Document { path: "latest/meta-data/public-keys/", format: KeyList, fields: &[] },
        Document { path: "latest/meta-data/private-ipv4", format: Text, fields: &[(Private, "")] },
        // An elastic address comes before one that belongs to the machine.
        Document { path: "latest/meta-data/eipv4", format: Text, fields: &[(Public, "")] },
        Document { path: "latest/meta-data/public-ipv4", format: Text, fields: &[(Public, "")] },
    ],
    user_data: UserData { path: "latest/user-data", field: "", encoding: Encoding::Plain },
    ..PLAIN
};

/// Apache `CloudStack`. The virtual router of a network is its service.
pub static CLOUDSTACK: Api = Api {
    platform: Platform {
        name: "CloudStack",
        bases: &["http://data-server./"],
        dmi: &[(Dmi::Product, "CloudStack*")],
        ids: &["cloudstack"],
    },
    probe: "latest/meta-data/instance-id",
    documents: &[
        Document { path: "latest/meta-data/local-hostname", format: Text, fields: &[(Hostname, "")] },
        Document { path: "latest/meta-data/public-keys", format: Text, fields: &[(Keys, "")] },
        Document { path: "latest/meta-data/local-ipv4", format: Text, fields: &[(Private, "")] },
        Document { path: "latest/meta-data/public-ipv4", format: Text, fields: &[(Public, "")] },
    ],
    user_data: UserData { path: "latest/user-data", field: "", encoding: Encoding::Plain },
    ..PLAIN
};

/// Exoscale.
pub static EXOSCALE: Api = Api {
    platform: Platform { name: "Exoscale", bases: &[IPV4], dmi: &[(Dmi::Product, "Exoscale*")], ids: &["exoscale"] },
    probe: "1.0/meta-data/instance-id",
    documents: &[
        Document { path: "1.0/meta-data/local-hostname", format: Text, fields: &[(Hostname, "")] },
        Document { path: "1.0/meta-data/public-keys", format: Text, fields: &[(Keys, "")] },
        Document { path: "1.0/meta-data/local-ipv4", format: Text, fields: &[(Private, "")] },
        Document { path: "1.0/meta-data/public-ipv4", format: Text, fields: &[(Public, "")] },
    ],
    user_data: UserData { path: "1.0/user-data", field: "", encoding: Encoding::Plain },
    ..PLAIN
};

/// Hetzner.
pub static HETZNER: Api = Api {
    platform: Platform {
        name: "Hetzner",
        bases: &[IPV4, LINK_LOCAL],
        dmi: &[(Dmi::Vendor, "Hetzner")],
        ids: &["hetzner"],
    },
    probe: "hetzner/v1/metadata",
    documents: &[
        Document {
            path: "hetzner/v1/metadata",
            format: Yaml,
            fields: &[
                (Hostname, "hostname"),
                (Keys, "public-keys"),
                (Public, "public-ipv4"),
                (Private, "local-ipv4"),
                (PublicV6, "network-config.config[].subnets[].address"),
                (NetworkConfig, "network-config"),
            ],
        },
        Document { path: "hetzner/v1/metadata/private-networks", format: Yaml, fields: &[(Private, "[].ip")] },
    ],
    user_data: UserData { path: "hetzner/v1/userdata", field: "", encoding: Encoding::MaybeBase64 },
    ..PLAIN
};

/// OpenStack. The addresses are those of its service in the layout of EC2.
pub static OPENSTACK: Api = Api {
    platform: Platform {
        name: "OpenStack",
        bases: &[IPV4, LINK_LOCAL],
        dmi: &[
            (Dmi::Product, "OpenStack Nova"),
            (Dmi::Product, "OpenStack Compute"),
            (Dmi::AssetTag, "OpenTelekomCloud"),
            (Dmi::AssetTag, "SAP CCloud VM"),
            (Dmi::AssetTag, "HUAWEICLOUD"),
            (Dmi::AssetTag, "Samsung Cloud Platform"),
        ],
        ids: &["openstack", "brightbox", "stackit"],
    },
    versions: Some("openstack"),
    probe: "openstack",
    documents: &[
        Document {
            path: "openstack/latest/meta_data.json",
            format: Json,
            fields: &[(Hostname, "hostname"), (Keys, "public_keys")],
        },
        Document { path: "latest/meta-data/local-ipv4", format: Text, fields: &[(Private, "")] },
        Document { path: "latest/meta-data/public-ipv4", format: Text, fields: &[(Public, "")] },
        Document {
            path: "openstack/latest/network_data.json",
            format: Network(Format::OpenStack, NetworkData::OpenStack),
            fields: &[],
        },
    ],
    user_data: UserData { path: "openstack/latest/user_data", field: "", encoding: Encoding::Plain },
    ..PLAIN
};

/// Oracle Cloud. It does not report a public IPv4 address.
pub static ORACLE: Api = Api {
    platform: Platform {
        name: "Oracle Cloud",
        bases: &[IPV4, "http://[fd00:c1::a9fe:a9fe]/"],
        dmi: &[(Dmi::AssetTag, "OracleCloud.com")],
        ids: &["oraclecloud"],
    },
    headers: &[("Authorization", "Bearer Oracle")],
    probe: "opc/v2/instance/",
    documents: &[
        Document {
            path: "opc/v2/instance/",
            format: Json,
            fields: &[(Hostname, "hostname"), (Keys, "metadata.ssh_authorized_keys")],
        },
        Document {
            path: "opc/v2/vnics/",
            format: Json,
            fields: &[(Private, "[].privateIp"), (Public, "[].ipv6Addresses[]")],
        },
    ],
    user_data: UserData { path: "opc/v2/instance/", field: "metadata.user_data", encoding: Encoding::Base64 },
    ..PLAIN
};

/// `UpCloud`.
pub static UPCLOUD: Api = Api {
    platform: Platform { name: "UpCloud", bases: &[IPV4], dmi: &[(Dmi::Vendor, "UpCloud")], ids: &["upcloud"] },
    probe: "metadata/v1.json",
    documents: &[Document {
        path: "metadata/v1.json",
        format: Json,
        fields: &[
            (Hostname, "hostname"),
            (Keys, "public_keys"),
            (Public, "network.interfaces[type=public].ip_addresses[].address"),
            (Private, "network.interfaces[type=private].ip_addresses[].address"),
            (Private, "network.interfaces[type=utility].ip_addresses[].address"),
        ],
    }],
    user_data: UserData { path: "metadata/v1.json", field: "user_data", encoding: Encoding::Plain },
    ..PLAIN
};

/// Vultr.
pub static VULTR: Api = Api {
    platform: Platform { name: "Vultr", bases: &[IPV4], dmi: &[(Dmi::Vendor, "Vultr")], ids: &["vultr"] },
    // The service wants the header from programs that configure a machine; the value is not checked.
    headers: &[("Metadata-Token", "cloudinit")],
    probe: "v1.json",
    documents: &[Document {
        path: "v1.json",
        format: Json,
        fields: &[
            (Hostname, "hostname"),
            (Keys, "public-keys"),
            (Public, "interfaces[network-type=public].ipv4.address"),
            (Public, "interfaces[network-type=public].ipv6.address"),
            (Private, "interfaces[network-type=private].ipv4.address"),
            (Private, "interfaces[network-type=private].ipv6.address"),
        ],
    }],
    user_data: UserData { path: "v1.json", field: "user-data", encoding: Encoding::Plain },
    ..PLAIN
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_platform_has_its_row_on_the_page() {
        let page = include_str!("../../../docs/datasources.md");
        for api in [&AKAMAI, &ALIBABA, &CLOUDSTACK, &EXOSCALE, &HETZNER, &OPENSTACK, &ORACLE, &UPCLOUD, &VULTR] {
            let Platform { name, bases, dmi, ids } = &api.platform;
            let list = |texts: &[&str], separator: &str| {
                let texts: Vec<_> = texts.iter().map(|text| format!("`{text}`")).collect();
                texts.join(separator)
            };
            let start = format!("| {name} | {} | ", list(bases, ", "));
            let row = page.lines().find(|line| line.starts_with(&start)).unwrap_or_else(|| panic!("no row: {start}"));
            assert!(row.ends_with(&format!(" | {} |", list(ids, ", "))), "{row}");
            assert!(dmi.iter().all(|(key, value)| row.contains(&format!("`{}`", key.file())) && row.contains(value)));
            let values = row.matches('`').count() / 2 - bases.len() - ids.len();
            let files = [Dmi::Vendor, Dmi::Product, Dmi::AssetTag].into_iter();
            let files = files.filter(|file| dmi.iter().any(|(key, _)| key == file)).count();
            assert_eq!(values, dmi.len() + files, "{row}");
        }
    }
}
