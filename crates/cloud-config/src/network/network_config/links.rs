//! The interfaces of a description, before they are stacked.

use core::net::IpAddr;
use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap, HashSet};

use ipnet::IpNet;

use crate::diagnostic::{Findings, Span, rules};

use super::super::interface::{Interface, InterfaceKind, Route};
use super::super::names::{Domain, display_name};
use super::super::stack::Draft;
use super::fields::Fields;

/// The interfaces of a description, and what all of them get.
#[derive(Default)]
pub struct Links {
    drafts: Vec<Draft>,
    /// The names of the interfaces below each, as written.
    below: Vec<Vec<(String, Span)>>,
    /// The index of each interface, by its name in the description; `None` for a skipped one.
    by_name: HashMap<String, Option<usize>>,
    /// Name servers for each interface with addresses.
    pub dns: Vec<IpAddr>,
    /// Search domains for each interface with addresses.
    pub domains: Vec<Domain>,
    /// The description disables the network configuration.
    pub is_disabled: bool,
    /// Routes through gateways, each with its range; the interface in whose network the gateway is gets it.
    pub routes: Vec<(Route, Span)>,
}

impl Links {
    /// Adds an interface, or reports why it is skipped.
    pub fn add(
        &mut self,
        fields: &Fields<'_>,
        name: Option<&str>,
        interface: Result<Interface, String>,
        below: Vec<(String, Span)>,
        findings: &mut Findings,
    ) {
        let is_known = name.is_some_and(|name| self.by_name.contains_key(name));
        let interface = if is_known { Err("another interface has the same name".to_owned()) } else { interface };
        let place = match interface {
            Ok(interface) => {
                self.drafts.push(Draft::new(interface, Some(fields.span())));
                self.below.push(below);
                Some(self.drafts.len() - 1)
            }
            Err(why) => {
                let message = format!("{why}; interface skipped");
                findings.report(&rules::BAD_INTERFACE, Some(fields.span()), &fields.subject, message);
                None
            }
        };
        if let Some(name) = name {
            self.by_name.entry(name.to_owned()).or_insert(place);
        }
    }

    /// Returns the interface of that name.
    pub fn interface(&mut self, name: &str) -> Option<&mut Interface> {
        let place = self.by_name.get(name).copied().flatten()?;
        Some(&mut self.drafts[place].interface)
    }

    /// Finds the interface below each bond, bridge and VLAN, and the interface of each route.
    pub fn connect(&mut self, findings: &mut Findings) {
        for (at, below) in std::mem::take(&mut self.below).into_iter().enumerate() {
            let subject = self.drafts[at].interface.found.label();
            for (name, span) in below {
                if let Some(place) = self.by_name.get(&name).copied().flatten() {
                    self.drafts[at].on.push(place);
                    continue;
                }
                let name = display_name(&name);
                let (rule, consequence) = match self.drafts[at].interface.kind {
                    InterfaceKind::Vlan(_) => {
                        self.drafts[at].is_refused = true;
                        (&rules::BAD_INTERFACE, "interface skipped")
                    }
                    InterfaceKind::Bond(_) => (&rules::BAD_NETWORK_VALUE, "bond created without it"),
                    _ => (&rules::BAD_NETWORK_VALUE, "bridge created without it"),
                };
                let message = format!("interface {name} is skipped or does not exist; {consequence}");
                findings.report(rule, Some(span), &subject, message);
            }
        }
        self.refuse_taken_names(findings);
        self.place_routes(findings);
    }

    /// Refuses a new name that another interface has, which the kernel would refuse.
    fn refuse_taken_names(&mut self, findings: &mut Findings) {
        let mut taken: HashSet<_> =
            self.drafts.iter().filter_map(|draft| draft.interface.found.name().cloned()).collect();
        for draft in &mut self.drafts {
            let interface = &mut draft.interface;
            if let Some(name) = interface.new_name.take_if(|name| !taken.insert(name.clone())) {
                let message = format!("another interface has the name `{name}`; the interface keeps its name");
                findings.report(&rules::BAD_NETWORK_VALUE, draft.span, &interface.found.label(), message);
            }
        }
    }

    /// Gives each route to the interface with an address in the network of its gateway.
    fn place_routes(&mut self, findings: &mut Findings) {
        let mut owners = HashMap::new();
        for (at, draft) in self.drafts.iter().enumerate() {
            for net in &draft.interface.setup.addresses {
                owners.entry(net.trunc()).or_insert(at);
            }
        }
        // The longest prefix first, as the kernel chooses.
        let prefixes: BTreeSet<_> = owners.keys().map(|net| Reverse(net.prefix_len())).collect();
        for (route, span) in std::mem::take(&mut self.routes) {
            let mut networks = prefixes.iter().filter_map(|prefix| IpNet::new(route.gateway, prefix.0).ok());
            if let Some(at) = networks.find_map(|net| owners.get(&net.trunc())) {
                self.drafts[*at].interface.setup.routes.push(route);
            } else {
                let message = "no interface has an address in the network of `gateway`; route skipped";
                findings.report(&rules::BAD_NETWORK_VALUE, Some(span), "route", message);
            }
        }
    }

    /// The interfaces with what all of them get.
    pub fn finish(mut self) -> Vec<Draft> {
        for draft in &mut self.drafts {
            let setup = &mut draft.interface.setup;
            if !setup.is_idle() {
                setup.dns.extend_from_slice(&self.dns);
                setup.domains.extend_from_slice(&self.domains);
            }
        }
        self.drafts
    }
}
