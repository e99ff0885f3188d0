//! Network descriptions of platforms, turned into files of networkd (docs/network.md).
//!
//! One file for each format, each with a function `convert`: bytes or variables in, [`Conversion`] out. All of them
//! make the same plain data ([`interface`]), which [`networkd`] writes down. Nothing here touches the machine.
//!
//! An invalid stanza, address or interface is skipped, and the others are converted. Each problem is a
//! [`Finding`]: an error where something is skipped, a warning where something has no counterpart. Spans are
//! positions in the description itself, where that is a text of lines; findings of JSON and of variables name the
//! entry instead.

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
use names::Name;
use networkd::{Module, UnitFile};

/// The most entries that a list may have: interfaces, addresses of one, options of a stanza.
pub const ENTRIES_MAX: usize = 10_000;
/// The most name servers, and the most domains, that an interface is given: all may be given the same.
const NAMES_MAX: usize = 32;

/// A converted network description.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Conversion {
    /// The interfaces to set up.
    pub interfaces: Vec<Interface>,
    /// The problems; something is skipped for each error.
    pub findings: Vec<Finding>,
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
        Self { interfaces, findings }
    }

    /// Returns true if the description is empty.
    pub const fn is_empty(&self) -> bool {
        self.interfaces.is_empty() && self.findings.is_empty()
    }

    /// The files for networkd, which belong into `/run/systemd/network`.
    pub fn units(&self) -> Vec<UnitFile> {
        networkd::units(&self.interfaces)
    }

    /// The interfaces that are taken down before networkd is restarted.
    pub fn to_take_down(&self) -> Vec<&Name> {
        networkd::to_take_down(&self.interfaces)
    }

    /// The modules that the kernel needs.
    pub fn modules(&self) -> Vec<Module> {
        networkd::modules(&self.interfaces)
    }

    /// Returns true if something was skipped.
    pub fn has_errors(&self) -> bool {
        self.findings.iter().any(Finding::is_error)
    }
}

/// Keeps each item of a list once, and no more than `most` of them.
fn limit<T: Clone + Eq + Hash>(list: &mut Vec<T>, most: usize, what: &str, label: &str, findings: &mut Findings) {
    let mut seen = HashSet::new();
    list.retain(|item| seen.insert(item.clone()));
    if list.len() > most {
        list.truncate(most);
        let message = format!("more than {most} {what}; the rest is skipped");
        findings.report(&rules::BAD_NETWORK_VALUE, None, label, message);
    }
}
