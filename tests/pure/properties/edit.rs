//! Edits of a text that ignore its meaning.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::keys::WILD;

/// One edit.
#[derive(Clone, Debug)]
pub enum Edit {
    /// Removes the rest from there on.
    Truncate(Index),
    /// Adds bytes there.
    Insert(Index, Vec<u8>),
    /// Removes the bytes between the two places.
    Delete(Index, Index),
    /// Swaps the bytes of two places.
    Swap(Index, Index),
    /// Copies the line of one place before that of the other.
    Line(Index, Index),
    /// Replaces the byte there.
    Byte(Index, u8),
}

/// A few edits.
pub fn edits() -> impl Strategy<Value = Vec<Edit>> {
    let text = prop_oneof![
        4 => select(WILD).prop_map(|text| text.as_bytes().to_vec()),
        4 => select(vec!["\n", "  ", "\t", ":", "- ", "\"", "'", "{", "]", "#", "|", "&a0 ", "*a0", "\r", "<<: ", "---\n", "\0"])
            .prop_map(|text| text.as_bytes().to_vec()),
        1 => vec(any::<u8>(), 1..4),
    ];
    let place = any::<Index>;
    let edit = prop_oneof![
        2 => place().prop_map(Edit::Truncate),
        4 => (place(), text).prop_map(|(at, text)| Edit::Insert(at, text)),
        1 => (place(), place()).prop_map(|(from, to)| Edit::Delete(from, to)),
        2 => (place(), place()).prop_map(|(one, other)| Edit::Swap(one, other)),
        2 => (place(), place()).prop_map(|(from, to)| Edit::Line(from, to)),
        2 => (place(), any::<u8>()).prop_map(|(at, byte)| Edit::Byte(at, byte)),
    ];
    vec(edit, 1..4)
}

/// A text after some edits, which need not be UTF-8 any more.
pub fn edited(text: &str, edits: &[Edit]) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    for edit in edits {
        let end = bytes.len();
        if end == 0 {
            break;
        }
        match edit {
            Edit::Truncate(at) => bytes.truncate(at.index(end)),
            Edit::Insert(at, text) => {
                let at = at.index(end);
                bytes.splice(at..at, text.iter().copied());
            }
            Edit::Delete(one, other) => {
                let (one, other) = (one.index(end), other.index(end));
                bytes.drain(one.min(other)..one.max(other));
            }
            Edit::Swap(one, other) => bytes.swap(one.index(end), other.index(end)),
            Edit::Line(from, to) => {
                let (from, to) = (line(&bytes, from.index(end)), line(&bytes, to.index(end)));
                let copy = bytes[from].to_vec();
                bytes.splice(to.start..to.start, copy);
            }
            Edit::Byte(at, byte) => bytes[at.index(end)] = *byte,
        }
    }
    bytes
}

/// The line that a byte is in.
fn line(bytes: &[u8], at: usize) -> std::ops::Range<usize> {
    let start = bytes[..at].iter().rposition(|byte| *byte == b'\n').map_or(0, |before| before + 1);
    let end = bytes[at..].iter().position(|byte| *byte == b'\n').map_or(bytes.len(), |behind| at + behind + 1);
    start..end
}
