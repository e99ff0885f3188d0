//! A safe interface to the event parser of libyaml. It contains all unsafe code of this module.
//!
//! The results are owned and checked: text is valid UTF-8, and positions are counted in bytes.

#![allow(unsafe_code)]

use std::ffi::CStr;
use std::marker::PhantomData;
use std::mem::MaybeUninit;
use std::ptr::{NonNull, addr_of_mut};
use std::rc::Rc;
use std::slice;

// The name of the library contains the word `unsafe`, which the lint reports; unsafe code is allowed here anyway.
#[allow(clippy::unsafe_removed_from_name)]
use unsafe_libyaml as sys;

/// The properties of a node besides its content.
#[derive(Debug, Default)]
pub(super) struct Properties {
    pub anchor: Option<Box<str>>,
    pub tag: Option<Box<str>>,
}

/// The events of the scanner that a tree is built from.
#[derive(Debug)]
pub(super) enum Event {
    StreamEnd,
    DocumentEnd,
    Alias(Box<str>),
    Scalar { properties: Properties, text: Rc<str>, plain: bool },
    ListStart { properties: Properties, flow: bool },
    MappingStart { properties: Properties, flow: bool },
    End,
}

/// An event and its position, in bytes of the text.
#[derive(Debug)]
pub(super) struct Marked {
    pub event: Event,
    pub start: usize,
    pub end: usize,
}

/// A syntax error with the message of libyaml, which never quotes the document.
#[derive(Debug)]
pub(super) struct Problem {
    pub what: String,
    /// The construct that was being parsed; empty if libyaml does not report it.
    pub context: String,
    /// The position of the error, in bytes.
    pub at: usize,
    /// The start of the construct that was being parsed, in bytes.
    pub context_at: usize,
}

/// Iterates over the events of a text.
pub(super) struct Scanner<'text> {
    parser: NonNull<sys::yaml_parser_t>,
    text: PhantomData<&'text str>,
}

impl<'text> Scanner<'text> {
    /// Creates a scanner at the start of `text`.
    pub fn new(text: &'text str) -> Self {
        let parser = Box::into_raw(Box::<MaybeUninit<sys::yaml_parser_t>>::new(MaybeUninit::uninit()));
        let parser = parser.cast::<sys::yaml_parser_t>();
        // SAFETY: `parser` points to memory of the right size and alignment, which
        // `yaml_parser_initialize` fills completely (it cannot fail: a failing allocation aborts).
        // The parser keeps a pointer to itself, hence the box, which nothing moves or touches
        // but through this pointer; and one to the text, which the lifetime keeps alive.
        unsafe {
            let _ = sys::yaml_parser_initialize(parser);
            sys::yaml_parser_set_encoding(parser, sys::YAML_UTF8_ENCODING);
            sys::yaml_parser_set_input_string(parser, text.as_ptr(), text.len() as u64);
            Self { parser: NonNull::new_unchecked(parser), text: PhantomData }
        }
    }

    /// Returns the next event.
    ///
    /// # Errors
    ///
    /// The text is invalid YAML from some position on. There are no more events after that.
    pub fn next(&mut self) -> Result<Marked, Problem> {
        loop {
            let mut event = MaybeUninit::<sys::yaml_event_t>::uninit();
            // SAFETY: the parser was initialized by `new` and is not shared; `yaml_parser_parse`
            // fills the event in any case, and what it allocated is freed exactly once, below,
            // after all that is wanted of it was copied.
            let (marked, failed) = unsafe {
                let failed = sys::yaml_parser_parse(self.parser.as_ptr(), event.as_mut_ptr()).fail;
                let raw = event.assume_init_mut();
                let marked = if failed { None } else { convert(raw) };
                sys::yaml_event_delete(raw);
                (marked, failed)
            };
            if failed {
                return Err(self.problem());
            }
            if let Some(marked) = marked {
                return Ok(marked);
            }
        }
    }

    fn problem(&self) -> Problem {
        // SAFETY: the parser is initialized; after a failure `problem` and `context` are null or
        // point to constants of the library that end with a zero byte.
        unsafe {
            let parser = self.parser.as_ref();
            let words = |text: *const i8| {
                if text.is_null() { String::new() } else { CStr::from_ptr(text.cast()).to_string_lossy().into_owned() }
            };
            Problem {
                what: words(parser.problem),
                context: words(parser.context),
                at: index(parser.problem_mark),
                context_at: index(parser.context_mark),
            }
        }
    }
}

impl Drop for Scanner<'_> {
    fn drop(&mut self) {
        // SAFETY: made by `new` from a box of the same layout; nothing uses it afterwards.
        unsafe {
            sys::yaml_parser_delete(self.parser.as_ptr());
            drop(Box::from_raw(self.parser.as_ptr().cast::<MaybeUninit<sys::yaml_parser_t>>()));
        }
    }
}

/// Copies an event; returns `None` for an event that is not needed for the tree.
///
/// # Safety
///
/// The event comes from a successful `yaml_parser_parse` and was not deleted: its type then selects
/// the part of the union that is set, and its pointers are null or valid.
unsafe fn convert(raw: &mut sys::yaml_event_t) -> Option<Marked> {
    let data = addr_of_mut!(raw.data);
    // SAFETY: as the caller promises.
    let event = unsafe {
        match raw.type_ {
            // libyaml returns empty events after the end.
            sys::YAML_STREAM_END_EVENT | sys::YAML_NO_EVENT => Event::StreamEnd,
            sys::YAML_DOCUMENT_END_EVENT => Event::DocumentEnd,
            sys::YAML_ALIAS_EVENT => Event::Alias(string((*data).alias.anchor).unwrap_or_default()),
            sys::YAML_SCALAR_EVENT => {
                let scalar = (*data).scalar;
                let bytes = slice::from_raw_parts(scalar.value, usize::try_from(scalar.length).unwrap_or(0));
                Event::Scalar {
                    properties: Properties { anchor: string(scalar.anchor), tag: string(scalar.tag) },
                    text: Rc::from(String::from_utf8_lossy(bytes)),
                    plain: scalar.style == sys::yaml_scalar_style_t::YAML_PLAIN_SCALAR_STYLE,
                }
            }
            sys::YAML_SEQUENCE_START_EVENT => {
                let list = (*data).sequence_start;
                Event::ListStart {
                    properties: Properties { anchor: string(list.anchor), tag: string(list.tag) },
                    flow: list.style == sys::yaml_sequence_style_t::YAML_FLOW_SEQUENCE_STYLE,
                }
            }
            sys::YAML_MAPPING_START_EVENT => {
                let mapping = (*data).mapping_start;
                Event::MappingStart {
                    properties: Properties { anchor: string(mapping.anchor), tag: string(mapping.tag) },
                    flow: mapping.style == sys::yaml_mapping_style_t::YAML_FLOW_MAPPING_STYLE,
                }
            }
            sys::YAML_SEQUENCE_END_EVENT | sys::YAML_MAPPING_END_EVENT => Event::End,
            _ => return None,
        }
    };
    Some(Marked { event, start: index(raw.start_mark), end: index(raw.end_mark) })
}

/// Copies a text that ends with a zero byte.
///
/// # Safety
///
/// `text` is null or points to such a text.
unsafe fn string(text: *const u8) -> Option<Box<str>> {
    // SAFETY: as the caller promises.
    (!text.is_null()).then(|| unsafe { CStr::from_ptr(text.cast()) }.to_string_lossy().into())
}

fn index(mark: sys::yaml_mark_t) -> usize {
    usize::try_from(mark.index).unwrap_or(usize::MAX)
}
