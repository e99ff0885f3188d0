//! Documents, as trees: mostly valid ones, and sometimes any others.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::keys::{CONFIG, OTHER_KEYS, WILD, Wanted};

/// A value of a document.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A text, and how it is written.
    Text(String, Style),
    /// A list; as `[a, b]` or with dashes.
    List(Vec<Value>, bool),
    /// A mapping; as `{a: b}` or on lines.
    Mapping(Vec<(Value, Value)>, bool),
    /// A value that is written once, and has a name for aliases.
    Anchor(u8, Box<Value>),
    /// A reference to the anchor of this number; a text if there is none yet.
    Alias(u8),
    /// A value with a tag.
    Tagged(&'static str, Box<Value>),
}

/// The style of a text, if it can be written so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    Plain,
    Single,
    Double,
    Literal,
    Folded,
}

/// The oddness of a document.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Oddness {
    /// Valid keys and values only, each key once, in either spelling.
    None,
    /// Wrong types, unknown keys, keys given twice, aliases, merges, tags.
    Some,
}

/// Documents.
pub fn documents(oddness: Oddness) -> BoxedStrategy<Value> {
    value(CONFIG, oddness, 6)
}

fn value(wanted: Wanted, oddness: Oddness, depth: u32) -> BoxedStrategy<Value> {
    let right = right(wanted, oddness, depth);
    if oddness == Oddness::None {
        return right;
    }
    let anchored = (0..4_u8, right.clone()).prop_map(|(name, value)| Value::Anchor(name, Box::new(value)));
    let tags = select(vec!["!!str", "!!binary", "!!null", "!!int", "!!map", "!other"]);
    let tagged = (tags, right.clone()).prop_map(|(tag, value)| Value::Tagged(tag, Box::new(value)));
    prop_oneof![
        30 => right,
        2 => anchored,
        1 => tagged,
        2 => (0..4_u8).prop_map(Value::Alias),
        2 => text(WILD),
        1 => anything(2),
    ]
    .boxed()
}

fn right(wanted: Wanted, oddness: Oddness, depth: u32) -> BoxedStrategy<Value> {
    match wanted {
        _ if depth == 0 => text(WILD),
        Wanted::Text(some) => text(some),
        Wanted::Bool => text(&["true", "false", "yes", "Off", "ON"]),
        Wanted::Number => text(&["0", "1", "010", "1.5", "1_000", "-3", "0x10"]),
        Wanted::List(item) => (vec(value(*item, oddness, depth - 1), 0..4), is_flow())
            .prop_map(|(items, flow)| Value::List(items, flow))
            .boxed(),
        Wanted::Mapping(_) | Wanted::Options(_) => mapping(wanted.keys(), oddness, depth),
    }
}

fn mapping(keys: Vec<(&'static str, Wanted)>, oddness: Oddness, depth: u32) -> BoxedStrategy<Value> {
    let most = keys.len().min(6);
    let entry = move |(name, wanted): (&'static str, Wanted)| {
        (spelling(name), value(wanted, oddness, depth - 1)).prop_map(|(key, value)| (plain(&key), value))
    };
    let entries = if oddness == Oddness::None {
        proptest::sample::subsequence(keys, 0..=most)
            .prop_flat_map(move |keys| keys.into_iter().map(&entry).collect::<Vec<_>>())
            .boxed()
    } else {
        let known = select(keys).prop_flat_map(entry);
        let other = (select(OTHER_KEYS), anything(2)).prop_map(|(key, value)| (plain(key), value));
        let merge = (0..4_u8).prop_map(|name| (plain("<<"), Value::Alias(name)));
        let odd = (anything(1), anything(1));
        vec(prop_oneof![40 => known, 2 => other, 2 => merge, 1 => odd], 0..most + 1).boxed()
    };
    (entries, is_flow()).prop_map(|(entries, flow)| Value::Mapping(entries, flow)).boxed()
}

/// A tree that means nothing.
fn anything(depth: u32) -> BoxedStrategy<Value> {
    text(WILD)
        .prop_recursive(depth, 8, 3, |inner| {
            prop_oneof![
                (vec(inner.clone(), 0..3), is_flow()).prop_map(|(items, flow)| Value::List(items, flow)),
                (vec((text(WILD), inner), 0..3), is_flow()).prop_map(|(entries, flow)| Value::Mapping(entries, flow)),
            ]
        })
        .boxed()
}

fn text(some: &'static [&'static str]) -> BoxedStrategy<Value> {
    (select(some), style()).prop_map(|(text, style)| Value::Text(text.to_owned(), style)).boxed()
}

fn plain(text: &str) -> Value {
    Value::Text(text.to_owned(), Style::Plain)
}

fn style() -> impl Strategy<Value = Style> {
    prop_oneof![
        6 => Just(Style::Plain),
        1 => Just(Style::Single),
        1 => Just(Style::Double),
        2 => Just(Style::Literal),
        1 => Just(Style::Folded),
    ]
}

fn is_flow() -> impl Strategy<Value = bool> {
    prop::bool::weighted(0.25)
}

/// A key with some of its `_` as `-`.
fn spelling(name: &'static str) -> impl Strategy<Value = String> {
    any::<u8>().prop_map(move |mask| {
        let dashed = |(at, c): (usize, char)| if c == '_' && mask >> (at % 8) & 1 == 1 { '-' } else { c };
        name.chars().enumerate().map(dashed).collect()
    })
}

/// Trees that mean nothing, in a list.
pub fn values() -> BoxedStrategy<Value> {
    (vec(anything(4), 1..4), is_flow()).prop_map(|(items, flow)| Value::List(items, flow)).boxed()
}
