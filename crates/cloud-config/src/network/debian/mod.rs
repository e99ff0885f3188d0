//! `debian`: an interfaces file of ifupdown, which `network_config.content_path` of a config drive names.
//!
//! The bytes are split into lines, and the lines into stanzas. The stanzas of each name are merged to a `Description`,
//! from which interfaces are made. An invalid stanza only affects itself.

mod description;
mod lines;
mod reader;
mod route;
mod stanza;

use std::collections::{BTreeMap, HashSet};

use crate::diagnostic::{Findings, Span, rules};

use super::interface::{Interface, InterfaceKind, Match};
use super::names::{Name, VlanId};
use super::stack::{Draft, stack};
use super::{Conversion, NAMES_MAX, limit};

use description::Description;
use stanza::{Method, stanzas};

/// Converts an interfaces file. Spans of findings are positions in `bytes`.
pub fn convert(bytes: &[u8]) -> Conversion {
    let mut findings = Findings::default();
    let mut described: BTreeMap<Name, Description> = BTreeMap::new();
    let mut refused = Vec::new();
    let mut for_all = Description::default();
    for stanza in stanzas(bytes, &mut findings) {
        let name = stanza.name.as_str();
        if stanza.method == Method::Loopback {
            for_all.merge(reader::read_for_all(&stanza, &mut findings));
            if let Some(entry) = stanza.entries.iter().find(|entry| !reader::is_for_all(entry)) {
                let message = "unsupported options of a `loopback` stanza; ignored";
                findings.report(&rules::UNCONVERTED, Some(entry.span), name, message);
            }
            continue;
        }
        match reader::read(&stanza, &mut findings) {
            Ok(new) => described.entry(stanza.name).or_default().merge(new),
            Err(reader::Refusal { span, why, help }) => {
                findings.suggest(&rules::BAD_STANZA, span, name, format!("{why}; stanza skipped"), help);
                refused.push(stanza);
            }
        }
    }
    refused.retain(|stanza| !described.contains_key(&stanza.name));
    let mut lost_child: HashSet<_> = refused.iter().flat_map(reader::carriers).collect();
    follow_masters(&mut described, &mut lost_child, &mut findings);
    let mut drafts = drafts(described, &lost_child, &mut findings);
    give_all(for_all, &mut drafts, &mut findings);
    let interfaces = stack(drafts, &mut findings);
    Conversion::new(interfaces, findings)
}

/// Adds the name servers and domains of the `lo` stanza to every interface that can have an address.
fn give_all(mut for_all: Description, drafts: &mut [Draft], findings: &mut Findings) {
    if for_all.dns.is_empty() && for_all.domains.is_empty() {
        return;
    }
    limit(&mut for_all.dns, NAMES_MAX, "name servers", "lo", findings);
    limit(&mut for_all.domains, NAMES_MAX, "domains", "lo", findings);
    let mut is_given = false;
    for setup in drafts.iter_mut().map(|draft| &mut draft.interface.setup).filter(|setup| !setup.is_idle()) {
        description::extend(&mut setup.dns, for_all.dns.clone());
        description::extend(&mut setup.domains, for_all.domains.clone());
        is_given = true;
    }
    if !is_given {
        let message = "no interface with an address for the name servers and domains of this stanza; ignored";
        findings.report(&rules::UNCONVERTED, for_all.span, "lo", message);
    }
}

/// Adds slaves to the bonds that they name with `bond-master`. A slave of a missing bond is added to `lost_child`.
fn follow_masters(
    described: &mut BTreeMap<Name, Description>,
    lost_child: &mut HashSet<Name>,
    findings: &mut Findings,
) {
    let masters = described.iter_mut().filter_map(|(slave, d)| Some((slave.clone(), d.master.take()?, d.span)));
    for (slave, master, span) in masters.collect::<Vec<_>>() {
        if let Some(bond) = described.get_mut(&master) {
            bond.slaves.get_or_insert_default().push(slave);
        } else {
            let message = format!("no stanza for `bond-master` {master}; not added to a bond");
            findings.report(&rules::BAD_NETWORK_VALUE, span, slave.as_str(), message);
            lost_child.insert(slave);
        }
    }
}

/// Returns the kind of an interface, and the names of the interfaces that carry it.
fn kind(
    name: &Name,
    description: &mut Description,
    findings: &mut Findings,
) -> Result<(InterfaceKind, Vec<Name>), String> {
    let slaves = description.slaves.take();
    let (base, id) = match (name.as_str().rsplit_once('.'), name.as_str().strip_prefix("vlan")) {
        (Some((base, id)), _) => (Some(base), Some(id)),
        (None, id) => (None, id.filter(|id| VlanId::new(id).is_some())),
    };
    let is_vlan = description.raw_device.is_some() || base.is_some() || (id.is_some() && slaves.is_none());
    if !is_vlan {
        let options = std::mem::take(&mut description.bond);
        return Ok(
            slaves.map_or((InterfaceKind::Physical, Vec::new()), |slaves| (InterfaceKind::Bond(options), slaves))
        );
    }
    let number = id.or(description.vlan_id.as_deref());
    let id = id.and_then(VlanId::new).or_else(|| VlanId::new(description.vlan_id.as_deref()?));
    let id = id.ok_or_else(|| {
        let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        if number.is_some_and(is_number) {
            "the VLAN ID is not a number from 1 to 4094"
        } else {
            "no VLAN ID in the name, unlike `eth0.5` and `vlan5`"
        }
    })?;
    let carrier = match (description.raw_device.take(), base) {
        (Some(raw_device), _) => Some(raw_device),
        (None, Some(base)) => Some(Name::new(base).map_err(|why| format!("invalid parent interface: {why}"))?),
        (None, None) => {
            let message = "VLAN without `vlan-raw-device`; networkd does not create it";
            findings.report(&rules::ODD_INTERFACE, description.span, name.as_str(), message);
            None
        }
    };
    Ok((InterfaceKind::Vlan(id), carrier.into_iter().collect()))
}

/// Creates the interfaces by name, including interfaces that only others mention. `lost_child` has the slaves whose
/// bond is missing.
fn drafts(described: BTreeMap<Name, Description>, lost_child: &HashSet<Name>, findings: &mut Findings) -> Vec<Draft> {
    struct Named {
        interface: Interface,
        on: Vec<Name>,
        span: Option<Span>,
        is_refused: bool,
    }
    let mut named = BTreeMap::new();
    for (name, mut description) in described {
        let (kind, on, is_refused) = match kind(&name, &mut description, findings) {
            Ok((kind, on)) => (kind, on, false),
            Err(why) => {
                let message = format!("{why}; interface skipped");
                findings.report(&rules::BAD_INTERFACE, description.span, name.as_str(), message);
                (InterfaceKind::Physical, Vec::new(), true)
            }
        };
        let setup = description.setup();
        let Description { mac, mtu, span, .. } = description;
        let interface = Interface { mac, mtu, setup, ..Interface::new(Match::Name(name.clone()), kind) };
        named.insert(name, Named { interface, on, span, is_refused });
    }
    let carriers: Vec<_> =
        named.values().flat_map(|found| found.on.iter().map(|on| (on.clone(), found.span))).collect();
    for (carrier, span) in carriers {
        named.entry(carrier).or_insert_with_key(|name| {
            let interface = Interface::new(Match::Name(name.clone()), InterfaceKind::Physical);
            Named { interface, on: Vec::new(), span, is_refused: false }
        });
    }
    let places: BTreeMap<_, _> = named.keys().cloned().enumerate().map(|(at, name)| (name, at)).collect();
    let drafts = named.into_values().map(|found| Draft {
        on: found.on.iter().filter_map(|name| places.get(name).copied()).collect(),
        is_refused: found.is_refused,
        lost_child: found.interface.found.name().is_some_and(|name| lost_child.contains(name)),
        ..Draft::new(found.interface, found.span)
    });
    let mut drafts: Vec<_> = drafts.collect();
    leave_slaves_their_bonds_address(&mut drafts);
    drafts
}

/// Removes the hardware address of a slave, which has that of its bond.
fn leave_slaves_their_bonds_address(drafts: &mut [Draft]) {
    let bonds = drafts.iter().filter(|draft| matches!(draft.interface.kind, InterfaceKind::Bond(_)));
    let slaves: HashSet<_> = bonds.flat_map(|draft| draft.on.iter().copied()).collect();
    for (at, draft) in drafts.iter_mut().enumerate() {
        if slaves.contains(&at) {
            draft.interface.mac = None;
        }
    }
}
