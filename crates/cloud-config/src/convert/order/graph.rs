//! Units, and the units that each waits for.

use std::collections::{HashMap, HashSet};

/// The units of a boot.
#[derive(Default)]
pub(super) struct Graph {
    at: HashMap<String, usize>,
    names: Vec<String>,
    waits: Vec<Vec<usize>>,
    /// The name of an instance of each unit, and true if there are several.
    instances: HashMap<usize, (String, bool)>,
    /// Targets, each with a unit that it wants.
    wanted: Vec<(usize, usize)>,
}

impl Graph {
    /// The index of a unit, which is added if it is not there.
    pub fn add(&mut self, unit: &str) -> usize {
        let key = key(unit);
        let index = *self.at.entry(key.clone()).or_insert(self.names.len());
        if index == self.names.len() {
            self.names.push(key.clone());
            self.waits.push(Vec::new());
        }
        // The name of an instance in the text of a template is not known.
        if key != unit && !unit.contains('%') {
            let (first, has_several) = self.instances.entry(index).or_insert_with(|| (unit.to_owned(), false));
            *has_several |= first != unit;
        }
        index
    }

    /// Returns true if the graph has several instances of the template of a unit.
    pub fn has_several_instances(&self, unit: &str) -> bool {
        let index = self.at.get(&key(unit));
        index.and_then(|index| self.instances.get(index)).is_some_and(|(_, has_several)| *has_several)
    }

    /// Lets `unit` wait for `other`.
    pub fn wait(&mut self, unit: &str, other: &str) {
        // The root file system is there before systemd is.
        if [unit, other].contains(&"-.mount") {
            return;
        }
        let (unit, other) = (self.add(unit), self.add(other));
        self.waits[unit].push(other);
    }

    /// Lets `target` wait for a unit that it wants, unless the unit waits for the target by a setting of its own.
    pub fn want(&mut self, target: &str, unit: &str) {
        let wanted = (self.add(target), self.add(unit));
        self.wanted.push(wanted);
    }

    /// Lets the targets wait, once all other units do.
    pub fn finish(&mut self) {
        for (target, unit) in std::mem::take(&mut self.wanted) {
            if !self.waits[unit].contains(&target) {
                self.waits[target].push(unit);
            }
        }
    }

    /// Lets `unit` wait for nothing, since it does not start.
    pub fn release(&mut self, unit: &str) {
        if let Some(index) = self.at.get(&key(unit)) {
            self.waits[*index].clear();
        }
    }

    /// Returns true if `unit` waits for `other` directly.
    pub fn is_waiting(&self, unit: &str, other: &str) -> bool {
        let [unit, other] = [unit, other].map(|name| self.at.get(&key(name)));
        unit.zip(other).is_some_and(|(unit, other)| self.waits[*unit].contains(other))
    }

    /// The units.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The units that `name` waits for, and `name`.
    pub fn awaited_by(&self, name: &str) -> HashSet<String> {
        self.closure(&self.waits, name)
    }

    /// The units that wait for `name`, and `name`.
    pub fn waiting_for(&self, name: &str) -> HashSet<String> {
        let mut reverse = vec![Vec::new(); self.names.len()];
        for (unit, others) in self.waits.iter().enumerate() {
            for other in others {
                reverse[*other].push(unit);
            }
        }
        self.closure(&reverse, name)
    }

    fn closure(&self, edges: &[Vec<usize>], start: &str) -> HashSet<String> {
        let Some(start) = self.at.get(start) else { return HashSet::from([start.to_owned()]) };
        let (mut found, mut left) = (HashSet::from([*start]), vec![*start]);
        while let Some(unit) = left.pop() {
            left.extend(edges[unit].iter().copied().filter(|other| found.insert(*other)));
        }
        found.into_iter().map(|unit| self.names[unit].clone()).collect()
    }

    /// The units that wait for themselves through others, by the number of their cycle.
    pub fn cycles(&self) -> HashMap<&str, usize> {
        let numbers = self.components();
        let mut sizes = vec![0; self.names.len()];
        for number in &numbers {
            sizes[*number] += 1;
        }
        let names = self.names.iter().map(String::as_str).zip(numbers);
        names.filter(|(_, number)| sizes[*number] > 1).collect()
    }

    /// The strongly connected component of each unit, by Tarjan's algorithm.
    fn components(&self) -> Vec<usize> {
        let count = self.names.len();
        let (mut order, mut low, mut component) = (vec![None; count], vec![0; count], vec![None; count]);
        let (mut stack, mut visited, mut components) = (Vec::new(), 0, 0);
        for start in 0..count {
            // A unit, and the number of its edges that have been followed.
            let mut path = vec![(start, 0)];
            while let Some((unit, edge)) = path.pop() {
                if edge == 0 {
                    if order[unit].is_some() {
                        continue;
                    }
                    (order[unit], low[unit]) = (Some(visited), visited);
                    visited += 1;
                    stack.push(unit);
                } else {
                    let other: usize = self.waits[unit][edge - 1];
                    if component[other].is_none() {
                        low[unit] = low[unit].min(low[other]);
                    }
                }
                if let Some(other) = self.waits[unit].get(edge) {
                    path.extend([(unit, edge + 1), (*other, 0)]);
                } else if order[unit] == Some(low[unit]) {
                    while let Some(member) = stack.pop() {
                        component[member] = Some(components);
                        if member == unit {
                            break;
                        }
                    }
                    components += 1;
                }
            }
        }
        component.into_iter().map(Option::unwrap_or_default).collect()
    }
}

/// The name of a unit in the graph: an instance and its template are one unit.
pub(super) fn key(name: &str) -> String {
    crate::convert::unit_paths::template_of(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_that_wait_for_themselves_are_in_a_cycle() {
        let mut graph = Graph::default();
        let edges = "ab bc ca cd de ef fd gg ha xy";
        edges.split(' ').for_each(|edge| graph.wait(&edge[..1], &edge[1..]));
        let cycles = graph.cycles();
        let number = |name: &str| cycles.get(name).copied();
        assert!(number("a").is_some() && number("a") == number("b") && number("a") == number("c"));
        assert!(number("d").is_some() && number("d") == number("e") && number("d") == number("f"));
        assert_ne!(number("a"), number("d"));
        assert_eq!([number("g"), number("h"), number("x"), number("y")], [None; 4]);
        assert_eq!(graph.awaited_by("d"), ["d", "e", "f"].map(str::to_owned).into());
        assert_eq!(graph.waiting_for("a"), ["a", "b", "c", "h"].map(str::to_owned).into());
    }

    #[test]
    fn a_target_waits_for_units_that_do_not_wait_for_it() {
        let mut graph = Graph::default();
        graph.want("t.target", "a.service");
        graph.want("t.target", "b.service");
        graph.wait("b.service", "t.target");
        graph.finish();
        assert!(graph.is_waiting("t.target", "a.service") && !graph.is_waiting("t.target", "b.service"));
        assert!(!graph.is_waiting("t.target", "c.service") && graph.cycles().is_empty());
    }

    #[test]
    fn a_long_chain_is_followed() {
        let mut graph = Graph::default();
        (0..20_000).for_each(|unit| graph.wait(&unit.to_string(), &(unit + 1).to_string()));
        assert!(graph.cycles().is_empty());
        graph.wait("20000", "0");
        assert_eq!(graph.cycles().len(), 20_001);
    }
}
