//! The stanzas of an interfaces file: each line is assigned to its interface.

use std::mem;

use crate::diagnostic::{Findings, Span, rules};

use super::super::ENTRIES_MAX;
use super::super::names::{Name, display_name};
use super::lines::{LogicalLine, lines};

/// The remedy for a stanza whose first line cannot be read.
const HEAD: &str = "write `iface NAME inet METHOD`, with `static`, `dhcp`, `manual` or `loopback`";

/// The method by which an interface is configured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// The addresses are in the stanza.
    Static,
    /// The interface requests addresses by DHCP, for this family.
    Dhcp,
    /// The interface gets addresses from IPv6 router advertisements.
    Auto,
    /// The interface gets no addresses.
    Manual,
    /// The loopback interface.
    Loopback,
}

/// A line of a stanza.
#[derive(Debug)]
pub struct StanzaOption {
    /// The option, spelled with `-`.
    pub key: String,
    /// The value: the rest of the line.
    pub value: String,
    /// The position of the line.
    pub span: Span,
}

/// An `iface` stanza.
#[derive(Debug)]
pub struct Stanza {
    /// The interface. `eth0:1` stands for further addresses of `eth0`.
    pub name: Name,
    /// The word for the family, such as `inet6`.
    pub family: String,
    /// The method by which it gets its addresses.
    pub method: Method,
    /// The options of the stanza.
    pub entries: Vec<StanzaOption>,
    /// The position of the first line.
    pub span: Span,
}

/// The part of the file that a line belongs to.
enum StanzaPlace {
    /// Before the first stanza.
    Start,
    /// An interface.
    Interface(Stanza),
    /// The lines of a skipped stanza, which was reported.
    Skipped,
    /// After an instruction of one line.
    SingleLine,
}

/// Returns the `iface` stanzas of `bytes` in order.
pub fn stanzas(bytes: &[u8], findings: &mut Findings) -> Vec<Stanza> {
    let mut found = Vec::new();
    let mut place = StanzaPlace::Start;
    for line in lines(bytes) {
        let (word, rest) = split(&line.text);
        let next = match word {
            "iface" if found.len() + usize::from(matches!(place, StanzaPlace::Interface(_))) >= ENTRIES_MAX => {
                let message = "more than 10000 stanzas; the rest is skipped";
                findings.report(&rules::BAD_NETWORK, Some(line.span), "iface", message);
                break;
            }
            "iface" => head(rest, line.span).map_or_else(
                |why| {
                    let message = format!("{why}; stanza skipped");
                    findings.suggest(&rules::BAD_STANZA, line.span, "iface", message, HEAD);
                    StanzaPlace::Skipped
                },
                StanzaPlace::Interface,
            ),
            // networkd brings all interfaces up, so `auto` has no effect.
            "auto" => StanzaPlace::SingleLine,
            "mapping" => {
                ignore(word, &line, findings);
                StanzaPlace::Skipped
            }
            "source" | "source-directory" | "no-auto-down" | "no-scripts" | "rename" => {
                ignore(word, &line, findings);
                StanzaPlace::SingleLine
            }
            _ if word.starts_with("allow-") => {
                ignore(word, &line, findings);
                StanzaPlace::SingleLine
            }
            _ => {
                place = option(place, word, rest, line.span, findings);
                continue;
            }
        };
        if let StanzaPlace::Interface(stanza) = mem::replace(&mut place, next) {
            found.push(stanza);
        }
    }
    if let StanzaPlace::Interface(stanza) = place {
        found.push(stanza);
    }
    found
}

fn ignore(word: &str, line: &LogicalLine<'_>, findings: &mut Findings) {
    findings.report(&rules::UNCONVERTED, Some(line.span), word, "unsupported stanza; ignored");
}

/// Splits off the first word.
fn split(text: &str) -> (&str, &str) {
    text.split_once(char::is_whitespace).map_or((text, ""), |(word, rest)| (word, rest.trim_start()))
}

/// Parses the text after `iface`, the first line of a stanza.
fn head(rest: &str, span: Span) -> Result<Stanza, String> {
    let words: Vec<_> = rest.split_whitespace().take(4).collect();
    let [name, family, method] = words[..] else {
        return Err("no name, family and method".to_owned());
    };
    let base = name.split_once(':').map_or(name, |(base, _)| base);
    let name = Name::new(base).map_err(|why| format!("invalid interface name {}: {why}", display_name(name)))?;
    let method = match method {
        "static" => Method::Static,
        "dhcp" => Method::Dhcp,
        "auto" if family == "inet6" => Method::Auto,
        "manual" => Method::Manual,
        "loopback" => Method::Loopback,
        _ => return Err(format!("unknown method of {name}")),
    };
    Ok(Stanza { name, family: family.to_owned(), method, entries: Vec::new(), span })
}

/// Adds a line to the stanza that it belongs to.
fn option(mut place: StanzaPlace, word: &str, rest: &str, span: Span, findings: &mut Findings) -> StanzaPlace {
    match &mut place {
        StanzaPlace::Interface(stanza) if stanza.entries.len() < ENTRIES_MAX => {
            stanza.entries.push(StanzaOption { key: word.replace('_', "-"), value: rest.to_owned(), span });
        }
        StanzaPlace::Interface(stanza) => {
            let message = "the stanza has more than 10000 lines; stanza skipped";
            findings.report(&rules::BAD_STANZA, Some(span), stanza.name.as_str(), message);
            return StanzaPlace::Skipped;
        }
        StanzaPlace::Start => {
            let message = "lines before the first stanza; lines skipped";
            findings.report(&rules::BAD_STANZA, Some(span), "interfaces", message);
            return StanzaPlace::Skipped;
        }
        StanzaPlace::Skipped => {}
        StanzaPlace::SingleLine => {
            let message = "lines outside of an interface; lines ignored";
            findings.report(&rules::UNCONVERTED, Some(span), "interfaces", message);
            return StanzaPlace::Skipped;
        }
    }
    place
}
