//! The order of interfaces that are built on each other: computes the depth and the children of each [`Interface`].
//!
//! The file name of an interface that carries others begins with a higher number. A VLAN may have the same hardware
//! address as its carrier, and networkd has to find the file of the VLAN first.

use std::collections::{HashMap, HashSet};

use crate::diagnostic::{Findings, Span, rules};

use super::interface::{Child, Interface, InterfaceKind};

/// The longest chain of interfaces. In practice, a bridge over a VLAN over a bond has two below it.
const DEPTH_MAX: usize = 8;

/// An interface before its depth and children are known.
#[derive(Debug)]
pub(super) struct Draft {
    /// The interface, without depth and children.
    pub interface: Interface,
    /// The indices of its carriers: the slaves of a bond, the ports of a bridge, the interface below a VLAN.
    pub on: Vec<usize>,
    /// The position of its description.
    pub span: Option<Span>,
    /// True if the interface is skipped, which was reported.
    pub is_refused: bool,
    /// True if a child of the interface was skipped before the list was created.
    pub lost_child: bool,
}

impl Draft {
    /// Creates a draft without carriers.
    pub fn new(interface: Interface, span: Option<Span>) -> Self {
        Self { interface, on: Vec::new(), span, is_refused: false, lost_child: false }
    }

    fn label(&self) -> String {
        self.interface.found.label()
    }
}

/// Completes all valid interfaces, in the given order. Each appears once, and none is built on itself.
pub(super) fn stack(drafts: Vec<Draft>, findings: &mut Findings) -> Vec<Interface> {
    let mut stack = Stack { alive: drafts.iter().map(|draft| !draft.is_refused).collect(), drafts };
    stack.refuse_duplicates(findings);
    stack.refuse_second_masters(findings);
    for at in stack.cycles() {
        stack.refuse(at, "is built on itself; interface skipped", findings);
    }
    stack.refuse_orphans(findings);
    let deep = stack.depths().into_iter().enumerate().filter(|(_, depth)| *depth > DEPTH_MAX);
    for (at, _) in deep.collect::<Vec<_>>() {
        stack.refuse(at, "more than 8 interfaces are stacked on it; interface skipped", findings);
    }
    stack.refuse_orphans(findings);
    stack.refuse_without_children(findings);
    stack.finish()
}

struct Stack {
    drafts: Vec<Draft>,
    /// True for each interface that is not refused.
    alive: Vec<bool>,
}

impl Stack {
    fn refuse(&mut self, at: usize, why: &str, findings: &mut Findings) {
        self.alive[at] = false;
        findings.report(&rules::BAD_INTERFACE, self.drafts[at].span, &self.drafts[at].label(), why);
    }

    /// Refuses interfaces with the same name, because they would have the same file.
    fn refuse_duplicates(&mut self, findings: &mut Findings) {
        let mut seen = HashSet::new();
        let alive = (0..self.drafts.len()).filter(|at| self.alive[*at]);
        let again: Vec<_> = alive.filter(|at| !seen.insert(self.drafts[*at].label())).collect();
        for at in again {
            self.refuse(at, "another interface matches the same name or address; interface skipped", findings);
        }
    }

    /// Refuses second masters: an interface can be the slave of only one bond, or the port of only one bridge.
    fn refuse_second_masters(&mut self, findings: &mut Findings) {
        let mut bond_of = HashMap::new();
        for at in (0..self.drafts.len()).filter(|at| self.alive[*at]) {
            if !matches!(self.drafts[at].interface.kind, InterfaceKind::Bond(_) | InterfaceKind::Bridge(_)) {
                continue;
            }
            let mut free = Vec::new();
            for slave in std::mem::take(&mut self.drafts[at].on) {
                match bond_of.insert(slave, at) {
                    None => {
                        self.report_own_addresses(slave, at, findings);
                        free.push(slave);
                    }
                    Some(bond) if bond == at => {}
                    Some(bond) => {
                        bond_of.insert(slave, bond);
                        let is_bond = matches!(self.drafts[bond].interface.kind, InterfaceKind::Bond(_));
                        let master = if is_bond { "a slave of another bond" } else { "a port of another bridge" };
                        let message = format!("{} is {master} already", self.drafts[slave].label());
                        findings.report(
                            &rules::BAD_NETWORK_VALUE,
                            self.drafts[at].span,
                            &self.drafts[at].label(),
                            message,
                        );
                    }
                }
            }
            self.drafts[at].on = free;
        }
    }

    /// Reports a slave or port with addresses of its own, which belong to its bond or bridge.
    fn report_own_addresses(&self, slave: usize, master: usize, findings: &mut Findings) {
        let interface = &self.drafts[slave].interface;
        if interface.setup.is_idle() {
            return;
        }
        let is_bond = matches!(self.drafts[master].interface.kind, InterfaceKind::Bond(_));
        let role = if is_bond { "slave" } else { "port" };
        let master = self.drafts[master].label();
        let message = format!("a {role} of {master} with addresses or DHCP of its own; converted anyway");
        let help = format!("move them to {master}");
        findings.suggest(&rules::ODD_INTERFACE, self.drafts[slave].span, &interface.found.label(), message, &help);
    }

    /// Returns the indices of the children of each interface.
    fn children(&self) -> Vec<Vec<usize>> {
        let mut children = vec![Vec::new(); self.drafts.len()];
        for (at, draft) in self.drafts.iter().enumerate().filter(|(at, _)| self.alive[*at]) {
            draft.on.iter().for_each(|carrier| children[*carrier].push(at));
        }
        children
    }

    /// Returns the interfaces that are part of a cycle. These remain after repeatedly removing all interfaces that
    /// carry none and then all interfaces without a carrier.
    fn cycles(&self) -> Vec<usize> {
        let children = self.children();
        let on: Vec<_> = self.drafts.iter().map(|draft| draft.on.clone()).collect();
        let mut left = self.alive.clone();
        remove_without_next(&mut left, &children, &on);
        remove_without_next(&mut left, &on, &children);
        (0..left.len()).filter(|at| left[*at]).collect()
    }

    /// Refuses each interface whose carriers are all refused.
    fn refuse_orphans(&mut self, findings: &mut Findings) {
        let children = self.children();
        let mut gone: Vec<_> = (0..self.drafts.len()).filter(|at| !self.alive[*at]).collect();
        while let Some(carrier) = gone.pop() {
            for child in &children[carrier] {
                if self.alive[*child] && self.drafts[*child].on.iter().all(|at| !self.alive[*at]) {
                    self.refuse(*child, "the interface below it is skipped; interface skipped", findings);
                    gone.push(*child);
                }
            }
        }
        let alive = &self.alive;
        self.drafts.iter_mut().for_each(|draft| draft.on.retain(|carrier| alive[*carrier]));
    }

    /// Refuses each interface that has no settings of its own and has lost all its children. A file without settings
    /// would remove the defaults of the image, which may be the only access to the machine.
    fn refuse_without_children(&mut self, findings: &mut Findings) {
        let mut carried: Vec<_> = self.children().iter().map(Vec::len).collect();
        let mut lost: Vec<_> = (0..self.drafts.len()).filter(|at| self.drafts[*at].lost_child).collect();
        let gone = self.drafts.iter().zip(&self.alive).filter(|(_, alive)| !**alive);
        lost.extend(gone.flat_map(|(draft, _)| draft.on.iter().copied()));
        // `pop` returns the last entry, so the reverse order reports findings in the order of the list.
        lost.sort_unstable_by(|one, other| other.cmp(one));
        while let Some(at) = lost.pop() {
            if !self.alive[at] || carried[at] > 0 || !self.drafts[at].interface.setup.is_idle() {
                continue;
            }
            self.refuse(
                at,
                "the interfaces on top of it are skipped and it has no addresses; interface skipped",
                findings,
            );
            for carrier in &self.drafts[at].on {
                carried[*carrier] -= 1;
                lost.push(*carrier);
            }
        }
        let alive = &self.alive;
        self.drafts.iter_mut().for_each(|draft| draft.on.retain(|carrier| alive[*carrier]));
    }

    /// Returns the length of the longest chain on each interface. There must be no cycles.
    fn depths(&self) -> Vec<usize> {
        let mut depths = vec![0; self.drafts.len()];
        let mut missing: Vec<_> = self.children().iter().map(Vec::len).collect();
        let mut ready: Vec<_> = (0..missing.len()).filter(|at| self.alive[*at] && missing[*at] == 0).collect();
        while let Some(at) = ready.pop() {
            for carrier in &self.drafts[at].on {
                depths[*carrier] = depths[*carrier].max(depths[at] + 1);
                missing[*carrier] -= 1;
                if missing[*carrier] == 0 {
                    ready.push(*carrier);
                }
            }
        }
        depths
    }

    fn finish(self) -> Vec<Interface> {
        let (children, depths) = (self.children(), self.depths());
        let child = |at: &usize| {
            let interface = &self.drafts[*at].interface;
            let name = interface.found.name()?.clone();
            Some(match interface.kind {
                InterfaceKind::Vlan(_) => Child::Vlan(name),
                InterfaceKind::Bridge(_) => Child::Bridge(name),
                InterfaceKind::Bond(_) | InterfaceKind::Physical => Child::Bond(name),
            })
        };
        let mut named: Vec<Vec<Child>> = children.iter().map(|at| at.iter().filter_map(child).collect()).collect();
        for children in &mut named {
            children.sort_by(|a, b| a.name().cmp(b.name()));
        }
        let alive = self.drafts.into_iter().zip(named).zip(depths).zip(self.alive).filter(|(_, alive)| *alive);
        alive
            .map(|(((draft, children), depth), _)| {
                let depth = u8::try_from(depth).unwrap_or(u8::MAX);
                Interface { depth, children, ..draft.interface }
            })
            .collect()
    }
}

/// Repeatedly removes each entry whose entries in `next` are all removed. `back` has the opposite direction.
fn remove_without_next(left: &mut [bool], next: &[Vec<usize>], back: &[Vec<usize>]) {
    let mut missing: Vec<_> = next.iter().map(|next| next.iter().filter(|at| left[**at]).count()).collect();
    let mut ready: Vec<_> = (0..left.len()).filter(|at| left[*at] && missing[*at] == 0).collect();
    while let Some(at) = ready.pop() {
        left[at] = false;
        for before in back[at].iter().filter(|before| left[**before]) {
            missing[*before] -= 1;
            if missing[*before] == 0 {
                ready.push(*before);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::bond::BondOptions;
    use super::super::interface::Match;
    use super::super::names::{Name, VlanId};
    use super::super::networkd::units;
    use super::*;

    fn draft(name: &str, kind: InterfaceKind, on: &[usize]) -> Draft {
        let found = Match::Name(Name::new(name).unwrap());
        Draft { on: on.to_vec(), ..Draft::new(Interface::new(found, kind), None) }
    }

    fn physical(name: &str) -> Draft {
        draft(name, InterfaceKind::Physical, &[])
    }

    fn bond(name: &str, on: &[usize]) -> Draft {
        draft(name, InterfaceKind::Bond(BondOptions::default()), on)
    }

    fn vlan(name: &str, on: &[usize]) -> Draft {
        draft(name, InterfaceKind::Vlan(VlanId::new("1").unwrap()), on)
    }

    /// Returns the names of the `.network` files, and the findings.
    fn stacked(drafts: Vec<Draft>) -> (Vec<String>, Vec<String>) {
        let mut findings = Findings::default();
        let units = units(&stack(drafts, &mut findings)).into_iter().map(|unit| unit.name);
        let stems = units.filter_map(|name| Some(name.strip_suffix(".network")?.to_owned()));
        (stems.collect(), findings.into_list().into_iter().map(|finding| finding.message).collect())
    }

    #[test]
    fn depth_is_the_longest_chain() {
        let drafts = vec![physical("a"), physical("b"), bond("c", &[0, 1]), vlan("d", &[2]), vlan("e", &[1])];
        assert_eq!(stacked(drafts), (["02-a", "02-b", "01-c", "00-d", "00-e"].map(str::to_owned).into(), vec![]));
    }

    #[test]
    fn children_stand_in_the_order_of_their_names() {
        let drafts = vec![physical("a"), vlan("z", &[0]), bond("m", &[0]), vlan("b", &[0])];
        let interfaces = stack(drafts, &mut Findings::default());
        let names: Vec<_> = interfaces[0].children.iter().map(|child| child.name().as_str()).collect();
        assert_eq!(names, ["b", "m", "z"]);
    }

    #[test]
    fn nothing_is_built_on_itself() {
        let (units, findings) = stacked(vec![bond("a", &[0, 1]), physical("b")]);
        assert_eq!((units.len(), findings.len()), (0, 2));
        // A cycle of three interfaces, their carrier, an interface on them, and two unrelated ones.
        let circle = vec![
            physical("a"),
            bond("b", &[0, 3]),
            vlan("c", &[1]),
            vlan("d", &[2]),
            vlan("e", &[3]),
            physical("f"),
            vlan("g", &[5]),
        ];
        let (units, findings) = stacked(circle);
        assert_eq!(units, ["01-f", "00-g"]);
        let circles = ["b", "c", "d"].map(|name| format!("{name}: is built on itself; interface skipped"));
        let others = [
            "e: the interface below it is skipped; interface skipped".to_owned(),
            "a: the interfaces on top of it are skipped and it has no addresses; interface skipped".to_owned(),
        ];
        assert_eq!(findings, [&circles[..], &others].concat());
    }

    #[test]
    fn who_was_to_carry_what_is_left_out_is_left_alone() {
        let refused = |draft| Draft { is_refused: true, ..draft };
        let addressed = |mut draft: Draft| {
            draft.interface.setup.addresses.push("192.0.2.1/24".parse().unwrap());
            draft
        };
        // A refused VLAN on a bond that has nothing else, on two interfaces.
        let bond_and_vlan = |bond| vec![physical("a"), physical("b"), bond, refused(vlan("d", &[2]))];
        let (units, findings) = stacked(bond_and_vlan(bond("c", &[0, 1])));
        assert_eq!((units.len(), findings.len()), (0, 3), "{findings:?}");
        let (units, findings) = stacked(bond_and_vlan(addressed(bond("c", &[0, 1]))));
        assert_eq!((units.len(), findings.len()), (3, 0), "{findings:?}");
        let (units, _) = stacked(vec![physical("a"), addressed(physical("b")), refused(bond("c", &[0, 1]))]);
        assert_eq!(units, ["00-b"]);
        let (units, _) = stacked(vec![physical("a"), refused(vlan("b", &[0])), vlan("c", &[0])]);
        assert_eq!(units, ["01-a", "00-c"]);
        let (units, _) = stacked(vec![physical("a"), Draft { lost_child: true, ..physical("b") }]);
        assert_eq!(units, ["00-a"], "who asks for nothing gets what was asked for");
    }

    #[test]
    fn chains_have_an_end() {
        let chain = |length: usize| {
            let carried = (1..=length).map(|at| vlan(&format!("v{at}"), &[at - 1]));
            std::iter::once(physical("a")).chain(carried).chain([physical("z")]).collect()
        };
        let (units, findings) = stacked(chain(8));
        assert_eq!((units.len(), units[0].as_str(), units[8].as_str()), (10, "08-a", "00-v8"));
        assert!(findings.is_empty());
        assert_eq!(stacked(chain(9)).0, ["00-z"]);
        assert_eq!(stacked(chain(10_000)).0, ["00-z"]);
    }

    #[test]
    fn a_file_an_interface_and_the_bond_of_a_slave_are_unique() {
        let (units, findings) = stacked(vec![physical("a"), physical("a"), vlan("b", &[1])]);
        assert_eq!((units, findings.len()), (vec!["00-a".to_owned()], 2));
        let (units, findings) = stacked(vec![physical("a"), bond("b", &[0]), bond("c", &[0])]);
        assert_eq!(units, ["01-a", "00-b", "00-c"]);
        assert_eq!(findings, ["c: a is a slave of another bond already"]);
    }
}
