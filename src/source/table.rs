//! The table of all sources (docs/command-line.md). A new source is a file and a row.

use std::ffi::{OsStr, OsString};
use std::sync::Arc;

use super::choose::Candidate;
use super::cloudsigma::CloudSigma;
use super::configdrive::ConfigDrive;
use super::ec2::{self, Ec2};
use super::file::File;
use super::gce::Gce;
use super::json_service::JsonService;
use super::metadata_service::{MetadataService, rows};
use super::nocloud::{NoCloud, NoCloudSeed};
use super::proc_cmdline::ProcCmdline;
use super::url::UrlSource;
use super::vmware::{Backdoor, GuestInfo, OvfEnv};
use super::waagent::Waagent;
use super::{Datasource, digitalocean, packet};

/// A row: a flag and its source. The command line and its help are generated from the rows.
pub struct Entry {
    /// The name of the flag, without dashes.
    pub flag: &'static str,
    /// The name of the flag's value; `None` for a switch.
    pub value: Option<&'static str>,
    /// The description in the help: imperative, at most 60 columns.
    pub help: &'static str,
    /// Additional facts for the long help.
    pub more: &'static str,
    /// True if the source may become available later.
    pub waits: bool,
    /// The flag that replaces this one, if this one is deprecated.
    pub instead: Option<&'static str>,
    /// Creates the source from the value of the flag; a switch ignores it.
    pub make: fn(&OsStr) -> Arc<dyn Datasource>,
}

/// Returns the row of a source that has a value and may become available later.
const fn source(
    flag: &'static str,
    value: &'static str,
    help: &'static str,
    make: fn(&OsStr) -> Arc<dyn Datasource>,
) -> Entry {
    Entry { flag, value: Some(value), help, more: "", waits: true, instead: None, make }
}

/// Returns the row of a source that has no value and may become available later.
const fn switch(flag: &'static str, help: &'static str, make: fn(&OsStr) -> Arc<dyn Datasource>) -> Entry {
    Entry { flag, value: None, help, more: "", waits: true, instead: None, make }
}

impl Entry {
    const fn more(self, more: &'static str) -> Self {
        Self { more, ..self }
    }

    /// Marks a source that is available at the start or never.
    const fn at_once(self) -> Self {
        Self { waits: false, ..self }
    }

    /// Marks a deprecated source, with the flag that replaces it.
    const fn instead(self, instead: &'static str) -> Self {
        Self { instead: Some(instead), ..self }
    }
}

/// All sources. If several are available in the first attempt, the first one of the table is chosen.
pub const TABLE: &[Entry] = &[
    source("from-file", "PATH", "Read user-data from a file", |path| Arc::new(File::new(path)))
        .more("PATH can be a pipe. A run waits up to five minutes until it exists."),
    source("from-url", "URL", "Fetch user-data over HTTP or HTTPS", |url| Arc::new(UrlSource::new(url)))
        .more("The proxy variables of the environment are used, such as https_proxy."),
    source("from-configdrive", "DIR", "Read an OpenStack config drive", |dir| Arc::new(ConfigDrive::new(dir)))
        .more("DIR is the directory where the drive is mounted, such as /media/configdrive."),
    source("from-nocloud", "DIR", "Read a NoCloud drive or seed directory", |dir| Arc::new(NoCloud::new(dir)))
        .more("DIR is the directory where the drive is mounted, or one with the files user-data and meta-data."),
    switch("from-nocloud-seed", "Read the NoCloud seed of this machine", |_| Arc::new(NoCloudSeed))
        .more("ds=nocloud;s=URI names it on the kernel command line or in the DMI serial number, or it is in /var/lib/cloud/seed."),
    source("from-ec2-metadata", "URL", "Query EC2's metadata service", |base| Arc::new(Ec2::new(base)))
        .more("URL is the base URL, such as http://169.254.169.254/."),
    switch("from-metadata-service", "Query EC2's default URL (deprecated)", |_| {
        Arc::new(Ec2::new(OsStr::new(ec2::DEFAULT_ADDRESS)))
    })
    .instead("--from-ec2-metadata=http://169.254.169.254/")
    .more("Use --from-ec2-metadata=http://169.254.169.254/."),
    source("from-gce-metadata", "URL", "Query GCE's metadata service", |base| Arc::new(Gce::new(base)))
        .more("URL is the base URL, such as http://metadata.google.internal/."),
    source("from-digitalocean-metadata", "URL", "Query DigitalOcean's metadata service", |base| {
        Arc::new(JsonService::new(&digitalocean::API, base))
    })
    .more("URL is the base URL, such as http://169.254.169.254/."),
    source("from-packet-metadata", "URL", "Query Packet's metadata service", |base| {
        Arc::new(JsonService::new(&packet::API, base))
    })
    .more("URL is the base URL, such as https://metadata.packet.net/."),
    source("from-akamai-metadata", "URL", "Query Akamai's metadata service", |base| {
        Arc::new(MetadataService::new(&rows::AKAMAI, base))
    })
    .more("URL is the base URL, such as http://169.254.169.254/."),
    source("from-alibaba-metadata", "URL", "Query Alibaba's metadata service", |base| {
        Arc::new(MetadataService::new(&rows::ALIBABA, base))
    })
    .more("URL is the base URL, such as http://100.100.100.200/."),
    source("from-cloudstack-metadata", "URL", "Query CloudStack's metadata service", |base| {
        Arc::new(MetadataService::new(&rows::CLOUDSTACK, base))
    })
    .more("URL is the base URL, such as http://data-server./."),
    source("from-exoscale-metadata", "URL", "Query Exoscale's metadata service", |base| {
        Arc::new(MetadataService::new(&rows::EXOSCALE, base))
    })
    .more("URL is the base URL, such as http://169.254.169.254/."),
    source("from-hetzner-metadata", "URL", "Query Hetzner's metadata service", |base| {
        Arc::new(MetadataService::new(&rows::HETZNER, base))
    })
    .more("URL is the base URL, such as http://169.254.169.254/."),
    source("from-openstack-metadata", "URL", "Query OpenStack's metadata service", |base| {
        Arc::new(MetadataService::new(&rows::OPENSTACK, base))
    })
    .more("URL is the base URL, such as http://169.254.169.254/, or http://[fe80::a9fe:a9fe]/ for IPv6."),
    source("from-oracle-metadata", "URL", "Query Oracle Cloud's metadata service", |base| {
        Arc::new(MetadataService::new(&rows::ORACLE, base))
    })
    .more("URL is the base URL, such as http://169.254.169.254/."),
    source("from-upcloud-metadata", "URL", "Query UpCloud's metadata service", |base| {
        Arc::new(MetadataService::new(&rows::UPCLOUD, base))
    })
    .more("URL is the base URL, such as http://169.254.169.254/."),
    source("from-vultr-metadata", "URL", "Query Vultr's metadata service", |base| {
        Arc::new(MetadataService::new(&rows::VULTR, base))
    })
    .more("URL is the base URL, such as http://169.254.169.254/."),
    switch("from-cloudsigma-metadata", "Read the server context of CloudSigma", |_| Arc::new(CloudSigma))
        .more("The context is read from the serial port /dev/ttyS1."),
    source("from-waagent", "DIR", "Read the directory of the Azure agent", |dir| Arc::new(Waagent::new(dir)))
        .more("DIR is the directory of the agent, such as /var/lib/waagent."),
    switch("from-vmware-guestinfo", "Read VMware's guestinfo variables", |_| Arc::new(GuestInfo::new(Backdoor)))
        .at_once()
        .more("The variables are read from the hypervisor."),
    source("from-vmware-ovf-env", "FILE", "Read an OVF environment document", |path| Arc::new(OvfEnv::new(path)))
        .at_once()
        .more("FILE is an XML document with the variables of --from-vmware-guestinfo."),
    switch("from-proc-cmdline", "Fetch the URL in /proc/cmdline", |_| Arc::new(ProcCmdline))
        .at_once()
        .more("The kernel command line has it as cloud-config-url=URL. If there are several, the last one is used."),
];

/// Returns the candidates that the flags name, in the order of the table, and warns about deprecated flags. `value`
/// returns the value of a flag, or `None` if it is not given; a switch has any value.
pub fn candidates(value: impl Fn(&str) -> Option<OsString>) -> Vec<Candidate> {
    let named = TABLE.iter().filter_map(|entry| Some((entry, value(entry.flag)?)));
    let candidate = |(entry, value): (&Entry, OsString)| {
        if let Some(instead) = entry.instead {
            log::warn!("--{} is deprecated; use {instead}", entry.flag);
        }
        Candidate { source: (entry.make)(&value), waits: entry.waits }
    };
    named.map(candidate).collect()
}

/// A platform for `--oem`: a name for a group of flags (docs/command-line.md).
#[derive(Debug, PartialEq, Eq)]
pub struct Oem {
    /// The name for `--oem`.
    pub name: &'static str,
    /// The flags that the name stands for. They override the same flags on the command line.
    pub flags: &'static [(&'static str, &'static str)],
}

/// All platforms for `--oem`.
pub const OEMS: [Oem; 14] = [
    Oem {
        name: "ec2-compat",
        flags: &[("from-ec2-metadata", "http://169.254.169.254/"), ("from-configdrive", "/media/configdrive")],
    },
    Oem { name: "digitalocean", flags: &[("from-digitalocean-metadata", "http://169.254.169.254/")] },
    Oem { name: "gce", flags: &[("from-gce-metadata", "http://metadata.google.internal/")] },
    Oem { name: "packet", flags: &[("from-packet-metadata", "https://metadata.packet.net/")] },
    Oem { name: "azure", flags: &[("from-waagent", "/var/lib/waagent")] },
    Oem { name: "cloudsigma", flags: &[("from-cloudsigma-metadata", "true")] },
    Oem { name: "vmware", flags: &[("from-vmware-guestinfo", "true"), ("convert-netconf", "vmware")] },
    Oem {
        name: "rackspace-onmetal",
        flags: &[("from-configdrive", "/media/configdrive"), ("convert-netconf", "debian")],
    },
    Oem { name: "akamai", flags: &[("from-akamai-metadata", "http://169.254.169.254/")] },
    Oem { name: "aliyun", flags: &[("from-alibaba-metadata", "http://100.100.100.200/")] },
    Oem { name: "hetzner", flags: &[("from-hetzner-metadata", "http://169.254.169.254/")] },
    Oem { name: "oraclecloud", flags: &[("from-oracle-metadata", "http://169.254.169.254/")] },
    Oem { name: "upcloud", flags: &[("from-upcloud-metadata", "http://169.254.169.254/")] },
    Oem { name: "vultr", flags: &[("from-vultr-metadata", "http://169.254.169.254/")] },
];

/// Returns the platform with this name.
pub fn oem(name: &str) -> Option<&'static Oem> {
    OEMS.iter().find(|oem| oem.name == name)
}
