//! Converts network descriptions of platforms to files of systemd-networkd (docs/network.md).
//!
//! Each format has a file with a function `convert`, from bytes or variables to a [`Conversion`]. The interfaces in it
//! are plain data ([`interface`]), which [`networkd`] formats. No function here accesses the machine.
//!
//! An invalid stanza, address or interface is skipped, and the others are converted. Each problem is a [`Finding`]: an
//! error if something is skipped, a warning if a setting has no counterpart. The spans of findings are positions in the
//! description if that is a text of lines. Findings about JSON and variables name the entry instead.

pub mod address;
pub mod bond;
pub mod bridge;
mod data;
pub mod debian;
pub mod digitalocean;
mod findings;
pub mod interface;
mod json;
pub mod names;
pub mod network_config;
pub mod networkd;
pub mod openstack;
pub mod packet;
mod stack;
pub mod vmware;

use std::collections::HashSet;
use std::hash::Hash;

use crate::diagnostic::{Finding, Findings, rules, shorten};

pub use data::{Format, NetworkData};

use interface::Interface;
use names::{Mac, Name};
use networkd::{Module, UnitFile};

/// The largest number of entries of a list: interfaces, addresses of an interface, options of a stanza.
pub const ENTRIES_MAX: usize = 10_000;
/// The largest number of name servers, and of domains, of an interface. Smaller, because all interfaces may get the
/// same.
const NAMES_MAX: usize = 32;

/// A converted network description.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Conversion {
    /// The interfaces to set up.
    pub interfaces: Vec<Interface>,
    /// The problems. For each error, an entry was skipped.
    pub findings: Vec<Finding>,
    /// The description requests that the network is not configured: `config: disabled`.
    pub is_disabled: bool,
}

impl Conversion {
    fn new(mut interfaces: Vec<Interface>, mut findings: Findings) -> Self {
        for interface in &mut interfaces {
            let label = interface.found.label();
            let setup = &mut interface.setup;
            limit(&mut setup.domains, NAMES_MAX, "domains", &label, &mut findings);
            limit(&mut setup.dns, NAMES_MAX, "name servers", &label, &mut findings);
            limit(&mut setup.addresses, ENTRIES_MAX, "addresses", &label, &mut findings);
            limit(&mut setup.routes, ENTRIES_MAX, "routes", &label, &mut findings);
        }
        let mut findings = findings.into_list();
        shorten(&mut findings);
        Self { interfaces, findings, is_disabled: false }
    }

    /// Returns true if the description is empty.
    pub const fn is_empty(&self) -> bool {
        self.interfaces.is_empty() && self.findings.is_empty()
    }

    /// Returns the files for networkd, which belong in `/run/systemd/network`.
    pub fn units(&self) -> Vec<UnitFile> {
        networkd::units(&self.interfaces)
    }

    /// Returns the interfaces to take down before networkd is restarted.
    pub fn to_take_down(&self) -> Vec<&Name> {
        networkd::to_take_down(&self.interfaces)
    }

    /// The interfaces to rename: the hardware address and the new name of each.
    pub fn to_rename(&self) -> Vec<(Mac, &Name)> {
        networkd::to_rename(&self.interfaces)
    }

    /// Returns the kernel modules that the interfaces need.
    pub fn modules(&self) -> Vec<Module> {
        networkd::modules(&self.interfaces)
    }

    /// Returns true if an entry was skipped.
    pub fn has_errors(&self) -> bool {
        self.findings.iter().any(Finding::is_error)
    }
}

/// Removes duplicates from a list, and all entries after the first `most`.
fn limit<T: Clone + Eq + Hash>(list: &mut Vec<T>, most: usize, what: &str, label: &str, findings: &mut Findings) {
    let mut seen = HashSet::new();
    list.retain(|item| seen.insert(item.clone()));
    if list.len() > most {
        list.truncate(most);
        let message = format!("more than {most} {what}; the rest is skipped");
        findings.report(&rules::BAD_NETWORK_VALUE, None, label, message);
    }
}
