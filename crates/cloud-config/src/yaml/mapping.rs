//! Collects the entries of a mapping: key spellings, duplicate keys, merges.

use std::collections::HashMap;
use std::rc::Rc;

use super::node::{Entry, Key, Kind, Mapping, Node, Scalar, Tag, same_key};
use crate::diagnostic::{Finding, Span, rules};

/// Up to this number, keys are compared one by one, without an index.
const FEW: usize = 8;

/// The entries of an open mapping.
#[derive(Default)]
pub(super) struct Pairs {
    entries: Vec<Entry>,
    /// The entries whose keys were given again later.
    replaced: Vec<Entry>,
    /// The start of the key of each entry, in bytes of the text.
    starts: Vec<usize>,
    /// The position of each key in `entries`; empty up to [`FEW`] entries.
    index: HashMap<Key, usize>,
    /// The values of `<<` keys, with the positions of the keys.
    merges: Vec<(Span, Rc<Node>)>,
    pending: Option<Pending>,
    last: Last,
}

/// The entry that was added last.
#[derive(Clone, Copy, Default)]
enum Last {
    /// No entry, or an ignored one.
    #[default]
    Nothing,
    /// The entry at this position in `entries`.
    Entry(usize),
    /// A value of `<<`.
    Merge,
}

/// A key whose value was not added yet.
enum Pending {
    Key(Rc<str>, Span, usize),
    Merge(Span),
    Bad,
}

/// Collects the findings about keys, with access to line numbers.
pub(super) struct KeyFindings<'a> {
    pub findings: &'a mut Vec<Finding>,
    /// Returns the line of a byte of the text.
    pub line: &'a dyn Fn(usize) -> usize,
}

impl Pairs {
    /// Adds the next key or value, which begins at the byte `start` of the text.
    pub fn add(&mut self, node: Rc<Node>, span: Span, start: usize, report: &mut KeyFindings<'_>) {
        match self.pending.take() {
            None => self.pending = Some(Self::key(&node, span, start, report.findings)),
            Some(Pending::Key(key, key_span, start)) => self.put(Entry { key, key_span, value: node }, start, report),
            Some(Pending::Merge(span)) => {
                self.last = Last::Merge;
                self.merges.push((span, node));
            }
            Some(Pending::Bad) => self.last = Last::Nothing,
        }
    }

    /// Returns the number of entries and merges.
    pub fn len(&self) -> usize {
        self.entries.len() + self.merges.len()
    }

    /// Returns true if no key was added yet.
    pub fn is_new(&self) -> bool {
        self.pending.is_none() && self.len() == 0
    }

    /// Returns true if the value of the last key was not added yet.
    pub fn awaits_value(&self) -> bool {
        self.pending.is_some()
    }

    /// Returns the value that was added last.
    pub fn last_value(&self) -> Option<&Node> {
        match self.last {
            Last::Entry(at) => Some(&self.entries.get(at)?.value),
            Last::Nothing | Last::Merge => None,
        }
    }

    /// Removes the entry that was added last.
    pub fn drop_last(&mut self) {
        match std::mem::take(&mut self.last) {
            Last::Nothing => {}
            Last::Entry(at) => {
                self.entries.remove(at);
                self.starts.remove(at);
                self.index.clear();
                self.index_from(0);
            }
            Last::Merge => drop(self.merges.pop()),
        }
    }

    /// Returns the mapping. Entries of merged mappings are added unless the mapping has the key itself.
    pub fn finish(mut self, findings: &mut Vec<Finding>) -> Mapping {
        for (span, value) in std::mem::take(&mut self.merges) {
            let sources = match &value.kind {
                Kind::List(items) => items.as_slice(),
                _ => std::slice::from_ref(&value),
            };
            for source in sources {
                if value.tag == Tag::Local || source.tag == Tag::Local {
                    let finding = Finding::new(&rules::UNKNOWN_TAG, span, "`<<`: unsupported tag; merge ignored");
                    findings.push(finding.help("write the keys that the tag stands for"));
                    break;
                }
                let Some(entries) = source.entries() else {
                    let message = format!(
                        "`<<`: expected a mapping or a list of mappings, found {}; merge ignored",
                        source.describe()
                    );
                    let finding = Finding::new(&rules::BAD_MERGE, span, message);
                    findings.push(finding.help("write an alias of a mapping after it, such as `<<: *NAME`"));
                    continue;
                };
                for entry in entries {
                    if self.find(&entry.key).is_none() {
                        self.push(entry.clone());
                    }
                }
            }
        }
        Mapping { entries: self.entries, replaced: self.replaced }
    }

    fn key(node: &Node, span: Span, start: usize, findings: &mut Vec<Finding>) -> Pending {
        match &node.kind {
            Kind::Scalar(Scalar { text, plain: true }) if &**text == "<<" => Pending::Merge(span),
            Kind::Scalar(Scalar { text, .. }) => Pending::Key(Rc::clone(text), span, start),
            Kind::List(_) | Kind::Mapping(_) => {
                let message = format!("invalid key: expected a string, found {}; key ignored", node.describe());
                let help = "put a string that begins with `{` or `[` in quotes";
                findings.push(Finding::new(&rules::BAD_KEY, span, message).help(help));
                Pending::Bad
            }
        }
    }

    fn put(&mut self, entry: Entry, start: usize, report: &mut KeyFindings<'_>) {
        if let Some(at) = self.find(&entry.key) {
            let line = (report.line)(self.starts[at]);
            // The message omits the key, which can be part of a secret; the path of the finding has it if it is safe.
            let (rule, problem) = if self.entries[at].key == entry.key {
                (&rules::DUPLICATE_KEY, "duplicate key")
            } else {
                (&rules::TWO_SPELLINGS, "the key is given twice, with `-` and with `_`")
            };
            let message = format!("{problem}; the one in line {line} is ignored");
            let help =
                if entry.value.items().is_some() { "write all items under one of them" } else { "keep one of them" };
            report.findings.push(Finding::new(rule, entry.key_span, message).about_path("").help(help));
            self.replaced.push(std::mem::replace(&mut self.entries[at], entry));
            self.starts[at] = start;
            self.last = Last::Entry(at);
        } else {
            self.push(entry);
            self.starts.push(start);
            self.last = Last::Entry(self.entries.len() - 1);
        }
    }

    fn push(&mut self, entry: Entry) {
        self.entries.push(entry);
        // When the number of entries first exceeds `FEW`, the index is empty and gets all entries.
        let new = self.entries.len() - 1;
        self.index_from(if new == FEW { 0 } else { new });
    }

    fn index_from(&mut self, from: usize) {
        if self.entries.len() > FEW {
            for (at, entry) in self.entries.iter().enumerate().skip(from) {
                self.index.insert(Key(Rc::clone(&entry.key)), at);
            }
        }
    }

    fn find(&self, key: &Rc<str>) -> Option<usize> {
        if self.entries.len() > FEW {
            self.index.get(&Key(Rc::clone(key))).copied()
        } else {
            self.entries.iter().position(|entry| same_key(&entry.key, key))
        }
    }
}
