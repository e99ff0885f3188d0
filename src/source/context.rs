//! The context of reading a source: the policy of waiting, the deadline, and the paths that are read.

use std::path::{Path, PathBuf};
use std::time::Duration;

use cloud_config::network::Format;

use super::cloudsigma;
use crate::deadline::{Deadline, Limits};
use crate::http;

/// The policy of probing sources (docs/datasources.md).
#[derive(Clone, Copy, Debug)]
pub struct Probing {
    /// True if a source that is not available is probed again.
    pub again: bool,
    /// The first pause between two attempts, doubled after each; also the time limit of the first attempt.
    pub first_pause: Duration,
    /// The longest pause between two attempts.
    pub longest_pause: Duration,
}

/// The durations of all waits; tests use short ones.
#[derive(Clone, Copy, Debug)]
pub struct Policy {
    /// The policy of probing sources.
    pub look: Probing,
    /// The retry policy of HTTP requests.
    pub http: http::RetryPolicy,
    /// The retry policy of requests over the serial line.
    pub serial: cloudsigma::SerialPolicy,
    /// The longest time for reading one file of a directory.
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
    /// Returns the default policy. `again` is true if unavailable sources are probed again.
    pub fn waiting(again: bool) -> Self {
        let mut policy = Self::default();
        policy.look.again = again;
        policy
    }
}

/// The paths that sources read, except those that a flag names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Places {
    /// The kernel command line.
    pub cmdline: PathBuf,
    /// The directory of the values that the vendor gives the machine, such as its product name.
    pub dmi: PathBuf,
    /// The directory of seed directories.
    pub seeds: PathBuf,
    /// The DHCP leases of networkd.
    pub leases: PathBuf,
    /// The directory of network interfaces.
    pub interfaces: PathBuf,
    /// The serial line of CloudSigma's server context.
    pub serial: PathBuf,
}

impl Places {
    /// Returns the paths below `root`, which is `/` for the machine itself.
    pub fn beneath(root: &Path) -> Self {
        Self {
            cmdline: root.join("proc/cmdline"),
            dmi: root.join("sys/class/dmi/id"),
            seeds: root.join("var/lib/cloud/seed"),
            leases: root.join("run/systemd/netif/leases"),
            interfaces: root.join("sys/class/net"),
            serial: root.join("dev/ttyS1"),
        }
    }
}

/// The settings that are the same for all sources of a run.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The paths.
    pub places: Places,
    /// The policy of waiting.
    pub policy: Policy,
    /// The deadline for choosing and reading.
    pub deadline: Deadline,
    /// The format of the network description to read (`--convert-netconf`); `None` if no description is read.
    pub network: Option<Format>,
    /// Request metadata services on machines of other platforms, too (`--ignore-platform`).
    pub ignore_platform: bool,
}

impl Setup {
    /// Creates the setup for the machine itself, without a network description.
    pub fn new(policy: Policy, deadline: Deadline) -> Self {
        Self { places: Places::beneath(Path::new("/")), policy, deadline, network: None, ignore_platform: false }
    }
}

/// The context of a request to a source.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// The part that does not change.
    pub setup: &'a Setup,
    /// Returns true once the run was asked to stop.
    pub stop: &'a dyn Fn() -> bool,
}

impl<'a> Context<'a> {
    /// Returns the limits for any wait.
    pub fn limits(&self) -> Limits<'a> {
        Limits { deadline: self.setup.deadline, stop: self.stop }
    }
}
