//! `vmware`: the guest variables of the hypervisor or of an OVF document, without the prefix `guestinfo.`.
//!
//! Lists are numbered from 0 and end at the first missing number. An empty variable counts as missing.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashSet};

use ipnet::IpNet;

use crate::diagnostic::{Findings, rules};

use super::interface::{Dhcp, Interface, InterfaceKind, Match, Route, Setup};
use super::names::{Domain, Mac, Name};
use super::stack::{Draft, stack};
use super::{Conversion, ENTRIES_MAX, NAMES_MAX, address};

/// Converts variables, such as `interface.0.ip.0.address`.
pub fn convert(variables: &BTreeMap<String, String>) -> Conversion {
    let mut findings = Findings::default();
    let variables = Variables { all: variables, read: RefCell::default() };
    let dns = variables.names("dns.server", |value| vec![address::host(value)], &mut findings);
    let domains =
        variables.names("dns.domain", |value| value.split_whitespace().map(Domain::new).collect(), &mut findings);
    let (mut drafts, mut refused) = (Vec::new(), Vec::new());
    for at in 0..ENTRIES_MAX {
        let prefix = format!("interface.{at}");
        match variables.interface(&prefix) {
            Ok(None) => break,
            Ok(Some(mut interface)) => {
                // With DHCP, name servers come from the DHCP server.
                if interface.setup.dhcp == Dhcp::No {
                    interface.setup.dns.clone_from(&dns);
                    interface.setup.domains.clone_from(&domains);
                }
                drafts.push(Draft::new(interface, None));
            }
            Err(why) => {
                refused.push(format!("{prefix}."));
                findings.report(&rules::BAD_INTERFACE, None, &prefix, format!("{why}; interface skipped"));
            }
        }
    }
    variables.report_unread(&refused, &mut findings);
    let interfaces = stack(drafts, &mut findings);
    Conversion::new(interfaces, findings)
}

/// The variables, and the names of those that were read.
struct Variables<'a> {
    all: &'a BTreeMap<String, String>,
    read: RefCell<HashSet<String>>,
}

impl Variables<'_> {
    fn get(&self, name: &str) -> Option<&str> {
        self.read.borrow_mut().insert(name.to_owned());
        self.all.get(name).map(|value| value.trim()).filter(|value| !value.is_empty())
    }

    /// Reports network variables that were not read, except those of a refused interface.
    fn report_unread(&self, refused: &[String], findings: &mut Findings) {
        let read = self.read.borrow();
        for (name, value) in self.all {
            let is_network = name.starts_with("interface.") || name.starts_with("dns.");
            // `role` is read elsewhere: it says whether addresses are public or private.
            let is_harmless =
                name.strip_suffix("role").is_some_and(|name| name.starts_with("interface.") && name.ends_with('.'));
            let is_refused = || refused.iter().any(|prefix| name.starts_with(prefix.as_str()));
            if is_network && !is_harmless && !value.trim().is_empty() && !read.contains(name) && !is_refused() {
                let message = "unknown variable or non-consecutive index; ignored";
                findings.report(&rules::UNCONVERTED, None, name, message);
            }
        }
    }

    /// Parses the variables of a list (`PREFIX.0`, `PREFIX.1` …) with `read`. Invalid ones are skipped.
    fn names<T>(&self, prefix: &str, read: impl Fn(&str) -> Vec<Option<T>>, findings: &mut Findings) -> Vec<T> {
        let mut names = Vec::new();
        let variables = (0..ENTRIES_MAX).map_while(|at| {
            let name = format!("{prefix}.{at}");
            self.get(&name).map(|value| (read(value), name))
        });
        for (found, name) in
            variables.flat_map(|(values, name)| values.into_iter().map(move |value| (value, name.clone())))
        {
            match found {
                Some(_) if names.len() == NAMES_MAX => {
                    let message = "more than 32 entries; the rest is skipped";
                    findings.report(&rules::BAD_NETWORK_VALUE, None, &name, message);
                    break;
                }
                Some(value) => names.push(value),
                None => findings.report(&rules::BAD_NETWORK_VALUE, None, &name, "invalid value; skipped"),
            }
        }
        names
    }

    /// Reads the interface with this prefix; `None` at the end of the list.
    fn interface(&self, prefix: &str) -> Result<Option<Interface>, String> {
        let dhcp = match self.get(&format!("{prefix}.dhcp")) {
            Some("yes") => true,
            None | Some("no") => false,
            Some(_) => return Err("`dhcp` is neither `yes` nor `no`".to_owned()),
        };
        let addresses = self.addresses(prefix)?;
        let routes = self.routes(prefix)?;
        let is_static = !addresses.is_empty() || !routes.is_empty();
        if !is_static && !dhcp {
            return Ok(None);
        }
        let name = self.get(&format!("{prefix}.name")).map(Name::new).transpose();
        let name = name.map_err(|why| format!("invalid `name`: {why}"))?;
        let mac =
            self.get(&format!("{prefix}.mac")).map(|mac| Mac::new(mac).ok_or("invalid hardware address in `mac`"));
        let found = Match::new(name, mac.transpose()?).ok_or("neither `name` nor `mac`")?;
        let setup = if is_static {
            Setup { addresses, routes, ..Setup::default() }
        } else {
            Setup { dhcp: Dhcp::Both, accept_ra: Some(true), ..Setup::default() }
        };
        Ok(Some(Interface { setup, ..Interface::new(found, InterfaceKind::Physical) }))
    }

    fn addresses(&self, prefix: &str) -> Result<Vec<IpNet>, String> {
        let values = (0..ENTRIES_MAX).map_while(|at| Some((at, self.get(&format!("{prefix}.ip.{at}.address"))?)));
        values
            .map(|(at, value)| {
                address::interface(value, None)
                    .ok_or_else(|| format!("`ip.{at}.address` is not an address with a prefix length"))
            })
            .collect()
    }

    fn routes(&self, prefix: &str) -> Result<Vec<Route>, String> {
        let values = (0..ENTRIES_MAX).map_while(|at| {
            let end = |end| self.get(&format!("{prefix}.route.{at}.{end}"));
            let ends = (end("destination"), end("gateway"));
            (ends != (None, None)).then_some((at, ends))
        });
        values.map(|(at, ends)| route(ends).map_err(|why| format!("`route.{at}` {why}"))).collect()
    }
}

fn route((destination, gateway): (Option<&str>, Option<&str>)) -> Result<Route, &'static str> {
    let destination = destination.ok_or("has no `destination`")?;
    let gateway = address::host(gateway.ok_or("has no `gateway`")?).ok_or("has an invalid `gateway`")?;
    // Without a prefix length, the unspecified address stands for the default route.
    if address::ip(destination).is_some_and(|ip| ip.is_unspecified() && ip.is_ipv4() == gateway.is_ipv4()) {
        return Ok(address::default_route(gateway));
    }
    let destination = address::network(destination, None);
    let destination = destination.ok_or("has a `destination` that is not a network with a prefix length")?;
    address::route(destination, gateway).ok_or("has a `destination` and a `gateway` of different families")
}
