//! Addresses in place of tokens whose value is not known before the machine boots.
//!
//! A plan has no tokens any more. Each token is therefore replaced with an address that the user-data does not contain,
//! so that every check sees an address, and the conversion finds the places where one is needed.

use std::collections::HashSet;

use crate::address_tokens::{Address, Addresses};
use crate::diagnostic::Finding;
use crate::document::Document;
use crate::plan::{Facts, Planned, Step};
use crate::user_data::Part;

/// The networks for benchmarks and documentation that the addresses are taken from.
const V4: &str = "198.18.";
const V6: &str = "2001:db8::";
/// No suffix is longer.
const LONGEST_SUFFIX: usize = 20;

/// The addresses that a conversion plans with.
#[derive(Debug)]
pub struct StandIns {
    addresses: Addresses,
    /// The kinds that are not known, each with its text.
    unknown: Vec<(Address, String)>,
    /// An address was known before.
    has_known: bool,
    /// The end of the marks in templates, which makes them differ from every text.
    suffix: String,
}

impl StandIns {
    /// Chooses addresses for the kinds that `known` lacks. No text of `texts` contains them.
    pub(super) fn choose<'t>(known: &Addresses, texts: impl IntoIterator<Item = &'t str>) -> Self {
        let mut used: HashSet<String> =
            Address::ALL.into_iter().filter_map(|kind| known.get(kind)).map(str::to_owned).collect();
        let mut needed: HashSet<Address> = HashSet::new();
        let mut marks: HashSet<String> = HashSet::new();
        for text in texts {
            for kind in Address::ALL {
                if text.contains(&format!("${}", kind.token())) {
                    needed.insert(kind);
                }
                let mark = format!("@{}", kind.variable());
                let ends =
                    text.match_indices(&mark).filter_map(|(at, _)| Some(text[at + mark.len()..].split_once('@')?.0));
                marks.extend(ends.filter(|end| end.len() <= LONGEST_SUFFIX).map(str::to_owned));
            }
            for (prefix, length) in [(V4, 7), (V6, 4)] {
                used.extend(
                    text.match_indices(prefix)
                        .filter_map(|(at, _)| text.get(at..at + prefix.len() + length))
                        .map(str::to_owned),
                );
            }
        }
        let mut free_4 = (100..=255)
            .flat_map(|a| (100..=255).map(move |b| format!("{V4}{a}.{b}")))
            .filter(|text| !used.contains(text));
        let mut free_6 = (0x1000..=0xffff).map(|group| format!("{V6}{group:x}")).filter(|text| !used.contains(text));
        let mut addresses = known.clone();
        let mut unknown = Vec::new();
        for kind in Address::ALL.into_iter().filter(|kind| known.get(*kind).is_none() && needed.contains(kind)) {
            let text = match kind {
                Address::PrivateV4 | Address::PublicV4 => free_4.next(),
                Address::PrivateV6 | Address::PublicV6 => free_6.next(),
            };
            // Only user-data of megabytes that is made for this uses all of them: then its tokens stay unknown.
            let Some(text) = text else { continue };
            addresses.insert(kind, &text);
            unknown.push((kind, text));
        }
        let mut suffixes = std::iter::once(String::new()).chain((1..).map(|number: usize| format!("_{number}")));
        let suffix = suffixes.find(|suffix| !marks.contains(suffix)).unwrap_or_default();
        Self { addresses, unknown, has_known: *known != Addresses::default(), suffix }
    }

    /// Reads `parts` with addresses for the kinds that `known` lacks. No part contains them, also not where it encodes a
    /// file.
    pub fn read(
        known: &Addresses,
        parts: &[Part],
        read: impl Fn(Part, &Addresses) -> Document,
    ) -> (Vec<Document>, Self) {
        let texts = || parts.iter().map(|part| part.text.as_str());
        let read = |chosen: &Self| parts.iter().map(|part| read(part.clone(), &chosen.addresses)).collect::<Vec<_>>();
        let chosen = Self::choose(known, texts());
        let documents = read(&chosen);
        if chosen.unknown.is_empty() {
            return (documents, chosen);
        }
        let steps: Vec<_> = documents.iter().flat_map(|document| document.plan(&Facts::default(), "").steps).collect();
        let chosen = Self::choose(known, texts().chain(steps.iter().filter_map(content)));
        (read(&chosen), chosen)
    }

    /// Returns true if an address was known before.
    pub const fn has_known(&self) -> bool {
        self.has_known
    }

    /// The end of the marks of addresses in templates.
    pub(super) fn placeholder_suffix(&self) -> &str {
        &self.suffix
    }

    /// The addresses to plan with.
    pub const fn addresses(&self) -> &Addresses {
        &self.addresses
    }

    /// Returns true if `text` has the place of an unknown address.
    pub fn is_in(&self, text: &str) -> bool {
        self.unknown.iter().any(|(_, stand_in)| text.contains(stand_in.as_str()))
    }

    /// Returns `text` with `write(kind)` in each place of an unknown address.
    pub fn replace(&self, text: &str, write: impl Fn(Address) -> String) -> String {
        let mut text = text.to_owned();
        for (kind, stand_in) in &self.unknown {
            if text.contains(stand_in.as_str()) {
                text = text.replace(stand_in.as_str(), &write(*kind));
            }
        }
        text
    }

    /// Returns `text` as its author wrote it, with tokens.
    pub fn restore(&self, text: &str) -> String {
        self.replace(text, |kind| format!("${}", kind.token()))
    }

    /// Writes tokens in place of stand-ins in the words of a finding.
    pub fn restore_finding(&self, finding: &mut Finding) {
        for words in std::iter::once(&mut finding.message).chain(&mut finding.help) {
            if self.is_in(words) {
                *words = self.restore(words);
            }
        }
    }

    /// The kinds of unknown addresses in `text`.
    pub fn kinds<'t>(&'t self, text: &'t str) -> impl Iterator<Item = Address> + 't {
        self.unknown.iter().filter(|(_, stand_in)| text.contains(stand_in.as_str())).map(|(kind, _)| *kind)
    }
}

/// The text of the file that a step writes.
fn content(planned: &Planned) -> Option<&str> {
    match &planned.step {
        Step::WriteFile(file) => std::str::from_utf8(file.content.expose()).ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address_tokens::substitute;

    #[test]
    fn a_stand_in_is_in_no_text() {
        let texts = ["a 198.18.100.100 198.18.100.1011 198.18.100.10", "2001:db8::1000", "198.18.", "é198.18.1é"];
        let chosen = StandIns::choose(&Addresses::default(), texts);
        assert!(texts.iter().all(|text| !chosen.is_in(text)));
        assert!(chosen.addresses() == &Addresses::default(), "no text has a token");
        let text = "http://$private_ipv4:80,$public_ipv4$private_ipv4 $public_ipv6 $private_ipv6";
        let chosen = StandIns::choose(&Addresses::default(), texts.into_iter().chain([text]));
        assert!(texts.iter().all(|text| !chosen.is_in(text)));
        assert_eq!(chosen.addresses().get(Address::PrivateV4), Some("198.18.100.102"));
        assert_eq!(chosen.addresses().get(Address::PrivateV6), Some("2001:db8::1001"));
        let planned = substitute(text, chosen.addresses());
        assert!(chosen.is_in(&planned.text) && planned.findings.is_empty());
        assert_eq!(chosen.restore(&planned.text), text);
        assert_eq!(chosen.kinds("198.18.100.102").collect::<Vec<_>>(), [Address::PrivateV4]);
    }

    #[test]
    fn a_mark_is_in_no_text() {
        let suffix = |text| StandIns::choose(&Addresses::default(), [text]).suffix;
        assert_eq!(suffix("@COREOS_PRIVATE_IPV4"), "");
        assert_eq!(suffix("a @COREOS_PRIVATE_IPV4@ @COREOS_PUBLIC_IPV6_1@ @COREOS_PUBLIC_IPV4_3@"), "_2");
    }

    #[test]
    fn a_known_address_has_none() {
        let mut known = Addresses::default();
        assert!(known.insert(Address::PublicV4, "203.0.113.9"));
        let chosen = StandIns::choose(&known, ["$public_ipv4 $private_ipv4"]);
        assert!(!chosen.is_in("203.0.113.9"));
        assert_eq!(substitute("$public_ipv4", chosen.addresses()).text, "203.0.113.9");
    }
}
