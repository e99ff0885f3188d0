//! Finds the path of keys to a position, and the keys and values in a range.
//!
//! The content of an alias or a merge key is found only where it is defined.

use std::cell::RefCell;
use std::cmp::Reverse;
use std::collections::HashMap;
use std::fmt::Write as _;
use std::rc::Rc;

use super::document::ParsedYaml;
use super::node::{Kind, Node, Scalar, display_name};
use crate::diagnostic::Span;

/// A step of the path from the document to one of its values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathSegment<'a> {
    /// A key of a mapping, as written.
    Key(&'a str),
    /// An index of a list.
    Item(usize),
}

/// An object of the source text.
pub enum SourceItem<'a> {
    /// A key.
    Key(&'a str),
    /// A value that is neither a list nor a mapping.
    Value(&'a Scalar),
}

/// Looks up paths in one document. The entries of each container are sorted on first use.
pub struct Paths<'a> {
    root: Option<&'a Node>,
    parts: RefCell<HashMap<*const Node, Rc<[PlacedItem]>>>,
}

/// An item or entry with its range in the source text.
#[derive(Clone, Copy)]
struct PlacedItem {
    index: usize,
    start: usize,
    end: usize,
}

impl ParsedYaml {
    /// Returns the path to a position, such as `coreos.units[1].command`; empty for the document itself.
    /// For many positions of one document, see [`Paths`].
    pub fn path_at(&self, span: Span) -> String {
        path_text(&Paths::new(self).at(span))
    }
}

/// Formats a path for messages. Keys that do not have the form of a key are omitted.
pub fn path_text(segments: &[PathSegment<'_>]) -> String {
    let mut text = String::new();
    for way in segments {
        match way {
            PathSegment::Key(key) => {
                let dot = if text.is_empty() { "" } else { "." };
                let _ = write!(text, "{dot}{}", display_name(key).trim_matches('`'));
            }
            PathSegment::Item(index) => {
                let _ = write!(text, "[{index}]");
            }
        }
    }
    text
}

impl<'a> Paths<'a> {
    /// Prepares lookups in `document`.
    pub fn new(document: &'a ParsedYaml) -> Self {
        Self { root: document.root.as_deref(), parts: RefCell::default() }
    }

    /// Returns the range of the document, as far as it could be parsed.
    pub fn extent(&self) -> Option<Span> {
        self.root.map(|root| root.span)
    }

    /// Returns the path to the innermost key, item or value that contains all of `span`.
    pub fn at(&self, span: Span) -> Vec<PathSegment<'a>> {
        let mut segments = Vec::new();
        let mut node = self.root.filter(|root| holds(root.span, span));
        while let Some(container) = node {
            node = self.step(container, span, &mut segments);
        }
        segments
    }

    /// Moves one step toward `span`.
    fn step(&self, container: &'a Node, span: Span, segments: &mut Vec<PathSegment<'a>>) -> Option<&'a Node> {
        let parts = self.parts(container);
        let PlacedItem { index, start, end } =
            *parts[..parts.partition_point(|part| part.start <= span.start)].last()?;
        if !holds(Span { start, end }, span) {
            return None;
        }
        match &container.kind {
            Kind::Scalar(_) => None,
            Kind::List(items) => {
                segments.push(PathSegment::Item(index));
                Some(&items[index])
            }
            Kind::Mapping(mapping) => {
                let entry = mapping.written_at(index);
                let in_key = holds(entry.key_span, span);
                let in_value = !in_key && holds(entry.value.span, span);
                // A mapping in a list has the same range as its only entry: then the mapping is meant.
                if in_key || in_value {
                    segments.push(PathSegment::Key(&entry.key));
                }
                in_value.then_some(&*entry.value)
            }
        }
    }

    /// Visits every used key and scalar between the bytes `from` and `to`, even if only a part of it is there, with its
    /// path.
    pub fn between(&self, from: usize, to: usize, visit: &mut dyn FnMut(&[PathSegment<'a>], Span, SourceItem<'a>)) {
        if let Some(root) = self.root {
            self.walk(root, (from, to), &mut Vec::new(), visit);
        }
    }

    fn walk(
        &self,
        node: &'a Node,
        (from, to): (usize, usize),
        segments: &mut Vec<PathSegment<'a>>,
        visit: &mut dyn FnMut(&[PathSegment<'a>], Span, SourceItem<'a>),
    ) {
        if let Kind::Scalar(scalar) = &node.kind {
            return visit(segments, node.span, SourceItem::Value(scalar));
        }
        let parts = self.parts(node);
        let first = parts.partition_point(|part| part.end <= from);
        for part in parts[first..].iter().take_while(|part| part.start < to) {
            let value = match &node.kind {
                Kind::Scalar(_) => return,
                Kind::List(items) => {
                    segments.push(PathSegment::Item(part.index));
                    Some(&items[part.index])
                }
                Kind::Mapping(mapping) => {
                    // An entry whose key is given again has no source text here.
                    let Some(entry) = mapping.entries.get(part.index) else { continue };
                    segments.push(PathSegment::Key(&entry.key));
                    if entry.key_span.end > from {
                        visit(segments, entry.key_span, SourceItem::Key(&entry.key));
                    }
                    (entry.value.span.start >= entry.key_span.end).then_some(&entry.value)
                }
            };
            if let Some(value) = value.filter(|value| value.span.start < to && value.span.end > from) {
                self.walk(value, (from, to), segments, visit);
            }
            segments.pop();
        }
    }

    /// Returns the items or entries in a list or mapping, in order, without overlap.
    fn parts(&self, container: &Node) -> Rc<[PlacedItem]> {
        let known = self.parts.borrow().get(&std::ptr::from_ref(container)).map(Rc::clone);
        known.unwrap_or_else(|| {
            let parts: Rc<[PlacedItem]> = parts(container).into();
            self.parts.borrow_mut().insert(container, Rc::clone(&parts));
            parts
        })
    }
}

const fn holds(outer: Span, inner: Span) -> bool {
    outer.start <= inner.start && inner.end <= outer.end
}

fn parts(container: &Node) -> Vec<PlacedItem> {
    let part = |(index, span): (usize, Span)| PlacedItem { index, start: span.start, end: span.end };
    let mut parts: Vec<_> = match &container.kind {
        Kind::Scalar(_) => Vec::new(),
        Kind::List(items) => items.iter().map(|item| item.span).enumerate().map(part).collect(),
        Kind::Mapping(mapping) => {
            let extent = |entry: &super::node::Entry| {
                let value = entry.value.span;
                // The value of an alias is above its key.
                let end = if value.start >= entry.key_span.end { value.end } else { entry.key_span.end };
                Span::new(entry.key_span.start, end)
            };
            mapping.written().map(extent).enumerate().map(part).collect()
        }
    };
    // A merged entry can be anywhere in the text. An entry with an alias into this container is in it.
    parts.retain(|part| holds(container.span, Span::new(part.start, part.end)));
    parts.sort_by_key(|part| (part.start, Reverse(part.end)));
    let mut end = 0;
    parts.retain(|part| {
        let apart = part.start >= end;
        end = end.max(part.end);
        apart
    });
    parts
}
