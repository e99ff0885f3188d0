//! The table of all sources (spec §2): adding one is a file and a row here.

use std::ffi::{OsStr, OsString};
use std::sync::Arc;

use super::Datasource;
use super::choose::Candidate;
use super::cloudsigma::CloudSigma;
use super::configdrive::ConfigDrive;
use super::digitalocean::DigitalOcean;
use super::ec2::{self, Ec2};
use super::file::File;
use super::gce::Gce;
use super::packet::Packet;
use super::proc_cmdline::ProcCmdline;
use super::url::Url;
use super::vmware::{Backdoor, GuestInfo, OvfEnv};
use super::waagent::Waagent;

/// A row: a flag, and the source that it names.
pub struct Entry {
    /// The name of the flag, without dashes.
    pub flag: &'static str,
    /// Whether the source may still come when it is not here at first.
    pub waits: bool,
    /// Makes the source of the flag's value, which a switch leaves unused.
    pub make: fn(&OsStr) -> Arc<dyn Datasource>,
}

/// All sources. Where several are here at the first look, the one that stands first wins.
pub const TABLE: [Entry; 13] = [
    Entry { flag: "from-file", waits: true, make: |path| Arc::new(File::new(path)) },
    Entry { flag: "from-url", waits: true, make: |url| Arc::new(Url::new(url)) },
    Entry { flag: "from-configdrive", waits: true, make: |folder| Arc::new(ConfigDrive::new(folder)) },
    Entry { flag: "from-ec2-metadata", waits: true, make: |base| Arc::new(Ec2::new(base)) },
    Entry {
        flag: "from-metadata-service",
        waits: true,
        make: |_| Arc::new(Ec2::new(OsStr::new(ec2::DEFAULT_ADDRESS))),
    },
    Entry { flag: "from-gce-metadata", waits: true, make: |base| Arc::new(Gce::new(base)) },
    Entry { flag: "from-digitalocean-metadata", waits: true, make: |base| Arc::new(DigitalOcean::new(base)) },
    Entry { flag: "from-packet-metadata", waits: true, make: |base| Arc::new(Packet::new(base)) },
    Entry { flag: "from-cloudsigma-metadata", waits: true, make: |_| Arc::new(CloudSigma) },
    Entry { flag: "from-waagent", waits: true, make: |folder| Arc::new(Waagent::new(folder)) },
    Entry { flag: "from-vmware-guestinfo", waits: false, make: |_| Arc::new(GuestInfo::new(Backdoor)) },
    Entry { flag: "from-vmware-ovf-env", waits: false, make: |path| Arc::new(OvfEnv::new(path)) },
    Entry { flag: "from-proc-cmdline", waits: false, make: |_| Arc::new(ProcCmdline) },
];

/// The candidates that flags name, in the order of the table. `value` gives a flag's value, `None` where it is not
/// given; a switch that is on has any value.
pub fn candidates(value: impl Fn(&str) -> Option<OsString>) -> Vec<Candidate> {
    let named = TABLE.iter().filter_map(|entry| Some((entry, value(entry.flag)?)));
    named.map(|(entry, value)| Candidate { source: (entry.make)(&value), waits: entry.waits }).collect()
}

/// A platform that `--oem` names: a group of flags (spec §2).
#[derive(Debug, PartialEq, Eq)]
pub struct Oem {
    /// What `--oem` calls it.
    pub name: &'static str,
    /// The flags that it sets, with their values; they override the same flags given beside it.
    pub flags: &'static [(&'static str, &'static str)],
}

/// All platforms.
pub const OEMS: [Oem; 8] = [
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
];

/// The platform of that name.
pub fn oem(name: &str) -> Option<&'static Oem> {
    OEMS.iter().find(|oem| oem.name == name)
}
