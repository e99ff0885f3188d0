//! The tree of a document: text as written, tags, positions.

use std::borrow::Cow;
use std::collections::HashSet;
use std::hash::{Hash, Hasher};
use std::rc::Rc;

use super::scalar;
use crate::diagnostic::Span;

/// A value of a document. Aliases and merge keys share the nodes that they refer to.
pub struct Node {
    /// The position in the source text. For an alias, it is the position of the node that it refers to.
    pub span: Span,
    /// The kind of its tag.
    pub tag: Tag,
    /// True if it is written with brackets or braces.
    pub flow: bool,
    /// Its kind, with its content.
    pub kind: Kind,
    pub(super) size: Size,
}

/// The kind of a node, with its content.
pub enum Kind {
    /// A string, number, boolean or null: the caller decides how to interpret it.
    Scalar(Scalar),
    /// A list.
    List(Vec<Rc<Node>>),
    /// A mapping.
    Mapping(Mapping),
}

/// A value without parts.
pub struct Scalar {
    /// The text as written, with quotes, escapes and folding undone.
    pub text: Rc<str>,
    /// True if it is written without quotes and not as a block.
    pub plain: bool,
}

/// Keys with their values, in order. Merge keys are resolved, and no key is duplicate in either spelling.
#[derive(Default)]
pub struct Mapping {
    /// The entries.
    pub entries: Vec<Entry>,
    /// The entries whose keys are given again further down, which are not used.
    pub(super) replaced: Vec<Entry>,
}

impl Mapping {
    /// Returns all entries of the source text, including those whose keys are given again.
    pub fn written(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().chain(&self.replaced)
    }

    /// Returns one of these entries by its index.
    pub(super) fn written_at(&self, index: usize) -> &Entry {
        self.entries.get(index).unwrap_or_else(|| &self.replaced[index - self.entries.len()])
    }
}

/// A key with its value.
#[derive(Clone)]
pub struct Entry {
    /// The key as written.
    pub key: Rc<str>,
    /// The position of the key.
    pub key_span: Span,
    /// The value.
    pub value: Rc<Node>,
}

/// The tags that change the meaning of a value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tag {
    /// No tag.
    #[default]
    None,
    /// `!!str`, `!`, and types of programming languages: a string, whatever it looks like.
    Text,
    /// A tag such as `!Ref` or `!include`, which only another program evaluates.
    Local,
    /// `!!binary`: base64.
    Binary,
    /// `!!null`.
    Null,
    /// `!!bool`, `!!int`, `!!float`: the type that the text looks like, even in quotes.
    Typed,
}

impl Tag {
    pub(super) fn new(tag: Option<&str>) -> Self {
        match tag.map(|tag| tag.strip_prefix("tag:yaml.org,2002:").unwrap_or(tag)) {
            None => Self::None,
            Some("binary") => Self::Binary,
            Some("null") => Self::Null,
            Some("bool" | "int" | "float") => Self::Typed,
            Some(tag) if tag.len() > 1 && tag.starts_with('!') => Self::Local,
            Some(_) => Self::Text,
        }
    }
}

/// The cost of visiting a node with its descendants, including those of aliases.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Size {
    /// The depth of lists and mappings.
    pub height: usize,
    /// The number of nodes.
    pub nodes: usize,
    /// The number of bytes of text.
    pub text: usize,
}

impl Size {
    pub const fn scalar(text: &str) -> Self {
        Self { height: 0, nodes: 1, text: text.len() }
    }

    pub fn list(items: &[Rc<Node>]) -> Self {
        items.iter().fold(Self { height: 1, nodes: 1, text: 0 }, |sum, item| sum.and(item.size))
    }

    pub fn mapping(entries: &[Entry]) -> Self {
        entries.iter().fold(Self { height: 1, nodes: 1, text: 0 }, |sum, entry| {
            sum.and(Self::scalar(&entry.key)).and(entry.value.size)
        })
    }

    fn and(self, part: Self) -> Self {
        Self {
            height: self.height.max(part.height + 1),
            nodes: self.nodes.saturating_add(part.nodes),
            text: self.text.saturating_add(part.text),
        }
    }
}

impl Node {
    /// Returns the text of a scalar, unless it is null.
    pub fn text(&self) -> Option<&str> {
        match &self.kind {
            Kind::Scalar(scalar) if !self.is_null() => Some(&scalar.text),
            _ => None,
        }
    }

    /// Returns true for null: `~`, `null`, nothing.
    pub fn is_null(&self) -> bool {
        match &self.kind {
            Kind::Scalar(scalar) => match self.tag {
                Tag::Null => true,
                Tag::None | Tag::Typed => scalar.plain && scalar::is_null(&scalar.text),
                Tag::Text | Tag::Binary | Tag::Local => false,
            },
            _ => false,
        }
    }

    /// Returns the items of a list.
    pub fn items(&self) -> Option<&[Rc<Self>]> {
        match &self.kind {
            Kind::List(items) => Some(items),
            _ => None,
        }
    }

    /// Returns the entries of a mapping.
    pub fn entries(&self) -> Option<&[Entry]> {
        match &self.kind {
            Kind::Mapping(mapping) => Some(&mapping.entries),
            _ => None,
        }
    }

    /// Splits the mapping into several mappings, each of which begins with the first key of this one.
    ///
    /// Returns `None` if this is not a mapping, or if another mapping is merged into it.
    pub fn split(&self) -> Option<Vec<Rc<Self>>> {
        let Kind::Mapping(mapping) = &self.kind else { return None };
        let mut written: Vec<_> = mapping.written().collect();
        written.sort_by_key(|entry| entry.key_span.start);
        let is_inside =
            |entry: &&&Entry| entry.key_span.start >= self.span.start && entry.key_span.end <= self.span.end;
        if !written.iter().all(|entry| is_inside(&entry)) {
            return None;
        }
        let first = Rc::clone(&written.first()?.key);
        let is_first = |entry: &Entry| same_key(&entry.key, &first);
        let parts = written.chunk_by(|_, next| !is_first(next)).map(|entries| {
            let span = Span::new(entries[0].key_span.start, entries[entries.len() - 1].value.span.end);
            let mut part = Mapping::default();
            let mut known = HashSet::new();
            // Of duplicate keys, the last one is used.
            for entry in entries.iter().rev() {
                let is_new = known.insert(Key(Rc::clone(&entry.key)));
                let list = if is_new { &mut part.entries } else { &mut part.replaced };
                list.push((*entry).clone());
            }
            part.entries.reverse();
            let size = Size::mapping(&part.entries);
            Rc::new(Self { span, tag: self.tag, flow: self.flow, kind: Kind::Mapping(part), size })
        });
        Some(parts.collect())
    }

    /// Replaces the items of the list that is the value of `key`.
    pub fn set_items(&mut self, key: &str, items: Vec<Rc<Self>>) {
        let Kind::Mapping(mapping) = &mut self.kind else { return };
        let Some(entry) = mapping.entries.iter_mut().find(|entry| same_key(&entry.key, key)) else { return };
        let Self { span, tag, flow, .. } = *entry.value;
        entry.value = Rc::new(Self { span, tag, flow, size: Size::list(&items), kind: Kind::List(items) });
    }

    /// Returns the value of a key of a mapping, in either spelling.
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.entries()?.iter().find(|entry| same_key(&entry.key, key)).map(|entry| &*entry.value)
    }

    /// Returns the type of the node for messages, without its content.
    pub(super) fn describe(&self) -> &'static str {
        match &self.kind {
            Kind::List(_) => "a list",
            Kind::Mapping(_) => "a mapping",
            Kind::Scalar(_) if self.is_null() => "nothing",
            Kind::Scalar(_) if self.tag == Tag::Binary => "binary data",
            Kind::Scalar(scalar) if scalar.text.is_empty() => "an empty string",
            Kind::Scalar(scalar) if scalar.plain && self.tag == Tag::None => scalar::describe(&scalar.text),
            Kind::Scalar(_) => "a string",
        }
    }
}

impl Entry {
    /// Returns the key with `_` for each `-`.
    pub fn name(&self) -> Cow<'_, str> {
        if self.key.contains('-') { Cow::Owned(self.key.replace('-', "_")) } else { Cow::Borrowed(&self.key) }
    }

    /// Returns the key for messages. It is omitted if it does not have the form of a key.
    pub fn display_key(&self) -> String {
        display_name(&self.key)
    }
}

/// Returns true if two keys differ at most in the spelling with `-` or `_` (docs/cloud-config.md).
pub(super) fn same_key(a: &str, b: &str) -> bool {
    a.len() == b.len() && spelling(a).eq(spelling(b))
}

fn spelling(key: &str) -> impl Iterator<Item = u8> + '_ {
    key.bytes().map(|byte| if byte == b'-' { b'_' } else { byte })
}

/// A key for maps, equal to the same key in the other spelling.
#[derive(Clone)]
pub(super) struct Key(pub Rc<str>);

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        same_key(&self.0, &other.0)
    }
}

impl Eq for Key {}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        for byte in spelling(&self.0) {
            state.write_u8(byte);
        }
        state.write_u8(0xFF);
    }
}

/// Returns a printable form of `key`. Text without the form of a key, such as a line of a file that lost its
/// indentation, is omitted.
pub(super) fn display_name(key: &str) -> String {
    if is_printable_name(key) { format!("`{key}`") } else { "<redacted>".to_owned() }
}

/// The longest printed key, in bytes.
const PRINTED_MAX: usize = 40;
/// The largest number of digits of a printed key.
const DIGITS_MAX: usize = 4;
/// The longest word with a digit in a printed key, in bytes.
const WORD_MAX: usize = 15;

/// Returns true if `key` has the form of a key, and does not look like a password or a token, which lost indentation
/// can move to the place of a key.
pub fn is_printable_name(key: &str) -> bool {
    let has_digit = |word: &str| word.bytes().any(|byte| byte.is_ascii_digit());
    let mut words = key.split(['-', '_', '.', '/']);
    is_name(key)
        && key.len() <= PRINTED_MAX
        && key.bytes().filter(u8::is_ascii_digit).count() <= DIGITS_MAX
        && words.all(|word| word.len() <= WORD_MAX || !has_digit(word))
}

/// Returns true if `key` has the form of a key.
pub fn is_name(key: &str) -> bool {
    let name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'/' | b'<');
    !key.is_empty() && key.len() <= 64 && key.bytes().all(name)
}
