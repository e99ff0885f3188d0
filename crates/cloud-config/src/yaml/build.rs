//! Builds the tree of a document from the events of the scanner, within limits.

use std::cell::OnceCell;
use std::collections::HashMap;
use std::rc::Rc;

use super::limits::{self, MAX_ALIAS_TEXT, MAX_DEPTH, MAX_ENTRIES, MAX_NODES};
use super::mapping::{KeyFindings, Pairs};
use super::node::{Kind, Node, Scalar, Size, Tag};
use super::position::Positions;
use super::salvage;
use super::scanner::{Event, Marked, Properties};
use crate::diagnostic::{Finding, Span, rules};
use crate::text::{Lines, printable};

/// A range of bytes of the text.
#[derive(Clone, Copy)]
pub(super) struct Range {
    pub start: usize,
    pub end: usize,
}

/// A document that is being built.
pub(super) struct Builder<'a> {
    text: &'a str,
    positions: Positions<'a>,
    /// The lines of the text, computed on first use.
    lines: OnceCell<Lines<'a>>,
    /// The open lists and mappings, the outermost first.
    open: Vec<Open>,
    /// The nodes that aliases stand for; `None` while such a node is still open.
    anchors: HashMap<Box<str>, Option<Rc<Node>>>,
    /// The root node, once it is complete.
    pub root: Option<Rc<Node>>,
    /// The findings so far.
    pub findings: Vec<Finding>,
    nodes: usize,
    alias_text: usize,
    /// The end of the last node, in bytes of the text.
    last_end: usize,
}

/// An open list or mapping.
struct Open {
    start: usize,
    /// The start of its first entry.
    first: usize,
    tag: Tag,
    anchor: Option<Box<str>>,
    flow: bool,
    content: ScalarContent,
}

enum ScalarContent {
    List(Vec<Rc<Node>>),
    Mapping(Pairs),
}

impl<'a> Builder<'a> {
    /// Creates a builder for `text`.
    pub fn new(text: &'a str, positions: Positions<'a>) -> Self {
        Self {
            text,
            positions,
            lines: OnceCell::new(),
            open: Vec::new(),
            anchors: HashMap::new(),
            root: None,
            findings: Vec::new(),
            nodes: 0,
            alias_text: 0,
            last_end: 0,
        }
    }

    /// Returns the bytes of an event.
    pub fn range(&self, marked: &Marked) -> Range {
        let start = self.positions.byte(marked.start);
        let end = self.positions.byte(marked.end);
        // The scanner includes the line breaks after a block.
        let content = self.text[start..end.max(start)].trim_end_matches([' ', '\n', '\r']).len();
        Range { start, end: start + content }
    }

    /// Adds the next event of the document.
    ///
    /// # Errors
    ///
    /// A limit is exceeded, or an alias has no anchor.
    pub fn take(&mut self, event: Event, range: Range) -> Result<(), Finding> {
        match event {
            Event::Alias(name) => {
                let node = self.alias(&name, range)?;
                self.last_end = range.end;
                self.add(node, range)
            }
            Event::Scalar { properties, text, plain } => {
                self.count(1, range)?;
                self.last_end = range.end;
                let node = Rc::new(Node {
                    span: self.span(range),
                    tag: Tag::new(properties.tag.as_deref()),
                    flow: false,
                    size: Size::scalar(&text),
                    kind: Kind::Scalar(Scalar { text, plain }),
                });
                if let Some(anchor) = properties.anchor {
                    self.anchors.insert(anchor, Some(Rc::clone(&node)));
                }
                self.add(node, range)
            }
            Event::ListStart { properties, flow } => {
                self.open(properties, flow, range, ScalarContent::List(Vec::new()))
            }
            Event::MappingStart { properties, flow } => {
                self.open(properties, flow, range, ScalarContent::Mapping(Pairs::default()))
            }
            Event::End => {
                if self.open.last().is_some_and(|open| open.flow) {
                    self.last_end = range.end;
                }
                self.close()
            }
            Event::DocumentEnd | Event::StreamEnd => Ok(()),
        }
    }

    /// Returns the top-level entries that are complete before the error at the byte `error`, and the findings.
    pub fn salvage(mut self, error: usize) -> (Option<Rc<Node>>, Vec<Finding>) {
        let whole = self.last_entry_is_complete(error);
        while whole && self.open.len() > 1 && self.close().is_ok() {}
        let inside = self.open.len() > 1;
        self.open.truncate(1);
        if let Some(Open { content: ScalarContent::Mapping(pairs), .. }) = self.open.first_mut() {
            if !whole && !inside && !pairs.awaits_value() {
                pairs.drop_last();
            }
            // This cannot exceed a limit again: the remaining nodes were checked when they were added.
            let _ = self.close();
        }
        let root = self.root.filter(|root| root.entries().is_some_and(|entries| !entries.is_empty()));
        (root, self.findings)
    }

    /// Returns true if the last top-level entry, complete or open, ends before `error`.
    fn last_entry_is_complete(&self, error: usize) -> bool {
        let [Open { content: ScalarContent::Mapping(pairs), flow, first, .. }, inner @ ..] = self.open.as_slice()
        else {
            return false;
        };
        let list = match inner.first() {
            Some(value) => matches!(value.content, ScalarContent::List(_)),
            None => pairs.last_value().is_some_and(|value| value.items().is_some()),
        };
        let entry = salvage::SalvagedEntry { end: self.last_end, first: *first, flow: *flow, list };
        // The author has to close brackets, but not indentation.
        let closed = inner.iter().all(|open| !open.flow) && (inner.is_empty() || !flow);
        closed && salvage::is_complete(self.text, &entry, error)
    }

    fn span(&self, range: Range) -> Span {
        self.positions.span(range.start, range.end)
    }

    fn open(
        &mut self,
        properties: Properties,
        flow: bool,
        range: Range,
        content: ScalarContent,
    ) -> Result<(), Finding> {
        self.count(1, range)?;
        self.check_depth(1, range)?;
        self.last_end = range.end;
        if let Some(anchor) = &properties.anchor {
            self.anchors.insert(anchor.clone(), None);
        }
        let tag = Tag::new(properties.tag.as_deref());
        self.open.push(Open { start: range.start, first: range.end, tag, anchor: properties.anchor, flow, content });
        Ok(())
    }

    /// Closes the innermost list or mapping.
    fn close(&mut self) -> Result<(), Finding> {
        let Some(open) = self.open.pop() else {
            return Ok(());
        };
        let range = Range { start: open.start, end: self.last_end.max(open.start) };
        let (kind, size) = match open.content {
            ScalarContent::List(items) => {
                let size = Size::list(&items);
                (Kind::List(items), size)
            }
            ScalarContent::Mapping(pairs) => {
                let mapping = pairs.finish(&mut self.findings);
                if mapping.entries.len() > MAX_ENTRIES {
                    return Err(self.too_many_entries("mapping", range));
                }
                let size = Size::mapping(&mapping.entries);
                (Kind::Mapping(mapping), size)
            }
        };
        let node = Rc::new(Node { span: self.span(range), tag: open.tag, flow: open.flow, kind, size });
        if let Some(anchor) = open.anchor {
            self.anchors.insert(anchor, Some(Rc::clone(&node)));
        }
        self.add(node, range)
    }

    /// Adds a node to the innermost open list or mapping, as its next item, key or value.
    fn add(&mut self, node: Rc<Node>, range: Range) -> Result<(), Finding> {
        let span = self.span(range);
        let Some(open) = self.open.last_mut() else {
            self.root = Some(node);
            return Ok(());
        };
        let (what, entries) = match &mut open.content {
            ScalarContent::List(items) => {
                items.push(node);
                ("list", items.len())
            }
            ScalarContent::Mapping(pairs) => {
                if pairs.is_new() {
                    open.first = range.start;
                }
                let line = |at| self.lines.get_or_init(|| Lines::new(self.text.as_bytes())).position(at).line;
                pairs.add(node, span, range.start, &mut KeyFindings { findings: &mut self.findings, line: &line });
                ("mapping", pairs.len())
            }
        };
        if entries > MAX_ENTRIES { Err(self.too_many_entries(what, range)) } else { Ok(()) }
    }

    fn alias(&mut self, name: &str, range: Range) -> Result<Rc<Node>, Finding> {
        let broken = |message, help| Err(Finding::new(&rules::SYNTAX, self.span(range), message).help(help));
        let node = match self.anchors.get(name) {
            Some(Some(node)) => Rc::clone(node),
            Some(None) => {
                return broken(
                    "an alias inside the value that it stands for",
                    "write the value in its place".to_owned(),
                );
            }
            None => {
                // `<<` merges mappings, so an alias of a string there is reported in another way.
                let is_merge = self.text.get(..range.start).is_some_and(|before| before.trim_end().ends_with("<<:"));
                let help = if is_merge {
                    format!("define `&{}` above", printable(name))
                } else {
                    "put a string that begins with `*` in quotes".to_owned()
                };
                return broken("alias without an anchor above it", help);
            }
        };
        self.count(node.size.nodes, range)?;
        self.check_depth(node.size.height, range)?;
        self.alias_text = self.alias_text.saturating_add(node.size.text);
        if self.alias_text > MAX_ALIAS_TEXT {
            let message = format!("more than {} MiB of text through aliases", MAX_ALIAS_TEXT >> 20);
            return Err(limits::passed(self.span(range), message));
        }
        Ok(node)
    }

    fn count(&mut self, nodes: usize, range: Range) -> Result<(), Finding> {
        self.nodes = self.nodes.saturating_add(nodes);
        if self.nodes <= MAX_NODES {
            return Ok(());
        }
        Err(limits::passed(self.span(range), format!("more than {MAX_NODES} values, with those of aliases")))
    }

    fn check_depth(&self, height: usize, range: Range) -> Result<(), Finding> {
        if self.open.len() + height <= MAX_DEPTH {
            return Ok(());
        }
        let message = format!("more than {MAX_DEPTH} nested lists and mappings");
        Err(limits::passed(self.span(range), message))
    }

    fn too_many_entries(&self, what: &str, range: Range) -> Finding {
        limits::passed(self.span(range), format!("more than {MAX_ENTRIES} entries in a {what}"))
    }
}
