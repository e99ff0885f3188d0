//! From a place back to the keys that lead to it.

use std::fmt::Write as _;

use super::document::Document;
use super::node::{Kind, Node, shown};
use crate::finding::Span;

impl Document {
    /// The keys that lead to a place, e.g. `coreos.units[1].command`; empty for the document itself.
    ///
    /// What an alias stands for is found where it is written out.
    pub fn path_at(&self, span: Span) -> String {
        let mut path = String::new();
        let mut node = self.root.as_deref();
        while let Some(at) = node {
            node = descend(at, span, &mut path);
        }
        path
    }
}

/// Goes one step towards `span`.
fn descend<'a>(node: &'a Node, span: Span, path: &mut String) -> Option<&'a Node> {
    let holds = |start: usize, end: usize| start <= span.start && span.end <= end;
    match &node.kind {
        Kind::Scalar(_) => None,
        Kind::List(items) => {
            let at = find(items, |item| item.span.start <= span.start, |item| holds(item.span.start, item.span.end))?;
            let _ = write!(path, "[{at}]");
            Some(&items[at])
        }
        Kind::Mapping(mapping) => {
            let at = find(
                &mapping.entries,
                |entry| entry.key_span.start <= span.start,
                |entry| {
                    let Span { start, end } = entry.key_span;
                    // The value of an alias or a merge is somewhere else.
                    holds(start, end.max(entry.value.span.end))
                        && (holds(start, end) || holds_value(entry.value.span, span))
                },
            )?;
            let entry = &mapping.entries[at];
            if !path.is_empty() {
                path.push('.');
            }
            path.push_str(shown(&entry.key).trim_matches('`'));
            holds_value(entry.value.span, span).then_some(&*entry.value)
        }
    }
}

const fn holds_value(value: Span, span: Span) -> bool {
    value.start <= span.start && span.end <= value.end
}

/// The part that holds a place. Parts are in order, but for aliases and merges: when it is not where
/// it should be, it is looked for everywhere.
fn find<T>(parts: &[T], begins_before: impl Fn(&T) -> bool, holds: impl Fn(&T) -> bool) -> Option<usize> {
    let after = parts.partition_point(begins_before);
    match after.checked_sub(1) {
        Some(at) if holds(&parts[at]) => Some(at),
        _ => parts.iter().position(holds),
    }
}
