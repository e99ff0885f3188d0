//! What a source is asked with: the waits, the time that is left, the places it looks at.

use std::path::{Path, PathBuf};
use std::time::Duration;

use cloud_config::network::Format;

use super::cloudsigma;
use crate::deadline::{Deadline, Limits};
use crate::http;

/// How sources are looked for (docs/datasources.md).
#[derive(Clone, Copy, Debug)]
pub struct Probing {
    /// Whether those that are not here are waited for.
    pub again: bool,
    /// The first pause between two looks, doubled after each; also how long the first look lasts.
    pub first_pause: Duration,
    /// The longest pause between two looks.
    pub longest_pause: Duration,
}

/// Every wait as a value, so that tests use short ones through the same code.
#[derive(Clone, Copy, Debug)]
pub struct Policy {
    /// How sources are looked for.
    pub look: Probing,
    /// How patient a request over HTTP is.
    pub http: http::RetryPolicy,
    /// How patient a question over the serial line is.
    pub serial: cloudsigma::SerialPolicy,
    /// The longest time for reading one file of a folder.
    pub read: Duration,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            look: Probing {
                again: true,
                first_pause: Duration::from_millis(100),
                longest_pause: Duration::from_secs(30),
            },
            http: http::RetryPolicy::default(),
            serial: cloudsigma::SerialPolicy::default(),
            read: Duration::from_secs(30),
        }
    }
}

impl Policy {
    /// The usual policy; `again` says whether sources are waited for, as at boot, or looked for once, as by hand.
    pub fn waiting(again: bool) -> Self {
        let mut policy = Self::default();
        policy.look.again = again;
        policy
    }
}

/// The places of the machine that sources look at by themselves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Places {
    /// The kernel command line.
    pub cmdline: PathBuf,
    /// What the machine's maker calls it.
    pub product_name: PathBuf,
    /// The DHCP leases of networkd.
    pub leases: PathBuf,
    /// The interfaces of the network.
    pub interfaces: PathBuf,
    /// The serial line of CloudSigma's server context.
    pub serial: PathBuf,
}

impl Places {
    /// The places beneath `root`, which is `/` for the machine itself.
    pub fn beneath(root: &Path) -> Self {
        Self {
            cmdline: root.join("proc/cmdline"),
            product_name: root.join("sys/class/dmi/id/product_name"),
            leases: root.join("run/systemd/netif/leases"),
            interfaces: root.join("sys/class/net"),
            serial: root.join("dev/ttyS1"),
        }
    }
}

/// All that does not change while sources are chosen and read.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The places.
    pub places: Places,
    /// The waits.
    pub policy: Policy,
    /// The end of choosing and reading.
    pub deadline: Deadline,
    /// The network description that is wanted (`--convert-netconf`); others are not read.
    pub network: Option<Format>,
}

impl Setup {
    /// For the machine itself, without a network description.
    pub fn new(policy: Policy, deadline: Deadline) -> Self {
        Self { places: Places::beneath(Path::new("/")), policy, deadline, network: None }
    }
}

/// What a source is asked with.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// What does not change.
    pub setup: &'a Setup,
    /// Whether the run was told to stop.
    pub stop: &'a dyn Fn() -> bool,
}

impl<'a> Context<'a> {
    /// How long anything may be waited for.
    pub fn limits(&self) -> Limits<'a> {
        Limits { deadline: self.setup.deadline, stop: self.stop }
    }
}
